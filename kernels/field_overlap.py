"""Overlap of two sampled transverse fields at any offset, distance and tilt, as an integral over plane waves.

In the paraxial model the overlap is int F_B^* . F_A over the spectra, and a tilt is a ramp of phase over the field. In
the exact model the light is a solution of Maxwell's equations in the gap: with E_z = -(k_x E_x + k_y E_y) / k_z the
power that two plane waves exchange is that of

    F_B^* . F_A k_z / k + (k_t . F_B^*) (k_t . F_A) / (k k_z)

which is E x H^* of both, and a tilt turns every plane wave: its direction, its vector, and the density of directions,
k'_z / k_z. So the power of a beam does not depend on the frame. A turned spectrum is the sum of the field over its
points with phases of the turned directions, an axis at a time, without interpolation. Waves that run along the plane
(k_z < 0.05 k) or do not propagate carry nothing across; their part of the field counts as lost.

Light leaves the source along z. The receiver's field is that of the light it accepts, also along z. Each field is known
in a plane in front of its end by a `distance`, and tilts turn the receiver about the middle of its end: first by
tilt_y, from z to y, then by tilt_x, from z to x. Its axis then lies along
(sin tilt_x cos tilt_y, sin tilt_y, cos tilt_x cos tilt_y).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from photonics_core.kernels.angular_spectrum import (
    GRAZING,
    axial,
    coordinates,
    from_half_spectrum,
    half_spectrum,
    runs_within,
    spectrum,
    wave,
    wavenumbers,
)


class End(NamedTuple):
    """Field E_x, E_y of an end, complex, [2, n, n] in 1/um, and how far in front of the end it is known, in um."""

    field: jax.Array
    distance: jax.Array


class _Waves(NamedTuple):
    """Grid of plane waves: components, k_z - k, k_z (1 where there is none), and which carry power."""

    kx: jax.Array
    ky: jax.Array
    difference: jax.Array
    kz: jax.Array
    good: jax.Array


def pair_spectrum(
    source: End, receiver: End, step: jax.Array, k: jax.Array, z: jax.Array, tilts: jax.Array, model: str
) -> jax.Array:
    """Integrand of the overlap over plane waves, but for the phase of an offset.

    Args:
        source: the end from which light comes; of a field whose whole power is 1, of which the grid may hold a part.
        receiver: the end that takes it.
        step: distance of points in um.
        k: wavenumber in the gap in 1/um.
        z: distance of the ends in um.
        tilts: tilt_x and tilt_y of the receiver in rad, shape [2].
        model: "exact" or "paraxial", static.

    Returns:
        Complex, shape [PAD n, PAD n]; `amplitude` sums it.
    """
    count = source.field.shape[-1]
    waves = _waves(count, step, k, model)
    ours = spectrum(source.field, step)
    lean = _leaned_exactly if model == "exact" else _leaned_by_ramp
    theirs, local = lean(receiver.field, step, k, tilts, waves)
    way = z - source.distance
    kept = waves.good & runs_within(waves.kx, waves.ky, k, way - receiver.distance, count * step, model)
    phase = waves.difference * way - local * receiver.distance
    factor = jnp.where(kept, wave(phase), 0.0)
    powers = [_power(each.field, step, k, waves, model) for each in (source, receiver)]
    area = (wavenumbers(count, step).size * step) ** 2 * jnp.sqrt(powers[0] * powers[1])
    return _exchanged(ours, theirs, k, waves, model) * factor / area.astype(ours.dtype)


def amplitude(pair: jax.Array, step: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Amplitudes at all offsets of the receiver by x (shape [X]) and y (shape [Y]) in um, complex, shape [X, Y].

    Offsets have to stay within half a window.
    """
    k = wavenumbers(pair.shape[-1] // 2, step)
    along, across = (wave(each[:, None] * k[None]) for each in (x, y))
    return jnp.matmul(jnp.matmul(along, pair, precision="highest"), across.T, precision="highest")


@functools.partial(jax.jit, static_argnames="model")
def left_out(source: End, receiver: End, step: jax.Array, k: jax.Array, z: jax.Array, model: str) -> jax.Array:
    """Bound of the amplitude that waves carry which run beyond half the window and are left out, of ends without tilt.

    The square root of the product of both fields' parts in such waves, by the inequality of Cauchy and Schwarz; `z` is
    the largest distance of the ends in um.
    """
    count = source.field.shape[-1]
    waves = _waves(count, step, k, model)
    way = jnp.abs(z - source.distance - receiver.distance)
    lost = waves.good & ~runs_within(waves.kx, waves.ky, k, way, count * step, model)
    parts = []
    for end in (source, receiver):
        own = spectrum(end.field, step)
        square = jnp.sum(own.real**2 + own.imag**2, axis=0)
        parts.append(jnp.sum(jnp.where(lost, square, 0.0)) / (square.shape[-1] * step) ** 2)
    return jnp.sqrt(parts[0]) * jnp.sqrt(parts[1])


def _waves(count: int, step: jax.Array, k: jax.Array, model: str) -> _Waves:
    each = wavenumbers(count, step)
    kx, ky = jnp.meshgrid(each, each, indexing="ij")
    difference, inside = axial(kx, ky, k, model)
    good = inside & (k + difference > GRAZING * k) if model == "exact" else inside
    return _Waves(kx, ky, jnp.where(good, difference, 0.0), jnp.where(good, k + difference, k), good)


def _exchanged(ours: jax.Array, theirs: jax.Array, k: jax.Array, waves: _Waves, model: str) -> jax.Array:
    """Power exchanged by plane waves, shape [m, m]."""
    plain = jnp.sum(ours * theirs.conj(), axis=0)
    if model == "paraxial":
        return plain
    kx, ky, kz = (each.astype(plain.dtype) for each in (waves.kx, waves.ky, waves.kz))
    along = (kx * ours[0] + ky * ours[1]) * (kx * theirs[0] + ky * theirs[1]).conj()
    k = k.astype(plain.dtype)
    return jnp.where(waves.good, plain * kz / k + along / (k * kz), 0.0)


def _power(field: jax.Array, step: jax.Array, k: jax.Array, waves: _Waves, model: str) -> jax.Array:
    """Power of a field whose square integrates to 1: what propagates by its flux, the rest by its square."""
    if model == "paraxial":
        return jnp.ones((), step.dtype)
    own = spectrum(field, step)
    square = jnp.sum(own.real**2 + own.imag**2, axis=0)
    flux = _exchanged(own, own, k, waves, model).real - jnp.where(waves.good, square, 0.0)
    return 1.0 + jnp.sum(flux) / (square.shape[-1] * step) ** 2


def _leaned_by_ramp(
    field: jax.Array, step: jax.Array, k: jax.Array, tilts: jax.Array, waves: _Waves
) -> tuple[jax.Array, jax.Array]:
    """Spectrum of a tilted field in the paraxial model, and k'_z - k of its waves along its own axis."""
    r = coordinates(field.shape[-1], step)
    ramp_x, ramp_y = k * jnp.sin(tilts[0]) * jnp.cos(tilts[1]), k * jnp.sin(tilts[1])
    ramp = wave(ramp_x * r[:, None] + ramp_y * r[None, :])
    local = -0.5 * ((waves.kx - ramp_x) ** 2 + (waves.ky - ramp_y) ** 2) / k
    return spectrum(field * ramp[None], step), local


def _leaned_exactly(
    field: jax.Array, step: jax.Array, k: jax.Array, tilts: jax.Array, waves: _Waves
) -> tuple[jax.Array, jax.Array]:
    """Spectrum of a field turned by tilt_y and then tilt_x, and k'_z - k of its waves along its own axis."""
    count = field.shape[-1]
    across, along = jnp.swapaxes(half_spectrum(field, step, -2), -2, -1)
    swapped = waves._replace(kx=waves.ky.T, ky=waves.kx.T)
    along, across = _turned(along, across, coordinates(count, step), step, k, tilts[1], swapped)
    # Between both turns the field needs more than its window: all points of the padded one, counted from its middle.
    half = from_half_spectrum(jnp.stack([across.T, along.T]), count, step, -2)
    size = half.shape[-2] * step
    r = (jnp.arange(half.shape[-2], dtype=step.dtype) - 0.5 * (count - 1)) * step
    r = jnp.where(r > 0.5 * size, r - size, r)
    along, across = _turned(half[0], half[1], r, step, k, tilts[0], waves)
    tilt_x, tilt_y = tilts
    # k'_z - k, of small quantities: k_z (cos cos - 1) + (k_z - k) + k_x sin cos + k_y sin.
    fall = -2.0 * (jnp.sin(0.5 * tilt_x) ** 2 * jnp.cos(tilt_y) + jnp.sin(0.5 * tilt_y) ** 2)
    sideways = waves.kx * jnp.sin(tilt_x) * jnp.cos(tilt_y) + waves.ky * jnp.sin(tilt_y)
    return jnp.stack([along, across]), waves.difference + fall * waves.kz + sideways


def _turned(
    along: jax.Array,
    across: jax.Array,
    r: jax.Array,
    step: jax.Array,
    k: jax.Array,
    angle: jax.Array,
    waves: _Waves,
) -> tuple[jax.Array, jax.Array]:
    """Plane waves of a field turned from z to the first axis.

    Fields come over positions along the first axis and waves along the second, and go as waves along both.
    """
    c, s = jnp.cos(angle), jnp.sin(angle)
    first, third = waves.kx * c - waves.kz * s, waves.kx * s + waves.kz * c
    good = waves.good & (third > GRAZING * k)
    third = jnp.where(good, third, k)
    phases = wave(-first[:, :, None] * r.reshape(1, 1, -1)) * step.astype(along.dtype)
    a, b = (jnp.einsum("pqn,nq->pq", phases, each, precision="highest") for each in (along, across))
    axial_field = -(first.astype(a.dtype) * a + waves.ky.astype(a.dtype) * b) / third.astype(a.dtype)
    density = jnp.where(good, third / waves.kz, 0.0).astype(a.dtype)
    return (a * c.astype(a.dtype) + axial_field * s.astype(a.dtype)) * density, b * density
