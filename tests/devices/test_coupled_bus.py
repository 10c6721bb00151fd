import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, CoupledRings, LinearIndex, PointCoupler, RingBus, Waveguide, wavelength_grid
from photonics_core.devices.coupled_bus import CoupledRingBus
from photonics_core.devices.wdm import RingReceiver

INDEX = LinearIndex(2.44, 4.48, wl0=1.31, thermo_optic=2.1e-4, loss_db_cm=10.0)
LINES = wavelength_grid(1.31, 200.0, 3)
GUIDE = Waveguide(50.0, INDEX)


def coupled(couplings, index=INDEX):
    count = len(couplings) - 1
    couplers = [PointCoupler.from_power(each) for each in couplings]
    radii = [5.0 + 0.008 * k + 0.003 * np.arange(count) for k in range(3)]
    return CoupledRingBus([CoupledRings(each, couplers, index) for each in radii], Waveguide(50.0, index))


def test_filters_of_one_ring_are_a_bus_of_rings():
    """Locks, heaters and both directions of the bus: two ways to the same filters."""
    coupler = PointCoupler.from_power(0.06)
    single = RingBus([AddDropRing(5.0 + 0.008 * k, coupler, coupler, INDEX) for k in range(3)], GUIDE)
    two = [RingReceiver(bus, LINES, 10e-6) for bus in (single, coupled((0.06, 0.06)))]
    for ask in (
        lambda receiver: receiver.heater_power(320.0),
        lambda receiver: receiver.drop_powers(320.0),
        lambda receiver: receiver.drop_powers(320.0, backwards=True),
        lambda receiver: receiver.through_powers(320.0),
    ):
        expected, found = (jax.jit(ask)(receiver) for receiver in two)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_two_rings_keep_all_power_and_part_neighbours_better():
    lossless = LinearIndex(2.44, 4.48, wl0=1.31)
    receiver = RingReceiver(coupled((0.2, 0.012, 0.2), lossless), LINES)
    wl = jnp.linspace(1.300, 1.320, 101)
    total = jnp.sum(receiver.drop_powers(300.0, wl), axis=0) + receiver.through_powers(300.0, wl)
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    coupler = PointCoupler.from_power(0.06)
    single = RingReceiver(RingBus([AddDropRing(5.0, coupler, coupler, lossless)] * 3, GUIDE), LINES)
    double, one = receiver.drop_powers(), single.drop_powers()
    assert np.all(np.diagonal(double) > 0.98) and double[0, 1] < one[0, 1]
    # On its flank a ring lets through 1 / d^2, two rings 1 / d^4: from the next line to the second, 4 times less.
    np.testing.assert_allclose((double[0, 2] / double[0, 1]) / (one[0, 2] / one[0, 1]), 0.25, rtol=0.15)
    assert receiver.extra_path().shape == (3, 2)


def test_cold_filters_need_heat():
    """With the heaters off the rings of a filter are not on the line, nor on each other."""
    bus = coupled((0.2, 0.012, 0.2))
    cold = jnp.abs(bus.drops(LINES))
    locked = jnp.abs(bus.drops(LINES, 300.0, bus.paths_to(LINES)))
    assert np.all(np.diagonal(cold) < 0.3 * np.diagonal(locked))


def test_a_bus_of_nothing_is_none():
    with pytest.raises(ValueError, match="filters is empty"):
        CoupledRingBus([], GUIDE)
    with pytest.raises(ValueError, match="guide = 1.0 is not of the kind Waveguide"):
        CoupledRingBus(coupled((0.1, 0.1)).filters, 1.0)  # pyright: ignore[reportArgumentType]
