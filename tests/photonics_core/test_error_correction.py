"""Reed-Solomon codes: binomial tails of SciPy, draws of errors, figures of the standards, limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from photonics_core.error_correction import KP4, KR4, ReedSolomon

RATIOS = np.array([-1.5, -3.0, -3.6, -4.5, -6.0])


@pytest.mark.parametrize("code", [KP4, KR4, ReedSolomon(255, 239, 8)])
def test_lost_codewords_are_a_binomial_tail(code):
    symbol = -np.expm1(code.symbol_bits * np.log1p(-(10.0**RATIOS)))
    np.testing.assert_allclose(code.log10_symbol_error_ratio(RATIOS), np.log10(symbol), rtol=1e-13)
    expected = stats.binom.logsf(code.correctable, code.codeword, symbol) / np.log(10.0)
    np.testing.assert_allclose(code.log10_codeword_error_ratio(RATIOS), expected, rtol=1e-9, atol=1e-12)


def test_parameters_of_the_standards():
    assert (KP4.correctable, KR4.correctable) == (15, 7)
    assert KP4.overhead == pytest.approx(30 / 514) and KR4.overhead == pytest.approx(14 / 514)
    # 5440 bits at 106.25 Gb/s take 51.2 ns.
    assert KP4.latency(106.25) == pytest.approx(51.2e3)
    assert KR4.latency(100.0, 50e3) == pytest.approx(52.8e3 + 50e3)
    # 100 Gb/s of the MAC are 100 x 257 / 256 behind the transcoder, and 106.25 Gb/s on the line of KP4.
    assert KP4.line_rate_gbps(100.0 * 257 / 256) == pytest.approx(106.25)


def test_errors_behind_the_decoder_against_draws():
    """A short code of so many errors that they can be counted, symbol by symbol and bit by bit."""
    code, bit, random = ReedSolomon(15, 11, 4), 0.02, np.random.default_rng(0)
    wrong = random.random((200_000, 15, 4)) < bit
    lost = np.sum(np.any(wrong, axis=2), axis=1) > code.correctable
    left = np.sum(wrong[lost])
    expected = lost.size * 60 * 10.0 ** float(code.log10_corrected_ratio(np.log10(bit)))
    # Bits of a lost word come together: its errors, about five, count as one draw.
    assert np.sum(lost) > 5000
    assert abs(left - expected) < 4.0 * np.sqrt(5.0 * left)
    share = lost.size * 10.0 ** float(code.log10_codeword_error_ratio(np.log10(bit)))
    assert abs(np.sum(lost) - share) < 4.0 * np.sqrt(share)


def test_few_errors_follow_the_power_of_what_cannot_be_corrected():
    """P falls with b to the power t + 1, far below the smallest float."""
    for code in (KP4, KR4):
        steep = np.diff(np.asarray(code.log10_codeword_error_ratio([-20.0, -21.0])))[0]
        assert steep == pytest.approx(-(code.correctable + 1), rel=1e-9)
        ratio = np.asarray(code.log10_corrected_ratio(RATIOS))
        assert np.all(np.diff(ratio) < 0.0) and np.all(ratio < RATIOS + 1e-9)
    assert np.all(np.asarray(KP4.log10_codeword_error_ratio(RATIOS)) <= KR4.log10_codeword_error_ratio(RATIOS) + 1e-9)


@pytest.mark.slow
def test_thresholds_leave_their_targets():
    for of, after in (
        ("bit", KP4.log10_corrected_ratio),
        ("codeword", KP4.log10_codeword_error_ratio),
        ("frame", KP4.log10_frame_loss_ratio),
    ):
        assert float(after(KP4.threshold(-13.0, of))) == pytest.approx(-13.0, abs=1e-9)
    assert float(KR4.threshold(-13.0)) < float(KP4.threshold(-13.0))
    slope = jax.grad(KP4.threshold)(-13.0)
    difference = (float(KP4.threshold(-12.999)) - float(KP4.threshold(-13.001))) / 0.002
    assert float(slope) == pytest.approx(difference, rel=1e-5)


def test_gradients(assert_gradient):
    for each in (KR4.log10_codeword_error_ratio, KR4.log10_corrected_ratio):
        assert_gradient(each, jnp.asarray([-1.0, -3.0, -4.5, -9.0]))


@pytest.mark.slow
def test_single_precision(float32):
    with jax.enable_x64(True):
        exact = np.asarray(KP4.log10_corrected_ratio(RATIOS))
    ours = KP4.log10_corrected_ratio(RATIOS.astype(np.float32))
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, exact, rtol=1e-5, atol=1e-4)
    assert np.isfinite(float(KP4.log10_codeword_error_ratio(-45.0)))


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"codeword = 2000 symbols is outside \[3, 1023\]"):
        ReedSolomon(2000, 514)
    with pytest.raises(ValueError, match="data = 513 symbols leaves an odd number of 544"):
        ReedSolomon(544, 513)
    with pytest.raises(ValueError, match="data = 514.0 is not a whole number"):
        ReedSolomon(544, 514.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="log10_ratio = 0"):
        KP4.log10_codeword_error_ratio(0.0)
    with pytest.raises(ValueError, match="of = 'word' is not one of"):
        KP4.threshold(-12.0, "word")
    with pytest.raises(ValueError, match="line_rate_gbps = 0"):
        KP4.latency(0.0)


@pytest.mark.parametrize("ratio", [-0.3, -0.1, -0.01, -1e-5])
def test_hopeless_lines_stay_hopeless(ratio):
    """Every codeword is lost with all of its errors, where all symbols are wrong but for rounding too."""
    value, slope = jax.value_and_grad(KP4.log10_corrected_ratio)(ratio)
    assert float(value) == pytest.approx(ratio, abs=1e-9) and float(slope) == pytest.approx(1.0, rel=1e-6)
    assert float(KP4.log10_codeword_error_ratio(ratio)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("target", [-500.0, 0.5, np.nan])
def test_targets_out_of_reach_are_named(target):
    with pytest.raises(ValueError, match=f"log10_target = {target:g} is outside"):
        KP4.threshold(target)


def test_thresholds_take_one_target():
    with pytest.raises(ValueError, match="log10_target of shape"):
        KP4.threshold([-12.0, -13.0])
