"""What a layout is made of: cells with ports, an outline, heaters and drawn shapes, and their places.

A cell is drawn in a frame of its own; its component and settings are those of the netlist. A `Placed` cell is turned
by its angle about the origin of that frame and then moved to (x, y). The headings of ports point out of the cell.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.guide_paths import Arc, GuidePath, Pose, Straight, placed_at
from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Circle, HeatShape, Rectangle
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.kernels.guide_curves import namespace, real
from photonics_core.runtime import as_leaf

#: Layers that shapes are drawn in, by name; a layer map gives them numbers.
LAYER_NAMES = ("core", "slab", "heater", "metal", "pad", "port", "label", "outline")


class CellPort(eqx.Module):
    """Where a guide leaves a cell: place in um, heading in rad out of the cell, width of the guide in um."""

    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    heading: Any = eqx.field(converter=as_leaf)
    width: Any = eqx.field(converter=as_leaf, default=0.5)

    def __check_init__(self) -> None:
        for name, unit in (("x", "um"), ("y", "um"), ("heading", "rad")):
            check_finite(f"{name} of a port", getattr(self, name), unit)
        check_positive("width of a port", self.width, "um")


class Strip(eqx.Module):
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


class LayoutCell(eqx.Module):
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

    def __check_init__(self) -> None:
        check_kind("component", self.component, str)
        for name, port in self.ports.items():
            check_kind(f"port {name!r} of {self.component!r}", port, CellPort)
        for each in self.drawn:
            check_kind("drawn", each, Drawn)
        for each in (*self.heaters.values(), *self.probes.values()):
            check_kind("heater or probe", each, HeatShape)
        _check_convex(self.component, self.footprint)

    def port(self, name: str) -> CellPort:
        """A port by name; a `ValueError` if there is none."""
        if name not in self.ports:
            known = ", ".join(self.ports) or "none"
            raise ValueError(f"port {name!r} is none of component {self.component!r}; its ports are: {known}")
        return self.ports[name]


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


def box(left: Any, bottom: Any, right: Any, top: Any) -> Any:
    """Corners of an upright rectangle in um, counter-clockwise, shape [4, 2]."""
    xp = namespace(left, bottom, right, top)
    left, bottom, right, top = (real(xp, each) for each in (left, bottom, right, top))
    rows = ((left, bottom), (right, bottom), (right, top), (left, top))
    return xp.stack([xp.stack(row) for row in rows])


def ring_cell(
    component: str,
    radius: Any,
    *,
    gap: Any = 0.2,
    width: Any = 0.5,
    drop: bool = False,
    heater_width: Any = 2.0,
    pad: float = 20.0,
    pad_gap: float = 5.0,
    settings: Mapping[str, Any] | None = None,
) -> LayoutCell:
    """A ring over a bus along x, with a heater above it and two pads beyond.

    Its frame has the origin at the middle of the bus. Ports are `in` and `through` on the left and the right of the bus
    and, with `drop`, `drop` and `add` on the left and the right of a second guide above the ring.

    Args:
        component: name in the netlist.
        radius, gap, width: of the ring, between ring and guides, and of the guides, in um.
        drop: whether there is a second guide.
        heater_width: of the heater along the ring in um.
        pad, pad_gap: side of the pads and what is between them in um.
        settings: of the component.

    Raises:
        ValueError: for a size that is not above zero.
    """
    for name, value in (("radius", radius), ("gap", gap), ("width", width), ("heater_width", heater_width)):
        check_positive(name, value, "um")
    check_range("pad", pad, 1.0, 1000.0, "um")
    check_range("pad_gap", pad_gap, 0.0, 1000.0, "um")
    height = radius + gap + width
    top = 2.0 * height
    half = _larger(pad + pad_gap, radius + 3.0)
    ports = {"in": CellPort(-half, 0.0, np.pi, width), "through": CellPort(half, 0.0, 0.0, width)}
    drawn = [Drawn("core", Strip(Straight(2.0 * half), width, -half, 0.0))]
    if drop:
        ports |= {"drop": CellPort(-half, top, np.pi, width), "add": CellPort(half, top, 0.0, width)}
        drawn.append(Drawn("core", Strip(Straight(2.0 * half), width, -half, top)))
    drawn.append(Drawn("core", Annulus(0.0, height, radius - 0.5 * width, radius + 0.5 * width)))
    drawn += _heater_and_pads(height, radius, heater_width, pad, pad_gap)
    low, high = -2.0 * width, height + radius + 8.0 + pad
    heater = Annulus(0.0, height, radius - 0.5 * heater_width, radius + 0.5 * heater_width)
    return LayoutCell(
        component,
        ports,
        box(-half, low, half, high),
        dict(settings or {}),
        tuple(drawn),
        {"heater": heater},
        {"ring": Circle(0.0, height, radius)},
    )


def edge_cell(
    component: str, length: Any = 60.0, *, tip: Any = 0.15, width: Any = 0.5, settings: Mapping[str, Any] | None = None
) -> LayoutCell:
    """An inverse taper at the edge of a chip; ports `fibre` at the origin, heading -x, and `chip` at its other end."""
    for name, value in (("length", length), ("tip", tip), ("width", width)):
        check_positive(name, value, "um")
    xp = namespace(length, tip, width)
    size, thin, wide = (real(xp, each) for each in (length, tip, width))
    corners = ((0.0 * size, -0.5 * thin), (size, -0.5 * wide), (size, 0.5 * wide), (0.0 * size, 0.5 * thin))
    taper = Polygon(corners=xp.stack([xp.stack(row) for row in corners]))
    ports = {"fibre": CellPort(0.0, 0.0, np.pi, tip), "chip": CellPort(length, 0.0, 0.0, width)}
    footprint = box(0.0, -3.0, length, 3.0)
    return LayoutCell(component, ports, footprint, dict(settings or {}), (Drawn("core", taper),))


def _heater_and_pads(height: Any, radius: Any, heater_width: Any, pad: float, pad_gap: float) -> list[Drawn]:
    """A heater that is open at the top of the ring, wires from its ends, and two pads."""
    xp = namespace(height, radius)
    height, radius = real(xp, height), real(xp, radius)
    # Ends 4 um to both sides, so that the wires have as much between them as they are wide.
    opening = xp.arcsin(xp.minimum(4.0 / radius, 0.9 * xp.ones_like(radius)))
    start = 0.5 * np.pi + opening
    x, y = radius * xp.cos(start), height + radius * xp.sin(start)
    along = Strip(Arc(radius, 2.0 * np.pi - 2.0 * opening), heater_width, x, y, start + 0.5 * np.pi)
    drawn = [Drawn("heater", along)]
    foot, middle = height + radius + 8.0, 0.5 * (pad + pad_gap)
    for side in (-1.0, 1.0):
        # A wire from the end of the heater to below its pad, bent where it must be.
        end = -side * x
        low, wire = y, 4.0
        corners = ((end, low - 1.0), (end, foot + 1.0), (side * middle, foot + 1.0))
        drawn += [Drawn("metal", shape) for shape in _wires(corners, wire)]
        drawn.append(Drawn("pad", Rectangle(side * middle, foot + 0.5 * pad, pad, pad)))
    return drawn


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


def _wires(corners: tuple[tuple[Any, Any], ...], width: float) -> list[Rectangle]:
    """Upright rectangles along lines between corners that are level or upright."""
    shapes = []
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        xp = namespace(x0, y0, x1, y1)
        middle = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
        shapes.append(Rectangle(*middle, xp.abs(real(xp, x1 - x0)) + width, xp.abs(real(xp, y1 - y0)) + width))
    return shapes


def _larger(one: Any, other: Any) -> Any:
    xp = namespace(one, other)
    return xp.maximum(real(xp, one), real(xp, other))


def _replaced(shape: HeatShape, changes: Mapping[str, Any]) -> HeatShape:
    """The shape with other numbers; those of jax stay as they are where a class makes itself anew."""
    names = [field.name for field in dataclasses.fields(shape)]
    new = [name for name in names if name in changes]
    return eqx.tree_at(lambda each: [getattr(each, name) for name in new], shape, [changes[name] for name in new])


def _check_convex(component: str, footprint: Any) -> None:
    shape = np.shape(footprint)
    if len(shape) != 2 or shape[0] < 3 or shape[1] != 2:
        raise ValueError(f"footprint of {component!r} of shape {shape} is not [3 or more, 2]")
    if not is_concrete(footprint):
        return
    check_finite(f"footprint of {component!r}", footprint, "um")
    corners = np.asarray(footprint, float)
    along = np.roll(corners, -1, axis=0) - corners
    after = np.roll(along, -1, axis=0)
    turns = along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0]
    if np.any(turns < -1e-9) or not np.any(turns > 1e-9):
        raise ValueError(f"footprint of {component!r} is no convex polygon with its corners counter-clockwise")


def leaf_key(tree: Any) -> tuple[Any, ...]:
    """Structure and numbers of a pytree that the host can read, to tell whether two are alike."""
    leaves, structure = jax.tree.flatten(tree)
    return str(structure), tuple(np.asarray(leaf, float).tobytes() for leaf in leaves if not isinstance(leaf, str))
