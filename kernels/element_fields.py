"""Fields of a vector of unknowns: at the points of quadrature, and anywhere."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from photonics_core.kernels.elements import Mesh, basis, continuous_values, discontinuous_values, geometry
from photonics_core.kernels.numbering import numbering


class LocalFields(NamedTuple):
    """Fields of the eigenvalue problem: e_t = beta E_t and e_z = i E_z."""

    transverse: tuple[jax.Array, jax.Array]  # e_t along x and y
    longitudinal: jax.Array  # e_z
    gradient: tuple[jax.Array, jax.Array]  # of e_z
    curl: jax.Array  # of e_t
    stretch: jax.Array  # length factor of a bend


def element_fields(mesh: Mesh, vector: jax.Array, degree: int) -> LocalFields:
    """Fields at the points of quadrature, each [columns, rows, Q], from a vector [unknowns]."""
    functions, at = basis(degree), geometry(mesh, degree)
    u, v, z = _split(vector, mesh, degree)
    apply = lambda table, weights: jnp.matmul(weights, jnp.asarray(table.T, weights.dtype))  # noqa: E731
    lean, determinant = at.x_eta / at.x_xi, at.x_xi * at.y_eta
    return LocalFields(
        transverse=_physical(apply(functions.u, u), apply(functions.v, v), at.x_xi, lean, at.y_eta),
        longitudinal=apply(functions.z, z),
        gradient=_physical(apply(functions.z_xi, z), apply(functions.z_eta, z), at.x_xi, lean, at.y_eta),
        curl=(apply(functions.curl_u, u) + apply(functions.curl_v, v)) / determinant,
        stretch=at.stretch,
    )


def point_fields(mesh: Mesh, vector: jax.Array, degree: int, x: jax.Array, y: jax.Array) -> LocalFields:
    """Fields at points x, y of one shape [...]; zero outside the mesh, whose coordinates have to be real there."""
    rows, lines = mesh.y.real, mesh.x.real
    row = jnp.sum(y[..., None] >= rows[1:-1].reshape(*(1,) * y.ndim, -1), axis=-1)
    height = rows[row + 1] - rows[row]
    eta = (y - rows[row]) / height
    across = (
        jnp.moveaxis(lines[:, row], 0, -1) * (1.0 - eta)[..., None]
        + jnp.moveaxis(lines[:, row + 1], 0, -1) * eta[..., None]
    )
    column = jnp.sum(x[..., None] >= across[..., 1:-1], axis=-1)
    left, right = (jnp.take_along_axis(across, (column + k)[..., None], axis=-1)[..., 0] for k in (0, 1))
    xi = (x - left) / (right - left)
    slopes = lines[:, row + 1] - lines[:, row]
    slopes = [
        jnp.take_along_axis(jnp.moveaxis(slopes, 0, -1), (column + k)[..., None], axis=-1)[..., 0] for k in (0, 1)
    ]
    x_eta = slopes[0] * (1.0 - xi) + slopes[1] * xi
    inside = (xi >= 0) & (xi <= 1) & (eta >= 0) & (eta <= 1)
    parts = [jnp.where(inside[..., None], part[column, row], 0.0) for part in _split(vector, mesh, degree)]
    return _interpolated(parts, degree, xi, eta, right - left, x_eta, height, 1.0 + mesh.curvature.real * x)


def _interpolated(
    parts: Any,
    degree: int,
    xi: jax.Array,
    eta: jax.Array,
    x_xi: jax.Array,
    x_eta: jax.Array,
    y_eta: jax.Array,
    stretch: Any,
) -> LocalFields:
    (c, c_slope), d = continuous_values(degree, xi), discontinuous_values(degree, xi)
    (f, f_slope), g = continuous_values(degree, eta), discontinuous_values(degree, eta)
    u, v, z = parts
    shape = xi.shape
    u, v, z = (
        u.reshape(*shape, degree, degree + 1),
        v.reshape(*shape, degree + 1, degree),
        z.reshape(*shape, degree + 1, degree + 1),
    )

    def apply(weights: jax.Array, along_xi: jax.Array, along_eta: jax.Array) -> jax.Array:
        values = (part.astype(weights.dtype) for part in (along_xi, along_eta))
        return jnp.einsum("...ij,...i,...j->...", weights, *values)

    x_xi, x_eta, y_eta = (slope.astype(u.dtype) for slope in (x_xi, x_eta, y_eta))
    lean = x_eta / x_xi
    return LocalFields(
        transverse=_physical(apply(u, d, f), apply(v, c, g), x_xi, lean, y_eta),
        longitudinal=apply(z, c, f),
        gradient=_physical(apply(z, c_slope, f), apply(z, c, f_slope), x_xi, lean, y_eta),
        curl=(apply(v, c_slope, g) - apply(u, d, f_slope)) / (x_xi * y_eta),
        stretch=stretch,
    )


def _split(vector: jax.Array, mesh: Mesh, degree: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Unknowns of all elements, [columns, rows, n] each for e_x, e_y and e_z."""
    local = vector[numbering(mesh.x.shape[0] - 1, mesh.y.shape[0] - 1, degree).places]
    first, second, _ = basis(degree).sizes
    return local[..., :first], local[..., first : first + second], local[..., first + second :]


def _physical(
    xi: jax.Array, eta: jax.Array, x_xi: jax.Array, lean: jax.Array, y_eta: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Components along x and y of a covariant vector."""
    return xi / x_xi, (eta - lean * xi) / y_eta
