"""The beam of a fibre over a grating: a Gaussian of plane waves, and its overlap with a wide guide along y."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.runtime import as_leaf

#: Plane waves of a beam, and where its spectrum exp(-s^2) is cut off.
WAVES, CUT = 64, 6.0
#: Farthest point along y that is summed, in waists.
FAR = 6.0


class TiltedBeam(Shown):
    """A Gaussian beam of a fibre over a grating, by what it is in the medium on top.

    Args:
        angle: between its axis and the upright, in degrees within (-90, 90), in the medium on top: of a fibre in air
            over a cladding that is the angle in air. Above zero it leans along the guide's light, so that light leaves
            forward.
        waist: radius w at which its field has fallen to 1/e in um: half the mode field diameter.
        distance: of the waist from the surface of the film along the axis in um. Axis and distance are those of the
            medium on top, as if it reached down to the film; a cladding bends them on the way.

    Raises:
        ValueError: for an angle, a waist or a distance outside its range.
    """

    angle: Any = eqx.field(converter=as_leaf, default=10.0)
    waist: Any = eqx.field(converter=as_leaf, default=5.2)
    distance: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_range("angle", self.angle, -90.0, 90.0, "degrees", exclusive=True)
        check_positive("waist", self.waist, "um")
        check_finite("distance", self.distance, "um")


class PlaneWaves(NamedTuple):
    """Plane waves of a beam: wave vectors, amplitudes at the surface for an axis through x = 0, and power."""

    along: jax.Array
    upward: jax.Array
    amplitude: jax.Array
    power: jax.Array


def plane_waves(beam: TiltedBeam, k: jax.Array) -> PlaneWaves:
    """Plane waves that run upward; k in 1/um of the medium on top, real."""
    nodes, weights = (jnp.asarray(each, k.dtype) for each in np.polynomial.legendre.leggauss(WAVES))
    waist, distance = jnp.asarray(beam.waist, k.dtype), jnp.asarray(beam.distance, k.dtype)
    tilt = jnp.deg2rad(jnp.asarray(beam.angle, k.dtype))
    across = 2.0 * CUT * nodes / waist
    runs = jnp.abs(across) < k
    axial = jnp.where(runs, jnp.sqrt(jnp.where(runs, k**2 - across**2, 1.0)), 0.0)
    along = across * jnp.cos(tilt) + axial * jnp.sin(tilt)
    upward = axial * jnp.cos(tilt) - across * jnp.sin(tilt)
    size = jnp.where(runs & (upward > 0.0), jnp.exp(-((CUT * nodes) ** 2)), 0.0)
    measure = weights * 2.0 * CUT / waist
    phase = -axial * distance
    amplitude = jax.lax.complex(size * measure * jnp.cos(phase), size * measure * jnp.sin(phase))
    return PlaneWaves(along, upward, amplitude, 2.0 * jnp.pi * jnp.sum(size**2 * axial * measure))


def check_beam(beam: Any) -> None:
    """Refuse what is not one beam."""
    check_kind("beam", beam, TiltedBeam)
    for name in ("angle", "waist", "distance"):
        if np.ndim(getattr(beam, name)):
            raise ValueError(f"{name} of shape {np.shape(getattr(beam, name))} is not a number; use jax.vmap for beams")


def lateral_overlap(width: Any, waist: Any = 5.2) -> jax.Array:
    """Factor of the efficiency along y: overlap of cos(pi y / width) of a wide guide with a Gaussian.

    At a best width of 1.42 times the mode field diameter it is 0.989.

    Args:
        width: of the guide at the grating in um.
        waist: radius at which the field of the beam has fallen to 1/e in um.

    Raises:
        ValueError: for a width or a waist that is not above zero.
    """
    check_positive("width", width, "um")
    check_positive("waist", waist, "um")
    width, waist = jnp.broadcast_arrays(*(jnp.asarray(each, jnp.result_type(float)) for each in (width, waist)))
    gauss_points = np.polynomial.legendre.leggauss(WAVES)
    nodes, weights = (jnp.asarray(each, width.dtype).reshape((1,) * width.ndim + (-1,)) for each in gauss_points)
    # Of a guide much wider than the beam the points lie where the beam is.
    half = 0.5 * jnp.minimum(width, 2.0 * FAR * waist)[..., None]
    gauss = jnp.exp(-((half * nodes / waist[..., None]) ** 2))
    cosine = jnp.cos(jnp.pi * half * nodes / width[..., None])
    crossed = jnp.sum(half * weights * cosine * gauss, axis=-1)
    return crossed**2 / (0.5 * width * waist * math.sqrt(0.5 * math.pi))
