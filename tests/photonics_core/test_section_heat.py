"""Heat across a waveguide: beside exact solutions of layers, laws, derivatives, temperature-dependent conductivity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.section_heat import SectionArea, SectionHeat, SectionPiece
from photonics_core.thermal_stack import Adiabatic, Convection, FixedTemperature, Layer, ThermalRegion, ThermalStack

STACK = ThermalStack(
    (
        Layer.of("substrate", "silicon", 10.0),
        Layer.of("buried oxide", "silica", 2.0),
        Layer("film", 0.22, 70.0, in_plane=50.0),
        Layer.of("oxide", "silica", 1.0, contact=1e-8),
        Layer.of("top oxide", "silica", 1.2),
    ),
    FixedTemperature(),
    Convection(1e4),
)
WIDTH = 20.0
HEATER = SectionArea((-1.0, 1.0), (13.22, 13.42))
GUIDE = SectionArea((2.75, 3.25), (12.0, 12.22))


def by_modes():
    """The same by cosines across the window."""
    n = np.arange(3000)
    wavenumber = n * np.pi / WIDTH

    def across(area):
        low, high = area.x
        middle = 0.5 * (low + high) + 0.5 * WIDTH
        return np.cos(wavenumber * middle) * np.sinc(0.5 * wavenumber * (high - low) / np.pi)

    regions = ThermalRegion(None, "top oxide", 0.0, 0.2), ThermalRegion(None, "film")
    through = np.asarray(STACK.transfer(wavenumber, *regions))
    return np.sum(np.where(n == 0, 1.0, 2.0) * through * across(HEATER) * across(GUIDE)) / WIDTH


@pytest.mark.slow
def test_it_converges_to_the_modes_of_the_layers_by_the_second_order():
    exact = by_modes()
    errors = [float(SectionHeat(STACK, WIDTH, divisions=m).resistance(HEATER, GUIDE)) / exact - 1.0 for m in (6, 12)]
    assert abs(errors[1]) < 0.008
    assert 1.7 < np.log2(errors[0] / errors[1]) < 2.3


def test_one_dimension_is_exact():
    layers = (Layer("a", 3.0, 2.0), Layer("b", 1.0, 0.5, contact=2e-8), Layer("c", 2.0, 30.0))
    section = SectionHeat(ThermalStack(layers, Convection(2e5), Adiabatic()), 4.0, divisions=2)
    whole = SectionArea((-2.0, 2.0), (4.0, 6.0))
    at_bottom = SectionArea((-2.0, 2.0), (0.0, 1e-6))
    field = section.solve(whole, 4.0, (at_bottom,))
    np.testing.assert_allclose(field.mean(at_bottom), 1.0 / 2e-4, rtol=1e-5)
    below = 1.0 / 2e-4 + 3.0 / 2e-3 + 1.0 / 5e-4 + 20.0
    np.testing.assert_allclose(field.mean(whole), below + 2.0 / 30e-3 / 3.0, rtol=2e-3)
    assert float(field.top_power) == 0.0


def trenched(**changes):
    trenches = [SectionPiece(SectionArea(x, (10.0, 14.42)), 0.026) for x in ((-4.0, -3.5), (3.5, 4.0))]
    undercut = SectionPiece(SectionArea((-4.0, 4.0), (9.0, 10.0)), 0.026)
    return SectionHeat(STACK, WIDTH, (*trenches, undercut), divisions=4, **changes)


def test_heat_is_kept_in_balance_and_reciprocal_and_bounded():
    section = trenched()
    field = section.solve(HEATER, 3.0, (GUIDE,))
    np.testing.assert_allclose(field.bottom_power + field.top_power, 3.0, rtol=1e-10)
    assert float(jnp.min(field.rise)) >= 0.0
    hottest = np.unravel_index(np.argmax(field.rise), field.rise.shape)
    assert bool(HEATER.holds(field.x, field.y)[hottest])
    np.testing.assert_allclose(section.resistance(HEATER, GUIDE), section.resistance(GUIDE, HEATER), rtol=1e-10)
    twice = section.solve(HEATER, 6.0, (GUIDE,))
    np.testing.assert_allclose(twice.rise, 2.0 * field.rise, rtol=1e-10)


def test_trenches_and_an_undercut_keep_heat_at_the_guide():
    plain = SectionHeat(STACK, WIDTH, divisions=4).resistance(HEATER, GUIDE)
    assert 3.0 < float(trenched().resistance(HEATER, GUIDE) / plain) < 100.0


@pytest.mark.slow
def test_a_conductivity_that_falls_leads_to_the_closed_form_of_kirchhoff():
    """A slab of k0 (T / T0)^-n on a sink: k0 T0 / (n - 1) (1 - (T / T0)^(1 - n)) = flux times thickness."""
    exponent, ambient, flux, thickness = 1.3, 300.0, 0.05, 5.0
    slab = ThermalStack((Layer("slab", thickness, 1.0), Layer("cap", 1e-3, 1e4)))
    section = SectionHeat(slab, 1.0, (), (exponent, 0.0), ambient, 40)
    cap = SectionArea((-0.5, 0.5), (thickness, thickness + 1e-3))
    field = section.solve(cap, flux, (cap,))
    left = 1.0 - (exponent - 1.0) * flux * thickness / (1e-3 * ambient)
    rise = ambient * (left ** (1.0 / (1.0 - exponent)) - 1.0)
    assert rise > 1.8 * flux * thickness / 1e-3
    np.testing.assert_allclose(field.mean(cap), rise, rtol=1e-3)
    np.testing.assert_allclose(field.bottom_power, flux, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.0, pytest.param(1.2, marks=pytest.mark.slow)])
def test_derivatives_are_those_of_differences(assert_gradient, exponent):
    def rise(numbers):
        layers = (Layer("base", 4.0, numbers["base"]), Layer("oxide", numbers["oxide"], 1.4), Layer("cap", 1.0, 1.4))
        piece = SectionPiece(SectionArea((3.0, 3.5 + numbers["x"]), (3.5, 5.0)), numbers["trench"], exponent)
        section = SectionHeat(ThermalStack(layers, top=Convection(1e5)), 12.0, (piece,), divisions=2)
        x, width = numbers["x"], numbers["width"]
        heater = SectionArea((x - 0.5 * width, x + 0.5 * width), (4.0 + numbers["oxide"], 4.2 + numbers["oxide"]))
        guide = SectionArea((1.0, 1.5), (4.0, 4.2))
        return section.solve(heater, 1.0, (guide,)).mean(guide)

    numbers = {"base": 100.0, "oxide": 2.0, "x": 0.3, "width": 1.5, "trench": 0.1}
    assert_gradient(rise, numbers, rtol=1e-6)


@pytest.mark.slow
def test_single_precision(float32):
    field = SectionHeat(STACK, WIDTH, divisions=4).solve(HEATER, 1.0, (GUIDE,))
    assert field.rise.dtype == jnp.float32
    found = float(field.mean(GUIDE))
    with jax.enable_x64(True):
        exact = float(SectionHeat(STACK, WIDTH, divisions=4).resistance(HEATER, GUIDE))
    np.testing.assert_allclose(found, exact, rtol=2e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SectionArea((1.0, -1.0), (0.0, 1.0)), r"x = \(1, -1\) um does not rise"),
        (lambda: SectionArea((1.0,), (0.0, 1.0)), "is not a pair of sides"),
        (lambda: SectionPiece(HEATER, -1.0), r"conductivity = -1 W/\(m K\) is outside"),
        (lambda: SectionHeat(STACK, 0.0), "width = 0 um is outside"),
        (lambda: SectionHeat(STACK, WIDTH, exponents=(1.0,)), "are not 5, one for each layer"),
        (lambda: SectionHeat(STACK, WIDTH).solve(SectionArea((8.0, 11.0), (1.0, 2.0))), "x of the heater = 11 um"),
        (lambda: SectionHeat(STACK, WIDTH).solve(SectionArea((0.0, 1.0), (14.0, 15.0))), "y of the heater = 15 um"),
        (lambda: SectionHeat(STACK, WIDTH, (SectionPiece(SectionArea((-20, 0), (0, 1)), 1.0),)), "x of the piece"),
        (lambda: SectionHeat(STACK, WIDTH, divisions=0), "divisions = 0 is outside"),
        (lambda: SectionHeat(STACK, WIDTH).solve(HEATER, np.nan), "power = nan mW/um is outside"),
        (lambda: SectionHeat(STACK, WIDTH, exponents=(np.nan,) * 5), "exponents = nan is outside"),
        (
            lambda: SectionHeat(STACK, WIDTH).solve(SectionArea((-1.0, 1.0), (13.0, 13.0000001))),
            "y of the heater spans 1e-07 um, too thin for a window of 14.42 um",
        ),
        (
            lambda: SectionHeat(STACK, WIDTH, divisions=2).solve(HEATER).mean(SectionArea((5.0, 5.001), (5.0, 5.001))),
            r"area x = \(5, 5.001\), y = \(5, 5.001\) um holds no cell",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
