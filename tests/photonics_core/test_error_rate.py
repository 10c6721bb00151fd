"""Error ratios of NRZ and PAM4: closed forms, minima found by SciPy, bits counted transition by transition, draws."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from photonics_core.error_rate import (
    bit_error_ratio,
    crosstalk_penalty_db,
    decision_thresholds,
    log10_error_ratio,
    log10_symbol_error_ratio,
    q_factor,
    required_amplitude,
    required_q,
)

LN10 = np.log(10.0)
GRAY = {2: ["0", "1"], 4: ["00", "01", "11", "10"], 8: ["000", "001", "011", "010", "110", "111", "101", "100"]}


def by_transitions(levels, noise, thresholds, disturbances=((0.0,),)):
    """Bit and symbol error ratio: the chance of each level to be taken for each other, times the bits that differ."""
    codes, bounds = GRAY[len(levels)], np.concatenate([[-np.inf], thresholds, [np.inf]])
    bits = symbols = 0.0
    sums = [sum(states) for states in itertools.product(*disturbances)]
    for (sent, level), extra in itertools.product(enumerate(levels), sums):
        law = stats.norm(level + extra, noise[sent])
        for taken in range(len(levels)):
            if taken != sent:
                # The difference of two tails on the side where they are small.
                side = law.sf if taken > sent else law.cdf
                chance = abs(side(bounds[taken]) - side(bounds[taken + 1]))
                bits += chance * sum(a != b for a, b in zip(codes[sent], codes[taken], strict=True)) / len(codes[0])
                symbols += chance
    share = len(levels) * len(sums)
    return bits / share, symbols / share


def test_nrz_of_equal_noise_is_the_normal_tail():
    q = np.array([0.5, 2.0, 7.0345, 12.0, 37.0, 200.0])
    levels = np.stack([np.full(6, 0.3), 0.3 + 0.2 * q], axis=-1)
    ours = log10_error_ratio(levels, [0.1, 0.1])
    np.testing.assert_allclose(ours, stats.norm.logsf(q) / LN10, rtol=1e-12)
    np.testing.assert_allclose(bit_error_ratio(levels, [0.1, 0.1])[:4], stats.norm.sf(q[:4]), rtol=1e-12)
    np.testing.assert_allclose(log10_error_ratio(levels[:, ::-1], [0.1, 0.1]), ours, rtol=1e-15)
    np.testing.assert_allclose(decision_thresholds(levels, [0.1, 0.1])[:, 0], levels.mean(axis=-1), rtol=1e-14)


@pytest.mark.parametrize("noise", [(0.05, 0.15), (0.15, 0.05)])
def test_nrz_of_unequal_noise_has_the_least_errors_of_all_thresholds(noise):
    def errors(t):
        return np.log(0.5 * (stats.norm.sf((t - 0.2) / noise[0]) + stats.norm.cdf((t - 1.4) / noise[1]))) / LN10

    best: Any = optimize.minimize_scalar(errors, bounds=(0.3, 1.3), method="bounded", options={"xatol": 1e-10})
    threshold = decision_thresholds([0.2, 1.4], noise)
    assert float(threshold[0]) == pytest.approx(best.x, abs=1e-6)
    assert float(log10_error_ratio([0.2, 1.4], noise)) == pytest.approx(best.fun, rel=1e-12)
    given = log10_error_ratio([0.2, 1.4], noise, thresholds=[0.7])
    assert float(given) == pytest.approx(errors(0.7), rel=1e-12) and float(given) > best.fun
    # The Q-factor is that of equal chances of both errors, which is no better and never far off.
    by_q = stats.norm.logsf(float(q_factor([0.2, 1.4], noise))) / LN10
    assert best.fun < by_q < best.fun + 0.2


def test_the_threshold_goes_smoothly_through_equal_noise():
    def threshold(high_noise, high):
        return decision_thresholds(jnp.stack([jnp.asarray(0.0), high]), jnp.stack([jnp.asarray(0.1), high_noise]))[0]

    near = jnp.asarray([0.1 - 1e-6, 0.1, 0.1 + 1e-6])
    high = jnp.ones(3)
    values, slopes = (jax.vmap(each)(near, high) for each in (threshold, jax.grad(threshold)))
    assert float(values[1]) == 0.5
    np.testing.assert_allclose(np.diff(values), 1e-6 * slopes[1], rtol=1e-4)
    np.testing.assert_allclose(slopes, slopes[1], rtol=1e-4)
    # Levels that are one and the same: half of all bits are wrong, and slopes are finite.
    value, slope = jax.value_and_grad(lambda levels: log10_error_ratio(levels, jnp.full(2, 0.1)))(jnp.ones(2))
    assert float(value) == pytest.approx(np.log10(0.5), rel=1e-12) and np.all(np.isfinite(slope))
    assert np.isfinite(jax.grad(threshold, argnums=1)(jnp.asarray(0.1), jnp.asarray(0.0)))


def test_pam4_of_even_levels_and_noise():
    q = np.array([0.3, 1.0, 3.4, 7.0])
    levels = np.arange(4) * 2.0
    expected = (3.0 * stats.norm.sf(q) + 2.0 * stats.norm.sf(3 * q) - stats.norm.sf(5 * q)) / 4.0
    noise = np.tile(1.0 / q[:, None], 4)
    np.testing.assert_allclose(log10_error_ratio(levels, noise), np.log10(expected), rtol=1e-12)
    np.testing.assert_allclose(log10_symbol_error_ratio(levels, noise), np.log10(1.5 * stats.norm.sf(q)), rtol=1e-12)


@pytest.mark.parametrize("count", [4, 8])
def test_bits_are_counted_over_all_transitions(count):
    """Open and nearly closed eyes of uneven levels and noise, where leaps over several levels are frequent."""
    random = np.random.default_rng(count)
    levels = np.arange(count) + random.uniform(-0.2, 0.2, (3, count))
    noise = np.array([0.1, 0.3, 1.5])[:, None] * random.uniform(0.7, 1.3, (3, count))
    thresholds = 0.5 * (levels[:, 1:] + levels[:, :-1]) + random.uniform(-0.1, 0.1, (3, count - 1))
    expected = np.log10([by_transitions(*each) for each in zip(levels, noise, thresholds, strict=True)])
    order = random.permutation(count)
    for ours, theirs in zip((log10_error_ratio, log10_symbol_error_ratio), expected.T, strict=True):
        found = ours(levels[:, order], noise[:, order], thresholds=thresholds)
        np.testing.assert_allclose(found, theirs, rtol=1e-10)


def test_pam4_thresholds_are_the_best_of_each_eye():
    levels, noise = np.array([0.1, 0.5, 0.8, 1.4]), np.array([0.03, 0.05, 0.06, 0.1])
    best = optimize.minimize(lambda t: np.log(by_transitions(levels, noise, t)[0]), [0.25, 0.65, 1.0], tol=1e-12)
    ours = log10_error_ratio(levels, noise)
    assert float(ours) == pytest.approx(best.fun / LN10, rel=1e-6)
    np.testing.assert_allclose(decision_thresholds(levels, noise), best.x, atol=1e-4)


@pytest.mark.slow
def test_disturbed_thresholds_are_the_best_too():
    """Uneven disturbances of unequal noise; every threshold nearby makes more errors."""
    levels, noise = np.array([0.0, 1.0]), np.array([0.06, 0.1])
    disturbances = np.outer([0.12, 0.08, 0.05, 0.02], [0.0, 1.0])
    found = float(log10_error_ratio(levels, noise, disturbances=disturbances))

    def errors(t):
        return np.log10(by_transitions(levels, noise, [t], disturbances)[0])

    best: Any = optimize.minimize_scalar(errors, bounds=(0.2, 0.9), method="bounded", options={"xatol": 1e-8})
    assert found == pytest.approx(best.fun, rel=1e-9)
    threshold = float(decision_thresholds(levels, noise, disturbances=disturbances)[0])
    assert threshold == pytest.approx(best.x, abs=1e-5)
    by_saddle = float(log10_error_ratio(levels, noise, disturbances=disturbances, method="saddle"))
    assert by_saddle == pytest.approx(found, abs=5e-3)


def test_pam4_with_aggressors_against_draws():
    random = np.random.default_rng(5)
    levels, noise = np.array([0.1, 0.4, 0.7, 1.0]), np.array([0.04, 0.045, 0.05, 0.055])
    disturbances = np.outer([0.04, 0.03, 0.02], [0.0, 1 / 3, 2 / 3, 1.0])
    sent = random.integers(0, 4, 1_000_000)
    current = levels[sent] + noise[sent] * random.standard_normal(sent.size)
    for states in disturbances:
        current += states[random.integers(0, 4, sent.size)]
    taken = np.searchsorted(np.asarray(decision_thresholds(levels, noise, disturbances=disturbances)), current)
    code = np.array([0, 1, 3, 2])
    wrong = np.sum(np.unpackbits((code[sent] ^ code[taken]).astype(np.uint8)))
    expected = 2 * sent.size * float(bit_error_ratio(levels, noise, disturbances=disturbances))
    assert 500 < wrong < 50_000 and abs(wrong - expected) < 4.0 * np.sqrt(expected)


def test_an_eye_that_crosstalk_has_closed_has_slopes():
    levels, noise, disturbances = jnp.asarray([0.0, 0.1]), jnp.full(2, 0.05), jnp.asarray([[-0.2, 0.2]] * 2)
    # Levels nearer than the difference of their noise have their threshold outside, with small disturbances as without.
    hopeless = np.array([0.0, 0.05]), np.array([0.1, 0.3])
    small = log10_error_ratio(*hopeless, disturbances=np.full((2, 2), 1e-6))
    assert float(small) == pytest.approx(float(log10_error_ratio(*hopeless)), abs=1e-4)
    for method in ("saddle", "bound"):

        def ratio(*each, method=method):
            return log10_error_ratio(each[0], each[1], disturbances=each[2], method=method)

        value, slopes = jax.value_and_grad(ratio, argnums=(0, 1, 2))(levels, noise, disturbances)
        assert -1.0 < float(value) <= 0.0 and all(np.all(np.isfinite(each)) for each in slopes)


@pytest.mark.parametrize("method", ["exact", pytest.param("saddle", marks=pytest.mark.slow)])
def test_gradients_with_disturbances(method, assert_gradient):
    """By each level, noise and disturbance; the threshold moves with them."""
    start = (jnp.asarray([0.1, 1.1]), jnp.asarray([0.06, 0.09]), jnp.asarray(np.outer([0.1, 0.04], [0.0, 1.0])))
    assert_gradient(lambda each: log10_error_ratio(each[0], each[1], disturbances=each[2], method=method), start)


def test_gradients_of_pam4(assert_gradient):
    start = (jnp.asarray([0.1, 0.4, 0.8, 1.1]), jnp.asarray([0.04, 0.05, 0.05, 0.07]))
    assert_gradient(lambda each: log10_error_ratio(*each), start)


def test_what_is_required_gives_what_is_asked_for(assert_gradient):
    ratios = np.array([-0.7, -3.0, -12.0, -100.0])
    for count in (2, 8):
        q = np.asarray(required_q(ratios, count))
        levels = np.broadcast_to(2.0 * np.arange(count), (4, count))
        found = log10_error_ratio(levels, np.tile(1.0 / q[:, None], count))
        np.testing.assert_allclose(found, ratios, rtol=1e-12)
    assert float(required_q(-12.0)) == pytest.approx(7.034, abs=1e-3)  # the field's 7 for 1e-12
    assert float(required_amplitude(-12.0, 0.1)) == pytest.approx(1.4069, abs=1e-4)
    amplitude = float(required_amplitude(-4.0, 0.1, 4))
    assert float(log10_error_ratio(np.arange(4) / 3 * amplitude, np.full(4, 0.1))) == pytest.approx(-4.0, rel=1e-12)
    assert_gradient(lambda ratio: required_q(ratio, 4), jnp.asarray([-2.0, -12.0]))


@pytest.mark.slow
def test_power_penalty_of_crosstalk():
    levels, noise = np.array([0.0, 1.0]), np.array([0.07, 0.07])
    one = np.array([[0.0, 0.1]])
    assert float(crosstalk_penalty_db(levels, noise, 0.0 * one)) == pytest.approx(0.0, abs=1e-9)
    # In the bound an aggressor of a tenth of the eye closes it by a tenth: 10 log10(1 / 0.9).
    bound = float(crosstalk_penalty_db(levels, noise, one, method="bound"))
    assert bound == pytest.approx(-10.0 * np.log10(0.9), rel=1e-9)
    exact, small = (float(crosstalk_penalty_db(levels, noise, part * one)) for part in (1.0, 0.5))
    assert 0.0 < small < exact < bound
    with pytest.raises(ValueError, match="log10_ratio = .* is not reached"):
        crosstalk_penalty_db(levels, noise, 12.0 * one)


def test_a_batch_is_its_channels():
    random = np.random.default_rng(3)
    levels, noise = np.sort(random.uniform(0, 1, (2, 3, 4))), random.uniform(0.03, 0.06, (3, 4))
    disturbances = random.uniform(0, 0.05, (3, 5, 2))
    ours = log10_error_ratio(levels, noise, disturbances=disturbances)
    for i, j in np.ndindex(2, 3):
        one = log10_error_ratio(levels[i, j], noise[j], disturbances=disturbances[j])
        np.testing.assert_allclose(ours[i, j], one, rtol=1e-12)


def test_single_precision(float32):
    levels, noise = np.array([[0.0, 1.0]], np.float32), np.array([0.03, 0.04], np.float32)
    disturbances = np.outer([0.1, 0.06], [0.0, 1.0]).astype(np.float32)
    ratio = log10_error_ratio(levels, noise, disturbances=disturbances, method="saddle")
    assert ratio.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = log10_error_ratio(levels, noise, disturbances=disturbances)
    assert float(exact[0]) < -25.0
    np.testing.assert_allclose(ratio, exact, rtol=1e-3)


def test_wrong_arguments():
    pair = np.array([0.0, 1.0])
    with pytest.raises(ValueError, match=r"levels of shape \(3,\)"):
        log10_error_ratio(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"noise of shape \(4,\)"):
        log10_error_ratio(pair, np.ones(4))
    with pytest.raises(ValueError, match="noise = -0.1 mA"):
        log10_error_ratio(pair, [0.1, -0.1])
    with pytest.raises(ValueError, match="levels = nan"):
        log10_error_ratio([0.0, np.nan], [0.1, 0.1])
    with pytest.raises(ValueError, match=r"disturbances of shape \(2,\)"):
        log10_error_ratio(pair, [0.1, 0.1], disturbances=pair)
    with pytest.raises(ValueError, match=r"thresholds of shape \(2,\)"):
        log10_error_ratio(pair, [0.1, 0.1], thresholds=pair)
    with pytest.raises(ValueError, match="log10_ratio = 0"):
        required_q(0.0)
    with pytest.raises(ValueError, match="levels = 3 is not one of"):
        required_q(-9.0, 3)
    with pytest.raises(ValueError, match=r"levels of shape \(4,\)"):
        q_factor(np.arange(4.0), np.ones(4))
