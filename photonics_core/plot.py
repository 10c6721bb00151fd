"""Figures: axes with names and units, readable in print, drawn without a display or global state."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.atomic import write_atomically
from photonics_core.display import brief
from photonics_core.kernels.checks import check_choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours told apart in print and by the colour-blind (Okabe and Ito, 2008).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")


def new_figure(rows: int = 1, columns: int = 1, width: float = 8.0, height: float = 5.0, **options: Any) -> Any:
    """A figure of `width` by `height` inches and its array of axes, shape [rows, columns].

    Jupyter shows the figure where it is the last of a cell.
    """
    from photonics_core.shown_figure import ShownFigure

    figure = ShownFigure(width, height)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat:
        ax.grid(alpha=0.25, linewidth=0.5)
        ax.set_prop_cycle(color=COLORS)
    return figure, axes


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a PNG, whole or not at all."""
    from photonics_core.shown_figure import png

    write_atomically(path, lambda temporary: temporary.write_bytes(png(figure, dpi=150)))


def spectrum(ax: "Axes", wl: Any, power: Any, *, floor_db: float = -40.0, **line: Any) -> None:
    """Draw power transmission in dB over wavelength in nm, cut off at `floor_db`."""
    decibels = 10.0 * np.log10(np.maximum(np.asarray(power), 10.0 ** (floor_db / 10.0)))
    ax.plot(1e3 * np.asarray(wl), decibels, **line)
    ax.set_xlabel("wavelength (nm)")
    ax.set_ylabel("transmission (dB)")


def bars(ax: "Axes", groups: dict[str, Sequence[float]], ylabel: str, xlabel: str = "channel") -> None:
    """Draw one bar a channel (numbered from 1) for each group, side by side, with a legend of the groups."""
    width = 0.8 / len(groups)
    for k, (label, values) in enumerate(groups.items()):
        positions = np.arange(1, len(values) + 1) + (k - (len(groups) - 1) / 2) * width
        ax.bar(positions, np.asarray(values), width, label=label, color=COLORS[k % len(COLORS)])
    ax.set_xticks(np.arange(1, len(next(iter(groups.values()))) + 1))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    legend_above(ax, columns=2)


def legend_above(ax: "Axes", columns: int) -> None:
    """Put the legend above the axes, where it covers no data."""
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
    ax.legend(**place, ncols=columns, fontsize="small", frameon=False, borderaxespad=0.2)


def histogram(ax: "Axes", values: Any, label: str) -> None:
    """Draw how often values occur, those that are finite, in at most 50 bins."""
    values = np.asarray(values).ravel()
    values = values[np.isfinite(values)]
    ax.hist(values, bins=int(np.clip(np.sqrt(values.size), 5, 50)), color=COLORS[0])
    ax.set_xlabel(label)
    ax.set_ylabel("samples")


def convergence(ax: "Axes", objective: Any) -> None:
    """Draw the objective of an optimisation over its steps."""
    ax.plot(np.asarray(objective), color=COLORS[0])
    ax.set_xlabel("step")
    ax.set_ylabel("objective")


def mode_field(
    ax: "Axes", mode: Any, *, component: str = "abs", span: tuple[float, float] = (1.5, 1.0), count: int = 181
) -> None:
    """Draw the electric field of a mode over its cross-section, with the lines where media meet.

    Args:
        ax: the axes.
        mode: a `Mode`.
        component: "abs" for |E|, or "x", "y" or "z" for the modulus of a component, in V/um at 1 mW.
        span: width and height of the picture in um, centred on the guide.
        count: points across.
    """
    check_choice("component", component, ("abs", "x", "y", "z"))
    section = mode.section
    heights = np.asarray(section.y)
    middle = 0.0 if section.mirrored[1] else 0.5 * (heights[1] + heights[-2])
    x = np.linspace(-0.5, 0.5, count) * span[0]
    y = middle + np.linspace(-0.5, 0.5, count) * span[1]
    e = np.abs(np.asarray(mode.field_at(*np.meshgrid(x, y)).e))
    values = np.sqrt(np.sum(e**2, axis=0)) if component == "abs" else e["xyz".index(component)]
    picture = ax.pcolormesh(x, y, values, cmap="magma", shading="gouraud", rasterized=True)
    ax.figure.colorbar(
        picture, ax=ax, fraction=0.03, pad=0.02, label="|E| (V/um)" if component == "abs" else f"|E{component}| (V/um)"
    )
    for line_x, line_y in interfaces(section):
        ax.plot(line_x, line_y, color="white", linewidth=0.8)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_aspect("equal")
    ax.grid(False)
    ax.set_xlabel("x (um)")
    ax.set_ylabel("y (um)")
    ax.set_title(mode.label(), fontsize="medium")


def index_sweep(ax: "Axes", sweep: Any, xlabel: str, *, quantity: str = "n_eff") -> None:
    """Draw the indices of modes followed along a sweep, a line a mode, named by polarisation where it is first guided.

    Args:
        ax: the axes.
        sweep: a `ModeSweep`.
        xlabel: name and unit of what was swept.
        quantity: "n_eff" or "n_g".
    """
    check_choice("quantity", quantity, ("n_eff", "n_g"))
    for track, row in zip(sweep.tracks, getattr(sweep, quantity), strict=True):
        first = next(mode for mode in track if mode is not None)
        kind = "TE" if float(first.te_fraction()) > 0.5 else "TM"
        ax.plot(sweep.values, row, marker=".", label=f"{kind} from {sweep.values[track.index(first)]:.4g}")
    ax.set_xlabel(xlabel)
    ax.set_ylabel("effective index" if quantity == "n_eff" else "group index")
    legend_above(ax, columns=4)


def power_along(ax: "Axes", z: Any, amplitudes: Any, labels: Sequence[str] | None = None) -> None:
    """Draw the power of coupled modes along z in um, a line a mode; `amplitudes` have the shape [points, modes]."""
    values = np.abs(np.asarray(amplitudes)) ** 2
    names = [f"mode {k}" for k in range(1, values.shape[1] + 1)] if labels is None else labels
    for name, row in zip(names, values.T, strict=True):
        ax.plot(np.asarray(z), row, label=name)
    ax.set_xlabel("z (um)")
    ax.set_ylabel("power")
    legend_above(ax, columns=4)


def coupling_over_gap(ax: "Axes", coupling: Any, wl: Sequence[float]) -> None:
    """Draw a `CouplingMap` over its gaps in nm, a line for each wavelength in um, on a logarithmic scale."""
    low, high = coupling.gap_range
    gap = np.linspace(low, high, 101)
    for each in wl:
        ax.semilogy(1e3 * gap, np.asarray(coupling.coupling(gap, each)), label=f"{1e3 * each:.0f} nm")
    ax.set_xlabel("gap (nm)")
    ax.set_ylabel("coupling (rad/um)")
    legend_above(ax, columns=4)


def eye(ax: "Axes", waveform: Any, symbols: Any, *, ylabel: str = "power (mW)", **options: Any) -> None:
    """Draw an eye over two symbol periods as a density; `options` are those of `eye_density`."""
    from photonics_core.eye import eye_density

    time, level, density = eye_density(waveform, symbols, **options)
    # The root of the density, so that rare traces show.
    shown = np.ma.masked_less_equal(np.sqrt(density / density.max()), 1e-3)
    ax.pcolormesh(time, level, shown, cmap="magma_r", shading="nearest", rasterized=True)
    ax.set_xlim(-0.5, 1.5)
    ax.grid(visible=False)
    ax.set_xlabel("time (symbol periods)")
    ax.set_ylabel(ylabel)


def cross_section(ax: "Axes", section: Any, *, around: float = 0.5) -> None:
    """Draw the media of a cross-section in um, mirror images included, up to `around` um beside its outermost parts."""
    x, y = np.asarray(section.x), np.asarray(section.y)
    flips = [(a, b) for a in (1.0, -1.0)[: 1 + section.mirrored[0]] for b in (1.0, -1.0)[: 1 + section.mirrored[1]]]
    named: set[int] = set()
    for i, column in enumerate(section.blocks):
        for j, medium in enumerate(column):
            across = np.array([x[i, j], x[i + 1, j], x[i + 1, j + 1], x[i, j + 1]])
            up = np.array([y[j], y[j], y[j + 1], y[j + 1]])
            label = None if medium in named else getattr(section.media[medium], "name", brief(section.media[medium]))
            named.add(medium)
            color = COLORS[medium % len(COLORS)]
            for k, (a, b) in enumerate(flips):
                ax.fill(a * across, b * up, facecolor=color, linewidth=0.0, alpha=0.6, label=None if k else label)
    ax.set(xlabel="x (um)", ylabel="y (um)", aspect="equal")
    ends = [(side[0], side[-1], np.array(pieces)) for side, pieces in _inner_lines(section)]
    for (low, high, inner), limit in zip(ends, (ax.set_xlim, ax.set_ylim), strict=True):
        if inner.size:
            limit(max(low, np.min(inner) - around), min(high, np.max(inner) + around))
    legend_above(ax, columns=len(section.media))


def _inner_lines(section: Any) -> list[tuple[tuple[float, float], list[float]]]:
    """Along x and y, the ends of the window and where media meet that do not reach from end to end."""
    pieces = interfaces(section)
    found = []
    for axis, lines in enumerate((np.asarray(section.x), np.asarray(section.y))):
        high = float(np.max(lines))
        low = -high if section.mirrored[axis] else float(np.min(lines))
        met = [float(value) for piece in pieces for value in piece[axis] if low < value < high]
        found.append(((low, high), met))
    return found


def interfaces(section: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Line pieces (x, y) in um where media of a cross-section meet, mirror images included."""
    x, y, table = np.asarray(section.x), np.asarray(section.y), np.array(section.blocks)
    pieces = []
    for i, j in zip(*np.nonzero(table[1:] != table[:-1]), strict=True):
        pieces.append((x[i + 1, j : j + 2], y[j : j + 2]))
    for i, j in zip(*np.nonzero(table[:, 1:] != table[:, :-1]), strict=True):
        pieces.append((x[i : i + 2, j + 1], np.full(2, y[j + 1])))
    for axis, mirrored in enumerate(section.mirrored):
        if mirrored:
            flip = (-1.0, 1.0) if axis == 0 else (1.0, -1.0)
            pieces += [(flip[0] * a, flip[1] * b) for a, b in pieces]
    return pieces
