"""Figures of grating couplers, of arrays: spectra, the field that leaves, and widths along an apodised row."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def coupling_spectra(ax: "Axes", wl: Any, efficiencies: Any, labels: Sequence[str]) -> None:
    """Draw efficiencies in dB over the wavelength in nm.

    Args:
        ax: the axes.
        wl: wavelengths in um, shape [N].
        efficiencies: parts of power, above zero, shape [lines, N].
        labels: name of each line.

    Raises:
        ValueError: for shapes that do not go together, numbers that are not finite, or no power.
    """
    rows = np.atleast_2d(np.asarray(efficiencies, float))
    if rows.shape != (len(labels), np.size(wl)):
        raise ValueError(f"efficiencies of shape {rows.shape} is not {(len(labels), np.size(wl))}")
    check_finite("wl", wl, "um")
    check_positive("efficiencies", rows)
    for k, (row, label) in enumerate(zip(rows, labels, strict=True)):
        ax.plot(1e3 * np.asarray(wl), 10.0 * np.log10(row), color=COLORS[k % len(COLORS)], label=label)
    ax.set_xlabel("wavelength (nm)")
    ax.set_ylabel("efficiency (dB)")
    legend_above(ax, columns=min(len(labels), 3))


def leaving_field(ax: "Axes", x: Any, fields: Any, labels: Sequence[str]) -> None:
    """Draw |F| on the plane above gratings over x in um, each scaled to one at its peak.

    Args:
        ax: the axes.
        x: positions in um, one array for each line.
        fields: complex fields, one array for each line.
        labels: name of each line.

    Raises:
        ValueError: for shapes that do not go together, numbers that are not finite, or a field that is nowhere.
    """
    for k, (at, field, label) in enumerate(zip(x, fields, labels, strict=True)):
        size = np.abs(np.asarray(field))
        if size.shape != np.shape(at):
            raise ValueError(f"field of shape {size.shape} and x of shape {np.shape(at)} are not the same")
        check_finite("field", size)
        check_positive("peak of the field", np.max(size, initial=0.0))
        ax.plot(np.asarray(at), size / size.max(), color=COLORS[k % len(COLORS)], label=label)
    ax.set_xlabel("x (um)")
    ax.set_ylabel("field above (of its peak)")
    legend_above(ax, columns=min(len(labels), 3))
