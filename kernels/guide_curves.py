"""Curves in the plane: pieces of linear curvature by Gauss quadrature, and cubic Bezier curves.

A piece of length L whose curvature goes linearly from k0 to k1 has, at the arc length s = f L, the heading
f L (k0 + (k1 - k0) f / 2) and the place int_0^s (cos, sin)(heading) ds. A straight line, a circle and a clothoid are
such pieces. The integrand is entire: 32 points of Gauss leave errors of rounding up to a turn of some 20 rad.

A number that the host can read is computed with on the host, in float64, whatever the precision of the process; a
traced one with JAX. `namespace` says which.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import is_concrete

#: Points of Gauss in a piece, and in each of the parts of a curve whose speed is integrated.
PIECE_POINTS, PART_POINTS, PARTS = 32, 12, 16


class CurvePoints(NamedTuple):
    """Points of a curve: place in um, heading in rad, curvature in 1/um, and d(arc length)/d(parameter) in um."""

    x: Any
    y: Any
    heading: Any
    curvature: Any
    speed: Any


def namespace(*values: Any) -> Any:
    """NumPy where the host can read all values, `jax.numpy` where one is traced."""
    return np if is_concrete(*values) else jnp


def real(xp: Any, value: Any) -> Any:
    """The value as an array of `xp`: float64 on the host, the precision at hand in JAX."""
    return np.asarray(value, np.float64) if xp is np else jnp.asarray(value, jnp.result_type(float))


def gauss_unit(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def linear_curvature(xp: Any, length: Any, begin: Any, finish: Any, fraction: Any) -> tuple[Any, Any, Any]:
    """Place and heading along pieces that start at the origin with heading 0.

    Args:
        xp: `namespace` of the others.
        length: in um, shape [...].
        begin, finish: curvatures at both ends in 1/um, shape [...].
        fraction: of the length, shape [...].

    Returns:
        x, y in um and heading in rad, each of shape [...].
    """
    nodes, weights = (real(xp, each) for each in gauss_unit(PIECE_POINTS))
    s = fraction[..., None] * nodes.reshape((1,) * fraction.ndim + (-1,))
    angle = length[..., None] * s * (begin[..., None] + 0.5 * (finish - begin)[..., None] * s)
    reach = length * fraction
    x = reach * xp.sum(xp.cos(angle) * weights.reshape((1,) * fraction.ndim + (-1,)), axis=-1)
    y = reach * xp.sum(xp.sin(angle) * weights.reshape((1,) * fraction.ndim + (-1,)), axis=-1)
    return x, y, reach * (begin + 0.5 * (finish - begin) * fraction)


def piecewise_points(xp: Any, lengths: Any, begin: Any, finish: Any, t: Any) -> CurvePoints:
    """Points of pieces joined end to end, at fractions t of the whole length.

    Args:
        xp: `namespace` of the others.
        lengths: of the pieces in um, shape [P]; a piece may be empty.
        begin, finish: curvatures at their ends in 1/um, shape [P].
        t: shape [N].
    """
    lengths, begin, finish, t = (real(xp, each) for each in (lengths, begin, finish, t))
    ends = xp.cumsum(lengths)
    whole = linear_curvature(xp, lengths, begin, finish, xp.ones_like(lengths))
    starts = _piece_starts(xp, *whole)
    # The piece that a point lies in: the first whose end it has not reached, or the last that is not empty. One alone,
    # for at a joint rounding would have both or neither carry the derivative.
    reach = t * ends[-1]
    # A straight part of less than no length, as an optimiser may pass through, goes backwards.
    full = lengths != 0.0
    last = xp.max(xp.where(full, xp.arange(lengths.size), 0))
    number = xp.minimum(xp.sum(reach[:, None] >= ends[None, :], axis=1), last)
    divisor = xp.where(full, lengths, xp.ones_like(lengths))[number]
    fraction = (reach - (ends - lengths)[number]) / divisor
    dx, dy, dh = linear_curvature(xp, lengths[number], begin[number], finish[number], fraction)
    x, y, heading = (each[number] for each in starts)
    cosine, sine = xp.cos(heading), xp.sin(heading)
    curvature = begin[number] + (finish - begin)[number] * fraction
    speed = ends[-1] * xp.ones_like(t)
    return CurvePoints(x + cosine * dx - sine * dy, y + sine * dx + cosine * dy, heading + dh, curvature, speed)


def piecewise_end(xp: Any, lengths: Any, begin: Any, finish: Any) -> tuple[Any, Any, Any]:
    """Place in um and heading in rad of the end of pieces joined end to end; no length is divided by."""
    steps = linear_curvature(xp, lengths, begin, finish, xp.ones_like(lengths))
    x, y, heading = (each[-1] for each in _piece_starts(xp, *steps))
    dx, dy, dh = (each[-1] for each in steps)
    cosine, sine = xp.cos(heading), xp.sin(heading)
    return x + cosine * dx - sine * dy, y + sine * dx + cosine * dy, heading + dh


def _piece_starts(xp: Any, dx: Any, dy: Any, dh: Any) -> tuple[Any, Any, Any]:
    """Places and headings at which pieces start, from the steps that each makes in its own frame, shape [P]."""
    heading = xp.cumsum(dh) - dh
    cosine, sine = xp.cos(heading), xp.sin(heading)
    across, along = cosine * dx - sine * dy, sine * dx + cosine * dy
    return xp.cumsum(across) - across, xp.cumsum(along) - along, heading


def bezier_points(xp: Any, control: Any, t: Any) -> CurvePoints:
    """Points of the cubic Bezier curve of four control points [4, 2] in um, at parameters t [N]."""
    t, r = t[:, None], 1.0 - t[:, None]
    p = [control[k][None, :] for k in range(4)]
    place = r**3 * p[0] + 3.0 * r**2 * t * p[1] + 3.0 * r * t**2 * p[2] + t**3 * p[3]
    first = 3.0 * (r**2 * (p[1] - p[0]) + 2.0 * r * t * (p[2] - p[1]) + t**2 * (p[3] - p[2]))
    second = 6.0 * (r * (p[2] - 2.0 * p[1] + p[0]) + t * (p[3] - 2.0 * p[2] + p[1]))
    return from_derivatives(xp, place, first, second)


def from_derivatives(xp: Any, place: Any, first: Any, second: Any) -> CurvePoints:
    """Heading, curvature and speed of a curve from its derivatives by the parameter, each [N, 2]."""
    square = first[:, 0] ** 2 + first[:, 1] ** 2
    still = square == 0.0
    safe = xp.where(still, xp.ones_like(square), square)
    speed = xp.where(still, xp.zeros_like(square), xp.sqrt(safe))
    across = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    along = xp.where(still, xp.ones_like(square), first[:, 0])
    heading = xp.arctan2(first[:, 1], along)
    return CurvePoints(place[:, 0], place[:, 1], heading, across / (safe * xp.sqrt(safe)), speed)


def part_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Points and weights on [0, 1] of Gauss in equal parts, for a curve whose speed varies."""
    nodes, weights = gauss_unit(PART_POINTS)
    places = (np.arange(PARTS)[:, None] + nodes[None, :]) / PARTS
    return places.ravel(), np.tile(weights, PARTS) / PARTS
