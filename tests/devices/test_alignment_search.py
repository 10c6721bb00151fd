"""Searches for the best alignment: they arrive, to the resolution of the stage, and count their moves."""

import jax
import numpy as np
import pytest

from photonics_core import FibreArray, FibreJoint, GaussianBeam, Stage, search_alignment

FIBRE = GaussianBeam.from_mfd(9.2)
ROW = FibreArray.row(FibreJoint(FIBRE, FIBRE, 1.31), 8, gap=10.0)
STARTS = np.random.default_rng(0).normal(size=(50, 6)) * np.array([4.0, 4.0, 0, 0, 0, 4e-3])
KEY = jax.random.key(0)
BEST = float(ROW.losses_db()[0])


@pytest.mark.slow
def test_without_noise_a_search_ends_within_the_resolution():
    found = search_alignment(ROW, Stage(noise_db=0.0), STARTS, KEY)
    assert np.all(found.has_ended)
    assert np.max(np.abs(found.alignment[:, :2])) < 0.05
    assert np.max(np.abs(found.alignment[:, 5])) < 4e-5
    assert np.max(found.losses_db) < BEST + 1e-3
    # Steps are whole ones of the stage, from where it began.
    steps = (np.asarray(found.alignment) - STARTS)[:, :2] / 0.05
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert np.all(np.asarray(found.alignment)[:, 2:5] == 0.0)


@pytest.mark.slow
def test_noise_leaves_more_loss():
    ends = [search_alignment(ROW, Stage(noise_db=n), STARTS, KEY).losses_db.max(axis=1) for n in (0.0, 0.02, 0.1)]
    medians = [float(np.median(np.asarray(each))) for each in ends]
    assert medians[0] < medians[1] < medians[2]
    again = search_alignment(ROW, Stage(noise_db=0.1), STARTS, KEY).losses_db.max(axis=1)
    np.testing.assert_array_equal(again, ends[2])


@pytest.mark.slow
def test_far_starts_take_more_moves_and_dark_ones_stay_lost():
    near, far = (search_alignment(ROW, Stage(noise_db=0.0), k * STARTS, KEY) for k in (0.2, 2.0))
    assert np.mean(near.moves) < np.mean(far.moves)
    dark = np.zeros((3, 6))
    dark[:, 0] = 60.0
    lost = search_alignment(ROW, Stage(), dark, KEY)
    assert np.min(lost.losses_db) > 50.0
    assert not np.any(lost.has_light)


def test_a_pass_is_halved_as_often_as_its_own_axes_need():
    # The place needs one halving: with the six of the roll it would be tried out five times more.
    stage = Stage(noise_db=0.0, first_step=0.1)
    assert [stage.halvings(axes) for axes in ((0, 1), (5,), (0, 5))] == [1, 6, 6]
    found = search_alignment(ROW, stage, np.zeros((50, 6)), KEY)
    # From the best place each round of two axes is four tries there and back, and one of the roll two.
    np.testing.assert_array_equal(found.moves, 2 * (2 * 4) * 2 + 7 * 2 * 2)
    assert np.all(found.has_light)


@pytest.mark.slow
def test_what_a_search_may_not_move_stays():
    found = search_alignment(ROW, Stage(noise_db=0.0), STARTS, KEY, passes=(("y",),))
    np.testing.assert_array_equal(np.asarray(found.alignment)[:, [0, 2, 3, 4, 5]], STARTS[:, [0, 2, 3, 4, 5]])
    short = search_alignment(ROW, Stage(noise_db=0.0), STARTS, KEY, most_moves=10)
    assert not np.any(short.has_ended)
    assert np.max(short.moves) <= 11


def test_errors_of_the_end_fibres_move_the_place_found():
    # Both ends 0.4 um up: the array goes down by as much.
    y = np.zeros((50, 8))
    y[:, [0, -1]] = 0.4
    found = search_alignment(ROW, Stage(noise_db=0.0), STARTS, KEY, y=y)
    np.testing.assert_allclose(found.alignment[:, 1], -0.4, atol=0.06)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="resolution = 0 um"):
        Stage(resolution=0.0)
    with pytest.raises(ValueError, match="first_angle = 1e-06 rad"):
        Stage(first_angle=1e-6)
    with pytest.raises(ValueError, match="noise_db = -1 dB"):
        Stage(noise_db=-1.0)
    with pytest.raises(ValueError, match="number of fibres = 1"):
        search_alignment(FibreArray.row(ROW.joint, 1), Stage(), STARTS, KEY)
    with pytest.raises(ValueError, match="axis = 'yaw' is not one of"):
        search_alignment(ROW, Stage(), STARTS, KEY, passes=(("yaw",),))
    with pytest.raises(ValueError, match="has no axis"):
        search_alignment(ROW, Stage(), STARTS, KEY, passes=())
    with pytest.raises(ValueError, match=r"start of shape \(50, 5\)"):
        search_alignment(ROW, Stage(), STARTS[:, :5], KEY)
    with pytest.raises(ValueError, match="start = nan"):
        search_alignment(ROW, Stage(), np.full((1, 6), np.nan), KEY)
