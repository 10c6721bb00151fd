"""Figures of wafers and yields: values of dies on their wafer, which limits fail, power over dies."""

from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_kind
from photonics_core.plot import COLORS, legend_above
from photonics_core.wafer_grid import DieGrid
from photonics_core.yield_causes import FailureCauses

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def wafer_map(
    ax: "Axes", grid: DieGrid, values: Any, passed: Any = None, *, label: str = "", limits: Any = None
) -> None:
    """Draw the dies of a wafer in the colour of their values, with a cross on each that fails.

    Args:
        ax: the axes.
        grid: the dies.
        values: one for each die, shape [D]; a die whose value is not a number is grey.
        passed: whether each die passes, shape [D]; None for no crosses.
        label: what the values are, with their unit.
        limits: lowest and highest value of the colours; those of the values by default.

    Raises:
        ValueError: for shapes that do not go with the grid.
    """
    from matplotlib import colormaps
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle, Rectangle

    check_kind("grid", grid, DieGrid)
    values = _of_dies("values", values, grid).astype(float)
    width, height = (1e-3 * each for each in grid.die_size)
    places = 1e-3 * grid.places
    corners = places - 0.5 * np.array([[width, height]])
    patches = [Rectangle((x, y), width, height) for x, y in corners]
    colors = colormaps["viridis"].with_extremes(bad="0.85")
    dies = PatchCollection(patches, cmap=colors, edgecolor="white", linewidth=0.3)
    dies.set_array(np.ma.masked_invalid(values))
    finite = values[np.isfinite(values)]
    dies.set_clim(*(limits if limits is not None else (finite.min(), finite.max()) if finite.size else (0.0, 1.0)))
    ax.add_patch(Circle((0.0, 0.0), 1e-3 * grid.radius, facecolor="none", edgecolor="0.4", linewidth=0.9))
    ax.add_collection(dies)
    if passed is not None:
        bad = ~_of_dies("passed", passed, grid).astype(bool)
        size = 0.35 * 72.0 * ax.figure.get_figwidth() * min(width, height) / (2.2e-3 * grid.radius)  # pyright: ignore[reportAttributeAccessIssue]
        style = {"marker": "x", "color": COLORS[1], "linestyle": "none", "markersize": float(np.clip(size, 2.0, 9.0))}
        if np.any(bad):
            ax.plot(*places[bad].T, label=f"fails: {int(np.sum(bad))} of {bad.size}", **style)
            legend_above(ax, columns=1)
    ax.figure.colorbar(dies, ax=ax, label=label, shrink=0.85)
    _frame(ax, 1e-3 * grid.radius)


def failure_bars(ax: "Axes", causes: FailureCauses) -> None:
    """Draw the shares of dies that fail each limit, and of those that fail no other."""
    check_kind("causes", causes, FailureCauses)
    rows = np.arange(len(causes.names))
    ax.barh(rows, 100.0 * causes.failing / causes.total, 0.7, color=COLORS[5], label="fail this limit")
    ax.barh(rows, 100.0 * causes.alone / causes.total, 0.35, color=COLORS[0], label="fail this one only")
    ax.set_yticks(rows, causes.names)
    ax.invert_yaxis()
    ax.set_xlabel("share of the dies (%)")
    legend_above(ax, columns=2)


def share_below(ax: "Axes", values: Any, quantity: str, **line: Any) -> None:
    """Draw the share of dies below a value over the value, such as that of their heater power.

    Args:
        ax: the axes.
        values: one for each die, shape [D].
        quantity: what the values are, with their unit.
        line: style of the line.

    Raises:
        ValueError: for values that are not [D].
    """
    row = np.sort(np.asarray(values, float))
    if row.ndim != 1 or row.size == 0 or np.any(np.isnan(row)):
        raise ValueError(f"values of shape {np.shape(values)} are not some numbers")
    ax.plot(row, np.arange(1, row.size + 1) / row.size, drawstyle="steps-post", **line)
    ax.set_xlabel(quantity)
    ax.set_ylabel("share of the dies below")
    ax.set_ylim(0.0, 1.0)


def _frame(ax: "Axes", radius: float) -> None:
    ax.set_aspect("equal")
    ax.set_xlim(-1.05 * radius, 1.05 * radius)
    ax.set_ylim(-1.05 * radius, 1.05 * radius)
    ax.grid(visible=False)
    ax.set_xlabel("x (mm)")
    ax.set_ylabel("y (mm)")


def _of_dies(name: str, values: Any, grid: DieGrid) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != (grid.count,):
        raise ValueError(f"{name} of shape {values.shape} are not one for each of {grid.count} dies")
    return values
