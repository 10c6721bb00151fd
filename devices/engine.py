"""Energy and error ratio of one candidate of an optical engine, smooth in all that is continuous.

With P_m the own levels in mW, s_k the spans of what the neighbours add (leakage and intermodulation, see
`photonics_core.devices.engine_rings`) and a the part of the last symbol in the present one, as in
`photonics_core.devices.link_budget`, the worst eye between levels m and m + 1 is

    q_m = R [(1 - a)(P_{m+1} - P_m) - sum_k s_k - a (P_M - P_1)] / (sigma_m + sigma_{m+1}),

all disturbances at their worst at once: the error ratio 2 sum_m Q(q_m) / (M log2 M) is never below that of their
statistics, but for leaps over more than one level. The heaters follow one resonance of each ring over all
temperatures, and only heat: at the highest one they are left with the reserve.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.detector import Photodiode, Receiver
from photonics_core.devices.engine_point import EnginePoint, log_error_weight
from photonics_core.devices.engine_rings import EngineRings, arriving_powers
from photonics_core.devices.engine_technology import CENTER, RADIUS0, RATE0
from photonics_core.devices.laser import LaserArray
from photonics_core.devices.link_energy import LinkEnergy
from photonics_core.energy import drive_energy
from photonics_core.kernels.gaussian_tail import log_gaussian_tail
from photonics_core.scattering import power
from photonics_core.units import REFERENCE_TEMPERATURE

#: A mW over a Gb/s in fJ per bit.
_FJ = 1e3


class EngineFigures(NamedTuple):
    """Figures of a point at its T temperatures.

    Attributes:
        energy: by part in fJ per bit of data, shapes [T].
        eyes: q_m for a lock error below and above, shape [T, 2, M - 1].
        log10_ratio: bound of the bit error ratio before correction, shape [T, 2].
        heater_power: of one modulator in mW, shape [T]; the filter on the other chip takes as much.
        fsr_thz: free spectral range of the rings in THz.
        memory: part of the last symbol in the present one.
        powers: own levels at the detector in mW without lock error, shape [M].
        crosstalk: sum of the spans of all neighbours over that of the own levels.
    """

    energy: LinkEnergy
    eyes: jax.Array
    log10_ratio: jax.Array
    heater_power: jax.Array
    fsr_thz: jax.Array
    memory: jax.Array
    powers: jax.Array
    crosstalk: jax.Array

    @property
    def energy_fj_bit(self) -> jax.Array:
        """Energy in fJ per bit of data, the mean over the temperatures."""
        return jnp.mean(self.energy.total)


def evaluate(point: EnginePoint) -> EngineFigures:
    """Figures of a point; smooth in its design and technology."""
    errors = 1e-6 * point.technology.lock_error_pm * jnp.asarray([-1.0, 1.0, 0.0])
    rings = EngineRings.of(point)
    powers, spans, others = jax.vmap(lambda error: arriving_powers(point, rings, error))(errors)
    memory = _memory(point, rings)

    def eyes_at(temperature: jax.Array) -> jax.Array:
        detector = receiver_of(point, temperature)
        noise = detector.noise(powers + others[:, None], point.technology.rin_db_hz)
        whole = powers[:, -1:] - powers[:, :1]
        opening = (1.0 - memory) * jnp.diff(powers, axis=-1) - spans[:, None] - memory * whole
        return (point.technology.responsivity * opening / (noise[:, 1:] + noise[:, :-1]))[:2]

    temperatures = jnp.asarray(point.temperatures, powers.dtype)
    eyes = jax.vmap(eyes_at)(temperatures)
    ratio = jax.nn.logsumexp(log_gaussian_tail(eyes), axis=-1) + log_error_weight(point.levels)
    heaters = jax.vmap(lambda t: heater_power(point, t))(temperatures)
    return EngineFigures(
        _energy(point, heaters),
        eyes,
        ratio / math.log(10.0),
        heaters,
        rings.modulator.fsr_thz,
        memory,
        powers[2],
        spans[2] / (powers[2, -1] - powers[2, 0]),
    )


def losses_db(point: EnginePoint) -> dict[str, jax.Array]:
    """Loss in dB of the line in the middle, part by part, its ring in the last state and its neighbours at their mean.

    They add up to the ratio of the line's power and the highest of `EngineFigures.powers`.
    """
    rings, zero = EngineRings.of(point), jnp.zeros(())
    shift = 1e-6 * jnp.asarray(point.technology.drive_shift_pm)
    own = power(rings.modulator.amplitudes(point.design.detuning + shift).through)
    dropped = power(rings.filter.amplitudes(zero).drop)
    joint = jnp.asarray(point.technology.joint_db)
    known = -10.0 * jnp.log10(jnp.stack([own, dropped]))
    whole = -10.0 * jnp.log10(arriving_powers(point, rings, zero).levels[-1] / point.design.line_power)
    return {
        "input joint": joint,
        "modulator": known[0],
        "neighbours and guide": whole - 3.0 * joint - known[0] - known[1] - point.margin_db,
        "output joint": joint,
        "receiver joint": joint,
        "filter": known[1],
        "margin": jnp.asarray(point.margin_db),
    }


def heater_power(point: EnginePoint, temperature: Any) -> jax.Array:
    """Power in mW of one heater that follows its resonance from the highest temperature down, with the reserve."""
    index, technology = silicon.o_band_index(), point.technology
    hottest = point.temperatures[-1]
    change = index.effective_index(CENTER, hottest) - index.effective_index(CENTER, temperature)
    shift_nm = 1e3 * CENTER * change / index.group_index(CENTER, temperature) + technology.reserve_nm
    return shift_nm * point.design.radius / (RADIUS0 * technology.heater_nm_mw)


def _memory(point: EnginePoint, rings: EngineRings) -> jax.Array:
    """Part a = exp(-2 pi B T) of the last symbol in the present one, B as in `WdmLink.memory`."""
    rate = 1e-3 * jnp.asarray(point.symbol_rate_gbd)
    inverse = rings.modulator.linewidth_thz() ** -2 + (0.5 * rings.filter.linewidth_thz()) ** -2
    inverse = inverse + point.technology.driver_bandwidth**-2.0
    inverse = inverse + receiver_of(point, REFERENCE_TEMPERATURE).total_bandwidth ** -2.0
    return jnp.exp(-2.0 * math.pi / (rate * jnp.sqrt(inverse)))


def receiver_of(point: EnginePoint, temperature: Any) -> Receiver:
    """Photodiode and amplifier of a point at a temperature in K."""
    technology = point.technology
    density = technology.density_pa * point.symbol_rate_gbd / RATE0 * jnp.sqrt(temperature / REFERENCE_TEMPERATURE)
    bandwidth = 1e-3 * technology.receiver_share * point.symbol_rate_gbd
    return Receiver(Photodiode(technology.responsivity), density, bandwidth)


def _energy(point: EnginePoint, heaters: jax.Array) -> LinkEnergy:
    technology, levels = point.technology, np.linspace(0.0, 1.0, point.levels)
    line_rate = point.symbol_rate_gbd * math.log2(point.levels)
    coded = 1.0 + jnp.asarray(point.overhead, heaters.dtype)
    factor = (point.symbol_rate_gbd / RATE0) ** technology.rate_exponent
    factor = coded * factor * (technology.pam4_factor if point.levels == 4 else 1.0)
    # Electrical power of one line at each temperature of the lasers.
    laser = LaserArray(np.array([CENTER]), point.design.line_power, efficiency=technology.laser_efficiency)
    electrical = jax.vmap(laser.electrical_power)(jnp.asarray(point.laser_temperatures, heaters.dtype))
    held = _FJ * coded * heaters / line_rate

    def given(value: Any) -> jax.Array:
        return jnp.broadcast_to(jnp.asarray(value, heaters.dtype), heaters.shape)

    return LinkEnergy(
        laser=_FJ * coded * electrical / line_rate,
        cooling=given(0.0),
        driver=given(
            coded * drive_energy(technology.capacitance, technology.swing, levels) + factor * technology.driver_fj_bit
        ),
        modulator_heaters=held,
        filter_heaters=held,
        lock=given(2.0 * _FJ * coded * technology.lock_power / line_rate),
        receiver=given(factor * technology.receiver_fj_bit),
        clock=given(factor * technology.clock_fj_bit),
        serdes=given(factor * technology.serdes_fj_bit),
        code=given(point.has_code * technology.code_fj_bit),
    )
