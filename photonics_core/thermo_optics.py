"""Thermo-optics beside the materials: films whose index falls as they warm, and how far silicon expands.

dn/dT of silicon, silica and silicon nitride over wavelength and temperature are derivatives of the formulas of
`photonics_core.materials` (`Material.thermo_optic`). Here are films for athermal guides, known far less well: a
constant index and a constant dn/dT each. `film` makes one of your own, and `with_thermo_optic` a deposited relative
of a material.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.kernels.checks import check_finite, check_kind, check_positive
from photonics_core.materials import Material
from photonics_core.units import REFERENCE_TEMPERATURE

#: Temperatures in K at which Okada and Tokumaru measured.
EXPANSION_RANGE = (120.0, 1500.0)


@dataclasses.dataclass(frozen=True)
class FilmIndex:
    """n(wl, T) = index + thermo_optic (T - temperature), without dispersion."""

    index: float
    thermo_optic: float
    temperature: float = REFERENCE_TEMPERATURE

    def __call__(self, wl: Any, temperature: Any) -> Any:
        """Index at `temperature` (K); the wavelength only gives the shape."""
        return self.index + self.thermo_optic * (temperature - self.temperature) + 0.0 * wl


@dataclasses.dataclass(frozen=True)
class Moved:
    """A formula with another dn/dT: the index of `formula` at `temperature`, plus thermo_optic (T - temperature)."""

    formula: Any
    thermo_optic: float
    temperature: float = REFERENCE_TEMPERATURE

    def __call__(self, wl: Any, temperature: Any) -> Any:
        """Index at wavelength `wl` (um) and `temperature` (K)."""
        here = jnp.full_like(jnp.asarray(temperature), self.temperature)
        return self.formula(wl, here) + self.thermo_optic * (temperature - self.temperature)


def film(
    name: str,
    index: float,
    thermo_optic: float,
    *,
    wl_range: tuple[float, float] = (1.2, 1.7),
    temperature_range: tuple[float, float] = (250.0, 400.0),
    sources: tuple[str, ...] = (),
) -> Material:
    """A film of constant index and constant dn/dT.

    Args:
        name: what it is.
        index: index at 300 K.
        thermo_optic: dn/dT in 1/K, below zero for most polymers.
        wl_range, temperature_range: where it holds, in um and K.
        sources: where the numbers come from.

    Raises:
        ValueError: for an index that is not above zero, or a coefficient that is not finite.
    """
    check_positive("index", index)
    check_finite("thermo_optic", thermo_optic, "1/K")
    return Material(name, FilmIndex(float(index), float(thermo_optic)), wl_range, temperature_range, sources)


def with_thermo_optic(material: Material, thermo_optic: float) -> Material:
    """The same material with another dn/dT, constant over wavelength and temperature; its index at 300 K stays.

    Args:
        material: the material.
        thermo_optic: dn/dT in 1/K.

    Raises:
        ValueError: for something else than a `Material`, or a coefficient that is not finite.
    """
    check_kind("material", material, Material)
    check_finite("thermo_optic", thermo_optic, "1/K")
    name = f"{material.name}, dn/dT = {thermo_optic:g} /K"
    return dataclasses.replace(material, name=name, formula=Moved(material.formula, float(thermo_optic)))


def silicon_expansion(temperature: Any) -> jax.Array:
    """Linear thermal expansion of silicon in 1/K at a `temperature` in K, 2.57e-6 at 300 K.

    Y. Okada and Y. Tokumaru, J. Appl. Phys. 56, 314 (1984), by its abstract: their fit from 120 to 1500 K, within which
    samples scatter by 2e-7. Thin films on a silicon wafer follow it in their plane.
    """
    t = jnp.asarray(temperature, jnp.result_type(float))
    return 1e-6 * (3.725 * -jnp.expm1(-5.88e-3 * (t - 124.0)) + 5.548e-4 * t)


TITANIA = film(
    "titania film",
    2.25,
    -1.0e-4,
    sources=(
        "index: 2.2 to 2.3 for amorphous films, as quoted by I. Hegeman et al., Development of low-loss TiO2 "
        "waveguides (2020)",
        "thermo-optic coefficient: between those published, from -4.9e-5 /K (A. Madani and S. Sedaghat, Appl. Phys. B "
        "125 (2019), abstract) to about -2e-4 /K (second hand)",
    ),
)
"""Amorphous titanium dioxide. n = 2.25, dn/dT = -1e-4 /K: a value between published ones that differ fourfold.

Stress of the film adds to what its index does (J. Bovington et al. (2014), Thermal stress implications in athermal TiO2
waveguides on a silicon substrate): measure your own before a design rests on it.
"""

PMMA = film("PMMA", 1.481, -1.05e-4, sources=("both numbers are second hand; no source was read",))
"""Poly(methyl methacrylate), near 1.55 um. n = 1.481, dn/dT = -1.05e-4 /K, both second hand.

Polymers follow dn/dT = -0.56 (volume expansion) - 4e-6 /K (Z. Zhang et al., Polymer 47, 4893 (2006), abstract; the
pages are second hand), so that one that expands more serves athermal guides better.
"""
