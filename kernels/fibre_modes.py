"""Modes of a round step-index guide: exact vector modes HE, EH, TE, TM, and LP modes of weak guidance.

With core parameter u = k a sqrt(n1^2 - n_eff^2), cladding parameter w = k a sqrt(n_eff^2 - n2^2) and
u^2 + w^2 = v^2, a mode is one number: the angle phi with u = v cos(phi), w = v sin(phi). It is 0 at cut-off.

Continuity of the four tangential fields at the core's face gives, with s = (n2 / n1)^2,

    (J + K) (J + s K) = l^2 (1 / u^2 + 1 / w^2) (1 / u^2 + s / w^2)
    J = J_l'(u) / (u J_l(u)),   K = K_l'(w) / (w K_l(w))

(Snyder and Love, Optical Waveguide Theory (1983), 12-2), a quadratic for J whose roots are EH (TE for l = 0) and HE
(TM for l = 0). Either is an equation for J_{l+1} / J_l, which rises from pole to pole: between two zeros of J_l lies
one mode of a kind at most. Bisection there loses none and finds none twice. All equations are multiplied by what
would vanish in a denominator, so they have no poles. Derivatives, of any order, are those of the root.

LP modes solve u J_{l+1}(u) / J_l(u) = w K_{l+1}(w) / K_l(w); their one transverse field is J_l in the core and K_l
outside.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy import optimize, special

from photonics_core.kernels.bessel_ratios import j_pair, k_fall, k_ratio
from photonics_core.kernels.checks import check_choice

KINDS = ("LP", "HE", "EH", "TE", "TM")
_BRANCHES = {"LP": 0, "EH": 1, "TE": 1, "HE": -1, "TM": -1}
_BISECTIONS = 64
_NEWTON_STEPS = 7


class Branch(NamedTuple):
    """Where to look for a mode: which root of the quadratic, and between which zeros of J_l; arrays of one shape."""

    order: Any  # azimuthal order l of the Bessel functions, integer
    root: Any  # 1 for EH and TE, -1 for HE and TM, 0 for LP
    parity: Any  # sign of J_l between the zeros
    low: Any  # zero of J_l below u, or 0
    high: Any  # zero of J_l above u


@functools.cache
def _zeros(order: int, count: int) -> np.ndarray:
    return np.concatenate([[0.0], special.jn_zeros(order, count)])


def branch(kind: str, order: int, number: int) -> Branch:
    """Branch of the mode `kind` of azimuthal order l and radial number m, on the host, as NumPy scalars.

    Raises:
        ValueError: for a kind, order or number that no mode has.
    """
    check_label(kind, order, number)
    below = number if kind in ("EH", "TE", "TM") else number - 1
    low, high = _zeros(order, below + 1)[below : below + 2]
    return Branch(np.int32(order), np.int32(_BRANCHES[kind]), np.int32((-1) ** below), low, high)


def check_label(kind: str, order: int, number: int) -> None:
    """Raise a `ValueError` unless there is a mode of this kind, azimuthal order and radial number."""
    check_choice("kind", kind, KINDS)
    lowest = {"HE": 1, "EH": 1}.get(kind, 0)
    highest = 0 if kind in ("TE", "TM") else math.inf
    if not lowest <= order <= highest:
        raise ValueError(f"order = {order} of a mode {kind} is outside [{lowest}, {highest:g}]")
    if number < 1:
        raise ValueError(f"number = {number} of a mode {kind} is outside [1, inf)")


def cutoff(kind: str, order: int, number: int, contrast: float) -> float:
    """Normalised frequency v below which a mode is not guided, on the host.

    It is a zero of J_{l-1} for LP, of J_l for EH, TE, TM and HE with l = 1, and for the other HE the root of
    (1 + 1 / s) J_{l-1}(v) = v J_l(v) / (l - 1). LP01 and HE11 have 0.

    Args:
        kind: one of `KINDS`.
        order: azimuthal order l.
        number: radial number m, from 1.
        contrast: 1 - s = 1 - (n2 / n1)^2, within (0, 1).

    Returns:
        Normalised frequency.
    """
    where = branch(kind, order, number)
    if kind == "LP":
        return float(_zeros(abs(order - 1), number)[number - 1 if order == 0 else number])
    if kind != "HE" or order == 1:
        return float(where.low)
    slope = (1.0 - contrast) / ((2.0 - contrast) * (order - 1))

    def excess(v: float) -> float:
        return special.jv(order - 1, v) - v * slope * special.jv(order, v)

    # Just above the lower zero of J_l the excess has the sign of J_{l-1}, which holds up to that function's own zero.
    least = max(float(where.low), 1e-3 * order)
    return float(optimize.brentq(excess, least, _zeros(order - 1, number)[number], xtol=1e-14, rtol=1e-14))  # type: ignore[arg-type]


def is_guided(v: jax.Array, contrast: jax.Array, where: Branch) -> jax.Array:
    """Whether a mode is guided at the normalised frequency `v`, boolean scalar; arguments as in `mode_angle`."""
    order = where.order.astype(v.dtype)
    j, j_next = j_pair(where.order, v)
    j_before = 2.0 * order / v * j - j_next
    slope = v * (1.0 - contrast) / ((2.0 - contrast) * jnp.maximum(order - 1.0, 1.0))
    margin = j_before - jnp.where(where.root == -1, slope, 0.0) * j
    from_low = (where.root == 1) | ((where.root == -1) & (where.order <= 1))
    crossed = (v >= where.high.astype(v.dtype)) | (margin * where.parity.astype(v.dtype) < 0.0)
    return (v > where.low.astype(v.dtype)) & (from_low | crossed)


def characteristic(phi: jax.Array, v: jax.Array, contrast: jax.Array, where: Branch, steps: int) -> jax.Array:
    """Function of the angle that is zero at a mode, without poles; arguments as in `mode_angle`, all scalar.

    Times the parity of the branch it falls through zero as the angle rises.
    """
    order, u, w = where.order.astype(v.dtype), v * jnp.cos(phi), v * jnp.sin(phi)
    j, j_next = j_pair(where.order, u)
    y = k_ratio(where.order, w, steps)
    half, s = 0.5 * contrast, 1.0 - contrast
    square = (w / u) ** 2
    inner = u * j_next - order * j
    # -w^2 times the mean of the two roots, and half the distance of these.
    mean = (1.0 - half) * (order + y)
    distance = jnp.sqrt((half * (order + y)) ** 2 + order**2 * (square + 1.0) * (square + s))
    product = s * (y / square) * (2.0 * order + y) - order**2 * (2.0 * (1.0 - half) + square)
    plus = w * w * inner + u * u * j * (mean + distance)
    minus = inner * (mean + distance) + j * product
    scalar = inner - j * (order + y)
    return jnp.where(where.root == 0, scalar, jnp.where(where.root == 1, plus, minus))


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def mode_angle(v: jax.Array, contrast: jax.Array, where: Branch, steps: int) -> jax.Array:
    """Angle phi of a mode, with u = v cos(phi) and w = v sin(phi); n_eff^2 = n2^2 + (n1^2 - n2^2) sin(phi)^2.

    Args:
        v: normalised frequency k a sqrt(n1^2 - n2^2), within (0, 100], scalar.
        contrast: 1 - (n2 / n1)^2, within (0, 1), scalar; LP modes do not depend on it.
        where: which mode, of `branch`.
        steps: at least the azimuthal order, static; equal steps share one compilation.

    Returns:
        Angle within (0, pi / 2); the square root of the rounding unit, where n_eff is that of the cladding, for a
        mode that is cut off or closer to it than can be told.
    """
    least = math.sqrt(float(jnp.finfo(v.dtype).eps))
    lowest = jnp.full_like(v, least)
    low = jnp.maximum(jnp.arccos(jnp.minimum(where.high.astype(v.dtype) / v, 1.0)), lowest)
    high = jnp.maximum(jnp.arccos(jnp.minimum(where.low.astype(v.dtype) / v, 1.0)), lowest)

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        larger = characteristic(middle, v, contrast, where, steps) * where.parity.astype(v.dtype) > 0.0
        return jnp.where(larger, middle, low), jnp.where(larger, high, middle)

    low, high = lax.fori_loop(0, _BISECTIONS, halve, (low, high))
    return 0.5 * (low + high)


@mode_angle.defjvp
def _mode_angle_jvp(steps, primals, tangents):
    v, contrast, where = primals
    phi = mode_angle(v, contrast, where, steps)

    def along(direction):
        def function(phi, v, contrast):
            return characteristic(phi, v, contrast, where, steps)

        return jax.jvp(function, (phi, v, contrast), tuple(direction))[1]

    # One forward pass, batched over the three arguments, is compiled sooner than three.
    slope, by_v, by_contrast = jax.vmap(along)(jnp.eye(3, dtype=v.dtype))
    flat = slope == 0
    slope = jnp.where(flat, 1.0, slope)
    return phi, jnp.where(flat, 0.0, -(by_v * tangents[0] + by_contrast * tangents[1]) / slope)


def mode_angles(v: jax.Array, contrast: jax.Array, where: Branch, steps: int) -> tuple[jax.Array, jax.Array]:
    """Angles of many modes and whether they are guided; arguments as in `mode_angle`, all of shape [N]."""
    zeros = (jnp.asarray(part, v.dtype) for part in (where.low, where.high))
    where = Branch(*(jnp.asarray(part, jnp.int32) for part in where[:3]), *zeros)
    return _mode_angles(v, contrast, where, steps)


@functools.partial(jax.jit, static_argnames="steps")
def _mode_angles(v: jax.Array, contrast: jax.Array, where: Branch, steps: int) -> tuple[jax.Array, jax.Array]:
    angles = jax.vmap(lambda v, contrast, where: mode_angle(v, contrast, where, steps))(v, contrast, where)
    return angles, jax.vmap(is_guided)(v, contrast, where)


@functools.partial(jax.jit, static_argnames="order")
def radial_field(x: jax.Array, v: jax.Array, phi: jax.Array, order: int) -> jax.Array:
    """Radial part f of the field f(x) cos(l theta) of an LP mode, with an integral over the power of 1.

    Args:
        x: radius over core radius, at least 0, shape [R].
        v: normalised frequency, scalar.
        phi: angle of the mode, of `mode_angle`, scalar.
        order: azimuthal order l, static.

    Returns:
        Field, positive next to the axis, shape [R]: 2 pi (pi for l > 0) times the integral of f^2 x over x is 1.
    """
    u, w, index = v * jnp.cos(phi), v * jnp.sin(phi), jnp.asarray(order, jnp.int32)
    y = k_ratio(index, w, order)
    edge = jnp.sqrt(2.0 / ((math.pi if order else 2.0 * math.pi) * y * (y + 2.0 * order))) * u * w / v
    inside = jax.vmap(lambda x: j_pair(index, u * x)[0])(jnp.minimum(x, 1.0))
    at_edge = j_pair(index, u)[0]
    outside = jax.vmap(lambda x: k_fall(order, w, x))(jnp.maximum(x, 1.0))
    return edge * jnp.where(x < 1.0, inside / jnp.abs(at_edge), jnp.sign(at_edge) * outside)


def petermann_radius(v: jax.Array, phi: jax.Array) -> jax.Array:
    """Petermann's second mode radius of LP01 over the core radius, sqrt(2) J_1(u) / (w J_0(u)).

    Its square is 2 (integral of f^2 x) / (integral of f'^2 x); with f of the step-index guide both have closed forms.
    """
    u, w = v * jnp.cos(phi), v * jnp.sin(phi)
    return math.sqrt(2.0) * k_ratio(jnp.int32(0), w, 0) / (u * w)


@jax.jit
def gaussian_radius(v: jax.Array, phi: jax.Array) -> jax.Array:
    """Radius over core radius of the Gaussian exp(-x^2 / radius^2) that overlaps most with LP01; arguments scalar.

    At the largest overlap the mean of 2 (x / radius)^2, weighted with field and Gaussian, is 1. The integrals are Gauss
    and Legendre's, in core and cladding; Newton's method starts at Petermann's radius.
    """
    start = petermann_radius(v, phi)
    reach = 10.0 * lax.stop_gradient(start)
    pieces = [(np.polynomial.legendre.leggauss(count), low) for count, low in ((32, 0.0), (80, 1.0))]
    points, weights = [], []
    for ((nodes, mass), low), length in zip(pieces, (jnp.ones_like(reach), reach), strict=True):
        points.append(low + length * jnp.asarray(0.5 * (nodes + 1.0), v.dtype))
        weights.append(length * jnp.asarray(0.5 * mass, v.dtype))
    x = jnp.concatenate(points)
    weight = jnp.concatenate(weights) * x * radial_field(x, v, phi, 0)

    def excess(log_radius: jax.Array) -> jax.Array:
        square = (x * jnp.exp(-log_radius)) ** 2
        overlap = weight * jnp.exp(-square)
        return 2.0 * jnp.sum(overlap * square) / jnp.sum(overlap) - 1.0

    log_radius = jnp.log(start)
    for _ in range(_NEWTON_STEPS):
        value, slope = jax.jvp(excess, (log_radius,), (jnp.ones_like(log_radius),))
        log_radius = log_radius - value / slope
    return jnp.exp(log_radius)
