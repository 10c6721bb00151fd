"""Couplers whose guides change width or gap along the way: adiabatic couplers and tapered directional couplers.

With the coupling kappa and the detuning delta = (beta_1 - beta_2) / 2 of the guides as they are at each place,

    dA/dz = i [[delta, kappa], [kappa, -delta]] A,

and light follows the even or the odd mode where the angle of mixing, tan(theta) = kappa / delta, turns slowly:
|d(theta)/dz| << 2 (kappa^2 + delta^2)^(1/2). Then what crosses hardly depends on length, wavelength or process. A sweep
from delta = -d to d crosses all but exp(-pi kappa^2 / |d(delta)/dz|) (Landau and Zener; the rate is that of delta).

Cook, Bell Syst. Tech. J. 34, 807 (1955); Ramadan, Scarmozzino and Osgood, J. Lightwave Technol. 16, 277 (1998).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import check_number, within
from photonics_core.cross_section import MARGIN
from photonics_core.display import Shown
from photonics_core.kernels import chebyshev, coupled_mode
from photonics_core.kernels.checks import check_choice, check_positive, check_range
from photonics_core.kernels.coupled_mode import gauss_points, magnus_propagators
from photonics_core.kernels.transfer_matrix import transfer_chain
from photonics_core.materials import SILICA, SILICON
from photonics_core.runtime import as_leaf, map_points
from photonics_core.scattering import SMatrix
from photonics_core.supermodes import overlap_coupling, pair_section
from photonics_core.units import REFERENCE_TEMPERATURE

Ends = tuple[Any, Any]


class TaperedCoupler(Shown):
    """Two guides with coupling and detuning that change along them. Ports: `in`, `through`, `add` and `cross`.

    `in` and `through` are the ends of the first guide, `add` and `cross` those of the second; as in other couplers the
    common phase is left out. Made by `TaperedCoupler.solve` from geometry, or from numbers.

    Args:
        coupling: Chebyshev coefficients of ln(kappa um) over the place s in [0, 1] and over wavelength, shape [S, W].
        detuning: the same of delta in rad/um.
        length: length in um.
        profile: the place s at equal steps along the coupler, shape [steps + 1], each within [0, 1]; None for a
            straight one.
        loss_db: excess loss in dB.
        wl_range: shortest and longest wavelength in um.
        steps: number of steps of the integration, each of fourth order, where there is no profile.

    Raises:
        ValueError: for a value outside its range.
    """

    coupling: Any = eqx.field(converter=as_leaf)
    detuning: Any = eqx.field(converter=as_leaf)
    length: Any = eqx.field(converter=as_leaf)
    profile: Any = None
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    wl_range: tuple[float, float] = eqx.field(static=True, default=(1.5, 1.6))
    steps: int = eqx.field(static=True, default=200)

    def __check_init__(self) -> None:
        for name in ("coupling", "detuning"):
            if np.ndim(getattr(self, name)) != 2:
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} is not [S, W]")
        check_number("length", self.length)
        check_positive("length", self.length, "um")
        check_number("loss_db", self.loss_db)
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        _check_band(self.wl_range)
        check_range("steps", self.steps, 1, 1_000_000)
        if self.profile is not None:
            check_range("profile", self.profile, 0.0, 1.0)
            if np.ndim(self.profile) != 1 or np.shape(self.profile)[0] < 2:
                raise ValueError(f"profile of shape {np.shape(self.profile)} is not [steps + 1]")

    @classmethod
    def solve(
        cls,
        first: Ends,
        second: Ends,
        gap: Any,
        length: Any,
        height: Any = 0.22,
        core: Any = SILICON,
        cladding: Any = SILICA,
        *,
        wl: tuple[float, float] = (1.5, 1.6),
        temperature: Any = REFERENCE_TEMPERATURE,
        polarization: str = "te",
        margin: float = MARGIN,
        accuracy: str = "fast",
        places: int = 7,
        wavelengths: int = 3,
        **options: Any,
    ) -> "TaperedCoupler":
        """A coupler of two strips whose widths and gap go on straight lines from one end to the other.

        The coupling is that of `overlap_coupling`: 0.9 % below the splitting of equal silicon wires at a gap of 200 nm,
        7.5 % at 100 nm. Traceable, with derivatives in all dimensions.

        Args:
            first, second: width of each guide in um at the start and at the end.
            gap: gap in um, a number or the two at the ends.
            length: length in um.
            height: height of the guides in um.
            core, cladding: media, as for `CrossSection`.
            wl: shortest and longest wavelength in um.
            temperature: temperature in K.
            polarization: "te" or "tm".
            margin: width of cladding around the guides in the solver, in um.
            accuracy: of the mode solver.
            places, wavelengths: number of solves along the coupler and over wavelength.
            options: `profile`, `loss_db` and `steps`.

        Raises:
            ValueError: for a value outside its range.
        """
        gap = gap if isinstance(gap, tuple | list) else (gap, gap)
        for name, ends in (("first", first), ("second", second), ("gap", gap)):
            check_range(f"number of values in {name}", len(ends), 2, 2)
            for k, end in enumerate(ends):
                check_positive(f"{name}[{k}]", end, "um")
        check_choice("polarization", polarization, ("te", "tm"))
        check_range("places", places, 1, 200)
        check_range("wavelengths", wavelengths, 1, 50)
        _check_band(wl)

        def at(point: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            s, wavelength = point
            sizes = [start + (end - start) * s for start, end in (first, second, gap)]
            section = pair_section(sizes[:2], height, sizes[2], core, cladding, margin=margin)
            pair = overlap_coupling(section, wavelength, temperature, polarization=polarization, accuracy=accuracy)
            return jnp.log(pair.coupling), pair.detuning

        nodes = np.meshgrid(chebyshev.nodes(places, 0.0, 1.0), chebyshev.nodes(wavelengths, *wl), indexing="ij")
        points = tuple(jnp.asarray(each.ravel(), jnp.result_type(float)) for each in nodes)
        found = (jnp.reshape(each, (places, wavelengths)) for each in jax.jit(lambda p: map_points(at, p))(points))
        coupling, detuning = (chebyshev.tensor_coefficients(each, 2) for each in found)
        return cls(coupling, detuning, length, wl_range=(float(wl[0]), float(wl[1])), **options)

    def local(self, place: Any, wl: Any) -> tuple[jax.Array, jax.Array]:
        """Coupling and detuning in rad/um at places s in [0, 1] and wavelengths in um, which broadcast.

        Raises:
            ValueError: for a place or a wavelength outside.
            equinox.EquinoxRuntimeError: where that shows only when a compiled function runs.
        """
        low, high = self.wl_range
        place, wl = within("place", place, 0.0, 1.0), within("wl", wl, low, high, "um")
        steps = [2.0 * place - 1.0, (wl - 0.5 * (low + high)) * (2.0 / (high - low))]
        return jnp.exp(chebyshev.evaluate(self.coupling, steps)), chebyshev.evaluate(self.detuning, steps)

    def adiabaticity(self, wl: Any) -> jax.Array:
        """Largest |d(theta)/dz| / (2 (kappa^2 + delta^2)^(1/2)) along the coupler: well below one where light follows.

        Args:
            wl: free-space wavelength in um, a number.
        """
        place = self._profile()
        kappa, delta = self.local(place, wl)
        turn = jnp.abs(jnp.diff(jnp.arctan2(kappa, delta))) * (place.shape[0] - 1) / self.length
        total = jnp.sqrt(kappa**2 + delta**2)
        return jnp.max(turn / (total[1:] + total[:-1]))

    def amplitudes_along(self, wl: Any, start: Any = (1.0, 0.0)) -> tuple[jax.Array, jax.Array]:
        """Amplitudes in both guides along the coupler, for `plot.power_along`.

        Args:
            wl: free-space wavelength in um, a number.
            start: amplitudes at the start, square roots of power.

        Returns:
            Positions in um [steps + 1], and amplitudes [steps + 1, 2], before excess loss.

        Raises:
            ValueError: for a wavelength outside, or amplitudes that are not two.
        """
        pieces = self._pieces(jnp.asarray(wl, jnp.result_type(float)))
        along = coupled_mode.amplitudes_along(pieces, jnp.asarray(start))
        return jnp.linspace(0.0, 1.0, along.shape[0]) * self.length, along

    def scattering(self, wl: Any) -> SMatrix:
        """Scattering matrix over `wl` in um."""
        wl = jnp.asarray(wl, jnp.result_type(float))
        matrix = transfer_chain(self._pieces(wl))
        matrix = matrix * jnp.exp(-jnp.asarray(self.loss_db) * (math.log(10.0) / 20.0)).astype(matrix.dtype)
        names = ("in", "add"), ("through", "cross")
        pairs = {(names[0][k], names[1][j]): matrix[..., j, k] for j in range(2) for k in range(2)}
        return SMatrix.from_pairs(("in", "through", "add", "cross"), pairs, wl, reciprocal=True)

    def _profile(self) -> jax.Array:
        if self.profile is None:
            return jnp.linspace(0.0, 1.0, self.steps + 1)
        return jnp.asarray(self.profile, jnp.result_type(float))

    def _pieces(self, wl: jax.Array) -> jax.Array:
        """Transfer matrices of the steps, shape [steps, ..., 2, 2], the leading axes those of `wl`."""
        place = self._profile()
        steps = place.shape[0] - 1
        parts = gauss_points(1.0, steps).astype(place.dtype) * steps - jnp.arange(steps, dtype=place.dtype)[:, None]
        at = place[:-1, None] + jnp.diff(place)[:, None] * parts
        kappa, delta = self.local(at.reshape(steps, 2, *(1,) * wl.ndim), wl)
        rows = [jnp.stack([delta, kappa], axis=-1), jnp.stack([kappa, -delta], axis=-1)]
        matrix = jnp.stack(rows, axis=-2)
        return magnus_propagators(jax.lax.complex(matrix, jnp.zeros_like(matrix)), self.length / steps)


def _check_band(wl: tuple[float, float]) -> None:
    check_range("number of values in wl", len(wl), 2, 2)
    check_positive("shortest wavelength", wl[0], "um")
    check_range("longest wavelength", wl[1], wl[0], unit="um", exclusive=True)
