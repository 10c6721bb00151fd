"""Ring modulators: a ring with a PN junction in its guide, static and in time.

A reverse voltage widens the junction's depletion layer: index and loss of the guide change, and with them everything
that a ring is. So `modulator.at(voltage)` is a ring like any other. In time the resonance follows the voltage at the
junction, which is that of the driver behind R and C, and the light follows the resonance as fast as the photon
lifetime allows (`Resonator`).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.chirp import frequency_shift
from photonics_core.devices.resonator import Resonator
from photonics_core.devices.ring import AddDropRing, AllPassRing
from photonics_core.devices.static_modulation import StaticModulation
from photonics_core.display import Row, Shown, summary_rows
from photonics_core.doped_guide import DopedGuide
from photonics_core.index import IndexModel
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.driven_resonance import driven_amplitudes
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

#: Voltages at which a waveform's resonance is found. The polynomial between them is good to 2e-8 of the shift for 0 to
#: 3 V, and to 2e-6 from -0.4 to 3.6 V.
NODES = 13
#: Largest resistance of a driver in kOhm; Ohm given for kOhm are mostly beyond it.
MOST_RESISTANCE = 10.0
#: Laser wavelengths tried for the best one, and over how many linewidths to both sides of the resonance.
TRIALS, LINEWIDTHS = 401, 4.0


class JunctionIndex(IndexModel):
    """The index of a guide with a junction at a voltage in a part of its length.

    Args:
        base: index model of the guide without carriers.
        guide: what carriers and voltage add to it.
        voltage: reverse voltage in V.
        fill: the part of the length that has the junction, within [0, 1].
    """

    base: IndexModel
    guide: DopedGuide
    voltage: Any = eqx.field(converter=as_leaf)
    fill: Any = eqx.field(converter=as_leaf, default=1.0)

    def effective_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        base = self.base.effective_index(wl, temperature)
        return base + self._change(wl).real.astype(base.dtype)

    def group_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        base = self.base.group_index(wl, temperature)
        at = jnp.asarray(wl, jnp.result_type(float))
        change, slope = jax.jvp(lambda x: self._change(x).real, (at,), (jnp.ones_like(at),))
        return base + (change - at * slope).astype(base.dtype)

    def attenuation(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        return self.base.attenuation(wl, temperature) + 4.0 * math.pi * self._change(wl).imag / wl

    def anchor(self, length: Any) -> jax.Array:
        return self.base.anchor(length)

    def turns(self, length: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, anchor: Any = None) -> jax.Array:
        turns = self.base.turns(length, wl, temperature, anchor)
        return turns + (self._change(wl).real * length / wl).astype(turns.dtype)

    def _change(self, wl: Any) -> jax.Array:
        change = self.guide.index_change(self.voltage, wl)
        return jnp.asarray(self.fill).astype(change.dtype) * change


class RingModulator(Shown):
    """A ring, all-pass or add-drop, circle or racetrack, with a junction in its guide.

    Voltages are reverse voltages at the junction in V, within its range (`PNJunction.voltage_range`). The laser's
    wavelength `wl` is in um, temperatures are those of the ring in K; the junction keeps its own (`PNJunction`).

    Args:
        ring: the ring without carriers.
        guide: the guide's junction and its overlap with the mode.
        fill: part of the round trip that has the junction, within (0, 1].
        driver_resistance: resistance of the driver in kOhm.
        pad_capacitance: capacitance of pads and wiring in fF, before the resistance of the junction.

    Raises:
        ValueError: for a value outside its range, or something else than a ring or a guide.
    """

    ring: AllPassRing | AddDropRing
    guide: DopedGuide
    fill: Any = eqx.field(converter=as_leaf, default=0.8)
    driver_resistance: Any = eqx.field(converter=as_leaf, default=0.05)
    pad_capacitance: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        if not isinstance(self.ring, AllPassRing | AddDropRing):
            raise ValueError(f"ring = {self.ring!r} is not of the kind AllPassRing or AddDropRing")
        check_kind("guide", self.guide, DopedGuide)
        check_positive("fill", self.fill)
        check_range("fill", self.fill, 0.0, 1.0)
        check_range("driver_resistance", self.driver_resistance, 0.0, MOST_RESISTANCE, "kOhm")
        check_range("pad_capacitance", self.pad_capacitance, 0.0, np.inf, "fF")

    def _summary(self) -> Iterable[Row]:
        wl = getattr(self.ring.index, "wl0", None)
        if wl is None or np.ndim(self.fill):
            return []
        found = jax.jit(lambda it: (it.at(0.0).q_loaded(wl), it.shift_pm_v(wl), it.time_constant(0.0)))(self)
        names = ("q_loaded", "shift_pm_v", "time_constant")
        meanings = ("loaded quality factor", "shift of the resonance in pm/V", "of driver and junction in ps")
        return summary_rows(names, found, meanings, f", at {wl:g} um and 0 V")

    def _preview(self) -> Callable[[Any], None] | None:
        wl = getattr(self.ring.index, "wl0", None)
        if wl is None or np.ndim(self.fill):
            return None
        from photonics_core.plot_modulator import spectra_by_voltage

        voltages = (0.0, min(2.0, float(self.guide.junction.voltage_range()[1])))
        near = float(self.resonance(wl)) + 3.0 * float(self.at(0.0).linewidth(wl)) * np.linspace(-1.0, 1.0, 401)
        spectra = jax.jit(lambda device: jnp.stack([device.transmission(near, v) for v in voltages]))(self)

        def draw(ax: Any) -> None:
            spectra_by_voltage(ax, near, spectra, voltages)
            ax.locator_params(axis="x", nbins=5)

        return draw

    def at(self, voltage: Any) -> AllPassRing | AddDropRing:
        """The ring as it is at a voltage (a number; batches go through `jax.vmap`), with all that a ring can tell."""
        index = JunctionIndex(self.ring.index, self.guide, voltage, self.fill)
        return eqx.tree_at(lambda ring: ring.index, self.ring, index)

    def scattering(self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE) -> Any:
        """Scattering matrix of the ring over `wl` at a voltage."""
        return self.at(voltage).scattering(wl, temperature)

    @property
    def junction_length(self) -> Any:
        """Length in um of the guide that has the junction."""
        return self.fill * self.ring.length

    def capacitance(self, voltage: Any) -> jax.Array:
        """Capacitance of the junction in fF."""
        return self.guide.junction.capacitance(voltage) * self.junction_length

    def time_constant(self, voltage: Any) -> jax.Array:
        """RC time in ps of the junction behind its resistance and the driver, which charges the pads too."""
        own = self.guide.junction.series_resistance(voltage) / self.junction_length
        junction = self.capacitance(voltage)
        return (own + self.driver_resistance) * junction + self.driver_resistance * self.pad_capacitance

    def resonance(self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Resonant wavelength in um nearest to `wl` at a voltage."""
        return self.at(voltage).resonance(wl, temperature)

    def shift_pm_v(self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Shift of the resonance nearest to `wl` in pm/V at a voltage."""
        voltage = jnp.asarray(voltage, jnp.result_type(float))
        return 1e6 * jax.grad(lambda v: self.resonance(wl, v, temperature))(voltage)

    def detuning(self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Frequency in THz of a laser at `wl` less that of the nearest resonance at a voltage."""
        return self._tuned(wl, voltage, temperature)[1]

    def transmission(self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power through / in at `wl` and a voltage."""
        return self.scattering(wl, voltage, temperature).power("in", "through")

    def modulation(
        self, wl: Any, voltages: tuple[Any, Any], temperature: Any = REFERENCE_TEMPERATURE
    ) -> StaticModulation:
        """What two voltages make of a laser at `wl`, after all has settled."""
        _check_pair(voltages)
        return StaticModulation(*(self.transmission(wl, voltage, temperature) for voltage in voltages))

    def best_laser(self, wl: float, voltages: tuple[Any, Any], temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Laser wavelength in um near the resonance next to `wl` that gives the largest modulation amplitude.

        As a maximum it is flat: derivatives of the amplitude at this laser do not need its own, and it has none.

        Raises:
            ValueError: for two equal voltages, or not two.
        """
        _check_pair(voltages)
        if is_concrete(*voltages) and np.any(np.asarray(voltages[0]) == np.asarray(voltages[1])):
            raise ValueError(f"voltages = {voltages[0]} V and {voltages[1]} V modulate nothing; give two that differ")
        first, second = (self.at(voltage) for voltage in voltages)
        middle = 0.5 * (first.resonance(wl, temperature) + second.resonance(wl, temperature))
        reach = LINEWIDTHS * first.linewidth(middle, temperature)
        at = middle + reach * jnp.linspace(-1.0, 1.0, TRIALS)
        amplitudes = self.modulation(at, voltages, temperature).amplitude
        k = jnp.clip(jnp.argmax(amplitudes), 1, TRIALS - 2)
        before, here, after = (amplitudes[k + step] for step in (-1, 0, 1))
        # The vertex of the parabola through the best three.
        bend = before - 2.0 * here + after
        vertex = jnp.where(bend < 0.0, 0.5 * (before - after) / jnp.where(bend < 0.0, bend, -1.0), 0.0)
        return jax.lax.stop_gradient(at[k] + vertex * (at[1] - at[0]))

    def resonator(self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE) -> Resonator:
        """The resonance near `wl` at a voltage, for its dynamics."""
        return self._tuned(wl, voltage, temperature)[0]

    def response(
        self, frequency: Any, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE
    ) -> jax.Array:
        """Small-signal response in 1/V of the power through / in to the driver's voltage, complex.

        Junction, resistance and photon lifetime are all in it, and the change of loss; see `Resonator.response`.

        Args:
            frequency: in THz.
            wl: wavelength of the laser in um.
            voltage: bias in V.
            temperature: in K.
        """
        resonator, arguments, slope = self._small_signal(wl, voltage, temperature)
        # The resonance moves by -slope for each volt.
        response = resonator.response(frequency, *arguments)
        return response * (-slope).astype(response.dtype)

    def electro_optic_bandwidth(
        self, wl: Any, voltage: Any = 0.0, temperature: Any = REFERENCE_TEMPERATURE
    ) -> jax.Array:
        """First frequency in THz at which `response` has fallen to half of its power at zero, 3 dB electrically.

        See `Resonator.electro_optic_bandwidth` for what a peak does. Arguments as for `response`.
        """
        resonator, arguments, _ = self._small_signal(wl, voltage, temperature)
        return resonator.electro_optic_bandwidth(*arguments)

    def _small_signal(
        self, wl: Any, voltage: Any, temperature: Any
    ) -> tuple[Resonator, tuple[jax.Array, jax.Array, jax.Array], jax.Array]:
        """The resonator; its detuning, loss slope and the pole of R and C; slope of the detuning in THz/V."""
        voltage = jnp.asarray(voltage, jnp.result_type(float))

        def state(voltage: jax.Array) -> tuple[tuple[jax.Array, jax.Array], Resonator]:
            resonator, detuning = self._tuned(wl, voltage, temperature)
            return (detuning, resonator.rate), resonator

        found, (slope, loss), resonator = jax.jvp(state, (voltage,), (jnp.ones_like(voltage),), has_aux=True)
        pole = 1.0 / (2.0 * math.pi * self.time_constant(voltage))
        # A shift of -slope comes with a change of 1/tau by loss.
        return resonator, (found[0], -loss / slope, pole), slope

    def drive(
        self,
        voltage: Any,
        step: Any,
        wl: Any,
        power: Any = 1.0,
        temperature: Any = REFERENCE_TEMPERATURE,
    ) -> tuple[jax.Array, jax.Array]:
        """Light out of the modulator while the driver's voltage moves, from the steady state at its first sample.

        The capacitance is that at the mean voltage.

        Args:
            voltage: driver's reverse voltage in V at equal steps, shape [..., K].
            step: time between samples in ps; the error falls with its fourth power.
            wl: wavelength of the laser in um.
            power: power of the laser in mW.
            temperature: in K.

        Returns:
            Amplitude through in sqrt(mW), and the voltage at the junction in V, shape [..., K].

        Raises:
            ValueError: for a voltage outside the junction's range, fewer than two samples, or a step not above zero.
        """
        if np.ndim(voltage) > 1:
            return jax.vmap(lambda row: self.drive(row, step, wl, power, temperature))(jnp.asarray(voltage))
        resonator, (detuning, loss_rate), across = self._moved(voltage, step, wl, temperature)
        return resonator.drive(detuning, step, _source(power, across), loss_rate)[0], across

    def frequency_shift(
        self, voltage: Any, step: Any, wl: Any, power: Any = 1.0, temperature: Any = REFERENCE_TEMPERATURE
    ) -> jax.Array:
        """Instantaneous frequency of the light out less that of the laser in THz, shape [..., K]; as for `drive`.

        See `photonics_core.chirp`; by the equation of motion, so steps need be no shorter than for `drive`.
        """
        if np.ndim(voltage) > 1:
            return jax.vmap(lambda row: self.frequency_shift(row, step, wl, power, temperature))(jnp.asarray(voltage))
        resonator, (detuning, loss_rate), across = self._moved(voltage, step, wl, temperature)
        source = _source(power, across)
        out, inside = resonator.drive(detuning, step, source, loss_rate)
        return frequency_shift(out, resonator.slope(detuning, inside, source, loss_rate))

    def _moved(
        self, voltage: Any, step: Any, wl: Any, temperature: Any
    ) -> tuple[Resonator, tuple[jax.Array, jax.Array], jax.Array]:
        """The resonator, detuning and 1 / tau_l at the samples, and the voltage across the junction."""
        check_finite("voltage", voltage, "V")
        if not np.ndim(voltage) or np.shape(voltage)[-1] < 2:
            raise ValueError(f"voltage of shape {np.shape(voltage)} is not [..., K] with two samples or more")
        voltage = self.guide.junction.checked_voltage(jnp.asarray(voltage, jnp.result_type(float)))
        across = self._low_pass(voltage, step)
        low, high = jnp.min(across), jnp.max(across)
        half = 0.5 * (high - low) + 1e-3
        nodes = 0.5 * (low + high) + half * jnp.asarray(chebyshev.nodes(NODES), voltage.dtype)
        states = jax.vmap(lambda v: jnp.stack(self._state(wl, v, temperature)))(nodes)
        coefficients = chebyshev.tensor_coefficients(states, 1)
        place = (across - 0.5 * (low + high)) / half
        detuning, rate = (chebyshev.evaluate(coefficients[:, k], [place]) for k in range(2))
        resonator = self.resonator(wl, 0.5 * (low + high), temperature)
        others = resonator.rate - 1.0 / jnp.asarray(resonator.loss_time)
        return resonator, (detuning, rate - others), across

    def _state(self, wl: Any, voltage: Any, temperature: Any) -> tuple[jax.Array, jax.Array]:
        """Detuning of the laser in THz and 1/tau of the amplitude in 1/ps at a voltage."""
        resonator, detuning = self._tuned(wl, voltage, temperature)
        return detuning, resonator.rate

    def _tuned(self, wl: Any, voltage: Any, temperature: Any) -> tuple[Resonator, jax.Array]:
        """The resonance next to `wl` at a voltage, and by how many THz a laser at `wl` lies above it."""
        ring = self.at(voltage)
        resonant = ring.resonance(wl, temperature)
        return Resonator.of_ring(ring, resonant, temperature), _detuning(ring, wl, resonant, temperature)

    def _low_pass(self, voltage: jax.Array, step: Any) -> jax.Array:
        """The voltage behind R and C."""
        rate = 1.0 / self.time_constant(jnp.mean(voltage))
        return driven_amplitudes(rate, 0.0, rate * voltage, step).real


def _detuning(ring: AllPassRing | AddDropRing, wl: Any, resonant: jax.Array, temperature: Any) -> jax.Array:
    """Frequency in THz of a laser less that of the nearest resonance.

    From the phase of a round trip, which keeps its digits in float32, where a difference of two wavelengths does not.
    """

    def turns(at: Any) -> jax.Array:
        return ring.turns(at, temperature)

    middle = 0.5 * (wl + resonant)
    slope = jax.jvp(turns, (middle,), (jnp.ones_like(middle),))[1]
    beyond = turns(wl)
    # By the turns for each THz halfway, which is exact but for the third order of dispersion.
    return (jnp.round(beyond) - beyond) * SPEED_OF_LIGHT / (slope * middle**2)


def _source(power: Any, voltage: jax.Array) -> jax.Array:
    check_positive("power", power, "mW")
    return jnp.sqrt(jnp.asarray(power, voltage.dtype))


def _check_pair(voltages: Any) -> None:
    count = len(voltages) if isinstance(voltages, tuple | list) or np.ndim(voltages) else 1
    if count != 2:
        raise ValueError(f"voltages = {voltages!r} are not a pair")
