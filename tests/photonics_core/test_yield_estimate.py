"""Intervals of yields and quantiles: closed forms, coverage, what dies of one wafer tell."""

import numpy as np
import pytest
from scipy.stats import binom

from photonics_core import estimate_yield, replicated_yield, sample_quantiles
from photonics_core.validation.yields import coverage, exact_coverage, wafer_coverage


def test_intervals_of_ten_dies():
    """Published examples: 9 of 10 by Wilson 0.596 to 0.982, by Clopper and Pearson 0.555 to 0.997."""
    nine = np.array([1] * 9 + [0])
    wilson, exact = (estimate_yield(nine, method=method) for method in ("wilson", "clopper-pearson"))
    assert (wilson.value, wilson.passed, wilson.total, wilson.effective) == (0.9, 9, 10, 10.0)
    np.testing.assert_allclose([wilson.low, wilson.high], [0.5958, 0.9821], atol=1e-4)
    np.testing.assert_allclose([exact.low, exact.high], [0.5550, 0.9975], atol=1e-4)


def test_the_ends_of_the_exact_interval_are_where_its_tails_are_a_fortieth():
    found = estimate_yield(np.arange(50) < 43, method="clopper-pearson")
    assert binom.sf(42, 50, found.low) == pytest.approx(0.025, rel=1e-6)
    assert binom.cdf(43, 50, found.high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson"])
def test_none_or_all_pass(method):
    none, all_pass = (estimate_yield(np.full(100, each), method=method) for each in (0, 1))
    assert none.low == 0.0 and 0.0 < none.high < 0.05
    assert all_pass.high == 1.0 and all_pass.low == pytest.approx(1.0 - none.high, rel=1e-9)


def test_coverage_of_independent_dies_over_a_thousand_repeats():
    assert coverage(0.9, 400) == pytest.approx(0.95, abs=0.02)
    assert coverage(0.5, 400) == pytest.approx(0.95, abs=0.02)
    assert coverage(0.99, 400) == pytest.approx(0.95, abs=0.02)
    # Repeats find what the binomial distribution says, give or take 0.7 %.
    for share, method in ((0.9, "wilson"), (0.99, "wilson"), (0.99, "clopper-pearson")):
        expected = exact_coverage(np.array([share]), 400, method)[0]
        assert coverage(share, 400, method) == pytest.approx(expected, abs=0.025)


@pytest.mark.parametrize("dies", [30, 100, 400])
def test_the_default_interval_holds_all_yields_at_least_as_often_as_it_says(dies):
    """The law of Clopper and Pearson; that of Wilson is kept in the mean over yields alone."""
    shares = np.linspace(0.001, 0.999, 499)
    assert np.min(exact_coverage(shares, dies)) >= 0.95 - 1e-12
    assert np.mean(exact_coverage(shares, dies, "wilson")) == pytest.approx(0.95, abs=0.01)
    assert np.min(exact_coverage(shares, dies, "wilson")) < 0.94


@pytest.mark.slow
def test_coverage_of_dies_that_share_their_wafer():
    """Counted as independent they would promise far too much."""
    assert wafer_coverage(0.9, 24, 60, 0.2) == pytest.approx(0.95, abs=0.02)
    assert wafer_coverage(0.5, 24, 60, 0.2) == pytest.approx(0.95, abs=0.02)
    assert wafer_coverage(0.9, 24, 60, 0.0) == pytest.approx(0.95, abs=0.02)
    assert wafer_coverage(0.99, 24, 60, 0.2) >= 0.945  # 97.6 %: few failures, on the side of caution
    assert wafer_coverage(0.9, 24, 60, 0.2, is_told=False) < 0.75


def test_wafers_count_where_dies_of_one_are_alike():
    """All dies of a wafer alike: as much as one die a wafer."""
    of_wafer = np.arange(20) < 15
    alike = estimate_yield(np.repeat(of_wafer, 50), np.repeat(np.arange(20), 50))
    assert alike.total == 1000 and alike.value == 0.75
    assert alike.effective == pytest.approx(20 * (19 / 20) ** 2, rel=1e-9)
    one = estimate_yield(of_wafer)
    assert alike.low < one.low and alike.high > one.high
    assert estimate_yield(np.ones(1000), np.repeat(np.arange(20), 50)).effective == 20.0


def test_the_number_of_a_wafer_is_but_a_name():
    random = np.random.default_rng(0)
    passed, wafer = random.random(400) < 0.8, np.repeat(np.arange(10), 40)
    assert estimate_yield(passed, wafer) == estimate_yield(passed[::-1], 100 - wafer[::-1])


def test_replicates_have_the_interval_of_student():
    mean, error, low, high = replicated_yield([0.9, 0.92, 0.94])
    assert (mean, error) == (pytest.approx(0.92), pytest.approx(0.02 / np.sqrt(3.0)))
    assert high - mean == pytest.approx(4.3027 * error, rel=1e-4) == mean - low


def test_replicates_that_all_passed_are_not_certain():
    """As many dies as there are replicates: (1 - confidence) / 2 to the power of 1 / R."""
    mean, error, low, high = replicated_yield(np.ones(8))
    assert (mean, error, high) == (1.0, 0.0, 1.0) and low == pytest.approx(0.025 ** (1.0 / 8.0), rel=1e-9)
    assert replicated_yield([1.0, 0.99, 0.98])[3] == 1.0


def test_quantiles_lie_between_their_ranks():
    """Of 1000 repeats the interval holds the quantile at least as often as it says."""
    random, held = np.random.default_rng(0), 0
    for _ in range(1000):
        found = sample_quantiles(random.random(300), (0.9,))
        held += found.low[0] <= 0.9 <= found.high[0]
    assert 0.94 <= held / 1000 <= 0.985
    few = sample_quantiles([3.0, 1.0, 2.0], (0.5, 0.99))
    assert few.values[0] == 2.0 and few.low[0] == -np.inf and few.high[1] == np.inf


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: estimate_yield([]), "passed of shape"),
        (lambda: estimate_yield([0.5]), "passed of shape"),
        (lambda: estimate_yield([1, 0], [1, 1]), "dies of one wafer"),
        (lambda: estimate_yield([1, 0], [1]), "wafer of shape"),
        (lambda: estimate_yield([1], method="wald"), "method = 'wald'"),
        (lambda: estimate_yield([1], confidence=1.0), "confidence = 1"),
        (lambda: estimate_yield([1, 0, 1], [0.0, np.nan, np.nan]), "wafer = nan"),
        (lambda: replicated_yield([0.5]), "at least two"),
        (lambda: replicated_yield([0.5, 1.5]), "values = 1.5"),
        (lambda: sample_quantiles([1.0, np.nan]), "not some numbers"),
        (lambda: sample_quantiles([1.0], (1.0,)), "levels = 1"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
