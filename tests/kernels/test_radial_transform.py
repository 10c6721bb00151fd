"""Transforms along a ray: closed forms of points and circles, both sides of a circle, lines, times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from photonics_core.kernels.bessel import j0, j1, j1_ratio
from photonics_core.kernels.laplace import inverted
from photonics_core.kernels.radial_transform import (
    STEADY,
    TRANSIENT,
    line_transform,
    radial_grid,
    radial_table,
    radial_value,
    ray_basis,
    ray_bessel,
    ray_squares,
)

GRID = radial_grid(0.25, 10.0)


def values(table, r, radius):
    r = jnp.asarray(r)
    return radial_value(table[None], GRID, jnp.zeros(r.shape, int), r, jnp.full(r.shape, radius))


def point_over_sinks(height, depth=1e5):
    """G of a point `height` above the plane, with one of minus far away."""
    kappa = np.sqrt(np.asarray(ray_squares(np.dtype(complex))))
    return jnp.asarray((np.exp(-kappa * height) - np.exp(-kappa * depth)) / (2.0 * kappa))


@pytest.mark.parametrize("height", [0.3, 2.0])
def test_a_point_falls_with_distance(height):
    r = np.concatenate([[1e-9], np.geomspace(1e-4, 1e4, 300)])
    table = radial_table(ray_basis(jnp.asarray(0.0), GRID), point_over_sinks(height))
    exact = 1.0 / (4 * np.pi * np.hypot(r, height)) - 1.0 / (4 * np.pi * np.hypot(r, 1e5))
    np.testing.assert_allclose(values(table, r, 0.0), exact, rtol=2e-10)


@pytest.mark.parametrize("radius", [0.5, 10.0])
def test_a_circle_is_the_mean_of_its_points(radius):
    r = np.concatenate([np.linspace(0.0, 3 * radius, 100), [radius, 50.0, 1e3]])
    table = radial_table(ray_basis(jnp.asarray(radius), GRID), point_over_sinks(0.3))
    angle = 2 * np.pi * (np.arange(4000) + 0.5) / 4000
    apart = np.sqrt((r[:, None] - radius * np.cos(angle)) ** 2 + (radius * np.sin(angle)) ** 2)
    exact = np.mean(1 / (4 * np.pi * np.hypot(apart, 0.3)) - 1 / (4 * np.pi * np.hypot(apart, 1e5)), axis=1)
    np.testing.assert_allclose(values(table, r, radius), exact, rtol=2e-10)


def test_a_complex_function_takes_both_rays_and_a_real_one_either_angle():
    # The point in a medium in which it decays: exp(-m R) / (4 pi R), m^2 complex.
    square = 0.02 + 0.3j
    rays = [np.asarray(ray_squares(np.dtype(complex), TRANSIENT)), None]
    rays[1] = rays[0].conj()
    both = [jnp.asarray(np.exp(-np.sqrt(each + square)) / (2 * np.sqrt(each + square))) for each in rays]
    basis = ray_basis(jnp.asarray(0.0), GRID, TRANSIENT)
    r = np.geomspace(0.01, 10.0, 50)
    far = np.hypot(r, 1.0)
    exact = np.exp(-np.sqrt(square) * far) / (4 * np.pi * far)
    np.testing.assert_allclose(values(radial_table(basis, *both), r, 0.0), exact, rtol=1e-8)
    kappa = np.sqrt(rays[0])
    real = radial_table(basis, jnp.asarray((np.exp(-kappa) - np.exp(-1e5 * kappa)) / (2 * kappa)))
    other = radial_table(ray_basis(jnp.asarray(0.0), GRID, STEADY), point_over_sinks(1.0))
    np.testing.assert_allclose(values(real, r, 0.0), values(other, r, 0.0), rtol=1e-9)


def test_slopes_in_distance_and_radius():
    field = point_over_sinks(1.0)
    r = jnp.asarray([0.3, 4.0, 4.9, 5.0, 5.3, 80.0])

    @jax.jit
    def both(change):
        table = radial_table(ray_basis(5.0 + change[1], GRID), field)
        return values(table, r + change[0], 5.0 + change[1])

    slopes = jax.jit(jax.jacfwd(both))(jnp.zeros(2))
    step = 1e-4
    for k in range(2):
        moves = [both(jnp.zeros(2).at[k].set(n * step)) for n in (1, -1, 2, -2)]
        differences = (8.0 * (moves[0] - moves[1]) - (moves[2] - moves[3])) / (12.0 * step)
        np.testing.assert_allclose(slopes[:, k], differences, rtol=1e-6, atol=1e-9 * float(jnp.max(jnp.abs(slopes))))


def test_a_line_over_a_sink():
    x, kappa = np.array([0.5, 4.0, 30.0]), np.sqrt(np.asarray(ray_squares(np.dtype(complex))))
    field = line_transform(jnp.asarray((1 - np.exp(-6.0 * kappa)) / (2 * kappa)), jnp.asarray(x))
    np.testing.assert_allclose(field, np.log(np.sqrt(x**2 + 36.0) / x) / (2 * np.pi), rtol=1e-8)


def test_a_line_of_a_complex_function_takes_both_rays():
    """In a medium in which heat is lost: K_0(m R) / (2 pi), m complex."""
    square, x = 0.02 + 0.3j, np.array([0.5, 4.0, 9.0])
    squares = np.asarray(ray_squares(np.dtype(complex), TRANSIENT))
    both = (jnp.asarray(np.exp(-np.sqrt(e + square)) / (2 * np.sqrt(e + square))) for e in (squares, squares.conj()))
    there, back = both
    found = line_transform(there, jnp.asarray(x), back, TRANSIENT)
    exact = special.kv(0, np.sqrt(square) * np.hypot(x, 1.0)) / (2 * np.pi)
    np.testing.assert_allclose(found, exact, rtol=1e-8)


@pytest.mark.parametrize("angle", [STEADY, TRANSIENT])
def test_bessel_functions_on_the_ray(angle):
    x = np.geomspace(1e-15, 1e3, 3000)
    z = x * np.exp(1j * angle)
    regular, outgoing = ray_bessel(jnp.asarray(x), angle)
    np.testing.assert_allclose(regular, special.jve(0, z) * np.exp(1j * z.real), rtol=1e-11)
    np.testing.assert_allclose(outgoing, special.hankel1e(0, z), rtol=1e-11)


def test_real_bessel_functions_and_their_slopes():
    x = np.concatenate([np.linspace(-60.0, 60.0, 4001), np.linspace(0.0, 3000.0, 2001)])
    for mine, exact in ((j0, special.j0(x)), (j1, special.j1(x))):
        np.testing.assert_allclose(mine(jnp.asarray(x)), exact, atol=5e-15)
    places = jnp.asarray([0.0, 1e-4, 0.4, 0.6, 7.0, 24.9, 25.1])
    ratio = np.where(places == 0, 1.0, 2 * special.j1(places) / np.where(places == 0, 1.0, places))
    np.testing.assert_allclose(j1_ratio(places), ratio, rtol=1e-13)
    np.testing.assert_allclose(jax.vmap(jax.grad(j0))(places), -special.j1(places), atol=1e-14)
    np.testing.assert_allclose(jax.vmap(jax.grad(j1))(places), special.jvp(1, places), atol=1e-14)
    slopes = np.where(places == 0, 0.0, -2 * special.jv(2, places) / np.where(places == 0, 1.0, places))
    np.testing.assert_allclose(jax.vmap(jax.grad(j1_ratio))(places), slopes, atol=1e-14)


def test_times_from_rates():
    time = jnp.asarray([0.1, 1.0, 20.0])
    decay = inverted(lambda s: 1.0 / (s * (1.0 + 2.0 * s)), time)
    np.testing.assert_allclose(decay, 1.0 - np.exp(-time / 2.0), rtol=1e-7)
    # Half-order, as heat does: 1 / sqrt(s) is 1 / sqrt(pi t).
    np.testing.assert_allclose(inverted(lambda s: s**-0.5, time), 1.0 / np.sqrt(np.pi * time), rtol=1e-7)
