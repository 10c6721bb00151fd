# %% [markdown]
# # Circuits and films
#
# A netlist becomes one S-matrix, with all its loops; a stack of films is a device like any other. Both have gradients.

# %%
import math

import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import plot

pc.set_precision("float64")

# %% [markdown]
# ## A ring from its parts
#
# Two couplers and two half rings, joined at their ports. Any function that gives a dict {(from, to): amplitude} is a
# model, and so is any device.

# %%
index = pc.LinearIndex(n_eff=2.44, n_g=4.18, wl0=1.55, loss_db_cm=3.0)
pins = {name: pc.Pin(*pin.split(",")) for name, pin in {"in": "bottom,in", "through": "bottom,through"}.items()}
instances = {
    "bottom": pc.Instance("coupler"),
    "loop": pc.Instance("guide", {"length": 2 * math.pi * 10.0}),
}


def coupler(angle=0.2):
    """Lossless; `in` to `through` and `ring_in` to `ring_out` are the bars."""
    bar, cross = jnp.cos(angle), 1j * jnp.sin(angle)
    pairs = {("in", "through"): bar, ("ring_in", "ring_out"): bar}
    return pairs | {("in", "ring_out"): cross, ("ring_in", "through"): cross}


guide = pc.Waveguide(length=10.0, index=index)
joined = ((pc.Pin("bottom", "ring_out"), pc.Pin("loop", "in")), (pc.Pin("loop", "out"), pc.Pin("bottom", "ring_in")))
circuit = pc.Circuit(pc.Netlist(instances, joined, pins), {"coupler": coupler, "guide": guide})

wl = np.linspace(1.545, 1.561, 4001)
built = circuit.scattering(wl).amplitude("in", "through")
ring = pc.AllPassRing(radius=10.0, coupler=pc.PointCoupler(0.2), index=index)
closed = ring.scattering(wl).amplitude("in", "through")
print(f"largest difference to the closed form: {np.max(np.abs(built - closed)):.1e}")

# %% [markdown]
# A circuit is a pytree: its gradient has the shape of the circuit, those of equal components in one array.

# %%
gradient = jax.grad(lambda c: jnp.sum(jnp.abs(c.amplitudes(wl, inputs="in", outputs="through")) ** 2))(circuit)
print("in the coupler's angle:", gradient.parameters["coupler"]["angle"])
print("in the loop's length, 1/um:", gradient.parameters["guide"]["device"].length)

# %% [markdown]
# ## A mirror
#
# Eleven quarter waves on silica, and how much each of them matters for the light that comes through.

# %%
quarters = [1.55 / (4 * (2.35 if k % 2 == 0 else 1.45)) for k in range(11)]
mirror = pc.FilmStack([1.0, *(2.35 if k % 2 == 0 else 1.45 for k in range(11)), 1.444], quarters)
band = np.linspace(1.2, 2.2, 501)


def shortfall(thickness):
    """Mean of what is transmitted from 1.35 to 1.75 um, for the thicknesses in um."""
    film = pc.FilmStack(mirror.indices, thickness)
    return jnp.mean(film.transmission(np.linspace(1.35, 1.75, 81)).s)


slope = jax.grad(shortfall)(jnp.asarray(mirror.thickness))
print("change of the mean transmission per nm of each layer:", np.round(np.asarray(slope) * 1e-3, 6))

# %%
figure, axes = plot.new_figure(width=8, height=4)
for degrees in (0.0, 45.0):
    reflection = mirror.reflection(band, math.radians(degrees))
    plot.spectrum(axes[0, 0], band, reflection.s, label=f"s, {degrees:g} degrees")
    plot.spectrum(axes[0, 0], band, reflection.p, label=f"p, {degrees:g} degrees", linestyle="--")
axes[0, 0].set_ylabel("reflection (dB)")
plot.legend_above(axes[0, 0], columns=4)
figure
