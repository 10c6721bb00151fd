"""What lies between equal samples: functions of the cubic through the two samples beside a step and the next two."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp


def middles(samples: jax.Array) -> jax.Array:
    """Values halfway between samples along the last axis, shape [..., K - 1]; exact for cubics."""
    return of_each_step(lambda a, b, c, d: (9.0 * (b + c) - (a + d)) / 16.0, samples)


def of_each_step(of: Callable[..., jax.Array], samples: jax.Array) -> jax.Array:
    """A function of the samples before a step, at its ends and after it, for all steps along the last axis.

    Beyond the record stands what the cubic through the last four has there, or what fewer samples allow.

    Args:
        of: takes four arrays of one shape.
        samples: shape [..., K], K from 2 on.

    Returns:
        Shape [..., K - 1].
    """
    count = min(4, samples.shape[-1])
    signs = jnp.asarray([(-1.0) ** k * math.comb(count, k + 1) for k in range(count)], samples.dtype)
    before = (samples[..., :count] @ signs)[..., None]
    after = (samples[..., : -count - 1 : -1] @ signs)[..., None]

    def along(values: jax.Array) -> jax.Array:
        return of(*(values[..., k : values.shape[-1] - 3 + k] for k in range(4)))

    if samples.shape[-1] < 4:
        return along(jnp.concatenate([before, samples, after], axis=-1))
    # The ends by themselves: to run over a record with its ends put on is slower.
    first = along(jnp.concatenate([before, samples[..., :3]], axis=-1))
    last = along(jnp.concatenate([samples[..., -3:], after], axis=-1))
    return jnp.concatenate([first, along(samples), last], axis=-1)
