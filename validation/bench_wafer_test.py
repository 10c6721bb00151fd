"""Benchmarks of the batched fit of lines beside SciPy's `least_squares`, one line after the other.

`solve_1000_lines` gives both the same 1000 windows of 160 samples, start values and weights, and solves once.
`lines_of_100_spectra` fits all lines of 100 spectra of rings beside one guide as the fit of files does, in three passes
with windows, weights and the test for doublets, beside the same for one line after the other. Differences of the
results are in standard errors.
"""

import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

from photonics_core.fit import line_periods, port_powers, search_ring
from photonics_core.kernels.batched_least_squares import fit_rows
from photonics_core.kernels.line_shapes import LineSamples, through_line
from photonics_core.line_batch import fit_lines
from photonics_core.line_windows import Lines, Ported
from photonics_core.lineshape import Resonance, fit_resonance
from photonics_core.validation.benchmarks import Benchmark, Pair
from photonics_core.validation.synthetic_wafers import RADIUS, Truth, spectra

SPECTRA = 100
SOLVED, SAMPLES, AT_ONCE = 1000, 160, 125
NOISE = 0.01


def work(count: int) -> tuple[list[Ported], Lines]:
    """Spectra by their ports, and the lines to fit in them."""
    chance = np.random.default_rng(11)
    truth = Truth(2.4 + 0.01 * chance.normal(size=count), 4.2 + 0.01 * chance.normal(size=count), 20.0, 0.08)
    searches = [search_ring(each, RADIUS) for each in spectra(truth, seed=11)]
    ported = [Ported(each.spectrum.wl, *port_powers(each.spectrum, each.ports)) for each in searches]
    numbers = np.repeat(np.arange(count), [each.comb.wl.size for each in searches])
    guess = np.concatenate([each.comb.wl for each in searches])
    period = np.concatenate([line_periods(each.spectrum, each.comb) for each in searches])
    return ported, Lines(numbers, guess, period, np.full(guess.size, np.nan))


def one_by_one(ported: list[Ported], lines: Lines) -> list[Resonance | None]:
    """What SciPy gives for the same lines."""
    rows = zip(lines.spectrum, lines.guess, lines.fsr_frequency, strict=True)
    return [fit_resonance(ported[i].wl, ported[i].through, ported[i].drop, float(wl), float(f)) for i, wl, f in rows]


def _prepare(peers: Path | None) -> Pair:
    ported, lines = work(SPECTRA)
    errors = np.array([[line.wl_se, line.q_se, line.difference_se] for line in one_by_one(ported, lines) if line])

    def table(found: list[Resonance | None]) -> Any:
        return np.array([[line.wl, line.q, line.difference] for line in found if line]) / errors

    return lambda: table(fit_lines(ported, lines).resonances), lambda: table(one_by_one(ported, lines))


def _prepare_solve(peers: Path | None) -> Pair:
    chance = np.random.default_rng(0)
    phase = np.linspace(-0.5, 0.5, SAMPLES)
    true = np.array([0.02, math.log(0.03), 0.7, 0.02, 1.0, 0.02, -0.03])
    start = true * np.array([0.0, 1.05, 0.9, 0.0, 1.0, 0.0, 0.0])
    shape = (SOLVED, SAMPLES)
    dtype = jnp.result_type(float)
    halves = np.sin(0.5 * phase), np.cos(0.5 * phase), 2.0 * phase
    samples = LineSamples(*(jnp.asarray(np.broadcast_to(each, shape), dtype) for each in halves))
    level = _through(true, phase)
    measured = level + NOISE * chance.normal(size=shape)
    weights = jnp.full(shape, 1.0 / NOISE, dtype)
    first, target = (jnp.asarray(each, dtype) for each in (np.broadcast_to(start, (SOLVED, start.size)), measured))

    def ours() -> Any:
        parts = [slice(i, i + AT_ONCE) for i in range(0, SOLVED, AT_ONCE)]
        cut = ((first[i], LineSamples(*(each[i] for each in samples)), target[i], weights[i]) for i in parts)
        fits = [fit_rows(through_line, *each) for each in cut]
        spread = [np.sqrt(np.diagonal(np.asarray(fit.covariance), axis1=1, axis2=2)) for fit in fits]
        return np.concatenate([np.asarray(fit.parameters) / s for fit, s in zip(fits, spread, strict=True)])

    def theirs() -> Any:
        rows = []
        for row in measured:
            found = least_squares(
                lambda x, row=row: (_through(x, phase) - row) / NOISE, start, method="lm", x_scale="jac"
            )
            rows.append(found.x / np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac))))
        return np.array(rows)

    return ours, theirs


def _through(x: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """The line as one would write it for one spectrum."""
    g, half = math.exp(x[1]), 0.5 * (phase - x[0])
    below = g * g + np.sin(half) ** 2
    shape = 1.0 - x[2] * g * g / below + 0.5 * x[3] * g * np.sin(2.0 * half) / below
    return np.polynomial.polynomial.polyval(2.0 * phase, x[4:]) * shape


BENCHMARKS = (
    Benchmark("wafer_test.solve_1000_lines", "scipy.optimize.least_squares", _prepare_solve),
    Benchmark("wafer_test.lines_of_100_spectra", "scipy.optimize.least_squares", _prepare),
)
