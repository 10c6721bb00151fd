"""Which limit costs the yield, and which dies are good for what."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from photonics_core.kernels.checks import check_kind
from photonics_core.yield_estimate import YieldEstimate, estimate_yield
from photonics_core.yield_spec import Spec, Verdict

#: Name of the bin of dies that no other takes.
REJECTED = "rejected"


class FailureCauses(NamedTuple):
    """How many dies fail which limits.

    Attributes:
        names: names of the limits, S of them.
        total, passed: numbers of dies.
        failing: dies that fail a limit, whatever else they fail, shape [S].
        alone: dies that fail this limit only, shape [S]: what the yield gains without it.
        first: dies whose first failure, in the order of the limits, is this one, shape [S]; they add up to all that
            fail.
        jointly: dies that fail both of two limits, shape [S, S]; `failing` on the diagonal.
    """

    names: tuple[str, ...]
    total: int
    passed: int
    failing: np.ndarray
    alone: np.ndarray
    first: np.ndarray
    jointly: np.ndarray


class Bins(NamedTuple):
    """Dies by bins, the last of which is "rejected".

    Attributes:
        names: names of the bins.
        of_die: number of the bin of each die, shape [D].
        shares: share of each bin with its interval; the intervals hold one by one, not all together.
    """

    names: tuple[str, ...]
    of_die: np.ndarray
    shares: tuple[YieldEstimate, ...]


def failure_causes(verdict: Verdict) -> FailureCauses:
    """Count what fails which limits, from `Spec.judge`."""
    check_kind("verdict", verdict, Verdict)
    names = tuple(verdict.limits)
    fails = ~np.stack([np.asarray(each, bool) for each in verdict.limits.values()])
    number = np.sum(fails, axis=0)
    first = np.where(number > 0, np.argmax(fails, axis=0), len(names))
    return FailureCauses(
        names,
        fails.shape[1],
        int(np.sum(number == 0)),
        np.sum(fails, axis=1),
        np.sum(fails & (number == 1)[None], axis=1),
        np.bincount(first, minlength=len(names) + 1)[:-1],
        fails.astype(int) @ fails.T.astype(int),
    )


def bin_dies(bins: Mapping[str, Spec], metrics: Mapping[str, Any], wafer: Any = None, **options: Any) -> Bins:
    """Put each die into the first bin whose limits it keeps.

    Args:
        bins: specifications by name, the best first.
        metrics: as for `Spec.judge`.
        wafer, options: as for `estimate_yield`, for the intervals.

    Raises:
        ValueError: for no bin, one called "rejected", or as `Spec.judge` and `estimate_yield` do.
    """
    if not bins or REJECTED in bins:
        raise ValueError(f"bins = {list(bins)} are none, or have one called {REJECTED!r}")
    for name, each in bins.items():
        check_kind(f"bins[{name!r}]", each, Spec)
    good = np.stack([np.asarray(each.judge(metrics).dies, bool) for each in bins.values()])
    of_die = np.where(np.any(good, axis=0), np.argmax(good, axis=0), len(bins))
    shares = tuple(estimate_yield(of_die == k, wafer, **options) for k in range(len(bins) + 1))
    return Bins((*bins, REJECTED), of_die, shares)
