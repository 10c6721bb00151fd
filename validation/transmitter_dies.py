"""Dies of a transmitter, reduced to their phases, beside the transmitter itself."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.transmitter_die import TransmitterDie
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import LinearIndex
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case


def reference_transmitter(count: int = 8) -> RingTransmitter:
    """Ring modulators of 5 um for lines 200 GHz apart around 1310 nm."""
    index = LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, thermo_optic=2.1e-4, loss_db_cm=10.0)
    rings = [
        AddDropRing(5.0 + 0.004 * k, PointCoupler.from_power(0.08), PointCoupler.from_power(0.02), index)
        for k in range(count)
    ]
    lines = wavelength_grid(1.31, 200.0, count)
    return RingTransmitter(RingBus(rings, Waveguide(50.0, index)), lines, np.linspace(0.0, 9e-5, count), 8e-5, 0.15)


def changed(transmitter: RingTransmitter, shift: np.ndarray) -> RingTransmitter:
    """The same with rings whose resonances are moved by these shifts in um, by their effective index."""
    rings: Any = transmitter.bus.rings
    target = np.asarray(transmitter.lines) + np.asarray(transmitter.detuning)
    # At a constant group index the same turns are added at all wavelengths.
    n_eff = rings.index.n_eff + rings.index.n_g * rings.index.wl0 * shift / target**2
    bus = RingBus(
        dataclasses.replace(rings, index=dataclasses.replace(rings.index, n_eff=n_eff)), transmitter.bus.guide
    )
    return dataclasses.replace(transmitter, bus=bus)


@case("wafer.transmitter_die", source="RingTransmitter of the rings as they came out", kind="analytic", is_long=True)
@in_float64
def transmitter_die() -> Evidence:
    """Largest difference of all figures of 20 random dies from those of the transmitter itself, in dB and mW."""
    transmitter, random, worst = reference_transmitter(), np.random.default_rng(0), 0.0
    model = TransmitterDie.of(transmitter, {"width": 0.93}, barrel=False)
    figures = jax.jit(lambda deviation: model.metrics({"width": deviation}))
    for _ in range(20):
        deviation = 3e-3 * random.standard_normal(8)
        exact, found = _figures(changed(transmitter, 0.93 * deviation)), figures(deviation)
        pairs = zip(exact, found, strict=False)
        worst = max(worst, *(float(np.max(np.abs(a - b))) for a, b in pairs))
    return Evidence(worst, 0.0, 1e-9)


@eqx.filter_jit
def _figures(one: RingTransmitter) -> tuple[jax.Array, ...]:
    losses = one.insertion_loss_db(), one.extinction_db(), one.penalty_db(), one.crosstalk_db()
    return (*losses, one.heater_power())
