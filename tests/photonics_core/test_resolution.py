"""How wide blocks are divided, and which windows are called too small."""

import warnings

import numpy as np
import pytest

from photonics_core import CrossSection
from photonics_core.resolution import WindowWarning, resolved, resolved_alike, warn_of_window


@pytest.mark.parametrize("margin", [2.0, 3.0])
def test_a_divided_window_is_as_large_as_it_was(margin):
    rib = CrossSection.rib(0.5, 0.22, 0.09, 3.476, 1.444, margin=margin)
    divided = resolved(rib, 1.55, 300.0, "normal")
    assert np.asarray(divided.x).shape[0] > np.asarray(rib.x).shape[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_window(divided, 2.567, 2.103, 1.55)


def test_a_window_that_cuts_into_the_mode_is_named():
    small = resolved(CrossSection.strip(0.5, 0.22, 3.476, 1.444, margin=0.3), 1.55, 300.0, "normal")
    with pytest.warns(WindowWarning, match=r"the window ends 0.3 um from the guide, where 9% of the field"):
        warn_of_window(small, 2.445, 1.444, 1.55)


def test_sections_are_divided_as_the_widest_needs():
    narrow, wide = (CrossSection.strip(width, 0.22, 3.476, 1.444) for width in (0.5, 8.0))
    alike = resolved_alike([narrow, wide], 1.55, 300.0, "fast")
    assert alike[0].blocks == alike[1].blocks
    assert alike[1].blocks == resolved(wide, 1.55, 300.0, "fast").blocks
    assert len(alike[0].blocks) > len(resolved(narrow, 1.55, 300.0, "fast").blocks)
