"""Failures of parts in a million: where they are likeliest, and how likely, by draws made there.

A die fails where a margin g(z) of independent normal numbers z is below zero. The likeliest failure is the point of
g = 0 nearest to the origin, at the distance b, and to first order the probability is Phi(-b) (A. M. Hasofer and N. C.
Lind, J. Eng. Mech. Div. 100, 111 (1974)). It is found by the steps of R. Rackwitz and B. Fiessler, Comput. Struct. 9,
489 (1978),

    z -> (grad g . z - g) grad g / |grad g|^2,

each shortened to what lowers |z|^2 / 2 + c |g| most. A die of many devices and limits has many such points, and one
that is missed is missing from the result without a trace in its error. So the search starts from draws of wider
distributions that fail, which lie behind all limits in turn, until starts bring nothing new: of n starts of which n_1
ended where no other did, about n_1 / n of all such draws would still lead elsewhere (I. J. Good, Biometrika 40, 237
(1953)).

Draws are made about each of them, z ~ N(z_k, 1), some also from a wide N(0, 4) that would show what the search has
missed where dimensions are few, in fixed shares a_k, and weighted by w = phi(z) / sum_k a_k phi_k(z) (A. Owen and Y.
Zhou, J. Am. Stat. Assoc. 95, 135 (2000)). The mean of w over failures is the probability, without bias.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import log_ndtr, ndtr

from photonics_core.kernels.checks import check_finite, check_range, is_concrete

#: Most steps of the search and halvings of a step that are tried.
STEPS, HALVINGS = 60, 8
#: Starts that are searched from together, those of the first ones that lie near the origin, and standard deviations of
#: the draws, how many of each, whose failures are the others.
BATCH, NEAR, SCOUT_WIDTHS, SCOUTS = 64, 8, (2.0, 3.0), 4096
#: Share and standard deviation of the wide draws.
WIDE_SHARE, WIDE = 0.1, 2.0
#: Points of which the nearer one is kept alone are closer than this; points further out by more are left out; most
#: points kept.
APART, BEYOND, MOST_POINTS = 1.0, 2.5, 256
#: A point sees another this close, by the draws about it. Search ends when this many starts lead to each.
REACH, ENOUGH = 2.0, 5
#: Failures that must count, each as much as the others, for an estimate to be trusted, its largest relative error, and
#: the largest share of failures that may lead to other points.
LEAST_EFFECTIVE, LARGEST_ERROR, LARGEST_UNSEEN = 100.0, 0.2, 0.05

Margin = Callable[[jax.Array], jax.Array]


class RareFailure(NamedTuple):
    """How likely a failure is.

    Attributes:
        probability: by weighted draws.
        standard_error: of it, by the scatter of the draws, and by `unseen` as a share of it.
        points: likeliest failures, shape [K, dimension], the nearest first.
        distances: their distances b from the origin, shape [K].
        first_order: sum of Phi(-b), which is no more than a first guess.
        effective: number of equal failures that would tell as much.
        unseen: share of failures of wider distributions that would lead to points other than these, or to none.
        is_reliable: whether `effective`, the error and `unseen` are within the limits of this module. No proof: a
            failure so confined that no draw of a wider distribution met it is not seen.
    """

    probability: float
    standard_error: float
    points: np.ndarray
    distances: np.ndarray
    first_order: float
    effective: float
    unseen: float
    is_reliable: bool


def rare_failure(
    margin: Margin, dimension: int, key: jax.Array, *, samples: int = 20_000, starts: int = 512
) -> RareFailure:
    """Probability that a margin of independent normal numbers is below zero, or not a number.

    Args:
        margin: takes numbers [dimension], gives the margin, a number; with derivatives, as JAX functions have them.
        dimension: of the numbers.
        key: a key of `jax.random`.
        samples: draws, at least 16 about each point. The search has 8192 of its own, and steps of 9 margins each.
        starts: of the search for likeliest failures, at most.

    Raises:
        ValueError: if the margin fails at the origin, where this is no rare failure, or no failure was found.
    """
    check_range("dimension", dimension, 1, 100_000)
    check_range("samples", samples, 100, 100_000_000)
    check_range("starts", starts, 1, 4096)
    origin = float(margin(jnp.zeros(dimension)))
    if not origin > 0.0:
        raise ValueError(f"margin = {origin:g} at the origin is not above zero: draw plainly instead")
    keys = jax.random.split(key, 2)
    points, unseen = _all_points(margin, dimension, keys[0], starts)
    if not points.shape[0]:
        raise ValueError(f"no failure was found from starts = {starts}")
    distances = np.linalg.norm(points, axis=1)
    logs = log_ndtr(-distances)
    shares = np.exp(logs - logs[0])
    shares = np.concatenate([[WIDE_SHARE], (1.0 - WIDE_SHARE) * shares / np.sum(shares)])
    counts = np.maximum(np.round(shares * samples).astype(int), 16)
    weights = _weights(margin, points, counts, keys[1])
    return _summed(weights, counts, points, distances, unseen)


def design_points(margin: Margin, dimension: int, key: jax.Array, *, starts: int = 512) -> np.ndarray:
    """Likeliest failures, shape [K, dimension], the nearest to the origin first; K is 0 where none was found.

    Arguments as for `rare_failure`.
    """
    return _all_points(margin, dimension, key, starts)[0]


def _all_points(margin: Margin, dimension: int, key: jax.Array, starts: int) -> tuple[np.ndarray, float]:
    """Likeliest failures, and the share of failing draws that would still lead elsewhere."""
    begin = _starts(margin, dimension, key, starts)
    search = jax.jit(jax.vmap(lambda z: _search(margin, z)))
    found, met, unseen = np.zeros((0, dimension)), np.zeros(0, bool), 1.0
    for k in range(0, begin.shape[0], BATCH):
        z, left, slope = (np.asarray(each, float) for each in search(begin[k : k + BATCH]))
        found = np.concatenate([found, z])
        # On the limit to a thousandth of a standard deviation.
        met = np.concatenate([met, np.isfinite(z).all(axis=1) & (np.abs(left) <= 1e-3 * slope)])
        # The origin and its surroundings may have no slope; that says nothing of failures.
        unseen = _unseen(found[NEAR:], met[NEAR:]) if found.shape[0] > NEAR else _unseen(found, met)
        if not _unseen(found[NEAR:], met[NEAR:], ENOUGH):
            break
    return _kept(found[met]), unseen


def _starts(margin: Margin, dimension: int, key: jax.Array, starts: int) -> jax.Array:
    """The origin, some points about it, and draws that fail: starts [.., dimension], whole batches of one shape."""
    keys = jax.random.split(key, 1 + len(SCOUT_WIDTHS))
    near = 3.0 * jax.random.normal(keys[0], (NEAR + BATCH - 1, dimension)) / math.sqrt(dimension)
    near = jnp.concatenate([jnp.zeros((1, dimension), near.dtype), near])
    margins = jax.jit(lambda z: jax.lax.map(margin, z, batch_size=1024))
    failing, rest = [], starts - NEAR
    for width, own in zip(SCOUT_WIDTHS, keys[1:], strict=True):
        drawn = width * jax.random.normal(own, (SCOUTS, dimension))
        failing.append(drawn[np.flatnonzero(~(np.asarray(margins(drawn)) >= 0.0))[: max(rest, 0)]])
    # The narrower draws fail nearer to the origin; the wider ones are for what those do not meet.
    narrow = failing[0][: max(rest, 0) if failing[0].shape[0] >= BATCH else BATCH]
    scouts = jnp.concatenate([narrow, failing[1][: max(rest - narrow.shape[0], 0)]])
    begin = jnp.concatenate([near[:NEAR], scouts])[:starts]
    # A last batch that is not full is filled with more points about the origin.
    lacking = -begin.shape[0] % min(BATCH, starts)
    return jnp.concatenate([begin, near[NEAR : NEAR + lacking]])


def _unseen(found: np.ndarray, met: np.ndarray, least: int = 2) -> float:
    """Share of the starts that ended where fewer than `least` of them, itself counted, found a limit within reach."""
    square = np.sum(found**2, axis=1)
    apart = np.sqrt(np.maximum(square[:, None] + square[None] - 2.0 * found @ found.T, 0.0))
    return float(np.mean(np.sum((apart <= REACH) & met[None], axis=1) < least))


def _kept(found: np.ndarray) -> np.ndarray:
    """The nearest points, of those close together one."""
    distances = np.linalg.norm(found, axis=1)
    kept: list[np.ndarray] = []
    for k in np.argsort(distances):
        if len(kept) == MOST_POINTS or (kept and distances[k] > np.linalg.norm(kept[0]) + BEYOND):
            break
        if all(np.linalg.norm(found[k] - other) > APART for other in kept):
            kept.append(found[k])
    return np.asarray(kept).reshape(-1, found.shape[1])


def _search(margin: Margin, start: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The nearest failure from a start: it, the margin left and the slope there."""
    both = jax.value_and_grad(margin)
    scales = 0.5 ** jnp.arange(HALVINGS, dtype=start.dtype)
    close = 64.0 * float(jnp.finfo(start.dtype).eps)

    def step(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        z, _, number = state
        g, slope = both(z)
        square = jnp.maximum(jnp.sum(slope**2), jnp.finfo(z.dtype).tiny)
        aim = (jnp.sum(slope * z) - g) / square * slope
        # c above |z| / |grad g| makes the step one that lowers the merit.
        c = 2.0 * jnp.linalg.norm(jnp.stack([jnp.sum(z**2), jnp.sum(aim**2), jnp.ones((), z.dtype)])) ** 0.5
        c = c / jnp.sqrt(square)
        trial = z[None] + scales[:, None] * (aim - z)[None]
        merit = 0.5 * jnp.sum(trial**2, axis=1) + c * jnp.abs(jax.vmap(margin)(trial))
        best = trial[jnp.argmin(jnp.where(jnp.isfinite(merit), merit, jnp.inf))]
        moved = jnp.max(jnp.abs(best - z)) > close * (1.0 + jnp.max(jnp.abs(z)))
        return best, moved, number + 1

    def goes_on(state: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        return state[1] & (state[2] < STEPS)

    z = jax.lax.while_loop(goes_on, step, (start, jnp.asarray(True), jnp.asarray(0)))[0]
    g, slope = both(z)
    return z, g, jnp.sqrt(jnp.sum(slope**2))


def _weights(margin: Margin, points: np.ndarray, counts: np.ndarray, key: jax.Array) -> list[np.ndarray]:
    """Weights of the draws of each part of the mixture, 0 for what passes."""
    parts = counts / np.sum(counts)
    dimension = points.shape[1]
    centres = jnp.asarray(np.concatenate([np.zeros((1, dimension)), points]), jnp.result_type(float))
    widths = jnp.asarray([WIDE, *[1.0] * points.shape[0]], centres.dtype)
    logs = jnp.asarray(np.log(parts), centres.dtype) - dimension * jnp.log(widths)

    @jax.jit
    def weigh(z: jax.Array) -> jax.Array:
        square = jnp.sum((z[None] - centres) ** 2, axis=1) / widths**2
        ratio = jax.scipy.special.logsumexp(logs - 0.5 * square) + 0.5 * jnp.sum(z**2)
        # What is not a number fails, as in `Spec.judge`.
        return jnp.where(margin(z) >= 0.0, 0.0, jnp.exp(-ratio))

    found = []
    for k, count in enumerate(counts):
        drawn = jax.random.normal(jax.random.fold_in(key, k), (int(count), dimension), centres.dtype)
        found.append(np.asarray(jax.lax.map(weigh, centres[k][None] + widths[k] * drawn, batch_size=1024), float))
    return found


def _summed(
    weights: list[np.ndarray], counts: np.ndarray, points: np.ndarray, distances: np.ndarray, unseen: float
) -> RareFailure:
    parts = counts / np.sum(counts)
    probability = float(sum(a * np.mean(w) for a, w in zip(parts, weights, strict=True)))
    variance = sum(a**2 * np.var(w, ddof=1) / w.size for a, w in zip(parts, weights, strict=True))
    # What the search has missed is in no draw.
    error = math.hypot(math.sqrt(variance), unseen * probability)
    square = float(sum(np.sum(w**2) for w in weights))
    effective = float(sum(np.sum(w) for w in weights)) ** 2 / square if square > 0.0 else 0.0
    trusted = effective >= LEAST_EFFECTIVE and error <= LARGEST_ERROR * probability and unseen <= LARGEST_UNSEEN
    first_order = float(np.sum(ndtr(-distances)))
    return RareFailure(probability, error, points, distances, first_order, effective, unseen, bool(trusted))


def margin_of(metric: Callable[[jax.Array], Any], *, lower: Any = None, upper: Any = None) -> Margin:
    """The margin of a metric of normal numbers within limits, the smaller one where both are given.

    At a tie of both limits the derivative is the mean of the two.
    """
    if lower is None and upper is None:
        raise ValueError("a margin needs a lower or an upper limit")
    for name, limit in (("lower", lower), ("upper", upper)):
        if limit is not None:
            check_finite(name, limit)
    if lower is not None and upper is not None and is_concrete(lower, upper) and not np.all(lower <= upper):
        raise ValueError(f"lower = {lower!r} is above upper = {upper!r}")

    def margin(z: jax.Array) -> jax.Array:
        value = jnp.asarray(metric(z))
        sides = ([] if lower is None else [value - lower]) + ([] if upper is None else [upper - value])
        return jnp.min(jnp.stack(sides))

    return margin
