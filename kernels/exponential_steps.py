"""States with fast linear parts and slower couplings, dy/dt = f(y, drive), stepped by exponentials.

Each state has a rate l of its own, real or complex, chosen anew at the start of each step; its part l y is solved
exactly, however long the step is against 1/|l|. The rest g = f - l y is taken by the exponential Runge-Kutta method of
fourth order of S. Krogstad, J. Comput. Phys. 203, 72 (2005). With z = h l and g_0 = g(y), at the middle (half the step)
and at the end,

    a = e^(z/2) y + (h/2) phi_1(z/2) g_0
    b = a + h phi_2(z/2) (g_a - g_0)
    c = e^z y + h phi_1(z) g_0 + 2 h phi_2(z) (g_b - g_0)
    y+ = c + h phi_2(z) (2 g_a - g_0 - g_c) + 4 h phi_3(z) (g_0 - g_a - g_b + g_c)

with phi_1 = (e^z - 1) / z, phi_2 = (phi_1 - 1) / z, phi_3 = (phi_2 - 1/2) / z. For l = 0 these are the classical
weights 1/6, 1/3, 1/3, 1/6. The order is four where steps follow the fast states; with longer steps, and a fast state
that follows slow ones, it falls to two, while it stays stable. Between samples the drive is a cubic through four of
them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.between_samples import middles
from photonics_core.kernels.phi_functions import phi_doubled, phi_functions


def exponential_steps(
    rates: Callable[[Any, Any], Any], derivative: Callable[[Any, Any], Any], start: Any, drive: Any, step: Any
) -> Any:
    """All states at the samples of a drive, for use within `jit`.

    Args:
        rates: l in 1/ps of the states and the drive at the start of a step, a pytree like that of the states.
        derivative: f of the states and of the drive at one time.
        start: states at the first sample, a pytree of arrays.
        drive: pytree of samples at equal steps, arrays of shape [K, ...]; K at least 2.
        step: time between samples in ps.

    Returns:
        The pytree of states with a leading axis K.

    Raises:
        ValueError: for fewer than two samples.
    """
    count = min(leaf.shape[0] for leaf in jax.tree.leaves(drive))
    if count < 2:
        raise ValueError(f"drive of {count} samples has no step; give two or more")
    halfway = jax.tree.map(lambda leaf: jnp.moveaxis(middles(jnp.moveaxis(leaf, 0, -1)), -1, 0), drive)

    def advance(y: Any, over: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        after = _step(y, rates(y, over[0]), derivative, over, step)
        return after, after

    firsts, lasts = (jax.tree.map(lambda leaf, cut=cut: leaf[cut], drive) for cut in (slice(-1), slice(1, None)))
    rest = lax.scan(advance, start, (firsts, halfway, lasts))[1]
    return jax.tree.map(lambda one, more: jnp.concatenate([one[None], more]), start, rest)


def _step(y: Any, rate: Any, derivative: Callable[[Any, Any], Any], over: tuple[Any, Any, Any], step: Any) -> Any:
    first, middle, last = over
    weights = jax.tree.map(lambda own, y: _weights(own, y, step), rate, y)
    half, half_1, half_2, one, one_1, one_2, one_3 = _columns(weights, y, 7)

    def rest(y: Any, now: Any) -> Any:
        return jax.tree.map(lambda f, own, y: f - own * y, derivative(y, now), rate, y)

    g = rest(y, first)
    a = jax.tree.map(lambda e, w, y, g: e * y + w * g, half, half_1, y, g)
    ga = rest(a, middle)
    b = jax.tree.map(lambda w, a, g, ga: a + w * (ga - g), half_2, a, g, ga)
    gb = rest(b, middle)
    c = jax.tree.map(lambda e, w, v, y, g, gb: e * y + w * g + 2.0 * v * (gb - g), one, one_1, one_2, y, g, gb)
    gc = rest(c, last)

    def close(c: Any, w: Any, v: Any, g: Any, ga: Any, gb: Any, gc: Any) -> Any:
        return c + w * ((ga - g) + (ga - gc)) + v * ((g - ga) + (gc - gb))

    return jax.tree.map(close, c, one_2, one_3, g, ga, gb, gc)


def _columns(weights: Any, like: Any, count: int) -> Any:
    """A pytree of tuples as a tuple of pytrees."""
    return jax.tree.transpose(jax.tree.structure(like), jax.tree.structure((0,) * count), weights)


def _weights(rate: Any, y: Any, step: Any) -> tuple[jax.Array, ...]:
    """Factors of the method for one state, with the step in them."""
    h = jnp.asarray(step, y.real.dtype).astype(y.dtype)
    z = 0.5 * h * jnp.asarray(rate, y.dtype)
    half = phi_functions(z)
    one = phi_doubled(half)
    return half[0], 0.5 * h * half[1], h * half[2], one[0], h * one[1], h * one[2], 4.0 * h * one[3]
