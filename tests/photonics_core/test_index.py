"""The linear index model: its definitions, its signs, and its phase against exact arithmetic."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core.index import LinearIndex
from photonics_core.units import SPEED_OF_LIGHT

WL = jnp.linspace(1.50, 1.60, 11)
FULL = {
    "dispersion_ps_nm_km": -4400.0,
    "thermo_optic": 1.86e-4,
    "thermo_optic_slope": 2e-7,
    "loss_db_cm": 3.0,
}
INDEX = LinearIndex(2.44, 4.18, 1.55, **FULL)


def slope(function, x):
    return jax.vmap(jax.grad(function))(x)


def test_the_group_index_is_the_index_less_wavelength_times_slope():
    by_definition = INDEX.effective_index(WL, 340.0) - WL * slope(lambda wl: INDEX.effective_index(wl, 340.0), WL)
    assert_allclose(INDEX.group_index(WL, 340.0), by_definition, rtol=1e-13)
    assert INDEX.group_index(1.55) == 4.18
    assert INDEX.effective_index(1.55) == 2.44


def test_dispersion_is_the_slope_of_the_delay_per_length():
    # D = d(n_g / c)/d(wl) at the reference wavelength: where D is positive, longer wavelengths take longer.
    delay_per_um = jax.grad(lambda wl: INDEX.group_index(wl) / SPEED_OF_LIGHT)(1.55)
    in_ps_nm_km = delay_per_um * 1e-3 * 1e9
    assert_allclose(in_ps_nm_km, -4400.0, rtol=1e-12)


def test_heat_raises_the_index_where_the_thermo_optic_coefficient_is_positive():
    rise = INDEX.effective_index(1.55, 310.0) - INDEX.effective_index(1.55, 300.0)
    assert_allclose(rise, 1.86e-3 + 0.5 * 2e-7 * 100, rtol=1e-10)
    coefficient = jax.grad(lambda t: INDEX.effective_index(1.55, t))(350.0)
    assert_allclose(coefficient, 1.86e-4 + 2e-7 * 50, rtol=1e-12)


def test_turns_are_index_times_length_over_wavelength_up_to_one_whole_number():
    length, temperature = 1234.5, 321.0
    turns = INDEX.turns(length, WL, temperature)
    n = INDEX.effective_index(WL, temperature)
    exact = [Fraction(float(a)) * Fraction(length) / Fraction(float(b)) for a, b in zip(n, WL, strict=True)]
    whole = np.array([float(e) for e in exact]) - turns
    assert_allclose(whole, np.full(11, np.round(whole[0])), rtol=0, atol=1e-11)


def test_the_slope_of_the_turns_is_the_group_index():
    turns_slope = slope(lambda wl: INDEX.turns(1000.0, wl, 330.0), WL)
    assert_allclose(turns_slope, -INDEX.group_index(WL, 330.0) * 1000.0 / WL**2, rtol=1e-12)


def test_an_anchor_formed_beforehand_changes_nothing():
    assert_allclose(INDEX.turns(77.0, WL, anchor=INDEX.anchor(77.0)), INDEX.turns(77.0, WL), rtol=0, atol=0)


def test_compiled_with_the_index_as_argument_gives_the_same():
    turns = jax.jit(lambda index, wl: index.turns(1000.0, wl, 310.0))(INDEX, WL)
    assert_allclose(turns, INDEX.turns(1000.0, WL, 310.0), rtol=0, atol=1e-12)


def test_attenuation_is_power_loss():
    assert_allclose(jnp.exp(-INDEX.attenuation(1.55) * 1e4), 10**-0.3, rtol=1e-12)


@pytest.mark.parametrize("quantity", ["effective_index", "group_index", "turns"])
def test_derivatives_with_respect_to_every_leaf(quantity, assert_gradient):
    def value(index):
        if quantity == "turns":  # through a cosine, since they jump by whole numbers
            return jnp.cos(2.0 * jnp.pi * index.turns(40.0, 1.56, 320.0))
        return getattr(index, quantity)(1.56, 320.0)

    assert_gradient(value, INDEX)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_eff": 0.2}, "n_eff = 0.2 is outside [0.5, 10]"),
        ({"n_g": 25.0}, "n_g = 25 is outside [0.5, 20]"),
        ({"wl0": 0.0}, "wl0 = 0 um is outside [0.2, 20]"),
        ({"loss_db_cm": -1.0}, "loss_db_cm = -1 dB/cm is outside [0, inf)"),
        ({"temperature0": -3.0}, "temperature0 = -3 K is outside [150, 1000]"),
        ({"thermo_optic": np.nan}, "thermo_optic = nan is outside the finite numbers"),
        ({"n_eff": "glass"}, "n_eff = 'glass' is not a real number"),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError) as error:
        LinearIndex(**({"n_eff": 2.4, "n_g": 4.2, "wl0": 1.55} | change))
    assert str(error.value) == message


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"wl = -1 um is outside \[1.085, 2.015\]"):
        INDEX.turns(10.0, -1.0)
    with pytest.raises(ValueError, match=r"temperature = 0 K is outside \[150, 1000\]"):
        INDEX.effective_index(1.55, 0.0)
