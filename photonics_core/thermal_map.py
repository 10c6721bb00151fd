"""Temperature over a chip on a grid: every heater in Fourier space by its exact transform, and one transform back.

The field is sampled in the middles of the pixels. It is that of the sources without the waves that are too short for
the grid: they decay as exp(-kappa times the distance in height), so that a plane away from the heaters is exact to
every digit once pixels are some times finer than that distance, and a heater's own plane shows the waves left out.
With open edges the box is periodic: what is seen is the chip with copies of itself on all sides. With adiabatic or
fixed edges the box is the chip with its mirror images, and nothing is left out. The cost is that of a fast Fourier
transform and of one transform of a shape for each kind of heater, N log N in the number of pixels N.
"""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.heat import LayerStack, Slab, slab_transfer
from photonics_core.thermal_coupling import distinct
from photonics_core.thermal_stack import ThermalRegion

_SIGNS = {"open": 0.0, "adiabatic": 1.0, "fixed": -1.0}


def temperature_map(
    stack: LayerStack,
    heaters: Sequence[ThermalRegion],
    slabs: tuple[Sequence[Slab], np.ndarray],
    power: jax.Array,
    probe: Slab,
    box: tuple[float, float],
    edges: str,
    shape: tuple[int, int],
) -> jax.Array:
    """Temperature in K in the middles of the pixels of a box from (0, 0) to `box`.

    Args:
        stack: the layers.
        heaters: regions, of which the shapes are taken here.
        slabs: slabs, and the number of each heater's.
        power: in mW, shape [heaters].
        probe: slab over which the temperature is averaged.
        box: width and height in um.
        edges: "open" for a periodic box, "adiabatic" or "fixed".
        shape: pixels in x and y.

    Returns:
        Array of `shape`.
    """
    times = 1 if edges == "open" else 2
    kx, ky = _wavenumbers([times * size for size in box], [times * count for count in shape], power.dtype)
    field = _field(stack, heaters, slabs, power, probe, kx, ky, _SIGNS[edges])
    count = (times * shape[0], times * shape[1])
    # From the corner to the middle of the first pixel.
    half = [0.5 * size / pixels for size, pixels in zip(box, shape, strict=True)]
    field = field * _wave(kx * half[0])[:, None] * _wave(ky * half[1])[None, :]
    scale = count[0] * count[1] / (times**2 * box[0] * box[1])
    return scale * jnp.fft.irfft2(field, count)[: shape[0], : shape[1]]


def _field(
    stack: LayerStack,
    heaters: Sequence[ThermalRegion],
    slabs: tuple[Sequence[Slab], np.ndarray],
    power: jax.Array,
    probe: Slab,
    kx: jax.Array,
    ky: jax.Array,
    sign: float,
) -> jax.Array:
    """Fourier transform of the temperature of the heaters, and of their images if `sign` is not 0."""
    across, along = jnp.broadcast_arrays(kx[:, None], ky[None, :])
    still = jnp.zeros((), power.dtype)
    total = jnp.zeros(across.shape, jnp.result_type(1j))
    for number, slab in enumerate(slabs[0]):
        chosen = np.flatnonzero(slabs[1] == number)
        one = _sources([heaters[int(k)] for k in chosen], power[chosen], across, along)
        if sign:
            # The four images are the thing, its mirror image in x, and the conjugates of both.
            other = _sources([heaters[int(k)] for k in chosen], power[chosen], -across, along)
            one = jax.lax.complex(2.0 * (one.real + sign * other.real), jnp.zeros_like(one.real))
        transfer = slab_transfer(stack, across**2 + along**2, still, slab, probe)
        total = total + one * transfer.astype(one.dtype)
    return total


def _sources(heaters: Sequence[ThermalRegion], power: jax.Array, kx: jax.Array, ky: jax.Array) -> jax.Array:
    """Fourier transform of the power; a shape that comes again is transformed once."""
    centred = [eqx.tree_at(lambda s: (s.x, s.y), heater.shape, (0.0, 0.0)) for heater in heaters]
    firsts, kind_of = distinct([(str(jax.tree.structure(s)), *_numbers(s)) for s in centred])
    total = jnp.zeros(kx.shape, jnp.result_type(1j))
    for number, first in enumerate(firsts):
        chosen = np.flatnonzero(kind_of == number)
        x, y = (
            jnp.stack([jnp.asarray(e, power.dtype) for e in places])
            for places in ([heaters[int(k)].shape.x for k in chosen], [heaters[int(k)].shape.y for k in chosen])
        )
        first_waves, second_waves = _wave(-kx[:, :1] * x[None, :]), _wave(-ky[0][:, None] * y[None, :])
        weighted = first_waves * power[chosen].astype(first_waves.dtype)[None, :]
        places = jnp.einsum("in,jn->ij", weighted, second_waves, precision="highest")
        total = total + centred[first].transform(kx, ky) * places
    return total


def _numbers(shape: Any) -> list[Any]:
    """All numbers of a shape, one by one where they are there."""
    return [e for leaf in jax.tree.leaves(shape) for e in (np.ravel(leaf) if isinstance(leaf, np.ndarray) else [leaf])]


def _wavenumbers(sizes: Sequence[float], counts: Sequence[int], dtype: Any) -> tuple[jax.Array, jax.Array]:
    kx = 2.0 * math.pi * np.fft.fftfreq(counts[0], sizes[0] / counts[0])
    ky = 2.0 * math.pi * np.fft.rfftfreq(counts[1], sizes[1] / counts[1])
    return jnp.asarray(kx, dtype), jnp.asarray(ky, dtype)


def _wave(phase: jax.Array) -> jax.Array:
    return jax.lax.complex(jnp.cos(phase), jnp.sin(phase))
