"""Resonances in a measured spectrum: which channel is which, what the envelope is, where the ring resonates.

A grating coupler's passband, a detector's noise floor and the fringes between two gratings stand in every
measured spectrum besides the ring. What repeats with one period, the free spectral range, is the ring.
Periods are followed in optical frequency, THz, where the resonances of a waveguide of weak dispersion are
evenly spaced.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from photonics_core.spectra import Spectrum, SpectrumError
from photonics_core.units import SPEED_OF_LIGHT

#: The usable band: where the envelope of the through port is within this many dB of its maximum.
BAND_DEPTH_DB = 12.0
#: A channel that receives less than this share of the light lost on resonance is not a drop port.
MINIMUM_DROP_SHARE = 2e-3
#: Group indices that are thought possible when the radius of a ring is known.
GROUP_INDEX_RANGE = (1.2, 6.0)
_GRID_SAMPLES = 1 << 15
_BLOCK_FRACTION = 1 / 100


@dataclass(frozen=True)
class Ports:
    """Names of the through channel and of the drop channel; `drop` is None for an all-pass ring."""

    through: str
    drop: str | None


@dataclass(frozen=True)
class Comb:
    """Resonances that follow each other at one free spectral range.

    `wl` are their wavelengths in um, rising, shape [resonances]; `order` their mode numbers relative to the
    first (falling as the wavelength rises); `fsr_frequency` the free spectral range at each of them in THz,
    or None where a lone resonance leaves it unknown.
    """

    wl: np.ndarray
    order: np.ndarray
    fsr_frequency: np.ndarray | None


def envelope_db(wl: np.ndarray, power_db: np.ndarray) -> np.ndarray:
    """Upper envelope of a spectrum in dB, shape [samples]: what the gratings pass, without the dips.

    The upper quartile of a hundred blocks is smoothed by a spline through their running maximum and mean;
    dips that fill less than three blocks vanish.
    """
    count = max(4, min(round(1 / _BLOCK_FRACTION), wl.size // 4))
    centres = np.concatenate([np.mean(rows, axis=1) for rows in _blocks(wl, count)])
    levels = np.concatenate([np.percentile(rows, 75, axis=1) for rows in _blocks(power_db, count)])
    padded = np.pad(levels, 2, mode="edge")
    closed = np.max(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    opened = np.min(np.lib.stride_tricks.sliding_window_view(np.pad(closed, 2, mode="edge"), 5), axis=1)
    smooth = np.convolve(np.pad(opened, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return np.interp(wl, centres, smooth)


def _blocks(values: np.ndarray, count: int) -> list[np.ndarray]:
    """Values in `count` blocks, those of one length as the rows of one array: the first ones may be one longer."""
    length, longer = divmod(values.size, count)
    parts = np.split(values, [longer * (length + 1)])
    return [part.reshape(-1, size) for part, size in zip(parts, (length + 1, length), strict=True) if part.size]


def usable_band(wl: np.ndarray, power_db: np.ndarray, depth_db: float = BAND_DEPTH_DB) -> np.ndarray:
    """Mask, shape [samples], of the stretch around the maximum in which the envelope falls by `depth_db`."""
    return _above(envelope_db(wl, power_db), depth_db)


def _above(envelope: np.ndarray, depth_db: float) -> np.ndarray:
    peak = int(np.argmax(envelope))
    low = np.nonzero(envelope < envelope[peak] - depth_db)[0]
    first = low[low < peak].max(initial=-1) + 1
    last = low[low > peak].min(initial=envelope.size)
    mask = np.zeros(envelope.size, dtype=bool)
    mask[first:last] = True
    return mask


def identify_ports(spectrum: Spectrum) -> Ports:
    """Tell the through port from the drop port by their light.

    The through port carries most of the light between resonances. The drop port receives what the through
    port loses: of the channels that peak where the through port dips it is the one that receives the largest
    share (the add port peaks there as well, by light scattered back in the ring, at a few per cent).
    """
    medians = np.median(spectrum.power_db, axis=1)
    through = int(np.argmax(medians))
    envelope = envelope_db(spectrum.wl, spectrum.power_db[through])
    band = _above(envelope, BAND_DEPTH_DB)
    taken = 1.0 - _linear(spectrum.power_db[through] - envelope)[band]
    shares = [
        _share(taken, _linear(spectrum.power_db[i] - envelope)[band]) if i != through else 0.0
        for i in range(medians.size)
    ]
    drop = int(np.argmax(shares))
    return Ports(spectrum.channel_names[through], spectrum.channel_names[drop] if shares[drop] > 0.0 else None)


def _linear(decibels: np.ndarray) -> np.ndarray:
    return 10.0 ** (np.clip(decibels, -300.0, 300.0) / 10.0)


def _share(taken: np.ndarray, received: np.ndarray) -> float:
    """Share of the light taken from the through port that a channel receives at its peaks, or 0."""
    top = received >= np.quantile(received, 0.99)
    peak_taken = float(np.mean(taken[top]) - np.mean(taken))
    peak_received = float(np.mean(received[top]) - np.median(received))
    if peak_taken < 0.1 or peak_received < MINIMUM_DROP_SHARE:
        return 0.0
    return peak_received / peak_taken


def find_comb(spectrum: Spectrum, ports: Ports, circumference: float | None = None) -> Comb:
    """Find the resonances of one ring within the usable band of the through port.

    `circumference` of the ring in um, where it is known, limits the free spectral range that is looked for.
    Raises `SpectrumError` if nothing stands out of the noise.
    """
    power_db = spectrum.channel(ports.through)
    envelope = envelope_db(spectrum.wl, power_db)
    band = _above(envelope, BAND_DEPTH_DB)
    wl = spectrum.wl[band]
    loss = 1.0 - _linear(power_db - envelope)[band]
    if ports.drop is not None:
        loss = np.maximum(loss, 0.0) * _linear(spectrum.channel(ports.drop) - envelope)[band]
    places, depths = _dips(wl, loss, spectrum.source)
    period = _period(wl, loss, circumference)
    if period is None:
        return Comb(wl[places[[np.argmax(depths)]]], np.zeros(1, dtype=int), None)
    return _follow(SPEED_OF_LIGHT / wl[places], depths, period)


def _dips(wl: np.ndarray, loss: np.ndarray, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Samples at which light is missing, and the depth of each dip above the ripple beside it."""
    noise = 1.4826 * float(np.median(np.abs(np.diff(loss)))) if wl.size > 1 else 0.0
    places, found = find_peaks(loss, prominence=max(5.0 * noise, 0.02 * float(np.ptp(loss)), 1e-6))
    if places.size == 0:
        raise SpectrumError(f"{source}: no resonance stands out in the band {1e3 * wl[0]:.1f} to {1e3 * wl[-1]:.1f} nm")
    return places, found["prominences"]


def _period(wl: np.ndarray, loss: np.ndarray, circumference: float | None) -> float | None:
    """Free spectral range in THz from the first strong maximum of the autocorrelation over frequency."""
    frequency = SPEED_OF_LIGHT / wl[::-1]
    grid = np.linspace(frequency[0], frequency[-1], _GRID_SAMPLES)
    signal = np.interp(grid, frequency, loss[::-1])
    # The square lets dips stand out above fringes, which are shallower but more numerous.
    signal = np.clip(signal - np.median(signal), 0.0, None) ** 2
    signal = signal - signal.mean()
    spectrum = np.abs(np.fft.rfft(signal, 2 * grid.size)) ** 2
    correlation = np.fft.irfft(spectrum)[: grid.size]
    lag = grid - grid[0]
    correlation = correlation / (1.0 - lag / (lag[-1] + lag[1]))
    low, high = 0.0, 0.8 * lag[-1]
    if circumference is not None:
        low = max(low, SPEED_OF_LIGHT / (GROUP_INDEX_RANGE[1] * circumference))
        high = min(high, SPEED_OF_LIGHT / (GROUP_INDEX_RANGE[0] * circumference))
    peaks, _ = find_peaks(correlation, prominence=0.1 * correlation[0])
    peaks = peaks[(lag[peaks] > low) & (lag[peaks] < high)]
    if peaks.size == 0:
        return None
    strong = peaks[correlation[peaks] > 0.7 * correlation[peaks].max()]
    return float(lag[strong[0]])


def _follow(frequency: np.ndarray, depths: np.ndarray, period: float) -> Comb:
    """Walk from the deepest dip to both sides, one period a step, and take the deepest dip there."""
    start = int(np.argmax(depths))
    found = {0: frequency[start]}
    for direction in (1, -1):
        order, place, missed, step = 0, frequency[start], 0, period
        while missed < 2:
            order, place = order + direction, place + direction * step
            near = np.nonzero(np.abs(frequency - place) < 0.08 * step)[0]
            if near.size == 0:
                missed += 1
                continue
            place = frequency[near[np.argmax(depths[near])]]
            found[order], missed = place, 0
    orders = np.array(sorted(found, reverse=True))
    places = np.array([found[order] for order in orders])
    return Comb(SPEED_OF_LIGHT / places, orders, _local_period(orders, places, period))


def _local_period(orders: np.ndarray, frequency: np.ndarray, period: float) -> np.ndarray | None:
    if orders.size < 2:
        return None
    degree = min(2, orders.size - 1) if orders.size > 3 else 1
    slope = np.polyder(np.polyfit(orders, frequency, degree))
    return np.polyval(slope, orders)
