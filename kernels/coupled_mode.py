"""Coupled modes in space: N waves that run along z and exchange power, dA/dz = i M(z) A.

With the time dependence exp(-i w t), M has the propagation constants on its diagonal (+ beta, in rad/um) and the
couplings beside it; an imaginary part that is positive is loss, for d|A|^2/dz = -2 A^H Im(M) A, where Im(M) is
(M - M^H) / 2i. M is Hermitian in a lossless structure and symmetric in a reciprocal one whose modes are real.

Only differences of propagation constants couple. A phase common to all modes is taken out before the exponential is
formed and keeps the digits that beta times length has: in float32 give beta less a reference, and add that phase
where it is wanted. M that depends on z is either constant over pieces (`propagate`), exactly, or smooth over steps
(`magnus`), to fourth order in the step. Either way a step is exp(i X) and unitary to rounding where M is Hermitian.

A. Yariv, IEEE J. Quantum Electron. 9, 919 (1973). Waves that run against each other: `counter_modes`.
"""

import functools
import math
from collections.abc import Callable
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.block_tridiagonal import product
from photonics_core.kernels.checks import check_finite, check_range, is_concrete
from photonics_core.kernels.matrix_exponential import exponential, is_hermitian
from photonics_core.kernels.transfer_matrix import transfer_chain

# Two Gauss points of a step, as parts of it, and the weight of the commutator of M there.
GAUSS = (0.5 - math.sqrt(3.0) / 6.0, 0.5 + math.sqrt(3.0) / 6.0)
_COMMUTATOR = math.sqrt(3.0) / 12.0


def propagator(matrix: Any, length: Any) -> jax.Array:
    """Transfer matrix exp(i M L) of a uniform piece: A(L) = exp(i M L) A(0).

    Args:
        matrix: M in rad/um, real or complex, shape [..., N, N].
        length: L in um, real, of either sign; broadcasts with the leading axes of `matrix`.

    Returns:
        Matrices [..., N, N]. Closed for N = 2, else accurate to some 5e-16 times ||M|| L in float64, ||M|| without
        the mean of the diagonal: 1e-12 up to ||M|| L = 1000, and so on for any size; nothing overflows where M is
        passive. Derivatives of any order in both arguments, also where modes are equal or uncoupled.

    Raises:
        ValueError: if M is not square or a value is not finite.
    """
    matrix, length = as_matrices("matrix", matrix), as_lengths(length)
    return _propagator(matrix, length)


def propagate(matrices: Any, lengths: Any, amplitudes: Any) -> jax.Array:
    """Amplitudes along a row of K uniform pieces.

    Args:
        matrices: M of the pieces in rad/um, shape [K, ..., N, N].
        lengths: their lengths in um, shape [K], or [K, ...] to go with the leading axes, or one for all.
        amplitudes: A(0), square roots of power (say sqrt(mW)), shape [..., N].

    Returns:
        Amplitudes at the faces of the pieces, the first being A(0), shape [K + 1, ..., N].

    Raises:
        ValueError: if shapes do not match or a value is not finite.
    """
    matrices = as_matrices("matrices", matrices, 1)
    return amplitudes_along(_propagator(matrices, as_lengths(lengths, matrices)), amplitudes)


def total_propagator(matrices: Any, lengths: Any) -> jax.Array:
    """Transfer matrix [..., N, N] of a row of uniform pieces, the first passed first; arguments as for `propagate`."""
    matrices = as_matrices("matrices", matrices, 1)
    return transfer_chain(_propagator(matrices, as_lengths(lengths, matrices)))


def amplitudes_along(propagators: Any, amplitudes: Any) -> jax.Array:
    """Amplitudes A(0) [..., N] carried through transfer matrices [K, ..., N, N] one by one, shape [K + 1, ..., N].

    Raises:
        ValueError: if the numbers of modes differ or a value is not finite.
    """
    propagators, amplitudes = as_matrices("propagators", propagators, 1), _complex(amplitudes)
    if amplitudes.ndim < 1 or amplitudes.shape[-1] != propagators.shape[-1]:
        raise ValueError(f"amplitudes of shape {amplitudes.shape} is not [..., {propagators.shape[-1]}]")
    _check_finite("amplitudes", amplitudes)
    return _along(propagators, amplitudes)


def magnus(
    matrix_at: Callable[[jax.Array, Any], jax.Array], parameters: Any, length: Any, amplitudes: Any, steps: int
) -> jax.Array:
    """Amplitudes along a structure that varies smoothly with z, to fourth order in the step.

    Args:
        matrix_at: M(z, parameters) in rad/um, for z in um of shape [steps, 2] a matrix [steps, 2, ..., N, N]. It is
            a static argument: pass a function defined once and what varies as `parameters`, so that nothing compiles
            twice.
        parameters: pytree of arrays that `matrix_at` takes.
        length: length in um, a number.
        amplitudes: A(0), shape [..., N].
        steps: number of equal steps.

    Returns:
        Amplitudes at z = 0, h, ..., length, shape [steps + 1, ..., N]; |A|^2 is kept at any step where M is Hermitian.
        For the transfer matrix itself join `magnus_propagators` by `transfer_chain`.

    Raises:
        ValueError: if `steps` is not a positive whole number, a value is not finite, or shapes do not match.
    """
    _check_steps(steps)
    amplitudes = _complex(amplitudes)
    _check_finite("amplitudes", amplitudes)
    return _magnus(matrix_at, parameters, as_lengths(length), amplitudes, int(steps))


def magnus_propagators(samples: Any, lengths: Any) -> jax.Array:
    """Transfer matrices of steps from M sampled at the two Gauss points of each.

    X = h (M1 + M2) / 2 - i sqrt(3) h^2 / 12 [M1, M2], and the step is exp(i X) (Blanes, Casas, Oteo, Ros, Phys. Rep.
    470, 151 (2009), section 5.4).

    Args:
        samples: M in rad/um at the points `gauss_points` of the steps, shape [K, 2, ..., N, N].
        lengths: lengths of the steps in um, shape [K], or [K, ...] to go with the axes after the second, or one.

    Returns:
        Matrices [K, ..., N, N]; unitary to rounding where both samples are Hermitian.

    Raises:
        ValueError: if shapes do not match or a value is not finite.
    """
    samples = as_matrices("samples", samples, 2)
    if samples.shape[1] != 2:
        raise ValueError(f"samples of shape {samples.shape} is not [K, 2, ..., N, N]")
    return _magnus_propagators(samples, as_lengths(lengths, samples[:, 0]))


def gauss_points(length: Any, steps: int) -> jax.Array:
    """The two Gauss points of each of `steps` equal steps over [0, length], z in um, shape [steps, 2]."""
    _check_steps(steps)
    length = as_lengths(length)
    parts = (np.arange(steps)[:, None] + np.asarray(GAUSS)) / steps
    return length * jnp.asarray(parts, length.dtype)


@jax.jit
def _propagator(matrix: jax.Array, length: jax.Array) -> jax.Array:
    shape = jnp.broadcast_shapes(matrix.shape[:-2], length.shape)
    matrix = jnp.broadcast_to(matrix, (*shape, *matrix.shape[-2:]))
    factor = jnp.broadcast_to(length.astype(matrix.dtype), shape)[..., None, None]
    return exponential(matrix * factor, is_hermitian(matrix))


@jax.jit
def _along(propagators: jax.Array, amplitudes: jax.Array) -> jax.Array:
    shape = jnp.broadcast_shapes(propagators.shape[1:-1], amplitudes.shape)
    start = jnp.broadcast_to(amplitudes, shape).astype(propagators.dtype)

    def step(before: jax.Array, matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
        matrix = jnp.broadcast_to(matrix, (*shape, shape[-1]))
        after = product(matrix, before[..., None])[..., 0]
        return after, after

    return jnp.concatenate([start[None], lax.scan(step, start, propagators)[1]])


@functools.partial(jax.jit, static_argnames=("matrix_at", "steps"))
def _magnus(
    matrix_at: Callable[[jax.Array, Any], jax.Array], parameters: Any, length: jax.Array, start: jax.Array, steps: int
) -> jax.Array:
    samples = jnp.asarray(matrix_at(gauss_points(length, steps), parameters))
    if samples.shape[:2] != (steps, 2) or samples.shape[-2:] != (start.shape[-1], start.shape[-1]):
        n = start.shape[-1]
        raise ValueError(f"matrix_at gives shape {samples.shape}, not [{steps}, 2, ..., {n}, {n}]")
    return amplitudes_along(magnus_propagators(samples, length / steps), start)


@jax.jit
def _magnus_propagators(samples: jax.Array, lengths: jax.Array) -> jax.Array:
    first, second = samples[:, 0], samples[:, 1]
    h = jnp.broadcast_to(lengths, first.shape[:-2]).astype(samples.dtype)[..., None, None]
    commutator = product(first, second) - product(second, first)
    x = 0.5 * h * (first + second) - 1j * _COMMUTATOR * h * h * commutator
    # Asked of the samples: rounding leaves the commutator of Hermitian matrices not quite anti-Hermitian.
    return exponential(x, is_hermitian(first) & is_hermitian(second))


def _complex(values: Any) -> jax.Array:
    values = jnp.asarray(values)
    if jnp.issubdtype(values.dtype, jnp.complexfloating):
        return values
    values = values if jnp.issubdtype(values.dtype, jnp.floating) else values.astype(float)
    return lax.complex(values, jnp.zeros_like(values))


def as_matrices(name: str, values: Any, leading: int = 0) -> jax.Array:
    """Matrices [..., N, N] as a complex array, after `leading` axes that have to be there.

    Raises:
        ValueError: if they are not square or a value is not finite.
    """
    values = _complex(values)
    if values.ndim < 2 + leading or values.shape[-1] != values.shape[-2] or values.shape[-1] == 0:
        row = ("", "K, ", "K, 2, ")[leading]
        raise ValueError(f"{name} of shape {values.shape} is not [{row}..., N, N]")
    _check_finite(name, values)
    return values


def as_lengths(length: Any, matrices: jax.Array | None = None) -> jax.Array:
    """Lengths in um as an array of floats; beside a row of matrices [K, ..., N, N], their axes set under its first.

    Raises:
        ValueError: if a length is not finite or the shapes do not match.
    """
    check_finite("length" if matrices is None else "lengths", length, "um")
    length = jnp.asarray(length)
    length = length if jnp.issubdtype(length.dtype, jnp.floating) else length.astype(float)
    if matrices is None or length.ndim == 0:
        return length
    axes = matrices.ndim - 2
    if length.shape[0] != matrices.shape[0] or length.ndim > axes:
        raise ValueError(f"lengths of shape {length.shape} do not go with matrices of shape {matrices.shape}")
    return length.reshape(length.shape + (1,) * (axes - length.ndim))


def _check_finite(name: str, values: jax.Array) -> None:
    if is_concrete(values):
        host = np.asarray(values)
        check_finite(name, np.real(host))
        check_finite(name, np.imag(host))


def _check_steps(steps: Any) -> None:
    if not isinstance(steps, Integral) or isinstance(steps, bool):
        raise ValueError(f"steps = {steps!r} is not of the kind int")
    check_range("steps", steps, 1)
