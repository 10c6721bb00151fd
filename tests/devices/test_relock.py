import itertools

import numpy as np
import pytest

from photonics_core.devices.relock import (
    is_power_on_order,
    power_on_order,
    power_on_trace,
    relock_row,
    served_with_spares,
)

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
