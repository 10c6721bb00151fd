from pathlib import Path

import h5py
import jax
import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from photonics_core.cross_section import CrossSection
from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.wdm_job import WdmSettings, bounds, build, run, starting_design
from photonics_core.fit import fit_ring
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import fundamental_mode


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> tuple[Path, str]:
    """A small run of the job: two channels, a few steps."""
    out, lines = tmp_path_factory.mktemp("wdm") / "out", []
    run(WdmSettings(channels=2, steps=80, temperatures_k=(300.0, 358.0)), out, lines.append)
    return out, "\n".join(lines)


@pytest.mark.slow
def test_the_report_shows_before_and_after(results):
    _, report = results
    for word in (
        "start (loss",
        "optimised in 80 steps",
        "pm/K",
        "crosstalk, worst (dB)",
        "mW 358K",
        "before",
        "after",
    ):
        assert word in report


def test_the_optimum_is_better_than_the_starting_design(results):
    with h5py.File(results[0] / "results.h5") as file:
        objective = file["history_objective"][:]
        assert objective.min() < objective[0] - 1.0
        assert file["after_heater_power"][:].mean() < 0.7 * file["before_heater_power"][:].mean()
        # A heater can only heat: at the highest temperature every ring is still below its line.
        assert np.all(file["after_followed_power"][:] > 0)


def test_the_file_opens_in_xarray_with_coordinates_and_units(results):
    with xr.open_dataset(results[0] / "results.h5", engine="h5netcdf") as data:
        through = data["after_through_zero"]
        assert through.dims == ("temperature", "wl")
        assert data["wl"].attrs["units"] == "um"
        assert data["after_heater_power"].attrs["units"] == "mW"
        np.testing.assert_allclose(data["temperature"], [300.0, 358.0])
        assert 0 < float(through.min()) < 0.5 < float(through.max()) <= 1


def test_only_whole_files_are_there(results):
    assert sorted(path.name for path in results[0].iterdir()) == ["design.png", "results.h5", "spectra.png"]
    for name in ("design.png", "spectra.png"):
        content = (results[0] / name).read_bytes()
        assert content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB`\x82")


def test_starting_design_follows_the_lines_and_lies_within_its_bounds():
    settings = WdmSettings()
    start = starting_design(settings)
    transmitter = build(settings, start)
    resonances = [float(ring) for ring in np.asarray(transmitter.heater_power())]
    assert max(resonances) - min(resonances) < 0.5  # mW: all rings are equally far from their lines
    lower, upper = bounds(settings, start)
    for name, values in start.items():
        assert np.all(lower[name] <= values) and np.all(values <= upper[name])


def test_a_comb_wider_than_the_free_spectral_range_is_refused():
    with pytest.raises(ValidationError, match="more than the free spectral range"):
        WdmSettings(radius_um=10.0)


@pytest.mark.slow
def test_the_index_and_its_thermo_optic_constants_are_those_of_the_solved_strip():
    section = CrossSection.strip(0.35, 0.22, SILICON, SILICA)

    @jax.jit
    def solved(temperature):
        index = lambda t: fundamental_mode(section, 1.31, t, accuracy="fast").n_eff  # noqa: E731
        return jax.value_and_grad(index)(temperature)

    (n_eff, cold), (_, hot) = solved(300.0), solved(350.0)
    np.testing.assert_allclose(n_eff, silicon.O_BAND_EFFECTIVE_INDEX, atol=2e-4)
    np.testing.assert_allclose(cold, silicon.O_BAND_THERMO_OPTIC, rtol=1e-3)
    np.testing.assert_allclose((hot - cold) / 50.0, silicon.O_BAND_THERMO_OPTIC_SLOPE, rtol=1e-2)


def test_coupling_per_length_gives_back_the_measured_coupling():
    coupler = silicon.o_band_coupler(silicon.O_BAND_GAP, 10.0)
    coupling = float(coupler.power_coupling(silicon.O_BAND_WAVELENGTH))
    np.testing.assert_allclose(coupling, silicon.O_BAND_POWER_COUPLING, rtol=5e-3)


def test_typed_numbers_are_those_of_the_measured_rings(openebl: Path):
    """The constants the transmitter starts from, fitted afresh from the spectra."""
    sites = [fit_ring(openebl / f"si_oband_add_drop_r10_gap160_site{n}.mat") for n in (1, 2, 3, 4)]
    np.testing.assert_allclose(np.mean([s.n_g.value for s in sites]), silicon.O_BAND_GROUP_INDEX, atol=3e-3)
    coupling = np.median([s.power_coupling.value for s in sites])
    np.testing.assert_allclose(coupling, silicon.O_BAND_POWER_COUPLING, atol=2e-3)
    np.testing.assert_allclose(np.mean([np.mean(s.band) for s in sites]), silicon.O_BAND_WAVELENGTH, atol=1e-3)

    small = fit_ring(openebl / "si_add_drop_r5_gap80.mat")
    assert abs(small.loss_db_cm.value - silicon.LOSS_DB_CM) < 2 * small.loss_db_cm.se

    gaps = np.array([0.08, 0.09, 0.10])
    rings = [fit_ring(openebl / f"si_add_drop_r10_gap{round(1e3 * gap)}.mat") for gap in gaps]
    angles = np.arcsin(np.sqrt([ring.power_coupling.value for ring in rings]))
    decay = -1.0 / np.polyfit(gaps, np.log(angles), 1)[0]
    np.testing.assert_allclose(decay, silicon.C_BAND_DECAY_LENGTH, atol=8e-3)
    growth = angles[0] / np.arcsin(np.sqrt(small.power_coupling.value))
    np.testing.assert_allclose(growth, 1.37, atol=0.04)
