"""Published indices and thermo-optic coefficients, exact derivatives, and the ranges they hold in."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.materials import SILICA, SILICON, SILICON_NITRIDE, Material, Sellmeier, li_silicon

MATERIALS = [SILICON, SILICA, SILICON_NITRIDE]
WL = np.linspace(1.2, 1.7, 11)

# H. H. Li, J. Phys. Chem. Ref. Data 9, 561 (1980): the printed tables, by temperature in K.
LI_WL = [1.20, 1.30, 1.40, 1.55, 1.70, 3.00, 5.00, 14.0]
LI_TABLES = {
    250: [3.5084, 3.4936, 3.4818, 3.4681, 3.4579, 3.4234, 3.4129, 3.4078],
    293: [3.5167, 3.5016, 3.4896, 3.4757, 3.4653, 3.4302, 3.4195, 3.4142],
    350: [3.5284, 3.5130, 3.5007, 3.4865, 3.4758, 3.4399, 3.4290, 3.4236],
    400: [3.5393, 3.5236, 3.5111, 3.4966, 3.4857, 3.4491, 3.4380, 3.4325],
    450: [3.5508, 3.5348, 3.5220, 3.5072, 3.4961, 3.4588, 3.4474, 3.4418],
}


@pytest.mark.parametrize("temperature", LI_TABLES)
def test_silicon_agrees_with_the_printed_tables_to_their_last_digit(temperature):
    index = SILICON.index(np.array(LI_WL), float(temperature))
    np.testing.assert_allclose(index, LI_TABLES[temperature], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("material", "wl", "published"),
    [
        (SILICA, 0.5876, 1.45846),  # the helium d line of the glass catalogues
        (SILICA, 1.31, 1.44680),
        (SILICA, 1.55, 1.44402),
        (SILICON_NITRIDE, 1.55, 1.9963),
    ],
)
def test_sellmeier_materials_have_their_published_index_at_20_degrees(material, wl, published):
    digits = len(str(published).split(".")[1])
    assert round(float(material.index(wl, 293.15)), digits) == published


def test_index_at_300_kelvin_includes_the_shift_from_the_temperature_of_measurement():
    shift = SILICON.index(1.55, 300.0) - SILICON.index(1.55, 293.15)
    assert shift == pytest.approx(6.85 * 1.83e-4, rel=1e-2)
    assert SILICA.index(1.55) - SILICA.index(1.55, 293.15) == pytest.approx(6.85 * 8.5e-6, rel=1e-9)


def test_silicon_thermo_optic_coefficient_depends_on_wavelength_and_temperature():
    c_band, o_band = SILICON.thermo_optic(1.55, 300.0), SILICON.thermo_optic(1.31, 300.0)
    assert 1.80e-4 < c_band < 1.87e-4
    assert 1.90e-4 < o_band < 2.00e-4
    assert SILICON.thermo_optic(1.55, 350.0) / c_band == pytest.approx(1.0705, abs=1e-3)


def test_silicon_thermo_optic_coefficient_agrees_with_the_slope_of_the_printed_tables():
    slope = (np.array(LI_TABLES[350]) - np.array(LI_TABLES[250])) / 100.0
    # Two printed values, each rounded to 1e-4, and the curvature of the table between them.
    np.testing.assert_allclose(SILICON.thermo_optic(np.array(LI_WL), 300.0), slope, rtol=0, atol=1.5e-6)


def test_glass_and_nitride_have_the_measured_thermo_optic_coefficients():
    assert SILICA.thermo_optic(1.55, 320.0) == pytest.approx(8.5e-6)
    assert SILICON_NITRIDE.thermo_optic(1.55, 320.0) == pytest.approx(2.45e-5)


@pytest.mark.parametrize("material", MATERIALS, ids=lambda m: m.name)
def test_derivatives_agree_with_complex_steps(material):
    step = 1e-30
    wl, temperature = jnp.asarray(WL + 0j), jnp.full(WL.shape, 320.0 + 0j)
    slope = jnp.imag(material.formula(wl + 1j * step, temperature)) / step
    np.testing.assert_allclose(material.group_index(WL, 320.0), material.index(WL, 320.0) - WL * slope, rtol=1e-13)
    heating = jnp.imag(material.formula(wl, temperature + 1j * step)) / step
    np.testing.assert_allclose(material.thermo_optic(WL, 320.0), heating, rtol=1e-12)


@pytest.mark.parametrize("material", MATERIALS, ids=lambda m: m.name)
def test_gradient_with_respect_to_temperature_is_the_thermo_optic_coefficient(material):
    gradient = jax.grad(material.index, argnums=1)(1.55, 310.0)
    assert gradient == pytest.approx(float(material.thermo_optic(1.55, 310.0)), rel=1e-13)


@pytest.mark.parametrize("method", ["index", "group_index", "thermo_optic"])
@pytest.mark.parametrize("material", MATERIALS, ids=lambda m: m.name)
def test_jit_and_vmap_give_what_plain_calls_give(material, method):
    function = getattr(material, method)
    plain = [float(function(wl, 305.0)) for wl in WL[::5]]
    np.testing.assert_allclose(jax.jit(function)(WL[::5], 305.0), plain, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(function, in_axes=(0, None))(WL[::5], 305.0), plain, rtol=1e-12)


def test_group_index_can_be_differentiated_again():
    def dispersion(wl):
        return jax.grad(SILICON.group_index)(wl, 300.0)

    step = 1e-4
    difference = (SILICON.group_index(1.55 + step) - SILICON.group_index(1.55 - step)) / (2 * step)
    assert dispersion(1.55) == pytest.approx(float(difference), rel=1e-6)


def test_shapes_broadcast_and_precision_is_kept():
    wl, temperature = WL.astype(np.float32)[:, None], np.linspace(290, 370, 3, dtype=np.float32)
    assert SILICON.index(wl, temperature).shape == (11, 3)
    for material in MATERIALS:
        for method in (material.index, material.group_index, material.thermo_optic):
            single, double = method(wl[:, 0]), method(WL)
            assert (single.dtype, double.dtype) == (jnp.float32, jnp.float64)
            np.testing.assert_allclose(single, double, rtol=1e-6)
    assert SILICON.index(2).dtype == jnp.float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.1, 300.0), r"wl = 1\.1 um is outside \[1\.2, 14\]"),
        ((1.55, 600.0), r"temperature = 600 K is outside \[250, 500\]"),
        ((np.array([1.55, np.nan]), 300.0), "wl = nan um"),
        (("blue", 300.0), "wl = 'blue' is not a real number"),
        ((1.55, 300.0 + 1j), "temperature = .* is not real"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    for method in (SILICON.index, SILICON.group_index, SILICON.thermo_optic):
        with pytest.raises(ValueError, match=message):
            method(*arguments)


@pytest.mark.parametrize("temperature", [600.0, np.nan])
def test_a_traced_value_out_of_range_raises_when_it_runs(temperature):
    function = eqx.filter_jit(lambda t: SILICON.thermo_optic(1.55, t))
    with pytest.raises(RuntimeError, match=r"temperature is outside .* index of silicon is known"):
        jax.block_until_ready(function(jnp.asarray(temperature)))


@pytest.mark.parametrize("material", MATERIALS, ids=lambda m: m.name)
def test_the_ends_of_the_ranges_are_inside_in_both_precisions(material):
    for dtype in (np.float32, np.float64):
        ends = material.index(np.array(material.wl_range, dtype), np.array(material.temperature_range, dtype))
        assert np.isfinite(ends).all()


def test_a_material_of_ones_own():
    oxide = dataclasses.replace(SILICA, formula=dataclasses.replace(SILICA.formula, thermo_optic=0.95e-5))
    assert oxide.thermo_optic(1.55) == pytest.approx(0.95e-5)
    vacuum = Material("vacuum", Sellmeier((), (), 300.0, 0.0), (0.1, 10.0), (1.0, 1000.0))
    assert vacuum.index(1.0) == 1.0
    with pytest.raises(ValueError, match="wl_range"):
        dataclasses.replace(SILICA, wl_range=(2.0, 1.0))


def test_materials_are_constants_that_hash_by_value():
    twin = dataclasses.replace(SILICON, formula=li_silicon)
    assert twin == SILICON
    assert hash(twin) == hash(SILICON)
    assert jax.tree.leaves(SILICON) == []
