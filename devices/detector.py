"""Photodiode and receiver: the current that light gives, its noise, and the least light for an error ratio.

    I = R P + I_d,    sigma^2 = (i_n^2 + 2 q I) B + RIN (R P)^2 B

with R the responsivity, I_d the dark current, i_n the input-referred current noise of the amplifier and B the noise
bandwidth (`receiver_variance`). Light and current are taken at the moment of decision; what bandwidths do to the eye is
the matter of `photonics_core.signals`.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.error_rate import log10_error_ratio, required_q
from photonics_core.eye import ELEMENTARY_CHARGE, receiver_variance
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    check_wavelength,
    is_concrete,
)
from photonics_core.kernels.roots import bracketed_root
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER, REFERENCE_TEMPERATURE, SPEED_OF_LIGHT, db, power_ratio

#: Bandwidths in THz that parts of a link can have; GHz given for THz are beyond them.
BANDWIDTHS = (1e-5, 10.0)
#: Planck's constant in fJ ps and Boltzmann's constant in fJ/K (exact by the SI).
PLANCK, BOLTZMANN = 6.62607015e-7, 1.380649e-8
#: Noise bandwidth over -3 dB bandwidth: fourth-order Bessel-Thomson filter 1.05, one pole pi / 2.
NOISE_RATIO = 1.05


def quantum_limit(wl: Any) -> Any:
    """Responsivity in mA/mW of one electron for each photon of wavelength `wl` in um: q wl / (h c), 1.0566 at 1.31."""
    return ELEMENTARY_CHARGE * wl / (PLANCK * SPEED_OF_LIGHT)


class Photodiode(Shown):
    """A photodiode without gain.

    Args:
        responsivity: R in mA/mW, no more than one electron for each photon.
        dark_current: I_d in mA.
        capacitance: in fF.
        bandwidth: -3 dB bandwidth in THz, transit time and its own resistance included.
        wl: wavelength in um at which the responsivity holds.

    Raises:
        ValueError: for a value outside its range, such as a responsivity above the quantum limit.
    """

    responsivity: Any = eqx.field(converter=as_leaf)
    dark_current: Any = eqx.field(converter=as_leaf, default=1e-5)
    capacitance: Any = eqx.field(converter=as_leaf, default=20.0)
    bandwidth: Any = eqx.field(converter=as_leaf, default=0.05)
    wl: Any = eqx.field(converter=as_leaf, default=1.31)

    def __check_init__(self) -> None:
        check_positive("responsivity", self.responsivity, "mA/mW")
        check_range("dark_current", self.dark_current, 0.0, np.inf, "mA")
        check_range("capacitance", self.capacitance, 0.0, np.inf, "fF")
        check_range("bandwidth", self.bandwidth, *BANDWIDTHS, "THz")
        check_wavelength("wl", self.wl)
        if is_concrete(self.responsivity, self.wl):
            responsivity, limit = np.asarray(self.responsivity), np.asarray(quantum_limit(self.wl))
            if np.any(responsivity > limit * (1.0 + 1e-6)):
                raise ValueError(
                    f"responsivity = {np.max(responsivity):.6g} mA/mW is above {np.min(limit):.6g} mA/mW, "
                    f"one electron for each photon of {np.min(np.asarray(self.wl)):g} um"
                )

    @property
    def quantum_efficiency(self) -> Any:
        """Electrons for each photon, at most one."""
        return self.responsivity / quantum_limit(self.wl)

    def current(self, power: Any) -> jax.Array:
        """Current in mA for an optical power in mW, any shape."""
        check_range("power", power, 0.0, np.inf, "mW")
        return _real(self.responsivity) * _real(power) + _real(self.dark_current)

    def circuit_bandwidth(self, resistance: Any, extra_capacitance: Any = 0.0) -> jax.Array:
        """-3 dB bandwidth in THz with a load in kOhm and more capacitance in fF: 1 / (2 pi R C), and its own."""
        check_positive("resistance", resistance, "kOhm")
        circuit = 2.0 * math.pi * _real(resistance) * (_real(self.capacitance) + _real(extra_capacitance))
        return 1.0 / jnp.sqrt(circuit**2 + _real(self.bandwidth) ** -2.0)


class Receiver(Shown):
    """A photodiode with its amplifier.

    Args:
        photodiode: the photodiode.
        density_pa: input-referred current noise of the amplifier in pA/sqrt(Hz), mean over the bandwidth; such as
            `transimpedance_density_pa`.
        bandwidth: -3 dB bandwidth of the amplifier in THz.
        energy_fj_bit: electrical energy of the receiver in fJ per bit.
        noise_ratio: noise bandwidth over -3 dB bandwidth.
        overload: highest optical power in mW of the highest level that the amplifier takes; None for no limit.

    Raises:
        ValueError: for a value outside its range.
    """

    photodiode: Photodiode
    density_pa: Any = eqx.field(converter=as_leaf)
    bandwidth: Any = eqx.field(converter=as_leaf)
    energy_fj_bit: Any = eqx.field(converter=as_leaf, default=0.0)
    noise_ratio: Any = eqx.field(converter=as_leaf, default=NOISE_RATIO)
    overload: Any = eqx.field(converter=as_leaf, default=None)

    def __check_init__(self) -> None:
        check_kind("photodiode", self.photodiode, Photodiode)
        check_positive("density_pa", self.density_pa, "pA/sqrt(Hz)")
        check_positive("bandwidth", self.bandwidth, "THz")
        check_range("energy_fj_bit", self.energy_fj_bit, 0.0, np.inf, "fJ")
        check_positive("noise_ratio", self.noise_ratio)
        if self.overload is not None:
            check_positive("overload", self.overload, "mW")

    def current(self, power: Any) -> jax.Array:
        """Mean current in mA for an optical power in mW, any shape, the dark current included."""
        return self.photodiode.current(power)

    @property
    def noise_bandwidth(self) -> jax.Array:
        """B in THz."""
        return _real(self.noise_ratio) * _real(self.bandwidth)

    @property
    def total_bandwidth(self) -> jax.Array:
        """-3 dB bandwidth in THz of photodiode and amplifier, their squares of rise times added."""
        return 1.0 / jnp.sqrt(_real(self.bandwidth) ** -2.0 + _real(self.photodiode.bandwidth) ** -2.0)

    def noise(self, power: Any, rin_db_hz: Any = None) -> jax.Array:
        """Rms of the current in mA for an optical power in mW of any shape.

        Args:
            power: optical power in mW.
            rin_db_hz: relative intensity noise of the light in dB/Hz; None for none.

        Raises:
            ValueError: for a negative power.
        """
        diode, band, density = self.photodiode, self.noise_bandwidth, _real(self.density_pa)
        rin = None if rin_db_hz is None else _real(rin_db_hz)
        variance = receiver_variance(power, _real(diode.responsivity), band, density_pa=density, rin_db_hz=rin)
        return jnp.sqrt(variance + 2.0 * ELEMENTARY_CHARGE * band * _real(diode.dark_current))

    def log10_error_ratio(self, powers: Any, rin_db_hz: Any = None, **options: Any) -> jax.Array:
        """Decimal logarithm of the bit error ratio of levels of optical power in mW, shape [..., M].

        Disturbances are in mA; options are those of `photonics_core.error_rate.log10_error_ratio`.
        """
        return log10_error_ratio(self.current(powers), self.noise(powers, rin_db_hz), **options)

    def sensitivity(
        self, log10_ratio: Any, extinction_db: Any, *, levels: int = 2, rin_db_hz: Any = None, most: float = 100.0
    ) -> jax.Array:
        """Least outer modulation amplitude in mW for a bit error ratio, of evenly spaced levels at the best thresholds.

        Args:
            log10_ratio: decimal logarithm of the bit error ratio, a number.
            extinction_db: power of the highest level over that of the lowest in dB, above zero.
            levels: levels of a symbol.
            rin_db_hz: as for `noise`.
            most: largest amplitude in mW that is looked for.

        Raises:
            ValueError: for arguments outside their ranges, or if no amplitude up to `most` is enough.
        """
        check_positive("most", most, "mW")
        check_finite("log10_ratio", log10_ratio)
        if np.ndim(log10_ratio) or np.ndim(extinction_db):
            shapes = f"{np.shape(log10_ratio)} and {np.shape(extinction_db)}"
            raise ValueError(f"log10_ratio and extinction_db of shapes {shapes} are not one number each")
        target = jnp.asarray(log10_ratio, jnp.result_type(float))

        def excess(log: Any, receiver: Any, target: Any, extinction: Any, rin: Any) -> jax.Array:
            powers = even_powers(jnp.exp(log), extinction, levels)
            return jnp.sqrt(-target) - jnp.sqrt(-receiver.log10_error_ratio(powers, rin))

        # Without any noise that grows with power the amplitude is a bound from below.
        least = (levels - 1) * required_q(target, levels) * self.noise(0.0) / _real(self.photodiode.responsivity)
        low = jnp.log(jax.lax.stop_gradient(least))
        parameters = (self, target, extinction_db, rin_db_hz)
        reached = excess(jnp.asarray(math.log(most), target.dtype), *parameters)
        if is_concrete(reached, low) and not (float(reached) <= 0.0 and float(low) < math.log(most)):
            raise ValueError(f"log10_ratio = {float(target):g} is not reached by any amplitude within (0, {most:g}] mW")
        return jnp.exp(bracketed_root(excess, low, math.log(most), *parameters, name="log of the amplitude"))

    def sensitivity_by_q(self, log10_ratio: Any, extinction_db: Any, *, rin_db_hz: Any = None) -> jax.Array:
        """The same for two levels by the Q-factor, (sigma_1 + sigma_0) Q = R OMA, in closed form; shapes broadcast.

        With I = R OMA, r the extinction and S the variance in the dark, sigma_1^2 - sigma_0^2 = 2 q B I + RIN B I^2 g,
        g = (r + 1) / (r - 1), so that sigma_0 = (a I - b) / 2 with a = 1 / Q - Q B RIN g and b = 2 q Q B. Its square is
        S + 2 q B I / (r - 1) + RIN B I^2 / (r - 1)^2: a quadratic equation (after S. D. Personick, Bell Syst. Tech. J.
        52, 843 (1973), derived here). Infinite where the intensity noise alone makes more errors.

        Returns:
            Amplitude in mW.
        """
        q = required_q(log10_ratio)
        ratio = _extinction(extinction_db)
        q, ratio = jnp.broadcast_arrays(q, ratio)
        band, charge = self.noise_bandwidth, ELEMENTARY_CHARGE
        rin = 0.0 if rin_db_hz is None else 1e12 * power_ratio(jnp.asarray(rin_db_hz, q.dtype))
        a = 1.0 / q - q * band * rin * (ratio + 1.0) / (ratio - 1.0)
        b = 2.0 * charge * q * band
        square = 0.25 * a**2 - rin * band / (ratio - 1.0) ** 2
        half = 0.25 * a * b + charge * band / (ratio - 1.0)
        rest = self.noise(0.0) ** 2 - 0.25 * b**2
        is_enough = (square > 0.0) & (a > 0.0)
        safe = jnp.where(is_enough, square, 1.0)
        current = (half + jnp.sqrt(half**2 + safe * rest)) / safe
        return jnp.where(is_enough, current / _real(self.photodiode.responsivity), jnp.inf)

    def headroom_db(self, power: Any) -> jax.Array:
        """How far the optical power in mW of the highest level lies below the overload, in dB; negative beyond it."""
        check_positive("power", power, "mW")
        if self.overload is None:
            return jnp.full(np.shape(power), jnp.inf)
        return db(_real(self.overload) / _real(power))

    def electrical_power(self, bit_rate_gbps: Any) -> jax.Array:
        """Electrical power in mW at bits per ns: the energy per bit times the rate."""
        check_positive("bit_rate_gbps", bit_rate_gbps, "Gb/s")
        return 1e-3 * _real(self.energy_fj_bit) * _real(bit_rate_gbps)


def transimpedance_density_pa(
    feedback_resistance: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    noise_factor: Any = 1.0,
    transconductance: Any = None,
    capacitance: Any = 0.0,
    channel_factor: Any = 1.0,
    bandwidth: Any = 0.0,
) -> jax.Array:
    """Input-referred current noise of a transimpedance amplifier in pA/sqrt(Hz), mean over its bandwidth.

        i_n^2 = 4 k T F / R_f + 4 k T G (2 pi C)^2 B^2 / (3 g_m)

    The first part is the feedback resistor's, raised by a noise factor F for all the rest (Agrawal, 4.4.1, from
    memory); or F = 1 and the second part, the voltage noise 4 k T G / g_m of the input transistor over the impedance of
    all capacitance at the input, which grows with the frequency squared and has a third of its end at B as its mean
    (after E. Saeckinger, Broadband Circuits for Optical Fiber Communication (2005), ch. 5, from memory, derived here).

    Args:
        feedback_resistance: R_f in kOhm.
        temperature: in K.
        noise_factor: F, from 1 on.
        transconductance: g_m of the input transistor in mA/V; None for no second part.
        capacitance: C in fF, photodiode, pad and transistor together.
        channel_factor: G of the transistor, 2/3 for long channels, 1 to 2 for short ones.
        bandwidth: noise bandwidth B in THz.

    Returns:
        Density, of the broadcast shape.

    Raises:
        ValueError: for a value outside its range.
    """
    check_positive("feedback_resistance", feedback_resistance, "kOhm")
    check_positive("temperature", temperature, "K")
    check_range("noise_factor", noise_factor, 1.0)
    check_range("capacitance", capacitance, 0.0, np.inf, "fF")
    check_range("bandwidth", bandwidth, 0.0, np.inf, "THz")
    heat = 4.0 * BOLTZMANN * _real(temperature)
    squared = heat * _real(noise_factor) / _real(feedback_resistance)
    if transconductance is not None:
        check_positive("transconductance", transconductance, "mA/V")
        check_positive("channel_factor", channel_factor)
        admittance = 2.0 * math.pi * _real(capacitance) * _real(bandwidth)
        squared = squared + heat * _real(channel_factor) * admittance**2 / (3.0 * _real(transconductance))
    # A mA/sqrt(THz) is 1e3 pA/sqrt(Hz).
    return 1e3 * jnp.sqrt(squared)


def even_powers(amplitude: Any, extinction_db: Any, levels: int = 2) -> jax.Array:
    """Evenly spaced optical powers in mW, lowest first, of an outer modulation amplitude in mW and an extinction.

    Args:
        amplitude: highest less lowest power in mW, shape [...].
        extinction_db: highest over lowest power in dB, above zero, shape [...].
        levels: how many, 2, 4 or 8.

    Returns:
        Powers, shape [..., levels].
    """
    check_range("amplitude", amplitude, 0.0, np.inf, "mW")
    check_choice("levels", levels, (2, 4, 8))
    ratio = _extinction(extinction_db)
    amplitude, ratio = jnp.broadcast_arrays(jnp.asarray(amplitude, ratio.dtype), ratio)
    steps = jnp.asarray(np.arange(levels) / (levels - 1.0), ratio.dtype).reshape((1,) * ratio.ndim + (-1,))
    return (amplitude / (ratio - 1.0))[..., None] + amplitude[..., None] * steps


def _extinction(extinction_db: Any) -> jax.Array:
    """The ratio of powers, above one."""
    check_positive("extinction_db", extinction_db, "dB")
    return jnp.exp(_real(extinction_db) / DB_PER_NEPER)


def _real(value: Any) -> jax.Array:
    """As an array of the precision at hand; leaves are of NumPy, in float64."""
    return jnp.asarray(value, jnp.result_type(float))
