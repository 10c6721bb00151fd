"""Large-signal chirp: the instantaneous frequency of modulated light, and the chirp parameter at each instant.

Light E(t) exp(-i w0 t) with the slope dE/dt has the frequency f0 - (1 / 2 pi) d arg E / dt. Neither the phase nor its
difference from sample to sample is formed, so nothing has to be unwrapped:

    f - f0 = -(1 / 2 pi) Im(E* dE/dt) / |E|^2,    alpha = 4 pi (f - f0) P / (dP/dt) = -Im(E* dE/dt) / Re(E* dE/dt)

(F. Koyama and K. Iga, J. Lightwave Technol. 6, 87 (1988), for alpha; signs for the time dependence exp(-i w t)). Alpha
is above zero where light turns blue while its power rises, as in `Resonator.chirp`, whose real part it is for a small
and slow drive. Where E goes through zero its phase jumps by half a turn: the frequency grows as 1 / |E| nearby, over a
time as short, and is given as 0 at |E| = 0 itself. The product of power and frequency stays finite.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.kernels.checks import check_positive


def frequency_shift(amplitude: Any, slope: Any) -> jax.Array:
    """Instantaneous frequency of light less that of the laser, in THz.

    Args:
        amplitude: E in the frame of the laser, complex, any shape.
        slope: dE/dt per ps, of the same shape; from `Resonator.slope`, or `periodic_slope`.

    Returns:
        The shift in THz; above zero for blue. 0 where there is no light.
    """
    cross, power = _cross(amplitude, slope), jnp.abs(jnp.asarray(amplitude)) ** 2
    dark = power == 0.0
    return jnp.where(dark, 0.0, -cross.imag / jnp.where(dark, 1.0, 2.0 * math.pi * power))


def chirp_parameter(amplitude: Any, slope: Any) -> jax.Array:
    """Chirp parameter alpha = 4 pi (f - f0) P / (dP/dt) at each instant; arguments as for `frequency_shift`.

    It does not depend on how much light there is. Where the power stands still it is infinite, or not a number where
    the frequency stands still too; use `frequency_shift` there.
    """
    cross = _cross(amplitude, slope)
    return -cross.imag / cross.real


def periodic_slope(amplitude: Any, step: Any) -> jax.Array:
    """dE/dt per ps of one period of a waveform, by its Fourier series.

    Args:
        amplitude: samples of one period at equal steps, complex, shape [..., K]; the last is followed by the first.
        step: time between samples in ps.

    Returns:
        The slope, shape [..., K]; exact for what the samples can hold. The highest frequency of an even number of
        samples, whose sign is unknown, counts as at rest.

    Raises:
        ValueError: for a step that is not above zero.
    """
    check_positive("step", step, "ps")
    wave = jnp.asarray(amplitude)
    count = wave.shape[-1]
    turns = jnp.fft.fftfreq(count, dtype=wave.real.dtype)
    if count % 2 == 0:
        turns = turns.at[count // 2].set(0.0)
    factor = (2.0 * math.pi * turns / jnp.asarray(step, turns.dtype)).reshape((1,) * (wave.ndim - 1) + (count,))
    return jnp.fft.ifft(jnp.fft.fft(wave) * jax.lax.complex(jnp.zeros_like(factor), factor))


def _cross(amplitude: Any, slope: Any) -> jax.Array:
    """E* dE/dt: half of dP/dt, and P times the slope of the phase."""
    return jnp.conj(jnp.asarray(amplitude)) * jnp.asarray(slope)
