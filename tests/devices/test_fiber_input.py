"""What joints refuse, and what they do not."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from photonics_core import FibreJoint, FieldGrid, GaussianBeam, SampledField

WL = 1.31
SMF = GaussianBeam.from_mfd(9.2)
GRID = FieldGrid.over(32.0, 32)
FIELD = SampledField.of_beam(SMF, GRID, WL)


def joint(source: Any = SMF, receiver: Any = SMF, wl: Any = WL, **more: Any) -> FibreJoint:
    return FibreJoint(source, receiver, wl, **more)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianBeam(-1.0, 2.0), r"waist_x = -1 um is outside \(0, inf\)"),
        (lambda: joint(index=0.9), r"index = 0.9 is outside \[1, inf\)"),
        (lambda: joint(facets=(1.447, 0.5)), "index of the receiver's facet = 0.5 is outside"),
        (lambda: joint(facets=(1.4, 1.5, 1.6)), "is not a pair of indices"),
        (lambda: joint(reflection="coherent"), "needs the indices of the facets"),
        (lambda: joint(method="exact"), "needs a grid"),
        (lambda: joint(method="best"), "method = 'best' is not one of"),
        (lambda: joint(source=3.0), "source = 3.0 is not of the kind GaussianBeam or SampledField"),
        (lambda: SampledField(GRID, np.full((2, 32, 32), np.nan)), "real part of the field = nan"),
        (lambda: SampledField(GRID, np.zeros((2, 32, 32))), "power of the field = 0"),
        (lambda: SampledField(GRID, np.zeros((2, 16, 32))), "is not"),
        (lambda: FieldGrid(9, 0.1), "count = 9 is not even"),
        (lambda: joint(FIELD, SampledField.of_beam(SMF, FieldGrid(32, 0.9), WL)), "the fields lie on different grids"),
        (lambda: joint(FIELD, method="closed"), "is for two Gaussian beams"),
        # Wavelengths in nm; fields of another one.
        (lambda: joint(wl=1310.0), "wl against the source's waist of 4.6 um, = 1310 um is outside"),
        (lambda: joint(FIELD, wl=1.55), "wl = 1.55 um is not that of the source's field, 1.31 um"),
        # Windows that would give 1.5 dB for perfect alignment, and a step that would give 0.05 dB.
        (
            lambda: joint(method="paraxial", grid=FieldGrid.over(8.0, 32)),
            "the window of 8 um holds only these parts of source and receiver: 0.83",
        ),
        (lambda: joint(SampledField(FIELD.grid, 3.0 * np.asarray(FIELD.e))), "power of the field = 9 is above 1"),
        (lambda: joint(method="paraxial", grid=FieldGrid.over(32.0, 8)), "step of the grid for a waist of 4.6 um"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_not_refused():
    # A window that cuts one of the fields where the other has no light.
    small = FieldGrid.over(8.0, 32)
    spot = SampledField.of_beam(GaussianBeam(0.8, 0.8), small, WL)
    there = joint(spot, method="paraxial")
    exact = joint(GaussianBeam(0.8, 0.8))
    assert float(there.loss_db()) == pytest.approx(float(exact.loss_db()), abs=1e-4)
    # A field of any wavelength, by choice, and wavelengths that are traced.
    anywhere = dataclasses.replace(FIELD, wl=None)
    assert float(joint(anywhere, wl=1.35).left_out(0.0)) == 0.0
    traced = jax.eval_shape(lambda wl: joint(FIELD, wl=wl, method="paraxial").loss_db(), 1.55)
    assert traced.shape == ()
