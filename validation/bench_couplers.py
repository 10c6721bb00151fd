"""Benchmarks of coupled modes: a taper by eigenmode expansion beside meow, and the coupling of a pair in a batch.

The difference of the taper's rows is that of the power in TE0, nearly all of it the peer's, whose grid cuts the
sides of the guide.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import CrossSection
from photonics_core.eigenmode_expansion import expand_modes
from photonics_core.runtime import map_points
from photonics_core.supermodes import couple, overlap_coupling, pair_section
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare
from photonics_core.validation.peer import Peer

SLICES, MODES = 40, 6
WIDTHS, LENGTHS = np.linspace(0.5, 1.0, SLICES), np.linspace(1.0, 20.0, 20)


def taper() -> Callable[[], Any]:
    """Closure that gives the power in TE0 for each length, modes and overlaps solved anew."""

    @jax.jit
    def power(widths: jax.Array) -> jax.Array:
        sections = [CrossSection.strip(widths[k], 0.22, 3.476, 1.444, margin=1.5) for k in range(SLICES)]
        expansion = expand_modes(sections, 1.55, count=MODES)
        each = jnp.asarray(LENGTHS / SLICES)[:, None] * jnp.ones(SLICES)
        return expansion.scattering(each).power("left_0", "right_0")

    widths = jnp.asarray(WIDTHS)
    return lambda: jax.block_until_ready(power(widths))


def beside_meow(size: float) -> Prepare:
    """The taper, beside meow on a grid of a size in um."""
    request = {"widths": list(WIDTHS), "lengths": list(LENGTHS), "modes": MODES, "size": size, "margin": 1.5}
    return lambda peers: (taper(), Peer(peers, "meow_taper", request))


def pairs(coupling: Callable[..., Any]) -> Prepare:
    """Coupling at 20 gaps and 10 wavelengths in one call, beside a compiled call for each."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        gaps, wls = np.meshgrid(np.linspace(0.1, 0.4, 20), np.linspace(1.5, 1.6, 10), indexing="ij")
        points = jnp.asarray(np.stack([gaps.ravel(), wls.ravel()], axis=1))

        def one(point: jax.Array) -> jax.Array:
            section = pair_section(0.5, 0.22, point[0], 3.476, 1.444)
            return coupling(section, point[1], accuracy="fast").coupling

        together, alone = jax.jit(lambda points: map_points(one, points)), jax.jit(one)
        return lambda: jax.block_until_ready(together(points)), lambda: np.array([float(alone(p)) for p in points])

    return prepare


BENCHMARKS = (
    Benchmark("couplers.taper", "meow", beside_meow(0.04), "float64"),
    Benchmark("couplers.supermodes_200", "own single calls", pairs(couple), "float64"),
    Benchmark("couplers.overlaps_200", "own single calls", pairs(overlap_coupling), "float64"),
)
