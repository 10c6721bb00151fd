"""The taper from tip to wire: slices beside local modes, the adiabatic limit, power, profiles, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.edge_tips import EdgeTips
from photonics_core.devices.edge_transition import _assigned, expand_tips, inverse_taper, solve_transition

#: All stand on solved modes, which take longest.
pytestmark = pytest.mark.slow

MEDIA = {"core": 3.476, "cladding": 1.444, "window": 5.0}
SAMPLES, COUNT = 25, 3


@pytest.fixture(scope="module")
def taper():
    return inverse_taper(EdgeTips(0.18, **MEDIA), 0.45, 1.55, samples=SAMPLES, count=COUNT)


def test_the_ends_are_the_tip_and_the_wire(taper):
    assert float(taper.expansion.n_eff[0, 0].real) == pytest.approx(1.45857, abs=3e-4)
    assert float(taper.expansion.n_eff[-1, 0].real) == pytest.approx(2.353154, abs=3e-4)
    assert np.all(np.asarray(taper.expansion.n_eff[:, 1:].real) < 1.444)


def test_forward_waves_keep_power(taper):
    carried = np.asarray(taper.local.propagator(taper.profile(), 20.0))
    np.testing.assert_allclose(carried.conj().T @ carried, np.eye(COUNT), atol=1e-12)


def test_slices_keep_power_and_reciprocity(taper):
    values = np.asarray(taper.expansion.scattering(np.full(SAMPLES, 1.0)).values)
    np.testing.assert_allclose(values, values.T, atol=1e-12)
    np.testing.assert_allclose(values.conj().T @ values, np.eye(2 * COUNT), atol=1e-11)


@pytest.mark.parametrize("kind", ["straight", "best"])
def test_slices_and_local_modes_agree(taper, kind):
    lengths = np.array([10.0, 40.0, 160.0])
    followed = [float(taper.loss_db(length, None, kind)) for length in lengths]
    np.testing.assert_allclose(taper.sliced_loss_db(lengths, kind), followed, rtol=0.05, atol=0.004)


def test_loss_falls_to_nothing_with_length(taper):
    lengths = 20.0 * 4.0 ** np.arange(5)
    for kind in ("straight", "best"):
        lost = np.array([float(taper.loss_db(length, None, kind)) for length in lengths])
        assert np.all(np.diff(lost) < 0.0) and 0.0 <= lost[-1] < 2e-3


def test_a_long_straight_taper_loses_what_its_tip_scatters(taper):
    """First order in w' = W / L: the sum of |C w' / (beta_j - beta_0)|^2 at both ends, the wire's almost nothing."""
    length = 5120.0
    ends = np.asarray(taper.local.adiabaticity(taper.profile(None, "straight", 4000), length))[[0, -1]]
    assert np.sum(ends[1] ** 2) < 1e-4 * np.sum(ends[0] ** 2)
    expected = 10.0 / np.log(10.0) * np.sum(ends[0] ** 2)
    assert float(taper.loss_db(length)) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("kind", ["straight", "best"])
def test_steps_are_fine_enough(taper, kind):
    profile = taper.profile(None, kind, 12800)
    for length in (20.0, 160.0, 1280.0):
        kept = abs(complex(taper.local.propagator(profile, length)[0, 0])) ** 2
        assert float(taper.loss_db(length, None, kind)) == pytest.approx(-10.0 * np.log10(kept), rel=0.02, abs=2e-6)


def test_the_best_profile_rises_from_any_start(taper):
    for start in (None, 0.2237, 0.44):
        assert np.all(np.diff(taper.profile(start, "best")) > 0.0)


def test_the_best_profile_loses_less_and_is_slow_at_the_tip(taper):
    straight, best = (taper.profile(None, kind) for kind in ("straight", "best"))
    assert float(taper.loss_db(80.0, None, "best")) < 0.3 * float(taper.loss_db(80.0))
    assert float(best[1] - best[0]) < 0.2 * float(straight[1] - straight[0])
    assert float(best[-1]) == pytest.approx(0.45) == float(straight[-1])


def test_a_wider_start_loses_less(taper):
    assert float(taper.loss_db(30.0, 0.2)) < float(taper.loss_db(30.0, 0.18))
    np.testing.assert_allclose(taper.profile(0.2, "best")[jnp.array([0, -1])], [0.2, 0.45], rtol=1e-12)


@pytest.mark.parametrize("kind", ["straight", "best"])
def test_loss_has_derivatives_in_start_and_length(taper, kind):
    @jax.jit
    def loss(at):
        return taper.loss_db(at[0], at[1], kind)

    at = jnp.array([20.0, 0.2037])
    slope = jax.jit(jax.grad(loss))(at)
    for k, step in ((0, 2e-3), (1, 1e-6)):
        one = step * jnp.eye(2)[k]
        np.testing.assert_allclose(slope[k], (loss(at + one) - loss(at - one)) / (2 * step), rtol=1e-6)


def test_modes_are_followed_through_crossings():
    sizes = jnp.array([[0.9, 0.8, 0.1], [0.1, 0.2, 0.95], [0.95, 0.9, 0.3]])
    np.testing.assert_array_equal(_assigned(sizes), [0, 2, 1])


@pytest.mark.slow
def test_a_trident_carries_light_from_two_tips_into_the_middle():
    places = np.linspace(0.0, 1.0, 31)
    tips = [EdgeTips(0.16 - 0.08 * s, gap=0.4, middle=0.06 + 0.34 * s, **MEDIA) for s in places]
    taper = solve_transition(tips, places, 1.55, count=4)
    lost = [float(taper.loss_db(length)) for length in (20.0, 100.0, 1000.0)]
    assert lost[0] > lost[1] > lost[2] and lost[2] < 0.05


@pytest.mark.slow
def test_single_precision_gives_the_same_losses(taper, float32):
    single = inverse_taper(EdgeTips(0.18, **MEDIA), 0.45, 1.55, samples=SAMPLES, count=COUNT)
    for kind in ("straight", "best"):
        assert float(single.loss_db(40.0, None, kind)) == pytest.approx(
            float(taper.loss_db(40.0, None, kind)), abs=2e-3
        )
    assert float(single.sliced_loss_db(40.0)) == pytest.approx(float(single.loss_db(40.0)), abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: expand_tips([EdgeTips(0.2, **MEDIA)], 1.55), "number of sections = 1 is outside"),
        (
            lambda: expand_tips([EdgeTips(0.2, **MEDIA), EdgeTips(0.2, gap=0.2, **MEDIA)], 1.55),
            r"tips\[1\] has other cores",
        ),
        (lambda: expand_tips([EdgeTips(0.2, **MEDIA), EdgeTips(0.2, **(MEDIA | {"window": 6.0}))], 1.55), "windows of"),
        (lambda: expand_tips([EdgeTips(0.2)] * 2, 1.55, count=1), "count = 1 is outside"),
        (lambda: inverse_taper(EdgeTips(0.2), 0.1, 1.55), "wire = 0.1 um is outside"),
        (lambda: inverse_taper(EdgeTips(0.2, gap=0.2), 0.4, 1.55), "number of cores = 2 is outside"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_start_or_length_outside_is_refused(taper):
    with pytest.raises(ValueError, match="start = 0.1 is outside"):
        taper.loss_db(10.0, 0.1)
    with pytest.raises(ValueError, match="length = 0 um is outside"):
        taper.loss_db(0.0)
    with pytest.raises(ValueError, match="length = -1 um is outside"):
        taper.sliced_loss_db([10.0, -1.0])
    with pytest.raises(ValueError, match="kind = 'bent' is not one of"):
        taper.profile(None, "bent")
    with pytest.raises(ValueError, match="steps = 0 is outside"):
        taper.profile(None, "best", 0)
