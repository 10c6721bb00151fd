"""Round step-index fibres and rods: indices, dispersion, fields and mode field diameters of their guided modes.

A `StepIndexFibre` has a core of one index in a cladding of another that reaches to infinity. Its modes are exact vector
modes (HE11, TE01, ...), for any difference of the indices, or the LP modes of weak guidance. Numerics and conventions
are those of `kernels.fibre_modes`.
"""

import functools
import math
import re
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.films import Dispersion
from photonics_core.kernels import fibre_modes
from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete
from photonics_core.materials import SILICA, Material
from photonics_core.runtime import as_leaf
from photonics_core.units import SPEED_OF_LIGHT

#: Largest normalised frequency and azimuthal order: some 2500 different vector modes.
LARGEST = 100.0

_FAMILIES = {"vector": ("HE", "EH", "TE", "TM"), "scalar": ("LP",)}
_PER_PS_NM_KM = 1e6


class FibreMode(NamedTuple):
    """A guided mode: its name, effective index, and how many modes of either polarisation or direction share it."""

    name: str
    n_eff: float
    degeneracy: int


class Raised(eqx.Module):
    """An index above that of a material by a given relative difference, n1 = n / sqrt(1 - 2 delta), at all wavelengths.

    Args:
        material: the `Material` below.
        delta: relative difference (n1^2 - n^2) / (2 n1^2), within (0, 0.5).
    """

    material: Material
    delta: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_range("delta", self.delta, 0.0, 0.5, exclusive=True)

    def __call__(self, wl: Any) -> Any:
        """Index at wavelength `wl` in um."""
        return self.material.index(wl) / jnp.sqrt(1.0 - 2.0 * _floating(self.delta))


def _medium(value: Any) -> Any:
    value = as_leaf(value)
    return Dispersion(value) if callable(value) and not isinstance(value, eqx.Module) else value


class StepIndexFibre(eqx.Module):
    """A round core in an endless cladding, both without loss.

    Methods take a free-space wavelength `wl` in um; where nothing else is said, of any shape. A mode has a name of its
    kind, azimuthal order l and radial number m: "HE11", "TE01", "LP02", or "HE12,1" where a number has two digits.

    Args:
        radius: radius of the core in um, above 0, one number.
        core: index of the core: a real number (a leaf), a `Material`, a module or a function of the wavelength in um.
        cladding: index of the cladding, likewise.

    Raises:
        ValueError: for a radius or an index that is not positive, or a core whose index is not above the cladding's
            (that of numbers at once, that of functions at the wavelength asked for).
    """

    radius: Any = eqx.field(converter=as_leaf)
    core: Any = eqx.field(converter=_medium)
    cladding: Any = eqx.field(converter=_medium)

    def __check_init__(self) -> None:
        if np.shape(self.radius):
            raise ValueError(f"radius of shape {np.shape(self.radius)} is not one number")
        check_positive("radius", self.radius, "um")
        numbers = [value for value in (self.core, self.cladding) if eqx.is_array_like(value)]
        for name in ("core", "cladding"):
            value = getattr(self, name)
            if eqx.is_array_like(value):
                if np.shape(value):
                    raise ValueError(f"{name} of shape {np.shape(value)} is not one number")
                check_positive(name, value)
        if len(numbers) == 2:
            _check_step(*numbers)

    @staticmethod
    def smf28_like() -> "StepIndexFibre":
        """A step-index stand-in for standard single-mode fibre: 4.1 um, delta 0.36 % over fused silica.

        Radius and difference are those published for Corning SMF-28. Its mode field diameters come out in the lower
        part of the stated 9.2(4) um at 1310 nm and 10.4(5) um at 1550 nm. The real core is doped with germania and not
        an ideal step: zero dispersion at 1.297 um is a little below that of the fibre, and the second mode's cut-off
        of 1.32 um is that of a straight endless fibre, above the cable cut-off of data sheets (1.26 um).
        """
        return StepIndexFibre(4.1, Raised(SILICA, 0.0036), SILICA)

    def indices(self, wl: Any) -> tuple[jax.Array, jax.Array]:
        """Indices of core and cladding at `wl`, each of its shape."""
        core, cladding, _, _ = self._parameters(wl)
        return core, cladding

    def v_number(self, wl: Any) -> jax.Array:
        """Normalised frequency (2 pi radius / wl) sqrt(n1^2 - n2^2); below 2.405 only HE11 (LP01) is guided."""
        return self._parameters(wl)[3]

    def modes(self, wl: Any, family: str = "vector") -> list[FibreMode]:
        """All guided modes in falling order of the effective index; none is missed.

        Args:
            wl: one wavelength.
            family: "vector" for exact modes or "scalar" for LP modes.

        Returns:
            Names, effective indices and degeneracies.

        Raises:
            ValueError: for a normalised frequency above `LARGEST`.

        The number of modes has to be known, so fibre and wavelength cannot be traced; `n_eff` of a given mode can.
        """
        check_choice("family", family, _FAMILIES)
        _, cladding, contrast, v = self._parameters(_single(wl))
        labels = _guided(family, float(v), float(contrast))
        where = _stack(labels, 1 << (len(labels) - 1).bit_length())
        v, step = (jnp.broadcast_to(x, where.low.shape) for x in (v, contrast))
        angles, _ = fibre_modes.mode_angles(v, step, where, _steps(max(label[1] for label in labels)))
        n_eff = np.asarray(_index(cladding, contrast, angles))[: len(labels)]
        order = np.argsort(-n_eff, kind="stable")
        return [FibreMode(_name(*labels[k]), float(n_eff[k]), _degeneracy(*labels[k])) for k in order]

    def n_eff(self, wl: Any, mode: str = "HE11") -> jax.Array:
        """Effective index of a mode, of the shape of `wl`; differentiable, to any order.

        Raises:
            ValueError: for a name no mode has, or a mode that is not guided at `wl`; it names those that are.
            equinox.EquinoxRuntimeError: where that shows only when a compiled function runs.
        """
        _, cladding, contrast, v = self._parameters(wl)
        return _index(cladding, contrast, self._angle(v, contrast, mode))

    def n_g(self, wl: Any, mode: str = "HE11") -> jax.Array:
        """Group index n_eff - wl dn_eff/dwl, with the dispersion of both materials; raises as `n_eff`."""
        wl = self._checked(wl, mode)
        n_eff, slope = jax.jvp(lambda x: self.n_eff(x, mode), (wl,), (jnp.ones_like(wl),))
        return n_eff - wl * slope

    def dispersion_ps_nm_km(self, wl: Any, mode: str = "HE11") -> jax.Array:
        """Dispersion parameter -(wl / c) d2n_eff/dwl2 in ps/(nm km), of materials and guide; raises as `n_eff`."""
        wl = self._checked(wl, mode)
        one = jnp.ones_like(wl)
        curvature = jax.jvp(lambda x: jax.jvp(lambda y: self.n_eff(y, mode), (x,), (one,))[1], (wl,), (one,))[1]
        return -_PER_PS_NM_KM * wl / SPEED_OF_LIGHT * curvature

    def cutoff_wavelength(self, mode: str) -> float:
        """Wavelength in um above which a mode is not guided; infinite for HE11 and LP01. Not to be traced.

        Raises:
            ValueError: for a name no mode has, or a cut-off outside the range in which a material is known.
        """
        label, wl = _label(mode), self._middle()
        for _ in range(200):
            _, _, contrast, v = self._parameters(wl)
            limit = fibre_modes.cutoff(*label, float(contrast))
            if limit == 0.0:
                return math.inf
            before, wl = wl, wl * float(v) / limit
            if abs(wl - before) <= 4.0 * float(jnp.finfo(v.dtype).eps) * wl:
                return wl
        raise ValueError(f"mode = {mode!r} has no cut-off that could be found: the last guess was {wl:.6g} um")

    def field(self, r: Any, wl: Any, mode: str = "LP01") -> jax.Array:
        """Radial part f(r) of the transverse field f(r) cos(l theta) of an LP mode.

        Args:
            r: radii in um, at least 0, of any shape.
            wl: one wavelength.
            mode: "LP01" or another LP mode.

        Returns:
            Field in 1/um, real, of the shape of `r`, positive next to the axis; the integral of its square over the
            cross-section is 1.

        Raises:
            ValueError: as `n_eff`, or for a mode that is no LP mode.
        """
        kind, order, _ = _label(mode)
        check_choice("kind of a mode with a radial field", kind, ("LP",))
        check_range("r", r, 0.0, np.inf, "um")
        r, radius = _floating(r), _floating(self.radius)
        _, _, contrast, v = self._parameters(_single(wl))
        phi = self._angle(v, contrast, mode)
        return fibre_modes.radial_field(r.ravel() / radius, v, phi, order).reshape(r.shape) / radius

    def mode_field_diameter(self, wl: Any, definition: str = "petermann2") -> jax.Array:
        """Mode field diameter of LP01 in um, of the shape of `wl`.

        Args:
            wl: wavelength.
            definition: "petermann2", of the far field's second moment, which data sheets state (ITU-T G.650.1); or
                "gaussian", twice the 1/e^2 radius of the Gaussian beam that overlaps most with the mode.

        Raises:
            ValueError: for another definition.
        """
        check_choice("definition", definition, ("petermann2", "gaussian"))
        _, _, contrast, v = self._parameters(wl)
        phi = self._angle(v, contrast, "LP01")
        radius = fibre_modes.petermann_radius if definition == "petermann2" else fibre_modes.gaussian_radius
        radii = jax.vmap(radius)(v.ravel(), phi.ravel()).reshape(v.shape)
        return 2.0 * _floating(self.radius) * radii

    def _middle(self) -> float:
        """Wavelength of 1.55 um, or the nearest one at which both materials are known."""
        media = (medium.material if isinstance(medium, Raised) else medium for medium in (self.core, self.cladding))
        ranges = [medium.wl_range for medium in media if isinstance(medium, Material)]
        return min([max([1.55, *(low for low, _ in ranges)]), *(high for _, high in ranges)])

    def _parameters(self, wl: Any) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Indices of core and cladding, 1 - (n2 / n1)^2 and normalised frequency, each of the shape of `wl`."""
        check_positive("wl", wl, "um")
        wl = _floating(wl)
        core, cladding = (_value(medium, wl) for medium in (self.core, self.cladding))
        _check_step(core, cladding)
        # Numbers given by the user are subtracted on the host, in float64.
        contrast = _floating((core - cladding) * (core + cladding) / core**2)
        core, cladding, contrast = (jnp.broadcast_to(_floating(x), wl.shape) for x in (core, cladding, contrast))
        return core, cladding, contrast, 2.0 * math.pi * _floating(self.radius) / wl * core * jnp.sqrt(contrast)

    def _angle(self, v: jax.Array, contrast: jax.Array, mode: str) -> jax.Array:
        label = _label(mode)
        check_range("normalised frequency", v, 0.0, LARGEST)
        where = _stack([label], v.size)
        angles, guided = fibre_modes.mode_angles(v.ravel(), contrast.ravel(), where, _steps(label[1]))
        if is_concrete(guided) and not np.all(guided):
            first = int(np.argmin(guided))
            v_first, contrast_first = float(v.ravel()[first]), float(contrast.ravel()[first])
            names = ", ".join(_name(*x) for x in _guided(_family(label[0]), v_first, contrast_first)[:20])
            raise ValueError(
                f"mode = {mode!r} is not guided at a normalised frequency of {v_first:.6g}; guided: {names}"
            )
        angles = eqx.error_if(angles, ~(guided & (v.ravel() <= LARGEST)), f"mode {mode} is not guided")
        return angles.reshape(v.shape)

    def _checked(self, wl: Any, mode: str) -> jax.Array:
        """Wavelength as an array, after errors have been raised where its values are still known."""
        _, _, contrast, v = self._parameters(wl)
        self._angle(v, contrast, mode)
        return _floating(wl)


def _guided(family: str, v: float, contrast: float) -> list[tuple[str, int, int]]:
    """Kind, azimuthal order and radial number of every guided mode, on the host."""
    check_range("normalised frequency", v, 0.0, LARGEST)
    found = []
    for kind in _FAMILIES[family]:
        orders = (0,) if kind in ("TE", "TM") else range(0 if kind == "LP" else 1, int(LARGEST) + 1)
        for order in orders:
            number = 1
            while fibre_modes.cutoff(kind, order, number, contrast) < v:
                found.append((kind, order, number))
                number += 1
            if number == 1:  # cut-offs rise with the order
                break
    return found


def _family(kind: str) -> str:
    return "scalar" if kind == "LP" else "vector"


@functools.cache
def _label(mode: str) -> tuple[str, int, int]:
    match = re.fullmatch(r"(LP|HE|EH|TE|TM)(?:(\d)(\d)|(\d+),(\d+))", mode) if isinstance(mode, str) else None
    if match is None:
        raise ValueError(f"mode = {mode!r} is not a name such as 'HE11', 'TE01', 'LP02' or 'HE12,1'")
    kind, order, number = match[1], int(match[2] or match[4]), int(match[3] or match[5])
    fibre_modes.check_label(kind, order, number)
    check_range("azimuthal order", order, 0, LARGEST)
    return kind, order, number


def _name(kind: str, order: int, number: int) -> str:
    return f"{kind}{order}{number}" if max(order, number) < 10 else f"{kind}{order},{number}"


def _degeneracy(kind: str, order: int, _: int) -> int:
    if kind == "LP":
        return 4 if order else 2
    return 2 if order else 1


def _steps(order: int) -> int:
    """Steps of the recurrence: few different numbers, so that few programs are compiled."""
    return max(4, 1 << (order - 1).bit_length()) if order else 4


def _stack(labels: list[tuple[str, int, int]], count: int) -> fibre_modes.Branch:
    """Branches of all labels, the last repeated up to `count`."""
    branches = [fibre_modes.branch(*label) for label in labels]
    branches += [branches[-1]] * (count - len(branches))
    return fibre_modes.Branch(*(np.stack(part) for part in zip(*branches, strict=True)))


def _index(cladding: jax.Array, contrast: jax.Array, phi: jax.Array) -> jax.Array:
    """Effective index, from n_eff^2 = n2^2 (1 + contrast / (1 - contrast) sin^2 phi)."""
    return cladding * jnp.sqrt(1.0 + contrast / (1.0 - contrast) * jnp.sin(phi) ** 2)


def _check_step(core: Any, cladding: Any) -> None:
    check_positive("core", core)
    check_positive("cladding", cladding)
    if is_concrete(core, cladding):
        check_positive("core's index less the cladding's", np.asarray(core) - np.asarray(cladding))


def _value(medium: Any, wl: jax.Array) -> Any:
    if isinstance(medium, Material):
        return medium.index(wl)
    return medium(wl) if callable(medium) else medium


def _floating(value: Any) -> jax.Array:
    return jnp.asarray(value).astype(jnp.result_type(float))


def _single(wl: Any) -> Any:
    if np.shape(wl):
        raise ValueError(f"wl of shape {np.shape(wl)} is not one wavelength")
    return wl
