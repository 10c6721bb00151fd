"""What two levels of light are worth: modulation amplitude, extinction, insertion loss, transmitter penalty."""

import jax
import jax.numpy as jnp

from photonics_core.display import Shown


class StaticModulation(Shown):
    """Power through / in at two voltages, and what it is worth.

    Args:
        first, second: power through / in at the two voltages.
    """

    first: jax.Array
    second: jax.Array

    @property
    def amplitude(self) -> jax.Array:
        """Optical modulation amplitude over the power in."""
        return jnp.abs(self.second - self.first)

    @property
    def extinction_db(self) -> jax.Array:
        """Ratio of the higher power to the lower one in dB."""
        high, low = jnp.maximum(self.first, self.second), jnp.minimum(self.first, self.second)
        return 10.0 * jnp.log10(high / low)

    @property
    def insertion_loss_db(self) -> jax.Array:
        """What the higher power lacks of the power in, in dB."""
        return -10.0 * jnp.log10(jnp.maximum(self.first, self.second))

    @property
    def penalty_db(self) -> jax.Array:
        """Transmitter penalty -10 lg(amplitude / 2) in dB, 3.01 for a modulator that passes all or nothing.

        Infinite, with no derivative, where both voltages pass the same.
        """
        nothing = self.amplitude == 0.0
        return jnp.where(nothing, jnp.inf, -10.0 * jnp.log10(0.5 * jnp.where(nothing, 1.0, self.amplitude)))
