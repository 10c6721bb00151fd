"""Free carriers in silicon: what electrons and holes do to its index and absorption, and how they move.

Changes of the index and of the absorption are sums of an electron and a hole part, each a power of the density, known
at 1.30 and 1.55 um. Between the two the logarithm of a change is linear in the logarithm of the wavelength at fixed
density: the changes are then powers of the wavelength, as they are in Drude's model of free carriers (where all go with
its square), and run monotonically from one published value to the other. To interpolate the published coefficients
themselves would be wrong: they belong to densities raised to different powers, and at 1.31 um electrons of 1e18 cm^-3
would absorb 8.2 /cm, where the ends have 4.6 and 9.0.

Densities are in cm^-3. The fits are said to hold from about 3e17 to 1e20 (second hand). Below, where absorption is
small and little has been measured, the powers go on down to 1e12. There they turn into straight lines (8e-10 of the
value at 1e16), for a power below one has an infinite slope at zero. No carriers, no change, and a finite gradient.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_range
from photonics_core.modes import IMPEDANCE, Mode
from photonics_core.profile import as_profile
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE

#: Wavelengths in um at which the changes are published.
PUBLISHED_WL = (1.30, 1.55)
#: Wavelengths in um that are allowed: O to L band. Outside of the published two the powers of the wavelength go on.
WL_RANGE = (1.26, 1.625)
#: Densities in cm^-3 that are allowed.
DENSITY_RANGE = (0.0, 1e20)
#: Densities in cm^-3 for which mobilities are given.
DOPING_RANGE = (1e13, 1e21)
#: Temperatures in K for which the intrinsic density is given; beyond 340 K it is an extrapolation.
TEMPERATURE_RANGE = (200.0, 400.0)

#: Elementary charge in fC, for densities in cm^-3 and volumes in um^3.
CHARGE_DENSITY = 1.602176634e-4 * 1e-12

# Powers are formed of densities in units of 1e18 cm^-3: 1e20 squared is too large for float32.
_UNIT = 1e18
_LINEAR_BELOW = 1e12 / _UNIT


@dataclass(frozen=True)
class PowerLaw:
    """A change that is a power of the density, coefficient density^exponent, at the two published wavelengths."""

    coefficients: tuple[float, float]
    exponents: tuple[float, float]

    def __call__(self, density_cm3: jax.Array, wl: jax.Array) -> jax.Array:
        """The change at a density in cm^-3 and a wavelength in um, of one shape."""
        # At fixed density the logarithm of the change is linear where log(coefficient) and the exponent both are.
        low, high = (math.log(a) + b * math.log(_UNIT) for a, b in zip(self.coefficients, self.exponents, strict=True))
        part = jnp.log(wl / PUBLISHED_WL[0]) / math.log(PUBLISHED_WL[1] / PUBLISHED_WL[0])
        exponent = self.exponents[0] + (self.exponents[1] - self.exponents[0]) * part
        x = density_cm3 / _UNIT
        return x * jnp.exp(low + (high - low) * part + 0.5 * (exponent - 1.0) * jnp.log(x * x + _LINEAR_BELOW**2))


@dataclass(frozen=True)
class PlasmaDispersion:
    """What electrons and holes take from the index, and what they add to the absorption in 1/cm."""

    electron_index: PowerLaw
    hole_index: PowerLaw
    electron_absorption_cm: PowerLaw
    hole_absorption_cm: PowerLaw


#: The published fits by name; the sources are given at `carrier_index_change`.
MODELS = {
    "nedeljkovic": PlasmaDispersion(
        PowerLaw((2.98e-22, 5.40e-22), (1.016, 1.011)),
        PowerLaw((1.25e-18, 1.53e-18), (0.835, 0.838)),
        PowerLaw((3.48e-22, 8.88e-21), (1.229, 1.167)),
        PowerLaw((1.02e-19, 5.84e-20), (1.089, 1.109)),
    ),
    "soref_bennett": PlasmaDispersion(
        PowerLaw((6.2e-22, 8.8e-22), (1.0, 1.0)),
        PowerLaw((6.0e-18, 8.5e-18), (0.8, 0.8)),
        PowerLaw((6.0e-18, 8.5e-18), (1.0, 1.0)),
        PowerLaw((4.0e-18, 6.0e-18), (1.0, 1.0)),
    ),
}


def carrier_index_change(electrons_cm3: Any, holes_cm3: Any, wl: Any, model: str = "nedeljkovic") -> jax.Array:
    """Change of the index of silicon by free carriers, never above zero; with one density zero, the part of the other.

    "nedeljkovic": M. Nedeljkovic, R. Soref and G. Z. Mashanovich, IEEE Photon. J. 3, 1171 (2011), table 1, the
    coefficients as three independent public programs have them. "soref_bennett": R. A. Soref and B. R. Bennett, IEEE J.
    Quantum Electron. 23, 123 (1987), in the form with the power 0.8 for holes that is quoted for 1.55 um and, by two
    public programs, for 1.3 um. From 1e17 to 1e19 the two differ by up to a quarter in the index and by up to 45 % in
    the absorption at 1.55 um, and in that of electrons of 1e17 at 1.3 um by a factor of 2.2.

    Args:
        electrons_cm3: density of electrons in cm^-3.
        holes_cm3: density of holes in cm^-3; the three arguments broadcast.
        wl: free-space wavelength in um.
        model: "nedeljkovic" or "soref_bennett".

    Returns:
        The change, of the common shape.

    Raises:
        ValueError: for a density outside [0, 1e20] cm^-3, a wavelength outside [1.26, 1.625] um or another model.
    """
    electrons, holes, wl = _checked(electrons_cm3, holes_cm3, wl, model)
    return -(MODELS[model].electron_index(electrons, wl) + MODELS[model].hole_index(holes, wl))


def carrier_absorption_cm(electrons_cm3: Any, holes_cm3: Any, wl: Any, model: str = "nedeljkovic") -> jax.Array:
    """Absorption of power by free carriers in silicon in 1/cm.

    Arguments, sources and errors are those of `carrier_index_change`.
    """
    electrons, holes, wl = _checked(electrons_cm3, holes_cm3, wl, model)
    return MODELS[model].electron_absorption_cm(electrons, wl) + MODELS[model].hole_absorption_cm(holes, wl)


def carrier_complex_index(electrons_cm3: Any, holes_cm3: Any, wl: Any, model: str = "nedeljkovic") -> jax.Array:
    """Complex change of the index of silicon, dn + i dalpha wl / (4 pi), for profiles of cross-sections.

    Arguments, sources and errors are those of `carrier_index_change`.
    """
    change = carrier_index_change(electrons_cm3, holes_cm3, wl, model)
    absorption = 1e-4 * carrier_absorption_cm(electrons_cm3, holes_cm3, wl, model)
    wl = jnp.broadcast_to(jnp.asarray(wl, change.dtype), change.shape)
    return jax.lax.complex(change, absorption * wl / (4.0 * math.pi))


class CarrierProfile(Shown):
    """The complex change of the index by carriers over a cross-section, to be given to `CrossSection.with_profile`.

    Args:
        densities: function of x, y (um) and the number of the medium that gives the densities of electrons and of holes
            in cm^-3; zero outside silicon. A callable `equinox.Module` may carry parameters to be differentiated.
        wl: free-space wavelength in um.
        model: as for `carrier_index_change`.
    """

    densities: Callable[[Any, Any, Any], tuple[Any, Any]] = eqx.field(converter=as_profile)
    wl: Any = eqx.field(converter=as_leaf)
    model: str = eqx.field(static=True, default="nedeljkovic")

    def __check_init__(self) -> None:
        check_within("wl", self.wl, WL_RANGE, "um")
        check_choice("model", self.model, MODELS)

    def __call__(self, x: Any, y: Any, medium: Any) -> jax.Array:
        """Complex change of the index at x and y in um in a medium of this number."""
        return carrier_complex_index(*self.densities(x, y, medium), self.wl, self.model)


def log_intrinsic_density(temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """Natural logarithm of the intrinsic density of silicon in cm^-3 at `temperature` in K.

    K. Misiakos and D. Tsamakis, J. Appl. Phys. 74, 3293 (1993): n_i = 5.29e19 (T / 300)^2.54 exp(-6726 / T), measured
    from 78 to 340 K; 9.7e9 cm^-3 at 300 K. The narrowing of the gap in doped silicon is left out.

    Raises:
        ValueError: for a temperature outside [200, 400] K.
    """
    check_within("temperature", temperature, TEMPERATURE_RANGE, "K")
    kelvin = jnp.asarray(temperature, jnp.result_type(float) if isinstance(temperature, int) else None)
    return math.log(5.29e19) + 2.54 * jnp.log(kelvin / 300.0) - 6726.0 / kelvin


def mobility_cm2_vs(doping_cm3: Any, carrier: str) -> jax.Array:
    """Mobility of the majority carriers of doped silicon at 300 K in cm^2/(V s).

    G. Masetti, M. Severi and S. Solmi, IEEE Trans. Electron Devices 30, 764 (1983), table 1 and equations 1 and 4, for
    phosphorus and boron (the numbers as several public programs have them). Near 300 K mobilities of 1e18 cm^-3 fall by
    some 0.2 % for each kelvin, which is left out.

    Args:
        doping_cm3: density of dopants in cm^-3.
        carrier: "electron" or "hole".

    Raises:
        ValueError: for a density outside [1e13, 1e21] cm^-3 or another carrier.
    """
    check_choice("carrier", carrier, ("electron", "hole"))
    check_within("doping_cm3", doping_cm3, DOPING_RANGE, "cm^-3")
    (density,) = same_shape(doping_cm3)
    if carrier == "electron":
        rise, fall = (density / 9.20e16) ** 0.711, (density / 3.41e20) ** 1.98
        return 68.5 + (1414.0 - 68.5) / (1.0 + rise) - 56.1 * fall / (1.0 + fall)
    rise, fall = (density / 2.23e17) ** 0.719, (density / 6.10e20) ** 2.0
    return 44.9 * jnp.exp(-9.23e16 / density) + 470.5 / (1.0 + rise) - 29.0 * fall / (1.0 + fall)


def resistivity(doping_cm3: Any, carrier: str) -> jax.Array:
    """Resistivity 1 / (q N mobility) of silicon at 300 K in kOhm um, dopants all ionised; see `mobility_cm2_vs`."""
    mobility = 1e-4 * mobility_cm2_vs(doping_cm3, carrier)  # in um^2/(V ps)
    return 1.0 / (CHARGE_DENSITY * doping_cm3 * mobility)


def mode_overlap(mode: Mode, x: tuple[Any, Any], y: tuple[Any, Any], points: int = 20) -> jax.Array:
    """d n_eff / d n of the rectangle of silicon between two x and two y in um, by the rule of Gauss and Legendre.

    Unlike `Mode.index_sensitivity` it depends smoothly on the edges, which broadcast.
    """
    left, right, foot, top = same_shape(*x, *y)
    nodes, weights = (jnp.asarray(part, left.dtype) for part in np.polynomial.legendre.leggauss(points))
    u, v = (0.5 * (nodes + 1.0).reshape(*(1,) * left.ndim, *shape) for shape in ((-1, 1), (1, -1)))
    across = left[..., None, None] + (right - left)[..., None, None] * u
    up = foot[..., None, None] + (top - foot)[..., None, None] * v
    square = jnp.sum(jnp.abs(mode.field_at(across, up).e) ** 2, axis=0)
    index = jnp.max(jnp.sqrt(mode.permittivity).real)
    density = index * square * (1.0 + across * mode.mesh.curvature.real) / (2.0 * IMPEDANCE)
    return 0.25 * (right - left) * (top - foot) * jnp.einsum("...ij,i,j->...", density, weights, weights)


def check_within(name: str, value: Any, bounds: tuple[float, float], unit: str) -> None:
    """Raise a `ValueError` unless `value` is within bounds, to the digits of float32: there 1e20 is a little more."""
    low, high = (bound * (1.0 + side * 1e-7) for bound, side in zip(bounds, (-1.0, 1.0), strict=True))
    check_range(name, value, low, high, unit)


def same_shape(*values: Any) -> list[jax.Array]:
    """Real numbers and arrays as floating arrays of their common shape."""
    arrays = [jnp.asarray(value) for value in values]
    arrays = [a if jnp.issubdtype(a.dtype, jnp.floating) else a.astype(jnp.result_type(float)) for a in arrays]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return [jnp.broadcast_to(a, shape) for a in arrays]


def _checked(electrons_cm3: Any, holes_cm3: Any, wl: Any, model: str) -> list[jax.Array]:
    check_choice("model", model, MODELS)
    check_within("electrons_cm3", electrons_cm3, DENSITY_RANGE, "cm^-3")
    check_within("holes_cm3", holes_cm3, DENSITY_RANGE, "cm^-3")
    check_within("wl", wl, WL_RANGE, "um")
    return same_shape(electrons_cm3, holes_cm3, wl)
