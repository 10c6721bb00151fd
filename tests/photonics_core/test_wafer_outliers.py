"""Trends over a wafer that outliers cannot move."""

import numpy as np

from photonics_core.wafer_outliers import robust_deviation, wafer_polynomial

chance = np.random.default_rng(0)
PLACES = chance.uniform(-75e3, 75e3, (80, 2))


def trend(places):
    return 3.0 + 2e-5 * places[:, 0] - 1e-10 * places[:, 1] ** 2


def test_outliers_stand_out_and_leave_the_others_where_they_are():
    values = trend(PLACES) + 0.01 * chance.normal(size=80)
    clean = robust_deviation(values, PLACES, np.zeros(80))
    assert np.max(np.abs(clean)) < 4.5 and 0.7 < np.std(clean) < 1.4
    spoilt = values.copy()
    spoilt[:20] += 1.0
    found = robust_deviation(spoilt, PLACES, np.zeros(80))
    assert np.all(found[:20] > 20.0) and np.max(np.abs(found[20:])) < 5.0


def test_errors_excuse_and_holes_stay_holes():
    values, errors = trend(PLACES) + 0.01 * chance.normal(size=80), np.zeros(80)
    values[3], errors[3], values[5] = values[3] + 1.0, 1.0, np.nan
    found = robust_deviation(values, PLACES, errors)
    assert abs(found[3]) < 1.5 and found[5] == 0.0


def test_few_equal_or_unplaced_devices():
    assert np.all(robust_deviation(np.array([1.0, 2.0, 9.0]), np.zeros((3, 2)), np.zeros(3)) == 0.0)
    assert np.all(robust_deviation(np.full(9, 2.0), np.full((9, 2), np.nan), np.zeros(9)) == 0.0)
    values = np.append(1.0 + 0.01 * np.arange(8.0), 5.0)
    assert np.argmax(robust_deviation(values, np.full((9, 2), np.nan), np.zeros(9))) == 8


def test_polynomial():
    terms = wafer_polynomial(np.array([2.0]), np.array([3.0]), 2)
    np.testing.assert_array_equal(terms, [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0]])
