"""The command `photonics-core sweep`: a job from a file, run, resumed, shared out, or only costed."""

import re
import warnings
from pathlib import Path

from photonics_core.hdf5_variables import StoreError
from photonics_core.run_folder import RunFolder
from photonics_core.sweep import check_shard, run_chunks
from photonics_core.sweep_job import read_sweep_job


def dry(file: Path, devices: int | None) -> str:
    """What a job would cost, as text; one block is computed and nothing written.

    Raises:
        ValueError: for a job that cannot be run.
    """
    job = read_sweep_job(file)
    return job.setup(file.resolve().parent).cost(job.chunk, job.block, devices).report()


def run_job(
    file: Path,
    folder: Path,
    *,
    resume: bool = False,
    devices: int | None = None,
    shard: str | None = None,
    progress: bool | None = None,
) -> str:
    """Run a job, or a share of it, and say what came of it.

    Args:
        file: TOML job.
        folder: run folder; one that is there goes on only with `resume`, or where the work is shared.
        resume: whether to go on.
        devices: number of local devices, None for all.
        shard: "i/N", or None.
        progress: as for `sweep`.

    Raises:
        ValueError: for a job that cannot be run, or a folder that holds a run.
    """
    share = shard_of(shard)
    if RunFolder.is_there(folder) and not (resume or share):
        raise StoreError(f"{folder} holds a run already; add --resume to go on, or take another folder with --out")
    job = read_sweep_job(file)
    setup = job.setup(file.resolve().parent)
    run, engine = setup.open_run(folder, job.chunk, job.block, devices, share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the report says it
        found = run_chunks(run, setup, engine, shard=share, progress=progress)
    return found.report()


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
