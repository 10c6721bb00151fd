"""Photodiode and receiver: noise by hand in SI units, sensitivities in closed form, limits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import constants, optimize, stats

from photonics_core.devices.detector import (
    Photodiode,
    Receiver,
    even_powers,
    quantum_limit,
    transimpedance_density_pa,
)
from photonics_core.error_rate import q_factor, required_q

DIODE = Photodiode(0.9, 2e-5, 15.0, 0.05)
RECEIVER = Receiver(DIODE, 16.0, 0.022, 350.0, overload=2.0)


def test_the_responsivity_ends_at_one_electron_for_each_photon():
    limit = constants.e * 1.31e-6 / (constants.h * constants.c)
    assert float(quantum_limit(1.31)) == pytest.approx(limit, rel=1e-9)
    assert float(Photodiode(limit).quantum_efficiency) == pytest.approx(1.0, rel=1e-9)
    with pytest.raises(ValueError, match=r"responsivity = 1\.2 mA/mW is above 1\.05659 mA/mW, one electron"):
        Photodiode(1.2)
    assert float(Photodiode(1.2, wl=1.55).quantum_efficiency) == pytest.approx(0.9599, abs=1e-4)
    with pytest.raises(ValueError, match="is above"):
        Photodiode([0.9, 1.06], wl=1.31)


def test_current_and_noise_in_si_units():
    power, band = np.array([0.0, 0.05, 1.0]), 1.05 * 22e9
    current = 0.9 * power * 1e-3 + 2e-8
    np.testing.assert_allclose(RECEIVER.current(power), 1e3 * current, rtol=1e-12)
    variance = (16e-12) ** 2 * band + 2 * constants.e * current * band
    np.testing.assert_allclose(RECEIVER.noise(power), 1e3 * np.sqrt(variance), rtol=1e-9)
    variance += 10**-14.0 * (0.9e-3 * power) ** 2 * band
    np.testing.assert_allclose(RECEIVER.noise(power, -140.0), 1e3 * np.sqrt(variance), rtol=1e-9)


def test_bandwidths():
    assert float(RECEIVER.noise_bandwidth) == pytest.approx(0.0231)
    assert float(RECEIVER.total_bandwidth) == pytest.approx((0.022**-2 + 0.05**-2) ** -0.5)
    # 50 Ohm with 15 + 10 fF: 127 GHz, in front of 50 GHz.
    circuit = 1e-12 / (2 * np.pi * 50.0 * 25e-15)
    assert float(DIODE.circuit_bandwidth(0.05, 10.0)) == pytest.approx((circuit**-2 + 0.05**-2) ** -0.5)


def test_thermal_noise_of_a_transimpedance_amplifier():
    expected = 1e12 * np.sqrt(4 * constants.k * 330.0 * 2.0 / 500.0)
    assert float(transimpedance_density_pa(0.5, 330.0, noise_factor=2.0)) == pytest.approx(expected, rel=1e-9)
    # The transistor's part by quadrature over frequency.
    f = np.linspace(0.0, 25e9, 20_001)
    density = 4 * constants.k * 300 * (1 / 500.0 + 1.5 * (2 * np.pi * f * 60e-15) ** 2 / 20e-3)
    expected = 1e12 * np.sqrt(np.trapezoid(density, f) / 25e9)
    options = {"transconductance": 20.0, "capacitance": 60.0, "channel_factor": 1.5, "bandwidth": 0.025}
    assert float(transimpedance_density_pa(0.5, 300.0, **options)) == pytest.approx(expected, rel=1e-7)


def test_sensitivity_of_thermal_noise_is_the_closed_form():
    """Without shot noise to speak of, R OMA = 2 (M - 1) Q sigma."""
    loud = Receiver(DIODE, 3e4, 0.022)
    expected = 6 * float(required_q(-9.0, 4)) * float(loud.noise(0.0)) / 0.9
    assert float(loud.sensitivity(-9.0, 5.0, levels=4, most=1e4)) == pytest.approx(expected, rel=1e-4)
    # In the field's units: 16 pA/sqrt(Hz) over 23.1 GHz is 2.43 uA, times 14.07 over 0.9 mA/mW -14.2 dBm.
    assert 10 * np.log10(float(RECEIVER.sensitivity(-12.0, 6.0))) == pytest.approx(-14.2, abs=0.1)


def test_sensitivity_by_q_in_closed_form():
    """The amplitude found by SciPy at which (sigma_1 + sigma_0) Q = R OMA, shot and intensity noise included."""
    for rin in (None, -140.0, -132.0):
        ours = float(RECEIVER.sensitivity_by_q(-12.0, 4.0, rin_db_hz=rin))

        def miss(amplitude, rin=rin):
            powers = even_powers(amplitude, 4.0)
            return float(q_factor(RECEIVER.current(powers), RECEIVER.noise(powers, rin))) - stats.norm.isf(1e-12)

        assert ours == pytest.approx(optimize.brentq(miss, 1e-3, 0.5), rel=1e-9)
    assert np.isinf(RECEIVER.sensitivity_by_q(-12.0, 4.0, rin_db_hz=-115.0))


def test_sensitivity_leaves_its_error_ratio_and_beats_the_q_factor():
    found = float(RECEIVER.sensitivity(-12.0, 4.0, rin_db_hz=-132.0))
    powers = even_powers(found, 4.0)
    assert float(RECEIVER.log10_error_ratio(powers, -132.0)) == pytest.approx(-12.0, abs=1e-9)
    by_q = float(RECEIVER.sensitivity_by_q(-12.0, 4.0, rin_db_hz=-132.0))
    assert 0.98 * by_q < found < by_q
    with pytest.raises(ValueError, match=r"log10_ratio = -12 is not reached by any amplitude within \(0, 100\] mW"):
        RECEIVER.sensitivity(-12.0, 4.0, rin_db_hz=-115.0)
    with pytest.raises(ValueError, match=r"within \(0, 1e-06\] mW"):
        RECEIVER.sensitivity(-12.0, 4.0, most=1e-6)
    with pytest.raises(ValueError, match="are not one number each"):
        RECEIVER.sensitivity(-12.0, [4.0, 5.0])


def test_powers_of_an_amplitude():
    powers = np.asarray(even_powers([0.3, 0.6], 10.0, 4))
    np.testing.assert_allclose(powers[:, -1] - powers[:, 0], [0.3, 0.6], rtol=1e-12)
    np.testing.assert_allclose(powers[:, -1] / powers[:, 0], 10.0, rtol=1e-12)
    np.testing.assert_allclose(np.diff(powers, 2), 0.0, atol=1e-15)


def test_overload_and_electrical_power():
    assert float(RECEIVER.headroom_db(1.0)) == pytest.approx(10 * np.log10(2.0))
    assert float(RECEIVER.headroom_db(4.0)) < 0.0
    assert np.all(np.isinf(dataclasses.replace(RECEIVER, overload=None).headroom_db([1.0, 2.0])))
    assert float(RECEIVER.electrical_power(50.0)) == pytest.approx(17.5)


def test_gradients(assert_gradient):
    powers = jnp.asarray([0.02, 0.06])
    assert_gradient(lambda each: each[0].log10_error_ratio(each[1], each[2]), (RECEIVER, powers, jnp.asarray(-140.0)))
    assert np.all(np.isfinite(jax.grad(lambda p: jnp.sum(RECEIVER.noise(p, -140.0)))(jnp.zeros(2))))


def test_gradient_of_the_sensitivity():
    def amplitude(density, responsivity):
        diode = dataclasses.replace(DIODE, responsivity=responsivity)
        return dataclasses.replace(RECEIVER, density_pa=density, photodiode=diode).sensitivity_by_q(
            -12.0, 4.0, rin_db_hz=-140.0
        )

    start = (16.0, 0.9)
    for k, slope in enumerate(jax.grad(amplitude, argnums=(0, 1))(*start)):
        step = 1e-4 * start[k] * np.eye(2)[k]
        difference = float(amplitude(*(start + step)) - amplitude(*(start - step))) / (2e-4 * start[k])
        assert float(slope) == pytest.approx(difference, rel=1e-6)


def test_single_precision(float32):
    noise = RECEIVER.noise(np.array([0.0, 0.1], np.float32), -140.0)
    assert noise.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = np.asarray(RECEIVER.noise(np.array([0.0, 0.1]), -140.0))
        ratio = float(RECEIVER.log10_error_ratio(np.array([0.02, 0.06])))
    np.testing.assert_allclose(noise, exact, rtol=1e-6)
    assert float(RECEIVER.log10_error_ratio(np.array([0.02, 0.06], np.float32))) == pytest.approx(ratio, rel=1e-5)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="responsivity = 0 mA/mW"):
        Photodiode(0.0)
    with pytest.raises(ValueError, match="density_pa = 0 pA/sqrt"):
        Receiver(DIODE, 0.0, 0.02)
    with pytest.raises(ValueError, match="photodiode = 0.9 is not of the kind Photodiode"):
        Receiver(0.9, 16.0, 0.02)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="power = -1 mW"):
        RECEIVER.noise(-1.0)
    with pytest.raises(ValueError, match="power = -1 mW"):
        RECEIVER.current(-1.0)
    with pytest.raises(ValueError, match="extinction_db = 0 dB"):
        even_powers(1.0, 0.0)
    with pytest.raises(ValueError, match=r"noise_factor = 0.5 is outside \[1, inf\)"):
        transimpedance_density_pa(0.5, noise_factor=0.5)
