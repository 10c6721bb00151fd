"""The yield of a run: counts that can be done by hand, parts one after another, and every mistake of a job."""

import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from photonics_core.cli import app
from photonics_core.jobs import JobError
from photonics_core.run_folder import RunFolder
from photonics_core.yield_causes import failure_causes
from photonics_core.yield_command import Options, read_yield_job, run_yield, yield_of_run
from photonics_core.yield_estimate import estimate_yield
from photonics_core.yield_spec import Limit, Spec

MODULE = """
import jax.numpy as jnp

def die(numbers):
    x, w = numbers["x"], numbers["w"]
    found = {"power": x, "rings": x - jnp.arange(3.0), "number": jnp.floor(w), "share": 0.5 * w}
    return {**found, "table": jnp.zeros((2, 2))}
"""
JOB = """
function = "yield_functions:die"
block = 4
chunk = 8
[plan]
kind = "list"
axes.x = { lower = 0.0, upper = 39.0, count = 40 }
axes.w = { lower = 0.0, upper = 3.9, count = 40 }
[spec]
power = { upper = 29.0 }
lowest = { metric = "rings", lower = 1.0, upper = 28.0 }
[yield]
wafer = "number"
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "yield_functions.py").write_text(MODULE)
    (tmp_path / "die.toml").write_text(JOB)
    yield tmp_path / "die.toml"
    sys.modules.pop("yield_functions", None)
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


def test_counts_are_those_done_by_hand(file, tmp_path):
    swept, found = run_yield(file, tmp_path / "run", progress=False)
    assert "40 of 40 samples" in swept.report()
    # x - 2 >= 1 and x <= 28, of 0 to 39; the power fails from 30 on.
    assert (found.estimate.passed, found.estimate.total, found.wafers) == (26, 40, 4)
    assert dict(zip(found.causes.names, found.causes.failing, strict=True)) == {"power": 10, "lowest": 14}
    assert list(found.causes.alone) == [0, 4] and list(found.causes.first) == [10, 4]
    assert "65 %" in found.report() and "26 of 40 dies of 4 wafers pass" in found.report()


def test_parts_give_what_the_whole_gives(file, tmp_path):
    _, found = run_yield(file, tmp_path / "run", progress=False)
    run = RunFolder.open(tmp_path / "run")
    assert run.layout["chunks"] == 5
    _, spec, _ = read_yield_job(file)
    verdict = spec.judge({name: run.read(name).values for name in ("power", "rings")})
    assert found.estimate == estimate_yield(np.asarray(verdict.dies), run.read("number").values)
    for mine, whole in zip(found.causes, failure_causes(verdict), strict=True):
        np.testing.assert_array_equal(mine, whole)
    alone = yield_of_run(run, spec, Options(confidence=0.9, method="wilson"))
    assert alone.wafers is None and alone.estimate.confidence == 0.9 and alone.estimate.effective == 40.0


def test_a_metric_may_be_an_axis_and_all_dies_may_pass(file, tmp_path):
    run_yield(file, tmp_path / "run", progress=False)
    found = yield_of_run(RunFolder.open(tmp_path / "run"), Spec([Limit("x", lower=-1.0)]))
    assert found.estimate.value == 1.0 and len(found.report().splitlines()) == 1


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("power = {", "nothing = {", "spec.nothing: 'nothing' is no result and no axis; there are x, w, number, power"),
        ('metric = "rings"', 'metric = "table"', r"'table' has shape \(2, 2\) for one die"),
        ('wafer = "number"', 'wafer = "rings"', "yield.wafer = 'rings' is no result and no axis of one number"),
        ('wafer = "number"', 'wafer = "share"', "wafer = 'share' has values that are no numbers of wafers"),
        ("upper = 29.0", "", "power = {}: the metric has neither a lower nor an upper limit"),
        ("upper = 29.0", "lower = 4.0, upper = 3.0", "limits 4 and 3 of the metric cross"),
        ("[spec]", "[speck]", "speck"),
        ('kind = "list"', 'kind = "lits"', "plan.kind = 'lits' is not one of .*; did you mean 'list'"),
        ('wafer = "number"', "confidence = 1.0", "less than 1"),
        ('wafer = "number"', "confidense = 0.9", "yield.confidense = 0.9: .*; did you mean 'confidence'"),
        ("upper = 29.0", "uper = 29.0", "uper = 29.0: .*; did you mean 'upper'"),
        ('kind = "list"', 'kind = "grid"', "has no yield: its samples are no draws"),
    ],
)
def test_mistakes_are_said(file, tmp_path, before, after, said):
    assert before in JOB
    file.write_text(JOB.replace(before, after))
    with pytest.raises(ValueError, match=said):
        run_yield(file, tmp_path / "run", progress=False)


def test_a_job_without_a_spec_is_refused(file):
    file.write_text(JOB[: JOB.index("[spec]")])
    with pytest.raises(JobError, match="spec"):
        read_yield_job(file)


def test_shell(file, tmp_path):
    def call(*options):
        return CliRunner().invoke(app, ["yield", str(file), "--out", str(tmp_path / "run"), *options])

    assert "samples  40" in call("--dry-run").stdout and not (tmp_path / "run").exists()
    done = call("--resume")
    assert "yield    65 %" in done.stdout and "holds no run yet; one is started there" in done.stderr
    done = call()
    assert done.exit_code == 2 and "add --resume" in done.stderr
    done = call("--resume", "--json")
    assert json.loads(done.stdout)["limits"]["lowest"] == {"failing": 14, "alone": 4, "first": 4}
    assert "0 of 40 samples" in done.stderr
