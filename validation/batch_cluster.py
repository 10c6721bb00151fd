"""Validation of sweeps on a cluster: workers that are killed, chunks that kill their workers, a scheduler that dies.

Workers are two processes of Dask on this machine, killed with SIGKILL. Each case runs in a process of its own with a
limit of time, so that a hang is an error.
"""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cluster import SET_ASIDE, local_cluster, sweep_on_cluster
from photonics_core.errors import ClusterError
from photonics_core.run_folder import RunFolder
from photonics_core.validation.batch import ROOT, read_index
from photonics_core.validation.registry import Absent, Evidence, case

#: Samples of a run, those of a chunk, and the one that kills its worker.
SAMPLES, CHUNK, POISON = 48, 2, 21
#: Seconds after which a case counts as hanging, and without news that are too many for a run.
LIMIT, PATIENCE = 900.0, 60.0
JOB = f"""
function = "photonics_core.validation.batch_cluster:{{function}}"
seed = 3
block = {CHUNK}
chunk = {CHUNK}
[plan]
kind = "list"
axes.x = {{{{ lower = 0.0, upper = {SAMPLES - 1.0}, count = {SAMPLES} }}}}
"""


def steady(numbers: dict[str, jax.Array], *, key: jax.Array) -> dict[str, jax.Array]:
    """Some numbers of a sample and its key; a block takes at least 0.1 s."""
    x = numbers["x"]
    waited = jax.pure_callback(_wait, jax.ShapeDtypeStruct((), x.dtype), x, vmap_method="expand_dims")
    return {"sine": jnp.sin(waited), "noise": jax.random.normal(key, (3,), x.dtype)}


def poisonous(numbers: dict[str, jax.Array], *, key: jax.Array) -> dict[str, jax.Array]:
    """The same, but one sample kills the process that computes it."""
    x = numbers["x"]
    waited = jax.pure_callback(_kill, jax.ShapeDtypeStruct((), x.dtype), x, vmap_method="expand_dims")
    return {"sine": jnp.sin(waited), "noise": jax.random.normal(key, (3,), x.dtype)}


def _wait(x: Any) -> Any:
    time.sleep(0.1)
    return x


def _kill(x: Any) -> Any:
    if np.any(np.asarray(x) == POISON):
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def print_killed_workers(runs: str) -> None:
    """Kill one of two workers in the middle of each run; print what is wrong with the results."""
    found = dict.fromkeys(("wrong", "missing", "twice", "rewritten", "set aside"), 0) | {"lost": 0}
    with tempfile.TemporaryDirectory() as space, local_cluster(2) as client:
        job = _job(Path(space), "steady")
        whole = sweep_on_cluster(job, client, folder=Path(space) / "whole", patience=PATIENCE, progress=False).run
        for number in range(int(runs)):
            folder, before = Path(space) / str(number), {}
            killer = threading.Thread(target=_kill_one, args=(_pids(client), folder, 4 + number, before))
            killer.start()
            done = sweep_on_cluster(job, client, folder=folder, patience=PATIENCE, progress=False)
            killer.join()
            found["lost"] += len(done.lost)
            found["set aside"] += len(done.set_aside)
            found["rewritten"] += sum(_stamp(path) != stamp for path, stamp in before.items())
            found["missing"] += len(done.verified.missing)
            if done.verified.is_complete:
                _compare(done.run, whole, found)
    print(json.dumps(found))


def _compare(run: RunFolder, whole: RunFolder, found: dict[str, int]) -> None:
    index = np.concatenate([read_index(run, chunk) for chunk in run.chunk_ids()])
    found["twice"] += index.size - np.unique(index).size
    for name in ("sine", "noise", "x"):
        a, b = np.ascontiguousarray(run.read(name).values), np.ascontiguousarray(whole.read(name).values)
        found["wrong"] += int(np.sum(a.view(np.uint8) != b.view(np.uint8)))


def _job(folder: Path, function: str) -> Path:
    path = folder / f"{function}.toml"
    path.write_text(JOB.format(function=function))
    return path


def _pids(client: Any) -> list[int]:
    """Processes of two workers, once there are two (a killed one is started again by its nanny)."""
    client.wait_for_workers(2, timeout=60)
    return sorted(client.run(os.getpid).values())


def _kill_one(pids: list[int], folder: Path, parts: int, before: dict[Path, Any]) -> None:
    """Kill a worker once so many parts are there; say what they were then."""
    if wait_for(lambda: len(_parts(folder)) >= parts):
        time.sleep(0.03 * (parts % 5))
        before |= {path: _stamp(path) for path in _parts(folder)}
        os.kill(pids[parts % 2], signal.SIGKILL)


def _parts(folder: Path) -> list[Path]:
    return sorted((folder / "parts").glob("part-*.h5")) if folder.exists() else []


def _stamp(path: Path) -> tuple[int, int]:
    """Of a file: another one has another number or time."""
    about = path.stat()
    return about.st_ino, about.st_mtime_ns


def wait_for(there: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Wait until something is there; say whether it is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if there():
            return True
        time.sleep(0.01)
    return False


def print_poison(runs: str) -> None:
    """Sweep with a sample that kills its worker; print how many runs set its chunk and no other aside."""
    good = listed = 0
    with tempfile.TemporaryDirectory() as space, local_cluster(2) as client:
        job = _job(Path(space), "poisonous")
        for number in range(int(runs)):
            folder = Path(space) / str(number)
            done = sweep_on_cluster(job, client, folder=folder, patience=PATIENCE, progress=False)
            chunk = POISON // CHUNK
            good += (
                done.verified.missing == (chunk,) and list(done.set_aside) == [chunk] and "--resume" in done.report()
            )
            listed += list(json.loads((folder / SET_ASIDE).read_text())["chunks"]) == [str(chunk)]
    print(json.dumps({"good": good, "listed": listed}))


def print_dead_scheduler() -> None:
    """Kill the scheduler in the middle of a run; print the message, how long it took, and what goes on afterwards."""
    with tempfile.TemporaryDirectory() as space, contextlib.ExitStack() as stack:
        job, folder = _job(Path(space), "steady"), Path(space) / "run"
        scheduler, address = stack.enter_context(_scheduler(Path(space)))
        for _ in range(2):
            stack.enter_context(_process("worker", address, "--nthreads", "1", "--no-dashboard", cwd=space))
        client = stack.enter_context(_client(address))
        killed: list[float] = []
        thread = threading.Thread(target=_kill_scheduler, args=(scheduler, folder, killed))
        thread.start()
        said = ""
        try:
            sweep_on_cluster(job, client, folder=folder, patience=20.0, progress=False)
        except ClusterError as error:
            said = str(error)
        thread.join()
        seconds = time.monotonic() - killed[0]
        whole = len(RunFolder.open(folder).verify().whole)
        with local_cluster(2) as client:
            after = sweep_on_cluster(job, client, folder=folder, patience=PATIENCE, progress=False)
        kept = {"before": whole, "computed after": after.computed, "complete": after.verified.is_complete}
        print(json.dumps({"said": said, "seconds": seconds, **kept}))


def _kill_scheduler(scheduler: subprocess.Popen[bytes], folder: Path, killed: list[float]) -> None:
    wait_for(lambda: len(_parts(folder)) > 4)
    scheduler.kill()
    killed.append(time.monotonic())


@contextlib.contextmanager
def _client(address: str) -> Iterator[Any]:
    """A client that two workers wait for."""
    import distributed  # pyright: ignore[reportMissingImports]

    client = distributed.Client(address, timeout=30, set_as_default=False)
    try:
        client.wait_for_workers(2, timeout=120)
        yield client
    finally:
        client.close(timeout=5)


@contextlib.contextmanager
def _scheduler(space: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler in a process of its own, and its address."""
    file = space / "scheduler.json"
    options = ("--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    with _process("scheduler", *options, cwd=str(space)) as process:
        if not wait_for(file.exists):
            raise RuntimeError("the scheduler did not start")
        time.sleep(0.2)
        yield process, json.loads(file.read_text())["address"]


@contextlib.contextmanager
def _process(kind: str, *arguments: str, cwd: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measured(name: str, *arguments: str, limit: float = LIMIT) -> dict[str, Any]:
    """What a function of this module prints, in a process of its own.

    Raises:
        Absent: where Dask is not installed.
        RuntimeError: if it fails, or takes longer than the limit.
    """
    if importlib.util.find_spec("distributed") is None:
        raise Absent('Dask is needed: pip install "photonics-core[cluster]"')
    program = f"from photonics_core.validation.batch_cluster import {name}; {name}(*{arguments!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise RuntimeError(f"{name} hangs: nothing after {limit:g} s") from None
    if process.returncode:
        raise RuntimeError(f"{name} failed: {err.decode()[-2000:]}")
    return json.loads(out.decode().splitlines()[-1])


@case(
    "batch.killed_workers",
    source="one of two Dask workers killed with SIGKILL in the middle of each of ten runs: results that are wrong, "
    "missing, there twice, or written again",
    kind="analytic",
    is_long=True,
)
def _killed_workers() -> Evidence:
    found = measured("print_killed_workers", "10")
    if found.pop("lost") == 0:
        raise RuntimeError("no worker was lost at work: the case shows nothing")
    return Evidence(sum(found.values()), 0.0, 0.0, "results")


@case(
    "batch.poisonous_chunk",
    source="a sample that kills the worker which computes it, ten runs: those that end with its chunk, and no other, "
    "set aside and listed",
    kind="analytic",
    is_long=True,
)
def _poisonous_chunk() -> Evidence:
    found = measured("print_poison", "10")
    return Evidence(min(found["good"], found["listed"]), 10.0, 0.0, "runs")


@case(
    "batch.dead_scheduler",
    source="a Dask scheduler killed with SIGKILL in the middle of a run: seconds until the error that gives the "
    "command to go on with, of a patience of 20 s",
    kind="range",
    is_long=True,
)
def _dead_scheduler() -> Evidence:
    found = measured("print_dead_scheduler")
    whole = SAMPLES // CHUNK
    if "--resume --scheduler" not in found["said"] or not found["complete"]:
        raise RuntimeError(f"the run did not end with the command to go on: {found}")
    if found["before"] + found["computed after"] != whole:
        raise RuntimeError(f"parts were lost or computed again: {found}")
    return Evidence(found["seconds"], (0.0, 90.0), 0.0, "s")
