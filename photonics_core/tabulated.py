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

from photonics_core.exchange_sparameters import SParameterError, check_smatrix
from photonics_core.kernels.checks import is_concrete
from photonics_core.kernels.phase import wavelength_offset
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT


class TabulatedDevice(eqx.Module):
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
        _check_table(wl, values)
        order = np.argsort(-wl)
        wl, values = wl[order], values[order]
        wl0 = float(wl[wl.size // 2])
        detunings = _detuning(wl, wl - wl0, wl0)
        delays = _mean_delays(detunings, values, delay)
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
        if is_concrete(wl) and np.asarray(wl).dtype.kind in "cOSU":
            raise ValueError(f"wl = {wl!r} is not a real number")
        detuning = _detuning(jnp.asarray(wl), wavelength_offset(wl, self.wl0), self.wl0)
        detuning = self._inside(wl, detuning)
        knots = jnp.asarray(self.detunings, detuning.dtype)
        interval = jnp.clip(jnp.searchsorted(knots, detuning, side="right") - 1, 0, knots.size - 2)
        offset = _matrix_axes(detuning - knots[interval])
        dtype = np.result_type(detuning.dtype, np.complex64)
        cubic = jnp.asarray(self.coefficients, dtype)[:, interval]
        offset = jax.lax.complex(offset, jnp.zeros_like(offset))
        slow = ((cubic[0] * offset + cubic[1]) * offset + cubic[2]) * offset + cubic[3]
        delays = jnp.asarray(self.delays, detuning.dtype).reshape((1,) * detuning.ndim + self.delays.shape)
        phase = 2.0 * jnp.pi * _matrix_axes(detuning) * delays
        return SMatrix(slow * jax.lax.complex(jnp.cos(phase), jnp.sin(phase)), self.ports, wl)

    def _inside(self, wl: Any, detuning: jax.Array) -> jax.Array:
        """The detuning, on the table to the last digit, once `wl` is known to be there but for rounding."""
        shortest, longest = self.wl_range
        rounding = 8.0 * float(jnp.finfo(detuning.dtype).eps)
        shortest, longest = shortest * (1.0 - rounding), longest * (1.0 + rounding)
        message = "wl is outside the table of S-parameters, [{:.9g}, {:.9g}] um".format(*self.wl_range)
        if is_concrete(wl):
            given = np.asarray(wl, np.float64)
            outside = given[~((given >= shortest) & (given <= longest))]
            if outside.size:
                raise SParameterError(f"wl = {outside[0]:.9g} um: {message}")
        else:
            detuning = eqx.error_if(detuning, ~((wl >= shortest) & (wl <= longest)), message)
        return jnp.clip(detuning, *self._ends())

    def _ends(self) -> tuple[float, float]:
        low, high = (_detuning(wl, wl - self.wl0, self.wl0) for wl in reversed(self.wl_range))
        return low, high


def _detuning(wl: Any, offset: Any, wl0: float) -> Any:
    """Frequency in THz less that of `wl0`, from the difference `offset` = wl - wl0, which loses no digits."""
    return -SPEED_OF_LIGHT * offset / (wl * wl0)


def _matrix_axes(array: jax.Array) -> jax.Array:
    return array[..., None, None]


def _mean_delays(detunings: np.ndarray, values: np.ndarray, delay: float) -> np.ndarray:
    """Mean group delay in ps of each element, weighted by its power, shape [ports, ports].

    The turn from sample to sample is averaged as a complex number first, so that none of the turns about this mean
    is wrapped by the cut of the angle.
    """
    steps = np.diff(detunings)[:, None, None]
    known = np.exp(-2j * np.pi * steps * delay)
    turns = values[1:] * np.conj(values[:-1]) * known
    weights = np.abs(turns)
    mean = np.angle(np.sum(turns, axis=0)) / (2.0 * np.pi * np.mean(steps))
    residual = np.angle(turns * np.exp(-2j * np.pi * steps * mean)) / (2.0 * np.pi)
    total = np.sum(weights * steps**2, axis=0)
    fitted = np.sum(weights * steps * residual, axis=0) / np.where(total > 0.0, total, 1.0)
    return np.where(total > 0.0, delay + mean + fitted, 0.0)


def _check_table(wl: np.ndarray, values: np.ndarray) -> None:
    if wl.ndim != 1 or wl.size < 2 or values.shape[:-2] != wl.shape:
        raise SParameterError(
            f"values of shape {values.shape} over wl of shape {wl.shape} are not one matrix at each of two or more "
            "wavelengths"
        )
    if not (np.all(np.isfinite(values)) and np.all(np.isfinite(wl)) and np.all(wl > 0.0)):
        raise SParameterError("values or wl are not finite numbers, or a wavelength is not positive")
    if np.unique(wl).size != wl.size:
        raise SParameterError("wl has a wavelength twice")
