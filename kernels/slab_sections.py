"""Modes of the upright sections of a layered structure, by spectral elements between absorbing layers.

Light runs along x in sections that do not change along it; z points up. Fields go as exp(i (beta x - w t)). With F the
field along y, E for TE and H for TM, and slopes taken along the stretched coordinate,

    -d/dz (p dF/dz) - k0^2 c F = -beta^2 p F,        TE: p = 1, c = eps;  TM: p = 1 / eps, c = 1.

Each layer is cut into elements with polynomials of a degree, their nodes those of Gauss and Lobatto, and integrals are
sums over the same nodes. So the mass D is a diagonal, p F is held together across layers by the weak form, and

    A v = beta^2 v,        A = D^(-1/2) (k0^2 C - K) D^(-1/2),        v = D^(1/2) F,

is complex symmetric. Its vectors are scaled to v . v = 1 without conjugation. All of them are kept: of two sections on
one mesh they span the same space, so that what is matched between the sections is matched without remainder.

Absorbing layers are those of stretched coordinates (Chew and Weedon, Microwave Opt. Technol. Lett. 7, 599 (1994)):
dz becomes dz (1 + i strength (d / thickness)^2), d counted from where the layer begins. Behind them F = 0; at the
bottom of a section without an absorbing layer that is a perfect conductor to TE, and p dF/dz = 0 to TM.

The eigenproblem goes to LAPACK, which JAX has on the CPU alone; elsewhere the host is called for it. The derivative is
that of perturbation theory, for any figure of merit, and finite while no two beta^2 are equal.
"""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.block_tridiagonal import product
from photonics_core.kernels.elements import continuous_values


class SlabMesh(NamedTuple):
    """Elements of a section along z, the same for all sections.

    Args:
        z: real heights of the nodes in um, shape [elements, degree + 1].
        jacobian: complex dz per unit of the element, at the nodes, same shape.
    """

    z: jax.Array
    jacobian: jax.Array

    @property
    def degree(self) -> int:
        """Degree of the polynomials."""
        return self.z.shape[1] - 1


class SlabModes(eqx.Module):
    """Modes of a section, all that the mesh has, in the order of increasing loss.

    Args:
        beta: propagation constants in 1/um, shape [n].
        vectors: v in columns, shape [n, n], with v . v = 1.
        root_mass: D^(1/2) at the nodes that are free, shape [n].
        free_foot: the lowest node is one of them.
    """

    beta: jax.Array
    vectors: jax.Array
    root_mass: jax.Array
    free_foot: bool = eqx.field(static=True, default=False)

    @property
    def fields(self) -> jax.Array:
        """F at all nodes in columns, walls included, shape [nodes, n]."""
        return jnp.pad(self.vectors / self.root_mass[:, None], ((0 if self.free_foot else 1, 1), (0, 0)))


@functools.lru_cache(maxsize=16)
def lobatto(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Lobatto on [0, 1], and slopes [node, function] of the polynomials through them."""
    last = np.polynomial.legendre.Legendre.basis(degree)
    inner = np.sort(last.deriv().roots().real) if degree > 1 else np.zeros(0)
    nodes = np.concatenate([[-1.0], inner, [1.0]])
    weights = 2.0 / (degree * (degree + 1) * last(nodes) ** 2)
    return 0.5 * (nodes + 1.0), 0.5 * weights, continuous_values(degree, 0.5 * (nodes + 1.0))[1]


def slab_mesh(
    lines: jax.Array, below: int, above: int, degree: int, strengths: tuple[Any, Any] = (1.5, 4.0)
) -> SlabMesh:
    """A mesh on lines in um, shape [elements + 1], its `below` lowest and `above` highest elements absorbing.

    The absorbing layers have strengths of their own, below and above.
    """
    nodes = jnp.asarray(lobatto(degree)[0], lines.dtype)
    height = jnp.diff(lines)[:, None]
    z = lines[:-1, None] + height * nodes[None]
    turned = jnp.zeros_like(z)
    if below:
        foot = lines[below]
        turned = turned.at[:below].set(strengths[0] * ((foot - z[:below]) / (foot - lines[0])) ** 2)
    if above:
        head = lines[-1 - above]
        turned = turned.at[-above:].set(strengths[1] * ((z[-above:] - head) / (lines[-1] - head)) ** 2)
    stretch = lax.complex(jnp.ones_like(z), turned)
    return SlabMesh(z, height.astype(stretch.dtype) * stretch)


def assembled(values: jax.Array) -> jax.Array:
    """Values at the nodes of elements [elements, degree + 1] summed over those that share a node, [all nodes]."""
    elements, count = values.shape
    total = jnp.zeros(elements * (count - 1) + 1, values.dtype)
    return total.at[_numbers(elements, count - 1)].add(values)


def _numbers(elements: int, degree: int) -> np.ndarray:
    return np.arange(elements)[:, None] * degree + np.arange(degree + 1)[None]


def slab_modes(
    mesh: SlabMesh, permittivity: jax.Array, k0: jax.Array, *, magnetic: bool = False, free_foot: bool = False
) -> SlabModes:
    """All modes of a section.

    Args:
        mesh: the mesh.
        permittivity: relative permittivity of the elements, complex, shape [elements].
        k0: 2 pi / wavelength in 1/um.
        magnetic: TM, of F = H, instead of TE.
        free_foot: p dF/dz = 0 at the lowest node instead of F = 0.
    """
    free = slice(0 if free_foot else 1, -1)
    degree = mesh.degree
    _, weights, slopes = lobatto(degree)
    dtype = mesh.jacobian.dtype
    eps = permittivity.astype(dtype)[:, None]
    one = jnp.ones_like(eps)
    p, c = (1.0 / eps, one) if magnetic else (one, eps)
    measure = jnp.asarray(weights, dtype)[None] * mesh.jacobian
    mass, load = assembled(p * measure)[free], assembled(c * measure)[free]
    local = jnp.einsum(
        "eq,qi,qj->eij",
        p * jnp.asarray(weights, dtype)[None] / mesh.jacobian,
        jnp.asarray(slopes, dtype),
        jnp.asarray(slopes, dtype),
        precision=lax.Precision.HIGHEST,
    )
    at = _numbers(mesh.z.shape[0], degree)
    size = at[-1, -1] + 1
    stiffness = jnp.zeros((size, size), dtype).at[at[:, :, None], at[:, None, :]].add(local)[free, free]
    root = jnp.sqrt(mass)
    scaled = stiffness / (root[:, None] * root[None, :])
    matrix = jnp.diag(k0.astype(dtype) ** 2 * load / mass) - scaled
    squares, vectors = symmetric_modes(matrix)
    beta = jnp.sqrt(squares)
    # Of the two roots that which decays, or where none does that which runs ahead.
    beta = jnp.where(beta.imag + beta.real < 0.0, -beta, beta)
    order = jnp.argsort(lax.stop_gradient(beta.imag))
    return SlabModes(beta[order], vectors[:, order], root, free_foot)


@jax.custom_jvp
def symmetric_modes(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues [n] and vectors in columns [n, n], v . v = 1, of a complex symmetric matrix.

    The derivative is dl_j = v_j dA v_j, dv_j = sum over i of v_i (v_i dA v_j) / (l_j - l_i).
    """
    values, vectors = lax.platform_dependent(matrix, cpu=_eig, default=_eig_on_host)
    # Once more without conjugation: rounding, and how LAPACK scales, do not matter then.
    norm = jnp.sqrt(jnp.sum(vectors * vectors, axis=0))
    return values, vectors / norm[None, :]


@symmetric_modes.defjvp
def _symmetric_modes_jvp(primals: Any, tangents: Any) -> Any:
    (matrix,), (change,) = primals, tangents
    values, vectors = symmetric_modes(matrix)
    inside = product(vectors.T, product(change, vectors))
    gap = values[None, :] - values[:, None]
    none = gap == 0.0
    mixed = jnp.where(none, 0.0, inside / jnp.where(none, 1.0, gap))
    return (values, vectors), (jnp.diagonal(inside), product(vectors, mixed))


def _eig(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    values, vectors = jnp.linalg.eig(matrix)
    return values, vectors


def _eig_on_host(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    shapes = jax.ShapeDtypeStruct(matrix.shape[:-1], matrix.dtype), jax.ShapeDtypeStruct(matrix.shape, matrix.dtype)

    def solve(values: Any) -> tuple[np.ndarray, np.ndarray]:
        found = np.linalg.eig(np.asarray(values))
        return found[0].astype(values.dtype), found[1].astype(values.dtype)

    values, vectors = jax.pure_callback(solve, shapes, matrix, vmap_method="expand_dims")
    return values, vectors
