"""How far the rings of a link may be off their places: the detuning error at which a channel errs as much as it may.

Locks leave an error, and a link's budget has to say how large it may be. For each channel it is where the error ratio,
a function of an error that all rings have in common, first meets what is wanted. It is found by halving, which needs no
slope, and one step of Newton's method carries the derivatives of the implicit function.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

#: Halvings of the interval to a detuning error before the step of Newton's method that carries derivatives.
STEPS = 22


def largest_error(
    log10_ratio: Callable[[Any, jax.Array, jax.Array], jax.Array],
    link: Any,
    log10_target: jax.Array,
    count: int,
    most: float,
) -> jax.Array:
    """Error of the rings' places at which each channel has the wanted error ratio, shape [N].

    Args:
        log10_ratio: decimal logarithm of the ratio by link, channel and error.
        link: any pytree, by which derivatives are taken.
        log10_target: the logarithm that is wanted.
        count: number of channels N.
        most: the largest error that is looked for, in the unit of what comes back.

    Returns:
        Errors; zero where a channel errs too much without any, `most` where it bears that.
    """
    fixed, goal = jax.tree.map(jax.lax.stop_gradient, (link, log10_target))

    def excess(link: Any, channel: jax.Array, error: jax.Array, target: jax.Array) -> jax.Array:
        # Of the logarithm again: nearly linear, and above zero where the channel errs less than it may.
        return jnp.log(jnp.maximum(-log10_ratio(link, channel, error), 1e-6)) - jnp.log(-target)

    def one(channel: jax.Array) -> jax.Array:
        def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            low, high = ends
            middle = 0.5 * (low + high)
            is_good = excess(fixed, channel, middle, goal) > 0.0
            return jnp.where(is_good, middle, low), jnp.where(is_good, high, middle)

        zero = jnp.zeros((), goal.dtype)
        low, high = jax.lax.fori_loop(0, STEPS, halve, (zero, zero + most))
        found = jax.lax.stop_gradient(0.5 * (low + high))
        value, slope = jax.jvp(lambda x: excess(link, channel, x, log10_target), (found,), (jnp.ones_like(found),))
        slope = jax.lax.stop_gradient(slope)
        is_between = (found > 1e-6 * most) & (found < (1.0 - 1e-6) * most) & (slope < 0.0)
        step = value / jnp.where(is_between, slope, -1.0)
        return jnp.where(is_between, found - step, jnp.where(found > 0.5 * most, most, 0.0))

    return jax.vmap(one)(jnp.arange(count))
