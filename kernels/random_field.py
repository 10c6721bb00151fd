"""Gaussian random fields in the plane: correlations, exact draws at some places, draws over a whole wafer.

Correlations over the distance r, with the correlation length l (C. E. Rasmussen and C. K. I. Williams, Gaussian
Processes for Machine Learning (2006), ch. 4):

    exponential   exp(-r / l)                                              nu = 1/2
    matern32      (1 + s) exp(-s),              s = sqrt(3) r / l          nu = 3/2
    matern52      (1 + s + s^2 / 3) exp(-s),    s = sqrt(5) r / l          nu = 5/2
    gaussian      exp(-r^2 / (2 l^2))                                      nu infinite

Exact draws are L z with L L^T the correlations and z normal. Over many places a field is a sum of M waves,

    f(x) = M^(-1/2) sum_m a_m cos(k_m x) + b_m sin(k_m x),

a and b normal, whose covariance is the mean of cos(k_m (x - x')). With k drawn from the spectrum of the correlation
that is the correlation in the mean, and off by at most about (2 M)^(-1/2) for one set of waves (A. Rahimi and B. Recht,
Adv. Neural Inf. Process. Syst. 20 (2007)). In the plane the part of the spectrum within |k| has a closed form,

    1 - (1 + k^2 l^2 / (2 nu))^(-nu),   gaussian: 1 - exp(-k^2 l^2 / 2),

which is inverted here for the points of a lattice of the golden ratio, shifted at random: each wave is then distributed
as the spectrum is, and the waves of one set are evenly spread.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: Order nu of each correlation.
ORDERS = {"exponential": 0.5, "matern32": 1.5, "matern52": 2.5, "gaussian": math.inf}
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
#: Length over correlation length of the edge below which a series takes the place of the closed form.
_SHORT = 0.05


def correlation(square: Any, length: Any, kind: str) -> Any:
    """Correlation of a field at two places.

    Args:
        square: square of their distance; an array of NumPy stays on the host, in its own precision.
        length: correlation length, a number.
        kind: a name of `ORDERS`.

    Returns:
        Correlations of the shape of `square`; at the same place 1 with derivatives of 0.
    """
    xp: Any = np if isinstance(square, np.ndarray) else jnp
    scaled = square / length**2
    if kind == "gaussian":
        return xp.exp(-0.5 * scaled)
    order = ORDERS[kind]
    s = _root(2.0 * order * scaled, xp)
    factor = {0.5: 1.0, 1.5: 1.0 + s, 2.5: 1.0 + s + s**2 / 3.0}[order]
    return factor * xp.exp(-s)


def squared_distances(places: Any) -> Any:
    """Squares of the distances of places [N, 2], shape [N, N]."""
    apart = places[:, None] - places[None]
    return (apart**2).sum(axis=-1)


def correlation_root(places: Any, length: Any, kind: str) -> Any:
    """Lower triangular matrix L, shape [N, N], with L L^T the correlations of places [N, 2].

    Places that are hardly apart have nearly equal rows, which rounding would make worse than dependent: each place gets
    an own part of N (N + 1) roundings of the variance. Places of NumPy are worked on there.
    """
    xp: Any = np if isinstance(places, np.ndarray) else jnp
    matrix = correlation(squared_distances(places), length, kind)
    count = matrix.shape[0]
    own = count * (count + 1) * float(xp.finfo(matrix.dtype).eps)
    return xp.linalg.cholesky((matrix + own * xp.eye(count, dtype=matrix.dtype)) / (1.0 + own))


def wave_vectors(count: int, length: jax.Array, kind: str, shift: jax.Array) -> jax.Array:
    """Wave vectors of a field, shape [count, 2].

    Args:
        count: number of waves M.
        length: correlation length, a number.
        kind: a name of `ORDERS`.
        shift: shift of the lattice, in [0, 1), shape [2].
    """
    number = jnp.arange(count, dtype=shift.dtype)
    # k (golden ratio) mod 1 loses digits in float32 as k grows: the lattice is made on the host.
    turns = jnp.asarray([(k * _GOLDEN) % 1.0 for k in range(count)], shift.dtype)
    part = jnp.mod((number + 0.5) / count + shift[0], 1.0)
    angle = math.pi * jnp.mod(turns + shift[1], 1.0)
    left = jnp.maximum(1.0 - part, jnp.finfo(part.dtype).eps)
    order = ORDERS[kind]
    square = -2.0 * jnp.log(left) if math.isinf(order) else 2.0 * order * jnp.expm1(-jnp.log(left) / order)
    size = _root(square) / length
    return size[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)


def wave_field(places: jax.Array, waves: jax.Array, cosines: jax.Array, sines: jax.Array) -> jax.Array:
    """The field at places [P, 2], shape [P], from wave vectors [M, 2] and normal numbers a and b, shapes [M]."""
    phase = jnp.matmul(places, waves.T, precision="highest")
    parts = jnp.cos(phase) * cosines[None] + jnp.sin(phase) * sines[None]
    return jnp.sum(parts, axis=1) / math.sqrt(waves.shape[0])


def averaged_deviation(length: jax.Array, correlation_length: jax.Array) -> jax.Array:
    """Standard deviation of the mean of a rough edge over a length, over that at one place.

    Of an edge with the correlation exp(-|x| / Lc): with u = L / Lc, sqrt(2 (u - 1 + exp(-u))) / u, which is 1 for short
    guides and sqrt(2 Lc / L) for long ones.
    """
    u = length / correlation_length
    is_short = u < _SHORT
    safe = jnp.where(is_short, 1.0, u)
    closed = 2.0 * (safe + jnp.expm1(-safe)) / safe**2
    series = 1.0 - u / 3.0 + u**2 / 12.0 - u**3 / 60.0 + u**4 / 360.0
    return jnp.sqrt(jnp.where(is_short, series, closed))


def _root(value: Any, xp: Any = jnp) -> Any:
    """Square root, 0 with a derivative of 0 at 0."""
    is_positive = value > 0.0
    return xp.where(is_positive, xp.sqrt(xp.where(is_positive, value, 1.0)), 0.0)
