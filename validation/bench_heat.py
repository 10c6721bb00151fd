"""Benchmarks of heat: 64 rings under 64 heaters in seven layers, beside a direct solution on a grid of finite volumes.

The peer assembles the same layers on a grid that is graded away from the rings and in depth, factorises with SciPy's
SuperLU and solves for all heaters (or for the temperatures and their adjoint). Its cells of 10 um are larger than the
heaters are wide: each takes its share of the area. Finer ones ask for more memory than a computer at hand has, so that
it is the less accurate of the two by far; the difference of the row says by how much.
"""

import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from photonics_core.thermal_chip import Chip
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_stack import CONDUCTIVITY, CONVECTION
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare
from photonics_core.validation.heat import chain, ring, ring_heater, seven_layers

SIDE, PITCH, CELL = 8, 50.0, 10.0
#: Heights in um of cells, from the bottom; the layers of `seven_layers` in order, the heater's film by itself.
DEPTHS = (
    (300.0, 220.0, 110.0, 45.0, 18.0, 7.0),
    (1.0, 1.0),
    (0.22,),
    (0.9, 0.88, 0.1, 1.12),
    (1.0,),
    (10.0, 20.0),
    (80.0, 220.0),
)
FILM, CORE = 11, 8  # rows of cells of the heaters and of the rings


def layout() -> ThermalLayout:
    """Rings on a square lattice, each under its heater."""
    places = [(PITCH * i, PITCH * j) for i in range(SIDE) for j in range(SIDE)]
    return ThermalLayout(seven_layers(), [ring_heater(*p) for p in places], [ring(*p) for p in places])


def _moved(one: ThermalLayout, x: jax.Array, y: jax.Array) -> ThermalLayout:
    """The layout with its heaters elsewhere."""
    places = [axis[k] for axis in (x, y) for k in range(SIDE**2)]
    return eqx.tree_at(lambda each: [getattr(h.shape, axis) for axis in "xy" for h in each.heaters], one, places)


def matrix(peers: Path | None) -> Pair:
    """The coupling matrix of all heaters to all rings."""
    del peers
    one = layout()
    x, y = (jnp.asarray([getattr(h.shape, axis) for h in one.heaters]) for axis in "xy")
    ours = jax.jit(lambda x, y: _moved(one, x, y).coupling())

    def theirs() -> np.ndarray:
        factors, sources, probes = _volumes()
        return probes @ factors.solve(sources)

    return lambda: jax.block_until_ready(ours(x, y)), theirs


def gradient(peers: Path | None) -> Pair:
    """All temperatures, and derivatives of their squares with all places, beside a solve and its adjoint."""
    del peers
    one = layout()
    x, y = (jnp.asarray([getattr(h.shape, axis) for h in one.heaters]) for axis in "xy")
    ours = jax.jit(jax.value_and_grad(lambda x, y: jnp.sum(_moved(one, x, y).temperature(jnp.ones(64)) ** 2), (0, 1)))

    def theirs() -> np.ndarray:
        factors, sources, probes = _volumes()
        temperature = probes @ factors.solve(np.sum(sources, axis=1))
        return factors.solve(np.asarray(probes.T @ (2.0 * temperature)))

    return lambda: jax.block_until_ready(ours(x, y)), theirs


def field(pixels: int, fewer: int) -> Prepare:
    """The temperature over the chip on a grid, beside that on fewer pixels to each side.

    Cost that grows as N log N in the number of pixels is 4.4 times for 512 to each side over 256, and 91 for 1024 over
    128.
    """

    def prepare(peers: Path | None) -> Pair:
        del peers
        chip = Chip(1600.0, 1600.0, "adiabatic")
        places = [(600.0 + PITCH * i, 600.0 + PITCH * j) for i in range(SIDE) for j in range(SIDE)]
        one = ThermalLayout(seven_layers(), [ring_heater(*p) for p in places], [ring(*places[0])], chip)
        maps = [
            jax.jit(lambda power, shape=(count, count): one.temperature_map(power, "device", shape=shape))
            for count in (pixels, fewer)
        ]
        power = jnp.ones(SIDE**2)
        whole, half = (lambda each=each: jax.block_until_ready(each(power)) for each in maps)
        return whole, half

    return prepare


def _volumes() -> tuple[Any, np.ndarray, sparse.csr_matrix]:
    """Factors of the conduction matrix, powers [cells, heaters] and means over the rings [rings, cells]."""
    inner = np.full(int((SIDE * PITCH) / CELL), CELL)
    margin = 15.0 * 1.9 ** np.arange(7)
    across = np.concatenate([margin[::-1], inner, margin])
    start = -0.5 * PITCH - np.sum(margin)
    stack = seven_layers()
    depth = np.concatenate([np.asarray(each) for each in DEPTHS])
    k = np.repeat([CONDUCTIVITY * float(e.conductivity) for e in stack.layers], [len(each) for each in DEPTHS])
    conduction = _conduction(across, depth, k, CONVECTION * 1e4)
    factors = splu(conduction, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    lines = start + np.concatenate([[0.0], np.cumsum(across)])
    ways = [_shares(lines, PITCH * i, PITCH * j) for i in range(SIDE) for j in range(SIDE)]
    count = (across.size**2, depth.size)
    sources, probes = np.zeros((count[0], count[1], len(ways))), np.zeros((len(ways), *count))
    for number, (film, circle) in enumerate(ways):
        sources[:, FILM, number], probes[number, :, CORE] = film, circle
    return factors, sources.reshape(-1, len(ways)), sparse.csr_matrix(probes.reshape(len(ways), -1))


def _conduction(across: np.ndarray, depth: np.ndarray, k: np.ndarray, convection: float) -> sparse.csc_matrix:
    """Conductances between cells, and to the fixed bottom and the air at the top."""
    resistance = 0.5 * depth / k
    between = 1.0 / (resistance[1:] + resistance[:-1])
    upright = chain(between, 1.0 / resistance[0], 1.0 / (resistance[-1] + 1.0 / convection))
    flat = chain(2.0 / (across[1:] + across[:-1]), 0.0, 0.0)
    width, along = sparse.diags(across), sparse.diags(k * depth)
    return sparse.csc_matrix(
        sparse.kron(sparse.kron(flat, width), along)
        + sparse.kron(sparse.kron(width, flat), along)
        + sparse.kron(sparse.kron(width, width), upright)
    )


def _shares(lines: np.ndarray, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares of cells in the heater's area and in the ring's circle, by many points."""
    angle = 2.0 * math.pi * (np.arange(720) + 0.5) / 720
    count = lines.size - 1

    def histogram(radii: np.ndarray) -> np.ndarray:
        px, py = (place + np.outer(radii, wave).ravel() for place, wave in ((x, np.cos(angle)), (y, np.sin(angle))))
        weights = np.repeat(radii, angle.size)
        cells = (np.searchsorted(lines, px) - 1) * count + np.searchsorted(lines, py) - 1
        return np.bincount(cells, weights / np.sum(weights), count**2)

    return histogram(9.0 + 2.0 * (np.arange(16) + 0.5) / 16), histogram(np.array([10.0]))


BENCHMARKS = (
    Benchmark("heat.matrix_64", "SciPy direct, 3-D volumes", matrix, "float64"),
    Benchmark("heat.gradient_64", "SciPy direct, 3-D volumes", gradient, "float64", same_result=False),
    Benchmark("heat.map_512", "own on 256 x 256", field(512, 256), "float64", same_result=False),
    Benchmark("heat.map_1024", "own on 128 x 128", field(1024, 128), "float64", same_result=False),
)
