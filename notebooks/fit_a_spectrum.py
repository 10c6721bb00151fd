# %% [markdown]
# # A fit of a measured spectrum
#
# From what an instrument writes, envelope of the gratings, fringes and noise and all, to group index, loss, coupling
# and the regime of coupling, each with its standard error. The spectra are made here, so that the truth is known; a
# measured one is fitted at the end, where there is one.

# %%
import os
from pathlib import Path

import numpy as np

import photonics_core as pc
from photonics_core import plot
from photonics_core.fit import fit_ring, fit_series
from photonics_core.spectra import Spectrum

pc.set_precision("float64")

# %% [markdown]
# ## Two rings as an instrument shows them
#
# Rings of 15 um with 6 dB/cm, the second ten times as strongly coupled: one below critical coupling and one above it.

# %%
TRUE_LOSS, TRUE_N_G, RADIUS = 6.0, 4.2, 15.0
COUPLED, GAPS = (0.003, 0.03), (0.30, 0.18)  # power, and gaps in um
index = pc.LinearIndex(n_eff=2.4, n_g=TRUE_N_G, wl0=1.55, loss_db_cm=TRUE_LOSS)
wl = np.arange(1.52, 1.58, 4e-6)


def measured(coupled, seed):
    """Power in dB behind two grating couplers, with fringes of 2.3 nm and noise, over the wavelength in um."""
    ring = pc.AllPassRing(RADIUS, pc.PointCoupler.from_power(coupled), index)
    chance = np.random.default_rng(seed)
    envelope = 10.0 ** (-2.0 - 0.6 * ((wl - 1.55) / 0.02) ** 2)
    fringes = 1.0 + 0.01 * np.cos(2.0 * np.pi * wl / 2.3e-3)
    power = np.asarray(ring.scattering(wl).power("in", "through"))
    noisy = envelope * fringes * power * (1.0 + 0.003 * chance.normal(size=wl.size))
    return noisy + 1e-6 * np.abs(chance.normal(size=wl.size))


spectra = [
    Spectrum(wl, 10.0 * np.log10(measured(coupled, seed)[None]), ("channel_1",), f"ring_{seed}.csv")
    for seed, coupled in enumerate(COUPLED)
]

# %% [markdown]
# ## One spectrum alone
#
# An all-pass ring does not say by itself which of loss and coupling is the larger: both readings are given.

# %%
alone = fit_ring(spectra[0], radius=RADIUS)
print(
    f"n_g {alone.n_g.value:.5f} +- {alone.n_g.se:.5f}, true {TRUE_N_G}; Q {alone.q.value:.0f}; regime: {alone.regime}"
)
for reading in alone.candidates:
    loss, coupling = reading.loss_db_cm, reading.power_coupling
    print(f"  {reading.regime:>5}: loss {loss.value:6.2f} dB/cm, coupling {coupling.value:.5f}")

# %% [markdown]
# ## Two of them, of known gaps
#
# The loss of the guide is the same, and coupling grows as the gap becomes smaller: that decides.

# %%
fits = fit_series(spectra, radius=RADIUS, gaps=GAPS)
for fit, coupled in zip(fits, COUPLED, strict=True):
    loss, coupling = fit.loss_db_cm, fit.power_coupling
    print(
        f"gap {fit.gap:.2f} um, {fit.regime}: loss {loss.value:.2f} +- {loss.se:.2f} dB/cm (true {TRUE_LOSS:g}), "
        f"coupling {coupling.value:.5f} +- {coupling.se:.5f} (true {coupled:g})"
    )
    assert abs(coupling.value / coupled - 1.0) < 0.05
assert [fit.regime for fit in fits] == ["under", "over"]

# %% [markdown]
# ## What was fitted
#
# One resonance of each: data over the envelope, the ring with the fitted numbers, and what is left.

# %%
figure, axes = plot.new_figure(2, 2, width=9, height=4.6, sharex="col", height_ratios=(3, 1))
for k, (fit, spectrum) in enumerate(zip(fits, spectra, strict=True)):
    line = min(fit.used, key=lambda each: abs(each.wl - 1.55))
    near = np.abs(wl - line.wl) < 4.0 * line.wl / fit.q.value
    away = 1e6 * (wl[near] - line.wl)
    data = 10.0 ** (0.1 * spectrum.power_db[0][near])
    data = data / np.median(data[np.abs(away) > 0.75 * np.max(np.abs(away))])
    model_index = pc.LinearIndex(2.4, fit.n_g.value, 1.55, loss_db_cm=fit.loss_db_cm.value)
    model = pc.AllPassRing(RADIUS, pc.PointCoupler.from_power(fit.power_coupling.value), model_index)
    shifted = wl[near] + (float(model.resonance(line.wl)) - line.wl)
    fitted = np.asarray(model.scattering(shifted).power("in", "through"))
    fitted = fitted / np.median(fitted[np.abs(away) > 0.75 * np.max(np.abs(away))])
    axes[0, k].plot(away, data, ".", markersize=3, label="data")
    axes[0, k].plot(away, fitted, label=f"fit, {fit.regime}coupled")
    axes[0, k].set_ylabel("power over the envelope")
    axes[1, k].plot(away, data - fitted, ".", markersize=3)
    axes[1, k].set_ylabel("residual")
    axes[1, k].set_xlabel(f"distance from {1e3 * line.wl:.3f} nm (pm)")
    plot.legend_above(axes[0, k], columns=2)
figure

# %% [markdown]
# ## A measured one
#
# `PHOTONICS_CORE_DATA` names the folder that holds `openebl/`, spectra of silicon rings that their makers have
# published. From the shell, `photonics-core fit FILES --radius 25` prints the same.

# %%
folder = Path(os.environ.get("PHOTONICS_CORE_DATA", "nowhere")) / "openebl"
files = sorted(folder.glob("si_add_drop_r10*.mat")) if folder.is_dir() else []
if files:
    ring = fit_ring(files[0])
    print(
        f"{files[0].name}: {len(ring.used)} resonances, Q {ring.q.value:.0f}, n_g {ring.n_g.value:.4f}, {ring.regime}"
    )
else:
    print("no measured spectra here: set PHOTONICS_CORE_DATA to the folder that holds openebl/")
