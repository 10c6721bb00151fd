import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.fibre import StepIndexFibre
from photonics_core.materials import SILICA
from photonics_core.medium import Raised
from photonics_core.modes import IMPEDANCE, Field, poynting
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.fibres import boundary_indices

SMF = StepIndexFibre.smf28_like()
ROD = StepIndexFibre(1.0, 1.444, 1.0)


def test_indices_may_be_numbers_materials_and_functions():
    wl = np.array([[1.3, 1.55]])
    fibre = StepIndexFibre(4.0, lambda wl: 1.46 + 0.001 * wl, SILICA)
    core, cladding = fibre.indices(wl)
    np.testing.assert_allclose(core, 1.46 + 0.001 * wl)
    np.testing.assert_allclose(cladding, SILICA.index(wl))
    core, cladding = SMF.indices(1.55)
    np.testing.assert_allclose((core**2 - cladding**2) / (2 * core**2), 0.0036, rtol=1e-10)
    np.testing.assert_allclose(ROD.v_number(1.55), 2 * math.pi / 1.55 * math.sqrt(1.444**2 - 1), rtol=1e-14)


@pytest.mark.parametrize(
    ("core", "cladding", "radius"), [(1.444, 1.0, 1.0), (3.476, 1.0, 0.5), (3.476, 1.444, 0.6), (1.47, 1.45, 6.0)]
)
def test_every_mode_against_the_determinant_of_the_boundary(core, cladding, radius):
    modes = StepIndexFibre(radius, core, cladding).modes(1.55)
    orders = {0: [], **{order: [] for order in range(1, 30)}}
    for mode in modes:
        orders[int(mode.name[2])].append(mode.n_eff)
    for order, mine in orders.items():
        np.testing.assert_allclose(mine, boundary_indices(core, cladding, radius, 1.55, order), rtol=0, atol=1e-10)
        if not mine:
            break


def test_modes_fall_and_lie_between_the_indices():
    for fibre in (ROD, StepIndexFibre(3.0, 1.5, 1.4), StepIndexFibre(0.4, 3.476, 1.0)):
        core, cladding = fibre.indices(1.55)
        for family in ("vector", "scalar"):
            indices = np.array([mode.n_eff for mode in fibre.modes(1.55, family)])
            assert np.all(np.diff(indices) <= 0)
            assert np.all((indices > cladding) & (indices < core))
    names = [mode.name for mode in ROD.modes(1.55)]
    assert names == ["HE11", "TE01", "HE21", "TM01", "EH11", "HE12"]


def test_the_number_of_modes():
    thin, thick = (StepIndexFibre(radius, 1.48, 1.47) for radius in (1.5, 50.0))
    assert [mode.name for mode in thin.modes(1.55)] == ["HE11"]
    assert [mode[::2] for mode in thin.modes(1.55, "scalar")] == [("LP01", 2)]
    v = float(thick.v_number(1.3))
    vector, scalar = (sum(m.degeneracy for m in thick.modes(1.3, family)) for family in ("vector", "scalar"))
    np.testing.assert_allclose([vector, scalar], 0.5 * v**2, rtol=0.03)
    np.testing.assert_allclose(vector, scalar, rtol=0.01)


@pytest.mark.slow
def test_the_index_of_a_mode_is_that_of_the_list_for_any_shape():
    for family, fibre in (("vector", ROD), ("scalar", SMF)):
        for mode in fibre.modes(1.2, family):
            np.testing.assert_allclose(fibre.n_eff(1.2, mode.name), mode.n_eff, rtol=1e-15)
    wl = np.array([[1.2, 1.3], [1.4, 1.5]])
    assert SMF.n_eff(wl).shape == (2, 2)
    np.testing.assert_allclose(SMF.n_eff(wl)[1, 0], SMF.n_eff(1.4), rtol=1e-15)
    one = jax.jit(jax.vmap(lambda wl: SMF.n_eff(wl)))(jnp.asarray(wl[0]))
    np.testing.assert_allclose(one, SMF.n_eff(wl[0]), rtol=1e-15)


def test_cutoff_wavelengths():
    assert SMF.cutoff_wavelength("HE11") == SMF.cutoff_wavelength("LP01") == math.inf
    for fibre, mode in ((SMF, "LP11"), (SMF, "HE21"), (ROD, "TM01"), (ROD, "HE21"), (ROD, "EH11")):
        limit = fibre.cutoff_wavelength(mode)
        core, cladding = fibre.indices(limit)
        n_eff = fibre.n_eff(limit * (1 - 1e-6), mode)
        assert cladding - 1e-6 < n_eff < cladding + 1e-3 * (core - cladding)
        with pytest.raises(ValueError, match=f"mode = '{mode}' is not guided"):
            fibre.n_eff(limit * (1 + 1e-9), mode)
    np.testing.assert_allclose(SMF.v_number(SMF.cutoff_wavelength("TE01")), 2.404825557695773, rtol=1e-12)


@pytest.mark.slow
def test_group_index_and_dispersion_are_derivatives():
    step, wl = 0.01, 1.55
    n = np.asarray(SMF.n_eff(wl + step * np.arange(-2, 3)))
    slope = np.dot(n, [1, -8, 0, 8, -1]) / (12 * step)
    curvature = np.dot(n, [-1, 16, -30, 16, -1]) / (12 * step**2)
    np.testing.assert_allclose(SMF.n_g(wl), n[2] - wl * slope, rtol=1e-8)
    np.testing.assert_allclose(SMF.dispersion_ps_nm_km(wl), -1e6 * wl / SPEED_OF_LIGHT * curvature, rtol=1e-3)
    assert SMF.n_g(np.array([1.3, 1.5])).shape == (2,)


@pytest.mark.parametrize("mode", ["HE11", pytest.param("TM01", marks=pytest.mark.slow)])
def test_gradients_with_respect_to_everything(mode, assert_gradient):
    tree = {"radius": np.asarray(1.2), "core": np.asarray(1.6), "cladding": np.asarray(1.1), "wl": np.asarray(1.5)}

    def both(tree):
        fibre = StepIndexFibre(tree["radius"], tree["core"], tree["cladding"])
        return jnp.stack([fibre.n_eff(tree["wl"], mode), fibre.n_g(tree["wl"], mode)])

    assert_gradient(both, tree)


@pytest.mark.parametrize("definition", ["petermann2", pytest.param("gaussian", marks=pytest.mark.slow)])
def test_gradient_of_the_mode_field_and_of_delta(definition, assert_gradient):
    def diameter(x):
        fibre = StepIndexFibre(x[0], Raised(SILICA, x[1]), SILICA)
        return fibre.mode_field_diameter(1.55, definition)

    assert_gradient(diameter, np.array([4.1, 0.0036]))


@pytest.mark.parametrize(("mode", "azimuth"), [("LP01", 2 * math.pi), ("LP11", math.pi), ("LP02", 2 * math.pi)])
def test_the_field_carries_unit_power_and_is_smooth(mode, azimuth):
    fibre = StepIndexFibre(4.1, 1.46, 1.44)
    r = np.linspace(0.0, 40.0, 8001)
    field = np.asarray(fibre.field(r, 1.3, mode))
    np.testing.assert_allclose(azimuth * np.trapezoid(field**2 * r, r), 1.0, rtol=1e-5)
    at_edge = np.asarray(fibre.field(4.1 + np.array([-2e-6, -1e-6, 1e-6, 2e-6]), 1.3, mode))
    slopes = np.diff(at_edge)[[0, 2]] / 1e-6
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-4)
    assert fibre.field(r[:4].reshape(2, 2), 1.3, mode).shape == (2, 2)
    assert field[1] > 0


def polar(radius, reach=10.0):
    """Points and areas of a quadrature in the plane, as [radii, angles]."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    r = radius * np.concatenate([0.5 * (nodes + 1.0), 1.0 + 0.5 * reach * (nodes + 1.0)])
    area = radius * np.concatenate([0.5 * weights, 0.5 * reach * weights]) * r * 2.0 * math.pi / 16
    theta = np.arange(16) * 2.0 * math.pi / 16
    return r[:, None] * np.cos(theta), r[:, None] * np.sin(theta), np.repeat(area[:, None], 16, 1)


@pytest.mark.slow
def test_vector_fields_carry_a_milliwatt_and_obey_maxwell():
    fibre, wl, step = StepIndexFibre(1.5, 1.6, 1.2), 1.55, 2e-3
    x, y, area = polar(1.5)
    fields = {}
    for mode, orientation in (("HE21", 0.3), ("HE21", 0.3 + math.pi / 4), ("TE01", 0.0), ("TM01", 0.0)):
        field = Field(*(np.asarray(part) for part in fibre.vector_field(x, y, wl, mode, orientation)))
        np.testing.assert_allclose(0.5 * np.sum(area * poynting(field)), 1.0, rtol=1e-9)
        fields[mode, orientation] = field
    for (first, turn), a in fields.items():
        for (second, other), b in fields.items():
            if (first, turn) != (second, other):
                flux = a.e[0] * b.h[1].conj() - a.e[1] * b.h[0].conj()
                assert abs(np.sum(area * flux)) < 1e-9
    assert np.all(fields["TE01", 0.0].e[2] == 0)
    assert np.max(np.abs(fields["TM01", 0.0].h[2])) == 0
    # curl E = i k Z H and curl H = -i (k / Z) n^2 E: the units of both.
    at = np.array([0.4, -0.7])[:, None] + step * np.array([[0, -1, 1, 0, 0], [0, 0, 0, -1, 1]])
    e, h = (np.asarray(part) for part in fibre.vector_field(*at, wl, "HE21", 0.3))
    k = 2.0 * math.pi / wl
    curl_e, curl_h = ((f[1, 2] - f[1, 1] - f[0, 4] + f[0, 3]) / (2 * step) for f in (e, h))
    np.testing.assert_allclose(curl_e, 1j * k * IMPEDANCE * h[2, 0], rtol=1e-4)
    np.testing.assert_allclose(curl_h, -1j * k / IMPEDANCE * 1.6**2 * e[2, 0], rtol=1e-4)


def test_the_vector_field_turns_with_its_orientation():
    r, theta, turn = 1.2, np.array([0.2, 2.0]), 0.7
    for mode in ("HE11", "HE21"):
        fixed = ROD.vector_field(r * np.cos(theta - turn), r * np.sin(theta - turn), 1.3, mode)
        turned = ROD.vector_field(r * np.cos(theta), r * np.sin(theta), 1.3, mode, turn)
        matrix = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
        for part, expected in zip(turned, fixed, strict=True):
            np.testing.assert_allclose(part, matrix @ np.asarray(expected), atol=1e-14)
    on_axis = ROD.vector_field(0.0, 0.0, 1.3)
    assert on_axis.e.shape == (3,)
    assert on_axis.e[0].real > 0 and on_axis.h[1].real > 0
    assert np.max(np.abs(on_axis.e[1:])) < 1e-15


def test_at_weak_guidance_the_vector_field_of_he11_is_that_of_lp01():
    gaps = []
    for delta in (1e-3, 1e-4):
        core = 1.444 / math.sqrt(1.0 - 2.0 * delta)
        radius = 2.0 * 1.55 / (2.0 * math.pi * math.sqrt(core**2 - 1.444**2))
        fibre = StepIndexFibre(radius, core, 1.444)
        x, y, area = polar(radius, 20.0)
        e = np.asarray(fibre.vector_field(x, y, 1.55).e)
        scalar = np.asarray(fibre.field(np.hypot(x, y), 1.55))
        norms = [np.sum(area * np.abs(part) ** 2) for part in (e, scalar)]
        transverse = np.sum(area * np.abs(e[:2]) ** 2)
        overlap = np.abs(np.sum(area * e[0] * scalar)) ** 2
        gaps.append((1.0 - overlap / (norms[0] * norms[1]), 1.0 - overlap / (transverse * norms[1])))
    # What is longitudinal carries a part of the order of delta, and what is transverse differs by delta^2.
    np.testing.assert_allclose(np.log10(np.divide(*gaps)), [1.0, 2.0], atol=0.01)
    assert gaps[1][0] < 1e-4


@pytest.mark.slow
def test_gradient_of_a_vector_field(assert_gradient):
    def parts(z):
        fibre = StepIndexFibre(z[0], z[1], 1.2)
        field = fibre.vector_field(z[3], np.array([0.2, -1.9]), z[2], "HE21", 0.3)
        return jnp.concatenate([f.ravel() for part in field for f in (part.real, part.imag)])

    assert_gradient(parts, np.array([1.2, 1.6, 1.5, 0.1]))


def test_a_mode_that_is_not_guided_is_an_error_inside_jit_too():
    with pytest.raises(eqx.EquinoxRuntimeError, match="mode HE21 is not guided"):
        jax.block_until_ready(eqx.filter_jit(lambda fibre: fibre.n_eff(1.55, "HE21"))(SMF))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepIndexFibre(-1.0, 1.5, 1.4), r"radius = -1 um is outside \(0, inf\)"),
        (lambda: StepIndexFibre([1.0, 2.0], 1.5, 1.4), r"radius of shape \(2,\)"),
        (lambda: StepIndexFibre(1.0, [1.5, 1.6], 1.4), r"core of shape \(2,\)"),
        (lambda: StepIndexFibre(1.0, 1.4, 1.4), r"core's index less the cladding's = 0 "),
        (lambda: StepIndexFibre(1.0, 1.4, -1.4), "cladding = -1.4"),
        (lambda: StepIndexFibre(1.0, 1.5 + 0.1j, 1.4), "is not a real number"),
        (lambda: StepIndexFibre(1.0, SILICA, 1.5).n_eff(1.55), "core's index less the cladding's = -0.05"),
        (lambda: Raised(SILICA, 0.5), r"delta = 0.5 is outside \(0, 0.5\)"),
        (lambda: SMF.n_eff(-1.0), "wl = -1 um"),
        (lambda: SMF.n_eff(5.0), "wl = 5 um"),
        (lambda: SMF.n_eff(1.55, "LP11"), "mode = 'LP11' is not guided at a normalised .* of 2.04.*; guided: LP01"),
        (lambda: SMF.n_g(1.55, "TE01"), "mode = 'TE01' is not guided .* guided: HE11"),
        (lambda: SMF.n_eff(1.55, "fundamental"), "mode = 'fundamental' is not a name such as"),
        (lambda: SMF.n_eff(1.55, "TE11"), "order = 1 of a mode TE"),
        (lambda: SMF.cutoff_wavelength("HE01"), "order = 0 of a mode HE"),
        (lambda: SMF.field(1.0, 1.55, "HE11"), "kind of a mode with a radial field = 'HE'"),
        (lambda: SMF.field(-1.0, 1.55), "r = -1 um"),
        (lambda: SMF.vector_field(0.0, 0.0, 1.55, "LP01"), "kind of a mode with a vector field = 'LP'"),
        (lambda: SMF.vector_field(0.0, np.nan, 1.55), "y = nan um"),
        (lambda: SMF.vector_field(0.0, 0.0, 1.55, "HE11", [0.0, 1.0]), r"orientation of shape \(2,\)"),
        (lambda: SMF.vector_field(0.0, 0.0, 1.55, "TE01"), "mode = 'TE01' is not guided"),
        (lambda: SMF.field(1.0, [1.5, 1.6]), "is not one wavelength"),
        (lambda: SMF.modes([1.5, 1.6]), "is not one wavelength"),
        (lambda: SMF.modes(1.5, "TE"), "family = 'TE' is not one of"),
        (lambda: SMF.mode_field_diameter(1.5, "fwhm"), "definition = 'fwhm' is not one of"),
        (lambda: StepIndexFibre(500.0, 1.5, 1.4).modes(1.5), "normalised frequency = 1127"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_single_precision(float32):
    def results():
        fibre = StepIndexFibre(4.1, 1.4493, 1.4441)
        field = fibre.vector_field(1.0, 5.0, 1.55)
        return jnp.stack([fibre.n_eff(1.55), fibre.mode_field_diameter(1.55), field.e[0].real, field.h[2].imag])

    mine = results()
    assert mine.dtype == jnp.float32
    with jax.enable_x64(True):
        expected = np.asarray(results())
    np.testing.assert_allclose(mine[0], expected[0], rtol=2e-7)
    np.testing.assert_allclose(mine[1:], expected[1:], rtol=1e-4)


@pytest.mark.slow
def test_derivatives_in_single_precision(float32):
    fibre = StepIndexFibre(4.1, 1.4493, 1.4441)
    mine = [fibre.n_g(1.55), fibre.dispersion_ps_nm_km(1.55), fibre.mode_field_diameter(1.55, "gaussian")]
    with jax.enable_x64(True):
        low, expected, high = (float(fibre.n_g(wl)) for wl in (1.549, 1.55, 1.551))
        diameter = float(fibre.mode_field_diameter(1.55, "gaussian"))
    # D = (dn_g / dwl) / c
    dispersion = 1e6 * (high - low) / 0.002 / SPEED_OF_LIGHT
    np.testing.assert_allclose(mine[0], expected, rtol=3e-7)
    np.testing.assert_allclose(mine[1], dispersion, atol=0.01)
    np.testing.assert_allclose(mine[2], diameter, rtol=1e-4)
