"""What an optimisation found: the best design, how it got there, and a report as plain text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from photonics_core.display import Row, brief, page

#: Rows of one array that a report shows.
ROWS = 8


class InfeasibleWarning(UserWarning):
    """No point that a run has met keeps all constraints; the message names those that are missed."""


@dataclass(frozen=True)
class Ends:
    """One number, or array of numbers, at the start and at the end.

    Args:
        name: its path or name.
        kind: "parameter", "equality" (0) or "inequality" (at most 0).
        start, end: values, of one shape.
        multiplier: by how much the least objective falls for each unit by which a bound or constraint is eased, in
            its own units and sign: at a minimum the slopes of objective + multiplier x constraint, and of
            objective - multiplier x parameter, are zero. Of the same shape.
        active: which bounds or constraints hold the optimum, boolean, of the same shape; a bound does not where the
            slope points inwards.
        lower, upper: bounds of a parameter.
    """

    name: str
    kind: str
    start: np.ndarray
    end: np.ndarray
    multiplier: np.ndarray
    active: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None


@dataclass(frozen=True)
class Optimum:
    """Outcome of a run.

    Args:
        parameters: the best parameters met, in their own units: all of them, or a dict from the path of each free
            leaf to its value. With constraints, those where a run has converged if others on the way are lower only
            by using up the tolerance; where none meets them, those of least violation.
        value: the objective there.
        step: the step at which they were met; 0 is the start.
        history: by name, one number a step, shape [steps + 1]: "objective", "gradient_norm" (per range; of the
            augmented Lagrangian where there are constraints, and then "violation" and "penalty" too) and the metrics
            that the objective gave.
        stopped: why the run ended before its last step, or None.
        design: the design with the best parameters in it.
        start_value: the objective at the start.
        violation: largest violation of a constraint at the best parameters, over its scale; 0 without constraints.
        is_feasible: whether that is within the tolerance.
        missed: by name of each constraint that is not, by how much in its own unit; the worst over its scale first.
        ends: parameters and constraints at the start and at the best, with their multipliers.
        halved: steps at which value or slope was not finite, and the run went back and halved its step.
        start_values: the best value of each start, shape [starts], infinite where none was finite; [1] for one.
        start_violations: the violation there, likewise.
    """

    parameters: Any
    value: float
    step: int
    history: dict[str, np.ndarray] = field(repr=False)
    stopped: str | None = None
    design: Any = field(default=None, repr=False)
    start_value: float = np.nan
    violation: float = 0.0
    is_feasible: bool = True
    missed: dict[str, float] = field(default_factory=dict)
    ends: tuple[Ends, ...] = field(default=(), repr=False)
    halved: tuple[int, ...] = ()
    start_values: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    start_violations: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    def _repr_html_(self) -> str:
        return page(self, self._summary, self._preview)

    def _summary(self) -> list[Row]:
        found = self.parameters if isinstance(self.parameters, dict) else {}
        return [(str(name), brief(value), "best value") for name, value in found.items()]

    def _preview(self) -> Callable[[Any], None]:
        from photonics_core.plot import convergence

        return lambda ax: convergence(ax, self.history["objective"])

    @property
    def multipliers(self) -> dict[str, np.ndarray]:
        """Multipliers of the constraints by name, in their own units."""
        return {each.name: each.multiplier for each in self.ends if each.kind != "parameter"}

    @property
    def active(self) -> dict[str, np.ndarray]:
        """By name of a parameter or constraint, which of its numbers are held by a bound or constraint."""
        return {each.name: each.active for each in self.ends}

    def missed_text(self) -> str:
        """What `missed` holds, in words."""
        shown = [f"{name!r} by {amount:.6g}" for name, amount in self.missed.items()]
        more = f" and {len(shown) - ROWS} more" if len(shown) > ROWS else ""
        return ", ".join(shown[:ROWS]) + more

    def report(self) -> str:
        """Objective, parameters and constraints before and after, what is active, and multipliers, as a table."""
        taken = self.history["objective"].size - 1
        lines = [f"objective {self.start_value:.6g} -> {self.value:.6g}, met at step {self.step} of {taken} taken"]
        lines.append(f"ended: {self.stopped or 'at the last step'}")
        if any(each.kind != "parameter" for each in self.ends):
            word = "feasible" if self.is_feasible else "NOT feasible"
            lines.append(f"constraints: {word}, largest violation {self.violation:.3g} of its scale")
            lines += [f"missed: {self.missed_text()}"] if self.missed else []
        if self.halved:
            shown = ", ".join(map(str, self.halved[:ROWS])) + (", ..." if len(self.halved) > ROWS else "")
            lines.append(f"not finite, went back and halved the step: {len(self.halved)} times, at steps {shown}")
        if self.start_values.size > 1:
            low, mid = np.min(self.start_values), np.median(self.start_values)
            lines.append(f"starts: {self.start_values.size}, best values {low:.6g} (least), {mid:.6g} (median)")
        heads = ("parameter", "constraint")
        for head in heads:
            rows = [
                row for each in self.ends if (each.kind == "parameter") == (head == "parameter") for row in _rows(each)
            ]
            if rows:
                last = "bounds" if head == "parameter" else "must be"
                lines += ["", *_table([(head, "start", "best", last, "active", "multiplier"), *rows])]
        return "\n".join(lines)


def _rows(each: Ends) -> Iterator[tuple[str, ...]]:
    """A row for each number; of a long array those that are active or nearest to it come first."""
    places = list(np.ndindex(each.end.shape))
    slack = np.abs(each.end)
    if each.lower is not None and each.upper is not None:
        slack = np.minimum(each.end - each.lower, each.upper - each.end)
    order = sorted(places, key=lambda at: (not each.active[at], slack[at]))[:ROWS]
    for at in sorted(order):
        index = f"[{', '.join(map(str, at))}]" if at else ""
        limit = "0" if each.kind == "equality" else "at most 0"
        if each.lower is not None and each.upper is not None:
            limit = f"{each.lower[at]:.6g} to {each.upper[at]:.6g}"
        holds = bool(each.active[at])
        number = f"{each.multiplier[at]:.6g}" if holds else ""
        yield each.name + index, f"{each.start[at]:.6g}", f"{each.end[at]:.6g}", limit, "yes" if holds else "", number
    if len(places) > ROWS:
        rest = len(places) - ROWS
        yield f"{each.name} ... {rest} more", "", "", "", f"{int(np.sum(each.active))} in all", ""


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    cells = [[row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in rows]
    return ["  ".join(row).rstrip() for row in cells]


def paths(tree: Any) -> list[str]:
    """Paths of the leaves of a pytree."""
    return [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
