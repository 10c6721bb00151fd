# %% [markdown]
# # From a stack of layers to a row of rings that stays on its lasers
#
# Heaters over eight rings: how warm each makes all rings, what that is in picometres, which ring goes to which laser
# line at what power, how soon the heat is there, and a loop that holds a ring on its line.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import ambient, plot, plot_drift, plot_heat

pc.set_precision("float64")

# %% [markdown]
# ## The chip
#
# From below: the wafer on its cold plate, buried oxide, the layer of the guides, the oxide with the heaters 2 um above
# the rings, and air. Silicon between the rings is etched away, so that the guides' layer counts as oxide.

# %%
stack = pc.ThermalStack(
    (
        pc.Layer.of("wafer", "silicon", 500.0),
        pc.Layer.of("box", "silica", 2.0),
        pc.Layer.of("guides", "silica", 0.22),
        pc.Layer.of("oxide", "silica", 4.0),
    ),
    bottom=pc.FixedTemperature(),
    top=pc.Convection(10.0),
)
count, pitch, radius = 8, 40.0, 7.5
places = [(40.0 + pitch * k, 50.0) for k in range(count)]
heaters = [pc.ThermalRegion(pc.Annulus(x, y, radius - 1.0, radius + 1.0), "oxide", 2.0, 0.1) for x, y in places]
rings = [pc.ThermalRegion(pc.Circle(x, y, radius), "guides") for x, y in places]
chip = pc.Chip(80.0 + pitch * (count - 1), 100.0)
layout = pc.ThermalLayout(stack, heaters, rings, chip)
coupling = jax.jit(lambda layout: layout.coupling())(layout)
print(f"a heater warms its own ring by {coupling[0, 0]:.2f} K/mW, the next one by {coupling[1, 0]:.3f} K/mW")

# %% [markdown]
# ## Picometres
#
# How far a resonance moves for a kelvin follows from the mode and dn/dT of silicon and oxide. It is not the same at all
# temperatures. The numbers are those of a wire of 420 x 220 nm in oxide at 1310 nm, which
# `pc.GuideDrift.of_mode(pc.fundamental_mode(pc.CrossSection.strip(0.42, 0.22), 1.31))` solves for in some seconds.

# %%
guide = pc.GuideDrift((1.095, 0.184), (pc.SILICON, pc.SILICA), n_eff=2.599, n_g=4.291, wl=1.31)
drift = float(guide.drift_pm_k())
print(
    f"n_g {float(guide.n_g):.2f}; {drift:.1f} pm/K at 300 K, {float(guide.drift_pm_k(temperature=355.0)):.1f} at 355 K"
)
print(f"a heater moves its ring by {float(pc.efficiency_nm_mw(drift, coupling[0, 0])):.3f} nm/mW")
temperature = np.linspace(*ambient.COMMERCIAL, 30)
shifts = [guide.shift_pm(300.0, temperature), drift * (temperature - 300.0)]
figure, axes = plot.new_figure(columns=2, width=9, height=3.8)
plot_drift.shift_against_ambient(
    axes[0, 0], temperature, shifts, ("as the mode says", "constant"), dashed=("constant",)
)
plot_heat.crosstalk_matrix(axes[0, 1], coupling)
figure

# %% [markdown]
# ## Which ring to which line, at what power
#
# Rings are made with an error, here a nanometre to the red and as much at random, and can be heated only. The best
# assignment is searched for, with the warmth of the neighbours and the range of the heaters; the naive one puts ring 1
# on line 1.

# %%
fsr = 1.31**2 / (float(guide.n_g) * 2.0 * np.pi * radius)
lines = 1.31 + fsr / count * np.arange(count)
cold = lines + 1e-3 + np.random.default_rng(1).normal(0.0, 1e-3, count)
row = {"rings": cold, "lines": lines, "fsr": fsr, "drift_pm_k": drift, "coupling": coupling}
plan = pc.assign_lines(**row, max_power=120.0)
naive = pc.tuning_power(**row)
print(f"naive {float(jnp.sum(naive)):.0f} mW, of which the least {float(jnp.min(naive)):.1f}; best {plan.total:.0f} mW")
print("ring to line", (plan.lines + 1).tolist(), "known to be the best" if plan.is_optimal else "")
warm = cold + 1e-6 * drift * np.asarray(coupling) @ plan.power
missed = warm - lines[plan.lines] - plan.orders * fsr
print(f"rings are within {1e6 * np.max(np.abs(missed)):.1e} pm of their lines")
field = layout.temperature_map(plan.power, "guides", shape=(180, 50))
figure, axes = plot.new_figure(rows=2, width=9, height=6.5)
plot_drift.tuned_row(axes[0, 0], cold, lines, fsr, plan.lines, plan.orders)
shapes = [heater.shape for heater in heaters]
plot_heat.temperature_map(axes[1, 0], field, (chip.width, chip.height), outlines=shapes)
figure

# %% [markdown]
# The powers have exact derivatives: here how much the total grows with the pitch, the assignment as it is.


# %%
def total(pitch):
    at = [(40.0 + pitch * k, 50.0) for k in range(count)]
    warming = [pc.ThermalRegion(pc.Annulus(x, y, radius - 1.0, radius + 1.0), "oxide", 2.0, 0.1) for x, y in at]
    warmed = [pc.ThermalRegion(pc.Circle(x, y, radius), "guides") for x, y in at]
    closer = {**row, "coupling": pc.ThermalLayout(stack, warming, warmed).coupling()}
    return jnp.sum(pc.tuning_power(**closer, plan_lines=plan.lines, plan_orders=plan.orders))


slope = jax.jit(jax.grad(total))(pitch)
print(f"total power for a larger pitch: {float(slope):+.3f} mW/um")
assert np.isfinite(float(slope))

# %% [markdown]
# ## How soon the heat is there
#
# Heat goes through 2 um of oxide before the ring knows. A Foster network with resistances above zero begins at once,
# and misses that however many parts it has; with both signs it follows.

# %%
time = np.geomspace(1e3, 1e11, 41)
pair = pc.ThermalLayout(stack, heaters[:1], rings[:2])
steps = np.asarray(jax.jit(lambda layout: layout.step_response(time, 10))(pair))[:, 0]
early = pc.foster_fit(time, steps[0], 6)
late = [pc.transfer_fit(time, step, 6, static=top) for step, top in zip(steps, coupling[:2, 0], strict=True)]
print(f"six parts above zero miss the own ring by {100 * early.largest_error:.1f} %")
print(f"six of both signs by {100 * late[0].largest_error:.2f} %, the next ring by {100 * late[1].largest_error:.2f} %")
figure, axes = plot.new_figure(width=7, height=3.6)
fitted = [fit.impedance.step_response(time) for fit in late]
plot_heat.step_responses(axes[0, 0], time, steps, ("own ring", "next ring"), fits=fitted, relative=True)
figure

# %% [markdown]
# ## A lock
#
# A loop holds half of the dropped power while the chip warms by 1000 K/s. How much gain it stands is decided by the
# delay: without it the loop would seem to be stable far beyond.

# %%
step = 1e6  # a sample every microsecond


def lock_of(impedance, gain):
    return pc.WavelengthLock(100.0, drift, impedance, gain, step)


limits = [float(lock_of(each.impedance, 0.0).gain_limit()) for each in (early, late[0])]
print(f"limit of the gain without the delay {limits[0]:.1f} mW, with it {limits[1]:.2f} mW")
slow, quick, wild = (lock_of(late[0].impedance, part * limits[1]) for part in (0.02, 0.2, 1.1))
times = step * np.arange(400)
rise = ambient.ramp(times, 300.0, 300.4, 4e8) - 300.0
traces = [lock.run(rise, 10.0, 20.0) for lock in (quick, slow, wild)]
for name, lock, trace in (("slow", slow, traces[1]), ("quick", quick, traces[0])):
    print(
        f"{name}: {float(trace.error_pm[-1]):.3f} pm behind the ramp, by the formula {lock.ramp_error_pm(1e3):.3f} pm"
    )
figure, axes = plot.new_figure(rows=2, width=8, height=5, sharex=True)
names = [f"gain {part:g} of the limit" for part in (0.2, 0.02, 1.1)]
plot_drift.lock_transient(axes[:, 0], times, traces, names)
figure
