"""Energy per bit of a wavelength-division link by part, its bandwidth density and its latency.

A bit is a bit of data in the one direction of the link: what an error-correction code adds is paid for and not counted.
One end's transmitter and the other end's receiver make the link, so that energies count each part once; an engine with
as many bits in either direction takes twice the power for twice the bits.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.coupled_bus import CoupledRingBus
from photonics_core.devices.link import WdmLink
from photonics_core.devices.polarization_receiver import PolarizationDiverseReceiver
from photonics_core.devices.wdm import RingReceiver
from photonics_core.display import Shown
from photonics_core.energy import drive_energy, heater_energy
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range
from photonics_core.layout_modulator_row import PLAIN_RULES, RowRules
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

#: Group index of standard single-mode fibre at 1310 nm (data sheet of Corning SMF-28, from memory).
FIBRE_GROUP_INDEX = 1.4676
#: 1 mW over 1 Gb/s in fJ (and 1 bit at 1 Gb/s in ps); 1 Gb/s over 1 um in Tb/s per mm, over 1 um^2 in Tb/s per mm^2;
#: 1 m in um.
_FJ, _TBPS_MM, _TBPS_MM2, _METRE = 1e3, 1.0, 1e3, 1e6


class LinkElectronics(Shown):
    """What the electronics of a link take, beyond the receivers, whose energy is in `WdmLink.detector`.

    Args:
        capacitance: that a driver charges for one modulator, junction, pad and bump together, in fF.
        swing: of the drive in V, from the lowest to the highest level.
        driver_fj_bit: what a driver takes beside that charge, in fJ for each bit on the line.
        lock_power: of the control that holds one ring, without its heater, in mW.
        clock_fj_bit: clocks and their recovery, in fJ for each bit on the line.
        serdes_fj_bit: from and to the host's parallel data at both ends, in fJ for each bit on the line; a given.
        code_fj_bit: error correction at both ends, in fJ for each bit of data; counted where the link has a code.
        cooling: electrical power of the lasers' cooler over theirs; 0 without one.

    Raises:
        ValueError: for a value that is negative or not finite.
    """

    capacitance: Any = eqx.field(converter=as_leaf, default=50.0)
    swing: Any = eqx.field(converter=as_leaf, default=2.0)
    driver_fj_bit: Any = eqx.field(converter=as_leaf, default=0.0)
    lock_power: Any = eqx.field(converter=as_leaf, default=0.0)
    clock_fj_bit: Any = eqx.field(converter=as_leaf, default=0.0)
    serdes_fj_bit: Any = eqx.field(converter=as_leaf, default=0.0)
    code_fj_bit: Any = eqx.field(converter=as_leaf, default=0.0)
    cooling: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        for name, unit in _UNITS.items():
            check_range(name, getattr(self, name), 0.0, np.inf, unit)


_UNITS = {
    "capacitance": "fF",
    "swing": "V",
    "driver_fj_bit": "fJ",
    "lock_power": "mW",
    "clock_fj_bit": "fJ",
    "serdes_fj_bit": "fJ",
    "code_fj_bit": "fJ",
    "cooling": "",
}


class LinkEnergy(NamedTuple):
    """Energy in fJ per bit of data, each part a number.

    Attributes:
        laser: electrical power of the lasers, this link's share of their fibres.
        cooling: of the lasers.
        driver: of the modulators.
        modulator_heaters, filter_heaters: that hold the rings on their lines.
        lock: control of all these heaters.
        receiver: photodiodes' amplifiers and what follows them.
        clock, serdes, code: as in `LinkElectronics`.
    """

    laser: jax.Array
    cooling: jax.Array
    driver: jax.Array
    modulator_heaters: jax.Array
    filter_heaters: jax.Array
    lock: jax.Array
    receiver: jax.Array
    clock: jax.Array
    serdes: jax.Array
    code: jax.Array

    @property
    def total(self) -> jax.Array:
        """All parts together in fJ per bit."""
        return sum(self[1:], self[0])

    @property
    def optics(self) -> jax.Array:
        """Without clocks, SerDes and code: what many papers call the optical link."""
        return self.total - self.clock - self.serdes - self.code

    @property
    def front_ends(self) -> jax.Array:
        """Drivers and receivers alone: what papers on front ends give."""
        return self.driver + self.receiver


def link_energy_per_bit(
    link: WdmLink, electronics: LinkElectronics, temperature: Any = REFERENCE_TEMPERATURE
) -> LinkEnergy:
    """Energy per bit of data of a link by part.

    Args:
        link: the link, one direction.
        electronics: of both ends.
        temperature: of the transmitting chip in K, and of the receiving one where the link does not give its own.

    Raises:
        ValueError: for another device.
    """
    check_kind("link", link, WdmLink)
    check_kind("electronics", electronics, LinkElectronics)
    held = link.on_lines()
    there = temperature if link.receiver_temperature is None else link.receiver_temperature
    # Bits on the line for each bit of data.
    coded = 1.0 if link.code is None else 1.0 + link.code.overhead
    levels = np.arange(link.levels) / (link.levels - 1.0)
    dtype = jnp.result_type(float)

    def held_by(power: Any) -> jax.Array:
        return coded * heater_energy(jnp.mean(power), link.symbol_rate_gbd, levels)

    def given(energy: Any, bits: float = coded) -> jax.Array:
        return bits * jnp.asarray(energy, dtype)

    at = link.laser.temperature0 if link.laser_temperature is None else link.laser_temperature
    electrical = link.laser.electrical_power(at) / link.laser.fibres
    laser = _FJ * electrical / jnp.asarray(link.data_rate_gbps, electrical.dtype)
    return LinkEnergy(
        laser=laser,
        cooling=electronics.cooling * laser,
        driver=coded * drive_energy(electronics.capacitance, electronics.swing, levels)
        + given(electronics.driver_fj_bit),
        modulator_heaters=held_by(held.transmitter.heater_power(temperature)),
        filter_heaters=held_by(held.receiver.heater_power(there)),
        lock=held_by((1.0 + _rings_of_a_filter(link.receiver)) * electronics.lock_power),
        receiver=given(link.detector.energy_fj_bit),
        clock=given(electronics.clock_fj_bit),
        serdes=given(electronics.serdes_fj_bit),
        code=given(electronics.code_fj_bit, 0.0 if link.code is None else 1.0),
    )


def _rings_of_a_filter(receiver: RingReceiver | PolarizationDiverseReceiver) -> int:
    """Rings that are held for one line: coupled ones, and those of both arms where these are separate."""
    if isinstance(receiver, PolarizationDiverseReceiver):
        return _rings_of_a_filter(receiver.receiver) * (2 if receiver.layout == "separate" else 1)
    return receiver.bus.filters.radii.shape[-1] if isinstance(receiver.bus, CoupledRingBus) else 1


def shoreline_density(data_rate_gbps: Any, pitch: Any = 127.0, *, fibres: Any = 1.0, directions: int = 1) -> Any:
    """Bandwidth in Tb/s per mm of a chip's edge.

    Args:
        data_rate_gbps: bits per ns of one link, in its one direction.
        pitch: of the fibres in um.
        fibres: fibres at the edge for the bits that are counted: 1 counts a fibre of data alone; 3 the fibres in, out
            and for the light of the laser.
        directions: 2 to count the bits both ways, of two links.

    Raises:
        ValueError: for a value that is not above zero, or other directions than 1 and 2.
    """
    check_positive("data_rate_gbps", data_rate_gbps, "Gb/s")
    check_positive("pitch", pitch, "um")
    check_positive("fibres", fibres)
    check_choice("directions", directions, (1, 2))
    return _TBPS_MM * directions * data_rate_gbps / (pitch * fibres)


def areal_density(data_rate_gbps: Any, area: Any, *, directions: int = 1) -> Any:
    """Bandwidth in Tb/s per mm^2 of an area in um^2; which area, and whether both ways, is for the user to say.

    Raises:
        ValueError: as for `shoreline_density`.
    """
    check_positive("data_rate_gbps", data_rate_gbps, "Gb/s")
    check_positive("area", area, "um^2")
    check_choice("directions", directions, (1, 2))
    return _TBPS_MM2 * directions * data_rate_gbps / area


def row_area(count: int, rules: RowRules = PLAIN_RULES, *, with_pads: bool = True) -> float:
    """Area in um^2 of a row of ring modulators or filters as `modulator_row_layout` draws it, without its outer guides.

    With pads it is two for each ring, signal and heater, and those of the shared bar, at their pitch; without, the
    frames of the rings alone.

    Raises:
        ValueError: for a count below one.
    """
    check_range("count", count, 1, 10_000)
    frames = count * 2.0 * rules.half * rules.depth
    pads = 2 * count + -(-count // rules.shared)
    return frames + (pads * rules.pad_pitch**2 if with_pads else 0.0)


class LinkLatency(NamedTuple):
    """Time in ps from the first bit of a block in to its last bit out."""

    flight: Any
    serialisation: Any
    code: Any

    @property
    def total(self) -> Any:
        """All together in ps."""
        return self.flight + self.serialisation + self.code


def link_latency(
    link: WdmLink, *, block_bits: float = 256.0, lanes: int | None = None, decoder: Any = 0.0, group_index: Any = None
) -> LinkLatency:
    """Latency of a link: time of flight in the fibre, the bits of a block, and the code.

    Args:
        link: the link.
        block_bits: bits of data that are handed on together, such as a flit; they are dealt over all lanes.
        lanes: lines over which blocks and codewords are dealt; None for all lines of the link.
        decoder: time in ps that decoding takes beyond the reception of a codeword.
        group_index: of the fibre; None for `FIBRE_GROUP_INDEX`.

    Raises:
        ValueError: for a value outside its range.
    """
    check_kind("link", link, WdmLink)
    check_range("block_bits", block_bits, 1.0)
    lanes = link.count if lanes is None else lanes
    check_choice("lanes", lanes, range(1, link.count + 1))
    index = FIBRE_GROUP_INDEX if group_index is None else group_index
    check_positive("group_index", index)
    rate = lanes * link.line_rate_gbps
    code, block = 0.0, block_bits
    if link.code is not None:
        code = link.code.latency(rate, decoder)
        # A decoder waits for whole codewords; those before the last one of a block come first.
        words = -(-block_bits // (link.code.data * link.code.symbol_bits))
        block = (words - 1.0) * link.code.codeword * link.code.symbol_bits
    return LinkLatency(link.length_m * _METRE * index / SPEED_OF_LIGHT, _FJ * block / rate, code)
