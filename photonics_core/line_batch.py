"""Many resonances of many spectra fitted at once: what `lineshape.fit_resonance` does to one, on a batched kernel.

Line, weights, windows, passes and the test for doublets are those of `lineshape`; only the order of the work differs.
In every pass each line is cut out at the width that was found before, lines of like numbers of samples make a batch,
and the samples that a line has too few of have the weight zero. A line that does not settle in the first steps is
taken on in a smaller batch, so that it keeps no others waiting.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.batched_least_squares import STEPS
from photonics_core.kernels.checks import check_choice
from photonics_core.kernels.line_shapes import (
    CENTRE,
    DEPTH,
    DROP,
    LEVEL,
    LOG_WIDTH,
    SPLIT,
)
from photonics_core.line_parameters import Fitted, make_resonances
from photonics_core.line_solver import CutLines, SolvedLines, line_model, solve_lines
from photonics_core.line_windows import (
    FlatSpectra,
    Lines,
    Ported,
    Work,
    first_guesses,
    flatten,
    line_phase,
    sample_bounds,
)
from photonics_core.lineshape import (
    MINIMUM_SAMPLES,
    PASSES,
    SPLITTING_IMPROVEMENT,
    WINDOW_LINEWIDTHS,
    Resonance,
)
from photonics_core.units import SPEED_OF_LIGHT

#: Samples of one batch, and the range of its numbers of lines: it stays in the cache of a core.
_BATCH_SAMPLES = 1 << 14
_BATCH_LINES = (4, 256)
_LEAST_SAMPLES = 64
_MANY_LINES = 256
_VERY_MANY_LINES = 4096
#: Steps after which lines that have not settled go on by themselves.
_FIRST_STEPS = 12


@dataclass(frozen=True)
class FittedLines:
    """Outcome for every line, shape [lines].

    `resonances` holds None where no line could be made out; `converged` whether the fit settled within its steps, and
    `full_rank` whether the samples tell all parameters of the line apart.
    """

    resonances: list[Resonance | None]
    converged: np.ndarray
    full_rank: np.ndarray


def fit_lines(spectra: Sequence[Ported], lines: Lines, devices: int | None = None) -> FittedLines:
    """Fit all lines.

    Args:
        spectra: the spectra.
        lines: what to fit in them.
        devices: number of local devices that share the batches; all by default.

    Returns:
        Resonances as `lineshape.fit_resonance` gives them one by one, to within the tolerance of the steps.

    Raises:
        ValueError: for arrays of other lengths, a place that is no spectrum's, guesses that are not positive, or more
            devices than there are.
    """
    _check(spectra, lines)
    there = jax.local_devices()
    check_choice("devices", devices, (None, *range(1, len(there) + 1)))
    found: list[Resonance | None] = [None] * lines.guess.size
    converged, full_rank = np.zeros(lines.guess.size, bool), np.zeros(lines.guess.size, bool)
    two_ports = np.array([spectra[i].drop is not None for i in lines.spectrum], dtype=bool)
    for with_drop in (False, True):
        group = np.nonzero(two_ports == with_drop)[0]
        if not group.size:
            continue
        places, numbers = np.unique(lines.spectrum[group], return_inverse=True)
        flat = flatten([spectra[i] for i in places], with_drop, tuple(there[:devices]))
        chosen = Lines(numbers, lines.guess[group], lines.fsr_frequency[group], lines.linewidth[group])
        resonances, settled, ranked = _fit_group(flat, chosen)
        for place, resonance in zip(group, resonances, strict=True):
            found[place] = resonance
        converged[group], full_rank[group] = settled, ranked
    return FittedLines(found, converged, full_rank)


def _check(spectra: Sequence[Ported], lines: Lines) -> None:
    sizes = {name: np.shape(getattr(lines, name)) for name in Lines.__dataclass_fields__}
    if len(set(sizes.values())) != 1 or len(sizes["guess"]) != 1:
        raise ValueError(f"lines of shapes {sizes} are not all of one length")
    if lines.guess.size and not (lines.spectrum.min() >= 0 and lines.spectrum.max() < len(spectra)):
        raise ValueError(f"spectrum = {lines.spectrum.max()} is not the place of one of {len(spectra)} spectra")
    for name in ("guess", "fsr_frequency"):
        if not np.all(getattr(lines, name) > 0.0):
            raise ValueError(f"{name} = {np.min(getattr(lines, name)):g} is not positive")


def _fit_group(flat: FlatSpectra, lines: Lines) -> tuple[list[Resonance | None], np.ndarray, np.ndarray]:
    work = first_guesses(flat, lines)
    single = _all_passes(flat, work, split=False)
    size = single.parameters.shape[1]
    parameters = np.concatenate([single.parameters, np.zeros((lines.guess.size, 1))], axis=1)
    wide = [np.zeros((lines.guess.size, size + 1, size + 1)) for _ in range(2)]
    for one, known in zip(wide, (single.covariance, single.own_scatter), strict=True):
        one[:, :size, :size] = known
    best = single._replace(parameters=parameters, covariance=wide[0], own_scatter=wide[1])
    suspects = np.nonzero(work.usable & (single.gain > 0.5 * (1.0 - SPLITTING_IMPROVEMENT)))[0]
    if suspects.size:
        best = _with_doublets(flat, work, best, suspects)
    return make_resonances(lines, best, work.usable, len(flat.ports) == 2), best.converged, best.full_rank


def _with_doublets(flat: FlatSpectra, work: Work, single: Fitted, suspects: np.ndarray) -> Fitted:
    """Fit the suspects as doublets of either sign, and take those that are believed."""
    tries = [_fit_doublets(flat, work, single.parameters, suspects, sign) for sign in (1.0, -1.0)]
    second = tries[1].mean_square < tries[0].mean_square
    double = Fitted(*(_choose(second, b, a) for a, b in zip(*tries, strict=True)))
    improved = double.mean_square < SPLITTING_IMPROVEMENT * single.mean_square[suspects]
    apart = double.parameters[:, SPLIT] > 0.7 * np.exp(double.parameters[:, LOG_WIDTH])
    believed = improved & apart
    merged = [np.copy(part) for part in single]
    for part, new in zip(merged, double, strict=True):
        part[suspects[believed]] = new[believed]
    return Fitted(*merged)


def _fit_doublets(flat: FlatSpectra, work: Work, single: np.ndarray, suspects: np.ndarray, sign: float) -> Fitted:
    part = work.some(suspects)
    start = single[suspects].copy()
    start[:, SPLIT] = np.exp(start[:, LOG_WIDTH])
    start[:, LOG_WIDTH] -= 0.2
    start[:, DEPTH] = sign * np.sqrt(np.maximum(1.0 - start[:, DEPTH], 0.04))
    part.parameters, part.reach = start, np.full(suspects.size, np.nan)
    fitted = _all_passes(flat, part, split=True)
    return fitted._replace(mean_square=np.where(part.usable, fitted.mean_square, np.inf))


def _choose(second: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(second.reshape(second.shape + (1,) * (a.ndim - 1)), a, b)


# --- passes -----------------------------------------------------------------------------------------


def _all_passes(flat: FlatSpectra, work: Work, split: bool) -> Fitted:
    """The window follows the width that was found, and the weights follow the line, hence a few passes.

    Changes `parameters` and `usable` of the work.
    """
    fitted = None
    for step in range(PASSES):
        if step:
            work.parameters[:, LEVEL + 1 : DROP] = 0.0
        fitted = _one_pass(flat, work, split, is_last=step == PASSES - 1)
        work.parameters = fitted.parameters
    assert fitted is not None
    return fitted


def _one_pass(flat: FlatSpectra, work: Work, split: bool, is_last: bool) -> Fitted:
    count, size = work.parameters.shape
    half_width = np.minimum(math.pi, np.where(np.isnan(work.reach), _reach(work.parameters, split), work.reach))
    first, last = _window(flat, work, half_width)
    work.usable &= last - first >= size + MINIMUM_SAMPLES
    blank = np.zeros(count), np.zeros(count), np.zeros(count, bool), np.zeros(count, bool)
    result = Fitted(work.parameters.copy(), np.zeros((count, size, size)), np.zeros((count, size, size)), *blank)
    batches = list(_batches(np.nonzero(work.usable)[0], last - first))
    # All batches are sent off before the first is waited for.
    send = partial(_send, flat, work, first=first, half_width=half_width, split=split, is_last=is_last)
    sent = [send(batch=batch, steps=_FIRST_STEPS, turn=turn) for turn, batch in enumerate(batches)]
    slow = []
    for batch, one in zip(batches, sent, strict=True):
        slow.append(batch.rows[~_receive(result, batch, one, len(flat.ports), is_last)])
    for batch in _batches(np.concatenate([np.zeros(0, int), *slow]), last - first):
        one = send(batch=batch, steps=STEPS, turn=0)
        _receive(result, batch, one, len(flat.ports), is_last)
    work.usable &= np.all(np.isfinite(result.parameters), axis=1)
    return result


def _reach(parameters: np.ndarray, split: bool) -> np.ndarray:
    """Half-width of the fitted stretch in round-trip phase, by the full width of the line at half maximum."""
    full = 4.0 * np.arcsin(np.minimum(1.0, np.exp(np.clip(parameters[:, LOG_WIDTH], -50.0, 0.0))))
    return WINDOW_LINEWIDTHS * (full + (2.0 * np.abs(parameters[:, SPLIT]) if split else 0.0))


def _window(flat: FlatSpectra, work: Work, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lines = work.lines
    turn = lines.fsr_frequency / (2.0 * math.pi)
    centre = SPEED_OF_LIGHT / lines.guess + np.where(work.usable, work.parameters[:, CENTRE], 0.0) * turn
    centre = np.clip(centre, 1e-3 * centre.max(), None)
    first, last = sample_bounds(flat, lines, np.maximum(centre - half_width * turn, 1e-6), centre + half_width * turn)
    return np.clip(first, work.first, work.last), np.clip(last, work.first, work.last)


class _Batch(NamedTuple):
    """Lines of one batch, their numbers of samples, and the sizes that the batch is filled up to."""

    rows: np.ndarray
    counts: np.ndarray
    lines: int
    samples: int


def _batches(rows: np.ndarray, counts: np.ndarray) -> Iterator[_Batch]:
    """Few different sizes, for each is compiled: numbers of samples are filled up to powers of four, of two where there
    are lines enough to make up for the time that it takes, and to the middle between them for very many."""
    power = np.ceil(np.log2(np.maximum(counts[rows], _LEAST_SAMPLES))).astype(int)
    alike = np.bincount(power, minlength=1)[power]
    middle = 3 * 2 ** (power - 2)
    sizes = np.where(alike >= _MANY_LINES, 2**power, 4 ** ((power + 1) // 2))
    is_close = (alike >= _VERY_MANY_LINES) & (counts[rows] <= middle) & (middle >= _LEAST_SAMPLES)
    sizes = np.where(is_close, middle, sizes)
    for samples in np.unique(sizes):
        lines = int(np.clip(_BATCH_SAMPLES // samples, *_BATCH_LINES))
        alike = rows[sizes == samples]
        for start in range(0, alike.size, lines):
            part = alike[start : start + lines]
            yield _Batch(part, counts[part], lines, int(samples))


def _send(
    flat: FlatSpectra,
    work: Work,
    batch: _Batch,
    first: np.ndarray,
    half_width: np.ndarray,
    split: bool,
    is_last: bool,
    steps: int,
    turn: int,
) -> SolvedLines:
    """Start the fit of one batch on the device whose turn it is."""
    # A batch that is not full repeats its first line.
    rows = np.concatenate([batch.rows, np.full(batch.lines - batch.rows.size, batch.rows[0])])
    counts = np.concatenate([batch.counts, np.full(batch.lines - batch.rows.size, batch.counts[0])])
    # Behind the samples that count others follow, which weigh nothing.
    index = np.minimum(first[rows, None] + np.arange(batch.samples), flat.position.size - 1)
    start = work.parameters[rows]
    cut = CutLines(
        start,
        line_phase(flat, work, rows, index),
        np.concatenate([port[index] for port in flat.ports], axis=1),
        start[:, CENTRE],
        half_width[rows],
        work.level[rows],
        counts,
    )
    dtype = jnp.result_type(float)
    cut = CutLines(*(np.asarray(each, dtype) for each in cut))
    if len(flat.devices) > 1:
        cut = jax.device_put(cut, flat.devices[turn % len(flat.devices)])
    return solve_lines(line_model(len(flat.ports), split), cut, is_last, steps)


def _receive(result: Fitted, batch: _Batch, sent: SolvedLines, ports: int, is_last: bool) -> np.ndarray:
    """Take in one batch; which of its lines have converged."""
    fit, own_scatter, gain = sent
    rows, count = batch.rows, batch.rows.size
    parameters, converged = np.asarray(fit.parameters, float)[:count], np.asarray(fit.converged)[:count]
    result.parameters[rows], result.converged[rows] = parameters, converged
    if parameters.shape[1] == DROP + 1 + 2 * (ports - 1):
        result.parameters[rows, SPLIT] = np.abs(parameters[:, SPLIT])
    if not is_last:
        return converged
    result.full_rank[rows] = np.asarray(fit.full_rank)[:count]
    result.gain[rows] = np.asarray(gain)[:count]
    residuals = _side_by_side(np.asarray(fit.residuals, float)[:count], batch, ports)
    sizes, squares = ports * batch.counts, np.sum(residuals**2, axis=1)
    result.mean_square[rows] = squares / sizes
    length, of_noise = (each[:, None, None] for each in _correlation_lengths(residuals, sizes))
    variance = (squares / (sizes - parameters.shape[1]))[:, None, None]
    result.covariance[rows] = np.asarray(fit.covariance, float)[:count] * variance * length
    result.own_scatter[rows] = np.asarray(own_scatter, float)[:count] * of_noise
    return converged


def _side_by_side(residuals: np.ndarray, batch: _Batch, ports: int) -> np.ndarray:
    """Residuals of both ports without what fills up between them; zeros follow."""
    if ports == 1:
        return residuals
    places, counts = np.arange(2 * batch.samples), batch.counts[:, None]
    index = np.where(places < counts, places, np.minimum(places - counts + batch.samples, 2 * batch.samples - 1))
    return np.where(places < 2 * counts, np.take_along_axis(residuals, index, axis=1), 0.0)


def _correlation_lengths(residuals: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of samples that carry one independent residual in each row: as `lineshape` has it, and 1 for white noise.

    Of white noise, one in forty has neighbours more alike than two standard deviations; the first number is above one
    for every other.
    """
    count = residuals.shape[1]
    inside = np.arange(count) < sizes[:, None]
    centred = np.where(inside, residuals - np.sum(residuals, axis=1, keepdims=True) / sizes[:, None], 0.0)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(centred, 2 * count, axis=1)) ** 2, axis=1)[:, :count]
    start = np.where(correlation[:, :1] > 0.0, correlation[:, :1], 1.0)
    correlation = correlation / start
    negative = inside & (correlation < 0.0)
    end = np.where(np.any(negative, axis=1), np.argmax(negative, axis=1), sizes)
    places = np.arange(count)
    together = 2.0 * np.sum(np.where((places > 0) & (places < end[:, None]), correlation, 0.0), axis=1)
    return 1.0 + together, 1.0 + np.where(correlation[:, 1] < 2.0 / np.sqrt(sizes), 0.0, together)
