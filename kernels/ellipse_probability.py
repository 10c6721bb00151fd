"""Probability that a normal point of the plane lies within an ellipse, smooth in all that it depends on.

With x and y independent and normal, of mean zero and deviations s_x and s_y, and the form f(x, y) = level + slope . r +
r^T bend r / 2 of a positive definite matrix, let u be (x / s_x, y / s_y) in axes turned by some angle. Then
P(f <= limit) is an integral over t, the first component of u, of

    n(t) (Phi(c(t) + h(t)) - Phi(c(t) - h(t)))

between the ends t_0 -+ a of the ellipse, where c -+ h are its two sides and h^2 = (h_tt / h_cc) (a^2 - (t - t_0)^2).
The range is cut where n ends, at REACH deviations, and t = mid + half sin(theta) takes the roots at the ends of the
ellipse away: the integrand is analytic, and Gauss and Legendre's rule in theta converges exponentially. The angle makes
the sides run along t: with the form's matrix H and gradient g at u = 0 the second component lies along the first
eigenvector of H + g g^T / (9 h), h the larger eigenvalue of H. That is the short axis of a thin ellipse, and the normal
of the side that is near where an ellipse is far wider than the deviations. The integral is the same for all angles, so
that its derivatives are taken at a fixed one. In a circle with equal deviations the probability is one less Marcum's Q
of order one, 1 - Q_1(offset / s, radius / s).

Limits: with 48 nodes 3e-10 for ellipses of any size.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.gaussian_overlap import OffsetForm, Symmetric

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
    largest = jnp.maximum(jnp.maximum(deviation_x, deviation_y), _SMALLEST)
    s_x, s_y = (jnp.maximum(each, THINNEST * largest) for each in (deviation_x, deviation_y))
    slope_x, slope_y = s_x * form.slope_x, s_y * form.slope_y
    bend = Symmetric(s_x * s_x * form.bend.xx, s_x * s_y * form.bend.xy, s_y * s_y * form.bend.yy)
    c, s = _axes(bend, slope_x, slope_y)
    slope, slope_in = c * slope_x + s * slope_y, c * slope_y - s * slope_x
    bend_in = c * c * bend.yy + s * s * bend.xx - 2.0 * c * s * bend.xy
    tilt = ((c * c - s * s) * bend.xy + c * s * (bend.yy - bend.xx)) / bend_in
    reduced = (s_x * s_y) ** 2 * form.bend.determinant / bend_in
    pull = slope - tilt * slope_in
    middle = -pull / reduced
    room = limit - form.level + 0.5 * slope_in**2 / bend_in + 0.5 * pull**2 / reduced
    ends = _root(2.0 * room / reduced)
    inner = (-slope_in / bend_in, -tilt, jnp.sqrt(reduced / bend_in))
    inside = _integral(middle - ends, middle + ends, inner, nodes)
    return jnp.where(room > 0.0, inside, 0.0)


def _axes(bend: Symmetric, slope_x: jax.Array, slope_y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cosine and sine of the angle from the first axis to that along which the sides run, without derivatives."""
    bend, slope_x, slope_y = jax.lax.stop_gradient((bend, slope_x, slope_y))
    mean, half = 0.5 * (bend.xx + bend.yy), 0.5 * (bend.xx - bend.yy)
    part = 1.0 / (9.0 * (mean + jnp.hypot(half, bend.xy)))
    along = half + 0.5 * part * (slope_x + slope_y) * (slope_x - slope_y)
    # The eigenvector of the smaller eigenvalue, half the angle of that of the larger one, and a right angle.
    angle = 0.5 * jnp.arctan2(-(bend.xy + part * slope_x * slope_y), -along)
    return jnp.cos(angle), jnp.sin(angle)


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
