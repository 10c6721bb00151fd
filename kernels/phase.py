"""Propagation phases that keep their digits in float32.

A millimetre of waveguide is some 2000 turns of phase; float32 keeps 7 digits of that number, so the phase itself
would be wrong by milliradians. Only the fraction of a turn matters. It is formed here from two parts:

* the turns at a reference wavelength, reduced modulo one without rounding loss (`reduced_turns`), and
* the turns by which a wavelength differs from the reference, formed from the wavelength difference (`detuned_turns`).

One turn is a phase of 2 pi.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.checks import is_concrete


def wavelength_offset(wl: Any, reference: Any) -> jax.Array:
    """Difference `wl - reference` in um, taken on the host in float64 wherever both are plain numbers."""
    if _on_host(wl, reference):
        return jnp.asarray(np.asarray(wl, np.float64) - np.asarray(reference, np.float64))
    wl = jnp.asarray(wl)
    high, low = _two_parts(reference, wl.dtype)
    # The barrier keeps the compiler from folding the two constants back into one.
    return lax.optimization_barrier(wl - high) - low


def reduced_turns(n: Any, length: Any, wl: Any) -> jax.Array:
    """Turns n * length / wl, less the nearest whole number.

    Host numbers are reduced in float64. Arrays of JAX are reduced in twice their own precision, so that the result
    is as good as the inputs are: the rounding of the large product never enters.

    Args:
        n: real refractive index, any shape.
        length: length in um, broadcast with n.
        wl: free-space wavelength in um, broadcast with n.

    Returns:
        The turns in [-1/2, 1/2]; the derivative is that of n * length / wl.
    """
    if _on_host(n, length, wl):
        turns = np.asarray(n, np.float64) * np.asarray(length, np.float64) / np.asarray(wl, np.float64)
        return jnp.asarray(turns - np.round(turns))
    dtype = jnp.result_type(*(x.dtype for x in map(jnp.asarray, (n, length, wl))))
    # Adding zero makes arrays of JAX: a rule of differentiation cannot take a NumPy constant inside vmap inside jit.
    zero = jnp.zeros((), dtype)
    return _reduced_turns(jnp.asarray(n, dtype) + zero, jnp.asarray(length, dtype) + zero, *_two_parts(wl, dtype))


def _two_parts(value: Any, dtype: Any) -> tuple[jax.Array, jax.Array]:
    """A host number as the sum of two of `dtype`; an array of JAX has all its digits in the first."""
    high = jnp.asarray(value, dtype)
    if not _on_host(value):
        return high, jnp.zeros_like(high)
    rounded = np.asarray(value, np.float64).astype(dtype).astype(np.float64)
    return high, jnp.asarray(np.asarray(value, np.float64) - rounded, dtype)


def _on_host(*values: Any) -> bool:
    return is_concrete(*values) and not any(isinstance(value, jax.Array) for value in values)


@jax.custom_jvp
def _reduced_turns(n: jax.Array, length: jax.Array, wl: jax.Array, wl_low: jax.Array) -> jax.Array:
    # n * length as an unevaluated sum high + low, then a long division by wl + wl_low whose remainder is exact.
    high, low = _two_product(n, length)
    quotient = jnp.round(high / wl)
    product, product_low = _two_product(quotient, wl)
    remainder = (high - product) + (low - product_low) - quotient * wl_low
    turns = remainder / wl
    return turns - jnp.round(turns)


@_reduced_turns.defjvp
def _reduced_turns_jvp(primals: Any, tangents: Any) -> Any:
    n, length, wl, _ = primals
    dn, dlength, dwl, _ = tangents
    tangent = (n / wl) * dlength + (length / wl) * dn - (n / wl) * (length / wl) * dwl
    return _reduced_turns(*primals), tangent


def _two_product(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Product a * b as high + low without rounding error (Dekker, Numer. Math. 18, 224 (1971))."""
    high = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    low = a_low * b_low - (((high - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return high, low


def _split(a: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Halves of a number's digits. Masking the bits, unlike Dekker's multiplication, survives any rewriting."""
    integer, mask = (jnp.uint64, ~0x7FFFFFF) if a.dtype == jnp.float64 else (jnp.uint32, ~0xFFF)
    bits = jax.lax.bitcast_convert_type(a, integer)
    high = jax.lax.bitcast_convert_type(bits & integer(mask & jnp.iinfo(integer).max), a.dtype)
    return high, a - high


@functools.partial(jax.jit, inline=True)
def detuned_turns(
    base: jax.Array,
    slope: jax.Array,
    curvature: jax.Array,
    extra: jax.Array,
    offset: jax.Array,
    reference: Any,
) -> jax.Array:
    """Turns at wavelength reference + offset, from the reduced turns at the reference.

    With n(wl) = n_0 + (n_0 - n_g) offset / reference + n_2 offset^2 + n_extra, the turns n L / wl are exactly
    n_0 L / reference - [n_g L offset / reference - n_2 L offset^2 - n_extra L] / wl. All large terms are in `base`.

    Args:
        base: reduced turns n_0 L / reference, broadcast with the others.
        slope: n_g L in um.
        curvature: n_2 L in 1/um.
        extra: n_extra L in um, the part of the index that does not depend on wavelength (heat).
        offset: wl - reference in um.
        reference: reference wavelength in um.
    """
    wl = reference + offset
    return base - (slope * (offset / reference) - curvature * offset**2 - extra) / wl
