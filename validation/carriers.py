"""Carriers and junctions of silicon: published numbers worked out again, textbook junctions, Laplace's equation."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from photonics_core.carriers import (
    MODELS,
    carrier_absorption_cm,
    carrier_complex_index,
    carrier_index_change,
    mode_overlap,
)
from photonics_core.cross_section import CrossSection
from photonics_core.doped_guide import DopedGuide
from photonics_core.junction import SILICA_PERMITTIVITY, SILICON_PERMITTIVITY, PNJunction
from photonics_core.mode_solver import fundamental_mode
from photonics_core.modes import Mode
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Evidence, case

NEDELJKOVIC = "M. Nedeljkovic et al., IEEE Photon. J. 3, 1171 (2011), table 1"
SZE = "S. M. Sze and M. K. Lee, Semiconductor Devices: Physics and Technology, ch. 3, examples (from memory)"
# The powers of the published coefficients with 40 digits, by wavelength in um and density in cm^-3: index taken by
# electrons and by holes, absorption of electrons and of holes in 1/cm.
TABLE = {
    (1.30, 1e16): (5.372992867761515e-06, 2.8635845659597164e-05, 0.016053851594701202, 0.027076976732150503),
    (1.30, 1e17): (5.5746327782900856e-05, 0.00019584388376351863, 0.2720064759967387, 0.33235343502204895),
    (1.30, 1e18): (0.0005783839915226479, 0.0013393991315470081, 4.608708542477433, 4.079436447563194),
    (1.30, 1e19): (0.006000898264589917, 0.009160306664236301, 78.08709094764026, 50.07260336756551),
    (1.55, 1e16): (8.098298111712817e-06, 3.914636406965638e-05, 0.04172659684414313, 0.03239014163674199),
    (1.55, 1e17): (8.306035057636387e-05, 0.0002695823351009793, 0.6129329458101349, 0.4163061695938874),
    (1.55, 1e18): (0.0008519100856376482, 0.001856484941211415, 9.003533105341713, 5.350727662312479),
    (1.55, 1e19): (0.008737632203272555, 0.012784726178938095, 132.25526370072927, 68.77218885361515),
}


def parts_of(density: float, wl: Any, model: str = "nedeljkovic") -> np.ndarray:
    """Index taken by electrons and by holes, and their absorption in 1/cm."""
    pairs = ((density, 0.0), (0.0, density))
    taken = [-carrier_index_change(*pair, wl, model) for pair in pairs]
    return np.array(taken + [carrier_absorption_cm(*pair, wl, model) for pair in pairs])


def _register_table(wl: float) -> None:
    @case(f"carriers.table_{round(1000 * wl)}", source=f"{NEDELJKOVIC}, worked out with 40 digits", kind="published")
    @in_float64
    def compare() -> Evidence:
        rows = {density: row for (at, density), row in TABLE.items() if at == wl}
        worst = [np.max(np.abs(parts_of(density, wl) / np.array(row) - 1.0)) for density, row in rows.items()]
        return Evidence(float(np.max(worst)), 0.0, 1e-6)


for _wl in (1.30, 1.55):
    _register_table(_wl)


@case("carriers.between", source="geometric mean of the published 4.609 and 9.004 /cm, in log wavelength", kind="range")
@in_float64
def between() -> Evidence:
    """Absorption of electrons of 1e18 cm^-3 at 1.31 um in 1/cm: 4.745, or 4.734 were it linear in the wavelength."""
    return Evidence(float(carrier_absorption_cm(1e18, 0.0, 1.31)), (4.7, 4.8), 0.0, "1/cm")


@case("carriers.monotone", source="free carriers act the more the longer the wavelength", kind="range")
@in_float64
def monotone() -> Evidence:
    """Smallest relative step between 1.30 and 1.55 um in steps of 1 nm, of all parts, models and densities."""
    wl = np.linspace(1.30, 1.55, 251)
    steps = [
        np.min(np.diff(np.log(parts_of(density, wl, model)), axis=-1))
        for model, density in itertools.product(MODELS, (1e16, 1e17, 1e18, 1e19))
    ]
    return Evidence(float(np.min(steps)), (1e-6, 0.02), 0.0)


@case(
    "carriers.soref_bennett",
    source="R. A. Soref and B. R. Bennett, IEEE J. Quantum Electron. 23, 123 (1987), abstract: 1.5e-3 at 1.3 um, 1e18",
    kind="published",
)
@in_float64
def soref_bennett() -> Evidence:
    """What holes of 1e18 cm^-3, the stronger carriers, take from the index at 1.3 um."""
    return Evidence(float(-carrier_index_change(0.0, 1e18, 1.30, "soref_bennett")), 1.5e-3, 0.05e-3)


@case("carriers.float32", source="the same in float64", kind="analytic", is_long=True)
def float32() -> Evidence:
    """Largest relative difference of the complex index for 1e10 to 1e20 cm^-3 at 1.31 and 1.55 um."""
    densities, results = np.logspace(10, 20, 41), []
    for name in ("float32", "float64"):
        with in_precision(name):
            each = [carrier_complex_index(jnp.asarray(densities), 0.7 * densities, wl) for wl in (1.31, 1.55)]
            results.append(np.stack(each).astype(complex))
    relative = [np.abs(part(results[0]) / part(results[1]) - 1.0) for part in (np.real, np.imag)]
    return Evidence(float(np.max(relative)), 0.0, 1e-5)


@case("carriers.built_in", source=f"{SZE}: 0.774 V for 1e18 and 1e15, with 9.65e9 for n_i", kind="published")
@in_float64
def built_in() -> Evidence:
    """Built-in voltage of 1e18 and 1e15 cm^-3."""
    return Evidence(float(_wide(1e18, 1e15).built_in_voltage()), 0.774, 0.003, "V")


@case("carriers.depletion", source=f"{SZE}: 0.343 um for 1e19 and 1e16, with 11.9 for eps_s", kind="published")
@in_float64
def depletion() -> Evidence:
    """Depletion layer of 1e19 and 1e16 cm^-3 without a voltage."""
    return Evidence(float(_wide(1e19, 1e16).depletion_width(0.0)), 0.343, 0.004, "um")


@case("carriers.breakdown", source="S. M. Sze and G. Gibbons, Appl. Phys. Lett. 8, 111 (1966): 60 V", kind="published")
@in_float64
def breakdown() -> Evidence:
    """Breakdown of a one-sided junction of 1e16 cm^-3, of which two fits differ by 15 %."""
    return Evidence(float(_wide(1e19, 1e16).breakdown_voltage()), 60.0, 10.0, "V")


@case(
    "carriers.capacitance_slope", source="C goes with (V_bi + V)^(-1/2): dC/dV = -C / (2 (V_bi + V))", kind="analytic"
)
@in_float64
def capacitance_slope() -> Evidence:
    """Largest relative difference from the law of the slope of the plates' capacitance, all orientations."""
    worst = []
    for orientation in ("lateral", "vertical", "interleaved"):
        junction = PNJunction(1e18, 7e17, orientation=orientation)
        for voltage in (-0.3, 0.0, 1.0, 3.0):
            slope = jax.grad(junction.plate_capacitance)(voltage)
            law = -junction.plate_capacitance(voltage) / (2.0 * (junction.built_in_voltage() + voltage))
            worst.append(abs(float(slope / law) - 1.0))
    return Evidence(max(worst), 0.0, 1e-12)


@case(
    "carriers.fringe",
    source="Laplace's equation by finite differences (scipy), 500 x 220 nm on 90 nm",
    kind="peer",
    is_long=True,
)
@in_float64
def fringe() -> Evidence:
    """Largest relative difference of the whole capacitance of ribs with 0.5 um to the contacts, at 0, 2 and 5 V."""
    junction, worst = PNJunction(5e17, 5e17, access=0.5), 0.0
    for voltage in (0.0, 2.0, 5.0):
        theirs = laplace_capacitance(0.5, 0.22, 0.09, float(junction.depletion_width(voltage)), 0.5)
        worst = max(worst, abs(float(junction.capacitance(voltage)) / theirs - 1.0))
    return Evidence(worst, 0.0, 0.01)


@functools.cache
def _rib_mode() -> Mode:
    return fundamental_mode(CrossSection.rib(0.5, 0.22, 0.09), 1.55, accuracy="fast")


@case("carriers.overlap", source="energy in the silicon, over the elements themselves", kind="analytic", is_long=True)
@in_float64
def overlap() -> Evidence:
    """d n_eff / d n of core and slabs of a rib, by rectangles, over that of its medium."""
    mode = _rib_mode()
    core = mode_overlap(mode, (-0.25, 0.25), (-0.11, 0.11))
    slabs = 2.0 * mode_overlap(mode, (0.25, 2.25), (-0.11, -0.02))
    return Evidence(float((core + slabs) / mode.index_sensitivity(0)), 1.0, 1e-3)


@case(
    "carriers.v_pi_l",
    source="depletion modulators with lateral junctions: below 2 V cm; 0.7 to 1.6 interleaved (two abstracts)",
    kind="range",
    is_long=True,
)
@in_float64
def v_pi_l() -> Evidence:
    """Voltage times length for pi of a rib of 500 x 220 nm with 5e17 cm^-3 on both sides, 0 to 2 V, at 1.55 um."""
    guide = DopedGuide(PNJunction(5e17, 5e17), _rib_mode())
    return Evidence(float(guide.v_pi_l_cm(2.0, 1.55)), (1.0, 2.0), 0.0, "V cm")


def laplace_capacitance(width: float, height: float, slab: float, gap: float, access: float) -> float:
    """Small-signal capacitance in fF/um of a rib in silica whose middle `gap` has no carriers, all in um.

    Carriers keep both sides at one potential each; the charge between them does not change with the voltage.
    """
    foot = 0.5 * width + access
    x = _graded([-foot - 6.0, -foot, -0.5 * width, -0.5 * gap, 0.5 * gap, 0.5 * width, foot, foot + 6.0])
    y = _graded([-2.0, 0.0, slab, height, height + 2.0])
    inside = _is_silicon(0.5 * (x[1:] + x[:-1]), 0.5 * (y[1:] + y[:-1]), width, height, slab, foot)
    permittivity = np.where(inside, SILICON_PERMITTIVITY, SILICA_PERMITTIVITY)
    matrix = _conductances(permittivity, np.diff(x), np.diff(y))
    held = _is_silicon(x, y, width, height, slab, foot) & (np.abs(x) > 0.5 * gap - 1e-9)[:, None]
    potential = np.where(held, 0.5 * np.sign(x)[:, None], 0.0).ravel()
    held = held.ravel()
    potential[~held] = spsolve(matrix[~held][:, ~held], -matrix[~held][:, held] @ potential[held])
    return float(potential @ (matrix @ potential))


def _is_silicon(x: Any, y: Any, width: float, height: float, slab: float, foot: float) -> np.ndarray:
    across, up, room = np.abs(x)[:, None], y[None], 1e-9
    tall = (across < 0.5 * width + room) & (up < height + room)
    return (up > -room) & (tall | ((across < foot + room) & (up < slab + room)))


def _graded(lines: list[float], finest: float = 1e-3, growth: float = 1.15, coarsest: float = 0.3) -> np.ndarray:
    """Points between lines, closest beside the lines, where fields are singular."""
    steps = np.minimum(finest * growth ** np.arange(200), coarsest)
    points = [np.array(lines[:1])]
    for low, high in itertools.pairwise(lines):
        half = np.concatenate([[0.0], np.cumsum(steps)])
        half = half[: np.searchsorted(half, 0.5 * (high - low)) + 1]
        half = half * (0.5 * (high - low) / half[-1])
        points.append(np.concatenate([low + half[1:], high - half[-2::-1]]))
    return np.concatenate(points)


def _conductances(permittivity: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> Any:
    """Matrix of the charges at the points of a grid for potentials there, by the permittivities of its cells."""
    across, up = (np.zeros((dx.size, dy.size + 1)), np.zeros((dx.size + 1, dy.size)))
    for side in (slice(None, -1), slice(1, None)):
        across[:, side] += 0.5 * permittivity * dy / dx[:, None]
        up[side] += 0.5 * permittivity * dx[:, None] / dy
    number = np.arange((dx.size + 1) * (dy.size + 1)).reshape(dx.size + 1, dy.size + 1)
    low = np.concatenate([number[:-1].ravel(), number[:, :-1].ravel()])
    high = np.concatenate([number[1:].ravel(), number[:, 1:].ravel()])
    branch = np.concatenate([across.ravel(), up.ravel()])
    values = np.concatenate([branch, branch, -branch, -branch])
    places = (np.concatenate([low, high, low, high]), np.concatenate([low, high, high, low]))
    return sparse.coo_matrix((values, places), shape=(number.size, number.size)).tocsr()


def _wide(acceptors_cm3: float, donors_cm3: float) -> PNJunction:
    """A junction in a core wide enough for weakly doped sides."""
    return PNJunction(acceptors_cm3, donors_cm3, width=20.0)
