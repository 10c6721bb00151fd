import numpy as np
import pytest

from photonics_core import plot, plot_heat
from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Circle, Point, Rectangle


def axes_of():
    return plot.new_figure()[1][0, 0]


def test_a_map_has_x_to_the_right_and_the_outlines_of_shapes():
    ax = axes_of()
    field = np.zeros((4, 2))
    field[3, 0] = 1.0
    shapes = [Annulus(2.0, 1.0, 0.2, 0.4), Rectangle(2.0, 1.0, 2.0, 1.0, np.pi / 2), Point(1.0, 1.0)]
    plot_heat.temperature_map(ax, field, (4.0, 2.0), outlines=[*shapes, Polygon([[0, 0], [1, 0], [0, 1.0]], 1.0, 0.5)])
    image = ax.get_images()[0]
    assert image.get_array().shape == (2, 4) and image.get_array()[0, 3] == 1.0
    assert tuple(image.get_extent()) == (0.0, 4.0, 0.0, 2.0)
    assert [bar.get_ylabel() for bar in ax.child_axes] == ["rise (K)"]
    lines = ax.get_lines()
    assert len(lines) == 5
    np.testing.assert_allclose(np.ptp(lines[0].get_xdata()), 0.4)
    np.testing.assert_allclose(np.ptp(lines[2].get_xdata()), 1.0)
    with pytest.raises(ValueError, match=r"temperature of shape \(3,\)"):
        plot_heat.temperature_map(ax, np.zeros(3), (1.0, 1.0), outlines=[Circle(0.0, 0.0, 1.0)])


def test_crosstalk_is_relative_to_the_own_heater():
    ax = axes_of()
    plot_heat.crosstalk_matrix(ax, [[2.0, 0.02], [0.1, 1.0]])
    np.testing.assert_allclose(ax.get_images()[0].get_array(), [[0.0, -20.0], [-10.0, 0.0]], atol=1e-12)
    assert [text.get_text() for text in ax.texts] == ["0.0", "-20.0", "-10.0", "0.0"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2"]
    many = axes_of()
    plot_heat.crosstalk_matrix(many, np.ones((16, 16)) + np.eye(16))
    assert [text.get_text() for text in many.get_yticklabels()] == [str(k) for k in range(1, 17, 2)]
    assert not many.texts
    with pytest.raises(ValueError, match=r"is not \[rings, rings\]"):
        plot_heat.crosstalk_matrix(ax, np.ones((2, 3)))
    with pytest.raises(ValueError, match="coupling = 0 K/mW"):
        plot_heat.crosstalk_matrix(ax, np.zeros((2, 2)))


def test_step_responses_are_over_microseconds():
    ax = axes_of()
    plot_heat.step_responses(ax, [1e5, 1e6], [[0.1, 0.2]], ["own"], fits=[[0.1, 0.19]])
    np.testing.assert_allclose(ax.get_lines()[0].get_xdata(), [0.1, 1.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["own", "fit"]
    small = axes_of()
    plot_heat.step_responses(small, [1e5, 1e6], [[1.0, 2.0], [0.1, 0.4]], ["own", "other"], relative=True)
    np.testing.assert_allclose(small.get_lines()[1].get_ydata(), [0.25, 1.0])
    assert small.get_ylabel() == "rise over its largest value"
    with pytest.raises(ValueError, match="responses = nan K/mW"):
        plot_heat.step_responses(ax, [1e5, 1e6], [[0.1, np.nan]], ["own"])
    with pytest.raises(ValueError, match=r"responses of shape \(1, 3\) is not \[1, 2\]"):
        plot_heat.step_responses(ax, [1e5, 1e6], [[0.1, 0.2, 0.3]], ["own"])
