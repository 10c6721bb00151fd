"""Outlines of drawn shapes as polygons: guides along paths, rings and disks, with a stated chord error.

A chord of length d on a curve of curvature k lies off it by k d^2 / 8, to lowest order. Points are set so close that
this is at most the chord error on the outer edge of a guide. A ring is one polygon whose outline goes round outside and
back inside, joined by a seam.
"""

from typing import Any

import numpy as np

from photonics_core.guide_paths import PathChain, moved_points
from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Rectangle
from photonics_core.kernels.checks import check_positive
from photonics_core.layout_cells import Strip

#: Points at which the curvature of a segment is looked at, and how much closer than needed points are set.
_LOOKED_AT, _MARGIN = 257, 1.1


def guide_outline(path: PathChain, width: Any, chord_error: float = 1e-3) -> np.ndarray:
    """Outline of a guide of a width in um along a path, shape [N, 2] in um.

    Raises:
        ValueError: for a chord error that is not above zero, or a bend whose radius is less than half the width.
    """
    check_positive("chord_error", chord_error, "um")
    half = 0.5 * float(np.asarray(width))
    parts = []
    for number, segment in enumerate(path.segments):
        t = _parameters(segment.at(np.linspace(0.0, 1.0, _LOOKED_AT)), half, chord_error)
        points = moved_points(path.starts()[number], segment.at(t))
        x, y, heading = (np.asarray(each, float) for each in points[:3])
        parts.append(np.stack([x, y, heading], axis=1)[(1 if number else 0) :])
    x, y, heading = np.concatenate(parts).T
    left = np.stack([x - half * np.sin(heading), y + half * np.cos(heading)], axis=1)
    right = np.stack([x + half * np.sin(heading), y - half * np.cos(heading)], axis=1)
    return np.concatenate([right, left[::-1]])


def shape_outline(shape: Any, chord_error: float = 1e-3) -> np.ndarray:
    """Outline of a `Strip`, annulus, disk, rectangle or polygon, shape [N, 2] in um.

    Raises:
        ValueError: for a shape without an area, or as `guide_outline`.
    """
    check_positive("chord_error", chord_error, "um")
    if isinstance(shape, Strip):
        return guide_outline(PathChain([shape.path], shape.start), shape.width, chord_error)
    if isinstance(shape, Annulus):
        return _ring(shape, chord_error)
    middle = np.array([float(np.asarray(shape.x)), float(np.asarray(shape.y))])
    if isinstance(shape, Rectangle):
        half = 0.5 * np.array([float(np.asarray(shape.width)), float(np.asarray(shape.height))])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        cosine, sine = np.cos(float(np.asarray(shape.angle))), np.sin(float(np.asarray(shape.angle)))
        return middle + corners @ np.array([[cosine, sine], [-sine, cosine]])
    if isinstance(shape, Polygon):
        return middle + np.asarray(shape.corners, float)
    raise ValueError(f"shape = {shape!r} has no area that could be drawn")


def polygon_area(corners: np.ndarray) -> float:
    """Area in um^2 of a polygon, positive if it runs counter-clockwise."""
    x, y = np.asarray(corners, float).T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _parameters(points: Any, half: float, chord_error: float) -> np.ndarray:
    """Parameters of a segment between which chords are short enough."""
    bend = np.abs(np.asarray(points.curvature, float))
    if np.max(bend) * half >= 1.0:
        raise ValueError(
            f"a bend of radius {1.0 / np.max(bend):g} um cannot be drawn {2.0 * half:g} um wide: its inner edge folds"
        )
    density = np.sqrt(bend * (1.0 + bend * half) / (8.0 * chord_error)) * np.asarray(points.speed, float)
    # Curvature jumps within a segment too; the larger of two neighbours counts for what is between them.
    steps = np.maximum(density[1:], density[:-1]) / (_LOOKED_AT - 1)
    chords = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(1, int(np.ceil(_MARGIN * chords[-1])))
    t = np.linspace(0.0, 1.0, _LOOKED_AT)
    if count == 1:
        return np.array([0.0, 1.0])
    places = np.interp(np.linspace(0.0, chords[-1], count + 1), chords, t)
    return np.concatenate([[0.0], places[1:-1], [1.0]])


def _ring(shape: Annulus, chord_error: float) -> np.ndarray:
    x, y = float(np.asarray(shape.x)), float(np.asarray(shape.y))
    inner, outer = float(np.asarray(shape.inner)), float(np.asarray(shape.outer))
    circles = []
    for radius in (outer, inner):
        if radius > 0.0:
            count = max(12, int(np.ceil(np.pi / np.arccos(max(1.0 - chord_error / radius, 0.5)))))
            angle = 2.0 * np.pi * np.arange(count + 1) / count
            circles.append(np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1))
    return circles[0][:-1] if len(circles) == 1 else np.concatenate([circles[0], circles[1][::-1]])
