"""Paths of guides: laws of bends, ends, lengths and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import fresnel

from photonics_core import Arc, CosineSBend, CubicBezier, EulerBend, EulerSBend, PathChain, Pose, Straight, s_bend

HALF = 0.5 * np.pi


def test_a_right_angled_euler_bend_has_the_effective_radius_of_fresnel():
    # The half bend turns 45 degrees over a length pi R / 2; its mirror image adds x sin + y cos of the other half.
    radius = 5.0
    scale = np.sqrt(np.pi * radius * HALF * radius)
    s, c = fresnel(HALF * radius / scale)
    expected = scale * (s + c)
    bend = EulerBend(radius, HALF)
    assert float(bend.effective_radius()) == pytest.approx(expected, abs=1e-10)
    np.testing.assert_allclose(bend.end(), (expected, expected, HALF), atol=1e-10)
    assert float(bend.length) == pytest.approx(np.pi * radius, abs=1e-10)
    assert float(bend.tangent()) == pytest.approx(expected, abs=1e-10)
    other = EulerBend.of_effective_radius(expected, HALF)
    assert float(other.radius) == pytest.approx(radius, abs=1e-10)


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("angle", [-2.5, 0.4, HALF])
def test_bends_keep_their_angle_their_length_and_their_symmetry(part, angle):
    bend = EulerBend(3.0, angle, part)
    end = bend.end()
    assert float(end.heading) == pytest.approx(angle, abs=1e-12)
    assert float(bend.length) == pytest.approx(3.0 * abs(angle) * (1.0 + part), abs=1e-12)
    assert np.arctan2(end.y, end.x) == pytest.approx(0.5 * angle, abs=1e-12)
    assert np.hypot(end.x, end.y) == pytest.approx(2.0 * bend.effective_radius() * np.sin(0.5 * abs(angle)), abs=1e-11)
    points = bend.at(np.linspace(0.0, 1.0, 1001))
    assert np.max(np.abs(points.curvature)) == pytest.approx(1.0 / 3.0, rel=1e-12) == bend.peak_curvature()
    if part > 0.0:
        # The curvature is continuous: its steps are those of its slope, and there is no jump to straight guides.
        slope = 1.0 / (3.0 * 3.0 * part * abs(angle))
        assert np.max(np.abs(np.diff(points.curvature))) <= 1.01 * slope * bend.length / 1000
        np.testing.assert_allclose(bend.curvature_steps(), 0.0, atol=1e-15)
    else:
        np.testing.assert_allclose(np.abs(bend.curvature_steps())[[0, -1]], 1.0 / 3.0)


def test_an_arc_is_a_circle():
    arc = Arc(4.0, -HALF)
    points = arc.at(np.linspace(0.0, 1.0, 9))
    np.testing.assert_allclose(np.hypot(points.x, points.y + 4.0), 4.0, atol=1e-13)
    np.testing.assert_allclose(arc.end(), (4.0, -4.0, -HALF), atol=1e-13)
    assert float(arc.length) == pytest.approx(2.0 * np.pi) and float(arc.effective_radius()) == pytest.approx(4.0)
    assert float(EulerBend(4.0, 0.0, 0.5).length) == 0.0
    assert float(EulerBend(4.0, 1e-9, 0.5).effective_radius()) == pytest.approx(6.0)
    # A full turn ends where it starts, of whichever radius.
    assert float(Arc(4.0, 2.0 * np.pi).effective_radius()) == 4.0
    assert float(Arc.of_effective_radius(4.0, 1.0).length) == pytest.approx(4.0)


@pytest.mark.parametrize("kind", ["euler", "arc", "cosine", "bezier"])
@pytest.mark.parametrize("offset", [6.0, 0.0, -2.5])
def test_s_bends_end_where_they_are_asked_to(kind, offset):
    path = s_bend(20.0, offset, kind)
    np.testing.assert_allclose(path.end(), (20.0, offset, 0.0), atol=1e-12)
    last = path.at(np.array([1.0]))
    np.testing.assert_allclose([last.x[0], last.y[0], last.heading[0]], path.end(), atol=1e-12)
    # Symmetric about its middle, where it crosses the chord.
    middle = path.at(np.array([0.5]))
    np.testing.assert_allclose([middle.x[0], middle.y[0]], [10.0, 0.5 * offset], atol=1e-12)
    exact, _ = quad(lambda t: path.at(np.array([t])).speed[0], 0.0, 1.0, epsabs=1e-12, limit=100)
    assert float(path.length) == pytest.approx(exact, abs=1e-9)


def test_the_peak_curvature_sees_a_cusp_between_its_points():
    # There and back along a line: the curvature is zero at every point, and the curve turns round at two cusps.
    for curve in (CubicBezier(10.0, 10.0, 10.0, 0.0, np.pi), CubicBezier(15.0, 15.0, 5.0, 0.0)):
        assert float(curve.peak_curvature()) > 100.0
    smooth = CubicBezier(9.0, 7.0, 20.0, 6.0, 0.4)
    fine = np.max(np.abs(smooth.at(np.linspace(0.0, 1.0, 20001)).curvature))
    assert float(smooth.peak_curvature()) == pytest.approx(fine, rel=1e-3)


def test_curvature_jumps_where_two_arcs_of_an_s_bend_meet():
    path = s_bend(20.0, 5.0, "arc")
    steps = np.asarray(path.curvature_steps())
    peak = float(path.peak_curvature())
    np.testing.assert_allclose(steps[np.abs(steps) > 1e-12], [peak, -2.0 * peak, peak], rtol=1e-12)
    cosine = CosineSBend(20.0, 5.0)
    np.testing.assert_allclose(cosine.curvature_steps(), np.pi**2 * 5.0 / (2.0 * 400.0), rtol=1e-12)


def test_a_bezier_curve_has_its_handles():
    curve = CubicBezier(3.0, 2.0, 10.0, 4.0, 0.5)
    control = curve.control_points()
    np.testing.assert_allclose(control, [[0, 0], [3, 0], [10 - 2 * np.cos(0.5), 4 - 2 * np.sin(0.5)], [10, 4]])
    ends = curve.at(np.array([0.0, 1.0]))
    np.testing.assert_allclose(ends.heading, [0.0, 0.5], atol=1e-13)
    np.testing.assert_allclose(ends.speed, [9.0, 6.0])
    # kappa = (2/3) |(p1 - p0) x (p2 - p1)| / |p1 - p0|^3 at the start.
    assert ends.curvature[0] == pytest.approx(2.0 / 3.0 * 3.0 * control[2, 1] / 27.0)


def test_a_chain_goes_on_where_its_parts_end():
    chain = PathChain([Straight(5.0), Arc(3.0, HALF), Arc(3.0, -HALF), s_bend(9.0, 1.0)], Pose(1.0, 2.0, HALF))
    end = chain.end()
    np.testing.assert_allclose(end, (1.0 - 6.0 - 1.0, 2.0 + 5.0 + 6.0 + 9.0, HALF), atol=1e-12)
    points = chain.points(5)
    np.testing.assert_allclose([points.x[-1], points.y[-1], points.heading[-1]], end, atol=1e-12)
    steps = np.asarray(chain.curvature_steps())
    np.testing.assert_allclose(steps[np.abs(steps) > 1e-9], [1 / 3, -2 / 3, 1 / 3], rtol=1e-12)
    # A straight without length between them changes nothing, traced or not.
    split = PathChain([Straight(5.0), Arc(3.0, HALF), Straight(0.0), Arc(3.0, -HALF), s_bend(9.0, 1.0)])
    nothing = lambda span: PathChain([Arc(3.0, HALF), Straight(span), Arc(3.0, -HALF)]).curvature_steps()  # noqa: E731
    for found in (split.curvature_steps(), jax.jit(nothing)(0.0)):
        found = np.asarray(found)
        np.testing.assert_allclose(found[np.abs(found) > 1e-9], [1 / 3, -2 / 3, 1 / 3], rtol=1e-6)
    apart = np.asarray(nothing(1.0))
    np.testing.assert_allclose(apart[np.abs(apart) > 1e-9], [1 / 3, -1 / 3, -1 / 3, 1 / 3], rtol=1e-12)
    assert float(chain.length) == pytest.approx(5.0 + 3.0 * np.pi + float(EulerSBend(9.0, 1.0).length))
    assert float(chain.length_to(1, 0.5)) == pytest.approx(5.0 + 0.75 * np.pi)
    assert float(chain.peak_curvature()) == pytest.approx(1 / 3)


def bend_figure(tree):
    bend = EulerBend(tree["radius"], tree["angle"], tree["part"])
    return sum(bend.end()) + bend.length + 0.3 * bend.effective_radius() + bend.at(np.array([0.37])).y[0]


def curve_figure(tree):
    curve = CubicBezier(tree["radius"], 3.0, tree["run"], tree["offset"], tree["angle"])
    return curve.length + curve.at(np.array([0.37])).y[0] + 0.1 * curve.at(np.array([0.2])).curvature[0]


def wave_figure(tree):
    wave = EulerSBend(tree["run"], tree["offset"], tree["part"])
    return wave.length + wave.peak_curvature() + wave.at(np.array([0.37])).y[0]


TREE = {"radius": 4.0, "angle": 0.9, "part": 0.6, "run": 12.0, "offset": 3.0}


def test_the_heading_of_a_bend_of_no_angle_has_a_derivative():
    # By |angle| the end is one place, and its derivative along x none that is two-sided.
    slope = jax.jit(jax.jacrev(lambda angle: jnp.stack(EulerBend(5.0, angle).end())))(0.0)
    np.testing.assert_allclose(slope[1:], [0.0, 1.0], atol=1e-12)


@pytest.mark.parametrize(
    "figure",
    # The quick one of bends is that of the lengths of a corner, among the routes.
    [pytest.param(each, marks=pytest.mark.slow) for each in (bend_figure, curve_figure, wave_figure)],
)
def test_gradients_are_those_of_differences_on_the_host(figure):
    slope = jax.jit(jax.grad(figure))
    exact = slope(jax.tree.map(jnp.asarray, TREE))
    for name, value in TREE.items():
        at = [float(figure(TREE | {name: value + step})) for step in (-2e-3, -1e-3, 1e-3, 2e-3)]
        difference = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / 12e-3
        assert float(exact[name]) == pytest.approx(difference, abs=1e-8), name
    # No angle, no offset and no clothoid: derivatives are there all the same.
    none = slope(jax.tree.map(jnp.asarray, TREE | {"angle": 0.0, "offset": 0.0, "part": 0.0}))
    assert np.all(np.isfinite(np.stack(jax.tree.leaves(none))))


def test_bad_paths_are_refused():
    for make, message in (
        (lambda: Straight(-1.0), "length = -1 um"),
        (lambda: EulerBend(0.0, 1.0), "radius = 0 um"),
        (lambda: EulerBend(1.0, 7.0), "angle = 7 rad"),
        (lambda: EulerBend(1.0, 1.0, 1.2), "euler = 1.2"),
        (lambda: Arc(float("nan"), 1.0), "radius = nan"),
        (lambda: s_bend(0.0, 1.0), "run = 0 um"),
        (lambda: s_bend(1.0, 1.0, "sine"), "kind = 'sine'"),
        (lambda: CubicBezier(1.0, -1.0, 5.0, 5.0), "last = -1 um"),
        (lambda: PathChain([]), "segments is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
