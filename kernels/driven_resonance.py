"""The amplitude of a resonance that is driven while its frequency and its loss move: da/dt = lambda(t) a + u(t).

Over a step h the equation is solved as an affine map, a_{k+1} = E_k a_k + b_k, from samples of lambda and u:

    E = e^z,    z = int lambda dt,    b = h (g_0 phi_1 + (g_1 - g_0) phi_2 + (g_m - (g_0 + g_1) / 2) psi)(z)

with g = u exp(int_t^h (lambda - z/h)) at the start, the middle and the end of the step and psi = 4 (phi_2 - 2 phi_3):
the integral of e^(z (1 - s)) with the parabola through the three g. Between samples lambda and u are cubics through
four of them. This is of fourth order in h, exact for constant lambda and u however long the step, and stable wherever
lambda decays.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.kernels.affine_recurrence import Pair, checked_chunks, states_before
from photonics_core.kernels.between_samples import middles, of_each_step
from photonics_core.kernels.checks import as_inexact, check_positive, is_concrete
from photonics_core.kernels.phi_functions import REACH, phi_functions, phi_near

#: Largest |z| of a record for which there are series of their own length; beyond the last, exponentials.
REACHES = (0.25, REACH)


class Steps(NamedTuple):
    """What steps are made of, times the step: numbers, or along the first axis, of one where nothing changes in time.

    Mean and tilt (by how much the later half integrates to more than half) of the decay and of the offset; drive at the
    start, the middle and the end. There is one step more than lies between the samples, so that the amplitudes before
    the steps are those at all samples.
    """

    decay: Pair
    offset: Pair
    drive: tuple[jax.Array, jax.Array, jax.Array]


def driven_amplitudes(
    decay: Any, offset: Any, drive: Any, step: Any, start: Any = None, *, chunks: int | None = None
) -> jax.Array:
    """Amplitudes of a driven resonance at equal steps in time.

    Each of the first three is given at the samples, shape [..., K] with K at least 2, or for all of them, shape
    [..., 1] or a number; leading axes broadcast. What does not change in time, or is common to a batch, is not copied.

    Args:
        decay: 1 / tau, of lambda = -1 / tau + i offset, in 1/ps.
        offset: frequency of the drive less that of the resonance, times 2 pi, in rad/ps.
        drive: u in the amplitude's unit per ps, real or complex.
        step: time between samples in ps.
        start: amplitude at the first sample, shape [...]; None for the steady state there, -u / lambda.
        chunks: number of chunks of the recurrence, which run side by side; 1 for none, None for what suits the device.

    Returns:
        Amplitudes at the samples, complex, shape [..., K].

    Raises:
        ValueError: for fewer than two samples, shapes that do not go together, a step that is not one number above
            zero, chunks that are not a positive whole number, complex decay or offset, values that are not finite, or
            no start where there is no steady state.
    """
    given = [as_inexact(name, each) for name, each in (("decay", decay), ("offset", offset), ("drive", drive))]
    for name, each in zip(("decay", "offset"), given, strict=False):
        if jnp.iscomplexobj(each):
            raise ValueError(f"{name} of dtype {each.dtype} is not real")
    check_positive("step", step, "ps")
    if np.ndim(step):
        raise ValueError(f"step of shape {np.shape(step)} is not one number")
    counts = {each.shape[-1] for each in given if each.ndim and each.shape[-1] != 1}
    if len(counts) != 1 or 0 in counts:
        shapes = ", ".join(str(each.shape) for each in given)
        raise ValueError(f"decay, offset and drive of shapes {shapes} are not [..., K] of one K from 2 on, or [..., 1]")
    if start is None:
        _check_steady(*given[:2])
    start = None if start is None else as_inexact("start", start)
    return _amplitudes(*given, jnp.asarray(step), start, checked_chunks(chunks))


def _check_steady(decay: jax.Array, offset: jax.Array) -> None:
    if not is_concrete(decay, offset):
        return
    first = (np.asarray(each)[..., 0] if each.ndim else np.asarray(each) for each in (decay, offset))
    if np.any(np.hypot(*first) == 0.0):
        raise ValueError("decay = 0 and offset = 0 at the first sample have no steady state; give a start")


@functools.partial(jax.jit, static_argnames="chunks")
def _amplitudes(
    decay: jax.Array, offset: jax.Array, drive: jax.Array, step: jax.Array, start: jax.Array | None, chunks: int | None
) -> jax.Array:
    real = np.result_type(decay.dtype, offset.dtype, drive.real.dtype)
    drive = drive.astype(np.result_type(real, np.complex64))
    shapes = [each.shape[:-1] for each in (decay, offset, drive)]
    leading = jnp.broadcast_shapes(*shapes, () if start is None else start.shape)
    given = [_as_deep(each, len(leading) + 1) for each in (decay.astype(real), offset.astype(real), drive)]
    if start is None:
        first = [each[..., 0] if each.ndim else each for each in given]
        start = -first[2] / _as_complex(-first[0], first[1])
    steps = Steps(_mean_and_tilt(given[0]), _mean_and_tilt(given[1]), _through_the_step(given[2]))
    # Time runs along the first axis: what is next to each other in memory is done at once.
    steps = jax.tree.map(lambda each: _time_first(each * step.astype(each.dtype)), steps)
    maps = [functools.partial(_map, reach=reach) for reach in (*REACHES, None)]
    branches = [functools.partial(states_before, of, chunks=chunks) for of in maps]
    begin = jnp.broadcast_to(start.astype(drive.dtype), leading)
    return jnp.moveaxis(lax.switch(_place(steps), branches, steps, begin), 0, -1)


def _mean_and_tilt(samples: jax.Array) -> Pair:
    """Of each step the mean of a cubic through four samples, and by how much its later half integrates to more than
    half of that, both for a step of one."""
    if _is_still(samples):
        return samples, jnp.zeros_like(samples)
    mean = of_each_step(lambda a, b, c, d: 0.5 * (b + c) - ((a - b) + (d - c)) / 24.0, samples)
    tilt = of_each_step(lambda a, b, c, d: 0.125 * (c - b) - ((d - a) - 3.0 * (c - b)) / 384.0, samples)
    return _and_one_more(mean), _and_one_more(tilt)


def _through_the_step(samples: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Samples at the start, in the middle by a cubic through four of them, and at the end of each step."""
    if _is_still(samples):
        return samples, samples, samples
    return samples, _and_one_more(middles(samples)), _and_one_more(samples[..., 1:])


def _and_one_more(steps: jax.Array) -> jax.Array:
    return jnp.concatenate([steps, steps[..., -1:]], axis=-1)


def _place(steps: Steps) -> jax.Array:
    """Number of the first of `REACHES` that no |z| exceeds."""
    largest = [_largest(lax.stop_gradient(each[0])) for each in (steps.decay, steps.offset)]
    return jnp.searchsorted(jnp.asarray(REACHES, largest[0].dtype), jnp.hypot(*largest))


# One number for a whole batch: a choice that differs within it would have all its branches computed.
@jax.custom_batching.custom_vmap
def _largest(values: jax.Array) -> jax.Array:
    return jnp.max(jnp.abs(values))


@_largest.def_vmap
def _largest_of_batch(axis_size: int, in_batched: list[bool], values: jax.Array) -> tuple[jax.Array, bool]:
    del axis_size, in_batched
    return _largest(values), False


def _map(steps: Steps, reach: float | None) -> Pair:
    """E and b of one step, or of one in each chunk."""
    z, tilt = (_as_complex(-decay, offset) for decay, offset in zip(steps.decay, steps.offset, strict=True))
    factor, first, second, third = phi_functions(z) if reach is None else phi_near(z, reach)
    begin, middle, end = steps.drive
    # Of exp(tilt) what is of fourth order; it stays finite in steps that are too long for it.
    bend = middle + tilt * middle - 0.5 * (begin + end)
    return factor, begin * first + (end - begin) * second + bend * (4.0 * (second - 2.0 * third))


def _is_still(samples: jax.Array) -> bool:
    """Whether there is one sample for all times."""
    return not samples.ndim or samples.shape[-1] == 1


def _as_deep(values: jax.Array, axes: int) -> jax.Array:
    """With axes of one to the left, until there are so many; a number as it is."""
    return values.reshape((1,) * (axes - values.ndim) + values.shape) if values.ndim else values


def _time_first(values: jax.Array) -> jax.Array:
    return jnp.moveaxis(values, -1, 0) if values.ndim else values


def _as_complex(real: jax.Array, imag: jax.Array) -> jax.Array:
    return lax.complex(*jnp.broadcast_arrays(real, imag))
