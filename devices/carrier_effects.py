"""What free carriers of one density do to a resonance: the loss they add and the shift they make.

Carriers made by two-photon absorption are pairs: as many electrons as holes, N in um^-3 (1 um^-3 is 1e12 cm^-3). They
take from the energy at the rate gamma_c(N) in 1/ps and move the resonance by s_c(N) in THz, to the blue.

A guided mode of group velocity c / n_g with the share G of its energy in silicon of index n loses G alpha c / n, with
alpha the absorption of silicon; the same share moves its frequency nu by -G nu dn / n. Papers that write alpha c / n_g
with the confinement of the amplitude mean the same thing with another G.
"""

from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.carriers import MODELS, WL_RANGE, carrier_absorption_cm, carrier_index_change
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range
from photonics_core.runtime import as_leaf
from photonics_core.units import SPEED_OF_LIGHT

#: Index of silicon at 1.55 um.
SILICON_INDEX = 3.476
#: Pairs in cm^-3 to 1 um^-3.
PER_UM3 = 1e12


class CarrierEffects(Protocol):
    """Loss and shift by carriers of a density in um^-3."""

    def loss_rate(self, density: jax.Array) -> jax.Array:
        """Rate in 1/ps at which energy is absorbed."""
        ...

    def shift(self, density: jax.Array) -> jax.Array:
        """Change of the resonant frequency in THz."""
        ...


class LinearCarriers(Shown):
    """Loss and shift in proportion to the density, as most papers have them.

    Args:
        loss: rate of energy per density in um^3/ps; for silicon some 1e-7.
        shift_slope: change of the resonant frequency per density in um^3 THz; for silicon some 1e-7.

    Raises:
        ValueError: for a loss below zero, or a shift that is not finite.
    """

    loss: Any = eqx.field(converter=as_leaf, default=0.0)
    shift_slope: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_range("loss", self.loss, 0.0, np.inf, "um^3/ps")
        check_finite("shift_slope", self.shift_slope, "um^3 THz")

    def loss_rate(self, density: jax.Array) -> jax.Array:
        """Rate in 1/ps."""
        return jnp.asarray(self.loss, density.dtype) * density

    def shift(self, density: jax.Array) -> jax.Array:
        """Change of the resonant frequency in THz."""
        return jnp.asarray(self.shift_slope, density.dtype) * density


class SiliconCarriers(Shown):
    """The measured power laws of silicon, see `carrier_index_change`; holes shift with a power below one.

    The laws are fits from some 3e17 cm^-3 on; what two-photon absorption makes is often ten times less, so that this is
    an extrapolation, while the linear form is one of another kind.

    Args:
        wl: free-space wavelength in um.
        confinement: share of the mode's energy in silicon.
        silicon_index: index of silicon.
        model: "nedeljkovic" or "soref_bennett".

    Raises:
        ValueError: for a wavelength outside [1.26, 1.625] um, a confinement outside [0, 1], or another model.
    """

    wl: Any = eqx.field(converter=as_leaf)
    confinement: Any = eqx.field(converter=as_leaf, default=1.0)
    silicon_index: Any = eqx.field(converter=as_leaf, default=SILICON_INDEX)
    model: str = eqx.field(static=True, default="nedeljkovic")

    def __check_init__(self) -> None:
        check_range("wl", self.wl, *WL_RANGE, "um")
        check_range("confinement", self.confinement, 0.0, 1.0)
        check_positive("silicon_index", self.silicon_index)
        check_choice("model", self.model, MODELS)

    def loss_rate(self, density: jax.Array) -> jax.Array:
        """Rate in 1/ps."""
        pairs, wl, share = self._parts(density)
        return share * SPEED_OF_LIGHT * 1e-4 * carrier_absorption_cm(pairs, pairs, wl, self.model)

    def shift(self, density: jax.Array) -> jax.Array:
        """Change of the resonant frequency in THz."""
        pairs, wl, share = self._parts(density)
        return -share * SPEED_OF_LIGHT / wl * carrier_index_change(pairs, pairs, wl, self.model)

    def _parts(self, density: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Density in cm^-3, wavelength, and confinement over index, of one shape."""
        # Between the stages of an integrator a density may be below zero by an error of rounding.
        wl, share, index = (
            jnp.asarray(each, density.dtype) for each in (self.wl, self.confinement, self.silicon_index)
        )
        pairs, wl, share = jnp.broadcast_arrays(PER_UM3 * jnp.where(density >= 0.0, density, 0.0), wl, share / index)
        return pairs, wl, share
