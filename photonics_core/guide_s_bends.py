"""S-bends and Bezier curves: paths whose ends are given, and whose length follows.

A bend that is symmetric about its middle has its chord at half its angle, so an S-bend of two of them that goes `run`
ahead and `offset` aside turns by 2 atan(offset / run), and nothing is searched for. The length of a cubic Bezier curve
and of a cosine is an integral of the speed, by Gauss in 16 parts of 12 points.
"""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.guide_paths import GuidePath, PiecewisePath, Pose, bend_pieces
from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range
from photonics_core.kernels.guide_curves import (
    CurvePoints,
    bezier_points,
    from_derivatives,
    namespace,
    part_nodes,
    piecewise_end,
    real,
)
from photonics_core.runtime import as_leaf


class EulerSBend(PiecewisePath):
    """An S-bend of two Euler bends that ends `run` ahead and `offset` aside, with the heading that it had.

    Args:
        run: in um, above 0.
        offset: in um, positive to the left; 0 is a straight guide, and derivatives go through it.
        euler: part of the angle of each bend that is turned in clothoids, 0 to 1; with 0 they are arcs.

    Raises:
        ValueError: for a value outside its range.
    """

    run: Any = eqx.field(converter=as_leaf)
    offset: Any = eqx.field(converter=as_leaf)
    euler: Any = eqx.field(converter=as_leaf, default=1.0)

    def __check_init__(self) -> None:
        check_positive("run", self.run, "um")
        check_finite("offset", self.offset, "um")
        check_range("euler", self.euler, 0.0, 1.0)

    def pieces(self) -> tuple[Any, Any, Any]:
        xp, run, offset, part = self._real(self.run, self.offset, self.euler)
        angle = 2.0 * xp.arctan2(offset, run)
        # A bend of length 1 has half of the chord that the S-bend of length 2 has.
        unit = bend_pieces(xp, xp.ones_like(run), angle * (1.0 + part), part)
        x, _, _ = piecewise_end(xp, *unit)
        length = 0.5 * run / x
        peak = angle * (1.0 + part) / length
        first, second = (bend_pieces(xp, length, sign * peak, part) for sign in (1.0, -1.0))
        return tuple(xp.concatenate([a, b]) for a, b in zip(first, second, strict=True))  # pyright: ignore


class CubicBezier(GuidePath):
    """A cubic Bezier curve from the origin along +x to a pose.

    Its control points are (0, 0), (first, 0), the end less `last` along its heading, and the end.

    Args:
        first, last: lengths in um of the handles at start and end, above 0.
        x, y: the end in um.
        heading: of the end in rad, within half a turn.

    Raises:
        ValueError: for a value outside its range.
    """

    first: Any = eqx.field(converter=as_leaf)
    last: Any = eqx.field(converter=as_leaf)
    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    heading: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        for name in ("first", "last"):
            check_positive(name, getattr(self, name), "um")
        for name in ("x", "y"):
            check_finite(name, getattr(self, name), "um")
        check_range("heading", self.heading, -np.pi, np.pi, "rad")

    def control_points(self) -> Any:
        """The four control points in um, shape [4, 2]."""
        xp, a, b, x, y, h = self._real(self.first, self.last, self.x, self.y, self.heading)
        zero = xp.zeros_like(a)
        rows = ((zero, zero), (a, zero), (x - b * xp.cos(h), y - b * xp.sin(h)), (x, y))
        return xp.stack([xp.stack(row) for row in rows])

    def at(self, t: Any) -> CurvePoints:
        xp, t = self._real(t)
        return bezier_points(xp, self.control_points(), t)

    def length_to(self, t: Any) -> Any:
        return _swept_length(self, t)

    def end(self) -> Pose:
        _, *pose = self._real(self.x, self.y, self.heading)
        return Pose(*pose)

    def peak_curvature(self) -> Any:
        return _sampled_peak(self)


class CosineSBend(GuidePath):
    """An S-bend y = offset (1 - cos(pi x / run)) / 2; its curvature jumps at both ends, by pi^2 offset / (2 run^2).

    Args:
        run: in um, above 0.
        offset: in um, positive to the left.

    Raises:
        ValueError: for a value outside its range.
    """

    run: Any = eqx.field(converter=as_leaf)
    offset: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_positive("run", self.run, "um")
        check_finite("offset", self.offset, "um")

    def at(self, t: Any) -> CurvePoints:
        xp, t, run, offset = self._real(t, self.run, self.offset)
        angle, zero = np.pi * t, xp.zeros_like(t)
        place = xp.stack([run * t, 0.5 * offset * (1.0 - xp.cos(angle))], axis=1)
        first = xp.stack([run + zero, 0.5 * np.pi * offset * xp.sin(angle)], axis=1)
        return from_derivatives(xp, place, first, xp.stack([zero, 0.5 * np.pi**2 * offset * xp.cos(angle)], axis=1))

    def length_to(self, t: Any) -> Any:
        return _swept_length(self, t)

    def end(self) -> Pose:
        xp, run, offset = self._real(self.run, self.offset)
        return Pose(run, offset, xp.zeros_like(run))

    def peak_curvature(self) -> Any:
        return _sampled_peak(self)


def s_bend(run: Any, offset: Any, kind: str = "euler") -> GuidePath:
    """An S-bend that ends `run` ahead and `offset` aside in um: "euler", "arc", "cosine" or "bezier".

    Raises:
        ValueError: for another kind, or a value outside its range.
    """
    check_choice("kind", kind, ("euler", "arc", "cosine", "bezier"))
    if kind == "cosine":
        return CosineSBend(run, offset)
    if kind == "bezier":
        return CubicBezier(0.5 * run, 0.5 * run, run, offset)
    return EulerSBend(run, offset, 1.0 if kind == "euler" else 0.0)


def _swept_length(path: GuidePath, t: Any) -> Any:
    """Length up to t by Gauss in parts: errors below 1e-12 of the length where the speed is far from 0."""
    nodes, weights = part_nodes()
    xp = namespace(*jax.tree.leaves(path), t)
    t = real(xp, t)
    return t * xp.sum(real(xp, weights) * path.at(t * real(xp, nodes)).speed)


def _sampled_peak(path: GuidePath) -> Any:
    """Largest |curvature| of 129 points, and of the turns from point to point, which see a cusp between them."""
    points = path.at(np.linspace(0.0, 1.0, 129))
    xp = namespace(points.curvature)
    turn = xp.diff(points.heading)
    turn = xp.abs(xp.arctan2(xp.sin(turn), xp.cos(turn)))
    way = (points.speed[1:] + points.speed[:-1]) / 256.0
    still = way == 0.0
    mean = xp.where(still, xp.zeros_like(turn), turn / xp.where(still, xp.ones_like(way), way))
    return xp.maximum(xp.max(xp.abs(points.curvature)), xp.max(mean))
