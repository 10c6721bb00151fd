"""Sweeps on a cluster: what is done with lost workers, failing chunks and silence, on a cluster that is played here.

What needs Dask and processes that die is in the cases `batch.killed_workers`, `batch.poisonous_chunk` and
`batch.dead_scheduler`; here a whole run with Dask is one slow test.
"""

import builtins
import importlib.util
import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from photonics_core import cluster, cluster_dispatch
from photonics_core.cli import app
from photonics_core.cluster import (
    SET_ASIDE,
    compute_on_worker,
    create_on_worker,
    local_cluster,
    resume_command,
    set_aside_chunks,
    sweep_on_cluster,
    visible_gpus,
)
from photonics_core.cluster_dispatch import Dispatch
from photonics_core.errors import ClusterError
from photonics_core.hdf5_variables import StoreError
from photonics_core.jobs import JobError
from photonics_core.run_folder import RunFolder

MODULE = """
import jax.numpy as jnp

def double(numbers):
    return {"y": 2.0 * numbers["x"]}
"""
JOB = """
function = "cluster_functions:double"
block = 2
chunk = 2
[plan]
kind = "list"
axes.x = { lower = 0.0, upper = 9.0, count = 10 }
"""
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason='needs Dask: pip install "photonics-core[cluster]"'
)


class Future:
    """What became of a call that was made at once, or that never ends."""

    def __init__(self, status, error=None):
        self.status, self.error = status, error

    def exception(self, timeout):
        return self.error

    def add_done_callback(self, tell):
        if self.status != "pending":
            tell(self)

    def release(self):
        self.status = "released"


class Player:
    """A client whose workers compute at once. `deadly` calls take their worker down; another one comes in its place."""

    asynchronous = False

    def __init__(self, workers=2, deadly=(), replaced=True, resources=None):
        self.status, self.deadly, self.replaced = "running", deadly, replaced
        self.alive = {f"w{k}": {"resources": resources or {}} for k in range(workers)}
        self.calls, self.broken, self.cancelled = [], {}, 0
        self.scheduler = SimpleNamespace(identity=None, address="tcp://played:1")

    def sync(self, what, callback_timeout):
        return {"workers": dict(self.alive)}

    def submit(self, function, *arguments, key, workers, pure, allow_other_workers):
        worker = workers[0]
        self.calls.append((worker, arguments))
        if worker in self.broken:
            return Future("error", self.broken[worker])
        if arguments[-1] in self.deadly:
            del self.alive[worker]
            if self.replaced:
                self.alive[f"{worker}+"] = {"resources": {}}
            return Future("pending")
        if self.cancelled:
            self.cancelled -= 1
            return Future("cancelled")
        try:
            function(*arguments)
        except Exception as error:
            return Future("error", error)
        return Future("finished")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(cluster_dispatch, "LOOK", 0.002)


@pytest.fixture
def job(tmp_path):
    (tmp_path / "cluster_functions.py").write_text(MODULE)
    (tmp_path / "double.toml").write_text(JOB)
    return tmp_path / "double.toml"


@pytest.fixture
def settled(monkeypatch):
    """The played workers are this process, whose precision stays."""
    monkeypatch.setattr(cluster, "_settle", lambda *_: None)


def calls(count):
    return {number: (number,) for number in range(count)}


def fine(number):
    """A call."""


def test_every_call_is_done_once_and_one_at_a_time_to_each_worker():
    client = Player(3)
    assert sorted(Dispatch(client, fine, calls(10)).run().done) == list(range(10))
    assert sorted(arguments for _, arguments in client.calls) == [(number,) for number in range(10)]
    assert {worker for worker, _ in client.calls} == {"w0", "w1", "w2"}


def test_a_call_that_kills_its_workers_is_set_aside_and_no_other_is_blamed():
    found = Dispatch(client := Player(2, deadly=(4,)), fine, calls(10), tries=3).run()
    assert list(found.set_aside) == [4] and len(found.set_aside[4]) == 3 == len(found.lost)
    assert sorted(found.done) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert sum(arguments == (4,) for _, arguments in client.calls) == 3


def test_a_call_that_fails_is_tried_again_and_its_reason_kept():
    def fails(number):
        if number == 1:
            raise RuntimeError("no memory")

    found = Dispatch(Player(), fails, calls(3), tries=2).run()
    assert found.set_aside == {1: ["RuntimeError: no memory"] * 2} and not found.lost


def test_errors_that_are_asked_for_are_raised_as_they_are():
    def fails(number):
        raise JobError("function is wrong")

    with pytest.raises(JobError, match="function is wrong"):
        Dispatch(Player(), fails, calls(1), raises=(ValueError,)).run()


def test_a_worker_whose_surroundings_are_wrong_gets_no_more_work():
    client = Player(2)
    client.broken["w0"] = StoreError("versions jax is 0.10 there and 0.11 here")
    found = Dispatch(client, fine, calls(6)).run()
    assert sorted(found.done) == list(range(6)) and not found.set_aside
    assert list(found.barred) == ["w0"] and sum(worker == "w0" for worker, _ in client.calls) == 1
    client.broken["w1"] = OSError("no such folder")
    with pytest.raises(ClusterError, match=r"no worker can do the work: w0: StoreError.*w1: OSError: no such folder"):
        Dispatch(client, fine, calls(6)).run()


def test_what_is_lost_with_its_scheduler_is_nobodys_fault():
    client = Player(2)
    client.cancelled = 5
    found = Dispatch(client, fine, calls(4), tries=1).run()
    assert sorted(found.done) == [0, 1, 2, 3] and not found.set_aside


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"alive": {}}, "there are no workers"),
        ({"status": "connecting"}, "the scheduler does not answer"),
        ({"submit": lambda *_, **__: Future("pending")}, "2 workers; at work: 0 on w0, 1 on w1"),
    ],
)
def test_silence_is_an_error(change, said):
    client = Player()
    for name, value in change.items():
        setattr(client, name, value)
    with pytest.raises(ClusterError, match=f"nothing has come back for 0.05 s: {said}"):
        Dispatch(client, fine, calls(4), patience=0.05).run()


def test_a_scheduler_that_is_gone_is_an_error_at_once():
    client = Player()
    client.status = "closed"
    with pytest.raises(ClusterError, match="the scheduler is gone"):
        Dispatch(client, fine, calls(4), patience=1e9).run()


def test_only_workers_that_declare_the_resource_get_work():
    client = Player(2)
    client.alive["gpu"] = {"resources": {"GPU": 1}}
    Dispatch(client, fine, calls(3), resource="GPU").run()
    assert {worker for worker, _ in client.calls} == {"gpu"}


def test_a_run_with_a_deadly_chunk_lists_it_and_goes_on_later(job, tmp_path, settled):
    folder = tmp_path / "run"
    done = sweep_on_cluster(job, Player(2, deadly=(3,)), folder=folder, progress=False)
    assert done.verified.missing == (3,) and list(done.set_aside) == [3] and done.computed == 4
    told = f"photonics-core sweep {job} --out {folder} --resume --scheduler tcp://played:1"
    assert told in done.report() and "set aside: chunk 3 after 3 tries" in done.report()
    assert list(json.loads((folder / SET_ASIDE).read_text())["chunks"]) == ["3"]
    assert list(set_aside_chunks(RunFolder.open(folder))) == [3]
    client = Player(2)
    again = sweep_on_cluster(None, client, folder=folder, progress=False)
    assert again.verified.is_complete and again.computed == 1 and len(client.calls) == 1
    assert not (folder / SET_ASIDE).exists() and "to go on" not in again.report()
    assert list(again.run.read("y").values) == [2.0 * x for x in range(10)]


def test_a_run_that_is_broken_off_keeps_its_list_and_says_how_to_go_on(job, tmp_path, settled):
    folder = tmp_path / "run"
    client = Player(5, deadly=(0, 1), replaced=False)
    with pytest.raises(ClusterError, match=r"there are no workers. What is written stays; to go on: photonics-core"):
        sweep_on_cluster(job, client, folder=folder, patience=0.2, tries=3, progress=False)
    assert list(set_aside_chunks(RunFolder.open(folder))) == [0]


def test_another_job_in_the_folder_is_refused(job, tmp_path, settled):
    sweep_on_cluster(job, Player(), folder=tmp_path / "run", progress=False)
    job.write_text(JOB.replace("upper = 9.0", "upper = 8.0"))
    with pytest.raises(StoreError, match="holds another run: plan axes x"):
        sweep_on_cluster(job, Player(), folder=tmp_path / "run", progress=False)


def test_a_list_of_chunks_that_is_damaged_is_no_error(job, tmp_path, settled):
    sweep_on_cluster(job, Player(2, deadly=(3,)), folder=tmp_path / "run", progress=False)
    for text in ("{", "[]", '{"chunks": 3}', '{"chunks": {"a": []}}'):
        (tmp_path / "run" / SET_ASIDE).write_text(text)
        assert set_aside_chunks(RunFolder.open(tmp_path / "run")) == {}


def test_wrong_arguments(job, tmp_path):
    for options, said in (({"tries": 0}, "tries = 0"), ({"patience": 0.0}, "patience = 0.0 s")):
        with pytest.raises(ValueError, match=said):
            sweep_on_cluster(job, Player(), folder=tmp_path, **options)
    with pytest.raises(ValueError, match="is no Dask client"):
        sweep_on_cluster(job, 3, folder=tmp_path)
    client = Player()
    client.asynchronous = True
    with pytest.raises(ValueError, match="asynchronous"):
        sweep_on_cluster(job, client, folder=tmp_path)
    with pytest.raises(ValueError, match="workers = 0"), local_cluster(0):
        pass
    for name in ("nowhere", "job.toml"):
        with pytest.raises(JobError, match="cannot be read"):
            sweep_on_cluster(tmp_path / name, Player(), folder=tmp_path)


def test_gpus_are_those_that_are_visible(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() is None


def test_command_without_a_job_is_one_of_python(tmp_path):
    assert resume_command(None, tmp_path, Player()) == (
        f"sweep_on_cluster(None, 'tcp://played:1', folder={str(tmp_path)!r})"
    )


def test_shell_without_dask_names_the_extra(job, tmp_path, monkeypatch):
    plain = builtins.__import__

    def without(name, *rest, **more):
        if name in ("dask", "distributed"):
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    for option in (("--workers", "2"), ("--scheduler", "tcp://127.0.0.1:1")):
        done = CliRunner().invoke(app, ["sweep", str(job), "--out", str(tmp_path / "run"), *option])
        assert done.exit_code == 2 and 'pip install "photonics-core[cluster]"' in done.stderr


def test_shell_refuses_options_that_do_not_go_together(job, tmp_path):
    for options, said in (
        (("--workers", "2", "--scheduler", "tcp://a:1"), "either --scheduler or --workers"),
        (("--workers", "2", "--shard", "0/2"), "--shard does not go with --workers"),
        (("--scheduler", "tcp://a:1", "--devices", "2"), "--devices does not go with --scheduler"),
        (("--workers", "2", "--resource", "GPU"), "--resource does not go with --workers"),
    ):
        done = CliRunner().invoke(app, ["sweep", str(job), "--out", str(tmp_path / "run"), *options])
        assert done.exit_code == 2 and said in done.stderr


def test_worker_functions_make_a_run_and_compute_a_chunk(job, tmp_path, settled):
    table = {
        "function": "cluster_functions:double",
        "block": 2,
        "plan": {"kind": "list", "axes": {"x": {"values": [1]}}},
    }
    folder = str(tmp_path / "run")
    assert create_on_worker(table, str(tmp_path), str(job), folder, "float64", "auto", 2) == {"chunks": 1}
    assert compute_on_worker(folder, 0)["samples"] == 1


@pytest.mark.slow
@needs_dask
def test_a_run_with_dask_by_the_shell(job, tmp_path):
    options = ["sweep", str(job), "--out", str(tmp_path / "run"), "--workers", "2", "--patience", "120"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0 and "5 of 5 parts are whole" in done.stdout
    assert CliRunner().invoke(app, options).exit_code == 2
    assert "0 chunks computed" in CliRunner().invoke(app, [*options, "--resume"]).stdout


@pytest.mark.slow
@needs_dask
def test_no_scheduler_is_said_at_once(job, tmp_path):
    options = ["sweep", str(job), "--out", str(tmp_path / "run"), "--scheduler", "tcp://127.0.0.1:1"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 2 and "there is no scheduler at 'tcp://127.0.0.1:1'" in done.stderr
