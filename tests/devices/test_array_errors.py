"""Errors of arrays: draws against closed forms, and what each error costs."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import ArrayErrors, FibreArray, FibreJoint, GaussianBeam, sample_arrays, sample_losses, second_order
from photonics_core.devices.array_errors import ERRORS, ArraySample

FIBRE = GaussianBeam.from_mfd(9.2)
ROW = FibreArray.row(FibreJoint(FIBRE, FIBRE, 1.31), 4, gap=10.0)
ERROR = ArrayErrors(
    x=0.3, y=0.4, z=2.0, tilt_x=3e-3, roll=1e-3, mating_x=0.2, mating_y=0.1, eccentricity=0.2, groove_y=0.3, pitch=1e-4
)
DECIBEL = 10.0 / math.log(10.0)


@pytest.mark.slow
def test_offsets_have_their_closed_mean():
    # Of equal waists the loss is 4.34 (x^2 + y^2) / w^2 exactly.
    row = FibreArray.row(FibreJoint(FIBRE, FIBRE, 1.31), 3)
    errors = ArrayErrors(eccentricity=0.4, groove_x=0.3)
    expected, variance = DECIBEL * (0.25 + 0.16) / 4.6**2, 2.0 * DECIBEL**2 * (0.25**2 + 0.16**2) / 4.6**4
    moments = second_order(row, errors)
    np.testing.assert_allclose(moments.mean, expected, rtol=1e-12)
    np.testing.assert_allclose(moments.deviation, math.sqrt(variance), rtol=1e-12)
    arrays = 20_000
    sample = sample_arrays(row, errors, jax.random.key(3), arrays)
    assert np.max(np.abs(sample.mean - expected)) < 4.0 * math.sqrt(variance / arrays)
    np.testing.assert_allclose(sample.deviation, math.sqrt(variance), rtol=0.05)


@pytest.mark.slow
def test_second_order_is_what_is_drawn_and_its_shares_add_up():
    moments = second_order(ROW, ERROR)
    sample = sample_arrays(ROW, ERROR, jax.random.key(0), 20_000)
    assert np.max(np.abs(sample.mean - moments.mean) / sample.deviation) < 4.0 / math.sqrt(20_000) + 2e-3
    np.testing.assert_allclose(jnp.sum(moments.shares, axis=0), moments.mean - moments.nominal, rtol=1e-12)
    shares = dict(zip(ERRORS, np.asarray(moments.shares), strict=True))
    assert np.all(shares["temperature"] == 0.0)
    # A roll moves the outer fibres three times as far as the inner ones, and turns the polarisation of all alike.
    turned = DECIBEL * 1e-6
    np.testing.assert_allclose((shares["roll"][0] - turned) / (shares["roll"][1] - turned), 9.0, rtol=1e-6)
    np.testing.assert_allclose(shares["groove_y"], DECIBEL * 0.09 / 4.6**2, rtol=2e-2)


@pytest.mark.slow
def test_second_order_has_derivatives(assert_gradient):
    def moments(vector):
        found = second_order(ROW, ArrayErrors.of_vector(vector))
        return jnp.stack([found.mean[0], found.deviation[1]])

    assert_gradient(moments, np.asarray(ERROR.vector()))
    assert np.all(np.isfinite(jax.jit(jax.jacrev(moments))(jnp.zeros(19))))


@pytest.mark.slow
def test_a_draw_does_not_depend_on_the_chunk():
    whole = sample_losses(ROW, ERROR, jax.random.key(1), 60, matings=2)
    assert whole.shape == (60, 2, 4)
    for chunk in (7, 60, 1000):
        found = sample_arrays(ROW, ERROR, jax.random.key(1), 60, matings=2, chunk=chunk)
        np.testing.assert_allclose(found.worst, jnp.max(whole, axis=(1, 2)), rtol=1e-13)
        np.testing.assert_allclose(found.mean, jnp.mean(whole, axis=(0, 1)), rtol=1e-12)
        np.testing.assert_allclose(found.deviation, jnp.std(whole, axis=(0, 1)), rtol=1e-9)
    more = sample_losses(ROW, ERROR, jax.random.key(1), np.int64(80), matings=np.int32(2))  # type: ignore[arg-type]
    np.testing.assert_allclose(more[:60], whole, rtol=1e-13)
    other = sample_losses(ROW, ERROR, jax.random.key(2), 60, matings=2)
    assert not np.any(np.asarray(other) == np.asarray(whole))


def test_only_a_connector_differs_from_mating_to_mating():
    built = dataclasses.replace(ERROR, mating_x=0.0, mating_y=0.0)
    losses = np.asarray(sample_losses(ROW, built, jax.random.key(1), 20, matings=3))
    np.testing.assert_allclose(losses[:, 1:], losses[:, :1].repeat(2, axis=1), rtol=1e-12)
    only = ArrayErrors(mating_y=1.0)
    losses = np.asarray(sample_losses(ROW, only, jax.random.key(1), 20, matings=3))
    assert np.all(np.ptp(losses[:, :, 0], axis=1) > 0.0)
    np.testing.assert_allclose(np.ptp(losses, axis=2), 0.0, atol=1e-12)


def test_yields_of_a_sample():
    sample = sample_arrays(ROW, ERROR, jax.random.key(1), 500)
    limits = np.asarray([[0.1, 0.3], [0.6, 50.0]])
    part, error = sample.yields(limits)
    expected = np.mean(np.asarray(sample.worst)[:, None, None] <= limits, axis=0)
    np.testing.assert_allclose(part, expected, atol=1e-15)
    np.testing.assert_allclose(error, np.sqrt(expected * (1 - expected) / 500), atol=1e-15)


def test_no_errors_draw_no_errors():
    sample = sample_arrays(ROW, ArrayErrors(), jax.random.key(1), 50)
    np.testing.assert_allclose(sample.worst, ROW.losses_db()[0], rtol=1e-12)
    np.testing.assert_allclose(sample.deviation, 0.0, atol=1e-12)


@pytest.mark.slow
def test_in_single_precision(float32):
    sample = sample_arrays(ROW, ERROR, jax.random.key(0), 4000)
    assert sample.worst.dtype == np.float32
    moments = second_order(ROW, ERROR)
    assert np.max(np.abs(sample.mean - moments.mean) / sample.deviation) < 4.0 / math.sqrt(4000) + 2e-3


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"standard deviation roll = -0.1 is outside \[0, inf\)"):
        ArrayErrors(roll=-0.1)
    with pytest.raises(ValueError, match="standard deviation groove_x = nan"):
        ArrayErrors(groove_x=math.nan)
    with pytest.raises(ValueError, match=r"standard deviation x of shape \(2,\)"):
        ArrayErrors(x=[0.1, 0.2])
    for name, count in (("arrays", 1e3), ("arrays", 10.5), ("chunk", 8.0)):
        with pytest.raises(ValueError, match=rf"{name} = {count} is not a whole number"):
            sample_arrays(ROW, ERROR, jax.random.key(0), **({"arrays": 3} | {name: count}))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limits_db = nan"):
        ArraySample(jnp.zeros(3), jnp.zeros(4), jnp.zeros(4)).yields(math.nan)
    with pytest.raises(ValueError, match="arrays = 0"):
        sample_arrays(ROW, ERROR, jax.random.key(0), 0)
    with pytest.raises(ValueError, match="matings = 0"):
        sample_losses(ROW, ERROR, jax.random.key(0), 3, matings=0)
    with pytest.raises(ValueError, match="kind ArrayErrors"):
        sample_arrays(ROW, 0.3, jax.random.key(0), 3)  # type: ignore[arg-type]
