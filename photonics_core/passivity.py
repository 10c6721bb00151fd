"""Passivity and reciprocity of scattering matrices, and the nearest passive matrix.

A matrix is passive if no input comes out with more power: its largest singular value is at most one. S-parameters
from a simulation of fields miss that by the error of their normalisation, often by some per cent; a resonator made of
them multiplies the error by its finesse and shows gain. Everything here works on the host, in NumPy.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_kind
from photonics_core.scattering import SMatrix

#: Singular values up to this much above one pass for those of a passive device.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class PassivityReport:
    """How far scattering matrices are from passive and from reciprocal.

    Args:
        largest_singular_value: the largest of all wavelengths; at most one if passive.
        wl: wavelength in um where it occurs; None for a matrix without an axis of wavelengths.
        active_count: matrices whose largest singular value is more than `TOLERANCE` above one.
        count: number of matrices.
        reciprocity_residual: largest |S - S^T|.
        reciprocity_ports: the two ports between which it occurs.
    """

    largest_singular_value: float
    wl: float | None
    active_count: int
    count: int
    reciprocity_residual: float
    reciprocity_ports: tuple[str, str]

    @property
    def is_passive(self) -> bool:
        """Whether no singular value is more than `TOLERANCE` above one."""
        return self.active_count == 0

    @property
    def is_reciprocal(self) -> bool:
        """Whether |S - S^T| is at most `TOLERANCE`."""
        return self.reciprocity_residual <= TOLERANCE

    def __str__(self) -> str:
        place = "" if self.wl is None else f" at {self.wl:.6g} um"
        share = "" if self.is_passive else f", {self.active_count} of {self.count} wavelengths active"
        between = (
            "" if self.is_reciprocal else f" between {self.reciprocity_ports[0]!r} and {self.reciprocity_ports[1]!r}"
        )
        return (
            f"{'passive' if self.is_passive else 'active'}: largest singular value "
            f"{self.largest_singular_value:.6g}{place}{share}; "
            f"{'reciprocal' if self.is_reciprocal else 'not reciprocal'}: "
            f"|S - S^T| up to {self.reciprocity_residual:.2g}{between}"
        )


def check_passivity(smatrix: SMatrix) -> PassivityReport:
    """Report the largest singular value and the largest departure from reciprocity.

    Args:
        smatrix: scattering matrices, values of shape [..., ports, ports].

    Raises:
        ValueError: if a value is not finite, naming its ports, if there is none, or `smatrix` is no `SMatrix`.
    """
    values = _finite_values(smatrix)
    largest = np.linalg.svd(values, compute_uv=False)[..., 0]
    at = int(np.argmax(largest))
    asymmetry = np.abs(values - np.swapaxes(values, -1, -2)).reshape(-1, *values.shape[-2:]).max(axis=0)
    row, column = np.unravel_index(np.argmax(asymmetry), asymmetry.shape)
    return PassivityReport(
        largest_singular_value=float(largest.flat[at]),
        wl=_wavelength_of(smatrix, largest.shape, at),
        active_count=int(np.sum(largest > 1.0 + TOLERANCE)),
        count=largest.size,
        reciprocity_residual=float(asymmetry[row, column]),
        reciprocity_ports=(smatrix.ports[row], smatrix.ports[column]),
    )


def nearest_passive(smatrix: SMatrix) -> SMatrix:
    """The passive scattering matrices nearest to `smatrix` in the Frobenius norm: singular values clipped at one.

    Matrices that are passive come back bit for bit, so it may be applied again. A reciprocal matrix stays
    reciprocal to rounding, for its singular vectors come in conjugate pairs (Takagi).

    Args:
        smatrix: scattering matrices, values of shape [..., ports, ports].

    Returns:
        Scattering matrices of the same shape, ports and wavelengths.

    Raises:
        ValueError: if a value is not finite, naming its ports, if there is none, or `smatrix` is no `SMatrix`.

    Source: N. J. Higham, "Matrix nearness problems and applications" (1989): the projection on the unit ball of
    the spectral norm.
    """
    values = _finite_values(smatrix)
    left, singular, right = np.linalg.svd(values)
    # A clipped matrix has singular values of one but for rounding, and is not to be clipped again.
    rounding = 8 * values.shape[-1] * np.finfo(values.dtype).eps
    active = singular[..., 0] > 1.0 + rounding
    clipped = (left * np.minimum(singular, 1.0)[..., None, :]) @ right
    nearest = np.where(active[..., None, None], clipped, values)
    return SMatrix(jnp.asarray(nearest, values.dtype), smatrix.ports, smatrix.wl)


def _wavelength_of(smatrix: SMatrix, shape: tuple[int, ...], at: int) -> float | None:
    """Wavelength of the matrix number `at` of `shape`; None for a matrix that does not depend on it."""
    wl = np.asarray(smatrix.wl)
    if wl.shape != shape[len(shape) - wl.ndim :]:
        return None
    return float(np.broadcast_to(wl, shape).flat[at])


def _finite_values(smatrix: SMatrix) -> np.ndarray:
    check_kind("smatrix", smatrix, SMatrix)
    values = np.asarray(smatrix.values)
    if not values.size:
        raise ValueError(f"values of shape {values.shape} hold no scattering matrix")
    values = values.astype(np.result_type(values.dtype, np.complex64), copy=False)
    wrong = np.argwhere(~np.isfinite(values))
    if wrong.size:
        target, source = (smatrix.ports[i] for i in wrong[0][-2:])
        sample = tuple(int(i) for i in wrong[0][:-2])
        raise ValueError(f"the amplitude from {source!r} to {target!r} is not finite, sample {sample}")
    return values
