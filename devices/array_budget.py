"""The loosest budget of errors with which an array of fibres has a stated yield.

A tolerance costs more the tighter it is: cost = fixed + sum_i weight_i / sigma_i, with a weight for each error that may
be chosen; an error of weight zero stays as it is. With p_i = ln sigma_i the cost is convex and the condition
ln(1 - Y(p)) = ln(1 - Y_0) smooth, so that sequential quadratic programming (D. Kraft's SLSQP, as SciPy has it) with
exact gradients of `yield_at` needs some tens of evaluations. An optimum makes use of the error of the points it is
found with; so the yield is taken again with many more points of another seed, values only, and the condition moved by
the difference, by secants, until these meet the target; where the points are too few for that an error says so. At the
optimum weight_i / sigma_i = mu dlnF / dln sigma_i with F = 1 - Y: each error's share of the cost is its share of the
failures.

Passive placement (grooves, stops) and active alignment (a stage that peaks the power) are two `CostModel`s: the active
one has a fixed cost for the station's time, and lower weights for the placement. `cheapest_budget` tries each.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import floating
from photonics_core.devices.array_errors import ERRORS, ArrayErrors
from photonics_core.devices.array_yield import POINTS, check_errors, normal_points, yield_at
from photonics_core.devices.fiber_array import FibreArray, in_precision_at_hand
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.runtime import as_leaf

#: How far a standard deviation may move from where it starts, up and down, as a factor.
SPAN = 30.0
#: Points with which the yield is taken again, over those with which the budget is sought.
FINER = 16
#: Largest difference of ln(1 - Y) from that which was asked for; more where the precision at hand does not resolve it.
TOLERANCE = 1e-4
_STEPS = 200
_ROUNDS = 8
_HALVINGS = 12


class CostModel(Shown):
    """What tolerances cost: fixed + sum of weight / sigma.

    Args:
        weights: a weight for each error, in units of cost times um, rad, 1 or K; 0 for what is not chosen.
        fixed: cost of the method itself.

    Raises:
        ValueError: if no weight is above zero, or a cost below it.
    """

    weights: ArrayErrors
    fixed: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("weights", self.weights, ArrayErrors)
        check_range("fixed", self.fixed, 0.0, np.inf)
        if not np.any(np.asarray(self.weights.vector()) > 0.0):
            raise ValueError("weights are all 0: no error is left to choose")

    def cost(self, errors: ArrayErrors) -> float:
        """Cost of a budget."""
        weights, sigma = (np.asarray(each.vector(), float) for each in (self.weights, errors))
        free = weights > 0.0
        return float(self.fixed) + float(np.sum(weights[free] / sigma[free]))


class Budget(NamedTuple):
    """A budget of errors.

    Args:
        errors: the standard deviations.
        cost: what it costs.
        passed: its yield, by the finer points; above the target where all errors are at the end of their range.
        price: what one more failure in a hundred saves: -0.01 d cost / d(1 - yield), with all else at its best.
        residual: largest difference of an error's share of the cost and of the failures from proportion, over the cost,
            for errors that are not at the end of their range.
        evaluations: of the yield and its gradient.
    """

    errors: ArrayErrors
    cost: float
    passed: float
    price: float
    residual: float
    evaluations: int


def loosest_budget(
    array: FibreArray,
    limit_db: float,
    target: float,
    model: CostModel,
    start: ArrayErrors,
    *,
    points: int = POINTS,
    seed: int = 0,
    finer: int = FINER,
    span: float = SPAN,
) -> Budget:
    """The cheapest standard deviations with which a stated part of the arrays passes; not to be traced.

    Args:
        array: the array.
        limit_db: largest loss of a fibre in dB.
        target: the yield, within (0, 1).
        model: what tolerances cost.
        start: standard deviations to start from, above zero where they have a weight; others are kept.
        points, seed: as for `array_yield`.
        finer: points with which the yield is taken again, over `points`; a power of two.
        span: factor by which each may become larger or smaller than at the start.

    Raises:
        ValueError: for a yield outside (0, 1), a start of zero, a yield that cannot be had within the span, a target so
            near 1 that the precision at hand does not resolve it, or points too few to meet it.
    """
    check_positive("limit_db", limit_db, "dB")
    if np.shape(limit_db):
        raise ValueError(f"limit_db of shape {np.shape(limit_db)} is not one number")
    check_range("target", target, 0.0, 1.0, exclusive=True)
    slack = _slack(target)
    check_range("span", span, 1.0, np.inf, exclusive=True)
    check_kind("model", model, CostModel)
    check_errors(array, start)
    weights, sigma = (np.asarray(each.vector(), float) for each in (model.weights, start))
    free = np.flatnonzero(weights > 0.0)
    for k in free:
        check_positive(f"start of {ERRORS[k]}, which has a weight,", sigma[k])
    evaluate = _evaluator(array, sigma, free, limit_db, points, seed)
    low, high = np.log(sigma[free] / span), np.log(sigma[free] * span)
    best = _failures(evaluate, low)[0]
    wanted = np.log(1.0 - target)
    if best > wanted:
        raise ValueError(
            f"target = {target:.6g} is outside (0, {1.0 - np.exp(best):.6g}], what the least errors give: "
            "widen `span`, raise `limit_db` or start from smaller errors"
        )
    finely = _evaluator(array, sigma, free, limit_db, finer * points, seed + 1)
    log_sigma, asked, seen = np.log(sigma[free]), [float(wanted)], []
    for _ in range(_ROUNDS):
        log_sigma = _solve(evaluate, weights[free], log_sigma, (low, high), asked[-1], target)
        log_lost = _log_lost(finely.value(log_sigma))
        seen.append(log_lost)
        is_loosest = log_lost < wanted and bool(np.all(log_sigma > high - 1e-6))
        if is_loosest or abs(wanted - log_lost) < slack:
            break
        asked.append(asked[-1] + (wanted - log_lost) / _secant(asked, seen))
    else:
        raise ValueError(
            f"points = {points} are too few: with a budget for {target:.6g} the yield of {finer * points} points is "
            f"{1.0 - np.exp(log_lost):.6g}"
        )
    return _report(evaluate, log_lost, model, sigma, free, log_sigma, (low, high))


def _noise(target: float) -> float:
    """Rounding of ln(1 - Y) near the target."""
    return 10.0 * float(jnp.finfo(jnp.result_type(float)).eps) / (1.0 - target)


def _slack(target: float) -> float:
    """Largest difference of ln(1 - Y) that counts as none."""
    noise = _noise(target)
    if noise > 0.1:
        raise ValueError(f"target = {target:.9g} is too near 1 for {jnp.result_type(float).name}")
    return max(TOLERANCE, noise)


def _secant(asked: list[float], seen: list[float]) -> float:
    """How ln(1 - Y) of the finer points changes with that of the others, within what a step may trust."""
    if len(seen) < 2 or asked[-1] == asked[-2]:
        return 1.0
    return float(np.clip((seen[-1] - seen[-2]) / (asked[-1] - asked[-2]), 0.3, 3.0))


def cheapest_budget(
    array: FibreArray, limit_db: float, target: float, models: Mapping[str, CostModel], start: ArrayErrors, **more: Any
) -> dict[str, Budget]:
    """The loosest budget of each of several methods, the cheapest first; arguments as for `loosest_budget`.

    Args:
        array, limit_db, target, start: as for `loosest_budget`.
        models: what tolerances cost, by the name of the method, such as "passive" and "active".
        more: as for `loosest_budget`.
    """
    if not models:
        raise ValueError("models = {} has no method")
    found = {name: loosest_budget(array, limit_db, target, model, start, **more) for name, model in models.items()}
    return dict(sorted(found.items(), key=lambda item: item[1].cost))


class _Evaluator(NamedTuple):
    """Yield and its gradient by ln sigma of the errors that are free."""

    gradient: Any
    value: Any
    calls: list[np.ndarray]
    values: list[tuple[float, np.ndarray]]


def _evaluator(
    array: FibreArray, sigma: np.ndarray, free: np.ndarray, limit: float, points: int, seed: int
) -> _Evaluator:
    nodes = floating(normal_points(points, seed))
    end = floating(sigma), in_precision_at_hand(array), floating([limit]), nodes

    def moved(log_sigma: np.ndarray) -> jax.Array:
        factors = np.zeros(sigma.size)
        factors[free] = log_sigma - np.log(sigma[free])
        return floating(factors)

    def gradient(log_sigma: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _gradient(moved(log_sigma), *end)
        return float(value), np.asarray(slope, float)[free]

    return _Evaluator(gradient, lambda log_sigma: float(_passed(moved(log_sigma), *end)), [], [])


def _passed(
    log_factors: jax.Array, sigma: jax.Array, array: FibreArray, limits: jax.Array, nodes: jax.Array
) -> jax.Array:
    # By the factors of all errors, so that one program serves any choice of those that are free.
    return yield_at(array, ArrayErrors.of_vector(sigma * jnp.exp(log_factors)), limits, nodes)[0]


_gradient = eqx.filter_jit(eqx.filter_value_and_grad(_passed))


def _log_lost(passed: Any) -> float:
    return float(np.log(max(1.0 - float(passed), 1e-12)))


def _failures(evaluate: _Evaluator, log_sigma: np.ndarray) -> tuple[float, np.ndarray]:
    """ln(1 - Y) and its gradient, remembered for the last point, which is asked for twice."""
    if not (evaluate.calls and np.array_equal(evaluate.calls[-1], log_sigma)):
        value, slope = evaluate.gradient(log_sigma)
        log_lost = _log_lost(value)
        evaluate.calls.append(np.array(log_sigma))
        evaluate.values.append((log_lost, -slope / np.exp(log_lost)))
    return evaluate.values[-1]


def _solve(
    evaluate: _Evaluator, weights: np.ndarray, start: np.ndarray, ends: tuple[Any, Any], wanted: float, target: float
) -> np.ndarray:
    slack = _slack(target)
    ftol = max(1e-9, _noise(target))
    found, over = _minimize(evaluate, weights, start, ends, wanted, ftol)
    if over > slack:
        # Where hardly any array passes the yield has no slope: begin where enough do.
        start = _feasible(evaluate, start, ends[0], wanted)
        found, over = _minimize(evaluate, weights, start, ends, wanted, ftol)
    if over > slack:
        raise ValueError(f"no budget with the yield {target:.6g} was found: {found.message}")
    return found.x


def _feasible(evaluate: _Evaluator, start: np.ndarray, low: np.ndarray, wanted: float) -> np.ndarray:
    """The loosest errors between the start and the least with which the yield is met, by halving."""
    first, last = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (first + last)
        is_met = _failures(evaluate, start + middle * (low - start))[0] <= wanted
        first, last = (first, middle) if is_met else (middle, last)
    return start + last * (low - start)


def _minimize(
    evaluate: _Evaluator, weights: np.ndarray, start: np.ndarray, ends: tuple[Any, Any], wanted: float, ftol: float
) -> tuple[Any, float]:
    """What SLSQP finds, and by how much it misses the condition."""
    from scipy.optimize import minimize

    scale = np.sum(weights * np.exp(-start))
    constraint = {
        "type": "ineq",
        "fun": lambda p: wanted - _failures(evaluate, p)[0],
        "jac": lambda p: -_failures(evaluate, p)[1],
    }
    found = minimize(
        lambda p: np.sum(weights * np.exp(-p)) / scale,
        start,
        jac=lambda p: -weights * np.exp(-p) / scale,
        bounds=list(zip(*ends, strict=True)),
        constraints=[constraint],
        method="SLSQP",
        options={"maxiter": _STEPS, "ftol": ftol},
    )
    return found, float(_failures(evaluate, found.x)[0] - wanted)


def _report(
    evaluate: _Evaluator,
    log_lost: float,
    model: CostModel,
    sigma: np.ndarray,
    free: np.ndarray,
    log_sigma: np.ndarray,
    ends: Any,
) -> Budget:
    slope = _failures(evaluate, log_sigma)[1]
    sigma = sigma.copy()
    sigma[free] = np.exp(log_sigma)
    errors = ArrayErrors.of_vector(sigma)
    shares = np.asarray(model.weights.vector(), float)[free] / sigma[free]
    inside = (log_sigma > ends[0] + 1e-6) & (log_sigma < ends[1] - 1e-6)
    # The least squares multiplier of the conditions share_i = mu slope_i of all errors that are free to move.
    mu = np.sum((shares * slope)[inside]) / max(np.sum((slope**2)[inside]), 1e-300)
    residual = np.max(np.abs(shares - mu * slope)[inside], initial=0.0) / np.sum(shares)
    lost = np.exp(log_lost)
    return Budget(errors, model.cost(errors), 1.0 - lost, 0.01 * mu / lost, float(residual), len(evaluate.calls))
