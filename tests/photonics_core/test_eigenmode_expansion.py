import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.eigenmode_expansion import TruncationWarning, expand_modes
from photonics_core.kernels.eigenmodes import Walls

CORE, OXIDE, WL = 3.476, 1.444, 1.55
# Modes of each slice: some of them evanescent in the small window of these tests.
SLICES, COUNT = 7, 6
THROUGH = "left_0", "right_0"


def wire(width, core=CORE):
    return CrossSection.strip(width, 0.22, core, OXIDE, margin=0.6)


def expanded(widths):
    return expand_modes([wire(width) for width in widths], WL, count=COUNT)


@pytest.fixture(scope="module")
def straight():
    return expanded([0.5] * SLICES)


@pytest.fixture(scope="module")
def taper():
    return expanded(np.linspace(0.5, 0.45, SLICES))


@pytest.fixture(scope="module")
def junction():
    return expanded([0.5] * 3 + [0.8] * 4)


def rows(total):
    return np.multiply.outer(np.asarray(total) / SLICES, np.ones(SLICES))


@pytest.mark.slow
def test_a_straight_guide_in_slices_is_one_piece(straight):
    s = straight.scattering(rows(4.0))
    phase = np.exp(1j * np.asarray(straight.beta[0]) * 4.0)
    np.testing.assert_allclose(s.values[:COUNT, :COUNT], 0.0, atol=1e-10)
    np.testing.assert_allclose(s.values[COUNT:, :COUNT], np.diag(phase), atol=1e-10)


def test_modes_of_a_slice_are_orthogonal(straight):
    for part in (straight.electric, straight.magnetic):
        np.testing.assert_allclose(part[0], np.eye(COUNT), atol=1e-9)


def test_some_modes_are_evanescent_and_nothing_is_nan(straight):
    squares = np.asarray(straight.n_eff[0] ** 2)
    assert squares[0].real > 5.9 and squares[-1].real < 0.0
    assert np.all(np.diff(squares.real) < 0) and np.all(np.abs(squares.real) > 1e-3)
    np.testing.assert_allclose(squares.imag, 0.0, atol=1e-12)
    assert np.all(np.asarray(straight.n_eff).imag >= 0.0)


@pytest.mark.parametrize("name", ["taper", "junction"])
@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.slow), 3, COUNT])
def test_reciprocity_and_power_hold_for_any_number_of_modes(name, count, request):
    kept = request.getfixturevalue(name).keep(count)
    s = kept.scattering(rows(1.0))
    assert s.reciprocity_residual() < 1e-12
    waves = np.concatenate([np.asarray(kept.n_eff[k]).imag == 0.0 for k in (0, -1)])
    part = np.asarray(s.values)[np.ix_(waves, waves)]
    np.testing.assert_allclose(part.conj().T @ part, np.eye(np.sum(waves)), atol=1e-11)


def test_a_longer_taper_transmits_more(taper):
    lost = 1.0 - np.asarray(taper.scattering(rows([0.02, 0.3, 1.2, 2.0])).power(*THROUGH))
    assert np.all(np.diff(lost) < 0) and lost[0] > 1e-3 and 0 < lost[-1] < 5e-5


def test_a_junction_transmits_its_overlap(junction):
    # To first order power o p, where the modes left out would take the rest (Snyder and Love, section 20-1).
    estimate = float((junction.electric[2, 0, 0] * junction.magnetic[2, 0, 0]).real)
    found = float(junction.scattering(rows(1e-6)).power(*THROUGH))
    assert 0.9 < estimate < 0.99
    np.testing.assert_allclose(found, estimate, atol=0.4 * (1.0 - estimate))
    one = float(junction.keep(1).scattering(rows(1e-6)).power(*THROUGH))
    assert abs(found - estimate) < abs(one - estimate)


def test_lengths_at_once_are_lengths_one_by_one(taper):
    lengths = rows(np.linspace(1.0, 20.0, 20))
    swept = taper.scattering(lengths)
    assert swept.values.shape == (20, 2 * COUNT, 2 * COUNT) and swept.wl.shape == (20,)
    np.testing.assert_allclose(swept.values[3], taper.scattering(lengths[3]).values, atol=1e-12)


def test_signs_of_modes_do_not_matter(junction):
    signs = np.sign(np.random.default_rng(2).normal(size=(SLICES, COUNT)))
    signs[[0, -1]] = 1.0
    signs = signs.astype(complex)
    turned = [part * signs[:-1, :, None] * signs[1:, None, :] for part in (junction.electric, junction.magnetic)]
    other = dataclasses.replace(junction, electric=turned[0], magnetic=turned[1])
    np.testing.assert_allclose(other.scattering(rows(1.0)).values, junction.scattering(rows(1.0)).values, atol=1e-12)


def test_lengths_have_derivatives(junction, assert_gradient):
    assert_gradient(lambda lengths: junction.scattering(lengths).power(*THROUGH), jnp.asarray(rows(1.0)), rtol=1e-6)


@pytest.mark.slow
def test_a_stack_is_a_list():
    widths = jnp.linspace(0.5, 0.45, SLICES)
    stack = jax.vmap(wire)(widths)
    listed = expanded(np.asarray(widths))
    np.testing.assert_allclose(expand_modes(stack, WL, count=COUNT).n_eff, listed.n_eff, atol=1e-12)


@pytest.mark.slow
def test_widths_have_derivatives():
    @jax.jit
    def transmitted(widths):
        sections = [wire(width) for width in (0.6, *widths, 0.45)]
        return expand_modes(sections, WL, count=COUNT).scattering(np.full(22, 0.05)).power(*THROUGH)

    widths = jnp.linspace(0.6, 0.45, 22)[1:-1] + 0.01 * jnp.sin(jnp.arange(20.0))
    slope = jax.jit(jax.grad(transmitted))(widths)

    # All widths at once, along a few directions: a difference for each of them would take minutes.
    directions = np.random.default_rng(4).normal(size=(4, 20))

    def difference(step):
        ends = [[transmitted(widths + sign * step * each) for sign in (1.0, -1.0)] for each in directions]
        return -np.diff(np.asarray(ends), axis=1)[:, 0] / (2.0 * step)

    reference = (4.0 * difference(1e-4) - difference(2e-4)) / 3.0
    np.testing.assert_allclose(directions @ np.asarray(slope), reference, rtol=1e-5)


@pytest.mark.slow
def test_loss_is_taken_up():
    lossy = expand_modes([wire(0.5, CORE + 1e-3j)] * 3, WL, count=3)
    s = lossy.scattering([1.0, 2.0, 1.0])
    assert lossy.n_eff[0, 0].imag > 1e-3
    expected = np.exp(-16.0 * np.pi / WL * float(lossy.n_eff[0, 0].imag))
    np.testing.assert_allclose(s.power(*THROUGH), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sections": []}, "number of sections = 0"),
        ({"sections": [0.5]}, "section = 0.5 is not of the kind CrossSection"),
        ({"sections": [wire(0.5), CrossSection.slot(0.2, 0.22, 0.1)]}, r"sections\[1\].blocks"),
        ({"sections": [wire(0.5), wire(0.5).unfolded()]}, r"sections\[1\].mirrored = \(False, True\)"),
        ({"sections": wire(0.5)}, "no axis of slices"),
        ({"count": 0}, "count = 0"),
        ({"count": 5000}, "count = 5000"),
        ({"symmetry": "both"}, "polarization = 'both'"),
        ({"symmetry": 3}, "symmetry = 3"),
        ({"symmetry": Walls, "count": 1}, "symmetry = "),
        ({"accuracy": "best"}, "accuracy = 'best'"),
        ({"wl": -1.0}, "wl = -1"),
    ],
)
def test_bad_input_is_named(arguments, message):
    given = {"sections": [wire(0.5)], "wl": WL, "count": 2} | arguments
    with pytest.raises(ValueError, match=message):
        expand_modes(given.pop("sections"), given.pop("wl"), **given)


def test_a_section_without_a_mirror_plane_needs_its_walls():
    with pytest.raises(ValueError, match="no mirror plane"):
        expand_modes([wire(0.5).unfolded()], WL)


def test_bad_lengths_are_named(straight):
    with pytest.raises(ValueError, match="lengths = 0 um"):
        straight.scattering(np.zeros(SLICES))
    with pytest.raises(ValueError, match=r"lengths of shape \(2,\)"):
        straight.scattering([1.0, 1.0])
    with pytest.raises(ValueError, match="count = 9"):
        straight.keep(9)


@pytest.mark.slow
@pytest.mark.parametrize("width", [pytest.param(1.2, marks=pytest.mark.slow), 0.2])
def test_an_abrupt_joint_is_finite_however_few_modes_are_kept(width):
    expansion = expanded([0.5, width])
    shares = []
    for count in range(1, COUNT + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncationWarning)
            s = expansion.keep(count).scattering([1.0, 1.0])
        assert np.all(np.isfinite(s.values))
        shares.append(float(s.power(*THROUGH)))
    assert max(shares) <= 1.0 + 1e-12
    assert abs(shares[-1] - shares[-2]) < 0.1


@pytest.mark.slow
def test_too_few_modes_are_named():
    expansion = expanded([0.5, 1.2])
    assert np.all(np.asarray(expansion.keep(1).captured) < 0.95)
    with pytest.warns(TruncationWarning, match="at joint 0 the 1 modes kept on either side hold"):
        expansion.keep(1).scattering([1.0, 1.0])


def test_a_straight_guide_captures_itself(straight):
    np.testing.assert_allclose(straight.captured, 1.0, atol=1e-9)
