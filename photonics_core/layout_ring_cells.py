"""Cells to start from: a ring on a bus with its heater and pads, and an edge coupler."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from photonics_core.guide_paths import Arc, Straight
from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Circle, Rectangle
from photonics_core.kernels.checks import check_positive, check_range
from photonics_core.kernels.guide_curves import namespace, real
from photonics_core.layout_cells import CellPort, Drawn, LayoutCell, Strip, box


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
    """An inverse taper at a chip's edge, in um; ports `fibre` at the origin, heading -x, `chip` at its other end."""
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
