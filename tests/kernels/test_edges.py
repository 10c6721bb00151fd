"""Sums over images in two parts: closed forms of what is screened, and how fast the rest falls."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.edges import HIGHEST, ORDER, REACH, edge_modes, remainder, screen_for, screened
from photonics_core.kernels.radial_transform import line_transform, ray_squares

SCREEN, FLOOR = 0.3, 1e-6


def line(squares):
    """Of a line in a medium in which heat is lost slowly: exp(-sqrt(p) x) / (2 sqrt(p)) in space."""
    return 1.0 / (squares + FLOOR)


def test_what_is_screened_falls_with_its_own_wavenumber():
    squares = ray_squares(np.dtype(complex))
    x = np.array([1.0, 20.0, REACH / SCREEN])
    found = np.asarray(line_transform(screened(line, squares, SCREEN), jnp.asarray(x)))
    steps, binomial = np.arange(1, ORDER + 1), [-1.0]
    for j in steps:
        binomial.append(-binomial[-1] * (ORDER - j + 1) / j)
    roots = np.sqrt(FLOOR + SCREEN**2 * steps)
    exact = np.sum(binomial[1:] * np.exp(-roots * x[:, None]) / (2.0 * roots), axis=1)
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-9)
    # The line itself has hardly fallen there.
    assert abs(found[2]) < 1e-8 * 0.5 / np.sqrt(FLOOR) * np.exp(-np.sqrt(FLOOR) * x[2])


def test_the_rest_falls_with_the_wavenumber_by_its_order():
    kappa = SCREEN * np.array([2.0, 4.0, HIGHEST])
    rest = np.asarray(remainder(line, jnp.asarray(kappa**2), SCREEN)) / line(kappa**2)
    assert rest[0] > 1e-6 and 0.0 < rest[2] < 1e-8
    # (mu / kappa)^(2 N) from the middle of the steps: kappa^2 + N mu^2 / 2.
    middle = kappa**2 + 0.5 * ORDER * SCREEN**2
    order = np.log(rest[1] / rest[0]) / np.log(middle[0] / middle[1])
    assert order == pytest.approx(ORDER, rel=0.15)


def test_modes_of_a_chip():
    kx, ky, weight = edge_modes(40.0, 30.0, screen_for(30.0), False)
    assert (kx[0], ky[0], weight[0]) == (0.0, 0.0, 1.0 / 1200.0)
    assert np.max(np.hypot(kx, ky)) <= HIGHEST * REACH / 30.0 < np.max(kx) + np.pi / 40.0
    assert sorted({round(w * 1200.0) for w in weight}) == [1, 2, 4]
    kx, ky, weight = edge_modes(40.0, 30.0, screen_for(60.0), True)
    assert np.min(kx) == pytest.approx(np.pi / 40.0) and np.min(ky) > 0.0
    np.testing.assert_allclose(weight, 4.0 / 1200.0)
    assert np.max(np.hypot(kx, ky)) <= HIGHEST * REACH / 60.0
