"""The joint of two ends: closed form beside plane waves, laws, derivatives and faces."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from photonics_core import (
    Alignment,
    CorePositions,
    FibreJoint,
    FieldGrid,
    GaussianBeam,
    SampledField,
    StepIndexFibre,
    core_alignment,
)
from photonics_core.devices.fiber_input import checked_places

WL = 1.31
SMF = GaussianBeam.from_mfd(9.2)
GRID = FieldGrid.over(32.0, 32)
#: A beam of two waists at two places, leaning axes and an ellipse of polarisation, and another.
ODD = GaussianBeam(2.2, 3.1, 6.0, 2.0, 0.4, 0.2, 0.1)
OTHER = GaussianBeam(2.6, 2.4, -3.0, 1.0, -0.7, 0.5, -0.2)
SKEW = Alignment(0.8, -0.5, 11.0, 0.03, -0.02, 0.3)


#: Alignments of most calls, so that one compilation serves.
COUNT = 24
#: The same for plane waves of the full vector, which take longer.
FEW = 6


def joint(source: Any = SMF, receiver: Any = SMF, **more: Any) -> FibreJoint:
    return FibreJoint(source, receiver, WL, **more)


PARAXIAL = joint(ODD, OTHER, method="paraxial", grid=GRID)
EXACT = joint(ODD, OTHER, method="exact", grid=GRID)


def skewed(count, seed=0):
    random = np.random.default_rng(seed)
    sizes = np.array([2.0, 2.0, 8.0, 0.05, 0.05, 1.0])
    return Alignment.of_vector(random.uniform(-1.0, 1.0, (count, 6)) * sizes + np.array([0, 0, 6.0, 0, 0, 0]))


def test_plane_waves_give_the_closed_form_in_every_degree_of_freedom():
    at = skewed(COUNT)
    closed = joint(ODD, OTHER).efficiency(at)
    assert np.ptp(closed) > 0.3
    np.testing.assert_allclose(PARAXIAL.efficiency(at), closed, atol=1e-9)
    # Full turns, too, where the pattern goes by quarters.
    roll = Alignment(0.8, -0.5, 11.0, 0.03, -0.02, np.linspace(-4.0, 4.0, COUNT))
    np.testing.assert_allclose(PARAXIAL.efficiency(roll), joint(ODD, OTHER).efficiency(roll), atol=1e-8)


@pytest.mark.slow
def test_with_a_free_polarisation_only_the_pattern_counts():
    at = skewed(COUNT)
    free = dataclasses.replace(PARAXIAL, polarization="free")
    closed = joint(ODD, OTHER, polarization="free")
    np.testing.assert_allclose(free.efficiency(at), closed.efficiency(at), atol=1e-9)
    assert np.all(np.asarray(closed.efficiency(at)) > np.asarray(joint(ODD, OTHER).efficiency(at)))


def test_exchanged_ends_couple_the_same():
    """Exact for plane waves of the full vector, at large tilts too; to second order of the tilt in the closed form."""
    vectors = np.array(skewed(FEW, 3).vector())
    vectors[:, 3:5] *= np.linspace(0.1, 5.0, FEW)[:, None]
    at = Alignment.of_vector(vectors)
    np.testing.assert_allclose(at.reversed().reversed().vector(), vectors, atol=1e-13)
    exchanged = dataclasses.replace(EXACT, source=OTHER, receiver=ODD)
    np.testing.assert_allclose(exchanged.efficiency(at.reversed()), EXACT.efficiency(at), atol=1e-8)
    closed, back = joint(ODD, OTHER).efficiency(at), joint(OTHER, ODD).efficiency(at.reversed())
    tilt = np.hypot(vectors[:, 3], vectors[:, 4])
    assert np.all(np.abs(np.asarray(closed - back)) < 1.0 * tilt**2)


def test_no_more_than_all_couples_and_the_best_is_all():
    for each, count in ((joint(ODD, OTHER), COUNT), (PARAXIAL, COUNT), (EXACT, FEW)):
        assert np.all(np.asarray(each.loss_db(skewed(count, 1))) >= 0.0)
    same = dataclasses.replace(ODD, distance_x=4.0, distance_y=4.0, ellipticity=0.0)
    best = Alignment(z=np.full(COUNT, 8.0))
    for each in (joint(ODD, OTHER), PARAXIAL):
        alike = dataclasses.replace(each, source=same, receiver=same)
        assert np.max(np.asarray(alike.loss_db(best))) < 1e-9
        assert np.max(np.abs(alike.gradient(Alignment(z=8.0)))) < 1e-6


@pytest.mark.parametrize(
    "each",
    [joint(ODD, OTHER), PARAXIAL, pytest.param(EXACT, marks=pytest.mark.slow)],
    ids=["closed", "paraxial", "exact"],
)
def test_derivatives(each):
    """All six, against differences of fourth order."""
    steps = np.array([0.01, 0.01, 0.05, 1e-3, 1e-3, 0.01])
    moved = np.concatenate([np.diag(part * steps) for part in (1.0, -1.0, 2.0, -2.0)])
    assert moved.shape[0] == COUNT
    values = np.asarray(each.loss_db(Alignment.of_vector(np.asarray(SKEW.vector()) + moved))).reshape(4, 6)
    differences = (8.0 * (values[0] - values[1]) - (values[2] - values[3])) / (12.0 * steps)
    np.testing.assert_allclose(each.gradient(SKEW), differences, rtol=1e-6, atol=1e-8)


def test_derivatives_with_respect_to_beams_gap_and_wavelength():
    """Each leaf against differences of fourth order, of one compiled function."""
    start = FibreJoint(ODD, OTHER, WL, 1.2, (1.447, 1.6), reflection="coherent")
    numbers, rebuild = ravel_pytree(start)
    slope = ravel_pytree(eqx.filter_grad(lambda each: each.loss_db(SKEW))(start))[0]
    step, differences = 4e-4, []
    for k in range(numbers.size):
        losses = [float(rebuild(numbers.at[k].add(part * step)).loss_db(SKEW)) for part in (1.0, -1.0, 2.0, -2.0)]
        differences.append((8.0 * (losses[0] - losses[1]) - (losses[2] - losses[3])) / (12.0 * step))
    assert numbers.size == 18 and np.sum(np.abs(np.asarray(differences)) > 1e-3) > 14
    np.testing.assert_allclose(slope, differences, rtol=2e-6, atol=1e-8)


def test_faces():
    """At contact the gap is not there; in between its cavity has fringes, whose mean is the incoherent sum."""
    glass, chip = 1.447, 1.9
    at = Alignment(z=0.5 * WL * np.arange(COUNT) / COUNT)
    plain = np.asarray(joint().efficiency(at))
    fringes = joint(facets=(glass, chip), reflection="coherent")
    passed = np.asarray(fringes.efficiency(at)) / plain
    assert passed[0] == pytest.approx(4 * glass * chip / (glass + chip) ** 2, rel=1e-12)
    mean = dataclasses.replace(fringes, reflection="incoherent")
    np.testing.assert_allclose(mean.efficiency(at) / plain, np.mean(passed), rtol=1e-12)
    # Quarter of a wave: the least, T_1 T_2 / (1 + r_1 r_2)^2.
    r, t = (glass - 1) / (glass + 1), (chip - 1) / (chip + 1)
    assert passed[COUNT // 2] == pytest.approx((1 - r**2) * (1 - t**2) / (1 + r * t) ** 2, rel=1e-12)
    gel = dataclasses.replace(fringes, index=1.447, facets=(1.447, 1.447))
    np.testing.assert_allclose(gel.efficiency(at), joint(index=1.447).efficiency(at), rtol=1e-14)
    # 3.3 % at each of two faces of glass in air: 2 R / (1 + R).
    air = dataclasses.replace(mean, facets=(1.447, 1.447))
    np.testing.assert_allclose(air.efficiency(at) / plain, 1.0 - 2 * r**2 / (1 + r**2), rtol=1e-12)


def test_gel_makes_a_gap_shorter_and_a_tilt_worse():
    w, n, wl = 4.6, 1.45, WL
    z, theta = 30.0, 0.01
    rayleigh = np.pi * n * w**2 / wl
    assert float(joint(index=n).loss_db(Alignment(z=z))) == pytest.approx(
        10 * np.log10(1 + (z / (2 * rayleigh)) ** 2), rel=1e-12
    )
    expected = 10 / np.log(10) * (np.pi * n * w * np.sin(theta) / wl) ** 2
    assert float(joint(index=n).loss_db(Alignment(tilt_x=theta))) == pytest.approx(expected, rel=1e-12)


def test_polarisation():
    linear, circular = GaussianBeam.from_mfd(9.2, azimuth=0.3), GaussianBeam.from_mfd(9.2, ellipticity=np.pi / 4)
    opposite = GaussianBeam.from_mfd(9.2, ellipticity=-np.pi / 4)
    roll = Alignment(roll=np.full(COUNT, 0.5))
    free = joint(linear, opposite, polarization="free").efficiency(roll)
    np.testing.assert_allclose(free, 1.0, atol=1e-12)
    for method in ("closed", "paraxial"):
        pairs = ((linear, linear, np.cos(0.5) ** 2), (circular, opposite, 1.0), (circular, linear, 0.5))
        for source, receiver, expected in (*pairs, (circular, circular, 0.0)):
            each = dataclasses.replace(PARAXIAL, source=source, receiver=receiver, method=method)
            np.testing.assert_allclose(each.efficiency(roll), expected, atol=1e-5)


def test_the_exact_model_tends_to_the_paraxial_one():
    """The difference to the closed form falls with the square of the beam's own angle."""
    differences = []
    for w in (2.0, 4.0):
        beam, grid = GaussianBeam(w, w), FieldGrid.over(8.0 * w, 32)
        at = Alignment(np.full(FEW, 0.3 * w), 0.0, 0.4 * w**2, 0.1 / w)
        exact = FibreJoint(beam, beam, WL, grid=grid, method="exact").loss_db(at)
        differences.append(float(exact[0] - FibreJoint(beam, beam, WL).loss_db(at)[0]))
    assert differences[0] / differences[1] == pytest.approx(4.0, rel=0.15)


@pytest.mark.slow
def test_a_common_shift_changes_nothing():
    x, y = GRID.points()
    losses = []
    for shift in (0.0, 1.7):
        ends = []
        for w, place in ((2.2, 0.0), (2.8, 0.6)):
            ends.append(SampledField.of(GRID, jnp.exp(-(((x - place - shift) ** 2 + y**2) / w**2))))
        losses.append(float(joint(*ends, method="paraxial").loss_db(Alignment(z=6.0))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)


@pytest.mark.slow
def test_sampling_converges():
    """Of the exact mode of a fibre, whose second derivatives jump at the core's face."""
    fibre, losses = StepIndexFibre.smf28_like(), []
    for count in (32, 64, 128):
        grid = FieldGrid.over(40.0, count)
        x, y = (np.asarray(part) for part in grid.points())
        field = np.asarray(SampledField.of_fibre(fibre, WL, grid).e)
        moved = np.exp(-((x - 1.0) ** 2 + y**2) / 4.6**2) * np.sqrt(2.0 / np.pi) / 4.6
        losses.append(-20.0 * np.log10(abs(np.sum(field[0] * moved)) * float(grid.step) ** 2))
    errors = np.abs(np.array(losses[:-1]) - losses[-1])
    assert errors[0] < 5e-3 and errors[1] < 3e-4 and errors[1] < 0.3 * errors[0]


def test_a_map_is_what_single_offsets_give():
    x, y = np.linspace(-3.0, 3.0, 6), np.linspace(-2.0, 1.0, 4)
    at = dataclasses.replace(SKEW, x=0.0, y=0.0)
    for each in (joint(ODD, OTHER), PARAXIAL):
        whole = each.loss_map(x, y, at)
        singles = each.loss_db(dataclasses.replace(at, x=x[:, None], y=y[None, :]))
        np.testing.assert_allclose(whole, singles, rtol=1e-9)


def test_cores_of_one_end():
    cores, at = CorePositions.row(COUNT, 127.0), Alignment(0.3, -0.2, 5.0, 1e-3, 2e-3, 4e-4)
    losses = joint().core_losses_db(cores, alignment=at)
    np.testing.assert_allclose(losses, joint().loss_db(core_alignment(at, cores, cores)), rtol=1e-12)
    ring = CorePositions.ring(COUNT, 40.0)
    turned = joint(polarization="free").core_losses_db(ring, alignment=Alignment(roll=np.pi / 3))
    assert float(turned[0]) < 1e-12 and np.min(turned[1:]) > 100.0


def test_single_precision(float32):
    at = Alignment(0.25, 0.1, 10.0, 0.005, 0.0, 0.01)
    closed = FibreJoint(GaussianBeam.from_mfd(9.2), GaussianBeam.from_mfd(9.1), WL)
    loss, slope = float(closed.loss_db(at)), np.asarray(closed.gradient(at))
    assert slope.dtype == np.float32
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        assert abs(loss - float(closed.loss_db(at))) < 2e-7
        np.testing.assert_allclose(slope, closed.gradient(at), rtol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["paraxial", "exact"])
def test_plane_waves_in_single_precision(float32, method):
    at = Alignment(0.25, 0.1, 10.0, 0.005, 0.0, 0.01)
    waves = FibreJoint(GaussianBeam.from_mfd(9.2), GaussianBeam.from_mfd(9.1), WL, grid=GRID, method=method)
    loss, slope = float(waves.loss_db(at)), np.asarray(waves.gradient(at))
    with jax.enable_x64(True):
        assert abs(loss - float(waves.loss_db(at))) < 2e-5
        scale = np.array([1, 1, 0.1, 100, 100, 1])
        np.testing.assert_allclose(slope / scale, waves.gradient(at) / scale, atol=3e-4)


def test_far_gaps_need_a_wide_window():
    """Where waves are left out the loss would be wrong by decibels; up to there it is that of the closed form."""
    narrow = joint(method="paraxial", grid=FieldGrid.over(40.0, 32))
    far = Alignment(z=np.linspace(50.0, 100.0, COUNT))
    assert float(narrow.left_out(100.0)) < 1e-4
    np.testing.assert_allclose(narrow.loss_db(far), joint().loss_db(far), atol=2e-3)
    assert float(narrow.left_out(200.0)) > 0.03 and float(joint().left_out(200.0)) == 0.0
    with pytest.raises(ValueError, match=r"gap z = 200 um is too long for the window of 40 um: up to 0\.03"):
        narrow.loss_db(Alignment(z=[10.0, 200.0]))


def test_bad_alignments_are_named():
    for make, message in (
        (lambda: PARAXIAL.loss_db(Alignment(x=17.0)), r"offset x within half the window .* = 17 um is outside \[-16"),
        (lambda: PARAXIAL.loss_map([0.0], [-30.0]), r"offset y within half the window .* = -30 um"),
        (lambda: EXACT.loss_db(Alignment(tilt_y=0.8)), "tilt within what the grid's step holds, = 0.8 rad"),
        (lambda: joint().hessian(Alignment(x=[0.0, 1.0])), "is not one alignment"),
        (lambda: joint().loss_map([0.0], [0.0], Alignment(z=[0.0, 1.0])), "is not one alignment"),
        (lambda: joint().core_losses_db(CorePositions.row(4, 127.0), CorePositions.row(5, 127.0)), "are not both"),
        (lambda: joint(GaussianBeam([4.0, 5.0], 4.6)).loss_db(), r"waist_x of the source of shape \(2,\)"),
        (lambda: FibreJoint(SMF, SMF, [1.31, 1.55]).gradient(), r"wl of shape \(2,\) is not one number; use jax.vmap"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(Exception, match="beyond the window"):
        jax.block_until_ready(jax.jit(lambda x: checked_places(PARAXIAL, Alignment(x=x).vector()))(40.0))
    with pytest.raises(Exception, match="a gap is beyond the window"):
        jax.block_until_ready(jax.jit(lambda z: checked_places(PARAXIAL, Alignment(z=z).vector()))(400.0))
