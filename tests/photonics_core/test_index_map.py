"""Index maps: against the functions they were fitted to, in value, phase, derivative and error estimate."""

import dataclasses
from fractions import Fraction

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import AddDropRing, LinearIndex, PointCoupler, RingBus, Waveguide
from photonics_core.devices.batch import stack
from photonics_core.index_map import IndexMap
from photonics_core.kernels import chebyshev
from photonics_core.units import SPEED_OF_LIGHT, attenuation

WL = np.linspace(1.51, 1.59, 9)
LINEAR = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, 2e-7)
COUPLER = PointCoupler(0.3)


def linear(points):
    """`LINEAR` at a width of 0.45 um, with a loss that grows as the guide gets narrow."""
    offset, rise = points["wl"] - 1.55, points["temperature"] - 300.0
    curvature = 4400e-6 * SPEED_OF_LIGHT / (2 * 1.55)
    n = 2.44 + (2.44 - 4.18) * offset / 1.55 + curvature * offset**2 + (1.86e-4 + 1e-7 * rise) * rise
    return n + 0.8 * (points["width"] - 0.45) + 1e-6j * np.exp(20.0 * (0.45 - points["width"]))


def curved(points):
    """A smooth index with branch points, and a loss of some dB/cm."""
    w, d = points["width"], 1.0 / points["wl"]
    n = np.sqrt(4.0 + 20.0 * (w - 0.3) * d - 0.4 * d**2 + 4e-4 * points["temperature"])
    return n + 3e-6j * np.exp(8.0 * (0.45 - w)) * points["wl"]


@pytest.fixture(scope="module")
def index():
    return IndexMap.fit(linear, width=(0.4, 0.5), height=0.22)


@pytest.fixture(scope="module")
def bent():
    return IndexMap.fit(curved, width=(0.4, 0.5), tolerance=1e-9, loss_tolerance_db_cm=1e-4)


@pytest.fixture(scope="module")
def coarse():
    return IndexMap.fit(curved, width=(0.4, 0.5), degrees=2)


def ring(model):
    return AddDropRing(10.0, COUPLER, COUPLER, model)


def test_the_index_is_the_function_that_was_fitted(index, bent):
    random = np.random.default_rng(5)
    wl, temperature, width = (random.uniform(a, b, 300) for a, b in ((1.5, 1.6), (280, 380), (0.4, 0.5)))
    for model, solve in ((index, linear), (bent, curved)):
        exact = solve({"wl": wl, "temperature": temperature, "width": width})
        both = jax.jit(lambda w, a, t, m=model: (m.at(width=w).effective_index(a, t), m.at(width=w).attenuation(a, t)))
        n, loss = both(width, wl, temperature)
        assert_allclose(n, exact.real, rtol=0, atol=model.error_estimate)
        error = attenuation(model.loss_error_db_cm)
        assert_allclose(loss, 4 * np.pi * exact.imag / wl, rtol=0, atol=error)
    assert index.error_estimate < 1e-13
    assert bent.error_estimate < 1e-9


@pytest.mark.parametrize("quantity", ["effective_index", "group_index"])
def test_it_agrees_with_the_linear_index(index, quantity):
    mine, reference = getattr(index, quantity)(WL, 330.0), getattr(LINEAR, quantity)(WL, 330.0)
    assert_allclose(mine, reference, rtol=0, atol=1e-11)
    temperatures = np.linspace(290.0, 370.0, 9)
    assert_allclose(getattr(index, quantity)(WL, temperatures), getattr(LINEAR, quantity)(WL, temperatures), atol=1e-11)


def test_dispersion_and_thermo_optic_slope_are_the_derivatives(index, coarse):
    assert_allclose(index.dispersion_ps_nm_km(1.55), -4400.0, rtol=1e-8)
    assert_allclose(index.thermo_optic(1.53, 350.0), 1.86e-4 + 2e-7 * 50, rtol=1e-9)
    slope = jax.vmap(jax.grad(lambda wl: coarse.group_index(wl, 310.0)))(WL)
    by_delay = coarse.dispersion_ps_nm_km(WL, 310.0)
    assert_allclose(slope / SPEED_OF_LIGHT * 1e6, by_delay, rtol=1e-9)
    heat = jax.vmap(jax.grad(coarse.effective_index, argnums=1), (0, None))(WL, 310.0)
    assert_allclose(coarse.thermo_optic(WL, 310.0), heat, rtol=1e-9)


def test_the_group_index_is_the_index_less_wavelength_times_slope(coarse):
    slope = jax.vmap(jax.grad(lambda wl: coarse.effective_index(wl, 340.0)))(WL)
    assert_allclose(coarse.group_index(WL, 340.0), coarse.effective_index(WL, 340.0) - WL * slope, rtol=1e-13)


def test_the_loss_is_that_of_the_mode_and_what_is_added(index):
    own = float(index.total_loss_db_cm(1.55))
    assert_allclose(own, 10 / np.log(10) * 4 * np.pi * 1e-6 / 1.55 * 1e4, atol=index.loss_error_db_cm)
    rough = dataclasses.replace(index, loss_db_cm=2.0)
    assert_allclose(rough.total_loss_db_cm(1.55) - own, 2.0, rtol=1e-12)
    passed = abs(Waveguide(1e4, rough).transmission(1.55)) ** 2
    assert_allclose(passed, 10 ** (-(own + 2.0) / 10), rtol=1e-12)


def test_turns_are_index_times_length_over_wavelength_up_to_one_whole_number(bent):
    length = 1234.5
    for model in (bent, bent.at(width=0.417), jax.tree.map(jnp.asarray, bent.at(width=0.483))):
        turns = model.turns(length, WL, 321.0)
        n = model.effective_index(WL, 321.0)
        exact = [Fraction(float(a)) * Fraction(length) / Fraction(float(b)) for a, b in zip(n, WL, strict=True)]
        whole = np.array([float(e) for e in exact]) - turns
        assert_allclose(whole, np.full(9, np.round(whole[0])), rtol=0, atol=1e-11)
        assert_allclose(model.turns(length, WL, 321.0, anchor=model.anchor(length)), turns, rtol=0)
        assert abs(model.anchor(length)) <= 0.5


def test_it_is_smooth(bent):
    wl = np.linspace(1.505, 1.595, 200)
    step = wl[1] - wl[0]
    n = np.asarray(bent.effective_index(wl, 312.3))
    curvature = -np.asarray(bent.dispersion_ps_nm_km(wl, 312.3)) * 1e-6 * SPEED_OF_LIGHT / wl
    third = np.gradient(np.gradient(curvature, step), step)
    noise = np.diff(n, 2) - (curvature * step**2 + third * step**4 / 12)[1:-1]
    assert np.max(np.abs(noise)) < 2e-14


def test_a_ring_of_it_is_the_ring_of_the_linear_index(index):
    for name, size in (("resonance", 1e-8), ("fsr", 1e-8), ("drift_pm_k", 1e-8)):
        mine, exact = (getattr(ring(model), name)(1.56, 320.0) for model in (index, LINEAR))
        assert_allclose(mine, exact, rtol=0, atol=size)


@pytest.mark.slow
def test_a_batch_of_widths_gives_what_each_gives_by_itself(index):
    widths = np.array([0.41, 0.45, 0.47])
    at_once = jax.vmap(lambda w: ring(index.at(width=w)).half_turns(WL, 310.0))(widths)
    each = [ring(index.at(width=w)).half_turns(WL, 310.0) for w in widths]
    apart = np.asarray(at_once) - np.asarray(each)
    assert_allclose(apart, np.broadcast_to(np.round(apart[:, :1]), apart.shape), atol=1e-11)
    assert_allclose(index.at(width=widths).effective_index(1.55), 2.44 + 0.8 * (widths - 0.45), atol=1e-12)
    rings = stack([ring(index.at(width=w)) for w in widths])
    assert_allclose(rings.anchor(), [ring(index.at(width=w)).anchor() for w in widths], atol=1e-12)
    stacked = jax.vmap(lambda one, anchor: one.half_turns(WL, 310.0, anchor=anchor))(rings, rings.anchor())
    assert_allclose(stacked, each, atol=1e-12)


@pytest.mark.slow
def test_the_resonance_moves_with_the_width_as_differences_say(coarse, assert_gradient):
    assert_gradient(lambda width: ring(coarse.at(width=width)).resonance(1.55, 310.0), jnp.asarray(0.45))


def test_derivatives_with_respect_to_every_leaf(coarse, assert_gradient):
    def values(model):
        turns = model.turns(40.0, 1.56, 320.0)
        rest = model.group_index(1.56, 320.0), model.attenuation(1.56, 320.0), model.thermo_optic(1.56, 320.0)
        return jnp.stack([jnp.cos(2.0 * jnp.pi * turns), *rest])

    assert_gradient(values, dataclasses.replace(coarse, loss_db_cm=1.0))


def solve_1d(points):
    return 2.0 + 1.0 / (points["wl"] - 1.2) + 0.0 * points["temperature"]


def solve_kinked(points):
    return 2.4 + np.abs(points["wl"] - 1.541) ** 3 + 1e-4 * np.sin(points["temperature"] / 20.0)


def solve_even(points):
    return 2.4 + 1.0 / (1.0 + 400.0 * (points["wl"] - 1.55) ** 2) + 0.0 * points["temperature"]


def solve_wide(points):
    return np.sqrt(3.0 + points["a"] * points["b"]) + np.cos(3.0 * points["a"]) * np.log(points["wl"])


@pytest.mark.parametrize("degrees", [4, 5, 6, 8])
@pytest.mark.parametrize(
    ("solve", "parameters"),
    [
        (curved, {"width": (0.33, 0.5)}),
        (solve_1d, {}),
        (solve_kinked, {}),
        (solve_even, {}),
        (solve_wide, {"a": (0.5, 2.0), "b": (-1.0, 2.0)}),
    ],
    ids=["curved", "pole", "kink", "even", "wide"],
)
def test_the_error_estimate_is_within_a_factor_of_ten_of_the_error(solve, parameters, degrees):
    model = IndexMap.fit(solve, degrees=degrees, **parameters)
    x = np.random.default_rng(1).uniform(-1, 1, (len(model.bounds), 4000))
    points = {
        name: 0.5 * ((1 - line) * low + (1 + line) * high)
        for line, (name, (low, high)) in zip(x, model.bounds, strict=True)
    }
    error = np.max(np.abs(chebyshev.evaluate(model.coefficients, x) - np.real(solve(points))))
    assert error / 2 < model.error_estimate < 10 * error


def test_float32_keeps_the_phase_of_a_ring(float32):
    def solve(points):
        return np.asarray(linear(points), np.complex128)

    index = IndexMap.fit(solve, width=(0.4, 0.5)).at(width=0.4321)
    wl, length, temperature = np.linspace(1.51, 1.59, 201), 4 * np.pi * 10.0, 321.5
    points = {"wl": wl, "temperature": np.full(201, temperature), "width": np.full(201, 0.4321)}
    exact = linear(points).real * length / wl

    def error(turns):
        assert turns.dtype == jnp.float32
        distance = np.asarray(turns, np.float64) - exact
        return np.max(np.abs(distance - np.round(distance[100])))

    assert error(index.turns(length, wl, temperature)) < 3e-6
    anchored = jax.jit(lambda model, base: model.turns(length, wl, temperature, base))
    assert error(anchored(index, index.anchor(length))) < 3e-6
    # A traced width has the digits of float32: 3e-9 um, and the index with it.
    assert error(jax.jit(lambda w: index.at(width=w).turns(length, wl, temperature))(0.4321)) < 5e-6
    # Formed as a product, the phase of longer paths is lost.
    naive = jnp.asarray(index.effective_index(wl, temperature)) * np.float32(length) / jnp.asarray(wl, jnp.float32)
    assert error(naive) > 1e-5


def test_float32_finds_the_resonance(index):
    exact = float(ring(index).resonance(1.55, 310.0))
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        found = AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.3), index).resonance(1.55, 310.0)
    assert found.dtype == jnp.float32
    assert abs(float(found) - exact) < 5e-7


def test_rings_of_several_widths_share_a_bus(index):
    rings = [ring(index.at(width=width)) for width in (0.44, 0.45, 0.46)]
    bus = RingBus(stack(rings), Waveguide(20.0, index))
    alone = [one.amplitudes(WL, 310.0).drop for one in rings]
    assert_allclose(bus.ring_amplitudes(WL, 310.0).drop, alone, atol=1e-11)


def test_a_number_outside_the_bounds_is_named(index):
    for call, message in (
        (lambda: index.effective_index(1.61), r"wl = 1.61 um is outside \[1.5, 1.6\]"),
        (lambda: index.turns(1.0, WL, 200.0), r"temperature = 200 K is outside \[280, 380\]"),
        (lambda: index.attenuation(-1.0), r"wl = -1 um is outside"),
        (lambda: index.at(width=0.51), r"width = 0.51 is outside \[0.4, 0.5\]"),
        (lambda: index.at(width="wide"), "width = 'wide' is not a real number"),
        (lambda: index.at(height=0.25), "height = 0.25: the map was made at height = 0.22 only"),
        (lambda: index.at(depth=0.1), "depth = 0.1 is not one of width"),
        (lambda: dataclasses.replace(index, loss_db_cm=-1.0), "loss_db_cm = -1 dB/cm is outside"),
        (lambda: dataclasses.replace(index, wl0=1.7), r"wl0 = 1.7 um is outside \[1.5, 1.6\]"),
        (lambda: dataclasses.replace(index, parameters={}), "bounds of width, temperature, wl are not those of"),
        (lambda: dataclasses.replace(index, coefficients=2.4), r"coefficients of shape \(\) lack an axis"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(("name", "value"), [("wl", 1.61), ("temperature", 381.0), ("width", 0.39)])
def test_a_traced_value_outside_the_bounds_is_a_run_time_error(index, name, value):
    def compiled(wl, temperature, width):
        return index.at(width=width).effective_index(wl, temperature)

    good = {"wl": 1.6, "temperature": 280.0, "width": 0.5}
    assert jnp.isfinite(eqx.filter_jit(compiled)(**{n: jnp.asarray(v) for n, v in good.items()}))
    with pytest.raises(eqx.EquinoxRuntimeError, match=f"{name} is outside"):
        eqx.filter_jit(compiled)(**{n: jnp.asarray(v) for n, v in (good | {name: value}).items()})


def test_a_map_of_one_temperature_refuses_derivatives_over_it():
    model = IndexMap.fit(linear, temperature=300.0, width=0.45)
    assert_allclose(model.group_index(WL), LINEAR.group_index(WL), atol=1e-11)
    assert_allclose(ring(model).resonance(1.55), ring(LINEAR).resonance(1.55), atol=1e-8)
    for call in (lambda: model.thermo_optic(1.55), lambda: ring(model).drift_pm_k(1.55)):
        with pytest.raises(ValueError, match="temperature = 300 K is the only one of the index map"):
            call()
    with pytest.raises(ValueError, match="temperature = 310 K is outside"):
        model.effective_index(1.55, 310.0)


def test_other_references_change_no_phase_but_for_a_whole_number(index):
    other = dataclasses.replace(index, wl0=1.52, temperature0=300.0)
    apart = other.turns(500.0, WL, 330.0) - index.turns(500.0, WL, 330.0)
    assert_allclose(apart, np.full(9, np.round(apart[0])), atol=1e-11)
