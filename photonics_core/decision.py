"""Thresholds between received levels: where the densities of neighbours cross, with independent disturbances too.

Two normal densities cross at the root of a quadratic equation (`photonics_core.error_rate.decision_thresholds`). With
disturbances the logarithm of the ratio of two densities is searched for its zero between the levels; its derivatives
are those of the root.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.crosstalk_statistics import log_density

#: Evaluations for a threshold between disturbed levels.
STEPS = 24


def best_thresholds(levels: jax.Array, noise: jax.Array, disturbances: jax.Array, method: str) -> jax.Array:
    """Thresholds of ascending levels of one channel, shape [M - 1], with a method that has been chosen."""
    if disturbances.size == 0:
        return _crossing(levels[:-1], levels[1:], noise[:-1], noise[1:])
    reach = [jnp.sum(each(disturbances, axis=-1)) for each in (jnp.max, jnp.min)]
    if method == "bound":
        return _crossing(levels[:-1] + reach[0], levels[1:] + reach[1], noise[:-1], noise[1:])
    mean = jnp.sum(jnp.mean(disturbances, axis=-1))
    search = jax.vmap(functools.partial(_disturbed_crossing, method=method), in_axes=(0, 0, 0, 0, None))
    return search(levels[:-1] + mean, levels[1:] + mean, noise[:-1], noise[1:], disturbances - mean / len(disturbances))


def _crossing(low: jax.Array, high: jax.Array, low_noise: jax.Array, high_noise: jax.Array) -> jax.Array:
    """Where two normal densities cross; in the middle for levels that are the same, or that a bound has crossed."""
    apart = high - low
    log = jnp.log(high_noise / low_noise)
    squared = apart**2 + 2.0 * (high_noise**2 - low_noise**2) * log
    is_open = (squared > 0.0) & (apart >= 0.0)
    root = jnp.where(is_open, jnp.sqrt(jnp.where(is_open, squared, 1.0)), 0.0)
    below = apart * low_noise + high_noise * root
    share = low_noise * (apart**2 + 2.0 * high_noise**2 * log) / jnp.where(is_open, below, 1.0)
    return low + jnp.where(is_open, share, 0.5 * apart)


def _disturbed_crossing(
    low: jax.Array, high: jax.Array, low_noise: jax.Array, high_noise: jax.Array, disturbances: jax.Array, method: str
) -> jax.Array:
    """Where the densities of two neighbouring levels with disturbances of mean zero cross, between the levels."""

    def advantage(t: Any, levels: Any, noise: Any, disturbances: Any) -> jax.Array:
        density = jax.vmap(lambda level, noise: log_density(t - level, noise, disturbances, method))
        return jnp.subtract(*density(levels, noise))

    parameters = (jnp.stack([low, high]), jnp.stack([low_noise, high_noise]), disturbances)
    fixed = lax.stop_gradient(parameters)
    found = falling_root(lambda t: advantage(t, *fixed), fixed[0])
    value, slope = jax.value_and_grad(advantage)(found, *parameters)
    slope = lax.stop_gradient(slope)
    newton = found - value / jnp.where(slope == 0.0, 1.0, slope)
    # Hopeless eyes have no crossing between the levels: that of normal densities of the same variance, wherever it is.
    (left, right), step = fixed[0], lax.stop_gradient(abs(newton - found))
    is_found = (slope < 0.0) & (step < 1e-3 * (right - left)) & (found > left) & (found < right)
    variance = jnp.sum(jnp.var(disturbances, axis=-1))
    normal = _crossing(low, high, *(jnp.sqrt(each**2 + variance) for each in (low_noise, high_noise)))
    return jnp.where(is_found, newton, normal)


def falling_root(function: Any, ends: jax.Array) -> jax.Array:
    """Root between two ends, shape [2], by false position with halved weights, the same number of steps for all.

    The function falls through zero between the ends.
    """

    def step(carry: Any, _: None) -> tuple[Any, None]:
        a, b, at_a, at_b = carry
        apart = at_b - at_a
        x = jnp.where(apart == 0.0, 0.5 * (a + b), a - at_a * (b - a) / jnp.where(apart == 0.0, 1.0, apart))
        value = function(x)
        # The last point stays an end; the other end keeps half of its value if the sign was the same.
        kept = jnp.where(value * at_b < 0.0, b, a)
        at_kept = jnp.where(value * at_b < 0.0, at_b, 0.5 * at_a)
        done = at_b == 0.0
        return tuple(jnp.where(done, old, new) for old, new in zip(carry, (kept, x, at_kept, value), strict=True)), None

    # The values at the ends are not asked for: the first step then halves.
    start = (*ends, jnp.ones_like(ends[0]), -jnp.ones_like(ends[0]))
    (_, found, _, _), _ = lax.scan(step, start, None, length=STEPS)
    return lax.stop_gradient(found)
