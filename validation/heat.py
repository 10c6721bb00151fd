"""Heat in a layered chip: closed forms, reciprocity, energy, a time-dependent source, and how far one pole misses."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse, special
from scipy.interpolate import CubicSpline
from scipy.sparse.linalg import splu

from photonics_core.foster import foster_fit
from photonics_core.heat_shapes import Annulus, Circle, Disk, Point, Rectangle
from photonics_core.kernels.edges import HIGHEST, edge_modes
from photonics_core.kernels.heat import Slab, slab_transfer
from photonics_core.kernels.laplace import inverted
from photonics_core.kernels.radial_transform import TRANSIENT, line_transform, ray_squares
from photonics_core.thermal_chip import Chip
from photonics_core.thermal_edges import mode_means
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_stack import Adiabatic, Convection, FixedTemperature, Layer, ThermalRegion, ThermalStack
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

CARSLAW_JAEGER = "H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 2nd ed. (1959)"


def seven_layers() -> ThermalStack:
    """A photonic chip under an electronic die, on a heat sink at the bottom and in air at the top."""
    layers = (
        Layer.of("substrate", "silicon", 700.0),
        Layer.of("box", "silica", 2.0),
        Layer.of("device", "silicon film", 0.22),
        Layer.of("clad", "silica", 3.0),
        Layer.of("metal", "aluminium", 1.0),
        Layer.of("fill", "underfill", 30.0),
        Layer.of("die", "silicon", 300.0),
    )
    return ThermalStack(layers, FixedTemperature(), Convection(1e4))


def ring(x: float, y: float) -> ThermalRegion:
    """The guide of a ring of 10 um radius."""
    return ThermalRegion(Circle(x, y, 10.0), "device")


def ring_heater(x: float, y: float) -> ThermalRegion:
    """A film of 2 x 0.1 um along the ring, 2 um over the bottom of the core."""
    return ThermalRegion(Annulus(x, y, 9.0, 11.0), "clad", 1.78, 0.1)


@case(
    "heat.line_over_sink",
    source=f"{CARSLAW_JAEGER}: ln(sqrt(x^2 + 4 H^2) / x) / (2 pi k)",
    kind="analytic",
    is_long=True,
)
@in_float64
def line_over_sink() -> Evidence:
    """Largest relative difference in the plane of a line that lies H over a sink, from 0.1 to 7 H aside."""
    height, thin = 3.0, 1e-4
    stack = ThermalStack((Layer("a", height, 1.4), Layer("b", 1e6, 1.4)), FixedTemperature(), Adiabatic()).kernel()
    line = Slab(1, jnp.asarray(0.0), jnp.asarray(thin))
    x = np.array([0.3, 1.0, 4.0, 20.0])
    squares = ray_squares(np.dtype(complex))
    field = line_transform(slab_transfer(stack, squares, jnp.zeros((), complex), line, line), jnp.asarray(x))
    exact = np.log(np.sqrt(x**2 + 4 * height**2) / x) / (2 * np.pi * 1.4e-3)
    return Evidence(float(np.max(np.abs(field / exact - 1))), 0.0, 1e-4)


def _on_half_space(probe: ThermalRegion, rings: int) -> float:
    """Temperature for a disk of 20 um on it, times radius and conductivity over power."""
    heater = ThermalRegion(Disk(0.0, 0.0, 20.0, (rings, 2)), "a", 2e6 - 1e-3, 1e-3)
    stack = ThermalStack((Layer("a", 2e6, 10.0),), FixedTemperature(), Adiabatic())
    return float(ThermalLayout(stack, (heater,), (probe,), scale=0.01).coupling()[0, 0]) * 0.01 * 20.0


@case("heat.disk_centre", source=f"{CARSLAW_JAEGER}, sec. 8.2: q a / k", kind="analytic", is_long=True)
@in_float64
def disk_centre() -> Evidence:
    """Temperature at the centre of a disk on a half space, times radius and conductivity over power."""
    centre = ThermalRegion(Point(0.0, 0.0), "a", 2e6 - 1e-3, 1e-3)
    return Evidence(_on_half_space(centre, 64), 1.0 / np.pi, 1e-4 / np.pi)


@case("heat.disk_mean", source=f"{CARSLAW_JAEGER}, sec. 8.2: 8 q a / (3 pi k)", kind="analytic", is_long=True)
@in_float64
def disk_mean() -> Evidence:
    """Mean over the disk, likewise, from its Fourier transform; what is left out falls with the square of the reach."""
    radius, thin = 20.0, 1e-4
    stack = ThermalStack((Layer("a", 2e6, 10.0),), FixedTemperature(), Adiabatic())
    disk = ThermalRegion(Disk(0.0, 0.0, radius), "a", 2e6 - thin, thin)
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.concatenate([[0.0], np.geomspace(1e-8, 0.05, 60), np.arange(0.1, 20.0, 0.05)])
    widths = np.diff(edges)[:, None]
    kappa, weight = (edges[:-1, None] + 0.5 * widths * (nodes + 1)).ravel(), (0.5 * widths * weights).ravel()
    share = np.asarray(disk.shape.transform(jnp.asarray(kappa), jnp.zeros(kappa.size)).real)
    mean = np.sum(weight * kappa * np.asarray(stack.transfer(kappa, disk, disk)) * share**2) / (2.0 * np.pi)
    exact = 8.0 / (3.0 * np.pi**2)
    return Evidence(float(mean) * 0.01 * radius, exact, 1e-4 * exact)


@case("heat.even_flux", source="resistances in series: layers, contact and convection", kind="analytic", is_long=True)
@in_float64
def even_flux() -> Evidence:
    """Temperature of the top film for heat in it that leaves at the bottom, in K um^2/mW."""
    layers = (Layer("a", 100.0, 100.0, contact=2e-8), Layer("b", 2.0, 1.4, contact=1e-8), Layer("c", 0.5, 20.0))
    stack = ThermalStack(layers, Convection(5e5), Adiabatic())
    film = ThermalRegion(Point(), "c")
    series = 1 / 5e-4 + 20.0 + 100.0 / 0.1 + 10.0 + 2.0 / 1.4e-3 + 0.5 / (3.0 * 0.02)
    return Evidence(float(stack.transfer(0.0, film, film)), series, 1e-9 * series, "K um^2/mW")


def _two_points() -> tuple[ThermalLayout, float, float]:
    """A point 5 um from another in an infinite medium; conductivity in mW/(um K) and heat capacity."""
    k, capacity = 1.38, 1620.0
    layers = [Layer(name, 1e6, k, heat_capacity=capacity) for name in "ab"]
    stack = ThermalStack(layers, FixedTemperature(), FixedTemperature())
    heater = ThermalRegion(Point(0.0, 0.0), "b", 1.0, 1e-3)
    return ThermalLayout(stack, [heater], [ThermalRegion(Point(3.0, 0.0), "b", 5.0, 1e-3)]), 1e-3 * k, capacity


@case(
    "heat.point_step",
    source=f"{CARSLAW_JAEGER}, sec. 10.4: erfc(r / sqrt(4 D t)) / (4 pi k r)",
    kind="analytic",
    is_long=True,
)
@in_float64
def point_step() -> Evidence:
    """Largest difference over the final value, over four decades of time."""
    layout, k, capacity = _two_points()
    time = np.geomspace(1e6, 1e10, 9)
    exact = special.erfc(5.0 / np.sqrt(4.0 * k / capacity * time)) / (4.0 * np.pi * k * 5.0)
    found = np.asarray(jax.jit(lambda one: one.step_response(time))(layout))[0, 0]
    return Evidence(float(np.max(np.abs(found - exact)) / exact[-1]), 0.0, 1e-5)


@case(
    "heat.point_impulse",
    source=f"{CARSLAW_JAEGER}, sec. 10.2: an instantaneous point source",
    kind="analytic",
    is_long=True,
)
@in_float64
def point_impulse() -> Evidence:
    """Largest difference over the largest value, for exp(-r^2 / (4 D t)) / (c (4 pi D t)^(3/2))."""
    layout, k, capacity = _two_points()
    time, spread = np.geomspace(1e6, 1e9, 7), 4.0 * k / capacity
    exact = np.exp(-25.0 / (spread * time)) / (capacity * (np.pi * spread * time) ** 1.5)
    found = jax.jit(lambda one: inverted(one.impedance, jnp.asarray(time)))(layout)[:, 0, 0]
    return Evidence(float(np.max(np.abs(np.asarray(found) - exact)) / np.max(exact)), 0.0, 1e-5)


def _line_impulse(terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Temperature of 1 fJ/um set free at once along a line in an infinite medium, and its closed form."""
    k, capacity, x, z = 1.38e-3, 1620.0, np.array([0.5, 3.0, 10.0]), 4.0
    layers = [Layer(name, 1e6, 1e3 * k, heat_capacity=capacity) for name in "ab"]
    stack = ThermalStack(layers, FixedTemperature(), FixedTemperature()).kernel()
    line, probe = (Slab(1, jnp.asarray(low), jnp.asarray(low + 1e-3)) for low in (1.0, 1.0 + z))
    squares = ray_squares(np.dtype(complex), TRANSIENT)

    def transform(rate: jax.Array) -> jax.Array:
        there, back = (slab_transfer(stack, each, rate, line, probe) for each in (squares, squares.conj()))
        return line_transform(there, jnp.asarray(x), back, TRANSIENT)

    time = np.geomspace(1e6, 1e9, 7)
    found = jax.jit(lambda time: inverted(transform, time, terms))(jnp.asarray(time))
    spread = 4.0 * k / capacity * time[:, None]
    return np.asarray(found), np.exp(-(x**2 + z**2) / spread) / (4.0 * np.pi * k * time[:, None])


@case(
    "heat.line_impulse",
    source=f"{CARSLAW_JAEGER}, sec. 10.3: Q exp(-r^2 / (4 D t)) / (4 pi k t) of an instantaneous line source",
    kind="analytic",
    is_long=True,
)
@in_float64
def line_impulse() -> Evidence:
    """Largest difference over the largest value at each place, at three places over three decades of time."""
    found, exact = _line_impulse(12)
    return Evidence(float(np.max(np.abs(found - exact) / np.max(exact, axis=0))), 0.0, 1e-5)


@case(
    "heat.line_impulse_rate",
    source="J. Abate and W. Whitt, INFORMS J. Comput. 18, 408 (2006)",
    kind="analytic",
    is_long=True,
)
@in_float64
def line_impulse_rate() -> Evidence:
    """Digits that each term of the inverse transform adds, from 4 to 10 terms."""
    errors = [np.max(np.abs(found - exact)) for found, exact in map(_line_impulse, (4, 10))]
    return Evidence(float(np.log10(errors[0] / errors[1])) / 6.0, 0.6, 0.1)


@case("heat.volumes", source="finite volumes in r and z, extrapolated from two grids", kind="peer", is_long=True)
@in_float64
def volumes() -> Evidence:
    """Coupling of a ring's heater to it in seven layers, in K/mW."""
    found = ThermalLayout(seven_layers(), [ring_heater(0.0, 0.0)], [ring(0.0, 0.0)]).coupling()
    coarse, fine = (_by_volumes(size) for size in (2.0, 1.0))
    return Evidence(float(found[0, 0]), fine - (coarse - fine) / 3.0, 3e-4, "K/mW")


def _by_volumes(size: float) -> float:
    """Mean over the ring of finite volumes of second order; cells and their growth go with `size`."""
    heights = (("hi", 0.1, 700.0), ("both", 0.1, 2.0), ("even", 0.05, 0.22), ("both", 0.05, 1.78), ("even", 0.02, 0.1))
    heights += (("both", 0.05, 1.12), ("both", 0.1, 1.0), ("both", 0.1, 30.0), ("lo", 0.2, 300.0))
    parts = [_graded(length, size * least, 1.0 + 0.15 * size, end) for end, least, length in heights]
    layer = np.repeat([0, 1, 2, 3, 3, 3, 4, 5, 6], [part.size for part in parts])
    dz, k = np.concatenate(parts), 1e-3 * np.array([float(e.conductivity) for e in seven_layers().layers])[layer]
    growth = 1.0 + 0.1 * size
    ends = ((9.0, "hi"), (2.0, "even"), (2e4, "lo"))
    dr = np.concatenate([_graded(length, 0.1 * size, growth, end) for length, end in ends])
    faces = np.concatenate([[0.0], np.cumsum(dr)])
    middle, area = 0.5 * (faces[1:] + faces[:-1]), np.pi * np.diff(faces**2)
    half = 0.5 * dz / k
    upright = chain(1.0 / (half[1:] + half[:-1]), 1.0 / half[0], 1.0 / (half[-1] + 1e5))
    outward = chain(2.0 * np.pi * faces[1:-1] / np.diff(middle), 0.0, 0.0)
    matrix = sparse.kron(outward, sparse.diags(k * dz)) + sparse.kron(sparse.diags(area), upright)
    start = np.cumsum([part.size for part in parts])
    heated = (np.arange(dz.size) >= start[3]) & (np.arange(dz.size) < start[4])
    power = np.outer(area * ((middle > 9.0) & (middle < 11.0)), dz * heated)
    field = splu(sparse.csc_matrix(matrix)).solve(np.ravel(power / np.sum(power))).reshape(power.shape)
    core = field[:, layer == 2] @ dz[layer == 2] / np.sum(dz[layer == 2])
    return float(CubicSpline(middle, core)(10.0))


def _graded(length: float, least: float, growth: float, end: str) -> np.ndarray:
    """Cells that fill a length, small at its low or high end or at both, or even."""
    if end == "even":
        return np.full(max(2, round(length / least)), length / max(2, round(length / least)))
    if end == "both":
        half = _graded(0.5 * length, least, growth, "lo")
        return np.concatenate([half, half[::-1]])
    cells = least * growth ** np.arange(math.ceil(math.log1p(length / least * (growth - 1.0)) / math.log(growth)))
    cells *= length / np.sum(cells)
    return cells if end == "lo" else cells[::-1]


def chain(between: np.ndarray, first: float, last: float) -> Any:
    """Conductances along a row of cells, and from its ends to the surroundings, as a sparse matrix."""
    own = np.concatenate([[first], between]) + np.concatenate([between, [last]])
    return sparse.diags((-between, own, -between), (-1, 0, 1))  # pyright: ignore[reportArgumentType]


@case(
    "heat.reciprocity",
    source="heater and probe swapped, of other shapes, in other layers",
    kind="analytic",
    is_long=True,
)
@in_float64
def reciprocity() -> Evidence:
    """Largest relative difference of the matrix from that with heaters and probes swapped."""
    heaters = (ring_heater(3.0, 1.0), ThermalRegion(Rectangle(40.0, 5.0, 2.0, 12.0), "clad", 1.78, 0.1))
    probes = (ring(0.0, 0.0), ThermalRegion(Disk(5.0, 30.0, 4.0), "box", 0.5, 1.0))
    compute = jax.jit(lambda one: one.coupling())
    one = compute(ThermalLayout(seven_layers(), heaters, probes))
    other = compute(ThermalLayout(seven_layers(), probes, heaters))
    return Evidence(float(jnp.max(jnp.abs(other.T / one - 1.0))), 0.0, 1e-10)


@case("heat.energy_balance", source="power in is heat out at the boundaries", kind="analytic")
@in_float64
def energy_balance() -> Evidence:
    """Largest difference from 1 of the heat that leaves the seven layers, from each of them."""
    stack = seven_layers()
    flows = [sum(stack.heat_flow(ThermalRegion(Point(), layer.name))) for layer in stack.layers]
    return Evidence(float(max(abs(flow - 1.0) for flow in flows)), 0.0, 1e-10)


@case(
    "heat.map_and_layout",
    source="the field on a grid at the places of points, with fixed edges",
    kind="analytic",
    is_long=True,
)
@in_float64
def map_and_layout() -> Evidence:
    """Largest difference over the largest temperature, on a chip of 128 um."""
    stack = ThermalStack((Layer("a", 20.0, 5.0), Layer("b", 3.0, 1.4)), FixedTemperature(), Adiabatic())
    heaters = [ThermalRegion(Rectangle(30.0 + 40 * k, 20.0 + 30 * k, 12.0, 8.0), "b", 2.0, 0.5) for k in range(2)]
    places = [(40, 20), (240, 160), (360, 400)]
    probes = [ThermalRegion(Point(0.25 * x + 0.125, 0.25 * y + 0.125), "a", 18.0, 2.0) for x, y in places]
    layout = ThermalLayout(stack, heaters, probes, Chip(128.0, 128.0, "fixed", images=2), near=50)
    power = np.array([1.0, 0.4])
    field = layout.temperature_map(power, "a", 18.0, 2.0, (512, 512))
    mapped = np.array([field[place] for place in places])
    miss = np.max(np.abs(np.asarray(layout.temperature(power)) - mapped)) / float(jnp.max(field))
    return Evidence(float(miss), 0.0, 1e-8)


@case(
    "heat.narrow_chip",
    source="a cosine series over the chip, each mode through the layers, shapes by their transforms",
    kind="analytic",
    is_long=True,
)
@in_float64
def narrow_chip() -> Evidence:
    """Largest relative difference on 200 x 150 um with adiabatic edges, in seven layers of 1.04 mm."""
    width, height = 200.0, 150.0
    heaters = [ThermalRegion(Rectangle(60.0, 50.0, 20.0, 4.0), "metal"), ThermalRegion(Disk(150, 100, 9.0), "metal")]
    probes = [ring(60.0, 52.0), ring(140.0, 100.0), ring(30.0, 120.0)]
    found = ThermalLayout(seven_layers(), heaters, probes, Chip(width, height, "adiabatic"), near=18).coupling()
    kx, ky, weight = edge_modes(width, height, 8.0 / HIGHEST, False)
    waves = jnp.asarray(kx), jnp.asarray(ky)
    transfer = np.asarray(seven_layers().transfer(np.hypot(kx, ky), heaters[0], probes[0])) * weight
    parts = [np.asarray(mode_means([e.shape for e in each], waves, False)) for each in (probes, heaters)]
    exact = np.einsum("pm,m,hm->ph", parts[0], transfer, parts[1])
    return Evidence(float(np.max(np.abs(np.asarray(found) / exact - 1.0))), 0.0, 1e-6)


def _self_heating() -> tuple[np.ndarray, np.ndarray]:
    """Step response of a ring's own core, 0.5 um wide; two points around each circle do, as all have one middle."""
    core = (ThermalRegion(Annulus(0.0, 0.0, 9.75, 10.25, (8, 2)), "device"),)
    time = np.geomspace(1e3, 1e11, 25)
    compute = jax.jit(lambda one: one.step_response(time))
    return time, np.asarray(compute(ThermalLayout(seven_layers(), core, core)))[0, 0]


@case(
    "heat.one_pole_misses",
    source="Newton's cooling is inadequate in planar devices: Borghi et al., Opt. Express 29, 4363 (2021), abstract",
    kind="range",
    is_long=True,
)
@in_float64
def one_pole_misses() -> Evidence:
    """Largest difference of one time constant from a ring's own step response, over the final value."""
    return Evidence(foster_fit(*_self_heating(), 1).largest_error, (0.1, 0.3), 0.0)


@case("heat.six_poles_follow", source="the inverted Laplace transform", kind="analytic", is_long=True)
@in_float64
def six_poles_follow() -> Evidence:
    """Likewise for six."""
    return Evidence(foster_fit(*_self_heating(), 6).largest_error, 0.0, 5e-3)
