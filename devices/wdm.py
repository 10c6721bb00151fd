"""Wavelength-division channels from line to detector: ring modulators on one bus, ring filters on another.

The optical chain is static here. Ring j of the transmitter is in one of M states and passes the part T_j(l; m) of line
l; the receiver brings the part D_il of line l to detector i. Light runs one way along both buses, so that powers
multiply, and lines of different wavelengths add at a detector without interference (their beat is beyond its
bandwidth). With the states s_1 ... s_N the detector i has

    P_i = sum_l D_il g_l prod_j T_j(l; s_j),

g_l the loss of the guide between the rings, per power of a line (`detector_powers`). `channel_powers` is the additive
form of it, sum_j of what each s_j does by itself while all other rings are at their mean (the main effects of P_i): own
levels (j = i on line i), leakage of line j into detector i as its own ring modulates it, and intermodulation, what ring
j does to line i. Left out are products of these, and what ring i does to the light that leaks into detector i. For four
lines 200 GHz apart, rings of Q = 6000 and 150 pm of drive the largest error over all patterns is 1e-3 of the modulation
amplitude, where the crosstalk is 3e-2, and in the mean over all patterns there is none.
"""

import itertools
import math
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupled_bus import CoupledRingBus
from photonics_core.devices.modulation_levels import ring_transmissions
from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.runtime import as_leaf
from photonics_core.scattering import power
from photonics_core.units import REFERENCE_TEMPERATURE, db

#: The most patterns that `all_symbols` lists.
MOST_PATTERNS = 1 << 20


class LineReceiver(Protocol):
    """What `channel_powers` asks of a receiver."""

    @property
    def count(self) -> int:
        """Number of detectors."""
        ...

    def drop_powers(self, temperature: Any = ..., lines: Any = None) -> jax.Array:
        """Power at each detector over that of each line, shape [N, N]."""
        ...


class ChannelPowers(NamedTuple):
    """Powers at the detectors over the power of one line before the modulators, by state of the ring that acts.

    Detector i has own[i, s_i] + sum_j (leaked[i, j, s_j] + intermodulated[i, j, s_j]): the two last are of the same
    state of the same ring and are added before they are anything's disturbance. Levels ascend with the state.

    Attributes:
        own: line i at its detector i, by the state of its own ring, the others at their mean, shape [N, M].
        leaked: line j at detector i, by the state of ring j, shape [N, N, M]; zero on the diagonal.
        intermodulated: what ring j does to line i at detector i about its mean, at the mean own level, shape
            [N, N, M]; zero on the diagonal.
    """

    own: jax.Array
    leaked: jax.Array
    intermodulated: jax.Array

    @property
    def disturbances(self) -> jax.Array:
        """What aggressor j adds at detector i in each of its states, shape [N, N, M]; for lines of equal power."""
        return self.leaked + self.intermodulated

    @property
    def amplitude(self) -> jax.Array:
        """Outer modulation amplitude of each channel, shape [N]."""
        return self.own[..., -1] - self.own[..., 0]

    @property
    def crosstalk(self) -> jax.Array:
        """Span of each disturbance over the outer amplitude of the channel it disturbs, shape [N, N].

        Zero where nothing disturbs, a channel without a drive too (of drives that become small together the ratio has a
        limit above zero, which is not that of no drive at all); infinite where a channel without a drive is disturbed.
        """
        disturbed = self.disturbances
        span = jnp.max(disturbed, axis=-1) - jnp.min(disturbed, axis=-1)
        amplitude = jnp.broadcast_to(self.amplitude[..., None], span.shape)
        return span / jnp.where((span == 0.0) & (amplitude == 0.0), 1.0, amplitude)


class RingReceiver(Shown):
    """N ring filters on a bus, one for each laser line, each with a detector at its drop.

    Args:
        bus: the filters, in the order in which light passes them, of one ring or of coupled rings; filter i takes
            line i.
        lines: wavelengths of the laser lines in um, shape [N].
        detuning: distance in um of each ring's resonance above its line, shape [N]; a number for all.
        heater_efficiency: shift of a resonance by its heater in nm/mW.

    Raises:
        ValueError: if the shapes do not match the rings, or a value is outside its range.
    """

    bus: RingBus | CoupledRingBus
    lines: Any = eqx.field(converter=as_leaf)
    detuning: Any = eqx.field(converter=as_leaf, default=0.0)
    heater_efficiency: Any = eqx.field(converter=as_leaf, default=0.15)

    def __check_init__(self) -> None:
        if not isinstance(self.bus, RingBus | CoupledRingBus):
            raise ValueError(f"bus = {self.bus!r} is not of the kind RingBus or CoupledRingBus")
        count = self.bus.count
        if np.shape(self.lines) != (count,):
            raise ValueError(f"lines of shape {np.shape(self.lines)} does not match the {count} rings of the bus")
        if np.shape(self.detuning) not in ((), (count,)):
            shape = np.shape(self.detuning)
            raise ValueError(f"detuning of shape {shape} is neither a number nor one for each of the {count} rings")
        check_positive("lines", self.lines, "um")
        check_range("detuning", self.detuning, -0.1, 0.1, "um")
        check_positive("heater_efficiency", self.heater_efficiency, "nm/mW")

    @property
    def count(self) -> int:
        """Number of rings, and of detectors."""
        return self.bus.count

    def heater_power(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Heater power in mW that holds each filter on its line at `temperature` in K, shape [N]."""
        targets = self._targets()
        if isinstance(self.bus, CoupledRingBus):
            shifts = jnp.sum(self.bus.heater_shifts(targets, temperature), axis=-1)
        else:
            shifts = targets - self.bus.rings.resonance_below(targets, temperature)
        return 1e3 * shifts / self.heater_efficiency

    def extra_path(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical path in um that the heaters add to each ring's round trip, shape [N], of coupled rings [N, K]."""
        if isinstance(self.bus, CoupledRingBus):
            return self.bus.paths_to(self._targets(), temperature)
        # The batch as it is: numbers on the host keep their digits, which they would lose as the arguments of a map.
        return self.bus.rings.path_to(self._targets(), temperature)

    def drop_powers(
        self, temperature: Any = REFERENCE_TEMPERATURE, lines: Any = None, *, backwards: bool = False
    ) -> jax.Array:
        """Power at each detector over that of each line, all rings locked, shape [N, L]: line j into detector i.

        Args:
            temperature: of the receiver in K.
            lines: wavelengths in um of the light, shape [L]; None for the lines that the rings are held on.
            backwards: whether light comes from the other end of the bus, the last ring first.
        """
        light = self._light(lines)
        rings = self.bus.ring_amplitudes(light, temperature, self.extra_path(temperature))
        link = power(self.bus.guide.transmission(light, temperature))
        # From behind a ring passes as much, and as much goes to the other end of its drop guide: it is reciprocal.
        dropped, passed = (power(each)[::-1] if backwards else power(each) for each in (rings.drop, rings.through))
        behind = jnp.cumprod(passed * link[None], axis=0)
        reached = dropped * jnp.concatenate([jnp.ones_like(behind[:1]), behind[:-1]])
        return reached[::-1] if backwards else reached

    def through_powers(self, temperature: Any = REFERENCE_TEMPERATURE, lines: Any = None) -> jax.Array:
        """Power left on the bus behind the last ring, shape [L]; arguments as for `drop_powers`."""
        return power(self.bus.through(self._light(lines), temperature, self.extra_path(temperature)))

    def drop_loss_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Loss in dB of each line on the way to its own detector, shape [N]."""
        return -db(jnp.diagonal(self.drop_powers(temperature)))

    def _targets(self) -> Any:
        return self.lines + self.detuning

    def _light(self, lines: Any) -> Any:
        if lines is None:
            return self.lines
        check_positive("lines", lines, "um")
        return lines


def channel_powers(
    transmitter: RingTransmitter,
    receiver: LineReceiver,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    levels: int = 2,
    receiver_temperature: Any = None,
) -> ChannelPowers:
    """What each channel brings to its detector, and what each other channel adds there.

    Args:
        transmitter: the modulators; the lines of the light are theirs.
        receiver: the filters, with `drop_powers(temperature, lines)`, as many as modulators.
        temperature: in K, of the transmitter, and of the receiver where it has none of its own.
        levels: 2 for on-off keying, 4 for equally spaced levels of power.
        receiver_temperature: in K.

    Returns:
        `ChannelPowers` over the power of one line. Where lines differ in power, own [N, M] and intermodulated go with
        that of line i, and leaked with that of line j.

    Raises:
        ValueError: if the levels are neither 2 nor 4, or receiver and transmitter differ in number.
    """
    dropped, passed = _chain(transmitter, receiver, temperature, receiver_temperature, levels)
    mean = jnp.mean(passed, axis=0)
    # By ring a and line l: what all rings but a pass of l on the mean.
    others = jnp.prod(jnp.where(_unity(mean)[:, :, None], 1.0, mean[None]), axis=1)
    # Ring i on its line i, and what the rest passes: line i behind the transmitter, by the state of ring i, [M, N].
    own = jnp.diagonal(passed, axis1=1, axis2=2) * jnp.diagonal(others)[None]
    change = (passed - mean[None]) * others[None]
    between = ~_unity(mean)[..., None]
    leaked = jnp.where(between, dropped[..., None] * own.T[None], 0.0)
    intermodulated = jnp.where(between, jnp.diagonal(dropped)[:, None, None] * change.transpose(2, 1, 0), 0.0)
    return ChannelPowers((jnp.diagonal(dropped)[None] * own).T, leaked, intermodulated)


def detector_powers(
    transmitter: RingTransmitter,
    receiver: LineReceiver,
    symbols: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    levels: int = 2,
    receiver_temperature: Any = None,
    line_powers: Any = 1.0,
) -> jax.Array:
    """Power at each detector while every ring is in a given state, exactly.

    Args:
        transmitter, receiver, temperature, levels, receiver_temperature: as for `channel_powers`.
        symbols: state of each ring, whole numbers from 0 to levels - 1, shape [..., N].
        line_powers: power of each line before the modulators, shape [N] or a number.

    Returns:
        Powers in the unit of `line_powers`, shape [..., N].

    Raises:
        ValueError: as for `channel_powers`, for symbols or powers of another shape, or for a power below zero.
    """
    if np.shape(line_powers) not in ((), (transmitter.bus.count,)):
        raise ValueError(f"line_powers of shape {np.shape(line_powers)} does not match {transmitter.bus.count} lines")
    check_range("line_powers", line_powers, 0.0, np.inf)
    symbols = jnp.asarray(symbols)
    if symbols.shape[-1:] != (transmitter.bus.count,) or not jnp.issubdtype(symbols.dtype, jnp.integer):
        raise ValueError(
            f"symbols of shape {symbols.shape} and type {symbols.dtype} is not [..., {transmitter.bus.count}] whole "
            "numbers"
        )
    check_range("symbols", symbols, 0, levels - 1)
    dropped, passed = _chain(transmitter, receiver, temperature, receiver_temperature, levels)
    # In each pattern: ring by line; its product over the rings is what the bus passes.
    through = jnp.prod(_taken(passed.transpose(1, 0, 2), symbols), axis=-2)
    arriving = dropped * jnp.broadcast_to(jnp.asarray(line_powers, dropped.dtype), dropped.shape[-1:])[None]
    return jnp.einsum("il,...l->...i", arriving, through, precision="highest")


def additive_powers(powers: ChannelPowers, symbols: Any) -> jax.Array:
    """Power over a line's at each detector by the additive form of `channel_powers`, of the shape of `symbols`."""
    symbols = jnp.asarray(symbols)
    own = _taken(powers.own, symbols)
    # [..., j, i]: what ring j in its state adds at detector i.
    added = _taken(powers.disturbances.transpose(1, 2, 0), symbols)
    return own + jnp.sum(added, axis=-2)


def all_symbols(count: int, levels: int = 2) -> np.ndarray:
    """Every pattern of the states of `count` rings, shape [levels^count, count].

    Raises:
        ValueError: for more patterns than `MOST_PATTERNS`.
    """
    check_range("count", count, 1, int(math.log(MOST_PATTERNS) / math.log(levels) + 1e-9))
    return np.array(list(itertools.product(range(levels), repeat=count)))


def _chain(
    transmitter: RingTransmitter, receiver: LineReceiver, temperature: Any, receiver_temperature: Any, levels: int
) -> tuple[jax.Array, jax.Array]:
    """Parts of each line that reach each detector, guide of the transmitter included, and that each ring passes."""
    check_kind("transmitter", transmitter, RingTransmitter)
    count = transmitter.bus.count
    if receiver.count != count:
        raise ValueError(f"receiver of {receiver.count} filters does not match the {count} rings of the transmitter")
    passed = ring_transmissions(transmitter, temperature, levels=levels)
    there = temperature if receiver_temperature is None else receiver_temperature
    guide = power(transmitter.bus.guide.transmission(transmitter.lines, temperature)) ** (count - 1)
    return receiver.drop_powers(there, transmitter.lines) * guide[None], passed


def _taken(by_state: jax.Array, symbols: jax.Array) -> jax.Array:
    """Of an array [N, M, ...] by ring and state, what the states [..., N] of the rings take: [..., N, ...]."""
    rings = jnp.broadcast_to(jnp.arange(by_state.shape[0]), symbols.shape)
    return by_state[rings, symbols]


def _unity(square: jax.Array) -> jax.Array:
    return jnp.eye(square.shape[0], dtype=bool)
