# %% [markdown]
# # From a gap on a mask to a coupler and a ring
#
# How strongly two wires couple, how far the usual approximation can be trusted, which gap gives critical coupling and
# how far it moves with the width, and a coupler that does not mind its length.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import plot
from photonics_core.runtime import map_points

pc.set_precision("float64")

# %% [markdown]
# ## Coupling over the gap
#
# `couple` solves for the even and the odd mode of the pair, which is exact for equal guides. `overlap_coupling` takes
# the modes that the guides have alone: quicker, good for weak coupling, and too small where the gap is narrow.

# %%
gaps = np.linspace(0.08, 0.5, 8)


def couplings(gap):
    pair = pc.pair_section(0.5, 0.22, gap)
    return [method(pair, 1.55, accuracy="fast").coupling for method in (pc.couple, pc.overlap_coupling)]


exact, weak = (np.asarray(each) for each in jax.jit(lambda each: map_points(couplings, each))(jnp.asarray(gaps)))
figure, axes = plot.new_figure(columns=2, width=9, height=3.4)
axes[0, 0].semilogy(1e3 * gaps, exact, marker="o", label="supermodes")
axes[0, 0].semilogy(1e3 * gaps, weak, marker="x", linestyle="--", label="overlap")
axes[0, 0].set_ylabel("coupling (rad/um)")
axes[0, 1].plot(1e3 * gaps, 100 * (weak / exact - 1), marker="x")
axes[0, 1].set_ylabel("overlap less supermodes (%)")
for ax in axes[0]:
    ax.set_xlabel("gap (nm)")
plot.legend_above(axes[0, 0], columns=2)
figure

# %% [markdown]
# ## Which gap is critical?
#
# A `StripGuide` solves its index and its coupling once. Every ring, racetrack and coupler of that guide is then as fast
# as one given by numbers. The narrower the ranges, the fewer modes it has to solve for.

# %%
guide = pc.StripGuide.solve((0.48, 0.52), 0.22, gap=(0.2, 0.32), wl=(1.54, 1.56), temperature=300.0, loss_db_cm=3.0)


def gap_of_width(width, radius=10.0):
    """The gap in um at which one bus couples as much as a round trip loses, by Newton's method."""
    same = guide.at(width=width)

    def excess(gap):
        ring = same.all_pass_ring(radius, gap)
        return jnp.log(ring.coupler.power_coupling(1.55)) - jnp.log(1.0 - jnp.exp(-2.0 * ring.ring_loss(1.55)))

    def step(_, gap):
        return gap - excess(gap) / jax.grad(excess)(gap)

    return jax.lax.fori_loop(0, 6, step, jnp.asarray(0.2))


critical, slope = jax.jit(jax.value_and_grad(gap_of_width))(0.5)
print(f"critical gap {1e3 * critical:.1f} nm, moves by {slope:+.2f} nm per nm of width")

# %% [markdown]
# ## A coupler that does not mind its length
#
# Guides whose widths swap along the way: light follows the local mode and ends in the other guide.

# %%
widths = (0.52, 0.44), (0.44, 0.52)
adiabatic = pc.TaperedCoupler.solve(*widths, 0.15, 300.0, wl=(1.5, 1.6), places=5)
figure, axes = plot.new_figure(columns=2, width=9, height=3.4)
plot.power_along(axes[0, 0], *adiabatic.amplitudes_along(1.55), labels=("first guide", "second guide"))
wl = np.linspace(1.5, 1.6, 101)
plot.spectrum(axes[0, 1], wl, adiabatic.scattering(wl).power("in", "through"), label="what stays behind")
plot.legend_above(axes[0, 1], columns=1)
figure

# %%
crossed = adiabatic.scattering(wl).power("in", "cross")
print(f"crosses at least {np.min(crossed):.1%} over 100 nm; adiabaticity {adiabatic.adiabaticity(1.55):.2f}")
assert np.min(crossed) > 0.9
