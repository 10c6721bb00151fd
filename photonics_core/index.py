"""Index models: how the effective index of a guided mode depends on wavelength and temperature.

Every device takes its waveguide from an `IndexModel`. A model gives the index, the group index and the loss, and
above all the phase over a length in turns, in a form that keeps its digits in float32.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_range, check_shapes, check_temperature, check_wavelength
from photonics_core.kernels.phase import detuned_turns, reduced_turns, wavelength_offset
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT, attenuation, group_velocity_dispersion


class IndexModel(Shown):
    """What a device asks of a waveguide mode. Wavelengths in um, temperatures in K; arguments broadcast."""

    @abc.abstractmethod
    def effective_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Real effective index at wavelength `wl` in um and `temperature` in K."""

    @abc.abstractmethod
    def group_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Group index n - wl dn/dwl at wavelength `wl` in um and `temperature` in K."""

    @abc.abstractmethod
    def attenuation(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power attenuation coefficient in 1/um at wavelength `wl` in um and `temperature` in K."""

    @abc.abstractmethod
    def anchor(self, length: Any) -> jax.Array:
        """Turns over `length` (um) at the model's own reference, reduced modulo one (see `turns`)."""

    @abc.abstractmethod
    def turns(self, length: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, anchor: Any = None) -> jax.Array:
        """Propagation phase over a length in turns (2 pi), up to a whole number that is the same for all `wl`.

        Args:
            length: length in um.
            wl: free-space wavelength in um.
            temperature: temperature in K.
            anchor: `self.anchor(length)` where it was formed beforehand, on the host, for a batch.

        Returns:
            n_eff length / wl less a constant whole number; its derivatives are those of n_eff length / wl.
        """


class LinearIndex(IndexModel):
    """Effective index expanded around one wavelength and one temperature.

    With d = wl - wl0 and D the dispersion parameter,

        n_eff(wl, T) = n_eff + (n_eff - n_g) d / wl0 - c D d^2 / (2 wl0)
                       + thermo_optic (T - T0) + thermo_optic_slope (T - T0)^2 / 2.

    Args:
        n_eff: effective index at wl0 and T0.
        n_g: group index at wl0 and T0.
        wl0: reference wavelength in um; not a parameter but the point of expansion, so it has no gradient.
        dispersion_ps_nm_km: D = -(wl / c) d2n/dwl2 in ps/(nm km).
        thermo_optic: dn_eff/dT at T0 in 1/K.
        thermo_optic_slope: d2n_eff/dT2 in 1/K^2.
        loss_db_cm: propagation loss in dB/cm.
        temperature0: reference temperature T0 in K.

    Raises:
        ValueError: for an index outside [0.5, 10] (group index: 20), wl0 outside [0.2, 20] um, a loss
            below zero or a number that is not finite; in use, for a wavelength more than 30 % away from wl0, or a
            temperature outside [150, 1000] K.
    """

    n_eff: Any = eqx.field(converter=as_leaf)
    n_g: Any = eqx.field(converter=as_leaf)
    wl0: float = eqx.field(static=True)
    dispersion_ps_nm_km: Any = eqx.field(converter=as_leaf, default=0.0)
    thermo_optic: Any = eqx.field(converter=as_leaf, default=0.0)
    thermo_optic_slope: Any = eqx.field(converter=as_leaf, default=0.0)
    loss_db_cm: Any = eqx.field(converter=as_leaf, default=0.0)
    temperature0: float = eqx.field(static=True, default=REFERENCE_TEMPERATURE)

    def __check_init__(self) -> None:
        check_range("n_eff", self.n_eff, 0.5, 10.0)
        check_range("n_g", self.n_g, 0.5, 20.0)
        check_wavelength("wl0", self.wl0)
        check_range("loss_db_cm", self.loss_db_cm, 0.0, np.inf, "dB/cm")
        check_temperature("temperature0", self.temperature0)
        for name in ("dispersion_ps_nm_km", "thermo_optic", "thermo_optic_slope"):
            check_finite(name, getattr(self, name))

    def effective_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        check_shapes(wl=wl, temperature=temperature)
        offset = self._offset(wl)
        linear = (self.n_eff - self.n_g) * (offset / self.wl0)
        return self.n_eff + linear + self._curvature() * offset**2 + self._heating(temperature)

    def group_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        check_shapes(wl=wl, temperature=temperature)
        offset = self._offset(wl)
        bend = self._curvature() * offset * (offset + 2.0 * self.wl0)
        return self.n_g - bend + self._heating(temperature)

    def attenuation(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        self._check(wl)
        check_temperature("temperature", temperature)
        return jnp.asarray(attenuation(self.loss_db_cm))

    def anchor(self, length: Any) -> jax.Array:
        return reduced_turns(self.n_eff, length, self.wl0)

    def turns(self, length: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, anchor: Any = None) -> jax.Array:
        check_shapes(length=length, wl=wl, temperature=temperature)
        base = self.anchor(length) if anchor is None else anchor
        offset = self._offset(wl)
        heating = self._heating(temperature) * length
        parts = (base, self.n_g * length, self._curvature() * length, heating)
        return detuned_turns(*(jnp.asarray(part, offset.dtype) for part in parts), offset, self.wl0)

    def _check(self, wl: Any) -> None:
        # Beyond a third of the wavelength an expansion means nothing; nanometres given for micrometres end up here.
        check_range("wl", wl, 0.7 * self.wl0, 1.3 * self.wl0, "um")

    def _offset(self, wl: Any) -> jax.Array:
        self._check(wl)
        return wavelength_offset(wl, self.wl0)

    def _curvature(self) -> Any:
        dispersion = group_velocity_dispersion(self.dispersion_ps_nm_km)
        return -SPEED_OF_LIGHT * dispersion / (2.0 * self.wl0)

    def _heating(self, temperature: Any) -> Any:
        # Nor does a polynomial in temperature far from rooms and chips; degrees Celsius given for kelvin end up here.
        check_temperature("temperature", temperature)
        rise = temperature - self.temperature0
        return (self.thermo_optic + 0.5 * self.thermo_optic_slope * rise) * rise
