"""Wavelengths at which a path holds a whole number of turns, with exact derivatives."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.checks import is_concrete
from photonics_core.runtime import as_leaf

_NEWTON_STEPS = 8


def resonant_wavelength(turns: Callable[[Any], jax.Array], guess: Any, order: Any) -> jax.Array:
    """Wavelength at which `turns` equals `order`, by Newton's method.

    Args:
        turns: smooth function of the wavelength in um, elementwise, monotonic (see `IndexModel.turns`).
        guess: wavelength in um to start from, within a few free spectral ranges.
        order: whole numbers, of the shape of `guess`; constants, they have no derivative.

    Returns:
        Wavelengths in um. The derivative is that of the implicit function, to second order too.
    """
    order = lax.stop_gradient(order)

    def newton(wl: jax.Array) -> jax.Array:
        value, slope = jax.jvp(lambda x: turns(x) - order, (wl,), (jnp.ones_like(wl),))
        return wl - value / slope

    root = lax.fori_loop(0, _NEWTON_STEPS, lambda _, wl: newton(wl), lax.stop_gradient(jnp.asarray(guess)))
    # At the root a Newton step moves nothing, but it carries the derivative: each adds one order.
    return newton(newton(lax.stop_gradient(root)))


def nearest_resonance(turns: Callable[[Any], jax.Array], wl: Any) -> jax.Array:
    """Resonant wavelength in um nearest in phase to `wl` in um."""
    wl = as_leaf(wl)
    return resonant_wavelength(turns, wl, jnp.round(turns(wl)))


def resonance_below(turns: Callable[[Any], jax.Array], wl: Any) -> jax.Array:
    """Longest resonant wavelength in um that is not above `wl` in um.

    This is the resonance that a heater, which can only move it to longer wavelengths, brings to `wl` with the least
    power. As a function of `wl` it jumps by a free spectral range where `wl` crosses a resonance.
    """
    wl = as_leaf(wl)
    return resonant_wavelength(turns, wl, next_order(turns(wl)))


def next_order(turns: jax.Array) -> jax.Array:
    """Least whole number not below `turns`, give or take rounding: a path exactly in resonance stays at its order."""
    rounding = 1e-9 if turns.dtype == jnp.float64 else 1e-4
    return lax.stop_gradient(jnp.ceil(turns - rounding))


def resonances_around(turns: Callable[[Any], jax.Array], wl: Any, count: int) -> jax.Array:
    """The `count` successive resonant wavelengths in um, ascending, centred on the one nearest to `wl`.

    With an even count the additional one lies above.
    """
    wl = as_leaf(wl)
    start = turns(wl)
    steps = (count - 1) // 2 - jnp.arange(count)
    slope = jax.jvp(turns, (jnp.asarray(wl),), (jnp.ones_like(wl),))[1]
    orders = jnp.round(start) + steps.astype(start.dtype)
    guesses = lax.stop_gradient(jnp.asarray(wl) + (orders - start) / slope)
    return resonant_wavelength(turns, guesses, orders)


def thermal_shift(turns: Callable[[Any, Any], jax.Array], wl: Any, temperature: Any) -> jax.Array:
    """Drift d(wl)/d(temperature) in um/K of a resonance at `wl` in um and `temperature` in K.

    Args:
        turns: function of wavelength in um and temperature in K.
        wl: wavelength in um, at a resonance.
        temperature: temperature in K, broadcast with `wl`.
    """
    wl = jnp.asarray(as_leaf(wl))
    wl, temperature = jnp.broadcast_arrays(wl, jnp.asarray(temperature, wl.dtype))
    if is_concrete(wl, temperature):
        turns(wl, temperature)  # numbers that are out of range are seen here; derivatives go by traced ones
    tangents = jnp.ones_like(wl), jnp.zeros_like(wl)
    by_wl = jax.jvp(turns, (wl, temperature), tangents)[1]
    by_temperature = jax.jvp(turns, (wl, temperature), tangents[::-1])[1]
    return -by_temperature / by_wl
