"""Exponential Runge-Kutta steps: what they are exact for, their order, and the functions they stand on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.exponential_steps import exponential_steps


def test_linear_decay_under_a_constant_drive_is_exact_for_any_step():
    rate = -3.0 + 40.0j
    found = exponential_steps(
        lambda y, u: rate, lambda y, u: rate * y + u, jnp.asarray(1.0 + 0.5j), jnp.full(6, 2.0 + 0.0j), 7.0
    )
    held = -2.0 / rate
    exact = held + (1.0 + 0.5j - held) * np.exp(rate * 7.0 * np.arange(6))
    np.testing.assert_allclose(found, exact, rtol=1e-13)


def test_without_a_linear_part_it_is_the_classical_method():
    def slope(y, u):
        return jnp.sin(y) + u

    drive, step = jnp.asarray([0.1, 0.4, 0.2, 0.3, 0.6]), 0.3
    found = exponential_steps(lambda y, u: 0.0, slope, jnp.asarray(0.7), drive, step)
    middle = (9.0 * (0.4 + 0.2) - (0.1 + 0.3)) / 16.0  # of the second step
    y = found[1]
    k1 = slope(y, 0.4)
    k2 = slope(y + 0.5 * step * k1, middle)
    k3 = slope(y + 0.5 * step * k2, middle)
    k4 = slope(y + step * k3, 0.2)
    np.testing.assert_allclose(found[2], y + step / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), rtol=1e-14)


@pytest.mark.parametrize(("stiff", "ratio"), [(1.0, 14.0), (10.0, 14.0), (200.0, 4.0)])
def test_the_error_falls_with_the_fourth_power_where_steps_follow_the_fast_state(stiff, ratio):
    """Where they do not, and the fast state follows a slow one, order two is left, and it stays stable."""

    def derivative(y, u):
        fast, slow = y
        return -stiff * (fast - jnp.cos(slow)), -0.5 * slow + 0.3 * fast**2 + u

    @jax.jit
    def end(drive, step):
        start = jnp.asarray(1.0), jnp.asarray(0.2)
        return exponential_steps(lambda y, u: (-stiff, -0.5), derivative, start, drive, step)[1][-1]

    ends = [end(jnp.sin(jnp.linspace(0.0, 4.0, n + 1)), 4.0 / n) for n in (80, 160, 2560)]
    coarse, fine = (abs(float(each - ends[-1])) for each in ends[:2])
    assert coarse / fine > ratio
    assert fine < 1e-5


def test_derivatives(assert_gradient):
    def end(numbers):
        found = exponential_steps(
            lambda y, u: numbers["rate"],
            lambda y, u: numbers["rate"] * y + numbers["bend"] * y**2 + u,
            jnp.asarray(numbers["start"]),
            jnp.linspace(0.0, 1.0, 9),
            numbers["step"],
        )
        return found[-1]

    for rate in (-3.0, -0.2):
        assert_gradient(end, {"rate": rate, "bend": -0.4, "start": 0.7, "step": 0.5}, rtol=1e-6)
    assert np.isfinite(jax.grad(lambda r: end({"rate": r, "bend": -0.4, "start": 0.7, "step": 0.5}))(0.0))


def test_one_sample_is_no_step():
    with pytest.raises(ValueError, match="drive of 1 samples has no step"):
        exponential_steps(lambda y, u: 0.0, lambda y, u: y, jnp.asarray(1.0), jnp.ones(1), 1.0)
