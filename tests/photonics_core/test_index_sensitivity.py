"""Derivatives of resonances by dimensions: those of a map, of a mode solve, and what a ring does."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    AddDropRing,
    IndexMap,
    PointCoupler,
    index_sensitivities,
    resonance_sensitivities,
    strip_sensitivities,
)
from photonics_core.validation.yields import O_BAND, silicon_slopes, solved_slopes


def solve(points):
    """An index with every slope by hand."""
    w, h = points["width"] - 0.5, points["height"] - 0.22
    warm, blue = points["temperature"] - 300.0, points["wl"] - 1.55
    return 2.4 + 1.6 * w - 3.0 * w**2 + 3.7 * h + 1.9e-4 * warm - 1.1 * blue + 0.4 * w * blue


@pytest.fixture(scope="module")
def index():
    return IndexMap.fit(
        solve, wl=(1.53, 1.57), temperature=(290.0, 310.0), degrees=2, width=(0.48, 0.52), height=(0.21, 0.23)
    )


def test_derivatives_of_a_map_by_hand(index):
    found = index_sensitivities(index.at(width=0.51), 1.55)
    assert found["width"] == pytest.approx(1.6 - 0.06, rel=1e-9)
    assert found["height"] == pytest.approx(3.7, rel=1e-9)
    assert found["temperature"] == pytest.approx(1.9e-4, rel=1e-8)


def test_a_ring_moves_as_the_map_says(index):
    """To the second order in the step, with the group index in between."""

    def resonance(**at):
        coupler = PointCoupler(0.2)
        return AddDropRing(10.0, coupler, coupler, index.at(**at)).resonance(start)

    start = 1.55
    start = float(resonance(width=0.5, height=0.22))
    slopes = resonance_sensitivities(index.at(width=0.5, height=0.22), start)
    step = 1e-5
    by_width = (resonance(width=0.5 + step, height=0.22) - resonance(width=0.5 - step, height=0.22)) / (2 * step)
    by_height = (resonance(width=0.5, height=0.22 + step) - resonance(width=0.5, height=0.22 - step)) / (2 * step)
    np.testing.assert_allclose([slopes["width"], slopes["height"]], [by_width, by_height], rtol=1e-5)


def test_errors(index):
    with pytest.raises(ValueError, match="not of the kind IndexMap"):
        index_sensitivities(2.4, 1.55)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="wl = 1.6"):
        index_sensitivities(index, 1.6)
    with pytest.raises(ValueError, match="polarization = 'tx'"):
        strip_sensitivities(polarization="tx")
    with pytest.raises(ValueError, match="width = -1"):
        strip_sensitivities(-1.0)


@pytest.mark.slow
def test_derivatives_of_a_solved_strip():
    """Walls that lean either way are mirror images; width and height are those of the map of test_strip_map."""
    slopes = silicon_slopes()
    assert abs(slopes["sidewall_angle"]) < 1e-12
    by_solves = solved_slopes()
    assert slopes["width"] == pytest.approx(by_solves["width"], rel=1e-3)
    assert slopes["thickness"] == pytest.approx(by_solves["thickness"], rel=1e-3)
    assert slopes["temperature"] == pytest.approx(7.33e-5, rel=0.01)
    measured = strip_sensitivities(0.35, 0.22, wl=1.3194)
    for name, slope in O_BAND.items():
        assert measured[name] == pytest.approx(slope, rel=1e-3)
    leaning = strip_sensitivities(0.5, 0.22, sidewall_angle=jnp.asarray(82.0))
    assert leaning["sidewall_angle"] == pytest.approx(5.0e-6, rel=0.02)
