"""Rings in a row: laws, order of the filter, precision, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import AddDropRing, CoupledRings, DirectionalCoupler, LinearIndex, PointCoupler, stack

WL = np.linspace(1.548, 1.552, 201)
LOSSLESS = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, 2e-7)
INDEX = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, 2e-7, loss_db_cm=10.0)


def couplers(count, loss_db=0.0):
    """Strong coupling to the guides, weaker between rings."""
    return [PointCoupler(angle, loss_db=loss_db) for angle in (0.75, *(count - 1) * [0.3], 0.75)]


def row(count, index=LOSSLESS, **options):
    return CoupledRings(np.full(count, 10.0), couplers(count, **options), index)


def test_one_ring_is_an_add_drop_ring():
    first, last = couplers(1, loss_db=0.1)
    single = AddDropRing(10.0, first, last, INDEX)
    assert_allclose(row(1, INDEX, loss_db=0.1).scattering(WL).values, single.scattering(WL).values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [2, 3])
def test_without_loss_it_is_unitary_and_reciprocal(count):
    s = row(count).scattering(WL)
    assert s.unitarity_residual() < 1e-12
    assert s.reciprocity_residual() < 1e-12


def test_with_loss_it_is_passive():
    assert row(5, INDEX, loss_db=0.02).scattering(WL).passivity_residual() <= 1e-12


def test_more_rings_cut_steeper():
    aside = 1.5534  # some linewidths from the resonance
    power = [row(count).scattering(aside).power_db("in", "drop") for count in (1, 2, 3)]
    assert power[0] > power[1] + 10 > power[2] + 20


@pytest.mark.parametrize("kind", ["sloped", "directional"])
def test_couplers_that_depend_on_wavelength_do_so_at_each_wavelength(kind):
    coupler = {
        "sloped": PointCoupler(0.4, angle_slope=20.0, loss_db=0.05),
        "directional": DirectionalCoupler(0.2, 5.0, 0.4, 0.05, bend_length=2.7, dispersion=30.0),
    }[kind]
    device = CoupledRings([10.0, 10.01], [coupler] * 3, INDEX)
    wl = np.array([1.53, 1.55, 1.57])  # as many as couplers
    together = device.scattering(wl).values
    assert_allclose(together, jnp.stack([device.scattering(x).values for x in wl]), rtol=0, atol=1e-12)


def test_each_ring_has_its_own_temperature_and_extra_path():
    device, wl = row(3), 1.55
    assert_allclose(
        device.amplitudes(wl, np.array([300.0, 300.0, 300.0]), np.zeros(3)),
        device.amplitudes(wl),
        rtol=0,
        atol=0,
    )
    # Heating ring 1 does to the add port what heating ring 3 does to the input: the row is symmetric.
    first = device.amplitudes(wl, np.array([305.0, 300.0, 300.0]))
    last = device.amplitudes(wl, np.array([300.0, 300.0, 305.0]))
    assert_allclose(first.through, last.add_drop, rtol=0, atol=1e-12)
    assert abs(first.through - last.through) > 1e-3
    # The rise of the index by that heat, times the circumference, is the same as an extra path.
    path = (1.86e-4 * 5.0 + 0.5 * 2e-7 * 5.0**2) * 2 * np.pi * 10.0
    assert_allclose(device.amplitudes(wl, 300.0, np.array([path, 0.0, 0.0])), first, rtol=0, atol=1e-11)


def test_derivatives_with_respect_to_every_leaf(assert_gradient):
    device = CoupledRings([10.0, 10.002], couplers(2, loss_db=0.02), INDEX)

    def dropped(device):
        return device.scattering(1.5497, 310.0).power("in", "drop")

    assert_gradient(dropped, device)


def test_radii_may_be_a_list_of_traced_numbers():
    slope = jax.grad(lambda x: jnp.abs(CoupledRings([x, 10.0], couplers(2), INDEX).amplitudes(1.55).drop))(10.0)
    assert np.isfinite(slope)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CoupledRings([10.0, -1.0], couplers(2), INDEX), "radii = -1 um is outside (0, inf)"),
        (
            lambda: CoupledRings([10.0, 10.0], couplers(3), INDEX),
            "couplers = 4 is not one more than the 2 rings",
        ),
        (lambda: CoupledRings(10.0, couplers(1), INDEX), "radii of shape () is not one axis of radii"),
        (
            lambda: CoupledRings([10.0], [PointCoupler(0.1), DirectionalCoupler(0.2, 5.0, 0.4, 0.05)], INDEX),
            "couplers[1] is not of the same structure as couplers[0]",
        ),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value) == message


def test_a_batch_of_couplers_is_a_sequence_of_couplers():
    batch = CoupledRings(np.full(2, 10.0), stack(couplers(2)), INDEX)
    assert_allclose(batch.scattering(WL).values, row(2, INDEX).scattering(WL).values, rtol=0, atol=0)
