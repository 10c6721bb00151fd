"""A Foster network in time and in frequency."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import ThermalImpedance, TransferImpedance, rise_time

NETWORK = ThermalImpedance([2.0, 5.0, 0.5], [1e4, 1e6, 3e7])


def test_it_settles_at_the_total_resistance():
    assert float(NETWORK.total) == pytest.approx(7.5, rel=1e-15)
    assert float(NETWORK.step_response(1e10)) == pytest.approx(7.5, rel=1e-12)
    assert complex(NETWORK.impedance(0.0)) == pytest.approx(7.5, rel=1e-15)
    np.testing.assert_array_equal(NETWORK.step_response(jnp.asarray([-5.0, 0.0])), 0.0)


def test_impedance_is_the_transform_of_the_step_response():
    """Z(f) = int dZ/dt exp(2 pi i f t) dt in the convention exp(-2 pi i f t), on a logarithmic grid of times."""
    log = np.linspace(np.log(1e-2), np.log(3e9), 400001)
    t = np.exp(log)
    rate = np.asarray(jax.vmap(jax.grad(NETWORK.step_response))(jnp.asarray(t)))
    for f in (1e-9, 3e-8, 1e-6):
        kernel = rate * np.exp(2j * np.pi * f * t) * t
        transformed = np.sum(0.5 * (kernel[1:] + kernel[:-1])) * (log[1] - log[0])
        assert abs(transformed - complex(NETWORK.impedance(f))) < 1e-5


def test_a_slow_wave_of_heat_lags():
    z = complex(NETWORK.impedance(1e-7))
    assert z.imag > 0.0  # exp(-2 pi i f t): a lag turns the phase forward
    assert abs(z) < 7.5


def test_a_core_keeps_the_heat_that_it_takes():
    """Before it cools, the temperature rises by heat over heat capacity."""
    core = ThermalImpedance.of_core(65e3, 3.0, heat_capacity=1600.0, share=0.9)
    np.testing.assert_allclose(jax.grad(core.step_response)(1e-6), 0.9 / (1600.0 * 3.0), rtol=1e-9)
    assert core.resistance.shape == (1,)


def test_derivatives(assert_gradient):
    def values(numbers):
        network = ThermalImpedance(numbers["r"], numbers["t"])
        z = network.impedance(numbers["f"])
        return jnp.stack([network.step_response(2e5), z.real, z.imag, network.total])

    assert_gradient(values, {"r": jnp.asarray([2.0, 5.0]), "t": jnp.asarray([1e4, 1e6]), "f": 1e-7}, rtol=1e-6)
    volumes = {"time": 5e4, "volume": 3.0}
    assert_gradient(lambda n: ThermalImpedance.of_core(n["time"], n["volume"]).total, volumes, rtol=1e-6)


def test_heat_from_elsewhere_has_parts_of_both_signs(assert_gradient):
    """No slope at the beginning where sum R / t is 0: the second derivative is what is left."""
    late = TransferImpedance([2.0, -1.0], [2e6, 1e6])
    assert float(late.total) == 1.0 and float(late.first_slope) == 0.0
    t = 1e3
    assert float(late.step_response(t)) == pytest.approx(0.5 * (-2.0 / 4e12 + 1.0 / 1e12) * t**2, rel=2e-3)
    assert complex(late.impedance(0.0)) == pytest.approx(1.0, rel=1e-15)
    kept, added = late.step_factors(1e5)
    np.testing.assert_allclose(np.sum(added), late.step_response(1e5), rtol=1e-12)
    np.testing.assert_allclose(kept, np.exp([-0.05, -0.1]), rtol=1e-14)
    tree = {"r": jnp.asarray([2.0, -1.0]), "t": jnp.asarray([2e6, 1e6])}
    assert_gradient(lambda n: TransferImpedance(n["r"], n["t"]).step_response(5e5), tree, rtol=1e-6)


def test_questions_of_parts_above_zero_are_not_asked_of_others():
    """Rise times are found between those of the quickest and the slowest part, which does not hold with both signs."""
    with pytest.raises(ValueError, match="is not of the kind ThermalImpedance"):
        rise_time(TransferImpedance([2.0, -1.0], [2e6, 1e6]))  # pyright: ignore[reportArgumentType]


def test_single_precision(float32):
    network = ThermalImpedance([2.0, 5.0], [1e4, 1e6])
    assert network.step_response(1e5).dtype == jnp.float32
    np.testing.assert_allclose(network.step_response(1e5), 2.0 + 5.0 * -np.expm1(-0.1), rtol=1e-4)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"time = 0 ps is outside \(0, inf\)"):
        ThermalImpedance([1.0], [0.0])
    with pytest.raises(ValueError, match=r"resistance = -1 K/mW is outside \[0, inf\)"):
        ThermalImpedance([-1.0], [1.0])
    with pytest.raises(ValueError, match=r"sum of the resistances = -1 K/mW is outside"):
        TransferImpedance([1.0, -2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(1,\) are not both \[P\]"):
        ThermalImpedance([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=r"volume = 0 um\^3 is outside"):
        ThermalImpedance.of_core(1.0, 0.0)
