"""Fields and Poynting flux inside a stack of films, over depth.

The field at a depth follows from that at the next interface below, upwards, as in `films`: exponentials only fall from
the ambient down, so that the field deep inside an absorber is small but never wrong.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.film_layer import layer_functions, normal_index, reciprocal, times_real
from photonics_core.kernels.films import (
    Faces,
    Pair,
    Polarized,
    Stack,
    interface_fields,
    normalized,
    outer_admittances,
    pair_up,
    passed_fields,
    stack_faces,
    stack_of,
)


class FilmField(NamedTuple):
    """Electric field over that of the incident wave, and net power over the incident power; x along the layers."""

    e_y: jax.Array  # of s light
    e_x: jax.Array  # of p light
    e_z: jax.Array  # of p light, along the depth; it jumps at interfaces, where the side of the lower medium is given
    flux: Polarized


class _Place(NamedTuple):
    """Where a depth lies in the stack, [...]."""

    medium: jax.Array  # 0 for the ambient, L + 1 for the substrate
    above: jax.Array  # kappa of the part of the medium above it
    below: jax.Array  # kappa of the part of the medium below it


@jax.jit
def film_field(depth: jax.Array, n: jax.Array, thickness: jax.Array, wl: jax.Array, angle: jax.Array) -> FilmField:
    """Fields of a coherent stack at given depths.

    Args:
        depth: depths in um below the first interface, shape [Z]; below 0 is the ambient.
        n: refractive indices, complex, shape [L + 2, ...].
        thickness: thicknesses in um, shape [L, ...].
        wl: free-space wavelength in um, shape [...].
        angle: angle of incidence in rad, shape [...].

    Returns:
        `FilmField` of arrays of shape [Z, ...].
    """
    stack = stack_of(n, thickness, wl, angle)
    squares = jnp.broadcast_to(stack.squares, stack.squares.shape[:1] + stack.lateral.shape)
    # kappa per um of depth.
    shape = stack.q_in.shape
    wl = wl.reshape((1,) * (len(shape) - wl.ndim) + wl.shape)
    wavenumber = jnp.broadcast_to(2.0 * math.pi / wl, shape)
    stack = stack._replace(squares=squares, kappa=jnp.broadcast_to(stack.kappa, (len(squares) - 2, *shape)))
    faces = stack_faces(stack)
    return jax.vmap(lambda z: _field_at(stack, faces, z * wavenumber))(depth)


def _field_at(stack: Stack, faces: tuple[Faces, Faces], depth: jax.Array) -> FilmField:
    place = _locate(stack.kappa, depth)
    square = _select(stack.squares, place.medium)
    u = square - stack.lateral * stack.lateral
    coefficients = ((None, u), (square, u * reciprocal(square)))
    y_in, _ = outer_admittances(stack)
    s, p = (_pair_at(stack, place, u, *each) for each in zip(faces, coefficients, y_in, strict=True))
    index = normal_index(stack.squares[0])
    flux = Polarized(*(_flux(pair, y) for pair, y in zip((s, p), y_in, strict=True)))
    return FilmField(e_y=s.a, e_x=index * p.b, e_z=-index * stack.lateral * reciprocal(square) * p.a, flux=flux)


def _locate(kappa: jax.Array, depth: jax.Array) -> _Place:
    ends = jnp.concatenate([jnp.zeros_like(depth)[None], jnp.cumsum(kappa, axis=0)])
    last = len(ends) - 1
    medium = jnp.sum(depth[None] >= ends, axis=0)
    above = depth - _select(ends, jnp.maximum(medium - 1, 0))
    below = _select(ends, jnp.minimum(medium, last)) - depth
    # The outer media have one face only.
    return _Place(medium, jnp.where(medium == 0, 0.0, above), jnp.where(medium > last, 0.0, below))


def _pair_at(
    stack: Stack,
    place: _Place,
    u: jax.Array,
    faces: Faces,
    coefficients: tuple[jax.Array | None, jax.Array],
    y_in: jax.Array,
) -> Pair:
    """Tangential fields at a place for an incident field of one."""
    last = len(stack.kappa)
    medium, in_substrate = place.medium, place.medium > last
    interface = Pair(*(_select(field, jnp.minimum(medium, last)) for field in interface_fields(faces)))
    pair, scale = normalized(interface)
    cosine, sine, decay = layer_functions(place.below, u)
    pair = pair_up((cosine, sine), *coefficients, pair)
    passed = _select(passed_fields(faces), jnp.clip(medium - 1, 0, last))
    # What is below the place was scaled with it; in the ambient and the substrate that has to be undone.
    outer = (medium == 0) | in_substrate
    rest = lax.stop_gradient(layer_functions(jnp.where(outer, 0.0, place.above), u)[2])
    size = passed * rest * jnp.where(outer, 1.0 / (scale * lax.stop_gradient(decay)), 1.0)
    incident = 2.0 * y_in * reciprocal(y_in * faces.top.a + faces.top.b)
    phase = jnp.where(in_substrate, place.above, 0.0)
    wave = jnp.exp(times_real(lax.complex(-stack.q_out.imag, stack.q_out.real), phase))
    return Pair(*(times_real(field, size) * incident * wave for field in pair))


def _flux(pair: Pair, y_in: jax.Array) -> jax.Array:
    return (pair.a.real * pair.b.real + pair.a.imag * pair.b.imag) / y_in.real


def _select(rows: jax.Array, index: jax.Array) -> jax.Array:
    """Row `index` [...] of rows [N, ...], for each element by itself."""
    return jnp.take_along_axis(rows, index[None], axis=0)[0]
