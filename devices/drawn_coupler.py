"""Couplers known by what is drawn: gap, length and curvature, with the coupling of a solved pair of guides.

Along a coupler the gap opens and kappa with it; what crosses follows from the integral of kappa along the path,

    angle = int kappa(gap(z)) dz,

as long as both guides go on in nearly the same direction and light in them keeps step. A guide that bends away with
radius R adds R - sqrt(R^2 - z^2) to the gap at a distance z along the coupler. The bends count for a length of
straight guides, int kappa(gap(z)) / kappa(gap) dz, formed of differences of ln kappa: no coupling is too weak for it.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import check_number, check_numbers
from photonics_core.coupling_map import CouplingMap
from photonics_core.devices.coupler import Coupler
from photonics_core.index import IndexModel
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_kind, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf

#: Points of quadrature along an approach, and how far the gap opens, in units of the map's decay length, before the
#: rest is left out: exp(-16) = 1e-7.
NODES = 48
REACH = 16.0
#: Fewest points in wavelength through which ln kappa and the length of the bends are laid as polynomials.
WAVELENGTHS = 7
#: Widest gap that is taken, in decay lengths beyond the widest of the map: exp(-20) = 2e-9.
FARTHEST = 20.0


def _as_radii(radii: Any) -> Any:
    """Radii with None for each guide that goes on straight, which is then no leaf."""
    if not isinstance(radii, (tuple, list)) and not np.ndim(radii):
        raise ValueError(f"radii = {radii!r} is not a pair of radii in um")
    return tuple(None if is_straight(radius) else as_leaf(radius) for radius in radii)


def is_straight(radius: Any) -> bool:
    """Whether a radius in um is a plain number infinity, or None: a guide that does not bend."""
    if radius is None or not is_concrete(radius):
        return radius is None
    number = np.asarray(radius)
    return number.shape == () and number.dtype.kind == "f" and bool(number == np.inf)


class DrawnCoupler(Coupler):
    """Two equal guides side by side with a straight part and bends that part them at both ends.

    A straight bus beside a ring has `radii = (inf, radius)` and no straight part; two rings side by side have their two
    radii; a directional coupler of S-bends has those of the bends, and a racetrack the straight part too.

    Args:
        map: coupling of the pair of guides over gap and wavelength.
        gap: gap in um in the straight part, or where bent guides are closest; from the narrowest of the map to 20 decay
            lengths beyond its widest.
        length: length of the straight part in um.
        radii: radius in um with which each guide bends away; a plain number infinity for one that goes on straight,
            which is kept as None and is no leaf.
        loss_db: excess loss in dB.

    Each is one number; a batch is made by `jax.vmap` or `stack`.

    Raises:
        ValueError: for a gap outside that range, two straight guides without a length, an array, or another value
            outside its range.
        equinox.EquinoxRuntimeError: for radii that prove in a compiled function to be below zero or both infinite.
    """

    map: CouplingMap
    gap: Any = eqx.field(converter=as_leaf)
    length: Any = eqx.field(converter=as_leaf, default=0.0)
    radii: tuple[Any, Any] = eqx.field(converter=_as_radii, default=(math.inf, math.inf))
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("map", self.map, CouplingMap)
        check_range("number of radii", len(self.radii), 2, 2)
        self._check_numbers()
        _check_gap(self.map, self.gap)
        check_range("length", self.length, 0.0, np.inf, "um")
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        for name, radius in self._bends().items():
            check_positive(name, radius, "um")
        if not self._bends() and is_concrete(self.length) and not self.length > 0:
            raise ValueError("two straight guides without a length never couple; give a length or a radius")

    def coupling_angle(self, wl: Any) -> jax.Array:
        """Coupling angle in rad; smooth in wavelength, gap, length and radii.

        What is integrated is taken at a few wavelengths of the map and laid as a polynomial through them, so that a
        million wavelengths cost no more than in a coupler given by numbers.
        """
        self._check_numbers()
        place = self._place(wl)
        at = self._wavelengths()
        kappa = jnp.exp(_polynomial(self.map.log_coupling(self.gap, at), place))
        return kappa * (self.length + self._bend_length(at, place))

    def equivalent_length(self, wl: Any) -> jax.Array:
        """Length in um of straight guides at the smallest gap that the bends at both ends count for."""
        self._check_numbers()
        return self._bend_length(self._wavelengths(), self._place(wl))

    def opening(self, z: Any) -> jax.Array:
        """How much wider than `gap` the gap is at a distance `z` in um from the straight part, in um."""
        z = jnp.asarray(z, jnp.result_type(float))
        return sum((_sagitta(z, each) for each in self._curvatures()), jnp.zeros_like(z))

    def _check_numbers(self) -> None:
        """Leaves of a batch, which was not built but stacked, are found when it is used as if it were one device."""
        check_numbers(self, "gap", "length", "loss_db")
        for name, radius in self._bends().items():
            check_number(name, radius)

    def _bends(self) -> dict[str, Any]:
        return {f"radii[{k}]": radius for k, radius in enumerate(self.radii) if radius is not None}

    def _curvatures(self) -> list[jax.Array]:
        """Curvatures in 1/um of the guides that bend, which an infinite radius that is traced makes zero."""
        radii = list(self._bends().values())
        curvatures = [1.0 / jnp.asarray(radius, jnp.result_type(float)) for radius in radii]
        if is_concrete(*radii):
            return curvatures
        bad = ~(sum(curvatures) > 0.0)
        for each in curvatures:
            bad = bad | ~(each >= 0.0)
        return [eqx.error_if(each, bad, "radii are below zero, or both infinite") for each in curvatures]

    def _wavelengths(self) -> np.ndarray:
        return chebyshev.nodes(max(WAVELENGTHS, np.shape(self.map.coefficients)[-1]), *self.map.wl_range)

    def _place(self, wl: Any) -> jax.Array:
        low, high = self.map.wl_range
        return (self.map.checked_wl(wl) - 0.5 * (low + high)) * (2.0 / (high - low))

    def _bend_length(self, wl: np.ndarray, place: jax.Array) -> jax.Array:
        """`equivalent_length` at a place in the map's wavelengths, from that at some wavelengths."""
        if not self._bends():
            return jnp.zeros_like(place)
        return jnp.exp(_polynomial(jnp.log(self._bend_lengths(jnp.asarray(wl, place.dtype))), place))

    def _bend_lengths(self, wl: jax.Array) -> jax.Array:
        """Both ends, integrated over the angle at which the smaller circle turns away."""
        curvatures = self._curvatures()
        sharpest = curvatures[0] if len(curvatures) == 1 else jnp.maximum(*curvatures)
        decay = jnp.asarray(self.map.decay_length, wl.dtype)
        end = jnp.minimum(jnp.sqrt(2.0 * REACH * decay / sum(curvatures)) * sharpest, 0.9)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        turn = jnp.arcsin(end) * jnp.asarray(0.5 * (nodes + 1.0), wl.dtype)
        z = jnp.sin(turn) / sharpest
        step = jnp.cos(turn) * jnp.arcsin(end) / sharpest * jnp.asarray(0.5 * weights, wl.dtype)
        opening = sum((_sagitta(z, each) for each in curvatures), jnp.zeros_like(z))
        gap = jnp.asarray(self.gap, wl.dtype)
        weaker = self.map.log_coupling_inside((gap + opening)[None, :], wl[:, None])
        fall = jnp.exp(weaker - self.map.log_coupling_inside(gap, wl)[:, None])
        return 2.0 * jnp.sum(fall * step[None, :], axis=1)


class PulleyCoupler(Coupler):
    """A bus that goes around a ring of the same guide, concentric with it.

    The bus runs on a larger circle, so light in it falls behind: with n_eff the detuning of the two is
    delta = (pi / wl) n_eff (1 - R_ring / R_bus) at the bus, and

        sin(angle) = |kappa / s sin(s L)|,   s^2 = kappa^2 + delta^2.

    Powers are those of the detuned coupler. Of its amplitude of going straight on, cos(s L) - i (delta / s) sin(s L),
    the magnitude is kept, as in any `Coupler`. Left out is by how much its phase differs from that of the guide alone,
    delta L - arctan((delta / s) tan(s L)) with the arctangent continued from L = 0, some kappa^2 L / (2 delta); it
    shifts resonances by at most that angle of a round trip.

    Args:
        map: coupling of the pair of guides over gap and wavelength.
        index: index model of the guides.
        gap: gap in um.
        radius: radius of the ring in um, to the middle of its guide.
        width: width of the guides in um.
        wrap_angle: angle in rad over which the bus goes around, within (0, 2 pi).
        loss_db: excess loss in dB.

    The approach of the bus at both ends is left out. Raises `ValueError` for a value outside its range.
    """

    map: CouplingMap
    index: IndexModel
    gap: Any = eqx.field(converter=as_leaf)
    radius: Any = eqx.field(converter=as_leaf)
    width: Any = eqx.field(converter=as_leaf)
    wrap_angle: Any = eqx.field(converter=as_leaf)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("map", self.map, CouplingMap)
        check_kind("index", self.index, IndexModel)
        check_numbers(self, "gap", "radius", "width", "wrap_angle", "loss_db")
        _check_gap(self.map, self.gap)
        check_positive("width", self.width, "um")
        lowest = 0.5 * float(self.width) if is_concrete(self.width) else 0.0
        check_range("radius", self.radius, lowest, np.inf, "um", exclusive=True)
        check_range("wrap_angle", self.wrap_angle, 0.0, 2.0 * math.pi, "rad", exclusive=True)
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")

    def coupling_angle(self, wl: Any) -> jax.Array:
        check_numbers(self, "gap", "radius", "width", "wrap_angle", "loss_db")
        wl = self.map.checked_wl(wl)
        kappa, bus = self.map.coupling(self.gap, wl), self.radius + self.width + self.gap
        detuning = jnp.pi / wl * self.index.effective_index(wl) * (1.0 - self.radius / bus)
        total = jnp.sqrt(kappa**2 + detuning**2)
        return jnp.arcsin(jnp.clip(jnp.abs(kappa / total * jnp.sin(total * bus * self.wrap_angle)), 0.0, 1.0))


def _check_gap(coupling: CouplingMap, gap: Any) -> None:
    """Raise a `ValueError` for a gap below those of the map, or so far beyond that a unit was mistaken."""
    low, high = coupling.gap_range
    check_range("gap", gap, low, np.inf, "um")
    if is_concrete(gap, *jax.tree.leaves(coupling)):
        on_host = jax.tree.map(np.asarray, coupling)
        if np.ndim(on_host.decay_length) == 0:
            check_range("gap", gap, low, high + FARTHEST * abs(float(on_host.decay_length)), "um")


def _polynomial(values: jax.Array, place: jax.Array) -> jax.Array:
    """A polynomial through values at the nodes of the interval, at places in [-1, 1]."""
    return chebyshev.evaluate(chebyshev.tensor_coefficients(values, 1), [place])


def _sagitta(z: jax.Array, curvature: jax.Array) -> jax.Array:
    """radius - sqrt(radius^2 - z^2), without cancellation."""
    return z**2 * curvature / (1.0 + jnp.sqrt(1.0 - (z * curvature) ** 2))
