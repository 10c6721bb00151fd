"""Elementwise functions, of numbers or matrices, whose derivative rules survive everything JAX does to a program."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Arrays = tuple[jax.Array, ...]


def with_rule(
    name: str,
    values: Callable[..., Arrays],
    rule: Callable[[Arrays, Arrays], tuple[Arrays, Arrays]],
    like: Sequence[int],
    transpose: Callable[[Arrays, Any], Sequence[Any]] | None = None,
) -> Callable[..., Arrays]:
    """An elementwise function with a derivative rule of its own, as a primitive of JAX.

    The rule of a `jax.custom_jvp` is dropped where a scan is split into what is known and what is linear, so that a
    Hessian through a scan would take the derivative of the code itself. The rule of a primitive stays. Functions of
    matrices in the last two axes, elementwise in all others, may be made so too.

    Args:
        name: name of the primitive.
        values: the function, of arrays of one shape.
        rule: primals and tangents of the arguments to those of the results; it may call the primitive again.
        like: for each result the number of the argument whose shape and type it has.
        transpose: for a function that is linear in some arguments, cotangents of the results and the arguments to
            cotangents of the arguments (None for those that it is not linear in).

    Returns:
        The primitive as a function of arrays of one shape.
    """
    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(jax.jit(values))
    primitive.def_abstract_eval(lambda *x: [x[k].update(weak_type=False) for k in like])
    mlir.register_lowering(primitive, mlir.lower_fun(values, multiple_results=True))
    ad.primitive_jvps[primitive] = lambda x, dx: rule(tuple(x), tuple(ad.instantiate_zeros(d) for d in dx))
    if transpose is not None:
        ad.primitive_transposes[primitive] = lambda ct, *x: transpose(tuple(map(ad.instantiate_zeros, ct)), x)
    batching.primitive_batchers[primitive] = lambda x, axes: _batch(primitive, x, axes)
    return lambda *x: tuple(primitive.bind(*x))


def _batch(primitive: Primitive, arrays: Sequence[Any], axes: Sequence[Any]) -> tuple[Any, list[int]]:
    size = next(x.shape[axis] for x, axis in zip(arrays, axes, strict=True) if isinstance(axis, int))
    moved = [
        jnp.broadcast_to(x[None], (size, *x.shape)) if not isinstance(axis, int) else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(arrays, axes, strict=True)
    ]
    results = primitive.bind(*moved)
    return results, [0] * len(results)
