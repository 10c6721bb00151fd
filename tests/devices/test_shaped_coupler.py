"""Couplers of profiles: closed forms, power, reciprocity, errors of width, order of convergence, modes of the pair."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    IndexMap,
    ShapedCoupler,
    ShapeProfile,
    StripGuide,
    expand_modes,
    local_modes,
    overlap_coupling,
    pair_section,
)
from photonics_core.coupling_map import CouplingMap
from photonics_core.kernels.eigenmodes import Walls

WL = np.array([1.5, 1.55, 1.6])
WIDTHS, GAPS, BAND = (0.38, 0.52), (0.14, 0.5), (1.49, 1.61)


def made_up_guide():
    """Index and coupling that are linear, ln(kappa) falling by 8 / um of gap and by 3 / um of width."""
    index = np.zeros((2, 1, 2))
    index[0, 0, 0], index[1, 0, 0], index[0, 0, 1] = 2.35, 2.0 * 0.07, -0.07
    bounds = {"width": WIDTHS, "temperature": (300.0, 300.0), "wl": BAND}
    n = IndexMap(index, np.zeros_like(index), {"width": 0.45}, tuple(bounds.items()), 1.55, 300.0)
    log = np.zeros((2, 2, 1, 2))
    log[0, 0, 0, 0], log[0, 1, 0, 0], log[1, 0, 0, 0], log[0, 0, 0, 1] = -3.4, -8.0 * 0.18, -3.0 * 0.07, 0.25
    pairs = {"width": WIDTHS, "gap": GAPS, "temperature": (300.0, 300.0), "wl": BAND}
    return StripGuide(0.45, n, CouplingMap(log, {"width": 0.45}, tuple(pairs.items()), 0.0))


GUIDE = made_up_guide()
NO_PROFILE: Any = 0.2


def coupler(gap=(0.2, 0.17, 0.16, 0.2, 0.22), difference=(0.0, 0.03, -0.02, 0.04, 0.0), length=20.0, **options):
    return ShapedCoupler(GUIDE, ShapeProfile(gap, length), ShapeProfile(difference, length), **options)


@eqx.filter_jit
def scattered(device, wl):
    s = device.scattering(wl)
    return s.values, s.power("in", "cross")


def matrix(device, wl: Any = WL):
    """One compiled program for all devices of one structure."""
    return scattered(jax.tree.map(jnp.asarray, device), jnp.asarray(wl))[0]


def crossed(device, wl: Any = WL):
    return scattered(jax.tree.map(jnp.asarray, device), jnp.asarray(wl))[1]


@pytest.mark.slow
def test_equal_straight_guides_are_a_directional_coupler():
    for radius in (None, 10.0):
        device = coupler(np.full(5, 0.2), np.zeros(5), 7.0, radius=radius)
        drawn = GUIDE.directional_coupler(0.2, 7.0, np.inf if radius is None else radius)
        np.testing.assert_allclose(crossed(device), drawn.power_coupling(WL), rtol=1e-12)


def test_equal_guides_cross_by_the_integral_of_the_coupling_alone():
    device = coupler(difference=np.zeros(5), radius=None)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    kappa, delta = device.local(0.5 * (nodes + 1.0), WL)
    np.testing.assert_array_equal(delta, 0.0)
    angle = 0.5 * 20.0 * np.sum(weights[:, None] * np.asarray(kappa), axis=0)
    np.testing.assert_allclose(crossed(device), np.sin(angle) ** 2, rtol=1e-6)


def test_guides_that_differ_all_along_cross_by_the_closed_form():
    device = coupler(np.full(5, 0.18), np.full(5, 0.05), 13.0, radius=None)
    kappa, delta = (np.asarray(each)[0] for each in device.local([0.5], WL))
    total = np.hypot(kappa, delta)
    np.testing.assert_allclose(crossed(device), (kappa / total * np.sin(13.0 * total)) ** 2, rtol=1e-12)
    n = [np.asarray(GUIDE.at(width=width).index.effective_index(WL)) for width in (0.475, 0.425)]
    np.testing.assert_allclose(delta, np.pi / WL * (n[0] - n[1]), rtol=1e-12)


def test_power_is_kept_and_ways_are_equal():
    device = coupler()
    values = np.asarray(matrix(device, WL))
    np.testing.assert_allclose(values, np.swapaxes(values, -1, -2), atol=1e-15)
    np.testing.assert_allclose(values @ np.conj(values), np.broadcast_to(np.eye(4), values.shape), atol=1e-12)
    z, amplitudes = device.amplitudes_along(1.55)
    assert z.shape == (81,) and z[-1] == 20.0
    np.testing.assert_allclose(np.sum(np.abs(amplitudes) ** 2, axis=1), 1.0, atol=1e-12)
    lossy = coupler(loss_db=1.0)
    np.testing.assert_allclose(crossed(lossy), crossed(device) * 10**-0.1, rtol=1e-12)


def test_exchanged_guides_cross_the_same():
    device, mirrored = coupler(), coupler(difference=(0.0, -0.03, 0.02, -0.04, 0.0))
    np.testing.assert_allclose(crossed(device), crossed(mirrored), rtol=1e-12)
    # And so does light that goes the other way.
    back = coupler((0.22, 0.2, 0.16, 0.17, 0.2), (0.0, 0.04, -0.02, 0.03, 0.0))
    np.testing.assert_allclose(crossed(device), crossed(back), rtol=1e-12)


def test_wider_wires_are_nearer():
    device = coupler().made(0.01)
    assert float(device.guide.width) == pytest.approx(0.46)
    np.testing.assert_allclose(device.gap.coefficients, np.array([0.2, 0.17, 0.16, 0.2, 0.22]) - 0.01)
    direct = ShapedCoupler(GUIDE.at(width=0.46), ShapeProfile(device.gap.coefficients, 20.0), coupler().difference)
    np.testing.assert_allclose(crossed(device), crossed(direct), rtol=1e-13)


@pytest.mark.slow
def test_steps_are_of_fourth_order():
    # Splines have jumps of the third derivative at knots, which steps of an even number share.
    exact = crossed(coupler(steps=160))
    errors = [np.max(np.abs(crossed(coupler(steps=steps)) - exact)) for steps in (10, 20)]
    assert np.log2(errors[0] / errors[1]) > 3.5


@pytest.mark.slow
def test_gradients(assert_gradient):
    def value(design):
        device = ShapedCoupler(
            GUIDE,
            ShapeProfile(design["gap"], design["length"]),
            ShapeProfile(design["difference"], design["length"]),
            design["radius"],
            steps=8,
        )
        return jnp.log(crossed(device.made(design["wider"]), 1.55))

    at = {
        "gap": jnp.array([0.2, 0.17, 0.18, 0.2]),
        "difference": jnp.array([0.0, 0.03, -0.02, 0.0]),
        "length": jnp.asarray(12.0),
        "radius": jnp.asarray(9.0),
        "wider": jnp.asarray(0.003),
    }
    assert_gradient(value, at)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: coupler(loss_db=-1.0), "loss_db = -1 dB is outside"),
        (lambda: coupler(radius=0.0), "radius = 0 um is outside"),
        (lambda: coupler(steps=0), "steps = 0 is outside"),
        (lambda: ShapedCoupler(GUIDE, ShapeProfile(np.ones(4), 5.0), ShapeProfile(np.ones(4), 6.0)), "length of diff"),
        (lambda: ShapedCoupler(GUIDE, NO_PROFILE, ShapeProfile(np.ones(4), 6.0)), "gap = 0.2 is not"),
        (lambda: coupler().scattering(1.7), "wl = 1.7 um is outside"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_gap_that_was_not_solved_stops_it():
    with pytest.raises(Exception, match="gap"):
        jax.block_until_ready(crossed(coupler(gap=np.full(5, 0.1), difference=np.zeros(5))))


@pytest.mark.slow
def test_it_agrees_with_the_modes_of_the_pair():
    """Silicon wires of 450 nm: the coupling of two that differ by 30 nm, and all of a coupler by local supermodes."""
    guide = StripGuide.solve((0.41, 0.49), 0.22, gap=(0.14, 0.3), wl=(1.54, 1.56), temperature=300.0)
    gap, difference = (0.16, 0.2, 0.17, 0.2), (0.0, 0.05, -0.05, 0.02)
    device = ShapedCoupler(guide, ShapeProfile(gap, 15.0), ShapeProfile(difference, 15.0), radius=None)
    flat = ShapedCoupler(guide, ShapeProfile(np.full(4, 0.2), 1.0), ShapeProfile(np.full(4, 0.03), 1.0))
    kappa, delta = flat.local([0.5], 1.55)
    pair = overlap_coupling(pair_section([0.465, 0.435], 0.22, 0.2), 1.55, 300.0)
    assert float(kappa[0]) == pytest.approx(float(pair.coupling), rel=0.01)
    assert float(delta[0]) == pytest.approx(float(pair.detuning), rel=1e-3)
    places = np.linspace(0.0, 1.0, 33)
    gaps, apart = np.asarray(device.gap.at_parts(places)), np.asarray(device.difference.at_parts(places))
    sections = [
        pair_section([0.45 + 0.5 * d, 0.45 - 0.5 * d], 0.22, each)
        for each, d in zip(gaps, np.where(np.abs(apart) < 1e-6, 1e-6, apart), strict=True)
    ]
    modes = local_modes(expand_modes(sections, 1.55, count=2, symmetry=Walls(bottom="magnetic")), places)
    ends = [np.asarray(each)[[0, -1]] for each in device.local(places, 1.55)]
    angles = -0.5 * np.arctan2(ends[0], ends[1])
    start, end = (np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) for t in angles)
    between = end.T @ np.asarray(modes.propagator(np.linspace(0.0, 1.0, 401), 15.0)) @ start
    assert abs(between[1, 0]) ** 2 == pytest.approx(float(crossed(device, 1.55)), abs=0.02)
