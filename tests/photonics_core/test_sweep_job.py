"""Sweeps from files: every mistake at once, the same run from any process, and the commands of the shell."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from photonics_core import sweep_job
from photonics_core.cli import app
from photonics_core.drawn_plans import LatinPlan, SobolPlan
from photonics_core.hdf5_variables import StoreError
from photonics_core.jobs import JobError
from photonics_core.run_folder import RunFolder
from photonics_core.run_merge import merge
from photonics_core.sample_plans import ListPlan
from photonics_core.store import load
from photonics_core.sweep import sweep
from photonics_core.sweep_command import shard_of
from photonics_core.sweep_engine import Engine
from photonics_core.sweep_job import SweepJob, find_object, read_sweep_job
from photonics_core.sweep_worker import create_run, job_of, plan_chunks, run_chunk

ROOT = Path(__file__).resolve().parents[2]
MODULE = """
import equinox as eqx
import numpy as np

class Box(eqx.Module):
    gap: np.ndarray

def box():
    return Box(np.asarray(0.2))

def line(device, common, radius):
    return {"y": device.gap * radius + common["wl"] * common["loss"]}

def double(numbers):
    return {"y": 2.0 * numbers["x"]}

text = "no function"
"""
JOB = """
function = "job_functions:line"
device = "job_functions:box"
block = 4
chunk = 8
[plan]
kind = "grid"
[plan.axes]
gap = { values = [0.1, 0.2, 0.3], units = "um" }
radius = { lower = 1.0, upper = 100.0, count = 11, scale = "log" }
[coordinates]
wl = { lower = 1.5, upper = 1.6, count = 3, units = "um" }
[common]
loss = 2.0
[labels.y]
dims = ["wl"]
units = "mW"
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "job_functions.py").write_text(MODULE)
    (tmp_path / "line.toml").write_text(JOB)
    yield tmp_path / "line.toml"
    sys.modules.pop("job_functions", None)
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


@pytest.fixture
def shell():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


def expected():
    gap, radius, wl = np.asarray([0.1, 0.2, 0.3]), np.geomspace(1.0, 100.0, 11), np.linspace(1.5, 1.6, 3)
    return gap[:, None, None] * radius[:, None] + 2.0 * wl


def test_a_file_is_run_resumed_verified_and_merged_from_the_shell(shell, file, tmp_path):
    out = tmp_path / "out"
    done = shell("sweep", file, "--out", out)
    assert done.exit_code == 0 and "33 of 33 samples computed" in done.output and "5 of 5 parts" in done.output
    again = shell("sweep", file, "--out", out)
    assert again.exit_code == 2 and "add --resume" in again.output
    RunFolder.open(out).part(3).unlink()
    assert shell("verify", out).exit_code == 1 and "missing: 3" in shell("verify", out).output
    resumed = shell("sweep", file, "--out", out, "--resume")
    assert resumed.exit_code == 0 and "8 of 33 samples computed" in resumed.output
    assert "holds no run yet" not in resumed.output
    assert shell("verify", out).exit_code == 0
    merged = shell("merge", out, tmp_path / "all.h5")
    assert merged.exit_code == 0, merged.output
    found = load(tmp_path / "all.h5")
    np.testing.assert_allclose(found["y"].values, expected(), rtol=1e-14)
    assert found["y"].dims == ("gap", "radius", "wl") and found["y"].units == "mW"
    assert found["gap"].units == found["wl"].units == "um"


def test_shares_from_the_shell_make_one_run(shell, file, tmp_path):
    for share in ("0/2", "1/2"):
        done = shell("sweep", file, "--out", tmp_path / "out", "--shard", share, "--devices", 1)
        assert done.exit_code == 0, done.output
    assert RunFolder.open(tmp_path / "out").verify().is_complete


def test_a_dry_run_says_what_it_costs_and_writes_nothing(shell, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.glob("*"))
    done = shell("sweep", file, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "33, in 9 blocks of 4, 5 chunks of 8" in done.output and "results  1.5" in done.output
    row = json.loads(shell("sweep", file, "--dry-run", "--json").stdout)
    assert (row["samples"], row["blocks"], row["chunks"]) == (33, 9, 5) and row["seconds"] > 0.0
    assert [path for path in sorted(tmp_path.glob("*")) if path.name != "__pycache__"] == before


def test_a_script_reads_what_a_sweep_came_to(shell, file, tmp_path):
    out = tmp_path / "out"
    row = json.loads(shell("sweep", file, "--out", out, "--shard", "0/2", "--json").stdout)
    assert row["run"] == str(out) and row["count"] == 33 and row["missing"] == [1, 3]
    row = json.loads(shell("sweep", file, "--out", out, "--resume", "--json").stdout)
    assert row["computed"] == 16 and row["missing"] == []
    assert json.loads(shell("verify", out, "--json").stdout)["complete"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("job_functions:line", "job_functions:lin"),
            "function = 'job_functions:lin'.*cannot be loaded: AttributeError",
        ),
        (("job_functions:line", "job_functions:text"), "function = 'job_functions:text'.*is not a function"),
        (("job_functions:box", "nowhere:box"), "device = 'nowhere:box'.*ModuleNotFoundError"),
        (("job_functions:line", "line"), 'neither "module:name" nor an entry point'),
        (('kind = "grid"', 'kind = "gird"'), "'gird'"),
        (("count = 11", "count = 0"), "radius.count = 0"),
        (("upper = 100.0, count = 11", "upper = 100.0"), "give values, or lower, upper and count"),
        (("values = [0.1, 0.2, 0.3]", "values = []"), "values is empty"),
        (("values = [0.1, 0.2, 0.3]", "values = [0.1], count = 3"), "give either values, or lower"),
        (("lower = 1.0", "lower = -1.0"), "must be above zero"),
        (("loss = 2.0", "loss = [[1], [1, 2]]"), "loss is a list of lists"),
        (("block = 4", "blok = 4"), "blok = 4: there is no setting of this name; did you mean 'block'"),
        (
            ("upper = 100.0", "uper = 100.0"),
            "radius.uper = 100.0: there is no setting of this name; did you mean 'upper'",
        ),
        (('kind = "grid"', 'knd = "grid"'), "plan = .*: 'kind' is missing, which says what the others mean"),
        (("block = 4", "block = -4"), "block = -4"),
        (("gap = {", "hole = {"), "axis 'hole' is no leaf of the device and no argument"),
        (('dims = ["wl"]', 'dims = ["wl", "x"]'), "but dims \\('wl', 'x'\\)"),
        (("[labels.y]", "[labels.z]"), "labels\\['z'\\] is no result"),
    ],
)
def test_mistakes_are_one_clear_error(file, change, message):
    file.write_text(JOB.replace(*change))
    with pytest.raises(ValueError, match=message):
        read_sweep_job(file).setup(file.parent)


def test_every_mistake_is_listed_at_once(shell, file, tmp_path):
    wrong = JOB.replace("functions:line", "functions:lin").replace("count = 11", "count = 0").replace("block", "blok")
    file.write_text(wrong)
    done = shell("sweep", file, "--out", tmp_path / "out")
    assert done.exit_code == 2 and "Traceback" not in done.output
    for word in ("'job_functions:lin'", "radius.count = 0", "blok = 4"):
        assert word in done.output
    assert not (tmp_path / "out").exists()
    assert "cannot be read" in shell("sweep", tmp_path / "none.toml").output


@pytest.mark.parametrize("text", ["", "1", "2/2", "a/b", "-1/2", "1/0", "1/2/3"])
def test_bad_shares_are_named(text):
    with pytest.raises(ValueError, match="shard = "):
        shard_of(text)


def test_drawn_plans_from_a_file():
    axes = {"x": {"lower": 1.0, "upper": 10.0, "scale": "log"}, "y": {"mean": [0.0, 1.0], "deviation": 0.1}}
    table = {"function": "math:sqrt", "plan": {"kind": "sobol", "samples": 8, "seed": 2, "axes": axes}}
    plan = SweepJob.model_validate(table).plan.plan()
    assert isinstance(plan, SobolPlan) and plan.seed == 2 and plan.rows(0, 8)["y"].shape == (8, 2)
    table["plan"]["kind"] = "latin"
    assert isinstance(SweepJob.model_validate(table).plan.plan(), LatinPlan)
    for wrong in (
        {"lower": 1.0},
        {"lower": 1.0, "mean": 1.0},
        {"lower": 2.0, "upper": 1.0},
        {"mean": 0.0, "deviation": -1.0},
        {},
    ):
        table["plan"]["axes"] = {"x": wrong}
        with pytest.raises(ValueError, match=r"give either lower|is above upper|deviation = -1"):
            SweepJob.model_validate(table)


def test_an_entry_point_can_be_named(monkeypatch):
    class Entry:
        def load(self):
            return np.sqrt

    monkeypatch.setattr(sweep_job, "entry_points", lambda group, name: [Entry()] if name == "root" else [])
    assert find_object("root") is np.sqrt


def test_another_process_computes_a_chunk_from_the_folder_alone(file, tmp_path):
    out = tmp_path / "out"
    run = create_run(read_sweep_job(file), file.parent, out)
    assert plan_chunks(out) == [0, 1, 2, 3, 4] == run.missing() and plan_chunks(out, (1, 2)) == [1, 3]
    script = f"""
import jax, json
from photonics_core.runtime import set_precision
set_precision("float64")
jax.config.update("jax_disable_most_optimizations", {jax.config.read("jax_disable_most_optimizations")})
from photonics_core.sweep_worker import run_chunk
for chunk in (1, 3, 1):
    print(json.dumps(run_chunk({str(out)!r}, chunk)))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["chunk"], each["samples"], each["computed"]) for each in said] == [
        (1, 8, True),
        (3, 8, True),
        (1, 8, False),
    ]
    assert plan_chunks(out) == [0, 2, 4]
    for chunk in plan_chunks(out):
        assert run_chunk(out, chunk)["computed"]
    np.testing.assert_allclose(run.read("y").values, expected(), rtol=1e-14)
    assert plan_chunks(out) == [] and run.verify().is_complete


def test_a_damaged_part_is_planned_and_computed_again(file, tmp_path):
    out = tmp_path / "out"
    run = create_run(read_sweep_job(file), file.parent, out)
    for chunk in range(5):
        run_chunk(out, chunk)
    for chunk in (0, 1):
        run.part(chunk).write_bytes(b"half")
    assert run_chunk(out, 0)["computed"]  # found by the worker itself
    assert plan_chunks(out) == [1] and run_chunk(out, 1)["computed"]
    assert len(list((out / "damaged").iterdir())) == 2 and run.verify().is_complete


def test_runs_made_from_objects_say_so(tmp_path):
    from photonics_core.sample_plans import ListPlan

    sweep(lambda numbers: numbers["x"], ListPlan({"x": [1.0, 2.0]}), folder=tmp_path, chunk=1)
    run = RunFolder.open(tmp_path)
    run.part(0).unlink()
    with pytest.raises(StoreError, match="made from objects of a program"):
        run_chunk(tmp_path, 0)
    with pytest.raises(StoreError, match="made from objects"):
        job_of(run)


def test_a_worker_without_the_module_says_so(file, tmp_path):
    out = tmp_path / "out"
    create_run(read_sweep_job(file), file.parent, out)
    (tmp_path / "job_functions.py").unlink()
    sys.modules.pop("job_functions")
    with pytest.raises(JobError, match="'job_functions:line' cannot be loaded: ModuleNotFoundError"):
        run_chunk(out, 0)


def test_a_worker_with_changed_code_is_refused(file, tmp_path):
    out = tmp_path / "out"
    create_run(read_sweep_job(file), file.parent, out)
    (tmp_path / "job_functions.py").write_text(MODULE.replace("* radius", "* radius * radius"))
    script = f"""
from photonics_core.runtime import set_precision
set_precision("float64")
from photonics_core.sweep_worker import run_chunk
run_chunk({str(out)!r}, 0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "the compiled program differs" in done.stderr
    assert RunFolder.open(out).missing() == [0, 1, 2, 3, 4]


def test_help_of_the_commands_has_an_example(shell):
    for command in ("sweep", "verify", "merge"):
        page = shell(command, "--help")
        assert page.exit_code == 0 and "Example: photonics-core" in page.output


def test_interrupt_says_what_is_there_and_how_to_go_on(file, shell, tmp_path, monkeypatch):
    plain = Engine._compute

    def interrupted(engine, start, stop):
        if start >= 16:
            raise jax.errors.JaxRuntimeError("INTERNAL: CpuCallback error: KeyboardInterrupt: ")
        return plain(engine, start, stop)

    monkeypatch.setattr(Engine, "_compute", interrupted)
    done = shell("sweep", file, "--out", tmp_path / "run")
    assert done.exit_code == 130
    assert "2 of 5 parts are in" in done.stderr and "--resume goes on from there" in done.stderr


def test_merged_file_has_the_precision_of_the_run(file, shell, tmp_path):
    """And not that of the process that merges, which never chose one."""
    shell("sweep", file, "--out", tmp_path / "run")
    with jax.enable_x64(False):
        merge(tmp_path / "run", tmp_path / "run.h5")
    assert load(tmp_path / "run.h5").provenance["precision"] == "float64"


@pytest.mark.parametrize(
    "function", [lambda numbers: 1.0 if numbers["x"] > 0 else 2.0, lambda numbers: np.sin(np.asarray(numbers["x"]))]
)
def test_python_that_meets_traced_numbers_is_told_what_to_write(function):
    with pytest.raises(ValueError, match=r"fails for one sample.*jnp.where in place of if") as caught:
        sweep(function, ListPlan({"x": [1.0]}))
    assert "\n" not in str(caught.value) and "sweep_program" not in str(caught.value)
