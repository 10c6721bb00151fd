"""Beams, sampled fields and lenses: closed forms, powers, what systems of lenses make of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import CorePositions, FieldGrid, GaussianBeam, SampledField, StepIndexFibre, lens_pair
from photonics_core import transformed_beam as transformed
from photonics_core.lenses import chain, free_space, image_ray, refracting_surface, thin_lens

WL = 1.31
GRID = FieldGrid.over(32.0, 32)


def test_a_beam_has_its_complex_parameter_and_radii():
    beam = GaussianBeam(2.0, 3.0, 5.0, -1.0, 0.2)
    q_x, q_y = beam.q(WL, 1.4)
    assert complex(q_x) == pytest.approx(-5.0 - 1j * np.pi * 1.4 * 4.0 / WL, rel=1e-12)
    again = GaussianBeam.from_q(q_x, WL, 1.4, q_y, angle=0.2)
    for mine, theirs in zip(jax.tree.leaves(again), jax.tree.leaves(beam), strict=True):
        assert float(mine) == pytest.approx(float(theirs), rel=1e-12, abs=1e-12)
    rayleigh = np.pi * 4.0 / WL
    assert float(beam.radii(5.0 + rayleigh, WL)[0]) == pytest.approx(2.0 * np.sqrt(2.0), rel=1e-12)
    assert float(beam.radii(-1.0, WL)[1]) == pytest.approx(3.0, rel=1e-12)


def test_kinds_of_ends():
    assert float(GaussianBeam.from_mfd(9.2, 6.0).waist_y) == 3.0
    lensed = GaussianBeam.lensed(3.0, 12.0)
    assert (float(lensed.waist_x), float(lensed.distance_x), float(lensed.distance_y)) == (1.5, 12.0, 12.0)
    # A collimator puts the far field's angle into a size.
    expanded = GaussianBeam.expanded(9.2, 880.0, WL)
    by_rays = transformed(GaussianBeam.from_mfd(9.2), chain(free_space(880.0), thin_lens(880.0), free_space(880.0)), WL)
    assert float(expanded.waist_x) == pytest.approx(float(by_rays.waist_x), rel=1e-12)
    assert float(by_rays.distance_x) == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(GaussianBeam(1.0, 1.0, ellipticity=np.pi / 4).jones, [np.sqrt(0.5), 1j * np.sqrt(0.5)])
    assert float(jnp.sum(jnp.abs(GaussianBeam(1.0, 1.0, azimuth=0.3, ellipticity=0.2).jones) ** 2)) == pytest.approx(
        1.0
    )


def test_a_telescope_makes_a_plane_image():
    matrix = lens_pair(500.0, 700.0, 200.0, 500.0, 200.0)
    np.testing.assert_allclose(matrix, [[-0.4, 0.0], [0.0, -2.5]], atol=1e-12)
    image = transformed(GaussianBeam.from_mfd(9.2), matrix, WL)
    assert float(image.waist_x) == pytest.approx(4.6 * 0.4, rel=1e-12)
    assert float(image.distance_x) == pytest.approx(0.0, abs=1e-10)
    offset, tilt = image_ray(matrix, 1.0, 0.01)
    assert (float(offset), float(tilt)) == pytest.approx((-0.4, -0.025))


def test_surfaces_and_cylinders():
    ball = chain(refracting_surface(1.0, 1.5, 150.0), free_space(300.0), refracting_surface(1.5, 1.0, -150.0))
    # A ball lens: 1/f = 2 (n - 1) / (n R), and det = 1 with the same medium at both sides.
    assert float(ball[1, 0]) == pytest.approx(-2.0 * 0.5 / (1.5 * 150.0), rel=1e-12)
    assert float(jnp.linalg.det(ball)) == pytest.approx(1.0, rel=1e-12)
    flat = refracting_surface(1.45, 1.0)
    np.testing.assert_allclose(flat, [[1.0, 0.0], [0.0, 1.45]])
    # A plane face shortens distances by the index, and leaves the waist.
    inside = transformed(GaussianBeam.lensed(4.0, 29.0), flat, WL, index=1.45)
    assert (float(inside.waist_x), float(inside.distance_x)) == pytest.approx((2.0, 20.0))
    two = transformed(GaussianBeam.from_mfd(8.0), thin_lens(100.0), WL, matrix_y=free_space(0.0))
    assert float(two.waist_y) == pytest.approx(4.0) and float(two.distance_x) > 1.0


def test_lenses_have_derivatives(assert_gradient):
    def waist(ways):
        beam = transformed(GaussianBeam.from_mfd(9.2), lens_pair(ways[0], ways[1], ways[2], ways[3], ways[4]), WL)
        return jnp.stack([beam.waist_x, beam.distance_x])

    assert_gradient(waist, jnp.asarray([500.0, 650.0, 200.0, 480.0, 210.0]))


def test_sampled_fields_have_the_power_of_one():
    fibre = StepIndexFibre.smf28_like()
    for field, missing in (
        (SampledField.of_beam(GaussianBeam(2.5, 3.5, 4.0, -2.0, 0.3, 0.2, 0.1), GRID, WL), 1e-10),
        (SampledField.of_fibre(fibre, WL, GRID), 1e-3),
        (SampledField.of_fibre(fibre, WL, GRID, "HE11"), 1e-12),
        (SampledField.of_fibre(StepIndexFibre(8.0, 1.452, 1.447), WL, GRID, "LP11"), 1e-3),
        (SampledField.of(GRID, np.ones((32, 32))), 1e-12),
    ):
        assert float(field.power()) == pytest.approx(1.0, abs=missing)


def test_lp01_is_he11_where_guidance_is_weak():
    fibre = StepIndexFibre.smf28_like()
    scalar = SampledField.of_fibre(fibre, WL, GRID, azimuth=0.4)
    vector = SampledField.of_fibre(fibre, WL, GRID, "HE11", orientation=0.4)
    shared = abs(complex(jnp.sum(scalar.e * vector.e.conj()))) * float(GRID.step) ** 2
    assert shared == pytest.approx(1.0, abs=1e-3)


def test_propagated_fields_are_those_of_the_beam():
    beam = GaussianBeam(3.0, 3.0)
    there = SampledField.of_beam(beam, GRID, WL).propagated(12.0, WL, model="paraxial")
    radius = float(beam.radii(12.0, WL)[0])
    x, y = (np.asarray(part) for part in GRID.points())
    np.testing.assert_allclose(
        np.abs(there.e[0]), np.sqrt(2.0 / np.pi) / radius * np.exp(-(x**2 + y**2) / radius**2), atol=1e-7
    )
    assert float(there.cut_power(12.0, WL)) < 1e-10


def test_bad_input_is_named():
    for make, message in (
        (lambda: GaussianBeam.from_q(3.0 + 1j, WL), r"Rayleigh length, -Im q, = -1 um is outside \(0, inf\)"),
        (lambda: GaussianBeam.from_mfd(0.0), "mfd = 0 um"),
        (lambda: GaussianBeam.lensed(3.0, -1.0), "working_distance = -1 um"),
        (lambda: thin_lens(0.0), "focal_length = 0 um is no length"),
        (lambda: refracting_surface(1.0, 0.5), "after = 0.5 is outside"),
        (lambda: SampledField.of_fibre(StepIndexFibre.smf28_like(), WL, GRID, "LP21"), "LP21"),
        (lambda: SampledField.of_beam(GaussianBeam(2.0, 2.0), GRID, WL).propagated(1.0, WL, 0.5), "index = 0.5"),
        (lambda: SampledField.of_beam(GaussianBeam(2.0, 2.0), GRID, WL).propagated(1.0, WL, model="fast"), "model"),
        (lambda: CorePositions.row(3, -127.0), "pitch = -127 um"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
