"""Temperatures around a ring as plain functions of time and place, for drift, tuning and locks.

Times are in ps (1 s is 1e12), lengths in um, temperatures in K, power in mW. What chips nearby do is either a rise that
decays with distance, a crude picture with one length, or, from a heat solver, a matrix of K per mW (`neighbour_rise`).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive, check_range
from photonics_core.runtime import as_leaf

#: 0 and 85 degrees Celsius in K.
COMMERCIAL = (273.15, 358.15)
#: A ramp of 1 K/s in K/ps.
KELVIN_PER_SECOND = 1e-12


def ramp(time: Any, start: Any, end: Any, duration: Any, begin: Any = 0.0) -> jax.Array:
    """Temperature in K that goes from `start` to `end` in a straight line and stays there.

    Args:
        time: in ps, any shape.
        start, end: temperatures in K.
        duration: how long it takes in ps.
        begin: when it begins in ps.
    """
    check_positive("duration", duration, "ps")
    _check_temperatures(start=start, end=end)
    passed = (_floating("time", time) - _floating("begin", begin)) / _floating("duration", duration)
    return _floating("start", start) + (_floating("end", end) - start) * jnp.clip(passed, 0.0, 1.0)


def cycle(time: Any, low: Any, high: Any, period: Any) -> jax.Array:
    """Temperature in K that goes from `low` to `high` and back as a cosine of this period in ps; `low` at time 0."""
    check_positive("period", period, "ps")
    _check_temperatures(low=low, high=high)
    turn = 2.0 * jnp.pi * _floating("time", time) / _floating("period", period)
    return _floating("low", low) + 0.5 * (_floating("high", high) - low) * (1.0 - jnp.cos(turn))


def hot_spot_rise(x: Any, y: Any, center: tuple[Any, Any], peak: Any, decay_length: Any) -> jax.Array:
    """Rise in K beside a hot spot, peak exp(-distance / decay_length).

    One length cannot be right near the spot and far from it; take it from a heat solver or a measurement at the
    distances that matter.

    Args:
        x, y: places in um, which broadcast.
        center: place of the spot in um.
        peak: rise at the spot in K.
        decay_length: in um.
    """
    check_positive("decay_length", decay_length, "um")
    check_finite("peak", peak, "K")
    for value in center:
        check_finite("center", value, "um")
    across, along = _floating("x", x) - center[0], _floating("y", y) - center[1]
    square = across**2 + along**2
    # At the spot itself the derivative has no direction; it is 0 there by convention.
    distance = jnp.where(square == 0.0, 0.0, jnp.sqrt(jnp.where(square == 0.0, 1.0, square)))
    return _floating("peak", peak) * jnp.exp(-distance / _floating("decay_length", decay_length))


def neighbour_rise(coupling: Any, power: Any) -> jax.Array:
    """Rises in K at P places by the heat of S sources.

    Args:
        coupling: K/mW, shape [P, S].
        power: heat in mW, shape [..., S].

    Returns:
        Rises, shape [..., P].

    Raises:
        ValueError: for shapes that do not go together, or heat below zero.
    """
    coupling, power = as_leaf(coupling), as_leaf(power)
    if np.ndim(coupling) != 2 or np.ndim(power) < 1 or np.shape(coupling)[1] != np.shape(power)[-1]:
        raise ValueError(
            f"coupling and power of shapes {np.shape(coupling)} and {np.shape(power)} are not [P, S], [..., S]"
        )
    check_range("power", power, 0.0, np.inf, "mW")
    # GPUs multiply float32 matrices with ten bits unless asked for more.
    return jnp.matmul(_floating("power", power), _floating("coupling", coupling).T, precision="highest")


def _check_temperatures(**temperatures: Any) -> None:
    for name, value in temperatures.items():
        check_positive(name, value, "K")


def _floating(name: str, value: Any) -> jax.Array:
    check_finite(name, value)
    return jnp.asarray(value, jnp.result_type(float))
