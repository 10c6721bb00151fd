import numpy as np
import pytest

from photonics_core import plot
from photonics_core.shown_figure import png
from photonics_core.store import StoreError


def test_axes_have_names_units_and_a_floor():
    _, axes = plot.new_figure()
    plot.spectrum(axes[0, 0], np.linspace(1.5, 1.6, 5), [1.0, 0.1, 0.0, 0.1, 1.0], floor_db=-30, label="through")
    (line,) = axes[0, 0].get_lines()
    np.testing.assert_allclose(line.get_ydata(), [0, -10, -30, -10, 0], atol=1e-12)
    np.testing.assert_allclose(line.get_xdata()[[0, -1]], [1500, 1600])
    assert axes[0, 0].get_xlabel() == "wavelength (nm)"
    assert axes[0, 0].get_ylabel() == "transmission (dB)"


def test_bars_stand_side_by_side():
    _, axes = plot.new_figure()
    plot.bars(axes[0, 0], {"before": [1.0, 2.0], "after": [0.5, 1.0]}, "power (mW)")
    heights = [patch.get_height() for patch in axes[0, 0].patches]
    assert heights == [1.0, 2.0, 0.5, 1.0]
    assert len({round(patch.get_x(), 6) for patch in axes[0, 0].patches}) == 4


def test_a_figure_is_written_whole_or_not_at_all(tmp_path):
    figure, _ = plot.new_figure()
    plot.save_figure(figure, tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises((StoreError, OSError)):
        plot.save_figure(figure, tmp_path / "file" / "two.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "one.png"]


def test_a_notebook_shows_a_figure_that_ends_a_cell():
    figure, axes = plot.new_figure(1, 2, width=4.0, height=3.0)
    plot.bars(axes[0, 1], {"one": [1.0]}, "power (mW)")
    image = figure._repr_png_()
    assert image.startswith(b"\x89PNG") and image == png(figure)
    assert len(png(figure, dpi=220)) > len(image)


def test_drawing_needs_no_display_and_no_global_state():
    import subprocess
    import sys

    code = "import sys; from photonics_core import plot; plot.new_figure(); print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_a_mode_is_drawn_with_the_lines_of_its_section():
    from photonics_core.cross_section import CrossSection
    from photonics_core.mode_solver import fundamental_mode

    section = CrossSection.strip(0.5, 0.22, 3.476, 1.444)
    _, axes = plot.new_figure()
    plot.mode_field(axes[0, 0], fundamental_mode(section, 1.55, accuracy="fast"), component="x", count=21)
    lines = axes[0, 0].get_lines()
    assert len(lines) == 8
    assert max(np.max(np.abs(line.get_xdata())) for line in lines) == 0.25
    assert axes[0, 0].get_xlabel() == "x (um)" and "TE 2.44" in axes[0, 0].get_title()
