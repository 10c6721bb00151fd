"""The loss of two beams as a quadratic form: the same as the matrices give, one joint at a time."""

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels import gaussian_overlap, gaussian_quadratic

K = 2.0 * np.pi * 1.2 / 1.31


def _random(count):
    random = np.random.default_rng(1)
    waists, distances = random.uniform(1.0, 6.0, (2, 2, count)), random.uniform(-20.0, 20.0, (2, 2, count))
    return waists, distances, random.uniform(-2.0, 2.0, (2, count)), random.normal(size=(4, count))


def _form(waists, distances, angles, ramp):
    first, second = (
        gaussian_quadratic.beam_matrix((w[0], w[1]), (d[0], d[1]), jnp.cos(a), jnp.sin(a), jnp.asarray(K))
        for w, d, a in zip(waists, distances, angles, strict=True)
    )
    return gaussian_quadratic.offset_form(first, second, ramp[0], ramp[1])


def _matrices(waists, distances, angles, ramp, offset):
    a, b = (gaussian_overlap.beam_matrix(waists[k], distances[k], angles[k], jnp.asarray(K)) for k in (0, 1))
    return -gaussian_overlap.log_efficiency(a, b, offset, ramp)


def test_forms_are_the_loss_of_the_matrices():
    waists, distances, angles, rest = (jnp.asarray(each) for each in _random(300))
    ramp, offset = 0.1 * rest[:2], 3.0 * rest[2:]
    form = _form(waists, distances, angles, ramp)
    exact = jax.vmap(_matrices, in_axes=-1)(waists, distances, angles, ramp, offset)
    np.testing.assert_allclose(form.about(offset[0], offset[1]).level, exact, rtol=1e-12, atol=1e-13)


def test_a_form_about_another_place_is_the_same_form():
    waists, distances, angles, rest = (jnp.asarray(each) for each in _random(20))
    form = _form(waists, distances, angles, 0.1 * rest[:2])
    x, y = rest[2:]
    np.testing.assert_allclose(form.about(x, y).about(-x, -y).level, form.level, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(form.about(x, y).about(-x, -y).slope_x, form.slope_x, rtol=1e-9, atol=1e-12)


def test_equal_beams_lose_nothing_and_nothing_cancels():
    one = jnp.asarray(4.6)
    beam = gaussian_quadratic.beam_matrix((one, one), (one, one), jnp.cos(one), jnp.sin(one), jnp.asarray(K))
    form = gaussian_quadratic.offset_form(beam, beam._replace(xx=beam.xx.conj(), yy=beam.yy.conj()), 0 * one, 0 * one)
    waist = gaussian_quadratic.beam_matrix((one, one), (0 * one, 0 * one), jnp.ones(()), jnp.zeros(()), jnp.asarray(K))
    small = gaussian_quadratic.beam_matrix(
        (one, one), (0 * one, 1e-9 * one), jnp.ones(()), jnp.zeros(()), jnp.asarray(K)
    )
    assert float(form.level) > 0.0
    assert float(gaussian_quadratic.offset_form(waist, waist, 0 * one, 0 * one).level) == 0.0
    # (z / 2 z_R)^2 / 2 of one axis.
    expected = 0.5 * np.log1p((4.6e-9 / (K * 4.6**2)) ** 2)
    found = gaussian_quadratic.offset_form(waist, small, 0 * one, 0 * one).level
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_in_single_precision(float32):
    waists, distances, angles, rest = (np.asarray(each) for each in _random(100))
    ramp, offset = 0.1 * rest[:2], rest[2:]
    single = _form(*(jnp.asarray(each, jnp.float32) for each in (waists, distances, angles, ramp)))
    found = single.about(*jnp.asarray(offset, jnp.float32)).level
    assert found.dtype == np.float32
    with jax.enable_x64(True):
        exact = np.asarray(
            _form(*(jnp.asarray(each) for each in (waists, distances, angles, ramp))).about(*offset).level
        )
    np.testing.assert_allclose(found, exact, rtol=2e-4, atol=2e-6)
