import itertools

import numpy as np
import pytest

from photonics_core.plot import new_figure
from photonics_core.plot_link import (
    error_ratio_over_power,
    error_ratio_over_temperature,
    loss_waterfall,
    received_eye,
)

BUDGET = {"laser": np.array([3.0, 4.0]), "input joint": [1.5, 1.5], "filter": 0.5, "rin": 0.0, "sensitivity": -6.0}


@pytest.fixture
def ax():
    return new_figure()[1][0, 0]


def test_a_waterfall_ends_at_what_is_needed(ax):
    """Each bar starts where the last one ended; the margin's ends at the sensitivity."""
    loss_waterfall(ax, BUDGET | {"margin": [7.0, 8.0]}, channel=1)
    bars = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert len(bars) == 3  # a step of nothing is left out
    assert bars[0] == (4.0, -1.5)
    for (start, height), (following, _) in itertools.pairwise(bars):
        np.testing.assert_allclose(start + height, following)
    np.testing.assert_allclose(sum(bars[-1]), -6.0)
    with pytest.raises(ValueError, match="level of a budget = 'margin'"):
        loss_waterfall(ax, BUDGET)


def test_causes_stand_in_the_order_of_light(ax):
    """A dictionary out of a compiled function is sorted by name."""
    loss_waterfall(ax, dict(sorted((BUDGET | {"margin": 7.0}).items())))
    assert [text.get_text() for text in ax.get_xticklabels()] == ["laser", "input joint", "filter", "margin"]


def test_lines_of_error_ratios_are_what_was_given(ax):
    rows = np.array([[-3.0, -6.0, -12.0], [-2.0, -4.0, -8.0]])
    error_ratio_over_power(ax, [-3.0, 0.0, 3.0], rows, ["a", "b"], target=-12.0)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), rows[1])
    assert ax.lines[2].get_ydata()[0] == -12.0
    with pytest.raises(ValueError, match="log10_ratios of shape"):
        error_ratio_over_power(ax, [0.0, 1.0], rows, ["a", "b"])
    with pytest.raises(ValueError, match="log10_ratios"):
        error_ratio_over_power(ax, [0.0, 1.0, 2.0], -rows, ["a", "b"])


def test_temperatures_are_in_degrees(ax):
    error_ratio_over_temperature(ax, [273.15, 373.15], [[-9.0, -8.0]], ["worst"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.0, 100.0])


def test_an_eye_has_its_thresholds(ax):
    symbols = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    before = len(ax.lines)
    received_eye(ax, np.repeat(symbols, 8).astype(float), symbols, threshold=[0.5])
    assert ax.lines[-1].get_ydata()[0] == 0.5 and len(ax.lines) > before
