"""Routes: their shapes, where they end, how long they are, and which cannot be joined."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import EulerBend, Pose, Route
from photonics_core.layout_routes import _turn

HALF = 0.5 * np.pi
START = Pose(0.0, 0.0, 0.0)


def route(**options):
    return Route("a,out", "b,in", options.pop("radius", 4.0), **options)


def arrives(path, end):
    x, y, heading = path.end()
    np.testing.assert_allclose([x, y], end[:2], atol=1e-9)
    np.testing.assert_allclose([np.cos(heading), np.sin(heading)], [-np.cos(end[2]), -np.sin(end[2])], atol=1e-9)


@pytest.mark.parametrize(
    ("end", "shape"),
    [
        (Pose(60.0, 8.0, np.pi), "s_bend"),
        (Pose(60.0, 0.0, np.pi), "s_bend"),
        (Pose(30.0, 25.0, -HALF), "corner"),
        (Pose(30.0, -25.0, 2.2), "corner"),
        (Pose(10.0, 40.0, 0.0), "legs"),
        (Pose(-10.0, -40.0, 0.0), "legs"),
        (Pose(-20.0, 40.0, np.pi), "legs"),
        (Pose(60.0, 30.0, HALF), "legs"),
    ],
)
@pytest.mark.parametrize("bend", ["euler", "arc"])
def test_a_route_leaves_and_arrives_along_its_ports(end, shape, bend):
    one = route(bend=bend).resolved(START, end)
    assert one.shape == shape
    path = one.path(START, end)
    arrives(path, end)
    assert np.min(one.slack(START, end)) >= -1e-9
    assert float(path.peak_curvature()) <= 0.25 * (1.0 + 1e-6)
    # The same whatever the frame is.
    turn = Pose(3.0, -7.0, 1.1)
    moved = one.path(Pose(3.0, -7.0, 1.1), Pose(*moved_pose(turn, end)))
    assert float(moved.length) == pytest.approx(float(path.length), abs=1e-9)


def moved_pose(frame, pose):
    c, s = np.cos(frame.heading), np.sin(frame.heading)
    return frame.x + c * pose.x - s * pose.y, frame.y + s * pose.x + c * pose.y, frame.heading + pose.heading


def test_a_corner_is_as_long_as_its_parts():
    end = Pose(30.0, 25.0, -HALF)
    bend = EulerBend(4.0, HALF)
    length = 55.0 - 2.0 * float(bend.effective_radius()) + 4.0 * np.pi
    found = route().resolved(START, end).path(START, end)
    assert float(found.length) == pytest.approx(length, abs=1e-9)
    assert len(found.segments) == 3


@pytest.mark.parametrize("bend", ["cosine", "bezier"])
def test_s_bends_of_other_kinds_and_single_curves(bend):
    end = Pose(40.0, 6.0, np.pi)
    arrives(route(bend=bend).resolved(START, end).path(START, end), end)
    end = Pose(40.0, 26.0, -2.0)
    one = route(shape="bezier").resolved(START, end)
    arrives(one.path(START, end), end)
    assert len(one.legs) == 2


def test_waypoints_are_corners():
    end = Pose(100.0, 0.0, np.pi)
    one = route(shape="legs", legs=(20.0, 20.0), waypoints=[[40.0, 30.0], [60.0, 30.0]]).resolved(START, end)
    path = one.path(START, end)
    arrives(path, end)
    points = path.points(201)
    assert float(np.max(points.y)) == pytest.approx(30.0, abs=1e-9)
    assert 2 * (20 + np.hypot(20, 30)) + 20 - 8 < float(path.length) < 2 * (20 + np.hypot(20, 30)) + 20
    # A waypoint in line with its neighbours is no corner.
    straight = route(shape="legs", legs=(20.0, 20.0), waypoints=[[50.0, 0.0]]).path(START, end)
    assert float(straight.length) == pytest.approx(100.0, abs=1e-9)


@pytest.mark.parametrize(
    "shape", ["corner", *(pytest.param(each, marks=pytest.mark.slow) for each in ("s_bend", "legs", "bezier"))]
)
def test_lengths_have_the_derivatives_of_differences(shape):
    end = Pose(43.0, 26.0, -HALF) if shape == "corner" else Pose(63.0, 26.0, np.pi)
    legs = None if shape in ("s_bend", "corner") else (21.0, 23.0)
    one = route(shape=shape, legs=legs)

    def figure(pose):
        path = one.path(START, pose)
        return path.length + 0.1 * one.slack(START, pose).min()

    exact = jax.jit(jax.grad(figure))(Pose(*map(jnp.asarray, end)))
    for k in range(2 if shape == "s_bend" else 3):
        at = [
            float(figure(Pose(*(value + step * (k == j) for j, value in enumerate(end)))))
            for step in (-2e-4, -1e-4, 1e-4, 2e-4)
        ]
        assert float(exact[k]) == pytest.approx((at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / 12e-4, abs=1e-7)


@pytest.mark.slow
def test_a_corner_of_no_angle_has_the_derivatives_of_differences():
    # A waypoint in line with the ports: what comes after the bends moves with their angles.
    def places(y):
        one = route(shape="legs", legs=(20.0, 20.0), waypoints=jnp.stack([jnp.asarray(50.0), y])[None])
        points = one.path(START, Pose(100.0, 0.0, np.pi)).points(3)
        return jnp.sum(points.y * np.arange(1.0, len(points.y) + 1.0))

    compiled, step = jax.jit(jax.value_and_grad(places)), 1e-4
    difference = float(compiled(step)[0] - compiled(-step)[0]) / (2.0 * step)
    assert float(compiled(0.0)[1]) == pytest.approx(difference, rel=1e-6)


def test_a_waypoint_on_a_corner_turns_nowhere_and_is_no_nan():
    turn = jax.jit(jax.value_and_grad(lambda way: _turn(jnp, way, np.array([1.0, 0.0]))))
    value, slope = turn(jnp.zeros(2))
    assert float(value) == 0.0 and np.all(np.isfinite(slope))
    np.testing.assert_allclose(turn(jnp.array([2.0, 0.0]))[1], [0.0, -0.5])


def test_ports_that_turn_away_from_an_s_bend_break_a_constraint():
    end = Pose(60.0, 8.0, np.pi)
    one = route().resolved(START, end)
    assert np.min(one.slack(START, end)) >= 0.0
    for turn in (0.3, -0.01):
        assert np.min(one.slack(START, end._replace(heading=np.pi + turn))) == pytest.approx(
            1e-6 - abs(turn), abs=1e-12
        )


def test_a_curve_that_turns_back_at_a_cusp_is_no_route():
    with pytest.raises(ValueError, match="'bezier' misses by"):
        route(shape="bezier", legs=(4.0, 4.0)).resolved(START, Pose(10.0, 0.0, 0.0))


def test_ports_that_cannot_be_joined_are_named():
    for end, options in (
        (Pose(5.0, 6.0, np.pi), {"shape": "s_bend"}),
        (Pose(3.0, 3.0, -HALF), {"shape": "corner"}),
        (Pose(-30.0, 3.0, np.pi), {"shape": "s_bend"}),
        (Pose(40.0, 0.0, 0.5), {"shape": "s_bend"}),
        (Pose(10.0, 8.0, 0.0), {"shape": "legs", "legs": (3.0, 3.0)}),
        (Pose(50.0, 0.0, 0.0), {"radius": 400.0}),
    ):
        with pytest.raises(
            ValueError, match=r"route a,out to b,in cannot be joined at radius = 4(00)? um: from \(0, 0\)"
        ):
            route(**options).resolved(START, end)


def test_bad_routes_are_refused():
    for options, message in (
        ({"radius": 0.0}, "radius = 0 um"),
        ({"shape": "loop"}, "shape = 'loop'"),
        ({"bend": "spline"}, "bend = 'spline'"),
        ({"bend": "cosine", "shape": "corner"}, "bend of corners = 'cosine'"),
        ({"legs": (1.0, 2.0, 3.0)}, "legs of shape"),
        ({"waypoints": [1.0, 2.0]}, "waypoints of shape"),
        ({"waypoints": [[1.0, float("nan")]]}, "waypoints = nan"),
        ({"width": -1.0}, "width = -1 um"),
        ({"slab_width": 0.0}, "slab_width = 0 um"),
    ):
        with pytest.raises(ValueError, match=message):
            route(**options)
    with pytest.raises(ValueError, match="is no port of an instance"):
        Route("a", "b,in")
