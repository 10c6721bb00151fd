"""Modes of a cross-section: n_eff, n_g and fields, with exact derivatives.

The solver looks for the modes of highest index in each symmetry class of the section and keeps those that are guided.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.absorber import media_with_absorbers, with_absorbers
from photonics_core.cross_section import DEGREES, GRADINGS, CrossSection
from photonics_core.display import Shown
from photonics_core.guidance import check_guided, cladding_index, highest, highest_index
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.eigenmodes import Walls, eigenmodes, form
from photonics_core.kernels.elements import Mesh, element_matrices
from photonics_core.kernels.numbering import numbering
from photonics_core.medium import medium_index
from photonics_core.modes import Mode
from photonics_core.resolution import resolved, warn_of_window
from photonics_core.units import REFERENCE_TEMPERATURE

#: Where the search starts when no guess is given: this far above the highest index.
HEADROOM = 1.0005
#: Relative distance of beta^2 below which two modes of one symmetry class have no derivatives of their own.
DEGENERATE = 1e-5


class GuidedModes(Shown):
    """Modes in falling order of index; behaves like a tuple, which may be empty."""

    modes: tuple[Mode, ...]

    def __len__(self) -> int:
        return len(self.modes)

    def __getitem__(self, k: int) -> Mode:
        return self.modes[k]

    def __iter__(self) -> Iterator[Mode]:
        return iter(self.modes)

    def __repr__(self) -> str:
        if not self.modes:
            return "GuidedModes(none: no mode has an index above that of the cladding)"
        return "GuidedModes(" + ", ".join(mode.label() for mode in self.modes) + ")"


def solve_modes(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    count: int = 2,
    accuracy: str = "normal",
) -> GuidedModes:
    """The guided modes of highest index, for plain numbers; for derivatives and batches see `fundamental_mode`.

    Args:
        section: the cross-section.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        count: largest number of modes.
        accuracy: "fast", "normal" or "fine": errors of some 1e-4, 3e-5 and 1e-6 in the index of a silicon wire, and
            of 2e-4, 2e-4 and 2e-6 in that of a narrow slot. "fine" needs double precision.

    Returns:
        At most `count` modes whose index is above that of every medium at the window's walls; none is an empty result.

    Raises:
        ValueError: for an argument outside its range, or values that are traced.
    """
    check_kind("section", section, CrossSection)
    if not is_concrete(*jax.tree.leaves((section, wl, temperature))):
        raise ValueError("solve_modes sorts modes by their index and needs plain numbers; use fundamental_mode")
    check_kind("count", count, int)
    check_range("count", count, 1, 20)
    found = solve_classes(section, wl, temperature, walls=_symmetries(section), count=count, accuracy=accuracy)
    floor = cladding_index(section, wl, temperature)
    ceiling = highest_index(section, wl, temperature)
    guided = [mode for mode in found if floor < float(mode.n_eff.real) < ceiling and mode.is_regular()]
    guided = sorted(guided, key=lambda mode: -float(mode.n_eff.real))[:count]
    if guided:
        warn_of_window(section, float(guided[0].n_eff.real), floor, float(wl))
    return GuidedModes(tuple(guided))


def fundamental_mode(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
    guess: Any = None,
) -> Mode:
    """The fundamental mode of a section with a mirror plane x = 0, traceable: for `grad`, `vmap` and `jit`.

    Args:
        section: a mirrored section.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        polarization: "te" (E along x at the middle) or "tm".
        accuracy: as for `solve_modes`.
        guess: index near which to look, for a mode of higher order of the same symmetry; None for the highest.

    Returns:
        The mode of highest index, or nearest to the guess, with the symmetry and the direction of this polarisation.
        With plain numbers it is checked to be guided; where they are traced, `mode.n_eff` beside `cladding_index` and
        `te_fraction` tell.

    Raises:
        ValueError: for a section without the mirror plane, or, with plain numbers, one that guides no such mode.
    """
    check_kind("section", section, CrossSection)
    walls = [fundamental_walls(section, polarization)]
    # Without a second mirror plane modes of the other polarisation share the class of TM.
    count = 1 if section.mirrored[1] else 3
    found = solve_classes(section, wl, temperature, walls=walls, count=count, accuracy=accuracy, guess=guess)
    mode = highest(found, polarization)
    if is_concrete(mode.n_eff):
        check_guided(mode, temperature, polarization)
    return mode


def fundamental_walls(section: CrossSection, polarization: str) -> Walls:
    """What the window ends in for the class of the fundamental TE or TM mode.

    Raises:
        ValueError: for a section without the mirror plane x = 0, or another polarisation.
    """
    check_choice("polarization", polarization, ("te", "tm"))
    if not section.mirrored[0]:
        raise ValueError("the section has no mirror plane x = 0 that tells TE from TM; use solve_modes")
    return _symmetries(section)[0 if polarization == "te" else 1]


def solve_classes(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    walls: Sequence[Walls],
    count: int = 1,
    accuracy: str = "normal",
    guess: Any = None,
    curvature: Any = None,
    absorbers: tuple[str, ...] = (),
    order: int = 1,
) -> list[Mode]:
    """Modes of symmetry classes nearest a guess of the index (the highest of all by default), guided or not.

    Args:
        section: the cross-section.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        walls: for each class what the window ends in, mirror planes included.
        count: number of modes of each class.
        accuracy: as for `solve_modes`.
        guess: index near which to look.
        curvature: 1 / radius of a bend in 1/um; None for a straight guide.
        absorbers: sides of the window with an absorbing layer, of "right" and "bottom".
        order: order up to which derivatives of the fields are exact; those of indices are to one order more.

    Modes of one class whose indices agree within a relative 5e-6 have values, but no derivatives of their own: the
    attempt to use one raises equinox.EquinoxRuntimeError, which names them degenerate.
    """
    check_positive("wl", wl, "um")
    check_range("wl", wl, 0.1, 100.0, "um")
    check_positive("temperature", temperature, "K")
    check_choice("accuracy", accuracy, GRADINGS)
    if np.ndim(wl):
        raise ValueError(f"wl of shape {np.shape(wl)} is not one wavelength; use jax.vmap over several")
    if accuracy == "fine" and jnp.result_type(float) != jnp.float64:
        raise ValueError('accuracy = "fine" needs double precision: set_precision("float64") first')
    _check_media(section, wl, temperature)
    section = resolved(section, wl, temperature, accuracy)
    if guess is not None:
        check_range("guess", guess, 0.5, highest_index(section, wl, temperature))
    columns, rows = media_with_absorbers(section.element_media(accuracy), absorbers).shape
    numbers = numbering(columns, rows, DEGREES[accuracy])
    free = jnp.asarray(np.stack([numbers.free(each) for each in walls]))
    solved = _solve(
        section,
        wl,
        temperature,
        guess,
        curvature,
        free,
        count=count,
        accuracy=accuracy,
        absorbers=absorbers,
        order=order,
    )
    wl = jnp.asarray(wl, jnp.result_type(float))
    return [
        Mode(
            section,
            solved.mesh,
            solved.permittivity,
            solved.vectors[c, k],
            solved.n_eff[c, k],
            solved.n_g[c, k],
            wl,
            each,
            accuracy,
            absorbers,
        )
        for c, each in enumerate(walls)
        for k in range(count)
    ]


def _check_media(section: CrossSection, wl: Any, temperature: Any) -> None:
    """Raise what media have to say against a wavelength or temperature, while values are still known."""
    if is_concrete(wl, temperature):
        for medium in section.media:
            medium_index(medium, wl, temperature)


class _Solved(NamedTuple):
    """Modes of several symmetry classes, [classes, count, ...]."""

    mesh: Mesh
    permittivity: jax.Array
    vectors: jax.Array
    n_eff: jax.Array
    n_g: jax.Array


@functools.partial(jax.jit, static_argnames=("count", "accuracy", "absorbers", "order"))
def _solve(
    section: CrossSection,
    wl: Any,
    temperature: Any,
    guess: Any,
    curvature: Any,
    free: jax.Array,
    *,
    count: int,
    accuracy: str,
    absorbers: tuple[str, ...],
    order: int,
) -> _Solved:
    degree, steps = DEGREES[accuracy], 16 + 8 * count
    system = functools.partial(
        _system, section, temperature=temperature, curvature=curvature, accuracy=accuracy, absorbers=absorbers
    )
    wl = jnp.asarray(wl, jnp.result_type(float))
    mesh, eps, k0 = system(wl)
    highest = HEADROOM * jnp.sqrt(jnp.max(eps.real)) if guess is None else jnp.asarray(guess)
    shift = (highest * k0).astype(eps.dtype) ** 2
    numbers = numbering(mesh.x.shape[0] - 1, mesh.y.shape[0] - 1, degree)

    def index(at: jax.Array, vector: jax.Array) -> jax.Array:
        mesh, eps, k0 = system(at)
        k0 = k0.astype(eps.dtype)
        a, b = element_matrices(mesh, eps, k0, degree)
        return jnp.sqrt(-form(a, numbers, vector, vector) / form(b, numbers, vector, vector)) / k0

    def with_indices(vector: jax.Array) -> tuple[jax.Array, jax.Array]:
        n_eff, slope = jax.jvp(lambda at: index(at, vector), (wl,), (jnp.ones_like(wl),))
        return n_eff, n_eff - wl.astype(n_eff.dtype) * slope

    def of_class(free: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array], jax.Array]:
        sizes = {"degree": degree, "count": count, "steps": steps, "order": order}
        solved = eigenmodes(mesh, eps, k0.astype(eps.dtype), shift, free, **sizes)
        return solved.vectors, lax.map(with_indices, solved.vectors), solved.separation

    vectors, (n_eff, n_g), separation = lax.map(of_class, free)
    return _Solved(mesh, eps, *_single_modes((vectors, n_eff, n_g), separation))


@jax.custom_jvp
def _single_modes(values: tuple[jax.Array, ...], separation: jax.Array) -> tuple[jax.Array, ...]:
    """Values of single modes; their derivatives stop the program where modes are degenerate."""
    del separation
    return values


@_single_modes.defjvp
def _(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    (values, separation), (slopes, _) = primals, tangents
    message = "degenerate modes of one symmetry class have no derivatives of their own; split them by symmetry"
    one = eqx.error_if(jnp.ones((), separation.dtype), jnp.any(separation < DEGENERATE), message)
    return values, tuple(slope * one.astype(slope.dtype) for slope in slopes)


def _system(
    section: CrossSection, wl: Any, *, temperature: Any, curvature: Any, accuracy: str, absorbers: tuple[str, ...]
) -> tuple[Mesh, jax.Array, jax.Array]:
    """Mesh, permittivity and k0 at a wavelength."""
    mesh, media = section.mesh(accuracy)
    k0 = 2.0 * np.pi / wl
    if absorbers:
        mesh, media = with_absorbers(mesh, absorbers), media_with_absorbers(media, absorbers)
    if curvature is not None:
        mesh = mesh._replace(curvature=jnp.asarray(curvature).astype(mesh.x.dtype))
    eps = section.permittivity(mesh, media, DEGREES[accuracy], wl, temperature)
    if absorbers or jnp.iscomplexobj(eps):
        dtype = jnp.result_type(complex)
        mesh, eps = jax.tree.map(lambda x: x.astype(dtype), (mesh, eps))
    return mesh, eps, k0


def _symmetries(section: CrossSection) -> Sequence[Walls]:
    """Walls of the symmetry classes, those of the fundamental TE mode and of the TM mode first."""
    left = ("electric", "magnetic")
    if section.mirrored == (True, True):
        pairs = [("electric", "magnetic"), ("magnetic", "electric"), ("electric", "electric"), ("magnetic", "magnetic")]
        return [Walls(left=x, bottom=y) for x, y in pairs]
    if section.mirrored[0]:
        return [Walls(left=x) for x in left]
    if section.mirrored[1]:
        return [Walls(bottom=y) for y in reversed(left)]
    return [Walls()]
