"""Intensity noise of each received level: that of the laser, and what its phase noise becomes behind a ring modulator.

A ring modulator holds the light on a flank, and passes the carrier and its noise differently. A line of width dv
(Lorentzian, full) has the relative intensity noise behind an amplitude response H

    RIN(f) = (dv / pi) |H_+ H_0* - H_-* H_0|^2 / (|H_0|^4 f^2),        H_+- = H(v +- f),

see `photonics_core.devices.laser_noise`. Well within the ring's width it is (dv / pi) (d ln T / dv)^2, but the band of
a receiver is as wide as the ring: of a carrier deep in the notch little is left, turned in phase, while noise some GHz
beside it passes whole. So it is averaged over the receiver's band; the form of low frequencies is ten times too small
for such a level. Only the own modulator counts: filters on their lines are symmetric, and turn no phase noise into
intensity noise; what they take of noise far from the line is left out, as it is for that of the laser.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.laser_noise import MHZ, total_rin_db_hz
from photonics_core.devices.modulation_levels import level_drives
from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.kernels.checks import check_positive, check_range
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

#: Points of Gauss's rule over the band.
POINTS = 12
#: Power of a level over that of the highest below which noise is taken over this floor: light that is out has no noise
#: of its own, and a relative one would be the ratio of two zeros.
_DARK = 1e-6


def modulator_rin(
    transmitter: RingTransmitter,
    linewidth_mhz: Any,
    bandwidth: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    levels: int = 2,
) -> jax.Array:
    """Relative intensity noise in 1/THz that each modulator makes of its line's width, by level, shape [N, M].

    The mean over the band of the density that the module's head gives.

    Args:
        transmitter: the modulators, held at their places beside their lines.
        linewidth_mhz: width of each line in MHz, a number or shape [N].
        bandwidth: noise bandwidth of the receiver in THz, a number.
        temperature: in K.
        levels: 2 or 4.

    Raises:
        ValueError: for a width below zero, a bandwidth that is not above zero, or other levels.
    """
    check_range("linewidth_mhz", linewidth_mhz, 0.0, np.inf, "MHz")
    check_positive("bandwidth", bandwidth, "THz")
    drives = level_drives(transmitter, temperature, levels=levels)
    nodes, weights = (jnp.asarray(each, drives.dtype) for each in np.polynomial.legendre.leggauss(POINTS))
    band = 0.5 * jnp.asarray(bandwidth, drives.dtype) * (1.0 + nodes)
    middle, above, below = (_passed(transmitter, temperature, drives, sign * band) for sign in (0.0, 1.0, -1.0))
    beat = above * jnp.conj(middle) - jnp.conj(below) * middle
    density = (beat.real**2 + beat.imag**2) @ (0.5 * weights / band**2)
    power = (middle.real**2 + middle.imag**2)[..., 0]
    shown = jnp.maximum(power, _DARK * power[:, -1:])
    width = jnp.broadcast_to(jnp.asarray(linewidth_mhz, drives.dtype), drives.shape[:1])[:, None]
    return MHZ / math.pi * width * density / shown**2


def level_rin_db_hz(rin_db_hz: Any, added: jax.Array) -> jax.Array:
    """Relative intensity noise in dB/Hz of each level: that of each line, [N], and one `added` in 1/THz, [N, M]."""
    return total_rin_db_hz(jnp.asarray(rin_db_hz, added.dtype)[..., None], added=added)


def _passed(transmitter: RingTransmitter, temperature: Any, drives: jax.Array, away: jax.Array) -> jax.Array:
    """Amplitude that each ring passes of light at a distance in THz from its line, at each level, [N, M, F]."""
    rings, lines = transmitter.bus.rings, jnp.asarray(transmitter.lines)

    def one(ring: Any, line: Any, path: Any, anchor: Any) -> jax.Array:
        # A frequency further is a round trip longer, by turns = f times its time: so float32 keeps its digits.
        longer = path + line * away * (ring.round_trip_time(line) + path / SPEED_OF_LIGHT)
        return ring.amplitudes(line, temperature, longer, anchor).through

    paths = jax.vmap(lambda driven: transmitter.extra_path(temperature, driven))(drives.T).T
    by_level = jax.vmap(one, in_axes=(None, None, 0, None))
    return jax.vmap(by_level)(rings, lines, paths, rings.anchor())
