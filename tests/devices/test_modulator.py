"""Ring modulators: the junction's shift, static figures, and a time domain that agrees with both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    AddDropRing,
    AllPassRing,
    DopedGuide,
    LinearIndex,
    PNJunction,
    PointCoupler,
    RingModulator,
)

WL = 1.31
INDEX = LinearIndex(2.5, 3.9, wl0=WL, thermo_optic=1.9e-4, loss_db_cm=3.0)
GUIDE = DopedGuide(PNJunction(5e17, 5e17), 0.95)
MODULATOR = RingModulator(AllPassRing(7.5, PointCoupler(0.28), INDEX), GUIDE)
# A laser on the side of the resonance.
LASER = 1.30921


def test_a_voltage_moves_the_resonance_by_what_the_guide_changes():
    first, second = (MODULATOR.resonance(WL, voltage) for voltage in (0.5, 1.5))
    change = GUIDE.index_change(1.5, first).real - GUIDE.index_change(0.5, first).real
    expected = 0.8 * change * first / MODULATOR.at(1.0).index.group_index(first)
    np.testing.assert_allclose(second - first, expected, rtol=1e-3)
    np.testing.assert_allclose(MODULATOR.shift_pm_v(WL, 1.0), 1e6 * (second - first), rtol=0.01)


def test_the_ring_at_a_voltage_is_a_ring():
    ring = MODULATOR.at(2.0)
    bare = MODULATOR.ring
    added = 0.8 * float(GUIDE.loss_db_cm(2.0, WL)) * 1e-4 * float(ring.length)
    assert float(ring.ring_loss(WL) - bare.ring_loss(WL)) == pytest.approx(added * np.log(10) / 20, rel=1e-9)
    assert float(ring.q_loaded(WL)) < float(bare.q_loaded(WL))
    np.testing.assert_allclose(ring.fsr(WL), bare.fsr(WL), rtol=2e-3)
    np.testing.assert_allclose(ring.drift_pm_k(WL), bare.drift_pm_k(WL), rtol=2e-3)


@pytest.mark.slow
def test_the_best_laser_gives_the_largest_amplitude():
    voltages = 0.0, 3.0
    best = float(MODULATOR.best_laser(WL, voltages))
    amplitudes = [float(MODULATOR.modulation(best + step, voltages).amplitude) for step in (-1e-6, 0.0, 1e-6)]
    assert amplitudes[1] >= max(amplitudes[0], amplitudes[2]) - 1e-9
    static = MODULATOR.modulation(best, voltages)
    high, low = max(static.first, static.second), min(static.first, static.second)
    np.testing.assert_allclose(static.extinction_db, 10 * np.log10(high / low), rtol=1e-12)
    np.testing.assert_allclose(static.insertion_loss_db, -10 * np.log10(high), rtol=1e-12)
    np.testing.assert_allclose(static.penalty_db, -10 * np.log10((high - low) / 2), rtol=1e-12)


@pytest.mark.slow
def test_at_rest_the_time_domain_is_the_spectrum():
    for voltage in (0.0, 2.0):
        out, across = MODULATOR.drive(np.full(20, voltage), 1.0, LASER, power=2.0)
        np.testing.assert_allclose(across, voltage, rtol=1e-12)
        expected = 2.0 * MODULATOR.resonator(WL, voltage).transmission(MODULATOR.detuning(LASER, voltage))
        np.testing.assert_allclose(np.abs(out) ** 2, expected, rtol=1e-9)
        # The line of one pole is that of the ring to a part of one over the finesse.
        np.testing.assert_allclose(expected, 2.0 * MODULATOR.transmission(LASER, voltage), atol=1e-3)


@pytest.mark.slow
def test_a_small_drive_gives_the_small_signal_response():
    bias, swing, step = 1.0, 1e-3, 0.5
    for f in (0.01, 0.05):
        period = round(1 / (f * step))
        t = step * np.arange(max(4, round(600 * f)) * period + 1)
        out, _ = MODULATOR.drive(bias + swing * np.cos(2 * np.pi * f * t), step, LASER)
        last = slice(t.size - 1 - period, t.size - 1)
        found = 2 * np.mean(np.abs(out[last]) ** 2 * np.exp(2j * np.pi * f * t[last])) / swing
        np.testing.assert_allclose(found, MODULATOR.response(f, LASER, bias), rtol=1e-3)


@pytest.mark.slow
def test_the_junction_sees_a_step_behind_r_and_c():
    step = np.where(np.arange(200) < 100, 0.0, 1.0)
    _, across = MODULATOR.drive(step, 0.2, LASER)
    constant = float(MODULATOR.time_constant(0.5))
    expected = 1.0 - np.exp(-0.2 * np.arange(60) / constant)
    np.testing.assert_allclose(across[100:160], expected, atol=0.06)
    own = float(GUIDE.junction.series_resistance(0.5) / MODULATOR.junction_length) + 0.05
    assert constant == pytest.approx(own * float(MODULATOR.capacitance(0.5)), rel=1e-9)


@pytest.mark.slow
def test_an_add_drop_racetrack_is_driven_too():
    ring = AddDropRing(7.5, PointCoupler(0.28), PointCoupler(0.2), INDEX, straight_length=2.0)
    modulator = RingModulator(ring, GUIDE, fill=0.6, pad_capacitance=10.0)
    laser = float(modulator.best_laser(WL, (0.0, 2.0)))
    out, _ = modulator.drive(np.linspace(0.0, 2.0, 50), 2.0, laser)
    assert np.all(np.isfinite(out)) and np.max(np.abs(out)) < 1.0


@pytest.mark.slow
def test_figures_have_gradients_in_coupling_doping_laser_and_voltage(assert_gradient):
    def figures(numbers):
        guide = DopedGuide(PNJunction(1e17 * numbers["acceptors"], 1e17 * numbers["donors"]), 0.95)
        modulator = RingModulator(AllPassRing(7.5, PointCoupler(numbers["angle"]), INDEX), guide)
        static = modulator.modulation(LASER + 1e-4 * numbers["laser"], (0.0, numbers["voltage"]))
        return jnp.stack([static.amplitude, static.insertion_loss_db, modulator.time_constant(numbers["voltage"])])

    numbers = {"acceptors": 5.0, "donors": 5.0, "angle": 0.28, "laser": 0.1, "voltage": 2.0}
    assert_gradient(figures, numbers, rtol=1e-5)


@pytest.mark.slow
def test_the_response_has_fallen_by_3_db_at_the_bandwidth():
    bandwidth = MODULATOR.electro_optic_bandwidth(LASER, 1.0)
    zero, half, before = jnp.abs(MODULATOR.response(bandwidth * jnp.array([0.0, 1.0, 0.9]), LASER, 1.0)) ** 2
    assert float(half / zero) == pytest.approx(0.5, rel=1e-12)
    assert before > half
    # Neither R and C nor the photon lifetime alone; a far laser peaks, and has more.
    assert bandwidth < 1 / (2 * np.pi * MODULATOR.time_constant(1.0))
    assert MODULATOR.electro_optic_bandwidth(LASER - 2e-4, 1.0) > bandwidth


@pytest.mark.slow
def test_light_of_a_driven_ring_turns_blue_and_red():
    """At 20 GHz and a small swing: alpha / (4 pi) d ln P / dt with the complex alpha of the resonator."""
    t, last = np.arange(800) * 0.5, slice(-100, None)
    voltage = 1.0 + 1e-4 * np.cos(2 * np.pi * 0.02 * t)
    out, _ = MODULATOR.drive(voltage, 0.5, LASER)
    shift = np.asarray(MODULATOR.frequency_shift(voltage, 0.5, LASER))
    wave, power = np.exp(2j * np.pi * 0.02 * t[last]), np.abs(np.asarray(out)[last]) ** 2
    slope = -2j * np.pi * 0.02 * np.mean(power * wave) / np.mean(power)
    resonator, (detuning, loss_slope, _), _ = MODULATOR._small_signal(LASER, 1.0, 300.0)
    alpha = complex(resonator.chirp(0.02, detuning, loss_slope))
    assert 4 * np.pi * np.mean(shift[last] * wave) / slope == pytest.approx(alpha, rel=1e-3)
    # It is that of the ring, not of how much light is sent.
    np.testing.assert_allclose(MODULATOR.frequency_shift(voltage, 0.5, LASER, 4.0), shift, rtol=1e-8, atol=1e-15)


@pytest.mark.slow
def test_the_bandwidth_has_a_gradient(assert_gradient):
    def slow_down(numbers):
        guide = DopedGuide(PNJunction(1e17 * numbers["doping"], 5e17), 0.95)
        modulator = RingModulator(AllPassRing(7.5, PointCoupler(numbers["angle"]), INDEX), guide)
        response = modulator.response(jnp.array([0.0, 0.03]), LASER, numbers["bias"])
        bandwidth = modulator.electro_optic_bandwidth(LASER, numbers["bias"])
        return jnp.stack([jnp.abs(response[1] / response[0]), bandwidth])

    assert_gradient(slow_down, {"doping": 5.0, "angle": 0.28, "bias": 1.0}, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RingModulator(PointCoupler(0.1), GUIDE), "is not of the kind AllPassRing or AddDropRing"),
        (lambda: RingModulator(MODULATOR.ring, GUIDE, fill=1.2), r"fill = 1.2 is outside \[0, 1\]"),
        (lambda: MODULATOR.transmission(WL, -2.0), "voltage = -2 V of reverse bias is outside"),
        (lambda: MODULATOR.transmission(WL, 40.0), "voltage = 40 V of reverse bias is outside"),
        (lambda: MODULATOR.drive([0.0, 40.0], 1.0, LASER), "voltage = 40 V of reverse bias is outside"),
        (lambda: MODULATOR.drive([0.0], 1.0, LASER), "two samples"),
        (lambda: MODULATOR.drive([0.0, 1.0], 0.0, LASER), "step = 0 ps is outside"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_a_row_of_a_batch_is_what_it_is_alone():
    swing = 0.75 + 0.7 * jnp.sin(jnp.arange(64.0) / 6.0)
    both = MODULATOR.drive(jnp.stack([swing, jnp.full(64, 3.0)]), 1.0, LASER)
    alone = MODULATOR.drive(swing, 1.0, LASER)
    for batch, single in zip(both, alone, strict=True):
        np.testing.assert_allclose(batch[0], single, rtol=1e-12)


def test_the_detuning_is_that_of_the_wavelengths():
    resonant = float(MODULATOR.resonance(LASER, 1.0))
    by_wavelengths = 299.792458 * (resonant - LASER) / (LASER * resonant)
    np.testing.assert_allclose(MODULATOR.detuning(LASER, 1.0), by_wavelengths, atol=1e-12)


#: A laser that single precision has, and its detuning.
LASER_32 = float(np.float32(LASER))
DETUNING_32 = float(MODULATOR.detuning(LASER_32, 1.0))


def test_the_detuning_keeps_its_digits_in_single_precision(float32):
    guide = DopedGuide(PNJunction(5e17, 5e17), 0.95)
    found = RingModulator(AllPassRing(7.5, PointCoupler(0.28), INDEX), guide).detuning(LASER_32, jnp.float32(1.0))
    assert found.dtype == jnp.float32
    # 0.2 MHz; a difference of wavelengths is off by 10 MHz.
    np.testing.assert_allclose(found, DETUNING_32, atol=2e-7)


def test_equal_voltages_modulate_nothing():
    still = MODULATOR.modulation(LASER, (1.0, 1.0))
    assert float(still.penalty_db) == np.inf
    slope = jax.grad(lambda voltage: MODULATOR.modulation(LASER, (1.0, voltage)).penalty_db)(1.0)
    assert float(slope) == 0.0
    with pytest.raises(ValueError, match="voltages = 1.0 V and 1.0 V modulate nothing"):
        MODULATOR.best_laser(WL, (1.0, 1.0))
