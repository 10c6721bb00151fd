"""What an optimiser asks of a layout: area, shoreline, and constraints as arrays c that must not be above zero.

A softness in um makes minima and maxima smooth. A soft bound of n values is off by softness ln(n) at most: a soft
bounding box is larger than the exact one, and a soft gap smaller, so what meets a soft constraint meets the exact one.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.guide_paths import PathChain
from photonics_core.kernels.checks import check_positive, check_range
from photonics_core.kernels.convex_distance import point_distance, polygon_distance, soft_minimum
from photonics_core.kernels.guide_curves import namespace, real

#: Headings out of the four edges of a chip in rad, and the axis that the edge runs along.
EDGES = {"west": (np.pi, 1), "east": (0.0, 1), "south": (-0.5 * np.pi, 0), "north": (0.5 * np.pi, 0)}
#: Points of each segment of a route that distances are measured from.
SAMPLES = 17


def bounds_of(points: Any, softness: Any = None) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Least x, least y, largest x, largest y in um of points [N, 2]; soft ones lie outside of all points."""
    if softness is not None:
        check_positive("softness", softness, "um")
    points = jnp.asarray(points)
    low, high = (soft_minimum(each, softness, axis=0) for each in (points, -points))
    return low[0], low[1], -high[0], -high[1]


def route_points(path: PathChain, width: Any, count: int = SAMPLES) -> jax.Array:
    """Points on both edges of a guide along a path, shape [2 segments count, 2]."""
    points = path.points(count)
    x, y, heading = (jnp.asarray(each, jnp.result_type(float)) for each in points[:3])
    half = 0.5 * jnp.asarray(width, x.dtype)
    across = half * jnp.stack([-jnp.sin(heading), jnp.cos(heading)], axis=1)
    middle = jnp.stack([x, y], axis=1)
    return jnp.concatenate([middle + across, middle - across])


def pair_distances(corners: Sequence[Any], softness: Any = None) -> jax.Array:
    """Signed distances in um of all pairs of convex polygons, negative by the depth of overlap, shape [pairs]."""
    stacked = jnp.stack(_equal_counts(corners))
    one, other = (np.array(each, int) for each in np.triu_indices(len(corners), 1))
    return _distances(stacked[one], stacked[other], softness)


def spacing_constraints(corners: Sequence[Any], spacing: Any, softness: Any = None) -> jax.Array:
    """`spacing` less the distance of each pair of footprints in um: none above 0 where all keep their distance.

    Raises:
        ValueError: for a spacing below zero, a softness that is not above it, or fewer than two footprints.
    """
    check_range("spacing", spacing, 0.0, np.inf, "um")
    if softness is not None:
        check_positive("softness", softness, "um")
    if len(corners) < 2:
        raise ValueError(f"{len(corners)} footprints have no spacing; two are needed")
    return spacing - pair_distances(corners, softness)


def clearance_constraints(
    cells: Mapping[str, Any],
    points: Mapping[str, Any],
    widths: Mapping[str, Any],
    touched: Mapping[str, set[str]],
    crossing: set[frozenset[str]],
    spacing: Any,
    softness: Any = None,
) -> jax.Array:
    """`spacing` less the least distance of each route from each cell that it does not end at, and from each route.

    Distances are those of points along the guides. Pairs of routes that cross are left out.

    Args:
        cells: corners of footprints by name.
        points: along the middle of each route, shape [points, 2], by its name.
        widths: of routes by name.
        touched: names of the cells that a route ends at, by route.
        crossing: pairs of routes that cross.
        spacing: least distance in um of edges.
        softness: in um, for the least distance among the points; None for the exact one.

    Returns:
        Shape [pairs] in um, those with cells first; empty where there is no pair.
    """
    check_range("spacing", spacing, 0.0, np.inf, "um")
    batches = _batches(points)
    half = {name: 0.5 * real(jnp, width) for name, width in widths.items()}
    found = []
    if cells:
        corners, order = jnp.stack(_equal_counts(list(cells.values()))), list(cells)
        for names, places in batches:
            pairs = [(k, m) for k, a in enumerate(names) for m, b in enumerate(order) if b not in touched[a]]
            if pairs:
                one, other = (np.array(each) for each in zip(*pairs, strict=True))
                room = jnp.stack([spacing + half[names[k]] for k in one])
                found.append(room - _cell_clearances(places[one], corners[other], softness))
    for (first, places), (second, others) in itertools.combinations_with_replacement(batches, 2):
        pairs = [
            (k, m)
            for k, a in enumerate(first)
            for m, b in enumerate(second)
            if (k < m or first is not second) and frozenset((a, b)) not in crossing
        ]
        if pairs:
            one, other = (np.array(each) for each in zip(*pairs, strict=True))
            room = jnp.stack([spacing + half[first[k]] + half[second[m]] for k, m in pairs])
            found.append(room - _route_clearances(places[one], others[other], softness))
    return jnp.concatenate(found) if found else jnp.zeros(0)


def shoreline_mm(edge: str, ports: Sequence[tuple[Any, Any]]) -> jax.Array:
    """Length in mm along an edge of the chip that cells with ports to it take up.

    Args:
        edge: "west", "east", "south" or "north".
        ports: heading and corners of the cell of each outer port; the heading must be known.

    Raises:
        ValueError: if no port leads to that edge.
    """
    heading, axis = EDGES[edge]
    there = [corners for each, corners in ports if np.cos(np.asarray(each, float) - heading) > 0.9]
    if not there:
        raise ValueError(f"edge = {edge!r} has no outer port that leads to it")
    along = jnp.concatenate([jnp.asarray(corners)[:, axis] for corners in there])
    return 1e-3 * (jnp.max(along) - jnp.min(along))


def middle_points(path: PathChain) -> Any:
    """Points along the middle of a path in um, shape [segments SAMPLES, 2]."""
    points = path.points(SAMPLES)
    return namespace(points.x).stack([points.x, points.y], axis=1)


@jax.jit
def _distances(one: jax.Array, other: jax.Array, softness: Any) -> jax.Array:
    return jax.vmap(lambda a, b: polygon_distance(a, b, softness))(one, other)


@jax.jit
def _cell_clearances(points: jax.Array, corners: jax.Array, softness: Any) -> jax.Array:
    """Least distance of the points of a guide from a footprint, for each pair of them."""
    each = jax.vmap(lambda p, c: soft_minimum(point_distance(p, c, softness), softness))
    return each(points, corners)


@jax.jit
def _route_clearances(one: jax.Array, other: jax.Array, softness: Any) -> jax.Array:
    """Least distance of the points of two guides, for each pair of them."""
    square = jnp.sum((one[:, :, None, :] - other[:, None, :, :]) ** 2, axis=3).reshape(one.shape[0], -1)
    return soft_minimum(jnp.sqrt(jnp.maximum(square, jnp.finfo(square.dtype).tiny)), softness)


def _batches(points: Mapping[str, Any]) -> list[tuple[list[str], jax.Array]]:
    """Routes with as many points each, and their points, shape [routes, points, 2]."""
    names: dict[int, list[str]] = {}
    for name, places in points.items():
        names.setdefault(np.shape(places)[0], []).append(name)
    return [(each, jnp.stack([real(jnp, points[name]) for name in each])) for each in names.values()]


def _equal_counts(corners: Sequence[Any]) -> list[jax.Array]:
    """Polygons with as many corners each, the last repeated."""
    most = max(np.shape(each)[0] for each in corners)
    arrays = [jnp.asarray(each, jnp.result_type(float)) for each in corners]
    return [jnp.concatenate([each, jnp.repeat(each[-1:], most - each.shape[0], axis=0)]) for each in arrays]
