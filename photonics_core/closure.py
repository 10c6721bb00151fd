"""TDECQ: how much noise a PAM4 eye still bears behind the reference equaliser, beside an ideal eye of its size.

IEEE 802.3, 121.8.5.3: the waveform passes a Bessel-Thomson filter and a feed-forward equaliser of five taps a symbol
apart whose sum is one; two histograms, at 0.45 and 0.55 of the symbol period, say how much Gaussian noise brings the
ratio of symbols in error to 4.8e-4.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.eye import POINTS, checked_waveform, error_chances, folded, outer_places
from photonics_core.kernels.checks import check_positive, check_range, is_concrete
from photonics_core.signals import BESSEL_THOMSON_3DB, bessel_thomson_response, checked_symbols, filtered

#: Ratio of symbols in error at which TDECQ is taken, and the Q of an ideal eye there (IEEE 802.3, 121.8.5.3).
TARGET_RATIO = 4.8e-4
IDEAL_Q = 3.414
#: Points of the histograms of 0.04 at 0.45 and 0.55 (so too the manual of Keysight's FlexDCA), by Simpson's rule.
_WINDOWS = np.array([[43, 45, 47], [53, 55, 57]])
_WEIGHTS = np.array([1.0, 4.0, 1.0]) / 6.0
_TAPS = 5
#: Places of the pair of histograms beside the middle of the symbol that are tried, in points.
_SHIFTS = np.arange(-24, 25, 2)
_ROUNDS = 8


class Closure(NamedTuple):
    """What `tdecq` finds.

    `tdecq_db` in dB; `oma_outer` and `average` in mW behind the filter; `noise` the largest noise sigma_G before the
    equaliser in mW; `enhancement` C_eq, the gain of the equaliser for noise; `taps` of the equaliser, shape [5], the
    earliest symbol first; `main_tap` the number of the symbol's own; `centre` the middle of the two histograms in
    symbol periods after the beginning of the symbol.
    """

    tdecq_db: jax.Array
    oma_outer: jax.Array
    average: jax.Array
    noise: jax.Array
    enhancement: jax.Array
    taps: jax.Array
    main_tap: jax.Array
    centre: jax.Array


def tdecq(
    waveform: Any, symbols: Any, *, bandwidth: float | None = 0.5, noise: Any = 0.0, instrument_noise: Any = 0.0
) -> Closure:
    """TDECQ: how much less Gaussian noise a PAM4 signal bears behind the reference receiver than an ideal one.

    10 lg(OMA_outer / (6 Q_t R)) with Q_t = 3.414 and R^2 = sigma_G^2 + sigma_S^2, sigma_G being the largest noise,
    before an equaliser of five taps a symbol apart that sum to one, at which neither of the histograms 0.04 wide at
    0.45 and 0.55 of a symbol period has more than 4.8e-4 of its symbols in error at the thresholds P_ave and P_ave +-
    OMA_outer / 3 (IEEE 802.3, 121.8.5.3, second hand; limits 3.4 dB and 3.9 dB of its clauses). Noise passes the
    equaliser as white noise behind the receiver's filter does. Taps are those of the fewest errors in the mean of both
    histograms; place of the histograms (to 0.02) and main tap those of the least mean square error. Derivatives are
    those of the optimum, by the implicit function theorem; first derivatives only, second ones would be wrong.

    A symbol is in error beyond the thresholds of what was sent. Instruments do not know that and take it for the symbol
    of the region where its sample lies, which is the same but for eyes that are closed.

    Args:
        waveform: power in mW over one period of the pattern, before the receiver's filter, shape [K], K at least 2 N.
        symbols: 0 to 3, all of them present, more power with higher ones, shape [N]. For a signal of inverted polarity,
            as of many ring modulators, these are 3 - symbols.
        bandwidth: -3 dB bandwidth of the fourth-order Bessel-Thomson filter over the symbol rate; None for no filter.
        noise: standard deviation of noise that comes with the signal behind the filter in mW, a number or one for each
            level, shape [4].
        instrument_noise: sigma_S in mW, of what measured a waveform.

    Returns:
        `Closure`; its `tdecq_db` is infinite, with a derivative of zero, where symbols are in error without any more
        noise.

    Raises:
        ValueError: for a symbol that is missing or unknown, fewer than two samples a symbol, values out of range, or a
            waveform that falls where its symbols rise.
    """
    symbols = checked_symbols("symbols", symbols, 4)
    if np.unique(symbols).size < 4:
        raise ValueError(f"symbols = {np.unique(symbols).tolist()} are not all of 0 to 3")
    wave = checked_waveform(waveform, symbols.size)
    check_range("noise", noise, 0.0, np.inf, "mW")
    check_range("instrument_noise", instrument_noise, 0.0, np.inf, "mW")
    if bandwidth is not None:
        check_positive("bandwidth", bandwidth)
    if is_concrete(wave):
        _check_polarity(np.asarray(wave, np.float64), symbols)
    places = tuple(jnp.asarray(each) for each in outer_places(symbols, POINTS))
    noises = (jnp.broadcast_to(jnp.asarray(noise, wave.dtype), (4,)), jnp.asarray(instrument_noise, wave.dtype))
    return _closure(wave, jnp.asarray(symbols), places, *noises, None if bandwidth is None else float(bandwidth))


def _check_polarity(wave: np.ndarray, symbols: np.ndarray) -> None:
    """A `ValueError` for a waveform that at no delay follows its symbols as well as it follows 3 - symbols at some."""
    held = symbols[np.arange(wave.size) * symbols.size // wave.size].astype(float)
    spectra = (np.fft.rfft(each - each.mean()) for each in (wave, held))
    likeness = np.fft.irfft(next(spectra) * np.conj(next(spectra)), wave.size)
    # Patterns that are their own inverse but for a delay are as like both ways.
    if np.ptp(wave) > 0.0 and -likeness.min() <= 1.02 * likeness.max():
        return
    turned = np.roll(wave, -int(np.argmin(likeness)))
    lowest, highest = (float(np.mean(turned[held == symbol])) for symbol in (0.0, 3.0))
    raise ValueError(
        f"waveform does not rise with symbols: its level means are {lowest:.6g} mW for symbol 0 and {highest:.6g} mW "
        "for symbol 3; for a signal of inverted polarity pass 3 - symbols"
    )


@functools.partial(jax.jit, static_argnames="bandwidth")
def _closure(
    wave: jax.Array,
    symbols: jax.Array,
    places: tuple[jax.Array, jax.Array],
    noise: jax.Array,
    instrument_noise: jax.Array,
    bandwidth: float | None,
) -> Closure:
    if bandwidth is not None:
        wave = filtered(wave, symbols.size / wave.size, lambda f: bessel_thomson_response(f, bandwidth))
    rows = folded(wave, symbols, POINTS, bandwidth is not None)
    oma = jnp.mean(rows.ravel()[places[0]]) - jnp.mean(rows.ravel()[places[1]])
    average = jnp.mean(rows)
    # From here on in units of the OMA, from the average.
    signal, correlation = (rows - average) / oma, jnp.asarray(_noise_correlation(bandwidth), wave.dtype)
    shift, main, taps = _equaliser_start(lax.stop_gradient(signal), symbols, correlation)
    problem = _Problem(_tapped(signal, shift, main), noise[symbols] / oma, correlation, symbols)
    taps = _best_taps(problem, taps)
    least, gain = _largest_noise(problem, taps), jnp.sqrt(taps @ correlation @ taps)
    square = least**2 + (instrument_noise / oma) ** 2
    # An eye that is closed has no derivatives.
    closed = square == 0.0
    penalty = jnp.where(closed, jnp.inf, -5.0 * jnp.log10((6.0 * IDEAL_Q) ** 2 * jnp.where(closed, 1.0, square)))
    return Closure(penalty, oma, average, oma * least, gain, taps, main, 0.5 + shift.astype(wave.dtype) / POINTS)


class _Problem(NamedTuple):
    """Samples before the equaliser, shape [2, 3, N, 5], noise that is there, shape [N], all over the OMA."""

    samples: jax.Array
    noise: jax.Array
    correlation: jax.Array
    symbols: jax.Array

    def log_ratios(self, taps: jax.Array, level: jax.Array) -> jax.Array:
        """Logarithm of the errors of both histograms over their target with Gaussian noise of exp(level), shape [2]."""
        equalised = jnp.matmul(self.samples, taps, precision="highest")
        sigma = jnp.sqrt(taps @ self.correlation @ taps * (jnp.exp(2.0 * level) + self.noise**2))
        thresholds = jnp.asarray([-1.0 / 3.0, 0.0, 1.0 / 3.0], equalised.dtype)
        chances = error_chances(equalised, self.symbols, jnp.broadcast_to(sigma, equalised.shape), thresholds)
        return jnp.log(jnp.mean(chances, axis=-1) @ jnp.asarray(_WEIGHTS, equalised.dtype) / TARGET_RATIO)

    def objective(self, free: jax.Array, level: jax.Array) -> jax.Array:
        """The same of the mean of both, for the first four taps."""
        return jax.nn.logsumexp(self.log_ratios(_all_taps(free), level)) - math.log(2.0)

    def fixed(self) -> "_Problem":
        return self._replace(**{name: lax.stop_gradient(getattr(self, name)) for name in ("samples", "noise")})


def _all_taps(free: jax.Array) -> jax.Array:
    return jnp.concatenate([free, 1.0 - jnp.sum(free, keepdims=True)])


def _noise_correlation(bandwidth: float | None) -> np.ndarray:
    """Correlation of the noise at the taps, white before the filter, shape [5, 5]; its quadratic form is C_eq^2."""
    lags = np.abs(np.subtract.outer(np.arange(_TAPS), np.arange(_TAPS)))
    if bandwidth is None:
        return np.eye(_TAPS)
    f = np.linspace(0.0, 40.0 * bandwidth, 40_001)
    # Written out, for a filter of JAX would be of the precision at hand.
    x = BESSEL_THOMSON_3DB * f / bandwidth
    density = 1.0 / ((105.0 - 45.0 * x**2 + x**4) ** 2 + (105.0 * x - 10.0 * x**3) ** 2)
    values = [np.sum(density[1:] * np.cos(2.0 * np.pi * f[1:] * lag)) + 0.5 * density[0] for lag in range(_TAPS)]
    return (np.array(values) / values[0])[lags]


def _tapped(signal: jax.Array, shift: jax.Array, main: jax.Array) -> jax.Array:
    """What the taps see at the points of the histograms, shape [2, 3, N, 5]."""
    starts = (
        POINTS
        * (jnp.arange(signal.shape[0], dtype=jnp.int32)[:, None] + jnp.arange(_TAPS, dtype=jnp.int32)[None] - main)
        + shift
    )
    return signal.ravel()[(jnp.asarray(_WINDOWS, jnp.int32)[:, :, None, None] + starts[None, None]) % signal.size]


def _equaliser_start(
    signal: jax.Array, symbols: jax.Array, correlation: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Place of the histograms, main tap and taps of the least mean square error, with noise at the ideal level."""
    dtype = signal.dtype
    pairs = jnp.asarray(np.add.outer(_SHIFTS, [-5, 5]) + POINTS // 2, jnp.int32)
    places = pairs[..., None] + POINTS * jnp.arange(symbols.size, dtype=jnp.int32)[None, None]
    seen, target = signal.ravel()[places % signal.size], symbols.astype(dtype) / 3.0 - 0.5
    auto = [jnp.mean(seen * jnp.roll(seen, k, axis=-1), axis=(1, 2)) for k in range(_TAPS)]
    cross = [jnp.mean(seen * jnp.roll(target, k)[None, None], axis=(1, 2)) for k in range(1 - _TAPS, _TAPS)]
    lags = np.subtract.outer(np.arange(_TAPS), np.arange(_TAPS))
    gram = jnp.stack(auto, axis=-1)[:, np.abs(lags)] + (correlation / (6.0 * IDEAL_Q) ** 2)[None]
    # Rows: which tap is the symbol's own; a column of ones beside them holds the sum of the taps.
    wanted = jnp.stack(cross, axis=-1)[:, _TAPS - 1 + lags]
    solved = jnp.linalg.solve(gram, jnp.concatenate([wanted, jnp.ones((len(_SHIFTS), _TAPS, 1), dtype)], axis=-1))
    free, ones = solved[..., :-1], solved[..., -1:]
    taps = free + ones * (1.0 - jnp.sum(free, axis=1, keepdims=True)) / jnp.sum(ones, axis=1, keepdims=True)
    error = jnp.sum(taps * (jnp.matmul(gram, taps, precision="highest") - 2.0 * wanted), axis=1)
    # Of places as good as each other, as in a rectangular wave, the middle one.
    beside = np.add.outer((_SHIFTS / POINTS) ** 2, np.abs(np.arange(_TAPS) - _TAPS // 2))
    best = jnp.argmin(error + 1e-6 * jnp.asarray(beside, dtype)).astype(jnp.int32)
    return jnp.asarray(_SHIFTS, jnp.int32)[best // _TAPS], best % _TAPS, taps[best // _TAPS, :, best % _TAPS]


def _best_taps(problem: _Problem, start: jax.Array) -> jax.Array:
    """Taps of the fewest errors at the noise that gives the target, and their derivatives."""
    fixed = problem.fixed()
    slope, gradient = jax.grad(fixed.objective, 1), jax.grad(fixed.objective)
    curvature = jax.jacfwd(gradient)

    def better(state, _):
        free, level = state
        for _ in range(2):
            move = -fixed.objective(free, level) / jnp.maximum(jnp.nan_to_num(slope(free, level)), 1e-3)
            level = jnp.clip(level + jnp.clip(move, -0.5, 0.5), -9.0, 0.0)
        down = gradient(free, level)
        # The Hessian of the ratio rather than of its logarithm, which is rarely indefinite.
        matrix = curvature(free, level) + jnp.outer(down, down)
        parts = jnp.asarray([1.0, 0.5, 0.2, 0.04, 0.0], free.dtype)
        tried = free[None] - jnp.outer(parts, jnp.nan_to_num(jnp.linalg.solve(matrix, down), posinf=0.0, neginf=0.0))
        return (tried[jnp.nanargmin(jax.lax.map(lambda x: fixed.objective(x, level), tried))], level), None

    begin = (start[:-1], jnp.asarray(-math.log(6.0 * IDEAL_Q), start.dtype))
    free, level = lax.stop_gradient(lax.scan(better, begin, None, _ROUNDS)[0])
    # One step of Newton's method from the solution leaves it where it is and has its derivatives. There is none for an
    # eye that is closed: its errors do not follow the noise.
    fall, matrix = lax.stop_gradient((slope(free, level), curvature(free, level)))
    is_open = (jnp.abs(problem.fixed().objective(free, level)) < 1e-3) & (fall > 1e-3)
    level = level - problem.objective(free, level) / jnp.where(is_open, fall, 1.0)
    step = jnp.linalg.solve(
        jnp.where(is_open, matrix, jnp.eye(free.size, dtype=free.dtype)), jax.grad(problem.objective)(free, level)
    )
    return _all_taps(jnp.where(is_open, free - step, start[:-1]))


def _largest_noise(problem: _Problem, taps: jax.Array) -> jax.Array:
    """Noise over the OMA at which the worse histogram has the target, with derivatives; 0 if there is none."""
    fixed, held = problem.fixed(), lax.stop_gradient(taps)

    def worse(level: jax.Array) -> jax.Array:
        return jnp.max(fixed.log_ratios(held, level))

    def halved(_, ends):
        middle = 0.5 * (ends[0] + ends[1])
        return jnp.where(worse(middle) > 0.0, jnp.stack([ends[0], middle]), jnp.stack([middle, ends[1]]))

    ends = jnp.asarray([-14.0, 2.0], taps.dtype)
    closed = worse(ends[0]) > 0.0
    level = jnp.mean(lax.fori_loop(0, 32, halved, ends))
    slope = jnp.where(closed, 1.0, jax.grad(worse)(level))
    level = level - jnp.where(closed, 0.0, jnp.max(problem.log_ratios(taps, level)) / slope)
    return jnp.where(closed, 0.0, jnp.exp(level))
