"""Pictures of layouts: guides, heaters, wires, pads, ports and names, as they are drawn for GDS."""

from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_kind
from photonics_core.layout import Layout
from photonics_core.layout_cells import placed_shape
from photonics_core.layout_outlines import guide_outline, shape_outline
from photonics_core.plot import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colour and opacity of each layer, drawn in this order.
STYLES = {
    "slab": (COLORS[5], 0.35),
    "heater": (COLORS[1], 0.65),
    "core": (COLORS[0], 1.0),
    "metal": ("#888888", 0.75),
    "pad": (COLORS[4], 0.8),
}
#: Chord error of a picture in um.
_CHORD = 0.02


def draw_layout(
    ax: "Axes", layout: Layout, *, names: bool = True, footprints: bool = False, ports: bool = True, legend: bool = True
) -> None:
    """Draw a layout in um: guides, heaters, wires and pads, outer ports with their names, instances by name.

    Args:
        ax: the axes.
        layout: what to draw; its numbers must be at hand.
        names: whether instances are named.
        footprints: whether footprints are drawn as broken lines.
        ports: whether outer ports are marked and named.
        legend: whether the layers are named above.

    Raises:
        ValueError: if it is no layout.
    """
    check_kind("layout", layout, Layout)
    outlines = _outlines(layout)
    for layer, (colour, opacity) in STYLES.items():
        for number, corners in enumerate(outlines.get(layer, [])):
            label = layer if number == 0 else None
            # A thin line around guides, which would be too thin to see.
            line = 0.4 if layer == "core" else 0.0
            x, y = corners.T
            ax.fill(x, y, facecolor=colour, edgecolor=colour, linewidth=line, alpha=opacity, label=label)
    boxes = [np.asarray(cell.corners(), float) for cell in layout.cells.values()]
    for name, corners in zip(layout.cells, boxes, strict=True):
        if footprints:
            ax.plot(*np.concatenate([corners, corners[:1]]).T, color="black", linestyle=":", linewidth=0.6)
        if names:
            _name(ax, layout, name, corners)
    if ports:
        _draw_ports(ax, layout)
    _draw_crossings(ax, layout)
    ax.set_aspect("equal")
    ax.grid(False)
    ax.margins(0.08, 0.06)
    ax.set_xlabel("x (um)")
    ax.set_ylabel("y (um)")
    if legend:
        handles, labels = ax.get_legend_handles_labels()
        ax.legend(
            handles,
            labels,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=max(1, len(labels)),
            fontsize="small",
            frameon=False,
        )


def _outlines(layout: Layout) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {}
    for placed in layout.cells.values():
        for each in placed.cell.drawn:
            found.setdefault(each.layer, []).append(shape_outline(placed_shape(placed.pose, each.shape), _CHORD))
    for name, path in layout.paths().items():
        route = layout.routes[name]
        found.setdefault("core", []).append(guide_outline(path, route.width, _CHORD))
        if route.slab_width is not None:
            found.setdefault("slab", []).append(guide_outline(path, route.slab_width, _CHORD))
    return found


def _name(ax: "Axes", layout: Layout, name: str, corners: np.ndarray) -> None:
    """The name in the middle of a heated place, as that of a ring; else above the middle of the footprint."""
    probes = list(layout.cells[name].probes().values())
    if probes:
        x, y = (float(np.asarray(each)) for each in (probes[0].x, probes[0].y))
        ax.annotate(name, (x, y), ha="center", va="center", fontsize=6)
        return
    low, high = corners.min(axis=0), corners.max(axis=0)
    ax.annotate(name, (0.5 * (low[0] + high[0]), high[1]), ha="center", va="bottom", fontsize=7)


def _draw_ports(ax: "Axes", layout: Layout) -> None:
    for name, pin in layout.ports:
        x, y, heading = (float(each) for each in layout.port(pin))
        level = abs(np.cos(heading)) > 0.5
        # Above the port, or beside one that leads up or down, where no guide is.
        place = {"xytext": (0.0, 6.0), "ha": "center", "va": "bottom"}
        if not level:
            place = {"xytext": (7.0, 0.0), "ha": "left", "va": "center"}
        ax.plot([x], [y], marker="o", color=COLORS[2], markersize=5, zorder=5)
        ax.annotate(name, (x, y), textcoords="offset points", fontsize=8, color=COLORS[2], **place)


def _draw_crossings(ax: "Axes", layout: Layout) -> None:
    for crossed in layout.crossed:
        segment, t = crossed.first_at
        points: Any = layout.path(crossed.first).point(segment, np.array([t]))
        ax.plot(points.x, points.y, marker="s", markerfacecolor="none", color=COLORS[3], markersize=7, zorder=5)
