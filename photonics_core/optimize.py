"""Gradient-based optimisation of a design within bounds and constraints.

A problem is an objective of a design and what of it may change: a pytree of numbers with bounds for all, or any design
with the leaves that are `Free`. Every free number is measured in units of its own range, so radii in um and heater
powers in mW take steps of comparable size, and an optimum on a bound is reached and kept. Constraints enter by an
augmented Lagrangian. A run can be stopped at any time, by a kill too, and resumed from its checkpoint bit for bit.
"""

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.constraints import Constraints
from photonics_core.design_space import DesignSpace, Free
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range
from photonics_core.optimize_problem import Objective, Problem, ends_of, missed_of
from photonics_core.optimize_run import Run, facts_of
from photonics_core.optimize_solvers import Solver, gradient_solver, newton_solver
from photonics_core.optimize_steps import CONVERGED, INFEASIBLE, INNER, NOT_FINITE, PATIENCE, STALLED, Rules, State
from photonics_core.optimum import InfeasibleWarning, Optimum

if TYPE_CHECKING:
    import os

    import optax

#: Optimisers of optax that are known by name; all take a rate first.
NAMES = ("adabelief", "adagrad", "adam", "adamax", "amsgrad", "nadam", "radam", "rmsprop", "sgd", "yogi")


def minimize(
    objective: Objective,
    start: Any,
    lower: Any = None,
    upper: Any = None,
    *,
    free: Free | Iterable[Free] | None = None,
    constraints: Constraints | None = None,
    steps: int = 200,
    optimizer: "optax.GradientTransformation | str | None" = None,
    rate: float = 0.03,
    tolerance: float | None = None,
    patience: int | None = None,
    least_gain: float = 1e-6,
    starts: int = 1,
    seed: int = 0,
    checkpoint: "str | os.PathLike[str] | None" = None,
    every: int = 50,
    progress: bool | None = None,
) -> Optimum:
    """Minimise an objective within bounds and constraints; the best design met is returned.

    Args:
        objective: takes the design; returns a real scalar and a dict of scalar metrics to record (may be empty).
        start: the design to start from: a pytree of real numbers with bounds, or any pytree with `free`.
        lower: lower bounds, of the same structure (each a number or an array of the shape of its parameter).
        upper: upper bounds, likewise.
        free: which leaves of the design may change, with their bounds, in place of `lower` and `upper`.
        constraints: what the design has to meet.
        steps: number of steps; each is one evaluation with its gradient, and with "lbfgs" one or more without.
        optimizer: "lbfgs" for smooth problems of up to some hundred parameters; an optax optimiser for parameters
            scaled to [0, 1], or its name, whose rate falls from `rate` to nothing along a cosine. By default "adam".
        rate: step size of a named optimiser at the start.
        tolerance: projected slope, over that at the start, at which "lbfgs" ends; None for 4e-10 in float64 and 7e-5
            in float32.
        patience: steps without improvement after which the run ends; None for no end.
        least_gain: part of its value by which the objective has to fall to count as an improvement.
        starts: number of starts, all in one compiled program; those after the first are Sobol points.
        seed: of these points.
        checkpoint: file to keep the run in. If it is there, the run goes on from it.
        every: steps between two writes of the checkpoint.
        progress: show a progress bar on stderr; by default where that is a terminal.

    Returns:
        `Optimum`. If no point met the constraints, that of least violation (the largest over its scale counts), with an
        `InfeasibleWarning` that names those it misses; "lbfgs" ends where they contradict each other or the bounds.

    Raises:
        ValueError: if there is no free parameter, the bounds do not match or cross, the start lies outside, an option
            is unknown, or objective, gradient or a constraint is not finite at the start, or not a real scalar.
        StoreError: if the checkpoint is damaged or of another problem.
    """
    steps, starts, every = _whole("steps", steps), _whole("starts", starts, 1, 1_000_000), _whole("every", every)
    seed, patience = _whole("seed", seed, 0, 2**63), None if patience is None else _whole("patience", patience)
    check_positive("rate", rate)
    check_range("least_gain", least_gain, 0.0, 1.0)
    rate, least_gain = float(rate), float(least_gain)
    if not callable(objective):
        raise ValueError(f"objective = {objective!r} is not a function of the design")
    constraints = Constraints() if constraints is None else constraints
    check_kind("constraints", constraints, Constraints)
    space = _space(start, lower, upper, free)
    solver = _solver(optimizer, rate, steps)
    problem = Problem.of(objective, space, constraints)
    rules = _rules(constraints, steps, solver, tolerance, patience, least_gain)
    run = Run(problem, solver, rules, steps, (starts, seed), every, checkpoint)
    facts = {} if checkpoint is None else facts_of(run, optimizer, rate)
    state, rows = run.loop(facts, progress)
    found = _optimum(run, state, rows)
    if found.missed:
        text = f"no point met all constraints; that of least violation misses {found.missed_text()}"
        warnings.warn(text, InfeasibleWarning, stacklevel=2)
    return found


def _whole(name: str, value: Any, low: int = 1, high: int = 10_000_000) -> int:
    check_range(name, value, low, high)
    if np.ndim(value) or int(value) != value:
        raise ValueError(f"{name} = {value!r} is not a whole number")
    return int(value)


def _space(start: Any, lower: Any, upper: Any, free: Any) -> DesignSpace:
    if free is None:
        if lower is None or upper is None:
            missing = [name for name, bound in (("lower", lower), ("upper", upper)) if bound is None]
            if len(missing) == 1:
                raise ValueError(f"{missing[0]} is missing: both lower and upper say what may change, or free")
            raise ValueError("neither lower and upper nor free say what may change")
        return DesignSpace.of_bounds(start, lower, upper)
    if lower is not None or upper is not None:
        raise ValueError(
            "lower and upper are the bounds of all leaves, and free has bounds of its own: give one of them"
        )
    return DesignSpace.of_free(start, free)


def _solver(optimizer: Any, rate: float, steps: int) -> Solver:
    import optax

    optimizer = "adam" if optimizer is None else optimizer
    if isinstance(optimizer, str):
        check_choice("optimizer", optimizer, ("lbfgs", *NAMES))
        if optimizer == "lbfgs":
            return newton_solver()
        optimizer = getattr(optax, optimizer)(optax.cosine_decay_schedule(rate, steps))
    if not (callable(getattr(optimizer, "init", None)) and callable(getattr(optimizer, "update", None))):
        raise ValueError(f"optimizer = {optimizer!r} is not an optax optimiser, nor the name of one")
    return gradient_solver(optimizer)


def _rules(
    constraints: Constraints, steps: int, solver: Solver, tolerance: Any, patience: Any, least_gain: float
) -> Rules:
    eps = float(jnp.finfo(jnp.result_type(float)).eps)
    if tolerance is not None:
        check_positive("tolerance", tolerance)
    tolerance = None if tolerance is None else float(tolerance)
    inner = constraints.inner_steps or (100 if solver.converges else int(np.clip(steps // 25, 10, 200)))
    close = constraints.tolerance or (1e-6 if eps < 1e-10 else 1e-4)
    return Rules(tolerance or eps**0.6, float(close), int(inner), patience, least_gain)


def _optimum(run: Run, state: State, rows: np.ndarray) -> Optimum:
    """The best of all starts."""
    # On the host: one array after another on a device takes longer than many a run.
    state = jax.device_get(state._replace(solver=None, good=(None,) * 4))
    if not run.is_many:
        state, rows = jax.tree.map(lambda x: x[None], state), rows[:, None]
    values = np.asarray(state.best.value, float)
    met = state.best.met
    violations = np.zeros_like(values) if met is None else np.asarray(met.violation, float)
    keys = [(max(v, run.rules.constraint_tolerance), x) for v, x in zip(violations, values, strict=True)]
    chosen = min(range(len(keys)), key=lambda k: keys[k])
    one = jax.tree.map(lambda x: x[chosen], state)
    if one.outer is not None and state.outer is not None:
        # The given start is what a report compares with, whichever start has led to the best.
        one = one._replace(outer=one.outer._replace(first=tuple(x[0] for x in state.outer.first)))
    taken = int(one.step)
    mine = rows[:taken, chosen].astype(float)
    history = {name: run.column(name, mine) for name in run.problem.columns if name not in INNER}
    halved = tuple(int(k) for k in np.flatnonzero(run.column("_is_good", mine) == 0.0))
    parameters, design = run.problem.space.end(one.best.point)
    violated = float(violations[chosen])
    return Optimum(
        parameters,
        float(one.best.value),
        int(one.best.step),
        history,
        _stopped(one, run.rules),
        design=design,
        start_value=float(run.column("objective", rows)[0, 0]),
        violation=violated,
        is_feasible=violated <= run.rules.constraint_tolerance,
        missed=missed_of(run.problem, one, run.rules.constraint_tolerance),
        ends=ends_of(run.problem, one),
        halved=halved,
        start_values=values,
        start_violations=violations,
    )


def _stopped(state: State, rules: Rules) -> str | None:
    last = int(state.step) - 1
    return {
        0: None,
        CONVERGED: f"converged at step {last}: the projected slope is at most {rules.tolerance:.3g}",
        STALLED: f"converged to rounding at step {last}: nothing lower lies along the slope",
        NOT_FINITE: f"the objective or its gradient is not finite at step {last}, "
        f"{int(state.halvings)} steps were halved",
        INFEASIBLE: "the constraints contradict each other or the bounds, at least nearby: "
        f"step {last} is one of least violation",
        PATIENCE: f"no improvement in {rules.patience} steps at step {last}",
    }[int(state.status)]
