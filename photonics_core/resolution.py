"""How wide elements may be: wide blocks of a section are divided, and a window that is too small is named.

A polynomial of degree p follows p / pi half waves or so. Elements are fractions of blocks, so a block that is wide
beside the wavelength is divided first, by plain numbers; where the lines are traced their places are not known and
nothing is divided, which is good for guides up to a micrometre in silicon.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from photonics_core.cross_section import DEGREES, GRADINGS, CrossSection
from photonics_core.kernels.checks import is_concrete
from photonics_core.medium import medium_index

#: Largest phase in rad, of the fastest wave that a block can guide, that an element may span for each of its degrees.
PHASE_PER_DEGREE = 1.6
#: Part of a mode's amplitude left at the window's wall above which the window is called too small.
WALL = 1e-2


class WindowWarning(UserWarning):
    """The window cuts into a mode, which changes its index."""


def resolved(section: CrossSection, wl: Any, temperature: Any, accuracy: str) -> CrossSection:
    """The section with its wide blocks divided so that elements can follow the fields; itself where it is traced."""
    return resolved_alike([section], wl, temperature, accuracy)[0]


def resolved_alike(sections: Sequence[CrossSection], wl: Any, temperature: Any, accuracy: str) -> list[CrossSection]:
    """Sections of the same blocks, divided alike: as often as the one that needs it most; as `resolved`."""
    sections = list(sections)
    if not is_concrete(wl, temperature) or not all(_known(section, wl, temperature) for section in sections):
        return sections
    for axis in (0, 1):
        counts = np.max([_parts(section, axis, wl, temperature, accuracy) for section in sections], axis=0)
        for k in reversed(np.flatnonzero(counts > 1)):
            fractions = [j / int(counts[k]) for j in range(1, int(counts[k]))]
            sections = [section.divided(axis, int(k), fractions) for section in sections]
    return sections


def _parts(section: CrossSection, axis: int, wl: Any, temperature: Any, accuracy: str) -> np.ndarray:
    """How often each block along an axis has to be divided."""
    lines = np.asarray(section.x if axis == 0 else np.asarray(section.y)[None])
    sizes = np.max(np.diff(lines, axis=0), axis=1) if axis == 0 else np.diff(lines[0])
    fastest = _waves(section, wl, temperature).max(axis=1 - axis)
    largest = _largest_part(accuracy)
    return np.ceil(sizes * fastest * largest / (PHASE_PER_DEGREE * DEGREES[accuracy])).astype(int)


def warn_of_window(section: CrossSection, n_eff: float, floor: float, wl: float) -> None:
    """Warn where a guided mode of this index has not decayed before the wall nearest to its guide."""
    decay = 2.0 * np.pi / wl * np.sqrt(max(n_eff**2 - floor**2, 0.0))
    margins = _margins(section)
    left = float(np.exp(-decay * min(margins)))
    if left > WALL:
        warnings.warn(
            f"the window ends {min(margins):.3g} um from the guide, where {left:.0%} of the field is left: "
            f"n_eff = {n_eff:.5f} is that of a guide in a box; take a larger margin",
            WindowWarning,
            stacklevel=4,
        )


def _margins(section: CrossSection) -> list[float]:
    """Widths of what lies alike all along a wall, however it is divided, at each wall that is no mirror plane."""
    table, found = np.array(section.blocks), []
    for axis, lines in ((0, np.asarray(section.x)), (1, np.asarray(section.y)[:, None])):
        rows = table if axis == 0 else table.T
        changes = np.flatnonzero(np.any(rows[1:] != rows[:-1], axis=1)) + 1
        first, last = (changes[0], changes[-1]) if changes.size else (len(rows), 0)
        found.append(float(np.min(lines[-1] - lines[last])))
        if not section.mirrored[axis]:
            found.append(float(np.min(lines[first] - lines[0])))
    return found


def _known(section: CrossSection, wl: Any, temperature: Any) -> bool:
    if not is_concrete(section.x, section.y):
        return False
    return all(is_concrete(medium_index(medium, wl, temperature)) for medium in section.media)


def _waves(section: CrossSection, wl: Any, temperature: Any) -> np.ndarray:
    """Largest transverse wave number in rad/um of light that is guided, by block, [columns, rows]."""
    squares = [np.max(np.real(np.asarray(medium_index(m, wl, temperature)) ** 2)) for m in section.media]
    table = np.array(squares)[np.array(section.blocks)]
    return 2.0 * np.pi / float(wl) * np.sqrt(np.maximum(table - min(squares), 0.0))


def _largest_part(accuracy: str) -> float:
    """Largest fraction of a block between two lines where media meet that one element takes."""
    steps = np.array([0.0, *GRADINGS[accuracy][1], 1.0])
    return float(np.max(np.diff(steps)))
