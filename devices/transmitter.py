"""A wavelength-division transmitter: ring modulators on one bus, each held on its laser line by a heater.

Quasi-static: a ring is in state "0", near its line, or in state "1", its resonance moved to longer wavelengths by the
drive. The heaters hold the rings at every temperature; a heater only adds index, so it brings up the next resonance
below the line.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.bus import RingBus
from photonics_core.display import Row, Shown, brief
from photonics_core.kernels.checks import check_kind, check_positive, check_range, check_wavelength
from photonics_core.runtime import as_leaf
from photonics_core.scattering import power
from photonics_core.units import REFERENCE_TEMPERATURE, db, frequency, wavelength

#: Steps in which a resonance is followed over temperature; each drifts by well under a free spectral range.
_DRIFT_STEPS = 8


class ModulationLevels(NamedTuple):
    """Power behind the bus over power before it, one for each laser line, shape [N]."""

    one: jax.Array  # the line's own ring in state 1, all others in state 1
    zero: jax.Array  # the line's own ring in state 0, all others in state 1
    disturbance: jax.Array  # largest loss of state-1 power as the other rings modulate


class RingTransmitter(Shown):
    """N ring modulators on a bus, one for each laser line.

    Args:
        bus: the rings, in the order in which light passes them; ring k modulates line k.
        lines: wavelengths of the laser lines in um, shape [N].
        detuning: distance in um of each ring's resonance in state "0" above its line, shape [N].
        drive_shift: shift of a resonance between the states in um.
        heater_efficiency: shift of a resonance by its heater in nm/mW.

    Raises:
        ValueError: if the shapes do not match the rings, or a value is outside its range.
    """

    bus: RingBus
    lines: Any = eqx.field(converter=as_leaf)
    detuning: Any = eqx.field(converter=as_leaf)
    drive_shift: Any = eqx.field(converter=as_leaf)
    heater_efficiency: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_kind("bus", self.bus, RingBus)
        for name in ("lines", "detuning"):
            if np.shape(getattr(self, name)) != (self.bus.count,):
                shape = np.shape(getattr(self, name))
                raise ValueError(f"{name} of shape {shape} does not match the {self.bus.count} rings of the bus")
        check_positive("lines", self.lines, "um")
        check_range("detuning", self.detuning, 0.0, 0.1, "um")
        check_range("drive_shift", self.drive_shift, 0.0, 0.1, "um")
        check_positive("heater_efficiency", self.heater_efficiency, "nm/mW")

    def _summary(self) -> Iterable[Row]:
        if np.ndim(self.drive_shift):
            return []
        power_mw = jax.jit(lambda row: row.heater_power())(self)
        return [("heater_power", brief(power_mw), f"in mW, all rings held at {REFERENCE_TEMPERATURE:g} K")]

    def _preview(self) -> Callable[[Any], None] | None:
        if np.ndim(self.drive_shift):
            return None
        from photonics_core.plot import spectrum

        room = 0.06 * (np.ptp(self.lines) + 0.01)
        wl = np.linspace(np.min(self.lines) - room, np.max(self.lines) + room, 2001)
        passed = jax.jit(lambda row: row.spectrum(wl))(self)
        return lambda ax: spectrum(ax, wl, passed)

    def heater_power(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Heater power in mW that holds each ring on its line at `temperature` in K, shape [N]."""
        targets = self.lines + self.detuning
        below = jax.vmap(lambda ring, target: ring.resonance_below(target, temperature))(self.bus.rings, targets)
        return 1e3 * (targets - below) / self.heater_efficiency

    def drift_pm_k(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Drift in pm/K of each ring's resonance at its line, shape [N]."""
        return jax.vmap(lambda ring, line: ring.drift_pm_k(line, temperature))(self.bus.rings, self.lines)

    def channel_shift(self, low: Any, high: Any) -> jax.Array:
        """Shift in um of each ring's resonance near its line from temperature `low` to `high` in K, shape [N].

        The resonance is followed by its drift in steps, so that a shift beyond a free spectral range counts whole.
        """
        step = (jnp.asarray(high) - low) / _DRIFT_STEPS

        def follow(ring: Any, line: Any) -> jax.Array:
            def advance(wl: jax.Array, k: jax.Array) -> tuple[jax.Array, None]:
                guess = wl + 1e-6 * ring.drift_pm_k(wl, low + k * step) * step
                return ring.resonance(guess, low + (k + 1.0) * step), None

            start = ring.resonance(line, low)
            return jax.lax.scan(advance, start, jnp.arange(_DRIFT_STEPS, dtype=start.dtype))[0] - start

        return jax.vmap(follow)(self.bus.rings, self.lines)

    def extra_path(self, temperature: Any = REFERENCE_TEMPERATURE, driven: Any = 0.0) -> jax.Array:
        """Optical path in um that heater and drive add to each ring's round trip, shape [N].

        Args:
            temperature: temperature in K.
            driven: 0 in state "0", 1 in state "1", a number or one for each ring.
        """
        targets = self.lines + self.detuning
        driven = jnp.broadcast_to(jnp.asarray(driven), (self.bus.count,))

        def one(ring: Any, target: Any, state: Any) -> jax.Array:
            return ring.path_to(target, temperature) + ring.path_of_shift(state * self.drive_shift, target, temperature)

        return jax.vmap(one)(self.bus.rings, targets, driven.astype(jnp.asarray(targets).dtype))

    def spectrum(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, driven: Any = 0.0) -> jax.Array:
        """Power through / in over `wl` in um with all rings locked, shape of `wl`; arguments as `extra_path`."""
        return power(self.bus.through(wl, temperature, self.extra_path(temperature, driven)))

    def cold_spectrum(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power through / in over `wl` in um with all heaters off, shape of `wl`."""
        return power(self.bus.through(wl, temperature))

    def drop_spectra(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power drop / in of each ring over `wl` in um, all rings locked in state "0", shape [N, ...]."""
        return power(self.bus.drops(wl, temperature, self.extra_path(temperature)))

    def levels(self, temperature: Any = REFERENCE_TEMPERATURE) -> ModulationLevels:
        """Powers of the modulated lines at `temperature` in K, as fractions of the laser's."""
        # Light runs one way along the bus, so powers multiply: all states follow from each ring alone at each line.
        zero, one = (
            power(self.bus.ring_amplitudes(self.lines, temperature, self.extra_path(temperature, state)).through)
            for state in (0.0, 1.0)
        )
        guide = power(self.bus.guide.transmission(self.lines, temperature)) ** (self.bus.count - 1)
        all_one = guide * jnp.prod(one, axis=0)
        own_zero, own_one = jnp.diagonal(zero), jnp.diagonal(one)
        others = ~jnp.eye(self.bus.count, dtype=bool)
        # Neighbours above and below a line push it both ways; the worst case is the span between the extremes.
        change = jnp.where(others, jnp.abs(jnp.log(zero) - jnp.log(one)), 0.0)
        span = all_one * -jnp.expm1(-jnp.sum(change, axis=0))
        return ModulationLevels(all_one, all_one * own_zero / own_one, span)

    def insertion_loss_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Loss in dB of each line in state "1", shape [N]."""
        return -db(self.levels(temperature).one)

    def extinction_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power of state "1" over that of state "0" in dB, shape [N]."""
        levels = self.levels(temperature)
        return db(levels.one / levels.zero)

    def penalty_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Transmitter penalty -10 log10((P1 - P0) / (2 P_in)) in dB, shape [N]; 3 dB for an ideal modulator."""
        levels = self.levels(temperature)
        return -db((levels.one - levels.zero) / 2.0)

    def crosstalk_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Disturbance of each line by all other rings over its own modulation P1 - P0, in dB, shape [N].

        The worst case: every other ring changes its state to the same effect.
        """
        levels = self.levels(temperature)
        return db(levels.disturbance / (levels.one - levels.zero))

    def q_loaded(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Loaded quality factor of each ring at its line, shape [N]."""
        return jax.vmap(lambda ring, line: ring.q_loaded(line, temperature))(self.bus.rings, self.lines)


def wavelength_grid(center: float, spacing_ghz: float, count: int) -> np.ndarray:
    """Wavelengths in um of `count` lines `spacing_ghz` apart in frequency around `center` in um, ascending.

    Raises:
        ValueError: for a centre outside [0.2, 20] um, a spacing that is not positive, a count below one, or lines that
            reach farther than half of the frequency of the centre.
    """
    check_wavelength("center", center)
    check_positive("spacing_ghz", spacing_ghz, "GHz")
    check_range("count", count, 1, 10_000)
    offsets = (np.arange(count) - (count - 1) / 2) * spacing_ghz * 1e-3
    if offsets[-1] > 0.5 * frequency(center):
        raise ValueError(
            f"spacing_ghz = {spacing_ghz:g} GHz: {count} lines reach {offsets[-1]:.3g} THz from the center"
        )
    return np.asarray(wavelength(frequency(center) - offsets))
