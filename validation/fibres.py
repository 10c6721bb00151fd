"""Step-index fibres: the boundary determinant written out, weak guidance, closed fits, and data sheets."""

import math
from typing import Any

import numpy as np
from scipy import special
from scipy.optimize import brentq

from photonics_core.fibre import StepIndexFibre
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Evidence, case

# No copy of Corning's sheets was at hand, nor the table of ITU-T G.652: "second hand" is what others quote of them, and
# "unconfirmed" what is from memory. A core of 8.2 um, a delta of 0.36 % and 10.4(8) um belong to the sheet of SMF-28 of
# April 2002; SMF-28e and later have 10.4(5) um. Zero dispersion is quoted as 1304 to 1324 nm, and once as 1300 to 1324.
ULTRA = "Corning SMF-28 Ultra, PI-1424-AEN (March 2013 and July 2025, second hand)"
DIAMETERS = {
    1.31: (9.2, 0.4, "Corning SMF-28 since about 1998 (Fiberoptics Online, Fiber Enhancements)"),
    1.55: (10.4, 0.5, "G.652.D fibre by Optokon (second hand), and Corning SMF-28e and later (unconfirmed)"),
}
G652 = "ITU-T G.652 (11/2016), category D (second hand)"
SNYDER_LOVE = "A. W. Snyder and J. D. Love, Optical Waveguide Theory (1983), ch. 12 to 14"
MARCUSE = "D. Marcuse, Bell Syst. Tech. J. 56, 703 (1977): w / a = 0.65 + 1.619 / V^1.5 + 2.879 / V^6"


def boundary_determinant(n_eff: Any, core: float, cladding: float, radius: float, wl: float, order: int) -> np.ndarray:
    """Determinant of the continuity of E_z, H_z, E_phi, H_phi at the core's face, over effective indices [N].

    Columns are the amplitudes of E_z and H_z in core and cladding; H in units of the impedance of free space, and a
    quarter period apart, so that all is real.
    """
    k = 2.0 * math.pi / wl
    p, q = k * np.sqrt(core**2 - n_eff**2), k * np.sqrt(n_eff**2 - cladding**2)
    j, k_out = np.ones_like(p), np.ones_like(p)
    slope_j = p * special.jvp(order, p * radius) / special.jv(order, p * radius)
    slope_k = q * special.kvp(order, q * radius) / special.kv(order, q * radius)
    zero, turn = np.zeros_like(p), order * n_eff / radius
    rows = [
        [j, zero, -k_out, zero],
        [zero, j, zero, -k_out],
        [turn * j / p**2, slope_j / p**2, turn * k_out / q**2, slope_k / q**2],
        [core**2 * slope_j / p**2, turn * j / p**2, cladding**2 * slope_k / q**2, turn * k_out / q**2],
    ]
    scale = special.jv(order, p * radius) ** 2  # takes out the poles
    return scale * np.linalg.det(np.moveaxis(np.array(rows), (0, 1), (-2, -1)))


def boundary_indices(
    core: float, cladding: float, radius: float, wl: float, order: int, points: int = 20000
) -> np.ndarray:
    """Effective indices, falling, at which the determinant is zero, found by its changes of sign on a fine grid."""
    arguments = (core, cladding, radius, wl, order)
    grid = np.linspace(cladding + 1e-9, core - 1e-9, points)
    values = boundary_determinant(grid, *arguments)
    changes = np.flatnonzero(values[1:] * values[:-1] < 0)
    roots = [
        brentq(lambda n: float(boundary_determinant(np.array([n]), *arguments)[0]), grid[k], grid[k + 1], xtol=1e-15)
        for k in changes
    ]
    return np.array(roots[::-1])


def _from_list(fibre: StepIndexFibre, order: int) -> np.ndarray:
    return np.array([mode.n_eff for mode in fibre.modes(1.55) if int(mode.name[2]) == order])


def _register_rod(name: str, core: float, cladding: float, radius: float) -> None:
    @case(
        f"fibres.{name}", source="continuity of the four tangential fields, with scipy's Bessel functions", kind="peer"
    )
    @in_float64
    def compare() -> Evidence:
        fibre, worst = StepIndexFibre(radius, core, cladding), 0.0
        for order in range(4):
            mine, theirs = _from_list(fibre, order), boundary_indices(core, cladding, radius, 1.55, order)
            worst = math.inf if len(mine) != len(theirs) else max(worst, *np.abs(mine - theirs), 0.0)
        return Evidence(float(worst), 0.0, 1e-10)


_register_rod("silica_rod", 1.444, 1.0, 1.0)
_register_rod("silicon_rod", 3.476, 1.0, 0.5)


@case("fibres.lp01", source="u J1(u) / J0(u) = w K1(w) / K0(w), with scipy's Bessel functions", kind="peer")
@in_float64
def lp01() -> Evidence:
    """Largest difference of the effective index of LP01 for V from 0.8 to 20, core 1.45, cladding 1.444."""
    worst, aperture = 0.0, math.sqrt(1.45**2 - 1.444**2)

    def excess(u: float, v: float) -> float:
        w = math.sqrt(v * v - u * u)
        return u * special.j1(u) * special.k0e(w) - w * special.k1e(w) * special.j0(u)

    for v in (0.8, 1.5, 2.4, 5.0, 20.0):
        fibre = StepIndexFibre(v * 1.55 / (2.0 * math.pi * aperture), 1.45, 1.444)
        last = min(v, float(special.jn_zeros(0, 1)[0])) * (1.0 - 1e-12)
        u = float(brentq(excess, 1e-6, last, args=(v,), xtol=1e-15))  # type: ignore[arg-type]
        expected = math.sqrt(1.45**2 - (u * aperture / v) ** 2)
        worst = max(worst, abs(float(fibre.n_eff(1.55, "LP01")) - expected))
    return Evidence(worst, 0.0, 1e-13)


@case("fibres.weak_guidance", source=f"{SNYDER_LOVE}: corrections to LP01 are of order delta", kind="analytic")
@in_float64
def weak_guidance() -> Evidence:
    """Power of delta with which the normalised index b of HE11 goes to that of LP01, at V = 2.4."""
    gaps = []
    for delta in (1e-3, 1e-4):
        core = 1.444 / math.sqrt(1.0 - 2.0 * delta)
        aperture = math.sqrt(core**2 - 1.444**2)
        fibre = StepIndexFibre(2.4 * 1.55 / (2.0 * math.pi * aperture), core, 1.444)
        exact, scalar = (float(fibre.n_eff(1.55, mode)) for mode in ("HE11", "LP01"))
        gaps.append((scalar**2 - exact**2) / aperture**2)
    return Evidence(math.log10(gaps[0] / gaps[1]), 1.0, 0.01)


@case("fibres.second_mode", source="TE01 is cut off at the first zero of J0", kind="analytic")
@in_float64
def second_mode() -> Evidence:
    """Normalised frequency of the fibre at the cut-off wavelength of TE01, dispersion of silica included."""
    fibre = StepIndexFibre.smf28_like()
    return Evidence(float(fibre.v_number(fibre.cutoff_wavelength("TE01"))), 2.404825557695773, 1e-12)


@case("fibres.marcuse", source=f"{MARCUSE}, within 1 % for V from 1.2 to 2.4", kind="published")
@in_float64
def marcuse() -> Evidence:
    """Largest relative difference of the Gaussian mode radius from the fit, for V from 1.2 to 2.4."""
    aperture = math.sqrt(1.45**2 - 1.444**2)
    v = np.linspace(1.2, 2.4, 13)
    wl = 2.0 * math.pi * 4.0 * aperture / v
    mine = np.asarray(StepIndexFibre(4.0, 1.45, 1.444).mode_field_diameter(wl, "gaussian")) / 8.0
    return Evidence(float(np.max(np.abs(mine / (0.65 + 1.619 * v**-1.5 + 2.879 * v**-6) - 1.0))), 0.0, 0.01)


def _register_diameter(definition: str, wl: float) -> None:
    stated, tolerance, source = DIAMETERS[wl]
    name = f"fibres.diameter_{definition}_{round(1000 * wl)}"

    @case(name, source=f"{source}: mode field diameter at {wl:g} um", kind="published")
    @in_float64
    def compare() -> Evidence:
        value = float(StepIndexFibre.smf28_like().mode_field_diameter(wl, definition))
        return Evidence(value, stated, tolerance, "um")


for _definition in ("petermann2", "gaussian"):
    for _wl in DIAMETERS:
        _register_diameter(_definition, _wl)


@case("fibres.group_index", source=f"{ULTRA}: effective group index 1.4682 at 1550 nm", kind="published", is_long=True)
@in_float64
def group_index() -> Evidence:
    """Group index of HE11 of 4.1 um and 0.36 % over pure fused silica."""
    return Evidence(float(StepIndexFibre.smf28_like().n_g(1.55)), 1.4682, 5e-4)


@case(
    "fibres.dispersion",
    source="at most 18 ps/(nm km) at 1550 nm, Corning SMF-28e+ (second hand); at least 13.3, ITU-T G.652 (unconfirmed)",
    kind="range",
    is_long=True,
)
@in_float64
def dispersion() -> Evidence:
    """Dispersion of HE11 of 4.1 um and 0.36 % over pure fused silica at 1550 nm."""
    value = float(StepIndexFibre.smf28_like().dispersion_ps_nm_km(1.55))
    return Evidence(value, (13.3, 18.0), 0.0, "ps/(nm km)")


@case("fibres.zero_dispersion", source=f"{G652}: 1300 to 1324 nm", kind="range", is_long=True)
@in_float64
def zero_dispersion() -> Evidence:
    """Wavelength of zero dispersion; a pure silica core lies a little below the doped one of a real fibre."""
    fibre = StepIndexFibre.smf28_like()
    zero = brentq(lambda wl: float(fibre.dispersion_ps_nm_km(wl)), 1.25, 1.4, xtol=1e-7)
    return Evidence(float(zero), (1.300, 1.324), 0.005, "um")  # type: ignore[arg-type]


@case("fibres.float32", source="the same in float64", kind="analytic")
def float32() -> Evidence:
    """Largest difference of the effective indices of all modes of a silica rod."""
    results = []
    for name in ("float32", "float64"):
        with in_precision(name):
            results.append(np.array([mode.n_eff for mode in StepIndexFibre(1.0, 1.444, 1.0).modes(1.55)]))
    return Evidence(float(np.max(np.abs(results[0] - results[1]))), 0.0, 1e-6)
