"""Block-tridiagonal systems: factors, solutions and their derivatives.

Row k of the system is lower[k - 1] x[k - 1] + diagonal[k] x[k] + upper[k] x[k + 1] = rhs[k]. Elimination runs from one
block to the next without pivoting across blocks; within a block LAPACK pivots. The pivot blocks are kept inverted, so
that a solution is made of matrix products alone, which batch well and suit a GPU. All blocks are of one size; a
block that is smaller is filled up with the identity.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

HIGHEST = lax.Precision.HIGHEST


class BlockTridiagonal(NamedTuple):
    """A matrix of K x K blocks of size n.

    Args:
        diagonal: shape [K, n, n].
        lower: blocks below the diagonal, shape [K - 1, n, n].
        upper: blocks above the diagonal, shape [K - 1, n, n].
    """

    diagonal: jax.Array
    lower: jax.Array
    upper: jax.Array


class Factors(NamedTuple):
    """A factorisation: inverted pivot blocks [K, n, n] and the blocks beside the diagonal."""

    inverse: jax.Array
    lower: jax.Array
    upper: jax.Array


def factorize(matrix: BlockTridiagonal) -> Factors:
    """Factorise a matrix.

    The pivot blocks have to be regular; those of a definite matrix are.
    """

    def step(inverse, blocks):
        diagonal, lower, upper = blocks
        pivot = diagonal - product(product(lower, inverse), upper)
        inverse = invert(pivot)
        return inverse, inverse

    first = invert(matrix.diagonal[0])
    _, rest = lax.scan(step, first, (matrix.diagonal[1:], matrix.lower, matrix.upper))
    return Factors(jnp.concatenate([first[None], rest]), matrix.lower, matrix.upper)


def solve_factorized(factors: Factors, rhs: jax.Array) -> jax.Array:
    """Solve for right-hand sides of shape [K, n, m]."""

    def down(before, row):
        inverse, lower, b = row
        left = b - product(lower, before)
        return product(inverse, left), left

    first = product(factors.inverse[0], rhs[0])
    _, left = lax.scan(down, first, (factors.inverse[1:], factors.lower, rhs[1:]))
    left = jnp.concatenate([rhs[:1], left])

    def up(after, row):
        inverse, upper, b = row
        x = product(inverse, b - product(upper, after))
        return x, x

    last = product(factors.inverse[-1], left[-1])
    _, rest = lax.scan(up, last, (factors.inverse[:-1], factors.upper, left[:-1]), reverse=True)
    return jnp.concatenate([rest, last[None]])


def solve(matrix: BlockTridiagonal, rhs: jax.Array) -> jax.Array:
    """Solve a system, with derivatives in the matrix and the right-hand side of shape [K, n, m].

    A derivative costs one more solution with the same factors, transposed in reverse.
    """
    factors = factorize(jax.tree.map(lax.stop_gradient, matrix))
    return lax.custom_linear_solve(
        lambda x: multiply(matrix, x),
        rhs,
        solve=lambda _, b: solve_factorized(factors, b),
        transpose_solve=lambda _, b: solve_factorized(transposed(factors), b),
    )


def transposed(factors: Factors) -> Factors:
    """The factors of the transposed matrix."""
    turn = lambda blocks: jnp.swapaxes(blocks, -1, -2)  # noqa: E731
    return Factors(turn(factors.inverse), turn(factors.upper), turn(factors.lower))


def multiply(matrix: BlockTridiagonal, x: jax.Array) -> jax.Array:
    """The product of a matrix with x, shape [K, n, m]."""
    result = product(matrix.diagonal, x)
    result = result.at[1:].add(product(matrix.lower, x[:-1]))
    return result.at[:-1].add(product(matrix.upper, x[1:]))


def product(a: jax.Array, b: jax.Array) -> jax.Array:
    """Matrix product in full precision, also on a GPU."""
    return jnp.matmul(a, b, precision=HIGHEST)


def invert(a: jax.Array) -> jax.Array:
    """Inverse of matrices [..., n, n] by Gauss-Jordan elimination, pivots taken from the column.

    LAPACK is not asked, for two reasons measured: JAX hands batches of matrices to threads of the pool that runs the
    program itself, so two such calls at a time wait for each other for ever on two cores (jaxlib 0.10.1); and blocks
    of some tens of rows are inverted as fast in one vectorised pass over the batch.
    """
    return jnp.vectorize(_invert, signature="(n,n)->(n,n)")(a)


def _invert(a: jax.Array) -> jax.Array:
    rows = jnp.arange(a.shape[0])

    def eliminate(k, state):
        a, order = state
        column = jnp.where(rows < k, 0.0, jnp.abs(jnp.take(a, k, axis=1)))
        pivot = jnp.argmax(column)
        source = jnp.where(rows == k, pivot, jnp.where(rows == pivot, k, rows))
        a, order = a[source], order[source]
        row, column, here = jnp.take(a, k, axis=0), jnp.take(a, k, axis=1), rows == k
        row = jnp.where(here, 1.0, row) / jnp.take(row, k)
        column = jnp.where(here, 0.0, column)
        rest = jnp.where(here[None, :], 0.0, a) - column[:, None] * row[None, :]
        return jnp.where(here[:, None], row[None, :], rest), order

    inverse, order = lax.fori_loop(0, a.shape[0], eliminate, (a, rows))
    # Rows were exchanged on the way, so the columns of the inverse are.
    return inverse[:, jnp.argsort(order)]
