"""Eyes: a periodic waveform folded on its symbols, its levels and amplitudes, error ratios and TDECQ.

Waveforms are one period of a pattern of N symbols in K samples at equal steps, K / N being any fraction; what is
measured does not depend on the symbol rate. Error ratios come from the statistics of the noise around each sample of
the pattern, intersymbol interference included, and never from counting.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import erfc

from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range
from photonics_core.signals import checked_symbols, run_lengths

#: Elementary charge in fC, which is mA/THz.
ELEMENTARY_CHARGE = 1.602176634e-4
#: Points of a symbol period.
POINTS = 100


def receiver_variance(
    power: Any, responsivity: Any, bandwidth: Any, *, density_pa: Any = 0.0, rin_db_hz: Any = None
) -> jax.Array:
    """Variance of the current behind a photodiode and its amplifier: thermal and shot noise and that of the laser.

    i_n^2 B + 2 q I B + RIN I^2 B with I = responsivity times power.

    Args:
        power: optical power in mW, such as that of each level or each sample, any shape.
        responsivity: mA/mW.
        bandwidth: noise bandwidth B in THz; 1.05 times the -3 dB bandwidth of a fourth-order Bessel-Thomson filter.
        density_pa: input-referred current noise i_n of the amplifier in pA/sqrt(Hz).
        rin_db_hz: relative intensity noise in dB/Hz; None for none.

    Returns:
        Variance in mA^2, of the shape of `power`; over the responsivity squared it is that of the power.

    Raises:
        ValueError: for a negative argument (but `rin_db_hz`).
    """
    check_range("power", power, 0.0, np.inf, "mW")
    check_range("responsivity", responsivity, 0.0, np.inf, "mA/mW")
    check_range("bandwidth", bandwidth, 0.0, np.inf, "THz")
    check_range("density_pa", density_pa, 0.0, np.inf, "pA/sqrt(Hz)")
    current = responsivity * jnp.asarray(power, jnp.result_type(float))
    # A pA/sqrt(Hz) is 1e-3 mA/sqrt(THz).
    density = 1e-6 * density_pa**2 + 2.0 * ELEMENTARY_CHARGE * current
    if rin_db_hz is not None:
        check_finite("rin_db_hz", rin_db_hz, "dB/Hz")
        density = density + 1e12 * jnp.exp(rin_db_hz * (math.log(10.0) / 10.0)) * current**2
    return bandwidth * density


def fold(waveform: Any, symbols: Any, points: int = POINTS, *, band_limited: bool = True) -> jax.Array:
    """A waveform cut into the periods of its symbols, its delay taken away.

    The delay, to a point, is where the waveform goes best with the levels of its symbols held for a period each.

    Args:
        waveform: one period of the pattern at equal steps, shape [K].
        symbols: whole numbers, higher ones with more power, shape [N].
        points: points of a symbol period.
        band_limited: interpolate by the Fourier series, which is exact for what passed a filter; otherwise by cubics
            through four samples, which do not ring beside steps.

    Returns:
        Samples, shape [N, points]; the middle of symbol n at [n, points // 2].

    Raises:
        ValueError: for fewer than two samples a symbol, or values that are not finite.
    """
    symbols = checked_symbols("symbols", symbols, 1 << 16)
    wave = checked_waveform(waveform, symbols.size)
    check_range("points", points, 2, 10_000)
    return folded(wave, jnp.asarray(symbols), points, band_limited)


@functools.partial(jax.jit, static_argnums=(2, 3))
def folded(wave: jax.Array, symbols: jax.Array, points: int, band_limited: bool) -> jax.Array:
    """`fold` of a waveform that has been checked."""
    fine = (_by_fourier if band_limited else _by_cubics)(wave, symbols.size * points)
    levels = jnp.broadcast_to(symbols.astype(wave.dtype)[:, None], (symbols.size, points)).ravel()
    spectra = (jnp.fft.rfft(each - jnp.mean(each)) for each in (lax.stop_gradient(fine), levels))
    fit = jnp.fft.irfft(next(spectra) * jnp.conj(next(spectra)), fine.size)
    # Of delays that are as good as one another, but for rounding, the first.
    room = 64.0 * jnp.finfo(fit.dtype).eps * (jnp.max(fit) - jnp.min(fit))
    delay = jnp.argmax(fit >= jnp.max(fit) - room)
    return jnp.roll(fine, -delay).reshape(symbols.size, points)


def eye_density(
    waveform: Any, symbols: Any, *, points: int = POINTS, bins: int = 200, noise: float = 0.0, band_limited: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How dense the traces of an eye are over two symbol periods, on the host, for a picture.

    Args:
        waveform: one period of the pattern, shape [K].
        symbols: its symbols, shape [N].
        points: points of a symbol period.
        bins: bins of the level.
        noise: standard deviation of Gaussian noise to be added, in the unit of the waveform.
        band_limited: as for `fold`.

    Returns:
        Times in symbol periods from -0.5 to 1.5, shape [2 points]; middles of the bins, shape [bins]; density per unit
        of the waveform, shape [bins, 2 points], of which each column has the integral one.
    """
    check_range("noise", noise, 0.0, np.inf)
    check_range("bins", bins, 2, 100_000)
    flat = np.asarray(fold(waveform, symbols, points, band_limited=band_limited), np.float64)
    traces = np.stack([np.roll(flat.ravel(), points // 2 - k) for k in range(2 * points)])[:, ::points]
    room = 0.1 * np.ptp(traces) + 4.0 * noise + 1e-12 * (1.0 + np.abs(traces).max())
    edges = np.linspace(traces.min() - room, traces.max() + room, bins + 1)
    counts = np.stack([np.histogram(row, edges)[0] for row in traces], axis=1)
    width = edges[1] - edges[0]
    density, middles = counts / (counts.sum(axis=0) * width), 0.5 * (edges[1:] + edges[:-1])
    if noise > 0.0:
        kernel = np.exp(-0.5 * ((middles[:, None] - middles) / noise) ** 2)
        density = (kernel / kernel.sum(axis=0)) @ density
    return np.arange(2 * points) / points - 0.5, middles, density


def level_means(samples: Any, symbols: Any) -> jax.Array:
    """Mean of the samples of each symbol, shape [levels], lowest symbol first; `samples` has the shape [N].

    Raises:
        ValueError: for a symbol below the highest that does not occur.
    """
    samples, symbols = jnp.asarray(samples), np.asarray(symbols)
    counts = np.bincount(symbols)
    if np.any(counts == 0):
        raise ValueError(f"symbols has no {int(np.argmin(counts))} among 0 to {counts.size - 1}")
    share = (symbols == np.arange(counts.size)[:, None]) / counts[:, None]
    return jnp.sum(jnp.asarray(share, samples.dtype) * samples[None], axis=1)


def outer_amplitude(rows: Any, symbols: Any) -> jax.Array:
    """OMA outer: mean power of the highest symbol less that of the lowest, in the middle of long runs of them.

    Averages are over the middle two symbol periods of all runs of seven highest, or six lowest, symbols and longer; of
    the longest runs where there are none. PRBS13Q has one run of each (IEEE 802.3, 121.8.4, second hand).

    Args:
        rows: samples by symbol, as `fold` gives them, shape [N, points].
        symbols: the symbols, shape [N].

    Returns:
        The difference, in the unit of the samples.
    """
    rows = jnp.asarray(rows)
    top, bottom = outer_places(np.asarray(symbols), rows.shape[1])
    return jnp.mean(rows.ravel()[top]) - jnp.mean(rows.ravel()[bottom])


def outer_places(symbols: np.ndarray, points: int) -> list[np.ndarray]:
    """Numbers of the samples in the middle of long runs of the highest and of the lowest symbol."""
    begin, symbol, length = run_lengths(symbols)
    places = []
    for which, wanted in ((symbol.max(), 7), (symbol.min(), 6)):
        shortest = min(wanted, length[symbol == which].max())
        chosen = (symbol == which) & (length >= shortest)
        width = min(2, shortest) * points
        first = begin[chosen] * points + (length[chosen] * points - width) // 2
        places.append((first[:, None] + np.arange(width)).ravel() % (symbols.size * points))
    return places


def extinction_ratio_db(levels: Any) -> jax.Array:
    """Extinction ratio in dB, 10 lg of the highest over the lowest of the mean powers of the levels.

    Raises:
        ValueError: for a power below zero.
    """
    check_range("levels", levels, 0.0, np.inf, "mW")
    levels = jnp.asarray(levels, jnp.result_type(float))
    return 10.0 * jnp.log10(jnp.max(levels) / jnp.min(levels))


def level_mismatch(levels: Any) -> jax.Array:
    """Ratio of level mismatch R_LM of four levels, 1 where they are evenly spaced.

    min(3 ES1, 3 ES2, 2 - 3 ES1, 2 - 3 ES2) with ES1 = (V1 - Vm) / (V0 - Vm), ES2 = (V2 - Vm) / (V3 - Vm), Vm the mean
    of V0 and V3 (IEEE 802.3, 120D.3.1.2, second hand). Where V0 and V3 are equal there is no ratio, and 0 is given, as
    where V1 and V2 meet.
    """
    levels = jnp.asarray(levels, jnp.result_type(float))
    check_choice("number of levels", levels.size, [4])
    middle, half = 0.5 * (levels[0] + levels[3]), 0.5 * (levels[3] - levels[0])
    flat = half == 0.0
    sides = jnp.stack([middle - levels[1], levels[2] - middle])
    inner = jnp.where(flat, 0.0, 3.0 * sides / jnp.where(flat, 1.0, half))
    return jnp.min(jnp.concatenate([inner, 2.0 - inner]))


def transmitter_penalty_db(amplitude: Any, input_power: Any) -> jax.Array:
    """Transmitter penalty in dB: -10 lg(OMA / (2 P)) for light of the power P into the modulator."""
    check_positive("input_power", input_power, "mW")
    return -10.0 * jnp.log10(jnp.asarray(amplitude) / (2.0 * input_power))


def symbol_error_ratio(samples: Any, symbols: Any, noise: Any, thresholds: Any = None) -> jax.Array:
    """Ratio of symbols in error: the mean over the pattern of the Gaussian chance to cross a threshold.

    Args:
        samples: what is decided upon, shape [..., N].
        symbols: what was sent, shape [N]; higher symbols have higher samples.
        noise: standard deviation, a number, or one for each symbol sent, shape [N].
        thresholds: between neighbouring symbols, rising, shape [levels - 1]; None for the middles of the mean levels.

    Returns:
        The ratio, shape [...]. Bits are in error that much over the bits of a symbol, with a Gray code and few errors.

    Raises:
        ValueError: for a noise that is not above zero, or thresholds that are too few or too many.
    """
    samples, symbols = jnp.asarray(samples), checked_symbols("symbols", symbols, 1 << 16)
    check_positive("noise", noise)
    if thresholds is None:
        levels = level_means(jnp.mean(samples.reshape(-1, symbols.size), axis=0), symbols)
        thresholds = 0.5 * (levels[1:] + levels[:-1])
    thresholds = jnp.asarray(thresholds, samples.dtype)
    if thresholds.shape != (symbols.max(),):
        raise ValueError(f"thresholds of shape {thresholds.shape} is not [{symbols.max()}]")
    noise = jnp.broadcast_to(jnp.asarray(noise, samples.dtype), samples.shape)
    return jnp.mean(error_chances(samples, jnp.asarray(symbols), noise, thresholds), axis=-1)


def error_chances(samples: jax.Array, symbols: jax.Array, noise: jax.Array, thresholds: jax.Array) -> jax.Array:
    """Chance of each sample to lie beyond the thresholds of its own symbol."""
    top = thresholds.size
    below = jnp.broadcast_to(thresholds[jnp.maximum(symbols - 1, 0)], samples.shape)
    above = jnp.broadcast_to(thresholds[jnp.minimum(symbols, top - 1)], samples.shape)
    has = [jnp.broadcast_to(each.astype(samples.dtype), samples.shape) for each in (symbols > 0, symbols < top)]
    return has[0] * _tail((samples - below) / noise) + has[1] * _tail((above - samples) / noise)


def _tail(x: jax.Array) -> jax.Array:
    """Gaussian tail Q(x)."""
    return 0.5 * erfc(x / math.sqrt(2.0))


def checked_waveform(waveform: Any, count: int) -> jax.Array:
    """A waveform as an array of one axis with two samples a symbol or more; a `ValueError` if it is none."""
    wave = jnp.asarray(waveform)
    if not jnp.issubdtype(wave.dtype, jnp.floating) or wave.ndim != 1 or wave.size < 2 * count:
        raise ValueError(
            f"waveform of shape {wave.shape} and type {wave.dtype} is not [K] real numbers, K >= {2 * count}"
        )
    check_finite("waveform", waveform)
    return wave


def _by_fourier(wave: jax.Array, count: int) -> jax.Array:
    """The Fourier series of a period at `count` equal steps."""
    spectrum = jnp.fft.rfft(wave)
    if wave.size % 2 == 0 and count > wave.size:
        # The highest frequency stands for two halves, one of each sign.
        spectrum = spectrum.at[-1].multiply(0.5)
    return jnp.fft.irfft(spectrum[: count // 2 + 1], count) * (count / wave.size)


def _by_cubics(wave: jax.Array, count: int) -> jax.Array:
    """Cubics through the four samples around each of `count` equal steps of a period."""
    places = np.arange(count, dtype=np.int64) * wave.size
    first, x = jnp.asarray(places // count), jnp.asarray((places % count) / count, wave.dtype)
    weights = (
        -x * (x - 1.0) * (x - 2.0) / 6.0,
        (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0,
        -(x + 1.0) * x * (x - 2.0) / 2.0,
        (x + 1.0) * x * (x - 1.0) / 6.0,
    )
    parts = [w * wave[(first + k) % wave.size] for w, k in zip(weights, range(-1, 3), strict=True)]
    return jnp.sum(jnp.stack(parts), axis=0)
