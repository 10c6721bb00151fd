"""Shapes of a cross-section and how they become blocks: trapezoids between horizontal lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

TOUCH = 1e-9  # um; closer lines are one


@dataclass(frozen=True)
class Shape:
    """A polygon of one medium, its corners in order around it, with horizontal or leaning edges.

    Args:
        corners: positions (x, y) in um, at least three.
        medium: as in `CrossSection`.

    Raises:
        ValueError: for fewer than three corners, or one that is not finite.
    """

    corners: tuple[tuple[float, float], ...]
    medium: Any

    def __post_init__(self) -> None:
        points = np.asarray(self.corners, float)
        if points.ndim != 2 or points.shape[0] < 3 or points.shape[1] != 2 or not np.all(np.isfinite(points)):
            raise ValueError(f"corners = {self.corners!r} are not three or more finite pairs (x, y)")

    @classmethod
    def rectangle(cls, left: float, right: float, bottom: float, top: float, medium: Any) -> "Shape":
        """An upright rectangle, lengths in um."""
        if not (left < right and bottom < top):
            raise ValueError(f"rectangle [{left:g}, {right:g}] x [{bottom:g}, {top:g}] um is empty")
        return cls(((left, bottom), (right, bottom), (right, top), (left, top)), medium)

    def crossings(self, y: float) -> np.ndarray:
        """Where the outline crosses the height y, from left to right; an even number, inside between pairs."""
        points = np.asarray(self.corners, float)
        found = []
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if min(y0, y1) <= y < max(y0, y1):
                found.append(x0 + (x1 - x0) * (y - y0) / (y1 - y0))
        return np.sort(found)


def block_table(
    shapes: Sequence[Shape], margin: float, mirrored: bool
) -> tuple[np.ndarray, np.ndarray, tuple[tuple[int, ...], ...]]:
    """Lines across [columns + 1, rows + 1], horizontal lines [rows + 1] and the medium of each block.

    Medium k is that of shape k, and the last one the cladding. Every wall becomes a line from the bottom of the window
    to its top: upright where its shape is not.

    Raises:
        ValueError: without shapes, or for walls that cross.
    """
    if not shapes:
        raise ValueError("shapes is empty; a cross-section needs at least one")
    corners = np.concatenate([np.asarray(shape.corners, float) for shape in shapes])
    if mirrored and corners[:, 0].min() < -TOUCH:
        raise ValueError(f"a corner at x = {corners[:, 0].min():g} um lies outside the mirrored half x >= 0")
    heights = _distinct(corners[:, 1])
    y = np.concatenate([[heights[0] - margin], heights, [heights[-1] + margin]])
    walls = _walls(shapes, heights)
    low, high = (0.0 if mirrored else corners[:, 0].min() - margin), corners[:, 0].max() + margin
    walls = [wall for wall in walls if not (mirrored and np.max(np.abs(wall)) < TOUCH)]
    lines = _distinct_lines(walls)
    x = np.stack([np.full(y.size, low), *(np.pad(line, 1, mode="edge") for line in lines), np.full(y.size, high)])
    if np.any(np.diff(x, axis=0) < TOUCH):
        raise ValueError("walls of shapes cross or touch at a point; move one of them")
    return x, y, _media(shapes, x, y)


def _walls(shapes: Sequence[Shape], heights: np.ndarray) -> list[np.ndarray]:
    """The walls of all shapes at all heights, continued upright beyond the ends of each.

    A wall goes on from row to row while its ends meet; after a horizontal step it is another.
    """
    walls = []
    for shape in shapes:
        growing: list[tuple[int, list[float]]] = []
        for row in range(heights.size - 1):
            for low, high in np.transpose(_at_ends(shape, heights[row], heights[row + 1])):
                joined = [w for first, w in growing if first + len(w) - 1 == row and abs(w[-1] - low) < TOUCH]
                if joined:
                    joined[0].append(high)
                else:
                    growing.append((row, [low, high]))
        walls += [np.pad(wall, (first, heights.size - first - len(wall)), mode="edge") for first, wall in growing]
    return walls


def _at_ends(shape: Shape, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the outline meets the two ends of a row, followed from its middle."""
    below, above = shape.crossings(low + 0.25 * (high - low)), shape.crossings(low + 0.75 * (high - low))
    return 1.5 * below - 0.5 * above, 1.5 * above - 0.5 * below


def _distinct(values: np.ndarray) -> np.ndarray:
    values = np.sort(values)
    return values[np.concatenate([[True], np.diff(values) > TOUCH])]


def _distinct_lines(walls: Sequence[np.ndarray]) -> list[np.ndarray]:
    lines: list[np.ndarray] = []
    for wall in sorted(walls, key=lambda wall: float(np.mean(wall))):
        if not lines or np.max(np.abs(wall - lines[-1])) > TOUCH:
            lines.append(wall)
    return lines


def _media(shapes: Sequence[Shape], x: np.ndarray, y: np.ndarray) -> tuple[tuple[int, ...], ...]:
    middle = 0.5 * (y[1:] + y[:-1])
    across = 0.25 * (x[1:, 1:] + x[:-1, 1:] + x[1:, :-1] + x[:-1, :-1])
    table = np.full(across.shape, len(shapes))
    for k, shape in enumerate(shapes):
        for row, height in enumerate(middle):
            inside = np.sum(shape.crossings(height)[:, None] < across[:, row], axis=0) % 2 == 1
            table[inside, row] = k
    return tuple(map(tuple, table.tolist()))
