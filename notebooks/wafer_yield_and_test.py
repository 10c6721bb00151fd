# %% [markdown]
# # A wafer of transmitters: a sweep that survives, the yield, and the test
#
# A sweep whose results outlive its process; how many dies of a wafer keep their limits, and why the others do not; and
# what the spectra of a ring on each die tell of the width that the guides came out with.

# %%
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

import photonics_core as pc
from photonics_core import plot, plot_wafer
from photonics_core.run_folder import RunFolder
from photonics_core.spectra import Spectrum
from photonics_core.sweep import sweep

pc.set_precision("float64")
folder = Path(tempfile.mkdtemp())

# %% [markdown]
# ## A sweep that is stopped and goes on
#
# One sample is one ring; the sweep batches and compiles it. Every part of the results is written aside, synced and
# renamed, so that what is there is whole.

# %%
index = pc.LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, thermo_optic=2.1e-4, loss_db_cm=10.0)
ring = pc.AddDropRing(5.0, pc.PointCoupler.from_power(0.08), pc.PointCoupler.from_power(0.02), index)


def figures(ring, numbers, temperature):
    del numbers
    return {"wl": ring.resonance(1.31, temperature), "q": ring.q_loaded(1.31, temperature)}


plan = pc.RandomPlan(
    {"radius": pc.Normal(5.0, 1e-3), "temperature": pc.Uniform(300.0, 360.0)},
    samples=20_000,
    seed=1,
)
whole = sweep(figures, plan, device=ring, common=0.0, folder=folder / "rings", chunk=2048)
print(whole.report())

# %% [markdown]
# A part is lost, as if the process had been killed before it was written. The same call computes that part and no
# other, and gives the same bits.

# %%
before = np.asarray(whole["wl"].values)
whole.run.part(4).unlink()
again = sweep(figures, plan, device=ring, common=0.0, folder=folder / "rings")
print(again.report())
print("same bits:", np.array_equal(before, again["wl"].values))

# %% [markdown]
# ## The same on a cluster
#
# On many machines the sweep is a file, so that any process can make the same run of it: a module with the function and
# the device, and a TOML job with the plan. `--workers 2` starts two processes of Dask here (the extra `cluster`);
# `--scheduler tcp://node7:8786` takes workers that are there, and `--shard 3/16` is a job array without Dask. Only
# numbers of chunks go out, every worker writes parts of its own, and the bits are those of one process.

# %%
MODULE = """
import photonics_core as pc

index = pc.LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, thermo_optic=2.1e-4, loss_db_cm=10.0)
ring = pc.AddDropRing(5.0, pc.PointCoupler.from_power(0.08), pc.PointCoupler.from_power(0.02), index)


def figures(ring, temperature):
    return {"wl": ring.resonance(1.31, temperature), "q": ring.q_loaded(1.31, temperature)}
"""
JOB = """
function = "drifting_rings:figures"
device = "drifting_rings:ring"
chunk = 2048
[plan]
kind = "random"
samples = 20000
seed = 1
[plan.axes]
radius = { mean = 5.0, deviation = 1e-3, units = "um" }
temperature = { lower = 300.0, upper = 360.0, units = "K" }
"""
(folder / "drifting_rings.py").write_text(MODULE)
(folder / "rings.toml").write_text(JOB)
if importlib.util.find_spec("distributed"):
    command = [sys.executable, "-m", "photonics_core", "sweep", "rings.toml", "--out", "spread", "--workers", "2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    print(done.stdout.strip() or done.stderr)
    spread = RunFolder.open(folder / "spread")
    assert spread.verify().is_complete
    print("same bits as here:", np.array_equal(before, spread.read("wl").values))
else:
    print('no Dask here, so nothing was spread: pip install "photonics-core[cluster]"')

# %% [markdown]
# ## The yield of wafers
#
# Width and thickness vary over the wafer (a bowl), from wafer to wafer, and within a die with a correlation length of
# 4.5 mm, so that rings side by side come out alike. Heaters bring the rings to their laser lines.

# %%
count = 8
rings = [
    pc.AddDropRing(5.0 + 0.004 * k, pc.PointCoupler.from_power(0.08), pc.PointCoupler.from_power(0.02), index)
    for k in range(count)
]
bus = pc.RingBus(rings, pc.Waveguide(50.0, index))
lines = pc.wavelength_grid(1.31, 200.0, count)
transmitter = pc.RingTransmitter(bus, lines, np.full(count, 3e-5), 8e-5, 0.15)
process = pc.ProcessVariation(
    {
        "width": pc.Variation(
            0.35, {"bowl": -2e-3}, wafer_sd={"offset": 1e-3}, field_sd=3.9e-3, field_length=4500.0, local_sd=1e-3
        ),
        "thickness": pc.Variation(0.22, {"bowl": 1e-3}, field_sd=1.3e-3, field_length=4500.0),
    }
)
grid = pc.die_grid(200e3, (8e3, 8e3), notch_depth=1e3)
places = np.stack([127.0 * np.arange(count), np.zeros(count)], axis=1)
sampler = pc.die_sampler(process, grid, places, averaging_length=31.4)
model = pc.TransmitterDie.of(transmitter, {"width": 0.93, "thickness": 1.02})
wafers = 12
dies = pc.draw_dies(model, sampler, jax.random.key(0), np.arange(wafers * grid.count))

spec = pc.Spec(
    [
        pc.Limit("total_power", upper=290.0),
        pc.Limit("heater_power", upper=62.0),  # of every ring
        pc.Limit("extinction_db", lower=3.0),
    ]
)
verdict = spec.judge(dies._asdict())
wafer = np.repeat(np.arange(wafers), grid.count)
found = pc.estimate_yield(verdict.dies, wafer)
print(f"yield {100 * found.value:.1f} %, {100 * found.low:.1f} to {100 * found.high:.1f} % at 95 % confidence")
print(f"{found.total} dies of {wafers} wafers are worth {found.effective:.0f} independent ones")
figure, axes = plot.new_figure(columns=2, width=10, height=4.2)
first = slice(0, grid.count)
plot_wafer.wafer_map(
    axes[0, 0],
    grid,
    np.asarray(dies.total_power)[first],
    np.asarray(verdict.dies)[first],
    label="heater power of a die (mW)",
)
plot_wafer.failure_bars(axes[0, 1], pc.failure_causes(verdict))
figure

# %% [markdown]
# ## What was made: spectra of a ring on each die
#
# Made here instead of measured: all-pass rings of 10 um whose n_eff follows the width, 1 % of noise, as text tables in
# a folder, one of them cut short. `fit_folder` fits the lines of all files together and lists the bad one.

# %%
wl = 1.53 + 2e-5 * np.arange(2001)
random = np.random.default_rng(3)
column, row = np.meshgrid(np.arange(-3, 4), np.arange(-3, 4))
dx, dy = (10e3 * each[column**2 + row**2 <= 10] for each in (column, row))
width = 0.5 - 2e-3 * (dx**2 + dy**2) / 30e3**2 + 2e-4 * random.standard_normal(dx.size)
measured = folder / "wafer"
measured.mkdir()
for x, y, one in zip(dx, dy, width, strict=True):
    made = pc.LinearIndex(n_eff=2.44 + 1.6 * (one - 0.5), n_g=4.19, wl0=1.55, loss_db_cm=6.0)
    passed = pc.AllPassRing(10.0, pc.PointCoupler.from_power(0.06), made).through(wl)
    power = np.abs(np.asarray(passed)) ** 2 * (1.0 + 0.01 * random.standard_normal(wl.size))
    table = Spectrum(wl, 10.0 * np.log10(power)[None], ("through",), "ring")
    name = f"ring_x{x / 10e3:.0f}_y{y / 10e3:.0f}.csv"
    np.savetxt(measured / name, np.column_stack([1e3 * table.wl, table.power_db[0]]), delimiter=",", fmt="%.6f")
(measured / "ring_x9_y9.csv").write_text("1530.0,-1.2\n1530.02,")

fit = pc.fit_folder(
    measured, folder / "wafer.h5", radius=10.0, regime="over", pattern=r"_x(?P<x>-?\d+)_y(?P<y>-?\d+)", pitch=10e3
)
for name, reason in fit.bad:
    print("could not be used:", name, "because", reason)
n_g, n_g_se = fit.values("n_g", weighted=True)
print(f"n_g {np.mean(n_g):.4f}, each known to {np.median(n_g_se):.4f}; 4.19 was put in")
loss, coupling = (np.median(fit.values(name)[0]) for name in ("loss_db_cm", "power_coupling"))
print(f"loss {loss:.2f} dB/cm and coupling {coupling:.4f}; 6 and 0.06 were put in")

# %% [markdown]
# A resonance moves by (wl / n_g) dn_eff/dwidth, 592 pm for a nanometre of width here, so that one line of each ring
# maps the width over the wafer.

# %%
near = fit.lines_near(1.55)
recovered = (near["wl"] - np.median(near["wl"])) * 4.19 / (1.55 * 1.6)
x, y = np.asarray(fit.positions).T
truth = np.array([width[np.argmin((dx - a) ** 2 + (dy - b) ** 2)] for a, b in zip(x, y, strict=True)])
error = recovered - (truth - np.median(truth))
error = error - np.mean(error)
print(f"widths over the wafer to {1e3 * np.std(error):.3f} nm")
chart = pc.fit_wafer_map(fit.positions, recovered, np.full(x.size, 2e-4), sd=1e-3, correlation_length=30e3)
figure, axes = plot.new_figure(columns=2, width=10, height=4.2)
axes[0, 0].plot(1e3 * (truth - np.median(truth)), 1e3 * recovered, "o")
axes[0, 0].set_xlabel("width that was put in, less the median (nm)")
axes[0, 0].set_ylabel("width from the spectra (nm)")
side = np.linspace(-35e3, 35e3, 41)
everywhere = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
value, _ = chart.predict(everywhere)
shown = np.where(np.hypot(*everywhere.T) < 36e3, 1e3 * np.asarray(value), np.nan).reshape(41, 41)
drawn = axes[0, 1].pcolormesh(side * 1e-3, side * 1e-3, shown, cmap="viridis")
figure.colorbar(drawn, ax=axes[0, 1], label="width less the median (nm)")
axes[0, 1].plot(x * 1e-3, y * 1e-3, "k.", markersize=3)
axes[0, 1].set_aspect("equal")
axes[0, 1].set_xlabel("x (mm)")
axes[0, 1].set_ylabel("y (mm)")
figure
