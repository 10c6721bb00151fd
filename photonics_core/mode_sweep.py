"""Modes along a sweep, followed by their fields, and the dispersion of a mode.

Modes sorted by index change places where their indices cross. Along a sweep each mode is the one of the next step whose
field it overlaps most with, so that a line in a figure stays with one mode.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import linear_sum_assignment

from photonics_core.cross_section import CrossSection
from photonics_core.guidance import check_guided, highest
from photonics_core.kernels.checks import check_range, is_concrete
from photonics_core.mode_solver import fundamental_walls, solve_classes, solve_modes
from photonics_core.modes import Mode
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT

#: Overlap of power below which two modes of neighbouring steps are not the same mode.
SAME = 0.25
_PER_PS_NM_KM = 1e6


class ModeSweep:
    """Modes followed along a sweep.

    Args:
        values: what was swept, shape [steps].
        tracks: for each mode that was followed its `Mode` at each step, or None where it is not guided.
    """

    def __init__(self, values: np.ndarray, tracks: Sequence[Sequence[Mode | None]]) -> None:
        self.values = values
        self.tracks = tracks

    def __len__(self) -> int:
        return len(self.tracks)

    def read(self, quantity: Callable[[Mode], Any]) -> np.ndarray:
        """A real quantity of all modes, shape [modes, steps], NaN where one is not guided."""
        return np.array(
            [[np.nan if mode is None else float(np.real(quantity(mode))) for mode in track] for track in self.tracks]
        )

    @property
    def n_eff(self) -> np.ndarray:
        """Effective indices, shape [modes, steps], NaN where a mode is not guided."""
        return self.read(lambda mode: mode.n_eff)

    @property
    def n_g(self) -> np.ndarray:
        """Group indices, shape [modes, steps], NaN where a mode is not guided."""
        return self.read(lambda mode: mode.n_g)


def sweep_modes(
    section: Callable[[Any], CrossSection] | CrossSection,
    values: Sequence[float],
    wl: Callable[[Any], Any] | float,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    count: int = 4,
    accuracy: str = "fast",
) -> ModeSweep:
    """Guided modes along a sweep of anything, each followed by its field.

    Args:
        section: a function of the swept value that gives the cross-section, or one section.
        values: values of the sweep, at least one.
        wl: a function of the swept value that gives the wavelength in um, or one wavelength.
        temperature: temperature in K.
        count: largest number of modes sought at each step.
        accuracy: as for `solve_modes`.

    Returns:
        Modes in the order in which they first appear, those of highest index first. Where two modes of one symmetry
        come close and mix, which is which depends on the step: steps wider than the mixing pass through it, finer ones
        follow the fields as they change.

    Raises:
        ValueError: for no values, or as `solve_modes` does.
    """
    swept = np.asarray(values, float)
    check_range("number of values", swept.size, 1, 100_000)
    tracks: list[list[Mode | None]] = []
    for step, value in enumerate(swept):
        at = section(value) if callable(section) and not isinstance(section, CrossSection) else section
        wavelength = wl(value) if callable(wl) else wl
        found = list(solve_modes(at, wavelength, temperature, count=count, accuracy=accuracy))
        _extend(tracks, found, step)
    return ModeSweep(swept, tracks)


def dispersion_ps_nm_km(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
) -> jax.Array:
    """Dispersion parameter D = (1 / c) dn_g / dwl of the fundamental mode in ps/(nm km), from its fields.

    Media and guide both count. It is differentiable in turn; arguments and errors are those of `fundamental_mode`.
    """
    walls, count = [fundamental_walls(section, polarization)], 1 if section.mirrored[1] else 3
    wl = jnp.asarray(wl, jnp.result_type(float))

    def group_index(at: jax.Array) -> tuple[jax.Array, Mode]:
        found = solve_classes(section, at, temperature, walls=walls, count=count, accuracy=accuracy, order=2)
        mode = highest(found, polarization)
        return mode.n_g.real, mode

    _, slope, mode = jax.jvp(group_index, (wl,), (jnp.ones_like(wl),), has_aux=True)
    if is_concrete(mode.n_eff):
        check_guided(mode, temperature, polarization)
    return _PER_PS_NM_KM * slope / SPEED_OF_LIGHT


def _extend(tracks: list[list[Mode | None]], found: list[Mode], step: int) -> None:
    """Append each mode to the track whose last field it overlaps with, or begin a new one."""
    last = [next(mode for mode in reversed(track) if mode is not None) for track in tracks]
    fits = np.array([[_same(before, mode) for mode in found] for before in last]).reshape(len(last), len(found))
    pairs = {int(k): int(t) for t, k in zip(*linear_sum_assignment(-fits), strict=True) if fits[t, k] > SAME}
    for track in tracks:
        track.append(None)
    for k, mode in enumerate(found):
        if k in pairs:
            tracks[pairs[k]][-1] = mode
        else:
            tracks.append([*[None] * step, mode])


def _same(before: Mode, mode: Mode) -> float:
    """Power of one mode in the field of the other, zero for those of different symmetry."""
    if before.walls != mode.walls and before.section.mirrored == mode.section.mirrored:
        return 0.0
    return float(jnp.abs(before.overlap(mode)) ** 2)
