"""Chebyshev expansions of smooth functions on a box: from samples to coefficients, values, derivatives, differences.

A function of d variables, each brought to [-1, 1], is the sum of c[j, k, ...] T_j(x) T_k(y) ..., where
T_k(cos a) = cos(k a). The coefficients follow from samples at the Chebyshev nodes of the first kind by small
matrices; where the function is analytic they fall geometrically, and the last ones tell the error (`tails`).
Values are formed by Clenshaw's recurrence, and differences of values without cancellation (`deviation`).

Coefficients have the variables' axes first, then any trailing shape, which broadcasts with the points. NumPy arrays
stay on the host in float64, so that what is formed of them beforehand loses nothing in a float32 program.

J. P. Boyd, Chebyshev and Fourier Spectral Methods, 2nd ed. (2001), chapters 2 to 5.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# A ratio of successive coefficients above this is noise, or no convergence at all.
_SLOWEST_RATIO = 0.9
_PROBES = (9, 17, 33, 65)
_ROUNDS = 6
_CORNERS = 32
_SPREAD = 8
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)
_ROUNDING = 8.0 * np.finfo(np.float64).eps
_ADVICE = "Either the samples are noisy, or there is a kink within the bounds (a cutoff, a crossing)."


def nodes(count: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """The `count` Chebyshev nodes of the first kind on [low, high], ascending, shape [count]."""
    return _between(np.sin(0.5 * np.pi * (2.0 * np.arange(count) + 1.0 - count) / count), low, high)


def extrema(count: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Points on [low, high] where interpolation at `nodes(count)` errs most, ascending, shape [count + 1].

    The leading error is a multiple of T_count, which is 1 or -1 there; both ends are among them.
    """
    return _between(np.sin(0.5 * np.pi * (2.0 * np.arange(count + 1) - count) / count), low, high)


def _between(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(0.5 * (low + high) + 0.5 * (high - low) * x, low, high)


def tensor_coefficients(samples: Any, axes: int) -> Any:
    """Coefficients of the polynomial through samples at the nodes.

    Args:
        samples: values at the tensor product of `nodes` along the first `axes` axes, then any trailing shape.
        axes: number of variables.

    Returns:
        Coefficients of the shape of `samples`.
    """
    for axis in range(axes):
        samples = _along(_sample_matrix(np.shape(samples)[axis]), samples, axis)
    return samples


@functools.cache
def _sample_matrix(count: int) -> np.ndarray:
    angles = np.pi * (count - np.arange(count) - 0.5) / count
    matrix = np.cos(np.arange(count)[:, None] * angles) * (2.0 / count)
    matrix[0] *= 0.5
    return matrix


def derivative(coefficients: Any, axis: int = 0) -> Any:
    """Coefficients of the derivative over one variable in [-1, 1]; one fewer along `axis`, but at least one."""
    return _along(_derivative_matrix(np.shape(coefficients)[axis]), coefficients, axis)


@functools.cache
def _derivative_matrix(count: int) -> np.ndarray:
    # T_k' = 2 k (T_{k-1} + T_{k-3} + ...), the term of T_0 counting half.
    matrix = np.zeros((max(count - 1, 1), count))
    for k in range(1, count):
        matrix[k - 1 :: -2, k] = 2.0 * k
    matrix[0] *= 0.5
    return matrix


def divided_difference(coefficients: Any, start: float, axis: int = 0) -> Any:
    """Coefficients of (f(x) - f(start)) / (x - start), a polynomial of one degree less, over one variable.

    Args:
        coefficients: of f, any shape.
        start: a plain number in [-1, 1].
        axis: axis of the variable.
    """
    return _along(_difference_matrix(np.shape(coefficients)[axis], float(start)), coefficients, axis)


@functools.lru_cache(maxsize=256)
def _difference_matrix(count: int, start: float) -> np.ndarray:
    # From T_{k+1} = 2 x T_k - T_{k-1} the quotients G_k follow: G_{k+1} = 2 T_k + 2 start G_k - G_{k-1}.
    matrix = np.zeros((max(count - 1, 1), count))
    if count > 1:
        matrix[0, 1] = 1.0
    for k in range(1, count - 1):
        matrix[:, k + 1] = 2.0 * start * matrix[:, k] - matrix[:, k - 1]
        matrix[k, k + 1] += 2.0
    return matrix


def _along(matrix: np.ndarray, coefficients: Any, axis: int) -> Any:
    if not isinstance(coefficients, jax.Array):
        return np.moveaxis(np.tensordot(matrix, coefficients, (1, axis)), 0, axis)
    constant = jnp.asarray(matrix, coefficients.dtype)
    return jnp.moveaxis(jnp.tensordot(constant, coefficients, (1, axis), precision="highest"), 0, axis)


def evaluate(coefficients: Any, points: Sequence[Any]) -> Any:
    """Value of the expansion, by Clenshaw's recurrence along each variable, the first one first.

    Args:
        coefficients: shape [m_1, ..., m_d, *trailing], real.
        points: the d variables in [-1, 1], arrays or numbers that broadcast with each other and with `trailing`. Put
            those of few elements first: each is contracted before the next one broadcasts.

    Returns:
        Values of the common shape, on the host if all that is given is; else of the type of `coefficients`, or, where
        these are on the host, of the points.
    """
    given = [value for value in (coefficients, *points) if isinstance(value, jax.Array)]
    if given:
        dtype = given[0].dtype
        return _evaluate_jax(jnp.asarray(coefficients, dtype), tuple(jnp.asarray(point, dtype) for point in points))
    return _evaluate(np.asarray(coefficients), tuple(np.asarray(point) for point in points))


def _evaluate(coefficients: Any, points: tuple[Any, ...]) -> Any:
    axes = len(points)
    trailing = coefficients.shape[axes:]
    rank = max([len(trailing), *(point.ndim for point in points)])
    coefficients = coefficients.reshape((*coefficients.shape[:axes], *_padded(trailing, rank)))
    for axis, point in enumerate(points, 1):
        coefficients = _clenshaw(coefficients, point.reshape(_padded(point.shape, rank + axes - axis)))
    return coefficients


_evaluate_jax = jax.jit(_evaluate, inline=True)


def _clenshaw(coefficients: Any, x: Any) -> Any:
    """Sum of coefficients[k] T_k(x) over the first axis; the other axes broadcast with `x`, which has their rank."""
    terms = list(coefficients)
    if len(terms) == 1:
        return terms[0] + 0.0 * x
    twice, total, after = 2.0 * x, terms[-1], None
    for term in terms[-2:0:-1]:
        rising = term + twice * total
        total, after = (rising if after is None else rising - after), total
    last = terms[0] + x * total
    return last if after is None else last - after


def _padded(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (1,) * (rank - len(shape)) + tuple(shape)


def deviation(coefficients: Any, start: Sequence[float], steps: Sequence[Any]) -> Any:
    """Difference f(start + steps) - f(start), with a rounding error in proportion to the difference itself.

    Args:
        coefficients: of f, shape [m_1, ..., m_d, *trailing].
        start: d plain numbers in [-1, 1].
        steps: d arrays or numbers that broadcast with each other and with `trailing` (see `evaluate`).
    """
    rank = max([np.ndim(coefficients) - len(start), *(np.ndim(step) for step in steps)])
    steps = [np.reshape(step, _padded(np.shape(step), rank)) for step in steps]
    ends = [x + step for x, step in zip(start, steps, strict=True)]
    total: Any = 0.0
    for axis, (x, step) in enumerate(zip(start, steps, strict=True)):
        # One variable moves after the other: this one from its start, the later ones are at their ends already.
        total = total + step * evaluate(divided_difference(coefficients, x), ends[axis:])
        coefficients = evaluate(coefficients, (x,))
    return total


def tails(coefficients: np.ndarray, axes: int) -> np.ndarray:
    """Estimate, variable by variable, what the terms beyond the last ones would add, shape [axes, *trailing].

    The coefficients' envelope is continued as a geometric series with the ratio of its end, taken over two degrees so
    that even and odd functions are seen too. Below degree 4 there is nothing to go by, and the estimate is zero.

    Args:
        coefficients: NumPy array of shape [m_1, ..., m_d, *trailing], real or complex.
        axes: number d of variables.
    """
    return np.stack([_tail(_profile(coefficients, axis, axes)) for axis in range(axes)])


def _profile(coefficients: np.ndarray, axis: int, axes: int) -> np.ndarray:
    """Sum of the magnitudes of all terms of each degree in one variable, shape [m, *trailing]."""
    return np.sum(np.abs(coefficients), axis=tuple(other for other in range(axes) if other != axis))


def _tail(profile: np.ndarray) -> np.ndarray:
    if len(profile) < 5:
        return np.zeros(profile.shape[1:])
    envelope = np.maximum.accumulate(profile[::-1])[::-1]
    before, last = envelope[-4], envelope[-2]
    ratio = np.minimum(np.sqrt(last / np.where(before > 0.0, before, 1.0)), _SLOWEST_RATIO)
    return last * ratio**2 / (1.0 - ratio)


@dataclasses.dataclass(frozen=True)
class Fit:
    """An expansion made by `fit`.

    Attributes:
        coefficients: shape [m_1, ..., m_d, Q].
        errors: largest error to expect in each of the Q columns, shape [Q].
    """

    coefficients: np.ndarray
    errors: np.ndarray


def fit(
    function: Callable[[dict[str, np.ndarray]], np.ndarray],
    bounds: Mapping[str, tuple[float, float]],
    tolerances: np.ndarray,
    degrees: Mapping[str, int],
    max_points: int,
) -> Fit:
    """Expand a costly function on a box, to given degrees or to given tolerances.

    Degrees that are not given are those that series along each variable through the middle of the box call for, raised
    until the whole expansion is within the tolerances. The error of each column is the larger of what the last
    coefficients tell and the largest miss at the corners and at some `extrema`, none of which is a node.

    Args:
        function: takes a dict of arrays of one length N by the names of `bounds`, returns columns of shape [N, Q].
        bounds: lowest and highest value of each variable; equal where it does not vary.
        tolerances: largest error of each column, shape [Q].
        degrees: degrees by name, of some variables or of all, which are then taken whatever the error.
        max_points: largest N.

    Raises:
        ValueError: if the points are more than `max_points`, or a tolerance is not reached.
    """
    given = {**degrees, **{name: 0 for name, (low, high) in bounds.items() if low == high}}
    free = [name for name in bounds if name not in given]
    share = 0.5 * tolerances / max(len(free), 1)
    chosen = {**given, **_probed(function, bounds, free, share)}
    for _ in range(_ROUNDS):
        coefficients, rounding = _expanded(function, bounds, chosen, max_points)
        beyond = tails(coefficients, len(bounds))
        errors = np.maximum.reduce([np.sum(beyond, axis=0), _missed(function, bounds, coefficients), rounding])
        if not free or np.all(errors <= tolerances):
            return Fit(coefficients, errors)
        slow = [name for name, tail in zip(bounds, beyond, strict=True) if name in free and np.any(tail > share)]
        chosen, tried = chosen | {name: chosen[name] + 2 for name in slow or free}, chosen
    worst = np.argmax(errors / tolerances)
    told = f"the error is {errors[worst]:.3g} at degrees {tried}"
    raise ValueError(f"tolerance = {tolerances[worst]:.3g} is not reached: {told}. {_ADVICE}")


def _expanded(
    function: Callable[[dict[str, np.ndarray]], np.ndarray],
    bounds: Mapping[str, tuple[float, float]],
    degrees: Mapping[str, int],
    max_points: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the expansion to given degrees, and the rounding error of each column."""
    counts = [degrees[name] + 1 for name in bounds]
    if math.prod(counts) > max_points:
        told = f"{math.prod(counts)} points, above the limit of {max_points}"
        raise ValueError(f"the degrees {dict(degrees)} call for {told}")
    axes = [nodes(count, *ends) for count, ends in zip(counts, bounds.values(), strict=True)]
    samples = function(_named(bounds, np.meshgrid(*axes, indexing="ij")))
    coefficients = tensor_coefficients(samples.reshape(*counts, -1), len(counts))
    return coefficients, _ROUNDING * np.max(np.abs(samples), axis=0)


def _probed(
    function: Callable[[dict[str, np.ndarray]], np.ndarray],
    bounds: Mapping[str, tuple[float, float]],
    names: Sequence[str],
    share: np.ndarray,
) -> dict[str, int]:
    """Least degree in each variable, the others in the middle, from which on all terms together are below `share`."""
    found: dict[str, int] = {}
    for count in _PROBES:
        if not (left := [name for name in names if name not in found]):
            break
        lines = {name: np.full((len(left), count), 0.5 * (low + high)) for name, (low, high) in bounds.items()}
        for row, name in enumerate(left):
            lines[name][row] = nodes(count, *bounds[name])
        samples = function(_named(bounds, list(lines.values()))).reshape(len(left), count, -1)
        for name, line in zip(left, samples, strict=True):
            sums = np.cumsum(np.abs(tensor_coefficients(line, 1))[::-1], axis=0)[::-1]
            small = np.all(sums <= share, axis=1)
            if small[count - 2]:
                found[name] = max(int(np.argmax(small)), 1)
    if left := [name for name in names if name not in found]:
        raise ValueError(f"{left[0]}: degree {_PROBES[-1] - 1} does not reach the tolerance. {_ADVICE}")
    return found


def _missed(
    function: Callable[[dict[str, np.ndarray]], np.ndarray],
    bounds: Mapping[str, tuple[float, float]],
    coefficients: np.ndarray,
) -> np.ndarray:
    """Largest difference between function and expansion at points that are no nodes, shape [Q]."""
    axes = [extrema(count) for count in coefficients.shape[:-1]]
    corners = list(itertools.islice(itertools.product(*((axis[0], axis[-1]) for axis in axes)), _CORNERS))
    # Multiples of irrational numbers, modulo one, visit all combinations evenly.
    parts = np.outer(np.arange(_SPREAD * (2 + len(axes))) + 0.5, np.sqrt(np.array(_PRIMES[: len(axes)]))) % 1.0
    spread = [axis[(part * axis.size).astype(int)] for axis, part in zip(axes, parts.T, strict=True)]
    x = np.concatenate([np.array(corners), np.stack(spread, axis=1)]).T
    ends = list(bounds.values())
    values = function(_named(bounds, [_between(line, *pair) for line, pair in zip(x, ends, strict=True)]))
    return np.max(np.abs(values - evaluate(coefficients, [line[:, None] for line in x])), axis=0)


def _named(bounds: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.ravel() for name, array in zip(bounds, arrays, strict=True)}
