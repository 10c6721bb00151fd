"""What fabrication does to width, thickness, sidewall angle and temperature: numbers for one wafer, die and device.

A quantity at the place (x, y) of a die at (X, Y) of a wafer of radius R is, in its own unit,

    nominal + sum_t c_t p_t((X + x) / R, (Y + y) / R) + d + f(x, y) + e,

with the terms p of `TERMS` (offset 1, tilts u and v, bowl u^2 + v^2, saddle u^2 - v^2, twist 2 u v, rim (u^2 + v^2)^2).
All random numbers are normal and independent:

    c_t   mean c_t of the process, and a part for each lot and one for each wafer
    d     one for each die
    f     a field with a standard deviation and a correlation length, see `kernels.random_field` for its covariances
    e     one for each device: the mean of a rough line edge over the length of the device, sd falling as sqrt(2 Lc / L)

So devices of one layout are correlated by how far they are apart. Quantities are independent of each other, and the
field is stationary; both are left out.

Published, for silicon wires of about 500 x 220 nm. "Second hand" was not read by us in the paper itself.

    width sd 3.9 nm, thickness sd 1.3 nm, correlation length 4.5 mm: Z. Lu et al., Opt. Express 25, 9712 (2017), e-beam
        written chips, second hand
    six numbers (mean, sd and length of both), draws by Cholesky: J. Jhoja et al., Opt. Express 28, 7799 (2020),
        abstract
    105 GHz within a die and 1 THz over a wafer of microdisks: W. A. Zortman et al., Opt. Express 18, 23598 (2010),
        abstract
    process variance 1 nm^2 per cm of distance, as a random walk: an abstract by M. Mohamed and others; so an
        "exponential" field with 2 sd^2 / length = 1 nm^2 / cm
    nonuniformity of rings within a chip below 1 nm, and of some nm over a wafer: S. K. Selvaraja et al., IEEE J. Sel.
        Top. Quantum Electron. 16, 316 (2010), second hand; L. Chrostowski et al., OFC 2014, Th2A.37, second hand
    width and thickness told from spectra to 0.37 and 0.26 nm: Y. Xing et al., Photon. Res. 6, 1008 (2018), abstract
    wafer, die and device levels, maps as radial polynomials: W. Bogaerts, Y. Xing and U. Khan, IEEE J. Sel. Top.
        Quantum Electron. 25, 6100413 (2019), and Y. Xing et al., ACS Photonics 10, 928 (2023), abstracts; W. Bogaerts
        and L. Chrostowski, Laser Photonics Rev. 12, 1700237 (2018), second hand
    silicon nitride, by inference: 28 nm of width, 0.8 nm of thickness: Z. Zhang et al., Opt. Express 31, 23651 (2023),
        abstract
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import check_number
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_positive, check_range
from photonics_core.kernels.random_field import ORDERS
from photonics_core.runtime import as_leaf

#: Terms of the polynomial over a wafer.
TERMS = ("offset", "tilt_x", "tilt_y", "bowl", "saddle", "twist", "rim")


def _as_coefficients(value: Any) -> Any:
    """Coefficients in the order of `TERMS` from a mapping of names, or from all of them."""
    if isinstance(value, Mapping):
        for name in value:
            check_choice("term", name, TERMS)
        value = [value.get(name, 0.0) for name in TERMS]
    return as_leaf(value)


def _none() -> Any:
    return np.zeros(len(TERMS))


class Variation(Shown):
    """How one quantity varies; all standard deviations in the unit of the quantity, 0 for none.

    Args:
        nominal: the value that is meant.
        wafer_mean: coefficients over every wafer, at its rim, as {"bowl": 2e-3} or all seven in the order of `TERMS`.
        lot_sd, wafer_sd: standard deviations of coefficients from lot to lot and from wafer to wafer, likewise.
        die_sd: from die to die.
        field_sd: of the field within a die.
        field_length: correlation length of the field in um.
        local_sd: of the quantity at one place of a device by line edges alone: sqrt(2) times the roughness of an edge
            for a width.
        local_length: correlation length of the line edge in um.
        kind: covariance of the field: "exponential", "matern32", "matern52" or "gaussian".

    Raises:
        ValueError: for a number outside its range, or coefficients that are not one for each term.
    """

    nominal: Any = eqx.field(converter=as_leaf)
    wafer_mean: Any = eqx.field(converter=_as_coefficients, default_factory=_none)
    lot_sd: Any = eqx.field(converter=_as_coefficients, default_factory=_none)
    wafer_sd: Any = eqx.field(converter=_as_coefficients, default_factory=_none)
    die_sd: Any = eqx.field(converter=as_leaf, default=0.0)
    field_sd: Any = eqx.field(converter=as_leaf, default=0.0)
    field_length: Any = eqx.field(converter=as_leaf, default=4500.0)
    local_sd: Any = eqx.field(converter=as_leaf, default=0.0)
    local_length: Any = eqx.field(converter=as_leaf, default=0.05)
    kind: str = eqx.field(static=True, default="gaussian")

    def __check_init__(self) -> None:
        check_choice("kind", self.kind, ORDERS)
        check_finite("nominal", self.nominal)
        check_finite("wafer_mean", self.wafer_mean)
        for name in ("lot_sd", "wafer_sd", "die_sd", "field_sd", "local_sd"):
            check_range(name, getattr(self, name), 0.0, np.inf)
        for name in ("field_length", "local_length"):
            check_positive(name, getattr(self, name), "um")
        for name in ("wafer_mean", "lot_sd", "wafer_sd"):
            if np.shape(getattr(self, name)) != (len(TERMS),):
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} is not one for each of {TERMS}")
        for name in ("nominal", "die_sd", "field_sd", "field_length", "local_sd", "local_length"):
            check_number(name, getattr(self, name))


class ProcessVariation(Shown):
    """The quantities that vary, by name: "width", "thickness" in um, "sidewall_angle" in degrees, "temperature" in K.

    Args:
        quantities: a `Variation` by name; other names are free.

    Raises:
        ValueError: for no quantity, or another kind.
    """

    quantities: dict[str, Variation] = eqx.field(converter=dict)

    def __check_init__(self) -> None:
        if not self.quantities:
            raise ValueError("quantities = {} has nothing that varies")
        for name, each in self.quantities.items():
            check_kind(f"quantities[{name!r}]", each, Variation)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the quantities, sorted, as draws are numbered."""
        return tuple(sorted(self.quantities))


def silicon_process(
    width: float = 0.5, thickness: float = 0.22, *, width_sd: float = 3.9e-3, thickness_sd: float = 1.3e-3
) -> ProcessVariation:
    """Width and thickness in um with gaussian fields of 4.5 mm, as Lu et al. (2017), second hand, see the module."""
    return ProcessVariation(
        {
            "width": Variation(width, field_sd=width_sd, field_length=4500.0),
            "thickness": Variation(thickness, field_sd=thickness_sd, field_length=4500.0),
        }
    )


def wafer_terms(places: jax.Array, radius: float) -> jax.Array:
    """The terms of the polynomial at places [..., 2] in um on a wafer of this radius in um, shape [..., 7]."""
    u, v = places[..., 0] / radius, places[..., 1] / radius
    square = u**2 + v**2
    return jnp.stack([jnp.ones_like(u), u, v, square, u**2 - v**2, 2.0 * u * v, square**2], axis=-1)
