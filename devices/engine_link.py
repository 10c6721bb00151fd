"""The whole link of a sized optical engine, ring by ring: its design looked at by `photonics_core.devices.link`.

The engine's own figures are those of one channel that stands for all, and a bound of the error ratio. The link counts
each line with the neighbours that it has, disturbances by their statistics, couplers with their dispersion, and the
phase noise of its lasers.
"""

import dataclasses
from typing import Any

import numpy as np

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.bus import RingBus
from photonics_core.devices.engine import receiver_of
from photonics_core.devices.engine_optimum import SizedEngine
from photonics_core.devices.engine_rings import RING_PITCH
from photonics_core.devices.engine_spec import CODES
from photonics_core.devices.engine_technology import CENTER, RADIUS0
from photonics_core.devices.laser import LaserArray
from photonics_core.devices.link import WdmLink
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.waveguide import Waveguide
from photonics_core.devices.wdm import RingReceiver
from photonics_core.kernels.checks import check_kind
from photonics_core.units import REFERENCE_TEMPERATURE


def engine_link(
    engine: SizedEngine,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    center: float = CENTER,
    linewidth_mhz: Any = 1.0,
    lock_error_pm: Any = 0.0,
) -> WdmLink:
    """One link of an engine, the margin of its specification in the joint of the receiver.

    Args:
        engine: a candidate with its design.
        temperature: of the receiver's electronics in K, for their noise.
        center: wavelength in um of the middle of the grid.
        linewidth_mhz: of the lasers.
        lock_error_pm: by which all modulators are off their places in pm.

    Raises:
        ValueError: for an engine of another kind.
    """
    check_kind("engine", engine, SizedEngine)
    candidate, point = engine.candidate, engine.point
    design, technology = point.design, point.technology
    lines = wavelength_grid(center, candidate.spacing_ghz, candidate.channels)
    modulators, filters = (
        _bus(engine, gaps, loss)
        for gaps, loss in (
            ((design.input_gap, design.drop_gap), technology.modulator_loss_db_cm(design.radius)),
            ((design.filter_gap, design.filter_gap), technology.filter_loss_db_cm(design.radius)),
        )
    )
    heater = technology.heater_nm_mw * RADIUS0 / design.radius
    places = np.full(candidate.channels, design.detuning + 1e-6 * lock_error_pm)
    transmitter = RingTransmitter(modulators, lines, places, 1e-6 * technology.drive_shift_pm, heater)
    receiver = RingReceiver(filters, lines, heater_efficiency=heater)
    laser = LaserArray(
        lines,
        design.line_power,
        rin_db_hz=technology.rin_db_hz,
        linewidth_mhz=linewidth_mhz,
        efficiency=technology.laser_efficiency,
    )
    return WdmLink(
        laser,
        transmitter,
        receiver,
        receiver_of(point, temperature),
        candidate.symbol_rate_gbd,
        levels=candidate.levels,
        code=CODES[candidate.code],
        input_joint_db=technology.joint_db,
        output_joint_db=technology.joint_db,
        receiver_joint_db=technology.joint_db + point.margin_db,
        length_m=0.0,
        modulator_bandwidth=technology.driver_bandwidth,
    )


def _bus(engine: SizedEngine, gaps: tuple[Any, Any], loss_db_cm: Any) -> RingBus:
    """Rings alike, one for each line: the heaters take them to their lines."""
    radius, index = engine.point.design.radius, silicon.o_band_index()
    first, second = (silicon.o_band_coupler(gap, radius) for gap in gaps)
    ring = AddDropRing(radius, first, second, dataclasses.replace(index, loss_db_cm=loss_db_cm))
    straight = dataclasses.replace(index, loss_db_cm=engine.point.technology.loss_db_cm)
    return RingBus([ring] * engine.candidate.channels, Waveguide(RING_PITCH, straight))
