"""Many small fits at once: SciPy's answers, stated errors, and flags where there is no answer."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from photonics_core.kernels.batched_least_squares import fit_rows, invert_definite

X = np.linspace(0.0, 3.0, 50)


def decay(parameters, x):
    """a exp(-b x) + c, a model without linear rows."""
    a, b, c = (parameters[:, i : i + 1] for i in range(3))
    fall = jnp.exp(-b * x)
    return a * fall + c, jnp.stack([fall, -a * x * fall, jnp.ones_like(fall)], axis=1)


def double(parameters, x):
    """(a + b) x: what only the sum decides."""
    values = (parameters[:, :1] + parameters[:, 1:2]) * x
    return values, jnp.stack([x, x], axis=1)


def broken(parameters, x):
    """Not a number from the start."""
    return x * jnp.nan, jnp.stack([x * jnp.nan, x], axis=1)


def rows(count, noise, seed=0, dtype=np.float64):
    chance = np.random.default_rng(seed)
    true = np.stack(
        [chance.uniform(1.0, 3.0, count), chance.uniform(0.5, 3.0, count), chance.normal(size=count)], axis=1
    )
    exact = true[:, :1] * np.exp(-true[:, 1:2] * X) + true[:, 2:]
    measured = exact + noise * chance.normal(size=exact.shape)
    start = true * chance.uniform(0.7, 1.4, true.shape)
    x = jnp.asarray(np.broadcast_to(X, measured.shape).astype(dtype))
    return true, jnp.asarray(start.astype(dtype)), x, jnp.asarray(measured.astype(dtype))


def test_agrees_with_scipy():
    _, start, x, measured = rows(20, 0.05)
    fit = fit_rows(decay, start, x, measured, jnp.ones_like(measured))
    assert np.all(fit.converged) and np.all(fit.full_rank)
    for i in range(20):
        peer = least_squares(lambda p, i=i: p[0] * np.exp(-p[1] * X) + p[2] - np.asarray(measured[i]), start[i])
        np.testing.assert_allclose(fit.parameters[i], peer.x, atol=1e-5)
        np.testing.assert_allclose(fit.covariance[i], np.linalg.inv(peer.jac.T @ peer.jac), rtol=1e-3)
        np.testing.assert_allclose(fit.residuals[i], peer.fun, atol=1e-5)


def test_standard_errors_hold():
    true, start, x, measured = rows(1000, 0.05)
    fit = fit_rows(decay, start, x, measured, jnp.full_like(measured, 20.0))
    pull = (fit.parameters - true) / jnp.sqrt(jnp.diagonal(fit.covariance, axis1=1, axis2=2))
    assert np.all(np.abs(np.mean(np.abs(pull) < 1.0, axis=0) - 0.6827) < 0.05)
    assert np.all(np.abs(np.mean(pull, axis=0)) < 0.1)


def test_samples_of_no_weight_do_not_count():
    _, start, x, measured = rows(5, 0.05)
    weights = jnp.where(X < 2.0, jnp.ones_like(measured), 0.0)
    spoilt = jnp.where(X < 2.0, measured, 1e6)
    fits = [fit_rows(decay, start, x, target, weights) for target in (measured, spoilt)]
    np.testing.assert_allclose(fits[0].parameters, fits[1].parameters, rtol=1e-12)


def test_exact_data_are_met_to_rounding():
    true, start, x, measured = rows(10, 0.0)
    fit = fit_rows(decay, start, x, measured, jnp.ones_like(measured))
    assert np.all(fit.converged)
    np.testing.assert_allclose(fit.parameters, true, rtol=1e-9)


def test_rows_do_not_disturb_each_other():
    _, start, x, measured = rows(8, 0.05)
    together = fit_rows(decay, start, x, measured, jnp.ones_like(measured))
    spoilt = fit_rows(decay, start, x, measured.at[3].set(1e30), jnp.ones_like(measured))
    keep = np.arange(8) != 3
    np.testing.assert_array_equal(together.parameters[keep], spoilt.parameters[keep])


def test_parameters_that_cannot_be_parted_are_flagged_and_finite():
    x = jnp.asarray(np.broadcast_to(X, (3, X.size)))
    fit = fit_rows(double, jnp.ones((3, 2)), x, 3.0 * x, jnp.ones_like(x))
    assert not np.any(fit.full_rank) and np.all(np.isfinite(fit.covariance))
    np.testing.assert_allclose(fit.parameters.sum(axis=1), 3.0, rtol=1e-9)
    assert np.all(fit.covariance[:, 0, 0] > 1e6 / float(np.sum(X**2)))


def test_rows_without_weight_or_number_are_flagged():
    x = jnp.asarray(np.broadcast_to(X, (2, X.size)))
    fit = fit_rows(double, jnp.ones((2, 2)), x, x, jnp.zeros_like(x))
    assert not np.any(fit.full_rank) and np.all(np.isfinite(fit.parameters))
    fit = fit_rows(broken, jnp.ones((2, 2)), x, x, jnp.ones_like(x), steps=5)
    assert not np.any(fit.converged) and np.all(np.isfinite(fit.parameters))


def test_a_budget_that_is_spent_is_told():
    _, start, x, measured = rows(5, 0.05)
    fit = fit_rows(decay, 3.0 * start, x, measured, jnp.ones_like(measured), steps=2)
    assert not np.any(fit.converged) and np.all(fit.steps == 2)


def test_float32(float32):
    true, start, x, measured = rows(200, 0.05, dtype=np.float32)
    fit = fit_rows(decay, start, x, measured, jnp.full_like(measured, 20.0))
    assert fit.parameters.dtype == np.float32 and np.mean(fit.converged) > 0.99
    pull = (fit.parameters - true.astype(np.float32)) / jnp.sqrt(jnp.diagonal(fit.covariance, axis1=1, axis2=2))
    assert np.all(np.abs(np.mean(np.abs(pull) < 1.0, axis=0) - 0.6827) < 0.1)


@pytest.mark.parametrize("size", [1, 4, 9])
def test_inverse(size):
    chance = np.random.default_rng(1)
    root = chance.normal(size=(6, size, size + 3)) * 10.0 ** chance.uniform(-3.0, 3.0, (6, size, 1))
    matrices = root @ np.swapaxes(root, 1, 2)
    inverse, full_rank = invert_definite(jnp.asarray(matrices))
    assert np.all(full_rank)
    scale = np.sqrt(np.einsum("rii->ri", matrices))
    product = np.asarray(inverse @ matrices) * scale[:, :, None] / scale[:, None, :]
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(size), product.shape), atol=1e-7)
