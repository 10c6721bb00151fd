"""Slant faces: Snell, two angled connectors against each other, the array's own polish, reflection, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Alignment, FibreJoint, GaussianBeam, PolishedFace, light_alignment

WL = 1.31
SMF = GaussianBeam.from_mfd(9.2)
EIGHT = np.radians(8.0)


def test_light_leaves_by_snell_towards_the_longer_side():
    face = PolishedFace(EIGHT, azimuth=0.3)
    outside = float(face.outside())
    assert np.sin(outside) == pytest.approx(1.45 * np.sin(EIGHT), rel=1e-12)
    sent = np.asarray(face.turn()).T @ [0.0, 0.0, 1.0]
    lean = float(face.deviation())
    np.testing.assert_allclose(
        sent, [-np.sin(lean) * np.cos(0.3), -np.sin(lean) * np.sin(0.3), np.cos(lean)], atol=1e-15
    )
    # The component along the face is kept, n sin a = n_gap sin b.
    along = np.array([np.cos(EIGHT) * np.cos(0.3), np.cos(EIGHT) * np.sin(0.3), -np.sin(EIGHT)])
    assert sent @ along == pytest.approx(1.45 * -np.sin(EIGHT), rel=1e-12)
    assert float(PolishedFace(EIGHT).deviation(1.45)) == pytest.approx(0.0, abs=1e-15)
    assert float(face.beam(SMF).waist_x) == pytest.approx(4.6 * np.cos(outside) / np.cos(EIGHT), rel=1e-12)


def test_two_angled_connectors_couple_straight_but_for_the_walk_over_the_gap():
    source, receiver = PolishedFace(EIGHT, 0.3), PolishedFace(EIGHT, 0.3 + np.pi)
    joint = FibreJoint(source.beam(SMF), receiver.beam(SMF), WL)
    np.testing.assert_allclose(light_alignment(Alignment(), source, receiver).vector(), np.zeros(6), atol=1e-15)
    assert float(joint.loss_db(light_alignment(Alignment(), source, receiver))) == pytest.approx(0.0, abs=1e-12)
    lean, gap = float(source.deviation()), 20.0
    at = light_alignment(Alignment(z=gap), source, receiver)
    walk = gap * np.sin(lean)
    expected = [walk * np.cos(0.3), walk * np.sin(0.3), gap * np.cos(lean), 0.0, 0.0, 0.0]
    np.testing.assert_allclose(at.vector(), expected, atol=1e-14)
    # Moved along with the light, the gap costs what it does between straight fibres.
    moved = Alignment(-gap * np.tan(lean) * np.cos(0.3), -gap * np.tan(lean) * np.sin(0.3), gap)
    lost = float(joint.loss_db(light_alignment(moved, source, receiver)))
    straight = FibreJoint(source.beam(SMF), source.beam(SMF), WL).loss_db(Alignment(z=gap / np.cos(lean)))
    assert lost == pytest.approx(float(straight), rel=1e-9) and lost < float(joint.loss_db(at)) - 0.2


def test_it_is_the_polish_of_an_array():
    """The array mounts its fibres so that light comes straight; the same body in a joint of one fibre."""
    from photonics_core.devices.fiber_array import SHARED, FibreArray

    port = GaussianBeam.from_mfd(9.0)
    array = FibreArray.row(FibreJoint(port, SMF, WL), 1, gap=10.0, polish=EIGHT)
    face = PolishedFace(EIGHT, 0.5 * np.pi)
    shared = np.zeros(len(SHARED))
    shared[[SHARED.index(name) for name in ("x", "y", "tilt_y")]] = 0.4, -0.7, 0.02
    body = Alignment(0.4, -0.7, 10.0, 0.0, 0.02 - float(face.deviation()))
    joint = FibreJoint(port, face.beam(SMF), WL)
    found = float(joint.loss_db(light_alignment(body, receiver=face)))
    assert found == pytest.approx(float(array.losses_db(shared)[0]), rel=1e-9)


def test_reflection():
    straight = PolishedFace(0.0)
    assert float(straight.transmission()) == pytest.approx(1.0 - (0.45 / 2.45) ** 2, rel=1e-12)
    assert float(straight.return_loss_db(SMF, WL)) == pytest.approx(-20.0 * np.log10(0.45 / 2.45), rel=1e-12)
    # All of the light polarised in the plane of incidence passes at Brewster's angle.
    brewster = PolishedFace(np.arctan(1.0 / 1.45), azimuth=0.2)
    assert float(brewster.transmission(polarization=0.2)) == pytest.approx(1.0, rel=1e-12)
    assert float(brewster.transmission(polarization=0.2 + 0.5 * np.pi)) < 0.95
    # What comes back is the overlap of two modes in glass that lean by twice the angle.
    face = PolishedFace(EIGHT)
    mode = FibreJoint(SMF, SMF, WL, 1.45).loss_db(Alignment(tilt_x=2.0 * EIGHT))
    back = float(mode - 10.0 * jnp.log10(1.0 - face.transmission()))
    assert float(face.return_loss_db(SMF, WL)) == pytest.approx(back, rel=1e-12) and back > 60.0


@pytest.mark.slow
def test_derivatives(assert_gradient):
    def losses(leaves):
        angle, azimuth, glass, index = leaves
        face = PolishedFace(angle, azimuth, glass)
        joint = FibreJoint(SMF, face.beam(SMF, index), WL, index)
        at = light_alignment(Alignment(0.3, 0.2, 5.0, 0.01), receiver=face, index=index)
        return jnp.stack([joint.loss_db(at), face.return_loss_db(SMF, WL, index)])

    assert_gradient(losses, jnp.asarray([0.05, 0.4, 1.45, 1.1]), rtol=1e-6)
    straight = jax.grad(lambda angle: losses((angle, *jnp.asarray([0.4, 1.45, 1.1])))[0])(jnp.asarray(0.0))
    assert np.isfinite(float(straight)) and float(straight) != 0.0


def test_bad_input_is_named():
    for make, message in (
        (lambda: PolishedFace(8.0), "angle = 8 rad is outside"),
        (lambda: PolishedFace(0.1, glass=0.5), "glass = 0.5 is outside"),
        (lambda: PolishedFace(0.9).outside(), "angle below total reflection, = 0.9 rad"),
        (lambda: PolishedFace(0.1).beam(GaussianBeam(4.0, 5.0)), "difference of the waists = -1 um"),
        (lambda: PolishedFace(0.1).beam(GaussianBeam.lensed(4.0, 5.0)), "distance_x of a polished fibre = 5 um"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
