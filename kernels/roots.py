"""Roots of a function of one number between two bounds, with the derivatives of the root.

The root is found by false position with halved weights (the Illinois rule), which keeps it between its bounds and needs
few evaluations of a costly function. Its derivatives are those of f(x, p) = 0, dx/dp = -(df/dp) / (df/dx), by one
step of Newton's method at the root.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, is_concrete

#: Evaluations of the function.
STEPS = 24


def bracketed_root(
    function: Callable[..., Any], low: Any, high: Any, *parameters: Any, steps: int = STEPS, name: str = "x"
) -> jax.Array:
    """The x between two bounds at which function(x, *parameters) is zero; differentiable in the parameters.

    Args:
        function: a smooth function of a number and of parameters (pytrees), which gives a number. Anything traced that
            it needs must be a parameter.
        low, high: bounds at which the function has different signs.
        parameters: what the root depends on.
        steps: evaluations of the function; 24 give the last digits of functions without sharp bends.
        name: what errors call x.

    Raises:
        ValueError: for bounds that are not finite, or at which the function has one sign. Where values are traced, an
            `equinox.EquinoxRuntimeError` when the compiled function runs.
    """
    check_finite(f"lower bound of {name}", low)
    check_finite(f"upper bound of {name}", high)
    dtype = jnp.result_type(float)
    fixed = jax.tree.map(jax.lax.stop_gradient, parameters)
    a, b = (jax.lax.stop_gradient(jnp.asarray(each, dtype)) for each in (low, high))
    ends = (a, function(a, *fixed)), (b, function(b, *fixed))
    found = _illinois(lambda x: function(x, *fixed), _signs_differ(name, ends), steps)
    slope = jax.grad(lambda x: jnp.asarray(function(x, *fixed)))(found)
    slope = jax.lax.stop_gradient(jnp.where(slope == 0.0, jnp.inf, slope))
    found = jax.lax.stop_gradient(found)
    return found - function(found, *parameters) / slope


def _signs_differ(name: str, ends: Any) -> Any:
    """The ends, once the function is known to have different signs there."""
    (a, low), (b, high) = ends
    if is_concrete(a, b, low, high):
        if not np.sign(low) * np.sign(high) <= 0.0:
            raise ValueError(
                f"there is no root for {name} within [{float(a):g}, {float(b):g}] that is known: the function has one "
                f"sign at both ends, {float(low):.4g} and {float(high):.4g}"
            )
        return ends
    message = f"there is no root for {name} between its bounds that is known: the function has one sign at both"
    return (eqx.error_if(a, ~(jnp.sign(low) * jnp.sign(high) <= 0.0), message), low), (b, high)


def _illinois(function: Callable[[Any], Any], ends: Any, steps: int) -> jax.Array:
    (a, low), (b, high) = ends
    start = (a, jnp.asarray(low, a.dtype), b, jnp.asarray(high, a.dtype))

    def closer(state: Any, _: Any) -> tuple[Any, None]:
        a, low, b, high = state
        spread = high - low
        x = jnp.where(spread == 0.0, b, b - high * (b - a) / jnp.where(spread == 0.0, 1.0, spread))
        value = jnp.asarray(function(x), a.dtype)
        # Beyond the last end the other one is replaced; on the same side, the far end's weight is halved.
        crossed = jnp.sign(value) * jnp.sign(high) <= 0.0
        return (jnp.where(crossed, b, a), jnp.where(crossed, high, 0.5 * low), x, value), None

    last = jax.lax.scan(closer, start, length=steps)[0]
    return jnp.where(jnp.abs(last[3]) <= jnp.abs(last[1]), last[2], last[0])
