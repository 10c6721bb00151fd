"""Searches without derivatives: they find what is easy, within their number of evaluations."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.validation.baselines import evaluations_of, nelder_mead, random_search

START = {"x": np.array([0.9, 0.1]), "y": np.array(0.5)}
LOW = {"x": np.array([-1.0, -1.0]), "y": np.array(0.0)}
HIGH = {"x": np.array([1.0, 1.0]), "y": np.array(2.0)}


def bowl(design):
    return jnp.sum((design["x"] - jnp.array([0.2, -0.3])) ** 2) + (design["y"] - 1.5) ** 2


def test_the_simplex_finds_the_bottom_of_a_bowl():
    found = nelder_mead(bowl, START, LOW, HIGH, 400)
    assert found.value < 1e-6 and found.curve.shape == (400,)
    np.testing.assert_allclose(found.design["x"], [0.2, -0.3], atol=2e-3)
    assert found.curve[0] == pytest.approx(float(bowl(START)))


def test_random_points_stay_within_the_bounds_and_are_those_of_the_seed():
    first, again, other = (random_search(bowl, START, LOW, HIGH, 300, seed) for seed in (1, 1, 2))
    assert first.value == again.value != other.value
    assert first.curve[0] == pytest.approx(float(bowl(START)))
    assert np.all(np.diff(first.curve) <= 0.0) and first.curve.shape == (300,)
    assert np.all(np.abs(first.design["x"]) <= 1.0) and first.value == pytest.approx(float(bowl(first.design)))


def test_what_is_not_finite_is_not_the_best():
    found = random_search(lambda d: jnp.where(d["y"] < 1.0, jnp.nan, d["y"]), START, LOW, HIGH, 50)
    assert 1.0 <= found.value <= 2.0


def test_gradients_count_as_several_evaluations():
    np.testing.assert_allclose(evaluations_of(3), [4.0, 8.0, 12.0])


@pytest.mark.parametrize("search", [random_search, nelder_mead])
def test_no_evaluation_is_refused(search):
    with pytest.raises(ValueError, match="evaluations = 0"):
        search(bowl, START, LOW, HIGH, 0)
