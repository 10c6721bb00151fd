"""Which limits fail, and bins: counted by hand, and counts that add up."""

import numpy as np
import pytest

from photonics_core import Limit, Spec, bin_dies, failure_causes

SPEC = Spec([Limit("a", upper=1.0), Limit("b", upper=1.0), Limit("c", upper=1.0)])
METRICS = {
    "a": np.array([0, 2, 2, 0, 0, 2.0]),
    "b": np.array([0, 0, 2, 2, 0, 2.0]),
    "c": np.array([0, 0, 0, 0, 0, 2.0]),
}


def test_causes_by_hand():
    causes = failure_causes(SPEC.judge(METRICS))
    assert (causes.names, causes.total, causes.passed) == (("a", "b", "c"), 6, 2)
    np.testing.assert_array_equal(causes.failing, [3, 3, 1])
    np.testing.assert_array_equal(causes.alone, [1, 1, 0])
    np.testing.assert_array_equal(causes.first, [3, 1, 0])
    np.testing.assert_array_equal(causes.jointly, [[3, 2, 1], [2, 3, 1], [1, 1, 1]])


def test_causes_add_up():
    random = np.random.default_rng(0)
    metrics = {name: random.normal(size=(500, 3)) for name in "abc"}
    causes = failure_causes(SPEC.judge(metrics))
    assert np.sum(causes.first) == causes.total - causes.passed
    assert np.all(causes.alone <= causes.first) and np.all(causes.first <= causes.failing)
    without_b = Spec([Limit("a", upper=1.0), Limit("c", upper=1.0)]).judge(metrics)
    assert np.sum(without_b.dies) == causes.passed + causes.alone[1]


def test_bins_take_each_die_once_the_best_first():
    bins = bin_dies(
        {"gold": Spec([Limit("a", upper=1.0)]), "silver": Spec([Limit("a", upper=3.0)])}, {"a": [0, 2, 4.0]}
    )
    assert bins.names == ("gold", "silver", "rejected")
    np.testing.assert_array_equal(bins.of_die, [0, 1, 2])
    assert sum(each.passed for each in bins.shares) == 3 and bins.shares[0].value == pytest.approx(1 / 3)
    # Wafers whose shares differ (2 and 0 of 3 good) count for less than their dies, and widen the interval.
    alone, wafers = (bin_dies({"gold": SPEC}, METRICS, wafer) for wafer in (None, [0, 1, 1, 1, 0, 0]))
    assert wafers.shares[0].effective == pytest.approx((2 / 9) / (4 * 2 / 36), rel=1e-9)
    assert alone.shares[0].effective == 6.0 and wafers.shares[0].low < alone.shares[0].low


def test_errors():
    with pytest.raises(ValueError, match="rejected"):
        bin_dies({"rejected": SPEC}, METRICS)
    with pytest.raises(ValueError, match="not of the kind Spec"):
        bin_dies({"good": 1}, METRICS)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="not of the kind Verdict"):
        failure_causes({"a": [True]})  # pyright: ignore[reportArgumentType]
