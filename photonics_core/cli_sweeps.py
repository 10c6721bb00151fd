"""Commands of the shell around sweeps: run one, judge its dies, check its parts, merge them."""

import json
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from photonics_core.cli_options import Device, Devices, DryRun, Json, Precision, Resume, RunOut, run_place
from photonics_core.interrupts import interrupts_later
from photonics_core.shell_session import clear_errors, start


class _Reportable(Protocol):
    def report(self) -> str: ...

    def to_json(self) -> dict[str, Any]: ...


def _say(found: _Reportable, as_json: bool) -> None:
    typer.echo(json.dumps(found.to_json(), allow_nan=False) if as_json else found.report())


def sweep(
    job: Annotated[Path, typer.Argument(help="TOML file: function, plan, common, coordinates; see docs/batch.md.")],
    out: RunOut = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    devices: Devices = None,
    shard: Annotated[str | None, typer.Option(help="i/N: every N-th chunk from the i-th on, counted from 0.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, whose workers compute.")] = None,
    workers: Annotated[int | None, typer.Option(help="Number of processes here that compute, by Dask.")] = None,
    patience: Annotated[
        float | None, typer.Option(help="With workers: seconds without any news that are too many; 1800 by default.")
    ] = None,
    tries: Annotated[
        int | None, typer.Option(help="With workers: failures after which a chunk is set aside; 3 by default.")
    ] = None,
    resource: Annotated[str | None, typer.Option(help="Of a scheduler: workers must declare it, such as GPU.")] = None,
    as_json: Json = False,
    device: Device = "auto",
    precision: Precision = "float64",
) -> None:
    """Evaluate a function over a grid, a list or random draws, and write the results chunk by chunk.

    \b
    Example: photonics-core sweep q.toml --out results/q

    \b
    with q.toml:
      function = "my_sweeps:ring"
      [plan]
      kind = "grid"
      axes.angle = { lower = 0.1, upper = 0.3, count = 21 }

    \b
    and my_sweeps.py beside it:
      from photonics_core import AddDropRing, LinearIndex, PointCoupler
      def ring(x):
          coupler = PointCoupler(x["angle"])
          index = LinearIndex(n_eff=2.44, n_g=4.18, wl0=1.55, loss_db_cm=3.0)
          return {"q": AddDropRing(10.0, coupler, coupler, index).q_loaded(1.55)}
    """
    place = run_place(out, job)
    with clear_errors():
        with interrupts_later():
            from photonics_core.sweep_command import dry, run_job, run_job_on_workers
        of_workers = {"patience": patience, "tries": tries, "resource": resource}
        given = {name: value for name, value in of_workers.items() if value is not None}
        if given and not (scheduler or workers is not None):
            raise ValueError(f"--{next(iter(given))} needs --scheduler{'' if 'resource' in given else ' or --workers'}")
        if (scheduler or workers is not None) and not dry_run:
            here = {"devices": devices, "shard": shard}
            options = {"device": device, "precision": precision, **given}
            found = run_job_on_workers(job, place, scheduler, workers, resume=resume, **here, **options)
            _say(found, as_json)
            raise typer.Exit(0 if found.verified.is_complete else 1)
        start(device, precision)
        if dry_run:
            _say(dry(job, devices), as_json)
        else:
            _say(run_job(job, place, resume=resume, devices=devices, shard=shard), as_json)


def yield_(
    job: Annotated[Path, typer.Argument(help="TOML file of a sweep with a [spec] of limits; see docs/yield.md.")],
    out: RunOut = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    devices: Devices = None,
    as_json: Json = False,
    device: Device = "auto",
    precision: Precision = "float64",
) -> None:
    """Sweep over random dies, and say what share keeps the limits, and which limit costs what.

    \b
    Example: photonics-core yield dies.toml --out results/dies

    \b
    with dies.toml, and the function of `photonics-core sweep --help`:
      function = "my_sweeps:ring"
      [plan]
      kind = "random"
      samples = 1000
      seed = 1
      axes.angle = { mean = 0.2, deviation = 0.01 }
      [spec]
      q = { lower = 4000.0 }
    """
    place = run_place(out, job)
    with clear_errors():
        with interrupts_later():
            from photonics_core.yield_command import dry_yield, run_yield
        start(device, precision)
        if dry_run:
            _say(dry_yield(job, devices), as_json)
            return
        swept, found = run_yield(job, place, resume=resume, devices=devices)
        typer.echo(swept.report(), err=True)
        _say(found, as_json)


def verify(folder: Annotated[Path, typer.Argument(help="Run folder of a sweep.")], as_json: Json = False) -> None:
    """Check every part of a run by its digest; list what is missing or damaged. Exit code 1 if a part is.

    Example: photonics-core verify results/q
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.run_folder import RunFolder
        found = RunFolder.open(folder).verify()
        _say(found, as_json)
    raise typer.Exit(0 if found.is_complete else 1)


def merge(
    folder: Annotated[Path, typer.Argument(help="Run folder of a sweep.")],
    file: Annotated[Path, typer.Argument(help="Results file to write, .h5.")],
) -> None:
    """Check every part of a run and write one results file; one that is there is replaced.

    Example: photonics-core merge results/q q.h5
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.run_merge import merge as merge_run
        merge_run(folder, file)
    typer.echo(f"results are in {file}")
