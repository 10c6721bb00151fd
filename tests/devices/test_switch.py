"""Switch elements: energy, reciprocity, what their two states do, and their gradients."""

import dataclasses
import math
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    AddDropRing,
    CoupledRings,
    Crossing,
    LinearIndex,
    MachZehnderSwitch,
    PhaseShifter,
    PointCoupler,
    RingSwitch,
    Waveguide,
)

WL = np.array([1.53, 1.5512, 1.57])
INDEX = LinearIndex(n_eff=2.4, n_g=4.2, wl0=1.55, thermo_optic=2e-4)
HEATER = PhaseShifter.heater(20.0, 1e7)
SOME = PointCoupler.from_power(0.1)


def ring_switch(kind: str) -> RingSwitch:
    if kind == "one":
        ring = AddDropRing(10.0, SOME, SOME, INDEX)
        return RingSwitch.tuned(ring, HEATER, 1.55, 3e-3, Crossing(crosstalk_db=-200.0))
    rings = CoupledRings([10.0, 10.0], [SOME, PointCoupler.from_power(0.0028), SOME], INDEX)
    return RingSwitch.tuned(rings, HEATER, 1.55, 3e-3)


#: In one program each: many small ones take longer to compile.
scattered = eqx.filter_jit(lambda switch, wl, temperature=300.0: switch.scattering(wl, temperature))


def interferometer(**changes) -> MachZehnderSwitch:
    first, second = PointCoupler(0.7, 0.9), PointCoupler(0.83, 0.7)
    switch = MachZehnderSwitch(HEATER, 0.37, first, second, Waveguide(150.0, INDEX), 1.3, 0.2)
    return dataclasses.replace(switch, **changes)


@pytest.mark.parametrize("switch", [interferometer(), ring_switch("one"), ring_switch("two")])
def test_without_loss_all_power_comes_out_again(switch):
    matrix = scattered(switch, WL, 311.0)
    assert matrix.unitarity_residual() < 1e-12
    assert matrix.reciprocity_residual() < 1e-13


def test_an_interferometer_is_the_product_of_its_parts():
    """Against 2 x 2 matrices in NumPy, with the path difference as n_eff L / wl in full."""
    switch, wl, kelvin = interferometer(), 1.5512, 307.0
    first, second = (
        np.array([[np.cos(t), 1j * np.sin(t)], [1j * np.sin(t), np.cos(t)]])
        for t in (0.7 + 0.9 * (wl - 1.55), 0.83 + 0.7 * (wl - 1.55))
    )
    n_eff = 2.4 - 1.8 * (wl - 1.55) / 1.55 + 2e-4 * 7.0
    driven = np.pi * 0.37 * 1.55 / wl + 0.2 + 2 * np.pi * n_eff * 1.3 / wl
    expected = second @ np.diag([np.exp(1j * driven), 1.0]) @ first
    matrix = scattered(switch, wl, kelvin)
    found = np.array([[matrix.amplitude(i, o) for i in ("in1", "in2")] for o in ("out1", "out2")])
    turned = found * np.exp(-1j * (np.angle(found[0, 0]) - np.angle(expected[0, 0])))
    np.testing.assert_allclose(turned, expected, atol=1e-12)


def test_equal_couplers_make_bar_complete_and_the_cross_state_leaks():
    coupler = PointCoupler(math.pi / 4 + 0.03)
    switch = MachZehnderSwitch(HEATER, first=coupler, second=coupler)
    assert scattered(switch.with_state(switch.driven(True)), 1.55).power("in1", "out2") < 1e-30
    leaked = scattered(switch.with_state(switch.driven(False)), 1.55).power("in1", "out1")
    np.testing.assert_allclose(leaked, np.sin(0.06) ** 2, rtol=1e-12)
    np.testing.assert_allclose(switch.extinction_db(False, 1.55), -20 * np.log10(np.tan(0.06)), rtol=1e-12)


def test_carriers_absorb_in_the_arm_that_is_driven():
    """Half the field loses a: the wanted output has ((1 + a) / 2)^2, the other one ((1 - a) / 2)^2."""
    switch = MachZehnderSwitch(PhaseShifter.carriers(1.0, 5e3, 1.2), 1.0)
    left = 10 ** (-1.2 / 20)
    for state, wl in ((1.0, 1.55), (-1.0, 1.55)):
        matrix = scattered(switch.with_state(state), wl)
        np.testing.assert_allclose(matrix.power("in1", "out1"), (0.5 + 0.5 * left) ** 2, rtol=1e-12)
        np.testing.assert_allclose(matrix.power("in1", "out2"), (0.5 - 0.5 * left) ** 2, rtol=1e-10)
    assert switch.scattering(1.55).passivity_residual() < 1e-12


@pytest.mark.parametrize("kind", ["one", "two"])
def test_rings_cross_on_resonance_and_pass_beside_it(kind):
    switch = ring_switch(kind)
    on, off = (scattered(switch.with_state(switch.driven(bar)), 1.55) for bar in (False, True))
    assert on.power("in1", "out2") > 0.99
    assert off.power("in1", "out1") > 0.97
    np.testing.assert_allclose(on.power("in2", "out1"), on.power("in1", "out2"), rtol=1e-10)
    # The order of the filter: the leak of two rings is the square of that of one, as far as they are alike.
    leaks = {"one": 1e-2, "two": 1e-4}
    assert off.power("in1", "out2") < leaks[kind]


def test_a_crossing_leaks_and_loses():
    ideal, real = ring_switch("one"), dataclasses.replace(ring_switch("one"), crossing=Crossing(0.1, -40.0))
    one, other = (scattered(each.with_state(each.driven(True)), 1.55) for each in (ideal, real))
    np.testing.assert_allclose(other.power_db("in1", "out1") - one.power_db("in1", "out1"), -0.1, atol=0.02)
    assert other.passivity_residual() < 1e-12
    assert abs(float(other.power("in2", "out1") - one.power("in2", "out1"))) > 1e-5


@pytest.mark.parametrize("kind", ["interferometer", "one", "two"])
def test_gradients_are_those_of_differences(kind):
    """By the state, the angle of a coupler and the temperature."""
    base: Any = interferometer() if kind == "interferometer" else ring_switch(kind)
    state = base.state if kind == "interferometer" else base.cross_state + 0.01

    def value(x):
        coupler = PointCoupler(SOME.angle + x[1])
        if kind == "interferometer":
            parts = {"first": PointCoupler(0.7 + x[1], 0.9)}
        elif kind == "one":
            parts = {"resonator": dataclasses.replace(base.resonator, input_coupler=coupler)}
        else:
            parts = {"resonator": CoupledRings([10.0, 10.0], [coupler, PointCoupler.from_power(0.0028), SOME], INDEX)}
        switch = dataclasses.replace(base, state=state + x[0], **parts)
        return switch.scattering(1.5503, 300.0 + x[2]).power_db("in1", "out2")

    value = jax.jit(value)
    at, step = jnp.array([0.003, 0.01, 0.4]), np.array([1e-6, 1e-5, 1e-3])
    exact = jax.jit(jax.grad(value))(at)
    for k, one in enumerate(np.diag(step)):
        slope = (value(at + one) - value(at - one)) / (2 * step[k])
        np.testing.assert_allclose(exact[k], slope, rtol=1e-6, atol=1e-8)


def test_a_negative_state_is_a_drive_of_the_lower_arm():
    """Its phase grows, so that both outputs turn by it besides; an exchange of the arms gives the same switch."""
    first, second = PointCoupler(0.7), PointCoupler(0.85)
    switch = MachZehnderSwitch(PhaseShifter.carriers(1.0, 5e3, 1.2), -0.4, first, second)
    one, other = (scattered(switch.with_state(state), 1.55) for state in (-0.4, 0.4))
    for i, o in (("in1", "out1"), ("in1", "out2"), ("in2", "out1"), ("in2", "out2")):
        mirrored = {"1": "2", "2": "1"}
        there = other.amplitude(i[:-1] + mirrored[i[-1]], o[:-1] + mirrored[o[-1]])
        np.testing.assert_allclose(one.amplitude(i, o), there, atol=1e-14)
    # Written out: the upper arm as it was, the lower one late and weaker.
    lower = 10 ** (-0.4 * 1.2 / 20) * np.exp(0.4j * np.pi)
    t, k = np.cos([0.7, 0.85]), np.sin([0.7, 0.85])
    np.testing.assert_allclose(one.amplitude("in1", "out1"), t[0] * t[1] - k[0] * k[1] * lower, atol=1e-14)


def test_extinction_is_finite_where_nothing_leaks():
    """On exact resonance a ring between equal couplers, without loss, leaves nothing."""
    ring = ring_switch("one")
    on = jax.jit(jax.value_and_grad(lambda wl: ring.extinction_db(False, wl)))
    value, slope = on(1.55)
    assert value > 150.0 and np.isfinite(slope)
    with jax.enable_x64(False):
        perfect = MachZehnderSwitch(HEATER)
        value, slope = jax.value_and_grad(lambda wl: perfect.extinction_db(False, wl))(np.float32(1.55))
        assert np.isfinite(value) and np.isfinite(slope)


def test_gradients_are_finite_without_a_drive():
    switch = MachZehnderSwitch(PhaseShifter.carriers(1.0, 5e3, 1.2))

    def value(state):
        one = switch.with_state(state)
        return one.scattering(1.55).power("in1", "out1") + one.power()

    assert np.isfinite(jax.jit(jax.grad(value))(0.0))


def test_single_precision_serves():
    with jax.enable_x64(False):
        for switch in (interferometer(), ring_switch("one")):
            values = np.asarray(scattered(switch, np.float32(1.5512)).values)
            assert values.dtype == np.complex64
            np.testing.assert_allclose(np.conj(values.T) @ values, np.eye(4), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MachZehnderSwitch(HEATER, imbalance=2.0), "imbalance = 2"),
        (lambda: MachZehnderSwitch(HEATER, 9.0), "state = 9"),
        (lambda: MachZehnderSwitch(HEATER).with_state(9.0), "state = 9"),
        (lambda: MachZehnderSwitch(HEATER).with_state(np.nan), "state = nan"),
        (lambda: interferometer(imbalance=-151.0), "length of the upper arm, arm and imbalance, = -1 um"),
        (lambda: MachZehnderSwitch(HEATER).scattering(np.nan), "wl = nan"),
        (lambda: ring_switch("two").with_state(-0.5), "state = -0.5"),
        (lambda: dataclasses.replace(ring_switch("one"), bar_state=-0.5), "bar_state = -0.5"),
        (lambda: MachZehnderSwitch(cast("Any", 20.0)), "shifter = 20"),
        (lambda: RingSwitch(AddDropRing(10.0, SOME, SOME, INDEX), HEATER), "1 rings needs crossing"),
        (lambda: dataclasses.replace(ring_switch("two"), crossing=Crossing()), "2 rings has no crossing"),
        (lambda: dataclasses.replace(ring_switch("two"), shifter=PhaseShifter.carriers(1.0, 5e3, 1.0)), "loss_db"),
        (lambda: RingSwitch.tuned(AddDropRing(10.0, SOME, SOME, INDEX), HEATER, 1.55, 0.0), "shift = 0"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
