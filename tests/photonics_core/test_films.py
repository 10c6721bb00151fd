import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.films import FilmStack
from photonics_core.materials import SILICA, SILICON
from photonics_core.units import SPEED_OF_LIGHT

MIXED = FilmStack([1.0, 1.5, 2.0 + 0.01j, 1.45], [0.2, 0.3], coherent=[True, False])
GUIDE = FilmStack([1.0, 3.476, 1.444], [0.5])
FILM = FilmStack([1.0, 2.1 + 0.02j, SILICA, lambda wl: 2.0 + 0.01 * wl, SILICON], [0.2, 0.3, 0.1])


def test_indices_may_be_numbers_materials_and_functions():
    wl = np.array([1.3, 1.55])
    n = FILM.index(wl)
    assert n.shape == (5, 2)
    assert n.dtype == jnp.complex128
    np.testing.assert_allclose(n[2].real, SILICA.index(wl))
    expected = [1.0, 2.1 + 0.02j, float(SILICA.index(1.55)), 2.0155, float(SILICON.index(1.55))]
    np.testing.assert_allclose(n[:, 1], np.array(expected))


def test_wavelengths_and_angles_broadcast():
    wl, angle = np.linspace(1.3, 1.6, 2), np.linspace(0, 1.5, 3)
    arguments = wl[:, None], angle
    assert jax.eval_shape(lambda: FILM.reflection(*arguments)).s.shape == (2, 3)
    assert jax.eval_shape(lambda: FILM.absorption(*arguments)).p.shape == (3, 2, 3)
    assert jax.eval_shape(lambda: FILM.group_delay(*arguments)).r_p.shape == (2, 3)
    assert jax.eval_shape(lambda: FILM.field(np.array([0.1, 0.2]), *arguments)).e_z.shape == (2, 2, 3)
    grid = FILM.reflection(*arguments).s
    np.testing.assert_allclose(grid[1, 2], FILM.reflection(wl[1], angle[2]).s, rtol=1e-13)


def test_energy_of_coherent_and_of_mixed_stacks():
    for stack in (FILM, MIXED):
        r, t, a = (f(1.4, 0.9) for f in (stack.reflection, stack.transmission, stack.absorption))
        np.testing.assert_allclose(r.s + t.s + jnp.sum(a.s), 1.0, rtol=1e-13)
        np.testing.assert_allclose(r.unpolarized + t.unpolarized + jnp.sum(a.unpolarized), 1.0, rtol=1e-13)


def test_ellipsometry_of_glass_about_brewsters_angle():
    glass, brewster = FilmStack([1.0, 1.5], []), math.atan(1.5)
    below, above = (glass.ellipsometry(0.6, brewster + x) for x in (-0.1, 0.1))
    np.testing.assert_allclose([below.delta, above.delta], [0.0, math.pi], atol=1e-12)
    refracted = math.asin(math.sin(brewster + 0.1) / 1.5)
    ratio = math.cos(brewster + 0.1 + refracted) / math.cos(brewster + 0.1 - refracted)
    np.testing.assert_allclose(math.tan(float(above.psi)), abs(ratio), rtol=1e-12)
    slope = jax.grad(lambda angle: glass.ellipsometry(0.6, angle).psi)(jnp.asarray(brewster))
    assert np.isfinite(slope)


def test_phase_and_group_delay():
    gap = FilmStack([1.0, 1.0, 1.0], [3.0])
    np.testing.assert_allclose(gap.group_delay(1.5).t_s, 3.0 / SPEED_OF_LIGHT, rtol=1e-13)
    np.testing.assert_allclose(gap.phase(4.0).t_p, -0.5 * math.pi, rtol=1e-13)
    np.testing.assert_array_equal(gap.group_delay(1.5).r_s, 0.0)
    step = 1e-5
    phases = [FILM.phase(2 * math.pi * SPEED_OF_LIGHT / (1200.0 + x), 0.4) for x in (-step, step)]
    differences = (np.array(phases[1]) - np.array(phases[0])) / (2 * step)
    np.testing.assert_allclose(FILM.group_delay(2 * math.pi * SPEED_OF_LIGHT / 1200.0, 0.4), differences, rtol=1e-6)


@pytest.mark.slow
def test_the_stack_itself_is_differentiated(assert_gradient):
    stack = FilmStack([1.2, 2.1 + 0.02j, 1.5, 1.45], [0.2, 0.3])
    assert_gradient(lambda d: jnp.sum(FilmStack(stack.indices, d).absorption(0.8, 0.7).s), np.array([0.2, 0.3]))
    slopes = eqx.filter_jit(eqx.filter_grad(lambda s: s.reflection(0.8, 0.7).p))(stack)
    assert slopes.thickness.shape == (2,)
    assert np.iscomplexobj(slopes.indices[1])
    mixed = jax.jit(jax.grad(lambda d: FilmStack(MIXED.indices, d, MIXED.coherent).reflection(0.8, 0.7).s))
    assert np.all(np.isfinite(mixed(jnp.array([0.2, 0.3]))))


@pytest.mark.slow
def test_modes():
    modes = GUIDE.guided_modes(1.55, "s")
    assert modes.shape == (2,)
    first = jax.jit(lambda stack: stack.guided_mode(0, 1.55, "s"))(GUIDE)
    np.testing.assert_allclose(first, modes[0], rtol=1e-14)
    lossy = FilmStack([1.0, 3.476 + 1e-4j, 1.444], [0.5]).mode(modes[0], 1.55, "s")
    slope = jax.grad(lambda n: FilmStack([1.0, n, 1.444], [0.5]).guided_mode(0, 1.55, "s"))(jnp.asarray(3.476))
    np.testing.assert_allclose(lossy.imag, 1e-4 * slope, rtol=1e-6)
    assert FilmStack([1.0, 1.4, 1.5], [0.5]).guided_modes(1.55, "s").shape == (0,)


def test_a_mode_that_is_not_guided_is_an_error_inside_jit_too():
    with pytest.raises(eqx.EquinoxRuntimeError, match="order 4 is not guided"):
        jax.block_until_ready(eqx.filter_jit(lambda stack: stack.guided_mode(4, 1.55, "s"))(GUIDE))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FilmStack([1, 2, 1], [-1.0]), r"thickness = -1 um is outside \[0, inf\)"),
        (lambda: FilmStack([1, 2, 1], [np.nan]), "thickness = nan"),
        (lambda: FilmStack([1, 2], [1.0]), "does not suit indices of 2 media"),
        (lambda: FilmStack([1, np.nan, 1], [1.0]), r"real part of indices\[1\] = nan"),
        (lambda: FilmStack([1 + 0.1j, 2, 1], [1.0]), "imaginary part of the ambient's index = 0.1"),
        (lambda: FilmStack([1, 2, 1 - 0.1j], [1.0]), "imaginary part of the substrate's index = -0.1"),
        (lambda: FilmStack([1, 2, 1], [1.0], coherent=[True, True]), "coherent has 2 flags for 1 layers"),
        (lambda: GUIDE.reflection(1.5, math.pi / 2), r"angle = 1.5708 rad is outside \[0, pi / 2\)"),
        (lambda: GUIDE.reflection(1.5, -0.1), "angle = -0.1 rad"),
        (lambda: GUIDE.reflection(1.5, np.nan), "angle = nan"),
        (lambda: GUIDE.reflection(-1.5), "wl = -1.5 um"),
        (lambda: MIXED.amplitudes(1.5), "amplitudes of a stack with incoherent layers"),
        (lambda: MIXED.field([0.1], 1.5), "field of a stack with incoherent layers"),
        (lambda: GUIDE.field(0.1, 1.5), "is not a row of depths"),
        (lambda: GUIDE.guided_mode(5, 1.55, "s"), "order = 5 is not guided: the stack has 2 modes"),
        (lambda: GUIDE.guided_mode(-1, 1.55, "s"), "order = -1 is not a whole number from 0"),
        (lambda: GUIDE.guided_mode(0.5, 1.55, "s"), "order = 0.5 is not a whole number"),
        (lambda: GUIDE.mode(3.0, 1.55, "s", "yes"), "leaks = 'yes' is not a row of True and False"),
        (lambda: GUIDE.mode(3.0, 1.55, "s", (True,)), "number of leaks = 1"),
        (lambda: GUIDE.mode("a", 1.55, "s"), "guess = 'a' is not a number"),
        (lambda: GUIDE.reflection(np.ones(3), np.zeros(4)), r"angle of shape \(4,\) does not broadcast with wl"),
        (lambda: FilmStack([1, "a", 1], [1.0]), r"indices\[1\] = 'a' is not a number, a Material or a function"),
        (lambda: FilmStack([1, None, 1], [1.0]), r"indices\[1\] = None is not a number"),
        (lambda: FilmStack(1.0, [1.0]), "indices = 1.0 is not a row of indices"),
        (lambda: FilmStack([1, 2, 1], [1.0], coherent=["i"]), r"coherent = \['i'\] is not a row of True and False"),
        (lambda: FilmStack([1, 2, 1], [1.0], coherent=False), "coherent = False is not a row"),
        (lambda: FilmStack([1, lambda wl: np.nan * wl, 1], [1.0]).reflection(1.5), r"real part of indices\[1\] at wl"),
        (lambda: FilmStack([1, lambda wl: np.ones(7), 1], [1.0]).reflection(np.ones(3)), r"indices\[1\] of shape"),
        (lambda: GUIDE.guided_modes(1.5, "TE"), "polarization = 'TE' is not one of"),
        (lambda: GUIDE.guided_modes([1.5, 1.6], "s"), "is not one wavelength"),
        (lambda: FilmStack([1, 2 + 0.1j, 1], [1.0]).guided_modes(1.5, "s"), "imaginary part of the index of a guided"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_traced_value_out_of_range_gives_nan():
    indices = (1.0, 2.0 + 0.1j, 1.5)

    @jax.jit
    def results(wl, angle, d):
        coherent, mixed = FilmStack(indices, d), FilmStack(indices, d, [False])
        return coherent.reflection(wl, angle), coherent.absorption(wl, angle), mixed.reflection(wl, angle)

    for wl, angle, d in ((-1.0, 0.1, 0.3), (1.0, 2.0, 0.3), (1.0, -0.1, 0.3), (1.0, 0.1, -0.3), (1.0, 0.1, 0.3)):
        values = jnp.stack([jnp.ravel(x)[0] for x in jax.tree.leaves(results(wl, angle, jnp.array([d])))])
        assert np.all(np.isnan(values)) if (wl, angle, d) != (1.0, 0.1, 0.3) else np.all(np.isfinite(values))


def test_single_precision(float32):
    stack = FilmStack([1.0, 2.1 + 0.02j, 1.5, 1.45], [0.2, 0.3])
    mine = stack.reflection(0.8, 0.7)
    assert mine.s.dtype == jnp.float32
    with jax.enable_x64(True):
        expected = stack.reflection(0.8, 0.7)
    np.testing.assert_allclose(mine, expected, atol=1e-5)
