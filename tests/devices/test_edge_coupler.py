"""The facet beside closed forms and the joint of fields, matched media, totals, derivatives, bad input."""

import dataclasses
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Alignment, FieldGrid, GaussianBeam, SampledField
from photonics_core.devices.edge_coupler import (
    EdgeCoupler,
    EdgeLeakage,
    facet_efficiency,
    facet_transmission,
    optimize_edge_coupler,
    solve_leakage,
    tip_joint,
    window_error_db,
)
from photonics_core.devices.edge_tips import EdgeTips
from photonics_core.devices.edge_transition import EdgeTransition, inverse_taper
from photonics_core.eigenmode_expansion import ModeExpansion
from photonics_core.tapers import LocalModes

MEDIA = {"core": 3.476, "cladding": 1.444}
SPOT = GaussianBeam.from_mfd(3.0)


@pytest.fixture(scope="module")
def weak():
    """A mode of weak guidance, of some 4 um."""
    return EdgeTips(3.0, 3.0, core=1.452, cladding=1.444, window=12.0).mode(1.55, accuracy="fast")


@pytest.fixture(scope="module")
def silicon():
    return EdgeTips(0.18, **MEDIA, window=8.0).mode(1.55, accuracy="fast")


@pytest.fixture(scope="module")
def coupler():
    tip = EdgeTips(0.16, **MEDIA, window=6.0)
    taper = inverse_taper(tip, 0.45, 1.55, samples=5, count=2)
    leakage = EdgeLeakage(jnp.array([0.16, 0.2, 0.25]), jnp.log(jnp.array([2e-2, 2e-3, 1e-5])))
    return EdgeCoupler(eqx.tree_at(lambda t: t.width, tip, 0.18), SPOT, taper, 60.0, leakage, 2.0)


@pytest.fixture(scope="module")
def made_up():
    """A coupler whose taper has two modes that no solver was asked for."""
    n_eff = jnp.array([[1.449, 1.43], [1.9, 1.43], [2.35, 1.43]], complex)
    one = jnp.stack([jnp.eye(2, dtype=complex)] * 2)
    expansion = ModeExpansion(n_eff, one, one, jnp.ones(3), jnp.asarray(1.55))
    widths = jnp.array([0.16, 0.3, 0.45])
    local = LocalModes(widths, expansion.beta, 3.0 * jnp.stack([jnp.array([[0.0, 1.0], [-1.0, 0.0]], complex)] * 2))
    return EdgeCoupler(EdgeTips(0.18, **MEDIA, window=6.0), SPOT, EdgeTransition(local, expansion), 60.0)


@pytest.mark.slow
def test_without_contrast_the_shape_of_the_fields_decides(weak):
    for mfd in (3.0, 5.0, 10.4):
        exact, shape = facet_efficiency(weak, GaussianBeam.from_mfd(mfd)), weak.gaussian_overlap(mfd)
        # What is left is of the order of the beam's own divergence squared.
        assert float(exact) == pytest.approx(float(shape), rel=0.4 / (np.pi * 1.444 / 1.55 * mfd) ** 2)


def test_a_beam_much_wider_than_the_mode_couples_by_its_intensity_on_the_axis(weak):
    # |int E|^2 2 / (pi w^2) over int |E|^2: twice the waist couples a quarter.
    wide = [float(facet_efficiency(weak, GaussianBeam.from_mfd(mfd))) for mfd in (400.0, 800.0)]
    assert wide[0] / wide[1] == pytest.approx(4.0, rel=3e-3)
    _, _, area, field = weak.samples()
    along = field.e[0].real
    closed = jnp.sum(area * along) ** 2 / jnp.sum(area * along**2) * 2.0 / (jnp.pi * 400.0**2)
    assert wide[1] == pytest.approx(float(closed), rel=2e-3)


def test_the_joint_of_fields_is_the_same_integral_at_any_alignment(weak, silicon):
    """Of a silicon tip too, where shapes of E alone lose 0.17 dB more."""
    beam = GaussianBeam(2.0, 2.6, 1.0, -2.0, 0.3, 0.1, 0.2)
    for mode, window, error in ((weak, 24.0, 1e-4), (silicon, 16.0, 1e-6)):
        joint = tip_joint(mode, beam, FieldGrid.over(window, 48), 1.2, method="paraxial")
        for place in (Alignment(), Alignment(0.7, -0.4, 6.0, 0.04, -0.05, 0.3)):
            assert float(facet_efficiency(mode, beam, place, 1.2)) == pytest.approx(
                float(joint.efficiency(place)), rel=error
            )


def test_the_field_of_a_tip_does_not_depend_on_the_grid(silicon):
    """Elements of a mesh are wider than the waves of a fine grid, over which their own points do not integrate."""
    powers = [float(SampledField.of_mode(silicon, FieldGrid.over(w, 48)).power()) for w in (16.0, 8.0)]
    # Of E and H of power 1 what runs forward has as much more as what runs back; the finer grid holds more of it.
    assert 1.0 < powers[0] == pytest.approx(powers[1], abs=3e-3) and powers[1] < 1.03


def test_crossed_polarisations_do_not_couple(silicon):
    crossed = GaussianBeam.from_mfd(3.0, azimuth=np.pi / 2)
    assert float(facet_efficiency(silicon, crossed)) < 1e-10 < 0.9 < float(facet_efficiency(silicon, SPOT))


def test_the_tip_is_symmetric_and_best_on_the_axis(silicon):
    places = [Alignment(x=s) for s in (0.5, -0.5)] + [Alignment(y=0.5), Alignment(tilt_x=0.1), Alignment(z=3.0)]
    values = [float(facet_efficiency(silicon, SPOT, place)) for place in places]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    assert max(values) < float(facet_efficiency(silicon, SPOT))


def test_indices_that_match_reflect_nothing():
    assert float(facet_transmission(1.444, 1.444, 1.444)) == 1.0
    # One face of glass and air: 4 n / (1 + n)^2.
    assert float(facet_transmission(1.5, 1.0, 1.0)) == pytest.approx(6.0 / 2.5**2, rel=1e-12)
    # Both faces, summed over all echoes.
    r = (0.5 / 2.5) ** 2
    assert float(facet_transmission(1.5, 1.0, 1.5)) == pytest.approx((1 - r) / (1 + r), rel=1e-12)


@pytest.mark.slow
def test_losses_add_up(coupler):
    losses = coupler.losses_db()
    assert float(losses.total) == pytest.approx(sum(map(float, losses)), rel=1e-12)
    assert all(float(each) > 0.0 for each in losses)
    assert float(losses.wire) == pytest.approx(2.0 * 60e-4)
    gel = dataclasses.replace(coupler, gap_index=1.444).losses_db()
    assert float(gel.reflection) < 2e-4 < 0.2 < float(losses.reflection)


def test_leakage_is_the_integral_along_the_profile():
    leakage = EdgeLeakage(jnp.array([0.1, 0.3]), jnp.log(jnp.array([1e-2, 1e-4])))
    exact = 100.0 * (1e-2 - 1e-4) / np.log(100.0)
    assert float(leakage.loss_db(np.linspace(0.1, 0.3, 401), 100.0)) == pytest.approx(exact, rel=1e-4)
    assert float(leakage.loss_db(np.full(3, 0.1), 50.0)) == pytest.approx(0.5, rel=1e-12)


def test_derivatives_in_beam_and_alignment(silicon):
    @jax.jit
    def loss(at):
        beam = GaussianBeam(at[0], at[1], at[2], 0.0, at[3])
        return jnp.log(facet_efficiency(silicon, beam, Alignment(*at[4:10]), at[10]))

    at = jnp.array([1.4, 1.6, 0.5, 0.2, 0.3, -0.2, 2.0, 0.05, -0.03, 0.2, 1.1])
    slope = jax.jit(jax.grad(loss))(at)
    for k in range(at.size):
        one = 1e-5 * jnp.eye(at.size)[k]
        np.testing.assert_allclose(slope[k], (loss(at + one) - loss(at - one)) / 2e-5, rtol=1e-6, atol=1e-9)


def test_a_derivative_at_the_middle_is_zero(silicon):
    slope = jax.grad(lambda x: facet_efficiency(silicon, SPOT, Alignment(x=x)))(0.0)
    assert abs(float(slope)) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["straight", "best"])
def test_derivatives_of_the_total_in_width_and_length(coupler, profile):
    start = dataclasses.replace(coupler, profile=profile)

    @jax.jit
    def losses(at):
        return jnp.stack(list(eqx.tree_at(lambda c: (c.tips.width, c.length), start, (at[0], at[1])).losses_db()))

    at = jnp.array([0.1771, 20.0])
    slope = jax.jit(jax.grad(lambda at: jnp.sum(losses(at))))(at)

    def differences(k, step):
        return (losses(at + step * jnp.eye(2)[k]) - losses(at - step * jnp.eye(2)[k])) / (2.0 * step)

    # Fringes turn once in 1.7 um of length, so differences are extrapolated.
    extrapolated = [
        (4.0 * differences(k, 0.5 * step) - differences(k, step)) / 3.0 for k, step in ((0, 2e-5), (1, 1e-2))
    ]
    # Taper and leakage lie on cubics over the start, whose bends jump: in small steps, with no solver to round.
    narrow = extrapolated[0].at[2:4].set(differences(0, 1e-7)[2:4])
    np.testing.assert_allclose(slope, [jnp.sum(narrow), jnp.sum(extrapolated[1])], rtol=1e-6)


@pytest.mark.slow
def test_the_best_width_and_length_lose_less(coupler):
    found, run = optimize_edge_coupler(coupler, (0.165, 0.24), (10.0, 400.0), steps=25, progress=False)
    assert run.stopped is None
    assert float(found.losses_db().total) < float(coupler.losses_db().total) - 0.01
    assert float(found.losses_db().total) == pytest.approx(run.value, rel=1e-6)


@pytest.mark.slow
def test_the_window_of_a_tip_is_large_enough():
    assert window_error_db(EdgeTips(0.18, **MEDIA, window=8.0), SPOT, 1.55, accuracy="fast") < 5e-3


@pytest.mark.slow
def test_narrow_tips_leak_more():
    widths = [0.18, 0.25]
    leakage = solve_leakage([EdgeTips(w, **MEDIA, window=6.0) for w in widths], widths, 1.55, 2.0, substrate=3.476)
    assert float(leakage.log_rate[0]) > float(leakage.log_rate[1]) + 2.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m, c: facet_efficiency(m, SPOT, Alignment(x=9.0)), "offset x within the window of the mode, = 9 um"),
        (lambda m, c: facet_efficiency(m, SPOT, Alignment(y=-9.0)), "offset y within the window of the mode, = -9 um"),
        (lambda m, c: facet_efficiency(m, SPOT, Alignment(x=[0.0, 1.0])), "is not one alignment"),
        (lambda m, c: facet_efficiency(m, SPOT, index=0.5), r"index = 0.5 is outside \[1"),
        (lambda m, c: facet_efficiency(m, cast(Any, 3.0)), "beam = 3.0 is not of the kind GaussianBeam"),
        (
            lambda m, c: facet_efficiency(eqx.tree_at(lambda e: e.vector, m, m.vector * jnp.nan), SPOT),
            "the field of the mode is not finite",
        ),
        (lambda m, c: facet_transmission(1.4, 0.9, 1.4), "index of the gap = 0.9 is outside"),
        (lambda m, c: dataclasses.replace(c, length=0.0), "length = 0 um is outside"),
        (lambda m, c: dataclasses.replace(c, profile="bent"), "profile = 'bent' is not one of"),
        (lambda m, c: dataclasses.replace(c, polarization="tm"), "polarization = 'tm' is not one of 'te'"),
        (lambda m, c: EdgeLeakage(jnp.array([0.1, 0.2]), jnp.zeros(3)), r"shapes \(2,\) and \(3,\) are not both"),
        (lambda m, c: EdgeLeakage(jnp.array([0.2, 0.1]), jnp.zeros(2)), "steps of places = -0.1 is outside"),
        (lambda m, c: EdgeLeakage(jnp.array([0.1, 0.2]), jnp.log(jnp.array([0.1, jnp.nan]))), "log_rate = nan"),
        (lambda m, c: optimize_edge_coupler(c, (0.1, 0.25), (10.0, 99.0)), r"widths = 0.1 um is outside \[0.16, 0.45"),
        (lambda m, c: optimize_edge_coupler(c, (0.17, 0.25), (0.0, 99.0)), "lengths = 0 um is outside"),
        (lambda m, c: solve_leakage([c.tips], [0.1], 1.55, 2.0), "number of sections = 1 is outside"),
        (lambda m, c: window_error_db(c.tips, SPOT, 1.55, larger=1.0), "larger = 1 is outside"),
    ],
)
def test_what_makes_no_sense_is_refused(silicon, made_up, make, message):
    with pytest.raises(ValueError, match=message):
        make(silicon, made_up)


def test_an_offset_that_leaves_the_window_stops_a_compiled_function(silicon):
    with pytest.raises(Exception, match=r"offset x within the window of the mode, is outside \[-8, 8\] um"):
        jax.block_until_ready(jax.jit(lambda x: facet_efficiency(silicon, SPOT, Alignment(x=x)))(9.0))
