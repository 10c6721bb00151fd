"""Overlap integrals of modes on different meshes, exact where sides of elements are upright.

Fields of elements are polynomials between the lines of their mesh and have kinks and jumps on them. So the integral
runs over the common refinement: the lines of both meshes, sorted, with Gauss points in each part. Where lines across
lean they are sorted at the height of each row of points.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.block_tridiagonal import product
from photonics_core.kernels.element_fields import LocalFields, element_fields, point_fields
from photonics_core.kernels.elements import EXTRA_POINTS, Mesh, geometry


@functools.partial(jax.jit, static_argnames="degree")
def mode_norms(mesh: Mesh, vectors: jax.Array, degree: int) -> jax.Array:
    """Integrals of e_t . (e_t + grad e_z) of modes on their own mesh, from vectors [m, unknowns], shape [m].

    They are the flux (1/2) int (E x H) . z dA but for a factor 2 k0 Z_0 / beta, in the scaling of `elements`.
    """
    area = geometry(mesh, degree).area
    electric, magnetic = _flux_parts(_on_real_mesh(lambda v: element_fields(mesh, v, degree), vectors))
    return jnp.sum(area.astype(electric.dtype)[None, None] * electric * magnetic, axis=(1, 2, 3, 4))


@functools.partial(jax.jit, static_argnames=("degree", "extra"))
def mode_overlaps(
    mesh_a: Mesh, vectors_a: jax.Array, mesh_b: Mesh, vectors_b: jax.Array, degree: int, extra: int = EXTRA_POINTS
) -> tuple[jax.Array, jax.Array]:
    """Overlaps of the modes of two meshes of real coordinates.

    Args:
        mesh_a: mesh of the first side.
        vectors_a: its modes, shape [N_a, unknowns].
        mesh_b: mesh of the second side.
        vectors_b: its modes, shape [N_b, unknowns].
        degree: degree of the elements of both.
        extra: points of quadrature in each part beyond the degree; from 1 on upright meshes are integrated exactly.

    Returns:
        Integrals of e_t,a . (e_t,b + grad e_z,b) and of e_t,b . (e_t,a + grad e_z,a), both of shape [N_a, N_b].
    """
    x, y, area = common_points(mesh_a, mesh_b, degree + extra)
    fields = []
    for mesh, vectors in ((mesh_a, vectors_a), (mesh_b, vectors_b)):
        parts = _flux_parts(_on_real_mesh(lambda v, mesh=mesh: point_fields(mesh, v, degree, x, y), vectors))
        fields.append([part.reshape(part.shape[0], -1) for part in parts])
    (e_a, h_a), (e_b, h_b) = fields
    weight = jnp.tile(area.ravel(), 2)[None].astype(e_a.dtype)
    return product(e_a * weight, h_b.T), product(h_a * weight, e_b.T)


def common_points(mesh_a: Mesh, mesh_b: Mesh, points: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Points x, y and areas of a quadrature over the parts that two meshes have in common.

    Shape [rows, points, columns, points] each, with as many rows and columns as both meshes together have lines,
    less one. Parts of no size have points of no area.
    """
    nodes, weights = np.polynomial.legendre.leggauss(points)
    at, weights = (jnp.asarray(part, mesh_a.y.dtype) for part in (0.5 * nodes + 0.5, 0.5 * weights))
    rows = jnp.sort(jnp.concatenate([mesh_a.y, mesh_b.y]))
    height = jnp.diff(rows)[:, None]
    y, along = rows[:-1, None] + height * at[None], height * weights[None]
    lines = jnp.concatenate([_lines_at(mesh, y) for mesh in (mesh_a, mesh_b)], axis=-1)
    lines = jnp.sort(lines, axis=-1)
    width = jnp.diff(lines, axis=-1)[..., None]
    x = lines[..., :-1, None] + width * at[None, None, None]
    area = along[..., None, None] * width * weights[None, None, None]
    return x, jnp.broadcast_to(y[..., None, None], x.shape), area


def _lines_at(mesh: Mesh, y: jax.Array) -> jax.Array:
    """Positions of the lines across at heights y, shape [..., lines]."""
    row = jnp.sum(y[..., None] >= mesh.y[1:-1].reshape(*(1,) * y.ndim, -1), axis=-1)
    part = ((y - mesh.y[row]) / (mesh.y[row + 1] - mesh.y[row]))[None]
    return jnp.moveaxis(mesh.x[:, row] * (1.0 - part) + mesh.x[:, row + 1] * part, 0, -1)


def _on_real_mesh(fields, vectors: jax.Array) -> LocalFields:
    """Fields of several vectors, real and imaginary parts one by one where they are complex."""
    if not jnp.iscomplexobj(vectors):
        return jax.vmap(fields)(vectors)
    return jax.tree.map(jax.lax.complex, *(jax.vmap(fields)(part) for part in (vectors.real, vectors.imag)))


def _flux_parts(at: LocalFields) -> tuple[jax.Array, jax.Array]:
    """e_t and e_t + grad e_z, components along x and y on the axis after that of the modes."""
    magnetic = [field + slope for field, slope in zip(at.transverse, at.gradient, strict=True)]
    return jnp.stack(at.transverse, axis=1), jnp.stack(magnetic, axis=1)
