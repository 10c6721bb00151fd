"""The job `wdm-transmitter`: a row of silicon ring modulators, from measured rings to an optimised design."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices import wdm_report as report
from photonics_core.devices.batch import stack
from photonics_core.devices.bus import RingBus
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.waveguide import Waveguide
from photonics_core.devices.wdm_settings import WdmSettings
from photonics_core.jobs import Job
from photonics_core.optimize import Optimum, minimize
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

#: A design: arrays of shape [N], in um; what the optimiser may change.
Design = dict[str, Any]


def build(settings: WdmSettings, design: Design) -> RingTransmitter:
    """The transmitter of a design with `radius`, `input_gap`, `drop_gap` and `detuning`, each of shape [N] in um."""
    index = silicon.o_band_index()

    def ring(radius: Any, input_gap: Any, drop_gap: Any) -> AddDropRing:
        return AddDropRing(
            radius, silicon.o_band_coupler(input_gap, radius), silicon.o_band_coupler(drop_gap, radius), index
        )

    rows = zip(design["radius"], design["input_gap"], design["drop_gap"], strict=True)
    bus = RingBus(stack([ring(*row) for row in rows], "rings"), Waveguide(50.0, index))
    lines = wavelength_grid(settings.center_um, settings.spacing_ghz, settings.channels)
    return RingTransmitter(bus, lines, design["detuning"], 1e-6 * settings.drive_shift_pm, settings.heater_nm_mw)


def starting_design(settings: WdmSettings) -> Design:
    """A start without tuning: equal gaps, and radii stepped around the nominal one as the laser lines are.

    The rings then follow each other at the spacing of the lines, but where the whole row lies is left to the heaters.
    """
    n = settings.channels
    lines = wavelength_grid(settings.center_um, settings.spacing_ghz, n)
    index = silicon.o_band_index()
    # A ring of larger radius resonates at longer wavelengths: d(wl)/wl = (n_eff / n_g) d(radius)/radius.
    scale = index.n_g / index.n_eff
    radius = settings.radius_um * (1.0 + scale * (lines / settings.center_um - 1.0))
    return {
        "radius": radius,
        "input_gap": np.full(n, 0.11),
        "drop_gap": np.full(n, 0.14),
        "detuning": np.full(n, 30e-6),
    }


def bounds(settings: WdmSettings, start: Design) -> tuple[Design, Design]:
    """Lower and upper bounds of a design: what lithography and the free spectral range allow."""
    n = settings.channels
    low = {"radius": start["radius"] - 0.05, "input_gap": np.full(n, 0.08), "drop_gap": np.full(n, 0.08)}
    high = {"radius": start["radius"] + 0.05, "input_gap": np.full(n, 0.30), "drop_gap": np.full(n, 0.30)}
    return low | {"detuning": np.zeros(n)}, high | {"detuning": np.full(n, 300e-6)}


def evaluate(transmitter: RingTransmitter, temperatures: jax.Array) -> dict[str, jax.Array]:
    """Figures of merit of every channel at every temperature (K): arrays of shape [temperatures, N].

    `followed_power` is the heater power followed from the reference temperature: smooth, and negative where a ring
    would have to be cooled, while `heater_power` then brings up the next resonance.
    """
    cold = transmitter.heater_power(REFERENCE_TEMPERATURE)

    def at(temperature: jax.Array) -> dict[str, jax.Array]:
        shift = transmitter.channel_shift(REFERENCE_TEMPERATURE, temperature)
        return {
            "insertion_loss": transmitter.insertion_loss_db(temperature),
            "extinction": transmitter.extinction_db(temperature),
            "penalty": transmitter.penalty_db(temperature),
            "crosstalk": transmitter.crosstalk_db(temperature),
            "q_loaded": transmitter.q_loaded(temperature),
            "drift": transmitter.drift_pm_k(temperature),
            "channel_shift": shift,
            "heater_power": transmitter.heater_power(temperature),
            "followed_power": cold - 1e3 * shift / transmitter.heater_efficiency,
        }

    return jax.vmap(at)(temperatures)


def objective(settings: WdmSettings) -> Callable[[Design], tuple[jax.Array, dict[str, jax.Array]]]:
    """The cost of a design in dB: insertion loss and priced heater power, with soft constraints.

    The constraints are extinction, crosstalk, photon bandwidth, and a reserve of the heaters at the highest
    temperature. Each is asked for with a small margin, since a soft constraint is met from the other side.
    """
    temperatures = jnp.asarray(settings.temperatures_k)
    hottest = int(np.argmax(settings.temperatures_k))
    q_limit = SPEED_OF_LIGHT / (settings.center_um * settings.bandwidth_ghz * 1e-3)

    def cost(design: Design) -> tuple[jax.Array, dict[str, jax.Array]]:
        merits = evaluate(build(settings, design), temperatures)
        power = merits["followed_power"]
        reserve_nm = power[hottest] * settings.heater_nm_mw
        excess = (
            _hinge((1.01 * settings.margin_nm - reserve_nm) / 0.05)
            + _hinge((merits["q_loaded"] / q_limit - 0.99) / 0.01)
            + _hinge((merits["crosstalk"] - settings.crosstalk_db + 0.1) / 0.2)
            + _hinge((settings.extinction_db - merits["extinction"] + 0.1) / 0.2)
        )
        metrics = {"insertion_loss_db": jnp.mean(merits["insertion_loss"]), "heater_mw": jnp.mean(power)}
        metrics |= {"penalty_db": jnp.mean(merits["penalty"]), "constraints": excess}
        return metrics["insertion_loss_db"] + settings.heater_weight * metrics["heater_mw"] + excess, metrics

    return cost


def optimise(settings: WdmSettings, start: Design, progress: bool | None = None) -> Optimum:
    """Optimise radii, gaps and detuning by gradient from `start`."""
    lower, upper = bounds(settings, start)
    return minimize(objective(settings), start, lower, upper, steps=settings.steps, progress=progress)


def run(settings: WdmSettings, out: Path, say: Callable[[str], None]) -> None:
    """Report the starting design, optimise it, report again, and write figures and results to `out`."""
    figures = jax.jit(evaluate), jax.jit(report.spectra)
    start = starting_design(settings)
    say(f"{settings.channels} silicon ring modulators, {settings.spacing_ghz:g} GHz apart at {settings.center_um:g} um")
    before = report.Evaluated.of("start", build(settings, start), start, settings, *figures)
    say(report.device_lines(before))
    say(report.table(before))
    optimum = optimise(settings, start)
    best = {name: np.asarray(value, np.float64) for name, value in optimum.parameters.items()}
    after = report.Evaluated.of(f"optimised in {settings.steps} steps", build(settings, best), best, settings, *figures)
    say(report.table(after))
    say(report.comparison(before, after))
    if optimum.stopped:
        say(f"the optimisation ended early: {optimum.stopped}")
    out.mkdir(parents=True, exist_ok=True)
    report.save_results(out / "results.h5", before, after, optimum)
    report.save_figures(out, before, after, optimum)


def _hinge(excess: jax.Array) -> jax.Array:
    """Mean of a smooth price for positive excess: quadratic at first, then linear, so that no step runs away."""
    return jnp.mean(jnp.sqrt(1.0 + jnp.maximum(excess, 0.0) ** 2) - 1.0)


JOB = Job("wdm-transmitter", "an 8-channel, 200 GHz ring transmitter, optimised by gradient", WdmSettings, run)
