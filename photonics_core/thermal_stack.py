"""Layers of a chip as heat sees them: conductivities, boundaries, contacts, and temperature over power in a mode.

Conductivities are given in W/(m K), convection in W/(m^2 K) and contact resistance in m^2 K/W, as data sheets have
them, and turned here, in one place, into the package's units: 1 W/(m K) is 1e-3 mW/(um K), 1 W/(m^2 K) is 1e-9
mW/(um^2 K) and 1 m^2 K/W is 1e9 um^2 K/mW. Heat capacities are in fJ/(um^3 K), which is 1e-3 J/(cm^3 K), as in
`ThermalImpedance`. Temperatures are rises over the surroundings, which are equally warm below and above.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.heat import LayerStack, Slab, boundary_flux, slab_transfer
from photonics_core.runtime import as_leaf

CONDUCTIVITY, CONVECTION, CONTACT = 1e-3, 1e-9, 1e9  # mW/(um K), mW/(um^2 K) and um^2 K/mW of the SI units

#: Heat capacity in fJ/(um^3 K) and contact in m^2 K/W above those of anything.
_MOST_CAPACITY, _MOST_CONTACT = 1e5, 1.0


class ThermalMaterial(NamedTuple):
    """Conductivity in W/(m K), heat capacity in fJ/(um^3 K), and where they come from."""

    conductivity: float
    heat_capacity: float
    source: str


_FROM_MEMORY = "handbook value at 300 K, from memory"
_FEMWELL = "as the examples of the public program femwell have it, second hand"
#: Constants at 300 K. Films conduct less than bulk and differ between deposits: a measured value is better.
THERMAL_MATERIALS = {
    "silicon": ThermalMaterial(148.0, 1665.0, f"conductivity {_FEMWELL}; capacity of `SILICON_HEAT_CAPACITY`"),
    "silicon film": ThermalMaterial(70.0, 1665.0, f"{_FROM_MEMORY}: 50 to 90 W/(m K) for 0.22 um; femwell has 90"),
    "doped silicon film": ThermalMaterial(55.0, 1665.0, f"conductivity {_FEMWELL}"),
    "silica": ThermalMaterial(1.38, 1562.0, f"1.38 W/(m K), 709 J/(kg K) and 2203 kg/m^3 {_FEMWELL}"),
    "silicon nitride": ThermalMaterial(10.0, 2200.0, f"{_FROM_MEMORY}; films have 1 to 20 W/(m K)"),
    "aluminium": ThermalMaterial(237.0, 2420.0, _FROM_MEMORY),
    "copper": ThermalMaterial(398.0, 3440.0, _FROM_MEMORY),
    "titanium nitride": ThermalMaterial(28.0, 3134.0, f"28 W/(m K), 598 J/(kg K) and 5240 kg/m^3 {_FEMWELL}"),
    "underfill": ThermalMaterial(1.0, 1700.0, f"{_FROM_MEMORY}; 0.5 to 2 W/(m K) with its filler"),
}


class FixedTemperature(Shown):
    """A face that is kept as warm as the surroundings."""

    def admittance(self) -> tuple[Any, Any]:
        """Flux and temperature (p, q) of which the admittance is the quotient, mW/(um^2 K)."""
        return 1.0, 0.0


class Convection(Shown):
    """A face that gives off heat in proportion to its temperature, with a coefficient in W/(m^2 K)."""

    coefficient: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_range("coefficient", self.coefficient, 0.0, np.inf, "W/(m^2 K)")

    def admittance(self) -> tuple[Any, Any]:
        """Flux and temperature (p, q) of which the admittance is the quotient, mW/(um^2 K)."""
        return CONVECTION * self.coefficient, 1.0


class Adiabatic(Shown):
    """A face through which no heat goes."""

    def admittance(self) -> tuple[Any, Any]:
        """Flux and temperature (p, q) of which the admittance is the quotient, mW/(um^2 K)."""
        return 0.0, 1.0


class Layer(Shown):
    """A layer of the stack.

    Args:
        name: what it is called.
        thickness: in um.
        conductivity: across the layer, in W/(m K).
        in_plane: conductivity along the layer in W/(m K); None for the same.
        heat_capacity: in fJ/(um^3 K); only transients use it.
        contact: resistance between it and what is below, in m^2 K/W.

    Raises:
        ValueError: for a thickness, conductivity or heat capacity that is not above zero, a contact below zero, or a
            heat capacity above 1e5 fJ/(um^3 K) or contact above 1 m^2 K/W, as other units give them.
    """

    name: str = eqx.field(static=True)
    thickness: Any = eqx.field(converter=as_leaf)
    conductivity: Any = eqx.field(converter=as_leaf)
    in_plane: Any = eqx.field(converter=as_leaf, default=None)
    heat_capacity: Any = eqx.field(converter=as_leaf, default=1700.0)
    contact: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_positive(f"thickness of {self.name!r}", self.thickness, "um")
        check_positive(f"conductivity of {self.name!r}", self.conductivity, "W/(m K)")
        if self.in_plane is not None:
            check_positive(f"in_plane of {self.name!r}", self.in_plane, "W/(m K)")
        check_positive(f"heat_capacity of {self.name!r}", self.heat_capacity, "fJ/(um^3 K)")
        # Above any material: these are J/(m^3 K) and um^2 K/mW that were not turned into the units asked for.
        check_range(f"heat_capacity of {self.name!r}", self.heat_capacity, 0.0, _MOST_CAPACITY, "fJ/(um^3 K)")
        check_range(f"contact of {self.name!r}", self.contact, 0.0, _MOST_CONTACT, "m^2 K/W")

    @classmethod
    def of(cls, name: str, material: str, thickness: Any, **changes: Any) -> "Layer":
        """A layer of a material of `THERMAL_MATERIALS`.

        Raises:
            ValueError: for a material that is not there, and as the class does.
        """
        check_choice("material", material, THERMAL_MATERIALS)
        known = THERMAL_MATERIALS[material]
        return cls(name, thickness, **{"conductivity": known[0], "heat_capacity": known[1], **changes})


class ThermalRegion(Shown):
    """Where power goes in, or a temperature is averaged: a shape seen from above, and a slab of a layer.

    A heater's film counts as material of its layer: only its heat is put there, evenly.

    Args:
        shape: of `heat_shapes`.
        layer: name of the layer.
        height: of the lower face over the bottom of the layer in um.
        thickness: in um; None for all that is above.
    """

    shape: Any
    layer: str = eqx.field(static=True)
    height: Any = eqx.field(converter=as_leaf, default=0.0)
    thickness: Any = eqx.field(converter=as_leaf, default=None)

    def __check_init__(self) -> None:
        check_range("height", self.height, 0.0, np.inf, "um")
        if self.thickness is not None:
            check_positive("thickness", self.thickness, "um")


class ThermalStack(Shown):
    """Layers from the bottom to the top, and what is below and above.

    Args:
        layers: at least one, with names of their own.
        bottom, top: `FixedTemperature`, `Convection` or `Adiabatic`.

    Raises:
        ValueError: without layers, for a name used twice, or where no heat can leave at the bottom or at the top.
    """

    layers: tuple[Layer, ...] = eqx.field(converter=tuple)
    bottom: Any = FixedTemperature()
    top: Any = Adiabatic()

    def __check_init__(self) -> None:
        for layer in self.layers:
            check_kind("layer", layer, Layer)
        names = [layer.name for layer in self.layers]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"layers = {names} are not one or more with names of their own")
        if not any(_is_sink(face) for face in (self.bottom, self.top)):
            raise ValueError("bottom and top let no heat out, so that there is no steady temperature; cool one of them")

    @classmethod
    def between(cls, heights: Any, layers: Any, bottom: Any, top: Any) -> "ThermalStack":
        """Layers by the heights of their faces in um, shape [L, 2], as drawings have them, instead of by thickness.

        Raises:
            ValueError: for layers that overlap or leave a gap.
        """
        heights = np.asarray(heights, float)
        if heights.shape != (len(layers), 2):
            raise ValueError(f"heights of shape {heights.shape} are not [{len(layers)}, 2]")
        for below, above, low, high in zip(layers[:-1], layers[1:], heights[:-1, 1], heights[1:, 0], strict=True):
            if abs(high - low) > 1e-9 * max(1.0, abs(low)):
                fault = "overlap" if high < low else "leave a gap"
                raise ValueError(f"{below.name!r} up to {low:g} um and {above.name!r} from {high:g} um {fault}")
        sized = (
            Layer(e.name, b - a, e.conductivity, e.in_plane, e.heat_capacity, e.contact)
            for e, (a, b) in zip(layers, heights, strict=True)
        )
        return cls(tuple(sized), bottom, top)

    def index(self, name: str) -> int:
        """Number of a layer; a `ValueError` if there is none of this name."""
        names = [layer.name for layer in self.layers]
        check_choice("layer", name, names)
        return names.index(name)

    def slab(self, region: ThermalRegion) -> Slab:
        """The slab of a region.

        Raises:
            ValueError: for a slab that is not within its layer.
        """
        number = self.index(region.layer)
        whole, low = self.layers[number].thickness, region.height
        high = whole if region.thickness is None else low + region.thickness
        if is_concrete(whole, low, high) and (
            np.any(np.asarray(high) > np.asarray(whole) * (1.0 + 1e-9)) or np.any(np.asarray(high) <= np.asarray(low))
        ):
            raise ValueError(
                f"region from {float(low):g} to {float(high):g} um is outside layer {region.layer!r}, "
                f"which is {float(whole):g} um thick"
            )
        return Slab(number, low, high)

    def kernel(self, dtype: Any = None) -> LayerStack:
        """The stack in coherent units, arrays of a real type."""
        dtype = jnp.result_type(float) if dtype is None else dtype

        def each(values: list[Any], factor: float) -> jax.Array:
            return factor * jnp.stack([jnp.asarray(value, dtype) for value in values])

        layers = self.layers
        (p, q), (top_p, top_q) = (face.admittance() for face in (self.bottom, self.top))
        return LayerStack(
            each([e.thickness for e in layers], 1.0),
            each([e.conductivity for e in layers], CONDUCTIVITY),
            each([e.conductivity if e.in_plane is None else e.in_plane for e in layers], CONDUCTIVITY),
            each([e.heat_capacity for e in layers], 1.0),
            each([e.contact for e in layers], CONTACT),
            (jnp.asarray(p, dtype), jnp.asarray(q, dtype)),
            (jnp.asarray(top_p, dtype), jnp.asarray(top_q, dtype)),
        )

    def transfer(self, kappa: Any, source: ThermalRegion, probe: ThermalRegion) -> jax.Array:
        """Mean temperature over the slab of a probe for unit power in that of a source, in a mode exp(i kappa . r).

        Args:
            kappa: lateral wavenumber in 1/um, any shape; 0 for heat that is the same everywhere.
            source, probe: regions; their shapes are not looked at.

        Returns:
            Temperature over power per area in K um^2/mW.
        """
        square = jnp.asarray(kappa, jnp.result_type(float)) ** 2
        rate = jnp.zeros((), square.dtype)
        return slab_transfer(self.kernel(), square, rate, _arrays(self.slab(source)), _arrays(self.slab(probe)))

    def heat_flow(self, source: ThermalRegion) -> tuple[jax.Array, jax.Array]:
        """Parts of a region's power that leave at the bottom and at the top."""
        zero = jnp.zeros((), jnp.result_type(float))
        return boundary_flux(self.kernel(), zero, zero, _arrays(self.slab(source)))


def _arrays(slab: Slab) -> Slab:
    dtype = jnp.result_type(float)
    return Slab(slab.layer, jnp.asarray(slab.low, dtype), jnp.asarray(slab.high, dtype))


def _is_sink(face: Any) -> bool:
    """Whether heat can leave; a coefficient that is traced counts as a sink."""
    if isinstance(face, Convection):
        return not is_concrete(face.coefficient) or bool(np.all(np.asarray(face.coefficient) > 0.0))
    if not isinstance(face, FixedTemperature | Adiabatic):
        raise ValueError(f"boundary {face!r} is not FixedTemperature, Convection or Adiabatic")
    return isinstance(face, FixedTemperature)
