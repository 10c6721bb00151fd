"""Searches without derivatives that a gradient has to beat: random points, and Nelder and Mead's simplex.

Both take the objective of a design in its bounds, as `minimize` does, and count evaluations. A gradient costs as much
as a few evaluations: `evaluations_of` puts the history of a run on the same axis.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from photonics_core.design_space import DesignSpace
from photonics_core.kernels.checks import check_range

#: Points that are evaluated together.
BATCH = 64


class Search(NamedTuple):
    """What a search found.

    Args:
        design: the best design met.
        value: the objective there.
        curve: the best value after each evaluation, shape [evaluations].
    """

    design: Any
    value: float
    curve: np.ndarray


def random_search(
    objective: Callable[[Any], jax.Array], start: Any, lower: Any, upper: Any, evaluations: int, seed: int = 0
) -> Search:
    """Evaluate random designs, evenly spread between the bounds; values that are not finite count as infinite.

    Args:
        objective: takes a design, returns a real scalar.
        start, lower, upper: a design and bounds, as for `minimize`; the start is the first design evaluated.
        evaluations: how many.
        seed: of the draws.
    """
    check_range("evaluations", evaluations, 1)
    flat, rebuild, value = _flattened(objective, start, lower, upper)
    points = np.random.default_rng(seed).random((evaluations, flat.size))
    points[0] = flat
    blocks = np.concatenate([points, np.repeat(points[-1:], -evaluations % BATCH, axis=0)]).reshape(
        -1, BATCH, flat.size
    )
    values = np.asarray(jax.jit(lambda all: jax.lax.map(jax.vmap(value), all))(jnp.asarray(blocks))).ravel()[
        :evaluations
    ]
    values = np.where(np.isfinite(values), values, np.inf)
    best = int(np.argmin(values))
    return Search(rebuild(jnp.asarray(points[best])), float(values[best]), np.minimum.accumulate(values))


def nelder_mead(objective: Callable[[Any], jax.Array], start: Any, lower: Any, upper: Any, evaluations: int) -> Search:
    """Let SciPy's simplex search within the bounds, started anew from its best point when it has shrunk.

    Arguments as for `random_search`.
    """
    from scipy.optimize import minimize

    check_range("evaluations", evaluations, 1)
    flat, rebuild, value = _flattened(objective, start, lower, upper)
    compiled, seen = jax.jit(value), []
    best = (np.inf, flat)

    def count(x: np.ndarray) -> float:
        nonlocal best
        found = float(compiled(jnp.asarray(x)))
        found = found if np.isfinite(found) else 1e300
        seen.append(found)
        if found < best[0]:
            best = found, np.array(x)
        return found

    while len(seen) < evaluations:
        begun, options = len(seen), {"maxfev": evaluations - len(seen), "maxiter": evaluations, "adaptive": True}
        minimize(count, best[1], method="Nelder-Mead", bounds=[(0.0, 1.0)] * flat.size, options=options)
        if len(seen) - begun <= flat.size + 2:
            break
    curve = np.minimum.accumulate(np.asarray(seen + [best[0]] * max(0, evaluations - len(seen)))[:evaluations])
    return Search(rebuild(jnp.asarray(best[1])), float(best[0]), curve)


def evaluations_of(steps: int, cost_of_gradient: float = 4.0) -> np.ndarray:
    """Number of evaluations that a run's gradients up to each step are worth, shape [steps]."""
    return cost_of_gradient * np.arange(1, steps + 1)


def _flattened(objective: Any, start: Any, lower: Any, upper: Any) -> tuple[np.ndarray, Any, Any]:
    """The start as a vector in [0, 1], what makes a design of such a vector, and the objective of one."""
    space = DesignSpace.of_bounds(start, lower, upper)
    flat, unravel = ravel_pytree(jax.tree.map(jnp.asarray, space.start))
    return np.asarray(flat), lambda x: space.design(unravel(x)), lambda x: objective(space.design(unravel(x)))
