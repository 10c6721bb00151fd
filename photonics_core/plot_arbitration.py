"""Figures of wavelength arbitration, of arrays: failures against the tuning range, powers while rings are started."""

from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_range
from photonics_core.plot import COLORS, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def failure_curves(ax: "Axes", ranges: Any, failures: dict[str, Any], *, least: float = 1e-3) -> None:
    """Draw failure probabilities against the mean tuning range in nm, on a logarithmic scale.

    Args:
        ax: the axes.
        ranges: mean tuning ranges in um, shape [R].
        failures: probabilities of shape [R], by name.
        least: lower end of the scale; what is below is not drawn.

    Raises:
        ValueError: for shapes that do not go together or probabilities that are none.
    """
    ranges = np.asarray(ranges)
    for k, (name, values) in enumerate(failures.items()):
        values = np.asarray(values)
        if ranges.ndim != 1 or values.shape != ranges.shape:
            raise ValueError(f"failures[{name!r}] of shape {values.shape} does not go with {ranges.shape} ranges")
        check_range(f"failures[{name!r}]", values, 0.0, 1.0)
        ax.plot(1e3 * ranges, np.where(values >= least, values, np.nan), color=COLORS[k % len(COLORS)], label=name)
    ax.set_yscale("log")
    ax.set_ylim(least, 1.5)
    ax.set_xlabel("Mean tuning range (nm)")
    ax.set_ylabel("Failure probability")
    legend_above(ax, columns=min(len(failures), 2))


def lock_sequence(ax: "Axes", time: Any, power: Any) -> None:
    """Draw heater powers over time while rings are started one by one; below zero a heater cannot follow.

    Args:
        ax: the axes.
        time: in ps, shape [T].
        power: in mW, shape [T, N].

    Raises:
        ValueError: for shapes that do not go together.
    """
    time, power = np.asarray(time), np.asarray(power)
    if power.ndim != 2 or time.shape != power.shape[:1]:
        raise ValueError(f"power of shape {power.shape} does not go with times of shape {time.shape}")
    for k in range(power.shape[1]):
        ax.plot(1e-9 * time, power[:, k], color=COLORS[k % len(COLORS)], label=f"ring {k}")
    if np.min(power) < 0.0:
        ax.axhspan(float(np.min(power)) * 1.1, 0.0, color="0.9", zorder=0)
    ax.set_xlabel("Time (ms)")
    ax.set_ylabel("Heater power (mW)")
    legend_above(ax, columns=4)
