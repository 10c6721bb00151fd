"""Tables, figures and the results file of the job `wdm-transmitter`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from photonics_core import plot
from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.optimize import Optimum
from photonics_core.store import Variable, save

if TYPE_CHECKING:
    from photonics_core.devices.wdm_job import WdmSettings


def device_lines(transmitter: RingTransmitter, settings: "WdmSettings") -> str:
    """What the rings are, in a few lines."""
    ring, line = transmitter.bus.rings, np.mean(transmitter.lines)
    group_index = float(np.mean(ring.index.n_g))
    fsr = 1e3 * float(np.mean(ring.fsr(line)))
    low, high = min(settings.temperatures_k), max(settings.temperatures_k)
    shift = 1e3 * np.mean(transmitter.channel_shift(low, high)) if high > low else 0.0
    drift = ", ".join(f"{np.mean(transmitter.drift_pm_k(t)):.1f} pm/K at {t:g} K" for t in settings.temperatures_k)
    return (
        f"rings: n_g {group_index:.3f}, free spectral range {fsr:.2f} nm, "
        f"loss {float(np.mean(ring.index.loss_db_cm)):.1f} dB/cm\n"
        f"drift: {drift}; {shift:.2f} nm from {low:g} to {high:g} K"
    )


def table(title: str, transmitter: RingTransmitter, settings: "WdmSettings") -> str:
    """The figures of every channel, those over temperature as the worst."""
    temperatures = settings.temperatures_k
    worst = {
        "loss dB": np.max([transmitter.insertion_loss_db(t) for t in temperatures], axis=0),
        "ext dB": np.min([transmitter.extinction_db(t) for t in temperatures], axis=0),
        "pen dB": np.max([transmitter.penalty_db(t) for t in temperatures], axis=0),
        "xtalk dB": np.max([transmitter.crosstalk_db(t) for t in temperatures], axis=0),
        "Q": np.max([transmitter.q_loaded(t) for t in temperatures], axis=0),
    }
    heater = {f"mW {t:g}K": np.asarray(transmitter.heater_power(t)) for t in temperatures}
    rings = transmitter.bus.rings
    geometry = {
        "line nm": 1e3 * np.asarray(transmitter.lines),
        "R um": np.asarray(rings.radius),
        "gap nm": 1e3 * np.asarray(rings.input_coupler.gap),
        "drop nm": 1e3 * np.asarray(rings.drop_coupler.gap),
        "det pm": 1e6 * np.asarray(transmitter.detuning),
    }
    columns = geometry | worst | heater
    form = {"line nm": "9.3f", "R um": "7.4f", "gap nm": "7.1f", "drop nm": "7.1f", "det pm": "7.1f", "Q": "7.0f"}
    head = " ch" + "".join(f" {name:>9}" for name in columns)
    rows = [
        f"{k + 1:>3}" + "".join(f" {format(values[k], form.get(name, '8.2f')):>9}" for name, values in columns.items())
        for k in range(transmitter.bus.count)
    ]
    return "\n".join([f"\n{title} (loss, extinction, penalty, crosstalk: the worst over temperature)", head, *rows])


def comparison(before: RingTransmitter, after: RingTransmitter, settings: "WdmSettings") -> str:
    """Before beside after, in one line for each figure of merit."""
    rows = [f"\n{'':<38}{'before':>10}{'after':>10}"]
    for name, (first, second) in _merits(before, after, settings).items():
        rows.append(f"{name:<38}{first:>10.2f}{second:>10.2f}")
    return "\n".join(rows)


def save_results(
    path: Path, before: RingTransmitter, after: RingTransmitter, optimum: Optimum, settings: "WdmSettings"
) -> None:
    """Write spectra, figures of merit and the history of the optimisation to one HDF5 file."""
    temperatures = np.asarray(settings.temperatures_k)
    wl = _wavelengths(after)
    content: dict = {
        "wl": Variable(wl, ("wl",), "um", "free-space wavelength"),
        "temperature": Variable(temperatures, ("temperature",), "K"),
        "line": Variable(np.asarray(after.lines), ("channel",), "um", "laser line"),
        "step": Variable(np.arange(len(optimum.history["objective"])), ("step",)),
    }
    for name, transmitter in (("before", before), ("after", after)):
        content |= {f"{name}_{key}": value for key, value in _variables(transmitter, wl, temperatures).items()}
    content |= {f"history_{key}": Variable(values, ("step",)) for key, values in optimum.history.items()}
    save(path, content, attributes={"job": "wdm-transmitter", "best_step": optimum.step}, inputs=settings.model_dump())


def save_figures(
    folder: Path, before: RingTransmitter, after: RingTransmitter, optimum: Optimum, settings: "WdmSettings"
) -> None:
    """Write spectra.png and design.png."""
    plot.save_figure(_spectra_figure(after, settings), folder / "spectra.png")
    plot.save_figure(_design_figure(before, after, optimum, settings), folder / "design.png")


def _variables(transmitter: RingTransmitter, wl: np.ndarray, temperatures: np.ndarray) -> dict[str, Variable]:
    def over(function) -> np.ndarray:
        return np.stack([np.asarray(function(t)) for t in temperatures])

    rings, by_channel, by_both = transmitter.bus.rings, ("channel",), ("temperature", "channel")
    spectral = ("temperature", "wl")
    return {
        "radius": Variable(np.asarray(rings.radius), by_channel, "um"),
        "input_gap": Variable(np.asarray(rings.input_coupler.gap), by_channel, "um"),
        "drop_gap": Variable(np.asarray(rings.drop_coupler.gap), by_channel, "um"),
        "detuning": Variable(np.asarray(transmitter.detuning), by_channel, "um"),
        "insertion_loss": Variable(over(transmitter.insertion_loss_db), by_both, "dB"),
        "extinction": Variable(over(transmitter.extinction_db), by_both, "dB"),
        "penalty": Variable(over(transmitter.penalty_db), by_both, "dB"),
        "crosstalk": Variable(over(transmitter.crosstalk_db), by_both, "dB"),
        "heater_power": Variable(over(transmitter.heater_power), by_both, "mW"),
        "drift": Variable(over(transmitter.drift_pm_k), by_both, "pm/K"),
        "through_cold": Variable(over(lambda t: transmitter.cold_spectrum(wl, t)), spectral, "", "power, heaters off"),
        "through_zero": Variable(over(lambda t: transmitter.spectrum(wl, t)), spectral, "", "power, all rings in 0"),
        "through_one": Variable(over(lambda t: transmitter.spectrum(wl, t, 1.0)), spectral, "", "power, all in 1"),
    }


def _merits(
    before: RingTransmitter, after: RingTransmitter, settings: "WdmSettings"
) -> dict[str, tuple[float, float]]:
    temperatures = settings.temperatures_k

    def both(method: str, reduce) -> tuple[float, float]:
        return tuple(float(reduce([getattr(x, method)(t) for t in temperatures])) for x in (before, after))

    hottest = max(temperatures)
    reserve = [float(np.min(x.heater_power(hottest))) * settings.heater_nm_mw for x in (before, after)]
    return {
        "insertion loss, worst (dB)": both("insertion_loss_db", np.max),
        "extinction, worst (dB)": both("extinction_db", np.min),
        "transmitter penalty, worst (dB)": both("penalty_db", np.max),
        "crosstalk, worst (dB)": both("crosstalk_db", np.max),
        "loaded Q, largest": both("q_loaded", np.max),
        "heater power, mean of a ring (mW)": both("heater_power", np.mean),
        "heater power, largest of a ring (mW)": both("heater_power", np.max),
        f"heater reserve at {hottest:g} K (nm)": (reserve[0], reserve[1]),
    }


def _wavelengths(transmitter: RingTransmitter) -> np.ndarray:
    lines = np.asarray(transmitter.lines)
    spacing = float(np.mean(np.diff(lines)))
    return np.linspace(lines[0] - 6 * spacing, lines[-1] + 2 * spacing, 8001)


def _spectra_figure(transmitter: RingTransmitter, settings: "WdmSettings"):
    temperatures, wl = settings.temperatures_k, _wavelengths(transmitter)
    count = len(temperatures)
    figure, axes = plot.new_figure(count, 1, 9.0, 2.3 * count + 0.6, sharex=True, sharey=True)
    for ax, temperature in zip(axes[:, 0], temperatures, strict=True):
        cold, locked = transmitter.cold_spectrum(wl, temperature), transmitter.spectrum(wl, temperature)
        plot.spectrum(ax, wl, cold, color="0.6", linewidth=0.9, label="heaters off")
        plot.spectrum(ax, wl, locked, color=plot.COLORS[0], linewidth=1.2, label="held on the lines")
        for line in np.asarray(transmitter.lines):
            ax.axvline(1e3 * line, color=plot.COLORS[1], linewidth=0.7, linestyle=":", zorder=0)
        ax.set_title(f"{temperature:g} K", fontsize="medium", loc="left")
        ax.label_outer()
    axes[0, 0].plot([], [], color=plot.COLORS[1], linestyle=":", label="laser lines")
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, fontsize="small", frameon=False)
    return figure


def _design_figure(before: RingTransmitter, after: RingTransmitter, optimum: Optimum, settings: "WdmSettings"):
    figure, axes = plot.new_figure(2, 2, 10.0, 7.0)
    coldest, hottest = min(settings.temperatures_k), max(settings.temperatures_k)
    both = {"before": before, "after": after}
    heaters = {
        f"{name}, {t:g} K": np.asarray(x.heater_power(t)) for name, x in both.items() for t in (coldest, hottest)
    }
    plot.bars(axes[0, 0], heaters, "heater power (mW)")
    plot.bars(axes[0, 1], {k: np.asarray(x.penalty_db(coldest)) for k, x in both.items()}, "transmitter penalty (dB)")
    plot.bars(axes[1, 0], {k: np.asarray(x.crosstalk_db(coldest)) for k, x in both.items()}, "crosstalk (dB)")
    history = optimum.history
    axes[1, 1].plot(history["objective"], label="objective (dB)")
    axes[1, 1].plot(history["penalty_db"], label="transmitter penalty, mean (dB)")
    axes[1, 1].plot(history["heater_mw"], label="heater power, mean (mW)")
    axes[1, 1].set_ylim(0, 1.1 * max(history["heater_mw"][0], history["penalty_db"][0], optimum.value))
    axes[1, 1].set_xlabel("step")
    axes[1, 1].legend(fontsize="small")
    return figure
