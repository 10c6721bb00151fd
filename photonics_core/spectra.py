"""Measured spectra: read them from files that came from elsewhere, and trust nothing that they say.

Two kinds of file are read: the MATLAB version 5 files of the openEBL shuttles (a struct `testResult` with
`header.wavelength` in nm and `rows.channel_1`, ... in dB) and plain text tables (CSV) whose first column is
the wavelength. Whatever is wrong with a file ends in one `SpectrumError` that names the file and the fault.
Wavelengths are held in um, power in dB.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.matfile import MatFileError, read_variables

MAXIMUM_BYTES = 256 * 1024 * 1024
MINIMUM_SAMPLES = 16
#: Free-space wavelengths that are taken for optical ones, um.
WAVELENGTH_RANGE = (0.2, 20.0)
#: A detector that reads below zero leaves a hole in the logarithm; more holes than this are a fault.
MAXIMUM_MISSING_FRACTION = 0.01

_WAVELENGTH_UNITS = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "m": 1e6}
_POWER_UNITS = {"db": "db", "dbm": "db", "w": "linear", "mw": "linear", "uw": "linear", "linear": "linear"}
_MAXIMUM_HEADER_LINES = 200


class SpectrumError(ValueError):
    """A spectrum that cannot be used; the message names the file, the fault and its place."""


@dataclass(frozen=True)
class Spectrum:
    """Power of several detector channels over wavelength.

    `wl` is the free-space wavelength in um, strictly rising, shape [samples]; `power_db` the power in dB,
    shape [channels, samples]; `channel_names` one name a channel; `source` the file that it came from. Raises
    `SpectrumError` if the shapes disagree, a value is not finite or the wavelengths are not optical.
    """

    wl: np.ndarray
    power_db: np.ndarray
    channel_names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        _check_wavelengths(self.wl, self.source)
        expected = (len(self.channel_names), self.wl.size)
        if not self.channel_names or self.power_db.shape != expected:
            raise SpectrumError(f"{self.source}: power has the shape {self.power_db.shape}, not {expected}")
        if not np.all(np.isfinite(self.power_db)):
            raise SpectrumError(f"{self.source}: power is not finite everywhere")

    def channel(self, name: str) -> np.ndarray:
        """Power of one channel in dB, shape [samples]; raises `SpectrumError` for an unknown name."""
        if name not in self.channel_names:
            raise SpectrumError(f"{self.source}: channel {name!r} is not one of {', '.join(self.channel_names)}")
        return self.power_db[self.channel_names.index(name)]


def read_spectrum(path: str | Path) -> Spectrum:
    """Read a measured spectrum from an openEBL .mat file or a text table.

    A text table may have header lines, comments (#, %, !), commas, semicolons, tabs or blanks between its
    columns, decimal commas if the columns are parted otherwise, and units in its header: nm, um or m; dB,
    dBm, W or mW. Raises `SpectrumError` for every file that does not hold a usable spectrum.
    """
    path = Path(path)
    content = _read_bytes(path)
    if path.suffix.lower() == ".mat":
        return _spectrum_from_mat(content, str(path))
    return _spectrum_from_text(content, str(path))


def nominal_radius(source: str | Path) -> float | None:
    """Ring radius in um that the name of a file states (`r25`, `R25um`, `r50p00`), or None."""
    return _number_in_name(source, r"(?:^|[_\-.\d]|te|tm)r(\d+(?:p\d+)?)(?:um)?(?=[_\-.g]|$)", 1.0)


def nominal_gap(source: str | Path) -> float | None:
    """Coupling gap in um that the name of a file states in nm (`gap300`, `g80`), or None."""
    return _number_in_name(source, r"(?:gap|(?:^|[_\-.\d])g)(\d+(?:p\d+)?)(?:nm)?(?=[_\-.w]|$)", 1e-3)


def nominal_length(source: str | Path) -> float | None:
    """Coupler length in um that the name of a file states (`length10`, `Length2p00um`), or None."""
    return _number_in_name(source, r"length(\d+(?:p\d+)?)(?:um)?(?=[_\-.]|$)", 1.0)


def _number_in_name(source: str | Path, pattern: str, scale: float) -> float | None:
    found = re.search(pattern, Path(source).stem.lower())
    value = float(found.group(1).replace("p", ".")) * scale if found else 0.0
    return value if value > 0.0 or (found and "length" in pattern) else None


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise SpectrumError(f"{path}: there is no such file")
        size = path.stat().st_size
        if size > MAXIMUM_BYTES:
            raise SpectrumError(f"{path}: {size} bytes are more than the {MAXIMUM_BYTES} that are read")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise error if isinstance(error, SpectrumError) else SpectrumError(f"{path}: {error}") from error
    if not content.strip():
        raise SpectrumError(f"{path}: the file is empty")
    return content


# --- MATLAB ---------------------------------------------------------------------------------------


def _spectrum_from_mat(content: bytes, source: str) -> Spectrum:
    try:
        variables = read_variables(content, MAXIMUM_BYTES)
    except MatFileError as error:
        raise SpectrumError(f"{source}: {error}") from error
    result = _member(variables, "testResult", source)
    header, rows = _member(result, "header", source), _member(result, "rows", source)
    wavelength = _row_of_numbers(header, "wavelength", source)
    names = sorted(name for name in rows if name.startswith("channel")) if isinstance(rows, dict) else []
    if not names:
        raise SpectrumError(f"{source}: testResult.rows has no channel")
    return _assemble(wavelength, [_row_of_numbers(rows, name, source) for name in names], names, source)


def _member(container: Any, name: str, source: str) -> Any:
    if not isinstance(container, dict) or name not in container:
        raise SpectrumError(f"{source}: it holds no {name!r} where testResult.header and testResult.rows should be")
    return container[name]


def _row_of_numbers(container: Any, name: str, source: str) -> np.ndarray:
    value = _member(container, name, source)
    if not isinstance(value, np.ndarray):
        raise SpectrumError(f"{source}: {name} is not an array of real numbers")
    if value.ndim != 1:
        raise SpectrumError(f"{source}: {name} has the shape {value.shape}, not one row of samples")
    return value


# --- text -----------------------------------------------------------------------------------------


def _spectrum_from_text(content: bytes, source: str) -> Spectrum:
    if b"\x00" in content:
        raise SpectrumError(f"{source}: neither text nor a file whose name ends in .mat")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    header, table = _split_table(text.splitlines(), source)
    count = table.shape[1]
    if count < 2:
        raise SpectrumError(f"{source}: only one column, where wavelength and power should stand")
    titles = header if len(header) == count else [f"column_{i + 1}" for i in range(count)]
    stated = _stated_wavelength_scale(titles[0])
    names = [titles[i] or f"column_{i + 1}" for i in range(1, count)]
    channels = [_as_decibels(table[:, i], titles[i], source) for i in range(1, count)]
    return _assemble(table[:, 0], channels, names, source, stated)


def _split_table(lines: list[str], source: str) -> tuple[list[str], np.ndarray]:
    """Return the titles of the columns (empty if none) and the numbers, shape [samples, columns]."""
    header: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (rows and line.lstrip()[0] in "#%!"):
            continue
        values = _numbers(_fields(line))
        if values is not None:
            rows.append(values)
        elif rows or number > _MAXIMUM_HEADER_LINES:
            raise SpectrumError(f"{source}: line {number} is not a row of numbers: {line.strip()[:60]!r}")
        else:
            header = [field.strip().strip("\"'") for field in _fields(line.lstrip(" #%!"))]
        if rows and len(rows[-1]) != len(rows[0]):
            raise SpectrumError(f"{source}: line {number} has {len(rows[-1])} columns, not {len(rows[0])}")
    if not rows:
        raise SpectrumError(f"{source}: holds no row of numbers")
    return header, np.asarray(rows, dtype=np.float64)


def _fields(line: str) -> list[str]:
    for delimiter in (";", "\t"):
        if delimiter in line:
            return [field.strip().replace(",", ".") for field in line.strip().strip(delimiter).split(delimiter)]
    if "," in line:
        return [field.strip() for field in line.strip().strip(",").split(",")]
    return line.split()


def _numbers(fields: list[str]) -> list[float] | None:
    try:
        return [float(field) for field in fields]
    except ValueError:
        return None


def _unit_words(title: str) -> list[str]:
    return re.findall(r"[a-zµμ]+", title.lower())


def _stated_wavelength_scale(title: str) -> float | None:
    """Um in the unit that the title of the column states, or None: then the values must tell."""
    stated = [_WAVELENGTH_UNITS[word] for word in _unit_words(title) if word in _WAVELENGTH_UNITS]
    return stated[-1] if stated else None


_LOSS_TITLE = re.compile(r"loss|attenuation")


def _as_decibels(values: np.ndarray, title: str, source: str) -> np.ndarray:
    if not np.any(np.isfinite(values)):
        raise SpectrumError(f"{source}: column {title!r} holds no number that is finite")
    kinds = {_POWER_UNITS[word] for word in _unit_words(title) if word in _POWER_UNITS}
    if len(kinds) > 1 or (not kinds and not np.any(values < 0.0)):
        raise SpectrumError(f"{source}: column {title!r} does not say whether its power is in dB or linear (mW)")
    if kinds != {"linear"}:
        # Attenuation is counted upwards; a transmission above 0 dB would be gain.
        return -values if _LOSS_TITLE.search(title.lower()) and np.nanmedian(values) > 0.0 else values
    if np.any(values < 0.0) and np.mean(values < 0.0) > MAXIMUM_MISSING_FRACTION:
        raise SpectrumError(f"{source}: column {title!r} is linear power with negative values")
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10.0 * np.log10(values)


# --- checks that both kinds of file pass through --------------------------------------------------


def _assemble(
    wavelength: np.ndarray,
    channels: list[np.ndarray],
    names: list[str],
    source: str,
    stated_scale: float | None = None,
) -> Spectrum:
    """Make the spectrum of one file; `stated_scale` is the unit of its wavelengths in um, if it says."""
    for name, channel in zip(names, channels, strict=True):
        if channel.size != wavelength.size:
            raise SpectrumError(f"{source}: {name} has {channel.size} samples, the wavelength {wavelength.size}")
    scales = (1.0, 1e-3, 1e6) if stated_scale is None else (stated_scale,)
    wavelength = wavelength * _wavelength_scale(wavelength, scales, source)
    if wavelength[0] > wavelength[-1]:
        wavelength, channels = wavelength[::-1], [channel[::-1] for channel in channels]
    _check_wavelengths(wavelength, source)
    power_db = [_without_holes(channel, name, source) for name, channel in zip(names, channels, strict=True)]
    return Spectrum(np.ascontiguousarray(wavelength), np.asarray(power_db), tuple(names), source)


def _wavelength_scale(wavelength: np.ndarray, scales: tuple[float, ...], source: str) -> float:
    """Um in the unit of the values: optical wavelengths in um, nm and m lie decades apart."""
    if wavelength.size < MINIMUM_SAMPLES:
        raise SpectrumError(f"{source}: {wavelength.size} samples are fewer than {MINIMUM_SAMPLES}")
    if not np.all(np.isfinite(wavelength)):
        place = int(np.argmin(np.isfinite(wavelength)))
        raise SpectrumError(f"{source}: wavelength {place} (counted from 0) is not a finite number")
    low, high = float(wavelength.min()), float(wavelength.max())
    for scale in scales:
        if WAVELENGTH_RANGE[0] <= low * scale and high * scale <= WAVELENGTH_RANGE[1]:
            return scale
    unit = "in none of um, nm and m" if len(scales) > 1 else "not in the unit that the file states"
    raise SpectrumError(f"{source}: wavelengths {low:g} to {high:g} are optical {unit}")


def _check_wavelengths(wl: np.ndarray, source: str) -> None:
    if wl.ndim != 1 or wl.size < MINIMUM_SAMPLES:
        raise SpectrumError(f"{source}: wavelengths of the shape {wl.shape} are fewer than {MINIMUM_SAMPLES}")
    if not (np.all(np.isfinite(wl)) and WAVELENGTH_RANGE[0] <= wl[0] and wl[-1] <= WAVELENGTH_RANGE[1]):
        raise SpectrumError(f"{source}: wavelengths leave {WAVELENGTH_RANGE[0]} to {WAVELENGTH_RANGE[1]} um")
    steps = np.diff(wl)
    if not np.all(steps > 0.0):
        place = int(np.argmax(steps <= 0.0)) + 1
        raise SpectrumError(
            f"{source}: wavelength {place} (counted from 0) repeats or turns back at {wl[place]:.6f} um"
        )


def _without_holes(channel: np.ndarray, name: str, source: str) -> np.ndarray:
    """Fill the few samples at which the detector read nothing; a logarithm of zero takes the lowest."""
    if np.any(np.isposinf(channel)) or np.any(channel > 300.0) or np.any(np.isfinite(channel) & (channel < -300.0)):
        raise SpectrumError(f"{source}: {name} has readings outside -300 to 300 dB")
    good = np.isfinite(channel)
    missing = channel.size - int(good.sum())
    if missing > math.floor(MAXIMUM_MISSING_FRACTION * channel.size):
        raise SpectrumError(
            f"{source}: {name} has {missing} readings that are not numbers, the first at sample {int(np.argmin(good))}"
        )
    if not missing:
        return channel
    samples = np.arange(channel.size)
    filled = np.interp(samples, samples[good], channel[good])
    return np.where(np.isneginf(channel), channel[good].min(), filled)
