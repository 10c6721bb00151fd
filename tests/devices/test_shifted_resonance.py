"""Bistability of a resonance that its light moves: the onset, the branches, what a sweep finds."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from photonics_core import Resonator, ShiftedResonance

COLD = Resonator(40.0, 60.0)
# Heat lowers the resonance.
WARM = ShiftedResonance(COLD, -1e-3)


def test_every_state_fulfils_its_equation():
    random = np.random.default_rng(1)
    detuning, power = random.uniform(-0.15, 0.05, 300), random.uniform(0.0, 6.0, 300) * float(WARM.onset_power)
    states = np.asarray(WARM.energies(detuning, power))
    held = states * (float(COLD.rate) ** 2 + (2 * np.pi * (detuning[:, None] + 1e-3 * states)) ** 2)
    there = np.isfinite(states)
    sent = np.broadcast_to((2 / 40.0 * power)[:, None], states.shape)
    np.testing.assert_allclose(held[there], sent[there], rtol=1e-9, atol=1e-12)
    assert np.all(there[:, 0]) and np.any(there[:, 2]) and np.any(~there[:, 2])
    full = there[:, 2]
    assert np.all(np.diff(states[full], axis=1) >= 0)


def test_three_states_begin_at_the_exact_onset():
    power = float(WARM.onset_power)
    cold_shift = 1e-3 * power * float(jnp.abs(COLD.amplitude(0.0)) ** 2)
    assert cold_shift / float(COLD.bandwidth) == pytest.approx(4 / (3 * math.sqrt(3)), rel=1e-12)
    # In half widths: at the bend x = 2 D / 3 of the curve of a detuning D, three states show first.
    for factor, count in ((1.0 - 1e-6, 1), (1.0 + 1e-6, 3)):
        drive = factor * 8 / (3 * math.sqrt(3))
        bend = brentq(lambda d, drive=drive: 2 * d / 3 * (1 + d**2 / 9) - drive, 1.0, 3.0, xtol=1e-15)
        states = np.asarray(WARM.energies(-bend * float(COLD.rate) / (2 * math.pi), factor * power))
        assert np.sum(np.isfinite(states)) == count


@pytest.mark.parametrize("shift", [-1e-3, 2e-3])
@pytest.mark.parametrize("factor", [1.01, 1.05, 1.1, 4.0])
def test_a_slow_sweep_comes_back_another_way(factor, shift):
    moved = ShiftedResonance(COLD, shift)
    # From -2 to 10 half widths, the way the resonance runs; just above the onset the loop is 4e-4 of them wide.
    offset = np.concatenate([np.linspace(-2.0, 1.7, 200), np.linspace(1.7, 2.1, 8001)[1:], np.linspace(2.1, 10.0, 400)])
    detuning = np.sign(shift) * offset * float(COLD.rate) / (2 * math.pi)
    power = factor * float(moved.onset_power)
    along = np.asarray(moved.follow(detuning, power))
    against = np.asarray(moved.follow(detuning[::-1], power))[::-1]
    states = np.asarray(moved.energies(detuning, power))
    three = np.isfinite(states[:, 2])
    assert np.sum(three) >= 3
    # With the resonance running away before it the laser drags it along; coming from the other side it does not.
    np.testing.assert_allclose(along[three], states[three, 2], rtol=1e-12)
    np.testing.assert_allclose(against[three], states[three, 0], rtol=1e-12)
    np.testing.assert_allclose(along[~three], against[~three], rtol=1e-12)
    if factor == 4.0:
        assert np.max(along) / np.max(against) > 1.5


@pytest.mark.slow
def test_a_sweep_of_the_power_jumps_at_the_folds():
    power = np.linspace(0.01, 5.0, 2000) * float(WARM.onset_power)
    detuning = np.full(2000, -3.0 * float(COLD.rate) / (2 * math.pi))
    states = np.asarray(WARM.energies(detuning, power))
    three = np.isfinite(states[:, 2])
    rising = np.asarray(WARM.follow(detuning, power))
    falling = np.asarray(WARM.follow(detuning, power[::-1]))[::-1]
    assert np.sum(three) > 100 and not three[0] and not three[-1]
    np.testing.assert_array_equal(rising[three], states[three, 0])
    np.testing.assert_array_equal(falling[three], states[three, 2])


@pytest.mark.slow
def test_branches_are_stable_where_a_slow_heat_finds_them():
    """dU_th/dt = (U(d, U_th) - U_th) / T: the outer states attract, the middle one repels."""
    power, detuning = 4.0 * float(WARM.onset_power), -0.03
    states = np.asarray(WARM.energies(detuning, power))
    assert np.all(np.isfinite(states))

    def settled(start):
        energy = start
        for _ in range(2000):
            light = power * abs(complex(COLD.amplitude(detuning + 1e-3 * energy))) ** 2
            energy += 0.05 * (light - energy)
        return energy

    assert settled(states[1] * 0.98) == pytest.approx(states[0], rel=1e-6)
    assert settled(states[1] * 1.02) == pytest.approx(states[2], rel=1e-6)


def test_little_light_leaves_the_line_as_it_is():
    detuning = np.linspace(-0.05, 0.05, 11)
    energy = WARM.energies(detuning, 1e-9)[:, 0]
    np.testing.assert_allclose(WARM.transmission(detuning, energy), COLD.transmission(detuning), atol=1e-9)


def test_derivatives(assert_gradient):
    def states(numbers):
        found = ShiftedResonance(Resonator(numbers["tau"], 60.0), numbers["shift"])
        return found.energies(numbers["d"], numbers["power"])[:1]

    assert_gradient(states, {"tau": 40.0, "shift": -1e-3, "d": -0.01, "power": 30.0}, rtol=1e-6)
    assert np.isfinite(jax.grad(lambda p: WARM.energies(0.0, p)[0])(0.0))


def test_derivatives_are_cut_at_the_onset_and_at_folds():
    """Infinite there; beside it they are those of differences, and grow."""
    scale, onset = float(COLD.rate) / (2 * math.pi), float(WARM.onset_power)
    slopes = jax.jit(jax.jacfwd(lambda d, p: WARM.energies(d, p), argnums=(0, 1)))
    # At D = 2 the end of the low branch is at x = 1, y = 2, and that of the high one at x = 5 / 3.
    unit = 2 * math.pi * 1e-3 / float(COLD.rate)
    cold = 2.0 / (40.0 * float(COLD.rate) ** 2) * unit
    for d, p in ((math.sqrt(3), onset), (2.0, 2.0 / cold), (2.0, 50.0 / 27.0 / cold)):
        found = WARM.energies(-d * scale, p)
        there = np.isfinite(np.asarray(found))
        pairs = zip(slopes(-d * scale, p), (scale, p), strict=True)
        sizes = [np.max(np.abs(np.asarray(each)[there])) * size for each, size in pairs]
        assert max(sizes) < 1e7 * float(found[0])
        assert np.all(np.diff(np.asarray(found)[there]) >= 0.0)
    beside = 2.0 * (1.0 - 1e-8) / cold
    assert float(slopes(-2.0 * scale, beside)[1][0]) * beside > 1e3 * float(WARM.energies(-2.0 * scale, beside)[0])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="shift = 0 THz/fJ moves nothing"):
        ShiftedResonance(COLD, 0.0)
    with pytest.raises(ValueError, match=r"power = -1 mW is outside \[0, inf\)"):
        WARM.energies(0.0, -1.0)
