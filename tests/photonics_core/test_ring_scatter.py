"""Scatter of rings of one die: limits of the model, and what four rings tell."""

import numpy as np
import pytest

from photonics_core import ProcessVariation, Variation, deviation_interval, neighbour_scatter, silicon_process
from photonics_core.validation.yields import O_BAND

SLOPES = {"width": 1.0}


def row(pitch, count=4):
    return np.stack([pitch * np.arange(count), np.zeros(count)], axis=1)


def process(**parts):
    return ProcessVariation({"width": Variation(0.5, **parts)})


def test_rings_far_apart_scatter_as_independent_ones():
    found = neighbour_scatter(process(field_sd=1e-3, field_length=100.0), SLOPES, row(1e4), 60.0)
    assert found.expected == pytest.approx(1e-3, rel=1e-9) and found.freedom == pytest.approx(3.0, rel=1e-9)
    low, high = deviation_interval(1e-3, 4)
    # Four values of 1 scatter between these; the interval of the deviation has the same ends the other way round.
    assert found.low == pytest.approx(1e-6 / high, rel=0.02) and found.high == pytest.approx(1e-6 / low, rel=0.02)


def test_rings_close_together_see_a_slope():
    """Of a gaussian field: variance sd^2 / l^2 times that of the places."""
    found = neighbour_scatter(process(field_sd=1e-3, field_length=5e3), SLOPES, row(10.0), 60.0)
    assert found.expected == pytest.approx(1e-3 / 5e3 * np.std(10.0 * np.arange(4), ddof=1), rel=1e-3)
    assert found.freedom == pytest.approx(1.0, abs=1e-3)
    wide = neighbour_scatter(process(field_sd=1e-3, field_length=5e3, die_sd=1.0), SLOPES, row(10.0), 60.0)
    assert wide.expected == pytest.approx(found.expected, rel=1e-12)


def test_a_random_walk_grows_with_the_root_of_the_distance():
    walk = process(field_sd=1e-3, field_length=1e6, kind="exponential")
    near, far = (neighbour_scatter(walk, SLOPES, row(pitch), 60.0).expected for pitch in (10.0, 40.0))
    assert far / near == pytest.approx(2.0, rel=1e-4)


def test_edges_add_up_with_the_field():
    edge = process(local_sd=1e-3, local_length=0.06)
    found = neighbour_scatter(edge, SLOPES, row(10.0), 60.0)
    assert found.expected == pytest.approx(1e-3 * np.sqrt(2.0 * 1e-3 * (1.0 - 1e-3)), rel=1e-9)


def test_an_edge_far_smoother_than_the_ring_is_not_averaged():
    """Also where u - 1 + exp(-u) would lose all digits."""
    for length in (1e9, 1e6, 7e5):
        found = neighbour_scatter(process(local_sd=1e-3, local_length=length), SLOPES, row(10.0), 60.0)
        assert found.expected == pytest.approx(1e-3 * (1.0 - 10.0 / length), rel=1e-8)


@pytest.mark.parametrize(
    ("pitch", "agrees"), [(60.0, False), (80.0, True), (127.0, True), (1400.0, True), (1800.0, False)]
)
def test_which_distances_would_refute_the_model(pitch, agrees):
    """0.180 nm of four rings, measured, is within the 95 % of the model for rows from 73 um to 1.5 mm apart."""
    found = neighbour_scatter(silicon_process(0.35), O_BAND, row(pitch), 62.8)
    assert (found.low < 0.180e-3 < found.high) == agrees


def test_the_interval_of_four_values():
    """By tables of chi^2 with 3 degrees of freedom, 9.348 and 0.2158."""
    np.testing.assert_allclose(deviation_interval(0.18, 4), 0.18 * np.sqrt(3.0 / np.array([9.348, 0.2158])), rtol=1e-4)


def test_errors():
    one = process(field_sd=1e-3)
    with pytest.raises(ValueError, match="not \\[n, 2\\]"):
        neighbour_scatter(one, SLOPES, row(10.0, 1), 60.0)
    with pytest.raises(ValueError, match="quantity = 'height'"):
        neighbour_scatter(one, {"height": 1.0}, row(10.0), 60.0)
    with pytest.raises(ValueError, match="slope of 'width' = nan"):
        neighbour_scatter(one, {"width": np.nan}, row(10.0), 60.0)
    with pytest.raises(ValueError, match="count = 1"):
        deviation_interval(0.1, 1)
