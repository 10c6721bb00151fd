"""Coupling of heaters to rings: closed forms, another quadrature, reciprocity, edges, maps, slopes, transients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Circle, Disk, Point, Rectangle
from photonics_core.thermal_chip import Chip
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_stack import Adiabatic, Convection, FixedTemperature, Layer, ThermalRegion, ThermalStack

LAYERS = (
    Layer.of("substrate", "silicon", 700.0),
    Layer.of("box", "silica", 2.0),
    Layer.of("device", "silicon film", 0.22, in_plane=60.0),
    Layer.of("clad", "silica", 3.0),
    Layer.of("fill", "underfill", 30.0, contact=1e-7),
)
STACK = ThermalStack(LAYERS, FixedTemperature(), Convection(1e4))
RING = ThermalRegion(Circle(400.0, 420.0, 10.0, count=128), "device")
CHIP = Chip(1000.0, 800.0)


def over(shape):
    return ThermalRegion(shape, "clad", 1.78, 0.1)


HEATERS = (
    over(Annulus(401.3, 420.2, 9.0, 11.0)),
    over(Rectangle(403.0, 421.0, 2.0, 20.0, 0.4, counts=(16, 48))),
    over(Polygon([[0, 0], [12, 2], [3, 4], [1, 9.0]], 397.0, 418.0, 32)),
    over(Circle(470.0, 420.0, 9.0)),
)


@eqx.filter_jit
def coupling(layout):
    return layout.coupling()


@pytest.fixture(scope="module")
def layout():
    probes = (RING, ThermalRegion(Point(405.0, 425.0), "device"))
    return ThermalLayout(STACK, HEATERS, probes, CHIP, near=4)


@pytest.fixture(scope="module")
def matrix(layout):
    return coupling(layout)


@pytest.mark.slow
def test_every_shape_agrees_with_a_quadrature_over_wavenumbers(layout, matrix):
    """Its Fourier transform, integrated over angle and wavenumber, has nothing in common with its points."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.concatenate([[0.0], np.geomspace(1e-7, 0.05, 40), np.arange(0.15, 14.0, 0.1)])
    widths = np.diff(edges)[:, None]
    kappa, weight = (edges[:-1, None] + 0.5 * widths * (nodes + 1)).ravel(), (0.5 * widths * weights).ravel()
    angle = 2 * np.pi * (np.arange(256) + 0.5) / 256
    kx, ky = (jnp.asarray(kappa[:, None] * e) for e in (np.cos(angle), np.sin(angle)))
    for j, heater in enumerate(HEATERS[:3]):
        dx, dy = float(heater.shape.x - RING.shape.x), float(heater.shape.y - RING.shape.y)
        wave = np.asarray(heater.shape.transform(kx, ky)) * np.exp(-1j * (np.asarray(kx) * dx + np.asarray(ky) * dy))
        mean = np.mean((wave * np.asarray(RING.shape.transform(kx, ky))).real, axis=1)
        transfer = np.asarray(STACK.transfer(kappa, heater, RING))
        np.testing.assert_allclose(matrix[0, j], np.sum(weight * kappa * transfer * mean) / (2 * np.pi), rtol=1e-9)


@pytest.mark.slow
def test_heater_and_probe_may_be_swapped(layout, matrix):
    swapped = ThermalLayout(STACK, layout.probes, HEATERS, CHIP, near=4)
    np.testing.assert_allclose(coupling(swapped).T, matrix, rtol=1e-10)


@pytest.mark.slow
def test_temperature_is_linear_and_powers_are_found_again(layout):
    power = np.array([[1.0, 0.5], [0.0, 2.0]])
    small = ThermalLayout(STACK, HEATERS[:2], layout.probes, CHIP)
    heated = eqx.filter_jit(lambda one, power: one.temperature(power))
    temperature = heated(small, power)
    np.testing.assert_allclose(temperature[0] + temperature[1], heated(small, power[None, 0] + power[1])[0], rtol=1e-13)
    np.testing.assert_allclose(eqx.filter_jit(lambda one, t: one.power_for(t))(small, temperature), power, atol=1e-9)


def half_space(depth=2e5):
    return ThermalStack((Layer("half space", depth, 10.0),), FixedTemperature(), Adiabatic())


@pytest.mark.slow
def test_disk_on_a_half_space_is_that_of_carslaw_and_jaeger():
    """Centre q a / k and mean 8 q a / (3 pi k) for the flux q, so power / (pi a k) and 8 power / (3 pi^2 a k)."""
    a, thickness, depth = 20.0, 1e-3, 2e5
    heater = ThermalRegion(Disk(0.0, 0.0, a, counts=(48, 2)), "half space", depth - thickness, thickness)
    centre = ThermalRegion(Point(0.0, 0.0), "half space", depth - thickness, thickness)
    found = coupling(ThermalLayout(half_space(depth), (heater,), (centre,), scale=0.02))[0, 0]
    np.testing.assert_allclose(found, 1.0 / (np.pi * a * 0.01), rtol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("thickness", [0.2, 2.0])
def test_points_of_a_film_converge_in_its_own_plane(thickness):
    """Of a film that is heated itself: once rings of points are closer than it is thick, they say the same."""
    stack, found = half_space(1e3), []
    for count in (4, 8, 16):
        pair = [
            ThermalRegion(Annulus(0.0, 0.0, 9.0, 11.0, (n, 2)), "half space", 900.0, thickness)
            for n in (count, count + 1)
        ]
        found.append(float(coupling(ThermalLayout(stack, pair[:1], pair[1:]))[0, 0]))
    errors = np.abs(np.diff(found)) / found[-1]
    assert errors[1] < 0.5 * errors[0] and errors[1] < {0.2: 5e-3, 2.0: 1e-3}[thickness]


def test_even_flux_sees_layers_in_series():
    stack = ThermalStack(
        (Layer("a", 100.0, 100.0), Layer("b", 2.0, 1.4, contact=2e-8)), FixedTemperature(), Convection(500.0)
    )
    flat = ThermalRegion(Point(), "b", 1.0, 0.5)
    below, above = 100.0 / 0.1 + 20.0 + 1.25 / 1.4e-3, 0.75 / 1.4e-3 + 1.0 / 500e-9
    # The mean over places z and z' in the slab: the resistance below the lower in parallel with that above the higher.
    inner, places = 0.5 / 1.4e-3, (np.arange(2000) + 0.5) / 2000 - 0.5
    low = below + inner * np.minimum(places[:, None], places[None, :])
    high = above - inner * np.maximum(places[:, None], places[None, :])
    exact = np.mean(low * high) / (below + above)
    np.testing.assert_allclose(stack.transfer(0.0, flat, flat), exact, rtol=1e-6)
    bottom, top = stack.heat_flow(flat)
    np.testing.assert_allclose(bottom + top, 1.0, rtol=1e-13)
    np.testing.assert_allclose(bottom, above / (below + above), rtol=1e-12)


@pytest.mark.slow
def test_edges_are_those_of_the_map():
    """Images of the layout against the even and the odd extension of a Fourier series, on a thin chip."""
    thin = ThermalStack((Layer("a", 20.0, 5.0), Layer("b", 3.0, 1.4)), FixedTemperature(), Adiabatic())
    heater = ThermalRegion(Rectangle(30.0, 20.0, 12.0, 8.0), "b", 2.0, 0.5)
    places = [(10.25, 5.25), (60.25, 40.25), (0.25, 20.25)]
    probes = [ThermalRegion(Point(x, y), "a", 18.0, 2.0) for x, y in places]
    for edges in ("adiabatic", "fixed", "open"):
        chip = Chip(128.0, 128.0, edges, images=2)
        layout = ThermalLayout(thin, (heater,), probes, chip, near=30)
        # Pixels of 0.5 um, 2 um under the heater: what they cannot show is exp(-pi 2 / 0.5) of it, 3.5e-6.
        field = layout.temperature_map(np.array([1.0]), "a", 18.0, 2.0, (256, 256))
        mapped = np.array([field[int(2 * x), int(2 * y)] for x, y in places])
        # An open box is seen with its copies, which are some thicknesses away here: exp(-pi / 2 128 / 23).
        error = 2e-3 if edges == "open" else 3.5e-6
        np.testing.assert_allclose(coupling(layout)[:, 0], mapped, atol=error * np.max(field))
    with pytest.raises(ValueError, match="give the size of the box"):
        ThermalLayout(thin, (heater,), probes).temperature_map(np.array([1.0]), "a")


def test_far_heaters_with_few_points_are_those_with_many():
    heaters = [over(Rectangle(100.0 + 60.0 * k, 100.0, 2.0, 20.0)) for k in range(4)]
    probes = [ThermalRegion(Circle(100.0, 100.0, 10.0), "device")]
    few, many = (coupling(ThermalLayout(STACK, heaters, probes, near=near)) for near in (1, 4))
    np.testing.assert_allclose(few, many, rtol=1e-7)
    assert np.any(np.asarray(few) != np.asarray(many))


@pytest.mark.slow
def test_slopes_are_those_of_differences():
    """In place, size and depth of heater, radius of the ring, thickness and conductivity of a layer."""

    @jax.jit
    def value(numbers):
        x, y, width, height, depth, silica, box, radius, convection = numbers
        layers = (LAYERS[0], Layer("box", box, 1.38), *LAYERS[2:3], Layer("clad", 3.0, silica), LAYERS[4])
        stack = ThermalStack(layers, FixedTemperature(), Convection(convection))
        heaters = [ThermalRegion(Rectangle(x, y, width, height, 0.3), "clad", depth, 0.1)]
        return ThermalLayout(stack, heaters, [ThermalRegion(Circle(0.0, 0.0, radius), "device")]).coupling()[0, 0]

    at = np.array([3.0, -2.0, 3.0, 12.0, 1.5, 1.38, 2.0, 8.0, 1e4])
    slopes = np.asarray(jax.jit(jax.grad(value))(at))
    for k, size in enumerate(at):
        step = np.zeros(at.size)
        step[k] = 1e-3 * abs(size)
        rise = [float(value(at + n * step)) for n in (1, -1, 2, -2)]
        difference = (8.0 * (rise[0] - rise[1]) - (rise[2] - rise[3])) / (12.0 * step[k])
        np.testing.assert_allclose(slopes[k], difference, rtol=1e-6, atol=1e-9 / abs(size), err_msg=f"number {k}")


def test_a_heater_right_over_a_point_has_a_slope_of_zero():
    def value(x):
        heater = ThermalRegion(Disk(x, 0.0, 3.0), "clad", 1.78, 0.1)
        return ThermalLayout(STACK, [heater], [ThermalRegion(Point(0.0, 0.0), "device")]).coupling()[0, 0]

    np.testing.assert_allclose(jax.jit(jax.grad(value))(0.0), 0.0, atol=1e-10)


@pytest.mark.slow
def test_maximum_principle_on_random_layouts():
    """Without a source a temperature is between its neighbours': the hottest is a heater's, none is below 0."""
    random = np.random.default_rng(5)
    count, points = 3, 40

    @jax.jit
    def temperatures(numbers, places):
        heaters = [over(Rectangle(*numbers[k, :4], numbers[k, 4], counts=(8, 8))) for k in range(count)]
        probes = [ThermalRegion(Point(*place), "clad", 1.0, 0.3) for place in places]
        probes += [over(Rectangle(*numbers[k, :4], numbers[k, 4], counts=(3, 3))) for k in range(count)]
        layout = ThermalLayout(STACK, heaters, probes, near=count)
        return layout.temperature(numbers[:, 5])

    for _ in range(200):
        middle, size = random.uniform(0, 60, (count, 2)), random.uniform(1, 12, (count, 2))
        rest = np.stack([random.uniform(0, 3, count), random.uniform(0, 5, count)], axis=1)
        places = random.uniform(-20, 80, (points, 2))
        found = temperatures(np.concatenate([middle, size, rest], axis=1), places)
        assert np.min(found) > 0.0 and np.argmax(found) >= points


@pytest.mark.slow
def test_step_response_of_a_point_in_an_infinite_medium():
    k, capacity = 1.38, 1620.0
    stack = ThermalStack(
        [Layer(name, 1e6, k, heat_capacity=capacity) for name in "ab"], FixedTemperature(), FixedTemperature()
    )
    heater = ThermalRegion(Point(0.0, 0.0), "b", 1.0, 1e-3)
    layout = ThermalLayout(stack, [heater], [ThermalRegion(Point(3.0, 0.0), "b", 5.0, 1e-3)])
    time = np.array([1e7, 1e9])
    exact = special.erfc(5.0 / np.sqrt(4e-3 * k / capacity * time)) / (4e-3 * np.pi * k * 5.0)
    found = np.asarray(eqx.filter_jit(lambda one: one.step_response(time))(layout))[0, 0]
    np.testing.assert_allclose(found, exact, atol=1e-6 * exact[-1])


@pytest.mark.slow
def test_impedance_at_a_slow_rate_is_the_coupling(layout, matrix):
    slow = eqx.filter_jit(lambda one: one.impedance(1e-14 + 1e-14j))(layout)
    np.testing.assert_allclose(slow.real, matrix, rtol=1e-3)


def test_bad_layouts_are_named():
    with pytest.raises(ValueError, match=r"heaters\[0\] from x = -8 to 12 um is outside the chip, \[0, 1000\] um"):
        ThermalLayout(STACK, [over(Circle(2.0, 50.0, 10.0))], [RING], CHIP)
    with pytest.raises(ValueError, match=r"region from 2.95 to 3.05 um is outside layer 'clad', which is 3 um thick"):
        ThermalLayout(STACK, [ThermalRegion(Circle(50.0, 50.0, 9.0), "clad", 2.95, 0.1)], [RING])
    with pytest.raises(ValueError, match="layer = 'moon' is not one of 'substrate'"):
        ThermalLayout(STACK, [ThermalRegion(Circle(50.0, 50.0, 9.0), "moon")], [RING])
    with pytest.raises(ValueError, match="heaters is empty"):
        ThermalLayout(STACK, [], [RING])
    with pytest.raises(ValueError, match="edges = 'round' is not one of"):
        Chip(10.0, 10.0, "round")
    with pytest.raises(ValueError, match=r"power of shape \(3,\) is not \[1\]"):
        ThermalLayout(STACK, [RING], [RING]).temperature_map(np.ones(3), "device", box=(9.0, 9.0))
    with pytest.raises(ValueError, match=r"time = -1 ps is outside \(0, inf\)"):
        ThermalLayout(STACK, [RING], [RING]).step_response([-1.0])
    one = ThermalLayout(STACK, [RING], [RING])
    with pytest.raises(ValueError, match=r"power of shape \(2,\) is not \[1\], one number a heater"):
        one.temperature([1.0, 2.0])
    with pytest.raises(ValueError, match="power = nan mW is outside"):
        one.temperature([np.nan])
    with pytest.raises(ValueError, match=r"temperature of shape \(2,\) is not \[1\], one number a probe"):
        one.power_for([1.0, 2.0])
    with pytest.raises(ValueError, match=r"heaters\[0\] from x = 390 to 410 um is outside the chip, \[0, 100\] um"):
        one.temperature_map([1.0], "device", box=(100.0, 100.0))
    with pytest.raises(ValueError, match="number of pixels = 0 is outside"):
        one.temperature_map([1.0], "device", shape=(0, 16), box=(900.0, 900.0))
    with pytest.raises(ValueError, match="real part of the rate = -1e-07 1/ps is outside"):
        one.impedance(-1e-7)
    with pytest.raises(ValueError, match=r"rate of shape \(2,\) is not one number"):
        one.impedance([1e-7, 1e-6])
    with pytest.raises(ValueError, match="terms = 0 is outside"):
        one.step_response([1.0], 0)
    with pytest.raises(ValueError, match=r"time of shape \(\) is not \[times\]"):
        one.step_response(1.0)
    with pytest.raises(ValueError, match="stack = 3 is not of the kind ThermalStack"):
        ThermalLayout(3, [RING], [RING])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="chip = .* is not of the kind Chip"):
        ThermalLayout(STACK, [RING], [RING], (9.0, 9.0))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="are not a list of ThermalRegion"):
        ThermalLayout(STACK, RING, [RING])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"heaters\[0\] = Circle.* is not of the kind ThermalRegion"):
        ThermalLayout(STACK, [RING.shape], [RING])


@pytest.mark.usefixtures("float32")
def test_single_precision():
    layout = ThermalLayout(STACK, HEATERS[:2], (RING,))
    found = coupling(layout)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found[0], [1.48851299, 1.37669765], rtol=3e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_single_precision_in_time():
    """A point in an infinite medium: eight terms of the inverse transform, as more are rounding only."""
    k, capacity = 1.38, 1620.0
    stack = ThermalStack(
        [Layer(name, 1e6, k, heat_capacity=capacity) for name in "ab"], FixedTemperature(), FixedTemperature()
    )
    layout = ThermalLayout(
        stack, [ThermalRegion(Point(), "b", 1.0, 1e-3)], [ThermalRegion(Point(3.0, 0.0), "b", 5.0, 1e-3)]
    )
    time = np.array([1e6, 3e6, 1e7, 1e8, 1e10])
    found = eqx.filter_jit(lambda one: one.step_response(time))(layout)[0, 0]
    assert found.dtype == jnp.float32
    exact = special.erfc(5.0 / np.sqrt(4e-3 * k / capacity * time)) / (4e-3 * np.pi * k * 5.0)
    # Measured: 2.3e-5 of the final value, 1e-5 at 100 us; twelve terms were off by 4.3e-5.
    np.testing.assert_allclose(found, exact, rtol=0.0, atol=4e-5 * exact[-1])
