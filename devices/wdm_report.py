"""Tables, figures and the results file of the job `wdm-transmitter`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core import plot
from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.devices.wdm_settings import WdmSettings
from photonics_core.optimize import Optimum
from photonics_core.store import Variable, save
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

_UNITS = {
    "insertion_loss": "dB",
    "extinction": "dB",
    "penalty": "dB",
    "crosstalk": "dB",
    "drift": "pm/K",
    "channel_shift": "um",
    "heater_power": "mW",
    "followed_power": "mW",
}
_SPECTRA = {
    "cold": "all heaters off",
    "zero": "rings locked, all in state 0",
    "one": "rings locked, all in state 1",
}


def spectra(transmitter: RingTransmitter, wl: jax.Array, temperatures: jax.Array) -> dict[str, jax.Array]:
    """Power through the bus over `wl` in um at each temperature, [temperatures, wavelengths]: cold, zero, one."""

    def at(temperature: jax.Array) -> dict[str, jax.Array]:
        return {
            "cold": transmitter.cold_spectrum(wl, temperature),
            "zero": transmitter.spectrum(wl, temperature, 0.0),
            "one": transmitter.spectrum(wl, temperature, 1.0),
        }

    return jax.vmap(at)(temperatures)


@dataclass(frozen=True)
class Evaluated:
    """A transmitter with its figures of merit and its spectra, as NumPy arrays."""

    title: str
    design: dict[str, np.ndarray]
    settings: WdmSettings
    merits: dict[str, np.ndarray]
    wl: np.ndarray
    spectra: dict[str, np.ndarray]

    @classmethod
    def of(
        cls,
        title: str,
        transmitter: RingTransmitter,
        design: dict[str, np.ndarray],
        settings: WdmSettings,
        evaluate: Callable[..., dict[str, Any]],
        spectra: Callable[..., dict[str, Any]],
    ) -> "Evaluated":
        """Evaluate the transmitter of a design with the two (compiled) functions."""
        lines = np.asarray(transmitter.lines)
        spacing = float(np.mean(np.diff(lines)))
        wl = np.linspace(lines[0] - 6 * spacing, lines[-1] + 2 * spacing, 8001)
        temperatures = jnp.asarray(settings.temperatures_k)
        merits = {name: np.asarray(value) for name, value in evaluate(transmitter, temperatures).items()}
        curves = {
            name: np.asarray(value) for name, value in spectra(transmitter, jnp.asarray(wl), temperatures).items()
        }
        return cls(title, {"line": lines, **design}, settings, merits, wl, curves)

    @property
    def summary(self) -> dict[str, float]:
        """The worst of each figure of merit over channels and temperatures, by name with its unit."""
        merits = self.merits
        hottest = int(np.argmax(self.settings.temperatures_k))
        return {
            "insertion loss, worst (dB)": merits["insertion_loss"].max(),
            "extinction, worst (dB)": merits["extinction"].min(),
            "transmitter penalty, worst (dB)": merits["penalty"].max(),
            "crosstalk, worst (dB)": merits["crosstalk"].max(),
            "photon bandwidth, least (GHz)": self.bandwidth_ghz.min(),
            "heater power, mean of a ring (mW)": merits["heater_power"].mean(),
            "heater power, largest of a ring (mW)": merits["heater_power"].max(),
            "heater reserve when hottest (nm)": (merits["heater_power"][hottest].min() * self.settings.heater_nm_mw),
        }

    @property
    def cold_resonance(self) -> np.ndarray:
        """Resonance in um that each heater brings to its line, with the heaters off, at the reference temperature."""
        coldest = int(np.argmin(np.abs(np.asarray(self.settings.temperatures_k) - REFERENCE_TEMPERATURE)))
        shift = 1e-3 * self.merits["heater_power"][coldest] * self.settings.heater_nm_mw
        return self.design["line"] + self.design["detuning"] - shift

    @property
    def bandwidth_ghz(self) -> np.ndarray:
        """Photon bandwidth c / (wl Q) in GHz, shape [temperatures, N]."""
        return 1e3 * SPEED_OF_LIGHT / (self.design["line"][None] * self.merits["q_loaded"])


def device_lines(evaluated: Evaluated) -> str:
    """What the rings are, in a few lines."""
    line, radius = np.mean(evaluated.design["line"]), np.mean(evaluated.design["radius"])
    fsr = 1e3 * line**2 / (silicon.O_BAND_GROUP_INDEX * 2.0 * np.pi * radius)
    temperatures, drift = evaluated.settings.temperatures_k, evaluated.merits["drift"].mean(axis=1)
    shift = 1e3 * evaluated.merits["channel_shift"].mean(axis=1)
    drifts = ", ".join(f"{d:.1f} pm/K at {t:g} K" for d, t in zip(drift, temperatures, strict=True))
    return (
        f"rings: n_g {silicon.O_BAND_GROUP_INDEX:.3f}, free spectral range {fsr:.2f} nm, "
        f"loss {silicon.LOSS_DB_CM:.1f} dB/cm\n"
        f"drift: {drifts}; {shift.max() - shift.min():.2f} nm from {min(temperatures):g} to {max(temperatures):g} K"
    )


def table(evaluated: Evaluated) -> str:
    """The figures of every channel, those that vary with temperature as the worst."""
    merits, design = evaluated.merits, evaluated.design
    columns = {
        ("line nm", "9.3f"): 1e3 * design["line"],
        ("R um", "7.4f"): design["radius"],
        ("gap nm", "7.1f"): 1e3 * design["input_gap"],
        ("drop nm", "7.1f"): 1e3 * design["drop_gap"],
        ("detune pm", "7.1f"): 1e6 * design["detuning"],
        ("loss dB", "7.2f"): merits["insertion_loss"].max(axis=0),
        ("extin dB", "7.2f"): merits["extinction"].min(axis=0),
        ("penal dB", "7.2f"): merits["penalty"].max(axis=0),
        ("xtalk dB", "7.2f"): merits["crosstalk"].max(axis=0),
        ("band GHz", "7.1f"): evaluated.bandwidth_ghz.min(axis=0),
    }
    for k, temperature in enumerate(evaluated.settings.temperatures_k):
        columns[f"mW {temperature:g}K", "7.2f"] = merits["heater_power"][k]
    head = " ch" + "".join(f" {name:>9}" for name, _ in columns)
    rows = [
        f"{k + 1:>3}" + "".join(f" {format(float(values[k]), form):>9}" for (_, form), values in columns.items())
        for k in range(len(design["line"]))
    ]
    return "\n".join([f"\n{evaluated.title} (loss to bandwidth: the worst over temperature)", head, *rows])


def comparison(before: Evaluated, after: Evaluated) -> str:
    """Before beside after, one figure of merit a line, with what was asked and whether it is met."""
    settings = after.settings
    asked = {
        "extinction, worst (dB)": (">=", settings.extinction_db),
        "crosstalk, worst (dB)": ("<=", settings.crosstalk_db),
        "photon bandwidth, least (GHz)": (">=", settings.bandwidth_ghz),
        "heater reserve when hottest (nm)": (">=", settings.margin_nm),
    }
    rows = [f"\n{'':<38}{'before':>10}{'after':>10}  asked"]
    for name, first in before.summary.items():
        second, verdict = after.summary[name], ""
        if name in asked:
            sign, limit = asked[name]
            met = second >= limit if sign == ">=" else second <= limit
            verdict = f"  {sign} {limit:g}: {'met' if met else 'NOT MET'}"
        rows.append(f"{name:<38}{first:>10.2f}{second:>10.2f}{verdict}")
    split = ", ".join(
        f"{1e3 * np.mean(d.design['line'] - d.cold_resonance):.2f} nm {name}"
        for name, d in (("before", before), ("after", after))
    )
    rows.append(f"left to the heaters at {REFERENCE_TEMPERATURE:g} K, the rest of the way being in the radii: {split}")
    return "\n".join(rows)


def save_results(path: Path, before: Evaluated, after: Evaluated, optimum: Optimum) -> None:
    """Write spectra, figures of merit and the history of the optimisation to one HDF5 file."""
    settings = after.settings
    content = {
        "wl": Variable(after.wl, ("wl",), "um", "free-space wavelength"),
        "temperature": Variable(np.asarray(settings.temperatures_k), ("temperature",), "K"),
    }
    for name, evaluated in (("before", before), ("after", after)):
        content |= {f"{name}_{key}": Variable(v, ("channel",), "um") for key, v in evaluated.design.items()}
        for key, values in evaluated.merits.items():
            content[f"{name}_{key}"] = Variable(values, ("temperature", "channel"), _UNITS.get(key, ""))
        for key, values in evaluated.spectra.items():
            content[f"{name}_through_{key}"] = Variable(values, ("temperature", "wl"), "", f"power, {_SPECTRA[key]}")
    content |= {f"history_{key}": Variable(values, ("step",)) for key, values in optimum.history.items()}
    facts = {"job": "wdm-transmitter", "best_step": optimum.step, "stopped": optimum.stopped or "at the last step"}
    save(
        path,
        content,
        attributes=facts,
        inputs=settings.model_dump(),
    )


def save_figures(folder: Path, before: Evaluated, after: Evaluated, optimum: Optimum) -> None:
    """Write spectra.png and design.png."""
    plot.save_figure(_spectra_figure(after), folder / "spectra.png")
    plot.save_figure(_design_figure(before, after, optimum), folder / "design.png")


def _spectra_figure(evaluated: Evaluated) -> Any:
    temperatures = evaluated.settings.temperatures_k
    figure, axes = plot.new_figure(len(temperatures), 1, 9.0, 2.3 * len(temperatures) + 0.6, sharex=True, sharey=True)
    for k, (ax, temperature) in enumerate(zip(axes[:, 0], temperatures, strict=True)):
        for line in evaluated.design["line"]:
            ax.axvline(1e3 * line, color=plot.COLORS[1], linewidth=0.7, linestyle=":", zorder=0)
        plot.spectrum(ax, evaluated.wl, evaluated.spectra["cold"][k], color="0.6", linewidth=0.9, label="heaters off")
        plot.spectrum(ax, evaluated.wl, evaluated.spectra["zero"][k], linewidth=1.2, label="held on the lines")
        ax.set_title(f"{temperature:g} K", fontsize="medium", loc="left")
        ax.label_outer()
    axes[0, 0].plot([], [], color=plot.COLORS[1], linestyle=":", label="laser lines")
    plot.legend_above(axes[0, 0], columns=3)
    return figure


def _design_figure(before: Evaluated, after: Evaluated, optimum: Optimum) -> Any:
    figure, axes = plot.new_figure(2, 2, 10.0, 7.4)
    temperatures = before.settings.temperatures_k
    cold, hot = int(np.argmin(temperatures)), int(np.argmax(temperatures))
    both = {"before": before, "after": after}
    heaters = {
        f"{name}, {temperatures[k]:g} K": evaluated.merits["heater_power"][k]
        for name, evaluated in both.items()
        for k in dict.fromkeys((cold, hot))
    }
    plot.bars(axes[0, 0], heaters, "heater power (mW)")
    for ax, key, label in (
        (axes[0, 1], "insertion_loss", "insertion loss, worst (dB)"),
        (axes[1, 0], "crosstalk", "crosstalk, worst (dB)"),
    ):
        plot.bars(ax, {name: evaluated.merits[key].max(axis=0) for name, evaluated in both.items()}, label)
    for name, label in (
        ("objective", "objective (dB)"),
        ("insertion_loss_db", "insertion loss, mean (dB)"),
        ("heater_mw", "heater power, mean (mW)"),
    ):
        axes[1, 1].plot(optimum.history[name], label=label)
    axes[1, 1].set_ylim(0, 1.1 * optimum.history["heater_mw"].max())
    axes[1, 1].set_xlabel("step")
    plot.legend_above(axes[1, 1], columns=2)
    return figure
