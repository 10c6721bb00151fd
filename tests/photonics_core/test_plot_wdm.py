import numpy as np
import pytest

from photonics_core import plot, plot_wdm

WL = np.linspace(1.309, 1.311, 5)
LINES = np.array([1.3095, 1.3105])


def axes_of():
    return plot.new_figure()[1][0, 0]


def test_spectra_are_cut_off_and_named_once():
    ax = axes_of()
    plot_wdm.channel_spectra(ax, WL, np.full(5, 0.1), np.full(5, 0.5), np.full((2, 5), 1e-9), LINES)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "filters",
        'modulators in "0"',
        'modulators in "1"',
        "laser lines",
    ]
    first, second, zero, one, *lines = ax.get_lines()
    np.testing.assert_allclose(first.get_ydata(), -40.0)
    np.testing.assert_allclose(second.get_xdata(), 1e3 * WL)
    np.testing.assert_allclose([zero.get_ydata()[0], one.get_ydata()[0]], [-10.0, 10 * np.log10(0.5)])  # pyright: ignore[reportIndexIssue]
    np.testing.assert_allclose([line.get_xdata()[0] for line in lines], 1e3 * LINES)  # pyright: ignore[reportIndexIssue]


def test_the_map_is_in_decibels_from_row_to_column():
    ax = axes_of()
    image = plot_wdm.crosstalk_map(ax, [[0.0, 0.1], [1e-3, 0.0]])
    shown = image.get_array()
    np.testing.assert_allclose([shown[0, 1], shown[1, 0]], [-10.0, -30.0])
    assert shown.mask[0, 0] and shown.mask[1, 1]
    assert {(text.get_position(), text.get_text()) for text in ax.texts} == {((2, 1), "-10"), ((1, 2), "-30")}
    assert ax.get_xlabel() == "aggressor" and ax.get_ylabel() == "disturbed channel"
    assert ax.yaxis_inverted()


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"filters of shape \(2, 4\)"):
        plot_wdm.channel_spectra(axes_of(), WL, np.ones(5), np.ones(5), np.ones((2, 4)), LINES)
    with pytest.raises(ValueError, match=r"crosstalk of shape \(2, 3\)"):
        plot_wdm.crosstalk_map(axes_of(), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="crosstalk = -0.1"):
        plot_wdm.crosstalk_map(axes_of(), [[0.0, -0.1], [0.0, 0.0]])
