"""What devices made from a table of S-parameters have in common: frequencies, group delays and the table's ends."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.exchange_sparameters import SParameterError
from photonics_core.kernels.checks import is_concrete
from photonics_core.kernels.phase import wavelength_offset
from photonics_core.units import SPEED_OF_LIGHT


def detuning_of(wl: Any, offset: Any, wl0: float) -> Any:
    """Frequency in THz less that of `wl0`, from the difference `offset` = wl - wl0, which loses no digits."""
    return -SPEED_OF_LIGHT * offset / (wl * wl0)


def checked_detuning(wl: Any, wl0: float, wl_range: tuple[float, float]) -> jax.Array:
    """The same of wavelengths that are asked for, on the table to the last digit, once they are there but for rounding.

    Raises:
        SParameterError: if a wavelength is outside `wl_range`. Under `jax.jit` this is a run-time error.
        ValueError: if `wl` is no number.
    """
    if is_concrete(wl) and np.asarray(wl).dtype.kind in "cOSU":
        raise ValueError(f"wl = {wl!r} is not a real number")
    detuning = detuning_of(jnp.asarray(wl), wavelength_offset(wl, wl0), wl0)
    rounding = 8.0 * float(jnp.finfo(detuning.dtype).eps)
    shortest, longest = wl_range[0] * (1.0 - rounding), wl_range[1] * (1.0 + rounding)
    message = "wl is outside the table of S-parameters, [{:.9g}, {:.9g}] um".format(*wl_range)
    if is_concrete(wl):
        given = np.asarray(wl, np.float64)
        outside = given[~((given >= shortest) & (given <= longest))]
        if outside.size:
            raise SParameterError(f"wl = {outside[0]:.9g} um: {message}")
    else:
        detuning = eqx.error_if(detuning, ~((wl >= shortest) & (wl <= longest)), message)
    return jnp.clip(detuning, *table_ends(wl0, wl_range))


def table_ends(wl0: float, wl_range: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest detuning in THz of a table from `wl_range` in um."""
    low, high = (detuning_of(wl, wl - wl0, wl0) for wl in reversed(wl_range))
    return low, high


def matrix_axes(array: jax.Array) -> jax.Array:
    """The array with two axes more, to go with matrices."""
    return array[..., None, None]


def mean_delays(detunings: np.ndarray, values: np.ndarray, delay: float) -> np.ndarray:
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


def check_table(wl: np.ndarray, values: np.ndarray) -> None:
    """Refuse samples that are not one matrix at each of two or more wavelengths, finite and without repetition."""
    if wl.ndim != 1 or wl.size < 2 or values.shape[:-2] != wl.shape:
        raise SParameterError(
            f"values of shape {values.shape} over wl of shape {wl.shape} are not one matrix at each of two or more "
            "wavelengths"
        )
    if not (np.all(np.isfinite(values)) and np.all(np.isfinite(wl)) and np.all(wl > 0.0)):
        raise SParameterError("values or wl are not finite numbers, or a wavelength is not positive")
    if np.unique(wl).size != wl.size:
        raise SParameterError("wl has a wavelength twice")
