"""Chains of scattering matrices: star products, and transfer matrices where they are safe.

Ports of a block come in two halves: the first n are on its left, the last n on its right. With the incoming
waves a and the outgoing waves b,

    [b_left ]   [S_ll  S_lr] [a_left ]
    [b_right] = [S_rl  S_rr] [a_right],        S[..., out, in].

The star product joins the right of one block to the left of the next (Redheffer, J. Math. Phys. 41, 1 (1962)). All
its factors are bounded by one for passive blocks, so long chains neither overflow nor lose digits, in complex64 too.
Transfer matrices, which map left waves to right waves, hold growing and decaying exponentials side by side: they are
here for short chains and for comparison.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

HIGHEST = lax.Precision.HIGHEST


@jax.jit
def star(left: jax.Array, right: jax.Array) -> jax.Array:
    """Join two blocks, the right ports of `left` to the left ports of `right`.

    Args:
        left: scattering matrices, shape [..., 2n, 2n].
        right: scattering matrices, shape [..., 2n, 2n].

    Returns:
        Scattering matrices of the pair, shape [..., 2n, 2n]; not finite where light is caught for ever between two
        perfect reflectors in resonance, for then there is no steady state.

    Raises:
        ValueError: if the shapes differ or the number of ports is odd.
    """
    if left.shape[-2:] != right.shape[-2:] or left.shape[-1] != left.shape[-2] or left.shape[-1] % 2:
        raise ValueError(f"left = {left.shape} and right = {right.shape} are not [..., 2n, 2n] of one n")
    a_ll, a_lr, a_rl, a_rr = _blocks(left)
    b_ll, b_lr, b_rl, b_rr = _blocks(right)
    # Waves between the blocks: to the right f = inv(1 - a_rr b_ll)(...), to the left g = inv(1 - b_ll a_rr)(...).
    n = left.shape[-1] // 2
    forward = _solve(_one_minus(a_rr, b_ll), jnp.concatenate([a_rl, _multiply(a_rr, b_lr)], axis=-1))
    f_left, f_right = forward[..., :n], forward[..., n:]
    s_ll = a_ll + _multiply(a_lr, _multiply(b_ll, f_left))
    s_lr = _multiply(a_lr, b_lr + _multiply(b_ll, f_right))
    s_rl = _multiply(b_rl, f_left)
    s_rr = b_rr + _multiply(b_rl, f_right)
    return _assemble(s_ll, s_lr, s_rl, s_rr)


@functools.partial(jax.jit, static_argnames="axis")
def star_chain(blocks: jax.Array, axis: int = 0) -> jax.Array:
    """Join a row of blocks, from left to right, with a scan: compile time does not grow with their number.

    Args:
        blocks: scattering matrices, shape [..., N, ..., 2n, 2n], the row along `axis`.
        axis: axis of the row, before the last two.

    Returns:
        Scattering matrices of the whole, the axis removed.
    """
    row = jnp.moveaxis(blocks, axis, 0)
    total, _ = lax.scan(lambda joined, block: (star(joined, block), None), row[0], row[1:])
    return total


def identity_block(n: int, dtype: jnp.dtype | type = complex) -> jax.Array:
    """Scattering matrix [2n, 2n] of nothing: every wave goes straight through."""
    zero, one = jnp.zeros((n, n), dtype), jnp.eye(n, dtype=dtype)
    return _assemble(zero, one, one, zero)


@jax.jit
def transfer_from_scattering(scattering: jax.Array) -> jax.Array:
    """Transfer matrices [..., 2, 2] of two-ports: (b_right, a_right) = M (a_left, b_left).

    S_lr = 0 (nothing passes to the left) has no transfer matrix: the result is then infinite.
    """
    s_ll, s_lr, s_rl, s_rr = (block[..., 0, 0] for block in _blocks(scattering))
    rows = [s_rl * s_lr - s_rr * s_ll, s_rr, -s_ll, jnp.ones_like(s_ll)]
    return _matrix([row / s_lr for row in rows])


@jax.jit
def scattering_from_transfer(transfer: jax.Array) -> jax.Array:
    """Scattering matrices [..., 2, 2] of the two-ports with the transfer matrices [..., 2, 2]."""
    m00, m01, m10, m11 = (block[..., 0, 0] for block in _blocks(transfer))
    return _matrix([-m10 / m11, 1.0 / m11, m00 - m01 * m10 / m11, m01 / m11])


@functools.partial(jax.jit, static_argnames="axis")
def transfer_chain(matrices: jax.Array, axis: int = 0) -> jax.Array:
    """Product M_N ... M_2 M_1 of transfer matrices [..., N, ..., m, m] along `axis`; waves pass M_1 first."""
    row = jnp.moveaxis(matrices, axis, 0)
    total, _ = lax.scan(lambda product, m: (_multiply(m, product), None), row[0], row[1:])
    return total


def _blocks(s: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    n = s.shape[-1] // 2
    return s[..., :n, :n], s[..., :n, n:], s[..., n:, :n], s[..., n:, n:]


def _assemble(s_ll: jax.Array, s_lr: jax.Array, s_rl: jax.Array, s_rr: jax.Array) -> jax.Array:
    top = jnp.concatenate([s_ll, s_lr], axis=-1)
    return jnp.concatenate([top, jnp.concatenate([s_rl, s_rr], axis=-1)], axis=-2)


def _matrix(entries: list[jax.Array]) -> jax.Array:
    return jnp.stack(entries, axis=-1).reshape((*entries[0].shape, 2, 2))


def _multiply(a: jax.Array, b: jax.Array) -> jax.Array:
    # Small blocks are written out: a batched call of a matrix library costs more than the arithmetic.
    if a.shape[-1] == 1:
        return a * b
    if a.shape[-1] == 2:
        return a[..., :, :1] * b[..., :1, :] + a[..., :, 1:] * b[..., 1:, :]
    return jnp.matmul(a, b, precision=HIGHEST)


def _one_minus(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.eye(a.shape[-1], dtype=a.dtype)[(None,) * (a.ndim - 2)] - _multiply(a, b)


def _solve(matrix: jax.Array, rhs: jax.Array) -> jax.Array:
    if matrix.shape[-1] == 1:
        return rhs / matrix
    if matrix.shape[-1] == 2:
        m00, m01, m10, m11 = (block[..., 0] for block in _blocks(matrix))
        top, bottom = rhs[..., 0, :], rhs[..., 1, :]
        determinant = m00 * m11 - m01 * m10
        rows = [(m11 * top - m01 * bottom) / determinant, (m00 * bottom - m10 * top) / determinant]
        return jnp.stack(rows, axis=-2)
    # By halves, without pivots: 1 - A B of passive A and B has a positive Hermitian part, which Schur complements
    # inherit. Batches of LAPACK calls are avoided, as in `block_tridiagonal.invert`.
    n = matrix.shape[-1] // 2
    upper = _solve(matrix[..., :n, :n], jnp.concatenate([matrix[..., :n, n:], rhs[..., :n, :]], axis=-1))
    to_lower, upper = upper[..., : matrix.shape[-1] - n], upper[..., matrix.shape[-1] - n :]
    schur = matrix[..., n:, n:] - _multiply(matrix[..., n:, :n], to_lower)
    lower = _solve(schur, rhs[..., n:, :] - _multiply(matrix[..., n:, :n], upper))
    return jnp.concatenate([upper - _multiply(to_lower, lower), lower], axis=-2)
