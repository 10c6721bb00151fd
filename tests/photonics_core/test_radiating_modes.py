import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.films import FilmStack
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.mode_solver import fundamental_mode, solve_classes
from photonics_core.radiating_modes import bend_mode, leaky_mode

CORE, OXIDE, WL = 3.476, 1.444, 1.55


def wire(width=0.5):
    return CrossSection.strip(width, 0.22, CORE, OXIDE)


@pytest.mark.slow
def test_bend_loss_grows_as_the_radius_falls():
    section = CrossSection.strip(0.75, 0.4, 1.996, OXIDE, margin=2.5)
    bends = [bend_mode(section, WL, radius, accuracy="fast") for radius in (12.0, 15.0, 20.0)]
    loss = [float(bend.loss_db_cm) for bend in bends]
    assert loss[0] > 2 * loss[1] > 4 * loss[2] > 0
    assert bends[0].te_fraction() > 0.9
    # The field leans outwards.
    assert bends[0].confinement(lambda x, y: x > 0.0) > 0.5 > bends[2].confinement(lambda x, y: x < 0.0)
    straight = fundamental_mode(section, WL, accuracy="fast")
    assert float(bends[0].n_eff.real) > float(bends[2].n_eff.real) > float(straight.n_eff)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "radius", "expected"), [(2.0, 5.0, 3.0506), (4.0, 10.0, 3.1844), (4.0, 20.0, 2.9896)]
)
def test_the_fundamental_mode_of_a_wide_bend_runs_along_its_outer_wall(width, radius, expected):
    section = CrossSection.strip(width, 0.22, CORE, OXIDE, margin=1.2)
    mode = bend_mode(section, WL, radius, accuracy="fast")
    np.testing.assert_allclose(mode.n_eff.real, expected, atol=3e-3)
    x = np.linspace(-0.5 * width, 0.5 * width, 201)
    field = np.asarray(mode.field_at(x, np.zeros_like(x)).e[0])
    turned = (field / field[np.argmax(np.abs(field))]).real
    assert turned.min() > -0.02


@pytest.mark.slow
def test_sensitivity_of_a_bend_is_a_derivative():
    def mode(core):
        return bend_mode(CrossSection.strip(2.0, 0.22, core, OXIDE, margin=1.2), WL, 10.0, accuracy="fast")

    step = 1e-3
    difference = (mode(CORE + step).n_eff.real - mode(CORE - step).n_eff.real) / (2 * step)
    np.testing.assert_allclose(mode(CORE).index_sensitivity(0), difference, rtol=1e-4)


@pytest.mark.slow
def test_the_loss_of_a_bend_has_a_derivative():
    section = CrossSection.strip(0.75, 0.4, 1.996, OXIDE, margin=2.5)

    def loss(radius):
        return jnp.log(bend_mode(section, WL, radius, accuracy="fast").loss_db_cm)

    step = 0.02
    difference = (loss(12.0 + step) - loss(12.0 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(loss)(12.0), difference, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("polarization", ["s", pytest.param("p", marks=pytest.mark.slow)])
def test_a_slab_leaks_as_films_do(polarization):
    lower = 0.4
    y = np.array([-lower - 0.25, -lower, -0.5 * lower, 0.0, 0.22, 2.22])
    section = CrossSection(
        np.repeat(np.array([0.0, 0.3])[:, None], len(y), axis=1), y, (OXIDE, CORE), ((1, 0, 0, 1, 0),)
    )
    walls = Walls("electric", "electric") if polarization == "s" else Walls("magnetic", "magnetic")
    stack = FilmStack([OXIDE, CORE, OXIDE, CORE], [0.22, lower])
    closed = FilmStack([OXIDE, CORE, OXIDE], [0.22]).guided_mode(0, WL, polarization)
    exact = stack.mode(closed, WL, polarization, leaks=(False, True))
    (mode,) = solve_classes(section, WL, walls=[walls], accuracy="fine", guess=float(closed), absorbers=("bottom",))
    np.testing.assert_allclose(mode.n_eff, exact, atol=2e-8)


@pytest.mark.slow
def test_a_wire_leaks_less_through_more_oxide():
    modes = [leaky_mode(wire(), WL, oxide, substrate=CORE, accuracy="fast") for oxide in (0.5, 1.0)]
    closed = fundamental_mode(wire(), WL, accuracy="fast")
    decay = 2.0 * np.pi / WL * np.sqrt(float(closed.n_eff) ** 2 - OXIDE**2)
    ratio = float(jnp.log(modes[0].loss_db_cm / modes[1].loss_db_cm))
    # exp(-2 decay thickness), and a little more since the field also spreads sideways.
    assert 1.0 < ratio / (2.0 * decay * 0.5) < 1.1
    np.testing.assert_allclose(modes[1].n_eff.real, closed.n_eff, atol=2e-4)
    tm = leaky_mode(wire(), WL, 1.0, substrate=CORE, polarization="tm", accuracy="fast")
    assert tm.loss_db_cm > 1e3 * modes[1].loss_db_cm
    # What is measured over media leaves out the absorbing layers.
    assert 0.9 < float(modes[1].confinement(0) + modes[1].confinement(1)) <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bend_mode(wire(), WL, 1.0), "radius = 1 um"),
        (lambda: bend_mode(wire(), WL, -5.0), "radius = -5 um"),
        (lambda: leaky_mode(wire(), WL, 0.0), "lower_cladding = 0 um"),
        (lambda: leaky_mode(wire(), WL, 1.0, substrate="gold"), "substrate"),
        (
            lambda: leaky_mode(CrossSection.from_shapes([], OXIDE), WL, 1.0),
            "shapes",
        ),
        (lambda: leaky_mode(wire().unfolded(), WL, 1.0), "no mirror plane"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
