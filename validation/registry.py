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

from photonics_core.kernels.checks import check_choice

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
    def passes(self) -> bool:
        """Whether the value is finite and within the tolerance of the reference."""
        low, high = self.reference if isinstance(self.reference, tuple) else (self.reference, self.reference)
        return math.isfinite(self.value) and low - self.tolerance <= self.value <= high + self.tolerance


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
        """One row: case, value, reference, tolerance, pass, source, kind, with unit, time and reason beside them."""
        evidence = self.evidence
        return {
            "case": self.case.name,
            "value": None if evidence is None else evidence.value,
            "reference": None if evidence is None else evidence.reference,
            "tolerance": None if evidence is None else evidence.tolerance,
            "unit": None if evidence is None else evidence.unit,
            "pass": self.passes,
            "source": self.case.source,
            "kind": self.case.kind,
            "seconds": round(self.seconds, 3),
            "skipped": self.skipped,
            "error": self.error,
        }


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
    known = {c.subject for c in _CASES.values()} | set(_CASES)
    for subject in wanted:
        if subject not in known:
            check_choice("subject", subject, sorted({c.subject for c in _CASES.values()}))
    return [c for c in _CASES.values() if c.subject in wanted or c.name in wanted]


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
    return Result(one, evidence, skipped, error, time.perf_counter() - start)
