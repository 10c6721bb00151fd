"""Modes of waveguides: against exact slabs, independent solvers and measured group indices."""

import functools
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import CrossSection
from photonics_core.films import FilmStack
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import fundamental_mode, solve_classes, solve_modes
from photonics_core.modes import Mode
from photonics_core.radiating_modes import bend_mode
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

FEM = "femwell 0.1.12, second-order triangles down to 0.1 nm at corners; EMpy 2.2.3, extrapolated, agrees to 2e-5"
FEM_GROUP = "femwell 0.1.12, central differences of 5 and 10 nm, extrapolated; media without dispersion"
RIB = "its slab guides TE at 2.1033, above any TM mode of the rib, which therefore leaks"
RINGS = "openEBL, rings of R = 10 um, spacing of resonances: 4.179 to 4.187 (C band); O band 4.48"
BENDS = "openEBL, SiN rings 750 x 400 nm: 63 dB/cm at R = 20 um, of which wide bends show 1.5 as well"
OXIDE = 1.444
SILICON_IN_OXIDE = 3.476, OXIDE
NITRIDE_IN_OXIDE = 1.996, OXIDE
#: Sections of which an independent solver was refined until it stood still, oxide all round, at 1550 nm; for each
#: polarisation that is guided, n_eff and n_g. The fields of the thinner nitride wires need a wider window.
SECTIONS: dict[str, tuple[Callable[[], CrossSection], dict[str, tuple[float, float]]]] = {
    "si_500": (
        partial(CrossSection.strip, 0.5, 0.22, *SILICON_IN_OXIDE),
        {"te": (2.445379, 4.05352), "tm": (1.770260, 3.64706)},
    ),
    "si_450": (
        partial(CrossSection.strip, 0.45, 0.22, *SILICON_IN_OXIDE),
        {"te": (2.353153, 4.14701), "tm": (1.733259, 3.52410)},
    ),
    "sin_750": (
        partial(CrossSection.strip, 0.75, 0.4, *NITRIDE_IN_OXIDE, margin=3.0),
        {"te": (1.586997, 1.97709), "tm": (1.538695, 1.87332)},
    ),
    "sin_1000": (
        partial(CrossSection.strip, 1.0, 0.4, *NITRIDE_IN_OXIDE, margin=3.0),
        {"te": (1.637729, 2.01632), "tm": (1.566941, 1.91959)},
    ),
    "sin_1200": (
        partial(CrossSection.strip, 1.2, 0.8, *NITRIDE_IN_OXIDE),
        {"te": (1.802497, 2.09432), "tm": (1.779482, 2.11022)},
    ),
    "rib": (partial(CrossSection.rib, 0.5, 0.22, 0.09, *SILICON_IN_OXIDE), {"te": (2.567356, 3.76349)}),
    "slot": (
        partial(CrossSection.slot, 0.2, 0.22, 0.05, *SILICON_IN_OXIDE),
        {"te": (1.776430, 2.96028), "tm": (1.639330, 2.87315)},
    ),
}


def _register_section(name: str, polarization: str) -> tuple[Callable[[], Evidence], Callable[[], Evidence]]:
    section, references = SECTIONS[name]
    n_eff, n_g = references[polarization]

    @functools.cache
    def mode() -> Mode:
        return fundamental_mode(section(), 1.55, polarization=polarization, accuracy="fine")

    @case(f"modes.{name}_{polarization}", source=FEM, kind="peer", is_long=True)
    @in_float64
    def index() -> Evidence:
        """Index of a section at the accuracy "fine"."""
        return Evidence(float(mode().n_eff), n_eff, 1e-5)

    @case(f"modes.{name}_{polarization}_group_index", source=FEM_GROUP, kind="peer", is_long=True)
    @in_float64
    def group_index() -> Evidence:
        """Group index of the fields of a section at the accuracy "fine"."""
        return Evidence(float(mode().n_g), n_g, 1e-4)

    return index, group_index


def _register_sections() -> None:
    for name, (_, references) in SECTIONS.items():
        for polarization in references:
            _register_section(name, polarization)


_register_sections()


@case("modes.rib_guides_no_tm", source=RIB, kind="analytic", is_long=True)
@in_float64
def rib_guides_no_tm() -> Evidence:
    """Number of guided modes of the rib whose electric field lies mostly along y."""
    guided = solve_modes(SECTIONS["rib"][0](), 1.55, count=4)
    return Evidence(float(sum(float(mode.te_fraction()) < 0.5 for mode in guided)), 0.0, 0.0)


@case("modes.slab", source="the exact dispersion relation of a slab, by FilmStack", kind="analytic", is_long=True)
@in_float64
def slab() -> Evidence:
    """TE and TM of an asymmetric slab between walls that its fields fit."""
    x = np.repeat(np.array([0.0, 0.3])[:, None], 4, axis=1)
    section = CrossSection(x, np.array([-2.0, 0.0, 0.3, 2.3]), (1.45, 3.0, 1.0), ((0, 1, 2),))
    walls = [Walls("electric", "electric"), Walls("magnetic", "magnetic")]
    found = solve_classes(section, 1.55, walls=walls, accuracy="fine")
    stack = FilmStack([1.0, 3.0, 1.45], [0.3])
    errors = [mode.n_eff - stack.guided_mode(0, 1.55, kind) for mode, kind in zip(found, "sp", strict=True)]
    return Evidence(float(jnp.max(jnp.abs(jnp.stack(errors)))), 0.0, 1e-6)


@case("modes.group_index_c_band", source=RINGS, kind="measured", is_long=True)
@in_float64
def group_index_c_band() -> Evidence:
    """Silicon, 500 x 220 nm as drawn, upright walls, oxide all round, 300 K, 1550 nm."""
    mode = fundamental_mode(CrossSection.strip(0.5, 0.22, SILICON, SILICA), 1.55)
    return Evidence(float(mode.n_g), (4.179, 4.187), 0.042)


@case("modes.group_index_o_band", source=RINGS, kind="measured", is_long=True)
@in_float64
def group_index_o_band() -> Evidence:
    """Silicon, 350 x 220 nm as drawn, upright walls, oxide all round, 300 K, 1310 nm."""
    mode = fundamental_mode(CrossSection.strip(0.35, 0.22, SILICON, SILICA), 1.31)
    return Evidence(float(mode.n_g), 4.48, 0.045)


@case("modes.group_index_by_differences", source="n - wl dn/dwl by central differences", kind="analytic", is_long=True)
@in_float64
def group_index_by_differences() -> Evidence:
    """Group index of the fields beside differences of the index, dispersion of the media included."""
    section = CrossSection.strip(0.5, 0.22, SILICON, SILICA)
    mode = fundamental_mode(section, 1.55)

    def slope(step: float) -> float:
        high, low = (fundamental_mode(section, 1.55 + s * step).n_eff for s in (1, -1))
        return float(high - low) / (2 * step)

    expected = float(mode.n_eff) - 1.55 * (4.0 * slope(1e-3) - slope(2e-3)) / 3.0
    return Evidence(float(mode.n_g) - expected, 0.0, 1e-5)


@case(
    "modes.no_noise",
    source="second differences of n_eff over 200 wavelengths, less a polynomial",
    kind="analytic",
    is_long=True,
)
@in_float64
def no_noise() -> Evidence:
    """Noise of the index over wavelength."""
    section = CrossSection.strip(0.5, 0.22, 3.476, OXIDE)
    wl = jnp.linspace(1.5, 1.6, 200)
    solve = jax.jit(lambda w: jax.lax.map(lambda one: fundamental_mode(section, one, accuracy="fast").n_eff, w))
    second = np.diff(np.asarray(solve(wl), float), 2)
    at = np.arange(second.size)
    smooth = np.polyval(np.polyfit(at, second, 4), at)
    return Evidence(float(np.max(np.abs(second - smooth))), 0.0, 1e-9)


@case("modes.bend_loss", source=BENDS, kind="measured", is_long=True)
@in_float64
def bend_loss() -> Evidence:
    """Decades by which the radiation of the nominal geometry (n 1.996 / 1.444) is off at R = 20 um: an order only.

    It falls faster with the radius than measured: 21, 3.5 and 0.55 dB/cm at 20, 25 and 30 um against 61, 23 and 5.
    """
    section = CrossSection.strip(0.75, 0.4, 1.996, OXIDE, margin=2.5)
    loss = bend_mode(section, 1.55, 20.0, accuracy="fast").loss_db_cm
    return Evidence(float(jnp.log10(loss / 61.5)), (-0.7, 0.7), 0.0, "decades")
