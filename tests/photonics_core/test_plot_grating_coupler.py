"""Figures of grating couplers: what is drawn, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from photonics_core.plot_grating_coupler import coupling_spectra, leaving_field


def test_spectra_are_in_db_over_nm():
    _, ax = plt.subplots()
    coupling_spectra(ax, [1.5, 1.6], [[0.1, 1.0]], ["a"])
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_xydata()), [[1500.0, -10.0], [1600.0, 0.0]])
    with pytest.raises(ValueError, match="efficiencies of shape"):
        coupling_spectra(ax, [1.5, 1.6], [[0.1, 1.0]], ["a", "b"])
    with pytest.raises(ValueError, match="efficiencies = 0 is outside"):
        coupling_spectra(ax, [1.5, 1.6], [[0.0, 1.0]], ["a"])
    plt.close()


def test_fields_are_scaled_to_their_peak():
    _, ax = plt.subplots()
    leaving_field(ax, [[0.0, 1.0]], [[1j, 2.0]], ["a"])
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_ydata()), [0.5, 1.0])
    with pytest.raises(ValueError, match="field of shape"):
        leaving_field(ax, [[0.0, 1.0]], [[1j]], ["a"])
    with pytest.raises(ValueError, match="peak of the field = 0"):
        leaving_field(ax, [[0.0, 1.0]], [[0j, 0j]], ["a"])
    plt.close()
