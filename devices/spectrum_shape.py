"""Peak and width of a spectrum that rises and falls once, with derivatives."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_positive, is_concrete


class SpectrumShape(NamedTuple):
    """Peak of a spectrum and its width.

    Args:
        wl: wavelength of the peak in um.
        efficiency: at the peak.
        bandwidth: full width in um at a number of dB below the peak.
    """

    wl: jax.Array
    efficiency: jax.Array
    bandwidth: jax.Array


def spectrum_shape(wl: Any, efficiency: Any, level_db: float = 1.0) -> SpectrumShape:
    """Peak and width of a spectrum: in dB a parabola through the highest samples and straight lines at the flanks.

    Args:
        wl: wavelengths in um, equally spaced and increasing, shape [N], N from 5 on.
        efficiency: above zero, shape [N].
        level_db: how far below the peak the width is taken, in dB.

    Raises:
        ValueError: for shapes that do not fit, wavelengths that are not equally spaced and increasing, or a spectrum
            that does not fall by `level_db` on both sides; where it is traced the bandwidth is then NaN.
    """
    if np.ndim(wl) != 1 or np.shape(wl) != np.shape(efficiency) or np.size(wl) < 5:
        raise ValueError(
            f"wl of shape {np.shape(wl)} and efficiency of {np.shape(efficiency)} are not [N], N from 5 on"
        )
    check_positive("efficiency", efficiency)
    check_positive("level_db", level_db, "dB")
    check_positive("wl", wl, "um")
    if is_concrete(wl):
        steps = np.diff(np.asarray(wl, float))
        check_positive("step of wl", steps, "um")
        if np.ptp(steps) > 1e-3 * steps[0]:
            raise ValueError(f"wl is not equally spaced: steps from {steps.min():.6g} to {steps.max():.6g} um")
    wl = jnp.asarray(wl, jnp.result_type(float))
    level = 10.0 * jnp.log10(jnp.asarray(efficiency, wl.dtype))
    top = jnp.clip(jax.lax.stop_gradient(jnp.argmax(level)), 1, wl.size - 2)
    before, here, after = (jnp.take(level, top + k) for k in (-1, 0, 1))
    bend = 0.5 * (before + after) - here
    # No farther than the next sample: at an end of the range the parabola is none.
    shift = jnp.clip(0.25 * (before - after) / jnp.where(bend < 0.0, bend, -jnp.inf), -1.0, 1.0)
    step = wl[1] - wl[0]
    peak = here - bend * shift**2
    number = jnp.arange(wl.size)
    under = level < peak - level_db
    left = jnp.max(jnp.where(under & (number < top), number, -1))
    right = jnp.min(jnp.where(under & (number > top), number, wl.size))
    inside = (left >= 0) & (right < wl.size)
    if is_concrete(inside) and not bool(inside):
        raise ValueError(
            f"wl = [{float(wl[0]):g}, {float(wl[-1]):g}] um ends before the spectrum falls by {level_db:g} dB"
        )
    low = _crossing(wl, level, jnp.clip(left, 0, wl.size - 2), peak - level_db)
    high = _crossing(wl, level, jnp.clip(right - 1, 0, wl.size - 2), peak - level_db)
    return SpectrumShape(jnp.take(wl, top) + step * shift, 10.0 ** (0.1 * peak), jnp.where(inside, high - low, jnp.nan))


def _crossing(wl: jax.Array, level: jax.Array, number: jax.Array, at: jax.Array) -> jax.Array:
    low, high = jnp.take(level, number), jnp.take(level, number + 1)
    return jnp.take(wl, number) + (at - low) / (high - low) * (wl[1] - wl[0])
