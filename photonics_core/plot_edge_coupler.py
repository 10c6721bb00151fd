"""Figures of edge couplers, of arrays: facet loss over the width of the tip, taper loss over the length."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_over_width(ax: "Axes", widths: Any, losses_db: Mapping[str, Any], *, top_db: float = 8.0) -> None:
    """Draw the loss at the facet over the width of the tip, a line a fibre, the least of each marked.

    Args:
        ax: the axes.
        widths: in um, rising, shape [N]; drawn in nm.
        losses_db: by name, in dB, shape [N] each; NaN where no mode is held.
        top_db: where the axis ends.

    Raises:
        ValueError: for a shape that is not that of the widths.
    """
    check_positive("widths", widths, "um")
    x = 1e3 * np.asarray(widths, float)
    for k, (name, loss) in enumerate(losses_db.items()):
        loss = _like(name, loss, x)
        colour = COLORS[k % len(COLORS)]
        ax.plot(x, loss, color=colour, label=name)
        if np.any(np.isfinite(loss)):
            least = int(np.nanargmin(loss))
            ax.plot(x[least], loss[least], "o", color=colour, markersize=4.0)
    ax.set_xlabel("width of the tip (nm)")
    ax.set_ylabel("loss at the facet (dB)")
    ax.set_ylim(0.0, top_db)
    legend_above(ax, columns=2)


def loss_over_length(ax: "Axes", lengths: Any, losses_db: Mapping[str, Any]) -> None:
    """Draw the loss of tapers over their length, both on logarithmic axes; names that begin with "slices" as points.

    Args:
        ax: the axes.
        lengths: in um, shape [N].
        losses_db: by name, in dB, shape [N] each.

    Raises:
        ValueError: for a length that is not above zero or a loss that is not finite.
    """
    check_positive("lengths", lengths, "um")
    x = np.asarray(lengths, float)
    for k, (name, loss) in enumerate(losses_db.items()):
        check_finite(name, loss, "dB")
        style = {"linestyle": "none", "marker": "o", "markersize": 3.5} if name.startswith("slices") else {}
        ax.plot(x, _like(name, loss, x), color=COLORS[k % len(COLORS)], label=name, **style)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("length of the taper (um)")
    ax.set_ylabel("loss of the taper (dB)")
    legend_above(ax, columns=2)


def _like(name: str, values: Any, x: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.shape != x.shape:
        raise ValueError(f"{name} of shape {values.shape} does not go with {x.size} points")
    return values
