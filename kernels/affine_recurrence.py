"""States of x_{k+1} = E_k x_k + b_k: one step after the other, or in chunks side by side.

One after the other is quickest on a CPU. On a GPU chunks run side by side from zero, with the products of their
factors, and are then joined; the results are the same but for rounding. Factors and sources need not be there
beforehand: they may be made of the parts of a step within it, which spares the memory and its traffic.
"""

import functools
from collections.abc import Callable
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.checks import as_inexact, check_range

#: Chunks side by side where the recurrence runs in parallel.
CHUNKS = 1024

Pair = tuple[jax.Array, jax.Array]
Map = Callable[[Any], Pair]


def affine_recurrence(factors: Any, sources: Any, start: Any, *, chunks: int | None = None) -> jax.Array:
    """All x_k of x_{k+1} = E_k x_k + b_k along the first axis.

    Args:
        factors: E, shape [K, ...].
        sources: b, of the same shape.
        start: x_0, shape [...].
        chunks: number of chunks, which run side by side; 1 for none, None for what suits the device.

    Returns:
        x_1 ... x_K, shape [K, ...].

    Raises:
        ValueError: for shapes that do not go together, chunks that are not a positive whole number, or values that are
            not finite.
    """
    factors, sources, start = (
        as_inexact(name, each) for name, each in (("factors", factors), ("sources", sources), ("start", start))
    )
    if factors.shape != sources.shape or factors.shape[1:] != start.shape or factors.ndim < 1:
        shapes = factors.shape, sources.shape, start.shape
        raise ValueError(f"factors, sources and start of shapes {shapes} are not [K, ...], the same, and [...]")
    return _recurrence(factors, sources, start, checked_chunks(chunks))


def checked_chunks(chunks: Any) -> int | None:
    """`chunks` as a whole number above zero, or None.

    Raises:
        ValueError: for anything else.
    """
    if chunks is None:
        return None
    if not isinstance(chunks, Integral) or isinstance(chunks, bool):
        raise ValueError(f"chunks = {chunks!r} is not of the kind int")
    check_range("chunks", chunks, 1)
    return int(chunks)


def states_before(of: Map, parts: Any, start: jax.Array, chunks: int | None) -> jax.Array:
    """States before each step, shape [K, ...].

    Args:
        of: makes E and b of the parts of a step; in chunks those of one step of each chunk, along a first axis.
        parts: a pytree of numbers for all steps, of arrays with the K steps along the first axis, K from 2 on, and of
            arrays with an axis of one there for what is the same in all steps.
        start: the state before the first step, shape [...], of the type of the states.
        chunks: as for `affine_recurrence`.
    """
    beside, in_order = functools.partial(_in_chunks, of, CHUNKS), functools.partial(_in_order, of)
    if chunks is None:
        return lax.platform_dependent(parts, start, cpu=in_order, default=beside)
    return _in_chunks(of, chunks, parts, start) if chunks > 1 else in_order(parts, start)


@functools.partial(jax.jit, static_argnames="chunks")
def _recurrence(factors: jax.Array, sources: jax.Array, start: jax.Array, chunks: int | None) -> jax.Array:
    dtype = np.result_type(factors.dtype, sources.dtype, start.dtype)
    # A step more, for the states are those before the steps.
    more = [(0, 1)] + [(0, 0)] * start.ndim
    maps = jnp.pad(factors.astype(dtype), more), jnp.pad(sources.astype(dtype), more)
    return states_before(lambda each: each, maps, start.astype(dtype), chunks)[1:]


def _in_order(of: Map, parts: Any, start: jax.Array) -> jax.Array:
    def step(state: jax.Array, now: Any) -> Pair:
        factor, source = of(now)
        return factor * state + source, state

    return _scan(step, start, parts)[1]


def _in_chunks(of: Map, chunks: int, parts: Any, start: jax.Array) -> jax.Array:
    """All chunks at once from zero, with the products of their factors; then their starts, one after the other."""
    count = max(each.shape[0] for each in jax.tree.leaves(parts) if _moves(each))
    # An axis of one would stand for what is the same in all steps.
    length = max(2, -(-count // chunks))

    def cut(each: jax.Array) -> jax.Array:
        if not _moves(each):
            return each[None] if each.ndim else each
        padded = jnp.pad(each, [(0, length * chunks - count)] + [(0, 0)] * (each.ndim - 1))
        # Chunks side by side: [length, chunks, ...].
        return jnp.swapaxes(padded.reshape(chunks, length, *each.shape[1:]), 0, 1)

    def step(state: Pair, now: Any) -> tuple[Pair, Pair]:
        factor, source = of(now)
        return (factor * state[0], factor * state[1] + source), state

    def join(state: jax.Array, chunk: Pair) -> Pair:
        return chunk[0] * state + chunk[1], state

    shape = (chunks, *start.shape)
    from_zero = jnp.ones(shape, start.dtype), jnp.zeros(shape, start.dtype)
    ends, (products, sums) = _scan(step, from_zero, jax.tree.map(cut, parts))
    states = products * lax.scan(join, start, ends)[1][None] + sums
    return jnp.swapaxes(states, 0, 1).reshape(-1, *start.shape)[:count]


def _scan(step: Callable[[Any, Any], tuple[Any, Any]], start: Any, parts: Any) -> tuple[Any, Any]:
    """`lax.scan` of a step over parts, of which what is the same in all steps is not scanned over."""
    leaves, tree = jax.tree.flatten(parts)
    fixed = [None if _moves(leaf) else leaf[0] if leaf.ndim else leaf for leaf in leaves]

    # In reverse a step is made again from its parts: all that is in it would be kept otherwise.
    @functools.partial(jax.checkpoint, prevent_cse=False)  # pyright: ignore[reportUntypedFunctionDecorator]
    def body(state: Any, moving: list[jax.Array]) -> tuple[Any, Any]:
        rest = iter(moving)
        return step(state, tree.unflatten([next(rest) if one is None else one for one in fixed]))

    return lax.scan(body, start, [leaf for leaf in leaves if _moves(leaf)])


def _moves(part: jax.Array) -> bool:
    return part.ndim > 0 and part.shape[0] > 1
