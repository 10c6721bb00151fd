"""Rare failures: closed forms within their error bars, all likeliest points found, honest about what it cannot do."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import design_points, margin_of, rare_failure
from photonics_core.validation import yields


def test_a_failure_of_1e_5_within_its_error_bar():
    found = rare_failure(yields.linear_margin, 6, jax.random.key(0), samples=8000)
    assert found.is_reliable and found.standard_error < 0.05e-5
    assert abs(found.probability - 1e-5) < 3.0 * found.standard_error
    assert found.first_order == pytest.approx(1e-5, rel=1e-6) and found.points.shape == (1, 6)
    assert found.distances[0] == pytest.approx(yields.RARE, rel=1e-9)


def test_a_limit_that_bends_is_worse_than_its_first_order():
    exact = yields.parabola_probability()
    found = rare_failure(yields.parabola_margin, 4, jax.random.key(1), samples=16_000)
    assert abs(found.probability - exact) < 3.0 * found.standard_error
    assert found.first_order < 0.3 * exact


def test_failures_on_both_sides_are_both_found():
    points = design_points(yields.two_sided_margin, 3, jax.random.key(2))
    np.testing.assert_allclose(np.sort(points[:, 0]), [-4.417173, 4.417173], rtol=1e-6)
    found = rare_failure(yields.two_sided_margin, 3, jax.random.key(2), samples=8000)
    assert abs(found.probability - 1e-5) < 3.0 * found.standard_error


def test_a_limit_without_a_nearest_point_is_searched_over_a_curve():
    """The nearest point of an ellipse, whose limit bends both ways."""
    points = design_points(lambda z: 1.0 - (z[0] / 4.0) ** 2 - (z[1] / 9.0) ** 2, 2, jax.random.key(0))
    np.testing.assert_allclose(np.abs(points[:2]), [[4.0, 0.0]] * 2, atol=2e-2)


def test_few_draws_are_not_called_reliable():
    found = rare_failure(yields.parabola_margin, 4, jax.random.key(1), samples=200)
    assert not found.is_reliable


def test_the_margin_of_a_metric_is_the_smaller_one():
    margin = margin_of(lambda z: z[0] + 1.0, lower=-1.0, upper=4.0)
    assert margin(jnp.asarray([0.0])) == 2.0 and margin(jnp.asarray([2.0])) == 1.0
    assert jax.grad(margin)(jnp.asarray([0.5]))[0] == pytest.approx(0.0)  # both sides are as near
    found = rare_failure(margin, 1, jax.random.key(0), samples=4000)
    exact = 0.5 * math.erfc(2.0 / math.sqrt(2.0)) + 0.5 * math.erfc(3.0 / math.sqrt(2.0))
    assert abs(found.probability - exact) < 3.0 * found.standard_error


def test_single_precision(float32):
    found = rare_failure(yields.linear_margin, 6, jax.random.key(0), samples=8000)
    assert abs(found.probability - 1e-5) < 3.0 * found.standard_error and found.is_reliable


def test_errors():
    with pytest.raises(ValueError, match="at the origin is not above zero"):
        rare_failure(lambda z: z[0] - 1.0, 1, jax.random.key(0))
    with pytest.raises(ValueError, match="no failure was found"):
        rare_failure(lambda z: 1.0 + z[0] ** 2, 1, jax.random.key(0))
    with pytest.raises(ValueError, match="samples = 1"):
        rare_failure(yields.linear_margin, 6, jax.random.key(0), samples=1)
    with pytest.raises(ValueError, match="a lower or an upper"):
        margin_of(lambda z: z[0])
