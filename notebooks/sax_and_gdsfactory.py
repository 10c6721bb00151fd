# %% [markdown]
# # With SAX and gdsfactory
#
# Circuits are drawn in gdsfactory and simulated in SAX by many. Neither is imported here: what passes between them
# and us are plain functions, dicts and files. A netlist of theirs becomes a circuit of ours, with gradients; a device
# of ours becomes a model of theirs. Layouts as GDS are in `design_transmitter.py`.

# %%
import importlib.util
import json
import math
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import plot
from photonics_core.exchange_models import as_sax_model, from_sax_model
from photonics_core.exchange_netlist import netlist_from_dict, netlist_to_dict

pc.set_precision("float64")
wl = np.linspace(1.5, 1.6, 2001)

# %% [markdown]
# ## A netlist of gdsfactory
#
# What `component.get_netlist()` gives: a Mach-Zehnder interferometer of two couplers and two arms, 60 um apart in
# length. Ports are named o1, o2, ... there, from the lower left around.

# %%
content = {
    "name": "mzi",
    "instances": {
        "split": {"component": "coupler", "settings": {"angle": math.pi / 4}},
        "long": {"component": "straight", "settings": {"length": 160.0}},
        "short": {"component": "straight", "settings": {"length": 100.0}},
        "join": {"component": "coupler", "settings": {"angle": math.pi / 4}},
    },
    "nets": [
        {"p1": "split,o3", "p2": "long,o1"},
        {"p1": "split,o4", "p2": "short,o1"},
        {"p1": "long,o2", "p2": "join,o2"},
        {"p1": "short,o2", "p2": "join,o1"},
    ],
    "ports": {"o1": "split,o1", "o2": "split,o2", "o3": "join,o3", "o4": "join,o4"},
}
netlist = netlist_from_dict(content)

# %% [markdown]
# ## Our devices as plain functions
#
# Keyword arguments with defaults, `wl` in um among them, and a dict {(from, to): amplitude} back: what a SAX circuit
# takes. The parameters that become arguments are named by their path in the device. Our `Circuit` takes the same
# functions.

# %%
index = pc.LinearIndex(n_eff=2.44, n_g=4.18, wl0=1.55, thermo_optic=1.86e-4, loss_db_cm=3.0)
straight = as_sax_model(pc.Waveguide(10.0, index), {"in": "o1", "out": "o2"}, {"length": "length"})


def coupler(*, angle=math.pi / 4, wl=1.55):
    """A model as one writes it for SAX: o1 and o2 on the left, o3 and o4 on the right, bars o1 to o4 and o2 to o3."""
    bar, cross = jnp.cos(angle) * jnp.ones_like(wl), 1j * jnp.sin(angle) * jnp.ones_like(wl)
    pairs = {("o1", "o4"): bar, ("o2", "o3"): bar, ("o1", "o3"): cross, ("o2", "o4"): cross}
    return pairs | {(b, a): value for (a, b), value in pairs.items()}


models = {"coupler": coupler, "straight": straight}
circuit = pc.Circuit(netlist, models)
s = circuit.scattering(wl)

envelope = 10.0 ** (-0.1 * 3.0 * 1e-4 * np.array([160.0, 100.0]))
shown = np.asarray(s.power("o1", "o4") + s.power("o1", "o3"))
print(f"power that comes out: {shown.min():.5f} to {shown.max():.5f}; mean loss of both arms {np.mean(envelope):.5f}")
assert np.all(np.abs(shown - np.mean(envelope)) < 1e-9)

# %% [markdown]
# ## Beside a formula
#
# Light to o3 goes once across, by either arm, and adds up where the arms are alike; to o4 it goes across twice or
# never.

# %%
a, b = np.sqrt(envelope)
long, short = a * np.exp(2j * np.pi * np.asarray(index.turns(60.0, wl))), b
formula = {"o3": np.abs(long + short) ** 2 / 4.0, "o4": np.abs(long - short) ** 2 / 4.0}
difference = max(float(np.max(np.abs(s.power("o1", port) - power))) for port, power in formula.items())
print(f"largest difference from the formula: {difference:.1e}")
assert difference < 1e-12

figure, axes = plot.new_figure(width=8, height=3.6)
for port in ("o3", "o4"):
    plot.spectrum(axes[0, 0], wl, s.power("o1", port), label=f"o1 to {port}")
plot.legend_above(axes[0, 0], columns=2)
figure

# %% [markdown]
# ## What they cannot give: the gradient of the whole circuit in every setting

# %%
slope = jax.grad(lambda each: jnp.mean(each.scattering(wl[::50]).power("o1", "o3")))(circuit)
print("d(mean power to o3)/d(angle) of each coupler:", slope.parameters["coupler"]["angle"])
print("d(mean power to o3)/d(length) of each straight, 1/um:", slope.parameters["straight"]["length"])

# %% [markdown]
# ## There and back
#
# A netlist is written as they read it, and a model of theirs is a device of ours.

# %%
folder = Path(tempfile.mkdtemp())
(folder / "mzi.json").write_text(json.dumps(netlist_to_dict(netlist.netlists[netlist.top])))
again = pc.Circuit(pc.read_netlist(folder / "mzi.json"), models).scattering(wl)
print("difference after a file:", float(np.max(np.abs(again.values - s.values))))
ring = pc.AllPassRing(10.0, pc.PointCoupler(0.2), index)
theirs = as_sax_model(ring, {"in": "o1", "through": "o2"}, {"radius": "radius"})
ours = from_sax_model(theirs, {"o1": "in", "o2": "through"})(wl=wl, radius=10.0)
print("difference after two exchanges:", float(np.max(np.abs(ours.values - ring.scattering(wl).values))))
assert np.array_equal(np.asarray(ours.values), np.asarray(ring.scattering(wl).values))

# %% [markdown]
# ## With the real ones, where they are
#
# SAX asks for an older JAX than we do, and pins the process to the CPU; gdsfactory is large. So both live in
# environments of their own, and files pass between them. This cell runs where one of them is installed.

# %%
for name in ("sax", "gdsfactory"):
    print(
        f"{name} is {'here' if importlib.util.find_spec(name) else 'not here: the files above are what it would read'}"
    )
if importlib.util.find_spec("sax"):
    import sax

    theirs, _ = sax.circuit(netlist=content, models=models)
    result = sax.sdict(theirs(wl=wl))
    print("difference from SAX:", float(np.max(np.abs(result["o1", "o3"] - s.amplitude("o1", "o3")))))
