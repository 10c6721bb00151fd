"""What the edges of a chip add to the coupling of heaters and probes, in modes of the whole chip.

Images of up to a few reflections are summed over distances, with the waves of long range taken out; those are here, as
products of cosines or sines (`kernels.edges`). The part of a shape in a mode is exact, from its Fourier transform:
the mean of cos(kx x) cos(ky y) is half the sum of the real parts at (kx, ky) and (kx, -ky), that of sin(kx x) sin(ky y)
half their difference.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.heat_shapes import HeatShape
from photonics_core.kernels.edges import edge_modes, mode_nodes, remainder
from photonics_core.kernels.heat import LayerStack, Slab
from photonics_core.thermal_coupling import alike, transfers


class EdgeModes(NamedTuple):
    """Modes of the chip that matter, and where their transfers are computed.

    Args:
        squares: kappa^2 in 1/um^2 at which transfers are computed, shape [nodes].
        weight: from there to all modes, with the weights of the modes, shape [modes, nodes].
        waves: kx and ky of all modes in 1/um, each of shape [modes].
        fixed: whether edges are at the temperature of the surroundings; else no heat leaves there.
        screen: of `kernels.edges` in 1/um.
    """

    squares: np.ndarray
    weight: np.ndarray
    waves: tuple[np.ndarray, np.ndarray]
    fixed: bool
    screen: float

    @staticmethod
    def of(size: tuple[float, float], screen: float, fixed: bool) -> "EdgeModes":
        """Those of a chip of a width and height in um."""
        kx, ky, share = edge_modes(*size, screen, fixed)
        squares, weight = mode_nodes(kx**2 + ky**2)
        return EdgeModes(squares, share[:, None] * weight, (kx, ky), fixed, screen)


def edge_transfers(
    stack: LayerStack, rate: jax.Array | None, modes: EdgeModes, sources: Sequence[Slab], targets: Sequence[Slab]
) -> jax.Array:
    """Transfer of each slab to each without what is screened, shape [sources, targets, nodes]; s as `rate` or None."""
    dtype = jnp.result_type(float) if rate is None else jnp.result_type(1j)
    still = jnp.zeros((), dtype) if rate is None else rate
    squares = jnp.asarray(modes.squares, dtype)
    return remainder(lambda each: transfers(stack, each, still, sources, targets), squares, modes.screen)


def edge_coupling(
    values: jax.Array,
    modes: EdgeModes,
    heaters: tuple[jax.Array, np.ndarray],
    probes: tuple[jax.Array, np.ndarray],
) -> jax.Array:
    """Temperature of each probe for unit power in each heater, without what is screened, shape [probes, heaters].

    Args:
        values: of `edge_transfers`.
        modes: those of the chip.
        heaters, probes: `mode_means` of the shapes, [shapes, modes], and the numbers of their slabs.
    """
    dtype = values.dtype
    every = jnp.einsum("...n,mn->...m", values, jnp.asarray(modes.weight, dtype), precision="highest")
    (one, source_of), (two, target_of) = ((means.astype(dtype), number) for means, number in (heaters, probes))
    whole = jnp.zeros((two.shape[0], one.shape[0]), dtype)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            at = np.flatnonzero(target_of == j), np.flatnonzero(source_of == i)
            block = jnp.einsum("pm,m,hm->ph", two[at[0]], every[i, j], one[at[1]], precision="highest")
            whole = whole.at[np.ix_(*at)].set(block)
    return whole


def mode_means(shapes: Sequence[HeatShape], waves: tuple[Any, Any], fixed: bool) -> jax.Array:
    """Mean of each mode over each shape, shape [shapes, modes]; those of one kind are made together."""
    groups = alike(shapes)
    kx, ky = (jnp.asarray(each, jnp.result_type(float)) for each in waves)
    found = [jax.vmap(lambda shape: _part(shape, kx, ky, fixed))(together) for _, together in groups]
    return jnp.concatenate(found)[np.argsort(np.concatenate([numbers for numbers, _ in groups]))]


def _part(shape: Any, kx: jax.Array, ky: jax.Array, fixed: bool) -> jax.Array:
    def real(ky: jax.Array) -> jax.Array:
        wave, phase = shape.transform(kx, ky), kx * shape.x + ky * shape.y
        return wave.real * jnp.cos(phase) + wave.imag * jnp.sin(phase)

    straight, mirrored = real(ky), real(-ky)
    return 0.5 * (mirrored - straight) if fixed else 0.5 * (straight + mirrored)
