"""The augmented Lagrangian of Powell, Hestenes and Rockafellar: constraints as terms of a smooth function.

For min f(x) with e(x) = 0 and c(x) <= 0, multipliers l and m >= 0 and a penalty r > 0,

    L(x) = f + sum (l e + r e^2 / 2) + sum (max(0, m + r c)^2 - m^2) / (2 r)

The second sum follows from the first: with a slack s >= 0, c + s = 0, the terms m (c + s) + r (c + s)^2 / 2 are least
at s = max(0, -c - m / r), and what is left is (max(0, m + r c)^2 - m^2) / (2 r). The slope of L is that of the
Lagrangian with the multipliers l + r e and max(0, m + r c), so these are the next estimates. Sources: J. Nocedal and
S. Wright, Numerical Optimization, 2nd ed. (2006), sections 17.3 and 17.4; the rule that raises the penalty only where
the constraints have not come closer by a factor is that of E. Birgin and J. Martinez, Practical Augmented Lagrangian
Methods (2014), chapter 4.

Constraints are flat arrays, e of shape [E] and c of shape [C], scaled so that one is a large violation.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

#: Penalty to start with, where slopes of objective and constraints are about one.
FIRST_PENALTY = 10.0
#: The penalty grows by this factor where the violation has not fallen by `ENOUGH`.
GROWTH = 4.0
ENOUGH = 0.5
#: Multipliers beyond this are cut: their constraints contradict each other.
LARGEST_MULTIPLIER = 1e8
#: Constraints contradict each other where their sum with multipliers is so far above zero, the objective having a slope
#: of about one in each variable, and falls within the bounds by no more than this part.
FAR_ABOVE, FLAT = 100.0, 0.01


class Multipliers(NamedTuple):
    """Estimates of the multipliers, [E] and [C], and the penalty."""

    equality: jax.Array
    inequality: jax.Array
    penalty: jax.Array


def no_multipliers(equalities: int, inequalities: int, dtype: Any) -> Multipliers:
    """What a run starts from: multipliers of zero."""
    return Multipliers(jnp.zeros(equalities, dtype), jnp.zeros(inequalities, dtype), jnp.full((), FIRST_PENALTY, dtype))


def largest_penalty(dtype: Any) -> float:
    """The penalty that is never exceeded: in float32 a large one hides the objective behind rounding of constraints."""
    return max(float(1.0 / np.sqrt(np.finfo(dtype).eps)), FIRST_PENALTY)


def augmented(value: jax.Array, equality: jax.Array, inequality: jax.Array, multipliers: Multipliers) -> jax.Array:
    """L of a value f, constraints e [E] and c [C], and multipliers."""
    penalty = multipliers.penalty
    equal = jnp.sum(equality * (multipliers.equality + 0.5 * penalty * equality))
    pressed = jnp.maximum(multipliers.inequality + penalty * inequality, 0.0)
    return value + equal + jnp.sum(pressed**2 - multipliers.inequality**2) / (2.0 * penalty)


def estimates(equality: jax.Array, inequality: jax.Array, multipliers: Multipliers) -> tuple[jax.Array, jax.Array]:
    """The multipliers l + r e and max(0, m + r c), with which the Lagrangian has the slope of L; [E] and [C]."""
    equal = multipliers.equality + multipliers.penalty * equality
    return equal, jnp.maximum(multipliers.inequality + multipliers.penalty * inequality, 0.0)


def violation(equality: jax.Array, inequality: jax.Array) -> jax.Array:
    """The largest of |e| and max(0, c)."""
    return jnp.maximum(jnp.max(jnp.abs(equality), initial=0.0), jnp.max(inequality, initial=0.0))


def disagreement(equality: jax.Array, inequality: jax.Array, multipliers: Multipliers) -> jax.Array:
    """The largest violation, or slack beside a multiplier above zero: the largest of |e| and |max(c, -m / r)|."""
    slack = jnp.maximum(inequality, -multipliers.inequality / multipliers.penalty)
    return jnp.maximum(jnp.max(jnp.abs(equality), initial=0.0), jnp.max(jnp.abs(slack), initial=0.0))


def updated(
    equality: jax.Array, inequality: jax.Array, multipliers: Multipliers, before: jax.Array, close: Any = 0.0
) -> Multipliers:
    """The next multipliers and penalty at a point where L is about least.

    Args:
        equality, inequality: constraints there, [E] and [C].
        multipliers: those with which it was found.
        before: `disagreement` at the update before, infinite at the first.
        close: disagreement that is small enough, at which the penalty stays.
    """
    equal, unequal = estimates(equality, inequality, multipliers)
    is_slow = disagreement(equality, inequality, multipliers) > jnp.maximum(ENOUGH * before, close)
    largest = largest_penalty(multipliers.penalty.dtype)
    grown = jnp.minimum(multipliers.penalty * jnp.where(is_slow, GROWTH, 1.0), largest)
    return Multipliers(
        jnp.clip(equal, -LARGEST_MULTIPLIER, LARGEST_MULTIPLIER),
        jnp.minimum(unequal, LARGEST_MULTIPLIER),
        grown.astype(multipliers.penalty.dtype),
    )


def is_contradiction(
    equality: jax.Array, inequality: jax.Array, multipliers: Multipliers, x: jax.Array, slope: jax.Array
) -> jax.Array:
    """Whether a sum of the constraints with weights is far above zero here, and to first order everywhere in the box.

    With the weights y of the next estimates, f + y c falls within 0 <= x <= 1 by no more than what its slope allows. A
    point that meets the constraints has y c <= 0, and so f there is higher than here by y c less that fall at least:
    beyond what f can do once y is large. For convex functions that is a proof (Farkas, weak duality), for others it
    holds nearby.

    Args:
        equality, inequality: constraints at x, [E] and [C].
        multipliers: those of L; before the penalty is at its largest nothing is said.
        x: a point, shape [n], within [0, 1].
        slope: of L there, shape [n].
    """
    weights = estimates(equality, inequality, multipliers)
    weighed = jnp.sum(weights[0] * equality) + jnp.sum(weights[1] * inequality)
    fall = jnp.sum(jnp.maximum(x * slope, (x - 1.0) * slope))
    is_dear = multipliers.penalty >= 0.99 * largest_penalty(multipliers.penalty.dtype)
    return is_dear & (weighed > FAR_ABOVE * max(x.size, 1)) & (fall <= FLAT * weighed)
