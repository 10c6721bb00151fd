"""Bends of any shape: they end where they should, contain arcs and Euler bends, and lose what their changes cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.bend_loss import BendLoss
from photonics_core.bend_shapes import ShapedBend, ShapedSBend, shape_loss_db, transition_loss
from photonics_core.guide_paths import Arc, EulerBend, Straight
from photonics_core.guide_s_bends import EulerSBend

LOSS = BendLoss(offset=-3.0, slope=5.6, mismatch=0.035)
BEAT = 3.7


@pytest.mark.parametrize("angle", [0.5 * np.pi, -0.3, np.pi])
def test_it_turns_its_angle_and_ends_on_the_arc(angle):
    random = np.random.default_rng(0)
    bend = ShapedBend(4.0, angle, random.random(6))
    end, arc = bend.end(), Arc(4.0, angle).end()
    np.testing.assert_allclose([end.x, end.y, end.heading], [arc.x, arc.y, angle], rtol=1e-12, atol=1e-12)
    back = bend.at(np.linspace(0.0, 1.0, 33)).curvature
    np.testing.assert_allclose(back, back[::-1], atol=1e-12)


def test_a_constant_shape_is_the_arc_and_a_ramp_the_euler_bend():
    arc, bend = Arc(5.0, 1.2), ShapedBend(5.0, 1.2, np.ones(4))
    assert bend.length == pytest.approx(arc.length, rel=1e-13)
    assert bend.peak_curvature() == pytest.approx(0.2, rel=1e-13)
    euler = EulerBend.of_effective_radius(5.0, 1.2)
    ramp = ShapedBend(5.0, 1.2, np.linspace(0.0, 1.0, 5))
    assert ramp.length == pytest.approx(euler.length, rel=1e-12)
    assert ramp.peak_curvature() == pytest.approx(euler.peak_curvature(), rel=1e-12)


@pytest.mark.parametrize("offset", [2.0, -0.5])
def test_an_s_bend_ends_aside_with_the_heading_it_had(offset):
    bend = ShapedSBend(6.0, offset, np.array([0.0, 0.8, 1.0]))
    np.testing.assert_allclose(bend.end(), [6.0, offset, 0.0], atol=1e-12)
    euler = EulerSBend(6.0, offset)
    assert ShapedSBend(6.0, offset, np.linspace(0.0, 1.0, 4)).length == pytest.approx(euler.length, rel=1e-12)
    # A jump in the middle is one from left to right.
    steps = ShapedSBend(6.0, offset, np.ones(2)).curvature_steps()
    assert np.max(np.abs(steps)) == pytest.approx(2.0 * np.abs(steps[0]), rel=1e-12)


def test_the_unit_of_the_shape_does_not_matter():
    shape = np.array([0.1, 0.7, 0.4])
    one, other = (ShapedBend(3.0, 1.5, factor * shape) for factor in (1.0, 17.0))
    np.testing.assert_allclose(one.pieces(), other.pieces(), rtol=1e-13)


def test_a_jump_loses_its_square_whatever_the_beat_and_two_far_apart_add_up():
    long = Arc(3.0, 2.0 * np.pi)
    for beat, spread in ((3.7, None), (1.0, 2.0)):
        assert transition_loss(long, beat, spread) == pytest.approx(2.0 / 9.0, rel=0.06)
    near = ShapedBend(3.0, 1e-3, np.ones(2))
    # A bend much shorter than a beat: both jumps cancel.
    assert transition_loss(near, BEAT) < 1e-3 * 2.0 / 9.0


def test_a_ramp_that_vanishes_is_the_jump_of_an_arc():
    arc = transition_loss(Arc(3.0, 1.5), BEAT)
    found = [transition_loss(EulerBend.of_effective_radius(3.0, 1.5, part), BEAT) for part in (1e-6, 1e-3, 0.1)]
    np.testing.assert_allclose(found[:2], arc, rtol=5e-3)
    assert found[0] == pytest.approx(arc, rel=1e-5)
    assert found[2] < 0.95 * arc
    assert shape_loss_db(EulerBend.of_effective_radius(3.0, 1.5, 0.0), LOSS, BEAT) == pytest.approx(
        shape_loss_db(Arc(3.0, 1.5), LOSS, BEAT), rel=1e-12
    )


def test_it_is_the_integral_over_the_bend():
    bend = ShapedBend(4.0, 1.4, np.array([0.0, 0.3, 1.0, 0.9]))
    s = np.linspace(0.0, 1.0, 20001)
    curvature, along = bend.at(s).curvature, s * bend.length
    middle = 0.5 * (along[1:] + along[:-1])
    u = (np.arange(400) + 0.5) * 0.03
    density = np.exp(-u) / np.sum(np.exp(-u))
    q = BEAT + 0.5 * BEAT * u
    exact = np.array([abs(np.sum(np.diff(curvature) * np.exp(1j * each * middle))) ** 2 for each in q])
    assert transition_loss(bend, BEAT) == pytest.approx(np.sum(density * exact), rel=1e-3)


def test_smooth_bends_lose_less_the_longer_they_are():
    found = [transition_loss(EulerBend.of_effective_radius(radius, 1.5), BEAT) * radius**2 for radius in (3, 6, 12, 24)]
    # Kinks leave D' / q each, so that the loss over that of jumps falls with the square of the length.
    order = np.polyfit(np.log([3, 6, 12, 24]), np.log(found), 1)[0]
    assert order == pytest.approx(-2.0, abs=0.3)


def test_derivatives():
    def total(vector):
        return shape_loss_db(ShapedBend(vector[0], vector[1], vector[2:]), LOSS, BEAT)

    # What is known is computed on the host, without compiling.
    at, step = np.array([2.5, 1.5, 0.2, 0.8, 0.9]), 1e-5
    differences = [float(total(at + one) - total(at - one)) / (2.0 * step) for one in step * np.eye(5)]
    slope = jax.jit(jax.grad(total))
    np.testing.assert_allclose(slope(jnp.asarray(at)), differences, rtol=1e-6, atol=1e-10)
    assert np.all(np.isfinite(slope(jnp.array([2.5, 1.5, 0.0, 1.0, 1.0]))))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ShapedBend(0.0, 1.0, np.ones(3)), "effective_radius = 0 um"),
        (lambda: ShapedBend(1.0, 0.0, np.ones(3)), "angle = 0 rad is no bend"),
        (lambda: ShapedBend(1.0, 1.0, np.ones(1)), "is not \\[K\\]"),
        (lambda: ShapedBend(1.0, 1.0, -np.ones(3)), "shape = -1"),
        (lambda: ShapedBend(1.0, 1.0, np.zeros(3)), "sum of the shape = 0"),
        (lambda: ShapedSBend(6.0, 0.0, np.ones(3)), "offset = 0 um is no bend"),
        (lambda: ShapedSBend(6.0, 1.0, np.zeros(3)), "sum of the shape = 0"),
        (lambda: shape_loss_db(Straight(1.0), LOSS, 0.0), "beat = 0 1/um"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
