"""Modes that radiate: in a bend, and through the lower cladding into a substrate of high index.

The search starts from the mode that the guide has without bend or substrate. Absorbing layers take up what leaves, so
the index is complex and `Mode.loss_db_cm` is the loss by radiation.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.cross_section import CrossSection
from photonics_core.guidance import highest
from photonics_core.kernels.checks import check_positive, check_range, is_concrete
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.materials import SILICON
from photonics_core.medium import as_medium
from photonics_core.mode_solver import fundamental_mode, fundamental_walls, solve_classes
from photonics_core.modes import Mode
from photonics_core.units import REFERENCE_TEMPERATURE

#: Modes of a bend that are looked at; the fundamental one is that of highest index which lies in the guide.
CANDIDATES = 3
#: Thickness of the substrate in front of the absorbing layer in um.
SUBSTRATE = 0.25
#: Where the lower cladding is divided, counted from the substrate, and the cladding beside the guide.
BELOW = (0.5, 0.8, 0.95)
BESIDE = (0.25, 0.5, 0.75)


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

    The bend is the straight guide in coordinates stretched by 1 + x / radius (Heiblum and Harris, IEEE J. Quantum
    Electron. 11, 75 (1975)), solved as it stands, without the approximation of a tilted index. Of the modes found near
    the expected index it is the highest that lies in the guide; a loss below some 1e-5 dB/cm is rounding.

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
    side = fundamental_walls(section, polarization)
    found = solve_classes(
        whole,
        wl,
        temperature,
        walls=[Walls("electric", "electric", side.bottom, side.top)],
        count=CANDIDATES,
        accuracy=accuracy,
        guess=_bent_index(lax.stop_gradient(straight), whole, radius),
        curvature=1.0 / radius,
        absorbers=("right",),
    )
    mode = highest(found, polarization, least_confined=0.3)
    if is_concrete(mode.n_eff) and (float(mode.te_fraction()) > 0.5) != (polarization == "te"):
        raise ValueError(f"radius = {float(radius):g} um: no {polarization} mode of the bend was found in its guide")
    return mode


def _bent_index(straight: Mode, whole: CrossSection, radius: Any) -> Any:
    """An index a little above that of the bend's fundamental mode.

    In a wide guide it lies at the outer wall, as far inside as the first zero of the Airy function says.
    """
    beta = 2.0 * jnp.pi / straight.wl * straight.n_eff.real
    inside = 2.338 * (radius / (2.0 * beta**2)) ** (1.0 / 3.0)
    outer = jnp.max(jnp.asarray(whole.x)[-2])
    shift = lax.stop_gradient(jnp.maximum(outer - inside, 0.0) / radius)
    return straight.n_eff.real * (1.001 + shift)


def leaky_mode(
    section: CrossSection,
    wl: Any,
    lower_cladding: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    substrate: Any = SILICON,
    polarization: str = "te",
    accuracy: str = "normal",
) -> Mode:
    """The fundamental mode above a substrate into which it leaks, of complex index.

    Args:
        section: a section with a mirror plane x = 0 and one medium at its bottom, without the substrate.
        wl: free-space wavelength in um.
        lower_cladding: thickness in um of what lies between the lowest line of the guide and the substrate.
        temperature, polarization, accuracy: as for `fundamental_mode`.
        substrate: its medium.

    Raises:
        ValueError: for a thickness that is not positive, or a guide without the mode.
    """
    check_positive("lower_cladding", lower_cladding, "um")
    medium = as_medium("substrate", substrate)
    closed = fundamental_mode(section, wl, temperature, polarization=polarization, accuracy=accuracy)
    above = _on_substrate(section, lower_cladding, medium)
    (mode,) = solve_classes(
        above,
        wl,
        temperature,
        walls=[fundamental_walls(above, polarization)],
        accuracy=accuracy,
        guess=lax.stop_gradient(closed.n_eff.real),
        absorbers=("right", "bottom"),
    )
    return mode


def _on_substrate(section: CrossSection, lower_cladding: Any, substrate: Any) -> CrossSection:
    """The section with its lowest row cut down to a thickness and a row of the substrate below it."""
    whole = section.unfolded(axis=1)
    if len({column[0] for column in whole.blocks}) > 1:
        raise ValueError("the section's lowest row is not of one medium, so there is no lower cladding to cut")
    y, x = jnp.asarray(whole.y), jnp.asarray(whole.x)
    foot = y[1] - lower_cladding
    y = jnp.concatenate([jnp.stack([foot - SUBSTRATE, foot]), y[1:]])
    x = jnp.concatenate([x[:, :1], x[:, :1], x[:, 1:]], axis=1)
    number = len(whole.media)
    blocks = tuple((number, *column) for column in whole.blocks)
    open_section = CrossSection(x, y, (*whole.media, substrate), blocks, whole.mirrored, whole.profile)
    right = np.shape(x)[0] - 2
    return open_section.divided(1, 1, BELOW).divided(0, right, BESIDE)
