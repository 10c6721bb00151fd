"""A resonance in frequency and in time: one model of both."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from photonics_core import AddDropRing, AllPassRing, LinearIndex, PointCoupler, Resonator

# A ring of 5 um after B. Choi et al., Opt. Express 23, 8762 (2015), as a public notebook of a simulator has it: field
# 0.976 passed by the coupler, 0.969 left by a round trip, group index 3.8. Time constants 16.8 and 13.0 ps.
TRIP = 3.8 * 10.0 * math.pi / 299.8
CHOI = Resonator(2.0 * TRIP / (1.0 - 0.976**2), 2.0 * TRIP / (1.0 - 0.969**2))
LOSS_RATE = 0.5 * (1.0 - 0.969**2) / TRIP
INDEX = LinearIndex(2.44, 4.18, wl0=1.55, loss_db_cm=3.0)


def test_a_published_ring_has_its_published_figures():
    assert float(2 * CHOI.photon_lifetime) == pytest.approx(7.34, abs=0.005)
    assert 1e3 * float(1 / (math.pi * 4 * CHOI.photon_lifetime)) == pytest.approx(21.7, abs=0.05)
    laser, resonance = 299.8 / 1.3097, 299.8 / 1.31
    assert 1e3 * (laser - resonance) == pytest.approx(52.4, abs=0.05)
    assert abs(CHOI.through(laser - resonance)) == pytest.approx(0.925, abs=5e-4)
    # At a bias of -2 V and 2 GHz/V; on that notebook's ten frequencies, relative to the first of them, 1 GHz.
    detuning, f = laser - resonance - 0.004, jnp.linspace(0.001, 0.08, 10)
    assert abs(CHOI.through(detuning)) == pytest.approx(0.9142, abs=5e-4)
    optical, both = (CHOI.electro_optic_response_db(f, detuning, pole=pole) for pole in (math.inf, 0.0159155))
    assert 1e3 * float(f[jnp.argmax(optical)]) == pytest.approx(53.7, abs=0.05)
    assert float(jnp.max(optical) - optical[0]) == pytest.approx(9.3, abs=0.05)
    assert float(both[5] - both[0]) == pytest.approx(-0.56, abs=0.01)


@pytest.mark.parametrize("detuning", [0.0, 0.03, -0.08])
def test_what_is_lost_is_dissipated(detuning):
    resonator = Resonator(16.8, 13.0, 40.0)
    stored = abs(resonator.amplitude(detuning)) ** 2
    kept = resonator.transmission(detuning) + abs(resonator.drop(detuning)) ** 2
    np.testing.assert_allclose(kept, 1.0 - 2.0 / 13.0 * stored, rtol=1e-14)


def test_the_steady_state_in_time_is_that_in_frequency():
    random = np.random.default_rng(3)
    count = 400

    @jax.jit
    def settled(times, detuning):
        # From nothing, for some forty times the longest decay time of these.
        resonator = Resonator(*times)
        out, _ = resonator.drive(jnp.full(count, detuning), 2.0, start=0.0)
        return out[-1] - resonator.through(detuning)

    for times, detuning in zip(random.uniform(5, 60, (200, 3)), random.uniform(-0.1, 0.1, 200), strict=True):
        assert abs(settled(tuple(times), detuning)) < 1e-10


@pytest.mark.parametrize("detuning", [0.0, 0.02, -0.0524, 0.1])
@pytest.mark.parametrize("loss_slope", [0.0, 0.4])
def test_a_small_drive_gives_the_small_signal_response(detuning, loss_slope):
    swing, step = 1e-6, 0.25
    for f in (0.002, 0.02, 0.065):
        periods = math.ceil(400.0 * f) + 1
        count = periods * round(1 / (f * step)) + 1
        t = np.linspace(0.0, periods / f, count)
        wave = swing * np.cos(2 * np.pi * f * t)
        out, _ = CHOI.drive(detuning - wave, t[1], loss_rate=LOSS_RATE + loss_slope * wave)
        power = np.abs(np.asarray(out)) ** 2
        last = slice(count - 1 - round(1 / (f * step)), count - 1)
        found = 2 * np.mean(power[last] * np.exp(2j * np.pi * f * t[last])) / swing
        expected = CHOI.response(f, detuning, loss_slope)
        scale = max(abs(expected), abs(CHOI.response(0.0, 0.03)) * 1e-3)
        assert abs(found - expected) < 1e-4 * scale + 2e-5


def test_the_response_at_zero_is_the_slope_of_the_line():
    detuning = 0.03
    slope = jax.grad(lambda shift: CHOI.transmission(detuning - shift))(0.0)
    np.testing.assert_allclose(CHOI.response(0.0, detuning), slope, rtol=1e-12)


def test_the_closed_form_of_a_shift_alone():
    d, f = 0.0524, np.linspace(0.0, 0.2, 50)
    w, detuned, rate, zero = 2 * np.pi * f, 2 * np.pi * d, float(CHOI.rate), 2 * LOSS_RATE
    closed = (1 + 1j * w / zero) * (rate**2 + detuned**2) / ((1j * w + rate) ** 2 + detuned**2)
    ratio = CHOI.response(f, d) / CHOI.response(0.0, d)
    np.testing.assert_allclose(np.conj(ratio), closed, rtol=1e-12)


@pytest.mark.slow
def test_a_waveform_is_that_of_an_adaptive_integrator():
    """56 GBd, 32 samples a symbol, edges of 6 ps from 20 to 80 %: error of the power below 1e-6."""
    period, samples, bits = 1 / 0.056, 32, 24
    levels = np.random.default_rng(8).integers(0, 2, bits)
    t = np.arange(bits * samples) * period / samples

    def shift(t):
        edges = np.diff(levels, prepend=levels[0])
        return sum(0.012 * edge * 0.5 * (1 + np.tanh((t - k * period) / 4.5)) for k, edge in enumerate(edges))

    def slope(t, a):
        return (2j * np.pi * (-0.0524 - shift(t)) - float(CHOI.rate)) * a + 1j * math.sqrt(2 / CHOI.input_time)

    start = complex(CHOI.amplitude(-0.0524 - shift(0.0)))
    solved = solve_ivp(slope, (0, t[-1]), [start], "DOP853", t, rtol=1e-10, atol=1e-12).y[0]
    exact = np.abs(1 + 1j * math.sqrt(2 / CHOI.input_time) * solved) ** 2
    errors = []
    for skip in (1, 2):
        out, _ = CHOI.drive(-0.0524 - shift(t[::skip]), t[skip], start=start)
        errors.append(np.max(np.abs(np.abs(np.asarray(out)) ** 2 - exact[::skip])))
    assert errors[0] < 1e-6
    assert np.log2(errors[1] / errors[0]) > 3.5


BANDWIDTH = jax.jit(jax.vmap(lambda times, *drive: Resonator(times[0], times[1]).electro_optic_bandwidth(*drive)))
POWER = jax.jit(jax.vmap(lambda times, f, *drive: jnp.abs(Resonator(times[0], times[1]).response(f, *drive)) ** 2))


def test_the_bandwidth_is_where_the_response_first_falls_by_3_db():
    random, count = np.random.default_rng(0), 400
    times, detuning = random.uniform(5.0, 60.0, (count, 2)), random.uniform(-0.15, 0.15, count)
    drive = detuning, random.uniform(-0.3, 0.3, count), 10.0 ** random.uniform(-3.0, 1.0, count)
    found = np.asarray(BANDWIDTH(times, *drive))
    zero = np.asarray(POWER(times, np.zeros(count), *drive))
    np.testing.assert_allclose(POWER(times, found, *drive) / zero, 0.5, rtol=1e-12)
    below = [np.asarray(POWER(times, part * found, *drive)) / zero for part in np.linspace(0.0, 0.999, 100)]
    assert np.min(below) > 0.5
    # Some dip and come back, where the other roots are.
    beyond = [np.asarray(POWER(times, part * found, *drive)) / zero for part in np.linspace(1.01, 10.0, 100)]
    assert np.any(np.max(beyond, axis=0) > 0.5)


def test_the_bandwidth_has_its_closed_forms():
    rate = float(CHOI.rate)
    # On resonance only the loss answers: one pole of the amplitude, and with R and C a second one.
    assert float(CHOI.electro_optic_bandwidth(0.0, 0.3)) == pytest.approx(rate / (2 * math.pi), rel=1e-13)
    pole = 0.03
    a, b = rate**2, (2 * math.pi * pole) ** 2
    both = 0.5 * (math.sqrt((a + b) ** 2 + 4 * a * b) - a - b)
    assert float(CHOI.electro_optic_bandwidth(0.0, 0.3, pole)) == pytest.approx(
        math.sqrt(both) / (2 * math.pi), rel=1e-13
    )
    # 1 / f^2 add up by rule of thumb, to 20 % of the frequency.
    rule = 1 / math.sqrt(4 * math.pi**2 / a + 1 / pole**2)
    assert float(CHOI.electro_optic_bandwidth(0.0, 0.3, pole)) == pytest.approx(rule, rel=0.2)
    # A slow pole is all there is.
    assert float(CHOI.electro_optic_bandwidth(0.02, 0.0, 1e-5)) == pytest.approx(1e-5, rel=1e-5)
    # A shift alone: a quadratic. On resonance its limit, far off the sideband at the detuning.
    zero, square = 2 * LOSS_RATE, rate**2 + (2 * math.pi * 0.05) ** 2
    half = square - 2 * rate**2 + (square / zero) ** 2
    exact = math.sqrt(half + math.sqrt(half**2 + square**2)) / (2 * math.pi)
    assert float(CHOI.electro_optic_bandwidth(0.05)) == pytest.approx(exact, rel=1e-13)
    near, at = CHOI.electro_optic_bandwidth(1e-9), CHOI.electro_optic_bandwidth(0.0)
    assert float(at) == pytest.approx(float(near), rel=1e-12)
    # Without loss the power through never answers slowly.
    assert np.isinf(Resonator(10.0).electro_optic_bandwidth(0.02))


def test_the_bandwidth_in_single_precision(float32):
    resonator = Resonator(16.8, 13.0)
    drives = ((0.0,), (0.05,), (0.02, 0.2, 0.03), (0.02, 0.0, 1e-5))
    single = [resonator.electro_optic_bandwidth(*drive) for drive in drives]
    assert {each.dtype for each in single} == {np.dtype(np.float32)}
    with jax.enable_x64(True):
        exact = [float(resonator.electro_optic_bandwidth(*drive)) for drive in drives]
    np.testing.assert_allclose(single, exact, rtol=2e-6)


def test_the_bandwidth_has_derivatives(assert_gradient):
    def bandwidths(leaves):
        resonator = Resonator(leaves["times"][0], leaves["times"][1])
        drives = ((leaves["d"], 0.0), (leaves["d"], 0.2, 0.03), (leaves["d"], 0.2, 0.002))
        return jnp.stack([resonator.electro_optic_bandwidth(*drive) for drive in drives])

    assert_gradient(bandwidths, {"times": np.array([16.8, 13.0]), "d": 0.04})
    for d in (0.0, 1e-12):
        assert np.isfinite(jax.grad(lambda x: CHOI.electro_optic_bandwidth(x, 0.0, 0.03))(d))


@pytest.mark.slow
def test_the_bandwidth_has_second_derivatives():
    def bandwidth(numbers):
        resonator = Resonator(numbers[0], numbers[1], 90.0)
        drives = ((numbers[2],), (numbers[2], 0.1, 0.03), (numbers[2], 0.1, 0.002))
        return jnp.stack([resonator.electro_optic_bandwidth(*drive) for drive in drives])

    slopes, at = jax.jit(jax.jacrev(bandwidth)), np.array([20.0, 25.0, 0.02])
    found = jax.jit(jax.jacfwd(jax.jacrev(bandwidth)))(at)
    for k, step in enumerate(1e-4 * at):
        # Extrapolated to a step of zero.
        sides = [(slopes(at + h * np.eye(3)[k]) - slopes(at - h * np.eye(3)[k])) / (2 * h) for h in (step, 2 * step)]
        np.testing.assert_allclose(found[:, :, k], (4 * sides[0] - sides[1]) / 3, rtol=1e-6)


def test_the_response_in_db_is_that_of_the_response_and_has_its_limit_on_resonance():
    f = np.linspace(1e-3, 0.2, 40)
    for resonator in (CHOI, Resonator(16.8, math.inf, 30.0)):
        for d in (0.03, -0.0524):
            ratio = resonator.response(f, d, pole=0.03) / resonator.response(0.0, d)
            found = resonator.electro_optic_response_db(f, d, pole=0.03)
            np.testing.assert_allclose(found, 20 * np.log10(np.abs(ratio)), atol=1e-11)
        np.testing.assert_allclose(
            resonator.electro_optic_response_db(f, 0.0), resonator.electro_optic_response_db(f, 1e-8), atol=1e-9
        )
        assert np.all(np.isfinite(jax.grad(lambda d, r=resonator: r.electro_optic_response_db(0.02, d))(0.0)))
    assert float(CHOI.electro_optic_response_db(0.0, 0.0)) == 0.0
    assert np.isinf(Resonator(10.0).electro_optic_response_db(0.02, 0.01))


def test_no_drop_coupler_has_a_derivative():
    for resonator in (lambda t: Resonator(16.8, 13.0, t), lambda t: Resonator(16.8, t, 13.0)):
        slope = jax.grad(lambda t, of=resonator: jnp.abs(of(t).drop(0.01)) ** 2)
        assert np.isfinite(slope(jnp.inf))
    assert float(jax.grad(lambda t: jnp.abs(Resonator(16.8, 13.0, t).drop(0.01)) ** 2)(jnp.inf)) == 0.0


@pytest.mark.parametrize("drop", [None, 0.15])
def test_a_ring_of_high_finesse_has_the_line_of_its_resonator(drop):
    coupler = PointCoupler(0.2)
    ring = AllPassRing(10.0, coupler, INDEX) if drop is None else AddDropRing(10.0, coupler, PointCoupler(drop), INDEX)
    centre = float(ring.resonance(1.55))
    resonator = Resonator.of_ring(ring, centre)
    assert float(1 / resonator.bandwidth) * 299.792458 / centre == pytest.approx(float(ring.q_loaded(centre)), rel=1e-3)
    frequency = np.linspace(-0.1, 0.1, 21)
    wl = 299.792458 / (299.792458 / centre + frequency)
    exact = ring.scattering(jnp.asarray(wl)).power("in", "through")
    np.testing.assert_allclose(resonator.transmission(frequency), exact, atol=0.01)


def test_derivatives(assert_gradient):
    def numbers(leaves):
        resonator = Resonator(*leaves["times"])
        response = resonator.response(leaves["f"], leaves["d"], 0.3, pole=0.03)
        return jnp.stack([resonator.transmission(leaves["d"]), response.real, response.imag, resonator.bandwidth])

    assert_gradient(numbers, {"times": np.array([16.8, 13.0, 50.0]), "f": 0.02, "d": 0.01}, rtol=1e-6)
    assert np.all(np.isfinite(jax.grad(lambda d: CHOI.transmission(d))(0.0)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Resonator(0.0), r"input_time = 0 ps is outside \(0, inf\)"),
        (lambda: Resonator(10.0, -1.0), r"loss_time = -1 ps is outside \(0, inf\]"),
        (lambda: CHOI.drive([0.1], 1.0), "are not"),
        (lambda: CHOI.drive([0.1, 0.1], 1.0, loss_rate=-1.0), "loss_rate = -1 1/ps is outside"),
        (lambda: Resonator.of_ring(PointCoupler(0.1), 1.55), "is not of the kind AllPassRing"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
