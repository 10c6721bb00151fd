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


def test_a_slow_sweep_comes_back_another_way():
    power = 4.0 * float(WARM.onset_power)
    detuning = np.linspace(0.03, -0.12, 400)
    down = np.asarray(WARM.follow(detuning, power))
    up = np.asarray(WARM.follow(detuning[::-1], power))[::-1]
    states = np.asarray(WARM.energies(detuning, power))
    three = np.isfinite(states[:, 2])
    # With the resonance running away before it the laser drags it along; coming from the other side it does not.
    np.testing.assert_allclose(down[three], states[three, 2], rtol=1e-12)
    np.testing.assert_allclose(up[three], states[three, 0], rtol=1e-12)
    np.testing.assert_allclose(down[~three], up[~three], rtol=1e-12)
    assert np.max(down) / np.max(up) > 1.5


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


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="shift = 0 THz/fJ moves nothing"):
        ShiftedResonance(COLD, 0.0)
    with pytest.raises(ValueError, match=r"power = -1 mW is outside \[0, inf\)"):
        WARM.energies(0.0, -1.0)
