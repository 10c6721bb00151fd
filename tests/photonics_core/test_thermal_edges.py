"""Edges of a chip that is not wider than thick, beside a series over all modes of the chip, without images."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.heat_shapes import Disk, Point
from photonics_core.kernels.edges import HIGHEST, edge_modes
from photonics_core.kernels.heat import slab_transfer
from photonics_core.kernels.laplace import inverted
from photonics_core.thermal_chip import Chip
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_stack import Adiabatic, FixedTemperature, Layer, ThermalRegion, ThermalStack

WIDTH, HEIGHT = 40.0, 30.0
PLACES = [(12.0, 11.0), (1.0, 29.5), (39.0, 2.0)]


def stack(k=148.0):
    return ThermalStack((Layer("base", 200.0, k), Layer("oxide", 5.0, 1.4)), FixedTemperature(), Adiabatic())


def layout(edges, x=10.0, k=148.0, images=1):
    heater = ThermalRegion(Point(x, 12.0), "oxide", 4.0, 0.5)
    probes = [ThermalRegion(Point(*place), "oxide", 1.0, 0.5) for place in PLACES]
    return ThermalLayout(stack(k), [heater], probes, Chip(WIDTH, HEIGHT, edges, images), near=30)


def series(edges, x=10.0):
    """Modes up to exp(-12 * 2.5) of a distance in height of 2.5 um."""
    fixed = edges == "fixed"
    kx, ky, weight = edge_modes(WIDTH, HEIGHT, 12.0 / HIGHEST, fixed)
    wave = np.sin if fixed else np.cos
    source, probe = (ThermalRegion(Point(), "oxide", low, 0.5) for low in (4.0, 1.0))
    transfer = weight * np.asarray(stack().transfer(np.hypot(kx, ky), source, probe)) * wave(kx * x) * wave(ky * 12.0)
    return np.array([np.sum(transfer * wave(kx * px) * wave(ky * py)) for px, py in PLACES])


@eqx.filter_jit
def coupling(one):
    return one.coupling()[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize("edges", ["adiabatic", "fixed"])
def test_a_chip_as_wide_as_a_fraction_of_its_thickness(edges):
    exact = series(edges)
    np.testing.assert_allclose(
        coupling(layout(edges)), exact, rtol=1e-6 if edges == "fixed" else 1e-8, atol=1e-9 * np.max(exact)
    )


@pytest.mark.slow
def test_slopes_next_to_an_edge():
    @jax.jit
    def value(numbers):
        return layout("adiabatic", *numbers).coupling()[2, 0]

    at = np.array([38.0, 148.0])
    slopes = np.asarray(jax.jit(jax.grad(value))(at))
    for k, step in enumerate(np.diag([1e-2, 0.1])):
        rise = [float(value(at + n * step)) for n in (1, -1, 2, -2)]
        difference = (8.0 * (rise[0] - rise[1]) - (rise[2] - rise[3])) / (12.0 * step[k])
        np.testing.assert_allclose(slopes[k], difference, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("edges", ["adiabatic", "fixed"])
def test_step_responses_are_those_of_all_modes(edges):
    """Before the heat has crossed the chip, while it does, and when it is through the base."""
    time, fixed = jnp.asarray([1e6, 1e7, 1e8, 1e10]), edges == "fixed"
    kx, ky, weight = edge_modes(WIDTH, HEIGHT, 12.0 / HIGHEST, fixed)
    wave, kernel = (np.sin if fixed else np.cos), stack().kernel()
    source, probe = (stack().slab(ThermalRegion(Point(), "oxide", low, 0.5)) for low in (4.0, 1.0))
    squares = jnp.asarray(kx**2 + ky**2, complex)
    modes = weight * wave(kx * 10.0) * wave(ky * 12.0)
    modes = jnp.asarray([modes * wave(kx * x) * wave(ky * y) for x, y in PLACES])

    def transform(rate):
        return modes.astype(complex) @ slab_transfer(kernel, squares, rate, source, probe) / rate

    exact = jax.jit(lambda: inverted(transform, time))()
    found = jax.jit(lambda: layout(edges).step_response(time))()[:, 0]
    np.testing.assert_allclose(found.T, exact, rtol=0.0, atol=1e-7 * np.max(exact))


@pytest.mark.slow
def test_results_do_not_depend_on_how_many_images_are_summed_one_by_one():
    one, two = (coupling(layout("adiabatic", images=images)) for images in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-8)


@pytest.mark.slow
def test_a_slow_rate_is_the_steady_state_and_shapes_may_be_swapped():
    still = layout("adiabatic")
    slow = eqx.filter_jit(lambda one: one.impedance(1e-16))(still)
    np.testing.assert_allclose(slow[:, 0].real, coupling(still), rtol=1e-6)
    heater = ThermalRegion(Disk(5.0, 6.0, 3.0), "oxide", 4.0, 0.5)
    pair = [
        ThermalLayout(stack(), *e, Chip(WIDTH, HEIGHT, "adiabatic"), near=9)
        for e in (([heater], [still.probes[0]]), ([still.probes[0]], [heater]))
    ]
    np.testing.assert_allclose(coupling(pair[0]), coupling(pair[1]), rtol=1e-8)


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_single_precision():
    found = coupling(layout("adiabatic"))
    assert found.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = series("adiabatic")
    np.testing.assert_allclose(found, exact, rtol=2e-5)
