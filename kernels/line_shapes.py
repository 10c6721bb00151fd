"""Power of a ring near one resonance at its ports, with the derivatives that a fit of many lines needs.

With u half the round-trip phase from resonance, s = sin u, g = (1 - p) / (2 sqrt p) and p the product of all amplitude
factors of a round trip,

    L = g^2 / (g^2 + s^2),   O = g sin u cos u / (g^2 + s^2),   through = B (1 - D L + A O),   drop = (d0 + d1 x) L

where B = b0 + b1 x + b2 x^2 is the level beside the line, x the place in the window, D the depth and A an odd (Fano)
part. Source: W. Bogaerts et al., Laser Photonics Rev. 6, 47 (2012), Eqs. 2 to 22, rearranged. A ring whose two
directions are coupled resonates at -split and +split, and its ports see the mean of the two amplitudes
(`split_line`).

Samples are given by sin and cos of half their phase, taken once and in float64. The centre then enters through the sum
formulas: no iteration takes a sine of a sample, and in float32 the phase is as exact as its distance from the line.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

#: Places of the parameters. The level's three coefficients follow the first ones, then peak and slope of the drop port.
CENTRE, LOG_WIDTH, DEPTH, ODD, LEVEL = range(5)
DROP = LEVEL + 3
#: A split line has one parameter more, behind all others: half its splitting in round-trip phase.
SPLIT = -1
_LOG_WIDTH_RANGE = (-30.0, 5.0)
_Slopes = tuple[jax.Array, jax.Array]


class LineSamples(NamedTuple):
    """Where the lines of a batch are sampled: sin and cos of half the phase, and places, each of shape [lines, n]."""

    sine: jax.Array
    cosine: jax.Array
    place: jax.Array


def through_line(parameters: jax.Array, samples: LineSamples) -> tuple[jax.Array, jax.Array]:
    """Power at the through port and its derivatives.

    Args:
        parameters: centre in round-trip phase, log g, D, A, b0, b1, b2; shape [lines, 7].
        samples: arrays of shape [lines, n].

    Returns:
        Power [lines, n] and its derivatives [lines, 7, n].
    """
    line, odd, line_slopes, odd_slopes = _line(parameters, samples)
    _, _, depth, fano, b0, b1, b2 = _columns(parameters)
    x = samples.place
    level, shape = b0 + x * (b1 + x * b2), 1.0 - depth * line + fano * odd
    rows = [level * (fano * down - depth * up) for up, down in zip(line_slopes, odd_slopes, strict=True)]
    rows += [-level * line, level * odd, shape, x * shape, x * x * shape]
    return level * shape, jnp.stack(rows, axis=1)


def two_port_line(parameters: jax.Array, samples: LineSamples) -> tuple[jax.Array, jax.Array]:
    """Power at the through port, then at the drop port, and its derivatives.

    Args:
        parameters: those of `through_line`, then d0 and d1; shape [lines, 9].
        samples: arrays of shape [lines, n].

    Returns:
        Power [lines, 2 n] and its derivatives [lines, 9, 2 n].
    """
    through, slopes = through_line(parameters[:, :DROP], samples)
    line, _, line_slopes, _ = _line(parameters, samples)
    peak = _column(parameters, DROP) + samples.place * _column(parameters, DROP + 1)
    blank = jnp.zeros_like(line)
    rows = [peak * line_slopes[0], peak * line_slopes[1], *[blank] * 5, line, samples.place * line]
    below = jnp.concatenate([slopes, blank[:, None], blank[:, None]], axis=1)
    return jnp.concatenate([through, peak * line], axis=1), jnp.concatenate([below, jnp.stack(rows, axis=1)], axis=2)


def split_line(parameters: jax.Array, samples: LineSamples) -> tuple[jax.Array, jax.Array]:
    """The same for a line that is split in two: 8 parameters for the through port alone, 10 with the drop port.

    In the place of the depth stands the signed amplitude (t - a)/(1 - p), positive for undercoupling: unlike a single
    line, a split one shows the sign.
    """
    sampled = jax.vmap(lambda one, at: (_split_powers(one, at), jax.jacfwd(_split_powers)(one, at)))
    powers, slopes = sampled(parameters, samples)
    return powers, jnp.swapaxes(slopes, 1, 2)


def _column(parameters: jax.Array, place: int) -> jax.Array:
    return parameters[:, place : place + 1]


def _columns(parameters: jax.Array) -> list[jax.Array]:
    return [_column(parameters, place) for place in range(DROP)]


def _line(parameters: jax.Array, samples: LineSamples) -> tuple[jax.Array, jax.Array, _Slopes, _Slopes]:
    """L and O, and the derivatives of each over centre and log g."""
    half = 0.5 * _column(parameters, CENTRE)
    raw = _column(parameters, LOG_WIDTH)
    log_g = jnp.clip(raw, *_LOG_WIDTH_RANGE)
    inside = (raw == log_g).astype(raw.dtype)
    g = jnp.exp(log_g)
    sine = samples.sine * jnp.cos(half) - samples.cosine * jnp.sin(half)
    cosine = samples.cosine * jnp.cos(half) + samples.sine * jnp.sin(half)
    inverse = 1.0 / (g * g + sine * sine)
    line, odd = g * g * inverse, g * sine * cosine * inverse
    to_side = odd / g
    over_centre = line * to_side, to_side * odd - 0.5 * g * (cosine * cosine - sine * sine) * inverse
    over_width = inside * 2.0 * line * sine * sine * inverse, inside * odd * (1.0 - 2.0 * line)
    return line, odd, (over_centre[0], over_width[0]), (over_centre[1], over_width[1])


def _split_powers(parameters: jax.Array, samples: LineSamples) -> jax.Array:
    """Powers of one split line, shape [n] or [2 n]; complex amplitudes are written out as real numbers."""
    g = jnp.exp(jnp.clip(parameters[LOG_WIDTH], *_LOG_WIDTH_RANGE))
    root = jnp.hypot(jnp.ones_like(g), g) - g
    p, amplitude, split = root * root, parameters[DEPTH], parameters[SPLIT]
    lost = 2.0 * root * g
    difference = lost * amplitude
    # t from t^2 - difference t - p = 0; 1 - t^2 is formed without the ones.
    t = 0.5 * (difference + jnp.sqrt(difference * difference + 4.0 * p))
    other = t - difference
    through, drop, odd = [], [], []
    for sign in (-1.0, 1.0):
        half = 0.5 * (parameters[CENTRE] - sign * split)
        sine = samples.sine * jnp.cos(half) - samples.cosine * jnp.sin(half)
        cosine = samples.cosine * jnp.cos(half) + samples.sine * jnp.sin(half)
        line = g * g / (g * g + sine * sine)
        ratio = sine / g
        through.append(line * (amplitude + (t * p + other) * ratio * ratio / (2.0 * p)))
        through.append(line * other * (amplitude * t - 1.0) * ratio * cosine / root)
        drop.append(line * (1.0 + root * ratio * sine))
        drop.append(line * root * ratio * cosine)
        odd.append(line * ratio * cosine)
    x = samples.place
    level = parameters[LEVEL] + x * (parameters[LEVEL + 1] + x * parameters[LEVEL + 2])
    shape = _mean_power(through) + parameters[ODD] * 0.5 * (odd[0] + odd[1])
    if parameters.shape[0] == DROP + 1:
        return level * shape
    peak = parameters[DROP] + x * parameters[DROP + 1]
    return jnp.concatenate([level * shape, peak * _mean_power(drop)])


def _mean_power(parts: list[jax.Array]) -> jax.Array:
    """Power of the mean of two waves, given as real, imaginary, real, imaginary part."""
    return 0.25 * ((parts[0] + parts[2]) ** 2 + (parts[1] + parts[3]) ** 2)
