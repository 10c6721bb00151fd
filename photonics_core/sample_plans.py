"""What a sweep evaluates, row by row without holding it all: the protocol of plans, grids and lists.

A plan knows how many samples it has and gives any of them by their global index, so that a sweep over 1e7 samples holds
only those it works on. Whatever the rows are asked for with, they are the same to the last bit. Plans that draw
(Sobol, Latin hypercube, random) stand in `drawn_plans`.

An axis is the path of a leaf of a device, such as "input_coupler.gap", or the name of an argument.
"""

import abc
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from photonics_core.hdf5_variables import is_name
from photonics_core.kernels.checks import check_finite, check_kind

#: Most samples of a plan: global indices are folded into keys as 32 bits.
MOST = 2**32
RESERVED = ("sample", "index")


class Plan(abc.ABC):
    """Samples by global index.

    `dims` names the axes of the plan as a whole and `shape` gives their lengths: one for each axis of a grid, and
    "sample" for all others. `names` are the names of the numbers of a sample.
    """

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the numbers of a sample."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions of the plan."""
        return ("sample",)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of these dimensions."""
        return (self.count,)

    @property
    @abc.abstractmethod
    def count(self) -> int:
        """Number of samples."""

    def rows(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Samples from global index `start` up to `stop`: by name arrays of shape [stop - start, ...], float64.

        Raises:
            ValueError: for a range that is not within the plan.
        """
        if not 0 <= start <= stop <= self.count:
            raise ValueError(f"rows {start} to {stop} are not within the {self.count} samples of the plan")
        return self._rows(start, stop)

    @abc.abstractmethod
    def _rows(self, start: int, stop: int) -> dict[str, np.ndarray]: ...

    @abc.abstractmethod
    def identity(self) -> dict[str, Any]:
        """What tells this plan from others, as JSON holds it."""

    def coordinates(self) -> dict[str, np.ndarray]:
        """Values along the dimensions of the plan, for those that have one number each."""
        return {}


@dataclass(frozen=True, eq=False)
class GridPlan(Plan):
    """Every combination of the values of some axes; the last axis runs fastest.

    Args:
        axes: by name, the values of an axis, shape [n], or [n, ...] for a leaf that is an array.

    Raises:
        ValueError: for a name or values that cannot be an axis.
    """

    axes: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", _columns(self.axes, "axes"))
        check_count(self.count)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.axes)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes, with "_number" behind those whose values are arrays."""
        return tuple(name if values.ndim == 1 else f"{name}_number" for name, values in self.axes.items())

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def count(self) -> int:
        """Product of the lengths."""
        return math.prod(self.shape)

    def _rows(self, start: int, stop: int) -> dict[str, np.ndarray]:
        places = np.unravel_index(np.arange(start, stop), self.shape)
        return {name: values[at] for (name, values), at in zip(self.axes.items(), places, strict=True)}

    def identity(self) -> dict[str, Any]:
        """Kind and axes."""
        return {"kind": "grid", "axes": {name: _of_array(values) for name, values in self.axes.items()}}

    def coordinates(self) -> dict[str, np.ndarray]:
        """Values of the axes of numbers."""
        return {name: values for name, values in self.axes.items() if values.ndim == 1}


@dataclass(frozen=True, eq=False)
class ListPlan(Plan):
    """The rows of a table.

    Args:
        columns: by name, the values of all samples, shape [n, ...].

    Raises:
        ValueError: for a name or values that cannot be a column, or columns of different lengths.
    """

    columns: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _columns(self.columns, "columns"))
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns have different lengths: {lengths}")
        check_count(self.count)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.columns)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def _rows(self, start: int, stop: int) -> dict[str, np.ndarray]:
        return {name: values[start:stop] for name, values in self.columns.items()}

    def identity(self) -> dict[str, Any]:
        """Kind and columns."""
        return {"kind": "list", "axes": {name: _of_array(values) for name, values in self.columns.items()}}


def _columns(given: Any, what: str) -> dict[str, np.ndarray]:
    check_kind(what, given, Mapping)
    if not given:
        raise ValueError(f"{what} is empty: the plan varies nothing")
    check_names(given)
    columns = {}
    for name, values in given.items():
        array = np.atleast_1d(np.asarray(values))
        if array.dtype.kind not in "iufb" or not array.size:
            raise ValueError(f"{what}[{name!r}] is not a list of real numbers, or is empty")
        check_finite(f"{what}[{name!r}]", array)
        columns[name] = array.astype(np.float64)
    return columns


def check_names(given: Mapping[str, Any]) -> None:
    """Raise a `ValueError` unless all names can be those of axes."""
    for name in given:
        if not is_name(name) or name in RESERVED:
            raise ValueError(f"axis name {name!r} is taken, or is not the path of a leaf or the name of an argument")


def check_count(count: int) -> None:
    """Raise a `ValueError` unless a plan can have so many samples."""
    if not 1 <= count <= MOST:
        raise ValueError(f"the plan has {count} samples, which is outside [1, 2^32]")


def _of_array(values: np.ndarray) -> dict[str, Any]:
    """Ends, shape and digest of an array: enough to tell it from another, and to say how."""
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]
    flat = values.ravel()
    return {"shape": list(values.shape), "first": float(flat[0]), "last": float(flat[-1]), "digest": digest}
