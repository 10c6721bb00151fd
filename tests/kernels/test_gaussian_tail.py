"""Tails of the normal distribution against SciPy, their asymptotic series, and differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from photonics_core.kernels.gaussian_tail import (
    FAR,
    gaussian_tail,
    hazard,
    inverse_gaussian_tail,
    inverse_log_gaussian_tail,
    log_gaussian_tail,
)


def mills_series(x, terms=12):
    """x times the ratio of tail to density: 1 - 1/x^2 + 3/x^4 - ..., summed to where its terms are least."""
    total, term = 1.0, 1.0
    for k in range(1, terms):
        term *= -(2 * k - 1) / x**2
        total += term
    return total


def test_the_logarithm_has_all_digits():
    x = np.linspace(-8.0, 40.0, 4801)
    np.testing.assert_allclose(log_gaussian_tail(x), special.log_ndtr(-x), rtol=1e-12)
    np.testing.assert_allclose(gaussian_tail(x[:4000]), special.ndtr(-x[:4000]), rtol=1e-12)
    assert float(log_gaussian_tail(0.0)) == pytest.approx(np.log(0.5), rel=1e-15)


def test_far_out_it_is_its_asymptotic_series():
    x = np.geomspace(12.0, 1e3, 60)
    rest = np.array([np.log(mills_series(each)) for each in x])
    ours = np.asarray(log_gaussian_tail(x)) + 0.5 * x**2 + np.log(x * np.sqrt(2.0 * np.pi))
    # Half of x squared was added to its negative: that leaves rounding.
    assert np.all(abs(ours - rest) < 1e-15 * x**2)
    slope = jax.vmap(jax.grad(log_gaussian_tail))(jnp.asarray(x))
    np.testing.assert_allclose(slope, [-each / mills_series(each) for each in x], rtol=1e-12)


def test_slopes_are_those_of_the_tail_everywhere():
    """The density over the tail, at the joints of the pieces and past underflow too."""
    x = jnp.asarray([-40.0, -3.0, -1e-9, 0.0, 1e-9, 1.0, FAR - 1e-9, FAR, FAR + 1e-9, 30.0, 1e3])
    slope = jax.vmap(jax.grad(log_gaussian_tail))(x)
    density = np.exp(-0.5 * np.asarray(x) ** 2 - 0.5 * np.log(2.0 * np.pi) - special.log_ndtr(-np.asarray(x)))
    np.testing.assert_allclose(slope[:-1], -density[:-1], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(slope, -hazard(x), rtol=1e-12, atol=1e-300)
    # h' = h (h - x), of which the second factor is a small difference far out.
    curve, h = jax.vmap(jax.grad(jax.grad(log_gaussian_tail)))(x), np.asarray(hazard(x))
    np.testing.assert_allclose(curve, -h * (h - np.asarray(x)), rtol=1e-9, atol=1e-5)


def test_the_inverse():
    p = np.concatenate([np.geomspace(1e-300, 0.5, 200), 1.0 - np.geomspace(1e-9, 0.49, 50)])
    np.testing.assert_allclose(inverse_gaussian_tail(p), -special.ndtri(p), rtol=1e-11, atol=1e-14)
    log_p = -np.geomspace(0.7, 1e5, 300)
    np.testing.assert_allclose(log_gaussian_tail(inverse_log_gaussian_tail(log_p)), log_p, rtol=1e-14)


def test_derivatives_of_the_inverse(assert_gradient):
    assert_gradient(inverse_gaussian_tail, jnp.asarray([1e-12, 0.3, 0.5, 0.9]))
    # x'' = x x'^2 for the inverse of the normal tail, as phi' = -x phi; in a scan too.
    p = jnp.asarray([1e-9, 0.2, 0.5, 0.7])

    def scanned(each):
        return jax.lax.scan(lambda carry, _: (carry, inverse_gaussian_tail(carry)), each, None, length=1)[1][0]

    x, first, second = (jax.vmap(each)(p) for each in (scanned, jax.grad(scanned), jax.grad(jax.grad(scanned))))
    np.testing.assert_allclose(second, x * first**2, rtol=1e-10, atol=1e-13)


def test_single_precision(float32):
    x = np.linspace(-5.0, 200.0, 500, dtype=np.float32)
    ours = log_gaussian_tail(x)
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, special.log_ndtr(-x.astype(float)), rtol=3e-6)
    assert np.all(np.isfinite(jax.vmap(jax.grad(log_gaussian_tail))(x)))
    p = np.geomspace(1e-30, 0.4, 50)
    np.testing.assert_allclose(inverse_gaussian_tail(p.astype(np.float32)), -special.ndtri(p), rtol=3e-6)


def test_wrong_chances():
    with pytest.raises(ValueError, match=r"p = 1 is outside \(0, 1\)"):
        inverse_gaussian_tail([0.3, 1.0])
    with pytest.raises(ValueError, match="log_p = -0.1"):
        inverse_log_gaussian_tail(-0.1)
