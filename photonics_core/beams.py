"""Gaussian beams as ends of fibres: two waists and where they lie, the angle of the axes, the polarisation.

A beam is that which an end sends out, along its own z. Radii are those of 1/e of the field (1/e^2 of the intensity),
and a mode field diameter is two of them. With waves exp(i (k z - w t)) the complex parameter is q = z - i z_R at a
distance z behind the waist, z_R = pi n w^2 / wl; the field is exp(i k r^2 / (2 q)). The letter q with z + i z_R, as in
A. E. Siegman, Lasers (1986), is its conjugate; the law q' = (A q + B) / (C q + D) holds for both.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels import gaussian_overlap
from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf


class GaussianBeam(Shown):
    """A beam as an end sends it out; it accepts the same beam run backwards.

    Args:
        waist_x, waist_y: radii of the waists in um, along the first and second principal axis.
        distance_x, distance_y: how far in front of the end the waists lie in um: 0 for a plain fibre, the working
            distance for a lensed one.
        angle: angle of the first principal axis to x in rad, from x to y.
        azimuth: angle of the polarisation's long axis to x in rad.
        ellipticity: angle whose tangent is short over long axis, in rad; pi / 4 is circular. Above zero the field at
            one place turns from x to y in time.

    Raises:
        ValueError: for a waist that is not above zero, or a number that is not finite.
    """

    waist_x: Any = eqx.field(converter=as_leaf)
    waist_y: Any = eqx.field(converter=as_leaf)
    distance_x: Any = eqx.field(converter=as_leaf, default=0.0)
    distance_y: Any = eqx.field(converter=as_leaf, default=0.0)
    angle: Any = eqx.field(converter=as_leaf, default=0.0)
    azimuth: Any = eqx.field(converter=as_leaf, default=0.0)
    ellipticity: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        for name in ("waist_x", "waist_y"):
            check_positive(name, getattr(self, name), "um")
        for name in ("distance_x", "distance_y"):
            check_finite(name, getattr(self, name), "um")
        for name in ("angle", "azimuth", "ellipticity"):
            check_finite(name, getattr(self, name), "rad")

    @staticmethod
    def from_mfd(mfd: Any, mfd_y: Any = None, **more: Any) -> "GaussianBeam":
        """A beam with its waist on the end, of a mode field diameter in um, or of two; `more` as for the class."""
        check_positive("mfd", mfd, "um")
        if mfd_y is not None:
            check_positive("mfd_y", mfd_y, "um")
        first = as_leaf(mfd) / 2.0
        return GaussianBeam(first, first if mfd_y is None else as_leaf(mfd_y) / 2.0, **more)

    @staticmethod
    def lensed(spot: Any, working_distance: Any, **more: Any) -> "GaussianBeam":
        """A lensed fibre: a spot of this 1/e^2 diameter in um, so far in front of the tip in um."""
        check_range("working_distance", working_distance, 0.0, np.inf, "um")
        beam = GaussianBeam.from_mfd(spot, **more)
        distance = as_leaf(working_distance)
        return eqx.tree_at(lambda b: (b.distance_x, b.distance_y), beam, (distance, distance))

    @staticmethod
    def expanded(mfd: Any, focal_length: Any, wl: Any, index: Any = 1.0) -> "GaussianBeam":
        """A fibre in the front focal plane of a collimator, whose waist lies in the back focal plane.

        Args:
            mfd: mode field diameter of the fibre in um.
            focal_length: f of the lens in um, in the gap's medium.
            wl: free-space wavelength in um.
            index: index of the medium.

        Returns:
            Beam of the waist wl f / (pi n w). Its end is the back focal plane.
        """
        for name, value, unit in (("mfd", mfd, "um"), ("focal_length", focal_length, "um"), ("wl", wl, "um")):
            check_positive(name, value, unit)
        check_range("index", index, 1.0, np.inf)
        waist = as_leaf(wl) * as_leaf(focal_length) / (math.pi * as_leaf(index) * 0.5 * as_leaf(mfd))
        return GaussianBeam(waist, waist)

    @staticmethod
    def from_q(q: Any, wl: Any, index: Any = 1.0, q_y: Any = None, **more: Any) -> "GaussianBeam":
        """A beam of the complex parameter q = z - i z_R in um on its end, of one or of both axes.

        Raises:
            ValueError: for a q whose imaginary part is not below zero.
        """
        check_positive("wl", wl, "um")
        check_range("index", index, 1.0, np.inf)
        parts = [_waist(each, wl, index) for each in (q, q if q_y is None else q_y)]
        (waist_x, distance_x), (waist_y, distance_y) = parts
        return GaussianBeam(waist_x, waist_y, distance_x, distance_y, **more)

    @property
    def jones(self) -> jax.Array:
        """Components E_x and E_y of the polarisation, of norm 1, complex, shape [2]."""
        return jones_vector(self.azimuth, self.ellipticity)

    def q(self, wl: Any, index: Any = 1.0) -> tuple[jax.Array, jax.Array]:
        """Complex parameters q = z - i z_R of both axes on the end in um; `wl` in um."""
        check_positive("wl", wl, "um")
        check_range("index", index, 1.0, np.inf)
        k = 2.0 * math.pi * floating(index) / floating(wl)
        pairs = ((self.waist_x, self.distance_x), (self.waist_y, self.distance_y))
        parts = [jax.lax.complex(-floating(d), -0.5 * k * floating(w) ** 2) for w, d in pairs]
        return parts[0], parts[1]

    def matrix(self, z: jax.Array, k: jax.Array) -> gaussian_overlap.Symmetric:
        """Matrix A in 1/um^2 of the light `z` um in front of the end, exp(-r^T A r), of the shape of `z`.

        That of the light which the end accepts is its complex conjugate at z = 0. `k` is the wavenumber in 1/um.
        """
        waists, angle = (floating(self.waist_x), floating(self.waist_y)), floating(self.angle)
        behind = z - floating(self.distance_x), z - floating(self.distance_y)
        return gaussian_overlap.beam_matrix(waists, behind, jnp.cos(angle), jnp.sin(angle), k)

    def envelope(self, x: jax.Array, y: jax.Array, z: jax.Array, k: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Size in 1/um, of power 1, and phase in rad of the field at points `z` um in front of the end, but for k z."""
        c, s = jnp.cos(floating(self.angle)), jnp.sin(floating(self.angle))
        fall, phase, peak = jnp.zeros_like(x), jnp.zeros_like(x), jnp.ones_like(k)
        axes = (x * c + y * s, self.waist_x, self.distance_x), (y * c - x * s, self.waist_y, self.distance_y)
        for along, waist, distance in axes:
            behind, rayleigh = z - floating(distance), 0.5 * k * floating(waist) ** 2
            curvature = 0.5 * k / (rayleigh**2 + behind**2)
            fall, phase = fall - curvature * rayleigh * along**2, phase + curvature * behind * along**2
            peak = peak * (2.0 * curvature * rayleigh / math.pi) ** 0.25
        return peak * jnp.exp(fall), phase

    def radii(self, z: Any, wl: Any, index: Any = 1.0) -> tuple[jax.Array, jax.Array]:
        """Radii w(z) of both axes in um, `z` um in front of the end (any shape)."""
        pairs = zip(self.q(wl, index), (self.waist_x, self.waist_y), strict=True)
        radii = [floating(w) * jnp.sqrt(1.0 + ((floating(z) + q.real) / q.imag) ** 2) for q, w in pairs]
        return radii[0], radii[1]


def jones_vector(azimuth: Any, ellipticity: Any) -> jax.Array:
    """Jones vector of norm 1 of an azimuth and an ellipticity in rad, complex, shape [2].

    (cos a cos e - i sin a sin e, sin a cos e + i cos a sin e).
    """
    a, e = floating(azimuth), floating(ellipticity)
    real = jnp.stack([jnp.cos(a) * jnp.cos(e), jnp.sin(a) * jnp.cos(e)])
    return jax.lax.complex(real, jnp.stack([-jnp.sin(a) * jnp.sin(e), jnp.cos(a) * jnp.sin(e)]))


def floating(value: Any) -> jax.Array:
    """A number in the precision of the process."""
    return jnp.asarray(value).astype(jnp.result_type(float))


def _waist(q: Any, wl: Any, index: Any) -> tuple[Any, Any]:
    if is_concrete(q):
        check_finite("real part of q", np.real(q), "um")
        check_positive("Rayleigh length, -Im q,", -np.imag(q), "um")
    q = jnp.asarray(q).astype(jnp.result_type(complex))
    return jnp.sqrt(-q.imag * floating(wl) / (math.pi * floating(index))), -q.real
