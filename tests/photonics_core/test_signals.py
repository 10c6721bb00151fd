"""Signals: patterns against shift registers and published sequences, drivers and filters against closed forms."""

import hashlib

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal, special

from photonics_core.signals import (
    PAM4,
    PRBS_DELAYS,
    bessel_thomson,
    bessel_thomson_response,
    drive_waveform,
    gray_decode,
    gray_encode,
    prbs,
    prbs13q,
    run_lengths,
    ssprq,
)


@pytest.mark.parametrize("order", [7, 9, 11, 13, 15, 23])
def test_a_shift_register_runs_through_all_its_states(order):
    bits = prbs(order)
    assert bits.size == 2**order - 1 and bits.sum() == 2 ** (order - 1)
    _, symbol, length = run_lengths(bits)
    assert length[symbol == 1].max() == order and length[symbol == 0].max() == order - 1
    # Half of the runs have the length one, a quarter two, and so on.
    assert [np.sum(length == k) for k in range(1, order - 1)] == [2 ** (order - 1 - k) for k in range(1, order - 1)]
    np.testing.assert_array_equal(prbs(order, bits.size + 100)[-100:], bits[:100])


@pytest.mark.parametrize("order", PRBS_DELAYS)
def test_bits_are_those_of_a_register_that_shifts_one_by_one(order):
    seed, bits = 0x5A5A5A5A5 % (2**order - 1) + 1, []
    state = seed
    for _ in range(500):
        new = 0
        for delay in PRBS_DELAYS[order]:
            new ^= (state >> (delay - 1)) & 1
        state = ((state << 1) | new) & (2**order - 1)
        bits.append(new)
    np.testing.assert_array_equal(prbs(order, 500, seed), bits)


def test_the_symbols_of_prbs13q_are_the_published_ones():
    symbols = prbs13q()
    assert np.bincount(symbols).tolist() == [2047, 2048, 2048, 2048]
    # From IEEE's own program for the channel operating margin, as public code has it: the hash of 4095 symbols.
    digits = "".join(map(str, symbols)) * 2
    start = digits.index("21110003102131230333200310232202")
    expected = "7b18e164d4d8b13c80c5db3955f86dbb1b097a24ffc937585d755f9b7b2ad81f"
    assert hashlib.sha256(digits[start : start + 4095].encode()).hexdigest() == expected
    assert "".join(map(str, prbs13q(seed=5))) in digits


def test_the_symbols_of_ssprq_are_the_published_ones():
    # Hash of the file that IEEE publishes, as public code has it.
    expected = "f17f5effb8e68863e5355258186456e1c3b3c48b5519c1a0c46dac855fae3582"
    assert hashlib.sha256(ssprq().tobytes()).hexdigest() == expected


def test_neighbours_in_a_gray_code_differ_by_one_bit():
    assert gray_encode([0, 0, 0, 1, 1, 1, 1, 0]).tolist() == [0, 1, 2, 3]
    pairs = gray_decode([0, 1, 2, 3]).reshape(4, 2)
    assert np.all(np.sum(pairs[1:] != pairs[:-1], axis=1) == 1)
    bits = prbs(9, 1022)
    np.testing.assert_array_equal(gray_decode(gray_encode(bits)), bits)


def test_runs_go_round_the_end_of_a_pattern():
    begin, symbol, length = run_lengths([1, 1, 0, 2, 2, 1])
    assert (begin.tolist(), symbol.tolist(), length.tolist()) == ([2, 3, 5], [0, 2, 1], [1, 2, 3])
    assert run_lengths([3, 3])[2].tolist() == [2]


STEP = [0] * 10 + [1] * 10


def test_an_edge_has_its_rise_time_its_swing_and_its_bias():
    wave, step = drive_waveform(STEP, 50.0, 400, rise_time=8.0, swing=3.0, bias=-1.0)
    t = np.arange(wave.size) * float(step)
    assert float(step) == pytest.approx(20.0 / 400)
    np.testing.assert_allclose([wave.min(), wave.max()], [-2.5, 0.5], atol=1e-12)
    middle = slice(3000, 5000)
    low, high = np.interp([-1.9, -0.1], wave[middle], t[middle])
    assert high - low == pytest.approx(8.0, abs=1e-4) and 0.5 * (low + high) == pytest.approx(200.0, abs=1e-9)


def test_any_number_of_samples_samples_one_function_of_time():
    options = {"rise_time": 9.0, "levels": PAM4, "random_jitter": 0.5, "sinusoidal_jitter": 0.4, "jitter_cycles": 3}
    symbols = gray_encode(prbs(7, 254))
    coarse, step = drive_waveform(symbols, 53.125, 7.3, **options)
    fine, finer = drive_waveform(symbols, 53.125, 7.3 * 3, **options)
    assert coarse.shape == (927,) and fine.shape == (3 * 927,) and float(step) == pytest.approx(3 * float(finer))
    np.testing.assert_allclose(coarse, fine[::3], atol=1e-13)


def test_one_pole_gives_the_edge_of_its_closed_form():
    wave, step = drive_waveform(STEP, 25.0, 40, rise_time=10.0, bandwidth=0.02)
    sigma, rate = 10.0 / (2 * special.ndtri(0.8)), 2 * np.pi * 0.02
    t = np.arange(wave.size) * float(step)

    def edge(x):
        # A Gaussian step behind an exponential.
        scaled = x / sigma
        return special.ndtr(scaled) - np.exp(
            0.5 * (sigma * rate) ** 2 - rate * x + special.log_ndtr(scaled - sigma * rate)
        )

    closed = edge(t - 400.0) - edge(t) - edge(t - 800.0) + edge(t + 400.0) - 0.5
    np.testing.assert_allclose(wave, closed, atol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_bandwidth_is_that_of_equal_poles(order):
    symbols = prbs(7)
    bare, step = drive_waveform(symbols, 127.0, 8, rise_time=4.0)
    limited, _ = drive_waveform(symbols, 127.0, 8, rise_time=4.0, bandwidth=0.03, order=order)
    ratio = np.fft.rfft(limited)[:80] / np.fft.rfft(bare)[:80]
    assert np.fft.rfftfreq(bare.size, float(step))[30] == pytest.approx(0.03)
    assert abs(ratio[30]) == pytest.approx(np.sqrt(0.5), rel=1e-9)
    assert ratio[0] == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(np.angle(ratio[30]), -order * np.arctan(np.sqrt(2 ** (1 / order) - 1)), rtol=1e-9)


def test_pre_emphasis_weighs_symbols_and_levels_may_be_bent():
    symbols = np.array([0, 0, 0, 3, 3, 3, 1, 1])
    levels, taps = np.array([0.0, 0.3, 0.7, 1.0]), np.array([-0.1, 0.8, -0.15])
    wave, _ = drive_waveform(
        symbols, 50.0, 20, rise_time=4.0, levels=levels, taps=taps, main_tap=1, swing=2.0, bias=0.1
    )
    values = 2.0 * (levels[symbols] - 0.5)
    expected = 0.1 - 0.1 * np.roll(values, -1) + 0.8 * values - 0.15 * np.roll(values, 1)
    np.testing.assert_allclose(wave.reshape(8, 20)[:, 10], expected, atol=1e-4)


def _crossings(wave, step):
    j = np.flatnonzero((wave < 0) != (np.roll(wave, -1) < 0))
    after = np.roll(wave, -1)[j]
    return (j - wave[j] / (after - wave[j])) * step


def test_jitter_moves_edges_as_it_says():
    symbols = np.arange(512) % 2
    for options in ({"random_jitter": 0.7, "seed": 3}, {"sinusoidal_jitter": 0.7, "jitter_cycles": 5}):
        wave, step = drive_waveform(symbols, 50.0, 64, rise_time=4.0, **options)
        times = _crossings(np.asarray(wave), float(step))
        late = (times + 10.0) % 20.0 - 10.0
        unit = (
            np.random.default_rng(3).standard_normal(512)
            if "seed" in options
            else np.sin(np.pi * np.arange(512) * 10 / 512)
        )
        np.testing.assert_allclose(np.sort(late), np.sort(0.7 * unit), atol=2e-3)


def test_whole_numbers_of_numpy_will_do():
    for kind in (np.int32, np.uint8, np.int64):
        np.testing.assert_array_equal(prbs(kind(7), kind(20), kind(3)), prbs(7, 20, 3))
    plain = drive_waveform([0, 1, 1], 50.0, 4, rise_time=5.0)[0]
    np.testing.assert_array_equal(drive_waveform([0, 1, 1], 50.0, np.int64(4), rise_time=5.0)[0], plain)


def test_derivatives_of_a_drive(assert_gradient):
    symbols = gray_encode(prbs(7, 254))[:20]

    def few(leaves):
        wave, step = drive_waveform(symbols, leaves.pop("rate"), 6.3, order=2, main_tap=1, **leaves)
        return jnp.append(wave[::25], step)

    numbers = {"swing": 1.7, "bias": 0.3, "rise_time": 7.0, "bandwidth": 0.04, "random_jitter": 0.3, "rate": 50.0}
    numbers |= {"taps": np.array([-0.1, 0.9, -0.05]), "levels": np.array([0.0, 0.3, 0.7, 1.0])}
    assert_gradient(few, numbers | {"sinusoidal_jitter": 0.2}, rtol=1e-6)


@pytest.mark.slow
def test_single_precision_keeps_its_digits(float32):
    symbols = prbs13q()
    wave, step = drive_waveform(symbols, 53.125, 7.3, rise_time=8.0, levels=PAM4, bandwidth=0.03)
    assert wave.dtype == jnp.float32
    import jax

    with jax.enable_x64(True):
        exact, _ = drive_waveform(symbols, 53.125, 7.3, rise_time=8.0, levels=PAM4, bandwidth=0.03)
        smooth = bessel_thomson(exact, float(step), 0.0265)
    np.testing.assert_allclose(wave, exact, atol=3e-6)
    np.testing.assert_allclose(bessel_thomson(wave, step, 0.0265), smooth, atol=3e-6)


def test_the_reference_filter_is_the_bessel_filter_of_scipy():
    f = np.linspace(0.0, 0.2, 401)
    b, a = signal.bessel(4, 2 * np.pi * 0.0265, analog=True, norm="mag")
    _, expected = signal.freqs(b, a, 2 * np.pi * f)
    np.testing.assert_allclose(np.conj(bessel_thomson_response(f, 0.0265)), expected, rtol=1e-9)


@pytest.mark.parametrize("count", [64, 65])
def test_the_filter_acts_on_each_frequency_and_keeps_the_mean(count):
    t, step, bandwidth = np.arange(count) * 0.5, 0.5, 0.1
    f = 3 / (count * step)
    gain = complex(bessel_thomson_response(f, bandwidth))
    out = bessel_thomson(np.stack([2.0 + np.cos(2 * np.pi * f * t), np.full(count, 3.0)]), step, bandwidth)
    np.testing.assert_allclose(out[0], 2.0 + np.real(gain * np.exp(-2j * np.pi * f * t)), atol=1e-13)
    np.testing.assert_allclose(out[1], 3.0, rtol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: prbs(8), "order = 8 is not one of 7, 9"),
        (lambda: prbs(31), r"length = 2.14748e\+09 is outside \[1, "),
        (lambda: prbs(7, seed=0), r"seed = 0 is outside \[1, 127\]"),
        (lambda: prbs(7, 1.5), "length = 1.5 is not of the kind int"),
        (lambda: prbs(7.0), "order = 7.0 is not of the kind int"),
        (lambda: prbs("7"), "order = '7' is not of the kind int"),
        (lambda: gray_encode([0, 1, 1]), r"bits of shape \(3,\) is not \[N\] with an even number"),
        (lambda: gray_decode([0, 4]), r"symbols = 4 is outside \[0, 3\]"),
        (lambda: drive_waveform([0, 2], 50.0, 8, rise_time=5.0), r"symbols = 2 is outside \[0, 1\]"),
        (lambda: drive_waveform([0, 0.5], 50.0, 8, rise_time=5.0), "symbols = 0.5 is not a whole number"),
        (lambda: drive_waveform([0, 1], 50.0, 0, rise_time=5.0), "samples_per_symbol = 0 is outside"),
        (
            lambda: drive_waveform([0, 1], 53e9, 8, rise_time=6.0),
            r"symbol_rate_gbd = 5.3e\+10 GBd is outside \[0, 10000\]",
        ),
        (
            lambda: drive_waveform([0, 1], 50.0, np.array([8.0, 8.0]), rise_time=5.0),
            r"samples_per_symbol = array\(\[8., 8.\]\) is not one number",
        ),
        (
            lambda: drive_waveform([0, 1], 50.0, 8, rise_time=5.0, bandwidth=40.0),
            r"bandwidth = 40 THz is outside \[0, 2\]",
        ),
        (lambda: drive_waveform([0, 1], 50.0, 8, rise_time=21.0), r"rise_time = 21 ps is outside \[0, 20\]"),
        (lambda: drive_waveform([0, 1], 50.0, 8, rise_time=5.0, bandwidth=-1.0), "bandwidth = -1 THz is outside"),
        (lambda: drive_waveform([0, 1], 50.0, 8, rise_time=5.0, bandwidth=1.0, order=0), "order = 0 is outside"),
        (lambda: drive_waveform([0, 1], 50.0, 8, rise_time=5.0, main_tap=1), r"main_tap = 1 is outside \[0, 0\]"),
        (lambda: bessel_thomson([1.0, np.nan], 1.0, 1.0), "waveform = nan is outside the finite numbers"),
        (lambda: bessel_thomson([1.0, 2.0], 1.0, 0.0), "bandwidth = 0 THz is outside"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
