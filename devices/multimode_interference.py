"""Multimode interference couplers, from the modes of the wide section.

A guide that ends at a wide section excites its modes, each of which travels with a phase of its own, and what arrives
at the other end excites the guides there:

    S_jk = sum_m o_jm exp(i beta_m L) o_km,

with the overlaps o of guide and section modes. Lengths are measured in the beat length of the first two modes,
L_pi = pi / (beta_0 - beta_1), close to 4 n W_e^2 / (3 wl) with the index n of the slab and the effective width

    W_e = W + (wl / pi) (n_c / n)^(2 s) / sqrt(n^2 - n_c^2),

s = 1 for TE modes, whose field stands on the side walls, and 0 for TM. An input in the middle is split evenly in two
at 3 L_pi / 8, any input at 3 L_pi / 2, with a quarter of a turn between the outputs.

L. B. Soldano and E. C. M. Pennings, J. Lightwave Technol. 13, 615 (1995).

What is left out: waves that are reflected at the two ends, light in no guided mode of the section (`captured` says how
much light is in guided ones), and the coupling of guides beside each other before and after the section.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import check_number, within
from photonics_core.cross_section import MARGIN, CrossSection
from photonics_core.display import Shown
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_choice, check_positive, check_range
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.kernels.phase import reduced_turns
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import medium_index
from photonics_core.mode_solver import cladding_index, fundamental_mode, solve_classes
from photonics_core.modes import Field, Mode
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix, power
from photonics_core.units import REFERENCE_TEMPERATURE

#: Widest element of the mesh across the wide section, in wavelengths in its core.
ELEMENT = 0.7


class MultimodeInterference(Shown):
    """A multimode section between input and output guides, made by `solve`. Ports: `in_1` ..., `out_1` ...

    Args:
        length: length of the section in um, at least 0.
        n_eff: Chebyshev coefficients of the effective indices of M modes over wavelength, shape [W, M].
        inputs: those of the overlaps of the input guides with the modes, shape [W, inputs, M].
        outputs: those of the output guides, shape [W, outputs, M].
        loss_db: excess loss in dB, such as that of reflection at the ends.
        wl_range: shortest and longest wavelength in um.

    Raises:
        ValueError: for a value outside its range, or in use a wavelength that was not solved.
        equinox.EquinoxRuntimeError: for such a wavelength that shows only when a compiled function runs.
    """

    length: Any = eqx.field(converter=as_leaf)
    n_eff: Any = eqx.field(converter=as_leaf)
    inputs: Any = eqx.field(converter=as_leaf)
    outputs: Any = eqx.field(converter=as_leaf)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    wl_range: tuple[float, float] = eqx.field(static=True, default=(1.55, 1.55))

    def __check_init__(self) -> None:
        for name, unit in (("length", "um"), ("loss_db", "dB")):
            check_number(name, getattr(self, name))
            check_range(name, getattr(self, name), 0.0, np.inf, unit)

    @classmethod
    def solve(
        cls,
        width: float,
        length: Any,
        inputs: Sequence[float],
        outputs: Sequence[float],
        guide_width: float = 1.0,
        height: float = 0.22,
        core: Any = SILICON,
        cladding: Any = SILICA,
        *,
        wl: float | tuple[float, float] = 1.55,
        temperature: float = REFERENCE_TEMPERATURE,
        polarization: str = "te",
        count: int = 4,
        margin: float = MARGIN,
        accuracy: str = "normal",
        loss_db: Any = 0.0,
    ) -> "MultimodeInterference":
        """Solve for the modes of a strip of `width` and of the guides at its ends.

        Args:
            width: width of the section in um.
            length: its length in um; it may be traced, and `at_length` changes it without solving again.
            inputs, outputs: positions of the middles of the guides across the section in um, from its middle.
            guide_width: width of the guides where they meet the section in um.
            height: height of all of them in um.
            core, cladding: media without loss, as for `CrossSection`.
            wl: free-space wavelength in um, or the shortest and the longest.
            temperature: temperature in K.
            polarization: "te" or "tm".
            count: number of wavelengths that are solved in an interval; what lies between is a polynomial.
            margin: width of cladding around the section in um.
            accuracy: of the mode solver.
            loss_db: excess loss in dB.

        Raises:
            ValueError: for bad dimensions, a guide beyond the edge of the section or over its neighbour, wavelengths
                that do not rise, media with loss, or a guide or a section without two guided modes.
        """
        _check_places(width, guide_width, inputs, outputs)
        check_choice("polarization", polarization, ("te", "tm"))
        check_range("count", count, 1, 30)
        low, high = _band(wl)
        section = _refined(CrossSection.strip(width, height, core, cladding, margin=margin), low, temperature)
        guide = CrossSection.strip(guide_width, height, core, cladding, margin=margin)
        options = temperature, polarization, accuracy
        places = np.array([*inputs, *outputs], float)
        solved = [
            _solve(section, guide, places, float(at), *options)
            for at in chebyshev.nodes(count if high > low else 1, low, high)
        ]
        n_eff, overlaps = (chebyshev.tensor_coefficients(part, 1) for part in _aligned(solved))
        split = len(inputs)
        return cls(length, n_eff, overlaps[:, :split], overlaps[:, split:], loss_db, (low, high))

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports: inputs, then outputs, each numbered from 1 in the order in which they were given."""
        counts = ("in", np.shape(self.inputs)[-2]), ("out", np.shape(self.outputs)[-2])
        return tuple(f"{end}_{k + 1}" for end, count in counts for k in range(count))

    def at_length(self, length: Any) -> "MultimodeInterference":
        """The same section at another length in um."""
        return dataclasses.replace(self, length=length)

    def effective_indices(self, wl: Any) -> jax.Array:
        """Effective indices of the modes of the section at `wl` in um, in falling order, shape [..., M]."""
        return self._evaluate(self.n_eff, self._checked(wl))

    def beat_length(self, wl: Any) -> jax.Array:
        """Beat length pi / (beta_0 - beta_1) of the first two modes in um at `wl` in um."""
        n = self.effective_indices(wl)
        return 0.5 * jnp.asarray(wl, n.dtype) / (n[..., 0] - n[..., 1])

    def captured(self, wl: Any) -> dict[str, jax.Array]:
        """For each port the fraction of the power in its guide that guided modes of the section take over.

        What is left is reflected or radiated at the joint, or goes into modes that are guided at some of the solved
        wavelengths only; those are left out of the device.
        """
        wl = self._checked(wl)
        overlaps = jnp.concatenate([self._evaluate(part, wl) for part in (self.inputs, self.outputs)], axis=-2)
        fractions = jnp.sum(overlaps**2, axis=-1)
        return {port: fractions[..., k] for k, port in enumerate(self.ports)}

    def transmission(self, wl: Any) -> jax.Array:
        """Amplitudes from inputs to outputs at `wl` in um, shape [..., outputs, inputs]."""
        wl = self._checked(wl)
        into, out, n = (self._evaluate(part, wl) for part in (self.inputs, self.outputs, self.n_eff))
        phase = 2.0 * jnp.pi * reduced_turns(n, self.length, wl.astype(n.dtype)[..., None])[..., None, :]
        passed = jnp.exp(-self.loss_db * (math.log(10.0) / 20.0)).astype(n.dtype)
        parts = [
            jnp.matmul(out * wave, jnp.swapaxes(into, -1, -2), precision="highest")
            for wave in (passed * jnp.cos(phase), passed * jnp.sin(phase))
        ]
        return jax.lax.complex(*parts)

    def scattering(self, wl: Any) -> SMatrix:
        """Scattering matrix over `wl` in um, ports in_1 ..., out_1 ...; nothing is reflected."""
        forward = self.transmission(wl)
        outputs, inputs = forward.shape[-2:]
        leading = forward.shape[:-2]
        rows = [
            [jnp.zeros((*leading, inputs, inputs), forward.dtype), jnp.swapaxes(forward, -1, -2)],
            [forward, jnp.zeros((*leading, outputs, outputs), forward.dtype)],
        ]
        values = jnp.concatenate([jnp.concatenate(row, axis=-1) for row in rows], axis=-2)
        return SMatrix(values, self.ports, wl)

    def total_power(self, wl: Any) -> dict[str, jax.Array]:
        """For each input the fraction of its power that comes out of all outputs together."""
        sums = jnp.sum(power(self.transmission(wl)), axis=-2)
        return {port: sums[..., k] for k, port in enumerate(self.ports[: sums.shape[-1]])}

    def _checked(self, wl: Any) -> jax.Array:
        return within("wl", wl, *self.wl_range, "um", slack=1e-6)

    def _evaluate(self, coefficients: Any, wl: jax.Array) -> jax.Array:
        low, high = self.wl_range
        place = (wl - 0.5 * (low + high)) * (2.0 / (high - low) if high > low else 0.0)
        return chebyshev.evaluate(coefficients, [place.reshape(*place.shape, *(1,) * (np.ndim(coefficients) - 1))])


class _Solved(NamedTuple):
    """Modes at one wavelength: indices [M] and overlaps [ports, M]."""

    n_eff: np.ndarray
    overlaps: np.ndarray


def _check_places(width: float, guide_width: float, inputs: Sequence[float], outputs: Sequence[float]) -> None:
    check_positive("width", width, "um")
    check_positive("guide_width", guide_width, "um")
    reach = 0.5 * (width - guide_width) * (1.0 + 1e-9)
    for name, places in (("inputs", inputs), ("outputs", outputs)):
        if np.ndim(places) != 1 or not len(places):
            raise ValueError(f"{name} = {places!r} is not a list of positions")
        check_range(name, places, -reach, reach, "um")
        apart = np.diff(np.sort(np.asarray(places, float)))
        check_range(f"distance of neighbours in {name}", apart, guide_width * (1.0 - 1e-9), unit="um")


def _band(wl: Any) -> tuple[float, float]:
    """Shortest and longest wavelength, which are one if one was given."""
    if np.shape(wl) not in ((), (2,)):
        raise ValueError(f"wl = {wl!r} is not one wavelength or a pair of rising ones in um")
    check_positive("wl", wl, "um")
    low, high = (float(each) for each in np.broadcast_to(wl, (2,)))
    check_range("longest wavelength", high, low, unit="um")
    return low, high


def _refined(section: CrossSection, wl: float, temperature: Any) -> CrossSection:
    """The section with elements across that are small enough for the mode of highest order."""
    n = float(np.max(np.real(medium_index(section.media[0], wl, temperature))))
    half = float(np.asarray(section.x)[1, 0])
    parts = math.ceil(half * n / (ELEMENT * wl))
    return section.divided(0, 0, [k / parts for k in range(1, parts)]) if parts > 1 else section


def _solve(
    section: CrossSection,
    guide: CrossSection,
    places: np.ndarray,
    wl: float,
    temperature: Any,
    polarization: str,
    accuracy: str,
) -> _Solved:
    single = fundamental_mode(guide, wl, temperature, polarization=polarization, accuracy=accuracy)
    modes = _guided(section, wl, temperature, polarization, accuracy)
    if max([abs(complex(mode.n_eff).imag) for mode in modes], default=0.0) > 1e-9:
        raise ValueError("the media have loss; give the loss of the device by loss_db")
    if len(modes) < 2:
        raise ValueError(f"the section guides {len(modes)} {polarization} modes at wl = {wl:g} um, not two or more")
    n_eff = np.array([float(mode.n_eff.real) for mode in modes])
    across = 0 if polarization == "te" else 1
    overlaps = np.stack([np.asarray(_overlaps(single, mode, jnp.asarray(places), across)) for mode in modes], axis=1)
    return _Solved(n_eff, overlaps)


def _guided(section: CrossSection, wl: float, temperature: Any, polarization: str, accuracy: str) -> list[Mode]:
    """All guided modes of this polarisation's symmetry, in falling order of index."""
    bottom = "magnetic" if polarization == "te" else "electric"
    walls = [Walls(left=left, bottom=bottom) for left in ("electric", "magnetic")]
    floor = cladding_index(section, wl, temperature)
    n = float(np.max(np.real(medium_index(section.media[0], wl, temperature))))
    width = 2.0 * float(np.asarray(section.x)[1, 0])
    count = math.ceil(width * math.sqrt(max(n**2 - floor**2, 0.0)) / wl) + 2
    found = solve_classes(section, wl, temperature, walls=walls, count=count, accuracy=accuracy)
    guided = [mode for mode in found if float(mode.n_eff.real) > floor and mode.is_regular()]
    return sorted(guided, key=lambda mode: -float(mode.n_eff.real))


@eqx.filter_jit
def _overlaps(guide: Mode, mode: Mode, places: jax.Array, across: int) -> jax.Array:
    """Overlaps of the mode with that of a guide at these places; the sign of the guide's field is fixed."""
    x, y, area, ours = guide.samples()
    shape = (places.shape[0], x.shape[0])
    theirs = mode.field_at(x[None, :] + places[:, None], jnp.broadcast_to(y[None, :], shape))
    e, h = (part[:, None, :] for part in ours)
    # A mode without loss has real transverse fields, once its phase is that of their mean.
    turn = jnp.sum(area.astype(ours.e.dtype) * ours.e[across])
    turn = turn / jnp.abs(turn).astype(turn.dtype)
    flux = _flux(Field(e, h), theirs)
    values = 0.25 * jnp.sum(area[None, :].astype(flux.dtype) * flux, axis=1) / turn
    largest = values[jnp.argmax(jnp.abs(values))]
    return (values * (jnp.conj(largest) / jnp.abs(largest).astype(values.dtype))).real


def _flux(ours: Field, theirs: Field) -> jax.Array:
    """z component of E_1 x H_2* + E_2* x H_1."""
    forward = ours.e[0] * theirs.h[1].conj() - ours.e[1] * theirs.h[0].conj()
    return forward + theirs.e[0].conj() * ours.h[1] - theirs.e[1].conj() * ours.h[0]


def _aligned(solved: Sequence[_Solved]) -> tuple[np.ndarray, np.ndarray]:
    """Indices and overlaps of the modes guided at all wavelengths, the signs following from one to the next."""
    count = min(len(each.n_eff) for each in solved)
    overlaps = [solved[0].overlaps[:, :count]]
    for each in solved[1:]:
        signs = np.where(np.sum(overlaps[-1] * each.overlaps[:, :count], axis=0) < 0.0, -1.0, 1.0)
        overlaps.append(each.overlaps[:, :count] * signs)
    return np.stack([each.n_eff[:count] for each in solved]), np.stack(overlaps)
