"""Resonances hold whole turns; their derivatives are those of the implicit function."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose

from photonics_core import resonance
from photonics_core.index import LinearIndex

INDEX = LinearIndex(2.44, 4.18, 1.55, dispersion_ps_nm_km=-4400.0, thermo_optic=1.86e-4, thermo_optic_slope=2e-7)
LENGTH = 62.8
WL = jnp.linspace(1.53, 1.57, 9)


def turns(wl, temperature=300.0, index=INDEX):
    return index.turns(LENGTH, wl, temperature)


def test_a_resonance_holds_whole_turns_and_is_the_nearest():
    found = resonance.nearest_resonance(turns, WL)
    assert_allclose(turns(found), np.round(turns(found)), rtol=0, atol=1e-12)
    assert np.all(np.abs(turns(found) - turns(WL)) <= 0.5)


def test_the_resonance_below_is_the_last_one_not_above():
    found = resonance.resonance_below(turns, WL)
    assert_allclose(turns(found), np.round(turns(found)), rtol=0, atol=1e-12)
    assert np.all(found <= WL)
    assert np.all(turns(found) - turns(WL) < 1.0)


def test_successive_resonances_ascend_by_one_turn_around_the_nearest():
    for count in (1, 4, 7):
        found = resonance.resonances_around(turns, 1.55, count)
        assert_allclose(np.diff(turns(found)), -np.ones(count - 1), rtol=0, atol=1e-11)
        assert_allclose(turns(found), np.round(turns(found)), rtol=0, atol=1e-11)
        assert_allclose(found[(count - 1) // 2], resonance.nearest_resonance(turns, 1.55), rtol=1e-14)


def test_first_and_second_derivative_are_those_of_the_implicit_function():
    def resonant(temperature):
        return resonance.nearest_resonance(lambda wl: turns(wl, temperature), 1.55)

    def implicit_slope(temperature):
        by_wl, by_temperature = jax.grad(turns, argnums=(0, 1))(resonant(temperature), temperature)
        return -by_temperature / by_wl

    assert_allclose(jax.grad(resonant)(320.0), implicit_slope(320.0), rtol=1e-12)
    step = 0.5
    second = (implicit_slope(320.0 + step) - implicit_slope(320.0 - step)) / (2 * step)
    assert_allclose(jax.grad(jax.grad(resonant))(320.0), second, rtol=1e-6)


def test_derivatives_with_respect_to_every_leaf_of_the_index(assert_gradient):
    assert_gradient(lambda index: resonance.nearest_resonance(lambda wl: turns(wl, 320.0, index), 1.55), INDEX)


def test_heat_moves_a_resonance_to_longer_wavelengths():
    wl = resonance.nearest_resonance(turns, 1.55)
    shift = resonance.thermal_shift(turns, wl, 300.0)
    assert_allclose(shift, wl / INDEX.group_index(wl) * 1.86e-4, rtol=1e-12)
    warmer = resonance.resonant_wavelength(lambda x: turns(x, 300.01), wl, turns(wl))
    assert_allclose((warmer - wl) / 0.01, shift, rtol=1e-4)
    many = resonance.thermal_shift(turns, WL, 300.0)
    assert_allclose(many, jnp.stack([resonance.thermal_shift(turns, x, 300.0) for x in WL]), rtol=1e-14)
