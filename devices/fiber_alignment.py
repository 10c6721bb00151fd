"""Where a receiver stands against a source: six degrees of freedom, and those of each core of an end of several.

The middle of the receiver's end lies at (x, y, z) from that of the source, whose light runs along z. About that point
the receiver is turned: first by `roll` about its axis, from x to y, then by `tilt_y` from z to y, then by `tilt_x` from
z to x, R = R_y(tilt_x) R_x(-tilt_y) R_z(roll).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import floating
from photonics_core.fields import CorePositions
from photonics_core.kernels.checks import check_finite, check_range
from photonics_core.runtime import as_leaf

#: Degrees of freedom, in the order of vectors.
FREEDOMS = ("x", "y", "z", "tilt_x", "tilt_y", "roll")


class Alignment(eqx.Module):
    """Where the receiver stands: x, y and z in um, tilts and roll in rad, numbers or arrays that broadcast.

    Raises:
        ValueError: for a number that is not finite, or a tilt of a right angle or more.
    """

    x: Any = eqx.field(converter=as_leaf, default=0.0)
    y: Any = eqx.field(converter=as_leaf, default=0.0)
    z: Any = eqx.field(converter=as_leaf, default=0.0)
    tilt_x: Any = eqx.field(converter=as_leaf, default=0.0)
    tilt_y: Any = eqx.field(converter=as_leaf, default=0.0)
    roll: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        for name in ("x", "y", "z"):
            check_finite(name, getattr(self, name), "um")
        for name in ("tilt_x", "tilt_y"):
            check_range(name, getattr(self, name), -0.5 * math.pi, 0.5 * math.pi, "rad", exclusive=True)
        check_finite("roll", self.roll, "rad")

    @staticmethod
    def of_vector(vector: Any) -> "Alignment":
        """From an array [..., 6], in the order of `FREEDOMS`."""
        vector = as_leaf(vector)
        return Alignment(*(vector[..., k] for k in range(len(FREEDOMS))))

    def vector(self) -> jax.Array:
        """All six as an array [..., 6]."""
        parts = jnp.broadcast_arrays(*(floating(getattr(self, name)) for name in FREEDOMS))
        return jnp.stack(parts, axis=-1)

    def rotation(self) -> jax.Array:
        """The turn R, which takes the receiver's own axes to those of the source, shape [..., 3, 3]."""
        *_, tilt_x, tilt_y, roll = jnp.moveaxis(self.vector(), -1, 0)
        return _turn(tilt_x, 2, 0) @ _turn(tilt_y, 2, 1) @ _turn(roll, 0, 1)

    def reversed(self) -> "Alignment":
        """The alignment of the source seen from the receiver, light running the other way, x and y as they are.

        With the mirror M = diag(1, 1, -1) the turn is M R^T M and the place -M R^T r_0. By reciprocity the two ends,
        exchanged, couple the same there.
        """
        mirror = jnp.diag(jnp.asarray([1.0, 1.0, -1.0], jnp.result_type(float)))
        back = jnp.swapaxes(self.rotation(), -2, -1)
        place = -jnp.einsum("ij,...jk,...k->...i", mirror, back, self.vector()[..., :3])
        turn = jnp.einsum("ij,...jk,kl->...il", mirror, back, mirror)
        tilt_x, tilt_y = jnp.arctan2(turn[..., 0, 2], turn[..., 2, 2]), jnp.arcsin(turn[..., 1, 2])
        flat = jnp.swapaxes(_turn(tilt_x, 2, 0) @ _turn(tilt_y, 2, 1), -2, -1) @ turn
        roll = jnp.arctan2(flat[..., 1, 0], flat[..., 0, 0])
        return Alignment(place[..., 0], place[..., 1], place[..., 2], tilt_x, tilt_y, roll)


def _turn(angle: jax.Array, start: int, end: int) -> jax.Array:
    """Turn of 3 x 3 from one axis to another, shape [..., 3, 3]."""
    c, s = jnp.cos(angle)[..., None, None], jnp.sin(angle)[..., None, None]
    parts = np.zeros((3, 3, 3))
    parts[0, [start, end], [start, end]] = 1.0
    parts[1, end, start], parts[1, start, end] = 1.0, -1.0
    parts[2, 3 - start - end, 3 - start - end] = 1.0
    c_part, s_part, rest = (jnp.asarray(part, c.dtype).reshape((1,) * angle.ndim + (3, 3)) for part in parts)
    return c * c_part + s * s_part + rest


def core_alignment(alignment: Alignment, cores: CorePositions, targets: CorePositions) -> Alignment:
    """Alignments of single cores of a rigid end, each beside its target on the source, shape [..., N].

    Core j lies at r_0 + R p_j and stands opposite the source's core at q_j. All lean and roll alike.
    """
    vector = alignment.vector()
    places = jnp.stack([floating(cores.x), floating(cores.y)], axis=-1)
    moved = jnp.einsum("...ij,nj->...ni", alignment.rotation()[..., :2], places, precision="highest")
    moved = moved + vector[..., None, :3]
    x, y = moved[..., 0] - floating(targets.x), moved[..., 1] - floating(targets.y)
    angles = (vector[..., None, k] for k in (3, 4, 5))
    return Alignment(*jnp.broadcast_arrays(x, y, moved[..., 2], *angles))
