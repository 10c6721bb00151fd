"""Failures of parts in a million: where they are likeliest, and how likely, by draws made there.

A die fails where a margin g(z) of independent normal numbers z is below zero. The likeliest failure is the point of
g = 0 nearest to the origin, at the distance b, and to first order the probability is Phi(-b) (A. M. Hasofer and N. C.
Lind, J. Eng. Mech. Div. 100, 111 (1974)). It is found by the steps of R. Rackwitz and B. Fiessler, Comput. Struct. 9,
489 (1978),

    z -> (grad g . z - g) grad g / |grad g|^2,

each shortened to what lowers |z|^2 / 2 + c |g| most. From several starts come several such points where there are.

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

from photonics_core.kernels.checks import check_range

#: Steps of the search and halvings of a step that are tried.
STEPS, HALVINGS = 60, 8
#: Share and standard deviation of the wide draws.
WIDE_SHARE, WIDE = 0.1, 2.0
#: Points of which the nearer one is kept alone are closer than this; points further out by more are left out.
APART, BEYOND = 0.5, 2.5
#: Failures that must count, each as much as the others, for an estimate to be trusted, and its largest relative error.
LEAST_EFFECTIVE, LARGEST_ERROR = 100.0, 0.2

Margin = Callable[[jax.Array], jax.Array]


class RareFailure(NamedTuple):
    """How likely a failure is.

    Attributes:
        probability: by weighted draws.
        standard_error: of it.
        points: likeliest failures, shape [K, dimension], the nearest first.
        distances: their distances b from the origin, shape [K].
        first_order: sum of Phi(-b), which is no more than a first guess.
        effective: number of equal failures that would tell as much.
        is_reliable: whether `effective` and the error are within the limits of this module. No proof: a failure far
            from all others that neither the search nor the wide draws met is not seen.
    """

    probability: float
    standard_error: float
    points: np.ndarray
    distances: np.ndarray
    first_order: float
    effective: float
    is_reliable: bool


def rare_failure(
    margin: Margin, dimension: int, key: jax.Array, *, samples: int = 20_000, starts: int = 16
) -> RareFailure:
    """Probability that a margin of independent normal numbers is below zero.

    Args:
        margin: takes numbers [dimension], gives the margin, a number; with derivatives, as JAX functions have them.
        dimension: of the numbers.
        key: a key of `jax.random`.
        samples: draws.
        starts: of the search for likeliest failures.

    Raises:
        ValueError: if the margin fails at the origin, where this is no rare failure, or no failure was found.
    """
    check_range("dimension", dimension, 1, 100_000)
    check_range("samples", samples, 100, 100_000_000)
    check_range("starts", starts, 1, 100_000)
    origin = float(margin(jnp.zeros(dimension)))
    if not origin > 0.0:
        raise ValueError(f"margin = {origin:g} at the origin is not above zero: draw plainly instead")
    keys = jax.random.split(key, 2)
    points = design_points(margin, dimension, keys[0], starts=starts)
    if not points.shape[0]:
        raise ValueError(f"no failure was found from starts = {starts}")
    distances = np.linalg.norm(points, axis=1)
    nominal = np.asarray([_tail(b) for b in distances])
    shares = np.concatenate([[WIDE_SHARE], (1.0 - WIDE_SHARE) * nominal / np.sum(nominal)])
    counts = np.maximum(np.round(shares * samples).astype(int), 16)
    weights = _weights(margin, points, counts, keys[1])
    return _summed(weights, counts, points, distances, float(np.sum(nominal)))


def design_points(margin: Margin, dimension: int, key: jax.Array, *, starts: int = 16) -> np.ndarray:
    """Likeliest failures, shape [K, dimension], the nearest to the origin first; K is 0 where none was found.

    Arguments as for `rare_failure`. The first start is the origin, the others are points about it at random.
    """
    spread = 3.0 * jax.random.normal(key, (max(starts - 1, 1), dimension)) / math.sqrt(dimension)
    start = jnp.concatenate([jnp.zeros((1, dimension), spread.dtype), spread])[:starts]
    found, left, slope = jax.jit(jax.vmap(lambda z: _search(margin, z)))(start)
    found, left, slope = (np.asarray(each, float) for each in (found, left, slope))
    distances = np.linalg.norm(found, axis=1)
    # On the limit to a thousandth of a standard deviation.
    met = np.isfinite(distances) & (np.abs(left) <= 1e-3 * slope)
    kept: list[np.ndarray] = []
    for k in np.argsort(distances):
        if not met[k] or (kept and distances[k] > np.linalg.norm(kept[0]) + BEYOND):
            continue
        if all(np.linalg.norm(found[k] - other) > APART for other in kept):
            kept.append(found[k])
    return np.asarray(kept).reshape(-1, dimension)


def _search(margin: Margin, start: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The nearest failure from a start: it, the margin left and the slope there."""
    both = jax.value_and_grad(margin)
    scales = 0.5 ** jnp.arange(HALVINGS, dtype=start.dtype)

    def step(z: jax.Array, _: None) -> tuple[jax.Array, None]:
        g, slope = both(z)
        square = jnp.maximum(jnp.sum(slope**2), jnp.finfo(z.dtype).tiny)
        aim = (jnp.sum(slope * z) - g) / square * slope
        # c above |z| / |grad g| makes the step one that lowers the merit.
        c = 2.0 * jnp.linalg.norm(jnp.stack([jnp.sum(z**2), jnp.sum(aim**2), jnp.ones((), z.dtype)])) ** 0.5
        c = c / jnp.sqrt(square)
        trial = z[None] + scales[:, None] * (aim - z)[None]
        merit = 0.5 * jnp.sum(trial**2, axis=1) + c * jnp.abs(jax.vmap(margin)(trial))
        merit = jnp.where(jnp.isfinite(merit), merit, jnp.inf)
        return trial[jnp.argmin(merit)], None

    z = jax.lax.scan(step, start, length=STEPS)[0]
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
        return jnp.where(margin(z) < 0.0, jnp.exp(-ratio), 0.0)

    found = []
    for k, count in enumerate(counts):
        drawn = jax.random.normal(jax.random.fold_in(key, k), (int(count), dimension), centres.dtype)
        found.append(np.asarray(jax.lax.map(weigh, centres[k][None] + widths[k] * drawn, batch_size=1024), float))
    return found


def _summed(
    weights: list[np.ndarray], counts: np.ndarray, points: np.ndarray, distances: np.ndarray, nominal: float
) -> RareFailure:
    parts = counts / np.sum(counts)
    probability = float(sum(a * np.mean(w) for a, w in zip(parts, weights, strict=True)))
    variance = sum(a**2 * np.var(w, ddof=1) / w.size for a, w in zip(parts, weights, strict=True))
    error = math.sqrt(variance)
    square = float(sum(np.sum(w**2) for w in weights))
    effective = float(sum(np.sum(w) for w in weights)) ** 2 / square if square > 0.0 else 0.0
    trusted = effective >= LEAST_EFFECTIVE and error <= LARGEST_ERROR * probability
    return RareFailure(probability, error, points, distances, nominal, effective, bool(trusted))


def _tail(distance: float) -> float:
    return 0.5 * math.erfc(distance / math.sqrt(2.0))


def margin_of(metric: Callable[[jax.Array], Any], *, lower: Any = None, upper: Any = None) -> Margin:
    """The margin of a metric of normal numbers within limits, the smaller one where both are given.

    At a tie of both limits the derivative is the mean of the two.
    """
    if lower is None and upper is None:
        raise ValueError("a margin needs a lower or an upper limit")

    def margin(z: jax.Array) -> jax.Array:
        value = jnp.asarray(metric(z))
        sides = ([] if lower is None else [value - lower]) + ([] if upper is None else [upper - value])
        return jnp.min(jnp.stack(sides))

    return margin
