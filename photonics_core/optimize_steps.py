"""One step of an optimisation as a pure function of its state: what `minimize` compiles, batches, stores and resumes.

    step:  evaluate the point -> keep the best -> update the multipliers, or move

Everything that a run remembers is in `State`, a pytree of arrays, so that a run that is stopped goes on bit for bit. A
point whose value or slope is not finite is left again: the step is taken once more from the last good point, half as
long. With constraints, the function that is minimised is the augmented Lagrangian
(`photonics_core.kernels.augmented_lagrangian`); its multipliers are updated where the projected slope is small enough,
where nothing lower is found, or after so many steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels import augmented_lagrangian as lagrangian
from photonics_core.kernels.augmented_lagrangian import Multipliers
from photonics_core.optimize_solvers import Solver

#: What ended a run; 0 while it goes on.
CONVERGED, STALLED, NOT_FINITE, PATIENCE, INFEASIBLE = 1, 2, 3, 4, 5
#: Columns of the history that the loop needs: whether the point was good, what ended the run, the best value.
INNER = ("_is_good", "_status", "_best")
#: Disagreement up to which the penalty of gradient steps stays.
ROUGH = 0.1
#: The step is halved so many times at most.
MOST_HALVINGS = 12


class Seen(NamedTuple):
    """An evaluation: value, metrics, and constraints, flat and scaled, [E] and [C]."""

    value: jax.Array
    metrics: dict[str, jax.Array]
    equality: jax.Array
    inequality: jax.Array


class Met(NamedTuple):
    """How constraints are met at a point: violation, multipliers [E] and [C], and values [E] and [C], all scaled."""

    violation: jax.Array
    equality: jax.Array
    inequality: jax.Array
    constraints: tuple[jax.Array, jax.Array]


class Best(NamedTuple):
    """The best point met: least violation down to the tolerance, then least value.

    `slope` is the gradient of the scaled objective, or of the Lagrangian with the multipliers in `met`, which is None
    where there are no constraints.
    """

    point: Any
    slope: Any
    value: jax.Array
    step: jax.Array
    met: Met | None


class Scales(NamedTuple):
    """Objective and constraints are multiplied by these: a number, [E] and [C]."""

    objective: jax.Array
    equality: jax.Array
    inequality: jax.Array


class Outer(NamedTuple):
    """The augmented Lagrangian of a run: multipliers, steps since their last update, projected slope and disagreement
    of constraints at which the next and the last are made, and the scaled constraints at the start."""

    multipliers: Multipliers
    count: jax.Array
    tolerance: jax.Array
    disagreement: jax.Array
    first: tuple[jax.Array, jax.Array]


class State(NamedTuple):
    """All that a run remembers.

    `good` is the last good point with its value, its slope and the state of the solver before the move; `since` the
    value, violation and step of the last improvement worth its name, None where nobody asks; `outer` None without
    constraints.
    """

    point: Any
    solver: Any
    good: tuple[Any, Any, Any, Any]
    scales: Scales
    outer: Outer | None
    best: Best
    since: tuple[jax.Array, jax.Array, jax.Array] | None
    step: jax.Array
    step_scale: jax.Array
    halvings: jax.Array
    status: jax.Array


@dataclass(frozen=True)
class Rules:
    """When a run updates its multipliers, and when it ends.

    Args:
        tolerance: projected slope at which a run has converged, for solvers that converge.
        constraint_tolerance: scaled violation up to which a point counts as feasible.
        inner_steps: most steps between two updates of the multipliers.
        patience: steps without an improvement after which a run ends, or None.
        least_gain: part of the value by which it has to fall to count as an improvement.
    """

    tolerance: float
    constraint_tolerance: float
    inner_steps: int
    patience: int | None
    least_gain: float


def first_state(point: Any, solver: Solver, scales: Scales, rules: Rules) -> State:
    """The state of a run that starts at a point; traceable."""
    point = jax.tree.map(jnp.asarray, point)
    dtype = jnp.result_type(*jax.tree.leaves(point))
    zeros = jax.tree.map(jnp.zeros_like, point)
    count, infinite = jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, dtype)
    state, outer, met = solver.begin(point), None, None
    if scales.equality.size + scales.inequality.size:
        flat = jnp.zeros(scales.equality.shape, dtype), jnp.zeros(scales.inequality.shape, dtype)
        none = lagrangian.no_multipliers(flat[0].size, flat[1].size, dtype)
        # The function to minimise is known roughly at first, and better with every update.
        loose = jnp.full((), max(0.1, rules.tolerance), dtype)
        outer, met = Outer(none, count, loose, infinite, flat), Met(infinite, *flat, flat)
    return _strong(
        State(
            point=point,
            solver=state,
            good=(point, infinite, zeros, state),
            scales=scales,
            outer=outer,
            best=Best(point, zeros, infinite, count, met),
            since=None if rules.patience is None else (infinite, infinite, count),
            step=count,
            step_scale=jnp.ones((), dtype),
            halvings=count,
            status=count,
        )
    )


def advance(
    evaluate: Callable[[Any, Scales], Seen], solver: Solver, rules: Rules, state: State
) -> tuple[State, dict[str, Any]]:
    """One step of a run that has not ended.

    Args:
        evaluate: the objective and the scaled constraints of a point.
        solver: how to move.
        rules: when to stop.
        state: where the run stands.

    Returns:
        The next state, and the row of the history: "objective", "gradient_norm", the metrics, "violation" and
        "penalty" where there are constraints, and for the loop `INNER`.
    """

    def merit(point: Any) -> tuple[jax.Array, Seen]:
        seen = evaluate(point, state.scales)
        value = seen.value.astype(state.step_scale.dtype) * state.scales.objective
        if state.outer is not None:
            value = lagrangian.augmented(value, seen.equality, seen.inequality, state.outer.multipliers)
        return value, seen

    (here, seen), slope = jax.value_and_grad(merit, has_aux=True)(state.point)
    norm = _length(slope)
    is_good = jnp.isfinite(here) & jnp.isfinite(seen.value)
    is_good &= jnp.stack([jnp.all(jnp.isfinite(each)) for each in jax.tree.leaves(slope)]).all()
    # Where this point is no good, the last good one is moved from.
    good = _choose(is_good, (state.point, here, slope, state.solver), state.good)
    scale = jnp.where(is_good, state.step_scale, 0.5 * state.step_scale)
    moved, moved_solver = solver.move(lambda x: merit(x)[0], *good, scale)
    mine = _found(state, seen, slope)
    best = _better(state.best, mine, rules)
    new = state._replace(
        point=moved,
        solver=moved_solver,
        good=good,
        best=best,
        since=None if state.since is None else _since(state, best, rules),
        step=state.step + 1,
        step_scale=scale,
        halvings=state.halvings + jnp.where(is_good, 0, 1).astype(jnp.int32),
    )
    inner = (_residual(state.point, slope), solver.is_stalled(state.solver)) if solver.converges else None
    # Of the objective as it is; with constraints, of the scaled augmented Lagrangian.
    norm = norm / state.scales.objective if state.outer is None else norm
    row = {"objective": seen.value, "gradient_norm": norm} | seen.metrics
    if state.outer is not None:
        row |= {"violation": _violation(seen), "penalty": state.outer.multipliers.penalty}
        new = _outer_step(state, new, solver, rules, seen, inner, is_good)
    new = new._replace(status=_status(state, new, rules, seen, slope, inner, is_good))
    best = _settled(new, mine, rules)
    new = new._replace(best=best)
    row |= dict(zip(INNER, (is_good, new.status, best.value), strict=True))
    return _strong(new, like=state), row


def advance_many(
    evaluate: Callable[[Any, Scales], Seen], solver: Solver, rules: Rules, states: State
) -> tuple[State, dict[str, Any]]:
    """One step of many runs, each leaf with a leading axis; a run that has ended stays as it is."""

    def each(state: State) -> tuple[State, dict[str, Any]]:
        new, row = advance(evaluate, solver, rules, state)
        new = _choose(state.status == 0, new, state)
        return new, row | {"_status": new.status, "_best": new.best.value}

    return jax.vmap(each)(states)


def _outer_step(state: State, new: State, solver: Solver, rules: Rules, seen: Seen, inner: Any, is_good: Any) -> State:
    """Where the inner minimum is close enough, the multipliers are updated and the point stays."""
    outer = state.outer
    assert outer is not None
    done = outer.count + 1 >= rules.inner_steps
    if inner is not None:
        done |= (inner[0] <= outer.tolerance) | inner[1]
    gap = lagrangian.disagreement(seen.equality, seen.inequality, outer.multipliers)
    # The inner minimum of plain gradient steps is rough, and a large penalty would make their steps too long.
    close = 0.1 * rules.constraint_tolerance if solver.converges else ROUGH
    multipliers = lagrangian.updated(seen.equality, seen.inequality, outer.multipliers, outer.disagreement, close)
    tolerance = jnp.maximum(0.1 * outer.tolerance, jnp.asarray(rules.tolerance, gap.dtype))
    flat = seen.equality, seen.inequality
    kept = outer._replace(count=outer.count + 1, first=_choose(state.step == 0, flat, outer.first))
    changed = kept._replace(
        multipliers=multipliers, count=jnp.zeros_like(outer.count), tolerance=tolerance, disagreement=gap
    )
    forgot = solver.forget(state.solver, multipliers.penalty != outer.multipliers.penalty)
    updated = new._replace(point=state.point, solver=forgot, outer=changed)
    return _choose(done & is_good, updated, new._replace(outer=kept))


def _status(state: State, new: State, rules: Rules, seen: Seen, slope: Any, inner: Any, is_good: Any) -> jax.Array:
    status = jnp.zeros_like(state.status)
    if new.since is not None and rules.patience is not None:
        status = jnp.where(state.step - new.since[2] >= rules.patience, PATIENCE, status)
    if inner is not None:
        residual, ended = inner
        close = is_good
        if state.outer is not None:
            gap = lagrangian.disagreement(seen.equality, seen.inequality, state.outer.multipliers)
            close &= gap <= rules.constraint_tolerance
            parts = [jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves(each)]) for each in (state.point, slope)]
            cannot = lagrangian.is_contradiction(seen.equality, seen.inequality, state.outer.multipliers, *parts)
            is_off = _violation(seen) > rules.constraint_tolerance
            status = jnp.where(is_good & is_off & cannot, INFEASIBLE, status)
        status = jnp.where(ended & close, STALLED, status)
        status = jnp.where((residual <= rules.tolerance) & close, CONVERGED, status)
    lost = ~is_good & ((state.step == 0) | (new.halvings > MOST_HALVINGS))
    return jnp.where(lost, NOT_FINITE, status).astype(state.status.dtype)


def _found(state: State, seen: Seen, slope: Any) -> Best:
    """This point, as the best would be kept."""
    value, met = seen.value.astype(state.best.value.dtype), None
    if state.outer is not None:
        estimates = lagrangian.estimates(seen.equality, seen.inequality, state.outer.multipliers)
        met = Met(_violation(seen), *estimates, (seen.equality, seen.inequality))
    return Best(state.point, slope, value, state.step, met)


def _better(best: Best, mine: Best, rules: Rules) -> Best:
    """The best point so far, this one among them."""
    wins = mine.value < best.value
    if mine.met is not None and best.met is not None:
        here, there = (jnp.maximum(each.violation, rules.constraint_tolerance) for each in (mine.met, best.met))
        wins = jnp.isfinite(mine.value) & ((here < there) | ((here == there) & wins))
    # A point whose slope is not finite may still be the best; that slope is then no number.
    wins &= mine.value > -jnp.inf
    return _choose(wins, mine, best)


def _settled(new: State, mine: Best, rules: Rules) -> Best:
    """The best point, or that where a run has converged if it is worse by no more than the tolerance buys.

    Points on the way may be lower by using up the tolerance; their multipliers are those of the moment. Where no point
    meets the constraints, points on the way may have a violation that is less by rounding, and any objective.
    """
    if mine.met is None:
        return new.best
    prices = sum(jnp.sum(jnp.abs(each)) for each in (mine.met.equality, mine.met.inequality))
    bought = rules.constraint_tolerance * prices / new.scales.objective
    rounding = 4.0 * jnp.finfo(mine.value.dtype).eps * jnp.abs(mine.value)
    has_converged = (new.status == CONVERGED) | (new.status == STALLED)
    is_met = mine.met.violation <= rules.constraint_tolerance
    wins = has_converged & is_met & (mine.value <= new.best.value + bought + rounding)
    if new.best.met is not None:
        least = new.best.met.violation + rules.constraint_tolerance
        wins |= (new.status == INFEASIBLE) & (mine.met.violation <= least)
    return _choose(wins, mine, new.best)


def _since(state: State, best: Best, rules: Rules) -> Any:
    """Value, violation and step of the last improvement worth its name."""
    assert state.since is not None
    value, violated, step = state.since
    gain = rules.least_gain * jnp.where(jnp.isfinite(value), jnp.abs(value), 0.0)
    is_gain, left = best.value < value - gain, violated
    if best.met is not None:
        left = best.met.violation
        least, less = (jnp.maximum(each, rules.constraint_tolerance) for each in (left, violated))
        is_gain |= least < (1.0 - rules.least_gain) * less
    return _choose(is_gain, (best.value, left, state.step), (value, violated, step))


def _violation(seen: Seen) -> jax.Array:
    return lagrangian.violation(seen.equality, seen.inequality)


def _length(slope: Any) -> jax.Array:
    """The length of a slope, whose squares may be too large to hold, or too small, where it is not."""
    parts = jax.tree.leaves(slope)
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(each), initial=0.0) for each in parts]))
    unit = jnp.where((largest > 0.0) & jnp.isfinite(largest), largest, 1.0)
    return unit * jnp.sqrt(sum(jnp.sum((each / unit) ** 2) for each in parts))


def _residual(point: Any, slope: Any) -> jax.Array:
    """The largest projected slope within [0, 1]."""
    parts = jax.tree.map(lambda x, g: jnp.max(jnp.abs(x - jnp.clip(x - g, 0.0, 1.0)), initial=0.0), point, slope)
    return jnp.max(jnp.stack(jax.tree.leaves(parts)))


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def _strong(state: Any, like: Any = None) -> Any:
    """The same arrays with plain types, so that a state goes round in one compiled program."""
    like = state if like is None else like

    def plain(x: Any, y: Any) -> Any:
        x, y = jnp.asarray(x), jnp.asarray(y)
        is_key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
        return x if is_key else jax.lax.convert_element_type(x, np.dtype(y.dtype))

    return jax.tree.map(plain, state, like)
