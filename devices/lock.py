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

where a pole passes z = -1 (of one part: a loop gain K S g R below 2 coth(h / 2t)). The lasting error under a ramp of
rho pm a sample is that at which K (y - level) = -+ rho / (g R): an integrator follows a ramp at a distance, which is
rho over the loop gain to first order.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.heater import Heater
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.runtime import as_leaf
from photonics_core.thermal_impedance import ThermalImpedance
from photonics_core.thermal_response import step_factors
from photonics_core.units import REFERENCE_TEMPERATURE

METHODS = ("slope", "dither")
SIDES = ("red", "blue")


class LockTrace(NamedTuple):
    """What a lock does over time, each of shape [N].

    Attributes:
        error_pm: resonance less where it should be in pm, the dither included.
        detected: dropped power over that on resonance, noise included.
        command: what the controller asks for, mW or V, the dither included.
        power: power of the heater in mW.
    """

    error_pm: jax.Array
    detected: jax.Array
    command: jax.Array
    power: jax.Array

    def rms_pm(self, skip: int = 0) -> jax.Array:
        """Root mean square of the error in pm, without the first samples."""
        return jnp.sqrt(jnp.mean(self.error_pm[..., skip:] ** 2, axis=-1))


class WavelengthLock(eqx.Module):
    """A ring, its heater and the controller of one of them.

    Args:
        linewidth_pm: full width of the line at half its depth, w, in pm.
        drift_pm_k: drift of the resonance in pm/K.
        impedance: rise of the ring's temperature by its heater in K/mW over time.
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
    impedance: ThermalImpedance
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
        check_kind("impedance", self.impedance, ThermalImpedance)
        check_choice("method", self.method, METHODS)
        check_choice("side", self.side, SIDES)
        for name, unit in (("linewidth_pm", "pm"), ("drift_pm_k", "pm/K"), ("step", "ps")):
            check_positive(name, getattr(self, name), unit)
        check_range("gain", self.gain, 0.0, np.inf)
        check_range("level", self.level, 0.0, 1.0, exclusive=True)
        check_range("dither", self.dither, 0.0, np.inf)
        check_kind("half_period", self.half_period, int)
        check_positive("half_period", self.half_period)
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

    def run(self, ambient: Any, offset_pm: Any = 0.0, start: Any = 0.0, noise: Any = 0.0) -> LockTrace:
        """The loop over N samples from a heater that has settled at a command.

        Args:
            ambient: rise of the ring's temperature by its surroundings at the samples in K, shape [N]; of a heater
                on a voltage, above 300 K.
            offset_pm: the resonance less where it should be in pm, before the first sample and without that rise.
            start: command to begin with, mW or V.
            noise: what is added to the power detected, shape [N] or a number.

        Raises:
            ValueError: for shapes that do not go together, or numbers outside their range.
        """
        ambient = jnp.asarray(ambient, jnp.result_type(float))
        if ambient.ndim != 1 or ambient.shape[0] < 1:
            raise ValueError(f"ambient of shape {ambient.shape} is not [N]")
        if np.shape(noise) not in ((), ambient.shape):
            raise ValueError(f"noise of shape {np.shape(noise)} is not a number or of shape {ambient.shape}")
        for name, value in (("ambient", ambient), ("offset_pm", offset_pm), ("noise", noise)):
            check_finite(name, value)
        check_range("start", start, 0.0, np.inf)
        offset, start = (jnp.asarray(each, ambient.dtype) for each in (offset_pm, start))
        noise = jnp.broadcast_to(jnp.asarray(noise, ambient.dtype), ambient.shape)
        return _run(self, ambient, offset, start, noise)

    def lock_range_pm(
        self, offsets_pm: Any, samples: int, start: Any = 0.0, tolerance_pm: Any = None
    ) -> tuple[float, float]:
        """Least and greatest offset in pm, of those around zero, from which the error is small after some samples.

        Args:
            offsets_pm: offsets to try, rising, on both sides of zero, shape [K].
            samples: samples after which the last tenth of them is looked at.
            start: as for `run`.
            tolerance_pm: what counts as small; None for a tenth of the linewidth.

        Raises:
            ValueError: for offsets that do not rise or are all on one side; nan, nan if it does not lock from the
            nearest.
        """
        offsets = np.asarray(offsets_pm, float)
        rising = offsets.ndim == 1 and offsets.size > 1 and bool(np.all(np.diff(offsets) > 0.0))
        if not rising or not offsets[0] <= 0.0 <= offsets[-1]:
            raise ValueError("offsets_pm are not rising numbers on both sides of zero, of shape [K]")
        check_positive("samples", samples)
        width = float(np.asarray(self.linewidth_pm)) / 10.0 if tolerance_pm is None else float(tolerance_pm)
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

        Raises:
            ValueError: for a dither lock.
        """
        self._check_slope()
        resistance = jnp.asarray(self.impedance.resistance, jnp.result_type(float))
        half = 0.5 * jnp.asarray(self.step, resistance.dtype) / jnp.asarray(self.impedance.time, resistance.dtype)
        quick = jnp.sum(resistance * jnp.tanh(half))
        return 2.0 / (self._slope() * self._moves(command, ambient) * quick)

    def loop_matrix(self, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """What a sample does to temperatures T_p and command about the target of a slope lock, shape [P + 1, P + 1].

        Its eigenvalues are the poles of the loop; it is stable where all are within the unit circle.
        """
        self._check_slope()
        kept, added = step_factors(self.impedance, self.step)
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
        """
        width = jnp.asarray(self.linewidth_pm, jnp.result_type(float))
        per_sample = jnp.asarray(ramp, width.dtype) * 1e-12 * jnp.asarray(self.drift_pm_k * self.step, width.dtype)
        needed = self._pull(command, ambient) * per_sample
        needed = needed / (jnp.asarray(self.gain, width.dtype) * self.response_pm(command, ambient))
        if self.method == "dither":
            swing = self.dither_swing_pm(command, ambient)
            return 2.0 * self.half_period * needed / (8.0 / width**2 * swing)
        sign = 1.0 if self.side == "red" else -1.0
        level = jnp.asarray(self.level, width.dtype) - sign * needed
        inside = (level > 0.0) & (level < 1.0)
        held = sign * 0.5 * width * jnp.sqrt(1.0 / jnp.where(inside, level, 0.5) - 1.0) - self.target_pm
        return jnp.where(inside, held, jnp.nan)

    def dither_swing_pm(self, command: Any = 0.0, ambient: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """What a dither moves the resonance by, as its detector sees it: mean of e_n s_n-1 in pm.

        Of each part of the impedance 1 - (2 / m) E (1 - E^m) / ((1 - E) (1 + E^m)) is left, m being `half_period`.
        """
        kept, added = step_factors(self.impedance, self.step)
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
        command, ambient = (jnp.asarray(each, jnp.result_type(float)) for each in (command, ambient))
        heater = self.heater
        if heater is None:
            return jnp.ones_like(command), jnp.zeros_like(command)
        return jax.grad(heater.power_at_voltage, argnums=(0, 1))(command, ambient)

    def _check_slope(self) -> None:
        if self.method != "slope":
            raise ValueError('method = "dither" has no gain limit in closed form; a slope lock has')

    def _power(self, command: jax.Array, ambient: jax.Array) -> jax.Array:
        """Power of the heater in mW."""
        if self.heater is None:
            return command
        return self.heater.power_at_voltage(command, REFERENCE_TEMPERATURE + ambient)


@eqx.filter_jit
def _run(lock: WavelengthLock, ambient: jax.Array, offset: jax.Array, start: jax.Array, noise: jax.Array) -> LockTrace:
    dtype = ambient.dtype
    kept, added = (each.astype(dtype) for each in step_factors(lock.impedance, lock.step))
    drift, gain, level, dither, top = (
        jnp.asarray(each, dtype) for each in (lock.drift_pm_k, lock.gain, lock.level, lock.dither, lock.max_command)
    )
    target, period = lock.target_pm.astype(dtype), 2 * lock.half_period
    settled = jnp.asarray(lock.impedance.resistance, dtype) * lock._power(start, jnp.zeros((), dtype))
    turn = gain if lock.side == "red" else -gain

    def sample(state: Any, at: Any) -> tuple[Any, LockTrace]:
        parts, held, summed = state
        number, ambient, noise = at
        moved = drift * (ambient + jnp.sum(parts - settled))
        seen = lock.detected(target + offset + moved) + noise
        if lock.method == "slope":
            held = jnp.clip(held + turn * (seen - level), 0.0, top)
            command = held
        else:
            # What was sent a sample ago is what moved the ring since.
            summed = summed + seen * _square(number - 1, lock.half_period, dtype)
            ends = number % period == period - 1
            held = jnp.where(ends, jnp.clip(held + gain * summed / period, 0.0, top), held)
            summed = jnp.where(ends, 0.0, summed)
            command = jnp.clip(held + dither * _square(number, lock.half_period, dtype), 0.0, top)
        power = lock._power(command, ambient)
        return (kept * parts + added * power, held, summed), LockTrace(offset + moved, seen, command, power)

    numbers = jnp.arange(ambient.shape[0])
    return jax.lax.scan(sample, (settled, start, jnp.zeros((), dtype)), (numbers, ambient, noise))[1]


def _square(number: jax.Array, half: int, dtype: Any) -> jax.Array:
    """The square wave of the dither at a sample, 1 or -1; the period ends with the sample that is summed last."""
    return jnp.where((number % (2 * half)) < half, 1.0, -1.0).astype(dtype)
