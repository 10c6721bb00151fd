"""Figures of optical engines: losses, error ratios, fronts and sensitivities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from photonics_core.plot import COLORS, legend_above, new_figure


def waterfall(start_dbm: float, losses_db: dict[str, float]) -> Any:
    """A figure of power in dBm after each loss in dB, from a power in dBm on."""
    figure, axes = new_figure(1, 1, 8.0, 4.2)
    ax, after = axes[0, 0], start_dbm
    for k, loss in enumerate(losses_db.values()):
        ax.bar(k, -loss, 0.7, bottom=after, color=COLORS[0])
        ax.plot([k - 0.35, k + 1.35], [after - loss] * 2, color="0.4", linewidth=0.8)
        ax.text(k, after + 0.15, f"{loss:.2f} dB", ha="center", fontsize="small")
        after -= loss
    # A minus sign as wide as those of the axis.
    reached = f"{after:.1f} dBm".replace("-", "\N{MINUS SIGN}")
    ax.plot(len(losses_db), after, "D", color=COLORS[1], markersize=7)
    ax.text(len(losses_db), after + 0.35, reached, ha="center", fontsize="small")
    ax.set_xticks(range(len(losses_db) + 1), [*(n.replace(" and ", "\nand ") for n in losses_db), "detector"])
    ax.tick_params(axis="x", labelsize="small")
    ax.set_ylim(after - 1.0, start_dbm + 1.2)
    ax.set_ylabel("power of a line (dBm)")
    return figure


def ratio_over_power(power: Any, log10_ratio: Any, labels: Sequence[str], target: float) -> Any:
    """A figure of log10 error ratios, [powers, curves], over a line's power in mW, with the one that is enough."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = new_figure(1, 1, 6.5, 4.2)
    ax = axes[0, 0]
    for label, values in zip(labels, np.asarray(log10_ratio).T, strict=True):
        ax.semilogx(power, values, label=label)
    ax.axhline(target, color="0.4", linestyle="--", linewidth=0.9, label="enough")
    ax.set_ylim(max(float(np.min(log10_ratio)), 3.0 * target), 0.0)
    ax.xaxis.set_major_locator(LogLocator(10.0, (1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("power of a line out of its laser (mW)")
    ax.set_ylabel("log10 of the error ratio before correction, bound")
    legend_above(ax, columns=4)
    return figure


def front(density: Any, energy: Any, is_front: Any, names: Sequence[str]) -> Any:
    """A figure of energy in pJ per bit over density in Tb/s/mm, the front with its names, the least energy marked."""
    from matplotlib.lines import Line2D

    figure, axes = new_figure(1, 1, 6.5, 5.0)
    ax, (density, energy, is_front) = axes[0, 0], (np.asarray(each) for each in (density, energy, is_front))
    ax.plot(density[~is_front], energy[~is_front], "o", color="0.7", markersize=4, label="others")
    order = np.flatnonzero(is_front)[np.argsort(density[is_front])]
    ax.step(density[order], energy[order], "o-", where="pre", color=COLORS[0], label="front")
    least = int(np.argmin(energy))
    ax.plot(density[least], energy[least], "s", color=COLORS[1], markersize=8, label="least energy")
    for number, k in enumerate(order, 1):
        # Below and to the right of a point there is neither the front nor another point.
        place = {"xytext": (6, -10), "textcoords": "offset points"}
        ax.annotate(str(number), (density[k], energy[k]), fontsize="small", **place)
    ax.margins(y=0.08)
    ax.set_xlabel("density (Tb/s per mm of edge, both directions)")
    ax.set_ylabel("energy (pJ per bit)")
    legend_above(ax, columns=3)
    listed = [Line2D([], [], linestyle="none", label=f"{number}: {names[k]}") for number, k in enumerate(order, 1)]
    figure.legend(
        handles=listed, loc="outside lower center", ncols=2, fontsize="x-small", frameon=False, handlelength=0
    )
    return figure


def sensitivity_bars(names: Sequence[str], first_order: Sequence[float], checked: Sequence[float]) -> Any:
    """A figure of changes of the energy in fJ per bit, by gradient and by optimising again."""
    figure, axes = new_figure(1, 1, 7.0, 0.8 + 0.3 * len(names))
    ax, places = axes[0, 0], np.arange(len(names))
    ax.barh(places - 0.2, first_order, 0.4, color=COLORS[0], label="by gradient")
    ax.barh(places + 0.2, checked, 0.4, color=COLORS[1], label="optimised again")
    ax.set_yticks(places, list(names))
    ax.invert_yaxis()
    ax.set_xlabel("change of energy for 10 % of improvement (fJ per bit)")
    legend_above(ax, columns=2)
    return figure
