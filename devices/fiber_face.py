"""Polished end faces: where the light of a slant face goes, its mode field outside, and what the face reflects.

The normal of a face leans by an angle a from the fibre's axis; the fibre is shorter, the face recedes, towards the
direction u. By Snell n sin a = n_gap sin b, and the light leaves the fibre turned by b - a away from u, towards its
longer side. The mode field in the plane of refraction is narrower by cos b / cos a (A. E. Siegman, Lasers (1986), ray
matrices of a tilted face). What the face reflects runs back turned by 2 a in the glass, where the overlap of
Gaussian beams takes it: -ln eta = (pi n w sin(2 a) / wl)^2.

A joint is one of the beams outside: `FibreJoint(face.beam(fibre, index), ...)` at `light_alignment(body, ...)`.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam, floating
from photonics_core.devices.fiber_alignment import Alignment
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER


class PolishedFace(Shown):
    """A slant face of a fibre.

    Args:
        angle: angle of its normal to the fibre's axis in rad; 8 degrees for an angled connector.
        azimuth: direction in which the face recedes, an angle to x in rad.
        glass: index of the fibre.

    Raises:
        ValueError: for an angle beyond a right one, or an index below 1.
    """

    angle: Any = eqx.field(converter=as_leaf)
    azimuth: Any = eqx.field(converter=as_leaf, default=0.0)
    glass: Any = eqx.field(converter=as_leaf, default=1.45)

    def __check_init__(self) -> None:
        check_range("angle", self.angle, -0.5 * math.pi, 0.5 * math.pi, "rad", exclusive=True)
        check_finite("azimuth", self.azimuth, "rad")
        check_range("glass", self.glass, 1.0, np.inf)

    def outside(self, index: Any = 1.0) -> jax.Array:
        """Angle b in rad between the light outside and the normal, in a gap of this index.

        Raises:
            ValueError: where all light is reflected.
        """
        check_range("index", index, 1.0, np.inf)
        if is_concrete(index, self.angle, self.glass):
            steepest = math.asin(min(1.0, float(index) / float(self.glass)))
            check_range("angle below total reflection,", self.angle, -steepest, steepest, "rad", exclusive=True)
        return jnp.arcsin(floating(self.glass) / floating(index) * jnp.sin(floating(self.angle)))

    def deviation(self, index: Any = 1.0) -> jax.Array:
        """Angle b - a in rad by which the light is turned from the fibre's axis."""
        return self.outside(index) - floating(self.angle)

    def beam(self, beam: GaussianBeam, index: Any = 1.0) -> GaussianBeam:
        """The beam outside of a round one with its waist on the face, along its own direction.

        Raises:
            ValueError: for a beam of two waists or one that is not on the face.
        """
        check_kind("beam", beam, GaussianBeam)
        if is_concrete(beam.waist_x, beam.waist_y):
            check_range("difference of the waists", beam.waist_x - beam.waist_y, 0.0, 0.0, "um")
        for name in ("distance_x", "distance_y"):
            check_range(f"{name} of a polished fibre", getattr(beam, name), 0.0, 0.0, "um")
        scale = jnp.cos(self.outside(index)) / jnp.cos(floating(self.angle))
        more = {"angle": self.azimuth, "azimuth": beam.azimuth, "ellipticity": beam.ellipticity}
        return GaussianBeam(scale * floating(beam.waist_x), beam.waist_y, **more)

    def transmission(self, index: Any = 1.0, polarization: Any = 0.0) -> jax.Array:
        """Part of the power that passes, by Fresnel; the polarisation is linear, at an angle to x in rad."""
        check_finite("polarization", polarization, "rad")
        inner, outer = jnp.cos(floating(self.angle)), jnp.cos(self.outside(index))
        n, m = floating(self.glass), floating(index)
        parts = (4.0 * n * m * inner * outer / (n * p + m * q) ** 2 for p, q in ((outer, inner), (inner, outer)))
        along, across = parts
        part = jnp.cos(floating(polarization) - floating(self.azimuth)) ** 2
        return part * along + (1.0 - part) * across

    def return_loss_db(self, beam: GaussianBeam, wl: Any, index: Any = 1.0, polarization: Any = 0.0) -> jax.Array:
        """Loss in dB of light that the face reflects back into a round mode; by Fresnel alone where the angle is 0."""
        check_kind("beam", beam, GaussianBeam)
        check_positive("wl", wl, "um")
        lean = math.pi * floating(self.glass) * floating(beam.waist_x) * jnp.sin(2.0 * floating(self.angle))
        reflected = 1.0 - self.transmission(index, polarization)
        least = float(jnp.finfo(reflected.dtype).eps)
        return DB_PER_NEPER * ((lean / floating(wl)) ** 2 - jnp.log(jnp.maximum(reflected, least)))

    def turn(self, index: Any = 1.0) -> jax.Array:
        """Turn that takes the fibre's axis to the light it accepts, [3, 3]; its inverse that to the light it sends."""
        angle, u = self.deviation(index), floating(self.azimuth)
        c, s, zero = jnp.cos(u), jnp.sin(u), jnp.zeros_like(u)
        axes = jnp.stack([jnp.stack([c, -s, zero]), jnp.stack([s, c, zero]), jnp.stack([zero, zero, zero + 1.0])])
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        lean = jnp.stack(
            [jnp.stack([cos, zero, sin]), jnp.stack([zero, zero + 1.0, zero]), jnp.stack([-sin, zero, cos])]
        )
        return jnp.einsum("ij,jk,lk->il", axes, lean, axes, precision="highest")


def light_alignment(
    body: Alignment, source: PolishedFace | None = None, receiver: PolishedFace | None = None, index: Any = 1.0
) -> Alignment:
    """Alignment of the light of two fibres from that of their bodies; the place is that of the cores on their faces.

    Args:
        body: where the receiving fibre stands, z along the axis of the source's fibre.
        source, receiver: their faces; None for a straight one.
        index: index of the gap.
    """
    check_kind("body", body, Alignment)
    one = jnp.eye(3, dtype=jnp.result_type(float))
    # Light leaves the source turned the other way than that which it would accept.
    sent = one if source is None else source.turn(index)
    accepted = one if receiver is None else receiver.turn(index)
    turn = jnp.einsum("ij,...jk,kl->...il", sent, body.rotation(), accepted, precision="highest")
    place = jnp.einsum("ij,...j->...i", sent, body.vector()[..., :3], precision="highest")
    return Alignment.of_turn(place, turn)
