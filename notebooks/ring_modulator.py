# %% [markdown]
# # A ring modulator, from doping to a PAM4 eye
#
# One model in frequency and in time: the junction's index and loss move the ring, R and C and the photon lifetime slow
# it down, and the eye shows both.

# %%
import jax
import jax.numpy as jnp
import numpy as np

import photonics_core as pc
from photonics_core import plot

pc.set_precision("float64")

# %% [markdown]
# ## The junction and the ring
#
# A lateral junction in the middle of a rib, and a ring whose guide has it over 80 % of the round trip.

# %%
junction = pc.PNJunction(acceptors_cm3=2e18, donors_cm3=2e18)
guide = pc.DopedGuide(junction, overlap=0.95)
print(
    f"at 1 V: V_pi L {guide.v_pi_l_cm(1.0, 1.31):.2f} V cm, loss {guide.loss_db_cm(1.0, 1.31):.0f} dB/cm, "
    f"{junction.capacitance(1.0):.2f} fF/um, breaks down at {junction.voltage_range()[1]:.1f} V"
)
index = pc.LinearIndex(2.5, 3.9, wl0=1.31, thermo_optic=1.9e-4, loss_db_cm=3.0)
modulator = pc.RingModulator(pc.AllPassRing(7.5, pc.PointCoupler(0.34), index), guide)
print(
    f"Q {modulator.at(1.0).q_loaded(1.31):.0f}, {modulator.shift_pm_v(1.31, 1.0):.1f} pm/V, "
    f"RC {modulator.time_constant(1.0):.2f} ps"
)

# %% [markdown]
# ## Spectra and the best laser

# %%
voltages = (0.0, 1.5)
laser = float(modulator.best_laser(1.31, voltages))
static = modulator.modulation(laser, voltages)
print(
    f"laser {laser:.5f} um: extinction {static.extinction_db:.2f} dB, loss {static.insertion_loss_db:.2f} dB, "
    f"penalty {static.penalty_db:.1f} dB"
)
wl = laser + np.linspace(-4e-4, 6e-4, 401)
figure, axes = plot.new_figure(columns=2, width=9, height=3.4)
for voltage in (0.0, 0.75, 1.5, 2.25):
    plot.spectrum(axes[0, 0], wl, modulator.transmission(wl, voltage), label=f"{voltage:g} V")
axes[0, 0].axvline(1e3 * laser, color="0.5", linewidth=0.8)
plot.legend_above(axes[0, 0], columns=4)
frequency = jnp.linspace(1e-4, 0.08, 200)
for shift in (0.0, -1e-4, -2e-4):
    response = jnp.abs(modulator.response(frequency, laser + shift, 0.75))
    label = f"{1e6 * shift:+.0f} pm"
    axes[0, 1].plot(1e3 * frequency, 20 * jnp.log10(response / response[0]), label=label)
axes[0, 1].set_xlabel("frequency (GHz)")
axes[0, 1].set_ylabel("response (dB)")
plot.legend_above(axes[0, 1], columns=3)
figure

# %% [markdown]
# Farther from resonance the response peaks: there the ring trades amplitude for bandwidth.
#
# ## A PAM4 eye at 106 Gb/s

# %%
symbols = pc.prbs13q()[:1024]
drive, step = pc.drive_waveform(symbols, 53.125, 16, rise_time=6.0, swing=1.5, bias=0.75, levels=pc.PAM4)
out, _ = modulator.drive(drive, step, laser)
power = out.real**2 + out.imag**2
figure, axes = plot.new_figure(columns=2, width=9, height=3.4)
plot.eye(axes[0, 0], drive, symbols, ylabel="voltage (V)")
plot.eye(axes[0, 1], power, symbols)
figure

# %%
sent = symbols if power[drive.argmax()] > power[drive.argmin()] else 3 - symbols
closure = pc.tdecq(power, sent)
print(f"outer OMA {closure.oma_outer:.3f} mW, TDECQ {closure.tdecq_db:.2f} dB")
print(f"{pc.drive_energy(modulator.capacitance(0.75), 1.5, pc.PAM4):.1f} fJ/bit from the driver")

# %% [markdown]
# ## What buys most?
#
# The static amplitude has exact derivatives in every parameter: here in the coupling and both dopings.


# %%
def amplitude(parameters):
    angle, acceptors, donors = parameters
    doped = pc.DopedGuide(pc.PNJunction(1e18 * acceptors, 1e18 * donors), 0.95)
    tuned = pc.RingModulator(pc.AllPassRing(7.5, pc.PointCoupler(angle), index), doped)
    return tuned.modulation(laser, voltages).amplitude


slopes = jax.grad(amplitude)(jnp.array([0.34, 2.0, 2.0]))
print(f"per rad of coupling {slopes[0]:+.2f}, per 1e18 of acceptors {slopes[1]:+.3f}, of donors {slopes[2]:+.3f}")
assert np.all(np.isfinite(slopes))
