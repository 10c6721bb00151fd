"""Heaters: the circuit with its own warmth, limits, efficiency, gradients."""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    DOPED_SILICON,
    TITANIUM_NITRIDE,
    TUNGSTEN,
    Heater,
    HeaterMaterial,
    HeaterWarning,
    efficiency_nm_mw,
    power_per_fsr,
)

HEATER = Heater(60.0, 2.0, 0.1, self_heating=5.0)
GOLD: Any = "gold"
FALLING = Heater(60.0, 2.0, 0.1, HeaterMaterial("falling", 1.5e-3, -1e-3), self_heating=5.0)


def test_resistance_of_a_strip():
    assert float(HEATER.resistance()) == pytest.approx(1.5e-3 * 60.0 / 0.2, rel=1e-14)
    assert float(HEATER.resistance(400.0)) == pytest.approx(0.45 * 1.065, rel=1e-14)
    around = Heater.around(10.0, 2.0, 0.1, share=0.5)
    assert float(around.resistance()) == pytest.approx(0.45 * math.pi * 10.0 / 60.0, rel=1e-13)
    # Metals grow with temperature; tungsten conducts ten times as well as titanium nitride.
    assert TUNGSTEN.resistivity < TITANIUM_NITRIDE.resistivity < DOPED_SILICON.resistivity


@pytest.mark.parametrize("heater", [HEATER, FALLING])
@pytest.mark.parametrize("ambient", [273.0, 300.0, 358.0])
def test_power_voltage_and_current_agree(heater, ambient):
    for power in (0.0, 1e-6, 3.0, 25.0):
        volt, milliampere = float(heater.voltage(power, ambient)), float(heater.current(power, ambient))
        assert volt * milliampere == pytest.approx(power, rel=1e-13, abs=1e-13)
        assert float(heater.power_at_voltage(volt, ambient)) == pytest.approx(power, rel=1e-12)
        assert float(heater.power_at_current(milliampere, ambient)) == pytest.approx(power, rel=1e-12)
        if power > 0.0:
            warm = float(heater.resistance(ambient + 5.0 * power))
            assert volt / milliampere == pytest.approx(warm, rel=1e-12)


def test_warmth_takes_power_off_a_voltage_and_adds_it_to_a_current():
    cold = Heater(60.0, 2.0, 0.1)
    assert float(cold.power_at_voltage(3.0)) == pytest.approx(9.0 / 0.45, rel=1e-13)
    assert float(HEATER.power_at_voltage(3.0)) < float(cold.power_at_voltage(3.0))
    assert float(HEATER.power_at_current(5.0)) > float(cold.power_at_current(5.0))
    assert float(FALLING.power_at_voltage(3.0)) > float(cold.power_at_voltage(3.0))


def test_the_report_names_what_is_exceeded():
    good = HEATER.report(10.0)
    assert good.is_within_limits and good.temperature == 350.0
    assert good.current_density == pytest.approx(good.current / 0.2)
    bad = Heater(60.0, 2.0, 0.1, self_heating=5.0, max_voltage=5.0).report(100.0)
    assert [each.split(" = ")[0] for each in bad.exceeded] == ["temperature", "current density", "voltage"]
    assert "temperature = 800 K is above 700 K" in bad.exceeded[0]
    with pytest.warns(HeaterWarning) as caught:
        HEATER.warn(100.0)
    assert "heater of titanium nitride at 100 mW: temperature = 800 K is above 700 K" in str(caught[0].message)
    assert "current density = 64.7" in str(caught[1].message) and len(caught) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert HEATER.warn(10.0).is_within_limits


def test_the_highest_power_is_just_within_limits():
    for heater in (HEATER, Heater(60.0, 2.0, 0.1, self_heating=20.0), Heater(60.0, 2.0, 0.1, max_voltage=1.0)):
        most = heater.max_power()
        assert heater.report(0.9999 * most).is_within_limits
        assert not heater.report(1.0001 * most).is_within_limits
    assert Heater(60.0, 2.0, 0.1, DOPED_SILICON).max_power() == math.inf


def test_a_heater_that_runs_away_is_driven_up_to_there():
    """On a voltage P (1 + b P) = V^2 / R has its top at P = -1 / 2b: 100 mW at 4.74 V."""
    falling = HeaterMaterial("falling", 1.5e-3, -1e-3, max_temperature=1200.0)
    driven = Heater(60.0, 2.0, 0.1, falling, self_heating=5.0, max_voltage=20.0)
    assert driven.max_power() == pytest.approx(100.0, rel=1e-12)
    # Beyond, a lower voltage would do, but nothing gets there.
    assert driven.report(99.0).is_within_limits
    assert "mW, where it runs away on a voltage" in driven.report(120.0).exceeded[0]
    top = math.sqrt(22.5)
    assert float(driven.power_at_voltage(top)) == pytest.approx(100.0, rel=1e-6)
    assert math.isfinite(float(jax.grad(driven.power_at_voltage)(top)))
    weak = Heater(60.0, 2.0, 0.1, falling, self_heating=5.0, max_voltage=4.0)
    assert weak.max_power() == pytest.approx(float(weak.power_at_voltage(4.0)), rel=1e-12)


def test_efficiency_and_power_of_a_spectral_range():
    # 0.1 nm/mW and 9 nm make 90 mW; the published figures are of this order.
    assert float(efficiency_nm_mw(72.0, 1.5)) == pytest.approx(0.108, rel=1e-13)
    assert float(power_per_fsr(9e-3, 72.0, 1.5)) == pytest.approx(9.0 / 0.108, rel=1e-13)


def test_derivatives(assert_gradient):
    def figures(tree):
        material = HeaterMaterial("any", tree["rho"], tree["a"])
        heater = Heater(tree["l"], tree["w"], tree["t"], material, self_heating=tree["z"])
        power = heater.power_at_voltage(tree["v"], tree["ambient"])
        return jnp.stack([power, heater.power_at_current(tree["v"]), heater.voltage(tree["v"]), heater.current(power)])

    tree = {"rho": 1.5e-3, "a": 6.5e-4, "l": 60.0, "w": 2.0, "t": 0.1, "z": 5.0, "v": 2.0, "ambient": 320.0}
    assert_gradient(figures, tree, rtol=1e-7)
    # At no power the derivative of the voltage is infinite, and 0 by convention.
    assert float(jax.grad(HEATER.voltage)(0.0)) == 0.0
    assert float(jax.grad(HEATER.power_at_voltage)(0.0)) == 0.0


def test_batches_and_float32(float32):
    heater = Heater(60.0, 2.0, 0.1, self_heating=5.0)
    power = jax.jit(jax.vmap(heater.power_at_voltage))(jnp.linspace(0.0, 4.0, 5))
    assert power.dtype == jnp.float32
    np.testing.assert_allclose(heater.voltage(power), np.linspace(0.0, 4.0, 5), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Heater(60.0, 0.0, 0.1), r"width = 0 um is outside \(0, inf\)"),
        (lambda: Heater(60.0, 2.0, 0.1, self_heating=-1.0), "self_heating = -1 K/mW is outside"),
        (lambda: Heater(60.0, 2.0, 0.1, max_voltage=0.0), "max_voltage = 0 V is outside"),
        (lambda: Heater(60.0, 2.0, 0.1, GOLD), "material = 'gold' is not of the kind HeaterMaterial"),
        (lambda: Heater.around(10.0, 2.0, 0.1, share=1.2), r"share = 1.2 is outside \[0, 1\]"),
        (lambda: HeaterMaterial("x", 0.0), "resistivity = 0 kOhm um is outside"),
        (lambda: HeaterMaterial("x", 1.0, max_temperature=-1.0), "max_temperature = -1 K is outside"),
        (lambda: FALLING.power_at_voltage(10.0), "square of the voltage = 100 V.2, beyond which the heater runs away"),
        (lambda: HEATER.power_at_current(30.0), "at which the heater runs away = 1.3"),
        (lambda: HEATER.voltage(-1.0), r"power = -1 mW is outside \[0, inf\)"),
        (lambda: FALLING.resistance(2000.0), "is outside"),
        (lambda: power_per_fsr(9.0, 72.0, 1.5), r"fsr = 9 um is outside \(0, 1\)"),
        (lambda: power_per_fsr(9e-3, 72.0, 0.0), "coupling = 0 is outside"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_runaway_that_is_traced_is_an_error_too():
    with pytest.raises(Exception, match="the heater runs away"):
        jax.jit(lambda current: HEATER.power_at_current(current))(30.0).block_until_ready()
