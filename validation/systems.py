"""Published co-packaged links: their arithmetic, and what this package's link gives for the same numbers.

Figures of energy and density differ in what they count; each case says which reading its figure needs. The energies of
the model stand as ranges: what a statement counts is seldom said, and its device parameters are not all published.
"""

from typing import Any

import jax
import numpy as np

from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.detector import Photodiode, Receiver
from photonics_core.devices.laser import LaserArray
from photonics_core.devices.link import WdmLink
from photonics_core.devices.link_energy import (
    LinkElectronics,
    LinkEnergy,
    areal_density,
    link_energy_per_bit,
    link_latency,
    row_area,
    shoreline_density,
)
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.waveguide import Waveguide
from photonics_core.devices.wdm import RingReceiver
from photonics_core.energy import drive_energy, heater_energy
from photonics_core.error_correction import KP4
from photonics_core.index import LinearIndex
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

_OCI = "Intel, OFC 2024, by Converge Digest and Electronic Design (2024), vendor statement"
_BAILLY = "R. Pancholy, Broadcom, in Laser Focus World on Bailly, vendor statement"
_DAUDLIN = (
    "S. Daudlin et al., Nature Photonics (2025), 10.1038/s41566-025-01633-0, abstract; arXiv:2310.01615, abstract"
)
_WADE = "M. Wade et al., OFC 2021: 8 ports of 8 lines of 16 Gb/s, 4.96 to 5.56 pJ/bit of both chiplets, without lasers"


def eight_line_link(symbol_rate_gbd: float, line_power: float, detector: Receiver, **options: Any) -> WdmLink:
    """Eight ring modulators and filters on lines 200 GHz apart about 1310 nm.

    Radii of 5 um, Q of some 5000, a swing of 80 pm and heaters of 0.25 nm/mW are assumed, none of them published with
    the systems below.
    """
    index = LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, thermo_optic=2.1e-4, thermo_optic_slope=2e-7, loss_db_cm=10.0)
    lines = wavelength_grid(1.31, 200.0, 8)

    def bus(first: float, second: float) -> RingBus:
        couplers = PointCoupler.from_power(first), PointCoupler.from_power(second)
        return RingBus([AddDropRing(5.0 + 0.008 * k, *couplers, index) for k in range(8)], Waveguide(50.0, index))

    transmitter = RingTransmitter(bus(0.05, 0.01), lines, np.full(8, 3e-5), 8e-5, 0.25)
    receiver = RingReceiver(bus(0.08, 0.08), lines, heater_efficiency=0.25)
    laser = LaserArray(lines, line_power, efficiency=0.1)
    return WdmLink(laser, transmitter, receiver, detector, symbol_rate_gbd, **options)


def compute_interconnect() -> tuple[WdmLink, LinkEnergy]:
    """The link of 8 lines of 32 Gb/s with assumed electronics, and its energy by part at 330 K."""
    detector = Receiver(Photodiode(0.9), 15.0, 0.022, energy_fj_bit=500.0)
    link = eight_line_link(32.0, 2.0, detector, length_m=100.0)
    electronics = LinkElectronics(
        50.0, 2.0, driver_fj_bit=300.0, lock_power=1.0, clock_fj_bit=300.0, serdes_fj_bit=1500.0
    )
    return link, jax.jit(lambda t: link_energy_per_bit(link, electronics, t))(330.0)


def _rate_gbps(symbol_rate_gbd: float, **options: Any) -> float:
    """Bits of data per ns of eight lines in one direction."""
    detector = Receiver(Photodiode(0.9), 15.0, 0.022)
    return float(eight_line_link(symbol_rate_gbd, 1.0, detector, **options).data_rate_gbps)


def _both_ways_gbps() -> float:
    """Eight pairs of fibres with eight lines of 32 Gb/s, both ways."""
    return 2 * 8 * _rate_gbps(32.0)


def _port_energy(power_w: float) -> float:
    """Energy in pJ per bit of data of a port of eight lanes of 53.125 GBd, four levels and KP4, in one direction.

    Of what the code leaves of the line's bits 256 of 257 are data, the rest is of the transcoder: 800 Gb/s.
    """
    rate = _rate_gbps(53.125, levels=4, code=KP4) * 256.0 / 257.0
    return 1e-3 * float(heater_energy(1e3 * power_w, rate))


@case("systems.interconnect_rate", source=_OCI, kind="analytic")
def interconnect_rate() -> Evidence:
    """Rate both ways of 8 pairs of fibres with 8 lines of 32 Gb/s, rounded to 4 Tb/s in statements."""
    return Evidence(_both_ways_gbps() / 1e3, 4.096, 1e-12, "Tb/s")


@case("systems.interconnect_power", source=f"{_OCI}; 5 pJ/bit over the bits of both directions", kind="analytic")
def interconnect_power() -> Evidence:
    """Power in W at 5 pJ/bit: 20.5 W for the bits both ways; read as one way only it would be 10.2 W."""
    # Whatever takes it: a power of so much for each bit.
    whole = Receiver(Photodiode(0.9), 15.0, 0.022, energy_fj_bit=5e3)
    return Evidence(1e-3 * float(whole.electrical_power(_both_ways_gbps())), 20.48, 1e-4, "W")


@case(
    "systems.interconnect_shoreline",
    source=f"{_OCI}; a pitch of 127 um, data fibres of one direction alone",
    kind="analytic",
)
def interconnect_shoreline() -> Evidence:
    """Density in Tb/s per mm of fibres of 8 lines of 32 Gb/s; half of it over the fibres in and out."""
    return Evidence(float(shoreline_density(8 * 32.0, 127.0)), 2.0157480315, 1e-9, "Tb/s/mm")


@case("systems.interconnect_shoreline_both_ways", source="as above, fibres in and out, bits both ways", kind="analytic")
def interconnect_shoreline_both_ways() -> Evidence:
    """Bits of both directions over the fibres of both are as dense as those of one over its own."""
    both = shoreline_density(8 * 32.0, 127.0, fibres=2.0, directions=2)
    return Evidence(float(both - shoreline_density(8 * 32.0, 127.0)), 0.0, 1e-12, "Tb/s/mm")


@case("systems.switch_port_energy", source=f"{_BAILLY}: 5.5 W per 800 Gb/s", kind="analytic")
def switch_port_energy() -> Evidence:
    """Energy over the bits of one direction, 6.9 pJ/bit; over those of both it would be 3.4."""
    return Evidence(_port_energy(5.5), 6.875, 1e-4, "pJ/bit")


@case("systems.pluggable_energy", source=f"{_BAILLY}: 14 to 16 W per 800 Gb/s; about 15 pJ/bit by Intel", kind="range")
def pluggable_energy() -> Evidence:
    """The mean of what pluggable modules take over the bits of one direction."""
    return Evidence(_port_energy(15.0), (15.0, 20.0), 0.0, "pJ/bit")


@case("systems.stacked_energy", source=_DAUDLIN, kind="analytic")
def stacked_energy() -> Evidence:
    """Front ends of transmitter and receiver together: 120 fJ/bit without laser, heaters, clocks and SerDes."""
    link = eight_line_link(10.0, 1.0, Receiver(Photodiode(0.9), 15.0, 0.007, energy_fj_bit=70.0))
    # 10 fF at 1 V are 2.5 of the transmitter's 50 fJ/bit.
    electronics = LinkElectronics(10.0, 1.0, driver_fj_bit=47.5, lock_power=1.0, clock_fj_bit=30.0, serdes_fj_bit=99.0)
    energy = jax.jit(lambda t: link_energy_per_bit(link, electronics, t))(310.0)
    return Evidence(float(energy.front_ends), 120.0, 1e-3, "fJ/bit")


@case("systems.stacked_rate", source=_DAUDLIN, kind="analytic")
def stacked_rate() -> Evidence:
    """80 channels of 10 Gb/s in one direction."""
    return Evidence(10 * _rate_gbps(10.0), 800.0, 1e-9, "Gb/s")


@case("systems.stacked_density", source=f"{_DAUDLIN}: 5.3 Tb/s/mm2 and a footprint of 0.3 mm2", kind="published")
def stacked_density() -> Evidence:
    """Density over the combined footprint of both arrays, each bit counted at both ends.

    One direction over the whole 0.3 mm2 would be 2.7 Tb/s/mm2; the preprint's 0.32 mm2 gives 5.0. The published 5.3 is
    therefore 800 Gb/s over one half, some 0.15 mm2.
    """
    return Evidence(float(areal_density(800.0, 0.3e6, directions=2)), 5.3, 0.05, "Tb/s/mm2")


@case("systems.stacked_front_ends", source=f"{_DAUDLIN}; capacitance and swing assumed", kind="range")
@in_float64
def stacked_front_ends() -> Evidence:
    """Charge of a modulator, pad and bump of 10 to 60 fF at 1 to 2 V, in fJ/bit, within the transmitter's 50.

    What is left of the 50 is logic of the driver, which is no part of this model.
    """
    low, middle = (float(drive_energy(*each)) for each in ((10.0, 1.0), (30.0, 1.5)))
    return Evidence(middle, (low, 50.0), 0.0, "fJ/bit")


@case("systems.wade_rate", source=_WADE, kind="analytic")
def wade_rate() -> Evidence:
    """Rate in one direction: 1.024 Tb/s, the 1 Tb/s of its title."""
    return Evidence(8 * _rate_gbps(16.0) / 1e3, 1.024, 1e-12, "Tb/s")


@case("systems.interconnect_energy", source=f"{_OCI}; electronics assumed, see the text", kind="range")
@in_float64
def interconnect_energy() -> Evidence:
    """Energy of the whole link of this package in pJ/bit, between a third and all of the stated 5.

    Assumed: lasers of 10 %, 2 mW a line, heaters of 0.25 nm/mW on rings that lack half a spectral range on average,
    SerDes of 1.5 pJ/bit and clocks of 0.3. What is stated holds logic of PCI Express, regulators and a margin.
    """
    return Evidence(float(compute_interconnect()[1].total) / 1e3, (5.0 / 3.0, 5.0), 0.0, "pJ/bit")


@case(
    "systems.interconnect_reaches",
    source=f"{_OCI}: natively at 32 Gb/s over 100 m; devices assumed",
    kind="range",
    is_long=True,
)
@in_float64
def interconnect_reaches() -> Evidence:
    """Margin in dB of the worst line for an error ratio of 1e-12, with 2 mW a line and joints of 1.5 dB."""
    link, _ = compute_interconnect()
    rows = jax.jit(lambda t: link.budget(t))(330.0)
    return Evidence(float(np.min(np.asarray(rows["margin"]))), (0.0, 12.0), 0.0, "dB")


@case(
    "systems.interconnect_latency",
    source="less than 10 ns beside the time of flight (Intel, second hand)",
    kind="range",
)
@in_float64
def interconnect_latency() -> Evidence:
    """Time in ns to put a block of 256 bits on eight lines: what of the stated 10 ns is the link's own."""
    link, _ = compute_interconnect()
    latency = link_latency(link)
    return Evidence(float(latency.serialisation + latency.code) / 1e3, (0.0, 10.0), 0.0, "ns")


@case(
    "systems.ring_row_density",
    source="0.5 to 1 Tb/s/mm2 of ring modulators (arXiv:2601.14342, second hand)",
    kind="range",
)
def ring_row_density() -> Evidence:
    """Density in Tb/s per mm2 of 8 modulators of 32 Gb/s and of their filters with pads of 45 um pitch.

    The figure counts pads and rings of both ends; 0.5 to 1 counts drivers and lanes of the package too. Rings without
    pads would be some twenty times as dense.
    """
    return Evidence(float(areal_density(256.0, 2.0 * row_area(8))), (0.5, 10.0), 0.0, "Tb/s/mm2")
