"""Overlap of two Gaussian beams of any ellipticity and curvature in one plane, in closed form, for millions of joints.

A beam is exp(-r^T A r) with a complex symmetric 2 x 2 matrix A whose real part is positive definite: 1 / w^2 along a
principal axis, and A = -i k / (2 q) with q = z - i z_R at a distance z behind the waist (waves exp(i (k z - w t))). The
second beam, exp(-(r - r_0)^T B (r - r_0) + i kappa . (r - r_0)), has its centre at r_0 and leans by a phase. All
integrals are those of Gaussians, so that the loss is of second order in offset and tilt without an approximation. With
S = A + B^*, D = A - B, G_A = (2 Re A)^-1 and G_B likewise, the power that couples is eta with

    -ln eta = level + slope . r_0 + r_0^T bend r_0 / 2
    bend = 4 Re P,  slope = 2 Im(N^T kappa),  level = ln det(1 + T) / 2 + kappa^T Re(S^-1) kappa / 2
    P = A S^-1 B^* = (det A B^* + det B^* A) / det S,  N = S^-1 A = (det A + adj(B^*) A) / det S,  T = G_A D^* G_B D

T comes of |det S|^2 / (det 2 Re A det 2 Re B) = det((1 - G_A D)(1 + G_B D)) = det(1 + T). It is similar to X^H X with
X = G_B^1/2 D G_A^1/2, so that eta <= 1, and it is formed of differences of beams: nothing cancels where the loss is
small. Round beams give the formula of W. B. Joyce and B. C. DeLoach, Appl. Opt. 23, 4187 (1984). Matrices are tuples of
their components, arrays of any shape that broadcast, so that all is elementwise and a compiler makes one loop of it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Symmetric(NamedTuple):
    """Components of a symmetric 2 x 2 matrix, real or complex."""

    xx: jax.Array
    xy: jax.Array
    yy: jax.Array

    @property
    def determinant(self) -> jax.Array:
        """Determinant."""
        return self.xx * self.yy - self.xy * self.xy

    def conj(self) -> "Symmetric":
        """Complex conjugate."""
        return Symmetric(self.xx.conj(), self.xy.conj(), self.yy.conj())


class OffsetForm(NamedTuple):
    """A quadratic form of an offset r in um: level + slope . r + r^T bend r / 2."""

    level: jax.Array
    slope_x: jax.Array
    slope_y: jax.Array
    bend: Symmetric

    def about(self, x: jax.Array, y: jax.Array) -> "OffsetForm":
        """The same as a form of the offset from a place (x, y) in um."""
        pull_x, pull_y = self.bend.xx * x + self.bend.xy * y, self.bend.xy * x + self.bend.yy * y
        level = self.level + (self.slope_x + 0.5 * pull_x) * x + (self.slope_y + 0.5 * pull_y) * y
        return OffsetForm(level, self.slope_x + pull_x, self.slope_y + pull_y, self.bend)


def beam_matrix(
    waists: tuple[jax.Array, jax.Array],
    distances: tuple[jax.Array, jax.Array],
    cosine: jax.Array,
    sine: jax.Array,
    k: jax.Array,
) -> Symmetric:
    """Matrix A in 1/um^2 of simply astigmatic beams, complex.

    Args:
        waists: radii of the two waists in um.
        distances: how far behind each waist the plane lies in um.
        cosine, sine: of the angle of the first principal axis to x.
        k: wavenumber in the medium in 1/um.
    """
    first, second = (_curvature(w, d, k) for w, d in zip(waists, distances, strict=True))
    return turned(Symmetric(first, jnp.zeros_like(first), second), cosine, sine)


def turned(matrix: Symmetric, cosine: jax.Array, sine: jax.Array) -> Symmetric:
    """Matrices after their beams have been turned by an angle of this cosine and sine."""
    cast = matrix.xx.dtype
    mean, half = 0.5 * (matrix.xx + matrix.yy), 0.5 * (matrix.xx - matrix.yy)
    double_c, double_s = (cosine * cosine - sine * sine).astype(cast), (2.0 * cosine * sine).astype(cast)
    along = half * double_c - matrix.xy * double_s
    return Symmetric(mean + along, half * double_s + matrix.xy * double_c, mean - along)


def offset_form(source: Symmetric, receiver: Symmetric, ramp_x: jax.Array, ramp_y: jax.Array) -> OffsetForm:
    """-ln of the power that couples as a form of the receiver's offset from the source's axis.

    Args:
        source: A of the light in the plane of the receiver in 1/um^2, complex.
        receiver: B of the light that it accepts.
        ramp_x, ramp_y: kappa of the receiver in 1/um, real.
    """
    a, c = source, receiver.conj()
    total = Symmetric(a.xx + c.xx, a.xy + c.xy, a.yy + c.yy)
    inverse = _reciprocal(total.determinant)
    ours, theirs = a.determinant * inverse, c.determinant * inverse
    bend = Symmetric(*(4.0 * (ours * q + theirs * p).real for p, q in zip(a, c, strict=True)))
    # Columns of adj(C) A, where adj(C) = [[yy, -xy], [-xy, xx]].
    n_xx, n_yx = ours + inverse * (c.yy * a.xx - c.xy * a.xy), inverse * (c.xx * a.xy - c.xy * a.xx)
    n_xy, n_yy = inverse * (c.yy * a.xy - c.xy * a.yy), ours + inverse * (c.xx * a.yy - c.xy * a.xy)
    slope_x = 2.0 * (ramp_x * n_xx.imag + ramp_y * n_yx.imag)
    slope_y = 2.0 * (ramp_x * n_xy.imag + ramp_y * n_yy.imag)
    tilted = (inverse * total.yy).real * ramp_x**2 + (inverse * total.xx).real * ramp_y**2
    tilted = tilted - 2.0 * (inverse * total.xy).real * ramp_x * ramp_y
    return OffsetForm(0.5 * (jnp.log1p(_mismatch(source, receiver)) + tilted), slope_x, slope_y, bend)


def _curvature(waist: jax.Array, distance: jax.Array, k: jax.Array) -> jax.Array:
    """A = k / (2 (z_R + i d)) of one axis: exp(i k r^2 / (2 q)) with q = d - i z_R."""
    rayleigh = 0.5 * k * waist * waist
    rayleigh, distance = jnp.broadcast_arrays(rayleigh, distance)
    size = 0.5 * k / (rayleigh * rayleigh + distance * distance)
    return jax.lax.complex(size * rayleigh, -size * distance)


def _reciprocal(value: jax.Array) -> jax.Array:
    """1 / z, without the care for overflow that costs most of a complex division."""
    size = 1.0 / (value.real * value.real + value.imag * value.imag)
    return jax.lax.complex(value.real * size, -value.imag * size)


def _mismatch(source: Symmetric, receiver: Symmetric) -> jax.Array:
    """det(1 + T) - 1 = trace T + det T with T = G_A D^* G_B D, D = A - B and G = (2 Re A)^-1."""
    d = Symmetric(*(p - q for p, q in zip(source, receiver, strict=True)))
    a, b = (Symmetric(*(each.real for each in one)) for one in (source, receiver))
    trace = _trace(a, b, Symmetric(*(each.real for each in d))) + _trace(a, b, Symmetric(*(each.imag for each in d)))
    lost, size = d.determinant, 0.25 / (a.determinant * b.determinant)
    return size * (trace + 0.25 * (lost.real * lost.real + lost.imag * lost.imag))


def _trace(a: Symmetric, b: Symmetric, m: Symmetric) -> jax.Array:
    """Trace of adj(a) m adj(b) m of real matrices."""
    first, second = (
        (s.yy * m.xx - s.xy * m.xy, s.yy * m.xy - s.xy * m.yy, s.xx * m.xy - s.xy * m.xx, s.xx * m.yy - s.xy * m.xy)
        for s in (a, b)
    )
    return first[0] * second[0] + first[1] * second[2] + first[2] * second[1] + first[3] * second[3]
