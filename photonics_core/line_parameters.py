"""What the fitted parameters of many lines mean: resonances, by the formulas of `lineshape`."""

import math
from typing import NamedTuple

import numpy as np

from photonics_core.kernels.line_shapes import CENTRE, DEPTH, DROP, LEVEL, LOG_WIDTH, ODD, SPLIT
from photonics_core.line_windows import Lines
from photonics_core.lineshape import LineNoise, Resonance
from photonics_core.units import SPEED_OF_LIGHT


class Fitted(NamedTuple):
    """Outcome of the last pass, all of shape [lines, ...].

    `covariance` is that of residuals which scatter as the weights have it, `own_scatter` that of readings each of which
    scatters by its own residual; `gain` the share of the squared residuals that a doublet explains.
    """

    parameters: np.ndarray
    covariance: np.ndarray
    own_scatter: np.ndarray
    mean_square: np.ndarray
    gain: np.ndarray
    converged: np.ndarray
    full_rank: np.ndarray


def make_resonances(lines: Lines, fit: Fitted, usable: np.ndarray, with_drop: bool) -> list[Resonance | None]:
    """Resonances of fitted parameters; the last parameter is the splitting. None where they make no sense."""
    x = fit.parameters
    split = x[:, SPLIT] > 0.0
    depth = np.where(split, 1.0 - x[:, DEPTH] ** 2, x[:, DEPTH])
    g = np.exp(np.clip(x[:, LOG_WIDTH], -30.0, 5.0))
    p = (np.hypot(1.0, g) - g) ** 2
    sane = usable & (depth > 0.0) & (depth < 1.5) & (np.abs(x[:, CENTRE]) < 0.5) & (g < 5.0)
    frequency = SPEED_OF_LIGHT / lines.guess + x[:, CENTRE] * lines.fsr_frequency / (2.0 * math.pi)
    frequency = np.where(sane, frequency, 1.0)
    wl = SPEED_OF_LIGHT / frequency
    per_phase = wl * lines.fsr_frequency / (2.0 * math.pi * frequency)
    level = np.where(sane, x[:, LEVEL], 1.0)
    columns = {
        "wl": wl,
        "q": math.pi * frequency / (2.0 * g * lines.fsr_frequency),
        "round_trip": p,
        "difference": (1.0 - p) * np.sqrt(np.maximum(np.where(sane, 1.0 - depth, 0.0), 0.0)),
        "peak": x[:, DROP] / level if with_drop else np.full(level.size, math.nan),
        "asymmetry": x[:, ODD],
        "splitting": np.where(split, 2.0 * per_phase * x[:, SPLIT], 0.0),
        "residual": np.sqrt(fit.mean_square),
    }
    kinds = [_errors(each, columns, x, g, per_phase) for each in (fit.covariance, fit.own_scatter)]
    stated = {name: values for name, values in kinds[0].items() if name != "correlation"}
    rows, noise = _rows(columns | stated), _rows(kinds[1])
    side = np.where(x[:, DEPTH] > 0.0, "under", "over").tolist()
    return [
        Resonance(**rows[i], split_regime=side[i] if split[i] else None, noise=LineNoise(**noise[i]))
        if sane[i]
        else None
        for i in range(wl.size)
    ]


def _errors(
    covariance: np.ndarray, columns: dict[str, np.ndarray], x: np.ndarray, g: np.ndarray, per_phase: np.ndarray
) -> dict[str, np.ndarray]:
    """Standard errors by one covariance; that of the difference stays finite at critical coupling."""
    split, p, difference = x[:, SPLIT] > 0.0, columns["round_trip"], columns["difference"]
    depth = np.where(split, 1.0 - x[:, DEPTH] ** 2, x[:, DEPTH])
    p_slope = 2.0 * np.sqrt(p) * g * (g / np.hypot(1.0, g) - 1.0)
    errors = np.sqrt(np.clip(np.diagonal(covariance, axis1=1, axis2=2), 0.0, None))
    to_depth = -((1.0 - p) ** 2) * np.where(split, -2.0 * x[:, DEPTH], 1.0)
    to_width = -2.0 * (1.0 - p) * (1.0 - depth) * p_slope
    variance = to_depth**2 * covariance[:, DEPTH, DEPTH] + to_width**2 * covariance[:, LOG_WIDTH, LOG_WIDTH]
    variance += 2.0 * to_depth * to_width * covariance[:, DEPTH, LOG_WIDTH]
    with_width = to_depth * covariance[:, DEPTH, LOG_WIDTH] + to_width * covariance[:, LOG_WIDTH, LOG_WIDTH]
    spread = np.sqrt(np.maximum(variance, 0.0)) * errors[:, LOG_WIDTH]
    return {
        "wl_se": per_phase * errors[:, CENTRE],
        "q_se": columns["q"] * errors[:, LOG_WIDTH],
        "round_trip_se": np.abs(p_slope) * errors[:, LOG_WIDTH],
        "difference_se": np.hypot(difference, np.maximum(variance, 0.0) ** 0.25) - difference,
        "correlation": np.sign(p_slope) * with_width / np.where(spread > 0.0, spread, np.inf),
    }


def _rows(columns: dict[str, np.ndarray]) -> list[dict[str, float]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]
