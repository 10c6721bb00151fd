"""Couplers: their matrix, their angle, and its derivatives where sqrt(1 - k^2) has none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import DirectionalCoupler, PointCoupler
from photonics_core.devices.coupler import approach_length

WL = np.linspace(1.50, 1.60, 11)
DIRECTIONAL = DirectionalCoupler(0.2, 5.0, 0.09, 0.05, bend_length=2.7, dispersion=3.0, gap0=0.1)
COUPLERS = {
    "point": PointCoupler(0.4),
    "point with slope": PointCoupler(0.4, angle_slope=2.0),
    "complete": PointCoupler(np.pi / 2),
    "directional": DIRECTIONAL,
}


@pytest.mark.parametrize("coupler", COUPLERS.values(), ids=COUPLERS)
def test_without_loss_it_is_unitary_and_reciprocal(coupler):
    s = coupler.scattering(WL)
    assert s.unitarity_residual() < 1e-12
    assert s.reciprocity_residual() == 0
    assert_allclose(s.power("in", "cross"), np.broadcast_to(coupler.power_coupling(WL), 11), rtol=1e-12)


def test_it_passes_t_and_crosses_i_k():
    s = PointCoupler(0.4, loss_db=0.1).scattering(1.55)
    left = 10 ** (-0.1 / 20)
    assert_allclose(s.amplitude("in", "through"), left * np.cos(0.4), rtol=1e-12)
    assert_allclose(s.amplitude("in", "cross"), 1j * left * np.sin(0.4), rtol=1e-12)
    assert s.amplitude("in", "add") == 0
    assert_allclose(s.passivity_residual(), 10 ** (-0.1 / 10) - 1, rtol=1e-10)


def test_the_power_coupling_is_what_was_asked_for():
    for share in (0.0, 0.1, 1.0):
        assert_allclose(PointCoupler.from_power(share).power_coupling(1.55), share, rtol=0, atol=1e-15)
    traced = jax.jit(lambda share: PointCoupler.from_power(share).power_coupling(1.55))(0.1)
    assert_allclose(traced, 0.1, rtol=1e-14)


def test_the_angle_follows_gap_and_wavelength():
    assert_allclose(DIRECTIONAL.coupling_angle(1.55), 0.09 * np.exp(-2.0) * 7.7, rtol=1e-12)
    ratio = DIRECTIONAL.coupling_per_length(1.56) / DIRECTIONAL.coupling_per_length(1.55)
    assert_allclose(ratio, np.exp(3.0 * 0.01), rtol=1e-12)
    assert_allclose(COUPLERS["point with slope"].coupling_angle(1.56), 0.42, rtol=1e-12)


def test_the_approach_length_of_a_circle_is_the_integral_of_its_opening_gap():
    radius, decay = 10.0, 0.04
    x = np.linspace(-5.0, 5.0, 20001)
    opening = radius - np.sqrt(radius**2 - x**2)
    integral = np.trapezoid(np.exp(-opening / decay), x)
    assert_allclose(approach_length(radius, decay), integral, rtol=2e-3)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2])
def test_derivatives_are_finite_and_right_from_no_coupling_to_complete(angle, assert_gradient):
    def coupled(coupler):
        s = coupler.scattering(1.56)
        return jnp.imag(s.amplitude("in", "cross")) + 0.5 * jnp.real(s.amplitude("in", "through"))

    assert_gradient(coupled, PointCoupler(angle, angle_slope=2.0, loss_db=0.0))


def test_derivatives_of_the_angle_with_respect_to_every_leaf(assert_gradient):
    assert_gradient(lambda coupler: coupler.coupling_angle(1.57), DIRECTIONAL)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PointCoupler(4.0), "angle = 4 rad is outside [0, 3.14159]"),
        (lambda: PointCoupler(-0.1), "angle = -0.1 rad is outside [0, 3.14159]"),
        (
            lambda: PointCoupler(0.1, angle_slope=np.inf),
            "angle_slope = inf rad/um is outside the finite numbers",
        ),
        (lambda: PointCoupler(0.1, loss_db=-0.1), "loss_db = -0.1 dB is outside [0, inf)"),
        (lambda: PointCoupler.from_power(1.2), "power_coupling = 1.2 is outside [0, 1]"),
        (lambda: DirectionalCoupler(-0.1, 5.0, 0.09, 0.05), "gap = -0.1 um is outside [0, inf)"),
        (lambda: DirectionalCoupler(0.1, 5.0, 0.09, 0.0), "decay_length = 0 um is outside (0, inf)"),
        (lambda: DirectionalCoupler(0.1, 5.0, None, 0.05), "kappa = None is not a real number"),
        (
            lambda: PointCoupler(0.1).scattering(1.55).power("in", "drop"),
            "port = 'drop' is not one of 'in', ",
        ),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value).startswith(message)
