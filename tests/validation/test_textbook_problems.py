"""Stated optima of textbook problems, found again by another optimiser from several starts."""

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

from photonics_core.validation.textbook_problems import PROBLEMS, optimality_error


@pytest.mark.parametrize("name", ["hs100", "hs113", "welded_beam"])
def test_another_optimiser_finds_the_same(name):
    problem = PROBLEMS[name]
    assert problem.inequality is not None
    value, limit = jax.jit(jax.value_and_grad(problem.objective)), jax.jit(problem.inequality)
    slopes = jax.jit(jax.jacobian(problem.inequality))
    constraint = {
        "type": "ineq",
        "fun": lambda x: -np.asarray(limit(x)),
        "jac": lambda x: -np.asarray(slopes(x)),
    }
    start = np.asarray(problem.start)
    bounds = [(problem.lower, problem.upper)] * start.size
    for seed in range(3):
        shift = 0.0 if seed == 0 else 0.15 * np.random.default_rng(seed).normal(size=start.size)
        found = minimize(
            lambda x: tuple(np.asarray(each) for each in value(x)),
            np.clip(start * (1.0 + shift), problem.lower, problem.upper),
            jac=True,
            bounds=bounds,
            constraints=constraint,
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert found.fun == pytest.approx(problem.value, abs=1e-6)
        np.testing.assert_allclose(found.x, problem.optimum, atol=5e-6)


@pytest.mark.parametrize("name", ["hs100", "hs113", "welded_beam"])
def test_conditions_tell_a_wrong_optimum(name):
    problem = PROBLEMS[name]
    assert optimality_error(problem, problem.optimum) < 5e-6
    wrong = np.asarray(problem.optimum) * np.where(np.arange(len(problem.optimum)) == 0, 1.01, 1.0)
    assert optimality_error(problem, wrong) > 1e-3
