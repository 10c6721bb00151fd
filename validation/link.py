"""The wavelength-division link: its budget against scattering matrices, its error ratio against a count of patterns."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import erfc

from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import DirectionalCoupler
from photonics_core.devices.detector import Photodiode, Receiver
from photonics_core.devices.laser import LaserArray
from photonics_core.devices.link import WdmLink
from photonics_core.devices.link_energy import LinkElectronics, link_energy_per_bit
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.waveguide import Waveguide
from photonics_core.devices.wdm import RingReceiver, all_symbols, detector_powers
from photonics_core.index import LinearIndex
from photonics_core.power_budget import LOSSES, PENALTIES
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

#: Radius in um, gap of the modulators' input couplers in um, power of a line in mW, heater efficiency in nm/mW.
DESIGN = (5.0, 0.2, 1.0, 0.15)


def reference_link(
    count: int = 4, design: Any = DESIGN, spacing_ghz: float = 200.0, symbol_rate_gbd: float = 32.0, **options: Any
) -> WdmLink:
    """Ring modulators and filters of 5 um on lines around 1310 nm, 32 Gb/s a line.

    Args:
        count: number of lines.
        design: the four numbers of `DESIGN`, such as a traced array.
        spacing_ghz: of the lines.
        symbol_rate_gbd, options: for `WdmLink`.
    """
    radius, gap, line, efficiency = (design[k] for k in range(4))
    index = LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, thermo_optic=2.1e-4, thermo_optic_slope=2e-7, loss_db_cm=10.0)
    lines = wavelength_grid(1.31, spacing_ghz, count)

    def bus(first: Any, second: Any) -> RingBus:
        def coupler(gap: Any) -> DirectionalCoupler:
            return DirectionalCoupler(gap, 0.0, 0.11, 0.1, bend_length=1.8, gap0=0.2, wl0=1.31)

        rings = [AddDropRing(radius + 0.008 * k, coupler(first), coupler(second), index) for k in range(count)]
        return RingBus(rings, Waveguide(50.0, index))

    transmitter = RingTransmitter(bus(gap, 0.27), lines, np.full(count, 3e-5), 8e-5, efficiency)
    receiver = RingReceiver(bus(0.18, 0.18), lines, heater_efficiency=efficiency)
    detector = Receiver(Photodiode(0.9), 15.0, 0.024, energy_fj_bit=150.0)
    return WdmLink(LaserArray(lines, line), transmitter, receiver, detector, symbol_rate_gbd, **options)


def cascade_powers(link: WdmLink, temperature: Any) -> jax.Array:
    """Power at each detector over that of its laser by the scattering matrices of both buses, rings in state "1"."""
    transmitter: Any = link.transmitter
    receiver: Any = link.receiver
    sent = transmitter.bus.scattering(transmitter.lines, temperature, transmitter.extra_path(temperature, 1.0))
    dropped = receiver.bus.scattering(transmitter.lines, temperature, receiver.extra_path(temperature))
    decibels = link.input_joint_db + link.output_joint_db + link.receiver_joint_db
    joints = 10.0 ** (-0.1 * (decibels + 1e-3 * link.length_m * link.attenuation_db_km))
    own = [dropped.power("in", f"drop{i + 1}")[i] for i in range(link.count)]
    return sent.power("in", "through") * jnp.stack(own) * joints / link.laser.fibres


def counted_log10_ratio(link: WdmLink, temperature: Any, channel: int) -> float:
    """The bit error ratio of NRZ by all patterns of all rings, products of powers and all, at the best threshold."""
    symbols = all_symbols(link.count)
    chain = 10.0 ** (
        -0.1 * (link.output_joint_db + link.receiver_joint_db + 1e-3 * link.length_m * link.attenuation_db_km)
    )
    light = detector_powers(
        link.transmitter, link.receiver, symbols, temperature, line_powers=np.asarray(link.line_powers()) * chain
    )
    current = np.asarray(link.detector.current(light))[:, channel]
    # The noise is that of the own level and of the mean of the rest, as in the model: the count is of patterns.
    noise = np.asarray(link.received(temperature).noise)[channel]
    low, high = (current[symbols[:, channel] == bit] for bit in (0, 1))

    def ratio(threshold: float) -> float:
        missed = erfc((high - threshold) / noise[1] / np.sqrt(2.0)), erfc((threshold - low) / noise[0] / np.sqrt(2.0))
        return float(np.log10(0.25 * (np.mean(missed[0]) + np.mean(missed[1]))))

    found: Any = minimize_scalar(ratio, bounds=(low.max(), high.min()), method="bounded", options={"xatol": 1e-9})
    return float(found.fun)


def energy_and_ratio(design: Any, temperature: Any = 320.0) -> jax.Array:
    """Energy in fJ per bit and the worst channel's log10 of the error ratio of `reference_link`, shape [2]."""
    link = reference_link(2, design)
    energy = link_energy_per_bit(link, LinkElectronics(lock_power=0.2), temperature).total
    return jnp.stack([energy, jnp.max(link.log10_error_ratio(temperature))])


@case("link.losses_are_the_cascade", source="scattering matrices of both buses and the joints", kind="analytic")
@in_float64
def losses_are_the_cascade() -> Evidence:
    """Largest relative difference of the product of all losses from the cascade of scattering matrices."""
    link = reference_link()
    losses = jax.jit(lambda t: link.losses_db(t))(330.0)
    product = 10.0 ** (-0.1 * sum(np.asarray(losses[name]) for name in LOSSES))
    cascade = np.asarray(jax.jit(lambda t: cascade_powers(link, t))(330.0))
    return Evidence(float(np.max(np.abs(product / cascade - 1.0))), 0.0, 1e-12)


@case(
    "link.budget_closes",
    source="definition: laser less losses and penalties is sensitivity and margin",
    kind="analytic",
    is_long=True,
)
@in_float64
def budget_closes() -> Evidence:
    """What is left of the budget's sum, and the error of the ratio at the power that the margin names, in dB."""
    link = reference_link(2)
    rows = jax.jit(lambda one: one.budget(330.0))(link)
    spent = sum(rows[name] for name in (*LOSSES, *PENALTIES, "sensitivity", "margin"))
    weaker = 10.0 ** (-0.1 * np.asarray(rows["margin"]))

    def at(scale: Any) -> jax.Array:
        laser = dataclasses.replace(link.laser, power=link.laser.power * scale)
        return dataclasses.replace(link, laser=laser).log10_error_ratio(330.0)

    ratios = np.diagonal(np.asarray(jax.jit(jax.vmap(at))(weaker)))
    left = np.max(np.abs(np.asarray(rows["laser"] - spent)))
    return Evidence(float(max(left, np.max(np.abs(ratios + 12.0)))), 0.0, 1e-8, "dB")


@case(
    "link.ratio_by_patterns",
    source="count of all patterns with exact products of powers",
    kind="analytic",
    is_long=True,
)
@in_float64
def ratio_by_patterns() -> Evidence:
    """Largest difference of log10 of the error ratio from the count of all patterns, of a link of weak lines."""
    link = reference_link(3, (5.0, 0.2, 0.22, 0.15), is_equalised=True)
    found = np.asarray(jax.jit(lambda t: link.log10_error_ratio(t))(330.0))
    counted = [counted_log10_ratio(link, 330.0, channel) for channel in range(3)]
    return Evidence(float(np.max(np.abs(found - counted))), 0.0, 1e-3)


@case("link.gradients", source="central differences of fourth order", kind="analytic", is_long=True)
@in_float64
def gradients() -> Evidence:
    """Largest relative difference of derivatives of energy and error ratio by radius, gap, power and heaters."""
    design = jnp.asarray(DESIGN)
    exact = np.asarray(jax.jit(jax.jacfwd(energy_and_ratio))(design))
    # The ratio hardly depends on the radius, whose ring is held on its line: steps are wide there.
    steps = 3e-4 * np.array([0.3, 1.0, 1.0, 1.0])[:, None] * np.eye(4)
    moved = jnp.concatenate([design + sign * part * steps for part in (1.0, 0.5) for sign in (1.0, -1.0)])
    wide, narrow = np.split(np.asarray(jax.jit(jax.vmap(energy_and_ratio))(moved)), 2)
    coarse, fine = ((each[:4] - each[4:]).T / np.diag(steps) for each in (0.5 * wide, narrow))
    central = (4.0 * fine - coarse) / 3.0
    scale = np.where(central == 0.0, 1.0, np.abs(central))
    return Evidence(float(np.max(np.abs(exact - central) / scale)), 0.0, 1e-6)
