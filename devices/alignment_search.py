"""How many moves a stage needs to bring an array of fibres to its light: a search simulated step by step.

A detector reads the light of the first and of the last fibre, each with noise and above a floor, and the stage goes for
the mean of both in dB: about the middle of the row that mean is a sum of one function of the place and one of the roll,
as the fibres go up and down against each other. The search is a compass search (Kolda, Lewis and Torczon, SIAM Rev. 45,
385 (2003)): step along an axis as long as it gets better, else back and on to the next direction; when no direction is
better the steps are halved, down to the resolution of the stage. Passes follow each other with axes of their own: first
the place, then the roll, then the place again.

A move is one motion of the stage; going back from a step that was no better is one too. Readings are free. Left out:
backlash, drift, and a search for the first light: a start at which both fibres are below the floor stays lost.
"""

import dataclasses
from collections.abc import Sequence
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
from photonics_core.fields import CorePositions
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_positive, check_range
from photonics_core.runtime import as_leaf

#: Axes of each pass.
PASSES = (("x", "y"), ("roll",), ("x", "y"))
#: Moves after which a search ends.
MOST_MOVES = 2000


class Stage(Shown):
    """What a stage and its detector can do.

    Args:
        resolution: least step of x, y and z in um.
        angle: least step of tilts and roll in rad.
        first_step, first_angle: steps to begin with, in um and rad.
        noise_db: standard deviation of a reading in dB.
        floor_db: how far below full coupling the detector sees nothing but its own noise, in dB.

    Raises:
        ValueError: for a step that is not above zero or below its resolution, a noise below zero, or a floor that is
            not above zero.
    """

    resolution: Any = eqx.field(converter=as_leaf, default=0.05)
    angle: Any = eqx.field(converter=as_leaf, default=2e-5)
    first_step: Any = eqx.field(converter=as_leaf, default=2.0)
    first_angle: Any = eqx.field(converter=as_leaf, default=1e-3)
    noise_db: Any = eqx.field(converter=as_leaf, default=0.01)
    floor_db: Any = eqx.field(converter=as_leaf, default=50.0)

    def __check_init__(self) -> None:
        for name, first, unit in (("resolution", "first_step", "um"), ("angle", "first_angle", "rad")):
            check_positive(name, getattr(self, name), unit)
            check_range(first, getattr(self, first), float(getattr(self, name)), np.inf, unit)
        check_range("noise_db", self.noise_db, 0.0, np.inf, "dB")
        check_positive("floor_db", self.floor_db, "dB")

    def halvings(self, axes: Sequence[int]) -> int:
        """How often the steps of a pass along these of `FREEDOMS` are halved until they are those of the resolution."""
        ratios = (self.first_step / self.resolution, self.first_angle / self.angle)
        needed = [max(0, int(np.ceil(np.log2(float(ratio)) - 1e-9))) for ratio in ratios]
        return max(needed[axis // 3] for axis in axes)


class SearchResult(NamedTuple):
    """What came of searches.

    Args:
        moves: motions of the stage, shape [S].
        alignment: where the array stands at the end, in the order of `FREEDOMS`, shape [S, 6].
        losses_db: loss of each fibre there, shape [S, N].
        has_ended: whether all passes came to their end within the moves allowed, shape [S]; also of a search that is
            lost in the dark, which ends soon.
        has_light: whether both fibres of the detector lose less than its floor there, shape [S].
    """

    moves: jax.Array
    alignment: jax.Array
    losses_db: jax.Array
    has_ended: jax.Array
    has_light: jax.Array


class _State(NamedTuple):
    at: jax.Array
    best: jax.Array
    passes: jax.Array
    halved: jax.Array
    direction: jax.Array
    failed: jax.Array
    is_running: jax.Array
    moves: jax.Array
    number: jax.Array


def search_alignment(
    array: FibreArray,
    stage: Stage,
    start: Any,
    key: jax.Array,
    *,
    x: Any = 0.0,
    y: Any = 0.0,
    passes: Sequence[Sequence[str]] = PASSES,
    most_moves: int = MOST_MOVES,
) -> SearchResult:
    """Let a stage peak an array from several starts at once.

    Args:
        array: the array.
        stage: the stage.
        start: alignments to start from in the order of `FREEDOMS`, shape [S, 6] in um and rad.
        key: a key of `jax.random` for the noise of the readings.
        x, y: errors of the cores themselves in um, which broadcast to [S, N].
        passes: the axes of each pass, of `FREEDOMS`.
        most_moves: moves after which a search ends.

    Raises:
        ValueError: for an array of one fibre, an unknown axis, starts of another shape, or turns of a right angle.
    """
    check_array(array)
    check_kind("stage", stage, Stage)
    check_range("number of fibres", array.count, 2)
    check_range("most_moves", most_moves, 1)
    check_finite("start", start)
    start = floating(start)
    if start.ndim != 2 or start.shape[1] != len(FREEDOMS):
        raise ValueError(f"start of shape {start.shape} is not [S, {len(FREEDOMS)}]: {', '.join(FREEDOMS)}")
    errors = jnp.zeros((start.shape[0], len(SHARED)), start.dtype)
    array.losses_db(errors.at[:, : len(FREEDOMS)].set(start), x, y)  # which checks all of them
    own = [jnp.broadcast_to(floating(each), (start.shape[0], array.count)) for each in (x, y)]
    array, axes = in_precision_at_hand(array), _directions(passes)
    halvings = jnp.asarray([stage.halvings(each) for each in axes], jnp.int32)
    stage = in_precision_at_hand(stage)
    found = _search(array, stage, start, key, own[0], own[1], axes, most_moves, halvings)
    losses = array.losses_db(errors.at[:, : len(FREEDOMS)].set(found.at), *own)
    has_light = jnp.maximum(losses[:, 0], losses[:, -1]) < floating(stage.floor_db)
    return SearchResult(found.moves, found.at, losses, found.passes >= len(passes), has_light)


def _directions(passes: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """Numbers of the axes of each pass."""
    if not passes or not all(passes):
        raise ValueError(f"passes = {passes!r} has no axis")
    for name in (name for each in passes for name in each):
        check_choice("axis", name, FREEDOMS)
    return tuple(tuple(FREEDOMS.index(name) for name in each) for each in passes)


@eqx.filter_jit
def _search(
    array: FibreArray,
    stage: Stage,
    start: jax.Array,
    key: jax.Array,
    x: jax.Array,
    y: jax.Array,
    passes: tuple[tuple[int, ...], ...],
    most_moves: int,
    halvings: jax.Array,
) -> _State:
    ends = np.asarray([0, array.count - 1])
    cores, ports = (
        None if one is None else CorePositions(floating(one.x)[ends], floating(one.y)[ends])
        for one in (array.cores, array.ports)
    )
    assert cores is not None
    pair = dataclasses.replace(array, cores=cores, ports=ports, cladding=0.0)

    def one(start: jax.Array, x: jax.Array, y: jax.Array, key: jax.Array) -> _State:
        return _one_search(pair, stage, start, (x, y), key, passes, most_moves, halvings)

    return jax.vmap(one)(start, x[:, ends], y[:, ends], jax.random.split(key, start.shape[0]))


def _one_search(
    pair: FibreArray,
    stage: Stage,
    start: jax.Array,
    own: tuple[jax.Array, jax.Array],
    key: jax.Array,
    passes: tuple[tuple[int, ...], ...],
    most_moves: int,
    halvings: jax.Array,
) -> _State:
    dtype = start.dtype
    sizes = jnp.stack([floating(stage.first_step)] * 3 + [floating(stage.first_angle)] * 3)
    least = jnp.stack([floating(stage.resolution)] * 3 + [floating(stage.angle)] * 3)
    axes = np.zeros((len(passes), max(map(len, passes))), np.int32)
    for row, each in zip(axes, passes, strict=True):
        row[: len(each)] = each
    table, counts = jnp.asarray(axes), jnp.asarray([2 * len(each) for each in passes], jnp.int32)
    origin = start

    def reading(at: jax.Array, number: jax.Array) -> jax.Array:
        noise = jax.random.normal(jax.random.fold_in(key, number), (2,), dtype)
        return jnp.mean(_readings(pair, stage, at, own) + floating(stage.noise_db) * noise)

    def step(state: _State) -> _State:
        count = counts[state.passes]
        is_spent, is_finest = state.failed >= count, state.halved >= halvings[state.passes]
        axis = table[state.passes, state.direction // 2]
        size = jnp.maximum(sizes[axis] * 0.5 ** state.halved.astype(dtype), least[axis])
        sign = 1.0 - 2.0 * (state.direction % 2).astype(dtype)
        # The stage counts its own steps, from wherever it started.
        goal = jnp.round((state.at[axis] - origin[axis] + sign * size) / least[axis]) * least[axis] + origin[axis]
        at = jnp.where(is_spent, state.at, state.at.at[axis].set(goal))
        seen = reading(at, state.number)
        is_better = ~is_spent & (seen < state.best)
        # What was just left behind need not be tried.
        skipped = (state.is_running & (state.direction % 2 == 0)).astype(jnp.int32)
        onward = jnp.where(is_better, state.direction, (state.direction + 1 + skipped) % count)
        return _State(
            jnp.where(is_better, at, state.at),
            jnp.where(is_better | is_spent, seen, state.best),
            state.passes + (is_spent & is_finest).astype(jnp.int32),
            jnp.where(is_spent, jnp.where(is_finest, 0, state.halved + 1), state.halved),
            jnp.where(is_spent, 0, onward),
            jnp.where(is_better | is_spent, 0, state.failed + 1 + skipped),
            is_better,
            state.moves + jnp.where(is_spent, 0, jnp.where(is_better, 1, 2)),
            state.number + 1,
        )

    zero = jnp.zeros((), jnp.int32)
    first = _State(start, reading(start, zero), zero, zero, zero, zero, zero > 0, zero, zero + 1)
    return jax.lax.while_loop(lambda s: (s.passes < len(passes)) & (s.moves < most_moves), step, first)


def _readings(pair: FibreArray, stage: Stage, at: jax.Array, own: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Losses of the first and the last fibre in dB as the detector has them, without noise."""
    shared = jnp.zeros(len(SHARED), at.dtype).at[: len(FREEDOMS)].set(at)
    losses = losses_at(channel_forms(pair, shared[:, None]), *own)
    return -10.0 * jnp.log10(10.0 ** (-0.1 * losses) + 10.0 ** (-0.1 * floating(stage.floor_db)))
