"""Layouts: bends against Fresnel's integrals and published forms, routed circuits, gradients, GDS there and back."""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import fresnel

from photonics_core.bend_loss import fit_bend_loss
from photonics_core.bend_shapes import ShapedBend, ShapedSBend
from photonics_core.circuit import Circuit
from photonics_core.cross_section import CrossSection
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AllPassRing
from photonics_core.exchange_netlist import read_netlist
from photonics_core.guide_paths import EulerBend, PiecewisePath
from photonics_core.guide_s_bends import EulerSBend
from photonics_core.index import LinearIndex
from photonics_core.layout import Layout
from photonics_core.layout_cells import CellPort, LayoutCell, Placed, box
from photonics_core.layout_netlist import write_layout_netlist
from photonics_core.layout_ring_row import ring_row_layout
from photonics_core.layout_routes import Route
from photonics_core.mode_solver import fundamental_mode
from photonics_core.routed_guide import RoutedGuide
from photonics_core.thermal_stack import Convection, FixedTemperature, Layer, ThermalStack
from photonics_core.validation.meep_run import run_with_meep
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Absent, Evidence, case

#: Index of the guides of the interferometer and of the transmitter.
INTERFEROMETER = LinearIndex(2.4, 4.2, 1.55)
RULES_SOURCE = "opening and closing of the polygons, core 0.14 and 0.15 um, heaters 1, wires 2 and pads 4 um apart"

MEEP = "Meep 1.25, fields in time in two dimensions, 30 points to the um"
#: Shapes that notebooks/design_bend.py finds for a right angle on 3 x 3 um and an S-bend of 2 um on 6 um.
RIGHT_ANGLE = (0.1985, 0.2161, 0.3732, 0.5034, 0.6393, 0.7447, 0.8244, 0.8566, 0.8566, 0.8566, 0.8566, 0.8566)
S_BEND = (0.1716, 0.1201, 0.2769, 0.3718, 0.4984, 0.6106, 0.7229, 0.8212, 0.9047, 0.9672, 1.0062, 1.0194)

TUNNELLING = (
    "2 (beta artanh(g / beta) - g), g^2 = beta^2 - (k n_clad)^2, of the straight mode (Marcuse, J. Opt. Soc. Am. 66, "
    "216 (1976), from memory)"
)


def _split() -> dict[tuple[str, str], complex]:
    half = complex(math.sqrt(0.5))
    pairs = {("o1", "o2"): half, ("o1", "o3"): half}
    return pairs | {(b, a): value for (a, b), value in pairs.items()}


#: Models of the parts of `interferometer` and of `transmitter`.
MODELS: dict[str, Any] = {
    "split": _split,
    "piece": lambda: {("o1", "o2"): 1.0 + 0.0j, ("o2", "o1"): 1.0 + 0.0j},
    "route": RoutedGuide(INTERFEROMETER),
    "ring": AllPassRing(7.5, PointCoupler(0.3), INTERFEROMETER),
    "edge": lambda loss_db=1.5: dict.fromkeys((("fibre", "chip"), ("chip", "fibre")), 10.0 ** (-loss_db / 20.0)),
}


def interferometer() -> Layout:
    """Two splitters that face each other, with a cell in the upper arm."""
    ports = {
        "o1": CellPort(-5.0, 0.0, math.pi),
        "o2": CellPort(5.0, 2.0, 0.0),
        "o3": CellPort(5.0, -2.0, 0.0),
    }
    split = LayoutCell("split", ports, box(-5.0, -4.0, 5.0, 4.0))
    ends = {"o1": CellPort(-5.0, 0.0, math.pi), "o2": CellPort(5.0, 0.0, 0.0)}
    piece = LayoutCell("piece", ends, box(-5.0, -2.0, 5.0, 2.0))
    cells = {"left": Placed(split, 0.0, 0.0), "piece": Placed(piece, 55.0, 14.0)}
    cells["right"] = Placed(split, 120.0, 3.0, math.pi)
    routes = {
        "up1": Route("left,o2", "piece,o1", 5.0),
        "up2": Route("piece,o2", "right,o3", 5.0),
        "down": Route("left,o3", "right,o2", 5.0),
    }
    return Layout(cells, routes, {"in": "left,o1", "out": "right,o1"})


def transmitter(count: int = 8) -> Layout:
    """A transmitter of so many channels in two rows, of radii 10 nm apart."""
    return ring_row_layout([7.5 + 0.01 * k for k in range(count)])


@case("layout.euler_effective_radius", source="Fresnel integrals of SciPy, 90 degrees, R = 5 um", kind="analytic")
@in_float64
def euler_effective_radius() -> Evidence:
    """Effective radius of a right-angled Euler bend."""
    scale = math.sqrt(0.5) * math.pi * 5.0
    exact = scale * float(sum(fresnel(0.5 * math.pi * 5.0 / scale)))
    return Evidence(float(EulerBend(5.0, 0.5 * math.pi).effective_radius()), exact, 1e-10, "um")


@case("layout.interferometer", source="cos^2(pi n_eff dL / wl) of the routed lengths", kind="analytic")
@in_float64
def two_arms() -> Evidence:
    """Largest error of the transmission of two routed arms."""
    layout, wl = interferometer(), np.linspace(1.54, 1.56, 21)
    lengths = layout.route_lengths()
    longer = float(lengths["up1"] + lengths["up2"] - lengths["down"])
    exact = np.cos(np.pi * np.asarray(INTERFEROMETER.effective_index(wl)) * longer / wl) ** 2
    found = np.asarray(layout.circuit(MODELS).scattering(wl).power("in", "out"))
    return Evidence(float(np.max(np.abs(found - exact))), 0.0, 1e-9)


def _differences(figure, at: np.ndarray, step: float) -> np.ndarray:
    """Fourth-order central differences by every coordinate."""
    found = []
    for k in np.ndindex(*at.shape):
        one = np.zeros_like(at)
        one[k] = step
        low, lower, higher, high = (np.asarray(figure(at + m * one)) for m in (-2, -1, 1, 2))
        found.append((low - 8.0 * lower + 8.0 * higher - high) / (12.0 * step))
    return np.stack(found, axis=-1)


@case("layout.gradient", source="central differences by every coordinate", kind="analytic", is_long=True)
@in_float64
def gradient() -> Evidence:
    """Largest error of derivatives of area, transmission, heater power and crosstalk, each over its largest.

    Of a transmitter of four rings; crosstalk is the heat that heaters put into other rings over that in their own.
    """
    layers = (Layer.of("box", "silica", 3.0), Layer.of("device", "silicon film", 0.22), Layer.of("clad", "silica", 3.0))
    stack = ThermalStack(layers, FixedTemperature(), Convection(1e4))
    layout = transmitter(4)
    circuit, wl = layout.circuit(MODELS), np.linspace(1.549, 1.551, 3)

    @jax.jit
    def figures(at: jax.Array) -> jax.Array:
        moved = layout.moved(at)
        coupling = moved.thermal(stack, ("clad", 1.78, 0.1), ("device", 0.0, None)).coupling()
        power = jnp.sum(jnp.linalg.solve(coupling, jnp.full(4, 10.0)))
        crosstalk = jnp.sum(coupling) / jnp.sum(jnp.diag(coupling)) - 1.0
        amplitude = moved.circuit(MODELS, circuit).amplitudes(wl, inputs="in", outputs="through")
        return jnp.stack([moved.area(1.0), power, crosstalk, jnp.sum(jnp.angle(amplitude))])

    at = np.asarray(layout.positions())
    exact = np.asarray(jax.jit(jax.jacrev(figures))(at)).reshape(4, -1)
    # Heat changes over micrometres and is known to some 1e-10; phases change over tens of nanometres.
    close = np.where(np.array([0, 1, 1, 0])[:, None], _differences(figures, at, 0.05), _differences(figures, at, 0.002))
    return Evidence(float(np.max(np.abs(exact - close) / np.max(np.abs(close), axis=1)[:, None])), 0.0, 1e-6)


def _gdstk() -> None:
    try:
        import gdstk  # noqa: F401
    except ImportError as reason:
        raise Absent("gdstk is not installed; it comes with the extra `layout`") from reason


@case("layout.gds_round_trip", source="the layout itself, 8 channels, 41 wavelengths", kind="analytic", is_long=True)
@in_float64
def gds_round_trip() -> Evidence:
    """Largest difference of the spectrum of the netlist out of the GDS, and of that read by `read_netlist`."""
    _gdstk()
    from photonics_core.gds import write_gds
    from photonics_core.gds_reading import read_gds_layout

    layout, wl = transmitter(), np.linspace(1.54, 1.56, 41)
    spectrum = np.asarray(layout.circuit(MODELS).scattering(wl).values)
    with tempfile.TemporaryDirectory() as folder:
        write_gds(Path(folder) / "layout.gds", layout)
        write_layout_netlist(Path(folder) / "layout.json", layout)
        netlists = [read_gds_layout(Path(folder) / "layout.gds").netlist, read_netlist(Path(folder) / "layout.json")]
    again = [np.asarray(Circuit(netlist, MODELS).scattering(wl).values) for netlist in netlists]
    return Evidence(max(float(np.max(np.abs(each - spectrum))) for each in again), 0.0, 1e-9)


@case("layout.design_rules", source=RULES_SOURCE, kind="analytic")
@in_float64
def design_rules() -> Evidence:
    """Violations of the polygons of a transmitter of 8 channels."""
    _gdstk()
    from photonics_core.design_rules import LayerRule, rule_violations

    rules = {"core": LayerRule(0.14, 0.15), "heater": LayerRule(1.0, 1.0)}
    rules |= {"metal": LayerRule(2.0, 2.0), "pad": LayerRule(10.0, 4.0)}
    return Evidence(float(len(rule_violations(transmitter(), rules))), 0.0, 0.0)


@case("layout.bend_loss_slope", source=TUNNELLING, kind="analytic", is_long=True)
@in_float64
def bend_loss_slope() -> Evidence:
    """Slope b of ln(loss) = a - b R of a 450 x 220 nm strip, radii 2.4 to 3.5 um."""
    section = CrossSection.strip(0.45, 0.22)
    k = 2.0 * math.pi / 1.55
    beta = k * float(fundamental_mode(section, 1.55).n_eff.real)
    g = math.sqrt(beta**2 - (1.444 * k) ** 2)
    slope = 2.0 * (beta * math.atanh(g / beta) - g)
    return Evidence(float(fit_bend_loss(section, 1.55, (2.4, 2.7, 3.0, 3.5)).slope), slope, 0.1 * slope, "1/um")


def losses_by_meep(bends: dict[str, PiecewisePath], resolution: int = 30) -> dict[str, float]:
    """Losses in mdB of bends of the wire of notebooks/design_bend.py by Meep, so many points to the um.

    Raises:
        Absent: where there is no Python with Meep.
    """
    pieces = {name: [np.asarray(each).tolist() for each in bend.pieces()] for name, bend in bends.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bends.json"
        path.write_text(json.dumps(pieces), encoding="utf-8")
        printed = run_with_meep(Path(__file__).with_name("bend_meep.py"), str(path), str(resolution))
    rows = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return {row["name"]: row["loss_mdb"] for row in rows}


@case("layout.peer_right_angle", source=MEEP, kind="peer", is_long=True)
@in_float64
def peer_right_angle() -> Evidence:
    """Loss of the found right angle over that of the Euler bend on the same footprint; 0.50 by our estimate."""
    found = losses_by_meep(
        {
            "Euler": EulerBend.of_effective_radius(3.0, 0.5 * np.pi),
            "found": ShapedBend(3.0, 0.5 * np.pi, np.array(RIGHT_ANGLE)),
        }
    )
    return Evidence(found["found"] / found["Euler"], (0.0, 0.7), 0.0)


@case("layout.peer_s_bend", source=MEEP, kind="peer", is_long=True)
@in_float64
def peer_s_bend() -> Evidence:
    """Loss of the found S-bend over that of the Euler S-bend on the same footprint; 0.24 by our estimate."""
    found = losses_by_meep({"Euler": EulerSBend(6.0, 2.0), "found": ShapedSBend(6.0, 2.0, np.array(S_BEND))})
    return Evidence(found["found"] / found["Euler"], (0.0, 0.7), 0.0)
