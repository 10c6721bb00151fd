"""Arbiters that know no wavelengths: rings that search with their own heaters and see peaks at their own drops.

A ring that sweeps its heater from cold sees a peak for each line within its range that no ring before it on the bus
drops. It learns the heater's setting, not the wavelength.

* Sequential tuning: in the order of power-on each ring takes the first peak that it sees. A ring that is started
  after one behind it on the bus may take that one's line, which then has none.
* Relation search: each ring records its peaks, alone. Then each but the last is put on its first peak while the next
  one on the bus sweeps again: the peak that is gone is the line of the first. If none is gone, a tolerant search tries
  the last peak of the first ring too, a thorough one all of them. Peaks come in the cyclic order of the lines, so one
  such relation aligns the two records, N - 1 of them all N, and a cyclic shift that is in all records is read off. It
  takes N + (N - 1) sweeps where first peaks suffice.

Both stand for the arbiters compared by S. Choi and V. Stojanovic, arXiv:2411.14810 (2024), of which the abstract was
read: the searches here are written from their purpose and are not claimed to be theirs step by step.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.arbitration import POLICIES, checked_distance, spectral_order
from photonics_core.kernels.checks import check_choice, check_positive

SEARCHES = ("first", "tolerant", "thorough")


class LineSearch(NamedTuple):
    """What a search left.

    Attributes:
        lines: line of each ring, -1 for none, shape [..., N].
        sweeps: sweeps of a heater that it took, shape [...].
    """

    lines: jax.Array
    sweeps: jax.Array


def sequential_search(distance: Any, tuning_range: Any, power_on: tuple[int, ...] | None = None) -> LineSearch:
    """Each ring in turn takes the first line that it sees; a ring behind it on the bus that held the line goes dark.

    Args:
        distance: of `tuning_distance`, rings in the order of the bus, shape [..., N, M].
        tuning_range: mean tuning range in um, a number.
        power_on: rings in the order in which they are started; None for the order of the bus.
    """
    distance = _checked(distance, tuning_range)
    turn = tuple(int(ring) for ring in spectral_order(power_on, distance.shape[-2]))
    held = _sequential(distance, jnp.asarray(tuning_range, distance.dtype), turn)
    return LineSearch(held, jnp.full(held.shape[:-1], len(turn)))


@eqx.filter_jit
def _sequential(distance: jax.Array, tuning_range: jax.Array, turn: tuple[int, ...]) -> jax.Array:
    """The line of each ring when they are started in turn."""

    def one(distance: jax.Array) -> jax.Array:
        held = jnp.full(len(turn), -1)
        for ring in turn:
            hidden = jnp.any(held[:ring, None] == jnp.arange(distance.shape[1])[None], 0)
            seen = jnp.where(hidden | (distance[ring] > tuning_range), jnp.inf, distance[ring])
            line = jnp.where(jnp.isfinite(jnp.min(seen)), jnp.argmin(seen), -1)
            # A ring behind on the bus that held this line is left dark.
            held = jnp.where((held == line) & (line >= 0), -1, held).at[ring].set(line)
        return held

    return jnp.vectorize(one, signature="(n,m)->(n)")(distance)


def relation_search(
    distance: Any, tuning_range: Any, order: tuple[int, ...] | None = None, *, search: str = "tolerant"
) -> LineSearch:
    """Records, relations between neighbours and one cyclic shift that all rings can follow.

    Args:
        distance: of `tuning_distance`, rings in the order of the bus, shape [..., N, N].
        tuning_range: mean tuning range in um, a number.
        order: place of each ring in the spectrum; None for 0 to N - 1.
        search: "first", "tolerant" (first and last peak) or "thorough" (all peaks).

    Returns:
        The lines that rings end on, -1 for all where no shift is found. Of several shifts the one of the least largest
        setting is taken.
    """
    check_choice("search", search, SEARCHES)
    distance = _checked(distance, tuning_range)
    count = distance.shape[-1]
    if distance.shape[-2] != count:
        raise ValueError(f"distance of shape {distance.shape} is not [..., N, N]")
    place = tuple(int(each) for each in spectral_order(order, count))
    tries = {"first": (0,), "tolerant": (0, -1), "thorough": tuple(range(count))}[search]
    return LineSearch(*_matched_rows(distance, jnp.asarray(tuning_range, distance.dtype), place, tries))


@eqx.filter_jit
def _matched_rows(
    distance: jax.Array, tuning_range: jax.Array, place: tuple[int, ...], tries: tuple[int, ...]
) -> tuple[jax.Array, jax.Array]:
    return jnp.vectorize(lambda one: _matched(one, tuning_range, np.asarray(place), tries), signature="(n,n)->(n),()")(
        distance
    )


def _matched(
    distance: jax.Array, tuning_range: Any, place: np.ndarray, tries: tuple[int, ...]
) -> tuple[jax.Array, jax.Array]:
    """The lines of one row and the sweeps it took."""
    count = distance.shape[0]
    record, peaks = jnp.argsort(distance, -1), jnp.sum(distance <= tuning_range, -1)
    steps, related, sweeps = _relations(record, peaks, tries)
    # Peak k of ring 0 is one line with peak k - offset_i of ring i, in turns of N.
    offset = jnp.concatenate([jnp.zeros_like(steps[:1]), jnp.cumsum(steps)])
    wanted = jnp.asarray(place[None] - place[0] + np.arange(count)[:, None])
    setting = (wanted - offset[None]) % count
    fits = jnp.all(setting < peaks[None], -1) & jnp.all(related)
    heat = jnp.take_along_axis(jnp.sort(distance, -1).T, setting, 0)
    chosen = setting[jnp.argmin(jnp.where(fits, jnp.max(heat, -1), jnp.inf))]
    lines = jnp.take_along_axis(record, chosen[:, None], -1)[:, 0]
    return jnp.where(jnp.any(fits), lines, -1), count + sweeps


def _relations(record: jax.Array, peaks: jax.Array, tries: tuple[int, ...]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """How many peaks later each ring sees what the next one sees, whether that was found, and the sweeps it took."""
    rank = jnp.argsort(record, -1)  # of each line in each record
    steps, found = jnp.zeros_like(peaks[1:]), jnp.zeros(peaks[1:].shape, bool)
    sweeps = jnp.zeros_like(peaks[0])
    for each in tries:
        at = jnp.maximum(peaks[:-1] - 1, 0) if each < 0 else jnp.full_like(steps, each)
        line = jnp.take_along_axis(record[:-1], at[:, None], -1)
        gone = jnp.take_along_axis(rank[1:], line, -1)[:, 0]
        # The last peak of a ring that has one was tried as its first.
        tried = ~found & (at < peaks[:-1]) & ((each >= 0) | (at > 0))
        sweeps = sweeps + jnp.sum(tried)
        now = tried & (gone < peaks[1:])
        steps, found = jnp.where(now, at - gone, steps), found | now
    return steps, found, sweeps


def is_served(lines: Any, policy: str = "any", order: tuple[int, ...] | None = None) -> jax.Array:
    """Whether all rings hold different lines, in an order that the policy allows.

    Args:
        lines: line of each ring, -1 for none, shape [..., N], of N lines.
        policy: "deterministic", "cyclic" or "any".
        order: place of each ring in the spectrum; None for 0 to N - 1.

    Returns:
        Truth values, shape [...].
    """
    check_choice("policy", policy, POLICIES)
    lines = jnp.asarray(lines)
    return _is_served(lines, policy, tuple(int(each) for each in spectral_order(order, lines.shape[-1])))


@eqx.filter_jit
def _is_served(lines: jax.Array, policy: str, order: tuple[int, ...]) -> jax.Array:
    place, count = jnp.asarray(order), len(order)

    def one(lines: jax.Array) -> jax.Array:
        served = jnp.all(jnp.sort(lines) == jnp.arange(count))
        turn = (lines - place) % count
        first = {"any": turn, "cyclic": turn[:1], "deterministic": jnp.zeros_like(turn)}[policy]
        return served & jnp.all(turn == first)

    return jnp.vectorize(one, signature="(n)->()")(lines)


def conditional_failure_probability(is_served: Any, is_possible: Any) -> jax.Array:
    """Share of the dies that an arbiter with full knowledge serves and this one does not: conditional failure.

    Args:
        is_served: what the arbiter did, shape [D].
        is_possible: whether the policy can be met at this tuning range, shape [D].

    Returns:
        The share of possible dies, 0 where there are none.

    Raises:
        ValueError: for shapes that differ.
    """
    served, possible = jnp.asarray(is_served, bool), jnp.asarray(is_possible, bool)
    if served.shape != possible.shape:
        raise ValueError(f"is_served of shape {served.shape} does not go with is_possible of shape {possible.shape}")
    return jnp.sum(possible & ~served) / jnp.maximum(jnp.sum(possible), 1)


def _checked(distance: Any, tuning_range: Any) -> jax.Array:
    check_positive("tuning_range", tuning_range, "um")
    return checked_distance(distance)
