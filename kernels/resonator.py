"""The amplitude of a resonator that is driven while its resonance and its loss move: da/dt = lambda(t) a + u(t).

Over a step h the equation is solved as an affine map, a_{k+1} = E_k a_k + b_k, from samples of lambda and u:

    E = e^z,  z = int lambda dt,    b = h (g_0 phi_1 + (4 g_m - 3 g_0 - g_1) phi_2 + 4 (g_0 - 2 g_m + g_1) phi_3)(z)

with g = u exp(int_t^h (lambda - z/h)) at the start, the middle and the end of the step, and phi_1 = (e^z - 1) / z,
phi_2 = (phi_1 - 1) / z, phi_3 = (phi_2 - 1/2) / z. Between samples lambda and u are cubics through four of them. This
is of fourth order in h, exact for constant lambda and u however long the step, and stable wherever lambda decays.

The maps are independent of each other, so they are made for all steps at once. Joining them is a recurrence: one step
after the other on a CPU, which is quickest there, and in chunks side by side on a GPU, whose results are the same but
for rounding (Hochbruck and Ostermann, Acta Numerica 19, 209 (2010), for the phi functions).
"""

import functools
import math
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete

#: Steps that a loop takes at once.
UNROLL = 8
#: Terms of phi_3, enough for |z| <= 1 in float64.
TERMS = 16
#: Chunks side by side where the recurrence runs in parallel.
CHUNKS = 1024

Pair = tuple[jax.Array, jax.Array]


def driven_amplitudes(rates: Any, drive: Any, step: Any, start: Any = None, *, chunks: int | None = None) -> jax.Array:
    """Amplitudes of a driven resonator at equal steps in time.

    Args:
        rates: lambda = -i (w0 - w) - 1/tau in rad/ps at the samples, complex, shape [..., K]; K at least 2.
        drive: u at the samples, in the amplitude's unit per ps, complex, shape [..., K], or one number; leading axes
            broadcast with those of `rates`.
        step: time between samples in ps.
        start: amplitude at the first sample, shape [...]; None for the steady state there, -u / lambda.
        chunks: number of chunks of the recurrence, which run side by side; 1 for none, None for what suits the device.

    Returns:
        Amplitudes at the samples, shape [..., K].

    Raises:
        ValueError: for fewer than two samples, shapes that do not go together, a step that is not above zero, chunks
            that are not a positive whole number, or values that are not finite.
    """
    rates, drive = _complex("rates", rates), _complex("drive", drive)
    check_positive("step", step, "ps")
    if rates.ndim < 1 or rates.shape[-1] < 2:
        raise ValueError(f"rates of shape {rates.shape} is not [..., K] with two samples or more")
    if drive.ndim and drive.shape[-1] != rates.shape[-1]:
        raise ValueError(f"drive of shape {drive.shape} does not go with rates of shape {rates.shape}")
    _check_chunks(chunks)
    start = None if start is None else _complex("start", start)
    step = jnp.asarray(step, rates.real.dtype)
    return _amplitudes(rates, drive, step, start, None if chunks is None else int(chunks))


def affine_recurrence(factors: Any, sources: Any, start: Any, *, chunks: int | None = None) -> jax.Array:
    """All x_k of x_{k+1} = E_k x_k + b_k along the first axis.

    Args:
        factors: E, complex, shape [K, ...].
        sources: b, of the same shape.
        start: x_0, shape [...].
        chunks: as for `driven_amplitudes`.

    Returns:
        x_1 ... x_K, shape [K, ...].

    Raises:
        ValueError: for shapes that do not go together, or values that are not finite.
    """
    factors, sources, start = (
        _complex(name, each) for name, each in (("factors", factors), ("sources", sources), ("start", start))
    )
    if factors.shape != sources.shape or factors.shape[1:] != start.shape or factors.ndim < 1:
        shapes = factors.shape, sources.shape, start.shape
        raise ValueError(f"factors, sources and start of shapes {shapes} are not [K, ...], the same, and [...]")
    _check_chunks(chunks)
    return _recurrence(factors, sources, start, None if chunks is None else int(chunks))


@functools.partial(jax.jit, static_argnames="chunks")
def _recurrence(factors: jax.Array, sources: jax.Array, start: jax.Array, chunks: int | None) -> jax.Array:
    dtype = jnp.result_type(factors.dtype, sources.dtype, start.dtype)
    pairs = _pair(factors.astype(dtype)), _pair(sources.astype(dtype)), _pair(start.astype(dtype))
    return lax.complex(*_joined(*pairs, chunks))


def _check_chunks(chunks: int | None) -> None:
    if chunks is not None:
        if not isinstance(chunks, Integral) or isinstance(chunks, bool):
            raise ValueError(f"chunks = {chunks!r} is not of the kind int")
        check_range("chunks", chunks, 1)


@functools.partial(jax.jit, static_argnames="chunks")
def _amplitudes(
    rates: jax.Array, drive: jax.Array, step: jax.Array, start: jax.Array | None, chunks: int | None
) -> jax.Array:
    dtype = jnp.result_type(rates.dtype, drive.dtype)
    constant = drive.ndim == 0
    leading = jnp.broadcast_shapes(
        rates.shape[:-1], () if constant else drive.shape[:-1], () if start is None else start.shape
    )
    if start is None:
        begin = jnp.broadcast_to(drive if constant else drive[..., 0], leading).astype(dtype)
        start = -begin / jnp.broadcast_to(rates[..., 0], leading).astype(dtype)
    first = _pair(jnp.broadcast_to(start.astype(dtype), leading))
    # Time runs along the first axis: what is next to each other in memory is done at once.
    along = _pair(_time_first(rates.astype(dtype), leading))
    source = _pair(drive.astype(dtype) if constant else _time_first(drive.astype(dtype), leading))
    factors, sources = _steps(along, source, step)
    after = _joined(factors, sources, first, chunks)
    whole = (jnp.concatenate([one[None], rest]) for one, rest in zip(first, after, strict=True))
    return jnp.moveaxis(lax.complex(*whole), 0, -1)


def _steps(rates: Pair, drive: Pair, step: jax.Array) -> tuple[Pair, Pair]:
    """E and b of all steps from samples along the first axis."""
    (mean, half), (mean_imag, half_imag) = (_mean_and_half(part) for part in rates)
    e, *phi = _phi((step * mean, step * mean_imag))
    if drive[0].ndim == 0:
        first, middle, last = drive, drive, drive
    else:
        first, last = (drive[0][:-1], drive[1][:-1]), (drive[0][1:], drive[1][1:])
        middle = _middle(drive[0]), _middle(drive[1])
    middle = _times(middle, _exponential((step * half, step * half_imag)))
    weights = (
        _plus(phi[0], _plus(_scaled(phi[1], -3.0), _scaled(phi[2], 4.0))),
        _plus(_scaled(phi[1], 4.0), _scaled(phi[2], -8.0)),
        _plus(_scaled(phi[1], -1.0), _scaled(phi[2], 4.0)),
    )
    parts = [_times(g, w) for g, w in zip((first, middle, last), weights, strict=True)]
    return e, _scaled(functools.reduce(_plus, parts), step)


def _padded(samples: jax.Array) -> jax.Array:
    """Samples with one more on either side, on the cubic through the four at the end, or on what fewer allow."""
    count = min(4, samples.shape[0])
    signs = [(-1.0) ** k * math.comb(count, k + 1) for k in range(count)]
    before = sum((sign * samples[k] for k, sign in enumerate(signs)), jnp.zeros_like(samples[0]))
    after = sum((sign * samples[-1 - k] for k, sign in enumerate(signs)), jnp.zeros_like(samples[0]))
    return jnp.concatenate([before[None], samples, after[None]])


def _mean_and_half(samples: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of each step the mean of a cubic through four samples, and by how much its later half integrates to more than
    half of that, both for a step of one."""
    whole = _padded(samples)
    a, b, c, d = whole[:-3], whole[1:-2], whole[2:-1], whole[3:]
    mean = 0.5 * (b + c) - ((a - b) + (d - c)) / 24.0
    return mean, 0.125 * (c - b) - ((d - a) - 3.0 * (c - b)) / 384.0


def _middle(samples: jax.Array) -> jax.Array:
    whole = _padded(samples)
    return (9.0 * (whole[1:-2] + whole[2:-1]) - (whole[:-3] + whole[3:])) / 16.0


def _phi(z: Pair) -> tuple[Pair, Pair, Pair, Pair]:
    """e^z, phi_1, phi_2 and phi_3."""
    near = z[0] * z[0] + z[1] * z[1] <= 1.0
    return lax.cond(jnp.all(near), _phi_near, functools.partial(_phi_anywhere, near), z)


def _phi_near(z: Pair) -> tuple[Pair, Pair, Pair, Pair]:
    """For |z| up to one: the series of phi_3, and from it the others without differences."""
    third = jnp.full_like(z[0], 1.0 / math.factorial(TERMS + 2)), jnp.zeros_like(z[0])
    for k in range(TERMS + 1, 2, -1):
        third = _raised(third, z, 1.0 / math.factorial(k))
    second = _raised(third, z, 0.5)
    first = _raised(second, z, 1.0)
    return _raised(first, z, 1.0), first, second, third


def _phi_anywhere(near: jax.Array, z: Pair) -> tuple[Pair, Pair, Pair, Pair]:
    # Where a formula is not used it must yet not overflow, or derivatives would not be finite.
    small = jnp.where(near, z[0], 0.0), jnp.where(near, z[1], 0.0)
    large = lax.complex(jnp.where(near, 1.0, z[0]), jnp.where(near, 0.0, z[1]))
    whole = [jnp.exp(large)]
    for constant in (1.0, 1.0, 0.5):
        whole.append((whole[-1] - constant) / large)
    pairs = zip(_phi_near(small), map(_pair, whole), strict=True)
    return tuple(tuple(jnp.where(near, *parts) for parts in zip(*pair, strict=True)) for pair in pairs)  # pyright: ignore[reportReturnType]


def _exponential(turn: Pair) -> Pair:
    """exp of a small number; of any other in the same way."""
    grown = jnp.exp(turn[0])
    return grown * jnp.cos(turn[1]), grown * jnp.sin(turn[1])


def _joined(factors: Pair, sources: Pair, start: Pair, chunks: int | None) -> Pair:
    """Amplitudes after each step, along the first axis."""
    if chunks is not None:
        return _in_chunks(factors, sources, start, chunks) if chunks > 1 else _in_order(factors, sources, start)
    beside = functools.partial(_in_chunks, chunks=CHUNKS)
    return lax.platform_dependent(factors, sources, start, cpu=_in_order, default=beside)


def _in_order(factors: Pair, sources: Pair, start: Pair) -> Pair:
    def step(before: Pair, parts: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
        after = _plus(_times(parts[0], before), parts[1])
        return after, after

    return lax.scan(step, start, (factors, sources), unroll=UNROLL)[1]


def _in_chunks(factors: Pair, sources: Pair, start: Pair, chunks: int) -> Pair:
    """All chunks at once from zero, with the products of their factors; then their starts, one after the other."""
    count = factors[0].shape[0]
    length = -(-count // chunks)

    def cut(pair: Pair, fill: float) -> Pair:
        rest = [(0, length * chunks - count)] + [(0, 0)] * (pair[0].ndim - 1)
        padded = jnp.pad(pair[0], rest, constant_values=fill), jnp.pad(pair[1], rest)
        # Chunks side by side: [length, chunks, ...].
        return tuple(jnp.swapaxes(part.reshape(chunks, length, *part.shape[1:]), 0, 1) for part in padded)  # pyright: ignore[reportReturnType]

    def step(before: tuple[Pair, Pair], parts: tuple[Pair, Pair]) -> tuple[tuple[Pair, Pair], tuple[Pair, Pair]]:
        factor, source = parts
        after = _times(factor, before[0]), _plus(_times(factor, before[1]), source)
        return after, after

    def carry(before: Pair, whole: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
        return _plus(_times(whole[0], before), whole[1]), before

    parts = cut(factors, 1.0), cut(sources, 0.0)
    one = jnp.ones_like(parts[0][0][0]), jnp.zeros_like(parts[0][0][0])
    zero = jnp.zeros_like(one[0]), jnp.zeros_like(one[0])
    products, sums = lax.scan(step, (one, zero), parts)[1]
    ends = jax.tree.map(lambda part: part[-1], (products, sums))
    starts = lax.scan(carry, start, ends)[1]
    whole = _plus(_times(products, tuple(part[None] for part in starts)), sums)  # pyright: ignore[reportArgumentType]
    return tuple(jnp.swapaxes(part, 0, 1).reshape(-1, *part.shape[2:])[:count] for part in whole)  # pyright: ignore[reportReturnType]


def _time_first(values: jax.Array, leading: tuple[Any, ...]) -> jax.Array:
    return jnp.moveaxis(jnp.broadcast_to(values, (*leading, values.shape[-1])), -1, 0)


# Complex numbers as pairs: the compiler for CPUs makes vectors of real arithmetic only.


def _pair(values: jax.Array) -> Pair:
    return values.real, values.imag


def _times(a: Pair, b: Pair) -> Pair:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _raised(a: Pair, b: Pair, constant: float) -> Pair:
    """a b + constant."""
    product = _times(a, b)
    return product[0] + constant, product[1]


def _plus(a: Pair, b: Pair) -> Pair:
    return a[0] + b[0], a[1] + b[1]


def _scaled(a: Pair, factor: Any) -> Pair:
    return factor * a[0], factor * a[1]


def _complex(name: str, values: Any) -> jax.Array:
    values = jnp.asarray(values)
    if not jnp.issubdtype(values.dtype, jnp.inexact):
        values = values.astype(float)
    if is_concrete(values):
        check_finite(name, np.real(np.asarray(values)))
        check_finite(name, np.imag(np.asarray(values)))
    return values if jnp.issubdtype(values.dtype, jnp.complexfloating) else lax.complex(values, jnp.zeros_like(values))
