"""Phases keep their digits: compared with exact rational arithmetic, in both precisions, compiled or not."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.phase import detuned_turns, reduced_turns, wavelength_offset

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
COMPILED = pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])


def draw(dtype, count=300):
    random = np.random.default_rng(7)
    n, length, wl = (
        random.uniform(1, 4, count),
        10 ** random.uniform(0, 5, count),
        random.uniform(1.2, 1.7, count),
    )
    return n.astype(dtype), length.astype(dtype), wl.astype(dtype)


def exact_turns(n, length, wl):
    turns = [
        Fraction(float(a)) * Fraction(float(b)) / Fraction(float(c)) for a, b, c in zip(n, length, wl, strict=True)
    ]
    return np.array([float(t - round(t)) for t in turns])


def distance(turns, reference):
    difference = np.asarray(turns, np.float64) - reference
    return np.max(np.abs(difference - np.round(difference)))


@DTYPES
@COMPILED
def test_reduced_turns_are_as_good_as_their_inputs(dtype, compiled):
    inputs = draw(dtype)
    function = jax.jit(reduced_turns) if compiled else reduced_turns
    turns = function(*map(jnp.asarray, inputs))
    assert turns.dtype == dtype
    assert np.max(np.abs(turns)) <= 0.5
    assert distance(turns, exact_turns(*inputs)) <= np.finfo(dtype).eps


def test_the_plain_product_would_fail_the_test_above():
    n, length, wl = draw(np.float32)
    assert distance(n * length / wl, exact_turns(n, length, wl)) > 1e4 * np.finfo(np.float32).eps


def test_host_numbers_are_reduced_in_double_precision_also_in_a_float32_program(float32):
    n, length, wl = draw(np.float64)
    keep = length < 1e4
    turns = reduced_turns(n[keep], length[keep], wl[keep])
    assert turns.dtype == jnp.float32
    assert distance(turns, exact_turns(n[keep], length[keep], wl[keep])) < 5e-8


def test_derivatives_are_those_of_the_plain_product():
    arguments = (2.4, 1000.0, 1.55)
    gradient = jax.grad(reduced_turns, argnums=(0, 1, 2))(*map(jnp.asarray, arguments))
    n, length, wl = arguments
    np.testing.assert_allclose(gradient, [length / wl, n / wl, -n * length / wl**2], rtol=1e-14)
    second = jax.grad(jax.grad(reduced_turns, argnums=2), argnums=2)(*map(jnp.asarray, arguments))
    np.testing.assert_allclose(second, 2 * n * length / wl**3, rtol=1e-13)


@COMPILED
def test_the_offset_of_single_precision_wavelengths_keeps_the_digits_of_the_reference(compiled):
    # The reference is not a float32 number. Compilers like to fold (wl - high) - low into wl - (high + low).
    wl = (1.55 + np.linspace(-1e-3, 1e-3, 101)).astype(np.float32)
    reference = 1.5501107221944426
    function = jax.jit(wavelength_offset, static_argnums=1) if compiled else wavelength_offset
    offset = np.asarray(function(jnp.asarray(wl), reference), np.float64)
    exact = wl.astype(np.float64) - reference
    np.testing.assert_allclose(offset, exact, rtol=2e-7, atol=1e-12)


def test_detuned_turns_are_the_turns_of_the_expanded_index():
    n0, n_g, curvature, extra, length, wl0 = 2.4, 4.2, -0.3, 0.002, 800.0, 1.55
    offset = jnp.linspace(-0.05, 0.05, 41)
    n = n0 + (n0 - n_g) * offset / wl0 + curvature * offset**2 + extra
    base = reduced_turns(n0, length, wl0)
    turns = detuned_turns(base, *map(jnp.asarray, (n_g * length, curvature * length, extra * length)), offset, wl0)
    assert distance(turns, np.asarray(n * length / (wl0 + offset))) < 1e-12


def test_a_millimetre_in_single_precision_is_wrong_by_microradians_not_milliradians(float32):
    n0, n_g, length, wl0 = 2.44, 4.2, 1000.0, 1.55
    wl = wl0 + np.linspace(-1e-3, 1e-3, 201)
    exact = (n0 + (n0 - n_g) * (wl - wl0) / wl0) * length / wl
    zero = jnp.zeros(())
    offset = wavelength_offset(wl, wl0)
    turns = detuned_turns(reduced_turns(n0, length, wl0), jnp.asarray(n_g * length), zero, zero, offset, wl0)
    assert turns.dtype == jnp.float32
    assert 2 * np.pi * distance(turns, exact) < 4e-6
    single = wl.astype(np.float32)
    bare = np.float32(n0) * np.float32(length) / single + np.float32((n0 - n_g) * length) * (
        single - np.float32(wl0)
    ) / (np.float32(wl0) * single)
    assert 2 * np.pi * distance(bare, exact) > 4e-4
