"""Modes of a stack of films: the waves it keeps without any coming in, roots of y_in A + B of `films`.

Guided modes of a lossless stack are counted, not searched for. Going up from the substrate's falling field, the number
of zeros of the field (the node of a rising field in the ambient included) is the number of modes of larger index
(Sturm's oscillation theorem, in n_eff^2), so bisection on that number brackets every mode by its order, however close
two are.
Complex modes, guided with loss or leaking, are found by Newton's method from a guess. Derivatives are those of the
root: its last two steps are differentiated, and as each squares the error, they are right up to the third order.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.film_layer import layer_functions, normal_index
from photonics_core.kernels.films import Pair, Stack, admittances, normalized, pair_up

_BISECTIONS = 60
_NEWTON_STEPS = 40


@functools.partial(jax.jit, static_argnames="polarization")
def guided_count(n_eff: jax.Array, n: jax.Array, thickness: jax.Array, wl: jax.Array, polarization: str) -> jax.Array:
    """Number of guided modes of an effective index above `n_eff`.

    Args:
        n_eff: effective index, at least that of ambient and substrate, scalar.
        n: real refractive indices of ambient, layers and substrate, above 0, shape [L + 2].
        thickness: thicknesses in um, shape [L].
        wl: free-space wavelength in um, scalar.
        polarization: "s" (TE) or "p" (TM).

    Returns:
        Number of modes, integer; at the larger index of ambient and substrate the number of all.
    """
    squares, kappa = n * n, 2.0 * math.pi * thickness / wl
    weights = squares if polarization == "p" else jnp.ones_like(squares)
    y_in, y_out = (jnp.sqrt(jnp.maximum(n_eff**2 - squares[k], 0.0)) / weights[k] for k in (0, -1))

    def climb(state, row):
        field, slope, zeros = state
        square, weight, kappa = row
        u = square - n_eff**2
        cosine, sine, _ = (part.real for part in layer_functions(kappa, lax.complex(u, jnp.zeros_like(u))))
        after = cosine * field + weight * sine * slope
        slope = cosine * slope - u / weight * sine * field
        # Half turns in the layer, or one more: the sign of the field decides.
        least = jnp.floor(kappa * jnp.sqrt(jnp.maximum(u, 0.0)) / math.pi).astype(zeros.dtype)
        zeros = zeros + least + ((least % 2 == 1) ^ (field * after < 0)).astype(zeros.dtype)
        size = jnp.maximum(jnp.abs(after), jnp.abs(slope))
        return (after / size, slope / size, zeros), None

    start = jnp.ones_like(y_out), y_out, jnp.zeros((), jnp.int32)
    (field, slope, zeros), _ = lax.scan(climb, start, (squares[1:-1], weights[1:-1], kappa), reverse=True)
    rising = y_in * field + slope
    return zeros + (field * rising < 0).astype(zeros.dtype)


@functools.partial(jax.jit, static_argnames="polarization")
def guided_index(order: jax.Array, n: jax.Array, thickness: jax.Array, wl: jax.Array, polarization: str) -> jax.Array:
    """Effective index of a guided mode of a lossless stack.

    Args:
        order: number of the mode, 0 for the one of largest index, integer scalar.
        n: real refractive indices of ambient, layers and substrate, above 0, shape [L + 2].
        thickness: thicknesses in um, shape [L].
        wl: free-space wavelength in um, scalar.
        polarization: "s" (TE) or "p" (TM).

    Returns:
        Effective index, scalar; that of the outer media where there is no mode of this order (see `guided_count`).
    """
    fixed_n, fixed_thickness, fixed_wl = (lax.stop_gradient(x) for x in (n, thickness, wl))
    low, high = jnp.maximum(fixed_n[0], fixed_n[-1]), jnp.max(fixed_n)

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        above = guided_count(middle, fixed_n, fixed_thickness, fixed_wl, polarization) > order
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    low, high = lax.fori_loop(0, _BISECTIONS, halve, (low, high))
    guess = lax.complex(0.5 * (low + high), jnp.zeros_like(low))
    complex_n = lax.complex(n, jnp.zeros_like(n))
    function = _mode_function(complex_n, thickness, wl, polarization, (False, False))
    return _polished(function, guess).real


@functools.partial(jax.jit, static_argnames=("polarization", "leaks"))
def mode_index(
    guess: jax.Array,
    n: jax.Array,
    thickness: jax.Array,
    wl: jax.Array,
    polarization: str,
    leaks: tuple[bool, bool] = (False, False),
) -> tuple[jax.Array, jax.Array]:
    """Complex effective index of the mode nearest to a guess, by Newton's method.

    Args:
        guess: effective index to start from, complex scalar.
        n: refractive indices of ambient, layers and substrate, complex, shape [L + 2].
        thickness: thicknesses in um, shape [L].
        wl: free-space wavelength in um, scalar.
        polarization: "s" (TE) or "p" (TM).
        leaks: for ambient and substrate, whether the mode radiates into it (its field then grows outwards, as that of
            every leaky mode does) instead of falling off.

    Returns:
        Effective index, complex scalar, decaying along the guide where Im > 0; and the length of the last step.
    """
    fixed_n, fixed_thickness, fixed_wl = (lax.stop_gradient(x) for x in (n, thickness, wl))
    function = _mode_function(fixed_n, fixed_thickness, fixed_wl, polarization, leaks)
    start = lax.stop_gradient(guess)

    def unfinished(state):
        step, last, count = state[1], state[2], state[3]
        return (count < _NEWTON_STEPS) & (step > 0) & ((step < last) | (count < _NEWTON_STEPS // 2))

    def refine(state):
        x, step, _, count = state
        after = _newton_step(function, x)
        return after, jnp.abs(after - x), step, count + 1

    infinite = jnp.full((), jnp.inf, start.real.dtype)
    root, step, _, _ = lax.while_loop(unfinished, refine, (start, infinite, infinite, 0))
    return _polished(_mode_function(n, thickness, wl, polarization, leaks), root), step


def _mode_function(
    n: jax.Array, thickness: jax.Array, wl: jax.Array, polarization: str, leaks: tuple[bool, bool]
) -> Callable[[jax.Array], jax.Array]:
    """Analytic function of n_eff that is zero at a mode, up to a factor that is held constant."""
    kappa = 2.0 * math.pi * thickness / wl

    def function(n_eff: jax.Array) -> jax.Array:
        squares = n * n
        q_in, q_out = (_outward(squares[k] - n_eff**2, leak) for k, leak in zip((0, -1), leaks, strict=True))
        stack = Stack(squares, kappa, n_eff, q_in, q_out)
        which = 0 if polarization == "s" else 1
        y_in, y_out = (admittances(squares[k], q)[which] for k, q in ((0, q_in), (-1, q_out)))

        def climb(pair, row):
            square, kappa = row
            u = square - stack.lateral**2
            cosine, sine, _ = layer_functions(kappa, u)
            alpha, beta = (None, u) if polarization == "s" else (square, u / square)
            return pair_up((cosine, sine), alpha, beta, normalized(pair)[0]), None

        pair, _ = lax.scan(climb, Pair(jnp.ones_like(y_out), y_out), (squares[1:-1], kappa), reverse=True)
        return y_in * pair.a + pair.b

    return function


def _outward(u: jax.Array, leaks: bool) -> jax.Array:
    """Normal index outside: of the wave that carries power away, or of the one that falls off."""
    root = normal_index(u)
    flip = (root.real < 0) if leaks else (root.imag < 0)
    return jnp.where(flip, -root, root)


def _polished(function: Callable[[jax.Array], jax.Array], root: jax.Array) -> jax.Array:
    """A root after two more steps, which give it its derivatives: the root itself is held constant."""
    return _newton_step(function, _newton_step(function, lax.stop_gradient(root)))


def _newton_step(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    value, slope = jax.jvp(function, (x,), (jnp.ones_like(x),))
    flat = slope == 0
    return x - jnp.where(flat, 0.0, value / jnp.where(flat, 1.0, slope))
