"""Energy and error ratio of one candidate of an optical engine, smooth in all that is continuous.

A channel in the middle of the grid stands for all: each of its neighbours is at a multiple of the spacing, and all of
them are counted on both buses, so that no channel is worse. Rings are exact (`photonics_core.kernels.rings`) in the
detuning over their free spectral range; the dispersion of couplers over the grid is left out. With P_m the own levels
in mW, s_k the spans of what the neighbours add (leakage and intermodulation) and a the part of the last symbol in the
present one, as in `photonics_core.devices.link_budget`, the worst eye between levels m and m + 1 is

    q_m = R [(1 - a)(P_{m+1} - P_m) - sum_k s_k - a (P_M - P_1)] / (sigma_m + sigma_{m+1}),

all disturbances at their worst at once: the error ratio 2 sum_m Q(q_m) / (M log2 M) is never below that of their
statistics, but for leaps over more than one level. The heaters follow one resonance of each ring over all
temperatures.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.detector import Photodiode, Receiver
from photonics_core.devices.engine_spec import CODES, MOST_CHANNELS, Candidate, EngineSpec, EngineTechnology
from photonics_core.devices.laser import LaserArray
from photonics_core.devices.link_energy import LinkEnergy
from photonics_core.energy import drive_energy
from photonics_core.kernels import rings
from photonics_core.kernels.gaussian_tail import inverse_log_gaussian_tail, log_gaussian_tail
from photonics_core.runtime import as_leaf
from photonics_core.scattering import power
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT, power_ratio

#: Middle of the grid in um, symbol rate in GBd at which the technology's numbers hold, radius in um likewise.
CENTER, RATE0, RADIUS0 = 1.31, 32.0, 5.0
#: Guide between two rings in um.
RING_PITCH = 50.0
#: Temperatures at which an engine is looked at.
TEMPERATURES = 3
#: A mW over a Gb/s in fJ per bit.
_FJ = 1e3
#: Neighbours of the line in the middle, the nearest first: 1, -1, 2, -2, ...
_PLACES = np.array([(k // 2 + 1) * (1 if k % 2 == 0 else -1) for k in range(MOST_CHANNELS - 1)], float)


class EngineDesign(eqx.Module):
    """The continuous choices.

    Args:
        radius: of all rings in um.
        input_gap, drop_gap: of the modulators' couplers in um.
        filter_gap: of both couplers of the filters in um.
        detuning: of the modulators' resonance in state "0" above the line in um.
        line_power: of a line out of its laser for one fibre in mW.
    """

    radius: Any = eqx.field(converter=as_leaf, default=5.0)
    input_gap: Any = eqx.field(converter=as_leaf, default=0.15)
    drop_gap: Any = eqx.field(converter=as_leaf, default=0.22)
    filter_gap: Any = eqx.field(converter=as_leaf, default=0.14)
    detuning: Any = eqx.field(converter=as_leaf, default=4e-5)
    line_power: Any = eqx.field(converter=as_leaf, default=4.0)


class EnginePoint(eqx.Module):
    """A candidate with its design and all numbers that its figures depend on; `of` makes one.

    Attributes:
        design, technology: see there.
        channels, spacing_ghz, symbol_rate_gbd, overhead, has_code: of the candidate, as numbers.
        required_q: least q_m.
        temperatures, laser_temperatures: in K, shape [T], ascending.
        most_heater_power: in mW.
        margin_db: by which the light at the detectors is taken to be weaker, in dB.
        levels: of a symbol.
    """

    design: EngineDesign
    technology: EngineTechnology
    channels: Any = eqx.field(converter=as_leaf)
    spacing_ghz: Any = eqx.field(converter=as_leaf)
    symbol_rate_gbd: Any = eqx.field(converter=as_leaf)
    overhead: Any = eqx.field(converter=as_leaf)
    has_code: Any = eqx.field(converter=as_leaf)
    required_q: Any = eqx.field(converter=as_leaf)
    temperatures: Any = eqx.field(converter=as_leaf)
    laser_temperatures: Any = eqx.field(converter=as_leaf)
    most_heater_power: Any = eqx.field(converter=as_leaf)
    margin_db: Any = eqx.field(converter=as_leaf)
    levels: int = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        candidate: Candidate,
        spec: EngineSpec,
        technology: EngineTechnology | None = None,
        design: EngineDesign | None = None,
    ) -> "EnginePoint":
        """The point of a candidate; without a design that of `EngineDesign`."""
        return cls(
            EngineDesign() if design is None else design,
            EngineTechnology() if technology is None else technology,
            float(candidate.channels),
            candidate.spacing_ghz,
            candidate.symbol_rate_gbd,
            candidate.overhead,
            0.0 if candidate.code == "none" else 1.0,
            required_eye(candidate, spec.log10_target),
            np.linspace(*spec.temperatures_k, TEMPERATURES),
            np.linspace(*spec.laser_temperatures_k, TEMPERATURES),
            spec.most_heater_power,
            spec.margin_db,
            candidate.levels,
        )


def required_eye(candidate: Candidate, log10_target: float) -> float:
    """Least q_m of a candidate for a target of the error ratio, behind its code if it has one."""
    code = CODES[candidate.code]
    before = log10_target if code is None else float(code.threshold(log10_target))
    return float(inverse_log_gaussian_tail(jnp.asarray(math.log(10.0) * before - _log_weight(candidate.levels))))


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
    rings_of = _Rings.of(point)
    powers, spans, others = jax.vmap(lambda error: _powers(point, rings_of, error))(errors)
    memory = _memory(point, rings_of)

    def eyes_at(temperature: jax.Array) -> jax.Array:
        detector = _detector(point, temperature)
        noise = detector.noise(powers + others[:, None], point.technology.rin_db_hz)
        whole = powers[:, -1:] - powers[:, :1]
        opening = (1.0 - memory) * jnp.diff(powers, axis=-1) - spans[:, None] - memory * whole
        return (point.technology.responsivity * opening / (noise[:, 1:] + noise[:, :-1]))[:2]

    temperatures = jnp.asarray(point.temperatures, powers.dtype)
    eyes = jax.vmap(eyes_at)(temperatures)
    ratio = jax.nn.logsumexp(log_gaussian_tail(eyes), axis=-1) + _log_weight(point.levels, 1)
    heaters = jax.vmap(lambda t: heater_power(point, t))(temperatures)
    return EngineFigures(
        _energy(point, heaters),
        eyes,
        ratio / math.log(10.0),
        heaters,
        rings_of.fsr_thz,
        memory,
        powers[2],
        spans[2] / (powers[2, -1] - powers[2, 0]),
    )


def losses_db(point: EnginePoint) -> dict[str, jax.Array]:
    """Loss in dB of the line in the middle, part by part, its ring in the last state and its neighbours at their mean.

    They add up to the ratio of the line's power and the highest of `EngineFigures.powers`.
    """
    ring, zero = _Rings.of(point), jnp.zeros(())
    shift = 1e-6 * jnp.asarray(point.technology.drive_shift_pm)
    own = power(ring.amplitudes(ring.modulator, point.design.detuning + shift).through)
    dropped = power(ring.amplitudes(ring.filter, zero).drop)
    joint = jnp.asarray(point.technology.joint_db)
    known = -10.0 * jnp.log10(jnp.stack([own, dropped]))
    whole = -10.0 * jnp.log10(_powers(point, ring, zero)[0][-1] / point.design.line_power)
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


class _Rings(NamedTuple):
    """Angles and loss of the rings of a point; the spacing and the free spectral range in um."""

    modulator: tuple[jax.Array, jax.Array]
    filter: tuple[jax.Array, jax.Array]
    loss: jax.Array
    spacing: jax.Array
    fsr: jax.Array

    @classmethod
    def of(cls, point: EnginePoint) -> "_Rings":
        design = point.design
        length = 2.0 * math.pi * jnp.asarray(design.radius)
        gaps = (design.input_gap, design.drop_gap, design.filter_gap)
        first, second, third = (silicon.o_band_coupler(gap, design.radius).coupling_angle(CENTER) for gap in gaps)
        loss = 0.5 * _attenuation(point) * length
        spacing = 1e-3 * CENTER**2 / SPEED_OF_LIGHT * jnp.asarray(point.spacing_ghz, length.dtype)
        return cls((first, second), (third, third), loss, spacing, CENTER**2 / (silicon.O_BAND_GROUP_INDEX * length))

    @property
    def fsr_thz(self) -> jax.Array:
        return self.fsr * SPEED_OF_LIGHT / CENTER**2

    def amplitudes(self, angles: tuple[jax.Array, jax.Array], distance: jax.Array) -> rings.AddDropAmplitudes:
        """Of a ring whose resonance is a `distance` in um above the light."""
        none = jnp.zeros_like(self.loss)
        return rings.add_drop(*angles, none, none, self.loss, 0.5 * distance / self.fsr)

    def linewidth_thz(self, angles: tuple[jax.Array, jax.Array]) -> jax.Array:
        """Full width at half maximum in THz."""
        gap = rings.amplitude_gap(*angles, self.loss)
        return self.fsr_thz * gap / (math.pi * jnp.sqrt(1.0 - gap))


def _powers(point: EnginePoint, ring: _Rings, error: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Own levels [M] in mW at the detector, the sum of the spans that neighbours add, and their mean."""
    design, technology = point.design, point.technology
    places = jnp.asarray(_PLACES, error.dtype)
    is_there = jnp.arange(MOST_CHANNELS - 1, dtype=error.dtype) < point.channels - 1.0
    away = places * ring.spacing
    states = design.detuning + error + 1e-6 * technology.drive_shift_pm * jnp.asarray([0.0, 1.0])
    own = power(ring.amplitudes(ring.modulator, states).through)
    passed = power(ring.amplitudes(ring.modulator, away[:, None] + states[None]).through)
    mean, change = jnp.mean(passed, axis=-1), jnp.abs(passed[:, 1] - passed[:, 0])
    filters = ring.amplitudes(ring.filter, away)
    before = jnp.prod(jnp.where(is_there, mean * power(filters.through), 1.0))
    guide = jnp.exp(-2.0 * RING_PITCH * _attenuation(point) * (point.channels - 1.0))
    chain = design.line_power * power_ratio(-3.0 * technology.joint_db - point.margin_db) * before * guide
    dropped = power(ring.amplitudes(ring.filter, jnp.zeros_like(error)).drop)
    steps = jnp.linspace(0.0, 1.0, point.levels)
    levels = chain * dropped * (own[0] + (own[1] - own[0]) * steps)
    leaking = jnp.where(is_there, power(filters.drop), 0.0)
    intermodulated = jnp.sum(jnp.where(is_there, change / mean, 0.0)) * jnp.mean(levels)
    leaked = chain * jnp.sum(leaking) * jnp.abs(own[1] - own[0])
    return levels, leaked + intermodulated, chain * jnp.sum(leaking) * jnp.mean(own)


def _attenuation(point: EnginePoint) -> Any:
    """Power attenuation of the guides in 1/um."""
    return point.technology.loss_db_cm * (1e-4 * math.log(10.0) / 10.0)


def _memory(point: EnginePoint, ring: _Rings) -> jax.Array:
    """Part a = exp(-2 pi B T) of the last symbol in the present one, B as in `WdmLink.memory`."""
    rate = 1e-3 * jnp.asarray(point.symbol_rate_gbd)
    inverse = ring.linewidth_thz(ring.modulator) ** -2 + (0.5 * ring.linewidth_thz(ring.filter)) ** -2
    inverse = inverse + point.technology.driver_bandwidth**-2.0
    inverse = inverse + _detector(point, REFERENCE_TEMPERATURE).total_bandwidth ** -2.0
    return jnp.exp(-2.0 * math.pi / (rate * jnp.sqrt(inverse)))


def _detector(point: EnginePoint, temperature: Any) -> Receiver:
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


def _log_weight(levels: int, eyes: int | None = None) -> float:
    """Logarithm of 2 / (M log2 M), times the number of eyes that are alike: all M - 1 by default."""
    return math.log(2.0 * (levels - 1 if eyes is None else eyes) / (levels * math.log2(levels)))
