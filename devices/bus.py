"""Many rings along one bus: the wavelength-division multiplexer and the row of modulators."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.devices.batch import batch_size, stack
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.waveguide import Waveguide
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_kind
from photonics_core.kernels.rings import AddDropAmplitudes
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE


class RingBus(Shown):
    """N add-drop rings along one bus, each with a drop guide of its own.

    Light passes ring 1 first. Ports: `in`, `through`, `drop1` ... `dropN`, `add1` ... `addN`.

    Args:
        rings: the rings, a sequence or a batch with leading axis [N].
        guide: the bus between one ring and the next.

    Raises:
        ValueError: if there is no ring, or the rings differ in structure.
    """

    rings: AddDropRing
    guide: Waveguide

    def __init__(self, rings: AddDropRing | Sequence[AddDropRing], guide: Waveguide):
        self.rings = rings if isinstance(rings, AddDropRing) else stack(rings, "rings")
        self.guide = guide

    def __check_init__(self) -> None:
        check_kind("rings", self.rings, AddDropRing)
        check_kind("guide", self.guide, Waveguide)
        batch_size(self.rings)

    @property
    def count(self) -> int:
        """Number of rings."""
        return batch_size(self.rings)

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports."""
        numbers = range(1, self.count + 1)
        return ("in", "through", *(f"drop{n}" for n in numbers), *(f"add{n}" for n in numbers))

    def ring_amplitudes(
        self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None
    ) -> AddDropAmplitudes:
        """Complex amplitudes of each ring by itself, shape [N, ...].

        Args:
            wl: wavelength in um, shape [M] or a number.
            temperature: temperature in K, a number or one for each ring, shape [N].
            extra_path: optical path in um that heaters or drives add to each round trip, shape [N].
        """
        shape = (self.count,)
        temperatures = jnp.broadcast_to(jnp.asarray(temperature), shape)
        extra = jnp.broadcast_to(jnp.asarray(0.0 if extra_path is None else extra_path), shape)
        # The anchors are formed before vmap, where the rings' numbers are still on the host in float64.
        anchors = self.rings.anchor()
        each = jax.vmap(lambda ring, t, path, anchor: ring.amplitudes(wl, t, path, anchor))
        return each(self.rings, temperatures, extra, anchors)

    def through(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> jax.Array:
        """Complex amplitude through / in, shape of `wl`; arguments as for `ring_amplitudes`."""
        passed = jnp.prod(self.ring_amplitudes(wl, temperature, extra_path).through, axis=0)
        return passed * self.guide.transmission(wl, self._ambient(temperature)) ** (self.count - 1)

    def drops(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> jax.Array:
        """Complex amplitudes drop / in, shape [N, ...]; arguments as for `ring_amplitudes`."""
        rings = self.ring_amplitudes(wl, temperature, extra_path)
        link = self.guide.transmission(wl, self._ambient(temperature))
        arriving = jnp.cumprod(rings.through * link[None], axis=0)
        return rings.drop * jnp.concatenate([jnp.ones_like(arriving[:1]), arriving[:-1]])

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> SMatrix:
        """Scattering matrix between all ports over `wl`; arguments as for `ring_amplitudes`."""
        rings = self.ring_amplitudes(wl, temperature, extra_path)
        link = self.guide.transmission(wl, self._ambient(temperature))
        through, drops = _walk(rings, link)
        sources = ("in", *(f"add{n}" for n in range(1, self.count + 1)))
        pairs = {(source, "through"): through[i] for i, source in enumerate(sources)}
        for n in range(self.count):
            # Light added at ring n + 1 reaches its own drop and those further along the bus.
            pairs |= {(source, f"drop{n + 1}"): drops[n, i] for i, source in enumerate(sources[: n + 2])}
        return SMatrix.from_pairs(self.ports, pairs, wl, reciprocal=True)

    def _ambient(self, temperature: Any) -> Any:
        # The guide between rings takes the mean: its phase matters little and its length is not heated.
        return jnp.mean(jnp.asarray(temperature))


def _walk(rings: AddDropAmplitudes, link: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Follow the light of every source (in, add1 ... addN) along the bus.

    Returns:
        Amplitudes out of the bus, [N + 1, ...], and out of each ring's drop, [N, N + 1, ...].
    """
    count = rings.through.shape[0]
    start = jnp.zeros((count + 1, *rings.through.shape[1:]), rings.through.dtype).at[0].set(1.0)

    def pass_ring(on_bus, row):
        number, through, drop, add_drop = row
        arriving = on_bus * jnp.where(number == 1, jnp.ones_like(link), link)[None]
        dropped = (arriving * drop[None]).at[number].set(add_drop)
        return (arriving * through[None]).at[number].set(drop), dropped

    rows = (jnp.arange(1, count + 1), rings.through, rings.drop, rings.add_drop)
    return lax.scan(pass_ring, start, rows)
