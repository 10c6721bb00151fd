"""How an effective index, and the resonances of a ring, change with what fabrication changes.

A ring of length L is on resonance where n_eff L = m wl, so that with the group index on the left

    d wl / dp = (wl / n_g) d n_eff / dp    for a width, a height, a side wall or a temperature p;

the length is taken as drawn. Derivatives are those of the polynomial of an index map, or of a mode solve.
"""

from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.cross_section import CrossSection
from photonics_core.index_map import IndexMap
from photonics_core.kernels.checks import check_choice, check_kind, is_concrete
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import fundamental_mode
from photonics_core.units import REFERENCE_TEMPERATURE

#: What `strip_sensitivities` differentiates by.
DIMENSIONS = ("width", "thickness", "sidewall_angle", "temperature")


def index_sensitivities(index: IndexMap, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> dict[str, jax.Array]:
    """Derivatives of the effective index of a map by its parameters and by temperature.

    Args:
        index: the map, at the parameters where the derivatives are wanted.
        wl: free-space wavelength in um.
        temperature: temperature in K.

    Returns:
        Derivatives by name, 1/um for lengths, and "temperature" in 1/K unless the map has only one.

    Raises:
        ValueError: for another kind of index, or a value outside the map.
    """
    check_kind("index", index, IndexMap)
    start = {name: jnp.asarray(value, jnp.result_type(float)) for name, value in index.parameters.items()}
    index.effective_index(wl, temperature)
    found = jax.jacfwd(lambda values: index.at(**values).effective_index(wl, temperature))(start)
    low, high = dict(index.bounds)["temperature"]
    return found | ({"temperature": index.thermo_optic(wl, temperature)} if high > low else {})


def resonance_sensitivities(index: IndexMap, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> dict[str, jax.Array]:
    """Derivatives of a resonance at `wl` by the same, um/um for lengths and um/K for the temperature."""
    scale = jnp.asarray(wl) / index.group_index(wl, temperature)
    return {name: scale * slope for name, slope in index_sensitivities(index, wl, temperature).items()}


def strip_sensitivities(
    width: Any = 0.5,
    thickness: Any = 0.22,
    core: Any = SILICON,
    cladding: Any = SILICA,
    *,
    wl: Any = 1.55,
    temperature: Any = REFERENCE_TEMPERATURE,
    sidewall_angle: Any = 90.0,
    polarization: str = "te",
    accuracy: str = "fast",
) -> dict[str, jax.Array]:
    """Derivatives of a resonance of a strip by its dimensions, from one mode solve and its adjoint.

    Args:
        width: width in um at half height.
        thickness: height in um.
        core, cladding: media, as for `CrossSection`.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        sidewall_angle: in degrees.
        polarization: "te" or "tm".
        accuracy: of the mode solver.

    Returns:
        By "width" and "thickness" in um/um, by "sidewall_angle" in um per degree, by "temperature" in um/K (dn/dT of
        the media alone, 0 for numbers). About 90 degrees walls that lean either way are mirror images in a uniform
        cladding, and the derivative by the angle is 0.

    Raises:
        ValueError: as `CrossSection` and `fundamental_mode` do.
    """
    check_choice("polarization", polarization, ("te", "tm"))
    if is_concrete(width, thickness, sidewall_angle):  # bad input shows before anything is traced
        CrossSection.strip(width, thickness, core, cladding, sidewall_angle=sidewall_angle)

    def index_at(point: jax.Array) -> tuple[jax.Array, jax.Array]:
        section = CrossSection.strip(point[0], point[1], core, cladding, sidewall_angle=point[2])
        mode = fundamental_mode(section, wl, point[3], polarization=polarization, accuracy=accuracy)
        return mode.n_eff.real, mode.n_g.real

    dtype = jnp.result_type(float)
    point = jnp.stack([jnp.asarray(each, dtype) for each in (width, thickness, sidewall_angle, temperature)])
    (_, n_g), slopes = jax.jit(jax.value_and_grad(index_at, has_aux=True))(point)
    return dict(zip(DIMENSIONS, jnp.asarray(wl, dtype) / n_g * slopes, strict=True))
