"""Coupled modes that run against each other: N forward and N' backward waves as a scattering matrix.

The first N amplitudes travel to +z and are given at the left face, the last N' travel to -z and are given at the right:
a boundary-value problem for dA/dz = i M(z) A. A backward mode has - beta on the diagonal of M. With the flux matrix
sigma = diag(1, ..., -1, ...), sigma M is Hermitian in a lossless structure; loss is a positive imaginary part of it.

The transfer matrix exp(i M L) grows as exp(kappa L) and is of no use for a strong reflector. Here a piece is halved
until its slices are thin, a slice is turned from transfer to scattering matrix, and slices are joined by star products,
each of two equal halves, so that 2^s slices cost s products. All factors are bounded (Redheffer, J. Math. Phys. 41, 1
(1962); for gratings Erdogan, J. Lightwave Technol. 15, 1277 (1997), where N = N' = 1 is `counter_waves`).
"""

import functools
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.block_tridiagonal import invert, product
from photonics_core.kernels.checks import check_range
from photonics_core.kernels.coupled_mode import as_lengths, as_matrices
from photonics_core.kernels.matrix_exponential import exponential, halvings, is_hermitian, make_unitary, norm_bound
from photonics_core.kernels.transfer_matrix import identity_block, star, star_chain

# Norm of M times the thickness of a slice: its block d differs from one by less than exp(1/2) - 1, so has an inverse.
_SLICE = 0.5
# So far reaches ||M|| L of 5e11, where a phase has four digits left in float64.
_MOST_DOUBLINGS = 40


def counter_scattering(matrices: Any, lengths: Any, forward: int) -> jax.Array:
    """Scattering matrix of a row of uniform pieces in which waves run both ways.

    Args:
        matrices: M of the pieces in rad/um, shape [K, ..., N + N', N + N'].
        lengths: their lengths in um, not negative, shape [K], or [K, ...] to go with the leading axes, or one for all.
        forward: N, the number of forward modes, which come first; static.

    Returns:
        S[..., out, in] of shape [..., N + N', N + N']. Waves in: the N forward amplitudes at the left face, then the N'
        backward ones at the right. Waves out: the N' backward ones at the left, then the N forward ones at the right.
        Unitary to rounding where the structure is lossless; the error of a phase is some 1e-15 of ||M|| L.

    Raises:
        ValueError: if M is not square, `forward` is not from 1 to its size less one, a length is negative or not
            finite, or shapes do not match.
    """
    matrices = as_matrices("matrices", matrices, 1)
    size = matrices.shape[-1]
    if not isinstance(forward, Integral) or isinstance(forward, bool):
        raise ValueError(f"forward = {forward!r} is not of the kind int")
    check_range("forward", forward, 1, size - 1)
    check_range("lengths", lengths, 0.0, unit="um")
    return _counter_scattering(matrices, as_lengths(lengths, matrices), int(forward))


@functools.partial(jax.jit, static_argnames="forward")
def _counter_scattering(matrices: jax.Array, lengths: jax.Array, forward: int) -> jax.Array:
    lengths = jnp.broadcast_to(lengths, matrices.shape[:-2]).astype(matrices.real.dtype)
    lossless = is_hermitian(_flux_signs(matrices, forward) * matrices)
    count = halvings(norm_bound(matrices) * jnp.abs(lax.stop_gradient(lengths)), _SLICE, _MOST_DOUBLINGS)
    thickness = jnp.ldexp(lengths, -count).astype(matrices.dtype)
    transfer = exponential(matrices * thickness[..., None, None], jnp.zeros_like(lossless))
    slices = make_unitary(_scattering(transfer, forward), lossless)
    pieces = _doubled(_filled_up(slices, forward), count, lossless)
    rows, columns = _ports(forward, matrices.shape[-1] - forward)
    return star_chain(pieces)[..., rows[:, None], columns[None, :]]


def _flux_signs(matrices: jax.Array, forward: int) -> jax.Array:
    signs = np.where(np.arange(matrices.shape[-1]) < forward, 1.0, -1.0)
    return jnp.asarray(signs, matrices.dtype).reshape((1,) * (matrices.ndim - 2) + (-1, 1))


def _scattering(transfer: jax.Array, forward: int) -> jax.Array:
    """Scattering matrix of a thin slice, solved for the backward waves at its left face."""
    n = forward
    a, b, c, d = (transfer[..., i, j] for i in (slice(n), slice(n, None)) for j in (slice(n), slice(n, None)))
    back = invert(d) if d.shape[-1] > 1 else 1.0 / d
    reflected = -product(back, c)
    rows = [[reflected, back], [a + product(b, reflected), product(b, back)]]
    return jnp.concatenate([jnp.concatenate(row, axis=-1) for row in rows], axis=-2)


def _doubled(blocks: jax.Array, count: jax.Array, lossless: jax.Array) -> jax.Array:
    """Each block joined to itself as often as `count` says. A loop of fixed length, so that it runs in reverse too."""
    nothing = jnp.broadcast_to(identity_block(blocks.shape[-1] // 2, blocks.dtype), blocks.shape)

    def join(blocks: jax.Array, k: jax.Array) -> tuple[jax.Array, None]:
        open_ = (k < count)[..., None, None]

        def double(blocks: jax.Array) -> jax.Array:
            # What is ready goes in as nothing at all: a resonance of its own must not spoil derivatives.
            half = jnp.where(open_, blocks, nothing)
            return jnp.where(open_, make_unitary(star(half, half), lossless), blocks)

        return lax.cond(jnp.any(open_), double, lambda blocks: blocks, blocks), None

    return lax.scan(join, blocks, jnp.arange(_MOST_DOUBLINGS, dtype=count.dtype))[0]


def _filled_up(scattering: jax.Array, forward: int) -> jax.Array:
    """Blocks with as many forward as backward modes: those that were missing go straight through."""
    backward = scattering.shape[-1] - forward
    if forward == backward:
        return scattering
    n = max(forward, backward)
    rows, columns = _ports(forward, backward)
    whole = jnp.broadcast_to(identity_block(n, scattering.dtype), (*scattering.shape[:-2], 2 * n, 2 * n))
    return whole.at[..., rows[:, None], columns[None, :]].set(scattering)


def _ports(forward: int, backward: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the ports lie in a block of n = max(forward, backward) modes each way: of waves out, and of waves in."""
    n, right, left = max(forward, backward), np.arange(forward), np.arange(backward)
    return np.concatenate([left, n + right]), np.concatenate([right, n + left])
