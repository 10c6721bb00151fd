"""Eigenmode expansion: light through a row of guides, slice by slice, with reflections and radiation.

In each slice the field is a sum of its modes, forward and backward, of one symmetry class; at each joint they are
matched by their overlaps (`kernels.mode_matching`). The window ends in electric walls. So what radiates does so into
modes of the box, which stand for the continuum as long as nothing comes back from the walls, and some modes are
evanescent (n_eff imaginary). Modes and overlaps do not depend on lengths, which may be changed as often as one likes.

    sections = [CrossSection.strip(width, 0.22) for width in np.linspace(0.5, 0.45, 40)]
    expansion = expand_modes(sections, 1.55, count=8)
    smatrix = expansion.scattering(np.full(40, 0.5))
    smatrix.power("left_0", "right_0")

How many slices and modes? Power in 1e-5 that 1 um of a straight taper from 500 to 450 nm takes from TE0 (silicon wire
220 nm high, slices as wide as their middles, margin 1.5 um, "fast"):

    slices    1 mode   2      4      8     12     16     24
         4      0.06   0.52   1.41   1.76   2.18   2.54   2.54
         8      0.00   0.54   1.59   2.06   2.67   3.79   3.79
        16      0.01   0.58   1.69   2.21   2.89   4.26   4.26
        32      0.01   0.59   1.71   2.26   2.95   4.39   4.39

Gallagher and Felici, Proc. SPIE 4987, 69 (2003).
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.cross_section import DEGREES, GRADINGS, CrossSection
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.eigenmodes import Walls, eigenmodes
from photonics_core.kernels.mode_matching import balanced_joint, captured
from photonics_core.kernels.mode_overlaps import mode_norms, mode_overlaps
from photonics_core.kernels.numbering import numbering
from photonics_core.kernels.transfer_matrix import identity_block, star_chain
from photonics_core.mode_solver import HEADROOM, fundamental_walls
from photonics_core.resolution import resolved_alike
from photonics_core.runtime import map_points
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE

#: Dimension of the Krylov space for each mode sought, and beside that: modes of the box lie close together.
KRYLOV = (6, 24)


#: Part of a first mode's power that the other side of a joint should hold, or else a warning says so.
LEAST_CAPTURED = 0.95


class TruncationWarning(UserWarning):
    """Too few modes for a joint; the message says which."""


class ModeExpansion(Shown):
    """Modes of K slices, N each, and their overlaps across the K - 1 joints; made by `expand_modes`.

    Args:
        n_eff: effective indices, falling; complex, imaginary for evanescent modes, shape [K, N].
        electric: O = (1/2) int (E_k,i x H_k+1,j) . z dA, without conjugation, shape [K - 1, N, N].
        magnetic: P = (1/2) int (E_k+1,j x H_k,i) . z dA, shape [K - 1, N, N].
        separation: least relative distance of beta^2 between modes of each slice, shape [K]; where it is below some
            1e-7 derivatives lose their digits.
        wl: free-space wavelength in um.
    """

    n_eff: jax.Array
    electric: jax.Array
    magnetic: jax.Array
    separation: jax.Array
    wl: jax.Array

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports: left_0, left_1, ... at the first face, right_0, ... at the last, by falling index."""
        return tuple(f"{side}_{k}" for side in ("left", "right") for k in range(self.n_eff.shape[1]))

    @property
    def beta(self) -> jax.Array:
        """Propagation constants in rad/um, complex, shape [K, N]."""
        return self.n_eff * (2.0 * jnp.pi / self.wl).astype(self.n_eff.dtype)

    def keep(self, count: int) -> "ModeExpansion":
        """The first `count` modes of each slice alone, to see what the others add; it is as if fewer had been sought.

        Raises:
            ValueError: for a number that is not from 1 to N.
        """
        check_range("count", count, 1, self.n_eff.shape[1])
        joints = self.electric[:, :count, :count], self.magnetic[:, :count, :count]
        return ModeExpansion(self.n_eff[:, :count], *joints, self.separation, self.wl)

    @property
    def captured(self) -> jax.Array:
        """Of each joint the part of the power of the first mode that the modes kept on the other side hold, [K - 1, 2].

        That of the mode on the left, then of that on the right. Power and reciprocity hold at any truncation; this
        shows how much of the field there is. The smaller guide's should be above 0.95.
        """
        left, right = captured(self.electric, self.magnetic)
        return jnp.stack([left[:, 0], right[:, 0]], axis=-1)

    def joints(self) -> jax.Array:
        """Scattering matrices of the joints, shape [K - 1, 2 N, 2 N]."""
        return balanced_joint(self.electric, self.magnetic)

    def scattering(self, lengths: Any) -> SMatrix:
        """Scattering matrix of the row between its two faces.

        Args:
            lengths: lengths of the slices in um, shape [K], or [..., K] for many at once. Steps of one length are a
                grating: where they stand for a smooth taper keep them below wl / (n_eff + n_cladding).

        Returns:
            An `SMatrix` of shape [..., 2 N, 2 N] with the ports `ports`. It is reciprocal and, without loss, unitary
            between the ports of modes that propagate, however few are kept. Signs of modes are arbitrary at the first
            face and continued from slice to slice.

        Raises:
            ValueError: for lengths of another number than there are slices, or not above zero.
        """
        check_positive("lengths", lengths, "um")
        lengths = jnp.asarray(lengths, self.separation.dtype)
        slices = self.n_eff.shape[0]
        if lengths.ndim < 1 or lengths.shape[-1] != slices:
            raise ValueError(f"lengths of shape {lengths.shape} is not [..., {slices}], one for each slice")
        self._warn_of_truncation()
        wl = self.wl if lengths.ndim == 1 else jnp.broadcast_to(self.wl, lengths.shape[:-1])
        return SMatrix(_cascade(self.joints(), self.beta, lengths), self.ports, wl)

    def _warn_of_truncation(self) -> None:
        if not is_concrete(self.electric, self.magnetic) or self.electric.shape[0] == 0:
            return
        with jax.ensure_compile_time_eval():  # this may be called where lengths alone are traced
            held = np.max(np.asarray(self.captured), axis=1)
        worst = int(np.argmin(held))
        if held[worst] < LEAST_CAPTURED:
            warnings.warn(
                f"at joint {worst} the {self.n_eff.shape[1]} modes kept on either side hold {held[worst]:.0%} of the "
                "other side's first mode: ask for more modes, or for a gentler step",
                TruncationWarning,
                stacklevel=5,
            )


def expand_modes(
    sections: Sequence[CrossSection] | CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    count: int = 8,
    symmetry: str | Walls = "te",
    accuracy: str = "fast",
) -> ModeExpansion:
    """Modes of slices and their overlaps; traceable, with derivatives in all dimensions and media.

    Args:
        sections: the cross-section of each slice, all of the same blocks and mirror planes (made by the same
            constructor with other dimensions), or one with a leading axis of slices on all of its leaves. The window is
            made that of the largest; where it ends is held fixed in derivatives.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        count: number N of modes of each slice, those of highest beta^2.
        symmetry: "te" or "tm" for the class of that fundamental mode, or the `Walls` of any class. Modes of other
            classes are not excited: all slices share the mirror planes.
        accuracy: "fast", "normal" or "fine", as for `solve_modes`.

    Raises:
        ValueError: for no sections, sections that do not go together, or an argument outside its range.
    """
    check_positive("wl", wl, "um")
    check_positive("temperature", temperature, "K")
    check_choice("accuracy", accuracy, GRADINGS)
    first, stack = _stacked(sections, lambda alike: resolved_alike(alike, wl, temperature, accuracy))
    walls = fundamental_walls(first, symmetry) if isinstance(symmetry, str) else symmetry
    check_kind("symmetry", walls, Walls)
    columns, rows = first.element_media(accuracy).shape
    numbers = numbering(columns, rows, DEGREES[accuracy])
    unknowns = int(np.sum(numbers.free(walls) & numbers.transverse()))
    check_range("count", count, 1, (unknowns - KRYLOV[1]) // KRYLOV[0])
    return _expand(stack, wl, temperature, count=count, walls=walls, accuracy=accuracy)


def _stacked(
    sections: Sequence[CrossSection] | CrossSection, divide: Callable[[list[CrossSection]], list[CrossSection]]
) -> tuple[CrossSection, CrossSection]:
    """One section for its topology, and all of them, wide blocks divided, as one with a leading axis."""
    if isinstance(sections, CrossSection):
        if np.ndim(sections.y) != 2:
            raise ValueError(
                f"sections: one section with lines y of shape {np.shape(sections.y)} has no axis of slices"
            )
        return jax.tree.map(lambda leaf: leaf[0], sections), sections
    sections = list(sections)
    check_range("number of sections", len(sections), 1, 100_000)
    for section in sections:
        check_kind("section", section, CrossSection)
    first = sections[0]
    for k, section in enumerate(sections):
        for name in ("mirrored", "blocks"):
            if getattr(section, name) != getattr(first, name):
                ours, theirs = getattr(section, name), getattr(first, name)
                raise ValueError(f"sections[{k}].{name} = {ours} is not that of sections[0], {theirs}")
        if jax.tree.structure(section) != jax.tree.structure(first):
            raise ValueError(f"sections[{k}] has media of other kinds than sections[0]")
    sections = divide(sections)
    stack = lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves])  # noqa: E731
    return sections[0], jax.tree.map(stack, *sections)


def _in_one_window(sections: CrossSection) -> CrossSection:
    """Sections whose outermost lines are those of the largest; they are no parameters."""
    x, y = jnp.asarray(sections.x), jnp.asarray(sections.y)
    held = functools.partial(jax.tree.map, lax.stop_gradient)
    x, y = x.at[:, -1].set(held(jnp.max(x[:, -1]))), y.at[:, -1].set(held(jnp.max(y[:, -1])))
    x = x if sections.mirrored[0] else x.at[:, 0].set(held(jnp.min(x[:, 0])))
    y = y if sections.mirrored[1] else y.at[:, 0].set(held(jnp.min(y[:, 0])))
    return eqx.tree_at(lambda each: (each.x, each.y), sections, (x, y))


@functools.partial(jax.jit, static_argnames=("count", "walls", "accuracy"))
def _expand(
    sections: CrossSection, wl: Any, temperature: Any, *, count: int, walls: Walls, accuracy: str
) -> ModeExpansion:
    sections, wl = _in_one_window(sections), jnp.asarray(wl, jnp.result_type(float))
    degree = DEGREES[accuracy]

    def solve(section: CrossSection) -> tuple[Any, ...]:
        return _slice_modes(section, wl, temperature, count=count, walls=walls, accuracy=accuracy)

    mesh, vectors, beta, scale, separation = map_points(solve, sections)

    def overlap(pair: tuple[Any, Any]) -> tuple[jax.Array, jax.Array]:
        (mesh_a, a, beta_a, scale_a), (mesh_b, b, beta_b, scale_b) = pair
        forward, backward = (part.astype(scale_a.dtype) for part in mode_overlaps(mesh_a, a, mesh_b, b, degree))
        electric = (scale_a / beta_a)[:, None] * forward * scale_b[None]
        return electric, scale_a[:, None] * backward * (scale_b / beta_b)[None]

    parts = mesh, vectors, beta, scale
    left, right = (jax.tree.map(lambda part, k=k: part[k : part.shape[0] - 1 + k], parts) for k in (0, 1))
    electric, magnetic = map_points(overlap, (left, right))
    signs = _continued_signs(electric)
    electric, magnetic = (part * signs[:-1, :, None] * signs[1:, None, :] for part in (electric, magnetic))
    k0 = (2.0 * jnp.pi / wl).astype(beta.dtype)
    return ModeExpansion(beta / k0, electric, magnetic, separation, wl)


def _slice_modes(
    section: CrossSection, wl: jax.Array, temperature: Any, *, count: int, walls: Walls, accuracy: str
) -> tuple[Any, jax.Array, jax.Array, jax.Array, jax.Array]:
    """Mesh, vectors, propagation constants, scales of unit flux and least separation of the modes of a slice."""
    degree = DEGREES[accuracy]
    mesh, media = section.mesh(accuracy)
    eps = section.permittivity(mesh, media, degree, wl, temperature)
    k0 = (2.0 * jnp.pi / wl).astype(eps.dtype)
    shift = (HEADROOM * jnp.sqrt(jnp.max(eps.real))).astype(eps.dtype) ** 2 * k0**2
    free = jnp.asarray(numbering(mesh.x.shape[0] - 1, mesh.y.shape[0] - 1, degree).free(walls))
    typed = jax.tree.map(lambda part: part.astype(eps.dtype), mesh)
    steps = KRYLOV[0] * count + KRYLOV[1]
    found = eigenmodes(typed, eps, k0, shift, free, degree=degree, count=count, steps=steps)
    order = jnp.argsort(-found.beta_squared.real)
    vectors, beta = found.vectors[order], _root(found.beta_squared[order])
    norms = mode_norms(mesh, vectors, degree).astype(beta.dtype)
    return mesh, vectors, beta, jnp.sqrt(beta / norms), jnp.min(found.separation)


def _root(beta_squared: jax.Array) -> jax.Array:
    """The propagation constant of the forward wave: it runs forward, or decays."""
    beta = jnp.sqrt(beta_squared.astype(jnp.result_type(complex)))
    return jnp.where(beta.real + beta.imag < 0, -beta, beta)


def _continued_signs(overlaps: jax.Array) -> jax.Array:
    """Signs [K, N] with which each mode goes on as itself in the next slice."""
    diagonal = jnp.diagonal(overlaps.real, axis1=-2, axis2=-1)
    steps = jnp.where(diagonal < 0, -1.0, 1.0)
    signs = jnp.cumprod(jnp.concatenate([jnp.ones_like(steps, shape=(1, overlaps.shape[-1])), steps]), axis=0)
    return lax.stop_gradient(signs).astype(overlaps.dtype)


@jax.jit
def _cascade(joints: jax.Array, beta: jax.Array, lengths: jax.Array) -> jax.Array:
    """Slices and joints in a row, shape [..., 2 N, 2 N]; each joint goes with the slice before it."""
    n, leading = beta.shape[1], lengths.shape[:-1]
    phase = jnp.exp(1j * jnp.broadcast_to(beta, (*leading, *beta.shape)) * lengths[..., None].astype(beta.dtype))
    around = jnp.concatenate([phase[..., :-1, :], jnp.ones_like(phase[..., :-1, :])], axis=-1)
    blocks = around[..., :, None] * jnp.broadcast_to(joints, (*leading, *joints.shape)) * around[..., None, :]
    start = jnp.broadcast_to(identity_block(n, beta.dtype), (*leading, 1, 2 * n, 2 * n))
    whole = star_chain(jnp.concatenate([start, blocks], axis=-3), axis=-3)
    end = jnp.concatenate([jnp.ones_like(phase[..., -1, :]), phase[..., -1, :]], axis=-1)
    return end[..., :, None] * whole * end[..., None, :]
