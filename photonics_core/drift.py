"""Drift of a resonance with temperature, from the fields of a guide and dn/dT of its media.

A ring of length L is on resonance where n_eff(wl, T) L(T) = m wl. Differentiated with the group index on the left,

    d wl / dT = (wl / n_g) (sum_i S_i dn_i/dT + n_eff alpha)

with alpha the expansion of the length and S_i = d n_eff / d n_i the integral of n |E|^2 over medium i, over 2 Z_0 times
the power: the share of energy in it times n_g / n_i. This follows from the first-order change of beta by a change
2 n dn of the permittivity, w eps0 int n dn |E|^2 / (2 P) (Snyder and Love, Optical Waveguide Theory, ch. 18; S_i as in
Robinson et al., Opt. Express 16, 16659 (2008)). The S_i add up to more than 1 in silicon wires.

dn_i/dT depends on wavelength and temperature, so a large change of temperature is integrated along the resonance as
it moves. On the way the group index changes by sum_i S_i times the change of the group index of medium i. Left out:
the change of S_i with temperature, the guide's own change of width and height, and stress (see
`photonics_core.thermo_optics.TITANIA`).
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import within
from photonics_core.display import Shown
from photonics_core.index import LinearIndex
from photonics_core.kernels.checks import (
    check_finite,
    check_kind,
    check_positive,
    check_range,
    check_wavelength,
    is_concrete,
)
from photonics_core.materials import Material
from photonics_core.modes import Mode
from photonics_core.runtime import as_leaf
from photonics_core.thermo_optics import EXPANSION_RANGE, silicon_expansion
from photonics_core.units import REFERENCE_TEMPERATURE

#: Steps of Runge and Kutta's fourth order between two temperatures.
STEPS = 16
#: um in pm.
PM = 1e6
#: Largest dn/dT, and largest expansion, in 1/K that is no mistake of units.
LARGEST_RATE = 0.1


class Rate(Shown):
    """dn/dT given as a function of wavelength (um) and temperature (K)."""

    function: Callable[[Any, Any], Any] = eqx.field(static=True)


class Expansion(Shown):
    """Linear expansion in 1/K given as a function of temperature in K."""

    function: Callable[[Any], Any] = eqx.field(static=True)


class GuideDrift(Shown):
    """How resonances of a guide move with temperature, its fields held.

    Args:
        sensitivities: S_i = d n_eff / d n_i, one for each medium.
        media: as many: a `Material`, a number for a constant dn/dT in 1/K, or a function of wavelength (um) and
            temperature (K) that gives dn/dT.
        n_eff: effective index at `wl` and `temperature0`.
        n_g: group index there.
        wl: free-space wavelength of the resonance in um.
        expansion: linear expansion of the length in 1/K, a number or a function of temperature (K); that of silicon for
            films on a wafer. 0 for none.
        temperature0: temperature in K of the indices.

    Raises:
        ValueError: for numbers of sensitivities and media that differ, or an index, a dn/dT or an expansion outside its
            range.
    """

    sensitivities: Any = eqx.field(converter=as_leaf)
    media: tuple[Any, ...] = eqx.field(converter=lambda media: tuple(map(_as_rate, media)))
    n_eff: Any = eqx.field(converter=as_leaf)
    n_g: Any = eqx.field(converter=as_leaf)
    wl: Any = eqx.field(converter=as_leaf)
    expansion: Any = eqx.field(converter=lambda value: _as_expansion(value), default=silicon_expansion)
    temperature0: Any = eqx.field(converter=as_leaf, default=REFERENCE_TEMPERATURE)

    def __check_init__(self) -> None:
        if np.shape(self.sensitivities) != (len(self.media),):
            raise ValueError(f"sensitivities of shape {np.shape(self.sensitivities)} are not one for each medium")
        check_range("sensitivities", self.sensitivities, -5.0, 5.0)
        check_range("n_eff", self.n_eff, 0.5, 10.0)
        check_range("n_g", self.n_g, 0.5, 20.0)
        check_wavelength("wl", self.wl)
        check_positive("temperature0", self.temperature0, "K")
        for k, medium in enumerate(self.media):
            if not isinstance(medium, Material | Rate):
                check_range(f"media[{k}]", medium, -LARGEST_RATE, LARGEST_RATE, "1/K")

    @classmethod
    def of_mode(
        cls,
        mode: Mode,
        rates: Mapping[int, Any] | None = None,
        expansion: Any = silicon_expansion,
        temperature0: Any = REFERENCE_TEMPERATURE,
    ) -> "GuideDrift":
        """The drift of a solved mode.

        Args:
            mode: the mode, at the wavelength of the resonance.
            rates: dn/dT by number of the medium of its section, as `media` above, for media given as numbers or to
                replace that of a material.
            expansion: as above.
            temperature0: temperature in K at which the mode was solved.

        Raises:
            ValueError: for another kind of mode, or a medium whose dn/dT nobody gave.
        """
        check_kind("mode", mode, Mode)
        given = {} if rates is None else dict(rates)
        count = len(mode.section.media)
        for number in given:
            check_kind("number of a medium in rates", number, int)
            check_range("number of a medium in rates", number, 0, count - 1)
        media = [_known_rate(k, each, given) for k, each in enumerate(mode.section.media)]
        shares = jnp.stack([mode.index_sensitivity(k) for k in range(count)])
        return cls(shares, tuple(media), mode.n_eff.real, mode.n_g.real, mode.wl, expansion, temperature0)

    def thermo_optic(self, wl: Any = None, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """dn_eff/dT in 1/K at constant wavelength; `wl` in um (None for the reference), temperature in K."""
        wl, temperature = self._arguments(wl, temperature)
        return self._thermo_optic(wl, temperature)

    def drift_pm_k(self, wl: Any = None, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """d wl / dT of a resonance at `wl` in pm/K; arguments as for `thermo_optic`."""
        return PM * self._slope(*self._arguments(wl, temperature))

    def shift_pm(self, start: Any, end: Any, wl: Any = None) -> jax.Array:
        """How far a resonance moves in pm as the temperature goes from `start` to `end` in K.

        Args:
            start, end: temperatures in K, which broadcast.
            wl: where the resonance is at `start` in um; None for the reference.
        """
        wl, start = self._arguments(wl, start)
        wl, end = self._arguments(wl, end)
        return PM * _shift(self, *jnp.broadcast_arrays(wl, start, end))

    def linear_index(self, temperature: float = REFERENCE_TEMPERATURE, loss_db_cm: Any = 0.0) -> LinearIndex:
        """The index model for rings about this temperature, with the slope of dn/dT and the expansion of the length.

        The expansion is counted as a change n_eff alpha of the index, so that resonances of a ring drift as here.
        Lengths are those at `temperature0`: about another temperature both indices have grown, by dn/dT and by the
        length, so that models about any temperature have their resonances at the same place.
        """
        if not is_concrete(self.wl, self.temperature0):
            raise ValueError("linear_index needs a wavelength and a temperature0 that are plain numbers")
        wl, t = self._arguments(None, temperature)
        rate, slope = jax.jvp(lambda t: self._optical_rate(wl, t), (t,), (jnp.ones_like(t),))
        numbers = {"thermo_optic": rate, "thermo_optic_slope": slope, "loss_db_cm": loss_db_cm}
        indices = self.n_eff, self.n_g
        if float(temperature) != float(self.temperature0):
            rise, inclined = jax.jvp(lambda w: self._index_rise(w, t), (wl,), (jnp.ones_like(wl),))
            stretch = self._stretch(t)
            indices = _grown(self.n_eff, rise, stretch), _grown(self.n_g, rise - wl * inclined, stretch)
        return LinearIndex(*indices, float(self.wl), temperature0=float(temperature), **numbers)

    def athermal_rate(self, medium: int, wl: Any = None, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """dn/dT in 1/K that one medium would have to have for a drift of zero.

        Args:
            medium: number of the medium, such as the cladding's.
            wl, temperature: as for `thermo_optic`.

        Raises:
            ValueError: for a number of no medium.
        """
        check_kind("medium", medium, int)
        check_range("medium", medium, 0, len(self.media) - 1)
        wl, temperature = self._arguments(wl, temperature)
        others = [k for k in range(len(self.media)) if k != medium]
        growth = (self._index(wl) + self._index_rise(wl, temperature)) * self._expansion(temperature)
        rest = growth + self._thermo_optic(wl, temperature, others)
        return -rest / jnp.asarray(self.sensitivities)[medium].astype(rest.dtype)

    def _optical_rate(self, wl: jax.Array, temperature: jax.Array) -> jax.Array:
        """d(n_eff L)/dT over the length at the reference temperature, at constant wavelength."""
        growth = (self._index(wl) + self._index_rise(wl, temperature)) * self._expansion(temperature)
        return self._stretch(temperature) * (self._thermo_optic(wl, temperature) + growth)

    def _stretch(self, temperature: jax.Array) -> jax.Array:
        """Length over that at the reference temperature, by Simpson's rule over the expansion."""
        start = jnp.asarray(self.temperature0, temperature.dtype)
        ends = self._expansion(jnp.broadcast_to(start, temperature.shape)) + self._expansion(temperature)
        whole = (ends + 4.0 * self._expansion(0.5 * (start + temperature))) / 6.0
        return jnp.exp(whole * (temperature - start))

    def _slope(self, wl: jax.Array, temperature: jax.Array) -> jax.Array:
        rise, slope = jax.jvp(lambda w: self._index_rise(w, temperature), (wl,), (jnp.ones_like(wl),))
        n_g = jnp.asarray(self.n_g, wl.dtype) + rise - wl * slope
        growth = (self._index(wl) + rise) * self._expansion(temperature)
        return wl / n_g * (self._thermo_optic(wl, temperature) + growth)

    def _index(self, wl: jax.Array) -> jax.Array:
        """Effective index at the reference temperature."""
        n_eff, n_g, wl0 = (jnp.asarray(each, wl.dtype) for each in (self.n_eff, self.n_g, self.wl))
        return n_eff + (n_eff - n_g) * (wl - wl0) / wl0

    def _index_rise(self, wl: jax.Array, temperature: jax.Array) -> jax.Array:
        """What the effective index has grown by since the reference temperature, at constant wavelength."""
        shares, start = (jnp.asarray(each, wl.dtype) for each in (self.sensitivities, self.temperature0))
        start, total = jnp.broadcast_to(start, temperature.shape), jnp.zeros_like(wl)
        for k, medium in enumerate(self.media):
            if isinstance(medium, Material):
                change = medium.formula(wl, temperature) - medium.formula(wl, start)
            else:
                # Simpson's rule, exact for a constant and for a rate of up to the third order in temperature.
                places = start, 0.5 * (temperature + start), temperature
                first, middle, last = (_rate(medium, wl, place) for place in places)
                change = (first + 4.0 * middle + last) / 6.0 * (temperature - start)
            total = total + shares[k] * change
        return total

    def _expansion(self, temperature: jax.Array) -> jax.Array:
        value = self.expansion.function(temperature) if isinstance(self.expansion, Expansion) else self.expansion
        return jnp.broadcast_to(jnp.asarray(value, temperature.dtype), temperature.shape)

    def _thermo_optic(self, wl: jax.Array, temperature: jax.Array, which: Any = None) -> jax.Array:
        shares = jnp.asarray(self.sensitivities, wl.dtype)
        total = jnp.zeros_like(temperature + wl)
        for k in range(len(self.media)) if which is None else which:
            total = total + shares[k] * _rate(self.media[k], wl, temperature)
        return total

    def _arguments(self, wl: Any, temperature: Any) -> tuple[jax.Array, jax.Array]:
        """Both as arrays of one shape, once they are where all media are known."""
        wl = jnp.asarray(self.wl if wl is None else wl, jnp.result_type(float))
        check_wavelength("wl", wl)
        check_positive("temperature", temperature, "K")
        materials = [each for each in self.media if isinstance(each, Material)]
        ranges = [each.temperature_range for each in materials]
        ranges += [EXPANSION_RANGE] if isinstance(self.expansion, Expansion) else []
        if materials:
            lows, highs = zip(*(each.wl_range for each in materials), strict=True)
            wl = within("wl", wl, max(lows), min(highs), "um")
        if ranges:
            lows, highs = zip(*ranges, strict=True)
            temperature = within("temperature", temperature, max(lows), min(highs), "K")
        return tuple(jnp.broadcast_arrays(wl, jnp.asarray(temperature, wl.dtype)))  # pyright: ignore[reportReturnType]


@eqx.filter_jit
def _shift(guide: GuideDrift, wl: jax.Array, start: jax.Array, end: jax.Array) -> jax.Array:
    """How far a resonance moves in um, by Runge and Kutta's rule; its stages are one loop, which compiles sooner."""
    step = (end - start) / STEPS
    along = np.tile([0.0, 0.5, 0.5, 1.0], STEPS)
    weight = np.tile([1.0, 2.0, 2.0, 1.0], STEPS) / 6.0
    stages = tuple(jnp.asarray(each, wl.dtype) for each in (np.repeat(np.arange(STEPS), 4) + along, along, weight))

    def stage(state: Any, at: Any) -> tuple[Any, None]:
        moved, grown, slope = state
        place, along, weight = at
        # The first stage of a step begins where the one before has come to.
        first = along == 0.0
        moved, grown = jnp.where(first, moved + grown, moved), jnp.where(first, 0.0, grown)
        slope = guide._slope(wl + moved + along * step * slope, start + place * step)
        return (moved, grown + weight * step * slope, slope), None

    zero = jnp.zeros_like(wl)
    moved, grown, _ = jax.lax.scan(stage, (zero, zero, zero), stages)[0]
    return moved + grown


def drift_pm_k(wl: Any, n_g: Any, thermo_optic: Any, n_eff: Any = 0.0, expansion: Any = 0.0) -> jax.Array:
    """Drift of a resonance in pm/K from plain numbers, (wl / n_g) (thermo_optic + n_eff expansion).

    Args:
        wl: free-space wavelength in um.
        n_g: group index.
        thermo_optic: dn_eff/dT in 1/K.
        n_eff, expansion: effective index and linear expansion in 1/K, where the length expands too.

    Raises:
        ValueError: for a wavelength or a group index outside its range, or numbers that are not finite or too large to
            be in 1/K.
    """
    check_wavelength("wl", wl)
    check_positive("n_g", n_g)
    check_finite("n_eff", n_eff)
    for name, value in (("thermo_optic", thermo_optic), ("expansion", expansion)):
        check_range(name, value, -LARGEST_RATE, LARGEST_RATE, "1/K")
    return jnp.asarray(PM * wl / n_g * (thermo_optic + n_eff * expansion))


def walk_off_pm(ring_pm: Any, laser_pm_k: Any, laser_rise: Any) -> jax.Array:
    """How far a ring's resonance is from its laser line in pm, above zero towards longer wavelengths.

    Args:
        ring_pm: shift of the resonance in pm since both agreed, as `GuideDrift.shift_pm` gives it.
        laser_pm_k: drift of the laser in pm/K. DFB lasers near 1.3 um have some 85 to 100 (mailing list of IEEE 802.3,
            10G study group, October 2000). All lines of a comb drift together, so that one number serves them all.
        laser_rise: by how much the laser is warmer in K; 0 for one on a cooler.
    """
    for name, value in (("ring_pm", ring_pm), ("laser_pm_k", laser_pm_k), ("laser_rise", laser_rise)):
        check_finite(name, value)
    return jnp.asarray(ring_pm - laser_pm_k * laser_rise)


def _as_rate(medium: Any) -> Any:
    if isinstance(medium, Material | Rate):
        return medium
    return Rate(medium) if callable(medium) else as_leaf(medium)


def _as_expansion(value: Any) -> Any:
    if isinstance(value, Expansion):
        return value
    if callable(value):
        return Expansion(value)
    check_range("expansion", value, -LARGEST_RATE, LARGEST_RATE, "1/K")
    return as_leaf(value)


def _grown(index: Any, rise: jax.Array, stretch: jax.Array) -> Any:
    """(index + rise) stretch; numbers stay on the host, in float64, where a ring forms its phase."""
    if is_concrete(index, rise, stretch):
        return (np.asarray(index, float) + np.asarray(rise, float)) * np.asarray(stretch, float)
    return (jnp.asarray(index, rise.dtype) + rise) * stretch


def _known_rate(number: int, medium: Any, given: dict[int, Any]) -> Any:
    """What was given for a medium of a section, or what the medium itself tells of its dn/dT."""
    if number in given:
        return given[number]
    if isinstance(medium, Material):
        return medium
    raise ValueError(f"medium {number} of the mode has no dn/dT of its own: give rates={{{number}: ...}}")


def _rate(medium: Any, wl: jax.Array, temperature: jax.Array) -> jax.Array:
    """dn/dT in 1/K; the ranges of a material are checked by the caller."""
    wl, temperature = jnp.broadcast_arrays(wl, temperature)
    if isinstance(medium, Material):
        return jax.jvp(lambda t: medium.formula(wl, t), (temperature,), (jnp.ones_like(temperature),))[1]
    value = medium.function(wl, temperature) if isinstance(medium, Rate) else medium
    return jnp.broadcast_to(jnp.asarray(value, wl.dtype), wl.shape)
