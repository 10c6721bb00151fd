"""Figures of wafers: what is drawn is what was given."""

import numpy as np
import pytest

from photonics_core import Limit, Spec, die_grid, failure_causes, plot, plot_wafer

GRID = die_grid(60e3, (10e3, 10e3))


def test_a_wafer_has_a_rectangle_a_die_and_a_cross_a_failure():
    figure, axes = plot.new_figure()
    ax = axes[0, 0]
    values, passed = np.arange(GRID.count, dtype=float), np.ones(GRID.count, bool)
    values[2], passed[[1, 3]] = np.nan, False
    plot_wafer.wafer_map(ax, GRID, values, passed, label="power (mW)")
    (dies,) = ax.collections
    assert len(dies.get_paths()) == GRID.count and dies.get_array().mask[2]
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), 1e-3 * GRID.places[[1, 3]])
    assert ax.get_legend().get_texts()[0].get_text() == f"fails: 2 of {GRID.count}"
    assert figure.axes[1].get_ylabel() == "power (mW)" and ax.get_xlabel() == "x (mm)"
    assert dies.get_clim() == (0.0, GRID.count - 1.0)


def test_bars_and_shares():
    axes = plot.new_figure(1, 2)[1][0]
    causes = failure_causes(Spec([Limit("a", upper=1.0), Limit("b", upper=1.0)]).judge({"a": [0, 2.0], "b": [2, 2.0]}))
    plot_wafer.failure_bars(axes[0], causes)
    np.testing.assert_allclose([bar.get_width() for bar in axes[0].patches], [50, 100, 0, 50])
    plot_wafer.share_below(axes[1], [3.0, 1.0, 2.0], "power (mW)")
    np.testing.assert_allclose(axes[1].get_lines()[0].get_xydata(), [[1, 1 / 3], [2, 2 / 3], [3, 1]])
    assert axes[1].get_xlabel() == "power (mW)"


def test_errors():
    ax = plot.new_figure()[1][0, 0]
    with pytest.raises(ValueError, match="values of shape"):
        plot_wafer.wafer_map(ax, GRID, [1.0])
    with pytest.raises(ValueError, match="passed of shape"):
        plot_wafer.wafer_map(ax, GRID, np.ones(GRID.count), [True])
    with pytest.raises(ValueError, match="not some numbers"):
        plot_wafer.share_below(ax, [np.nan], "power")
