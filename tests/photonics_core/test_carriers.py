"""Carriers: sums, limits, ranges and gradients; the published numbers are cases of `photonics_core.validation`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.carriers import (
    MODELS,
    CarrierProfile,
    carrier_absorption_cm,
    carrier_complex_index,
    carrier_index_change,
    log_intrinsic_density,
    mobility_cm2_vs,
    resistivity,
)
from photonics_core.cross_section import CrossSection

CHANGES = [carrier_index_change, carrier_absorption_cm]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("change", CHANGES)
def test_electrons_and_holes_add_up_and_none_make_exactly_no_change(change, model):
    both = change(3e17, 8e17, 1.4, model)
    assert both == change(3e17, 0.0, 1.4, model) + change(0.0, 8e17, 1.4, model)
    assert change(0.0, 0.0, 1.4, model) == 0.0
    assert np.sign(both) == (-1.0 if change is carrier_index_change else 1.0)


def test_the_complex_index_absorbs_what_the_absorption_says():
    change = carrier_complex_index(3e17, 8e17, 1.31)
    np.testing.assert_allclose(change.real, carrier_index_change(3e17, 8e17, 1.31), rtol=1e-15)
    per_cm = 1e4 * 4.0 * np.pi * change.imag / 1.31
    np.testing.assert_allclose(per_cm, carrier_absorption_cm(3e17, 8e17, 1.31), rtol=1e-14)


def test_between_the_published_wavelengths_changes_are_powers_of_the_wavelength():
    wl = 1.30 * (1.55 / 1.30) ** np.linspace(-0.15, 1.2, 10)
    for change in CHANGES:
        logs = np.log(np.abs(change(2e18, 0.0, wl)))
        np.testing.assert_allclose(np.diff(logs, 2), 0.0, atol=1e-13)


def test_coefficients_interpolated_by_themselves_would_be_wrong():
    # What one gets who takes each published number linearly in the wavelength: above both ends.
    share = (1.31 - 1.30) / 0.25
    wrong = (3.48e-22 + share * (8.88e-21 - 3.48e-22)) * 1e18 ** (1.229 + share * (1.167 - 1.229))
    right = float(carrier_absorption_cm(1e18, 0.0, 1.31))
    assert wrong == pytest.approx(8.24, abs=0.01)
    assert right == pytest.approx(4.745, abs=0.001)


def test_densities_and_wavelengths_broadcast():
    density, wl = np.logspace(16, 19, 4)[:, None], np.linspace(1.3, 1.55, 3)
    change = carrier_complex_index(density, 1e17, wl)
    assert change.shape == (4, 3)
    np.testing.assert_allclose(
        change[2, 1], carrier_complex_index(float(density[2, 0]), 1e17, float(wl[1])), rtol=1e-14
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("change", CHANGES)
def test_gradients_are_those_of_differences(change, model, assert_gradient):
    start = {"electrons": jnp.asarray(3e17), "holes": jnp.asarray(8e16), "wl": jnp.asarray(1.37)}
    assert_gradient(lambda at: change(at["electrons"], at["holes"], at["wl"], model), start)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("change", CHANGES)
def test_gradients_are_finite_without_carriers(change, model):
    slopes = jax.grad(lambda n, p: change(n, p, 1.31, model), argnums=(0, 1))(0.0, 0.0)
    small = change(1e6, 0.0, 1.31, model) / 1e6, change(0.0, 1e6, 1.31, model) / 1e6
    np.testing.assert_allclose(slopes, small, rtol=1e-9)


def test_float32_holds_the_largest_densities(float32):
    change = carrier_complex_index(jnp.asarray([0.0, 1e12, 1e20]), jnp.asarray([0.0, 1e12, 1e20]), 1.55)
    assert change.dtype == jnp.complex64
    with jax.enable_x64(True):
        exact = np.asarray(carrier_complex_index(np.array([0.0, 1e12, 1e20]), np.array([0.0, 1e12, 1e20]), 1.55))
    np.testing.assert_allclose(change, exact, rtol=3e-6)
    slope = jax.grad(lambda n: carrier_index_change(n, n, 1.55))(1e20)
    assert np.isfinite(slope)
    assert np.isfinite(mobility_cm2_vs(jnp.asarray(1e20), "hole"))


def test_intrinsic_density_and_mobilities_are_the_published_ones():
    assert np.exp(float(log_intrinsic_density(300.0))) == pytest.approx(9.7e9, rel=2e-3)
    assert log_intrinsic_density(300) == log_intrinsic_density(300.0)
    # Lightly doped: the lattice's; at the densities of reference: half way.
    assert float(mobility_cm2_vs(1e13, "electron")) == pytest.approx(1414.0, rel=2e-3)
    assert float(mobility_cm2_vs(1e13, "hole")) == pytest.approx(470.5, rel=2e-3)
    assert float(mobility_cm2_vs(9.20e16, "electron")) == pytest.approx(0.5 * (1414.0 + 68.5), rel=1e-6)
    # 5e17 of phosphorus: 1 / (1.602e-19 C 5e17 cm^-3 379 cm^2/(V s)) = 0.0329 Ohm cm, 10 Ohm cm = 100 kOhm um.
    assert 0.1 * float(resistivity(5e17, "electron")) == pytest.approx(0.0329, rel=2e-3)


def test_mobility_falls_with_doping_and_has_the_gradient_of_differences(assert_gradient):
    for carrier in ("electron", "hole"):
        assert np.all(np.diff(mobility_cm2_vs(np.logspace(15, 20, 51), carrier)) < 0)
        assert_gradient(lambda n, carrier=carrier: resistivity(n, carrier), jnp.asarray(4e17))


def test_a_profile_changes_the_index_of_its_medium_only():
    profile = CarrierProfile(lambda x, y, medium: (jnp.where(medium == 0, 1e18, 0.0), jnp.zeros_like(x)), 1.55)
    change = profile(jnp.zeros(2), jnp.zeros(2), jnp.array([0, 1]))
    np.testing.assert_allclose(change, np.array([carrier_complex_index(1e18, 0.0, 1.55), 0.0]))
    assert CrossSection.strip(0.5, 0.22).with_profile(profile).profile is profile


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: carrier_index_change(-1.0, 0.0, 1.55), r"electrons_cm3 = -1 cm\^-3 is outside \[0, 1e\+20\]"),
        (lambda: carrier_absorption_cm(0.0, 2e20, 1.55), r"holes_cm3 = 2e\+20 cm\^-3 is outside \[0, 1e\+20\]"),
        (lambda: carrier_index_change(1e18, 0.0, 1550.0), r"wl = 1550 um is outside \[1.26, 1.625\]"),
        (lambda: carrier_index_change(1e18, 0.0, 1.55, "drude"), r"model = 'drude' is not one of 'nedeljkovic', 'sor"),
        (lambda: mobility_cm2_vs(0.0, "hole"), r"doping_cm3 = 0 cm\^-3 is outside \[1e\+13, 1e\+21\]"),
        (lambda: mobility_cm2_vs(1e18, "ion"), r"carrier = 'ion' is not one of 'electron', 'hole'"),
        (lambda: log_intrinsic_density(20.0), r"temperature = 20 K is outside \[200, 400\]"),
        (lambda: CarrierProfile(lambda x, y, medium: (x, x), 1.0), r"wl = 1 um is outside \[1.26, 1.625\]"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
