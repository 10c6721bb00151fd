"""Probability that a normal point of the plane lies within an ellipse, smooth in all that it depends on.

With x and y independent and normal, of mean zero and deviations s_x and s_y, and the form f(x, y) = level + slope . r +
r^T bend r / 2 of a positive definite matrix, P(f <= limit) is an integral over x, the coordinate of the smaller
deviation, of

    n(x) (Phi((y_c(x) + h(x)) / s_y) - Phi((y_c(x) - h(x)) / s_y))

between the ends x_c -+ a of the ellipse, where y_c -+ h are its two sides and h^2 = (h_1 / h_yy) (a^2 - (x - x_c)^2).
The range is cut where n ends, at REACH deviations, and x = mid + half sin(theta) takes the roots at the ends of the
ellipse away: the integrand is analytic, and Gauss and Legendre's rule in theta converges exponentially. In a circle
with equal deviations the probability is one less Marcum's Q of order one, 1 - Q_1(offset / s, radius / s).

Limits: with 48 nodes 3e-10 while the ellipse is up to thirty times as wide as the deviations, 2e-4 at a hundred times.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.gaussian_overlap import OffsetForm

#: Deviations beyond which the normal density is left out; a mass of 8e-11.
REACH = 6.5
#: Least ratio of both deviations; what is below counts as this.
THINNEST = 1e-4
#: Least deviation in um.
_SMALLEST = 1e-9


def ellipse_probability(
    form: OffsetForm, deviation_x: jax.Array, deviation_y: jax.Array, limit: jax.Array, nodes: int = 48
) -> jax.Array:
    """Probability of form <= limit under independent normal errors of mean zero, of the shape of the arguments.

    Args:
        form: the form, its components arrays of one shape.
        deviation_x, deviation_y: standard deviations in um, not both zero, which broadcast.
        limit: in the unit of the form.
        nodes: number of nodes.
    """
    deviation_x, deviation_y, limit = (jnp.broadcast_to(v, form.level.shape) for v in (deviation_x, deviation_y, limit))
    is_swapped = deviation_x > deviation_y
    bend = form.bend

    def chosen(first: jax.Array, second: jax.Array) -> jax.Array:
        return jnp.where(is_swapped, second, first)

    wide = jnp.maximum(chosen(deviation_y, deviation_x), _SMALLEST)
    narrow = jnp.maximum(chosen(deviation_x, deviation_y), THINNEST * wide)
    slope, slope_in = chosen(form.slope_x, form.slope_y), chosen(form.slope_y, form.slope_x)
    bend_out, bend_in = chosen(bend.xx, bend.yy), chosen(bend.yy, bend.xx)
    tilt = bend.xy / bend_in
    reduced = bend_out - tilt * bend.xy
    pull = slope - tilt * slope_in
    middle = -pull / reduced
    room = limit - form.level + 0.5 * slope_in**2 / bend_in + 0.5 * pull**2 / reduced
    ends = _root(2.0 * room / reduced)
    inner = (-slope_in / bend_in / wide, -tilt * narrow / wide, jnp.sqrt(reduced / bend_in) * narrow / wide)
    inside = _integral((middle - ends) / narrow, (middle + ends) / narrow, inner, nodes)
    return jnp.where(room > 0.0, inside, 0.0)


def _integral(
    left: jax.Array, right: jax.Array, inner: tuple[jax.Array, jax.Array, jax.Array], nodes: int
) -> jax.Array:
    """Integral between two ends in deviations; `inner`: the sides' middle at 0, its slope, and the sides' size."""
    low, high = jnp.maximum(left, -REACH), jnp.minimum(right, REACH)
    half = jnp.maximum(0.5 * (high - low), 0.0)
    sine, weight, above, below = (
        jnp.asarray(row, left.dtype).reshape((-1,) + (1,) * left.ndim) for row in _rule(nodes)
    )
    low, high, left, right, half = (each[None] for each in (low, high, left, right, half))
    at, tilt, size = (each[None] for each in inner)
    x = 0.5 * (low + high) + half * sine
    # Distances from both ends of the ellipse without a difference that cancels.
    height = size * _root(((right - high) + half * above) * ((low - left) + half * below))
    centre = at + tilt * x
    root = math.sqrt(0.5)
    share = 0.5 * (jax.lax.erf(root * (centre + height)) - jax.lax.erf(root * (centre - height)))
    return jnp.sum(weight * half * jnp.exp(-0.5 * x * x) * share, axis=0) / math.sqrt(2.0 * math.pi)


def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """sin theta, weights for d(sin theta), 1 - sin theta and 1 + sin theta."""
    nodes_at, weights = np.polynomial.legendre.leggauss(nodes)
    theta = 0.5 * math.pi * nodes_at
    above = 2.0 * np.sin(0.25 * math.pi * (1.0 - nodes_at)) ** 2
    return np.sin(theta), 0.5 * math.pi * weights * np.cos(theta), above, above[::-1]


def _root(value: jax.Array) -> jax.Array:
    """Square root, 0 with a derivative of 0 for what is not above zero."""
    is_positive = value > 0.0
    return jnp.where(is_positive, jnp.sqrt(jnp.where(is_positive, value, 1.0)), 0.0)
