"""Masks: what misses them by how much, and with what slope."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.spectral_mask import Band, SpectralMask

MASK = SpectralMask.flat_top(0.03, 0.1, 0.4, least_db=-1.0, stop_db=-30.0)


def test_places_are_those_of_the_bands():
    places = MASK.points((3, 5, 3))
    np.testing.assert_allclose(places[:3], [-0.4, -0.25, -0.1])
    np.testing.assert_allclose(places[3:8], [-0.03, -0.015, 0.0, 0.015, 0.03])
    assert MASK.points(7).shape == (21,)


def test_the_excess_is_how_far_the_worse_limit_is_missed():
    places = np.array([-0.2, -0.1, -0.05, 0.0, 0.03, 0.3])
    decibels = np.array([[-40.0, -30.0, -7.0, -0.4, -3.0, -20.0]])
    found = np.asarray(MASK.excess_db(places, 10.0 ** (0.1 * decibels)))
    np.testing.assert_allclose(found, [[-10.0, 0.0, -np.inf, -0.4, 2.0, 10.0]], atol=1e-12)


def test_where_bands_overlap_the_tightest_limit_counts():
    mask = SpectralMask((Band(0.0, 1.0, most_db=-10.0), Band(0.5, 2.0, most_db=-20.0, least_db=-50.0)))
    found = mask.excess_db([0.2, 0.7, 1.5], jnp.array([1e-2, 1e-2, 1e-6]))
    np.testing.assert_allclose(found, [-10.0, 0.0, 10.0], atol=1e-12)


def test_a_band_may_have_one_limit():
    found = SpectralMask((Band(0.0, 1.0, least_db=-1.0),)).excess_db([0.5], jnp.array([1.0]))
    assert float(found[0]) == pytest.approx(-1.0)


def test_derivatives(assert_gradient):
    places = MASK.points(4)
    power = jnp.linspace(0.1, 0.9, 12)
    assert_gradient(lambda p: jnp.sum(jnp.maximum(MASK.excess_db(places, p), 0.0) ** 2), power)


def test_no_light_is_a_finite_excess():
    found = MASK.excess_db(MASK.points(2), jnp.zeros(6))
    assert np.all(np.isfinite(np.asarray(found))) and float(found[2]) > 3000.0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SpectralMask(()), "no band"),
        (lambda: SpectralMask(((0.1, 0.0, -1.0),)), r"bands\[0\].high = 0"),
        (lambda: SpectralMask(((0.0, 1.0, -1.0, -2.0),)), r"bands\[0\].most_db = -2"),
        (lambda: SpectralMask(((0.0, 1.0),)), "forbids nothing"),
        (lambda: SpectralMask.flat_top(0.1, 0.05, 0.4, -1.0, -30.0), "stopband = 0.05"),
        (lambda: MASK.points((3, 3)), "counts of 2 bands"),
        (lambda: MASK.points(1), "counts = 1"),
        (lambda: MASK.excess_db([0.0, 0.1], jnp.ones(3)), "not \\[P\\]"),
    ],
)
def test_what_makes_no_mask_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
