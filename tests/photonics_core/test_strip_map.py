import jax
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.waveguide import Waveguide
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import fundamental_mode
from photonics_core.strip_map import strip_index

#: All stand on solved modes, which take longest.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def index():
    return strip_index((0.46, 0.54), 0.22, wl=(1.53, 1.57), temperature=(290.0, 330.0), accuracy="fast", tolerance=1e-6)


def test_the_map_is_that_of_the_modes(index):
    mode = fundamental_mode(CrossSection.strip(0.485, 0.22), 1.543, 312.0, accuracy="fast")
    at = index.at(width=0.485)
    np.testing.assert_allclose(at.effective_index(1.543, 312.0), mode.n_eff, atol=2e-6)
    np.testing.assert_allclose(at.group_index(1.543, 312.0), mode.n_g, atol=2e-4)
    assert index.error_estimate < 1e-6


@pytest.mark.slow
def test_a_ring_of_a_solved_guide_drifts_and_moves_with_its_width(index):
    coupler = PointCoupler(0.2)

    def resonance(width):
        return AddDropRing(10.0, coupler, coupler, index.at(width=width)).resonance(1.55)

    ring = AddDropRing(10.0, coupler, coupler, index.at(width=0.5))
    assert 68.0 < ring.drift_pm_k(1.55) < 80.0
    step = 1e-4
    slope = (resonance(0.5 + step) - resonance(0.5 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(resonance)(0.5), slope, rtol=1e-5)
    assert 0.5 < slope < 1.5  # nm/nm


@pytest.mark.slow
def test_a_waveguide_in_a_line(tmp_path):
    options = {"wl": (1.54, 1.56), "temperature": 300.0, "accuracy": "fast", "cache": tmp_path, "degrees": 3}
    guide = Waveguide.strip(100.0, 0.5, 0.22, SILICON, SILICA, **options)
    again = Waveguide.strip(100.0, 0.5, 0.22, SILICON, SILICA, **options)
    assert guide.transmission(1.55) == again.transmission(1.55)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: strip_index(-0.5), "width = -0.5 um"),
        (lambda: strip_index(polarization="x"), "polarization = 'x'"),
        (lambda: strip_index(0.05, 0.05, 1.6, 1.5, wl=(1.5, 1.6), temperature=300.0), "guides no te mode"),
        (lambda: strip_index(core=lambda wl: 3.4 + 0.0 * wl, cache="x", accuracy="fast"), "core is a function"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
