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
BESIDE_PEERS = [c for c in cases(["grating_coupler"]) if c.kind == "peer"]
#: Few trenches and coarse elements, for laws that hold at any size.
COARSE: dict[str, Any] = {"degree": 6, "margin": 3.0, **INDICES}
SMALL = GratingCoupler.uniform(0.63, 0.5, 5, **COARSE)
PAIR = np.array([1.54, 1.56])


@pytest.fixture(scope="module")
def light():
    """Response of the small grating at one wavelength."""
    return SMALL.response(1.55)


@pytest.fixture(scope="module")
def lights():
    """Responses at two."""
    return SMALL.response(PAIR)


@pytest.mark.slow
@pytest.mark.peer
@pytest.mark.parametrize("case", BESIDE_PEERS, ids=lambda c: c.name)
def test_another_solver_agrees(case):
    try:
        found = case.compute()
    except Absent as reason:
        pytest.skip(str(reason))
    assert found.passes, found


@pytest.mark.slow
def test_wavelengths_go_one_by_one_or_together(lights):
    together = lights.efficiency(BEAM, 1.0)
    assert together.shape == (2,)
    each = [SMALL.response(w) for w in PAIR]
    np.testing.assert_allclose(together, [float(one.efficiency(BEAM, 1.0)) for one in each], rtol=1e-9)
    placed = lights.efficiency(BEAM, [1.0, 2.0])
    np.testing.assert_allclose(placed, [float(e.efficiency(BEAM, x)) for e, x in zip(each, (1, 2), strict=True)], 1e-9)
    best = lights.best_position(BEAM)
    np.testing.assert_allclose(best, [float(one.best_position(BEAM)) for one in each], rtol=1e-7)
    np.testing.assert_allclose(lights.efficiency(BEAM), lights.efficiency(BEAM, best), rtol=1e-12)
    along = np.array([0.5, 1.0, 4.0])
    np.testing.assert_allclose(lights.far_field(along), [one.far_field(along) for one in each], atol=1e-10)


def test_far_field_holds_the_power_that_goes_up(light):
    """In all angles together; beyond the last it is 0, with a derivative of 0."""
    k = 2.0 * np.pi / 1.55
    angle, weight = (0.5 * np.pi * each for each in np.polynomial.legendre.leggauss(400))
    size = np.abs(np.asarray(light.far_field(k * np.sin(angle)))) ** 2
    # dq / r is the step of the angle. Light that leaves flat goes out through the sides of the window, not up.
    assert np.sum(weight * size) / (2.0 * np.pi) == pytest.approx(float(light.up), rel=0.02)
    assert light.far_field(1.0).shape == ()
    np.testing.assert_array_equal(light.far_field([k + 1e-9, 9.0, -9.0]), 0.0)
    assert float(jax.grad(lambda q: jnp.abs(light.far_field(q)) ** 2)(k)) == 0.0


def test_scattering_vanishes_with_the_square_of_the_depth():
    """Trenches of no depth leave all light in the guide."""
    found = [GratingCoupler.uniform(0.63, 0.5, 5, etch=depth, **COARSE).response(1.55) for depth in DEPTHS]
    assert float(found[0].transmitted) == pytest.approx(1.0, abs=1e-6)
    assert float(found[0].up + found[0].down + found[0].reflected) < 1e-6
    # What goes up counts with the guide's own tail on the plane, whose share is linear: it is no measure of the order.
    lost = [1.0 - float(each.transmitted) for each in found]
    assert np.log2(lost[2] / lost[1]) == pytest.approx(2.0, abs=0.01)
    assert np.log2(float(found[2].reflected / found[1].reflected)) == pytest.approx(2.0, abs=0.02)


@pytest.mark.slow
def test_a_trench_or_a_tooth_of_no_width_is_none():
    """With its derivative from there on."""
    two, one = GratingCoupler([0.3, 0.0], [0.3], **COARSE), GratingCoupler([0.3], [], **COARSE)
    merged = GratingCoupler([0.1, 0.2], [0.0], **COARSE)
    alone = one.response(1.55)
    # The window goes on behind the last trench, so what is counted as up is the same for the merged ones alone.
    for each, names in ((two, ("reflected", "transmitted")), (merged, ("reflected", "transmitted", "up", "down"))):
        found = each.response(1.55)
        for name in names:
            assert float(getattr(found, name)) == pytest.approx(float(getattr(alone, name)), rel=1e-7), name

    def value(width):
        return eqx.tree_at(lambda g: g.teeth, merged, width[None]).response(1.55).up

    exact, step = float(jax.grad(value)(jnp.asarray(0.0))), 1e-4
    zero, first, second = (float(value(jnp.asarray(x))) for x in (0.0, step, 2.0 * step))
    assert exact == pytest.approx((4.0 * first - second - 3.0 * zero) / (2.0 * step), rel=1e-4)


def test_light_sent_down_does_not_come_back():
    """Where the substrate is oxide too, it does not matter where it begins."""
    near, far = (
        GratingCoupler.uniform(0.63, 0.5, 5, buried_oxide=d, **(COARSE | {"substrate": 1.444})).response(1.55)
        for d in (1.6, 2.2)
    )
    assert float(far.efficiency(BEAM, 1.0) / near.efficiency(BEAM, 1.0)) == pytest.approx(1.0, abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("polarization", "period"), [("te", 0.63), ("tm", 1.0)])
def test_a_mirror_sends_all_up_as_a_metal_does(polarization, period):
    """A metal of index i kappa is a mirror 1 / (k0 kappa) below its surface, to light that comes upright."""
    common = INDICES | {"polarization": polarization, "margin": 4.0}
    depth = 2.0 + 1.55 / (2.0 * np.pi * 11.5)
    found = GratingCoupler.uniform(period, 0.5, 5, mirror=True, buried_oxide=depth, **common).response(1.55)
    assert abs(float(found.down)) < 1e-8
    assert float(found.directionality) == pytest.approx(1.0, abs=1e-8)
    assert abs(float(found.imbalance)) < 1e-4
    metal = GratingCoupler.uniform(period, 0.5, 5, **(common | {"substrate": 11.5j})).response(1.55)
    assert float(metal.up / found.up) == pytest.approx(1.0, abs=0.02)
    assert float(metal.transmitted / found.transmitted) == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
def test_power_is_counted_from_the_first_joint():
    """However long the lossy guide before it is."""
    lossy = COARSE | {"core": 3.476 + 1e-3j}
    short, long = (GratingCoupler.uniform(0.63, 0.5, 5, **(lossy | {"margin": m})).response(1.55) for m in (4.0, 10.0))
    assert float(long.efficiency(BEAM, 1.0) / short.efficiency(BEAM, 1.0)) == pytest.approx(1.0, abs=0.01)
    assert float(long.up / short.up) == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
def test_couplers_and_beams_in_batches_and_under_jit():
    single = [GratingCoupler([w, 0.3], [0.3], **COARSE) for w in (0.28, 0.32)]
    batch = jax.tree.map(lambda *each: jnp.stack([jnp.asarray(e) for e in each]), *single)
    found = jax.jit(jax.vmap(lambda g: g.efficiency(1.55, BEAM, 1.0)))(batch)
    np.testing.assert_allclose(found, [float(g.efficiency(1.55, BEAM, 1.0)) for g in single], rtol=1e-8)
    light = single[0].response(1.55)
    angles = jnp.asarray([5.0, 10.0])
    found = jax.vmap(lambda a: light.efficiency(TiltedBeam(a, 5.2)))(angles)
    np.testing.assert_allclose(found, [float(light.efficiency(TiltedBeam(float(a), 5.2))) for a in angles], rtol=1e-9)


@pytest.mark.slow
def test_second_derivatives():
    """Through the eigenvectors, the transposed system and the best position, against differences of the first."""
    coupler = GratingCoupler([0.31, 0.29], [0.30], **COARSE)

    def value(x):
        return eqx.tree_at(lambda g: (g.trenches, g.etch), coupler, (x[:2], x[2])).efficiency(1.55, BEAM)

    start, step = jnp.asarray([0.31, 0.29, 0.07]), 1e-5
    exact = jax.jit(jax.jacrev(jax.grad(value)))(start)
    slope = jax.jit(jax.grad(value))
    moved = [(slope(start.at[k].add(step)) - slope(start.at[k].add(-step))) / (2.0 * step) for k in range(3)]
    np.testing.assert_allclose(exact, np.array(moved), rtol=1e-4, atol=1e-5 * float(jnp.max(jnp.abs(exact))))


@pytest.mark.slow
def test_metal_below_takes_little_and_absorbs():
    gold = {**INDICES, "substrate": 0.55 + 11.5j}
    found = GratingCoupler.uniform(0.63, 0.5, 5, degree=8, **gold).response(1.55)
    assert 0.0 < float(found.down) < 0.05 and float(found.directionality) > 0.9


@pytest.mark.slow
def test_tm_keeps_energy():
    found = GratingCoupler.uniform(1.0, 0.5, 4, polarization="tm", degree=10, **INDICES).response(1.55)
    assert abs(float(found.imbalance)) < 2e-4
    assert 0.0 < float(found.up) < 1.0 and 0.0 < float(found.efficiency(BEAM)) < 1.0


@pytest.mark.slow
def test_a_mode_given_by_its_field_is_the_beam(light, lights):
    """The beam's own plane waves on the plane above, put in as a field."""
    found = light
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
    # The same field at two wavelengths, given once or twice, is about the beam's at the one between.
    both = lights.overlap(field, slope)
    np.testing.assert_allclose(both, lights.overlap(np.stack([field] * 2), np.stack([slope] * 2)), rtol=1e-12)
    assert float(jnp.mean(both)) == pytest.approx(float(found.overlap(field, slope)), rel=0.1)
    for each in (found, lights):
        with pytest.raises(ValueError, match="power upward of the field = -"):
            each.overlap(field, -slope)


@pytest.mark.parametrize("angle", [10.0, -20.0], ids=["above the row", "beside it"])
def test_best_position_is_where_the_slope_is_zero(light, angle):
    beam = TiltedBeam(angle, 5.2)
    best = float(light.best_position(beam))
    assert (best < 0.0) == (angle < 0.0)
    slope = jax.grad(lambda x: light.efficiency(beam, x))(best)
    assert abs(float(slope)) < 1e-9
    around = [float(light.efficiency(beam, best + d)) for d in (-0.3, 0.3)]
    assert float(light.efficiency(beam)) > max(around)


@pytest.mark.slow
def test_derivatives(assert_gradient):
    """Of all widths, depths, indices, the wavelength and the fibre."""
    coupler = GratingCoupler([0.31, 0.29], [0.30], **COARSE)
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


def test_lateral_overlap_of_a_guide_much_wider_than_the_beam():
    """The integral is then that from end to end, w pi^(1/2) exp(-(pi w / 2 W)^2)."""
    for width in (100.0, 2000.0):
        whole = (np.sqrt(np.pi) * 5.2 * np.exp(-((0.5 * np.pi * 5.2 / width) ** 2))) ** 2
        exact = whole / (0.5 * width * 5.2 * np.sqrt(0.5 * np.pi))
        assert float(lateral_overlap(width)) == pytest.approx(exact, rel=1e-9)


@pytest.mark.slow
def test_apodising_gains_and_keeps_the_bounds():
    found = apodise(SMALL, PAIR, TiltedBeam(10.0, 2.5), smallest=0.1, steps=8, rate=0.02, progress=False)
    assert found.efficiency > found.start
    assert found.history[0] == pytest.approx(found.start, rel=1e-9)
    widths = np.concatenate([found.coupler.trenches, found.coupler.teeth])
    assert widths.min() >= 0.1 - 1e-12
    again = found.coupler.efficiency(PAIR, TiltedBeam(10.0, 2.5), found.position)
    assert float(jnp.mean(again)) == pytest.approx(found.efficiency, rel=1e-9)


@pytest.mark.slow
def test_float32(float32):
    single = GratingCoupler.uniform(0.63, 0.5, 5, **COARSE)
    found = single.response(1.55)
    assert found.up.dtype == jnp.float32
    assert abs(float(found.imbalance)) < 2e-3
    with jax.enable_x64(True):
        exact = float(SMALL.response(1.55).efficiency(BEAM, 1.0))
    assert float(found.efficiency(BEAM, 1.0)) == pytest.approx(exact, rel=2e-3)


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
        ({"degree": 7.5}, "degree = 7.5 is not a whole number"),
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
    with pytest.raises(ValueError, match="top = .* has losses"):
        GratingCoupler([0.3], [], top=1.0 + 0.1j).response(1.55)
    for wrong in (np.full((2, 2), 1.55), np.zeros(0)):
        with pytest.raises(ValueError, match=r"wl of shape .* is not a number or \[N\]"):
            SMALL.response(wrong)
    with pytest.raises(ValueError, match="is not a number"):
        SMALL.section_indices(PAIR)
    with pytest.raises(ValueError, match="periods = 2.5 is not a whole number"):
        GratingCoupler.uniform(0.63, 0.5, 2.5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="fill = 1 is outside"):
        GratingCoupler.uniform(0.63, 1.0)
    with pytest.raises(ValueError, match="beam = 10 is not of the kind TiltedBeam"):
        SMALL.efficiency(1.55, 10)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="wl is not equally spaced"):
        spectrum_shape([1.5, 1.51, 1.53, 1.56, 1.6], [0.1, 0.2, 0.3, 0.2, 0.1])
    with pytest.raises(ValueError, match="step of wl = -"):
        spectrum_shape(np.linspace(1.6, 1.5, 11), np.linspace(0.1, 0.2, 11))
    with pytest.raises(ValueError, match="ends before the spectrum falls"):
        spectrum_shape(np.linspace(1.5, 1.6, 11), np.linspace(0.1, 0.2, 11))
    with pytest.raises(ValueError, match="trenches = 0.315 um is outside"):
        apodise(SMALL, 1.55, smallest=0.4)
    with pytest.raises(ValueError, match=r"sin\(angle\)"):
        phase_matched_period(0.1, 1.55, 10.0)


def test_a_film_below_cutoff_is_named():
    """Least thicknesses of three layers: 24.8 nm of TE here."""
    with pytest.raises(ValueError, match=r"thickness = 0.024 um guides no TE light at wl = 1.55 um, .* 0.0248 um"):
        GratingCoupler([0.3], [], thickness=0.024, etch=0.01, **COARSE).response(1.55)
    with pytest.raises(ValueError, match=r"thickness - etch = 0.01 um guides no TE light"):
        GratingCoupler([0.3], [], etch=0.21, **COARSE).section_indices(1.55)
    with pytest.raises(ValueError, match="guides no TM light"):
        GratingCoupler([0.3], [], thickness=0.04, etch=0.01, polarization="tm", **COARSE).response(1.55)


@pytest.mark.slow
def test_a_traced_film_below_cutoff_is_an_error_when_it_runs():
    thin = GratingCoupler([0.3], [], etch=0.005, **COARSE)
    run = jax.jit(lambda t: eqx.tree_at(lambda g: g.thickness, thin, t).response(1.55).up)
    with pytest.raises(RuntimeError, match="the film guides no light"):
        run(0.012).block_until_ready()


def test_bad_beams_and_positions_are_named(light, lights):
    for found in (light, lights):
        for call in (found.efficiency, found.best_position, lambda beam, at=found: at.amplitude(beam, 1.0)):
            with pytest.raises(ValueError, match="beam = 10 is not of the kind TiltedBeam"):
                call(10)
        with pytest.raises(ValueError, match="position = nan um"):
            found.efficiency(BEAM, np.nan)
        with pytest.raises(ValueError, match=r"position of shape \(64,\)"):
            found.efficiency(BEAM, np.linspace(0.0, 3.0, 64))
        with pytest.raises(ValueError, match=r"angle of shape \(2,\) is not a number"):
            found.efficiency(TiltedBeam([5.0, 10.0], 5.2), 1.0)
        with pytest.raises(ValueError, match=r"along of shape \(1, 1\)"):
            found.far_field([[1.0]])
