"""Coupling between two waveguides or two rings, from measured spectra.

A directional coupler is measured within a Mach-Zehnder interferometer of two such couplers, because one alone
shows only its split: with theta the rotation angle of one coupler, the cross port passes sin^2(2 theta)
cos^2(psi/2) of the light, psi being the phase between the arms. Two coupled rings show their coupling as the
splitting of every resonance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.signal import find_peaks

from photonics_core.kernels.checks import check_range
from photonics_core.resonance_search import envelope_db, find_comb, identify_ports, usable_band
from photonics_core.robust import Estimate, level
from photonics_core.spectra import Spectrum, SpectrumError, nominal_length, nominal_radius, read_spectrum
from photonics_core.units import SPEED_OF_LIGHT

#: Depth of the band, in dB below the maximum of the envelope, in which interference is fitted.
BAND_DEPTH_DB = 6.0
_FRINGES = np.linspace(1.0, 30.0, 400)
_FIT_SAMPLES = 4000


@dataclass(frozen=True)
class DirectionalCouplerFit:
    """Coupling per length in rad/um and the length in um that the bends beside the straight part are worth.

    `angle` is the rotation angle of each coupler in rad, in the order of `length` in um, both of shape
    [couplers]; `wl` the wavelength in um to which all refers.
    """

    coupling: Estimate
    bend_length: Estimate
    length: np.ndarray
    angle: np.ndarray
    wl: float


@dataclass(frozen=True)
class CoupledPairFit:
    """Two coupled rings: splitting and free spectral range in um, group index (None if no radius is known).

    `wl` are the two wavelengths in um of each split resonance, shape [resonances, 2].
    """

    splitting: Estimate
    fsr: Estimate
    n_g: Estimate | None
    wl: np.ndarray


def fit_directional_coupler(
    spectra: Sequence[Spectrum | str | Path], lengths: Sequence[float] | None = None, wl: float = 1.55
) -> DirectionalCouplerFit:
    """Fit the coupling per length of directional couplers of several lengths, each in an interferometer of
    two.

    `lengths` of the straight parts in um, one each, default to what the names of the files state; `wl` in um
    is the wavelength of interest. Raises `ValueError` if fewer than three different lengths are known,
    `SpectrumError` if a file cannot be used.
    """
    measured = [s if isinstance(s, Spectrum) else read_spectrum(s) for s in spectra]
    stated = [nominal_length(s.source) for s in measured] if lengths is None else list(lengths)
    known = [length for length in stated if length is not None]
    if len(known) != len(measured):
        raise ValueError(f"lengths = {stated!r} does not give a length in um for each spectrum")
    check_range("lengths", known, 0.0, np.inf, "um")
    if len(set(known)) < 3:
        raise ValueError(f"lengths = {known!r} are fewer than three different lengths")
    order = np.argsort(known)
    measured, length = [measured[i] for i in order], np.array(known, dtype=float)[order]
    bar, cross = _bar_and_cross(measured[0])
    folded = np.array([_interferometer_angle(s, bar, cross, wl) for s in measured])
    angle = _unfold(length, folded)
    (slope, offset), covariance = np.polyfit(length, angle, 1, cov=True)
    bend_length = offset / slope
    gradient = np.array([-offset / slope**2, 1.0 / slope])
    error = math.sqrt(gradient @ covariance @ gradient)
    coupling = Estimate(float(slope), float(math.sqrt(covariance[0, 0])))
    return DirectionalCouplerFit(coupling, Estimate(float(bend_length), error), length, angle, wl)


def _bar_and_cross(shortest: Spectrum) -> tuple[str, str]:
    """The two brightest channels: the shortest coupler leaves most light in its own waveguide."""
    brightness = np.percentile(shortest.power_db, 95, axis=1)
    if brightness.size < 2:
        raise SpectrumError(f"{shortest.source}: a coupler needs two channels, bar and cross")
    bar, cross = np.argsort(brightness)[::-1][:2]
    return shortest.channel_names[bar], shortest.channel_names[cross]


def _interferometer_angle(spectrum: Spectrum, bar: str, cross: str, wl: float) -> float:
    """Rotation angle of one coupler in rad, folded into [0, pi/4]: sin^2(2 theta) is what shows."""
    powers = [10.0 ** (spectrum.channel(name) / 10.0) for name in (bar, cross)]
    total_db = 10.0 * np.log10(powers[0] + powers[1])
    band = usable_band(spectrum.wl, total_db, BAND_DEPTH_DB)
    if not spectrum.wl[band][0] <= wl <= spectrum.wl[band][-1]:
        raise SpectrumError(f"{spectrum.source}: {wl} um lies outside the band of the gratings")
    stride = max(1, np.count_nonzero(band) // _FIT_SAMPLES)
    fraction = (powers[1] / (powers[0] + powers[1]))[band][::stride]
    place = spectrum.wl[band][::stride]
    x = SPEED_OF_LIGHT / place
    x = 2.0 * (x - x.mean()) / np.ptp(x)
    start = _fringe_guess(x, fraction)

    def residuals(p: np.ndarray) -> np.ndarray:
        angle = p[0] + p[1] * (place - wl) / np.ptp(place)
        return np.sin(2.0 * angle) ** 2 * np.cos(0.5 * (p[2] + p[3] * x + p[4] * x**2)) ** 2 - fraction

    fit = least_squares(residuals, start, x_scale="jac")
    folded = abs((fit.x[0] + 0.25 * math.pi) % (0.5 * math.pi) - 0.25 * math.pi)
    return float(folded)


def _fringe_guess(x: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Angle, its slope, and phase, rate and chirp of the fringes, from the best single sinusoid."""
    best = (np.inf, np.zeros(3), 0.0)
    for rate in math.pi * _FRINGES:
        design = np.stack([np.ones(x.size), np.cos(rate * x), np.sin(rate * x)], axis=1)
        coefficients, misfit, *_ = np.linalg.lstsq(design, fraction, rcond=None)
        if misfit.size and misfit[0] < best[0]:
            best = (float(misfit[0]), coefficients, rate)
    _, coefficients, rate = best
    contrast = min(2.0 * math.hypot(coefficients[1], coefficients[2]), 0.95)
    phase = math.atan2(-coefficients[2], coefficients[1])
    return np.array([0.5 * math.asin(math.sqrt(contrast)), 0.0, phase, rate, 0.0])


def _unfold(length: np.ndarray, folded: np.ndarray) -> np.ndarray:
    """Angles that grow in proportion to the length: from some coupler on they have passed pi/4."""
    best, chosen = np.inf, folded
    for turn in range(2, length.size + 1):
        angle = np.where(np.arange(length.size) < turn, folded, 0.5 * math.pi - folded)
        misfit = np.sum((angle - np.polyval(np.polyfit(length, angle, 1), length)) ** 2)
        if misfit < best:
            best, chosen = misfit, angle
    return chosen


def fit_coupled_pair(spectrum: Spectrum | str | Path, radius: float | None = None) -> CoupledPairFit:
    """Fit the splitting of the resonances of two coupled rings of nearly equal radius.

    `radius` in um defaults to what the name of the file states. Raises `SpectrumError` if fewer than two
    resonances are split.
    """
    if not isinstance(spectrum, Spectrum):
        spectrum = read_spectrum(spectrum)
    radius = nominal_radius(spectrum.source) if radius is None else radius
    circumference = None if radius is None else 2.0 * math.pi * radius
    ports = identify_ports(spectrum)
    comb = find_comb(spectrum, ports, circumference)
    power_db = spectrum.channel(ports.through)
    loss_db = envelope_db(spectrum.wl, power_db) - power_db
    if comb.fsr_frequency is None:
        raise SpectrumError(f"{spectrum.source}: a lone resonance, so no splitting can be told from the period")
    reach = 0.3 * comb.fsr_frequency * comb.wl**2 / SPEED_OF_LIGHT
    pairs = [_two_dips(spectrum.wl, loss_db, w, r) for w, r in zip(comb.wl, reach, strict=True)]
    split = [i for i, pair in enumerate(pairs) if pair is not None]
    if len(split) < 2:
        raise SpectrumError(f"{spectrum.source}: fewer than two resonances are split")
    wl, order = np.array([pairs[i] for i in split]), comb.order[split]
    centre, none = wl.mean(axis=1), np.zeros(len(split))
    middle = 0.5 * (centre[0] + centre[-1])
    splitting = level(centre, wl[:, 1] - wl[:, 0], none, middle)
    spacing = -np.diff(SPEED_OF_LIGHT / centre) / -np.diff(order)
    optical = level(0.5 * (centre[1:] + centre[:-1]), SPEED_OF_LIGHT / spacing, none[1:], middle)
    fsr = Estimate(middle**2 / optical.value, middle**2 * optical.se / optical.value**2)
    n_g = None if circumference is None else Estimate(optical.value / circumference, optical.se / circumference)
    return CoupledPairFit(splitting, fsr, n_g, wl)


def _two_dips(wl: np.ndarray, loss_db: np.ndarray, centre: float, reach: float) -> tuple[float, float] | None:
    """Wavelengths of the two deepest dips within `reach` of `centre`, or None if there is one only."""
    near = np.nonzero(np.abs(wl - centre) < reach)[0]
    peaks, found = find_peaks(loss_db[near], prominence=0.1 * float(np.ptp(loss_db[near])))
    if peaks.size < 2:
        return None
    deepest = np.sort(peaks[np.argsort(found["prominences"])[-2:]])
    first, second = (_vertex(wl[near], loss_db[near], int(peak)) for peak in deepest)
    return first, second


def _vertex(wl: np.ndarray, loss_db: np.ndarray, peak: int) -> float:
    """Maximum of the parabola through the samples around a peak."""
    around = slice(max(peak - 4, 0), peak + 5)
    x = wl[around] - wl[peak]
    curvature, slope, _ = np.polyfit(x, loss_db[around], 2)
    shift = -0.5 * slope / curvature if curvature < 0.0 else 0.0
    return float(wl[peak] + np.clip(shift, x[0], x[-1]))
