"""Refractive indices of the materials of silicon photonics, over wavelength and temperature.

A `Material` is a published formula n(wl, T) together with the ranges it holds in. The group index and the
thermo-optic coefficient are exact derivatives of that formula, so the three never disagree, and all are
functions of wavelength and of temperature: between 22 and 80 degrees Celsius a thermo-optic coefficient of
silicon held constant over a band misses up to 10 % of the shift of a filter (Opt. Express 27, 27229 (2019)).

All values are of bulk or film material without loss, at normal pressure. What a foundry deposits differs from
them by more than the digits given here, oxide and nitride most: `dataclasses.replace` makes a material of
your own, and any function of wavelength and temperature can be its formula.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_range, is_concrete
from photonics_core.units import REFERENCE_TEMPERATURE


@dataclasses.dataclass(frozen=True)
class Sellmeier:
    """Sellmeier dispersion at one temperature, with an index that is linear in temperature.

    n(wl, T) = sqrt(1 + sum_k strengths[k] wl^2 / (wl^2 - resonances[k]^2)) + thermo_optic (T - temperature)

    Attributes:
        strengths: Oscillator strengths.
        resonances: Resonance wavelengths in um, one for each strength.
        temperature: Temperature in K at which the dispersion was measured.
        thermo_optic: Change of the index with temperature in 1/K.
    """

    strengths: tuple[float, ...]
    resonances: tuple[float, ...]
    temperature: float
    thermo_optic: float

    def __call__(self, wl: Any, temperature: Any) -> Any:
        """Index at wavelength `wl` (um) and `temperature` (K)."""
        terms = [b * wl**2 / (wl**2 - c**2) for b, c in zip(self.strengths, self.resonances, strict=True)]
        return jnp.sqrt(1.0 + sum(terms)) + self.thermo_optic * (temperature - self.temperature)


def li_silicon(wl: Any, temperature: Any) -> Any:
    """Index of crystalline silicon at wavelength `wl` (um) and `temperature` (K).

    H. H. Li, J. Phys. Chem. Ref. Data 9, 561 (1980), the fit for 1.2 to 14 um. His expansion for 293 K and
    above serves at every temperature here; between 250 and 293 K it moves the index by less than 1e-5.
    """
    t = temperature
    permittivity = 11.4445 + t * (2.7739e-4 + t * (1.7050e-6 - t * 8.1347e-10))
    expansion = -7.1e-4 + t * (1.887e-6 + t * (1.934e-9 - t * 4.544e-13))
    dispersion = jnp.exp(-3.0 * expansion) * (0.8948 + t * (4.3977e-4 + t * 7.3835e-8))
    return jnp.sqrt(permittivity + dispersion / wl**2)


class Material(Shown):
    """A transparent material: its refractive index over wavelength and temperature.

    Every method takes a free-space wavelength `wl` in um and a temperature in K, floats or real arrays of
    shapes that broadcast, and returns a real array of the common shape. All may be traced and differentiated.

    A value outside the ranges is a `ValueError` that names it; a traced value that turns out to be outside
    raises `equinox.EquinoxRuntimeError` when the compiled function runs.

    A material has no parameters to fit and so no leaves: it is hashable, and equal to another by value.

    Attributes:
        name: What it is.
        formula: n(wl, temperature), elementwise and traceable by JAX. It may assume valid arguments.
        wl_range: Shortest and longest valid wavelength in um.
        temperature_range: Lowest and highest valid temperature in K.
        sources: Where the numbers come from.
    """

    name: str = eqx.field(static=True)
    formula: Callable[[Any, Any], Any] = eqx.field(static=True)
    wl_range: tuple[float, float] = eqx.field(static=True)
    temperature_range: tuple[float, float] = eqx.field(static=True)
    sources: tuple[str, ...] = eqx.field(static=True, default=())

    def __check_init__(self) -> None:
        for name, (low, high) in (("wl_range", self.wl_range), ("temperature_range", self.temperature_range)):
            if not 0.0 < low < high:
                raise ValueError(f"{name} = ({low:g}, {high:g}) is not a pair of rising positive numbers")

    def index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Refractive index n."""
        return self.formula(*self._checked(wl, temperature))

    def group_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Group index n - wl dn/dwl."""
        wl, temperature = self._checked(wl, temperature)
        n, slope = _derivative(lambda w: self.formula(w, temperature), wl)
        return n - wl * slope

    def thermo_optic(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Thermo-optic coefficient dn/dT in 1/K at constant wavelength."""
        wl, temperature = self._checked(wl, temperature)
        return _derivative(lambda t: self.formula(wl, t), temperature)[1]

    def _checked(self, wl: Any, temperature: Any) -> tuple[jax.Array, jax.Array]:
        wl = _within("wl", wl, self.wl_range, "um", self.name)
        temperature = _within("temperature", temperature, self.temperature_range, "K", self.name)
        shape = np.broadcast_shapes(wl.shape, temperature.shape)
        return jnp.broadcast_to(wl, shape), jnp.broadcast_to(temperature, shape)


def _derivative(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Value and slope of an elementwise function: one forward pass gives the diagonal of the Jacobian."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))


def _within(name: str, value: Any, bounds: tuple[float, float], unit: str, material: str) -> jax.Array:
    """Turn `value` into a floating array whose elements are inside `bounds`."""
    array = _floating(name, value)
    # A bound is compared in the precision of the value: 3.71 in float32 is a little above 3.71 in float64.
    low, high = (float(np.asarray(bound, array.dtype)) for bound in bounds)
    if is_concrete(array):
        check_range(name, array, low, high, unit)
        return array
    message = f"{name} is outside [{low:g}, {high:g}] {unit}, where the index of {material} is known"
    return eqx.error_if(array, ~((array >= low) & (array <= high)), message)


def _floating(name: str, value: Any) -> jax.Array:
    """Real array of `value`; a Python number stays weakly typed and takes on the other's precision."""
    if isinstance(value, int | float) and not isinstance(value, np.generic):
        return jnp.asarray(float(value))
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {value!r} is not a real number") from None
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise ValueError(f"{name} = {value!r} is not real")
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(jnp.result_type(float))


SILICON = Material(
    "silicon",
    li_silicon,
    wl_range=(1.2, 14.0),
    temperature_range=(250.0, 500.0),
    sources=("H. H. Li, J. Phys. Chem. Ref. Data 9, 561 (1980), doi 10.1063/1.555624",),
)
"""Crystalline silicon, intrinsic. n(1.55 um, 300 K) = 3.4770, dn/dT = 1.838e-4 /K.

Li's critical fit of the published measurements in 1.2 to 14 um and 100 to 750 K. The formula agrees with his
printed tables for 250 to 450 K within 1e-4, one unit of their last digit. Published samples differ by more:
up to 5e-3 in the index (Frey, Leviton and Madison (2006)), and 1.80 to 1.87e-4 /K in dn/dT at 1.55 um and
300 K. At 1.31 um dn/dT is 1.938e-4 /K, 5 % more than at 1.55 um; both rise by about 0.14 % for each kelvin.
Free carriers and strain are not included.
"""

SILICA = Material(
    "silica",
    Sellmeier(
        strengths=(0.6961663, 0.4079426, 0.8974794),
        resonances=(0.0684043, 0.1162414, 9.896161),
        temperature=293.15,
        thermo_optic=8.5e-6,
    ),
    wl_range=(0.21, 3.71),
    temperature_range=(250.0, 400.0),
    sources=(
        "dispersion: I. H. Malitson, J. Opt. Soc. Am. 55, 1205 (1965), doi 10.1364/JOSA.55.001205",
        "thermo-optic coefficient: G. M. Rego, Sensors 23, 6023 (2023), doi 10.3390/s23136023",
    ),
)
"""Fused silica (glass, not quartz). n(1.55 um, 300 K) = 1.4441, dn/dT = 8.5e-6 /K.

Dispersion: Malitson at 20 degrees Celsius over 0.21 to 3.71 um, relative to air; the index relative to vacuum
is larger by about 4e-4. Thermo-optic coefficient: four bulk glasses have 8.16 to 8.53e-6 /K at 1.55 um and
293 K; Corning 7980 hardly changes it above 1.3 um but reaches 8.74e-6 /K in the visible. Held constant here
over wavelength and temperature; above 300 K that is an extrapolation.

Deposited oxide is another material: 0.95(10)e-5 /K and n = 1.428(11) at 1.55 um (Arbabi and Goddard, Opt.
Lett. 38, 3878 (2013)), or 0.57(5)e-5 /K at 300 K (Johnson et al., Opt. Express 30, 46134 (2022)). For the
first, `dataclasses.replace(SILICA, formula=dataclasses.replace(SILICA.formula, thermo_optic=0.95e-5))`.
"""

SILICON_NITRIDE = Material(
    "silicon nitride",
    Sellmeier(
        strengths=(3.0249, 40314.0),
        resonances=(0.1353406, 1239.842),
        temperature=293.15,
        thermo_optic=2.45e-5,
    ),
    wl_range=(0.31, 5.504),
    temperature_range=(250.0, 400.0),
    sources=(
        "dispersion: K. Luke et al., Opt. Lett. 40, 4823 (2015), doi 10.1364/OL.40.004823",
        "thermo-optic coefficient: A. Arbabi and L. L. Goddard, Opt. Lett. 38, 3878 (2013)",
    ),
)
"""Stoichiometric silicon nitride, deposited at low pressure. n(1.55 um, 300 K) = 1.9964, dn/dT = 2.45e-5 /K.

Dispersion: Luke et al., a 340 nm film, 0.31 to 5.504 um; no temperature is stated with it, so 20 degrees
Celsius is assumed (5 K of error is 1e-4 in the index). Films differ by more: Arbabi and Goddard find 1.977(3)
at 1.55 um. Thermo-optic coefficient: 2.45(9)e-5 /K, measured near 1.55 um only, and held constant: at 1.31 um
and in the visible it is an extrapolation. Johnson et al., Opt. Express 30, 46134 (2022), find 2.51(8)e-5 /K.
"""
