import numpy as np
import pytest

from photonics_core import plot, plot_modulator

WL = np.linspace(1.3095, 1.3105, 5)


def axes_of():
    return plot.new_figure()[1][0, 0]


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_spectra_have_a_line_a_voltage_and_the_laser():
    ax = axes_of()
    plot_modulator.spectra_by_voltage(ax, WL, np.full((2, 5), [[0.1], [0.5]]), (0.0, 1.5), laser=1.3098)
    lines = ax.get_lines()
    np.testing.assert_allclose(lines[0].get_ydata(), -10.0, rtol=1e-12)
    np.testing.assert_allclose(lines[1].get_ydata(), 10 * np.log10(0.5), rtol=1e-12)
    np.testing.assert_allclose(lines[2].get_xdata(), 1309.8, rtol=1e-12)
    assert names(ax) == ["0 V", "1.5 V", "laser"]
    assert ax.get_xlabel() == "wavelength (nm)" and ax.get_ylabel() == "transmission (dB)"
    # From dark to light, so that print keeps them apart.
    dark, light = (np.dot(line.get_color()[:3], [0.3, 0.6, 0.1]) for line in lines[:2])
    assert dark + 0.3 < light


def test_responses_are_relative_to_the_first_frequency_in_electrical_decibels():
    ax = axes_of()
    frequency = np.array([0.0, 0.01, 0.02])
    plot_modulator.response_db(ax, frequency, [[2.0, 2j, -1.0], [0.1, 0.2, 0.3]], ("one", "two"))
    lines = ax.get_lines()
    np.testing.assert_allclose(lines[0].get_ydata(), [0.0, 0.0, -20 * np.log10(2)], atol=1e-12)
    np.testing.assert_allclose(lines[0].get_xdata(), [0.0, 10.0, 20.0])
    np.testing.assert_allclose(lines[2].get_ydata(), -3.0103, atol=1e-5)
    assert names(ax) == ["one", "two", "-3 dB"]
    assert ax.get_xlabel() == "frequency (GHz)" and ax.get_ylabel() == "response (dB)"


def test_a_loop_has_both_ways_with_arrows_in_their_direction():
    ax = axes_of()
    x = np.arange(8.0)
    up, down = np.where(x < 5, 0.0, 10.0) + x, np.where(x < 3, 0.0, 10.0) + x
    states = np.stack([up, np.where((x > 2) & (x < 5), 5.0, np.nan), down], axis=1)
    plot_modulator.hysteresis(ax, x, up, down, states=states, xlabel="power (mW)")
    middle, *ways = ax.get_lines()
    np.testing.assert_array_equal(middle.get_ydata(), states[:, 1])
    np.testing.assert_array_equal([line.get_ydata() for line in ways], [up, down])
    assert middle.get_linestyle() == "--"
    assert names(ax) == ["not stable", "up", "down"]
    assert ax.get_xlabel() == "power (mW)" and ax.get_ylabel() == "energy inside (fJ)"
    turns = {tuple(arrow.arrow_patch.get_edgecolor()[:3]): [] for arrow in ax.texts}
    for arrow in ax.texts:
        turns[tuple(arrow.arrow_patch.get_edgecolor()[:3])].append(arrow.xy[0] - arrow.xyann[0])
    rising, falling = turns.values()
    assert len(rising) == len(falling) == 2 and min(rising) > 0 > max(falling)


def test_a_loop_needs_no_states_and_three_points_do():
    ax = axes_of()
    plot_modulator.hysteresis(ax, [0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert names(ax) == ["up", "down"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: plot_modulator.spectra_by_voltage(ax, WL, WL, (0.0,)), r"power of shape \(5,\) is not \[1, 5\]"),
        (
            lambda ax: plot_modulator.response_db(ax, WL, [WL], ("a", "b")),
            r"responses of shape \(1, 5\) is not \[2, 5\]",
        ),
        (lambda ax: plot_modulator.hysteresis(ax, WL, WL[:4], WL), r"up of shape \(1, 4\) is not \[1, 5\]"),
        (lambda ax: plot_modulator.hysteresis(ax, [0.0, np.nan], WL[:2], WL[:2]), "x = nan is outside"),
    ],
)
def test_bad_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(axes_of())
