"""Signed distances of convex polygons, exact and smooth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.convex_distance import point_distance, polygon_distance, soft_maximum, soft_minimum

BOX = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
exact = jax.jit(polygon_distance)
smooth = jax.jit(lambda one, other: polygon_distance(one, other, 0.05))
to_points = jax.jit(point_distance)


def turned(corners, angle, x, y):
    c, s = np.cos(angle), np.sin(angle)
    return corners @ np.array([[c, s], [-s, c]]) + np.array([x, y])


@pytest.mark.parametrize(
    ("shift", "distance"),
    [
        ((3.0, 0.0), 1.0),
        ((5.0, 5.0), 5.0),
        ((0.0, -1.25), 0.25),
        ((1.5, 0.0), -0.5),
        ((0.5, 0.7), -0.3),
        ((2.0, 0.2), 0.0),
    ],
)
def test_boxes_are_as_far_apart_as_they_are(shift, distance):
    other = BOX + np.array(shift)
    assert float(exact(BOX, other)) == pytest.approx(distance, abs=1e-12)
    assert float(exact(other, BOX)) == pytest.approx(distance, abs=1e-12)


def test_distances_do_not_depend_on_the_frame_and_are_those_of_many_points():
    random = np.random.default_rng(1)
    for _ in range(5):
        other = turned(BOX, random.uniform(0, 6.0), *random.uniform(3.0, 6.0, 2))
        far = float(exact(BOX, other))
        both = [turned(each, 0.7, 3.0, -2.0) for each in (BOX, other)]
        assert float(exact(*both)) == pytest.approx(far, abs=1e-12)
        t = np.linspace(0.0, 1.0, 400)[:, None, None]
        rims = [np.asarray(each + t * (np.roll(each, -1, 0) - each)).reshape(-1, 2) for each in (BOX, other)]
        sampled = np.min(np.linalg.norm(rims[0][:, None] - rims[1][None], axis=2))
        assert far <= sampled + 1e-12 and far == pytest.approx(sampled, abs=5e-3)


def test_the_smooth_distance_is_below_the_exact_one_by_no_more_than_is_said():
    random, bound = np.random.default_rng(2), 0.05 * (np.log(8.0) + np.log(4.0))
    for _ in range(30):
        other = turned(BOX, random.uniform(0, 6.0), *random.uniform(-3.0, 4.0, 2))
        far, soft = float(exact(BOX, other)), float(smooth(BOX, other))
        assert soft <= far + 1e-12
        # Upright boxes side by side, or overlapping ones, have the gap for a distance.
        if far < 0.0:
            assert soft >= far - bound


def test_points_in_and_around_a_box():
    points = np.array([[1.0, 0.5], [3.0, 0.5], [3.0, 2.0], [-0.3, -0.4]])
    sharp = to_points(points, BOX)
    np.testing.assert_allclose(sharp, [-0.5, 1.0, np.sqrt(2.0), 0.5], atol=1e-12)
    soft = jax.jit(lambda p: point_distance(p, jnp.asarray(BOX), 0.05))(points)
    assert np.all(soft <= sharp) and np.all(soft[:2] >= sharp[:2] - 0.05 * np.log(4.0) - 1e-12)


def test_soft_bounds():
    values = jnp.array([1.0, 1.0, 3.0])
    for soft, hard in ((soft_minimum, 1.0), (soft_maximum, 3.0)):
        assert hard - 0.1 * np.log(3.0) - 1e-12 <= float(soft(values, 0.1)) <= hard
        assert float(soft(values)) == hard


@pytest.mark.parametrize("measure", [exact, smooth])
def test_gradients_are_those_of_differences(measure):
    slope = jax.jit(jax.grad(measure, 1))
    for shift in ([3.1, 1.35], [1.6, 0.3], [-0.2, -4.0]):
        # Turned a little, for parallel edges have two nearest corners.
        other = turned(BOX, 0.1, *shift)
        differences = np.zeros((4, 2))
        for k in np.ndindex(4, 2):
            step = np.zeros((4, 2))
            step[k] = 1e-5
            differences[k] = (measure(BOX, other + step) - measure(BOX, other - step)) / 2e-5
        np.testing.assert_allclose(slope(BOX, other), differences, atol=1e-7)
    # On itself, where all ties are, there is no NaN.
    assert np.all(np.isfinite(slope(BOX, BOX)))


def test_a_corner_may_be_repeated():
    repeated = np.concatenate([BOX, BOX[-1:]])
    far, slope = jax.jit(jax.value_and_grad(polygon_distance))(repeated, repeated + np.array([3.0, 0.0]))
    assert float(far) == pytest.approx(1.0) and np.all(np.isfinite(slope))
