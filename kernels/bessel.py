"""Bessel functions J_0 and J_1 of a real argument, for the Fourier transforms of round shapes.

Up to 25 they are means over an angle, J_0(x) = mean of cos(x sin t) and J_1(x) = mean of sin(x sin t) sin t: the
trapezoidal rule with 64 points around the circle, 16 by symmetry, is off by J_64(x). Beyond, Hankel's expansion
J_n = sqrt(2 / (pi x)) (P cos(x - a) - Q sin(x - a)), a = pi / 4 + n pi / 2 (NIST Digital Library of Mathematical
Functions, 10.9.1 and 10.17.3). Absolute errors are some units of rounding of 1 and of the phase x.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

_POINTS = 16
_BORDER = 25.0
_TERMS = 9


@jax.custom_jvp
def j0(x: jax.Array) -> jax.Array:
    """Bessel function J_0 of real x, any shape; its derivative is -J_1."""
    return _both(x)[0]


@j0.defjvp
def _j0_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (change,) = primals, tangents
    return j0(x), -j1(x) * change


@jax.custom_jvp
def j1(x: jax.Array) -> jax.Array:
    """Bessel function J_1 of real x, any shape; its derivative is J_0 - J_1 / x."""
    return _both(x)[1]


@j1.defjvp
def _j1_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (change,) = primals, tangents
    return j1(x), (j0(x) - 0.5 * j1_ratio(x)) * change


@jax.custom_jvp
def j1_ratio(x: jax.Array) -> jax.Array:
    """2 J_1(x) / x, which is 1 at x = 0; any shape."""
    small = jnp.abs(x) < 1e-3
    series = 1.0 - x**2 / 8.0 * (1.0 - x**2 / 24.0)
    return jnp.where(small, series, 2.0 * j1(x) / jnp.where(small, 1.0, x))


@j1_ratio.defjvp
def _j1_ratio_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (change,) = primals, tangents
    # d(2 J_1 / x)/dx = -2 J_2 / x = 2 (J_0 - 2 J_1 / x) / x, by a series where that cancels.
    small = jnp.abs(x) < 0.5
    series, square = jnp.zeros_like(x), jnp.where(small, x, 0.0) ** 2 / 4.0
    for n in range(7, -1, -1):
        series = 1.0 / (math.factorial(n) * math.factorial(n + 2)) - square * series
    slope = jnp.where(small, -0.5 * x * series, 2.0 * (j0(x) - j1_ratio(x)) / jnp.where(small, 1.0, x))
    return j1_ratio(x), slope * change


def _both(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    size = jnp.abs(x)
    near, far = jnp.minimum(size, _BORDER), jnp.maximum(size, _BORDER)
    zero, one = jnp.zeros_like(x), jnp.zeros_like(x)
    for sine in np.sin((np.arange(_POINTS) + 0.5) * (0.5 * math.pi / _POINTS)):
        zero = zero + jnp.cos(near * float(sine)) / _POINTS
        one = one + jnp.sin(near * float(sine)) * (float(sine) / _POINTS)
    inside = size < _BORDER
    signed = jnp.where(inside, one, _expansion(far, 1)) * jnp.where(x < 0, -1.0, 1.0).astype(x.dtype)
    return jnp.where(inside, zero, _expansion(far, 0)), signed


def _expansion(x: jax.Array, order: int) -> jax.Array:
    """Hankel's expansion for x of `_BORDER` or more."""
    coefficients = [1.0]
    for k in range(1, 2 * _TERMS):
        coefficients.append(coefficients[-1] * (4.0 * order**2 - (2.0 * k - 1.0) ** 2) / (8.0 * k))
    square = 1.0 / x**2
    even, odd = jnp.zeros_like(x), jnp.zeros_like(x)
    for k in range(_TERMS - 1, -1, -1):
        even, odd = coefficients[2 * k] - even * square, coefficients[2 * k + 1] - odd * square
    sine, cosine = jnp.sin(x), jnp.cos(x)
    # cos(x - a) and sin(x - a) of the exact x, so that only the phase itself is rounded.
    turned = (cosine + sine, sine - cosine) if order == 0 else (sine - cosine, -(cosine + sine))
    return (even * turned[0] - odd / x * turned[1]) / jnp.sqrt(math.pi * x)
