"""Absorbing layers outside a window, where the coordinate turns into the complex plane (a matched layer).

Light that leaves through a wall decays in the layer and does not come back, so the index of a mode that radiates is
complex and says how fast.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.elements import Mesh


class Layer(NamedTuple):
    """An absorbing layer: its thickness in um and its number of elements across."""

    thickness: float
    count: int


#: Layers by side. Below lies a substrate of high index, where waves are short.
LAYERS = {"right": Layer(2.0, 3), "bottom": Layer(1.5, 5)}
#: Stretching: the coordinate turns by less than 45 degrees at any point, since steeper layers have modes of their own.
STRENGTH = 0.5


def with_absorbers(mesh: Mesh, sides: Sequence[str]) -> Mesh:
    """A mesh with more columns at the "right" and more rows at the "bottom", for the sides asked for."""
    x, y = (lines.astype(jnp.result_type(complex)) for lines in (mesh.x, mesh.y))
    if "right" in sides:
        x = jnp.concatenate([x, x[-1:] + _steps("right")[:, None].astype(x.dtype)])
    if "bottom" in sides:
        x = jnp.concatenate([jnp.repeat(x[:, :1], LAYERS["bottom"].count, axis=1), x], axis=1)
        y = jnp.concatenate([y[0] - _steps("bottom")[::-1].astype(y.dtype), y])
    return mesh._replace(x=x, y=y)


def media_with_absorbers(media: np.ndarray, sides: Sequence[str], fill: int | None = None) -> np.ndarray:
    """Numbers of media [columns, rows] with those of the layers: `fill`, or the media that reach the wall."""
    right, bottom = (LAYERS[side].count if side in sides else 0 for side in ("right", "bottom"))
    width = ((0, right), (bottom, 0))
    return np.pad(media, width, "edge") if fill is None else np.pad(media, width, constant_values=fill)


def _steps(side: str) -> np.ndarray:
    """Complex distances of the lines of a layer from the wall."""
    part = np.arange(1, LAYERS[side].count + 1) / LAYERS[side].count
    return LAYERS[side].thickness * part * (1.0 + 1j * STRENGTH * part)
