import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib.figure import Figure

from photonics_core.plot_arbitration import failure_curves, lock_sequence


def test_curves_are_those_given_in_nanometres():
    ax = Figure().subplots()
    failure_curves(ax, [1e-3, 2e-3], {"any": [0.5, 0.0]})
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(x, [1.0, 2.0])
    assert np.asarray(y)[0] == 0.5 and np.isnan(np.asarray(y)[1])


def test_sequences_have_a_line_for_each_ring():
    ax = Figure().subplots()
    lock_sequence(ax, [0.0, 1e9], [[1.0, 2.0], [3.0, -1.0]])
    assert len(ax.lines) == 2
    np.testing.assert_allclose(ax.lines[1].get_data(), [[0.0, 1.0], [2.0, -1.0]])


def test_bad_input():
    ax = Figure().subplots()
    with pytest.raises(ValueError, match="failures"):
        failure_curves(ax, [1e-3], {"any": [0.5, 0.1]})
    with pytest.raises(ValueError, match="failures"):
        failure_curves(ax, [1e-3], {"any": [1.5]})
    with pytest.raises(ValueError, match="power"):
        lock_sequence(ax, [0.0], [1.0])
