"""A length of waveguide."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.index import IndexModel
from photonics_core.kernels.checks import check_kind, check_range
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT


class Waveguide(eqx.Module):
    """A waveguide of one mode: a phase and a loss. Ports: `in`, `out`.

    Args:
        length: length in um, at least 0.
        index: index model of the mode.

    Raises:
        ValueError: if the length is negative or not finite.
    """

    length: Any = eqx.field(converter=as_leaf)
    index: IndexModel

    def __check_init__(self) -> None:
        check_kind("index", self.index, IndexModel)
        check_range("length", self.length, 0.0, np.inf, "um")

    def transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, anchor: Any = None) -> jax.Array:
        """Complex amplitude out / in at wavelength `wl` in um and `temperature` in K."""
        phase = 2.0 * jnp.pi * self.index.turns(self.length, wl, temperature, anchor)
        amplitude = jnp.exp(-0.5 * self.index.attenuation(wl, temperature) * self.length)
        amplitude = amplitude.astype(phase.dtype)
        return jax.lax.complex(amplitude * jnp.cos(phase), amplitude * jnp.sin(phase))

    def delay(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Group delay in ps."""
        return self.index.group_index(wl, temperature) * self.length / SPEED_OF_LIGHT

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K, ports in, out."""
        pairs = {("in", "out"): self.transmission(wl, temperature)}
        return SMatrix.from_pairs(("in", "out"), pairs, wl, reciprocal=True)
