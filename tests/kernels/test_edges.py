"""Sums over images in two parts: closed forms of what is screened, and how fast the rest falls."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.edges import (
    HIGHEST,
    ORDER,
    REACH,
    edge_modes,
    mode_nodes,
    remainder,
    screen_for,
    screened,
    screened_along,
)
from photonics_core.kernels.radial_transform import line_transform, ray_places, ray_squares

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


def test_along_a_ray_the_integral_is_that_of_all_that_is_screened():
    """Of S kappa dkappa in log kappa, also with a slower fall of the function."""
    places = ray_places()
    for function in (line, lambda squares: 1.0 / jnp.sqrt(squares + FLOOR)):
        whole = screened(function, jnp.asarray(places), SCREEN)
        short = screened_along(function, places, SCREEN, np.dtype(complex))
        decay = np.exp(-0.1 * np.abs(places) ** 0.5)
        miss = np.sum(np.asarray(short - whole) * places * decay) / np.sum(np.asarray(whole) * places * decay)
        assert abs(miss) < 1e-10


@pytest.mark.parametrize("rate", [0.0, 1e-4j, 1e-3j])
def test_the_rest_at_few_places_gives_that_of_all_modes(rate):
    kx, ky, _ = edge_modes(600.0, 200.0, screen_for(600.0), False)
    squares = kx**2 + ky**2
    nodes, weights = mode_nodes(squares)
    assert nodes.size < 0.15 * squares.size and nodes[0] == 0.0
    rest, few = (
        np.asarray(remainder(lambda each: 1.0 / jnp.sqrt(each + FLOOR + rate), jnp.asarray(e, complex), REACH / 600.0))
        for e in (squares, nodes)
    )
    np.testing.assert_allclose(weights @ few, rest, rtol=0.0, atol=1e-9 * np.max(np.abs(rest)))
    nodes, weights = mode_nodes(squares[1:4])
    np.testing.assert_array_equal(nodes, squares[1:4])
    np.testing.assert_array_equal(weights, np.eye(3))
