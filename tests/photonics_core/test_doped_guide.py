"""A guide with a junction: index and loss of the carriers that are left, with a stated overlap and a solved mode."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.carriers import carrier_complex_index, mode_overlap
from photonics_core.cross_section import CrossSection
from photonics_core.doped_guide import DopedGuide
from photonics_core.junction import ORIENTATIONS, PNJunction
from photonics_core.mode_solver import fundamental_mode

VOLTAGES = np.array([-0.3, 0.0, 0.7, 3.0])


def junction(orientation="lateral", **changes):
    return PNJunction(**{"acceptors_cm3": 1e18, "donors_cm3": 7e17, "orientation": orientation, **changes})


@pytest.fixture(scope="module")
def wire():
    """A wire without mirror plane across y, with lines at the edges of a vertical junction at 1 V."""
    x_p, x_n = junction("vertical").depletion_parts(1.0)
    section = CrossSection.strip(0.5, 0.22).unfolded(1)
    at = [(0.11 + float(edge)) / 0.22 for edge in (-x_p, x_n)]
    # Its middle line is that of the plane it was unfolded at.
    section = section.divided(1, 2, [2.0 * at[1] - 1.0]).divided(1, 1, [2.0 * at[0]])
    return section, fundamental_mode(section, 1.55, accuracy="fast")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_guide_with_a_stated_overlap_loses_the_carriers_of_the_layer(orientation):
    guide = DopedGuide(junction(orientation, offset=0.01), 0.9)
    (p, n), parts = guide.junction.span(), guide.junction.depletion_parts(2.0)
    holes, electrons = (complex(carrier_complex_index(*pair, wl=1.31)) for pair in ((0.0, 1e18), (7e17, 0.0)))
    expected = 0.9 * (holes * float(p - parts[0]) + electrons * float(n - parts[1])) / float(p + n)
    np.testing.assert_allclose(guide.index_change(2.0, 1.31), expected, rtol=1e-13)
    # A higher voltage leaves fewer carriers: more index, less loss.
    assert np.all(np.diff(guide.phase(VOLTAGES, 1.31)) > 0)
    assert np.all(np.diff(guide.loss_db_cm(VOLTAGES, 1.31)) < 0)
    np.testing.assert_allclose(guide.phase(2.0, 1.31) * guide.v_pi_l_cm(2.0, 1.31) * 1e4 / 2.0, np.pi, rtol=1e-13)


def test_voltage_and_wavelength_broadcast_and_junctions_batch():
    guide = DopedGuide(junction(), 0.9)
    change = guide.index_change(VOLTAGES[:, None], np.array([1.31, 1.55]))
    assert change.shape == (4, 2)
    np.testing.assert_allclose(change[2, 1], guide.index_change(0.7, 1.55), rtol=1e-13)
    batch = junction(acceptors_cm3=np.array([5e17, 1e18]))
    np.testing.assert_allclose(batch.capacitance(1.0)[1], junction().capacitance(1.0), rtol=1e-13)
    np.testing.assert_allclose(DopedGuide(batch, 0.9).loss_db_cm(1.0, 1.31)[1], guide.loss_db_cm(1.0, 1.31), rtol=1e-13)


@pytest.mark.slow
def test_a_solved_mode_weighs_the_sides(wire, assert_gradient):
    _, mode = wire
    core = (-0.25, 0.25), (-0.11, 0.11)
    whole = mode_overlap(mode, *core)
    np.testing.assert_allclose(whole, mode.index_sensitivity(0), rtol=2e-3)
    # Both sides and the layer between them make up the core.
    parts = [mode_overlap(mode, pair, core[1]) for pair in ((-0.25, -0.05), (-0.05, 0.04), (0.04, 0.25))]
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-3)
    guide = DopedGuide(junction(slab=1e-6), mode)
    # The field is largest in the middle, where the junction is: more phase than with an even field.
    assert guide.v_pi_l_cm(2.0, 1.55) < 0.95 * DopedGuide(guide.junction, float(whole)).v_pi_l_cm(2.0, 1.55)
    assert_gradient(lambda v: guide.index_change(v, 1.55).real, jnp.asarray(1.5), rtol=1e-3)
    thin = DopedGuide(junction("interleaved", slab=1e-6), mode), DopedGuide(junction("interleaved"), whole)
    np.testing.assert_allclose(*(guide.index_change(1.0, 1.55) for guide in thin), rtol=1e-4)


@pytest.mark.slow
def test_first_order_agrees_with_the_mode_of_the_doped_guide(wire):
    section, mode = wire
    guide = DopedGuide(junction("vertical", slab=1e-6), mode)
    doped = fundamental_mode(section.with_profile(guide.profile(1.0, 1.55)), 1.55, accuracy="fast")
    change = guide.index_change(1.0, 1.55)
    solved = complex(doped.n_eff) - complex(mode.n_eff)
    np.testing.assert_allclose([change.real, change.imag], [solved.real, solved.imag], rtol=5e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DopedGuide(junction(), 0.0), r"overlap = 0 is outside \(0, inf\)"),
        (lambda: DopedGuide(junction(), 0.9, "drude"), r"model = 'drude' is not one of"),
        (lambda: DopedGuide(junction(), 0.9).v_pi_l_cm(1.0, 1.55, 1.0), r"voltage - bias = 0 V is outside \(0, inf\)"),
        (lambda: DopedGuide(junction(), 0.9).index_change(1.0, 1.8), r"wl = 1.8 um is outside \[1.26, 1.625\]"),
        (
            lambda: DopedGuide(junction("interleaved"), 0.9).profile(1.0, 1.55),
            r"orientation = 'interleaved' is not one",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
