"""How finely heaters and probes are resolved: by the distance in height between them, where that is known.

The field of a point is smooth on the scale of its distance in height, so that a shape needs points in proportion to its
size over that distance. A heater in a probe's own plane has no such distance: there the points stay the least ones, and
are to be chosen by hand.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from photonics_core.kernels.checks import is_concrete
from photonics_core.thermal_stack import ThermalRegion, ThermalStack

#: Length in um to which fields are resolved near a circle, the largest and the least.
_SCALES = (0.25, 1e-3)


def fitted(
    stack: ThermalStack, heaters: Sequence[ThermalRegion], probes: Sequence[ThermalRegion]
) -> tuple[tuple[ThermalRegion, ...], tuple[ThermalRegion, ...]]:
    """Heaters and probes with as many points as the nearest of the others in height asks for.

    Raises:
        ValueError: where that would take too many.
    """
    if not is_concrete(*jax.tree.leaves((stack, [(r.height, r.thickness) for r in (*heaters, *probes)]))):
        return tuple(heaters), tuple(probes)
    sides = _sides(stack, heaters), _sides(stack, probes)
    found = []
    for regions, own, others in ((heaters, *sides), (probes, *sides[::-1])):
        gaps = _gaps(own, others)
        nearest = np.min(np.where(gaps > 0.0, gaps, np.inf), axis=1)
        found.append(tuple(_refined(region, gap) for region, gap in zip(regions, nearest, strict=True)))
    return found[0], found[1]


def resolved_length(stack: ThermalStack, heaters: Sequence[ThermalRegion], probes: Sequence[ThermalRegion]) -> float:
    """Length in um on which fields change near a circle: the least distance in height, or thickness in one plane."""
    if not is_concrete(*jax.tree.leaves((stack, [(r.height, r.thickness) for r in (*heaters, *probes)]))):
        return _SCALES[0]
    one, two = _sides(stack, heaters), _sides(stack, probes)
    gaps = _gaps(one, two)
    sizes = np.maximum(np.diff(one, axis=1), np.diff(two, axis=1).T)
    return float(np.clip(np.min(np.where(gaps > 0.0, gaps, sizes)), _SCALES[1], _SCALES[0]))


def _refined(region: ThermalRegion, gap: float) -> ThermalRegion:
    if not np.isfinite(gap):
        return region
    return eqx.tree_at(lambda one: one.shape, region, region.shape.fitted(float(gap)))


def _sides(stack: ThermalStack, regions: Sequence[ThermalRegion]) -> np.ndarray:
    """Heights of both faces of regions over the bottom of the stack, shape [regions, 2]."""
    bottoms = np.concatenate([[0.0], np.cumsum([float(layer.thickness) for layer in stack.layers])])
    slabs = [stack.slab(region) for region in regions]
    return np.asarray([[bottoms[s.layer] + float(s.low), bottoms[s.layer] + float(s.high)] for s in slabs])


def _gaps(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Distances in height, 0 where two overlap, shape [one, two]."""
    apart = np.maximum(two[None, :, 0] - one[:, None, 1], one[:, None, 0] - two[None, :, 1])
    return np.where(apart > 1e-9, apart, 0.0)
