import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.films import FilmStack
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.materials import SILICON
from photonics_core.mode_solver import cladding_index, fundamental_mode, solve_classes, solve_modes
from photonics_core.modes import poynting

CORE, OXIDE, WL = 3.476, 1.444, 1.55


def wire(width=0.5, height=0.22, core=CORE, cladding=OXIDE):
    return CrossSection.strip(width, height, core, cladding)


@pytest.fixture(scope="module")
def modes():
    return solve_modes(wire(), WL, count=3, accuracy="fast")


@functools.partial(jax.jit, static_argnames="polarization")
def indices(parameters, polarization="te"):
    width, height, core, cladding, wl = parameters
    mode = fundamental_mode(wire(width, height, core, cladding), wl, polarization=polarization, accuracy="fast")
    return jnp.stack([mode.n_eff, mode.n_g])


@functools.lru_cache(maxsize=2)
def gradients(polarization):
    return jax.jit(jax.jacrev(functools.partial(indices, polarization=polarization)))(AT)


AT = tuple(map(jnp.asarray, (0.5, 0.22, CORE, OXIDE, WL)))


@pytest.mark.slow
def test_a_wire_has_the_known_indices(modes):
    np.testing.assert_allclose([mode.n_eff for mode in modes[:2]], [2.44538, 1.77026], atol=6e-4)
    assert modes[0].te_fraction() > 0.95 and modes[1].te_fraction() < 0.05
    assert "TE 2.445" in repr(modes)


@pytest.mark.slow
def test_a_slab_is_that_of_the_films():
    # Between walls that its fields fit, a slab is as uniform across as without them.
    x = np.repeat(np.array([0.0, 0.3])[:, None], 4, axis=1)
    section = CrossSection(x, np.array([-2.0, 0.0, 0.3, 2.3]), (1.45, 3.0, 1.0), ((0, 1, 2),))
    walls = [Walls("electric", "electric"), Walls("magnetic", "magnetic")]
    found = solve_classes(section, WL, walls=walls, accuracy="fine")
    for mode, polarization in zip(found, "sp", strict=True):
        exact = FilmStack([1.0, 3.0, 1.45], [0.3]).guided_mode(0, WL, polarization)
        np.testing.assert_allclose(mode.n_eff, exact, atol=1e-8)


def test_fields_obey_maxwells_equations(modes):
    # At the kernel's points curl E = i w mu H holds by construction; curl H = -i w eps E is tested weakly: the two
    # quadratic forms of a mode, electric and magnetic energy, are equal.
    for mode in modes[:2]:
        field = mode.field()
        eps = jnp.broadcast_to(mode.permittivity, field.e.shape)
        electric = mode._integral(jnp.sum(eps * jnp.abs(field.e) ** 2, axis=0))
        magnetic = mode._integral(jnp.sum(jnp.abs(field.h) ** 2, axis=0)) * 0.376730313668**2
        np.testing.assert_allclose(electric, magnetic, rtol=1e-9)
        # The velocity of energy is the group velocity (media without dispersion).
        n_g = 0.5 * (electric + magnetic) / 0.376730313668 / mode._integral(poynting(field))
        np.testing.assert_allclose(n_g, mode.n_g, rtol=1e-9)


def test_modes_carry_unit_power_and_are_orthogonal(modes):
    for mode in modes:
        np.testing.assert_allclose(0.5 * mode._integral(poynting(mode.field())), 1.0, rtol=1e-12)
        np.testing.assert_allclose(mode.overlap(mode), 1.0, rtol=1e-9)
    assert abs(modes[0].overlap(modes[1])) < 1e-9
    assert abs(modes[0].overlap(modes[2])) < 1e-6


@pytest.mark.slow
def test_confinement_adds_up(modes):
    np.testing.assert_allclose(modes[0].confinement(0) + modes[0].confinement(1), 1.0, rtol=1e-12)
    # Regions given as functions: halves are halves, and the core is the core, with the mirror images.
    np.testing.assert_allclose(modes[0].confinement(lambda x, y: x > 0.0), 0.5, rtol=1e-9)
    core = modes[0].confinement(lambda x, y: (abs(x) < 0.25) & (abs(y) < 0.11))
    np.testing.assert_allclose(core, modes[0].confinement(0), rtol=2e-3)
    above = modes[0].confinement(lambda x, y: y > 0.11)
    whole = solve_modes(wire().unfolded().unfolded(axis=1), WL, count=1, accuracy="fast")[0]
    np.testing.assert_allclose(whole.confinement(lambda x, y: y > 0.11), above, rtol=2e-2)
    np.testing.assert_allclose(whole.confinement(lambda x, y: x > 0.0), 0.5, rtol=1e-3)
    sensitivity = modes[0].index_sensitivity(lambda x, y: (abs(x) < 0.25) & (abs(y) < 0.11))
    np.testing.assert_allclose(sensitivity, modes[0].index_sensitivity(0), rtol=2e-3)


@pytest.mark.slow
def test_overlaps_are_the_same_from_either_side():
    wide, narrow = (fundamental_mode(wire(width), WL, accuracy="fast") for width in (0.6, 0.5))
    overlaps = wide.overlap(narrow), narrow.overlap(wide)
    np.testing.assert_allclose(np.abs(overlaps[0]), np.abs(overlaps[1]), rtol=1e-9)
    np.testing.assert_allclose(np.abs(overlaps[0]), 0.9991, atol=2e-4)
    for same in (
        CrossSection.strip(0.5, 0.22, CORE, OXIDE, substrate=OXIDE),
        CrossSection.rib(0.5, 0.22, 1e-3, CORE, OXIDE),
    ):
        other = fundamental_mode(same, WL, accuracy="fast")
        np.testing.assert_allclose(np.abs(narrow.overlap(other)), 1.0, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("polarization", ["te", pytest.param("tm", marks=pytest.mark.slow)])
def test_derivatives_are_those_of_differences(polarization):
    for k, gradient in enumerate(gradients(polarization)):
        slopes = []
        for step in (2e-3, 1e-3):
            high, low = (
                indices(tuple(p + s * step * (j == k) for j, p in enumerate(AT)), polarization) for s in (1, -1)
            )
            slopes.append((high - low) / (2 * step))
        expected = (4.0 * slopes[1] - slopes[0]) / 3.0
        np.testing.assert_allclose(gradient[0], expected[0], rtol=1e-6)
        np.testing.assert_allclose(gradient[1], expected[1], rtol=2e-5, atol=2e-5)
    n_eff, n_g = indices(AT, polarization)
    np.testing.assert_allclose(n_g, n_eff - WL * gradients(polarization)[4][0], rtol=1e-9)


@pytest.mark.slow
def test_sensitivities_are_derivatives_with_respect_to_the_media(modes):
    exact = gradients("te")
    np.testing.assert_allclose(modes[0].index_sensitivity(0), exact[2][0], rtol=1e-8)
    np.testing.assert_allclose(modes[0].index_sensitivity(1), exact[3][0], rtol=1e-8)


@pytest.mark.slow
def test_the_index_over_wavelength_has_no_noise():
    wl = jnp.linspace(1.5, 1.6, 200)
    n = np.asarray(jax.jit(lambda w: jax.lax.map(lambda one: indices((*AT[:4], one))[0], w))(wl))
    second = np.diff(n, 2)
    smooth = np.polynomial.Polynomial.fit(np.arange(second.size), second, 4)(np.arange(second.size))
    assert np.max(np.abs(second - smooth)) < 1e-11


@pytest.mark.slow
def test_a_batch_of_widths():
    widths = jnp.asarray([0.45, 0.5, 0.55])
    batch = jax.jit(jax.vmap(lambda w: indices((w, *AT[1:]))))(widths)
    np.testing.assert_allclose(batch[1], indices(AT), rtol=1e-10)
    assert np.all(np.diff(batch[:, 0]) > 0)


@pytest.mark.slow
def test_fields_anywhere(modes):
    mode = modes[0]
    x, y, _ = mode.points()
    np.testing.assert_allclose(mode.field_at(x, y).e, mode.field().e, atol=1e-11)
    point, image = mode.field_at(0.2, 0.05), mode.field_at(-0.2, -0.05)
    np.testing.assert_allclose(image.e, np.asarray(point.e) * np.array([1.0, 1.0, -1.0]), atol=1e-12)
    assert np.all(mode.field_at(5.0, 0.0).e == 0)


def test_a_gaussian_beam_enters_at_most_whole(modes):
    best = float(modes[0].gaussian_overlap(0.45))
    assert 0.8 < best < 1.0
    assert modes[0].gaussian_overlap(10.4) < 0.02
    assert modes[0].gaussian_overlap(0.45, x=0.2) < best


@pytest.mark.slow
def test_leaning_walls_join_on_to_upright_ones():
    section = CrossSection.strip(0.5, 0.22, CORE, OXIDE, substrate=OXIDE, sidewall_angle=89.9)
    leaning = fundamental_mode(section, WL, accuracy="fast").n_eff
    np.testing.assert_allclose(leaning, indices(AT)[0], atol=2e-4)


@pytest.mark.slow
def test_a_rib_guides_above_its_slab_alone():
    rib = CrossSection.rib(0.5, 0.22, 0.09, CORE, OXIDE)
    slab = FilmStack([OXIDE, CORE, OXIDE], [0.09])
    expected = max(float(np.max(slab.guided_modes(WL, kind))) for kind in "sp")
    np.testing.assert_allclose(cladding_index(rib, WL), expected, rtol=1e-12)
    (mode,) = solve_modes(rib, WL, count=1, accuracy="fast")
    # femwell 0.1.12, second order, 15 nm at the rib: 2.56744.
    np.testing.assert_allclose(mode.n_eff, 2.56744, atol=3e-4)
    assert mode.te_fraction() > 0.95
    np.testing.assert_allclose(cladding_index(wire(), WL), OXIDE)


@pytest.mark.slow
def test_the_lowest_class_of_tm_may_hold_no_tm_mode():
    # A slab of 90 nm guides TE above anything that TM could reach, so what is left in the class of TM is TE1.
    rib = CrossSection.rib(0.5, 0.22, 0.09, CORE, OXIDE)
    with pytest.raises(ValueError, match="guides no tm mode"):
        fundamental_mode(rib, WL, polarization="tm", accuracy="fast")


@pytest.mark.slow
def test_tm_is_found_below_te1_of_the_same_symmetry():
    section = CrossSection.strip(0.7, 0.22, CORE, OXIDE, substrate=OXIDE)
    mode = fundamental_mode(section, WL, polarization="tm", accuracy="fast")
    np.testing.assert_allclose(mode.n_eff, 1.87374, atol=1e-3)

    @jax.jit
    def traced(width):
        section = CrossSection.strip(width, 0.22, CORE, OXIDE, substrate=OXIDE)
        found = fundamental_mode(section, WL, polarization="tm", accuracy="fast")
        return found.n_eff, found.te_fraction()

    n_eff, fraction = traced(0.7)
    np.testing.assert_allclose(n_eff, mode.n_eff, atol=1e-8)
    assert fraction < 0.1


@pytest.mark.slow
def test_wide_guides_are_divided_until_elements_follow_their_modes():
    found = {accuracy: solve_modes(wire(6.0), WL, count=8, accuracy=accuracy) for accuracy in ("fast", "normal")}
    te = {accuracy: [m.n_eff for m in modes if m.te_fraction() > 0.5] for accuracy, modes in found.items()}
    np.testing.assert_allclose(te["normal"][4:8], te["fast"][4:8], atol=2e-3)
    np.testing.assert_allclose(te["normal"][4:6], [2.7742, 2.7412], atol=1e-3)


def test_a_window_that_is_too_small_is_named():
    with pytest.warns(UserWarning, match="take a larger margin"):
        fundamental_mode(CrossSection.strip(0.5, 0.22, CORE, OXIDE, margin=0.2), WL, accuracy="fast")


def test_an_anisotropic_slab_lets_out_what_is_polarised_as_it_guides():
    # Lithium niobate cut across x: 2.138 along x, 2.211 along y and z.
    section = CrossSection.rib(1.2, 0.6, 0.5, (2.138, 2.211, 2.211), OXIDE, margin=4.0)
    floor = cladding_index(section, WL)
    tm = FilmStack([OXIDE, 2.211, OXIDE], [0.5]).guided_mode(0, WL, "p")
    te = FilmStack([OXIDE, 2.138, OXIDE], [0.5]).guided_mode(0, WL, "s")
    np.testing.assert_allclose(floor, max(float(te), float(tm)), rtol=1e-9)


def test_an_asymmetric_profile_needs_the_whole_section():
    with pytest.raises(ValueError, match="not symmetric about x = 0"):
        wire().with_profile(lambda x, y, medium: jnp.where((medium == 0) & (x < 0), -0.1, 0.0))


def test_no_guided_mode_says_so():
    thin = CrossSection.strip(0.05, 0.05, 1.6, OXIDE)
    found = solve_modes(thin, WL, accuracy="fast", count=3)
    assert len(found) == 0 and "none" in repr(found)
    with pytest.raises(ValueError, match="guides no te mode"):
        fundamental_mode(thin, WL, accuracy="fast")


@pytest.mark.slow
def test_degenerate_modes_have_values_and_no_derivatives_unless_symmetry_splits_them():
    apart = CrossSection.slot(0.4, 0.22, 2.4, CORE, OXIDE)
    whole = apart.unfolded()

    def index(core, section, walls):
        changed = eqx.tree_at(lambda each: each.media[0], section, core)
        return solve_classes(changed, WL, walls=[walls], accuracy="fast")[0].n_eff

    split = Walls(left="electric", bottom="magnetic")
    core = jnp.asarray(CORE)
    np.testing.assert_allclose(index(core, whole, Walls(bottom="magnetic")), index(core, apart, split), atol=1e-9)
    assert np.isfinite(jax.grad(index)(core, apart, split))
    with pytest.raises(Exception, match="degenerate modes"):
        jax.block_until_ready(jax.grad(index)(core, whole, Walls(bottom="magnetic")))


@pytest.mark.slow
def test_heat_as_a_profile_is_heat_as_a_temperature():
    # 10 K over the core alone, as a change of its index.
    section = CrossSection.strip(0.5, 0.22, SILICON, OXIDE)
    rise = SILICON.index(WL, 310.0) - SILICON.index(WL, 300.0)
    heated = section.with_profile(lambda x, y, medium: jnp.where(medium == 0, rise, 0.0))
    by_profile = fundamental_mode(heated, WL, accuracy="fast").n_eff
    np.testing.assert_allclose(by_profile, fundamental_mode(section, WL, 310.0, accuracy="fast").n_eff, rtol=1e-12)


@pytest.mark.slow
def test_free_carriers_as_a_profile_give_loss_and_a_smaller_index(modes):
    # 1e18 holes per cm^3 in the right half of the core: -2.1e-3 and 6 /cm (Soref and Bennett, IEEE J. Quantum Electron.
    # 23, 123 (1987), at 1550 nm).
    change = -2.1e-3 + 1j * 6e-4 * WL / (4.0 * np.pi)
    change = jnp.asarray(change)
    doped = wire().unfolded().with_profile(lambda x, y, medium: jnp.where((medium == 0) & (x > 0), change, 0.0))
    mode = solve_classes(doped, WL, walls=[Walls(bottom="magnetic")], accuracy="fast")[0]
    first_order = float(modes[0].n_eff) + 0.5 * change * float(modes[0].index_sensitivity(0))
    np.testing.assert_allclose(mode.n_eff, first_order, atol=3e-6)
    assert mode.loss_db_cm > 0 and mode.n_eff.real < modes[0].n_eff.real


def test_fine_needs_double_precision(float32):
    with pytest.raises(ValueError, match="needs double precision"):
        fundamental_mode(wire(), WL, accuracy="fine")


@pytest.mark.slow
def test_single_precision(float32):
    section = wire()
    mode = fundamental_mode(section, WL, accuracy="fast")
    assert mode.n_eff.dtype == jnp.float32
    np.testing.assert_allclose(mode.n_eff, 2.44529, atol=2e-5)
    np.testing.assert_allclose(mode.n_g, 4.1845, atol=0.2)
    assert np.isfinite(jax.grad(lambda w: fundamental_mode(wire(w), WL, accuracy="fast").n_eff)(0.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve_modes(wire(), 1550.0), "wl = 1550 um"),
        (lambda: solve_modes(wire(), [1.5, 1.6]), "use jax.vmap"),
        (lambda: solve_modes("strip", WL), "section = 'strip'"),
        (lambda: solve_modes(wire(), WL, count=0), "count = 0"),
        (lambda: solve_modes(wire(), WL, accuracy="best"), "accuracy = 'best'"),
        (lambda: solve_modes(wire(), WL, -5.0), "temperature = -5 K"),
        (lambda: fundamental_mode(wire(), WL, polarization="x"), "polarization = 'x'"),
        (lambda: fundamental_mode(wire(), WL, guess=9.0), "guess = 9"),
        (lambda: fundamental_mode(wire().unfolded(), WL), "no mirror plane"),
        (lambda: jax.jit(lambda w: solve_modes(wire(w), WL)[0].n_eff)(0.5), "plain numbers"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
