"""What a layout is made of: cells with ports, an outline, heaters and drawn shapes, and their places.

A cell is drawn in a frame of its own; its component and settings are those of the netlist. A `Placed` cell is turned
by its angle about the origin of that frame and then moved to (x, y). The headings of ports point out of the cell.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.display import Shown
from photonics_core.guide_paths import Arc, EulerBend, GuidePath, Pose, Straight, placed_at
from photonics_core.guide_s_bends import CosineSBend, CubicBezier, EulerSBend
from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import HeatShape, Rectangle
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    is_concrete,
)
from photonics_core.kernels.guide_curves import namespace, real
from photonics_core.runtime import as_leaf

#: Layers that shapes are drawn in, by name; a layer map gives them numbers.
LAYER_NAMES = ("core", "slab", "heater", "metal", "pad", "port", "label", "outline")


class CellPort(Shown):
    """Where a guide leaves a cell: place in um, heading in rad out of the cell, width of the guide in um."""

    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    heading: Any = eqx.field(converter=as_leaf)
    width: Any = eqx.field(converter=as_leaf, default=0.5)

    def __check_init__(self) -> None:
        for name, unit in (("x", "um"), ("y", "um"), ("heading", "rad")):
            check_finite(f"{name} of a port", getattr(self, name), unit)
        check_positive("width of a port", self.width, "um")


class Strip(Shown):
    """A guide or wire of a width in um along a path that starts at (x, y) in um with a heading in rad."""

    path: GuidePath
    width: Any = eqx.field(converter=as_leaf)
    x: Any = eqx.field(converter=as_leaf, default=0.0)
    y: Any = eqx.field(converter=as_leaf, default=0.0)
    heading: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("path", self.path, GuidePath)
        check_positive("width", self.width, "um")

    @property
    def start(self) -> Pose:
        """Where the path starts."""
        return Pose(self.x, self.y, self.heading)


class Drawn(eqx.Module):
    """A `Strip` or a shape of `heat_shapes` (annulus, disk, rectangle, polygon) in a layer of `LAYER_NAMES`."""

    layer: str = eqx.field(static=True)
    shape: Any

    def __check_init__(self) -> None:
        check_choice("layer", self.layer, LAYER_NAMES)
        if not isinstance(self.shape, Strip | HeatShape):
            raise ValueError(f"shape = {self.shape!r} is no Strip and no shape of heat_shapes")


class LayoutCell(Shown):
    """A component as it is drawn.

    Args:
        component: its name in the netlist.
        ports: `CellPort` by name.
        footprint: corners in um of the convex polygon that it takes up, counter-clockwise, shape [N, 2].
        settings: of the component in the netlist; real numbers are leaves, and what is whole, text or a list of such
            stays as it is.
        drawn: what is drawn.
        heaters: shape of each heater by name.
        probes: shape of each place whose temperature counts, by name, as the circle of a ring.
        further: further convex polygons by name that it takes up, as wires and pads.
        is_mirrored: whether it is the mirror image of its component; `mirrored` keeps account of that.

    Raises:
        ValueError: for a footprint that is not convex or not counter-clockwise, or parts of another kind.
    """

    component: str = eqx.field(static=True)
    ports: dict[str, CellPort]
    footprint: Any = eqx.field(converter=as_leaf)
    settings: dict[str, Any] = eqx.field(
        converter=lambda s: {k: _setting(v) for k, v in s.items()}, default_factory=dict
    )
    drawn: tuple[Drawn, ...] = eqx.field(converter=tuple, default=())
    heaters: dict[str, HeatShape] = eqx.field(default_factory=dict)
    probes: dict[str, HeatShape] = eqx.field(default_factory=dict)
    further: dict[str, Any] = eqx.field(converter=lambda f: {k: as_leaf(v) for k, v in f.items()}, default_factory=dict)
    is_mirrored: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        check_kind("component", self.component, str)
        for name, port in self.ports.items():
            check_kind(f"port {name!r} of {self.component!r}", port, CellPort)
        for each in self.drawn:
            check_kind("drawn", each, Drawn)
        for each in (*self.heaters.values(), *self.probes.values()):
            check_kind("heater or probe", each, HeatShape)
        _check_convex(f"footprint of {self.component!r}", self.footprint)
        for name, corners in self.further.items():
            _check_convex(f"further polygon {name!r} of {self.component!r}", corners)

    def port(self, name: str) -> CellPort:
        """A port by name; a `ValueError` if there is none."""
        if name not in self.ports:
            known = ", ".join(self.ports) or "none"
            raise ValueError(f"port {name!r} is none of component {self.component!r}; its ports are: {known}")
        return self.ports[name]

    def mirrored(self) -> "LayoutCell":
        """The cell seen in a mirror along x: y becomes -y; the component, its settings and its ports' names stay.

        Raises:
            ValueError: for a drawn strip along a path whose mirror image is not known.
        """
        ports = {k: CellPort(p.x, _minus(p.y), _minus(p.heading), p.width) for k, p in self.ports.items()}
        return dataclasses.replace(
            self,
            ports=ports,
            footprint=mirrored_corners(self.footprint),
            drawn=tuple(Drawn(each.layer, mirrored_shape(each.shape)) for each in self.drawn),
            heaters={name: mirrored_shape(shape) for name, shape in self.heaters.items()},
            probes={name: mirrored_shape(shape) for name, shape in self.probes.items()},
            further={name: mirrored_corners(corners) for name, corners in self.further.items()},
            is_mirrored=not self.is_mirrored,
        )


class Placed(eqx.Module):
    """A cell at a place.

    Args:
        cell: the cell.
        x, y: of the origin of its frame in um.
        angle: by which it is turned, in rad.

    Raises:
        ValueError: for a coordinate that is not finite.
    """

    cell: LayoutCell
    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    angle: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("cell", self.cell, LayoutCell)
        for name, unit in (("x", "um"), ("y", "um"), ("angle", "rad")):
            check_finite(f"{name} of a {self.cell.component!r}", getattr(self, name), unit)

    @property
    def pose(self) -> Pose:
        """Place and angle."""
        return Pose(self.x, self.y, self.angle)

    def port(self, name: str) -> Pose:
        """Place of a port, and its heading out of the cell; a `ValueError` if there is none of this name."""
        port = self.cell.port(name)
        return placed_at(self.pose, Pose(port.x, port.y, port.heading))

    def corners(self) -> Any:
        """Corners of the footprint in um, shape [N, 2]."""
        return placed_corners(self.pose, self.cell.footprint)

    def heaters(self) -> dict[str, HeatShape]:
        """Heaters by name, where they are."""
        return {name: placed_shape(self.pose, shape) for name, shape in self.cell.heaters.items()}

    def probes(self) -> dict[str, HeatShape]:
        """Places whose temperature counts by name, where they are."""
        return {name: placed_shape(self.pose, shape) for name, shape in self.cell.probes.items()}


def placed_corners(pose: Pose, footprint: Any) -> Any:
    """Corners in um, shape [N, 2], moved and turned from the frame of a pose to that of the layout."""
    xp = namespace(*pose, footprint)
    corners = real(xp, footprint)
    x, y, _ = placed_at(pose, Pose(corners[:, 0], corners[:, 1], xp.zeros_like(corners[:, 0])))
    return xp.stack([x, y], axis=1)


def placed_shape(pose: Pose, shape: Any) -> Any:
    """A strip or a shape of `heat_shapes` moved and turned from the frame of a pose to that of the layout."""
    if isinstance(shape, Strip):
        x, y, heading = placed_at(pose, shape.start)
        return Strip(shape.path, shape.width, x, y, heading)
    angle = getattr(shape, "angle", 0.0)
    x, y, turned = placed_at(pose, Pose(shape.x, shape.y, angle))
    changes: dict[str, Any] = {"x": x, "y": y}
    if isinstance(shape, Rectangle):
        changes["angle"] = turned
    if isinstance(shape, Polygon):
        xp = namespace(turned, shape.corners)
        corners, cosine, sine = real(xp, shape.corners), xp.cos(turned), xp.sin(turned)
        u, v = corners[:, 0], corners[:, 1]
        changes["corners"] = xp.stack([cosine * u - sine * v, sine * u + cosine * v], axis=1)
    return _replaced(shape, changes)


def mirrored_corners(corners: Any) -> Any:
    """Corners in um, shape [N, 2], with y turned into -y, counter-clockwise again."""
    xp = namespace(corners)
    corners = real(xp, corners)
    return xp.stack([corners[:, 0], -corners[:, 1]], axis=1)[::-1]


def mirrored_shape(shape: Any) -> Any:
    """A strip or a shape of `heat_shapes` with y turned into -y.

    Raises:
        ValueError: for a strip along a path that is none of this package's.
    """
    if isinstance(shape, Strip):
        return Strip(_mirrored_path(shape.path), shape.width, shape.x, _minus(shape.y), _minus(shape.heading))
    changes = {"y": _minus(shape.y)}
    if isinstance(shape, Rectangle):
        changes["angle"] = _minus(shape.angle)
    if isinstance(shape, Polygon):
        changes["corners"] = mirrored_corners(shape.corners)
    return _replaced(shape, changes)


def box(left: Any, bottom: Any, right: Any, top: Any) -> Any:
    """Corners of an upright rectangle in um, counter-clockwise, shape [4, 2]."""
    xp = namespace(left, bottom, right, top)
    left, bottom, right, top = (real(xp, each) for each in (left, bottom, right, top))
    rows = ((left, bottom), (right, bottom), (right, top), (left, top))
    return xp.stack([xp.stack(row) for row in rows])


def _setting(value: Any) -> Any:
    """A setting of a netlist: real numbers as arrays; a count would be none any longer, nor a list of names one."""
    if isinstance(value, list | tuple):
        if not all(isinstance(each, int | float | np.number | jax.Array) for each in value):
            return value
        if any(isinstance(each, jax.Array) for each in value):
            return as_leaf(value)
    if isinstance(value, jax.Array) or not isinstance(value, int | list | tuple | np.ndarray | np.integer):
        return as_leaf(value)
    return as_leaf(value) if np.asarray(value).dtype.kind == "f" else value


#: What of a path changes its sign in a mirror along its start.
_SIDEWAYS = {
    Straight: (),
    Arc: ("angle",),
    EulerBend: ("angle",),
    EulerSBend: ("offset",),
    CosineSBend: ("offset",),
    CubicBezier: ("y", "heading"),
}


def _mirrored_path(path: GuidePath) -> GuidePath:
    if type(path) not in _SIDEWAYS:
        raise ValueError(f"a strip along {type(path).__name__} cannot be mirrored: its mirror image is not known")
    names = _SIDEWAYS[type(path)]
    if not names:
        return path
    turned = [_minus(getattr(path, name)) for name in names]
    return eqx.tree_at(lambda each: [getattr(each, name) for name in names], path, turned)


def _minus(value: Any) -> Any:
    xp = namespace(value)
    return -real(xp, value)


def _replaced(shape: HeatShape, changes: Mapping[str, Any]) -> HeatShape:
    """The shape with other numbers; those of jax stay as they are where a class makes itself anew."""
    names = [field.name for field in dataclasses.fields(shape)]
    new = [name for name in names if name in changes]
    return eqx.tree_at(lambda each: [getattr(each, name) for name in new], shape, [changes[name] for name in new])


def _check_convex(name: str, footprint: Any) -> None:
    shape = np.shape(footprint)
    if len(shape) != 2 or shape[0] < 3 or shape[1] != 2:
        raise ValueError(f"{name} of shape {shape} is not [3 or more, 2]")
    if not is_concrete(footprint):
        return
    check_finite(name, footprint, "um")
    corners = np.asarray(footprint, float)
    along = np.roll(corners, -1, axis=0) - corners
    after = np.roll(along, -1, axis=0)
    turns = along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0]
    if np.any(turns < -1e-9) or not np.any(turns > 1e-9):
        raise ValueError(f"{name} is no convex polygon with its corners counter-clockwise")


def leaf_key(tree: Any) -> tuple[Any, ...]:
    """Structure and numbers of a pytree that the host can read, to tell whether two are alike."""
    leaves, structure = jax.tree.flatten(tree)
    return str(structure), tuple(np.asarray(leaf, float).tobytes() for leaf in leaves if not isinstance(leaf, str))
