"""Figures of wavelength-division links: where power goes, errors against power and temperature, the eye received."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_choice, check_finite, check_range
from photonics_core.plot import COLORS, legend_above
from photonics_core.power_budget import LOSSES, PENALTIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: 0 degrees Celsius in K.
CELSIUS = 273.15
#: Order in which causes are drawn; dictionaries that come out of `jax.jit` have lost theirs.
_CAUSES = (*LOSSES, *PENALTIES)
#: Entries of a budget that are levels and no steps from one to the next.
_LEVELS = ("laser", "sensitivity", "margin")


def loss_waterfall(ax: "Axes", budget: Mapping[str, Any], channel: int = 0, *, least_db: float = 0.005) -> None:
    """Draw how the power of a line falls from the laser to what its detector needs, cause by cause, in dBm.

    Args:
        ax: the axes.
        budget: of `WdmLink.budget`, arrays of shape [N] or numbers; causes that `WdmLink` does not have come last.
        channel: which line.
        least_db: steps below that are left out.

    Raises:
        ValueError: for a budget without its levels, or numbers that are not finite.
    """
    for name in _LEVELS:
        check_choice("level of a budget", name, budget)
    rows = {name: _at(value, channel) for name, value in budget.items()}
    for name, value in rows.items():
        check_finite(f"budget of {name}", value, "dB")
    names = [*(name for name in _CAUSES if name in rows), *(name for name in rows if name not in (*_CAUSES, *_LEVELS))]
    steps = [(name, rows[name]) for name in names if abs(rows[name]) >= least_db]
    level, labels = rows["laser"], ["laser"]
    ax.plot(0, level, "o", color=COLORS[0])
    for k, (name, loss) in enumerate(steps, start=1):
        ax.bar(k, -loss, bottom=level, color=COLORS[0] if loss >= 0.0 else COLORS[2], width=0.7)
        ax.text(k, level + 0.15, f"{loss:.2f}", ha="center", va="bottom", fontsize=7)
        level -= loss
        labels.append(name)
    ax.bar(len(labels), -rows["margin"], bottom=level, color="0.8", width=0.7)
    ax.text(len(labels), level + 0.15, f"{rows['margin']:.2f}", ha="center", va="bottom", fontsize=7)
    ax.axhline(rows["sensitivity"], color=COLORS[1], linewidth=1.0, label="needed at the detector")
    labels.append("margin")
    ax.set_xticks(range(len(labels)), labels, rotation=60, ha="right", fontsize=8)
    low, high = min(level, rows["sensitivity"]), rows["laser"]
    ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    ax.set_ylabel("power of the highest level (dBm)")
    legend_above(ax, columns=1)


def error_ratio_over_power(
    ax: "Axes", power_dbm: Any, log10_ratios: Any, labels: Sequence[str], *, target: float | None = None
) -> None:
    """Draw the decimal logarithm of error ratios against power in dBm.

    Args:
        ax: the axes.
        power_dbm: shape [P].
        log10_ratios: shape [lines, P].
        labels: name of each line.
        target: logarithm of the ratio that is wanted, drawn across.

    Raises:
        ValueError: for shapes that do not go together, or numbers that are not finite.
    """
    _lines(ax, power_dbm, log10_ratios, labels, target, "dBm")
    ax.set_xlabel("power of a line out of its laser (dBm)")


def error_ratio_over_temperature(
    ax: "Axes", temperature: Any, log10_ratios: Any, labels: Sequence[str], *, target: float | None = None
) -> None:
    """Draw the decimal logarithm of error ratios against the chip's temperature in K, in degrees Celsius.

    Arguments and errors as for `error_ratio_over_power`.
    """
    _lines(ax, np.asarray(temperature) - CELSIUS, log10_ratios, labels, target, "K")
    ax.set_xlabel("chip's temperature (°C)")


def _lines(ax: "Axes", x: Any, rows: Any, labels: Sequence[str], target: float | None, unit: str) -> None:
    x, rows = np.asarray(x, float), np.asarray(rows, float)
    if rows.shape != (len(labels), x.size):
        raise ValueError(f"log10_ratios of shape {rows.shape} is not [{len(labels)}, {x.size}]")
    check_finite("abscissa", x, unit)
    check_range("log10_ratios", rows, -np.inf, 0.0)
    for k, (row, label) in enumerate(zip(rows, labels, strict=True)):
        ax.plot(x, row, color=COLORS[k % len(COLORS)], label=label)
    if target is not None:
        ax.axhline(target, color="0.4", linewidth=0.8, linestyle="--")
    ax.set_ylabel("log10 of the error ratio")
    legend_above(ax, columns=min(len(labels), 4))


def _at(value: Any, channel: int) -> float:
    value = np.asarray(value, float)
    if value.ndim == 0:
        return float(value)
    check_range("channel", channel, 0, value.size - 1)
    return float(value[channel])


def received_eye(ax: "Axes", waveform: Any, symbols: Any, threshold: Any = None, *, noise: float = 0.0) -> None:
    """Draw the eye of a current in mA over its symbols, and where it is decided.

    Args:
        ax: the axes.
        waveform: evenly spaced samples of the current, a whole number of them for each symbol.
        symbols: symbols, shape [S].
        threshold: thresholds in mA, or None.
        noise: rms in mA of noise to be added.

    Raises:
        ValueError: as `photonics_core.plot.eye`.
    """
    from photonics_core.plot import eye

    # Cubics, which do not ring beside the corners of one pole.
    eye(ax, waveform, symbols, ylabel="current (mA)", noise=noise, band_limited=False)
    for level in np.atleast_1d(() if threshold is None else np.asarray(threshold, float)):
        ax.axhline(level, color="0.2", linewidth=0.8, linestyle="--")
