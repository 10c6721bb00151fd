"""Grating couplers: the scattering of a guide's light by etched trenches, tooth by tooth, in two dimensions.

The guide's light runs along x and comes to trenches and teeth of any widths, etched to one depth into a film on buried
oxide over a substrate. Each upright section has modes (`kernels.slab_sections`), and a row of sections is one linear
system (`kernels.grating_scattering`); nothing is small or weak in it. The structure is the same all along y. In first
order light leaves at the angle th where

    period = wl / (n_eff - n_top sin th)

(Taillaert et al., Jpn. J. Appl. Phys. 45, 6071 (2006); see `grating_phase`). Derivatives are exact with respect to
widths, depths, thicknesses, indices, wavelength, and angle, waist and position of the fibre, second ones too; the
number of trenches, the polarization and the elements are no variables.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.grating_response import GratingResponse
from photonics_core.devices.spectrum_shape import SpectrumShape, spectrum_shape
from photonics_core.devices.tilted_beam import TiltedBeam
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.grating_fields import Row, flux, joints, line, plane, sides
from photonics_core.kernels.grating_scattering import joint, row_phases, scatter
from photonics_core.kernels.slab_sections import SlabModes, slab_mesh, slab_modes
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import as_medium, index_at
from photonics_core.runtime import as_leaf, map_points

#: Largest width of a trench or tooth in um; nanometres given for micrometres are beyond it.
MOST_WIDTH = 50.0
#: Thickness in um of the absorbing layers below and above, and of the medium on top before the upper one.
BELOW, ABOVE, CLEAR = 0.8, 1.2, 0.6
#: Elements of the layer absorbing below, the oxide, a cladding, and the layer absorbing above.
ELEMENTS = {"below": 2, "oxide": 3, "cladding": 2, "above": 2}
#: A mode of the film is guided if it decays by less than this part of its phase.
GUIDED = 0.1
#: Strengths of the absorbing layers below, for silicon, and above, for air, both at a wavelength of 1.55 um.
STRENGTHS, STRENGTH_WL, STRENGTH_INDEX = (1.5, 4.0), 1.55, 3.476


class _Layers(NamedTuple):
    """Lines of the elements in um, names of their media in a tooth, and where things are among them."""

    lines: jax.Array
    media: tuple[str, ...]
    below: int
    low: int
    etched: int
    high: int


class GratingCoupler(Shown):
    """A row of P trenches between guides of the full thickness; light comes in from the left.

    Args:
        trenches: widths of the etched trenches in um, from 0 on, shape [P].
        teeth: widths of the teeth between them in um, from 0 on, shape [P - 1].
        thickness: of the film in um.
        etch: depth of the trenches in um, less than the thickness.
        buried_oxide: thickness of the oxide below in um; with the elements there are the efficiency is good to 1e-7 at
            3 um and 2e-4 at 6 um.
        core, oxide, substrate, top: media: numbers, complex ones for metals below, a `Material` or a function of the
            wavelength. `top` fills the trenches unless there is a cladding, is where the fibre is, and has no loss.
        cladding: medium of a layer on the film that fills the trenches; None for none.
        cladding_thickness: its thickness over the film in um, with a cladding.
        mirror: a perfect mirror under the oxide in place of the substrate.
        polarization: "te" or "tm".
        degree: degree of the elements.
        margin: length in um of the guides before and behind the row inside the window.

    Raises:
        ValueError: for numbers outside their ranges, shapes that do not fit, or an unknown polarization.
    """

    trenches: Any = eqx.field(converter=as_leaf)
    teeth: Any = eqx.field(converter=as_leaf)
    thickness: Any = eqx.field(converter=as_leaf, default=0.22)
    etch: Any = eqx.field(converter=as_leaf, default=0.07)
    buried_oxide: Any = eqx.field(converter=as_leaf, default=2.0)
    core: Any = eqx.field(converter=lambda value: as_medium("core", value), default=SILICON)
    oxide: Any = eqx.field(converter=lambda value: as_medium("oxide", value), default=SILICA)
    substrate: Any = eqx.field(converter=lambda value: as_medium("substrate", value), default=SILICON)
    top: Any = eqx.field(converter=lambda value: as_medium("top", value), default=1.0)
    cladding: Any = eqx.field(
        converter=lambda value: None if value is None else as_medium("cladding", value), default=None
    )
    cladding_thickness: Any = eqx.field(converter=as_leaf, default=None)
    mirror: bool = eqx.field(static=True, default=False)
    polarization: str = eqx.field(static=True, default="te")
    degree: int = eqx.field(static=True, default=10)
    margin: float = eqx.field(static=True, default=10.0)

    def __check_init__(self) -> None:
        count = np.shape(self.trenches)
        if len(count) != 1 or not count[0] or np.shape(self.teeth) != (count[0] - 1,):
            shapes = f"{count} and {np.shape(self.teeth)}"
            raise ValueError(f"trenches and teeth of shapes {shapes} are not [P] and [P - 1], P from 1 on")
        for name in ("trenches", "teeth"):
            check_range(name, getattr(self, name), 0.0, MOST_WIDTH, "um")
        for name in ("thickness", "etch", "buried_oxide"):
            check_positive(name, getattr(self, name), "um")
        if is_concrete(self.etch, self.thickness) and not np.all(np.asarray(self.etch) < np.asarray(self.thickness)):
            check_range("etch", self.etch, 0.0, float(np.max(np.asarray(self.thickness))), "um", exclusive=True)
        if (self.cladding is None) != (self.cladding_thickness is None):
            raise ValueError("cladding and cladding_thickness are not given both, or both left out")
        if self.cladding is not None:
            check_positive("cladding_thickness", self.cladding_thickness, "um")
        check_choice("polarization", self.polarization, ("te", "tm"))
        _check_count("degree", self.degree, 4, 20)
        check_range("margin", self.margin, 1.0, 100.0, "um")

    @classmethod
    def uniform(cls, period: Any, fill: Any = 0.5, periods: int = 20, **others: Any) -> "GratingCoupler":
        """A grating of one period.

        Args:
            period: in um.
            fill: part of the period that a tooth takes, within (0, 1).
            periods: number of trenches.
            **others: arguments of the class.

        Raises:
            ValueError: as for the class, and for a period, a part or a number outside its range.
        """
        check_positive("period", period, "um")
        check_range("fill", fill, 0.0, 1.0, exclusive=True)
        _check_count("periods", periods, 1, 10_000)
        xp = np if is_concrete(period, fill) else jnp
        period, fill = xp.asarray(period, float), xp.asarray(fill, float)
        return cls(xp.full(periods, period * (1.0 - fill)), xp.full(periods - 1, period * fill), **others)

    @property
    def length(self) -> Any:
        """From the first joint to the last in um."""
        return jnp.sum(jnp.asarray(self.trenches)) + jnp.sum(jnp.asarray(self.teeth))

    def response(self, wl: Any) -> GratingResponse:
        """Scattering of light that has unit power in the guide at the first joint.

        Args:
            wl: free-space wavelength in um, a number or shape [N].

        Raises:
            ValueError: for a wavelength that is not above zero, a film that does not guide, or a lossy top.
        """
        wl = _wavelengths(wl)
        if is_concrete(wl, *jax.tree.leaves(self)):
            self._check_media(wl)
            self._check_guide(wl, self.thickness, "thickness")
        return _responses(self, wl) if wl.ndim else _response_of_one(self, wl)

    def efficiency(self, wl: Any, beam: TiltedBeam | None = None, position: Any = None) -> jax.Array:
        """Part of the guide's power that the fibre takes, or gives to it, shape of `wl`.

        Args:
            wl: free-space wavelength in um, a number or shape [N].
            beam: the fibre's; None for 10 degrees and a waist of 5.2 um.
            position: x in um, from the first joint, where the axis of the beam meets the surface of the film; None
                for the best at each wavelength.

        Raises:
            ValueError: as for `response`, and for a beam of another kind or a position that is not finite.
        """
        beam = _checked(beam)
        return self.response(wl).efficiency(beam, position)

    def best_position(self, wl: Any, beam: TiltedBeam | None = None) -> jax.Array:
        """Position in um, from the first joint, at which the fibre takes most; shape of `wl`."""
        beam = _checked(beam)
        return self.response(wl).best_position(beam)

    def spectrum(
        self, wl: Any, beam: TiltedBeam | None = None, position: Any = None, level_db: float = 1.0
    ) -> SpectrumShape:
        """Peak wavelength, its efficiency and the bandwidth of a fibre that stays where it is; see `spectrum_shape`.

        Args:
            wl: wavelengths in um, equally spaced, shape [N].
            beam, position: as for `efficiency`; None for the position that is best where efficiency has its peak.
            level_db: how far below the peak the width is taken.
        """
        beam, found = _checked(beam), self.response(wl)
        if position is None:
            each = found.best_position(beam)
            position = jnp.take(each, jnp.argmax(jax.lax.stop_gradient(found.efficiency(beam, each))))
        return spectrum_shape(wl, found.efficiency(beam, position), level_db)

    def section_indices(self, wl: Any) -> tuple[jax.Array, jax.Array]:
        """Effective indices, complex, of the guided modes of the film and of the etched film.

        Args:
            wl: free-space wavelength in um, a number.

        Raises:
            ValueError: for a wavelength that is not above zero, or where one of the two films does not guide.
        """
        wl = _wavelengths(wl)
        if wl.ndim:
            raise ValueError(f"wl of shape {wl.shape} is not a number")
        if is_concrete(wl, *jax.tree.leaves(self)):
            self._check_guide(wl, self.thickness, "thickness")
            self._check_guide(wl, np.asarray(self.thickness) - np.asarray(self.etch), "thickness - etch")
        return _indices(self, wl)

    def _layers(self) -> _Layers:
        dtype = jnp.result_type(float)
        thickness, etch, oxide = (jnp.asarray(x, dtype) for x in (self.thickness, self.etch, self.buried_oxide))
        foot = -thickness - oxide
        steps: list[tuple[str, Any, Any, int]] = []
        if not self.mirror:
            steps.append(("substrate", foot - BELOW, foot, ELEMENTS["below"]))
        steps.append(("oxide", foot, -thickness, ELEMENTS["oxide"]))
        steps += [("core", -thickness, -etch, 1), ("etched", -etch, 0.0, 1)]
        over: Any = 0.0
        if self.cladding is not None:
            over = jnp.asarray(self.cladding_thickness, dtype)
            steps.append(("cladding", 0.0, over, ELEMENTS["cladding"]))
        steps.append(("top", over, over + CLEAR, 1))
        steps.append(("top", over + CLEAR, over + CLEAR + ABOVE, ELEMENTS["above"]))
        rise = [a + (b - a) * jnp.asarray(np.arange(n) / n, dtype) for _, a, b, n in steps]
        lines = jnp.concatenate([*rise, jnp.asarray(steps[-1][2], dtype)[None]])
        media = tuple(name for name, _, _, n in steps for _ in range(n))
        below = 0 if self.mirror else ELEMENTS["below"]
        return _Layers(lines, media, below, below, media.index("etched"), len(media) - 1 - ELEMENTS["above"])

    def _permittivities(self, wl: jax.Array, media: tuple[str, ...]) -> tuple[jax.Array, jax.Array]:
        """Of the elements in a tooth and in a trench."""
        dtype = jnp.result_type(complex)
        names = ("core", "oxide", "substrate", "top", "cladding")
        square = {
            name: jnp.asarray(index_at(getattr(self, name), wl)).astype(dtype) ** 2
            for name in names
            if getattr(self, name) is not None
        }
        filling = "top" if self.cladding is None else "cladding"
        tooth = jnp.stack([square["core" if name == "etched" else name] for name in media])
        return tooth, jnp.stack([square[filling if name == "etched" else name] for name in media])

    def _check_media(self, wl: jax.Array) -> None:
        for each in (float(jnp.min(wl)), float(jnp.max(wl))):
            top = complex(np.asarray(index_at(self.top, each)))
            if top.imag != 0.0:
                raise ValueError(f"top = {top:g} has losses: a fibre's beam needs a medium without")

    def _check_guide(self, wl: jax.Array, thickness: Any, name: str) -> None:
        """Raise where three layers are below cut-off: film, oxide, and what is over the film."""
        over = "top" if self.cladding is None else "cladding"
        for each in (float(jnp.min(wl)), float(jnp.max(wl))):
            media = (index_at(getattr(self, medium), each) for medium in ("core", "oxide", over))
            core, *around = (float(np.real(np.asarray(index))) for index in media)
            high, low = max(around), min(around)
            if core <= high:
                raise ValueError(f"core = {core:g} is not above the indices around it, {high:g}: no guide")
            contrast = core**2 - high**2
            skew = (core / low) ** 2 if self.polarization == "tm" else 1.0
            least = math.atan(skew * math.sqrt((high**2 - low**2) / contrast)) * each / 2.0 / math.pi / contrast**0.5
            if float(np.asarray(thickness)) <= least:
                raise ValueError(
                    f"{name} = {float(np.asarray(thickness)):g} um guides no {self.polarization.upper()} light at "
                    f"wl = {each:g} um, which takes more than {least:.3g} um"
                )


def _check_count(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} = {value!r} is not a whole number")
    check_range(name, value, low, high)


def _wavelengths(wl: Any) -> jax.Array:
    if np.ndim(wl) > 1 or not np.size(wl):
        raise ValueError(f"wl of shape {np.shape(wl)} is not a number or [N], N from 1 on")
    check_positive("wl", wl, "um")
    return jnp.asarray(wl, jnp.result_type(float))


def _checked(beam: TiltedBeam | None) -> TiltedBeam:
    if beam is None:
        return TiltedBeam()
    check_kind("beam", beam, TiltedBeam)
    return beam


def _guided(modes: SlabModes, height: jax.Array, core: tuple[int, int]) -> jax.Array:
    """Number of the mode that has most of its field in the film, of those that run along it."""
    weight = jnp.abs(modes.fields) ** 2 * height[:, None]
    part = jnp.sum(weight[core[0] : core[1] + 1], axis=0) / jnp.sum(weight, axis=0)
    runs = jnp.abs(modes.beta.imag) < GUIDED * modes.beta.real
    return jnp.argmax(jax.lax.stop_gradient(jnp.where(runs, part, 0.0)))


def _sections(coupler: GratingCoupler, wl: jax.Array):
    """Mesh, permittivities, modes of a tooth and of a trench, and the guided mode of each."""
    layers = coupler._layers()
    magnetic = coupler.polarization == "tm"
    eps = coupler._permittivities(wl, layers.media)
    # So that upright light loses the same in the absorbing layers whatever the medium and the wavelength.
    ends = jnp.sqrt(jnp.abs(jnp.stack([eps[0][0], eps[0][-1]])))
    below, above = (wl / STRENGTH_WL) * jnp.asarray(STRENGTHS) * jnp.asarray([STRENGTH_INDEX, 1.0]) / ends
    mesh = slab_mesh(layers.lines, layers.below, ELEMENTS["above"], coupler.degree, (below, above))
    free_foot = magnetic and coupler.mirror
    k0 = 2.0 * jnp.pi / wl
    modes = [slab_modes(mesh, each, k0, magnetic=magnetic, free_foot=free_foot) for each in eps]
    degree = coupler.degree
    height = jnp.abs(jnp.concatenate([mesh.jacobian[:, :-1].ravel(), mesh.jacobian[-1, -1:]]))
    ends = (layers.etched - 1) * degree, (layers.etched + 1) * degree
    guided = _guided(modes[0], height, ends), _guided(modes[1], height, (ends[0], ends[1] - degree))
    return layers, mesh, eps, modes, guided


def _checked_modes(modes: SlabModes, guided: jax.Array, eps: jax.Array, etched: int, k0: jax.Array) -> SlabModes:
    """The modes of a film, with an error at run time where the one taken for guided is none."""
    around = jnp.sqrt(jnp.stack([eps[etched - 2], eps[etched + 1]])).real
    index = jnp.take(modes.beta, guided).real / k0
    beta = eqx.error_if(modes.beta, index <= jnp.max(around), "the film guides no light at a wavelength asked for")
    return eqx.tree_at(lambda each: each.beta, modes, beta)


@jax.jit
def _indices(coupler: GratingCoupler, wl: jax.Array) -> tuple[jax.Array, jax.Array]:
    layers, _, eps, modes, guided = _sections(coupler, wl)
    k0 = 2.0 * jnp.pi / wl
    around = layers.etched, k0
    checked = [_checked_modes(m, g, e, *around) for m, g, e in zip(modes, guided, eps, strict=True)]
    tooth, trench = (jnp.take(m.beta, g) / k0.astype(m.beta.dtype) for m, g in zip(checked, guided, strict=True))
    return tooth, trench


@jax.jit
def _responses(coupler: GratingCoupler, wl: jax.Array) -> GratingResponse:
    return map_points(lambda each: _response(coupler, each), wl)


@jax.jit
def _response_of_one(coupler: GratingCoupler, wl: jax.Array) -> GratingResponse:
    return _response(coupler, wl)


def _response(coupler: GratingCoupler, wl: jax.Array) -> GratingResponse:
    layers, mesh, eps, (tooth, trench), (guided, _) = _sections(coupler, wl)
    tooth = _checked_modes(tooth, guided, eps[0], layers.etched, 2.0 * jnp.pi / wl)
    magnetic = coupler.polarization == "tm"
    p = [1.0 / each if magnetic else jnp.ones_like(each) for each in eps]
    trenches, teeth = (jnp.asarray(each, wl.dtype) for each in (coupler.trenches, coupler.teeth))
    count = tooth.beta.size
    incident = (jnp.arange(count) == guided).astype(tooth.beta.dtype)
    phases = row_phases(tooth.beta, trench.beta, trenches, teeth)
    amplitudes = scatter(joint(tooth, trench), phases, incident)
    row = Row(tooth, trench, amplitudes, trenches, teeth, guided, coupler.margin)

    def on(element: int, *, top: bool):
        planes = [plane(mesh, each, q[element], element, top=top) for each, q in zip((tooth, trench), p, strict=True)]
        return line(row, *planes)

    above, below = on(layers.high, top=True), on(layers.low, top=False)
    side = sides(row, mesh, p[0], layers.low, layers.high)
    reflection = jnp.take(amplitudes.tooth_backward[0], guided)
    transmission = jnp.take(amplitudes.tooth_forward[-1], guided)
    # A lossy guide has lost some from the side of the box to the first joint, and does on the way out.
    lost = jnp.exp(-2.0 * coupler.margin * jnp.take(tooth.beta, guided).imag)
    power = side.incident * lost
    up, down = flux(above) / power, -flux(below) / power
    guided_out = (jnp.abs(reflection) ** 2 + jnp.abs(transmission) ** 2) * lost
    unit = jnp.sqrt(power).astype(above.value.dtype)
    ends = joints(trenches, teeth)
    return GratingResponse(
        wl=wl,
        reflection=reflection,
        transmission=transmission,
        up=up,
        down=down,
        sideways=(side.incident - side.left + side.right) / power - guided_out,
        imbalance=(side.left - side.right) / power - up - down,
        line=above._replace(value=above.value / unit, slope=above.slope / unit),
        height=jnp.asarray(layers.lines[-1 - ELEMENTS["above"]], wl.dtype),
        top_index=jnp.sqrt(eps[0][-1]).real,
        weight=p[0][-1].real,
        span=jnp.stack([ends[0][0], ends[1][-1]]),
    )
