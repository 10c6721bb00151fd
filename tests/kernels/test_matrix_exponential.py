"""exp(i X) against SciPy, its derivatives against the Frechet derivative, and what may not change either."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm, expm_frechet

from photonics_core.kernels.matrix_exponential import exponential, halvings, is_hermitian, make_unitary, norm_bound

SIZES = pytest.mark.parametrize("n", [1, 2, 3, 7, 16])


def random_matrices(n, count=4, seed=0, norm=1.0):
    """Random complex matrices [count, n, n] of the given spectral norm."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, n, n)) + 1j * random.normal(size=(count, n, n))
    return norm * x / np.linalg.norm(x, ord=2, axis=(-2, -1))[:, None, None]


def hermitian_matrices(n, count=4, seed=0, norm=1.0):
    x = random_matrices(n, count, seed)
    x = x + np.conj(np.swapaxes(x, -1, -2))
    return norm * x / np.linalg.norm(x, ord=2, axis=(-2, -1))[:, None, None]


@jax.jit
def plain(x):
    return exponential(x, jnp.zeros(x.shape[:-2], bool))


@SIZES
@pytest.mark.parametrize("norm", [0.0, 1e-3, 1.0, 5.0, 20.0])
def test_equals_scipy(n, norm):
    x = random_matrices(n, norm=norm)
    expected = np.array([expm(1j * one) for one in x])
    assert_allclose(plain(jnp.asarray(x)), expected, rtol=0, atol=2e-14 * np.max(np.abs(expected)))


@SIZES
@pytest.mark.parametrize("norm", [1.0, 1e2, 1e3])
def test_hermitian_matrices_to_a_thousand_radians(n, norm):
    x = hermitian_matrices(n, norm=norm)
    values, vectors = np.linalg.eigh(x)
    expected = (vectors * np.exp(1j * values)[:, None, :]) @ np.conj(np.swapaxes(vectors, -1, -2))
    got = exponential(jnp.asarray(x), is_hermitian(jnp.asarray(x)))
    assert_allclose(got, expected, rtol=0, atol=1e-15 * (5.0 + norm))
    assert_allclose(
        np.conj(np.swapaxes(got, -1, -2)) @ np.asarray(got), np.broadcast_to(np.eye(n), x.shape), atol=1e-15
    )


@SIZES
def test_each_matrix_of_a_batch_is_squared_as_often_as_it_needs(n):
    x = jnp.asarray(random_matrices(n) * np.array([1e-6, 0.5, 3.0, 30.0])[:, None, None])
    assert_allclose(plain(x), jnp.stack([plain(one) for one in x]), rtol=1e-13, atol=1e-15)
    assert_allclose(jax.vmap(plain)(x), plain(x), rtol=1e-13, atol=1e-15)
    assert_allclose(
        jax.vmap(plain, in_axes=2, out_axes=1)(jnp.moveaxis(x, 0, 2)), jnp.moveaxis(plain(x), 0, 1), rtol=1e-13
    )


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("norm", [0.0, 0.3, 8.0])
def test_forward_and_reverse_derivatives_are_the_frechet_derivative(n, norm):
    (x,), (e, g) = random_matrices(n, 1, norm=norm), random_matrices(n, 2, seed=1)
    expected = expm_frechet(1j * x, 1j * e, compute_expm=False)
    forward = jax.jvp(plain, (jnp.asarray(x),), (jnp.asarray(e),))[1]
    scale = np.max(np.abs(expected))
    assert_allclose(forward, expected, atol=1e-13 * scale)
    # The pairing without conjugation, as JAX has it: sum(g L(e)) = sum(L^T(g) e).
    (reverse,) = jax.vjp(plain, jnp.asarray(x))[1](jnp.asarray(g))
    assert np.sum(np.asarray(reverse) * e) == pytest.approx(np.sum(g * expected), abs=1e-12 * scale)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("norm", [0.0, 2.0])
def test_second_derivatives_are_differences_of_first_ones(n, norm):
    (x,), (e, g) = random_matrices(n, 1, norm=norm), random_matrices(n, 2, seed=1)

    def slope(t):
        return jax.jvp(plain, (jnp.asarray(x) + t.astype(complex) * g,), (jnp.asarray(1e3 * e),))[1]

    second = jax.jvp(slope, (jnp.asarray(0.0),), (jnp.asarray(1.0),))[1]
    high, low = (expm_frechet(1j * (x + h * g), 1e3j * e, compute_expm=False) for h in (1e-4, -1e-4))
    assert_allclose(second, (high - low) / 2e-4, atol=1e-7 * np.max(np.abs(second)))


@pytest.mark.parametrize("n", [2, 3, 6])
def test_a_long_absorber_neither_overflows_nor_grows(n):
    loss = np.diag(np.linspace(0.0, 5e3, n)) * 1j
    x = jnp.asarray(hermitian_matrices(n, 1)[0] * 100.0 + loss + 1e5 * np.eye(n))
    assert np.linalg.norm(plain(x), ord=2) <= 1.0
    assert np.all(np.isfinite(jax.jit(jax.jacfwd(lambda s: plain(s.astype(complex) * x)))(jnp.asarray(1.0))))


def test_a_newton_schulz_step_moves_only_where_told_and_derivatives_pass_it_by():
    u = jnp.asarray(np.linalg.qr(random_matrices(4, 2))[0] * (1.0 + 1e-6))
    polished = make_unitary(u, jnp.array([True, False]))
    assert_allclose(np.conj(polished[0].T) @ np.asarray(polished[0]), np.eye(4), atol=1e-11)
    assert_allclose(polished[1], u[1], atol=0)
    change = jnp.asarray(random_matrices(4, 2, seed=2))
    assert_allclose(jax.jvp(lambda x: make_unitary(x, jnp.array([True, True])), (u,), (change,))[1], change, atol=0)


def test_hermitian_means_to_the_last_bit():
    x = hermitian_matrices(3, 2)
    x = 0.5 * (x + np.conj(np.swapaxes(x, -1, -2)))
    x[1, 0, 1] *= 1 + 1e-15
    assert_allclose(is_hermitian(jnp.asarray(x)), [True, False])


def test_the_norm_is_a_bound_and_halvings_bring_it_below():
    x = random_matrices(5, 50, norm=7.0)
    assert np.all(norm_bound(jnp.asarray(x)) >= 7.0)
    norm = jnp.array([0.0, 0.5, 0.51, 1e3, jnp.nan, jnp.inf])
    assert halvings(norm, 0.5, 40).tolist() == [0, 0, 1, 11, 0, 0]


@SIZES
def test_single_precision(n, float32):
    x = hermitian_matrices(n, norm=10.0)
    got = plain(jnp.asarray(x, jnp.complex64))
    assert got.dtype == jnp.complex64
    assert_allclose(got, [expm(1j * one) for one in x], atol=2e-5)
