# %% [markdown]
# # A first ring
#
# An add-drop ring of silicon: its spectrum, its drift with temperature, and the exact gradient of its figures of merit.

# %%
import jax
import numpy as np

import photonics_core as pc
from photonics_core import plot

pc.set_precision("float64")

# %% [markdown]
# The waveguide is known by its index around one wavelength; the couplers by the power they couple.

# %%
index = pc.LinearIndex(n_eff=2.44, n_g=4.18, wl0=1.55, thermo_optic=1.86e-4, loss_db_cm=3.0)
coupler = pc.PointCoupler.from_power(0.03)
ring = pc.AddDropRing(radius=10.0, input_coupler=coupler, drop_coupler=coupler, index=index)

print(f"free spectral range {1e3 * ring.fsr(1.55):.2f} nm, loaded Q {ring.q_loaded(1.55):.0f}")
print(f"resonances near 1550 nm: {np.round(1e3 * ring.resonances(1.55, 3), 3)} nm")

# %% [markdown]
# ## Spectrum, cold and warm
#
# What leaves the bus at a resonance comes out at the drop port, less what the ring loses. 30 K move all
# resonances by 2 nm, as the next section computes.

# %%
wl = np.linspace(1.545, 1.561, 4001)
figure, axes = plot.new_figure(width=8, height=4)
for temperature in (300.0, 330.0):
    s = ring.scattering(wl, temperature)
    plot.spectrum(axes[0, 0], wl, s.power("in", "through"), label=f"through, {temperature:g} K")
    plot.spectrum(axes[0, 0], wl, s.power("in", "drop"), label=f"drop, {temperature:g} K", linestyle="--")
plot.legend_above(axes[0, 0], columns=4)
figure

# %% [markdown]
# ## Drift
#
# The drift of a resonance, (wl / n_g) dn_eff/dT, beside the distance between two resonances 30 K apart.

# %%
at_300, at_330 = ring.resonance(1.55, 300.0), ring.resonance(1.55, 330.0)
print(f"{ring.drift_pm_k(at_300):.2f} pm/K; over 30 K {1e6 * (at_330 - at_300) / 30:.2f} pm/K")
assert abs(float(1e6 * (at_330 - at_300) / 30 - ring.drift_pm_k(at_300))) < 0.2

# %% [markdown]
# ## Gradient
#
# A device is a pytree of its parameters, so the gradient has the shape of the device.

# %%
gradient = jax.grad(lambda ring: ring.drop_loss_db(1.55))(ring)
print(f"d(drop loss)/d(coupling angle) = {gradient.input_coupler.angle:.2f} dB/rad")
print(f"d(drop loss)/d(waveguide loss) = {gradient.index.loss_db_cm:.4f} dB per dB/cm")

# %% [markdown]
# ## A batch
#
# Many rings are one ring whose leaves have a leading axis.

# %%
rings = pc.stack([pc.AddDropRing(10.0, pc.PointCoupler.from_power(k), coupler, index) for k in (0.01, 0.03, 0.1)])
print("Q over input coupling 1, 3, 10 %:", np.round(jax.vmap(lambda ring: ring.q_loaded(1.55))(rings)))
