# %% [markdown]
# # An optical engine from 1 to 10 Tb/s per mm
#
# How many lines in a fibre, how far apart, how fast, and of which rings: for a target in Tb/s per mm of chip edge,
# the least energy per bit that keeps the error ratio over all temperatures. Discrete choices are enumerated, the rest
# is found by gradient, and the best one is looked at ring by ring. `photonics-core run engine` does the like from the
# shell.

# %%
import jax
import numpy as np

import photonics_core as pc
from photonics_core import plot, plot_engine, plot_link
from photonics_core.devices.engine_report import LABELS

pc.set_precision("float64")

# %% [markdown]
# ## Every engine for 4 mm of edge
#
# Of the errors 1e-12 are left behind the code, from 300 to 350 K, with 3 dB to spare. Density counts the bits of both
# directions, three fibres at 127 um for each pair (out, in, light of the lasers).

# %%
spec = pc.EngineSpec(
    rate_tbps=4.0,
    shoreline_mm=4.0,
    channels=(8, 16, 32),
    spacings_ghz=(100.0, 200.0),
    symbol_rates_gbd=(16.0, 32.0, 53.125),
)
engines = pc.size_all(spec)
density = np.array([each.density for each in engines])
energy = np.array([each.energy_pj_bit for each in engines])
is_front = pc.pareto_front(density, energy)
print(f"{len(engines)} engines meet the limits; those of least energy:")
for each in engines[:10]:
    print(f"{each.candidate!s:<34}{each.density:6.2f} Tb/s/mm {each.energy_pj_bit:6.2f} pJ/bit")

# %%
figure = plot_engine.front(density, energy, is_front, [str(each.candidate) for each in engines])
figure

# %% [markdown]
# ## What each density costs
#
# The least energy of an engine that is at least so dense, and what stands in the way of less: limits that are met with
# nothing to spare, and ends of the ranges of the design.

# %%
for wanted in (1.0, 2.0, 4.0, 5.0, 8.0, 10.0):
    dense = [each for each in engines if each.density >= wanted]
    if not dense:
        print(f"{wanted:4.0f} Tb/s/mm: none at this pitch")
        continue
    best = min(dense, key=lambda each: each.energy_pj_bit)
    print(f"{wanted:4.0f} Tb/s/mm: {best.energy_pj_bit:.2f} pJ/bit by {best.candidate}")
    print(f"             binding: {', '.join(best.binding)}")

# %% [markdown]
# Energy does not depend on the pitch of the fibres, and density goes as its inverse: at 80 um instead of 127 um each
# of these engines is 1.6 times as dense.

# %%
for wanted in (8.0, 10.0):
    dense = [each for each in engines if each.density * 127.0 / 80.0 >= wanted]
    best = min(dense, key=lambda each: each.energy_pj_bit)
    print(f"{wanted:4.0f} Tb/s/mm at 80 um: {best.energy_pj_bit:.2f} pJ/bit by {best.candidate}")

# %% [markdown]
# ## Where the energy goes
#
# At the least energy of all, and for the densest engine that is met.

# %%
cheapest, densest = engines[0], max(engines, key=lambda each: each.density)
figure, axes = plot.new_figure(width=8, height=3.8)
names = cheapest.figures.energy._fields
parts = [[1e-3 * float(np.mean(getattr(each.figures.energy, name))) for name in names] for each in (cheapest, densest)]
for k, (each, part) in enumerate(zip((cheapest, densest), parts, strict=True)):
    axes[0, 0].bar(np.arange(len(names)) + 0.4 * k - 0.2, part, 0.4, color=plot.COLORS[k], label=str(each.candidate))
axes[0, 0].set_xticks(range(len(names)), [name.replace("_", " ") for name in names], rotation=40, ha="right")
axes[0, 0].set_ylabel("energy (pJ per bit)")
plot.legend_above(axes[0, 0], columns=2)
figure

# %% [markdown]
# ## The cheapest one, ring by ring
#
# The sizing counts the worst eye, which bounds the errors from above. The whole link counts each line with its own
# neighbours, by their statistics, and with the phase noise of its lasers.

# %%
link = pc.engine_link(cheapest, 350.0)
count = link.count


@jax.jit
def of_link(link):
    return link.log10_error_ratio(350.0), link.losses_db(350.0), link.received(350.0)


ratios, losses, signals = of_link(link)
print("log10 of the error ratios at 350 K:", np.round(np.asarray(ratios), 1))
assert np.all(np.asarray(ratios) < -12.0)

# %%
symbols = np.random.default_rng(0).integers(0, link.levels, (1200, count))
line = count // 2
wave = jax.jit(lambda link: pc.received_waveform(link, symbols, 350.0, samples=32))(link)[line]
budget = jax.jit(lambda link: link.budget(350.0))(link)
figure, axes = plot.new_figure(1, 2, width=10, height=4.4)
plot_link.loss_waterfall(axes[0, 0], budget, line)
plot_link.received_eye(axes[0, 1], wave, symbols[:, line], noise=float(np.mean(signals.noise[line])))
axes[0, 1].set_title(f"line {line + 1} of {count}, {cheapest.candidate}", fontsize=9)
figure

# %% [markdown]
# ## What an improvement of 10 % buys
#
# By the multipliers of the optimum (the envelope theorem), and by optimising again with the better device.

# %%
table = pc.sensitivities(cheapest, spec)
names = [LABELS[each.name] for each in table]
figure = plot_engine.sensitivity_bars(names, [1e3 * x.energy for x in table], [1e3 * x.checked for x in table])
figure

# %% [markdown]
# ## Beside others
#
# Published links, each with what it counts: they do not count the same.

# %%
print(pc.comparison_table())
