"""Group index, loss and coupling of measured rings, each with a standard error.

One power spectrum of an all-pass ring does not tell the coupling of its bus from the loss of its round trip:
the two amplitudes t and a can be exchanged. `fit_ring` therefore reports both candidates; `fit_series`
chooses between them for several rings of one family, whose loss is common and whose coupling falls
exponentially with the gap. A ring with two equal buses is always undercoupled, for light also leaves by the
second bus, and needs no choice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.kernels.checks import check_positive
from photonics_core.lineshape import Resonance, fit_resonance
from photonics_core.regimes import Candidate, decide_regimes, make_candidates
from photonics_core.resonance_search import Comb, Ports, find_comb, identify_ports, usable_band
from photonics_core.robust import Estimate, level_and_slope, positive_level
from photonics_core.spectra import Spectrum, SpectrumError, nominal_gap, nominal_radius, read_spectrum
from photonics_core.units import SPEED_OF_LIGHT

#: Q, loss and coupling are taken where the envelope is flat: within the first of these depths below its
#: maximum that leaves `MINIMUM_RESONANCES`.
BAND_DEPTHS_DB = (1.5, 3.0, 6.0, 12.0)
MINIMUM_RESONANCES = 4
#: A resonance whose odd part or whose relative residual is larger than this is a fringe's as much as the
#: ring's.
MAXIMUM_ASYMMETRY = 0.15
MAXIMUM_RESIDUAL = 0.1
#: Rings of one waveguide have group indices that agree within this share.
FAMILY_SPREAD = 0.03
#: A line that differs by this factor in width from the median of its ring is fitted again.
ODD_WIDTH = 1.5


@dataclass(frozen=True)
class RingFit:
    """What one measured ring tells.

    Lengths in um. `resonances` are all that were fitted and `used` those that enter the estimates of `q`,
    loss and coupling; `fsr` in um, `n_g` and its slope `n_g_slope` in 1/um refer, like all estimates, to the
    middle of the band. `regime`, `loss_db_cm` and `power_coupling` are None as long as both `candidates`
    stand.
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
                {
                    "regime": c.regime,
                    **_pair("loss_db_cm", c.loss_db_cm),
                    **_pair("power_coupling", c.power_coupling),
                }
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

    `radius` in um defaults to what the name of the file states; without any, group index, loss and coupling
    stay None. `band` (low, high) in um limits the resonances that count for Q, loss and coupling; it defaults
    to the flat part of the envelope that holds at least four. Estimates are medians at the middle of the
    band. Raises `SpectrumError` if the file is unusable or shows no resonance, `ValueError` for a radius that
    is not positive.
    """
    search = search_ring(spectrum, radius)
    return summarize_ring(search, _fit_resonances(search.spectrum, search.ports, search.comb), band)


@dataclass(frozen=True)
class RingSearch:
    """What is known of a ring before its lines are fitted: its spectrum, radius in um or None, ports and comb."""

    spectrum: Spectrum
    radius: float | None
    ports: Ports
    comb: Comb

    @property
    def circumference(self) -> float | None:
        """Length of a round trip in um, or None."""
        return None if self.radius is None else 2.0 * math.pi * self.radius


def search_ring(spectrum: Spectrum | str | Path, radius: float | None = None) -> RingSearch:
    """Find ports and resonances of one ring of a radius in um; arguments and errors as for `fit_ring`."""
    if not isinstance(spectrum, Spectrum):
        spectrum = read_spectrum(spectrum)
    radius = nominal_radius(spectrum.source) if radius is None else radius
    if radius is not None:
        check_positive("radius", radius, "um")
    circumference = None if radius is None else 2.0 * math.pi * radius
    ports = identify_ports(spectrum)
    return RingSearch(spectrum, radius, ports, find_comb(spectrum, ports, circumference))


def summarize_ring(
    search: RingSearch, resonances: Sequence[Resonance], band: tuple[float, float] | None = None
) -> RingFit:
    """Make the estimates of one ring from its fitted `resonances`, at least one; `band` as for `fit_ring`."""
    spectrum, radius, ports, comb = search.spectrum, search.radius, search.ports, search.comb
    circumference, resonances = search.circumference, list(resonances)
    band = _flat_band(spectrum, ports, resonances) if band is None else band
    used, notes = _select(resonances, band)
    fsr, n_g, n_g_slope = _group_index(resonances, comb, circumference, band)
    centre = 0.5 * (band[0] + band[1])
    candidates: tuple[Candidate, ...] = ()
    if circumference is not None and comb.fsr_frequency is not None:
        candidates = make_candidates(used, ports.drop is not None, circumference, centre)
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
    """Fit several rings and decide the coupling regime of each by the trend over gaps and radii.

    `radius` in um (one for all) and `gaps` in um (one each) default to what the names of the files state.
    Raises `SpectrumError` for a file that cannot be used, `ValueError` if `gaps` and `spectra` differ in
    length.
    """
    if gaps is not None and len(gaps) != len(spectra):
        raise ValueError(f"gaps has {len(gaps)} values for {len(spectra)} spectra")
    fits = [fit_ring(spectrum, radius, band) for spectrum in spectra]
    if gaps is not None:
        check_positive("gaps", list(gaps), "um")
        fits = [replace(fit, gap=float(gap)) for fit, gap in zip(fits, gaps, strict=True)]
    return decide_series(fits)


def decide_series(fits: Sequence[RingFit]) -> list[RingFit]:
    """Decide the coupling regime of each of several fits, as far as the series allows.

    Rings whose group indices agree within 3 % count as rings of one waveguide. The regime of a ring stays
    None where both of its readings fit the trend of its waveguide, and where radius or gap are not known.
    """
    decided = list(fits)
    open_fits = [i for i, fit in enumerate(fits) if len(fit.candidates) == 2 and fit.gap and fit.radius and fit.n_g]
    for family in _families(np.array([fit.n_g.value for i in open_fits if (fit := fits[i]).n_g])):
        members = [open_fits[i] for i in family]
        regimes = decide_regimes(
            radius=np.array([fits[i].radius for i in members], dtype=float),
            gap=np.array([fits[i].gap for i in members], dtype=float),
            wl=[np.array([r.wl for r in fits[i].used]) for i in members],
            candidates=[fits[i].candidates for i in members],
        )
        for i, regime in zip(members, regimes, strict=True):
            decided[i] = replace(fits[i], regime=regime)
    return decided


def _families(n_g: np.ndarray) -> list[np.ndarray]:
    """Indices of the rings of each waveguide: sorted by group index, a family ends where it jumps."""
    order = np.argsort(n_g)
    jumps = np.nonzero(np.diff(n_g[order]) > FAMILY_SPREAD * n_g[order][:-1])[0] + 1
    return [family for family in np.split(order, jumps) if family.size]


def _fit_resonances(spectrum: Spectrum, ports: Ports, comb: Comb) -> list[Resonance]:
    through, drop = port_powers(spectrum, ports)
    fsr = line_periods(spectrum, comb)
    fits = [fit_resonance(spectrum.wl, through, drop, wl, f) for wl, f in zip(comb.wl, fsr, strict=True)]
    found = [fit for fit in fits if fit is not None]
    if not found:
        raise SpectrumError(no_line(spectrum, comb))
    typical = typical_width(found)
    for i, fit in enumerate(fits):
        if is_odd(fit, typical):
            fits[i] = fit_resonance(spectrum.wl, through, drop, float(comb.wl[i]), float(fsr[i]), typical) or fit
    return [fit for fit in fits if fit is not None]


def port_powers(spectrum: Spectrum, ports: Ports) -> tuple[np.ndarray, np.ndarray | None]:
    """Linear powers of the through port and, where there is one, of the drop port."""
    drop = None if ports.drop is None else 10.0 ** (spectrum.channel(ports.drop) / 10.0)
    return 10.0 ** (spectrum.channel(ports.through) / 10.0), drop


def line_periods(spectrum: Spectrum, comb: Comb) -> np.ndarray:
    """Free spectral range at each line in THz.

    A lone line is fitted as if its free spectral range were the whole span: its width does not depend on it.
    """
    span = SPEED_OF_LIGHT / spectrum.wl[0] - SPEED_OF_LIGHT / spectrum.wl[-1]
    return np.full(comb.wl.size, span) if comb.fsr_frequency is None else comb.fsr_frequency


def no_line(spectrum: Spectrum, comb: Comb) -> str:
    """What to say of a spectrum in which nothing could be fitted."""
    return f"{spectrum.source}: none of {comb.wl.size} dips has the shape of a resonance"


def typical_width(found: Sequence[Resonance]) -> float:
    """Median width in um of the lines of one ring, which are alike."""
    return float(np.median([fit.wl / fit.q for fit in found]))


def is_odd(fit: Resonance | None, typical: float) -> bool:
    """Whether a line failed or is far from the others' width: it is then fitted again within that."""
    return fit is None or not 1.0 / ODD_WIDTH < fit.wl / fit.q / typical < ODD_WIDTH


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
        (
            "distorted by fringes",
            lambda r: abs(r.asymmetry) <= MAXIMUM_ASYMMETRY and r.residual <= MAXIMUM_RESIDUAL,
        ),
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

    The number of resonances between two frequencies is the mean of 2 n_g R / c over them, so each pair of
    neighbours gives the group index half-way between them, without any expansion.
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
    estimate, slope = level_and_slope(middle, optical_length, relative * optical_length, centre)
    fsr = centre**2 / estimate.value
    fsr_estimate = Estimate(fsr, fsr * estimate.se / estimate.value)
    if circumference is None:
        return fsr_estimate, None, None
    n_g = Estimate(estimate.value / circumference, estimate.se / circumference)
    return (
        fsr_estimate,
        n_g,
        Estimate(slope.value / circumference, slope.se / circumference) if slope else None,
    )
