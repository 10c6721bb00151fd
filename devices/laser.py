"""Continuous-wave lasers for wavelength-division links: rows of DFB lasers and quantum-dot combs.

A laser above its threshold gives P = s (I - I_th), with I_th ~ exp(dT / T0) and s ~ exp(-dT / T1), dT = T - T_ref (the
usual characteristic temperatures; Coldren, Corzine and Masanovic, Diode Lasers and Photonic Integrated Circuits, 2nd
ed. (2012), ch. 2, from memory). With x the current over that at T_ref, u the threshold over the current there, and r
the part of the voltage there that grows with current,

    P / P_ref = (x - u e^(dT/T0)) e^(-dT/T1) / (1 - u),    electrical power = P_ref / efficiency * x (1 - r + r x)

Held at their power, lasers take x = u e^(dT/T0) + (1 - u) e^(dT/T1); held at their current, x = 1. Heat that a laser
makes itself is in its numbers: a temperature is that of the submount.

A wavelength drifts by some 85 to 100 pm/K near 1.3 um (IEEE 802.3 10G study group's mailing list, October 2000). The
shift by current, some pm/mA, and ageing are left out.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.transmitter import wavelength_grid
from photonics_core.display import Shown
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_positive,
    check_range,
    check_wavelength,
    is_concrete,
)
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT, frequency, power_ratio

#: nm in um.
NM = 1e-3
#: Spans in nm and numbers of lines of the grids of the CW-WDM MSA.
CW_WDM_SPANS, CW_WDM_COUNTS = (9, 18, 36), (8, 16, 32)


def cw_wdm_spacing_ghz(count: int, span_nm: int) -> float:
    """Spacing in GHz of a grid of the CW-WDM MSA: 200 GHz for 8 lines over 9 nm, 16 over 18 nm and 32 over 36 nm.

    The agreement (Technical Specifications, rev. 1.0, June 2021, second hand) has grids of 8, 16 and 32 lines over
    spans of 9, 18 and 36 nm in the O band; a span of 9 nm is 1600 GHz at 1310 nm. Frequencies of single lines were not
    seen, so a grid made of this spacing has its centre where the user says.

    Raises:
        ValueError: for a count or a span that the agreement does not have.
    """
    check_choice("count", count, CW_WDM_COUNTS)
    check_choice("span_nm", span_nm, CW_WDM_SPANS)
    return 1600.0 * span_nm / (9 * count)


class LaserArray(Shown):
    """A row of lasers, one for each line, whose light goes in equal parts to one or several fibres.

    Args:
        lines: wavelengths in um meant at `temperature0`, shape [N].
        power: optical power in mW of each line out of its laser at `temperature0`, a number or shape [N].
        efficiency: wall-plug efficiency at `temperature0`, optical over electrical power, a number or shape [N].
        rin_db_hz: relative intensity noise of each line in dB/Hz, a number or shape [N].
        linewidth_mhz: width of each line (Lorentzian, full at half maximum) in MHz, a number or shape [N].
        drift_nm_k: shift of the lines with temperature in nm/K, a number or shape [N].
        grid_error: what the lines are off their places in um, a number or shape [N].
        threshold_share: u, threshold over operating current at `temperature0`.
        threshold_temperature, slope_temperature: T0 and T1 in K. 60 K is typical of 1.3 um GaInAsP (Electronics Letters
            on high T0 lasers, abstract, by scilit.com); 150 K for T1 is an estimate.
        resistive_share: r, part of the operating voltage that grows with the current; 0.25 is an estimate.
        hold: "power" for lasers held at their power by their current, "current" for a constant current.
        fibres: number of fibres that the light of every line is split to.
        temperature0: T_ref in K.

    Raises:
        ValueError: if shapes do not match the lines, or a value is outside its range.
    """

    lines: Any = eqx.field(converter=as_leaf)
    power: Any = eqx.field(converter=as_leaf)
    rin_db_hz: Any = eqx.field(converter=as_leaf, default=-145.0)
    linewidth_mhz: Any = eqx.field(converter=as_leaf, default=1.0)
    efficiency: Any = eqx.field(converter=as_leaf, default=0.15)
    drift_nm_k: Any = eqx.field(converter=as_leaf, default=0.1)
    grid_error: Any = eqx.field(converter=as_leaf, default=0.0)
    threshold_share: Any = eqx.field(converter=as_leaf, default=0.15)
    threshold_temperature: Any = eqx.field(converter=as_leaf, default=60.0)
    slope_temperature: Any = eqx.field(converter=as_leaf, default=150.0)
    resistive_share: Any = eqx.field(converter=as_leaf, default=0.25)
    hold: str = eqx.field(static=True, default="power")
    fibres: int = eqx.field(static=True, default=1)
    temperature0: Any = eqx.field(converter=as_leaf, default=REFERENCE_TEMPERATURE)

    def __check_init__(self) -> None:
        if np.ndim(self.lines) != 1 or np.size(self.lines) == 0:
            raise ValueError(f"lines of shape {np.shape(self.lines)} are not [N] with N > 0")
        check_wavelength("lines", self.lines)
        for name in ("power", "efficiency", "rin_db_hz", "linewidth_mhz", "drift_nm_k", "grid_error"):
            _check_each(name, getattr(self, name), np.size(self.lines), "lines")
        check_range("grid_error", self.grid_error, -0.05, 0.05, "um")
        _check_common(self)

    @classmethod
    def on_grid(cls, center: float, spacing_ghz: float, count: int, power: Any, **options: Any) -> "LaserArray":
        """Lines `spacing_ghz` apart in frequency about `center` in um; see `wavelength_grid`."""
        return cls(wavelength_grid(center, spacing_ghz, count), power, **options)

    @property
    def count(self) -> int:
        """Number of lines."""
        return np.size(self.lines)

    def wavelengths(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Wavelengths in um at a `temperature` in K, a number or one for each laser, shape [N]."""
        lines = jnp.asarray(self.lines, jnp.result_type(float))
        moved = self.grid_error + NM * self.drift_nm_k * _rise(self, temperature)
        return jnp.broadcast_to(lines + jnp.asarray(moved, lines.dtype), lines.shape)

    def powers(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical power in mW of each line out of its laser, all fibres together, shape [N]."""
        return _optical(
            self, jnp.broadcast_to(jnp.asarray(self.power, jnp.result_type(float)), self.count), temperature
        )

    def fibre_powers(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical power in mW of each line in each fibre without loss, shape [fibres, N]."""
        return jnp.broadcast_to(self.powers(temperature) / self.fibres, (self.fibres, self.count))

    def electrical_power(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Electrical power in mW of all lasers together."""
        each = jnp.asarray(self.power / self.efficiency * _drive(self, temperature), jnp.result_type(float))
        return jnp.sum(jnp.broadcast_to(each, self.count))

    def wall_plug_efficiency(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical over electrical power of all lasers together."""
        return jnp.sum(self.powers(temperature)) / self.electrical_power(temperature)

    def line_rin_db_hz(self) -> jax.Array:
        """Relative intensity noise of each line by itself in dB/Hz, shape [N]."""
        return jnp.broadcast_to(jnp.asarray(self.rin_db_hz, jnp.result_type(float)), self.count)

    def noise_matrix(self) -> jax.Array:
        """Spectral density in 1/THz of the relative fluctuations of lines i and j, shape [N, N]; diagonal here."""
        return jnp.diag(1e12 * power_ratio(self.line_rin_db_hz()))


class CombLaser(Shown):
    """One laser that gives all lines, at equal distances in frequency set by its cavity.

    The lines share the light of one gain medium: how they part it fluctuates (mode partition noise) far more than the
    sum does. With p_i the share of line i, R the density of the sum and c that of the parting, the relative
    fluctuations of lines i and j have the density

        R + c (d_ij / p_i - 1),    which gives line i the noise R + c (1 - p_i) / p_i, and their sum R,

    the covariance of shares that add up to one (that of a multinomial distribution, taken here as a model). `rin_db_hz`
    is that of a line of the mean share 1/N, which fixes c; weaker lines are noisier.

    Quantum-dot combs: 25 GHz lines, over 30 % at its peak out of the facet, up to 270 mW, below -135 dB/Hz a line, 140
    kHz wide (Buyalo et al., Sci. Rep. (2024), 10.1038/s41598-024-53609-9, abstract); -152 dB/Hz of the sum beside -133
    of a line (20 GHz mode-locked laser, University of California, Santa Barbara, news of the group); a spacing
    of 25.5 GHz that changes by 0.07 GHz from 20 to 120 degrees (Photonics Research 8, 12001937 (2020), abstract).

    Args:
        center: wavelength in um of the middle of the lines at `temperature0`.
        spacing_ghz: distance of lines in GHz there.
        power: optical power in mW of all lines together at `temperature0`.
        envelope_db: power of each line in dB to any common reference, shape [N] with N > 1; its length is the count.
        rin_db_hz: relative intensity noise of a line with the mean power, in dB/Hz.
        total_rin_db_hz: that of all lines together; lower than `rin_db_hz`.
        linewidth_mhz, efficiency, threshold_share, slope_temperature, resistive_share: as for `LaserArray`.
        threshold_temperature, hold, fibres, temperature0: likewise; 100 K for T0 is an estimate.
        drift_nm_k: shift in nm/K of the middle of the lines, common to all; an estimate.
        spacing_drift: relative change of the spacing in 1/K.

    Raises:
        ValueError: for fewer than two lines, or a value outside its range.
    """

    center: Any = eqx.field(converter=as_leaf)
    spacing_ghz: Any = eqx.field(converter=as_leaf)
    power: Any = eqx.field(converter=as_leaf)
    envelope_db: Any = eqx.field(converter=as_leaf)
    rin_db_hz: Any = eqx.field(converter=as_leaf, default=-135.0)
    total_rin_db_hz: Any = eqx.field(converter=as_leaf, default=-150.0)
    linewidth_mhz: Any = eqx.field(converter=as_leaf, default=0.14)
    efficiency: Any = eqx.field(converter=as_leaf, default=0.2)
    drift_nm_k: Any = eqx.field(converter=as_leaf, default=0.1)
    spacing_drift: Any = eqx.field(converter=as_leaf, default=0.0)
    threshold_share: Any = eqx.field(converter=as_leaf, default=0.15)
    threshold_temperature: Any = eqx.field(converter=as_leaf, default=100.0)
    slope_temperature: Any = eqx.field(converter=as_leaf, default=200.0)
    resistive_share: Any = eqx.field(converter=as_leaf, default=0.25)
    hold: str = eqx.field(static=True, default="power")
    fibres: int = eqx.field(static=True, default=1)
    temperature0: Any = eqx.field(converter=as_leaf, default=REFERENCE_TEMPERATURE)

    def __check_init__(self) -> None:
        if np.ndim(self.envelope_db) != 1 or np.size(self.envelope_db) < 2:
            raise ValueError(f"envelope_db of shape {np.shape(self.envelope_db)} is not [N] with N > 1")
        check_range("envelope_db", self.envelope_db, -100.0, 100.0, "dB")
        for name in ("center", "spacing_ghz", "power", "rin_db_hz", "total_rin_db_hz", "linewidth_mhz", "efficiency"):
            if np.ndim(getattr(self, name)):
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} is not one number for the laser")
        check_wavelength("center", self.center)
        check_range("spacing_ghz", self.spacing_ghz, 1.0, 1e4, "GHz")
        check_range("spacing_drift", self.spacing_drift, -1e-2, 1e-2, "1/K")
        _check_common(self)
        if is_concrete(self.rin_db_hz, self.total_rin_db_hz):
            check_range("total_rin_db_hz", self.total_rin_db_hz, -np.inf, float(np.asarray(self.rin_db_hz)), "dB/Hz")

    @property
    def count(self) -> int:
        """Number of lines."""
        return np.size(self.envelope_db)

    def shares(self) -> jax.Array:
        """Part of each line in the power of all, shape [N]; they add up to one."""
        return jax.nn.softmax(jnp.asarray(self.envelope_db, jnp.result_type(float)) * (math.log(10.0) / 10.0))

    def wavelengths(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Wavelengths in um at a `temperature` in K, ascending, shape [N]."""
        rise = _rise(self, temperature)
        middle = self.center + NM * self.drift_nm_k * rise
        places = np.arange(self.count) - 0.5 * (self.count - 1)
        offset = 1e-3 * self.spacing_ghz * (1.0 + self.spacing_drift * rise) * places
        # The distance to the middle, wl^2 df / (c - wl df), keeps its digits in single precision.
        return jnp.asarray(middle + middle**2 * offset / (SPEED_OF_LIGHT - middle * offset), jnp.result_type(float))

    def powers(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical power in mW of each line, all fibres together, shape [N]."""
        shares = self.shares()
        return _optical(self, jnp.asarray(self.power, shares.dtype) * shares, temperature)

    def fibre_powers(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical power in mW of each line in each fibre without loss, shape [fibres, N]."""
        return jnp.broadcast_to(self.powers(temperature) / self.fibres, (self.fibres, self.count))

    def electrical_power(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Electrical power in mW of the laser."""
        return jnp.asarray(self.power / self.efficiency * _drive(self, temperature), jnp.result_type(float))

    def wall_plug_efficiency(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical power of all lines over the electrical power."""
        return jnp.sum(self.powers(temperature)) / self.electrical_power(temperature)

    def line_rin_db_hz(self) -> jax.Array:
        """Relative intensity noise of each line by itself in dB/Hz, shape [N]."""
        return 10.0 * jnp.log10(jnp.diagonal(self.noise_matrix())) - 120.0

    def noise_matrix(self) -> jax.Array:
        """Spectral density in 1/THz of the relative fluctuations of lines i and j, shape [N, N]."""
        shares = self.shares()
        total, line = (1e12 * power_ratio(each) for each in (self.total_rin_db_hz, self.rin_db_hz))
        parting = jnp.asarray((line - total) / (self.count - 1.0), shares.dtype)
        return jnp.asarray(total, shares.dtype) - parting + jnp.diag(parting / shares)


def envelope_of_gain(center: float, spacing_ghz: float, count: int, width_nm: float, order: int = 1) -> np.ndarray:
    """Envelope of a comb in dB, shape [count]: a (super-)Gaussian of this full width at half maximum in nm.

    Raises:
        ValueError: for a value that is not above zero, or an order outside 1 to 20.
    """
    lines = wavelength_grid(center, spacing_ghz, count)
    check_positive("width_nm", width_nm, "nm")
    check_range("order", order, 1, 20)
    off = SPEED_OF_LIGHT * (1.0 / lines - 1.0 / center) / (frequency(center) * NM * width_nm / center)
    return -10.0 * math.log10(2.0) * (4.0 * off**2) ** order


def _check_each(name: str, value: Any, count: int, what: str) -> None:
    if np.shape(value) not in ((), (count,)):
        raise ValueError(f"{name} of shape {np.shape(value)} does not match the {count} {what}")


def _check_common(laser: Any) -> None:
    """What both kinds of laser take."""
    check_positive("power", laser.power, "mW")
    check_positive("efficiency", laser.efficiency)
    check_range("efficiency", laser.efficiency, 0.0, 1.0)
    check_range("rin_db_hz", laser.rin_db_hz, -300.0, 0.0, "dB/Hz")
    check_range("linewidth_mhz", laser.linewidth_mhz, 0.0, 1e6, "MHz")
    check_range("drift_nm_k", laser.drift_nm_k, -10.0, 10.0, "nm/K")
    check_range("threshold_share", laser.threshold_share, 0.0, 0.99)
    for name in ("threshold_temperature", "slope_temperature", "temperature0"):
        check_positive(name, getattr(laser, name), "K")
    check_range("resistive_share", laser.resistive_share, 0.0, 1.0)
    check_choice("hold", laser.hold, ("power", "current"))
    if isinstance(laser.fibres, bool) or not isinstance(laser.fibres, int) or laser.fibres < 1:
        raise ValueError(f"fibres = {laser.fibres!r} is not a whole number from 1 on")


def _rise(laser: Any, temperature: Any) -> Any:
    check_positive("temperature", temperature, "K")
    check_finite("temperature", temperature, "K")
    return jnp.asarray(temperature, jnp.result_type(float)) - laser.temperature0


def _optical(laser: Any, reference: jax.Array, temperature: Any) -> jax.Array:
    """Optical powers for those at the reference; none below threshold."""
    if laser.hold == "power":
        _rise(laser, temperature)
        return reference
    rise = _rise(laser, temperature)
    threshold = laser.threshold_share * jnp.exp(rise / laser.threshold_temperature)
    part = jnp.maximum(1.0 - threshold, 0.0) / (1.0 - laser.threshold_share)
    return reference * jnp.asarray(part * jnp.exp(-rise / laser.slope_temperature), reference.dtype)


def _drive(laser: Any, temperature: Any) -> Any:
    """Electrical power over that at the reference."""
    rise = _rise(laser, temperature)
    if laser.hold == "current":
        return jnp.ones_like(rise)
    share = laser.threshold_share
    current = share * jnp.exp(rise / laser.threshold_temperature)
    current = current + (1.0 - share) * jnp.exp(rise / laser.slope_temperature)
    return current * (1.0 - laser.resistive_share + laser.resistive_share * current)
