"""Dies on a wafer: all corners are inside, none that fits is missing, flats and notches cost dies."""

import math

import numpy as np
import pytest

from photonics_core import die_grid


def test_dies_by_hand():
    grid = die_grid(10e3, (3e3, 3e3), edge_exclusion=0.0)
    np.testing.assert_allclose(grid.places, [[-1.5e3, -1.5e3], [1.5e3, -1.5e3], [-1.5e3, 1.5e3], [1.5e3, 1.5e3]])
    np.testing.assert_array_equal(grid.picture([1, 2, 3, 4]), [[1, 2], [3, 4]])
    # Centred on a die there is one more fit in the middle row.
    assert die_grid(10e3, (3e3, 3e3), edge_exclusion=0.0, offset=(1.5e3, 1.5e3)).count == 5


def test_every_die_that_fits_is_there_and_no_other():
    grid = die_grid(200e3, (7e3, 4e3), edge_exclusion=3e3, offset=(1e3, -500.0))
    inside = 0
    for i in range(-40, 40):
        for j in range(-40, 40):
            corners = [(1e3 + 7e3 * (i + a), -500.0 + 4e3 * (j + b)) for a in (0, 1) for b in (0, 1)]
            inside += max(math.hypot(*c) for c in corners) <= 97e3
    assert grid.count == inside
    far = np.abs(grid.places) + np.array([[3.5e3, 2e3]])
    assert np.max(np.hypot(*far.T)) <= 97e3
    assert np.nansum(grid.picture(np.ones(grid.count))) == grid.count


def test_a_flat_and_a_notch_cost_dies_at_the_bottom_only():
    whole = die_grid(150e3, (5e3, 5e3))
    flat = die_grid(150e3, (5e3, 5e3), flat_length=57.5e3)
    notch = die_grid(150e3, (5e3, 5e3), notch_depth=4e3)
    assert notch.count < whole.count and flat.count < whole.count
    lowest = -math.sqrt(75e3**2 - 28.75e3**2) + 3e3
    assert np.min(flat.places[:, 1]) - 2.5e3 >= lowest
    upper = [{tuple(p) for p in each.places if p[1] > -50e3} for each in (whole, flat, notch)]
    assert upper[0] == upper[1] == upper[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, (1e3, 1e3)), "diameter = 0"),
        ((100e3, (1e3,)), "die_size"),
        ((100e3, (80e3, 80e3)), "no die of die_size"),
        ((300e3, (1.0, 1.0)), "more than"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        die_grid(*arguments)
    with pytest.raises(ValueError, match="edge_exclusion = -1"):
        die_grid(100e3, (1e3, 1e3), edge_exclusion=-1.0)
    with pytest.raises(ValueError, match="not one for each"):
        die_grid(100e3, (1e4, 1e4)).picture([1.0])
