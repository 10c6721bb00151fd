"""Input checks, so that every error of the package speaks with one voice.

A check looks only at values that are there: a traced value (inside `jit`, `grad` or `vmap`) passes,
because its number is not known yet. Everything is checked on the host, before anything is compiled.
"""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

#: Wavelengths in um, and temperatures in K, at which anything here works. Nanometres given for micrometres and degrees
#: Celsius for kelvin are outside.
WAVELENGTHS, TEMPERATURES = (0.2, 20.0), (150.0, 1000.0)


def is_concrete(*values: Any) -> bool:
    """Say whether all values have numbers that the host can read (none is traced)."""
    return not any(isinstance(value, Tracer) for value in values)


def check_range(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    unit: str = "",
    *,
    exclusive: bool = False,
) -> None:
    """Raise a `ValueError` unless every element of `value` is a real number within [low, high].

    With `exclusive` the bounds themselves are outside. Infinite bounds admit finite values only.
    """
    if not is_concrete(value):
        return
    array = np.asarray(value)
    if array.dtype.kind in "cOSU":
        raise ValueError(f"{name} = {value!r} is not a real number")
    array = array.astype(np.float64)
    inside = (array > low) & (array < high) if exclusive else (array >= low) & (array <= high)
    wrong = np.ravel(array[~(inside & np.isfinite(array))])
    if wrong.size:
        raise ValueError(f"{name} = {wrong[0]:.6g}{_spaced(unit)} is outside {_interval(low, high, exclusive)}")


def check_wavelength(name: str, wl: Any) -> None:
    """Raise a `ValueError` unless every element of `wl` is within `WAVELENGTHS`."""
    check_range(name, wl, *WAVELENGTHS, "um")


def check_temperature(name: str, temperature: Any) -> None:
    """Raise a `ValueError` unless every element of `temperature` is within `TEMPERATURES`."""
    check_range(name, temperature, *TEMPERATURES, "K")


def check_shapes(**values: Any) -> None:
    """Raise a `ValueError` unless the shapes of all values, given by name, broadcast; traced values have shapes too."""
    shapes = {name: np.shape(value) for name, value in values.items() if np.ndim(value)}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = " and ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{listed} do not go together; add axes of length 1, or use jax.vmap") from None


def check_positive(name: str, value: Any, unit: str = "") -> None:
    """Raise a `ValueError` unless every element of `value` is finite and above zero."""
    check_range(name, value, 0.0, np.inf, unit, exclusive=True)


def check_finite(name: str, value: Any, unit: str = "") -> None:
    """Raise a `ValueError` unless every element of `value` is finite."""
    check_range(name, value, unit=unit)


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Raise a `ValueError` unless `value` is one of `choices`."""
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{name} = {value!r} is not one of {', '.join(repr(c) for c in choices)}")


def check_kind(name: str, value: Any, *kinds: type) -> None:
    """Raise a `ValueError` unless `value` is an instance of one of `kinds`."""
    if not isinstance(value, kinds):
        # The text of a device is long; its kind is what matters.
        given = repr(value) if isinstance(value, str | int | float | complex | None) else f"{type(value).__name__}(...)"
        raise ValueError(f"{name} = {given} is not of the kind {' or '.join(kind.__name__ for kind in kinds)}")


def as_inexact(name: str, values: Any) -> jax.Array:
    """Real or complex numbers as an array, whole ones as floats; a `ValueError` unless all are finite."""
    values = jnp.asarray(values)
    if not jnp.issubdtype(values.dtype, jnp.inexact):
        values = values.astype(float)
    if is_concrete(values):
        for part in (np.real, np.imag):
            check_finite(name, part(np.asarray(values)))
    return values


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""


def _interval(low: float, high: float, exclusive: bool) -> str:
    if low == -np.inf and high == np.inf:
        return "the finite numbers"
    left = "(" if exclusive or low == -np.inf else "["
    right = ")" if exclusive or high == np.inf else "]"
    return f"{left}{low:g}, {high:g}{right}"
