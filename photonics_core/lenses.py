"""Ray matrices of lenses, gaps and surfaces, and what they make of a Gaussian beam.

A ray is (height in um, angle in rad), and its matrix [[A, B], [C, D]]; a beam goes by q' = (A q + B) / (C q + D).
Angles are true angles, not times the index: det = n / n'. An offset or a tilt of the fibre in front of the lenses is
one of the beam behind them, `image_ray`. Sources: H. Kogelnik and T. Li, Appl. Opt. 5, 1550 (1966).
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam, floating
from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete


def free_space(length: Any) -> jax.Array:
    """Matrix of a way of this length in um in one medium, [[1, L], [0, 1]]."""
    check_finite("length", length, "um")
    return _matrix(1.0, length, 0.0, 1.0)


def thin_lens(focal_length: Any) -> jax.Array:
    """Matrix of a thin lens, [[1, 0], [-1/f, 1]], of a focal length f in um; below zero it spreads."""
    _check_not_zero("focal_length", focal_length)
    return _matrix(1.0, 0.0, -1.0 / floating(focal_length), 1.0)


def refracting_surface(before: Any, after: Any, radius: Any = np.inf) -> jax.Array:
    """Matrix of a surface between two indices.

    Args:
        before, after: indices on the way, at least 1.
        radius: radius of curvature in um, above zero where the centre lies behind it; infinite for a plane.
    """
    for name, value in (("before", before), ("after", after)):
        check_range(name, value, 1.0, np.inf)
    if is_concrete(radius) and np.any(np.isnan(radius)):
        raise ValueError(f"radius = {radius!r} um is not a number")
    if is_concrete(radius):
        _check_not_zero("radius", np.where(np.isinf(radius), 1.0, radius))
    n, m = floating(before), floating(after)
    return _matrix(1.0, 0.0, (n - m) / (m * floating(radius)), n / m)


def chain(*matrices: Any) -> jax.Array:
    """Matrix of parts in the order in which light meets them."""
    return functools.reduce(lambda before, after: jnp.matmul(after, before, precision="highest"), matrices)


def lens_pair(first: Any, separation: Any, second: Any, before: Any, after: Any) -> jax.Array:
    """Matrix of a way, a lens, a way, a lens and a way; focal lengths and ways in um.

    With `before` = first, `separation` = first + second and `after` = second it is a telescope: the image is
    second / first as large and has a plane phase.
    """
    return chain(free_space(before), thin_lens(first), free_space(separation), thin_lens(second), free_space(after))


def transformed_beam(
    beam: GaussianBeam, matrix: Any, wl: Any, index: Any = 1.0, index_after: Any = 1.0, matrix_y: Any = None
) -> GaussianBeam:
    """The beam behind a system, as one that an end in the last plane sends out.

    Args:
        beam: the beam.
        matrix: ray matrix from its end to the last plane, shape [2, 2].
        wl: free-space wavelength in um.
        index, index_after: indices of the media before and behind.
        matrix_y: ray matrix along the second principal axis, where it is another, as of a cylinder.

    Returns:
        Beam of the same axes and polarisation; what lenses lose is not in it.

    Raises:
        ValueError: for a matrix that is not [2, 2], or whose determinant is not index / index_after.
    """
    check_kind("beam", beam, GaussianBeam)
    for name, value in (("index", index), ("index_after", index_after)):
        check_range(name, value, 1.0, np.inf)
    for name, each in (("matrix", matrix), ("matrix_y", matrix_y)):
        if each is not None:
            _check_matrix(name, each, index, index_after)
    parts = []
    for q, each in zip(beam.q(wl, index), (matrix, matrix if matrix_y is None else matrix_y), strict=True):
        (a, b), (c, d) = jnp.asarray(each).astype(q.dtype)
        parts.append((a * q + b) / (c * q + d))
    return GaussianBeam.from_q(
        parts[0], wl, index_after, parts[1], angle=beam.angle, azimuth=beam.azimuth, ellipticity=beam.ellipticity
    )


def image_ray(matrix: Any, offset: Any, tilt: Any = 0.0) -> tuple[jax.Array, jax.Array]:
    """Offset in um and tilt in rad, behind a system, of a beam that has these in front of it."""
    check_finite("offset", offset, "um")
    check_finite("tilt", tilt, "rad")
    (a, b), (c, d) = jnp.asarray(matrix)
    offset, tilt = floating(offset), floating(tilt)
    return a * offset + b * tilt, c * offset + d * tilt


def _check_matrix(name: str, matrix: Any, index: Any, index_after: Any) -> None:
    if np.shape(matrix) != (2, 2):
        raise ValueError(f"{name} of shape {np.shape(matrix)} is not [2, 2]")
    if not is_concrete(matrix, index, index_after):
        return
    check_finite(f"element of {name}", matrix)
    (a, b), (c, d) = np.asarray(matrix, float)
    found, expected = a * d - b * c, float(index) / float(index_after)
    if abs(found - expected) > 1e-4 * (1.0 + abs(a * d) + abs(b * c)):
        raise ValueError(
            f"{name} has the determinant {found:.6g}, which is not index / index_after = {expected:.6g}: "
            "the indices of the media in front of and behind it"
        )


def _matrix(a: Any, b: Any, c: Any, d: Any) -> jax.Array:
    return jnp.stack([jnp.stack([floating(a), floating(b)]), jnp.stack([floating(c), floating(d)])])


def _check_not_zero(name: str, value: Any) -> None:
    check_finite(name, value, "um")
    if is_concrete(value) and np.any(np.asarray(value) == 0.0):
        raise ValueError(f"{name} = 0 um is no length")
