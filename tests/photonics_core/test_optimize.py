import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from photonics_core.optimize import minimize


def rosenbrock(parameters):
    x, y = parameters["x"], parameters["y"]
    return (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2, {"x": x}


START = {"x": -1.0, "y": 1.0}
LOWER = {"x": -2.0, "y": -2.0}
UPPER = {"x": 2.0, "y": 2.0}


def test_finds_the_minimum_inside_the_bounds():
    optimum = minimize(rosenbrock, START, LOWER, UPPER, steps=4000, progress=False)
    assert optimum.value < 1e-6
    np.testing.assert_allclose([optimum.parameters["x"], optimum.parameters["y"]], 1.0, atol=2e-3)


def test_reaches_an_optimum_on_a_bound():
    upper = UPPER | {"x": 0.5}
    optimum = minimize(rosenbrock, START, LOWER, upper, steps=3000, progress=False)
    # On the bound x = 1/2 the minimum is at y = 1/4, with value 1/4.
    assert float(optimum.parameters["x"]) == 0.5
    np.testing.assert_allclose(float(optimum.parameters["y"]), 0.25, atol=1e-4)
    np.testing.assert_allclose(optimum.value, 0.25, atol=1e-6)


def test_scales_parameters_by_their_ranges():
    """Micrometres and milliwatts side by side: a thousandfold difference in scale costs no steps."""

    def bowl(p):
        return ((p["small"] - 3e-6) / 1e-5) ** 2 + ((p["large"] - 300.0) / 1e3) ** 2, {}

    lower, upper = {"small": 0.0, "large": 0.0}, {"small": 1e-5, "large": 1e3}
    optimum = minimize(bowl, {"small": 9e-6, "large": 900.0}, lower, upper, steps=400, progress=False)
    np.testing.assert_allclose(float(optimum.parameters["small"]), 3e-6, rtol=1e-3)
    np.testing.assert_allclose(float(optimum.parameters["large"]), 300.0, rtol=1e-3)


def test_keeps_the_best_and_the_whole_history():
    optimum = minimize(rosenbrock, START, LOWER, UPPER, steps=50, optimizer=optax.sgd(0.5), progress=False)
    objective = optimum.history["objective"]
    assert objective.shape == (51,)
    assert optimum.value == objective.min() == objective[optimum.step]
    assert set(optimum.history) == {"objective", "gradient_norm", "x"}
    value, _ = rosenbrock(optimum.parameters)
    np.testing.assert_allclose(value, optimum.value, rtol=1e-12)


def test_stops_at_a_value_that_is_not_finite_and_keeps_the_best():
    def cliff(p):
        return jnp.where(p["x"] < 0.3, jnp.nan, p["x"]), {}

    optimum = minimize(cliff, {"x": 0.9}, {"x": 0.0}, {"x": 1.0}, steps=100, progress=False)
    assert optimum.stopped is not None and "not finite at step" in optimum.stopped
    assert 0.3 <= optimum.value < 0.9


def test_a_fixed_parameter_stays():
    optimum = minimize(rosenbrock, START, LOWER | {"x": -1.0}, UPPER | {"x": -1.0}, steps=300, progress=False)
    assert float(optimum.parameters["x"]) == -1.0
    np.testing.assert_allclose(float(optimum.parameters["y"]), 1.0, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": {}}, "start has no free parameter"),
        ({"start": START | {"x": 3.0}}, r"start\['x'\] = 3 is outside \[-2, 2\]"),
        ({"lower": {"x": 0.0}}, "lower = .* does not match start"),
        ({"lower": LOWER | {"y": 3.0}}, r"bounds of start\['y'\] cross"),
        ({"lower": START, "upper": START}, "every lower bound equals its upper bound"),
        ({"objective": lambda p: (jnp.stack([p["x"], p["y"]]), {})}, "is not a real scalar"),
        ({"objective": lambda p: p["x"]}, "does not return a pair"),
        ({"objective": lambda p: (p["x"] * jnp.nan, {})}, "at the start is not finite"),
        ({"steps": 0}, "steps = 0 is outside"),
    ],
)
def test_bad_problems_are_named(change, message):
    problem = {"objective": rosenbrock, "start": START, "lower": LOWER, "upper": UPPER, "steps": 5} | change
    with pytest.raises(ValueError, match=message):
        minimize(**problem, progress=False)


def test_runs_in_float32():
    with jax.enable_x64(False):
        optimum = minimize(rosenbrock, START, LOWER, UPPER, steps=2000, progress=False)
    assert optimum.parameters["x"].dtype == jnp.float32
    assert optimum.value < 1e-3
