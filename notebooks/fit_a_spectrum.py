# %% [markdown]
# # A fit of a measured spectrum
#
# From what an instrument writes, envelope of the gratings, fringes and noise and all, to group index, loss, coupling
# and the regime of coupling, each with its standard error. The spectra are made here, so that the truth is known;
# measured ones are fitted at the end, where there are any.

# %%
import os
from pathlib import Path

import numpy as np

import photonics_core as pc
from photonics_core import plot
from photonics_core.fit import fit_ring, fit_series
from photonics_core.spectra import Spectrum, nominal_gap, read_spectrum

pc.set_precision("float64")

# %% [markdown]
# ## Two rings as an instrument shows them
#
# Rings of 15 um with 6 dB/cm, the second ten times as strongly coupled: one below critical coupling and one above it.
# Light comes in and goes out by grating couplers, whose spectrum is an envelope of some 20 nm; reflections add fringes
# of 1 %, the laser 0.3 % of noise, and the detector a floor.

# %%
TRUE_LOSS, TRUE_N_G, RADIUS = 6.0, 4.2, 15.0
COUPLED, GAPS = (0.003, 0.03), (0.30, 0.18)  # power, and gaps in um
index = pc.LinearIndex(n_eff=2.4, n_g=TRUE_N_G, wl0=1.55, loss_db_cm=TRUE_LOSS)
rings = [pc.AllPassRing(RADIUS, pc.PointCoupler.from_power(coupled), index) for coupled in COUPLED]
wl = np.arange(1.52, 1.58, 4e-6)


def measured(ring, seed):
    """Spectrum in dB of a ring as it is seen from outside."""
    chance = np.random.default_rng(seed)
    envelope = 10.0 ** (-2.0 - 0.6 * ((wl - 1.55) / 0.02) ** 2)
    fringes = 1.0 + 0.01 * np.cos(2.0 * np.pi * wl / 2.3e-3)
    power = np.asarray(ring.scattering(wl).power("in", "through"))
    power = envelope * fringes * power * (1.0 + 0.003 * chance.normal(size=wl.size))
    power = power + 1e-6 * np.abs(chance.normal(size=wl.size))
    return Spectrum(wl, 10.0 * np.log10(power)[None], ("channel_1",), f"ring_{seed}.csv")


spectra = [measured(ring, seed) for seed, ring in enumerate(rings)]

# %% [markdown]
# ## One spectrum alone
#
# The power of an all-pass ring does not say by itself which of loss and coupling is the larger: the same line comes of
# both, exchanged. So both readings are given, and the regime is left open.

# %%
alone = fit_ring(spectra[0], radius=RADIUS)
print(f"{len(alone.used)} of {len(alone.resonances)} resonances used; Q {alone.q.value:.0f}; regime: {alone.regime}")
for reading in alone.candidates:
    loss, coupling = reading.loss_db_cm, reading.power_coupling
    print(f"  {reading.regime:>5}: loss {loss.value:5.2f} dB/cm, coupling {coupling.value:.5f}")
for note in alone.notes:
    print(f"  {note}")

# %% [markdown]
# ## Two of them, of known gaps
#
# The loss of the guide is the same, and coupling grows as the gap becomes smaller: that decides. The last column is the
# distance from the truth in standard errors.

# %%
fits = fit_series(spectra, radius=RADIUS, gaps=GAPS)
for fit, ring, coupled in zip(fits, rings, COUPLED, strict=True):
    print(f"gap {1e3 * fit.gap:.0f} nm, {fit.regime}coupled")
    middle = 0.5 * (fit.band[0] + fit.band[1])
    compared = {
        "n_g": (fit.n_g, TRUE_N_G),
        "Q": (fit.q, float(ring.q_loaded(middle))),
        "loss (dB/cm)": (fit.loss_db_cm, TRUE_LOSS),
        "coupling (%)": (fit.power_coupling, coupled),
    }
    for name, (found, true) in compared.items():
        scale, off = (100.0 if "%" in name else 1.0), (found.value - true) / found.se
        print(
            f"  {name:<13}{scale * found.value:12.5g} +- {scale * found.se:<9.2g} true {scale * true:<9.5g}{off:+5.1f}"
        )
        assert abs(off) < 5.0
assert [fit.regime for fit in fits] == ["under", "over"]

# %% [markdown]
# ## What was read
#
# The estimates take the resonances where the envelope is flat; the others are fitted too, and left out.

# %%


def show_spectrum(ax, spectrum, fit):
    """A spectrum with its resonances, full where they enter the estimates."""
    power = spectrum.channel(fit.ports.through)
    ax.plot(1e3 * spectrum.wl, power, linewidth=0.6)
    for chosen, style in ((fit.used, {}), (set(fit.resonances) - set(fit.used), {"markerfacecolor": "none"})):
        at = np.array(sorted(line.wl for line in chosen))
        label = "used" if not style else "left out"
        level = np.interp(at, spectrum.wl, power)
        ax.plot(1e3 * at, level, "v", color=plot.COLORS[1], markersize=5, label=label, **style)
    ax.set(xlabel="wavelength (nm)", ylabel="power (dB)")
    ax.set_title(f"gap {1e3 * fit.gap:.0f} nm, {fit.regime}coupled", loc="left", fontsize="medium")
    plot.legend_above(ax, columns=2)


def airy(line, fsr, wl):
    """The line of a round trip p and a difference |t - a|, with an odd part for fringes; 1 far from it."""
    p, half = line.round_trip, 0.5 * (1.0 - line.round_trip) / np.sqrt(line.round_trip)
    phase = 2.0 * np.pi * line.wl / fsr * (line.wl / wl - 1.0)
    below = half**2 + np.sin(0.5 * phase) ** 2
    depth = 1.0 - (line.difference / (1.0 - p)) ** 2
    return 1.0 - (depth * half**2 - line.asymmetry * 0.5 * half * np.sin(phase)) / below


def show_line(upper, lower, spectrum, fit):
    """The used resonance in the middle of the band over its envelope, its fit, and what is left."""
    line = min(fit.used, key=lambda each: abs(each.wl - 0.5 * sum(fit.band)))
    near = np.abs(spectrum.wl - line.wl) < 4.0 * line.wl / line.q
    wl, data = spectrum.wl[near], 10.0 ** (0.1 * spectrum.channel(fit.ports.through)[near])
    away, shape = 1e6 * (wl - line.wl), airy(line, fit.fsr.value, wl)
    # The envelope is the parabola that goes with the line, as in the fit.
    parabola = np.vander(away / np.max(np.abs(away)), 3)
    weight = 1.0 / (shape + 0.1)
    envelope = parabola @ np.linalg.lstsq(parabola * (weight * shape)[:, None], weight * data, rcond=None)[0]
    smooth = np.linspace(wl[0], wl[-1], 400)
    upper.plot(away, data / envelope, ".", markersize=4, label="data")
    upper.plot(1e6 * (smooth - line.wl), airy(line, fit.fsr.value, smooth), label="fit")
    upper.set_ylabel("power over the envelope")
    upper.set_title(f"gap {1e3 * fit.gap:.0f} nm, {fit.regime}coupled", loc="left", fontsize="medium")
    plot.legend_above(upper, columns=2)
    lower.plot(away, 100.0 * (data / envelope - shape), ".", markersize=4)
    lower.axhline(0.0, color=plot.COLORS[1], linewidth=1.0)
    lower.set(xlabel=f"distance from {1e3 * line.wl:.3f} nm (pm)", ylabel="residual (%)")


figure, axes = plot.new_figure(columns=2, width=10, height=3.6)
for ax, spectrum, fit in zip(axes[0], spectra, fits, strict=True):
    show_spectrum(ax, spectrum, fit)
figure

# %% [markdown]
# ## What was fitted
#
# A resonance of each: data over the envelope that was fitted with it, the line, and what is left.

# %%
figure, axes = plot.new_figure(2, 2, width=10, height=4.6, sharex="col", height_ratios=(3, 1))
for column, spectrum, fit in zip(axes.T, spectra, fits, strict=True):
    show_line(*column, spectrum, fit)
figure

# %% [markdown]
# ## Measured ones
#
# `PHOTONICS_CORE_DATA` names the folder that holds `openebl/`, spectra that their makers have published
# (SiEPIC/openEBL, under the MIT licence): here rings of silicon nitride of 25 um with gaps of 300 to 1100 nm. The
# narrow gaps couple more than a round trip loses, the wide ones less, and the loss is the same. Radius and gap are read
# off the names of the files. From the shell, `photonics-core fit FILES` prints the same.

# %%
folder = Path(os.environ.get("PHOTONICS_CORE_DATA", "nowhere")) / "openebl"
files = (
    sorted(folder.glob("sin_all_pass_r25_gap*.mat"), key=lambda file: nominal_gap(file.name)) if folder.is_dir() else []
)
if files:
    real = fit_series(files)
    for fit in real:
        loss, coupling = fit.loss_db_cm, fit.power_coupling
        print(
            f"gap {1e3 * fit.gap:5.0f} nm, {fit.regime:>5}: n_g {fit.n_g.value:.4f} +- {fit.n_g.se:.4f}, "
            f"Q {fit.q.value:6.0f}, loss {loss.value:5.2f} +- {loss.se:.2f} dB/cm, "
            f"coupling {coupling.value:.4f} +- {coupling.se:.4f}"
        )
    figure, axes = plot.new_figure(2, 3, width=12, height=4.8, height_ratios=(3, 1))
    shown = real[1], real[-2]
    for column, fit in zip(axes.T[:2], shown, strict=True):
        show_line(*column, read_spectrum(next(file for file in files if file.name == Path(fit.source).name)), fit)
    gaps = [1e3 * fit.gap for fit in real]
    for ax, name, label in ((axes[0, 2], "power_coupling", "coupling"), (axes[1, 2], "loss_db_cm", "loss (dB/cm)")):
        values, errors = np.array([(getattr(fit, name).value, getattr(fit, name).se) for fit in real]).T
        ax.errorbar(gaps, values, errors, fmt="o", capsize=3)
        ax.set_ylabel(label)
    axes[0, 2].set_yscale("log")
    axes[1, 2].set_xlabel("gap (nm)")
else:
    figure = None
    print("no measured spectra here: set PHOTONICS_CORE_DATA to the folder that holds openebl/")
figure
