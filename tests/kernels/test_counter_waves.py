import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from photonics_core.kernels.counter_waves import counter_coupled, even_waves


def by_matrix_exponential(kappa, delta, loss, length):
    """The same section by the exponential of its generator, turned from transfer to scattering."""
    d = delta + 1j * loss
    m = expm(1j * length * np.array([[d, kappa], [-kappa, -d]]))
    return np.array([[-m[1, 0], 1.0], [m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0], m[0, 1]]]) / m[1, 1]


@pytest.mark.parametrize("kappa", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("delta", [0.0, 0.01, -0.03, 0.2])
@pytest.mark.parametrize("loss", [0.0, 1e-3])
def test_equals_the_matrix_exponential(kappa, delta, loss):
    ours = counter_coupled(*(jnp.asarray(x) for x in (kappa, delta, loss, 100.0)))
    np.testing.assert_allclose(ours, by_matrix_exponential(kappa, delta, loss, 100.0), atol=1e-12)


def test_lossless_sections_are_unitary_at_random():
    draw = np.random.default_rng(0).uniform
    args = [
        jnp.asarray(draw(0, 0.2, 500)),
        jnp.asarray(draw(-0.3, 0.3, 500)),
        jnp.zeros(500),
        jnp.asarray(draw(1, 300, 500)),
    ]
    s = counter_coupled(*args)
    product = jnp.matmul(jnp.conj(jnp.swapaxes(s, -1, -2)), s)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(2), (500, 2, 2)), atol=1e-12)


def test_even_waves_are_smooth_through_zero():
    """Values and derivatives on either side of q = 0, and at it, follow the power series."""
    length = jnp.asarray(3.0)
    for square in (0.0, 1e-12, -1e-12, 1e-3, -1e-3):
        z = jnp.asarray(square, complex)
        cosine, sine, exponent = even_waves(z, length)
        series = sum((-square) ** k * 3.0 ** (2 * k + 1) / np.prod(np.arange(1.0, 2 * k + 2)) for k in range(8))
        np.testing.assert_allclose(np.asarray(sine) * np.exp(exponent), series, rtol=1e-12)
        slope = jax.jvp(
            lambda x, e=exponent: even_waves(x, length)[1] * jnp.exp(e).astype(complex), (z,), (jnp.ones_like(z),)
        )[1]
        by_series = sum(
            -k * (-square) ** (k - 1) * 3.0 ** (2 * k + 1) / np.prod(np.arange(1.0, 2 * k + 2)) for k in range(1, 9)
        )
        np.testing.assert_allclose(slope, by_series, rtol=1e-10)
        assert np.isfinite(cosine)


def test_single_precision_keeps_close_to_double(float32):
    args = np.array([0.03, 0.0301, 0.0, 500.0])
    single = np.asarray(counter_coupled(*(jnp.asarray(x, jnp.float32) for x in args)))
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, by_matrix_exponential(*args), atol=2e-5)


def test_a_section_of_ten_thousand_exponents_does_not_overflow():
    s = counter_coupled(*(jnp.asarray(x) for x in (1.0, 0.0, 0.0, 1e4)))
    np.testing.assert_allclose(s, [[1j, 0.0], [0.0, 1j]], atol=1e-12)
