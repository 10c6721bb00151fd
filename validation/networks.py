"""Networks: circuits against dense algebra, closed forms, conservation laws and an independent solver's spectra."""

import functools
import json
import math
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.circuit import Circuit
from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import LinearIndex
from photonics_core.netlist import Instance, Netlist, Pin
from photonics_core.scattering import SMatrix
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Absent, Evidence, case

DENSE = "b = S a, a = C b + inputs, solved as one dense system by numpy.linalg.solve"
SAX = "SAX 0.18.2, backend klu, 2001 wavelengths; gdsfactory 9.23"
TENTH = math.asin(math.sqrt(0.1))
Pairs = dict[tuple[str, str], Any]


def _zero_within(error: Any, tolerance: float) -> Evidence:
    return Evidence(float(np.max(np.abs(np.asarray(error)))), 0.0, tolerance)


# Models, as a user of a layout tool writes them


def reciprocal(pairs: Pairs) -> Pairs:
    """Let each amplitude hold for the way back as well."""
    return pairs | {(b, a): value for (a, b), value in pairs.items()}


def straight(wl: Any = 1.55, length: Any = 10.0, loss_db_cm: Any = 2.0) -> Pairs:
    """A waveguide of n_eff 2.34 and n_g 4.2 at 1.55 um; `length` in um."""
    n_eff = 2.34 - (wl - 1.55) * ((4.2 - 2.34) / 1.55)
    phase = 2.0 * math.pi * n_eff * length / wl
    amplitude = jnp.exp(-loss_db_cm * length * (1e-4 * math.log(10.0) / 20.0))
    return reciprocal({("o1", "o2"): jax.lax.complex(amplitude * jnp.cos(phase), amplitude * jnp.sin(phase))})


def coupler(angle: Any = TENTH) -> Pairs:
    """A lossless coupler; bar o1-o4 and o2-o3, cross o1-o3 and o2-o4."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    bar, cross = jax.lax.complex(cosine, jnp.zeros_like(cosine)), jax.lax.complex(jnp.zeros_like(sine), sine)
    return reciprocal({("o1", "o4"): bar, ("o2", "o3"): bar, ("o1", "o3"): cross, ("o2", "o4"): cross})


def splitter() -> Pairs:
    """Half and half, from o1 to o2 and o3."""
    return reciprocal({("o1", "o2"): math.sqrt(0.5), ("o1", "o3"): math.sqrt(0.5)})


def interferometer(wl: Any = 1.55, theta: Any = 0.3, phi: Any = 0.2) -> Pairs:
    """A phase phi, two half couplers and between them a phase theta; phases at 1.55 um (Clements et al., 2016)."""
    theta, phi = theta * 1.55 / wl, phi * 1.55 / wl
    half, sine, cosine = 0.5 * theta, jnp.sin(0.5 * theta), jnp.cos(0.5 * theta)
    upper, lower = _phasor(half + phi + 0.5 * math.pi), _phasor(half + 0.5 * math.pi)
    pairs = {("o1", "o4"): upper * sine, ("o1", "o3"): upper * cosine}
    return reciprocal(pairs | {("o2", "o4"): lower * cosine, ("o2", "o3"): -lower * sine})


def _phasor(phase: Any) -> Any:
    return jax.lax.complex(jnp.cos(phase), jnp.sin(phase))


LAYOUT_MODELS: dict[str, Any] = {
    **dict.fromkeys(("straight", "bend_euler", "bend_circular"), straight),
    **dict.fromkeys(("coupler", "coupler_ring"), coupler),
    "mmi1x2": splitter,
}
MESH_MODELS = {"interferometer": interferometer}


# Netlists


def ring_bus(count: int, lengths: Any = None, link: float = 50.0) -> Netlist:
    """`count` add-drop rings of two couplers and two half rings, with a waveguide from each ring to the next."""
    lengths = [math.pi * (10.0 + 0.01 * n) for n in range(count)] if lengths is None else lengths
    instances, joined, ports = {}, [], {}
    for n, length in enumerate(lengths, 1):
        half = Instance("straight", {"length": length})
        instances |= {f"lower{n}": Instance("coupler"), f"upper{n}": Instance("coupler")}
        instances |= {f"right{n}": half, f"left{n}": half}
        joined += [(f"lower{n},o3", f"right{n},o1"), (f"right{n},o2", f"upper{n},o2")]
        joined += [(f"upper{n},o3", f"left{n},o1"), (f"left{n},o2", f"lower{n},o2")]
        ports |= {f"drop{n}": f"upper{n},o4", f"add{n}": f"upper{n},o1"}
        if n > 1:
            instances[f"link{n}"] = Instance("straight", {"length": link})
            joined += [(f"lower{n - 1},o4", f"link{n},o1"), (f"link{n},o2", f"lower{n},o1")]
    return netlist(instances, joined, {"in": "lower1,o1", "through": f"lower{count},o4"} | ports)


def mesh(modes: int, seed: int = 1) -> Netlist:
    """A rectangular mesh of modes (modes - 1) / 2 interferometers (Clements et al., Optica 3, 1460 (2016))."""
    random = np.random.default_rng(seed)
    instances, joined, ports, last = {}, [], {}, {}
    for layer in range(modes):
        for k in range(layer % 2, modes - 1, 2):
            name = f"m{layer}x{k}"
            settings = {"theta": random.uniform(0.0, 3.0), "phi": random.uniform(0.0, 6.0)}
            instances[name] = Instance("interferometer", settings)
            for mode, enter, leave in ((k, "o1", "o4"), (k + 1, "o2", "o3")):
                if mode in last:
                    joined.append((last[mode], f"{name},{enter}"))
                else:
                    ports[f"in{mode}"] = f"{name},{enter}"
                last[mode] = f"{name},{leave}"
    return netlist(instances, joined, ports | {f"out{mode}": pin for mode, pin in last.items()})


def ring_double(length: float = 10.0 * math.pi) -> Netlist:
    """A ring between two guides, joined and led out as gdsfactory 9 draws its `ring_double`."""
    half = Instance("straight", {"length": length})
    instances = {"lower": Instance("coupler_ring"), "upper": Instance("coupler_ring"), "left": half, "right": half}
    joined = [("upper,o2", "right,o1"), ("upper,o3", "left,o2"), ("lower,o2", "left,o1"), ("lower,o3", "right,o2")]
    return netlist(instances, joined, {"o1": "upper,o1", "o2": "upper,o4", "o3": "lower,o4", "o4": "lower,o1"})


def lattice(stages: int = 1, longer: float = 10.0) -> Netlist:
    """A lattice filter: couplers and between them arms of 4 bends and 3 straights, as in gdsfactory's `mzi_lattice`.

    Lengths in um; `longer` is the difference of the arms.
    """
    instances, joined = {"coupler0": Instance("coupler")}, []
    for n in range(1, stages + 1):
        instances[f"coupler{n}"] = Instance("coupler")
        for arm, leaves, enters, rise in (("upper", "o3", "o2", 2.0), ("lower", "o4", "o1", 2.0 + 0.5 * longer)):
            lengths = {"bend1": 16.637, "up": rise, "bend2": 16.637, "across": 10.0}
            lengths |= {"bend3": 16.637, "down": rise, "bend4": 16.637}
            names = [f"{arm}{n}_{part}" for part in lengths]
            kinds = ["bend_euler" if part.startswith("bend") else "straight" for part in lengths]
            parts = zip(names, kinds, lengths.values(), strict=True)
            instances |= {name: Instance(kind, {"length": length}) for name, kind, length in parts}
            row = [f"coupler{n - 1},{leaves}", *(f"{name},{end}" for name in names for end in ("o1", "o2"))]
            row.append(f"coupler{n},{enters}")
            joined += list(zip(row[::2], row[1::2], strict=True))
    last = f"coupler{stages}"
    return netlist(
        instances, joined, {"o1": "coupler0,o1", "o2": "coupler0,o2", "o3": f"{last},o3", "o4": f"{last},o4"}
    )


def netlist(instances: dict[str, Instance], joined: Any, ports: dict[str, str]) -> Netlist:
    """A netlist from pins written "instance,port"."""
    connections = tuple((_pin(a), _pin(b)) for a, b in joined)
    return Netlist(instances, connections, {name: _pin(pin) for name, pin in ports.items()})


def _pin(text: str) -> Pin:
    return Pin(*text.split(","))


# Random networks and the dense algebra


def random_network(seed: int, zeros: float = 0.3, norm: float = 0.98) -> tuple[Netlist, dict[str, SMatrix]]:
    """Components of 2 to 4 ports, passive, with reflections; some entries zero; joined at random, loops and all."""
    random = np.random.default_rng(seed)
    instances, models, pins = {}, {}, []
    for n in range(int(random.integers(2, 7))):
        size = int(random.integers(2, 5))
        values = random.normal(size=(2, 3, size, size)) * (random.uniform(size=(2, 3, size, size)) >= zeros)
        matrix = values[0] + 1j * values[1]
        matrix = norm * matrix / np.linalg.norm(matrix, 2, axis=(-2, -1))[:, None, None].max()
        ports = tuple(f"o{k}" for k in range(1, size + 1))
        models[f"part{n}"] = SMatrix(jnp.asarray(matrix), ports, np.array([1.5, 1.55, 1.6]))
        instances[f"x{n}"] = Instance(f"part{n}")
        pins += [f"x{n},{port}" for port in ports]
    pins = [pins[k] for k in random.permutation(len(pins))]
    outer = 2 + len(pins) % 2
    joined = list(zip(pins[outer::2], pins[outer + 1 :: 2], strict=True))
    return netlist(instances, joined, {f"p{k}": pin for k, pin in enumerate(pins[:outer])}), models


def dense(circuit: Netlist, models: dict[str, SMatrix]) -> np.ndarray:
    """Scattering matrix by the algebra of all waves at once."""
    pins = [Pin(name, port) for name, i in circuit.instances.items() for port in models[i.component].ports]
    place = {pin: k for k, pin in enumerate(pins)}
    blocks = [np.asarray(models[i.component].values) for i in circuit.instances.values()]
    whole = np.zeros((blocks[0].shape[0], len(pins), len(pins)), complex)
    start = 0
    for block in blocks:
        end = start + block.shape[-1]
        whole[:, start:end, start:end] = block
        start = end
    join = np.zeros((len(pins), len(pins)))
    for a, b in circuit.connections:
        join[place[a], place[b]] = join[place[b], place[a]] = 1.0
    outer = [place[pin] for pin in circuit.ports.values()]
    waves = np.linalg.solve(np.eye(len(pins)) - whole @ join, whole[:, :, outer])
    return waves[:, outer]


@case("networks.dense_algebra", source=DENSE, kind="analytic", is_long=True)
@in_float64
def dense_algebra() -> Evidence:
    """A hundred random networks with loops and reflections."""
    wl = np.array([1.5, 1.55, 1.6])
    errors = []
    for seed in range(100):
        circuit, models = random_network(seed)
        values = Circuit(circuit, models).scattering(wl).values
        errors.append(np.max(np.abs(np.asarray(values) - dense(circuit, models))))
    return _zero_within(errors, 1e-12)


@case("networks.mesh_unitary", source="a lossless circuit is unitary", kind="analytic")
@in_float64
def mesh_unitary() -> Evidence:
    """A lossless mesh of 8 modes, all ports."""
    wl = np.linspace(1.53, 1.57, 11)
    return _zero_within(Circuit(mesh(8), MESH_MODELS).scattering(wl).unitarity_residual(), 1e-12)


@case("networks.bus_unitary", source="a lossless circuit is unitary", kind="analytic")
@in_float64
def bus_unitary() -> Evidence:
    """Four lossless rings on a bus: loops at and off resonance."""
    models = {"straight": functools.partial(straight, loss_db_cm=0.0), "coupler": coupler}
    wl = np.linspace(1.53, 1.57, 2001)
    return _zero_within(Circuit(ring_bus(4), models).scattering(wl).unitarity_residual(), 1e-12)


@case("networks.bus_reciprocal", source="a circuit of reciprocal parts is reciprocal", kind="analytic")
@in_float64
def bus_reciprocal() -> Evidence:
    """Four rings on a bus, with losses."""
    wl = np.linspace(1.53, 1.57, 2001)
    return _zero_within(Circuit(ring_bus(4), LAYOUT_MODELS).scattering(wl).reciprocity_residual(), 1e-13)


@case("networks.ring_closed_form", source="Bogaerts et al., Laser Photonics Rev. 6, 47 (2012)", kind="analytic")
@in_float64
def ring_closed_form() -> Evidence:
    """A ring of two couplers and two half rings against the closed form of the add-drop ring."""
    index, join = _index(), PointCoupler.from_power(0.1)
    wl = np.linspace(1.53, 1.57, 2001)
    circuit = Circuit(ring_bus(1, [10.0 * math.pi]), {"straight": _guide, "coupler": coupler}).scattering(wl)
    ring = AddDropRing(10.0, join, join, index).scattering(wl)
    names = {"in": "in", "through": "through", "add1": "add", "drop1": "drop"}
    pairs = [(a, b) for a in names for b in names]
    return _zero_within([circuit.amplitude(a, b) - ring.amplitude(names[a], names[b]) for a, b in pairs], 1e-12)


@case("networks.bus_device", source="RingBus, the cascade of closed forms", kind="analytic", is_long=True)
@in_float64
def bus_device() -> Evidence:
    """Four rings on a bus, from in to all drops, against the device of the same rings."""
    radii, wl = [10.0, 10.02, 10.03, 10.05], np.linspace(1.53, 1.57, 1001)
    join = PointCoupler.from_power(0.1)
    device = RingBus([AddDropRing(r, join, join, _index()) for r in radii], Waveguide(50.0, _index()))
    circuit = Circuit(ring_bus(4, [math.pi * r for r in radii]), {"straight": _guide, "coupler": coupler})
    drops = circuit.amplitudes(wl, inputs="in", outputs=[f"drop{n}" for n in range(1, 5)])[..., 0]
    return _zero_within(drops.T - device.drops(wl), 1e-12)


def _guide(wl: Any = 1.55, length: Any = 10.0) -> Pairs:
    return reciprocal({("o1", "o2"): Waveguide(length, _index()).transmission(wl)})


def _index() -> LinearIndex:
    return LinearIndex(n_eff=2.34, n_g=4.2, wl0=1.55, loss_db_cm=2.0)


def _layout_spectra(name: str) -> Evidence:
    folder = _netlists()
    reference = np.load(folder / f"{name}_sax_ref.npz")
    circuit = Circuit(_read(folder / f"{name}.rec.json"), LAYOUT_MODELS, lenient=True).scattering(reference["wl"])
    pairs = [pair for pair in reference.files if pair != "wl"]
    return _zero_within([circuit.amplitude(*pair.split("__")) - reference[pair] for pair in pairs], 1e-10)


def _netlists() -> Path:
    root = Path(os.environ.get("PHOTONICS_CORE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (root / "netlists").is_dir():
        raise Absent("no netlists; set PHOTONICS_CORE_DATA to the folder that holds netlists/")
    return root / "netlists"


def _read(path: Path) -> Netlist:
    """The one netlist in a file of gdsfactory; what its info says of an instance goes over its settings."""
    content = next(iter(json.loads(path.read_text()).values()))
    instances = {k: Instance(v["component"], v["settings"] | v["info"]) for k, v in content["instances"].items()}
    return netlist(instances, [(net["p1"], net["p2"]) for net in content["nets"]], content["ports"])


@case("networks.sax_mzi", source=SAX, kind="peer")
@in_float64
def sax_mzi() -> Evidence:
    """An interferometer as gdsfactory writes it."""
    return _layout_spectra("mzi")


@case("networks.sax_ring", source=SAX, kind="peer")
@in_float64
def sax_ring() -> Evidence:
    """A ring beside a guide as gdsfactory writes it."""
    return _layout_spectra("ring_single")
