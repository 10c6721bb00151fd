"""Wavelength arbitration: which ring of a row takes which laser line, and the tuning range that it needs.

Heaters only heat, so a ring at r reaches a line at l by the shift s = (l - r) mod FSR, and a ring whose heater is
stronger than the mean by the factor t needs the mean tuning range

    d_ij = ((l_j - r_i) mod FSR_i) / t_i.

Three policies say what may be assigned. With o_i the place in the spectrum that ring i was designed for:

    deterministic:  ring i to line o_i,                        needs max_i d_i,o_i
    cyclic:         ring i to line (o_i + m) mod N, one m,     needs min_m max_i d_i,(o_i + m) mod N
    any:            any line to any ring, one each,            needs min over permutations p of max_i d_i,p_i

Each set of assignments contains the one before, so the ranges needed fall in this order for every die. The last is a
bottleneck matching; it is found by subsets: the least of the largest shift of rings 0..k on the lines of a set. A die
whose heaters have less than it needs fails for every arbiter: the share of such dies is the arbitration failure
probability. What an arbiter that does not know all wavelengths loses besides is its conditional failure probability
(`photonics_core.devices.arbitration_search`).

The policies and both probabilities are those of S. Choi and V. Stojanovic, arXiv:2411.14810 (2024), of which the
abstract was read; the variations, uniform about their nominal values, are those of their simulator's documentation
(wdmsim/wdm-simulator, docs/source/intro/params.rst).
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.runtime import as_leaf

POLICIES = ("deterministic", "cyclic", "any")
#: Lines of which all subsets are gone through.
MOST_LINES = 16


class RingDies(NamedTuple):
    """Rings and lines as they came out, a leading axis of dies.

    Attributes:
        rings: wavelengths of the cold rings in um, shape [D, N].
        lines: wavelengths of the laser lines in um, shape [D, N].
        fsr: free spectral ranges in um, shape [D, N].
        strength: tuning range of each ring over the mean, shape [D, N].
    """

    rings: jax.Array
    lines: jax.Array
    fsr: jax.Array
    strength: jax.Array


class RingRowSpread(Shown):
    """A row of rings for N laser lines, and how far both vary, uniformly within plus and minus the numbers given.

    Wavelengths count from the middle of the grid as designed; nothing depends on where that is.

    Args:
        count: number of rings and lines N, 2 to 16.
        spacing: of the lines in um.
        fsr: mean free spectral range in um.
        order: place of each ring in the spectrum, in the order of the bus; None for 0 to N - 1.
        grid_offset: of all lines against all rings in um.
        line_variation: of each line in um.
        ring_variation: of each ring in um.
        fsr_variation: of each free spectral range, over its mean.
        range_variation: of each ring's tuning range, over its mean.

    Raises:
        ValueError: for a number outside its range, or an order that is none.
    """

    count: int = eqx.field(static=True)
    spacing: Any = eqx.field(converter=as_leaf)
    fsr: Any = eqx.field(converter=as_leaf)
    order: tuple[int, ...] | None = eqx.field(static=True, default=None)
    grid_offset: Any = eqx.field(converter=as_leaf, default=0.0)
    line_variation: Any = eqx.field(converter=as_leaf, default=0.0)
    ring_variation: Any = eqx.field(converter=as_leaf, default=0.0)
    fsr_variation: Any = eqx.field(converter=as_leaf, default=0.0)
    range_variation: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("count", self.count, int)
        check_range("count", self.count, 2, MOST_LINES)
        for name in ("spacing", "fsr"):
            check_range(name, getattr(self, name), 0.0, 1.0, "um", exclusive=True)
        for name in ("grid_offset", "line_variation", "ring_variation"):
            check_range(name, getattr(self, name), 0.0, 1.0, "um")
        for name in ("fsr_variation", "range_variation"):
            check_range(name, getattr(self, name), 0.0, 0.9)
        if self.order is not None:
            spectral_order(self.order, self.count)

    def dies(self, key: jax.Array, indices: Any) -> RingDies:
        """Draw the dies of these numbers: die k is the same in whatever batch it is drawn.

        Args:
            key: of `jax.random.key`.
            indices: numbers of the dies, whole and not below zero, shape [D].

        Raises:
            ValueError: for other numbers.
        """
        check_range("indices", indices, 0)
        indices = jnp.asarray(indices)
        if not jnp.issubdtype(indices.dtype, jnp.integer) or indices.ndim != 1:
            raise ValueError(f"indices of type {indices.dtype} and shape {indices.shape} are not whole numbers [D]")
        dtype, count = jnp.result_type(float), self.count
        draw = _uniform(key, indices, 4 * count + 1)
        offset, rest = draw[:, :1], draw[:, 1:].reshape(-1, 4, count)
        number = lambda value: jnp.asarray(value, dtype)  # noqa: E731
        grid = number(self.spacing) * (jnp.arange(count).astype(dtype) - 0.5 * (count - 1))
        # Operation by operation: in one program the last bit would depend on the size of the batch.
        return RingDies(
            grid[None, spectral_order(self.order, count)] + number(self.ring_variation) * rest[:, 1],
            grid[None] + number(self.grid_offset) * offset + number(self.line_variation) * rest[:, 0],
            number(self.fsr) * (1.0 + number(self.fsr_variation) * rest[:, 2]),
            1.0 + number(self.range_variation) * rest[:, 3],
        )


@eqx.filter_jit
def _uniform(key: jax.Array, indices: jax.Array, count: int) -> jax.Array:
    """Numbers from -1 to 1 of each index, shape [D, count]."""
    return jax.vmap(
        lambda index: jax.random.uniform(jax.random.fold_in(key, index), (count,), jnp.result_type(float), -1.0, 1.0)
    )(indices)


def spectral_order(order: tuple[int, ...] | None, count: int) -> np.ndarray:
    """The place of each ring in the spectrum as an array, checked."""
    if order is None:
        return np.arange(count)
    if sorted(order) != list(range(count)):
        raise ValueError(f"order = {order} is not an order of 0 to {count - 1}")
    return np.asarray(order)


def tuning_distance(rings: Any, lines: Any, fsr: Any, strength: Any = 1.0) -> jax.Array:
    """Mean tuning range that brings each ring to each line, in um, differentiable where no ring is on a line.

    Args:
        rings: wavelengths of the cold rings in um, shape [..., N].
        lines: wavelengths of the lines in um, shape [..., M].
        fsr: free spectral ranges in um, a number or shape [..., N].
        strength: tuning range of each ring over the mean, a number or shape [..., N].

    Returns:
        Distances, shape [..., N, M]: 0 for a ring on a line, within rounding, and below the free spectral range over
        the strength.
    """
    check_finite("rings", rings, "um")
    check_finite("lines", lines, "um")
    check_positive("fsr", fsr, "um")
    check_positive("strength", strength)
    dtype = jnp.result_type(float)
    rings, lines, fsr, strength = (jnp.asarray(each, dtype) for each in (rings, lines, fsr, strength))
    fsr, strength = (jnp.broadcast_to(each, rings.shape)[..., None] for each in (fsr, strength))
    gap = lines[..., None, :] - rings[..., None]
    # A ring that rounding puts just red of a line is on it, not a free spectral range away.
    size = jnp.maximum(jnp.abs(lines)[..., None, :], jnp.abs(rings)[..., None])
    slack = 8.0 * float(jnp.finfo(dtype).eps) * jnp.maximum(size, fsr)
    turns = jnp.ceil(jax.lax.stop_gradient(-(gap + slack) / fsr))
    return jnp.maximum(gap + turns * fsr, 0.0) / strength


def needed_range(distance: Any, policy: str = "any", order: tuple[int, ...] | None = None) -> jax.Array:
    """Least mean tuning range in um with which all lines can be served, by an arbiter that knows everything.

    Args:
        distance: of `tuning_distance`, shape [..., N, M]; infinite for what cannot be.
        policy: "deterministic", "cyclic" or "any"; with the first two there are as many rings as lines.
        order: place of each ring in the spectrum; None for 0 to N - 1.

    Returns:
        Ranges, shape [...]; infinite where there is no assignment. Of N rings for M lines min(N, M) are used.

    Raises:
        ValueError: for another policy, shapes that do not go together, distances below zero or nan, or more than 16
            lines.
    """
    check_choice("policy", policy, POLICIES)
    distance = checked_distance(distance)
    if policy == "any":
        return served_range(distance, min(distance.shape[-2:]))
    shifts = cyclic_distances(distance, order)
    return jnp.max(shifts[..., 0, :], -1) if policy == "deterministic" else jnp.min(jnp.max(shifts, -1), -1)


def cyclic_distances(distance: Any, order: tuple[int, ...] | None = None) -> jax.Array:
    """The distance of each ring at each cyclic shift m, ring i to line (o_i + m) mod N, shape [..., m, N]."""
    distance = checked_distance(distance)
    count = distance.shape[-1]
    if distance.shape[-2] != count:
        raise ValueError(f"distance of shape {distance.shape} is not [..., N, N]")
    targets = (spectral_order(order, count)[None] + np.arange(count)[:, None]) % count
    return distance[..., np.arange(count)[None], targets]


def served_range(distance: Any, served: int) -> jax.Array:
    """Least mean tuning range in um with which so many lines are served, by any rings: a bottleneck matching.

    Args:
        distance: shape [..., N, M], at most 16 lines; infinite for a dead ring, a dead line, a heater that is stuck.
        served: number of lines to be served.

    Returns:
        Ranges, shape [...]; infinite where so many lines cannot be served.
    """
    best = _over_subsets(_few_lines(distance), jnp.maximum)
    members = _members(best.shape[-1])
    check_range("served", served, 1, members.shape[1])
    return jnp.min(best[..., np.sum(members, 1) == served], -1)


def least_shift(distance: Any, max_range: Any = math.inf) -> jax.Array:
    """Least sum of distances in um with which min(N, M) lines are served, none above `max_range`: the least heat.

    Args:
        distance: shape [..., N, M], at most 16 lines.
        max_range: mean tuning range in um, a number, which may be infinite.

    Raises:
        ValueError: for another shape, distances or a range below zero or nan, or more than 16 lines.

    Returns:
        Sums, shape [...]; infinite where there is no such assignment. With heaters of one strength and without thermal
        crosstalk this is the total power of `photonics_core.assign_lines` times the drift per mW.
    """
    distance = _few_lines(distance)
    if is_concrete(max_range) and not np.all(np.asarray(max_range) >= 0.0):
        raise ValueError(f"max_range = {max_range} um is outside [0, inf]")
    best = _over_subsets(jnp.where(distance <= max_range, distance, jnp.inf), jnp.add)
    full = np.sum(_members(best.shape[-1]), 1) == min(distance.shape[-2:])
    return jnp.min(best[..., full], -1)


def failure_probability(needed: Any, ranges: Any) -> jax.Array:
    """Share of dies that need more than each mean tuning range: the arbitration failure probability.

    Args:
        needed: of `needed_range`, shape [D]; infinite for a die that cannot be served.
        ranges: mean tuning ranges in um, a number or shape [R].

    Returns:
        Probabilities, of the shape of `ranges`.

    Raises:
        ValueError: for no dies, or numbers that are nan or below zero.
    """
    check_range("ranges", ranges, 0.0, np.inf, "um")
    if np.ndim(needed) != 1 or np.size(needed) < 1:
        raise ValueError(f"needed of shape {np.shape(needed)} is not [D], of at least one die")
    needed, ranges = _from_zero("needed", needed), jnp.asarray(ranges)
    needed = needed.reshape(*(1,) * ranges.ndim, -1)
    return jnp.mean(needed > ranges[..., None], -1, dtype=jnp.result_type(float))


def checked_distance(distance: Any) -> jax.Array:
    """Distances as an array of real numbers from 0 to infinity, both included, of shape [..., N, M]."""
    distance = _from_zero("distance", distance)
    if distance.ndim < 2:
        raise ValueError(f"distance of shape {distance.shape} is not [..., N, M]")
    return distance


def _from_zero(name: str, values: Any) -> jax.Array:
    """Numbers of at least zero, which may be infinite: nan would count as served."""
    values = jnp.asarray(values)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        check_finite(name, values, "um")
        values = values.astype(jnp.result_type(float))
    if is_concrete(values) and not np.all(np.asarray(values) >= 0.0):
        wrong = np.asarray(values)[~(np.asarray(values) >= 0.0)][0]
        raise ValueError(f"{name} = {wrong:.6g} um is outside [0, inf]")
    return values


def _few_lines(distance: Any) -> jax.Array:
    distance = checked_distance(distance)
    check_range("number of lines", distance.shape[-1], 1, MOST_LINES)
    return distance


def _members(subsets: int) -> np.ndarray:
    """Which line is in which subset, shape [2^M, M]."""
    return (np.arange(subsets)[:, None] >> np.arange(subsets.bit_length() - 1)[None]) & 1


@eqx.filter_jit
def _over_subsets(distance: jax.Array, join: Any) -> jax.Array:
    """For each set of lines the least of the joined distances of rings that serve it, one ring each, [..., 2^M]."""
    lines = distance.shape[-1]
    members = _members(2**lines)
    without = np.arange(2**lines)[:, None] & ~(1 << np.arange(lines))[None]

    def with_ring(best: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
        taken = jnp.where(members == 1, join(best[..., without], row[..., None, :]), jnp.inf)
        return jnp.minimum(best, jnp.min(taken, -1)), None

    start = jnp.full((*distance.shape[:-2], 2**lines), jnp.inf, distance.dtype).at[..., 0].set(0.0)
    return jax.lax.scan(with_ring, start, jnp.moveaxis(distance, -2, 0))[0]
