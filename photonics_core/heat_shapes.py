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

from photonics_core.display import Shown
from photonics_core.kernels.bessel import j0, j1_ratio
from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf

Quadrature = tuple[jax.Array, jax.Array, jax.Array]

#: Points a half size, and points around a circle a radius, over the distance in height: errors of some exp(-10).
ALONG, ROUND = 5.0, 10.0
#: Shapes are not fitted to distances in um below the first, nor with more points than the second.
_CLOSEST, _MOST = 0.25, 65536


class HeatShape(Shown):
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
        return as_complex(jnp.ones_like(kx + ky))

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
        check_counts("count", self.count)

    def points(self, coarse: bool = False) -> Quadrature:
        count = 8 if coarse else self.count or 64
        return _around(as_real(self.radius)[None], jnp.ones(1, jnp.result_type(float)), count)

    def fitted(self, distance: float) -> "Circle":
        if self.count is not None or not is_concrete(self.radius):
            return self
        return dataclasses.replace(self, count=affordable_points(enough_points(ROUND, self.radius, distance, 64)))

    def circles(self) -> tuple[Any, Any, Any, Any]:
        return np.zeros(1), np.zeros(1), [self.radius], np.ones(1)

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        return as_complex(j0(_length(kx, ky) * as_real(self.radius)))

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
        check_counts("counts", self.counts)

    def points(self, coarse: bool = False) -> Quadrature:
        counts = (2, 8) if coarse else self.counts or self.least
        radii, weights = self._radii(counts[0])
        return _around(as_real(radii), as_real(weights), counts[1])

    def circles(self) -> tuple[Any, Any, Any, Any]:
        radii, weights = self._radii((self.counts or self.least)[0])
        return np.zeros(radii.size), np.zeros(radii.size), list(radii), weights

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        k, inner, outer = _length(kx, ky), as_real(self.inner), as_real(self.outer)
        return as_complex((outer**2 * j1_ratio(k * outer) - inner**2 * j1_ratio(k * inner)) / (outer**2 - inner**2))

    def half_sizes(self) -> tuple[Any, Any]:
        return self.outer, self.outer

    def fitted(self, distance: float) -> Self:
        if self.counts is not None or not is_concrete(self.inner, self.outer):
            return self
        radial = enough_points(ALONG, 0.5 * (self.outer - self.inner), distance, self.least[0])
        around = enough_points(ROUND, self.outer, distance, self.least[1])
        affordable_points(radial * around)
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
        check_counts("counts", self.counts)

    def points(self, coarse: bool = False) -> Quadrature:
        counts = (4, 4) if coarse else self.counts or (16, 16)
        (u, wu), (v, wv) = (np.polynomial.legendre.leggauss(count) for count in counts)
        dtype = jnp.result_type(float)
        u, v = (0.5 * as_real(size) * jnp.asarray(e, dtype) for size, e in ((self.width, u), (self.height, v)))
        u, v = jnp.repeat(u, counts[1]), jnp.tile(v, counts[0])
        cosine, sine = jnp.cos(as_real(self.angle)), jnp.sin(as_real(self.angle))
        return cosine * u - sine * v, sine * u + cosine * v, jnp.asarray(0.25 * np.outer(wu, wv).ravel(), dtype)

    def transform(self, kx: jax.Array, ky: jax.Array) -> jax.Array:
        cosine, sine = jnp.cos(as_real(self.angle)), jnp.sin(as_real(self.angle))
        u, v = cosine * kx + sine * ky, cosine * ky - sine * kx
        half = 0.5 / math.pi
        return as_complex(jnp.sinc(half * u * as_real(self.width)) * jnp.sinc(half * v * as_real(self.height)))

    def half_sizes(self) -> tuple[Any, Any]:
        width, height, angle = self.width, self.height, self.angle
        library = np if is_concrete(width, height, angle) else jnp
        cosine, sine = abs(library.cos(angle)), abs(library.sin(angle))
        return 0.5 * (width * cosine + height * sine), 0.5 * (width * sine + height * cosine)

    def fitted(self, distance: float) -> "Rectangle":
        if self.counts is not None or not is_concrete(self.width, self.height):
            return self
        counts = tuple(3 + enough_points(ALONG, 0.5 * size, distance, 4) for size in (self.width, self.height))
        if max(counts) <= 16:
            return dataclasses.replace(self, counts=(16, 16))
        affordable_points(counts[0] * counts[1])
        return dataclasses.replace(self, counts=counts)


def enough_points(factor: float, size: Any, distance: float, least: int) -> int:
    """Points for a size at a distance, both in um."""
    return max(least, math.ceil(factor * float(size) / max(distance, _CLOSEST)))


def affordable_points(count: int) -> int:
    """The count of points, or an error where it is too large."""
    if count > _MOST:
        raise ValueError(
            f"counts = None would be {count} points, above {_MOST}, for a shape this large so close to a probe; "
            "cut it into smaller ones or give its counts"
        )
    return count


def check_counts(name: str, counts: Any) -> None:
    """Refuse counts of points below 1."""
    if counts is not None:
        check_range(name, counts, 1)


def _around(radii: jax.Array, weights: jax.Array, count: int) -> Quadrature:
    """The trapezoidal rule on circles."""
    angle = 2.0 * math.pi * (np.arange(count) + 0.5) / count
    cosine, sine = (jnp.asarray(e, radii.dtype) for e in (np.cos(angle), np.sin(angle)))
    x, y = (jnp.repeat(radii, count) * jnp.tile(e, radii.size) for e in (cosine, sine))
    return x, y, jnp.repeat(weights, count) / count


def as_real(value: Any) -> jax.Array:
    """The value in the precision at hand."""
    return jnp.asarray(value, jnp.result_type(float))


def as_complex(value: jax.Array) -> jax.Array:
    """The value with an imaginary part of zero."""
    return jax.lax.complex(value, jnp.zeros_like(value))


def _length(kx: jax.Array, ky: jax.Array) -> jax.Array:
    """Length of (kx, ky), with a derivative of 0 at 0."""
    square = kx**2 + ky**2
    return jnp.where(square == 0.0, 0.0, jnp.sqrt(jnp.where(square == 0.0, 1.0, square)))
