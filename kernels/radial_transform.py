"""Hankel transforms of smooth functions along a ray of complex wavenumbers, where nothing oscillates.

A function of kappa^2 without singularities in the right half plane of kappa^2 or on the imaginary axis, such as the
temperature of a layered chip, has the transform

    F(r, R) = 1 / (2 pi) int_0^inf G(kappa^2) J_0(kappa r) J_0(kappa R) kappa dkappa

It is the temperature at a distance r from the middle of a circle of radius R on which the power lies, or the mean over
that circle of a point's temperature. J_0 of the larger of r and R is the mean of two Hankel functions; the part with
the first is turned onto the ray kappa = x exp(i pi / 4), that with the second onto its mirror image, where both decay:
for real G the two are conjugate. In log x the integrand is analytic in a strip half a right angle wide to either side,
so that the trapezoidal rule converges geometrically, with the same nodes for all distances from 1e-6 to 1e6 um. In a
transient, with a rate s to the right of the imaginary axis, the singularities lie on that side of the imaginary axis
too, up to it: the rays are then those of exp(+-i pi / 8), with nodes twice as dense (rotation of contours as in W. C.
Chew, Waves and Fields in Inhomogeneous Media (1990), ch. 2; for the rule L. N. Trefethen and J. A. C. Weideman, SIAM
Rev. 56, 385 (2014)).

F is kept as polynomials in cells of u, |r - R| = scale sinh(u), on either side of r = R, where it may have a kink.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

Array = jax.Array

#: Angles of the ray in the steady state and for complex rates.
STEADY, TRANSIENT = math.pi / 4.0, math.pi / 8.0
#: Nodes of the trapezoidal rule in log x: spacing over the angle, lowest and highest.
_STEP, _LOWEST, _HIGHEST = 0.15 / STEADY, 1e-12, 1e6
#: Cells of the Bessel functions' tables in log x: edges, width and terms.
_BESSEL_LOW, _BESSEL_HIGH, _BESSEL_WIDTH, _BESSEL_TERMS = math.log(1e-22), math.log(1e13), 0.125, 13
#: Cells of a radial function in u, and terms of each.
_WIDTH, _TERMS = 0.4, 10
_FARTHEST = 1e6  # um


class RadialGrid(NamedTuple):
    """Where a radial function is kept: scale in um, cells inside and outside of the circle."""

    scale: float
    inner: int
    outer: int


def radial_grid(scale: float, largest_radius: float) -> RadialGrid:
    """Cells that resolve a length `scale` in um close to circles of at most a radius in um."""
    inner = math.ceil(math.asinh(max(largest_radius, scale) / scale) / _WIDTH)
    return RadialGrid(scale, inner, math.ceil(math.asinh(_FARTHEST / scale) / _WIDTH))


def ray_places(angle: float = STEADY) -> np.ndarray:
    """kappa^2 on the ray, lowest first, shape [nodes], on the host."""
    return np.exp(2j * angle) * _ray(angle) ** 2


def ray_squares(dtype: np.dtype, angle: float = STEADY) -> Array:
    """kappa^2 on the ray, for the function to be transformed, shape [nodes] of a complex type."""
    return jnp.asarray(ray_places(angle), dtype)


@functools.partial(jax.jit, static_argnames=("grid", "angle"))
def ray_basis(radius: Array, grid: RadialGrid, angle: float = STEADY) -> Array:
    """Weights that turn values of G on the ray into F at the nodes of all cells.

    Args:
        radius: R in um, 0 for a point, scalar.
        grid: the cells.
        angle: of the ray, static, `STEADY` or `TRANSIENT`.

    Returns:
        Complex array of shape [cells, terms, nodes]; F is the real part of its product with G, for real G.
    """
    cells = np.concatenate([np.arange(grid.inner), np.arange(grid.outer)])
    u = _WIDTH * (cells[:, None] + 0.5 + 0.5 * _chebyshev_nodes(_TERMS))
    offset = grid.scale * np.sinh(u)
    offset[: grid.inner] *= -1.0
    # An even function of r goes on beyond the middle.
    r = jnp.abs(radius + jnp.asarray(offset, radius.dtype))[..., None]
    return _product(r, radius, angle)


def _product(r: Array, radius: Array, angle: float) -> Array:
    """kappa^2 J_0(kappa r_small) H_0(kappa r_large) step / (2 pi) on the ray; r of shape [..., 1]."""
    x = jnp.asarray(_ray(angle), r.dtype)[(None,) * (r.ndim - 1)]
    small, large = jnp.minimum(r, radius), jnp.maximum(r, radius)
    regular, outgoing = ray_bessel(x * small, angle)[0], ray_bessel(x * large, angle)[1]
    phase = x * (large - small)
    wave = jnp.exp(jax.lax.complex(-math.sin(angle) * phase, math.cos(angle) * phase))
    weight = x**2 * (_STEP * angle / (2.0 * math.pi))
    turned = jax.lax.complex(math.cos(2.0 * angle) * weight, math.sin(2.0 * angle) * weight)
    return turned * regular * outgoing * wave


def radial_table(basis: Array, values: Array, mirrored: Array | None = None) -> Array:
    """Coefficients of F in every cell.

    Args:
        basis: of `ray_basis`, shape [cells, terms, nodes].
        values: G on the ray, shape [..., nodes].
        mirrored: G on the mirrored ray, for a complex function; None where it is the conjugate.

    Returns:
        Powers of the place within a cell from -1 to 1, lowest first, shape [..., cells, terms]; real if G is.
    """
    whole = jnp.einsum("ctn,...n->...ct", basis, values, precision="highest")
    if mirrored is None:
        whole = whole.real
    else:
        whole = 0.5 * (whole + jnp.einsum("ctn,...n->...ct", basis.conj(), mirrored, precision="highest"))
    # By way of Chebyshev's polynomials: straight to powers is by numbers of some hundreds that cancel.
    for matrix in _by_chebyshev(_TERMS):
        whole = jnp.einsum("...ct,pt->...cp", whole, jnp.asarray(matrix, whole.dtype), precision="highest")
    return whole


def radial_value(tables: Array, grid: RadialGrid, which: Array, r: Array, radius: Array) -> Array:
    """F at distances r, from tables.

    Args:
        tables: of `radial_table`, shape [tables, cells, terms].
        grid: the cells.
        which: number of the table, integers of the shape of r.
        r: distances in um, at least 0, any shape.
        radius: R in um, of the shape of r.

    Returns:
        F in 1/um^2 times the unit of G, of the shape of r.
    """
    outside = r >= radius
    apart = jnp.where(outside, r - radius, radius - r)
    u = jnp.arcsinh(apart / grid.scale) / _WIDTH
    cell = jnp.floor(jax.lax.stop_gradient(u))
    cell = jnp.minimum(cell, jnp.where(outside, grid.outer - 1.0, grid.inner - 1.0).astype(u.dtype))
    place = 2.0 * (u - cell) - 1.0
    # Beyond the last cell, a metre away, the value stays what it is there.
    place = jnp.minimum(place, 1.0)
    rows = tables[which, cell.astype(jnp.int32) + jnp.where(outside, grid.inner, 0)]
    return _polynomial(rows, place.astype(rows.dtype))


@jax.custom_jvp
def _polynomial(rows: Array, place: Array) -> Array:
    """Polynomials of coefficients [..., terms] at places [...]."""
    value = rows[..., _TERMS - 1]
    for k in range(_TERMS - 2, -1, -1):
        value = value * place + rows[..., k]
    return value


def _polynomial_jvp(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Any]:
    """The slope comes from the same loop, so that a reverse pass keeps one number a point instead of all steps."""
    (rows, place), (rows_change, place_change) = primals, tangents
    value, slope = rows[..., _TERMS - 1], jnp.zeros_like(place)
    for k in range(_TERMS - 2, -1, -1):
        slope = slope * place + value
        value = value * place + rows[..., k]
    change = jnp.zeros_like(value)
    if not isinstance(place_change, SymbolicZero):
        change = change + slope * place_change
    if not isinstance(rows_change, SymbolicZero):
        change = change + _polynomial(rows_change, place)
    return value, change


_polynomial.defjvp(_polynomial_jvp, symbolic_zeros=True)


def line_transform(values: Array, x: Array, mirrored: Array | None = None, angle: float = STEADY) -> Array:
    """Field of a line, 1 / pi int_0^inf G(kappa^2) cos(kappa x) dkappa.

    Args:
        values: G on the ray of `angle`, shape [nodes].
        x: distance from the line in um, above 0, any shape.
        mirrored: G on the mirrored ray, for a complex function; None where it is the conjugate.
        angle: of the ray, static, `STEADY` or `TRANSIENT`.

    Returns:
        Temperature over power per length, of the shape of x; real if G is.
    """
    ray = jnp.asarray(_ray(angle), x.dtype)[(None,) * x.ndim]
    sine, cosine, turned = math.sin(angle), math.cos(angle), ray * jnp.abs(x)[..., None]
    wave = jnp.exp(jax.lax.complex(-sine * turned, cosine * turned))
    wave = jax.lax.complex(cosine * ray, sine * ray) * wave * (_STEP * angle / math.pi)
    there = jnp.einsum("...n,n->...", wave, values, precision="highest")
    if mirrored is None:
        return there.real
    return 0.5 * (there + jnp.einsum("...n,n->...", wave.conj(), mirrored, precision="highest"))


def ray_bessel(x: Array, angle: float = STEADY) -> tuple[Array, Array]:
    """J_0(z) exp(i z) and H_0(z) exp(-i z), H_0 of the first kind, at z = x exp(i angle); x real, at least 0.

    From tables in log x with some 12 digits; below 1e-22 they stay as they are there.
    """
    u = (jnp.log(jnp.maximum(x, math.exp(_BESSEL_LOW))) - _BESSEL_LOW) / _BESSEL_WIDTH
    table = jnp.asarray(_bessel_table(angle), x.dtype)
    cell = jnp.clip(jnp.floor(jax.lax.stop_gradient(u)), 0, table.shape[0] - 1)
    place = (2.0 * (u - cell) - 1.0)[..., None]
    rows = table[cell.astype(jnp.int32)]  # [..., terms, 4]
    value = rows[..., _BESSEL_TERMS - 1, :]
    for k in range(_BESSEL_TERMS - 2, -1, -1):
        value = value * place + rows[..., k, :]
    return jax.lax.complex(value[..., 0], value[..., 1]), jax.lax.complex(value[..., 2], value[..., 3])


def _ray(angle: float) -> np.ndarray:
    return np.exp(np.arange(math.log(_LOWEST), math.log(_HIGHEST), _STEP * angle))


@functools.cache
def _bessel_table(angle: float) -> np.ndarray:
    """Real and imaginary parts of both functions as powers in each cell, shape [cells, terms, 4]."""
    from scipy.special import hankel1e, jve

    count = math.ceil((_BESSEL_HIGH - _BESSEL_LOW) / _BESSEL_WIDTH)
    nodes = _BESSEL_LOW + _BESSEL_WIDTH * (np.arange(count)[:, None] + 0.5 + 0.5 * _chebyshev_nodes(_BESSEL_TERMS))
    z = np.exp(nodes) * np.exp(1j * angle)
    # SciPy takes out exp(-|Im z|) and exp(i z); what is left of exp(i z) has modulus one.
    regular, outgoing = jve(0, z) * np.exp(1j * z.real), hankel1e(0, z)
    parts = np.stack([regular.real, regular.imag, outgoing.real, outgoing.imag], axis=-1)
    if not np.all(np.isfinite(parts)):
        raise FloatingPointError("Bessel functions on the ray are not finite")
    return np.einsum("pt,ctk->cpk", _to_powers(_BESSEL_TERMS), parts)


def _chebyshev_nodes(count: int) -> np.ndarray:
    return np.cos(math.pi * (np.arange(count) + 0.5) / count)


@functools.cache
def _by_chebyshev(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices from values at Chebyshev's nodes to coefficients of his polynomials, and from those to powers."""
    to_polynomials = np.linalg.inv(np.polynomial.chebyshev.chebvander(_chebyshev_nodes(count), count - 1))
    powers = [np.polynomial.chebyshev.cheb2poly(row) for row in np.eye(count)]
    return to_polynomials, np.stack([np.pad(row, (0, count - row.size)) for row in powers], axis=1)


@functools.cache
def _to_powers(count: int) -> np.ndarray:
    """Matrix from values at Chebyshev's nodes to powers, lowest first."""
    return np.linalg.inv(np.polynomial.polynomial.polyvander(_chebyshev_nodes(count), count - 1))
