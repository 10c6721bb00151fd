"""A device known by its S-parameters, fitted with few numbers: a splitter or a crossing that was measured or simulated.

Each element of the matrix is freed of its mean group delay and laid as a polynomial over frequency, in Chebyshev form,
by least squares; noise and the ripple of a measurement average out. What was reciprocal and passive stays so: the
matrix is made symmetric before the fit, and scaled down by its largest singular value in the band if that exceeds one.
What was active, as an amplifier or data that are wrong, is kept as it is, with a warning.
Where every sample is to be kept as it is, `TabulatedDevice` interpolates instead.
"""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.exchange_sparameters import SParameterWarning, check_smatrix
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_positive, check_range
from photonics_core.passivity import check_passivity
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.sparameter_table import (
    check_table,
    checked_detuning,
    detuning_of,
    matrix_axes,
    mean_delays,
    table_ends,
)
from photonics_core.units import REFERENCE_TEMPERATURE

#: Points across the band at which the fit is made passive, for each sample.
BETWEEN = 4


class CompactDevice(Shown):
    """A device made from S-parameters by `CompactDevice.from_smatrix`.

    Args:
        coefficients: Chebyshev coefficients over frequency, shape [terms, ports, ports], complex, the delays taken out.
        delays: mean group delays in ps that were taken out, shape [ports, ports].
        wl0: wavelength in um of the middle of the band.
        wl_range: shortest and longest wavelength in um.
        ports: names of the ports.
        error: largest |difference| of an element from the S-parameters that were given.
        scale: factor that made the fit passive; one if it was, or if the S-parameters were not.
    """

    coefficients: Any = eqx.field(converter=as_leaf)
    delays: np.ndarray
    wl0: float = eqx.field(static=True)
    wl_range: tuple[float, float] = eqx.field(static=True)
    ports: tuple[str, ...] = eqx.field(static=True)
    error: float = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    @classmethod
    def from_smatrix(
        cls, smatrix: SMatrix, tolerance: float = 1e-2, *, max_terms: int = 20, delay: float = 0.0
    ) -> "CompactDevice":
        """Fit with as few terms as it takes.

        Args:
            smatrix: one matrix a wavelength, values of shape [samples, ports, ports], at least two samples.
            tolerance: largest allowed |difference| of an element, such as 1e-2 of an amplitude. Making the matrix
                reciprocal and passive comes on top, by as much as `check_passivity` lets pass.
            max_terms: largest number of terms.
            delay: what is known of the group delays beforehand, in ps, as for `TabulatedDevice.from_smatrix`.

        Raises:
            SParameterError: if the samples are fewer than two, repeated, not finite or not one a wavelength.
            ValueError: if the tolerance is not met by `max_terms`; the message says what is.

        Warns:
            SParameterWarning: if the S-parameters are not passive; the fit is not either.
        """
        check_smatrix(smatrix)
        check_positive("tolerance", tolerance)
        check_range("max_terms", max_terms, 1, 200)
        wl, values = np.asarray(smatrix.wl, np.float64), np.asarray(smatrix.values, np.complex128)
        check_table(wl, values)
        order = np.argsort(-wl)
        wl, values = wl[order], values[order]
        report = check_passivity(smatrix)
        given, values = values, 0.5 * (values + np.swapaxes(values, -1, -2)) if report.is_reciprocal else values
        wl_range = float(wl[-1]), float(wl[0])
        wl0 = 2.0 * wl_range[0] * wl_range[1] / sum(wl_range)
        detunings = detuning_of(wl, wl - wl0, wl0)
        delays = mean_delays(detunings, values, delay)
        back = np.exp(-2j * np.pi * detunings[:, None, None] * delays)
        place = detunings / detunings[-1]
        coefficients = _fewest_terms(place, values * back, tolerance, max_terms)
        fixed = delays, wl0, wl_range, smatrix.ports
        scale = cls(coefficients, *fixed, 0.0, 1.0)._passive_scale(wl) if report.is_passive else 1.0
        if not report.is_passive:
            warnings.warn(f"{report}; the fit is kept so", SParameterWarning, stacklevel=2)
        coefficients = coefficients * scale
        return cls(coefficients, *fixed, float(np.max(np.abs(_values(place, coefficients) - given * back))), scale)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um; the temperature is not used, as in `TabulatedDevice`.

        Raises:
            SParameterError: if a wavelength is outside the band. Under `jax.jit` this is a run-time error.
        """
        wl = as_leaf(wl) if isinstance(wl, list | tuple) else wl
        detuning = checked_detuning(wl, self.wl0, self.wl_range)
        dtype = np.result_type(detuning.dtype, np.complex64)
        place = matrix_axes(detuning / table_ends(self.wl0, self.wl_range)[1]).astype(dtype)
        slow = chebyshev.evaluate(jnp.asarray(self.coefficients, dtype), [place])
        delays = jnp.asarray(self.delays, detuning.dtype).reshape((1,) * detuning.ndim + self.delays.shape)
        phase = 2.0 * jnp.pi * matrix_axes(detuning) * delays
        return SMatrix(slow * jax.lax.complex(jnp.cos(phase), jnp.sin(phase)), self.ports, wl)

    def _passive_scale(self, wl: np.ndarray) -> float:
        """Factor that brings the largest singular value in the band to one, for a device that was passive."""
        within = np.interp(np.linspace(0, wl.size - 1, BETWEEN * wl.size), np.arange(wl.size), wl)
        largest = float(np.max(np.linalg.svd(np.asarray(self.scattering(within).values), compute_uv=False)))
        return 1.0 / largest if largest > 1.0 else 1.0


def _values(place: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Values of the expansion, shape [samples, ports, ports]."""
    return np.tensordot(np.polynomial.chebyshev.chebvander(place, coefficients.shape[0] - 1), coefficients, 1)


def _fewest_terms(place: np.ndarray, values: np.ndarray, tolerance: float, max_terms: int) -> np.ndarray:
    """Coefficients of the shortest expansion within the tolerance."""
    flat, most = values.reshape(place.size, -1), min(max_terms, place.size)
    basis = np.polynomial.chebyshev.chebvander(place, most - 1)
    error = np.inf
    for terms in range(1, most + 1):
        found = np.linalg.lstsq(basis[:, :terms], flat, rcond=None)[0]
        error = float(np.max(np.abs(basis[:, :terms] @ found - flat)))
        if error <= tolerance:
            return found.reshape(terms, *values.shape[1:])
    raise ValueError(
        f"tolerance = {tolerance:g} is not met by {most} terms, which leave {error:.2g}; allow more, or keep the "
        "samples with TabulatedDevice"
    )
