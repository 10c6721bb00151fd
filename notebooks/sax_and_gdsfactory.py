# %% [markdown]
# # With SAX and gdsfactory
#
# Circuits are drawn in gdsfactory and simulated in SAX by many. Neither is imported here: what passes between them
# and us are plain functions, dicts and files. A netlist of theirs becomes a circuit of ours, with gradients; a device
# of ours becomes a model of theirs; a layout goes to GDS and a netlist and comes back. The extra `layout` reads and
# writes YAML and GDS.

# %%
import inspect
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

import photonics_core as pc
from photonics_core import plot
from photonics_core.exchange_models import as_sax_model, from_sax_model
from photonics_core.exchange_netlist import netlist_to_dict
from photonics_core.plot_layout import draw_layout

pc.set_precision("float64")
folder = Path(tempfile.mkdtemp())
wl = np.linspace(1.54, 1.56, 4001)

# %% [markdown]
# ## Our devices as plain functions
#
# Keyword arguments with defaults, `wl` in um among them, and a dict {(from, to): amplitude} back: what a SAX circuit
# takes. The parameters that become arguments are named by their path in the device, and ports get the names of
# gdsfactory, o1, o2, ... from the lower left around. Where only a part of a component is a device of ours, the rest is
# written as one writes it for SAX: `coupler_ring` has a quarter of the ring at o2 and another at o3.

# %%
index = pc.LinearIndex(n_eff=2.44, n_g=4.18, wl0=1.55, thermo_optic=1.86e-4, loss_db_cm=3.0)
meeting = pc.DirectionalCoupler(0.2, 4.0, kappa=0.08, decay_length=0.1, bend_length=1.5)
straight = as_sax_model(pc.Waveguide(10.0, index), {"in": "o1", "out": "o2"}, {"length": "length"})
coupler = as_sax_model(
    meeting,
    {"in": "o1", "through": "o4", "add": "o2", "cross": "o3"},
    {"gap": "gap", "length_x": "length"},
)
QUARTER = 1.6637  # length over radius of a bend of 90 degrees, half of it clothoids, as gdsfactory draws it


def coupler_ring(*, gap=0.2, radius=10.0, length_x=4.0, wl=1.55):
    """A straight bus beside half of a ring; None for the radius is that of the process, as in gdsfactory."""
    arm = QUARTER * (10.0 if radius is None else radius) + 0.5 * length_x
    amplitude = straight(length=arm, wl=wl)["o1", "o2"]
    pairs = coupler(gap=gap, length_x=length_x, wl=wl)
    return {pair: value * amplitude ** sum(port in ("o2", "o3") for port in pair) for pair, value in pairs.items()}


models = {"coupler_ring": coupler_ring, "straight": straight, "bend_euler": straight}
print({pair: f"{complex(value):.3f}" for pair, value in straight(length=100.0, wl=1.55).items()})

# %% [markdown]
# ## A netlist of gdsfactory becomes a circuit
#
# What `component.write_netlist` leaves of a `ring_single`, its long names made short. In `info` stands what gdsfactory
# found out while it drew, here the lengths of bends. Settings that only a drawing needs are passed over with `lenient`.

# %%
RING = """
name: ring_single
instances:
  coupler:
    component: coupler_ring
    settings: {gap: 0.2, radius: null, length_x: 4.0, bend: bend_euler, cross_section: strip}
  left: {component: straight, settings: {length: 0.6, cross_section: strip}}
  right: {component: straight, settings: {length: 0.6, cross_section: strip}}
  top: {component: straight, settings: {length: 4.0, cross_section: strip}}
  left_bend: {component: bend_euler, settings: {angle: 90, p: 0.5}, info: {length: 16.637}}
  right_bend: {component: bend_euler, settings: {angle: 90, p: 0.5}, info: {length: 16.637}}
nets:
- {p1: "coupler,o2", p2: "left,o1"}
- {p1: "left,o2", p2: "left_bend,o2"}
- {p1: "left_bend,o1", p2: "top,o2"}
- {p1: "top,o1", p2: "right_bend,o2"}
- {p1: "right_bend,o1", p2: "right,o1"}
- {p1: "right,o2", p2: "coupler,o3"}
placements:
  coupler: {x: 0.0, y: 0.0, rotation: 0, mirror: false}
ports: {o1: "coupler,o1", o2: "coupler,o4"}
"""
(folder / "ring_single.yml").write_text(RING)
netlist = pc.read_netlist(folder / "ring_single.yml")
circuit = pc.Circuit(netlist, models, lenient=True)
s = circuit.scattering(wl)

# %% [markdown]
# ## Beside our own device
#
# The same ring as one device, in closed form: they agree to rounding, and so do their gradients. That of the circuit
# has one number for each setting of each instance, those of equal components in one array.

# %%
length = 4.0 * QUARTER * 10.0 + 2.0 * 4.0 + 2.0 * 0.6
ring = pc.AllPassRing(length / (2.0 * math.pi), meeting, index)
closed = ring.scattering(wl)
difference = float(np.max(np.abs(s.amplitude("o1", "o2") - closed.amplitude("in", "through"))))
print(f"circuit and ring differ by {difference:.1e}")
assert difference < 1e-11

flank = float(ring.resonance(1.55)) + 2e-5
of_circuit = jax.grad(lambda each: each.scattering(flank).power("o1", "o2"))(circuit).parameters
of_ring = jax.grad(lambda each: each.scattering(flank).power("in", "through"))(ring)
by_length = float(of_ring.radius) / (2.0 * math.pi)
print(f"d(through)/d(gap) {of_circuit['coupler_ring']['gap']} and {float(of_ring.coupler.gap):.8f} per um")
print(f"d(through)/d(length) {of_circuit['straight']['length']} and {by_length:.8f} per um")
np.testing.assert_allclose(of_circuit["coupler_ring"]["gap"], of_ring.coupler.gap, rtol=1e-8)
np.testing.assert_allclose(of_circuit["straight"]["length"], by_length, rtol=1e-8)

figure, axes = plot.new_figure(rows=2, width=8, height=4.6, sharex=True, height_ratios=(3, 1))
plot.spectrum(axes[0, 0], wl, s.power("o1", "o2"), label="circuit of the netlist")
plot.spectrum(axes[0, 0], wl, closed.power("in", "through"), label="our ring", linestyle="--")
plot.legend_above(axes[0, 0], columns=2)
axes[0, 0].set_xlabel("")
off = np.abs(np.asarray(s.power("o1", "o2") - closed.power("in", "through")))
axes[1, 0].semilogy(1e3 * wl, np.maximum(off, 1e-17), linewidth=0.5)
axes[1, 0].set(xlabel="wavelength (nm)", ylabel="difference")
figure

# %% [markdown]
# ## There and back
#
# A circuit of ours is a model for them too. As a function of wavelength it is handed over, taken back, and gives the
# same bits; and so does the netlist, written as they read it.

# %%
theirs = as_sax_model(circuit)
ours = from_sax_model(theirs, {"o1": "in", "o2": "through"})(wl=wl)
assert np.array_equal(ours.amplitude("in", "through"), s.amplitude("o1", "o2"))
(folder / "again.json").write_text(json.dumps(netlist_to_dict(netlist.netlist)))
again = pc.Circuit(pc.read_netlist(folder / "again.json"), models, lenient=True).scattering(wl)
assert np.array_equal(again.values, s.values)
print("same bits after both")

# %% [markdown]
# ## A layout of ours: GDS, netlist, and back
#
# Three rings on a bus between two edge couplers. The lengths of the routes are in the circuit. Both files hold the
# netlist: that of gdsfactory with placements, the GDS in properties of its references.

# %%
radii = (7.5, 7.51, 7.52)
layout = pc.ring_row_layout(radii, rows=1)
loss = 10.0 ** (-1.5 / 20.0)
cells = {
    "ring": lambda radius=7.5, wl=1.55: pc.AllPassRing(radius, pc.PointCoupler(0.2), index).scattering(wl),
    "edge": lambda: {("fibre", "chip"): loss, ("chip", "fibre"): loss},
    "route": pc.RoutedGuide(index),
}
drawn = layout.circuit(cells).scattering(wl)
pc.write_gds(folder / "row.gds", layout)
pc.write_layout_netlist(folder / "row.yml", layout)
from_gds = pc.read_gds_layout(folder / "row.gds")
for name, back in (("row.yml", pc.read_netlist(folder / "row.yml").netlist), ("row.gds", from_gds.netlist)):
    off = float(np.max(np.abs(pc.Circuit(back, cells).scattering(wl).values - drawn.values)))
    print(f"{name}: {len(back.instances)} instances, spectrum off by {off:.1e}")
    assert off < 1e-12
print("area drawn:", {layer: round(area, 1) for layer, area in from_gds.areas.items() if layer in ("core", "heater")})

figure, axes = plot.new_figure(rows=2, width=9, height=5.6)
draw_layout(axes[0, 0], layout, names=False)
plot.spectrum(axes[1, 0], wl, drawn.power("in", "through"), label="fibre to fibre")
plot.legend_above(axes[1, 0], columns=1)
figure

# %% [markdown]
# ## With the real ones, where they are
#
# SAX asks for an older JAX than we do, and pins the process to the CPU; gdsfactory is large. So both live in
# environments of their own, and files pass between them: `PHOTONICS_CORE_PEERS` names the Python of such an
# environment. SAX gets the netlist and, for each instance, the table of its amplitudes; gdsfactory reads the GDS, and
# draws a ring whose netlist is read here.

# %%
WITH_SAX = """
import json, sys
import numpy as np, sax
folder = sys.argv[1]
netlist, tables = json.load(open(folder + "/plain.json")), np.load(folder + "/tables.npz")


def model(name):
    pairs = {tuple(key.split("|")[1:]): tables[key] for key in tables if key.split("|")[0] == name}
    return lambda wl=1.55: pairs


circuit, _ = sax.circuit(netlist=netlist, models={name: model(name) for name in netlist["instances"]})
np.save(folder + "/sax.npy", np.asarray(sax.sdict(circuit())["o1", "o2"]))
"""
WITH_GDSFACTORY = """
import json, sys
import gdsfactory as gf
gf.gpdk.PDK.activate()
folder = sys.argv[1]
ring = gf.components.ring_single(gap=0.2, radius=10.0, length_x=4.0, length_y=0.6)
json.dump(ring.get_netlist(), open(folder + "/theirs.json", "w"), default=float)
json.dump(gf.import_gds(folder + "/row.gds").area((1, 0)), open(folder + "/area.json", "w"))
"""


def ran(module, script):
    """Whether there is a Python that has `module`, once it has run the script on the folder."""
    for python in filter(None, (os.environ.get("PHOTONICS_CORE_PEERS"), sys.executable)):
        look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
        if subprocess.run([python, "-c", look]).returncode == 0:
            subprocess.run([python, "-c", script, str(folder)], check=True)
            return True
    print(f"{module} is not here: set PHOTONICS_CORE_PEERS to the Python of an environment that has it")
    return False


tables, plain = {}, netlist_to_dict(netlist.netlist)
for name, instance in netlist.netlist.instances.items():
    model = models[instance.component]
    known = {key: value for key, value in instance.settings.items() if key in inspect.signature(model).parameters}
    tables |= {f"{name}|{a}|{b}": np.broadcast_to(value, wl.shape) for (a, b), value in model(wl=wl, **known).items()}
    plain["instances"][name] = name
np.savez(folder / "tables.npz", **tables)
(folder / "plain.json").write_text(json.dumps(plain))

if ran("sax", WITH_SAX):
    difference = float(np.max(np.abs(np.load(folder / "sax.npy") - s.amplitude("o1", "o2"))))
    print(f"SAX and our circuit differ by {difference:.1e}")
    assert difference < 1e-11
if ran("gdsfactory", WITH_GDSFACTORY):
    theirs = pc.Circuit(pc.read_netlist(folder / "theirs.json"), models, lenient=True).scattering(wl)
    difference = float(np.max(np.abs(theirs.amplitude("o1", "o2") - s.amplitude("o1", "o2"))))
    area = json.loads((folder / "area.json").read_text())
    print(f"the ring that gdsfactory draws differs by {difference:.1e}; area of the guides in its eyes {area:.1f} um2")
    assert difference < 1e-11 and abs(area - from_gds.areas["core"]) < 0.1
