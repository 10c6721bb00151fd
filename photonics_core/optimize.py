"""Gradient-based optimisation of bounded parameters.

A problem is an objective of a pytree of arrays and the bounds of each of them. Every parameter is measured in units
of its own range, so radii in um and heater powers in mW take steps of comparable size, and an optimum on a bound is
reached and kept.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_range

if TYPE_CHECKING:
    import optax

Objective = Callable[[Any], tuple[jax.Array, dict[str, jax.Array]]]


@dataclass(frozen=True)
class Optimum:
    """Outcome of a run.

    Args:
        parameters: the best parameters met, in their own units.
        value: the objective there.
        step: the step at which they were met; 0 is the start.
        history: by name, one number a step, shape [steps + 1]: "objective", "gradient_norm" (per range) and the
            metrics that the objective gave.
        stopped: why the run ended before its last step, or None.
    """

    parameters: Any
    value: float
    step: int
    history: dict[str, np.ndarray] = field(repr=False)
    stopped: str | None = None


def minimize(
    objective: Objective,
    start: Any,
    lower: Any,
    upper: Any,
    *,
    steps: int = 200,
    optimizer: "optax.GradientTransformation | None" = None,
    progress: bool | None = None,
) -> Optimum:
    """Minimise an objective within bounds by projected gradient steps; the best parameters met are returned.

    Args:
        objective: takes the parameters; returns a real scalar and a dict of scalar metrics to record (may be empty).
        start: pytree of real arrays to start from.
        lower: lower bounds, of the same structure (each a number or an array of the shape of its parameter).
        upper: upper bounds, likewise.
        steps: number of steps.
        optimizer: an optax optimiser for parameters scaled to [0, 1]; by default Adam whose rate falls
            from 0.03 to nothing along a cosine.
        progress: show a progress bar on stderr; by default where that is a terminal.

    Returns:
        `Optimum`.

    Raises:
        ValueError: if there is no free parameter, the bounds do not match or cross, the start lies outside, or the
            objective is not a finite real scalar at the start.
    """
    import optax

    check_range("steps", steps, 1, 10_000_000)
    low, high = _checked_bounds(start, lower, upper)
    span = jax.tree.map(lambda a, b: b - a, low, high)
    unscale = _unscale(low, span)
    optimizer = optimizer or optax.adam(optax.cosine_decay_schedule(0.03, steps))

    def evaluate(scaled: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        return objective(unscale(scaled))

    scaled = jax.tree.map(lambda x, a, s: (jnp.asarray(x, a.dtype) - a) / jnp.where(s > 0, s, 1.0), start, low, span)
    _check_objective(evaluate, scaled)
    gradient = jax.value_and_grad(evaluate, has_aux=True)

    @jax.jit
    def advance(scaled: Any, state: Any) -> Any:
        (value, metrics), slope = gradient(scaled)
        # Optimisers mix integer counts with floats; the caller may have forbidden that for code of their own.
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(slope, state, scaled)
        moved = jax.tree.map(lambda x: jnp.clip(x, 0.0, 1.0), optax.apply_updates(scaled, updates))
        return moved, state, value, metrics, optax.tree_utils.tree_norm(slope)

    return _run(advance, scaled, optimizer.init(scaled), unscale, steps, _bar(steps, progress))


def _run(advance: Any, scaled: Any, state: Any, unscale: Any, steps: int, bar: Any) -> Optimum:
    best, best_value, best_step, stopped = scaled, np.inf, 0, None
    rows: list[dict[str, float]] = []
    with bar as report:
        for step in range(steps + 1):
            moved, state, value, metrics, norm = advance(scaled, state)
            row = {"objective": value, "gradient_norm": norm} | dict(metrics)
            rows.append({name: float(entry) for name, entry in row.items()})
            value = rows[-1]["objective"]
            if step == 0 and not np.isfinite(value):
                raise ValueError(f"objective = {value} at the start is not finite")
            if value < best_value:
                best, best_value, best_step = scaled, value, step
            if not np.isfinite(value) or not np.isfinite(rows[-1]["gradient_norm"]):
                stopped = f"the objective or its gradient is not finite at step {step}"
                break
            scaled = moved
            report(step, best_value)
    history = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return Optimum(unscale(best), best_value, best_step, history, stopped)


def _checked_bounds(start: Any, lower: Any, upper: Any) -> tuple[Any, Any]:
    leaves = jax.tree.leaves(start)
    if not leaves:
        raise ValueError("start has no free parameter")
    structure = jax.tree.structure(start)
    for name, bound in (("lower", lower), ("upper", upper)):
        if jax.tree.structure(bound) != structure:
            raise ValueError(f"{name} = {jax.tree.structure(bound)} does not match start = {structure}")

    def expand(path: Any, value: Any, low: Any, high: Any) -> tuple[jax.Array, jax.Array]:
        where = f"start{jax.tree_util.keystr(path)}"
        value = np.asarray(value, np.float64)
        low, high = (np.broadcast_to(np.asarray(b, np.float64), value.shape) for b in (low, high))
        if not np.all(low <= high):
            raise ValueError(f"bounds of {where} cross: lower = {low.max():.6g}, upper = {high.min():.6g}")
        for number, a, b in zip(value.ravel(), low.ravel(), high.ravel(), strict=True):
            check_range(where, number, a, b)
        return jnp.asarray(low), jnp.asarray(high)

    pairs = [
        expand(path, value, low, high)
        for (path, value), low, high in zip(
            jax.tree_util.tree_leaves_with_path(start),
            jax.tree.leaves(lower),
            jax.tree.leaves(upper),
            strict=True,
        )
    ]
    if not any(bool(jnp.any(b > a)) for a, b in pairs):
        raise ValueError("start has no free parameter: every lower bound equals its upper bound")
    low, high = (jax.tree.unflatten(structure, list(side)) for side in zip(*pairs, strict=True))
    return low, high


def _unscale(low: Any, span: Any) -> Callable[[Any], Any]:
    return lambda scaled: jax.tree.map(lambda x, a, s: a + x * s, scaled, low, span)


def _check_objective(evaluate: Objective, scaled: Any) -> None:
    shape = jax.eval_shape(evaluate, scaled)
    if not (isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[1], dict)):
        raise ValueError("objective does not return a pair of a scalar and a dict of metrics")
    if shape[0].shape != () or not jnp.issubdtype(shape[0].dtype, jnp.floating):
        raise ValueError(f"objective of shape {shape[0].shape} and type {shape[0].dtype} is not a real scalar")
    for name, metric in shape[1].items():
        if metric.shape != ():
            raise ValueError(f"metric {name!r} of shape {metric.shape} is not a scalar")


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
