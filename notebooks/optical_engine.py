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
from photonics_core.devices.engine_tradeoffs import LABELS

pc.set_precision("float64")

# %% tags=["parameters"]
channels, symbol_rates_gbd = (8, 16, 32), (16.0, 32.0, 53.125)
levels, codes = (2, 4), ("none", "KP4")

# %% [markdown]
# ## Every engine for 4 mm of edge
#
# Of the errors 1e-12 are left behind the code, from 300 to 350 K, with 3 dB to spare. Density counts the bits of both
# directions, three fibres at 127 um for each pair (out, in, light of the lasers).

# %%
spec = pc.EngineSpec(
    rate_tbps=4.0,
    shoreline_mm=4.0,
    channels=channels,
    spacings_ghz=(100.0, 200.0),
    symbol_rates_gbd=symbol_rates_gbd,
    levels=levels,
    codes=codes,
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
    best = min(dense, key=lambda each: each.energy_pj_bit, default=None)
    found = "none" if best is None else f"{best.energy_pj_bit:.2f} pJ/bit by {best.candidate}"
    print(f"{wanted:4.0f} Tb/s/mm at 80 um: {found}")

# %% [markdown]
# ## Where the energy goes
#
# Along the front, by part, the mean over the temperatures. Faster lines and more of them on the same rings take more
# light; what does not depend on the rate, as heat, is shared by more bits.

# %%
on_front = sorted((each for each, best in zip(engines, is_front, strict=True) if best), key=lambda each: each.density)
parts = {
    "laser": ("laser", "cooling"),
    "driver": ("driver",),
    "heaters and lock": ("modulator_heaters", "filter_heaters", "lock"),
    "receiver": ("receiver",),
    "clock": ("clock",),
    "SerDes": ("serdes",),
    "code": ("code",),
}
figure, axes = plot.new_figure(width=8, height=4.2)
below = np.zeros(len(on_front))
for k, (label, names) in enumerate(parts.items()):
    part = np.array([1e-3 * sum(np.mean(getattr(each.figures.energy, n)) for n in names) for each in on_front])
    axes[0, 0].bar(range(len(on_front)), part, 0.6, bottom=below, color=plot.COLORS[k], edgecolor="w", label=label)
    below += part
np.testing.assert_allclose(below, [each.energy_pj_bit for each in on_front])
axes[0, 0].set_xticks(
    range(len(on_front)),
    [f"{each.density:.1f} Tb/s/mm\n{str(each.candidate).replace(', ', chr(10))}" for each in on_front],
    fontsize="small",
)
axes[0, 0].set_ylabel("energy (pJ per bit)")
plot.legend_above(axes[0, 0], columns=7)
figure

# %% [markdown]
# ## The cheapest and the densest, ring by ring
#
# The sizing counts the worst eye, which bounds the errors from above. The whole link counts each line with its own
# neighbours, by their statistics, and with the phase noise of its lasers. The worst line is shown: where the lines
# fill the free spectral range of their rings it is the first, whose filter meets the last line too, which is still on
# the guide. Where there is a code, what it leaves is printed too.

# %%
cheapest, densest = engines[0], on_front[-1]


@jax.jit
def of_link(link):
    before, after = link.log10_error_ratio(350.0), link.after_correction(350.0)
    return before, after, link.received(350.0), link.budget(350.0)


@jax.jit
def waveform(link, symbols):
    return pc.received_waveform(link, symbols, 350.0, samples=32)


figure, axes = plot.new_figure(2, 2, width=10, height=8.6)
for row, engine in zip(axes, (cheapest, densest), strict=True):
    link = pc.engine_link(engine, 350.0)
    ratios, left, signals, budget = of_link(link)
    bound = float(np.max(engine.figures.log10_ratio[-1]))
    line = int(np.argmax(ratios))
    corrected = f"; {float(np.max(left)):.1f} behind {engine.candidate.code}" if engine.candidate.overhead else ""
    print(
        f"{engine.candidate}: line {line + 1} is the worst, log10 of its error ratio {float(ratios[line]):.1f}, "
        f"bound by the sizing {bound:.1f}{corrected}"
    )
    assert np.max(ratios) < bound and np.max(left) < -12.0
    symbols = np.random.default_rng(0).integers(0, link.levels, (1200, link.count))
    wave = waveform(link, symbols)[line]
    plot_link.loss_waterfall(row[0], budget, line)
    plot_link.received_eye(row[1], wave, symbols[:, line], noise=float(np.mean(signals.noise[line])))
    row[1].set_title(f"line {line + 1} of {link.count}, {engine.candidate}", fontsize=9)
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
