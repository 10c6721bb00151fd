"""Rings in a row, each coupled to the next, between two guides: higher-order filters and coupled-resonator guides."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.batch import batch_size, stack
from photonics_core.devices.coupler import Coupler
from photonics_core.display import Shown
from photonics_core.index import IndexModel
from photonics_core.kernels import rings
from photonics_core.kernels.checks import check_positive
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE


class CoupledRings(Shown):
    """N rings in a row between two guides. Ports: `in`, `through`, `add`, `drop`.

    With an odd number of rings light leaves the drop guide against the direction of the input, with an even number
    along it; the names of the ports follow the light.

    Args:
        radii: radii in um, shape [N].
        couplers: the N + 1 couplers from the input guide to the drop guide: a sequence of one kind, or a batch.
        index: index model of all rings.

    Raises:
        ValueError: if the radii are not positive, or the couplers are not one more than the rings.
    """

    radii: Any = eqx.field(converter=as_leaf)
    couplers: Coupler
    index: IndexModel

    def __init__(self, radii: Any, couplers: Coupler | Sequence[Coupler], index: IndexModel):
        self.radii = as_leaf(radii)
        self.couplers = couplers if isinstance(couplers, Coupler) else stack(couplers, "couplers")
        self.index = index

    def __check_init__(self) -> None:
        check_positive("radii", self.radii, "um")
        if np.ndim(self.radii) != 1:
            raise ValueError(f"radii of shape {np.shape(self.radii)} is not one axis of radii")
        count = batch_size(self.couplers)
        if count != len(self.radii) + 1:
            raise ValueError(f"couplers = {count} is not one more than the {len(self.radii)} rings")

    def _preview(self) -> Callable[[Any], None] | None:
        wl = getattr(self.index, "wl0", None)
        if wl is None or np.ndim(self.radii) != 1:
            return None
        fsr = wl**2 / float(self.index.group_index(wl) * 2.0 * math.pi * np.mean(self.radii))
        near = wl + 0.6 * fsr * np.linspace(-1.0, 1.0, 1501)
        return jax.jit(lambda rings: rings.scattering(near))(self).draw

    def amplitudes(
        self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None
    ) -> rings.AddDropAmplitudes:
        """Complex amplitudes through / in, drop / in and drop / add.

        Args:
            wl: wavelength in um, shape [M] or a number.
            temperature: temperature in K, a number or one for each ring, shape [N].
            extra_path: optical path in um that heaters add to each round trip, shape [N].
        """
        half = math.pi * self.radii
        anchors = self.index.anchor(half)
        temperatures = jnp.broadcast_to(jnp.asarray(temperature), anchors.shape)
        extra = jnp.broadcast_to(jnp.asarray(0.0 if extra_path is None else extra_path), anchors.shape)
        turns = jax.vmap(lambda *ring: self._half_turns(wl, *ring))(half, temperatures, extra, anchors)
        losses = jax.vmap(lambda length, t: self.index.attenuation(wl, t) * length)(half, temperatures)
        angles = jax.vmap(lambda coupler: coupler.coupling_angle(wl))(self.couplers)
        coupler_losses = jax.vmap(lambda coupler: coupler.loss_exponent())(self.couplers)
        return rings.coupled_rings(*(x.astype(turns.dtype) for x in (angles, coupler_losses, losses)), turns)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> SMatrix:
        """Scattering matrix over `wl`; arguments as for `amplitudes`."""
        amplitudes = self.amplitudes(wl, temperature, extra_path)
        return SMatrix.from_pairs(("in", "through", "add", "drop"), amplitudes.pairs(), wl, reciprocal=True)

    def _half_turns(self, wl: Any, half: Any, temperature: Any, extra_path: Any, anchor: Any) -> jax.Array:
        return self.index.turns(half, wl, temperature, anchor) + 0.5 * extra_path / wl
