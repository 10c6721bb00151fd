"""Checkpoints of an optimisation: the whole state of a run in one results file, and its exact return.

The file is written aside, synced and renamed (`photonics_core.store`), so that a kill at any time leaves the last whole
one. Every leaf of the state is an array with its path beside it; nothing is pickled. The structure comes from a fresh
state of the same problem, and a file of another problem is refused with what differs.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.optimum import paths
from photonics_core.store import StoreError, Variable, load, save

FORMAT = "photonics_core optimisation checkpoint 1"
#: Differences that one message names.
NAMED = 4
#: Longer lists are compared number by number.
FEW = 4


def save_run(path: str | os.PathLike[str], state: Any, rows: np.ndarray, problem: Mapping[str, Any]) -> None:
    """Write the state of a run, its history and what tells its problem from others.

    Args:
        path: where to; an earlier checkpoint is replaced at the very end.
        state: a pytree of arrays.
        rows: the history, an array.
        problem: facts that JSON can hold.

    Raises:
        StoreError: if something cannot be stored, or the file cannot be written.
    """
    leaves = [np.asarray(_data(leaf)) for leaf in jax.tree.leaves(state)]
    named = zip(paths(state), leaves, strict=True)
    content = {f"state/{k:04d}": Variable(leaf, long_name=place) for k, (place, leaf) in enumerate(named)}
    content["rows"] = Variable(rows, long_name="history")
    save(path, content, attributes={"checkpoint": FORMAT}, inputs=problem)


def load_run(path: str | os.PathLike[str], fresh: Any, problem: Mapping[str, Any]) -> tuple[Any, np.ndarray] | None:
    """The state and history of a checkpoint, or None if there is no file yet.

    Args:
        path: the checkpoint.
        fresh: a state of the same problem, which says what is where.
        problem: the facts of the problem as it is now.

    Raises:
        StoreError: if the file is damaged, no checkpoint, or of another problem; the message says what differs.
    """
    path = Path(path)
    if not path.exists():
        return None
    found = load(path)
    if found.attributes.get("checkpoint") != FORMAT:
        written = found.attributes.get("checkpoint", "no checkpoint at all")
        raise StoreError(f"{path}: is not a checkpoint of this version: {written!r}, not {FORMAT!r}")
    _check_same(path, found.inputs, json.loads(json.dumps(problem)))
    stored = {name: found[name] for name in sorted(found.variables)}
    leaves = [each for name, each in stored.items() if name.startswith("state/")]
    return _restored(path, leaves, fresh), stored["rows"].values


def _restored(path: Path, stored: list[Variable], fresh: Any) -> Any:
    old, structure = jax.tree.flatten(fresh)
    places = paths(fresh)
    if [each.long_name for each in stored] != places:
        other = sorted({each.long_name for each in stored} ^ set(places))[:NAMED]
        raise StoreError(f"{path}: is of another problem: its state has other parts, such as {', '.join(other)}")
    new = []
    for place, leaf, each in zip(places, old, stored, strict=True):
        data = np.asarray(_data(leaf))
        if (data.shape, data.dtype) != (each.values.shape, each.values.dtype):
            there, here = (f"{x.dtype} of shape {x.shape}" for x in (each.values, data))
            raise StoreError(f"{path}: is of another problem: {place} is {there} there and {here} here")
        array = jnp.asarray(each.values)
        new.append(jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else array)
    return structure.unflatten(new)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(leaf: Any) -> Any:
    """The numbers of a leaf; random keys hide theirs."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _check_same(path: Path, there: Any, here: Any) -> None:
    found = list(_differences("", there, here))
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise StoreError(f"{path}: is of another problem: {'; '.join(found[:NAMED])}{more}")


def _differences(name: str, there: Any, here: Any) -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(set(there) | set(here)):
            yield from _differences(f"{name} {key}".strip(), there.get(key), here.get(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here) > FEW:
        for k, pair in enumerate(zip(there, here, strict=True)):
            yield from _differences(f"{name}[{k}]", *pair)
    elif there != here:
        yield f"{name} = {_short(there)} there and {_short(here)} here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
