"""Fabrics: the network kernel against products of 2 x 2 matrices, laws, crosstalk, gradients and a calibration."""

import dataclasses
import itertools
import math
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from photonics_core import (
    Crossing,
    LinearIndex,
    MachZehnderSwitch,
    PhaseShifter,
    PointCoupler,
    SwitchFabric,
    Waveguide,
    band_within,
    crosstalk_counts,
    path_figures,
    route_permutation,
    switch_energy_per_bit,
)
from photonics_core.devices.batch import stack
from photonics_core.validation.switches import crosstalk_of_small_leaks, element_matrices, reference_transfer

HEATER = PhaseShifter.heater(20.0, 1e7)
INDEX = LinearIndex(n_eff=2.4, n_g=4.2, wl0=1.55, thermo_optic=2e-4, loss_db_cm=2.0)


#: In one program: many small ones take longer to compile.
figures = eqx.filter_jit(lambda fabric, permutation: fabric.figures(permutation, 1.55))
transfer = eqx.filter_jit(lambda fabric: fabric.transfer(1.55))


def random_elements(count: int, seed: int = 0) -> MachZehnderSwitch:
    random = np.random.default_rng(seed)
    draws = random.uniform((-1.0, 0.5, 0.5), (2.0, 1.0, 1.0), (count, 3))
    return stack([MachZehnderSwitch(HEATER, state, PointCoupler(a), PointCoupler(b)) for state, a, b in draws])


def random_fabric(name: str, count: int, **parts) -> SwitchFabric:
    some = SwitchFabric(name, count, MachZehnderSwitch(HEATER))
    return SwitchFabric(name, count, random_elements(len(some.topology.elements)), **parts)


@pytest.mark.parametrize("name", ["piloss", "benes"])
def test_the_kernel_is_the_product_of_stages(name):
    """Of four ports; the validation case has eight too, and crossbars."""
    fabric = random_fabric(name, 4)
    np.testing.assert_allclose(transfer(fabric), reference_transfer(name, 4, fabric.elements), atol=1e-12)


@pytest.mark.parametrize("name", ["spanke"])
def test_without_loss_all_power_comes_out_again(name):
    """In any states, with the dark ports; with crossings that leak and reflect in the validation case."""
    values = np.asarray(eqx.filter_jit(lambda fabric: fabric.scattering(1.55).values)(random_fabric(name, 4)))
    np.testing.assert_allclose(np.conj(values.T) @ values, np.eye(len(values)), atol=1e-12)
    np.testing.assert_allclose(values, values.T, atol=1e-12)


def test_losses_are_those_of_the_parts_on_the_path():
    """All equal in the fabric of path-independent loss, from 1 to 2 N - 1 elements in a crossbar."""
    lossy = PointCoupler(math.pi / 4, loss_db=0.1)
    element = MachZehnderSwitch(HEATER, first=lossy, second=lossy)
    permutation = (0, 3, 1, 2)
    piloss = figures(SwitchFabric("piloss", 4, element), permutation).loss_db
    np.testing.assert_allclose(piloss, 4 * 0.2, atol=1e-12)
    crossbar = figures(SwitchFabric("crossbar", 4, element), permutation).loss_db
    np.testing.assert_allclose(crossbar, 0.2 * (np.array(permutation) + 4 - np.arange(4)), atol=1e-12)
    guided = figures(SwitchFabric("benes", 4, element, guide=Waveguide(1000.0, INDEX)), permutation).loss_db
    np.testing.assert_allclose(guided, 3 * 0.2 + 2 * 0.2, atol=1e-12)


@pytest.mark.parametrize("name", ["piloss", "benes"])
def test_crossings_leak_into_the_lanes_beside(name):
    """Against waves that are carried forward lane by lane; what crossings of -60 dB reflect is 1e-6."""
    fabric = random_fabric(name, 4, crossing=Crossing(0.3, -60.0))
    plan, matrices = fabric.topology, iter(element_matrices(fabric.elements))
    passed = 10 ** (-0.3 / 20)
    crossing = passed * np.array([[1.0, 1e-3j], [1e-3j, 1.0]])
    waves = np.zeros((plan.lanes, 4), complex)
    waves[list(plan.inputs), range(4)] = 1.0
    for step in plan.steps:
        waves[list(step.out)] = (next(matrices) if step.is_element else crossing) @ waves[list(step.into)]
    np.testing.assert_allclose(transfer(fabric), waves[list(plan.outputs)], atol=1e-5)


@pytest.mark.parametrize(("name", "passed"), [("piloss", 8), ("benes", 5)])
def test_crosstalk_counts_are_its_limit_for_small_leaks(name, passed):
    """The rest is at most what the other elements on the way lose, and all ways with three leaks, or two where none."""
    errors, none = crosstalk_of_small_leaks(name, 8, leaks=(1e-3, 1e-4))
    assert 9.0 < errors[0] / errors[1] < 11.0
    assert errors[1] < 2e-4 * (0.5 * (passed - 1) + math.comb(passed, 3)) * 1.01
    assert none < 1e-4 * math.comb(passed, 2) ** 2


def test_figures_count_what_is_stray():
    amplitudes = np.sqrt(np.array([[0.5, 1e-3, 2e-3], [4e-4, 1e-4, 0.25], [0.0, 0.1, 0.01]]))
    full = path_figures(jnp.asarray(amplitudes + 0j), [0, 2, 1])
    np.testing.assert_allclose(full.loss_db, -10 * np.log10([0.5, 0.1, 0.25]), rtol=1e-12)
    np.testing.assert_allclose(full.worst_db, 10 * np.log10([2e-3 / 0.5, 4e-4 / 0.25, 0.1]), rtol=1e-12)
    np.testing.assert_allclose(full.total_db, 10 * np.log10([3e-3 / 0.5, 5e-4 / 0.25, 0.1]), rtol=1e-12)
    dark = path_figures(jnp.asarray(amplitudes + 0j), [0, -1, 1])
    np.testing.assert_allclose(dark.total_db[:2], 10 * np.log10([2e-3 / 0.5, 4e-4 / 0.25]), rtol=1e-12)
    # What is stray at an output without a signal is over the power of one input.
    np.testing.assert_allclose(dark.total_db[2], 10 * np.log10(0.01), rtol=1e-12)
    assert np.isposinf(dark.loss_db[1])


@pytest.mark.parametrize("permutation", [(1, -1, 3, -1), (2, 0, 3, 1)])
def test_figures_have_gradients_where_there_is_no_light(permutation):
    """Of idle ports, and of a fabric that leaks nothing at all."""
    fabric = SwitchFabric("benes", 4, MachZehnderSwitch(HEATER))
    bars = jnp.asarray(route_permutation(fabric.topology, permutation), float)
    lit = np.flatnonzero(np.array(permutation) >= 0)

    @jax.jit
    @jax.grad
    def slope(states):
        found = path_figures(fabric.with_states(states).transfer(1.55), permutation)
        return jnp.sum(found.loss_db[lit]) + jnp.sum(found.worst_db) + jnp.sum(found.total_db)

    assert np.all(np.isfinite(slope(bars)))
    assert np.all(np.isfinite(slope(bars + 0.01)))
    nothing = jax.grad(lambda scale: jnp.sum(jnp.stack(path_figures(scale * jnp.eye(2), [1, 0]))))(1.0)
    assert np.isfinite(nothing)


def test_many_permutations_in_one_program():
    fabric = SwitchFabric("benes", 4, dataclasses.replace(MachZehnderSwitch(HEATER), phase_error=0.1))
    permutations, wl = list(itertools.permutations(range(4))), np.array([1.54, 1.55])
    together = fabric.figures_of_all(permutations, wl)
    assert together.loss_db.shape == (24, 2, 4)
    for a, b in zip(together, figures(fabric, permutations[7]), strict=True):
        np.testing.assert_allclose(a[7, 1], b, rtol=1e-10)
    assert np.all(together.total_db >= together.worst_db - 1e-12)


def test_power_time_and_energy():
    fabric = SwitchFabric("piloss", 4, MachZehnderSwitch(HEATER))
    at_first = fabric.routed([2, 0, 3, 1])
    np.testing.assert_allclose(at_first.holding_power(), 4 * 20.0, rtol=1e-14)
    np.testing.assert_allclose(fabric.routed([2, -1, 3, -1]).holding_power(), 2 * 20.0, rtol=1e-14)
    time = 1e7 * math.log(100.0)
    np.testing.assert_allclose(fabric.settling_time(), time, rtol=1e-14)
    # Two paths change places: two elements are driven anew.
    np.testing.assert_allclose(fabric.switching_energy([2, 0, 3, 1], [0, 2, 3, 1]), 2 * 20.0 * time, rtol=1e-12)
    np.testing.assert_allclose(switch_energy_per_bit(80.0, 1600.0, 4), 12.5, rtol=1e-14)


def test_a_band_ends_where_the_limit_is_passed():
    wl = np.linspace(1.5, 1.6, 101)
    np.testing.assert_allclose(band_within(wl, np.abs(wl - 1.55), 0.0123, 1.55), 0.0246, rtol=1e-9)
    assert band_within(wl, np.abs(wl - 1.55), 0.01, 1.58) == 0.0
    np.testing.assert_allclose(band_within(wl, np.zeros(101), 0.01, 1.55), 0.1, rtol=1e-9)


def test_gradients_are_those_of_differences():
    """Of loss and crosstalk, by the states of all elements, the split of their couplers and the temperature."""
    arm = Waveguide(100.0, INDEX)
    element = MachZehnderSwitch(HEATER, 0.0, PointCoupler(0.75), PointCoupler(0.8), arm, 2.0, 0.1)
    fabric = SwitchFabric("benes", 4, element)
    states = np.where(route_permutation(fabric.topology, [2, 0, 3, 1]), 1.0, 0.0)

    @jax.jit
    def value(x):
        elements = fabric.elements
        elements = eqx.tree_at(
            lambda e: (e.state, e.first.angle), elements, (states + x[:6], jnp.asarray(elements.first.angle) + x[6])
        )
        found = path_figures(fabric.with_elements(elements).transfer(1.553, 300.0 + x[7]), [2, 0, 3, 1])
        return found.loss_db[1] + 0.1 * found.total_db[2]

    at = jnp.array([0.03, -0.02, 0.05, 0.01, -0.04, 0.02, 0.01, 0.5])
    step = np.array([1e-5] * 6 + [1e-5, 1e-4])
    exact = jax.jit(jax.grad(value))(at)
    for k, one in enumerate(np.diag(step)):
        slope = (value(at + one) - value(at - one)) / (2 * step[k])
        np.testing.assert_allclose(exact[k], slope, rtol=1e-6, atol=1e-7)


def test_phase_errors_are_calibrated_by_gradient():
    """Stray light of four permutations alone leads the trims of all elements to minus their phase errors."""
    random = np.random.default_rng(8)
    errors = random.normal(0.0, 0.3, 6)
    elements = stack([dataclasses.replace(MachZehnderSwitch(HEATER), phase_error=error) for error in errors])
    fabric = SwitchFabric("benes", 4, elements, guide=Waveguide(50.0, INDEX))
    permutations = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
    bars = np.stack([route_permutation(fabric.topology, each) for each in permutations])

    def stray(trims):
        def one(states, permutation):
            return jnp.sum(
                10.0 ** (0.1 * path_figures(fabric.with_states(states).transfer(1.55), permutation).total_db)
            )

        return jnp.sum(jax.vmap(one)(bars.astype(float) + trims[None], jnp.asarray(permutations)))

    slope = jax.jit(jax.value_and_grad(stray))
    found = minimize(lambda trims: [np.asarray(x) for x in slope(trims)], np.zeros(6), jac=True, tol=1e-14)
    assert slope(np.zeros(6))[0] > 1e-2
    assert found.fun < 1e-9
    np.testing.assert_allclose(found.x, -errors / np.pi, atol=1e-4)


def test_single_precision_serves():
    with jax.enable_x64(False):
        fabric = SwitchFabric("benes", 4, MachZehnderSwitch(HEATER)).routed([1, 0, 3, 2])
        found = np.asarray(eqx.filter_jit(fabric.transfer)(np.float32(1.55)))
        assert found.dtype == np.complex64
        np.testing.assert_allclose(np.abs(found)[[1, 0, 3, 2], range(4)], 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SwitchFabric("benes", 4, 3), "element = 3"),
        (lambda: SwitchFabric("benes", 4, random_elements(5)), "element = 5 of them"),
        (lambda: SwitchFabric("benes", 4, MachZehnderSwitch(HEATER, np.zeros(6))), "is not a batch"),
        (lambda: SwitchFabric("benes", 4, MachZehnderSwitch(HEATER), crossing=cast("Any", 0.1)), "crossing = 0.1"),
        (lambda: SwitchFabric("benes", 4, MachZehnderSwitch(HEATER)).with_states(np.zeros(5)), "states of shape"),
        (lambda: SwitchFabric("benes", 4, MachZehnderSwitch(HEATER)).with_states(np.full(6, 9.0)), "states = 9"),
        (lambda: path_figures(jnp.eye(3, dtype=complex), [0, 1, 5]), "permutation = 5 is outside"),
        (lambda: path_figures(jnp.eye(3, dtype=complex), [0, 0, 1]), "has the output 0 twice"),
        (lambda: path_figures(jnp.eye(3, dtype=complex), [0, 1]), "is not 3 whole numbers"),
        (lambda: switch_energy_per_bit(1.0, 0.0), "rate_gbps = 0"),
        (lambda: switch_energy_per_bit(-1.0, 100.0), "power_mw = -1"),
        (lambda: band_within([1.5, 1.6], [0.0, 0.0], 1.0, 1.9), "centre = 1.9 um"),
        (lambda: band_within([1.5, 1.6], [0.0, np.nan], 1.0, 1.5), "values = nan"),
        (lambda: band_within([1.6, 1.5], [0.0, 0.0], 1.0, 1.55), "does not ascend"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_counts_of_all_lit_elements():
    fabric = SwitchFabric("benes", 8, MachZehnderSwitch(HEATER))
    bars = route_permutation(fabric.topology, np.random.default_rng(2).permutation(8))
    assert crosstalk_counts(fabric.topology, bars).sum() == 2 * len(fabric.topology.elements)
