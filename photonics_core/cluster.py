"""Sweeps on a Dask cluster: numbers of chunks go out, parts go to the run folder, and nothing else is kept anywhere.

    with LocalCluster(n_workers=4, threads_per_worker=1) as machines, Client(machines) as client:
        done = sweep_on_cluster("drop.toml", client, folder="results/drop")
    print(done.report())

The run is that of `photonics-core sweep`: it may be begun on one machine, go on here and end with job arrays, for parts
are the truth and a chunk is the same wherever it is computed. The run folder must be one that all workers see. This
process computes nothing: even the folder is made by a worker, so that it can sit where there is no GPU.

A worker that is lost costs the chunk it had, which is done again. A chunk that loses its worker, or fails, `tries`
times is set aside and listed in `set_aside.json` of the run folder while the rest is finished. Where nothing comes
back for `patience` seconds, or the scheduler is gone, the error gives the command to go on with. Workers have to be
processes of their own that are spawned, not forked, and each must see its own GPU only (docs/cluster.md).
"""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from photonics_core.atomic import write_atomically
from photonics_core.cluster_dispatch import Dispatch, Outcome, workers_of
from photonics_core.errors import ClusterError, DeviceError
from photonics_core.hdf5_variables import StoreError
from photonics_core.jobs import read_toml
from photonics_core.progress import follow
from photonics_core.run_folder import RunFolder, Verified, listed

#: File in the run folder that lists chunks that were set aside.
SET_ASIDE = "set_aside.json"
#: What is said where Dask is not installed.
INSTALL = 'a cluster needs Dask: pip install "photonics-core[cluster]"'


@dataclass(frozen=True)
class ClusterRun:
    """What a sweep on a cluster came to.

    Attributes:
        run: the run folder.
        verified: all parts, each checked by its digest.
        computed: chunks that this call has had computed.
        set_aside: by chunk, why each of its tries failed.
        lost: workers that were lost at work.
        barred: by worker, the error for which it got no more work.
        resume: the command that goes on, and tries again what was set aside.
        seconds: wall time.
    """

    run: RunFolder
    verified: Verified
    computed: int
    set_aside: dict[int, list[str]]
    lost: tuple[str, ...] = ()
    barred: dict[str, str] = field(default_factory=dict)
    resume: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Figures for a script, times in s."""
        rest = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("run", "verified")}
        return {"run": str(self.run.path), "verified": self.verified.to_json()} | rest

    def report(self) -> str:
        """Figures as text, a line each."""
        lines = [f"{self.computed} chunks computed in {self.seconds:.3g} s; {self.run.path}:", self.verified.report()]
        lines += [f"workers lost: {len(self.lost)}, what they had was done again"] if self.lost else []
        lines += [f"worker {each} got no more work: {reason}" for each, reason in self.barred.items()]
        for chunk, reasons in self.set_aside.items():
            lines.append(f"set aside: chunk {chunk} after {len(reasons)} tries, the last: {reasons[-1]}")
        if not self.verified.is_complete:
            lines.append(f"to go on, and try again what was set aside: {self.resume}")
        return "\n".join(lines)


def sweep_on_cluster(
    job: str | os.PathLike[str] | None,
    client: Any,
    *,
    folder: str | os.PathLike[str],
    precision: str = "float64",
    device: str = "auto",
    tries: int = 3,
    patience: float = 1800.0,
    resource: str | None = None,
    progress: bool | None = None,
    resume: str | None = None,
) -> ClusterRun:
    """Compute all chunks of a run that are not there yet on the workers of a Dask cluster.

    Args:
        job: TOML file of the sweep, or None to go on with the run in the folder.
        client: a `distributed.Client`, or the address of a scheduler.
        folder: the run folder, which all workers see under the same path.
        precision: of a new run; one that is there keeps its own.
        device: "auto", "cpu" or "gpu": where workers compute a new run; one that is there keeps its own.
        tries: failures after which a chunk is set aside.
        patience: seconds without a chunk done or failed after which the cluster counts as stuck; more than a chunk and
            the compilation take, and than workers need to start.
        resource: name of a resource that workers must declare to get work, such as "GPU".
        progress: as for `sweep`.
        resume: the command that goes on, for messages; None for that of the shell.

    Raises:
        ClusterError: if the cluster makes no progress, with the command to go on with.
        StoreError: if the folder cannot be used, or holds another run.
        ValueError: for a job or arguments that are wrong.
    """
    _check(tries, patience)
    began = time.monotonic()
    folder = Path(folder).resolve()
    table = None if job is None else read_toml(Path(job))
    with _connected(client) as connected:
        told = resume or resume_command(job, folder, connected)
        options = {"tries": tries, "patience": patience, "resource": resource}
        with _telling(told):
            if table is not None:
                place = str(Path(os.fspath(job or "")).resolve().parent)
                _create(connected, (table, place, str(job), str(folder), precision, device), options)
            run = RunFolder.open(folder)
            outcome = _compute(connected, run, _missing(run), options, progress)
    chunks = {chunk: outcome.set_aside[chunk] for chunk in sorted(outcome.set_aside)}
    facts = (len(outcome.done), chunks, tuple(outcome.lost), outcome.barred, told)
    return ClusterRun(run, run.verify(), *facts, time.monotonic() - began)


@contextmanager
def local_cluster(workers: int, gpus: list[str] | None = None) -> Iterator[Any]:
    """A client of spawned worker processes on this machine, each of one thread and, where there are GPUs, of one GPU.

    Args:
        workers: number of processes.
        gpus: what CUDA_VISIBLE_DEVICES is to be for each, taken in turn; None leaves it.

    Raises:
        ValueError: for a number below one, or if Dask is not installed.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers = {workers!r} is not a whole number from 1 on")
    dask, distributed = _dask()
    names = ["XLA_PYTHON_CLIENT_PREALLOCATE"] if gpus and workers > len(gpus) else []
    spec = {}
    for k in range(workers):
        env = dict.fromkeys(names, "false") | ({"CUDA_VISIBLE_DEVICES": gpus[k % len(gpus)]} if gpus else {})
        # A limit of memory would have Dask pause workers, which looks as if they were stuck.
        options = {"nthreads": 1, "env": env, "memory_limit": 0, "dashboard": False, "silence_logs": "CRITICAL"}
        options |= {"preload": ["photonics_core.cluster"]}
        spec[k] = {"cls": distributed.Nanny, "options": options}
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"dashboard": False, "dashboard_address": ":0", "host": "127.0.0.1"},
    }
    # Dask looks some seconds after a worker was lost whether it is there, and closes its nanny for good if it has just
    # been lost again, as a chunk that kills its workers does.
    settings = {
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.deploy.lost-worker-timeout": "365 days",
    }
    with (
        dask.config.set(settings),
        distributed.SpecCluster(workers=spec, scheduler=scheduler, silence_logs=40) as machines,
        distributed.Client(machines, set_as_default=False) as client,
    ):
        yield client


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the process that started this worker; Dask calls this in a worker that preloads the module."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def visible_gpus() -> list[str] | None:
    """Names of the GPUs of this machine that this process may use, for CUDA_VISIBLE_DEVICES; None where there are none.

    JAX is not asked, as it would take memory of them all.
    """
    known = os.environ.get("CUDA_VISIBLE_DEVICES")
    if known is not None:
        return [each.strip() for each in known.split(",") if each.strip()] or None
    try:
        said = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = [line for line in said.stdout.splitlines() if line.startswith("GPU ")]
    return [str(k) for k in range(len(found))] or None


def resume_command(job: str | os.PathLike[str] | None, folder: Path, client: Any) -> str:
    """The command that goes on with a run on a cluster."""
    address = str(client.scheduler.address)
    if job is None:
        return f"sweep_on_cluster(None, {address!r}, folder={str(folder)!r})"
    words = ["photonics-core", "sweep", str(job), "--out", str(folder), "--resume", "--scheduler", address]
    return shlex.join(words)


def create_on_worker(
    table: Mapping[str, Any], path: str, file: str, folder: str, precision: str, device: str, shares: int
) -> dict[str, Any]:
    """Make the run folder of a job, in a worker; return how many chunks it has."""
    from photonics_core.sweep_job import validated
    from photonics_core.sweep_worker import create_run

    if RunFolder.is_there(folder):
        _settle(RunFolder.open(folder))
    else:
        _settle(None, precision, device)
    run = create_run(validated(dict(table), path, file), path, folder, (0, shares))
    return {"chunks": run.layout["chunks"]}


def compute_on_worker(folder: str, chunk: int) -> dict[str, Any]:
    """Compute a chunk of a run and write its part, in a worker; return a few figures."""
    from photonics_core.sweep_worker import run_chunk

    _settle(RunFolder.open(folder))
    return run_chunk(folder, chunk)


def _settle(run: RunFolder | None, precision: str = "float64", device: str = "auto") -> None:
    """Give this worker process, which is a program of its own, the precision and the kind of device of a run."""
    from photonics_core.runtime import set_lapack_threads, set_precision, use_device

    if run is not None:
        precision, device = run.manifest["identity"]["precision"], run.manifest["identity"]["platform"]
    set_lapack_threads(1)
    set_precision(precision)
    use_device(device if device in ("cpu", "gpu") else "auto")


def _create(client: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Have a worker make the run folder; what is wrong with the job is said as it would be here."""
    shares = max(1, len(workers_of(client, options["resource"]) or ()))
    calls = {"the run folder": (*arguments, shares)}
    outcome = Dispatch(client, create_on_worker, calls, raises=(ValueError, OSError, DeviceError), **options).run()
    for reasons in outcome.set_aside.values():
        raise ClusterError(f"the run folder could not be made: {reasons[-1]}")


def _compute(
    client: Any, run: RunFolder, todo: list[int], options: Mapping[str, Any], progress: bool | None
) -> Outcome:
    sizes = {chunk: run.bounds(chunk)[1] - run.bounds(chunk)[0] for chunk in todo}
    count = run.layout["count"]
    done = count - sum(sizes.values())
    with follow("sweep", count, done, progress) as report:

        def news(chunk: int) -> None:
            nonlocal done
            done += sizes[chunk]
            report(done)

        calls = {chunk: (str(run.path), chunk) for chunk in todo}
        dispatch = Dispatch(client, compute_on_worker, calls, news=news, **options)
        try:
            return dispatch.run()
        finally:  # also of a run that is broken off, after which earlier ones still stand
            _note_set_aside(run, {**set_aside_chunks(run), **dispatch.outcome.set_aside})


def _missing(run: RunFolder) -> list[int]:
    """Chunks to compute, those set aside before last; parts are checked, damaged ones moved away."""
    from photonics_core.sweep import mend

    verified, _ = mend(run)
    late = set_aside_chunks(run)
    return sorted({*verified.missing, *verified.damaged}, key=lambda chunk: (chunk in late, chunk))


def set_aside_chunks(run: RunFolder) -> dict[int, list[str]]:
    """Chunks that a call before has set aside and that have no part, with the reasons."""
    try:
        chunks = json.loads((run.path / SET_ASIDE).read_bytes())["chunks"]
        found = {int(chunk): reasons for chunk, reasons in chunks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # it is a note; parts are the truth
        return {}
    missing = set(run.missing())
    return {chunk: reasons for chunk, reasons in found.items() if chunk in missing}


def _note_set_aside(run: RunFolder, chunks: Mapping[int, list[str]]) -> None:
    """List in the run folder what was set aside, or take the list away."""
    path = run.path / SET_ASIDE
    try:
        if not chunks:
            path.unlink(missing_ok=True)
            return
        text = json.dumps({"chunks": {str(chunk): reasons for chunk, reasons in chunks.items()}}, indent=1)
        write_atomically(path, lambda temporary: temporary.write_text(text))
    except OSError as error:
        said = f"chunks {listed(chunks)} are set aside" if chunks else "nothing is set aside"
        raise StoreError(f"{path} cannot be written: {error.strerror or error}; {said}") from error


@contextmanager
def _connected(client: Any) -> Iterator[Any]:
    """The client, or one of the scheduler at an address."""
    if not isinstance(client, str):
        if not (hasattr(client, "submit") and hasattr(client, "scheduler")):
            raise ValueError(f"client = {client!r} is no Dask client and no address of a scheduler")
        if client.asynchronous:
            raise ValueError("client is asynchronous: its calls would have to be awaited")
        yield client
        return
    _, distributed = _dask()
    try:
        found = distributed.Client(client, timeout=20, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(f"there is no scheduler at {client!r}: {error}") from None
    try:
        yield found
    finally:
        found.close(timeout=5)


@contextmanager
def _telling(command: str) -> Iterator[None]:
    """Add the command to go on with to what goes wrong."""
    try:
        yield
    except ClusterError as error:
        raise ClusterError(f"{error}. What is written stays; to go on: {command}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what is written stays; to go on: {command}") from None


def _check(tries: int, patience: float) -> None:
    if isinstance(tries, bool) or not isinstance(tries, int) or tries < 1:
        raise ValueError(f"tries = {tries!r} is not a whole number from 1 on")
    if not patience > 0.0:
        raise ValueError(f"patience = {patience!r} s is not above zero")


def _dask() -> tuple[Any, Any]:
    try:
        import dask  # pyright: ignore[reportMissingImports]
        import distributed  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ValueError(INSTALL) from None
    return dask, distributed
