import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import ambient


def test_a_ramp_begins_and_ends():
    t = np.array([-1.0, 0.0, 5.0, 10.0, 20.0])
    np.testing.assert_allclose(ambient.ramp(t, 273.0, 283.0, 10.0), [273, 273, 278, 283, 283], rtol=1e-14)
    np.testing.assert_allclose(ambient.ramp(t, 283.0, 273.0, 10.0, 5.0), [283, 283, 283, 278, 273], rtol=1e-14)


def test_a_cycle_comes_back():
    t = np.array([0.0, 25.0, 50.0, 100.0])
    np.testing.assert_allclose(
        ambient.cycle(t, *ambient.COMMERCIAL, 100.0), [273.15, 315.65, 358.15, 273.15], rtol=1e-12
    )


def test_a_hot_spot_decays_and_has_a_derivative_at_its_centre():
    rise = ambient.hot_spot_rise(np.array([0.0, 3.0]), np.array([0.0, 4.0]), (0.0, 0.0), 10.0, 5.0)
    np.testing.assert_allclose(rise, [10.0, 10.0 / np.e], rtol=1e-14)
    slope = jax.grad(lambda x: ambient.hot_spot_rise(x, 0.0, (0.0, 0.0), 10.0, 5.0))
    assert float(slope(0.0)) == 0.0
    assert float(slope(5.0)) == pytest.approx(-2.0 / np.e, rel=1e-12)


def test_neighbours_add_up():
    coupling = np.array([[1.0, 0.1], [0.2, 2.0], [0.0, 0.5]])
    np.testing.assert_allclose(ambient.neighbour_rise(coupling, [10.0, 20.0]), [12.0, 42.0, 10.0], rtol=1e-14)
    many = ambient.neighbour_rise(jnp.asarray(coupling), jnp.ones((4, 2)))
    assert many.shape == (4, 3)


def test_products_ask_for_all_digits():
    # GPUs take ten bits of float32 otherwise; the CPU cannot show it, the program can.
    program = str(jax.make_jaxpr(lambda power: ambient.neighbour_rise(np.eye(2), power))(jnp.ones(2)))
    assert "HIGHEST" in program


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="duration = 0 ps is outside"):
        ambient.ramp(0.0, 273.0, 300.0, 0.0)
    with pytest.raises(ValueError, match="low = -5 K is outside"):
        ambient.cycle(0.0, -5.0, 300.0, 1.0)
    with pytest.raises(ValueError, match=r"shapes \(2, 2\) and \(3,\) are not \[P, S\]"):
        ambient.neighbour_rise(np.eye(2), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="power = -1 mW is outside"):
        ambient.neighbour_rise(np.eye(2), [1.0, -1.0])
    with pytest.raises(ValueError, match="center = nan um"):
        ambient.hot_spot_rise(0.0, 0.0, (np.nan, 0.0), 1.0, 1.0)
    with pytest.raises(ValueError, match="decay_length = 0 um is outside"):
        ambient.hot_spot_rise(0.0, 0.0, (0.0, 0.0), 1.0, 0.0)
