import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erfc

from photonics_core.devices.detector import Photodiode, Receiver
from photonics_core.devices.laser import CombLaser, LaserArray
from photonics_core.devices.link import WdmLink
from photonics_core.devices.polarization_receiver import PolarizationDiverseReceiver, PolarizationSplitter
from photonics_core.devices.wdm import RingReceiver
from photonics_core.error_correction import KP4
from photonics_core.power_budget import LOSSES, PENALTIES
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.link import DESIGN, cascade_powers, reference_link


class Found(NamedTuple):
    """All of a link that one compiled program gives."""

    signals: Any
    ratio: Any
    powers: Any
    losses: Any
    cascade: Any
    memory: Any


@eqx.filter_jit
def everything(link: WdmLink, temperature: Any) -> Found:
    signals = link.received(temperature)
    powers, losses = link.channel_powers(temperature), link.losses_db(temperature)
    cascade = cascade_powers(link.on_lines(), temperature)
    return Found(signals, signals.log10_error_ratio(), powers, losses, cascade, link.memory(temperature))


budget = eqx.filter_jit(lambda link, t: link.budget(t))
lock_budget = eqx.filter_jit(lambda link, t: link.lock_budget_pm(t))


@pytest.fixture(scope="module")
def link():
    return reference_link(3)


def test_rates_count_levels_and_the_code(link):
    assert (link.count, link.bits) == (3, 1)
    np.testing.assert_allclose(link.data_rate_gbps, 96.0)
    coded = dataclasses.replace(link, levels=4, code=KP4)
    np.testing.assert_allclose(coded.line_rate_gbps, 64.0)
    np.testing.assert_allclose(coded.data_rate_gbps, 3 * 64.0 * 514 / 544)
    assert coded.required_log10_ratio() > -4.5 > link.required_log10_ratio()


def test_one_line_by_the_textbook():
    """One channel without memory: currents by hand, and the best threshold of two Gaussian levels by a scan."""
    link = reference_link(1, (5.0, 0.2, 0.15, 0.15), is_equalised=True)
    found = everything(link, 310.0)
    signals, ratio = found.signals, found.ratio
    top = 0.15 * 10.0 ** (-0.1 * float(sum(each[0] for each in found.losses.values())))
    np.testing.assert_allclose(signals.levels[0, 1], 0.9 * top + 1e-5, rtol=1e-12)
    np.testing.assert_array_equal(signals.disturbances, 0.0)
    low, high = np.asarray(signals.levels[0])
    t = np.linspace(low, high, 200_001)
    errors = erfc((t - low) / signals.noise[0, 0] / 2**0.5) + erfc((high - t) / signals.noise[0, 1] / 2**0.5)
    np.testing.assert_allclose(ratio[0], np.log10(0.25 * np.min(errors)), rtol=1e-8)


def test_losses_are_those_of_the_scattering_matrices(link):
    longer = dataclasses.replace(link, length_m=500.0)
    found = everything(longer, 330.0)
    assert set(found.losses) == set(LOSSES)
    np.testing.assert_allclose(10.0 ** (-0.1 * sum(found.losses.values())), found.cascade, rtol=1e-12)
    np.testing.assert_allclose(found.losses["fibre"], 0.2, rtol=1e-12)
    assert all(np.all(np.asarray(each) >= -1e-12) for each in found.losses.values())


@pytest.mark.slow
def test_currents_add_what_each_ring_does(link):
    """Means of all that arrives: own levels, memory and disturbances are the light, the dark current and no more."""
    signals, _, powers, *_ = everything(link, 300.0)
    mean = jnp.mean(signals.levels, axis=-1) + jnp.sum(jnp.mean(signals.disturbances, axis=-1), axis=-1)
    light = jnp.mean(powers.own, axis=-1) + jnp.sum(jnp.mean(powers.disturbances, axis=-1), axis=-1)
    np.testing.assert_allclose(mean, 0.9 * light + 1e-5, rtol=1e-12)
    np.testing.assert_allclose(np.diagonal(powers.leaked), 0.0)


def test_memory_is_that_of_the_slowest_part(link):
    """One pole alone: the lifetime of photons in the modulators, with everything else fast."""
    fast = Receiver(Photodiode(0.9, bandwidth=10.0), 15.0, 1e3)
    found = everything(dataclasses.replace(link, detector=fast), 300.0).memory
    lines = np.asarray(link.transmitter.lines)
    lifetime = np.asarray(link.transmitter.q_loaded(300.0)) * lines / (2.0 * np.pi * SPEED_OF_LIGHT)

    def delay(ring, line, path):
        # Of a drop on resonance, r its round trip: half a round trip and r / (1 - r) whole ones.
        kept = [jnp.cos(each.coupling_angle(line)) for each in ring.couplers]
        r = jnp.exp(-ring.round_trip_loss(line)) * jnp.prod(jnp.stack(kept))
        return (ring.round_trip_time(line) + path / SPEED_OF_LIGHT) * (0.5 + r / (1.0 - r))

    delays = jax.vmap(delay)(link.receiver.bus.rings, jnp.asarray(lines), link.receiver.extra_path(300.0))
    poles = 2.0 * np.pi * np.hypot(lifetime, delays)
    np.testing.assert_allclose(np.log(found), -2e3 * np.pi / poles / 32.0, rtol=2e-4)
    np.testing.assert_array_equal(dataclasses.replace(link, is_equalised=True).memory(300.0), 0.0)
    slower = dataclasses.replace(link, modulator_bandwidth=0.02).memory(300.0)
    assert np.all(np.asarray(slower) > np.asarray(everything(link, 300.0).memory))


def test_more_light_errs_less_and_memory_errs_more(link):
    weak, strong = (dataclasses.replace(link, laser=LaserArray(link.transmitter.lines, power)) for power in (0.1, 0.2))
    first, second = everything(weak, 300.0), everything(strong, 300.0)
    assert np.all(np.asarray(second.ratio) < np.asarray(first.ratio))
    kept = first.signals._replace(disturbances=first.signals.disturbances * (1.0 - jnp.eye(3))[..., None])
    assert np.all(np.asarray(kept.log10_error_ratio()) < np.asarray(first.ratio))


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 4])
def test_budget_closes_and_its_margin_is_the_power_to_spare(levels):
    """Also: intensity noise so strong that no power is enough stands at the bound of what is looked for."""
    link = reference_link(2, levels=levels, code=None if levels == 2 else KP4)
    rows = budget(link, 320.0)
    spent = sum(np.asarray(each) for name, each in rows.items() if name != "laser")
    np.testing.assert_allclose(rows["laser"], spent, atol=1e-10)
    weaker = 10.0 ** (-0.1 * np.asarray(rows["margin"])[0])
    found = everything(dataclasses.replace(link, laser=LaserArray(link.transmitter.lines, weaker)), 320.0).ratio
    np.testing.assert_allclose(found[0], link.required_log10_ratio(), atol=1e-7)
    assert all(np.all(np.asarray(rows[name]) > 0.0) for name in ("extinction", "rin", "intersymbol"))
    noisy = budget(dataclasses.replace(link, laser=LaserArray(link.transmitter.lines, 1.0, rin_db_hz=-100.0)), 320.0)
    np.testing.assert_array_equal(noisy["margin"], -40.0)
    assert np.all(np.isfinite(np.asarray(noisy["rin"])))


@pytest.mark.slow
def test_lock_budget_is_where_the_ratio_is_the_target():
    """And a link that errs too much without any error of its rings bears none."""
    weak = dataclasses.replace(reference_link(2), log10_target=-9.0)
    found = lock_budget(weak, 310.0)
    assert np.all((np.asarray(found) > 5.0) & (np.asarray(found) < 200.0))
    tx = weak.transmitter
    moved = dataclasses.replace(tx, detuning=tx.detuning + 1e-6 * np.asarray(found)[0])
    np.testing.assert_allclose(
        everything(dataclasses.replace(weak, transmitter=moved), 310.0).ratio[0], -9.0, atol=1e-6
    )
    hopeless = dataclasses.replace(weak, laser=LaserArray(tx.lines, 1e-3))
    np.testing.assert_array_equal(lock_budget(hopeless, 310.0), 0.0)


@pytest.mark.slow
def test_lock_budget_has_the_gradient_of_the_implicit_function():
    def budget(line):
        return reference_link(2, (5.0, 0.2, line, 0.15)).lock_budget_pm(310.0, part="filter", sign=-1)[1]

    value = jax.jit(budget)
    exact = jax.jit(jax.grad(budget))(0.6)
    np.testing.assert_allclose(exact, (value(0.6 + 1e-5) - value(0.6 - 1e-5)) / 2e-5, rtol=1e-5)
    assert exact > 0.0


def test_rings_follow_the_lines_of_warm_lasers(link):
    """A laser 10 K warmer moves its lines by 1 nm; the heaters follow and the error ratio is nearly the same."""
    warm = dataclasses.replace(link, laser_temperature=310.0)
    assert np.all(
        np.abs(np.asarray(warm.on_lines().transmitter.lines) - np.asarray(link.transmitter.lines) - 1e-3) < 1e-9
    )
    moved = LaserArray(np.asarray(link.laser.wavelengths(310.0)), link.laser.power)
    held = dataclasses.replace(warm.on_lines(), laser=moved, laser_temperature=None)
    cold, found = (np.asarray(everything(one, 300.0).ratio) for one in (link, held))
    np.testing.assert_allclose(found, cold, rtol=0.02)


def test_any_polarisation_costs_what_the_receiver_loses():
    plain = reference_link(2)
    assert isinstance(plain.receiver, RingReceiver)
    splitter = PolarizationSplitter(te_loss_db=0.5, tm_loss_db=1.5)
    diverse = PolarizationDiverseReceiver(plain.receiver, splitter, azimuth=np.pi / 2, layout="separate")
    losses = dataclasses.replace(plain, receiver=diverse).losses_db(300.0)
    np.testing.assert_allclose(losses["polarisation"], 1.0, atol=1e-9)
    np.testing.assert_allclose(losses["filter"], plain.losses_db(300.0)["filter"] + 0.5, atol=1e-9)


def test_a_comb_feeds_the_link(link):
    comb = CombLaser(1.31, 200.0, 3.0, [0.0, 0.0, 0.0])
    fed = dataclasses.replace(link, laser=comb)
    np.testing.assert_allclose(fed.line_powers(), 10**-0.15, rtol=1e-9)


@pytest.mark.slow
def test_single_precision_agrees(float32):
    del float32
    with jax.numpy_dtype_promotion("standard"):
        signals, single, *_ = everything(reference_link(2), 310.0)
    assert single.dtype == jnp.float32
    with jax.enable_x64(True):
        exact, double, *_ = everything(reference_link(2), 310.0)
    np.testing.assert_allclose(signals.levels, exact.levels, rtol=3e-3)
    np.testing.assert_allclose(single, double, rtol=1e-2)


def test_what_does_not_fit_is_said(link):
    with pytest.raises(ValueError, match="receiver of 2 lines does not match the 3 rings"):
        dataclasses.replace(link, receiver=reference_link(2).receiver)
    with pytest.raises(ValueError, match="symbol_rate_gbd = -1"):
        dataclasses.replace(link, symbol_rate_gbd=-1.0)
    with pytest.raises(ValueError, match="levels = 3 is not one of"):
        dataclasses.replace(link, levels=3)
    with pytest.raises(ValueError, match="laser = .* is not of the kind LaserArray or CombLaser"):
        dataclasses.replace(link, laser=1.0)
    with pytest.raises(ValueError, match="input_joint_db of shape"):
        dataclasses.replace(link, input_joint_db=[1.0, 2.0])
    pairs = {"symbol_rate_gbd": 30.0, "log10_target": -12.0, "length_m": 30.0, "laser_temperature": 300.0}
    for name, value in pairs.items():
        with pytest.raises(ValueError, match=rf"{name} of shape \(2,\) is not one number"):
            dataclasses.replace(link, **{name: np.full(2, value)})
    with pytest.raises(ValueError, match="part = 'laser'"):
        link.lock_budget_pm(part="laser")
    assert isinstance(link, WdmLink) and len(DESIGN) == 4


def test_lasers_on_other_lines_are_not_taken_for_those_of_the_rings(link):
    """A grid of another middle, or the lines in the opposite order; held on the lasers' own lines both are good."""
    for lines in (np.asarray(link.laser.lines) + 0.02, np.asarray(link.laser.lines)[::-1]):
        other = dataclasses.replace(link.laser, lines=lines)
        with pytest.raises(ValueError, match="laser with line 0 at .* does not match that of the transmitter"):
            dataclasses.replace(link, laser=other)
        followed = dataclasses.replace(link, laser=other, laser_temperature=other.temperature0)
        np.testing.assert_allclose(followed.on_lines().transmitter.lines, lines, rtol=1e-12)


def test_budget_has_every_cause_and_no_other(link):
    found = jax.eval_shape(lambda: link.budget(310.0))
    assert set(found) == {"laser", *LOSSES, *PENALTIES, "sensitivity", "margin"}
