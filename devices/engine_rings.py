"""What the rings of an optical engine pass of its lines, and the powers that arrive at one detector.

A channel in the middle of the grid stands for all: each of its neighbours is at a multiple of the spacing, and all of
them are counted on both buses, more than any channel has. Rings are exact (`photonics_core.kernels.rings`) in the
detuning over their free spectral range; the dispersion of couplers over the grid is left out.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.engine_point import EnginePoint
from photonics_core.devices.engine_spec import MOST_CHANNELS
from photonics_core.devices.engine_technology import CENTER
from photonics_core.kernels import rings
from photonics_core.scattering import power
from photonics_core.units import SPEED_OF_LIGHT, power_ratio

#: Guide between two rings in um.
RING_PITCH = 50.0
#: Neighbours of the line in the middle, the nearest first: 1, -1, 2, -2, ...
_PLACES = np.array([(k // 2 + 1) * (1 if k % 2 == 0 else -1) for k in range(MOST_CHANNELS - 1)], float)


class EngineRing(NamedTuple):
    """Coupling angles of a ring, the field loss exponent of a round trip, and its free spectral range in um."""

    angles: tuple[jax.Array, jax.Array]
    loss: jax.Array
    fsr: jax.Array

    @property
    def fsr_thz(self) -> jax.Array:
        """Free spectral range in THz."""
        return self.fsr * SPEED_OF_LIGHT / CENTER**2

    def amplitudes(self, distance: jax.Array) -> rings.AddDropAmplitudes:
        """Of light that is a `distance` in um below the resonance."""
        none = jnp.zeros_like(self.loss)
        return rings.add_drop(*self.angles, none, none, self.loss, 0.5 * distance / self.fsr)

    def linewidth_thz(self) -> jax.Array:
        """Full width at half maximum in THz."""
        gap = rings.amplitude_gap(*self.angles, self.loss)
        return self.fsr_thz * gap / (math.pi * jnp.sqrt(1.0 - gap))


class EngineRings(NamedTuple):
    """The modulators and the filters of a point, and the spacing of the lines in um."""

    modulator: EngineRing
    filter: EngineRing
    spacing: jax.Array

    @classmethod
    def of(cls, point: EnginePoint) -> "EngineRings":
        """Rings of the radius and the gaps of a design, with the losses of its technology."""
        design, technology = point.design, point.technology
        length = 2.0 * math.pi * jnp.asarray(design.radius)
        gaps = (design.input_gap, design.drop_gap, design.filter_gap)
        first, second, third = (silicon.o_band_coupler(gap, design.radius).coupling_angle(CENTER) for gap in gaps)
        fsr = CENTER**2 / (silicon.O_BAND_GROUP_INDEX * length)
        losses = technology.modulator_loss_db_cm(design.radius), technology.filter_loss_db_cm(design.radius)
        modulated, plain = (0.5 * attenuation(each) * length for each in losses)
        spacing = 1e-3 * CENTER**2 / SPEED_OF_LIGHT * jnp.asarray(point.spacing_ghz, length.dtype)
        return cls(EngineRing((first, second), modulated, fsr), EngineRing((third, third), plain, fsr), spacing)


class ArrivingPowers(NamedTuple):
    """Power in mW at a detector.

    Attributes:
        levels: of the own line, shape [M].
        spans: sum of the spans that the neighbours add, leakage and intermodulation.
        others: mean of what leaks.
    """

    levels: jax.Array
    spans: jax.Array
    others: jax.Array


def attenuation(loss_db_cm: Any) -> Any:
    """Power attenuation in 1/um of a loss in dB/cm."""
    return loss_db_cm * (1e-4 * math.log(10.0) / 10.0)


def arriving_powers(point: EnginePoint, found: EngineRings, error: jax.Array) -> ArrivingPowers:
    """Powers of the line in the middle, all modulators off their places by an error in um."""
    design, technology = point.design, point.technology
    places = jnp.asarray(_PLACES, error.dtype)
    is_there = jnp.arange(MOST_CHANNELS - 1, dtype=error.dtype) < point.channels - 1.0
    away = places * found.spacing
    states = design.detuning + error + 1e-6 * technology.drive_shift_pm * jnp.asarray([0.0, 1.0])
    own = power(found.modulator.amplitudes(states).through)
    passed = power(found.modulator.amplitudes(away[:, None] + states[None]).through)
    mean, change = jnp.mean(passed, axis=-1), jnp.abs(passed[:, 1] - passed[:, 0])
    filters = found.filter.amplitudes(away)
    before = jnp.prod(jnp.where(is_there, mean * power(filters.through), 1.0))
    guide = jnp.exp(-2.0 * RING_PITCH * attenuation(technology.loss_db_cm) * (point.channels - 1.0))
    chain = design.line_power * power_ratio(-3.0 * technology.joint_db - point.margin_db) * before * guide
    dropped = power(found.filter.amplitudes(jnp.zeros_like(error)).drop)
    steps = jnp.linspace(0.0, 1.0, point.levels)
    levels = chain * dropped * (own[0] + (own[1] - own[0]) * steps)
    leaking = jnp.where(is_there, power(filters.drop), 0.0)
    intermodulated = jnp.sum(jnp.where(is_there, change / mean, 0.0)) * jnp.mean(levels)
    leaked = chain * jnp.sum(leaking) * jnp.abs(own[1] - own[0])
    return ArrivingPowers(levels, leaked + intermodulated, chain * jnp.sum(leaking) * jnp.mean(own))
