"""Named ports, the order of the indices, and what is read off a scattering matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core.scattering import SMatrix
from photonics_core.units import SPEED_OF_LIGHT

WL = np.linspace(1.54, 1.56, 21)
# An isolator: light passes from a to b only.
ISOLATOR = SMatrix(jnp.asarray([[0.0, 0.0], [0.8j, 0.0]]), ("a", "b"), 1.55)


def test_the_index_order_is_out_then_in_and_the_dict_order_from_then_to():
    assert ISOLATOR.amplitude("a", "b") == 0.8j
    assert ISOLATOR.amplitude("b", "a") == 0
    assert ISOLATOR.power("a", "b") == pytest.approx(0.64)
    assert ISOLATOR.to_dict()["a", "b"] == 0.8j
    assert SMatrix.from_pairs(("a", "b"), {("a", "b"): 0.8j}, 1.55).values[1, 0] == 0.8j


def test_residuals_tell_the_laws_apart():
    assert ISOLATOR.reciprocity_residual() == pytest.approx(0.8)
    assert ISOLATOR.passivity_residual() == pytest.approx(0.64 - 1)
    assert ISOLATOR.unitarity_residual() == pytest.approx(1.0)
    amplifier = SMatrix.from_pairs(("a", "b"), {("a", "b"): jnp.full(21, 1.1)}, WL)
    assert amplifier.passivity_residual() == pytest.approx(0.21)


def test_pairs_come_back_from_the_dict():
    random = np.random.default_rng(0)
    values = jnp.asarray(random.normal(size=(21, 3, 3)) + 1j * random.normal(size=(21, 3, 3)))
    s = SMatrix(values, ("in", "through", "drop"), WL)
    again = SMatrix.from_dict(s.to_dict(), WL)
    assert again.ports == s.ports
    assert_allclose(again.values, values, rtol=0, atol=0)


def test_a_reciprocal_pair_stands_for_both_directions_and_missing_pairs_are_dark():
    s = SMatrix.from_pairs(("a", "b", "c"), {("a", "b"): jnp.full(21, 0.5j)}, WL, reciprocal=True)
    assert s.values.shape == (21, 3, 3)
    assert s.reciprocity_residual() == 0
    assert_allclose(s.amplitude("b", "a"), np.full(21, 0.5j))
    assert_allclose(s.power("a", "c"), np.zeros(21))
    assert np.all(s.power_db("a", "c") == -np.inf)


def test_precision_follows_the_amplitudes():
    single = SMatrix.from_pairs(("a", "b"), {("a", "b"): jnp.ones(3, jnp.complex64)}, WL[:3])
    assert single.values.dtype == jnp.complex64
    real = SMatrix.from_pairs(("a", "b"), {("a", "b"): jnp.ones(3)}, WL[:3])
    assert real.values.dtype == jnp.complex128


def test_the_delay_of_a_wave_that_travels_is_positive():
    # exp(+i n w L / c) with n L = 1000 um.
    wave = jnp.exp(2j * jnp.pi * 1000.0 / WL)
    s = SMatrix.from_pairs(("a", "b"), {("a", "b"): wave}, WL)
    assert_allclose(s.group_delay("a", "b"), np.full(21, 1000.0 / SPEED_OF_LIGHT), rtol=1e-9)


def test_the_delay_of_a_quadratic_phase_is_exact_inside():
    angular = 2 * np.pi * SPEED_OF_LIGHT / WL
    centre = angular[10]
    phase = 2.0 * (angular - centre) + 0.5 * 0.03 * (angular - centre) ** 2
    s = SMatrix.from_pairs(("a", "b"), {("a", "b"): jnp.exp(1j * phase)}, WL)
    delay = s.group_delay("a", "b")
    assert_allclose(delay[1:-1], 2.0 + 0.03 * (angular - centre)[1:-1], rtol=1e-9)


def test_it_passes_through_jit_and_vmap():
    scaled = jax.jit(lambda s, x: SMatrix(s.values * x, s.ports, s.wl))(ISOLATOR, 0.5 + 0.0j)
    assert scaled.power("a", "b") == pytest.approx(0.16)
    batch = jax.vmap(lambda x: SMatrix(ISOLATOR.values * x, ISOLATOR.ports, ISOLATOR.wl))(jnp.ones(4, complex))
    assert batch.power("a", "b").shape == (4,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ISOLATOR.amplitude("a", "c"), "port = 'c' is not one of 'a', 'b'"),
        (
            lambda: SMatrix.from_pairs(("a", "b"), {("a", "x"): 1.0}, 1.55),
            "port = 'x' is not one of 'a', 'b'",
        ),
        (lambda: SMatrix(jnp.zeros((2, 2)), ("a", "a"), 1.55), "has a name twice"),
        (lambda: SMatrix(jnp.zeros((3, 3)), ("a", "b"), 1.55), "do not end in (2, 2)"),
        (lambda: ISOLATOR.group_delay("a", "b"), "has no axis of two or more wavelengths"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)
