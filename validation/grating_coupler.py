"""Cases of the subject "grating_coupler": laws, limits, convergence, a published coupler and another solver.

The uniform grating is that of shallow etched silicon: 220 nm of silicon on 2 um of oxide, trenches of 70 nm, a period
of 630 nm, half of it etched, in air, light of the TE mode, a fibre of 10.4 um mode field diameter at 10 degrees.
Indices are 3.476 and 1.444 at all wavelengths; 20 periods unless said otherwise.
"""

import functools
import tempfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from photonics_core.devices.grating_apodisation import apodise, with_widths
from photonics_core.devices.grating_coupler import GratingCoupler
from photonics_core.devices.spectrum_shape import spectrum_shape
from photonics_core.devices.tilted_beam import TiltedBeam
from photonics_core.kernels.grating_fields import Plane, joints, plane
from photonics_core.kernels.grating_scattering import Amplitudes, joint, leaving, row_phases, scatter, solve_row
from photonics_core.kernels.slab_sections import SlabModes, slab_mesh, slab_modes
from photonics_core.materials import SILICA, SILICON
from photonics_core.validation.meep_run import run_with_meep
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

TAILLAERT = "Taillaert et al., Jpn. J. Appl. Phys. 45, 6071 (2006), abstract: above 30 %, 40 nm at 1 dB, measured"
MARCHETTI = "Marchetti et al., Sci. Rep. 7, 16670 (2017), 2-D FDTD of the teeth of Table 3"
MEEP = "Meep 1.25, another method on the same structure"
INDICES = {"core": 3.476, "oxide": 1.444, "substrate": 3.476}
BEAM = TiltedBeam(10.0, 5.2)
SCRIPT = Path(__file__).with_name("grating_meep.py")


def uniform(periods: int = 20, **others: Any) -> GratingCoupler:
    """The uniform grating."""
    return GratingCoupler.uniform(0.63, 0.5, periods, **(INDICES | others))


@functools.cache
def _spectrum() -> Any:
    return uniform().response(np.linspace(1.52, 1.62, 21))


@case("grating_coupler.energy", source="conservation of power", kind="analytic")
@in_float64
def energy() -> Evidence:
    """Power that comes in less that which leaves the box: up, down, and through both sides, at 1.55 um."""
    return Evidence(float(uniform().response(1.55).imbalance), 0.0, 1e-6)


@case("grating_coupler.energy_in_band", source="conservation of power", kind="analytic", is_long=True)
@in_float64
def energy_in_band() -> Evidence:
    """The same, the largest from 1.52 to 1.62 um."""
    return Evidence(float(jnp.max(jnp.abs(_spectrum().imbalance))), 0.0, 1e-6)


@case("grating_coupler.slab_index", source="dispersion of the film, solved alone", kind="analytic")
@in_float64
def slab_index() -> Evidence:
    """Largest difference of the indices of film and etched film from those of three layers."""
    found = uniform(1).section_indices(1.55)
    exact = [_three_layers(thickness) for thickness in (0.22, 0.15)]
    return Evidence(max(abs(complex(a) - b) for a, b in zip(found, exact, strict=True)), 0.0, 1e-7)


def _three_layers(thickness: float) -> float:
    """Index of the TE mode of a film between oxide and air."""
    k0 = 2.0 * np.pi / 1.55

    def phase(index: float) -> float:
        inside = np.sqrt(3.476**2 - index**2)
        outside = np.arctan(np.sqrt(index**2 - 1.444**2) / inside) + np.arctan(np.sqrt(index**2 - 1.0) / inside)
        return float(k0 * thickness * inside - outside)

    root: Any = brentq(phase, 1.4441, 3.4759, xtol=1e-15)
    return float(root)


def sections(degree: int, first: np.ndarray, second: np.ndarray) -> tuple[Any, SlabModes, SlabModes]:
    """A mesh of eight elements and the modes of two sections, from their permittivities."""
    lines = jnp.asarray([-1.8, -1.4, -1.0, -0.22, -0.07, 0.0, 0.4, 0.7, 1.3])
    mesh = slab_mesh(lines, 2, 2, degree)
    k0 = jnp.asarray(2.0 * np.pi / 1.55)
    tooth, trench = (slab_modes(mesh, jnp.asarray(eps, complex), k0) for eps in (first, second))
    return mesh, tooth, trench


@case("grating_coupler.etalon", source="Airy's sum of a plate, for each mode", kind="analytic", is_long=True)
@in_float64
def etalon() -> Evidence:
    """Largest difference of the amplitudes back and on of a plate that is uniform along z, for its 20 first modes."""
    _, a, b = sections(6, np.full(8, 2.25), np.full(8, 4.0))
    width = 0.31
    # Of both media the modes are the same standing waves; they go by beta^2 less k0^2 eps, and so by order of loss.
    k0 = 2.0 * np.pi / 1.55
    order = [np.argsort(np.real(np.asarray(m.beta) ** 2 - k0**2 * e))[::-1] for m, e in ((a, 2.25), (b, 4.0))]
    first, second = (np.asarray(m.beta)[o] for m, o in zip((a, b), order, strict=True))
    phases = row_phases(a.beta, b.beta, jnp.asarray([width]), jnp.zeros(0))
    one, scattered = joint(a, b), jax.jit(scatter)
    worst = 0.0
    for mode in range(20):
        incident = jnp.zeros_like(a.beta).at[order[0][mode]].set(1.0)
        found = scattered(one, phases, incident)
        r = (first[mode] - second[mode]) / (first[mode] + second[mode])
        turn = np.exp(1j * second[mode] * width)
        back = r * (1.0 - turn**2) / (1.0 - (r * turn) ** 2)
        on = (1.0 - r**2) * turn / (1.0 - (r * turn) ** 2)
        parts = complex(found.tooth_backward[0, order[0][mode]]), complex(found.tooth_forward[0, order[0][mode]])
        worst = max(worst, abs(parts[0] - back), abs(parts[1] - on))
    return Evidence(worst, 0.0, 1e-9)


@case("grating_coupler.reciprocity", source="Lorentz reciprocity", kind="analytic", is_long=True)
@in_float64
def reciprocity() -> Evidence:
    """Light of a sheet above that gets into the guide, against what the guide's light brings to the sheet.

    The sheet sends a tilted beam down on the row, each section scattering what it gets; the other way round the field
    of the guide's light is taken on the sheet. The difference is relative.
    """
    film = np.array([12.0, 12.0, 2.1, 12.0, 12.0, 1.0, 1.0, 1.0])
    mesh, a, b = sections(6, film, np.where(np.arange(8) == 4, 1.0, film))
    trenches, teeth = jnp.asarray([0.3, 0.25, 0.35, 0.3]), jnp.asarray([0.33, 0.28, 0.31])
    part = jnp.abs(a.fields[18:31]).sum(axis=0) / jnp.abs(a.fields).sum(axis=0)
    guided = int(jnp.argmax(jnp.where(jnp.abs(a.beta.imag) < 0.01 * a.beta.real, part, 0.0)))
    one, phases = joint(a, b), row_phases(a.beta, b.beta, trenches, teeth)
    planes = [plane(mesh, each, jnp.asarray(1.0 + 0j), 5, top=True) for each in (a, b)]
    incident = jnp.zeros_like(a.beta).at[guided].set(1.0)
    out = scatter(one, phases, incident)
    sheet = functools.partial(_beam_on_sheet, centre=1.1)
    starts, ends = (np.asarray(each) for each in joints(trenches, teeth))
    kinds = [(a, planes[0], ends[:-1], starts[1:]), (b, planes[1], starts, ends)]
    # From the guide to the sheet.
    forward = [out.tooth_forward[:-1], out.trench_forward]
    backward = [out.tooth_backward[1:], out.trench_backward]
    taken = sum(
        _taken(m, p, lo, hi, f, g, sheet) for (m, p, lo, hi), f, g in zip(kinds, forward, backward, strict=True)
    )
    # From the sheet to the guide.
    sent = [_sent(m, p, lo, hi, sheet) for m, p, lo, hi in kinds]
    none = jnp.zeros((1, a.beta.size), complex)
    tooth_right, tooth_left = sent[0]
    arriving = Amplitudes(
        jnp.concatenate([none, tooth_right]), sent[1][1], sent[1][0], jnp.concatenate([tooth_left, none])
    )
    got = solve_row(one, phases, leaving(one, arriving)).tooth_backward[0, guided]
    return Evidence(float(abs(got - taken) / abs(taken)), 0.0, 1e-10)


def _beam_on_sheet(x: np.ndarray, centre: float) -> np.ndarray:
    return np.exp(-(((x - centre) / 0.9) ** 2) + 1.3j * x)


def _points(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(12)
    return low + 0.5 * (high - low) * (nodes + 1.0), 0.5 * (high - low) * weights


def _taken(modes: Any, at: Plane, lows: Any, highs: Any, forward: Any, backward: Any, sheet: Any) -> complex:
    """(1 / 2 i) int F s dx over the sections of a kind."""
    total = 0j
    for low, high, f, g in zip(lows, highs, np.asarray(forward), np.asarray(backward), strict=True):
        x, w = _points(low, high)
        beta = np.asarray(modes.beta)[None]
        waves = np.exp(1j * beta * (x - low)[:, None]) * f + np.exp(1j * beta * (high - x)[:, None]) * g
        total += np.sum(w * sheet(x) * (waves @ np.asarray(at.value))) / 2j
    return total


def _sent(modes: Any, at: Plane, lows: Any, highs: Any, sheet: Any) -> tuple[jax.Array, jax.Array]:
    """Amplitudes that a sheet sends to the right and to the left ends of the sections of a kind."""
    right, left = [], []
    for low, high in zip(lows, highs, strict=True):
        x, w = _points(low, high)
        beta, source = np.asarray(modes.beta)[:, None], (w * sheet(x))[None]
        value = np.asarray(at.value) / 2j
        right.append(value * np.sum(source * np.exp(1j * beta * (high - x)[None]), axis=1))
        left.append(value * np.sum(source * np.exp(1j * beta * (x - low)[None]), axis=1))
    return jnp.asarray(np.array(right)), jnp.asarray(np.array(left))


@case("grating_coupler.height_of_plane", source="a beam is the same on each plane", kind="analytic", is_long=True)
@in_float64
def height_of_plane() -> Evidence:
    """Relative difference of the efficiency on a plane 0.5 um higher, in a cladding without end."""
    near = uniform(8, degree=8, top=1.444).response(1.55)
    far = uniform(8, degree=8, top=1.444, cladding=1.444, cladding_thickness=0.5).response(1.55)
    first, second = (float(each.efficiency(BEAM, 1.5)) for each in (near, far))
    return Evidence(abs(first / second - 1.0), 0.0, 1e-4)


@case("grating_coupler.first_order_angle", source="period = wl / (n_eff - sin th)", kind="analytic")
@in_float64
def first_order_angle() -> Evidence:
    """Angle of the strongest plane wave of the uniform grating in degrees, against the mean index in first order."""
    coupler = uniform()
    found = coupler.response(1.55)
    k0 = 2.0 * np.pi / 1.55
    angles = np.linspace(0.0, 25.0, 1001)
    along = k0 * np.sin(np.deg2rad(angles))
    size = np.abs(np.asarray(found.far_field(along))) ** 2 / np.cos(np.deg2rad(angles))
    tooth, trench = (float(each.real) for each in coupler.section_indices(1.55))
    expected = np.rad2deg(np.arcsin(0.5 * (tooth + trench) - 1.55 / 0.63))
    return Evidence(float(angles[np.argmax(size)]), float(expected), 1.5, "degrees")


@case("grating_coupler.convergence", source="against elements of degree 14", kind="analytic", is_long=True)
@in_float64
def convergence() -> Evidence:
    """Relative difference of the efficiency at 1.55 um with the default elements from that with degree 14."""
    usual, fine = (float(uniform(degree=degree).efficiency(1.55, BEAM, 3.2)) for degree in (10, 14))
    return Evidence(usual / fine - 1.0, 0.0, 1e-4)


@case("grating_coupler.published_bandwidth", source=TAILLAERT, kind="published", is_long=True)
@in_float64
def published_bandwidth() -> Evidence:
    """Full width at 1 dB in nm of the uniform grating; the published coupler is of standard wafers, and measured."""
    wl = np.linspace(1.52, 1.62, 21)
    position = _spectrum().best_position(BEAM)[10]
    found = spectrum_shape(wl, _spectrum().efficiency(BEAM, position))
    return Evidence(1e3 * float(found.bandwidth), 40.0, 8.0, "nm")


@case("grating_coupler.published_efficiency", source=TAILLAERT, kind="range", is_long=True)
@in_float64
def published_efficiency() -> Evidence:
    """Peak efficiency in two dimensions: above what was measured, and below all light that goes up."""
    found = _spectrum()
    level = found.efficiency(BEAM, found.best_position(BEAM)[10])
    return Evidence(float(jnp.max(level)), (0.30, float(found.up[jnp.argmax(level)])), 0.0)


#: Widths in nm of trenches and teeth of a published coupler whose fill falls by 0.025 a um, from 0.9 on.
TRENCHES = (60, 69, 79, 88, 98, 108, 118, 128, 138, 148, 159, 170)
TRENCHES += (180, 191, 203, 214, 225, 237, 249, 261, 273, 286, 298, 311)
TEETH = (540, 533, 526, 520, 513, 506, 498, 491, 484, 477, 469, 461)
TEETH += (454, 446, 438, 430, 422, 413, 405, 396, 387, 378, 369)


def published() -> GratingCoupler:
    """260 nm of silicon on 2 um of oxide, etched by 160 nm, under 680 nm of oxide, in air, as published.

    Indices are those of the paper at 1.55 um, 3.48 and 1.44, with the dispersion of silicon and silica.
    """
    silicon, silica = (float(each.index(1.55)) for each in (SILICON, SILICA))
    core, oxide = (lambda wl: SILICON.index(wl) + (3.48 - silicon)), (lambda wl: SILICA.index(wl) + (1.44 - silica))
    media: dict[str, Any] = {"core": core, "substrate": core, "oxide": oxide, "cladding": oxide}
    widths = 1e-3 * np.array(TRENCHES), 1e-3 * np.array(TEETH)
    return GratingCoupler(*widths, thickness=0.26, etch=0.16, cladding_thickness=0.68, **media)


@functools.cache
def _published_spectrum() -> Any:
    """Response from 1.52 to 1.58 um, and the efficiencies with the fibre where it is best at 1.55 um."""
    found = published().response(np.linspace(1.52, 1.58, 13))
    fibre = TiltedBeam(14.5, 5.2)
    return found, found.efficiency(fibre, found.best_position(fibre)[6])


@case("grating_coupler.published_length", source="Marchetti et al., the length stated beside Table 3", kind="published")
def published_length() -> Evidence:
    """Length of the row in um, which the table has to add up to."""
    return Evidence(1e-3 * (sum(TRENCHES) + sum(TEETH)), 14.847, 1e-9, "um")


@case("grating_coupler.published_apodised", source=MARCHETTI, kind="published", is_long=True)
@in_float64
def published_apodised() -> Evidence:
    """Efficiency in dB at 1.55 um of the published apodised coupler."""
    return Evidence(10.0 * float(np.log10(_published_spectrum()[1][6])), -0.8, 0.2, "dB")


@case("grating_coupler.published_apodised_peak", source=MARCHETTI, kind="published", is_long=True)
@in_float64
def published_apodised_peak() -> Evidence:
    """Wavelength in nm of its peak."""
    shape = spectrum_shape(np.linspace(1.52, 1.58, 13), _published_spectrum()[1])
    return Evidence(1e3 * float(shape.wl), 1550.0, 5.0, "nm")


@case("grating_coupler.published_apodised_bandwidth", source=MARCHETTI, kind="published", is_long=True)
@in_float64
def published_apodised_bandwidth() -> Evidence:
    """Its full width at 1 dB in nm."""
    shape = spectrum_shape(np.linspace(1.52, 1.58, 13), _published_spectrum()[1])
    return Evidence(1e3 * float(shape.bandwidth), 32.8, 3.3, "nm")


@case("grating_coupler.published_apodised_up", source=MARCHETTI, kind="published", is_long=True)
@in_float64
def published_apodised_up() -> Evidence:
    """Part of the guide's power that it sends up at 1.55 um, which the paper calls directionality."""
    return Evidence(float(_published_spectrum()[0].up[6]), 0.85, 0.02)


@case(
    "grating_coupler.apodised", source="by gradient, from the uniform grating of 25 periods", kind="range", is_long=True
)
@in_float64
def apodised() -> Evidence:
    """Efficiency of the apodised grating at 1.57 um over that of the uniform one, both solved anew with finer elements.

    It has to gain more than finer elements could account for; 0 where a width is below the least of 100 nm.
    """
    start = uniform(25, degree=8)
    found = apodise(start, 1.57, BEAM, smallest=0.1, steps=60, progress=False)
    widths = np.concatenate([found.coupler.trenches, found.coupler.teeth])
    fine = uniform(25)
    before = float(fine.efficiency(1.57, BEAM))
    after = float(with_widths(fine, found.coupler.trenches, found.coupler.teeth).efficiency(1.57, BEAM, found.position))
    return Evidence(after / before if widths.min() >= 0.1 - 1e-12 else 0.0, (1.01, 1.0 / before), 0.0)


@case("grating_coupler.derivatives", source="central differences of all 39 widths", kind="analytic", is_long=True)
@in_float64
def derivatives() -> Evidence:
    """Largest difference of a derivative of the efficiency, relative to the largest derivative."""
    coupler = uniform(degree=8)

    @jax.jit
    def value(trenches: jax.Array, teeth: jax.Array) -> jax.Array:
        changed = eqx.tree_at(lambda g: (g.trenches, g.teeth), coupler, (trenches, teeth))
        return changed.response(1.55).efficiency(BEAM, 3.2)

    start = jnp.asarray(coupler.trenches), jnp.asarray(coupler.teeth)
    exact = np.concatenate([np.asarray(each) for each in jax.jit(jax.grad(value, argnums=(0, 1)))(*start)])
    widths, count, step = np.concatenate([np.asarray(each) for each in start]), start[0].size, 1e-4
    found = []
    for number in range(widths.size):
        moved = [widths + s * step * (np.arange(widths.size) == number) for s in (1.0, -1.0, 2.0, -2.0)]
        v = [float(value(jnp.asarray(m[:count]), jnp.asarray(m[count:]))) for m in moved]
        found.append((8.0 * (v[0] - v[1]) - (v[2] - v[3])) / (12.0 * step))
    return Evidence(float(np.max(np.abs(exact - np.array(found))) / np.max(np.abs(exact))), 0.0, 1e-6)


@functools.cache
def by_meep(resolution: int) -> dict[str, np.ndarray]:
    """The uniform grating by Meep.

    Raises:
        Absent: where there is no Python with Meep.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        run_with_meep(SCRIPT, str(path), str(resolution))
        with np.load(path, allow_pickle=False) as result:
            return dict(result)


def meep_efficiencies(found: dict[str, np.ndarray], position: float) -> np.ndarray:
    """What the beam takes of Meep's field, its plane waves summed in NumPy."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    x, dx, height, waist, tilt = found["x"], np.gradient(found["x"]), 0.6, 5.2, np.deg2rad(10.0)
    result = []
    for k, value, slope, up in zip(2 * np.pi / found["wl"], found["value"], found["slope"], found["up"], strict=True):
        across = 12.0 * nodes / waist
        axial = np.sqrt(k**2 - across**2)
        along, upward = across * np.cos(tilt) + axial * np.sin(tilt), axial * np.cos(tilt) - across * np.sin(tilt)
        size = weights * 12.0 / waist * np.exp(-((6.0 * nodes) ** 2))
        power = 2.0 * np.pi * np.sum(size * np.exp(-((6.0 * nodes) ** 2)) * axial)
        waves = np.exp(-1j * (along[:, None] * x + upward[:, None] * height))
        sent = 0.5 * (waves @ (dx * slope) + 1j * upward * (waves @ (dx * value)))
        taken = np.abs(np.sum(size * sent * np.exp(1j * along * position))) ** 2 / power
        # The power that goes up through the same plane is known in units of what comes in.
        result.append(taken / abs(np.sum(dx * (value.conj() * slope).imag)) * up)
    return np.array(result)


@case("grating_coupler.peer_efficiency", source=MEEP, kind="peer", is_long=True)
@in_float64
def peer_efficiency() -> Evidence:
    """Largest difference of the efficiency in dB from 1.54 to 1.58 um, the peer with 56 points to the um."""
    found = by_meep(56)
    ours = np.asarray(uniform().efficiency(found["wl"], BEAM, 3.2))
    difference = 10.0 * np.log10(meep_efficiencies(found, 3.2) / ours)
    return Evidence(float(np.max(np.abs(difference))), 0.0, 0.2, "dB")


@case("grating_coupler.peer_directionality", source=MEEP, kind="peer", is_long=True)
@in_float64
def peer_directionality() -> Evidence:
    """Largest difference of the part of radiated power that goes up, likewise."""
    found = by_meep(56)
    ours = np.asarray(uniform().response(found["wl"]).directionality)
    theirs = found["up"] / (found["up"] + found["down"])
    return Evidence(float(np.max(np.abs(theirs - ours))), 0.0, 0.005)
