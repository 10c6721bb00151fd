"""What the width of a laser's line adds to the noise behind a filter, such as a ring modulator on its slope.

A Lorentzian line of width dv (full, at half maximum) is a phase that walks at random: its frequency has the one-sided
density dv / pi, white. A field a (1 + i p(t)) with a small phase of one frequency, p = p_f exp(-i w t) + c.c., behind a
filter of amplitude response H has the relative power

    2 Re(i p_f exp(-i w t) (h_+ - h_-*)),    h_+- = H(v +- f) / H(v)

so that phase noise dv / (pi f^2) becomes the relative intensity noise

    RIN(f) = (dv / pi) |h_+ - h_-*|^2 / f^2   ->   (dv / pi) (d ln T / dv)^2 at low frequency, T = |H|^2.

It is zero on the top of a resonance and largest beside it, where modulators work. For receivers see
`photonics_core.eye.receiver_variance`.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive, check_range
from photonics_core.units import SPEED_OF_LIGHT, power_ratio

#: MHz in THz.
MHZ = 1e-6


def frequency_noise_rin(slope: Any, linewidth_mhz: Any) -> jax.Array:
    """Relative intensity noise in 1/THz that a line's width becomes on a slope, at frequencies well within the filter.

    Args:
        slope: d ln T / dv in 1/THz, any shape; see `slope_per_frequency`.
        linewidth_mhz: width of the line in MHz, broadcast with it.

    Returns:
        RIN, one-sided, in 1/THz: (d ln T / dv)^2 dv / pi.

    Raises:
        ValueError: for a width below zero.
    """
    check_finite("slope", slope, "1/THz")
    check_range("linewidth_mhz", linewidth_mhz, 0.0, np.inf, "MHz")
    return jnp.asarray(slope, jnp.result_type(float)) ** 2 * (MHZ / math.pi * linewidth_mhz)


def slope_per_frequency(transmission: Callable[[Any], Any], wl: Any) -> jax.Array:
    """d ln T / dv in 1/THz of a transmission that is a function of wavelength in um: -(wl^2 / c) (dT / d wl) / T."""
    check_positive("wl", wl, "um")
    wl = jnp.asarray(wl, jnp.result_type(float))
    value, slope = jax.jvp(transmission, (wl,), (jnp.ones_like(wl),))
    return -(wl**2) / SPEED_OF_LIGHT * slope / value


def phase_noise_rin(response: Callable[[Any], Any], frequency: Any, linewidth_mhz: Any) -> jax.Array:
    """Relative intensity noise in 1/THz behind a filter, at any frequency.

    Args:
        response: amplitude response H, complex, of the distance in THz from the laser's line.
        frequency: f of the noise in THz, above zero, any shape.
        linewidth_mhz: width of the line in MHz.

    Returns:
        RIN, one-sided, of the shape of `frequency`.

    Raises:
        ValueError: for a frequency that is not above zero, or a width below zero.
    """
    check_positive("frequency", frequency, "THz")
    check_range("linewidth_mhz", linewidth_mhz, 0.0, np.inf, "MHz")
    f = jnp.asarray(frequency, jnp.result_type(float))
    middle = response(jnp.zeros_like(f))
    off = response(f) / middle - jnp.conj(response(-f) / middle)
    return (jnp.real(off) ** 2 + jnp.imag(off) ** 2) / f**2 * (MHZ / math.pi * linewidth_mhz)


def total_rin_db_hz(*rin_db_hz: Any, added: Any = 0.0) -> jax.Array:
    """Independent noises together in dB/Hz: densities in dB/Hz, and one `added` in 1/THz, such as from above.

    Raises:
        ValueError: for a noise that is not finite, or an added one below zero.
    """
    check_range("added", added, 0.0, np.inf, "1/THz")
    total = 1e-12 * jnp.asarray(added, jnp.result_type(float))
    for each in rin_db_hz:
        check_finite("rin_db_hz", each, "dB/Hz")
        total = total + jnp.asarray(power_ratio(jnp.asarray(each, total.dtype)), total.dtype)
    return 10.0 * jnp.log10(total)
