"""Signals: test patterns, the voltage of a driver, and the reference receiver's filter.

Symbols are whole numbers made on the host. Waveforms are periodic: K samples go round all N symbols of a pattern, K / N
being any fraction, and sample j stands at time j N / K in symbol periods. Edges are placed by whole-number arithmetic,
so that no digits are lost however long a pattern is.
"""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf

from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range, is_concrete

#: Normalised levels of the symbols 0 and 1.
NRZ = (0.0, 1.0)
#: Normalised levels of the symbols 0 to 3.
PAM4 = (0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0)

#: Delays whose bits add up (modulo 2) to the next bit, by order: the polynomial 1 + sum of x^delay.
PRBS_DELAYS: dict[int, tuple[int, ...]] = {
    7: (6, 7),
    9: (5, 9),
    11: (9, 11),
    13: (1, 2, 12, 13),
    15: (14, 15),
    23: (18, 23),
    31: (28, 31),
}
#: The longest pattern that is made at once.
LONGEST = 1 << 26
#: Symbol rate in GBd and bandwidth in THz above which a number is taken to be in another unit.
HIGHEST_RATE_GBD, HIGHEST_BANDWIDTH = 1e4, 2.0

#: An edge from 20 to 80 % of the error function takes so many of its standard deviations.
_RISE = 2.0 * 0.8416212335729143
#: Symbols on either side whose edges are added up: beyond, an edge of one symbol period is over to 1e-16.
_REACH = 6
#: Where 105 / |105 + 105 y + 45 y^2 + 10 y^3 + y^4| is sqrt(1/2) on the imaginary axis.
BESSEL_THOMSON_3DB = 2.113917674904216

_SSPRQ_PARTS = ((0x00000002, 10924), (0x34013FF7, 10922), (0x0CCCCCCC, 10922))


def prbs(order: int, length: int | None = None, seed: int | None = None) -> np.ndarray:
    """Pseudo-random bits of a shift register, of period 2^order - 1.

    The polynomials are 1 + x^6 + x^7, 1 + x^5 + x^9, 1 + x^9 + x^11, 1 + x + x^2 + x^12 + x^13, 1 + x^14 + x^15,
    1 + x^18 + x^23 and 1 + x^28 + x^31 (ITU-T O.150 and O.151; order 13 IEEE 802.3, 94.2.9; from data sheets). A period
    holds one more 1 than 0, its longest runs are `order` ones and `order` - 1 zeros. Orders 15, 23 and 31 are sent
    inverted by O.150, and 31 by IEEE 802.3, 49.2.8: take 1 - bits.

    Args:
        order: 7, 9, 11, 13, 15, 23 or 31.
        length: number of bits; None for one period, which order 31 is too long for.
        seed: the register before the first bit; its binary digit k is the bit sent k + 1 before. None for all ones.
            Another seed is another place in the same period.

    Returns:
        Bits, uint8, shape [length].

    Raises:
        ValueError: for an unknown order, or a length or a seed outside its range, or one that is not a whole number.
    """
    order = _whole("order", order, 0, LONGEST)
    check_choice("order", order, PRBS_DELAYS)
    period = (1 << order) - 1
    length = _whole("length", period if length is None else length, 1, LONGEST)
    seed = _whole("seed", period if seed is None else seed, 1, period)
    delays = PRBS_DELAYS[order]
    bits = np.empty(order + length, np.uint8)
    bits[:order] = [(seed >> k) & 1 for k in range(order - 1, -1, -1)]
    done = order
    while done < bits.size:
        # A polynomial modulo 2, squared, is that of twice the delays: many bits at once.
        scale = 1 << ((done // order).bit_length() - 1)
        count = min(scale * delays[0], bits.size - done)
        starts = [done - scale * delay for delay in delays]
        bits[done : done + count] = np.bitwise_xor.reduce([bits[start : start + count] for start in starts])
        done += count
    return bits[order:]


def gray_encode(bits: Any) -> np.ndarray:
    """PAM4 symbols of pairs of bits, 00, 01, 11, 10 to 0, 1, 2, 3, so that neighbours differ by one bit.

    Args:
        bits: 0 and 1, shape [2 N], the first of each pair the more significant one.

    Returns:
        Symbols, uint8, shape [N] (IEEE 802.3, 120.5.7.1, from memory; as instruments list it).

    Raises:
        ValueError: for an odd number of bits, or others than 0 and 1.
    """
    first, second = checked_symbols("bits", bits, 2, whole=2).reshape(-1, 2).T
    return (2 * first + (first ^ second)).astype(np.uint8)


def gray_decode(symbols: Any) -> np.ndarray:
    """Bits of PAM4 symbols, uint8, shape [2 N]: what `gray_encode` takes.

    Raises:
        ValueError: for symbols other than 0 to 3.
    """
    symbols = checked_symbols("symbols", symbols, 4)
    first = symbols >> 1
    return np.stack([first, first ^ (symbols & 1)], axis=-1).ravel().astype(np.uint8)


def prbs13q(seed: int | None = None) -> np.ndarray:
    """PRBS13Q: two periods of PRBS 13, Gray coded two bits to a PAM4 symbol.

    IEEE 802.3, 120.5.11.2.1, as public code has it. A seed (see `prbs`) only turns the pattern round.

    Returns:
        Symbols 0 to 3, uint8, shape [8191].
    """
    return gray_encode(prbs(13, 2 * 8191, seed))


def ssprq() -> np.ndarray:
    """SSPRQ, the short stress pattern random quaternary: 65535 PAM4 symbols from three demanding stretches of PRBS 31.

    32768 bits of inverted PRBS 31 (seeds 0x00000002, 0x34013FF7, 0x0CCCCCCC) are sent twice, and twice again with the
    first and the last bit left out, Gray coded; in the second and the fourth round symbol s becomes 3 - s. IEEE 802.3,
    120.5.11.2, as public code has it.

    Returns:
        Symbols 0 to 3, uint8, shape [65535].
    """
    once = 1 - np.concatenate([prbs(31, count, seed) for seed, count in _SSPRQ_PARTS])
    symbols = gray_encode(np.concatenate([once, once, once[1:], once[:-1]]))
    for part in (slice(16384, 32768), slice(49151, 65535)):
        symbols[part] = 3 - symbols[part]
    return symbols


def drive_waveform(
    symbols: Any,
    symbol_rate_gbd: Any,
    samples_per_symbol: float,
    *,
    rise_time: Any,
    levels: Any = NRZ,
    swing: Any = 1.0,
    bias: Any = 0.0,
    bandwidth: Any = None,
    order: int = 1,
    taps: Any = (1.0,),
    main_tap: int = 0,
    random_jitter: Any = 0.0,
    sinusoidal_jitter: Any = 0.0,
    jitter_cycles: int = 1,
    seed: int = 0,
) -> tuple[jax.Array, jax.Array]:
    """Voltage of a driver that sends a pattern for ever, over one period of it.

    Edges follow the error function, whose rise time is the given one exactly; symbol n begins with the edge at n symbol
    periods. Samples some four to a rise time, or closer, hold the whole spectrum to 1e-12. A bandwidth is that of
    `order` equal poles, (1 - i f / p)^-order with p = bandwidth / sqrt(2^(1/order) - 1), and delays the waveform.

    Args:
        symbols: whole numbers that index `levels`, shape [N].
        symbol_rate_gbd: symbols per ns, at most 1e4.
        samples_per_symbol: a number above 0, not necessarily whole; N times it is rounded, so that the record closes.
        rise_time: from 20 to 80 % of a step before the bandwidth limit, ps; at most a symbol period.
        levels: normalised level of each symbol, `NRZ`, `PAM4` or others (to make up for a bent response), shape [2..].
        swing: voltage from level 0 to level 1, V.
        bias: voltage half-way between, V.
        bandwidth: -3 dB frequency in THz, at most 2 (40 GHz is 0.04); None for no limit.
        order: number of poles.
        taps: pre-emphasis, weights of symbols around each, a symbol apart, the earliest (of the symbol to come) first.
        main_tap: which of the taps is the symbol's own.
        random_jitter: standard deviation of the time of each edge, ps.
        sinusoidal_jitter: amplitude of a sinusoidal displacement of the edges, ps.
        jitter_cycles: periods of that displacement within the pattern.
        seed: of the random jitter.

    Returns:
        Voltage in V, shape [K] with K = round(N samples_per_symbol), and the step between samples in ps.

    Raises:
        ValueError: for an argument outside its range.
    """
    levels, taps = (jnp.asarray(each, jnp.result_type(float)) for each in (levels, taps))
    symbols = checked_symbols("symbols", symbols, levels.size)
    _check_drive(symbol_rate_gbd, samples_per_symbol, rise_time, swing, bias, random_jitter, sinusoidal_jitter)
    count = round(symbols.size * samples_per_symbol)
    check_range("samples of the pattern", count, 2, LONGEST)
    numbers = (symbol_rate_gbd, rise_time, swing, bias, random_jitter, sinusoidal_jitter)
    rate_gbd, rise, swing, bias, *jitter = (jnp.asarray(each, levels.dtype) for each in numbers)
    rate, late = 1e-3 * rate_gbd, _displacements(symbols.size, jitter_cycles, seed, levels.dtype)
    values = swing * (levels[symbols] - 0.5)
    first = _whole("main_tap", main_tap, 0, taps.size - 1)
    values = jnp.sum(jnp.stack([tap * jnp.roll(values, k - first) for k, tap in enumerate(taps)]), axis=0)
    delays = rate * (jitter[0] * late[0] + jitter[1] * late[1])
    wave, step = bias + _edges(values, delays, rate * rise / _RISE, count), symbols.size / (count * rate)
    if bandwidth is None:
        return wave, step
    check_positive("bandwidth", bandwidth, "THz")
    check_range("bandwidth", bandwidth, 0.0, HIGHEST_BANDWIDTH, "THz")
    order = _whole("order", order, 1, 20)
    pole = jnp.asarray(bandwidth, wave.dtype) / math.sqrt(2.0 ** (1.0 / order) - 1.0)
    return filtered(wave, step, lambda f: jax.lax.complex(jnp.ones_like(f), -f / pole) ** -order), step


def _displacements(count: int, cycles: int, seed: int, dtype: Any) -> jax.Array:
    """A random and a sinusoidal displacement of each edge, of unit standard deviation and amplitude, shape [2, N]."""
    turns = _whole("jitter_cycles", cycles, 0, count) * np.arange(count) / count
    random = np.random.default_rng(_whole("seed", seed, 0, 2**63)).standard_normal(count)
    return jnp.asarray(np.stack([random, np.sin(2.0 * np.pi * turns)]), dtype)


def _check_drive(rate_gbd: Any, samples: Any, rise: Any, swing: Any, bias: Any, random: Any, sinusoidal: Any) -> None:
    check_positive("symbol_rate_gbd", rate_gbd, "GBd")
    check_range("symbol_rate_gbd", rate_gbd, 0.0, HIGHEST_RATE_GBD, "GBd")
    if np.ndim(samples) or not is_concrete(samples):
        raise ValueError(f"samples_per_symbol = {samples!r} is not one number that is known before tracing")
    check_positive("samples_per_symbol", samples)
    period = 1e3 / float(np.max(np.asarray(rate_gbd))) if is_concrete(rate_gbd) else np.inf
    check_positive("rise_time", rise, "ps")
    check_range("rise_time", rise, 0.0, period * (1.0 + 1e-6), "ps")
    check_finite("swing", swing, "V")
    check_finite("bias", bias, "V")
    # Edges must stay where those of the neighbours are added up.
    check_range("random_jitter", random, 0.0, 0.15 * period, "ps")
    check_range("sinusoidal_jitter", sinusoidal, 0.0, 0.5 * period, "ps")


def _edges(values: jax.Array, late: jax.Array, width: jax.Array, count: int) -> jax.Array:
    """Samples of a pattern whose symbols begin with edges of the error function, times in symbol periods."""
    place = np.arange(count, dtype=np.int64) * values.size
    symbol, part = place // count, jnp.asarray((place % count) / count, values.dtype)
    total = values[(symbol - _REACH - 1) % values.size]
    for k in range(-_REACH, _REACH + 1):
        here = (symbol + k) % values.size
        jump = values[here] - values[here - 1]
        total = total + 0.5 * jump * (1.0 + erf((part - k - late[here]) / (math.sqrt(2.0) * width)))
    return total


def filtered(waveform: Any, step: Any, response: Any) -> jax.Array:
    """A periodic waveform behind a linear filter, by the discrete Fourier transform.

    Args:
        waveform: real samples of one period at equal steps, shape [..., K].
        step: time between samples in ps.
        response: function of the frequency in THz, shape [K // 2 + 1], to the complex response for the time dependence
            exp(-2 pi i f t).

    Returns:
        The waveform behind the filter, shape [..., K].
    """
    wave = jnp.asarray(waveform)
    count = wave.shape[-1]
    frequency = jnp.arange(count // 2 + 1, dtype=wave.dtype) / (count * jnp.asarray(step, wave.dtype))
    # The transform of NumPy and JAX has the other sign of time.
    gain = jnp.conj(response(frequency))
    spectrum = jnp.fft.rfft(wave)
    return jnp.fft.irfft(spectrum * gain.reshape((1,) * (wave.ndim - 1) + gain.shape), count)


def bessel_thomson_response(frequency: Any, bandwidth: Any) -> jax.Array:
    """Response of a fourth-order Bessel-Thomson filter, for the time dependence exp(-2 pi i f t).

    H = 105 / (105 + 105 y + 45 y^2 + 10 y^3 + y^4) with y = -2.1139 i f / bandwidth: 1 at zero, -3 dB at the bandwidth,
    and flat in its delay 2.1139 / (2 pi bandwidth) (ITU-T G.957, annex A, and IEEE 802.3, from memory).

    Args:
        frequency: f in THz.
        bandwidth: -3 dB frequency in THz, broadcast with it.

    Returns:
        H, complex.

    Raises:
        ValueError: for a bandwidth that is not above zero.
    """
    check_positive("bandwidth", bandwidth, "THz")
    x = BESSEL_THOMSON_3DB * jnp.asarray(frequency) / bandwidth
    return 105.0 / jax.lax.complex(105.0 - 45.0 * x**2 + x**4, -105.0 * x + 10.0 * x**3)


def bessel_thomson(waveform: Any, step: Any, bandwidth: Any) -> jax.Array:
    """A periodic waveform behind a fourth-order Bessel-Thomson low-pass; see `bessel_thomson_response`.

    Args:
        waveform: real samples of one period at equal steps, shape [..., K].
        step: time between samples in ps.
        bandwidth: -3 dB frequency in THz; half the symbol rate in the reference receiver of IEEE 802.3, 121.8.5.

    Returns:
        The waveform behind the filter, shape [..., K]; its mean is that of the waveform.

    Raises:
        ValueError: for a waveform that is not finite, or a step or a bandwidth that is not above zero.
    """
    check_finite("waveform", waveform)
    check_positive("step", step, "ps")
    check_positive("bandwidth", bandwidth, "THz")
    return filtered(waveform, step, lambda frequency: bessel_thomson_response(frequency, bandwidth))


def checked_symbols(name: str, values: Any, count: int, whole: int = 1) -> np.ndarray:
    """Whole numbers of [0, count) on the host, a multiple of `whole` of them."""
    if not is_concrete(values):
        raise ValueError(f"{name} is traced; it has to be known before tracing")
    array = np.asarray(values)
    if array.ndim != 1 or array.size < max(2, whole) or array.size % whole:
        raise ValueError(f"{name} of shape {array.shape} is not [N] with {'an even number' if whole == 2 else 'N > 1'}")
    check_range(name, array, 0, count - 1)
    if np.any(array != np.floor(array)):
        raise ValueError(f"{name} = {array[array != np.floor(array)][0]:.6g} is not a whole number")
    return array.astype(np.int64)


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{name} = {value!r} is not of the kind int")
    check_range(name, value, low, high)
    return int(value)


def run_lengths(symbols: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of equal symbols of a pattern that repeats: where each begins, its symbol and its length."""
    symbols = np.asarray(symbols)
    begin = np.flatnonzero(symbols != np.roll(symbols, 1))
    if begin.size == 0:
        return np.array([0]), symbols[:1], np.array([symbols.size])
    return begin, symbols[begin], np.diff(begin, append=begin[0] + symbols.size)
