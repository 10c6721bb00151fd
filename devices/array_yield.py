"""Yield of arrays of fibres against a limit of the loss, smooth in every error and exact in those of single fibres.

Given the errors that all fibres share, the fibres of an array are independent, and the loss of each is a quadratic form
of its core's own normal errors. So the part of the arrays whose fibres all lose less than a limit is

    Y = E[ prod_j P_j ],   P_j = P(loss of fibre j <= limit | shared errors),

where P_j, the probability of an ellipse, is an integral over one variable (`kernels.ellipse_probability`; Marcum's Q
function for round beams and equal errors), and the mean over the ten shared errors is that of fixed points: Sobol's
sequence, scrambled by a seed, through the inverse of the normal distribution. Nothing is drawn anew when an error
changes and nothing jumps, so that the derivatives by all standard deviations are those of the sum, to the ten digits of
the ellipse's probability. Second ones by an error of 0 are given as 0, for a deviation is the root of the variance.

Limits: one mating; with several an array's own errors are the same each time and only `sample_arrays` has the worst of
them. The own errors of the cores must not all be zero. 4096 points leave some 1e-4 of the yield at 99 %; another
seed shows how much. The quadratic form is exact for Gaussian beams; see `devices.fiber_array` for what is left out.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import floating
from photonics_core.devices.array_errors import ArrayErrors, safe_root, whole_number
from photonics_core.devices.fiber_array import SHARED, FibreArray, channel_forms, check_array, in_precision_at_hand
from photonics_core.kernels.checks import check_kind, check_positive, is_concrete
from photonics_core.kernels.ellipse_probability import ellipse_probability
from photonics_core.kernels.gaussian_overlap import OffsetForm

#: Points of the shared errors, a power of two.
POINTS = 4096
#: Points in memory together.
_CHUNK = 256
#: Probability of a fibre below which it no longer counts.
_LEAST = 1e-30
_BITS = 30


def array_yield(
    array: FibreArray, errors: ArrayErrors, limit_db: Any, points: int = POINTS, seed: int = 0
) -> jax.Array:
    """Part of the arrays of which every fibre loses at most a limit, of the limits' shape.

    Args:
        array: the array.
        errors: standard deviations; those of placement and mating add up.
        limit_db: largest loss of a fibre in dB, mode mismatch and reflection included.
        points: points of the shared errors, a power of two.
        seed: of the scrambling of the points.

    Raises:
        ValueError: for a limit that is not above zero, cores without errors of their own, or a number of points that is
            not a power of two.
    """
    nodes = normal_points(points, seed)
    check_positive("limit_db", limit_db, "dB")
    check_errors(array, errors)
    limits = floating(limit_db)
    array, errors = in_precision_at_hand((array, errors))
    return yield_at(array, errors, limits.reshape(-1), jnp.asarray(nodes, limits.dtype)).reshape(limits.shape)


def check_errors(array: FibreArray, errors: ArrayErrors) -> None:
    """Raise a `ValueError` for what has no smooth yield."""
    check_array(array)
    check_kind("errors", errors, ArrayErrors)
    own = [errors.eccentricity, errors.groove_x, errors.groove_y]
    if is_concrete(*own) and not any(float(each) > 0.0 for each in own):
        raise ValueError(
            "eccentricity, groove_x and groove_y are all 0: the yield then jumps with each error; use sample_arrays"
        )


def normal_points(points: int, seed: int) -> np.ndarray:
    """Points of independent normal numbers of variance 1 that fill their space evenly, shape [points, 10]."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = whole_number("points", points, 2, 2**24)
    if points & (points - 1):
        raise ValueError(f"points = {points} is not a power of two")
    sobol = qmc.Sobol(len(SHARED), scramble=True, bits=_BITS, rng=np.random.default_rng(seed))
    # The middle of each of the smallest cells: no coordinate is 0.
    return ndtri(sobol.random(points) + 0.5 / 2**_BITS)


@eqx.filter_jit
def yield_at(array: FibreArray, errors: ArrayErrors, limits: jax.Array, nodes: jax.Array) -> jax.Array:
    """The yield at limits of shape [L] with points [points, 10], unchecked: for compiled functions."""
    deviations = safe_root(errors.variances())
    chunk = min(_CHUNK, nodes.shape[0])

    @jax.checkpoint
    def passed(chunk_nodes: jax.Array) -> jax.Array:
        shared = chunk_nodes.T * deviations[: len(SHARED), None]
        forms = _forms(shared, array)
        own = deviations[len(SHARED) :]

        def at(limit: jax.Array) -> jax.Array:
            each = ellipse_probability(forms, own[0], own[1], limit)
            return jnp.sum(jnp.exp(jnp.sum(jnp.log(jnp.maximum(each, _LEAST)), axis=-1)))

        return jax.lax.map(at, limits)

    sums = jax.lax.map(passed, nodes.reshape(-1, chunk, len(SHARED)))
    return jnp.sum(sums, axis=0) / nodes.shape[0]


@eqx.filter_custom_jvp
def _forms(shared: jax.Array, array: FibreArray) -> OffsetForm:
    """Forms of all channels for shared errors of shape [10, points], each component of shape [points, N]."""
    return channel_forms(array, shared[..., None])


@_forms.def_jvp
def _forms_jvp(primals: Any, tangents: Any) -> tuple[OffsetForm, OffsetForm]:
    """Derivatives by the ten errors of a point forwards: backwards through all of it compiles and runs far longer."""
    shared, array = primals
    moved, changed = tangents
    forms = channel_forms(array, shared[..., None])
    rows: list[OffsetForm] = []
    if moved is not None:
        units = jnp.broadcast_to(jnp.eye(len(SHARED), dtype=shared.dtype)[..., None], (*(len(SHARED),) * 2, 1))
        units = jnp.broadcast_to(units, (len(SHARED), *shared.shape))

        def along(unit: jax.Array) -> OffsetForm:
            return jax.jvp(lambda at: channel_forms(array, at[..., None]), (shared,), (unit,))[1]

        slopes = jax.vmap(along)(units)
        rows.append(jax.tree.map(lambda leaf: jnp.sum(moved[..., None] * leaf, axis=0), slopes))
    if any(leaf is not None for leaf in jax.tree.leaves(changed)):
        rows.append(eqx.filter_jvp(lambda one: channel_forms(one, shared[..., None]), (array,), (changed,))[1])
    total = jax.tree.map(lambda *parts: sum(parts[1:], parts[0]), *rows)
    return forms, total
