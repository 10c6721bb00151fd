"""What there is to fit in a folder of measured spectra: files, what their names say, and where on the wafer they lie.

Places come from one of three: a table given by the caller, `manifest.csv` in the folder, or a pattern with the named
groups `x` and `y` (die numbers or lengths) that is looked for in the names. The manifest has a column `file` (relative
to the folder) and any of `x_um`, `y_um`, `x_mm`, `y_mm`, `radius_um`, `gap_um` and `gap_nm`; other columns are passed
over.
"""

import csv
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.spectra import nominal_gap, nominal_radius

#: Endings of names under which spectra are looked for.
SUFFIXES = (".csv", ".dat", ".mat", ".tsv", ".txt")
MANIFEST = "manifest.csv"
#: Columns of a manifest: what they say, and how many um one of theirs is.
_COLUMNS = {
    "x_um": ("x", 1.0),
    "x_mm": ("x", 1e3),
    "y_um": ("y", 1.0),
    "y_mm": ("y", 1e3),
    "radius_um": ("radius", 1.0),
    "gap_um": ("gap", 1.0),
    "gap_nm": ("gap", 1e-3),
}

Positions = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class MeasuredFile:
    """A file of one device: `path`; `name` relative to the folder; radius and gap in um; `position` (x, y) in um.

    What is not known is None, and the position then (nan, nan).
    """

    path: Path
    name: str
    radius: float | None
    gap: float | None
    position: tuple[float, float] = (math.nan, math.nan)


@dataclass(frozen=True)
class FolderPlan:
    """Files that will be read, names of those that are passed over, and remarks on what is not known of them."""

    files: tuple[MeasuredFile, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def plan_folder(
    folder: str | Path,
    *,
    radius: float | None = None,
    gap: float | None = None,
    positions: Positions | None = None,
    pattern: str | None = None,
    pitch: float | tuple[float, float] = 1.0,
) -> FolderPlan:
    """Say what a folder holds, without reading any spectrum.

    Args:
        folder: the folder; folders within it count as well.
        radius, gap: of the rings in um, where neither the manifest nor a name says it.
        positions: (x, y) in um by name of the file relative to the folder, or by its last part.
        pattern: regular expression with groups `x` and `y`, looked for in the names.
        pitch: um for one unit of the groups `x` and `y`, one number or two.

    Raises:
        ValueError: for a folder that is none, a pattern without these groups, numbers that are not finite or lengths
            that are not positive.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"folder = {root} is not a folder")
    for name, value in (("radius", radius), ("gap", gap)):
        if value is not None:
            check_positive(name, value, "um")
    places = _Places(positions or {}, _compiled(pattern), _pair(pitch))
    stated, notes = _manifest(root)
    files, ignored = [], []
    for path in _walk(root):
        name = path.relative_to(root).as_posix()
        if path.suffix.lower() not in SUFFIXES:
            ignored.append(name)
        elif name.lower() != MANIFEST:
            files.append(_measured(path, name, stated.get(name, {}), radius, gap, places))
    absent = sorted(set(stated) - {file.name for file in files})
    if absent:
        notes.append(f"{MANIFEST} names {len(absent)} files that are not there, the first {absent[0]!r}")
    notes += _unknown(files, bool(pattern or positions))
    return FolderPlan(tuple(files), tuple(ignored), tuple(notes))


def _unknown(files: Sequence[MeasuredFile], placed: bool) -> list[str]:
    """Remarks on files without a radius, and without a place where places were asked for."""
    without = [file.name for file in files if file.radius is None]
    lost = [file.name for file in files if placed and not math.isfinite(sum(file.position))]
    notes = []
    if without:
        what = "group index, loss and coupling are not given"
        notes.append(f"{len(without)} of {len(files)} files have no radius, the first {without[0]!r}: {what}")
    if lost:
        notes.append(f"{len(lost)} of {len(files)} files have no place, the first {lost[0]!r}")
    return notes


@dataclass(frozen=True)
class _Places:
    table: Positions
    pattern: re.Pattern[str] | None
    pitch: tuple[float, float]

    def find(self, name: str, stated: Mapping[str, float]) -> tuple[float, float]:
        for key in (name, name.rpartition("/")[2]):
            if key in self.table:
                check_finite(f"positions[{key!r}]", self.table[key], "um")
                x, y = self.table[key]
                return float(x), float(y)
        if "x" in stated and "y" in stated:
            return stated["x"], stated["y"]
        found = self.pattern.search(name) if self.pattern else None
        if found is None:
            return math.nan, math.nan
        try:
            return self.pitch[0] * float(found["x"]), self.pitch[1] * float(found["y"])
        except (TypeError, ValueError):
            raise ValueError(f"pattern finds {found['x']!r}, {found['y']!r} in {name!r}, not two numbers") from None


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern = {pattern!r} is not a regular expression: {error}") from None
    if not {"x", "y"} <= set(compiled.groupindex):
        raise ValueError(f"pattern = {pattern!r} has no groups (?P<x>...) and (?P<y>...)")
    return compiled


def _pair(pitch: float | tuple[float, float]) -> tuple[float, float]:
    check_positive("pitch", pitch, "um")
    x, y = pitch if isinstance(pitch, tuple) else (pitch, pitch)
    return float(x), float(y)


def _walk(root: Path) -> list[Path]:
    """All files below a folder in the order of their names; hidden ones and links to folders are left alone."""
    found = []
    for folder, folders, names in os.walk(root, onerror=lambda error: None):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder) / name for name in names if not name.startswith(".")]
    return sorted(found)


def _measured(
    path: Path,
    name: str,
    stated: Mapping[str, float],
    radius: float | None,
    gap: float | None,
    places: _Places,
) -> MeasuredFile:
    """What is known of one file: the manifest goes before its name, and its name before what holds for all."""
    return MeasuredFile(
        path,
        name,
        stated.get("radius", nominal_radius(path) or radius),
        stated.get("gap", nominal_gap(path) or gap),
        places.find(name, stated),
    )


def _manifest(root: Path) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Numbers that the manifest states by file and kind, and remarks; a manifest that cannot be read is one."""
    path = next((path for path in sorted(root.iterdir()) if path.name.lower() == MANIFEST and path.is_file()), None)
    if path is None:
        return {}, []
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            reader = csv.DictReader(line.replace("\x00", "") for line in stream)
            if "file" not in (reader.fieldnames or ()):
                return {}, [f"{path.name} has no column 'file' and is passed over"]
            return _stated(list(reader), path.name)
    except (OSError, csv.Error) as error:
        return {}, [f"{path.name} cannot be read: {error}"]


def _stated(rows: list[dict[str, str]], source: str) -> tuple[dict[str, dict[str, float]], list[str]]:
    stated: dict[str, dict[str, float]] = {}
    notes = []
    for number, row in enumerate(rows, start=2):
        numbers = stated.setdefault(str(row["file"]), {})
        for column, (kind, scale) in _COLUMNS.items():
            text = (row.get(column) or "").strip()
            if not text:
                continue
            value = _number(text)
            if value is None or (kind in ("radius", "gap") and value <= 0.0):
                notes.append(f"{source}, row {number}: {column} = {text[:40]!r} is passed over")
            else:
                numbers[kind] = scale * value
    return stated, notes


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
