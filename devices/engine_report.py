"""Tables, figures and the results file of the job `engine`."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core import plot, plot_engine
from photonics_core.devices.engine import evaluate, losses_db
from photonics_core.devices.engine_optimum import DESIGN, SizedEngine
from photonics_core.devices.engine_point import EnginePoint
from photonics_core.devices.engine_spec import FIBRES_OF_A_PAIR, EngineSpec
from photonics_core.devices.engine_tradeoffs import LABELS, Sensitivity
from photonics_core.devices.link_alternatives import ALTERNATIVES
from photonics_core.store import Variable, save

_UNITS = {"detuning": (1e6, "pm"), "line_power": (1.0, "mW"), "radius": (1.0, "um")}


def sizing(engine: SizedEngine, spec: EngineSpec) -> str:
    """The chosen engine with its energy by part and its error ratio over temperature."""
    figures, point = engine.figures, engine.point
    fibres = engine.pairs * FIBRES_OF_A_PAIR
    edge = 1e-3 * fibres * float(point.technology.pitch)
    rows = [
        f"\nleast energy: {engine.candidate}",
        f"  {engine.energy_pj_bit:.3f} pJ/bit, {engine.density:.2f} Tb/s/mm",
        f"  {engine.pairs} links each way, {fibres} fibres on {edge:.2f} of {spec.shoreline_mm:g} mm",
    ]
    for name in DESIGN:
        factor, unit = _UNITS.get(name, (1e3, "nm"))
        rows.append(f"  {name.replace('_', ' '):<16}{factor * float(getattr(point.design, name)):10.3f} {unit}")
    rows.append("energy by part, mean over the temperatures (fJ/bit)")
    for name, values in figures.energy._asdict().items():
        rows.append(f"  {name.replace('_', ' '):<18}{np.mean(values):9.1f}")
    rows.append("temperature (K)   heater (mW)   pJ/bit   log10 error ratio before correction, at most")
    worst = figures.log10_ratio.max(axis=1)
    for at, heater, energy, ratio in zip(
        point.temperatures, figures.heater_power, figures.energy.total, worst, strict=True
    ):
        rows.append(f"{at:15.1f}{heater:14.2f}{1e-3 * energy:9.3f}{ratio:12.2f}")
    rows.append(f"limits and bounds that bind: {', '.join(engine.binding) or 'none'}")
    rows.append(f"slope of the Lagrangian over that of the energy: {engine.slope:.1e}")
    return "\n".join(rows)


def front(engines: Sequence[SizedEngine]) -> str:
    """The engines on the front of energy and density."""
    rows = [f"\n{'on the front':<40}{'pJ/bit':>8}{'Tb/s/mm':>9}"]
    rows += [f"{each.candidate!s:<40}{each.energy_pj_bit:8.3f}{each.density:9.2f}" for each in engines]
    return "\n".join(rows)


def beside(engine: SizedEngine) -> str:
    """The engine beside copper, pluggable modules and VCSELs, the sources of which are in `ALTERNATIVES`."""
    rows = [f"\n{'link':<34}{'pJ/bit':>14}  counted"]
    rows.append(f"{'this engine':<34}{engine.energy_pj_bit:14.2f}  all of `LinkEnergy`, computed")
    for each in ALTERNATIVES:
        low, high = each.energy_pj_bit
        energy = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        rows.append(f"{each.name:<34}{energy:>14}  {each.counted} ({each.certainty})")
    return "\n".join(rows)


def sensitivity_table(table: Sequence[Sensitivity]) -> str:
    """What 10 % of each parameter buys."""
    head = f"{'better by 10 %':<30}{'fJ/bit by slope':>16}{'optimised again':>17}"
    rows = [f"\n{head}{'density at equal energy, by slope':>35}  setting"]
    for each in table:
        denser = "-" if math.isnan(each.density) else f"{100.0 * each.density:.2f} %"
        # A sum with zero has no sign of its own.
        energy, checked = (round(1e3 * value, 2) + 0.0 for value in (each.energy, each.checked))
        rows.append(f"{LABELS[each.name]:<30}{energy:16.2f}{checked:17.2f}{denser:>35}  technology.{each.name}")
    return "\n".join(rows)


def save_results(
    path: Path, engines: Sequence[SizedEngine], is_front: np.ndarray, table: Sequence[Sensitivity], inputs: Any
) -> None:
    """Write all engines and the sensitivities of the first to one HDF5 file."""

    def each(value: Any) -> np.ndarray:
        return np.array([value(one) for one in engines])

    units = {"detuning": "um", "line_power": "mW"}
    content = {
        "energy": Variable(each(lambda e: e.energy_pj_bit), ("candidate",), "pJ/bit"),
        "density": Variable(each(lambda e: e.density), ("candidate",), "Tb/s/mm"),
        "is_front": Variable(is_front.astype(np.int8), ("candidate",)),
        "channels": Variable(each(lambda e: e.candidate.channels), ("candidate",)),
        "spacing": Variable(each(lambda e: e.candidate.spacing_ghz), ("candidate",), "GHz"),
        "symbol_rate": Variable(each(lambda e: e.candidate.symbol_rate_gbd), ("candidate",), "GBd"),
        "levels": Variable(each(lambda e: e.candidate.levels), ("candidate",)),
        "code": Variable(each(lambda e: e.candidate.overhead), ("candidate",), "", "overhead of the code"),
        "temperature": Variable(engines[0].point.temperatures, ("temperature",), "K"),
        "log10_ratio": Variable(
            each(lambda e: e.figures.log10_ratio.max(axis=1)), ("candidate", "temperature"), "", "bound, uncorrected"
        ),
    }
    for name in DESIGN:
        values = each(lambda e, name=name: float(getattr(e.point.design, name)))
        content[name] = Variable(values, ("candidate",), units.get(name, "um"))
    for name in engines[0].figures.energy._fields:
        values = each(lambda e, name=name: getattr(e.figures.energy, name))
        content[f"energy_{name}"] = Variable(values, ("candidate", "temperature"), "fJ/bit")
    for name in ("energy", "checked", "density"):
        values = np.array([getattr(one, name) for one in table])
        content[f"improvement_{name}"] = Variable(values, ("parameter",), "" if name == "density" else "pJ/bit")
    names = ", ".join(one.name for one in table)
    save(path, content, attributes={"job": "engine", "parameters": names}, inputs=inputs)


def save_figures(
    folder: Path, engines: Sequence[SizedEngine], is_front: np.ndarray, table: Sequence[Sensitivity], target: float
) -> None:
    """Write losses.png, error_ratio.png, front.png and sensitivities.png."""
    best = engines[0]
    point, candidate = best.point, best.candidate
    losses = {name: float(value) for name, value in losses_db(point).items()}
    powers = np.geomspace(0.3, 3.0, 25) * float(point.design.line_power)
    ratios = np.asarray(_over_power(point, jnp.asarray(powers)))
    # Behind a code the eye that is asked for says which ratio is enough before it.
    enough = float(best.figures.log10_ratio.max()) if candidate.overhead else target
    labels = [f"{each:g} K" for each in point.temperatures]
    energy, density = (np.array([getattr(e, k) for e in engines]) for k in ("energy_pj_bit", "density"))
    launched = 10.0 * math.log10(float(point.design.line_power))
    for name, figure in {
        "losses": plot_engine.waterfall(launched, losses),
        "error_ratio": plot_engine.ratio_over_power(powers, ratios, labels, enough),
        "front": plot_engine.front(density, energy, is_front, [str(each.candidate) for each in engines]),
        "sensitivities": plot_engine.sensitivity_bars(
            [LABELS[one.name] for one in table],
            [1e3 * one.energy for one in table],
            [1e3 * one.checked for one in table],
        ),
    }.items():
        plot.save_figure(figure, folder / f"{name}.png")


@jax.jit
def _over_power(point: EnginePoint, powers: jax.Array) -> jax.Array:
    """Bound of the error ratio over the power of the line, shape [powers, temperatures]."""

    def at(power: jax.Array) -> jax.Array:
        design = dataclasses.replace(point.design, line_power=power)
        return jnp.max(evaluate(dataclasses.replace(point, design=design)).log10_ratio, axis=1)

    return jax.vmap(at)(powers)
