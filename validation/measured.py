"""Measured cases: public openEBL spectra, fitted by `photonics_core.fit`, beside figures read from them by hand."""

import functools
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from photonics_core.coupler_fit import fit_coupled_pair
from photonics_core.fit import RingFit, fit_ring, fit_series
from photonics_core.validation.data import openebl
from photonics_core.validation.registry import Absent, Evidence, case

SOURCE = "openEBL-2024-10 spectra (SiEPIC, MIT)"
NITRIDE_SOURCE = "openEBL-2024-10-SiN spectra (SiEPIC, MIT)"

T = TypeVar("T")

_NITRIDE = (
    *(f"sin_all_pass_r25_gap{gap}.mat" for gap in (300, 500, 900, 1100)),
    *(f"sin_all_pass_r50_gap{gap}.mat" for gap in (500, 700, 850, 900)),
    "sin_all_pass_r20_gap850.mat",
    "sin_all_pass_r30_gap850.mat",
)


@functools.cache
def silicon(name: str) -> RingFit:
    """Fit of one silicon ring by file name."""
    return fit_ring(openebl(name)[0])


@functools.cache
def nitride() -> dict[tuple[int, int], RingFit]:
    """Fits of all nitride rings by (radius um, gap nm), their regimes decided together."""
    fits = fit_series(openebl(*_NITRIDE))
    return {(round(_known(fit.radius)), round(1e3 * _known(fit.gap))): fit for fit in fits}


def _measured(
    name: str, reference: float | tuple[float, float], tolerance: float, unit: str = "", source: str = SOURCE
) -> Callable[[Callable[[], float]], Callable[[], Evidence]]:
    def register(value: Callable[[], float]) -> Callable[[], Evidence]:
        return case(f"rings.{name}", source=source, kind="measured")(
            lambda: Evidence(float(value()), reference, tolerance, unit)
        )

    return register


def _q_near(fit: RingFit, wl: float) -> float:
    return min(fit.resonances, key=lambda resonance: abs(resonance.wl - wl)).q


def _register_silicon() -> None:
    for gap, q in ((80, 6370.0), (90, 7550.0), (100, 9500.0)):
        file = f"si_add_drop_r10_gap{gap}.mat"

        def group_index(file: str = file) -> float:
            return _known(silicon(file).n_g).value

        def q_near_1548(file: str = file) -> float:
            return _q_near(silicon(file), 1.548)

        _measured(f"silicon_gap{gap}_n_g", (4.179, 4.187), 0.003 * 4.18)(group_index)
        _measured(f"silicon_gap{gap}_q", q, 0.1 * q)(q_near_1548)
    for site in (1, 2, 3, 4):
        _measured(f"o_band_site{site}_n_g", 4.48, 0.003 * 4.48)(
            lambda site=site: _known(silicon(f"si_oband_add_drop_r10_gap160_site{site}.mat").n_g).value
        )


_COUPLING = {
    (25, 300): (0.402, 0.10, "over"),
    (25, 500): (0.152, 0.10, "over"),
    (25, 900): (0.0165, 0.10, "under"),
    (25, 1100): (0.0058, 0.10, "under"),
    (50, 500): (0.258, 0.10, "over"),
    (50, 700): (0.100, 0.10, "over"),
    (50, 900): (0.032, 0.10, "over"),
}


def _register_nitride() -> None:
    for (radius, gap), (coupling, relative, regime) in _COUPLING.items():
        label = f"nitride_r{radius}_gap{gap}"

        def ring(radius: int = radius, gap: int = gap) -> RingFit:
            return nitride()[radius, gap]

        def regime_is(ring: Callable[[], RingFit] = ring, regime: str = regime) -> float:
            return float(ring().regime == regime)

        def coupling_of(ring: Callable[[], RingFit] = ring) -> float:
            return _known(ring().power_coupling).value

        _measured(f"{label}_coupling", coupling, relative * coupling, "", NITRIDE_SOURCE)(coupling_of)
        _measured(f"{label}_regime_{regime}", 1.0, 0.0, "", NITRIDE_SOURCE)(regime_is)
    _measured("nitride_r25_loss", 24.0, 0.5, "dB/cm", NITRIDE_SOURCE)(lambda: _family_loss(25))
    _measured("nitride_r50_loss", (1.5, 1.8), 0.0, "dB/cm", NITRIDE_SOURCE)(lambda: _family_loss(50))
    for gap, q in ((500, 8.1e3), (700, 2.1e4), (900, 5.4e4)):
        _measured(f"nitride_r50_gap{gap}_q", q, 0.1 * q, "", NITRIDE_SOURCE)(
            lambda gap=gap: _known(nitride()[50, gap].q).value
        )
    for radius, loss in ((20, 63.0), (30, 6.8), (50, 1.75)):
        _measured(f"nitride_bend_loss_r{radius}", loss, 0.2 * loss, "dB/cm", NITRIDE_SOURCE)(
            lambda radius=radius: _known(nitride()[radius, 850].loss_db_cm).value
        )


def _family_loss(radius: int) -> float:
    """Loss of the rings of one radius, which differ by their gap alone: the mean, weighted by the standard errors."""
    losses = [_known(nitride()[key].loss_db_cm) for key in _COUPLING if key[0] == radius]
    return float(np.average([loss.value for loss in losses], weights=[loss.se**-2 for loss in losses]))


def _known(value: T | None) -> T:
    """A value that the data decided; where they could not, the case is skipped."""
    if value is None:
        raise Absent("a decision by the data: both readings fit the series")
    return value


_register_silicon()
_register_nitride()


@case("rings.silicon_fsr_low", source=SOURCE, kind="measured")
def silicon_fsr_low() -> Evidence:
    """Smallest free spectral range of the three silicon rings from 1530 to 1567 nm, in nm."""
    return Evidence(1e3 * min(_silicon_spacings()), 8.97, 0.01, "nm")


@case("rings.silicon_fsr_high", source=SOURCE, kind="measured")
def silicon_fsr_high() -> Evidence:
    """Largest free spectral range of the same rings, in nm."""
    return Evidence(1e3 * max(_silicon_spacings()), 9.29, 0.01, "nm")


def _silicon_spacings() -> list[float]:
    rings = [silicon(f"si_add_drop_r10_gap{gap}.mat") for gap in (80, 90, 100)]
    return [float(x) for ring in rings for x in np.diff([r.wl for r in ring.resonances if r.wl < 1.568])]


@case("rings.o_band_fsr", source=SOURCE, kind="measured")
def o_band_fsr() -> Evidence:
    """Free spectral range of the O-band rings at the middle of their band, mean of four, in nm."""
    rings = [silicon(f"si_oband_add_drop_r10_gap160_site{site}.mat") for site in (1, 2, 3, 4)]
    return Evidence(1e3 * float(np.mean([_known(ring.fsr).value for ring in rings])), (6.16, 6.38), 0.0, "nm")


@case("rings.o_band_scatter", source=SOURCE, kind="measured")
def o_band_scatter() -> Evidence:
    """Standard deviation of one resonance over four neighbouring rings on a die, in nm."""
    rings = [silicon(f"si_oband_add_drop_r10_gap160_site{site}.mat") for site in (1, 2, 3, 4)]
    near = [min((r.wl for r in ring.resonances), key=lambda wl: abs(wl - 1.3194)) for ring in rings]
    return Evidence(1e3 * float(np.std(near)), 0.16, 0.02, "nm")


@case("rings.coupled_pair_splitting", source=NITRIDE_SOURCE, kind="measured")
def coupled_pair_splitting() -> Evidence:
    """Splitting of the dips of two coupled nitride rings of 50.00 um, in nm, mean from 1548 to 1561 nm."""
    return Evidence(1e3 * float(np.mean(np.diff(_doublets(), axis=1))), (0.555, 0.58), 0.005, "nm")


@case("rings.coupled_pair_fsr", source=NITRIDE_SOURCE, kind="measured")
def coupled_pair_fsr() -> Evidence:
    """Free spectral range of the same two rings in the same range, in nm."""
    return Evidence(1e3 * float(np.mean(np.diff(_doublets().mean(axis=1)))), 3.88, 0.02, "nm")


def _doublets() -> np.ndarray:
    fit = fit_coupled_pair(openebl("sin_crow2_r50p00_50p00_gap500.mat")[0], 50.0)
    return fit.wl[(fit.wl[:, 0] > 1.548) & (fit.wl[:, 1] < 1.561)]
