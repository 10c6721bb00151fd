"""Higher-order filters along one bus: each drop is a row of coupled rings."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from photonics_core import resonance
from photonics_core.devices.batch import batch_size, stack
from photonics_core.devices.coupled_rings import CoupledRings
from photonics_core.devices.waveguide import Waveguide
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_kind
from photonics_core.kernels.rings import AddDropAmplitudes
from photonics_core.units import REFERENCE_TEMPERATURE


class CoupledRingBus(Shown):
    """N filters of K coupled rings along one bus, each with a drop guide of its own.

    Light passes filter 1 first. The axes of arrays by ring are [N, K], filter and ring.

    Args:
        filters: the filters, a sequence or a batch with leading axis [N].
        guide: the bus between one filter and the next.

    Raises:
        ValueError: if there is no filter, or the filters differ in structure.
    """

    filters: CoupledRings
    guide: Waveguide

    def __init__(self, filters: CoupledRings | Sequence[CoupledRings], guide: Waveguide):
        self.filters = filters if isinstance(filters, CoupledRings) else stack(filters, "filters")
        self.guide = guide
        check_kind("guide", guide, Waveguide)
        batch_size(self.filters)

    @property
    def count(self) -> int:
        """Number of filters."""
        return batch_size(self.filters)

    def ring_amplitudes(
        self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None
    ) -> AddDropAmplitudes:
        """Complex amplitudes of each filter by itself, shape [N, ...].

        Args:
            wl: wavelength in um, shape [M] or a number.
            temperature: temperature in K.
            extra_path: optical path in um that heaters add to each round trip, shape [N, K].
        """
        if extra_path is None:
            return jax.vmap(lambda each: each.amplitudes(wl, temperature))(self.filters)
        return jax.vmap(lambda each, path: each.amplitudes(wl, temperature, path))(self.filters, extra_path)

    def through(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> jax.Array:
        """Complex amplitude through / in, shape of `wl`; arguments as for `ring_amplitudes`."""
        passed = jnp.prod(self.ring_amplitudes(wl, temperature, extra_path).through, axis=0)
        return passed * self.guide.transmission(wl, temperature) ** (self.count - 1)

    def drops(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> jax.Array:
        """Complex amplitudes drop / in, shape [N, ...]; arguments as for `ring_amplitudes`."""
        filters = self.ring_amplitudes(wl, temperature, extra_path)
        arriving = jnp.cumprod(filters.through * self.guide.transmission(wl, temperature)[None], axis=0)
        return filters.drop * jnp.concatenate([jnp.ones_like(arriving[:1]), arriving[:-1]])

    def paths_to(self, targets: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Least optical path in um, zero or more, that puts a resonance of each ring at its filter's target [N]."""
        targets = jnp.asarray(targets)[:, None]
        turns = self._turns(targets, temperature)
        return jnp.maximum(resonance.next_order(turns) - turns, 0.0) * targets

    def heater_shifts(self, targets: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Distance in um from each ring's next resonance below up to its filter's target [N]; shape [N, K]."""
        wide = jnp.broadcast_to(jnp.asarray(targets)[:, None], self.filters.radii.shape)
        return wide - resonance.resonance_below(lambda wl: self._turns(wl, temperature), wide)

    def _turns(self, wl: jax.Array, temperature: Any) -> jax.Array:
        """Turns of the round trip of each ring, shape [N, K], at `wl` of shape [N, 1] or [N, K]."""

        def of_filter(each: CoupledRings, wl: jax.Array) -> jax.Array:
            return 2.0 * each.index.turns(math.pi * each.radii, wl, temperature)

        return jax.vmap(of_filter)(self.filters, wl)
