"""Medians with a standard error, for a few values of which one or two may be wrong."""

import math
from dataclasses import dataclass

import numpy as np

#: Standard deviation of a normal distribution over its median absolute deviation.
_NORMAL_MAD = 1.4826
#: Standard error of the median over that of the mean, for normal values.
_MEDIAN_EFFICIENCY = math.sqrt(math.pi / 2.0)


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error `se`."""

    value: float
    se: float


def level(x: np.ndarray, y: np.ndarray, y_se: np.ndarray, centre: float) -> Estimate:
    """Median of `y` over a band, at the middle `centre` of the band; see `level_and_slope`."""
    return level_and_slope(x, y, y_se, centre)[0]


def level_and_slope(x: np.ndarray, y: np.ndarray, y_se: np.ndarray, centre: float) -> tuple[Estimate, Estimate | None]:
    """Median of `y` over a band, at the middle `centre` of the band, and its slope, None for less than three values.

    `x`, `y` and the standard errors `y_se` have the shape [values]. From three values on, the linear trend
    over x is taken out first (the median of the slopes of all pairs), so that the result does not depend on
    which values happen to lie within the band. Values with large errors count for less. The standard error is
    the larger of what the scatter and what the errors of the values ask for. Source: H. Theil (1950) and
    P. K. Sen, J. Am. Stat. Assoc. 63, 1379 (1968); weights by the inverse errors.
    """
    weights = _bounded_weights(y_se)
    slope = _pairwise_slope(x, y, weights) if y.size > 2 else 0.0
    flat = y - slope * (x - centre)
    value = _weighted_median(flat, weights)
    scatter = _NORMAL_MAD * _weighted_median(np.abs(flat - value), weights)
    share = weights / weights.sum()
    # The median absolute deviation of n values is low by about 1 / n.
    scatter_error = scatter * math.sqrt(np.sum(share**2)) * (1.0 + 1.0 / y.size)
    fit_error = math.sqrt(np.sum((share * y_se) ** 2))
    se = _MEDIAN_EFFICIENCY * max(scatter_error, fit_error) if y.size > 1 else float(y_se[0])
    estimate = Estimate(float(value), float(se))
    spread = math.sqrt(np.sum(share * (x - np.sum(share * x)) ** 2))
    return estimate, Estimate(float(slope), float(se / spread)) if y.size > 2 else None


def positive_level(x: np.ndarray, y: np.ndarray, y_se: np.ndarray, centre: float) -> Estimate:
    """`level` of a positive quantity that changes by factors over the band: its trend is taken as
    exponential.

    Where a value is not clearly above zero the trend is taken as linear after all.
    """
    if np.any(y <= y_se):
        return level(x, y, y_se, centre)
    logarithm = level(x, np.log(y), y_se / y, centre)
    value = math.exp(logarithm.value)
    return Estimate(value, value * logarithm.se)


def _bounded_weights(errors: np.ndarray) -> np.ndarray:
    """Inverse errors, kept within a factor of the median: the errors are themselves uncertain."""
    typical = np.median(errors)
    if not typical > 0.0:
        return np.ones(errors.size)
    return 1.0 / np.clip(errors / typical, 1.0 / 3.0, 10.0)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Value at which half of the weight lies below, interpolated between neighbours."""
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    middle = np.cumsum(weights) - 0.5 * weights
    return float(np.interp(0.5 * weights.sum(), middle, values))


def _pairwise_slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    first, second = np.triu_indices(x.size, 1)
    run = x[second] - x[first]
    steps = run != 0.0
    slopes = (y[second] - y[first])[steps] / run[steps]
    pair_weights = np.abs(run) * weights[first] * weights[second] / np.hypot(weights[first], weights[second])
    return _weighted_median(slopes, pair_weights[steps]) if slopes.size else 0.0
