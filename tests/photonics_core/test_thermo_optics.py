import jax
import numpy as np
import pytest

from photonics_core import PMMA, SILICA, SILICON, SILICON_NITRIDE, TITANIA, silicon_expansion, with_thermo_optic
from photonics_core.thermo_optics import film


def test_published_thermo_optic_coefficients():
    # Komma et al. (2012) and others: 1.80 to 1.87e-4 at 1.55 um and 300 K; Arbabi and Goddard (2013): 2.45(9)e-5.
    assert 1.80e-4 < float(SILICON.thermo_optic(1.55, 300.0)) < 1.87e-4
    assert float(SILICON_NITRIDE.thermo_optic(1.55, 300.0)) == pytest.approx(2.45e-5, abs=0.09e-5)
    # From O to L band and from 0 to 100 degrees Celsius it falls with wavelength and rises with temperature.
    wl, t = np.linspace(1.26, 1.625, 20)[:, None], np.linspace(273.15, 373.15, 20)[None]
    rate = np.asarray(SILICON.thermo_optic(wl, t))
    assert np.all(np.diff(rate, axis=0) < 0) and np.all(np.diff(rate, axis=1) > 0)
    assert rate.min() > 1.7e-4 and rate.max() < 2.3e-4


def test_films_for_athermal_guides_fall():
    for material in (PMMA, TITANIA):
        assert float(material.thermo_optic(1.31, 350.0)) < -4e-5
        assert float(material.index(1.55, 300.0)) > 1.4
        assert material.sources
    mine = film("mine", 1.5, -2e-4)
    np.testing.assert_allclose(mine.index(np.array([1.3, 1.5]), 310.0), 1.498, rtol=1e-14)


def test_a_relative_keeps_its_index_and_takes_another_slope():
    oxide = with_thermo_optic(SILICA, 0.95e-5)
    assert float(oxide.index(1.55, 300.0)) == float(SILICA.index(1.55, 300.0))
    assert float(oxide.thermo_optic(1.31, 350.0)) == pytest.approx(0.95e-5, rel=1e-12)
    assert float(oxide.group_index(1.55, 300.0)) == pytest.approx(float(SILICA.group_index(1.55, 300.0)), rel=1e-12)
    assert hash(oxide) == hash(with_thermo_optic(SILICA, 0.95e-5)) and oxide != SILICA


def test_expansion_of_silicon():
    # 2.57 to 2.6e-6 at 300 K in handbooks; zero near 120 K.
    assert float(silicon_expansion(300.0)) == pytest.approx(2.568e-6, rel=1e-3)
    assert abs(float(silicon_expansion(124.0))) < 1e-7
    slope = jax.grad(silicon_expansion)(300.0)
    assert float(slope) == pytest.approx(1e-6 * (3.725 * 5.88e-3 * np.exp(-5.88e-3 * 176) + 5.548e-4), rel=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="index = -1 is outside"):
        film("x", -1.0, 0.0)
    with pytest.raises(ValueError, match="thermo_optic = nan 1/K is outside"):
        with_thermo_optic(SILICA, float("nan"))
    with pytest.raises(ValueError, match="material = 1.44 is not of the kind Material"):
        with_thermo_optic(1.44, 0.0)  # pyright: ignore[reportArgumentType]
