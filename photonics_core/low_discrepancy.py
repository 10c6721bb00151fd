"""Low-discrepancy points for means over many independent numbers: Sobol's sequence, scrambled by a seed."""

import operator
from typing import Any

import numpy as np

from photonics_core.kernels.checks import check_range

_BITS = 30
#: Most dimensions of the sequence of SciPy.
MOST_DIMENSIONS = 21201


def uniform_points(points: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Points in the open unit cube, shape [points, dimension].

    Args:
        points: number of points, a power of two.
        dimension: number of variables.
        seed: of the scrambling (A. B. Owen, J. Complex. 14, 466 (1998), as SciPy does it: linear, with a shift).

    Raises:
        ValueError: for a number of points that is not a power of two, or too many variables.
    """
    from scipy.stats import qmc

    points, dimension = _whole("points", points, 2**24), _whole("dimension", dimension, MOST_DIMENSIONS)
    if points & (points - 1):
        raise ValueError(f"points = {points} is not a power of two")
    sobol = qmc.Sobol(dimension, scramble=True, bits=_BITS, rng=np.random.default_rng(seed))
    # The middle of each of the smallest cells: no coordinate is 0.
    return sobol.random(points) + 0.5 / 2**_BITS


def normal_points(points: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Points of independent normal numbers of mean 0 and variance 1, shape [points, dimension]; as `uniform_points`."""
    from scipy.special import ndtri

    return ndtri(uniform_points(points, dimension, seed))


def _whole(name: str, value: Any, high: int) -> int:
    check_range(name, value, 1, high)
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} = {value!r} is not a whole number") from None
