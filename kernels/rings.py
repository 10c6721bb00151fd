"""Closed forms of ring resonators: one ring beside one or two guides, and a chain of coupled rings.

Arguments are chosen so that no digit is lost where a ring is most sensitive. A coupler is given by its angle theta
(field self-coupling t = cos theta, cross-coupling i k = i sin theta), which is smooth from no coupling (0) to
complete coupling (pi/2), where sqrt(1 - k^2) has no derivative. A loss is given by its exponent (field times
exp(-loss)), and a phase in turns, reduced modulo one. One minus the round-trip amplitude, which decides everything
near resonance, is then formed from terms that are small themselves; in float32 the error is relative to the
linewidth, however narrow.

Fields follow exp(-i w t): a wave along z gains exp(+i beta z). Source of the forms: Bogaerts et al., Laser Photonics
Rev. 6, 47 (2012), Eqs. 2-9, here with complex amplitudes and couplers [[t, i k], [i k, t]].
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class AddDropAmplitudes(NamedTuple):
    """Complex amplitudes of a ring between two guides; it is reciprocal, so these three are all."""

    through: jax.Array  # in -> through
    drop: jax.Array  # in -> drop, and add -> through
    add_drop: jax.Array  # add -> drop

    def pairs(self) -> dict[tuple[str, str], jax.Array]:
        """Amplitudes by (from, to); the reverse directions are the same."""
        return {
            ("in", "through"): self.through,
            ("in", "drop"): self.drop,
            ("add", "through"): self.drop,
            ("add", "drop"): self.add_drop,
        }


@jax.jit
def all_pass(angle: jax.Array, coupler_loss: jax.Array, ring_loss: jax.Array, half_turns: jax.Array) -> jax.Array:
    """Complex transmission of a ring beside one guide.

    Args:
        angle: coupling angle in rad.
        coupler_loss: field loss exponent of the coupler (0 when lossless).
        ring_loss: field loss exponent of one round trip.
        half_turns: phase of half a round trip in turns.

    Returns:
        Amplitude through / in. All arguments broadcast.
    """
    zero = jnp.zeros((), half_turns.dtype)
    return add_drop(angle, zero, coupler_loss, zero, ring_loss, half_turns).through


@jax.jit
def add_drop(
    angle_in: jax.Array,
    angle_drop: jax.Array,
    loss_in: jax.Array,
    loss_drop: jax.Array,
    ring_loss: jax.Array,
    half_turns: jax.Array,
) -> AddDropAmplitudes:
    """Complex amplitudes of a ring between two guides, the couplers half a round trip apart.

    Args:
        angle_in: coupling angle to the input guide in rad.
        angle_drop: coupling angle to the drop guide in rad.
        loss_in: field loss exponent of the input coupler.
        loss_drop: field loss exponent of the drop coupler.
        ring_loss: field loss exponent of one round trip.
        half_turns: phase of half a round trip in turns.

    Returns:
        `AddDropAmplitudes`; all arguments broadcast.
    """
    sine, cosine = _sine_cosine(half_turns)
    t_in, k_in = jnp.cos(angle_in), jnp.sin(angle_in)
    t_drop, k_drop = jnp.cos(angle_drop), jnp.sin(angle_drop)
    eta_in, eta_drop = jnp.exp(-loss_in), jnp.exp(-loss_drop)
    # 1 - t_in t_drop z as (1 - t_in) + t_in (1 - t_drop) + t_in t_drop (1 - z), each term small by itself.
    real, imag = _one_minus_wave(loss_in + loss_drop + ring_loss, sine, cosine)
    real = _one_minus_cosine(angle_in) + t_in * _one_minus_cosine(angle_drop) + t_in * t_drop * real
    inverse_real, inverse_imag = _reciprocal(real, t_in * t_drop * imag)
    # Half a round trip, then a whole one, each divided by the denominator.
    decay = jnp.exp(-ring_loss / 2)
    drop_real, drop_imag = _product(decay * cosine, decay * sine, inverse_real, inverse_imag)
    turn_real, turn_imag = _product(decay * cosine, decay * sine, drop_real, drop_imag)
    cross = k_in * k_drop * eta_in * eta_drop
    gain_in = k_in**2 * t_drop * eta_in**2 * eta_drop
    gain_drop = k_drop**2 * t_in * eta_drop**2 * eta_in
    return AddDropAmplitudes(
        through=lax.complex(eta_in * t_in - gain_in * turn_real, -gain_in * turn_imag),
        drop=lax.complex(-cross * drop_real, -cross * drop_imag),
        add_drop=lax.complex(eta_drop * t_drop - gain_drop * turn_real, -gain_drop * turn_imag),
    )


@jax.jit
def coupled_rings(
    angles: jax.Array, coupler_losses: jax.Array, ring_losses: jax.Array, half_turns: jax.Array
) -> AddDropAmplitudes:
    """Complex amplitudes of N rings in a row between two guides.

    Seen from the left, coupler and everything behind it reflect (keep in the left ring) an amplitude that is at most
    one for a passive chain, so the recursion from the far end is stable for any N, in complex64 too. A product of
    transfer matrices (Poon et al., Opt. Express 12, 90 (2004)) is not.

    Args:
        angles: coupling angles in rad, shape [N + 1, ...], from the input guide to the drop guide.
        coupler_losses: field loss exponents of the couplers, shape [N + 1, ...].
        ring_losses: field loss exponents of one round trip, shape [N, ...].
        half_turns: phases of half a round trip in turns, shape [N, ...].

    Returns:
        `AddDropAmplitudes` of shape [...].
    """
    # Angles may depend on wavelength where losses do not, or the reverse: the couplers' axis is the first of both.
    axes = max(coupler_losses.ndim, angles.ndim)
    angles, coupler_losses = (
        x.reshape(x.shape[:1] + (1,) * (axes - x.ndim) + x.shape[1:]) for x in (angles, coupler_losses)
    )
    parts = angles, coupler_losses, ring_losses, half_turns
    through, drop = _recursion(*parts)
    add_drop, _ = _recursion(*(part[::-1] for part in parts))
    return AddDropAmplitudes(through, drop, add_drop)


@jax.jit
def amplitude_gap(angle_in: jax.Array, angle_drop: jax.Array, loss: jax.Array) -> jax.Array:
    """One minus the field left after a round trip, 1 - |cos(angle_in) cos(angle_drop)| exp(-loss).

    Formed without cancellation, so that linewidth and Q keep their digits in float32.
    """
    t_in, t_drop = jnp.abs(jnp.cos(angle_in)), jnp.abs(jnp.cos(angle_drop))
    lost_in, lost_drop = _one_minus_magnitude(angle_in), _one_minus_magnitude(angle_drop)
    return lost_in + t_in * lost_drop - t_in * t_drop * jnp.expm1(-loss)


@jax.jit
def coupler_turns(angle_in: jax.Array, angle_drop: jax.Array) -> jax.Array:
    """Turns that the couplers add to a round trip: one half where cos(angle_in) cos(angle_drop) is negative.

    A coupler beyond complete coupling (pi/2) passes light with the opposite sign, and so moves every resonance by
    half a free spectral range.
    """
    product = jnp.cos(angle_in) * jnp.cos(angle_drop)
    return jnp.where(product < 0, 0.5, 0.0).astype(product.dtype)


def _recursion(
    angles: jax.Array, coupler_losses: jax.Array, ring_losses: jax.Array, half_turns: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Through and drop, from the last coupler to the first.

    What is carried is one minus the amplitude that coupler and rest keep in the ring before them, for near resonance
    that small difference decides, and the amplitude itself would have lost its digits.
    """
    shape = jnp.broadcast_shapes(*(x.shape[1:] for x in (angles, coupler_losses, ring_losses, half_turns)))
    nothing = jnp.zeros(shape, half_turns.dtype)

    def real(x: jax.Array) -> jax.Array:
        return lax.complex(jnp.broadcast_to(x, shape), nothing)

    def coupler(angle: jax.Array, loss: jax.Array) -> tuple[jax.Array, ...]:
        eta, stays, lost = jnp.exp(-loss), jnp.cos(angle), -jnp.expm1(-loss)
        less_stay = lost + eta * _one_minus_cosine(angle)
        return (
            real(less_stay),
            real(eta * stays),
            real(eta * (_one_minus_cosine(angle) - lost)),
            1j * real(eta * jnp.sin(angle)),
        )

    def add_ring(behind, row):
        less_kept, transmitted = behind
        less_stay, stay, balance, cross = coupler(row[0], row[1])
        sine, cosine = _sine_cosine(row[3])
        decay = jnp.exp(-row[2] / 2)
        less_turn = lax.complex(*(jnp.broadcast_to(x, shape) for x in _one_minus_wave(row[2], sine, cosine)))
        less_returned = less_turn + (1.0 - less_turn) * less_kept
        inverse = _complex_reciprocal(less_stay + stay * less_returned)
        half = lax.complex(*(jnp.broadcast_to(decay * x, shape) for x in (cosine, sine)))
        less_kept = (less_stay + balance * (1.0 - less_returned)) * inverse
        return (less_kept, cross * half * transmitted * inverse), None

    less_stay, _, _, cross = coupler(angles[-1], coupler_losses[-1])
    rows = (angles[:-1], coupler_losses[:-1], ring_losses, half_turns)
    (less_kept, drop), _ = lax.scan(add_ring, (less_stay, cross), rows, reverse=True)
    return 1.0 - less_kept, drop


@jax.custom_jvp
def _sine_cosine(half_turns: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Sine and cosine of 2 pi half_turns, by their power series over a quarter turn either way.

    Less the nearest multiple of one half, exactly: on resonance, whole turn or half, the sine is truly zero. Written
    out as a polynomial, the compiler joins it with what follows in one vectorised loop, several times faster than
    calls of the library functions, which it repeats for every output.
    """
    halves = jnp.round(2.0 * half_turns)
    phase = 2.0 * jnp.pi * (half_turns - 0.5 * halves)
    sign = 1.0 - 2.0 * jnp.abs(halves - 2.0 * jnp.round(0.5 * halves))
    terms = 11 if half_turns.dtype == jnp.float64 else 6
    square = phase * phase
    sine, cosine = jnp.zeros_like(phase), jnp.zeros_like(phase)
    # The remainder beyond (pi/2)^23 / 23! = 1e-18 (float32: (pi/2)^13 / 13! = 6e-8 of a value near one) is rounding.
    for k in reversed(range(terms)):
        sine = sine * square + (-1.0) ** k / math.factorial(2 * k + 1)
        cosine = cosine * square + (-1.0) ** (k + 1) / math.factorial(2 * k + 2)
    return sign * (phase * sine), sign * (1.0 + square * cosine)


@_sine_cosine.defjvp
def _sine_cosine_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> Any:
    sine, cosine = _sine_cosine(primals[0])
    step = 2.0 * jnp.pi * tangents[0]
    return (sine, cosine), (cosine * step, -sine * step)


def _one_minus_cosine(angle: jax.Array) -> jax.Array:
    return 2.0 * jnp.sin(angle / 2) ** 2


def _one_minus_magnitude(angle: jax.Array) -> jax.Array:
    """1 - |cos(angle)|."""
    return 2.0 * jnp.minimum(jnp.sin(angle / 2) ** 2, jnp.cos(angle / 2) ** 2)


def _one_minus_wave(loss: jax.Array, sine: jax.Array, cosine: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of 1 - exp(-loss + 2 i phase), from sine and cosine of the phase."""
    amplitude = jnp.exp(-loss)
    return -jnp.expm1(-loss) + amplitude * 2.0 * sine**2, -amplitude * 2.0 * sine * cosine


def _product(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of (a + i b)(c + i d)."""
    return a * c - b * d, a * d + b * c


def _reciprocal(real: jax.Array, imag: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of 1 / (real + i imag), and of 1 where that is 1 / 0.

    A ring that neither couples nor loses light has no steady state on resonance; what it holds never comes out, so
    any finite number serves there, and keeps the derivatives finite too.
    """
    square = real**2 + imag**2
    square = jnp.where(square == 0, 1.0, square)
    return real / square, -imag / square


def _complex_reciprocal(z: jax.Array) -> jax.Array:
    return lax.complex(*_reciprocal(z.real, z.imag))
