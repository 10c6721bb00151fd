"""Lines of many spectra before they are fitted: where their samples are, and what they look like at first sight.

All spectra lie behind one another in flat arrays, so that one search finds the samples of all lines.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from photonics_core.kernels.line_shapes import CENTRE, DEPTH, DROP, LEVEL, LOG_WIDTH
from photonics_core.lineshape import MINIMUM_SAMPLES, WINDOW_LINEWIDTHS
from photonics_core.units import SPEED_OF_LIGHT

#: Lines whose samples are laid side by side at one time to find their first widths; few stay in the cache of a core.
_GUESSED_AT_ONCE = 48
_LEVEL_SAMPLES = 400
#: Parts the wavelengths of one spectrum from those of the next in one rising row; more than any wavelength in um.
_APART = 64.0


@dataclass(frozen=True)
class Ported:
    """One spectrum by its ports: wavelengths in um, rising, and powers (linear, one scale), each of shape [samples].

    `drop` is None for a ring without a second bus.
    """

    wl: np.ndarray
    through: np.ndarray
    drop: np.ndarray | None


@dataclass(frozen=True)
class Lines:
    """Lines to fit, arrays of shape [lines].

    `spectrum` is the place of each line's spectrum, `guess` the wavelength in um near which it lies, `fsr_frequency`
    the free spectral range there in THz, and `linewidth` the width in um of the stretch to fit, nan to follow the line.
    """

    spectrum: np.ndarray
    guess: np.ndarray
    fsr_frequency: np.ndarray
    linewidth: np.ndarray


@dataclass(frozen=True)
class FlatSpectra:
    """All spectra behind one another: positions rise through the whole; ports share one scale a spectrum."""

    position: np.ndarray
    frequency: np.ndarray
    ports: tuple[np.ndarray, ...]
    devices: tuple[Any, ...]


@dataclass
class Work:
    """Lines under way; `parameters` is shape [lines, N], all others [lines]. `first`, `last` bound the samples."""

    lines: Lines
    first: np.ndarray
    last: np.ndarray
    level: np.ndarray
    parameters: np.ndarray
    reach: np.ndarray
    usable: np.ndarray

    def some(self, which: np.ndarray) -> "Work":
        """The lines of these numbers or of this mask, as copies."""
        lines = Lines(*(getattr(self.lines, name)[which] for name in Lines.__dataclass_fields__))
        rest = (getattr(self, name)[which].copy() for name in list(Work.__dataclass_fields__)[1:])
        return Work(lines, *rest)


def flatten(spectra: list[Ported], with_drop: bool, devices: tuple[Any, ...]) -> FlatSpectra:
    """Lay spectra behind one another, all with a drop port or all without, to be fitted on some devices."""
    position = np.concatenate([_APART * i + one.wl for i, one in enumerate(spectra)])
    frequency = SPEED_OF_LIGHT / np.concatenate([one.wl for one in spectra])
    ports = [np.concatenate([one.through for one in spectra])]
    if with_drop:
        ports.append(np.concatenate([one.drop for one in spectra if one.drop is not None]))
    return FlatSpectra(position, frequency, tuple(ports), devices)


def first_guesses(flat: FlatSpectra, lines: Lines) -> Work:
    """Centre, width and depth read off the drop port's peak, or the through port's dip, within one period."""
    centre = SPEED_OF_LIGHT / lines.guess
    # Without a limit to the long side the period may reach frequencies below zero.
    low = np.maximum(centre - 0.5 * lines.fsr_frequency, 1e-3 * centre)
    first, last = sample_bounds(flat, lines, low, centre + 0.5 * lines.fsr_frequency)
    count = lines.guess.size
    parameters = np.zeros((count, DROP + (2 if len(flat.ports) == 2 else 0)))
    work = Work(
        lines, first, last, np.zeros(count), parameters, np.full(count, np.nan), last - first >= MINIMUM_SAMPLES
    )
    by_size = np.nonzero(work.usable)[0]
    by_size = by_size[np.argsort((last - first)[by_size], kind="stable")]
    for part in np.split(by_size, range(_GUESSED_AT_ONCE, by_size.size, _GUESSED_AT_ONCE)):
        if part.size:
            _guess(flat, work, part)
    stated = np.isfinite(lines.linewidth)
    width = np.where(stated, lines.linewidth, 0.0) * SPEED_OF_LIGHT / lines.guess**2 / lines.fsr_frequency
    width = 2.0 * math.pi * width
    narrow = np.log(np.sin(0.25 * np.clip(width, 1e-9, math.pi)))
    work.parameters[:, LOG_WIDTH] = np.where(stated, narrow, work.parameters[:, LOG_WIDTH])
    work.reach = np.where(stated, WINDOW_LINEWIDTHS * width, np.nan)
    return work


def _guess(flat: FlatSpectra, work: Work, part: np.ndarray) -> None:
    size = work.last[part] - work.first[part]
    places = np.arange(int(size.max()))
    inside = places < size[:, None]
    index = np.minimum(work.first[part, None] + places, work.last[part, None] - 1)
    through, signal = flat.ports[0][index], flat.ports[-1][index]
    level = _upper_level(through, size)
    work.level[part] = np.where(level > 0.0, level, 1.0)
    work.usable[part] &= level > 0.0
    scale = work.level[part, None]
    if len(flat.ports) == 1:
        signal = np.clip(scale - signal, 0.0, None)
    phase = line_phase(flat, work, part, index)
    middle = np.argmax(np.where(inside & (np.abs(phase) < 0.3), signal, -np.inf), axis=1)[:, None]
    peak = np.take_along_axis(signal, middle, axis=1)
    low = inside & (signal < 0.5 * peak)
    left = np.max(np.where(low & (places < middle), places, 0), axis=1)[:, None]
    right = np.min(np.where(low & (places > middle), places, size[:, None] - 1), axis=1)[:, None]
    edges = [np.take_along_axis(phase, edge, axis=1)[:, 0] for edge in (left, right)]
    width = np.clip(np.abs(edges[1] - edges[0]), 1e-6, math.pi)
    start = work.parameters
    start[part, CENTRE] = np.take_along_axis(phase, middle, axis=1)[:, 0]
    start[part, LOG_WIDTH] = np.log(np.sin(0.25 * width))
    start[part, DEPTH] = np.clip(1.0 - np.take_along_axis(through, middle, axis=1)[:, 0] / scale[:, 0], 0.01, 0.99)
    start[part, LEVEL] = 1.0
    if len(flat.ports) == 2:
        start[part, DROP] = (peak / scale)[:, 0]


def _upper_level(through: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Power that a fifth of the samples of each row exceed, from some hundred of them."""
    count = min(_LEVEL_SAMPLES, through.shape[1])
    spread = np.sort(np.take_along_axis(through, np.arange(count) * (size[:, None] - 1) // max(count - 1, 1), axis=1))
    return spread[:, round(0.8 * (count - 1))]


def line_phase(flat: FlatSpectra, work: Work, part: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Round-trip phase from the guess of each line, shape of `index`."""
    reference = SPEED_OF_LIGHT / work.lines.guess[part, None]
    return 2.0 * math.pi * (flat.frequency[index] - reference) / work.lines.fsr_frequency[part, None]


def sample_bounds(flat: FlatSpectra, lines: Lines, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First sample and the one behind the last between two frequencies in THz, within each line's own spectrum."""
    base = _APART * lines.spectrum
    first = np.searchsorted(flat.position, base + SPEED_OF_LIGHT / high, side="right")
    last = np.searchsorted(flat.position, base + np.minimum(SPEED_OF_LIGHT / low, 0.5 * _APART), side="left")
    return first, np.maximum(last, first)
