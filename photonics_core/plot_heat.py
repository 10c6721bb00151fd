"""Figures of heat on a chip, of arrays: a temperature map over the layout, a crosstalk matrix, step responses."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points around the outline of a circle.
_AROUND = 97


def temperature_map(
    ax: "Axes", temperature: Any, size: tuple[float, float], *, outlines: Sequence[Any] = (), label: str = "rise (K)"
) -> None:
    """Draw a temperature over a chip in colours, with the outlines of heaters and rings.

    Args:
        ax: the axes.
        temperature: in K, shape [pixels in x, pixels in y], as `ThermalLayout.temperature_map` gives it.
        size: width and height of the chip in um.
        outlines: shapes of `heat_shapes`, drawn by their corners or circles.
        label: what the colours mean.

    Raises:
        ValueError: for an array of other than two dimensions, or with a value that is not finite.
    """
    check_finite("temperature", temperature, "K")
    field = np.asarray(temperature, float)
    if field.ndim != 2:
        raise ValueError(f"temperature of shape {field.shape} is not [pixels in x, pixels in y]")
    image = ax.imshow(field.T, origin="lower", extent=(0.0, size[0], 0.0, size[1]), cmap="inferno", aspect="equal")
    for shape in outlines:
        for x, y in _outline(shape):
            ax.plot(x, y, color="white", linewidth=0.7)
    ax.set_xlim(0.0, size[0])
    ax.set_ylim(0.0, size[1])
    ax.set_xlabel("x (um)")
    ax.set_ylabel("y (um)")
    ax.grid(False)
    _bar_beside(ax, image, label)


def crosstalk_matrix(ax: "Axes", coupling: Any) -> None:
    """Draw a coupling matrix relative to each ring's own heater in dB, a ring a row and a heater a column.

    Args:
        ax: the axes.
        coupling: in K/mW, shape [rings, rings], the heater of each ring on the diagonal.

    Raises:
        ValueError: for a matrix that is not square, or one with a value that is not above zero.
    """
    matrix = np.asarray(coupling, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"coupling of shape {matrix.shape} is not [rings, rings]")
    check_positive("coupling", matrix, "K/mW")
    decibels = 10.0 * np.log10(matrix / np.diag(matrix)[:, None])
    image = ax.imshow(decibels, cmap="viridis", aspect="equal")
    count = matrix.shape[0]
    if count <= 10:
        middle = 0.5 * (np.min(decibels) + np.max(decibels))
        for (row, column), value in np.ndenumerate(decibels):
            colour = "black" if value > middle else "white"
            ax.text(column, row, f"{value:.1f}", ha="center", va="center", color=colour, fontsize=8)
    # Numbered from 1, as rings are in other figures; of many every other one, or fewer.
    ticks = np.arange(0, count, max(1, -(-count // 10)))
    ax.set_xticks(ticks, [str(k + 1) for k in ticks])
    ax.set_yticks(ticks, [str(k + 1) for k in ticks])
    ax.set_xlabel("heater")
    ax.set_ylabel("ring")
    ax.grid(False)
    _bar_beside(ax, image, "relative to own heater (dB)")


def step_responses(
    ax: "Axes", time: Any, responses: Any, labels: Sequence[str], fits: Any = None, *, relative: bool = False
) -> None:
    """Draw step responses over the logarithm of time, and fits to them in broken lines.

    Args:
        ax: the axes.
        time: in ps, above 0, shape [times]; drawn in us.
        responses: in K/mW, shape [lines, times].
        labels: name of each line.
        fits: as `responses`; None for none.
        relative: whether each is drawn over its largest value, which shows those that are small beside others.

    Raises:
        ValueError: for shapes that do not go together, times that are not above 0, or numbers that are not finite.
    """
    check_positive("time", time, "ps")
    check_finite("responses", responses, "K/mW")
    microseconds = 1e-6 * np.asarray(time, float)
    rows = _rows("responses", responses, len(labels), microseconds.size)
    tops = np.max(rows, axis=1) if relative else np.ones(len(labels))
    check_positive("largest response", tops, "K/mW")
    for k, (row, label) in enumerate(zip(rows / tops[:, None], labels, strict=True)):
        ax.semilogx(microseconds, row, color=COLORS[k % len(COLORS)], label=label)
    if fits is not None:
        for row in _rows("fits", fits, len(labels), microseconds.size) / tops[:, None]:
            ax.semilogx(microseconds, row, color="black", linestyle="--", linewidth=0.9)
        ax.lines[-1].set_label("fit")
    ax.set_xlabel("time (us)")
    ax.set_ylabel("rise over its largest value" if relative else "rise (K/mW)")
    legend_above(ax, columns=len(labels) + 1 if len(labels) < 5 else 4)


def _bar_beside(ax: "Axes", image: Any, label: str) -> None:
    """A bar of colours as high as the axes, whatever their aspect."""
    ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)), label=label)


def _outline(shape: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Closed lines around a shape: of its corners, of its radii, or a dot."""
    x, y = float(shape.x), float(shape.y)
    angle = np.linspace(0.0, 2.0 * np.pi, _AROUND)
    radii = [getattr(shape, name) for name in ("radius", "inner", "outer") if hasattr(shape, name)]
    if radii:
        return [(x + float(r) * np.cos(angle), y + float(r) * np.sin(angle)) for r in radii if float(r) > 0.0]
    if hasattr(shape, "corners"):
        corners = np.asarray(shape.corners, float)
    elif hasattr(shape, "width"):
        half = 0.5 * np.array([float(shape.width), float(shape.height)])
        u, v = (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half).T
        cosine, sine = np.cos(float(shape.angle)), np.sin(float(shape.angle))
        corners = np.stack([cosine * u - sine * v, sine * u + cosine * v], axis=1)
    else:
        corners = np.zeros((1, 2))
    closed = np.concatenate([corners, corners[:1]])
    return [(x + closed[:, 0], y + closed[:, 1])]


def _rows(name: str, values: Any, rows: int, columns: int) -> np.ndarray:
    array = np.asarray(values, float)
    if array.shape != (rows, columns):
        raise ValueError(f"{name} of shape {array.shape} is not [{rows}, {columns}]")
    return array
