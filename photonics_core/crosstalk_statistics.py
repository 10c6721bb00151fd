"""Gaussian noise and independent discrete disturbances: the chance that their sum lies beyond a threshold.

The sum is Y = sigma z + sum_j D_j, z a standard normal number and D_j one of the M' equally likely currents that
aggressor j adds. Four ways to log P(Y > x):

* "exact": the mean of Q((x - d) / sigma) over all M'^K sums d of the aggressors.
* "saddle": with K(s) = sigma^2 s^2 / 2 + sum_j log mean_m exp(s d_jm), K'(s) = x, w^2 / 2 = s x - K(s) and
  u = s sqrt K''(s), of the same signs as s,

      P = Q(w) + phi(w) (1 / u - 1 / w)    (R. Lugannani and S. Rice, Adv. Appl. Probab. 12, 475 (1980)),

  which is kept as Q(w + log(u / w) / w), equal to its order and always between 0 and 1 (O. E. Barndorff-Nielsen,
  Biometrika 73, 307 (1986); both from memory, checked against "exact").
* "gaussian": the disturbances as more Gaussian noise of their mean and variance. Wrong in the tail: they are bounded.
* "bound": all aggressors at once in their worst state, always. P is never above it.

w and u vanish together at the mean. With G = 2 int_0^1 v K''(s v) dv it is w = s sqrt G and u^2 / w^2 = 1 + s H / G,
H = int_0^1 v^2 K'''(s v) dv, so that log(u / w) / w has no division by zero: used where s is small.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp

from photonics_core.kernels.checks import check_choice, check_finite, check_positive
from photonics_core.kernels.gaussian_tail import log_gaussian_tail

#: Ways to the chance; "auto" is exact up to so many states of all aggressors together, beyond it the saddle point.
METHODS = ("auto", "exact", "saddle", "gaussian", "bound")
AUTO_STATES, MOST_STATES = 4096, 1 << 18
#: Steps of Newton's method, kept between bounds, to the saddle point.
STEPS = 40
#: Where s times the span of the widest aggressor is below this, integrals by so many nodes take the place of quotients.
SMALL, NODES = 2.0, 10
_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


def chosen_method(disturbances: Any, method: str = "auto") -> str:
    """The way that is taken for disturbances of the shape [..., K, M'].

    Raises:
        ValueError: for an unknown method, or more than `MOST_STATES` states for "exact".
    """
    check_choice("method", method, METHODS)
    aggressors, states = np.shape(disturbances)[-2:]
    count = states**aggressors
    if method == "exact" and count > MOST_STATES:
        raise ValueError(
            f"method = 'exact' for {aggressors} aggressors of {states} states is {count:.3g} sums, "
            f"outside [1, {MOST_STATES}]"
        )
    return ("exact" if count <= AUTO_STATES else "saddle") if method == "auto" else method


def log_disturbed_tail(x: Any, noise: Any, disturbances: Any, *, method: str = "auto") -> jax.Array:
    """Natural logarithm of the chance that noise and disturbances together lie above `x`.

    Args:
        x: threshold in mA, shape [...].
        noise: rms of the Gaussian noise in mA, shape [...].
        disturbances: what each of K independent aggressors adds in mA in each of its M' equally likely states, shape
            [..., K, M'].
        method: "exact", "saddle", "gaussian", "bound" as above; "auto" is exact up to 4096 states together (12
            aggressors of two levels, 6 of four) and the saddle point beyond.

    Returns:
        The logarithm, of the broadcast shape [...].

    Raises:
        ValueError: for values that are not finite, a noise that is not above zero, or a method as above.
    """
    x, noise, disturbances = checked_sum(x, noise, disturbances)
    return _over(log_tail, chosen_method(disturbances, method), x, noise, disturbances)


def log_disturbed_density(x: Any, noise: Any, disturbances: Any, *, method: str = "auto") -> jax.Array:
    """Natural logarithm of the density of noise and disturbances together at `x` in 1/mA; arguments as above."""
    x, noise, disturbances = checked_sum(x, noise, disturbances)
    return _over(log_density, chosen_method(disturbances, method), x, noise, disturbances)


def checked_sum(x: Any, noise: Any, disturbances: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The arguments as real arrays of one type; a `ValueError` for what cannot be."""
    check_finite("x", x, "mA")
    check_positive("noise", noise, "mA")
    return _real(x), _real(noise), checked_disturbances(disturbances)


def checked_disturbances(disturbances: Any) -> jax.Array:
    """Disturbances as a real array; a `ValueError` if they are not finite, or not of the shape [..., K, M']."""
    check_finite("disturbances", disturbances, "mA")
    disturbances = _real(disturbances)
    if disturbances.ndim < 2 or disturbances.shape[-1] < 1:
        raise ValueError(f"disturbances of shape {disturbances.shape} is not [..., K, M']")
    return disturbances


def log_tail(x: jax.Array, noise: jax.Array, disturbances: jax.Array, method: str) -> jax.Array:
    """`log_disturbed_tail` of one threshold, values that have been checked and a method that has been chosen."""
    x, disturbances = x / noise, disturbances / noise
    if disturbances.size == 0:
        return log_gaussian_tail(x)
    if method == "exact":
        return logsumexp(log_gaussian_tail(x - _sums(disturbances))) - _log_states(disturbances)
    if method == "bound":
        return log_gaussian_tail(x - jnp.sum(jnp.max(disturbances, axis=-1)))
    if method == "gaussian":
        return log_gaussian_tail(_standardized(x, disturbances)[0])
    return log_gaussian_tail(_modified_root(x, disturbances))


def log_density(x: jax.Array, noise: jax.Array, disturbances: jax.Array, method: str) -> jax.Array:
    """`log_disturbed_density` of one place, as above; for "bound" that of the noise about the worst sum above."""
    scale = -jnp.log(noise) - _LOG_ROOT
    x, disturbances = x / noise, disturbances / noise
    if disturbances.size == 0:
        return scale - 0.5 * x**2
    if method == "exact":
        return scale + logsumexp(-0.5 * (x - _sums(disturbances)) ** 2) - _log_states(disturbances)
    if method == "bound":
        return scale - 0.5 * (x - jnp.sum(jnp.max(disturbances, axis=-1))) ** 2
    if method == "gaussian":
        distance, width = _standardized(x, disturbances)
        return scale - 0.5 * distance**2 - jnp.log(width)
    s = _saddle_point(x, disturbances)
    at = _cumulants(s, disturbances)
    # The saddle-point density of H. E. Daniels, Ann. Math. Stat. 25, 631 (1954).
    return scale + at.value - s * x - 0.5 * jnp.log(at.second)


class _Cumulants(NamedTuple):
    """K(s) and its derivatives, noise of variance one included."""

    value: jax.Array
    first: jax.Array
    second: jax.Array
    third: jax.Array


def _cumulants(s: jax.Array, disturbances: jax.Array) -> _Cumulants:
    exponents = s * disturbances
    share = jax.nn.softmax(exponents, axis=-1)
    mean = jnp.sum(share * disturbances, axis=-1)
    apart = disturbances - mean[:, None]
    value = jnp.sum(logsumexp(exponents, axis=-1)) - _log_states(disturbances) + 0.5 * s**2
    second, third = (jnp.sum(share * apart**power) for power in (2, 3))
    return _Cumulants(value, jnp.sum(mean) + s, second + 1.0, third)


def _saddle_point(x: jax.Array, disturbances: jax.Array) -> jax.Array:
    """The s with K'(s) = x, by Newton's steps between bounds that close in; differentiable once, as the root is."""
    fixed_x, fixed = lax.stop_gradient(x), lax.stop_gradient(disturbances)
    # K' is s plus a number between the sums of the lowest and of the highest disturbances, and grows.
    low, high = (fixed_x - jnp.sum(each(fixed, axis=-1)) for each in (jnp.max, jnp.min))

    def step(carry: Any, _: None) -> tuple[Any, None]:
        s, low, high = carry
        at = _cumulants(s, fixed)
        over = at.first - fixed_x
        low, high = jnp.where(over < 0.0, s, low), jnp.where(over > 0.0, s, high)
        new = s - over / at.second
        inside = (new >= low) & (new <= high)
        return (jnp.where(inside, new, 0.5 * (low + high)), low, high), None

    start = jnp.clip(jnp.zeros_like(fixed_x), low, high)
    found = lax.stop_gradient(lax.scan(step, (start, low, high), None, length=STEPS)[0][0])
    at = _cumulants(found, disturbances)
    return found - (at.first - x) / lax.stop_gradient(at.second)


def _modified_root(x: jax.Array, disturbances: jax.Array) -> jax.Array:
    """w + log(u / w) / w: where a standard normal number would lie with the same chance beyond."""
    s = _saddle_point(x, disturbances)
    span = jnp.max(jnp.ptp(disturbances, axis=-1))
    is_small = jnp.abs(s) * span < SMALL
    near, far = jnp.where(is_small, s, 0.0), jnp.where(is_small, 1.0, s)
    return jnp.where(is_small, _root_near(near, disturbances), _root_far(far, disturbances))


def _root_near(s: jax.Array, disturbances: jax.Array) -> jax.Array:
    nodes, weights = (jnp.asarray(each, s.dtype) for each in _nodes())
    along = jax.vmap(lambda v: _cumulants(s * v, disturbances))(nodes)
    second = 2.0 * jnp.sum(weights * nodes * along.second)
    third = jnp.sum(weights * nodes**2 * along.third)
    w = s * jnp.sqrt(second)
    return w + 0.5 * third / second**1.5 * _log1p_over(s * third / second)


def _root_far(s: jax.Array, disturbances: jax.Array) -> jax.Array:
    at = _cumulants(s, disturbances)
    # With K' for x this is a function of s alone; the Newton step that carries the derivatives of s is in s already.
    w = jnp.sign(s) * jnp.sqrt(jnp.maximum(2.0 * (s * at.first - at.value), jnp.finfo(s.dtype).tiny))
    return w + jnp.log(s * jnp.sqrt(at.second) / w) / w


def _log1p_over(y: jax.Array) -> jax.Array:
    """log(1 + y) / y, y = 0 included."""
    small = jnp.abs(y) < 1e-3
    series = 1.0 - y / 2.0 + y**2 / 3.0 - y**3 / 4.0 + y**4 / 5.0
    safe = jnp.where(small, 1.0, y)
    return jnp.where(small, series, jnp.log1p(safe) / safe)


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights of [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _sums(disturbances: jax.Array) -> jax.Array:
    """All sums of one state of each aggressor, shape [M'^K]."""
    sums = disturbances[0]
    for each in disturbances[1:]:
        sums = (sums[:, None] + each[None, :]).ravel()
    return sums


def _standardized(x: jax.Array, disturbances: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Distance from the mean in standard deviations, and that deviation."""
    width = jnp.sqrt(1.0 + jnp.sum(jnp.var(disturbances, axis=-1)))
    return (x - jnp.sum(jnp.mean(disturbances, axis=-1))) / width, width


def _log_states(disturbances: jax.Array) -> float:
    aggressors, states = disturbances.shape
    return aggressors * math.log(states)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _over(function: Any, method: str, x: jax.Array, noise: jax.Array, disturbances: jax.Array) -> jax.Array:
    return over_leading(functools.partial(function, method=method), (0, 0, 2), x, noise, disturbances)


def over_leading(function: Callable[..., jax.Array], axes: tuple[int, ...], *arrays: jax.Array) -> jax.Array:
    """A function of arrays of so many axes each, over all leading axes, which broadcast.

    Raises:
        ValueError: if the leading axes do not.
    """
    leading = [each.shape[: each.ndim - own] for each, own in zip(arrays, axes, strict=True)]
    try:
        shape = np.broadcast_shapes(*leading)
    except ValueError:
        raise ValueError(f"leading axes {', '.join(map(str, leading))} of the arguments do not broadcast") from None
    if not shape:
        return function(*arrays)
    parts = [each.shape[each.ndim - own :] for each, own in zip(arrays, axes, strict=True)]
    flat = [
        jnp.broadcast_to(each, (*shape, *part)).reshape(-1, *part) if lead else each
        for each, lead, part in zip(arrays, leading, parts, strict=True)
    ]
    found = jax.vmap(function, in_axes=[0 if lead else None for lead in leading])(*flat)
    return found.reshape(*shape, *found.shape[1:])


def _real(value: Any) -> jax.Array:
    return jnp.asarray(value, jnp.result_type(float))
