"""Profiles of few numbers: limits on coefficients hold between the points, derivatives, tapers and gratings of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import BSpline

from photonics_core import Constraints, minimize
from photonics_core.devices.grating_coupler import GratingCoupler
from photonics_core.shape_profiles import ShapeProfile, feature_limits, grating_widths, greville, knots, profile_limits
from photonics_core.tapers import LocalModes

NO_PROFILE: Any = (3.0,)
FINE = np.linspace(0.0, 1.0, 2001)


def random_profile(seed, degree=3, count=9):
    draws = np.random.default_rng(seed)
    return ShapeProfile(draws.normal(size=count), 7.0, degree)


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_no_point_is_outside_of_the_coefficients(degree):
    for seed in range(4):
        profile = random_profile(seed, degree)
        z = FINE * 7.0
        low, high = profile.bounds()
        values, slopes = profile.at(z), profile.slope(z)
        assert low - 1e-12 <= np.min(values) and np.max(values) <= high + 1e-12
        assert np.min(profile.slopes()) - 1e-12 <= np.min(slopes) and np.max(slopes) <= np.max(profile.slopes()) + 1e-12
        if degree > 1:
            bends = profile.bend(z)
            assert np.min(profile.bends()) - 1e-11 <= np.min(bends)
            assert np.max(bends) <= np.max(profile.bends()) + 1e-11


def test_more_coefficients_ask_for_less_in_excess():
    def excess(count):
        # The same curve, sin over a period, by its Schoenberg mean: it stays below its largest coefficient.
        c = np.sin(2.0 * np.pi * greville(count, 3))
        return float(np.max(c) - np.max(np.asarray(ShapeProfile(c, 1.0).at(FINE))))

    found = [excess(count) for count in (12, 24, 48)]
    assert 0.0 < found[2] < 0.5 * found[1] < 0.25 * found[0]


@pytest.mark.parametrize("degree", [1, 3, 4])
def test_it_is_the_spline_of_scipy(degree):
    profile = random_profile(3, degree)
    reference = BSpline(knots(9, degree) * 7.0, np.asarray(profile.coefficients), degree)
    z = FINE[::40] * 7.0
    for mine, order in ((profile.at, 0), (profile.slope, 1)):
        np.testing.assert_allclose(mine(z), reference(z, order), atol=1e-12)
        traced = jax.jit(lambda z, f=mine: f(z))(jnp.asarray(z))
        np.testing.assert_allclose(traced, reference(z, order), atol=1e-12)
    np.testing.assert_allclose(jax.jit(lambda part: profile.at_parts(part))(FINE[::40]), reference(z), atol=1e-12)
    np.testing.assert_allclose(profile.at_parts(FINE[::40]), reference(z), atol=1e-12)


def test_derivatives_are_those_of_the_curve():
    profile, z, step = random_profile(1), np.linspace(0.2, 6.8, 12), 1e-5
    difference = (profile.at(z + step) - profile.at(z - step)) / (2.0 * step)
    np.testing.assert_allclose(profile.slope(z), difference, rtol=1e-7, atol=1e-8)
    difference = (profile.slope(z + step) - profile.slope(z - step)) / (2.0 * step)
    np.testing.assert_allclose(profile.bend(z), difference, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(jax.vmap(jax.grad(profile.at))(jnp.asarray(z)), profile.slope(z), rtol=1e-12)
    ends = jax.vmap(jax.grad(profile.at))(jnp.array([0.0, 7.0]))
    np.testing.assert_allclose(ends, profile.slopes()[np.array([0, -1])], rtol=1e-12)


def test_a_straight_one_is_straight_and_ends_where_it_should():
    profile = ShapeProfile.straight(0.2, 0.5, 30.0, 8)
    np.testing.assert_allclose(profile.at(FINE * 30.0), 0.2 + 0.3 * FINE, atol=1e-14)
    np.testing.assert_allclose(profile.slopes(), 0.01, rtol=1e-12)
    np.testing.assert_allclose(profile.bends(), 0.0, atol=1e-14)


def test_a_monotone_one_never_turns():
    for seed in range(5):
        parts = np.random.default_rng(seed).normal(scale=2.0, size=7)
        for first, last in ((0.2, 0.5), (0.5, 0.2)):
            profile = ShapeProfile.monotone(first, last, parts, 10.0)
            values = np.asarray(profile.at(FINE * 10.0))
            assert values[0] == pytest.approx(first, abs=1e-15) and values[-1] == pytest.approx(last, abs=1e-15)
            assert np.all(np.diff(values) * np.sign(last - first) >= 0.0)
    equal = ShapeProfile.monotone(0.2, 0.5, np.zeros(7), 10.0)
    np.testing.assert_allclose(equal.at(FINE * 10.0), 0.2 + 0.3 * FINE, atol=1e-14)


def test_limits_are_met_where_they_are_at_most_zero():
    profile = random_profile(2)
    z = FINE * 7.0
    low, high = profile.bounds()
    steepest, tightest = float(jnp.max(jnp.abs(profile.slopes()))), float(jnp.max(jnp.abs(profile.bends())))
    just = profile_limits("gap", profile, least=low, most=high, slope=steepest, bend=tightest)
    assert sorted(just) == ["gap bend", "gap least", "gap most", "gap slope"]
    assert all(np.max(each) <= 1e-12 for each in just.values())
    for key, bound in (("least", low + 0.1), ("most", high - 0.1), ("slope", 0.9 * steepest), ("bend", 0.9 * tightest)):
        (found,) = profile_limits("gap", profile, **{key: bound}).values()
        assert np.max(found) > 0.0
    # A wall of this second derivative has no radius below one over it.
    walls = np.abs(profile.bend(z)) / (1.0 + np.asarray(profile.slope(z)) ** 2) ** 1.5
    assert np.max(walls) <= tightest


def test_gradients(assert_gradient):
    places = jnp.array([0.0, 0.3, 0.77, 1.0])

    def numbers(x):
        profile = ShapeProfile(x[:6], x[6])
        parts = [profile.at(places * x[6]), profile.slope(0.5 * places * x[6]), profile.bends(), profile.slopes()]
        return jnp.sum(jnp.sin(jnp.concatenate(parts)))

    assert_gradient(numbers, jnp.array([0.3, 0.1, 0.4, 0.2, 0.9, 0.6, 5.0]))
    assert_gradient(lambda p: jnp.sum(ShapeProfile.monotone(0.2, 0.6, p, 3.0).coefficients ** 2), jnp.arange(5.0))


def test_a_grating_of_profiles_is_the_uniform_one_and_keeps_its_features():
    period, fill = ShapeProfile.straight(0.63, 0.63, 1.0, 4), ShapeProfile.straight(0.5, 0.5, 1.0, 4)
    trenches, teeth = grating_widths(period, fill, 20)
    uniform = GratingCoupler.uniform(0.63, 0.5, 20)
    np.testing.assert_allclose(trenches, uniform.trenches, rtol=1e-13)
    np.testing.assert_allclose(teeth, uniform.teeth, rtol=1e-13)
    trenches, teeth = grating_widths(period, ShapeProfile.straight(0.9, 0.5, 1.0, 4), 20)
    assert np.all(np.diff(trenches) > 0.0) and np.all(np.diff(teeth) < 0.0)
    assert np.max(feature_limits("trench", trenches, 0.1)["trench least"]) > 0.0
    assert np.max(feature_limits("trench", trenches, 0.06)["trench least"]) <= 0.0


def two_modes():
    """Two modes that come closest at 0.42 um and are coupled by a change of width most there."""
    widths = np.linspace(0.2, 0.8, 25)
    apart = 0.3 + 4.0 * (widths - 0.42) ** 2
    beta = np.stack([10.0 + 0.5 * apart, 10.0 - 0.5 * apart], axis=1)
    middles = 0.5 * (widths[1:] + widths[:-1])
    c = 1.0 / (1.0 + ((middles - 0.42) / 0.1) ** 2)
    coupling = np.zeros((middles.size, 2, 2))
    coupling[:, 0, 1], coupling[:, 1, 0] = c, -c
    return LocalModes(jnp.asarray(widths), jnp.asarray(beta, complex), jnp.asarray(coupling, complex))


@pytest.mark.slow
def test_a_taper_found_by_gradient_keeps_its_slope_and_loses_less_than_a_straight_one():
    local, length, steepest = two_modes(), 15.0, 0.1

    def width(design):
        return ShapeProfile.monotone(0.2, 0.8, design["parts"], length)

    def lost(design):
        carried = local.propagator(width(design).at_parts(np.linspace(0.0, 1.0, 61)), length)
        return jnp.log10(jnp.abs(carried[1, 0]) ** 2), {}

    start = {"parts": np.zeros(7)}
    found = minimize(
        lost,
        start,
        {"parts": np.full(7, -3.0)},
        {"parts": np.full(7, 3.0)},
        constraints=Constraints(lambda design: profile_limits("width", width(design), slope=steepest)),
        steps=150,
        progress=False,
    )
    assert found.is_feasible
    # A third of what a straight one loses.
    assert found.value < float(lost(start)[0]) - 0.5
    profile = width(found.design)
    slopes = np.asarray(profile.slope(FINE * length))
    assert np.min(slopes) >= 0.0 and np.max(slopes) <= steepest + 1e-5
    # On other steps.
    carried = local.propagator(profile.at_parts(np.linspace(0.0, 1.0, 640)), length)
    assert float(jnp.log10(jnp.abs(carried[1, 0]) ** 2)) < float(lost(start)[0]) - 0.4


def test_single_precision(float32):
    profile = ShapeProfile(np.array([0.2, 0.3, 0.25, 0.4, 0.4]), 7.0)
    assert profile.at(jnp.array([0.0, 3.0, 7.0])).dtype == jnp.float32
    np.testing.assert_allclose(profile.at(np.array([0.0, 7.0])), [0.2, 0.4], rtol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ShapeProfile(np.ones(3), 1.0), r"coefficients of shape \(3,\) is not \[K\] with K from 4 on"),
        (lambda: ShapeProfile(np.ones((4, 2)), 1.0), "is not \\[K\\]"),
        (lambda: ShapeProfile(np.ones(5), 0.0), "length = 0 um"),
        (lambda: ShapeProfile(np.ones(5), [1.0, 2.0]), r"length of shape \(2,\) is not a number"),
        (lambda: ShapeProfile(np.ones(5), 1.0, 0), "degree = 0 is not a whole number"),
        (lambda: ShapeProfile([1.0, np.nan, 1.0, 1.0], 1.0), "coefficients = nan"),
        (lambda: ShapeProfile(np.ones(5), 1.0).at(1.2), "z = 1.2 um is outside"),
        (lambda: ShapeProfile(np.ones(5), 1.0).at_parts([0.5, 1.2]), "parts = 1.2 is outside"),
        (lambda: ShapeProfile(np.ones(5), 1.0, 1).bends(), "degree = 1 is outside"),
        (lambda: ShapeProfile.straight(0.0, 1.0, 1.0, 3), "count = 3 is outside"),
        (lambda: ShapeProfile.monotone(0.0, 1.0, np.zeros(2), 1.0), r"parts of shape \(2,\)"),
        (lambda: profile_limits("gap", ShapeProfile(np.ones(5), 1.0), slope=0.0), "slope = 0 is outside"),
        (lambda: profile_limits("gap", *NO_PROFILE, slope=1.0), "profile = 3.0 is not"),
        (
            lambda: profile_limits("gap", ShapeProfile(np.ones(5), 1.0), least=0.5, most=0.2),
            "'gap' is above most = 0.2",
        ),
        (lambda: profile_limits("gap", ShapeProfile(np.ones(5), 1.0), least=np.nan), "least of 'gap' = nan"),
        (lambda: feature_limits("tooth", [0.2], -0.1), "least of 'tooth' = -0.1 um is outside"),
        (lambda: grating_widths(ShapeProfile(-np.ones(5), 1.0), ShapeProfile(np.full(5, 0.5), 1.0), 3), "period = -1"),
        (lambda: grating_widths(ShapeProfile(np.ones(5), 1.0), ShapeProfile(np.full(5, 1.5), 1.0), 3), "fill = 1.5"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
