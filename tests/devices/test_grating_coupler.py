"""Grating couplers: energy, reciprocity, limits, convergence, derivatives, apodisation and bad input."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    GratingCoupler,
    TiltedBeam,
    apodise,
    lateral_overlap,
    phase_matched_angle,
    phase_matched_period,
    spectrum_shape,
)
from photonics_core.validation.registry import Absent, cases

BEAM = TiltedBeam(10.0, 5.2)
INDICES: dict[str, Any] = {"core": 3.476, "oxide": 1.444, "substrate": 3.476}
DEPTHS = (1e-5, 2e-4, 4e-4)
LONG = [c for c in cases(["grating_coupler"]) if c.is_long]
#: Few trenches and coarse elements, for laws that hold at any size.
SMALL = GratingCoupler.uniform(0.63, 0.5, 6, degree=7, margin=4.0, **INDICES)


@pytest.mark.parametrize("case", [c for c in cases(["grating_coupler"]) if not c.is_long], ids=lambda c: c.name)
def test_evidence(case):
    found = case.compute()
    assert found.passes, found


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in LONG if c.kind != "peer"], ids=lambda c: c.name)
def test_long_evidence(case):
    found = case.compute()
    assert found.passes, found


@pytest.mark.slow
@pytest.mark.peer
@pytest.mark.parametrize("case", [c for c in LONG if c.kind == "peer"], ids=lambda c: c.name)
def test_another_solver_agrees(case):
    try:
        found = case.compute()
    except Absent as reason:
        pytest.skip(str(reason))
    assert found.passes, found


def test_wavelengths_go_one_by_one_or_together():
    wl = np.array([1.54, 1.56])
    together = SMALL.efficiency(wl, BEAM, 1.0)
    assert together.shape == (2,)
    np.testing.assert_allclose(together, [float(SMALL.efficiency(w, BEAM, 1.0)) for w in wl], rtol=1e-9)


def test_scattering_vanishes_with_the_square_of_the_depth():
    """A trench of no depth leaves all light in the guide."""
    found = [GratingCoupler([0.3], [], etch=depth, degree=7, margin=4.0, **INDICES).response(1.55) for depth in DEPTHS]
    assert float(found[0].transmitted) == pytest.approx(1.0, abs=1e-6)
    assert float(found[0].up + found[0].down + found[0].reflected) < 1e-6
    # What goes up counts with the guide's own tail on the plane, whose share is linear: it is no measure of the order.
    lost = [1.0 - float(each.transmitted) for each in found]
    assert np.log2(lost[2] / lost[1]) == pytest.approx(2.0, abs=0.01)
    assert np.log2(float(found[2].reflected / found[1].reflected)) == pytest.approx(2.0, abs=0.02)


@pytest.mark.slow
def test_mirror_sends_all_up():
    mirrored = GratingCoupler.uniform(0.63, 0.5, 6, buried_oxide=1.8, mirror=True, degree=7, **INDICES)
    found = mirrored.response(1.55)
    assert abs(float(found.down)) < 1e-12
    assert float(found.directionality) == pytest.approx(1.0, abs=1e-9)
    assert abs(float(found.imbalance)) < 3e-5


@pytest.mark.slow
def test_metal_below_takes_little_and_absorbs():
    gold = {**INDICES, "substrate": 0.55 + 11.5j}
    found = GratingCoupler.uniform(0.63, 0.5, 6, degree=7, **gold).response(1.55)
    assert 0.0 < float(found.down) < 0.05 and float(found.directionality) > 0.9


@pytest.mark.slow
def test_tm_keeps_energy():
    found = GratingCoupler.uniform(1.0, 0.5, 4, polarization="tm", degree=10, **INDICES).response(1.55)
    assert abs(float(found.imbalance)) < 2e-4
    assert 0.0 < float(found.up) < 1.0 and 0.0 < float(found.efficiency(BEAM)) < 1.0


def test_a_mode_given_by_its_field_is_the_beam():
    """The beam's own plane waves on the plane above, put in as a field."""
    found = SMALL.response(1.55)
    wide = TiltedBeam(10.0, 1.5)
    k, x = 2.0 * np.pi / 1.55, np.asarray(found.line.x)
    s, w = np.polynomial.legendre.leggauss(200)
    across = 12.0 * s / 1.5
    runs = np.abs(across) < k
    across, w, s = across[runs], w[runs], s[runs]
    axial = np.sqrt(k**2 - across**2)
    tilt = np.deg2rad(10.0)
    along, up = across * np.cos(tilt) + axial * np.sin(tilt), axial * np.cos(tilt) - across * np.sin(tilt)
    keep = up > 0
    size = (w * np.exp(-((6.0 * s) ** 2)))[keep]
    waves = size * np.exp(1j * (np.outer(x - 1.5, along[keep]) + up[keep] * float(found.height)))
    field, slope = waves.sum(axis=1), (1j * up[keep] * waves).sum(axis=1)
    assert float(found.overlap(field, slope)) == pytest.approx(float(found.efficiency(wide, 1.5)), rel=5e-3)


def test_best_position_is_where_the_slope_is_zero():
    found = SMALL.response(1.55)
    best = float(found.best_position(BEAM))
    slope = jax.grad(lambda x: found.efficiency(BEAM, x))(best)
    assert abs(float(slope)) < 1e-9
    around = [float(found.efficiency(BEAM, best + d)) for d in (-0.3, 0.3)]
    assert float(found.efficiency(BEAM)) > max(around)


def test_derivatives(assert_gradient):
    """Of all widths, depths, indices, the wavelength and the fibre."""
    coupler = GratingCoupler([0.31, 0.29], [0.30], degree=6, margin=3.0, **INDICES)
    names = ("trenches", "teeth", "thickness", "etch", "buried_oxide", "core", "oxide", "top")
    where = lambda g: tuple(getattr(g, name) for name in names)  # noqa: E731

    def values(x):
        changed = eqx.tree_at(where, coupler, tuple(x[name] for name in names))
        found = changed.response(x["wl"])
        beam = TiltedBeam(x["angle"], x["waist"], x["distance"])
        return jnp.stack([found.efficiency(beam, x["position"]), found.reflected, found.up])

    start = {name: np.asarray(getattr(coupler, name)) for name in names}
    start |= {"wl": 1.55, "angle": 10.0, "waist": 3.0, "distance": 5.0, "position": 1.0}
    assert_gradient(values, start, rtol=1e-6)


def test_phase_matching():
    period = phase_matched_period(2.69, 1.55, 10.0)
    assert float(period) == pytest.approx(1.55 / (2.69 - np.sin(np.deg2rad(10.0))))
    assert float(phase_matched_angle(2.69, 1.55, period)) == pytest.approx(10.0)
    slope = jax.grad(lambda a: phase_matched_period(2.69, 1.55, a))(10.0)
    step = 1e-4
    numeric = (phase_matched_period(2.69, 1.55, 10.0 + step) - phase_matched_period(2.69, 1.55, 10.0 - step)) / 2 / step
    assert float(slope) == pytest.approx(float(numeric), rel=1e-6)


def test_spectrum_shape_of_a_gaussian():
    wl = np.linspace(1.5, 1.6, 201)
    level = -3.0 - 1.0 * ((wl - 1.5537) / 0.02) ** 2
    found = spectrum_shape(wl, 10.0 ** (0.1 * level))
    assert float(found.wl) == pytest.approx(1.5537, abs=1e-9)
    assert float(found.efficiency) == pytest.approx(10.0**-0.3, rel=1e-9)
    assert float(found.bandwidth) == pytest.approx(0.04, rel=2e-4)


def test_lateral_overlap_has_its_known_maximum():
    width = np.linspace(10.0, 20.0, 401)
    factor = np.asarray(lateral_overlap(width))
    assert factor.max() == pytest.approx(0.9893379, abs=1e-6)
    assert width[factor.argmax()] / 10.4 == pytest.approx(1.42, abs=0.02)


def test_apodising_gains_and_keeps_the_bounds():
    start = GratingCoupler.uniform(0.63, 0.5, 5, degree=6, margin=3.0, **INDICES)
    found = apodise(start, 1.56, TiltedBeam(10.0, 2.5), smallest=0.1, steps=8, rate=0.02, progress=False)
    assert found.efficiency > found.start
    assert found.history[0] == pytest.approx(found.start, rel=1e-9)
    widths = np.concatenate([found.coupler.trenches, found.coupler.teeth])
    assert widths.min() >= 0.1 - 1e-12
    again = found.coupler.efficiency(1.56, TiltedBeam(10.0, 2.5), found.position)
    assert float(again) == pytest.approx(found.efficiency, rel=1e-9)


def test_float32(float32):
    single = GratingCoupler.uniform(0.63, 0.5, 6, degree=7, margin=4.0, **INDICES)
    found = single.response(1.55)
    assert found.up.dtype == jnp.float32
    assert abs(float(found.imbalance)) < 2e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trenches": [0.3, -0.1], "teeth": [0.3]}, r"trenches = -0.1 um is outside"),
        ({"trenches": [0.3, 0.3], "teeth": [np.nan]}, r"teeth = nan um is outside"),
        ({"trenches": [0.3, 0.3], "teeth": [0.3, 0.3]}, r"are not \[P\] and \[P - 1\]"),
        ({"etch": 0.3}, r"etch = 0.3 um is outside \(0, 0.22\)"),
        ({"etch": 0.0}, r"etch = 0 um is outside"),
        ({"polarization": "x"}, "polarization"),
        ({"cladding": 1.444}, "cladding and cladding_thickness"),
        ({"core": "silicon"}, "core = 'silicon' is not a number"),
    ],
)
def test_bad_gratings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GratingCoupler(**({"trenches": [0.3, 0.3], "teeth": [0.3]} | arguments))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"angle = 90 degrees is outside \(-90, 90\)"):
        TiltedBeam(90.0)
    with pytest.raises(ValueError, match="waist = 0 um"):
        TiltedBeam(10.0, 0.0)
    with pytest.raises(ValueError, match="wl = nan um"):
        SMALL.response(np.nan)
    with pytest.raises(ValueError, match="no guide"):
        GratingCoupler([0.3], [], core=1.4, oxide=1.444).response(1.55)
    with pytest.raises(ValueError, match="fill = 1 is outside"):
        GratingCoupler.uniform(0.63, 1.0)
    with pytest.raises(ValueError, match="beam = 10 is not of the kind TiltedBeam"):
        SMALL.efficiency(1.55, 10)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="ends before the spectrum falls"):
        spectrum_shape(np.linspace(1.5, 1.6, 11), np.linspace(0.1, 0.2, 11))
    with pytest.raises(ValueError, match="trenches = 0.315 um is outside"):
        apodise(SMALL, 1.55, smallest=0.4)
    with pytest.raises(ValueError, match=r"sin\(angle\)"):
        phase_matched_period(0.1, 1.55, 10.0)
