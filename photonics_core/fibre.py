"""Round step-index fibres and rods: indices, dispersion, fields and mode field diameters of their guided modes.

A `StepIndexFibre` has a core of one index in a cladding of another that reaches to infinity. Its modes are exact vector
modes (HE11, TE01, ...), for any difference of the indices, or the LP modes of weak guidance. Numerics and conventions
are those of `kernels.fibre_modes` and `kernels.fibre_fields`.
"""

import functools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.fibre_labels import FAMILIES, LARGEST, Label, branches, guided, parse, recurrence_steps
from photonics_core.kernels import fibre_fields, fibre_modes
from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range, is_concrete
from photonics_core.materials import SILICA, Material
from photonics_core.medium import Raised, as_medium, index_at
from photonics_core.modes import IMPEDANCE, Field
from photonics_core.runtime import as_leaf
from photonics_core.units import SPEED_OF_LIGHT

_PER_PS_NM_KM = 1e6


class FibreMode(NamedTuple):
    """A guided mode: its name, effective index, and how many modes of either polarisation or direction share it."""

    name: str
    n_eff: float
    degeneracy: int


class StepIndexFibre(Shown):
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
    core: Any = eqx.field(converter=functools.partial(as_medium, "core"))
    cladding: Any = eqx.field(converter=functools.partial(as_medium, "cladding"))

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

        Radius and difference are those of Corning SMF-28 (sheet of April 2002). Its mode field diameters come out in
        the lower part of the 9.2(4) um at 1310 nm and 10.4(5) um at 1550 nm that later sheets state.
        The real core is doped with germania and not an ideal step: zero dispersion at 1.297 um is a little below that
        of the fibre (1.304 to 1.324 um), and the second mode's cut-off of 1.32 um is that of a straight endless fibre,
        above the cable cut-off of data sheets (1.26 um).
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
        check_choice("family", family, FAMILIES)
        _, cladding, contrast, v = self._parameters(_single(wl))
        labels = guided(family, float(v), float(contrast))
        where = branches(labels, 1 << (len(labels) - 1).bit_length())
        v, step = (jnp.broadcast_to(x, where.low.shape) for x in (v, contrast))
        angles, _ = fibre_modes.mode_angles(v, step, where, recurrence_steps(labels))
        n_eff = np.asarray(_index(cladding, contrast, angles))[: len(labels)]
        order = np.argsort(-n_eff, kind="stable")
        return [FibreMode(labels[k].name, float(n_eff[k]), labels[k].degeneracy) for k in order]

    def n_eff(self, wl: Any, mode: str = "HE11") -> jax.Array:
        """Effective index of a mode, of the shape of `wl`; differentiable, to any order.

        Raises:
            ValueError: for a name no mode has, or a mode that is not guided at `wl`; it names those that are.
            equinox.EquinoxRuntimeError: where that shows only when a compiled function runs.
        """
        _, cladding, contrast, v = self._parameters(wl)
        return _index(cladding, contrast, self._angle(v, contrast, parse(mode)))

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
        label, wl = parse(mode), self._middle()
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
        label = parse(mode)
        check_choice("kind of a mode with a radial field", label.kind, FAMILIES["scalar"])
        check_range("r", r, 0.0, np.inf, "um")
        r, radius = _floating(r), _floating(self.radius)
        _, _, contrast, v = self._parameters(_single(wl))
        phi = self._angle(v, contrast, label)
        return fibre_modes.radial_field(r.ravel() / radius, v, phi, label.order).reshape(r.shape) / radius

    def vector_field(self, x: Any, y: Any, wl: Any, mode: str = "HE11", orientation: Any = 0.0) -> Field:
        """Fields of a vector mode that carries 1 mW, in the convention of `photonics_core.modes`.

        Transverse fields are real and longitudinal ones imaginary. A mode HE or EH of order l comes twice; the two are
        orthogonal whose orientations differ by pi / (2 l).

        Args:
            x, y: positions in um from the axis, of shapes that broadcast; points on the core's face count as cladding.
            wl: one wavelength.
            mode: "HE11" or another vector mode.
            orientation: angle in rad by which the pattern is turned about the axis, one number. At 0, E_z is even in y,
                and HE11 is polarised along x. TE and TM modes do not depend on it.

        Returns:
            `Field` of E in V/um and H in mA/um, complex, of shape [3, ...].

        Raises:
            ValueError: as `n_eff`, or for a mode LP.

        Source: Snyder and Love, Optical Waveguide Theory (1983), table 12-3.
        """
        label = parse(mode)
        check_choice("kind of a mode with a vector field", label.kind, FAMILIES["vector"])
        for name, value in (("x", x), ("y", y), ("orientation", orientation)):
            check_finite(name, value, "rad" if name == "orientation" else "um")
        if np.shape(orientation):
            raise ValueError(f"orientation of shape {np.shape(orientation)} is not one number")
        x, y = jnp.broadcast_arrays(_floating(x), _floating(y))
        core, _, contrast, v = self._parameters(_single(wl))
        phi, radius = self._angle(v, contrast, label), _floating(self.radius)
        # E_z, which goes with the cosine, is what vanishes in TE, and H_z, with the sine, in TM.
        psi = label.order * _floating(orientation) - (0.5 * math.pi if label.kind == "TE" else 0.0)
        root = int(fibre_modes.branch(*label).root)
        e, h = fibre_fields.vector_fields(
            x.ravel() / radius, y.ravel() / radius, v, contrast, core, phi, psi, label.order, root
        )
        e, h = (part.reshape(3, *x.shape) for part in (e, h))
        scale = (math.sqrt(2.0 * IMPEDANCE) / radius).astype(e.dtype)
        return Field(e * scale, h * (scale / IMPEDANCE))

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
        phi = self._angle(v, contrast, parse("LP01"))
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
        core, cladding = (index_at(medium, wl) for medium in (self.core, self.cladding))
        _check_step(core, cladding)
        # Numbers given by the user are subtracted on the host, in float64.
        contrast = _floating((core - cladding) * (core + cladding) / core**2)
        core, cladding, contrast = (jnp.broadcast_to(_floating(x), wl.shape) for x in (core, cladding, contrast))
        return core, cladding, contrast, 2.0 * math.pi * _floating(self.radius) / wl * core * jnp.sqrt(contrast)

    def _angle(self, v: jax.Array, contrast: jax.Array, label: Label) -> jax.Array:
        check_range("normalised frequency", v, 0.0, LARGEST)
        where = branches([label], v.size)
        angles, found = fibre_modes.mode_angles(v.ravel(), contrast.ravel(), where, recurrence_steps([label]))
        if is_concrete(found) and not np.all(found):
            first = int(np.argmin(found))
            v_first, contrast_first = float(v.ravel()[first]), float(contrast.ravel()[first])
            names = ", ".join(other.name for other in guided(label.family, v_first, contrast_first)[:20])
            raise ValueError(
                f"mode = {label.name!r} is not guided at a normalised frequency of {v_first:.6g}; guided: {names}"
            )
        angles = eqx.error_if(angles, ~(found & (v.ravel() <= LARGEST)), f"mode {label.name} is not guided")
        return angles.reshape(v.shape)

    def _checked(self, wl: Any, mode: str) -> jax.Array:
        """Wavelength as an array, after errors have been raised where its values are still known."""
        _, _, contrast, v = self._parameters(wl)
        self._angle(v, contrast, parse(mode))
        return _floating(wl)


def _index(cladding: jax.Array, contrast: jax.Array, phi: jax.Array) -> jax.Array:
    """Effective index, from n_eff^2 = n2^2 (1 + contrast / (1 - contrast) sin^2 phi)."""
    return cladding * jnp.sqrt(1.0 + contrast / (1.0 - contrast) * jnp.sin(phi) ** 2)


def _check_step(core: Any, cladding: Any) -> None:
    check_positive("core", core)
    check_positive("cladding", cladding)
    if is_concrete(core, cladding):
        check_positive("core's index less the cladding's", np.asarray(core) - np.asarray(cladding))


def _floating(value: Any) -> jax.Array:
    return jnp.asarray(value).astype(jnp.result_type(float))


def _single(wl: Any) -> Any:
    if np.shape(wl):
        raise ValueError(f"wl of shape {np.shape(wl)} is not one wavelength")
    return wl
