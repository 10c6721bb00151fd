"""Media by what a user has at hand: numbers, a material or a function of wavelength, for films, fibres and sections.

`as_medium` takes any of them once, when a device is made; `index_at` gives the index at a wavelength. What shapes
and signs of an index make sense is for each device to check.
"""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, check_range, is_concrete
from photonics_core.materials import Material
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE


class IndexFunction(eqx.Module):
    """An index given as a function of wavelength (um), or of wavelength and temperature (K)."""

    function: Callable[..., Any] = eqx.field(static=True)


class Raised(eqx.Module):
    """An index above that of a material by a given relative difference, n1 = n / sqrt(1 - 2 delta), at all wavelengths.

    Args:
        material: the `Material` below.
        delta: relative difference (n1^2 - n^2) / (2 n1^2), within (0, 0.5).

    Raises:
        ValueError: for a difference outside its range.
    """

    material: Material
    delta: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_range("delta", self.delta, 0.0, 0.5, exclusive=True)

    def __call__(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Index at wavelength `wl` in um and `temperature` in K."""
        n = self.material.index(wl, temperature)
        return n / jnp.sqrt(1.0 - 2.0 * jnp.asarray(self.delta, n.dtype))


def as_medium(name: str, value: Any) -> Any:
    """A medium from numbers, a `Material`, a module that can be called, or a function of wavelength.

    Args:
        name: what errors call it.
        value: real or complex numbers, which become an array leaf; a `Material`; a function of the wavelength in um, or
            of that and the temperature in K, which is static; or an `equinox.Module` called likewise, whose arrays stay
            leaves.

    Returns:
        The array, the `Material`, the module, or an `IndexFunction`.

    Raises:
        ValueError: if it is none of these, or not finite.
    """
    if isinstance(value, Material | IndexFunction):
        return value
    if callable(value):
        return value if isinstance(value, eqx.Module) else IndexFunction(value)
    leaf = np.asarray(value) if isinstance(value, complex) else as_leaf(value)
    check_index(name, leaf)
    return leaf


def index_at(medium: Any, wl: Any, temperature: Any = None) -> Any:
    """Index of a medium of `as_medium`, as it comes: numbers stay what they are, on the host in float64.

    Args:
        medium: the medium.
        wl: free-space wavelength in um, of any shape.
        temperature: temperature in K; None where the device knows none, for the reference temperature, or that which a
            function has by default.

    Returns:
        Real or complex index; of a material of the shape of `wl`.
    """
    if isinstance(medium, Material):
        return medium.index(wl, REFERENCE_TEMPERATURE if temperature is None else temperature)
    if not callable(medium) and not isinstance(medium, IndexFunction):
        return medium
    function = medium.function if isinstance(medium, IndexFunction) else medium
    least, most = _positional(function)
    if least > 1 or (most > 1 and temperature is not None):
        return function(wl, REFERENCE_TEMPERATURE if temperature is None else temperature)
    return function(wl)


def medium_index(medium: Any, wl: Any, temperature: Any) -> jax.Array:
    """Index along x, y and z, shape [3], of a medium of a section at one wavelength (um) and temperature (K)."""
    return jnp.broadcast_to(jnp.asarray(index_at(medium, wl, temperature)), (3,))


def media_key(**media: Any) -> dict[str, Any]:
    """What tells media given as numbers or materials from others, by name, as JSON can hold it.

    Raises:
        ValueError: for a medium that is a function, or traced.
    """
    key: dict[str, Any] = {}
    for name, value in media.items():
        medium = as_medium(name, value)
        if isinstance(medium, Material):
            key[name] = [repr(medium), *_samples(medium)]
        elif isinstance(medium, np.ndarray):
            key[name] = [str(number) for number in np.ravel(medium)]
        else:
            raise ValueError(f"{name} is a function, which the cache cannot tell from another; leave out cache")
    return key


def _samples(material: Material) -> list[str]:
    """Indices over the material's ranges to the last digit: a formula's name does not tell what it computes."""
    wl, temperature = (np.linspace(*limits, 5) for limits in (material.wl_range, material.temperature_range))
    return [f"{float(material.index(w, t)):.17g}" for w in wl for t in temperature]


def check_index(name: str, value: Any) -> None:
    """Raise a `ValueError` that names the medium unless `value` is one or more finite numbers, as far as is known."""
    try:
        known = eqx.is_array_like(value) and np.dtype(jnp.result_type(value)).kind in "iufc"
    except TypeError:  # an array of strings
        known = False
    if not known:
        raise ValueError(f"{name} = {value!r} is not a number, a Material or a function of the wavelength")
    if is_concrete(value):
        check_finite(f"real part of {name}", np.real(value))
        check_finite(f"imaginary part of {name}", np.imag(value))


def _positional(function: Callable[..., Any]) -> tuple[int, int]:
    """Fewest and most arguments that a function takes by position."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some functions written in C tell nothing
        return 1, 1
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.default is p.empty for p in positional), len(positional)
