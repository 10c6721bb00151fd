"""Curvatures, widths and the ellipsoid of a joint, and the search for its best alignment."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    Alignment,
    FibreJoint,
    FieldGrid,
    GaussianBeam,
    alignment_tolerance,
    alignment_width,
    best_alignment,
)
from photonics_core.devices.fiber_alignment import FREEDOMS

WL = 1.31
PLAIN = FibreJoint(GaussianBeam.from_mfd(9.2), GaussianBeam.from_mfd(9.2), WL)
LENSED = FibreJoint(GaussianBeam.lensed(3.0, 12.0, mfd_y=5.0, angle=0.4), GaussianBeam.from_mfd(4.0, 3.0), WL)


@pytest.mark.slow
def test_widths_of_equal_modes_are_the_closed_ones():
    w, db = 4.6, 10.0 / np.log(10.0)
    rayleigh = np.pi * w**2 / WL
    found = alignment_tolerance(PLAIN)
    assert found.curvature_widths[0] == pytest.approx(w / np.sqrt(db), rel=1e-10)
    assert found.curvature_widths[3] == pytest.approx(WL / (np.pi * w) / np.sqrt(db), rel=1e-10)
    assert found.curvature_widths[2] == pytest.approx(2.0 * rayleigh / np.sqrt(db), rel=1e-10)
    assert float(alignment_width(PLAIN, "x")) == pytest.approx(w / np.sqrt(db), rel=1e-10)
    assert float(alignment_width(PLAIN, "z", side=-1)) == pytest.approx(
        2.0 * rayleigh * np.sqrt(10**0.1 - 1), rel=1e-10
    )
    tilt = float(alignment_width(PLAIN, "tilt_y", level_db=0.5))
    assert np.sin(tilt) == pytest.approx(WL / (np.pi * w) * np.sqrt(0.5 / db), rel=1e-10)


@pytest.mark.slow
def test_a_width_has_the_derivatives_of_the_root():
    def width(waist):
        return alignment_width(FibreJoint(GaussianBeam(waist, waist), GaussianBeam(waist, waist), WL), "x")

    db = 10.0 / np.log(10.0)
    value, slope = jax.jvp(width, (jnp.asarray(4.6),), (jnp.asarray(1.0),))
    assert float(value) == pytest.approx(4.6 / np.sqrt(db), rel=1e-10)
    assert float(slope) == pytest.approx(1.0 / np.sqrt(db), rel=1e-8)


@pytest.mark.slow
def test_a_width_has_second_derivatives():
    """One beam of w, one of w_0: the width is sqrt((w^2 + w_0^2) / (2 dB))."""

    def width(waist):
        return alignment_width(FibreJoint(GaussianBeam(waist, waist), PLAIN.receiver, WL), "x")

    w, w_0, db = 4.0, 4.6, 10.0 / np.log(10.0)
    exact = np.sqrt((w**2 + w_0**2) / (2.0 * db))
    assert float(jax.grad(width)(w)) == pytest.approx(w / (2.0 * db * exact), rel=1e-8)
    bend = (1.0 - (w / exact) ** 2 / (2.0 * db)) / (2.0 * db * exact)
    assert float(jax.grad(jax.grad(width))(w)) == pytest.approx(bend, rel=1e-7)


@pytest.mark.slow
def test_flat_directions_have_no_width():
    free = FibreJoint(PLAIN.source, PLAIN.receiver, WL, polarization="free")
    found = alignment_tolerance(free)
    assert np.isinf(found.curvature_widths[5]) and np.isinf(float(alignment_width(free, "roll")))
    assert found.principal_axes().shape == (5, 6)


def test_the_best_alignment_is_found_and_has_least_loss():
    best = best_alignment(LENSED, Alignment(x=0.3, y=-0.2, z=9.0, tilt_x=0.03))
    np.testing.assert_allclose(best.vector(), [0, 0, 12.0, 0, 0, 0], atol=1e-7)
    found = alignment_tolerance(LENSED, best)
    # Curvature is nowhere below zero, of the scaled Hessian so that um and rad do not matter.
    scaled = found.hessian * np.outer(found.curvature_widths, found.curvature_widths)
    assert np.linalg.eigvalsh(scaled)[0] > 0.0
    random = np.random.default_rng(0)
    moved = np.asarray(best.vector()) + random.normal(size=(50, 6)) * 0.1 * found.curvature_widths * [1, 1, 1, 1, 1, 0]
    assert np.all(np.asarray(LENSED.loss_db(Alignment.of_vector(moved))) > float(found.loss_db))


def test_every_axis_of_the_ellipsoid_costs_the_level():
    """By second order exactly; by the loss itself to fourth order of its size."""
    best = Alignment(z=12.0)
    found = alignment_tolerance(LENSED, best, level_db=0.01, freedoms=FREEDOMS[:5])
    axes = found.principal_axes()
    assert axes.shape == (5, 6)
    np.testing.assert_allclose(found.estimate_db(axes), 0.01, rtol=1e-9)
    losses = LENSED.loss_db(Alignment.of_vector(np.asarray(best.vector()) + axes))
    np.testing.assert_allclose(losses - found.loss_db, 0.01, rtol=0.02)
    # Axes are conjugate: errors along two of them add up without a mixed term.
    np.testing.assert_allclose(found.estimate_db(axes[:1] + axes[1:]), 0.02, rtol=1e-9)


def test_where_the_loss_is_not_least_curvature_says_nothing():
    """At the tip of a lensed fibre, and over a gap: only what is at its least has a width."""
    for at in (Alignment(), Alignment(z=60.0)):
        with pytest.raises(ValueError, match="the loss is not least in z there: slope"):
            alignment_tolerance(LENSED, at)
        held = alignment_tolerance(LENSED, at, freedoms=("x", "y", "tilt_x", "tilt_y"))
        assert held.principal_axes().shape == (4, 6)


def test_a_search_that_cannot_move_or_sees_no_light():
    free = FibreJoint(PLAIN.source, PLAIN.receiver, WL, polarization="free")
    still = best_alignment(free, Alignment(x=0.0, roll=0.3), ("roll",))
    np.testing.assert_array_equal(still.vector(), [0, 0, 0, 0, 0, 0.3])
    with pytest.raises(ValueError, match="no light couples at"):
        best_alignment(PLAIN, Alignment(roll=0.5 * np.pi), ("roll",))


def test_only_what_counts_is_in_the_ellipsoid():
    found = alignment_tolerance(LENSED, Alignment(z=12.0), freedoms=("x", "tilt_x"))
    axes = found.principal_axes()
    assert axes.shape == (2, 6) and np.all(axes[:, [1, 2, 4, 5]] == 0.0)
    np.testing.assert_array_equal(found.section("x", "tilt_x"), found.hessian[np.ix_([0, 3], [0, 3])])


def test_a_window_ends_the_search():
    wide = FibreJoint(PLAIN.source, PLAIN.receiver, WL, method="paraxial", grid=FieldGrid.over(24.0, 16))
    assert np.isinf(float(alignment_width(wide, "x", level_db=60.0)))
    # The gap of 10 dB is one over which light runs beyond the window.
    assert np.isinf(float(alignment_width(wide, "z", level_db=10.0)))


def test_bad_input_is_named():
    for make, message in (
        (lambda: alignment_width(PLAIN, "yaw"), "degree of freedom = 'yaw' is not one of"),
        (lambda: alignment_width(PLAIN, "x", level_db=-1.0), "level_db = -1 dB"),
        (lambda: alignment_width(PLAIN, "x", side=2), "side = 2"),
        (lambda: alignment_tolerance(PLAIN, level_db=0.0), "level_db = 0 dB"),
        (lambda: jax.vmap(lambda x: alignment_width(PLAIN, "x", Alignment(x)))(np.zeros(2)), "seeks on the host"),
        (lambda: best_alignment(PLAIN, freedoms=("w",)), "degree of freedom = 'w'"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
