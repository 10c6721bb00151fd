"""Shapes of heaters and probes, seen from above: points that stand for them, and their Fourier transforms.

Each is of unit power, evenly spread. `points` gives a quadrature, places (x, y) relative to the middle and weights that
add to one, which converges geometrically for fields that are smooth on the scale of its spacing. Its count is that of
`counts`; where that is None, `fitted` chooses it for a distance in height, and else it is the least. `circles` gives
the same as circles (places, radii, weights). `transform` is the integral of exp(-i k . r) over the shape centred at the
origin, 1 at k = 0. Lengths are in um, angles in rad.
"""

import dataclasses
import math
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.bessel import j0, j1_ratio
from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf

Quadrature = tuple[jax.Array, jax.Array, jax.Array]

#: Points a half size, and points around a circle a radius, over the distance in height: errors of some exp(-10).
_ALONG, _ROUND = 5.0, 10.0
#: Shapes are not fitted to distances in um below the first, nor with more points than the second.
_CLOSEST, _MOST = 0.25, 65536


class HeatShape(eqx.Module):
    """What all shapes share: a middle at (x, y) in um."""

    x: eqx.AbstractVar[Any]
    y: eqx.AbstractVar[Any]

    def points(self, coarse: bool = False) -> Quadrature:
        """Places relative to the middle in um and weights, each of shape [points]; few of them where `coarse`."""
        raise NotImplementedError

    def circles(self) -> tuple[Any, Any, Any, Any]:
        """Places relative to the middle, radii in um and weights, of one length; on the host where they can be."""
        x, y, weight = self.points()
        return x, y, [0.0] * x.size, weight

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        """Integral of exp(-i k . r) over the shape at the origin, over its area; complex, of the shape of kx and ky."""
        raise NotImplementedError

    def half_sizes(self) -> tuple[Any, Any]:
        """Farthest that the shape goes from its middle, in x and in y, in um."""
        raise NotImplementedError

    def extent(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Least and largest x, and least and largest y, in um."""
        across, along = self.half_sizes()
        return (self.x - across, self.x + across), (self.y - along, self.y + along)

    def fitted(self, distance: float) -> Self:
        """The shape with the points that a field asks for a distance in um above or below it.

        Points that were asked for stay, and so they do where sizes are traced.

        Raises:
            ValueError: where it would take too many.
        """
        del distance
        return self

    def _check_place(self) -> None:
        check_finite("x", self.x, "um")
        check_finite("y", self.y, "um")


class Point(HeatShape):
    """A point at (x, y)."""

    x: Any = eqx.field(converter=as_leaf, default=0.0)
    y: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        self._check_place()

    def points(self, coarse: bool = False) -> Quadrature:
        zero = jnp.zeros(1, jnp.result_type(float))
        return zero, zero, zero + 1.0

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        return _complex(jnp.ones_like(kx + ky))

    def half_sizes(self) -> tuple[Any, Any]:
        return 0.0, 0.0


class Circle(HeatShape):
    """A thin ring, such as the guide of a ring resonator: a circle of a radius."""

    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    radius: Any = eqx.field(converter=as_leaf)
    count: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        self._check_place()
        check_positive("radius", self.radius, "um")
        _check_counts("count", self.count)

    def points(self, coarse: bool = False) -> Quadrature:
        count = 8 if coarse else self.count or 64
        return _around(_array(self.radius)[None], jnp.ones(1, jnp.result_type(float)), count)

    def fitted(self, distance: float) -> "Circle":
        if self.count is not None or not is_concrete(self.radius):
            return self
        return dataclasses.replace(self, count=_affordable(_enough(_ROUND, self.radius, distance, 64)))

    def circles(self) -> tuple[Any, Any, Any, Any]:
        return np.zeros(1), np.zeros(1), [self.radius], np.ones(1)

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        return _complex(j0(_length(kx, ky) * _array(self.radius)))

    def half_sizes(self) -> tuple[Any, Any]:
        return self.radius, self.radius


class Annulus(HeatShape):
    """What lies between two radii, such as a heater along a ring; a disk with an inner radius of 0."""

    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    inner: Any = eqx.field(converter=as_leaf)
    outer: Any = eqx.field(converter=as_leaf)
    counts: tuple[int, int] | None = eqx.field(static=True, default=None)

    least: ClassVar[tuple[int, int]] = (8, 64)

    def __check_init__(self) -> None:
        self._check_place()
        check_range("inner", self.inner, 0.0, np.inf, "um")
        check_positive("outer", self.outer, "um")
        if is_concrete(self.inner, self.outer) and np.any(np.asarray(self.inner) >= np.asarray(self.outer)):
            raise ValueError(f"inner = {self.inner} um is not below outer = {self.outer} um")
        _check_counts("counts", self.counts)

    def points(self, coarse: bool = False) -> Quadrature:
        counts = (2, 8) if coarse else self.counts or self.least
        radii, weights = self._radii(counts[0])
        return _around(_array(radii), _array(weights), counts[1])

    def circles(self) -> tuple[Any, Any, Any, Any]:
        radii, weights = self._radii((self.counts or self.least)[0])
        return np.zeros(radii.size), np.zeros(radii.size), list(radii), weights

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        k, inner, outer = _length(kx, ky), _array(self.inner), _array(self.outer)
        return _complex((outer**2 * j1_ratio(k * outer) - inner**2 * j1_ratio(k * inner)) / (outer**2 - inner**2))

    def half_sizes(self) -> tuple[Any, Any]:
        return self.outer, self.outer

    def fitted(self, distance: float) -> Self:
        if self.counts is not None or not is_concrete(self.inner, self.outer):
            return self
        radial = _enough(_ALONG, 0.5 * (self.outer - self.inner), distance, self.least[0])
        around = _enough(_ROUND, self.outer, distance, self.least[1])
        _affordable(radial * around)
        return self._with((radial, around))

    def _with(self, counts: tuple[int, int]) -> Self:
        return dataclasses.replace(self, counts=counts)

    def _radii(self, count: int) -> tuple[Any, Any]:
        """Gauss points of the radius."""
        nodes, weights = np.polynomial.legendre.leggauss(count)
        inner, outer = self.inner, self.outer
        if not is_concrete(inner, outer):
            dtype = jnp.result_type(float)
            inner, outer, nodes, weights = (jnp.asarray(e, dtype) for e in (inner, outer, nodes, weights))
        radii = 0.5 * (inner + outer) + 0.5 * (outer - inner) * nodes
        return radii, weights * radii / (inner + outer)


class Disk(Annulus):
    """A disk of a radius."""

    least: ClassVar[tuple[int, int]] = (12, 48)

    def __init__(self, x: Any, y: Any, radius: Any, counts: tuple[int, int] | None = None) -> None:
        check_positive("radius", radius, "um")
        self.x, self.y, self.inner, self.outer = (as_leaf(value) for value in (x, y, 0.0, radius))
        self.counts = counts

    def _with(self, counts: tuple[int, int]) -> "Disk":
        return Disk(self.x, self.y, self.outer, counts)


class Rectangle(HeatShape):
    """A rectangle of a width along x and a height along y, turned by an angle counter-clockwise."""

    x: Any = eqx.field(converter=as_leaf)
    y: Any = eqx.field(converter=as_leaf)
    width: Any = eqx.field(converter=as_leaf)
    height: Any = eqx.field(converter=as_leaf)
    angle: Any = eqx.field(converter=as_leaf, default=0.0)
    counts: tuple[int, int] | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        self._check_place()
        check_positive("width", self.width, "um")
        check_positive("height", self.height, "um")
        check_finite("angle", self.angle, "rad")
        _check_counts("counts", self.counts)

    def points(self, coarse: bool = False) -> Quadrature:
        counts = (4, 4) if coarse else self.counts or (16, 16)
        (u, wu), (v, wv) = (np.polynomial.legendre.leggauss(count) for count in counts)
        dtype = jnp.result_type(float)
        u, v = (0.5 * _array(size) * jnp.asarray(e, dtype) for size, e in ((self.width, u), (self.height, v)))
        u, v = jnp.repeat(u, counts[1]), jnp.tile(v, counts[0])
        cosine, sine = jnp.cos(_array(self.angle)), jnp.sin(_array(self.angle))
        return cosine * u - sine * v, sine * u + cosine * v, jnp.asarray(0.25 * np.outer(wu, wv).ravel(), dtype)

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        cosine, sine = jnp.cos(_array(self.angle)), jnp.sin(_array(self.angle))
        u, v = cosine * kx + sine * ky, cosine * ky - sine * kx
        half = 0.5 / math.pi
        return _complex(jnp.sinc(half * u * _array(self.width)) * jnp.sinc(half * v * _array(self.height)))

    def half_sizes(self) -> tuple[Any, Any]:
        width, height, angle = self.width, self.height, self.angle
        library = np if is_concrete(width, height, angle) else jnp
        cosine, sine = abs(library.cos(angle)), abs(library.sin(angle))
        return 0.5 * (width * cosine + height * sine), 0.5 * (width * sine + height * cosine)

    def fitted(self, distance: float) -> "Rectangle":
        if self.counts is not None or not is_concrete(self.width, self.height):
            return self
        counts = tuple(3 + _enough(_ALONG, 0.5 * size, distance, 4) for size in (self.width, self.height))
        if max(counts) <= 16:
            return dataclasses.replace(self, counts=(16, 16))
        _affordable(counts[0] * counts[1])
        return dataclasses.replace(self, counts=counts)


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
        _check_counts("count", self.count)
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
        corners, areas = _array(self.corners), _areas(_array(self.corners))
        a, b, c = corners[:1], corners[1:-1], corners[2:]
        places = (
            a[:, None, :] + first[None, :, None] * (b - a)[:, None, :] + second[None, :, None] * (c - b)[:, None, :]
        )
        shares = areas[:, None] / jnp.sum(areas) * weight[None, :]
        return places[..., 0].ravel(), places[..., 1].ravel(), shares.ravel()

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        corners, areas = _array(self.corners), _areas(_array(self.corners))
        total = jnp.zeros_like(kx + ky).astype(jnp.result_type(1j))
        for j in range(areas.size):
            one, two = (kx * e[0] + ky * e[1] for e in (corners[j + 1] - corners[0], corners[j + 2] - corners[0]))
            total = total + _complex(jnp.broadcast_to(2.0 * areas[j] / jnp.sum(areas), total.shape)) * _triangle(
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
        count = _enough(_ALONG, size, distance, 16)
        _affordable(count**2 * (np.shape(self.corners)[0] - 2))
        return dataclasses.replace(self, count=count)


def _enough(factor: float, size: Any, distance: float, least: int) -> int:
    """Points for a size at a distance, both in um."""
    return max(least, math.ceil(factor * float(size) / max(distance, _CLOSEST)))


def _affordable(count: int) -> int:
    if count > _MOST:
        raise ValueError(
            f"counts = None would be {count} points, above {_MOST}, for a shape this large so close to a probe; "
            "cut it into smaller ones or give its counts"
        )
    return count


def _check_counts(name: str, counts: Any) -> None:
    if counts is not None:
        check_range(name, counts, 1)


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
    far = above / _complex(jnp.where(close, 1.0, below)) * 1j
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


def _around(radii: jax.Array, weights: jax.Array, count: int) -> Quadrature:
    """The trapezoidal rule on circles."""
    angle = 2.0 * math.pi * (np.arange(count) + 0.5) / count
    cosine, sine = (jnp.asarray(e, radii.dtype) for e in (np.cos(angle), np.sin(angle)))
    x, y = (jnp.repeat(radii, count) * jnp.tile(e, radii.size) for e in (cosine, sine))
    return x, y, jnp.repeat(weights, count) / count


def _array(value: Any) -> jax.Array:
    return jnp.asarray(value, jnp.result_type(float))


def _complex(value: jax.Array) -> jax.Array:
    return jax.lax.complex(value, jnp.zeros_like(value))


def _length(kx: jax.Array, ky: jax.Array) -> jax.Array:
    """Length of (kx, ky), with a derivative of 0 at 0."""
    square = kx**2 + ky**2
    return jnp.where(square == 0.0, 0.0, jnp.sqrt(jnp.where(square == 0.0, 1.0, square)))
