"""Overlap of two Gaussian beams of any ellipticity and curvature in one plane, in closed form.

A beam is exp(-r^T A r) with a complex symmetric 2 x 2 matrix A whose real part is positive definite: 1 / w^2 along a
principal axis, and A = -i k / (2 q) with q = z - i z_R at a distance z behind the waist (waves exp(i (k z - w t))). The
second beam, B, has its centre at r_0 and leans by a phase exp(i kappa . (r - r_0)). All integrals are those of
Gaussians. With S = A + B^*, D = A - B, G_A = (2 Re A)^-1 and G_B likewise, the power that couples is eta with

    ln eta = -1/2 ln det(1 + T) - 2 Re(r_0^T A S^-1 B^* r_0 - i kappa^T S^-1 A r_0 + kappa^T S^-1 kappa / 4)
    T = G_A D^* G_B D

T comes of |det S|^2 / (det 2 Re A det 2 Re B) = det((1 - G_A D)(1 + G_B D)) = det(1 + T). It is similar to X^H X with
X = G_B^1/2 D G_A^1/2, so that eta <= 1, and it is formed of differences of beams: nothing cancels where the loss is
small. Round beams give the formula of W. B. Joyce and B. C. DeLoach, Appl. Opt. 23, 4187 (1984).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Symmetric(NamedTuple):
    """A symmetric 2 x 2 matrix by its elements: batches of numbers compile into faster code than those of matrices."""

    xx: jax.Array
    xy: jax.Array
    yy: jax.Array


def beam_matrix(waists: Any, distances: Any, angle: jax.Array, k: jax.Array) -> Symmetric:
    """Matrix A in 1/um^2 of a simply astigmatic beam, complex.

    Args:
        waists: radii w of the two waists (1/e of the field) in um, a pair.
        distances: how far behind each waist the plane lies in um, a pair.
        angle: angle of the first principal axis to x in rad.
        k: wavenumber in the medium in 1/um.
    """
    first, second = (_along_axis(w, z, k) for w, z in ((waists[0], distances[0]), (waists[1], distances[1])))
    c, s = jnp.cos(angle), jnp.sin(angle)
    cc, cs, ss = (each.astype(first.dtype) for each in (c * c, c * s, s * s))
    return Symmetric(cc * first + ss * second, cs * (first - second), ss * first + cc * second)


def log_efficiency(source: Symmetric, receiver: Symmetric, offset: Any, ramp: Any) -> jax.Array:
    """Natural logarithm of the power that couples, at most 0.

    Args:
        source: A of the light in the plane of the receiver in 1/um^2, complex.
        receiver: B of the light it accepts.
        offset: r_0, from the source's axis to the receiver's centre in um, a pair.
        ramp: kappa, of the receiver, in 1/um, a pair.
    """
    accepted = Symmetric(*(each.conj() for each in receiver))
    inverse = _inverse(Symmetric(*(a + b for a, b in zip(source, accepted, strict=True))))
    place, lean = ((pair[0].astype(source.xx.dtype), pair[1].astype(source.xx.dtype)) for pair in (offset, ramp))
    near = _times(source, place)
    displaced = _dot(near, _times(inverse, _times(accepted, place)))
    turned = _times(inverse, lean)
    tilted = 0.25 * _dot(lean, turned) - 1j * _dot(turned, near)
    return -0.5 * jnp.log1p(_mismatch(source, receiver)) - 2.0 * (displaced + tilted).real


def _along_axis(waist: jax.Array, distance: jax.Array, k: jax.Array) -> jax.Array:
    """-i k / (2 q)."""
    rayleigh = 0.5 * k * waist**2
    size = 0.5 * k / (rayleigh**2 + distance**2)
    return jax.lax.complex(size * rayleigh, -size * distance)


def _mismatch(source: Symmetric, receiver: Symmetric) -> jax.Array:
    """det(1 + T) - 1 = trace T + det T."""
    difference = Symmetric(*(a - b for a, b in zip(source, receiver, strict=True)))
    ours, theirs = (_inverse(Symmetric(*(2.0 * each.real for each in beam))) for beam in (source, receiver))
    cast = difference.xx.dtype
    left = _product(Symmetric(*(each.astype(cast) for each in ours)), Symmetric(*(each.conj() for each in difference)))
    right = _product(Symmetric(*(each.astype(cast) for each in theirs)), difference)
    trace = left[0][0] * right[0][0] + left[0][1] * right[1][0] + left[1][0] * right[0][1] + left[1][1] * right[1][1]
    whole = _determinant(difference)
    return trace.real + (whole.real**2 + whole.imag**2) * _determinant(ours) * _determinant(theirs)


def _product(a: Symmetric, b: Symmetric) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    first = a.xx * b.xx + a.xy * b.xy, a.xx * b.xy + a.xy * b.yy
    return first, (a.xy * b.xx + a.yy * b.xy, a.xy * b.xy + a.yy * b.yy)


def _times(matrix: Symmetric, pair: Any) -> tuple[jax.Array, jax.Array]:
    return matrix.xx * pair[0] + matrix.xy * pair[1], matrix.xy * pair[0] + matrix.yy * pair[1]


def _dot(a: Any, b: Any) -> jax.Array:
    return a[0] * b[0] + a[1] * b[1]


def _determinant(matrix: Symmetric) -> jax.Array:
    return matrix.xx * matrix.yy - matrix.xy * matrix.xy


def _inverse(matrix: Symmetric) -> Symmetric:
    determinant = _determinant(matrix)
    return Symmetric(matrix.yy / determinant, -matrix.xy / determinant, matrix.xx / determinant)
