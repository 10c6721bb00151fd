"""The job `engine`, from its settings to its table, figures and results."""

import h5py
import pytest

from photonics_core.devices.engine_job import JOB
from photonics_core.devices.engine_settings import EngineSettings
from photonics_core.jobs import JobError, read_job

FEW = {"channels": (8,), "spacings_ghz": (200.0,), "symbol_rates_gbd": (16.0, 32.0), "levels": (2,), "codes": ("none",)}


def test_settings_are_those_of_the_specification():
    spec = EngineSettings(rate_tbps=2.0, least_gap_um=0.1, **FEW).spec
    assert (spec.rate_tbps, spec.least_gap, spec.radii) == (2.0, 0.1, (4.0, 10.0))
    assert len(spec.all_candidates()) == 2


@pytest.mark.parametrize("setting", ["rate_tbps=0", "radii_um=[8, 4]", "codes=['RS7']", "colour='red'"])
def test_wrong_settings_are_named(setting):
    with pytest.raises(JobError, match=setting.split("=")[0].removesuffix("_um")):
        read_job("engine", [setting])


@pytest.mark.slow
def test_table_figures_and_results(tmp_path):
    said: list[str] = []
    JOB.run(EngineSettings(**FEW), tmp_path / "out", said.append)
    text = "\n".join(said)
    for word in ("8 x 32 GBd NRZ", "pJ/bit", "Tb/s/mm", "modulator heaters", "pluggable module", "better by 10 %"):
        assert word in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "error_ratio.png",
        "front.png",
        "losses.png",
        "results.h5",
        "sensitivities.png",
    }
    with h5py.File(tmp_path / "out" / "results.h5") as file:
        assert any("energy" in name for name in file)
