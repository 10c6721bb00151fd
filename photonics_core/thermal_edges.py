"""What the edges of a chip add to the coupling of heaters and probes, in modes of the whole chip.

Images of up to a few reflections are summed over distances, with the waves of long range taken out; those are here, as
products of cosines or sines (`kernels.edges`). The part of a shape in a mode is exact, from its Fourier transform:
the mean of cos(kx x) cos(ky y) is half the sum of the real parts at (kx, ky) and (kx, -ky), that of sin(kx x) sin(ky y)
half their difference.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.heat_shapes import HeatShape
from photonics_core.kernels.edges import edge_modes, remainder
from photonics_core.kernels.heat import LayerStack, Slab
from photonics_core.thermal_coupling import alike, transfers

#: Slabs without repetition, and the number of each region's.
Slabs = tuple[Sequence[Slab], np.ndarray]


def edge_coupling(
    stack: LayerStack,
    rate: jax.Array | None,
    heaters: tuple[Sequence[HeatShape], Slabs],
    probes: tuple[Sequence[HeatShape], Slabs],
    size: tuple[float, float],
    screen: float,
    fixed: bool,
) -> jax.Array:
    """Temperature of each probe for unit power in each heater, without what is screened, shape [probes, heaters].

    Args:
        stack: the layers.
        rate: Laplace's s in 1/ps, complex; None for the steady state.
        heaters, probes: shapes, and their slabs.
        size: width and height of the chip in um.
        screen: of `kernels.edges` in 1/um.
        fixed: whether edges are at the temperature of the surroundings; else no heat leaves there.
    """
    real = jnp.result_type(float)
    dtype = real if rate is None else jnp.result_type(1j)
    kx, ky, weight = edge_modes(*size, screen, fixed)
    still = jnp.zeros((), dtype) if rate is None else rate
    (shapes, (sources, source_of)), (others, (targets, target_of)) = heaters, probes
    squares = jnp.asarray(kx**2 + ky**2, dtype)
    values = remainder(lambda each: transfers(stack, each, still, sources, targets), squares, screen)
    values = values * jnp.asarray(weight, dtype)[None, None, :]
    waves = jnp.asarray(kx, real), jnp.asarray(ky, real)
    one, two = (mode_means(each, waves, fixed).astype(dtype) for each in (shapes, others))
    whole = jnp.zeros((len(others), len(shapes)), dtype)
    for i in range(len(sources)):
        for j in range(len(targets)):
            at = np.flatnonzero(target_of == j), np.flatnonzero(source_of == i)
            block = jnp.einsum("pm,m,hm->ph", two[at[0]], values[i, j], one[at[1]], precision="highest")
            whole = whole.at[np.ix_(*at)].set(block)
    return whole


def mode_means(shapes: Sequence[HeatShape], waves: tuple[jax.Array, jax.Array], fixed: bool) -> jax.Array:
    """Mean of each mode over each shape, shape [shapes, modes]; those of one kind are made together."""
    groups = alike(shapes)
    found = [jax.vmap(lambda shape: _part(shape, *waves, fixed))(together) for _, together in groups]
    return jnp.concatenate(found)[np.argsort(np.concatenate([numbers for numbers, _ in groups]))]


def _part(shape: Any, kx: jax.Array, ky: jax.Array, fixed: bool) -> jax.Array:
    def real(ky: jax.Array) -> jax.Array:
        wave, phase = shape.transform(kx, ky), kx * shape.x + ky * shape.y
        return wave.real * jnp.cos(phase) + wave.imag * jnp.sin(phase)

    straight, mirrored = real(ky), real(-ky)
    return 0.5 * (mirrored - straight) if fixed else 0.5 * (straight + mirrored)
