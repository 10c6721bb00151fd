import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, LinearIndex, PointCoupler, RingBus, RingTransmitter, Waveguide, wavelength_grid
from photonics_core.devices import wdm
from photonics_core.devices.coupler import DirectionalCoupler
from photonics_core.scattering import power

WL0, N_EFF, N_G, THERMO_OPTIC, LOSS_DB_CM = 1.31, 2.44, 4.48, 2.1e-4, 10.0
INDEX = LinearIndex(N_EFF, N_G, wl0=WL0, thermo_optic=THERMO_OPTIC, loss_db_cm=LOSS_DB_CM)
LINES = wavelength_grid(WL0, 200.0, 4)
LENGTHS = 2 * np.pi * (5.0 + 0.008 * np.arange(4))
DETUNING, SHIFT, LINK = 60e-6, 150e-6, 50.0
MODULATOR, FILTER = (0.08, 0.02), (0.06, 0.06)


def bus(couplings, index=INDEX, radii=LENGTHS / (2 * np.pi)):
    one, other = (PointCoupler.from_power(each) for each in couplings)
    return RingBus([AddDropRing(radius, one, other, index) for radius in radii], Waveguide(LINK, index))


def chain():
    transmitter = RingTransmitter(bus(MODULATOR), LINES, np.full(4, DETUNING), SHIFT, 0.15)
    return transmitter, wdm.RingReceiver(bus(FILTER), LINES)


@eqx.filter_jit
def everything(transmitter, receiver, temperature, levels):
    """The additive form, and both forms for all patterns."""
    powers = wdm.channel_powers(transmitter, receiver, temperature, levels=levels)
    symbols = wdm.all_symbols(transmitter.bus.count, levels)
    exact = wdm.detector_powers(transmitter, receiver, symbols, temperature, levels=levels)
    return powers, exact, wdm.additive_powers(powers, symbols)


def slow_amplitudes(wl, target, length, couplings, temperature, shift=0.0):
    """Through and drop of a ring that a heater holds at `target` and a drive moves by `shift`, by the closed form."""
    index = N_EFF + (N_EFF - N_G) * (target - WL0) / WL0 + THERMO_OPTIC * (temperature - 300.0)
    turns = index * length / target
    heater = (np.ceil(turns) - turns) * target
    n_g = N_G + THERMO_OPTIC * (temperature - 300.0)
    drive = shift * n_g * length / target
    # n_eff of a constant group index is linear in the wavelength.
    here = N_EFF + (N_EFF - N_G) * (wl - WL0) / WL0 + THERMO_OPTIC * (temperature - 300.0)
    phase = 2 * np.pi * (here * length + heater + drive) / wl
    t_in, t_drop = (np.sqrt(1 - each) for each in couplings)
    wave = 10 ** (-LOSS_DB_CM * 1e-4 * length / 20) * np.exp(1j * phase)
    through = (t_in - t_drop * wave) / (1 - t_in * t_drop * wave)
    drop = -np.sqrt(couplings[0] * couplings[1] * wave) / (1 - t_in * t_drop * wave)
    return through, drop


def slow_detectors(bits, temperature):
    """Power at each detector, line by line and ring by ring."""
    link = 10 ** (-LOSS_DB_CM * 1e-4 * LINK / 10)
    found = np.zeros(4)
    for line in LINES:
        left = 1.0
        for j in range(4):
            at = line, LINES[j] + DETUNING, LENGTHS[j], MODULATOR, temperature, bits[j] * SHIFT
            left *= abs(slow_amplitudes(*at)[0]) ** 2 * (link if j else 1.0)
        for i in range(4):
            through, drop = slow_amplitudes(line, LINES[i], LENGTHS[i], FILTER, temperature)
            left *= link if i else 1.0
            found[i] += left * abs(drop) ** 2
            left *= abs(through) ** 2
    return found


def test_all_patterns_agree_with_a_walk_along_both_buses():
    powers, exact, additive = everything(*chain(), 330.0, 2)
    for symbols, found in zip(wdm.all_symbols(4), exact, strict=True):
        np.testing.assert_allclose(found, slow_detectors(symbols, 330.0), rtol=1e-9)
    assert np.all(powers.own[:, 1] > 1.5 * powers.own[:, 0])
    assert additive.shape == exact.shape == (16, 4)


@pytest.mark.parametrize("levels", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_the_additive_form_is_the_main_effects_of_all_patterns(levels):
    """Its mean is exact, with any one ring's state given; what it lacks is a small part of what it has."""
    powers, exact, additive = everything(*chain(), 330.0, levels)
    symbols = wdm.all_symbols(4, levels)
    crosstalk = np.sum(powers.crosstalk, axis=1)
    # Beside line i with its ring i, other rings on other lines and ring i on other lines are products of two spans.
    worst = np.max(np.abs(exact - additive) / np.asarray(powers.amplitude), axis=0)
    assert np.all(worst < 0.2 * crosstalk) and 5e-4 < np.max(worst) < 1.5e-3 and np.max(crosstalk) > 0.02
    for ring in range(4):
        for state in range(levels):
            given = symbols[:, ring] == state
            difference = np.mean(exact[given] - additive[given], axis=0)
            others = np.arange(4) != ring
            # Of the own ring, its effect on the light of others that leaks is left out.
            np.testing.assert_allclose(difference[~others], 0.0, atol=1e-3 * float(powers.amplitude[ring]))
            np.testing.assert_allclose(difference[others], 0.0, atol=2e-4)
    np.testing.assert_allclose(np.mean(exact, axis=0), np.mean(additive, axis=0), rtol=1e-12)
    for part in (powers.leaked, powers.intermodulated):
        assert part.shape == (4, 4, levels) and not np.any(np.diagonal(part))
    np.testing.assert_allclose(np.sum(powers.intermodulated, axis=-1), 0.0, atol=1e-15)


def test_rings_and_guides_keep_all_power():
    """What each ring absorbs follows from the field inside it, which `drop_powers` does not know of."""
    wl = np.linspace(1.300, 1.320, 201)
    for index, loss in ((LinearIndex(N_EFF, N_G, wl0=WL0), 0.0), (INDEX, LOSS_DB_CM)):
        receiver = wdm.RingReceiver(bus(FILTER, index), LINES)
        dropped, passed = receiver.drop_powers(300.0, wl), receiver.through_powers(300.0, wl)
        t_in, t_drop = (np.sqrt(1 - each) for each in FILTER)
        link = 10 ** (-loss * 1e-4 * LINK / 10)
        arriving, lost = np.ones(201), np.zeros(201)
        for i in range(4):
            if i:
                lost, arriving = lost + (1 - link) * arriving, link * arriving
            through, drop = slow_amplitudes(wl, LINES[i], LENGTHS[i], FILTER, 300.0)
            a = 10 ** (-LOSS_DB_CM * 1e-4 * LENGTHS[i] / 20)
            if loss:
                # Behind the input coupler the power inside is |drop|^2 over what the drop coupler lets out of it.
                inside = np.abs(drop) ** 2 / (a * FILTER[1]) * arriving
                lost = lost + inside * (1 - a) * (1 + a * t_drop**2)
                arriving = arriving * np.abs(through) ** 2
        total = np.sum(dropped, axis=0) + passed + lost
        np.testing.assert_allclose(total, 1.0, atol=1e-9)
        assert not loss or np.max(lost) > 0.1
        assert t_in < 1.0


def symmetric_receiver():
    """Equal rings whose indices put them on an even grid of frequencies without any heat."""
    orders = np.round(N_EFF * LENGTHS[0] / LINES)
    n_eff = WL0 * (orders / LENGTHS[0] - N_G / LINES) + N_G
    index = [LinearIndex(each, N_G, wl0=WL0, loss_db_cm=LOSS_DB_CM) for each in n_eff]
    one, other = (PointCoupler.from_power(each) for each in FILTER)
    rings = [AddDropRing(LENGTHS[0] / (2 * np.pi), one, other, each) for each in index]
    return wdm.RingReceiver(RingBus(rings, Waveguide(LINK, INDEX)), LINES)


def test_equal_rings_on_an_even_grid_disturb_each_other_alike():
    """One by one by symmetry of the resonance, and on the bus once the order of rings and lines is turned round."""
    receiver = symmetric_receiver()
    np.testing.assert_allclose(receiver.heater_power(), 0.0, atol=1e-5)
    alone = power(receiver.bus.ring_amplitudes(LINES, 300.0, receiver.extra_path()).drop)
    np.testing.assert_allclose(alone, alone.T, rtol=1e-7)
    there, back = receiver.drop_powers(), receiver.drop_powers(backwards=True)
    np.testing.assert_allclose(there, back[::-1, ::-1], rtol=1e-7)
    # Behind its own ring little of a line is left: the order of the rings breaks the symmetry of the matrix.
    assert np.all(np.triu(there - 0.99 * there.T, 1) >= 0.0) and there[0, 1] > 10 * there[1, 0]


def drawn_chain(changes):
    """Three channels by [d radius, d gap, d detuning, temperature], as drawn couplers have it."""
    lines = wavelength_grid(WL0, 200.0, 3)

    def ring(k, gaps):
        couplers = [DirectionalCoupler(gap + changes[1], 0.0, 0.1, 0.05, bend_length=3.0, wl0=WL0) for gap in gaps]
        return AddDropRing(5.0 + 0.008 * k + changes[0], *couplers, INDEX)  # pyright: ignore[reportCallIssue]

    buses = [RingBus([ring(k, gaps) for k in range(3)], Waveguide(LINK, INDEX)) for gaps in ((0.1, 0.15), (0.11, 0.11))]
    transmitter = RingTransmitter(buses[0], lines, DETUNING + changes[2] + jnp.zeros(3), SHIFT, 0.15)
    return transmitter, wdm.RingReceiver(buses[1], lines, 0.3 * changes[2] + 1e-5)


@pytest.mark.parametrize("levels", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_gradients_by_radius_gap_detuning_and_temperature(levels):
    """Of a mixture of own powers and of crosstalk, against extrapolated central differences."""
    weights = np.random.default_rng(1).standard_normal((2, 3, 3, levels))

    def merits(changes):
        powers = wdm.channel_powers(*drawn_chain(changes), changes[3], levels=levels)
        added = jnp.sum(weights[1] * powers.leaked) + 10.0 * jnp.sum(weights[0] * powers.intermodulated)
        return jnp.stack([jnp.sum(weights[0, 0] * powers.own), added])

    start = jnp.array([0.0, 0.0, 0.0, 318.0])
    slopes = jax.jit(jax.jacrev(merits))(start)
    value = jax.jit(jax.vmap(merits))
    for k, scale in enumerate((2e-4, 1e-3, 3e-6, 0.1)):
        steps = scale * np.array([-1.0, 1.0, -0.5, 0.5, -0.25, 0.25])
        at = value(start[None] + jnp.asarray(np.outer(steps, np.eye(4)[k])))
        coarse, middle, fine = ((at[2 * n + 1] - at[2 * n]) / (2 * steps[2 * n + 1]) for n in range(3))
        first, second = middle + (middle - coarse) / 3, fine + (fine - middle) / 3
        expected = second + (second - first) / 15
        size = np.max(np.abs(slopes[:, k]))
        assert size > 0.0
        np.testing.assert_allclose(slopes[:, k], expected, rtol=1e-6, atol=1e-6 * size)


@pytest.mark.parametrize("levels", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_single_precision_agrees(float32, levels):
    """As arguments of a compiled function, so that no number stays on the host in float64."""
    del float32
    with jax.numpy_dtype_promotion("standard"):
        single = everything(*chain(), np.float32(330.0), levels)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(single))
    with jax.enable_x64(True):
        double = everything(*chain(), 330.0, levels)
    np.testing.assert_allclose(single[0].own, double[0].own, rtol=1e-3)
    for part, exact in zip(jax.tree.leaves(single), jax.tree.leaves(double), strict=True):
        np.testing.assert_allclose(part, exact, rtol=1e-3, atol=2e-6)


def test_sixteen_channels_over_temperatures_in_one_program():
    lines = wavelength_grid(WL0, 100.0, 16)
    radii = 5.0 + 0.004 * np.arange(16)
    transmitter = RingTransmitter(bus(MODULATOR, radii=radii), lines, np.full(16, DETUNING), SHIFT, 0.15)
    receiver = wdm.RingReceiver(bus(FILTER, radii=radii), lines)
    temperatures = jnp.linspace(300.0, 360.0, 64)

    @jax.jit
    def over(temperatures):
        return jax.vmap(lambda t: wdm.channel_powers(transmitter, receiver, t))(temperatures)

    powers = over(temperatures)
    assert powers.own.shape == (64, 16, 2) and powers.leaked.shape == (64, 16, 16, 2)
    assert np.all(powers.amplitude > 0.1) and np.all(np.isfinite(powers.crosstalk))
    # Locked rings are the same at all temperatures, but for the group index and what a heater adds to the path.
    assert 0.0 < np.ptp(powers.own, axis=0).max() < 0.05


@pytest.mark.slow
def test_crosstalk_without_a_drive():
    """Nothing disturbs where no ring is driven; any disturbance is too much for a channel without a drive."""
    transmitter, receiver = chain()
    powers = wdm.channel_powers(dataclasses.replace(transmitter, drive_shift=0.0), receiver)
    np.testing.assert_array_equal(powers.crosstalk, np.zeros((4, 4)))
    slope = jax.grad(lambda own: jnp.sum(powers._replace(own=own).crosstalk))(powers.own)
    assert np.all(np.isfinite(slope))
    driven = wdm.channel_powers(transmitter, receiver)
    still = driven._replace(own=driven.own.at[1].set(0.5)).crosstalk
    assert np.all(np.isposinf(np.delete(still[1], 1))) and still[1, 1] == 0.0
    np.testing.assert_array_equal(np.delete(still, 1, axis=0), np.delete(driven.crosstalk, 1, axis=0))


def test_line_powers_weigh_own_and_leaked_light():
    transmitter, receiver = chain()
    symbols = np.array([[1, 0, 1, 1], [0, 0, 0, 1]])
    at = jax.jit(lambda line_powers: wdm.detector_powers(transmitter, receiver, symbols, line_powers=line_powers))
    each = jax.vmap(at)(jnp.eye(4))
    weights = np.array([0.5, 2.0, 1.0, 1.5])
    np.testing.assert_allclose(at(jnp.asarray(weights)), np.einsum("j,jsi->si", weights, each), rtol=1e-12)
    # Of line j detector j gets most.
    assert np.all(np.argmax(each, axis=2) == np.arange(4)[:, None])


def test_a_detuned_or_colder_receiver_loses_own_power():
    transmitter, receiver = chain()
    own = wdm.channel_powers(transmitter, receiver).own
    detuned = wdm.RingReceiver(receiver.bus, LINES, 50e-6)
    assert np.all(wdm.channel_powers(transmitter, detuned).own < own)
    elsewhere = wdm.channel_powers(transmitter, receiver, receiver_temperature=340.0).own
    np.testing.assert_allclose(elsewhere, own, rtol=1e-2)
    np.testing.assert_allclose(
        receiver.heater_power(), RingTransmitter.heater_power(_as_transmitter(receiver)), rtol=1e-9
    )


def _as_transmitter(receiver):
    return RingTransmitter(receiver.bus, LINES, np.zeros(4), SHIFT, 0.15)


def test_no_drive_is_no_signal_and_no_disturbance():
    """And its gradient is finite, where the drive of a level is not defined."""
    transmitter, receiver = chain()

    @jax.jit
    def own(shift):
        still = eqx.tree_at(lambda tx: tx.drive_shift, transmitter, shift)
        return wdm.channel_powers(still, receiver, levels=4)

    powers = own(0.0)
    np.testing.assert_allclose(powers.amplitude, 0.0, atol=1e-15)
    np.testing.assert_allclose(powers.intermodulated, 0.0, atol=1e-15)
    slope = jax.jvp(own, (0.0,), (1.0,))[1]
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tx, rx: wdm.RingReceiver(rx.bus, LINES[:3]), r"lines of shape \(3,\) does not match the 4 rings"),
        (lambda tx, rx: wdm.RingReceiver(rx.bus, LINES, np.zeros(3)), r"detuning of shape \(3,\)"),
        (lambda tx, rx: wdm.RingReceiver(rx.bus, LINES, 0.2), "detuning = 0.2 um"),
        (lambda tx, rx: wdm.RingReceiver(rx, LINES), "is not of the kind RingBus or CoupledRingBus"),
        (lambda tx, rx: wdm.channel_powers(tx, rx, levels=3), "levels = 3"),
        (
            lambda tx, rx: wdm.channel_powers(rx, rx),
            "(?s)transmitter = RingReceiver.* is not of the kind RingTransmitter",
        ),
        (lambda tx, rx: wdm.detector_powers(tx, rx, np.zeros((2, 3), int)), r"symbols of shape \(2, 3\)"),
        (lambda tx, rx: wdm.detector_powers(tx, rx, np.zeros(4, int), line_powers=-1.0), "line_powers = -1"),
        (lambda tx, rx: wdm.detector_powers(tx, rx, np.zeros(4, int), line_powers=np.ones(3)), "line_powers of shape"),
        (lambda tx, rx: wdm.detector_powers(tx, rx, np.full((2, 4), 2)), "symbols = 2 is outside"),
        (lambda tx, rx: wdm.all_symbols(30), "count = 30"),
        (lambda tx, rx: rx.drop_powers(300.0, -LINES), "lines = -1.3"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*chain())
