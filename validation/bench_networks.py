"""Benchmarks of networks: a bus of rings and a mesh of interferometers, beside SAX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.circuit import Circuit
from photonics_core.validation.benchmarks import Benchmark
from photonics_core.validation.networks import LAYOUT_MODELS, MESH_MODELS, mesh, ring_bus
from photonics_core.validation.peer import Peer

Pair = tuple[Callable[[], Any], Callable[[], Any]]


def bus_run(rings: int, count: int) -> Callable[[], Any]:
    """From the bus's input to its output and all drops; shape [count, rings + 1]."""
    circuit, wl = Circuit(ring_bus(rings), LAYOUT_MODELS), np.linspace(1.53, 1.57, count)
    outputs = ["through", *(f"drop{n}" for n in range(1, rings + 1))]
    return lambda: jax.block_until_ready(circuit.amplitudes(wl, inputs="in", outputs=outputs)[..., 0])


def mesh_run(modes: int, count: int) -> Callable[[], Any]:
    """From all inputs to all outputs; shape [count, modes, modes]."""
    circuit, wl = Circuit(mesh(modes), MESH_MODELS), np.linspace(1.53, 1.57, count)
    inputs, outputs = ([f"{end}{k}" for k in range(modes)] for end in ("in", "out"))
    return lambda: jax.block_until_ready(circuit.amplitudes(wl, inputs=inputs, outputs=outputs))


def bus_gradient(rings: int, count: int) -> Pair:
    """The forward function, and its gradient with respect to all lengths and couplings."""
    circuit, wl = Circuit(ring_bus(rings), LAYOUT_MODELS), np.linspace(1.53, 1.57, count)
    outputs = ["through", *(f"drop{n}" for n in range(1, rings + 1))]
    return _with_gradient(circuit, lambda c: c.amplitudes(wl, inputs="in", outputs=outputs))


def mesh_gradient(modes: int, count: int) -> Pair:
    """The forward function, and its gradient with respect to all phases."""
    circuit, wl = Circuit(mesh(modes), MESH_MODELS), np.linspace(1.53, 1.57, count)
    inputs, outputs = ([f"{end}{k}" for k in range(modes)] for end in ("in", "out"))
    return _with_gradient(circuit, lambda c: c.amplitudes(wl, inputs=inputs, outputs=outputs))


def _with_gradient(circuit: Circuit, function: Callable[[Circuit], jax.Array]) -> Pair:
    forward = jax.jit(lambda c: jnp.sum(jnp.abs(function(c)) ** 4))
    backward = jax.jit(jax.grad(lambda c: jnp.sum(jnp.abs(function(c)) ** 4)))
    return lambda: jax.block_until_ready(forward(circuit)), lambda: jax.block_until_ready(backward(circuit))


def _beside_sax(run: Callable[[int, int], Callable[[], Any]], task: str, size: int, count: int) -> Benchmark:
    def prepare(peers: Path | None) -> Pair:
        return run(size, count), Peer(peers, task, {"size": size, "count": count})

    return Benchmark(f"networks.{task.removeprefix('sax_')}{size}_{count}", "sax", prepare)


BENCHMARKS = (
    _beside_sax(bus_run, "sax_bus", 16, 10_000),
    _beside_sax(mesh_run, "sax_mesh", 16, 100),
)
