"""Bessel functions for round guides: pairs J_l, J_{l+1} and ratios of K, from their integrals by fixed quadratures.

The trapezoidal rule converges geometrically for both integrals, so that a fixed number of points gives every digit and
automatic derivatives are as accurate as the values. Only ratios of K are formed, with the exponential taken out, so
that none overflows.

Sources: N. M. Temme, J. Comput. Phys. 19, 324 (1975), for the recurrence; L. N. Trefethen and J. A. C. Weideman,
SIAM Rev. 56, 385 (2014), for the quadratures.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_J_POINTS = 128
_K_POINTS = 112
_K_EXPONENT = 42.0  # exp(-42) of the integrand's peak is left out

#: Largest order plus argument of `j_pair`.
J_LIMIT = 210.0


def j_pair(order: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Bessel functions J_l(x) and J_{l+1}(x), from the mean of cos(l t - x sin t).

    Args:
        order: l at least 0, integer scalar.
        x: argument at least 0, scalar; order and argument together at most `J_LIMIT`.

    Returns:
        The two values, each with an absolute error of a few units of rounding of the larger of 1 and the argument.
    """
    t = (np.arange(_J_POINTS) + 0.5) * (math.pi / _J_POINTS)
    nodes, sines, cosines = (jnp.asarray(values, x.dtype) for values in (t, np.sin(t), np.cos(t)))
    phase = order.astype(x.dtype) * nodes - x * sines
    real, imaginary = jnp.cos(phase), jnp.sin(phase)
    return jnp.mean(real), jnp.mean(real * cosines - imaginary * sines)


def k_scaled(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Modified Bessel functions exp(x) K_0(x) and exp(x) K_1(x) for a scalar x of 1e-12 or more.

    They are the integrals of exp(-x (cosh t - 1)) and the same times cosh t over t from 0.
    """
    fixed = lax.stop_gradient(x)
    # The point where x (cosh t - 1) reaches the exponent, t = 2 arsinh(sqrt(exponent / 2 x)).
    end = 2.0 * jnp.arcsinh(jnp.sqrt(0.5 * _K_EXPONENT / fixed))
    step = end / _K_POINTS
    growth = 2.0 * jnp.sinh(0.5 * step * jnp.arange(1, _K_POINTS + 1, dtype=x.dtype)) ** 2
    weight = jnp.exp(-x * growth)
    return step * (0.5 + jnp.sum(weight)), step * (0.5 + jnp.sum(weight * (1.0 + growth)))


def k_ratio(order: jax.Array, x: jax.Array, steps: int) -> jax.Array:
    """Ratio y = x K_{l-1}(x) / K_l(x), so that x K_{l+1} / K_l = y + 2 l and -x K_l' / K_l = y + l.

    Args:
        order: l within [0, steps], integer scalar.
        x: argument of 1e-12 or more, scalar.
        steps: steps of the recurrence y_{l+1} = x^2 / (y_l + 2 l), which is stable upwards.

    Returns:
        The ratio, scalar.
    """
    k_zero, k_one = k_scaled(x)

    def climb(y, k):
        return jnp.where(k < order, x * x / (y + 2.0 * k.astype(x.dtype)), y), None

    y, _ = lax.scan(climb, x * k_one / k_zero, jnp.arange(steps, dtype=order.dtype))
    return y


def k_fall(order: int, w: jax.Array, x: jax.Array) -> jax.Array:
    """Ratio K_l(w x) / K_l(w) for x at least 1 and w of 1e-12 or more, scalars; the order l at least 0, static."""
    (far, far_one), (near, near_one) = k_scaled(w * x), k_scaled(w)
    ratio = far / near * jnp.exp(-w * (x - 1.0))
    y_far, y_near = w * x * far_one / far, w * near_one / near
    for k in range(order):
        rise_far, rise_near = y_far + 2.0 * k, y_near + 2.0 * k
        ratio = ratio * rise_far / (rise_near * x)
        y_far, y_near = (w * x) ** 2 / rise_far, w**2 / rise_near
    return ratio
