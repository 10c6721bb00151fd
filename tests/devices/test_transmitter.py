import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    AddDropRing,
    Constraints,
    Free,
    LinearIndex,
    PointCoupler,
    RingBus,
    Waveguide,
    minimize,
    unstack,
)
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.units import SPEED_OF_LIGHT

INDEX = LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, thermo_optic=2.1e-4, thermo_optic_slope=2e-7, loss_db_cm=10.0)
LINES = wavelength_grid(1.31, 200.0, 4)


def transmitter(coupling: float = 0.08) -> RingTransmitter:
    rings = [
        AddDropRing(5.0 + 0.008 * k, PointCoupler.from_power(coupling), PointCoupler.from_power(0.02), INDEX)
        for k in range(4)
    ]
    detuning = np.array([0.0, 30e-6, 60e-6, 90e-6])
    return RingTransmitter(RingBus(rings, Waveguide(50.0, INDEX)), LINES, detuning, 80e-6, 0.15)


def test_grid_is_even_in_frequency():
    lines = wavelength_grid(1.31, 200.0, 8)
    np.testing.assert_allclose(np.diff(SPEED_OF_LIGHT / lines), -0.2, rtol=1e-9)
    np.testing.assert_allclose(np.mean(SPEED_OF_LIGHT / lines), SPEED_OF_LIGHT / 1.31, rtol=1e-12)
    with pytest.raises(ValueError, match="spacing_ghz = -1"):
        wavelength_grid(1.31, -1.0, 8)


@pytest.mark.parametrize("temperature", [300.0, 358.0])
def test_rings_are_locked_where_they_should_be(temperature):
    """With heaters on, each ring's through power has its minimum at its target; that is what the lock means."""
    tx = transmitter()
    path = tx.extra_path(temperature)
    for k, target in enumerate(LINES + np.asarray(tx.detuning)):
        wl = target + np.linspace(-50e-6, 50e-6, 2001)
        through = jnp.abs(tx.bus.ring_amplitudes(wl, temperature, path).through[k])
        assert abs(wl[int(jnp.argmin(through))] - target) <= 1e-6


def test_drive_moves_the_resonance_to_longer_wavelengths_by_its_shift():
    tx = transmitter()
    wl = LINES[2] + np.linspace(-0.3e-3, 0.4e-3, 7001)
    dips = [
        wl[int(jnp.argmin(jnp.abs(tx.bus.ring_amplitudes(wl, 300.0, tx.extra_path(300.0, state)).through[2])))]
        for state in (0.0, 1.0)
    ]
    np.testing.assert_allclose(dips[1] - dips[0], 80e-6, atol=0.3e-6)


def test_heater_power_falls_by_the_drift():
    """Warmer surroundings do the heater's work: the power falls by the channel shift over the efficiency."""
    tx = transmitter()
    cold, warm = tx.heater_power(300.0), tx.heater_power(320.0)
    np.testing.assert_allclose(cold - warm, 1e3 * tx.channel_shift(300.0, 320.0) / 0.15, rtol=2e-2)
    assert np.all((np.asarray(cold) >= 0) & (np.asarray(cold) * 0.15 < 1e3 * np.asarray(tx.bus.rings.fsr(1.31))))


@pytest.mark.slow
def test_channel_shift_is_the_integral_of_the_drift():
    tx = transmitter()
    middle = np.mean([tx.drift_pm_k(t) for t in np.linspace(300.0, 358.0, 59)], axis=0)
    np.testing.assert_allclose(tx.channel_shift(300.0, 358.0), 1e-6 * middle * 58.0, rtol=1e-2)


def test_levels_agree_with_the_spectrum():
    """State by state through the whole bus gives the same powers as the product of single rings."""
    tx = transmitter()
    levels = tx.levels(330.0)
    np.testing.assert_allclose(levels.one, tx.spectrum(LINES, 330.0, 1.0), rtol=1e-12)
    for k in range(4):
        driven = np.ones(4)
        driven[k] = 0.0
        np.testing.assert_allclose(levels.zero[k], tx.spectrum(LINES, 330.0, driven)[k], rtol=1e-12)


def test_crosstalk_bounds_every_pattern_of_the_others():
    tx = transmitter()
    levels = tx.levels()
    for k in range(4):
        powers = []
        for bits in range(16):
            driven = np.array([float(bits >> j & 1) for j in range(4)])
            driven[k] = 1.0
            powers.append(float(tx.spectrum(LINES, 300.0, driven)[k]))
        span = max(powers) - min(powers)
        assert span > 0
        np.testing.assert_allclose(levels.disturbance[k], span, rtol=0.05)


@pytest.mark.slow
def test_merits_have_gradients_equal_to_differences():
    tx = transmitter()

    def merit(tx: RingTransmitter) -> jax.Array:
        return jnp.sum(tx.penalty_db() + tx.heater_power() + tx.crosstalk_db() + tx.insertion_loss_db())

    gradient = jax.grad(merit)(tx)
    leaves, tree = jax.tree.flatten(tx)
    slopes = jax.tree.leaves(gradient)
    value = jax.jit(merit)
    for position, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True)):
        leaf = np.asarray(leaf, np.float64)
        assert np.all(np.isfinite(slope))
        direction = np.random.default_rng(position).standard_normal(leaf.shape)

        def moved(amount, position=position, leaf=leaf, direction=direction):
            changed = [*leaves[:position], leaf + amount * direction, *leaves[position + 1 :]]
            return float(value(jax.tree.unflatten(tree, changed)))

        expected = best_difference(moved, max(1e-3, float(np.max(np.abs(leaf)))))
        np.testing.assert_allclose(np.sum(slope * direction), expected, rtol=1e-6, atol=1e-5)


def best_difference(function, scale: float) -> float:
    """Richardson-extrapolated central difference at zero, of the step where two step sizes agree best."""

    def central(step: float) -> float:
        return (function(step) - function(-step)) / (2 * step)

    pairs = [(central(2 * step), central(step)) for step in scale * 10.0 ** np.arange(-7.5, -2.0, 0.5)]
    coarse, fine = min(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    return fine + (fine - coarse) / 3


@pytest.mark.slow
def test_a_transmitter_is_optimised_as_it_is():
    """Leaves of the device are free by `Free`: the radii bring the cold resonances to a wanted heater power."""
    tx = transmitter()
    start = np.asarray(tx.heater_power())
    wanted = start - np.array([4.0, 5.0, 6.0, 7.0])

    def miss(tx: RingTransmitter):
        return jnp.sum((tx.heater_power() - wanted) ** 2), {"most": jnp.max(tx.heater_power())}

    free = [
        Free(lambda tx: tx.bus.rings.radius, tx.bus.rings.radius - 0.02, tx.bus.rings.radius + 0.02),
        Free(lambda tx: tx.detuning, 0.0, 200e-6),
    ]
    limits = Constraints(lambda tx: {"detuning": tx.detuning - 50e-6})
    found = minimize(miss, tx, free=free, constraints=limits, optimizer="lbfgs", steps=60)
    assert isinstance(found.design, RingTransmitter) and found.is_feasible
    np.testing.assert_allclose(found.design.heater_power(), wanted, atol=1e-4)
    assert np.all(found.design.detuning <= 50.1e-6) and np.max(tx.detuning) > 80e-6
    # What is not free is what it was, to the bit.
    for where in (lambda tx: tx.lines, lambda tx: tx.bus.rings.input_coupler.angle, lambda tx: tx.bus.guide.length):
        np.testing.assert_array_equal(where(found.design), where(tx))
    assert {each.name for each in found.ends} == {".bus.rings.radius", ".detuning", "detuning"}


@pytest.mark.slow
def test_an_optimised_transmitter_pays_less_and_keeps_its_limits():
    tx = transmitter()
    free = [
        Free(lambda tx: tx.bus.rings.radius, 4.99, 5.04),
        Free(lambda tx: (tx.bus.rings.input_coupler.angle, tx.bus.rings.drop_coupler.angle), 0.05, 0.6, scale="log"),
        Free(lambda tx: tx.detuning, 0.0, 200e-6),
    ]

    def limits(tx: RingTransmitter):
        power = tx.heater_power()
        # Below nothing a heater would have to go on by a free spectral range.
        return {"extinction": 5.0 - tx.extinction_db(), "hot": power - 22.0, "cold": 1.0 - power}

    hot = Constraints(limits)
    found = minimize(lambda tx: (jnp.mean(tx.penalty_db()), {}), tx, free=free, constraints=hot, optimizer="lbfgs")
    assert found.is_feasible and found.value < float(jnp.mean(tx.penalty_db())) - 3.0
    assert np.all(found.design.extinction_db() > 4.99) and np.all(found.design.heater_power() < 22.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lines": LINES[:3]}, r"lines of shape \(3,\) does not match the 4 rings"),
        ({"detuning": np.full(4, -1e-6)}, "detuning = -1e-06 um"),
        ({"heater_efficiency": 0.0}, "heater_efficiency = 0 nm/mW"),
        ({"drive_shift": np.nan}, "drive_shift = nan"),
    ],
)
def test_bad_values_are_named(change, message):
    tx = transmitter()
    fields = {
        "bus": tx.bus,
        "lines": LINES,
        "detuning": tx.detuning,
        "drive_shift": 80e-6,
        "heater_efficiency": 0.15,
    }
    with pytest.raises(ValueError, match=message):
        RingTransmitter(**(fields | change))


def test_rings_that_are_on_their_lines_need_no_heat():
    """Rounding must not turn "nothing to do" into a whole free spectral range."""
    tx = transmitter()
    lines = np.array([float(ring.resonance(line)) for ring, line in zip(unstack(tx.bus.rings), LINES, strict=True)])
    locked = RingTransmitter(tx.bus, lines, np.zeros(4), 80e-6, 0.15)
    np.testing.assert_allclose(locked.heater_power(), 0.0, atol=1e-6)
    np.testing.assert_allclose(locked.extra_path(), 0.0, atol=1e-8)
