"""The point at rest of a VCSEL: carriers and temperature together, with derivatives of any order.

The balance of all particles gives the photons without the gain, S = Gamma t_p (eta_i I / (q V) - R + beta B N^2): two
equations in N and T are left. Roots are found between bounds, T by halving and N within it, and polished by Newton's
method for both. Derivatives are those of implicit functions, one linear system of two rows; it is regular at threshold
and without a current.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

#: Halvings of the interval of the temperature; safeguarded steps for the carriers; steps of Newton's method for both.
_HALVINGS, _STEPS, _POLISH = 26, 40, 3


def as_type(vcsel: Any, dtype: Any) -> Any:
    """The device with all its numbers on the device in one precision."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), vcsel)


def points_at_rest(vcsel: Any, current: jax.Array, ambient: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`at_rest` for one axis of any length, filled up to few lengths so that it is seldom compiled; mA and K."""
    count = current.shape[0]
    full = max(16, 1 << (count - 1).bit_length())
    filled = (jnp.concatenate([each, jnp.broadcast_to(each[:1], full - count)]) for each in (current, ambient))
    carriers, inside = at_rest(vcsel, next(filled), next(filled))
    return carriers[:count], inside[:count]


@jax.custom_jvp
def at_rest(vcsel: Any, current: jax.Array, ambient: jax.Array) -> tuple[jax.Array, jax.Array]:
    """N in 1/um^3 and T in K at rest.

    Args:
        vcsel: the device, its leaves arrays of the precision of the others.
        current: in mA, shape [K].
        ambient: temperature in K, shape [K].
    """
    return _solved(vcsel, current, ambient)


@at_rest.defjvp
def _at_rest_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    found = at_rest(*primals)
    return found, _moved(primals, tangents, found)


@jax.jit
def _moved(primals: Any, tangents: Any, found: Any) -> tuple[jax.Array, jax.Array]:
    """How N and T move with all else."""
    n, t = found
    by_all = jax.jvp(lambda vcsel, current, ambient: _balance(vcsel, current, ambient, n, t), primals, tangents)[1]
    vcsel, current, ambient = primals
    return _newton(vcsel, current, ambient, found, by_all)


def _newton(vcsel: Any, current: Any, ambient: Any, at: Any, excess: Any) -> tuple[Any, Any]:
    """What takes an excess of carriers and of temperature away, to first order."""
    n, t = at
    f_n, g_n = jax.jvp(lambda n: _balance(vcsel, current, ambient, n, t), (n,), (jnp.ones_like(n),))[1]
    f_t, g_t = jax.jvp(lambda t: _balance(vcsel, current, ambient, n, t), (t,), (jnp.ones_like(t),))[1]
    f, g = excess
    det = f_n * g_t - f_t * g_n
    return -(f * g_t - f_t * g) / det, -(f_n * g - f * g_n) / det


def photons_at_rest(vcsel: Any, carriers: Any, temperature: Any, current: Any) -> Any:
    """S in 1/um^3 at rest from the balance of all particles, whatever the gain, at a current in mA."""
    seed = vcsel.beta * vcsel.spontaneous(carriers)
    kept = vcsel.pump(current) - vcsel.losses(carriers, temperature) + seed
    return vcsel.confinement * vcsel.photon_lifetime * kept


def excess_at_rest(vcsel: Any, carriers: Any, temperature: Any, current: Any) -> Any:
    """What the carriers lose over what they get in 1/(um^3 ps), at a current in mA; zero at rest, below for too few."""
    photons = photons_at_rest(vcsel, carriers, temperature, current)
    stimulated = vcsel.group_velocity * vcsel.material_gain(carriers, photons, temperature) * photons
    return stimulated - (vcsel.pump(current) - vcsel.losses(carriers, temperature))


def _balance(vcsel: Any, current: Any, ambient: Any, n: Any, t: Any) -> tuple[Any, Any]:
    """What carriers lose over what they get, and what the device is too warm by."""
    light = vcsel.emitted(photons_at_rest(vcsel, n, t, current))
    heat = vcsel.thermal_resistance * (current * vcsel.voltage(current) - light)
    return excess_at_rest(vcsel, n, t, current), t - ambient - heat


@jax.jit
def _solved(vcsel: Any, current: jax.Array, ambient: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.vmap(_solved_one, in_axes=(None, 0, 0))(vcsel, current, ambient)


def _solved_one(vcsel: Any, current: jax.Array, ambient: jax.Array) -> tuple[jax.Array, jax.Array]:
    def halve(state: Any, _: Any) -> tuple[Any, None]:
        low, high, _ = state
        middle = 0.5 * (low + high)
        carriers = _carriers(vcsel, middle, current)
        too_warm = _balance(vcsel, current, ambient, carriers, middle)[1] > 0.0
        return (jnp.where(too_warm, low, middle), jnp.where(too_warm, middle, high), carriers), None

    most = ambient + vcsel.thermal_resistance * current * vcsel.voltage(current)
    low, high, carriers = lax.scan(halve, (ambient, most, jnp.zeros_like(most)), length=_HALVINGS)[0]

    def closer(at: Any, _: Any) -> tuple[Any, None]:
        change = _newton(vcsel, current, ambient, at, _balance(vcsel, current, ambient, at[0], at[1]))
        return (at[0] + change[0], at[1] + change[1]), None

    return lax.scan(closer, (carriers, 0.5 * (low + high)), length=_POLISH)[0]


def _carriers(vcsel: Any, temperature: Any, current: Any) -> Any:
    """N at rest at a temperature: Newton's method, halving where it leaves the bounds."""
    first, second, _ = vcsel.recombination
    pump, second = vcsel.pump(current), second * (1.0 - vcsel.beta)
    high = 2.0 * pump / (first + jnp.sqrt(first**2 + 4.0 * second * pump) + 1e-30)

    def fewer(n: Any, _: Any) -> tuple[Any, None]:
        # Newton's method from above for no photons at all; the function is convex, so it stays above.
        value, slope = jax.jvp(lambda n: photons_at_rest(vcsel, n, temperature, current), (n,), (jnp.ones_like(n),))
        return jnp.maximum(n - value / jnp.where(slope == 0.0, -1.0, slope), 0.0), None

    high = lax.scan(fewer, high, length=8)[0]

    def closer(state: Any, _: Any) -> tuple[Any, None]:
        low, high, n = state
        value, slope = jax.jvp(lambda n: excess_at_rest(vcsel, n, temperature, current), (n,), (jnp.ones_like(n),))
        low, high = jnp.where(value < 0.0, n, low), jnp.where(value < 0.0, high, n)
        step = n - value / jnp.where(slope == 0.0, 1.0, slope)
        inside = (step > low) & (step < high) & (slope > 0.0)
        return (low, high, jnp.where(inside, step, 0.5 * (low + high))), None

    return lax.scan(closer, (jnp.zeros_like(high), high, 0.9 * high), length=_STEPS)[0][2]
