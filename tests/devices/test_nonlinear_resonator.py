"""A resonator that its own light moves and damps: limits, conservation, pulses, sweeps."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from photonics_core import (
    NonlinearResonator,
    Resonator,
    ResonatorState,
    ShiftedResonance,
    SiliconCarriers,
    ThermalImpedance,
)
from photonics_core.units import SPEED_OF_LIGHT

COLD = Resonator(40.0, 60.0, 200.0)
TURN = 2.0 * math.pi
LIGHT = TURN * SPEED_OF_LIGHT / 1.55
# A silicon ring of the kind whose light pulses by itself: volumes and lifetimes as recalled for T. Van Vaerenbergh et
# al., Opt. Express 20, 20292 (2012); Q of 60 000 by the coupler and 120 000 by loss are assumed.
RING = NonlinearResonator.of_silicon(
    Resonator(2 * 6e4 / LIGHT, 2 * 1.2e5 / LIGHT),
    1.55,
    3.476,
    2.59,
    # One part, and one of nothing, so that all devices here are compiled for once.
    ThermalImpedance([float(ThermalImpedance.of_core(65e3, 3.19).total), 0.0], [65e3, 1e3]),
    carrier_volume=2.36,
    carrier_time=5300.0,
    absorbed_share=0.4,
    carrier_cross_section=1e-9,
)
# The same heat by two ways, one quick and one slow.
SLOW = NonlinearResonator(
    COLD, thermal_shift=-0.01, absorbed_share=0.5, impedance=ThermalImpedance([2.0, 6.0], [2e3, 5e3])
)


NO_HEAT = ThermalImpedance([0.0, 0.0], [1e5, 1e4])


@pytest.fixture(scope="module")
def pulsing():
    """A stretch of pulsing light, from a state beside the unstable one, at equal steps of 4 ps."""
    states = RING.steady_states(-0.004, 1.0)
    index = int(np.argmax(np.asarray(states.oscillates)))
    start = states.state(index)
    start = start._replace(carriers=1.2 * start.carriers)
    return start, RING.drive(np.full(60_001, -0.004), 4.0, 1.0, start)


@pytest.mark.slow
def test_without_nonlinearity_it_is_the_resonator():
    plain, d = NonlinearResonator(COLD, impedance=NO_HEAT), np.linspace(-0.05, 0.05, 400)
    states = plain.steady_states(d, 2.0)
    assert np.all(np.sum(np.asarray(states.exists), axis=-1) == 1)
    amplitude = math.sqrt(2.0) * COLD.amplitude(d)
    np.testing.assert_allclose(states.amplitude[:, 0], amplitude, rtol=1e-12)
    # Poles of the field, of carriers and of heat.
    poles = np.sort_complex(np.asarray(states.eigenvalues[80, 0]))
    rate, turn = float(COLD.rate), TURN * d[80]
    exact = [-rate - 1j * turn, -rate + 1j * turn, -1e-3, -1e-4, -1e-5]
    np.testing.assert_allclose(poles, np.sort_complex(exact), atol=1e-14)
    wave = 0.02 * np.sin(np.arange(200) * 0.05)
    expected, inside = COLD.drive(wave, 2.0, start=0.1j)
    start = ResonatorState(0.1j, 0.0, np.zeros(2))
    moved = plain.drive(wave, 2.0, start=start)
    np.testing.assert_allclose(moved.through, expected, atol=2e-6)
    np.testing.assert_allclose(moved.amplitude, inside, atol=2e-5)


def test_what_goes_in_comes_out_is_absorbed_or_stored(pulsing):
    """Power in less through, scatter and heat is dU/dt; pairs made are two-photon energy over two quanta."""
    _, run = pulsing
    energy, carriers = np.asarray(run.energy), np.asarray(run.carriers)
    heat = np.asarray(RING.absorbed_power(energy, carriers))
    scattered = 2.0 * (1.0 - 0.4) / float(RING.resonator.loss_time) * energy
    balance = integral(1.0 - np.asarray(run.power) - heat - scattered, 4.0)
    assert balance == pytest.approx(energy[-1] - energy[0], abs=1e-6 * integral(heat, 4.0))
    two_photon = integral(float(RING.two_photon_loss) * energy**2, 4.0)
    pairs = (carriers[-1] - carriers[0] + integral(carriers, 4.0) / 5300.0) * 2.36
    quantum = 6.62607015e-34 * 299792458.0 / 1.55e-6 * 1e15
    np.testing.assert_allclose(2.0 * quantum * pairs, two_photon, rtol=1e-6)
    stored = float(run.temperature[-1] - run.temperature[0]) + integral(np.asarray(run.temperature), 4.0) / 65e3
    np.testing.assert_allclose(stored * 65e3 / float(RING.impedance.total), integral(heat, 4.0), rtol=1e-6)


def integral(values, step):
    """By Simpson's rule."""
    return step / 3.0 * (values[0] + values[-1] + 4.0 * np.sum(values[1:-1:2]) + 2.0 * np.sum(values[2:-1:2]))


@pytest.mark.slow
def test_fixed_steps_are_of_fourth_order_and_agree_with_scipy():
    """While laser and power move."""

    def moving(t):
        return -0.004 + 0.003 * np.sin(t / 150.0), 1.0 + 0.3 * np.cos(t / 90.0)

    start = ResonatorState(2.0 + 1.0j, 5e4, np.asarray([1.5, 0.0]))
    rates = jax.jit(lambda y, d, source: flatten(RING.derivative(unflatten(y), d, source)))
    begin = flatten(RING.state(start))
    exact = solve_ivp(
        lambda t, y: np.asarray(rates(y, *moving(t))), (0.0, 1600.0), begin, "DOP853", rtol=1e-11, atol=1e-11
    )
    ends = []
    for step in (16.0, 8.0, 1.0):
        wave, source = moving(np.arange(round(1600 / step) + 1) * step)
        ends.append(np.asarray(flatten(RING.drive(wave, step, source, start).last))[:4])
    np.testing.assert_allclose(ends[-1], exact.y[:4, -1], rtol=1e-7)
    coarse, fine = (np.max(np.abs(each / ends[-1] - 1.0)) for each in ends[:2])
    assert coarse / fine > 12.0
    assert fine < 1e-4


def flatten(state):
    parts = state.amplitude.real, state.amplitude.imag, state.carriers
    return jnp.concatenate([jnp.stack(parts), state.heat])


def unflatten(y):
    return ResonatorState(jax.lax.complex(y[0], y[1]), y[2], y[3:])


@pytest.mark.slow
def test_light_pulses_by_itself_where_no_state_is_stable(pulsing):
    states = RING.steady_states(-0.004, 1.0)
    assert not np.any(states.stable)
    assert np.sum(np.asarray(states.oscillates)) == 1
    power = np.asarray(pulsing[1].power)[-50_000:]
    assert np.max(power) - np.min(power) > 0.5
    rises = np.flatnonzero((power[:-1] < 0.5) & (power[1:] >= 0.5))
    assert len(rises) >= 2
    # Little light is calm.
    assert np.all(np.asarray(RING.steady_states(np.linspace(-0.02, 0.01, 400), np.full(400, 0.02)).stable)[:, 0])


@pytest.mark.slow
def test_implicit_steps_agree_with_fixed_ones():
    times = np.linspace(0.0, 2e4, 1001)
    implicit = RING.follow(times, -0.004, 1.0, rtol=1e-8, atol=1e-10)
    fixed = RING.drive(np.full(4001, -0.004), 5.0, 1.0)
    np.testing.assert_allclose(implicit.power, fixed.power[::4], atol=2e-5)
    np.testing.assert_allclose(implicit.temperature, fixed.temperature[::4], atol=1e-5)


@functools.cache
def swept(duration):
    """Detunings and energies of a sweep towards the red and back; SLOW at 4 mW."""
    times = np.linspace(0.0, 2.0 * duration, 1001)
    detuning = np.interp(times, [0.0, duration, 2.0 * duration], [0.02, -0.14, 0.02])
    run = SLOW.follow(times, detuning, 2.0, rtol=1e-5, atol=1e-7)
    return detuning, np.asarray(run.energy)


def jumps(detuning, energy):
    """Detunings at which the energy falls on the way out, and rises on the way back."""
    half = len(detuning) // 2
    change = np.diff(energy)
    return detuning[np.argmin(change[:half])], detuning[half + np.argmax(change[half:])]


@pytest.mark.slow
def test_slow_sweeps_jump_at_the_folds():
    """The laser is dragged along towards the red; it jumps late, the less so the slower it goes."""
    place = np.sort(np.asarray(SLOW.folds(4.0)[0])[:2])
    late = []
    for duration in (2e6, 1.6e7):
        out, back = jumps(*swept(duration))
        late.append((place[0] - out, back - place[1]))
    late = np.asarray(late)
    grid = 0.16 / 500
    assert np.all(late > -grid)
    assert np.all(late[1] < 0.6 * late[0] + grid)
    assert np.all(late[1] < 0.02 * (place[1] - place[0]) + grid)


@pytest.mark.slow
def test_in_a_slow_sweep_the_light_is_that_of_a_stable_state():
    detuning, energy = swept(1.6e7)
    chosen = np.arange(100, 900, 2)
    states = SLOW.steady_states(detuning[chosen], np.full(400, 4.0))
    stable = np.where(np.asarray(states.stable), np.asarray(states.energy), np.nan)
    off = np.nanmin(np.abs(stable - energy[chosen, None]), axis=1) / np.max(energy)
    assert np.mean(off < 0.01) > 0.95


def test_measured_laws_of_carriers_are_near_to_straight_lines():
    """At 1e18 cm^-3 published for 1.55 um: index -8.52e-4 and -1.86e-3, absorption 9.00 and 5.35 /cm."""
    law = SiliconCarriers(1.55, confinement=0.9)
    dense = jnp.asarray(1e6)
    np.testing.assert_allclose(law.loss_rate(dense), 0.9 * 299.792458 * 14.35e-4 / 3.476, rtol=2e-3)
    np.testing.assert_allclose(law.shift(dense), 0.9 * 299.792458 / 1.55 * 2.712e-3 / 3.476, rtol=2e-3)
    assert np.isfinite(jax.grad(law.shift)(0.0))
    ring = NonlinearResonator.of_silicon(
        RING.resonator, 1.55, 3.476, 2.59, RING.impedance, carriers=law, carrier_time=5300.0
    )
    slope = jax.jit(jax.grad(lambda energy: jnp.sum(ring.detunings(energy, 1.0))))
    assert np.isfinite(slope(20.0))


def test_constants_of_silicon_give_rates_known_in_si():
    """The same in SI: gamma_TPA = beta c^2 U / (n_g^2 V), G = gamma_TPA U / (2 hbar w V), both for 1 pJ."""
    c, joule, volume = 299792458.0, 1e-12, 2.59e-18
    rate = 8.4e-12 * c**2 * joule / (3.476**2 * volume)
    np.testing.assert_allclose(1e12 * float(RING.two_photon_loss) * 1e3, rate, rtol=1e-12)
    pairs = rate * joule / (2 * 6.62607015e-34 * c / 1.55e-6 * 2.36e-18)
    made = float(RING.carrier_yield) * float(RING.two_photon_loss) * 1e6
    np.testing.assert_allclose(made * 1e18 * 1e12, pairs, rtol=1e-12)
    np.testing.assert_allclose(1e12 * float(RING.thermal_shift), -c / 1.55e-6 * 1.86e-4 / 3.476, rtol=1e-12)
    kerr = -c / 1.55e-6 / 3.476 * 4.5e-18 * c / 3.476 * joule / volume
    np.testing.assert_allclose(1e12 * float(RING.kerr_shift) * 1e3, kerr, rtol=1e-12)


@pytest.mark.slow
def test_derivatives_through_time(assert_gradient):
    def values(numbers):
        heat = ThermalImpedance(numbers["r"], jnp.asarray([2e3, 5e3]))
        cold = Resonator(numbers["tau"], 60.0)
        device = NonlinearResonator.of_silicon(
            cold, 1.55, 3.5, numbers["volume"], heat, carrier_time=numbers["life"], kerr_volume=2.0
        )
        last = device.drive(-0.01 + 0.01 * jnp.sin(jnp.arange(60.0) * 0.1), 5.0, numbers["source"]).last
        return jnp.stack([last.amplitude.real, last.carriers, last.heat[1]])

    numbers = {"tau": 40.0, "volume": 3.0, "life": 800.0, "r": jnp.asarray([2.0, 6.0]), "source": 2.0}
    assert_gradient(values, numbers, rtol=1e-5)


@pytest.mark.slow
def test_single_precision(float32):
    shift = -0.01 * 8.0 * 0.5 * 2.0 / 60.0
    with jax.enable_x64(True):
        exact = np.asarray(ShiftedResonance(COLD, shift).energies(-0.08, 4.0))
    states = SLOW.steady_states(-0.08, 4.0)
    assert states.energy.dtype == jnp.float32
    np.testing.assert_allclose(states.energy[:3], exact, rtol=1e-4)
    # From cold it settles on the state of least energy.
    run = SLOW.drive(np.full(400, -0.08), 250.0, 2.0)
    assert run.power.dtype == jnp.float32
    np.testing.assert_allclose(run.energy[-1], exact[0], rtol=1e-4)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="resonator = 1 is not of the kind Resonator"):
        NonlinearResonator(1)
    with pytest.raises(ValueError, match=r"carrier_time = 0 ps is outside \(0, inf\)"):
        NonlinearResonator(COLD, carrier_time=0.0)
    with pytest.raises(ValueError, match=r"absorbed_share = 2 is outside \[0, 1\]"):
        NonlinearResonator(COLD, absorbed_share=2.0)
    with pytest.raises(ValueError, match=r"carrier_volume = -1 um\^3 is outside"):
        NonlinearResonator.of_silicon(COLD, 1.55, 4.0, 2.0, ThermalImpedance(1.0, 1.0), carrier_volume=-1.0)
    with pytest.raises(ValueError, match=r"power = -1 mW is outside \[0, inf\)"):
        RING.steady_states(0.0, -1.0)
    with pytest.raises(ValueError, match=r"detuning of shape \(1,\) is not \[K\]"):
        RING.drive([0.0], 1.0)
    with pytest.raises(ValueError, match=r"step of shape \(2,\) is not one number"):
        RING.drive([0.0, 0.0], np.ones(2))
    with pytest.raises(ValueError, match=r"source of shape \(3,\) does not go with detuning of shape \(2,\)"):
        RING.drive([0.0, 0.0], 1.0, np.ones(3))
    with pytest.raises(ValueError, match=r"heat of shape \(1,\) does not go with the 2 parts"):
        RING.drive([0.0, 0.0], 1.0, start=ResonatorState(0.0, 0.0, np.zeros(1)))
    with pytest.raises(ValueError, match=r"wl = 1552.7 um is outside \[1.2, 2.2\]"):
        NonlinearResonator.of_silicon(COLD, 1552.7, 4.0, 2.0, ThermalImpedance(1.0, 1.0))
    with pytest.raises(ValueError, match="times that do not rise cannot be followed: 2 and then 1 ps"):
        RING.follow([0.0, 2.0, 1.0], 0.0)
    with pytest.raises(ValueError, match="times that do not rise cannot be followed: 1 and then 1 ps"):
        RING.follow([0.0, 1.0, 1.0], 0.0)
    with pytest.raises(ValueError, match=r"rtol = -1 is outside \(0, inf\)"):
        RING.follow([0.0, 1.0], 0.0, rtol=-1)
    with pytest.raises(ValueError, match=r"atol = 0 is outside \(0, inf\)"):
        RING.follow([0.0, 1.0], 0.0, atol=0.0)
    with pytest.raises(ValueError, match=r"wl = 2 um is outside \[1.26, 1.625\]"):
        SiliconCarriers(2.0)


def test_without_diffrax_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "diffrax", None)
    with pytest.raises(ImportError, match=r"photonics-core\[dynamics\]"):
        RING.follow([0.0, 1.0], 0.0)


@pytest.mark.slow
def test_derivatives_through_implicit_steps(assert_gradient):
    def values(numbers):
        heat = ThermalImpedance(numbers["r"], jnp.asarray([2e3, 5e3]))
        device = NonlinearResonator(Resonator(numbers["tau"], 60.0), thermal_shift=numbers["shift"], impedance=heat)
        run = device.follow([0.0, 5e3, 2e4], numbers["d"], numbers["source"], rtol=1e-9, atol=1e-11)
        return jnp.stack([run.energy[1], run.temperature[2]])

    numbers = {"tau": 40.0, "shift": -0.01, "r": jnp.asarray([2.0, 6.0]), "d": -0.02, "source": 1.0}
    assert_gradient(values, numbers, rtol=1e-4)
