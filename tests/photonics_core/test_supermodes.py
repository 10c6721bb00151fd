import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.supermodes import couple, overlap_coupling, pair_section, supermodes

CORE, OXIDE, WL = 3.476, 1.444, 1.55


def pair(gap, widths=0.5):
    return pair_section(widths, 0.22, gap, CORE, OXIDE)


@pytest.mark.slow
def test_two_wires_have_the_indices_of_refined_finite_elements():
    even, odd = supermodes(pair(0.2), WL, accuracy="fine")
    np.testing.assert_allclose([even.n_eff, odd.n_eff], [2.45678, 2.43630], atol=2e-5)


@pytest.mark.slow
def test_the_coupling_is_half_the_splitting():
    even, odd = supermodes(pair(0.2), WL, accuracy="fast")
    found = couple(pair(0.2), WL, accuracy="fast")
    np.testing.assert_allclose(found.coupling, np.pi * float(even.n_eff - odd.n_eff) / WL, rtol=1e-12)
    np.testing.assert_allclose(found.coupling, 0.04148, rtol=2e-3)
    assert found.detuning == 0.0
    assert abs(float(even.te_fraction()) - 1.0) < 0.05


@pytest.mark.slow
def test_splitting_and_overlap_agree_where_coupling_is_weak_and_part_where_it_is_not():
    apart = {}
    for gap in (0.1, 0.2, 0.5, 1.0):
        solved = [float(f(pair(gap), WL, accuracy="fast").coupling) for f in (couple, overlap_coupling)]
        apart[gap] = abs(solved[1] / solved[0] - 1.0)
    assert apart[1.0] < 1e-7 and apart[0.5] < 5e-5
    assert 0.005 < apart[0.2] < 0.012 and 0.06 < apart[0.1] < 0.09
    # The difference falls as the square of the coupling.
    assert 1.6 < np.log(apart[0.2] / apart[0.5]) / np.log(0.0415 / 0.00309) < 2.6


@pytest.mark.slow
def test_unequal_guides_are_detuned_by_what_they_differ_alone():
    widths = (0.5, 0.495)
    split = supermodes(pair(0.3, widths), WL, accuracy="fast")
    found = couple(pair(0.3, widths), WL, accuracy="fast")
    half = np.pi / WL * float(split[0].n_eff - split[1].n_eff)
    np.testing.assert_allclose(half**2, found.coupling**2 + found.detuning**2, rtol=1e-12)
    assert found.detuning > 0.0
    np.testing.assert_allclose(found.coupling, couple(pair(0.3), WL, accuracy="fast").coupling, rtol=0.03)
    tails = overlap_coupling(pair(0.3, widths), WL, accuracy="fast")
    np.testing.assert_allclose(tails.coupling, found.coupling, rtol=5e-3)
    turned = couple(pair(0.3, widths[::-1]), WL, accuracy="fast")
    np.testing.assert_allclose([turned.coupling, turned.detuning], [found.coupling, -found.detuning], rtol=1e-6)


@pytest.mark.slow
def test_equal_guides_given_as_two_are_those_given_as_one():
    one, two = (couple(pair(0.2, widths), WL, accuracy="fast") for widths in (0.5, (0.5, 0.5)))
    np.testing.assert_allclose(two.coupling, one.coupling, rtol=1e-5)
    np.testing.assert_allclose(two.detuning, 0.0, atol=1e-10)


@pytest.mark.slow
def test_derivatives_of_the_coupling_are_those_of_differences(assert_gradient):
    def logarithm(leaves):
        section = pair_section(leaves["width"], 0.22, leaves["gap"], CORE, OXIDE)
        return jnp.log(couple(section, leaves["wl"], accuracy="fast").coupling)

    at = {"width": jnp.asarray(0.5), "gap": jnp.asarray(0.2), "wl": jnp.asarray(WL)}
    assert_gradient(logarithm, at, rtol=1e-6)


@pytest.mark.slow
def test_tm_couples_more():
    te, tm = (couple(pair(0.4), WL, polarization=kind, accuracy="fast").coupling for kind in ("te", "tm"))
    assert tm > 5.0 * te


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair(0.0), "gap = 0 um"),
        (lambda: pair(-0.1), "gap = -0.1 um"),
        (lambda: pair(0.2, (0.5, 0.5, 0.5)), "number of widths = 3"),
        (lambda: pair(0.2, -0.5), "width = -0.5 um"),
        (lambda: couple(pair(0.2), WL, polarization="both"), "polarization"),
        (lambda: couple(pair_section(0.1, 0.05, 0.2, CORE, OXIDE), WL, accuracy="fast"), "guides no odd te mode"),
        (lambda: couple("pair", WL), "section"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.slow
def test_batch_of_gaps_is_that_of_single_ones():
    gaps = jnp.array([0.15, 0.25])
    single = [couple(pair(gap), WL, accuracy="fast").coupling for gap in (0.15, 0.25)]
    batch = jax.lax.map(lambda gap: couple(pair(gap), WL, accuracy="fast").coupling, gaps)
    np.testing.assert_allclose(batch, single, rtol=1e-9)


def test_tall_guides_have_no_te_modes_to_couple():
    with pytest.raises(ValueError, match="too tall for polarization = 'te'"):
        couple(pair_section(0.22, 1.0, 0.2, CORE, OXIDE), WL, accuracy="fast")


@pytest.mark.slow
def test_coupling_falls_exponentially_however_wide_the_gap():
    gaps = (0.8, 1.2, 1.6, 2.0)
    for accuracy in ("fast", "normal"):
        kappa = [
            float(couple(pair_section(0.5, 0.22, gap, CORE, OXIDE), WL, accuracy=accuracy).coupling) for gap in gaps
        ]
        slopes = np.diff(np.log(kappa)) / 0.4
        # The slope comes near that of the field in the plane, from above.
        assert np.all(np.abs(np.diff(slopes)) < 0.2)
