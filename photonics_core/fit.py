"""Group index, loss and coupling of measured rings, each with a standard error.

One power spectrum of an all-pass ring does not tell the coupling of its bus from the loss of its round trip: the two
amplitudes t and a can be exchanged. `fit_ring` therefore reports both candidates; `fit_series` chooses between them
for several rings of one family, whose loss is common and whose coupling falls exponentially with the gap. A ring
with two equal buses is always undercoupled, for light also leaves by the second bus, and needs no choice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.kernels.checks import check_positive
from photonics_core.lineshape import Resonance, fit_resonance
from photonics_core.regimes import decide_regimes
from photonics_core.resonances import Comb, Ports, find_comb, identify_ports, usable_band
from photonics_core.robust import Estimate, level, positive_level
from photonics_core.spectra import Spectrum, SpectrumError, nominal_gap, nominal_radius, read_spectrum
from photonics_core.units import SPEED_OF_LIGHT, loss_db_cm

#: Q, loss and coupling are taken where the envelope is flat: within the first of these depths below its maximum
#: that leaves `MINIMUM_RESONANCES`.
BAND_DEPTHS_DB = (1.5, 3.0, 6.0, 12.0)
MINIMUM_RESONANCES = 4
#: A resonance whose odd part or whose relative residual is larger than this is a fringe's as much as the ring's.
MAXIMUM_ASYMMETRY = 0.3
MAXIMUM_RESIDUAL = 0.1


@dataclass(frozen=True)
class Candidate:
    """One of the two readings of an all-pass ring: regime, loss in dB/cm and power coupling of the bus.

    `resonance_loss` and `resonance_coupling` hold value and standard error at each resonance used, shape
    [resonances, 2], in dB/cm and as a power ratio.
    """

    regime: str
    loss_db_cm: Estimate
    power_coupling: Estimate
    resonance_loss: np.ndarray
    resonance_coupling: np.ndarray


@dataclass(frozen=True)
class RingFit:
    """What one measured ring tells.

    Lengths in um. `resonances` are all that were fitted and `used` those that enter the estimates of `q`, loss and
    coupling; `fsr` in um, `n_g` and its slope `n_g_slope` in 1/um refer, like all estimates, to the middle of the
    band. `regime`, `loss_db_cm` and `power_coupling` are None as long as both `candidates` stand.
    """

    source: str
    radius: float | None
    gap: float | None
    ports: Ports
    band: tuple[float, float]
    resonances: tuple[Resonance, ...]
    used: tuple[Resonance, ...]
    q: Estimate | None
    fsr: Estimate | None
    n_g: Estimate | None
    n_g_slope: Estimate | None
    candidates: tuple[Candidate, ...]
    regime: str | None
    notes: tuple[str, ...]

    @property
    def chosen(self) -> Candidate | None:
        """The candidate of the decided regime, or None."""
        return next((c for c in self.candidates if c.regime == self.regime), None)

    @property
    def loss_db_cm(self) -> Estimate | None:
        """Propagation loss in dB/cm, or None while the regime is open."""
        return self.chosen.loss_db_cm if self.chosen else None

    @property
    def power_coupling(self) -> Estimate | None:
        """Power coupling of one bus, or None while the regime is open."""
        return self.chosen.power_coupling if self.chosen else None

    def to_json(self) -> dict[str, Any]:
        """The fit as plain numbers, ready for `json.dumps`; what the data cannot tell is None."""
        fsr_nm = Estimate(1e3 * self.fsr.value, 1e3 * self.fsr.se) if self.fsr else None
        return {
            "file": self.source,
            "radius_um": self.radius,
            "gap_um": self.gap,
            "through": self.ports.through,
            "drop": self.ports.drop,
            "band_nm": [1e3 * edge for edge in self.band],
            "resonances_nm": [1e3 * resonance.wl for resonance in self.resonances],
            **_pair("q", self.q),
            **_pair("fsr_nm", fsr_nm),
            **_pair("n_g", self.n_g),
            **_pair("loss_db_cm", self.loss_db_cm),
            **_pair("power_coupling", self.power_coupling),
            "regime": self.regime,
            "candidates": [
                {"regime": c.regime, **_pair("loss_db_cm", c.loss_db_cm), **_pair("power_coupling", c.power_coupling)}
                for c in self.candidates
            ],
            "notes": list(self.notes),
        }


def _pair(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {name: estimate.value if estimate else None, f"{name}_se": estimate.se if estimate else None}


def fit_ring(
    spectrum: Spectrum | str | Path, radius: float | None = None, band: tuple[float, float] | None = None
) -> RingFit:
    """Fit the resonances of one ring, all-pass or with two equal buses.

    `radius` in um defaults to what the name of the file states; without any, group index, loss and coupling stay
    None. `band` (low, high) in um limits the resonances that count for Q, loss and coupling; it defaults to the
    flat part of the envelope that holds at least four. Estimates are medians at the middle of the band.
    Raises `SpectrumError` if the file is unusable or shows no resonance, `ValueError` for a radius that is not positive.
    """
    if not isinstance(spectrum, Spectrum):
        spectrum = read_spectrum(spectrum)
    radius = nominal_radius(spectrum.source) if radius is None else radius
    if radius is not None:
        check_positive("radius", radius, "um")
    circumference = None if radius is None else 2.0 * math.pi * radius
    ports = identify_ports(spectrum)
    comb = find_comb(spectrum, ports, circumference)
    resonances = _fit_resonances(spectrum, ports, comb)
    band = _flat_band(spectrum, ports, resonances) if band is None else band
    used, notes = _select(resonances, band)
    fsr, n_g, n_g_slope = _group_index(resonances, comb, circumference, band)
    candidates = _candidates(used, ports, circumference, band) if comb.fsr_frequency is not None else ()
    if radius is None:
        notes.append("no radius is known, so group index, loss and coupling are not given")
    if comb.fsr_frequency is None:
        notes.append("a lone resonance shows no free spectral range, so loss and coupling are not given")
    return RingFit(
        source=spectrum.source,
        radius=radius,
        gap=nominal_gap(spectrum.source),
        ports=ports,
        band=band,
        resonances=tuple(resonances),
        used=tuple(used),
        q=_level_of(used, "q", band),
        fsr=fsr,
        n_g=n_g,
        n_g_slope=n_g_slope,
        candidates=candidates,
        regime=candidates[0].regime if len(candidates) == 1 else None,
        notes=tuple(notes),
    )


def fit_series(
    spectra: Sequence[Spectrum | str | Path],
    radius: float | None = None,
    gaps: Sequence[float] | None = None,
    band: tuple[float, float] | None = None,
) -> list[RingFit]:
    """Fit rings of one waveguide and decide the coupling regime of each by the trend over gaps and radii.

    `radius` in um (one for all) and `gaps` in um (one each) default to what the names of the files state. The
    regime of a ring stays None where both of its readings fit the trend.
    Raises `SpectrumError` for a file that cannot be used, `ValueError` if `gaps` and `spectra` differ in length.
    """
    fits = [fit_ring(spectrum, radius, band) for spectrum in spectra]
    if gaps is not None:
        if len(gaps) != len(fits):
            raise ValueError(f"gaps has {len(gaps)} values for {len(fits)} spectra")
        check_positive("gaps", list(gaps), "um")
        fits = [replace(fit, gap=float(gap)) for fit, gap in zip(fits, gaps, strict=True)]
    members = [i for i, fit in enumerate(fits) if len(fit.candidates) == 2 and fit.gap and fit.radius]
    regimes = decide_regimes(
        radius=np.array([fits[i].radius for i in members], dtype=float),
        gap=np.array([fits[i].gap for i in members], dtype=float),
        wl=[np.array([r.wl for r in fits[i].used]) for i in members],
        readings=[[(c.regime, c.resonance_loss, c.resonance_coupling) for c in fits[i].candidates] for i in members],
    )
    for i, regime in zip(members, regimes, strict=True):
        fits[i] = replace(fits[i], regime=regime)
    return fits


def _fit_resonances(spectrum: Spectrum, ports: Ports, comb: Comb) -> list[Resonance]:
    through = 10.0 ** (spectrum.channel(ports.through) / 10.0)
    drop = None if ports.drop is None else 10.0 ** (spectrum.channel(ports.drop) / 10.0)
    span = SPEED_OF_LIGHT / spectrum.wl[0] - SPEED_OF_LIGHT / spectrum.wl[-1]
    # A lone resonance is fitted as if its free spectral range were the whole span: its width does not depend on it.
    fsr = np.full(comb.wl.size, span) if comb.fsr_frequency is None else comb.fsr_frequency
    fits = [fit_resonance(spectrum.wl, through, drop, wl, f) for wl, f in zip(comb.wl, fsr, strict=True)]
    found = [fit for fit in fits if fit is not None]
    if not found:
        raise SpectrumError(f"{spectrum.source}: none of {comb.wl.size} dips has the shape of a resonance")
    return found


def _flat_band(spectrum: Spectrum, ports: Ports, resonances: list[Resonance]) -> tuple[float, float]:
    power_db = spectrum.channel(ports.through)
    for depth in BAND_DEPTHS_DB:
        inside = spectrum.wl[usable_band(spectrum.wl, power_db, depth)]
        band = float(inside[0]), float(inside[-1])
        if sum(band[0] <= resonance.wl <= band[1] for resonance in resonances) >= MINIMUM_RESONANCES:
            break
    return band


def _select(resonances: list[Resonance], band: tuple[float, float]) -> tuple[list[Resonance], list[str]]:
    """Resonances for the estimates, and what was left out; criteria are dropped rather than leave too few."""
    chosen, notes = resonances, []
    criteria = [
        ("outside the band", lambda r: band[0] <= r.wl <= band[1]),
        ("distorted by fringes", lambda r: abs(r.asymmetry) <= MAXIMUM_ASYMMETRY and r.residual <= MAXIMUM_RESIDUAL),
        ("split by backscattering", lambda r: r.splitting == 0.0),
    ]
    for reason, accept in criteria:
        kept = [resonance for resonance in chosen if accept(resonance)]
        left_out = len(chosen) - len(kept)
        if left_out and len(kept) >= min(2, len(chosen)):
            notes.append(f"{left_out} of {len(chosen)} resonances {reason} left out")
            chosen = kept
        elif left_out:
            notes.append(f"{left_out} of {len(chosen)} resonances {reason} kept, for want of others")
    verdicts = [r.split_regime for r in resonances if r.split_regime]
    if verdicts:
        notes.append(f"of {len(verdicts)} split resonances {verdicts.count('over')} look overcoupled")
    return chosen, notes


def _level_of(used: list[Resonance], name: str, band: tuple[float, float]) -> Estimate | None:
    values = np.array([getattr(r, name) for r in used])
    errors = np.array([getattr(r, f"{name}_se") for r in used])
    return positive_level(np.array([r.wl for r in used]), values, errors, 0.5 * (band[0] + band[1]))


def _group_index(
    resonances: list[Resonance], comb: Comb, circumference: float | None, band: tuple[float, float]
) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Free spectral range in um, group index and its slope in 1/um at the middle of the band.

    The number of resonances between two frequencies is the mean of 2 n_g R / c over them, so each pair of neighbours
    gives the group index half-way between them, without any expansion.
    """
    wl = np.array([r.wl for r in resonances])
    if wl.size < 2 or comb.fsr_frequency is None:
        return None, None, None
    centre = 0.5 * (band[0] + band[1])
    frequency = SPEED_OF_LIGHT / wl
    errors = np.array([r.wl_se for r in resonances]) * frequency / wl
    period = np.median(comb.fsr_frequency)
    spacing, steps = -np.diff(frequency), np.maximum(np.round(-np.diff(frequency) / period), 1.0)
    middle = SPEED_OF_LIGHT / (0.5 * (frequency[1:] + frequency[:-1]))
    optical_length = SPEED_OF_LIGHT * steps / spacing
    relative = np.hypot(errors[1:], errors[:-1]) / spacing
    estimate, slope = level(middle, optical_length, relative * optical_length, centre, with_slope=True)
    fsr = centre**2 / estimate.value
    fsr_estimate = Estimate(fsr, fsr * estimate.se / estimate.value)
    if circumference is None:
        return fsr_estimate, None, None
    n_g = Estimate(estimate.value / circumference, estimate.se / circumference)
    return fsr_estimate, n_g, Estimate(slope.value / circumference, slope.se / circumference) if slope else None


def _candidates(
    used: list[Resonance], ports: Ports, circumference: float | None, band: tuple[float, float]
) -> tuple[Candidate, ...]:
    if circumference is None or not used:
        return ()
    signs = _smooth_signs(used)
    middle = 1.0 if np.sum(signs) >= 0.0 else -1.0
    regimes = ("under",) if ports.drop is not None else ("under", "over")
    made = []
    for regime in regimes:
        flip = middle if regime == "under" else -middle
        orientation = np.ones(len(used)) if ports.drop is not None else flip * signs
        rows = [_loss_and_coupling(r, s, ports, circumference) for r, s in zip(used, orientation, strict=True)]
        loss, coupling = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
        wl, centre = np.array([r.wl for r in used]), 0.5 * (band[0] + band[1])
        estimates = [positive_level(wl, values[:, 0], values[:, 1], centre) for values in (loss, coupling)]
        made.append(Candidate(regime, estimates[0], estimates[1], loss, coupling))
    return tuple(made)


def _smooth_signs(used: list[Resonance]) -> np.ndarray:
    """Sign of t - a at each resonance up to one common sign: it turns where |t - a| falls to zero and rises again."""
    size = np.array([r.difference for r in used])
    wl = np.array([r.wl for r in used])
    error = np.hypot(np.array([r.difference_se for r in used]), 0.02 * size.max())
    if wl.size < 5:
        return np.ones(wl.size)
    misfits = []
    for turn in range(wl.size):
        signs = np.where(np.arange(wl.size) < turn, -1.0, 1.0)
        x = (wl - wl.mean()) / np.ptp(wl)
        residuals = signs * size - np.polyval(np.polyfit(x, signs * size, 1, w=1.0 / error), x)
        misfits.append(np.sum((residuals / error) ** 2))
    turn = int(np.argmin(misfits))
    # One that stays on its side is the rule; a crossing has to explain the data much better.
    if misfits[turn] > 0.5 * misfits[0] or not 1 < turn < wl.size - 1:
        return np.ones(wl.size)
    return np.where(np.arange(wl.size) < turn, -1.0, 1.0)


def _loss_and_coupling(
    resonance: Resonance, sign: float, ports: Ports, circumference: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Loss in dB/cm and power coupling, each with its standard error; `sign` is that of t - a."""
    p, d = resonance.round_trip, sign * resonance.difference
    root = math.sqrt(d * d + 4.0 * p)
    t = 0.5 * (d + root)
    t_se = math.hypot(0.5 * (1.0 + d / root) * resonance.difference_se, resonance.round_trip_se / root)
    # The other amplitude is t - d; a second, equal bus takes part of it: a = (t - d) / t.
    other = max(t - d, 1e-12)
    other_se = math.hypot(0.5 * (1.0 - d / root) * resonance.difference_se, resonance.round_trip_se / root)
    a, a_se = other, other_se
    if ports.drop is not None:
        a = other / t
        # d = t (1 - a): its error dominates that of a, because the errors of t and other nearly cancel.
        a_se = math.hypot(resonance.difference_se / t, d * t_se / t**2)
    loss = float(loss_db_cm(-2.0 * math.log(a) / circumference))
    loss_se = float(loss_db_cm(2.0 * a_se / (a * circumference)))
    return (loss, loss_se), (1.0 - t * t, 2.0 * t * t_se)
