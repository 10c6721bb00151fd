"""Batches of devices: one device object whose leaves have a leading axis."""

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Device = TypeVar("Device")


def stack(devices: Sequence[Device], name: str = "devices") -> Device:
    """Put devices of one structure into a batch: the same object, each leaf with a leading axis.

    Host numbers stay on the host in float64.

    Raises:
        ValueError: if there are none, or their structures differ (kinds, static fields).
    """
    if not devices:
        raise ValueError(f"{name} is empty")
    structures = [jax.tree.structure(device) for device in devices]
    for position, structure in enumerate(structures):
        if structure != structures[0]:
            raise ValueError(f"{name}[{position}] is not of the same structure as {name}[0]")
    return jax.tree.map(_stack_leaves, *devices)


def batch_size(batch: Any) -> int:
    """Length of the leading axis of a batch of devices.

    Raises:
        ValueError: if the leaves have no common leading axis.
    """
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(batch)}
    if len(sizes) != 1 or sizes == {()}:
        raise ValueError(f"{type(batch).__name__} is not a batch: its leaves have the leading axes {sorted(sizes)}")
    return sizes.pop()[0]


def unstack(batch: Device) -> list[Device]:
    """The devices of a batch, one by one."""
    return [jax.tree.map(lambda leaf, i=i: leaf[i], batch) for i in range(batch_size(batch))]


def _stack_leaves(*leaves: Any) -> Any:
    if any(isinstance(leaf, jax.Array) for leaf in leaves):
        return jnp.stack([jnp.asarray(leaf) for leaf in leaves])
    return np.stack(leaves)
