"""Thin films: amplitudes, powers and absorption of a stack of plane layers under a plane wave, both polarisations.

Tangential fields (A, B) pass from the substrate up to the ambient, from the lower to the upper face of each layer,

    A' = C A - i alpha S B,        B' = -i beta S A + C B,

with C, S of `film_layer`. For s: A = E_y, B = -H_x, alpha = 1, beta = u. For p: A = H_y, B = E_x, alpha = n^2,
beta = u / n^2, where u = n^2 - n_lateral^2 (Abeles' matrix: Born and Wolf, Principles of Optics, 1.6). A wave going
down has B = y A with the admittance y = q (s) or q / n^2 (p), q = sqrt(u). Going up, the wave that left the ambient is
the growing one, so the recursion keeps its digits in any stack; each layer's growth and, as a power of two, the size
of the pair are taken out, so that nothing overflows and the transmission of a thick absorber falls to zero.

Fields follow exp(-i w t), so that absorption is Im n > 0. Lengths in um, angles in rad. Signs and normalisation of all
results are those of S. J. Byrnes, arXiv 1603.02720: r_p = -r_s at normal incidence, amplitudes of the electric field.
Arguments broadcast: layers first, [L, ...], then a common shape [...]. An incident power is defined, and R + T + A = 1,
where the ambient is lossless.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.film_layer import layer_functions, normal_index, reciprocal, times_real


class Polarized(NamedTuple):
    """A result for each of the two polarisations."""

    s: jax.Array  # electric field across the plane of incidence
    p: jax.Array  # electric field in the plane of incidence

    @property
    def unpolarized(self) -> jax.Array:
        """Mean of the two: the power for unpolarised light."""
        return 0.5 * (self.s + self.p)


class FilmAmplitudes(NamedTuple):
    """Complex amplitudes of the electric field over that of the incident wave at the first interface."""

    r_s: jax.Array
    t_s: jax.Array
    r_p: jax.Array
    t_p: jax.Array


class FilmPowers(NamedTuple):
    """Parts of the incident power that are reflected and transmitted."""

    reflection: Polarized
    transmission: Polarized


class Stack(NamedTuple):
    """A stack and a plane wave on it, of one rank: what all functions of films work with."""

    squares: jax.Array  # n^2 of ambient, layers, substrate, complex, [L + 2, ...]
    kappa: jax.Array  # 2 pi thickness / wavelength, [L, ...]
    lateral: jax.Array  # index of the wave along the layers, complex, [...] in full
    q_in: jax.Array  # normal index in the ambient, complex, [...] in full
    q_out: jax.Array  # normal index in the substrate, complex, [...] in full


class Pair(NamedTuple):
    """Tangential fields, up to a common factor."""

    a: jax.Array
    b: jax.Array


class Faces(NamedTuple):
    """Fields of one polarisation at the faces of the layers."""

    top: Pair  # at the first interface
    bottoms: Pair  # at the lower face of each layer, [L, ...]
    factors: jax.Array  # by what each layer was scaled, [L, ...]; their product is the field passed down


@jax.jit
def film_amplitudes(n: jax.Array, thickness: jax.Array, wl: jax.Array, angle: jax.Array) -> FilmAmplitudes:
    """Reflected and transmitted amplitudes of a coherent stack.

    Args:
        n: refractive indices of ambient, layers and substrate, complex, shape [L + 2, ...].
        thickness: thicknesses of the layers in um, at least 0, shape [L, ...].
        wl: free-space wavelength in um, shape [...].
        angle: angle of incidence in the ambient in rad, within [0, pi / 2), shape [...].

    Returns:
        `FilmAmplitudes` of the common shape [...]; transmitted amplitudes at the last interface.

    An absorbing ambient has a lateral index Re(n) sin(angle). The derivative with respect to anything that moves the
    substrate's critical angle is that of the other parts alone where u = 0 exactly.
    """
    return stack_amplitudes(stack_of(n, thickness, wl, angle))


@jax.jit
def film_powers(n: jax.Array, thickness: jax.Array, wl: jax.Array, angle: jax.Array) -> FilmPowers:
    """Reflected and transmitted power of a coherent stack; arguments of `film_amplitudes`, results of shape [...]."""
    return stack_powers(stack_of(n, thickness, wl, angle))


@jax.jit
def film_absorption(n: jax.Array, thickness: jax.Array, wl: jax.Array, angle: jax.Array) -> Polarized:
    """Part of the incident power that each layer of a coherent stack absorbs.

    It is the difference of the Poynting fluxes at its faces. Arguments of `film_amplitudes`, results of shape [L, ...].
    """
    _, fluxes = stack_fluxes(stack_of(n, thickness, wl, angle))
    return Polarized(*(-jnp.diff(flux, axis=0) for flux in fluxes))


def stack_of(n: jax.Array, thickness: jax.Array, wl: jax.Array, angle: jax.Array) -> Stack:
    """Stack of complex indices [L + 2, ...] and thicknesses [L, ...] under a wave of `wl` and `angle`, all aligned."""
    rank = max(n.ndim - 1, thickness.ndim - 1, wl.ndim, angle.ndim)
    n, thickness = (x.reshape(x.shape[:1] + (1,) * (rank + 1 - x.ndim) + x.shape[1:]) for x in (n, thickness))
    wl, angle = (x.reshape((1,) * (rank - x.ndim) + x.shape) for x in (wl, angle))
    shape = jnp.broadcast_shapes(n.shape[1:], thickness.shape[1:], wl.shape, angle.shape)
    squares, ambient = n * n, n[0].real
    lateral = jnp.broadcast_to(ambient * jnp.sin(angle), shape)
    lateral = lax.complex(lateral, jnp.zeros_like(lateral))
    return Stack(
        squares=squares,
        kappa=2.0 * math.pi * thickness / wl[None],
        lateral=lateral,
        q_in=_ambient_normal_index(squares[0], ambient, jnp.broadcast_to(jnp.cos(angle), shape)),
        q_out=normal_index(squares[-1] - lateral * lateral),
    )


def stack_amplitudes(stack: Stack) -> FilmAmplitudes:
    """Amplitudes of a stack, of the electric field."""
    (r_s, t_s), (r_p, t_p) = _amplitudes(stack)
    # From magnetic to electric field: its ratio to the magnetic one is 1 / n.
    index_in, index_out = (normal_index(square) for square in (stack.squares[0], stack.squares[-1]))
    return FilmAmplitudes(r_s, t_s, r_p, t_p * index_in * reciprocal(index_out))


def stack_powers(stack: Stack) -> FilmPowers:
    """Reflected and transmitted power of a stack."""
    results = []
    for (r, t), y_in, y_out in zip(_amplitudes(stack), *outer_admittances(stack), strict=True):
        results.append((square_modulus(r), square_modulus(t) * y_out.real / y_in.real))
    (r_s, t_s), (r_p, t_p) = results
    return FilmPowers(Polarized(r_s, r_p), Polarized(t_s, t_p))


def stack_fluxes(stack: Stack) -> tuple[Polarized, Polarized]:
    """Reflected power, and net power that crosses each interface, shape [L + 1, ...], over the incident power.

    Both are 0 where the ambient carries no power because the wave is evanescent there.
    """
    reflections, fluxes = [], []
    for faces, y in zip(stack_faces(stack), outer_admittances(stack)[0], strict=True):
        inverse = reciprocal(y * faces.top.a + faces.top.b)
        r, incident = (y * faces.top.a - faces.top.b) * inverse, 2.0 * y * inverse
        carries = ~(y.real <= 0)  # an admittance that is no number gives results that are none
        scale = jnp.where(carries, square_modulus(incident) / jnp.where(carries, y.real, 1.0), 0.0)
        a, b = interface_fields(faces)
        fluxes.append((a.real * b.real + a.imag * b.imag) * passed_fields(faces) ** 2 * scale[None])
        reflections.append(jnp.where(carries, square_modulus(r), 0.0))
    return Polarized(*reflections), Polarized(*fluxes)


def interface_fields(faces: Faces) -> Pair:
    """Fields at all interfaces, [L + 1, ...], each with a scale of its own (see `passed_fields`)."""
    return Pair(*(jnp.concatenate([top[None], rest]) for top, rest in zip(faces.top, faces.bottoms, strict=True)))


def passed_fields(faces: Faces) -> jax.Array:
    """Factors [L + 1, ...] that undo the scaling of the fields at the interfaces relative to the first one."""
    return jnp.concatenate([jnp.ones_like(faces.top.a.real)[None], jnp.cumprod(faces.factors, axis=0)])


def stack_faces(stack: Stack) -> tuple[Faces, Faces]:
    """Fields at the faces of all layers, for s and for p."""

    def keep(state, row):
        after, factors = _layer_up(stack, state, row)
        return after, (state, factors)

    tops, (bottoms, factors) = lax.scan(keep, _start(stack), _rows(stack), reverse=True)
    s, p = (Faces(*parts) for parts in zip(tops, bottoms, factors, strict=True))
    return s, p


def admittances(square: jax.Array, q: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Admittances of a wave going down, for s and for p, from the squared index and the normal index."""
    return q, q * reciprocal(square)


def pair_up(functions: tuple[jax.Array, jax.Array], alpha: jax.Array | None, beta: jax.Array, pair: Pair) -> Pair:
    """Fields at the upper face of a layer from those at the lower one; alpha None is one."""
    cosine, sine = functions
    sine = lax.complex(sine.imag, -sine.real)  # times -i
    down = sine if alpha is None else alpha * sine
    return Pair(cosine * pair.a + down * pair.b, beta * sine * pair.a + cosine * pair.b)


def _amplitudes(stack: Stack) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """(r, t) for s, and for p of the magnetic field."""

    # In the backward pass a layer is evaluated again: that is faster than to read its intermediates back.
    @jax.checkpoint
    def climb(state, row):
        pairs, passed = state
        after, factors = _layer_up(stack, pairs, row)
        return (after, tuple(x * y for x, y in zip(passed, factors, strict=True))), None

    one = jnp.ones_like(stack.q_in.real)
    (pairs, passed), _ = lax.scan(climb, (_start(stack), (one, one)), _rows(stack), reverse=True)
    s, p = (_outside(*each) for each in zip(pairs, passed, outer_admittances(stack)[0], strict=True))
    return s, p


def _outside(pair: Pair, passed: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Reflected and transmitted amplitude from the fields at the first interface."""
    inverse = reciprocal(y * pair.a + pair.b)
    return (y * pair.a - pair.b) * inverse, 2.0 * y * times_real(inverse, passed)


def _start(stack: Stack) -> tuple[Pair, Pair]:
    one = jnp.ones_like(stack.q_out)
    s, p = (Pair(one, y) for y in outer_admittances(stack)[1])
    return s, p


def _rows(stack: Stack) -> tuple[jax.Array, jax.Array]:
    return stack.squares[1:-1], stack.kappa


def _layer_up(
    stack: Stack, pairs: tuple[Pair, Pair], row: tuple[jax.Array, jax.Array]
) -> tuple[tuple[Pair, Pair], tuple[jax.Array, jax.Array]]:
    """Both pairs at the upper face of a layer, and by what each was scaled on the way."""
    square, kappa = row
    u = square - stack.lateral * stack.lateral
    cosine, sine, decay = layer_functions(jnp.broadcast_to(kappa, u.shape), u)
    (s, scale_s), (p, scale_p) = (normalized(pair) for pair in pairs)
    s = pair_up((cosine, sine), None, u, s)
    p = pair_up((cosine, sine), square, u * reciprocal(square), p)
    decay = lax.stop_gradient(decay)
    return (s, p), (decay * scale_s, decay * scale_p)


def normalized(pair: Pair) -> tuple[Pair, jax.Array]:
    """A pair of size near one, and the power of two it was multiplied by, which is exact and has no derivative."""
    parts = [lax.stop_gradient(jnp.abs(part)) for field in pair for part in (field.real, field.imag)]
    largest = jnp.maximum(jnp.maximum(parts[0], parts[1]), jnp.maximum(parts[2], parts[3]))
    scale = 1.0 / lax.reduce_precision(largest, jnp.finfo(largest.dtype).nexp, 0)
    return Pair(times_real(pair.a, scale), times_real(pair.b, scale)), scale


def outer_admittances(stack: Stack) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """Admittances (s, p) of the ambient and of the substrate."""
    return admittances(stack.squares[0], stack.q_in), admittances(stack.squares[-1], stack.q_out)


def _ambient_normal_index(square: jax.Array, index: jax.Array, cosine: jax.Array) -> jax.Array:
    """Root of n^2 - (Re(n) sin)^2, as Re(n) cos and a correction that is zero without absorption.

    So written it has no branch point at grazing incidence.
    """
    lossless = index * cosine
    lossless = lax.complex(lossless, jnp.zeros_like(lossless))
    excess = square - lax.complex(index * index, jnp.zeros_like(index))
    return lossless + excess * reciprocal(lossless + normal_index(lossless * lossless + excess))


def square_modulus(z: jax.Array) -> jax.Array:
    """Squared modulus of a complex array."""
    return z.real * z.real + z.imag * z.imag


def argument(z: jax.Array) -> jax.Array:
    """Argument of a complex array; 0, with a derivative of 0, for 0."""
    none = (z.real == 0) & (z.imag == 0)
    return jnp.arctan2(z.imag, jnp.where(none, 1.0, z.real))


def modulus(z: jax.Array) -> jax.Array:
    """Modulus of a complex array, with a derivative of 0 for 0."""
    square = square_modulus(z)
    none = square == 0
    return jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, square)))


def phase_slope(z: jax.Array, slope: jax.Array) -> jax.Array:
    """Derivative of the argument of z."""
    square = square_modulus(z)
    none = square == 0
    return jnp.where(none, 0.0, (z.real * slope.imag - z.imag * slope.real) / jnp.where(none, 1.0, square))
