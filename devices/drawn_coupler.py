"""Couplers known by what is drawn: gap, length and curvature, with the coupling of a solved pair of guides.

Along a coupler the gap opens and kappa with it; what crosses follows from the integral of kappa along the path,

    angle = int kappa(gap(z)) dz,

as long as both guides go on in nearly the same direction and light in them keeps step. A guide that bends away with
radius R adds R - sqrt(R^2 - z^2) to the gap at a distance z along the coupler.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

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
#: Points in wavelength through which the angle is laid as a polynomial.
WAVELENGTHS = 7


class DrawnCoupler(Coupler):
    """Two equal guides side by side with a straight part and bends that part them at both ends.

    A straight bus beside a ring has `radii = (inf, radius)` and no straight part; two rings side by side have their two
    radii; a directional coupler of S-bends has those of the bends, and a racetrack the straight part too.

    Args:
        map: coupling of the pair of guides over gap and wavelength.
        gap: gap in um in the straight part, or where bent guides are closest; at least the narrowest of the map.
        length: length of the straight part in um.
        radii: radius in um with which each guide bends away; infinite for one that goes on straight. A plain number
            infinity; other values are leaves.
        loss_db: excess loss in dB.

    Raises:
        ValueError: for a gap below that of the map, two straight guides, or another value outside its range.
    """

    map: CouplingMap
    gap: Any = eqx.field(converter=as_leaf)
    length: Any = eqx.field(converter=as_leaf, default=0.0)
    radii: tuple[Any, Any] = (math.inf, math.inf)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("map", self.map, CouplingMap)
        check_range("gap", self.gap, self.map.gap_range[0], np.inf, "um")
        check_range("length", self.length, 0.0, np.inf, "um")
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_range("number of radii", len(self.radii), 2, 2)
        for k, radius in enumerate(self.radii):
            if _bends(radius):
                check_positive(f"radii[{k}]", radius, "um")
        if not any(map(_bends, self.radii)) and is_concrete(self.length) and not np.all(np.asarray(self.length) > 0):
            raise ValueError("two straight guides without a length never couple; give a length or a radius")

    def coupling_angle(self, wl: Any) -> jax.Array:
        """Coupling angle in rad; smooth in wavelength, gap, length and radii.

        The integral is taken at a few wavelengths of the map and laid as a polynomial through them, so that a million
        wavelengths cost no more than in a coupler given by numbers.
        """
        low, high = self.map.wl_range
        at = chebyshev.nodes(WAVELENGTHS, low, high)
        angles = self._straight_angle(at) + self._approach_angle(at)
        coefficients = chebyshev.tensor_coefficients(jnp.log(angles), 1)
        wl = self.map.checked_wl(wl)
        return jnp.exp(chebyshev.evaluate(coefficients, [(wl - 0.5 * (low + high)) * (2.0 / (high - low))]))

    def equivalent_length(self, wl: Any) -> jax.Array:
        """Length in um of straight guides at the smallest gap that the bends at both ends count for."""
        return self.coupling_angle(wl) / self.map.coupling(self.gap, wl) - self.length

    def opening(self, z: Any) -> jax.Array:
        """How much wider than `gap` the gap is at a distance `z` in um from the straight part, in um."""
        z = jnp.asarray(z, jnp.result_type(float))
        return sum((_sagitta(z, radius) for radius in self.radii if _bends(radius)), jnp.zeros_like(z))

    def _straight_angle(self, wl: Any) -> jax.Array:
        return self.map.coupling(self.gap, wl) * self.length

    def _approach_angle(self, wl: Any) -> jax.Array:
        """Both ends, integrated over the angle at which the smaller circle turns away."""
        bent = [jnp.asarray(radius, jnp.result_type(float)) for radius in self.radii if _bends(radius)]
        if not bent:
            return jnp.zeros(np.shape(wl))
        sharpest = bent[0] if len(bent) == 1 else jnp.minimum(*bent)
        curvature = sum(1.0 / radius for radius in bent)
        decay = self._decay_length()
        end = jnp.minimum(jnp.sqrt(2.0 * REACH * decay / curvature) / sharpest, 0.9)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        turn = jnp.arcsin(end) * jnp.asarray(0.5 * (nodes + 1.0))
        z, step = sharpest * jnp.sin(turn), sharpest * jnp.cos(turn) * jnp.arcsin(end) * jnp.asarray(0.5 * weights)
        kappa = self.map.coupling((self.gap + self.opening(z))[None, :], jnp.asarray(wl)[:, None])
        return 2.0 * jnp.sum(kappa * step[None, :], axis=1)

    def _decay_length(self) -> jax.Array:
        """Gap in um over which the coupling falls by e, at the middle of the map."""
        low, high = self.map.gap_range
        wl = 0.5 * sum(self.map.wl_range)
        return (high - low) / jnp.log(self.map.coupling(low, wl) / self.map.coupling(high, wl))


class PulleyCoupler(Coupler):
    """A bus that goes around a ring of the same guide, concentric with it.

    The bus runs on a larger circle, so light in it falls behind: with n_eff the detuning of the two is
    delta = (pi / wl) n_eff (1 - R_ring / R_bus) at the bus, and

        sin(angle) = |kappa / s sin(s L)|,   s^2 = kappa^2 + delta^2.

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
        check_range("gap", self.gap, self.map.gap_range[0], np.inf, "um")
        check_positive("width", self.width, "um")
        lowest = 0.5 * float(np.max(self.width)) if is_concrete(self.width) else 0.0
        check_range("radius", self.radius, lowest, np.inf, "um", exclusive=True)
        check_range("wrap_angle", self.wrap_angle, 0.0, 2.0 * math.pi, "rad", exclusive=True)
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")

    def coupling_angle(self, wl: Any) -> jax.Array:
        wl = self.map.checked_wl(wl)
        kappa, bus = self.map.coupling(self.gap, wl), self.radius + self.width + self.gap
        detuning = jnp.pi / wl * self.index.effective_index(wl) * (1.0 - self.radius / bus)
        total = jnp.sqrt(kappa**2 + detuning**2)
        return jnp.arcsin(jnp.clip(jnp.abs(kappa / total * jnp.sin(total * bus * self.wrap_angle)), 0.0, 1.0))


def _bends(radius: Any) -> bool:
    return not (is_concrete(radius) and np.all(np.isinf(np.asarray(radius))))


def _sagitta(z: jax.Array, radius: Any) -> jax.Array:
    """radius - sqrt(radius^2 - z^2), without cancellation."""
    return z**2 / (radius + jnp.sqrt(radius**2 - z**2))
