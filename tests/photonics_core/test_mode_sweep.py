import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import plot
from photonics_core.cross_section import CrossSection
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import fundamental_mode
from photonics_core.mode_sweep import dispersion_ps_nm_km, sweep_modes
from photonics_core.units import SPEED_OF_LIGHT

CORE, OXIDE, WL = 3.476, 1.444, 1.55


@pytest.fixture(scope="module")
def crossing():
    return sweep_modes(lambda width: CrossSection.strip(width, 0.22, CORE, OXIDE), np.linspace(0.58, 0.74, 5), WL)


@pytest.mark.slow
def test_modes_keep_their_place_where_indices_cross(crossing):
    # TM0 and TE1 of a wire 220 nm high change places near a width of 0.66 um.
    te = crossing.read(lambda mode: mode.te_fraction())
    for row in te[:3]:
        assert np.nanmax(row) - np.nanmin(row) < 0.35
    order = np.argsort(-crossing.n_eff[:3], axis=0)
    assert np.any(order[:, 0] != order[:, -1])
    assert np.all(np.diff(crossing.n_eff[:3], axis=1) > 0)
    assert np.all(np.isfinite(crossing.n_g[:3]))


@pytest.mark.slow
def test_a_mode_that_is_not_guided_yet_is_not_a_number():
    sweep = sweep_modes(lambda width: CrossSection.strip(width, 0.22, CORE, OXIDE), [0.42, 0.5], WL, count=3)
    assert np.isnan(sweep.n_eff[2, 0]) and sweep.n_eff[2, 1] > OXIDE
    assert len(sweep) == 3 and sweep.n_eff.shape == (3, 2)


@pytest.mark.slow
def test_a_sweep_over_wavelength():
    sweep = sweep_modes(CrossSection.strip(0.45, 0.22, CORE, OXIDE), [1.5, 1.6], lambda wl: wl, count=1)
    slope = (sweep.n_eff[0, 1] - sweep.n_eff[0, 0]) / 0.1
    np.testing.assert_allclose(sweep.n_eff.mean() - WL * slope, sweep.n_g.mean(), atol=5e-3)


@pytest.mark.slow
def test_a_sweep_is_drawn(crossing):
    _, axes = plot.new_figure()
    plot.index_sweep(axes[0, 0], crossing, "width (um)")
    assert len(axes[0, 0].lines) == len(crossing)
    assert axes[0, 0].get_xlabel() == "width (um)"


def test_a_sweep_needs_a_value():
    with pytest.raises(ValueError, match="number of values = 0"):
        sweep_modes(CrossSection.strip(0.45, 0.22, CORE, OXIDE), [], WL)


@pytest.mark.slow
def test_dispersion_is_the_slope_of_the_group_index():
    section = CrossSection.strip(0.5, 0.22, SILICON, SILICA)
    n_g = jax.jit(jax.vmap(lambda wl: fundamental_mode(section, wl, accuracy="fast").n_g))
    step = 2e-3
    far, near, up, upper = np.asarray(n_g(WL + step * jnp.array([-2.0, -1.0, 1.0, 2.0])))
    slope = (8 * (up - near) - (upper - far)) / (12 * step)
    np.testing.assert_allclose(
        dispersion_ps_nm_km(section, WL, accuracy="fast"), 1e6 * slope / SPEED_OF_LIGHT, rtol=1e-7
    )


@pytest.mark.slow
def test_dispersion_has_derivatives():
    def value(width):
        return dispersion_ps_nm_km(CrossSection.strip(width, 0.22, SILICON, SILICA), WL, accuracy="fast")

    step = 1e-3
    near, far = (float(value(0.5 + k * step) - value(0.5 - k * step)) for k in (1, 2))
    np.testing.assert_allclose(jax.grad(value)(0.5), (8 * near - far) / (12 * step), rtol=1e-6)


@pytest.mark.slow
def test_dispersion_of_no_guided_mode_is_an_error():
    with pytest.raises(ValueError, match="guides no te mode"):
        dispersion_ps_nm_km(CrossSection.strip(0.5, 0.22, 1.3, OXIDE), WL, accuracy="fast")
