"""Lattice filters: Mach-Zehnder responses, energy, and the same thing as a circuit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core.circuit import Circuit
from photonics_core.devices.coupler import DirectionalCoupler, PointCoupler
from photonics_core.devices.lattice_filter import LatticeFilter
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import LinearIndex
from photonics_core.netlist import Netlist

WL = np.linspace(1.54, 1.56, 41)
INDEX = LinearIndex(2.44, 4.18, 1.55)
LOSSY = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, loss_db_cm=5.0)
HALF = PointCoupler(np.pi / 4)
COUPLERS = (
    PointCoupler(0.7, angle_slope=3.0, loss_db=0.05),
    DirectionalCoupler(0.2, 5.0, 0.09, 0.05, bend_length=2.7, dispersion=3.0),
    PointCoupler(0.4),
)
TWO_STAGES = LatticeFilter(COUPLERS, LOSSY, [60.0, -110.0], [20.0, 130.0])


def as_circuit(lattice):
    lengths = np.stack([lattice.lower_lengths + lattice.delays, lattice.lower_lengths], axis=1)
    models = {f"c{k}": coupler for k, coupler in enumerate(lattice.couplers)}
    joined, ends = [], ("through", "cross")
    for k, arms in enumerate(lengths):
        for arm, length, out, into in zip("ul", arms, ends, ("in", "add"), strict=True):
            models[f"{arm}{k}"] = Waveguide(length, lattice.index)
            joined += [(f"c{k},{out}", f"{arm}{k},in"), (f"{arm}{k},out", f"c{k + 1},{into}")]
    last = len(lattice.couplers) - 1
    ports = {"in": "c0,in", "add": "c0,add"} | {name: f"c{last},{name}" for name in ends}
    return Circuit(Netlist({name: name for name in models}, joined, ports), models)


def test_one_stage_passes_the_square_of_a_cosine():
    delay = 50.0
    s = LatticeFilter.mach_zehnder((HALF, HALF), INDEX, delay).scattering(WL)
    expected = np.cos(np.pi * np.asarray(INDEX.effective_index(WL)) * delay / WL) ** 2
    assert_allclose(s.power("in", "cross"), expected, rtol=0, atol=1e-12)
    assert_allclose(s.power("in", "through"), 1.0 - expected, rtol=0, atol=1e-12)


def test_its_period_is_the_free_spectral_range():
    lattice = LatticeFilter.mach_zehnder((HALF, HALF), INDEX, 100.0)
    fsr = float(lattice.fsr(1.55)[0])
    assert_allclose(fsr, 1.55**2 / (4.18 * 100.0), rtol=1e-14)
    wl = np.linspace(1.55 - 1.2 * fsr, 1.55 + 1.2 * fsr, 24001)
    power = np.asarray(lattice.scattering(wl).power("in", "cross"))
    peaks = wl[1:-1][(power[1:-1] > power[:-2]) & (power[1:-1] > power[2:])]
    assert_allclose(np.diff(peaks).mean(), fsr, rtol=5e-3)
    infinite = LatticeFilter((HALF, HALF), INDEX, [0.0]).fsr(WL)
    assert infinite.shape == (41, 1) and np.all(np.isinf(infinite))


def test_two_stages_make_a_half_band_filter_with_a_flat_top():
    # Angles with a + b - c = pi/2 and a - b + c = 0: full crossing in step, none half a period away.
    flat, order = LinearIndex(2.44, 2.44, 1.55), 400
    delay, half_wave = order * 1.55 / 2.44, 0.5 * 1.55 / 2.44
    couplers = [PointCoupler(angle) for angle in (np.pi / 4, np.pi / 3, np.pi / 12)]
    lattice = LatticeFilter(couplers, flat, [delay, 2.0 * delay + half_wave])
    phase = np.array([0.0, np.pi / 8, np.pi / 4, np.pi / 2])
    here, there = (
        np.asarray(lattice.scattering(2.44 * delay / (order + turns)).power("in", "cross"))
        for turns in (phase / (2.0 * np.pi), phase / (2.0 * np.pi) + 0.5)
    )
    assert_allclose(here + there, 1.0, rtol=0, atol=2e-3)
    assert_allclose(here[0], 1.0, atol=1e-12)
    # One stage has lost 3.8 % at an eighth of the half period, this one a tenth of that.
    assert np.cos(phase[1] / 2.0) ** 2 < 0.963 and here[1] > 0.995


def test_it_is_the_circuit_of_its_parts():
    found, expected = TWO_STAGES.scattering(WL, 310.0), as_circuit(TWO_STAGES).scattering(WL, 310.0)
    for source in ("in", "add"):
        for target in ("through", "cross"):
            for pair in ((source, target), (target, source)):
                assert_allclose(found.amplitude(*pair), expected.amplitude(*pair), rtol=0, atol=1e-12)


def test_energy_is_kept_without_loss_and_falls_with_it():
    lossless = LatticeFilter([PointCoupler(a) for a in (0.3, 1.1, 0.7)], INDEX, [40.0, 80.0]).scattering(WL)
    assert lossless.unitarity_residual() < 1e-12
    assert lossless.reciprocity_residual() == 0
    assert TWO_STAGES.scattering(WL).passivity_residual() < 0.0


def test_couplers_alone_add_up_their_angles():
    lattice = LatticeFilter([PointCoupler(a) for a in (0.3, 0.4, 0.5)], INDEX, [0.0, 0.0])
    assert_allclose(lattice.scattering(1.55).amplitude("in", "cross"), 1j * np.sin(1.2), rtol=0, atol=1e-14)


def test_a_heater_shifts_the_spectrum_by_its_optical_path():
    lattice = LatticeFilter.mach_zehnder((HALF, HALF), INDEX, 0.0)
    s = lattice.scattering(1.55, extra_path=[1.55 / 2.0])
    assert_allclose(s.power("in", "through"), 1.0, rtol=1e-12)


def test_derivatives_with_respect_to_every_leaf(assert_gradient):
    def response(lattice):
        s = lattice.scattering(1.551, 305.0, jnp.array([0.1, 0.3]))
        return jnp.stack([s.power("in", "cross"), jnp.real(s.amplitude("add", "cross"))])

    assert_gradient(response, TWO_STAGES, rtol=1e-5)


def test_derivatives_are_finite_without_delay_and_with_full_couplers():
    def response(delay, angle):
        couplers = (PointCoupler(angle), PointCoupler(angle))
        return LatticeFilter(couplers, LOSSY, jnp.stack([delay])).scattering(1.551).power("in", "cross")

    for angle in (0.0, np.pi / 4, np.pi / 2):
        assert all(np.isfinite(g) for g in jax.grad(response, (0, 1))(jnp.asarray(0.0), jnp.asarray(angle)))


def test_it_runs_in_single_precision(float32):
    lattice = LatticeFilter.mach_zehnder((HALF, HALF), INDEX, 1000.0)
    found = lattice.scattering(WL).power("in", "cross")
    expected = np.cos(np.pi * 1000.0 * ((2.44 - 4.18) / 1.55 + 4.18 / WL)) ** 2
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LatticeFilter((HALF,), INDEX, [1.0]), "1 couplers are not one more than delays of shape (1,)"),
        (lambda: LatticeFilter((HALF, 0.5), INDEX, [1.0]), "couplers[1] = 0.5 is not of the kind Coupler"),
        (lambda: LatticeFilter((HALF, HALF), 2.4, [1.0]), "index = 2.4 is not of the kind IndexModel"),
        (lambda: LatticeFilter((HALF, HALF), INDEX, [-1.0]), "length of an upper arm = -1 um"),
        (lambda: LatticeFilter((HALF, HALF), INDEX, [np.nan]), "delays = nan um"),
        (lambda: LatticeFilter((HALF, HALF), INDEX, [1.0], [1.0, 2.0]), "lower_lengths of shape (2,)"),
        (lambda: TWO_STAGES.scattering(1.55, extra_path=[0.1]), "extra_path of shape (1,) is not (2,)"),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value).startswith(message)
