"""Ring resonators beside one guide (all-pass) and between two (add-drop), circles and racetracks.

Forms and definitions: Bogaerts et al., Laser Photonics Rev. 6, 47 (2012). With p the field left after one round
trip, couplers included, and L the round trip,

    FSR = wl^2 / (n_g L),   FWHM = (1 - p) wl^2 / (pi n_g L sqrt p),   Q = wl / FWHM,   finesse = FSR / FWHM.

The width is the usual one of a Lorentzian; that of the exact line, 4 asin((1 - p) / (2 sqrt p)) in phase, is larger
by (1 - p)^2 / 24, one part in a thousand at a finesse of 20.
"""

import abc
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core import resonance
from photonics_core.devices.coupler import Coupler
from photonics_core.display import Row, Shown, summary_rows
from photonics_core.index import IndexModel
from photonics_core.kernels import rings
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix, power
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT, db


class Ring(Shown):
    """What all single rings share: the round trip and what follows from it.

    All wavelengths are in um and all temperatures in K; arguments broadcast and results have their shape.
    """

    if TYPE_CHECKING:  # to a type checker, abstract fields would be the first arguments of every ring
        radius: ClassVar[Any]
        index: ClassVar[IndexModel]
        straight_length: ClassVar[Any]
        loss_db: ClassVar[Any]
    else:
        radius: eqx.AbstractVar[Any]
        index: eqx.AbstractVar[IndexModel]
        straight_length: eqx.AbstractVar[Any]
        loss_db: eqx.AbstractVar[Any]

    @abc.abstractmethod
    def round_trip_amplitude_gap(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """One minus the field left after a round trip, couplers included, 1 - p; formed without cancellation."""

    @abc.abstractmethod
    def coupler_turns(self, wl: Any) -> jax.Array:
        """Turns that the couplers add to a round trip: one half where one is coupled beyond pi/2, else zero."""

    def _summary(self) -> Iterable[Row]:
        wl = getattr(self.index, "wl0", None)
        if wl is None or np.ndim(self.radius):
            return []
        found = jax.jit(lambda ring: (ring.fsr(wl), ring.q_loaded(wl), ring.finesse(wl), ring.drift_pm_k(wl)))(self)
        names = ("fsr", "q_loaded", "finesse", "drift_pm_k")
        meanings = (
            "free spectral range in um",
            "loaded quality factor",
            "free spectral range over the linewidth",
            "drift in pm/K",
        )
        return summary_rows(names, found, meanings, f", at {wl:g} um")

    def _preview(self) -> Callable[[Any], None] | None:
        wl = getattr(self.index, "wl0", None)
        if wl is None or np.ndim(self.radius):
            return None
        near = wl + 0.6 * float(self.fsr(wl)) * np.linspace(-1.0, 1.0, 1501)
        return jax.jit(lambda ring: ring.scattering(near))(self).draw

    @property
    def length(self) -> Any:
        """Length of the round trip in um: a circle, and for a racetrack two straight parts."""
        return 2.0 * math.pi * self.radius + 2.0 * self.straight_length

    @property
    @abc.abstractmethod
    def couplers(self) -> tuple[Coupler, ...]:
        """The couplers along the round trip, that to the input guide first."""

    def round_trip_time(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Time n_g L / c of a round trip in ps."""
        return self.length * self.index.group_index(wl, temperature) / SPEED_OF_LIGHT

    def round_trip_loss(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Field loss exponent of a round trip with the excess loss of the couplers."""
        return sum(each.loss_exponent() for each in self.couplers) + self.ring_loss(wl, temperature)

    def anchor(self) -> jax.Array:
        """Turns of half a round trip at the reference of the index model, formed beforehand for a batch."""
        return self.index.anchor(self.length / 2)

    def half_turns(
        self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None, anchor: Any = None
    ) -> jax.Array:
        """Phase of half a round trip in turns, up to a whole number that is the same for all wavelengths.

        Args:
            wl: wavelength in um.
            temperature: temperature in K.
            extra_path: optical path in um that a heater or a drive voltage adds to the round trip.
            anchor: `self.anchor()` where it was formed beforehand for a batch.
        """
        turns = self.index.turns(self.length / 2, wl, temperature, anchor)
        return turns if extra_path is None else turns + 0.5 * extra_path / wl

    def turns(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Phase of a round trip in turns, couplers included, up to a whole number the same for all wavelengths."""
        turns = 2.0 * self.half_turns(wl, temperature)
        return turns + self.coupler_turns(wl).astype(turns.dtype)

    def ring_loss(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Field loss exponent of a round trip without the couplers."""
        bend = self.loss_db * (math.log(10.0) / 20.0)
        return 0.5 * self.index.attenuation(wl, temperature) * self.length + bend

    def resonance(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Resonant wavelength in um nearest to `wl`."""
        return resonance.nearest_resonance(lambda x: self.turns(x, temperature), wl)

    def resonance_below(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Longest resonant wavelength in um not above `wl`: the one a heater brings there at the least power."""
        return resonance.resonance_below(lambda x: self.turns(x, temperature), wl)

    def path_to(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Least optical path in um, zero or more, that added to the round trip puts a resonance exactly at `wl`."""
        turns = self.turns(wl, temperature)
        return jnp.maximum(resonance.next_order(turns) - turns, 0.0) * wl

    def path_of_shift(self, shift: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Optical path in um that moves a resonance at `wl` by `shift` um, to first order."""
        return shift * self.index.group_index(wl, temperature) * self.length / wl

    def resonances(self, wl: Any, count: int, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """The `count` successive resonant wavelengths in um around `wl` (a number), ascending, shape [count]."""
        check_kind("count", count, int)
        check_range("count", count, 1, 100_000)
        return resonance.resonances_around(lambda x: self.turns(x, temperature), wl, count)

    def fsr(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Free spectral range wl^2 / (n_g L) in um at `wl`."""
        return wl * wl / (self.index.group_index(wl, temperature) * self.length)

    def linewidth(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Full width at half depth in um of a resonance at `wl`.

        Where a round trip leaves nothing (p = 0, complete coupling) there is no line: the width is then some huge
        number, not infinity, so that derivatives stay finite.
        """
        gap = self.round_trip_amplitude_gap(wl, temperature)
        left = jnp.maximum(1.0 - gap, jnp.finfo(gap.dtype).eps ** 2)
        return self.fsr(wl, temperature) * gap / (jnp.pi * jnp.sqrt(left))

    def finesse(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Free spectral range over linewidth at `wl`."""
        return self.fsr(wl, temperature) / self.linewidth(wl, temperature)

    def q_loaded(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Loaded quality factor, wavelength over linewidth, of a resonance at `wl`.

        Truly infinite, and so without a finite derivative, for a ring that neither couples nor loses light.
        """
        return wl / self.linewidth(wl, temperature)

    def photon_lifetime(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Decay time in ps of the stored energy, Q / angular frequency, of a resonance at `wl`."""
        return self.q_loaded(wl, temperature) * wl / (2.0 * jnp.pi * SPEED_OF_LIGHT)

    def drift_pm_k(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Drift (wl / n_g) dn_eff/dT in pm/K of a resonance at `wl`."""
        return 1e6 * resonance.thermal_shift(self.turns, wl, temperature)

    def _check_ring(self, **couplers: Coupler) -> None:
        check_kind("index", self.index, IndexModel)
        for name, coupler in couplers.items():
            check_kind(name, coupler, Coupler)
        check_positive("radius", self.radius, "um")
        check_range("straight_length", self.straight_length, 0.0, np.inf, "um")
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")


class AllPassRing(Ring):
    """A ring beside one guide. Ports: `in`, `through`.

    Args:
        radius: radius of the circle, or of the bends of a racetrack, in um.
        coupler: coupler between guide and ring.
        index: index model of the ring's waveguide.
        straight_length: length in um of each of the two straight parts of a racetrack.
        loss_db: loss in dB of a round trip beyond that of the waveguide, as at the ends of the bends.

    Raises:
        ValueError: for a value outside its range.
    """

    radius: Any = eqx.field(converter=as_leaf)
    coupler: Coupler
    index: IndexModel
    straight_length: Any = eqx.field(converter=as_leaf, default=0.0)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        self._check_ring(coupler=self.coupler)

    @property
    def couplers(self) -> tuple[Coupler, ...]:
        return (self.coupler,)

    def through(
        self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None, anchor: Any = None
    ) -> jax.Array:
        """Complex amplitude through / in; arguments as for `half_turns`."""
        turns = self.half_turns(wl, temperature, extra_path, anchor)
        losses = self.coupler.loss_exponent(), self.ring_loss(wl, temperature)
        return rings.all_pass(*_as(turns, self.coupler.coupling_angle(wl), *losses), turns)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` at `temperature`."""
        pairs = {("in", "through"): self.through(wl, temperature)}
        return SMatrix.from_pairs(("in", "through"), pairs, wl, reciprocal=True)

    def round_trip_amplitude_gap(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """One minus the field left after a round trip, 1 - p."""
        loss = self.round_trip_loss(wl, temperature)
        return rings.amplitude_gap(self.coupler.coupling_angle(wl), jnp.zeros_like(loss), loss)

    def coupler_turns(self, wl: Any) -> jax.Array:
        """Turns that the coupler adds to a round trip."""
        angle = self.coupler.coupling_angle(wl)
        return rings.coupler_turns(angle, jnp.zeros_like(angle))

    def minimum_transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power through / in of a resonance at `wl`, ((|t| - a) / (1 - |t| a))^2; zero at critical coupling."""
        return self._power_at(0.0, wl, temperature)

    def extinction_db(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Ratio in dB of the power between two resonances to that on resonance; infinite at critical coupling."""
        return db(self._power_at(0.25, wl, temperature) / self._power_at(0.0, wl, temperature))

    def _power_at(self, half_turns: float, wl: Any, temperature: Any) -> jax.Array:
        losses = self.coupler.loss_exponent(), self.ring_loss(wl, temperature)
        turns = jnp.full_like(jnp.asarray(wl), half_turns) - 0.5 * self.coupler_turns(wl)
        return power(rings.all_pass(*_as(turns, self.coupler.coupling_angle(wl), *losses), turns))


class AddDropRing(Ring):
    """A ring between two guides, the couplers half a round trip apart. Ports: `in`, `through`, `add`, `drop`.

    Args:
        radius: radius of the circle, or of the bends of a racetrack, in um.
        input_coupler: coupler to the guide of the ports in and through.
        drop_coupler: coupler to the guide of the ports add and drop.
        index: index model of the ring's waveguide.
        straight_length: length in um of each of the two straight parts of a racetrack.
        loss_db: loss in dB of a round trip beyond that of the waveguide, as at the ends of the bends.

    Raises:
        ValueError: for a value outside its range.
    """

    radius: Any = eqx.field(converter=as_leaf)
    input_coupler: Coupler
    drop_coupler: Coupler
    index: IndexModel
    straight_length: Any = eqx.field(converter=as_leaf, default=0.0)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)

    @classmethod
    def from_geometry(
        cls,
        width: float,
        height: float,
        radius: Any,
        gaps: tuple[Any, Any],
        *media: Any,
        straight_length: Any = 0.0,
        loss_db: Any = 0.0,
        **options: Any,
    ) -> "AddDropRing":
        """A ring from what is drawn: its index and its couplers are solved, or taken from a cache.

        Args:
            width, height: of the strip in um.
            radius: in um, of the circle or of the bends of a racetrack.
            gaps: gaps to the input and to the drop guide in um.
            media: core and cladding, silicon and silica by default.
            straight_length, loss_db: as for the ring itself.
            options: further arguments of `StripGuide.solve`, such as `wl`, `loss_db_cm` and `cache`; `StripGuide` gives
                many rings from one solution.

        Raises:
            ValueError: as `StripGuide.solve` and `StripGuide.add_drop_ring` do.
        """
        from photonics_core.devices.strip_guide import StripGuide

        guide = StripGuide.solve(width, height, *media, **options)
        return guide.add_drop_ring(radius, gaps, straight_length, loss_db)  # pyright: ignore[reportReturnType]

    def __check_init__(self) -> None:
        self._check_ring(input_coupler=self.input_coupler, drop_coupler=self.drop_coupler)

    @property
    def couplers(self) -> tuple[Coupler, ...]:
        return self.input_coupler, self.drop_coupler

    def amplitudes(
        self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None, anchor: Any = None
    ) -> rings.AddDropAmplitudes:
        """Complex amplitudes through / in, drop / in and drop / add; arguments as for `half_turns`."""
        return self._amplitudes_at(self.half_turns(wl, temperature, extra_path, anchor), wl, temperature)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` at `temperature`."""
        pairs = self.amplitudes(wl, temperature).pairs()
        return SMatrix.from_pairs(("in", "through", "add", "drop"), pairs, wl, reciprocal=True)

    def round_trip_amplitude_gap(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """One minus the field left after a round trip, 1 - p."""
        loss = self.round_trip_loss(wl, temperature)
        angles = self.input_coupler.coupling_angle(wl), self.drop_coupler.coupling_angle(wl)
        return rings.amplitude_gap(*angles, loss)

    def coupler_turns(self, wl: Any) -> jax.Array:
        """Turns that the couplers add to a round trip."""
        return rings.coupler_turns(self.input_coupler.coupling_angle(wl), self.drop_coupler.coupling_angle(wl))

    def minimum_transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power through / in of a resonance at `wl`."""
        return power(self._on_resonance(0.0, wl, temperature).through)

    def extinction_db(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Ratio in dB of the through power between two resonances to that on resonance."""
        between = power(self._on_resonance(0.25, wl, temperature).through)
        return db(between / self.minimum_transmission(wl, temperature))

    def drop_loss_db(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Loss in dB from in to drop of a resonance at `wl`."""
        return -db(power(self._on_resonance(0.0, wl, temperature).drop))

    def _on_resonance(self, half_turns: float, wl: Any, temperature: Any) -> rings.AddDropAmplitudes:
        turns = jnp.full_like(jnp.asarray(wl), half_turns) - 0.5 * self.coupler_turns(wl)
        return self._amplitudes_at(turns, wl, temperature)

    def _amplitudes_at(self, turns: jax.Array, wl: Any, temperature: Any) -> rings.AddDropAmplitudes:
        couplers = self.input_coupler, self.drop_coupler
        angles = [coupler.coupling_angle(wl) for coupler in couplers]
        losses = [coupler.loss_exponent() for coupler in couplers]
        return rings.add_drop(*_as(turns, *angles, *losses, self.ring_loss(wl, temperature)), turns)


def _as(like: jax.Array, *values: Any) -> tuple[jax.Array, ...]:
    """Arrays of the precision of the phase, which follows that of the wavelengths."""
    return tuple(jnp.asarray(value).astype(like.dtype) for value in values)
