"""Times and frequencies of a thermal impedance.

A level of the step response is passed once, as all parts rise; the frequency at which |Z|
has fallen by 3 dB is found once too, as |Z(f)| of a Foster network falls all the way.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_kind, check_positive, check_range, is_concrete
from photonics_core.thermal_impedance import ThermalImpedance

#: Halvings of the interval in which a time or a frequency lies, in its logarithm.
HALVINGS = 70


def _parts(impedance: ThermalImpedance) -> tuple[jax.Array, jax.Array]:
    """Resistances and times, once it is known that there is a response at all."""
    check_kind("impedance", impedance, ThermalImpedance)
    resistance, own = (jnp.asarray(each, jnp.result_type(float)) for each in (impedance.resistance, impedance.time))
    if is_concrete(resistance):
        check_positive("sum of the resistances", np.sum(np.asarray(resistance)), "K/mW")
    return resistance, own


def crossing_time(impedance: ThermalImpedance, level: Any) -> jax.Array:
    """Time in ps after which the step response has come to a `level`, within (0, 1), of its end."""
    resistance, own = _parts(impedance)
    check_range("level", level, 0.0, 1.0, exclusive=True)
    level = jnp.asarray(level, own.dtype)

    def left(logarithm: jax.Array, resistance: jax.Array, own: jax.Array, level: jax.Array) -> jax.Array:
        part = resistance / jnp.sum(resistance)
        return (1.0 - level) - jnp.sum(part * jnp.exp(-jnp.exp(logarithm) / own))

    # The slowest part alone is last, the quickest alone first.
    first = jnp.log(-jnp.log1p(-level))
    bounds = first + jnp.log(jnp.min(own)), first + jnp.log(jnp.max(own))
    return jnp.exp(_halved(left, bounds, resistance, own, level))


def rise_time(impedance: ThermalImpedance, low: Any = 0.1, high: Any = 0.9) -> jax.Array:
    """Time in ps from one level of the step response to another, 10 to 90 %; of one part 2.197 times its time."""
    return crossing_time(impedance, high) - crossing_time(impedance, low)


def thermal_bandwidth(impedance: ThermalImpedance) -> jax.Array:
    """Frequency in THz (kHz are 1e-9) at which |Z|^2 is half of its value at rest; of one part 1 / (2 pi time)."""
    resistance, own = _parts(impedance)

    def fallen(logarithm: jax.Array, resistance: jax.Array, own: jax.Array) -> jax.Array:
        part, turn = resistance / jnp.sum(resistance), jnp.exp(logarithm) * own
        real, imaginary = jnp.sum(part / (1.0 + turn**2)), jnp.sum(part * turn / (1.0 + turn**2))
        return 0.5 - (real**2 + imaginary**2)

    bounds = -jnp.log(jnp.max(own)) - 1e-3, -jnp.log(jnp.min(own)) + 1e-3
    return jnp.exp(_halved(fallen, bounds, resistance, own)) / (2.0 * math.pi)


def _halved(function: Any, bounds: Any, *parameters: Any) -> jax.Array:
    """Root of a rising function by halving, with one step of Newton's method, which has the derivatives too."""
    fixed = tuple(jax.lax.stop_gradient(each) for each in parameters)
    low, high = (jax.lax.stop_gradient(each) for each in bounds)

    def half(_: Any, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        middle = 0.5 * (ends[0] + ends[1])
        over = function(middle, *fixed) > 0.0
        return jnp.where(over, ends[0], middle), jnp.where(over, middle, ends[1])

    low, high = jax.lax.fori_loop(0, HALVINGS, half, (low, high))
    root = jax.lax.stop_gradient(0.5 * (low + high))
    slope = jax.lax.stop_gradient(jax.grad(function)(root, *fixed))
    return root - function(root, *parameters) / slope
