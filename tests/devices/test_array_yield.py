"""Yield of arrays: products of independent fibres, drawn arrays, derivatives."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ncx2

from photonics_core import ArrayErrors, CorePositions, FibreArray, FibreJoint, GaussianBeam, array_yield, sample_arrays
from photonics_core.devices.array_errors import ERRORS

FIBRE = GaussianBeam.from_mfd(9.2)
JOINT = FibreJoint(FIBRE, FIBRE, 1.31)
ROW = FibreArray.row(JOINT, 4, gap=10.0)
ERROR = ArrayErrors(
    *(0.3, 0.4, 2.0, 3e-3, 4e-3, 1e-3, 0.2, 0.1, 1.0, 1e-3, 1e-3, 3e-4, 0.2, 0.1, 0.3, 1e-4, 2e-3, 2e-3, 20.0)
)
WARM = dataclasses.replace(ROW, expansion=5e-6)
DECIBEL = 10.0 / math.log(10.0)
YIELD = jax.jit(lambda vector: array_yield(WARM, ArrayErrors.of_vector(vector), 0.4, points=64))


@pytest.mark.parametrize("count", [1, 5])
def test_independent_fibres_multiply(count):
    # Without shared errors each fibre passes with 1 - exp(-r^2 / (2 s^2)), r^2 = limit w^2 / 4.34.
    limits, deviation = np.asarray([0.05, 0.2, 0.8]), 0.5
    found = array_yield(FibreArray.row(JOINT, count), ArrayErrors(eccentricity=deviation), limits, points=2)
    one = 1.0 - np.exp(-limits / DECIBEL * 4.6**2 / (2.0 * deviation**2))
    np.testing.assert_allclose(found, one**count, rtol=1e-9)


@pytest.mark.slow
def test_wide_beams_with_small_errors_of_their_own():
    # Expanded beams: the limit is some two hundred of the cores' own deviations away.
    beam, limit = GaussianBeam(80.0, 80.0), 3.0
    row = FibreArray.row(FibreJoint(beam, beam, 1.31), 1, 500.0)
    errors = ArrayErrors(eccentricity=0.3, x=40.0, y=40.0)
    found = float(array_yield(row, errors, limit, points=1024))
    assert abs(found - (1.0 - math.exp(-limit / DECIBEL * 80.0**2 / (2.0 * (1600.0 + 0.09))))) < 3e-3
    # At the edge half of the fibres pass, along x as in between.
    for angle in (0.05, 0.1, 0.7):
        x, y = (math.sqrt(limit / DECIBEL) * 80.0 * each for each in (math.cos(angle), math.sin(angle)))
        moved = FibreArray(row.joint, row.cores, CorePositions([x], [y]))
        found = float(array_yield(moved, ArrayErrors(eccentricity=0.3), limit, points=2))
        assert found == pytest.approx(ncx2.cdf((x * x + y * y) / 0.09, 2, (x * x + y * y) / 0.09), abs=1e-8)


def test_common_offsets_do_not_multiply():
    # All fibres move together, and hardly by themselves: the yield is that of one.
    errors = ArrayErrors(x=0.5, y=0.5, eccentricity=0.02)
    one, many = (float(array_yield(FibreArray.row(JOINT, n), errors, 0.2, points=1024)) for n in (1, 12))
    expected = 1.0 - math.exp(-0.2 / DECIBEL * 4.6**2 / (2.0 * (0.25 + 0.02**2)))
    assert abs(one - expected) < 3e-3
    assert one - 0.05 < many < one


@pytest.mark.slow
def test_the_yield_is_that_of_drawn_arrays():
    limits, arrays = np.asarray([0.3, 0.5, 1.0]), 40_000
    found = np.asarray(array_yield(WARM, ERROR, limits, points=1024))
    drawn, error = sample_arrays(WARM, ERROR, jax.random.key(7), arrays).yields(limits)
    # The points by themselves leave some 1e-3.
    assert np.all(np.abs(found - np.asarray(drawn)) < 4.0 * np.asarray(error) + 2e-3)
    assert np.all(np.diff(found) > 0.0)


def test_every_error_lowers_the_yield():
    base, start = np.asarray(ERROR.vector()), float(YIELD(ERROR.vector()))
    for k, name in enumerate(ERRORS):
        larger, smaller = (float(YIELD(base * np.where(np.arange(19) == k, factor, 1.0))) for factor in (1.6, 0.4))
        assert larger < start < smaller, name


@pytest.mark.slow
def test_the_yield_has_derivatives(assert_gradient):
    assert_gradient(lambda vector: YIELD(vector), np.asarray(ERROR.vector()))


@pytest.mark.slow
def test_derivatives_are_finite_without_shared_errors():
    errors = jnp.asarray(ArrayErrors(groove_x=0.3).vector())
    slope = jax.grad(YIELD)(errors)
    assert np.all(np.isfinite(slope))
    assert float(slope[ERRORS.index("groove_x")]) < 0.0


@pytest.mark.slow
def test_derivatives_by_the_array_itself():
    def passed(waist):
        array = FibreArray.row(FibreJoint(FIBRE, GaussianBeam(waist, waist), 1.31), 2, gap=10.0)
        return array_yield(array, ERROR, 0.4, points=32)

    step = 1e-4
    slope = jax.grad(passed)(4.5)
    difference = (float(passed(4.5 + step)) - float(passed(4.5 - step))) / (2.0 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-6)


def test_in_single_precision(float32):
    single = array_yield(WARM, ERROR, 0.4, points=64)
    assert single.dtype == np.float32
    with jax.enable_x64(True):
        exact = float(array_yield(WARM, ERROR, 0.4, points=64))
    np.testing.assert_allclose(single, exact, atol=2e-5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="limit_db = 0 dB"):
        array_yield(ROW, ERROR, 0.0)
    with pytest.raises(ValueError, match="points = 100 is not a power of two"):
        array_yield(ROW, ERROR, 1.0, points=100)
    with pytest.raises(ValueError, match="points = 64.0 is not a whole number"):
        array_yield(ROW, ERROR, 1.0, points=64.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="use sample_arrays"):
        array_yield(ROW, ArrayErrors(x=1.0), 1.0)
    with pytest.raises(ValueError, match="kind FibreArray"):
        array_yield(JOINT, ERROR, 1.0)  # type: ignore[arg-type]
