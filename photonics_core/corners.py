"""Objectives that hold over corners: of process, temperature, laser wavelength, or whatever else is not chosen.

Corners are a batch: a pytree whose leaves have a leading axis. From the values f_i at corners of weights w_i (which
add to one) a measure makes one number:

    expectation                  sum w_i f_i
    worst case                   max f_i
    conditional value at risk    min over t of t + sum w_i max(f_i - t, 0) / (1 - alpha)

The last is the mean of the worst share 1 - alpha of all corners (R. T. Rockafellar and S. Uryasev, J. Risk 2, 21
(2000)). For finitely many corners the least t is one of the f_i, so the minimum is a sum over the sorted values in
which a corner at the edge counts in part; that sum is what is computed, exactly. It is the expectation at alpha = 0
and the worst case where 1 - alpha is at most the weight of the worst corner. Its slope, like that of the worst case,
jumps where corners change places; gradient steps bear that, quasi-Newton steps do not. `epigraph` is the smooth form
of the worst case: least t with f_i <= t as constraints.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.constraints import Function
from photonics_core.kernels.checks import check_range, is_concrete

Measure = Callable[[jax.Array, jax.Array], jax.Array]


def expectation(values: Any, weights: Any = None) -> jax.Array:
    """Weighted mean of values, shape [N]; equal weights by default. A corner of weight zero is left out."""
    values, weights = _weighted(values, weights)
    return jnp.sum(weights * jnp.where(weights > 0.0, values, 0.0))


def worst_case(values: Any, weights: Any = None) -> jax.Array:
    """Largest of the values, shape [N]; where several are largest the slope is their mean.

    Weights count only in that a corner of weight zero is left out.
    """
    values, weights = _weighted(values, weights)
    return jnp.max(jnp.where(weights > 0.0, values, -jnp.inf))


def conditional_value_at_risk(values: Any, weights: Any = None, *, alpha: Any = 0.9) -> jax.Array:
    """Mean of the largest values, whose weights make up 1 - alpha of all.

    Args:
        values: shape [N].
        weights: at least zero, shape [N]; equal by default.
        alpha: share of the corners that is not counted, from 0 to below 1.

    Raises:
        ValueError: for an alpha outside [0, 1), or weights below zero or of another shape.
    """
    check_range("alpha", alpha, 0.0, np.nextafter(1.0, 0.0))
    values, weights = _weighted(values, weights)
    # In float32 an alpha close to one would be one.
    tail = jnp.asarray(1.0 - alpha, values.dtype)
    values = jnp.where(weights > 0.0, values, 0.0)
    order = jnp.argsort(-jax.lax.stop_gradient(values))
    sorted_weights = weights[order]
    before = jnp.cumsum(sorted_weights) - sorted_weights
    # The shares depend on the values only through their order.
    share = jnp.clip(tail - before, 0.0, sorted_weights) / tail
    return jnp.sum(share * values[order])


def over_corners(
    function: Callable[[Any, Any], Any],
    corners: Any,
    measure: Measure = expectation,
    *,
    weights: Any = None,
    together: int | None = None,
) -> Callable[[Any], tuple[jax.Array, dict[str, jax.Array]]]:
    """An objective of a design from one of a design at a corner, for `minimize`.

    Args:
        function: takes the design and one corner; returns a real scalar and a dict of scalar metrics.
        corners: pytree of arrays with a leading axis [N].
        measure: `expectation`, `worst_case`, `functools.partial(conditional_value_at_risk, alpha=0.9)` or any
            function of values and weights, both [N].
        weights: of the corners, shape [N], equal by default; they are brought to a sum of one.
        together: how many corners are computed at once; all by default, fewer take less memory.

    Returns:
        An objective, whose metrics are the means of the given ones, and "corner_mean" and "corner_worst" of the value.

    Raises:
        ValueError: if the corners have no common leading axis, or the weights do not fit.
    """
    count = _count(corners)
    _weighted(jnp.zeros(count), weights)
    at = _at_corners(function, corners, together)

    def objective(design: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        values, metrics = _pair(at(design))
        found = {name: expectation(each, weights) for name, each in metrics.items()}
        found |= {"corner_mean": expectation(values, weights), "corner_worst": worst_case(values, weights)}
        return measure(values, _weighted(values, weights)[1]), found

    return objective


def at_corners(
    function: Callable[[Any, Any], dict[str, Any]], corners: Any, *, together: int | None = None
) -> Function:
    """Constraints that hold at every corner: arrays get a leading axis [N].

    Args:
        function: takes the design and one corner; returns a dict of named arrays.
        corners: pytree of arrays with a leading axis.
        together: how many corners are computed at once; all by default.

    Raises:
        ValueError: if the corners have no common leading axis.
    """
    _count(corners)
    return _at_corners(function, corners, together)


def epigraph(
    function: Callable[[Any, Any], Any], corners: Any, *, together: int | None = None
) -> tuple[Callable[[Any], Any], Function]:
    """The worst case as a smooth problem: the least level t with f_i <= t at all corners.

    Args:
        function: takes the design and one corner; returns a real scalar and a dict of scalar metrics.
        corners: pytree of arrays with a leading axis [N].
        together: how many corners are computed at once; all by default.

    Returns:
        The objective and the inequalities of a pair (design, level). The level has to be free, with bounds that hold
        the worst case at start and optimum. The multiplier of "corner" is the weight of each corner in the optimum.

    Raises:
        ValueError: if the corners have no common leading axis.
    """
    _count(corners)
    at = _at_corners(function, corners, together)

    def objective(pair: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        return jnp.asarray(pair[1]), {}

    def inequalities(pair: Any) -> dict[str, jax.Array]:
        values = _pair(at(pair[0]))[0]
        return {"corner": values - jnp.asarray(pair[1], values.dtype)}

    return objective, inequalities


def _pair(found: Any) -> tuple[Any, dict[str, Any]]:
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)):
        raise ValueError("function of a design and a corner does not return a pair of a scalar and a dict of metrics")
    for name, each in {"value": found[0], **found[1]}.items():
        if jnp.ndim(each) != 1:
            raise ValueError(f"{name!r} of shape {jnp.shape(each)[1:]} at a corner is not a scalar")
    return found


def _at_corners(function: Callable[[Any, Any], Any], corners: Any, together: int | None) -> Callable[[Any], Any]:
    if together is not None:
        check_range("together", together, 1)
        if together != int(together):
            raise ValueError(f"together = {together} is not a whole number")
    if together is None or together >= _count(corners):
        return lambda design: jax.vmap(lambda corner: function(design, corner))(corners)
    return lambda design: jax.lax.map(lambda corner: function(design, corner), corners, batch_size=int(together))


def _count(corners: Any) -> int:
    """Number of corners."""
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(corners)}
    if len(sizes) != 1 or sizes <= {(), (0,)}:
        raise ValueError(f"corners are not a batch: their leaves have the leading axes {sorted(sizes)}")
    return sizes.pop()[0]


def _weighted(values: Any, weights: Any) -> tuple[jax.Array, jax.Array]:
    """Values, and weights that add to one."""
    values = jnp.asarray(values)
    if values.dtype.kind in "biu":
        values = values.astype(float)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        raise ValueError(f"values of type {values.dtype} are not real numbers")
    if values.ndim != 1:
        raise ValueError(f"values of shape {values.shape} are not one for each corner")
    if weights is None:
        return values, jnp.full(values.shape, 1.0 / values.size, values.dtype)
    check_range("weights", weights, 0.0, np.inf)
    weights = jnp.asarray(weights, values.dtype)
    if weights.shape != values.shape:
        raise ValueError(f"weights of shape {weights.shape} are not one for each of {values.size} corners")
    if is_concrete(weights) and not np.sum(weights) > 0.0:
        raise ValueError("weights add to zero")
    return values, weights / jnp.sum(weights)
