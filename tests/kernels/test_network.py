import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.contraction import Terms, collect, contract, selection
from photonics_core.kernels.network import FlowGraph, _parts, plan_elimination, solve
from photonics_core.kernels.sparsity import known_zeros


def random_graph(seed, nodes=14, edges=50, inputs=2, outputs=3):
    random = np.random.default_rng(seed)
    inner = range(inputs + outputs, inputs + outputs + nodes)
    sources, targets = [*range(inputs), *inner], [*range(inputs, inputs + outputs), *inner]
    pairs = sorted({(int(random.choice(sources)), int(random.choice(targets))) for _ in range(edges)})
    return FlowGraph(tuple(pairs), tuple(range(inputs)), tuple(range(inputs, inputs + outputs)))


def random_weights(seed, count, wavelengths=4, size=0.3):
    random = np.random.default_rng(seed)
    return size * (random.normal(size=(count, wavelengths)) + 1j * random.normal(size=(count, wavelengths)))


def amplitudes(graph, weights, constant=(), chunk=None):
    plan = plan_elimination(graph)
    start = selection(plan.edges, len(graph.edges))
    return solve(plan, start, jnp.asarray(weights), jnp.asarray(constant, weights.dtype), chunk)


def dense(graph, weights):
    size = 1 + max(node for edge in graph.edges for node in edge)
    matrix = np.zeros((weights.shape[1], size, size), complex)
    for (source, target), weight in zip(graph.edges, weights, strict=True):
        matrix[:, target, source] = weight
    inverse = np.linalg.inv(np.eye(size) - matrix)
    return inverse[:, list(graph.outputs)][:, :, list(graph.inputs)]


@pytest.mark.parametrize("seed", range(3))
def test_elimination_equals_the_inverse(seed):
    graph = random_graph(seed, edges=20 + 20 * seed)
    weights = random_weights(seed, len(graph.edges), size=0.1)
    np.testing.assert_allclose(amplitudes(graph, weights), dense(graph, weights), atol=1e-14)


def test_full_core_equals_the_inverse():
    graph = random_graph(1, nodes=12, edges=1000)
    assert plan_elimination(graph).core.nodes > 0
    weights = random_weights(1, len(graph.edges), size=0.05)
    np.testing.assert_allclose(amplitudes(graph, weights), dense(graph, weights), atol=1e-14)


def test_feed_forward_graph_needs_no_more_than_a_sweep():
    # A ladder of crossings: each node has two edges in and two out, as in a mesh.
    layers, width = 8, 8
    edges = [
        (layer * width + k, (layer + 1) * width + other)
        for layer in range(layers)
        for k in range(width)
        for other in (k, k ^ 1 if layer % 2 else (k + 1 - 2 * ((k + 1) % 2)) % width)
    ]
    edges = sorted(set(edges))
    last = layers * width
    plan = plan_elimination(FlowGraph(tuple(edges), tuple(range(width)), tuple(range(last, last + width))))
    assert plan.paths <= 2 * width * width * layers
    assert len(plan.levels) <= 8


def test_levels_grow_with_the_logarithm_of_a_chain():
    def levels(count):
        edges = tuple((n, n + 1) for n in range(count))
        return len(plan_elimination(FlowGraph(edges, (0,), (count,))).levels)

    assert levels(1000) <= levels(100) + 8 <= 20


def test_edges_that_lead_nowhere_are_left_out():
    graph = FlowGraph(((0, 2), (2, 1), (2, 3), (4, 2)), (0,), (1,))
    plan = plan_elimination(graph)
    assert plan.edges == (0, 1)
    assert plan.present.tolist() == [[True]]


def test_no_path_gives_zero():
    graph = FlowGraph(((0, 2), (2, 1)), (0, 3), (1, 4))
    values = amplitudes(graph, np.full((2, 3), 0.5 + 0j))
    np.testing.assert_array_equal(values, np.broadcast_to([[0.25, 0.0], [0.0, 0.0]], (3, 2, 2)))
    assert plan_elimination(graph).present.tolist() == [[True, False], [False, False]]


def test_constant_rows_serve_all_wavelengths():
    graph = random_graph(3)
    weights = random_weights(3, len(graph.edges), size=0.1)
    weights[10:] = weights[10:, :1]
    mixed = amplitudes(graph, weights[:10], weights[10:, 0])
    np.testing.assert_allclose(mixed, amplitudes(graph, weights), atol=1e-15)


@pytest.mark.parametrize(
    ("count", "chunk", "parts"), [(10, 10, 1), (10, 4, 5), (11, 4, 3), (0, 4, 1), (10_000, 56, 200)]
)
def test_chunks_are_equal_where_that_is_cheap(count, chunk, parts):
    assert _parts(count, chunk) == parts


@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_change_nothing(chunk):
    graph = random_graph(2, nodes=5, edges=16)
    weights = jnp.asarray(random_weights(2, len(graph.edges), 7, size=0.1))

    def power(w, size):
        return jnp.sum(jnp.abs(amplitudes(graph, w, chunk=size)) ** 4)

    np.testing.assert_allclose(power(weights, chunk), power(weights, 100), rtol=1e-14)
    slopes = [jax.grad(power)(weights, size) for size in (chunk, 100)]
    np.testing.assert_allclose(*slopes, atol=1e-14)


def test_isolated_lossless_loop_stays_finite():
    # A loop of gain one that nothing couples to, beside a path.
    graph = FlowGraph(((0, 2), (2, 2), (2, 1)), (0,), (1,))
    weights = jnp.array([[0.0], [1.0], [0.0]], complex)
    assert amplitudes(graph, weights)[0, 0, 0] == 0.0
    assert jnp.isfinite(jax.jacrev(lambda w: jnp.abs(amplitudes(graph, w)[0, 0, 0] + 1.0))(weights)).all()


def test_derivatives(assert_gradient):
    graph = random_graph(5, nodes=4, edges=16)
    weights = random_weights(5, len(graph.edges), 2, size=0.1)

    def power(parts):
        return jnp.sum(jnp.abs(amplitudes(graph, jax.lax.complex(*parts), chunk=1)) ** 2)

    assert_gradient(power, (jnp.asarray(weights.real), jnp.asarray(weights.imag)))


def test_second_derivatives_and_batches():
    graph = random_graph(4, nodes=2, edges=8, inputs=1, outputs=1)
    weights = jnp.asarray(random_weights(4, len(graph.edges), 2, size=0.1))

    def power(scale):
        return jnp.sum(jnp.abs(amplitudes(graph, weights * scale.astype(complex)[:, None])) ** 2)

    scale = jnp.linspace(0.8, 1.2, len(graph.edges))
    forward, reverse = (jax.jit(f)(scale) for f in (jax.hessian(power), jax.jacrev(jax.jacrev(power))))
    np.testing.assert_allclose(forward, reverse, atol=1e-15)
    step = 1e-5 * jnp.eye(scale.size)
    slopes = jax.jit(jax.vmap(jax.grad(power)))
    differences = (slopes(scale[None] + step) - slopes(scale[None] - step)) / 2e-5
    np.testing.assert_allclose(forward, differences, atol=1e-9)


def test_bad_graphs():
    with pytest.raises(ValueError, match="edge twice"):
        plan_elimination(FlowGraph(((0, 1), (0, 1)), (0,), (1,)))
    with pytest.raises(ValueError, match=r"\(1, 0\) leads into an input"):
        plan_elimination(FlowGraph(((0, 1), (1, 0)), (0,), (1,)))


def test_contraction_against_numpy():
    random = np.random.default_rng(0)
    target, first, second = random.integers(0, 5, 20), random.integers(0, 6, 20), random.integers(0, 7, 20)
    terms = Terms(target, (first, second), (5, 6, 7))
    x, y = random.normal(size=(6, 3)), random.normal(size=(7, 3))
    expected = np.zeros((5, 3))
    np.add.at(expected, target, x[first] * y[second])
    np.testing.assert_allclose(contract(terms, jnp.asarray(x), jnp.asarray(y)), expected, atol=1e-14)
    for operand in (0, 1):
        z = jnp.asarray(random.normal(size=(5, 3)))
        pulled = jax.vjp(lambda x, y: contract(terms, x, y), jnp.asarray(x), jnp.asarray(y))[1](z)[operand]
        pushed = jax.jvp(
            lambda v, operand=operand: contract(terms, *((v, y) if operand == 0 else (x, v))),
            (jnp.asarray((x, y)[operand]),),
            (jnp.ones_like(jnp.asarray((x, y)[operand])),),
        )[1]
        np.testing.assert_allclose(jnp.sum(pulled), jnp.sum(pushed * z), rtol=1e-12)


def test_selection_of_missing_rows_is_zero():
    x = jnp.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(collect(selection([2, -1, 0, 2], 3), x), [[4, 5], [0, 0], [0, 1], [4, 5]])


def test_zeros_are_read_from_the_program():
    def matrix(x):
        zero = jnp.zeros_like(x)
        rows = [jnp.sin(x), zero, x * zero, x - x, zero + x, -zero]
        return jnp.stack(rows, axis=-1).reshape(*x.shape, 2, 3)

    zeros = known_zeros(matrix, jax.ShapeDtypeStruct((4,), jnp.float64))
    np.testing.assert_array_equal(zeros.all(axis=0), [[False, True, True], [False, False, True]])


def test_zeros_of_values_do_not_count():
    assert not known_zeros(lambda x: jnp.where(x > 0, x, jnp.zeros_like(x)), 0.0).any()
