"""The command `photonics-core yield`: a sweep over random dies into a run folder, and what share of them keeps a spec.

    function = "my_sweeps:die"              # and all else that a sweep has (`sweep_job`)
    [plan]
    kind = "random"
    ...
    [spec]                                  # limits by metric, in the order of tests
    heater_power = { upper = 300.0 }
    extinction = { lower = 1.4 }
    slow = { metric = "bandwidth", lower = 40.0 }   # or by a name of their own
    [yield]
    wafer = "wafer"                         # result or axis that numbers wafers; "wafer" if there is one, "" for none
    confidence = 0.95

Parts of the run are judged one after another; what is kept of a die is whether it passes and its wafer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic

from photonics_core.jobs import JobError, Settings, checked, read_toml
from photonics_core.run_folder import RunFolder
from photonics_core.sweep import Swept
from photonics_core.sweep_command import note_start, run_settings
from photonics_core.sweep_job import SweepJob, validated
from photonics_core.sweep_setup import Cost
from photonics_core.yield_causes import FailureCauses, failure_causes
from photonics_core.yield_estimate import YieldEstimate, estimate_yield
from photonics_core.yield_spec import Limit, Spec

#: Variable that numbers wafers where the job names none.
WAFER = "wafer"


class LimitSettings(Settings):
    """A limit: of the metric of its name, unless another one is named."""

    metric: str | None = None
    lower: float = float("-inf")
    upper: float = float("inf")

    @pydantic.model_validator(mode="after")
    def _can_be(self) -> "LimitSettings":
        self.limit("the metric")
        return self

    def limit(self, name: str) -> Limit:
        """The limit."""
        return Limit(self.metric or name, self.lower, self.upper)


class Options(Settings):
    """How the yield is estimated."""

    wafer: str | None = None
    confidence: float = pydantic.Field(0.95, gt=0.0, lt=1.0)
    method: Literal["clopper-pearson", "wilson"] = "clopper-pearson"


class YieldSettings(Settings):
    """What a job of a yield has beside its sweep."""

    spec: dict[str, LimitSettings] = pydantic.Field(min_length=1)
    options: Options = pydantic.Field(Options.model_validate({}), alias="yield")


@dataclass(frozen=True)
class RunYield:
    """The yield of a run.

    Attributes:
        estimate: the yield with its interval.
        causes: which limit fails how many dies.
        wafers: number of wafers, or None where dies count as independent.
    """

    estimate: YieldEstimate
    causes: FailureCauses
    wafers: int | None

    def report(self) -> str:
        """Figures as text, a line each."""
        found, causes = self.estimate, self.causes
        share = f"{100.0 * found.low:.4g} to {100.0 * found.high:.4g} % with a confidence of {found.confidence:g}"
        kind = "independent dies" if self.wafers is None else f"dies of {self.wafers} wafers"
        lines = [f"yield    {100.0 * found.value:.4g} %, {share}; {found.passed} of {found.total} {kind} pass"]
        if self.wafers is not None:
            lines.append(f"         worth {found.effective:.4g} independent dies")
        width = max(map(len, causes.names))
        lines += (
            [f"{'limit':<{width}} {'failing':>10} {'alone':>10} {'first':>10}"] if causes.passed < causes.total else []
        )
        for k in np.argsort(-causes.failing, kind="stable"):
            if causes.failing[k]:
                counts = (causes.failing[k], causes.alone[k], causes.first[k])
                lines.append(f"{causes.names[k]:<{width}} " + " ".join(f"{count:>10d}" for count in counts))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Figures as JSON holds them."""
        causes = self.causes
        table = {
            name: {"failing": int(causes.failing[k]), "alone": int(causes.alone[k]), "first": int(causes.first[k])}
            for k, name in enumerate(causes.names)
        }
        return {**self.estimate._asdict(), "wafers": self.wafers, "limits": table}


def read_yield_job(file: Path) -> tuple[SweepJob, Spec, Options]:
    """Read and check a TOML job of a yield.

    Raises:
        JobError: for a file that cannot be read, or settings that are wrong; all of each kind are listed.
    """
    table = read_toml(file)
    own = {name: table.pop(name) for name in ("spec", "yield") if name in table}
    job = validated(table, file.resolve().parent, str(file))
    if job.plan.kind == "grid":
        raise JobError(
            f"{file}: plan.kind = 'grid' has no yield: its samples are no draws; take another kind, or a list"
        )
    settings = checked(YieldSettings, own, str(file))
    return job, Spec({name: each.limit(name) for name, each in settings.spec.items()}), settings.options


def dry_yield(file: Path, devices: int | None) -> Cost:
    """What the sweep of a job would cost; one block is computed and nothing written.

    Raises:
        ValueError: for a job that cannot be run.
    """
    job, spec, options = read_yield_job(file)
    setup = job.setup(file.resolve().parent)
    _check(spec, options, {name: tuple(each["shape"]) for name, each in setup.about().items()})
    return setup.cost(job.chunk, job.block, devices)


def run_yield(
    file: Path, folder: Path, *, resume: bool = False, devices: int | None = None, progress: bool | None = None
) -> tuple[Swept, RunYield]:
    """Run the sweep of a job, or go on with it, and judge its dies; return what the sweep came to, and the yield.

    Raises:
        ValueError: for a job that cannot be run, or a folder that holds a run.
    """
    job, spec, options = read_yield_job(file)
    setup = job.setup(file.resolve().parent)
    _check(spec, options, {name: tuple(each["shape"]) for name, each in setup.about().items()})
    note_start(folder, resume)
    swept = run_settings(job, setup, folder, resume=resume, devices=devices, progress=progress)
    return swept, yield_of_run(RunFolder.open(folder), spec, options)


def yield_of_run(run: RunFolder, spec: Spec, options: Options | None = None) -> RunYield:
    """The yield of the dies of a complete run, each sample one die; one part is in memory at a time.

    Args:
        run: the run.
        spec: limits on its results or axes, one number each for a sample, or one for each device of a die.
        options: variable that numbers wafers, confidence and method.

    Raises:
        ValueError: for a metric or wafer that the run has not.
        StoreError: if a part is missing.
    """
    options = options or Options.model_validate({})
    wafer = _check(spec, options, {name: tuple(each["shape"]) for name, each in run.variables.items()})
    metrics = list(dict.fromkeys(each.metric for each in spec.limits.values()))
    passed, wafers, causes = [], [], None
    for row in zip(*(run.parts(name) for name in [*metrics, *([wafer] if wafer else [])]), strict=True):
        verdict = spec.judge(dict(zip(metrics, row, strict=False)))
        passed.append(np.asarray(verdict.dies))
        causes = _added(causes, failure_causes(verdict))
        if wafer:
            wafers.append(_numbers(wafer, row[-1]))
    if causes is None:
        raise ValueError(f"{run.path} has no samples")
    number = np.concatenate(wafers) if wafer else None
    estimate = estimate_yield(np.concatenate(passed), number, confidence=options.confidence, method=options.method)
    return RunYield(estimate, causes, None if number is None else len(np.unique(number)))


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    numbers = np.rint(values)
    if not np.array_equal(numbers, values) or np.any(np.abs(numbers) > 2**31 - 1):
        raise ValueError(f"wafer = {name!r} has values that are no numbers of wafers")
    return numbers.astype(np.int32)


def _check(spec: Spec, options: Options, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Raise a `ValueError` for a metric or wafer that cannot be; return the variable that numbers wafers."""
    for name, limit in spec.limits.items():
        if limit.metric not in shapes:
            raise ValueError(f"spec.{name}: {limit.metric!r} is no result and no axis; there are {', '.join(shapes)}")
        if len(shapes[limit.metric]) > 1:
            shape = shapes[limit.metric]
            raise ValueError(f"spec.{name}: {limit.metric!r} has shape {shape} for one die, and not () or (N,)")
    wafer = (WAFER if WAFER in shapes else "") if options.wafer is None else options.wafer
    if wafer and shapes.get(wafer) != ():
        raise ValueError(f"yield.wafer = {wafer!r} is no result and no axis of one number a die")
    return wafer or None


def _added(one: FailureCauses | None, other: FailureCauses) -> FailureCauses:
    if one is None:
        return other
    return FailureCauses(
        one.names,
        one.total + other.total,
        one.passed + other.passed,
        one.failing + other.failing,
        one.alone + other.alone,
        one.first + other.first,
        one.jointly + other.jointly,
    )
