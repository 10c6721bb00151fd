"""Devices that stand apart from the rest of a wafer: robust trends over the wafer, and flags.

A trend is a polynomial in x and y, fitted by least squares that are weighted anew until they settle, with Tukey's
biweight: what is far from the trend counts for nothing. What a device then lies off the trend is counted in standard
deviations of the rest, by the median absolute deviation. Source: P. J. Huber, Robust Statistics, Wiley (1981), ch. 7.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from photonics_core.fit import MAXIMUM_ASYMMETRY, MAXIMUM_RESIDUAL, RingFit

#: Deviations of the rest of the wafer from which on a device is flagged.
OUTLIER_DEVIATIONS = 5.0
MINIMUM_LINES = 3
FLAGS = ("few_lines", "residual", "asymmetric", "not_settled", "off_trend")

#: Standard deviation of a normal distribution over its median absolute deviation.
NORMAL_MAD = 1.4826
#: Tukey's constant: 95 % efficient for normal values.
_BIWEIGHT = 4.685
_REWEIGHTINGS = 30


def robust_deviation(values: np.ndarray, positions: np.ndarray, errors: np.ndarray, degree: int = 2) -> np.ndarray:
    """How many standard deviations each value lies off the trend over the wafer.

    Args:
        values: shape [devices]; nan where there is none.
        positions: x and y in um, shape [devices, 2]; nan where they are not known. Without positions the trend is the
            median.
        errors: standard errors of the values, shape [devices]: nothing is an outlier by less than these.
        degree: of the polynomial in x and y; lower where devices are few.

    Returns:
        Deviations with their sign, shape [devices]; 0 for values that are nan, and for all where fewer than five are
        not.
    """
    result = np.zeros(values.shape)
    known = np.isfinite(values)
    if np.count_nonzero(known) < 5:
        return result
    y, error = values[known], np.nan_to_num(errors[known], nan=0.0, posinf=0.0)
    placed = np.all(np.isfinite(positions[known]), axis=1)
    design = _design(positions[known], placed, degree)
    residual = y - design @ _biweight_fit(design, y)
    spread = NORMAL_MAD * float(np.median(np.abs(residual - np.median(residual))))
    # Where most values are equal, as of copies of one file, the rounding alone spreads them.
    rounding = 1e-9 * float(np.median(np.abs(y)))
    result[known] = residual / np.maximum(np.hypot(max(spread, rounding, math.ulp(0.0)), error), 1e-300)
    return result


def wafer_polynomial(x: np.ndarray, y: np.ndarray, degree: int) -> np.ndarray:
    """Terms x^i y^j of a polynomial up to a total degree, shape [..., terms]; x and y in units of the wafer's size."""
    terms = [x**i * y ** (total - i) for total in range(degree + 1) for i in range(total, -1, -1)]
    return np.stack(terms, axis=-1)


def _design(positions: np.ndarray, placed: np.ndarray, degree: int) -> np.ndarray:
    """Polynomial of the highest degree that leaves three devices a term; devices without a place see its middle."""
    count = int(np.count_nonzero(placed))
    while degree and 3 * (degree + 1) * (degree + 2) // 2 > count:
        degree -= 1
    if not degree:
        return np.ones((positions.shape[0], 1))
    at = np.where(placed[:, None], positions, np.mean(positions[placed], axis=0))
    size = np.maximum(np.ptp(at, axis=0), 1e-300)
    x, y = ((at - np.mean(at, axis=0)) / np.max(size)).T
    return wafer_polynomial(x, y, degree)


def _biweight_fit(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients; starts from the median, which half of the devices cannot move."""
    solution = np.zeros(design.shape[1])
    solution[0] = np.median(values)
    for step in range(_REWEIGHTINGS):
        residual = values - design @ solution
        scale = NORMAL_MAD * float(np.median(np.abs(residual)))
        if not scale > 0.0:
            break
        # The first rounds are wide: the trend is not out of the median's residuals yet.
        reach = _BIWEIGHT * scale * (2.0 if step < 5 else 1.0)
        weight = np.clip(1.0 - (residual / reach) ** 2, 0.0, None)
        changed = np.linalg.lstsq(design * weight[:, None], values * weight, rcond=None)[0]
        if np.allclose(changed, solution, rtol=1e-12, atol=1e-12 * scale):
            break
        solution = changed
    return solution


def wafer_flags(positions: np.ndarray, fits: Sequence[RingFit], settled: np.ndarray) -> dict[str, np.ndarray]:
    """Flags of the devices of a wafer by name, each a Boolean array [devices].

    few_lines: fewer than three lines carry the estimates. residual: the residuals are large by themselves, or against
    those of the other devices. asymmetric: the lines are distorted by fringes. not_settled: the fit of a line did not
    settle, or its samples do not tell its parameters apart (`settled` is False). off_trend: n_g, Q, loss or coupling
    lies off the trend of its design over the wafer.
    """
    if not fits:
        return {name: np.zeros(0, bool) for name in FLAGS}
    residual = np.array([np.median([line.residual for line in fit.used]) for fit in fits])
    asymmetry = np.array([np.median([abs(line.asymmetry) for line in fit.resonances]) for fit in fits])
    level = np.log(np.maximum(residual, 1e-12))
    large = np.zeros(len(fits), bool)
    off = np.zeros(len(fits), bool)
    for members in _designs(fits):
        none = np.zeros(members.size)
        large[members] = robust_deviation(level[members], positions[members], none) > OUTLIER_DEVIATIONS
        off[members] = _off_trend([fits[i] for i in members], positions[members])
    return {
        "few_lines": np.array([len(fit.used) < MINIMUM_LINES for fit in fits]),
        "residual": large | (residual > MAXIMUM_RESIDUAL),
        "asymmetric": asymmetry > MAXIMUM_ASYMMETRY,
        "not_settled": ~settled,
        "off_trend": off,
    }


def _designs(fits: Sequence[RingFit]) -> list[np.ndarray]:
    """Places of the devices of each design."""
    keys: dict[Any, list[int]] = {}
    for i, fit in enumerate(fits):
        keys.setdefault((fit.radius, fit.gap), []).append(i)
    return [np.array(members) for members in keys.values()]


def _off_trend(fits: Sequence[RingFit], positions: np.ndarray) -> np.ndarray:
    off = np.zeros(len(fits), bool)
    for name in ("n_g", "q", "loss_db_cm", "power_coupling"):
        found = [getattr(fit, name) for fit in fits]
        value = np.array([math.nan if each is None else each.value for each in found])
        error = np.array([math.nan if each is None else each.se for each in found])
        off |= np.abs(robust_deviation(value, positions, error)) > OUTLIER_DEVIATIONS
    return off
