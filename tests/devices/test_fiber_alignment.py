"""Where a receiver stands: turns, the way back, and the cores of a rigid end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Alignment, CorePositions, core_alignment

AT = Alignment(0.3, -0.2, 5.0, 0.02, -0.03, 0.4)


def test_a_turn_is_what_its_angles_say():
    """Roll from x to y, then tilt_y from z to y, then tilt_x from z to x; the axis is the third column."""
    turn = np.asarray(AT.rotation())
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(turn) == pytest.approx(1.0, rel=1e-14)
    axis = [np.sin(0.02) * np.cos(-0.03), np.sin(-0.03), np.cos(0.02) * np.cos(-0.03)]
    np.testing.assert_allclose(turn[:, 2], axis, atol=1e-15)
    np.testing.assert_allclose(Alignment(roll=0.4).rotation()[:2, 0], [np.cos(0.4), np.sin(0.4)], atol=1e-15)


def test_angles_come_back_from_turns_and_the_way_back_twice_is_none():
    random = np.random.default_rng(0)
    at = Alignment.of_vector(random.uniform(-1.0, 1.0, (20, 6)))
    again = Alignment.of_turn(at.vector()[..., :3], at.rotation())
    np.testing.assert_allclose(again.vector(), at.vector(), atol=1e-14)
    np.testing.assert_allclose(at.reversed().reversed().vector(), at.vector(), atol=1e-14)
    # Seen from the other end, an offset to the right is one to the left, as far as the gap is straight.
    np.testing.assert_allclose(Alignment(1.0, 0.5, 7.0).reversed().vector(), [-1.0, -0.5, 7.0, 0, 0, 0], atol=1e-15)


def test_cores_move_as_one_body():
    cores = CorePositions.row(5, 127.0)
    at = Alignment(0.3, -0.2, 5.0, 1e-3, 2e-3, 4e-4)
    each = core_alignment(at, cores, cores)
    # To first order: roll lifts the outer cores, tilt_x takes them along z.
    np.testing.assert_allclose(each.y, -0.2 + 4e-4 * np.asarray(cores.x), atol=1e-3)
    np.testing.assert_allclose(each.z, 5.0 - 1e-3 * np.asarray(cores.x), atol=1e-3)
    # Exactly: r_0 + R p - q, for a batch and for targets elsewhere too.
    targets = CorePositions(np.asarray(cores.x) * 1.001, np.asarray(cores.y) + 0.1)
    batch = Alignment.of_vector(np.stack([AT.vector(), at.vector()]))
    found = np.asarray(core_alignment(batch, cores, targets).vector())
    p, q = (np.stack([each.x, each.y, np.zeros(5)], axis=-1) for each in (cores, targets))
    expected = np.einsum("bij,nj->bni", np.asarray(batch.rotation()), p) + np.asarray(batch.vector())[:, None, :3] - q
    np.testing.assert_allclose(found[..., :3], expected, atol=1e-12)
    np.testing.assert_array_equal(found[..., 3:], np.broadcast_to(np.asarray(batch.vector())[:, None, 3:], (2, 5, 3)))
    with pytest.raises(ValueError, match=r"x of cores of shape \(5,\) and of targets of shape \(4,\)"):
        core_alignment(at, cores, CorePositions.row(4, 127.0))


def test_far_cores_keep_their_digits_in_single_precision(float32):
    """A micrometre in two millimetres has too few of them where the places themselves are turned."""
    cores, at = CorePositions.row(24, 127.0), Alignment(0.3, -0.2, 5.0, 1e-3, 2e-3, 4e-4)
    found = np.asarray(core_alignment(at, cores, cores).vector())
    assert found.dtype == np.float32
    with jax.enable_x64(True):
        np.testing.assert_allclose(found, core_alignment(at, cores, cores).vector(), atol=1e-6)


def test_derivatives(assert_gradient):
    cores = CorePositions.ring(7, 40.0)
    assert_gradient(lambda v: core_alignment(Alignment.of_vector(v), cores, cores).vector().ravel()[::5], AT.vector())
    level = jax.jacrev(lambda v: Alignment.of_vector(v).reversed().vector())(jnp.zeros(6))
    assert np.all(np.isfinite(level))


def test_bad_input_is_named():
    for make, message in (
        (lambda: Alignment(x=np.nan), "x = nan um is outside the finite numbers"),
        (lambda: Alignment(tilt_x=2.0), "tilt_x = 2 rad is outside"),
        (lambda: Alignment(roll=np.inf), "roll = inf rad"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
