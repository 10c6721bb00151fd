"""Guided modes of a cross-section: shift-invert with a block-tridiagonal factorisation, and implicit derivatives.

With the matrices of `elements`, A e = -beta^2 B e. For a shift s, M = A + s B is factorised once: the interior
unknowns of each element are eliminated first, then the horizontal edges of each column, and a block-tridiagonal system
of the lines between columns remains. The Krylov space of M^-1 B (Arnoldi, orthogonalised twice) holds the modes with
beta^2 near s. Each is then refined by inverse iteration with a shift of its own, close enough for a few steps to reach
rounding.

Two things keep modes below cutoff apart from what is none. A has no rows of e_z, so that any e_z alone solves it with
beta = 0; every mode proper has (B e)_z = 0 instead, and right-hand sides are held to that. And B is indefinite: real
vectors are scaled to e B e = 1, or to -1 for evanescent modes of the TM kind.

All matrices are symmetric, complex ones too, so that a left vector is the right one transposed:

    -beta^2 = e A e / e B e

has the error of the vector squared, and its derivative with the vector held is exact (Hellmann and Feynman). The
vector's own derivative takes one more solution with the factors that are there. So a mode costs two factorisations, and
derivatives of any figure of merit with respect to any number of parameters about one more.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.block_tridiagonal import (
    BlockTridiagonal,
    Factors,
    factorize,
    invert,
    product,
    solve_factorized,
)
from photonics_core.kernels.elements import ElementMatrices, Mesh, element_matrices
from photonics_core.kernels.numbering import Numbering, numbering

# Relative distance of the second shift from beta^2. Inverse iteration gains its inverse times the relative distance of
# the next mode, so a few steps gain all digits; closer, the factors would lose digits themselves.
APPROACH = 1e-5
REFINEMENTS = 3
# Squarings of the small matrix of the Krylov space: eigenvalues are told apart down to a relative 1e-7 or so.
SQUARINGS = 28


class Walls(NamedTuple):
    """Walls around the window, "electric" or "magnetic"."""

    left: str = "electric"
    right: str = "electric"
    bottom: str = "electric"
    top: str = "electric"


class Eigenmodes(NamedTuple):
    """Modes in the order of their distance from the shift.

    Args:
        beta_squared: squared propagation constants in 1/um^2, shape [m].
        vectors: values of e_t = beta E_t and e_z = i E_z, shape [m, unknowns], with e B e = 1, or -1 where vectors are
            real and that is negative.
        separation: relative distance of beta^2 to that of the next mode, exact where that is near, shape [m];
            without a derivative.
    """

    beta_squared: jax.Array
    vectors: jax.Array
    separation: jax.Array


class Factorized(NamedTuple):
    """A factorised matrix M."""

    interior: jax.Array  # inverses of the interior blocks, [columns, rows, I, I]
    shared: jax.Array  # from what is around an element to its interior, [columns, rows, I, a]
    rungs: jax.Array  # inverses, [columns, R, R]
    beside: jax.Array  # from the lines beside a column to its rungs, [columns, R, 2 L]
    lines: Factors


@functools.partial(jax.jit, static_argnames=("degree", "count", "steps", "order"))
def eigenmodes(
    mesh: Mesh,
    permittivity: jax.Array,
    k0: jax.Array,
    shift: jax.Array,
    free: jax.Array,
    *,
    degree: int,
    count: int = 1,
    steps: int = 24,
    order: int = 1,
) -> Eigenmodes:
    """The modes with beta^2 nearest a shift.

    Args:
        mesh: the mesh.
        permittivity: as for `element_matrices`.
        k0: 2 pi / wavelength in 1/um.
        shift: the shift in 1/um^2; above all guided modes, it brings those of highest index.
        free: which unknowns are free, shape [unknowns], from `free_unknowns`.
        degree: degree of the elements.
        count: number of modes.
        steps: dimension of the Krylov space.
        order: order up to which derivatives of the vectors are exact.

    Derivatives with respect to mesh, permittivity and k0 are exact, of that order for the vectors and of one more for
    beta_squared. Among modes of equal beta^2 the vectors, and with them derivatives, are those of no single mode; a sum
    over all of them has its derivative. `separation` tells.
    """
    columns, rows = mesh.x.shape[0] - 1, mesh.y.shape[0] - 1
    numbers = numbering(columns, rows, degree)
    matrices = element_matrices(mesh, permittivity, k0, degree)
    held = jax.tree.map(lax.stop_gradient, matrices)
    start = _krylov(held, numbers, free, lax.stop_gradient(shift), count, steps)
    return Eigenmodes(*lax.map(lambda pair: _refined(matrices, held, numbers, free, pair[0], pair[1], order), start))


def free_unknowns(mesh: Mesh, walls: Walls, degree: int) -> np.ndarray:
    """Which unknowns of a mesh are free, shape [unknowns]: not those held at zero by an electric wall."""
    return numbering(mesh.x.shape[0] - 1, mesh.y.shape[0] - 1, degree).free(walls)


def multiply(elements: jax.Array, numbers: Numbering, x: jax.Array) -> jax.Array:
    """The product of an assembled matrix, given by its elements [columns, rows, n, n], with a vector [unknowns]."""
    local = product(elements, x[numbers.places][..., None])[..., 0]
    return jnp.zeros_like(x, local.dtype).at[numbers.places.ravel()].add(local.ravel())


def form(elements: jax.Array, numbers: Numbering, x: jax.Array, y: jax.Array) -> jax.Array:
    """The bilinear form x M y, without conjugation."""
    return jnp.sum(x[numbers.places] * product(elements, y[numbers.places][..., None])[..., 0])


def _krylov(
    matrices: ElementMatrices, numbers: Numbering, free: jax.Array, shift: jax.Array, count: int, steps: int
) -> tuple[jax.Array, jax.Array]:
    """Approximate beta^2 and vectors of the modes nearest the shift."""
    shift = shift.astype(matrices.a.dtype)
    factors = _factorize(matrices.a + shift * matrices.b, numbers, free)
    kept = free & jnp.asarray(numbers.transverse())
    apply = lambda x: _solve(factors, numbers, jnp.where(kept, multiply(matrices.b, numbers, x), 0.0))  # noqa: E731
    dtype = matrices.a.dtype
    random = np.random.default_rng(0).normal(size=numbers.count)
    first = apply(jnp.where(free, jnp.asarray(random, dtype), 0.0))
    space = jnp.zeros((steps + 1, numbers.count), dtype).at[0].set(first / jnp.linalg.norm(first).astype(dtype))

    def extend(space, k):
        x = apply(jnp.take(space, k, axis=0))
        overlap = product(space.conj(), x)
        x = x - product(overlap, space)
        more = product(space.conj(), x)
        x = x - product(more, space)
        norm = jnp.linalg.norm(x).astype(dtype)
        return space.at[k + 1].set(x / norm), (overlap + more).at[k + 1].add(norm)

    space, columns = lax.scan(extend, space, jnp.arange(steps))
    values, weights = _largest_eigenpairs(columns[:, :steps].T, count)
    return shift - 1.0 / values, product(weights, space[:steps])


def _largest_eigenpairs(matrix: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues of largest modulus of a small matrix, and their right vectors [count, n].

    High powers of a matrix tend to a product of a right and a left vector of its largest eigenvalue; that pair is taken
    out and the next one sought. Products of matrices alone: they run everywhere, and no LAPACK waits for a thread.
    """

    def square(_, power):
        power = product(power, power)
        return _of_size_one(power)

    def take_out(left, _):
        power = lax.fori_loop(0, SQUARINGS, square, _of_size_one(left))
        norms = jnp.sum(jnp.abs(power), axis=0), jnp.sum(jnp.abs(power), axis=1)
        right = jnp.take(power, jnp.argmax(norms[0]), axis=1)
        row = jnp.take(power, jnp.argmax(norms[1]), axis=0)
        overlap = jnp.sum(row * right)
        value = jnp.sum(row * product(left, right[:, None])[:, 0]) / overlap
        return left - value / overlap * right[:, None] * row[None, :], (value, right)

    return lax.scan(take_out, matrix, length=count)[1]


def _refined(
    matrices: ElementMatrices,
    held: ElementMatrices,
    numbers: Numbering,
    free: jax.Array,
    beta_squared: jax.Array,
    vector: jax.Array,
    order: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """One mode by inverse iteration, with its derivatives, and the relative distance of the next one."""
    shift = beta_squared * (1.0 + APPROACH)
    factors = _factorize(held.a + shift * held.b, numbers, free)
    kept = free & jnp.asarray(numbers.transverse())

    def invert_once(_, x):
        x = _solve(factors, numbers, jnp.where(kept, multiply(held.b, numbers, x), 0.0))
        return _of_size_one(x)

    vector = lax.fori_loop(0, REFINEMENTS, invert_once, vector)
    vector = lax.stop_gradient(vector / _size(form(held.b, numbers, vector, vector)))
    norm = form(held.b, numbers, vector, vector)
    image = multiply(held.b, numbers, vector) / norm
    other = _beside(held, numbers, free, vector, image, invert_once)
    value = -form(held.a, numbers, vector, vector) / norm
    resolvent = _resolvent(held, numbers, free, factors, shift, value, vector, image)
    vector = _with_derivatives(matrices, numbers, resolvent, value, vector, order)
    norm = form(matrices.b, numbers, vector, vector)
    separation = lax.stop_gradient(jnp.abs(other - value) / jnp.abs(value))
    return -form(matrices.a, numbers, vector, vector) / norm, vector / _size(norm), separation


def _size(norm: jax.Array) -> jax.Array:
    """The root of e B e; of its modulus where it is real."""
    return jnp.sqrt(norm if jnp.iscomplexobj(norm) else jnp.abs(norm))


def _beside(held, numbers, free, vector, image, invert_once) -> jax.Array:
    """beta^2 of the mode nearest to this one, if it is near: inverse iteration without this one's direction."""
    without = lambda x: x - vector * jnp.sum(image * x)  # noqa: E731
    random = jnp.asarray(np.random.default_rng(1).normal(size=numbers.count), vector.dtype)
    other = without(jnp.where(free, random, 0.0))
    other = lax.fori_loop(0, REFINEMENTS, lambda k, x: without(invert_once(k, x)), other)
    return -form(held.a, numbers, other, other) / form(held.b, numbers, other, other)


def _with_derivatives(matrices, numbers, resolvent, value, vector, order) -> jax.Array:
    """The vector, with the derivatives that follow from (A + beta^2 B) e = 0.

    Steps of Newton's method with held factors: their value is the vector, and each makes one more order of its
    derivatives exact, since its error is that of the vector before it times the change of the factors. The part along
    the vector itself is left out; it is only a scale.
    """
    for k in range(order):
        if k:
            norm = form(matrices.b, numbers, vector, vector)
            value = -form(matrices.a, numbers, vector, vector) / norm
        residual = multiply(matrices.a, numbers, vector) + value * multiply(matrices.b, numbers, vector)
        vector = vector - lax.custom_linear_solve(lambda y: y, residual, solve=resolvent, symmetric=True)
    return vector


def _resolvent(held, numbers, free, factors, shift, value, vector, image) -> Callable[[Any, jax.Array], jax.Array]:
    """The inverse of A + beta^2 B without the direction of the mode itself, as `custom_linear_solve` wants it."""
    image = jnp.where(free, image, 0.0)

    def resolvent(_, rhs):
        rhs = jnp.where(free, rhs, 0.0)
        rhs = rhs - image * jnp.sum(vector * rhs)

        def correct(_, y):
            y = _solve(factors, numbers, rhs + (shift - value) * jnp.where(free, multiply(held.b, numbers, y), 0.0))
            return y - vector * jnp.sum(image * y)

        return lax.fori_loop(0, REFINEMENTS, correct, jnp.zeros_like(rhs))

    return resolvent


def _factorize(elements: jax.Array, numbers: Numbering, free: jax.Array) -> Factorized:
    """Factors of the matrix of these elements; unknowns that are not free are held at zero."""
    local = free[numbers.places]
    elements = jnp.where(local[..., :, None] & local[..., None, :], elements, 0.0)
    inside, around = numbers.inside, numbers.around
    block = lambda one, other: elements[:, :, one[:, None], other]  # noqa: E731
    interior = invert(block(inside, inside))
    shared = product(interior, block(inside, around))
    left = block(around, around) - product(_turned(block(inside, around)), shared)
    columns, fixed = _assembled_columns(left, numbers), (~free).astype(elements.dtype)
    height = numbers.rungs[1] * numbers.rungs[2]
    first, second = numbers.sizes[0], sum(numbers.sizes[:2])
    rungs = invert(columns[:, :height, :height] + _diagonals(fixed[first:second].reshape(-1, height)))
    beside = product(rungs, columns[:, :height, height:])
    lines = columns[:, height:, height:] - product(columns[:, height:, :height], beside)
    return Factorized(interior, shared, rungs, beside, factorize(_line_system(lines, fixed[second:], numbers)))


def _assembled_columns(left: jax.Array, numbers: Numbering) -> jax.Array:
    """The matrices of the columns, over their rungs and the lines beside them."""
    places = numbers.column_places()
    size = numbers.rungs[1] * numbers.rungs[2] + 2 * numbers.lines[1]
    empty = jnp.zeros((numbers.columns, size, size), left.dtype)
    return empty.at[:, places[:, :, None], places[:, None, :]].add(left)


def _line_system(columns: jax.Array, fixed: jax.Array, numbers: Numbering) -> BlockTridiagonal:
    length = numbers.lines[1]
    diagonal = _diagonals(fixed.reshape(-1, length))
    diagonal = diagonal.at[:-1].add(columns[:, :length, :length]).at[1:].add(columns[:, length:, length:])
    return BlockTridiagonal(diagonal, columns[:, length:, :length], columns[:, :length, length:])


def _solve(factors: Factorized, numbers: Numbering, rhs: jax.Array) -> jax.Array:
    """Solve for one right-hand side [unknowns]."""
    first, second = numbers.sizes[0], sum(numbers.sizes[:2])
    interior = rhs[:first].reshape(numbers.interior)
    around = numbers.places[:, :, numbers.around]
    rhs = rhs.at[around.ravel()].add(-_times(_turned(factors.shared), interior).ravel())
    rungs = rhs[first:second].reshape(numbers.columns, -1)
    pushed = _times(_turned(factors.beside), rungs).reshape(numbers.columns, 2, -1)
    lines = rhs[second:].reshape(numbers.lines)
    lines = lines.at[:-1].add(-pushed[:, 0]).at[1:].add(-pushed[:, 1])
    lines = solve_factorized(factors.lines, lines[..., None])[..., 0]
    sides = jnp.concatenate([lines[:-1], lines[1:]], axis=1)
    rungs = _times(factors.rungs, rungs) - _times(factors.beside, sides)
    outer = jnp.concatenate([jnp.zeros(first, rhs.dtype), rungs.ravel(), lines.ravel()])
    interior = _times(factors.interior, interior) - _times(factors.shared, outer[around])
    return outer.at[:first].set(interior.ravel())


def _of_size_one(x: jax.Array) -> jax.Array:
    return x / jnp.max(jnp.abs(x)).astype(x.dtype)


def _times(matrix: jax.Array, vector: jax.Array) -> jax.Array:
    return product(matrix, vector[..., None])[..., 0]


def _turned(matrix: jax.Array) -> jax.Array:
    return jnp.swapaxes(matrix, -1, -2)


def _diagonals(rows: jax.Array) -> jax.Array:
    """Diagonal matrices of rows [k, n]."""
    return rows[:, :, None] * jnp.eye(rows.shape[1], dtype=rows.dtype)[None]
