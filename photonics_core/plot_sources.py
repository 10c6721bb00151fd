"""Figures of sources, of arrays: light against current over temperature, small-signal responses."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: 0 degrees Celsius in K, and GHz in THz.
CELSIUS, GHZ = 273.15, 1e-3


def light_current(ax: "Axes", current: Any, power: Any, temperature: Any) -> None:
    """Draw light over current, a line for each temperature, with a dot where the light is greatest within the curve.

    Args:
        ax: the axes.
        current: in mA, shape [K].
        power: light in mW, shape [T, K].
        temperature: of the ambient in K, shape [T].

    Raises:
        ValueError: for shapes that do not go together, or numbers that are not finite.
    """
    current, power, temperature = (np.asarray(each, float) for each in (current, power, temperature))
    _check_rows("power", power, np.size(temperature), current.size)
    for name, value, unit in (("current", current, "mA"), ("power", power, "mW"), ("temperature", temperature, "K")):
        check_finite(name, value, unit)
    for k, (row, t) in enumerate(zip(power, temperature, strict=True)):
        color = COLORS[k % len(COLORS)]
        ax.plot(current, row, color=color, label=f"{t - CELSIUS:.0f} °C")
        top = int(np.argmax(row))
        if 0 < top < current.size - 1:
            ax.plot(current[top], row[top], "o", markersize=4, color=color)
    ax.set_xlabel("current (mA)")
    ax.set_ylabel("light (mW)")
    ax.set_xlim(current.min(), current.max())
    ax.set_ylim(bottom=0.0)
    legend_above(ax, columns=min(power.shape[0], 4))


def small_signal(ax: "Axes", frequency: Any, response: Any, labels: Sequence[str]) -> None:
    """Draw |H|^2 in dB over frequency in GHz, a line for each bias, with the line of half the power.

    Args:
        ax: the axes.
        frequency: in THz, above zero, shape [K].
        response: H, complex, shape [B, K].
        labels: name of each line.

    Raises:
        ValueError: for shapes that do not go together, or a frequency that is not above zero.
    """
    frequency, response = np.asarray(frequency, float), np.asarray(response)
    _check_rows("response", response, len(labels), frequency.size)
    check_positive("frequency", frequency, "THz")
    for k, (row, label) in enumerate(zip(response, labels, strict=True)):
        ax.plot(frequency / GHZ, 20.0 * np.log10(np.abs(row)), color=COLORS[k % len(COLORS)], label=label)
    ax.axhline(10.0 * np.log10(0.5), color="0.4", linewidth=0.7, linestyle="--")
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel("response (dB)")
    ax.set_xlim(0.0, frequency.max() / GHZ)
    ax.set_ylim(-15.0, max(3.0, 1.0 + 20.0 * float(np.log10(np.abs(response).max()))))
    legend_above(ax, columns=min(len(labels), 4))


def _check_rows(name: str, values: np.ndarray, rows: int, columns: int) -> None:
    if values.shape != (rows, columns):
        raise ValueError(f"{name} of shape {values.shape} is not [{rows}, {columns}]")
