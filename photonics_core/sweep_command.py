"""The command `photonics-core sweep`: a job from a file, run, resumed, shared out, or only costed."""

import re
import shlex
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photonics_core.hdf5_variables import StoreError
from photonics_core.run_folder import RunFolder
from photonics_core.sweep import Swept, check_shard, run_chunks
from photonics_core.sweep_job import SweepJob, read_sweep_job
from photonics_core.sweep_setup import Cost, Setup

if TYPE_CHECKING:
    from photonics_core.cluster import ClusterRun

#: Options of the shell that need not be repeated in a command.
USUAL: dict[str, Any] = {"device": "auto", "precision": "float64", "tries": 3, "patience": 1800.0}


def dry(file: Path, devices: int | None) -> Cost:
    """What a job would cost; one block is computed and nothing written.

    Raises:
        ValueError: for a job that cannot be run.
    """
    job = read_sweep_job(file)
    return job.setup(file.resolve().parent).cost(job.chunk, job.block, devices)


def note_start(folder: Path, resume: bool) -> None:
    """Say on the error stream that a run which was to go on is not there and starts: the folder may be mistyped."""
    if resume and not RunFolder.is_there(folder):
        print(f"{folder} holds no run yet; one is started there", file=sys.stderr)


def run_job(
    file: Path,
    folder: Path,
    *,
    resume: bool = False,
    devices: int | None = None,
    shard: str | None = None,
    progress: bool | None = None,
) -> Swept:
    """Run a job, or a share of it.

    Args:
        file: TOML job.
        folder: run folder; one that is there goes on only with `resume`, or where the work is shared.
        resume: whether to go on.
        devices: number of local devices, None for all.
        shard: "i/N", or None.
        progress: as for `sweep`.

    Raises:
        ValueError: for a job that cannot be run, or a folder that holds a run.
        KeyboardInterrupt: after Ctrl-C, with a message.
    """
    share = shard_of(shard)
    _check_free(folder, resume or share is not None)
    job = read_sweep_job(file)
    setup = job.setup(file.resolve().parent)
    note_start(folder, resume)
    return run_settings(job, setup, folder, resume=True, devices=devices, share=share, progress=progress)


def run_settings(
    job: SweepJob,
    setup: Setup,
    folder: Path,
    *,
    resume: bool = False,
    devices: int | None = None,
    share: tuple[int, int] | None = None,
    progress: bool | None = None,
) -> Swept:
    """Run a job that is read and set up; arguments and errors as for `run_job`."""
    _check_free(folder, resume)
    run, engine = setup.open_run(folder, job.chunk, job.block, devices, share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the report says it
        try:
            return run_chunks(run, setup, engine, shard=share, progress=progress)
        except KeyboardInterrupt:
            chunks = run.layout["chunks"]
            there = f"{chunks - len(run.missing())} of {chunks} parts are in {folder}"
            raise KeyboardInterrupt(f"{there}; the same command with --resume goes on from there") from None


def _check_free(folder: Path, resume: bool) -> None:
    if RunFolder.is_there(folder) and not resume:
        raise StoreError(f"{folder} holds a run already; add --resume to go on, or take another folder with --out")


def run_job_on_workers(
    file: Path,
    folder: Path,
    scheduler: str | None,
    workers: int | None,
    *,
    resume: bool = False,
    devices: int | None = None,
    shard: str | None = None,
    resource: str | None = None,
    **options: Any,
) -> "ClusterRun":
    """Run a job on the workers of a Dask scheduler, or on processes started here.

    Args:
        file: TOML job.
        folder: run folder; one that is there goes on only with `resume`.
        scheduler: address of a scheduler, or None.
        workers: number of processes to start here, or None.
        resume: whether to go on.
        devices, shard: None: workers have each their own.
        resource: as for `sweep_on_cluster`; only for a scheduler.
        options: as for `sweep_on_cluster`.

    Raises:
        ValueError: for options that do not go together, and as `run_job` and `sweep_on_cluster` do.
        ClusterError: if the workers make no progress.
    """
    from photonics_core.cluster import local_cluster, sweep_on_cluster, visible_gpus

    if scheduler and workers is not None:
        raise ValueError("give either --scheduler or --workers")
    for name, value in (("devices", devices), ("shard", shard), ("resource", resource if workers else None)):
        if value is not None:
            raise ValueError(f"--{name} does not go with {'--scheduler' if scheduler else '--workers'}")
    _check_free(folder, resume)
    read_sweep_job(file)  # a job that cannot be read starts no workers
    note_start(folder, resume)
    if scheduler:
        return sweep_on_cluster(file, scheduler, folder=folder, resource=resource, **options)
    again = shlex.join([*_words(file, folder, options), "--workers", str(workers)])
    gpus = None if options.get("device") == "cpu" else visible_gpus()
    with local_cluster(workers or 0, gpus) as client:
        return sweep_on_cluster(file, client, folder=folder, resume=again, **options)


def _words(file: Path, folder: Path, options: Mapping[str, Any]) -> list[str]:
    words = ["photonics-core", "sweep", str(file), "--out", str(folder), "--resume"]
    return words + [f"--{name}={value}" for name, value in options.items() if value != USUAL.get(name)]


def shard_of(text: str | None) -> tuple[int, int] | None:
    """The share "i/N" as two numbers.

    Raises:
        ValueError: for another form, or i outside 0 to N - 1.
    """
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}/\d{1,9}", text):
        raise ValueError(f"shard = {text!r} is not of the form i/N, such as 0/8")
    first, count = map(int, text.split("/"))
    check_shard((first, count))
    return first, count
