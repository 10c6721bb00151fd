"""Light that moves its own resonance: limits, conservation, branches and their stability, slow sweeps."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from photonics_core.devices.carrier_effects import LinearCarriers
from photonics_core.devices.nonlinear_resonator import PLANCK, NonlinearResonator
from photonics_core.devices.resonator import TURN, Resonator
from photonics_core.devices.resonator_trajectory import ResonatorState, ResonatorTrajectory, flat_state, state_of
from photonics_core.devices.shifted_resonance import ShiftedResonance
from photonics_core.thermal_impedance import ThermalImpedance
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Absent, Evidence, case


def pulsing_ring() -> NonlinearResonator:
    """A ring of the kind that self-pulsates by heat and carriers (T. Van Vaerenbergh et al.; see `pulsation`)."""
    light = TURN * SPEED_OF_LIGHT / 1.5527
    return NonlinearResonator.of_silicon(
        Resonator(2 * 6e4 / light, 2 * 1.2e5 / light),
        1.5527,
        3.476,
        2.59,
        ThermalImpedance.of_core(65e3, 3.19),
        carrier_volume=2.36,
        carrier_time=5300.0,
        absorbed_share=0.4,
        carrier_cross_section=1e-9,
    )


def _warm() -> NonlinearResonator:
    """Heat alone, by a quick way and a slow one."""
    heat = ThermalImpedance([2.0, 6.0], [2e3, 5e3])
    return NonlinearResonator(Resonator(40.0, 60.0, 200.0), thermal_shift=-0.01, absorbed_share=0.5, impedance=heat)


def _random(number: int, seed: int) -> tuple[Any, jax.Array, jax.Array]:
    """Devices with all effects at once, detunings and powers."""
    random = np.random.default_rng(seed)

    def spread(low: float, high: float) -> jax.Array:
        return jnp.asarray(np.exp(random.uniform(np.log(low), np.log(high), number)))

    cold = jax.vmap(Resonator)(spread(20, 400), spread(20, 400), spread(50, 1000))
    heat = jax.vmap(ThermalImpedance)(
        jnp.stack([spread(2, 100), spread(2, 100)], 1), jnp.stack([spread(300, 3e3), spread(1e3, 1e4)], 1)
    )
    carriers = jax.vmap(LinearCarriers)(spread(3e-8, 3e-7), spread(3e-8, 1e-6))
    devices = jax.vmap(NonlinearResonator)(
        cold, spread(3e-6, 1e-4), spread(200, 5e3), spread(30, 3e3), carriers, -spread(1e-6, 1e-4),
        -spread(3e-3, 3e-2), spread(0.1, 1), heat,
    )  # fmt: skip
    power = spread(0.1, 30.0)
    width = jax.vmap(lambda each: each.bandwidth)(cold)
    return devices, width * jnp.asarray(random.uniform(-8, 4, number)), power


def _states_of(devices: Any, detuning: jax.Array, power: jax.Array) -> Any:
    return jax.jit(jax.vmap(lambda each, d, p: each.steady_states(d, p)))(devices, detuning, power)


@case(
    "nonlinear.bistability",
    source="Cardano's roots of one shift in proportion to the energy",
    kind="analytic",
    is_long=True,
)
@in_float64
def bistability() -> Evidence:
    """Largest relative difference of energies at 3000 detunings and powers, infinite if a state more or less."""
    device, random = _warm(), np.random.default_rng(1)
    theory = ShiftedResonance(device.resonator, -0.01 * 8.0 * 0.5 * 2.0 / 60.0)
    detuning, power = random.uniform(-0.15, 0.05, 3000), random.uniform(0.0, 6.0, 3000) * float(theory.onset_power)
    found, exact = (
        np.asarray(device.steady_states(detuning, power).energy)[:, :3],
        np.asarray(theory.energies(detuning, power)),
    )
    if not np.array_equal(np.isfinite(found), np.isfinite(exact)):
        return Evidence(math.inf, 0.0, 1e-10)
    return Evidence(float(np.nanmax(np.abs(found / exact - 1.0))), 0.0, 1e-10)


@case(
    "nonlinear.onset",
    source="closed form 4 / (3 sqrt 3) of one shift in proportion to the energy",
    kind="analytic",
    is_long=True,
)
@in_float64
def onset() -> Evidence:
    """Shift that the cold ring's light on resonance would make, over the full width, from which on there are folds."""
    warm, light = _warm(), abs(complex(_warm().resonator.amplitude(0.0))) ** 2
    low, high = 0.01, 10.0
    for _ in range(40):
        power = math.sqrt(low * high)
        low, high = (low, power) if np.isfinite(np.asarray(warm.folds(power)[0])).any() else (power, high)
    held = 2.0 * 0.5 / 60.0 * light * high
    moved = 0.01 * 8.0 * held
    return Evidence(moved / float(warm.resonator.bandwidth), 4.0 / (3.0 * math.sqrt(3.0)), 1e-6)


@case(
    "nonlinear.branches", source="real roots of the polynomial of degree seven (NumPy)", kind="analytic", is_long=True
)
@in_float64
def branches() -> Evidence:
    """Operating points of 2000 random devices at which the number of states is another."""
    devices, detuning, power = _random(2000, 5)
    found = np.sum(np.asarray(_states_of(devices, detuning, power).exists), axis=1)
    wrong = 0
    for k in range(2000):
        device = jax.tree.map(lambda leaf, k=k: np.asarray(leaf)[k], devices)
        wrong += found[k] != _real_roots(device, float(detuning[k]), float(power[k]))
    return Evidence(int(wrong), 0.0, 0.0)


def _real_roots(device: NonlinearResonator, detuning: float, power: float) -> int:
    """Number of energies above zero that solve U (r^2 + (2 pi (d - s))^2) = 2 P / tau_e."""
    rate = float(device.resonator.rate)
    unit = 2.0 * power / float(device.resonator.input_time) / rate**2
    two_photon = float(device.two_photon_loss) * unit
    pairs = float(device.carrier_yield) * float(device.carrier_time) * two_photon * unit
    x, carriers = np.polynomial.Polynomial([0.0, 1.0]), device.carriers
    lost = two_photon * x + carriers.loss * pairs * x**2  # pyright: ignore[reportAttributeAccessIssue]
    heat = unit * x * (2.0 * float(device.absorbed_share) / float(device.resonator.loss_time) + lost)
    warm = float(device.thermal_shift) * float(np.sum(device.impedance.resistance))
    blue = carriers.shift_slope * pairs  # pyright: ignore[reportAttributeAccessIssue]
    shift = float(device.kerr_shift) * unit * x + blue * x**2 + warm * heat
    whole = x * ((1.0 + 0.5 * lost / rate) ** 2 + (TURN / rate) ** 2 * (detuning - shift) ** 2) - 1.0
    roots = whole.roots()
    return int(np.sum((np.abs(roots.imag) < 1e-7 * np.abs(roots)) & (roots.real > 0.0)))


def _compared(number: int, seed: int) -> tuple[int, int, int]:
    """States compared, how many of them are unstable, and how many the time domain disagrees with."""
    devices, detuning, power = _random(number, seed)
    states = _states_of(devices, detuning, power)
    which, branch = np.nonzero(np.asarray(states.exists))
    starts = ResonatorState(*(part[which, branch] for part in (states.amplitude, states.carriers, states.heat)))
    values: Any = np.asarray(states.eigenvalues)[which, branch]
    step, count = 0.5 / np.max(np.abs(values), axis=-1), 60_000
    expected = np.max(values.real, axis=-1) * step * count

    @jax.jit
    @jax.vmap
    def grown(device: Any, d: jax.Array, p: jax.Array, start: ResonatorState, step: jax.Array) -> jax.Array:
        """Distance from the state at the end, over that at the beginning."""
        moved = ResonatorState(start.amplitude * (1.0 + 1e-7), start.carriers * (1.0 - 2e-7), start.heat * (1.0 + 1e-7))
        last = device.drive(jnp.full(count, d), step, jnp.sqrt(p), moved).last
        size = [jnp.max(jnp.abs(y)) for y in start]
        return (
            jnp.max(jnp.stack([jnp.max(jnp.abs(y - at)) / s for y, at, s in zip(last, start, size, strict=True)]))
            / 2e-7
        )

    chosen = jax.tree.map(lambda leaf: jnp.asarray(leaf)[which], devices)
    found = np.asarray(grown(chosen, detuning[which], power[which], starts, jnp.asarray(step)))
    # Where it grows or falls by less than e^5 in this time, the end says little.
    clear = np.abs(expected) > 5.0
    wrong = (found > 1.0) != (expected > 0.0)
    return int(np.sum(clear)), int(np.sum(clear & (expected > 0.0))), int(np.sum(clear & wrong))


@case(
    "nonlinear.stability",
    source="Jacobian beside the time domain: all states of 400 random devices, pushed by 1e-7 and left alone",
    kind="analytic",
    is_long=True,
)
@in_float64
def stability() -> Evidence:
    """States at which the two disagree; at least 300 are compared, of which 50 are unstable."""
    compared, unstable, wrong = _compared(400, 17)
    return Evidence(wrong if compared >= 300 and unstable >= 50 else math.inf, 0.0, 0.0)


def pulsing(device: NonlinearResonator, detuning: float, power: float, step: float, count: int) -> ResonatorTrajectory:
    """From beside the oscillating state."""
    states = device.steady_states(detuning, power)
    start = states.state(int(np.argmax(np.asarray(states.oscillates))))
    return device.drive(np.full(count, detuning), step, math.sqrt(power), start._replace(carriers=1.1 * start.carriers))


def _integral(values: Any, step: float) -> float:
    """By Simpson's rule, an odd number of samples."""
    values = np.asarray(values)
    return float(step / 3.0 * (values[0] + values[-1] + 4.0 * values[1:-1:2].sum() + 2.0 * values[2:-1:2].sum()))


@case(
    "nonlinear.energy",
    source="power in - through - scattered - heat = dU/dt over pulsing light",
    kind="analytic",
    is_long=True,
)
@in_float64
def energy() -> Evidence:
    """What is missing over 240 ns, over all that was absorbed."""
    ring = pulsing_ring()
    run = pulsing(ring, -0.004, 1.0, 4.0, 60_001)
    heat = ring.absorbed_power(run.energy, run.carriers)
    scattered = 2.0 * 0.6 / ring.resonator.loss_time * run.energy
    gone = _integral(1.0 - run.power - heat - scattered, 4.0) - float(run.energy[-1] - run.energy[0])
    return Evidence(gone / _integral(heat, 4.0), 0.0, 1e-6)


@case(
    "nonlinear.pairs",
    source="pairs made = two-photon energy / (2 h nu), over pulsing light",
    kind="analytic",
    is_long=True,
)
@in_float64
def pairs() -> Evidence:
    """Relative difference over 240 ns."""
    ring = pulsing_ring()
    run = pulsing(ring, -0.004, 1.0, 4.0, 60_001)
    made = (float(run.carriers[-1] - run.carriers[0]) + _integral(run.carriers, 4.0) / 5300.0) * 2.36
    absorbed = _integral(ring.two_photon_loss * run.energy**2, 4.0)
    return Evidence(made * 2.0 * PLANCK * SPEED_OF_LIGHT / 1.5527 / absorbed - 1.0, 0.0, 1e-6)


@case(
    "nonlinear.order",
    source="exponential steps of 16 and 8 ps against 0.5 ps, pulsing light",
    kind="analytic",
    is_long=True,
)
@in_float64
def order() -> Evidence:
    """Exponent with which the error of the field falls."""
    ends = [pulsing(pulsing_ring(), -0.004, 1.0, h, round(4000 / h) + 1).last.amplitude for h in (16.0, 8.0, 0.5)]
    coarse, fine = (abs(complex(each - ends[-1])) for each in ends[:2])
    return Evidence(math.log2(coarse / fine), 4.0, 0.5)


@case(
    "nonlinear.waveform",
    source="SciPy's DOP853 at rtol 1e-10, 20 ns of pulsing light, steps of 2 ps",
    kind="peer",
    is_long=True,
)
@in_float64
def waveform() -> Evidence:
    """Largest error of the power through in mW."""
    ring = pulsing_ring()
    run = pulsing(ring, -0.004, 1.0, 2.0, 10_001)
    start = flat_state(ResonatorState(run.amplitude[0], run.carriers[0], run.heat[0]))
    rates = jax.jit(lambda y: flat_state(ring.derivative(state_of(y), -0.004, 1.0)))
    times = 2.0 * np.arange(0, 10_001, 100)
    solved = solve_ivp(
        lambda t, y: np.asarray(rates(y)), (0, times[-1]), np.asarray(start), "DOP853", times, rtol=1e-10, atol=1e-12
    )
    through = 1.0 + 1j * math.sqrt(2.0 / ring.resonator.input_time) * (solved.y[0] + 1j * solved.y[1])
    return Evidence(float(np.max(np.abs(np.abs(through) ** 2 - np.asarray(run.power)[::100]))), 0.0, 1e-7, "mW")


@case(
    "nonlinear.implicit",
    source="implicit steps (diffrax) beside exponential ones, 20 ns from cold",
    kind="peer",
    is_long=True,
)
@in_float64
def implicit() -> Evidence:
    """Largest difference of the power through in mW."""
    ring, times = pulsing_ring(), np.linspace(0.0, 2e4, 101)
    fixed = ring.drive(np.full(10_001, -0.004), 2.0, 1.0)
    followed = _followed(ring, times, np.full(101, -0.004), 1.0, 1e-8)
    return Evidence(float(np.max(np.abs(np.asarray(followed.power - fixed.power[::100])))), 0.0, 1e-5, "mW")


def _followed(device: NonlinearResonator, times: Any, detuning: Any, source: float, rtol: float) -> ResonatorTrajectory:
    try:
        return device.follow(times, detuning, source, rtol=rtol, atol=1e-2 * rtol)
    except ImportError as reason:
        raise Absent(str(reason)) from None


@functools.cache
def _late(duration: float) -> tuple[float, float, float]:
    """By how many THz a sweep over 0.16 THz jumps after its fold, on the way out and back, and the folds' distance."""
    device, ends = _warm(), (0.02, -0.14)
    low, high = np.sort(np.asarray(device.folds(4.0)[0])[:2])
    # Closely spaced where the jumps are: out beyond the lower fold, back beyond the higher one.
    out = np.concatenate([np.linspace(ends[0], low + 0.002, 100), np.linspace(low + 0.0019, low - 0.006, 4000)])
    back = np.concatenate([np.linspace(ends[1], high - 0.002, 100), np.linspace(high - 0.0019, high + 0.006, 4000)])
    detuning = np.concatenate([out, back, ends[:1]])
    times = np.concatenate([ends[0] - out, ends[0] - ends[1] + back - ends[1], [2.0 * (ends[0] - ends[1])]])
    held = np.asarray(_followed(device, times * duration / 0.16, detuning, 2.0, 1e-7).energy)
    change, middle = np.diff(held), 0.5 * (detuning[1:] + detuning[:-1])
    there, again = 100 + np.argmin(change[100:4098]), 4201 + np.argmax(change[4201:8198])
    return float(low - middle[there]), float(middle[again] - high), float(high - low)


@case(
    "nonlinear.slow_sweep",
    source="folds of the steady states; a sweep of 0.16 THz in 64 us",
    kind="analytic",
    is_long=True,
)
@in_float64
def slow_sweep() -> Evidence:
    """By how much the later of the two jumps misses its fold, over the distance of the folds."""
    out, back, distance = _late(6.4e7)
    return Evidence(max(abs(out), abs(back)) / distance, 0.0, 0.01)


@case(
    "nonlinear.sweep_speed",
    source="a fold that is passed at a speed v is left late by v^(2/3)",
    kind="analytic",
    is_long=True,
)
@in_float64
def sweep_speed() -> Evidence:
    """The exponent, from sweeps of 0.16 THz in 128 and 512 us, at the jump on the way back."""
    return Evidence(math.log(_late(1.28e8)[1] / _late(5.12e8)[1]) / math.log(4.0), 2.0 / 3.0, 0.05)
