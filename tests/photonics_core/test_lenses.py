"""Ray matrices of lenses and surfaces, and what they make of a Gaussian beam and of its offset."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Alignment, FibreJoint, GaussianBeam, lens_pair
from photonics_core import transformed_beam as transformed
from photonics_core.lenses import chain, free_space, image_ray, refracting_surface, thin_lens

WL = 1.31


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


def test_an_offset_in_front_of_the_lenses_is_that_behind_them():
    """What couples through a system does not depend on the plane in which it is reckoned."""
    matrix = lens_pair(500.0, 650.0, 200.0, 480.0, 210.0)
    source, receiver = GaussianBeam.from_mfd(9.2), GaussianBeam.from_mfd(4.0)
    # The source moved by this, the image moves by that; the receiver stands the other way from it.
    x, tilt = image_ray(matrix, 1.0, 0.003)
    behind = FibreJoint(transformed(source, matrix, WL), receiver, WL)
    moved = float(behind.loss_db(Alignment(x=-x, tilt_x=-tilt)))
    # The receiver's light run backwards through the system, to the source.
    (a, b), (c, d) = np.asarray(matrix)
    back = transformed(receiver, np.array([[d, b], [c, a]]), WL)
    front = FibreJoint(source, back, WL)
    assert moved == pytest.approx(float(front.loss_db(Alignment(x=-1.0, tilt_x=-np.arcsin(0.003)))), rel=1e-4)
    assert moved - float(behind.loss_db()) > 0.1


def test_bad_input_is_named():
    face = refracting_surface(1.0, 1.45)
    for make, message in (
        (lambda: thin_lens(0.0), "focal_length = 0 um is no length"),
        (lambda: refracting_surface(1.0, 0.5), "after = 0.5 is outside"),
        (lambda: refracting_surface(1.0, 1.5, np.nan), "radius = nan um is not a number"),
        (lambda: free_space(np.inf), "length = inf um"),
        # The index behind the face forgotten: the waist would be wrong by the square root of it.
        (
            lambda: transformed(GaussianBeam(2.0, 2.0), face, WL),
            "determinant 0.689655, which is not index / index_after",
        ),
        (lambda: transformed(GaussianBeam(2.0, 2.0), np.eye(3), WL), r"matrix of shape \(3, 3\) is not \[2, 2\]"),
        (lambda: transformed(GaussianBeam(2.0, 2.0), np.eye(2), WL, matrix_y=2 * np.eye(2)), "matrix_y has the determ"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
