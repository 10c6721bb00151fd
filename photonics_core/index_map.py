"""Effective index of a mode over wavelength, temperature and geometry, fitted to a batch of mode solves.

A mode solver takes milliseconds to seconds a point. `IndexMap.fit` calls it a few times with many points each, and lays
a polynomial in Chebyshev form through the results. This then serves any device as its index model: smooth, exact in
its derivatives, with the width or the height of the guide as differentiable leaves.

    index = IndexMap.fit(solve, wl=(1.5, 1.6), temperature=(280, 380), width=(0.4, 0.5), height=0.22)
    ring = AddDropRing(10.0, coupler, coupler, index.at(width=0.45))

Fields follow exp(-i w t), so that the imaginary part of the index is the loss: alpha = 4 pi Im(n_eff) / wl.
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.index import IndexModel
from photonics_core.index_cache import Interval, ModeFit, Solve, cached_fit
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_range, is_concrete
from photonics_core.kernels.phase import detuned_turns, reduced_turns, wavelength_offset
from photonics_core.runtime import as_leaf
from photonics_core.units import (
    REFERENCE_TEMPERATURE,
    SPEED_OF_LIGHT,
    attenuation,
    group_velocity_dispersion,
    loss_db_cm,
)

_ONE_TEMPERATURE = "temperature = {:g} K is the only one of the index map, which knows no derivative over it"


def _pairs(mapping: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(dict(mapping).items())


class IndexMap(IndexModel):
    """Effective index as a polynomial in named parameters, temperature and wavelength; made by `IndexMap.fit`.

    The map holds within its bounds only. A number outside is a `ValueError` that names it; a traced value that turns
    out to be outside raises `equinox.EquinoxRuntimeError` when the compiled function runs, as for a `Material`.

    A loss below zero, by no more than `loss_error_db_cm`, can come out where the mode loses hardly anything. A map that
    was made at one temperature has no derivative over it: to ask for one, as `drift_pm_k` does, is a `ValueError`.

    Args:
        coefficients: Chebyshev coefficients of Re n_eff, one axis a variable in the order of `bounds`.
        loss_coefficients: the same of Im n_eff.
        parameters: present value of each parameter by name, a leaf each; `at` changes them.
        bounds: lowest and highest value of each parameter, then of `temperature` and of `wl`.
        wl0: wavelength in um that phases are counted from; not a parameter, it has no gradient.
        temperature0: temperature in K that phases are counted from; likewise.
        loss_db_cm: loss in dB/cm that adds to that of the mode, such as scattering.
        fixed: value of each parameter that the map was made at one value of.
        error_estimate: largest error to expect of the index.
        loss_error_db_cm: largest error to expect of the loss in dB/cm.

    Raises:
        ValueError: for coefficients that do not suit the bounds, or a value outside its range.
    """

    coefficients: Any = eqx.field(converter=as_leaf)
    loss_coefficients: Any = eqx.field(converter=as_leaf)
    parameters: dict[str, Any] = eqx.field(converter=lambda values: {k: as_leaf(v) for k, v in values.items()})
    bounds: tuple[tuple[str, Interval], ...] = eqx.field(static=True, converter=_pairs)
    wl0: float = eqx.field(static=True)
    temperature0: float = eqx.field(static=True)
    loss_db_cm: Any = eqx.field(converter=as_leaf, default=0.0)
    fixed: tuple[tuple[str, float], ...] = eqx.field(static=True, converter=_pairs, default=())
    error_estimate: float | None = eqx.field(static=True, default=None)
    loss_error_db_cm: float | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        bounds, names = dict(self.bounds), [*self.parameters, "temperature", "wl"]
        if list(bounds)[-2:] != names[-2:] or set(bounds) != set(names):
            raise ValueError(f"bounds of {', '.join(bounds)} are not those of {', '.join(names)}")
        for name in ("coefficients", "loss_coefficients"):
            if np.ndim(getattr(self, name)) < len(names):
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} lack an axis for each of {names}")
        for name, value in self.parameters.items():
            check_range(name, value, *bounds[name])
        check_range("wl0", self.wl0, *bounds["wl"], "um")
        check_range("temperature0", self.temperature0, *bounds["temperature"], "K")
        check_range("loss_db_cm", self.loss_db_cm, 0.0, np.inf, "dB/cm")

    @classmethod
    def fit(
        cls,
        solve: Solve,
        wl: Interval = (1.5, 1.6),
        temperature: Interval | float = (280.0, 380.0),
        *,
        degrees: int | Mapping[str, int] | None = None,
        tolerance: float = 1e-6,
        loss_tolerance_db_cm: float = 0.01,
        max_solves: int = 20_000,
        loss_db_cm: Any = 0.0,
        cache: str | os.PathLike[str] | None = None,
        key: Any = None,
        **parameters: Interval | float,
    ) -> "IndexMap":
        """Fit a map to a mode solver.

        Args:
            solve: takes a dict of arrays of one length N: `wl` in um, `temperature` in K and every parameter by its
                name. Returns n_eff, shape [N], real, or complex with Im n_eff >= 0 for loss.
            wl: shortest and longest wavelength in um.
            temperature: lowest and highest temperature in K, or a number for a map of one temperature.
            degrees: degree of the polynomial in every variable, or in some by name. Those not given are found: by
                series along each variable first, then raised until the whole fit is within both tolerances.
            tolerance: largest error of n_eff.
            loss_tolerance_db_cm: largest error of the loss in dB/cm.
            max_solves: largest number of points to solve at in one call.
            loss_db_cm: loss in dB/cm that adds to that of the mode.
            cache: folder in which coefficients are kept, and taken from without a solve (see `index_cache`).
            key: with `cache`, what determines the outcome of `solve` (cross-section, settings), as JSON can hold it.
            parameters: lowest and highest value of each parameter, in um if a length, or a number to keep it fixed.

        Returns:
            The map with its parameters, `wl0` and `temperature0` in the middle of their intervals. `error_estimate`
            and `loss_error_db_cm` are the larger of what the last coefficients tell and the largest miss at points
            that were not fitted.

        Raises:
            ValueError: for an interval that does not rise, a result of `solve` that is not finite, shows gain or is
                not of shape [N], or a tolerance that is not reached; degrees that are all given miss none.
        """
        variables = {**parameters, "temperature": temperature, "wl": wl}
        request = ModeFit(variables, degrees, tolerance, loss_tolerance_db_cm, max_solves)
        found = cached_fit(solve, request, cache, key)
        middle = {name: 0.5 * (low + high) for name, (low, high) in request.bounds.items()}
        reference = middle.pop("wl"), middle.pop("temperature")
        errors = map(float, found["errors"])
        arrays = found["index"], found["extinction"]
        return cls(*arrays, middle, request.bounds, *reference, loss_db_cm, request.fixed, *errors)  # pyright: ignore[reportArgumentType]

    def at(self, **parameters: Any) -> "IndexMap":
        """The same map at other values of some parameters.

        Raises:
            ValueError: for a value outside its bounds, or a name that is not a parameter or was kept fixed.
        """
        for name, value in parameters.items():
            if name in dict(self.fixed):
                raise ValueError(f"{name} = {value!r}: the map was made at {name} = {dict(self.fixed)[name]:g} only")
            if name not in self.parameters:
                raise ValueError(f"{name} = {value!r} is not one of {', '.join(self.parameters) or 'no parameters'}")
        return dataclasses.replace(self, parameters={**self.parameters, **parameters})

    def effective_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        return self._value(self._here(self.coefficients), self._point(wl, temperature))

    def group_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        local, point = self._here(self.coefficients), self._point(wl, temperature)
        slope = self._scale("wl") * self._value(chebyshev.derivative(local, 1), point)
        return self._value(local, point) - (self.wl0 + point.offset) * slope

    def dispersion_ps_nm_km(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Dispersion parameter D = -(wl / c) d2n/dwl2 in ps/(nm km) at `wl` in um and `temperature` in K."""
        local, point = self._here(self.coefficients), self._point(wl, temperature)
        bend = self._scale("wl") ** 2 * self._value(chebyshev.derivative(chebyshev.derivative(local, 1), 1), point)
        return -bend * (self.wl0 + point.offset) / group_velocity_dispersion(SPEED_OF_LIGHT)

    def thermo_optic(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Thermo-optic slope dn_eff/dT in 1/K at `wl` in um and `temperature` in K.

        Raises:
            ValueError: if the map was made at one temperature.
        """
        if not self._scale("temperature"):
            raise ValueError(_ONE_TEMPERATURE.format(self.temperature0))
        slope = chebyshev.derivative(self._here(self.coefficients), 0)
        return self._scale("temperature") * self._value(slope, self._point(wl, temperature))

    def attenuation(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        point = self._point(wl, temperature)
        extinction = self._value(self._here(self.loss_coefficients), point)
        extra = jnp.asarray(attenuation(self.loss_db_cm), extinction.dtype)
        return 4.0 * math.pi * extinction / (self.wl0 + point.offset) + extra

    def total_loss_db_cm(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Propagation loss in dB/cm, the mode's own and `loss_db_cm`, at `wl` in um and `temperature` in K."""
        return loss_db_cm(self.attenuation(wl, temperature))

    def anchor(self, length: Any) -> jax.Array:
        # The turns at the middle of all parameters and those by which the present ones differ are reduced by
        # themselves: of parameters that are traced in float32, only the small difference is rounded.
        by_parameter = chebyshev.evaluate(self._ordered(self.coefficients, reference_first=True), self._start)
        middle = (0.0,) * len(self.parameters)
        change = chebyshev.deviation(by_parameter, middle, self._parameter_steps())
        parts = chebyshev.evaluate(by_parameter, middle), change
        turns = sum(reduced_turns(part, length, self.wl0) for part in parts)
        return turns - jnp.round(turns)

    def turns(self, length: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, anchor: Any = None) -> jax.Array:
        base = self.anchor(length) if anchor is None else anchor
        local, point = self._here(self.coefficients), self._point(wl, temperature)
        slope = chebyshev.evaluate(local, self._start) * length
        # The index at the reference takes the place of the group index; all that changes is in the last part.
        extra = chebyshev.deviation(local, self._start, point.steps) * jnp.asarray(length, point.offset.dtype)
        parts = (jnp.asarray(part, point.offset.dtype) for part in (base, slope, 0.0, extra))
        return detuned_turns(*parts, point.offset, self.wl0)

    def _here(self, coefficients: Any) -> Any:
        """Coefficients over temperature and wavelength at the present parameters, shape [m_T, m_wl, *batch]."""
        return chebyshev.evaluate(self._ordered(coefficients), self._parameter_steps())

    def _value(self, local: Any, point: "_Point") -> jax.Array:
        change = chebyshev.deviation(local, self._start, point.steps)
        return jnp.asarray(chebyshev.evaluate(local, self._start), change.dtype) + change

    def _point(self, wl: Any, temperature: Any) -> "_Point":
        bounds = dict(self.bounds)
        if not self._scale("temperature"):
            temperature = _without_derivative(temperature, _ONE_TEMPERATURE.format(self.temperature0))
        offset = wavelength_offset(_within("wl", wl, bounds["wl"], "um"), self.wl0)
        rise = wavelength_offset(_within("temperature", temperature, bounds["temperature"], "K"), self.temperature0)
        steps = self._scale("temperature") * rise.astype(offset.dtype), self._scale("wl") * offset
        return _Point(offset, steps)

    def _parameter_steps(self) -> list[Any]:
        """Parameters less the middle of their bounds in units of half their interval, on the host where they are."""
        steps = []
        for name, (low, high) in self.bounds[:-2]:
            value = _within(name, self.parameters[name], (low, high))
            middle = 0.5 * (low + high)
            apart = value - middle if isinstance(value, np.ndarray) else wavelength_offset(value, middle)
            steps.append(self._scale(name) * apart)
        return steps

    def _ordered(self, coefficients: Any, reference_first: bool = False) -> Any:
        """Coefficients with the axes of a batch, which devices have first, behind those of the variables."""
        axes, count = len(self.bounds), len(self.parameters)
        batch = np.ndim(coefficients) - axes
        names = [*range(count), count, count + 1]
        names = names[-2:] + names[:-2] if reference_first else names
        ordered = coefficients.transpose((*(batch + axis for axis in names), *range(batch)))
        missing = max([batch, *(np.ndim(value) for value in self.parameters.values())]) - batch
        return ordered.reshape((*ordered.shape[:axes], *(1,) * missing, *ordered.shape[axes:]))

    @property
    def _start(self) -> tuple[float, float]:
        """Place of temperature0 and wl0 in their intervals, in [-1, 1]."""
        references = {"temperature": self.temperature0, "wl": self.wl0}
        bounds = dict(self.bounds)
        return tuple(self._scale(name) * (x - 0.5 * sum(bounds[name])) for name, x in references.items())  # pyright: ignore[reportReturnType]

    def _scale(self, name: str) -> float:
        """Width of [-1, 1] over that of the interval of a variable; zero for one that is fixed."""
        low, high = dict(self.bounds)[name]
        return 2.0 / (high - low) if high > low else 0.0


class _Point(NamedTuple):
    """Where a map is asked for: wavelength less wl0 in um, and temperature and wavelength in units of their bounds."""

    offset: jax.Array
    steps: tuple[jax.Array, jax.Array]


def _within(name: str, value: Any, bounds: Interval, unit: str = "") -> Any:
    """The value itself, once it is known to be within the bounds but for rounding."""
    dtype = np.result_type(getattr(value, "dtype", np.float64), np.float32)
    rounding = 8.0 * float(jnp.finfo(dtype).eps)
    low, high = bounds[0] - rounding * abs(bounds[0]), bounds[1] + rounding * abs(bounds[1])
    if is_concrete(value):
        check_range(name, value, low, high, unit)
        return value
    message = f"{name} is outside [{bounds[0]:g}, {bounds[1]:g}] {unit}".rstrip() + ", the bounds of the index map"
    return eqx.error_if(value, ~((value >= low) & (value <= high)), message)


def _without_derivative(value: Any, message: str) -> Any:
    """The value, whose derivative is an error rather than silently zero."""
    if is_concrete(value):
        return value
    same = jax.custom_jvp(lambda x: x)

    @same.defjvp
    def _refuse(primals: Any, tangents: Any) -> Any:
        raise ValueError(message)

    return same(value)
