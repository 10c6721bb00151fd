import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.eigenmodes import Walls, eigenmodes, form, free_unknowns, multiply
from photonics_core.kernels.element_fields import element_fields, point_fields
from photonics_core.kernels.elements import Mesh, basis, continuous_values, element_matrices, geometry
from photonics_core.kernels.numbering import local_edges, numbering

K0 = 2.0
METAL = Walls()


def box(columns=2, rows=2, width=3.0, height=2.0, lean=0.0):
    """A metal box; inner lines lean by `lean`."""
    x = np.repeat(np.linspace(0.0, width, columns + 1)[:, None], rows + 1, axis=1)
    x[1:-1] += lean * np.linspace(-1.0, 1.0, rows + 1)
    return Mesh(jnp.asarray(x), jnp.linspace(0.0, height, rows + 1), jnp.zeros(()))


def vacuum(mesh, square=1.0):
    return jnp.full((3, mesh.x.shape[0] - 1, mesh.y.size - 1, 1), square)


def solved(mesh, degree, count=3, walls=METAL, square=1.0, shift=K0**2):
    free = jnp.asarray(free_unknowns(mesh, walls, degree))
    return eigenmodes(mesh, vacuum(mesh, square), jnp.asarray(K0), jnp.asarray(shift), free, degree=degree, count=count)


def exact(count, width=3.0, height=2.0):
    """beta^2 of the modes of a metal box: TE_mn and TM_mn."""
    squares = [(m * np.pi / width) ** 2 + (n * np.pi / height) ** 2 for m in range(9) for n in range(9) if m + n]
    squares += [(m * np.pi / width) ** 2 + (n * np.pi / height) ** 2 for m in range(1, 9) for n in range(1, 9)]
    return K0**2 - np.sort(squares)[:count]


def test_modes_of_a_metal_box_are_the_exact_ones_and_no_others():
    modes = solved(box(), degree=6, count=3)
    np.testing.assert_allclose(modes.beta_squared, exact(3), atol=1e-7)


@pytest.mark.slow
def test_modes_below_cutoff_are_modes_and_e_z_alone_is_none():
    # A has no rows of e_z: without care beta = 0 would be found as often as there are unknowns of it.
    modes = solved(box(), degree=7, count=9)
    found, known = np.asarray(modes.beta_squared), np.unique(np.round(exact(20), 9))
    assert np.sum(found < 0) >= 4
    distance = np.min(np.abs(found[:, None] - known), axis=1)
    np.testing.assert_allclose(distance, 0.0, atol=1e-5)
    assert np.all(np.isfinite(modes.vectors))


@pytest.mark.slow
def test_evanescent_modes_have_derivatives():
    # The cutoff of TM_21 in a box with a change of k0: d(beta^2)/d(k0) = 2 k0, and the field keeps its shape.
    def sum_of_modes(k0):
        mesh = box()
        free = jnp.asarray(free_unknowns(mesh, METAL, 6))
        modes = eigenmodes(mesh, vacuum(mesh), k0, k0**2, free, degree=6, count=6)
        return modes.beta_squared

    slopes = jax.jacfwd(sum_of_modes)(jnp.asarray(K0))
    np.testing.assert_allclose(slopes, 2.0 * K0, rtol=1e-5)


@pytest.mark.slow
def test_the_error_falls_with_twice_the_degree():
    degree = 2
    errors = [abs(float(solved(box(n, n), degree, 1).beta_squared[0]) - exact(1)[0]) for n in (2, 4)]
    assert np.log2(errors[0] / errors[1]) > 2 * degree - 0.4


@pytest.mark.slow
def test_leaning_elements_give_the_same_modes():
    modes = solved(box(lean=0.3), degree=7, count=2)
    np.testing.assert_allclose(modes.beta_squared, exact(2), atol=2e-6)


def test_magnetic_walls_halve_the_box():
    half = Mesh(box().x / 2.0, box().y, jnp.zeros(()))
    symmetric = solved(half, 6, 3, Walls(right="magnetic")).beta_squared[0]
    np.testing.assert_allclose(symmetric, exact(1)[0], atol=1e-9)


@pytest.mark.slow
def test_an_absorbing_filling_gives_complex_modes():
    mesh = jax.tree.map(lambda x: x.astype(complex), box())
    square = 1.0 + 0.1j
    free = jnp.asarray(free_unknowns(mesh, METAL, 6))
    eps = vacuum(mesh, square)
    modes = eigenmodes(mesh, eps, jnp.asarray(K0 + 0j), jnp.asarray(K0**2 + 0j), free, degree=6, count=1)
    np.testing.assert_allclose(modes.beta_squared[0], K0**2 * square - (np.pi / 3.0) ** 2, atol=1e-9)


def test_modes_of_equal_index_are_both_found():
    mesh = box(width=2.0)
    modes = solved(mesh, 6, 3)
    np.testing.assert_allclose(modes.beta_squared[:2], 2 * [K0**2 - (np.pi / 2.0) ** 2], atol=1e-8)


def test_vectors_solve_the_problem_and_are_normalised():
    mesh = box()
    modes = solved(mesh, 6, 3)
    numbers, free = numbering(2, 2, 6), free_unknowns(mesh, METAL, 6)
    a, b = element_matrices(mesh, vacuum(mesh), jnp.asarray(K0), 6)
    # The third mode has a partner of almost its index, and the two are not told apart.
    for value, vector in zip(modes.beta_squared[:2], modes.vectors[:2], strict=True):
        residual = multiply(a, numbers, vector) + value * multiply(b, numbers, vector)
        assert np.max(np.abs(np.asarray(residual)[free])) < 1e-10
        assert np.all(np.asarray(vector)[~free] == 0)
        np.testing.assert_allclose(form(b, numbers, vector, vector), 1.0, rtol=1e-12)
    assert abs(float(form(b, numbers, modes.vectors[0], modes.vectors[1]))) < 1e-9


@pytest.mark.slow
def test_fields_anywhere_are_those_at_the_points_of_quadrature():
    mesh = box(3, 2, lean=0.2)
    vector = solved(mesh, 4, 1).vectors[0]
    at = geometry(mesh, 4)
    there, anywhere = element_fields(mesh, vector, 4), point_fields(mesh, vector, 4, at.x, at.y)
    for one, other in zip(jax.tree.leaves(there), jax.tree.leaves(anywhere), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def square_problem(width, height, square, k0, curvature, lean):
    base = box(width=1.0, height=1.0)
    x = base.x * width + jnp.asarray([0.0, 1.0, 0.0])[:, None] * lean * (base.y - 0.5)[None]
    mesh = Mesh(x, base.y * height, curvature)
    eps = jnp.stack([square, 1.1 * square, 1.2 * square])[:, None, None, None] * jnp.ones((3, 2, 2, 1))
    return mesh, eps, k0


def value_and_field(parameters):
    mesh, eps, k0 = square_problem(*parameters)
    free = jnp.asarray(free_unknowns(mesh, METAL, 3))
    modes = eigenmodes(mesh, eps, k0, k0**2 * 1.3, free, degree=3, count=1)
    # The mean square of e_x: a figure of the vector, not of its sign.
    u = element_fields(mesh, modes.vectors[0], 3).transverse[0]
    return jnp.stack([modes.beta_squared[0], jnp.sum(geometry(mesh, 3).area * u**2)])


@pytest.mark.slow
def test_derivatives_of_value_and_vector():
    parameters = tuple(map(jnp.asarray, (3.0, 2.0, 1.2, 2.0, 0.05, 0.1)))
    function = jax.jit(value_and_field)
    jacobian = jax.jit(jax.jacrev(value_and_field))(parameters)
    for k, derivative in enumerate(jacobian):
        differences = []
        for step in (2e-3, 1e-3):
            ends = [function(tuple(p + s * step * (j == k) for j, p in enumerate(parameters))) for s in (1, -1)]
            differences.append((ends[0] - ends[1]) / (2 * step))
        expected = (4.0 * differences[1] - differences[0]) / 3.0
        np.testing.assert_allclose(derivative, expected, rtol=2e-6, atol=2e-7)


@pytest.mark.slow
def test_forward_and_reverse_derivatives_agree():
    parameters = tuple(map(jnp.asarray, (3.0, 2.0, 1.2, 2.0, 0.05, 0.1)))
    along = tuple(map(jnp.asarray, (1.0, -0.5, 0.3, 0.2, 1.0, 2.0)))
    _, forward = jax.jit(lambda p: jax.jvp(value_and_field, (p,), (along,)))(parameters)
    reverse = jax.jit(jax.jacrev(value_and_field))(parameters)
    np.testing.assert_allclose(forward, sum(a * row for a, row in zip(along, reverse, strict=True)), rtol=1e-8)


@pytest.mark.slow
def test_a_batch_of_geometries():
    widths = jnp.asarray([2.9, 3.0, 3.1])

    def one(width):
        return value_and_field((width, *map(jnp.asarray, (2.0, 1.2, 2.0, 0.0, 0.0))))[0]

    np.testing.assert_allclose(jax.vmap(one)(widths), [one(w) for w in widths], rtol=1e-11)


@pytest.mark.slow
def test_single_precision(float32):
    modes = solved(box(), degree=4, count=1)
    assert modes.beta_squared.dtype == np.float32
    np.testing.assert_allclose(modes.beta_squared, exact(1), rtol=1e-4)


def test_the_basis_is_nodal_at_the_ends_and_gradients_lie_in_the_other_space():
    values, _ = continuous_values(4, np.array([0.0, 1.0]))
    np.testing.assert_allclose(values[:, [0, -1]], np.eye(2), atol=1e-13)
    functions = basis(4)
    # d(e_z)/d(xi) is a combination of e_x functions, exactly.
    solution, *_ = np.linalg.lstsq(functions.u, functions.z_xi, rcond=None)
    np.testing.assert_allclose(functions.u @ solution, functions.z_xi, atol=1e-11)


def test_numbers_are_shared_on_edges_alone():
    numbers = numbering(3, 2, 3)
    uses = np.bincount(numbers.places.ravel(), minlength=numbers.count)
    assert uses.min() == 1 and uses.max() == 4
    left, right, bottom, top = local_edges(3)
    assert np.array_equal(numbers.places[0, 1][right], numbers.places[1, 1][left])
    assert np.array_equal(numbers.places[1, 0][top], numbers.places[1, 1][bottom])
