from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.corners import (
    at_corners,
    conditional_value_at_risk,
    epigraph,
    expectation,
    over_corners,
    worst_case,
)

RANDOM = np.random.default_rng(7)
VALUES, WEIGHTS = RANDOM.normal(size=9), RANDOM.uniform(0.1, 2.0, 9)
CORNERS = {"wl": np.linspace(1.5, 1.6, 7), "shift": RANDOM.normal(size=(7, 2))}


def defining_minimum(values, weights, alpha):
    """min over t of t + sum w max(f - t, 0) / (1 - alpha): piecewise linear, so least at one of the values."""
    weights = weights / weights.sum()
    return min(t + np.sum(weights * np.maximum(values - t, 0.0)) / (1.0 - alpha) for t in values)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.65, 0.9, 0.999])
def test_conditional_value_at_risk_is_its_defining_minimum(alpha):
    found = conditional_value_at_risk(VALUES, WEIGHTS, alpha=alpha)
    np.testing.assert_allclose(found, defining_minimum(VALUES, WEIGHTS, alpha), rtol=1e-13, atol=1e-15)


def test_its_limits_are_expectation_and_worst_case():
    np.testing.assert_allclose(
        conditional_value_at_risk(VALUES, WEIGHTS, alpha=0.0), expectation(VALUES, WEIGHTS), rtol=1e-14, atol=1e-15
    )
    np.testing.assert_allclose(conditional_value_at_risk(VALUES, alpha=0.95), np.max(VALUES), rtol=1e-14)
    np.testing.assert_allclose(worst_case(VALUES, WEIGHTS), np.max(VALUES))
    risks = [float(conditional_value_at_risk(VALUES, WEIGHTS, alpha=a)) for a in np.linspace(0, 0.99, 34)]
    assert np.all(np.diff(risks) >= -1e-15)


@pytest.mark.slow
def test_that_of_an_exponential_distribution_is_known():
    """For values with P(f > x) = exp(-x) it is 1 - log(1 - alpha)."""
    values = -np.log(1.0 - (np.arange(20_000) + 0.5) / 20_000)
    np.testing.assert_allclose(conditional_value_at_risk(values, alpha=0.9), 1.0 + np.log(10.0), rtol=1e-3)


@pytest.mark.parametrize(
    "measure", [expectation, worst_case, partial(conditional_value_at_risk, alpha=0.7)], ids=["mean", "worst", "cvar"]
)
def test_gradients_of_measures(measure, assert_gradient):
    assert_gradient(lambda values: measure(values, jnp.asarray(WEIGHTS)), VALUES)


def test_a_corner_without_weight_does_not_count():
    weights = np.where(np.max(VALUES) == VALUES, 0.0, WEIGHTS)
    for measure in (worst_case, partial(conditional_value_at_risk, alpha=0.97)):
        slope = jax.grad(measure)(jnp.asarray(VALUES), jnp.asarray(weights))
        assert np.all(np.isfinite(slope)) and slope[np.argmax(VALUES)] == 0.0


def test_ties_share_the_slope_of_the_worst_case():
    np.testing.assert_allclose(jax.grad(worst_case)(jnp.asarray([1.0, 2.0, 2.0])), [0.0, 0.5, 0.5])


def response(design, corner):
    value = jnp.sum((design["x"] - corner["shift"]) ** 2) / corner["wl"]
    return value, {"wl": corner["wl"]}


TAIL = over_corners(response, CORNERS, partial(conditional_value_at_risk, alpha=0.5), weights=WEIGHTS[:7], together=3)
DESIGN = {"x": np.asarray([0.3, -0.2])}


def test_over_corners_is_the_measure_of_each():
    each = [float(response(DESIGN, jax.tree.map(lambda leaf, k=k: leaf[k], CORNERS))[0]) for k in range(7)]
    value, metrics = over_corners(response, CORNERS, weights=WEIGHTS[:7])(DESIGN)
    np.testing.assert_allclose(value, np.average(each, weights=WEIGHTS[:7]), rtol=1e-13)
    np.testing.assert_allclose(metrics["wl"], np.average(CORNERS["wl"], weights=WEIGHTS[:7]), rtol=1e-13)
    np.testing.assert_allclose([metrics["corner_worst"]], np.max(each), rtol=1e-13)
    # In chunks of three, of which the last is not full.
    risk = conditional_value_at_risk(np.asarray(each), WEIGHTS[:7], alpha=0.5)
    np.testing.assert_allclose(TAIL(DESIGN)[0], risk, rtol=1e-13)


@pytest.mark.slow
def test_its_gradient(assert_gradient):
    assert_gradient(lambda d: TAIL(d)[0], DESIGN)


def test_the_epigraph_holds_where_the_level_is_above_all_corners():
    objective, inequalities = epigraph(response, CORNERS)
    design = {"x": jnp.asarray([0.3, -0.2])}
    worst = float(over_corners(response, CORNERS, worst_case)(design)[0])
    assert objective((design, jnp.asarray(1.5)))[0] == 1.5
    limits = inequalities((design, jnp.asarray(worst)))["corner"]
    assert limits.shape == (7,)
    np.testing.assert_allclose(np.max(limits), 0.0, atol=1e-14)


def test_constraints_at_every_corner():
    found = at_corners(lambda design, corner: {"low": corner["wl"] - design}, CORNERS)(jnp.asarray(1.55))
    np.testing.assert_allclose(found["low"], CORNERS["wl"] - 1.55, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: conditional_value_at_risk(VALUES, alpha=1.0), "alpha = 1 is outside"),
        (lambda: expectation(VALUES, WEIGHTS[:3]), r"weights of shape \(3,\) are not one for each of 9 corners"),
        (lambda: expectation(VALUES, -WEIGHTS), "weights = .* is outside"),
        (lambda: expectation(VALUES, np.zeros(9)), "weights add to zero"),
        (lambda: worst_case(1.0), r"values of shape \(\) are not one for each corner"),
        (lambda: over_corners(response, {"a": np.ones(3), "b": np.ones(4)}), "corners are not a batch"),
        (lambda: over_corners(response, CORNERS, weights=np.ones(3)), "are not one for each of 7"),
        (lambda: epigraph(response, 1.0), "corners are not a batch"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_whole_numbers_are_numbers():
    for measure, expected in ((expectation, 2.0), (worst_case, 3.0)):
        assert float(measure([1, 2, 3])) == expected
    np.testing.assert_allclose(conditional_value_at_risk([1, 2, 3], alpha=0.5), 8.0 / 3.0)
    assert float(expectation(np.asarray([True, False]))) == 0.5


@pytest.mark.parametrize("measure", [expectation, worst_case, conditional_value_at_risk])
def test_a_corner_without_a_value_counts_only_with_a_weight(measure):
    values, weights = jnp.asarray([1.0, jnp.nan]), np.asarray([1.0, 0.0])
    assert float(measure(values, weights)) == 1.0
    assert np.isnan(measure(values, np.asarray([1.0, 0.1])))


def test_the_tail_of_an_alpha_near_one_in_float32(float32):
    values = jnp.asarray([1.0, 3.0, 2.0])
    assert float(conditional_value_at_risk(values, alpha=1.0 - 1e-9)) == 3.0


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, c: x * c, "does not return a pair of a scalar and a dict"),
        (lambda x, c: (x * c * jnp.ones(2), {}), r"'value' of shape \(2,\) at a corner is not a scalar"),
        (lambda x, c: (x * c, {"m": jnp.ones(2)}), r"'m' of shape \(2,\) at a corner is not a scalar"),
    ],
)
def test_what_a_function_of_a_corner_returns_is_checked(function, message):
    with pytest.raises(ValueError, match=message):
        over_corners(function, jnp.arange(3.0))(jnp.asarray(1.0))
    with pytest.raises(ValueError, match="together = 1.5 is not a whole number"):
        over_corners(function, jnp.arange(3.0), together=1.5)  # pyright: ignore[reportArgumentType]
