"""Error ratios of NRZ and PAM4 with Gaussian noise, a standard deviation for each level, and of crosstalk on top.

Level m is received as mu_m + sigma_m z + D, with D the sum of independent discrete disturbances
(`photonics_core.crosstalk_statistics`). Symbols are equally likely and Gray-coded. With T_m(t) and B_m(t) the chances
of level m to lie above and below a threshold t, and d(m, k) the bits in which symbols m and k differ, the bit error
ratio is a sum over the thresholds t_k between levels k - 1 and k,

    BER = sum_k [sum_{m<k} (d(m, k) - d(m, k-1)) T_m(t_k) + sum_{m>=k} (d(m, k-1) - d(m, k)) B_m(t_k)] / (M log2 M),

leaps over several levels included. For NRZ it is (T_0 + B_1) / 2; for evenly spaced levels of equal noise, q half a
spacing over its rms, it is Q(q), and (3 Q(q) + 2 Q(3 q) - Q(5 q)) / 4 for PAM4. All is done with logarithms, so that
ratios of 1e-300 and less keep their digits and their derivatives, in float32 too.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp

from photonics_core.crosstalk_statistics import (
    checked_disturbances,
    chosen_method,
    log_tail,
    over_leading,
)
from photonics_core.decision import best_thresholds, falling_root
from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range, is_concrete
from photonics_core.kernels.gaussian_tail import inverse_log_gaussian_tail, log_gaussian_tail

#: Numbers of levels of a symbol.
LEVELS = (2, 4, 8)
_LN10 = math.log(10.0)


def log10_error_ratio(
    levels: Any, noise: Any, *, disturbances: Any = None, thresholds: Any = None, method: str = "auto"
) -> jax.Array:
    """Decimal logarithm of the bit error ratio, with the best thresholds or with given ones.

    Args:
        levels: mean current of each level in mA, in any order, shape [..., M], M = 2, 4 or 8.
        noise: rms of the Gaussian noise of each level in mA, shape [..., M].
        disturbances: what each of K independent aggressors adds in mA in each of its equally likely states, shape
            [..., K, M']; None for none.
        thresholds: ascending, in mA, shape [..., M - 1]; None for those of `decision_thresholds`.
        method: how disturbances are counted, see `crosstalk_statistics`.

    Returns:
        The logarithm, shape [...].

    Raises:
        ValueError: for shapes that do not match, values that are not finite, a noise that is not above zero, or an
            unknown method.
    """
    return _ratio(levels, noise, disturbances, thresholds, method, gray_weights) / _LN10


def log10_symbol_error_ratio(
    levels: Any, noise: Any, *, disturbances: Any = None, thresholds: Any = None, method: str = "auto"
) -> jax.Array:
    """Decimal logarithm of the symbol error ratio; everything else as `log10_error_ratio`."""
    return _ratio(levels, noise, disturbances, thresholds, method, symbol_weights) / _LN10


def bit_error_ratio(
    levels: Any, noise: Any, *, disturbances: Any = None, thresholds: Any = None, method: str = "auto"
) -> jax.Array:
    """The bit error ratio itself, which underflows where `log10_error_ratio` does not; the same arguments."""
    return jnp.exp(_ratio(levels, noise, disturbances, thresholds, method, gray_weights))


def decision_thresholds(levels: Any, noise: Any, *, disturbances: Any = None, method: str = "auto") -> jax.Array:
    """Thresholds at which neighbouring levels are equally likely, in mA, ascending, shape [..., M - 1].

    They make fewest errors, but for leaps over a level. Without disturbances in closed form, with d the distance of two
    levels and l = log(sigma_1 / sigma_0), which equal noise leaves in the middle:

        t = mu_0 + sigma_0 (d^2 + 2 sigma_1^2 l) / (d sigma_0 + sigma_1 sqrt(d^2 + 2 (sigma_1^2 - sigma_0^2) l))

    Args and errors as those of `log10_error_ratio`.
    """
    levels, noise, disturbances, _ = _checked(levels, noise, disturbances, None)
    return _checked_thresholds(levels, noise, disturbances, chosen_method(disturbances, method))


def q_factor(levels: Any, noise: Any) -> jax.Array:
    """Q = |mu_1 - mu_0| / (sigma_1 + sigma_0) of NRZ, shape [...]; arguments of the shape [..., 2].

    The bit error ratio with the threshold at which both levels err equally often is Q(Q) (Personick's Q-factor; G. P.
    Agrawal, Fiber-Optic Communication Systems, 4.6, from memory); the best threshold makes no more.
    """
    levels, noise, _, _ = _checked(levels, noise, None, None)
    if levels.shape[-1] != 2:
        raise ValueError(f"levels of shape {levels.shape} is not [..., 2]")
    return jnp.abs(levels[..., 1] - levels[..., 0]) / jnp.sum(noise, axis=-1)


def required_q(log10_ratio: Any, levels: int = 2) -> jax.Array:
    """Half the spacing of evenly spaced levels over the rms noise of all, for a bit error ratio; the shape of it.

    Args:
        log10_ratio: decimal logarithm of the bit error ratio, below log10(1/2) for two levels, where it is exact for
            any, and below -0.6 for more.
        levels: levels of a symbol.

    Raises:
        ValueError: for a ratio or a number of levels outside these.
    """
    check_choice("levels", levels, LEVELS)
    check_range("log10_ratio", log10_ratio, high=-0.3011 if levels == 2 else -0.6)
    target = _LN10 * jnp.asarray(log10_ratio, jnp.result_type(float))
    return _even_inverse(levels)(target)


def required_amplitude(log10_ratio: Any, noise: Any, levels: int = 2) -> jax.Array:
    """Outer modulation amplitude of evenly spaced levels, in mA for an rms `noise` in mA that is equal for all.

    2 (M - 1) times the noise times `required_q`; arguments of shapes that broadcast.
    """
    check_positive("noise", noise, "mA")
    q = required_q(log10_ratio, levels)
    return 2.0 * (levels - 1) * jnp.multiply(*jnp.broadcast_arrays(q, jnp.asarray(noise, q.dtype)))


def crosstalk_penalty_db(
    levels: Any, noise: Any, disturbances: Any, *, log10_ratio: Any = None, method: str = "auto", most_db: float = 30.0
) -> jax.Array:
    """Power by which all lines of one channel have to grow, in dB, to err no more than without the disturbances.

    Levels and disturbances grow together, the noise stays: thermal noise. Below some ratio no power helps.

    Args:
        levels, noise: shape [M]. `disturbances`: shape [K, M'].
        log10_ratio: the error ratio for which powers with and without disturbances are compared; None for that which
            these levels have without.
        method: as above.
        most_db: the largest factor that is looked for, up and down.

    Raises:
        ValueError: if no factor up to `most_db` gives the ratio, or as `log10_error_ratio`.
    """
    levels, noise, disturbances, _ = _checked(levels, noise, disturbances, None)
    check_positive("most_db", most_db, "dB")
    method, none = chosen_method(disturbances, method), jnp.zeros((0, 1), levels.dtype)
    target = log10_error_ratio(levels, noise)
    without = jnp.zeros_like(target)
    if log10_ratio is not None:
        check_range("log10_ratio", log10_ratio, high=-0.31)
        target = jnp.asarray(log10_ratio, levels.dtype)
        without = _power_db(target, levels, noise, none, "exact", most_db)
    return _power_db(target, levels, noise, disturbances, method, most_db) - without


def _power_db(
    target: jax.Array, levels: jax.Array, noise: jax.Array, disturbances: jax.Array, method: str, most_db: float
) -> jax.Array:
    """The power in dB at which levels and disturbances give the ratio; a `ValueError` if none up to the most does."""
    low, high = (_excess(end, target, levels, noise, disturbances, method) for end in (-most_db, most_db))
    if is_concrete(low, high) and not float(low) * float(high) <= 0.0:
        raise ValueError(
            f"log10_ratio = {float(target):.6g} is not reached by any power within [{-most_db:g}, {most_db:g}] dB "
            f"of that of the levels"
        )
    return _root_db(target, levels, noise, disturbances, jnp.asarray([-most_db, most_db], levels.dtype), method)


@functools.partial(jax.jit, static_argnames=("method",))
def _excess(
    gain_db: Any, target: jax.Array, levels: jax.Array, noise: jax.Array, disturbances: jax.Array, method: str
) -> jax.Array:
    """Above zero where a power is too low; the square root of the logarithm is nearly linear in the power."""
    gain = jnp.exp(gain_db * (_LN10 / 10.0))
    found = _checked_ratio(gain * levels, noise, gain * disturbances, None, method, gray_weights)
    return jnp.sqrt(-_LN10 * target) - jnp.sqrt(-found)


@functools.partial(jax.jit, static_argnames=("method",))
def _root_db(
    target: jax.Array, levels: jax.Array, noise: jax.Array, disturbances: jax.Array, ends: jax.Array, method: str
) -> jax.Array:
    parameters = (target, levels, noise, disturbances)
    fixed = lax.stop_gradient(parameters)
    found = falling_root(lambda gain_db: _excess(gain_db, *fixed, method), ends)
    value, slope = jax.value_and_grad(_excess)(found, *parameters, method)
    return found - value / lax.stop_gradient(slope)


@functools.cache
def gray_weights(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bits per bit that level m loses above and below threshold k, both of the shape [M - 1, M], with sign."""
    codes = np.arange(count) ^ (np.arange(count) >> 1)
    differ = np.array([[(a ^ b).bit_count() for b in codes.tolist()] for a in codes.tolist()], float)
    step = np.diff(differ, axis=1).T / (count * math.log2(count))
    return step * _below(count), -step * ~_below(count)


@functools.cache
def symbol_weights(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for symbols: each errs once, beyond its own thresholds."""
    k, m = np.arange(1, count)[:, None], np.arange(count)
    return (m == k - 1) / count, (m == k) / count


def _below(count: int) -> np.ndarray:
    """Where level m lies below threshold k + 1 of the row."""
    return np.arange(count) < np.arange(1, count)[:, None]


def _ratio(levels: Any, noise: Any, disturbances: Any, thresholds: Any, method: str, weights: Any) -> jax.Array:
    levels, noise, disturbances, thresholds = _checked(levels, noise, disturbances, thresholds)
    return _checked_ratio(levels, noise, disturbances, thresholds, chosen_method(disturbances, method), weights)


@functools.partial(jax.jit, static_argnames=("method", "weights"))
def _checked_ratio(levels: Any, noise: Any, disturbances: Any, thresholds: Any, method: str, weights: Any) -> jax.Array:
    above, below = weights(levels.shape[-1])

    def one(levels: Any, noise: Any, disturbances: Any, *given: Any) -> jax.Array:
        at = given[0] if given else best_thresholds(levels, noise, disturbances, method)
        return _log_errors(levels, noise, disturbances, at, method, above, below)

    given = () if thresholds is None else (thresholds,)
    return over_leading(one, (1, 1, 2, 1)[: 3 + len(given)], *_sorted(levels, noise), disturbances, *given)


@functools.partial(jax.jit, static_argnames=("method",))
def _checked_thresholds(levels: Any, noise: Any, disturbances: Any, method: str) -> jax.Array:
    core = functools.partial(best_thresholds, method=method)
    return over_leading(core, (1, 1, 2), *_sorted(levels, noise), disturbances)


def _log_errors(
    levels: Any, noise: Any, disturbances: Any, thresholds: Any, method: str, above: np.ndarray, below: np.ndarray
) -> jax.Array:
    """Logarithm of the weighted sum of the chances beyond thresholds; pairs of no weight are left out."""
    pairs = [(sign, k, m, w[k, m]) for sign, w in ((1.0, above), (-1.0, below)) for k, m in np.argwhere(w).tolist()]
    sign, k, m, weight = (np.array(each) for each in zip(*pairs, strict=True))
    sign, weight = (jnp.asarray(each, levels.dtype) for each in (sign, weight))

    def chance(sign: Any, threshold: Any, level: Any, noise: Any) -> jax.Array:
        # What lies below a threshold is what lies above it in the mirror.
        return log_tail(sign * (threshold - level), noise, sign * disturbances, method)

    return logsumexp(jax.vmap(chance)(sign, thresholds[k], levels[m], noise[m]), b=weight)


@functools.cache
def _even_inverse(count: int) -> Any:
    """Half spacing over noise of evenly spaced levels by the logarithm of their bit error ratio."""
    if count == 2:
        return inverse_log_gaussian_tail
    above = gray_weights(count)[0]
    k, m = np.nonzero(above)
    # Tails below are those above of the levels in the opposite order.
    distance, weight = 2.0 * (k - m) + 1.0, 2.0 * above[k, m]
    reached, inverse = np.unique(distance, return_inverse=True)
    total = np.bincount(inverse, weight)

    def log_ratio(q: jax.Array) -> jax.Array:
        tails = log_gaussian_tail(q[..., None] * reached.reshape((1,) * q.ndim + (-1,)).astype(q.dtype))
        return logsumexp(tails, axis=-1, b=jnp.asarray(total, q.dtype).reshape((1,) * q.ndim + (-1,)))

    def total_ratio(q: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = log_ratio(q)
        return jnp.sum(found), found

    slopes = jax.grad(total_ratio, has_aux=True)

    @jax.jit
    def inverse_ratio(target: jax.Array) -> jax.Array:
        fixed = lax.stop_gradient(target)
        start = inverse_log_gaussian_tail(jnp.minimum(fixed - math.log(total[0]), math.log(0.49)))

        def step(_: Any, q: jax.Array) -> jax.Array:
            slope, found = slopes(q)
            return q - (found - fixed) / slope

        q = lax.stop_gradient(lax.fori_loop(0, 6, step, start))
        slope, found = slopes(q)
        return q - (found - target) / slope

    return inverse_ratio


def _sorted(levels: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both in ascending order of the levels."""
    order = jnp.argsort(levels, axis=-1)
    return jnp.take_along_axis(levels, order, axis=-1), jnp.take_along_axis(noise, order, axis=-1)


def _checked(levels: Any, noise: Any, disturbances: Any, thresholds: Any) -> tuple[Any, Any, Any, Any]:
    """The arguments as arrays that match; a `ValueError` where they do not."""
    check_finite("levels", levels, "mA")
    check_positive("noise", noise, "mA")
    dtype = jnp.result_type(float)
    levels, noise = jnp.asarray(levels, dtype), jnp.asarray(noise, dtype)
    if levels.ndim < 1 or levels.shape[-1] not in LEVELS:
        raise ValueError(f"levels of shape {levels.shape} is not [..., M] with M one of {', '.join(map(str, LEVELS))}")
    if noise.ndim < 1 or noise.shape[-1] != levels.shape[-1]:
        raise ValueError(f"noise of shape {noise.shape} does not match levels of shape {levels.shape}")
    levels, noise = jnp.broadcast_arrays(levels, noise)
    disturbances = jnp.zeros((0, 1), dtype) if disturbances is None else checked_disturbances(disturbances)
    if thresholds is not None:
        check_finite("thresholds", thresholds, "mA")
        thresholds = jnp.asarray(thresholds, dtype)
        if thresholds.ndim < 1 or thresholds.shape[-1] != levels.shape[-1] - 1:
            raise ValueError(f"thresholds of shape {thresholds.shape} is not [..., {levels.shape[-1] - 1}]")
    return levels, noise, disturbances, thresholds
