"""Sizing of an optical engine: optimum, front, the whole link of its design, and a published engine beside it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.engine import losses_db
from photonics_core.devices.engine_choice import front_of, size_all
from photonics_core.devices.engine_link import engine_link
from photonics_core.devices.engine_optimum import (
    DESIGN,
    SizedEngine,
    flat_figures,
    size_candidate,
)
from photonics_core.devices.engine_spec import EngineCandidate, EngineSpec
from photonics_core.devices.engine_technology import CENTER
from photonics_core.devices.engine_tradeoffs import sensitivities
from photonics_core.devices.link import WdmLink
from photonics_core.devices.link_budget import required_gain_db
from photonics_core.units import REFERENCE_TEMPERATURE, frequency, wavelength
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

#: 8 pairs of fibres with 8 lines of 32 Gb/s each, 200 GHz apart.
INTERCONNECT = EngineCandidate(8, 200.0, 32.0)
#: The same with four levels and a code.
FOUR_LEVELS = EngineCandidate(8, 200.0, 32.0, 4, "KP4")


def interconnect() -> SizedEngine:
    """The engine of `INTERCONNECT` at its least energy."""
    return size_candidate(INTERCONNECT, EngineSpec())


@case(
    "engine.stationary",
    source="Karush, Kuhn and Tucker: slope of the Lagrangian over that of the energy",
    kind="analytic",
    is_long=True,
)
@in_float64
def stationary() -> Evidence:
    """Norm at the optimum of 8 lines of 32 Gb/s, all multipliers of limits not below zero."""
    sized = interconnect()
    return Evidence(sized.slope if np.all(sized.multipliers >= 0.0) else np.inf, 0.0, 1e-5)


@case("engine.gradients", source="central differences", kind="analytic", is_long=True)
@in_float64
def gradients() -> Evidence:
    """Largest relative difference of the slopes of energy and limits by the six numbers of a design."""
    point = interconnect().point
    values = np.array([1.02 * float(getattr(point.design, name)) for name in DESIGN])

    @jax.jit
    def figures(values: jax.Array) -> jax.Array:
        design = dataclasses.replace(point.design, **dict(zip(DESIGN, values, strict=True)))
        return flat_figures(dataclasses.replace(point, design=design))

    exact = np.asarray(jax.jit(jax.jacfwd(figures))(jnp.asarray(values)))
    worst = 0.0
    for k, value in enumerate(values):
        step = 1e-5 * value * np.eye(len(values))[k]
        central = np.asarray(figures(values + step) - figures(values - step)) / (2e-5 * value)
        worst = max(worst, float(np.max(np.abs(central - exact[:, k])) / np.max(np.abs(exact[:, k]))))
    return Evidence(worst, 0.0, 1e-6)


@case("engine.sensitivities", source="the optimum searched for again", kind="analytic", is_long=True)
@in_float64
def envelope() -> Evidence:
    """Largest difference, in pJ/bit, of what 0.1 % of each parameter buys by the envelope theorem, over 0.1 %."""
    found = sensitivities(interconnect(), EngineSpec(), share=1e-3)
    return Evidence(max(abs(each.checked - each.energy) for each in found) / 1e-3, 0.0, 2e-2, "pJ/bit")


@case("engine.front", source="every candidate by every other", kind="analytic", is_long=True)
@in_float64
def front() -> Evidence:
    """Engines on the front that another one beats in energy and density."""
    sized = size_all(EngineSpec(channels=(8, 16), spacings_ghz=(100.0, 200.0), symbol_rates_gbd=(16.0, 32.0)))
    on_front = [one for one, is_on in zip(sized, front_of(sized), strict=True) if is_on]
    beaten = sum(
        other.density >= one.density and other.energy_pj_bit < one.energy_pj_bit for one in on_front for other in sized
    )
    return Evidence(float(beaten), 0.0, 0.0, "engines")


@case(
    "engine.interconnect",
    source="Intel, OFC 2024, by Converge Digest, vendor statement: 5 pJ/bit; electronics assumed",
    kind="range",
    is_long=True,
)
@in_float64
def interconnect_energy() -> Evidence:
    """Least energy in pJ/bit of 8 lines of 32 Gb/s over 300 to 350 K, between a third and all of the stated 5.

    What is stated holds logic of PCI Express, regulators and a margin, none of which is counted here.
    """
    return Evidence(interconnect().energy_pj_bit, (5.0 / 3.0, 5.0), 0.0, "pJ/bit")


@case("engine.link_losses", source="the link of the same design, ring by ring", kind="analytic", is_long=True)
@in_float64
def link_losses() -> Evidence:
    """Largest difference in dB of the losses of modulator and filter, of the line that is in the engine's middle.

    The line is that which meets its filter first. The engine's phase is linear in the detuning over the wavelength, the
    link's is not: of 0.1 nm at 1310 nm that is some 1e-4 of the distance to the resonance.
    """
    engine = interconnect()
    # Of the lines, 7 steps of half the spacing off their middle, the shortest is where the engine's is.
    off = 0.5e-3 * (INTERCONNECT.channels - 1) * INTERCONNECT.spacing_ghz
    link = engine_link(engine, center=float(wavelength(frequency(CENTER) - off)))
    whole, parts = jax.jit(lambda one: one.losses_db(REFERENCE_TEMPERATURE))(link), losses_db(engine.point)
    return Evidence(max(abs(float(whole[name][0] - parts[name])) for name in ("modulator", "filter")), 0.0, 1e-3, "dB")


def link_margin(candidate: EngineCandidate) -> float:
    """Power in dB that the worst line of a sized engine could lose by `WdmLink`, at its hottest and any lock error."""
    engine = size_candidate(candidate, EngineSpec())
    hottest, error = float(engine.point.temperatures[-1]), float(engine.point.technology.lock_error_pm)

    @jax.jit
    def gain(link: WdmLink) -> jax.Array:
        rin, memory = link.level_rin_db_hz(hottest), link.memory(hottest)
        target = link.required_log10_ratio()
        return required_gain_db(link.channel_powers(hottest), link.detector, target, rin, memory)

    links = [engine_link(engine, hottest, lock_error_pm=sign * error) for sign in (-1.0, 1.0)]
    return -max(float(jnp.max(gain(each))) for each in links)


@case("engine.link_bound", source="the link of the same design, disturbances by statistics", kind="range", is_long=True)
@in_float64
def link_bound() -> Evidence:
    """Power in dB that the link of the sized engine has to spare where the engine has none: its bound, NRZ."""
    return Evidence(link_margin(INTERCONNECT), (0.0, 1.0), 0.0, "dB")


@case(
    "engine.link_bound_pam4",
    source="the link of the same design, disturbances by statistics",
    kind="range",
    is_long=True,
)
@in_float64
def link_bound_pam4() -> Evidence:
    """The same for four levels behind KP4, where all disturbances at once are rarer than the ratio that is asked."""
    return Evidence(link_margin(FOUR_LEVELS), (0.0, 2.5), 0.0, "dB")
