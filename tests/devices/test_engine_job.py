"""The job `engine`, from its settings to its table, figures and results."""

import h5py
import pytest

from photonics_core.devices.engine_job import JOB
from photonics_core.devices.engine_settings import EngineSettings
from photonics_core.devices.engine_spec import EngineSpec
from photonics_core.jobs import JobError, read_job

FEW = {"channels": (8,), "spacings_ghz": (200.0,), "symbol_rates_gbd": (16.0, 32.0), "levels": (2,), "codes": ("none",)}


def test_settings_are_those_of_the_specification():
    spec = EngineSettings(rate_tbps=2.0, least_gap_um=0.1, **FEW).spec
    assert (spec.rate_tbps, spec.least_gap, spec.radii) == (2.0, 0.1, (3.0, 10.0))
    assert len(spec.all_candidates()) == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("rate_tbps=0", r"rate_tbps = 0: Input should be greater than 0"),
        ("radii_um=[8, 4]", r"radii_um = \[8, 4\]: the first has to be the least"),
        ("radii_um=[1, 4]", r"radii_um.0 = 1: Input should be greater than or equal to 2"),
        ("temperatures_k=[350, 300]", r"temperatures_k = \[350, 300\]: the first has to be the least"),
        ("channels=[]", r"channels = \[\]: there have to be 1 to 6 choices"),
        ("channels=[8, 40]", r"channels.1 = 40: Input should be less than or equal to 32"),
        ("levels=3", r"levels.0 = 3: Input should be 2 or 4"),
        ("codes=['RS7']", r"codes.0 = 'RS7': Input should be 'none', 'KR4' or 'KP4'"),
        ("colour='red'", r"colour = 'red'"),
        ("technology.speed=3", r"technology = .*: speed is none of responsivity, "),
        ("technology.joint_db=-1", r"technology = .*: joint_db = -1 is outside \[0, "),
    ],
)
def test_wrong_settings_are_named(setting, message):
    with pytest.raises(JobError, match=message):
        read_job("engine", [setting])


def test_a_choice_by_itself_and_a_technology():
    settings = read_job("engine", ["channels=8", "codes=none", "technology.heater_nm_mw=0.5"])[1]
    assert isinstance(settings, EngineSettings)
    assert (settings.spec.channels, settings.spec.codes) == ((8,), ("none",))
    assert float(settings.devices.heater_nm_mw) == 0.5
    assert EngineSettings().spec == EngineSpec()


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
        assert any("energy" in name for name in file.keys())  # noqa: SIM118 - a file of h5py is no dictionary
