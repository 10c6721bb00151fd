"""What a `devices.lock.WavelengthLock` does sample by sample, and where its loop begins to swing."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from photonics_core.kernels.checks import check_range, is_concrete
from photonics_core.thermal_impedance import FosterNetwork
from photonics_core.units import REFERENCE_TEMPERATURE


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
        """Root mean square of the error in pm, without the first `skip` samples; its derivative at no error is 0.

        Raises:
            ValueError: if no sample is left.
        """
        check_range("skip", skip, 0, self.error_pm.shape[-1] - 1)
        square = jnp.mean(self.error_pm[..., skip:] ** 2, axis=-1)
        return jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)


@eqx.filter_jit
def follow(lock: Any, rise: jax.Array, offset: jax.Array, start: jax.Array, noise: jax.Array) -> LockTrace:
    """A `WavelengthLock` over the samples of arrays that `WavelengthLock.run` has checked."""
    dtype = rise.dtype
    kept, added = (each.astype(dtype) for each in lock.impedance.step_factors(lock.step))
    drift, gain, level, dither, top = (
        jnp.asarray(each, dtype) for each in (lock.drift_pm_k, lock.gain, lock.level, lock.dither, lock.max_command)
    )
    target, period = lock.target_pm.astype(dtype), 2 * lock.half_period
    power_of = _power_of(lock)
    settled = jnp.asarray(lock.impedance.resistance, dtype) * power_of(start, jnp.zeros((), dtype))
    turn = gain if lock.side == "red" else -gain

    def sample(state: Any, at: Any) -> tuple[Any, LockTrace]:
        parts, held, summed = state
        number, rise, noise = at
        moved = drift * (rise + jnp.sum(parts - settled))
        seen = lock.detected(target + offset + moved) + noise
        if lock.method == "slope":
            held = jnp.clip(held + turn * (seen - level), 0.0, top)
            command = held
        else:
            # What was sent a sample ago is what moved the ring since.
            summed = summed + seen * _square_wave(number - 1, lock.half_period, dtype)
            ends = number % period == period - 1
            held = jnp.where(ends, jnp.clip(held + gain * summed / period, 0.0, top), held)
            summed = jnp.where(ends, 0.0, summed)
            command = jnp.clip(held + dither * _square_wave(number, lock.half_period, dtype), 0.0, top)
        power = power_of(command, rise)
        return (kept * parts + added * power, held, summed), LockTrace(offset + moved, seen, command, power)

    numbers = jnp.arange(rise.shape[0])
    return jax.lax.scan(sample, (settled, start, jnp.zeros((), dtype)), (numbers, rise, noise))[1]


def _square_wave(number: jax.Array, half: int, dtype: Any) -> jax.Array:
    """The square wave of the dither at a sample, 1 or -1; the period ends with the sample that is summed last."""
    return jnp.where((number % (2 * half)) < half, 1.0, -1.0).astype(dtype)


def _power_of(lock: Any) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Power of the heater in mW for a command and a rise of its surroundings in K."""
    if lock.heater is None:
        return lambda command, rise: command
    return lambda command, rise: lock.heater.power_at_voltage(command, REFERENCE_TEMPERATURE + rise)


def searched_limit(impedance: FosterNetwork, step: Any) -> float:
    """Gain of a loop of slopes 1 at which its first poles are on the unit circle, by plain numbers.

    With G(z) = z / (z - 1) sum (1 - E) R / (z - E) the poles are where K G = -1: G is followed along the circle.
    """
    if not is_concrete(impedance.resistance, impedance.time, step):
        raise ValueError("gain_limit of a TransferImpedance is searched for with plain numbers; these are traced")
    resistance, own = (np.asarray(each, float) for each in (impedance.resistance, impedance.time))
    left = np.exp(-float(step) / own)

    def loop(angle: Any) -> np.ndarray:
        z = np.exp(1j * np.asarray(angle))[..., None]
        return np.sum((1.0 - left) * resistance / (z - left), axis=-1) * z[..., 0] / (z[..., 0] - 1.0)

    slowest = min(1e-2 * float(step) / float(np.max(own)), 1e-2)
    angles = np.concatenate([np.geomspace(slowest, 0.1, 2000), np.linspace(0.1, math.pi, 2000)[1:-1]])
    turned = np.imag(loop(angles))
    at = np.flatnonzero(turned[1:] * turned[:-1] < 0.0)
    crossings = [brentq(lambda angle: float(np.imag(loop(angle))), angles[k], angles[k + 1], xtol=1e-14) for k in at]
    real = np.real(loop(np.array([*crossings, math.pi])))
    return float(np.min(np.where(real < 0.0, -1.0 / np.where(real < 0.0, real, -1.0), np.inf)))
