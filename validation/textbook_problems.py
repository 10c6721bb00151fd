"""Small constrained problems of textbooks, their optima, and the conditions that an optimum has to meet.

Numbers as in W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes (1981), recalled and checked:
`optimality_error` puts each stated optimum into the conditions of Karush, Kuhn and Tucker. Constraints are written as
c <= 0 and e = 0. Problems without bounds get a box around start and optimum, narrower where there are other minima.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True)
class Textbook:
    """A problem: functions of an array [n], start and optimum [n], the least value, and the box."""

    objective: Callable[[Any], Any]
    start: tuple[float, ...]
    optimum: tuple[float, ...]
    value: float
    inequality: Callable[[Any], Any] | None = None
    equality: Callable[[Any], Any] | None = None
    lower: float = -10.0
    upper: float = 10.0


def rosenbrock(x: Any) -> Any:
    """The curved valley with its least value, 0, at (1, 1)."""
    return (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2


def _suzuki(x: Any) -> Any:
    a, b, c, d = x
    return jnp.stack(
        [
            a * a + b * b + c * c + d * d + a - b + c - d - 8.0,
            a * a + 2.0 * b * b + c * c + 2.0 * d * d - a - d - 10.0,
            2.0 * a * a + b * b + c * c + 2.0 * a - b - d - 5.0,
        ]
    )


def _hs76(x: Any) -> Any:
    a, b, c, d = x
    return a * a + 0.5 * b * b + c * c + 0.5 * d * d - a * c + c * d - a - 3.0 * b + c - d


def _hs35(x: Any) -> Any:
    a, b, c = x
    return 9.0 - 8.0 * a - 6.0 * b - 4.0 * c + 2.0 * a * a + 2.0 * b * b + c * c + 2.0 * a * b + 2.0 * a * c


PROBLEMS = {
    "disk": Textbook(
        rosenbrock,
        (0.0, 0.0),
        (0.78641515, 0.61769831),
        0.045674808,
        lambda x: x[0] ** 2 + x[1] ** 2 - 1.0,
        lower=-2.0,
        upper=2.0,
    ),
    "hs6": Textbook(
        lambda x: (1.0 - x[0]) ** 2, (-1.2, 1.0), (1.0, 1.0), 0.0, equality=lambda x: 10.0 * (x[1] - x[0] ** 2)
    ),
    "hs7": Textbook(
        lambda x: jnp.log(1.0 + x[0] ** 2) - x[1],
        (2.0, 2.0),
        (0.0, math.sqrt(3.0)),
        -math.sqrt(3.0),
        equality=lambda x: (1.0 + x[0] ** 2) ** 2 + x[1] ** 2 - 4.0,
    ),
    "hs10": Textbook(
        lambda x: x[0] - x[1],
        (-10.0, 10.0),
        (0.0, 1.0),
        -1.0,
        lambda x: 3.0 * x[0] ** 2 - 2.0 * x[0] * x[1] + x[1] ** 2 - 1.0,
        lower=-20.0,
        upper=20.0,
    ),
    "hs12": Textbook(
        lambda x: 0.5 * x[0] ** 2 + x[1] ** 2 - x[0] * x[1] - 7.0 * x[0] - 7.0 * x[1],
        (0.0, 0.0),
        (2.0, 3.0),
        -30.0,
        lambda x: 4.0 * x[0] ** 2 + x[1] ** 2 - 25.0,
    ),
    "hs28": Textbook(
        lambda x: (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2,
        (-4.0, 1.0, 1.0),
        (0.5, -0.5, 0.5),
        0.0,
        equality=lambda x: x[0] + 2.0 * x[1] + 3.0 * x[2] - 1.0,
    ),
    "hs35": Textbook(
        _hs35,
        (0.5, 0.5, 0.5),
        (4.0 / 3.0, 7.0 / 9.0, 4.0 / 9.0),
        1.0 / 9.0,
        lambda x: x[0] + x[1] + 2.0 * x[2] - 3.0,
        lower=0.0,
    ),
    "hs39": Textbook(
        lambda x: -x[0],
        (2.0, 2.0, 2.0, 2.0),
        (1.0, 1.0, 0.0, 0.0),
        -1.0,
        equality=lambda x: jnp.stack([x[1] - x[0] ** 3 - x[2] ** 2, x[0] ** 2 - x[1] - x[3] ** 2]),
    ),
    "hs40": Textbook(
        lambda x: -x[0] * x[1] * x[2] * x[3],
        (0.8, 0.8, 0.8, 0.8),
        (2.0 ** (-1 / 3), 2.0 ** (-1 / 2), 2.0 ** (-11 / 12), 2.0 ** (-1 / 4)),
        -0.25,
        equality=lambda x: jnp.stack([x[0] ** 3 + x[1] ** 2 - 1.0, x[0] ** 2 * x[3] - x[2], x[3] ** 2 - x[1]]),
        lower=0.0,
        upper=2.0,
    ),
    "hs43": Textbook(
        lambda x: x[0] ** 2 + x[1] ** 2 + 2.0 * x[2] ** 2 + x[3] ** 2 - 5.0 * (x[0] + x[1]) - 21.0 * x[2] + 7.0 * x[3],
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 2.0, -1.0),
        -44.0,
        _suzuki,
    ),
    "hs71": Textbook(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        (1.0, 5.0, 5.0, 1.0),
        (1.0, 4.7429994, 3.8211503, 1.3794082),
        17.0140173,
        lambda x: 25.0 - x[0] * x[1] * x[2] * x[3],
        lambda x: jnp.sum(x**2) - 40.0,
        lower=1.0,
        upper=5.0,
    ),
    "hs76": Textbook(
        _hs76,
        (0.5, 0.5, 0.5, 0.5),
        (3.0 / 11.0, 23.0 / 11.0, 0.0, 6.0 / 11.0),
        -4.0 - 15.0 / 22.0,
        lambda x: jnp.stack(
            [
                x[0] + 2.0 * x[1] + x[2] + x[3] - 5.0,
                3.0 * x[0] + x[1] + 2.0 * x[2] - x[3] - 4.0,
                1.5 - x[1] - 4.0 * x[2],
            ]
        ),
        lower=0.0,
    ),
    "hs78": Textbook(
        lambda x: jnp.prod(x),
        (-2.0, 1.5, 2.0, -1.0, -1.0),
        (-1.717142, 1.595708, 1.827248, -0.7636429, -0.7636435),
        -2.91970041,
        equality=lambda x: jnp.stack(
            [jnp.sum(x**2) - 10.0, x[1] * x[2] - 5.0 * x[3] * x[4], x[0] ** 3 + x[1] ** 3 + 1.0]
        ),
        lower=-3.0,
        upper=3.0,
    ),
}


def optimality_error(problem: Textbook, x: Any, near: float = 1e-5) -> float:
    """How far a point is from the conditions of Karush, Kuhn and Tucker, over the slope of the objective.

    The largest of the violations and of what is left of the slope of the objective when multipliers of the active
    constraints and bounds, not below zero but for equalities, take away what they can (least squares).
    """
    x = np.asarray(x, float)
    slope = np.asarray(jax.grad(problem.objective)(x))
    columns, violations = [], [0.0]
    if problem.equality is not None:
        values = np.atleast_1d(problem.equality(x))
        rows = np.asarray(jax.jacobian(problem.equality)(x)).reshape(values.size, x.size)
        columns += [*rows, *-rows]
        violations += [float(np.max(np.abs(values)))]
    if problem.inequality is not None:
        values = np.atleast_1d(problem.inequality(x))
        rows = np.asarray(jax.jacobian(problem.inequality)(x)).reshape(values.size, x.size)
        columns += list(rows[values > -near])
        violations += [float(np.max(values))]
    unit = np.eye(x.size)
    columns += [*-unit[x < problem.lower + near], *unit[x > problem.upper - near]]
    left = nnls(np.stack(columns, axis=1), -slope)[1] if columns else float(np.linalg.norm(slope))
    return max(*violations, left) / max(1.0, float(np.linalg.norm(slope)))
