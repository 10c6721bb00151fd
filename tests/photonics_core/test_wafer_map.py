"""Width and thickness from measured rings, and maps of them."""

import numpy as np
import pytest

from photonics_core.index_map import IndexMap
from photonics_core.validation.synthetic_wafers import LENGTH, made_dimensions, toy_index
from photonics_core.wafer_map import extract_dimensions, field_covariance, fit_wafer_map

BOUNDS = {"wl": (1.5, 1.6), "temperature": 300.0, "width": (0.44, 0.56), "height": (0.2, 0.24)}


@pytest.fixture(scope="module")
def toy():
    return IndexMap.fit(toy_index, **BOUNDS)


def test_exact_numbers_give_exact_dimensions(toy):
    made = made_dimensions(50, width_sd=0.002, height_sd=0.0005, wl_se=0.0, n_g_se=0.0, seed=0)
    found = extract_dimensions(toy, made.wl, made.n_g, made.length, width_spread=0.002, thickness_spread=0.0005)
    np.testing.assert_array_equal(found.order, made.order)
    np.testing.assert_allclose(found.width, made.width, atol=1e-8)
    np.testing.assert_allclose(found.thickness, made.height, atol=1e-8)
    assert np.all(found.width_se == 0.0) and np.all(found.order_margin > 0.0)


def test_errors_condition_and_correlation(toy):
    made = made_dimensions(3000, width_sd=1e-9, height_sd=1e-9, wl_se=2e-5, n_g_se=1e-3, seed=0)
    found = extract_dimensions(toy, made.wl, made.n_g, made.length, wl_se=2e-5, n_g_se=1e-3)
    assert np.std(found.width) == pytest.approx(np.median(found.width_se), rel=0.05)
    assert np.std(found.thickness) == pytest.approx(np.median(found.thickness_se), rel=0.05)
    drawn = np.corrcoef(found.width, found.thickness)[0, 1]
    assert np.median(found.correlation) == pytest.approx(drawn, abs=0.01) and drawn < -0.9
    # d(n_eff, n_g) / d(width, height) of the closed form at 1.55 um; the line lies 1 nm from there
    slopes = np.array([[1.9, 3.9], [1.9 - 1.55 * 0.9, 3.9 + 1.55 * 1.5]])
    assert np.median(found.condition) == pytest.approx(np.linalg.cond(slopes), rel=5e-3)


def test_a_shift_beyond_half_a_range_needs_to_be_expected(toy):
    """12 nm of width move the line by more than half of the free spectral range; the neighbours tell the order."""
    sizes = np.array([0.488]), np.array([0.22])
    order, wl = round(2.45 * LENGTH / 1.55), np.array([1.55])
    for _ in range(60):
        wl = toy_index({"wl": wl, "width": sizes[0], "height": sizes[1]}) * LENGTH / order
    n_g = np.asarray(toy.at(width=0.488).group_index(wl))
    alone = extract_dimensions(toy, wl, n_g, LENGTH, width_spread=0.002, thickness_spread=0.002)
    assert alone.order[0] == order + 1 and alone.width[0] > 0.495
    expected = np.array([[0.49, 0.22]])
    told = extract_dimensions(toy, wl, n_g, LENGTH, width_spread=0.002, thickness_spread=0.002, expected=expected)
    assert told.order[0] == order and told.width[0] == pytest.approx(0.488, abs=1e-7)


def test_rings_outside_the_map_are_nan(toy):
    found = extract_dimensions(toy, np.array([1.55, 1.55]), np.array([4.2, 9.0]), LENGTH, n_g_se=1e-3)
    assert np.isfinite(found.width[0]) and np.isnan(found.width[1]) and np.isnan(found.width_se[1])
    assert found.order[1] == -1 and found.order_margin[1] == 0.0


def test_float32(float32):
    index = IndexMap.fit(toy_index, tolerance=1e-5, **BOUNDS)
    made = made_dimensions(20, width_sd=0.002, height_sd=0.0005, wl_se=0.0, n_g_se=0.0, seed=0)
    found = extract_dimensions(index, made.wl, made.n_g, made.length, width_spread=0.003, thickness_spread=0.0008)
    np.testing.assert_allclose(found.width, made.width, atol=2e-5)


def places(count, seed=0):
    return np.random.default_rng(seed).uniform(-75e3, 75e3, (count, 2))


def test_leaving_a_device_out_is_leaving_it_out():
    at, chance = places(40), np.random.default_rng(1)
    values, errors = chance.normal(size=40), chance.uniform(0.1, 0.3, 40)
    whole = fit_wafer_map(at, values, errors, 1.0, 20e3, degree=1, kind="exponential")
    for k in (0, 17, 39):
        keep = np.arange(40) != k
        rest = fit_wafer_map(at[keep], values[keep], errors[keep], 1.0, 20e3, degree=1, kind="exponential")
        value, sd = rest.predict(at[k])
        assert whole.residuals[k] == pytest.approx(values[k] - value, abs=1e-10)
        assert whole.residual_sd[k] == pytest.approx(np.hypot(sd, errors[k]), rel=1e-9)


def test_limits_of_the_map():
    at = places(30)
    exact = 2.0 + 1e-5 * at[:, 0] - 3e-11 * at[:, 0] * at[:, 1]
    fit = fit_wafer_map(at, exact, 0.01, 0.5, 30e3)
    assert np.max(np.abs(fit.residuals)) < 1e-9
    np.testing.assert_allclose(fit.trend(at), exact, rtol=1e-9)
    # Without a field it is the polynomial of least squares.
    values = exact + 0.1 * np.random.default_rng(3).normal(size=30)
    flat = fit_wafer_map(at, values, 0.1, 0.0, 30e3, degree=1)
    design = np.stack([np.ones(30), *at.T], axis=1)
    solution = np.linalg.lstsq(design, values, rcond=None)[0]
    np.testing.assert_allclose(flat.predict(at)[0], design @ solution, rtol=1e-9)
    # A precise device is met; far from all devices the field is unknown.
    sharp = fit_wafer_map(at, values, 1e-6, 1.0, 5e3, degree=0)
    np.testing.assert_allclose(sharp.predict(at)[0], values, atol=1e-5)
    assert sharp.predict(np.array([1e6, 1e6]))[1] > 1.0


def test_an_outlier_has_a_large_score():
    at, chance = places(60), np.random.default_rng(2)
    field = np.linalg.cholesky(field_covariance(at, at, 1.0, 40e3, "gaussian") + 1e-9 * np.eye(60))
    values = field @ chance.normal(size=60) + 0.05 * chance.normal(size=60)
    values[9] += 1.0
    scores = fit_wafer_map(at, values, 0.05, 1.0, 40e3).scores
    assert np.argmax(np.abs(scores)) == 9 and scores[9] > 5.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros(5)}, "shape"),
        ({"errors": 0.0}, "errors = 0"),
        ({"sd": -1.0}, "sd = -1"),
        ({"correlation_length": 0.0}, "correlation_length = 0 um"),
        ({"degree": 9}, "degree = 9"),
        ({"kind": "round"}, "kind = 'round'"),
        ({"positions": np.zeros((8, 2))}, "do not tell"),
        ({"values": np.full(8, np.nan)}, "values = nan"),
    ],
)
def test_wrong_arguments_of_a_map(change, message):
    arguments = {"positions": places(8), "values": np.zeros(8), "errors": 1.0, "sd": 1.0, "correlation_length": 1e4}
    with pytest.raises(ValueError, match=message):
        fit_wafer_map(**(arguments | change))


def test_wrong_arguments_of_an_extraction(toy):
    for change, message in (
        ({"wl": 1.7}, "wl = 1.7 um"),
        ({"n_g": -4.0}, "n_g = -4"),
        ({"length": 0.0}, "length = 0 um"),
        ({"wl_se": -1.0}, "wl_se = -1"),
        ({"width_spread": 0.0}, "width_spread = 0 um"),
        ({"index": 3}, "index = 3"),
    ):
        arguments = {"index": toy, "wl": 1.55, "n_g": 4.2, "length": LENGTH} | change
        with pytest.raises(ValueError, match=message):
            extract_dimensions(**arguments)
