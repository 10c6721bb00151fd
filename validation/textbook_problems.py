"""Small constrained problems of textbooks, their optima, and the conditions that an optimum has to meet.

Numbers as in W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes (1981), recalled and checked:
`optimality_error` puts each stated optimum into the conditions of Karush, Kuhn and Tucker. Constraints are written as
c <= 0 and e = 0. Problems without bounds get a box around start and optimum, narrower where there are other minima.
The welded beam is that of K. M. Ragsdell and D. T. Phillips, J. Eng. Ind. 98, 1021 (1976), in the formulation in common
use, second hand: there are others, with other optima. Its stresses are given over their limits.
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


def _hs100(x: Any) -> Any:
    a, b, c, d, e, f, g = x
    squares = (a - 10.0) ** 2 + 5.0 * (b - 12.0) ** 2 + 3.0 * (d - 11.0) ** 2 + 7.0 * f**2
    return squares + c**4 + 10.0 * e**6 + g**4 - 4.0 * f * g - 10.0 * f - 8.0 * g


def _hs100_limits(x: Any) -> Any:
    a, b, c, d, e, f, g = x
    return jnp.stack(
        [
            2.0 * a**2 + 3.0 * b**4 + c + 4.0 * d**2 + 5.0 * e - 127.0,
            7.0 * a + 3.0 * b + 10.0 * c**2 + d - e - 282.0,
            23.0 * a + b**2 + 6.0 * f**2 - 8.0 * g - 196.0,
            4.0 * a**2 + b**2 - 3.0 * a * b + 2.0 * c**2 + 5.0 * f - 11.0 * g,
        ]
    )


def _hs113(x: Any) -> Any:
    a, b, c, d, e, f, g, h, i, j = x
    near = (c - 10.0) ** 2 + 4.0 * (d - 5.0) ** 2 + (e - 3.0) ** 2 + 2.0 * (f - 1.0) ** 2 + 5.0 * g**2
    far = 7.0 * (h - 11.0) ** 2 + 2.0 * (i - 10.0) ** 2 + (j - 7.0) ** 2
    return a * a + b * b + a * b - 14.0 * a - 16.0 * b + near + far + 45.0


def _hs113_limits(x: Any) -> Any:
    a, b, c, d, e, f, g, h, i, j = x
    return jnp.stack(
        [
            4.0 * a + 5.0 * b - 3.0 * g + 9.0 * h - 105.0,
            10.0 * a - 8.0 * b - 17.0 * g + 2.0 * h,
            -8.0 * a + 2.0 * b + 5.0 * i - 2.0 * j - 12.0,
            3.0 * (a - 2.0) ** 2 + 4.0 * (b - 3.0) ** 2 + 2.0 * c**2 - 7.0 * d - 120.0,
            5.0 * a**2 + 8.0 * b + (c - 6.0) ** 2 - 2.0 * d - 40.0,
            0.5 * (a - 8.0) ** 2 + 2.0 * (b - 4.0) ** 2 + 3.0 * e**2 - f - 30.0,
            a**2 + 2.0 * (b - 2.0) ** 2 - 2.0 * a * b + 14.0 * e - 6.0 * f,
            -3.0 * a + 6.0 * b + 12.0 * (i - 8.0) ** 2 - 7.0 * j,
        ]
    )


def _beam_limits(x: Any) -> Any:
    """Shear and bending stress, weld within the bar, cost of the bar, deflection and buckling load; lb and in."""
    weld, length, depth, width = x
    load, arm, young, shear = 6000.0, 14.0, 30e6, 12e6
    direct = load / (math.sqrt(2.0) * weld * length)
    square = 0.25 * (length**2 + (weld + depth) ** 2)
    polar = 2.0 * math.sqrt(2.0) * weld * length * (length**2 / 12.0 + 0.25 * (weld + depth) ** 2)
    turned = load * (arm + 0.5 * length) * jnp.sqrt(square) / polar
    stress = jnp.sqrt(direct**2 + direct * turned * length / jnp.sqrt(square) + turned**2)
    slender = 1.0 - depth / (2.0 * arm) * math.sqrt(young / (4.0 * shear))
    buckling = 4.013 * young * depth * width**3 / (6.0 * arm**2) * slender
    return jnp.stack(
        [
            stress / 13600.0 - 1.0,
            6.0 * load * arm / (width * depth**2) / 30000.0 - 1.0,
            weld - width,
            0.10471 * weld**2 + 0.04811 * depth * width * (arm + length) - 5.0,
            0.125 - weld,
            4.0 * load * arm**3 / (young * depth**3 * width) / 0.25 - 1.0,
            1.0 - buckling / load,
        ]
    )


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
    "hs100": Textbook(
        _hs100,
        (1.0, 2.0, 0.0, 4.0, 0.0, 1.0, 1.0),
        (2.3304993, 1.9513724, -0.4775415, 4.3657262, -0.6244870, 1.0381313, 1.5942267),
        680.6300574,
        _hs100_limits,
    ),
    "hs113": Textbook(
        _hs113,
        (2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 7.0, 3.0, 6.0, 10.0),
        (2.1719964, 2.3636830, 8.7739257, 5.0959845, 0.9906548, 1.4305739, 1.3216442, 9.8287258, 8.2800916, 8.3759266),
        24.3062091,
        _hs113_limits,
    ),
    "welded_beam": Textbook(
        lambda x: 1.10471 * x[0] ** 2 * x[1] + 0.04811 * x[2] * x[3] * (14.0 + x[1]),
        (0.4, 6.0, 9.0, 0.5),
        (0.2057296, 3.4704887, 9.0366239, 0.2057296),
        1.7248523,
        _beam_limits,
        lower=0.1,
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
