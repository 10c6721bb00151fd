# %% [markdown]
# # From a fibre to a chip
#
# What a joint loses at an offset, a tilt and a gap; which tip takes the light of a lensed fibre; a grating beside it;
# and what tolerances let 99 % of arrays of 24 fibres pass.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import plot, plot_edge_coupler, plot_fiber, plot_fiber_array, plot_grating_coupler, units

pc.set_precision("float64")
pc.set_lapack_threads(1)

# %% [markdown]
# ## Two fibres
#
# Standard fibres at 1310 nm, 20 um apart in air. Losses have derivatives in every degree of freedom, so that the
# ellipsoid within which at most 1 dB is lost follows from the second ones. The gap itself is left out of it: the loss
# is least at none.

# %%
fibre = pc.GaussianBeam.from_mfd(9.2)
joint = pc.FibreJoint(fibre, fibre, wl=1.31)
apart = pc.Alignment(z=20.0)
print("loss at offsets of 0.5, 1, 2 um:", np.round(joint.loss_db(pc.Alignment(x=[0.5, 1.0, 2.0])), 3), "dB")
print(f"20 um apart {float(joint.loss_db(apart)):.3f} dB; 1 dB at {float(pc.alignment_width(joint, 'x')):.3f} um")
places = np.linspace(-3.0, 3.0, 61)
tolerance = pc.alignment_tolerance(joint, apart, freedoms=("x", "tilt_x"))
figure, axes = plot.new_figure(columns=2, width=9, height=4)
plot_fiber.loss_map(axes[0, 0], places, places, joint.loss_map(places, places, pc.Alignment(z=20.0, tilt_x=0.02)))
plot_fiber.tolerance_ellipses(
    axes[0, 1], tolerance.section("x", "tilt_x"), scales=(1.0, 180.0 / np.pi), ylabel="tilt (degrees)"
)
figure

# %% [markdown]
# The receiver leans by 1.1 degrees in the map: its best place is not straight ahead.
#
# ## A tip for a lensed fibre
#
# The narrower the end of a silicon wire, the wider its mode, until the cladding hardly holds it. A spot of 3 um has its
# best width where the mode is as wide.

# %%
spot = pc.GaussianBeam.lensed(3.0, working_distance=12.0)
widths = np.array([0.16, 0.18, 0.2, 0.23])
alignment = pc.Alignment(z=12.0)
modes = [pc.EdgeTips(width, window=12.0).mode(1.55) for width in widths]
losses = {
    "spot of 3 um": [-units.db(pc.facet_efficiency(mode, spot, alignment)) for mode in modes],
    "fibre of 10.4 um": [-units.db(pc.facet_efficiency(mode, pc.GaussianBeam.from_mfd(10.4))) for mode in modes],
}
best = int(np.argmin(losses["spot of 3 um"]))
print(f"best of these {1e3 * widths[best]:.0f} nm: {float(losses['spot of 3 um'][best]):.2f} dB, faces apart")
figure, axes = plot.new_figure(width=6, height=3.8)
plot_edge_coupler.loss_over_width(axes[0, 0], widths, losses)
figure

# %% [markdown]
# ## A grating
#
# A common grating of silicon, etched by 70 nm, under a fibre at 10 degrees. Its spectrum, in two dimensions, and how
# far the efficiency moves for a nanometre more of each trench and tooth.

# %%
coupler, beam = pc.GratingCoupler.uniform(0.63, 0.5, 25), pc.TiltedBeam(angle=10.0, waist=5.2)
wl = np.linspace(1.52, 1.61, 13)
light = coupler.response(1.57)
print(f"directionality {float(light.directionality):.3f}, back {float(light.reflected):.4f}")
taken = coupler.response(wl).efficiency(beam, light.best_position(beam))
shape = pc.spectrum_shape(wl, taken)
peak, width = 1e3 * float(shape.wl), 1e3 * float(shape.bandwidth)
print(f"peak at {peak:.1f} nm, {float(shape.efficiency):.3f}; 1 dB over {width:.0f} nm")
slope = jax.grad(lambda grating: grating.response(1.57).efficiency(beam))(coupler)
print("a wider first trench:", f"{1e-3 * float(slope.trenches[0]):+.2e} of the power per nm")
figure, axes = plot.new_figure(width=6, height=3.6)
plot_grating_coupler.coupling_spectra(axes[0, 0], wl, [taken], ["25 periods"])
figure

# %% [markdown]
# ## An array
#
# 24 fibres in one body: they share its place and turn, while each core is off by itself. The part of the arrays with
# all fibres below a limit is an integral without noise, so that it has derivatives; drawn arrays agree.

# %%
array = pc.FibreArray.row(joint, 24, 127.0, gap=10.0)
errors = pc.ArrayErrors(
    x=0.3, y=0.3, roll=2e-4, mating_x=0.2, mating_y=0.2, eccentricity=0.2, groove_x=0.2, groove_y=0.2
)
limits = np.linspace(0.2, 1.2, 11)
passed = pc.array_yield(array, errors, limits, points=1024)
drawn = pc.sample_arrays(array, errors, jax.random.key(0), 20_000)
figure, axes = plot.new_figure(width=6, height=3.8)
rates, bars = drawn.yields(limits)
plot_fiber_array.yield_against_limit(
    axes[0, 0], limits, passed[None], ["24 fibres"], sampled=rates[None], errors=bars[None]
)
moments = pc.second_order(array, errors)
print(f"mean loss of the outer fibre {float(moments.mean[0]):.3f} dB, of a middle one {float(moments.mean[12]):.3f} dB")
figure

# %% [markdown]
# The other way round: the cheapest tolerances with which 99 % of the arrays stay below 0.8 dB, where the cost of each
# is what it is tighter than those above. Light is lost by the squares of all errors together, so the large ones become
# smaller and the small ones larger, and a few seconds of drawing agree.

# %%
budget = pc.loosest_budget(array, 0.8, 0.99, pc.CostModel(errors), errors, points=512, finer=4)
for name in ("x", "roll", "mating_x", "eccentricity"):
    print(f"{name:>13} {float(getattr(errors, name)):.2e} -> {float(getattr(budget.errors, name)):.2e}")
check = pc.sample_arrays(array, budget.errors, jax.random.key(1), 20_000).yields(0.8)
print(f"promised {100 * budget.passed:.2f} %, drawn {100 * float(check[0]):.2f} +- {100 * float(check[1]):.2f} %")
assert abs(float(check[0]) - 0.99) < 5.0 * float(check[1]) + 2e-3

# %% [markdown]
# ## A stage that looks for the light
#
# 200 arrays start some um and mrad off. The stage steps by 50 nm and reads each power with 0.01 dB of noise.

# %%
stage = pc.Stage(resolution=0.05, noise_db=0.01)
random = np.random.default_rng(0)
start = np.zeros((200, 6))
start[:, :2], start[:, 5] = random.normal(0.0, 4.0, (200, 2)), random.normal(0.0, 2e-3, 200)
found = pc.search_alignment(array, stage, start, jax.random.key(2))
worst = jnp.max(found.losses_db, axis=1)
print(f"{int(jnp.median(found.moves))} moves, then {float(jnp.median(worst)):.3f} dB in the worst fibre")
