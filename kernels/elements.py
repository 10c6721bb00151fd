"""High-order curl-conforming elements on a mesh of rows: matrices of Maxwell's equations in a cross-section.

Fields go as exp(i (beta z - w t)). With e_t = beta E_t and e_z = i E_z, both real in a lossless guide, and test
functions W (Lee, Sun and Cendes, IEEE Trans. Microw. Theory Tech. 39, 1262 (1991)),

    A e = -beta^2 B e,
    A = int curl e_t . curl W_t / mu_z - k0^2 eps_t e_t . W_t,
    B = int (e_t + grad e_z) . (W_t + grad W_z) / mu_t - k0^2 eps_z e_z W_z.

In one dimension C holds continuous polynomials of degree p on each interval, D discontinuous ones of degree p - 1. With
E_x in D(x) C(y), E_y in C(x) D(y) and E_z in C(x) C(y) this is Nedelec's space of the first kind (Numer. Math. 35, 315
(1980)): gradients of e_z lie in it, so no spurious modes appear.

The mesh is logically rectangular. Its rows have horizontal lines y[j]; lines from row to row go through nodes
x[i, j] and may lean, so an element is a trapezoid and side walls of any angle are lines of the mesh. Fields are carried
over by the covariant (Piola) map. Coordinates may be complex: that is an absorbing layer, and nothing else changes.
A bend of radius R about an axis at x = -R has the length factor h = 1 + x / R along z: eps_t and mu_t take the factor
h, eps_z and mu_z its inverse.
"""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Points of quadrature beyond the degree: enough for products of the basis, and for the slow factors of leaning
# elements and bends.
EXTRA_POINTS = 2


class Mesh(NamedTuple):
    """A mesh of (columns x rows) elements.

    Args:
        x: positions of the nodes in um, shape [columns + 1, rows + 1].
        y: heights of the lines in um, shape [rows + 1].
        curvature: 1 / R in 1/um for a bend about an axis at x = -R; 0 for a straight guide.
    """

    x: jax.Array
    y: jax.Array
    curvature: jax.Array


class ElementMatrices(NamedTuple):
    """Matrices A and B of all elements, shape [columns, rows, n, n], with the local numbering of `Basis`."""

    a: jax.Array
    b: jax.Array


class Geometry(NamedTuple):
    """What a mesh is at the points of quadrature, each [columns, rows, Q]."""

    x: jax.Array
    y: jax.Array
    area: jax.Array  # weight times Jacobian determinant
    x_xi: jax.Array  # derivatives of the map from the unit square
    x_eta: jax.Array
    y_eta: jax.Array
    stretch: jax.Array  # length factor h of the bend


@dataclass(frozen=True, eq=False)
class Basis:
    """Functions on the unit square at the points of quadrature (Q of them).

    Local numbering: e_x by (i, j) in p x (p + 1), then e_y in (p + 1) x p, then e_z in (p + 1) x (p + 1).

    Args:
        degree: p.
        points: points and weights in one dimension, shape [2, q].
        u, v, z: values of e_x, e_y and e_z functions, shape [Q, n_u], [Q, n_v], [Q, n_z].
        curl_u, curl_v: their contributions to d(e_y)/d(xi) - d(e_x)/d(eta).
        z_xi, z_eta: derivatives of the e_z functions.
    """

    degree: int
    points: np.ndarray
    u: np.ndarray
    v: np.ndarray
    z: np.ndarray
    curl_u: np.ndarray
    curl_v: np.ndarray
    z_xi: np.ndarray
    z_eta: np.ndarray

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of functions of e_x, e_y and e_z."""
        return self.u.shape[1], self.v.shape[1], self.z.shape[1]


@functools.lru_cache(maxsize=16)
def basis(degree: int) -> Basis:
    """The basis of a degree, 1 to 10."""
    nodes, weights = np.polynomial.legendre.leggauss(degree + EXTRA_POINTS)
    points = 0.5 * (nodes + 1.0)
    c, c_slope = continuous_values(degree, points)
    d = discontinuous_values(degree, points)
    return Basis(
        degree=degree,
        points=np.stack([points, 0.5 * weights]),
        u=_products(d, c),
        v=_products(c, d),
        z=_products(c, c),
        curl_u=-_products(d, c_slope),
        curl_v=_products(c_slope, d),
        z_xi=_products(c_slope, c),
        z_eta=_products(c, c_slope),
    )


def _products(along_xi: np.ndarray, along_eta: np.ndarray) -> np.ndarray:
    return np.einsum("qi,rj->qrij", along_xi, along_eta).reshape(along_xi.shape[0] * along_eta.shape[0], -1)


def continuous_values(degree: int, points: Any) -> tuple[Any, Any]:
    """Lagrange polynomials on Gauss-Lobatto nodes of [0, 1], and their derivatives, shape [..., degree + 1].

    The first and the last are those of the ends.
    """
    inner = np.sort(np.polynomial.legendre.Legendre.basis(degree).deriv().roots().real) if degree > 1 else np.zeros(0)
    nodes = np.concatenate([[-1.0], inner, [1.0]])
    to_nodes = np.linalg.inv(np.polynomial.legendre.legvander(nodes, degree))
    slopes = np.zeros((degree + 1, degree + 1))
    for k in range(1, degree + 1):
        slopes[:k, k] = 2.0 * np.asarray(np.polynomial.legendre.Legendre.basis(k).deriv().coef, float)
    values = _legendre(degree, points)
    return values @ to_nodes, values @ (slopes @ to_nodes)


def discontinuous_values(degree: int, points: Any) -> Any:
    """Orthonormal Legendre polynomials on [0, 1] up to degree - 1, shape [..., degree]."""
    return _legendre(degree - 1, points) @ np.diag(np.sqrt(2.0 * np.arange(degree) + 1.0))


def _legendre(degree: int, points: Any) -> Any:
    """Legendre polynomials of 2 points - 1 up to a degree, for arrays of NumPy or JAX."""
    at = 2.0 * points - 1.0
    values = [at * 0.0 + 1.0, at]
    for k in range(2, degree + 1):
        values.append(((2 * k - 1) * at * values[-1] - (k - 1) * values[-2]) / k)
    stack = np.stack if isinstance(points, np.ndarray) else jnp.stack
    return stack(values[: degree + 1], -1)


def geometry(mesh: Mesh, degree: int) -> Geometry:
    """The mesh at the points of quadrature."""
    points, weights = basis(degree).points
    grids = *np.meshgrid(points, points, indexing="ij"), np.outer(weights, weights)
    xi, eta, weight = (jnp.asarray(grid.ravel(), mesh.x.dtype) for grid in grids)
    left, right = _ends(mesh.x[:-1], eta), _ends(mesh.x[1:], eta)
    height = jnp.diff(mesh.y).astype(mesh.x.dtype)[None, :, None]
    x = left + (right - left) * xi[None, None]
    x_xi = right - left
    lean = jnp.diff(mesh.x, axis=1)[..., None]
    x_eta = lean[:-1] * (1.0 - xi)[None, None] + lean[1:] * xi[None, None]
    y = jnp.broadcast_to(mesh.y[:-1].astype(mesh.x.dtype)[None, :, None] + height * eta[None, None], x.shape)
    height = jnp.broadcast_to(height, x.shape)
    return Geometry(
        x, y, weight[None, None] * x_xi * height, x_xi, x_eta, height, 1.0 + mesh.curvature.astype(x.dtype) * x
    )


def _ends(x: jax.Array, eta: jax.Array) -> jax.Array:
    return x[:, :-1, None] * (1.0 - eta)[None, None] + x[:, 1:, None] * eta[None, None]


def element_matrices(mesh: Mesh, permittivity: jax.Array, k0: jax.Array, degree: int) -> ElementMatrices:
    """Matrices of all elements.

    Args:
        mesh: the mesh, complex where anything is.
        permittivity: relative permittivity along x, y and z at the points of quadrature, shape
            [3, columns, rows, Q], or with Q = 1 where it is the same all over each element.
        k0: 2 pi / wavelength, in 1/um.
        degree: degree p of the elements.
    """
    functions, at = basis(degree), geometry(mesh, degree)
    eps = jnp.broadcast_to(permittivity, (3, *at.area.shape)).astype(at.area.dtype)
    k0 = k0.astype(at.area.dtype)
    electric = _metric(at, eps[0] * at.stretch * k0**2, eps[1] * at.stretch * k0**2)
    magnetic = _metric(at, 1.0 / at.stretch, 1.0 / at.stretch)
    curl = at.stretch / at.area * jnp.asarray(_weights(functions) ** 2, at.area.dtype)[None, None]
    a = _curl_form(functions, curl) - _field_form(functions, electric)
    b = _transverse_form(functions, magnetic, k0**2 * eps[2] / at.stretch * at.area)
    extra = sum(functions.sizes) - a.shape[-1]
    return ElementMatrices(jnp.pad(a, ((0, 0), (0, 0), (0, extra), (0, extra))), b)


def _weights(functions: Basis) -> np.ndarray:
    return np.outer(functions.points[1], functions.points[1]).ravel()


def _metric(at: Geometry, along_x: jax.Array, along_y: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Weights of products of reference components (11, 12, 22) of a form in e_x^2 and e_y^2."""
    lean = at.x_eta / (at.x_xi * at.y_eta)
    return (
        at.area * (along_x / at.x_xi**2 + along_y * lean**2),
        -at.area * along_y * lean / at.y_eta,
        at.area * along_y / at.y_eta**2,
    )


def _curl_form(functions: Basis, weight: jax.Array) -> jax.Array:
    curl = np.concatenate([functions.curl_u, functions.curl_v], axis=1)
    return _form(weight, curl, curl)


def _field_form(functions: Basis, metric: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
    first, mixed, second = metric
    cross = _form(mixed, functions.u, functions.v)
    top = jnp.concatenate([_form(first, functions.u, functions.u), cross], axis=-1)
    bottom = jnp.concatenate([jnp.swapaxes(cross, -1, -2), _form(second, functions.v, functions.v)], axis=-1)
    return jnp.concatenate([top, bottom], axis=-2)


def _transverse_form(functions: Basis, metric: tuple[jax.Array, jax.Array, jax.Array], along_z: jax.Array) -> jax.Array:
    """The form of e_t + grad e_z, less that of e_z."""
    zero_u, zero_v = np.zeros_like(functions.u), np.zeros_like(functions.v)
    xi = np.concatenate([functions.u, zero_v, functions.z_xi], axis=1)
    eta = np.concatenate([zero_u, functions.v, functions.z_eta], axis=1)
    first, mixed, second = metric
    cross = _form(mixed, xi, eta)
    form = _form(first, xi, xi) + cross + jnp.swapaxes(cross, -1, -2) + _form(second, eta, eta)
    longitudinal = _form(along_z, functions.z, functions.z)
    before = form.shape[-1] - longitudinal.shape[-1]
    return form - jnp.pad(longitudinal, ((0, 0), (0, 0), (before, 0), (before, 0)))


def _form(weight: jax.Array, left: np.ndarray, right: np.ndarray) -> jax.Array:
    """Integrals of weight times left times right, shape [columns, rows, n_left, n_right]."""
    products = np.einsum("qa,qb->qab", left, right).reshape(left.shape[0], -1)
    result = jnp.matmul(weight, jnp.asarray(products, weight.dtype), precision=lax.Precision.HIGHEST)
    return result.reshape(*weight.shape[:2], left.shape[1], right.shape[1])


def parts_of_elements(mesh: Mesh, count: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Middles x, y and areas of `count` by `count` equal parts of each element, [columns, rows, count, count], real."""
    x, y = mesh.x.real, mesh.y.real
    at = jnp.asarray((np.arange(count) + 0.5) / count, x.dtype)
    xi, eta = at[None, None, :, None], at[None, None, None, :]
    corner = lambda i, j: x[i : x.shape[0] - 1 + i, j : x.shape[1] - 1 + j, None, None]  # noqa: E731
    low = corner(0, 0) * (1.0 - eta) + corner(0, 1) * eta
    high = corner(1, 0) * (1.0 - eta) + corner(1, 1) * eta
    height = jnp.diff(y)[None, :, None, None]
    shape = (x.shape[0] - 1, x.shape[1] - 1, count, count)
    across = jnp.broadcast_to(low + (high - low) * xi, shape)
    along = jnp.broadcast_to(y[:-1][None, :, None, None] + height * eta, shape)
    return across, along, jnp.broadcast_to((high - low) * height / count**2, shape)
