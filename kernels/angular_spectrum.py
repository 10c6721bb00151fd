"""Transverse fields on a square grid: spectra of plane waves, propagation, displacement, turns, overlaps.

Points lie at x_j = (j - (n - 1) / 2) step, with the origin in the middle; arrays have x along the axis before the last
and y along the last. A field is a sum of plane waves,

    e(x, y, z) = 1 / (2 pi)^2 int F(k_x, k_y) exp(i (k_x x + k_y y + k_z z)) dk_x dk_y,    k_z^2 = k^2 - k_x^2 - k_y^2

("exact"), or k_z = k - (k_x^2 + k_y^2) / (2 k) ("paraxial"); the phase k z itself is left out. Fields are padded with
zeros to `PAD` times the window. A wave runs sideways by D = z k_x / k_z, and where |D| exceeds half a window it is left
out: it would come in again at the other side (K. Matsushima and T. Shimobaba, Opt. Express 17, 19662 (2009), whose
limit is D = half the padded window). So nothing wraps round while offsets, too, stay within half a window, and what is
left out is known: `cut_power`.

Displacement by a phase in the spectrum is exact for fields without content beyond pi / step, and so are turns in the
plane, which are made of three shears (M. Unser, P. Thevenaz and L. Yaroslavsky, IEEE Trans. Image Process. 4, 1371
(1995)).
"""

import functools
import math

import jax
import jax.numpy as jnp

#: Padded over given window.
PAD = 2
#: Waves whose k_z is below this part of k run along the plane and are left out of overlaps.
GRAZING = 0.05
MODELS = ("exact", "paraxial")


def coordinates(count: int, step: jax.Array) -> jax.Array:
    """Positions of the points along one side in um, shape [count]."""
    return (jnp.arange(count, dtype=step.dtype) - 0.5 * (count - 1)) * step


def wavenumbers(count: int, step: jax.Array) -> jax.Array:
    """Wavenumbers of the spectrum of `count` points in 1/um, in the order of the FFT, shape [PAD count]."""
    return 2.0 * math.pi * jnp.fft.fftfreq(PAD * count, dtype=step.dtype) / step


def wave(phase: jax.Array) -> jax.Array:
    """exp(i phase) of a real phase."""
    return jax.lax.complex(jnp.cos(phase), jnp.sin(phase))


def spectrum(field: jax.Array, step: jax.Array) -> jax.Array:
    """Amplitudes F of plane waves of a field [..., n, n], shape [..., PAD n, PAD n]."""
    count = field.shape[-1]
    padded = PAD * count
    start = _start(count, step, field.dtype)
    waves = jnp.fft.fft2(field, (padded, padded)) * (step**2).astype(field.dtype)
    return waves * _as_wide(start.reshape(padded, 1) * start.reshape(1, padded), waves)


def half_spectrum(field: jax.Array, step: jax.Array, axis: int) -> jax.Array:
    """The same along one axis (-2 or -1) only."""
    count = field.shape[axis]
    start = _start(count, step, field.dtype).reshape((-1, 1) if axis == -2 else (1, -1))
    waves = jnp.fft.fft(field, PAD * count, axis) * step.astype(field.dtype)
    return waves * _as_wide(start, waves)


def from_half_spectrum(waves: jax.Array, count: int, step: jax.Array, axis: int) -> jax.Array:
    """Inverse of `half_spectrum`, on the grid of the padded window, whose first `count` points are those given."""
    start = _start(count, step, waves.dtype).reshape((-1, 1) if axis == -2 else (1, -1))
    return jnp.fft.ifft(waves * _as_wide(start.conj(), waves), axis=axis) / step.astype(waves.dtype)


def from_spectrum(waves: jax.Array, step: jax.Array) -> jax.Array:
    """Field within the window from its spectrum [..., PAD n, PAD n], shape [..., n, n]."""
    padded = waves.shape[-1]
    count = padded // PAD
    start = _start(count, step, waves.dtype).conj()
    field = jnp.fft.ifft2(waves * _as_wide(start.reshape(padded, 1) * start.reshape(1, padded), waves))
    return field[..., :count, :count] / (step**2).astype(waves.dtype)


def _as_wide(factor: jax.Array, field: jax.Array) -> jax.Array:
    """A factor over the plane with as many axes as the field."""
    return factor.reshape((1,) * (field.ndim - factor.ndim) + factor.shape)


def _start(count: int, step: jax.Array, dtype: jax.typing.DTypeLike) -> jax.Array:
    """Phases by which the origin lies in the middle."""
    return wave(0.5 * (count - 1) * step * wavenumbers(count, step)).astype(dtype)


def axial(kx: jax.Array, ky: jax.Array, k: jax.Array, model: str) -> tuple[jax.Array, jax.Array]:
    """k_z - k in 1/um, formed without a difference of large numbers, and which waves propagate; k_z of others is 0."""
    across = kx**2 + ky**2
    if model == "paraxial":
        return -0.5 * across / k, jnp.ones(across.shape, bool)
    inside = across < k**2
    kz = jnp.sqrt(jnp.where(inside, k**2 - across, 1.0))
    return jnp.where(inside, -across / (k + kz), -k), inside


@functools.partial(jax.jit, static_argnames="model")
def propagate(field: jax.Array, step: jax.Array, k: jax.Array, z: jax.Array, model: str = "exact") -> jax.Array:
    """Field a distance further on, without the phase k z.

    Args:
        field: complex, shape [..., n, n].
        step: distance of points in um.
        k: wavenumber in the medium in 1/um.
        z: distance in um, of either sign; waves that do not propagate fall off with |z|.
        model: "exact" or "paraxial", static.
    """
    waves = spectrum(field, step)
    kx, ky = _grid_of_waves(field.shape[-1], step)
    difference, inside = axial(kx, ky, k, model)
    decay = jnp.where(inside, 0.0, jnp.sqrt(jnp.where(inside, 1.0, kx**2 + ky**2 - k**2))) * jnp.abs(z)
    kept = runs_within(kx, ky, k, z, field.shape[-1] * step, model)
    factor = wave(jnp.where(inside, difference, 0.0) * z) * jnp.where(kept, jnp.exp(-decay), 0.0).astype(waves.dtype)
    return from_spectrum(waves * _as_wide(factor, waves), step)


def runs_within(kx: jax.Array, ky: jax.Array, k: jax.Array, z: jax.Array, window: jax.Array, model: str) -> jax.Array:
    """Whether waves run sideways by no more than half a window over a distance z; others are left out."""
    difference, inside = axial(kx, ky, k, model)
    # What does not propagate stays where it is. In the paraxial model the slope is k_x / k.
    kz = jnp.where(inside, k + difference, jnp.inf) if model == "exact" else k
    reach = jnp.maximum(jnp.abs(kx), jnp.abs(ky)) / kz
    return reach * jnp.abs(z) <= 0.5 * window


def cut_power(field: jax.Array, step: jax.Array, k: jax.Array, z: jax.Array, model: str = "exact") -> jax.Array:
    """Part of a field's power in waves that `propagate` leaves out, a bound of its error in power."""
    waves = spectrum(field, step)
    kx, ky = _grid_of_waves(field.shape[-1], step)
    square = waves.real**2 + waves.imag**2
    kept = runs_within(kx, ky, k, z, field.shape[-1] * step, model)
    return jnp.sum(jnp.where(_as_wide(kept, square), 0.0, square)) / jnp.sum(square)


def shifted(field: jax.Array, step: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Field displaced by (x, y) in um, shape [..., n, n]; what leaves the window is lost."""
    kx, ky = _grid_of_waves(field.shape[-1], step)
    waves = spectrum(field, step)
    return from_spectrum(waves * _as_wide(wave(-(kx * x + ky * y)), waves), step)


def turned(field: jax.Array, angle: jax.Array) -> jax.Array:
    """Field of numbers (not of vectors) turned about the origin by an angle in rad, from x to y, shape [..., n, n].

    The field has to vanish towards the corners of its window: a shear moves what is there round to the other side.
    """
    quarters = jnp.round(jax.lax.stop_gradient(angle) / (0.5 * math.pi))
    rest = angle - quarters * 0.5 * math.pi
    number = jnp.mod(quarters, 4.0)
    back = jnp.flip(field, (-2, -1))
    left = jnp.flip(jnp.swapaxes(field, -2, -1), -2)
    right = jnp.flip(jnp.swapaxes(field, -2, -1), -1)
    field = jnp.where(number == 0, field, jnp.where(number == 1, left, jnp.where(number == 2, back, right)))
    lean, rise = -jnp.tan(0.5 * rest), jnp.sin(rest)
    return _sheared(_sheared(_sheared(field, lean, -2), rise, -1), lean, -2)


def _sheared(field: jax.Array, slope: jax.Array, axis: int) -> jax.Array:
    """Field moved along an axis by the slope times the position along the other."""
    count = field.shape[axis]
    k = 2.0 * math.pi * jnp.fft.fftfreq(count, dtype=slope.dtype)
    across = jnp.arange(count, dtype=slope.dtype) - 0.5 * (count - 1)
    k, across = (k.reshape(-1, 1), across.reshape(1, -1)) if axis == -2 else (k.reshape(1, -1), across.reshape(-1, 1))
    waves = jnp.fft.fft(field, axis=axis)
    return jnp.fft.ifft(waves * _as_wide(wave(-slope * k * across), waves), axis=axis)


def _grid_of_waves(count: int, step: jax.Array) -> tuple[jax.Array, jax.Array]:
    k = wavenumbers(count, step)
    return tuple(jnp.meshgrid(k, k, indexing="ij"))  # pyright: ignore[reportReturnType]
