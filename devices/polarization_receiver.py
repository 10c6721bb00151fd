"""Ring receivers behind a fibre, whose state of polarisation is not known: split, rotated and detected together.

A splitter-rotator sends the TE part of the light into arm a and the TM part, turned into TE, into arm b. With the part
x = sin^2 of crosstalk and field losses l of the two polarisations before it, the arms get

    a = cos l_TE E_x + i sin l_TM E_y,        b = i sin l_TE E_x + cos l_TM E_y.

Both arms meet the rings, and a detector adds their powers. They arrive from two sides, or at two detectors, so that
their phase does not count. With A and B what the arms bring of a line to the detector, and the Stokes parameters
S1 = cos 2e cos 2a, S3 = sin 2e of azimuth a and ellipticity e, the power is linear in the state,

    P = m_0 + m_1 S_1 + m_3 S_3,       2 m_0 = A (c^2 l_TE^2 + s^2 l_TM^2) + B (s^2 l_TE^2 + c^2 l_TM^2),
    m_3 = c s l_TE l_TM (B - A),       2 m_1 = A (c^2 l_TE^2 - s^2 l_TM^2) + B (s^2 l_TE^2 - c^2 l_TM^2),

so that over all states it runs from m_0 - |m| to m_0 + |m|: these are the eigenvalues of the form of the power in the
field. Crosstalk of a lossless splitter by itself does nothing: it only turns the states.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.wdm import RingReceiver
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_range
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, db, power_ratio

#: How the arms meet the rings.
LAYOUTS = ("loop", "separate")


class PolarizationSplitter(Shown):
    """A polarisation splitter and rotator between a fibre and two arms, both TE, flat in wavelength.

    Args:
        te_loss_db, tm_loss_db: losses in dB of the two polarisations on the way into the splitter.
        arm_loss_db: loss in dB of the arm of the turned light beyond that of the other arm.
        crosstalk_db: power of each polarisation that goes into the other's arm in dB, at most -3.

    Raises:
        ValueError: for a value outside its range.
    """

    te_loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    tm_loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    arm_loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    crosstalk_db: Any = eqx.field(converter=as_leaf, default=-100.0)

    def __check_init__(self) -> None:
        for name in ("te_loss_db", "tm_loss_db", "arm_loss_db"):
            check_range(name, getattr(self, name), 0.0, 200.0, "dB")
        check_range("crosstalk_db", self.crosstalk_db, -200.0, -3.0, "dB")

    def forms(self, first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Coefficients m_0, m_1, m_3 of the power in the Stokes parameters.

        Args:
            first, second: parts A and B of the power of the arms that the detector gets, of one shape.
        """
        te, tm, arm, turned = (
            jnp.asarray(power_ratio(level)).astype(first.dtype)
            for level in (-self.te_loss_db, -self.tm_loss_db, -self.arm_loss_db, self.crosstalk_db)
        )
        kept, second = 1.0 - turned, arm * second
        along, across = first * kept + second * turned, first * turned + second * kept
        mixed = jnp.sqrt(kept * turned * te * tm)
        return 0.5 * (along * te + across * tm), 0.5 * (along * te - across * tm), mixed * (second - first)


class PolarizationDiverseReceiver(Shown):
    """A ring receiver for light of any state of polarisation.

    In a "loop" both arms are the two ends of one bus: light of arm b meets the rings from the other side, the last one
    first, and leaves each at its add port, which goes to the same detector. In the "separate" layout each arm has a bus
    of its own with equal rings, and the two detectors of a line work on one amplifier. Scattering between the two
    directions is left out, and what the rings leave on a loop returns to the fibre.

    Args:
        receiver: the rings and their locks.
        splitter: the splitter and rotator.
        azimuth, ellipticity: of the light's polarisation in rad; 0 and 0 are TE.
        delay: time in ps by which light of arm b comes to the bus after that of arm a.
        layout: "loop" or "separate".

    Raises:
        ValueError: for a value outside its range, or an unknown layout.
    """

    receiver: RingReceiver
    splitter: PolarizationSplitter
    azimuth: Any = eqx.field(converter=as_leaf, default=0.0)
    ellipticity: Any = eqx.field(converter=as_leaf, default=0.0)
    delay: Any = eqx.field(converter=as_leaf, default=0.0)
    layout: str = eqx.field(static=True, default="loop")

    def __check_init__(self) -> None:
        check_kind("receiver", self.receiver, RingReceiver)
        check_kind("splitter", self.splitter, PolarizationSplitter)
        check_choice("layout", self.layout, LAYOUTS)
        check_finite("azimuth", self.azimuth, "rad")
        check_range("ellipticity", self.ellipticity, -math.pi / 4, math.pi / 4, "rad")
        check_finite("delay", self.delay, "ps")

    @property
    def count(self) -> int:
        """Number of detectors."""
        return self.receiver.count

    def heater_power(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Heater power in mW that holds each line, of the rings on both arms where they are separate, shape [N]."""
        return self.receiver.heater_power(temperature) * (2.0 if self.layout == "separate" else 1.0)

    def arm_powers(self, temperature: Any = REFERENCE_TEMPERATURE, lines: Any = None) -> tuple[jax.Array, jax.Array]:
        """What the arms a and b bring of each line to each detector, over what they got, shapes [N, L]."""
        first = self.receiver.drop_powers(temperature, lines)
        if self.layout == "separate":
            return first, first
        return first, self.receiver.drop_powers(temperature, lines, backwards=True)

    def drop_powers(self, temperature: Any = REFERENCE_TEMPERATURE, lines: Any = None) -> jax.Array:
        """Power at each detector over that of each line in the fibre, [N, L], at the given state of polarisation."""
        return self._at_state(*self.arm_powers(temperature, lines))

    def power_range(self, temperature: Any = REFERENCE_TEMPERATURE, lines: Any = None) -> tuple[jax.Array, jax.Array]:
        """Least and most of `drop_powers` over all states of polarisation, each entry by itself, shapes [N, L]."""
        mean, first, third = self.splitter.forms(*self.arm_powers(temperature, lines))
        half = _root(first**2 + third**2)
        return mean - half, mean + half

    def polarization_loss_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Polarisation-dependent loss in dB of each line at its own detector, most over least power, shape [N]."""
        least, most = self.power_range(temperature)
        return db(jnp.diagonal(most) / jnp.diagonal(least))

    def arm_delays(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Time in ps by which light of arm b comes to each detector after that of arm a, shape [N].

        That of the bus between the rings is in it, that of the rings which light passes is not.
        """
        count, guide = self.count, self.receiver.bus.guide
        links = np.arange(count - 1, -count, -2.0) if self.layout == "loop" else np.zeros(count)
        link = guide.delay(jnp.asarray(self.receiver.lines), temperature)
        return jnp.asarray(self.delay).astype(link.dtype) + jnp.asarray(links).astype(link.dtype) * link

    def response(self, frequency: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Complex response of each detector to a modulation of its line's power, 1 at rest, shape [..., N].

        The two arms are echoes of each other: (P_a + P_b exp(i 2 pi f delay)) / (P_a + P_b), at the given state of
        polarisation. Where they bring the same, it falls as cos(pi f delay).

        Args:
            frequency: of the modulation in THz, shape [...].
            temperature: in K.
        """
        first, second = (jnp.diagonal(arm) for arm in self.arm_powers(temperature))
        nothing = jnp.zeros_like(first)
        only_first, only_second = (self._at_state(*each) for each in ((first, nothing), (nothing, second)))
        delays = self.arm_delays(temperature)
        phase = 2.0 * jnp.pi * jnp.asarray(frequency, delays.dtype)[..., None]
        phase = phase * delays.reshape((1,) * (phase.ndim - 1) + delays.shape)
        share = (only_second / (only_first + only_second)).reshape(delays.shape)
        share = jnp.broadcast_to(share, phase.shape)
        return jax.lax.complex(1.0 - share + share * jnp.cos(phase), share * jnp.sin(phase))

    def _at_state(self, first: jax.Array, second: jax.Array) -> jax.Array:
        """Power at the given state of polarisation, for arms that bring these parts."""
        mean, along, third = self.splitter.forms(first, second)
        azimuth, ellipticity = (
            jnp.asarray(2.0 * angle).astype(mean.dtype) for angle in (self.azimuth, self.ellipticity)
        )
        return mean + along * (jnp.cos(ellipticity) * jnp.cos(azimuth)) + third * jnp.sin(ellipticity)


def _root(square: jax.Array) -> jax.Array:
    """Square root with the derivative zero at zero, where the power does not depend on the state."""
    nothing = square == 0.0
    return jnp.where(nothing, 0.0, jnp.sqrt(jnp.where(nothing, 1.0, square)))
