"""How the point of an optimisation moves: steps of an optax optimiser, or quasi-Newton steps, within [0, 1]."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from photonics_core.kernels import projected_lbfgs as lbfgs


class Solver(NamedTuple):
    """How a point moves within [0, 1].

    Attributes:
        begin: point -> state.
        move: (function of a point, point, its value, its slope, state, step scale) -> (point, state).
        forget: (state, whether everything changed) -> state, after the function has changed.
        is_stalled: state -> whether nothing lower was found.
        converges: whether a small projected slope ends the run.
    """

    begin: Callable[[Any], Any]
    move: Callable[..., tuple[Any, Any]]
    forget: Callable[[Any, Any], Any]
    is_stalled: Callable[[Any], Any]
    converges: bool


def gradient_solver(optimizer: Any) -> Solver:
    """Steps of an optax optimiser, put back within the bounds."""
    import optax

    optimizer = optax.with_extra_args_support(optimizer)

    def move(function: Any, point: Any, here: Any, slope: Any, state: Any, scale: Any) -> tuple[Any, Any]:
        # Optimisers mix integer counts with floats; the caller may have forbidden that for code of their own.
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(slope, state, point, value=here, grad=slope, value_fn=function)
        updates = jax.tree.map(lambda u, x: u * scale.astype(x.dtype), updates, point)
        return jax.tree.map(lambda x: jnp.clip(x, 0.0, 1.0), optax.apply_updates(point, updates)), state

    return Solver(optimizer.init, move, lambda state, _: state, lambda state: jnp.zeros((), bool), False)


def newton_solver() -> Solver:
    """Quasi-Newton steps within the bounds, `photonics_core.kernels.projected_lbfgs`."""

    def move(function: Any, point: Any, here: Any, slope: Any, state: Any, scale: Any) -> tuple[Any, Any]:
        x, rebuild = ravel_pytree(point)
        box = jnp.zeros_like(x), jnp.ones_like(x)
        flat, _ = ravel_pytree(slope)
        x, state = lbfgs.advance(lambda x: function(rebuild(x)), x, here, flat, state, *box, scale)
        return rebuild(x), state

    return Solver(
        lambda point: lbfgs.begin(ravel_pytree(point)[0]), move, lbfgs.forget, lambda state: state.is_stalled, True
    )
