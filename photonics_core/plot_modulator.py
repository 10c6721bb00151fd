"""Figures of modulators and bistable resonances, of arrays: spectra against voltage, responses, hysteresis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite
from photonics_core.plot import COLORS, legend_above, spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def spectra_by_voltage(
    ax: "Axes", wl: Any, power: Any, voltages: Sequence[float], *, laser: float | None = None, floor_db: float = -40.0
) -> None:
    """Draw spectra, a line a voltage, dark for low voltages and light for high ones.

    Args:
        ax: the axes.
        wl: wavelengths in um, shape [N].
        power: power through / in, shape [voltages, N].
        voltages: reverse voltages in V, rising.
        laser: wavelength of the laser in um, to be marked; None for none.
        floor_db: where lines are cut off.

    Raises:
        ValueError: for a shape that does not go with voltages and wavelengths.
    """
    power = _rows("power", power, len(voltages), np.size(wl))
    for colour, row, voltage in zip(_shades(len(voltages)), power, voltages, strict=True):
        spectrum(ax, wl, row, floor_db=floor_db, color=colour, label=f"{voltage:g} V")
    if laser is not None:
        ax.axvline(1e3 * laser, color="0.4", linewidth=0.9, linestyle=":", label="laser")
    ax.ticklabel_format(axis="x", useOffset=False)
    legend_above(ax, columns=min(len(voltages) + (laser is not None), 6))


def response_db(ax: "Axes", frequency: Any, responses: Any, labels: Sequence[str]) -> None:
    """Draw small-signal responses relative to their first frequency in dB of electrical power, and the line of -3 dB.

    Args:
        ax: the axes.
        frequency: in THz, rising, the first close to zero, shape [N]; drawn in GHz.
        responses: complex, or their moduli, in any unit, shape [lines, N].
        labels: name of each line.

    Raises:
        ValueError: for a shape that does not go with labels and frequencies.
    """
    rows = np.abs(_rows("responses", responses, len(labels), np.size(frequency)))
    for colour, row, label in zip(COLORS * (len(labels) // len(COLORS) + 1), rows, labels, strict=False):
        decibels = 20.0 * np.log10(row / row[0])
        ax.plot(1e3 * np.asarray(frequency), decibels, color=colour, label=label)
    ax.axhline(-10.0 * np.log10(2.0), color="0.4", linewidth=0.9, linestyle=":", label="-3 dB")
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel("response (dB)")
    legend_above(ax, columns=4)


def hysteresis(
    ax: "Axes",
    x: Any,
    up: Any,
    down: Any,
    *,
    states: Any = None,
    xlabel: str = "detuning (THz)",
    ylabel: str = "energy inside (fJ)",
) -> None:
    """Draw what a slow sweep finds both ways, an arrow on each, and between them the states that are not stable.

    Args:
        ax: the axes.
        x: what is swept, shape [N], rising.
        up: what is found as x rises, shape [N].
        down: what is found as x falls, in the order of x, shape [N].
        states: all steady states at each x, rising, NaN for those that are not there, shape [N, 3], as
            `ShiftedResonance.energies` gives them; None for none.
        xlabel, ylabel: names and units.

    Raises:
        ValueError: for shapes that do not go together, or an x that is not finite.
    """
    check_finite("x", x)
    x = np.asarray(x, float)
    if states is not None:
        middle = _rows("states", states, x.size, 3)[:, 1]
        ax.plot(x, middle, color="0.4", linestyle="--", linewidth=1.0, label="not stable")
    # The second line is broken, so that the first shows below it where both are one.
    ways = (("up", up, COLORS[0], "-", 1), ("down", down, COLORS[1], (0, (5, 3)), -1))
    for label, values, colour, dashes, turn in ways:
        row = _rows(label, np.asarray(values)[None], 1, x.size)[0]
        ax.plot(x, row, color=colour, linestyle=dashes, label=label)
        for start, end in _arrows(np.stack([x, row], axis=1)[::turn]):
            ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "mutation_scale": 14})
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    legend_above(ax, columns=3)


def _arrows(points: np.ndarray) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Starts and ends of two short pieces of a line, in its direction: on its steepest step, and at a quarter."""
    steepest = int(np.argmax(np.abs(np.diff(points[:, 1]))))
    quarter = min(points.shape[0] // 4, points.shape[0] - 2)
    return [(tuple(points[k]), tuple(points[k + 1])) for k in dict.fromkeys((quarter, steepest))]


def _shades(count: int) -> list[Any]:
    """Colours from dark to light that stay apart in grey."""
    from matplotlib import colormaps

    return [colormaps["viridis"](each) for each in np.linspace(0.0, 0.85, count)]


def _rows(name: str, values: Any, rows: int, columns: int) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (rows, columns):
        raise ValueError(f"{name} of shape {array.shape} is not [{rows}, {columns}]")
    return array
