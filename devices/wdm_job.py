"""The job `wdm-transmitter`: a row of silicon ring modulators, from measured rings to an optimised design."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field, model_validator

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.batch import stack
from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import DirectionalCoupler, approach_length
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.waveguide import Waveguide
from photonics_core.jobs import Job, Settings
from photonics_core.optimize import Optimum, minimize
from photonics_core.store import write_atomically
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

Positive = Annotated[float, Field(gt=0)]
Temperature = Annotated[float, Field(ge=250, le=400)]


class WdmSettings(Settings):
    """Settings of the job; every number has its unit in its name or beside it."""

    channels: Annotated[int, Field(ge=2, le=32, description="number of laser lines and rings")] = 8
    spacing_ghz: Annotated[float, Field(gt=0, le=1000, description="spacing of the laser lines")] = 200.0
    center_um: Annotated[float, Field(ge=1.26, le=1.36, description="centre of the laser lines")] = 1.31
    radius_um: Annotated[float, Field(ge=3, le=20, description="nominal radius")] = 5.0
    temperatures_k: Annotated[tuple[Temperature, ...], Field(min_length=1, max_length=9)] = (300.0, 330.0, 358.0)
    heater_nm_mw: Annotated[float, Field(gt=0, le=10, description="shift by a heater")] = 0.15
    drive_shift_pm: Annotated[float, Field(gt=0, le=1000, description="shift between the two bits")] = 80.0
    bandwidth_ghz: Annotated[float, Field(gt=0, le=500, description="least photon bandwidth wl Q / c")] = 40.0
    crosstalk_db: Annotated[float, Field(ge=-60, le=0, description="wanted crosstalk")] = -20.0
    margin_nm: Annotated[float, Field(ge=0, le=5, description="heater's reserve when hottest")] = 0.5
    heater_weight: Annotated[float, Field(ge=0, le=100, description="price of 1 mW in dB of penalty")] = 0.1
    steps: Annotated[int, Field(ge=1, le=100_000, description="steps of the optimiser")] = 300

    @model_validator(mode="after")
    def _comb_fits(self) -> "WdmSettings":
        comb = self.channels * self.spacing_ghz * 1e-3
        fsr = SPEED_OF_LIGHT / (silicon.O_BAND_GROUP_INDEX * 2 * np.pi * self.radius_um)
        if comb > fsr:
            raise ValueError(
                f"{self.channels} lines {self.spacing_ghz:g} GHz apart take {comb:.2f} THz, more than the free "
                f"spectral range {fsr:.2f} THz of a ring of radius {self.radius_um:g} um"
            )
        return self


#: A design: arrays of shape [N], in um; what the optimiser may change.
Design = dict[str, Any]


def build(settings: WdmSettings, design: Design) -> RingTransmitter:
    """The transmitter of a design with `radius`, `input_gap`, `drop_gap` and `detuning`, each of shape [N] in um."""
    index = silicon.o_band_index()

    def coupler(gap: Any, radius: Any) -> DirectionalCoupler:
        return DirectionalCoupler(
            gap=gap,
            length=0.0,
            kappa=silicon.O_BAND_KAPPA,
            decay_length=silicon.O_BAND_DECAY_LENGTH,
            bend_length=approach_length(radius, silicon.O_BAND_DECAY_LENGTH),
            gap0=silicon.O_BAND_GAP,
            wl0=silicon.O_BAND_WAVELENGTH,
        )

    def ring(radius: Any, input_gap: Any, drop_gap: Any) -> AddDropRing:
        return AddDropRing(radius, coupler(input_gap, radius), coupler(drop_gap, radius), index)

    rows = zip(design["radius"], design["input_gap"], design["drop_gap"], strict=True)
    bus = RingBus(stack([ring(*row) for row in rows], "rings"), Waveguide(50.0, index))
    lines = wavelength_grid(settings.center_um, settings.spacing_ghz, settings.channels)
    return RingTransmitter(bus, lines, design["detuning"], 1e-6 * settings.drive_shift_pm, settings.heater_nm_mw)


def hand_design(settings: WdmSettings) -> Design:
    """What one would draw first: equal gaps, and radii stepped so that the rings follow the laser lines."""
    n = settings.channels
    lines = wavelength_grid(settings.center_um, settings.spacing_ghz, n)
    index = silicon.o_band_index()
    # A ring of larger radius resonates at longer wavelengths: d(wl)/wl = (n_eff / n_g) d(radius)/radius.
    scale = index.n_g / index.n_eff
    radius = settings.radius_um * (1.0 + scale * (lines / settings.center_um - 1.0))
    return {
        "radius": radius,
        "input_gap": np.full(n, 0.15),
        "drop_gap": np.full(n, 0.20),
        "detuning": np.full(n, 50e-6),
    }


def bounds(settings: WdmSettings, start: Design) -> tuple[Design, Design]:
    """Lower and upper bounds of a design: what lithography and the free spectral range allow."""
    n = settings.channels
    low = {"radius": start["radius"] - 0.05, "input_gap": np.full(n, 0.10), "drop_gap": np.full(n, 0.15)}
    high = {"radius": start["radius"] + 0.05, "input_gap": np.full(n, 0.30), "drop_gap": np.full(n, 0.35)}
    return low | {"detuning": np.zeros(n)}, high | {"detuning": np.full(n, 300e-6)}


def objective(settings: WdmSettings) -> Callable[[Design], tuple[jax.Array, dict[str, jax.Array]]]:
    """The cost of a design in dB: transmitter penalty and priced heater power, with soft constraints.

    The constraints are crosstalk, photon bandwidth, and a reserve of the heaters at the highest temperature. The
    heater power is followed from the reference temperature, so that it is smooth and may come out negative, which
    the reserve forbids.
    """
    temperatures = jnp.asarray(settings.temperatures_k)
    hottest = max(settings.temperatures_k)
    q_limit = SPEED_OF_LIGHT / (settings.center_um * settings.bandwidth_ghz * 1e-3)

    def cost(design: Design) -> tuple[jax.Array, dict[str, jax.Array]]:
        transmitter = build(settings, design)
        penalty, crosstalk, loss, q, power = jax.vmap(
            lambda t: (
                transmitter.penalty_db(t),
                transmitter.crosstalk_db(t),
                transmitter.insertion_loss_db(t),
                transmitter.q_loaded(t),
                _followed_power(transmitter, t),
            )
        )(temperatures)
        reserve = _followed_power(transmitter, hottest) * settings.heater_nm_mw
        excess = (
            10.0 * jnp.mean(_hinge((settings.margin_nm - reserve) / 0.1))
            + jnp.mean(_hinge(crosstalk - settings.crosstalk_db))
            + 100.0 * jnp.mean(_hinge(q / q_limit - 1.0))
        )
        metrics = {"penalty_db": jnp.mean(penalty), "insertion_loss_db": jnp.mean(loss)}
        metrics |= {"crosstalk_db": jnp.max(crosstalk), "heater_mw": jnp.mean(power), "constraints": excess}
        return jnp.mean(penalty) + settings.heater_weight * jnp.mean(power) + excess, metrics

    return cost


def optimise(settings: WdmSettings, start: Design, progress: bool | None = None) -> Optimum:
    """Optimise radii, gaps and detuning by gradient from `start`."""
    lower, upper = bounds(settings, start)
    return minimize(objective(settings), start, lower, upper, steps=settings.steps, progress=progress)


def run(settings: WdmSettings, out: Path, say: Callable[[str], None]) -> None:
    """Report the hand design, optimise it, report again, and write figures and results to `out`."""
    from photonics_core.devices import wdm_report as report

    start = hand_design(settings)
    before = build(settings, start)
    say(f"{settings.channels} silicon ring modulators, {settings.spacing_ghz:g} GHz apart at {settings.center_um:g} um")
    say(report.device_lines(before, settings))
    say(report.table("hand design", before, settings))
    optimum = optimise(settings, start)
    after = build(settings, {name: np.asarray(value) for name, value in optimum.parameters.items()})
    say(report.table(f"optimised, {settings.steps} steps by gradient", after, settings))
    say(report.comparison(before, after, settings))
    out.mkdir(parents=True, exist_ok=True)
    report.save_results(out / "results.h5", before, after, optimum, settings)
    report.save_figures(out, before, after, optimum, settings)
    text = json.dumps(settings.model_dump(), indent=2) + "\n"
    write_atomically(out / "settings.json", lambda path: path.write_text(text))


def _followed_power(transmitter: RingTransmitter, temperature: Any) -> jax.Array:
    """Heater power in mW at `temperature`, followed from the reference temperature without a jump."""
    cold = transmitter.heater_power(REFERENCE_TEMPERATURE)
    shift = transmitter.channel_shift(REFERENCE_TEMPERATURE, temperature)
    return cold - 1e3 * shift / transmitter.heater_efficiency


def _hinge(excess: jax.Array) -> jax.Array:
    return jnp.maximum(excess, 0.0) ** 2


JOB = Job("wdm-transmitter", "an 8-channel, 200 GHz ring transmitter, optimised by gradient", WdmSettings, run)
