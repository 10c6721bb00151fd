"""Propagation, displacement and turns of sampled fields: unitarity, closed forms, what is left out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels import angular_spectrum as waves

COUNT = 64
STEP = jnp.asarray(0.5)
K = jnp.asarray(2.0 * np.pi / 1.31)
R = np.asarray(waves.coordinates(COUNT, STEP))
X, Y = np.meshgrid(R, R, indexing="ij")


def blob(x=0.7, y=-0.4, w=2.5, v=1.8):
    return jnp.asarray(np.exp(-(((X - x) / w) ** 2) - ((Y - y) / v) ** 2 + 0.3j * X))


def power(field):
    return float(jnp.sum(jnp.abs(field) ** 2))


def test_a_spectrum_is_that_of_its_integral_and_comes_back():
    field, k = blob(), np.asarray(waves.wavenumbers(COUNT, STEP))
    found = waves.spectrum(field, STEP)
    phases = np.exp(-1j * k[:, None] * R[None])
    np.testing.assert_allclose(found, phases @ np.asarray(field) @ phases.T * 0.25, atol=1e-12)
    np.testing.assert_allclose(waves.from_spectrum(found, STEP), field, atol=1e-13)
    half = waves.half_spectrum(field, STEP, -1)
    np.testing.assert_allclose(half, np.asarray(field) @ phases.T * 0.5, atol=1e-12)
    np.testing.assert_allclose(waves.from_half_spectrum(half, COUNT, STEP, -1)[:, :COUNT], field, atol=1e-13)


@pytest.mark.parametrize("model", waves.MODELS)
def test_propagation_keeps_the_power_and_can_be_undone(model):
    field = blob()
    there = waves.propagate(field, STEP, K, jnp.asarray(12.0), model)
    cut = float(waves.cut_power(field, STEP, K, jnp.asarray(12.0), model))
    assert cut < 1e-9
    assert power(there) == pytest.approx(power(field), rel=1e-7)
    back = waves.propagate(there, STEP, K, jnp.asarray(-12.0), model)
    np.testing.assert_allclose(back, field, atol=1e-4)
    half = waves.propagate(waves.propagate(field, STEP, K, jnp.asarray(5.0), model), STEP, K, jnp.asarray(7.0), model)
    np.testing.assert_allclose(half, there, atol=1e-4)


def test_paraxial_propagation_is_that_of_the_complex_parameter():
    w, z = 3.0, 15.0
    start = jnp.asarray(np.exp(-(X**2 + Y**2) / w**2) + 0j)
    q = z - 0.5j * float(K) * w**2
    exact = -0.5j * float(K) * w**2 / q * np.exp(0.5j * float(K) * (X**2 + Y**2) / q)
    np.testing.assert_allclose(waves.propagate(start, STEP, K, jnp.asarray(z), "paraxial"), exact, atol=1e-6)


def test_exact_propagation_solves_the_wave_equation():
    """d2e/dz2 + (transverse Laplacian) + k^2 e = 0 with the phase k z, by differences along z."""
    field, h = blob(), 0.02

    def whole(z):
        return np.asarray(waves.propagate(field, STEP, K, jnp.asarray(z), "exact")) * np.exp(1j * float(K) * z)

    second = (-whole(2 * h) + 16 * whole(h) - 30 * whole(0.0) + 16 * whole(-h) - whole(-2 * h)) / (12 * h**2)
    k = np.asarray(waves.wavenumbers(COUNT, STEP))
    bend = waves.from_spectrum(
        jnp.asarray(np.asarray(waves.spectrum(field, STEP)) * (k[:, None] ** 2 + k[None, :] ** 2)), STEP
    )
    np.testing.assert_allclose(second, np.asarray(bend) - float(K) ** 2 * np.asarray(field), atol=1e-5 * float(K) ** 2)


def test_waves_that_do_not_propagate_fall_off_both_ways():
    ripple = jnp.asarray(np.exp(-(X**2 + Y**2) / 40.0) * np.exp(1j * 5.5 * X))
    decay = np.sqrt(5.5**2 - float(K) ** 2)
    for z in (0.4, -0.4):
        left = power(waves.propagate(ripple, STEP, K, jnp.asarray(z))) / power(ripple)
        assert left == pytest.approx(np.exp(-2 * decay * 0.4), rel=0.06)


def test_what_would_wrap_round_is_left_out_and_told():
    thin, far = blob(0.0, 0.0, 0.6, 0.6), jnp.asarray(60.0)
    cut = float(waves.cut_power(thin, STEP, K, far))
    assert 0.05 < cut < 0.9
    there = waves.propagate(thin, STEP, K, far)
    assert power(there) <= power(thin) * (1.0 - cut) * (1.0 + 1e-6)
    assert float(waves.cut_power(thin, STEP, K, jnp.asarray(0.0))) == 0.0


def test_displacement_and_turns_of_a_smooth_field_are_exact():
    field = blob(0.5, 0.25, 2.0, 1.5)
    found = waves.shifted(field, STEP, jnp.asarray(1.37), jnp.asarray(-0.61))
    moved = np.exp(-(((X - 1.87) / 2.0) ** 2) - ((Y + 0.36) / 1.5) ** 2 + 0.3j * (X - 1.37))
    np.testing.assert_allclose(found, moved, atol=1e-7)
    for angle in (0.3, -0.78, 0.79, 1.9, np.pi, -2.6, 7.0):
        u, v = np.cos(angle) * X + np.sin(angle) * Y, np.cos(angle) * Y - np.sin(angle) * X
        expected = np.exp(-(((u - 0.5) / 2.0) ** 2) - ((v - 0.25) / 1.5) ** 2 + 0.3j * u)
        np.testing.assert_allclose(waves.turned(field, jnp.asarray(angle)), expected, atol=1e-6)


def test_turns_have_derivatives_across_the_eighths(assert_gradient):
    mask = jnp.asarray(np.exp(-((X - 1.0) ** 2) / 4.0 - Y**2))
    angles = jnp.asarray([0.01, 0.25 * np.pi, 1.0])
    assert_gradient(lambda a: jax.vmap(lambda b: jnp.sum(mask * waves.turned(blob(), b).real))(a), angles)


def test_single_precision(float32):
    def there():
        step, k = jnp.asarray(0.5), jnp.asarray(2.0 * np.pi / 1.31)
        return waves.propagate(jnp.asarray(blob()), step, k, jnp.asarray(12.0))

    found = np.asarray(there())
    assert found.dtype == np.complex64
    with jax.enable_x64(True):
        np.testing.assert_allclose(found, there(), atol=2e-5)
