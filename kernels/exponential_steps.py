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

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

#: Terms of the series of phi_3, enough for |z| <= 1 in float64.
TERMS = 15

Phi = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


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
    middles = jax.tree.map(_middles, drive)

    def advance(y: Any, over: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        after = _step(y, rates(y, over[0]), derivative, over, step)
        return after, after

    firsts, lasts = (jax.tree.map(lambda leaf, cut=cut: leaf[cut], drive) for cut in (slice(-1), slice(1, None)))
    rest = lax.scan(advance, start, (firsts, middles, lasts))[1]
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
    one = doubled(half)
    return half[0], 0.5 * h * half[1], h * half[2], one[0], h * one[1], h * one[2], 4.0 * h * one[3]


def phi_functions(z: jax.Array) -> Phi:
    """e^z, phi_1, phi_2 and phi_3 of real or complex numbers; a series up to |z| = 1, so that nothing cancels."""
    near = jnp.abs(lax.stop_gradient(z)) <= 1.0
    # Where a formula is not used it must yet be finite, or derivatives would not be.
    small, large = jnp.where(near, z, 0.0), jnp.where(near, 1.0, z)
    third = jnp.full_like(small, 1.0 / math.factorial(TERMS + 2))
    for k in range(TERMS + 1, 2, -1):
        third = third * small + 1.0 / math.factorial(k)
    second = third * small + 0.5
    first = second * small + 1.0
    series = (first * small + 1.0, first, second, third)
    direct = [jnp.exp(large)]
    for constant in (1.0, 1.0, 0.5):
        direct.append((direct[-1] - constant) / large)
    return tuple(jnp.where(near, *pair) for pair in zip(series, direct, strict=True))  # pyright: ignore[reportReturnType]


def doubled(phi: Phi) -> Phi:
    """The phi functions of 2 z from those of z; no differences, so nothing is lost."""
    whole, first, second, third = phi
    return (
        whole * whole,
        0.5 * first * (whole + 1.0),
        0.25 * first * first + 0.5 * second,
        0.125 * (first * second + second) + 0.25 * third,
    )


def _middles(samples: jax.Array) -> jax.Array:
    """Values halfway between samples, on the cubic through four of them, or on what fewer allow."""
    count = min(4, samples.shape[0])
    signs = [(-1.0) ** k * math.comb(count, k + 1) for k in range(count)]
    before = sum((sign * samples[k] for k, sign in enumerate(signs)), jnp.zeros_like(samples[0]))
    after = sum((sign * samples[-1 - k] for k, sign in enumerate(signs)), jnp.zeros_like(samples[0]))
    whole = jnp.concatenate([before[None], samples, after[None]])
    return (9.0 * (whole[1:-2] + whole[2:-1]) - (whole[:-3] + whole[3:])) / 16.0
