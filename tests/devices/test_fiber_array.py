"""Arrays of fibres: where cores come to lie, and that each loses what its joint alone does."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Alignment, CorePositions, FibreArray, FibreJoint, GaussianBeam, SampledField, core_alignment
from photonics_core.devices.fiber_array import SHARED
from photonics_core.fields import FieldGrid

FIBRE = GaussianBeam.from_mfd(9.2)
JOINT = FibreJoint(FIBRE, FIBRE, 1.31)
ROW = FibreArray.row(JOINT, 5, 127.0, gap=7.0)
#: An array that has everything: elliptic beams that turn, polarisation, reflection, a slant face.
PORT = GaussianBeam(4.0, 4.4, 1.0, 0.5, 0.3, 0.1, 0.05)
GENERAL = FibreJoint(
    PORT, GaussianBeam(4.6, 5.0, -1.0, 2.0, -0.2, 0.1, -0.05), 1.31, 1.2, (1.6, 1.45), reflection="incoherent"
)


def shared(**errors):
    return np.asarray([errors.get(name, 0.0) for name in SHARED])


def test_published_losses_of_offsets_tilts_and_gaps():
    row = FibreArray.row(JOINT, 2)
    for offset, loss in ((0.25, 0.013), (0.5, 0.051), (1.0, 0.205), (2.0, 0.821)):
        np.testing.assert_allclose(row.losses_db(shared(y=offset)), loss, atol=5e-4)
    for gap, loss in ((10.0, 0.042), (20.0, 0.165), (50.0, 0.944)):
        np.testing.assert_allclose(row.losses_db(shared(z=gap)), loss, atol=5e-4)
    for degrees, loss in ((0.5, 0.040), (1.0, 0.161)):
        np.testing.assert_allclose(row.losses_db(shared(tilt_y=np.deg2rad(degrees))), loss, atol=5e-4)


@pytest.mark.parametrize("polarization", ["kept", "free"])
def test_each_fibre_loses_what_its_joint_does(polarization):
    joint = FibreJoint(**{**GENERAL.__dict__, "polarization": polarization})
    array, cores = FibreArray.row(joint, 5, 127.0, gap=7.0), CorePositions.row(5, 127.0)
    errors = np.random.default_rng(0).normal(size=(8, 6)) * np.array([2, 2, 5, 2e-3, 2e-3, 3e-3])
    found = array.losses_db(np.concatenate([errors, np.zeros((8, 4))], axis=1))
    for row, error in zip(found, errors, strict=True):
        alignment = core_alignment(Alignment.of_vector(error + np.array([0, 0, 7.0, 0, 0, 0])), cores, cores)
        np.testing.assert_allclose(row, joint.loss_db(alignment), rtol=1e-12)


def test_without_errors_only_the_modes_differ():
    joint = FibreJoint(GaussianBeam.from_mfd(4.0), FIBRE, 1.31)
    losses = FibreArray.row(joint, 7, 250.0).losses_db()
    np.testing.assert_allclose(losses, joint.loss_db(), rtol=1e-13)
    np.testing.assert_allclose(losses, 2.72, atol=5e-3)


def test_a_mirror_turns_the_row_round():
    errors = shared(x=0.7, y=0.3, z=3.0, tilt_x=4e-3, tilt_y=3e-3, roll=1e-3, pitch=3e-4, polish_x=2e-3, polish_y=1e-3)
    mirrored = errors * np.asarray([-1 if name in ("x", "tilt_x", "roll", "polish_x") else 1 for name in SHARED])
    array = FibreArray.row(JOINT, 6, gap=5.0, polish=0.14)
    own = np.random.default_rng(1).normal(size=(2, 6))
    found = array.losses_db(mirrored, -own[0, ::-1], own[1, ::-1])
    np.testing.assert_allclose(found, array.losses_db(errors, *own)[::-1], rtol=1e-12)


def test_the_order_of_the_fibres_does_not_matter():
    order = np.asarray([3, 0, 4, 1, 2])
    cores = CorePositions(ROW.cores.x[order], ROW.cores.y[order])
    other = FibreArray(JOINT, cores, gap=7.0)
    errors = shared(x=0.5, y=-0.4, roll=2e-3, pitch=1e-3, tilt_x=5e-3)
    np.testing.assert_allclose(other.losses_db(errors), ROW.losses_db(errors)[order], rtol=1e-12)


def test_turns_are_rigid_and_compose():
    cores = np.stack([ROW.cores.x, ROW.cores.y, np.zeros(5)], axis=1)
    places = np.asarray(ROW.places(shared(x=1.0, tilt_x=0.2, tilt_y=-0.3, roll=0.4))) + cores
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.testing.assert_allclose(apart, np.abs(cores[:, None, 0] - cores[None, :, 0]), atol=1e-10)
    # Two turns about one axis are one; about another point a turn is a turn and a shift.
    angle, centre = 0.3, np.asarray([200.0, 10.0, -300.0])
    for name, axes in (("roll", (0, 1)), ("tilt_x", (2, 0))):
        turn = np.eye(3)
        turn[axes[0], axes[0]] = turn[axes[1], axes[1]] = math.cos(angle)
        turn[axes[1], axes[0]], turn[axes[0], axes[1]] = math.sin(angle), -math.sin(angle)
        if name == "tilt_x":
            assert turn[0, 2] == math.sin(angle)
        first, second = (
            np.asarray(ROW.places(shared(**{name: turns * angle}))) + cores - np.asarray([0.0, 0.0, 7.0])
            for turns in (1, 2)
        )
        np.testing.assert_allclose(first @ turn.T, second, atol=1e-9)
        about = FibreArray.row(JOINT, 5, 127.0, gap=7.0, centre=centre)
        shift = centre - turn @ centre
        moved = ROW.places(shared(**{name: angle, "x": shift[0], "y": shift[1], "z": shift[2]}))
        np.testing.assert_allclose(about.places(shared(**{name: angle})), moved, atol=1e-9)


def test_warmth_moves_nothing_where_the_array_is_fixed():
    array = FibreArray.row(JOINT, 5, 250.0, expansion=3e-6, fixed=(-500.0, 0.0), temperature=20.0)
    places = np.asarray(array.places(shared(temperature=40.0)))
    assert np.all(places[0] == 0.0)
    np.testing.assert_allclose(places[:, 0], 3e-6 * 60.0 * 250.0 * np.arange(5), atol=1e-11)
    loss = array.losses_db(shared(temperature=40.0))
    assert float(loss[0]) == 0.0
    np.testing.assert_allclose(loss[-1], 10 / math.log(10) * (3e-6 * 60 * 1000 / 4.6) ** 2, rtol=1e-9)


def test_a_pitch_error_stretches_about_the_middle():
    places = np.asarray(ROW.places(shared(pitch=1e-3)))
    np.testing.assert_allclose(places[:, 0], 0.127 * np.arange(-2, 3), atol=1e-12)


def test_a_slant_face_refracts():
    angle, error = np.deg2rad(8.0), 0.01
    array = FibreArray.row(JOINT, 3, polish=angle, glass=1.45)

    def outside(inside):
        return math.asin(1.45 * math.sin(inside)) - inside

    assert float(array.deviation) == pytest.approx(outside(angle), rel=1e-12)
    # Mounted for the light of its angle it loses what the narrower mode field does, no more.
    scale = math.cos(angle + outside(angle)) / math.cos(angle)
    narrower = FibreJoint(FIBRE, GaussianBeam(4.6, 4.6 * scale), 1.31)
    np.testing.assert_allclose(array.losses_db(), narrower.loss_db(), rtol=1e-9)
    # An error of the angle is a tilt of the light.
    tilt = outside(angle + error) - outside(angle)
    np.testing.assert_allclose(array.losses_db(shared(polish_y=error)), array.losses_db(shared(tilt_y=tilt)), rtol=1e-9)
    # Along the row it also moves ends along z.
    places = np.asarray(array.places(shared(polish_x=error)))
    np.testing.assert_allclose(places[:, 2], 127.0 * math.tan(error) * np.arange(-1, 2), rtol=1e-12)
    flat = FibreArray.row(JOINT, 1, glass=1.45)
    tilt = math.asin(1.45 * math.sin(error)) - error
    np.testing.assert_allclose(flat.losses_db(shared(polish_x=error)), flat.losses_db(shared(tilt_x=tilt)), rtol=1e-9)


def test_in_an_index_that_matches_a_slant_face_does_nothing():
    joint = FibreJoint(FIBRE, FIBRE, 1.31, 1.45)
    array = FibreArray.row(joint, 3, polish=0.14, glass=1.45, gap=3.0)
    np.testing.assert_allclose(array.losses_db(shared(polish_y=0.02)), array.losses_db(), atol=1e-12)


@pytest.mark.slow
def test_losses_have_derivatives(assert_gradient):
    def losses(leaves):
        fibre = GaussianBeam(leaves["waist"], 5.0, leaves["distance"], 2.0, -0.2, 0.1, -0.05)
        joint = FibreJoint(PORT, fibre, 1.31, leaves["index"], (1.6, 1.45), reflection="incoherent")
        more = {"polish": leaves["polish"], "expansion": 2e-5, "fixed": (100.0, 0.0), "centre": leaves["centre"]}
        array = FibreArray.row(joint, 2, leaves["pitch"], gap=leaves["gap"], ports=PORTS, **more)
        return array.losses_db(jnp.asarray(ERRORS) * leaves["shared"], leaves["own"][0], leaves["own"][1])

    leaves = {"waist": 4.6, "distance": -1.0, "index": 1.2, "polish": 0.1, "pitch": 128.0, "gap": 7.0}
    own = np.asarray([[0.2, -0.3], [0.1, 0.4]])
    assert_gradient(losses, leaves | {"shared": np.ones(10), "own": own, "centre": np.asarray([10.0, 20.0, -30.0])})


PORTS = CorePositions.row(2, 127.0)
ERRORS = shared(
    x=0.5,
    y=0.7,
    z=3.0,
    tilt_x=5e-3,
    tilt_y=-4e-3,
    roll=3e-3,
    pitch=2e-3,
    polish_x=3e-3,
    polish_y=2e-3,
    temperature=30.0,
)


def test_derivatives_are_finite_where_nothing_is_lost():
    slope = jax.grad(lambda errors: jnp.sum(FibreArray.row(JOINT, 3).losses_db(errors)))(jnp.zeros(10))
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


def test_in_single_precision(float32):
    errors = shared(x=0.5, y=0.7, z=3.0, tilt_x=5e-3, roll=1e-3, pitch=1e-4, polish_y=2e-3)
    single = FibreArray.row(JOINT, 24, gap=10.0).losses_db(errors)
    assert single.dtype == np.float32
    with jax.enable_x64(True):
        exact = FibreArray.row(JOINT, 24, gap=10.0).losses_db(errors)
    np.testing.assert_allclose(single, exact, rtol=2e-5, atol=2e-6)


def test_an_array_turned_away_is_an_error():
    # The phase of a tilt is its sine: a row turned round would have coupled as if it were straight.
    for name in ("tilt_x", "tilt_y", "polish_x", "polish_y"):
        with pytest.raises(ValueError, match=rf"{name} = 3.14159 rad is outside"):
            ROW.losses_db(shared(**{name: math.pi}))
    with pytest.raises(ValueError, match="polish_y = 1.64 rad is outside"):
        FibreArray.row(JOINT, 2, polish=0.14).losses_db(shared(polish_y=1.5))


def test_a_batch_is_for_vmap():
    gaps = np.asarray([1.0, 5.0, 20.0])
    many = jax.vmap(lambda gap: FibreArray.row(JOINT, 5, gap=gap))(gaps)
    single = [FibreArray.row(JOINT, 5, gap=gap).losses_db() for gap in gaps]
    np.testing.assert_allclose(jax.vmap(FibreArray.losses_db)(many), np.stack(single), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="use jax.vmap"):
        many.losses_db()
    for more in ({"gap": gaps}, {"polish": 0.01 * gaps}, {"glass": 1.4 + 0.01 * gaps}, {"temperature": gaps}):
        with pytest.raises(ValueError, match=rf"{next(iter(more))} of shape \(3,\) is not one number"):
            FibreArray.row(JOINT, 3, **more)
    with pytest.raises(ValueError, match="wl of shape"):
        FibreArray.row(FibreJoint(FIBRE, FIBRE, 1.31 * gaps), 3)


def test_places_may_be_lists():
    array = FibreArray(JOINT, CorePositions([0, 127], [0.0, 0.0]), CorePositions([0, 128], [0, 0]))
    np.testing.assert_allclose(array.places()[:, 0], [0.0, -1.0], atol=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"pitch = 100 um is outside \[125, inf\)"):
        FibreArray.row(JOINT, 4, 100.0)
    FibreArray.row(JOINT, 4, 40.0, cladding=0.0)
    with pytest.raises(ValueError, match="count = 0"):
        FibreArray.row(JOINT, 0)
    with pytest.raises(ValueError, match="at least one fibre"):
        FibreArray(JOINT, CorePositions(np.zeros(0), np.zeros(0)))
    with pytest.raises(ValueError, match="polish below total reflection"):
        FibreArray.row(JOINT, 4, polish=0.8)
    with pytest.raises(ValueError, match="gap = -1"):
        FibreArray.row(JOINT, 4, gap=-1.0)
    with pytest.raises(ValueError, match="expansion = nan"):
        FibreArray.row(JOINT, 4, expansion=math.nan)
    with pytest.raises(ValueError, match=r"centre of shape \(2,\)"):
        FibreArray.row(JOINT, 4, centre=(0.0, 0.0))
    with pytest.raises(ValueError, match="one place a fibre"):
        FibreArray.row(JOINT, 4, ports=CorePositions.row(3, 127.0))
    with pytest.raises(ValueError, match=r"shared of shape \(3,\)"):
        ROW.losses_db(np.zeros(3))
    with pytest.raises(ValueError, match="shared = nan"):
        ROW.losses_db(np.full(10, np.nan))
    with pytest.raises(ValueError, match=r"shared of shape \(6,\)"):
        ROW.places(np.zeros(6))
    with pytest.raises(ValueError, match=r"x and y of shapes \(4,\) and \(\) do not broadcast to \[5\]"):
        ROW.losses_db(None, np.zeros(4))
    with pytest.raises(ValueError, match="coherent"):
        FibreArray.row(FibreJoint(FIBRE, FIBRE, 1.31, facets=(1.4, 1.4), reflection="coherent"), 4)
    sampled = SampledField.of_beam(FIBRE, FieldGrid(16, 1.0), 1.31, 1.0)
    with pytest.raises(ValueError, match="two Gaussian beams"):
        FibreArray.row(FibreJoint(sampled, sampled, 1.31), 4)
