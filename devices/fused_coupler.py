"""Fused tapered fibre couplers: two fibres fused and pulled until their claddings guide, as one glass guide in air.

Each of the two fibres has shrunk to a radius r. The glass of both is taken as a rectangle 2 a wide and a high, with
a = sqrt(pi) r for the same area (strongly fused; two fibres that just touch span 2 a = 4 r). Its even and odd mode
drift apart, so that power crosses as sin^2(angle), the angle being the integral of C along the taper. With
V = 2 pi a sqrt(n2^2 - n3^2) / wl for glass n2 in a medium n3 and no cores,

    C = 3 pi wl / (32 n2 a^2) / (1 + q / V)^2,    q = (n3 / n2)^2 (E along the long side), 1 (E along the short side).

For q = 1 this is F. P. Payne, C. D. Hussey and M. S. Yataki, Electron. Lett. 21, 461 (1985), as it is quoted. It is
the splitting of the first two modes of a slab as wide as the glass and its evanescent tails, which holds for a long
side of 2 a: with one of 4 a coupling is a quarter. Full-vector modes of the rectangle (n2 = 1.444 in air) are above
it by 4 % (TE) and 8 % (TM) at V = 4, 4 % and 5 % at 8, 0.9 % at 20 and 0.1 % at 60, and below it by 16 % and 9 % at
V = 3; odd modes are cut off near 2.8. With q = 1 for both, the mean of TE and TM is too low by 18 % at 4 and 4 % at 18.

The cores hold the light until they are too thin: `CompositeCoupling.fit` solves for the modes of the glass with its
cores, in which coupling sets in smoothly as the taper thins. What is left out: the true outline of the glass, the loss
of the taper, and light that goes over to higher modes; fibres are equal.
"""

import dataclasses
import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from photonics_core.bounds import check_number, check_numbers, within
from photonics_core.cross_section import CrossSection
from photonics_core.devices.coupler import Coupler
from photonics_core.display import Shown
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.materials import SILICA
from photonics_core.medium import as_medium, index_at
from photonics_core.mode_solver import solve_classes
from photonics_core.runtime import as_leaf

#: Points of the integral along a taper.
NODES = 32
#: Half the long side of the glass over the radius of each fibre, for equal areas.
STRONGLY_FUSED = math.sqrt(math.pi)
POLARIZATIONS = ("te", "tm")
_SIZES = ("waist_radius", "hot_zone", "fibre_radius", "width_ratio", "loss_db")
#: V below which the glass guides no odd mode.
CUTOFF = 2.8
# Intervals of V that are solved with and without cores, and the widest strip that is solved for in um.
_V_RANGES, _WIDEST = ((3.2, 240.0), (3.2, 60.0)), 100.0
# Wavelength and margin in um at which shapes are solved; only their ratio to the size counts.
_WL, _MARGIN = 1.55, 2.0


def strongly_fused_coupling(
    wl: Any, half_width: Any, n_glass: Any = 1.444, n_outside: Any = 1.0, *, polarization: str = "te"
) -> jax.Array:
    """Coupling C in rad/um of two fused fibres without cores in closed form; see above for its accuracy.

    Args:
        wl, half_width: free-space wavelength, and a, half the long side of the glass, both in um; they broadcast.
        n_glass, n_outside: indices n2 and n3.
        polarization: "te" (E along the long side) or "tm".

    Raises:
        ValueError: for a value outside its range, or V below 2.8, where there is no odd mode; for a V that shows when a
            compiled function runs equinox.EquinoxRuntimeError.
    """
    check_choice("polarization", polarization, POLARIZATIONS)
    check_positive("wl", wl, "um")
    check_positive("half_width", half_width, "um")
    check_positive("n_outside", n_outside)
    if is_concrete(n_outside):
        check_range("n_glass", n_glass, float(np.max(n_outside)), exclusive=True)
    wl, a = jnp.broadcast_arrays(*(jnp.asarray(each, jnp.result_type(float)) for each in (wl, half_width)))
    v = within("V of the glass", _normalized_frequency(wl, a, n_glass, n_outside), CUTOFF, np.inf)
    return _closed_form(v, wl, a, n_glass, n_outside, polarization)


def _closed_form(v: Any, wl: Any, a: Any, n_glass: Any, n_outside: Any, polarization: str) -> jax.Array:
    q = (n_outside / n_glass) ** 2 if polarization == "te" else 1.0
    return 3.0 * jnp.pi / 32.0 * wl / (n_glass * a * a) * (v / (v + q)) ** 2


class CompositeCoupling(Shown):
    """Coupling of two fused fibres over V and polarisation; made by `fit`, or `closed_form`.

    A shape scaled with the wavelength keeps V and C n2 a^2 / wl, so one curve is all there is for a kind of fibre. The
    index of the glass, which varies by 0.5 % from 1.2 to 1.6 um, is taken at the wavelength asked for; what that leaves
    out is below 0.3 % of C.

    Args:
        coefficients: Chebyshev coefficients over ln V of the logarithm of the ratio of C to the closed form, for TE
            and TM, shape [W, 2].
        glass: index of the glass: a number, a `Material` or a function of wavelength.
        v_range: lowest and highest V that were solved.
        n_outside: index around the glass.
    """

    coefficients: Any = eqx.field(converter=as_leaf)
    glass: Any = SILICA
    v_range: tuple[float, float] = eqx.field(static=True, default=(4.0, 400.0))
    n_outside: float = eqx.field(static=True, default=1.0)

    @classmethod
    def closed_form(cls, glass: Any = SILICA, n_outside: float = 1.0) -> "CompositeCoupling":
        """Coupling in closed form, without cores; for V of 4 and more."""
        return cls(np.zeros((1, 2)), as_medium("glass", glass), (4.0, 1e4), n_outside)

    @classmethod
    def fit(
        cls,
        core_ratio: float | None = 4.1 / 62.5,
        delta: float = 0.0036,
        glass: Any = SILICA,
        n_outside: float = 1.0,
        *,
        v_range: tuple[float, float] | None = None,
        count: int = 20,
        accuracy: str = "fast",
    ) -> "CompositeCoupling":
        """Solve for the modes of the glass at `count` values of V; with cores that takes some 10 to 40 s a value.

        Args:
            core_ratio: radius of the core over that of the fibre; None for no cores.
            delta: relative index difference (n1^2 - n2^2) / (2 n1^2) of the cores.
            glass, n_outside: as above; solved at 1.55 um.
            v_range: lowest and highest V, up to some 210 without cores; beyond, the curve goes on as a power of V. None
                for 3.2 to 240 with cores and to 60 without.
            count, accuracy: number of values, and accuracy of the mode solver.

        Raises:
            ValueError: for a value outside its range.
        """
        if core_ratio is not None:
            check_range("core_ratio", core_ratio, 0.0, 0.5, exclusive=True)
        check_range("delta", delta, 0.0, 0.1, exclusive=True)
        check_range("count", count, 1, 60)
        n_glass = float(np.real(index_at(as_medium("glass", glass), _WL)))
        v_range = _checked_range(v_range, core_ratio is None, n_glass, n_outside)
        indices = n_glass / math.sqrt(1.0 - 2.0 * delta), n_glass, n_outside
        values = np.exp(chebyshev.nodes(count, *np.log(v_range)))
        ratios = [
            [_solved_ratio(float(v), core_ratio, indices, polarization, accuracy) for polarization in POLARIZATIONS]
            for v in values
        ]
        coefficients = chebyshev.tensor_coefficients(np.log(ratios), 1)
        return cls(coefficients, as_medium("glass", glass), v_range, n_outside)

    def coupling(self, half_width: Any, wl: Any, polarization: str = "te") -> jax.Array:
        """Coupling C in rad/um.

        Args:
            half_width: a, half the long side of the glass, in um.
            wl: free-space wavelength in um; it broadcasts with `half_width`.
            polarization: "te" (E along the line between the fibres) or "tm".

        Raises:
            ValueError, or equinox.EquinoxRuntimeError when a compiled function runs: for a V below those solved.
        """
        check_choice("polarization", polarization, POLARIZATIONS)
        wl, a = jnp.broadcast_arrays(*(jnp.asarray(each, jnp.result_type(float)) for each in (wl, half_width)))
        n = jnp.asarray(index_at(self.glass, wl), wl.dtype)
        v = within(
            "V of the glass", _normalized_frequency(wl, a, n, self.n_outside), self.v_range[0], np.inf, slack=1e-6
        )
        low, high = np.log(self.v_range)
        inside = jnp.minimum(jnp.log(v), high)
        local = self.coefficients[:, POLARIZATIONS.index(polarization)]
        place = (inside - 0.5 * (low + high)) * (2.0 / (high - low))
        slope = chebyshev.evaluate(chebyshev.derivative(local, 0), [jnp.ones_like(place)]) * (2.0 / (high - low))
        logarithm = chebyshev.evaluate(local, [place]) + slope * (jnp.log(v) - inside)
        return jnp.exp(logarithm) * _closed_form(v, wl, a, n, self.n_outside, polarization)


class FusedCoupler(Coupler):
    """Two equal fibres fused along a taper of exponential shape. Ports as those of any `Coupler`.

    A hot zone of constant length h makes a waist of length h between slopes r = r_waist exp(z / h), and an elongation
    x makes r_waist = r_fibre exp(-x / (2 h)) (T. A. Birks and Y. W. Li, J. Lightwave Technol. 10, 432 (1992)).

    Args:
        composite: coupling of the fused fibres.
        waist_radius: radius of each fibre in the waist in um, at most `fibre_radius`.
        hot_zone: length of the hot zone, and of the waist, in um.
        fibre_radius: radius of each fibre before it was pulled in um.
        width_ratio: half the long side of the glass over the radius of each fibre; see above.
        loss_db: excess loss in dB.
        polarization: "te" (E along the line between the fibres) or "tm".

    Raises:
        ValueError: for a value outside its range, or an array, for which there are `jax.vmap` and `stack`.
    """

    composite: CompositeCoupling
    waist_radius: Any = eqx.field(converter=as_leaf)
    hot_zone: Any = eqx.field(converter=as_leaf)
    fibre_radius: Any = eqx.field(converter=as_leaf, default=62.5)
    width_ratio: Any = eqx.field(converter=as_leaf, default=STRONGLY_FUSED)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    polarization: str = eqx.field(static=True, default="te")

    def __check_init__(self) -> None:
        check_kind("composite", self.composite, CompositeCoupling)
        check_numbers(self, *_SIZES)
        for name in ("waist_radius", "hot_zone", "fibre_radius"):
            check_positive(name, getattr(self, name), "um")
        if is_concrete(self.fibre_radius):
            check_range("waist_radius", self.waist_radius, 0.0, float(self.fibre_radius), "um")
        check_range("width_ratio", self.width_ratio, 1.0, 2.0)
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_choice("polarization", self.polarization, POLARIZATIONS)

    @classmethod
    def pulled(
        cls, composite: CompositeCoupling, elongation: Any, hot_zone: Any, fibre_radius: Any = 62.5, **options: Any
    ) -> "FusedCoupler":
        """A coupler pulled by `elongation` um in all, at least 0; `options` are further arguments of the coupler."""
        check_number("elongation", elongation)
        check_range("elongation", elongation, 0.0, np.inf, "um")
        check_positive("hot_zone", hot_zone, "um")
        traced = not is_concrete(elongation, hot_zone, fibre_radius)
        waist = fibre_radius * (jnp if traced else np).exp(-0.5 * elongation / hot_zone)
        return cls(composite, waist, hot_zone, fibre_radius, **options)

    @property
    def elongation(self) -> jax.Array:
        """By how much the fibres were pulled in all in um."""
        return 2.0 * self.hot_zone * jnp.log(self.fibre_radius / jnp.asarray(self.waist_radius))

    def coupling_angle(self, wl: Any) -> jax.Array:
        """Coupling angle in rad over `wl` in um, of the waist and both slopes, for the polarisation of the coupler."""
        check_numbers(self, *_SIZES)
        wl = jnp.asarray(wl, jnp.result_type(float))
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        steepness = jnp.log(self.fibre_radius / jnp.asarray(self.waist_radius)).astype(wl.dtype)
        along = steepness * jnp.asarray(0.5 * (nodes + 1.0), wl.dtype)
        waist = jnp.asarray(self.waist_radius * self.width_ratio, wl.dtype)
        widths = jnp.broadcast_to(waist * jnp.exp(along), (*wl.shape, NODES))
        slope = self.composite.coupling(widths, wl[..., None], self.polarization)
        both = steepness * jnp.matmul(slope, jnp.asarray(weights, wl.dtype), precision="highest")
        return self.hot_zone * (self.composite.coupling(waist, wl, self.polarization) + both)

    def unpolarized_power(self, wl: Any) -> jax.Array:
        """Fraction of the power of unpolarised light that crosses, the mean of both polarisations."""
        te, tm = (self.polarized(each).power_coupling(wl) for each in POLARIZATIONS)
        return 0.5 * (te + tm)

    def polarized(self, polarization: str) -> "FusedCoupler":
        """The same coupler for light of "te" or "tm" polarisation."""
        return dataclasses.replace(self, polarization=polarization)


def elongation_for_angle(
    composite: CompositeCoupling, angle: float, wl: float, hot_zone: float, fibre_radius: float = 62.5, **options: Any
) -> float:
    """Elongation in um at which a coupler has been pulled to a coupling angle; pi / 2 is the first full transfer.

    Args:
        composite: coupling of the fused fibres.
        angle: coupling angle in rad.
        wl: free-space wavelength in um.
        hot_zone, fibre_radius, options: as for `FusedCoupler.pulled`.

    Raises:
        ValueError: if the angle is not reached before the glass is too thin.
    """
    check_positive("angle", angle, "rad")
    ratio = float(options.get("width_ratio", STRONGLY_FUSED))
    n = float(np.real(index_at(composite.glass, wl)))
    thinnest = composite.v_range[0] / float(_normalized_frequency(wl, ratio, n, composite.n_outside))
    longest = 2.0 * hot_zone * math.log(fibre_radius / thinnest)

    @jax.jit
    def missing(elongation: Any) -> jax.Array:
        return FusedCoupler.pulled(composite, elongation, hot_zone, fibre_radius, **options).coupling_angle(wl) - angle

    ends = [float(missing(jnp.asarray(x, jnp.result_type(float)))) for x in (0.0, longest)]
    if not ends[0] < 0.0 < ends[1]:
        reached = ends[0] + angle, ends[1] + angle
        raise ValueError(f"angle = {angle:.6g} rad is outside what pulling reaches, ({reached[0]:g}, {reached[1]:g})")
    found: Any = brentq(lambda x: float(missing(jnp.asarray(x, jnp.result_type(float)))), 0.0, longest, xtol=1e-9)
    return float(found)


def fused_section(
    half_width: Any, n_glass: Any = 1.444, n_outside: Any = 1.0, *, n_core: Any = None, core_ratio: float = 4.1 / 62.5
) -> CrossSection:
    """The glass of two fused fibres: a rectangle 2 a wide and a high, with a square for each core.

    Args:
        half_width: a in um.
        n_glass, n_outside, n_core: indices; None leaves out the cores.
        core_ratio: radius of the core over that of the fibre; areas are kept.
    """
    a, m = half_width, _MARGIN
    if n_core is None:
        return CrossSection.strip(2.0 * a, a, n_glass, n_outside, margin=m)
    side = a * core_ratio
    x = np.array([0.0, 0.5 * (a - side), 0.5 * (a + side), a, a + m])
    y = np.array([0.0, 0.5 * side, 0.5 * a, 0.5 * a + m])
    media = tuple(as_medium(*each) for each in (("n_core", n_core), ("n_glass", n_glass), ("n_outside", n_outside)))
    blocks = ((1, 1, 2), (0, 1, 2), (1, 1, 2), (2, 2, 2))
    section = CrossSection(np.repeat(x[:, None], 4, axis=1), y, media, blocks, (True, True))
    # The field falls off around the cores, where no line tells the mesh.
    return section.divided(0, 2, (0.2, 0.5)).divided(0, 0, (0.5, 0.8)).divided(1, 1, (0.2, 0.5))


@functools.cache
def _walls(polarization: str) -> tuple[Walls, Walls]:
    """Symmetries of the even and the odd mode."""
    sides = ("electric", "magnetic") if polarization == "te" else ("magnetic", "electric")
    bottom = "magnetic" if polarization == "te" else "electric"
    return Walls(left=sides[0], bottom=bottom), Walls(left=sides[1], bottom=bottom)


def _solved_ratio(
    v: float, core_ratio: float | None, indices: tuple[float, float, float], polarization: str, accuracy: str
) -> float:
    """Half the splitting of even and odd mode over the coupling of the closed form."""
    n_core, n_glass, n_outside = indices
    a = v / float(_normalized_frequency(_WL, 1.0, n_glass, n_outside))
    if core_ratio is None:
        section, guess = fused_section(a, n_glass, n_outside), None
    else:
        section = fused_section(a, n_glass, n_outside, n_core=n_core, core_ratio=core_ratio)
        v_core = 2.0 * math.pi / _WL * a / STRONGLY_FUSED * core_ratio * math.sqrt(n_core**2 - n_glass**2)
        # Just above the modes, which lie close together where the glass is thick.
        guess = n_glass + 0.3 * (n_core - n_glass) * min(1.0, (v_core / 2.4) ** 2)
    even, odd = solve_classes(section, _WL, walls=_walls(polarization), accuracy=accuracy, guess=guess)
    splitting = math.pi / _WL * float((even.n_eff - odd.n_eff).real)
    return splitting / float(strongly_fused_coupling(_WL, a, n_glass, n_outside, polarization=polarization))


def _checked_range(v_range: Any, bare: bool, n_glass: float, n_outside: float) -> tuple[float, float]:
    """Lowest and highest V, of glass that the solver takes."""
    check_range("index of the glass", n_glass, n_outside, exclusive=True)
    low, high = v_range or _V_RANGES[bare]
    check_range("lowest V", low, 3.0, high, exclusive=True)
    most = float(_normalized_frequency(_WL, 0.5 * _WIDEST, n_glass, n_outside)) if bare else np.inf
    check_range("highest V", high, low, most)
    return low, high


def _normalized_frequency(wl: Any, half_width: Any, n_glass: Any, n_outside: Any) -> Any:
    """V = 2 pi a sqrt(n2^2 - n3^2) / wl."""
    return 2.0 * math.pi * half_width / wl * (n_glass**2 - n_outside**2) ** 0.5
