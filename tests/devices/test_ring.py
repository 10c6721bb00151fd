"""Single rings: laws, figures of merit read off the spectrum, derivatives for every leaf, and precision."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import AddDropRing, AllPassRing, DirectionalCoupler, LinearIndex, PointCoupler

WL = np.linspace(1.54, 1.56, 401)
INDEX = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, 2e-7, loss_db_cm=20.0)
LOSSLESS = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4)
POINT = PointCoupler(0.35, angle_slope=2.0, loss_db=0.02)
DIRECTIONAL = DirectionalCoupler(0.2, 5.0, 0.4, 0.05, bend_length=2.7, loss_db=0.03, dispersion=3.0)
RINGS = {
    "all-pass": AllPassRing(10.0, POINT, INDEX),
    "all-pass racetrack": AllPassRing(8.0, DIRECTIONAL, INDEX, straight_length=5.0, loss_db=0.05),
    "add-drop": AddDropRing(10.0, POINT, PointCoupler(0.3), INDEX),
    "add-drop racetrack": AddDropRing(8.0, DIRECTIONAL, POINT, INDEX, straight_length=5.0, loss_db=0.05),
}
EVERY_RING = pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
FIGURES = (
    "linewidth",
    "finesse",
    "q_loaded",
    "photon_lifetime",
    "extinction_db",
    "minimum_transmission",
    "drift_pm_k",
)


def through(ring, wl, temperature=300.0):
    return ring.scattering(wl, temperature).amplitude("in", "through")


@pytest.mark.parametrize(
    "ring",
    [
        AllPassRing(10.0, PointCoupler(0.35, 2.0), LOSSLESS),
        AddDropRing(10.0, PointCoupler(0.35), PointCoupler(0.2), LOSSLESS, straight_length=3.0),
        AddDropRing(10.0, PointCoupler(2.2), PointCoupler(0.9), LOSSLESS),
    ],
)
def test_without_loss_it_is_unitary_and_reciprocal(ring):
    assert ring.scattering(WL).unitarity_residual() < 1e-12
    assert ring.scattering(WL).reciprocity_residual() < 1e-12


@EVERY_RING
def test_with_loss_it_is_passive_and_reciprocal(ring):
    s = ring.scattering(WL, 320.0)
    assert s.passivity_residual() <= 1e-12
    assert s.reciprocity_residual() < 1e-12


@EVERY_RING
def test_a_compiled_method_gives_what_it_gives_uncompiled(ring):
    compiled = jax.jit(lambda device, wl: through(device, wl))(ring, WL)
    assert_allclose(compiled, through(ring, WL), rtol=0, atol=1e-11)


@EVERY_RING
def test_figures_of_merit_are_those_of_the_spectrum(ring):
    wl = ring.resonance(1.55)
    half, whole = ring.fsr(wl) / 2, ring.linewidth(wl)
    samples = float(wl) + float(half) * np.linspace(-1.1, 1.1, 22001)
    line, deepest = np.abs(through(ring, samples)) ** 2, np.abs(through(ring, wl)) ** 2
    assert_allclose(deepest, ring.minimum_transmission(wl), rtol=1e-9)
    # Couplers that depend on wavelength leave the peaks on the two sides at different heights.
    peak = (np.max(line[:11000]) + np.max(line[11000:])) / 2
    assert_allclose(10 * np.log10(peak / deepest), ring.extinction_db(wl), atol=0.02)
    # A dip is half as deep where 1 / (1 - T) is twice what it is in the middle.
    under = np.sum(peak - line > (peak - deepest) / 2) * (samples[1] - samples[0])
    assert_allclose(under, whole, rtol=0.02)
    assert_allclose(ring.q_loaded(wl) * whole, wl, rtol=1e-12)
    assert_allclose(ring.finesse(wl) * whole, ring.fsr(wl), rtol=1e-12)


@EVERY_RING
def test_resonances_are_minima_one_free_spectral_range_apart(ring):
    found = ring.resonances(1.55, 5)
    assert np.all(np.diff(found) > 0)
    assert_allclose((found[3] - found[1]) / 2, ring.fsr(found[2]), rtol=2e-3)
    assert_allclose(found[2], ring.resonance(1.55), rtol=1e-14)
    below = ring.resonance_below(1.55)
    assert below <= 1.55
    assert np.min(np.abs(found - below)) < 1e-12
    around = jnp.stack([found - 1e-5, found, found + 1e-5])
    power = jnp.abs(through(ring, around)) ** 2
    assert np.all(power[1] < power[0])
    assert np.all(power[1] < power[2])


@EVERY_RING
def test_the_extra_path_to_a_wavelength_puts_a_resonance_there(ring):
    half_turns = ring.half_turns(1.55, extra_path=ring.path_to(1.55))
    assert_allclose(2 * half_turns, np.round(2 * half_turns), rtol=0, atol=1e-12)
    wl = ring.resonance(1.55)
    moved = ring.half_turns(wl + 1e-6, extra_path=ring.path_of_shift(1e-6, wl))
    assert_allclose(moved, ring.half_turns(wl), rtol=0, atol=1e-8)


def test_a_coupler_beyond_complete_coupling_moves_resonances_by_half_a_free_spectral_range():
    under, beyond = (AllPassRing(10.0, PointCoupler(angle), INDEX) for angle in (0.4, np.pi - 0.4))
    wl = beyond.resonance(1.55)
    assert_allclose(np.abs(through(beyond, wl)) ** 2, beyond.minimum_transmission(wl), rtol=1e-9)
    assert_allclose(abs(under.resonance(wl) - wl), under.fsr(wl) / 2, rtol=0.01)
    for name in FIGURES:
        assert_allclose(getattr(beyond, name)(1.55), getattr(under, name)(1.55), rtol=1e-12)


def test_the_drift_of_silicon_at_1550_nm():
    ring = AllPassRing(10.0, POINT, LinearIndex(2.4, 4.0, 1.55, thermo_optic=1.86e-4))
    assert_allclose(ring.drift_pm_k(1.55), 72.075, rtol=1e-9)
    assert ring.resonance(1.55, 301.0) > ring.resonance(1.55, 300.0)


@EVERY_RING
def test_the_drift_is_that_of_the_resonance(ring):
    wl = ring.resonance(1.55, 330.0)
    moved = ring.resonance(wl, 330.01) - ring.resonance(wl, 329.99)
    assert_allclose(ring.drift_pm_k(wl, 330.0), 1e6 * moved / 0.02, rtol=1e-6)


@pytest.mark.parametrize(
    "ring",
    [pytest.param(ring, id=name, marks=[pytest.mark.slow] * ("racetrack" in name)) for name, ring in RINGS.items()],
)
def test_derivatives_with_respect_to_every_leaf(ring, assert_gradient):
    """Transmission, resonance, quality factor, extinction, drift, and the drop loss of a ring that has a drop."""

    def figures(device):
        transmission = jnp.abs(through(device, 1.5503, 310.0)) ** 2
        names = ["resonance", "q_loaded", "extinction_db", "drift_pm_k"]
        names += ["drop_loss_db"] if isinstance(device, AddDropRing) else []
        return jnp.stack([transmission, *(getattr(device, name)(1.5503, 310.0) for name in names)])

    assert_gradient(figures, ring)


# No coupling, complete coupling and both; no loss and some; on resonance exactly and beside it.
CORNERS = list(itertools.product([0.0, np.pi / 2], [0.0, np.pi / 2], [0.0, 3.0], [1.55, 1.5512]))


@jax.jit
@jax.grad
def corner_slopes(ring, wl):
    """Derivatives of a sum: one that is not finite leaves none that is."""
    powers = [jnp.abs(amplitude) ** 2 for amplitude in ring.amplitudes(wl)]
    return sum([*powers, ring.linewidth(wl), ring.drift_pm_k(wl), ring.resonance(wl), ring.extinction_db(wl)])


@pytest.mark.parametrize("corner", CORNERS, ids=str)
def test_derivatives_are_finite_at_every_corner_at_once(corner):
    angle_in, angle_drop, loss, wl = corner
    # A whole even number of half wavelengths: 1.55 um is a resonance to the last digit.
    index = LinearIndex(2.4, 4.18, 1.55, loss_db_cm=loss)
    radius = 100 * 1.55 / 2.4 / (2 * np.pi)
    ring = AddDropRing(radius, PointCoupler(angle_in), PointCoupler(angle_drop), index)
    if wl == 1.55:
        assert_allclose(ring.resonance(wl), wl, rtol=1e-15)
    assert all(np.all(np.isfinite(slope)) for slope in jax.tree.leaves(corner_slopes(ring, wl)))


@pytest.mark.parametrize("angle", [0.3, np.pi / 2])
def test_the_quality_factor_and_its_derivatives_are_finite_up_to_complete_coupling(angle):
    ring = AllPassRing(10.0, PointCoupler(angle), LOSSLESS)
    value, slopes = jax.value_and_grad(lambda device: device.q_loaded(1.55))(ring)
    assert np.isfinite(value)
    assert all(np.isfinite(slope) for slope in jax.tree.leaves(slopes))


def narrow_ring():
    """One millimetre round, loaded quality factor 1e5, close to critical coupling."""
    return AllPassRing(1000.0 / (2 * np.pi), PointCoupler(0.3148), LinearIndex(2.44, 4.2, 1.55, loss_db_cm=3.0))


@pytest.fixture(scope="module")
def narrow_line():
    """Wavelengths across a line of the ring above, and its transmission in double precision."""
    ring = narrow_ring()
    assert_allclose(ring.q_loaded(1.55), 1e5, rtol=5e-3)
    wl = float(ring.resonance(1.55)) + np.linspace(-1e-4, 1e-4, 801)
    return wl, np.abs(ring.through(wl)) ** 2


def single_precision_error(amplitude, reference):
    assert amplitude.dtype == jnp.complex64
    return np.max(np.abs(np.abs(np.asarray(amplitude, complex)) ** 2 - reference))


def test_single_precision_keeps_a_narrow_line(narrow_line, float32):
    ring, (wl, reference) = narrow_ring(), narrow_line
    assert single_precision_error(ring.through(wl), reference) < 1e-5
    # The same inside jit, where device and wavelengths are constants of the program.
    assert single_precision_error(jax.jit(lambda: ring.through(wl))(), reference) < 1e-5


def test_single_precision_wavelengths_cost_no_more_than_their_own_rounding(narrow_line, float32):
    ring, (wl, _) = narrow_ring(), narrow_line
    rounded = wl.astype(np.float32)
    with jax.enable_x64(True):
        reference = np.abs(narrow_ring().through(rounded.astype(np.float64))) ** 2
    assert single_precision_error(jax.jit(lambda x: ring.through(x))(rounded), reference) < 1e-5


def test_a_single_precision_device_as_argument_is_its_rounding_off_the_line(narrow_line, float32):
    # As an argument of a compiled function the device itself is single precision: its index and length have 24 bits,
    # which moves the line by some 1e-8 um. The line keeps its shape; where it lies is as good as the numbers given.
    ring, (wl, reference) = narrow_ring(), narrow_line
    error = single_precision_error(jax.jit(lambda device: device.through(wl))(ring), reference)
    assert 1e-4 < error < 2e-2
    anchored = jax.jit(lambda device, anchor: device.through(wl, anchor=anchor))(ring, ring.anchor())
    assert single_precision_error(anchored, reference) < 1e-5


def test_a_batch_under_vmap_is_a_loop():
    angles = np.array([0.2, 0.35, 0.5])
    rings = [AllPassRing(10.0, PointCoupler(angle), INDEX) for angle in angles]
    axes = eqx.tree_at(
        lambda ring: ring.coupler.angle,
        jax.tree.map(lambda _: None, rings[0]),
        0,
        is_leaf=lambda x: x is None,
    )
    batch = eqx.tree_at(lambda ring: ring.coupler.angle, rings[0], angles)
    together = jax.vmap(lambda ring: ring.through(WL), in_axes=(axes,))(batch)
    assert_allclose(together, [ring.through(WL) for ring in rings], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AllPassRing(0.0, POINT, INDEX), "radius = 0 um is outside (0, inf)"),
        (
            lambda: AllPassRing(5.0, POINT, INDEX, straight_length=-1.0),
            "straight_length = -1 um is outside [0, inf)",
        ),
        (lambda: AllPassRing(5.0, POINT, INDEX, loss_db=-0.1), "loss_db = -0.1 dB is outside [0, inf)"),
        (lambda: AllPassRing(5.0, 0.3, INDEX), "coupler = 0.3 is not of the kind Coupler"),  # type: ignore
        (lambda: AddDropRing(5.0, POINT, INDEX, INDEX), "drop_coupler = LinearIndex("),  # type: ignore
        (lambda: AllPassRing(5.0, POINT, POINT), "index = PointCoupler("),  # type: ignore
        (lambda: RINGS["all-pass"].resonances(1.55, 0), "count = 0 is outside [1, 100000]"),
        (lambda: RINGS["all-pass"].through(-1.55), "wl = -1.55 um is outside [1.085, 2.015]"),
        (lambda: RINGS["all-pass"].through(1.55, -20.0), "temperature = -20 K is outside [150, 1000]"),
        (
            lambda: RINGS["all-pass"].scattering(1.55).power("in", "drop"),
            "port = 'drop' is not one of 'in', 'through'",
        ),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value).startswith(message)
