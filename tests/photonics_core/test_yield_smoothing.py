"""The smoothed yield: its limit, its bias, its slope, and what it leads a design to."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from photonics_core import Limit, Spec, normal_points, smooth_yield, yield_objective
from photonics_core.validation.yields import BAND, centred_yield

Z = jnp.asarray(normal_points(2**14, 1)[:, 0])
UPPER = Spec([Limit("value", upper=1.0)])


def test_it_goes_to_the_share_that_passes():
    hard = float(np.mean(UPPER.judge({"value": Z}).dies))
    gaps = [abs(float(smooth_yield({"value": Z}, UPPER, s)) - hard) for s in (0.2, 0.02, 0.002, 1e-6)]
    assert gaps[0] > gaps[1] > gaps[-1] and gaps[-1] < 1e-9


def test_it_is_the_yield_with_an_error_of_the_test_added():
    for s in (0.1, 0.5, 2.0):
        assert smooth_yield({"value": Z}, UPPER, s) == pytest.approx(ndtr(1.0 / math.sqrt(1.0 + s**2)), abs=2e-5)


def test_limits_and_devices_multiply():
    spec = Spec({"low": Limit("value", lower=-1.0), "high": Limit("value", upper=1.0)})
    values = jnp.asarray([[0.2, -0.3], [0.9, 1.4]])
    each = ndtr((values + 1.0) / 0.3) * ndtr((1.0 - values) / 0.5)
    found = smooth_yield({"value": values}, spec, {"low": 0.3, "high": 0.5})
    assert found == pytest.approx(float(np.mean(np.prod(each, axis=1))), rel=1e-12)
    both = Spec([Limit("value", -1.0, 1.0)])
    assert smooth_yield({"value": values}, both, 0.3) == pytest.approx(
        float(smooth_yield({"value": values}, spec, 0.3)), rel=1e-12
    )


def test_its_slope_is_that_of_differences_and_finite_far_out(assert_gradient):
    points = normal_points(64, 2)

    def metrics(design, z):
        return {"value": design["centre"] + jnp.exp(design["spread"]) * z}

    objective = yield_objective(metrics, points, BAND, 0.2)
    assert_gradient(lambda d: objective(d)[0], {"centre": jnp.asarray(0.3), "spread": jnp.asarray(-0.5)})
    far = jax.grad(lambda d: objective(d)[0])({"centre": jnp.asarray(60.0), "spread": jnp.asarray(-0.5)})
    assert np.isfinite(far["centre"]) and far["centre"] > 1.0


def test_what_is_not_a_number_fails_and_leaves_the_slope_of_the_others():
    """As in `Spec.judge`; an infinite metric passes or fails for certain."""
    values = jnp.asarray([jnp.nan, jnp.inf, -jnp.inf, 0.9])
    found, slope = jax.value_and_grad(lambda v: smooth_yield({"value": v}, UPPER, 0.2))(values)
    assert found == pytest.approx((0.0 + 0.0 + 1.0 + ndtr(0.5)) / 4.0, rel=1e-12)
    np.testing.assert_array_equal(slope[:3], 0.0)
    assert slope[3] == pytest.approx(-math.exp(-0.125) / math.sqrt(2.0 * math.pi) / 0.2 / 4.0, rel=1e-9)

    def metrics(design, z):
        return {"value": jnp.where(z[0] > 0.0, jnp.nan, design + z[0])}

    def objective(limit):
        points = np.linspace(limit - 3.0, limit, 8)[:, None]
        return yield_objective(metrics, points, UPPER, 0.2)

    slope = jax.grad(lambda d: objective(2.0)(d)[0])(jnp.asarray(1.5))
    assert np.isfinite(slope) and slope > 0.0
    none = jax.value_and_grad(lambda d: objective(4.0)(d)[0])(jnp.asarray(1.5))
    assert np.isposinf(none[0]) and none[1] == 0.0


def test_all_dies_far_inside_have_no_slope_and_all_far_outside_have_one():
    objective = yield_objective(lambda d, z: {"value": d + z[0]}, np.linspace(-1.0, 1.0, 6)[:, None], UPPER, 0.1)
    inside, outside = (jax.grad(lambda d: objective(d)[0])(jnp.asarray(each)) for each in (-1e3, 1e3))
    assert inside == 0.0 and np.isfinite(outside) and outside > 1.0


def test_a_design_is_centred():
    """From its edge, where 57 % pass, to the middle of the limits, by symmetry."""
    centre, smoothed = centred_yield()
    assert centre == pytest.approx(0.5, abs=1e-3)
    assert smoothed == pytest.approx(1.0 - 2.0 * ndtr(-1.5 / math.hypot(0.6, 0.2)), abs=2e-3)


def test_errors():
    with pytest.raises(ValueError, match="width of 'value' = 0"):
        smooth_yield({"value": Z}, UPPER, 0.0)
    with pytest.raises(ValueError, match="none for the limit 'value'"):
        smooth_yield({"value": Z}, UPPER, {})
    with pytest.raises(ValueError, match="'valeu' is not one of"):
        smooth_yield({"value": Z}, UPPER, {"value": 0.1, "valeu": 0.1})
    with pytest.raises(ValueError, match="points of shape"):
        yield_objective(lambda d, z: {"value": d}, np.zeros(4), UPPER, 0.1)
    with pytest.raises(ValueError, match="metric 'value' is not one of"):
        smooth_yield({"loss": Z}, UPPER, 0.1)
