"""Link penalties of ring modulators and filters in closed form, to estimate with and to check the solver against.

A penalty is the factor, in dB, by which the light has to grow so that a decision is as certain as without the
impairment, the noise being that of the receiver and the same for all levels: with the outer amplitude A = P1 - P0 of M
equally spaced levels and the rms noise s, Q = A / (2 (M - 1) s) stays.

The subject and its treatment by penalties are those of M. Bahadori et al., J. Lightwave Technol. 34, 2975 (2016)
("Comprehensive design space exploration ...") and 34, 4043 (2016) ("Crosstalk penalty in microring-based ..."). Of both
only the abstracts were read, the second page number is from memory. So every form here is derived, in its docstring,
and says where it ends; it need not be the one printed there.

A ring is a Lorentzian here. With its linewidth w (`Ring.linewidth`) and x = pi d / FSR the exact ring has sin x in
place of x, so at a fixed number of linewidths the error falls with the square of the finesse.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete


def lorentzian_through(offset: Any, linewidth: Any, minimum: Any) -> jax.Array:
    """Power through / in of a ring, 1 - (1 - T_min) / (1 + (2 d / w)^2).

    Args:
        offset: wavelength less that of the resonance, in the unit of the linewidth.
        linewidth: full width at half maximum w.
        minimum: power through / in on resonance.
    """
    check_range("minimum", minimum, 0.0, 1.0)
    return 1.0 - (1.0 - jnp.asarray(minimum)) * lorentzian_drop(offset, linewidth)


def lorentzian_drop(offset: Any, linewidth: Any, peak: Any = 1.0) -> jax.Array:
    """Power drop / in of a ring, D_0 / (1 + (2 d / w)^2), `peak` on resonance; else as `lorentzian_through`."""
    check_positive("linewidth", linewidth)
    check_range("peak", peak, 0.0, 1.0)
    return jnp.asarray(peak) / (1.0 + (2.0 * jnp.asarray(offset) / linewidth) ** 2)


def modulator_penalty_db(one: Any, zero: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Insertion loss, penalty of on-off keying and of a finite extinction, in dB; their sum is -10 lg((T1 - T0) / 2).

    With r = T1 / T0: -10 lg T1 is lost in state "1"; half ones, half zeros have (1 + 1/r) / 2 of its power on the mean;
    and of that mean power a part (r - 1) / (r + 1) is modulated. The product of the three is (T1 - T0) / 2.

    Args:
        one, zero: power through / in of the two states, one >= zero >= 0, one > 0.

    Raises:
        ValueError: for powers outside [0, 1], no power in state "1", or less than in state "0".
    """
    check_positive("one", one)
    check_range("one", one, 0.0, 1.0)
    check_range("zero", zero, 0.0, 1.0)
    if is_concrete(one, zero) and np.any(np.asarray(zero) > np.asarray(one)):
        raise ValueError(f"zero = {np.max(np.asarray(zero)):g} is outside [0, one = {np.min(np.asarray(one)):g}]")
    one, zero = jnp.asarray(one), jnp.asarray(zero)
    mean = 0.5 * (one + zero)
    return _decibels(one), _decibels(mean / one), _decibels(0.5 * (one - zero) / mean)


def ring_pair_penalty_db(detuning: Any, shift: Any, linewidth: Any, minimum: Any, peak: Any = 1.0) -> jax.Array:
    """Penalty in dB of a ring modulator with a ring filter behind it on the line, -10 lg(D_0 (T1 - T0) / 2).

    Args:
        detuning: distance of the modulator's resonance in state "0" from the line.
        shift: what state "1" adds to it; all three in one unit.
        linewidth: of the modulator.
        minimum: power through / in of the modulator on resonance.
        peak: power drop / in of the filter on resonance.
    """
    detuning = jnp.asarray(detuning)
    one = lorentzian_through(detuning + shift, linewidth, minimum)
    zero = lorentzian_through(detuning, linewidth, minimum)
    return _decibels(0.5 * jnp.asarray(peak) * (one - zero))


def filter_crosstalk(spacing: Any, linewidth: Any, below: int, above: int) -> jax.Array:
    """Power of each other line in a filter on its line, over that of its own, shape [below + above].

    1 / (1 + (2 k spacing / w)^2) for the line k spacings away, from the lowest to the highest: for a filter that light
    meets first. Filters met before take most of what they are for.

    Args:
        spacing: of the lines, in the unit of the linewidth.
        linewidth: of the filter.
        below, above: number of lines on both sides.
    """
    check_positive("spacing", spacing)
    spacing = jnp.asarray(spacing)
    away = np.concatenate([np.arange(-below, 0.0), np.arange(1.0, above + 1.0)])
    return lorentzian_drop(jnp.asarray(away).astype(spacing.dtype) * spacing, linewidth)


def crosstalk_span(power_ratio: Any, extinction: Any = math.inf, other_extinction: Any = math.inf) -> jax.Array:
    """Span of an aggressor's disturbance over the amplitude of the signal, from the ratio of their mean powers.

    The amplitude of a signal of mean power P and extinction r = P1 / P0 is 2 P (r - 1) / (r + 1).

    Args:
        power_ratio: mean power of the aggressor at the detector over that of the signal.
        extinction: r of the signal, above 1.
        other_extinction: r of the aggressor.
    """
    check_range("power_ratio", power_ratio, 0.0, np.inf)
    return jnp.asarray(power_ratio) * _modulated(other_extinction) / _modulated(extinction)


def gaussian_crosstalk_penalty_db(spans: Any, q: Any, *, levels: int = 2) -> jax.Array:
    """Penalty in dB of independent aggressors on other wavelengths, their sum taken as Gaussian.

    An aggressor j moves the power over x_j A in equal steps with an rms of x_j A sqrt((M + 1) / (12 (M - 1))), beside
    the noise s. Its mean moves the thresholds along and costs nothing. Q^2 (s^2 + that) = (A / (2 (M - 1)))^2 needs

        -5 lg(1 - ((M^2 - 1) / 3) Q^2 sum_j x_j^2).

    All lines grow together. Pessimistic for few aggressors, whose sum has no tails: `closure_penalty_db` bounds it.

    Args:
        spans: x_j, span of each disturbance over the signal's outer amplitude (`ChannelPowers.crosstalk`), shape
            [..., K].
        q: the Q that the error ratio asks for, 7.03 for 1e-12, shape [...].
        levels: M of signal and aggressors.

    Returns:
        Penalty, shape [...]; infinite where no power is enough.
    """
    check_range("spans", spans, 0.0, np.inf)
    check_positive("q", q)
    check_choice("levels", levels, [2, 4])
    variance = jnp.sum(jnp.asarray(spans) ** 2, axis=-1)
    return 0.5 * _decibels(1.0 - ((levels**2 - 1) / 3.0) * (jnp.asarray(q) ** 2).astype(variance.dtype) * variance)


def closure_penalty_db(spans: Any, *, levels: int = 2) -> jax.Array:
    """Penalty in dB when all aggressors are at their worst, -10 lg(1 - (M - 1) sum_j x_j): the closure of the eye.

    The threshold being in the middle, each closes an eye of height A / (M - 1) by x_j A. An upper bound for any
    Gaussian noise. Arguments as for `gaussian_crosstalk_penalty_db`.
    """
    check_range("spans", spans, 0.0, np.inf)
    check_choice("levels", levels, [2, 4])
    return _decibels(1.0 - (levels - 1.0) * jnp.sum(jnp.asarray(spans), axis=-1))


def interference_penalty_db(power_ratios: Any, extinction: Any = math.inf) -> jax.Array:
    """Penalty in dB of aggressors on the same wavelength, on-off keyed, at the worst phases and states.

    Fields add, so that a level P is moved by 2 sqrt(P X P1), X the power of an aggressor's "1" over that of the
    signal's, and X itself is left out beside sqrt(X). The eye P1 - P0 is closed by 2 sqrt(X) (P1 + sqrt(P1 P0)):

        -10 lg(1 - 2 sum_j sqrt(X_j) sqrt(r) / (sqrt(r) - 1)),

    -10 lg(1 - 2 sqrt X) for a perfect extinction r.

    Args:
        power_ratios: X_j, shape [..., K].
        extinction: r of the signal, above 1.
    """
    check_range("power_ratios", power_ratios, 0.0, 1.0)
    _check_extinction(extinction)
    ratios = jnp.asarray(power_ratios)
    nothing = ratios == 0.0
    fields = jnp.where(nothing, 0.0, jnp.sqrt(jnp.where(nothing, 1.0, ratios)))
    closed = 2.0 / (1.0 - jnp.sqrt(1.0 / jnp.asarray(extinction, ratios.dtype)))
    return _decibels(1.0 - closed * jnp.sum(fields, axis=-1))


def truncated_power(linewidth_ghz: Any, symbol_rate_gbd: Any, extinction: Any = math.inf) -> jax.Array:
    """Part of the mean power of an on-off keyed line that a Lorentzian filter on it passes (1 on resonance).

    Rectangular pulses of duration T carry the correlation 1 - |t| / T, the filter's power response has the transform
    (pi w / 2) exp(-pi w |t|): with u = pi w T the modulated part passes 1 - (1 - exp(-u)) / u. With fields 1 and
    e = 1 / sqrt(r) the carrier, ((1 + e) / 2)^2, passes whole beside the modulated part, ((1 - e) / 2)^2.

    Args:
        linewidth_ghz: full width at half maximum w of the filter in GHz.
        symbol_rate_gbd: 1 / T in GBd.
        extinction: r of the line, above 1.
    """
    _check_extinction(extinction)
    turns = _decays(linewidth_ghz, symbol_rate_gbd)
    field = 1.0 / jnp.sqrt(jnp.asarray(extinction, turns.dtype))
    carrier, modulated = ((1.0 + field) / 2.0) ** 2, ((1.0 - field) / 2.0) ** 2
    return 1.0 - modulated / (carrier + modulated) * (-jnp.expm1(-turns) / turns)


def truncation_penalty_db(linewidth_ghz: Any, symbol_rate_gbd: Any) -> jax.Array:
    """Penalty in dB of the eye that a Lorentzian filter on the line closes, -10 lg(1 - 2 exp(-pi w T)).

    The field behind the filter approaches each new value as exp(-pi w t). After a long run of the other symbol it
    lacks, at the end of one symbol, the part h = exp(-pi w T) of the step: fields 1 and e make (1 - (1 - e) h)^2 and
    (e + (1 - e) h)^2, whose difference is (1 - e^2)(1 - 2 h), for any extinction. For rectangular symbols decided at
    their end; whatever rises more slowly loses more. Infinite where the eye is closed, below w T = ln(2) / pi.

    Args:
        linewidth_ghz: full width at half maximum w of the filter in GHz.
        symbol_rate_gbd: 1 / T in GBd.
    """
    return _decibels(1.0 - 2.0 * jnp.exp(-_decays(linewidth_ghz, symbol_rate_gbd)))


def _decays(linewidth_ghz: Any, symbol_rate_gbd: Any) -> jax.Array:
    """Decays pi w T of a filter's field in a symbol."""
    check_positive("linewidth_ghz", linewidth_ghz, "GHz")
    check_positive("symbol_rate_gbd", symbol_rate_gbd, "GBd")
    return jnp.asarray(math.pi * linewidth_ghz / symbol_rate_gbd)


def _check_extinction(extinction: Any) -> None:
    """Raise a `ValueError` unless the extinction is above 1; infinity is."""
    if is_concrete(extinction) and not np.all(np.asarray(extinction) > 1.0):
        raise ValueError(f"extinction = {extinction} is outside (1, inf]")


def _modulated(extinction: Any) -> jax.Array:
    """Half the amplitude over the mean power, (r - 1) / (r + 1)."""
    _check_extinction(extinction)
    inverse = 1.0 / jnp.asarray(extinction)
    return (1.0 - inverse) / (1.0 + inverse)


def _decibels(left: jax.Array) -> jax.Array:
    """Penalty -10 lg of the part that is left; infinite, with no derivative, where nothing is."""
    nothing = left <= 0.0
    return jnp.where(nothing, jnp.inf, -10.0 * jnp.log10(jnp.where(nothing, 1.0, left)))
