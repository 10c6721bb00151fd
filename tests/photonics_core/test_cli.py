import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photonics_core.cli import app


@pytest.fixture
def shell(monkeypatch):
    """Run the command in this process, on float64 arrays as the tests have them."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


def test_help_names_every_command_with_an_example(shell):
    top = shell("--help")
    assert top.exit_code == 0
    for command in ("run", "fit", "validate", "bench", "info"):
        assert command in top.output
        page = shell(command, "--help")
        assert page.exit_code == 0
        assert command == "info" or "Example: photonics-core" in page.output


def test_help_loads_nothing_heavy():
    heavy = "('jax', 'numpy', 'pydantic', 'scipy')"
    code = f"import sys; from photonics_core import cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_info_says_what_there_is(shell):
    result = shell("info")
    assert result.exit_code == 0
    for word in ("jax", "device", "precision", "float64", "wdm-transmitter"):
        assert word in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "no-such-job"), "job = 'no-such-job' is not one of engine, wdm-transmitter"),
        (("run", "wdm-transmitter", "--set", "channels=900"), "channels = 900"),
        (("run", "wdm-transmitter", "--set", "colour=red"), "colour = 'red'"),
        (("run", "wdm-transmitter", "--precision", "float16"), "precision = 'float16' is not one of"),
        (("run", "none.toml"), "none.toml cannot be read"),
        (("fit", "none.mat"), "none.mat"),
        (("validate", "no-such"), "subject = 'no-such' is not one of"),
        (("bench", "no-such"), "subject = 'no-such' is not one of"),
        (("run", "wdm-transmitter", "--out", "taken"), "out = taken is not a folder to write to"),
    ],
)
def test_mistakes_give_one_line_and_leave_nothing(shell, tmp_path: Path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("mine")
    result = shell(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert Path("taken").read_text() == "mine"


def test_a_gpu_that_is_not_there_is_a_clear_error(shell, tmp_path: Path):
    import jax

    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    result = shell("run", "wdm-transmitter", "--device", "gpu", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert 'device = "gpu" was asked for, but JAX sees only: cpu' in result.output
    assert "cuda13" in result.output
    assert not (tmp_path / "out").exists()


def test_validate_prints_json_lines(shell):
    result = shell("validate", "rings.thermal_drift", "--json")
    assert result.exit_code == 0
    row = json.loads(result.stdout.strip())
    assert set(row) >= {"case", "value", "reference", "tolerance", "pass", "source", "kind"}
    assert row["pass"] is True


def test_fit_prints_one_object_a_file(shell, openebl: Path):
    files = [openebl / f"si_add_drop_r10_gap{gap}.mat" for gap in (80, 100)]
    result = shell("fit", *files, "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.strip().splitlines()]
    assert [Path(row["file"]).name for row in rows] == [file.name for file in files]
    for row in rows:
        assert row["radius_um"] == 10.0
        for key in ("q", "fsr_nm", "n_g", "loss_db_cm", "power_coupling"):
            assert row[key] > 0 and row[f"{key}_se"] > 0
    table = shell("fit", *files)
    assert table.exit_code == 0
    assert "n_g" in table.output and "gap100" in table.output


def test_one_bad_file_does_not_cost_the_others(shell, openebl: Path, tmp_path: Path):
    bad = tmp_path / "bad.mat"
    bad.write_bytes(b"not a spectrum")
    result = shell("fit", openebl / "si_add_drop_r10_gap80.mat", bad, "--json")
    assert result.exit_code == 2
    good, failed = (json.loads(line) for line in result.stdout.strip().splitlines())
    assert good["n_g"] > 4 and failed["file"] == str(bad) and "bad.mat" in failed["error"]


def test_the_name_of_a_file_says_its_radius_before_the_option_does(shell, openebl: Path):
    result = shell("fit", openebl / "si_add_drop_r10_gap80.mat", "--radius", "25", "--json")
    assert json.loads(result.stdout)["radius_um"] == 10.0


def test_a_lone_all_pass_ring_shows_both_readings(shell, openebl: Path):
    table = shell("fit", openebl / "sin_all_pass_r25_gap500.mat").stdout
    assert "over?" in table and "under?" in table


def test_version(shell):
    import photonics_core

    assert shell("--version").stdout.strip() == photonics_core.__version__


def test_damaged_jobs_leave_no_results(shell, tmp_path: Path, monkeypatch):
    """Two hundred damaged files through the whole command: results are there exactly where it succeeded."""
    import random

    from photonics_core import jobs
    from photonics_core.devices.wdm_settings import WdmSettings

    stub = jobs.Job("wdm-transmitter", "", WdmSettings, lambda settings, out, say: (out / "done").write_text("x"))
    monkeypatch.setattr(jobs, "find_job", lambda name: stub)
    example = b'job = "wdm-transmitter"\nchannels = 8\nspacing_ghz = 200.0\n'
    generator, done = random.Random(3), 0
    for number in range(200):
        content = bytearray(example)
        for _ in range(generator.randint(0, 3)):
            content[generator.randrange(len(content))] = generator.randrange(256)
        (tmp_path / "job.toml").write_bytes(content)
        out = tmp_path / f"out{number}"
        result = shell("run", tmp_path / "job.toml", "--out", out)
        assert (result.exit_code, out.exists()) in ((0, True), (2, False)), result.output
        done += out.exists()
    assert 20 < done < 180


def test_work_that_fails_leaves_no_empty_folder(shell, tmp_path: Path, monkeypatch):
    from photonics_core import jobs
    from photonics_core.devices.wdm_settings import WdmSettings

    def fail(settings, out, say):
        raise ValueError("no such thing")

    monkeypatch.setattr(jobs, "find_job", lambda name: jobs.Job(name, "", WdmSettings, fail))
    result = shell("run", "wdm-transmitter", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "error: no such thing" in result.output
    assert not (tmp_path / "out").exists()
