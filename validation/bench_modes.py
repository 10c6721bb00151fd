"""Benchmarks of the mode solver: both modes of a silicon wire, beside femwell and EMpy, and its own batch and gradient.

The difference of a row is that of the indices, so it says how much of it is whose error: 500 x 220 nm, n 3.476 / 1.444,
1550 nm has 2.44538 and 1.77026 (see `modes.py`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import CrossSection
from photonics_core.mode_solver import fundamental_mode
from photonics_core.runtime import map_points
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare
from photonics_core.validation.peer import Peer

WIRE = {"width": 0.5, "height": 0.22, "core": 3.476, "cladding": 1.444, "wl": 1.55}


def both_indices(parameters: jax.Array, accuracy: str) -> jax.Array:
    """Indices of TE and TM for width, height, core, cladding and wl."""
    width, height, core, cladding, wl = parameters
    section = CrossSection.strip(width, height, core, cladding)
    kinds = ("te", "tm")
    return jnp.stack([fundamental_mode(section, wl, polarization=k, accuracy=accuracy).n_eff for k in kinds])


def ours(accuracy: str) -> Callable[[], Any]:
    """Closure that gives both indices, shape [2]."""
    solve = jax.jit(lambda parameters: both_indices(parameters, accuracy))
    parameters = jnp.asarray(list(WIRE.values()), jnp.result_type(float))
    return lambda: jax.block_until_ready(solve(parameters))


def beside(task: str, accuracy: str, size: float) -> Prepare:
    """Both indices, beside a peer with elements of a size in um."""
    return lambda peers: (ours(accuracy), Peer(peers, task, {**WIRE, "size": size}))


def gradient(accuracy: str) -> Prepare:
    """The gradient of the TE index in all five parameters, beside the index alone."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        parameters = jnp.asarray(list(WIRE.values()), jnp.result_type(float))

        def index(parameters: jax.Array) -> jax.Array:
            width, height, core, cladding, wl = parameters
            return fundamental_mode(CrossSection.strip(width, height, core, cladding), wl, accuracy=accuracy).n_eff

        value, slope = jax.jit(index), jax.jit(jax.grad(index))
        return lambda: jax.block_until_ready(slope(parameters)), lambda: jax.block_until_ready(value(parameters))

    return prepare


def batch(accuracy: str, count: int) -> Prepare:
    """A batch of widths in one call, beside a compiled call for each."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        widths = jnp.asarray(np.linspace(0.4, 0.6, count), jnp.result_type(float))

        def index(width: jax.Array) -> jax.Array:
            return fundamental_mode(CrossSection.strip(width, 0.22, 3.476, 1.444), 1.55, accuracy=accuracy).n_eff

        together, alone = jax.jit(lambda widths: map_points(index, widths)), jax.jit(index)
        return (
            lambda: jax.block_until_ready(together(widths)),
            lambda: np.array([float(alone(width)) for width in widths]),
        )

    return prepare


BENCHMARKS = (
    Benchmark("modes.wire_1e-4", "femwell", beside("femwell_wire", "fast", 0.02), "float64"),
    Benchmark("modes.wire_3e-5", "femwell", beside("femwell_wire", "normal", 0.01), "float64"),
    Benchmark("modes.wire_grid", "empy", beside("empy_wire", "fast", 0.02), "float64"),
    Benchmark("modes.gradient", "own value", gradient("normal"), "float64", same_result=False),
    Benchmark("modes.batch_64", "own single calls", batch("normal", 64), "float64"),
    Benchmark("modes.batch_256", "own single calls", batch("normal", 256), "float64"),
)
