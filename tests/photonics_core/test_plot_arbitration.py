import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib.figure import Figure

from photonics_core.plot_arbitration import failure_curves, lock_sequence


def test_curves_are_those_given_in_nanometres():
    ax = Figure().subplots()
    failure_curves(ax, [1e-3, 2e-3], {"any": [0.5, 0.0]})
    x, y = (np.asarray(each) for each in ax.lines[0].get_data())
    np.testing.assert_allclose(x, [1.0, 2.0])
    assert y[0] == 0.5 and np.isnan(y[1])


def test_sequences_have_a_line_for_each_ring():
    ax = Figure().subplots()
    lock_sequence(ax, [0.0, 1e9], [[1.0, 2.0], [3.0, -1.0]])
    assert len(ax.lines) == 2
    np.testing.assert_allclose(np.asarray(ax.lines[1].get_data()), [[0.0, 1.0], [2.0, -1.0]])


def test_legends_cover_no_data():
    """They stand above the axes, whatever the curves do."""
    figure = Figure(layout="constrained")
    one, other = figure.subplots(1, 2)
    failure_curves(one, [1e-3, 2e-3], {f"policy {k}": [1.0, 1e-3] for k in range(5)})
    lock_sequence(other, [0.0, 1e9], np.full((2, 6), 30.0))
    figure.draw_without_rendering()
    for ax in (one, other):
        assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1


def test_bad_input():
    ax = Figure().subplots()
    with pytest.raises(ValueError, match="failures"):
        failure_curves(ax, [1e-3], {"any": [0.5, 0.1]})
    with pytest.raises(ValueError, match="failures"):
        failure_curves(ax, [1e-3], {"any": [1.5]})
    with pytest.raises(ValueError, match="power"):
        lock_sequence(ax, [0.0], [1.0])
