"""Modes of a cross-section: n_eff, n_g and fields, with exact derivatives.

The solver looks for the modes of highest index in each symmetry class of the section and keeps those that are guided.
A bend is the same problem with a length factor 1 + x / R and an absorbing layer on its outside; its modes are complex.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.cross_section import DEGREES, GRADINGS, CrossSection
from photonics_core.films import FilmStack
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.eigenmodes import Walls, eigenmodes, form
from photonics_core.kernels.elements import Mesh, element_matrices
from photonics_core.kernels.numbering import numbering
from photonics_core.medium import medium_index
from photonics_core.modes import Mode
from photonics_core.units import REFERENCE_TEMPERATURE

#: Where the search starts when no guess is given: this far above the highest index.
HEADROOM = 1.0005
#: Thickness of the absorbing layer outside a bend in um, its number of columns and its stretching: the coordinate turns
#: into the complex plane, by less than 45 degrees at any point, since steeper layers have modes of their own in front.
ABSORBER = 2.0
ABSORBER_COLUMNS = 3
ABSORBER_STRENGTH = 0.5


class GuidedModes(eqx.Module):
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
        accuracy: "fast", "normal" or "fine": errors of some 1e-4, 3e-5 and 1e-6 in the index of a silicon wire.

    Returns:
        At most `count` modes whose index is above that of every medium at the window's walls; none is an empty result.

    Raises:
        ValueError: for an argument outside its range, or values that are traced.
    """
    check_kind("section", section, CrossSection)
    if not is_concrete(*jax.tree.leaves((section, wl, temperature))):
        raise ValueError("solve_modes sorts modes by their index and needs plain numbers; use fundamental_mode")
    check_range("count", count, 1, 20)
    found = solve_classes(section, wl, temperature, walls=_symmetries(section), count=count, accuracy=accuracy)
    floor = cladding_index(section, wl, temperature)
    guided = [mode for mode in found if float(mode.n_eff.real) > floor and mode.is_regular()]
    return GuidedModes(tuple(sorted(guided, key=lambda mode: -float(mode.n_eff.real))[:count]))


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
        guess: index near which to look; None for the highest.

    Returns:
        The mode. Whether it is guided shows in `mode.n_eff` beside `cladding_index`; it is checked where it can be.

    Raises:
        ValueError: for a section without the mirror plane, or, with plain numbers, if the mode is not guided.
    """
    check_kind("section", section, CrossSection)
    check_choice("polarization", polarization, ("te", "tm"))
    if not section.mirrored[0]:
        raise ValueError("the section has no mirror plane x = 0 that tells TE from TM; use solve_modes")
    walls = [_symmetries(section)[0 if polarization == "te" else 1]]
    (mode,) = solve_classes(section, wl, temperature, walls=walls, accuracy=accuracy, guess=guess)
    if is_concrete(mode.n_eff):
        floor = cladding_index(section, wl, temperature)
        if not float(mode.n_eff.real) > floor:
            raise ValueError(
                f"the section guides no {polarization} mode at wl = {float(wl):g} um: the highest index found, "
                f"{float(mode.n_eff.real):.5f}, is not above that of the cladding, {floor:.5f}"
            )
    return mode


def bend_mode(
    section: CrossSection,
    wl: Any,
    radius: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
) -> Mode:
    """The fundamental mode of a bend, of complex index: its loss is that of radiation.

    Args:
        section: a section with a mirror plane x = 0 for the straight guide, where the search starts.
        wl: free-space wavelength in um.
        radius: radius of the bend at x = 0 in um; its centre lies at x = -radius.
        temperature, polarization, accuracy: as for `fundamental_mode`.

    Raises:
        ValueError: for a radius that does not clear the window, or a straight guide without the mode.
    """
    check_positive("radius", radius, "um")
    whole = section.unfolded()
    if is_concrete(radius, whole.x):
        check_range("radius", radius, float(-np.min(whole.x)), np.inf, "um", exclusive=True)
    straight = fundamental_mode(section, wl, temperature, polarization=polarization, accuracy=accuracy)
    side = _symmetries(section)[0 if polarization == "te" else 1]
    walls = [Walls("electric", "electric", side.bottom, side.top)]
    guess = lax.stop_gradient(straight.n_eff.real) * 1.001
    (mode,) = solve_classes(whole, wl, temperature, walls=walls, accuracy=accuracy, guess=guess, curvature=1.0 / radius)
    return mode


def cladding_index(section: CrossSection, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> float:
    """Highest index with which light can leave through the window's walls; only above it a mode is guided.

    At a wall of one medium that is its index, and where layers reach the wall, as the slab of a rib, that of their
    highest slab mode of either polarisation.
    """
    indices = [float(np.max(np.real(medium_index(medium, wl, temperature)))) for medium in section.media]
    return max(_layers_index(*layers, indices, wl) for layers in section.walls())


def _layers_index(media: tuple[int, ...], thickness: tuple[float, ...], indices: Sequence[float], wl: Any) -> float:
    """Highest index of light in layers, the first and the last of which go on for ever."""
    n = [indices[k] for k in media]
    outer = max(n[0], n[-1])
    if max(n) <= outer:
        return outer
    stack = FilmStack(n, list(thickness[1:-1]))
    modes = [np.asarray(stack.guided_modes(wl, polarization)) for polarization in "sp"]
    return max(outer, *(float(found.max(initial=outer)) for found in modes))


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
        curvature: 1 / radius of a bend in 1/um, which puts an absorbing layer at the right; None for a straight guide.
    """
    check_positive("wl", wl, "um")
    check_range("wl", wl, 0.1, 100.0, "um")
    check_positive("temperature", temperature, "K")
    check_choice("accuracy", accuracy, GRADINGS)
    if np.ndim(wl):
        raise ValueError(f"wl of shape {np.shape(wl)} is not one wavelength; use jax.vmap over several")
    if guess is not None:
        check_range("guess", guess, 0.5, _highest_index(section, wl, temperature))
    columns, rows = section.element_media(accuracy).shape
    columns += 0 if curvature is None else ABSORBER_COLUMNS
    numbers = numbering(columns, rows, DEGREES[accuracy])
    free = jnp.asarray(np.stack([numbers.free(each) for each in walls]))
    solved = _solve(section, wl, temperature, guess, curvature, free, count=count, accuracy=accuracy)
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
        )
        for c, each in enumerate(walls)
        for k in range(count)
    ]


def _highest_index(section: CrossSection, wl: Any, temperature: Any) -> float:
    """Upper limit for a guess; infinite where numbers are not known."""
    if not is_concrete(*jax.tree.leaves((section, wl, temperature))):
        return np.inf
    return 1.01 * max(float(np.max(np.real(medium_index(medium, wl, temperature)))) for medium in section.media)


class _Solved(NamedTuple):
    """Modes of several symmetry classes, [classes, count, ...]."""

    mesh: Mesh
    permittivity: jax.Array
    vectors: jax.Array
    n_eff: jax.Array
    n_g: jax.Array


@functools.partial(jax.jit, static_argnames=("count", "accuracy"))
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
) -> _Solved:
    degree = DEGREES[accuracy]
    system = functools.partial(_system, section, temperature=temperature, curvature=curvature, accuracy=accuracy)
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

    def of_class(free: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        solved = eigenmodes(mesh, eps, k0.astype(eps.dtype), shift, free, degree=degree, count=count)
        return solved.vectors, lax.map(with_indices, solved.vectors)

    vectors, (n_eff, n_g) = lax.map(of_class, free)
    return _Solved(mesh, eps, vectors, n_eff, n_g)


def _system(
    section: CrossSection, wl: Any, *, temperature: Any, curvature: Any, accuracy: str
) -> tuple[Mesh, jax.Array, jax.Array]:
    """Mesh, permittivity and k0 at a wavelength."""
    mesh, media = section.mesh(accuracy)
    k0 = 2.0 * np.pi / wl
    if curvature is not None:
        mesh, media = _with_absorber(mesh, media)
        mesh = mesh._replace(curvature=jnp.asarray(curvature).astype(mesh.x.dtype))
    eps = section.permittivity(mesh, media, DEGREES[accuracy], wl, temperature)
    if curvature is not None or jnp.iscomplexobj(eps):
        dtype = jnp.result_type(complex)
        mesh, eps = jax.tree.map(lambda x: x.astype(dtype), (mesh, eps))
    return mesh, eps, k0


def _with_absorber(mesh: Mesh, media: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """A mesh with more columns at the right, where x turns into the complex plane."""
    part = np.arange(1, ABSORBER_COLUMNS + 1) / ABSORBER_COLUMNS
    steps = jnp.asarray(ABSORBER * part * (1.0 + 1j * ABSORBER_STRENGTH * part))
    x = mesh.x.astype(steps.dtype)
    x = jnp.concatenate([x, x[-1:] + steps[:, None]])
    return mesh._replace(x=x), np.concatenate([media, np.repeat(media[-1:], ABSORBER_COLUMNS, axis=0)])


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
