"""Curves of linear curvature and Bezier curves, on the host and traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import fresnel

from photonics_core.kernels.guide_curves import (
    bezier_points,
    gauss_unit,
    linear_curvature,
    namespace,
    part_nodes,
    piecewise_end,
    piecewise_points,
)


@pytest.mark.parametrize("turn", [0.3, 3.0, 12.0])
def test_a_clothoid_is_that_of_fresnel(turn):
    # From a straight line to 1 / R the heading is s^2 / (2 R L): x = l C(s / l), l = sqrt(pi R L).
    radius, length = 4.0, 2.0 * 4.0 * turn
    scale = np.sqrt(np.pi * radius * length)
    f = np.linspace(0.0, 1.0, 7)
    x, y, heading = linear_curvature(np, np.full(7, length), np.zeros(7), np.full(7, 1.0 / radius), f)
    s, c = fresnel(f * length / scale)
    np.testing.assert_allclose(np.stack([x, y]), scale * np.stack([c, s]), atol=1e-12 * length)
    np.testing.assert_allclose(heading, turn * f**2, atol=1e-12)


def test_pieces_follow_one_another_without_a_gap():
    lengths, begin, finish = (
        np.array([2.0, 0.0, 3.0, 1.0]),
        np.array([0.0, 0.5, 0.5, -0.2]),
        np.array([0.5, 0.5, 0.1, 0.3]),
    )
    # Joints lie on the points.
    t = np.linspace(0.0, 1.0, 2401)
    points = piecewise_points(np, lengths, begin, finish, t)
    # The derivative of the place is the heading, and that of the heading the curvature.
    step = np.diff(points.x), np.diff(points.y)
    middle = 0.5 * (points.heading[1:] + points.heading[:-1])
    np.testing.assert_allclose(np.hypot(*step), 6.0 / 2400, rtol=1e-5)
    np.testing.assert_allclose(np.arctan2(step[1], step[0]), middle, atol=1e-5)
    end = piecewise_end(np, lengths, begin, finish)
    np.testing.assert_allclose([points.x[-1], points.y[-1], points.heading[-1]], end, atol=1e-13)
    np.testing.assert_allclose(points.curvature[[0, 600, 1200, 2200]], [0.0, 0.375, 0.5 - 0.4 / 3.0, 0.05], atol=1e-12)
    assert points.curvature[-1] == pytest.approx(0.3)


def test_derivatives_at_joints_and_of_lengths_below_zero():
    begin, finish = np.array([0.0, 0.5, 0.5]), np.array([0.5, 0.5, 0.0])

    def places(lengths):
        points = piecewise_points(namespace(lengths), lengths, begin, finish, np.array([0.25, 0.5, 0.75, 1.0]))
        return points.x + 2.0 * points.y

    # Pieces end at a half and at three quarters of the way.
    at = np.array([2.0, 1.0, 1.0])
    exact = jax.jit(jax.jacrev(places))(at)
    for k, step in enumerate(1e-5 * np.eye(3)):
        np.testing.assert_allclose(exact[:, k], (places(at + step) - places(at - step)) / 2e-5, atol=1e-4)
    back = piecewise_points(np, np.array([-0.4]), np.zeros(1), np.zeros(1), np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(back.x, [0.0, -0.2, -0.4], atol=1e-15)


def test_traced_and_host_agree_in_both_precisions(float32):
    pieces = np.array([2.0, 3.0]), np.array([0.0, 0.3]), np.array([0.3, 0.0])
    t = np.linspace(0.0, 1.0, 5)
    host = piecewise_points(np, *pieces, t)
    traced = jax.jit(lambda *a: piecewise_points(jnp, *a))(*(jnp.asarray(each, jnp.float32) for each in (*pieces, t)))
    assert host.x.dtype == np.float64 and traced.x.dtype == jnp.float32
    np.testing.assert_allclose(np.stack(traced), np.stack(host), atol=2e-6)
    assert namespace(1.0, np.ones(2)) is np


def test_a_bezier_curve_has_the_length_of_its_speed_and_no_nan_at_a_cusp():
    control = np.array([[0.0, 0.0], [8.0, 0.0], [2.0, 6.0], [10.0, 6.0]])
    nodes, weights = part_nodes()
    found = float(np.sum(weights * bezier_points(np, control, nodes).speed))
    exact, _ = quad(lambda t: bezier_points(np, control, np.array([t])).speed[0], 0.0, 1.0, epsabs=1e-13, limit=200)
    assert found == pytest.approx(exact, abs=1e-9)
    cusp = jnp.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    slope = jax.jit(jax.grad(lambda c: jnp.sum(bezier_points(jnp, c, jnp.array([0.0, 0.5])).speed)))(cusp)
    assert np.all(np.isfinite(slope))


def test_gauss_integrates_polynomials():
    nodes, weights = gauss_unit(4)
    assert np.sum(weights * nodes**7) == pytest.approx(1.0 / 8.0, rel=1e-14)
