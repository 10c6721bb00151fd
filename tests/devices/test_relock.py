import itertools
from typing import Any, cast

import numpy as np
import pytest

from photonics_core.devices.lock import WavelengthLock
from photonics_core.devices.relock import (
    heater_sweep_time,
    is_power_on_order,
    power_on_order,
    power_on_trace,
    relock_row,
    served_with_spares,
)
from photonics_core.thermal_impedance import ThermalImpedance

LINES = 1.31 + 1e-3 * np.arange(4)
RINGS = LINES - 0.5e-3


def step(moved, lock_range=0.05e-3, tuning_range=2.0e-3, fsr=4e-3, lines=0.0):
    return relock_row(RINGS, LINES, fsr, tuning_range, np.arange(4), np.full(4, 0.5e-3), moved, lines, lock_range)


def test_small_steps_are_followed_and_larger_ones_searched():
    held = step(0.04e-3)
    assert held.action == ("held",) * 4 and held.sweeps == 0 and held.bits_lost(1e9, 50.0) == 0.0
    np.testing.assert_allclose(held.setting, 0.46e-3)
    assert step(0.04e-3, lines=0.04e-3).setting == pytest.approx(0.5e-3)
    moved = step(0.2e-3)
    assert moved.action == ("searched",) * 4
    # Searches of 1 ms one after the other: rings wait for 1, 2, 3 and 4 ms at 50 Gbd.
    assert moved.time(1e9) == 4e9
    assert moved.bits_lost(1e9, 50.0) == pytest.approx(10e-3 * 50e9)


def test_rings_at_the_end_of_their_heaters_turn_to_the_next_line():
    """Rings 0.6 nm to the red cannot cool; all go to the next line, the last by a free spectral range."""
    turned = step(0.6e-3)
    assert turned.action == ("turned",) * 4 and turned.lines.tolist() == [1, 2, 3, 0]
    np.testing.assert_allclose(turned.setting, 0.9e-3, atol=1e-12)
    hopped = step(0.6e-3, tuning_range=4e-3)
    assert hopped.action == ("hopped",) * 4
    np.testing.assert_allclose(hopped.setting, 3.9e-3, atol=1e-12)
    assert step(0.6e-3, tuning_range=0.8e-3).action == ("dark",) * 4
    blue = step(-3.7e-3, tuning_range=4e-3)
    assert blue.action == ("hopped",) * 4
    np.testing.assert_allclose(blue.setting, 0.2e-3, atol=1e-12)


def test_settings_put_rings_on_lines():
    moved = np.array([0.6, -0.1, 0.3, 0.58]) * 1e-3
    after = step(moved, tuning_range=2.5e-3)
    on = (RINGS + moved + after.setting - LINES[after.lines]) / 4e-3
    np.testing.assert_allclose(on, np.round(on), atol=1e-9)


def test_a_sweep_lags_by_no_more_than_the_lock_range():
    """A ramp of the command, each part of the impedance followed exactly over a step: over the range, and to cold."""
    impedance = ThermalImpedance([0.5, 1.5, 1.0], [2e5, 2e6, 8e6])
    span, lock, step = 2.0e-3, 0.1e-3, 1e5
    whole = heater_sweep_time(impedance, span, lock)
    sweep = span / lock * (0.5 * 2e5 + 1.5 * 2e6 + 1.0 * 8e6) / 3.0
    kept, added = (np.asarray(each) for each in impedance.step_factors(step))
    ramp = np.asarray(impedance.resistance) * span / sweep * (step - np.asarray(impedance.time) * (1.0 - kept))
    part, lags = np.zeros(3), []
    for command in np.arange(0.0, sweep, step) / sweep * span:
        lags.append(command - part.sum() / 3.0)
        part = kept * part + added * command + ramp
    assert 0.999 * lock < max(lags) < lock
    # Back to cold: what is left of the range after the rest of the time.
    rest = whole - sweep
    np.testing.assert_allclose(span * (1.0 - impedance.step_response(rest) / 3.0), lock, rtol=1e-9)
    # One part: range over lock range, and its logarithm, in time constants.
    assert heater_sweep_time(ThermalImpedance(2.0, 5e6), span, lock) == pytest.approx(5e6 * (20.0 + np.log(20.0)))


def test_the_lock_range_of_a_loop_bounds_its_sweeps():
    """What the loop catches it holds; four rings a little farther off are swept for, one after the other."""
    lock = WavelengthLock(100.0, 70.0, ThermalImpedance(1.0, 5e6), 0.1, 1e6)
    low, high = lock.lock_range_pm(np.linspace(-60.0, 60.0, 7), 400, start=5.0)
    catch = 1e-6 * min(-low, high)
    assert 0.0 < catch <= 60e-6
    moved = step(0.9 * catch, lock_range=catch)
    assert moved.action == ("held",) * 4 and moved.time(heater_sweep_time(lock.impedance, 2e-3, catch)) == 0.0
    searched = step(1.1 * catch, lock_range=catch)
    ratio, one_sweep = 2e-3 / catch, heater_sweep_time(lock.impedance, 2e-3, catch)
    assert searched.time(one_sweep) == pytest.approx(4 * 5e6 * (ratio + np.log(ratio)))


def test_power_on_orders_are_those_of_all_permutations():
    response = 80e-6 * (np.eye(4) + 0.06 * (np.eye(4, k=1) + np.eye(4, k=-1)))
    found = 0
    for gap in (1e-3 * np.array(each) for each in itertools.product((0.1, 0.4), repeat=4)):
        works = [p for p in itertools.permutations(range(4)) if is_power_on_order(p, gap, response, 30.0)]
        order = power_on_order(gap, response, 30.0)
        assert (order in works) if works else order is None
        found += 0 < len(works) < 24
    assert found > 0


def test_a_ring_with_little_heat_is_started_last():
    """A neighbour's sweep to 30 mW moves it by 144 pm, more than the 100 pm that its own heater could give back."""
    response = 80e-6 * np.array([[1.0, 0.06], [0.06, 1.0]])
    gap = np.array([0.1e-3, 0.5e-3])
    assert power_on_order(gap, response, 30.0) == (1, 0)
    assert not is_power_on_order((0, 1), gap, response, 30.0)
    assert power_on_trace((1, 0), gap, response, 30.0).min() >= 0.0 > power_on_trace((0, 1), gap, response, 30.0).min()
    last = power_on_trace((1, 0), gap, response, 30.0)[-1]
    np.testing.assert_allclose(response @ last, gap, rtol=1e-12)


def test_spares_beside_draws():
    random = np.random.default_rng(0)
    for spares in (0, 1, 2):
        fails = np.sum(random.random((20000, 8 + spares)) < 0.05, 1)
        assert served_with_spares(8, spares, 0.05) == pytest.approx(np.mean(fails <= spares), abs=0.012)
    assert served_with_spares(8, 0, 0.0) == 1.0 and served_with_spares(8, 3, 1.0) == 0.0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: step(0.1, lock_range=-1.0), "lock_range"),
        (lambda: step(0.1, tuning_range=0.0), "tuning_range"),
        (lambda: step(0.1, fsr=-4e-3), "fsr = -0.004 um"),
        (lambda: relock_row(np.nan * RINGS, LINES, 4e-3, 1e-3, range(4), 0.5e-3, 0.0, 0.0, 1e-4), "rings = nan"),
        (lambda: relock_row(RINGS, LINES, 4e-3, 1e-3, range(4), 0.8e-3, 0.0, 0.0, 1e-4), "setting from the line"),
        (lambda: relock_row(RINGS, LINES, 4e-3, 1e-3, range(4), 4.5e-3, 0.0, 0.0, 1e-4), "over the tuning range = 4.5"),
        (lambda: step(0.2e-3).bits_lost(1e9, 50.0, -1), "bits = -1"),
        (lambda: power_on_trace((0, 0), [0.1, 0.2], np.eye(2), 1.0), "order"),
        (lambda: power_on_trace((0, 1), [0.1, 0.2], np.eye(2), 1.0, 1), "points = 1"),
        (lambda: heater_sweep_time(ThermalImpedance(1.0, 5e6), 1e-3, 0.0), "lock_range = 0 um"),
        (lambda: heater_sweep_time(ThermalImpedance(1.0, 5e6), 1e-3, 2e-3), "lock_range = 0.002 um"),
        (lambda: heater_sweep_time(ThermalImpedance(0.0, 5e6), 1e-3, 1e-4), "sum of the resistances = 0"),
        (lambda: heater_sweep_time(cast("Any", 5e6), 1e-3, 1e-4), "impedance = 5"),
        (lambda: relock_row(RINGS, LINES, 4e-3, 1e-3, [0, 0, 1, 2], 0.0, 0.0, 0.0, 1e-4), "plan_lines"),
        (lambda: power_on_order([0.1], [[0.0]], 1.0), "response"),
        (lambda: power_on_order([0.1, 0.2], [[1.0]], 1.0), "response"),
        (lambda: is_power_on_order([0, 0], [0.1, 0.2], np.eye(2), 1.0), "order"),
        (lambda: served_with_spares(8, 1, 1.5), "failure"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ValueError, match=said):
        call()
