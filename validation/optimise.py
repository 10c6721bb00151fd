"""Optimisation: textbook problems, known multipliers, risk in closed form, and exact return from a checkpoint."""

import math
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.constraints import Constraints
from photonics_core.corners import conditional_value_at_risk
from photonics_core.optimize import minimize
from photonics_core.optimum import Optimum
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case
from photonics_core.validation.textbook_problems import PROBLEMS, optimality_error

BOOK = (
    "W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes (1981), recalled, its optima put into "
    "the conditions of Karush, Kuhn and Tucker"
)
SOURCES = {
    "disk": "Rosenbrock's valley in the unit disk; conditions of Karush, Kuhn and Tucker",
    "welded_beam": "K. M. Ragsdell and D. T. Phillips, J. Eng. Ind. 98, 1021 (1976), second hand, in the formulation "
    "in common use; found again by SciPy's SLSQP from several starts",
}
#: Solved in the quick tests; all together take longer.
QUICK = ("hs71",)


def solve(name: str, **options: Any) -> Optimum:
    """The optimum of a textbook problem, by "lbfgs"."""
    problem = PROBLEMS[name]
    limits: dict[str, Any] = {
        kind: None if function is None else partial(_named, kind, function)
        for kind, function in (("inequalities", problem.inequality), ("equalities", problem.equality))
    }
    lower, upper = (np.full(len(problem.start), each) for each in (problem.lower, problem.upper))
    given: dict[str, Any] = {"optimizer": "lbfgs", "steps": 400, "progress": False}
    return minimize(
        lambda x: (jnp.asarray(problem.objective(x)), {}),
        np.asarray(problem.start),
        lower,
        upper,
        constraints=Constraints(**limits, tolerance=1e-10),
        **(given | options),
    )


def _named(name: str, function: Any, x: Any) -> dict[str, Any]:
    return {name: function(x)}


def _register(name: str) -> None:
    @case(f"optimise.{name}", source=SOURCES.get(name, BOOK), kind="published", is_long=name not in QUICK)
    @in_float64
    def optimum() -> Evidence:
        """The larger of the errors of minimiser and value."""
        # One has other minima near its start, and mirror images of its optimum: two of the last three signs change.
        problem, found = PROBLEMS[name], solve(name, starts=16 if name == "hs78" else 1)
        x, stated = np.asarray(found.parameters), np.asarray(problem.optimum)
        error = np.max(np.abs(np.abs(x) - np.abs(stated) if name == "hs78" else x - stated))
        return Evidence(max(float(error), abs(found.value - problem.value)), 0.0, 1e-5)


for _name in PROBLEMS:
    _register(_name)


@case("optimise.stated_optima", source="conditions of Karush, Kuhn and Tucker", kind="analytic", is_long=True)
@in_float64
def stated_optima() -> Evidence:
    """Largest error of the stated optima of all textbook problems, whose digits are seven at least."""
    worst = max(optimality_error(problem, problem.optimum) for problem in PROBLEMS.values())
    return Evidence(worst, 0.0, 5e-6)


@case(
    "optimise.multiplier",
    source="HS 43 has the multipliers 1, 0 and 2, from its slopes at (0, 1, 2, -1)",
    kind="analytic",
    is_long=True,
)
@in_float64
def multiplier() -> Evidence:
    """Largest error of the multipliers."""
    (found,) = solve("hs43").multipliers.values()
    return Evidence(float(np.max(np.abs(found - np.asarray([1.0, 0.0, 2.0])))), 0.0, 1e-6)


@case("optimise.risk", source="normal distribution: density at its quantile over 1 - alpha", kind="analytic")
@in_float64
def risk() -> Evidence:
    """Conditional value at risk at 0.95 of 100 000 quantiles of the normal distribution."""
    from scipy.stats import norm

    values = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    exact = float(norm.pdf(norm.ppf(0.95)) / 0.05)
    return Evidence(float(conditional_value_at_risk(jnp.asarray(values), alpha=0.95)), exact, 1e-4)


@case("optimise.resume", source="the same run without a stop", kind="analytic", is_long=True)
@in_float64
def resume() -> Evidence:
    """Number of bits by which a run that was stopped four times differs in parameters, value and history."""
    whole = _bits(solve("hs71"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        for steps in (3, 8, 21, 22):
            solve("hs71", steps=steps, checkpoint=path, every=5)
        again = _bits(solve("hs71", checkpoint=path))
    differ = abs(whole.size - again.size) or int(np.sum(np.bitwise_count(whole ^ again)))
    return Evidence(float(differ), 0.0, 0.0)


def _bits(found: Optimum) -> np.ndarray:
    parts = [np.asarray(found.parameters), np.asarray([found.value]), *found.history.values()]
    return np.concatenate([np.ravel(part) for part in parts]).view(np.uint64)


@case(
    "optimise.gradient_cost",
    source="reverse differentiation: at most some four evaluations",
    kind="range",
    is_long=True,
)
@in_float64
def gradient_cost() -> Evidence:
    """Operations of value and gradient over those of the value, of a chain of 2000 Rosenbrock valleys."""

    def chain(x: jax.Array) -> jax.Array:
        return jnp.sum((1.0 - x[:-1]) ** 2 + 100.0 * (x[1:] - x[:-1] ** 2) ** 2)

    x = jnp.zeros(2001)
    costs = [jax.jit(f).lower(x).compile().cost_analysis() for f in (chain, jax.value_and_grad(chain))]
    flops = [float(cost["flops"]) if cost else math.nan for cost in costs]
    return Evidence(flops[1] / flops[0], (1.0, 4.0), 0.0)
