"""A length of waveguide: the sign of its phase, its delay and its loss."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import LinearIndex, Waveguide
from photonics_core.units import SPEED_OF_LIGHT

WL = np.linspace(1.549, 1.551, 21)
INDEX = LinearIndex(2.44, 4.18, 1.55, dispersion_ps_nm_km=-4400.0, thermo_optic=1.86e-4)
LOSSY = LinearIndex(2.44, 4.18, 1.55, loss_db_cm=3.0)


def test_a_wave_gains_the_phase_exp_plus_i_beta_z():
    short = Waveguide(0.05, INDEX).transmission(1.55)
    assert_allclose(short, np.exp(2j * np.pi * 2.44 * 0.05 / 1.55), rtol=1e-12)


def test_the_delay_is_that_of_the_phase_and_positive():
    guide = Waveguide(1000.0, INDEX)
    delay = guide.scattering(WL).group_delay("in", "out")
    assert_allclose(delay[1:-1], guide.delay(WL)[1:-1], rtol=1e-6)
    assert_allclose(guide.delay(1.55), 4.18 * 1000.0 / SPEED_OF_LIGHT, rtol=1e-14)


def test_loss_is_in_decibels_per_centimetre():
    assert_allclose(Waveguide(1e4, LOSSY).scattering(1.55).power_db("in", "out"), -3.0, rtol=1e-12)


def test_without_loss_it_is_unitary_and_reciprocal_always():
    lossless = Waveguide(123.0, INDEX).scattering(WL)
    assert lossless.unitarity_residual() < 1e-12
    assert lossless.reciprocity_residual() == 0
    lossy = Waveguide(123.0, LOSSY).scattering(WL)
    assert lossy.reciprocity_residual() == 0
    assert lossy.passivity_residual() < 0


def test_two_lengths_in_a_row_are_one():
    a, b, both = (Waveguide(length, LOSSY).transmission(WL) for length in (10.0, 32.5, 42.5))
    assert_allclose(a * b, both, rtol=0, atol=1e-12)
    assert_allclose(Waveguide(0.0, LOSSY).transmission(WL), np.ones(21), rtol=0, atol=1e-15)


def test_derivatives_with_respect_to_every_leaf(assert_gradient):
    index = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, 2e-7, 3.0)
    assert_gradient(lambda guide: jnp.real(guide.transmission(1.56, 320.0)), Waveguide(42.5, index))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, INDEX), "length = -1 um is outside [0, inf)"),
        ((np.inf, INDEX), "length = inf um is outside [0, inf)"),
        ((10.0, 2.4), "index = 2.4 is not of the kind IndexModel"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError) as error:
        Waveguide(*arguments)
    assert str(error.value) == message
