import numpy as np
import pytest

from photonics_core import plot, ring_row_layout
from photonics_core.plot_layout import draw_layout


def test_a_picture_shows_guides_heaters_pads_ports_and_names():
    layout = ring_row_layout([5.0, 6.0, 5.0])
    figure, axes = plot.new_figure()
    ax = axes[0, 0]
    draw_layout(ax, layout, footprints=True)
    texts = [text.get_text() for text in ax.texts]
    assert sorted(texts) == sorted([*layout.cells, "in", "through"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["heater", "core", "metal", "pad"]
    # Of each ring a bus and a circle, of the couplers two tapers, and four routes.
    heaters, core = 3, 3 * 2 + 2 + 4
    assert len(ax.patches) == heaters + core + 3 * 4 + 3 * 2
    left, bottom, right, top = (float(each) for each in layout.bounding_box())
    assert ax.get_xlim()[0] < left < right < ax.get_xlim()[1] and ax.get_ylim()[0] < bottom < top < ax.get_ylim()[1]
    figure.canvas.draw()
    # Nothing that is written goes beyond the picture, and the name of a ring stands in it.
    ring = next(text for text in ax.texts if text.get_text() == "ring1")
    probe = layout.cells["ring1"].probes()["ring"]
    np.testing.assert_allclose(ring.xy, (float(probe.x), float(probe.y)))
    frame = ax.get_window_extent()
    for text in ax.texts:
        extent = text.get_window_extent()
        assert frame.x0 <= extent.x0 and extent.x1 <= frame.x1, text.get_text()


def test_what_is_no_layout_is_refused():
    with pytest.raises(ValueError, match="layout = 3 is not of the kind Layout"):
        draw_layout(plot.new_figure()[1][0, 0], 3)  # pyright: ignore
