"""Figures of arrays of fibres."""

import numpy as np
import pytest

from photonics_core.plot import new_figure
from photonics_core.plot_fiber_array import fibre_losses, search_moves, yield_against_limit


def test_yields_are_lines_in_percent_and_drawn_ones_dots():
    _, axes = new_figure()
    limits, rows = np.linspace(0.1, 1.0, 5), np.linspace(0.0, 1.0, 10).reshape(2, 5)
    yield_against_limit(axes[0, 0], limits, rows, ["a", "b"], sampled=rows, errors=0.01 * np.ones((2, 5)))
    np.testing.assert_allclose(axes[0, 0].lines[0].get_ydata(), 100.0 * rows[0])
    with pytest.raises(ValueError, match=r"yields of shape \(2, 5\) is not \[1, 5\]"):
        yield_against_limit(axes[0, 0], limits, rows, ["a"])
    with pytest.raises(ValueError, match="yields = 2 is outside"):
        yield_against_limit(axes[0, 0], limits, 2.0 * np.ones((1, 5)), ["a"])


def test_losses_have_lines_of_their_quantiles():
    _, axes = new_figure()
    losses = np.random.default_rng(0).uniform(size=(500, 6))
    fibre_losses(axes[0, 0], losses, limit_db=0.8)
    np.testing.assert_allclose(axes[0, 0].lines[0].get_ydata(), np.median(losses, axis=0))
    with pytest.raises(ValueError, match=r"losses_db of shape \(6,\)"):
        fibre_losses(axes[0, 0], losses[0])
    fibre_losses(axes[0, 0], np.zeros((5, 3)))
    assert axes[0, 0].get_ylim()[1] > 0.0
    with pytest.raises(ValueError, match="top_db = 0 dB"):
        fibre_losses(axes[0, 0], losses, top_db=0.0)
    with pytest.raises(ValueError, match="losses_db = nan"):
        fibre_losses(axes[0, 0], np.full((2, 2), np.nan))


def test_moves_are_counted_up():
    _, axes = new_figure()
    search_moves(axes[0, 0], [[3, 1, 2, 2]], ["one"])
    np.testing.assert_allclose(axes[0, 0].lines[0].get_xdata(), [1, 2, 2, 3])
    np.testing.assert_allclose(axes[0, 0].lines[0].get_ydata(), [25, 50, 75, 100])
    with pytest.raises(ValueError, match="1 sets of moves and 2 labels"):
        search_moves(axes[0, 0], [[1]], ["a", "b"])
