"""Edge couplers: light from a fibre through the facet into a tip, along a taper into the wire, and what is lost on it.

Loss at the facet. Behind the facet the fibre's beam has the shape it had before, in a medium of the mode's index n; the
part of its power that enters the mode (E, H), both of unit power, is

    | (1/4) int (E_f x H* + E* x H_f) . z dA |^2,    H_f = (n / Z_0) z x E_f,

so that reflection is left out, which comes on its own as that of plane waves at the two faces of the gap, fibre (n_1),
gap (n_g) and tip (its n_eff, n_2), without fringes: T_1 T_2 / (1 - R_1 R_2), R_i = ((n_g - n_i) / (n_g + n_i))^2. An
index that matches reflects nothing. For a tip held weakly this is good to the part of its power in the core. It is not
for wires: of fields held tightly the two halves of the integral differ, and their mean may even exceed one.

`facet_efficiency` is this integral for Gaussian beams, in the paraxial model, over the points of the mode: no grid, and
derivatives in the geometry of the tip and in the alignment. `tip_joint` is the same integral as a `FibreJoint`, for any
sampled field and for plane waves at all angles; its paraxial method gives the same number.

Losses in dB add up: facet, reflection, taper, leakage into the substrate and what the wire loses by roughness. The tip
mode's index, field and derivatives are those of the solver; those of the taper in its start and length come from modes
solved once. Shorter tapers scatter and longer ones leak, so there is a best length.

Published designs of silicon 220 nm high in oxide, read as code: tips of 180 nm (lensed fibres; scripts of SiEPIC for
L. Chrostowski and M. Hochberg, Silicon Photonics Design (2015)) and 200 nm (generic cell of gdsfactory); second hand:
100 nm (Almeida et al., Opt. Lett. 28, 1302 (2003)).
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.beams import GaussianBeam, floating
from photonics_core.bounds import within
from photonics_core.devices.edge_tips import EdgeTips, leaky_tip
from photonics_core.devices.edge_transition import PROFILES, EdgeTransition
from photonics_core.devices.fiber import FibreJoint
from photonics_core.devices.fiber_alignment import Alignment
from photonics_core.display import Shown
from photonics_core.fields import FieldGrid, SampledField
from photonics_core.kernels import angular_spectrum
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.materials import SILICON
from photonics_core.modes import IMPEDANCE, Field, Mode
from photonics_core.optimize import Optimum, minimize
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER, REFERENCE_TEMPERATURE


def facet_efficiency(mode: Mode, beam: GaussianBeam, alignment: Alignment | None = None, index: Any = 1.0) -> jax.Array:
    """Part of a Gaussian beam's power that enters a chip's mode, without reflection; one number, traceable.

    Args:
        mode: the mode at the facet.
        beam: what the fibre sends out.
        alignment: where the chip stands against the fibre, one alignment.
        index: index of the gap.

    Returns:
        Efficiency, paraxial; `tip_joint` goes beyond. It is for tips, where it stays below 1; of a wire it may not.

    Raises:
        ValueError: for an offset beyond the mode's window, several alignments, or a mode of NaN.
    """
    check_kind("mode", mode, Mode)
    check_kind("beam", beam, GaussianBeam)
    check_range("index", index, 1.0, np.inf)
    place = _checked(mode, alignment)
    if is_concrete(mode.vector) and not np.all(np.isfinite(np.asarray(mode.vector))):
        raise ValueError("the field of the mode is not finite (NaN)")
    x, y, area, field = mode.samples()
    e = _beam_at(beam, x, y, mode.wl, place, floating(index))
    n = mode.n_eff.real.astype(x.dtype)
    # The beam behind the facet, of unit power: |E|^2 n / (2 Z_0).
    e = e * jnp.sqrt(2.0 * IMPEDANCE / n).astype(e.dtype)
    h = (n / IMPEDANCE).astype(e.dtype) * jnp.stack([-e[1], e[0]])
    return _exchanged(field, e, h, area)


def _checked(mode: Mode, alignment: Alignment | None) -> jax.Array:
    """Vector of the alignment, shape [6], once it is known to lie in the window."""
    alignment = Alignment() if alignment is None else alignment
    check_kind("alignment", alignment, Alignment)
    vector = alignment.vector()
    if vector.ndim != 1:
        raise ValueError(f"alignment of shape {vector.shape[:-1]} is not one alignment; use jax.vmap over several")
    for k, (name, line) in enumerate((("x", mode.section.x), ("y", mode.section.y))):
        edge = np.asarray(line) if is_concrete(line) else lax.stop_gradient(line)
        edge = edge.max()
        vector = vector.at[k].set(within(f"offset {name} within the window of the mode,", vector[k], -edge, edge, "um"))
    return vector


def _beam_at(
    beam: GaussianBeam, x: jax.Array, y: jax.Array, wl: jax.Array, place: jax.Array, index: jax.Array
) -> jax.Array:
    """Field of a beam along the chip's x and y at points of a facet at `place`, in 1/um, of power 1, shape [2, n]."""
    k = 2.0 * math.pi * index / wl
    turn, lean = jnp.cos(place[5]), jnp.sin(place[5])
    x, y = x * turn - y * lean, x * lean + y * turn
    lean_of_beam = jnp.sin(place[3]) * jnp.cos(place[4]) * x + jnp.sin(place[4]) * y
    size, phase = beam.envelope(x + place[0], y + place[1], place[2], k)
    wave = angular_spectrum.wave(phase - k * lean_of_beam) * size.astype(jnp.result_type(complex))
    first, second = beam.jones.astype(wave.dtype)
    turn, lean = turn.astype(wave.dtype), lean.astype(wave.dtype)
    return wave[None] * jnp.stack([turn * first + lean * second, turn * second - lean * first])[:, None]


def _exchanged(field: Field, e: jax.Array, h: jax.Array, area: jax.Array) -> jax.Array:
    ours, theirs = field.e.conj(), field.h.conj()
    flux = e[0] * theirs[1] - e[1] * theirs[0] + ours[0] * h[1] - ours[1] * h[0]
    amplitude = 0.25 * jnp.sum(area.astype(flux.dtype) * flux)
    return amplitude.real**2 + amplitude.imag**2


def facet_transmission(fibre: Any, gap: Any, tip: Any) -> jax.Array:
    """Part of the power that passes the faces of a fibre and a chip, by Fresnel, without fringes; of indices."""
    for name, value in (("fibre", fibre), ("gap", gap), ("tip", tip)):
        check_range(f"index of the {name}", value, 1.0, np.inf)
    fibre, gap, tip = (floating(each) for each in (fibre, gap, tip))
    first, second = ((gap - fibre) / (gap + fibre)) ** 2, ((gap - tip) / (gap + tip)) ** 2
    return (1.0 - first) * (1.0 - second) / (1.0 - first * second)


def tip_joint(
    mode: Mode,
    fibre: GaussianBeam | SampledField,
    grid: FieldGrid,
    index: Any = 1.0,
    fibre_index: Any = 1.444,
    **more: Any,
) -> FibreJoint:
    """The facet as a joint of a fibre and the chip's mode: six degrees of freedom, plane waves at all angles.

    Args:
        mode: the mode at the facet.
        fibre: a beam or a sampled field, of any fibre.
        grid: the grid of both, over the window of the mode or more.
        index: index of the gap.
        fibre_index: that of the fibre, for the reflection.
        more: `method`, `reflection` and `polarization` of the joint.
    """
    facets = (as_leaf(fibre_index), mode.n_eff.real)
    return FibreJoint(fibre, SampledField.of_mode(mode, grid), mode.wl, index, facets, **more)


def window_error_db(
    tips: EdgeTips,
    beam: GaussianBeam,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    larger: float = 1.5,
    **options: Any,
) -> float:
    """By how much the loss at the facet changes when the window is made larger by this factor, in dB.

    `options` are those of `EdgeTips.mode`. A figure above the accuracy wanted asks for a larger window.
    """
    check_range("larger", larger, 1.0, 10.0, exclusive=True)
    wider = eqx.tree_at(lambda each: each.window, tips, larger * tips.window)
    values = [facet_efficiency(each.mode(wl, temperature, **options), beam) for each in (tips, wider)]
    return float(DB_PER_NEPER * jnp.abs(jnp.log(values[1] / values[0])))


class EdgeLeakage(Shown):
    """Loss into the substrate over the place along a taper, made by `solve_leakage`.

    Args:
        places: rising, shape [K].
        log_rate: natural logarithm of the loss in dB/um at these, shape [K].
    """

    places: jax.Array
    log_rate: jax.Array

    def __check_init__(self) -> None:
        if np.shape(self.places) != np.shape(self.log_rate) or np.ndim(self.places) != 1:
            shapes = f"{np.shape(self.places)} and {np.shape(self.log_rate)}"
            raise ValueError(f"places and log_rate of shapes {shapes} are not both [K]")
        check_finite("log_rate", self.log_rate)
        if is_concrete(self.places):
            check_positive("steps of places", np.diff(self.places))

    def loss_db(self, profile: Any, length: Any) -> jax.Array:
        """Loss in dB of a taper: the integral along a profile of places at equal steps; beyond the samples there is
        what the last of them has."""
        check_positive("length", length, "um")
        profile = floating(profile)
        rate = jnp.exp(jnp.interp(profile, self.places, self.log_rate))
        return floating(length) * (0.5 * (rate[0] + rate[-1]) + jnp.sum(rate[1:-1])) / (profile.shape[0] - 1)


def solve_leakage(
    tips: list[EdgeTips],
    places: Any,
    wl: Any,
    buried_oxide: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    substrate: Any = SILICON,
    polarization: str = "te",
    accuracy: str = "fast",
) -> EdgeLeakage:
    """The loss into the substrate at some places of a taper; arguments as for `leaky_tip` and `solve_transition`."""
    check_range("number of sections", len(tips), 2, 10_000)
    if np.shape(places) != (len(tips),):
        raise ValueError(f"places of shape {np.shape(places)} is not [{len(tips)}], one for each section")
    check_positive("steps of places", jnp.diff(jnp.asarray(places)) if is_concrete(places) else places)
    kept = {"substrate": substrate, "polarization": polarization, "accuracy": accuracy}
    rates = [leaky_tip(each, wl, buried_oxide, temperature, **kept).loss_db_cm * 1e-4 for each in tips]
    # Where nothing leaks the loss is rounding, of either sign.
    return EdgeLeakage(floating(places), jnp.log(jnp.maximum(jnp.stack(rates), 1e-9)))


class EdgeLosses(NamedTuple):
    """Losses of an edge coupler in dB, and their sum."""

    facet: jax.Array
    reflection: jax.Array
    taper: jax.Array
    leakage: jax.Array
    wire: jax.Array

    @property
    def total(self) -> jax.Array:
        """Their sum in dB."""
        return self.facet + self.reflection + self.taper + self.leakage + self.wire


class EdgeCoupler(Shown):
    """A fibre, a facet with tips, a taper.

    Args:
        tips: the section at the facet. Where it is one core, the taper starts at its width, within the transition's.
        beam: what the fibre sends out.
        transition: the taper's modes.
        length: length of the taper in um.
        leakage: loss into the substrate; None for none.
        loss_db_cm: loss of the taper by roughness in dB/cm.
        gap_index, fibre_index: indices of the gap and of the fibre.
        profile: "straight" or "best", static.
        polarization, accuracy: for the mode of the tips, static.

    Raises:
        ValueError: for a length that is not above zero, an index below 1, an unknown choice, or a transition of the
            other polarization.
    """

    tips: EdgeTips
    beam: GaussianBeam
    transition: EdgeTransition
    length: Any = eqx.field(converter=as_leaf)
    leakage: EdgeLeakage | None = None
    loss_db_cm: Any = eqx.field(converter=as_leaf, default=0.0)
    gap_index: Any = eqx.field(converter=as_leaf, default=1.0)
    fibre_index: Any = eqx.field(converter=as_leaf, default=1.444)
    profile: str = eqx.field(static=True, default="best")
    polarization: str = eqx.field(static=True, default="te")
    accuracy: str = eqx.field(static=True, default="fast")

    def __check_init__(self) -> None:
        check_positive("length", self.length, "um")
        check_range("loss_db_cm", self.loss_db_cm, 0.0, np.inf, "dB/cm")
        check_range("gap_index", self.gap_index, 1.0, np.inf)
        check_range("fibre_index", self.fibre_index, 1.0, np.inf)
        check_choice("profile", self.profile, PROFILES)
        check_choice("polarization", self.polarization, (self.transition.polarization,))

    def losses_db(self, alignment: Alignment | None = None, temperature: Any = REFERENCE_TEMPERATURE) -> EdgeLosses:
        """All losses in dB; traceable, with derivatives in width, length, beam and alignment.

        Args:
            alignment: where the chip stands against the fibre; None for the best place of equal symmetry, 0.
            temperature: temperature in K of the mode of the tips.
        """
        wl = self.transition.expansion.wl
        mode = self.tips.mode(wl, temperature, polarization=self.polarization, accuracy=self.accuracy)
        facet = -DB_PER_NEPER * jnp.log(facet_efficiency(mode, self.beam, alignment, self.gap_index))
        passed = facet_transmission(self.fibre_index, self.gap_index, mode.n_eff.real)
        start = self.tips.width if self.tips.count == 1 else None
        profile = self.transition.profile(start, self.profile)
        taper = self.transition.loss_db(self.length, start, self.profile)
        leaked = jnp.zeros_like(taper) if self.leakage is None else self.leakage.loss_db(profile, self.length)
        wire = floating(self.loss_db_cm) * floating(self.length) * 1e-4
        return EdgeLosses(facet, -DB_PER_NEPER * jnp.log(passed), taper, leaked, wire)


def optimize_edge_coupler(
    coupler: EdgeCoupler, widths: tuple[float, float], lengths: tuple[float, float], *, steps: int = 60, **more: Any
) -> tuple[EdgeCoupler, Optimum]:
    """The width of the tips and the length of the taper that lose least in all, by gradient within bounds.

    Args:
        coupler: where the search starts.
        widths: bounds of the width of the tips in um; for one core within the transition's places.
        lengths: bounds of the length in um.
        steps: number of steps.
        more: `optimizer` and `progress` of `minimize`.

    Returns:
        The coupler found, and the run, whose parameters are "width" and "log_length" (of um).

    Raises:
        ValueError: for bounds of the width beyond the transition's places, of the length not above zero, or as
            `minimize`.
    """
    check_positive("lengths", np.asarray(lengths), "um")
    places = coupler.transition.local.widths
    if coupler.tips.count == 1 and is_concrete(places):
        slack = 1e-6 * float(places[-1])
        check_range("widths", np.asarray(widths), float(places[0]) - slack, float(places[-1]) + slack, "um")
    start = {"width": floating(coupler.tips.width), "log_length": jnp.log(floating(coupler.length))}
    bounds = [{"width": widths[k], "log_length": math.log(lengths[k])} for k in (0, 1)]

    def objective(parameters: dict[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
        losses = _changed(coupler, parameters).losses_db()
        return losses.total, losses._asdict()

    found = minimize(objective, start, bounds[0], bounds[1], steps=steps, **more)
    return _changed(coupler, found.parameters), found


def _changed(coupler: EdgeCoupler, parameters: dict[str, jax.Array]) -> EdgeCoupler:
    new = parameters["width"], jnp.exp(parameters["log_length"])
    return eqx.tree_at(lambda each: (each.tips.width, each.length), coupler, new)
