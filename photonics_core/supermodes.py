"""Two guides side by side: the modes of the pair, and the coupling of one guide to the other.

Light in one of two equal guides is the sum of the even and the odd mode of the pair. These drift apart by
(beta_e - beta_o) z, so that power crosses as sin^2(kappa z) with

    kappa = (beta_e - beta_o) / 2 = pi (n_e - n_o) / wl.

Unequal guides differ by 2 delta = beta_1 - beta_2 even without coupling; then

    ((beta_e - beta_o) / 2)^2 = kappa^2 + delta^2,

and at most kappa^2 / (kappa^2 + delta^2) of the power crosses (Yariv, IEEE J. Quantum Electron. 9, 919 (1973)).
`overlap_coupling` asks the guides alone: what the tail of one mode does in the core of the other. By reciprocity it is
exact in the limit of weak coupling, whatever the contrast of the media (Haus, Huang, Kawakami and Whitaker, J.
Lightwave Technol. 5, 16 (1987)); what it leaves out is of the order of the square of the overlap of the two modes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import MARGIN, CrossSection
from photonics_core.guidance import cladding_index
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import solve_classes
from photonics_core.modes import IMPEDANCE, Mode
from photonics_core.resolution import resolved
from photonics_core.units import REFERENCE_TEMPERATURE


class GuidePair(NamedTuple):
    """What two coupled guides are described by.

    Args:
        coupling: kappa in rad/um.
        detuning: delta, half the difference of the two guides' propagation constants, in rad/um.
        n_mean: mean of the effective indices of the two modes of the pair; of those of the guides alone where only
            these are known (`overlap_coupling`).
    """

    coupling: jax.Array
    detuning: jax.Array
    n_mean: jax.Array


def pair_section(
    widths: Any, height: Any, gap: Any, core: Any = SILICON, cladding: Any = SILICA, *, margin: Any = MARGIN
) -> CrossSection:
    """Two strips of the same height side by side; the first lies at x < 0 and the middle of the gap at x = 0.

    Args:
        widths: width of both in um, or two widths.
        height, gap: in um.
        core, cladding: media; two guides of unequal widths keep a medium of the core each, numbers 0 and 1.
        margin: width of the cladding around them in um.

    Raises:
        ValueError: for a dimension outside its range; a gap of zero makes one guide of the two.
    """
    for name, value in (("gap", gap), ("height", height), ("margin", margin)):
        check_positive(name, value, "um")
    if not isinstance(widths, (tuple, list)) and np.ndim(widths) == 0:
        return CrossSection.slot(widths, height, gap, core, cladding, margin=margin)
    check_range("number of widths", len(widths), 2, 2)
    first, second = (CrossSection.slot(width, height, gap, core, cladding, margin=margin) for width in widths)
    x = jnp.concatenate([-jnp.asarray(first.x)[:0:-1], jnp.asarray(second.x)[1:]])
    media = (first.media[0], second.media[0], first.media[1])
    return CrossSection(x, first.y, media, ((2, 2), (0, 2), (2, 2), (1, 2), (2, 2)), (False, True))


def supermodes(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
) -> tuple[Mode, Mode]:
    """The even and the odd mode of a pair of guides, traceable.

    Args:
        section: made by `pair_section`.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        polarization: "te" or "tm".
        accuracy: as for `solve_modes`.

    Returns:
        Modes in falling order of index.

    Raises:
        ValueError: for a section that is not mirrored at y = 0, or, with plain numbers, if a mode is not guided.
    """
    _check_pair(section, polarization)
    bottom = "magnetic" if polarization == "te" else "electric"
    if section.mirrored[0]:
        sides = ("electric", "magnetic") if polarization == "te" else ("magnetic", "electric")
        walls, count = [Walls(left=side, bottom=bottom) for side in sides], 1
    else:
        walls, count = [Walls(bottom=bottom)], 2
    even, odd = solve_classes(section, wl, temperature, walls=walls, count=count, accuracy=accuracy)
    if is_concrete(odd.n_eff):
        floor = cladding_index(section, wl, temperature)
        if not float(odd.n_eff.real) > floor:
            raise ValueError(
                f"the pair guides no odd {polarization} mode at wl = {float(wl):g} um: {float(odd.n_eff.real):.5f} is "
                f"not above the index of the cladding, {floor:.5f}"
            )
        _check_polarized((even, odd), polarization)
    return even, odd


def couple(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
) -> GuidePair:
    """Coupling of two guides from the modes of the pair, exact for equal guides; arguments as for `supermodes`.

    For unequal guides the detuning is that of the guides alone, each in the window of the pair. The coupling is what is
    left of the splitting, so it keeps few digits where the detuning is much larger.
    """
    even, odd = supermodes(section, wl, temperature, polarization=polarization, accuracy=accuracy)
    k0 = 2.0 * jnp.pi / even.wl
    half = 0.5 * k0 * (even.n_eff - odd.n_eff).real
    if section.mirrored[0]:
        return GuidePair(half, jnp.zeros_like(half), 0.5 * (even.n_eff + odd.n_eff).real)
    alone = [guide.n_eff.real for guide in _guides(section, wl, temperature, polarization, accuracy)]
    detuning = 0.5 * k0 * (alone[0] - alone[1])
    square = (half - detuning) * (half + detuning)
    if is_concrete(square) and not float(square) > 0.0:
        raise ValueError(
            "the guides differ so much that their splitting does not show the coupling; use overlap_coupling"
        )
    return GuidePair(jnp.sqrt(square), detuning, 0.5 * (even.n_eff + odd.n_eff).real)


def overlap_coupling(
    section: CrossSection,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
) -> GuidePair:
    """Coupling of two guides from the modes each has alone, for weak coupling; arguments as for `supermodes`.

    kappa = (w eps_0 / 4) int_core (eps - eps_cladding) E_1 . E_2* dA for fields of unit power, the mean of both cores.
    """
    _check_pair(section, polarization)
    whole = resolved(_told_apart(section), wl, temperature, accuracy)
    first, second = _guides(whole, wl, temperature, polarization, accuracy)
    kappas = [_tail(first, second, 1), _tail(second, first, 0)]
    n = first.n_eff.real, second.n_eff.real
    detuning = jnp.pi / first.wl * (n[0] - n[1])
    return GuidePair(0.5 * (kappas[0] + kappas[1]), detuning, 0.5 * (n[0] + n[1]))


def _tail(mode: Mode, other: Mode, core: int) -> jax.Array:
    """What the tail of a mode does in the core, of this number, of the other one: kappa in rad/um."""
    step = (other.permittivity - mode.permittivity).real
    fields = mode.field().e, other.field().e
    both = jnp.sum(step * (fields[0] * fields[1].conj()).real, axis=0)
    inside = jnp.asarray(other.section.element_media(other.accuracy) == core, both.dtype)[..., None]
    _, _, area = mode.points()
    return jnp.abs(jnp.sum(area * both * inside)) * (2.0 * jnp.pi / mode.wl) / (4.0 * IMPEDANCE)


def _told_apart(section: CrossSection) -> CrossSection:
    """A section over the whole of x, with a number for the medium of each core."""
    if not section.mirrored[0]:
        return section
    whole = section.unfolded()
    core, cladding = section.media
    return CrossSection(whole.x, whole.y, (core, core, cladding), _TWO_CORES, whole.mirrored, whole.profile)


_TWO_CORES = ((2, 2), (0, 2), (2, 2), (2, 2), (1, 2), (2, 2))


def _guides(section: CrossSection, wl: Any, temperature: Any, polarization: str, accuracy: str) -> list[Mode]:
    """The modes of the two guides, each without the other."""
    walls = [Walls(bottom="magnetic" if polarization == "te" else "electric")]
    first, second, cladding = section.media
    found = []
    for media in ((first, cladding, cladding), (cladding, second, cladding)):
        alone = CrossSection(section.x, section.y, media, section.blocks, section.mirrored, section.profile)
        found += solve_classes(alone, wl, temperature, walls=walls, accuracy=accuracy)
    return found


def _check_pair(section: CrossSection, polarization: str) -> None:
    check_kind("section", section, CrossSection)
    check_choice("polarization", polarization, ("te", "tm"))
    if not section.mirrored[1]:
        raise ValueError("the section is not mirrored at y = 0, where TE and TM of a pair part; use pair_section")


def _check_polarized(modes: Sequence[Mode], polarization: str) -> None:
    """Modes of higher order of the other polarisation share the symmetry, and lie higher where guides are tall."""
    for mode in modes:
        share = float(mode.te_fraction())
        if (share > 0.5) != (polarization == "te"):
            raise ValueError(
                f"the mode of highest index with the symmetry of {polarization}, n_eff = {float(mode.n_eff.real):.5f}, "
                f"has {share:.0%} of its field along x: these guides are too tall for polarization = {polarization!r}"
            )
