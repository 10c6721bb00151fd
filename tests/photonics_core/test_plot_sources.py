"""Figures of sources are drawn, and refuse what does not go together."""

import numpy as np
import pytest

from photonics_core import plot, plot_sources

CURRENT, T = np.linspace(0.0, 4.0, 5), np.array([300.0, 350.0])
LIGHT = np.array([[0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 1.0, 0.5]])


def test_light_current_marks_the_maximum_within():
    ax = plot.new_figure()[1][0, 0]
    plot_sources.light_current(ax, CURRENT, LIGHT, T)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(dots) == 1 and dots[0].get_xdata()[0] == 2.0
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["27 °C", "77 °C"]


def test_small_signal_is_in_db_over_ghz():
    ax = plot.new_figure()[1][0, 0]
    plot_sources.small_signal(ax, [0.01, 0.02], [[1.0, 0.1j]], ("5 mA",))
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [10.0, 20.0])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.0, -20.0], atol=1e-12)


def test_bad_arrays_are_refused():
    ax = plot.new_figure()[1][0, 0]
    with pytest.raises(ValueError, match=r"power of shape \(1, 5\) is not \[2, 5\]"):
        plot_sources.light_current(ax, CURRENT, LIGHT[:1], T)
    with pytest.raises(ValueError, match="frequency = 0 THz"):
        plot_sources.small_signal(ax, [0.0, 0.02], [[1.0, 1.0]], ("a",))
