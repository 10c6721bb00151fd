"""Which modes are guided: limits of the index, and the choice among modes of one symmetry."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import CrossSection
from photonics_core.films import FilmStack
from photonics_core.kernels.checks import is_concrete
from photonics_core.medium import medium_index
from photonics_core.modes import Mode
from photonics_core.resolution import warn_of_window
from photonics_core.units import REFERENCE_TEMPERATURE


def cladding_index(section: CrossSection, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> float:
    """Highest index with which light can leave through the window's walls; only above it a mode is guided.

    At a wall of one medium that is its index, and where layers reach the wall, as the slab of a rib, that of their
    highest slab mode of either polarisation.
    """
    indices = np.array([np.real(np.asarray(medium_index(medium, wl, temperature))) for medium in section.media])
    return max(_layers_index(axis, media, sizes, indices, wl) for axis, media, sizes in section.walls())


def highest_index(section: CrossSection, wl: Any, temperature: Any) -> float:
    """Upper limit of the index of a mode; infinite where numbers are not known, and beside metals."""
    if not is_concrete(*jax.tree.leaves((section, wl, temperature))):
        return np.inf
    indices = [np.asarray(medium_index(medium, wl, temperature)) for medium in section.media]
    if any(np.any(np.real(n * n) < 0.0) for n in indices):  # waves along a metal have no upper limit
        return np.inf
    return 1.01 * max(float(np.max(np.real(n))) for n in indices)


def highest(modes: Sequence[Mode], polarization: str, least_confined: float | None = None) -> Mode:
    """The mode of highest index that is so polarised, and has this part of its power in cores; traceable.

    If none is, the one of highest index; `check_guided` tells.
    """
    if len(modes) == 1:
        return modes[0]
    index = jnp.stack([mode.n_eff.real for mode in modes])
    fits = jnp.stack([(mode.te_fraction() > 0.5) == (polarization == "te") for mode in modes])
    if least_confined is not None:
        fits = fits & (jnp.stack([_in_cores(mode) for mode in modes]) > least_confined)
    best = jnp.argmax(jnp.where(fits, index, index - 100.0))
    return jax.tree.map(lambda *leaves: jnp.take(jnp.stack(leaves), best, axis=0), *modes)


def _in_cores(mode: Mode) -> jax.Array:
    """Part of the power in media other than that of the window's corner."""
    outside = mode.section.blocks[-1][-1]
    return 1.0 - mode.confinement(outside) - mode.in_absorbers()


def check_guided(mode: Mode, temperature: Any, polarization: str) -> None:
    """Raise a `ValueError` if a mode is not guided, or is one of the other polarisation."""
    floor, n_eff = cladding_index(mode.section, mode.wl, temperature), float(mode.n_eff.real)
    start = f"the section guides no {polarization} mode at wl = {float(mode.wl):g} um: "
    if not n_eff < highest_index(mode.section, mode.wl, temperature):
        raise ValueError(f"no mode found at wl = {float(mode.wl):g} um: n_eff = {n_eff:g} is above every index")
    if not floor < n_eff:
        raise ValueError(f"{start}the highest index found, {n_eff:.5f}, is not above that of the cladding, {floor:.5f}")
    warn_of_window(mode.section, n_eff, floor, float(mode.wl))
    fraction = float(mode.te_fraction())
    if (fraction > 0.5) != (polarization == "te"):
        raise ValueError(f"{start}those of its symmetry, the highest {n_eff:.5f}, are polarised {fraction:.0%} along x")


def _layers_index(
    axis: int, media: tuple[int, ...], thickness: tuple[float, ...], indices: np.ndarray, wl: Any
) -> float:
    """Highest index of light in layers along an axis, the first and the last of which go on for ever.

    Its field lies along the layers (TE), across the guide, or has the two other components (TM), for which the larger
    of their indices gives an upper limit.
    """
    along = indices[list(media), 1 - axis]
    across = np.maximum(indices[list(media), axis], indices[list(media), 2])
    outer = float(max(along[0], along[-1], indices[media[0], axis], indices[media[-1], axis]))
    found = [outer]
    for n, polarization in ((along, "s"), (across, "p")):
        if max(n) > max(n[0], n[-1]):
            stack = FilmStack([float(value) for value in n], list(thickness[1:-1]))
            found.append(float(np.asarray(stack.guided_modes(wl, polarization)).max(initial=outer)))
    return max(found)
