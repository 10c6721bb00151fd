"""Rare failures: closed forms within their error bars, all likeliest points found, honest about what it cannot do."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

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


def test_every_device_and_limit_has_its_own_failure_and_none_is_missed():
    """Eight devices within two limits each: with a few starts for all sixteen the result would lack a part."""
    found = rare_failure(yields.band_margin, 8, jax.random.key(0), samples=8000)
    exact = -math.expm1(8.0 * math.log1p(-1e-5 / 8.0))
    assert found.points.shape == (16, 8) and found.unseen == 0.0 and found.is_reliable
    assert abs(found.probability - exact) < 3.0 * found.standard_error < 0.15 * exact


def test_failures_of_which_the_search_saw_too_few_are_not_called_reliable():
    found = rare_failure(yields.band_margin, 8, jax.random.key(0), samples=8000, starts=12)
    assert found.unseen > 0.05 and not found.is_reliable and found.standard_error > found.unseen * found.probability


@pytest.mark.slow
def test_a_limit_all_around_has_the_distribution_of_chi_squared():
    """|z|^2 > r^2 has no slope at the origin and no likeliest point; in many dimensions it is said to be unseen."""
    radius = math.sqrt(2.0 * math.log(1e5))
    found = rare_failure(lambda z: radius**2 - jnp.sum(z[:2] ** 2), 4, jax.random.key(0), samples=8000)
    assert found.is_reliable and abs(found.probability - 1e-5) < 3.0 * found.standard_error
    high = rare_failure(lambda z: 56.0 - jnp.sum(z**2), 20, jax.random.key(0), samples=8000)
    assert high.unseen > 0.9 and not high.is_reliable


def test_two_failures_of_different_probability_add_up():
    found = rare_failure(lambda z: jnp.minimum(4.0 - z[0], 3.0 * (4.5 + z[1])), 3, jax.random.key(0), samples=8000)
    exact = 1.0 - ndtr(4.0) * ndtr(4.5)
    assert found.points.shape[0] == 2 and abs(found.probability - exact) < 3.0 * found.standard_error


def test_two_limits_that_have_to_be_missed_together():
    """A corner, where the search has two slopes to follow."""
    found = rare_failure(lambda z: 3.0 - jnp.min(z), 2, jax.random.key(0), samples=8000)
    assert abs(found.probability - ndtr(-3.0) ** 2) < 3.0 * found.standard_error < 0.2 * found.probability


def test_what_is_not_a_number_fails():
    """A margin that ends within the failures of another."""
    whole, broken = (
        rare_failure(lambda z, e=end: jnp.where(z[0] > e, jnp.nan, 4.0 - z[0]), 2, jax.random.key(0), samples=8000)
        for end in (99.0, 4.3)
    )
    assert abs(broken.probability - ndtr(-4.0)) < 3.0 * whole.standard_error


def test_failures_too_far_to_count_are_not_called_reliable():
    found = rare_failure(lambda z: 50.0 - z[0], 2, jax.random.key(0), samples=200)
    assert found.probability == 0.0 and not found.is_reliable


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


@pytest.mark.slow
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
    with pytest.raises(ValueError, match="lower = 2.0 is above"):
        margin_of(lambda z: z[0], lower=2.0, upper=1.0)
    with pytest.raises(ValueError, match="a lower or an upper"):
        margin_of(lambda z: z[0])
