"""Coupling per length of two equal guides over gap, wavelength and geometry, fitted to a batch of mode solves.

The coupling falls by orders of magnitude with the gap, so its logarithm is what a polynomial in Chebyshev form is laid
through. Beyond the widest gap of the map the logarithm goes on as a straight line, as evanescent fields do.
"""

import os
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import within
from photonics_core.cross_section import MARGIN, CrossSection
from photonics_core.display import Shown
from photonics_core.index_cache import ModeFit, cached_fit
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_choice, check_positive, check_range
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import media_key
from photonics_core.resolution import divided, divisions
from photonics_core.runtime import as_leaf, point_solver
from photonics_core.supermodes import couple, pair_section
from photonics_core.units import REFERENCE_TEMPERATURE

Interval = tuple[float, float]


class CouplingMap(Shown):
    """Coupling kappa in rad/um as a smooth function of gap and wavelength; made by `CouplingMap.fit`.

    Args:
        coefficients: Chebyshev coefficients of ln(kappa um), one axis a variable in the order of `bounds`.
        parameters: present value of each dimension that varies, a leaf each; `at` changes them.
        bounds: lowest and highest value of each of these, then of `gap`, `temperature` (of no width) and `wl`.
        error_estimate: largest relative error to expect of the polynomial; the mode solver's own comes on top.
    """

    coefficients: Any = eqx.field(converter=as_leaf)
    parameters: dict[str, Any] = eqx.field(converter=lambda values: {k: as_leaf(v) for k, v in values.items()})
    bounds: tuple[tuple[str, Interval], ...] = eqx.field(static=True)
    error_estimate: float = eqx.field(static=True)

    @classmethod
    def fit(
        cls,
        width: float | Interval = 0.5,
        height: float | Interval = 0.22,
        core: Any = SILICON,
        cladding: Any = SILICA,
        *,
        gap: Interval = (0.05, 0.6),
        wl: Interval = (1.5, 1.6),
        temperature: float = REFERENCE_TEMPERATURE,
        polarization: str = "te",
        margin: float = MARGIN,
        accuracy: str = "fast",
        tolerance: float = 1e-3,
        cache: str | os.PathLike[str] | None = None,
    ) -> "CouplingMap":
        """Fit a map to the supermodes of two equal strips.

        Args:
            width, height: dimensions in um: a number to keep it fixed, or an interval.
            core, cladding: media, as for `CrossSection`.
            gap: narrowest and widest gap in um.
            wl: shortest and longest wavelength in um.
            temperature: temperature in K.
            polarization: "te" or "tm".
            margin: width of cladding around the guides in the solver, in um.
            accuracy: of the mode solver; "fast" is within 1e-3 of the coupling of silicon wires.
            tolerance: largest relative error of the polynomial.
            cache: folder to keep coefficients in. Only for media that are numbers or materials.

        Raises:
            ValueError: for bad dimensions, or where the pair has no guided odd mode everywhere in the intervals.
        """
        check_choice("polarization", polarization, ("te", "tm"))
        if np.shape(gap) != (2,):
            raise ValueError(f"gap = {gap!r} is not a pair of rising numbers in um")
        check_positive("narrowest gap", gap[0], "um")
        variables = {"width": width, "height": height, "gap": gap, "temperature": temperature, "wl": wl}
        request = ModeFit(variables, None, tolerance, 1.0, 20_000)
        media = None if cache is None else media_key(core=core, cladding=cladding)
        options = {"polarization": polarization, "accuracy": accuracy}
        key = {"what": "ln coupling", "media": media, "margin": margin, "solver": 2, **options}

        def section(width: Any, height: Any, gap: Any) -> CrossSection:
            return pair_section(width, height, gap, core, cladding, margin=margin)

        # Traced dimensions cannot tell how finely a section has to be divided; the largest ones do for all.
        largest = section(*(float(np.max(each)) for each in (width, height, gap)))
        plan = divisions([largest], float(np.min(wl)), temperature, accuracy)

        def solved(size: tuple[Any, Any, Any], at: Any, temperature: Any) -> jax.Array:
            return couple(divided(section(*size), plan), at, temperature, **options).coupling

        _check_guided(lambda size, at: solved(size, at, temperature), width, height, gap, float(np.max(wl)))

        @point_solver
        def log_couplings(point: dict[str, Any]) -> jax.Array:
            size = point["width"], point["height"], point["gap"]
            return jnp.log(solved(size, point["wl"], point["temperature"]))

        def solve(points: Mapping[str, Any]) -> np.ndarray:
            return log_couplings({name: jnp.asarray(x, jnp.result_type(float)) for name, x in points.items()})

        found = cached_fit(solve, request, cache, key)
        present = {name: float(np.mean(request.bounds[name])) for name in request.bounds if name in ("width", "height")}
        return cls(found["index"], present, tuple(request.bounds.items()), float(found["errors"][0]))

    def __check_init__(self) -> None:
        for name, value in self.parameters.items():
            check_range(name, value, *dict(self.bounds)[name], "um")

    def at(self, **parameters: Any) -> "CouplingMap":
        """The same map at other dimensions in um, by name; a `ValueError` for one that does not vary."""
        for name, value in parameters.items():
            if name not in self.parameters:
                raise ValueError(f"{name} = {value!r} does not vary in this map; {sorted(self.parameters)} do")
        return CouplingMap(self.coefficients, {**self.parameters, **parameters}, self.bounds, self.error_estimate)

    @property
    def gap_range(self) -> Interval:
        """Narrowest and widest gap in um that were solved."""
        return dict(self.bounds)["gap"]

    @property
    def wl_range(self) -> Interval:
        """Shortest and longest wavelength in um."""
        return dict(self.bounds)["wl"]

    def coupling(self, gap: Any, wl: Any) -> jax.Array:
        """Coupling kappa in rad/um.

        Args:
            gap: gap in um, at least the narrowest of the map.
            wl: free-space wavelength in um, within the map; it broadcasts with `gap`.

        Raises:
            ValueError: for a value outside.
            equinox.EquinoxRuntimeError: where that shows only when a compiled function runs.
        """
        return jnp.exp(self.log_coupling(gap, wl))

    def log_coupling(self, gap: Any, wl: Any) -> jax.Array:
        """ln(kappa um), which keeps its digits where kappa itself is too small a number; as for `coupling`."""
        gap = within("gap", gap, self.gap_range[0], np.inf, "um")
        return self.log_coupling_inside(gap, self.checked_wl(wl))

    def log_coupling_inside(self, gap: Any, wl: Any) -> jax.Array:
        """The same for values that are known to be within the map, without looking at them again."""
        low, high = self.gap_range
        gap, wl = jnp.broadcast_arrays(gap, wl)
        inside = jnp.minimum(gap, high)
        local = self._local()
        steps = [self._place("gap", inside), jnp.zeros_like(inside), self._place("wl", wl)]
        value = chebyshev.evaluate(local, steps)
        slope = chebyshev.evaluate(chebyshev.derivative(local, 0), [jnp.ones_like(wl), *steps[1:]])
        return value + slope * (2.0 / (high - low)) * (gap - inside)

    @property
    def decay_length(self) -> Any:
        """Gap in um over which the coupling falls by e, the mean over the map at the middle wavelength."""
        low, high = self.gap_range
        local = self._local()
        ends = [chebyshev.evaluate(local, [place, 0.0, 0.0]) for place in (-1.0, 1.0)]
        return (high - low) / (ends[0] - ends[1])

    def checked_wl(self, wl: Any) -> jax.Array:
        """Wavelengths in um as an array, within the map; errors as for `coupling`."""
        return within("wl", wl, *self.wl_range, "um")

    def _local(self) -> Any:
        """Coefficients over gap, temperature and wavelength at the present dimensions."""
        steps = [self._place(name, value) for name, value in self.parameters.items()]
        return chebyshev.evaluate(self.coefficients, steps) if steps else self.coefficients

    def _place(self, name: str, value: Any) -> Any:
        low, high = dict(self.bounds)[name]
        return (value - 0.5 * (low + high)) * (2.0 / (high - low))


def _check_guided(solved: Any, width: Any, height: Any, gap: Any, wl: float) -> None:
    """Raise a `ValueError` unless an odd mode is guided where it is cut off first: by the smallest pair, in the red."""
    size = tuple(float(np.min(each)) for each in (width, height, gap))
    try:
        solved(size, wl)
    except ValueError as error:
        raise ValueError(f"{error} (width = {size[0]:g} um, height = {size[1]:g} um, gap = {size[2]:g} um)") from None
