"""Stacks of coherent and incoherent layers: in an incoherent layer intensities add, not fields.

An incoherent layer is thick or uneven enough for its interference fringes to be lost; the coherent layers between two
of them act as one interface. Intensities are joined from the substrate up by R + T T' x / (1 - R' x), whose parts never
grow (the matrices of S. J. Byrnes, arXiv 1603.02720, section 7, give the same numbers but hold growing exponentials).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from photonics_core.kernels.film_layer import normal_index
from photonics_core.kernels.films import FilmPowers, Polarized, Stack, stack_fluxes, stack_of


class MixedPowers(NamedTuple):
    """Parts of the incident power."""

    powers: FilmPowers
    absorption: Polarized  # in each layer, [L, ...]


class _Boundary(NamedTuple):
    """Coherent layers between two incoherent media, for one polarisation; powers over the incident ones."""

    reflection: jax.Array  # from above
    fluxes: jax.Array  # at its interfaces, from the upper one down, for light from above, [K + 1, ...]
    reflection_back: jax.Array  # from below
    fluxes_back: jax.Array  # at its interfaces, from the lower one up, for light from below, [K + 1, ...]


@functools.partial(jax.jit, static_argnames="coherent")
def mixed_powers(
    n: jax.Array, thickness: jax.Array, wl: jax.Array, angle: jax.Array, coherent: tuple[bool, ...]
) -> MixedPowers:
    """Reflected, transmitted and absorbed power of a stack of coherent and incoherent layers.

    Args:
        n: refractive indices of ambient, layers and substrate, complex, shape [L + 2, ...].
        thickness: thicknesses in um, shape [L, ...].
        wl: free-space wavelength in um, shape [...].
        angle: angle of incidence in rad, shape [...].
        coherent: for each layer, whether it is coherent; ambient and substrate are not.

    Returns:
        `MixedPowers`; powers of shape [...], absorption of shape [L, ...].
    """
    stack = stack_of(n, thickness, wl, angle)
    media = [0, *(k + 1 for k, flag in enumerate(coherent) if not flag), len(coherent) + 1]
    normals = [stack.q_in, *(normal_index(stack.squares[k] - stack.lateral**2) for k in media[1:-1]), stack.q_out]
    passes = [jnp.exp(-2.0 * q.imag * stack.kappa[k - 1]) for k, q in zip(media[1:-1], normals[1:-1], strict=True)]
    boundaries = [_boundaries(_part(stack, media[i : i + 2], normals[i : i + 2])) for i in range(len(media) - 1)]
    s, p = (_join([pair[i] for pair in boundaries], passes) for i in range(2))
    reflections, transmissions, absorptions = (Polarized(*each) for each in zip(s, p, strict=True))
    return MixedPowers(FilmPowers(reflections, transmissions), absorptions)


def _part(stack: Stack, ends: list[int], normals: list[jax.Array]) -> Stack:
    first, last = ends
    return Stack(stack.squares[first : last + 1], stack.kappa[first : last - 1], stack.lateral, *normals)


def _boundaries(part: Stack) -> tuple[_Boundary, _Boundary]:
    reversed_part = Stack(part.squares[::-1], part.kappa[::-1], part.lateral, part.q_out, part.q_in)
    forward, back = stack_fluxes(part), stack_fluxes(reversed_part)
    s, p = (_Boundary(*each) for each in zip(*forward, *back, strict=True))
    return s, p


def _join(boundaries: list[_Boundary], passes: list[jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Reflection, transmission and absorption in each layer of one polarisation."""
    returned = _returned(boundaries, passes)
    falling, absorbed = jnp.ones_like(boundaries[0].reflection), []
    entering = None
    for i, boundary in enumerate(boundaries):
        entered = boundary.fluxes[-1] * falling / (1.0 - boundary.reflection_back * returned[i])
        rising = entered * returned[i]
        leaving = falling * boundary.fluxes[0] - rising * boundary.fluxes_back[-1]
        if entering is not None:
            absorbed.append((entering - leaving)[None])
        entering = falling * boundary.fluxes[-1] - rising * boundary.fluxes_back[0]
        absorbed.append(-falling[None] * jnp.diff(boundary.fluxes, axis=0))
        absorbed[-1] -= rising[None] * jnp.diff(boundary.fluxes_back, axis=0)[::-1]
        falling = entered * passes[i] if i < len(passes) else entered
    first = boundaries[0]
    back = first.fluxes_back[-1] * returned[0] / (1.0 - first.reflection_back * returned[0])
    return first.reflection + first.fluxes[-1] * back, falling, jnp.concatenate(absorbed)


def _returned(boundaries: list[_Boundary], passes: list[jax.Array]) -> list[jax.Array]:
    """Of the power that enters the medium below each boundary, the part that comes back to it before any echo."""
    returned = jnp.zeros_like(boundaries[-1].reflection)
    parts = [returned]
    for boundary, passed in zip(boundaries[:0:-1], passes[::-1], strict=True):
        back = boundary.fluxes_back[-1] * returned / (1.0 - boundary.reflection_back * returned)
        returned = passed**2 * (boundary.reflection + boundary.fluxes[-1] * back)
        parts.append(returned)
    return parts[::-1]
