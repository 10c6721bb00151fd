"""The exponential exp(i X) of small matrices by products alone: batched, differentiable to any order.

Two by two it is closed: with X = m + D, tr D = 0, D D = q^2, it is exp(i m) (cos q + i D sin(q) / q), smooth in q^2.
Larger matrices are scaled by a power of two until their norm is below one, summed by Taylor's series to degree 20
(Paterson and Stockmeyer, SIAM J. Comput. 2, 60 (1973)) and squared back, each matrix of a batch as often as it needs
(Higham, Functions of Matrices (2008), chapter 10). The derivative is the Frechet derivative, itself a block of an
exponential (Najfeld and Havel, Adv. Appl. Math. 16, 321 (1995)) and its own transpose but for transposed matrices:

    exp [X E; 0 X] = [exp X, L(X, E); 0, exp X],      <G, L(X, E)> = <L(X^T, G), E>.

So derivatives of any order, forward and reverse, store nothing of the squarings, whose number is known at run time
only. For a Hermitian X a Newton-Schulz step takes the result to the nearest unitary matrix. It moves the last digits
only, and the derivative passes it by: that of a loss at zero loss is not along unitary matrices.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.block_tridiagonal import product
from photonics_core.kernels.counter_waves import even_waves
from photonics_core.kernels.elementwise import Arrays, with_rule

_DEGREE = 20
# Largest norm of the scaled matrix: there the first term left out is 1e-20, far below the rounding of float64.
_LARGEST = 1.0
_MOST_SQUARINGS = 64


def exponential(x: jax.Array, lossless: jax.Array) -> jax.Array:
    """exp(i x) of complex matrices.

    Args:
        x: matrices, complex, shape [..., N, N].
        lossless: whether each is Hermitian and its exponential to be made unitary to rounding, bool, shape [...].

    Returns:
        Matrices of the shape and type of `x`. The error is about the machine epsilon times the norm of x (without the
        mean of its diagonal's real part), relative to the largest norm of exp(i s x), 0 <= s <= 1.
    """
    if x.shape[-1] == 1:
        result = jnp.exp(1j * x)
    elif x.shape[-1] == 2:
        result = _of_two(x)
    else:
        # Only the real part of the common phase is taken out: what is passive then stays below one while squared.
        mean = lax.stop_gradient(jnp.mean(jnp.diagonal(x, axis1=-2, axis2=-1).real, axis=-1))[..., None, None]
        shifted = x - lax.complex(mean, jnp.zeros_like(mean)) * _eye(x)
        result = _exponential(1j * shifted)[0] * lax.complex(jnp.cos(mean), jnp.sin(mean))
    return make_unitary(result, lossless)


def make_unitary(matrix: jax.Array, where: jax.Array) -> jax.Array:
    """Take matrices [..., N, N] that are unitary but for rounding to the nearest unitary ones, where told, shape [...].

    One Newton-Schulz step (Higham, Functions of Matrices (2008), Eq. 8.20); derivatives are those of `matrix`.
    """
    u, one = lax.stop_gradient(matrix), _eye(matrix)
    # 1 - U^H U as one product: a sum that came near one first would be rounded unlike above and below it, and the
    # bias of a part in 1e17 shows after some thousand steps.
    left = jnp.concatenate([one, -jnp.conj(jnp.swapaxes(u, -1, -2))], axis=-1)
    defect = product(left, jnp.concatenate([one, u], axis=-2))
    return matrix + jnp.where(where[..., None, None], 0.5 * product(u, defect), jnp.zeros_like(u))


def is_hermitian(matrix: jax.Array) -> jax.Array:
    """Whether matrices [..., N, N] are Hermitian to the last bit, bool, shape [...]."""
    return jnp.all(matrix == jnp.conj(jnp.swapaxes(matrix, -1, -2)), axis=(-2, -1))


def norm_bound(x: jax.Array) -> jax.Array:
    """A bound of the spectral norm of matrices [..., N, N]: the geometric mean of largest row and column sums."""
    size = jnp.abs(lax.stop_gradient(x))
    return jnp.sqrt(jnp.max(jnp.sum(size, axis=-1), axis=-1)) * jnp.sqrt(jnp.max(jnp.sum(size, axis=-2), axis=-1))


def halvings(norm: jax.Array, largest: float, most: int) -> jax.Array:
    """How often to halve what has this norm, so that it comes below `largest`; integer, `most` at most."""
    needed = jnp.ceil(jnp.log2(jnp.maximum(norm, largest) / largest))
    return jnp.where(jnp.isfinite(needed), jnp.clip(needed, 0, most), 0.0).astype(int)


def _eye(x: jax.Array) -> jax.Array:
    return jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)


def _of_two(x: jax.Array) -> jax.Array:
    a, b, c, d = x[..., 0, 0], x[..., 0, 1], x[..., 1, 0], x[..., 1, 1]
    mean, half = 0.5 * (a + d), 0.5 * (a - d)
    cosine, sine, exponent = even_waves(half * half + b * c, jnp.ones_like(a.real))
    # Both exponents together: for a passive x their sum is not above zero, so nothing overflows.
    factor = jnp.exp(1j * mean + lax.complex(exponent, jnp.zeros_like(exponent)))
    cosine, sine = factor * cosine, 1j * factor * sine
    rows = [cosine + half * sine, b * sine, c * sine, cosine - half * sine]
    return jnp.stack(rows, axis=-1).reshape(x.shape)


def _exponential_values(x: jax.Array) -> Arrays:
    count = halvings(norm_bound(x), _LARGEST, _MOST_SQUARINGS)
    scale = jnp.ldexp(jnp.ones_like(x.real[..., 0, 0]), -count)[..., None, None]
    start = _taylor(x * lax.complex(scale, jnp.zeros_like(scale)))

    def square(state: Any) -> Any:
        k, power = state
        return k + 1, jnp.where((k < count)[..., None, None], product(power, power), power)

    most = jnp.max(count, initial=0)
    return (lax.while_loop(lambda state: state[0] < most, square, (jnp.zeros_like(most), start))[1],)


def _taylor(x: jax.Array) -> jax.Array:
    """Taylor's series in seven products: a polynomial in x^4 whose coefficients are cubics in x."""
    powers = [_eye(x), x, product(x, x)]
    powers += [product(powers[2], x), product(powers[2], powers[2])]

    def cubic(k: int) -> jax.Array:
        terms = [power * (1.0 / math.factorial(4 * k + j)) for j, power in enumerate(powers[:4])]
        return terms[0] + terms[1] + terms[2] + terms[3]

    result = cubic(_DEGREE // 4 - 1) + powers[4] * (1.0 / math.factorial(_DEGREE))
    for k in range(_DEGREE // 4 - 2, -1, -1):
        result = cubic(k) + product(powers[4], result)
    return result


def _exponential_rule(primals: Arrays, tangents: Arrays) -> tuple[Arrays, Arrays]:
    return _exponential(*primals), _frechet(*primals, *tangents)


def _frechet_values(x: jax.Array, e: jax.Array) -> Arrays:
    return jax.jvp(_exponential_values, (x,), (e,))[1]


def _frechet_rule(primals: Arrays, tangents: Arrays) -> tuple[Arrays, Arrays]:
    (x, e), (dx, de), n = primals, tangents, primals[0].shape[-1]
    # Linear in e, whose size must not count in the number of squarings.
    unit = norm_bound(e)
    unit = jnp.where(unit > 0, unit, jnp.ones_like(unit))[..., None, None]
    unit = lax.complex(unit, jnp.zeros_like(unit))
    second = _frechet(_blocks(x, e / unit), _blocks(dx, jnp.zeros_like(dx)))[0][..., :n, n:] * unit
    return _frechet(x, e), (_frechet(x, de)[0] + second,)


def _frechet_transpose(cotangents: Arrays, arguments: Any) -> list[Any]:
    return [None, *_frechet(jnp.swapaxes(arguments[0], -1, -2), cotangents[0])]


def _blocks(diagonal: jax.Array, upper: jax.Array) -> jax.Array:
    top = jnp.concatenate([diagonal, upper], axis=-1)
    return jnp.concatenate([top, jnp.concatenate([jnp.zeros_like(upper), diagonal], axis=-1)], axis=-2)


_exponential = with_rule("matrix_exponential", _exponential_values, _exponential_rule, like=(0,))
_frechet = with_rule(
    "matrix_exponential_frechet", _frechet_values, _frechet_rule, like=(0,), transpose=_frechet_transpose
)
