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
from photonics_core.display import Shown
from photonics_core.fields import CorePositions
from photonics_core.kernels.checks import check_finite, check_range
from photonics_core.runtime import as_leaf

#: Degrees of freedom, in the order of vectors.
FREEDOMS = ("x", "y", "z", "tilt_x", "tilt_y", "roll")


class Alignment(Shown):
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
        return _product(_turn(tilt_x, 2, 0), _product(_turn(tilt_y, 2, 1), _turn(roll, 0, 1)))

    def reversed(self) -> "Alignment":
        """The alignment of the source seen from the receiver, light running the other way, x and y as they are.

        With the mirror M = diag(1, 1, -1) the turn is M R^T M and the place -M R^T r_0. By reciprocity the two ends,
        exchanged, couple the same there.
        """
        mirror = jnp.diag(jnp.asarray([1.0, 1.0, -1.0], jnp.result_type(float)))
        back = jnp.swapaxes(self.rotation(), -2, -1)
        place = -_product(_product(mirror, back), self.vector()[..., :3, None])[..., 0]
        turn = _product(_product(mirror, back), mirror)
        return Alignment.of_turn(place, turn)

    @staticmethod
    def of_turn(place: jax.Array, turn: jax.Array) -> "Alignment":
        """From places x, y and z in um, shape [..., 3], and turns R, shape [..., 3, 3]."""
        tilt_x, tilt_y = jnp.arctan2(turn[..., 0, 2], turn[..., 2, 2]), jnp.arcsin(turn[..., 1, 2])
        flat = _product(jnp.swapaxes(_product(_turn(tilt_x, 2, 0), _turn(tilt_y, 2, 1)), -2, -1), turn)
        roll = jnp.arctan2(flat[..., 1, 0], flat[..., 0, 0])
        return Alignment(place[..., 0], place[..., 1], place[..., 2], tilt_x, tilt_y, roll)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    """Matrix product in full precision, which graphics processors do not give by themselves in float32."""
    return jnp.einsum("...ij,...jk->...ik", a, b, precision="highest")


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

    Core j lies at r_0 + R p_j and stands opposite the source's core at q_j. All lean and roll alike. Formed of
    r_0 + (p_j - q_j) + (R - 1) p_j, so that single precision holds for cores far from the origin.

    Raises:
        ValueError: for cores and targets of different numbers.
    """
    for name in ("x", "y"):
        ours, theirs = np.shape(getattr(cores, name)), np.shape(getattr(targets, name))
        if ours != theirs or len(ours) != 1:
            raise ValueError(f"{name} of cores of shape {ours} and of targets of shape {theirs} are not both [N]")
    vector = alignment.vector()[..., None, :]
    beside = (floating(as_leaf(p) - as_leaf(q)) for p, q in zip(cores, targets, strict=True))
    x, y, z = _turned_by(*(vector[..., k] for k in (3, 4, 5)), *(floating(as_leaf(p)) for p in cores))
    moved = [
        vector[..., k] + part.reshape((1,) * (x.ndim - 1) + (-1,)) + turned
        for k, (part, turned) in enumerate(zip(beside, (x, y), strict=True))
    ]
    return Alignment(*jnp.broadcast_arrays(*moved, vector[..., 2] + z, *(vector[..., k] for k in (3, 4, 5))))


def _turned_by(
    tilt_x: jax.Array, tilt_y: jax.Array, roll: jax.Array, x: jax.Array, y: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(R - 1) (x, y, 0) of angles [..., 1] and places [N], without the difference of large numbers, each [..., N]."""
    x, y = (each.reshape((1,) * (roll.ndim - 1) + (-1,)) for each in (x, y))
    less_x, less_y, less = (-2.0 * jnp.sin(0.5 * angle) ** 2 for angle in (tilt_x, tilt_y, roll))
    along, across = less * x - jnp.sin(roll) * y, jnp.sin(roll) * x + less * y
    x, y = x + along, y + across
    z = -jnp.sin(tilt_y) * y
    return along + less_x * x + jnp.sin(tilt_x) * z, across + less_y * y, jnp.cos(tilt_x) * z - jnp.sin(tilt_x) * x
