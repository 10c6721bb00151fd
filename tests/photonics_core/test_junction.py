"""Junctions: charge, symmetry and limits; textbook numbers are cases of validation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.doped_guide import DopedGuide
from photonics_core.junction import ORIENTATIONS, JunctionDensities, PNJunction

VOLTAGES = np.array([-0.3, 0.0, 0.7, 3.0])


def junction(orientation="lateral", **changes):
    return PNJunction(**{"acceptors_cm3": 1e18, "donors_cm3": 7e17, "orientation": orientation, **changes})


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_both_sides_of_the_layer_hold_the_same_charge_and_share_its_width(orientation):
    each = junction(orientation)
    x_p, x_n = each.depletion_parts(VOLTAGES)
    np.testing.assert_allclose(x_p * 1e18, x_n * 7e17, rtol=1e-14)
    np.testing.assert_allclose(x_p + x_n, each.depletion_width(VOLTAGES), rtol=1e-14)


def test_the_layer_drops_the_whole_voltage():
    # The field is a triangle, q N_A x_p / eps high, so that its area is half of that times W.
    each = junction()
    peak = each.charge(VOLTAGES) / each.height / (11.7 * 8.8541878128e-3)
    drop = 0.5 * peak * each.depletion_width(VOLTAGES)
    np.testing.assert_allclose(drop, each.built_in_voltage() + VOLTAGES, rtol=1e-13)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_capacitance_is_the_slope_of_the_charge(orientation):
    each = junction(orientation)
    slope = jax.vmap(jax.grad(each.charge))(jnp.asarray(VOLTAGES))
    np.testing.assert_allclose(slope, each.plate_capacitance(VOLTAGES), rtol=1e-13)
    fringe = each.fringe_capacitance(VOLTAGES)
    assert np.all(np.diff(fringe) < 0) and np.all((fringe > 0) & (fringe < each.plate_capacitance(VOLTAGES)))
    np.testing.assert_allclose(each.capacitance(VOLTAGES), each.plate_capacitance(VOLTAGES) + fringe, rtol=1e-15)


def test_fringe_of_equal_gap_and_complement_is_that_of_the_half_plane():
    # k = k' = 1/sqrt(2): K(k') / K(k) = 1, and the fringe of two faces is the permittivity of silica.
    each = junction()
    whole = float(np.sqrt(2.0) * each.depletion_width(1.0))
    each = junction(width=whole - 2e-6, access=1e-6)
    np.testing.assert_allclose(each.fringe_capacitance(jnp.asarray(1.0)), 3.9 * 8.8541878128e-3, rtol=1e-12)


def test_swapping_the_sides_swaps_electrons_and_holes():
    one = junction("lateral", offset=0.03)
    other = junction("lateral", acceptors_cm3=7e17, donors_cm3=1e18, offset=-0.03)
    for mine, theirs in zip(one.depletion_parts(2.0), other.depletion_parts(2.0)[::-1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)
    x = jnp.linspace(-0.25, 0.25, 101)
    electrons, holes = JunctionDensities(one, 2.0)(x, 0.0 * x, 0)
    mirrored = JunctionDensities(other, 2.0)(-x, 0.0 * x, 0)
    np.testing.assert_array_equal(electrons > 0, mirrored[1] > 0)
    np.testing.assert_array_equal(holes > 0, mirrored[0] > 0)
    np.testing.assert_allclose(one.capacitance(2.0), other.capacitance(2.0), rtol=1e-14)


def test_resistance_of_a_lateral_junction_is_that_of_its_bars():
    each = junction(access_acceptors_cm3=5e18, access_donors_cm3=5e18)
    x_p, x_n = each.depletion_parts(1.0)
    charge = 1.602176634e-19
    # Mobilities of Masetti et al., worked out by hand.
    slabs = [(5e18, 0.5, 0.09, 89.5), (5e18, 0.5, 0.09, 142.7)]
    bars = [(1e18, 0.25 - x_p, 0.22, 160.3), (7e17, 0.25 - x_n, 0.22, 325.6), *slabs]
    ohm_um = sum(
        float(length) / thickness / (charge * doping * mobility) for doping, length, thickness, mobility in bars
    )
    # 1 Ohm cm is 10 kOhm um.
    np.testing.assert_allclose(each.series_resistance(1.0), 10.0 * ohm_um, rtol=1e-3)
    bandwidth = each.rc_bandwidth(1.0, 100.0, 0.05)
    time = (each.series_resistance(1.0) / 100.0 + 0.05) * 100.0 * each.capacitance(1.0)
    np.testing.assert_allclose(bandwidth, 1.0 / (2.0 * np.pi * time), rtol=1e-13)


@pytest.mark.parametrize("orientation", ["lateral", "interleaved"])
def test_gradients_are_those_of_differences(orientation, assert_gradient):
    start = junction(orientation, offset=0.01, breakdown=9.0)
    leaves, static = eqx.partition(start, eqx.is_inexact_array_like)
    leaves = jax.tree.map(jnp.asarray, leaves)

    def values(at):
        each = eqx.combine(at[0], static)
        guide = DopedGuide(each, at[2])
        optical = guide.v_pi_l_cm(at[1], 1.31), guide.loss_db_cm(at[1], 1.31)
        return jnp.stack([*optical, each.capacitance(at[1]), each.rc_bandwidth(at[1], 100.0)])

    assert_gradient(values, (leaves, jnp.asarray(1.5), jnp.asarray(0.9)), rtol=1e-6)


def test_the_estimate_of_breakdown_has_a_gradient(assert_gradient):
    at = jnp.array([4e17, 9e17])
    assert_gradient(lambda n: PNJunction(n[0], n[1]).voltage_range()[1], at)


def test_float32_serves(float32):
    guide = DopedGuide(junction(acceptors_cm3=1e20, donors_cm3=1e19, breakdown=3.0), 0.9)
    values = [guide.phase(jnp.asarray(1.0), 1.55), guide.loss_db_cm(1.0, 1.55), guide.junction.capacitance(1.0)]
    values += [guide.junction.series_resistance(1.0), guide.junction.built_in_voltage()]
    assert {value.dtype for value in values} == {jnp.dtype("float32")}
    with jax.enable_x64(True):
        exact = [guide.phase(1.0, 1.55), guide.loss_db_cm(1.0, 1.55), guide.junction.capacitance(1.0)]
        exact += [guide.junction.series_resistance(1.0), guide.junction.built_in_voltage()]
    # The phase is a difference of two indices.
    np.testing.assert_allclose(np.array(values), np.array(exact), rtol=1e-4)


def test_plain_voltages_are_checked_and_traced_ones_pass():
    each = junction()
    low, high = (float(limit) for limit in each.voltage_range())
    assert -0.5 < low < -0.4 and 3.0 < high < 8.0
    assert np.isfinite(jax.jit(lambda voltage: each.depletion_width(voltage))(high + 1.0))
    assert np.isfinite(jax.jit(lambda: each.depletion_width(1.0))())
    assert float(junction(breakdown=2.0).voltage_range()[1]) == 2.0
    # Weakly doped: the side is empty before it breaks down.
    weak = junction(acceptors_cm3=5e16, donors_cm3=5e16)
    assert float(weak.voltage_range()[1]) < float(weak.breakdown_voltage())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: junction(acceptors_cm3=-1e18), r"acceptors_cm3 = -1e\+18 cm\^-3 is outside \[1e\+15, 1e\+20\]"),
        (lambda: junction(access_donors_cm3=0.0), r"access_donors_cm3 = 0 cm\^-3 is outside"),
        (lambda: junction("diagonal"), r"orientation = 'diagonal' is not one of 'lateral', 'vertical', 'interleaved'"),
        (lambda: junction(width=500.0), r"width = 500 um is outside \[0, 50\]"),
        (lambda: junction(height=220.0), r"height = 220 um is outside \[0, 10\]"),
        (lambda: junction(slab=90.0), r"slab = 90 um is outside \[0, 10\]"),
        (lambda: junction(access=500.0), r"access = 500 um is outside \[0, 100\]"),
        (lambda: junction("interleaved", period=300.0), r"period = 300 um is outside \[0, 50\]"),
        (lambda: junction(slab=0.3), r"slab = 0.3 um is outside \[0, 0.22\]"),
        (lambda: junction(offset=0.3), r"offset = 0.3 um is outside \(-0.25, 0.25\)"),
        (lambda: junction(offset=0.24), r"offset = 0.24 um leaves a side of the core without carriers"),
        (lambda: junction(temperature=500.0), r"temperature = 500 K is outside \[200, 400\]"),
        (lambda: junction().capacitance(-0.8), r"voltage = -0.8 V of reverse bias is outside \[-0.4"),
        (
            lambda: junction().depletion_width(np.array([1.0, 40.0])),
            r"voltage = 40 V of reverse bias is outside \[-0.4",
        ),
        (lambda: junction().depletion_width(np.nan), r"voltage = nan V of reverse bias is outside the finite numbers"),
        (lambda: junction().rc_bandwidth(1.0, 0.0), r"length = 0 um is outside \(0, inf\)"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
