"""A polygon as a heater or a probe: triangles for its points, and its Fourier transform in closed form."""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.heat_shapes import (
    ALONG,
    HeatShape,
    Quadrature,
    affordable_points,
    as_complex,
    as_real,
    check_counts,
    enough_points,
)
from photonics_core.kernels.checks import check_finite, is_concrete
from photonics_core.runtime import as_leaf


class Polygon(HeatShape):
    """A polygon that does not cross itself, its corners in order, shape [corners, 2], relative to (x, y).

    It is cut into triangles at its first corner; those outside of it count with a minus.
    """

    corners: Any = eqx.field(converter=as_leaf)
    x: Any = eqx.field(converter=as_leaf, default=0.0)
    y: Any = eqx.field(converter=as_leaf, default=0.0)
    count: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        self._check_place()
        check_counts("count", self.count)
        check_finite("corners", self.corners, "um")
        if np.ndim(self.corners) != 2 or np.shape(self.corners)[0] < 3 or np.shape(self.corners)[1] != 2:
            raise ValueError(f"corners of shape {np.shape(self.corners)} are not [3 or more, 2]")
        if is_concrete(self.corners) and abs(float(np.sum(_areas(np.asarray(self.corners))))) < 1e-12:
            raise ValueError("corners enclose no area")
        if is_concrete(self.corners) and _crosses(np.asarray(self.corners, float)):
            raise ValueError("corners are of a polygon that crosses itself")

    def points(self, coarse: bool = False) -> Quadrature:
        dtype = jnp.result_type(float)
        nodes, weights = np.polynomial.legendre.leggauss(4 if coarse else self.count or 16)
        s, w = 0.5 * (nodes + 1.0), 0.5 * weights
        # A square folded into a triangle: a + s (b - a) + s t (c - b), of which the area element is s.
        first, second = jnp.asarray(np.repeat(s, s.size), dtype), jnp.asarray(np.outer(s, s).ravel(), dtype)
        weight = jnp.asarray(np.outer(2.0 * w * s, w).ravel(), dtype)
        corners, areas = as_real(self.corners), _areas(as_real(self.corners))
        a, b, c = corners[:1], corners[1:-1], corners[2:]
        places = (
            a[:, None, :] + first[None, :, None] * (b - a)[:, None, :] + second[None, :, None] * (c - b)[:, None, :]
        )
        shares = areas[:, None] / jnp.sum(areas) * weight[None, :]
        return places[..., 0].ravel(), places[..., 1].ravel(), shares.ravel()

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        corners, areas = as_real(self.corners), _areas(as_real(self.corners))
        total = jnp.zeros_like(kx + ky).astype(jnp.result_type(1j))
        for j in range(areas.size):
            one, two = (kx * e[0] + ky * e[1] for e in (corners[j + 1] - corners[0], corners[j + 2] - corners[0]))
            total = total + as_complex(jnp.broadcast_to(2.0 * areas[j] / jnp.sum(areas), total.shape)) * _triangle(
                one, two
            )
        shift = kx * corners[0, 0] + ky * corners[0, 1]
        return total * jax.lax.complex(jnp.cos(shift), -jnp.sin(shift))

    def half_sizes(self) -> tuple[Any, Any]:
        library = np if is_concrete(self.corners) else jnp
        return tuple(library.max(library.abs(self.corners), axis=0))  # pyright: ignore[reportReturnType]

    def extent(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        library = np if is_concrete(self.corners) else jnp
        corners = library.asarray(self.corners)
        low, high = library.min(corners, axis=0), library.max(corners, axis=0)
        return (self.x + low[0], self.x + high[0]), (self.y + low[1], self.y + high[1])

    def fitted(self, distance: float) -> "Polygon":
        if self.count is not None or not is_concrete(self.corners):
            return self
        size = 0.5 * max(float(high - low) for low, high in self.extent())
        count = enough_points(ALONG, size, distance, 16)
        affordable_points(count**2 * (np.shape(self.corners)[0] - 2))
        return dataclasses.replace(self, count=count)


def _crosses(corners: np.ndarray) -> bool:
    """Whether two edges of a polygon that are not neighbours cross."""
    ends = np.roll(corners, -1, axis=0)
    one, two = (e[:, None, :] for e in (corners, ends))

    def side(places: np.ndarray) -> np.ndarray:
        """On which side of each edge [edges, 1] the places [edges] lie."""
        along, off = two - one, places[None] - one
        return along[..., 0] * off[..., 1] - along[..., 1] * off[..., 0]

    apart = side(corners) * side(ends) < 0.0
    return bool(np.any(apart & apart.T))


def _areas(corners: Any) -> Any:
    """Signed areas of the triangles at the first corner, shape [corners - 2]."""
    b, c = corners[1:-1] - corners[:1], corners[2:] - corners[:1]
    return 0.5 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])


def _triangle(a: jax.Array, b: jax.Array) -> jax.Array:
    """Half the mean of exp(-i phase) on a triangle whose corners have phases 0, a and b.

    It is the second divided difference of the exponential: formed with the largest of the three gaps of phase as the
    divisor, where that is above 4, and by Gauss points of one variable, in which nothing is divided by, below.
    """
    gaps = jnp.abs(jnp.stack(jnp.broadcast_arrays(a, b, b - a)))
    close = jnp.max(gaps, axis=0) < 4.0
    widest = jnp.argmax(gaps, axis=0)
    one, two, three = _edge(0.0 * a, a), _edge(0.0 * b, b), _edge(a, b)
    above = jnp.where(widest == 0, three - two, jnp.where(widest == 1, three - one, two - one))
    below = jnp.where(widest == 0, a, jnp.where(widest == 1, b, b - a))
    far = above / as_complex(jnp.where(close, 1.0, below)) * 1j
    near_a, near_b = jnp.where(close, a, 0.0), jnp.where(close, b, 0.0)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    near = jnp.zeros_like(far)
    for s, w in zip(0.5 * (nodes + 1.0), 0.5 * weights, strict=True):
        near = near + float(s * w) * _edge(float(s) * near_a, float(s) * near_b)
    return jnp.where(close, near, far)


def _edge(a: jax.Array, b: jax.Array) -> jax.Array:
    """Mean of exp(-i phase) on an edge between the phases a and b."""
    middle, size = 0.5 * (a + b), jnp.sinc((b - a) / (2.0 * math.pi))
    return jax.lax.complex(size * jnp.cos(middle), -size * jnp.sin(middle))
