"""Self-pulsation of silicon rings and disks: range checks.

The publications are known here by their abstracts; the numbers of their devices are recalled, not read, and what is
not recalled is assumed, as the sources say; the volume of the disk's mode is chosen so that its threshold comes out.
They show that the model does what such devices do at powers and frequencies of that order, no more.
"""

import math

import jax.numpy as jnp
import numpy as np

from photonics_core.devices.nonlinear_resonator import NonlinearResonator
from photonics_core.devices.resonator import TURN, Resonator
from photonics_core.devices.resonator_trajectory import ResonatorState
from photonics_core.thermal_impedance import ThermalImpedance
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.nonlinear import pulsing, pulsing_ring
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

CASCADE = (
    "T. Van Vaerenbergh et al., Opt. Express 20, 20292 (2012), by its abstract; volumes, lifetimes and the share of "
    "absorption recalled, not checked; Q of 60 000 by the coupler and 120 000 by loss assumed"
)
MICRODISK = (
    "T. J. Johnson, M. Borselli, O. Painter, Opt. Express 14, 817 (2006): 60 uW, dips of some 100 ns, period close to "
    "1 us, by its abstract; loaded Q 3.5e5 and lifetimes of 0.5 ns and 5 us recalled, not checked; critical coupling, "
    "a mode of 3 um^3, half of the loss absorbed and the whole disk of 16.5 um^3 as heat capacity assumed"
)
CARRIERS_ONLY = (
    "Opt. Express 20, 7454 (2012), by its abstract: self-pulsation by carriers alone for lifetimes "
    "of several to several hundred ps, at several to above 10 GHz; the ring (R = 10 um, Q 1e5 twice) is ours"
)


def _disk() -> NonlinearResonator:
    light = TURN * SPEED_OF_LIGHT / 1.5
    cold = Resonator(2 * 7e5 / light, 2 * 7e5 / light)
    heat = ThermalImpedance.of_core(5e6, 16.5)
    return NonlinearResonator.of_silicon(cold, 1.5, 3.6, 3.0, heat, carrier_time=500.0, absorbed_share=0.5)


@case(
    "pulsation.subcritical_onset",
    source=f"{CASCADE}: subcritical onset for some wavelengths",
    kind="range",
    is_long=True,
)
@in_float64
def subcritical_onset() -> Evidence:
    """Swing of the power, over that sent in, which goes on at 94 % of the power at which the state turns unstable."""
    ring, detuning = pulsing_ring(), -0.001
    powers = np.geomspace(0.3, 1.5, 800)
    onset = powers[int(np.argmax(np.asarray(ring.steady_states(detuning, powers).oscillates).any(axis=1)))]
    last = pulsing(ring, detuning, 1.02 * onset, 20.0, 500_001).last
    power = 0.94 * onset
    if not np.all(np.asarray(ring.steady_states(detuning, power).stable)[0]):
        return Evidence(math.nan, (0.5, 1.05), 0.0)
    through = ring.drive(np.full(300_001, detuning), 20.0, math.sqrt(power), last).power[-25_000:] / power
    return Evidence(float(jnp.max(through) - jnp.min(through)), (0.5, 1.05), 0.0)


def _period(power: np.ndarray, step: float) -> tuple[float, float]:
    """Median period in ps, and part of the time below half of the swing."""
    middle = 0.5 * (np.max(power) + np.min(power))
    rises = np.flatnonzero((power[:-1] < middle) & (power[1:] >= middle))
    return float(np.median(np.diff(rises))) * step, float(np.mean(power < middle))


@case(
    "pulsation.thermal_pulsation",
    source=f"{CASCADE}; 8 to 14 MHz by an earlier integration",
    kind="range",
    is_long=True,
)
@in_float64
def thermal_pulsation() -> Evidence:
    """Frequency at 1 mW, the laser 4 GHz (32 pm) to the red."""
    run = pulsing(pulsing_ring(), -0.004, 1.0, 10.0, 100_001)
    return Evidence(1e6 / _period(np.asarray(run.power)[40_000:], 10.0)[0], (8.0, 14.0), 0.0, "MHz")


@case("pulsation.disk_threshold", source=f"{MICRODISK}; within a factor of three", kind="range", is_long=True)
@in_float64
def disk_threshold() -> Evidence:
    """Least power at which light pulses for some wavelength."""
    disk, detuning = _disk(), jnp.linspace(-0.15, 0.0, 301)
    powers = np.geomspace(0.01, 0.5, 41)
    with_pulses = (np.any(np.asarray(disk.steady_states(detuning, float(p)).oscillates)) for p in powers)
    found = next((p for p, pulses in zip(powers, with_pulses, strict=True) if pulses), math.nan)
    return Evidence(1e3 * float(found), (20.0, 180.0), 0.0, "uW")


@case("pulsation.disk_period", source=f"{MICRODISK}; within a factor of ten", kind="range", is_long=True)
@in_float64
def disk_period() -> Evidence:
    """Period at 0.2 mW, the laser 50 GHz to the red; some eight times shorter than measured."""
    disk, step = _disk(), 50.0
    warm = ResonatorState(1.0, 0.0, np.asarray([1.01 * -0.05 / float(disk.thermal_shift)]))
    run = disk.drive(np.full(300_001, -0.05), step, math.sqrt(0.2), warm)
    return Evidence(1e-3 * _period(np.asarray(run.power)[200_000:], step)[0], (100.0, 10_000.0), 0.0, "ns")


def _carriers_alone(lifetime: float) -> tuple[int, float]:
    """Number of oscillating states up to 100 mW, and the highest of their frequencies in GHz."""
    light = TURN * SPEED_OF_LIGHT / 1.55
    cold = Resonator(2 * 1e5 / light, 2 * 1e5 / light)
    device = NonlinearResonator.of_silicon(
        cold, 1.55, 4.2, TURN * 10.0 * 0.1, ThermalImpedance(0.0, 1e5), carrier_time=lifetime
    )
    detuning = np.concatenate([-np.geomspace(3e-4, 0.05, 60), np.geomspace(3e-4, 0.4, 150)])
    states = device.steady_states(detuning[:, None], np.asarray([[1.0, 10.0, 30.0, 100.0]]))
    pulses = np.asarray(states.oscillates)
    return int(np.sum(pulses)), 1e3 * float(np.max(np.asarray(states.frequency)[pulses], initial=0.0))


@case("pulsation.carrier_pulsation", source=CARRIERS_ONLY, kind="range", is_long=True)
@in_float64
def carrier_pulsation() -> Evidence:
    """Highest frequency with a lifetime of 100 ps and without heat."""
    return Evidence(_carriers_alone(100.0)[1], (2.0, 15.0), 0.0, "GHz")


@case("pulsation.carrier_lifetimes", source=CARRIERS_ONLY, kind="range", is_long=True)
@in_float64
def carrier_lifetimes() -> Evidence:
    """States that pulse with lifetimes of 1 ps and 3 ns, of which there should be none."""
    return Evidence(_carriers_alone(1.0)[0] + _carriers_alone(3000.0)[0], 0.0, 0.0)
