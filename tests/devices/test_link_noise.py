import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.laser import LaserArray
from photonics_core.devices.laser_noise import frequency_noise_rin, phase_noise_rin, slope_per_frequency
from photonics_core.devices.link_noise import level_rin_db_hz, modulator_rin
from photonics_core.devices.modulation_levels import level_drives
from photonics_core.scattering import power
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.link import reference_link

T, BAND = 310.0, 0.0252

noise = jax.jit(modulator_rin, static_argnames=("levels",))


@pytest.fixture(scope="module")
def link():
    return reference_link(2)


def of_one_ring(transmitter, k, driven):
    """Amplitude of ring k by the wavelength in um, its drives fixed."""
    ring = jax.tree.map(lambda leaf: leaf[k], transmitter.bus.rings)
    path = transmitter.extra_path(T, driven)[k]
    return lambda wl: ring.amplitudes(wl, T, path).through


@pytest.mark.parametrize("levels", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_it_is_the_mean_over_the_band_of_the_noise_behind_a_filter(link, levels):
    """By wavelengths, couplers that disperse and all, and by the trapezoidal rule on 400 points."""
    tx = link.transmitter
    found = np.asarray(noise(tx, np.array([1.0, 3.0]), BAND, T, levels=levels))
    drives = jax.jit(lambda tx: level_drives(tx, T, levels=levels))(tx)
    lines = np.asarray(tx.lines)
    band = np.linspace(1e-5, BAND, 400)
    for k, width in ((0, 1.0), (1, 3.0)):
        for m in range(levels):
            passed = of_one_ring(tx, k, drives[:, m])
            light = lines[k]
            density = phase_noise_rin(
                lambda f, h=passed, wl=light: h(1.0 / (1.0 / wl + f / SPEED_OF_LIGHT)), band, width
            )
            np.testing.assert_allclose(found[k, m], np.trapezoid(density, band) / BAND, rtol=5e-3)


def test_in_a_narrow_band_it_is_the_slope_of_the_flank(link):
    tx = link.transmitter
    found = noise(tx, 1.0, 1e-6, T)
    drives = jax.jit(lambda tx: level_drives(tx, T))(tx)
    for m in (0, 1):
        passed = of_one_ring(tx, 0, drives[:, m])
        slope = slope_per_frequency(lambda wl, h=passed: power(h(wl)), np.asarray(tx.lines)[0])
        np.testing.assert_allclose(found[0, m], frequency_noise_rin(slope, 1.0), rtol=1e-3)


def test_noises_add_and_a_line_without_width_adds_none(link):
    none = noise(link.transmitter, 0.0, BAND, T)
    np.testing.assert_array_equal(none, 0.0)
    np.testing.assert_allclose(level_rin_db_hz(np.array([-145.0, -150.0]), none), [[-145.0] * 2, [-150.0] * 2])
    both = level_rin_db_hz(np.full(2, -145.0), jnp.full((2, 2), 1e-3))
    np.testing.assert_allclose(10.0 ** (0.1 * np.asarray(both)), 10.0**-14.5 + 1e-15)


def test_broad_lines_err_more_and_the_lower_level_most(link):
    rin = jax.jit(lambda link: link.level_rin_db_hz(T))
    narrow = np.asarray(rin(link))
    assert np.all(narrow[:, 0] > narrow[:, 1] + 3.0)
    wide = dataclasses.replace(link, laser=LaserArray(link.transmitter.lines, 1.0, linewidth_mhz=10.0))
    assert np.all(np.asarray(rin(wide)) > narrow)


def test_light_that_is_out_has_finite_noise_and_gradient():
    """A modulator with its resonance on the line in state "0": the power is at its least, and its slope is zero."""
    off = dataclasses.replace(reference_link(1).transmitter, detuning=np.zeros(1))
    value, gradient = jax.jit(jax.value_and_grad(lambda tx: jnp.sum(modulator_rin(tx, 1.0, BAND, T))))(off)
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_single_precision_keeps_the_noise(link):
    tx = link.transmitter
    expected = noise(tx, 1.0, BAND, T)
    with jax.enable_x64(False):
        found = jax.jit(lambda t: modulator_rin(tx, 1.0, BAND, t))(T)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=2e-2)


def test_bad_input_is_named(link):
    with pytest.raises(ValueError, match=r"linewidth_mhz = -1"):
        modulator_rin(link.transmitter, -1.0, BAND)
    with pytest.raises(ValueError, match="bandwidth = 0"):
        modulator_rin(link.transmitter, 1.0, 0.0)
