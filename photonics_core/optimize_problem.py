"""The problem of an optimisation as functions of a point, checked before anything is compiled.

A point is what `photonics_core.design_space` makes of the free leaves of a design: arrays in [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.constraints import KINDS, ConstraintLayout, Constraints
from photonics_core.design_space import DesignSpace
from photonics_core.optimize_steps import INNER, Scales, Seen, State
from photonics_core.optimum import Ends

Objective = Callable[[Any], tuple[jax.Array, dict[str, jax.Array]]]


@dataclass(frozen=True)
class Problem:
    """An objective and constraints as functions of a point of a space; `of` checks them."""

    objective: Objective
    space: DesignSpace
    constraints: Constraints
    layout: ConstraintLayout
    columns: tuple[str, ...]
    dtype: Any

    @classmethod
    def of(cls, objective: Objective, space: DesignSpace, constraints: Constraints) -> "Problem":
        """The problem of an objective, traced once for the shapes of what objective and constraints give."""
        dtype = jnp.result_type(float)
        point = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, dtype), space.start)

        def shapes(point: Any) -> Any:
            design = space.design(point)
            found = objective(design)
            _check_objective(found)
            return constraints.evaluate(design, found[1]), found[1]

        limits, metrics = jax.eval_shape(shapes, point)
        layout = ConstraintLayout.of_shapes(limits)
        columns = ["objective", "gradient_norm", *INNER, *(["violation", "penalty"] if layout.count else [])]
        for name in metrics:
            if name in columns:
                raise ValueError(f"metric {name!r} has the name of another column of the history")
        return cls(objective, space, constraints, layout, (*columns, *metrics), dtype)

    @property
    def functions(self) -> tuple[Any, ...]:
        """The functions of the user in it."""
        return self.objective, self.constraints.equalities, self.constraints.inequalities

    def raw(self, point: Any) -> Seen:
        """Value, metrics and constraints as they are, flat."""
        design = self.space.design(point)
        value, metrics = self.objective(design)
        flat = self.layout.flatten(self.constraints.evaluate(design, metrics), self.dtype)
        return Seen(jnp.asarray(value), metrics, *flat)

    def scaled(self, point: Any, scales: Scales) -> Seen:
        """The same with constraints over their scales."""
        seen = self.raw(point)
        return seen._replace(equality=seen.equality * scales.equality, inequality=seen.inequality * scales.inequality)

    def scales(self, point: Any) -> Scales:
        """Factors that bring slopes at a point to about one; all one where there are no constraints."""
        if not self.layout.count:
            found: Any = 1.0, np.zeros(0), np.zeros(0)
        else:
            given = self.constraints.scales or {}
            found = self.layout.scales(
                lambda x: (lambda s: (s.value, s.equality, s.inequality))(self.raw(x)), point, given, self.functions
            )
        return Scales(*(jnp.asarray(each, self.dtype) for each in found))


def _check_objective(found: Any) -> None:
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)):
        raise ValueError("objective does not return a pair of a scalar and a dict of metrics")
    value = jnp.asarray(found[0])
    if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(f"objective of shape {value.shape} and type {value.dtype} is not a real scalar")
    for name, metric in found[1].items():
        if jnp.shape(metric) != ():
            raise ValueError(f"metric {name!r} of shape {jnp.shape(metric)} is not a scalar")
        if jnp.iscomplexobj(metric):
            raise ValueError(f"metric {name!r} of type {jnp.asarray(metric).dtype} is not real")


def raise_not_finite(problem: Problem, point: Any) -> None:
    """Say what is not finite at a point where something is not: objective, constraint, or a gradient and in which leaf.

    Raises:
        ValueError: always.
    """
    seen = problem.raw(point)
    if not np.isfinite(seen.value):
        raise ValueError(f"objective = {float(seen.value)} at the start is not finite")
    for kind, flat in zip(KINDS, (seen.equality, seen.inequality), strict=True):
        for name, values in problem.layout.split(kind, flat).items():
            if not np.all(np.isfinite(values)):
                raise ValueError(f"{kind} {name!r} at the start is not finite")
    parts = {"objective": lambda x: problem.raw(x).value}
    parts |= {kind: lambda x, kind=kind: jnp.sum(getattr(problem.raw(x), kind)) for kind in KINDS}
    for what, function in parts.items():
        for leaf, slope in zip(problem.space.leaves, jax.tree.leaves(jax.grad(function)(point)), strict=True):
            if not np.all(np.isfinite(slope)):
                raise ValueError(f"gradient of the {what} in start{leaf.path} at the start is not finite")
    raise ValueError("objective and constraints at the start are finite, but too large to add")


def ends_of(problem: Problem, state: State) -> tuple[Ends, ...]:
    """Parameters and constraints at the start and at the best."""
    best, scales = state.best, jax.tree.map(lambda x: np.asarray(x, float), state.scales)
    found = []
    points = zip(problem.space.leaves, *map(jax.tree.leaves, (best.point, best.slope)), strict=True)
    own = jax.tree.leaves(problem.space.end(best.point)[0])
    for (leaf, u, slope), x in zip(points, own, strict=True):
        slope = np.asarray(slope, float)
        moves = leaf.upper > leaf.lower
        # A bound holds what would go on outwards; where a run is stopped, it may stand there by chance.
        low, high = (np.asarray(u) <= 0.0) & ~(slope < 0.0), (np.asarray(u) >= 1.0) & ~(slope > 0.0)
        active = moves & (low | high)
        multiplier = np.where(active, slope / scales.objective / leaf.width(np.asarray(x, float)), 0.0)
        found.append(
            Ends(leaf.path, "parameter", leaf.start, np.asarray(x), multiplier, active, leaf.lower, leaf.upper)
        )
    if state.outer is None or best.met is None:
        return tuple(found)
    for k, kind in enumerate(KINDS):
        scale, multiplier = scales[1 + k], np.asarray(getattr(best.met, kind), float)
        columns = (np.asarray(state.outer.first[k], float) / scale, np.asarray(best.met.constraints[k], float) / scale)
        columns += (multiplier * scale / scales.objective, (multiplier != 0.0) | (kind == "equality"))
        parts = [problem.layout.split(kind, column) for column in columns]
        found += [Ends(name, kind, *(part[name] for part in parts)) for name in parts[0]]
    return tuple(found)


def missed_of(problem: Problem, state: State, tolerance: float) -> dict[str, float]:
    """Constraints whose violation at the best is above a tolerance of their scales, by how much in their own units."""
    met, found = state.best.met, []
    if met is None:
        return {}
    for k, kind in enumerate(KINDS):
        flat = np.asarray(met.constraints[k], float)
        scaled = np.abs(flat) if kind == "equality" else np.maximum(flat, 0.0)
        own = problem.layout.split(kind, scaled / np.asarray(state.scales[1 + k], float))
        parts = problem.layout.split(kind, scaled)
        found += [(np.max(part), name, np.max(own[name])) for name, part in parts.items() if part.size]
    worst = sorted((each for each in found if each[0] > tolerance), reverse=True)
    return {name: float(amount) for _, name, amount in worst}
