import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photonics_core.cli import app
from photonics_core.shell_session import results_folder


@pytest.fixture
def shell(monkeypatch):
    """Run the command in this process, on float64 arrays as the tests have them."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


COMMANDS = ("run", "sweep", "yield", "verify", "merge", "fit", "validate", "bench", "info")
#: What the help of `sweep` and of `yield` show, as files.
MODULE, GRID, DIES = "my_sweeps.py", "q.toml", "dies.toml"


def test_help_names_every_command_and_every_exit_code(shell):
    top = shell("--help")
    assert top.exit_code == 0
    for word in (*COMMANDS, "0    done", "1    a validation case failed", "2    bad input", "130  stopped by Ctrl-C"):
        assert word in top.output


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_in_lines_that_can_be_copied(shell, command):
    page = shell(command, "--help")
    assert page.exit_code == 0
    examples = [line for line in page.output.splitlines() if f"photonics-core {command} " in line]
    assert examples or "photonics-core info" in page.output
    assert "\b" not in page.output and "│" not in page.output


def _listing(page, start):
    """The indented lines that follow the line `start` of a help page."""
    lines = page.splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip() == start) + 1
    length = next(n for n, line in enumerate(lines[first:]) if not line.startswith("    "))
    return "\n".join(line[4:] for line in lines[first : first + length]) + "\n"


@pytest.mark.slow
def test_the_examples_of_sweeps_run_as_they_are_printed(shell, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep, dies = shell("sweep", "--help").output, shell("yield", "--help").output
    Path(MODULE).write_text(_listing(sweep, "and my_sweeps.py beside it:"))
    Path(GRID).write_text(_listing(sweep, "with q.toml:"))
    Path(DIES).write_text(
        _listing(dies, "with dies.toml, and the function of `photonics-core sweep --help`:").replace("1000", "20")
    )
    assert shell("sweep", GRID, "--out", "results/q").exit_code == 0
    verified = shell("verify", "results/q", "--json")
    row = json.loads(verified.stdout)
    assert verified.exit_code == 0 and row["complete"] and row["chunks"] == len(row["whole"]) == 1
    assert shell("merge", "results/q", "q.h5").exit_code == 0 and Path("q.h5").is_file()
    found = json.loads(shell("yield", DIES, "--out", "results/dies", "--json").stdout.splitlines()[-1])
    assert found["total"] == 20 and set(found["limits"]) == {"q"}
    next(Path("results/q/parts").glob("*.h5")).unlink()
    verified = shell("verify", "results/q", "--json")
    assert verified.exit_code == 1 and json.loads(verified.stdout)["missing"] == [0]


def test_help_and_completion_load_nothing_heavy():
    heavy = "('jax', 'numpy', 'pydantic', 'scipy', 'rich')"
    ask = "shell_completion.complete_subjects('validate')('fil'), shell_completion.complete_jobs('wdm')"
    code = (
        "import sys; from photonics_core import cli, shell_completion; "
        f"print({ask}, [m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['films'] ['wdm-transmitter'] []"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("run w", ["wdm-transmitter"]),
        ("run j", ["job.toml"]),
        ("validate rings fil", ["films"]),
        ("bench rin", ["rings"]),
        ("fit x.mat --device g", ["gpu"]),
        ("sweep x.toml --precision float3", ["float32"]),
    ],
)
def test_the_shell_completes(monkeypatch, tmp_path: Path, line, found):
    monkeypatch.chdir(tmp_path)
    Path("job.toml").write_text("")
    words = ["photonics-core", *line.split()]
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    monkeypatch.setenv("_PHOTONICS_CORE_COMPLETE", "complete_bash")
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, [], prog_name="photonics-core")
    assert done.output.split() == found


def test_info_says_what_there_is(shell):
    result = shell("info")
    assert result.exit_code == 0
    for word in ("jax", "device", "precision", "float64", "wdm-transmitter", "LAPACK", "cache", "cluster"):
        assert word in result.output


def test_info_as_json(shell, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = json.loads(shell("info", "--json").stdout)
    assert found["precision"] == "float64" and "engine" in found["jobs"] and found["warnings"] == []
    assert {"rf", "layout", "dynamics", "cluster", "cuda12", "cuda13"} <= set(found["extras"])
    assert "dev" not in found["extras"] and found["extras"]["rf"]["install"] == 'pip install "photonics-core[rf]"'
    assert found["compilation_cache"]["folder"] == str(tmp_path / "photonics_core" / "compiled")
    assert found["lapack_threads"] is None or found["lapack_threads"] >= 1


def test_info_warns_of_a_gpu_that_jax_does_not_see(shell, monkeypatch, tmp_path: Path):
    from photonics_core import nvidia

    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.82.07  Fri Aug 1 2025\n")
    monkeypatch.setattr(nvidia, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(nvidia, "extras_there", list)
    warnings = [line for line in shell("info").output.splitlines() if line.startswith("warning")]
    import jax

    if any(device.platform == "gpu" for device in jax.devices()):
        assert not warnings
    else:
        assert len(warnings) == 1 and 'pip install "photonics-core[cuda13]"' in warnings[0]


@pytest.mark.parametrize("chosen", ["option", "variable"])
def test_the_cache_is_switched_on_by_an_option_or_the_environment(shell, monkeypatch, tmp_path: Path, chosen):
    from photonics_core import compilation_cache

    used = []
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    monkeypatch.setattr(compilation_cache, "set_compilation_cache", used.append)
    monkeypatch.setenv(compilation_cache.VARIABLE, "" if chosen == "option" else str(tmp_path))
    if chosen == "option":
        monkeypatch.delenv(compilation_cache.VARIABLE)
    words = ("--cache", "info") if chosen == "option" else ("info",)
    assert shell(*words).exit_code == 0
    assert used == [None if chosen == "option" else tmp_path]
    monkeypatch.delenv(compilation_cache.VARIABLE, raising=False)
    assert shell("info").exit_code == 0 and len(used) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "no-such-job"), "job = 'no-such-job' is not one of engine, wdm-transmitter"),
        (("run", "wdm-transmitter", "--set", "channels=900"), "channels = 900"),
        (("run", "wdm-transmitter", "--set", "colour=red"), "colour = 'red'"),
        (("run", "wdm-transmitter", "--precision", "float16"), "precision = 'float16' is not one of"),
        (("run", "none.toml"), "none.toml cannot be read"),
        (("fit", "none.mat"), "none.mat"),
        (("run", "wdm-transmiter"), "did you mean 'wdm-transmitter'?"),
        (("run", "wdm-transmitter", "--set", "chanels=4"), "did you mean 'channels'?"),
        (("run", "."), ". is a folder; give a job's name or a TOML file"),
        (("validat",), "Did you mean 'validate'?"),
        (("validate", "ring"), "did you mean 'rings'?"),
        (("validate", "films", "--html", "."), "html = . is a folder"),
        (("validate", "films", "--json-file", "no/r.json"), "json-file = no/r.json cannot be written"),
        (("verify", "none"), "none is no run folder"),
        (("merge", "none", "x.h5"), "none is no run folder"),
        (("sweep", "."), ". cannot be read: Is a directory"),
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


@pytest.mark.parametrize(
    "option", [("--out", "a.h5"), ("--dry-run",), ("--regime", "over"), ("--pattern", "("), ("--devices", "1")]
)
def test_fit_of_files_refuses_options_of_folders(shell, tmp_path: Path, option):
    result = shell("fit", tmp_path / "a.mat", *option)
    assert result.exit_code == 2 and f"error: {option[0]} is for a folder of spectra" in result.output


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--resource", "GPU"), "--resource needs --scheduler\n"),
        (("--tries", "0"), "--tries needs --scheduler or --workers"),
        (("--patience", "-1"), "--patience needs --scheduler or --workers"),
    ],
)
def test_sweep_refuses_options_that_need_workers(shell, tmp_path: Path, option, said):
    result = shell("sweep", tmp_path / "q.toml", *option)
    assert result.exit_code == 2 and said in result.output


def test_a_job_file_is_toml_and_help_has_a_short_name(shell):
    result = shell("run", "a.yaml")
    assert result.exit_code == 2 and "a.yaml: a file of a job is TOML" in result.output
    assert shell("run", "-h").output == shell("run", "--help").output


def test_bench_refuses_peers_that_are_not_there(shell, tmp_path: Path):
    result = shell("bench", "films", "--peers", tmp_path / "python")
    assert result.exit_code == 2 and "is not there" in result.output and "films" not in result.output


def test_work_that_fails_leaves_no_empty_folders(tmp_path: Path):
    with pytest.raises(RuntimeError), results_folder(tmp_path / "deep" / "a"):
        raise RuntimeError
    assert not (tmp_path / "deep").exists()
    (tmp_path / "kept").mkdir()
    with pytest.raises(RuntimeError), results_folder(tmp_path / "kept" / "a" / "b"):
        (tmp_path / "kept" / "a" / "part").write_text("a result")
        raise RuntimeError
    assert [each.name for each in (tmp_path / "kept" / "a").iterdir()] == ["part"]


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


def test_a_case_that_fails_is_exit_code_1_and_ctrl_c_is_130(shell, monkeypatch):
    from photonics_core.validation import registry

    def stop():
        raise KeyboardInterrupt

    for compute, code in ((lambda: registry.Evidence(2.0, 1.0, 0.1), 1), (stop, 130)):
        case = registry.Case("films.made_up", "", "analytic", compute)
        monkeypatch.setattr(registry, "cases", lambda names=(), case=case: [case])
        result = shell("validate", "films")
        assert result.exit_code == code
        assert ("failed: films.made_up" in result.output) == (code == 1)
    assert "stopped: 0 of 1 cases had run" in result.output


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error():
    """As `photonics-core info | head -0` does."""
    command = f"{sys.executable} -m photonics_core info --json"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True)
    assert done.stderr == "" and done.returncode in (0, 141)
