"""Couplers whose gap and widths are curves: two guides along profiles, between the bends that bring them together.

With the coupling kappa and the detuning delta of the guides as they are at each place,

    dA/dz = i [[delta, kappa], [kappa, -delta]] A,
    delta = pi / wl (n(w_1) - n(w_2)),   kappa = (kappa(gap, w_1) kappa(gap, w_2))^(1/2),

n and kappa(gap, w) being those of one guide and of two equal guides of a `StripGuide` that was solved over widths. The
mean of two guides that differ is right to second order in their difference: overlaps of modes say the same to 1 % at
30 nm (see the tests). Two equal guides whose gap changes cross sin^2(int kappa dz), which no gap makes flat over the
wavelength; a difference of widths that changes along the way does. Beyond the profiles both guides bend away with one
radius each and take their light along, each side counting as straight guides at the gap and widths of its end.

Cook, Bell Syst. Tech. J. 34, 807 (1955); Louisell, Bell Syst. Tech. J. 34, 853 (1955).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import check_number
from photonics_core.devices.drawn_coupler import DrawnCoupler
from photonics_core.devices.strip_guide import StripGuide
from photonics_core.display import Shown
from photonics_core.kernels import coupled_mode
from photonics_core.kernels.checks import check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.coupled_mode import magnus_propagators
from photonics_core.kernels.transfer_matrix import transfer_chain
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.shape_profiles import ShapeProfile


class ShapedCoupler(Shown):
    """Two guides whose gap and difference of widths are profiles. Ports: `in`, `through`, `add` and `cross`.

    `in` and `through` are the ends of the first guide, `add` and `cross` those of the second; as in other couplers the
    common phase is left out.

    Args:
        guide: index and coupling, solved over an interval of widths; its own width is the mean of both guides.
        gap: the gap in um over z, edge to edge.
        difference: width of the first guide less that of the second in um, over the same length.
        radius: radius in um with which each guide bends away at both ends; None for no bends.
        loss_db: excess loss in dB.
        steps: number of steps of the integration, each of fourth order.

    Raises:
        ValueError: for lengths that differ, a guide that was solved at one width only, or a value outside its range.
    """

    guide: StripGuide
    gap: ShapeProfile
    difference: ShapeProfile
    radius: Any = eqx.field(converter=lambda radius: None if radius is None else as_leaf(radius), default=10.0)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    steps: int = eqx.field(static=True, default=80)

    def __check_init__(self) -> None:
        check_kind("guide", self.guide, StripGuide)
        for name in ("gap", "difference"):
            check_kind(name, getattr(self, name), ShapeProfile)
        if is_concrete(self.gap.length, self.difference.length):
            length = float(self.gap.length)
            check_range("length of difference", self.difference.length, length, length, "um")
        if "width" not in self.guide.coupling.parameters or "width" not in self.guide.index.parameters:
            raise ValueError(
                "guide was solved at one width; solve it over an interval, as StripGuide.solve((0.4, 0.5))"
            )
        if self.radius is not None:
            check_positive("radius", self.radius, "um")
        check_number("loss_db", self.loss_db)
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_range("steps", self.steps, 1, 100_000)

    @property
    def length(self) -> Any:
        """Length in um of the profiles, without the bends."""
        return self.gap.length

    def made(self, wider: Any) -> "ShapedCoupler":
        """The coupler with both guides wider by so many um, edge by edge: its gaps are narrower by as much."""
        guide = self.guide.at(width=self.guide.width + wider)
        gap = ShapeProfile(self.gap.coefficients - jnp.asarray(wider), self.gap.length, self.gap.degree)
        return eqx.tree_at(lambda each: (each.guide, each.gap), self, (guide, gap))

    def local(self, place: Any, wl: Any) -> tuple[jax.Array, jax.Array]:
        """Coupling and detuning in rad/um at parts of the length from 0 to 1 [P] and wavelengths [...] in um.

        Returns:
            Two arrays of shape [P, ...].

        Raises:
            ValueError: for a wavelength outside those solved.
            equinox.EquinoxRuntimeError: for widths or gaps outside, when a compiled function runs.
        """
        wl = self.guide.coupling.checked_wl(wl)
        gap, apart = self.gap.at_parts(place), self.difference.at_parts(place)
        return jax.vmap(lambda g, d: self._pair(g, d, wl))(gap, apart)

    def amplitudes_along(self, wl: Any, start: Any = (1.0, 0.0)) -> tuple[jax.Array, jax.Array]:
        """Amplitudes in both guides along the profiles, for `plot.power_along`.

        Args:
            wl: free-space wavelength in um, a number.
            start: amplitudes before the bends, square roots of power.

        Returns:
            Positions in um [steps + 1], and amplitudes [steps + 1, 2] after the first bends and before excess loss.
        """
        before, pieces, _ = self._parts(jnp.asarray(wl, jnp.result_type(float)))
        begin = jnp.matmul(before, jnp.asarray(start).astype(before.dtype))
        return jnp.linspace(0.0, 1.0, self.steps + 1) * self.length, coupled_mode.amplitudes_along(pieces, begin)

    def scattering(self, wl: Any) -> SMatrix:
        """Scattering matrix over `wl` in um."""
        wl = jnp.asarray(wl, jnp.result_type(float))
        before, pieces, after = self._parts(wl)
        matrix = transfer_chain(jnp.concatenate([before[None], pieces, after[None]]))
        matrix = matrix * jnp.exp(-jnp.asarray(self.loss_db) * (math.log(10.0) / 20.0)).astype(matrix.dtype)
        names = ("in", "add"), ("through", "cross")
        pairs = {(names[0][k], names[1][j]): matrix[..., j, k] for j in range(2) for k in range(2)}
        return SMatrix.from_pairs(("in", "through", "add", "cross"), pairs, wl, reciprocal=True)

    def _pair(self, gap: Any, apart: Any, wl: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Coupling and detuning at one gap and difference of widths."""
        width = self.guide.width
        first, second = (self.guide.at(width=width + sign * 0.5 * apart) for sign in (1.0, -1.0))
        n = [each.index.effective_index(wl) for each in (first, second)]
        log = [each.coupling.log_coupling(gap, wl) for each in (first, second)]
        return jnp.exp(0.5 * (log[0] + log[1])), jnp.pi / wl * (n[0] - n[1])

    def _parts(self, wl: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Transfer matrices of the bends before, of the steps [steps, ..., 2, 2], and of the bends after."""
        points = ((np.arange(self.steps)[:, None] + np.asarray(coupled_mode.GAUSS)) / self.steps).ravel()
        kappa, delta = self.local(np.concatenate([[0.0], points, [1.0]]), wl)
        matrices = _matrices(kappa, delta)
        inner = matrices[1:-1].reshape(self.steps, 2, *matrices.shape[1:])
        pieces = magnus_propagators(inner, jnp.asarray(self.length, wl.dtype) / self.steps)
        before, after = (self._bends(end, matrix, wl) for end, matrix in ((0, matrices[0]), (-1, matrices[-1])))
        return before, pieces, after

    def _bends(self, end: int, matrix: jax.Array, wl: jax.Array) -> jax.Array:
        """Transfer matrix of the bends at one end, each half of those of a `DrawnCoupler` without a straight part."""
        if self.radius is None:
            return jnp.broadcast_to(jnp.eye(2, dtype=matrix.dtype), matrix.shape)
        gap = self.gap.coefficients[end]
        both = DrawnCoupler(self.guide.coupling, gap, 0.0, (self.radius, self.radius)).equivalent_length(wl)
        return coupled_mode.propagator(matrix, 0.5 * both)


def _matrices(kappa: jax.Array, delta: jax.Array) -> jax.Array:
    rows = [jnp.stack([delta, kappa], axis=-1), jnp.stack([kappa, -delta], axis=-1)]
    matrix = jnp.stack(rows, axis=-2)
    return jax.lax.complex(matrix, jnp.zeros_like(matrix))
