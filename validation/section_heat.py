"""Heat across a guide: finite volumes beside the modes of layers, and both beside finite elements of a library."""

import itertools
from typing import Any

import numpy as np

from photonics_core.section_heat import SectionArea, SectionHeat, SectionPiece
from photonics_core.thermal_stack import Convection, FixedTemperature, Layer, ThermalRegion, ThermalStack
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Absent, Evidence, case

STACK = ThermalStack(
    (
        Layer.of("substrate", "silicon", 20.0),
        Layer.of("buried oxide", "silica", 2.0),
        Layer.of("film", "silicon film", 0.22),
        Layer.of("oxide", "silica", 2.0),
        Layer.of("heaters", "silica", 0.2),
        Layer.of("cover", "silica", 0.8),
    ),
    FixedTemperature(),
    Convection(1e4),
)
WIDTH = 30.0
HEATER, GUIDE = SectionArea((-1.0, 1.0), (24.22, 24.42)), SectionArea((2.75, 3.25), (22.0, 22.22))
UNDER = SectionArea((-0.25, 0.25), (22.0, 22.22))
TRENCHES = tuple(SectionPiece(SectionArea(x, (20.0, 25.22)), 0.026) for x in ((-5.0, -4.0), (4.0, 5.0)))
#: Height from which finite elements are counted in um.
ORIGIN = 23.0
ELEMENTS = "scikit-fem, biquadratic elements, 20 between two lines"


def _by_modes(probe: SectionArea) -> float:
    """By cosines across the window, each through the layers."""
    n = np.arange(6000)
    wavenumber = n * np.pi / WIDTH

    def across(area: SectionArea) -> np.ndarray:
        low, high = area.x
        return np.cos(0.5 * wavenumber * (low + high + WIDTH)) * np.sinc(0.5 * wavenumber * (high - low) / np.pi)

    regions = ThermalRegion(None, "heaters"), ThermalRegion(None, "film")
    through = np.asarray(STACK.transfer(wavenumber, *regions))
    return float(np.sum(np.where(n == 0, 1.0, 2.0) * through * across(HEATER) * across(probe)) / WIDTH)


def _by_elements(pieces: tuple[SectionPiece, ...], probe: SectionArea) -> float:
    try:
        import skfem
    except ImportError:
        raise Absent("scikit-fem is not installed (pip install scikit-fem)") from None
    faces = list(itertools.accumulate((layer.thickness for layer in STACK.layers), initial=0.0))
    areas = (HEATER, probe, *(piece.area for piece in pieces))
    x = _graded([-0.5 * WIDTH, 0.5 * WIDTH, *(float(side) for area in areas for side in area.x)])
    y = _graded([*map(float, faces), *(float(side) for area in areas for side in area.y)])
    # The origin where cells are smallest: the library looks for points of a cell to 1e-12 of its size.
    mesh = skfem.MeshQuad.init_tensor(x, y - ORIGIN)
    middle = mesh.p[:, mesh.t].mean(axis=1) + np.asarray([[0.0], [ORIGIN]])
    k = 1e-3 * np.asarray([layer.conductivity for layer in STACK.layers])[np.searchsorted(faces, middle[1]) - 1]
    for piece in pieces:
        k = np.where(_inside(piece.area, middle), 1e-3 * piece.conductivity, k)
    basis = skfem.Basis(mesh, skfem.ElementQuad2())
    top = skfem.FacetBasis(
        mesh, skfem.ElementQuad2(), facets=mesh.facets_satisfying(lambda p: p[1] > faces[-1] - ORIGIN - 1e-9)
    )

    @skfem.BilinearForm
    def conduction(u: Any, v: Any, w: Any) -> Any:
        return w["k"] * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1])

    @skfem.BilinearForm
    def convection(u: Any, v: Any, _: Any) -> Any:
        return 1e-9 * 1e4 * u * v

    def mean(area: SectionArea) -> Any:
        """The functional of the mean over an area."""
        inside = skfem.Basis(mesh, skfem.ElementQuad2(), elements=np.flatnonzero(_inside(area, middle)))
        size = (area.x[1] - area.x[0]) * (area.y[1] - area.y[0])
        return skfem.LinearForm(lambda v, _: v / size).assemble(inside)

    matrix = conduction.assemble(basis, k=np.tile(k[:, None], basis.dx.shape[1])) + convection.assemble(top)
    cold = basis.get_dofs(mesh.facets_satisfying(lambda p: p[1] < 1e-9 - ORIGIN))
    rise = skfem.solve(*skfem.condense(matrix, mean(HEATER), D=cold))
    return float(mean(probe) @ rise)


def _graded(lines: list[float]) -> np.ndarray:
    known = np.unique(np.round(lines, 9))
    parts = 0.5 - 0.5 * np.cos(np.pi * np.arange(20) / 20)
    return np.append((known[:-1, None] + np.diff(known)[:, None] * parts).ravel(), known[-1])


def _inside(area: SectionArea, points: np.ndarray) -> np.ndarray:
    return np.logical_and.reduce([(p > lo) & (p < hi) for p, (lo, hi) in zip(points, (area.x, area.y), strict=True)])


@case(
    "section_heat.layers",
    source="cosines across the window, each through the layers exactly",
    kind="analytic",
    is_long=True,
)
@in_float64
def layers() -> Evidence:
    """Relative difference under the heater and 3 um beside it."""
    section = SectionHeat(STACK, WIDTH, divisions=16)
    errors = [float(section.resistance(HEATER, probe)) / _by_modes(probe) - 1.0 for probe in (GUIDE, UNDER)]
    return Evidence(max(map(abs, errors)), 0.0, 0.01)


@case("section_heat.layers_by_elements", source=ELEMENTS, kind="peer", is_long=True)
@in_float64
def layers_by_elements() -> Evidence:
    """Relative difference of the modes of the layers under the heater and beside it."""
    errors = [_by_modes(probe) / _by_elements((), probe) - 1.0 for probe in (GUIDE, UNDER)]
    return Evidence(max(map(abs, errors)), 0.0, 1e-3)


@case("section_heat.trenches_by_elements", source=ELEMENTS, kind="peer", is_long=True)
@in_float64
def trenches_by_elements() -> Evidence:
    """Relative difference of the finite volumes with a trench on either side."""
    section = SectionHeat(STACK, WIDTH, TRENCHES, divisions=16)
    errors = [
        float(section.resistance(HEATER, probe)) / _by_elements(TRENCHES, probe) - 1.0 for probe in (GUIDE, UNDER)
    ]
    return Evidence(max(map(abs, errors)), 0.0, 0.01)


def _heating(undercut: tuple[SectionPiece, ...]) -> float:
    """Rise of a guide for each mW/um in a film of 2 um 2 um over it, in K um/mW."""
    layers = (
        Layer.of("substrate", "silicon", 50.0),
        Layer.of("buried oxide", "silica", 2.0),
        Layer.of("film", "silica", 0.22),
        Layer.of("oxide", "silica", 2.78),
    )
    section = SectionHeat(ThermalStack(layers, FixedTemperature(), Convection(10.0)), 160.0, undercut, divisions=10)
    film, guide = SectionArea((-1.0, 1.0), (54.22, 54.32)), SectionArea((-0.25, 0.25), (52.0, 52.22))
    return float(section.resistance(film, guide))


@case(
    "section_heat.undercut",
    source="papers on heaters over an undercut report roughly an order less power: a range check",
    kind="range",
    is_long=True,
)
@in_float64
def undercut() -> Evidence:
    """Rise of a guide over that on silicon, for 5 um of oxide that spans 60 um of air, 10 um deep.

    Without a third dimension all heat leaves along the bridge of oxide; trenches beside it, which this leaves out, make
    the ratio larger, and a short bridge held at its ends smaller.
    """
    air = (SectionPiece(SectionArea((-30.0, 30.0), (40.0, 50.0)), 0.026),)
    return Evidence(_heating(air) / _heating(()), (4.0, 25.0), 0.0)


@case("section_heat.energy", source="what is put in leaves at the bottom and at the top", kind="analytic", is_long=True)
@in_float64
def energy() -> Evidence:
    """Power that leaves less that put in, with trenches and conductivities that fall with temperature."""
    section = SectionHeat(STACK, WIDTH, TRENCHES, (1.3, 0.0, 1.0, 0.0, 0.0, 0.0), divisions=8)
    field = section.solve(HEATER, 2.0)
    return Evidence(float(field.bottom_power + field.top_power), 2.0, 1e-10, "mW/um")
