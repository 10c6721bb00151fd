"""Distances between convex polygons, with a sign, and smooth bounds from below.

For two convex polygons the gap along the normal n of an edge is min over the other's corners of n . (corner - edge).
The largest gap over all edges of both is their depth of overlap with a minus where they overlap (the least move that
parts them), and a lower bound of their distance where they do not. There the distance is the least from a corner of one
to an edge of the other (Ericson, Real-Time Collision Detection, 2005, sections 5.1.9 and 5.2.1).

With a softness s the least of n values is -s ln sum exp(-v / s), which is below it by s ln n at most, and the largest
s ln sum exp(v / s) - s ln n, which is below it by s ln n at most: both err to the safe side.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp


def soft_minimum(values: jax.Array, softness: Any = None, axis: int = -1) -> jax.Array:
    """The least value, or a smooth one below it by at most `softness` ln(n); of the unit of the values."""
    if softness is None:
        return jnp.min(values, axis=axis)
    scale = jnp.asarray(softness, values.dtype)
    return -scale * jax.nn.logsumexp(-values / scale, axis=axis)


def soft_maximum(values: jax.Array, softness: Any = None, axis: int = -1) -> jax.Array:
    """The largest value, or a smooth one below it by at most `softness` ln(n)."""
    if softness is None:
        return jnp.max(values, axis=axis)
    scale = jnp.asarray(softness, values.dtype)
    return scale * (jax.nn.logsumexp(values / scale, axis=axis) - math.log(values.shape[axis]))


def polygon_distance(one: jax.Array, other: jax.Array, softness: Any = None) -> jax.Array:
    """Signed distance of two convex polygons in um.

    Args:
        one, other: corners counter-clockwise in um, shape [N, 2] and [M, 2]; a corner may be repeated.
        softness: None for the exact distance; else, in um, the smooth largest gap over all edges, below the exact one
            by at most softness (ln(N + M) + ln(max(N, M))) beyond what the gap itself is below the distance.

    Returns:
        A number: distance, or depth of overlap with a minus.
    """
    gaps = jnp.concatenate([_gaps(one, other, softness), _gaps(other, one, softness)])
    gap = soft_maximum(gaps, softness)
    if softness is not None:
        return gap
    apart = jnp.min(jnp.concatenate([_to_edges(one, other).ravel(), _to_edges(other, one).ravel()]))
    return jnp.where(gap > 0.0, apart, gap)


def _edges(polygon: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Outward normals [N, 2] and offsets [N] of the edges, and which are longer than nothing."""
    along = jnp.roll(polygon, -1, axis=0) - polygon
    square = jnp.sum(along**2, axis=1)
    used = square > 0.0
    length = jnp.sqrt(jnp.where(used, square, jnp.ones_like(square)))
    normals = jnp.stack([along[:, 1], -along[:, 0]], axis=1) / length[:, None]
    return normals, jnp.sum(normals * polygon, axis=1), used


def _gaps(one: jax.Array, other: jax.Array, softness: Any) -> jax.Array:
    """For each edge of one how far the nearest corner of the other is in front of it, [N]."""
    normals, offsets, used = _edges(one)
    ahead = jnp.einsum("nk,mk->nm", normals, other, precision="highest") - offsets[:, None]
    return jnp.where(used, soft_minimum(ahead, softness, axis=1), -jnp.inf)


def _to_edges(points: jax.Array, polygon: jax.Array) -> jax.Array:
    """Distances of points [P, 2] to the edges of a polygon [N, 2], shape [P, N]."""
    along = jnp.roll(polygon, -1, axis=0) - polygon
    square = jnp.sum(along**2, axis=1)
    divisor = jnp.where(square > 0.0, square, jnp.ones_like(square))
    start = points[:, None, :] - polygon[None, :, :]
    t = jnp.clip(jnp.sum(start * along[None, :, :], axis=2) / divisor[None, :], 0.0, 1.0)
    apart = jnp.sum((start - t[:, :, None] * along[None, :, :]) ** 2, axis=2)
    # The root of the distance, flat where the point lies on the edge.
    return jnp.where(apart > 0.0, jnp.sqrt(jnp.where(apart > 0.0, apart, jnp.ones_like(apart))), 0.0)
