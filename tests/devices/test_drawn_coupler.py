import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from photonics_core import plot
from photonics_core.coupling_map import CouplingMap
from photonics_core.devices.batch import stack
from photonics_core.devices.coupler import approach_length
from photonics_core.devices.drawn_coupler import DrawnCoupler, PulleyCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.strip_guide import StripGuide
from photonics_core.index import LinearIndex

DECAY, KAPPA = 0.1, 0.08  # um, rad/um at a gap of 0.2 um


@pytest.fixture
def exponential() -> CouplingMap:
    """A coupling that falls as exp(-gap / DECAY) and does not depend on wavelength."""
    coefficients = np.zeros((2, 1, 1))
    coefficients[:, 0, 0] = math.log(KAPPA), -0.1 / DECAY
    bounds = (("gap", (0.1, 0.3)), ("temperature", (300.0, 300.0)), ("wl", (1.5, 1.6)))
    return CouplingMap(coefficients, {}, bounds, 0.0)


@pytest.fixture
def guide(exponential) -> StripGuide:
    return StripGuide(0.5, LinearIndex(2.44, 4.19, wl0=1.55, loss_db_cm=5.0), exponential)


def integral(radii, gap=0.2, length=0.0):
    """The angle by adaptive quadrature over the path."""

    def kappa(z):
        opening = sum(r - math.sqrt(r * r - z * z) for r in radii if math.isfinite(r))
        return KAPPA * math.exp(-(gap + opening - 0.2) / DECAY)

    half, _ = quad(kappa, 0.0, 0.9 * min(radii), epsabs=1e-14, limit=400, points=[0.5, 2.0])
    return 2.0 * half + KAPPA * math.exp(-(gap - 0.2) / DECAY) * length


@pytest.mark.parametrize("radii", [(math.inf, 10.0), (5.0, 5.0), (10.0, 25.0), (4.0, math.inf)])
def test_the_angle_is_the_integral_along_the_path(exponential, radii):
    coupler = DrawnCoupler(exponential, 0.2, 3.0, radii)
    np.testing.assert_allclose(coupler.coupling_angle(1.55), integral(radii, length=3.0), rtol=1e-6)


def test_a_large_circle_adds_the_length_of_the_parabola(exponential):
    coupler = DrawnCoupler(exponential, 0.2, radii=(math.inf, 500.0))
    np.testing.assert_allclose(coupler.equivalent_length(1.55), approach_length(500.0, DECAY), rtol=1e-3)
    twice = DrawnCoupler(exponential, 0.2, radii=(500.0, 500.0))
    np.testing.assert_allclose(twice.equivalent_length(1.55), approach_length(250.0, DECAY), rtol=1e-3)


def test_a_straight_coupler_is_kappa_times_length(exponential):
    coupler = DrawnCoupler(exponential, 0.2, 7.0)
    np.testing.assert_allclose(coupler.power_coupling(1.55), math.sin(7.0 * KAPPA) ** 2, rtol=1e-12)
    found = coupler.scattering(jnp.array([1.52, 1.58]))
    total = found.power("in", "through") + found.power("in", "cross")
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_derivatives_in_everything_drawn(exponential, assert_gradient):
    def angle(leaves):
        coupler = DrawnCoupler(exponential, leaves["gap"], leaves["length"], (math.inf, leaves["radius"]))
        return coupler.coupling_angle(1.55)

    at = {"gap": jnp.asarray(0.2), "length": jnp.asarray(2.0), "radius": jnp.asarray(10.0)}
    assert_gradient(angle, at, rtol=1e-6)


@pytest.mark.slow
def test_a_ring_that_is_drawn_follows_its_radius(guide):
    def q(radius, gap):
        return guide.add_drop_ring(radius, (gap, gap)).q_loaded(1.55)

    by_radius, by_gap = jax.grad(q, (0, 1))(10.0, 0.2)
    step = 1e-4
    np.testing.assert_allclose(by_radius, (q(10.0 + step, 0.2) - q(10.0 - step, 0.2)) / (2 * step), rtol=1e-6)
    np.testing.assert_allclose(by_gap, (q(10.0, 0.2 + step) - q(10.0, 0.2 - step)) / (2 * step), rtol=1e-5)


def test_a_racetrack_has_its_straight_part_in_ring_and_coupler(guide):
    ring = guide.all_pass_ring(10.0, 0.25, straight_length=4.0)
    np.testing.assert_allclose(ring.length, 2.0 * math.pi * 10.0 + 8.0)
    np.testing.assert_allclose(ring.coupler.coupling_angle(1.55), integral((math.inf, 10.0), 0.25, 4.0), rtol=1e-6)


def test_two_rings_couple_less_than_a_ring_and_a_bus(guide):
    bus, rings = guide.bus_coupler(10.0, 0.2), guide.ring_coupler((10.0, 10.0), 0.2)
    ratio = rings.coupling_angle(1.55) / bus.coupling_angle(1.55)
    np.testing.assert_allclose(ratio, math.sqrt(0.5), rtol=0.01)


@pytest.mark.slow
def test_a_guide_that_goes_straight_on_is_no_leaf(guide):
    straight, bus = guide.directional_coupler(0.2, 5.0), guide.bus_coupler(10.0, 0.2)
    assert straight.radii == (None, None) and bus.radii[0] is None
    for coupler in (straight, bus, guide.pulley_coupler(10.0, 0.2, 0.5)):
        angle, slopes = jax.jit(jax.value_and_grad(lambda c: c.coupling_angle(1.55)))(coupler)
        np.testing.assert_allclose(angle, coupler.coupling_angle(1.55), rtol=1e-12)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))
    ring = guide.add_drop_ring(10.0, (0.2, 0.25))
    slopes = jax.grad(lambda r: r.q_loaded(1.55))(ring)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))


def test_a_batch_of_couplers_is_a_loop_over_them(guide):
    couplers = [guide.bus_coupler(radius, gap, 1.0) for radius, gap in ((5.0, 0.15), (10.0, 0.2), (20.0, 0.3))]
    together = jax.jit(jax.vmap(lambda c: c.coupling_angle(1.55)))(stack(couplers))
    np.testing.assert_allclose(together, [c.coupling_angle(1.55) for c in couplers], rtol=1e-12)


@pytest.mark.slow
def test_radii_that_are_traced_may_be_infinite(exponential):
    def angle(radius):
        return DrawnCoupler(exponential, 0.2, 3.0, (radius, 10.0)).coupling_angle(1.55)

    values, slopes = jax.vmap(jax.value_and_grad(angle))(jnp.array([math.inf, 10.0]))
    expected = [integral(radii, length=3.0) for radii in ((math.inf, 10.0), (10.0, 10.0))]
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert slopes[0] == 0.0 < slopes[1]
    with pytest.raises(Exception, match="radii are below zero"):
        jax.block_until_ready(jax.jit(angle)(-10.0))


def test_a_straight_coupler_begins_at_no_length(exponential):
    at = jax.value_and_grad(lambda length: DrawnCoupler(exponential, 0.2, length).coupling_angle(1.55))
    np.testing.assert_allclose(jax.jit(at)(0.0), (0.0, KAPPA), rtol=1e-12)
    from_bends = jax.grad(lambda length: DrawnCoupler(exponential, 0.2, length, (5.0, 5.0)).coupling_angle(1.55))
    np.testing.assert_allclose(from_bends(0.0), KAPPA, rtol=1e-12)


@pytest.mark.slow
def test_a_coupling_too_weak_for_a_number_is_none(exponential, float32):
    def angle(gap):
        return DrawnCoupler(exponential, gap, 10.0, (math.inf, 10.0)).coupling_angle(1.55)

    assert jax.value_and_grad(angle)(200.0) == (0.0, 0.0)
    # The length of the bends stays what it is for an exponential.
    lengths = [DrawnCoupler(exponential, gap, 0.0, (math.inf, 10.0)).equivalent_length(1.55) for gap in (0.2, 2.2)]
    np.testing.assert_allclose(lengths[0], lengths[1], rtol=2e-5)


def test_a_bus_around_a_ring_falls_out_of_step(exponential):
    index = LinearIndex(2.44, 4.19, wl0=1.55)
    short = PulleyCoupler(exponential, index, 0.2, 10.0, 0.5, 0.05)
    bus = 10.7
    np.testing.assert_allclose(short.coupling_angle(1.55), KAPPA * bus * 0.05, rtol=0.02)
    detuning = math.pi / 1.55 * 2.44 * (1.0 - 10.0 / bus)
    longest = KAPPA / math.hypot(KAPPA, detuning)
    for wrap in (0.5, 1.0, 2.0):
        coupler = PulleyCoupler(exponential, index, 0.2, 10.0, 0.5, wrap)
        assert 0.0 <= float(jnp.sin(coupler.coupling_angle(1.55))) <= longest + 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.all_pass_ring(0.2, 0.2), "radius = 0.2 um is not above half the width"),
        (lambda g: g.all_pass_ring(10.0, 0.05), "gap = 0.05 um"),
        (lambda g: g.all_pass_ring(10.0, -0.2), "gap = -0.2 um"),
        (lambda g: g.add_drop_ring(10.0, (0.2,)), "number of gaps = 1"),
        (lambda g: g.add_drop_ring(10.0, 0.2), "gaps = 0.2 is not a pair"),
        (lambda g: g.ring_coupler(10.0, 0.2), "radii = 10.0 is not a pair"),
        (lambda g: g.all_pass_ring("10", 0.2), "radius = '10' is not a real number"),
        (lambda g: g.all_pass_ring(math.nan, 0.2), "radius = nan um is outside"),
        (lambda g: g.bus_coupler(10.0, 200.0), r"gap = 200 um is outside \[0.1, 2.3\]"),
        (lambda g: g.pulley_coupler(10.0, 200.0, 1.0), "gap = 200 um is outside"),
        (lambda g: DrawnCoupler(g.coupling, 0.2, radii=10.0), "radii = 10.0 is not a pair"),
        (
            lambda g: DrawnCoupler(g.coupling, 0.2, np.linspace(1.0, 7.0, 7)),
            r"length of shape \(7,\) is not a number.*vmap",
        ),
        (lambda g: DrawnCoupler(g.coupling, np.linspace(0.1, 0.3, 7), 5.0), r"gap of shape \(7,\) is not a number"),
        (lambda g: DrawnCoupler(g.coupling, 0.2, radii=(math.inf, np.ones(2))), r"radii\[1\] of shape \(2,\)"),
        (lambda g: jax.jit(lambda x: DrawnCoupler(g.coupling, x, 1.0))(np.ones(2)), r"gap of shape \(2,\)"),
        (lambda g: stack([g.bus_coupler(10.0, 0.2)] * 7).coupling_angle(1.55), r"gap of shape \(7,\) is not a number"),
        (lambda g: g.pulley_coupler(10.0, 0.2, np.ones(3)), r"wrap_angle of shape \(3,\) is not a number"),
        (lambda g: g.directional_coupler(0.2, 0.0), "never couple"),
        (lambda g: g.directional_coupler(0.2, -1.0, 5.0), "length = -1 um"),
        (lambda g: g.pulley_coupler(10.0, 0.2, 7.0), "wrap_angle = 7 rad"),
        (lambda g: DrawnCoupler("map", 0.2), "map"),
        (lambda g: DrawnCoupler(g.coupling, 0.2, radii=(math.inf, -3.0)), r"radii\[1\] = -3 um"),
    ],
)
def test_bad_input_is_named(guide, call, message):
    with pytest.raises(ValueError, match=message):
        call(guide)


def test_coupling_and_power_are_drawn(exponential):
    _, axes = plot.new_figure(1, 2)
    plot.coupling_over_gap(axes[0, 0], exponential, [1.52, 1.58])
    assert [line.get_label() for line in axes[0, 0].lines] == ["1520 nm", "1580 nm"]
    z = np.linspace(0.0, 20.0, 5)
    plot.power_along(axes[0, 1], z, np.stack([np.cos(KAPPA * z), 1j * np.sin(KAPPA * z)], axis=1), ["bar", "cross"])
    np.testing.assert_allclose(sum(line.get_ydata() for line in axes[0, 1].lines), 1.0)


@pytest.mark.slow
def test_a_ring_from_geometry_alone(tmp_path):
    options = {"wl": (1.54, 1.56), "temperature": (299.0, 301.0), "loss_db_cm": 5.0, "cache": tmp_path}
    ring = AddDropRing.from_geometry(0.5, 0.22, 10.0, (0.2, 0.2), **options)
    coupling = float(ring.input_coupler.power_coupling(1.55))
    assert 0.008 < coupling < 0.015
    again = AddDropRing.from_geometry(0.5, 0.22, 10.0, (0.2, 0.2), **options)
    np.testing.assert_array_equal(again.input_coupler.coupling_angle(1.55), ring.input_coupler.coupling_angle(1.55))
