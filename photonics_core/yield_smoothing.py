"""A yield with derivatives, so that a design can be centred.

A share of points that pass is flat and jumps. Here each margin m, how far a metric is inside its limit, passes with the
probability Phi(m / s), as it would where a test has a normal error of standard deviation s:

    Y_s = mean over points of  prod over limits and devices of Phi(m / s).

It goes to the share that passes as s goes to 0, with a bias of the second order in s for many points (for one limit Y_s
is the yield of the metric with the error added). The points are fixed, so that Y_s is a smooth function of the design;
some points have to lie within s of a limit for it to have a slope worth following. A metric that is not a number fails,
as in `Spec.judge`, and has no slope.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_positive
from photonics_core.yield_spec import Spec


def smooth_yield(metrics: Mapping[str, Any], spec: Spec, widths: Mapping[str, Any] | Any) -> jax.Array:
    """The share of dies that pass, smooth in their metrics.

    Args:
        metrics: arrays by name, [D] or [D, N], as for `Spec.judge`.
        spec: the limits.
        widths: s of each limit by its name, in the unit of its metric, or one number for all.

    Returns:
        A number between 0 and 1. Where all dies fail by far it is 0, and so is its slope: `yield_objective` has one.

    Raises:
        ValueError: for a width that is not above zero, missing or of no limit, or as `Spec.judge` does.
    """
    return jnp.mean(jnp.exp(_logarithms(metrics, spec, widths)))


def yield_objective(
    metrics_of: Callable[[Any, jax.Array], Mapping[str, Any]], points: Any, spec: Spec, widths: Mapping[str, Any] | Any
) -> Callable[[Any], tuple[jax.Array, dict[str, jax.Array]]]:
    """An objective for `minimize` that is least where the smoothed yield is highest: -log Y_s.

    Args:
        metrics_of: takes the design and one point [dimension]; gives metrics of one die, () or [N], by name.
        points: normal numbers [D, dimension], as of `normal_points`; the same for all designs.
        spec, widths: as for `smooth_yield`.

    Returns:
        A function of the design, whose metrics are "smooth_yield" and "yield". Its value is infinite where no die has
        metrics that are numbers.

    Raises:
        ValueError: for points that are not [D, dimension] and finite.
    """
    check_finite("points", points)
    points = jnp.asarray(points, jnp.result_type(float))
    if points.ndim != 2 or not points.shape[0]:
        raise ValueError(f"points of shape {points.shape} are not [D, dimension] of some dies")

    def objective(design: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        metrics = jax.vmap(lambda z: dict(metrics_of(design, z)))(points)
        logs = _logarithms(metrics, spec, widths)
        # By logarithms, which have a slope even where no point passes any more.
        none = jnp.all(logs == -jnp.inf)
        total = jax.scipy.special.logsumexp(jnp.where(none, 0.0, logs))
        value = jnp.log(jnp.asarray(points.shape[0], logs.dtype)) - jnp.where(none, -jnp.inf, total)
        hard = jnp.mean(jnp.asarray(spec.judge(metrics).dies).astype(value.dtype))
        return value, {"smooth_yield": jnp.exp(-value), "yield": hard}

    return objective


def _logarithms(metrics: Mapping[str, Any], spec: Spec, widths: Mapping[str, Any] | Any) -> jax.Array:
    """Logarithm of the chance of each die, shape [D]."""
    check_kind("spec", spec, Spec)
    spec.judge(metrics)
    for name in widths if isinstance(widths, Mapping) else ():
        check_choice("limit of a width", name, spec.limits)
    total: Any = 0.0
    for name, limit in spec.limits.items():
        width = widths[name] if isinstance(widths, Mapping) and name in widths else widths
        if isinstance(width, Mapping):
            raise ValueError(f"widths = {dict(widths)!r} have none for the limit {name!r}")
        check_positive(f"width of {name!r}", width)
        for margin in limit.margins(metrics[limit.metric]):
            log = _log_chance(margin / width)
            total = total + (jnp.sum(log, axis=1) if log.ndim == 2 else log)
    return total


def _log_chance(margin: jax.Array) -> jax.Array:
    """log Phi, with -inf for what is not a number, and finite slopes there and at infinite margins."""
    is_finite = jnp.isfinite(margin)
    log = jax.scipy.special.log_ndtr(jnp.where(is_finite, margin, 0.0))
    return jnp.where(is_finite, log, jnp.where(margin == jnp.inf, 0.0, -jnp.inf))
