"""Limits that a device has to keep, and which devices, dies and wafers keep them.

Metrics are arrays by name: one number for each die, shape [D], or one for each device of a die, shape [D, N]. A limit
on the latter holds for a die if it holds for each of its devices. What is not a number fails.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete


@dataclass(frozen=True)
class Limit:
    """A metric with a lower limit, an upper one, or both; the limits themselves pass.

    Args:
        metric: name of the metric.
        lower, upper: limits; infinite for none.

    Raises:
        ValueError: for limits that cross, are not numbers or are both infinite.
    """

    metric: str
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        if math.isnan(self.lower) or math.isnan(self.upper) or self.lower > self.upper:
            raise ValueError(f"limits {self.lower:g} and {self.upper:g} of {self.metric} cross or are not numbers")
        if not (math.isfinite(self.lower) or math.isfinite(self.upper)):
            raise ValueError(f"{self.metric} has neither a lower nor an upper limit")

    def margins(self, values: Any) -> list[jax.Array]:
        """How far values are inside each of the finite limits, above zero where they pass."""
        values = jnp.asarray(values)
        lower = [values - self.lower] if math.isfinite(self.lower) else []
        return lower + ([self.upper - values] if math.isfinite(self.upper) else [])

    def passes(self, values: Any) -> Any:
        """Whether values keep the limits, of their shape; of NumPy for plain numbers."""
        if is_concrete(values):
            values = np.asarray(values)
            with np.errstate(invalid="ignore"):
                return (values >= self.lower) & (values <= self.upper)
        return (values >= self.lower) & (values <= self.upper)


class Verdict(NamedTuple):
    """What passes.

    Attributes:
        limits: by the name of each limit, whether a die keeps it, shape [D].
        devices: whether a device keeps all limits on devices, shape [D, N]; None where there are none.
        dies: whether a die keeps all limits, shape [D].
    """

    limits: dict[str, Any]
    devices: Any
    dies: Any


@dataclass(frozen=True)
class Spec:
    """Named limits, in the order of tests.

    Args:
        limits: `Limit` by name, or a list, whose names are those of the metrics.

    Raises:
        ValueError: for no limit, another kind, or two limits of one name.
    """

    limits: Mapping[str, Limit]

    def __init__(self, limits: Mapping[str, Limit] | Iterable[Limit]):
        if not isinstance(limits, Mapping):
            listed = list(limits)
            for each in listed:
                check_kind("limit", each, Limit)
            if len({each.metric for each in listed}) < len(listed):
                raise ValueError(f"limits of {[each.metric for each in listed]} have a name twice: give them by name")
            limits = {each.metric: each for each in listed}
        if not limits:
            raise ValueError("limits = {} leave nothing to keep")
        for name, each in limits.items():
            check_kind(f"limits[{name!r}]", each, Limit)
        object.__setattr__(self, "limits", dict(limits))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the limits."""
        return tuple(self.limits)

    def judge(self, metrics: Mapping[str, Any]) -> Verdict:
        """Which devices and dies keep the limits.

        Args:
            metrics: arrays by name, [D] or [D, N]; others than those of the limits are left alone.

        Raises:
            ValueError: for a metric that is missing or of a shape that does not go with the others.
        """
        values = {name: self._values(each, metrics) for name, each in self.limits.items()}
        for name, each in values.items():
            if np.ndim(each) == 2 and not np.shape(each)[1]:
                raise ValueError(f"metric {self.limits[name].metric!r} of shape {np.shape(each)} is of no device")
        shapes = {name: np.shape(each) for name, each in values.items()}
        if len({shape[0] for shape in shapes.values()}) > 1 or len({s[1] for s in shapes.values() if len(s) > 1}) > 1:
            raise ValueError(f"metrics of shapes {shapes} are not [D] or [D, N] of the same dies and devices")
        passes = {name: self.limits[name].passes(each) for name, each in values.items()}
        of_devices = [each for each in passes.values() if each.ndim == 2]
        limits = {name: each.all(axis=1) if each.ndim == 2 else each for name, each in passes.items()}
        return Verdict(limits, _all(of_devices) if of_devices else None, _all(list(limits.values())))

    def _values(self, limit: Limit, metrics: Mapping[str, Any]) -> Any:
        if limit.metric not in metrics:
            raise ValueError(f"metric {limit.metric!r} is not one of {', '.join(map(repr, metrics))}")
        if np.ndim(metrics[limit.metric]) not in (1, 2):
            raise ValueError(f"metric {limit.metric!r} of shape {np.shape(metrics[limit.metric])} is not [D] or [D, N]")
        values = metrics[limit.metric]
        dtype = np.asarray(values).dtype if is_concrete(values) else values.dtype
        if not any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
            raise ValueError(f"metric {limit.metric!r} is not of real numbers")
        return metrics[limit.metric]


def good_wafers(dies: Any, wafer: Any, least: float = 0.5) -> dict[Any, bool]:
    """Whether wafers have at least a share of good dies, by the number of the wafer.

    Args:
        dies: whether each die passes, shape [D].
        wafer: number or name of the wafer of each die, shape [D].
        least: smallest share of good dies of a good wafer.

    Raises:
        ValueError: for dies that are not true or false, shapes that do not go together, or a share outside [0, 1].
    """
    check_range("least", least, 0.0, 1.0)
    dies, wafer = np.asarray(dies), np.asarray(wafer)
    if dies.shape != wafer.shape or dies.ndim != 1:
        raise ValueError(f"dies and wafers of shapes {dies.shape} and {wafer.shape} are not [D] both")
    if not np.all((dies == 0) | (dies == 1)):
        raise ValueError("dies are not true or false each")
    if wafer.dtype.kind == "f":
        check_finite("wafer", wafer)
    return {each.item(): bool(np.mean(dies[wafer == each]) >= least) for each in np.unique(wafer)}


def _all(rows: list[Any]) -> Any:
    found = rows[0]
    for each in rows[1:]:
        found = found & each
    return found
