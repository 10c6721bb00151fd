"""The one system of units, and the conversions to the field's own units that are allowed at the edges.

Lengths in um, time in ps, frequency in THz, power in mW, energy in fJ, temperature in K, voltage in V, current
in mA, resistance in kOhm, capacitance in fF. The system is coherent: c is 299.79 um/ps, kOhm fF = ps, mW ps = fJ,
so no formula inside the package carries a conversion factor. Functions here take NumPy or JAX arrays.
"""

import math
from typing import Any

import jax.numpy as jnp

#: Speed of light in vacuum, um/ps (exact by the definition of the metre).
SPEED_OF_LIGHT = 299.792458

#: The temperature at which material and device parameters are stated, K.
REFERENCE_TEMPERATURE = 300.0

#: Decibels of the natural logarithm of a power: 10 / ln 10.
DB_PER_NEPER = 10.0 / math.log(10.0)

_DB_CM_TO_PER_UM = 1e-4 / DB_PER_NEPER
_PS_NM_KM_TO_PS_UM2 = 1e-6


def frequency(wl: Any) -> Any:
    """Optical frequency in THz of a free-space wavelength `wl` in um."""
    return SPEED_OF_LIGHT / wl


def wavelength(frequency_thz: Any) -> Any:
    """Free-space wavelength in um of an optical frequency in THz."""
    return SPEED_OF_LIGHT / frequency_thz


def db(power_ratio: Any) -> Any:
    """Power ratio in decibels; zero gives minus infinity."""
    return 10.0 * jnp.log10(power_ratio)


def power_ratio(decibels: Any) -> Any:
    """Power ratio of a value in decibels."""
    return jnp.exp(decibels * (math.log(10.0) / 10.0))


def attenuation(loss_db_cm: Any) -> Any:
    """Power attenuation coefficient in 1/um of a propagation loss in dB/cm."""
    return loss_db_cm * _DB_CM_TO_PER_UM


def loss_db_cm(attenuation_per_um: Any) -> Any:
    """Propagation loss in dB/cm of a power attenuation coefficient in 1/um."""
    return attenuation_per_um / _DB_CM_TO_PER_UM


def group_velocity_dispersion(dispersion_ps_nm_km: Any) -> Any:
    """Dispersion parameter D in ps/um^2 of a value in ps/(nm km)."""
    return dispersion_ps_nm_km * _PS_NM_KM_TO_PS_UM2


def dbm(power_mw: Any) -> Any:
    """Power in dBm of a power in mW."""
    return db(power_mw)
