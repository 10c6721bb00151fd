"""Energy per bit: enumeration of all edges, heat in a resistance, powers over bit rates."""

import itertools

import numpy as np
import pytest

from photonics_core import NRZ, PAM4, EnergyPerBit, drive_energy, heater_energy, laser_energy, prbs


@pytest.mark.parametrize(("levels", "share"), [(NRZ, 1 / 4), (PAM4, 5 / 72)])
def test_energy_is_that_of_all_transitions(levels, share):
    steps = [(a - b) ** 2 for a, b in itertools.product(levels, levels)]
    energy = drive_energy(30.0, 1.8, levels)
    assert float(energy) == pytest.approx(0.5 * 30.0 * 1.8**2 * np.mean(steps) / np.log2(len(levels)), rel=1e-14)
    assert float(energy) == pytest.approx(share * 30.0 * 1.8**2, rel=1e-14)


def test_energy_is_what_a_resistance_turns_into_heat():
    # Steps behind R C, settled within a symbol: each v of a step decays as v exp(-t / R C).
    symbols, resistance, capacitance, swing = prbs(9), 0.05, 30.0, 1.8
    jumps = swing * (symbols - np.roll(symbols, 1).astype(float))
    t = np.linspace(0.0, 40.0 * resistance * capacitance, 20_001)
    heat = np.trapezoid(np.exp(-2.0 * t / (resistance * capacitance)), t) / resistance * np.mean(jumps**2)
    assert heat == pytest.approx(float(drive_energy(capacitance, swing)), rel=3e-3)


def test_a_power_costs_itself_over_the_bit_rate():
    # 1 mW = 1e-3 J/s at 53.125e9 symbols of two bits a second: 9.41e-15 J.
    joule = 1e-3 / (2 * 53.125e9)
    assert float(heater_energy(1.0, 53.125, PAM4)) == pytest.approx(1e15 * joule, rel=1e-14)
    assert float(laser_energy(1.0, 0.1, 53.125, PAM4)) == pytest.approx(1e16 * joule, rel=1e-14)
    assert float(laser_energy(2.0, 1.0, 50.0)) == pytest.approx(float(heater_energy(2.0, 50.0)), rel=1e-15)
    np.testing.assert_allclose(heater_energy(np.array([1.0, 3.0]), 50.0), [20.0, 60.0], rtol=1e-14)


def test_lists_batch_as_arrays_do():
    np.testing.assert_allclose(drive_energy([20, 30], 2), [20.0, 30.0], rtol=1e-15)
    np.testing.assert_allclose(drive_energy([20.0, 30.0], [[1.0], [2.0]]), [[5.0, 7.5], [20.0, 30.0]], rtol=1e-15)
    np.testing.assert_allclose(laser_energy([1.0, 2.0], 0.1, 50.0), [200.0, 400.0], rtol=1e-14)
    np.testing.assert_allclose(heater_energy([1, 2], [50, 100]), [20.0, 20.0], rtol=1e-15)


def test_the_total_is_the_sum_and_has_gradients(assert_gradient):
    def total(numbers):
        parts = EnergyPerBit(
            drive_energy(numbers["capacitance"], numbers["swing"], PAM4),
            laser_energy(numbers["power"], numbers["efficiency"], numbers["rate"], PAM4),
            heater_energy(numbers["heat"], numbers["rate"], PAM4),
        )
        return parts.total

    numbers = {"capacitance": 20.0, "swing": 1.5, "power": 1.0, "efficiency": 0.1, "rate": 53.0, "heat": 2.0}
    expected = 20.0 * 1.5**2 * 5 / 72 + 1e3 * (10.0 + 2.0) / 106.0
    assert float(total(numbers)) == pytest.approx(expected, rel=1e-14)
    assert EnergyPerBit(3.0).total == 3.0
    assert_gradient(total, numbers)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: drive_energy(-1.0, 1.0), r"capacitance = -1 fF is outside \[0, inf\)"),
        (lambda: drive_energy(1.0, 1.0, (0.0, 0.5, 1.0)), "number of levels = 3 is not one of"),
        (lambda: drive_energy(1.0, np.nan), "swing = nan V is outside the finite numbers"),
        (lambda: laser_energy(-1.0, 0.1, 50.0), r"power = -1 mW is outside \[0, inf\)"),
        (lambda: laser_energy(1.0, 0.0, 50.0), r"wall_plug_efficiency = 0 is outside \(0, inf\)"),
        (lambda: laser_energy(1.0, 1.1, 50.0), r"wall_plug_efficiency = 1.1 is outside \[0, 1\]"),
        (lambda: laser_energy(1.0, 0.1, 0.0), r"symbol_rate_gbd = 0 GBd is outside \(0, inf\)"),
        (lambda: heater_energy(-0.1, 50.0), r"power = -0.1 mW is outside \[0, inf\)"),
        (lambda: heater_energy(1.0, 50.0, (1.0,)), "number of levels = 1 is not one of"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_single_precision(float32):
    energy = EnergyPerBit(drive_energy(20.0, 1.5), laser_energy(1.0, 0.1, 50.0), heater_energy(1.0, 50.0))
    assert energy.total.dtype == np.float32
    assert float(energy.total) == pytest.approx(11.25 + 200.0 + 20.0, rel=1e-6)
