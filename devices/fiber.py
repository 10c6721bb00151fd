"""The joint of two ends, fibre or chip: what couples at any offset, distance, tilt and roll, and its derivatives.

The source sends light along z into a gap of one index; the receiver stands opposite, as an `Alignment` says. Both are
described by what they would send out, with the same x and y: the receiver accepts the light that it would send, run
backwards, which is the complex conjugate. So exchanged ends couple the same at the alignment `reversed()`, and light of
an ellipticity enters an end of the opposite one.

Methods: "closed" is the closed form of two Gaussian beams (`kernels.gaussian_overlap`), paraxial; "paraxial" and
"exact" are integrals over plane waves of sampled fields (`kernels.field_overlap`).

Reflection at the two faces, by Fresnel for plane waves at normal incidence, with r = (n_gap - n) / (n_gap + n) each:

    "coherent":    T_1 T_2 / |1 - r_1 r_2 exp(2 i k z)|^2    fringes of a cavity as long as the gap
    "incoherent":  T_1 T_2 / (1 - R_1 R_2)                   their mean over a period
    "none":        1

Light that goes to and fro spreads on its way, which is left out: good to r_1 r_2 (0.03 for glass and air) times the
change of the loss over two more gaps. Tilted faces do not form a cavity; use "incoherent" there.
"""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from photonics_core.beams import GaussianBeam, floating
from photonics_core.devices.fiber_alignment import FREEDOMS, Alignment, core_alignment
from photonics_core.devices.fiber_input import check_joint, check_single, checked_places
from photonics_core.display import Shown
from photonics_core.fields import CorePositions, FieldGrid, SampledField
from photonics_core.kernels import field_overlap, gaussian_overlap
from photonics_core.kernels.angular_spectrum import turned
from photonics_core.kernels.checks import check_kind, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER

#: Alignments whose paraxial integrals are held in memory together; exact ones, with larger arrays, go one by one.
CHUNK = 16


def _as_leaves(facets: Any) -> Any:
    return tuple(as_leaf(each) for each in facets) if isinstance(facets, tuple | list) else facets


class FibreJoint(Shown):
    """Two ends and the gap between them.

    Args:
        source, receiver: a `GaussianBeam` or a `SampledField` each; sampled ones on one grid.
        wl: free-space wavelength in um.
        index: index of the gap, at least 1: air, or a gel that matches.
        facets: indices of source and receiver behind their faces, for the reflection.
        method: "auto" (closed for two beams, else exact), "closed", "paraxial" or "exact", static.
        reflection: "none", "incoherent" or "coherent", static; other than "none" it needs `facets`.
        polarization: "kept", or "free" for the polarisation of the source that couples most, static.
        grid: on which beams are sampled where both ends are beams and the method is not "closed".

    Raises:
        ValueError: for an index below 1, an unknown choice, fields on different grids or of another wavelength, a grid
            that holds neither field, or a wavelength of 60 waists and more (in nm?).
    """

    source: Any
    receiver: Any
    wl: Any = eqx.field(converter=as_leaf)
    index: Any = eqx.field(converter=as_leaf, default=1.0)
    facets: tuple[Any, Any] | None = eqx.field(converter=_as_leaves, default=None)
    grid: FieldGrid | None = None
    method: str = eqx.field(static=True, default="auto")
    reflection: str = eqx.field(static=True, default="none")
    polarization: str = eqx.field(static=True, default="kept")

    def __check_init__(self) -> None:
        check_joint(self)

    def efficiency(self, alignment: Alignment | None = None) -> jax.Array:
        """Part of the power that couples, of the shape of the alignment's numbers; all at 0 where none is given.

        Raises:
            ValueError: for an offset beyond half the window, a tilt whose ramp the grid cannot hold, or a gap over
                which light runs beyond the window (`left_out`); where values are traced, an
                `equinox.EquinoxRuntimeError` when the compiled function runs. Also for a batch of joints.
        """
        return jnp.exp(-self.loss_db(alignment) / DB_PER_NEPER)

    def loss_db(self, alignment: Alignment | None = None) -> jax.Array:
        """Loss in dB, at least 0, of the shape of the alignment's numbers; raises as `efficiency`."""
        vectors = self._vectors(alignment)
        losses = _losses(self, vectors.reshape(-1, len(FREEDOMS)))
        return losses.reshape(vectors.shape[:-1])

    def gradient(self, alignment: Alignment | None = None) -> jax.Array:
        """Derivatives of the loss in dB/um and dB/rad in the order of `FREEDOMS`, shape [..., 6]."""
        vectors = self._vectors(alignment)
        return _gradients(self, vectors.reshape(-1, len(FREEDOMS))).reshape(vectors.shape)

    def hessian(self, alignment: Alignment | None = None) -> jax.Array:
        """Second derivatives of the loss at one alignment, in dB over um and rad, shape [6, 6]."""
        vectors = self._vectors(alignment)
        if vectors.ndim != 1:
            raise ValueError(f"alignment of shape {vectors.shape[:-1]} is not one alignment")
        return _hessian(self, vectors)

    def loss_map(self, x: Any, y: Any, alignment: Alignment | None = None) -> jax.Array:
        """Loss in dB at all offsets x (shape [X]) and y (shape [Y]) in um, shape [X, Y]; of sampled fields at once.

        Args:
            x, y: offsets, which take the place of those of `alignment`.
            alignment: one alignment for all else.
        """
        x, y = (jnp.atleast_1d(floating(each)) for each in (x, y))
        corners = Alignment(x[:, None], y[None, :])
        vector = self._vectors(alignment)
        if vector.ndim != 1:
            raise ValueError(f"alignment of shape {vector.shape[:-1]} is not one alignment")
        whole = jnp.broadcast_to(vector, (x.size, y.size, len(FREEDOMS)))
        whole = whole.at[..., :2].set(corners.vector()[..., :2])
        checked_places(self, whole)
        if self._method == "closed":
            return self.loss_db(Alignment.of_vector(whole))
        return _map(self, x, y, vector)

    def core_losses_db(
        self, cores: CorePositions, targets: CorePositions | None = None, alignment: Alignment | None = None
    ) -> jax.Array:
        """Loss in dB of each core of a receiver of several equal ones, which is moved as one body, shape [N].

        Args:
            cores: places of the cores on the receiver.
            targets: places of the source's; by default the same.
            alignment: that of the receiver's origin.
        """
        return self.loss_db(core_alignment(alignment or Alignment(), cores, cores if targets is None else targets))

    @property
    def _method(self) -> str:
        if self.method != "auto":
            return self.method
        both = isinstance(self.source, GaussianBeam) and isinstance(self.receiver, GaussianBeam)
        return "closed" if both else "exact"

    @property
    def _k(self) -> jax.Array:
        return 2.0 * math.pi * floating(self.index) / floating(self.wl)

    def _vectors(self, alignment: Alignment | None) -> jax.Array:
        alignment = Alignment() if alignment is None else alignment
        check_kind("alignment", alignment, Alignment)
        check_single(self)
        return checked_places(self, alignment.vector())

    def left_out(self, z: Any) -> jax.Array:
        """Bound of the amplitude in waves that run beyond the window over a gap and are left out; one number.

        Args:
            z: the gap in um, or several, of which the longest counts. The bound of the closed form is 0.
        """
        z = jax.lax.stop_gradient(floating(z))
        grid = self.grid_in_use
        if grid is None:
            return jnp.zeros((), z.dtype)
        fixed = jax.tree.map(jax.lax.stop_gradient, self)
        distance = _distance(fixed.source) + _distance(fixed.receiver)
        farthest = jnp.ravel(z)[jnp.argmax(jnp.abs(z - distance))]
        if is_concrete(farthest, distance) and float(farthest) == float(distance):
            return jnp.zeros((), z.dtype)
        return _left_out(fixed, farthest)

    @property
    def grid_in_use(self) -> FieldGrid | None:
        """The grid of sampled fields; None where the closed form needs none."""
        ends = [end for end in (self.source, self.receiver) if isinstance(end, SampledField)]
        return None if self._method == "closed" else (ends[0].grid if ends else self.grid)

    @property
    def steepest_tilt(self) -> Any:
        """Largest tilt in rad whose ramp of phase the grid holds, with half of the grid's band left for the field."""
        if self.grid_in_use is None:
            return 0.5 * math.pi
        return jnp.arcsin(jnp.minimum(0.5 * math.pi / (floating(self.grid_in_use.step) * self._k), 1.0))

    @property
    def _grid(self) -> FieldGrid:
        grid = self.grid_in_use
        assert grid is not None
        return grid


@eqx.filter_jit
def _losses(joint: FibreJoint, vectors: jax.Array) -> jax.Array:
    loss = functools.partial(loss_of_vector, joint)
    few = joint._method == "paraxial" and vectors.shape[0] <= CHUNK
    if joint._method == "closed" or few:
        return jax.vmap(loss)(vectors)
    return jax.lax.map(loss, vectors, batch_size=None if joint._method == "exact" else CHUNK)


@eqx.filter_jit
def _gradients(joint: FibreJoint, vectors: jax.Array) -> jax.Array:
    slope = jax.grad(functools.partial(loss_of_vector, joint))
    if joint._method == "closed":
        return jax.vmap(slope)(vectors)
    return jax.lax.map(slope, vectors)


@eqx.filter_jit
def _hessian(joint: FibreJoint, vector: jax.Array) -> jax.Array:
    return jax.jacfwd(jax.grad(functools.partial(loss_of_vector, joint)))(vector)


@eqx.filter_jit
def _map(joint: FibreJoint, x: jax.Array, y: jax.Array, vector: jax.Array) -> jax.Array:
    amplitudes = [field_overlap.amplitude(pair, floating(joint._grid.step), x, y) for pair in _pairs(joint, vector)]
    return at_least_zero(_decibels(amplitudes) - DB_PER_NEPER * _reflected(joint, vector[2]))


@eqx.filter_jit
def _left_out(joint: FibreJoint, z: jax.Array) -> jax.Array:
    source, receiver = (
        field_overlap.End(jnp.asarray(end.e), floating(end.distance)) for end in _fields(joint, joint._grid)
    )
    return field_overlap.left_out(source, receiver, floating(joint._grid.step), joint._k, z, joint._method)


def _distance(end: GaussianBeam | SampledField) -> jax.Array:
    """How far in front of its end the field of an end is sampled."""
    if isinstance(end, SampledField):
        return floating(end.distance)
    return 0.5 * (floating(end.distance_x) + floating(end.distance_y))


def _fields(joint: FibreJoint, grid: FieldGrid) -> list[SampledField]:
    return [
        end if isinstance(end, SampledField) else SampledField.of_beam(end, grid, joint.wl, joint.index)
        for end in (joint.source, joint.receiver)
    ]


def loss_of_vector(joint: FibreJoint, vector: jax.Array) -> jax.Array:
    """Loss in dB of one alignment given as a vector in the order of `FREEDOMS`, unchecked: for compiled functions."""
    if joint._method == "closed":
        loss = DB_PER_NEPER * _closed(joint, vector)
    else:
        step = floating(joint._grid.step)
        pairs = _pairs(joint, vector)
        loss = _decibels([field_overlap.amplitude(pair, step, vector[:1], vector[1:2])[0, 0] for pair in pairs])
    return at_least_zero(loss - DB_PER_NEPER * _reflected(joint, vector[2]))


def _closed(joint: FibreJoint, vector: jax.Array) -> jax.Array:
    """-ln of the power of two beams."""
    x, y, z, tilt_x, tilt_y, roll = vector
    k = joint._k
    light, accepted = joint.source.matrix(z, k), joint.receiver.matrix(jnp.zeros_like(z), k).conj()
    accepted = gaussian_overlap.turned(accepted, jnp.cos(roll), jnp.sin(roll))
    ramp = k * jnp.sin(tilt_x) * jnp.cos(tilt_y), k * jnp.sin(tilt_y)
    return gaussian_overlap.offset_form(light, accepted, *ramp).about(x, y).level + polarization_loss(joint, roll)


def polarization_loss(joint: FibreJoint, roll: jax.Array) -> jax.Array:
    """-ln |j_B^T R j_A|^2 = -ln(1 - |j_A x (R j_B)|^2) of two beams, formed of what is lost, of the shape of `roll`.

    0 where the polarisation is free.
    """
    if joint.polarization == "free":
        return jnp.zeros_like(roll)
    a, b = joint.source.jones, joint.receiver.jones.conj()
    across, along = a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]
    c, s = jnp.cos(roll), jnp.sin(roll)
    real, imaginary = c * across.real + s * along.real, c * across.imag + s * along.imag
    least = float(jnp.finfo(roll.dtype).tiny)
    return -jnp.log(jnp.maximum(1.0 - (real**2 + imaginary**2), least))


def _pairs(joint: FibreJoint, vector: jax.Array) -> list[jax.Array]:
    """Integrands of the overlap; two, of orthogonal polarisations of the source, where that is free."""
    grid = joint._grid
    source, receiver = _fields(joint, grid)
    roll = vector[5]
    pattern = turned(jnp.asarray(receiver.e).conj(), roll)
    c, s = (each.astype(pattern.dtype) for each in (jnp.cos(roll), jnp.sin(roll)))
    pattern = jnp.stack([c * pattern[0] - s * pattern[1], s * pattern[0] + c * pattern[1]])
    theirs = field_overlap.End(pattern, floating(receiver.distance))
    e = jnp.asarray(source.e)
    fields = [e] if joint.polarization == "kept" else [e, _partner(e)]
    return [
        field_overlap.pair_spectrum(
            field_overlap.End(field, floating(source.distance)),
            theirs,
            floating(grid.step),
            joint._k,
            vector[2],
            vector[3:5],
            joint._method,
        )
        for field in fields
    ]


def _partner(e: jax.Array) -> jax.Array:
    """The field in the polarisation orthogonal to its mean one: a unitary matrix turns all of it alike."""
    powers = jnp.sum(e.real**2 + e.imag**2, axis=(1, 2))
    mixed = jnp.sum(e[0] * e[1].conj())
    along_x = powers[0] >= powers[1]
    diagonal = powers.astype(e.dtype)
    jones = jnp.where(along_x, jnp.stack([diagonal[0], mixed.conj()]), jnp.stack([mixed, diagonal[1]]))
    jones = jones / jnp.sqrt(jnp.sum(jones.real**2 + jones.imag**2)).astype(e.dtype)
    other = jnp.stack([-jones[1].conj(), jones[0].conj()])
    # other jones^H - jones other^H takes jones to other.
    matrix = other[:, None] * jones.conj()[None] - jones[:, None] * other.conj()[None]
    return jnp.sum(matrix[:, :, None, None] * e[None], axis=1)


def _decibels(amplitudes: list[jax.Array]) -> jax.Array:
    power = sum(each.real**2 + each.imag**2 for each in amplitudes)
    return -DB_PER_NEPER * jnp.log(jnp.maximum(power, float(jnp.finfo(amplitudes[0].real.dtype).tiny)))


def _reflected(joint: FibreJoint, z: jax.Array) -> jax.Array:
    """Logarithm of the power that both faces let pass."""
    if joint.facets is None or joint.reflection == "none":
        return jnp.zeros_like(z)
    gap, first, second = (floating(each) for each in (joint.index, *joint.facets))
    r, t = (gap - first) / (gap + first), (gap - second) / (gap + second)
    passed = jnp.log1p(-(r**2)) + jnp.log1p(-(t**2))
    if joint.reflection == "incoherent":
        return passed - jnp.log1p(-((r * t) ** 2))
    # |1 - r t exp(2 i k z)|^2, with the turns of the phase reduced before it is formed.
    turns = 2.0 * z * gap / floating(joint.wl)
    phase = math.pi * (turns - jnp.round(jax.lax.stop_gradient(turns)))
    return passed - jnp.log((1.0 - r * t) ** 2 + 4.0 * r * t * jnp.sin(phase) ** 2)


def at_least_zero(loss: jax.Array) -> jax.Array:
    """The loss without what rounding takes below zero, with the derivatives untouched."""
    return loss + jax.lax.stop_gradient(jnp.maximum(loss, 0.0) - loss)
