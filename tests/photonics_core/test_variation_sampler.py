"""Draws of a process: each part has its standard deviation and its reach, and no draw depends on another."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import ProcessVariation, Variation, die_grid, die_sampler, silicon_process
from photonics_core.validation.yields import expected_correlations, row_sampler
from photonics_core.variation import TERMS, wafer_terms
from photonics_core.variation_sampler import CHUNK

GRID = die_grid(60e3, (10e3, 10e3))
PLACES = np.array([[0.0, 0.0], [0.0, 0.0], [300.0, 0.0], [0.0, 4000.0]])
KEY = jax.random.key(4)


def sampler_of(wafers_per_lot=2, **parts):
    return die_sampler(ProcessVariation({"width": Variation(0.5, **parts)}), GRID, PLACES, 60.0, wafers_per_lot)


@eqx.filter_jit
def _drawn(sampler, numbers):
    return jax.vmap(lambda n: sampler.deviations(KEY, n)["width"])(numbers)


def widths(sampler, numbers):
    return np.asarray(_drawn(sampler, jnp.asarray(numbers)))


@pytest.mark.slow
def test_draws_do_not_depend_on_how_the_work_is_divided():
    sampler = sampler_of(wafer_sd={"offset": 1e-3}, die_sd=1e-3, field_sd=1e-3, local_sd=1e-3)
    whole = widths(sampler, np.arange(40))
    parts = np.concatenate([widths(sampler, np.arange(k, k + 8)) for k in range(0, 40, 8)])
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(widths(sampler, np.arange(13)), whole[:13])
    # A compiler merges products and sums of a batch of one in its own way.
    np.testing.assert_allclose(widths(sampler, [31]), whole[31:32], rtol=1e-13)
    np.testing.assert_array_equal(widths(sampler, np.arange(40)[::-1])[::-1], whole)
    np.testing.assert_allclose(eqx.filter_jit(sampler.die)(KEY, 7)["width"], 0.5 + whole[7], rtol=1e-14)


def test_levels_reach_as_far_as_they_should():
    """A part of the die is shared by its devices, one of the wafer by its dies, one of the lot by its wafers."""
    dies = GRID.count
    die = widths(sampler_of(die_sd=1e-3), np.arange(3 * dies))
    assert np.ptp(die, axis=1).max() < 1e-15 and np.unique(np.round(die[:, 0], 12)).size == 3 * dies
    wafer = widths(sampler_of(wafer_sd={"offset": 1e-3}), np.arange(3 * dies))[:, 0].reshape(3, dies)
    assert np.ptp(wafer, axis=1).max() < 1e-15 and np.ptp(wafer[:, 0]) > 1e-4
    lot = widths(sampler_of(lot_sd={"offset": 1e-3}), np.arange(4 * dies))[:, 0].reshape(4, dies)[:, 0]
    assert lot[0] == lot[1] and lot[2] == lot[3] and lot[0] != lot[2]


def test_the_mean_map_is_its_polynomial_at_the_devices():
    mean = np.linspace(-3e-3, 4e-3, len(TERMS))
    there = GRID.places[5] + PLACES
    expected = np.asarray(wafer_terms(jnp.asarray(there), GRID.radius)) @ mean
    np.testing.assert_allclose(widths(sampler_of(wafer_mean=mean), [5])[0], expected, rtol=1e-12)
    by_name = widths(sampler_of(wafer_mean={"bowl": 1e-3}), [5])[0]
    np.testing.assert_allclose(by_name, 1e-3 * np.sum(there**2, axis=1) / 30e3**2, rtol=1e-12)


def test_fields_of_devices_are_correlated_and_edges_are_not():
    field = widths(sampler_of(field_sd=1e-3, field_length=600.0), np.arange(20_000))
    found = np.corrcoef(field.T)
    assert found[0, 1] == pytest.approx(1.0, abs=1e-9)  # two devices at one place
    assert found[0, 2] == pytest.approx(np.exp(-0.125), abs=5e-3)
    assert abs(found[0, 3]) < 0.03
    assert np.std(field) == pytest.approx(1e-3, rel=0.02)
    local = widths(sampler_of(local_sd=1e-3, local_length=0.05), np.arange(20_000))
    assert np.std(local) == pytest.approx(1e-3 * np.sqrt(2.0 * 0.05 / 60.0), rel=0.02)
    assert np.max(np.abs(np.corrcoef(local.T) - np.eye(4))) < 0.04


@pytest.mark.slow
def test_a_field_over_a_wafer_goes_on_from_die_to_die():
    """Devices at both sides of a border of dies have the correlation of their distance."""
    process = ProcessVariation({"width": Variation(0.5, field_sd=1e-3, field_length=3000.0)})
    sampler = die_sampler(process, GRID, np.array([[-4500.0, 0.0], [4500.0, 0.0]]), 60.0)
    left = int(np.flatnonzero(np.all(GRID.places == [-5e3, 5e3], axis=1))[0])
    right = int(np.flatnonzero(np.all(GRID.places == [5e3, 5e3], axis=1))[0])
    drawn = jax.lax.map(lambda w: sampler.wafer(KEY, w, 64)["width"], jnp.arange(1000), batch_size=100)
    pair = np.stack([drawn[:, left, 1], drawn[:, right, 0]])
    assert np.corrcoef(pair)[0, 1] == pytest.approx(np.exp(-0.5 / 9.0), abs=0.03)
    assert np.std(pair) == pytest.approx(1e-3, rel=0.1)
    # Work on a few places at a time gives the same.
    dense = die_sampler(process, GRID, np.stack([np.linspace(-4e3, 4e3, 28), np.zeros(28)], axis=1), 60.0)
    assert GRID.count * 28 > CHUNK
    chunked = np.asarray(dense.wafer(KEY, 0, 16)["width"])
    few = die_sampler(process, GRID, dense.places[::9], 60.0)
    np.testing.assert_allclose(chunked[:, ::9], few.wafer(KEY, 0, 16)["width"], rtol=1e-12)
    # What is not field is the same as in draws die by die.
    other = sampler_of(die_sd=1e-3, local_sd=1e-3, wafer_sd={"tilt_x": 1e-3})
    numbers = 2 * GRID.count + np.arange(GRID.count)
    np.testing.assert_allclose(other.wafer(KEY, 2)["width"], 0.5 + widths(other, numbers), rtol=1e-13)


def test_normal_numbers_divide_into_groups():
    sampler = die_sampler(silicon_process(), GRID, PLACES, 60.0)
    assert np.array_equal(np.sort(np.concatenate([*sampler.groups.values()])), np.arange(sampler.size))
    z = np.zeros(sampler.size)
    z[sampler.groups["thickness.field"]] = 1.0
    found = sampler.from_normals(z)
    assert np.all(found["width"] == 0.0) and found["thickness"][0] == pytest.approx(1.3e-3)
    np.testing.assert_allclose(
        sampler.from_normals(sampler.normals(KEY, 3), 3)["width"], sampler.deviations(KEY, 3)["width"], rtol=1e-14
    )


def test_derivatives_by_deviations_and_lengths_are_those_of_differences_and_finite_at_zero(assert_gradient):
    z = np.random.default_rng(0).normal(size=15 + 2 * 3)
    places = np.array([[0.0, 0.0], [300.0, 0.0], [0.0, 900.0]])
    start = {"field_sd": 1e-3, "field_length": 800.0, "die_sd": 2e-3, "local_sd": 1e-3, "local_length": 0.05}

    def value(parts):
        sampler = die_sampler(ProcessVariation({"width": Variation(0.5, kind="matern52", **parts)}), GRID, places, 60.0)
        return 1e3 * jnp.sum(jnp.asarray([1.0, -2.0, 0.5]) * sampler.from_normals(z)["width"])

    assert_gradient(value, {name: jnp.asarray(each) for name, each in start.items()}, rtol=1e-5)
    zero = {name: jnp.asarray(0.0 if name.endswith("_sd") else each) for name, each in start.items()}
    slopes = jax.grad(value)(zero)
    assert all(np.isfinite(each) for each in slopes.values()) and slopes["field_sd"] != 0.0


def test_single_precision(float32):
    sampler = die_sampler(silicon_process(), GRID, PLACES, 60.0)
    deviations = _drawn(sampler, jnp.arange(4000))
    assert deviations.dtype == jnp.float32
    assert np.std(np.asarray(deviations)) == pytest.approx(3.9e-3, rel=0.04)


def test_correlations_of_the_reference_row():
    np.testing.assert_allclose(expected_correlations("gaussian")[0, 3], np.exp(-0.5), rtol=1e-12)
    assert row_sampler().devices == 8


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"field_sd": -1e-3}, "field_sd = -0.001"),
        ({"field_length": 0.0}, "field_length = 0"),
        ({"kind": "white"}, "kind = 'white'"),
        ({"wafer_mean": [1.0, 2.0]}, "wafer_mean of shape"),
        ({"wafer_mean": {"dome": 1.0}}, "term = 'dome'"),
        ({"die_sd": [1e-3, 2e-3]}, "die_sd of shape"),
    ],
)
def test_errors_of_a_variation(parts, message):
    with pytest.raises(ValueError, match=message):
        Variation(0.5, **parts)


def test_errors_of_a_sampler():
    process = silicon_process()
    for places, length, message in (([0.0, 1.0], 60.0, "places of shape"), (PLACES, 0.0, "averaging_length = 0")):
        with pytest.raises(ValueError, match=message):
            die_sampler(process, GRID, places, length)
    with pytest.raises(ValueError, match="averaging_length of shape"):
        die_sampler(process, GRID, PLACES, [1.0, 2.0])
    with pytest.raises(ValueError, match="wafers_per_lot = 0"):
        die_sampler(process, GRID, PLACES, 60.0, 0)
    with pytest.raises(ValueError, match="wafers_per_lot = 1.5"):
        die_sampler(process, GRID, PLACES, 60.0, 1.5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="places = 5500 um"):
        die_sampler(process, GRID, np.array([[0.0, 5500.0]]), 60.0)
    sampler = die_sampler(process, GRID, PLACES, 60.0)
    for number in (-1, 1.5):
        with pytest.raises(ValueError, match=f"number = {number}"):
            sampler.die(KEY, number)
    with pytest.raises(ValueError, match="waves = 0"):
        sampler.wafer(KEY, 0, 0)
    with pytest.raises(ValueError, match="normals of shape"):
        sampler.from_normals(np.zeros(3))
    with pytest.raises(ValueError, match="nothing that varies"):
        ProcessVariation({})
    with pytest.raises(ValueError, match="not of the kind Variation"):
        dataclasses.replace(process, quantities={"width": 0.5})
