"""Ring modulators as they are designed: gradients from the gap to the voltage, and errors of input."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.closure import tdecq
from photonics_core.coupling_map import CouplingMap
from photonics_core.devices.backscatter import SplitResonance
from photonics_core.devices.drawn_coupler import DrawnCoupler
from photonics_core.devices.modulator import RingModulator
from photonics_core.devices.resonator import Resonator
from photonics_core.devices.ring import AllPassRing
from photonics_core.doped_guide import DopedGuide
from photonics_core.index import LinearIndex
from photonics_core.junction import PNJunction
from photonics_core.signals import PAM4, drive_waveform, gray_encode, prbs
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

WL = 1.31
#: Gap in um, doping of both sides in 1e18 cm^-3, wavelength of the laser less the best one in nm, and swing in V; and
#: steps of each, short of where the histograms of TDECQ change their place.
POINT = np.array([0.15, 2.0, 0.0, 1.5])
STEPS = np.array([2.5e-4, 2.5e-3, 2.5e-4, 5e-3])


def _modulator(gap: Any, doping: Any) -> RingModulator:
    """A ring whose coupler is drawn: kappa is 0.14 rad/um at a gap of 0.15 um and falls by e in 0.11 um."""
    bounds = (("gap", (0.1, 0.5)), ("temperature", (300.0, 300.0)), ("wl", (1.25, 1.36)))
    law = np.array([math.log(0.14) - 0.15 / 0.11, -0.2 / 0.11])
    coupler = DrawnCoupler(CouplingMap(law.reshape(2, 1, 1), {}, bounds, 0.0), gap, radii=(math.inf, 7.5))
    index = LinearIndex(2.5, 3.9, wl0=WL, thermo_optic=1.9e-4, loss_db_cm=3.0)
    guide = DopedGuide(PNJunction(1e18 * doping, 1e18 * doping), 0.95)
    return RingModulator(AllPassRing(7.5, coupler, index), guide)


def _difference(figures: Any, which: int) -> float:
    """Largest relative difference of the derivative of a figure from extrapolated central differences."""
    compiled = jax.jit(figures)
    unit = np.eye(np.size(compiled(POINT)))[which]
    exact = np.asarray(jax.jit(lambda x: jax.vjp(figures, x)[1](jnp.asarray(unit))[0])(POINT))

    def slopes(scale: float) -> np.ndarray:
        sides = [[compiled(POINT + side * move)[which] for move in np.diag(STEPS)] for side in (scale, -scale)]
        return np.subtract(*np.asarray(sides)) / (2.0 * scale * STEPS)

    return float(np.max(np.abs(exact / ((4.0 * slopes(0.5) - slopes(1.0)) / 3.0) - 1.0)))


@functools.cache
def _eye() -> Any:
    """OMA outer in mW and TDECQ in dB of 127 PAM4 symbols at 53 GBd, as a function of `POINT`."""
    levels, start = gray_encode(prbs(7, 254)), _modulator(*POINT[:2])
    laser = float(start.best_laser(WL, (0.0, POINT[3])))
    static = start.modulation(laser, (0.0, POINT[3]))
    sent = levels if static.second > static.first else 3 - levels

    def figures(x: jax.Array) -> jax.Array:
        drive = {"rise_time": 6.0, "swing": x[3], "bias": 0.5 * x[3], "levels": PAM4}
        out, _ = _modulator(x[0], x[1]).drive(*drive_waveform(levels, 53.125, 8, **drive), laser + 1e-3 * x[2])
        closure = tdecq(out.real**2 + out.imag**2, sent)
        return jnp.stack([closure.oma_outer, closure.tdecq_db])

    return figures


GAP_TO_VOLTAGE = "extrapolated central differences in gap, doping, detuning and voltage"


@case("modulator.gradient_oma", source=GAP_TO_VOLTAGE, kind="analytic", is_long=True)
@in_float64
def gradient_oma() -> Evidence:
    """Largest relative difference of the derivatives of the outer OMA of a PAM4 eye."""
    return Evidence(_difference(_eye(), 0), 0.0, 1e-5)


@case("modulator.gradient_tdecq", source=GAP_TO_VOLTAGE, kind="analytic", is_long=True)
@in_float64
def gradient_tdecq() -> Evidence:
    """Largest relative difference of the derivatives of TDECQ of the same eye."""
    return Evidence(_difference(_eye(), 1), 0.0, 1e-5)


@case("modulator.gradient_bandwidth", source=GAP_TO_VOLTAGE, kind="analytic", is_long=True)
@in_float64
def gradient_bandwidth() -> Evidence:
    """Largest relative difference of the derivatives of the 3 dB bandwidth in the middle of the swing."""
    laser = float(_modulator(*POINT[:2]).best_laser(WL, (0.0, POINT[3])))

    def figures(x: jax.Array) -> jax.Array:
        return _modulator(x[0], x[1]).electro_optic_bandwidth(laser + 1e-3 * x[2], 0.5 * x[3])[None]

    return Evidence(_difference(figures, 0), 0.0, 1e-5)


BAD_INPUT = (
    (lambda: PNJunction(-1e17, 1e18), "acceptors_cm3 = -1e+17 cm^-3 is outside [1e+15, 1e+20]"),
    (lambda: _modulator(0.15, 2.0).transmission(WL, 40.0), "voltage = 40 V of reverse bias is outside [-0.4"),
    (lambda: _modulator(0.15, 2.0).transmission(WL, -2.0), "voltage = -2 V of reverse bias is outside [-0.4"),
    (lambda: drive_waveform([0, 1], 53.125, 0, rise_time=6.0), "samples_per_symbol = 0 is outside (0, inf)"),
    (lambda: prbs(8), "order = 8 is not one of 7, 9, 11, 13, 15, 23, 31"),
    (lambda: _modulator(0.01, 2.0), "gap = 0.01 um is outside [0.1, inf)"),
    (lambda: _modulator(0.15, 2.0).drive([0.0, 1.0], 0.0, WL), "step = 0 ps is outside (0, inf)"),
    (lambda: SplitResonance(Resonator(10.0, 40.0), 0.1, 0.0), "is outside [0, 2 / loss_time] = [0, 0.05]"),
)


@case("modulator.bad_input", source="an error for each that gives argument, value and range", kind="analytic")
@in_float64
def bad_input() -> Evidence:
    """Inputs that were named: doping, breakdown, forward bias, samples, pattern, gap, step, scattering with gain."""
    named = 0
    for call, text in BAD_INPUT:
        try:
            call()
        except ValueError as error:
            named += text in str(error)
    return Evidence(float(named), float(len(BAD_INPUT)), 0.0)
