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
from photonics_core import plot, plot_modulator

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
#
# 1.5 V move the resonance by less than a tenth of its width, so that the eye opens by 1 dB only: a higher Q or more
# volts would open it wider, at the price of bandwidth or of energy. Farther from resonance the response peaks: there
# the ring trades amplitude for bandwidth.

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
shown = (0.0, 0.75, 1.5, 2.25)
spectra = jnp.stack([modulator.transmission(wl, voltage) for voltage in shown])
plot_modulator.spectra_by_voltage(axes[0, 0], wl, spectra, shown, laser=laser)
frequency, shifts = jnp.linspace(1e-4, 0.08, 200), (0.0, -1e-4, -2e-4)
responses = jnp.stack([modulator.response(frequency, laser + shift, 0.75) for shift in shifts])
plot_modulator.response_db(axes[0, 1], frequency, responses, [f"{1e6 * shift:+.0f} pm" for shift in shifts])
for shift in shifts:
    bandwidth = 1e3 * modulator.electro_optic_bandwidth(laser + shift, 0.75)
    print(f"{1e6 * shift:+.0f} pm: 3 dB at {bandwidth:.0f} GHz")
figure

# %% [markdown]
# ## A PAM4 eye at 106 Gb/s
#
# The same ring in time, driven by a pseudo-random pattern: the bend of the line, RC and the lifetime of the photons are
# all in it. The eyes are drawn with noise of 10 mV and of 2 uW.

# %%
symbols = pc.prbs13q()[:1024]
drive, step = pc.drive_waveform(symbols, 53.125, 16, rise_time=6.0, swing=1.5, bias=0.75, levels=pc.PAM4)
out, _ = modulator.drive(drive, step, laser)
power = out.real**2 + out.imag**2
figure, axes = plot.new_figure(columns=2, width=11, height=3.8)
plot.eye(axes[0, 0], drive, symbols, ylabel="voltage (V)", noise=0.01)
plot.eye(axes[0, 1], power, symbols, noise=2e-3)
figure

# %%
chirp = modulator.frequency_shift(drive, step, laser)
print(f"the light is between {1e3 * chirp.min():+.1f} and {1e3 * chirp.max():+.1f} GHz off the laser")
sent = symbols if power[drive.argmax()] > power[drive.argmin()] else 3 - symbols
closure = pc.tdecq(power, sent)
print(f"outer OMA {closure.oma_outer:.3f} mW, TDECQ {closure.tdecq_db:.2f} dB")
energy = pc.EnergyPerBit(
    drive=pc.drive_energy(modulator.capacitance(0.75), 1.5, pc.PAM4),
    laser=pc.laser_energy(1.0, 0.1, 53.125, pc.PAM4),
    heater=pc.heater_energy(2.0, 53.125, pc.PAM4),
)
print(f"driver {energy.drive:.1f}, laser {energy.laser:.0f}, heater {energy.heater:.0f}, all {energy.total:.0f} fJ/bit")

# %% [markdown]
# ## A loop, and a doublet
#
# Light that is absorbed warms the ring and moves its resonance; roughness sends light backward and splits it.

# %%
resonator = modulator.resonator(laser, 0.75)
warm = pc.ShiftedResonance(resonator, -1e-3)
power, detuning = 4.0 * warm.onset_power, jnp.linspace(-0.25, 0.05, 400)
figure, axes = plot.new_figure(columns=2, width=9, height=3.4)
up, down = warm.follow(detuning, power), warm.follow(detuning[::-1], power)[::-1]
states = warm.energies(detuning, power)
plot_modulator.hysteresis(axes[0, 0], 1e3 * detuning, up, down, states=states, xlabel="detuning (GHz)")
split = pc.SplitResonance.of_splitting(resonator, 1.5 * resonator.bandwidth)
detuning = jnp.linspace(-0.15, 0.15, 401)
for name, values in (("through", split.transmission(detuning)), ("reflected", split.reflection(detuning))):
    axes[0, 1].plot(1e3 * detuning, values, label=name)
axes[0, 1].set_xlabel("detuning (GHz)")
axes[0, 1].set_ylabel("power / in")
plot.legend_above(axes[0, 1], columns=2)
figure

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
