"""Paths of guides in the plane: straight lines, circles, Euler bends, and chains of them; see `guide_s_bends` for more.

A path starts at the origin along +x; left turns are positive. An Euler bend of angle a and least radius R turns the
part p of its angle in two clothoids, whose curvature rises linearly from 0 to 1/R and falls again, and the rest in a
circle between them. Its length is R |a| (1 + p), a clothoid being of length p |a| R; with p = 0 it is an arc. In the
normal form x = l C(u) with Fresnel's integral C, l = sqrt(pi R p |a| R), u = p |a| R / l (Meek and Walton,
J. Comput. Appl. Math. 163, 433 (2004), write clothoids so).
"""

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.kernels.guide_curves import (
    CurvePoints,
    namespace,
    piecewise_end,
    piecewise_points,
    real,
)
from photonics_core.runtime import as_leaf

#: Largest angle of one bend in rad: a full turn.
FULL_TURN = 2.0 * np.pi


class Pose(NamedTuple):
    """A place in um and a heading in rad."""

    x: Any
    y: Any
    heading: Any


#: Where paths start, with a heading along +x.
ORIGIN = Pose(0.0, 0.0, 0.0)


def placed_at(pose: Pose, local: Pose) -> Pose:
    """A pose given in the frame of another, in the frame that the other is given in."""
    xp = namespace(*pose, *local)
    (x, y, heading), (u, v, turn) = (tuple(real(xp, each) for each in one) for one in (pose, local))
    cosine, sine = xp.cos(heading), xp.sin(heading)
    return Pose(x + cosine * u - sine * v, y + sine * u + cosine * v, heading + turn)


def moved_points(pose: Pose, points: CurvePoints) -> CurvePoints:
    """Points of a path that starts at a pose instead of at the origin."""
    x, y, heading = placed_at(pose, Pose(points.x, points.y, points.heading))
    return CurvePoints(x, y, heading, points.curvature, points.speed)


class GuidePath(Shown):
    """What all paths share; numbers are leaves, and everything is differentiable in them.

    What the host can read it computes itself, in float64; what is traced is an array of JAX.
    """

    @property
    def length(self) -> Any:
        """Length in um."""
        return self.length_to(1.0)

    @abc.abstractmethod
    def length_to(self, t: Any) -> Any:
        """Length in um from the start to the parameter t, one number."""

    @abc.abstractmethod
    def at(self, t: Any) -> CurvePoints:
        """Points at parameters t in [0, 1], shape [N]."""

    @abc.abstractmethod
    def end(self) -> Pose:
        """Place and heading of the end."""

    @abc.abstractmethod
    def peak_curvature(self) -> Any:
        """Largest |curvature| in 1/um; of Bezier and cosine curves among 129 points."""

    def curvature_steps(self) -> Any:
        """Jumps of the curvature in 1/um between straight guides at both ends: at the start, within, at the end."""
        bend = self.at(np.array([0.0, 1.0])).curvature
        xp = namespace(bend)
        return xp.stack([bend[0], -bend[1]])

    def _real(self, *values: Any) -> tuple[Any, ...]:
        xp = namespace(*jax.tree.leaves(self), *values)
        return xp, *(real(xp, value) for value in values)


class PiecewisePath(GuidePath):
    """A path of pieces of linear curvature; its parameter is the fraction of its length."""

    @abc.abstractmethod
    def pieces(self) -> tuple[Any, Any, Any]:
        """Lengths in um, and curvatures at start and end in 1/um, of each piece, shape [P]."""

    def length_to(self, t: Any) -> Any:
        lengths = self.pieces()[0]
        xp = namespace(lengths, t)
        return real(xp, t) * xp.sum(lengths)

    def at(self, t: Any) -> CurvePoints:
        xp, t = self._real(t)
        return piecewise_points(xp, *self.pieces(), t)

    def end(self) -> Pose:
        pieces = self.pieces()
        return Pose(*piecewise_end(namespace(*pieces), *pieces))

    def peak_curvature(self) -> Any:
        _, begin, finish = self.pieces()
        xp = namespace(begin, finish)
        return xp.max(xp.abs(xp.concatenate([begin, finish])))

    def curvature_steps(self) -> Any:
        lengths, begin, finish = self.pieces()
        xp = namespace(lengths, begin, finish)
        # Pieces without length, as the clothoids of an arc, are passed over: there the curvature jumps.
        number, full = xp.arange(lengths.size), lengths != 0.0
        earlier = full[None, :] & (number[None, :] < number[:, None])
        before = xp.max(xp.where(earlier, number[None, :], -1), axis=1)
        within = xp.where(full & (before >= 0), begin - finish[before], xp.zeros_like(begin))
        first, last = xp.argmax(full), xp.max(xp.where(full, number, 0))
        return xp.concatenate([begin[first][None], within, -finish[last][None]])


class Straight(PiecewisePath):
    """A straight guide of a length in um, at least 0."""

    span: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_range("length", self.span, 0.0, np.inf, "um")

    def pieces(self) -> tuple[Any, Any, Any]:
        xp, length = self._real(self.span)
        return length[None], xp.zeros_like(length)[None], xp.zeros_like(length)[None]


class EulerBend(PiecewisePath):
    """A bend of clothoids around a circle.

    Args:
        radius: least radius in um.
        angle: in rad, positive to the left, at most a full turn.
        euler: part of the angle that is turned in clothoids, 0 to 1.

    Raises:
        ValueError: for a value outside its range.
    """

    radius: Any = eqx.field(converter=as_leaf)
    angle: Any = eqx.field(converter=as_leaf)
    euler: Any = eqx.field(converter=as_leaf, default=1.0)

    def __check_init__(self) -> None:
        check_positive("radius", self.radius, "um")
        check_range("angle", self.angle, -FULL_TURN, FULL_TURN, "rad")
        check_range("euler", self.euler, 0.0, 1.0)

    @classmethod
    def of_effective_radius(cls, effective_radius: Any, angle: Any, euler: Any = 1.0) -> "EulerBend":
        """The bend whose ends lie where those of an arc of this radius in um do."""
        check_positive("effective_radius", effective_radius, "um")
        unit = cls(1.0, angle, euler)
        return cls(effective_radius / unit.effective_radius(), angle, euler)

    def pieces(self) -> tuple[Any, Any, Any]:
        xp, radius, angle, part = self._real(self.radius, self.angle, self.euler)
        return bend_pieces(xp, xp.abs(angle) * radius * (1.0 + part), xp.sign(angle) / radius, part)

    def end(self) -> Pose:
        # The heading is the angle itself: at no angle the pieces have neither length nor curvature, and their product
        # would have no derivative.
        x, y, _ = super().end()
        xp, angle = namespace(x, y), self.angle
        return Pose(x, y, real(xp, angle))

    def peak_curvature(self) -> Any:
        _, radius = self._real(self.radius)
        return 1.0 / radius

    def effective_radius(self) -> Any:
        """Radius in um of the arc with the same ends; that of a bend of no angle is the limit."""
        xp, radius, angle, part = self._real(self.radius, self.angle, self.euler)
        x, y, _ = piecewise_end(xp, *bend_pieces(xp, xp.ones_like(angle), angle * (1.0 + part), part))
        # The chord over the length against that of an arc, sin(a / 2) / (a / 2).
        return radius * (1.0 + part) * xp.sqrt(x**2 + y**2) / xp.sinc(0.5 * angle / np.pi)

    def tangent(self) -> Any:
        """Length in um from either end to the corner that the bend rounds."""
        xp, half = self._real(self.angle)
        return 0.5 * self.end().x / xp.cos(0.5 * half) ** 2


class Arc(EulerBend):
    """A circular bend of a radius in um and an angle in rad, positive to the left."""

    def __init__(self, radius: Any, angle: Any) -> None:
        self.radius, self.angle, self.euler = as_leaf(radius), as_leaf(angle), as_leaf(0.0)

    @classmethod
    def of_effective_radius(cls, effective_radius: Any, angle: Any, euler: Any = 0.0) -> "Arc":
        """The arc itself; `euler` must be 0."""
        check_range("euler", euler, 0.0, 0.0)
        return cls(effective_radius, angle)

    def effective_radius(self) -> Any:
        """The radius in um, of a full turn too, whose ends are one place."""
        return self._real(self.radius)[1]

    def pieces(self) -> tuple[Any, Any, Any]:
        xp, radius, angle = self._real(self.radius, self.angle)
        bend = (xp.sign(angle) / radius)[None]
        return (xp.abs(angle) * radius)[None], bend, bend


class PathChain(Shown):
    """Paths joined end to end, from a pose on.

    Args:
        segments: the paths, at least one.
        start: where the first begins, a `Pose`.

    Raises:
        ValueError: without a segment, or for one that is no `GuidePath`.
    """

    segments: tuple[GuidePath, ...]
    start: Pose

    def __init__(self, segments: Sequence[GuidePath], start: Pose = ORIGIN) -> None:
        self.segments = tuple(segments)
        self.start = Pose(*(as_leaf(each) for each in start))
        if not self.segments:
            raise ValueError("segments is empty; a chain has at least one")
        for segment in self.segments:
            check_kind("segment", segment, GuidePath)

    @property
    def length(self) -> Any:
        """Length in um."""
        return sum(segment.length for segment in self.segments)

    def starts(self) -> list[Pose]:
        """Poses at which the segments start, and that of the end."""
        poses = [self.start]
        for segment in self.segments:
            poses.append(placed_at(poses[-1], segment.end()))
        return poses

    def end(self) -> Pose:
        """Place and heading of the end."""
        return self.starts()[-1]

    def point(self, segment: int, t: Any) -> CurvePoints:
        """Points of a segment at its parameters t, shape [N]."""
        return moved_points(self.starts()[segment], self.segments[segment].at(t))

    def points(self, count: int = 33) -> CurvePoints:
        """Points of all segments, so many of each from its start to its end, shape [segments count]."""
        check_range("count", count, 2)
        t = np.linspace(0.0, 1.0, count)
        parts = [moved_points(pose, each.at(t)) for pose, each in zip(self.starts()[:-1], self.segments, strict=True)]
        xp = namespace(*(value for part in parts for value in part))
        return CurvePoints(*(xp.concatenate(column) for column in zip(*parts, strict=True)))

    def length_to(self, segment: int, t: Any) -> Any:
        """Length in um from the start to the parameter t of a segment."""
        return sum(each.length for each in self.segments[:segment]) + self.segments[segment].length_to(t)

    def peak_curvature(self) -> Any:
        """Largest |curvature| in 1/um."""
        peaks = [segment.peak_curvature() for segment in self.segments]
        xp = namespace(*peaks)
        return xp.max(xp.stack([real(xp, peak) for peak in peaks]))

    def curvature_steps(self) -> Any:
        """Jumps of the curvature in 1/um, straight guides being before and after."""
        steps = [each.curvature_steps() for each in self.segments]
        lengths = [each.length if isinstance(each, PiecewisePath) else 1.0 for each in self.segments]
        xp = namespace(*steps, *lengths)
        # Where two segments meet the jumps at the end of one and at the start of the next are one jump, and segments
        # without length between them are passed over.
        joined, before = [], xp.zeros_like(real(xp, steps[0][:1]))
        for length, each in zip(lengths, steps, strict=True):
            full, each = real(xp, length) != 0.0, real(xp, each)
            here = xp.concatenate([before + each[:1], each[1:-1]])
            joined.append(xp.where(full, here, xp.zeros_like(here)))
            before = xp.where(full, each[-1:], before)
        return xp.concatenate([*joined, before])


def bend_pieces(xp: Any, length: Any, peak: Any, part: Any) -> tuple[Any, Any, Any]:
    """Clothoid, circle, clothoid of a whole length in um, bent by `peak` in 1/um at most."""
    ramp = length * part / (1.0 + part)
    # An arc's clothoids are empty and bent as it is, so that its curvature jumps at its ends.
    outer = xp.where(part > 0.0, xp.zeros_like(peak), peak)
    lengths = xp.stack([ramp, length * (1.0 - part) / (1.0 + part), ramp])
    return lengths, xp.stack([outer, peak, peak]), xp.stack([peak, peak, outer])
