"""Benchmarks of batch jobs: a sweep into a folder beside the bare compiled program on the same blocks.

The sweep draws its samples, computes, writes its parts with digests and syncs them to disk; the bare program is called
with samples that are there, and its results are thrown away. Where few numbers are kept of much that is computed the
two are the same; where all of it is kept, a disk and the digests take their share.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.ring import AddDropRing
from photonics_core.distributions import Normal, Uniform
from photonics_core.drawn_plans import RandomPlan
from photonics_core.scattering import power
from photonics_core.sweep import run_chunks
from photonics_core.sweep_setup import set_up
from photonics_core.validation.batch import ring
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare

BLOCK = 1024


def lines(device: AddDropRing, wl: jax.Array) -> dict[str, jax.Array]:
    """Figures of a spectrum: largest and mean drop power, least power through."""
    found = device.amplitudes(wl)
    drop = power(found.drop)
    return {"largest": jnp.max(drop), "mean": jnp.mean(drop), "least": jnp.min(power(found.through))}


def spectrum(device: AddDropRing, wl: jax.Array) -> dict[str, jax.Array]:
    """The whole spectrum of the drop power."""
    return {"drop": power(device.amplitudes(wl).drop)}


def _beside(function: Callable[..., Any], samples: int, chunk: int, points: int) -> Prepare:
    def prepare(peers: Path | None) -> Pair:
        del peers
        plan = RandomPlan({"radius": Normal(10.0, 0.01), "input_coupler.gap": Uniform(0.14, 0.16)}, samples, 1)
        wl = jnp.asarray(np.linspace(1.30, 1.32, points), jnp.result_type(float))
        setup = set_up(function, plan, device=ring(), common=wl)
        engine = setup.engine(BLOCK, 1)
        program, compiled = setup.program, setup.program.compiled(BLOCK)
        shared = jax.device_put(program.shared)
        blocks = [jax.device_put(program.rows(low, BLOCK)) for low in range(0, samples, BLOCK)]

        def ours() -> np.ndarray:
            with tempfile.TemporaryDirectory() as folder:
                run, _ = setup.open_run(folder, chunk, BLOCK, 1)
                run_chunks(run, setup, engine, progress=False)
            return np.zeros(())

        def bare() -> np.ndarray:
            for rows in blocks:
                jax.block_until_ready(compiled(shared, *rows))
            return np.zeros(())

        return ours, bare

    return prepare


BENCHMARKS = (
    Benchmark("batch.figures_2e5", "own program alone", _beside(lines, 200_000, 65_536, 401), same_result=False),
    Benchmark("batch.spectra_1e5", "own program alone", _beside(spectrum, 100_000, 32_768, 401), same_result=False),
)
