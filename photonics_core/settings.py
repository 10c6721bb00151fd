"""Settings of a component taken apart: numbers that may be traced and put in batches, and choices that are fixed.

Instances whose choices are equal are evaluated as one batch with the choices of the first, so two choices count as
equal only where nothing can tell them apart: arrays by content, other objects by their own equality. What cannot be
compared is taken for different, which costs a batch and never a value.
"""

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import is_concrete
from photonics_core.netlist import NetlistError
from photonics_core.runtime import as_leaf


@dataclasses.dataclass(frozen=True)
class Setup:
    """What an instance hands to its model.

    Args:
        numbers: arrays, or pytrees of arrays, by name.
        choices: everything else by name. A setting that is a pytree of both, as a device, is in both.
    """

    numbers: dict[str, Any]
    choices: dict[str, Any]

    def values(self) -> dict[str, Any]:
        """The settings as they were given, by name."""
        shared = self.numbers.keys() & self.choices.keys()
        whole = {name: eqx.combine(self.numbers[name], self.choices[name]) for name in shared}
        return self.choices | self.numbers | whole

    def key(self) -> Hashable:
        """Setups of equal keys can be put in one batch."""
        leaves, tree = jax.tree.flatten(self.numbers)
        # A complex number beside real ones would make them all complex.
        numbers = tuple((np.shape(leaf), jnp.issubdtype(leaf.dtype, jnp.complexfloating)) for leaf in leaves)
        choices = tuple((name, content_key(self.choices[name])) for name in sorted(self.choices))
        return _Compared(tree), numbers, choices


def split(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Setup:
    """Numbers and choices. An integer is a number where the default is not an integer, and a choice elsewhere.

    Raises:
        NetlistError: for a value that is no single number where the default is one.
    """
    numbers, choices = {}, {}
    for name, value in values.items():
        check_single(name, value, defaults.get(name))
        if _is_parameter(value, defaults.get(name)):
            numbers[name] = as_leaf(value)
            continue
        arrays, choices[name] = _partitioned(value)
        if jax.tree.leaves(arrays):
            numbers[name] = arrays
    return Setup(numbers, choices)


def check_single(name: str, value: Any, default: Any) -> None:
    """Refuse an array, text or truth value where the default is a single number.

    Raises:
        NetlistError: naming the setting and its value.
    """
    if isinstance(default, bool | np.bool_ | str) or not (
        isinstance(default, int | float | complex) or (eqx.is_array_like(default) and np.ndim(default) == 0)
    ):
        return
    if isinstance(value, bool | np.bool_ | str | bytes):
        raise NetlistError(f"{name} = {value!r} is no number")
    if isinstance(value, list | tuple) or getattr(value, "shape", ()) != ():
        given = np.array2string(value, threshold=6) if isinstance(value, np.ndarray) else repr(value)
        raise NetlistError(f"{name} = {given} is not a single number")


def is_number(leaf: Any) -> bool:
    """Whether a leaf is an array of real or complex numbers, which may be traced and has derivatives."""
    return hasattr(leaf, "dtype") and np.issubdtype(leaf.dtype, np.inexact)


def content_key(value: Any) -> Hashable:
    """Hashable; equal for values that nothing can tell apart."""
    try:
        leaves, tree = jax.tree.flatten(value)
    except (TypeError, ValueError):  # names of several kinds in one dict have no order
        return _Compared(value)
    return _Compared(tree), tuple(_leaf_key(leaf) for leaf in leaves)


@dataclasses.dataclass(frozen=True, eq=False)
class _Compared:
    """An object of any kind, compared by identity and then by its own equality; different where that fails."""

    value: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Compared):
            return False
        one, two = self.value, other.value
        if one is two:
            return True
        if type(one) is not type(two) or not is_concrete(one, two):
            return False
        try:
            return (one == two) is True
        except Exception:
            return False

    def __hash__(self) -> int:
        try:
            return hash(self.value)
        except Exception:
            return hash(type(self.value))


def _leaf_key(leaf: Any) -> Hashable:
    if isinstance(leaf, float | complex) and not isinstance(leaf, np.generic):
        # By text, for 0.0 and -0.0 are equal and not the same.
        return type(leaf), repr(leaf)
    if isinstance(leaf, jax.Array) and is_concrete(leaf) and not jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
        return "jax", leaf.weak_type, *_content(np.asarray(leaf))
    if (type(leaf) is np.ndarray or isinstance(leaf, np.generic)) and not leaf.dtype.hasobject:
        return type(leaf), *_content(np.asarray(leaf))
    return _Compared(leaf)


def _content(array: np.ndarray) -> tuple[Hashable, ...]:
    return array.shape, array.dtype, array.tobytes()


def _partitioned(value: Any) -> tuple[Any, Any]:
    try:
        return eqx.partition(value, is_number)
    except (TypeError, ValueError):  # a dict that has no order is no pytree
        return None, value


def _is_parameter(value: Any, default: Any) -> bool:
    if isinstance(value, bool) or isinstance(default, bool | str):
        return False
    if isinstance(value, int | np.integer):
        return isinstance(default, float | complex | np.inexact | np.ndarray | jax.Array)
    try:
        return is_number(as_leaf(value))
    except ValueError:  # lists of different lengths
        return False
