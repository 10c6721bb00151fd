"""The loop of an optimisation: first step, next steps, progress, checkpoints and return from them.

A step is one compiled program for all starts. Its row of the history comes back as one array, for every array that is
fetched costs as much time as a small step.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.constraints import KINDS, check_not_traced
from photonics_core.optimize_checkpoint import load_run, save_run
from photonics_core.optimize_problem import Problem, raise_not_finite
from photonics_core.optimize_solvers import Solver
from photonics_core.optimize_steps import Rules, State, advance, advance_many, first_state
from photonics_core.programs import reused


@dataclass(frozen=True)
class Run:
    """A problem, how it is solved, and where its state is kept.

    Args:
        problem: what is minimised.
        solver: how a point moves.
        rules: when a run ends.
        steps: number of steps at most.
        starts: number of starts, and the seed of those after the first.
        every: steps between two checkpoints.
        checkpoint: file to keep the state in, or None.
    """

    problem: Problem
    solver: Solver
    rules: Rules
    steps: int
    starts: tuple[int, int]
    every: int
    checkpoint: Any

    @property
    def is_many(self) -> bool:
        """Whether leaves of the state have a leading axis of starts."""
        return self.starts[0] > 1

    def begin(self) -> State:
        """The first state."""
        point = jax.tree.map(lambda x: x.astype(self.problem.dtype), self.problem.space.start)
        scales = self.problem.scales(point)

        def make(point: Any, scales: Any) -> State:
            return first_state(point, self.solver, scales, self.rules)

        if self.is_many:
            more = self.problem.space.samples(self.starts[0] - 1, self.starts[1])
            point = jax.tree.map(lambda x, y: np.concatenate([x[None], y.astype(x.dtype)]), point, more)
        first = jax.vmap(make, in_axes=(0, None)) if self.is_many else make
        return reused(first, point, scales)(point, scales)

    def compiled(self, state: State) -> Callable[[State], tuple[State, jax.Array]]:
        """The step of all starts as one program, which gives a row of the history as one array, columns last.

        Another run of the same problem and rules, from another start too, has it from the one before.
        """
        step = advance_many if self.is_many else advance

        def next_state(state: State) -> tuple[State, jax.Array]:
            state, row = step(self.problem.scaled, self.solver, self.rules, state)
            return state, jnp.stack([jnp.asarray(row[name], self.problem.dtype) for name in self.problem.columns], -1)

        return reused(next_state, state, owners=self.problem.functions)

    def column(self, name: str, rows: Any) -> np.ndarray:
        """A column of rows of the history."""
        return np.asarray(rows)[..., self.problem.columns.index(name)]

    def loop(self, facts: dict[str, Any], progress: bool | None) -> tuple[State, np.ndarray]:
        """Steps until all runs have ended.

        Args:
            facts: what tells the problem from others, for the checkpoint.
            progress: whether to show a bar, or None for where stderr is a terminal.

        Returns:
            The last state and the history, [steps, columns], or [steps, starts, columns] of many.
        """
        state = self.begin()
        step = self.compiled(state)
        state, row = self.first(step, state)
        rows = [np.asarray(row)]
        facts = facts | {
            f"{name} at the start": f"{self._first_of(name, row):.6g}" for name in self.problem.columns[:2]
        }
        if self.checkpoint is not None:
            facts |= self._limits_of(state)
            kept = load_run(self.checkpoint, state, facts)
            if kept is not None:
                state, rows = kept[0], list(kept[1])
            else:
                # A file that cannot be written says so at once.
                save_run(self.checkpoint, state, np.stack(rows), facts)
        written = len(rows)
        with _bar(self.steps, progress) as report:
            while len(rows) <= self.steps and not np.all(self.column("_status", rows[-1])):
                state, row = step(state)
                rows.append(np.asarray(row))
                report(len(rows) - 1, float(np.min(self.column("_best", rows[-1]))))
                if self.checkpoint is not None and len(rows) % self.every == 0:
                    save_run(self.checkpoint, state, np.stack(rows), facts)
                    written = len(rows)
        if self.checkpoint is not None and written != len(rows):
            save_run(self.checkpoint, state, np.stack(rows), facts)
        return state, np.stack(rows)

    def first(self, step: Any, state: State) -> tuple[State, jax.Array]:
        """The first step, which has to be finite; it also tells the size of the slope to a solver that converges."""
        new, row = step(state)
        check_not_traced(row)
        if not self._first_of("_is_good", row):
            raise_not_finite(self.problem, jax.tree.map(lambda x: x[0], state.point) if self.is_many else state.point)
        norm = self._first_of("gradient_norm", row)
        if not self.solver.converges or state.outer is not None or norm < np.finfo(self.problem.dtype).tiny:
            return new, row
        scale = jnp.full_like(state.scales.objective, 1.0 / norm)
        return step(state._replace(scales=state.scales._replace(objective=scale)))

    def _limits_of(self, state: State) -> dict[str, Any]:
        """The constraints at the first start: limits that hold nothing there do not show in the objective."""
        if state.outer is None:
            return {}
        kinds = zip(KINDS, state.outer.first, state.scales[1:], strict=True)
        found = {}
        for kind, first, scale in kinds:
            first, scale = (np.asarray(x[0] if self.is_many else x, float) for x in (first, scale))
            # What is zero but for rounding is zero.
            parts = self.problem.layout.split(kind, (np.round(first, 9) + 0.0) / scale)
            found |= {name: [f"{x:.6g}" for x in part.ravel()] for name, part in parts.items()}
        return {"constraint at the start": found}

    def _first_of(self, name: str, row: Any) -> float:
        """A number of the first start."""
        return float(np.ravel(self.column(name, row))[0])


def facts_of(run: Run, optimizer: Any, rate: float) -> dict[str, Any]:
    """What tells this problem from others; where steps do not depend on their number, a run may go on longer."""
    leaves = run.problem.space.leaves
    facts: dict[str, Any] = {
        side: {leaf.path: getattr(leaf, side).tolist() for leaf in leaves} for side in ("start", "lower", "upper")
    }
    facts["scale"] = {leaf.path: leaf.scale for leaf in leaves}
    facts["constraint"] = {k: {n: list(s) for n, s in v.items()} for k, v in run.problem.layout.shapes.items()}
    facts["constraint scales"] = {k: float(v) for k, v in (run.problem.constraints.scales or {}).items()}
    rules = {name: getattr(run.rules, name) for name in run.rules.__dataclass_fields__}
    idle = () if run.problem.layout.count else ("constraint_tolerance", "inner_steps")
    facts["rules"] = {name: rule for name, rule in rules.items() if name not in idle}
    facts["columns"] = list(run.problem.columns)
    facts["precision"] = np.dtype(run.problem.dtype).name
    facts["starts"], facts["seed"] = run.starts[0], run.starts[1] if run.is_many else 0
    named = isinstance(optimizer, str) or optimizer is None
    facts["optimizer"] = (optimizer or "adam") if named else "an object"
    if not run.solver.converges:
        facts["first steps of the optimizer"] = _first_steps(run.solver, run.problem.space.start)
        # The rate of a named one falls with the number of steps.
        facts["steps and rate"] = [run.steps, rate] if named else None
    return facts


def _first_steps(solver: Solver, start: Any) -> list[str]:
    """How far an optimiser goes for a slope of one, in three steps: what tells two objects apart."""

    def walk(point: Any) -> Any:
        point = jax.tree.map(lambda x: jnp.full_like(x, 0.5), point)
        here = jnp.zeros((), jax.tree.leaves(point)[0].dtype)
        state, lengths = solver.begin(point), []
        for k in range(3):
            slope = jax.tree.map(lambda x, k=k: jnp.full_like(x, 1e-3 * (k + 1.0)), point)
            moved, state = solver.move(lambda x: here, point, here, slope, state, here + 1.0)
            lengths.append(sum(jnp.sum(b - a) for a, b in zip(*map(jax.tree.leaves, (point, moved)), strict=True)))
            point = moved
        return jnp.stack(lengths)

    found = jax.jit(walk)(jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float)), start))
    return [f"{float(each):.5g}" for each in found]


@contextmanager
def _bar(steps: int, progress: bool | None) -> Iterator[Callable[[int, float], None]]:
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda step, best: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("optimise"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, TextColumn("best {task.fields[best]:.6g}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("optimise", total=steps + 1, best=np.inf)
        yield lambda step, best: bar.update(task, completed=step + 1, best=best)
