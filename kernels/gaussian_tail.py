"""Tails of the normal distribution, their logarithms and their inverses, to the last digits however far out.

    Q(x) = erfc(x / sqrt 2) / 2,    d log Q / dx = -(x + F(x)),    F(x) = 1 / (x + 2 / (x + 3 / (x + ...)))

From x = 9 on log Q = -x^2 / 2 - log(sqrt(2 pi) (x + F)), of which nothing overflows or cancels (continued fraction of
Laplace; M. Abramowitz and I. A. Stegun, Handbook (1964), 26.2.14, from memory, checked against SciPy).
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import erfc

from photonics_core.kernels.checks import check_range
from photonics_core.kernels.elementwise import with_rule

#: From here on the continued fraction is used, to this depth, which leaves out 1e-15 of the tail there.
FAR, DEPTH = 9.0, 11
#: Steps of Newton's method from a start that is right to 4.5e-4, in float64.
STEPS = 3
_LOG_HALF = math.log(0.5)


def gaussian_tail(x: Any) -> jax.Array:
    """Chance Q(x) of a standard normal number to lie above `x`, any shape; it underflows beyond 38 (13 in float32)."""
    return 0.5 * erfc(_real(x) * math.sqrt(0.5))


def log_gaussian_tail(x: Any) -> jax.Array:
    """Natural logarithm of `gaussian_tail`, for any x; its derivatives are finite and right to the last digits too."""
    x = _real(x)
    is_far, is_above = x > FAR, x > 0.0
    # `where`, for `maximum` halves the slope at its kink.
    far, near = jnp.where(is_far, x, FAR), jnp.where(is_far, FAR, x)
    # Half of the density lies on each side: the smaller part is what erfc gives to all digits.
    above = jnp.log(gaussian_tail(jnp.where(is_above, near, 0.0)))
    below = jnp.log1p(-gaussian_tail(jnp.where(is_above, 0.0, -near)))
    beyond = -0.5 * far**2 - jnp.log(math.sqrt(2.0 * math.pi) * (far + excess_hazard(far)))
    return jnp.where(is_far, beyond, jnp.where(is_above, above, below))


def excess_hazard(x: Any) -> jax.Array:
    """F(x) = phi(x) / Q(x) - x by its continued fraction, for x from 9 on."""
    x = _real(x)
    fraction = jnp.zeros_like(x)
    for k in range(DEPTH, 0, -1):
        fraction = k / (x + fraction)
    return fraction


def hazard(x: Any) -> jax.Array:
    """phi(x) / Q(x), the slope of -log Q(x), for any x."""
    x = _real(x)
    is_far = x > FAR
    near, far = jnp.where(is_far, FAR, x), jnp.where(is_far, x, FAR)
    density = jnp.exp(-0.5 * near**2) / math.sqrt(2.0 * math.pi)
    return jnp.where(is_far, far + excess_hazard(far), density / gaussian_tail(near))


def inverse_gaussian_tail(p: Any) -> jax.Array:
    """The x above which a standard normal number lies with the chance `p`, within (0, 1), any shape.

    Raises:
        ValueError: for a chance outside (0, 1).
    """
    check_range("p", p, 0.0, 1.0, exclusive=True)
    p = _real(p)
    is_low = p <= 0.5
    x = inverse_log_gaussian_tail(jnp.log(jnp.where(is_low, p, 1.0 - p)))
    return jnp.where(is_low, x, -x)


def inverse_log_gaussian_tail(log_p: Any) -> jax.Array:
    """The x with `log_gaussian_tail(x)` = `log_p`, for log_p within (-inf, log 1/2], any shape.

    Raises:
        ValueError: for a logarithm above log 1/2.
    """
    check_range("log_p", log_p, high=_LOG_HALF * (1.0 - 1e-6))
    return _inverse(_real(log_p))[0]


def _inverse_values(log_p: jax.Array) -> tuple[jax.Array]:
    """Abramowitz and Stegun, 26.2.23 (from memory, checked), then Newton's steps on the logarithm."""
    t = jnp.sqrt(-2.0 * log_p)
    above = 2.515517 + t * (0.802853 + t * 0.010328)
    below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    start = t - above / below
    return (lax.fori_loop(0, STEPS, lambda _, x: x + (log_gaussian_tail(x) - log_p) / hazard(x), start),)


def _inverse_rule(primals: Any, tangents: Any) -> Any:
    (x,) = _inverse(*primals)
    return (x,), (-tangents[0] / hazard(x),)


_inverse = with_rule("inverse_log_gaussian_tail", _inverse_values, _inverse_rule, (0,))


def _real(x: Any) -> jax.Array:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))
