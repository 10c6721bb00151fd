"""Vertical-cavity surface-emitting lasers by their rate equations, with heat: thresholds and light-current curves.

With N the density of carriers, S that of photons in the mode (the number over V / Gamma), both in 1/um^3,

    dN/dt = eta_i I / (q V) - R(N, T) - v g S,    dS/dt = Gamma v g S - S / t_p + Gamma beta B N^2
    R = A N + B N^2 + C N^3 + (N / t_l) exp(-(E / k) (1/T - 1/T0))
    g = g_0 ln((N + N_s) / (N_tr + N_s)) / ((1 + eps S) (1 + (D / W)^2)),    N_tr and D linear in T
    T = T_ambient + Z (I U - P),    U = U_0 + R_s I,    P = eta_o h nu S V / (Gamma t_p)

(L. A. Coldren, S. W. Corzine and M. L. Masanovic, Diode Lasers and Photonic Integrated Circuits, 2nd ed. (2012), ch. 5,
from memory; self-heating as in P. V. Mena et al., J. Lightwave Technol. 17, 865 (1999), abstract). D is the wavelength
of the gain's peak less that of the mode: the two drift apart, so the threshold has a minimum over temperature. The last
part of R is what escapes from the wells, t_l at T0. All transverse modes count as one; carriers in the barriers, and
the profile of light and carriers across the aperture, are left out.

`photonics_core.devices.vcsel_rest` solves for the point at rest.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.devices.vcsel_rest import as_type, photons_at_rest, points_at_rest
from photonics_core.display import Shown
from photonics_core.eye import ELEMENTARY_CHARGE
from photonics_core.kernels.checks import check_positive, check_range, check_wavelength, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, frequency

#: Planck's constant in fJ ps; Boltzmann's in eV/K (exact by the SI).
PLANCK, BOLTZMANN_EV = 6.62607015e-7, 8.617333262e-5


#: Rounds and points of the search for the roll-over.
_ROUNDS, _POINTS = 4, 16


class OperatingPoint(NamedTuple):
    """A VCSEL at rest; all of the shape of current and temperature together."""

    carriers: jax.Array  # N in 1/um^3
    photons: jax.Array  # S in 1/um^3
    temperature: jax.Array  # of the active region, K
    power: jax.Array  # light, mW
    voltage: jax.Array  # V
    electrical_power: jax.Array  # mW


class Vcsel(Shown):
    """An oxide-confined VCSEL.

    The numbers set are those of an 850 nm device with 7 um of aperture (A. Grabowski et al., J. Lightwave Technol. 39,
    3225 (2021), as listed in public code that follows it: second hand) for `aperture` to `outcoupling`, the drifts in
    nm/K and the heat. Estimates: `saturation_density` (wells without carriers absorb 1.4/um), `beta` (theirs, 4.7e-2,
    would put hundreds of photons of noise in one mode; here 2 to 3), N_tr over temperature (their gain grows as well),
    the detuning and width of the gain, leakage, voltage, resistance and parasitics.

    Args:
        aperture: diameter in um.
        thickness: of all wells together in um.
        confinement: Gamma.
        group_velocity: v in um/ps.
        gain: g_0 in 1/um.
        transparency_density: N_tr at T0 in 1/um^3; 1e18 cm^-3 is 1e6.
        saturation_density: N_s in 1/um^3.
        compression: eps in um^3.
        recombination: A in 1/ps, B in um^3/ps, C in um^6/ps, shape [3].
        injection_efficiency: eta_i.
        photon_lifetime: t_p in ps.
        outcoupling: eta_o, the part of lost photons that leaves as useful light.
        beta: part of the spontaneous emission in the mode, at least 1e-9.
        wl: wavelength in um.
        transparency_drift: dN_tr/dT in 1/(um^3 K).
        gain_detuning_nm: D at T0 in nm.
        gain_drift_nm_k, mode_drift_nm_k: drift of the gain's peak and of the mode in nm/K.
        gain_width_nm: W in nm.
        leakage_time: t_l in ps.
        leakage_energy_ev: E in eV.
        turn_on_voltage: U_0 in V.
        resistance: R_s in kOhm.
        thermal_resistance: Z in K/mW.
        thermal_time: time constant of the heat in ps.
        parasitic_bandwidth: -3 dB frequency in THz of the pole between driver and junction.
        temperature0: T0 in K.

    Raises:
        ValueError: for a value outside its range.
    """

    aperture: Any = eqx.field(converter=as_leaf, default=7.0)
    thickness: Any = eqx.field(converter=as_leaf, default=0.02)
    confinement: Any = eqx.field(converter=as_leaf, default=0.0328)
    group_velocity: Any = eqx.field(converter=as_leaf, default=100.0)
    gain: Any = eqx.field(converter=as_leaf, default=0.754)
    transparency_density: Any = eqx.field(converter=as_leaf, default=2.76e6)
    saturation_density: Any = eqx.field(converter=as_leaf, default=5e5)
    compression: Any = eqx.field(converter=as_leaf, default=5e-6)
    recombination: Any = eqx.field(converter=as_leaf, default=(4.5e-4, 3e-10, 0.0))
    injection_efficiency: Any = eqx.field(converter=as_leaf, default=0.8)
    photon_lifetime: Any = eqx.field(converter=as_leaf, default=3.75)
    outcoupling: Any = eqx.field(converter=as_leaf, default=0.717)
    beta: Any = eqx.field(converter=as_leaf, default=3e-4)
    wl: Any = eqx.field(converter=as_leaf, default=0.8473)
    transparency_drift: Any = eqx.field(converter=as_leaf, default=3e3)
    gain_detuning_nm: Any = eqx.field(converter=as_leaf, default=-12.0)
    gain_drift_nm_k: Any = eqx.field(converter=as_leaf, default=0.314)
    mode_drift_nm_k: Any = eqx.field(converter=as_leaf, default=0.064)
    gain_width_nm: Any = eqx.field(converter=as_leaf, default=25.0)
    leakage_time: Any = eqx.field(converter=as_leaf, default=1.5e4)
    leakage_energy_ev: Any = eqx.field(converter=as_leaf, default=0.35)
    turn_on_voltage: Any = eqx.field(converter=as_leaf, default=1.5)
    resistance: Any = eqx.field(converter=as_leaf, default=0.14)
    thermal_resistance: Any = eqx.field(converter=as_leaf, default=2.8)
    thermal_time: Any = eqx.field(converter=as_leaf, default=1e5)
    parasitic_bandwidth: Any = eqx.field(converter=as_leaf, default=0.025)
    temperature0: Any = eqx.field(converter=as_leaf, default=REFERENCE_TEMPERATURE)

    def __check_init__(self) -> None:
        for name, unit in _POSITIVE:
            check_positive(name, getattr(self, name), unit)
        for name in ("confinement", "injection_efficiency", "outcoupling", "beta"):
            check_range(name, getattr(self, name), 1e-9 if name == "beta" else 0.0, 1.0)
        for name in ("saturation_density", "compression", "resistance", "thermal_resistance", "leakage_energy_ev"):
            check_range(name, getattr(self, name), 0.0, np.inf)
        if np.shape(self.recombination)[-1:] != (3,):
            raise ValueError(f"recombination of shape {np.shape(self.recombination)} is not [3]: A, B, C")
        check_range("recombination", self.recombination, 0.0, np.inf)
        check_wavelength("wl", self.wl)
        for name in ("gain_detuning_nm", "gain_drift_nm_k", "mode_drift_nm_k", "transparency_drift"):
            check_range(name, getattr(self, name))
        if is_concrete(self.turn_on_voltage, self.outcoupling, self.injection_efficiency, self.wl):
            check_positive("turn_on_voltage less slope_efficiency", self.turn_on_voltage - self.slope_efficiency(), "V")

    @property
    def volume(self) -> Any:
        """Volume V of the wells in um^3."""
        return 0.25 * math.pi * self.aperture**2 * self.thickness

    @property
    def photon_energy(self) -> Any:
        """Energy of a photon in fJ."""
        return PLANCK * frequency(self.wl)

    def scaled(self, aperture: Any) -> "Vcsel":
        """The same layers with another aperture in um: series and thermal resistance go as its inverse.

        Both are those of a disc on a half-space, 1 / (2 k d); the parasitic pole and the thermal time stay.
        """
        check_positive("aperture", aperture, "um")
        ratio = self.aperture / aperture
        changed = {"resistance": self.resistance * ratio, "thermal_resistance": self.thermal_resistance * ratio}
        return dataclasses.replace(self, aperture=aperture, **changed)

    def unheated(self) -> "Vcsel":
        """The same device without self-heating."""
        return dataclasses.replace(self, thermal_resistance=0.0)

    def material_gain(self, carriers: Any, photons: Any, temperature: Any) -> Any:
        """Gain g in 1/um; densities in 1/um^3, temperature of the active region in K."""
        rise = temperature - self.temperature0
        transparency = self.transparency_density + self.transparency_drift * rise + self.saturation_density
        off = (self.gain_detuning_nm + (self.gain_drift_nm_k - self.mode_drift_nm_k) * rise) / self.gain_width_nm
        ratio = (carriers + self.saturation_density) / transparency
        return self.gain * jnp.log(ratio) / ((1.0 + self.compression * photons) * (1.0 + off**2))

    def spontaneous(self, carriers: Any) -> Any:
        """Spontaneous emission B N^2 in 1/(um^3 ps)."""
        return self.recombination[1] * carriers**2

    def leakage(self, carriers: Any, temperature: Any) -> Any:
        """Escape from the wells in 1/(um^3 ps)."""
        slope = self.leakage_energy_ev / BOLTZMANN_EV
        return carriers / self.leakage_time * jnp.exp(-slope * (1.0 / temperature - 1.0 / self.temperature0))

    def losses(self, carriers: Any, temperature: Any) -> Any:
        """All recombination but the stimulated one, R in 1/(um^3 ps)."""
        first, _, third = (self.recombination[k] for k in range(3))
        return first * carriers + self.spontaneous(carriers) + third * carriers**3 + self.leakage(carriers, temperature)

    def pump(self, current: Any) -> Any:
        """eta_i I / (q V) in 1/(um^3 ps) for a current in mA."""
        return self.injection_efficiency * current / (ELEMENTARY_CHARGE * self.volume)

    def rates(self, carriers: Any, photons: Any, temperature: Any, current: Any) -> tuple[Any, Any]:
        """dN/dt and dS/dt in 1/(um^3 ps) for densities in 1/um^3, a temperature in K and a current in mA."""
        stimulated = self.group_velocity * self.material_gain(carriers, photons, temperature) * photons
        up = self.pump(current) - self.losses(carriers, temperature) - stimulated
        seed = self.beta * self.spontaneous(carriers)
        return up, self.confinement * (stimulated + seed) - photons / self.photon_lifetime

    def emitted(self, photons: Any) -> Any:
        """Light P in mW of a density S in 1/um^3."""
        return self.outcoupling * self.photon_energy * photons * self.volume / (self.confinement * self.photon_lifetime)

    def voltage(self, current: Any) -> Any:
        """Voltage in V at a current in mA."""
        return self.turn_on_voltage + self.resistance * current

    def threshold_carriers(self, temperature: Any = REFERENCE_TEMPERATURE) -> Any:
        """N at which the small-signal gain of an active region at a temperature in K makes up for the losses."""
        unit = self.material_gain(math.e * self._transparent(temperature) - self.saturation_density, 0.0, temperature)
        needed = 1.0 / (self.confinement * self.group_velocity * self.photon_lifetime * unit)
        return self._transparent(temperature) * jnp.exp(needed) - self.saturation_density

    def threshold_current(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Threshold in mA with the active region at `temperature` in K: q V R(N_th) / eta_i."""
        check_positive("temperature", temperature, "K")
        temperature = jnp.asarray(temperature, jnp.result_type(float))
        lost = self.losses(self.threshold_carriers(temperature), temperature)
        return jnp.asarray(lost * ELEMENTARY_CHARGE * self.volume / self.injection_efficiency, temperature.dtype)

    def slope_efficiency(self) -> Any:
        """dP/dI in mW/mA above threshold without compression and heat: eta_i eta_o h nu / q."""
        return self.injection_efficiency * self.outcoupling * self.photon_energy / ELEMENTARY_CHARGE

    def operating_point(self, current: Any, temperature: Any = REFERENCE_TEMPERATURE) -> OperatingPoint:
        """The device at rest.

        Args:
            current: in mA, any shape.
            temperature: of the ambient (heat sink) in K; the two broadcast.

        Raises:
            ValueError: for a current below zero or a temperature that is not above zero.
        """
        check_range("current", current, 0.0, np.inf, "mA")
        check_positive("temperature", temperature, "K")
        both = (jnp.asarray(each, jnp.result_type(float)) for each in (current, temperature))
        current, temperature = jnp.broadcast_arrays(*both)
        own = as_type(self, current.dtype)
        carriers, inside = points_at_rest(own, current.ravel(), temperature.ravel())
        return _state(own, carriers.reshape(current.shape), inside.reshape(current.shape), current)

    def power(self, current: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Light in mW at rest for a current in mA; arguments as for `operating_point`."""
        return self.operating_point(current, temperature).power

    def differential_efficiency(self, current: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """dP/dI in mW/mA at rest, heat included; negative past the roll-over."""
        current = jnp.asarray(current, jnp.result_type(float))
        return _slope(current, self, temperature)

    def rollover(self, highest: Any, temperature: Any = REFERENCE_TEMPERATURE) -> tuple[jax.Array, jax.Array]:
        """Current in mA and power in mW at the maximum of the light-current curve, for one temperature.

        Args:
            highest: current in mA past the maximum, at which the power falls.
            temperature: of the ambient in K.

        Raises:
            ValueError: if the power still grows at `highest`, or not at twice the threshold.
        """
        check_positive("highest", highest, "mA")
        low = 2.0 * self.threshold_current(temperature)
        high = jnp.asarray(highest, low.dtype)
        fixed = lax.stop_gradient(as_type(self, low.dtype))
        ends = _slope(jnp.stack([low, high]), fixed, lax.stop_gradient(temperature))
        if is_concrete(ends) and not ends[0] > 0.0 > ends[1]:
            raise ValueError(
                f"highest = {float(high):.6g} mA: dP/dI is {float(ends[0]):.4g} mW/mA at {float(low):.4g} mA and "
                f"{float(ends[1]):.4g} there, so no maximum is known between them"
            )
        for _ in range(_ROUNDS):
            points = lax.stop_gradient(low + (high - low) * jnp.linspace(0.0, 1.0, _POINTS, dtype=low.dtype))
            rising = _slope(points, fixed, lax.stop_gradient(temperature)) > 0.0
            last = jnp.clip(jnp.argmin(rising) - 1, 0, _POINTS - 2)
            low, high = points[last], points[last + 1]
        at = 0.5 * (low + high)
        for _ in range(2):
            bend = jax.jvp(lambda i: _slope(i, fixed, lax.stop_gradient(temperature)), (at,), (jnp.ones_like(at),))[1]
            at = lax.stop_gradient(at) - _slope(lax.stop_gradient(at), self, temperature) / lax.stop_gradient(bend)
        return at, self.power(at, temperature)

    def energy_per_bit(
        self,
        current: Any,
        bit_rate_gbps: Any,
        temperature: Any = REFERENCE_TEMPERATURE,
        *,
        supply_voltage: Any = None,
        driver_power: Any = 0.0,
    ) -> jax.Array:
        """Electrical energy in fJ per bit at the mean `current` in mA, the temperature being that of the ambient.

        Args:
            current: in mA.
            bit_rate_gbps: bits per ns.
            temperature: in K; the voltage does not depend on it here.
            supply_voltage: voltage in V that the driver takes the current from; None for that of the device alone.
            driver_power: what the driver takes besides, in mW.

        Raises:
            ValueError: for a value outside its range.
        """
        check_positive("bit_rate_gbps", bit_rate_gbps, "Gb/s")
        check_range("current", current, 0.0, np.inf, "mA")
        check_range("driver_power", driver_power, 0.0, np.inf, "mW")
        check_positive("temperature", temperature, "K")
        current = jnp.asarray(current, jnp.result_type(float))
        volt = self.voltage(current) if supply_voltage is None else supply_voltage
        return jnp.asarray(1e3 * (current * volt + driver_power) / bit_rate_gbps, current.dtype)

    def _transparent(self, temperature: Any) -> Any:
        rise = temperature - self.temperature0
        return self.transparency_density + self.transparency_drift * rise + self.saturation_density


_POSITIVE = (
    ("aperture", "um"),
    ("thickness", "um"),
    ("confinement", ""),
    ("group_velocity", "um/ps"),
    ("gain", "1/um"),
    ("transparency_density", "1/um^3"),
    ("injection_efficiency", ""),
    ("photon_lifetime", "ps"),
    ("outcoupling", ""),
    ("gain_width_nm", "nm"),
    ("leakage_time", "ps"),
    ("turn_on_voltage", "V"),
    ("thermal_time", "ps"),
    ("parasitic_bandwidth", "THz"),
    ("temperature0", "K"),
)


def _slope(current: Any, vcsel: Vcsel, temperature: Any) -> Any:
    return jax.jvp(lambda i: vcsel.power(i, temperature), (current,), (jnp.ones_like(current),))[1]


def _state(vcsel: Vcsel, carriers: Any, temperature: Any, current: Any) -> OperatingPoint:
    photons = photons_at_rest(vcsel, carriers, temperature, current)
    volt = vcsel.voltage(current)
    values = carriers, photons, temperature, vcsel.emitted(photons), volt, current * volt
    return OperatingPoint(*(jnp.asarray(each, carriers.dtype) for each in values))
