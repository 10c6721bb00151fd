"""Sweeps from a file: a TOML job, made into the same run by any process that reads it, and the chunk as a unit of work.

    function = "my_sweeps:drop"            # module:name beside the file or installed, or an entry point's name
    device = "my_sweeps:ring"              # optional: a pytree, or a function without arguments that makes one
    [plan]
    kind = "random"                        # grid, list, sobol, latin or random
    samples = 1000000
    seed = 1
    [plan.axes]
    radius = { mean = 10.0, deviation = 0.01 }
    "input_coupler.gap" = { lower = 0.14, upper = 0.16 }
    [coordinates]
    wl = { lower = 1.30, upper = 1.32, count = 201, units = "um" }
    [common]
    temperature = 300.0
    [labels.drop]
    dims = ["wl"]

Coordinates are handed to the function too, in `common`. The run folder keeps the description as JSON, never a pickle,
so that a worker in another process computes a chunk with `sweep_worker.run_chunk(folder, chunk)` and nothing else.
"""

import functools
import importlib
import inspect
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pydantic

from photonics_core.distributions import LogUniform, Normal, Uniform
from photonics_core.drawn_plans import LatinPlan, RandomPlan, SobolPlan
from photonics_core.hdf5_variables import Variable
from photonics_core.jobs import Settings, checked, read_toml
from photonics_core.sample_plans import GridPlan, ListPlan, Plan
from photonics_core.sweep_program import Label
from photonics_core.sweep_setup import Setup, set_up

#: Entry points of functions that a job can name without a colon.
GROUP = "photonics_core.sweeps"
Numbers = float | list[float]


class Values(Settings):
    """Values given one by one, or evenly spaced ones (by factors for scale = "log") from `lower` to `upper`."""

    values: list[float] | list[list[float]] | None = None
    lower: float | None = None
    upper: float | None = None
    count: int | None = pydantic.Field(None, ge=1)
    scale: Literal["linear", "log"] = "linear"
    units: str = ""

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> "Values":
        spaced = [self.lower, self.upper, self.count]
        if self.values is not None:
            if spaced != [None] * 3:
                raise ValueError("give either values, or lower, upper and count")
            if not self.values:
                raise ValueError("values is empty")
        elif None in spaced:
            raise ValueError("give values, or lower, upper and count")
        elif self.scale == "log" and min(self.lower or 0.0, self.upper or 0.0) <= 0.0:
            raise ValueError("lower and upper must be above zero for the scale log")
        return self

    def array(self) -> np.ndarray:
        """The values."""
        if self.values is not None:
            return np.asarray(self.values, np.float64)
        spaced = np.geomspace if self.scale == "log" else np.linspace
        return spaced(self.lower, self.upper, self.count)  # pyright: ignore[reportArgumentType, reportCallIssue]


class Drawn(Settings):
    """A distribution: `lower` and `upper` (scale "linear" or "log"), or `mean` and `deviation`; lists for arrays."""

    lower: Numbers | None = None
    upper: Numbers | None = None
    scale: Literal["linear", "log"] = "linear"
    mean: Numbers | None = None
    deviation: Numbers | None = None
    units: str = ""

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> "Drawn":
        ways = [(self.lower, self.upper), (self.mean, self.deviation)]
        if sum(None not in way for way in ways) != 1 or sum(way == (None, None) for way in ways) != 1:
            raise ValueError("give either lower and upper, or mean and deviation")
        self.distribution()
        return self

    def distribution(self) -> Uniform | LogUniform | Normal:
        """The distribution."""
        if self.mean is not None:
            return Normal(self.mean, self.deviation)
        return (LogUniform if self.scale == "log" else Uniform)(self.lower, self.upper)


class ValuesPlan(Settings):
    """A grid or a list."""

    kind: Literal["grid", "list"]
    axes: dict[str, Values] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _can_be(self) -> "ValuesPlan":
        self.plan()
        return self

    def plan(self) -> Plan:
        """The plan."""
        columns = {name: each.array() for name, each in self.axes.items()}
        return GridPlan(columns) if self.kind == "grid" else ListPlan(columns)


class DrawnPlan(Settings):
    """Sobol points, a Latin hypercube or random draws."""

    kind: Literal["sobol", "latin", "random"]
    samples: int = pydantic.Field(ge=1)
    seed: int = pydantic.Field(0, ge=0)
    axes: dict[str, Drawn] = pydantic.Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _can_be(self) -> "DrawnPlan":
        self.plan()
        return self

    def plan(self) -> Plan:
        """The plan."""
        kinds = {"sobol": SobolPlan, "latin": LatinPlan, "random": RandomPlan}
        axes = {name: each.distribution() for name, each in self.axes.items()}
        return kinds[self.kind](axes, self.samples, self.seed)


class LabelSettings(Settings):
    """Dims, unit and name of a result, or unit and name of an axis."""

    dims: list[str] = pydantic.Field(default_factory=list)
    units: str = ""
    long_name: str = ""


class SweepJob(Settings):
    """Settings of a sweep, as a TOML file holds them."""

    function: str
    device: str | None = None
    plan: Annotated[ValuesPlan | DrawnPlan, pydantic.Field(discriminator="kind")]
    common: dict[str, Any] = pydantic.Field(default_factory=dict)
    coordinates: dict[str, Values] = pydantic.Field(default_factory=dict)
    labels: dict[str, LabelSettings] = pydantic.Field(default_factory=dict)
    seed: int | None = pydantic.Field(None, ge=0, lt=2**32)
    chunk: int | None = pydantic.Field(None, ge=1)
    block: int | None = pydantic.Field(None, ge=1)

    @pydantic.field_validator("function", "device")
    @classmethod
    def _is_there(cls, name: str | None, info: pydantic.ValidationInfo) -> str | None:
        if name is not None:
            found = find_object(name, (info.context or {}).get("path"))
            if info.field_name == "function" and not callable(found):
                raise ValueError("is not a function")
        return name

    @pydantic.field_validator("common")
    @classmethod
    def _are_plain(cls, common: dict[str, Any]) -> dict[str, Any]:
        for name, value in common.items():
            _as_common(name, value)
        return common

    def setup(self, path: str | os.PathLike[str] | None = None) -> Setup:
        """The sweep, traced and checked.

        Args:
            path: folder where the modules it names may lie.

        Raises:
            ValueError: as `sweep` does.
        """
        device = None
        if self.device is not None:
            device = find_object(self.device, path)
            device = device() if inspect.isroutine(device) or inspect.isclass(device) else device
        axes = {name: Label((), each.units) for name, each in self.plan.axes.items() if each.units}
        labels = {name: Label(tuple(each.dims), each.units, each.long_name) for name, each in self.labels.items()}
        coordinates = {name: Variable(each.array(), (name,), each.units) for name, each in self.coordinates.items()}
        common = {name: _as_common(name, value) for name, value in self.common.items()}
        common |= {name: each.values for name, each in coordinates.items()}
        place = None if path is None else str(Path(path).resolve())
        description = {"settings": self.model_dump(mode="json"), "path": place}
        return set_up(
            find_object(self.function, path),
            self.plan.plan(),
            device=device,
            common=common or None,
            seed=self.seed,
            labels=axes | labels,
            coordinates=coordinates,
            job=description,
        )


def read_sweep_job(file: str | os.PathLike[str]) -> SweepJob:
    """Read and check a TOML job.

    Raises:
        JobError: for a file that cannot be read, or settings that are wrong, all of them listed.
    """
    table = read_toml(Path(file))
    return validated(table, Path(file).resolve().parent, str(file))


def validated(table: dict[str, Any], path: str | os.PathLike[str] | None, where: str) -> SweepJob:
    """Settings from a table.

    Args:
        table: the table.
        path: folder where the modules it names may lie.
        where: what the table is of, for messages.

    Raises:
        JobError: listing every mistake.
    """
    return checked(SweepJob, table, where, {"path": path})


def find_object(name: str, path: str | os.PathLike[str] | None = None) -> Any:
    """What "package.module:name" stands for, or the entry point of a name without a colon.

    Args:
        name: the name.
        path: folder that is searched for the module before all others.

    Raises:
        ValueError: if there is no such thing.
    """
    module, colon, own = name.partition(":")
    if not colon:
        found = entry_points(group=GROUP, name=name)
        if not found:
            raise ValueError(f'{name!r} is neither "module:name" nor an entry point of the group {GROUP}')
        return next(iter(found)).load()
    if path is not None and str(path) not in sys.path:
        sys.path.insert(0, str(path))
    try:
        return functools.reduce(getattr, own.split("."), importlib.import_module(module))
    except Exception as error:  # whatever the user's module does
        raise ValueError(f"{name!r} cannot be loaded: {type(error).__name__}: {error}") from None


def _as_common(name: str, value: Any) -> Any:
    """A setting as the function gets it: numbers and lists of numbers are arrays, text stays."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: _as_common(f"{name}.{key}", each) for key, each in value.items()}
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} is a list of lists of different lengths") from None
    if array.dtype.kind not in "iufb" or not np.all(np.isfinite(array)):
        raise ValueError(f"{name} = {value!r} is no text, no number and no list of numbers")
    return array.astype(np.float64) if array.dtype.kind in "iuf" else array
