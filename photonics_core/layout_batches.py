"""The same function of many parts of a layout: one by one on the host, and together where numbers are traced.

A program of JAX that holds the same operations once for each route takes long to compile; parts of one structure are
put in one batch instead.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import is_concrete


def of_each(function: Callable[[Any], Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """`function` of each part by name, where parts are pytrees of numbers.

    Args:
        function: of one part; gives a pytree of arrays.
        parts: by name.
    """
    if is_concrete(*jax.tree.leaves(dict(parts))):
        return {name: function(part) for name, part in parts.items()}
    groups: dict[Any, list[str]] = {}
    for name, part in parts.items():
        leaves, structure = jax.tree.flatten(part)
        groups.setdefault((structure, tuple(map(np.shape, leaves))), []).append(name)
    found: dict[str, Any] = {}
    for names in groups.values():
        batch = jax.tree.map(lambda *leaves: _stacked(leaves), *(parts[name] for name in names))
        results = jax.vmap(function)(batch)
        found |= {name: jax.tree.map(lambda leaf, k=k: leaf[k], results) for k, name in enumerate(names)}
    return {name: found[name] for name in parts}


def _stacked(leaves: tuple[Any, ...]) -> Any:
    """Numbers of the host stay there."""
    if is_concrete(*leaves) and not any(isinstance(leaf, jax.Array) for leaf in leaves):
        return np.stack(leaves)
    return jnp.stack([jnp.asarray(leaf, jnp.result_type(float)) for leaf in leaves])
