"""Compact fits of S-parameters: as close as asked, passive, reciprocal, smooth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    CompactDevice,
    PointCoupler,
    SMatrix,
    SParameterError,
    SParameterWarning,
    TabulatedDevice,
    check_passivity,
)

PORTS = ("in", "upper", "lower")


def branch(wl, noise=0.0, seed=0):
    """A Y-branch as a simulation would give it: dispersive, delayed by 0.2 ps, with some ripple and noise."""
    wl = np.asarray(wl)
    share = 0.5 + 0.3 * (wl - 1.55)
    phase = np.exp(2j * np.pi * 299.792458 / wl * 0.2) * np.exp(1j * 2.0 * (wl - 1.55))
    upper, lower = 0.97 * np.sqrt(share) * phase, 0.97 * np.sqrt(1.0 - share) * phase
    back = 0.02 * np.exp(2j * np.pi * 299.792458 / wl * 0.1)
    rows = [[back, upper, lower], [upper, 0 * back, 0 * back], [lower, 0 * back, 0 * back]]
    values = np.moveaxis(np.array(rows), -1, 0)
    random = np.random.default_rng(seed)
    rough = random.normal(size=(2, *values.shape))
    rough = rough + np.swapaxes(rough, -1, -2)
    return SMatrix(jnp.asarray(values + noise * (rough[0] + 1j * rough[1])), PORTS, jnp.asarray(wl))


def test_a_smooth_device_takes_few_terms():
    wl = np.linspace(1.5, 1.6, 101)
    device = CompactDevice.from_smatrix(branch(wl), 1e-4)
    assert device.coefficients.shape[0] <= 6
    assert device.error <= 1e-4
    between = np.linspace(1.5, 1.6, 77)
    np.testing.assert_allclose(device.scattering(between).values, branch(between).values, atol=1.1e-4)


def test_noise_averages_out():
    wl = np.linspace(1.5, 1.6, 401)
    noisy = branch(wl, noise=2e-3)
    fitted = CompactDevice.from_smatrix(noisy, 0.016).scattering(wl).values
    errors = [np.asarray(values) - np.asarray(branch(wl).values) for values in (fitted, noisy.values)]
    fitted_rms, noise_rms = (np.sqrt(np.mean(np.abs(error) ** 2)) for error in errors)
    assert fitted_rms < 0.3 * noise_rms


def test_the_fit_is_passive_and_reciprocal():
    wl = np.linspace(1.5, 1.6, 201)
    full = PointCoupler(0.8).scattering(wl)
    given = full.values * 1.0008
    device = CompactDevice.from_smatrix(SMatrix(given, full.ports, full.wl), 1e-6)
    assert device.scale == pytest.approx(1 / 1.0008, rel=1e-9)
    assert device.error == pytest.approx(np.max(np.abs(device.scattering(wl).values - given)), rel=1e-6)
    assert device.error > 5e-4
    report = check_passivity(CompactDevice.from_smatrix(branch(wl, noise=1e-3), 0.02).scattering(wl))
    assert report.largest_singular_value <= 1.0 + 1e-12
    assert report.reciprocity_residual < 1e-14


def test_an_amplifier_stays_one():
    wl = np.linspace(1.5, 1.6, 51)
    smatrix = branch(wl)
    stronger = SMatrix(3.0 * smatrix.values, smatrix.ports, smatrix.wl)
    with pytest.warns(SParameterWarning, match=r"active: largest singular value 2\.9"):
        device = CompactDevice.from_smatrix(stronger, 1e-3)
    assert device.scale == 1.0
    np.testing.assert_allclose(device.scattering(wl).values, stronger.values, atol=1e-3)


@pytest.mark.slow
def test_gradients_over_wavelength_are_those_of_differences():
    device = CompactDevice.from_smatrix(branch(np.linspace(1.5, 1.6, 51)), 1e-3)

    def part(wl):
        return device.scattering(wl).amplitude("in", "upper").real

    step = 1e-6
    difference = (part(1.53 + step) - part(1.53 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(part)(1.53), difference, rtol=1e-7)
    assert np.all(np.isfinite(jax.vmap(jax.grad(part))(jnp.array([1.5, 1.55, 1.6]))))


def test_it_agrees_with_the_table_it_replaces():
    wl, between = np.linspace(1.5, 1.6, 201), np.linspace(1.501, 1.599, 40)
    table, compact = TabulatedDevice.from_smatrix(branch(wl)), CompactDevice.from_smatrix(branch(wl), 1e-5)
    np.testing.assert_allclose(compact.scattering(between).values, table.scattering(between).values, atol=2e-5)


def test_what_cannot_be_met_says_what_can():
    wl = np.linspace(1.5, 1.6, 101)
    with pytest.raises(ValueError, match=r"tolerance = 1e-09 is not met by 3 terms, which leave \d"):
        CompactDevice.from_smatrix(branch(wl, noise=1e-3), 1e-9, max_terms=3)
    device = CompactDevice.from_smatrix(branch(wl))
    with pytest.raises(SParameterError, match=r"wl = 1\.7 um: wl is outside the table"):
        device.scattering(1.7)
    with pytest.raises(SParameterError, match="twice"):
        CompactDevice.from_smatrix(branch(np.array([1.5, 1.5, 1.6])))
