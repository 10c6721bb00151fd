"""Noise with independent disturbances: sums by hand, binomial laws, draws; the saddle point against enumeration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from photonics_core.crosstalk_statistics import (
    AUTO_STATES,
    chosen_method,
    log_disturbed_density,
    log_disturbed_tail,
)

LN10 = np.log(10.0)
#: Eight aggressors of two levels: alike; of all sizes; on and off; one that outweighs the others.
EIGHT = {
    "alike": np.tile([-0.3, 0.3], (8, 1)),
    "geometric": np.outer(np.geomspace(0.8, 0.05, 8), [-1.0, 1.0]),
    "on and off": np.outer(np.geomspace(1.2, 0.03, 8), [0.0, 1.0]),
    "one large": np.outer([1.2, *[0.1] * 7], [-1.0, 1.0]),
}


def by_hand(x, noise, disturbances):
    sums = np.array([sum(states) for states in itertools.product(*disturbances)])
    return np.log(np.mean(stats.norm.sf((np.asarray(x)[..., None] - sums) / noise), axis=-1))


def test_enumeration_is_the_sum_over_all_states():
    random = np.random.default_rng(0)
    disturbances, x = random.normal(size=(4, 3)), np.linspace(-3.0, 8.0, 23)
    ours = log_disturbed_tail(x, 0.7, disturbances, method="exact")
    np.testing.assert_allclose(ours, by_hand(x, 0.7, disturbances), rtol=1e-12)
    # Its density is the slope, and the states of one aggressor may be in any order.
    slope = jax.vmap(jax.grad(lambda x: log_disturbed_tail(x, 0.7, disturbances[:, ::-1], method="exact")))(x)
    density = log_disturbed_density(x, 0.7, disturbances, method="exact")
    np.testing.assert_allclose(density, np.log(-slope) + ours, rtol=1e-10)


@pytest.mark.parametrize("name", EIGHT)
def test_the_saddle_point_against_enumeration(name):
    """Error ratios from 1e-3 to 1e-15: within a hundredth of a decade."""
    disturbances = EIGHT[name]
    x = np.sum(disturbances.mean(axis=1)) + np.linspace(0.0, 11.0, 111)
    exact = np.asarray(log_disturbed_tail(x, 1.0, disturbances, method="exact")) / LN10
    saddle = np.asarray(log_disturbed_tail(x, 1.0, disturbances, method="saddle")) / LN10
    inside = (exact < -3.0) & (exact > -15.0)
    assert np.sum(inside) > 30
    assert np.max(abs(saddle - exact)[inside]) < 0.01


@pytest.mark.parametrize("size", [0.05, 0.3])
def test_many_alike_are_a_binomial_law(size):
    """32 aggressors, whose sums are binomial: no sum over 2^32 states is needed for the reference."""
    count, x = 32, np.linspace(-4.0, 10.0, 57)
    on = np.arange(count + 1)
    chances = stats.binom.pmf(on, count, 0.5)
    exact = np.log(chances @ stats.norm.sf(x - size * (2 * on - count)[:, None])) / LN10
    ours = np.asarray(log_disturbed_tail(x, 1.0, np.tile([-size, size], (count, 1)))) / LN10
    np.testing.assert_allclose(ours, exact, atol=1e-3)


def test_the_saddle_point_against_draws():
    """16 aggressors of four levels, some thousand of two million draws beyond: within four standard errors."""
    random = np.random.default_rng(1)
    disturbances = np.outer(random.uniform(0.05, 0.5, 16), [0.0, 1 / 3, 2 / 3, 1.0])
    draws = 0.4 * random.standard_normal(2_000_000)
    for states in disturbances:
        draws += states[random.integers(0, 4, draws.size)]
    for x in (3.9, 4.15):
        count = np.sum(draws > x)
        expected = draws.size * np.exp(float(log_disturbed_tail(x, 0.4, disturbances)))
        assert 500 < count < 20_000
        assert abs(count - expected) < 4.0 * np.sqrt(expected)


def test_bounds_and_the_gaussian_guess():
    """The worst case bounds the chance; Gaussian crosstalk is decades off, beyond the bound."""
    disturbances = np.tile([-0.5, 0.5], (8, 1))
    x = np.array([3.0, 6.0, 9.0, 12.0])
    found = {each: np.asarray(log_disturbed_tail(x, 1.0, disturbances, method=each)) / LN10 for each in METHODS}
    assert np.all(found["exact"] < found["bound"]) and np.all(found["exact"] > stats.norm.logsf(x) / LN10)
    np.testing.assert_allclose(found["bound"], stats.norm.logsf(x - 4.0) / LN10, rtol=1e-12)
    np.testing.assert_allclose(found["gaussian"], stats.norm.logsf(x / np.sqrt(3.0)) / LN10, rtol=1e-12)
    assert abs(found["gaussian"] - found["exact"])[0] < 0.1
    assert np.all(found["gaussian"][2:] - found["exact"][2:] > [1.0, 5.0])
    assert found["gaussian"][3] > found["bound"][3]


METHODS = ("exact", "saddle", "gaussian", "bound")


@pytest.mark.parametrize("method", METHODS)
def test_gradients(method, assert_gradient):
    disturbances = jnp.asarray(np.outer([0.3, 0.2, 0.25], [0.0, 0.4, 1.0]))
    start = (jnp.asarray([1.8, 0.3]), jnp.asarray(0.2), disturbances)
    assert_gradient(lambda each: log_disturbed_tail(*each, method=method), start)


def test_the_mean_is_no_special_place():
    """w and u vanish there, and so they do for every symmetric sum at a threshold in the middle."""
    disturbances = np.outer([0.9, 0.6, 0.3, 0.2], [0.0, 0.1, 1.0])
    mean = disturbances.mean(axis=1).sum()
    # The second places show that nothing jumps where integrals by nodes give way to quotients, |s| span = 2.
    x, wide = mean + np.array([-1e-3, -1e-6, 0.0, 1e-6, 1e-3]), np.linspace(mean - 2.5, mean + 2.5, 4001)
    both = jax.vmap(jax.value_and_grad(lambda x: log_disturbed_tail(x, 0.5, disturbances, method="saddle")))
    values, slopes = both(np.concatenate([x, wide]))
    values, slopes, wide_slopes = values[:5], slopes[:5], slopes[5:]
    np.testing.assert_allclose(values, values[2] + slopes[2] * (x - mean), atol=1e-5)
    np.testing.assert_allclose(slopes, slopes[2], rtol=3e-3)
    np.testing.assert_allclose(values[3] - values[1], 2e-6 * slopes[2], rtol=1e-8)
    assert np.max(abs(np.diff(wide_slopes, 2))) < 5e-5


def test_no_disturbance_is_the_normal_law():
    x = np.linspace(-3.0, 30.0, 12)
    for method, count in (*((each, 3) for each in METHODS), ("saddle", 0)):
        ours = log_disturbed_tail(x, 0.9, np.zeros((count, 2)), method=method)
        np.testing.assert_allclose(ours, stats.norm.logsf(x / 0.9), rtol=1e-12)
    slope = jax.grad(lambda d: log_disturbed_tail(2.0, 0.9, d, method="saddle"))(jnp.zeros((3, 2)))
    hazard = stats.norm.pdf(2 / 0.9) / stats.norm.sf(2 / 0.9) / 0.9
    np.testing.assert_allclose(slope, np.full((3, 2), hazard / 2), rtol=1e-9)


def test_leading_axes_broadcast():
    random = np.random.default_rng(2)
    x, noise, disturbances = random.uniform(1, 2, (2, 1)), random.uniform(0.3, 1, 3), random.normal(size=(3, 2, 2))
    ours = log_disturbed_tail(x, noise, disturbances)
    for i, j in np.ndindex(2, 3):
        one = log_disturbed_tail(x[i, 0], noise[j], disturbances[j])
        np.testing.assert_allclose(ours[i, j], one, rtol=1e-13)


def test_single_precision(float32):
    for name in ("alike", "on and off"):
        disturbances = EIGHT[name].astype(np.float32)
        x = (np.sum(EIGHT[name].mean(axis=1)) + np.linspace(-3.0, 11.0, 29)).astype(np.float32)
        exact, saddle = (log_disturbed_tail(x, 1.0, disturbances, method=each) for each in ("exact", "saddle"))
        assert saddle.dtype == jnp.float32
        np.testing.assert_allclose(exact, by_hand(x.astype(float), 1.0, EIGHT[name]), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(saddle, exact, rtol=3e-3, atol=1e-2)


def test_which_way_is_taken():
    assert chosen_method(np.zeros((12, 2))) == "exact" and AUTO_STATES == 2**12
    assert chosen_method(np.zeros((13, 2))) == "saddle" and chosen_method(np.zeros((7, 4))) == "saddle"
    assert chosen_method(np.zeros((8, 4)), "exact") == "exact"


def test_wrong_arguments():
    pair = np.zeros((2, 2))
    with pytest.raises(ValueError, match="noise = 0 mA"):
        log_disturbed_tail(1.0, 0.0, pair)
    with pytest.raises(ValueError, match="disturbances"):
        log_disturbed_tail(1.0, 1.0, np.zeros(3))
    with pytest.raises(ValueError, match="method = 'normal' is not one of"):
        log_disturbed_tail(1.0, 1.0, pair, method="normal")
    with pytest.raises(ValueError, match="20 aggressors of 2 states"):
        log_disturbed_tail(1.0, 1.0, np.zeros((20, 2)), method="exact")
    with pytest.raises(ValueError, match="do not broadcast"):
        log_disturbed_tail([1.0, 2.0], [1.0, 1.0, 1.0], pair)
