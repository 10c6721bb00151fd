"""Minimisation of a smooth function within bounds by quasi-Newton steps of limited memory.

    x(a) = P(x - a d),    d = H_FF g_F on the free variables,    d = h g on the held ones

P puts a point back within the bounds. A variable is held where it stands at a bound and its slope g points outward;
the others are free. H_FF is the inverse Hessian of the free variables alone, h a number above zero (two-metric
projection: D. P. Bertsekas, SIAM J. Control Optim. 20, 221 (1982): a quasi-Newton step of all variables that is
projected afterwards need not go downhill). H comes from the last steps s and changes y of the slope by the two loops of
L-BFGS (J. Nocedal and S. Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.4); the parts of s and y of the
held variables are left out, so that H_FF is that of the free ones. A pair without curvature, s y <= 0, is left out as
well: with Armijo's rule alone nothing else keeps H positive, which is why the memory is not `optax.scale_by_lbfgs`.

The step a is halved until the value has fallen by a small part of g (x - x(a)). Everything is traceable and batched
by `vmap`; the loops are `lax.while_loop` and have no reverse derivative.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

#: Pairs that are kept.
PAIRS = 10
#: Part of the fall that the slope promises which a step must bring.
ARMIJO = 1e-4
#: Halvings of one step before it is given up.
HALVINGS = 40
#: Longest first step, in units of the variables.
FIRST = 0.1
#: Greatest distance to a bound at which a variable counts as standing there.
NEAR = 1e-3


class BoxState(NamedTuple):
    """What is remembered between steps.

    Attributes:
        steps: last steps of x, newest last, shape [pairs, n].
        changes: the changes of the slope that they brought, shape [pairs, n].
        x: the last point, shape [n].
        slope: the slope there, shape [n].
        is_begun: whether `x` and `slope` are those of the function as it is now.
        is_stalled: whether even a step along the slope has found nothing lower.
    """

    steps: jax.Array
    changes: jax.Array
    x: jax.Array
    slope: jax.Array
    is_begun: jax.Array
    is_stalled: jax.Array


class BoxMinimum(NamedTuple):
    """Where `minimize_in_box` ended: point [n], value, largest projected slope, and steps taken."""

    x: jax.Array
    value: jax.Array
    slope: jax.Array
    steps: jax.Array


def begin(x: jax.Array, pairs: int = PAIRS) -> BoxState:
    """An empty memory for points of the shape of `x`, [n]."""
    empty, no = jnp.zeros((pairs, x.size), x.dtype), jnp.zeros((), bool)
    return BoxState(empty, empty, jnp.zeros_like(x), jnp.zeros_like(x), no, no)


def forget(state: BoxState, everything: Any) -> BoxState:
    """The memory after the function has changed: the last slope is of no use any more, or `everything` is not."""
    keep = jnp.where(everything, 0.0, 1.0).astype(state.x.dtype)
    no = jnp.zeros_like(state.is_begun)
    return state._replace(steps=state.steps * keep, changes=state.changes * keep, is_begun=no, is_stalled=no)


def advance(
    value: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    here: jax.Array,
    slope: jax.Array,
    state: BoxState,
    lower: jax.Array,
    upper: jax.Array,
    first: Any = 1.0,
) -> tuple[jax.Array, BoxState]:
    """One step downhill within the bounds.

    Args:
        value: the function of [n], a number; values that are not finite are stepped back from.
        x: a point within the bounds, shape [n].
        here: the value there.
        slope: the gradient there, shape [n].
        state: the memory.
        lower, upper: bounds, shape [n].
        first: the longest step that is tried, in units of the quasi-Newton step.

    Returns:
        The next point, the same as `x` if nothing lower was found, and the memory. A step that fails empties the
        memory; one that fails with an empty memory is said to be stalled.
    """
    steps, changes = _remembered(state, x, slope)
    held = held_at_bounds(x, slope, lower, upper)
    step = _direction(steps, changes, slope, ~held)
    widest = jnp.max(upper - lower, initial=0.0)
    # Held variables stay at their bounds however far they are pushed: they must not shorten the step of the others.
    longest = jnp.max(jnp.where(held, 0.0, jnp.abs(step)), initial=0.0)
    step = jnp.where(
        held, jnp.clip(step, -widest, widest), step * jnp.minimum(1.0, widest / jnp.maximum(longest, widest))
    )
    moved, found = _search(value, x, here, slope, step, lower, upper, first)
    was_empty = ~jnp.any(changes != 0.0)
    keep = found.astype(x.dtype)
    state = BoxState(steps * keep, changes * keep, x, slope, found, ~found & was_empty)
    return moved, state


def held_at_bounds(x: jax.Array, slope: jax.Array, lower: jax.Array, upper: jax.Array) -> jax.Array:
    """Which variables stand at a bound, or nearly, with a slope that points outward; shape [n]."""
    near = jnp.minimum(NEAR, jnp.max(jnp.abs(projected_slope(x, slope, lower, upper)), initial=0.0))
    return ((x <= lower + near) & (slope > 0.0)) | ((x >= upper - near) & (slope < 0.0))


def projected_slope(x: jax.Array, slope: jax.Array, lower: jax.Array, upper: jax.Array) -> jax.Array:
    """x - P(x - g), which is zero at a minimum within the bounds; shape [n]."""
    return x - jnp.clip(x - slope, lower, upper)


def minimize_in_box(
    value: Callable[[jax.Array], jax.Array],
    start: jax.Array,
    lower: jax.Array,
    upper: jax.Array,
    *,
    steps: int = 200,
    tolerance: float = 1e-8,
) -> BoxMinimum:
    """Minimise a smooth function of [n] within bounds [n], in one traceable loop.

    It ends where the largest projected slope is at most `tolerance`, where no step finds a lower value, or after
    `steps`.
    """
    both = jax.value_and_grad(value)

    def residual(x: jax.Array, slope: jax.Array) -> jax.Array:
        return jnp.max(jnp.abs(projected_slope(x, slope, lower, upper)), initial=0.0)

    def goes_on(carry: Any) -> jax.Array:
        x, _, slope, state, count = carry
        return (count < steps) & ~state.is_stalled & ~(residual(x, slope) <= tolerance)

    def body(carry: Any) -> Any:
        x, here, slope, state, count = carry
        x, state = advance(value, x, here, slope, state, lower, upper)
        return x, *both(x), state, count + 1

    count = jnp.zeros((), jnp.int32)
    x, here, slope, _, count = lax.while_loop(goes_on, body, (start, *both(start), begin(start), count))
    return BoxMinimum(x, here, residual(x, slope), count)


def _remembered(state: BoxState, x: jax.Array, slope: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Steps and changes with the newest pair at the end, if it has curvature."""
    step, change = x - state.x, slope - state.slope
    keep = state.is_begun & _is_curved(jnp.sum(step * change), step, change)

    def pushed(old: jax.Array, new: jax.Array) -> jax.Array:
        return jnp.where(keep, jnp.concatenate([old[1:], new[None]]), old)

    return pushed(state.steps, step), pushed(state.changes, change)


def _is_curved(product: jax.Array, step: jax.Array, change: jax.Array) -> jax.Array:
    """Whether s y is above zero by more than rounding; the last axis holds the variables."""
    floor = 10.0 * float(jnp.finfo(step.dtype).eps)
    norm = jnp.sum(step * step, axis=-1) * jnp.sum(change * change, axis=-1)
    return product > floor * jnp.sqrt(norm)


def _direction(steps: jax.Array, changes: jax.Array, slope: jax.Array, free: jax.Array) -> jax.Array:
    """H_FF g_F on the free variables and h g on the others, shape [n]."""
    mask = free.astype(slope.dtype)
    steps, changes, inner = steps * mask[None], changes * mask[None], slope * mask
    products = jnp.sum(steps * changes, axis=1)
    curved = _is_curved(products, steps, changes)
    weights = jnp.where(curved, 1.0 / jnp.where(curved, products, 1.0), 0.0)
    scale = _first_scale(products, changes, curved, slope)

    def back(vector: jax.Array, pair: Any) -> tuple[jax.Array, jax.Array]:
        step, change, weight = pair
        part = weight * jnp.sum(step * vector)
        return vector - part * change, part

    def forth(vector: jax.Array, pair: Any) -> tuple[jax.Array, None]:
        (step, change, weight), part = pair
        return vector + (part - weight * jnp.sum(change * vector)) * step, None

    pairs = (steps, changes, weights)
    inner, parts = lax.scan(back, inner, pairs, reverse=True)
    inner, _ = lax.scan(forth, scale * inner, (pairs, parts))
    return jnp.where(free, inner, scale * slope)


def _first_scale(products: jax.Array, changes: jax.Array, curved: jax.Array, slope: jax.Array) -> jax.Array:
    """The multiple of one that the recursion starts from: that of the newest pair, or a short step without any."""
    newest = curved.size - 1 - jnp.argmax(curved[::-1])
    measured = products[newest] / jnp.maximum(jnp.sum(changes[newest] ** 2), jnp.finfo(slope.dtype).tiny)
    length = jnp.sqrt(jnp.sum(slope * slope))
    short = jnp.minimum(1.0, FIRST / jnp.maximum(length, jnp.finfo(slope.dtype).tiny))
    return jnp.where(jnp.any(curved), measured, short)


def _search(
    value: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    here: jax.Array,
    slope: jax.Array,
    step: jax.Array,
    lower: jax.Array,
    upper: jax.Array,
    first: Any,
) -> tuple[jax.Array, jax.Array]:
    """Halve the step along the projected path until Armijo's rule holds: the point, and whether there was one."""
    # Close to the minimum values differ by rounding alone, and the slopes still tell where to go.
    rounding = 4.0 * jnp.finfo(x.dtype).eps * jnp.abs(here)

    def goes_on(carry: Any) -> jax.Array:
        _, _, found, count = carry
        return ~found & (count < HALVINGS)

    def body(carry: Any) -> Any:
        length, _, _, count = carry
        trial = jnp.clip(x - length * step, lower, upper)
        promised = jnp.sum(slope * (x - trial))
        found = (value(trial) <= here - ARMIJO * promised + rounding) & (promised > 0.0)
        return 0.5 * length, trial, found, count + 1

    # The type of the loop's flags follows what they are made of, as under `vmap`.
    no = jnp.zeros_like(here, bool)
    start = jnp.ones_like(here) * jnp.asarray(first, x.dtype), x, no, jnp.zeros_like(here, jnp.int32)
    _, trial, found, _ = lax.while_loop(goes_on, body, start)
    return jnp.where(found, trial, x), found
