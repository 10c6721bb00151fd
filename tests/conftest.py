"""Every test runs in float64 with strict promotion: a silent broadcast or a silent cast is an error."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from photonics_core.compiled_programs import make_room
from photonics_core.runtime import set_lapack_threads
from photonics_core.validation import data
from photonics_core.validation.registry import Absent

#: Splitting a program for threads costs a sixth of the time where all cores are busy.
#: The older of XLA's two ways to compile loops takes two thirds of the time, and with optimisations off the newer one
#: can be wrong (not a number where the optimised program has the right derivative). Other versions may not know it.
QUICK_COMPILATION = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    if jaxlib.__version__.startswith("0.10.")
    else ""
)

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
set_lapack_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    """Most of the quick suite's time goes into compiling small programs once; the slow suite compiles as users do."""
    # Tracing makes millions of objects that stay: looking through all of them often costs a tenth of the time.
    gc.set_threshold(200_000, 50, 1000)
    if "not slow" in config.option.markexpr:
        jax.config.update("jax_disable_most_optimizations", True)
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICK_COMPILATION}".strip()


@pytest.fixture
def optimized():
    """Compile as users do, for what is asked of the last digit."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
    """Let go of compiled programs before a long run has more memory maps than Linux allows, where compilers crash."""
    yield
    make_room()


@pytest.fixture(scope="session")
def openebl() -> Path:
    """Folder of measured spectra. Set PHOTONICS_CORE_DATA to a folder that holds `openebl`."""
    try:
        return data.openebl("MANIFEST.csv")[0].parent
    except Absent as reason:
        pytest.skip(f"not here: {reason}")


@pytest.fixture
def float32():
    """Single precision with JAX's ordinary promotion, as a user has it who chose nothing. Build devices inside."""
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="session")
def assert_gradient() -> Callable[..., None]:
    """Compare the reverse-mode derivatives of a function of a pytree with extrapolated differences, leaf by leaf.

    The function gives one number, or several along one axis, which are then compared each by itself.
    """

    def check(function: Callable[[Any], jax.Array], tree: Any, rtol: float = 1e-6) -> None:
        start, rebuild = ravel_pytree(tree)
        scale = np.where(start == 0, 1.0, np.abs(start))

        def values(x: jax.Array) -> jax.Array:
            return jnp.atleast_1d(function(rebuild(x)))

        exact = jax.jit(jax.jacrev(values))(start)
        differences = _ridders_jacobian(jax.jit(jax.vmap(values)), np.asarray(start), scale)
        names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
        # Compared as the change for a relative change of the leaf, so that all leaves are of one size.
        for row, (mine, reference) in enumerate(zip(exact, differences.T, strict=True)):
            atol = 1e-10 * (1.0 + np.max(np.abs(reference * scale)))
            message = f"value {row}, leaves {', '.join(names)}"
            np.testing.assert_allclose(mine * scale, reference * scale, rtol=rtol, atol=atol, err_msg=message)

    return check


def _ridders_jacobian(function: Callable[[Any], Any], x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Central differences at halved steps, extrapolated to step zero (Ridders, Adv. Eng. Softw. 4, 75 (1982)).

    Of the whole table each element takes the entry that agrees best with its neighbours. Shape [leaf, value].
    """
    levels = 14
    steps = 0.05 * scale * 0.5 ** np.arange(levels)[:, None]
    offsets = steps[:, :, None] * np.eye(x.size)
    high, low = x + offsets, x - offsets
    values = np.asarray(function(np.concatenate([high, low]).reshape(-1, x.size)))
    values = values.reshape(2, levels, x.size, -1)
    width = np.diagonal(high - low, axis1=1, axis2=2)
    column = (values[0] - values[1]) / width[:, :, None]
    best, least = column[0], np.full(column[0].shape, np.inf)
    for order in range(1, levels):
        finer = column[1:] + (column[1:] - column[:-1]) / (4.0**order - 1.0)
        error = np.maximum(np.abs(finer - column[1:]), np.abs(finer - column[:-1]))
        row = np.argmin(error, axis=0)[None]
        entry, smallest = (np.take_along_axis(table, row, axis=0)[0] for table in (finer, error))
        best, least = np.where(smallest < least, entry, best), np.minimum(smallest, least)
        column = finer
    return best
