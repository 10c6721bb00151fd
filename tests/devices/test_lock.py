"""Locks: what holds, where it holds, how far behind a ramp, when it swings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Heater, ThermalImpedance, TransferImpedance, WavelengthLock

RING = {"linewidth_pm": 100.0, "drift_pm_k": 72.0, "impedance": ThermalImpedance((1.5, 0.5), (4e6, 4e7)), "step": 1e6}
SLOPE = WavelengthLock(**RING, gain=0.5)
DITHER = WavelengthLock(**RING, gain=2.0, method="dither", dither=0.02, half_period=8)


ON_A_VOLTAGE = WavelengthLock(
    **RING, gain=0.005, heater=Heater.around(10.0, 2.0, 0.1, self_heating=5.0), max_command=5.0
)
#: A heater beside its ring, which starts late, and the closest parts that do not.
LATE = TransferImpedance((0.28, -0.51, 0.32, 0.84, 1.61), (2.5e5, 3.5e5, 2.4e6, 6.8e6, 1.7e7))


def ramp(rate, samples):
    return 1e-12 * rate * RING["step"] * np.arange(samples)


def test_without_a_controller_the_ring_follows_its_surroundings():
    still = WavelengthLock(**RING, gain=0.0)
    trace = still.run(np.array([0.0, 0.1, 0.2]), -3.0, 20.0)
    np.testing.assert_allclose(trace.error_pm, [-3.0, 4.2, 11.4], rtol=1e-9)
    np.testing.assert_allclose(trace.power, 20.0, rtol=1e-14)
    np.testing.assert_allclose(trace.detected, still.detected(50.0 + trace.error_pm), rtol=1e-14)


@pytest.mark.slow
def test_a_step_of_the_command_warms_the_ring_as_its_impedance_says():
    # Far from the line on the red side of a blue lock nothing is seen and the command rises by gain level a sample.
    lock = WavelengthLock(**RING, gain=1.0, side="blue")
    trace = lock.run(np.zeros(20), 1e6, 0.0)
    np.testing.assert_allclose(np.diff(trace.command), 0.5, rtol=1e-6)
    seen = np.zeros(20)
    for n, more in enumerate(np.diff(np.concatenate([[0.0], trace.command]))):
        seen[n + 1 :] += more * np.asarray(lock.impedance.step_response(1e6 * np.arange(1, 20 - n)))
    np.testing.assert_allclose(np.asarray(trace.error_pm) - 1e6, 72.0 * seen, rtol=1e-6)


@pytest.mark.parametrize("side", ["red", "blue"])
def test_a_slope_lock_comes_to_its_level(side):
    lock = WavelengthLock(**RING, gain=0.5, level=0.7, side=side)
    trace = lock.run(np.zeros(3000), 20.0 if side == "red" else -20.0, 20.0)
    assert float(trace.detected[-1]) == pytest.approx(0.7, abs=1e-9)
    assert abs(float(trace.error_pm[-1])) < 1e-6
    assert np.sign(float(lock.target_pm)) == (1.0 if side == "red" else -1.0)
    assert float(lock.detected(lock.target_pm)) == pytest.approx(0.7, rel=1e-14)


def test_a_dither_lock_comes_to_the_peak():
    trace = DITHER.run(np.zeros(12000), 40.0, 20.0)
    assert abs(float(jnp.mean(trace.error_pm[-1600:]))) < 0.05
    assert float(jnp.mean(trace.detected[-1600:])) > 0.999
    # What is left is the dither.
    assert float(trace.rms_pm(10000)) < 2.0 * float(DITHER.dither_swing_pm())


def test_an_integrator_follows_a_ramp_at_a_distance():
    for lock, rate in ((SLOPE, 1.0), (SLOPE, 300.0), (WavelengthLock(**RING, gain=0.5, side="blue"), 300.0)):
        error = lock.run(ramp(rate, 4000), 0.0, 20.0).error_pm[-1]
        assert float(error) == pytest.approx(float(lock.ramp_error_pm(rate)), rel=1e-6)
        # To first order the ramp over the loop gain.
        first = rate * 72.0 * 1e-6 / (0.5 * 144.0 * 0.01)
        assert float(error) == pytest.approx(first, rel=5e-3)
    error = jnp.mean(DITHER.run(ramp(10.0, 16000), 0.0, 20.0).error_pm[-1600:])
    assert float(error) == pytest.approx(float(DITHER.ramp_error_pm(10.0)), rel=5e-3)
    # Twice the ramp, or half the gain, is twice as far behind.
    slow = WavelengthLock(**RING, gain=0.25)
    assert float(slow.ramp_error_pm(1.0)) == pytest.approx(float(SLOPE.ramp_error_pm(2.0)), rel=1e-12)


def test_a_ramp_that_is_too_steep_loses_the_lock():
    lock = WavelengthLock(**RING, gain=1e-3)
    assert np.isfinite(float(lock.ramp_error_pm(600.0)))
    assert np.isnan(float(lock.ramp_error_pm(1100.0)))
    far = [abs(float(lock.run(ramp(rate, 60000), 0.0, 60.0).error_pm[-1])) for rate in (600.0, 1100.0)]
    assert far[0] == pytest.approx(float(lock.ramp_error_pm(600.0)), rel=1e-3)
    assert far[1] > 300.0


def test_the_limit_of_the_gain():
    one = {**RING, "impedance": ThermalImpedance(2.0, 4e6)}
    limit = float(WavelengthLock(**one, gain=0.0).gain_limit())
    assert limit * 2.0 * 72.0 * 0.01 == pytest.approx(2.0 / np.tanh(1e6 / 8e6), rel=1e-12)
    for factor, settles in ((0.98, True), (1.02, False)):
        lock = WavelengthLock(**one, gain=factor * limit)
        radius = np.max(np.abs(np.linalg.eigvals(np.asarray(lock.loop_matrix()))))
        assert (radius < 1.0) == settles
        last = np.max(np.abs(np.asarray(lock.run(np.zeros(600), 0.01, 20.0).error_pm[-20:])))
        assert (last < 1e-3) == settles
    still = WavelengthLock(**one, gain=limit).loop_matrix()
    assert np.max(np.abs(np.linalg.eigvals(np.asarray(still)))) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("step", [1e4, 1e6, 1e7])
def test_the_limit_of_the_gain_of_a_heater_that_is_late(step):
    ring = {**RING, "impedance": LATE, "step": step}
    limit = float(WavelengthLock(**ring, gain=0.0).gain_limit())
    radius = [
        np.max(np.abs(np.linalg.eigvals(np.asarray(WavelengthLock(**ring, gain=factor * limit).loop_matrix()))))
        for factor in (0.99, 1.0, 1.01)
    ]
    assert radius[0] < 1.0 - 1e-6 and radius[2] > 1.0 + 1e-6
    assert radius[1] == pytest.approx(1.0, abs=1e-9)


def test_delay_swings_a_loop_that_would_be_stable_without():
    early = ThermalImpedance((0.9, 1.64), (6.8e6, 1.7e7))
    limit = float(WavelengthLock(**{**RING, "impedance": early}, gain=0.0).gain_limit())
    late = WavelengthLock(**{**RING, "impedance": LATE}, gain=0.5 * limit)
    assert float(late.gain_limit()) < 0.2 * limit
    ends = [
        float(jnp.max(jnp.abs(WavelengthLock(**{**RING, "impedance": each}, gain=0.5 * limit).run(*at).error_pm[-50:])))
        for each, at in ((early, (np.zeros(600), 0.01, 20.0)), (LATE, (np.zeros(600), 0.01, 20.0)))
    ]
    assert ends[0] < 1e-6 and ends[1] > 1.0


def test_the_search_for_the_limit_finds_the_closed_form():
    one = {**RING, "impedance": ThermalImpedance((1.5, 0.5), (4e6, 4e7))}
    same = {**RING, "impedance": TransferImpedance((1.5, 0.5), (4e6, 4e7))}
    limits = [float(WavelengthLock(**each, gain=0.0).gain_limit()) for each in (one, same)]
    assert limits[0] == pytest.approx(limits[1], rel=1e-12)
    with pytest.raises(ValueError, match="is searched for with plain numbers"):
        jax.jit(lambda h: WavelengthLock(**{**same, "step": h}, gain=0.0).gain_limit())(1e6)


def test_a_dither_lock_that_a_ramp_pulls_off_its_line_says_so():
    assert np.isfinite(float(DITHER.ramp_error_pm(1000.0)))
    assert np.isnan(float(DITHER.ramp_error_pm(3000.0)))
    assert abs(float(DITHER.run(ramp(3000.0, 20000), 0.0, 80.0).error_pm[-1])) > 100.0


def test_an_error_of_zero_has_a_derivative():
    slope = jax.grad(lambda offset: SLOPE.run(np.zeros(4), offset, 20.0).rms_pm())(0.0)
    assert float(slope) == 0.0


def test_the_loop_matrix_is_that_of_the_loop():
    lock = WavelengthLock(**RING, gain=2.0)
    trace = lock.run(np.zeros(12), 1e-6, 20.0)
    # The first sample sees the offset; from then on the state is that of the linear loop.
    matrix = np.asarray(lock.loop_matrix())
    state = np.concatenate([np.zeros(2), [0.0]])
    push = np.concatenate([matrix[:2, 2] * -2.0 * 72.0 * 0.01 / 72.0, [-2.0 * 0.01]])
    for n in range(12):
        assert float(trace.error_pm[n]) - 1e-6 == pytest.approx(72.0 * state[:2].sum(), rel=1e-4, abs=1e-12)
        state = matrix @ state + 1e-6 * push


def test_lock_range():
    # Below the other point of half power the slope lock runs away to the blue, as it sees too little light.
    low, high = SLOPE.lock_range_pm(np.arange(-120.0, 121.0, 5.0), 4000, 20.0)
    assert low == -95.0 and high == 120.0
    # A heater that is off cannot cool: what lies further to the red than its power moves is lost.
    low, high = SLOPE.lock_range_pm(np.arange(-120.0, 121.0, 5.0), 4000, 0.5, 0.1)
    assert high == 70.0  # of 0.5 mW, 2 K/mW and 72 pm/K
    # The line is so narrow that nothing holds with such a gain.
    wild = WavelengthLock(**RING, gain=1000.0)
    assert np.all(np.isnan(wild.lock_range_pm(np.array([-1.0, 1.0]), 200, 20.0)))


def test_a_heater_on_a_voltage():
    heater = Heater.around(10.0, 2.0, 0.1, self_heating=5.0)
    lock = WavelengthLock(**RING, gain=0.005, heater=heater, max_command=5.0)
    rise = ramp(10.0, 6000)
    trace = lock.run(rise, 0.0, 2.8)
    power = heater.power_at_voltage(trace.command, 300.0 + rise)
    np.testing.assert_allclose(trace.power, power, rtol=1e-12)
    expected = lock.ramp_error_pm(10.0, trace.command[-1], 300.0 + rise[-1])
    assert float(trace.error_pm[-1]) == pytest.approx(float(expected), rel=1e-4)
    # A volt does more at a higher voltage, so the limit of the gain falls.
    assert float(lock.gain_limit(3.0)) < float(lock.gain_limit(2.0))
    # The driver's range holds.
    short = WavelengthLock(**RING, gain=0.5, heater=heater, max_command=2.9)
    assert float(jnp.max(short.run(np.zeros(200), -300.0, 2.8).command)) <= 2.9


def test_noise_moves_the_ring():
    noise = 0.01 * np.random.default_rng(0).normal(size=4000)
    noisy = SLOPE.run(np.zeros(4000), 0.0, 20.0, noise).rms_pm(1000)
    assert 0.01 < float(noisy) < 1.5
    gentle = WavelengthLock(**RING, gain=0.05).run(np.zeros(4000), 0.0, 20.0, noise).rms_pm(1000)
    assert float(gentle) < float(noisy)


def test_derivatives(assert_gradient):
    def figures(tree):
        network = ThermalImpedance(tree["r"], tree["t"])
        lock = WavelengthLock(tree["w"], tree["drift"], network, tree["k"], tree["h"], level=tree["level"])
        dither = WavelengthLock(
            tree["w"], tree["drift"], network, tree["k"], tree["h"], method="dither", dither=0.02, half_period=4
        )
        error = lock.run(ramp(10.0, 30), tree["offset"], 20.0).rms_pm()
        return jnp.stack([lock.ramp_error_pm(5.0) * 1e3, lock.gain_limit(), dither.ramp_error_pm(5.0), error])

    tree = {"w": 100.0, "drift": 72.0, "r": np.array([1.5, 0.5]), "t": np.array([4e6, 4e7]), "k": 0.5, "h": 1e6}
    assert_gradient(figures, {**tree, "level": 0.6, "offset": 5.0}, rtol=1e-6)


def test_batches_and_float32(float32):
    lock = WavelengthLock(**RING, gain=0.5)
    traces = jax.vmap(lambda offset: lock.run(np.zeros(3000), offset, 20.0))(jnp.array([-30.0, 0.0, 30.0]))
    assert traces.error_pm.shape == (3, 3000) and traces.error_pm.dtype == jnp.float32
    np.testing.assert_allclose(traces.error_pm[:, -1], 0.0, atol=1e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WavelengthLock(**{**RING, "step": 0.0}, gain=0.1), r"step = 0 ps is outside \(0, inf\)"),
        (lambda: WavelengthLock(**RING, gain=-0.1), r"gain = -0.1 is outside \[0, inf\)"),
        (lambda: WavelengthLock(**RING, gain=0.1, level=1.0), r"level = 1 is outside \(0, 1\)"),
        (lambda: WavelengthLock(**RING, gain=0.1, side="left"), "side = 'left' is not one of 'red', 'blue'"),
        (lambda: WavelengthLock(**RING, gain=0.1, method="dither"), "dither = 0 is outside"),
        (lambda: WavelengthLock(**RING, gain=0.1, max_command=0.0), "max_command = 0 is outside"),
        (lambda: WavelengthLock(**RING, gain=0.1, half_period=0), "half_period = 0 is outside"),
        (lambda: DITHER.gain_limit(), "has no gain limit in closed form"),
        (lambda: SLOPE.run(np.zeros((2, 3))), r"rise of shape \(2, 3\) is not \[N\]"),
        (lambda: SLOPE.run(np.zeros(3), noise=np.zeros(4)), r"noise of shape \(4,\)"),
        (lambda: SLOPE.run(np.array([0.0, np.nan])), "rise = nan K is outside"),
        (lambda: SLOPE.run(np.zeros(3), start=-1.0), r"start = -1 is outside \[0, inf\)"),
        (lambda: SLOPE.run(np.full(3, 300.0)), r"rise = 300 K is outside \[-200, 200\]"),
        (lambda: ON_A_VOLTAGE.run(np.zeros(3), start=10.0), r"start = 10 is outside \[0, 5\]"),
        (lambda: ON_A_VOLTAGE.gain_limit(), r"command = 0 V is outside"),
        (lambda: ON_A_VOLTAGE.ramp_error_pm(1.0), r"command = 0 V is outside"),
        (lambda: ON_A_VOLTAGE.gain_limit(2.8, 10.0), r"ambient = 10 K is outside \[100, 1000\]"),
        (lambda: SLOPE.run(np.zeros(3)).rms_pm(3), r"skip = 3 is outside \[0, 2\]"),
        (lambda: SLOPE.lock_range_pm([-1.0, 1.0], 10, 0.0, np.nan), "tolerance_pm = nan pm is outside"),
        (lambda: DITHER.lock_range_pm([-1.0, 1.0], 10, 20.0, 0.1), "swing of the dither = .* pm is outside"),
        (lambda: SLOPE.lock_range_pm([1.0, 2.0], 100), "not rising numbers on both sides of zero"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
