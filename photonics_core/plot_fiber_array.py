"""Figures of arrays of fibres: yield against the limit, losses of each fibre, moves of a search."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive, check_range
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Parts of the arrays below the lines of `fibre_losses`, by name.
QUANTILES = {"median": 0.5, "95 %": 0.95, "99 %": 0.99}


def yield_against_limit(
    ax: "Axes", limits_db: Any, yields: Any, labels: Sequence[str], *, sampled: Any = None, errors: Any = None
) -> None:
    """Draw the part of the arrays that passes over the limit in dB, as lines, and drawn arrays as dots.

    Args:
        ax: the axes.
        limits_db: limits in dB, shape [L].
        yields: yields, shape [lines, L].
        labels: name of each line.
        sampled: yields of drawn arrays, shape [lines, L]; None for none.
        errors: their standard errors, of the same shape.

    Raises:
        ValueError: for shapes that do not go together, or a yield outside [0, 1].
    """
    rows = _rows("yields", yields, len(labels), np.size(limits_db))
    check_range("yields", rows, -1e-6, 1.0 + 1e-6)
    dots = None if sampled is None else _rows("sampled", sampled, *rows.shape)
    bars = np.zeros_like(rows) if errors is None else _rows("errors", errors, *rows.shape)
    for k, (row, label) in enumerate(zip(rows, labels, strict=True)):
        colour = COLORS[k % len(COLORS)]
        ax.plot(limits_db, 100.0 * row, color=colour, label=label)
        if dots is not None:
            style = {"fmt": "o", "markersize": 3.5, "linewidth": 0.8, "color": colour, "fillstyle": "none"}
            ax.errorbar(limits_db, 100.0 * dots[k], 100.0 * bars[k], **style)
    if dots is not None:
        ax.plot([], [], "o", color="0.3", fillstyle="none", markersize=3.5, label="drawn")
    ax.set_ylim(-2.0, 102.0)
    ax.set_xlabel("limit of each fibre's loss (dB)")
    ax.set_ylabel("arrays that pass (%)")
    legend_above(ax, columns=min(len(labels) + 1, 4))


def fibre_losses(ax: "Axes", losses_db: Any, *, limit_db: float | None = None, top_db: float | None = None) -> None:
    """Draw how the loss of each fibre is distributed: shades for its histogram, lines for parts of the arrays.

    Args:
        ax: the axes.
        losses_db: losses in dB, shape [arrays, N].
        limit_db: limit to draw; None for none.
        top_db: end of the axis; None for a little above the line of 99 %.

    Raises:
        ValueError: for losses of another shape, or that are not finite, or an end that is not above zero.
    """
    losses = np.asarray(losses_db, float)
    if losses.ndim != 2 or not losses.size:
        raise ValueError(f"losses_db of shape {losses.shape} is not [arrays, N]")
    check_finite("losses_db", losses, "dB")
    fibres = np.arange(1, losses.shape[1] + 1)
    # Of losses of 0 there is still a picture.
    top = max(1.2 * np.max(np.quantile(losses, 0.99, axis=0)), 1e-3) if top_db is None else top_db
    check_positive("top_db", top, "dB")
    edges = np.linspace(0.0, top, 61)
    density = np.stack([np.histogram(column, edges)[0] for column in losses.T], axis=1)
    sides = np.arange(losses.shape[1] + 1) + 0.5
    ax.pcolormesh(sides, edges, density / max(np.max(density), 1), cmap="Greys", vmax=1.3, rasterized=True)
    for colour, (label, part) in zip(COLORS, QUANTILES.items(), strict=False):
        ax.plot(fibres, np.quantile(losses, part, axis=0), color=colour, marker=".", markersize=4, label=label)
    if limit_db is not None:
        ax.axhline(limit_db, color="0.2", linewidth=0.9, linestyle=":", label="limit")
    ax.grid(False)
    ax.set_xlim(0.5, losses.shape[1] + 0.5)
    ax.set_ylim(0.0, top)
    ax.set_xlabel("fibre")
    ax.set_ylabel("loss (dB)")
    legend_above(ax, columns=4)


def search_moves(ax: "Axes", moves: Sequence[Any], labels: Sequence[str]) -> None:
    """Draw the part of the searches that has ended after a number of moves, one line for each set.

    Args:
        ax: the axes.
        moves: for each line the moves of its searches, shape [S].
        labels: name of each line.

    Raises:
        ValueError: for a number of labels that is not that of lines, or a set without searches.
    """
    if len(moves) != len(labels):
        raise ValueError(f"{len(moves)} sets of moves and {len(labels)} labels are not as many")
    for k, (each, label) in enumerate(zip(moves, labels, strict=True)):
        ordered = np.sort(np.asarray(each, float))
        check_range(f"number of searches of {label!r}", ordered.size, 1)
        part = 100.0 * np.arange(1, ordered.size + 1) / ordered.size
        ax.step(ordered, part, where="post", color=COLORS[k % len(COLORS)], label=label)
    ax.set_ylim(0.0, 102.0)
    ax.set_xlabel("moves of the stage")
    ax.set_ylabel("searches that have ended (%)")
    legend_above(ax, columns=min(len(labels), 3))


def _rows(name: str, values: Any, rows: int, columns: int) -> np.ndarray:
    array = np.asarray(values, float)
    if array.shape != (rows, columns):
        raise ValueError(f"{name} of shape {array.shape} is not [{rows}, {columns}]")
    return array
