import numpy as np
import pytest

from photonics_core import plot, plot_edge_coupler


def axes_of():
    return plot.new_figure()[1][0, 0]


def test_widths_are_in_nm_and_the_least_loss_is_marked():
    ax = axes_of()
    plot_edge_coupler.loss_over_width(ax, [0.1, 0.15, 0.2], {"a": [3.0, 1.0, 2.0], "none": [np.nan] * 3})
    line, mark, _ = ax.get_lines()
    np.testing.assert_allclose(line.get_xdata(), [100.0, 150.0, 200.0])
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (150.0, 1.0)
    with pytest.raises(ValueError, match=r"b of shape \(2,\) does not go with 3 points"):
        plot_edge_coupler.loss_over_width(ax, [0.1, 0.15, 0.2], {"b": [1.0, 2.0]})
    with pytest.raises(ValueError, match="widths = -0.1 um"):
        plot_edge_coupler.loss_over_width(ax, [-0.1], {"b": [1.0]})


def test_slices_are_points_on_logarithmic_axes():
    ax = axes_of()
    plot_edge_coupler.loss_over_length(ax, [10.0, 100.0], {"straight": [1.0, 0.1], "slices, straight": [1.0, 0.1]})
    line, points = ax.get_lines()
    assert line.get_linestyle() == "-" and points.get_linestyle() == "None" and points.get_marker() == "o"
    assert ax.get_xscale() == ax.get_yscale() == "log"
    with pytest.raises(ValueError, match="straight = nan dB"):
        plot_edge_coupler.loss_over_length(ax, [1.0], {"straight": [np.nan]})
