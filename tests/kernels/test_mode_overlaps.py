import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.elements import Mesh
from photonics_core.kernels.mode_overlaps import common_points, mode_norms, mode_overlaps
from photonics_core.kernels.numbering import numbering

DEGREE = 2


def mesh(*across, lean=0.0):
    """A mesh with lines across at the given places, which lean, in a window of 1 by 0.8."""
    y = jnp.array([-0.3, 0.1, 0.5])
    lines = jnp.array([0.0, *across, 1.0])
    slope = jnp.array([0.0, *(lean for _ in across), 0.0])
    return Mesh(lines[:, None] + slope[:, None] * (y - 0.1)[None], y, jnp.zeros(()))


def vectors(grid, seed=0, count=3):
    size = numbering(grid.x.shape[0] - 1, grid.y.shape[0] - 1, DEGREE).count
    return jnp.asarray(np.random.default_rng(seed).normal(size=(count, size)))


def test_points_cover_the_window():
    x, y, area = common_points(mesh(0.2, 0.5, lean=0.2), mesh(0.3, lean=-0.1), 5)
    np.testing.assert_allclose(jnp.sum(area), 0.8, rtol=1e-14)
    np.testing.assert_allclose(jnp.sum(area * x**3 * y**2), 0.25 * (0.5**3 + 0.3**3) / 3.0, rtol=1e-13)


@pytest.mark.parametrize("lean", [0.0, 0.2])
def test_overlaps_on_one_mesh_are_its_norms(lean):
    grid = mesh(0.2, 0.5, lean=lean)
    modes = vectors(grid)
    electric, magnetic = mode_overlaps(grid, modes, grid, modes, DEGREE, extra=8)
    np.testing.assert_allclose(
        jnp.diagonal(electric), mode_norms(grid, modes, DEGREE), rtol=1e-13 if lean == 0 else 1e-3
    )
    np.testing.assert_allclose(electric, magnetic.T, rtol=1e-12)


def test_more_points_change_nothing():
    left, right = mesh(0.2, 0.5), mesh(0.21, 0.47)
    sides = left, vectors(left), right, vectors(right, 1)
    for few, many in zip(mode_overlaps(*sides, DEGREE), mode_overlaps(*sides, DEGREE, extra=8), strict=True):
        np.testing.assert_allclose(few, many, rtol=1e-12, atol=1e-12 * np.max(np.abs(many)))


def test_complex_modes_by_their_parts():
    left, right = mesh(0.2, 0.5), mesh(0.3, 0.6)
    a, b = vectors(left), vectors(right, 1)
    real, _ = mode_overlaps(left, a, right, b, DEGREE)
    both, _ = mode_overlaps(left, jax.lax.complex(a, 2.0 * a), right, jax.lax.complex(b, 0.0 * b), DEGREE)
    np.testing.assert_allclose(both, np.asarray(real) * (1.0 + 2.0j), rtol=1e-12)


def test_overlaps_have_derivatives_as_lines_move():
    a, b = vectors(mesh(0.2, 0.5)), vectors(mesh(0.3, 0.6), 1)

    def value(place):
        return mode_overlaps(mesh(0.2, place), a, mesh(0.3, 0.6), b, DEGREE)[0]

    _, slope = jax.jvp(value, (0.5,), (1.0,))
    np.testing.assert_allclose(slope, (value(0.5001) - value(0.4999)) / 2e-4, rtol=1e-5, atol=1e-5)
