"""Arrays of guides: discrete diffraction, Bloch oscillation, and two guides as a coupler."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import jv

from photonics_core.coupling_map import CouplingMap
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.waveguide_array import GapCouplings, WaveguideArray
from photonics_core.index import LinearIndex

WL = np.linspace(1.5, 1.6, 5)
DISORDERED = WaveguideArray(
    40.0, [0.03, 0.05, -0.02, 0.04], [0.01, -0.02, 0.0, 0.03, 0.005], [0.0, 100.0, 20.0, 0.0, 3.0]
)


@pytest.fixture
def exponential() -> CouplingMap:
    """A coupling of 0.08 rad/um at a gap of 0.2 um that falls as exp(-gap / 0.1 um)."""
    coefficients = np.zeros((2, 1, 1))
    coefficients[:, 0, 0] = math.log(0.08), -1.0
    bounds = (("gap", (0.1, 0.3)), ("temperature", (300.0, 300.0)), ("wl", (1.5, 1.6)))
    return CouplingMap(coefficients, {}, bounds, 0.0)


def one_of(count, k):
    return np.eye(count)[k]


def test_light_in_one_guide_spreads_as_bessel_functions():
    count, coupling, z = 61, 0.05, np.linspace(0.0, 100.0, 9)
    array = WaveguideArray.uniform(count, coupling, 100.0)
    order = np.arange(count) - 30
    expected = 1j ** np.abs(order) * jv(np.abs(order), 2.0 * coupling * z[:, None])
    assert_allclose(array.amplitudes_along(z, one_of(count, 30)), expected, rtol=0, atol=1e-12)
    assert_allclose(array.scattering(1.55).amplitude("in_31", "out_33"), expected[-1, 32], rtol=0, atol=1e-12)


def test_a_ramp_of_detunings_brings_the_light_back():
    step = 0.04
    array = WaveguideArray.uniform(41, 0.05, 1000.0, step)
    period = 2.0 * math.pi / step
    power = np.abs(array.amplitudes_along(period * np.array([0.5, 1.0, 2.0]), one_of(41, 20))[:, 20]) ** 2
    # After half a period the light is as far apart as it gets: J_0(4 C / step sin(pi / 2)).
    assert_allclose(power[0], jv(0, 4.0 * 0.05 / step) ** 2, rtol=1e-9)
    assert_allclose(power[1:], 1.0, rtol=1e-9)


def test_two_guides_are_a_coupler():
    array = WaveguideArray(7.0, [0.08]).scattering(WL)
    coupler = PointCoupler(0.56).scattering(WL)
    assert_allclose(array.amplitude("in_1", "out_1"), coupler.amplitude("in", "through"), atol=1e-14)
    assert_allclose(array.amplitude("in_1", "out_2"), coupler.amplitude("in", "cross"), atol=1e-14)


def test_two_unequal_guides_exchange_no_more_than_their_detuning_lets_them():
    kappa, delta = 0.08, 0.05
    length = 0.5 * math.pi / math.hypot(kappa, delta)
    array = WaveguideArray(length, [kappa], [delta, -delta]).scattering(1.55)
    assert_allclose(array.power("in_1", "out_2"), kappa**2 / (kappa**2 + delta**2), rtol=1e-12)


def test_power_is_kept_without_loss_and_falls_with_it():
    lossless = WaveguideArray(DISORDERED.length, DISORDERED.coupling, DISORDERED.detuning).scattering(WL)
    assert lossless.unitarity_residual() < 1e-12
    assert lossless.reciprocity_residual() < 1e-12
    lossy = DISORDERED.scattering(WL)
    assert lossy.reciprocity_residual() < 1e-12
    assert lossy.passivity_residual() < 0.0
    even = WaveguideArray(1e4, [0.0, 0.0], loss_db_cm=3.0).scattering(1.55)
    assert_allclose(even.power_db("in_2", "out_2"), -3.0, rtol=1e-12)


def test_the_reference_adds_its_phase_and_loss():
    index = LinearIndex(2.44, 4.18, 1.55, loss_db_cm=2.0)
    bare, whole = (WaveguideArray(50.0, [0.03, 0.03], index=i).scattering(WL) for i in (None, index))
    phase = np.exp(2j * np.pi * np.asarray(index.effective_index(WL)) * 50.0 / WL) * 10.0 ** (-0.01 / 20.0)
    assert_allclose(whole.amplitude("in_1", "out_2"), bare.amplitude("in_1", "out_2") * phase, rtol=0, atol=1e-12)


def test_gaps_give_the_couplings_of_the_map(exponential):
    array = WaveguideArray(10.0, GapCouplings(exponential, [0.15, 0.25]))
    assert array.count == 3
    expected = 0.08 * np.exp([[0.5, -0.5]] * WL.size)
    assert_allclose(array.couplings(WL), expected, rtol=1e-12)
    numbers = WaveguideArray(10.0, expected[0])
    assert_allclose(array.scattering(WL).values, numbers.scattering(WL).values, rtol=0, atol=1e-14)


def test_derivatives_with_respect_to_every_leaf(assert_gradient):
    def coupled(array):
        s = array.scattering(1.56)
        return jnp.stack([s.power("in_2", "out_4"), jnp.real(s.amplitude("in_1", "out_2"))])

    assert_gradient(coupled, DISORDERED)
    assert_gradient(coupled, WaveguideArray.uniform(4, 0.0, 10.0))


def test_derivatives_by_gap(exponential, assert_gradient):
    def coupled(gaps):
        return WaveguideArray(10.0, GapCouplings(exponential, gaps)).scattering(1.55).power("in_1", "out_3")

    assert_gradient(coupled, jnp.array([0.15, 0.25]))


def test_a_batch_is_mapped_over():
    lengths = jnp.array([1.0, 5.0, 9.0])
    powers = jax.jit(jax.vmap(lambda z: WaveguideArray.uniform(5, 0.1, z).scattering(WL).power("in_1", "out_2")))
    found = powers(lengths)
    assert_allclose(found[1], WaveguideArray.uniform(5, 0.1, 5.0).scattering(WL).power("in_1", "out_2"), rtol=1e-12)


def test_it_runs_in_single_precision(float32):
    values = WaveguideArray.uniform(11, 0.05, 100.0, index=LinearIndex(2.44, 4.18, 1.55)).scattering(1.55)
    assert values.values.dtype == np.complex64
    assert values.unitarity_residual() < 1e-5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m: WaveguideArray(-1.0, [0.1]), "length = -1 um is outside [0, inf)"),
        (lambda m: WaveguideArray(1.0, 0.1), "coupling of shape () is not one axis"),
        (lambda m: WaveguideArray(1.0, [np.nan]), "coupling = nan rad/um"),
        (lambda m: WaveguideArray(1.0, [0.1], [0.1]), "detuning of shape (1,) is not () or (2,)"),
        (lambda m: WaveguideArray(1.0, [0.1], loss_db_cm=-1.0), "loss_db_cm = -1 dB/cm"),
        (lambda m: WaveguideArray(1.0, [0.1], index=2.4), "index = 2.4 is not of the kind IndexModel"),
        (lambda m: WaveguideArray.uniform(1, 0.1, 1.0), "count = 1 is outside [2, inf)"),
        (lambda m: GapCouplings(m, [0.01]), "gaps = 0.01 um is outside"),
        (lambda m: GapCouplings("map", [0.2]), "map = 'map' is not of the kind CouplingMap"),
        (lambda m: WaveguideArray(1.0, [0.1]).amplitudes_along([0.0], [1.0]), "z, amplitudes and wl of shapes"),
    ],
)
def test_bad_input_is_named(exponential, build, message):
    with pytest.raises(ValueError) as error:
        build(exponential)
    assert str(error.value).startswith(message)
