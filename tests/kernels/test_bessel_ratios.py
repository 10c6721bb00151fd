import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from photonics_core.kernels.bessel_ratios import j_pair, k_ratio, k_scaled


@pytest.mark.parametrize("order", [0, 1, 7, 50, 100])
def test_j_over_its_whole_range(order):
    x = np.linspace(0.0, 100.0, 500)
    pair = jax.vmap(lambda x: j_pair(jnp.int32(order), x))(jnp.asarray(x))
    for k, values in enumerate(pair):
        np.testing.assert_allclose(values, special.jv(order + k, x), atol=1e-14)


def test_k_over_its_whole_range():
    x = np.logspace(-11, 3, 300)
    zero, one = jax.vmap(k_scaled)(jnp.asarray(x))
    np.testing.assert_allclose(zero, special.k0e(x), rtol=4e-15)
    np.testing.assert_allclose(one, special.k1e(x), rtol=4e-15)


@pytest.mark.parametrize("order", [0, 1, 2, 5, 40])
def test_ratio_of_k(order):
    x = np.logspace(-1, 3, 100)
    mine = jax.vmap(lambda x: k_ratio(jnp.int32(order), x, 64))(jnp.asarray(x))
    np.testing.assert_allclose(mine, x * special.kve(order - 1, x) / special.kve(order, x), rtol=1e-14)


def test_derivatives_follow_the_equations_of_bessel():
    x, order = jnp.asarray(3.7), jnp.int32(2)
    first = jax.grad(lambda x: j_pair(order, x)[0])
    np.testing.assert_allclose(first(x), special.jvp(2, 3.7), rtol=1e-13)
    np.testing.assert_allclose(jax.grad(first)(x), special.jvp(2, 3.7, 2), rtol=1e-12)
    y = k_ratio(order, x, 4)
    # y = x K_1 / K_2 obeys y' = (y^2 + 2 l y - x^2) / x.
    np.testing.assert_allclose(jax.grad(lambda x: k_ratio(order, x, 4))(x), (y * y + 4.0 * y - x * x) / x, rtol=1e-12)


def test_single_precision(float32):
    x = np.logspace(-4, 2, 60)
    mine = jax.vmap(lambda x: k_ratio(jnp.int32(1), x, 4))(jnp.asarray(x, jnp.float32))
    assert mine.dtype == jnp.float32
    np.testing.assert_allclose(mine, x * special.k0e(x) / special.k1e(x), rtol=1e-5)
    mine = jax.vmap(lambda x: j_pair(jnp.int32(3), x)[1])(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(mine, special.jv(4, x), atol=1e-5)
