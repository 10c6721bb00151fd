"""A device known by its S-parameters at some wavelengths: interpolation between them.

Each element of the matrix is freed of its mean group delay and then interpolated over frequency by a cubic spline of
its complex value; the delay is put back afterwards. Magnitude and unwrapped phase, the other custom, fail where an
amplitude passes near zero, as in a ring at critical coupling: there the magnitude has a kink and the phase a step of
pi, while the complex value is smooth. Without the delay taken out, a long guide would turn too far between samples.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline

from photonics_core.display import Shown
from photonics_core.exchange_sparameters import check_smatrix
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.sparameter_table import check_table, checked_detuning, detuning_of, matrix_axes, mean_delays
from photonics_core.units import REFERENCE_TEMPERATURE


class TabulatedDevice(Shown):
    """A device made of a table of S-parameters by `TabulatedDevice.from_smatrix`.

    Args:
        coefficients: of the cubic in each interval, highest power first, shape [4, samples - 1, ports, ports].
        delays: mean group delays in ps that were taken out, shape [ports, ports].
        detunings: frequencies in THz of the samples, less that of `wl0`, rising, shape [samples].
        wl0: wavelength in um in the middle of the table.
        wl_range: shortest and longest wavelength in um of the table.
        ports: names of the ports.
    """

    coefficients: np.ndarray
    delays: np.ndarray
    detunings: np.ndarray
    wl0: float = eqx.field(static=True)
    wl_range: tuple[float, float] = eqx.field(static=True)
    ports: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def from_smatrix(cls, smatrix: SMatrix, delay: float = 0.0) -> "TabulatedDevice":
        """Interpolate between the wavelengths of `smatrix`.

        Args:
            smatrix: one matrix a wavelength, values of shape [samples, ports, ports], at least two samples.
            delay: what is known of the group delays beforehand, in ps. The samples tell a delay only up to a
                multiple of one over their spacing in frequency; the value nearest to `delay` is taken.

        Raises:
            SParameterError: if the samples are fewer than two, repeated, not finite or not one a wavelength, or no
                `SMatrix`.
        """
        check_smatrix(smatrix)
        wl, values = np.asarray(smatrix.wl, np.float64), np.asarray(smatrix.values, np.complex128)
        check_table(wl, values)
        order = np.argsort(-wl)
        wl, values = wl[order], values[order]
        wl0 = float(wl[wl.size // 2])
        detunings = detuning_of(wl, wl - wl0, wl0)
        delays = mean_delays(detunings, values, delay)
        slow = values * np.exp(-2j * np.pi * detunings[:, None, None] * delays)
        wl_range = float(wl[-1]), float(wl[0])
        return cls(CubicSpline(detunings, slow).c, delays, detunings, wl0, wl_range, smatrix.ports)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um.

        A table has no temperature; the argument is there because devices have it, and is not used.

        Raises:
            SParameterError: if a wavelength is outside the table. Under `jax.jit` this is a run-time error.
            ValueError: if `wl` is no number.
        """
        wl = as_leaf(wl) if isinstance(wl, list | tuple) else wl
        detuning = checked_detuning(wl, self.wl0, self.wl_range)
        knots = jnp.asarray(self.detunings, detuning.dtype)
        interval = jnp.clip(jnp.searchsorted(knots, detuning, side="right") - 1, 0, knots.size - 2)
        offset = matrix_axes(detuning - knots[interval])
        dtype = np.result_type(detuning.dtype, np.complex64)
        cubic = jnp.asarray(self.coefficients, dtype)[:, interval]
        offset = jax.lax.complex(offset, jnp.zeros_like(offset))
        slow = ((cubic[0] * offset + cubic[1]) * offset + cubic[2]) * offset + cubic[3]
        delays = jnp.asarray(self.delays, detuning.dtype).reshape((1,) * detuning.ndim + self.delays.shape)
        phase = 2.0 * jnp.pi * matrix_axes(detuning) * delays
        return SMatrix(slow * jax.lax.complex(jnp.cos(phase), jnp.sin(phase)), self.ports, wl)
