"""Arrays of fibres against the ports of a chip: where each core comes to lie, and what it loses.

Light runs along z from the ports into the fibres, x runs along the row, y across it. One `FibreJoint` of two Gaussian
beams stands for every channel: the source is a port, the receiver a fibre. For a grating coupler z is the direction of
its light, and x and y lie across it. With core j at p_j in the array, the chip's port at q_j, the array's place t and
turn R (`Alignment`: tilt_x is yaw, tilt_y pitch, and roll is about z) and the point c about which it is turned,

    p_j' = p_j + s (p_j - mean p) + a (T - T_0) (p_j - f) + z (tan(a_x) x_j + (tan(a + a_y) - tan a) y_j)
    r_j = c + t + R (p_j' - c) - q_j + e_j + gap z

s is the relative error of the pitch, a (T - T_0) the linear expansion of the array less that of the chip, f where the
two are fixed to each other, e_j what the core of fibre j is off by itself. The end face leans by the angle a from z to
y (`polish`), with errors a_x from z to x and a_y to y. It refracts: with the normal N of the face and r = glass / index
of the gap, the light that a fibre accepts comes along

    d = r z + (sqrt(1 - r^2 (1 - N_z^2)) - r N_z) N,

a turn by asin(r sin a) - a from the fibre's axis, for which the fibres are mounted; errors of the angle remain.
The mode field is narrower by cos(outside) / cos(inside) in that plane (Siegman, Lasers (1986), ABCD matrices of a
tilted face). Turns and refraction are exact; the overlap is the paraxial closed form, whose loss in dB is of second
order in offset and tilt without an approximation.

Left out: a gap that grows along a beam's wedge at a slant facet (all cores face their ports at one nominal gap), what
an error of the angle does to the mode field, and reflection but for its mean, which is constant.
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam, floating
from photonics_core.devices.fiber import FibreJoint, at_least_zero, loss_of_vector, polarization_loss
from photonics_core.devices.fiber_input import check_single
from photonics_core.display import Shown
from photonics_core.fields import CorePositions
from photonics_core.kernels import gaussian_overlap
from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER

#: Errors that all fibres of an array have in common, in the order of vectors: um, rad, a ratio, rad and K.
SHARED = ("x", "y", "z", "tilt_x", "tilt_y", "roll", "pitch", "polish_x", "polish_y", "temperature")


def _as_places(places: Any) -> Any:
    return CorePositions(*map(as_leaf, places)) if isinstance(places, CorePositions) else places


class FibreArray(Shown):
    """Fibres in one body, facing the ports of a chip.

    Args:
        joint: port (source) and fibre (receiver) as Gaussian beams, wavelength, index of the gap, and reflection
            ("none" or "incoherent").
        cores: where the fibres' cores lie in the array in um, shapes [N].
        ports: where the chip's ports lie in um; None for the same places.
        gap: distance of port and fibre in um.
        polish: angle of the end face in rad, from z to y; positive where the face recedes with y.
        glass: index of the fibres behind the face.
        centre: point (x, y, z) about which the array is turned, in um, on the array; shape [3].
        expansion: linear expansion of the array less that of the chip in 1/K.
        fixed: point (x, y) in um where array and chip are fixed to each other, shape [2].
        temperature: mean temperature in K above that at which they were fixed.
        cladding: diameter of a fibre in um, the least distance of two; 0 for cores of one fibre.

    Raises:
        ValueError: for ends that are not Gaussian beams, no fibre, fibres closer than their diameter, numbers that are
            not finite, several where there is one (also later, for a batch that `jax.vmap` made and did not take
            apart), or a face at which light is totally reflected.
    """

    joint: FibreJoint
    cores: CorePositions = eqx.field(converter=_as_places)
    ports: CorePositions | None = eqx.field(converter=_as_places, default=None)
    gap: Any = eqx.field(converter=as_leaf, default=0.0)
    polish: Any = eqx.field(converter=as_leaf, default=0.0)
    glass: Any = eqx.field(converter=as_leaf, default=1.45)
    centre: Any = eqx.field(converter=as_leaf, default=(0.0, 0.0, 0.0))
    expansion: Any = eqx.field(converter=as_leaf, default=0.0)
    fixed: Any = eqx.field(converter=as_leaf, default=(0.0, 0.0))
    temperature: Any = eqx.field(converter=as_leaf, default=0.0)
    cladding: float = eqx.field(static=True, default=125.0)

    @staticmethod
    def row(joint: FibreJoint, count: int, pitch: Any = 127.0, **more: Any) -> "FibreArray":
        """A row of `count` fibres along x, centred, at a pitch in um; `more` as for the class."""
        return FibreArray(joint, CorePositions.row(count, pitch), **more)

    def __check_init__(self) -> None:
        check_kind("joint", self.joint, FibreJoint)
        both = isinstance(self.joint.source, GaussianBeam) and isinstance(self.joint.receiver, GaussianBeam)
        if not both or self.joint.method not in ("auto", "closed"):
            raise ValueError("the joint of an array is of two Gaussian beams, with the method 'closed'")
        if self.joint.reflection == "coherent":
            raise ValueError("reflection = 'coherent' has fringes of each gap; an array takes 'incoherent' or 'none'")
        for name, one in (("cores", self.cores), ("ports", self.ports)):
            if one is not None:
                _check_places(name, one, np.shape(self.cores.x))
        check_range("gap", self.gap, 0.0, np.inf, "um")
        check_range("glass", self.glass, 1.0, np.inf)
        for name, unit in (("expansion", "1/K"), ("temperature", "K"), ("centre", "um"), ("fixed", "um")):
            check_finite(name, getattr(self, name), unit)
        self._check_single()
        check_range("cladding", self.cladding, 0.0, np.inf, "um")
        self._check_spacing()
        self._check_face()

    def _check_single(self) -> None:
        check_single(self.joint)
        sizes = dict.fromkeys(("gap", "polish", "glass", "expansion", "temperature"), ())
        for name, shape in (sizes | {"centre": (3,), "fixed": (2,)}).items():
            if np.shape(getattr(self, name)) != shape:
                what = f"{list(shape)}" if shape else "one number; use jax.vmap over several arrays"
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} is not {what}")
        if np.ndim(self.cores.x) != 1:
            raise ValueError(f"cores of shape {np.shape(self.cores.x)} are not [N]; use jax.vmap over several arrays")

    def _check_spacing(self) -> None:
        if not is_concrete(self.cores.x, self.cores.y) or self.count == 1:
            return
        x, y = (np.asarray(each, float) for each in (self.cores.x, self.cores.y))
        apart = np.hypot(x[:, None] - x, y[:, None] - y)[~np.eye(x.size, dtype=bool)]
        if np.min(apart) < self.cladding * (1.0 - 1e-9):
            raise ValueError(
                f"pitch = {np.min(apart):.6g} um is outside [{self.cladding:g}, inf): fibres are that wide; "
                "for cores of one fibre set cladding = 0"
            )

    def _check_face(self) -> None:
        if not is_concrete(self.glass, self.polish, self.joint.index):
            return
        steepest = math.asin(min(1.0, float(self.joint.index) / float(self.glass)))
        limit = min(steepest, 0.5 * math.pi)
        check_range("polish below total reflection,", self.polish, -limit, limit, "rad", exclusive=True)

    @property
    def count(self) -> int:
        """Number of fibres N."""
        return np.shape(self.cores.x)[0]

    @property
    def deviation(self) -> jax.Array:
        """Angle in rad between the fibres' axes and the light outside, for which they are mounted."""
        angle = floating(self.polish)
        return jnp.arcsin(floating(self.glass) / floating(self.joint.index) * jnp.sin(angle)) - angle

    def losses_db(self, shared: Any = None, x: Any = 0.0, y: Any = 0.0) -> jax.Array:
        """Loss of each fibre in dB, with mode mismatch and reflection, shape [..., N].

        Args:
            shared: errors of the array in the order of `SHARED`, shape [..., 10]; None for none.
            x, y: errors of the cores themselves in um, which broadcast to [..., N].

        Raises:
            ValueError: for a wrong shape, numbers that are not finite, or turns of a right angle and more, of the array
                or of its face.
        """
        shared, x, y = _checked_shared(self, shared), as_leaf(x), as_leaf(y)
        for name, value in (("x", x), ("y", y)):
            check_finite(name, value, "um")
        shape = *shared.shape[:-1], self.count
        try:
            shape = np.broadcast_shapes(shape, np.shape(x), np.shape(y))
        except ValueError:
            found = f"{np.shape(x)} and {np.shape(y)}"
            raise ValueError(f"x and y of shapes {found} do not broadcast to {list(shape)}") from None
        shared = jnp.broadcast_to(shared, (*shape[:-1], len(SHARED)))
        return _losses(
            in_precision_at_hand(self), shared, *(jnp.broadcast_to(floating(each), shape) for each in (x, y))
        )

    def places(self, shared: Any = None) -> jax.Array:
        """Where the cores lie from their ports in um, x, y and z, shape [..., N, 3]; `shared` and errors as above."""
        shared = _checked_shared(self, shared)
        columns = jnp.moveaxis(shared, -1, 0)[..., None]
        return jnp.stack(jnp.broadcast_arrays(*core_places(self, columns)), axis=-1)


def check_array(array: Any) -> None:
    """Raise a `ValueError` for what is not an array of fibres, or a batch of arrays."""
    check_kind("array", array, FibreArray)
    array._check_single()


def _checked_shared(array: FibreArray, shared: Any) -> jax.Array:
    check_array(array)
    shared = jnp.zeros(len(SHARED), jnp.result_type(float)) if shared is None else floating(shared)
    if shared.shape[-1:] != (len(SHARED),):
        raise ValueError(f"shared of shape {shared.shape} is not [..., {len(SHARED)}]: {', '.join(SHARED)}")
    check_finite("shared", shared)
    for name, mean in (("tilt_x", 0.0), ("tilt_y", 0.0), ("polish_x", 0.0), ("polish_y", array.polish)):
        if is_concrete(shared, mean):
            angles = np.asarray(shared[..., SHARED.index(name)], float) + np.asarray(mean, float)
            check_range(name, angles, -0.5 * math.pi, 0.5 * math.pi, "rad", exclusive=True)
    return shared


def _check_places(name: str, places: CorePositions, shape: tuple[int, ...]) -> None:
    check_kind(name, places, CorePositions)
    if len(shape) != 1 or shape[0] < 1:
        raise ValueError(f"cores of shape {shape} are not [N] with at least one fibre")
    for axis in (places.x, places.y):
        if np.shape(axis) != shape:
            raise ValueError(f"{name} of shape {np.shape(axis)} are not {list(shape)}, one place a fibre")
        check_finite(f"place in {name}", axis, "um")


@eqx.filter_jit
def _losses(array: FibreArray, shared: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    forms = channel_forms(array, jnp.moveaxis(shared, -1, 0)[..., None])
    return losses_at(forms, x, y)


def in_precision_at_hand(tree: Any) -> Any:
    """An array or its errors with all numbers in the precision of the process.

    Compiled functions are handed no float64 of the host: JAX may otherwise take a program of one precision for another
    where a process uses both.
    """
    return jax.tree.map(floating, tree)


def losses_at(forms: gaussian_overlap.OffsetForm, x: jax.Array, y: jax.Array) -> jax.Array:
    """Losses in dB of channels whose cores are off by (x, y) in um; at least 0, but for roundings of one fibre."""
    return at_least_zero(forms.about(x, y).level)


def core_places(array: FibreArray, shared: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Where cores lie from their ports in um, each of shape [..., N]; `shared` of shape [10, ..., 1]."""
    t, scale = shared[:3], shared[6]
    targets = array.cores if array.ports is None else array.ports
    warm = floating(array.expansion) * (shared[9] + floating(array.temperature))
    fixed, centre = floating(array.fixed), floating(array.centre)

    def row(values: Any) -> jax.Array:
        return floating(values).reshape((1,) * (shared.ndim - 2) + (-1,))

    # Only what moves is summed, as places of a millimetre have too few digits in float32.
    x, y = row(array.cores.x), row(array.cores.y)
    out_x, out_y = (
        row(core - port) + scale * (p - jnp.mean(p)) + warm * (p - f)
        for core, port, p, f in zip(array.cores, targets, (x, y), fixed, strict=True)
    )
    lean = jnp.tan(floating(array.polish) + shared[8]) - jnp.tan(floating(array.polish))
    out_z = jnp.tan(shared[7]) * x + lean * y
    arm = x + (out_x - row(array.cores.x - targets.x)), y + (out_y - row(array.cores.y - targets.y)), out_z
    moved = _turn_less_one(shared[3:6], *(one - c for one, c in zip(arm, centre, strict=True)))
    return out_x + t[0] + moved[0], out_y + t[1] + moved[1], out_z + t[2] + moved[2] + floating(array.gap)


def _turn_less_one(angles: jax.Array, x: Any, y: Any, z: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What R of `Alignment`, R_y(tilt_x) R_x(-tilt_y) R_z(roll), adds to a vector; angles of shape [3, ...]."""
    (c1, c2, c3), (s1, s2, s3) = -2.0 * jnp.sin(0.5 * angles) ** 2, jnp.sin(angles)
    x_roll, y_roll = c3 * x - s3 * y, s3 * x + c3 * y
    x, y = x + x_roll, y + y_roll
    y_pitch, z_pitch = c2 * y + s2 * z, c2 * z - s2 * y
    z = z + z_pitch
    return x_roll + c1 * x + s1 * z, y_roll + y_pitch, z_pitch + c1 * z - s1 * x


def _accepted(array: FibreArray, polish_x: jax.Array, polish_y: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Direction of the light that a fibre accepts, in the axes of the mounted array."""
    lean_x, lean_y = jnp.tan(polish_x), jnp.tan(floating(array.polish) + polish_y)
    length = jnp.sqrt(1.0 + lean_x**2 + lean_y**2)
    ratio = floating(array.glass) / floating(array.joint.index)
    inside = 1.0 / length
    sine = ratio**2 * (lean_x**2 + lean_y**2) * inside**2
    # Beyond total reflection no light comes; an angle just below it is as lossy and has derivatives.
    along = jnp.sqrt(jnp.maximum(1.0 - sine, 1e-6)) - ratio * inside
    x, y, z = -along * lean_x * inside, -along * lean_y * inside, ratio + along * inside
    c, s = jnp.cos(array.deviation), jnp.sin(array.deviation)
    return x, c * y - s * z, s * y + c * z


def channel_forms(array: FibreArray, shared: jax.Array) -> gaussian_overlap.OffsetForm:
    """Loss of each channel in dB as a quadratic form of its core's own error, of shape [..., N].

    Args:
        array: the array.
        shared: errors in the order of `SHARED`, shape [10, ..., 1], unchecked: for compiled functions.
    """
    joint = array.joint
    k = 2.0 * math.pi * floating(joint.index) / floating(joint.wl)
    x, y, z = core_places(array, shared)
    roll = shared[5]
    light, accepted = joint.source.matrix(z, k), joint.receiver.matrix(jnp.zeros_like(roll), k).conj()
    accepted = gaussian_overlap.turned(_refracted(array, accepted), jnp.cos(roll), jnp.sin(roll))
    along = _accepted(array, shared[7], shared[8])
    direction = [one + more for one, more in zip(along, _turn_less_one(shared[3:6], *along), strict=True)]
    form = gaussian_overlap.offset_form(light, accepted, k * direction[0], k * direction[1]).about(x, y)
    form = form._replace(level=form.level + polarization_loss(joint, roll))
    form = jax.tree.map(lambda leaf: DB_PER_NEPER * leaf, form)
    form = form._replace(level=form.level + _reflection_db(joint))
    shape = form.level.shape
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, shape), form)


def _refracted(array: FibreArray, beam: gaussian_overlap.Symmetric) -> gaussian_overlap.Symmetric:
    """The beam with its mode field in the plane of refraction as it is outside."""
    inside = floating(array.polish)
    scale = jnp.cos(inside) / jnp.cos(inside + array.deviation)
    factors = jnp.ones_like(scale), scale, scale * scale
    parts = zip(beam, factors, strict=True)
    return gaussian_overlap.Symmetric(*(part * factor.astype(part.dtype) for part, factor in parts))


def _reflection_db(joint: FibreJoint) -> jax.Array:
    """What the faces reflect in dB, for light straight through them."""
    origin = jnp.zeros(6, jnp.result_type(float))
    if joint.reflection == "none":
        return origin[0]
    bare = dataclasses.replace(joint, reflection="none")
    return loss_of_vector(joint, origin) - loss_of_vector(bare, origin)
