"""What `photonics-core fit` says and does: of files, fit and report; of a folder, in one batch, and write a table."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.fit import decide_series, fit_ring
from photonics_core.fit_lines import fit_lines
from photonics_core.spectra import SpectrumError, nominal_radius
from photonics_core.wafer_files import SUFFIXES, FolderPlan, plan_folder
from photonics_core.wafer_fit import WaferFit, fit_folder

Say = Callable[[str], None]
#: Names that are listed one by one before the rest is counted.
_LISTED = 20
_COLUMNS = {"q": "Q", "n_g": "n_g", "loss_db_cm": "loss dB/cm", "power_coupling": "coupling"}


def fit_files(files: Sequence[Path], radius: float | None, say: Say, *, as_json: bool = False) -> list[str]:
    """Fit single spectra together and report, one JSON object a file if so wished; return why files could not be used.

    Args:
        files: spectra, of rings of one series or of none.
        radius: in um, for files whose name does not say it.
        say: prints a line.
        as_json: whether to print JSON.
    """
    fits, failures = [], {}
    for file in files:
        try:
            fits.append(fit_ring(file, nominal_radius(file) or radius))
        except SpectrumError as error:  # one bad file does not cost the others
            failures[str(file)] = str(error)
    rows = [ring.to_json() for ring in decide_series(fits)]
    if as_json:
        for row in rows + [{"file": file, "error": error} for file, error in failures.items()]:
            say(json.dumps(row, allow_nan=False))
    elif rows:
        say("\n".join(fit_lines(rows)))
    return list(failures.values())


def fit_wafer(
    folder: Path,
    out: Path | None,
    plan: Mapping[str, Any],
    say: Say,
    *,
    regime: str | None = None,
    devices: int | None = None,
    as_json: bool = False,
    dry_run: bool = False,
) -> bool:
    """Fit a folder and report, one JSON object a device if so wished; return whether any file could not be used.

    Raises:
        ValueError: for wrong arguments, a folder without files to fit, or a table that cannot be written.
    """
    found = plan_folder(folder, **plan)
    if dry_run:
        _say_plan(found, out, say)
        return False
    if not found.files:
        raise ValueError(f"folder = {folder} holds no file to fit ({', '.join(SUFFIXES)})")
    if out is not None and out.is_dir():
        raise ValueError(f"out = {out} is a folder, not a file")
    if out is not None and not out.parent.is_dir():
        raise ValueError(f"out = {out}: {out.parent} is not a folder")
    fit = fit_folder(folder, out, regime=regime, devices=devices, say=None if as_json else say, **plan)
    if as_json:
        _say_json(fit, say)
    else:
        _say_report(fit, say)
        if out is not None:
            say(f"the table is in {out}")
    return bool(fit.bad)


def _say_plan(plan: FolderPlan, out: Path | None, say: Say) -> None:
    placed = sum(bool(np.all(np.isfinite(file.position))) for file in plan.files)
    sized = sum(file.radius is not None for file in plan.files)
    size = sum(file.path.stat().st_size for file in plan.files if file.path.is_file())
    say(f"{len(plan.files)} files to read, {size / 1e6:.1f} MB; {sized} with a radius, {placed} with a place")
    for file in plan.files[:_LISTED]:
        radius = "-" if file.radius is None else f"{file.radius:g} um"
        gap = "-" if file.gap is None else f"{1e3 * file.gap:g} nm"
        x, y = file.position
        place = f"x {x:g} um, y {y:g} um" if np.isfinite(x + y) else "place -"
        say(f"  {file.name}  radius {radius}, gap {gap}, {place}")
    _say_rest(len(plan.files), say)
    _say_names("passed over, not of a known kind", plan.ignored, say)
    for note in plan.notes:
        say(f"note: {note}")
    say(f"the table would go to {out}" if out else "no table would be written; --out says where")


def _say_report(fit: WaferFit, say: Say) -> None:
    total = len(fit.fits) + len(fit.bad)
    say(f"{len(fit.fits)} of {total} files fitted, {int(np.sum(fit.outliers))} flagged, {len(fit.bad)} bad")
    for name, title in _COLUMNS.items():
        value = fit.values(name)[0]
        value = value[np.isfinite(value) & ~fit.outliers]
        if value.size:
            low, middle, high = np.percentile(value, (16.0, 50.0, 84.0))
            say(f"  {title:<12} median {middle:.5g}, 68 % within {low:.5g} to {high:.5g} ({value.size} not flagged)")
    for flag, which in fit.flags.items():
        _say_names(f"flagged {flag}", [file.name for file, is_so in zip(fit.files, which, strict=True) if is_so], say)
    if fit.bad:
        say(f"bad: {len(fit.bad)}")
        for name, reason in fit.bad:
            say(f"  {name}: {reason}")
    _say_names("passed over, not of a known kind", fit.ignored, say)
    for note in fit.notes:
        say(f"note: {note}")


def _say_names(what: str, names: Any, say: Say) -> None:
    if not names:
        return
    say(f"{what}: {len(names)}")
    for name in names[:_LISTED]:
        say(f"  {name}")
    _say_rest(len(names), say)


def _say_rest(count: int, say: Say) -> None:
    if count > _LISTED:
        say(f"  and {count - _LISTED} more")


def _say_json(fit: WaferFit, say: Say) -> None:
    for i, (file, ring) in enumerate(zip(fit.files, fit.fits, strict=True)):
        place = [None if not np.isfinite(each) else each for each in file.position]
        flags = [name for name, which in fit.flags.items() if which[i]]
        say(json.dumps(ring.to_json() | {"position_um": place, "flags": flags}, allow_nan=False))
    for name, reason in fit.bad:
        say(json.dumps({"file": name, "error": reason}))
