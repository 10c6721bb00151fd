"""Fields of the exact vector modes of a round step-index guide, from the angle of `fibre_modes`.

With x the radius over that of the core, psi a phase that turns the pattern, and impedances of vacuum taken out of H,

    e_z = -i a_e R(x) cos(l theta - psi),   h_z = -i a_h R(x) sin(l theta - psi),   R = J_l(u x) or C K_l(w x)

and the transverse fields are real combinations of R_- and R_+, the Bessel functions of orders l - 1 and l + 1 over u or
w (Snyder and Love, Optical Waveguide Theory (1983), eq. 30-5 and table 12-3). With k the wavenumber times the radius,

    e_x =  k / 2 (p R_- cos((l - 1) theta - psi) - m R_+ cos((l + 1) theta - psi))
    e_y = -k / 2 (p R_- sin((l - 1) theta - psi) + m R_+ sin((l + 1) theta - psi))
    h_x =  k / 2 (r R_- sin((l - 1) theta - psi) - t R_+ sin((l + 1) theta - psi))
    h_y =  k / 2 (r R_- cos((l - 1) theta - psi) + t R_+ cos((l + 1) theta - psi))

with p, m = n_eff a_e +- a_h and r, t = n_eff a_h +- n^2 a_e. Of these four, two almost vanish for weak guidance and at
cut-off; they are formed of the small quantities themselves, so that nothing cancels. The field in the core is the sum
of plane waves on a ring, which is smooth at the axis too. Power has a closed form.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.bessel_ratios import j_pair, k_fall, k_ratio

_WAVES = 128


class _Amplitudes(NamedTuple):
    """Amplitudes of the longitudinal fields, and of the transverse ones in core and cladding."""

    a_e: jax.Array
    a_h: jax.Array
    p: jax.Array
    m: jax.Array
    r: tuple[jax.Array, jax.Array]
    t: tuple[jax.Array, jax.Array]


class _Guide(NamedTuple):
    """Parameters of core and cladding and the wavenumber, all times the radius of the core; y is that of `k_ratio`."""

    u: jax.Array
    w: jax.Array
    k: jax.Array
    y: jax.Array
    n_square: jax.Array  # of the core
    contrast: jax.Array
    effective: jax.Array  # square of the effective index


@functools.partial(jax.jit, static_argnames=("order", "root"))
def vector_fields(
    x: jax.Array,
    y: jax.Array,
    v: jax.Array,
    contrast: jax.Array,
    core: jax.Array,
    phi: jax.Array,
    psi: jax.Array,
    order: int,
    root: int,
) -> tuple[jax.Array, jax.Array]:
    """Electric field and magnetic field times the impedance of vacuum, of unit flux.

    Args:
        x: positions over the radius of the core, shape [N]; points on the face itself count as cladding.
        y: likewise.
        v: normalised frequency, scalar; and so are the next four.
        contrast: 1 - (n2 / n1)^2.
        core: index of the core n1.
        phi: angle of the mode, of `fibre_modes.mode_angle`.
        psi: phase of the pattern; for TE -pi / 2 and for TM 0.
        order: azimuthal order l, static.
        root: 1 for EH and TE, -1 for HE and TM, static.

    Returns:
        Two complex arrays of shape [3, N]: the integral of Re(e x h*) . z over x and y is 1. Transverse fields are real
        and longitudinal ones imaginary.
    """
    u, w = v * jnp.cos(phi), v * jnp.sin(phi)
    n_square = core * core
    effective = n_square * (1.0 - contrast * jnp.cos(phi) ** 2)
    k = v / (core * jnp.sqrt(contrast))
    guide = _Guide(u, w, k, k_ratio(jnp.int32(order), w, order), n_square, contrast, effective)
    amplitudes = _amplitudes(guide, order, root)
    edge = j_pair(jnp.int32(order), u)[0]
    inside = x * x + y * y < 1.0
    parts = jax.vmap(lambda x, y, inside: _parts(x, y, inside, guide, edge, psi, order))(x, y, inside)
    r, t = (jnp.where(inside, *both) for both in (amplitudes.r, amplitudes.t))
    (cos_low, sin_low), (cos, sin), (cos_high, sin_high) = parts
    low_e, high_e, low_h, high_h = (0.5 * k * z for z in (amplitudes.p, amplitudes.m, r, t))
    zero = jnp.zeros_like(x)
    real_e = [low_e * cos_low - high_e * cos_high, -low_e * sin_low - high_e * sin_high, zero]
    real_h = [low_h * sin_low - high_h * sin_high, low_h * cos_low + high_h * cos_high, zero]
    scale = 1.0 / jnp.sqrt(_flux(guide, amplitudes, edge, order))
    e = jax.lax.complex(jnp.stack(real_e), jnp.stack([zero, zero, -amplitudes.a_e * cos]))
    h = jax.lax.complex(jnp.stack(real_h), jnp.stack([zero, zero, -amplitudes.a_h * sin]))
    return scale.astype(e.dtype) * e, scale.astype(h.dtype) * h


def _amplitudes(guide: _Guide, order: int, root: int) -> _Amplitudes:
    """Amplitudes by the continuity of E_theta and H_theta; a_e is 1 for HE and TM, a_h for EH and TE.

    For HE the ratio a_h / (n_eff a_e), and for EH -n1^2 a_e / (n_eff a_h), is l (1 / u^2 + 1 / w^2) / |J + K| = 1 - d,
    and d, of the order of the contrast, is formed without a difference.
    """
    contrast, y, n_square, effective = guide.contrast, guide.y, guide.n_square, guide.effective
    n_eff, s = jnp.sqrt(effective), 1.0 - guide.contrast
    d = jnp.ones_like(y)
    if order:
        square, mean = (guide.w / guide.u) ** 2, 0.5 * contrast * (order + y)
        straight = order * (square + 1.0)
        distance = jnp.sqrt(mean**2 + order * straight * (square + s))
        d = contrast * straight * y / ((mean + distance) * (distance + straight - mean))
    inner, outer = (guide.u / guide.k) ** 2, (guide.w / guide.k) ** 2  # n1^2 - n_eff^2 and n_eff^2 - n2^2
    if root == -1:
        r = effective * (1.0 - d) + n_square, effective * (1.0 - d) + n_square * s
        t = -inner - effective * d, outer - effective * d
        return _Amplitudes(jnp.ones_like(d), n_eff * (1.0 - d), n_eff * (2.0 - d), n_eff * d, r, t)
    part = effective / n_square * (1.0 - d)
    r = n_eff * d, n_eff * (contrast + s * d)
    t = n_eff * (2.0 - d), n_eff * (1.0 + s * (1.0 - d))
    p = inner / n_square + effective / n_square * d
    return _Amplitudes(-part / n_eff, jnp.ones_like(d), p, -1.0 - part, r, t)


def _parts(
    x: jax.Array, y: jax.Array, inside: jax.Array, guide: _Guide, edge: jax.Array, psi: jax.Array, order: int
) -> list[tuple[jax.Array, jax.Array]]:
    """R_-, R and R_+ at one point, each times cosine and sine of its angle."""
    square = jnp.where(inside, 1.0, x * x + y * y)
    radius, angle = jnp.sqrt(square), jnp.arctan2(jnp.where(inside, 0.0, y), jnp.where(inside, 1.0, x))
    fall = edge * k_fall(order, guide.w, radius)
    y_far = k_ratio(jnp.int32(order), guide.w * radius, order)
    slope = fall / (guide.w**2 * radius)
    radial = y_far * slope, fall, -(y_far + 2.0 * order) * slope
    # The mean over directions t of plane waves; those of t and t + pi are equal.
    directions = (np.arange(_WAVES) + 0.5) * (math.pi / _WAVES)
    across, along, nodes = (jnp.asarray(f, x.dtype) for f in (np.cos(directions), np.sin(directions), directions))
    phase = guide.u * (jnp.where(inside, x, 0.0) * across + jnp.where(inside, y, 0.0) * along)
    waves = jnp.cos(phase), jnp.sin(phase)
    found = []
    for m, outside in zip((order - 1, order, order + 1), radial, strict=True):
        wave = waves[m % 2] * (-1.0 if m % 4 > 1 else 1.0)  # cos(phase - m pi / 2)
        over = 1.0 if m == order else guide.u
        pair = []
        for function in (jnp.cos, jnp.sin):
            core = jnp.mean(wave * function(m * nodes - psi)) / over
            pair.append(jnp.where(inside, core, outside * function(m * angle - psi)))
        found.append((pair[0], pair[1]))
    return found


def _flux(guide: _Guide, amplitudes: _Amplitudes, edge: jax.Array, order: int) -> jax.Array:
    """Integral of (e x h*) . z over the plane, before scaling.

    The integrals of J_m^2 x and K_m^2 x are (J_m^2 - J_{m-1} J_{m+1}) / 2 and (K_{m-1} K_{m+1} - K_m^2) / 2 at the face
    (DLMF 10.22.5 and 10.43.2).
    """
    u, w, y = guide.u, guide.w, guide.y
    above, above_two = j_pair(jnp.int32(order + 1), u)
    core_high = 0.5 * (above**2 - edge * above_two) / u**2
    scale = 0.5 * (edge / w) ** 2
    clad_high = scale * (1.0 + (y + 2.0 * order) * (2.0 - y) / w**2)
    core_low, clad_low = core_high, clad_high
    if order:
        below = j_pair(jnp.int32(order - 1), u)[0]
        below_two = j_pair(jnp.int32(abs(order - 2)), u)[0] * (-1.0 if order == 1 else 1.0)
        core_low = 0.5 * (below**2 - below_two * edge) / u**2
        clad_low = scale * y * (k_ratio(jnp.int32(order - 1), w, order) - y) / w**2
    total = jnp.zeros_like(u)
    for low, high, r, t in zip((core_low, clad_low), (core_high, clad_high), amplitudes.r, amplitudes.t, strict=True):
        total = total + amplitudes.p * r * low - amplitudes.m * t * high
    return 0.5 * math.pi * (1.0 if order else 2.0) * guide.k**2 * total
