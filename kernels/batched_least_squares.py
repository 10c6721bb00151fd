"""Nonlinear least squares of many small problems at once: damped Gauss-Newton steps on their normal equations.

Each row of a batch minimises sum_k (w_k (f_k(x) - y_k))^2. A step solves (H + lambda diag H) d = -J^T r with H = J^T J
(D. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963)); lambda falls after a step that lowers the sum and rises
after one that does not. All rows go on together until each has converged or the budget of steps is spent; a row that
has converged stays where it is. Systems are solved scaled to a unit diagonal, by elimination written out in array
operations: batched LAPACK calls wait for threads of the pool that runs the program. An elimination whose pivot falls
below `RANK_TOLERANCE` roundings tells of parameters that the data cannot part; the pivot is then held there, so that
variances come out large instead of not at all.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

#: Takes parameters [rows, N] and samples, gives values [rows, n] and derivatives [rows, N, n].
Model = Callable[[jax.Array, Any], tuple[jax.Array, jax.Array]]

STEPS = 40
#: Least tolerance, as a power of the rounding: 5e-7 of the residuals in float64, 2e-3 in float32, far below an error.
TOLERANCE_EXPONENT = 0.4
FIRST_DAMPING = 1e-3
#: A pivot below this many roundings is that of a parameter which the others make up for.
RANK_TOLERANCE = 1e3
_DAMPING_RANGE = (1e-10, 1e10)


class BatchFit(NamedTuple):
    """Parameters at the least squares, and how sure they are.

    Args:
        parameters: shape [rows, N].
        covariance: (J^T J)^-1 for weighted residuals of unit variance, shape [rows, N, N].
        residuals: weighted residuals f - y, shape [rows, n].
        converged: whether the last step changed nothing that matters, shape [rows].
        full_rank: whether the data tell all parameters apart, shape [rows].
        steps: number of times that the model was computed, shape [rows].
    """

    parameters: jax.Array
    covariance: jax.Array
    residuals: jax.Array
    converged: jax.Array
    full_rank: jax.Array
    steps: jax.Array


class _State(NamedTuple):
    parameters: jax.Array
    residuals: jax.Array
    cost: jax.Array
    gradient: jax.Array
    curvature: jax.Array
    damping: jax.Array
    done: jax.Array
    steps: jax.Array


@functools.partial(jax.jit, static_argnames=("model",))
def fit_rows(
    model: Model,
    start: jax.Array,
    samples: Any,
    target: jax.Array,
    weights: jax.Array,
    *,
    steps: Any = STEPS,
    tolerance: Any = 0.0,
) -> BatchFit:
    """Fit a model to every row of a batch.

    Args:
        model: function of parameters [rows, N] and `samples` that gives values [rows, n] and their derivatives
            [rows, N, n]; static.
        start: first parameters, shape [rows, N].
        samples: what the model takes besides, a pytree.
        target: values to meet, shape [rows, n].
        weights: inverse standard deviations of the target, zero for samples that do not count; shape [rows, n].
        steps: largest number of times that the model is computed.
        tolerance: steps end where the last one changed the values by less than this times the residuals; the rounding
            to the power `TOLERANCE_EXPONENT` if that is more.

    Returns:
        The fit, all of whose numbers are finite; a row whose model is not finite at `start` stays there, and has not
        converged.
    """

    def equations(parameters: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        values, slopes = model(parameters, samples)
        residuals = weights * (values - target)
        weighted = slopes * weights[:, None, :]
        # One product with the residuals as one more row would take three times as long: the rows would be copied.
        curvature = jnp.einsum("ris,rjs->rij", weighted, weighted, precision=lax.Precision.HIGHEST)
        gradient = jnp.einsum("ris,rs->ri", weighted, residuals, precision=lax.Precision.HIGHEST)
        return residuals, jnp.sum(residuals * residuals, axis=1), gradient, curvature

    least = float(jnp.finfo(start.dtype).eps) ** TOLERANCE_EXPONENT
    tolerance = jnp.maximum(jnp.asarray(tolerance, start.dtype), jnp.asarray(least, start.dtype))
    floor = _floor(target * weights)

    def go_on(state: _State) -> jax.Array:
        return ~jnp.all(state.done) & (jnp.max(state.steps) < steps)

    def step(state: _State) -> _State:
        change = _damped_step(state)
        residuals, cost, gradient, curvature = equations(state.parameters + change)
        reduced = cost <= state.cost  # False for a number that is not finite
        taken = reduced & ~state.done
        factor = jnp.where(reduced, 0.1, 8.0).astype(cost.dtype)
        stepped = _State(
            parameters=_choose(taken, state.parameters + change, state.parameters),
            residuals=_choose(taken, residuals, state.residuals),
            cost=_choose(taken, cost, state.cost),
            gradient=_choose(taken, gradient, state.gradient),
            curvature=_choose(taken, curvature, state.curvature),
            damping=jnp.clip(state.damping * factor, *_DAMPING_RANGE),
            done=state.done,
            steps=state.steps + (~state.done).astype(jnp.int32),
        )
        small = _norm(change, state.curvature) <= tolerance**2 * state.cost + floor
        settled = small & (state.damping <= 0.1) & jnp.isfinite(state.cost)
        return stepped._replace(done=state.done | settled | _is_flat(stepped, tolerance, floor))

    state = lax.while_loop(go_on, step, _before_first(start, target))
    covariance, full_rank = invert_definite(state.curvature)
    return BatchFit(state.parameters, covariance, state.residuals, state.done, full_rank, state.steps)


def _before_first(start: jax.Array, target: jax.Array) -> _State:
    """A state whose first step goes nowhere, so that the equations stand in the compiled program once."""
    rows, count = start.shape
    cost = jnp.full((rows,), jnp.inf, start.dtype)
    curvature = jnp.broadcast_to(jnp.eye(count, dtype=start.dtype), (rows, count, count))
    damping = jnp.full_like(cost, 10.0 * FIRST_DAMPING)
    counts = jnp.zeros((rows,), jnp.int32)
    return _State(start, jnp.zeros_like(target), cost, jnp.zeros_like(start), curvature, damping, counts > 0, counts)


def invert_definite(matrices: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Invert symmetric matrices that are positive but for rounding.

    Args:
        matrices: shape [rows, N, N].

    Returns:
        Inverses [rows, N, N], and whether each was of full rank [rows]; of one that was not, the variances of the
        parameters that cannot be parted are large.
    """
    identity = jnp.broadcast_to(jnp.eye(matrices.shape[1], dtype=matrices.dtype), matrices.shape)
    scaled, scale = _unit_diagonal(matrices)
    inverse, full_rank = _eliminate(scaled, identity)
    return inverse * scale[:, :, None] * scale[:, None, :], full_rank


def _damped_step(state: _State) -> jax.Array:
    scaled, scale = _unit_diagonal(state.curvature)
    identity = jnp.eye(scaled.shape[1], dtype=scaled.dtype)
    damped = scaled + state.damping[:, None, None] * identity[None]
    solution, _ = _eliminate(damped, (scale * state.gradient)[:, :, None])
    return -scale * solution[:, :, 0]


def _unit_diagonal(matrices: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The matrices with a unit diagonal, and the scale of each row; a row of zeros keeps its scale."""
    diagonal = jnp.diagonal(matrices, axis1=1, axis2=2)
    scale = jnp.where(diagonal > 0.0, 1.0 / jnp.sqrt(jnp.where(diagonal > 0.0, diagonal, 1.0)), 1.0)
    scale = scale.astype(matrices.dtype)
    return matrices * scale[:, :, None] * scale[:, None, :], scale


def _eliminate(matrices: jax.Array, right: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Solutions by Gauss and Jordan without pivoting, which a positive matrix of unit diagonal does not need."""
    count = matrices.shape[1]
    least = RANK_TOLERANCE * jnp.finfo(matrices.dtype).eps
    rows = jnp.concatenate([matrices, right], axis=2)
    full_rank = jnp.ones(matrices.shape[:1], bool)

    def clear(k: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        rows, full_rank = state
        column = lax.dynamic_index_in_dim(rows, k, 2)
        row = lax.dynamic_index_in_dim(rows, k, 1)
        pivot = lax.dynamic_index_in_dim(column, k, 1)
        row = row / jnp.maximum(pivot, jnp.asarray(least, pivot.dtype))
        cleared = lax.dynamic_update_index_in_dim(rows - column * row, row, k, 1)
        return cleared, full_rank & (pivot[:, 0, 0] > least)

    rows, full_rank = lax.fori_loop(0, count, clear, (rows, full_rank))
    return rows[:, :, count:], full_rank


def _norm(change: jax.Array, curvature: jax.Array) -> jax.Array:
    """d^T H d: what the step changes in the model's values, squared."""
    along = jnp.einsum("rij,rj->ri", curvature, change, precision=lax.Precision.HIGHEST)
    return jnp.sum(change * along, axis=1)


def _floor(weighted: jax.Array) -> jax.Array:
    """Sum of squares of the target's own rounding: below it no fit goes."""
    rounding = 4.0 * jnp.finfo(weighted.dtype).eps
    return jnp.asarray(rounding**2, weighted.dtype) * jnp.sum(weighted * weighted, axis=1)


def _is_flat(state: _State, tolerance: jax.Array, floor: jax.Array) -> jax.Array:
    """Whether the residuals stand at right angles to every derivative, or are nothing but rounding."""
    diagonal = jnp.diagonal(state.curvature, axis1=1, axis2=2)
    against = jnp.max(state.gradient**2 - (0.01 * tolerance) ** 2 * diagonal * state.cost[:, None], axis=1)
    return ((against <= 0.0) & jnp.isfinite(state.cost)) | (state.cost <= floor)


def _choose(taken: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(taken.reshape(taken.shape + (1,) * (new.ndim - 1)), new, old)
