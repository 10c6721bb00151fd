"""Sums of products of rows with a fixed pattern of indices, whose derivatives are of the same form.

    contract:  z[d] = sum over terms of x[i] y[j],        collect:  z[d] = sum over terms of x[i]

The terms (d, i, j) are known when a program is traced. Written with `x[i]`, the reverse derivative would be a
scatter, which runs one row after another on a CPU, a hundred times slower than the gather. But the derivative of a
contraction with respect to x is the contraction with the terms (i, d, j), so both are primitives of their own here:
forward, reverse and mixed derivatives of any order gather only. (Transposition as in Frostig et al., "Decomposing
reverse-mode automatic differentiation", 2021.)

Rows may have any trailing axes, the same for both operands.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


@dataclass(frozen=True, eq=False)
class Terms:
    """A pattern of indices: rows `sources` of the operands are multiplied and added to the row `target`.

    Args:
        target: row of the result for each term.
        sources: for each operand, its row for each term.
        rows: number of rows of the result and of each operand.
    """

    target: np.ndarray
    sources: tuple[np.ndarray, ...]
    rows: tuple[int, ...]

    @classmethod
    def of(cls, target: Sequence[int], sources: Sequence[Sequence[int]]) -> "Terms":
        """A pattern from sequences of integers, in which every row occurs."""
        places = [np.array(place, int) for place in (target, *sources)]
        return cls(places[0], tuple(places[1:]), tuple(int(place.max(initial=-1)) + 1 for place in places))

    @functools.cached_property
    def buckets(self) -> tuple["Bucket", ...]:
        """The terms by target, targets of equal numbers of terms together."""
        counts = np.bincount(self.target, minlength=self.rows[0])
        order = np.argsort(self.target, kind="stable")
        first = np.cumsum(counts) - counts
        groups = ((int(count), np.flatnonzero(counts == count)) for count in np.unique(counts))
        places = [(targets, order[first[targets][:, None] + np.arange(count)]) for count, targets in groups]
        return tuple(Bucket(targets, tuple(source[terms] for source in self.sources)) for targets, terms in places)

    @functools.cached_property
    def order(self) -> np.ndarray | None:
        """Where each row of the result lies in the buckets, one after another; None where they lie in order."""
        targets = np.concatenate([bucket.targets for bucket in self.buckets])
        return None if np.array_equal(targets, np.arange(targets.size)) else np.argsort(targets)

    @functools.cached_property
    def transposes(self) -> tuple["Terms", ...]:
        """For each operand the pattern of the derivative, in which it has changed places with the target."""
        return tuple(self._exchanged(operand) for operand in range(1, len(self.rows)))

    def _exchanged(self, operand: int) -> "Terms":
        places, rows = [self.target, *self.sources], list(self.rows)
        places[0], places[operand] = places[operand], places[0]
        rows[0], rows[operand] = rows[operand], rows[0]
        return Terms(places[0], tuple(places[1:]), tuple(rows))


@dataclass(frozen=True, eq=False)
class Bucket:
    """Targets [n] with c terms each, and the rows [n, c] of each operand."""

    targets: np.ndarray
    sources: tuple[np.ndarray, ...]


def contract(terms: Terms, x: jax.Array, y: jax.Array) -> jax.Array:
    """Sum the products of rows, z[target] += x[source 1] y[source 2].

    Args:
        terms: the pattern, with two operands.
        x: rows of the first operand, shape [rows, ...].
        y: rows of the second operand, shape [rows, ...].

    Returns:
        Rows of the result, shape [rows, ...].
    """
    return _contract.bind(x, y, terms=terms)


def collect(terms: Terms, x: jax.Array) -> jax.Array:
    """Sum rows, z[target] += x[source]; arguments as for `contract`, with one operand."""
    return _collect.bind(x, terms=terms)


def selection(rows: Sequence[int] | np.ndarray, count: int) -> Terms:
    """The pattern that takes the given rows out of `count`; a negative number stands for a row of zeros."""
    taken = np.asarray(rows, dtype=int)
    target = np.flatnonzero(taken >= 0)
    return Terms(target, (taken[target],), (taken.size, count))


def _gather_sum(*operands: jax.Array, terms: Terms) -> jax.Array:
    parts = [_sum_bucket(bucket, operands) for bucket in terms.buckets]
    if not parts:
        return jnp.zeros_like(operands[0], shape=(0, *operands[0].shape[1:]))
    result = parts[0] if len(parts) == 1 else jnp.concatenate(parts)
    result = result if terms.order is None else _take(result, terms.order)
    return lax.optimization_barrier(result)


def _sum_bucket(bucket: Bucket, operands: Sequence[jax.Array]) -> jax.Array:
    if bucket.sources[0].size == 0:
        return jnp.zeros_like(operands[0], shape=(bucket.targets.size, *operands[0].shape[1:]))
    factors = [_take(x, rows) for x, rows in zip(operands, bucket.sources, strict=True)]
    return jnp.sum(functools.reduce(jnp.multiply, factors), axis=1)


def _take(x: jax.Array, rows: np.ndarray) -> jax.Array:
    # What x[rows] comes to, without its checks: the rows are known to be there.
    axes = tuple(range(rows.ndim, rows.ndim + x.ndim - 1))
    numbers = lax.GatherDimensionNumbers(offset_dims=axes, collapsed_slice_dims=(0,), start_index_map=(0,))
    where = rows[..., None].astype(np.int32)
    return lax.gather(x, where, numbers, (1, *x.shape[1:]), mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS)


def _transpose(operand: int, cotangent: Any, *operands: Any, terms: Terms) -> Any:
    # The cotangent takes the place of the operand that it is for.
    inputs = (*operands[: operand - 1], cotangent, *operands[operand:])
    return (_contract if len(inputs) == 2 else _collect).bind(*inputs, terms=terms.transposes[operand - 1])


def _abstract(*operands: Any, terms: Terms) -> Any:
    return operands[0].update(shape=(terms.rows[0], *operands[0].shape[1:]))


def _batch(primitive: Primitive, operands: Any, axes: Any, *, terms: Terms) -> Any:
    sizes = [x.shape[axis] for x, axis in zip(operands, axes, strict=True) if isinstance(axis, int)]
    moved = [_batch_second(x, axis, sizes[0]) for x, axis in zip(operands, axes, strict=True)]
    return primitive.bind(*moved, terms=terms), 1


def _batch_second(x: Any, axis: Any, size: int) -> Any:
    if not isinstance(axis, int):
        return jnp.broadcast_to(x[:, None], (x.shape[0], size, *x.shape[1:]))
    return jnp.moveaxis(x, axis, 1)


def _primitive(name: str) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(jax.jit(_gather_sum, static_argnames="terms"))
    primitive.def_abstract_eval(_abstract)
    batching.primitive_batchers[primitive] = functools.partial(_batch, primitive)
    mlir.register_lowering(primitive, mlir.lower_fun(_gather_sum, multiple_results=False))
    return primitive


_contract = _primitive("row_contract")
_collect = _primitive("row_collect")
ad.defbilinear(_contract, functools.partial(_transpose, 1), functools.partial(_transpose, 2))
ad.deflinear2(_collect, lambda ct, x, terms: [_transpose(1, ct, x, terms=terms)])
