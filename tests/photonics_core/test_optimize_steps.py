"""Problems that cannot be solved: what a run says, and which point it returns."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.constraints import Constraints
from photonics_core.optimize import minimize
from photonics_core.optimum import InfeasibleWarning

LOW, HIGH, START = {"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}, {"x": 0.4, "y": 0.9}


def bowl(design):
    return (design["x"] - 0.9) ** 2 + (design["y"] - 0.3) ** 2, {}


def run(constraints, optimizer="lbfgs", **options):
    given = {"steps": 300, "progress": False} | options
    return minimize(bowl, START, LOW, HIGH, constraints=constraints, optimizer=optimizer, **given)


#: Constraints, the place (x, y) of least violation and by how much each is missed there.
PROBLEMS = {
    "contradiction": (
        Constraints(lambda d: {"low": d["x"] - 0.2, "high": 0.8 - d["x"]}),
        (0.5, 0.3),
        {"low": 0.3, "high": 0.3},
    ),
    "equalities": (
        Constraints(equalities=lambda d: {"one": d["x"] - 0.2, "other": d["x"] - 0.8}),
        (0.5, 0.3),
        {"one": 0.3, "other": 0.3},
    ),
    "bound": (Constraints(lambda d: {"far": 2.0 - d["x"], "met": d["y"] - 0.5}), (1.0, 0.3), {"far": 1.0}),
    # Its slope vanishes where it is least.
    "never": (Constraints(lambda d: {"never": d["x"] ** 2 + 0.1}), (0.0, 0.3), {"never": 0.1}),
}


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_what_cannot_be_met_is_named_at_the_point_of_least_violation(name, optimizer):
    constraints, place, missed = PROBLEMS[name]
    with pytest.warns(InfeasibleWarning, match="that of least violation misses '"):
        found = run(constraints, optimizer)
    assert not found.is_feasible and found.violation > 0.1
    assert found.missed.keys() == missed.keys()
    np.testing.assert_allclose([found.missed[each] for each in missed], list(missed.values()), atol=1e-4)
    np.testing.assert_allclose([found.parameters["x"], found.parameters["y"]], place, atol=1e-3)
    assert "NOT feasible" in found.report() and "missed: " in found.report()
    if optimizer == "lbfgs":
        assert found.stopped is not None and "contradict each other or the bounds" in found.stopped
        assert found.history["objective"].size < 300


def test_constraints_that_bend_contradict_each_other_too():
    """A disk of radius 0.1 and x y >= 1/2 : the violations over their scales are equal where they are least."""
    limits = Constraints(lambda d: {"in": d["x"] ** 2 + d["y"] ** 2 - 0.01, "out": 0.5 - d["x"] * d["y"]})
    with pytest.warns(InfeasibleWarning):
        found = run(limits)
    assert found.stopped is not None and "contradict" in found.stopped
    np.testing.assert_allclose(float(found.parameters["x"]), float(found.parameters["y"]), atol=1e-5)


def test_several_starts_end_where_each_is_least():
    with pytest.warns(InfeasibleWarning):
        found = run(PROBLEMS["contradiction"][0], starts=3)
    np.testing.assert_allclose(found.start_violations, found.violation, rtol=1e-6)
    assert found.stopped is not None and "contradict" in found.stopped


def test_a_run_that_is_too_short_says_what_it_misses():
    """Feasible at x = 0.8, but not in two small steps; nothing is contradictory."""
    with pytest.warns(InfeasibleWarning, match="misses 'right'"):
        found = run(Constraints(lambda d: {"right": 0.8 - d["x"]}), "adam", steps=2, rate=0.01)
    assert found.stopped is None and found.missed["right"] == pytest.approx(0.8 - float(found.parameters["x"]))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_what_can_be_met_is_met_without_a_warning(optimizer):
    """A sliver of 1e-4 between two constraints, and one that holds along a line of touching disks."""
    sliver = Constraints(lambda d: {"low": d["x"] - 0.5, "high": 0.4999 - d["x"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error", InfeasibleWarning)
        found = run(sliver, optimizer, steps=600)
    assert found.is_feasible and found.missed == {}
    np.testing.assert_allclose(float(found.parameters["x"]), 0.5, atol=2e-4)


def test_without_multipliers_a_problem_is_not_called_infeasible():
    """(x - y)^3 <= 0 beside (y - x)^3 <= 0, whose slopes vanish where they are met: the penalty grows to its end."""
    limits = Constraints(lambda d: {"up": (d["x"] - d["y"]) ** 3, "down": (d["y"] - d["x"]) ** 3}, tolerance=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfeasibleWarning)
        found = run(limits)
    assert found.stopped is None or "contradict" not in found.stopped
    assert found.violation < 1e-5


def test_a_contradiction_in_float32(float32):
    with pytest.warns(InfeasibleWarning):
        found = run(PROBLEMS["contradiction"][0], steps=400)
    assert jnp.asarray(found.parameters["x"]).dtype == jnp.float32
    np.testing.assert_allclose(float(found.parameters["x"]), 0.5, atol=2e-3)
