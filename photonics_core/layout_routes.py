"""Routes: guides from port to port whose shape and length follow from where the ports are.

A route leaves its first port along the port's heading and arrives at its last port against that port's heading. Four
shapes are known:

* "s_bend": ports that face each other; an S-bend over the whole way, a straight guide where they lie in line;
* "corner": ports whose rays cross ahead of both; one bend, and straight guides to it;
* "legs": two or more corners; the first lies legs[0] um ahead of the first port, the last legs[1] um ahead of the last
  port, and waypoints may lie between;
* "bezier": one cubic Bezier curve with handles of legs[0] and legs[1] um.

A corner is rounded by an Euler bend or an arc of the route's least radius, so a straight part is as long as the
distance of its corners less the tangents of the bends at both. A part below zero, or a bend tighter than the radius,
means that the ports cannot be joined: `slack` tells by how much, as an array that must not be below zero.
"""

import dataclasses
import itertools
import math
from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.display import Shown
from photonics_core.guide_paths import Arc, EulerBend, GuidePath, PathChain, Pose, Straight
from photonics_core.guide_s_bends import CubicBezier, s_bend
from photonics_core.kernels.checks import check_choice, check_finite, check_positive
from photonics_core.kernels.guide_curves import namespace, real
from photonics_core.netlist import Pin
from photonics_core.runtime import as_leaf

SHAPES = ("s_bend", "corner", "legs", "bezier")
BENDS = ("euler", "arc")
#: Headings that differ by less, in rad, are the same; places that differ by less, in um, too.
SAME_HEADING, SAME_PLACE = 1e-6, 1e-3


def _pin(value: Any) -> Pin:
    return Pin.of(value)


class Route(Shown):
    """A guide between two ports of a layout.

    Args:
        start, end: ports as "instance,port".
        radius: least radius of its bends in um.
        shape: one of `SHAPES`; None for what suits the ports when the layout is made.
        bend: "euler" or "arc", the bends of corners and S-bends; S-bends may be "cosine" or "bezier" too.
        legs: lengths in um, shape [2], for the shapes "legs" and "bezier"; None for what suits.
        waypoints: corners in um between the first and the last of the shape "legs", shape [N, 2].
        width: of the guide in um.
        slab_width: of a slab beneath it in um; None for none.

    Raises:
        ValueError: for a value outside its range, or an unknown shape or bend.
    """

    start: Pin = eqx.field(static=True, converter=_pin)
    end: Pin = eqx.field(static=True, converter=_pin)
    radius: Any = eqx.field(converter=as_leaf, default=10.0)
    shape: str | None = eqx.field(static=True, default=None)
    bend: str = eqx.field(static=True, default="euler")
    legs: Any = eqx.field(converter=as_leaf, default=None)
    waypoints: Any = eqx.field(converter=as_leaf, default=None)
    width: Any = eqx.field(converter=as_leaf, default=0.5)
    slab_width: Any = eqx.field(converter=as_leaf, default=None)

    def __check_init__(self) -> None:
        name = f"route {self.start} to {self.end}"
        check_positive(f"{name}: radius", self.radius, "um")
        check_positive(f"{name}: width", self.width, "um")
        if self.slab_width is not None:
            check_positive(f"{name}: slab_width", self.slab_width, "um")
        if self.shape is not None:
            check_choice(f"{name}: shape", self.shape, SHAPES)
        check_choice(f"{name}: bend", self.bend, (*BENDS, "cosine", "bezier"))
        if self.shape in ("corner", "legs"):
            check_choice(f"{name}: bend of corners", self.bend, BENDS)
        if self.legs is not None:
            check_positive(f"{name}: legs", self.legs, "um")
            if np.shape(self.legs) != (2,):
                raise ValueError(f"{name}: legs of shape {np.shape(self.legs)} are not [2]")
        if self.waypoints is not None:
            check_finite(f"{name}: waypoints", self.waypoints, "um")
            if np.ndim(self.waypoints) != 2 or np.shape(self.waypoints)[1] != 2:
                raise ValueError(f"{name}: waypoints of shape {np.shape(self.waypoints)} are not [N, 2]")

    def path(self, start: Pose, end: Pose) -> PathChain:
        """The path between two poses, both headings out of their cells; bent tighter than asked if it must be."""
        xp = self._namespace(start, end)
        if self.shape == "s_bend":
            run, offset, _ = _relative(xp, start, end)
            return PathChain([_unchecked(s_bend, run, offset, self.bend)], start)
        if self.shape == "bezier":
            run, offset, turn = _relative(xp, start, end)
            legs = real(xp, self.legs)
            return PathChain([_unchecked(CubicBezier, legs[0], legs[1], run, offset, turn)], start)
        return PathChain(self._rounded(xp, self._corners(xp, start, end), start, end)[0], start)

    def slack(self, start: Pose, end: Pose) -> Any:
        """What is left; none below 0 is a good route.

        Of corners and legs the straight parts in um; of S-bends 1 less radius times curvature, the run in um, and 1e-6
        less the angle in rad by which the ports miss facing each other; of Bezier curves the first of these.
        """
        xp = self._namespace(start, end)
        if self.shape in ("corner", "legs"):
            return xp.stack(self._rounded(xp, self._corners(xp, start, end), start, end)[1])
        tightness = 1.0 - real(xp, self.radius) * self.path(start, end).peak_curvature()
        if self.shape == "bezier":
            return tightness[None]
        run, _, turn = _relative(xp, start, end)
        # An S-bend keeps its heading: ports that have been turned no longer face each other.
        return xp.stack([tightness, run, SAME_HEADING - xp.abs(turn)])

    def resolved(self, start: Pose, end: Pose) -> "Route":
        """The route with a shape and legs, chosen for where the ports are now.

        Raises:
            ValueError: if the ports cannot be joined at the radius.
        """
        reason = "no shape joins these headings"
        for one in self._candidates(start, end):
            worst = _worst(one, start, end)
            if worst >= -SAME_HEADING and _arrives(one, start, end):
                return one
            reason = f"{one.shape!r} misses by {-worst:.3g} ({_MISSED[one.shape or '']})"
        x0, y0, h0, x1, y1, h1 = (float(np.asarray(each)) for each in (*start, *end))
        raise ValueError(
            f"route {self.start} to {self.end} cannot be joined at radius = {float(np.asarray(self.radius)):g} um: "
            f"from ({x0:g}, {y0:g}) um heading {math.degrees(h0):g} deg to ({x1:g}, {y1:g}) um heading "
            f"{math.degrees(h1):g} deg; {reason}"
        )

    def _namespace(self, start: Pose, end: Pose) -> Any:
        return namespace(*jax.tree.leaves((self, start, end)))

    def _corner_bend(self, angle: Any) -> EulerBend:
        return _unchecked(Arc if self.bend == "arc" else EulerBend, self.radius, angle)

    def _corners(self, xp: Any, start: Pose, end: Pose) -> list[Any]:
        """Places of the corners, each [2]."""
        (a, u), (b, v) = _ray(xp, start), _ray(xp, end)
        if self.shape == "corner":
            # Where the rays meet: a + s u = b + t v.
            determinant = u[1] * v[0] - u[0] * v[1]
            s = (v[0] * (b[1] - a[1]) - v[1] * (b[0] - a[0])) / determinant
            return [a + s * u]
        legs = real(xp, self.legs)
        between = [] if self.waypoints is None else list(real(xp, self.waypoints))
        return [a + legs[0] * u, *between, b + legs[1] * v]

    def _rounded(self, xp: Any, corners: list[Any], start: Pose, end: Pose) -> tuple[list[GuidePath], list[Any]]:
        """Straight guides and bends in turn, and the lengths of the straight guides."""
        (a, u), (b, v) = _ray(xp, start), _ray(xp, end)
        places = [a, *corners, b]
        steps = [other - one for one, other in itertools.pairwise(places)]
        # The first and the last leg go along the ports' headings, even where a leg is shorter than nothing.
        sizes = [_dot(xp, steps[0], u), *(_norm(xp, step) for step in steps[1:-1]), -_dot(xp, steps[-1], v)]
        ways = [u, *steps[1:-1], -v]
        bends = [self._corner_bend(_turn(xp, one, other)) for one, other in itertools.pairwise(ways)]
        # A turn right back has a tangent without end, of whichever sign rounding gives it.
        tangents = [xp.zeros_like(sizes[0]), *(xp.abs(bend.tangent()) for bend in bends), xp.zeros_like(sizes[0])]
        straight = [size - p - q for size, p, q in zip(sizes, tangents[:-1], tangents[1:], strict=True)]
        guides = [_unchecked(Straight, length) for length in straight]
        parts = [guides[0]]
        for bend, guide in zip(bends, guides[1:], strict=True):
            parts += [bend, guide]
        return parts, straight

    def _candidates(self, start: Pose, end: Pose) -> list["Route"]:
        """Shapes to try, best first."""
        if self.shape is not None and (self.shape in ("s_bend", "corner") or self.legs is not None):
            return [self] if self._suits(start, end) else []
        if self.shape == "bezier":
            reach = 0.4 * math.dist((float(start.x), float(start.y)), (float(end.x), float(end.y)))
            return [dataclasses.replace(self, legs=(k * reach, k * reach)) for k in (1.0, 1.5, 0.7)]
        found: list[Route] = []
        if self.shape is None and self.waypoints is None:
            shapes = ("s_bend", "corner") if self.bend in BENDS else ("s_bend",)
            known = [dataclasses.replace(self, shape=shape) for shape in shapes]
            found = [one for one in known if one._suits(start, end)]
        if self.bend in BENDS:
            found += [dataclasses.replace(self, shape="legs", legs=pair) for pair in self._leg_pairs(start, end)]
        return found

    def _suits(self, start: Pose, end: Pose) -> bool:
        """Whether the headings admit the shape."""
        (a, u), (b, v) = _ray(np, start), _ray(np, end)
        if self.shape == "s_bend":
            return bool(np.hypot(*(u + v)) < SAME_HEADING and _dot(np, b - a, u) > 0.0)
        if self.shape == "corner":
            return bool(abs(u[0] * v[1] - u[1] * v[0]) > 1e-3) and self.bend in BENDS
        return True

    def _leg_pairs(self, start: Pose, end: Pose) -> list[tuple[float, float]]:
        """Legs to try: those of a bend of 90 degrees, longer for the port that lies behind, and both longer."""
        (a, u), (b, v) = _ray(np, start), _ray(np, end)
        shortest = float(self._corner_bend(0.5 * np.pi).tangent()) * (1.0 + 1e-9)
        ahead = float(_dot(np, b - a, u))
        pairs = []
        if _dot(np, u, v) > 0.0:
            pairs.append((shortest + max(ahead, 0.0), shortest + max(-ahead, 0.0)))
        elif ahead > 0.0:
            pairs.append((0.5 * ahead, 0.5 * ahead))
        return pairs + [(k * shortest, k * shortest) for k in (1.0, 1.5, 2.0, 3.0, 5.0)]


_MISSED = {
    "s_bend": "1 less radius times curvature",
    "corner": "um of a straight part",
    "legs": "um of a straight part",
    "bezier": "1 less radius times curvature",
}


def _worst(route: Route, start: Pose, end: Pose) -> float:
    """The least slack; that of a route with a corner of half a turn is minus infinity."""
    with np.errstate(all="ignore"):
        slack = np.asarray(route.slack(start, end), float)
    return float(np.min(slack)) if np.all(np.isfinite(slack)) else -math.inf


def _arrives(route: Route, start: Pose, end: Pose) -> bool:
    """Whether the path ends at its port; two corners on one another, for one, turn nowhere."""
    x, y, heading = (float(np.asarray(each)) for each in route.path(start, end).end())
    apart = math.dist((x, y), (float(np.asarray(end.x)), float(np.asarray(end.y))))
    return apart < SAME_PLACE and math.cos(heading - float(np.asarray(end.heading))) < -1.0 + SAME_HEADING


def _unchecked(make: Any, *values: Any) -> Any:
    """A path made of numbers that may be out of range: an optimiser passes through places that no route fits."""
    kinds = {Straight: 1, CubicBezier: 5}
    if make is s_bend:
        run, offset, kind = values
        template = s_bend(1.0, 0.0, kind)
        if kind == "bezier":
            return _unchecked(CubicBezier, 0.5 * run, 0.5 * run, run, offset, 0.0 * run)
        return eqx.tree_at(lambda path: (path.run, path.offset), template, (run, offset))
    if make is Arc or make is EulerBend:
        return eqx.tree_at(lambda bend: (bend.radius, bend.angle), make(1.0, 0.5), values)
    template = make(*([1.0] * kinds[make]))
    names = [field.name for field in dataclasses.fields(template)]
    return eqx.tree_at(lambda path: tuple(getattr(path, name) for name in names), template, values)


def _ray(xp: Any, pose: Pose) -> tuple[Any, Any]:
    x, y, heading = (real(xp, each) for each in pose)
    return xp.stack([x, y]), xp.stack([xp.cos(heading), xp.sin(heading)])


def _relative(xp: Any, start: Pose, end: Pose) -> tuple[Any, Any, Any]:
    """The end as seen from the start: how far ahead and aside, and by what the arriving heading is turned."""
    (a, u), (b, v) = _ray(xp, start), _ray(xp, end)
    step = b - a
    return _dot(xp, step, u), u[0] * step[1] - u[1] * step[0], _turn(xp, u, -v)


def _turn(xp: Any, one: Any, other: Any) -> Any:
    """Angle in rad from one direction to another; none, without a derivative, where one has no length."""
    across, along = one[0] * other[1] - one[1] * other[0], _dot(xp, one, other)
    nowhere = (across == 0.0) & (along == 0.0)
    return xp.arctan2(across, xp.where(nowhere, xp.ones_like(along), along))


def _dot(xp: Any, one: Any, other: Any) -> Any:
    return xp.sum(one * other)


def _norm(xp: Any, step: Any) -> Any:
    square = _dot(xp, step, step)
    return xp.where(square > 0.0, xp.sqrt(xp.where(square > 0.0, square, xp.ones_like(square))), xp.zeros_like(square))
