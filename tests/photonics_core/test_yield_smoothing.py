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


def test_a_design_is_centred():
    """From its edge, where 57 % pass, to the middle of the limits, by symmetry."""
    centre, smoothed = centred_yield()
    assert centre == pytest.approx(0.5, abs=1e-3)
    assert smoothed == pytest.approx(1.0 - 2.0 * ndtr(-1.5 / math.hypot(0.6, 0.2)), abs=2e-3)


def test_errors():
    with pytest.raises(ValueError, match="width of 'value' = 0"):
        smooth_yield({"value": Z}, UPPER, 0.0)
    with pytest.raises(ValueError, match="none for the limit 'value'"):
        smooth_yield({"value": Z}, UPPER, {"other": 1.0})
    with pytest.raises(ValueError, match="metric 'value' is not one of"):
        smooth_yield({"loss": Z}, UPPER, 0.1)
