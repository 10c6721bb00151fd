"""The chunk as a unit of work: what job arrays and cluster engines call, in any process, as often as they like.

    run = create_run(job, folder_of_modules, "results/drop")     # once, anywhere
    for chunk in plan_chunks("results/drop"):                    # numbers, nothing else
        run_chunk("results/drop", chunk)                         # in any process on any machine that sees the folder

A chunk whose part is there is not computed again, and one that is computed twice gives the same bytes of results. What
comes back is a small dict: results go to disk, never through an engine.
"""

import functools
import os
import time
from typing import Any

from photonics_core.hdf5_variables import StoreError
from photonics_core.run_folder import RunFolder
from photonics_core.sweep import mend, write_chunk
from photonics_core.sweep_engine import Engine
from photonics_core.sweep_job import SweepJob, validated
from photonics_core.sweep_setup import Setup


def create_run(
    job: SweepJob,
    path: str | os.PathLike[str] | None,
    folder: str | os.PathLike[str],
    shard: tuple[int, int] | None = None,
) -> RunFolder:
    """Make the run folder of a job without computing any chunk; or open it, if it is there and of the same job.

    Args:
        job: the job.
        path: folder where the modules it names may lie.
        folder: the run folder.
        shard: as for `sweep`: how many shares there will be.

    Raises:
        StoreError, ValueError: as `sweep` does.
    """
    return job.setup(path).open_run(folder, job.chunk, job.block, None, shard)[0]


def plan_chunks(folder: str | os.PathLike[str], shard: tuple[int, int] | None = None) -> list[int]:
    """Chunks of a run that are to be computed: parts that are there are checked, damaged ones set aside.

    Raises:
        StoreError: if there is no run.
    """
    run = RunFolder.open(folder)
    verified, _ = mend(run, shard)
    return sorted({*verified.missing, *verified.damaged})


def run_chunk(folder: str | os.PathLike[str], chunk: int, *, devices: int | None = None) -> dict[str, Any]:
    """Compute a chunk of a run that was made from a job, and write its part; in any process, as often as one likes.

    The program is compiled once a process and run. The process must have the precision of the run:
    `set_precision(RunFolder.open(folder).manifest["identity"]["precision"])`.

    Args:
        folder: the run folder.
        chunk: number of the chunk.
        devices: as for `sweep`.

    Returns:
        "chunk", "samples", "seconds", "not_finite" (by result) and "computed": False where the part was there.

    Raises:
        StoreError: if there is no such run or chunk, the run has no job, differs from what this process would compute,
            or the part cannot be written.
    """
    run = RunFolder.open(folder)
    start, stop = run.bounds(chunk)
    try:
        facts = run.facts(chunk) if run.part(chunk).exists() else None
    except StoreError:
        run.set_aside(chunk)
        facts = None
    if facts is not None:
        return _said(chunk, stop - start, facts["seconds"], facts["not_finite"], computed=False)
    setup, engine = _worker(str(run.path.resolve()), run.id, devices)
    began = time.monotonic()
    found = engine.compute(start, stop)
    seconds = time.monotonic() - began
    bad = write_chunk(run, setup, chunk, found, seconds)
    return _said(chunk, stop - start, seconds, bad, computed=True)


def job_of(run: RunFolder) -> tuple[SweepJob, str | None]:
    """The job that a run was made from, and the folder where the modules it names may lie.

    Raises:
        StoreError: if the run was made by `sweep` from objects of a program.
        JobError: if the modules cannot be loaded here.
    """
    job = run.manifest["job"]
    if job is None:
        raise StoreError(
            f"{run.path} was made from objects of a program, not from a job: go on with the program that made it, "
            "with shard=(i, N) to share the work"
        )
    return validated(job["settings"], job["path"], str(run.path)), job["path"]


@functools.lru_cache(maxsize=1)
def _worker(folder: str, run_id: str, devices: int | None) -> tuple[Setup, Engine]:
    """The program of a run in this process; the last one is kept, for a worker computes many chunks of one run."""
    run = RunFolder.open(folder)
    if run.id != run_id:
        raise StoreError(f"{folder} has become another run")
    job, path = job_of(run)
    setup = job.setup(path)
    _, engine = setup.open_run(folder, None, None, devices)
    return setup, engine


def _said(chunk: int, samples: int, seconds: float, bad: dict[str, int], *, computed: bool) -> dict[str, Any]:
    found = {"chunk": chunk, "samples": samples, "seconds": round(seconds, 4)}
    return {**found, "not_finite": {name: count for name, count in bad.items() if count}, "computed": computed}
