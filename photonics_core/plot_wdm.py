"""Figures of wavelength-division channels, of arrays: spectra over the lines, crosstalk as a map."""

from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_range
from photonics_core.plot import COLORS, legend_above, spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Maps of up to so many channels have numbers in their cells.
MOST_NUMBERED = 12


def channel_spectra(
    ax: "Axes", wl: Any, zero: Any, one: Any, filters: Any, lines: Any, *, floor_db: float = -40.0
) -> None:
    """Draw what the modulators pass in both states, what the filters drop, and the lines, over wavelength in nm.

    Args:
        ax: the axes.
        wl: wavelengths in um, shape [W].
        zero, one: power through / in of all modulators in state "0" and in state "1", shape [W].
        filters: power drop / in of each filter, shape [N, W].
        lines: wavelengths of the lines in um, shape [N].
        floor_db: where spectra are cut off in dB.

    Raises:
        ValueError: for shapes that do not go together.
    """
    wl, filters, lines = np.asarray(wl), np.asarray(filters), np.asarray(lines)
    if (
        wl.ndim != 1
        or filters.shape != (lines.size, wl.size)
        or np.shape(zero) != wl.shape
        or np.shape(one) != wl.shape
    ):
        raise ValueError(
            f"filters of shape {filters.shape} and spectra of {np.shape(zero)} and {np.shape(one)} do not go with "
            f"{lines.size} lines and wavelengths of shape {wl.shape}"
        )
    check_finite("lines", lines, "um")
    for k, dropped in enumerate(filters):
        label = "filters" if k == 0 else None
        spectrum(ax, wl, dropped, floor_db=floor_db, color="0.6", linewidth=0.9, label=label)
    for power, color, label in ((zero, COLORS[0], 'modulators in "0"'), (one, COLORS[1], 'modulators in "1"')):
        spectrum(ax, wl, power, floor_db=floor_db, color=color, linewidth=1.2, label=label)
    for k, line in enumerate(1e3 * lines):
        ax.axvline(line, color="0.2", linestyle=":", linewidth=0.8, label="laser lines" if k == 0 else None)
    ax.set_ylim(floor_db, 1.0)
    legend_above(ax, columns=4)


def crosstalk_map(ax: "Axes", crosstalk: Any, *, floor_db: float = -50.0) -> Any:
    """Draw crosstalk [N, N], disturbed channel by aggressor, in dB as a map with its scale; give the image.

    Args:
        ax: the axes.
        crosstalk: span of each disturbance over the amplitude it disturbs (`ChannelPowers.crosstalk`), at least 0.
        floor_db: least of the scale in dB.

    Raises:
        ValueError: for something else than a square of numbers of at least zero.
    """
    crosstalk = np.asarray(crosstalk)
    if crosstalk.ndim != 2 or crosstalk.shape[0] != crosstalk.shape[1]:
        raise ValueError(f"crosstalk of shape {crosstalk.shape} is not [N, N]")
    check_range("crosstalk", crosstalk, 0.0, np.inf)
    count = crosstalk.shape[0]
    decibels = 10.0 * np.log10(np.maximum(crosstalk, 1e-30))
    shown = np.ma.masked_array(decibels, np.eye(count, dtype=bool))
    last = count + 0.5
    highest = float(shown.max()) if count > 1 else 0.0
    image = ax.imshow(shown, cmap="viridis", vmin=floor_db, vmax=highest, extent=(0.5, last, last, 0.5))
    if count <= MOST_NUMBERED:
        middle = 0.5 * (floor_db + highest)
        for i, j in zip(*np.nonzero(~np.eye(count, dtype=bool)), strict=True):
            color = "white" if decibels[i, j] < middle else "black"
            text = f"{decibels[i, j]:.0f}" if decibels[i, j] >= floor_db else f"<{floor_db:.0f}"
            ax.text(j + 1, i + 1, text, ha="center", va="center", color=color, fontsize="x-small")
    ax.grid(visible=False)
    ax.set_xticks(np.arange(1, count + 1))
    ax.set_yticks(np.arange(1, count + 1))
    ax.set_xlabel("aggressor")
    ax.set_ylabel("disturbed channel")
    ax.figure.colorbar(image, ax=ax, label="crosstalk (dB)")
    return image
