"""Eyes: folding, levels and errors by hand, TDECQ against an independent sum; its limits are cases of `validation`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal, stats

from photonics_core.closure import IDEAL_Q, TARGET_RATIO, _check_polarity, tdecq
from photonics_core.eye import (
    extinction_ratio_db,
    eye_density,
    fold,
    level_means,
    level_mismatch,
    outer_amplitude,
    receiver_variance,
    symbol_error_ratio,
    transmitter_penalty_db,
)
from photonics_core.signals import PAM4, bessel_thomson, drive_waveform, gray_encode, prbs, prbs13q

SYMBOLS = gray_encode(prbs(9, 1022))
LEVELS = np.array(PAM4)


def rectangular(values, samples=8):
    return np.repeat(np.asarray(values, float), samples)


def driven(samples=8.0, **options):
    return drive_waveform(SYMBOLS, 53.125, samples, bias=1.0, **({"rise_time": 8.0, "levels": PAM4} | options))[0]


def test_noise_of_a_photodiode_and_its_amplifier():
    # 1 mA through 1 THz: 2 q I B = 3.204e-10 A^2; 10 pA/sqrt(Hz): 1e-10 A^2; -140 dB/Hz: 1e-8 A^2.
    assert float(receiver_variance(1.25, 0.8, 1.0)) == pytest.approx(3.204353268e-4, rel=1e-12)
    assert float(receiver_variance(0.0, 0.8, 1.0, density_pa=10.0)) == pytest.approx(1e-4, rel=1e-12)
    relative = receiver_variance(np.array([1.25, 2.5]), 0.8, 0.5, rin_db_hz=-140.0) - receiver_variance(
        [1.25, 2.5], 0.8, 0.5
    )
    np.testing.assert_allclose(relative, [0.5e-2, 2e-2], rtol=1e-10)


@pytest.mark.parametrize("samples", [4.0, 7.3, 7.5, 16.0])
def test_folding_does_not_care_for_the_number_of_samples_nor_for_a_delay(samples):
    rows = fold(bessel_thomson(driven(samples), 511 * 1e3 / 53.125 / round(511 * samples), 0.0265), SYMBOLS)
    finest = fold(bessel_thomson(driven(20), 1e3 / 53.125 / 20, 0.0265), SYMBOLS)
    np.testing.assert_allclose(rows, finest, atol=2e-4 if samples == 4.0 else 1e-8)
    if samples == 16.0:
        turned = fold(np.roll(driven(20), 4 * 20), SYMBOLS)
        np.testing.assert_allclose(turned, fold(driven(20), SYMBOLS), atol=1e-12)


def test_cubics_do_not_ring_and_are_exact_between_steps():
    rows = fold(rectangular(LEVELS[SYMBOLS], 16), SYMBOLS, band_limited=False)
    np.testing.assert_allclose(rows[:, 15:85], np.tile(LEVELS[SYMBOLS][:, None], 70), atol=1e-13)
    t = np.arange(500) / 500
    smooth = fold(np.sin(2 * np.pi * t), np.r_[np.ones(50, int), np.zeros(50, int)], 20, band_limited=False)
    np.testing.assert_allclose(smooth.ravel(), np.sin(2 * np.pi * np.arange(2000) / 2000), atol=1e-7)


def test_levels_amplitude_and_ratios():
    symbols, powers = prbs13q(), np.array([0.2, 0.5, 0.9, 1.4])
    rows = fold(rectangular(powers[symbols]), symbols, band_limited=False)
    levels = level_means(rows[:, 50], symbols)
    np.testing.assert_allclose(levels, powers, rtol=1e-12)
    assert float(outer_amplitude(rows, symbols)) == pytest.approx(1.2, rel=1e-12)
    assert float(extinction_ratio_db(levels)) == pytest.approx(10 * np.log10(7.0))
    assert float(transmitter_penalty_db(1.2, 3.0)) == pytest.approx(10 * np.log10(5.0))
    assert float(level_mismatch(levels)) == pytest.approx(3 * (0.9 - 0.8) / 0.6)
    assert float(level_mismatch(PAM4)) == pytest.approx(1.0)


def test_levels_that_are_equal_or_dark_have_their_limits():
    value, slope = jax.value_and_grad(level_mismatch)(jnp.full(4, 0.7))
    assert float(value) == 0.0 and np.all(np.isfinite(slope))
    assert float(level_mismatch([0.0, 0.0, 1.0, 1.0])) == -1.0
    assert np.isinf(extinction_ratio_db([0, 1]))


def test_the_outer_amplitude_is_measured_within_long_runs():
    symbols = np.array([3] * 7 + [0] * 6 + [1, 2, 3, 0, 2, 1])
    values = rectangular(LEVELS[symbols], 100).reshape(-1, 100)
    values[2:4] += 0.01  # symbols of the run of threes before its middle two periods, 2.5 to 4.5
    assert float(outer_amplitude(values, symbols)) == pytest.approx(1.0 + 0.01 * 0.75, abs=1e-12)
    values[[0, 1, 5, 6, 7, 8, 11, 12, 15, 16]] = 77.0
    assert float(outer_amplitude(values, symbols)) == pytest.approx(1.0 + 0.01 * 0.75, abs=1e-12)


def test_errors_are_those_of_gaussian_tails():
    for symbols, levels in ((prbs(9), np.array([0.3, 1.3])), (SYMBOLS, LEVELS)):
        samples, sigma = levels[symbols], 0.05 if levels.size == 4 else 0.14
        expected = 2 * (1 - 1 / levels.size) * stats.norm.sf(np.diff(levels)[0] / 2 / sigma)
        shares = np.bincount(symbols) / symbols.size
        expected *= (2 * shares.sum() - shares[0] - shares[-1]) / (2 - 2 / levels.size)
        assert float(symbol_error_ratio(samples, symbols, sigma)) == pytest.approx(expected, rel=1e-9)
    # Interference: each sample has its own distance. A standard deviation for each symbol sent.
    samples = LEVELS[SYMBOLS] + 0.1 * LEVELS[np.roll(SYMBOLS, 1)]
    thresholds, sigma = [0.2, 0.55, 0.9], 0.04 + 0.02 * LEVELS[SYMBOLS]
    bounds = np.concatenate([[-np.inf], thresholds, [np.inf]])
    wrong = stats.norm.sf((samples - bounds[SYMBOLS]) / sigma) + stats.norm.sf((bounds[SYMBOLS + 1] - samples) / sigma)
    assert float(symbol_error_ratio(samples, SYMBOLS, sigma, thresholds)) == pytest.approx(wrong.mean(), rel=1e-9)


def test_the_density_of_an_eye_integrates_to_one():
    time, level, density = eye_density(driven(7.3), SYMBOLS, points=40, bins=60, noise=0.03)
    assert density.shape == (60, 80) and time[0] == -0.5 and time[20] == 0.0
    np.testing.assert_allclose(density.sum(axis=0) * (level[1] - level[0]), 1.0, rtol=1e-12)
    middle = density[:, np.argmin(abs(time - 0.5))]
    peaks = level[1:-1][(middle[1:-1] > middle[2:]) & (middle[1:-1] > middle[:-2])]
    np.testing.assert_allclose(peaks, [0.5, 0.8333, 1.1667, 1.5], atol=0.05)


# --- TDECQ ----------------------------------------------------------------------------------------


def errors_of(result, waveform, noise):
    """Both histograms' errors over their target, by NumPy and SciPy from the equaliser that `tdecq` found."""
    rows = np.asarray(fold(bessel_thomson(waveform, SYMBOLS.size / waveform.size, 0.5), SYMBOLS))
    taps, f = np.asarray(result.taps), np.linspace(0, 20, 20_001)
    b, a = signal.bessel(4, np.pi, analog=True, norm="mag")  # pyright: ignore[reportAssignmentType]
    density = abs(signal.freqs(b, a, 2 * np.pi * f)[1]) ** 2
    passed = abs(np.exp(2j * np.pi * np.outer(f, np.arange(5))) @ taps) ** 2
    gain = np.sqrt(np.trapezoid(density * passed, f) / np.trapezoid(density, f))
    bounds = float(result.average) + float(result.oma_outer) * np.array([-np.inf, -1 / 3, 0, 1 / 3, np.inf])
    ratios = []
    for middle in (-0.05, 0.05):
        wrong = []
        for place in (-0.02, 0.0, 0.02):
            point = round(100 * (float(result.centre) + middle + place))
            column = rows.ravel()[(np.arange(SYMBOLS.size) * 100 + point) % rows.size]
            out = sum(tap * np.roll(column, int(result.main_tap) - i) for i, tap in enumerate(taps))
            sides = (out - bounds[SYMBOLS], bounds[SYMBOLS + 1] - out)
            wrong.append(np.mean(sum(stats.norm.sf(side / (gain * noise)) for side in sides)))
        ratios.append(np.dot([1 / 6, 4 / 6, 1 / 6], wrong) / TARGET_RATIO)
    return np.array(ratios), gain


@pytest.mark.slow
def test_at_the_noise_found_the_worse_histogram_has_the_target():
    waveform = driven(bandwidth=0.022, order=2)
    result = tdecq(waveform, SYMBOLS)
    ratios, gain = errors_of(result, waveform, float(result.noise))
    assert ratios.max() == pytest.approx(1.0, rel=1e-6)
    assert float(result.enhancement) == pytest.approx(gain, rel=1e-5) and gain > 1.0
    assert float(jnp.sum(result.taps)) == pytest.approx(1.0, abs=1e-12)
    ideal = float(result.oma_outer) / (6 * IDEAL_Q)
    assert float(result.tdecq_db) == pytest.approx(10 * np.log10(ideal / float(result.noise)), rel=1e-12)
    # No other taps have fewer errors in the mean of both.
    random, at_best = np.random.default_rng(1), ratios.mean()
    for size in (0.02, 0.005, 0.001):
        for _ in range(5):
            move = random.normal(size=5) * size
            other = result._replace(taps=result.taps + (move - move.mean()))
            assert errors_of(other, waveform, float(result.noise))[0].mean() > at_best


@pytest.mark.slow
def test_interference_a_small_bandwidth_and_bent_levels_cost():
    slow = [float(tdecq(driven(bandwidth=b, order=2), SYMBOLS).tdecq_db) for b in (0.05, 0.03, 0.02, 0.015)]
    assert slow[0] > 0.3 and np.all(np.diff(slow) > 0.0)
    bent = tdecq(driven(levels=np.array([0.0, 0.29, 0.64, 1.0]), bandwidth=0.05, order=2), SYMBOLS)
    assert float(bent.tdecq_db) > slow[0] + 0.1
    assert np.isinf(tdecq(driven(bandwidth=0.004, order=4), SYMBOLS).tdecq_db)


@pytest.mark.slow
def test_a_closed_eye_is_infinite_and_has_no_derivative():
    def penalty(bandwidth, instrument):
        return tdecq(driven(bandwidth=bandwidth, order=4), SYMBOLS, instrument_noise=instrument).tdecq_db

    value, slopes = jax.value_and_grad(penalty, argnums=(0, 1))(0.004, 0.0)
    assert np.isinf(value) and value > 0.0
    assert slopes == (0.0, 0.0)


@pytest.mark.slow
def test_inverted_polarity_is_named():
    waveform = driven(bandwidth=0.022, order=2)
    message = "waveform does not rise with symbols: .* for a signal of inverted polarity pass 3 - symbols"
    for delay in (0, 100, 1001):
        with pytest.raises(ValueError, match=message):
            tdecq(np.roll(2.0 - np.asarray(waveform), delay), SYMBOLS)
    upright = tdecq(np.roll(2.0 - np.asarray(waveform), 100), 3 - SYMBOLS)
    assert float(upright.oma_outer) > 0.0 and np.isfinite(upright.tdecq_db)
    with pytest.raises(ValueError, match=message):
        tdecq(np.ones(48), FEW)
    # A pattern that is its own inverse but for a delay; here all that counts is that it is let pass.
    _check_polarity(np.repeat([1.0, 0.7, 0.4, 0.1, 0.1, 0.4, 0.7, 1.0], 8), np.array([0, 1, 2, 3, 3, 2, 1, 0]))


@pytest.mark.slow
def test_scale_average_delay_and_noise_of_instruments():
    waveform = driven(bandwidth=0.022, order=2)
    plain = tdecq(waveform, SYMBOLS)
    for other in (3.0 * waveform + 5.0, jnp.roll(waveform, 8 * 37)):
        assert float(tdecq(other, SYMBOLS).tdecq_db) == pytest.approx(float(plain.tdecq_db), abs=1e-9)
    scope = tdecq(waveform, SYMBOLS, instrument_noise=0.75 * plain.noise)
    assert float(plain.tdecq_db - scope.tdecq_db) == pytest.approx(10 * np.log10(1.25), abs=1e-9)
    levels = tdecq(waveform, SYMBOLS, noise=np.full(4, 0.01))
    assert float(levels.noise) == pytest.approx(float(tdecq(waveform, SYMBOLS, noise=0.01).noise), rel=1e-12)
    assert float(levels.noise) == pytest.approx(float(jnp.sqrt(plain.noise**2 - 0.01**2)), rel=1e-3)


@pytest.mark.slow
def test_derivatives_of_tdecq(assert_gradient):
    def penalty(leaves):
        options = {"rise_time": leaves["rise"], "bandwidth": leaves["bandwidth"], "order": 2, "swing": leaves["swing"]}
        power = 1.0 + driven(8, **options, taps=jnp.stack([leaves["tap"], 1.0 - leaves["tap"]]), main_tap=1)
        result = tdecq(power + 0.05 * power**2, SYMBOLS, noise=leaves["noise"])
        return jnp.stack([result.tdecq_db, result.oma_outer, result.noise])

    numbers = {"rise": 8.0, "bandwidth": 0.022, "swing": 0.7, "tap": -0.05, "noise": 0.01}
    assert_gradient(penalty, numbers, rtol=1e-5)


@pytest.mark.slow
def test_single_precision(float32):
    result = tdecq(driven(bandwidth=0.022, order=2), SYMBOLS)
    assert result.tdecq_db.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = tdecq(driven(bandwidth=0.022, order=2), SYMBOLS)
    assert float(result.tdecq_db) == pytest.approx(float(exact.tdecq_db), abs=1e-3)


FEW = np.array([0, 1, 2, 3, 3, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: receiver_variance(-1.0, 0.8, 1.0), r"power = -1 mW is outside \[0, inf\)"),
        (
            lambda: fold(np.ones(11), FEW),
            r"waveform of shape \(11,\) and type float64 is not \[K\] real numbers, K >= 12",
        ),
        (lambda: tdecq(np.full(48, np.nan), FEW), "waveform = nan is outside the finite numbers"),
        (lambda: tdecq(np.ones(48), np.array([0, 1, 2, 0])), r"symbols = \[0, 1, 2\] are not all of 0 to 3"),
        (lambda: tdecq(np.ones(48), np.array([0, 1, 2, 4])), r"symbols = 4 is outside \[0, 3\]"),
        (lambda: tdecq(np.ones(48), FEW, bandwidth=0.0), r"bandwidth = 0 is outside \(0, inf\)"),
        (lambda: tdecq(np.ones(48), FEW, noise=-0.1), "noise = -0.1 mW is outside"),
        (lambda: level_means(np.ones(2), np.array([0, 2])), "symbols has no 1 among 0 to 2"),
        (lambda: extinction_ratio_db([-0.1, 1.0]), r"levels = -0.1 mW is outside \[0, inf\)"),
        (lambda: level_mismatch([0.0, 1.0]), "number of levels = 2 is not one of 4"),
        (lambda: symbol_error_ratio(np.ones(6), FEW, 0.0), r"noise = 0 is outside \(0, inf\)"),
        (lambda: symbol_error_ratio(np.ones(6), FEW, 0.1, [0.5]), r"thresholds of shape \(1,\) is not \[3\]"),
        (lambda: transmitter_penalty_db(1.0, 0.0), "input_power = 0 mW is outside"),
        (lambda: eye_density(np.ones(12), FEW, bins=1), "bins = 1 is outside"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
