"""What the fitted parameters of many lines mean: resonances, by the formulas of `lineshape`."""

import math
from typing import NamedTuple

import numpy as np

from photonics_core.kernels.line_shapes import CENTRE, DEPTH, DROP, LEVEL, LOG_WIDTH, ODD, SPLIT
from photonics_core.line_windows import Lines
from photonics_core.lineshape import Resonance
from photonics_core.units import SPEED_OF_LIGHT


class Fitted(NamedTuple):
    """Outcome of the last pass, all of shape [lines, ...]; `gain` is the share of the residuals a doublet explains."""

    parameters: np.ndarray
    covariance: np.ndarray
    mean_square: np.ndarray
    gain: np.ndarray
    converged: np.ndarray
    full_rank: np.ndarray


def make_resonances(lines: Lines, fit: Fitted, usable: np.ndarray, with_drop: bool) -> list[Resonance | None]:
    """Resonances of fitted parameters, by the formulas of `lineshape`; the last parameter is the splitting."""
    x, covariance = fit.parameters, fit.covariance
    split = x[:, SPLIT] > 0.0
    depth = np.where(split, 1.0 - x[:, DEPTH] ** 2, x[:, DEPTH])
    depth_slope = np.where(split, -2.0 * x[:, DEPTH], 1.0)
    g = np.exp(np.clip(x[:, LOG_WIDTH], -30.0, 5.0))
    p = (np.hypot(1.0, g) - g) ** 2
    p_slope = 2.0 * np.sqrt(p) * g * (g / np.hypot(1.0, g) - 1.0)
    sane = usable & (depth > 0.0) & (depth < 1.5) & (np.abs(x[:, CENTRE]) < 0.5) & (g < 5.0)
    errors = np.sqrt(np.clip(np.diagonal(covariance, axis1=1, axis2=2), 0.0, None))
    square = np.where(sane, (1.0 - p) ** 2 * (1.0 - depth), 0.0)
    to_depth, to_width = -((1.0 - p) ** 2) * depth_slope, -2.0 * (1.0 - p) * (1.0 - depth) * p_slope
    variance = to_depth**2 * covariance[:, DEPTH, DEPTH] + to_width**2 * covariance[:, LOG_WIDTH, LOG_WIDTH]
    variance += 2.0 * to_depth * to_width * covariance[:, DEPTH, LOG_WIDTH]
    with_width = to_depth * covariance[:, DEPTH, LOG_WIDTH] + to_width * covariance[:, LOG_WIDTH, LOG_WIDTH]
    spread = np.sqrt(np.maximum(variance, 0.0)) * errors[:, LOG_WIDTH]
    correlation = np.sign(p_slope) * with_width / np.where(spread > 0.0, spread, np.inf)
    difference = np.sqrt(np.maximum(square, 0.0))
    difference_se = np.hypot(difference, np.maximum(variance, 0.0) ** 0.25) - difference
    frequency = SPEED_OF_LIGHT / lines.guess + x[:, CENTRE] * lines.fsr_frequency / (2.0 * math.pi)
    frequency = np.where(sane, frequency, 1.0)
    wl = SPEED_OF_LIGHT / frequency
    per_phase = wl * lines.fsr_frequency / (2.0 * math.pi * frequency)
    q = math.pi * frequency / (2.0 * g * lines.fsr_frequency)
    level = np.where(sane, x[:, LEVEL], 1.0)
    columns = {
        "wl": wl,
        "wl_se": per_phase * errors[:, CENTRE],
        "q": q,
        "q_se": q * errors[:, LOG_WIDTH],
        "round_trip": p,
        "round_trip_se": np.abs(p_slope) * errors[:, LOG_WIDTH],
        "difference": difference,
        "difference_se": difference_se,
        "peak": x[:, DROP] / level if with_drop else np.full(level.size, math.nan),
        "asymmetry": x[:, ODD],
        "splitting": np.where(split, 2.0 * per_phase * x[:, SPLIT], 0.0),
        "residual": np.sqrt(fit.mean_square),
        "correlation": correlation,
    }
    regime = np.where(x[:, DEPTH] > 0.0, "under", "over")
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    resonances = []
    for fine, is_split, side, row in zip(sane, split, regime.tolist(), rows, strict=True):
        values = dict(zip(columns, row, strict=True))
        resonances.append(Resonance(split_regime=side if is_split else None, **values) if fine else None)
    return resonances
