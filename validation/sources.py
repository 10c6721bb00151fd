"""Lasers: VCSELs against closed forms, the solver in time and a published energy; combs and rows of lasers."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.laser import CombLaser, LaserArray, cw_wdm_spacing_ghz, envelope_of_gain
from photonics_core.devices.vcsel import Vcsel
from photonics_core.devices.vcsel_response import (
    d_factor,
    relaxation_frequency,
    vcsel_bandwidth,
    vcsel_rin,
    vcsel_small_signal,
    vcsel_transient,
)
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

CURRENTS = np.array([0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 15.0])


@functools.cache
def _ideal() -> Vcsel:
    """No heat, no compression, next to no spontaneous emission in the mode."""
    return dataclasses.replace(Vcsel(), thermal_resistance=0.0, compression=0.0, beta=1e-9)


@case(
    "sources.vcsel_threshold_and_slope",
    source="eta_i eta_o h nu / q (I - I_th), closed form",
    kind="analytic",
    is_long=True,
)
@in_float64
def vcsel_threshold_and_slope() -> Evidence:
    """Largest relative difference of the light from the straight line without heat and compression."""
    ideal = _ideal()
    line = float(ideal.slope_efficiency()) * (CURRENTS[2:] - float(ideal.threshold_current()))
    return Evidence(float(np.max(np.abs(np.asarray(ideal.power(CURRENTS))[2:] / line - 1.0))), 0.0, 1e-6)


@case("sources.vcsel_resonance", source="f_R = D sqrt(I - I_th) by the linearised rate equations", kind="analytic")
@in_float64
def vcsel_resonance() -> Evidence:
    """Largest relative difference of the relaxation oscillation from the closed form, in the same limit."""
    ideal = _ideal()
    closed = float(d_factor(ideal)) * np.sqrt(CURRENTS[2:] - float(ideal.threshold_current()))
    found = np.asarray(relaxation_frequency(ideal, CURRENTS))[2:]
    return Evidence(float(np.max(np.abs(found / closed - 1.0))), 0.0, 1e-6)


@case("sources.vcsel_balance", source="each injected carrier is light, or recombines, or escapes", kind="analytic")
@in_float64
def vcsel_balance() -> Evidence:
    """Largest part of the injected carriers that is not accounted for at rest, heat and all, 280 to 358 K."""
    vcsel, worst = Vcsel(), 0.0
    for ambient in (280.0, 300.0, 358.0):
        at = vcsel.operating_point(CURRENTS, ambient)
        out = at.photons / (vcsel.photon_lifetime * vcsel.confinement)
        seed = vcsel.beta * vcsel.spontaneous(at.carriers)
        kept = np.asarray(out - seed + vcsel.losses(at.carriers, at.temperature)) / np.asarray(vcsel.pump(CURRENTS))
        up, more = vcsel.rates(at.carriers, at.photons, at.temperature, jnp.asarray(CURRENTS))
        rest = np.maximum(np.abs(np.asarray(up)), np.abs(np.asarray(more))) / np.asarray(vcsel.pump(CURRENTS))
        worst = max(worst, float(np.max(np.abs(kept - 1.0))), float(np.max(rest)))
    return Evidence(worst, 0.0, 1e-10)


@case(
    "sources.vcsel_rollover", source="dP/dI = 0 at the maximum, the power falls past it", kind="analytic", is_long=True
)
@in_float64
def vcsel_rollover() -> Evidence:
    """dP/dI in mW/mA at the maximum of the light-current curve; not a number if the power does not fall past it."""
    vcsel = Vcsel()
    at, top = vcsel.rollover(20.0)
    past = float(vcsel.power(at + 2.0))
    return Evidence(float(vcsel.differential_efficiency(at)) if past < float(top) else math.nan, 0.0, 1e-9, "mW/mA")


@case(
    "sources.vcsel_small_signal",
    source="the solver in time with a sine of 1e-4 of the bias",
    kind="analytic",
    is_long=True,
)
@in_float64
def vcsel_response_in_time() -> Evidence:
    """Difference of the response from that of the solver in time at 20 GHz, relative to that at no frequency."""
    vcsel = Vcsel().unheated()
    phase = 2.0 * np.pi * np.arange(128) / 128
    light = vcsel_transient(vcsel, 3.0 + 3e-4 * np.cos(phase), 50.0 / 128, periods=60)
    found = 2.0 * np.mean(np.asarray(light) * np.exp(1j * phase)) / 3e-4
    static = float(vcsel.differential_efficiency(3.0))
    expected = static * complex(np.asarray(vcsel_small_signal(vcsel, 3.0, 0.02)))
    return Evidence(float(abs(found - expected)) / static, 0.0, 3e-6)


@case("sources.vcsel_shot_noise", source="2 h nu / P at high frequency", kind="analytic")
@in_float64
def vcsel_shot_noise() -> Evidence:
    """Relative intensity noise at 1000 THz over the shot noise of the light."""
    vcsel = Vcsel()
    shot = 2.0 * float(vcsel.photon_energy) / float(vcsel.power(5.0))
    return Evidence(float(vcsel_rin(vcsel, 5.0, 1e3)) / shot, 1.0, 1e-6)


@case("sources.vcsel_gradient", source="central differences", kind="analytic", is_long=True)
@in_float64
def vcsel_gradient() -> Evidence:
    """Largest relative difference of derivatives of bandwidth and power by current, temperature and aperture."""
    worst = 0.0
    for current in (0.8, 6.0):

        def figures(x: jax.Array) -> jax.Array:
            vcsel = Vcsel().scaled(7.0 * x[2])
            return jnp.stack([1e2 * vcsel_bandwidth(vcsel, x[0], 300.0 * x[1]), vcsel.power(x[0], 300.0 * x[1])])

        x = np.array([current, 1.0, 1.0])
        slope = np.asarray(jax.jacfwd(figures)(jnp.asarray(x)))
        for k, step in enumerate(1e-5 * np.eye(3)):
            ends = (np.asarray(figures(jnp.asarray(x + sign * step))) for sign in (1.0, -1.0))
            difference = (next(ends) - next(ends)) / 2e-5
            worst = max(worst, float(np.max(np.abs(slope[:, k] / difference - 1.0))))
    return Evidence(worst, 0.0, 1e-6)


@case(
    "sources.vcsel_energy_per_bit",
    source="56 fJ/bit at 25 Gb/s, 850 nm (P. Moser, thesis, TU Berlin (2015), abstract); a factor of 1.5 either way",
    kind="range",
)
@in_float64
def vcsel_energy_per_bit() -> Evidence:
    """Electrical energy in fJ per bit of 3.5 um at 25 Gb/s, biased for a bandwidth of 0.8 of the bit rate."""
    vcsel = Vcsel().scaled(3.5)
    currents = np.linspace(0.4, 1.2, 16)
    bias = float(np.interp(0.02, np.asarray(vcsel_bandwidth(vcsel, currents)), currents))
    return Evidence(float(vcsel.energy_per_bit(bias, 25.0)), (56.0 / 1.5, 56.0 * 1.5), 0.0, "fJ")


@case("sources.comb_partition", source="lines together have the noise of the sum", kind="analytic")
@in_float64
def comb_partition() -> Evidence:
    """Noise in dB/Hz of all lines of a comb on one detector."""
    comb = CombLaser(
        1.31, 200.0, 80.0, envelope_of_gain(1.31, 200.0, 8, 12.0), total_rin_db_hz=-152.0, rin_db_hz=-133.0
    )
    shares = np.asarray(comb.shares())
    return Evidence(10.0 * math.log10(shares @ np.asarray(comb.noise_matrix()) @ shares) - 120.0, -152.0, 1e-8, "dB/Hz")


@case(
    "sources.dfb_drift",
    source="85 to 100 pm/K (IEEE 802.3 10G study group's mailing list, October 2000)",
    kind="range",
)
@in_float64
def dfb_drift() -> Evidence:
    """Drift in pm/K of lines of a row of lasers as set."""
    row = LaserArray.on_grid(1.31, cw_wdm_spacing_ghz(8, 9), 8, 10.0)
    drift = (np.asarray(row.wavelengths(310.0)) - np.asarray(row.wavelengths(300.0))) * 1e5
    return Evidence(float(np.max(drift)), (85.0, 100.0), 1e-6, "pm/K")
