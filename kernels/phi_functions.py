"""The phi functions of exponential integrators.

phi_1 = (e^z - 1) / z, phi_2 = (phi_1 - 1) / z and phi_3 = (phi_2 - 1/2) / z are 1 / k! at zero, where these formulas
would lose all digits; so up to |z| = 1 phi_3 is a series, and the others follow from it without differences (Hochbruck
and Ostermann, Acta Numerica 19, 209 (2010)).
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

#: Up to where series are used.
REACH = 1.0

Phi = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def phi_functions(z: jax.Array) -> Phi:
    """e^z, phi_1, phi_2 and phi_3 of real or complex numbers."""
    near = z.real**2 + z.imag**2 <= REACH**2
    # Where a formula is not used it must yet not overflow, or derivatives would not be finite.
    far = jnp.where(near, jnp.ones_like(z), z)
    whole = [jnp.exp(far)]
    for constant in (1.0, 1.0, 0.5):
        whole.append((whole[-1] - constant) / far)
    series = phi_near(jnp.where(near, z, jnp.zeros_like(z)))
    return tuple(jnp.where(near, *pair) for pair in zip(series, whole, strict=True))  # pyright: ignore[reportReturnType]


def phi_near(z: jax.Array, reach: float = REACH) -> Phi:
    """The same for |z| up to `reach`, which says how many terms there are."""
    count = _terms(reach, float(jnp.finfo(z.dtype).eps))
    third = _polynomial([1.0 / math.factorial(k + 3) for k in range(count)], z)
    second = z * third + 0.5
    first = z * second + 1.0
    return z * first + 1.0, first, second, third


def phi_doubled(phi: Phi) -> Phi:
    """The phi functions of 2 z from those of z; no differences, so nothing is lost."""
    whole, first, second, third = phi
    return (
        whole * whole,
        0.5 * first * (whole + 1.0),
        0.25 * first * first + 0.5 * second,
        0.125 * (first * second + second) + 0.25 * third,
    )


def _polynomial(coefficients: list[float], z: jax.Array) -> jax.Array:
    *lower, last = coefficients
    if not jnp.iscomplexobj(z):
        total = jnp.full_like(z, last)
        for coefficient in reversed(lower):
            total = total * z + coefficient
        return total
    # A real polynomial at complex z by division by (x - z) (x - conj(z)), which needs real numbers only.
    double, square = 2.0 * z.real, z.real**2 + z.imag**2
    high, higher = jnp.full_like(double, last), jnp.zeros_like(double)
    for coefficient in lower[:0:-1]:
        high, higher = coefficient + (double * high - square * higher), high
    return lax.complex(lower[0] + z.real * high - square * higher, z.imag * high)


def _terms(reach: float, precision: float) -> int:
    """Terms of phi_3 that matter for |z| up to `reach`."""
    count = 2
    while 6.0 * reach**count / math.factorial(count + 3) > 0.25 * precision:
        count += 1
    return count
