"""Figures of drift, tuning and locks, of arrays: shift against ambient, a row of rings on its lines, a lock in time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: 0 degrees Celsius in K.
CELSIUS = 273.15


def shift_against_ambient(
    ax: "Axes", temperature: Any, shifts_pm: Any, labels: Sequence[str], *, dashed: Sequence[str] = ()
) -> None:
    """Draw how far resonances move with the ambient temperature, in nm over degrees Celsius.

    Args:
        ax: the axes.
        temperature: in K, shape [N].
        shifts_pm: shifts in pm, shape [lines, N].
        labels: name of each line.
        dashed: names of lines to be broken, such as those of a simpler model.

    Raises:
        ValueError: for a shape that does not go with labels and temperatures, or numbers that are not finite.
    """
    rows = _rows("shifts_pm", shifts_pm, len(labels), np.size(temperature))
    check_finite("temperature", temperature, "K")
    check_finite("shifts_pm", rows, "pm")
    for k, (row, label) in enumerate(zip(rows, labels, strict=True)):
        style = "--" if label in dashed else "-"
        ax.plot(np.asarray(temperature) - CELSIUS, 1e-3 * row, style, color=COLORS[k % len(COLORS)], label=label)
    ax.axhline(0.0, color="0.4", linewidth=0.7)
    ax.set_xlabel("ambient temperature (°C)")
    ax.set_ylabel("shift of the resonance (nm)")
    legend_above(ax, columns=min(len(labels), 3))


def tuned_row(ax: "Axes", rings: Any, lines: Any, fsr: Any, plan_lines: Any, plan_orders: Any) -> None:
    """Draw the lines of a row and how each ring goes to its own, from the dot to the head of an arrow, in nm.

    A ring that goes over the end of its free spectral range is drawn, hollow, where another of its resonances comes in.
    One that is not used is grey.

    Args:
        ax: the axes.
        rings, lines: wavelengths in um, shapes [N] and [M].
        fsr: free spectral ranges in um, a number or shape [N].
        plan_lines, plan_orders: of a `TuningPlan`, shape [N]; -1 for a ring that is not used.

    Raises:
        ValueError: for shapes that do not go together, or numbers that are not finite.
    """
    for name, value in (("rings", rings), ("lines", lines), ("fsr", fsr)):
        check_finite(name, value, "um")
    rings, lines = (np.asarray(each, float) for each in (rings, lines))
    for name, each in (("plan_lines", plan_lines), ("plan_orders", plan_orders)):
        _rows(name, np.asarray(each)[None], 1, rings.size)
    fsr = np.broadcast_to(np.asarray(fsr, float), rings.shape)
    for line in lines:
        ax.axvline(1e3 * line, color="0.6", linewidth=0.9, zorder=0)
    for k, (ring, to, order) in enumerate(zip(rings, np.asarray(plan_lines), np.asarray(plan_orders), strict=True)):
        colour = COLORS[0] if to >= 0 else "0.6"
        start = ring - order * fsr[k] if to >= 0 else ring
        ax.plot(1e3 * start, k + 1, "o", color=colour, markersize=5, fillstyle="full" if order == 0 else "none")
        if to >= 0:
            arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 2, "shrinkB": 0}
            ax.annotate("", (1e3 * lines[to], k + 1), (1e3 * start, k + 1), arrowprops=arrow)
    ax.set_yticks(np.arange(1, rings.size + 1, max(1, -(-rings.size // 16))))
    ax.set_ylim(0.4, rings.size + 0.6)
    ax.set_xlabel("wavelength (nm)")
    ax.set_ylabel("ring")
    ax.ticklabel_format(axis="x", useOffset=False)
    _name_marks(ax, np.asarray(plan_lines), np.asarray(plan_orders))


def _name_marks(ax: "Axes", to: np.ndarray, order: np.ndarray) -> None:
    """A legend of the marks that there are."""
    ax.plot([], [], color="0.6", linewidth=0.9, label="laser line")
    marks = (
        (np.any((to >= 0) & (order == 0)), "cold ring", COLORS[0], True),
        (np.any((to >= 0) & (order != 0)), "its next resonance", COLORS[0], False),
        (np.any(to < 0), "not used", "0.6", True),
    )
    for is_there, label, colour, is_full in marks:
        if is_there:
            style = "full" if is_full else "none"
            ax.plot([], [], "o", markersize=5, color=colour, fillstyle=style, label=label)
    legend_above(ax, columns=4)


def lock_transient(axes: Sequence["Axes"], time: Any, traces: Sequence[Any], labels: Sequence[str]) -> None:
    """Draw what locks do in time: the error on the first axes, the heater's power on the second.

    Args:
        axes: two axes, one above the other.
        time: times of the samples in ps, shape [N]; drawn in ms, or in us if they end before 10 ms.
        traces: one `LockTrace` a line, of N samples each.
        labels: name of each line.

    Raises:
        ValueError: for another number of axes or labels, samples that do not go with the times, or numbers that are not
            finite.
    """
    if len(axes) != 2 or len(traces) != len(labels):
        raise ValueError(
            f"{len(axes)} axes, {len(traces)} traces and {len(labels)} labels are not two, and one a trace"
        )
    time = np.asarray(time, float)
    check_finite("time", time, "ps")
    scale, unit = (1e-9, "ms") if np.max(time) > 1e10 else (1e-6, "us")
    for k, (trace, label) in enumerate(zip(traces, labels, strict=True)):
        for ax, name in ((axes[0], "error_pm"), (axes[1], "power")):
            check_finite(name, getattr(trace, name))
            row = _rows(name, np.asarray(getattr(trace, name))[None], 1, time.size)[0]
            # The first line lies on top: a dither drawn last would hide the others.
            style = {"color": COLORS[k % len(COLORS)], "linewidth": 1.1, "zorder": 3.0 - k / len(traces)}
            ax.plot(scale * time, row, label=label, **style)
    axes[0].axhline(0.0, color="0.4", linewidth=0.7)
    axes[0].set_ylabel("error (pm)")
    axes[1].set_ylabel("heater power (mW)")
    axes[1].set_xlabel(f"time ({unit})")
    legend_above(axes[0], columns=min(len(labels), 4))


def _rows(name: str, values: Any, rows: int, columns: int) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (rows, columns):
        raise ValueError(f"{name} of shape {array.shape} is not [{rows}, {columns}]")
    return array
