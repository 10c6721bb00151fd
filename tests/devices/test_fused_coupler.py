"""Fused fibre couplers: the closed form beside full-vector modes, the taper's integral, and the first transfer."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from photonics_core.devices.batch import stack
from photonics_core.devices.fused_coupler import (
    CompositeCoupling,
    FusedCoupler,
    _solved_ratio,
    elongation_for_angle,
    fused_section,
    strongly_fused_coupling,
)
from photonics_core.supermodes import couple

GLASS, WL, HOT_ZONE = 1.444, 1.55, 4000.0
K = 2.0 * math.pi / WL * math.sqrt(GLASS**2 - 1.0)
BARE = CompositeCoupling.closed_form(GLASS)
# A curve that falls off towards thick glass, as cores make it.
CORED = CompositeCoupling([[-2.0, -2.1], [-2.5, -2.4], [-0.9, -0.8]], GLASS, (3.2, 240.0))


@pytest.mark.slow
@pytest.mark.parametrize(("v", "tolerance"), [(8.0, 0.05), (60.0, 0.002)])
def test_modes_of_a_rectangle_twice_as_wide_as_high_have_the_closed_form(v, tolerance):
    a = v / K
    for polarization in ("te", "tm"):
        solved = couple(fused_section(a, GLASS), WL, polarization=polarization, accuracy="fast").coupling
        assert_allclose(strongly_fused_coupling(WL, a, GLASS, polarization=polarization), solved, rtol=tolerance)


@pytest.mark.slow
def test_a_rectangle_of_twice_the_size_couples_a_quarter():
    large = fused_section(40.0 / K, GLASS)
    solved = couple(large, WL, polarization="tm", accuracy="fast").coupling
    assert_allclose(solved / strongly_fused_coupling(WL, 20.0 / K, GLASS, polarization="tm"), 0.25, rtol=0.06)


@pytest.mark.slow
def test_the_curve_without_cores_is_that_of_the_solver():
    curve = CompositeCoupling.fit(None, glass=GLASS, v_range=(3.2, 60.0), count=9)
    for v in (3.5, 5.0, 30.0):
        a = v / K
        for polarization in ("te", "tm"):
            solved = couple(fused_section(a, GLASS), WL, polarization=polarization, accuracy="fast").coupling
            assert_allclose(curve.coupling(a, WL, polarization), solved, rtol=5e-3)
    # It goes on as a power of V.
    assert_allclose(curve.coupling(100.0 / K, WL), strongly_fused_coupling(WL, 100.0 / K, GLASS), rtol=0.01)


def test_a_shape_scaled_with_the_wavelength_couples_alike():
    assert_allclose(CORED.coupling(3.0, 1.5) * 2.0, CORED.coupling(1.5, 0.75), rtol=1e-12)


@pytest.mark.parametrize("composite", [BARE, CORED], ids=["closed form", "with cores"])
def test_the_angle_is_the_integral_along_the_taper(composite):
    coupler = FusedCoupler(composite, 6.0, HOT_ZONE)

    def coupling(z):
        radius = 6.0 * math.exp(z / HOT_ZONE)
        return float(composite.coupling(radius * math.sqrt(math.pi), WL, "te"))

    length = HOT_ZONE * math.log(62.5 / 6.0)
    slope, _ = quad(coupling, 0.0, length, epsrel=1e-10)
    assert_allclose(coupler.coupling_angle(WL), HOT_ZONE * coupling(0.0) + 2.0 * slope, rtol=1e-8)
    assert_allclose(coupler.elongation, 2.0 * length, rtol=1e-12)
    assert_allclose(FusedCoupler.pulled(composite, 2.0 * length, HOT_ZONE).waist_radius, 6.0, rtol=1e-12)


def test_power_crosses_as_the_square_of_a_sine_and_none_is_lost():
    wl = np.linspace(1.3, 1.6, 31)
    coupler = FusedCoupler(CORED, 8.0, HOT_ZONE)
    s = coupler.scattering(wl)
    assert_allclose(s.power("in", "cross"), np.sin(coupler.coupling_angle(wl)) ** 2, rtol=1e-12)
    assert s.unitarity_residual() < 1e-12
    assert np.all(np.diff(coupler.coupling_angle(wl)) > 0.0)
    assert FusedCoupler(CORED, 8.0, HOT_ZONE, loss_db=0.1).scattering(wl).passivity_residual() < 0.0


def test_coupling_grows_as_the_fibres_are_pulled_up_to_the_first_full_transfer():
    elongation = elongation_for_angle(CORED, math.pi / 2, WL, HOT_ZONE)
    pulled = np.linspace(0.0, elongation, 41)
    angles = [float(FusedCoupler.pulled(CORED, x, HOT_ZONE).coupling_angle(WL)) for x in pulled]
    assert np.all(np.diff(angles) > 0.0) and angles[0] < 0.01
    complete = FusedCoupler.pulled(CORED, elongation, HOT_ZONE)
    assert_allclose(complete.power_coupling(WL), 1.0, atol=1e-12)
    assert complete.unpolarized_power(WL) < 1.0
    with pytest.raises(ValueError, match="outside what pulling reaches"):
        elongation_for_angle(CORED, 1e5, WL, HOT_ZONE)


def test_polarizations_drift_apart_as_their_couplings_do():
    coupler = FusedCoupler(BARE, 4.0, HOT_ZONE)
    te, tm = (float(coupler.polarized(each).coupling_angle(WL)) for each in ("te", "tm"))
    assert te > tm
    mean = 0.5 * (1.0 - math.cos(te + tm) * math.cos(te - tm))
    assert_allclose(coupler.unpolarized_power(WL), mean, rtol=1e-10)


def test_derivatives_by_waist_hot_zone_and_wavelength(assert_gradient):
    def angle(values):
        coupler = FusedCoupler(CORED, values["waist"], values["hot_zone"], width_ratio=values["ratio"])
        return coupler.coupling_angle(values["wl"])

    at = {"waist": 8.0, "hot_zone": HOT_ZONE, "ratio": 1.8, "wl": WL}
    assert_gradient(angle, {name: jnp.asarray(value) for name, value in at.items()})
    by_elongation = jax.grad(lambda x: FusedCoupler.pulled(CORED, x, HOT_ZONE).coupling_angle(WL))
    assert by_elongation(1e4) > 0.0 and np.isfinite(by_elongation(0.0))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FusedCoupler(BARE, 70.0, 1e3), "waist_radius = 70 um is outside"),
        (lambda: FusedCoupler(BARE, 5.0, 0.0), "hot_zone = 0 um"),
        (lambda: FusedCoupler(BARE, 5.0, 1e3, width_ratio=4.0), "width_ratio = 4 is outside [1, 2]"),
        (lambda: FusedCoupler(BARE, 5.0, 1e3, polarization="x"), "polarization = 'x' is not one of"),
        (lambda: FusedCoupler("glass", 5.0, 1e3), "composite = 'glass' is not of the kind CompositeCoupling"),
        (lambda: FusedCoupler.pulled(BARE, -1.0, 1e3), "elongation = -1 um"),
        (lambda: FusedCoupler(BARE, 0.3, 1e3).coupling_angle(WL), "V of the glass = 2.2"),
        (lambda: FusedCoupler(BARE, np.linspace(4.0, 8.0, 32), 1e3), "waist_radius of shape (32,) is not a number"),
        (lambda: FusedCoupler.pulled(BARE, np.ones(3), 1e3), "elongation of shape (3,) is not a number"),
        (lambda: stack([FusedCoupler(BARE, 6.0, 1e3)] * 32).coupling_angle(WL), "waist_radius of shape (32,)"),
        (lambda: CompositeCoupling.fit(None, v_range=(3.2, 240.0)), "highest V = 240 is outside [3.2, 211.1"),
        (lambda: CompositeCoupling.fit(glass=1.2, n_outside=1.3), "index of the glass = 1.2 is outside (1.3, inf)"),
        (lambda: strongly_fused_coupling(WL, -3.0), "half_width = -3 um is outside"),
        (lambda: strongly_fused_coupling(WL, 0.0), "half_width = 0 um is outside"),
        (lambda: strongly_fused_coupling(1550.0, 10.0), "V of the glass = 0.04"),
        (lambda: strongly_fused_coupling(WL, 0.6), "V of the glass = 2.5"),
        (lambda: strongly_fused_coupling(WL, 10.0, 1.0, 1.444), "n_glass = 1 is outside (1.444, inf)"),
        (lambda: strongly_fused_coupling(WL, 10.0, 1.444, -1.0), "n_outside = -1 is outside"),
        (lambda: CompositeCoupling.fit(0.6), "core_ratio = 0.6"),
        (lambda: CompositeCoupling.fit(None, v_range=(2.0, 9.0)), "lowest V = 2 is outside"),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value).startswith(message)


def test_glass_that_proves_too_thin_stops_a_compiled_function():
    for call in (strongly_fused_coupling, lambda wl, a: BARE.coupling(a, wl)):
        with pytest.raises(Exception, match="V of the glass is outside"):
            jax.block_until_ready(jax.jit(call)(WL, 0.3))


def test_without_cores_thick_glass_need_not_be_solved(monkeypatch):
    asked = []
    monkeypatch.setattr("photonics_core.devices.fused_coupler._solved_ratio", lambda v, *_: asked.append(v) or 1.0)
    bare = CompositeCoupling.fit(None)
    assert bare.v_range == (3.2, 60.0) and 3.2 < min(asked) < max(asked) < 60.0
    assert_allclose(bare.coupling(100.0, WL), BARE.coupling(100.0, WL), rtol=1e-3)
    assert CompositeCoupling.fit().v_range == (3.2, 240.0)


@pytest.mark.slow
def test_cores_hold_the_light_until_the_taper_is_thin():
    indices = GLASS / math.sqrt(1.0 - 2.0 * 0.0036), GLASS, 1.0
    solved = [_solved_ratio(v, 4.1 / 62.5, indices, "te", "fast") for v in (20.0, 100.0, 200.0)]
    assert_allclose(solved, [1.0030, 0.8244, 0.1636], rtol=2e-3)
