import numpy as np
import pytest

from photonics_core.plot import new_figure
from photonics_core.plot_switch import path_spectra, transfer_map


@pytest.fixture
def ax():
    return new_figure()[1][0, 0]


def test_a_map_has_powers_and_frames_the_paths(ax):
    powers = np.array([[1e-3, 0.5, 0.0], [0.8, 1e-4, 1e-5], [1e-7, 1e-2, 0.25]])
    image = transfer_map(ax, powers, [1, -1, 2])
    np.testing.assert_allclose(np.asarray(image.get_array())[0, 1], 10 * np.log10(0.5))
    assert [text.get_text() for text in ax.texts][:3] == ["-30", "-3", "<-60"]
    # Input 1 leaves by output 2 and input 3 by output 3; the idle one has no frame.
    centres = [
        (np.ptp(line.get_xdata()), line.get_xdata().min() + 0.5, line.get_ydata().min() + 0.5) for line in ax.lines
    ]
    assert centres == [(1.0, 1.0, 2.0), (1.0, 3.0, 3.0)]


def test_spectra_are_those_of_all_paths(ax):
    wl = np.array([1.54, 1.55, 1.56])
    path_spectra(ax, wl, np.full((3, 4), 2.0), np.full((3, 4), -30.0))
    assert len(ax.lines) == 8
    np.testing.assert_allclose(ax.lines[0].get_ydata(), -2.0)
    np.testing.assert_allclose(ax.lines[7].get_xdata(), 1e3 * wl)
    assert len(ax.get_legend().get_texts()) == 2


def test_bad_input_is_named(ax):
    with pytest.raises(ValueError, match="powers of shape"):
        transfer_map(ax, np.zeros((2, 3)), [0, 1])
    with pytest.raises(ValueError, match="powers = 2 is outside"):
        transfer_map(ax, np.full((2, 2), 2.0), [0, 1])
    with pytest.raises(ValueError, match="loss_db of shape"):
        path_spectra(ax, [1.5, 1.6], np.zeros((3, 4)))
