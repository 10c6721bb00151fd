"""What arrives at the detectors of a wavelength-division link, and what each cause of a penalty costs in power.

With the powers at detector i of `photonics_core.devices.wdm.ChannelPowers` in mW, ring i's own levels P_im, and what
the ring j adds in each of its states, the currents are

    I_im = R (1 - a) P_im + I_d,        disturbances R (L_ijm + X_ijm) for j != i, and R a P_im for j = i.

The last is intersymbol interference of one pole: sampled at the end of a symbol of length T the signal still holds the
part a = exp(-2 pi B T) of the symbols before, B the -3 dB bandwidth of the whole chain. They are taken to be all
equal to the last one, which bounds their sum a, a^2, ... from above. Noise is that of the own level and of the mean
of what the others add.

A penalty is the factor by which all lines have to grow for the same error ratio once its cause is added. Causes are
added one after the other, in the order of `PENALTIES`, so that factors multiply up to the ratio of the first and
last required power by definition.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from photonics_core.devices.detector import Receiver
from photonics_core.devices.wdm import ChannelPowers
from photonics_core.error_rate import log10_error_ratio
from photonics_core.power_budget import PENALTIES
from photonics_core.units import DB_PER_NEPER

#: Relative intensity noise in dB/Hz that stands for none.
NO_NOISE_DB_HZ = -400.0
#: Largest gain in dB, up and down, that is looked for; a required power beyond it stands at this bound.
MOST_DB = 40.0
#: Evaluations for a required power before the step of Newton's method that carries derivatives.
_STEPS = 16


class ReceivedSignals(NamedTuple):
    """Currents at the N detectors, as `photonics_core.error_rate.log10_error_ratio` takes them.

    Attributes:
        levels: mean current of each level in mA without disturbances, shape [N, M].
        noise: rms of the noise at each level in mA, shape [N, M].
        disturbances: what ring j adds in mA in each of its states, shape [N, N, M]; on the diagonal the symbols before.
    """

    levels: jax.Array
    noise: jax.Array
    disturbances: jax.Array

    def log10_error_ratio(self, method: str = "auto") -> jax.Array:
        """Decimal logarithm of the bit error ratio of each channel, shape [N]."""
        return log10_error_ratio(self.levels, self.noise, disturbances=self.disturbances, method=method)


def received_signals(
    powers: ChannelPowers, detector: Receiver, rin_db_hz: Any = None, memory: Any = 0.0
) -> ReceivedSignals:
    """Currents, noise and disturbances of optical powers at the detectors.

    Args:
        powers: powers in mW, shapes [N, M], [N, N, M] and [N, N, M].
        detector: photodiode and amplifier of each channel.
        rin_db_hz: relative intensity noise in dB/Hz of each line, shape [N], or of each of its levels, [N, M]; None
            for none.
        memory: part a of the last symbol in the present one, a number or shape [N].
    """
    own, others = powers.own, powers.disturbances
    memory = jnp.broadcast_to(jnp.asarray(memory, own.dtype), own.shape[:1])[:, None]
    added = jnp.sum(jnp.mean(others, axis=-1), axis=-1)[:, None]
    rin = None if rin_db_hz is None else _of_levels(rin_db_hz, own)
    # Intermodulation is about its mean and leakage is never below nothing: the sum is a power, but for rounding.
    noise = detector.noise(jnp.maximum(own + added, 0.0), rin)
    responsivity = jnp.asarray(detector.photodiode.responsivity, own.dtype)
    before = jnp.eye(own.shape[0], dtype=own.dtype)[..., None] * (memory * own)[:, None]
    levels = responsivity * (1.0 - memory) * own + jnp.asarray(detector.photodiode.dark_current, own.dtype)
    return ReceivedSignals(levels, noise, responsivity * (others + before))


def required_gain_db(
    powers: ChannelPowers, detector: Receiver, log10_target: Any, rin_db_hz: Any = None, memory: Any = 0.0
) -> jax.Array:
    """Factor in dB by which all lines together have to grow for an error ratio, each channel by itself, shape [N].

    Args:
        powers, detector, rin_db_hz, memory: as for `received_signals`.
        log10_target: decimal logarithm of the bit error ratio.

    Returns:
        Factors; `MOST_DB` where no power is enough (an error floor), `-MOST_DB` where any is.
    """
    rin = None if rin_db_hz is None else _of_levels(rin_db_hz, powers.own)
    return _required_gain_db(powers, detector, log10_target, rin, memory, is_disturbed=True)


def _required_gain_db(
    powers: ChannelPowers, detector: Receiver, log10_target: Any, rin_db_hz: Any, memory: Any, *, is_disturbed: bool
) -> jax.Array:
    parameters = (powers, detector, jnp.asarray(log10_target, powers.own.dtype), rin_db_hz, memory)
    fixed = jax.tree.map(jax.lax.stop_gradient, parameters)

    def excess(gain_db: jax.Array) -> jax.Array:
        return _excess(gain_db, *fixed, is_disturbed=is_disturbed)

    most = jnp.full(powers.own.shape[:1], MOST_DB, powers.own.dtype)
    found, is_between = false_position(excess, -most, most, _STEPS)
    # One evaluation gives the slope and, by what it depends on, the derivatives of the root.
    value, slope = jax.jvp(
        lambda gain: _excess(gain, *parameters, is_disturbed=is_disturbed), (found,), (jnp.ones_like(found),)
    )
    slope = jax.lax.stop_gradient(slope)
    is_between = is_between & (slope > 0.0)
    return jnp.where(is_between, found - value / jnp.where(is_between, slope, 1.0), found)


def false_position(function: Any, low: jax.Array, high: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """Roots of a function, element by element, by false position with halved weights, without derivatives.

    Returns:
        Roots, and whether the signs at the bounds differ; where they do not, the bound at which the function is least.
    """

    def closer(state: Any, k: jax.Array) -> tuple[Any, jax.Array]:
        a, at_a, b, at_b = state
        apart = at_b - at_a
        guess = jnp.where(apart == 0.0, b, b - at_b * (b - a) / jnp.where(apart == 0.0, 1.0, apart))
        # The two first steps look at the bounds: so the function stands in the compiled program once.
        x = jnp.where(k == 0, low, jnp.where(k == 1, high, guess))
        value = function(x)
        crossed = (value * at_b <= 0.0) | (k < 2)
        return (jnp.where(crossed, b, a), jnp.where(crossed, at_b, 0.5 * at_a), x, value), value

    start = (low, jnp.zeros_like(low), low, jnp.zeros_like(low))
    (a, at_a, b, at_b), values = jax.lax.scan(closer, start, jnp.arange(steps + 2))
    is_between = values[0] * values[1] <= 0.0
    nearest = jnp.where(jnp.abs(at_a) < jnp.abs(at_b), a, b)
    bound = jnp.where(jnp.abs(values[0]) < jnp.abs(values[1]), low, high)
    return jax.lax.stop_gradient(jnp.where(is_between, nearest, bound)), is_between


def penalties_db(
    powers: ChannelPowers,
    undisturbed: jax.Array,
    detector: Receiver,
    log10_target: Any,
    rin_db_hz: tuple[Any, Any],
    memory: Any,
) -> dict[str, jax.Array]:
    """What each cause costs in power, in dB, and the margin that is left.

    Args:
        powers: as for `received_signals`.
        undisturbed: own levels in mW while all other rings are in their last state, shape [N, M].
        detector, log10_target, memory: as above.
        rin_db_hz: relative intensity noise in dB/Hz of the lasers, shape [N], and of the levels that are received,
            the lasers' phase noise included, shape [N, M].

    Returns:
        Each of `PENALTIES`; "sensitivity", the power in dBm of the highest of evenly spaced levels from zero power on
        that gives the ratio with thermal and shot noise alone; "margin", by which power exceeds what is needed. Shapes
        [N].
    """
    none = jnp.zeros_like(powers.leaked)
    count = undisturbed.shape[-1]
    steps = (jnp.arange(count, dtype=undisturbed.dtype) / (count - 1.0))[None]
    top = undisturbed[:, -1:]
    ideal = ChannelPowers(top * steps, none, none)
    alone = ChannelPowers(undisturbed, none, none)
    mixed = ChannelPowers(powers.own, none, powers.intermodulated)
    laser, rin = (_of_levels(each, undisturbed) for each in rin_db_hz)
    memory = jnp.broadcast_to(jnp.asarray(memory, top.dtype), top.shape[:1])
    quiet, instant = jnp.full_like(rin, NO_NOISE_DB_HZ), jnp.zeros_like(memory)
    stages = (
        ((ideal, quiet, instant), (alone, quiet, instant), (alone, laser, instant), (alone, rin, instant)),
        ((alone, rin, memory), (mixed, rin, memory), (powers, rin, memory)),
    )
    gains: list[jax.Array] = []
    for group, is_disturbed in zip(stages, (False, True), strict=True):
        solve = functools.partial(_stage, detector=detector, log10_target=log10_target, is_disturbed=is_disturbed)
        gains.extend(jax.vmap(solve)(*jax.tree.map(lambda *each: jnp.stack(each), *group)))
    found = {name: after - before for name, before, after in zip(PENALTIES, gains[:-1], gains[1:], strict=True)}
    return found | {"sensitivity": DB_PER_NEPER * jnp.log(top[:, 0]) + gains[0], "margin": -gains[-1]}


def _of_levels(rin_db_hz: Any, own: jax.Array) -> jax.Array:
    """A noise of each line, or of each level, as one of each level, shape [N, M]."""
    rin = jnp.asarray(rin_db_hz, own.dtype)
    return jnp.broadcast_to(rin if rin.ndim == 2 else rin[..., None], own.shape)


def _stage(
    powers: ChannelPowers, rin: Any, memory: Any, *, detector: Receiver, log10_target: Any, is_disturbed: bool
) -> jax.Array:
    return _required_gain_db(powers, detector, log10_target, rin, memory, is_disturbed=is_disturbed)


def _excess(
    gain_db: jax.Array,
    powers: ChannelPowers,
    detector: Receiver,
    log10_target: Any,
    rin_db_hz: Any,
    memory: Any,
    *,
    is_disturbed: bool,
) -> jax.Array:
    """Above zero where a gain in dB, [N], is more than enough; nearly linear in the gain."""
    gain = jnp.exp(gain_db / DB_PER_NEPER)
    grown = ChannelPowers(gain[:, None] * powers.own, *(gain[:, None, None] * each for each in powers[1:]))
    signals = received_signals(grown, detector, rin_db_hz, memory)
    disturbances = signals.disturbances if is_disturbed else None
    found = log10_error_ratio(signals.levels, signals.noise, disturbances=disturbances)
    return jnp.log(jnp.maximum(-found, jnp.finfo(found.dtype).tiny)) - jnp.log(-log10_target)
