"""Checkpoints by themselves: what is stored comes back, and what is not the same problem is refused."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.optimize_checkpoint import load_run, save_run
from photonics_core.store import StoreError, save


class Memory(NamedTuple):
    steps: jax.Array
    key: jax.Array
    old_key: jax.Array
    begun: jax.Array
    empty: jax.Array
    nothing: None = None


PROBLEM = {"lower": {".radius": [1.0, 2.0]}, "optimizer": "adam", "steps": None, "patience": None}
ROWS = np.asarray([[1.0, np.inf], [np.pi, np.nan]])


def state(seed=3, size=4):
    random = np.random.default_rng(seed)
    keys = jax.random.key(seed), jax.random.PRNGKey(seed + 1)
    steps = jnp.asarray(random.normal(size=(size, 2)) * 1e-300)
    return {"a/b": Memory(steps, *keys, jnp.asarray(True), jnp.zeros((0, 3))), "count": jnp.asarray(7, jnp.int32)}


def bits(tree):
    data = lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x  # noqa: E731
    return [np.asarray(data(leaf)).tobytes() for leaf in jax.tree.leaves(tree)]


def test_all_bits_come_back(tmp_path):
    path = tmp_path / "run.h5"
    assert load_run(path, state(), PROBLEM) is None
    save_run(path, state(), ROWS, PROBLEM)
    found, rows = load_run(path, state(seed=9), PROBLEM)
    assert jax.tree.structure(found) == jax.tree.structure(state())
    assert bits(found) == bits(state()) != bits(state(seed=9))
    assert rows.tobytes() == ROWS.tobytes()
    # A key is a key again, and draws what it would have drawn.
    assert jax.random.bits(found["a/b"].key) == jax.random.bits(jax.random.key(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "sgd"}, r'of another problem: optimizer = "adam" there and "sgd" here'),
        ({"lower": {".radius": [1.0, 2.5]}}, r"lower .radius = \[1.0, 2.0\] there and \[1.0, 2.5\] here"),
        ({"lower": {".gap": [1.0, 2.0]}}, r"lower .gap = null there and .* here; lower .radius"),
        ({"patience": 5}, "patience = null there and 5 here"),
    ],
)
def test_another_problem_is_refused_with_what_differs(tmp_path, change, message):
    save_run(tmp_path / "run.h5", state(), ROWS, PROBLEM)
    with pytest.raises(StoreError, match=message):
        load_run(tmp_path / "run.h5", state(), PROBLEM | change)


def test_another_state_is_refused(tmp_path):
    save_run(tmp_path / "run.h5", state(), ROWS, PROBLEM)
    with pytest.raises(StoreError, match=r"\['a/b'\].steps is float64 of shape \(4, 2\) there and .* \(5, 2\) here"):
        load_run(tmp_path / "run.h5", state(size=5), PROBLEM)
    with pytest.raises(StoreError, match=r"its state has other parts, such as \['a/b'\]"):
        load_run(tmp_path / "run.h5", {"count": state()["count"]}, PROBLEM)


def test_damage_and_other_files_are_refused(tmp_path):
    path = tmp_path / "run.h5"
    save_run(path, state(), ROWS, PROBLEM)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="truncated"):
        load_run(path, state(), PROBLEM)
    path.write_bytes(whole[:-200] + b"x" + whole[-199:])
    with pytest.raises(StoreError, match="damaged"):
        load_run(path, state(), PROBLEM)
    save(path, {"wl": [1.0]})
    with pytest.raises(StoreError, match="is not a checkpoint of this version: 'no checkpoint at all'"):
        load_run(path, state(), PROBLEM)
    save(path, {"wl": [1.0]}, attributes={"checkpoint": "photonics_core optimisation checkpoint 0"})
    with pytest.raises(StoreError, match="checkpoint 0', not 'photonics_core optimisation checkpoint 1'"):
        load_run(path, state(), PROBLEM)


def test_of_long_lists_the_numbers_that_differ_are_named(tmp_path):
    limits = [f"{k}" for k in range(50)]
    save_run(tmp_path / "run.h5", state(), ROWS, PROBLEM | {"limit": limits})
    with pytest.raises(StoreError, match=r'problem: limit\[41\] = "41" there and "7" here$'):
        load_run(tmp_path / "run.h5", state(), PROBLEM | {"limit": [*limits[:41], "7", *limits[42:]]})
