"""A ring round trip by round trip: its spectrum at rest, the resonator's answer where that holds, energy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, AllPassRing, LinearIndex, PointCoupler, Resonator, RoundTrips

INDEX = LinearIndex(2.44, 4.18, wl0=1.55, loss_db_cm=3.0)
HIGH_Q = AllPassRing(10.0, PointCoupler(0.15), INDEX)


@pytest.mark.parametrize("drop", [None, 0.4])
def test_at_rest_it_is_the_spectrum_of_the_ring(drop):
    coupler = PointCoupler(0.5)
    ring = AllPassRing(10.0, coupler, INDEX) if drop is None else AddDropRing(10.0, coupler, PointCoupler(drop), INDEX)
    centre = float(ring.resonance(1.55))
    trips = RoundTrips.of_ring(ring, centre)
    for detuning in (0.0, 0.05, 0.4):
        wl = 299.792458 / (299.792458 / centre + detuning)
        exact = ring.scattering(jnp.asarray(wl))
        through, dropped = trips.drive(np.full(40, detuning), 4)
        np.testing.assert_allclose(np.abs(through) ** 2, exact.power("in", "through"), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(through, trips.through(detuning), rtol=1e-12)
        if drop is not None:
            np.testing.assert_allclose(np.abs(dropped) ** 2, exact.power("in", "drop"), rtol=1e-6)


def test_a_slow_drive_of_a_high_finesse_is_that_of_the_resonator():
    centre = float(HIGH_Q.resonance(1.55))
    trips, resonator = RoundTrips.of_ring(HIGH_Q, centre), Resonator.of_ring(HIGH_Q, centre)
    step = float(trips.trip) / 2
    t = step * np.arange(4000)
    detuning = 0.004 + 0.004 * np.sin(2 * np.pi * 0.004 * t)
    powers = [np.abs(model[0]) ** 2 for model in (trips.drive(detuning, 2), resonator.drive(detuning, step))]
    np.testing.assert_allclose(powers[0], powers[1], atol=0.01)
    assert np.ptp(powers[0]) > 0.3


def test_a_step_in_the_source_comes_out_trip_by_trip():
    trips = RoundTrips(1.0, 0.6, 0.05)
    source = np.where(np.arange(40) < 8, 0.0, 1.0)
    through, _ = trips.drive(np.zeros(40), 4, source)
    t, k, a = np.cos(0.6), np.sin(0.6), np.exp(-0.05)
    expected, inside = [], 0.0
    for _ in range(8):
        expected += [t - k * a * inside] * 4
        inside = k + t * a * inside
    np.testing.assert_allclose(through[8:], expected[:32], atol=1e-14)


def test_energy_is_kept_on_average():
    trips = RoundTrips(1.0, 0.6, 0.0, 0.5)
    t = np.arange(4001)
    through, dropped = trips.drive(0.1 + 0.1 * np.cos(2 * np.pi * t / 400), 4)
    period = slice(3600, 4000)
    power = np.mean(np.abs(through[period]) ** 2 + np.abs(dropped[period]) ** 2)
    assert power == pytest.approx(1.0, abs=1e-5)


def test_whole_numbers_of_numpy_will_do():
    trips, detuning = RoundTrips(1.0, 0.3, 0.04), np.linspace(0.0, 0.1, 16)
    np.testing.assert_array_equal(trips.drive(detuning, np.int64(8))[0], trips.drive(detuning, 8)[0])


def test_derivatives(assert_gradient):
    t = np.arange(24)

    def energy(numbers):
        trips = RoundTrips(numbers["trip"], numbers["angle"], numbers["loss"], numbers["drop"])
        through, dropped = trips.drive(numbers["d"] + 0.05 * jnp.sin(0.7 * t), 4)
        return jnp.stack([jnp.sum(out.real**2 + out.imag**2) for out in (through, dropped)])

    assert_gradient(energy, {"trip": 1.0, "angle": 0.5, "loss": 0.1, "drop": 0.3, "d": 0.02})
    grads = jax.grad(lambda a: jnp.abs(RoundTrips(1.0, a).drive(np.full(4, 0.1), 2)[0][-1]))(0.0)
    assert np.isfinite(grads)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RoundTrips(0.0, 0.1), "trip = 0 ps is outside"),
        (lambda: RoundTrips(1.0, 2.0), "input_angle = 2 rad is outside"),
        (lambda: RoundTrips(1.0, 0.2).drive(np.zeros(9), 3), "samples = 3"),
        (lambda: RoundTrips(1.0, 0.2).drive(np.zeros(9), 4.0), "samples = 4.0 is not of the kind int"),
        (lambda: RoundTrips(1, 0, 0).drive(np.zeros(8), 2), "without loss and without couplers has no steady state"),
        (lambda: RoundTrips(1, 0, 0).through([0.1, 0.0]), "without loss and without couplers has no steady state"),
        (lambda: RoundTrips(1.0, 0.2).drive(np.zeros(2), 4), r"detuning of shape \(2,\) with samples = 4"),
        (lambda: RoundTrips.of_ring(INDEX, 1.55), "is not of the kind AllPassRing"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
