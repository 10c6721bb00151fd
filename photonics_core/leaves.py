"""Leaves of a pytree that a compiled program is given: which are data, as what they go in, what tells them apart."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_number(leaf: Any) -> bool:
    """Whether a leaf is data; text and functions are part of what the program is."""
    if isinstance(leaf, bool | int | float | complex | jax.Array | np.generic):
        return not isinstance(leaf, np.generic) or leaf.dtype.kind in "biufc"
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufc"


def is_key(leaf: Any) -> bool:
    """Whether a leaf is an array of random keys."""
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def leaf_array(leaf: Any) -> np.ndarray | jax.Array:
    """A leaf as an array in the precision of the process, on the host where it was there."""
    if isinstance(leaf, jax.Array):
        return leaf
    values = np.asarray(leaf)
    return values.astype(jax.dtypes.canonicalize_dtype(values.dtype))


def digest_of_leaf(leaf: Any) -> Any:
    """A leaf as JSON holds it: a number itself, an array by its digest, all else by its text."""
    if not is_number(leaf):
        # Never the text of an object, which may hold its address.
        return leaf if isinstance(leaf, str) else getattr(leaf, "__qualname__", type(leaf).__qualname__)
    values = np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
    if not values.shape and values.dtype.kind in "biuf":
        return values.item()
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:32]
    return {"shape": list(values.shape), "dtype": values.dtype.name, "digest": digest}
