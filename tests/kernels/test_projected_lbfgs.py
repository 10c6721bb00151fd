import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import lsq_linear

from photonics_core.kernels import projected_lbfgs as box


def rosenbrock(x):
    return jnp.sum((1.0 - x[:-1]) ** 2 + 100.0 * (x[1:] - x[:-1] ** 2) ** 2)


@functools.cache
def solver(steps=200):
    return jax.jit(
        jax.vmap(
            functools.partial(box.minimize_in_box, rosenbrock, steps=steps, tolerance=1e-10), in_axes=(0, None, None)
        )
    )


slopes_at = jax.jit(jax.vmap(jax.value_and_grad(rosenbrock)))
STARTS = np.random.default_rng(1).uniform(-1.5, 1.5, (5, 4))


def test_finds_minima_of_many_starts_in_one_program():
    found = solver()(jnp.asarray(STARTS), jnp.full(4, -2.0), jnp.full(4, 2.0))
    values, slopes = slopes_at(found.x)
    np.testing.assert_allclose(found.value, values, rtol=1e-12, atol=1e-20)
    np.testing.assert_allclose(slopes, 0.0, atol=1e-8)
    assert np.max(found.steps) < 80
    # In four dimensions there is a second minimum near (-0.776, 0.613, 0.382, 0.146), value 3.70.
    assert np.all((found.value < 1e-18) | (np.abs(np.asarray(found.value) - 3.7014) < 1e-3))
    assert np.min(found.value) < 1e-18


def test_holds_variables_at_bounds_where_the_slope_points_outward():
    lower, upper = jnp.asarray([-2.0, 0.2, -2.0, -2.0]), jnp.asarray([0.5, 2.0, 2.0, 0.002])
    found = solver()(jnp.asarray(np.clip(STARTS, lower, upper)), lower, upper)
    assert np.max(found.steps) < 80
    slopes = np.asarray(slopes_at(found.x)[1])
    x = np.asarray(found.x)
    at_low, at_high = x <= np.asarray(lower), x >= np.asarray(upper)
    assert at_high[:, 0].any() and at_high[:, 3].any()
    assert np.all(slopes[at_low] >= 0.0) and np.all(slopes[at_high] <= 0.0)
    np.testing.assert_allclose(slopes[~(at_low | at_high)], 0.0, atol=1e-8)
    # The start does not matter to where a run may go: all points stay inside.
    assert np.all(x >= np.asarray(lower)) and np.all(x <= np.asarray(upper))


@pytest.mark.slow
def test_a_bounded_least_squares_problem_agrees_with_scipy():
    random = np.random.default_rng(4)
    matrix, target = random.normal(size=(20, 12)), 3.0 * random.normal(size=20)
    expected = lsq_linear(matrix, target, (-0.1, 0.2), tol=1e-14)
    found = box.minimize_in_box(
        lambda x: 0.5 * jnp.sum((jnp.asarray(matrix) @ x - jnp.asarray(target)) ** 2),
        jnp.zeros(12),
        jnp.full(12, -0.1),
        jnp.full(12, 0.2),
        tolerance=1e-11,
    )
    np.testing.assert_allclose(found.x, expected.x, atol=1e-8)
    assert np.sum(np.abs(expected.active_mask)) > 3


@pytest.mark.slow
def test_steps_back_from_values_that_are_not_finite():
    # The slope at 1e-4 sends the first steps below zero, where there is no value.
    function = lambda x: jnp.sum(x - 0.3 * jnp.log(x))  # noqa: E731
    found = box.minimize_in_box(function, jnp.asarray([0.9, 1e-4]), jnp.full(2, -1.0), jnp.ones(2), tolerance=1e-9)
    np.testing.assert_allclose(found.x, 0.3, atol=1e-8)


def test_a_pair_without_curvature_is_left_out():
    state = box.begin(jnp.zeros(3))
    state = state._replace(is_begun=jnp.asarray(True), slope=jnp.ones(3))
    steps, _ = box._remembered(state, jnp.ones(3), jnp.full(3, 0.5))
    assert not np.any(steps)
    steps, _ = box._remembered(state, jnp.ones(3), jnp.full(3, 1.5))
    np.testing.assert_array_equal(steps[-1], 1.0)


def test_ends_at_a_flat_start_and_where_nothing_is_lower():
    flat = box.minimize_in_box(lambda x: jnp.sum(0.0 * x), jnp.ones(2), jnp.zeros(2), jnp.full(2, 2.0))
    assert int(flat.steps) == 0 and np.all(flat.x == 1.0)


@pytest.mark.slow
def test_runs_in_float32(float32):
    found = box.minimize_in_box(
        rosenbrock, jnp.asarray([-1.0, 1.0]), jnp.full(2, -2.0), jnp.full(2, 2.0), tolerance=1e-3
    )
    assert found.x.dtype == jnp.float32
    np.testing.assert_allclose(found.x, 1.0, atol=2e-3)


def test_a_variable_that_is_pushed_against_its_bound_does_not_hold_back_the_others():
    """x pushes outward a million times as hard as y moves: y is there in a few steps all the same."""

    def value(z):
        return 1e6 * (2.0 - z[0]) ** 2 + (z[1] - 0.3) ** 2

    found = box.minimize_in_box(value, jnp.asarray([1.0, 0.9]), jnp.zeros(2), jnp.ones(2), steps=10)
    np.testing.assert_allclose(np.asarray(found.x), [1.0, 0.3], atol=1e-6)
