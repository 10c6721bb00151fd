"""Plans: the same rows however they are asked for, with the distributions they say."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest
from scipy import stats

from photonics_core.distributions import LogUniform, Normal, Uniform
from photonics_core.drawn_plans import MOST_LATIN, LatinPlan, RandomPlan, SobolPlan
from photonics_core.sample_plans import GridPlan, ListPlan

AXES = {"gap": Uniform(0.1, 0.3), "widths": Normal([0.4, 0.5], 0.01), "loss": LogUniform(0.1, 10.0)}
PLANS = {
    "grid": GridPlan({"gap": np.linspace(0.1, 0.3, 31), "radius": [5.0, 10.0, 20.0], "wl": np.arange(9.0) + 1.0}),
    "list": ListPlan({"gap": np.linspace(0.1, 0.3, 837), "widths": np.ones((837, 2))}),
    "sobol": SobolPlan(AXES, 9001, 3),
    "latin": LatinPlan(AXES, 9001, 3),
    "random": RandomPlan(AXES, 9001, 3),
}
DRAWN = ("sobol", "latin", "random")


@pytest.mark.parametrize("kind", PLANS)
def test_rows_are_the_same_however_they_are_cut(kind):
    plan = PLANS[kind]
    whole = plan.rows(0, plan.count)
    assert tuple(whole) == plan.names
    for step in (1, 97, 4096):
        starts = range(0, plan.count, step) if step > 1 else (0, 1, 2, 500, 499)
        for start in starts:
            stop = min(start + step, plan.count)
            for name, values in plan.rows(start, stop).items():
                assert values.dtype == np.float64
                np.testing.assert_array_equal(values, whole[name][start:stop])


def test_the_last_axis_of_a_grid_runs_fastest():
    plan = PLANS["grid"]
    rows = plan.rows(0, plan.count)
    assert plan.shape == (31, 3, 9) and plan.dims == ("gap", "radius", "wl") and plan.count == 837
    mesh = np.meshgrid(*plan.axes.values(), indexing="ij")
    for name, values in zip(plan.names, mesh, strict=True):
        np.testing.assert_array_equal(rows[name].reshape(plan.shape), values)


def test_an_axis_of_arrays_has_a_dimension_of_another_name():
    plan = GridPlan({"widths": [[0.4, 0.5], [0.5, 0.5]], "gap": [0.1, 0.2, 0.3]})
    assert plan.dims == ("widths_number", "gap") and tuple(plan.coordinates()) == ("gap",)
    assert plan.rows(2, 5)["widths"].tolist() == [[0.4, 0.5], [0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("kind", DRAWN)
def test_draws_follow_their_distributions(kind):
    rows = PLANS[kind].rows(0, 9001)
    assert rows["widths"].shape == (9001, 2)
    tests = {
        "gap": stats.uniform(0.1, 0.2),
        "loss": stats.loguniform(0.1, 10.0),
    }
    for name, distribution in tests.items():
        assert stats.kstest(rows[name], distribution.cdf).pvalue > 1e-3
    for column, mean in zip(rows["widths"].T, (0.4, 0.5), strict=True):
        assert stats.kstest(column, stats.norm(mean, 0.01).cdf).pvalue > 1e-3
    independent = np.corrcoef(np.stack([rows["gap"], rows["loss"], *rows["widths"].T]))
    np.testing.assert_allclose(independent, np.eye(4), atol=0.04)


def test_sobol_points_are_those_of_scipy():
    plan = SobolPlan({"x": Uniform(0.0, 1.0), "y": Uniform(0.0, 1.0)}, 256, 7)
    points = stats.qmc.Sobol(2, seed=np.random.default_rng(7)).random(256)
    found = np.stack(list(plan.rows(0, 256).values()), axis=1)
    np.testing.assert_allclose(found, points, atol=1e-9)
    assert stats.qmc.discrepancy(found) < 0.1 * stats.qmc.discrepancy(np.random.default_rng(0).random((256, 2)))


def test_a_latin_hypercube_has_one_sample_in_each_stratum():
    plan = LatinPlan({"x": Uniform(0.0, 1.0), "y": Uniform(0.0, 1.0)}, 1000, 7)
    for values in plan.rows(0, 1000).values():
        assert sorted(np.floor(1000 * values).astype(int)) == list(range(1000))


def test_random_draws_are_of_their_index_alone():
    few, many = (RandomPlan(AXES, count, 3).rows(90, 100) for count in (100, 10_000_000))
    for name in AXES:
        np.testing.assert_array_equal(few[name], many[name])
    other = RandomPlan(AXES, 100, 4).rows(90, 100)
    assert not np.any(other["gap"] == few["gap"])


def test_draws_do_not_depend_on_the_precision():
    before = PLANS["random"].rows(5000, 5010)
    with jax.enable_x64(False):
        after = RandomPlan(AXES, 9001, 3).rows(5000, 5010)
    for name in AXES:
        np.testing.assert_array_equal(before[name], after[name])


@pytest.mark.slow
def test_the_ends_of_ten_million_samples_take_no_memory():
    script = """
import resource
from photonics_core.distributions import Normal
from photonics_core.drawn_plans import RandomPlan, SobolPlan
axes = {f"x{k}": Normal(0.0, 1.0) for k in range(3)}
RandomPlan(axes, 10, 0).rows(0, 10), SobolPlan(axes, 10, 0).rows(0, 10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for plan in (RandomPlan(axes, 10_000_000, 0), SobolPlan(axes, 10_000_000, 0)):
    assert len(plan.rows(9_999_990, 10_000_000)["x2"]) == 10
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000  # KiB, where all samples would take 240 000 twice


def test_identities_are_json_and_tell_plans_apart():
    kinds = [json.dumps(plan.identity(), sort_keys=True) for plan in PLANS.values()]
    changed = [
        RandomPlan(AXES, 9001, 4),
        RandomPlan(AXES, 9000, 3),
        RandomPlan({**AXES, "gap": Uniform(0.1, 0.31)}, 9001, 3),
        GridPlan({"gap": [1.0, 2.0, 3.0]}),
        GridPlan({"gap": [1.0, 2.5, 3.0]}),
        ListPlan({"gap": [1.0, 2.0, 3.0]}),
    ]
    kinds += [json.dumps(plan.identity(), sort_keys=True) for plan in changed]
    assert len(set(kinds)) == len(kinds)
    assert RandomPlan(AXES, 9001, 3).identity() == PLANS["random"].identity()


@pytest.mark.parametrize("axis", [Uniform(1.0, 1.0), LogUniform(2.0, 2.0), Normal(1.0, 0.0)])
def test_quantiles_are_finite_and_rise(axis):
    u = np.concatenate([[0.5**53, 0.5**32], np.linspace(0.01, 0.99, 9), [1.0 - 0.5**32, 1.0 - 0.5**53]])
    assert np.all(np.isfinite(axis.quantile(u)))
    for wide in (Uniform(-1.0, 3.0), LogUniform(0.1, 7.0), Normal(1.0, 2.0)):
        values = wide.quantile(u)
        assert np.all(np.isfinite(values)) and np.all(np.diff(values) > 0)
    np.testing.assert_allclose(LogUniform(0.1, 10.0).quantile(np.array([0.5])), 1.0, rtol=1e-14)
    np.testing.assert_allclose(Normal(1.0, 2.0).quantile(np.array([0.8413447460685429])), 3.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1.0, 0.0), "lower = 1 is above upper = 0"),
        (lambda: Uniform(np.nan, 1.0), "lower = nan"),
        (lambda: Normal(0.0, -1.0), "deviation = -1 is outside"),
        (lambda: LogUniform(0.0, 1.0), "lower = 0 is outside"),
        (lambda: Normal([0.0, 1.0], [1.0, 1.0, 1.0]), "do not broadcast"),
        (lambda: GridPlan({}), "axes is empty"),
        (lambda: GridPlan({"gap": []}), "axes\\['gap'\\] is not a list"),
        (lambda: GridPlan({"gap": ["a"]}), "axes\\['gap'\\] is not a list"),
        (lambda: GridPlan({"gap": [1.0, np.inf]}), "axes\\['gap'\\] = inf"),
        (lambda: GridPlan({"a/b": [1.0]}), "axis name 'a/b'"),
        (lambda: GridPlan({"sample": [1.0]}), "axis name 'sample' is taken"),
        (lambda: GridPlan({f"x{k}": np.arange(100.0) for k in range(5)}), "outside \\[1, 2\\^32\\]"),
        (lambda: ListPlan({"a": [1.0], "b": [1.0, 2.0]}), "different lengths"),
        (lambda: SobolPlan({"a": 1.0}, 8), "axis 'a' = 1.0 is not of the kind Distribution"),
        (lambda: SobolPlan({}, 8), "axes is empty"),
        (lambda: SobolPlan({"a": Uniform(0.0, 1.0)}, 2**31), "samples = 2.14748e\\+09 is outside"),
        (lambda: RandomPlan({}, 0), "samples = 0 is not a whole number from 1 on"),
        (lambda: RandomPlan({}, 1.5), "samples = 1.5 is not a whole"),
        (lambda: RandomPlan({}, 5, -1), "seed = -1 is not a whole"),
        (lambda: LatinPlan({"a": Uniform(0.0, 1.0)}, MOST_LATIN + 1), "take SobolPlan"),
        (lambda: PLANS["grid"].rows(5, 1000), "rows 5 to 1000 are not within"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_no_axes_are_no_numbers():
    assert RandomPlan({}, 10).rows(0, 10) == {}
