import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.coupling_map import CouplingMap
from photonics_core.supermodes import couple, pair_section

CORE, OXIDE = 3.476, 1.444


@pytest.fixture(scope="module")
def solved(tmp_path_factory) -> CouplingMap:
    folder = tmp_path_factory.mktemp("modes")
    return CouplingMap.fit(0.5, 0.22, CORE, OXIDE, gap=(0.15, 0.35), wl=(1.54, 1.56), cache=folder)


@pytest.mark.slow
def test_a_map_is_what_was_solved(solved):
    for gap, wl in ((0.17, 1.541), (0.33, 1.557)):
        section = pair_section(0.5, 0.22, gap, CORE, OXIDE)
        expected = couple(section, wl, 300.0, accuracy="fast").coupling
        np.testing.assert_allclose(solved.coupling(gap, wl), expected, rtol=1e-3)


@pytest.mark.slow
def test_coupling_goes_on_as_an_exponential_beyond_the_widest_gap(solved):
    at = solved.coupling(jnp.array([0.35, 0.45, 0.55]), 1.55)
    np.testing.assert_allclose(at[0] / at[1], at[1] / at[2], rtol=1e-9)
    slopes = [float(jax.grad(lambda gap: jnp.log(solved.coupling(gap, 1.55)))(gap)) for gap in (0.3499999, 0.3500001)]
    np.testing.assert_allclose(*slopes, rtol=1e-4)


@pytest.mark.slow
def test_coupling_grows_with_wavelength_and_falls_with_the_gap(solved):
    assert jax.grad(solved.coupling, 1)(0.2, 1.55) > 0 > jax.grad(solved.coupling, 0)(0.2, 1.55)


@pytest.mark.slow
def test_a_map_comes_back_from_its_cache(tmp_path, monkeypatch):
    arguments = {"gap": (0.2, 0.25), "wl": (1.549, 1.551), "tolerance": 0.05, "cache": tmp_path}
    first = CouplingMap.fit(0.5, 0.22, CORE, OXIDE, **arguments)
    monkeypatch.setattr("photonics_core.coupling_map.point_solver", lambda *_: lambda *_: pytest.fail("solved again"))
    again = CouplingMap.fit(0.5, 0.22, CORE, OXIDE, **arguments)
    np.testing.assert_array_equal(first.coefficients, again.coefficients)


@pytest.mark.slow
def test_the_logarithm_goes_on_where_the_coupling_is_no_number(solved):
    np.testing.assert_allclose(solved.log_coupling(0.25, 1.55), np.log(solved.coupling(0.25, 1.55)), rtol=1e-12)
    far, farther = (float(solved.log_coupling(gap, 1.55)) for gap in (200.0, 201.0))
    assert solved.coupling(200.0, 1.55) == 0.0
    np.testing.assert_allclose(far - farther, 1.0 / solved.decay_length, rtol=0.2)


def test_a_map_over_the_width_has_a_derivative_in_it():
    # Coefficients written down: ln kappa = -3 - 2 g + w / 2 in the variables of the box.
    coefficients = np.zeros((2, 2, 1, 1))
    coefficients[0, 0], coefficients[0, 1], coefficients[1, 0] = -3.0, -2.0, 0.5
    bounds = (("width", (0.4, 0.6)), ("gap", (0.1, 0.3)), ("temperature", (300.0, 300.0)), ("wl", (1.5, 1.6)))
    given = CouplingMap(coefficients, {"width": 0.5}, bounds, 0.0)
    np.testing.assert_allclose(given.coupling(0.2, 1.55), np.exp(-3.0))
    slope = jax.grad(lambda width: jnp.log(given.at(width=width).coupling(0.2, 1.55)))(0.5)
    np.testing.assert_allclose(slope, 0.5 / 0.1)
    with pytest.raises(ValueError, match="width = 0.7 um"):
        given.at(width=0.7)
    with pytest.raises(ValueError, match="height = 0.3 does not vary"):
        given.at(height=0.3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.coupling(0.1, 1.55), "gap = 0.1 um"),
        (lambda m: m.coupling(0.2, 1.7), "wl = 1.7 um"),
        (lambda _: CouplingMap.fit(gap=(-0.1, 0.3)), "narrowest gap = -0.1 um"),
        (lambda _: CouplingMap.fit(gap=0.2), "gap = 0.2 is not a pair"),
        (lambda _: CouplingMap.fit(polarization="both"), "polarization"),
        (lambda _: CouplingMap.fit(core=lambda wl: 3.5, cache="modes"), "leave out cache"),
        # Guided in the middle of the intervals, but not where the guides are closest and the wavelength is longest.
        (lambda _: CouplingMap.fit(0.5, 0.3, 2.0, OXIDE, gap=(0.15, 1.2)), r"no odd te mode.*gap = 0\.15 um"),
    ],
)
def test_bad_input_is_named(solved, call, message):
    with pytest.raises(ValueError, match=message):
        call(solved)


@pytest.mark.slow
def test_a_traced_value_outside_stops_the_program(solved):
    with pytest.raises(Exception, match="gap is outside"):
        jax.block_until_ready(jax.jit(lambda gap: solved.coupling(gap, 1.55))(0.05))
