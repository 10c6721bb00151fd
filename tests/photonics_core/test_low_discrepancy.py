"""Low-discrepancy points: the same for a seed, one in each cell, of the right moments."""

import numpy as np
import pytest

from photonics_core import normal_points, uniform_points


def test_points_are_one_in_each_interval_of_every_axis():
    points = uniform_points(64, 5, seed=3)
    for axis in points.T:
        np.testing.assert_array_equal(np.sort((64 * axis).astype(int)), np.arange(64))
    np.testing.assert_array_equal(points, uniform_points(64, 5, seed=3))
    assert np.max(np.abs(points - uniform_points(64, 5, seed=4))) > 0.1


def test_normal_points_have_their_moments():
    points = normal_points(4096, 3)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(points.T @ points / 4096, np.eye(3), atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((100, 2), "power of two"),
        ((64, 0), "dimension = 0"),
        ((2.5, 1), "not a whole"),
        ((64, 10**6), "dimension = 1e"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        uniform_points(*arguments)
