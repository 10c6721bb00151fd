"""Networks of scattering matrices, solved as signal-flow graphs by elimination in an order chosen once.

A wave that enters a port of a component is a node; a scattering amplitude that is not zero by construction is an edge
from the wave it takes to the wave it feeds. With node amplitudes x, inputs a and outputs b,

    x = M x + B a,    b = C x + D a,    S = D + C (1 - M)^-1 B.

To eliminate a node v is to replace the paths u -> v -> w through it by edges (Mason, Proc. IRE 41, 1144 (1953)):

    m_uw <- m_uw + m_uv m_vw / (1 - m_vv).

That is Gaussian elimination of 1 - M, which keeps its zeros: light in most photonic parts goes one way only, so a
mesh without reflections is a feed-forward graph, and loops and reflections cost only where they are. Pivoting is not
needed: components that give out no more power than they take make the Hermitian part of 1 - M positive semidefinite,
which all Schur complements inherit (George, Ikramov & Kucherov, SIAM J. Matrix Anal. Appl. 23, 665 (2002)). With gain
that is not so: a small 1 - m_vv costs digits, and where the gain of a loop is one or more, what comes back solves the
equations but is no state that waves ever reach. A loop whose gain is exactly one counts as cut.

The order is chosen on the host from the graph alone. Each level eliminates many nodes that are not neighbours, those
with the fewest paths first (minimum degree in parallel; Liu, ACM Trans. Math. Softw. 11, 141 (1985)), by one gather,
multiply and sum. A circuit of N components takes about log N levels, so it compiles in a time that hardly grows. Edges
are rows and wavelengths columns of one table, so the arithmetic runs along contiguous memory.
"""

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.contraction import Terms, collect, contract, selection

# Nodes with up to this many times the fewest paths of their level go with it. Measured on meshes, buses and random
# graphs: larger values save few levels and add paths, smaller ones double the levels.
SLACK = 2.0
# When fewer than one node in this many can go at a time, nearly all are neighbours: a full matrix is then better.
DENSE = 8
# Bytes of the table of edges for one chunk of wavelengths.
CPU_TABLE = 1 << 20
GPU_TABLE = 1 << 30

Edge = tuple[int, int]


@dataclass(frozen=True)
class FlowGraph:
    """A directed graph of waves.

    Args:
        edges: pairs (from, to) of nodes, none twice.
        inputs: nodes that waves are sent into, in the order of the columns of S.
        outputs: nodes that waves come out of, in the order of the rows of S. A node that is an input or an output
            may have edges in and out like any other.
    """

    edges: tuple[Edge, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Level:
    """The elimination of some nodes, no two of them neighbours, as patterns on the rows of the table of edges.

    No edge has two parts in it, so that the derivatives of the parts are put together and never added.

    Args:
        order: brings the table into its parts.
        sizes: sizes of the parts: edges that stay; edges beside which a path through a node is added; edges into nodes
            without and with a loop; edges out of nodes; loops from a node to itself.
        scaled: edges into nodes with a loop times the gains of the loops.
        products: paths through the nodes, by the edge that replaces them; edges into nodes times edges out of them.
        old: puts the edges of the second part beside the paths.
    """

    order: Terms
    sizes: tuple[int, ...]
    scaled: Terms
    products: Terms
    old: Terms


@dataclass(frozen=True, eq=False)
class Core:
    """Nodes that nearly all neighbour each other, to be eliminated one by one from a full matrix.

    Args:
        start: takes the matrix from the table, row by row: from the nodes and the inputs to the nodes and the outputs.
        shape: shape of the matrix.
        nodes: number of nodes; they come first.
    """

    start: Terms
    shape: tuple[int, int]
    nodes: int


@dataclass(frozen=True, eq=False)
class Plan:
    """An order of elimination.

    Args:
        edges: numbers of the edges of the graph that are on some way from an input to an output.
        levels: the levels, one after another.
        core: what the levels leave over.
        present: whether light can pass from an input to an output at all, shape [outputs, inputs].
    """

    edges: tuple[int, ...]
    levels: tuple[Level, ...]
    core: Core
    present: np.ndarray

    @property
    def paths(self) -> int:
        """Number of multiplications per wavelength, a measure of the work."""
        return sum(level.products.target.size for level in self.levels)


@functools.partial(jax.jit, static_argnames=("plan", "start", "chunk"))
def solve(plan: Plan, start: Terms, varying: jax.Array, constant: jax.Array, chunk: int | None = None) -> jax.Array:
    """Scattering amplitudes from inputs to outputs.

    Args:
        plan: from `plan_elimination`.
        start: selects the amplitudes of `plan.edges` from the rows of `varying` followed by those of `constant`.
        varying: amplitudes, shape [R, N] with N wavelengths.
        constant: amplitudes that are the same for all wavelengths, shape [C].
        chunk: number of wavelengths to treat at a time; None for as many as keep the tables in the cache of a CPU, or
            in a small part of the memory of a GPU. The memory for derivatives is that of one chunk, too.

    Returns:
        Amplitudes of shape [N, outputs, inputs].
    """

    def one(part: jax.Array) -> jax.Array:
        return _solve_all(plan, start, part, constant)

    count = varying.shape[1]
    parts = _parts(count, chunk or _chunk(max(start.rows[0], math.prod(plan.core.shape)), varying.dtype))
    if parts == 1:
        return one(varying)
    chunk = -(-count // parts)
    # The last wavelength fills the last chunk up.
    padded = jnp.pad(varying, ((0, 0), (0, parts * chunk - count)), mode="edge")
    pieces = jnp.moveaxis(padded.reshape(-1, parts, chunk), 1, 0)
    result = lax.map(jax.checkpoint(one, prevent_cse=False), pieces)
    return result.reshape(parts * chunk, *result.shape[2:])[:count]


def _solve_all(plan: Plan, start: Terms, varying: jax.Array, constant: jax.Array) -> jax.Array:
    fixed = jnp.broadcast_to(constant[:, None], (constant.size, varying.shape[1]))
    table = collect(start, jnp.concatenate([varying, fixed]))
    for level in plan.levels:
        table = _eliminate(level, table)
    return jnp.moveaxis(_eliminate_core(plan.core, table), -1, 0)


def _chunk(rows: int, dtype: jnp.dtype) -> int:
    budget = CPU_TABLE if jax.default_backend() == "cpu" else GPU_TABLE
    return max(16, budget // (rows * dtype.itemsize + 1))


def _parts(count: int, chunk: int) -> int:
    """Number of chunks for `count` wavelengths, of equal length where that costs at most twice as many.

    What is left over at the end of the last chunk is cut off, and that copies the whole result.
    """
    fewest = max(1, -(-count // chunk))
    return next((parts for parts in range(fewest, 2 * fewest) if count % parts == 0), fewest)


def _eliminate(level: Level, table: jax.Array) -> jax.Array:
    kept, old, into, into_looped, out_of, loops = lax.split(collect(level.order, table), level.sizes)
    if level.sizes[-1]:
        into = jnp.concatenate([into, contract(level.scaled, into_looped, _reciprocal(1.0 - loops))])
    edges = contract(level.products, into, out_of)
    if level.sizes[1]:
        edges = edges + collect(level.old, old)
    return jnp.concatenate([kept, edges])


def _eliminate_core(core: Core, table: jax.Array) -> jax.Array:
    """Amplitudes from the inputs to the outputs, shape [outputs, inputs, N]."""
    matrix = collect(core.start, table).reshape(*core.shape, -1)

    def eliminate(m: jax.Array, node: jax.Array) -> tuple[jax.Array, None]:
        into, out_of = jnp.take(m, node, axis=0), jnp.take(m, node, axis=1)
        gain = _reciprocal(1.0 - jnp.take(into, node, axis=0))
        return m + out_of[:, None] * (into * gain[None])[None], None

    if core.nodes:
        matrix, _ = lax.scan(eliminate, matrix, jnp.arange(core.nodes))
    return matrix[core.nodes :, core.nodes :]


def _reciprocal(gap: jax.Array) -> jax.Array:
    # A lossless loop without a coupler resonates without a limit, but what it holds neither came in nor goes out: any
    # finite number serves there, and keeps the derivatives finite too.
    return 1.0 / jnp.where(gap == 0, jnp.ones_like(gap), gap)


@functools.lru_cache(maxsize=256)
def plan_elimination(graph: FlowGraph) -> Plan:
    """Choose the order of elimination of a graph.

    Raises:
        ValueError: if an edge is there twice, or leads into an input or out of an output.
    """
    number = _numbered(graph)
    rows = _places(_useful_edges(graph))
    useful = tuple(number[edge] for edge in rows)
    into, out_of = _neighbours(rows)
    left = (set(into) | set(out_of)) - {*graph.inputs, *graph.outputs}
    levels, work = [], 0
    while left:
        nodes = _independent_nodes(left, into, out_of)
        core_work = len(left) * (len(left) + len(graph.inputs)) * (len(left) + len(graph.outputs))
        if len(nodes) * DENSE < len(left) or core_work <= work:
            break
        level, rows = _plan_level(nodes, rows, into, out_of)
        into, out_of = _neighbours(rows)
        levels.append(level)
        work += level.products.target.size
        left.difference_update(nodes)
    return Plan(useful, tuple(levels), *_plan_core(sorted(left), rows, graph))


def _plan_core(nodes: Sequence[int], rows: Mapping[Edge, int], graph: FlowGraph) -> tuple[Core, np.ndarray]:
    """The elimination of the remaining nodes, and which outputs light reaches from which inputs."""
    sources, targets = [*nodes, *graph.inputs], [*nodes, *graph.outputs]
    matrix = np.array([[rows.get((u, v), -1) for u in sources] for v in targets], int).reshape(len(targets), -1)
    paths = matrix >= 0
    for node in range(len(nodes)):
        paths |= paths[:, node, None] & paths[node]
    core = Core(selection(matrix.ravel(), len(rows)), matrix.shape, len(nodes))
    return core, paths[len(nodes) :, len(nodes) :]


def _numbered(graph: FlowGraph) -> dict[Edge, int]:
    number = _places(graph.edges)
    if len(number) != len(graph.edges):
        raise ValueError("edges has an edge twice")
    for source, target in graph.edges:
        if target in graph.inputs or source in graph.outputs:
            raise ValueError(f"edge {(source, target)} leads into an input or out of an output")
    return number


def _useful_edges(graph: FlowGraph) -> list[Edge]:
    """Edges on some way from an input to an output."""
    into, out_of = _neighbours(graph.edges)
    useful = _reachable(graph.inputs, out_of) & _reachable(graph.outputs, into)
    return [edge for edge in graph.edges if useful.issuperset(edge)]


def _neighbours(edges: Iterable[Edge]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """The nodes with edges into each node, and those with edges out of it."""
    into, out_of = defaultdict(list), defaultdict(list)
    for source, target in edges:
        into[target].append(source)
        out_of[source].append(target)
    return into, out_of


def _reachable(start: Iterable[int], neighbours: Mapping[int, list[int]]) -> set[int]:
    found, waiting = set(start), list(start)
    while waiting:
        new = set(neighbours.get(waiting.pop(), ())) - found
        found |= new
        waiting.extend(new)
    return found


def _independent_nodes(left: set[int], into: Mapping[int, list[int]], out_of: Mapping[int, list[int]]) -> list[int]:
    """Nodes of which no two are neighbours, those with the fewest paths through them first."""
    paths = sorted((len(into[node]) * len(out_of[node]), node) for node in left)
    limit = SLACK * paths[0][0]
    chosen, blocked = [], set()
    for count, node in paths:
        if count > limit and len(chosen) * DENSE >= len(left):
            break
        if node not in blocked:
            chosen.append(node)
            blocked.update(into[node], out_of[node])
    return chosen


def _plan_level(
    nodes: Sequence[int], rows: Mapping[Edge, int], into: Mapping[int, list[int]], out_of: Mapping[int, list[int]]
) -> tuple[Level, dict[Edge, int]]:
    """The patterns that eliminate the nodes, and the rows of the edges after it."""
    looped = {node: k for k, node in enumerate(node for node in nodes if (node, node) in rows)}
    into_plain = [(u, v) for v in nodes if v not in looped for u in into[v]]
    into_looped = [(u, v) for v in looped for u in into[v] if u != v]
    leaving = [(v, w) for v in nodes for w in out_of[v] if v != w]
    paths = [(u, v, w) for v in nodes for u in into[v] for w in out_of[v] if v not in (u, w)]
    counts = Counter((u, w) for u, _, w in paths)
    # Edges with equal numbers of terms side by side: the sum then comes out in order and needs no rearrangement.
    made = sorted(counts, key=lambda edge: (counts[edge], edge))
    gone = set(nodes)
    kept = [edge for edge in rows if edge not in counts and gone.isdisjoint(edge)]
    old = [edge for edge in made if edge in rows]
    parts = (kept, old, into_plain, into_looped, leaving, [(v, v) for v in looped])
    first, second, target = _places([*into_plain, *into_looped]), _places(leaving), _places(made)
    level = Level(
        selection([rows[edge] for part in parts for edge in part], len(rows)),
        tuple(map(len, parts)),
        Terms.of(range(len(into_looped)), (range(len(into_looped)), [looped[v] for _, v in into_looped])),
        Terms.of(
            [target[u, w] for u, _, w in paths],
            ([first[u, v] for u, v, _ in paths], [second[v, w] for _, v, w in paths]),
        ),
        selection([target[edge] for edge in old], len(made)).transposes[0],
    )
    return level, _places([*kept, *made])


def _places(edges: Iterable[Edge]) -> dict[Edge, int]:
    return {edge: place for place, edge in enumerate(edges)}
