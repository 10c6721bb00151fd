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
from photonics_core.kernels.checks import check_positive, check_range, is_concrete
from photonics_core.kernels.convex_distance import polygon_distance, soft_minimum
from photonics_core.kernels.guide_curves import namespace, real

#: Headings out of the four edges of a chip in rad, and the axis that the edge runs along.
EDGES = {"west": (np.pi, 1), "east": (0.0, 1), "south": (-0.5 * np.pi, 0), "north": (0.5 * np.pi, 0)}
#: Points of each segment of a route, between which it is held in boxes.
SAMPLES = 17
_FIRST, _LAST = slice(None, -1), slice(1, None)


def bounds_of(points: Any, softness: Any = None) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Least x, least y, largest x, largest y in um of points [N, 2]; soft ones lie outside of all points."""
    if softness is not None:
        check_positive("softness", softness, "um")
    if softness is None and is_concrete(points):
        # Without a program of its own for each count of points.
        points = np.asarray(points)
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        return tuple(jnp.asarray(each) for each in (low[0], low[1], high[0], high[1]))  # pyright: ignore
    return _soft_bounds(points, softness)


def route_points(path: PathChain, width: Any, count: int = SAMPLES) -> Any:
    """Points on both edges of a guide along a path, shape [2 segments count, 2]."""
    points = path.points(count)
    xp = namespace(*points, width)
    x, y, heading = (real(xp, each) for each in points[:3])
    across = 0.5 * real(xp, width) * xp.stack([-xp.sin(heading), xp.cos(heading)], axis=1)
    middle = xp.stack([x, y], axis=1)
    return xp.concatenate([middle + across, middle - across])


def pair_distances(corners: Mapping[str, Any], softness: Any = None) -> jax.Array:
    """Signed distances in um of pairs of convex polygons, negative by the depth of overlap, shape [pairs].

    Args:
        corners: of each polygon by "cell" or "cell,name"; two of one cell are no pair.
        softness: in um; None for exact distances.
    """
    stacked, owners = _equal_counts(list(corners.values())), [owner(name) for name in corners]
    pairs = [(k, m) for k, m in itertools.combinations(range(len(owners)), 2) if owners[k] != owners[m]]
    one, other = np.array(pairs, int).reshape(-1, 2).T
    return _distances(stacked[one], stacked[other], softness)


def owner(name: str) -> str:
    """The cell of a polygon "cell" or "cell,name"."""
    return name.partition(",")[0]


def spacing_constraints(corners: Mapping[str, Any], spacing: Any, softness: Any = None) -> jax.Array:
    """`spacing` less the distance of each pair of polygons in um: none above 0 where all keep their distance.

    Arguments as for `pair_distances`.

    Raises:
        ValueError: for a spacing below zero, a softness that is not above it, or fewer than two cells.
    """
    check_range("spacing", spacing, 0.0, np.inf, "um")
    if softness is not None:
        check_positive("softness", softness, "um")
    count = len({owner(name) for name in corners})
    if count < 2:
        raise ValueError(f"{count} footprints have no spacing; two are needed")
    return spacing - pair_distances(corners, softness)


def clearance_constraints(
    cells: Mapping[str, Any],
    boxes: Mapping[str, Any],
    touched: Mapping[str, set[str]],
    crossing: set[frozenset[str]],
    spacing: Any,
    softness: Any = None,
) -> jax.Array:
    """`spacing` less the least distance of each route from each cell that it does not end at, and from each route.

    Distances are those of boxes that hold the guides. Pairs of routes that cross are left out.

    Args:
        cells: corners of footprints by "cell", or "cell,name" of further polygons.
        boxes: `guide_boxes` of each route by its name.
        touched: names of the cells that a route ends at, by route.
        crossing: pairs of routes that cross.
        spacing: least distance in um of edges.
        softness: in um, for the least distance among the boxes; None for the exact one.

    Returns:
        Shape [pairs] in um, those with cells first; empty where there is no pair.
    """
    check_range("spacing", spacing, 0.0, np.inf, "um")
    if softness is not None:
        check_positive("softness", softness, "um")
    batches = _batches(boxes)
    found = []
    if cells:
        corners, order = _equal_counts(list(cells.values())), list(cells)
        for names, places in batches:
            pairs = [(k, m) for k, a in enumerate(names) for m, b in enumerate(order) if owner(b) not in touched[a]]
            if pairs:
                one, other = (np.array(each) for each in zip(*pairs, strict=True))
                found.append(spacing - _cell_clearances(places[one], corners[other], softness))
    for (first, places), (second, others) in itertools.combinations_with_replacement(batches, 2):
        pairs = [
            (k, m)
            for k, a in enumerate(first)
            for m, b in enumerate(second)
            if (k < m or first is not second) and frozenset((a, b)) not in crossing
        ]
        if pairs:
            one, other = (np.array(each) for each in zip(*pairs, strict=True))
            found.append(spacing - _route_clearances(places[one], others[other], softness))
    return jnp.concatenate(found) if found else jnp.zeros(0)


def shoreline_mm(edge: str, ports: Sequence[tuple[Any, Any]]) -> jax.Array:
    """Length in mm along an edge of the chip that cells with ports to it take up.

    Args:
        edge: "west", "east", "south" or "north".
        ports: heading and corners of the cell of each outer port; headings are known.

    Raises:
        ValueError: if no port leads to that edge.
    """
    heading, axis = EDGES[edge]
    there = [corners for each, corners in ports if np.cos(np.asarray(each, float) - heading) > 0.9]
    if not there:
        raise ValueError(f"edge = {edge!r} has no outer port that leads to it")
    xp = namespace(*there)
    along = xp.concatenate([real(xp, corners)[:, axis] for corners in there])
    return jnp.asarray(1e-3 * (xp.max(along) - xp.min(along)))


def guide_boxes(path: PathChain, width: Any) -> Any:
    """Corners of four-sided boxes, one for each interval of a path, that hold the guide; shape [boxes, 4, 2] in um.

    The outer edge of a bend of curvature k lies beyond its chord by (1 + k w / 2) k d^2 / 8, d being the arc length
    along the middle and w the width.
    """
    points = path.points(SAMPLES)
    xp = namespace(*points, width)
    ends = [real(xp, each).reshape(-1, SAMPLES) for each in points]
    (x, y, heading), bend, step = ends[:3], xp.abs(ends[3]), ends[4] / (SAMPLES - 1)
    half = 0.5 * real(xp, width)
    bend = xp.maximum(bend[:, 1:], bend[:, :-1])
    beyond = half + 0.125 * (1.0 + bend * half) * bend * xp.maximum(step[:, 1:], step[:, :-1]) ** 2
    middle, across = xp.stack([x, y], axis=2), xp.stack([-xp.sin(heading), xp.cos(heading)], axis=2)
    corners = [
        middle[:, at] + side * beyond[:, :, None] * across[:, at]
        for at, side in ((_FIRST, -1.0), (_LAST, -1.0), (_LAST, 1.0), (_FIRST, 1.0))
    ]
    return xp.stack(corners, axis=2).reshape(-1, 4, 2)


@jax.jit
def _soft_bounds(points: jax.Array, softness: Any) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    low, high = (soft_minimum(each, softness, axis=0) for each in (points, -points))
    return low[0], low[1], -high[0], -high[1]


@jax.jit
def _distances(one: jax.Array, other: jax.Array, softness: Any) -> jax.Array:
    return jax.vmap(lambda a, b: polygon_distance(a, b, softness))(one, other)


@jax.jit
def _cell_clearances(boxes: jax.Array, corners: jax.Array, softness: Any) -> jax.Array:
    """Least distance of the boxes of a guide from a footprint, for each pair of them."""
    each = jax.vmap(lambda box, polygon: polygon_distance(box, polygon, softness), (0, None))
    return jax.vmap(lambda b, c: soft_minimum(each(b, c), softness))(boxes, corners)


@jax.jit
def _route_clearances(one: jax.Array, other: jax.Array, softness: Any) -> jax.Array:
    """Least distance of the boxes of two guides, for each pair of them."""
    first, second = (np.array(each) for each in np.indices((one.shape[1], other.shape[1])).reshape(2, -1))
    each = jax.vmap(lambda a, b: polygon_distance(a, b, softness))
    return jax.vmap(lambda a, b: soft_minimum(each(a[first], b[second]), softness))(one, other)


def _batches(boxes: Mapping[str, Any]) -> list[tuple[list[str], Any]]:
    """Routes with as many boxes each, and their boxes, shape [routes, boxes, 4, 2]."""
    names: dict[int, list[str]] = {}
    for name, places in boxes.items():
        names.setdefault(np.shape(places)[0], []).append(name)
    xp = namespace(*boxes.values())
    return [(each, xp.stack([real(xp, boxes[name]) for name in each])) for each in names.values()]


def _equal_counts(corners: Sequence[Any]) -> Any:
    """Polygons with as many corners each, the last repeated, shape [polygons, corners, 2]."""
    most, xp = max(np.shape(each)[0] for each in corners), namespace(*corners)
    arrays = [real(xp, each) for each in corners]
    return xp.stack([xp.concatenate([each, xp.repeat(each[-1:], most - each.shape[0], axis=0)]) for each in arrays])
