"""VCSELs at rest: closed forms without heat and compression, balance of particles and energy, roll-over, gradients."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import fsolve

from photonics_core.devices.vcsel import Vcsel
from photonics_core.eye import ELEMENTARY_CHARGE

VCSEL = Vcsel()
#: One shape for all light-current curves, so that they are compiled once.
CURRENTS = np.array([0.0, 0.1, 0.5, 0.7, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 11.0, 15.0])
IDEAL = dataclasses.replace(VCSEL, thermal_resistance=0.0, compression=0.0, beta=1e-9)


def test_threshold_and_slope_are_those_of_the_closed_forms():
    threshold, slope = float(IDEAL.threshold_current()), float(IDEAL.slope_efficiency())
    # By hand: 1 / (Gamma v t_p) = g_0 ln((N + N_s) / (N_tr + N_s)) / (1 + (12 / 35)^2).
    n = 3.26e6 * math.exp((1.0 + (12.0 / 25.0) ** 2) / (0.0328 * 100.0 * 3.75 * 0.754)) - 5e5
    lost = 4.5e-4 * n + 3e-10 * n**2 + n / 1.5e4
    assert threshold == pytest.approx(lost * 1.602176634e-4 * math.pi * 12.25 * 0.02 / 0.8, rel=1e-12)
    assert slope == pytest.approx(0.8 * 0.717 * 1.2398419843 / 0.8473, rel=1e-9)
    power = np.asarray(IDEAL.power(CURRENTS))
    above = threshold < CURRENTS
    np.testing.assert_allclose(power[above], slope * (CURRENTS[above] - threshold), rtol=1e-6)
    assert np.all(power[~above] < 1e-8)


def test_spontaneous_emission_rounds_the_threshold_off():
    around = float(IDEAL.threshold_current())
    errors = []
    for beta in (1e-5, 1e-7):
        soft = dataclasses.replace(IDEAL, beta=beta)
        errors.append(float(soft.power(around)))
    # At the threshold itself the light goes with the square root of beta.
    assert errors[0] / errors[1] == pytest.approx(10.0, rel=0.05)


@pytest.mark.parametrize("ambient", [280.0, 300.0, 358.0])
def test_every_carrier_is_accounted_for(ambient):
    at = VCSEL.operating_point(CURRENTS, ambient)
    n, s, t = at.carriers, at.photons, at.temperature
    pump = np.asarray(VCSEL.pump(CURRENTS))
    up, more = VCSEL.rates(n, s, t, jnp.asarray(CURRENTS))
    np.testing.assert_allclose(up, 0.0, atol=1e-10 * pump.max())
    np.testing.assert_allclose(more, 0.0, atol=1e-10 * pump.max())
    # Injected carriers leave as light, as spontaneous emission beside the mode, without light, or out of the wells.
    out = np.asarray(s) / 3.75 / 0.0328
    beside = (1.0 - 3e-4) * np.asarray(VCSEL.spontaneous(n))
    np.testing.assert_allclose(out + beside + 4.5e-4 * n + VCSEL.leakage(n, t), pump, rtol=1e-10)
    # Electrical power is light and heat, and the heat has its temperature.
    heat = np.asarray(at.electrical_power - at.power)
    np.testing.assert_allclose(t, ambient + 2.8 * heat, rtol=1e-10)
    assert np.all(np.asarray(at.power) <= np.asarray(at.electrical_power))
    photons = np.asarray(at.power) / float(VCSEL.photon_energy)
    np.testing.assert_array_less(photons, CURRENTS / ELEMENTARY_CHARGE + 1e-9)


def test_the_point_at_rest_against_scipy():
    at = VCSEL.operating_point(CURRENTS, 330.0)
    for k in (5, 8, 11):

        def equations(x, current=float(CURRENTS[k])):
            n, s, t = x[0] * 1e6, x[1] * 1e3, x[2] * 100.0
            up, more = (float(each) / 1e3 for each in VCSEL.rates(n, s, t, current))
            return [up, more, t - 330.0 - 2.8 * (current * (1.5 + 0.14 * current) - float(VCSEL.emitted(s)))]

        near = float(at.carriers[k]) / 1e6, float(at.photons[k]) / 1e3, float(at.temperature[k]) / 100.0
        n, s, t = np.asarray(fsolve(equations, 1.01 * np.array(near), xtol=1e-13))
        assert (n * 1e6, s * 1e3, t * 100) == pytest.approx(
            (float(at.carriers[k]), float(at.photons[k]), float(at.temperature[k])), rel=1e-8
        )


def test_light_rolls_over():
    most = 20.0
    at, top = VCSEL.rollover(most)
    assert 8.0 < float(at) < 18.0
    assert float(VCSEL.differential_efficiency(at)) == pytest.approx(0.0, abs=1e-9)
    curve = np.asarray(VCSEL.power(at + np.linspace(-3.0, 3.0, CURRENTS.size)))
    assert np.all(curve < float(top)) and np.all(np.diff(curve)[6:] < 0.0) and np.all(np.diff(curve)[:5] > 0.0)
    # It comes earlier in a warm place, and not without heat.
    assert float(VCSEL.differential_efficiency(jnp.asarray(at), 358.0)) < 0.0
    assert np.all(np.diff(np.asarray(VCSEL.unheated().power(CURRENTS))[2:]) > 0.0)
    with pytest.raises(ValueError, match="highest = 20 mA: .* no maximum is known"):
        VCSEL.unheated().rollover(most)


def test_the_threshold_has_a_minimum_over_temperature():
    t = np.linspace(200.0, 400.0, 201)
    threshold = np.asarray(VCSEL.threshold_current(t))
    lowest = int(np.argmin(threshold))
    assert 0 < lowest < 200
    # Without losses that grow with temperature it lies where gain and mode meet: 300 + 12 / 0.25 = 348 K.
    even = dataclasses.replace(VCSEL, transparency_drift=0.0, leakage_energy_ev=0.0)
    assert t[np.argmin(np.asarray(even.threshold_current(t)))] == pytest.approx(348.0, abs=1.0)


def test_a_smaller_aperture_has_less_threshold_and_more_heat():
    small = VCSEL.scaled(3.5)
    assert float(small.threshold_current()) == pytest.approx(0.25 * float(VCSEL.threshold_current()), rel=1e-12)
    assert float(small.resistance) == pytest.approx(0.28) and float(small.thermal_resistance) == pytest.approx(5.6)


def test_energy_of_a_bit():
    assert float(VCSEL.energy_per_bit(5.0, 25.0)) == pytest.approx(1e3 * 5.0 * (1.5 + 0.7) / 25.0, rel=1e-14)
    with_driver = VCSEL.energy_per_bit(5.0, 25.0, supply_voltage=3.3, driver_power=10.0)
    assert float(with_driver) == pytest.approx(1e3 * 26.5 / 25.0, rel=1e-14)


@pytest.mark.parametrize("current", [0.0, 0.72, 5.0, 15.0])
def test_gradients_against_differences(current):
    def power(x):
        vcsel = dataclasses.replace(VCSEL.scaled(7.0 * x[2]), gain=0.754 * x[3], beta=3e-4 * x[4])
        return vcsel.power(x[0], 300.0 * x[1])

    x = np.array([current, 1.0, 1.0, 1.0, 1.0])
    slope = np.asarray(jax.grad(power)(jnp.asarray(x)))
    assert np.all(np.isfinite(slope))
    steps = 1e-5 * np.eye(5)
    points = np.concatenate([x + steps, x - steps])
    if current == 0.0:
        # No light for any device without a current, and no current below zero.
        np.testing.assert_allclose(slope, 0.0, atol=1e-12)
        return
    values = np.asarray(jax.vmap(power)(jnp.asarray(points)))
    np.testing.assert_allclose(slope, (values[:5] - values[5:]) / 2e-5, rtol=1e-6, atol=1e-8)


def test_slope_efficiency_is_the_derivative():
    i = jnp.asarray(CURRENTS[1:])
    slope = np.asarray(VCSEL.differential_efficiency(i))
    h = 1e-5
    np.testing.assert_allclose(slope, (VCSEL.power(i + h) - VCSEL.power(i - h)) / (2.0 * h), rtol=1e-6)


@pytest.mark.slow
def test_slope_efficiency_and_roll_over_have_derivatives():
    second = float(jax.grad(VCSEL.differential_efficiency)(8.0))
    differences = float(VCSEL.differential_efficiency(8.0 + 1e-4) - VCSEL.differential_efficiency(8.0 - 1e-4)) / 2e-4
    assert second == pytest.approx(differences, rel=1e-5)
    slope = float(jax.grad(lambda t: VCSEL.rollover(20.0, t)[0])(320.0))
    ends = [float(VCSEL.rollover(20.0, 320.0 + step)[0]) for step in (1e-2, -1e-2)]
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aperture": 0.0}, r"aperture = 0 um is outside \(0, inf\)"),
        ({"beta": 0.0}, r"beta = 0 is outside \[1e-09, 1\]"),
        ({"confinement": 1.5}, "confinement = 1.5 is outside"),
        ({"recombination": (1e-4, 1e-10)}, r"recombination of shape \(2,\) is not \[3\]"),
        ({"turn_on_voltage": 0.5}, "turn_on_voltage less slope_efficiency"),
        ({"wl": 850.0}, "wl = 850 um is outside"),
    ],
)
def test_bad_devices_are_refused(change: dict[str, Any], message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(VCSEL, **change)


def test_bad_drives_are_refused():
    with pytest.raises(ValueError, match="current = -1 mA"):
        VCSEL.power(-1.0)
    with pytest.raises(ValueError, match="temperature = 0 K"):
        VCSEL.power(1.0, 0.0)
    with pytest.raises(ValueError, match="bit_rate_gbps = 0 Gb/s"):
        VCSEL.energy_per_bit(1.0, 0.0)


@pytest.mark.slow
def test_single_precision():
    expected = np.asarray(VCSEL.power(CURRENTS, 330.0))
    with jax.enable_x64(False):
        power = VCSEL.power(CURRENTS, 330.0)
        assert power.dtype == jnp.float32
        np.testing.assert_allclose(power, expected, rtol=2e-4, atol=2e-5)
