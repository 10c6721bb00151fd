# %% [markdown]
# # From a cross-section to a ring
#
# A silicon wire: its modes and fields, how its index moves with every dimension, and a ring made of it.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import plot

pc.set_precision("float64")

# %% [markdown]
# ## Modes
#
# The first is quasi-TE, with its field across the wire; the second is quasi-TM, held less by so low a core.

# %%
wire = pc.CrossSection.strip(width=0.5, height=0.22)  # silicon in silica
modes = pc.solve_modes(wire, 1.55, count=2)
for mode in modes:
    print(
        f"{mode.label()}: n_g {mode.n_g:.3f}, effective area {mode.effective_area():.3f} um^2, "
        f"{mode.confinement(0):.0%} of the power in the core"
    )

# %%
figure, axes = plot.new_figure(columns=2, width=9, height=3.2)
for ax, mode in zip(axes[0], modes, strict=True):
    plot.mode_field(ax, mode, span=(1.2, 0.8))
figure

# %% [markdown]
# ## How exact must the width be?
#
# Derivatives come with the solution, at the cost of one more.

# %%


def index_of(dimensions):
    return pc.fundamental_mode(pc.CrossSection.strip(*dimensions), 1.55).n_eff


slopes = jax.grad(index_of)(jnp.asarray([0.5, 0.22]))
shifts = 1.55 * slopes / modes[0].n_g
print(f"a resonance moves by {shifts[0]:.2f} nm per nm of width, {shifts[1]:.2f} per nm of height")

# %% [markdown]
# ## A ring made of it
#
# The index over wavelength, temperature and width is solved at some points and fitted once; the ring then costs what
# any ring does.

# %%
index = pc.strip_index(width=(0.48, 0.52), height=0.22, wl=(1.53, 1.57), temperature=(290.0, 340.0), accuracy="fast")
print(f"largest error of the fit: {index.error_estimate:.1e}")
coupler = pc.PointCoupler.from_power(0.03)
ring = pc.AddDropRing(10.0, coupler, coupler, index)
print(f"drift {ring.drift_pm_k(1.55):.1f} pm/K, free spectral range {1e3 * ring.fsr(1.55):.2f} nm")
assert np.isfinite(ring.resonance(1.55))
