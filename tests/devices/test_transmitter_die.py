"""Dies of a transmitter: as the transmitter itself, the cheapest shift, limits of the heaters, draws that add up."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    Limit,
    RingBus,
    Spec,
    TransmitterDie,
    die_grid,
    die_sampler,
    draw_dies,
    estimate_yield,
    silicon_process,
)
from photonics_core.devices.transmitter_die import CHUNK
from photonics_core.validation.transmitter_dies import changed, reference_transmitter

SLOPES = {"width": 0.93, "thickness": 1.02}
DEVIATION = 2e-3 * np.random.default_rng(1).standard_normal((5, 4))
FIGURES = eqx.filter_jit(lambda model, width: model.metrics({"width": width}))


@pytest.fixture(scope="module")
def transmitter():
    return reference_transmitter(4)


def model_of(transmitter, **more):
    return TransmitterDie.of(transmitter, SLOPES, **more)


@eqx.filter_jit
def figures(one):
    return one.insertion_loss_db(), one.extinction_db(), one.penalty_db(), one.crosstalk_db(), one.heater_power()


def test_a_die_is_the_transmitter_of_its_rings(transmitter):
    model = model_of(transmitter, barrel=False)
    for deviation in DEVIATION:
        found, exact = FIGURES(model, deviation), figures(changed(transmitter, 0.93 * deviation))
        np.testing.assert_allclose(np.stack(found[:5]), np.stack(exact), rtol=1e-9, atol=1e-9)


def test_the_barrel_shift_is_the_cheapest_of_all(transmitter):
    """Against transmitters whose rings stand on the bus in every cyclic order."""
    model = model_of(transmitter)
    target = np.asarray(transmitter.lines + transmitter.detuning)
    for deviation in DEVIATION:
        found = FIGURES(model, deviation)
        moved = changed(transmitter, 0.93 * deviation)
        powers = []
        for m in range(4):
            to = (np.arange(4) + m) % 4
            turned = dataclasses.replace(moved, lines=target[to], detuning=np.zeros(4))
            powers.append(np.asarray(figures(turned)[4]))
        totals = np.asarray([each.sum() for each in powers])
        # Several shifts need the same, but for how spectral ranges differ: then the hottest heater decides.
        alike = np.flatnonzero(totals <= 1.001 * totals.min())
        best = alike[np.argmin([powers[m].max() for m in alike])]
        assert int(found.shift) == best
        np.testing.assert_allclose(found.heater_power, powers[best], rtol=1e-8)
        assert found.total_power == pytest.approx(totals[best], rel=1e-9)


def test_a_shift_within_the_range_goes_before_a_cheaper_one(transmitter):
    free = FIGURES(model_of(transmitter), DEVIATION[0])
    most = np.full(4, 1e3)
    most[2] = float(free.heater_power[2]) - 0.1
    bound = FIGURES(model_of(transmitter, most_power=most), DEVIATION[0])
    assert bound.is_locked and bound.shift != free.shift and np.all(np.asarray(bound.heater_power) <= most)
    assert bound.total_power > free.total_power - 1e-9
    assert FIGURES(model_of(transmitter, most_power=1e-3), DEVIATION[0]).is_locked == 0.0


def test_heaters_that_warm_their_neighbours(transmitter):
    """Powers are those of the inverse; their sum falls, as neighbours help."""
    crosstalk = np.eye(4) + 0.05 * (np.abs(np.subtract.outer(np.arange(4), np.arange(4))) == 1)
    alone, warmed = (
        FIGURES(model_of(transmitter, barrel=False, heater_crosstalk=c), DEVIATION[1]) for c in (None, crosstalk)
    )
    np.testing.assert_allclose(crosstalk @ np.asarray(warmed.heater_power), alone.heater_power, rtol=1e-9)
    assert warmed.total_power < alone.total_power
    # The optics do not know where the heat is from.
    np.testing.assert_allclose(warmed.extinction_db, alone.extinction_db, rtol=1e-12)


def test_couplings_change_by_their_slope(transmitter):
    model = model_of(transmitter, barrel=False, angle_slopes={"width": 20.0})
    found = FIGURES(model, np.full(4, 3e-3))
    moved = changed(transmitter, np.full(4, 0.93 * 3e-3))
    rings = moved.bus.rings
    wider = [
        dataclasses.replace(c, angle=np.asarray(c.angle) * np.exp(0.06))  # pyright: ignore[reportAttributeAccessIssue]
        for c in (rings.input_coupler, rings.drop_coupler)
    ]
    rings = dataclasses.replace(rings, input_coupler=wider[0], drop_coupler=wider[1])
    exact = figures(dataclasses.replace(moved, bus=RingBus(rings, moved.bus.guide)))
    np.testing.assert_allclose(np.stack(found[:5]), np.stack(exact), rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_derivatives_are_those_of_differences(transmitter, assert_gradient):
    """Where no ring changes its resonance and the shift stays."""
    model = model_of(transmitter, angle_slopes={"width": 5.0})

    def value(width):
        found = model.metrics({"width": width})
        return jnp.stack([found.total_power, jnp.sum(found.extinction_db), jnp.max(found.insertion_loss_db)])

    assert_gradient(value, jnp.asarray(1e-2 * DEVIATION[2]), rtol=1e-5)
    assert np.all(np.isfinite(jax.jacrev(value)(jnp.zeros(4))))


def sampler_of(**process):
    places = np.stack([60.0 * np.arange(4), np.zeros(4)], axis=1)
    return die_sampler(silicon_process(0.35, **process), die_grid(60e3, (5e3, 5e3)), places, 31.4)


@pytest.mark.slow
def test_draws_do_not_depend_on_their_division(transmitter):
    model, sampler, key = model_of(transmitter), sampler_of(), jax.random.key(2)
    whole = draw_dies(model, sampler, key, np.arange(96))
    parts = [draw_dies(model, sampler, key, np.arange(k, k + 32)) for k in (0, 32, 64)]
    for a, b in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_allclose(a, np.concatenate(b), rtol=1e-13, atol=1e-13)
    for a, b in zip(whole, draw_dies(model, sampler, key, [95]), strict=True):
        np.testing.assert_allclose(a[95:], b, rtol=1e-13, atol=1e-13)
    # What is drawn is the same to the last bit; what follows is rounded by programs for other sizes of batches.
    drawn = jax.vmap(lambda number: sampler.normals(key, number))(jnp.arange(96))
    np.testing.assert_array_equal(drawn[95], sampler.normals(key, 95))
    assert CHUNK > 96


def test_dies_have_a_yield(transmitter):
    """Power spreads over one spectral range: rings anywhere in it, so that a limit in the middle passes about half."""
    dies = draw_dies(model_of(transmitter), sampler_of(), jax.random.key(3), np.arange(2000))
    assert np.all(dies.is_locked == 1.0) and np.all(np.asarray(dies.heater_power) >= 0.0)
    spec = Spec([Limit("total_power", upper=float(np.median(dies.total_power))), Limit("is_locked", lower=1.0)])
    assert estimate_yield(spec.judge(dies._asdict()).dies).value == pytest.approx(0.5, abs=1e-3)
    assert np.unique(dies.shift).size == 4


@pytest.mark.slow
def test_single_precision_keeps_powers_and_decibels(transmitter, float32):
    """Against float64 by hand of the same numbers: to 1e-4 of the power and 1e-3 dB."""
    model = model_of(reference_transmitter(4), barrel=False)
    found = FIGURES(model, DEVIATION[3].astype(np.float32))
    with jax.enable_x64(True):
        exact = FIGURES(model_of(transmitter, barrel=False), DEVIATION[3])
    assert found.total_power.dtype == jnp.float32
    np.testing.assert_allclose(found.heater_power, exact.heater_power, atol=2e-3)
    for name in ("insertion_loss_db", "extinction_db", "crosstalk_db"):
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), atol=2e-3)


def test_errors(transmitter):
    with pytest.raises(ValueError, match="not of the kind RingTransmitter"):
        TransmitterDie.of(3.0, SLOPES)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="slope of 'width' = nan"):
        TransmitterDie.of(transmitter, {"width": np.nan})
    with pytest.raises(ValueError, match="angle slope = 'gap'"):
        model_of(transmitter, angle_slopes={"gap": 1.0})
    with pytest.raises(ValueError, match="heater_crosstalk of shape"):
        model_of(transmitter, heater_crosstalk=np.eye(3))
    with pytest.raises(ValueError, match="cannot be told apart"):
        model_of(transmitter, heater_crosstalk=np.ones((4, 4)))
    model = model_of(transmitter)
    with pytest.raises(ValueError, match="quantity = 'gap'"):
        model.metrics({"gap": np.zeros(4)})
    with pytest.raises(ValueError, match="width of shape"):
        model.metrics({"width": np.zeros(3)})
