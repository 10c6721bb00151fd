"""Tips: symmetry of a square one, several cores, derivatives, modes that are not there, the leak into a substrate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.edge_tips import EdgeTips, leaky_tip

MEDIA = {"core": 3.476, "cladding": 1.444}


def tip(width, **more):
    return EdgeTips(width, **MEDIA, **({"window": 8.0} | more))


@pytest.fixture(scope="module")
def square():
    return [tip(0.22).mode(1.55, polarization=each, accuracy="fast") for each in ("te", "tm")]


@pytest.mark.slow
def test_a_square_core_does_not_know_te_from_tm(square):
    te, tm = square
    assert float(te.n_eff) == pytest.approx(float(tm.n_eff), abs=1e-10)
    assert float(te.te_fraction()) == pytest.approx(1.0 - float(tm.te_fraction()), abs=1e-9)


@pytest.mark.slow
def test_the_search_finds_the_mode_near_the_cladding_and_far_from_it(square):
    narrow = float(tip(0.16).mode(1.55, accuracy="fast").n_eff)
    wire = float(tip(0.45).mode(1.55, accuracy="fast").n_eff)
    assert 1.444 < narrow < 1.45 < float(square[0].n_eff) < wire
    # docs/modes.md: TE of 450 nm x 220 nm.
    assert wire == pytest.approx(2.353154, abs=2e-4)


@pytest.mark.slow
def test_a_tip_without_a_mode_is_an_error():
    with pytest.raises(ValueError, match="guides no te mode at wl = 1.55 um"):
        tip(0.1).mode(1.55, accuracy="fast")
    index = jax.jit(lambda w: tip(w).mode(1.55, accuracy="fast").n_eff)
    with pytest.raises(Exception, match="the tips guide no te mode in this window"):
        jax.block_until_ready(index(0.1))
    with pytest.raises(Exception, match="mode of order 0 is not guided|guide no te mode"):
        jax.block_until_ready(index(jnp.nan))


@pytest.mark.slow
def test_two_tips_far_apart_are_two_single_ones():
    alone = float(tip(0.25).mode(1.55, accuracy="normal").n_eff)
    near, far = (float(tip(0.25, gap=g).mode(1.55, accuracy="normal").n_eff) for g in (0.5, 4.0))
    assert near > far > alone - 1e-5
    assert far == pytest.approx(alone, abs=2e-4)


@pytest.mark.slow
def test_a_third_tip_in_the_middle_adds_index():
    two = float(tip(0.14, gap=0.86).mode(1.55, accuracy="fast").n_eff)
    three = float(tip(0.14, gap=0.4, middle=0.06).mode(1.55, accuracy="fast").n_eff)
    assert three > two + 1e-5


@pytest.mark.slow
def test_index_has_derivatives_in_all_dimensions(assert_gradient):
    def index(leaves):
        width, height, gap = leaves
        return tip(width, height=height, gap=gap).mode(1.55, accuracy="fast").n_eff

    assert_gradient(index, (jnp.asarray(0.2), jnp.asarray(0.22), jnp.asarray(0.5)), rtol=1e-6)


@pytest.mark.slow
def test_the_leak_falls_with_the_oxide_as_the_field_does():
    te = [leaky_tip(tip(0.18, window=6.0), 1.55, d, substrate=3.476, accuracy="fast") for d in (2.0, 3.0)]
    rate = np.log(float(te[0].loss_db_cm) / float(te[1].loss_db_cm))
    n = float(tip(0.18).mode(1.55, accuracy="fast").n_eff)
    decay = 2.0 * (2.0 * np.pi / 1.55) * np.sqrt(n**2 - 1.444**2)
    # Between a field that falls as exp(-g r) and one that spreads round besides, as exp(-g r) / sqrt(r).
    assert decay < rate < decay + np.log(3.11 / 2.11)
    np.testing.assert_allclose(te[1].n_eff.real, n, atol=3e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tip(-0.1), "width = -0.1 um is outside"),
        (lambda: tip(0.1, gap=0.0), "gap = 0 um is outside"),
        (lambda: tip(0.1, middle=0.1), "middle is given without gap"),
        (lambda: tip(0.1, gap=14.0), r"half the width of all cores = 7.1 um is outside \[0, 6.4\]"),
        (lambda: tip(0.1, window=np.nan), "window = nan um is outside"),
        (lambda: tip(0.2).mode(1.55, polarization="x"), "polarization = 'x' is not one of"),
        (lambda: leaky_tip(tip(0.2), 1.55, -1.0), "buried_oxide = -1 um is outside"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_single_precision_gives_the_same_index(float32, square):
    assert float(tip(0.22).mode(1.55, accuracy="fast").n_eff) == pytest.approx(float(square[0].n_eff), abs=1e-4)
