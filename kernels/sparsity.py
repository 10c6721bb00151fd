"""Which elements of a function's result are zero whatever its arguments, read from the program, never from values.

A component that does not reflect says so by leaving entries of its scattering matrix out, or by writing zeros there.
JAX's trace of the function shows those zeros as constants that are only moved about. Everything that is not understood
counts as not zero, so the answer errs on the safe side.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

# Element by element, zero arguments make a zero result.
_LINEAR = {"convert_element_type", "neg", "real", "imag", "copy", "conj"}
_CALLS = {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint"}


def known_zeros(function: Callable[..., Any], *arguments: Any) -> Any:
    """Find the elements of the result of `function` that are zero for any arguments.

    Args:
        function: function of the arguments, traceable.
        arguments: values or `jax.ShapeDtypeStruct`.

    Returns:
        The result's pytree with a boolean array of its shape for each leaf: True where it is surely zero.
    """
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return jax.tree.unflatten(jax.tree.structure(shapes), _zeros(traced))


def _zeros(closed: ClosedJaxpr, arguments: list[np.ndarray] | None = None) -> list[np.ndarray]:
    jaxpr = closed.jaxpr
    given = arguments or [np.zeros(var.aval.shape, bool) for var in jaxpr.invars]
    known = dict(zip(jaxpr.invars, given, strict=True))
    known |= {var: np.asarray(value) == 0 for var, value in zip(jaxpr.constvars, closed.consts, strict=True)}

    def read(atom: Any) -> np.ndarray:
        return np.asarray(atom.val) == 0 if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        results = _of_equation(equation, [read(atom) for atom in equation.invars])
        known |= dict(zip(equation.outvars, results, strict=True))
    return [np.broadcast_to(read(atom), atom.aval.shape) for atom in jaxpr.outvars]


def _of_equation(equation: Any, zeros: list[np.ndarray]) -> list[np.ndarray]:
    name, parameters = equation.primitive.name, equation.params
    shapes = [var.aval.shape for var in equation.outvars]
    if not any(zero.any() for zero in zeros):
        return [np.zeros(shape, bool) for shape in shapes]
    if name in _CALLS:
        inner = parameters.get("jaxpr", parameters.get("call_jaxpr"))
        return _zeros(inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ()), zeros)
    if name in _MOVES:
        return [_MOVES[name](parameters, shapes[0], *zeros)]
    return [np.zeros(shape, bool) for shape in shapes]


def _elementwise(combine: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return lambda parameters, shape, *zeros: np.broadcast_to(combine(*zeros), shape)


def _broadcast(parameters: Any, shape: tuple[int, ...], zero: np.ndarray) -> np.ndarray:
    spread = [1] * len(shape)
    for axis, place in enumerate(parameters["broadcast_dimensions"]):
        spread[place] = zero.shape[axis]
    return np.broadcast_to(zero.reshape(spread), shape)


def _slices(parameters: Any) -> tuple[slice, ...]:
    steps = parameters["strides"] or (None,) * len(parameters["start_indices"])
    return tuple(map(slice, parameters["start_indices"], parameters["limit_indices"], steps))


_MOVES: dict[str, Callable[..., np.ndarray]] = {
    **dict.fromkeys(_LINEAR, _elementwise(lambda zero: zero)),
    "mul": _elementwise(np.logical_or),
    **dict.fromkeys(("add", "sub", "complex", "add_any"), _elementwise(np.logical_and)),
    "broadcast_in_dim": _broadcast,
    "reshape": lambda parameters, shape, zero: zero.reshape(shape),
    "squeeze": lambda parameters, shape, zero: zero.reshape(shape),
    "expand_dims": lambda parameters, shape, zero: zero.reshape(shape),
    "transpose": lambda parameters, shape, zero: zero.transpose(parameters["permutation"]),
    "slice": lambda parameters, shape, zero: zero[_slices(parameters)],
    "stack": lambda parameters, shape, *zeros: np.stack(zeros, axis=parameters["axis"]),
    "concatenate": lambda parameters, shape, *zeros: np.concatenate(zeros, axis=parameters["dimension"]),
}
