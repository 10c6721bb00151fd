"""Errors of arrays of fibres by their standard deviations, draws of them, and what they cost to second order.

Errors are independent and normal, of mean zero. Those of placement (x ... roll), of the face, the pitch and the fibres
are drawn once for an array, `mating_` errors anew each time that a connector is mated; they add up to one place and one
turn. The temperature is that of an array in its product, drawn once.

To second order about no errors the loss of fibre j has, with the gradient g and the Hessian H of its loss and the
diagonal matrix S of the variances,

    mean = L_j + trace(H S) / 2,   variance = g^T S g + trace(H S H S) / 2.

Offsets and tilts of plain fibres are of second order exactly, so that the mean is exact for these; turns of a row move
its outer fibres along z, and z has higher orders, which count where its error is no longer small beside 2 z_R.
"""

import dataclasses
import operator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import floating
from photonics_core.devices.fiber_alignment import FREEDOMS
from photonics_core.devices.fiber_array import (
    SHARED,
    FibreArray,
    channel_forms,
    check_array,
    in_precision_at_hand,
    losses_at,
)
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete
from photonics_core.runtime import as_leaf

#: Arrays whose losses are held in memory together.
CHUNK = 4096


class ArrayErrors(Shown):
    """Standard deviations of all errors of an array; a single number each, 0 for none.

    Args:
        x, y, z: of the array's place in um.
        tilt_x, tilt_y, roll: of its turn in rad: yaw, pitch and roll.
        mating_x ... mating_roll: of a connector, the same for each mating.
        eccentricity: of cores in their fibres, each axis, in um.
        groove_x, groove_y: of fibres in their grooves in um.
        pitch: of the pitch, over the pitch.
        polish_x, polish_y: of the angle of the end face in rad.
        temperature: of the temperature in K.

    Raises:
        ValueError: for a number that is below zero or not finite.
    """

    x: Any = eqx.field(converter=as_leaf, default=0.0)
    y: Any = eqx.field(converter=as_leaf, default=0.0)
    z: Any = eqx.field(converter=as_leaf, default=0.0)
    tilt_x: Any = eqx.field(converter=as_leaf, default=0.0)
    tilt_y: Any = eqx.field(converter=as_leaf, default=0.0)
    roll: Any = eqx.field(converter=as_leaf, default=0.0)
    mating_x: Any = eqx.field(converter=as_leaf, default=0.0)
    mating_y: Any = eqx.field(converter=as_leaf, default=0.0)
    mating_z: Any = eqx.field(converter=as_leaf, default=0.0)
    mating_tilt_x: Any = eqx.field(converter=as_leaf, default=0.0)
    mating_tilt_y: Any = eqx.field(converter=as_leaf, default=0.0)
    mating_roll: Any = eqx.field(converter=as_leaf, default=0.0)
    eccentricity: Any = eqx.field(converter=as_leaf, default=0.0)
    groove_x: Any = eqx.field(converter=as_leaf, default=0.0)
    groove_y: Any = eqx.field(converter=as_leaf, default=0.0)
    pitch: Any = eqx.field(converter=as_leaf, default=0.0)
    polish_x: Any = eqx.field(converter=as_leaf, default=0.0)
    polish_y: Any = eqx.field(converter=as_leaf, default=0.0)
    temperature: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        for name in ERRORS:
            value = getattr(self, name)
            check_range(f"standard deviation {name}", value, 0.0, jnp.inf)
            if is_concrete(value) and jnp.shape(value) != ():
                raise ValueError(f"standard deviation {name} of shape {jnp.shape(value)} is not a number")

    def vector(self) -> jax.Array:
        """All in the order of `ERRORS`, shape [19]."""
        return jnp.stack([floating(getattr(self, name)) for name in ERRORS])

    @staticmethod
    def of_vector(vector: Any) -> "ArrayErrors":
        """From an array of shape [19], in the order of `ERRORS`."""
        vector = as_leaf(vector)
        return ArrayErrors(*(vector[k] for k in range(len(ERRORS))))

    def variances(self) -> jax.Array:
        """Variances of the errors in the order of `SHARED`, and of a core along x and y, shape [12]."""
        variances = self.vector() ** 2
        return jnp.sum(_COMBINED.astype(variances.dtype) * variances[None], axis=1)


#: Names of errors, in the order of vectors.
ERRORS = tuple(field.name for field in dataclasses.fields(ArrayErrors))


def _combined() -> np.ndarray:
    """Which errors add up to which of the array's and the cores', shape [12, 19]."""
    rows = [{name, f"mating_{name}"} for name in FREEDOMS] + [{name} for name in SHARED[len(FREEDOMS) :]]
    rows += [{"eccentricity", "groove_x"}, {"eccentricity", "groove_y"}]
    return np.asarray([[float(name in row) for name in ERRORS] for row in rows])


_COMBINED = _combined()


class LossMoments(NamedTuple):
    """Losses in dB to second order.

    Args:
        nominal: loss of each fibre without errors, shape [N].
        mean, deviation: mean and standard deviation of each, shape [N].
        shares: what each error adds to the mean, in the order of `ERRORS`, shape [19, N].
    """

    nominal: jax.Array
    mean: jax.Array
    deviation: jax.Array
    shares: jax.Array


class ArraySample(NamedTuple):
    """Losses of arrays that were drawn, in dB.

    Args:
        worst: that of the worst fibre of each array in the worst of its matings, shape [arrays].
        mean, deviation: mean and standard deviation over arrays and matings of each fibre, shape [N].
    """

    worst: jax.Array
    mean: jax.Array
    deviation: jax.Array

    def yields(self, limits_db: Any) -> tuple[jax.Array, jax.Array]:
        """Part of the arrays with all fibres at or below limits in dB, and its standard error, of the limits' shape.

        The error is 0 where all or none pass: then the part that was not seen is below 3 / arrays, to 95 %.
        """
        check_finite("limits_db", limits_db, "dB")
        limits = floating(limits_db)
        places = jnp.searchsorted(jnp.sort(self.worst), limits.ravel().astype(self.worst.dtype), side="right")
        part = places.astype(self.worst.dtype).reshape(limits.shape) / self.worst.size
        return part, jnp.sqrt(part * (1.0 - part) / self.worst.size)


def second_order(array: FibreArray, errors: ArrayErrors) -> LossMoments:
    """Mean and standard deviation of the loss of each fibre to second order, and what each error adds to the mean.

    Args:
        array: the array.
        errors: standard deviations.
    """
    check_array(array)
    check_kind("errors", errors, ArrayErrors)
    array, errors = in_precision_at_hand((array, errors))
    return _moments(array, errors)


@eqx.filter_jit
def _moments(array: FibreArray, errors: ArrayErrors) -> LossMoments:
    nominal, slope, bend = _expansion(array)
    variances = errors.variances()
    curvature = jnp.diagonal(bend, axis1=1, axis2=2)
    mean = nominal + 0.5 * jnp.sum(curvature * variances[None], axis=1)
    spread = jnp.sum(slope**2 * variances[None], axis=1)
    spread = spread + 0.5 * jnp.sum(bend**2 * (variances[:, None] * variances[None])[None], axis=(1, 2))
    own = jnp.matmul(jnp.asarray(_COMBINED.T, curvature.dtype), curvature.T, precision="highest")
    shares = 0.5 * errors.vector()[:, None] ** 2 * own
    return LossMoments(nominal, mean, safe_root(spread), shares)


def _expansion(array: FibreArray) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Losses, and their first and second derivatives by the errors as in `variances`, [N], [N, 12], [N, 12, 12]."""
    count = len(SHARED) + 2

    def losses(errors: jax.Array) -> jax.Array:
        forms = channel_forms(array, errors[: len(SHARED), None])
        return forms.about(errors[-2], errors[-1]).level

    def along(first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.jvp(lambda at: jax.jvp(losses, (at,), (first,))[1], (origin,), (second,))

    origin, units = jnp.zeros(count, jnp.result_type(float)), jnp.eye(count, dtype=jnp.result_type(float))
    # Each pair once: half the program of two nested Jacobians, and half the time to compile it.
    rows, columns = np.triu_indices(count)
    slopes, bends = jax.vmap(along)(units[rows], units[columns])
    whole = (
        jnp.zeros((count, count, array.count), origin.dtype).at[rows, columns].set(bends).at[columns, rows].set(bends)
    )
    return losses(origin), slopes[rows == columns].T, jnp.moveaxis(whole, -1, 0)


def sample_losses(array: FibreArray, errors: ArrayErrors, key: jax.Array, arrays: int, matings: int = 1) -> jax.Array:
    """Losses in dB of some arrays, drawn as in `sample_arrays`, all of them, shape [arrays, matings, N]."""
    arrays, matings = _checked(array, errors, arrays, matings)
    array, errors = in_precision_at_hand((array, errors))
    return _draw(array, errors, key, jnp.arange(arrays), matings)


def sample_arrays(
    array: FibreArray, errors: ArrayErrors, key: jax.Array, arrays: int, matings: int = 1, chunk: int = CHUNK
) -> ArraySample:
    """Draw arrays and take the worst fibre of each; memory is that of a chunk.

    Args:
        array: the array.
        errors: standard deviations.
        key: a key of `jax.random`. Array number i has the key fold_in(key, i), so that its draw does not depend on how
            many there are, nor on the chunk.
        arrays: how many to draw.
        matings: how often each is mated.
        chunk: arrays in memory together.

    Raises:
        ValueError: for a count below one or not whole.
    """
    arrays, matings = _checked(array, errors, arrays, matings)
    chunk = whole_number("chunk", chunk)
    array, errors = in_precision_at_hand((array, errors))
    return _sample(array, errors, key, arrays, matings, min(chunk, arrays))


def _checked(array: FibreArray, errors: ArrayErrors, arrays: Any, matings: Any) -> tuple[int, int]:
    check_array(array)
    check_kind("errors", errors, ArrayErrors)
    return whole_number("arrays", arrays), whole_number("matings", matings)


def whole_number(name: str, value: Any, low: int = 1, high: int = 2**31 - 1) -> int:
    """A count of the host; a `ValueError` for what is not whole or out of range."""
    check_range(name, value, low, high)
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} = {value!r} is not a whole number") from None


@eqx.filter_jit
def _sample(
    array: FibreArray, errors: ArrayErrors, key: jax.Array, arrays: int, matings: int, chunk: int
) -> ArraySample:
    blocks = -(-arrays // chunk)
    middle = losses_at(channel_forms(array, jnp.zeros((len(SHARED), 1), jnp.result_type(float))), *_none())

    def block(start: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        numbers = start + jnp.arange(chunk)
        losses = _draw(array, errors, key, numbers, matings)
        # About the loss without errors, so that few digits cancel in the variance.
        excess = jnp.where((numbers < arrays)[:, None, None], losses - middle[None, None], 0.0)
        return jnp.max(losses, axis=(1, 2)), jnp.sum(excess, axis=(0, 1)), jnp.sum(excess**2, axis=(0, 1))

    worst, sums, squares = jax.lax.map(block, chunk * jnp.arange(blocks))
    mean, square = (jnp.sum(each, axis=0) / (arrays * matings) for each in (sums, squares))
    deviation = jnp.sqrt(jnp.maximum(square - mean**2, 0.0))
    return ArraySample(worst.reshape(-1)[:arrays], middle + mean, deviation)


def _none() -> tuple[jax.Array, jax.Array]:
    zero = jnp.zeros(1, jnp.result_type(float))
    return zero, zero


@eqx.filter_jit
def _draw(array: FibreArray, errors: ArrayErrors, key: jax.Array, numbers: jax.Array, matings: int) -> jax.Array:
    """Losses of the arrays of these numbers in dB, shape [numbers, matings, N]."""
    count, own = array.count, len(SHARED)
    size = own + 2 * count + matings * len(FREEDOMS)

    def normal(number: jax.Array) -> jax.Array:
        return jax.random.normal(jax.random.fold_in(key, number), (size,), jnp.result_type(float))

    draws = jax.vmap(normal, out_axes=1)(numbers)
    variances = errors.variances()
    fixed = jnp.stack([floating(getattr(errors, name)) for name in SHARED])
    moved = jnp.stack([floating(getattr(errors, f"mating_{name}")) for name in FREEDOMS])
    built = fixed[:, None, None] * draws[:own, :, None]
    mated = draws[own + 2 * count :].reshape(len(FREEDOMS), matings, -1).swapaxes(1, 2)
    shared = jnp.broadcast_to(built, (own, numbers.size, matings))
    shared = shared.at[: len(FREEDOMS)].add(moved[:, None, None] * mated)
    cores = draws[own : own + 2 * count].reshape(2, count, -1).swapaxes(1, 2)[:, :, None]
    cores = safe_root(variances[-2:])[:, None, None, None] * cores
    return losses_at(channel_forms(array, shared[..., None]), cores[0], cores[1])


def safe_root(value: jax.Array) -> jax.Array:
    """Square root, 0 with a derivative of 0 at 0."""
    is_positive = value > 0.0
    return jnp.where(is_positive, jnp.sqrt(jnp.where(is_positive, value, 1.0)), 0.0)
