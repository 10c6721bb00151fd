"""Fields and fluxes of a row of trenches: on planes above and below it and through the sides of a box.

Fluxes are Im int F^* p dF/dn along the sides of the box, in units where a guided mode of amplitude 1 carries 1 (but for
what of it lies outside). Points along x are those of Gauss in each section, so no field is sampled across a joint.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.block_tridiagonal import product
from photonics_core.kernels.grating_scattering import Amplitudes
from photonics_core.kernels.slab_sections import SlabMesh, SlabModes, assembled, lobatto

#: Points in each section, and in each piece of about 1 um of the guides beside the row.
POINTS = 10


class Plane(NamedTuple):
    """Values on a line z = const of each mode: F and p dF/dz at unit amplitude, shape [K]."""

    value: jax.Array
    slope: jax.Array


class Line(NamedTuple):
    """Fields on a line along x.

    Args:
        x: points in um in increasing order, counted from the first joint, shape [n].
        weight: weights of quadrature in um, shape [n].
        value: F, shape [n].
        slope: p dF/dz in 1/um, shape [n].
    """

    x: jax.Array
    weight: jax.Array
    value: jax.Array
    slope: jax.Array


class Row(NamedTuple):
    """What fields are made of.

    Args:
        tooth: modes of the teeth and the guides beside the row.
        trench: modes of the trenches.
        amplitudes: from `grating_scattering`.
        trenches, teeth: widths in um, shapes [P] and [P - 1].
        guided: which mode comes in, from the left, with amplitude 1.
        margin: length in um of the guides inside the box, on both sides.
    """

    tooth: SlabModes
    trench: SlabModes
    amplitudes: Amplitudes
    trenches: jax.Array
    teeth: jax.Array
    guided: jax.Array
    margin: float


def plane(mesh: SlabMesh, modes: SlabModes, p: jax.Array, element: int, *, top: bool) -> Plane:
    """The modes at the top or the bottom of an element of the mesh, whose p is given."""
    degree, end = mesh.degree, -1 if top else 0
    start = element * degree
    inside = modes.fields[start : start + degree + 1]
    slope = jnp.asarray(lobatto(degree)[2][end], inside.dtype) / mesh.jacobian[element, end]
    scale = 1.0 / jnp.sqrt(modes.beta)
    return Plane(inside[end] * scale, p * product(slope, inside) * scale)


def line(row: Row, tooth: Plane, trench: Plane) -> Line:
    """Fields on a plane, whose values in both kinds of section are given."""
    a, zero = row.amplitudes, jnp.zeros_like(tooth.value)[None]
    beta, behind = row.tooth.beta, row.trench.beta
    pieces = max(1, int(np.ceil(row.margin)))
    far = jnp.full((1,), row.margin, row.trenches.dtype)
    teeth = _inside(beta, tooth, row.teeth, a.tooth_forward[:-1], a.tooth_backward[1:], 1)
    trenches = _inside(behind, trench, row.trenches, a.trench_forward, a.trench_backward, 1)
    before = _inside(beta, tooth, far, zero, a.tooth_backward[:1], pieces)
    after = _inside(beta, tooth, far, a.tooth_forward[-1:], zero, pieces)
    starts, ends = joints(row.trenches, row.teeth)
    local = (
        (jnp.full((1,), -row.margin, far.dtype), far, before, pieces),
        (ends[:-1], row.teeth, teeth, 1),
        (starts, row.trenches, trenches, 1),
        (ends[-1:], far, after, pieces),
    )
    x, weight = (
        jnp.concatenate([_points(start, width, cut)[k].ravel() for start, width, _, cut in local]) for k in (0, 1)
    )
    value, slope = (jnp.concatenate([each[k].ravel() for _, _, each, _ in local]) for k in (0, 1))
    number = POINTS * pieces
    turn = jnp.exp(1j * jnp.take(beta, row.guided) * x[:number].astype(beta.dtype))
    value = value.at[:number].add(turn * jnp.take(tooth.value, row.guided))
    slope = slope.at[:number].add(turn * jnp.take(tooth.slope, row.guided))
    order = jnp.argsort(lax.stop_gradient(x))
    return Line(x[order], weight[order], value[order], slope[order])


def joints(trenches: jax.Array, teeth: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where the trenches begin and end along x in um, shape [P] each; the first begins at 0."""
    ends = jnp.cumsum(trenches + jnp.pad(teeth, (1, 0)))
    return ends - trenches, ends


def _points(start: jax.Array, width: jax.Array, pieces: int) -> tuple[jax.Array, jax.Array]:
    """Points and weights in sections, [sections, pieces * POINTS]."""
    part, weight = _parts(pieces)
    part, weight = jnp.asarray(part, width.dtype), jnp.asarray(weight, width.dtype)
    return start[:, None] + width[:, None] * part[None], width[:, None] * weight[None]


def _parts(pieces: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    inside = (np.arange(pieces)[:, None] + 0.5 * (nodes + 1.0)[None]) / pieces
    return inside.ravel(), np.tile(0.5 * weights / pieces, pieces)


def _inside(
    beta: jax.Array, at: Plane, width: jax.Array, forward: jax.Array, backward: jax.Array, pieces: int
) -> tuple[jax.Array, jax.Array]:
    """F and p dF/dz at the points of sections, shape [sections, points], from amplitudes [sections, K]."""
    part = jnp.asarray(_parts(pieces)[0], width.dtype)
    way = (width[:, None] * part[None]).astype(beta.dtype)
    turn = jnp.exp(1j * way[:, :, None] * beta[None, None, :])
    # The points lie symmetric, so that those seen from the right end are the same in reverse.
    waves = turn * forward[:, None, :] + turn[:, ::-1] * backward[:, None, :]
    return product(waves, at.value), product(waves, at.slope)


def flux(one: Line) -> jax.Array:
    """Im int F^* p dF/dz dx along a line, above zero upward."""
    return jnp.sum(one.weight * (one.value.conj() * one.slope).imag)


class Sides(NamedTuple):
    """Fluxes along +x through the sides of the box.

    Args:
        incident: of the light coming in alone.
        left: of all light at the left side.
        right: of all light at the right side.
    """

    incident: jax.Array
    left: jax.Array
    right: jax.Array


def sides(row: Row, mesh: SlabMesh, p: jax.Array, low: int, high: int) -> Sides:
    """Fluxes between the bottom of element `low` and the top of element `high`.

    Args:
        row: the row.
        mesh: the mesh.
        p: p of the elements in the guides beside the row, shape [elements].
        low, high: elements, none of them absorbing.
    """
    _, weights, _ = lobatto(mesh.degree)
    inside = np.zeros(mesh.z.shape)
    inside[low : high + 1] = weights[None]
    mass = assembled(jnp.asarray(inside, mesh.z.dtype).astype(p.dtype) * mesh.jacobian * p[:, None])
    a = row.amplitudes
    beta, fields = row.tooth.beta, row.tooth.fields
    decay = jnp.exp(1j * beta * row.margin)
    number = jnp.arange(beta.size) == row.guided
    arriving = jnp.where(number, jnp.exp(-1j * jnp.where(number, beta, 0.0) * row.margin), 0.0)
    nothing = jnp.zeros_like(arriving)

    def through(forward: jax.Array, backward: jax.Array) -> jax.Array:
        root = jnp.sqrt(beta)
        value, slope = product(fields, (forward + backward) / root), product(fields, 1j * root * (forward - backward))
        return jnp.sum((value.conj() * mass * slope).imag)

    return Sides(
        through(arriving, nothing),
        through(arriving, decay * a.tooth_backward[0]),
        through(decay * a.tooth_forward[-1], nothing),
    )
