"""Phase shifters: how phase goes with wavelength, and when a response of several parts has settled."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import PhaseShifter
from photonics_core.thermal_impedance import ThermalImpedance

HEATER = PhaseShifter.heater(20.0, 1e7)


def test_phase_loss_and_power_go_with_the_state():
    """A phase of carriers goes as wl, that of a heater as 1 / wl."""
    carriers = PhaseShifter.carriers(3.0, 5e3, 1.2)
    np.testing.assert_allclose(carriers.turns(1.0, 1.6), 0.5 * 1.6 / 1.55, rtol=1e-14)
    np.testing.assert_allclose(HEATER.turns(1.0, 1.6), 0.5 * 1.55 / 1.6, rtol=1e-14)
    np.testing.assert_allclose(np.exp(-2.0 * carriers.loss_exponent(0.5)), 10 ** (-0.06), rtol=1e-14)
    np.testing.assert_allclose(carriers.power([0.5, -0.5]), 1.5, rtol=1e-14)


def test_settling_follows_the_response():
    np.testing.assert_allclose(HEATER.settling_time(0.01), 1e7 * math.log(100.0), rtol=1e-14)
    slow = PhaseShifter.heater(20.0, ThermalImpedance(np.array([1.0, 3.0]), np.array([1e6, 2e7])))
    time = slow.settling_time(0.02)
    left = 0.25 * np.exp(-time / 1e6) + 0.75 * np.exp(-time / 2e7)
    np.testing.assert_allclose(left, 0.02, rtol=1e-12)

    @jax.jit
    def settled(times):
        return PhaseShifter(20.0, times, np.array([0.25, 0.75])).settling_time(0.02)

    at, exact = jnp.array([1e7, 2e7]), jax.jit(jax.grad(settled))(jnp.array([1e7, 2e7]))
    for k, step in enumerate(np.diag([1e3, 2e3])):
        slope = (settled(at + step) - settled(at - step)) / (2 * step[k])
        np.testing.assert_allclose(exact[k], slope, rtol=1e-6)


def test_equal_parts_settle_like_one():
    parts = PhaseShifter(20.0, [2e6, 2e6, 2e6], [0.2, 0.3, 0.5])
    for tolerance in (0.5, 1e-2, 1e-6):
        np.testing.assert_allclose(parts.settling_time(tolerance), 2e6 * math.log(1.0 / tolerance), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PhaseShifter.heater(-1.0, 1e7), "power_pi = -1"),
        (lambda: PhaseShifter.heater(20.0, 0.0), "time_constants = 0"),
        (lambda: PhaseShifter(20.0, [1.0, 2.0]), "shares = None"),
        (lambda: PhaseShifter(20.0, [1.0, 2.0], [1.0]), "shares of shape"),
        (lambda: PhaseShifter(20.0, [1.0, 2.0], [0.5, 1.0]), "sum of the shares = 1.5"),
        (lambda: PhaseShifter(20.0, [1.0, 2.0], [1.5, -0.5]), "shares = 1.5"),
        (lambda: HEATER.settling_time(0.0), "tolerance = 0"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
