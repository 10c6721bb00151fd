"""Limits that hold for plain numbers and for traced ones: an error at once, or one when the compiled function runs."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_range, is_concrete


def within(name: str, value: Any, low: Any, high: Any, unit: str = "", *, slack: float = 0.0) -> jax.Array:
    """A value as a floating array, once it is known to lie within limits but for rounding.

    Args:
        name: name of the value.
        value: a number or an array.
        low, high: limits, which belong to the range; one of them may be infinite.
        unit: unit of the value.
        slack: by how much of the larger limit a value may be outside, at least some roundings of its type.

    Raises:
        ValueError: for a plain value outside.
        equinox.EquinoxRuntimeError: for a traced one, when the compiled function runs.
    """
    rounding = max(slack, 8.0 * float(jnp.finfo(jnp.result_type(float)).eps))
    if is_concrete(low, high):
        limits = f"[{low:g}, {high:g}] {unit}".rstrip()
        room = rounding * max(abs(float(each)) for each in (low, high) if np.isfinite(each))
        check_range(name, value, float(low) - room, float(high) + room, unit)
    else:
        limits, room = "its range", rounding * jnp.maximum(jnp.abs(low), jnp.abs(high))
    floating = jnp.asarray(value).astype(jnp.result_type(float))
    if is_concrete(value, low, high):
        return floating
    outside = ~((floating >= low - room) & (floating <= high + room))
    return eqx.error_if(floating, outside, f"{name} is outside {limits}")


def check_number(name: str, value: Any) -> None:
    """Raise a `ValueError` unless a parameter of a device is one number, plain or traced, rather than an array.

    Within `jax.vmap` the parameters of a batch made by `stack` are single numbers.
    """
    if np.shape(value) != ():
        raise ValueError(
            f"{name} of shape {np.shape(value)} is not a number; for many values use jax.vmap over a function that "
            "builds the device, or over a batch of devices made by photonics_core.stack"
        )


def check_numbers(device: Any, *names: str) -> None:
    """The same for parameters of a device by name, as it is built, and as it is used, when it may have been stacked."""
    for name in names:
        check_number(name, getattr(device, name))
