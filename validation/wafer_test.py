"""Batched fits of measured wafers: error bars that hold, measured rings, hostile files, maps of width and thickness."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from photonics_core.fit import RingFit, decide_series, fit_ring
from photonics_core.index_map import IndexMap
from photonics_core.spectra import SpectrumError
from photonics_core.validation.data import openebl
from photonics_core.validation.hostile_files import mutated_folder
from photonics_core.validation.precision import in_float64
from photonics_core.validation.recovered_wafer import RecoveredWafer, recover_wafer
from photonics_core.validation.registry import Evidence, case
from photonics_core.validation.synthetic_wafers import (
    RADIUS,
    Truth,
    made_dimensions,
    resonances,
    spectra,
    toy_index,
    true_estimates,
)
from photonics_core.wafer_fit import WaferFit, fit_folder, fit_spectra
from photonics_core.wafer_map import extract_dimensions, field_covariance, fit_wafer_map

SYNTHETIC = "1000 rings of known truth for each of two kinds of noise, 20 dB/cm and a power coupling of 0.08"
MEASURED = "openEBL-2024-10 spectra (SiEPIC, MIT); figures read from them by hand"
#: Power coupling and its relative tolerance by nitride ring, as in the measured cases of `rings`.
COUPLING = {
    "r25_gap300": 0.402,
    "r25_gap500": 0.152,
    "r25_gap900": 0.0165,
    "r25_gap1100": 0.0058,
    "r50_gap500": 0.258,
    "r50_gap700": 0.100,
    "r50_gap900": 0.032,
}


@functools.cache
def pulls(add_drop: bool, constant: bool, count: int = 1000) -> dict[str, np.ndarray]:
    """Errors in units of the standard errors that are stated, by estimate: of lines, and of devices (`weighted`)."""
    chance = np.random.default_rng(3)
    truth = Truth(2.4 + 0.01 * chance.normal(size=count), 4.2 + 0.01 * chance.normal(size=count), 20.0, 0.08)
    measured = spectra(truth, add_drop=add_drop, constant=constant, seed=5 + 2 * add_drop + constant)
    fit = fit_spectra(measured, radius=RADIUS, regime="over")
    if fit.bad:
        raise RuntimeError(f"{len(fit.bad)} of {count} spectra were not fitted: {fit.bad[0][1]}")
    exact = true_estimates(truth, add_drop)
    lines = [(i, line) for i, ring in enumerate(fit.fits) for line in ring.resonances]
    wl = np.array([line.wl for _, line in lines])
    owner = np.array([i for i, _ in lines])
    one_each = Truth(truth.n_eff[owner], truth.n_g[owner], truth.loss_db_cm, truth.power_coupling)
    found = {
        "wl": (wl - resonances(one_each, wl[:, None])[:, 0])
        / np.array([line.noise.wl_se for _, line in lines if line.noise])
    }
    for name in ("round_trip", "difference"):
        values = np.array([getattr(line, name) for _, line in lines])
        found[name] = (values - exact[name]) / np.array([getattr(line.noise, f"{name}_se") for _, line in lines])
    for name in ("n_g", "loss_db_cm", "power_coupling"):
        value, error = fit.values(name, weighted=True)
        found[name] = (value - exact[name]) / error
    return found


def _by_estimate(add_drop: bool, count: int) -> list[np.ndarray]:
    """Pulls of each estimate, of spectra with either kind of noise."""
    kinds = [pulls(add_drop, constant, count) for constant in (False, True)]
    return [np.concatenate([kind[name] for kind in kinds]) for name in kinds[0]]


def coverage(add_drop: bool, count: int = 1000) -> float:
    """Of all estimates, the share within one standard error that is furthest from 68 %."""
    shares = [np.mean(np.abs(pull) < 1.0) for pull in _by_estimate(add_drop, count)]
    return float(max(shares, key=lambda share: abs(share - 0.6827)))


def bias(add_drop: bool, count: int = 1000) -> float:
    """Of all estimates, the mean error in standard errors that is furthest from zero."""
    return float(max((np.mean(pull) for pull in _by_estimate(add_drop, count)), key=abs))


@case("wafer_test.coverage_all_pass", source=SYNTHETIC, kind="analytic", is_long=True)
@in_float64
def coverage_all_pass() -> Evidence:
    """Coverage of one standard error by wavelength, round trip, difference, n_g, loss and coupling: the worst."""
    return Evidence(coverage(False), 0.6827, 0.05)


@case("wafer_test.coverage_add_drop", source=SYNTHETIC, kind="analytic", is_long=True)
@in_float64
def coverage_add_drop() -> Evidence:
    """The same for rings between two guides."""
    return Evidence(coverage(True), 0.6827, 0.05)


@case("wafer_test.bias_all_pass", source=SYNTHETIC, kind="analytic", is_long=True)
@in_float64
def bias_all_pass() -> Evidence:
    """Mean error of the same estimates in standard errors: the worst."""
    return Evidence(bias(False), 0.0, 0.1)


@case("wafer_test.bias_add_drop", source=SYNTHETIC, kind="analytic", is_long=True)
@in_float64
def bias_add_drop() -> Evidence:
    """The same for rings between two guides."""
    return Evidence(bias(True), 0.0, 0.1)


@functools.cache
def measured_batch() -> tuple[WaferFit, dict[str, RingFit]]:
    """The measured folder in one batch, and the same rings one by one."""
    folder = openebl("MANIFEST.csv")[0].parent
    batch = fit_folder(folder)
    singles = {}
    for file in batch.files:
        try:
            singles[file.name] = fit_ring(file.path)
        except SpectrumError:
            continue
    decided = decide_series(list(singles.values()))
    return batch, dict(zip(singles, decided, strict=True))


def _ring(name: str) -> RingFit:
    batch, _ = measured_batch()
    return next(fit for file, fit in zip(batch.files, batch.fits, strict=True) if file.name == f"{name}.mat")


@case("wafer_test.measured_n_g", source=MEASURED, kind="measured", is_long=True)
@in_float64
def measured_n_g() -> Evidence:
    """Relative distance of n_g of seven silicon rings from 4.179 to 4.187 (C band) or 4.48 (O band): the worst."""
    distances = []
    for gap in (80, 90, 100):
        ring = _ring(f"si_add_drop_r10_gap{gap}")
        value = ring.n_g.value if ring.n_g else np.nan
        distances.append(max(4.179 - value, value - 4.187, 0.0) / 4.183)
    for site in (1, 2, 3, 4):
        ring = _ring(f"si_oband_add_drop_r10_gap160_site{site}")
        distances.append(abs((ring.n_g.value if ring.n_g else np.nan) / 4.48 - 1.0))
    return Evidence(float(np.max(distances)), 0.0, 0.003)


@case("wafer_test.measured_coupling", source=MEASURED, kind="measured", is_long=True)
@in_float64
def measured_coupling() -> Evidence:
    """Relative distance of the power coupling of seven nitride rings from the figures: the worst."""
    rings = [(_ring(f"sin_all_pass_{name}").power_coupling, value) for name, value in COUPLING.items()]
    return Evidence(max(abs((c.value if c else np.nan) / value - 1.0) for c, value in rings), 0.0, 0.10)


@case("wafer_test.measured_loss", source=MEASURED, kind="measured", is_long=True)
@in_float64
def measured_loss() -> Evidence:
    """Loss of the nitride rings of 25 um, mean weighted by the standard errors, in dB/cm."""
    losses = [_ring(f"sin_all_pass_{name}").loss_db_cm for name in COUPLING if name.startswith("r25")]
    known = [loss for loss in losses if loss is not None]
    mean = np.average([loss.value for loss in known], weights=[loss.se**-2 for loss in known])
    return Evidence(float(mean), 24.0, 0.5, "dB/cm")


@case("wafer_test.measured_q", source=MEASURED, kind="measured", is_long=True)
@in_float64
def measured_q() -> Evidence:
    """Relative distance of the loaded Q near 1548 nm of three silicon rings from the figures: the worst."""
    distances = []
    for gap, q in ((80, 6370.0), (90, 7550.0), (100, 9500.0)):
        lines = _ring(f"si_add_drop_r10_gap{gap}").resonances
        distances.append(abs(min(lines, key=lambda line: abs(line.wl - 1.548)).q / q - 1.0))
    return Evidence(max(distances), 0.0, 0.1)


@case("wafer_test.measured_one_by_one", source="the fit of single files, SciPy", kind="peer", is_long=True)
@in_float64
def measured_one_by_one() -> Evidence:
    """Largest difference of Q, n_g, loss and coupling of any measured file from its single fit, in standard errors."""
    batch, singles = measured_batch()
    worst = 0.0
    for file, fit in zip(batch.files, batch.fits, strict=True):
        for name in ("q", "n_g", "loss_db_cm", "power_coupling"):
            ours, theirs = getattr(fit, name), getattr(singles[file.name], name)
            if ours is not None and theirs is not None:
                worst = max(worst, abs(ours.value - theirs.value) / theirs.se)
    return Evidence(worst, 0.0, 0.5)


def unaccounted(count: int, seed: int = 0) -> int:
    """Of `count` mutated files, how many are neither fitted nor listed as bad; -1 if a sound one among them is lost."""
    with tempfile.TemporaryDirectory() as folder:
        sound = mutated_folder(Path(folder), count, seed)
        fit = fit_folder(folder, Path(folder) / "table.h5", radius=RADIUS)
        names = {file.name for file in fit.files} | {name for name, _ in fit.bad} | set(fit.ignored)
        if not sound <= {file.name for file in fit.files}:
            return -1
        on_disk = {path.name for path in Path(folder).iterdir() if path.name != "table.h5"}
        return len(on_disk - names)


@case("wafer_test.hostile_files", source="10 000 mutated .mat files and tables", kind="analytic", is_long=True)
@in_float64
def hostile_files() -> Evidence:
    """Files that are neither fitted nor listed; a crash or the loss of a sound file would fail the case."""
    return Evidence(float(unaccounted(10_000)), 0.0, 0.0)


@functools.cache
def _toy() -> IndexMap:
    return IndexMap.fit(toy_index, wl=(1.5, 1.6), temperature=300.0, width=(0.44, 0.56), height=(0.2, 0.24))


@case("wafer_test.dimensions_coverage", source="closed form of n_eff(width, height, wl)", kind="analytic", is_long=True)
@in_float64
def dimensions_coverage() -> Evidence:
    """Share of widths and thicknesses within one standard error, of 2000 rings whose orders are right."""
    made = made_dimensions(2000, width_sd=0.002, height_sd=0.0005, wl_se=1e-6, n_g_se=1e-3, seed=1)
    found = extract_dimensions(_toy(), made.wl, made.n_g, made.length, wl_se=1e-6, n_g_se=1e-3)
    pull = np.stack([(found.width - made.width) / found.width_se, (found.thickness - made.height) / found.thickness_se])
    return Evidence(float(np.mean(np.abs(pull[:, found.order == made.order]) < 1.0)), 0.6827, 0.05)


@case("wafer_test.orders_right", source="closed form of n_eff(width, height, wl)", kind="analytic", is_long=True)
@in_float64
def orders_right() -> Evidence:
    """Share of orders that are found right, of guides that vary by 2 nm and 0.5 nm: shifts within half a range."""
    made = made_dimensions(2000, width_sd=0.002, height_sd=0.0005, wl_se=1e-6, n_g_se=1e-3, seed=1)
    found = extract_dimensions(
        _toy(), made.wl, made.n_g, made.length, wl_se=1e-6, n_g_se=1e-3, width_spread=0.002, thickness_spread=0.0005
    )
    return Evidence(float(np.mean(found.order == made.order)), (0.98, 1.0), 0.0)


@case("wafer_test.map_coverage", source="draws of the field that the map assumes", kind="analytic")
def map_coverage() -> Evidence:
    """Share of true values within one predicted standard deviation, at 400 places between 150 devices."""
    chance = np.random.default_rng(2)
    places = chance.uniform(-75e3, 75e3, (550, 2))
    covariance = field_covariance(places, places, 1.0, 25e3, "gaussian") + 1e-9 * np.eye(550)
    root, inside = np.linalg.cholesky(covariance), []
    for _ in range(40):
        true = root @ chance.normal(size=550) + 2.0 * (places[:, 0] / 75e3) ** 2
        measured = true[:150] + 0.2 * chance.normal(size=150)
        value, sd = fit_wafer_map(places[:150], measured, 0.2, 1.0, 25e3).predict(places[150:])
        inside.append(np.mean(np.abs(value - true[150:]) < sd))
    return Evidence(float(np.mean(inside)), 0.6827, 0.05)


@functools.cache
def _wafer() -> RecoveredWafer:
    grid = np.arange(-60e3, 61e3, 15e3)
    places = np.array([(x, y) for x in grid for y in grid if np.hypot(x, y) < 70e3])
    return recover_wafer(_toy(), places, noise=0.05)


@case(
    "wafer_test.recovered_width",
    source="a drawn wafer, through spectra, lines, n_eff, n_g and map",
    kind="analytic",
    is_long=True,
)
@in_float64
def recovered_width() -> Evidence:
    """Error of the map of widths at 57 dies, root mean square in predicted standard deviations."""
    wafer = _wafer()
    value, sd = wafer.width_map.predict(wafer.places)
    return Evidence(float(np.sqrt(np.mean(((value - wafer.width) / sd) ** 2))), (0.6, 1.5), 0.0)


@case("wafer_test.recovered_thickness", source="the same wafer", kind="analytic", is_long=True)
@in_float64
def recovered_thickness() -> Evidence:
    """The same of thicknesses."""
    wafer = _wafer()
    value, sd = wafer.thickness_map.predict(wafer.places)
    return Evidence(float(np.sqrt(np.mean(((value - wafer.thickness) / sd) ** 2))), (0.6, 1.5), 0.0)
