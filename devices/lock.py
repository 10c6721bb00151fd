"""A loop that holds a ring on its laser line: ring, heater and controller in time, sample by sample.

With e the resonance less the laser in pm, T_p the parts of the thermal impedance, u the controller's command and P(u)
the heater's power (u itself in mW, or V^2 / R of a warm heater), at samples h apart,

    e_n = offset + drift (ambient_n + sum_p T_p,n),    y_n = 1 / (1 + (2 e_n / w)^2),
    T_p,n+1 = E_p T_p,n + (1 - E_p) R_p P(u_n)

which is exact for a command that is held over a sample. y is the power dropped, 1 on resonance. Controllers:

    slope:   u_n = u_n-1 +- K (y_n - level), + where the resonance is held on the red side of the laser, - on the blue;
    dither:  u_n = v + a s_n with a square wave s; once a period v grows by K mean(y_n s_n-1).

Linearised with S = |dy/de| and g = drift dP/du, a slope loop is stable for gains up to

    K < 2 / (S g sum_p R_p tanh(h / (2 t_p))),

where a pole passes z = -1 (of one part: a loop gain K S g R below 2 coth(h / 2t)). With parts of both signs a pair of
poles goes first (`lock_loop.searched_limit`). The lasting error under a ramp of rho pm a sample is that at which
K (y - level) = -+ rho / (g R): an integrator follows a ramp at a distance, which is rho over the loop gain to first
order.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.heater import Heater
from photonics_core.devices.lock_loop import LockTrace, follow, searched_limit
from photonics_core.display import Shown
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.runtime import as_leaf
from photonics_core.thermal_impedance import FosterNetwork, ThermalImpedance
from photonics_core.units import REFERENCE_TEMPERATURE

#: Largest rise of the surroundings in K; temperatures themselves are above it.
LARGEST_RISE = 200.0
METHODS = ("slope", "dither")
SIDES = ("red", "blue")


class WavelengthLock(Shown):
    """A ring, its heater and the controller of one of them.

    Args:
        linewidth_pm: full width of the line at half its depth, w, in pm.
        drift_pm_k: drift of the resonance in pm/K.
        impedance: rise of the ring's temperature by its heater in K/mW over time: a `ThermalImpedance`, or, for a
            heater that is not in the ring, a `TransferImpedance`, whose delay lowers the gains that are stable.
        gain: K, mW or V of command for all of the power detected, a sample (slope) or a period (dither).
        step: time between samples h in ps; 1 us is 1e6.
        method: "slope" or "dither".
        level: dropped power at which a slope lock holds, within (0, 1) of that on resonance.
        side: on which side of the laser a slope lock holds the resonance, "red" or "blue".
        dither: a in mW or V.
        half_period: samples each way of the square wave.
        heater: the heater, whose voltage is then the command; None for a driver that sets the power.
        max_command: the driver's range in mW or V; its least is 0.

    Raises:
        ValueError: for a number outside its range.
    """

    linewidth_pm: Any = eqx.field(converter=as_leaf)
    drift_pm_k: Any = eqx.field(converter=as_leaf)
    impedance: FosterNetwork
    gain: Any = eqx.field(converter=as_leaf)
    step: Any = eqx.field(converter=as_leaf)
    method: str = eqx.field(static=True, default="slope")
    level: Any = eqx.field(converter=as_leaf, default=0.5)
    side: str = eqx.field(static=True, default="red")
    dither: Any = eqx.field(converter=as_leaf, default=0.0)
    half_period: int = eqx.field(static=True, default=1)
    heater: Heater | None = None
    max_command: Any = eqx.field(converter=as_leaf, default=math.inf)

    def __check_init__(self) -> None:
        check_kind("impedance", self.impedance, FosterNetwork)
        check_choice("method", self.method, METHODS)
        check_choice("side", self.side, SIDES)
        for name, unit in (("linewidth_pm", "pm"), ("drift_pm_k", "pm/K"), ("step", "ps")):
            check_positive(name, getattr(self, name), unit)
        check_range("gain", self.gain, 0.0, np.inf)
        check_range("level", self.level, 0.0, 1.0, exclusive=True)
        check_range("dither", self.dither, 0.0, np.inf)
        check_kind("half_period", self.half_period, int)
        check_range("half_period", int(self.half_period), 1)
        if self.method == "dither":
            check_positive("dither", self.dither)
        if is_concrete(self.max_command) and not np.asarray(self.max_command) > 0.0:
            raise ValueError(f"max_command = {float(np.asarray(self.max_command)):g} is outside (0, inf]")
        if self.heater is not None:
            check_kind("heater", self.heater, Heater)
            if is_concrete(self.max_command, self.heater) and np.isfinite(self.max_command):
                self.heater.power_at_voltage(self.max_command)

    @property
    def target_pm(self) -> jax.Array:
        """Where the resonance is held, less the laser, in pm: 0 for a dither lock."""
        width = jnp.asarray(self.linewidth_pm, jnp.result_type(float))
        if self.method == "dither":
            return jnp.zeros_like(width)
        away = 0.5 * width * jnp.sqrt(1.0 / jnp.asarray(self.level, width.dtype) - 1.0)
        return away if self.side == "red" else -away

    def detected(self, detuning_pm: Any) -> jax.Array:
        """Dropped power over that on resonance, of a resonance this many pm above the laser."""
        width = jnp.asarray(self.linewidth_pm, jnp.result_type(float))
        return 1.0 / (1.0 + (2.0 * jnp.asarray(detuning_pm, width.dtype) / width) ** 2)

    def run(self, rise: Any, offset_pm: Any = 0.0, start: Any = 0.0, noise: Any = 0.0) -> LockTrace:
        """The loop over N samples from a heater that has settled at a command.

        Args:
            rise: rise of the ring's temperature by its surroundings at the samples in K, shape [N]; of a heater on a
                voltage, above 300 K. Temperatures in K, as `photonics_core.ambient` gives them, less the one at which
                the ring is at its offset.
            offset_pm: the resonance less where it should be in pm, before the first sample and without that rise.
            start: command to begin with, mW or V.
            noise: what is added to the power detected, shape [N] or a number.

        Raises:
            ValueError: for shapes that do not go together, or numbers outside their range.
        """
        rise = jnp.asarray(rise, jnp.result_type(float))
        if rise.ndim != 1 or rise.shape[0] < 1:
            raise ValueError(f"rise of shape {rise.shape} is not [N]")
        if np.shape(noise) not in ((), rise.shape):
            raise ValueError(f"noise of shape {np.shape(noise)} is not a number or of shape {rise.shape}")
        # A temperature given for a rise ends up here.
        check_range("rise", rise, -LARGEST_RISE, LARGEST_RISE, "K")
        for name, value in (("offset_pm", offset_pm), ("noise", noise)):
            check_finite(name, value)
        most = np.asarray(self.max_command) if is_concrete(self.max_command) else np.inf
        check_range("start", start, 0.0, float(most))
        offset, start = (jnp.asarray(each, rise.dtype) for each in (offset_pm, start))
        noise = jnp.broadcast_to(jnp.asarray(noise, rise.dtype), rise.shape)
        return follow(self, rise, offset, start, noise)

    def lock_range_pm(
        self, offsets_pm: Any, samples: int, start: Any = 0.0, tolerance_pm: Any = None
    ) -> tuple[float, float]:
        """Least and greatest offset in pm, of those around zero, from which the error is small after some samples.

        Args:
            offsets_pm: offsets to try, rising, on both sides of zero, shape [K].
            samples: samples after which the last tenth of them is looked at.
            start: as for `run`.
            tolerance_pm: what counts as small; None for a tenth of the linewidth.

        Returns:
            Both offsets; nan, nan if it does not lock from the nearest to zero. Where it locks from all that were
            tried, the last of them. The error has its dither, which has to be within the tolerance.

        Raises:
            ValueError: for offsets that do not rise or are all on one side, or a tolerance that is not above zero.
        """
        offsets = np.asarray(offsets_pm, float)
        rising = offsets.ndim == 1 and offsets.size > 1 and bool(np.all(np.diff(offsets) > 0.0))
        if not rising or not offsets[0] <= 0.0 <= offsets[-1]:
            raise ValueError("offsets_pm are not rising numbers on both sides of zero, of shape [K]")
        check_range("samples", samples, 1)
        width = float(np.asarray(self.linewidth_pm)) / 10.0 if tolerance_pm is None else float(tolerance_pm)
        check_positive("tolerance_pm", width, "pm")
        if self.method == "dither":
            swing = float(self.dither_swing_pm(*(() if self.heater is None else (max(float(start), 1e-9),))))
            check_range("swing of the dither", swing, 0.0, width, "pm")
        quiet = jnp.zeros(int(samples))
        traces = jax.vmap(lambda offset: self.run(quiet, offset, start).error_pm)(jnp.asarray(offsets))
        last = np.asarray(traces)[:, -max(int(samples) // 10, 1) :]
        held = np.max(np.abs(last), axis=1) < width
        middle = int(np.argmin(np.abs(offsets)))
        if not held[middle]:
            return math.nan, math.nan
        lost = np.flatnonzero(~held)
        low = np.max(lost[lost < middle], initial=-1) + 1
        high = np.min(lost[lost > middle], initial=offsets.size) - 1
        return float(offsets[low]), float(offsets[high])

    def response_pm(self, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """How far the resonance moves in the end for a little more command, pm per mW or per V, drift R dP/du."""
        return self._moves(command, ambient) * self.impedance.total

    def gain_limit(self, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Gain above which a slope lock swings, at its target and a command (which counts for a voltage only).

        In closed form for a `ThermalImpedance`; for a `TransferImpedance` it is searched for, with plain numbers.

        Raises:
            ValueError: for a dither lock, or a heater on no voltage, where a command does nothing to first order.
        """
        self._check_slope()
        self._check_driven(command)
        if not isinstance(self.impedance, ThermalImpedance):
            return searched_limit(self.impedance, self.step) / (self._slope() * self._moves(command, ambient))
        resistance = jnp.asarray(self.impedance.resistance, jnp.result_type(float))
        half = 0.5 * jnp.asarray(self.step, resistance.dtype) / jnp.asarray(self.impedance.time, resistance.dtype)
        quick = jnp.sum(resistance * jnp.tanh(half))
        return 2.0 / (self._slope() * self._moves(command, ambient) * quick)

    def loop_matrix(self, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """What a sample does to temperatures T_p and command about the target of a slope lock, shape [P + 1, P + 1].

        Its eigenvalues are the poles of the loop; it is stable where all are within the unit circle.
        """
        self._check_slope()
        kept, added = self.impedance.step_factors(self.step)
        power = self._moves(command, ambient) / jnp.asarray(self.drift_pm_k, kept.dtype)
        seen = -jnp.asarray(self.gain * self.drift_pm_k, kept.dtype) * self._slope() * jnp.ones_like(kept)
        below = jnp.concatenate([seen, jnp.ones(1, kept.dtype)])
        above = jnp.concatenate([jnp.diag(kept), jnp.zeros((kept.size, 1), kept.dtype)], axis=1)
        return jnp.concatenate([above + (power * added)[:, None] * below[None], below[None]])

    def ramp_error_pm(self, ramp: Any, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Lasting error in pm under an ambient ramp in K/s; exact for a slope lock that sets the power.

        A heater on a voltage gives a little less power as it gets warmer, which takes that much off the ramp. Of a
        dither lock the mean over a period, to first order in dither and error. It is nan where the line cannot give
        what the integrator needs: the lock is lost.

        Args:
            ramp: in K/s.
            command: where the heater is, mW or V; it counts for a voltage only, which has to be above zero.
            ambient: temperature of the surroundings in K.

        Raises:
            ValueError: for a heater on no voltage.
        """
        self._check_driven(command)
        width = jnp.asarray(self.linewidth_pm, jnp.result_type(float))
        per_sample = jnp.asarray(ramp, width.dtype) * 1e-12 * jnp.asarray(self.drift_pm_k * self.step, width.dtype)
        needed = self._pull(command, ambient) * per_sample
        needed = needed / (jnp.asarray(self.gain, width.dtype) * self.response_pm(command, ambient))
        if self.method == "dither":
            swing = self.dither_swing_pm(command, ambient)
            error = 2.0 * self.half_period * needed / (8.0 / width**2 * swing)
            # The line is steepest at w / (2 sqrt(3)), where it gives 9/16 of its first order.
            most = 9.0 / 16.0 / (2.0 * math.sqrt(3.0)) * width
            return jnp.where(jnp.abs(error) < most, error, jnp.nan)
        sign = 1.0 if self.side == "red" else -1.0
        level = jnp.asarray(self.level, width.dtype) - sign * needed
        inside = (level > 0.0) & (level < 1.0)
        held = sign * 0.5 * width * jnp.sqrt(1.0 / jnp.where(inside, level, 0.5) - 1.0) - self.target_pm
        return jnp.where(inside, held, jnp.nan)

    def dither_swing_pm(self, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """What a dither moves the resonance by, as its detector sees it: mean of e_n s_n-1 in pm.

        Of each part of the impedance 1 - (2 / m) E (1 - E^m) / ((1 - E) (1 + E^m)) is left, m being `half_period`.
        """
        kept, added = self.impedance.step_factors(self.step)
        left, m = kept**self.half_period, self.half_period
        seen = 1.0 - (2.0 / m) * kept * (1.0 - left) / ((1.0 - kept) * (1.0 + left))
        total = jnp.sum(added / (1.0 - kept) * seen)
        return jnp.asarray(self.dither, kept.dtype) * self._moves(command, ambient) * total

    def _slope(self) -> jax.Array:
        """|dy/de| at the target in 1/pm."""
        target, width = self.target_pm, jnp.asarray(self.linewidth_pm, jnp.result_type(float))
        return 8.0 * jnp.abs(target) / width**2 * self.detected(target) ** 2

    def _moves(self, command: Any, ambient: Any) -> jax.Array:
        """drift dP/du in (pm/K) mW per unit of command."""
        return jnp.asarray(self.drift_pm_k, jnp.result_type(float)) * self._power_slopes(command, ambient)[0]

    def _pull(self, command: Any, ambient: Any) -> jax.Array:
        """Part of an ambient rise that the controller has to make good, 1 + R dP/dT."""
        return 1.0 + self.impedance.total * self._power_slopes(command, ambient)[1]

    def _power_slopes(self, command: Any, ambient: Any) -> tuple[jax.Array, jax.Array]:
        """dP/du in mW per unit of command and dP/dT in mW/K."""
        # A rise given for a temperature ends up here.
        check_range("ambient", ambient, 100.0, 1000.0, "K")
        command, ambient = (jnp.asarray(each, jnp.result_type(float)) for each in (command, ambient))
        heater = self.heater
        if heater is None:
            return jnp.ones_like(command), jnp.zeros_like(command)
        return jax.grad(heater.power_at_voltage, argnums=(0, 1))(command, ambient)

    def _check_driven(self, command: Any) -> None:
        if self.heater is not None:
            check_positive("command", command, "V")

    def _check_slope(self) -> None:
        if self.method != "slope":
            raise ValueError('method = "dither" has no gain limit in closed form; a slope lock has')
