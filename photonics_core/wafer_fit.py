"""A wafer of measured rings, fitted in one batch: spectra or a folder of files to one table.

Each device gets what `fit_ring` gives it, by the same search and the same line, but all lines of many devices are
fitted at once (`line_batch`). A file that cannot be read, or shows no ring, is listed with the reason and costs the
others nothing. The regime of all-pass rings is decided for each design (radius and gap) by `decide_series`, on the one
device of the design whose Q is the median.

Devices that stand apart are flagged, not removed:

    few_lines      fewer than three lines carry the estimates
    residual       the residuals of the lines are large by themselves, or against those of the other devices
    asymmetric     the lines are distorted by fringes
    not_settled    the fit of a line did not settle, or its samples do not tell its parameters apart
    off_trend      n_g, Q, loss or coupling lies off the trend of its design over the wafer
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.fit import (
    RingFit,
    RingSearch,
    decide_series,
    is_odd,
    line_periods,
    no_line,
    port_powers,
    search_ring,
    summarize_ring,
    typical_width,
)
from photonics_core.kernels.checks import check_choice, check_positive
from photonics_core.line_batch import Lines, Ported, fit_lines
from photonics_core.lineshape import Resonance
from photonics_core.spectra import Spectrum, SpectrumError, read_spectrum
from photonics_core.wafer_estimates import WeightedEstimates, group_index_at, weighted_estimates
from photonics_core.wafer_files import FolderPlan, MeasuredFile, plan_folder
from photonics_core.wafer_outliers import wafer_flags
from photonics_core.wafer_table import wafer_variables

#: Spectra that are held in memory at one time.
SPECTRA_AT_ONCE = 256

Say = Callable[[str], None]


@dataclass(frozen=True)
class WaferFit:
    """Fits of the devices of one wafer.

    `files` are the devices that were fitted and `fits` what came of them, in the same order; `weighted` are
    estimates whose errors hold for noise (see `wafer_estimates`); `flags` holds for each name of
    `wafer_outliers.FLAGS` a Boolean array [devices]; `bad` is (name, reason) for each file that could not be used,
    `ignored` the names of those of no known kind, `notes` remarks on the folder.
    """

    files: tuple[MeasuredFile, ...]
    fits: tuple[RingFit, ...]
    weighted: tuple[WeightedEstimates, ...]
    flags: dict[str, np.ndarray]
    bad: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def outliers(self) -> np.ndarray:
        """Whether a device has any flag, shape [devices]."""
        return np.any(np.stack(list(self.flags.values())), axis=0) if self.fits else np.zeros(0, bool)

    @property
    def positions(self) -> np.ndarray:
        """x and y in um, shape [devices, 2], nan where they are not known."""
        return np.array([file.position for file in self.files], dtype=float).reshape(-1, 2)

    def values(self, name: str, weighted: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """An estimate and its standard error over the devices, each shape [devices], nan where there is none.

        `name` is one of q, fsr, n_g, n_g_slope, loss_db_cm and power_coupling: the medians of `fits`, or, without fsr
        and n_g_slope, the `weighted` ones.
        """
        known = ("q", "n_g", "loss_db_cm", "power_coupling")
        check_choice("name", name, known if weighted else (*known, "fsr", "n_g_slope"))
        found = [getattr(fit, name) for fit in (self.weighted if weighted else self.fits)]
        pairs = [(math.nan, math.nan) if each is None else (each.value, each.se) for each in found]
        value, error = np.array(pairs, dtype=float).reshape(-1, 2).T
        return value, error

    def lines_near(self, wl: float) -> dict[str, np.ndarray]:
        """The line of each device that is nearest to `wl` in um: wl, wl_se, n_g and n_g_se there, each [devices]."""
        check_positive("wl", wl, "um")
        lines = [min(fit.used, key=lambda line: abs(line.wl - wl)) for fit in self.fits]
        known = [group_index_at(fit, line.wl) for fit, line in zip(self.fits, lines, strict=True)]
        n_g = np.array([(math.nan, math.nan) if each is None else (each.value, each.se) for each in known], dtype=float)
        return {
            "wl": np.array([line.wl for line in lines], dtype=float),
            "wl_se": np.array([line.noise.wl_se if line.noise else line.wl_se for line in lines], dtype=float),
            "n_g": n_g.reshape(-1, 2)[:, 0],
            "n_g_se": n_g.reshape(-1, 2)[:, 1],
        }

    def save(self, path: str | Path) -> None:
        """Write the table to an HDF5 file (see `wafer_table`)."""
        from photonics_core.store import save

        save(path, wafer_variables(self), attributes={"kind": "wafer fit"})


def fit_spectra(
    spectra: Sequence[Spectrum],
    *,
    radius: float | None = None,
    gap: float | None = None,
    positions: Any = None,
    regime: str | None = None,
    band: tuple[float, float] | None = None,
    devices: int | None = None,
) -> WaferFit:
    """Fit many spectra, one device each.

    Args:
        spectra: measured spectra; names of their `source` are told apart by the caller.
        radius, gap: of all rings in um, where the names of the sources do not say it.
        positions: x and y in um, shape [devices, 2], or None.
        regime: "under" or "over" where it is known for all; else the series decides.
        band: (low, high) in um, as for `fit_ring`.
        devices: number of local devices to compute on; all by default.

    Returns:
        The fits; a spectrum without a ring is in `bad`.

    Raises:
        ValueError: for positions of another shape, a length that is not positive or an unknown regime.
    """
    from photonics_core.spectra import nominal_gap, nominal_radius

    _check(radius, gap, regime)
    places = np.full((len(spectra), 2), math.nan) if positions is None else np.asarray(positions, float)
    if places.shape != (len(spectra), 2):
        raise ValueError(f"positions of shape {places.shape} are not [{len(spectra)}, 2]")
    files = [
        MeasuredFile(
            Path(each.source),
            each.source,
            nominal_radius(each.source) or radius,
            nominal_gap(each.source) or gap,
            (float(x), float(y)),
        )
        for each, (x, y) in zip(spectra, places, strict=True)
    ]
    by_file = {id(file): spectrum for file, spectrum in zip(files, spectra, strict=True)}
    return _fit(FolderPlan(tuple(files), (), ()), lambda file: by_file[id(file)], regime, band, None, devices)


def fit_folder(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    regime: str | None = None,
    band: tuple[float, float] | None = None,
    say: Say | None = None,
    devices: int | None = None,
    **plan: Any,
) -> WaferFit:
    """Fit every spectrum in a folder, and write the table to `out` where it is given.

    Args:
        folder: folder of .mat files and text tables.
        out: HDF5 file to write.
        regime: "under" or "over" where it is known for all; else the series decides.
        band: (low, high) in um, as for `fit_ring`.
        say: takes a line of text after every batch of files.
        devices: number of local devices to compute on; all by default.
        plan: further arguments of `plan_folder`: radius, gap, positions, pattern, pitch.

    Returns:
        The fits, with the files that could not be used.

    Raises:
        ValueError: for arguments that are wrong; no file's contents raise anything.
        StoreError: if the table cannot be written.
    """
    _check(plan.get("radius"), plan.get("gap"), regime)
    found = _fit(plan_folder(folder, **plan), lambda file: read_spectrum(file.path), regime, band, say, devices)
    if out is not None:
        found.save(out)
    return found


def _check(radius: float | None, gap: float | None, regime: str | None) -> None:
    for name, value in (("radius", radius), ("gap", gap)):
        if value is not None:
            check_positive(name, value, "um")
    if regime is not None:
        check_choice("regime", regime, ("under", "over"))


def _fit(
    plan: FolderPlan,
    read: Callable[[MeasuredFile], Spectrum],
    regime: str | None,
    band: tuple[float, float] | None,
    say: Say | None,
    count: int | None,
) -> WaferFit:
    bad: list[tuple[str, str]] = []
    devices: list[_Device] = []
    for start in range(0, len(plan.files), SPECTRA_AT_ONCE):
        part = plan.files[start : start + SPECTRA_AT_ONCE]
        devices += _fit_part(list(_searches(part, read, bad)), band, bad, count)
        if say is not None:
            say(f"{start + len(part)} of {len(plan.files)} files read, {len(devices)} rings fitted, {len(bad)} bad")
    fits = _decided([device.fit for device in devices], regime)
    files = tuple(device.file for device in devices)
    settled = np.array([device.settled for device in devices], bool)
    flags = wafer_flags(np.array([file.position for file in files], float).reshape(-1, 2), fits, settled)
    weighted = tuple(weighted_estimates(fit) for fit in fits)
    return WaferFit(files, tuple(fits), weighted, flags, tuple(bad), plan.ignored, plan.notes)


@dataclass(frozen=True)
class _Device:
    file: MeasuredFile
    fit: RingFit
    settled: bool


def _searches(
    files: Sequence[MeasuredFile], read: Callable[[MeasuredFile], Spectrum], bad: list[tuple[str, str]]
) -> Iterator[tuple[MeasuredFile, RingSearch]]:
    for file in files:
        try:
            yield file, search_ring(read(file), file.radius)
        except Exception as error:  # whatever a file holds, the batch goes on
            bad.append((file.name, _reason(error)))


def _reason(error: Exception) -> str:
    expected = isinstance(error, SpectrumError)
    return str(error) if expected else f"{type(error).__name__}: {error}"


def _fit_part(
    found: list[tuple[MeasuredFile, RingSearch]],
    band: tuple[float, float] | None,
    bad: list[tuple[str, str]],
    count: int | None,
) -> list[_Device]:
    fitted = _fit_resonances([search for _, search in found], count)
    devices = []
    for (file, search), (resonances, settled) in zip(found, fitted, strict=True):
        try:
            if not resonances:
                raise SpectrumError(no_line(search.spectrum, search.comb))
            fit = replace(summarize_ring(search, resonances, band), source=file.name, gap=file.gap)
            devices.append(_Device(file, fit, settled))
        except Exception as error:
            bad.append((file.name, _reason(error)))
    return devices


def _fit_resonances(searches: list[RingSearch], devices: int | None) -> list[tuple[list[Resonance], bool]]:
    """Resonances of each ring, and whether the fits of all of them settled."""
    ported = [Ported(s.spectrum.wl, *port_powers(s.spectrum, s.ports)) for s in searches]
    counts = [search.comb.wl.size for search in searches]
    ring = np.repeat(np.arange(len(searches)), counts)
    guess = np.concatenate([np.zeros(0), *(search.comb.wl for search in searches)])
    period = np.concatenate([np.zeros(0), *(line_periods(search.spectrum, search.comb) for search in searches)])
    first = fit_lines(ported, Lines(ring, guess, period, np.full(guess.size, math.nan)), devices)
    resonances, settled = list(first.resonances), first.converged & first.full_rank
    # The lines of one ring are alike: one far from the others is fitted again within the others' width.
    width = np.full(guess.size, math.nan)
    for places in np.split(np.arange(guess.size), np.cumsum(counts)[:-1]):
        found = [fit for i in places if (fit := resonances[i]) is not None]
        if found:
            typical = typical_width(found)
            width[[i for i in places if is_odd(resonances[i], typical)]] = typical
    again = np.nonzero(np.isfinite(width))[0]
    second = fit_lines(ported, Lines(ring[again], guess[again], period[again], width[again]), devices)
    for place, resonance, sound in zip(again, second.resonances, second.converged & second.full_rank, strict=True):
        if resonance is not None:
            resonances[place], settled[place] = resonance, sound
    per_ring = np.split(np.arange(guess.size), np.cumsum(counts)[:-1])
    kept = [[i for i in places if resonances[i] is not None] for places in per_ring[: len(searches)]]
    return [([fit for i in places if (fit := resonances[i])], bool(np.all(settled[places]))) for places in kept]


def _decided(fits: list[RingFit], regime: str | None) -> list[RingFit]:
    """Decide the regime of each design by the series of the designs, or take the one that is stated."""
    undecided = [i for i, fit in enumerate(fits) if len(fit.candidates) == 2]
    if regime is not None:
        return [replace(fit, regime=regime) if i in set(undecided) else fit for i, fit in enumerate(fits)]
    designs: dict[tuple[Any, Any], list[int]] = {}
    for i in undecided:
        designs.setdefault((fits[i].radius, fits[i].gap), []).append(i)
    medians = [_median_device(fits, members) for members in designs.values()]
    verdicts = decide_series([fits[i] for i in medians])
    decided = list(fits)
    for members, verdict in zip(designs.values(), verdicts, strict=True):
        for i in members:
            decided[i] = replace(fits[i], regime=verdict.regime)
    return decided


def _median_device(fits: list[RingFit], members: list[int]) -> int:
    ranked = sorted(members, key=lambda i: fits[i].q.value if fits[i].q else 0.0)  # pyright: ignore[reportOptionalMemberAccess]
    return ranked[len(ranked) // 2]
