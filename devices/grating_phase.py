"""Phase matching of grating couplers in first order: period = wl / (n_eff - n_top sin th)."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.kernels.checks import check_positive, check_range


def phase_matched_period(n_eff: Any, wl: Any, angle: Any, top_index: Any = 1.0) -> jax.Array:
    """Period in um at which light of a wavelength leaves at an angle, in first order.

    Args:
        n_eff: effective index of the grating, about the mean of `section_indices` weighted by widths.
        wl: free-space wavelength in um.
        angle: in the medium on top in degrees, within (-90, 90).
        top_index: index of that medium.

    Raises:
        ValueError: for an angle outside its range, or light that does not leave in first order.
    """
    check_range("angle", angle, -90.0, 90.0, "degrees", exclusive=True)
    check_positive("wl", wl, "um")
    dtype = jnp.result_type(float)
    n_eff, wl, angle, top_index = (jnp.asarray(each, dtype) for each in (n_eff, wl, angle, top_index))
    slip = n_eff - top_index * jnp.sin(jnp.deg2rad(angle))
    check_positive("n_eff - top_index sin(angle)", slip)
    return wl / slip


def phase_matched_angle(n_eff: Any, wl: Any, period: Any, top_index: Any = 1.0) -> jax.Array:
    """Angle in degrees, in the medium on top, at which light leaves in first order; see `phase_matched_period`.

    Raises:
        ValueError: where light of first order does not leave into that medium.
    """
    check_positive("wl", wl, "um")
    check_positive("period", period, "um")
    dtype = jnp.result_type(float)
    n_eff, wl, period, top_index = (jnp.asarray(each, dtype) for each in (n_eff, wl, period, top_index))
    sine = (n_eff - wl / period) / top_index
    check_range("(n_eff - wl / period) / top_index", sine, -1.0, 1.0, exclusive=True)
    return jnp.arcsin(sine) * (180.0 / math.pi)
