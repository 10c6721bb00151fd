"""A yield with its confidence interval, from dies that are independent or come from wafers, and quantiles with theirs.

Of n independent dies of which k pass, the ends of the interval of C. J. Clopper and E. S. Pearson, Biometrika 26, 404
(1934), are the yields of which k or more, and k or fewer, pass with half of what the confidence leaves. It holds the
yield at least as often as it says, whatever the yield, and is the default. With p = k / n and the quantile z of the
normal distribution that of E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927),

    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4 n^2)) / (1 + z^2 / n),

is shorter by some 5 %, and holds it as often as it says in the mean over yields, but near 1 falls short at some of
them: of 400 dies down to 89.5 % between yields of 95 and 99.9 %, where that of Jeffreys goes down to 87.7 % (by the
binomial distribution; L. D. Brown, T. T. Cai and A. DasGupta, Stat. Sci. 16, 101 (2001), compare them, second hand).

Dies of one wafer share what the wafer is, and then n is too much. With k_w of n_w good on wafer w, of W in all, the
variance of the ratio p = sum k_w / sum n_w is estimated by

    v = (W / (W - 1))^2 sum (k_w - p n_w)^2 / (sum n_w)^2

(squared since each wafer draws p towards itself), and the interval is taken with n = p (1 - p) / v, no more than the
number of dies, and the quantile of Student's t, with that of Clopper and Pearson by n (z / t)^2 (after E. L. Korn and
B. I. Graubard, Surv. Methodol. 24, 193 (1998), second hand). A few bad wafers among good ones make v less certain than
W - 1 degrees of freedom say: with the kurtosis q of the residuals there are 2 W / (q - 1) of them, if that is less.
Lots count in the same way: give the number of the lot for that of the wafer.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from photonics_core.kernels.checks import check_choice, check_finite, check_range

METHODS = ("clopper-pearson", "wilson")


class YieldEstimate(NamedTuple):
    """A yield with its confidence interval.

    Attributes:
        value: share of the dies that pass.
        low, high: ends of the interval.
        passed, total: numbers of dies.
        effective: number of independent dies that would tell as much.
        confidence: of the interval.
    """

    value: float
    low: float
    high: float
    passed: int
    total: int
    effective: float
    confidence: float


class Quantiles(NamedTuple):
    """Quantiles with their confidence intervals, each of the shape of `levels`; infinite ends for too few values."""

    levels: np.ndarray
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def estimate_yield(
    passed: Any, wafer: Any = None, *, confidence: float = 0.95, method: str = "clopper-pearson"
) -> YieldEstimate:
    """The yield of dies that were drawn or measured.

    Args:
        passed: whether each die passes, shape [D].
        wafer: number or name of the wafer of each die, shape [D], where dies of a wafer go together; None for
            independent ones.
        confidence: of the interval.
        method: "clopper-pearson" or "wilson".

    Raises:
        ValueError: for no die, shapes that do not go together, or dies of one wafer only: that tells nothing of others.
    """
    check_range("confidence", confidence, 0.0, 1.0, exclusive=True)
    check_choice("method", method, METHODS)
    passed = np.asarray(passed)
    if (
        passed.ndim != 1
        or passed.size == 0
        or passed.dtype.kind not in "biuf"
        or not np.all((passed == 0) | (passed == 1))
    ):
        raise ValueError(f"passed of shape {passed.shape} is not true or false for each of some dies")
    total, good = int(passed.size), int(np.sum(passed))
    effective, freedom = (float(total), None) if wafer is None else _effective(passed, np.asarray(wafer))
    low, high = _interval(good / total, effective, freedom, confidence, method)
    return YieldEstimate(good / total, low, high, good, total, effective, confidence)


def replicated_yield(values: Any, *, confidence: float = 0.95) -> tuple[float, float, float, float]:
    """Mean of independent estimates of a yield, such as those of Sobol points scrambled anew each time.

    Args:
        values: estimates, shape [R], R at least two.
        confidence: of the interval.

    Returns:
        The mean, its standard error, and the ends of its interval by Student's t, within 0 and 1. Where none or all
        passed in all estimates their scatter tells nothing, and the interval is that of R dies.

    Raises:
        ValueError: for fewer than two values, or one that is no yield.
    """
    from scipy.stats import t

    check_range("confidence", confidence, 0.0, 1.0, exclusive=True)
    check_range("values", values, 0.0, 1.0)
    values = np.asarray(values, float)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"values of shape {values.shape} are not at least two estimates")
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(values.size))
    if np.all(values == 0.0) or np.all(values == 1.0):
        return mean, error, *_interval(mean, float(values.size), None, confidence, "clopper-pearson")
    room = float(t.ppf(0.5 + 0.5 * confidence, values.size - 1)) * error
    return mean, error, max(mean - room, 0.0), min(mean + room, 1.0)


def sample_quantiles(
    values: Any, levels: Sequence[float] = (0.05, 0.5, 0.95, 0.99), *, confidence: float = 0.95
) -> Quantiles:
    """Quantiles of independent values, with intervals between two of the values, whatever the distribution.

    The number of values below a quantile is binomial; the ranks of the ends follow from that.

    Args:
        values: shape [D].
        levels: shares of values below, between 0 and 1.
        confidence: of each interval, at least.

    Raises:
        ValueError: for values that are not [D], or levels outside (0, 1).
    """
    from scipy.stats import binom

    check_range("levels", levels, 0.0, 1.0, exclusive=True)
    check_range("confidence", confidence, 0.0, 1.0, exclusive=True)
    row = np.sort(np.asarray(values, float))
    if row.ndim != 1 or row.size == 0 or np.any(np.isnan(row)):
        raise ValueError(f"values of shape {np.shape(values)} are not some numbers")
    at = np.atleast_1d(np.asarray(levels, float))
    tail = 0.5 * (1.0 - confidence)
    # P(the value of rank i, from 1 on, is below the quantile) = P(binomial >= i).
    lower = binom.ppf(tail, row.size, at).astype(int)
    upper = binom.ppf(1.0 - tail, row.size, at).astype(int) + 1
    padded = np.concatenate([[-math.inf], row, [math.inf]])
    return Quantiles(at, np.quantile(row, at), padded[lower], padded[np.minimum(upper, row.size + 1)])


def _effective(passed: np.ndarray, wafer: np.ndarray) -> tuple[float, float]:
    """Number of independent dies that tell as much, and degrees of freedom."""
    if wafer.shape != passed.shape:
        raise ValueError(f"wafer of shape {wafer.shape} is not one number for each of {passed.size} dies")
    if wafer.dtype.kind == "f":
        check_finite("wafer", wafer)
    _, place, counts = np.unique(wafer, return_inverse=True, return_counts=True)
    wafers = counts.size
    if wafers < 2:
        raise ValueError(
            "dies of one wafer tell nothing of what differs from wafer to wafer; wafer=None leaves that out"
        )
    good = np.bincount(place, weights=passed.astype(float))
    share = float(np.sum(good)) / passed.size
    if share in (0.0, 1.0):
        # Nothing is seen to vary: wafers count, not dies.
        return float(wafers), wafers - 1.0
    rest = good - share * counts
    variance = (wafers / (wafers - 1.0)) ** 2 * float(np.sum(rest**2)) / passed.size**2
    if not variance > 0.0:
        return float(passed.size), wafers - 1.0
    kurtosis = float(np.mean(rest**4)) / float(np.mean(rest**2)) ** 2
    freedom = min(2.0 * wafers / max(kurtosis - 1.0, 1e-9), wafers - 1.0)
    return min(share * (1.0 - share) / variance, float(passed.size)), max(freedom, 1.0)


def _interval(share: float, n: float, freedom: float | None, confidence: float, method: str) -> tuple[float, float]:
    from scipy.stats import beta, norm, t

    part = 0.5 + 0.5 * confidence
    z = float(norm.ppf(part)) if freedom is None else float(t.ppf(part, freedom))
    if method == "wilson":
        middle = share + 0.5 * z * z / n
        room = z * math.sqrt(share * (1.0 - share) / n + 0.25 * (z / n) ** 2)
        low, high = ((middle + side * room) / (1.0 + z * z / n) for side in (-1.0, 1.0))
        # At the ends rounding would leave the interval a little short of 0 or 1.
        return (0.0 if share == 0.0 else max(low, 0.0)), (1.0 if share == 1.0 else min(high, 1.0))
    if freedom is not None:
        n = n * (float(norm.ppf(part)) / z) ** 2
    good = share * n
    low = 0.0 if share == 0.0 else float(beta.ppf(1.0 - part, good, n - good + 1.0))
    high = 1.0 if share == 1.0 else float(beta.ppf(part, good + 1.0, n - good))
    return low, high
