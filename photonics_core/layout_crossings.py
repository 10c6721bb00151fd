"""Where routes cross: found on the host, and followed by Newton's steps so that lengths stay differentiable.

Two routes P(s) and Q(t) meet where P(s) = Q(t). A crossing keeps the segments and parameters at which it was found;
where coordinates are moved, or traced, steps of Newton from there solve for s and t anew, and their last step carries
the exact derivatives.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from photonics_core.guide_paths import PathChain, moved_points
from photonics_core.kernels.checks import check_range
from photonics_core.kernels.guide_curves import namespace, real

#: Points of each segment between which crossings are looked for, and steps that sharpen one.
POINTS, STEPS = 33, 4
#: Least angle in rad between guides that cross.
LEAST_ANGLE = 0.1
#: Lengths in um along routes that differ by less are of one crossing; guides nearer than this lie on one another.
SAME_LENGTH = 1e-6


@dataclass(frozen=True)
class RouteCrossing:
    """The component that stands where two routes cross.

    Args:
        component: its name in the netlist.
        ports: ends along the first route, then those to the right and to the left of it, in this order.
        size: length in um of each guide within it, which the routes are shorter by.
    """

    component: str = "crossing"
    ports: tuple[str, str, str, str] = ("o1", "o3", "o4", "o2")
    size: float = 0.0

    def __post_init__(self) -> None:
        check_range("size of a crossing", self.size, 0.0, np.inf, "um")
        if len(set(self.ports)) != 4:
            raise ValueError(f"ports = {self.ports!r} of a crossing are not four names")


@dataclass(frozen=True)
class Crossed:
    """Two routes that cross: names, segments, parameters, and whether the second goes to the left of the first."""

    first: str
    first_at: tuple[int, float]
    second: str
    second_at: tuple[int, float]
    leftward: bool


def find_crossings(paths: Mapping[str, PathChain]) -> tuple[Crossed, ...]:
    """All places where two of the paths cross; ends that touch do not count.

    Raises:
        ValueError: for two that cross at less than 0.1 rad or lie on one another, or one that crosses itself.
    """
    lines = {name: _polyline(path) for name, path in paths.items()}
    for name, line in lines.items():
        _refuse_loop(name, line)
    found: list[Crossed] = []
    for one, other in itertools.combinations(paths, 2):
        _refuse_overlap(one, lines[one], other, lines[other])
        known: list[np.ndarray] = []
        for start in _meetings(lines[one], lines[other]):
            crossed = _sharpened(one, paths[one], other, paths[other], start)
            if crossed is None:
                continue
            # One crossing is found from several intervals where segments meet, with empty ones between them maybe.
            along = np.array([float(paths[one].length_to(*crossed.first_at)), 0.0])
            along[1] = float(paths[other].length_to(*crossed.second_at))
            if not any(np.max(np.abs(along - each)) < SAME_LENGTH for each in known):
                known.append(along)
                found.append(crossed)
    return tuple(found)


def crossing_parameters(one: PathChain, other: PathChain, crossed: Crossed, steps: int = STEPS) -> tuple[Any, Any]:
    """Parameters s and t of the segments that cross, by Newton's steps from where they were found."""
    ends = []
    for path, (segment, _) in ((one, crossed.first_at), (other, crossed.second_at)):
        ends.append((path.starts()[segment], path.segments[segment]))
    xp = namespace(*jax.tree.leaves(ends))
    places = tuple(real(xp, place[1]) for place in (crossed.first_at, crossed.second_at))
    if xp is np:
        with np.errstate(all="ignore"):
            for _ in range(steps):
                places = _newton(ends, places)
        return places
    # The last step alone carries derivatives: those of the steps before it do not count where it converges.
    fixed = jax.lax.stop_gradient(ends)
    places = jax.lax.fori_loop(0, steps - 1, lambda _, at: _newton(fixed, at), places)
    return _newton(ends, places)


def check_crossed(crossed: Crossed, places: tuple[Any, Any]) -> None:
    """Refuse a crossing that steps of Newton lead beyond the segments on which it was found.

    Raises:
        ValueError: naming the routes; where places are traced nothing is refused.
    """
    if namespace(*places) is np and not all(-SAME_LENGTH <= float(each) <= 1.0 + SAME_LENGTH for each in places):
        raise ValueError(
            f"routes {crossed.first!r} and {crossed.second!r} no longer cross where they did; `resolved` of the layout "
            "finds crossings anew"
        )


def _newton(ends: Any, places: tuple[Any, Any]) -> tuple[Any, Any]:
    """One step for two segments, each with the pose that it starts at."""
    p, q = (moved_points(pose, path.at(t[None])) for (pose, path), t in zip(ends, places, strict=True))
    xp = namespace(*p, *q)
    ux, uy = p.speed[0] * xp.cos(p.heading[0]), p.speed[0] * xp.sin(p.heading[0])
    vx, vy = q.speed[0] * xp.cos(q.heading[0]), q.speed[0] * xp.sin(q.heading[0])
    dx, dy = q.x[0] - p.x[0], q.y[0] - p.y[0]
    determinant = ux * vy - uy * vx
    s, t = places
    return s + (dx * vy - dy * vx) / determinant, t + (dx * uy - dy * ux) / determinant


def _polyline(path: PathChain) -> np.ndarray:
    points = path.points(POINTS)
    return np.stack([np.asarray(points.x, float), np.asarray(points.y, float)], axis=1)


def _meetings(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of the intervals of two lines of points that cross one another."""
    if np.any(one.min(axis=0) > other.max(axis=0)) or np.any(other.min(axis=0) > one.max(axis=0)):
        return []
    s, t, level = _chord_meetings(one, other)
    # A chord may miss where the curve does not: a little beyond its ends is looked at too.
    near = (s > -0.05) & (s < 1.05) & (t > -0.05) & (t < 1.05) & ~level
    return [(int(i), int(j)) for i, j in np.argwhere(near)]


def _chord_meetings(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where lines through intervals of two lines of points meet, in units of either, and which are parallel."""
    a, u = one[:-1, None, :], np.diff(one, axis=0)[:, None, :]
    b, v = other[None, :-1, :], np.diff(other, axis=0)[None, :, :]
    determinant = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    level = np.abs(determinant) < 1e-30
    safe = np.where(level, 1.0, determinant)
    step = b - a
    s = (step[..., 0] * v[..., 1] - step[..., 1] * v[..., 0]) / safe
    t = (step[..., 0] * u[..., 1] - step[..., 1] * u[..., 0]) / safe
    return s, t, level


def _refuse_loop(name: str, line: np.ndarray) -> None:
    """Refuse a line of points that crosses itself."""
    # Where segments meet a point comes twice, but for rounding.
    line = line[np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > SAME_LENGTH])]
    s, t, level = _chord_meetings(line, line)
    apart = np.abs(np.subtract.outer(np.arange(len(line) - 1), np.arange(len(line) - 1))) > 1
    met = (s >= 0.0) & (s <= 1.0) & (t >= 0.0) & (t <= 1.0) & ~level & apart
    if np.any(met):
        i, j = np.argwhere(met)[0]
        x, y = line[i] + s[i, j] * (line[i + 1] - line[i])
        raise ValueError(f"route {name!r} crosses itself at ({x:.4g}, {y:.4g}) um; lead it round by waypoints")


def _refuse_overlap(first: str, one: np.ndarray, second: str, other: np.ndarray) -> None:
    """Refuse two lines of points of which intervals lie on one another, in whichever direction."""
    a, u = one[:-1, None, :], np.diff(one, axis=0)[:, None, :]
    long = np.hypot(u[..., 0], u[..., 1])
    safe = np.where(long > 0.0, long, 1.0)
    along, across = [], []
    for end in (other[:-1], other[1:]):
        step = end[None, :, :] - a
        along.append((step[..., 0] * u[..., 0] + step[..., 1] * u[..., 1]) / safe)
        across.append(np.abs(step[..., 0] * u[..., 1] - step[..., 1] * u[..., 0]) / safe)
    shared = np.minimum(np.maximum(*along), long) - np.maximum(np.minimum(*along), 0.0)
    on = (long > 0.0) & (np.maximum(*across) < SAME_LENGTH) & (shared > 1e3 * SAME_LENGTH)
    if np.any(on):
        x, y = one[np.argwhere(on)[0][0]]
        raise ValueError(f"routes {first!r} and {second!r} lie on one another near ({x:g}, {y:g}) um")


def _sharpened(first: str, one: PathChain, second: str, other: PathChain, start: tuple[int, int]) -> Crossed | None:
    """The crossing near two intervals, or None where the guides only touch at their ends or miss."""
    (i, k), (j, m) = (divmod(number, POINTS) for number in start)
    if POINTS - 1 in (k, m):
        return None
    guess = Crossed(first, (i, (k + 0.5) / (POINTS - 1)), second, (j, (m + 0.5) / (POINTS - 1)), True)
    with np.errstate(all="ignore"):
        s, t = crossing_parameters(one, other, guess, steps=12)
    if not all(np.isfinite(value) and -1e-9 <= value <= 1.0 + 1e-9 for value in (s, t)):
        return None
    s, t = np.clip(s, 0.0, 1.0), np.clip(t, 0.0, 1.0)
    lengths = [path.length_to(seg, at) for path, seg, at in ((one, i, s), (other, j, t))]
    # Guides that meet at a port are joined there.
    if any(not 1e-6 < length < path.length - 1e-6 for length, path in zip(lengths, (one, other), strict=True)):
        return None
    p, q = one.point(i, s[None]), other.point(j, t[None])
    if np.hypot(p.x[0] - q.x[0], p.y[0] - q.y[0]) > 1e-6:
        return None
    sine = float(np.sin(q.heading[0] - p.heading[0]))
    if abs(sine) < np.sin(LEAST_ANGLE):
        raise ValueError(
            f"routes {first!r} and {second!r} cross at ({p.x[0]:g}, {p.y[0]:g}) um at "
            f"{np.degrees(np.arcsin(abs(sine))):.3g} deg, less than {np.degrees(LEAST_ANGLE):.3g} deg"
        )
    return Crossed(first, (i, float(s)), second, (j, float(t)), sine > 0.0)
