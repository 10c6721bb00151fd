"""Figures of joints, of arrays: loss over two offsets, ellipses of tolerance, loss against one error."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Losses of the lines of a map in dB.
LEVELS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 10.0)


def loss_map(
    ax: "Axes",
    x: Any,
    y: Any,
    loss_db: Any,
    *,
    levels: Sequence[float] = LEVELS,
    xlabel: str = "x (um)",
    ylabel: str = "y (um)",
) -> None:
    """Draw the loss over two errors as shades with lines of equal loss, and mark the least.

    Args:
        ax: the axes.
        x, y: errors, rising, shapes [X] and [Y].
        loss_db: loss in dB, shape [X, Y], as `FibreJoint.loss_map` gives it.
        levels: losses of the lines in dB.
        xlabel, ylabel: names and units.

    Raises:
        ValueError: for shapes that do not go together, or a loss that is not finite.
    """
    loss = np.asarray(loss_db, float)
    if loss.shape != (np.size(x), np.size(y)):
        raise ValueError(f"loss_db of shape {loss.shape} is not [{np.size(x)}, {np.size(y)}]")
    check_finite("loss_db", loss, "dB")
    x, y = np.asarray(x, float), np.asarray(y, float)
    picture = ax.pcolormesh(x, y, loss.T, cmap="viridis_r", shading="gouraud", vmax=max(levels), rasterized=True)
    ax.figure.colorbar(picture, ax=ax, fraction=0.046, pad=0.02, label="loss (dB)", extend="max")
    shown = [level for level in levels if np.min(loss) < level < np.max(loss)]
    if shown:
        lines = ax.contour(x, y, loss.T, levels=shown, colors="black", linewidths=0.8)
        ax.clabel(lines, fmt="%g", fontsize="x-small")
    best = np.unravel_index(np.argmin(loss), loss.shape)
    ax.plot(x[best[0]], y[best[1]], marker="+", color="white", markersize=8)
    ax.grid(False)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)


def tolerance_ellipses(
    ax: "Axes",
    hessian: Any,
    levels: Sequence[float] = (0.25, 0.5, 1.0),
    *,
    center: tuple[float, float] = (0.0, 0.0),
    scales: tuple[float, float] = (1.0, 1.0),
    xlabel: str = "x (um)",
    ylabel: str = "y (um)",
) -> None:
    """Draw the ellipses on which second derivatives add a stated loss.

    Args:
        ax: the axes.
        hessian: second derivatives in dB, shape [2, 2], positive definite, as `Tolerance.section` gives it.
        levels: losses in dB.
        center: the middle, in the units of the axes.
        scales: units of the axes for one unit of the Hessian, such as 180 / pi for degrees.
        xlabel, ylabel: names and units.

    Raises:
        ValueError: for a Hessian that is not positive definite.
    """
    hessian = np.asarray(hessian, float)
    if hessian.shape != (2, 2):
        raise ValueError(f"hessian of shape {hessian.shape} is not [2, 2]")
    sizes = np.sqrt(np.abs(np.diag(hessian)))
    check_positive("curvature along an axis", np.diag(hessian), "dB")
    check_positive("eigenvalue of the scaled Hessian", np.linalg.eigvalsh(hessian / np.outer(sizes, sizes)))
    factor = np.linalg.cholesky(hessian / 2.0)
    turn = np.linspace(0.0, 2.0 * np.pi, 181)
    unit = np.linalg.solve(factor.T, np.stack([np.cos(turn), np.sin(turn)]))
    for colour, level in zip(COLORS * (len(levels) // len(COLORS) + 1), levels, strict=False):
        check_positive("level", level, "dB")
        places = np.sqrt(level) * unit * np.asarray(scales)[:, None] + np.asarray(center)[:, None]
        ax.plot(places[0], places[1], color=colour, label=f"{level:g} dB")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    legend_above(ax, columns=4)


def loss_lines(ax: "Axes", x: Any, losses_db: Any, labels: Sequence[str], xlabel: str) -> None:
    """Draw losses in dB (shape [lines, N]) against one error (shape [N]), and the line of 1 dB above the least."""
    rows = np.asarray(losses_db, float)
    if rows.shape != (len(labels), np.size(x)):
        raise ValueError(f"losses_db of shape {rows.shape} is not [{len(labels)}, {np.size(x)}]")
    check_finite("losses_db", rows, "dB")
    for colour, row, label in zip(COLORS * (len(labels) // len(COLORS) + 1), rows, labels, strict=False):
        ax.plot(np.asarray(x), row, color=colour, label=label)
    ax.axhline(np.min(rows) + 1.0, color="0.4", linewidth=0.9, linestyle=":", label="1 dB")
    ax.set_xlabel(xlabel)
    ax.set_ylabel("loss (dB)")
    legend_above(ax, columns=4)
