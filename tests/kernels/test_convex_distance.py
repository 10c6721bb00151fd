"""Signed distances of convex polygons, exact and smooth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.convex_distance import polygon_distance, soft_maximum, soft_minimum

BOX = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
#: The same, one corner of it twice.
REPEATED = np.concatenate([BOX, BOX[-1:]])
exact = jax.jit(polygon_distance)
EXACT_SLOPE = jax.jit(jax.grad(polygon_distance, 1))
smooth = jax.jit(lambda one, other: polygon_distance(one, other, 0.05))


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
        t = np.linspace(0.0, 1.0, 150)[:, None, None]
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


def test_soft_bounds():
    values = jnp.array([1.0, 1.0, 3.0])
    for soft, hard in ((soft_minimum, 1.0), (soft_maximum, 3.0)):
        near, sharp = jax.jit(lambda v, soft=soft: (soft(v, 0.1), soft(v)))(values)
        assert hard - 0.1 * np.log(3.0) - 1e-12 <= float(near) <= hard
        assert float(sharp) == hard


@pytest.mark.parametrize("measure", [pytest.param(exact, marks=pytest.mark.slow), smooth])
def test_gradients_are_those_of_differences(measure):
    slope = EXACT_SLOPE if measure is exact else jax.jit(jax.grad(measure, 1))
    one = REPEATED if measure is exact else BOX
    for shift in ([3.1, 1.35], [1.6, 0.3], [-0.2, -4.0]):
        # Turned a little, for parallel edges have two nearest corners.
        other = turned(BOX, 0.1, *shift)
        differences = np.zeros((4, 2))
        for k in np.ndindex(4, 2):
            step = np.zeros((4, 2))
            step[k] = 1e-5
            differences[k] = (measure(one, other + step) - measure(one, other - step)) / 2e-5
        np.testing.assert_allclose(slope(one, other), differences, atol=1e-7)
    # On itself, where all ties are, there is no NaN.
    assert np.all(np.isfinite(slope(one, BOX)))


def test_a_corner_may_be_repeated():
    other = BOX + np.array([3.0, 0.0])
    assert float(exact(REPEATED, other)) == pytest.approx(1.0) and np.all(np.isfinite(EXACT_SLOPE(REPEATED, other)))
    assert float(exact(other, REPEATED)) == pytest.approx(1.0)
