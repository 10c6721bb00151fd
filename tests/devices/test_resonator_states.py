"""All branches of a resonator that its own light moves, their folds, and whether the time domain stays on them."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    LinearCarriers,
    NonlinearResonator,
    Resonator,
    ResonatorState,
    ShiftedResonance,
    ThermalImpedance,
)

COLD = Resonator(40.0, 60.0, 200.0)
TURN = 2.0 * math.pi
# The same heat by two ways, one quick and one slow.
SLOW = NonlinearResonator(
    COLD, thermal_shift=-0.01, absorbed_share=0.5, impedance=ThermalImpedance([2.0, 6.0], [2e3, 5e3])
)


NO_HEAT = ThermalImpedance([0.0, 0.0], [1e5, 1e4])


def count(states):
    return np.sum(np.asarray(states.exists), axis=-1)


@pytest.mark.parametrize(
    ("device", "shift"),
    [
        pytest.param(NonlinearResonator(COLD, kerr_shift=-1e-3, impedance=NO_HEAT), -1e-3, marks=pytest.mark.slow),
        (NonlinearResonator(COLD, kerr_shift=2e-3, impedance=NO_HEAT), 2e-3),
        (SLOW, -0.01 * 8.0 * 0.5 * 2.0 / 60.0),
    ],
    ids=["focusing", "defocusing", "heat"],
)
def test_one_shift_in_proportion_to_the_energy_is_bistable_as_in_theory(device, shift):
    theory, random = ShiftedResonance(COLD, shift), np.random.default_rng(1)
    onset = float(theory.onset_power)
    d, power = -np.sign(shift) * random.uniform(-0.15, 0.05, 400), random.uniform(0.0, 6.0, 400) * onset
    states, expected = device.steady_states(d, power), np.asarray(theory.energies(d, power))
    assert np.array_equal(count(states), np.sum(np.isfinite(expected), axis=1))
    np.testing.assert_allclose(states.energy[:, :3], expected, rtol=1e-10)
    three = count(states) == 3
    assert 20 < np.sum(three) < 380
    assert np.all(np.asarray(states.stable)[three, :3] == [True, False, True])
    assert np.all(np.asarray(states.saddle)[three, :3] == [False, True, False])
    assert not np.any(states.oscillates)
    # The onset of bistability, 4 / (3 sqrt 3) of the full width.
    for factor, folds in ((1.0 - 1e-4, 0), (1.0 + 1e-4, 2)):
        assert np.sum(np.isfinite(device.folds(factor * onset)[0])) == folds


@functools.cache
def random_devices(number, seed=5):
    """Devices with all effects at once, and lasers near their resonances."""
    random = np.random.default_rng(seed)

    def spread(low, high):
        return jnp.asarray(np.exp(random.uniform(np.log(low), np.log(high), number)))

    resonators = jax.vmap(Resonator)(spread(20, 400), spread(20, 400), spread(50, 1000))
    impedance = jax.vmap(ThermalImpedance)(
        jnp.stack([spread(2, 100), spread(2, 100)], 1), jnp.stack([spread(300, 3e3), spread(1e3, 1e4)], 1)
    )
    carriers = jax.vmap(LinearCarriers)(spread(3e-8, 3e-7), spread(3e-8, 1e-6))
    kerr, warm = -spread(1e-6, 1e-4), -spread(3e-3, 3e-2)
    devices = jax.vmap(NonlinearResonator)(
        resonators,
        spread(3e-6, 1e-4),
        spread(200, 5e3),
        spread(30, 3e3),
        carriers,
        kerr,
        warm,
        spread(0.1, 1),
        impedance,
    )
    power = spread(0.1, 30.0)
    width = jax.vmap(lambda each: each.bandwidth)(resonators)
    return devices, width * jnp.asarray(random.uniform(-8, 4, number)), power


def test_every_state_is_one_and_none_is_missed():
    """Each fulfils dy/dt = 0, and as many are found as the polynomial of degree seven in U has real roots."""
    devices, d, power = random_devices(300)
    states = jax.jit(jax.vmap(lambda each, d, p: each.steady_states(d, p)))(devices, d, power)

    def left(device, states, d, power):
        def one(state):
            found = device.derivative(state, d, jnp.sqrt(power))
            decay = device.decay(state, d)
            parts = jax.tree.map(lambda rate, own, y: jnp.max(jnp.abs(rate / (own * y))), found, decay, state)
            return jnp.max(jnp.stack(parts))

        return jax.vmap(one)(ResonatorState(states.amplitude, states.carriers, states.heat))

    residues = np.asarray(jax.jit(jax.vmap(left))(devices, states, d, power))
    there = np.asarray(states.exists)
    assert np.all(residues[there] < 1e-9)
    wanted = []
    for k in range(300):
        device = jax.tree.map(lambda leaf, k=k: np.asarray(leaf)[k], devices)
        wanted.append(roots_by_polynomial(device, float(d[k]), float(power[k])))
    assert np.array_equal(count(states), wanted)
    assert set(wanted) >= {1, 3}


def roots_by_polynomial(device, d, power):
    unit = 2.0 * power / device.resonator.input_time / float(device.resonator.rate) ** 2
    made = device.carrier_yield * device.two_photon_loss * device.carrier_time * unit**2
    # In units of the energy of the cold resonator on resonance.
    lost = np.polynomial.Polynomial([0.0, device.two_photon_loss * unit, device.carriers.loss * made])
    heated = 2.0 * device.absorbed_share / device.resonator.loss_time + lost
    x = np.polynomial.Polynomial([0.0, 1.0])
    warm = device.thermal_shift * float(np.sum(device.impedance.resistance)) * unit
    shift = device.kerr_shift * unit * x + device.carriers.shift_slope * made * x**2 + warm * x * heated
    rate = float(device.resonator.rate)
    whole = x * ((1.0 + 0.5 * lost / rate) ** 2 + (TURN / rate) ** 2 * (d - shift) ** 2) - 1.0
    roots = whole.roots()
    return int(np.sum((np.abs(roots.imag) < 1e-7 * np.abs(roots)) & (roots.real > 0.0)))


def test_states_on_both_sides_of_a_fold():
    """Just inside the fold there are two states more, one of them stable; just outside there are not."""
    place, energy = (np.asarray(part) for part in SLOW.folds(4.0))
    assert np.sum(np.isfinite(place)) == 2
    for fold, inside in ((place[0], -1.0), (place[1], 1.0)):
        step = 1e-9 * abs(fold)
        assert count(SLOW.steady_states(fold + inside * step, 4.0)) == 3
        assert count(SLOW.steady_states(fold - inside * step, 4.0)) == 1
    # There the closed form of the detuning has its extremum.
    slope = jax.grad(lambda u: jnp.min(jnp.abs(SLOW.detunings(u, 4.0) - place[0])))(float(energy[0]))
    assert abs(slope) < 1e-6


def test_closed_form_goes_through_every_state():
    energy = SLOW.steady_states(-0.08, 4.0).energy[:3]
    both = np.asarray(SLOW.detunings(energy, 4.0))
    np.testing.assert_allclose(np.min(np.abs(both + 0.08), axis=1), 0.0, atol=1e-14)
    assert np.all(np.isnan(SLOW.detunings(1e4, 4.0)))


@functools.partial(jax.jit, static_argnames="steps")
def growth_in_time(devices, d, power, starts, step, steps):
    """Distance from a state after `steps`, over that at first: beside the state by a thousandth of a millionth."""

    def one(device, d, power, start, step):
        moved = ResonatorState(start.amplitude * (1.0 + 1e-7), start.carriers * (1.0 - 2e-7), start.heat * (1.0 + 1e-7))
        run = device.drive(jnp.full(steps, d), step, jnp.sqrt(power), moved)
        sizes = jax.tree.map(lambda y: jnp.max(jnp.abs(y)), start)
        off = jax.tree.map(lambda y, at, size: jnp.max(jnp.abs(y - at) / size), run.last, start, sizes)
        return jnp.max(jnp.stack(off)) / 2e-7

    return jax.vmap(one)(devices, d, power, starts, step)


@pytest.mark.slow
def test_the_time_domain_goes_where_the_jacobian_says():
    """All states of random devices, each pushed a little."""
    devices, d, power = random_devices(40, seed=11)
    states = jax.jit(jax.vmap(lambda each, d, p: each.steady_states(d, p)))(devices, d, power)
    which, branch = np.nonzero(np.asarray(states.exists))
    chosen = jax.tree.map(lambda leaf: jnp.asarray(leaf)[which], devices)
    starts = ResonatorState(*(part[which, branch] for part in (states.amplitude, states.carriers, states.heat)))
    values = np.asarray(states.eigenvalues)[which, branch]
    growth, fastest = np.max(values.real, axis=-1), np.max(np.abs(values), axis=-1)
    steps = 40_000
    step = jnp.asarray(0.5 / fastest)
    grown = np.asarray(growth_in_time(chosen, d[which], power[which], starts, step, steps))
    expected = growth * 0.5 / fastest * steps
    clear = np.abs(expected) > 6.0
    assert np.sum(clear) > 30 and np.sum(expected[clear] > 0) >= 3
    assert np.array_equal(grown[clear] > 1.0, expected[clear] > 0.0)


def build(numbers):
    heat = ThermalImpedance(numbers["r"], jnp.asarray([2e3, 5e3]))
    return NonlinearResonator(
        Resonator(numbers["tau"], 60.0),
        numbers["g"],
        500.0,
        numbers["life"],
        LinearCarriers(1e-7, numbers["sc"]),
        -1e-5,
        numbers["st"],
        0.5,
        heat,
    )


NUMBERS = {"tau": 40.0, "g": 3e-5, "life": 800.0, "sc": 2e-7, "st": -0.01, "r": jnp.asarray([2.0, 6.0])}


@pytest.mark.slow
def test_derivatives_of_states_folds_and_eigenvalues(assert_gradient):
    def values(numbers):
        device = build(numbers)
        states = device.steady_states(numbers["d"], numbers["p"])
        folds, held = device.folds(numbers["p"])
        both = device.detunings(20.0, numbers["p"])
        return jnp.concatenate(
            [states.energy[:3], states.temperature[:1], states.growth[:1], folds[:2], held[:2], both]
        )

    numbers = {**NUMBERS, "d": -0.08, "p": 4.0}
    assert np.all(np.isfinite(values(numbers)))
    assert_gradient(values, numbers, rtol=1e-5)


@pytest.mark.slow
def test_second_derivatives_of_states_folds_and_eigenvalues():
    def values(x):
        device = build(NUMBERS | {"tau": x[0], "st": x[1]})
        states, folds = device.steady_states(x[2], x[3]), device.folds(x[3])
        least = jnp.argmax(states.eigenvalues[0].real)
        growth = [states.growth[:1], states.eigenvalues[0, least].imag[None] ** 2]
        return jnp.concatenate([states.energy[:3], *growth, folds[0][:2], folds[1][:2]])

    def along(t):
        return values(jnp.array([40.0, -0.01, -0.08, 4.0]) * (1.0 + t * jnp.array([0.7, -0.4, 0.5, 1.0])))

    # Both at once, in one program; the differences are extrapolated to a step of zero.
    both = jax.jit(lambda t: jax.jvp(jax.jacfwd(along), (t,), (1.0,)))
    sides = [(both(step)[0] - both(-step)[0]) / (2 * step) for step in (1e-4, 2e-4)]
    found = both(0.0)[1]
    np.testing.assert_allclose(found, (4 * sides[0] - sides[1]) / 3, rtol=1e-6)


@pytest.mark.slow
def test_the_hessian_of_an_energy_is_that_of_differences_of_gradients():
    def energy(x):
        return build(NUMBERS | {"tau": x[0]}).steady_states(-0.08, x[1]).energy[0]

    at, slopes = jnp.array([40.0, 4.0]), jax.jit(jax.grad(energy))
    found = jax.jit(jax.hessian(energy))(at)
    for k, unit in enumerate(np.diag([4e-3, 4e-4])):
        sides = [(slopes(at + h * unit) - slopes(at - h * unit)) / (2 * h * np.max(unit)) for h in (1, 2)]
        np.testing.assert_allclose(found[:, k], (4 * sides[0] - sides[1]) / 3, rtol=1e-6)


@pytest.mark.slow
def test_energy_without_power_has_the_derivative_that_the_amplitude_cannot_have():
    slopes = jax.jacfwd(lambda p: SLOW.steady_states(-0.02, p))(0.0)
    assert float(slopes.energy[0]) == pytest.approx(float(abs(COLD.amplitude(-0.02)) ** 2), rel=1e-12)
    assert complex(slopes.amplitude[0]) == 0.0


@pytest.mark.slow
def test_derivatives_are_finite_with_nothing_in_and_cut_at_a_fold():
    slopes = jax.jit(jax.jacfwd(lambda d, p: SLOW.steady_states(d, p).energy, argnums=(0, 1)))
    folds = np.asarray(SLOW.folds(4.0)[0][:2])
    for d, power in ((0.0, 0.0), (0.0, 1e-12), *((fold, 4.0) for fold in folds)):
        energy = np.asarray(SLOW.steady_states(d, power).energy)
        there = np.isfinite(energy)
        pairs = zip(slopes(d, power), (abs(d), power), strict=True)
        sizes = [np.max(np.abs(np.asarray(each)[there])) * at for each, at in pairs]
        # Beside a fold they grow as the inverse root of the distance, to 1e8 times the energy where they are cut.
        assert max(sizes) <= 1e8 * np.max(energy[there])
        assert np.all(np.diff(energy[there]) >= 0.0)
    beside = slopes(folds[0] * (1.0 + 1e-9), 4.0)[0]
    assert abs(float(beside[0]) * folds[0]) > 1e4
