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
#: Largest exponent by which a field between two guides may fall over an element, for each of its degrees. There the
#: coupling is made, however small the field is.
DECAY_PER_DEGREE = 0.8
#: Part of a mode's amplitude left at the window's wall above which the window is called too small.
WALL = 1e-2


#: An axis, the number of a block along it, and into how many equal parts it goes.
Division = tuple[int, int, int]


class WindowWarning(UserWarning):
    """The window cuts into a mode, which changes its index."""


def resolved(section: CrossSection, wl: Any, temperature: Any, accuracy: str) -> CrossSection:
    """The section with its wide blocks divided so that elements can follow the fields; itself where it is traced."""
    return divided(section, divisions([section], wl, temperature, accuracy))


def resolved_alike(sections: Sequence[CrossSection], wl: Any, temperature: Any, accuracy: str) -> list[CrossSection]:
    """Sections of the same blocks, divided alike: as often as the one that needs it most; as `resolved`."""
    plan = divisions(sections, wl, temperature, accuracy)
    return [divided(section, plan) for section in sections]


def divisions(sections: Sequence[CrossSection], wl: Any, temperature: Any, accuracy: str) -> tuple[Division, ...]:
    """How sections of the same blocks have to be divided, for `divided`; not at all where one of them is traced."""
    if not is_concrete(wl, temperature) or not all(_known(section, wl, temperature) for section in sections):
        return ()
    plan = []
    for axis in (0, 1):
        counts = np.max([_parts(section, axis, wl, temperature, accuracy) for section in sections], axis=0)
        # The last first, so that numbers of blocks stay what they are.
        plan += [(axis, int(k), int(counts[k])) for k in reversed(np.flatnonzero(counts > 1))]
    return tuple(plan)


def divided(section: CrossSection, plan: Sequence[Division]) -> CrossSection:
    """A section, traced or not, with blocks divided into equal parts as `divisions` found for others like it."""
    for axis, block, parts in plan:
        section = section.divided(axis, block, [k / parts for k in range(1, parts)])
    return section


def _parts(section: CrossSection, axis: int, wl: Any, temperature: Any, accuracy: str) -> np.ndarray:
    """How often each block along an axis has to be divided."""
    lines = np.asarray(section.x if axis == 0 else np.asarray(section.y)[None])
    sizes = np.max(np.diff(lines, axis=0), axis=1) if axis == 0 else np.diff(lines[0])
    waves, decays = _waves(section, axis, wl, temperature)
    largest = sizes * _largest_part(accuracy) / DEGREES[accuracy]
    return np.ceil(largest * np.maximum(waves / PHASE_PER_DEGREE, decays / DECAY_PER_DEGREE)).astype(int)


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


def _waves(section: CrossSection, axis: int, wl: Any, temperature: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of each block along an axis the largest transverse wave number of light that is guided, and between guides the
    largest rate at which fields fall off, in rad/um and 1/um."""
    squares = np.array([np.max(np.real(np.asarray(medium_index(m, wl, temperature)) ** 2)) for m in section.media])
    table = squares[np.array(section.blocks)]
    table = table if axis == 0 else table.T
    before = np.maximum.accumulate(table, axis=0)
    after = np.maximum.accumulate(table[::-1], axis=0)[::-1]
    between = np.minimum(after[0] if section.mirrored[axis] else before, after) - table
    k0 = 2.0 * np.pi / float(wl)
    return k0 * np.sqrt(np.max(table - np.min(squares), axis=1).clip(0.0)), k0 * np.sqrt(
        np.max(between, axis=1).clip(0.0)
    )


def _largest_part(accuracy: str) -> float:
    """Largest fraction of a block between two lines where media meet that one element takes."""
    steps = np.array([0.0, *GRADINGS[accuracy][1], 1.0])
    return float(np.max(np.diff(steps)))
