"""A length of waveguide."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.index import IndexModel
from photonics_core.kernels.checks import check_kind, check_range
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.strip_map import strip_index
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT


class Waveguide(Shown):
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

    @classmethod
    def strip(cls, length: Any, width: Any = 0.5, height: Any = 0.22, *media: Any, **options: Any) -> "Waveguide":
        """A strip waveguide of a solved mode.

        Args:
            length: length in um.
            width, height: dimensions in um; intervals make the index a function of them.
            media: core and cladding, silicon and silica by default.
            options: further arguments of `strip_index`, such as `wl`, `temperature`, `polarization` and `cache`.

        Raises:
            ValueError: as `strip_index` does.
        """
        return cls(length, strip_index(width, height, *media, **options))

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
