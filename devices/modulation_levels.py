"""Levels of ring modulators: the drives that space powers evenly, and what each ring passes of each line then."""

from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.kernels.checks import check_choice
from photonics_core.scattering import power
from photonics_core.units import REFERENCE_TEMPERATURE

#: Bisections of the drive of a level; two steps of Newton's method follow, which square the error.
_BISECTIONS = 26


def level_drives(
    transmitter: RingTransmitter, temperature: Any = REFERENCE_TEMPERATURE, *, levels: int = 2
) -> jax.Array:
    """Drive of each ring at each level, 0 for state "0" and 1 for state "1", shape [N, levels].

    The drives of the inner levels give powers of the own line that are equally spaced. They are found by bisection, and
    their derivatives are those of the implicit function. Between the states the power has to grow with the drive, as
    it does on the flank of a resonance that is held above its line.

    Raises:
        ValueError: if the levels are neither 2 nor 4.
    """
    check_choice("levels", levels, [2, 4])
    low, high = (_own_power(transmitter, temperature, jnp.full((transmitter.bus.count,), end)) for end in (0.0, 1.0))
    shares = [m / (levels - 1) for m in range(1, levels - 1)]
    inner = [_drive_of(transmitter, temperature, low + (high - low) * share, share) for share in shares]
    return jnp.stack([jnp.zeros_like(low), *inner, jnp.ones_like(low)], axis=-1)


def ring_transmissions(
    transmitter: RingTransmitter, temperature: Any = REFERENCE_TEMPERATURE, *, levels: int = 2
) -> jax.Array:
    """Power that each ring passes of each line in each of its states, shape [levels, N, N]: state, ring, line.

    Raises:
        ValueError: if the levels are neither 2 nor 4.
    """
    drives = level_drives(transmitter, temperature, levels=levels)

    def passed(driven: jax.Array) -> jax.Array:
        path = transmitter.extra_path(temperature, driven)
        return power(transmitter.bus.ring_amplitudes(transmitter.lines, temperature, path).through)

    return jax.vmap(passed)(drives.T)


def _own_power(transmitter: RingTransmitter, temperature: Any, driven: jax.Array) -> jax.Array:
    """Power that each ring passes of its own line at its own drive, shape [N]."""
    rings = transmitter.bus.rings
    path = transmitter.extra_path(temperature, driven)

    def one(ring: Any, line: Any, extra: Any, anchor: Any) -> jax.Array:
        return power(ring.amplitudes(line, temperature, extra, anchor).through)

    return jax.vmap(one)(rings, jnp.asarray(transmitter.lines), path, rings.anchor())


def _drive_of(transmitter: RingTransmitter, temperature: Any, wanted: jax.Array, share: float) -> jax.Array:
    """Drive between 0 and 1 at which each ring passes the wanted power of its own line, shape [N]."""

    def miss(driven: jax.Array) -> jax.Array:
        return _own_power(transmitter, temperature, driven) - wanted

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        is_low = miss(middle) < 0.0
        return jnp.where(is_low, middle, low), jnp.where(is_low, high, middle)

    def newton(driven: jax.Array) -> jax.Array:
        value, slope = jax.jvp(miss, (driven,), (jnp.ones_like(driven),))
        # Without a shift no drive does anything: its share is the limit of a small one.
        return jnp.where(slope == 0.0, share, driven - value / jnp.where(slope == 0.0, 1.0, slope))

    ends = jnp.zeros_like(wanted), jnp.ones_like(wanted)
    low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, ends)
    found = jax.lax.stop_gradient(0.5 * (low + high))
    # At the root a step moves nothing, but it carries the derivative: each adds one order.
    return newton(newton(found))
