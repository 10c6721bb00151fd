"""A ring in time, round trip by round trip: what a resonance of one pole leaves out at high rates and low finesse.

The field behind the input coupler is that sent in and what comes around, a round trip of time T later,

    b(t) = i k s(t) + t p(t),    p(t) = a exp(2 pi i int_{t-T}^t d dt') b(t - T),    through = t s(t) + i k p(t),

with d the frequency of the laser less that of the resonance in THz: all resonances of the ring are in it, and data that
is fast beside the free spectral range. What moves the resonance acts along the whole way, hence the mean over the last
round trip. At rest it is the ring's own spectrum, exactly but for dispersion (Sacher and Poon, Opt. Express 16, 15741
(2008)).
"""

import math
from numbers import Integral
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.resonator import TURN, as_complex
from photonics_core.devices.ring import AddDropRing, AllPassRing
from photonics_core.display import Shown
from photonics_core.kernels.affine_recurrence import affine_recurrence
from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE


class RoundTrips(Shown):
    """A ring as its couplers, its loss and the time of a round trip.

    Args:
        trip: time T of a round trip in ps.
        input_angle: coupling angle in rad of the input coupler, t = cos, k = sin.
        loss: loss exponent of the field for a round trip, couplers' excess loss included.
        drop_angle: coupling angle in rad of the drop coupler, half a round trip away; 0 for none.

    Raises:
        ValueError: for a value outside its range.
    """

    trip: Any = eqx.field(converter=as_leaf)
    input_angle: Any = eqx.field(converter=as_leaf)
    loss: Any = eqx.field(converter=as_leaf, default=0.0)
    drop_angle: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_positive("trip", self.trip, "ps")
        check_range("input_angle", self.input_angle, 0.0, 0.5 * math.pi, "rad")
        check_range("drop_angle", self.drop_angle, 0.0, 0.5 * math.pi, "rad")
        check_range("loss", self.loss, 0.0, np.inf)

    @classmethod
    def of_ring(
        cls, ring: AllPassRing | AddDropRing, wl: Any, temperature: Any = REFERENCE_TEMPERATURE
    ) -> "RoundTrips":
        """A ring at `wl` in um; of the couplers' excess loss all is put into the round trip.

        Raises:
            ValueError: for another device.
        """
        if not isinstance(ring, AllPassRing | AddDropRing):
            raise ValueError(f"ring = {ring!r} is not of the kind AllPassRing or AddDropRing")
        angles = [each.coupling_angle(wl) for each in ring.couplers]
        return cls(ring.round_trip_time(wl, temperature), angles[0], ring.round_trip_loss(wl, temperature), *angles[1:])

    def through(self, detuning: Any) -> jax.Array:
        """Steady amplitude through / in, for a laser `detuning` THz above a resonance.

        Raises:
            ValueError: for a ring on resonance that loses nothing and has no coupler: it has no steady state.
        """
        check_finite("detuning", detuning, "THz")
        around = self._around(jnp.asarray(detuning, jnp.result_type(float)))
        t = jnp.cos(jnp.asarray(self.input_angle)).astype(around.dtype)
        return (t - around) / _left(t * around)

    def drive(self, detuning: Any, samples: int, source: Any = 1.0) -> tuple[jax.Array, jax.Array]:
        """Amplitudes out while the resonance moves, from the steady state at the first sample.

        Args:
            detuning: d in THz at steps of T / samples, shape [K], K at least `samples`.
            samples: samples to a round trip, even; the error falls with the second power of the step.
            source: amplitude s in sqrt(mW), shape [K] or a number.

        Returns:
            Amplitudes through and drop in sqrt(mW), shape [K].

        Raises:
            ValueError: for samples that are not even, fewer samples than a round trip has, values not finite, or a ring
                without a steady state, see `through`.
        """
        if not isinstance(samples, Integral) or isinstance(samples, bool):
            raise ValueError(f"samples = {samples!r} is not of the kind int")
        check_range("samples", samples, 2)
        samples = int(samples)
        check_finite("detuning", detuning, "THz")
        detuning = jnp.asarray(detuning, jnp.result_type(float))
        if samples % 2 or detuning.ndim != 1 or detuning.shape[0] < samples:
            raise ValueError(f"detuning of shape {detuning.shape} with samples = {samples}: [K] of K >= samples, even")
        sent = jnp.broadcast_to(as_complex(source, detuning.dtype), detuning.shape)
        around = self._around(_trailing_mean(detuning, samples))
        angles = jnp.asarray(self.input_angle), jnp.asarray(self.drop_angle)
        t, k, k_drop = (
            part.astype(sent.dtype) for part in (jnp.cos(angles[0]), jnp.sin(angles[0]), jnp.sin(angles[1]))
        )
        rest = 1j * k * sent[0] / _left(t * around[0])
        inside = jnp.concatenate([jnp.full((samples,), rest), _by_trips(t * around, 1j * k * sent, rest, samples)])
        halfway = self._halfway(_trailing_mean(detuning, samples // 2))
        count = detuning.shape[0]
        before = inside[:count], inside[samples // 2 : samples // 2 + count]
        return t * sent + 1j * k * around * before[0], 1j * k_drop * halfway * before[1]

    def _around(self, detuning: jax.Array) -> jax.Array:
        """Field after a round trip over that behind the input coupler, at a mean detuning."""
        left = jnp.cos(jnp.asarray(self.drop_angle)) * jnp.exp(-jnp.asarray(self.loss))
        return _turned(left, TURN * detuning * self.trip)

    def _halfway(self, detuning: jax.Array) -> jax.Array:
        """Field at the drop coupler over that behind the input coupler."""
        return _turned(jnp.exp(-0.5 * jnp.asarray(self.loss)), 0.5 * TURN * detuning * self.trip)


def _left(around: jax.Array) -> jax.Array:
    """1 less what a round trip leaves; a `ValueError` where that is nothing, as far as it is known."""
    left = 1.0 - around
    if is_concrete(left) and np.any(np.asarray(left) == 0.0):
        raise ValueError("a ring without loss and without couplers has no steady state on resonance")
    return left


def _turned(size: jax.Array, phase: jax.Array) -> jax.Array:
    size = size.astype(phase.dtype)
    return jax.lax.complex(size * jnp.cos(phase), size * jnp.sin(phase))


def _trailing_mean(values: jax.Array, steps: int) -> jax.Array:
    """Mean over the last `steps` steps by the trapezoidal rule; before the first sample all was as it is there."""
    padded = jnp.concatenate([jnp.full((steps,), values[0]), values])
    count = values.shape[0]
    weights = [0.5, *[1.0] * (steps - 1), 0.5]
    return sum(w * padded[k : k + count] for k, w in enumerate(weights)) / steps  # pyright: ignore[reportReturnType]


def _by_trips(factors: jax.Array, sources: jax.Array, rest: jax.Array, samples: int) -> jax.Array:
    """b of each sample from that a round trip before: all samples of a trip at once, one trip after the other."""
    count = factors.shape[0]
    missing = (0, -count % samples)
    each, added = (jnp.pad(part, missing).reshape(-1, samples) for part in (factors, sources))
    return affine_recurrence(each, added, jnp.full((samples,), rest)).ravel()[:count]
