"""Waveguide Bragg gratings: uniform, apodised, chirped, phase-shifted and sampled, and cavities built of them.

A grating is a row of sections, each uniform over a whole number of periods; a section is solved exactly and the row is
joined by star products. The coupling per length is a number: for a small rectangular corrugation of the effective
index by dn (peak to peak) it is 2 dn / wl. First-order coupled-mode theory: it holds while the corrugation is a small
perturbation and lithography has not washed it out.
"""

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.waveguide import Waveguide
from photonics_core.display import Shown
from photonics_core.index import IndexModel
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.kernels.counter_waves import counter_coupled
from photonics_core.kernels.transfer_matrix import star, star_chain
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT


class BraggGrating(Shown):
    """A Bragg grating of N sections. Ports: `in`, `out`.

    Args:
        index: index model of the mode, averaged over a period; its loss is the grating's.
        periods: whole numbers of periods of the sections, N of them; a number alone is one section.
        period: period in um, a number or one for each section, shape [N].
        coupling: coupling per length kappa in 1/um, likewise; a negative one is a grating shifted by half a period.
        phase_shift: phase in rad by which the grating jumps ahead at the start of each section, likewise.

    Raises:
        ValueError: if a number of periods or a period is not positive, a value is not finite, or shapes do not match.

    In float32 the detuning keeps its digits where period and wavelength are NumPy numbers, as every phase does.
    """

    index: IndexModel
    periods: tuple[int, ...] = eqx.field(static=True, converter=lambda periods: _row(periods))
    period: Any = eqx.field(converter=as_leaf)
    coupling: Any = eqx.field(converter=as_leaf)
    phase_shift: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("index", self.index, IndexModel)
        check_range("number of sections", len(self.periods), 1)
        for count in self.periods:
            _check_count("periods", count)
        check_positive("period", self.period, "um")
        check_finite("coupling", self.coupling, "1/um")
        check_finite("phase_shift", self.phase_shift, "rad")
        for name in ("period", "coupling", "phase_shift"):
            shape = np.shape(getattr(self, name))
            if shape not in ((), (len(self.periods),)):
                raise ValueError(f"{name} of shape {shape} is neither a number nor one for each of the sections")

    @classmethod
    def apodised(
        cls,
        index: IndexModel,
        periods: int,
        period: Any,
        coupling: Any,
        profile: Callable[[np.ndarray], Any],
        sections: int,
    ) -> "BraggGrating":
        """A grating whose coupling follows `profile(x)` (times `coupling`) over x in [-1, 1], in equal sections."""
        x = (np.arange(sections) + 0.5) / sections * 2.0 - 1.0
        return cls(index, _split(periods, sections), period, coupling * profile(x))

    @classmethod
    def chirped(
        cls, index: IndexModel, periods: int, first: Any, last: Any, coupling: Any, sections: int
    ) -> "BraggGrating":
        """A grating whose period goes linearly from `first` to `last` in um, in equal sections."""
        x = (np.arange(sections) + 0.5) / sections
        return cls(index, _split(periods, sections), first + (last - first) * x, coupling)

    @classmethod
    def phase_shifted(
        cls, index: IndexModel, periods: int, period: Any, coupling: Any, phase_shift: Any = np.pi
    ) -> "BraggGrating":
        """A grating with a jump of `phase_shift` rad in its middle: the cavity of a distributed-feedback laser."""
        shifts = jnp.stack([jnp.zeros_like(jnp.asarray(phase_shift)), jnp.asarray(phase_shift)])
        return cls(index, _split(periods, 2), period, coupling, shifts)

    @classmethod
    def sampled(cls, index: IndexModel, period: Any, coupling: Any, on: int, off: int, repeats: int) -> "BraggGrating":
        """`repeats` bursts of `on` periods, with `off` periods of plain guide between them."""
        for name, count in (("on", on), ("off", off), ("repeats", repeats)):
            _check_count(name, count)
        counts = ([on, off] * int(repeats))[:-1]
        mask = np.arange(len(counts)) % 2 == 0
        return cls(index, tuple(counts), period, coupling * jnp.asarray(mask, float))

    @property
    def length(self) -> Any:
        """Length in um."""
        return jnp.sum(jnp.asarray(self.period) * jnp.asarray(self.periods, float))

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K; the whole field, carrier included."""
        wl = as_leaf(wl)
        return SMatrix(self._matrix(wl, temperature), ("in", "out"), wl)

    def reflection(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Complex amplitude reflected at `in`, shape of `wl`."""
        return self._matrix(as_leaf(wl), temperature)[..., 0, 0]

    def transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Complex amplitude out / in, shape of `wl`."""
        return self._matrix(as_leaf(wl), temperature)[..., 1, 0]

    def reflection_delay(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Group delay in ps of the reflected light: exact, by derivative; 0 without reflection; shape of `wl`."""
        return _delay(lambda x: self.reflection(x, temperature), wl)

    def transmission_delay(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Group delay in ps of the transmitted light: exact, by derivative; shape of `wl`."""
        return _delay(lambda x: self.transmission(x, temperature), wl)

    def bragg_wavelength(self, guess: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Wavelength 2 n_eff(wl) period in um of the period, its mean over the length, found from `guess` in um."""
        count = (len(self.periods),)
        period = jnp.broadcast_to(jnp.asarray(self.period), count)
        length = period * jnp.asarray(self.periods, period.dtype)
        period = jnp.sum(period * length) / jnp.sum(length)
        wl = jnp.asarray(guess, period.dtype)
        for _ in range(6):
            n_g = self.index.group_index(wl, temperature)
            # f(wl) = wl - 2 n_eff period has the slope n_g / n_eff at the root, as wl dn/dwl = n_eff - n_g.
            n_eff = self.index.effective_index(wl, temperature)
            wl = wl - (wl - 2.0 * n_eff * period) / (1.0 - 2.0 * period * (n_eff - n_g) / wl)
        return wl

    def stop_band(self, guess: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Width of the stop band between its first zeros in um, for a uniform grating.

        wl^2 / (pi n_g) sqrt(kappa^2 + (pi / length)^2), with the largest coupling of the sections.
        """
        wl = self.bragg_wavelength(guess, temperature)
        kappa = jnp.max(jnp.abs(jnp.asarray(self.coupling)))
        width = jnp.sqrt(kappa**2 + (jnp.pi / self.length) ** 2)
        return wl**2 / (jnp.pi * self.index.group_index(wl, temperature)) * width

    def side_lobe_db(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Highest side lobe of the reflection over its peak in dB, within the sampled `wl`, shape [M].

        The main lobe ends at the first minima on either side of the peak; -inf if the samples show no other lobe.

        Raises:
            ValueError: if `wl` is not a row of wavelengths.
        """
        wl = as_leaf(wl)
        if len(np.shape(wl)) != 1 or not np.size(wl):
            raise ValueError(f"wl of shape {np.shape(wl)} is not a row of wavelengths")
        power = jnp.abs(self.reflection(wl, temperature)) ** 2
        peak = jnp.argmax(power)
        rising = jnp.concatenate([jnp.diff(power) > 0, jnp.array([True])])
        falling = jnp.concatenate([jnp.array([True]), jnp.diff(power) < 0])
        place = jnp.arange(power.shape[0])
        right = jnp.min(jnp.where(rising & (place > peak), place, power.shape[0]))
        left = jnp.max(jnp.where(falling & (place < peak), place, -1))
        outside = jnp.where((place > right) | (place < left), power, 0.0)
        return 10.0 * jnp.log10(jnp.max(outside) / power[peak])

    def _matrix(self, wl: Any, temperature: Any) -> jax.Array:
        count = (len(self.periods),)
        # Formed before anything is traced: of numbers of the host, in float64.
        anchor = self.index.anchor(2.0 * self.period)
        period, coupling, jump, anchor = (
            jnp.broadcast_to(jnp.asarray(x), count) for x in (self.period, self.coupling, self.phase_shift, anchor)
        )
        periods = jnp.asarray(self.periods, period.dtype)
        loss = 0.5 * self.index.attenuation(wl, temperature)
        detuning = jax.vmap(lambda *one: self._detuning(wl, temperature, *one))(period, anchor)
        # The grating phase is whole turns over a section, so only the jumps add up along the row.
        section = jax.vmap(lambda *one: self._section(loss, *one))
        return star_chain(section(detuning, period, periods, coupling, jnp.cumsum(jump)))

    def _detuning(self, wl: Any, temperature: Any, period: jax.Array, anchor: jax.Array) -> jax.Array:
        """Detuning in rad/um, from the turns over two periods less the whole one that they are at the Bragg wavelength.

        The bare difference of 2 pi n / wl and pi / period would lose in float32 what a long grating resolves.
        """
        turns = self.index.turns(2.0 * period, wl, temperature, anchor)
        bare = 2.0 * period * self.index.effective_index(wl, temperature) / wl
        # How many whole turns the model has left out: one, where its reference is not far from the Bragg wavelength.
        whole = jnp.round(jax.lax.stop_gradient(bare - turns))
        return jnp.pi / period * (turns + (whole - 1.0))

    def _section(
        self, loss: jax.Array, detuning: jax.Array, period: Any, periods: Any, coupling: Any, phase: Any
    ) -> jax.Array:
        slow = counter_coupled(coupling, detuning, loss, period * periods)
        # The carrier over whole periods is a sign; reflections carry the grating phase, opposite from either side.
        sign = jnp.where(jnp.mod(periods, 2.0) == 0, 1.0, -1.0)
        turn = jax.lax.complex(jnp.cos(phase), jnp.sin(phase))
        one = jnp.ones_like(turn) * sign
        return slow * jnp.stack([jnp.conj(turn), one, one, turn]).reshape((1,) * (slow.ndim - 2) + (2, 2))


class FabryPerot(Shown):
    """A guide between two gratings. Ports: `in`, `out`.

    Args:
        left: grating at the input.
        cavity: guide between the gratings.
        right: grating at the output.

    Raises:
        ValueError: if a part is of another kind.
    """

    left: BraggGrating
    cavity: Waveguide
    right: BraggGrating

    def __check_init__(self) -> None:
        for name, kind in (("left", BraggGrating), ("cavity", Waveguide), ("right", BraggGrating)):
            check_kind(name, getattr(self, name), kind)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K."""
        wl = as_leaf(wl)
        left, guide, right = (part.scattering(wl, temperature).values for part in (self.left, self.cavity, self.right))
        return SMatrix(star(star(left, guide), right), ("in", "out"), wl)


def _row(periods: Any) -> tuple[Any, ...]:
    values = periods if isinstance(periods, Iterable) else (periods,)
    return tuple(int(n) if isinstance(n, Integral) and not isinstance(n, bool) else n for n in values)


def _check_count(name: str, count: Any) -> None:
    if not isinstance(count, Integral) or isinstance(count, bool):
        raise ValueError(f"{name} = {count!r} is not of the kind int")
    check_range(name, count, 1)


def _split(periods: int, sections: int) -> tuple[int, ...]:
    _check_count("periods", periods)
    _check_count("sections", sections)
    check_range("sections", sections, 1, periods)
    edges = np.round(np.linspace(0, periods, sections + 1)).astype(int)
    return tuple(int(n) for n in np.diff(edges))


def _delay(amplitude: Callable[[Any], jax.Array], wl: Any) -> jax.Array:
    wl = jnp.asarray(as_leaf(wl))
    wl = wl if jnp.issubdtype(wl.dtype, jnp.floating) else wl.astype(jnp.result_type(float))
    value, slope = jax.jvp(amplitude, (wl,), (jnp.ones_like(wl),))
    square = value.real**2 + value.imag**2
    none = square == 0
    # d(phase)/d(wl) = Im(slope / value), and d(angular frequency)/d(wl) = -2 pi c / wl^2.
    by_wl = (value.real * slope.imag - value.imag * slope.real) / jnp.where(none, 1.0, square)
    return -jnp.where(none, 0.0, by_wl) * wl**2 / (2.0 * jnp.pi * SPEED_OF_LIGHT)
