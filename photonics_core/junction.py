"""PN junction in the core of a silicon guide: depletion, breakdown, capacitance and resistance.

The junction is abrupt and its depletion layer free of carriers. With a reverse voltage V the layer is
W = sqrt(2 eps (V_bi + V) (1/N_A + 1/N_D) / q) wide, N_D / (N_A + N_D) of it on the p side (S. M. Sze, Physics of
Semiconductor Devices, 2nd ed. (1981), ch. 2; the term -2 kT/q of the tails of carriers, 0.05 V, is left out).
The p side is that of small coordinates. `orientation` says of which:

* "lateral": x, across the guide; the junction lies at x = `offset` from the middle of the core;
* "vertical": y, p below; the junction lies at y = `offset` from the middle of the core;
* "interleaved": z, along the guide: fingers of p, period / 2 + 2 offset long, and of n take turns, so that the layers
  fill 2 W / period of the guide.

The core has `width` and `height` and stands on a slab that reaches over `access` to a contact on either side, p on the
left and n on the right. Lengths are in um, and what is meant for a length of guide is for 1 um of it.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.carriers import (
    CHARGE_DENSITY,
    TEMPERATURE_RANGE,
    check_within,
    log_intrinsic_density,
    resistivity,
    same_shape,
)
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE

#: Boltzmann's constant over the elementary charge in V/K (CODATA 2018).
BOLTZMANN = 8.617333262e-5
#: Permittivity of silicon and of silica at low frequency in fF/um.
SILICON_PERMITTIVITY, SILICA_PERMITTIVITY = 11.7 * 8.8541878128e-3, 3.9 * 8.8541878128e-3
#: Forward voltage over built-in voltage up to which depletion holds, SPICE's coefficient FC: beyond, carriers flow in.
FORWARD = 0.5
ORIENTATIONS = ("lateral", "vertical", "interleaved")
#: Lengths in um above which a number is taken to be in nm.
LONGEST = {"width": 50.0, "height": 10.0, "slab": 10.0, "access": 100.0, "period": 50.0}


class PNJunction(Shown):
    """An abrupt junction in a guide's core: its depletion layer, capacitance and resistance.

    Voltages are reverse voltages in V, of any shape; a batch of junctions takes one of its own shape. Plain numbers
    are checked against `voltage_range` and a `ValueError` names what is outside; traced ones are not.

    Args:
        acceptors_cm3, donors_cm3: densities on the p and on the n side in cm^-3, all ionised.
        width, height: dimensions of the core in um.
        slab: thickness of the slab in um.
        access: length of the slab between core and contact on each side in um.
        offset: position of the junction in um, see above.
        temperature: temperature in K; mobilities are those of 300 K.
        access_acceptors_cm3, access_donors_cm3: densities in the slab in cm^-3; None for those at the junction.
        breakdown: voltage in V at which it breaks down; None for an estimate.
        orientation: "lateral", "vertical" or "interleaved".
        period: period of the fingers of an interleaved junction in um.

    Raises:
        ValueError: for a value outside its range, a junction outside the core, or one that depletes a whole side of the
            core without a voltage.
    """

    acceptors_cm3: Any = eqx.field(converter=as_leaf)
    donors_cm3: Any = eqx.field(converter=as_leaf)
    width: Any = eqx.field(converter=as_leaf, default=0.5)
    height: Any = eqx.field(converter=as_leaf, default=0.22)
    slab: Any = eqx.field(converter=as_leaf, default=0.09)
    access: Any = eqx.field(converter=as_leaf, default=0.5)
    offset: Any = eqx.field(converter=as_leaf, default=0.0)
    temperature: Any = eqx.field(converter=as_leaf, default=REFERENCE_TEMPERATURE)
    access_acceptors_cm3: Any = eqx.field(converter=as_leaf, default=None)
    access_donors_cm3: Any = eqx.field(converter=as_leaf, default=None)
    breakdown: Any = eqx.field(converter=as_leaf, default=None)
    orientation: str = eqx.field(static=True, default="lateral")
    period: Any = eqx.field(converter=as_leaf, default=0.5)

    def __check_init__(self) -> None:
        check_choice("orientation", self.orientation, ORIENTATIONS)
        for name in ("acceptors_cm3", "donors_cm3", "access_acceptors_cm3", "access_donors_cm3"):
            if getattr(self, name) is not None:
                check_within(name, getattr(self, name), (1e15, 1e20), "cm^-3")
        for name in ("width", "height", "slab", "access", "period"):
            check_positive(name, getattr(self, name), "um")
            check_range(name, getattr(self, name), 0.0, LONGEST[name], "um")
        if self.breakdown is not None:
            check_positive("breakdown", self.breakdown, "V")
        check_within("temperature", self.temperature, TEMPERATURE_RANGE, "K")
        if is_concrete(self.slab, self.height):
            check_range("slab", self.slab, 0.0, float(np.min(self.height)), "um")
        if is_concrete(*jax.tree.leaves(self)):
            edge = float(np.min(np.asarray(self.span()[0]) - np.asarray(self.offset)))
            check_range("offset", self.offset, -edge, edge, "um", exclusive=True)
            spare = self._full_voltage()
            if is_concrete(spare) and np.min(np.asarray(spare)) <= 0.0:
                at = float(np.ravel(self.offset)[0])
                raise ValueError(f"offset = {at:g} um leaves a side of the core without carriers at these densities")

    def built_in_voltage(self) -> jax.Array:
        """Built-in voltage kT/q ln(N_A N_D / n_i^2) in V."""
        logs = jnp.log(jnp.asarray(self.acceptors_cm3)) + jnp.log(jnp.asarray(self.donors_cm3))  # fit for float32
        return BOLTZMANN * self.temperature * (logs - 2.0 * log_intrinsic_density(self.temperature))

    def breakdown_voltage(self) -> jax.Array:
        """Reverse voltage in V at which the field at the junction is that of avalanche breakdown, an estimate.

        4e5 / (1 - log10(N / 1e16 cm^-3) / 3) V/cm with N = N_A N_D / (N_A + N_D) (S. M. Sze, Physics of Semiconductor
        Devices, 2nd ed. (1981), ch. 2, from memory). At 1e16 cm^-3 it is 15 % below the 60 V of S. M. Sze and G.
        Gibbons, Appl. Phys. Lett. 8, 111 (1966), whose power -3/4 of N falls too low above 1e17. The integral of the
        ionisation rates of Van Overstraeten and De Man (1970) gives 21 V where this gives 17 (1e17 on both sides), and
        9 V for 6 (5e17). Above 1e18 cm^-3 tunnelling counts too. A measured `breakdown` is better.
        """
        if self.breakdown is not None:
            return jnp.asarray(self.breakdown)
        reduced = self._reduced()
        # In V/um; beyond 5e18 cm^-3, short of where the fit diverges, its value there stands.
        field = 40.0 / (1.0 - jnp.minimum(jnp.log10(reduced / 1e16), 2.7) / 3.0)
        return SILICON_PERMITTIVITY * field**2 / (2.0 * CHARGE_DENSITY * reduced) - self.built_in_voltage()

    def voltage_range(self) -> tuple[jax.Array, jax.Array]:
        """Lowest and highest reverse voltage in V between which depletion describes the junction.

        Below, at half the built-in voltage forward, carriers flow in. Above, it breaks down or empties a side.
        """
        high = jnp.minimum(self.breakdown_voltage(), self._full_voltage())
        return -FORWARD * self.built_in_voltage(), high

    def depletion_width(self, voltage: Any) -> jax.Array:
        """Width of the depletion layer in um."""
        factor = 2.0 * SILICON_PERMITTIVITY / (CHARGE_DENSITY * self._reduced())
        return jnp.sqrt(factor * (self.built_in_voltage() + self.checked_voltage(voltage)))

    def depletion_parts(self, voltage: Any) -> tuple[jax.Array, jax.Array]:
        """Widths of the depletion layer on the p and on the n side in um, x_p N_A = x_n N_D."""
        whole = self.depletion_width(voltage)
        ratio = jnp.asarray(self.acceptors_cm3) / self.donors_cm3
        return whole / (1.0 + ratio), whole * ratio / (1.0 + ratio)

    def charge(self, voltage: Any) -> jax.Array:
        """Charge of one side of the depletion layer in fC/um; its slope is the capacitance without fringe."""
        return CHARGE_DENSITY * self.acceptors_cm3 * self.depletion_parts(voltage)[0] * self._sizes()[0]

    def capacitance(self, voltage: Any) -> jax.Array:
        """Small-signal capacitance in fF/um: `plate_capacitance` and `fringe_capacitance`."""
        return self.plate_capacitance(voltage) + self.fringe_capacitance(voltage)

    def plate_capacitance(self, voltage: Any) -> jax.Array:
        """Capacitance of the depletion layer in fF/um, eps / W times its area."""
        return SILICON_PERMITTIVITY * self._sizes()[0] / self.depletion_width(voltage)

    def fringe_capacitance(self, voltage: Any) -> jax.Array:
        """Capacitance of the field outside the core, in silica, in fF/um.

        At each face that the layer meets, the sides are two strips of width s in one plane, a gap W apart, with silica
        on one side: eps / 2 K(k') / K(k), k = W / (W + 2 s), by conformal mapping (half of coplanar strips: K. C. Gupta
        et al., Microstrip Lines and Slotlines (1979), ch. 7). The walls of a rib are laid flat, and s reaches to the
        contact. Against Laplace's equation for a rib of 500 x 220 nm on a slab of 90 nm this is 1 % high for an access
        of 0.5 um, and 5 % for 1 um. It adds 25 to 45 % to the plates; H. Jayatilleka, W. D. Sacher and J. K. S. Poon,
        IEEE Photon. J. 5, 2200211 (2013), find that it costs about 20 % of the bandwidth.
        """
        gap, (_, edges, whole) = self.depletion_width(voltage), self._sizes()
        k = gap / whole
        ratio = _mean_with_one(jnp.sqrt((1.0 - k) * (1.0 + k))) / _mean_with_one(k)
        return 0.5 * SILICA_PERMITTIVITY * edges * ratio

    def series_resistance(self, voltage: Any) -> jax.Array:
        """Resistance in kOhm um between the contacts, to be divided by the length of the guide.

        Slabs, and what carriers are left in the core. In a vertical or interleaved junction the current leaves a side
        evenly along the width, and a third of the resistance from wall to wall counts.
        """
        layers, squares = self.depletion_parts(voltage), jnp.asarray(self.access) / self.slab
        p, n = (self._squares(span - part) for span, part in zip(self.span(), layers, strict=True))
        (p_core, p_slab), (n_core, n_slab) = self.densities()
        holes = resistivity(p_core, "hole") * p + resistivity(p_slab, "hole") * squares
        return holes + resistivity(n_core, "electron") * n + resistivity(n_slab, "electron") * squares

    def rc_bandwidth(self, voltage: Any, length: Any, driver: Any = 0.0) -> jax.Array:
        """Bandwidth 1 / (2 pi R C) in THz of a guide of `length` in um behind a driver's resistance in kOhm."""
        check_positive("length", length, "um")
        check_range("driver", driver, 0.0, np.inf, "kOhm")
        time = (self.series_resistance(voltage) + driver * length) * self.capacitance(voltage)
        return 1.0 / (2.0 * math.pi * time)

    def densities(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Densities in cm^-3 in core and slab, of the p side and of the n side."""
        p, n = self.access_acceptors_cm3, self.access_donors_cm3
        acceptors, donors = self.acceptors_cm3, self.donors_cm3
        return (acceptors, acceptors if p is None else p), (donors, donors if n is None else n)

    def span(self) -> tuple[Any, Any]:
        """From the junction to the end of the p and of the n side of the core, or to the middle of a finger, in um."""
        size = {"lateral": self.width, "vertical": self.height, "interleaved": 0.5 * self.period}[self.orientation]
        return 0.5 * size + self.offset, 0.5 * size - self.offset

    def checked_voltage(self, voltage: Any) -> jax.Array:
        """The voltage as an array, within `voltage_range` as far as it is known; a `ValueError` if not."""
        limits = self.voltage_range()
        check_range("voltage", voltage, unit="V of reverse bias")
        if is_concrete(voltage, *limits):
            each, low, high = np.broadcast_arrays(*(np.asarray(part, float) for part in (voltage, *limits)))
            worst = np.argmax(np.maximum(low - each, each - high))
            each, low, high = (float(part.ravel()[worst]) for part in (each, low, high))
            check_range("voltage", each, low, high, "V of reverse bias")
        return same_shape(voltage)[0]

    def _reduced(self) -> jax.Array:
        """N_A N_D / (N_A + N_D) in cm^-3."""
        return 1.0 / (1.0 / jnp.asarray(self.acceptors_cm3) + 1.0 / jnp.asarray(self.donors_cm3))

    def _full_voltage(self) -> jax.Array:
        """Reverse voltage at which the layer reaches the end of a side."""
        ratio = jnp.asarray(self.acceptors_cm3) / self.donors_cm3
        p, n = self.span()
        width = jnp.minimum(p * (1.0 + ratio), n * (1.0 + ratio) / ratio)
        return CHARGE_DENSITY * self._reduced() * width**2 / (2.0 * SILICON_PERMITTIVITY) - self.built_in_voltage()

    def _sizes(self) -> tuple[Any, Any, Any]:
        """Area and length of edges of the junction for 1 um of guide, and width over all of its fringe's strips."""
        if self.orientation == "interleaved":
            junctions = 2.0 / self.period
            return junctions * self.width * self.height, junctions * 2.0 * (self.width + self.height), 0.5 * self.period
        lateral = self.orientation == "lateral"
        return (self.height, 2.0, self.width + 2.0 * self.access) if lateral else (self.width, 2.0, self.height)

    def _squares(self, span: jax.Array) -> jax.Array:
        """Length over area of what is left of a side in the core, seen from its contact, for 1 um of guide."""
        if self.orientation == "lateral":
            return span / self.height
        area = span if self.orientation == "vertical" else 2.0 * span * self.height / self.period
        return self.width / (3.0 * area)


class JunctionDensities(Shown):
    """Densities over a cross-section of a lateral or vertical junction at a reverse voltage in V, slabs as the core."""

    junction: PNJunction
    voltage: Any = eqx.field(converter=as_leaf)
    medium: int = eqx.field(static=True, default=0)

    def __check_init__(self) -> None:
        check_choice("orientation", self.junction.orientation, ORIENTATIONS[:2])

    def __call__(self, x: Any, y: Any, medium: Any) -> tuple[jax.Array, jax.Array]:
        """Densities of electrons and holes in cm^-3 at x and y in um in a medium of this number."""
        x_p, x_n = self.junction.depletion_parts(self.voltage)
        at = jnp.asarray(x if self.junction.orientation == "lateral" else y) - self.junction.offset
        inside = medium == self.medium
        holes = jnp.where(inside & (at < -x_p), self.junction.acceptors_cm3, 0.0)
        return jnp.where(inside & (at > x_n), self.junction.donors_cm3, 0.0), holes


def _mean_with_one(value: jax.Array) -> jax.Array:
    """Arithmetic-geometric mean of 1 and a number from 1e-6 to 1: K(k) = pi / 2 over that of 1 and k'."""
    one = jnp.ones_like(value)
    for _ in range(6):
        one, value = 0.5 * (one + value), jnp.sqrt(one * value)
    return one
