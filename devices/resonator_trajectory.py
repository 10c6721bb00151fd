"""What a nonlinear resonator holds at one time, and over time."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.display import Shown


class ResonatorState(NamedTuple):
    """What a resonator holds.

    Args:
        amplitude: a in sqrt(fJ), complex.
        carriers: pairs in um^-3.
        heat: parts of the temperature rise in K, shape [..., P].
    """

    amplitude: Any
    carriers: Any
    heat: Any


class ResonatorTrajectory(Shown):
    """A resonator over time.

    Args:
        through: amplitude through in sqrt(mW), shape [K].
        amplitude: a in sqrt(fJ), shape [K].
        carriers: pairs in um^-3, shape [K].
        heat: parts of the temperature rise in K, shape [K, P].
    """

    through: jax.Array
    amplitude: jax.Array
    carriers: jax.Array
    heat: jax.Array

    @property
    def power(self) -> jax.Array:
        """Power through in mW, shape [K]."""
        return self.through.real**2 + self.through.imag**2

    @property
    def energy(self) -> jax.Array:
        """Stored energy in fJ, shape [K]."""
        return self.amplitude.real**2 + self.amplitude.imag**2

    @property
    def temperature(self) -> jax.Array:
        """Temperature rise in K, shape [K]."""
        return jnp.sum(self.heat, axis=-1)

    @property
    def last(self) -> ResonatorState:
        """What it holds at the end, to go on from."""
        return ResonatorState(self.amplitude[-1], self.carriers[-1], self.heat[-1])


def flat_state(state: ResonatorState) -> jax.Array:
    """Re a, Im a, N, T_1 ... T_P as real numbers of one shape, [3 + P]."""
    amplitude, carriers, heat = state
    return jnp.concatenate([jnp.stack([amplitude.real, amplitude.imag, carriers]), heat])


def state_of(flat: jax.Array) -> ResonatorState:
    """The state of `flat_state`."""
    return ResonatorState(lax.complex(flat[0], flat[1]), flat[2], flat[3:])
