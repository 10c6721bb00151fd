"""Benchmarks of networks, beside SAX: rings on a bus, meshes of interferometers, circuits of a layout tool.

The peer gets the same netlist as a dict, and the same ports to compute.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.circuit import Circuit
from photonics_core.exchange_netlist import netlist_to_dict
from photonics_core.netlist import Netlist
from photonics_core.validation.benchmarks import Benchmark, Pair
from photonics_core.validation.networks import LAYOUT_MODELS, MESH_MODELS, lattice, mesh, ring_bus, ring_double
from photonics_core.validation.peer import Peer

MODELS: dict[str, Any] = LAYOUT_MODELS | MESH_MODELS


class Work:
    """A circuit over `count` wavelengths, from some ports to some others.

    Args:
        netlist: the circuit.
        count: number of wavelengths from 1.53 to 1.57 um.
        inputs: ports that light is sent into; all for None.
        outputs: ports where it is received; all for None.
    """

    def __init__(
        self, netlist: Netlist, count: int, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None
    ):
        self.netlist: Netlist = netlist
        self.count: int = count
        self.inputs: list[str] = list(inputs or netlist.ports)
        self.outputs: list[str] = list(outputs or netlist.ports)

    def ours(self) -> Callable[[], Any]:
        """Closure that gives the amplitudes, shape [count, outputs, inputs]."""
        circuit, wl = Circuit(self.netlist, MODELS), np.linspace(1.53, 1.57, self.count)
        return lambda: jax.block_until_ready(circuit.amplitudes(wl, inputs=self.inputs, outputs=self.outputs))

    def beside_sax(self, peers: Path | None) -> Pair:
        """Our amplitudes and the peer's."""
        netlist = netlist_to_dict(self.netlist, form="connections")
        ports = {"inputs": self.inputs, "outputs": self.outputs}
        return self.ours(), Peer(peers, "sax_circuit", {"netlist": netlist, "count": self.count, **ports})

    def beside_forward(self, peers: Path | None) -> Pair:
        """The gradient of a sum of powers squared in all parameters, and that sum."""
        del peers
        circuit, wl = Circuit(self.netlist, MODELS), np.linspace(1.53, 1.57, self.count)

        def total(circuit: Circuit) -> jax.Array:
            return jnp.sum(jnp.abs(circuit.amplitudes(wl, inputs=self.inputs, outputs=self.outputs)) ** 4)

        forward, backward = jax.jit(total), jax.jit(jax.grad(total))
        return (
            lambda: jax.block_until_ready(jax.tree.leaves(backward(circuit))),
            lambda: jax.block_until_ready(forward(circuit)),
        )


def bus_column(rings: int, count: int) -> Work:
    """The bus from its input to its output and all drops."""
    return Work(ring_bus(rings), count, ["in"], ["through", *(f"drop{n}" for n in range(1, rings + 1))])


def mesh_matrix(modes: int, count: int) -> Work:
    """The mesh from all inputs to all outputs."""
    inputs, outputs = ([f"{end}{k}" for k in range(modes)] for end in ("in", "out"))
    return Work(mesh(modes), count, inputs, outputs)


def _beside_sax(name: str, work: Work) -> Benchmark:
    return Benchmark(f"networks.{name}", "sax", work.beside_sax)


def _beside_forward(name: str, work: Work) -> Benchmark:
    return Benchmark(f"networks.{name}", "own forward", work.beside_forward, same_result=False)


BENCHMARKS = (
    _beside_sax("ring_double", Work(ring_double(), 10_000)),
    _beside_sax("mzi_lattice", Work(lattice(), 10_000)),
    _beside_sax("bus16_column", bus_column(16, 10_000)),
    _beside_sax("bus16_all_pairs", Work(ring_bus(16), 10_000)),
    _beside_sax("mesh16", mesh_matrix(16, 100)),
    _beside_forward("bus16_gradient", bus_column(16, 10_000)),
    _beside_forward("mesh16_gradient", mesh_matrix(16, 100)),
)
