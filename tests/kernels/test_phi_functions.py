"""The phi functions of exponential integrators: their integrals, both precisions, derivatives."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.phi_functions import phi_doubled, phi_functions, phi_near


def test_phi_functions_are_their_integrals():
    """phi_k(z) = int_0^1 exp((1 - x) z) x^(k-1) / (k-1)! dx, by Gauss's rule of 60 points."""
    x, weight = np.polynomial.legendre.leggauss(60)
    x, weight = 0.5 * (x + 1.0), 0.5 * weight
    turns = np.exp(2j * np.pi * np.arange(7) / 7)
    z = np.concatenate([[0.0], *(r * turns for r in (1e-8, 0.3, 0.999, 1.001, 6.0))])
    kernel = np.exp(np.multiply.outer(z, 1.0 - x))
    exact = [np.exp(z), *(kernel @ (weight * x**k / math.factorial(k)) for k in range(3))]
    half = phi_functions(jnp.asarray(0.5 * z))
    for found, twice, each in zip(phi_functions(jnp.asarray(z)), phi_doubled(half), exact, strict=True):
        np.testing.assert_allclose(found, each, rtol=3e-14)
        np.testing.assert_allclose(twice, each, rtol=3e-14)


@pytest.mark.parametrize("reach", [0.25, 1.0])
def test_the_series_reaches_as_far_as_it_says(reach):
    z = reach * np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 40))
    for found, exact in zip(phi_near(jnp.asarray(z), reach), phi_functions(jnp.asarray(z)), strict=True):
        np.testing.assert_allclose(found, exact, rtol=4e-16 * 4)
    for real, whole in zip(
        phi_near(jnp.asarray(-reach), reach), phi_near(jnp.asarray(-reach + 0j), reach), strict=True
    ):
        assert real.dtype == jnp.float64
        np.testing.assert_allclose(whole, real, rtol=1e-15)


def test_single_precision(float32):
    z = np.array([0.9j, 3.0 - 2.0j, -80.0], np.complex64)
    exact = [np.exp(z.astype(complex))]
    for constant in (1.0, 1.0, 0.5):
        exact.append((exact[-1] - constant) / z)
    for found, each in zip(phi_functions(jnp.asarray(z)), exact, strict=True):
        assert found.dtype == jnp.complex64
        np.testing.assert_allclose(found, each, rtol=1e-6, atol=1e-30)
    tiny = phi_functions(jnp.asarray([0.0, 1e-6], jnp.float32))
    np.testing.assert_allclose(tiny, [[1.0] * 2, [1.0] * 2, [1.0 / 2.0] * 2, [1.0 / 6.0] * 2], rtol=2e-6)


def test_derivatives_are_finite_and_right_at_zero_and_where_the_formulas_change():
    for number in range(1, 4):
        for z in (0.0, 1.0 - 1e-9, 1.0 + 1e-9, -700.0):
            slope = jax.grad(lambda z, number=number: phi_functions(z)[number])(z)
            step = 1e-5
            ends = [float(phi_functions(jnp.asarray(z + side * step))[number]) for side in (1.0, -1.0)]
            np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2.0 * step), rtol=1e-8, atol=1e-10)
