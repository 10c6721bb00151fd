"""Couplers between two guides, described by their coupling angle.

A lossless coupler of angle theta passes cos(theta) and crosses i sin(theta). The angle, unlike the coupled power
sin^2(theta), has a finite derivative everywhere, from no coupling to complete coupling.
"""

import abc
import math
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_positive, check_range, check_wavelength
from photonics_core.kernels.phase import wavelength_offset
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix

#: Largest gap in um; nanometres given for micrometres are beyond it.
MOST_GAP = 20.0


class Coupler(Shown):
    """Two guides side by side: what a ring or a circuit asks of a coupler.

    Ports: `in` and `through` are the two ends of one guide, `add` and `cross` those of the other.
    """

    if TYPE_CHECKING:  # to a type checker, an abstract field would be the first argument of every coupler
        loss_db: ClassVar[Any]
    else:
        loss_db: eqx.AbstractVar[Any]

    @abc.abstractmethod
    def coupling_angle(self, wl: Any) -> jax.Array:
        """Coupling angle in rad at wavelength `wl` in um; a scalar where it does not depend on wavelength."""

    def loss_exponent(self) -> jax.Array:
        """Field loss exponent: both outputs are multiplied by exp(-loss_exponent)."""
        return jnp.asarray(self.loss_db * (math.log(10.0) / 20.0))

    def power_coupling(self, wl: Any) -> jax.Array:
        """Fraction of the power that crosses, sin^2(angle), before excess loss."""
        check_wavelength("wl", wl)
        return jnp.sin(self.coupling_angle(wl)) ** 2

    def scattering(self, wl: Any) -> SMatrix:
        """Scattering matrix over `wl` in um, ports in, through, add, cross."""
        check_wavelength("wl", wl)
        angle = jnp.broadcast_to(self.coupling_angle(wl), jnp.shape(wl))
        passed = jnp.exp(-self.loss_exponent())
        zero = jnp.zeros_like(angle)
        bar = jax.lax.complex(passed * jnp.cos(angle), zero)
        cross = jax.lax.complex(zero, passed * jnp.sin(angle))
        pairs = {
            ("in", "through"): bar,
            ("in", "cross"): cross,
            ("add", "through"): cross,
            ("add", "cross"): bar,
        }
        return SMatrix.from_pairs(("in", "through", "add", "cross"), pairs, wl, reciprocal=True)


class PointCoupler(Coupler):
    """A coupler known by its angle alone, with a linear dependence on wavelength.

    Args:
        angle: coupling angle in rad at wl0, within [0, pi].
        angle_slope: d(angle)/d(wl) in rad/um; None for an angle that does not depend on wavelength.
        loss_db: excess loss in dB, at least 0.
        wl0: reference wavelength in um of `angle`; needed with a slope.

    Raises:
        ValueError: for a value outside its range.
    """

    angle: Any = eqx.field(converter=as_leaf)
    angle_slope: Any = eqx.field(converter=as_leaf, default=None)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    wl0: float = eqx.field(static=True, default=1.55)

    def __check_init__(self) -> None:
        check_range("angle", self.angle, 0.0, math.pi, "rad")
        if self.angle_slope is not None:
            check_finite("angle_slope", self.angle_slope, "rad/um")
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_wavelength("wl0", self.wl0)

    @classmethod
    def from_power(cls, power_coupling: Any, loss_db: Any = 0.0) -> "PointCoupler":
        """A coupler that crosses the fraction `power_coupling` of the power, within [0, 1].

        The derivative with respect to `power_coupling` itself is infinite at 0 and 1; design with the angle.
        """
        check_range("power_coupling", power_coupling, 0.0, 1.0)
        if isinstance(power_coupling, jax.Array):
            return cls(jnp.arcsin(jnp.sqrt(power_coupling)), loss_db=loss_db)
        return cls(np.arcsin(np.sqrt(power_coupling)), loss_db=loss_db)

    def coupling_angle(self, wl: Any) -> jax.Array:
        if self.angle_slope is None:
            return jnp.asarray(self.angle)
        return self.angle + self.angle_slope * wavelength_offset(wl, self.wl0)


class DirectionalCoupler(Coupler):
    """A coupler that knows its gap: kappa falls exponentially with it, as evanescent fields do.

    angle = kappa exp(-(gap - gap0) / decay_length + dispersion (wl - wl0)) (length + bend_length)

    Args:
        gap: gap between the guides in um, at least 0.
        length: length of the parallel part in um.
        kappa: coupling per length in rad/um at `gap0` and `wl0`.
        decay_length: gap in um over which kappa falls by e.
        bend_length: equivalent length in um of the guides' approach and parting (see `approach_length`).
        loss_db: excess loss in dB.
        dispersion: d(ln kappa)/d(wl) in 1/um; None for a coupling that does not depend on wavelength.
        gap0: gap in um at which kappa is given.
        wl0: wavelength in um at which kappa is given.

    Raises:
        ValueError: for a value outside its range.
    """

    gap: Any = eqx.field(converter=as_leaf)
    length: Any = eqx.field(converter=as_leaf)
    kappa: Any = eqx.field(converter=as_leaf)
    decay_length: Any = eqx.field(converter=as_leaf)
    bend_length: Any = eqx.field(converter=as_leaf, default=0.0)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    dispersion: Any = eqx.field(converter=as_leaf, default=None)
    gap0: float = eqx.field(static=True, default=0.1)
    wl0: float = eqx.field(static=True, default=1.55)

    def __check_init__(self) -> None:
        for name, unit in (
            ("gap", "um"),
            ("length", "um"),
            ("kappa", "rad/um"),
            ("bend_length", "um"),
            ("loss_db", "dB"),
        ):
            check_range(name, getattr(self, name), 0.0, np.inf, unit)
        check_range("gap", self.gap, 0.0, MOST_GAP, "um")
        check_positive("decay_length", self.decay_length, "um")
        if self.dispersion is not None:
            check_finite("dispersion", self.dispersion, "1/um")
        check_range("gap0", self.gap0, 0.0, np.inf, "um")
        check_wavelength("wl0", self.wl0)

    def coupling_per_length(self, wl: Any) -> jax.Array:
        """Coupling per length kappa in rad/um at wavelength `wl` in um."""
        exponent = -(self.gap - self.gap0) / self.decay_length
        if self.dispersion is not None:
            exponent = exponent + self.dispersion * wavelength_offset(wl, self.wl0)
        return self.kappa * jnp.exp(exponent)

    def coupling_angle(self, wl: Any) -> jax.Array:
        return self.coupling_per_length(wl) * (self.length + self.bend_length)


def approach_length(radius: Any, decay_length: Any) -> Any:
    """Equivalent length in um that a circle adds to a coupler with a straight guide.

    The gap opens as x^2 / (2 radius), so kappa integrates to kappa(gap) sqrt(2 pi radius decay_length), as long as
    the decay length is small beside the radius.
    """
    return (2.0 * math.pi * radius * decay_length) ** 0.5
