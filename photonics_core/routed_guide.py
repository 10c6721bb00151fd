"""A guide of a length and a loss that a layout gives: the model of routes."""

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
from photonics_core.units import DB_PER_NEPER, REFERENCE_TEMPERATURE


class RoutedGuide(Shown):
    """A guide of one mode with a loss beside that of its index model. Ports: `in`, `out`.

    Args:
        index: index model of the mode.
        length: length in um, at least 0.
        loss_db: loss in dB of its bends, at least 0.

    Raises:
        ValueError: for a value outside its range.
    """

    index: IndexModel
    length: Any = eqx.field(converter=as_leaf, default=0.0)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("index", self.index, IndexModel)
        check_range("length", self.length, 0.0, np.inf, "um")
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")

    def transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Complex amplitude out / in at wavelength `wl` in um and `temperature` in K."""
        turns = self.index.turns(self.length, wl, temperature)
        lost = self.index.attenuation(wl, temperature) * self.length + self.loss_db / DB_PER_NEPER
        amplitude = jnp.exp(-0.5 * lost).astype(turns.dtype)
        phase = 2.0 * jnp.pi * turns
        return jax.lax.complex(amplitude * jnp.cos(phase), amplitude * jnp.sin(phase))

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K, ports in, out."""
        return SMatrix.from_pairs(
            ("in", "out"), {("in", "out"): self.transmission(wl, temperature)}, wl, reciprocal=True
        )
