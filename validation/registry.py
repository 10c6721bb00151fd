"""Validation cases: each a small function that says what it computed and what it should be.

A case returns an `Evidence`; what it needs and does not find (measured data, a peer, a GPU) it reports by raising
`Absent`, and then counts as skipped, not as passed. Names are `subject.case`.
"""

import importlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from photonics_core.compiled_programs import make_room
from photonics_core.kernels.checks import check_choice
from photonics_core.suggestions import did_you_mean

SUBJECTS = (
    "rings",
    "measured",
    "films",
    "gratings",
    "networks",
    "modes",
    "fibres",
    "coupled_modes",
    "couplers",
    "carriers",
    "modulator",
    "modulator_design",
    "signals",
    "sources",
    "nonlinear",
    "pulsation",
    "drift",
    "tuning",
    "arbitration",
    "heat",
    "section_heat",
    "fiber",
    "grating_coupler",
    "edge_coupler",
    "fiber_array",
    "layout",
    "optimise",
    "yields",
    "transmitter_dies",
    "wdm",
    "switches",
    "batch",
    "batch_cluster",
    "wafer_test",
    "errors",
    "link",
    "systems",
    "engine",
)
KINDS = ("analytic", "published", "measured", "peer", "range")


class Absent(Exception):
    """What a case needs is not here; the message says what, and where it would be found."""


@dataclass(frozen=True)
class Evidence:
    """A value beside its reference. For a range check the reference is a pair (low, high).

    Args:
        value: what this package computes.
        reference: what it should be: a number, or (low, high) for a range.
        tolerance: largest allowed difference, or the margin outside a range.
        unit: unit of all three.
    """

    value: float
    reference: float | tuple[float, float]
    tolerance: float
    unit: str = ""

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the reference; a number is a range of no width."""
        return self.reference if isinstance(self.reference, tuple) else (self.reference, self.reference)

    @property
    def tolerance_used(self) -> float | None:
        """Distance from the reference (the middle of a range) over the largest one that passes.

        Infinite for a value that is not finite; None where the reference has no bound on one side.
        """
        low, high = self.bounds
        if not math.isfinite(self.value):
            return math.inf
        if not math.isfinite(high - low):
            return None
        off, allowed = abs(self.value - 0.5 * (low + high)), 0.5 * (high - low) + self.tolerance
        return float(off / allowed) if allowed > 0 else (0.0 if off == 0 else math.inf)

    @property
    def passes(self) -> bool:
        """Whether the value is finite and within the tolerance of the reference."""
        low, high = self.bounds
        # A value of NumPy would give a truth of NumPy, which is neither `True` nor `False` itself.
        return bool(math.isfinite(self.value) and low - self.tolerance <= self.value <= high + self.tolerance)


@dataclass(frozen=True)
class Case:
    """A named case: where its reference comes from, of which kind it is, and the function that computes it."""

    name: str
    source: str
    kind: str
    compute: Callable[[], Evidence]
    is_long: bool = False

    @property
    def subject(self) -> str:
        """The part of the name before the dot."""
        return self.name.split(".")[0]


@dataclass(frozen=True)
class Result:
    """What came of a case: its evidence, the reason why it was skipped, or the error that stopped it."""

    case: Case
    evidence: Evidence | None
    skipped: str | None
    error: str | None
    seconds: float

    @property
    def passes(self) -> bool | None:
        """True or False, or None for a skipped case."""
        if self.error is not None:
            return False
        return None if self.evidence is None else self.evidence.passes

    def to_json(self) -> dict[str, Any]:
        """One row: case, value, reference, tolerance, pass, source, kind, with unit, time and reason beside them.

        JSON has no infinite numbers: a value that is not finite is null and named in "error", as is a bound that a
        range does not have.
        """
        evidence, error = self.evidence, self.error
        if evidence is not None and not math.isfinite(evidence.value):
            error = f"the value is {evidence.value}"
        return {
            "case": self.case.name,
            "value": None if evidence is None else _finite(evidence.value),
            "reference": None if evidence is None else _finite(evidence.reference),
            "tolerance": None if evidence is None else _finite(evidence.tolerance),
            "unit": None if evidence is None else evidence.unit,
            "pass": self.passes,
            "source": self.case.source,
            "kind": self.case.kind,
            "seconds": round(self.seconds, 3),
            "skipped": self.skipped,
            "error": error,
        }


def _finite(number: float | tuple[float, float]) -> Any:
    if isinstance(number, tuple):
        return [_finite(each) for each in number]
    return float(number) if math.isfinite(number) else None


_CASES: dict[str, Case] = {}


def case(
    name: str, *, source: str, kind: str, is_long: bool = False
) -> Callable[[Callable[[], Evidence]], Callable[[], Evidence]]:
    """Register the decorated function as the case `name`; one that is long is left to the slow tests.

    Raises:
        ValueError: if the kind is unknown or the name is taken.
    """
    check_choice("kind", kind, KINDS)

    def register(compute: Callable[[], Evidence]) -> Callable[[], Evidence]:
        if name in _CASES:
            raise ValueError(f"case {name!r} is there already")
        _CASES[name] = Case(name, source, kind, compute, is_long)
        return compute

    return register


def cases(subjects: Iterable[str] = ()) -> list[Case]:
    """All cases, or those of the given subjects (or exact names), in order of registration.

    Raises:
        ValueError: if a subject names no case.
    """
    for module in SUBJECTS:  # importing one registers its cases
        importlib.import_module(f"photonics_core.validation.{module}")
    wanted = list(subjects)
    if not wanted:
        return list(_CASES.values())
    for name in wanted:
        _check_name(name)
    return [c for c in _CASES.values() if c.subject in wanted or c.name in wanted]


def _check_name(name: str) -> None:
    """Raise a `ValueError` unless a subject or a case has this name."""
    subjects = sorted({c.subject for c in _CASES.values()})
    subject = name.split(".")[0]
    if name in subjects or name in _CASES:
        return
    if subject in subjects:
        # The subject is common to all, and would make any two names alike.
        names = [c.name.partition(".")[2] for c in _CASES.values() if c.subject == subject]
        near = did_you_mean(name.partition(".")[2], names)
        raise ValueError(f"case = {name!r} is not one of those of {subject}{near}")
    raise ValueError(f"subject = {name!r} is not one of {', '.join(map(repr, subjects))}{did_you_mean(name, subjects)}")


def left_out(one: Case, reason: str) -> Result:
    """A case that is not run, for a reason that the report gives."""
    return Result(one, None, reason, None, 0.0)


def run(one: Case) -> Result:
    """Compute one case and time it."""
    start = time.perf_counter()
    evidence, skipped, error = None, None, None
    try:
        evidence = one.compute()
    except Absent as reason:
        skipped = str(reason)
    except Exception as reason:  # one case that breaks must not hide the others
        error = f"{type(reason).__name__}: {reason}"
    took = time.perf_counter() - start
    make_room()  # all cases together compile more programs than a process can hold
    return Result(one, evidence, skipped, error, took)
