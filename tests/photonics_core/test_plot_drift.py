import numpy as np
import pytest

from photonics_core import plot, plot_drift
from photonics_core.devices.lock import LockTrace

T = np.array([273.15, 300.0, 358.15])


def axes_of(rows=1):
    return plot.new_figure(rows)[1][:, 0]


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_shifts_are_in_nanometres_over_degrees():
    ax = axes_of()[0]
    plot_drift.shift_against_ambient(ax, T, [[0.0, 2000.0, 6500.0], [0.0, 1900.0, 6000.0]], ("a", "b"), dashed=("b",))
    first, second, zero = ax.get_lines()
    np.testing.assert_allclose(first.get_xdata(), [0.0, 26.85, 85.0], atol=1e-10)
    np.testing.assert_allclose(first.get_ydata(), [0.0, 2.0, 6.5], rtol=1e-12)
    assert first.get_linestyle() == "-" and second.get_linestyle() == "--" and zero.get_color() == "0.4"
    assert names(ax) == ["a", "b"]
    assert ax.get_xlabel() == "ambient temperature (°C)" and ax.get_ylabel() == "shift of the resonance (nm)"


def test_a_row_has_an_arrow_a_ring_that_goes_to_a_line():
    ax = axes_of()[0]
    lines = np.array([1.310, 1.311])
    plot_drift.tuned_row(ax, [1.3095, 1.3115, 1.3105], lines, 4e-3, [0, 1, -1], [0, 1, 0])
    arrows = [(text.xyann[0], text.xy[0]) for text in ax.texts]
    np.testing.assert_allclose(arrows, [(1309.5, 1310.0), (1307.5, 1311.0)], rtol=1e-12)
    assert names(ax) == ["laser line", "cold ring", "its next resonance", "not used"]
    dots = [line for line in ax.get_lines() if line.get_marker() == "o" and len(line.get_xdata())]  # pyright: ignore[reportArgumentType]
    assert [dot.get_fillstyle() for dot in dots] == ["full", "none", "full"]
    assert dots[2].get_color() == "0.6"


def test_a_lock_has_its_error_above_its_power():
    above, below = axes_of(2)
    trace = LockTrace(np.array([1.0, 0.5]), np.ones(2), np.ones(2), np.array([20.0, 21.0]))  # pyright: ignore[reportArgumentType]
    plot_drift.lock_transient((above, below), [0.0, 1e6], [trace], ["slope"])
    np.testing.assert_allclose(above.get_lines()[0].get_ydata(), [1.0, 0.5])
    np.testing.assert_allclose(below.get_lines()[0].get_xdata(), [0.0, 1.0])
    np.testing.assert_allclose(below.get_lines()[0].get_ydata(), [20.0, 21.0])
    assert names(above) == ["slope"] and below.get_xlabel() == "time (us)"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: plot_drift.shift_against_ambient(ax, T, [T[:2]], ("a",)), r"shifts_pm of shape \(1, 2\)"),
        (lambda ax: plot_drift.shift_against_ambient(ax, [np.nan], [[0.0]], ("a",)), "temperature = nan K"),
        (lambda ax: plot_drift.shift_against_ambient(ax, [300.0], [[np.nan]], ("a",)), "shifts_pm = nan pm"),
        (lambda ax: plot_drift.tuned_row(ax, [np.nan], [1.3], 1e-3, [0], [0]), "rings = nan um"),
        (lambda ax: plot_drift.tuned_row(ax, [1.3], [1.3], 1e-3, [0, 0], [0]), r"plan_lines of shape \(1, 2\)"),
        (lambda ax: plot_drift.lock_transient((ax,), [0.0], [], []), "1 axes, 0 traces and 0 labels"),
    ],
)
def test_bad_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(axes_of()[0])
