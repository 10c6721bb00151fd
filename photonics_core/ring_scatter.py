"""How much identical rings of one die scatter, and what a few of them can tell of that.

Resonances of devices at some places have the covariance

    C = sum_q S_q^2 (field_sd_q^2 R_q + diag(e_q^2)),

with S_q the shift of a resonance by quantity q, R_q the correlations of its field and e_q the part of line edges. What
all devices of a die share drops out of their sample variance s^2 = sum (wl_i - mean)^2 / (n - 1), which is distributed
as sum_k c_k chi^2_1 with c_k the eigenvalues of the centred C over n - 1. Neighbours much closer than the correlation
length see a plain slope of the field: one c_k is large, and s says little, however many there are.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from photonics_core.kernels import random_field
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_positive, check_range
from photonics_core.low_discrepancy import normal_points
from photonics_core.variation import ProcessVariation

#: Points for the distribution of a sum of squares.
POINTS = 2**14


class NeighbourScatter(NamedTuple):
    """Sample standard deviation of the resonances of a die.

    Attributes:
        expected: root of the mean of s^2 in um.
        low, high: interval of s in um.
        freedom: degrees of freedom of a chi^2 distribution of the same mean and variance: n - 1 for independent rings,
            1 for a plain slope.
    """

    expected: float
    low: float
    high: float
    freedom: float


def neighbour_scatter(
    process: ProcessVariation,
    slopes: Mapping[str, Any],
    places: Any,
    averaging_length: float,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> NeighbourScatter:
    """The scatter that a process gives identical rings of one die.

    Slopes of the maps over a wafer within the die are left out.

    Args:
        process: what varies, plain numbers.
        slopes: shift of a resonance in um by each quantity, over its unit.
        places: places of the rings in um, shape [n, 2], n at least 2.
        averaging_length: length of a ring in um.
        confidence: of the interval.
        seed: of the points by which the interval is found, to some 1e-3 of it.

    Raises:
        ValueError: for fewer than two places, or slopes of other quantities.
    """
    check_kind("process", process, ProcessVariation)
    check_positive("averaging_length", averaging_length, "um")
    check_range("confidence", confidence, 0.0, 1.0, exclusive=True)
    check_finite("places", places, "um")
    places = np.asarray(places, float)
    if places.ndim != 2 or places.shape[1] != 2 or places.shape[0] < 2:
        raise ValueError(f"places of shape {places.shape} are not [n, 2] of at least two rings")
    count, total = places.shape[0], np.zeros((places.shape[0],) * 2)
    square = random_field.squared_distances(places)
    for name, slope in slopes.items():
        check_choice("quantity", name, process.quantities)
        check_finite(f"slope of {name!r}", slope)
        one = process.quantities[name]
        field, length, local, edge = (
            float(np.asarray(each)) for each in (one.field_sd, one.field_length, one.local_sd, one.local_length)
        )
        part = local**2 * _averaged_variance(float(averaging_length) / edge)
        matrix = random_field.correlation(square, length, one.kind)
        total += float(slope) ** 2 * (field**2 * matrix + part * np.eye(count))
    centre = np.eye(count) - 1.0 / count
    weights = np.clip(np.linalg.eigvalsh(centre @ total @ centre), 0.0, None) / (count - 1)
    drawn = np.sum(weights[None] * normal_points(POINTS, count, seed) ** 2, axis=1)
    low, high = np.sqrt(np.quantile(drawn, [0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence]))
    mean = float(np.sum(weights))
    freedom = mean**2 / float(np.sum(weights**2)) if mean > 0.0 else float(count - 1)
    return NeighbourScatter(float(np.sqrt(mean)), float(low), float(high), freedom)


def deviation_interval(deviation: float, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the standard deviation of independent normal values from that of `count` of them (n - 1 below).

    Args:
        deviation: sample standard deviation.
        count: number of values n, at least 2.
        confidence: of the interval.
    """
    from scipy.stats import chi2

    check_range("deviation", deviation, 0.0, np.inf)
    check_range("count", count, 2, 1e9)
    check_range("confidence", confidence, 0.0, 1.0, exclusive=True)
    ends = chi2.ppf([0.5 + 0.5 * confidence, 0.5 - 0.5 * confidence], count - 1)
    low, high = deviation * np.sqrt((count - 1) / ends)
    return float(low), float(high)


def _averaged_variance(u: float) -> float:
    """Square of `random_field.averaged_deviation` for a length of u correlation lengths, on the host."""
    return 1.0 - u / 3.0 if u < 1e-4 else 2.0 * (u + float(np.expm1(-u))) / u**2
