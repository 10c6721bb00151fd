"""Thin films: stacks of plane layers between an ambient and a substrate, as one optimisable device.

A `FilmStack` knows its indices and thicknesses; what it does to a plane wave are methods over wavelength (um) and
angle (rad), which broadcast: `stack.reflection(wl[:, None], angle)` is a map of shape [W, A]. Fields follow
exp(-i w t), so an absorbing index has Im n > 0. Numerics and conventions are those of `kernels.films`. A wavelength,
angle or thickness out of its range is a `ValueError`; where it is traced, so that its number is not known yet, the
results are NaN.
"""

import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels import film_fields, film_incoherent, film_modes, films
from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range, is_concrete
from photonics_core.kernels.film_fields import FilmField
from photonics_core.kernels.films import FilmAmplitudes, Polarized
from photonics_core.medium import as_medium, check_index, index_at
from photonics_core.runtime import as_leaf
from photonics_core.units import SPEED_OF_LIGHT


class Ellipsometry(Shown):
    """Ellipsometric angles, tan(psi) exp(i delta) = -r_p / r_s with r_p of `kernels.films`.

    For a transparent substrate delta is 0 up to Brewster's angle and pi beyond, as in S. J. Byrnes' `tmm`; there are
    instruments that report its negative (the other time dependence), or delta + pi.
    """

    psi: jax.Array  # rad, within [0, pi / 2]
    delta: jax.Array  # rad, within (-pi, pi]


class FilmStack(Shown):
    """Layers of given indices and thicknesses between two half-spaces, light coming from the first.

    Args:
        indices: refractive indices of ambient, layers (in the order in which light meets them) and substrate. Each is a
            complex number (a leaf), a `Material`, a module or a function of the wavelength in um.
        thickness: thicknesses of the layers in um, at least 0, shape [L].
        coherent: for each layer True or False, whether waves interfere in it; None where they do in all.

    Raises:
        ValueError: for a count that does not match, a thickness below zero, an index that is not finite or no index,
            absorption in the ambient, gain in ambient or substrate, or flags that are not True or False.
    """

    indices: tuple[Any, ...] = eqx.field(converter=lambda values: _indices(values))
    thickness: Any = eqx.field(converter=as_leaf)
    coherent: tuple[bool, ...] | None = eqx.field(
        static=True, default=None, converter=lambda flags: None if flags is None else _flags("coherent", flags)
    )

    def __check_init__(self) -> None:
        layers = np.shape(self.thickness)
        if len(layers) != 1 or len(self.indices) != layers[0] + 2:
            raise ValueError(f"thickness of shape {layers} does not suit indices of {len(self.indices)} media less two")
        check_range("thickness", self.thickness, 0.0, np.inf, "um")
        if self.coherent is not None and len(self.coherent) != layers[0]:
            raise ValueError(f"coherent has {len(self.coherent)} flags for {layers[0]} layers")
        self._check_outside([self.indices[0], self.indices[-1]])

    def index(self, wl: Any) -> jax.Array:
        """Complex indices of ambient, layers and substrate, shape [L + 2, ...], at `wl` in um, shape [...]."""
        wl = _array("wl", wl)
        check_positive("wl", wl, "um")
        values = [_index(f"indices[{k}]", medium, wl) for k, medium in enumerate(self.indices)]
        self._check_outside([values[0], values[-1]])
        return jnp.stack(values)

    def amplitudes(self, wl: Any, angle: Any = 0.0) -> FilmAmplitudes:
        """Complex reflected and transmitted amplitudes of the electric field, for a coherent stack.

        Args:
            wl: free-space wavelength in um.
            angle: angle of incidence in rad, within [0, pi / 2).

        Returns:
            `FilmAmplitudes` r_s, t_s, r_p, t_p of the common shape.

        Raises:
            ValueError: for an argument outside its range, or a stack with incoherent layers, which has no amplitudes.
        """
        self._check_coherent("amplitudes")
        return films.film_amplitudes(*self._arguments(wl, angle))

    def reflection(self, wl: Any, angle: Any = 0.0) -> Polarized:
        """Reflected part of the power, s and p, at `wl` (um) and `angle` (rad)."""
        return self._powers(wl, angle).reflection

    def transmission(self, wl: Any, angle: Any = 0.0) -> Polarized:
        """Transmitted part of the power, s and p, just inside the substrate, at `wl` (um) and `angle` (rad)."""
        return self._powers(wl, angle).transmission

    def absorption(self, wl: Any, angle: Any = 0.0) -> Polarized:
        """Part of the power that each layer absorbs, s and p, shape [L, ...], at `wl` (um) and `angle` (rad)."""
        arguments = self._arguments(wl, angle)
        if self._mixed:
            return film_incoherent.mixed_powers(*arguments, self.coherent or ()).absorption
        return films.film_absorption(*arguments)

    def phase(self, wl: Any, angle: Any = 0.0) -> FilmAmplitudes:
        """Phases of the four amplitudes in rad, within (-pi, pi]; 0 for an amplitude of exactly zero.

        An amplitude that is zero but for rounding, as that of a matched interface, has a phase that means nothing.
        """
        return FilmAmplitudes(*(films.argument(z) for z in self.amplitudes(wl, angle)))

    def group_delay(self, wl: Any, angle: Any = 0.0) -> FilmAmplitudes:
        """Group delays d(phase)/d(angular frequency) of the four amplitudes in ps; 0 for an amplitude of exactly zero.

        They are exact derivatives at a fixed angle of incidence and hold the dispersion of every index. An amplitude
        that is zero but for rounding, as that of a matched interface, has a delay that means nothing.
        """
        wl, angle = _array("wl", wl), _array("angle", angle)
        check_positive("wl", wl, "um")
        _check_shapes(wl, angle)
        rank = max(wl.ndim, angle.ndim)
        wl, angle = jnp.broadcast_arrays(*(x.reshape((1,) * (rank - x.ndim) + x.shape) for x in (wl, angle)))
        turn = 2.0 * math.pi * SPEED_OF_LIGHT
        omega = turn / wl
        values, slopes = jax.jvp(lambda w: self.amplitudes(turn / w, angle), (omega,), (jnp.ones_like(omega),))
        return FilmAmplitudes(*(films.phase_slope(z, dz) for z, dz in zip(values, slopes, strict=True)))

    def ellipsometry(self, wl: Any, angle: Any) -> Ellipsometry:
        """Ellipsometric angles psi and delta of the reflected light at `wl` (um) and `angle` (rad)."""
        amplitudes = self.amplitudes(wl, angle)
        size_s, size_p = (films.modulus(z) for z in (amplitudes.r_s, amplitudes.r_p))
        return Ellipsometry(jnp.arctan2(size_p, size_s), films.argument(-amplitudes.r_p * jnp.conj(amplitudes.r_s)))

    def field(self, depth: Any, wl: Any, angle: Any = 0.0) -> FilmField:
        """Electric field and net power over depth, for a coherent stack.

        Args:
            depth: depths in um below the first interface, shape [Z]; below zero is the ambient.
            wl: free-space wavelength in um.
            angle: angle of incidence in rad, within [0, pi / 2).

        Returns:
            `FilmField` of shape [Z, ...], over the incident field and power.
        """
        self._check_coherent("field")
        depth = _array("depth", depth)
        check_finite("depth", depth, "um")
        if depth.ndim != 1:
            raise ValueError(f"depth of shape {depth.shape} is not a row of depths")
        return film_fields.film_field(depth, *self._arguments(wl, angle))

    def guided_modes(self, wl: Any, polarization: str) -> jax.Array:
        """Effective indices of all guided modes of a lossless stack, falling; none is missed.

        Args:
            wl: free-space wavelength in um, one number.
            polarization: "s" (TE) or "p" (TM).

        Returns:
            Effective indices, shape [modes].

        Raises:
            ValueError: for an index that is not real and positive.

        The number of modes has to be known, so indices, thicknesses and wavelength cannot be traced; `guided_mode` of a
        given order can.
        """
        n, thickness, wl = self._lossless(wl, polarization)
        lowest = jnp.maximum(n[0], n[-1])
        count = int(film_modes.guided_count(lowest, n, thickness, wl, polarization))
        modes = [film_modes.guided_index(jnp.asarray(m), n, thickness, wl, polarization) for m in range(count)]
        return jnp.stack(modes) if modes else jnp.zeros(0, n.dtype)

    def guided_mode(self, order: int, wl: Any, polarization: str) -> jax.Array:
        """Effective index of the guided mode `order` (0 is the first) of a lossless stack; differentiable.

        Raises:
            ValueError: where the mode is not guided, `order` no whole number from 0, or an index not real and positive.
            equinox.EquinoxRuntimeError: where that shows only when a compiled function runs.
        """
        if isinstance(order, bool) or not isinstance(order, Integral) or order < 0:
            raise ValueError(f"order = {order!r} is not a whole number from 0")
        n, thickness, wl = self._lossless(wl, polarization)
        lowest = jnp.maximum(n[0], n[-1])
        count = film_modes.guided_count(lowest, n, thickness, wl, polarization)
        if is_concrete(count) and int(count) <= order:
            raise ValueError(f"order = {order} is not guided: the stack has {int(count)} modes")
        n_eff = film_modes.guided_index(jnp.asarray(order), n, thickness, wl, polarization)
        return eqx.error_if(n_eff, count <= order, f"mode of order {order} is not guided")

    def mode(self, guess: Any, wl: Any, polarization: str, leaks: tuple[bool, bool] = (False, False)) -> jax.Array:
        """Complex effective index of the mode nearest to a guess: guided with loss, leaking, or a surface wave.

        Args:
            guess: effective index to start from, complex; for a weak leak that of the guided mode without it.
            wl: free-space wavelength in um, one number.
            polarization: "s" (TE) or "p" (TM).
            leaks: whether the mode radiates into the ambient and into the substrate.

        Returns:
            Effective index; its amplitude falls as exp(-2 pi Im(n_eff) z / wl) along the layers.

        Raises:
            ValueError: if `leaks` is not a pair of True and False, or the guess is not a finite number.
            equinox.EquinoxRuntimeError: if Newton's method does not settle.
        """
        check_choice("polarization", polarization, ("s", "p"))
        sides = _flags("leaks", leaks)
        check_range("number of leaks", len(sides), 2, 2)
        wl = _single(wl)
        n = self.index(wl)
        check_index("guess", guess)
        n_eff, step = film_modes.mode_index(
            _complex(guess), n, self._thickness(), _guarded(wl, wl > 0), polarization, sides
        )
        limit = 1e3 * float(jnp.finfo(step.dtype).eps)
        return eqx.error_if(n_eff, ~(step < limit), f"no mode found from the guess: the last step exceeds {limit:g}")

    @property
    def _mixed(self) -> bool:
        return self.coherent is not None and not all(self.coherent)

    def _powers(self, wl: Any, angle: Any) -> films.FilmPowers:
        arguments = self._arguments(wl, angle)
        if self._mixed:
            return film_incoherent.mixed_powers(*arguments, self.coherent or ()).powers
        return films.film_powers(*arguments)

    def _arguments(self, wl: Any, angle: Any) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        wl, angle = _array("wl", wl), _array("angle", angle)
        inside = (angle >= 0) & (angle < math.pi / 2)
        if is_concrete(angle) and not np.all(inside):
            raise ValueError(f"angle = {np.asarray(angle)[~np.asarray(inside)][0]:.6g} rad is outside [0, pi / 2)")
        _check_shapes(wl, angle)
        return self.index(wl), self._thickness(), _guarded(wl, wl > 0), _guarded(angle, inside)

    def _thickness(self) -> jax.Array:
        thickness = _array("thickness", self.thickness)
        return _guarded(thickness, thickness >= 0)

    def _lossless(self, wl: Any, polarization: str) -> tuple[jax.Array, jax.Array, jax.Array]:
        check_choice("polarization", polarization, ("s", "p"))
        wl = _single(wl)
        n = self.index(wl)
        if is_concrete(n):
            check_range("imaginary part of the index of a guided mode's stack", n.imag, 0.0, 0.0)
            check_positive("index of a guided mode's stack", n.real)
        return n.real, self._thickness(), _guarded(wl, wl > 0)

    def _check_coherent(self, what: str) -> None:
        if self._mixed:
            raise ValueError(f"{what} of a stack with incoherent layers (coherent = {self.coherent}) is not defined")

    @staticmethod
    def _check_outside(outer: Sequence[Any]) -> None:
        ambient, substrate = (value if eqx.is_array_like(value) and is_concrete(value) else None for value in outer)
        if ambient is not None:
            check_positive("real part of the ambient's index", np.real(ambient))
            check_range("imaginary part of the ambient's index", np.imag(ambient), 0.0, 0.0)
        if substrate is not None:
            check_range("imaginary part of the substrate's index", np.imag(substrate), 0.0, np.inf)


def _indices(values: Any) -> tuple[Any, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable) or getattr(values, "shape", None) == ():
        raise ValueError(f"indices = {values!r} is not a row of indices, one for each medium")
    return tuple(as_medium(f"indices[{k}]", value) for k, value in enumerate(values))


def _index(name: str, medium: Any, wl: jax.Array) -> jax.Array:
    """Complex index of one medium, of the shape of `wl`."""
    value = index_at(medium, wl)
    check_index(f"{name} at wl", value)
    value = _complex(value)
    try:
        return jnp.broadcast_to(value, wl.shape)
    except ValueError:
        raise ValueError(f"{name} of shape {value.shape} does not suit wl of shape {wl.shape}") from None


def _complex(value: Any) -> jax.Array:
    value = jnp.asarray(value)
    if jnp.iscomplexobj(value):
        return value.astype(jnp.result_type(complex))
    value = value.astype(jnp.result_type(float))
    return jax.lax.complex(value, jnp.zeros_like(value))


def _check_shapes(wl: jax.Array, angle: jax.Array) -> None:
    try:
        np.broadcast_shapes(wl.shape, angle.shape)
    except ValueError:
        raise ValueError(f"angle of shape {angle.shape} does not broadcast with wl of shape {wl.shape}") from None


def _flags(name: str, flags: Any) -> tuple[bool, ...]:
    values = tuple(flags) if isinstance(flags, Iterable) else (None,)
    if not all(isinstance(flag, bool | np.bool_) for flag in values):
        raise ValueError(f"{name} = {flags!r} is not a row of True and False")
    return tuple(bool(flag) for flag in values)


def _guarded(value: jax.Array, inside: jax.Array) -> jax.Array:
    """A value, NaN where it is outside its range, if traced; known values were checked."""
    return value if is_concrete(value) else jnp.where(inside, value, jnp.nan)


def _array(name: str, value: Any) -> jax.Array:
    check_finite(name, value)
    return jnp.asarray(value).astype(jnp.result_type(float))


def _single(wl: Any) -> jax.Array:
    wl = _array("wl", wl)
    if wl.ndim:
        raise ValueError(f"wl of shape {wl.shape} is not one wavelength; use jax.vmap over several")
    return wl
