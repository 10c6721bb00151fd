"""Heaters of rings: strips of metal or doped silicon, their resistance, power and limits, and what they do to a ring.

A strip of length L, width w and thickness t has R(T) = (rho L / (w t)) (1 + a (T - T0)), and is warmer than what is
around it by Z P for a power P. With R_a its resistance at the ambient temperature and b = a Z R(T0) / R_a,

    voltage:  P (1 + b P) = V^2 / R_a,        P = 2 V^2 / (R_a (1 + sqrt(1 + 4 b V^2 / R_a)))
    current:  P = I^2 R_a (1 + b P),          P = I^2 R_a / (1 - b I^2 R_a)

so resistance that grows with temperature takes power off a heater on a voltage, and runs away on a current of 1 /
sqrt(b R_a); one that falls runs away on a voltage. Temperature is taken as even along the strip; leads and contacts
are left out.

Z is the heater's own; a ring below has less, its entry of the matrix of couplings in K/mW, which turns power into

    nm/mW = 1e-3 (pm/K) (K/mW),    mW per free spectral range = FSR / (nm/mW).
"""

import math
import warnings
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import within
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE


class HeaterWarning(UserWarning):
    """A heater is driven beyond what its material is said to stand."""


class HeaterMaterial(Shown):
    """What a heater is made of.

    Args:
        name: what errors and reports call it.
        resistivity: rho at `temperature` in kOhm um; 1 uOhm cm is 1e-5, 1e-3 Ohm cm is 1e-2.
        temperature_coefficient: a in 1/K.
        temperature: T0 in K.
        max_temperature: highest temperature in K that it stands; infinite where none is known.
        max_current_density: in mA/um^2, 10 for 1 MA/cm^2; infinite where none is known.
        sources: where the numbers come from.

    Raises:
        ValueError: for a resistivity or a limit that is not above zero.
    """

    name: str = eqx.field(static=True)
    resistivity: Any = eqx.field(converter=as_leaf)
    temperature_coefficient: Any = eqx.field(converter=as_leaf, default=0.0)
    temperature: float = eqx.field(static=True, default=REFERENCE_TEMPERATURE)
    max_temperature: float = eqx.field(static=True, default=math.inf)
    max_current_density: float = eqx.field(static=True, default=math.inf)
    sources: tuple[str, ...] = eqx.field(static=True, default=())

    def __check_init__(self) -> None:
        check_positive("resistivity", self.resistivity, "kOhm um")
        check_range("temperature_coefficient", self.temperature_coefficient, -0.05, 0.05, "1/K")
        check_positive("temperature", self.temperature, "K")
        for name, unit in (("max_temperature", "K"), ("max_current_density", "mA/um^2")):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} = {getattr(self, name):g} {unit} is outside (0, inf]")


TITANIUM_NITRIDE = HeaterMaterial(
    "titanium nitride",
    1.5e-3,
    6.5e-4,
    max_temperature=700.0,
    max_current_density=50.0,
    sources=(
        "temperature coefficient: A. Malmros et al., Thin Solid Films 520, 2162 (2012), abstract: 5.4e-4 and 7.5e-4 /K",
        "resistivity, limits: second hand; films have 50 to 300 uOhm cm",
    ),
)
"""Sputtered titanium nitride, 150 uOhm cm and 6.5e-4 /K. Films differ by a factor of five in resistivity; limits are
second hand."""

TUNGSTEN = HeaterMaterial(
    "tungsten",
    1.5e-4,
    1.7e-3,
    max_temperature=700.0,
    max_current_density=20.0,
    sources=(
        "resistivity of a film of some 0.1 um, and limits: second hand",
        "temperature coefficient: that of the bulk, 4.5e-3 /K on 5.6 uOhm cm (second hand), by Matthiessen's rule",
    ),
)
"""Tungsten film, 15 uOhm cm. The slope of resistivity is that of the bulk (Matthiessen), so that 1.7e-3 /K are left."""

DOPED_SILICON = HeaterMaterial(
    "doped silicon",
    8e-3,
    1.3e-3,
    max_temperature=600.0,
    sources=("all second hand, of n silicon with 1e20 cm^-3; the coefficient lies between 1.0 and 1.7e-3 /K",),
)
"""Silicon with 1e20 cm^-3 donors, 0.8 mOhm cm, 1.3e-3 /K: second hand. No limit of the current density is known
here."""


class HeaterReport(NamedTuple):
    """The state of a driven heater, and the limits it goes beyond, in words."""

    temperature: float
    current_density: float
    voltage: float
    current: float
    exceeded: tuple[str, ...]

    @property
    def is_within_limits(self) -> bool:
        """Whether no limit is exceeded."""
        return not self.exceeded


class Heater(Shown):
    """A strip heater, straight or bent.

    Args:
        length: length of the current's path in um; for most of a ring see `around`.
        width: in um.
        thickness: in um.
        material: what it is made of.
        self_heating: Z, by how much the heater itself is warmer than its surroundings, in K/mW.
        max_voltage: of its driver in V; infinite where none is known.

    Raises:
        ValueError: for a dimension that is not above zero, or a self_heating below zero.
    """

    length: Any = eqx.field(converter=as_leaf)
    width: Any = eqx.field(converter=as_leaf)
    thickness: Any = eqx.field(converter=as_leaf)
    material: HeaterMaterial = TITANIUM_NITRIDE
    self_heating: Any = eqx.field(converter=as_leaf, default=0.0)
    max_voltage: float = eqx.field(static=True, default=math.inf)

    def __check_init__(self) -> None:
        check_kind("material", self.material, HeaterMaterial)
        for name in ("length", "width", "thickness"):
            check_positive(name, getattr(self, name), "um")
        check_range("self_heating", self.self_heating, 0.0, np.inf, "K/mW")
        if not self.max_voltage > 0.0:
            raise ValueError(f"max_voltage = {self.max_voltage:g} V is outside (0, inf]")

    @classmethod
    def around(cls, radius: Any, width: Any, thickness: Any, *, share: Any = 0.9, **options: Any) -> "Heater":
        """A heater that follows a ring of a radius in um over this share of its circumference.

        Raises:
            ValueError: for a radius that is not above zero, or a share outside (0, 1].
        """
        check_positive("radius", radius, "um")
        check_positive("share", share)
        check_range("share", share, 0.0, 1.0)
        return cls(2.0 * math.pi * share * radius, width, thickness, **options)

    def resistance(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Resistance in kOhm while the heater itself is at a `temperature` in K."""
        check_positive("temperature", temperature, "K")
        rise = jnp.asarray(temperature, jnp.result_type(float)) - self.material.temperature
        factor = 1.0 + self.material.temperature_coefficient * rise
        if is_concrete(factor):
            check_positive("1 + temperature_coefficient (temperature - reference)", factor)
        return jnp.asarray(self._reference()) * factor

    def power_at_voltage(self, voltage: Any, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power in mW on a `voltage` in V, the heater's own warmth counted.

        Raises:
            ValueError: for a voltage at which a resistance that falls with temperature runs away. Where values are
                traced, an `equinox.EquinoxRuntimeError` when the compiled function runs.
        """
        check_finite("voltage", voltage, "V")
        cold, growth = self._cold(ambient)
        square = jnp.asarray(voltage, cold.dtype) ** 2
        if not is_concrete(growth) or np.min(np.asarray(growth)) < 0.0:
            most = jnp.where(growth < 0.0, cold / jnp.where(growth < 0.0, -4.0 * growth, 1.0), jnp.inf)
            square = within(
                "square of the voltage", square, 0.0, _least(most), "V^2, beyond which the heater runs away"
            )
        # Where it just does not run away the root is 0, but for rounding.
        return 2.0 * square / (cold * (1.0 + _root(1.0 + 4.0 * growth * square / cold)))

    def power_at_current(self, current: Any, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power in mW at a `current` in mA, the heater's own warmth counted.

        Raises:
            ValueError: for a current at which a resistance that grows with temperature runs away; traced as above.
        """
        check_finite("current", current, "mA")
        cold, growth = self._cold(ambient)
        power = jnp.asarray(current, cold.dtype) ** 2 * cold
        part = growth * power
        if is_concrete(part):
            check_range("power at rest over that at which the heater runs away", part, -np.inf, 1.0 - 1e-6)
        else:
            part = eqx.error_if(part, part >= 1.0, "current: the heater runs away")
        return power / (1.0 - part)

    def voltage(self, power: Any, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Voltage in V for a `power` in mW. At no power its derivative is infinite; it is 0 there by convention."""
        power, warm = self._driven(power, ambient)
        return _root(power * warm)

    def current(self, power: Any, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Current in mA for a `power` in mW; derivative at no power as for `voltage`."""
        power, warm = self._driven(power, ambient)
        return _root(power / warm)

    def temperature(self, power: Any, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """The heater's own temperature in K."""
        check_range("power", power, 0.0, np.inf, "mW")
        check_positive("ambient", ambient, "K")
        ambient, power = (jnp.asarray(each, jnp.result_type(float)) for each in (ambient, power))
        return ambient + jnp.asarray(self.self_heating, power.dtype) * power

    def current_density(self, power: Any, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Current density in mA/um^2; 10 is 1 MA/cm^2."""
        return self.current(power, ambient) / (self.width * self.thickness)

    def report(self, power: float, ambient: float = REFERENCE_TEMPERATURE) -> HeaterReport:
        """The state of the heater at a power in mW, and which limits it exceeds; for plain numbers.

        A heater with a `max_voltage` is on a voltage, on which one whose resistance falls with temperature can only be
        brought to the power at which it runs away.
        """
        at = power, ambient
        state = [float(each(*at)) for each in (self.temperature, self.current_density, self.voltage, self.current)]
        limits = self.material.max_temperature, self.material.max_current_density, self.max_voltage
        names = ("temperature", "K"), ("current density", "mA/um^2"), ("voltage", "V")
        exceeded = [
            f"{name} = {value:.4g} {unit} is above {limit:g} {unit}"
            for (name, unit), value, limit in zip(names, state[:3], limits, strict=True)
            if value > limit
        ]
        most = self._runaway(ambient)[1]
        if math.isfinite(self.max_voltage) and float(power) > most:
            exceeded.append(f"power = {float(power):.4g} mW is above {most:.4g} mW, where it runs away on a voltage")
        return HeaterReport(state[0], state[1], state[2], state[3], tuple(exceeded))

    def warn(self, power: float, ambient: float = REFERENCE_TEMPERATURE) -> HeaterReport:
        """The same, with a `HeaterWarning` for each limit that is exceeded."""
        found = self.report(power, ambient)
        for each in found.exceeded:
            warnings.warn(f"heater of {self.material.name} at {power:g} mW: {each}", HeaterWarning, stacklevel=3)
        return found

    def max_power(self, ambient: float = REFERENCE_TEMPERATURE) -> float:
        """The highest power in mW within all limits known, infinite for none; for plain numbers."""
        rise = self.material.max_temperature - ambient
        z, cold, growth = float(np.asarray(self.self_heating)), *(float(each) for each in self._cold(ambient))
        powers = [rise / z if z > 0.0 else math.inf]
        if math.isfinite(self.max_voltage):
            most, highest = self._runaway(ambient)
            held = self.max_voltage < most
            powers.append(float(self.power_at_voltage(self.max_voltage, ambient)) if held else highest)
        square = (self.material.max_current_density * float(np.asarray(self.width * self.thickness))) ** 2 * cold
        if math.isfinite(square):
            powers.append(square / (1.0 - growth * square) if growth * square < 1.0 else math.inf)
        return max(min(powers), 0.0)

    def _reference(self) -> Any:
        """Resistance in kOhm at the temperature of the resistivity."""
        return self.material.resistivity * self.length / (self.width * self.thickness)

    def _cold(self, ambient: Any) -> tuple[jax.Array, jax.Array]:
        """R_a in kOhm and b in 1/mW."""
        check_positive("ambient", ambient, "K")
        cold = self.resistance(ambient)
        slope = self._reference() * self.material.temperature_coefficient * self.self_heating
        return cold, jnp.asarray(slope, cold.dtype) / cold

    def _runaway(self, ambient: float) -> tuple[float, float]:
        """Voltage in V and power in mW at which the heater runs away on a voltage; infinite where it does not."""
        cold, growth = (float(each) for each in self._cold(ambient))
        return (math.sqrt(-0.25 * cold / growth), -0.5 / growth) if growth < 0.0 else (math.inf, math.inf)

    def _driven(self, power: Any, ambient: Any) -> tuple[jax.Array, jax.Array]:
        """Power in mW and resistance in kOhm of the warm heater."""
        return jnp.asarray(power, jnp.result_type(float)), self.resistance(self.temperature(power, ambient))


def efficiency_nm_mw(drift_pm_k: Any, coupling: Any) -> jax.Array:
    """Tuning efficiency in nm/mW.

    Args:
        drift_pm_k: drift of the resonance in pm/K.
        coupling: rise of the ring's mean temperature in K/mW.
    """
    check_finite("drift_pm_k", drift_pm_k, "pm/K")
    check_range("coupling", coupling, 0.0, np.inf, "K/mW")
    return jnp.asarray(1e-3 * drift_pm_k * coupling)


def power_per_fsr(fsr: Any, drift_pm_k: Any, coupling: Any) -> jax.Array:
    """Power in mW that moves a resonance by a free spectral range `fsr` in um; other arguments as above.

    Raises:
        ValueError: for an argument that is not above zero, or a range of 1 um and more.
    """
    # Nanometres given for micrometres end up here.
    check_range("fsr", fsr, 0.0, 1.0, "um", exclusive=True)
    for name, value in (("drift_pm_k", drift_pm_k), ("coupling", coupling)):
        check_positive(name, value)
    return jnp.asarray(1e3 * fsr / efficiency_nm_mw(drift_pm_k, coupling))


def _root(square: jax.Array) -> jax.Array:
    """Square root whose derivative at 0 is 0."""
    return jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)


def _least(values: jax.Array) -> Any:
    """The least of values; a plain number where it is known."""
    return float(np.min(np.asarray(values))) if is_concrete(values) else jnp.min(values)
