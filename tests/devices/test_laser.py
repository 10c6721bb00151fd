"""Rows of lasers and combs: grids, drift, characteristic temperatures, noise of lines that share one medium."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.laser import CombLaser, LaserArray, cw_wdm_spacing_ghz, envelope_of_gain
from photonics_core.devices.transmitter import wavelength_grid
from photonics_core.units import frequency

LINES = wavelength_grid(1.31, 200.0, 8)
ROW = LaserArray(LINES, 10.0, efficiency=0.15)
COMB = CombLaser(1.31, 200.0, 80.0, envelope_of_gain(1.31, 200.0, 8, 12.0))


def test_spacings_of_the_agreement():
    assert [cw_wdm_spacing_ghz(n, span) for n, span in ((8, 9), (16, 18), (32, 36))] == [200.0] * 3
    assert [cw_wdm_spacing_ghz(n, span) for n, span in ((8, 18), (16, 36))] == [400.0] * 2
    # The names of the spans are right to the nanometre.
    assert pytest.approx(9.0, abs=0.3) == 1600e-3 * 1.31**2 / 299.792458 * 1e3
    with pytest.raises(ValueError, match="count = 7 is not one of 8, 16, 32"):
        cw_wdm_spacing_ghz(7, 9)


def test_lines_stand_on_their_grid_and_drift_with_temperature():
    np.testing.assert_allclose(ROW.wavelengths(300.0), LINES, rtol=1e-15)
    np.testing.assert_allclose(ROW.wavelengths(310.0) - LINES, 1e-3, rtol=1e-9)
    off = dataclasses.replace(ROW, grid_error=np.linspace(-1e-4, 1e-4, 8), drift_nm_k=np.linspace(0.09, 0.1, 8))
    expected = LINES + np.linspace(-1e-4, 1e-4, 8) - 20e-3 * np.linspace(0.09, 0.1, 8)
    np.testing.assert_allclose(off.wavelengths(280.0), expected, rtol=1e-15)


def test_lines_of_a_comb_stay_equally_far_apart():
    np.testing.assert_allclose(COMB.wavelengths(), LINES, rtol=1e-14)
    warm = np.asarray(COMB.wavelengths(350.0))
    np.testing.assert_allclose(np.diff(frequency(warm)), -0.2, rtol=1e-10)
    assert frequency(warm).mean() == pytest.approx(frequency(1.31 + 50 * 1e-4), rel=1e-14)
    stretched = dataclasses.replace(COMB, spacing_drift=1e-4)
    np.testing.assert_allclose(np.diff(frequency(np.asarray(stretched.wavelengths(350.0)))), -0.2 * 1.005, rtol=1e-10)


@pytest.mark.parametrize("laser", [ROW, COMB])
def test_power_and_efficiency_at_the_reference(laser):
    assert float(jnp.sum(laser.powers())) == pytest.approx(80.0, rel=1e-14)
    assert float(laser.wall_plug_efficiency()) == pytest.approx(float(laser.efficiency), rel=1e-14)
    assert float(laser.electrical_power()) == pytest.approx(80.0 / float(laser.efficiency), rel=1e-14)
    split = dataclasses.replace(laser, fibres=4)
    assert split.fibre_powers().shape == (4, 8)
    np.testing.assert_allclose(jnp.sum(split.fibre_powers(), axis=0), laser.powers(), rtol=1e-14)


def test_held_at_its_current_a_laser_follows_its_characteristic_temperatures():
    held = dataclasses.replace(ROW, hold="current", threshold_share=0.2)
    for t in (280.0, 330.0, 350.0):
        threshold, slope = 0.2 * math.exp((t - 300.0) / 60.0), math.exp(-(t - 300.0) / 150.0)
        np.testing.assert_allclose(held.powers(t), 10.0 * slope * (1.0 - threshold) / 0.8, rtol=1e-13)
        assert float(held.electrical_power(t)) == pytest.approx(80.0 / 0.15, rel=1e-14)
    # 0.2 exp(dT / 60) is one at 96.6 K: beyond there is no light.
    assert float(held.powers(396.0)[0]) > 0.0
    np.testing.assert_array_equal(held.powers(397.0), 0.0)


def test_held_at_its_power_a_laser_takes_the_current_that_gives_it():
    r, u = 0.25, 0.15
    for t in (280.0, 340.0):
        current = u * math.exp((t - 300.0) / 60.0) + (1.0 - u) * math.exp((t - 300.0) / 150.0)
        # That current gives the power at the reference, by the law of the other hold.
        back = (current - u * math.exp((t - 300.0) / 60.0)) * math.exp(-(t - 300.0) / 150.0) / (1.0 - u)
        assert back == pytest.approx(1.0, rel=1e-14)
        assert float(ROW.electrical_power(t)) == pytest.approx(80 / 0.15 * current * (1 - r + r * current), rel=1e-13)
        np.testing.assert_allclose(ROW.powers(t), 10.0, rtol=1e-15)
    efficiency = [float(ROW.wall_plug_efficiency(t)) for t in np.linspace(270.0, 370.0, 11)]
    assert np.all(np.diff(efficiency) < 0.0)


def test_lines_of_a_comb_together_have_the_noise_of_the_sum():
    matrix, shares = np.asarray(COMB.noise_matrix()), np.asarray(COMB.shares())
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-15)
    assert np.linalg.eigvalsh(matrix).min() > 0.0
    assert shares @ matrix @ shares == pytest.approx(10 ** (-15.0) * 1e12, rel=1e-10)
    even = dataclasses.replace(COMB, envelope_db=np.zeros(8))
    np.testing.assert_allclose(even.line_rin_db_hz(), -135.0, rtol=1e-12)
    # Weaker lines are noisier, and two lines fluctuate against one another.
    noise = np.asarray(COMB.line_rin_db_hz())
    assert np.all(np.diff(noise)[:3] < 0.0) and matrix[0, 1] < 0.0


def test_noise_of_parts_drawn_at_random():
    # Shares drawn with the variance of the model, in NumPy: the noise of one line and of a half of them.
    rng, shares = np.random.default_rng(1), np.asarray(COMB.shares())
    draws = rng.multinomial(100_000, shares, size=20_000) / 100_000 / shares - 1.0
    parting = np.cov(draws.T) * 100_000
    model = np.asarray(COMB.noise_matrix()) - 1e-3
    scale = (10**-1.5 - 1e-3) / 7.0
    np.testing.assert_allclose(model / scale, parting, atol=0.3)


def test_independent_lasers_have_a_diagonal():
    matrix = np.asarray(ROW.noise_matrix())
    np.testing.assert_allclose(matrix, 10**-2.5 * np.eye(8), rtol=1e-12)
    np.testing.assert_array_equal(ROW.line_rin_db_hz(), -145.0)


def test_envelope_is_half_at_half_its_width():
    flat = envelope_of_gain(1.31, 200.0, 8, 12.0, 4)
    assert flat[3] == pytest.approx(0.0, abs=1e-4)
    lines = envelope_of_gain(1.31, 100.0, 3, 2.0 * 0.1 * 1.31**2 / 299.792458 * 1e3)
    np.testing.assert_allclose(lines, [10 * math.log10(0.5), 0.0, 10 * math.log10(0.5)], atol=1e-12)


@pytest.mark.parametrize("laser", [ROW, COMB, dataclasses.replace(ROW, hold="current")])
def test_gradients_against_differences(laser):
    def total(t):
        return jnp.sum(laser.powers(t)) + laser.electrical_power(t) + 1e3 * jnp.sum(laser.wavelengths(t))

    for t in (300.0, 340.0):
        slope = float(jax.grad(total)(t))
        assert slope == pytest.approx(float(total(t + 1e-3) - total(t - 1e-3)) / 2e-3, rel=1e-6)
    warm = dataclasses.replace(ROW, hold="current", threshold_share=0.2)
    assert np.isfinite(jax.grad(lambda t: jnp.sum(warm.powers(t)))(300.0 + 60.0 * math.log(5.0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"power": [1.0, 2.0]}, r"power of shape \(2,\) does not match the 8 lines"),
        ({"efficiency": 1.2}, r"efficiency = 1.2 is outside \[0, 1\]"),
        ({"power": -1.0}, "power = -1 mW is outside"),
        ({"hold": "voltage"}, "hold = 'voltage' is not one of"),
        ({"fibres": 0}, "fibres = 0 is not a whole number"),
        ({"lines": 1.31}, r"lines of shape \(\) are not \[N\]"),
        ({"lines": [1310.0] * 8}, "lines = 1310 um is outside"),
        ({"rin_db_hz": 140.0}, "rin_db_hz = 140 dB/Hz is outside"),
    ],
)
def test_bad_rows_are_refused(change: dict[str, Any], message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ROW, **change)


def test_bad_combs_and_temperatures_are_refused():
    with pytest.raises(ValueError, match="total_rin_db_hz = -130 dB/Hz is outside"):
        dataclasses.replace(COMB, total_rin_db_hz=-130.0)
    with pytest.raises(ValueError, match=r"envelope_db of shape \(1,\)"):
        dataclasses.replace(COMB, envelope_db=[0.0])
    with pytest.raises(ValueError, match="temperature = -1 K"):
        ROW.wavelengths(-1.0)
    with pytest.raises(ValueError, match="temperature = 0 K"):
        COMB.powers(0.0)


def test_single_precision():
    with jax.enable_x64(False):
        for laser in (ROW, COMB):
            assert laser.wavelengths(320.0).dtype == jnp.float32
            np.testing.assert_allclose(laser.wavelengths(300.0), LINES, rtol=2e-7)
            assert laser.powers(320.0).dtype == laser.electrical_power(320.0).dtype == jnp.float32
