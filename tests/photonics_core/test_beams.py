"""Beams: their power, their matrix, their complex parameters, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.beams import GaussianBeam, jones_vector

WL, INDEX = 1.31, 1.2
K = jnp.asarray(2.0 * np.pi * INDEX / WL)
BEAM = GaussianBeam(2.0, 3.5, 4.0, -6.0, angle=0.4, azimuth=0.3, ellipticity=-0.2)


@pytest.mark.parametrize("z", [0.0, 9.0])
def test_the_envelope_carries_a_power_of_one_and_is_that_of_the_matrix(z):
    line = jnp.linspace(-30.0, 30.0, 301)
    x, y = jnp.meshgrid(line, line, indexing="ij")
    size, phase = (np.asarray(each) for each in BEAM.envelope(x, y, jnp.asarray(z), K))
    field = size * np.exp(1j * phase)
    assert float(np.sum(size**2) * (line[1] - line[0]) ** 2) == pytest.approx(1.0, abs=1e-12)
    a = BEAM.matrix(jnp.asarray(z), K)
    x, y = np.asarray(x), np.asarray(y)
    form = complex(a.xx) * x**2 + 2.0 * complex(a.xy) * x * y + complex(a.yy) * y**2
    np.testing.assert_allclose(field / field[150, 150], np.exp(-form), atol=1e-12)


def test_the_envelope_fulfils_the_paraxial_wave_equation():
    """2 i k dF/dz + F_xx + F_yy = 0, with the Gouy phase that the envelope leaves out put back in."""
    q = BEAM.q(WL, INDEX)

    def whole(x, y, z):
        size, phase = BEAM.envelope(x, y, z, K)
        gouy = -0.5 * sum(jnp.arctan2(z + each.real, -each.imag) for each in q)
        return jnp.stack([size * jnp.cos(phase + gouy), size * jnp.sin(phase + gouy)])

    for place in ((0.7, -1.1, 2.0), (0.0, 0.0, 4.0), (-2.0, 1.5, 30.0)):
        place = tuple(map(jnp.asarray, place))
        along = jax.jacfwd(whole, argnums=2)(*place)
        across = sum(jax.jacfwd(jax.jacfwd(whole, argnums=axis), argnums=axis)(*place) for axis in (0, 1))
        left = 2.0 * K * jnp.array([-along[1], along[0]]) + across
        assert float(jnp.max(jnp.abs(left))) < 1e-12


def test_parameters_make_the_beam_again_and_radii_are_least_at_the_waist():
    again = GaussianBeam.from_q(BEAM.q(WL, INDEX)[0], WL, INDEX, q_y=BEAM.q(WL, INDEX)[1])
    for name in ("waist_x", "waist_y", "distance_x", "distance_y"):
        assert float(getattr(again, name)) == pytest.approx(float(getattr(BEAM, name)), rel=1e-12)
    z = jnp.linspace(-20.0, 20.0, 401)
    first, second = BEAM.radii(z, WL, INDEX)
    assert float(z[jnp.argmin(first)]) == pytest.approx(4.0) and float(first.min()) == pytest.approx(2.0)
    assert float(z[jnp.argmin(second)]) == pytest.approx(-6.0) and float(second.min()) == pytest.approx(3.5)


def test_the_envelope_has_derivatives_on_its_axis(assert_gradient):
    def power(vector):
        beam = GaussianBeam(vector[0], vector[1], vector[2], vector[3], angle=vector[4])
        size, phase = beam.envelope(vector[5], vector[6], jnp.asarray(1.0), K)
        return size + 0.1 * phase

    assert_gradient(power, jnp.array([2.0, 3.0, 1.0, -2.0, 0.3, 0.0, 0.0]))
    assert_gradient(power, jnp.array([2.0, 2.0, 1.0, 1.0, 0.0, 0.4, -0.3]))


@pytest.mark.parametrize("azimuth, ellipticity", [(0.0, 0.0), (1.0, 0.4), (-2.0, np.pi / 4)])
def test_jones_vectors_have_the_norm_one_and_the_stated_ellipse(azimuth, ellipticity):
    vector = np.asarray(jones_vector(azimuth, ellipticity))
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-14)
    stokes = (abs(vector[0]) ** 2 - abs(vector[1]) ** 2, 2.0 * np.real(vector[0] * np.conj(vector[1])))
    assert stokes[0] == pytest.approx(np.cos(2 * ellipticity) * np.cos(2 * azimuth), abs=1e-14)
    assert stokes[1] == pytest.approx(np.cos(2 * ellipticity) * np.sin(2 * azimuth), abs=1e-14)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: GaussianBeam(0.0, 1.0), "waist_x = 0 um is outside"),
        (lambda: GaussianBeam(1.0, np.nan), "waist_y = nan um"),
        (lambda: GaussianBeam.from_mfd(-9.2), "mfd = -9.2 um"),
        (lambda: GaussianBeam.lensed(3.0, -1.0), "working_distance = -1 um"),
        (lambda: GaussianBeam.from_q(1.0 + 2.0j, WL), "Rayleigh length, -Im q, = -2 um"),
    ],
)
def test_what_makes_no_beam_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
