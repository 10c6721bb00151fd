"""Which of many independent variables the variance of a result comes from: the indices of Sobol.

With f of variables x in groups i, V the variance of f, and A, B two independent samples, of which A_i is A with group i
from B (A. Saltelli et al., Comput. Phys. Commun. 181, 259 (2010), after I. M. Sobol and M. J. W. Jansen; second hand),

    first order  S_i = E[f(B) (f(A_i) - f(A))] / V        what group i takes away if it alone is fixed,
    total        T_i = E[(f(A) - f(A_i))^2] / (2 V)       what is left if all else is fixed.

S_i <= T_i; the S_i add up to 1 where no groups act together, and the T_i to 1 or more. For a yield let f be 1 for what
passes and 0 else, or a metric itself. Samples are Sobol points, scrambled anew for each replicate, whose scatter gives
the standard errors.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from photonics_core.kernels.checks import check_choice, check_range
from photonics_core.low_discrepancy import normal_points, uniform_points


class SobolIndices(NamedTuple):
    """Indices by group, each an array of the shape of the result (), or [K].

    Attributes:
        first, total: indices.
        first_error, total_error: their standard errors.
        mean, variance: of the result.
        evaluations: how often the function was asked.
    """

    first: dict[str, np.ndarray]
    total: dict[str, np.ndarray]
    first_error: dict[str, np.ndarray]
    total_error: dict[str, np.ndarray]
    mean: np.ndarray
    variance: np.ndarray
    evaluations: int


def sobol_indices(
    function: Callable[[Any], Any],
    groups: Mapping[str, Any],
    *,
    points: int = 1024,
    replicates: int = 8,
    distribution: str = "normal",
    seed: int = 0,
) -> SobolIndices:
    """Indices of all groups.

    Args:
        function: takes numbers [points, dimension]; gives results [points] or [points, K].
        groups: numbers of the variables of each group, which together are 0 ... dimension - 1, each once, as
            `DieSampler.groups`.
        points: of a sample, a power of two.
        replicates: independent estimates, at least 2.
        distribution: of the variables, "normal" of variance 1 or "uniform" in (0, 1).
        seed: of the points.

    Raises:
        ValueError: for groups that do not divide the variables, results of another shape or not finite, or results that
            do not vary.
    """
    check_choice("distribution", distribution, ("normal", "uniform"))
    check_range("replicates", replicates, 2, 10_000)
    columns = {name: np.atleast_1d(np.asarray(each, int)) for name, each in groups.items()}
    together = np.sort(np.concatenate([*columns.values(), []]).astype(int))
    dimension = together.size
    if not dimension or not np.array_equal(together, np.arange(dimension)):
        raise ValueError(f"groups = {dict(groups)!r} do not hold each of the variables 0 ... once")
    drawn = normal_points if distribution == "normal" else uniform_points
    rows = []
    for k in range(replicates):
        both = drawn(points, 2 * dimension, seed * replicates + k)
        rows.append(_one(function, columns, both[:, :dimension], both[:, dimension:]))
    firsts, totals, means, variances = (np.stack(each) for each in zip(*rows, strict=True))

    def named(values: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(columns, values, strict=True))

    errors = [np.std(each, axis=0, ddof=1) / np.sqrt(replicates) for each in (firsts, totals)]
    return SobolIndices(
        named(firsts.mean(axis=0)),
        named(totals.mean(axis=0)),
        named(errors[0]),
        named(errors[1]),
        means.mean(axis=0),
        variances.mean(axis=0),
        replicates * points * (len(columns) + 2),
    )


def _one(
    function: Callable[[Any], Any], columns: Mapping[str, np.ndarray], a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First-order and total indices [groups, ...], mean and variance from one pair of samples."""
    f_a, f_b = _results(function, a), _results(function, b)
    mean = 0.5 * (f_a.mean(axis=0) + f_b.mean(axis=0))
    # About the mean, so that little cancels in the products.
    f_a, f_b = f_a - mean, f_b - mean
    variance = 0.5 * (np.mean(f_a**2, axis=0) + np.mean(f_b**2, axis=0))
    if not np.all(variance > 0.0):
        raise ValueError("function gives the same result at all points: no variance to divide")
    firsts, totals = [], []
    for chosen in columns.values():
        mixed = a.copy()
        mixed[:, chosen] = b[:, chosen]
        f_mixed = _results(function, mixed) - mean
        firsts.append(np.mean(f_b * (f_mixed - f_a), axis=0) / variance)
        totals.append(0.5 * np.mean((f_a - f_mixed) ** 2, axis=0) / variance)
    return np.stack(firsts), np.stack(totals), mean, variance


def _results(function: Callable[[Any], Any], numbers: np.ndarray) -> np.ndarray:
    found = np.asarray(function(numbers), float)
    if found.ndim not in (1, 2) or found.shape[0] != numbers.shape[0]:
        raise ValueError(
            f"results of shape {found.shape} are not [points] or [points, K] for {numbers.shape[0]} points"
        )
    if not np.all(np.isfinite(found)):
        raise ValueError("function gives results that are not finite")
    return found
