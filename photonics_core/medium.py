"""Media by what a user has at hand: a number, three numbers along the axes, a material or a function of wavelength."""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, is_concrete
from photonics_core.materials import Material
from photonics_core.runtime import as_leaf


class IndexFunction(eqx.Module):
    """An index given as a function of wavelength (um), or of wavelength and temperature (K)."""

    function: Callable[..., Any] = eqx.field(static=True)

    def index(self, wl: Any, temperature: Any) -> Any:
        """Index at `wl` and `temperature`."""
        takes = len(inspect.signature(self.function).parameters)
        return self.function(wl, temperature) if takes > 1 else self.function(wl)


def as_medium(name: str, value: Any) -> Any:
    """A medium from a number, three numbers (along x, y and z), a `Material`, or a function.

    Raises:
        ValueError: if it is none of these, or not finite, or an index of zero; the message names the medium.
    """
    if isinstance(value, Material | IndexFunction):
        return value
    if callable(value) and not isinstance(value, jax.Array):
        return IndexFunction(value)
    leaf = np.asarray(value) if isinstance(value, complex) else as_leaf(value)
    if not eqx.is_array_like(leaf) or np.shape(leaf) not in ((), (3,)):
        raise ValueError(f"{name} = {value!r} is no index: a number, three of them, a Material or a function of wl")
    if is_concrete(leaf):
        check_finite(f"real part of {name}", np.real(leaf))
        check_finite(f"imaginary part of {name}", np.imag(leaf))
        if np.any(np.asarray(leaf) == 0):
            raise ValueError(f"{name} = {value!r} is an index of zero")
    return leaf


def medium_index(medium: Any, wl: Any, temperature: Any) -> jax.Array:
    """Index along x, y and z, shape [3], of a medium at one wavelength (um) and temperature (K)."""
    value = medium.index(wl, temperature) if isinstance(medium, Material | IndexFunction) else medium
    return jnp.broadcast_to(jnp.asarray(value), (3,))
