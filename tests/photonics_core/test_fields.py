"""Beams and sampled fields: closed forms, powers, what windows hold, places of cores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import CorePositions, FieldGrid, GaussianBeam, SampledField, StepIndexFibre
from photonics_core import transformed_beam as transformed
from photonics_core.lenses import chain, free_space, thin_lens

WL = 1.31
GRID = FieldGrid.over(32.0, 32)
FIBRE = StepIndexFibre.smf28_like()


def test_a_beam_has_its_complex_parameter_and_radii():
    beam = GaussianBeam(2.0, 3.0, 5.0, -1.0, 0.2)
    q_x, q_y = beam.q(WL, 1.4)
    assert complex(q_x) == pytest.approx(-5.0 - 1j * np.pi * 1.4 * 4.0 / WL, rel=1e-12)
    again = GaussianBeam.from_q(q_x, WL, 1.4, q_y, angle=0.2)
    for mine, theirs in zip(jax.tree.leaves(again), jax.tree.leaves(beam), strict=True):
        assert float(mine) == pytest.approx(float(theirs), rel=1e-12, abs=1e-12)
    rayleigh = np.pi * 4.0 / WL
    assert float(beam.radii(5.0 + rayleigh, WL)[0]) == pytest.approx(2.0 * np.sqrt(2.0), rel=1e-12)
    assert float(beam.radii(-1.0, WL)[1]) == pytest.approx(3.0, rel=1e-12)


def test_kinds_of_ends():
    assert float(GaussianBeam.from_mfd(9.2, 6.0).waist_y) == 3.0
    lensed = GaussianBeam.lensed(3.0, 12.0)
    assert (float(lensed.waist_x), float(lensed.distance_x), float(lensed.distance_y)) == (1.5, 12.0, 12.0)
    # A collimator puts the far field's angle into a size.
    expanded = GaussianBeam.expanded(9.2, 880.0, WL)
    by_rays = transformed(GaussianBeam.from_mfd(9.2), chain(free_space(880.0), thin_lens(880.0), free_space(880.0)), WL)
    assert float(expanded.waist_x) == pytest.approx(float(by_rays.waist_x), rel=1e-12)
    assert float(by_rays.distance_x) == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(GaussianBeam(1.0, 1.0, ellipticity=np.pi / 4).jones, [np.sqrt(0.5), 1j * np.sqrt(0.5)])
    assert float(jnp.sum(jnp.abs(GaussianBeam(1.0, 1.0, azimuth=0.3, ellipticity=0.2).jones) ** 2)) == pytest.approx(
        1.0
    )


@pytest.mark.slow
def test_sampled_fields_have_the_power_of_one():
    fibre = FIBRE
    for field, missing in (
        (SampledField.of_beam(GaussianBeam(2.5, 3.5, 4.0, -2.0, 0.3, 0.2, 0.1), GRID, WL), 1e-10),
        (SampledField.of_fibre(fibre, WL, GRID), 1e-3),
        (SampledField.of_fibre(fibre, WL, GRID, "HE11"), 1e-3),
        (SampledField.of_fibre(StepIndexFibre(8.0, 1.452, 1.447), WL, GRID, "LP11"), 1e-3),
        (SampledField.of(GRID, np.ones((32, 32))), 1e-12),
    ):
        assert float(field.power()) == pytest.approx(1.0, abs=missing)


@pytest.mark.slow
def test_lp01_is_he11_where_guidance_is_weak():
    fibre = FIBRE
    scalar = SampledField.of_fibre(fibre, WL, GRID, azimuth=0.4)
    vector = SampledField.of_fibre(fibre, WL, GRID, "HE11", orientation=0.4)
    shared = abs(complex(jnp.sum(scalar.e * vector.e.conj()))) * float(GRID.step) ** 2
    assert shared == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
def test_a_vector_mode_has_the_power_of_its_window_as_lp01_has():
    """Not the whole power, which would make overlaps of fields that the window cuts too large."""
    small = FieldGrid.over(12.0, 32)
    powers = [float(SampledField.of_fibre(FIBRE, WL, small, mode).power()) for mode in ("LP01", "HE11")]
    assert powers[0] == pytest.approx(0.979, abs=1e-3) and powers[1] == pytest.approx(powers[0], abs=5e-4)
    # Of large difference of indices, and of a mode of higher order.
    for fibre, mode in ((StepIndexFibre(1.2, 1.6, 1.0), "HE21"), (StepIndexFibre(1.2, 1.6, 1.0), "TE01")):
        assert float(SampledField.of_fibre(fibre, WL, FieldGrid.over(10.0, 128), mode).power()) == pytest.approx(
            1.0, abs=3e-3
        )


def test_what_runs_on_counts_from_the_end():
    """A field known at a distance in front of its end, as of a lensed fibre, has run that far already."""
    lensed = SampledField.of_beam(GaussianBeam.lensed(5.0, 12.0), GRID, WL)
    start = lensed.propagated(0.0, WL, model="paraxial")
    radius = float(GaussianBeam.lensed(5.0, 12.0).radii(0.0, WL)[0])
    x, y = (np.asarray(part) for part in GRID.points())
    spread = np.sum((x**2 + y**2) * np.abs(np.asarray(start.e[0])) ** 2) * float(GRID.step) ** 2
    assert np.sqrt(2.0 * spread) == pytest.approx(radius, rel=1e-6) and radius > 2.9
    assert float(start.wl) == WL


def test_cores_have_derivatives_in_pitch_and_angle():
    def distances(p):
        cores = CorePositions.ring(7, p[0], p[1])
        # Without the one in the middle, whose distance has a kink there.
        return jnp.sum(jnp.hypot(cores.x[1:], cores.y[1:]))

    pitches = jax.grad(distances)(jnp.asarray([40.0, 0.2]))
    np.testing.assert_allclose(pitches, [6.0, 0.0], atol=1e-12)
    seven = CorePositions.ring(7, 40.0, np.pi / 6)
    np.testing.assert_allclose(np.hypot(seven.x, seven.y), [0.0] + [40.0] * 6, rtol=1e-12)
    assert (seven.x[1], seven.y[1]) == pytest.approx((40.0 * np.cos(np.pi / 6), 20.0))


def test_propagated_fields_are_those_of_the_beam():
    beam = GaussianBeam(3.0, 3.0)
    there = SampledField.of_beam(beam, GRID, WL).propagated(12.0, WL, model="paraxial")
    radius = float(beam.radii(12.0, WL)[0])
    x, y = (np.asarray(part) for part in GRID.points())
    np.testing.assert_allclose(
        np.abs(there.e[0]), np.sqrt(2.0 / np.pi) / radius * np.exp(-(x**2 + y**2) / radius**2), atol=1e-7
    )
    assert float(there.cut_power(12.0, WL)) < 1e-10


def test_bad_input_is_named():
    for make, message in (
        (lambda: GaussianBeam.from_q(3.0 + 1j, WL), r"Rayleigh length, -Im q, = -1 um is outside \(0, inf\)"),
        (lambda: GaussianBeam.from_mfd(0.0), "mfd = 0 um"),
        (lambda: GaussianBeam.lensed(3.0, -1.0), "working_distance = -1 um"),
        (lambda: SampledField.of_fibre(FIBRE, WL, GRID, "HE11", azimuth=0.4), "azimuth of HE11, which its orientation"),
        (lambda: SampledField.of_beam(GaussianBeam(1.2, 2.0), GRID, WL), "step of the grid for a waist of 1.2 um"),
        (lambda: SampledField.of(GRID, np.ones((32, 32)), wl=-1.0), "wl = -1 um"),
        (lambda: SampledField.of_fibre(FIBRE, WL, GRID, "LP21"), "LP21"),
        (lambda: SampledField.of_beam(GaussianBeam(2.0, 2.0), GRID, WL).propagated(1.0, WL, 0.5), "index = 0.5"),
        (lambda: SampledField.of_beam(GaussianBeam(2.0, 2.0), GRID, WL).propagated(1.0, WL, model="fast"), "model"),
        (lambda: CorePositions.row(3, -127.0), "pitch = -127 um"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
