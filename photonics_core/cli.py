"""The shell: run a job, sweep, fit measured spectra, validate, benchmark, and say what is installed.

Nothing heavy is imported before a command needs it. The exit codes are in `EXIT_CODES`, which `--help` prints.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from photonics_core import shell_completion
from photonics_core.interrupts import interrupts_later
from photonics_core.shell_session import clear_errors, results_folder, start, use_cache

#: In click's notation: the first line keeps the line breaks of what follows.
EXIT_CODES = """\b
Exit codes:
  0    done
  1    a validation case failed, a run is not complete, or an error of the program
  2    bad input: nothing was computed, or what could not be used is listed
  130  stopped by Ctrl-C"""

EXAMPLES = """\b
Examples:
  photonics-core info
  photonics-core run wdm-transmitter --set channels=4 --out results/four
  photonics-core validate films --html report.html
  photonics-core --cache run engine      (keeps compiled programs for the next run)"""

# Plain text: boxes break the lines of examples, and the package that draws them takes half of the time of --help.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Photonic device physics on JAX: ring transmitters, fits of measured spectra, validation, benchmarks."
    f"\n\n{EXAMPLES}\n\n{EXIT_CODES}",
)

Device = Annotated[
    str, typer.Option(help="Where to compute: auto, cpu or gpu.", autocompletion=shell_completion.complete_devices)
]
Precision = Annotated[
    str, typer.Option(help="float64 or float32.", autocompletion=shell_completion.complete_precisions)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        import photonics_core

        typer.echo(photonics_core.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache",
            help="Keep compiled programs on disk for the next run; as PHOTONICS_CORE_CACHE=1, or =FOLDER, does.",
        ),
    ] = False,
) -> None:
    del version
    if cache:  # the environment reaches processes that a command starts
        os.environ.setdefault("PHOTONICS_CORE_CACHE", "1")
    if os.environ.get("PHOTONICS_CORE_CACHE"):
        from photonics_core.compilation_cache import chosen_by_environment, hide_notes_of_loading

        if chosen_by_environment() is not None:
            hide_notes_of_loading()


def main() -> None:
    """Entry point of the command `photonics-core`."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        sys.exit(130)


@app.command()
def run(
    job: Annotated[
        str,
        typer.Argument(
            help='Name of a job, or a TOML file with job = "NAME" and its settings; `info` lists the jobs.',
            autocompletion=shell_completion.complete_jobs,
        ),
    ],
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting, key=value; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default results/NAME.")] = None,
    device: Device = "auto",
    precision: Precision = "float64",
) -> None:
    """Run a job and write its results.

    \b
    Examples:
      photonics-core run wdm-transmitter --set channels=4 --out results/four
      photonics-core run engine
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.suggestions import read_job

            found, checked = read_job(job, settings or ())
        folder = out or Path("results") / found.name
        start(device, precision)
        with results_folder(folder):
            found.run(checked, folder, typer.echo)
    typer.echo(f"results are in {folder}")


@app.command(short_help="Evaluate over a grid, a list or draws.")
def sweep(
    job: Annotated[Path, typer.Argument(help="TOML file: function, plan, common, coordinates; see docs/batch.md.")],
    out: Annotated[Path | None, typer.Option(help="Run folder; default results/NAME of the file.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, from one block; write nothing.")
    ] = False,
    devices: Annotated[int | None, typer.Option(help="Number of local devices; all by default.")] = None,
    shard: Annotated[str | None, typer.Option(help="i/N: every N-th chunk from the i-th on, counted from 0.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, whose workers compute.")] = None,
    workers: Annotated[int | None, typer.Option(help="Number of processes here that compute, by Dask.")] = None,
    patience: Annotated[float, typer.Option(help="With workers: seconds without any news that are too many.")] = 1800.0,
    tries: Annotated[int, typer.Option(help="With workers: failures after which a chunk is set aside.")] = 3,
    resource: Annotated[str | None, typer.Option(help="Of a scheduler: workers must declare it, such as GPU.")] = None,
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
    place = out or Path("results") / job.stem
    with clear_errors():
        with interrupts_later():
            from photonics_core.sweep_command import dry, run_job, run_job_on_workers
        if (scheduler or workers is not None) and not dry_run:
            options = {"patience": patience, "tries": tries, "resource": resource}
            options |= {"device": device, "precision": precision, "devices": devices, "shard": shard}
            is_whole, said = run_job_on_workers(job, place, scheduler, workers, resume=resume, **options)
            typer.echo(said)
            raise typer.Exit(0 if is_whole else 1)
        start(device, precision)
        if dry_run:
            typer.echo(dry(job, devices))
        else:
            typer.echo(run_job(job, place, resume=resume, devices=devices, shard=shard))


@app.command(name="yield", short_help="Sweep over dies: which share is good.")
def yield_(
    job: Annotated[Path, typer.Argument(help="TOML file of a sweep with a [spec] of limits; see docs/yield.md.")],
    out: Annotated[Path | None, typer.Option(help="Run folder; default results/NAME of the file.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, from one block; write nothing.")
    ] = False,
    devices: Annotated[int | None, typer.Option(help="Number of local devices; all by default.")] = None,
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
    place = out or Path("results") / job.stem
    with clear_errors():
        with interrupts_later():
            from photonics_core.yield_command import dry_yield, run_yield
        start(device, precision)
        if dry_run:
            typer.echo(dry_yield(job, devices))
            return
        said, found = run_yield(job, place, resume=resume, devices=devices)
        typer.echo(said, err=True)
        typer.echo(json.dumps(found.to_json()) if as_json else found.report())


@app.command(short_help="Check every part of a run by its digest.")
def verify(folder: Annotated[Path, typer.Argument(help="Run folder of a sweep.")], as_json: Json = False) -> None:
    """Check every part of a run by its digest; list what is missing or damaged. Exit code 1 if a part is.

    Example: photonics-core verify results/q
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.run_folder import RunFolder
        found = RunFolder.open(folder).verify()
        typer.echo(json.dumps(asdict(found) | {"complete": found.is_complete}) if as_json else found.report())
    raise typer.Exit(0 if found.is_complete else 1)


@app.command(short_help="Check a run and write one results file.")
def merge(
    folder: Annotated[Path, typer.Argument(help="Run folder of a sweep.")],
    file: Annotated[Path, typer.Argument(help="Results file to write, .h5.")],
) -> None:
    """Check every part of a run and write one results file.

    Example: photonics-core merge results/q q.h5
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.run_merge import merge as merge_run
        merge_run(folder, file)
    typer.echo(f"results are in {file}")


@app.command(short_help="Fit resonances of measured rings.")
def fit(
    files: Annotated[list[Path], typer.Argument(help="Measured spectra, .mat or .csv; or one folder of them.")],
    radius: Annotated[float | None, typer.Option(help="Radius in um, where the file's name does not say it.")] = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Of a folder: table to write, .h5.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of a folder: say what would be read; fit nothing.")
    ] = False,
    regime: Annotated[str | None, typer.Option(help="Of a folder: under or over, where it is known for all.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Of a folder: names' expression with groups x and y.")] = None,
    pitch: Annotated[float, typer.Option(help="Of a folder: um for one unit of x and y in the names.")] = 1.0,
    devices: Annotated[int | None, typer.Option(help="Number of local devices; all by default.")] = None,
    device: Device = "auto",
    precision: Precision = "float64",
) -> None:
    """Fit resonances of measured rings: n_g, loss, coupling and regime.

    A folder is fitted in one batch; files that cannot be used are listed, and end in exit code 2.

    \b
    Examples:
      photonics-core fit ring_r25_gap300.mat ring_r25_gap500.mat --radius 25
      photonics-core fit wafer3/ --out wafer3.h5 --pattern "_x(?P<x>-?[0-9]+)_y(?P<y>-?[0-9]+)" --pitch 10000
    """
    if len(files) == 1 and files[0].is_dir():
        with clear_errors():
            with interrupts_later():
                from photonics_core.fit_command import fit_wafer
            if not dry_run:
                start(device, precision)
            plan = {"radius": radius, "pattern": pattern, "pitch": pitch}
            options = {"regime": regime, "devices": devices, "as_json": as_json, "dry_run": dry_run}
            failed = fit_wafer(files[0], out, plan, typer.echo, **options)
        raise typer.Exit(2 if failed else 0)
    fits, failures = [], {}
    with clear_errors():
        with interrupts_later():
            from photonics_core.fit import decide_series, fit_ring
            from photonics_core.spectra import SpectrumError, nominal_radius
        for file in files:
            try:
                fits.append(fit_ring(file, nominal_radius(file) or radius))
            except SpectrumError as error:  # one bad file does not cost the others
                failures[str(file)] = str(error)
        rows = [ring.to_json() for ring in decide_series(fits)]
    if as_json:
        for row in rows + [{"file": file, "error": error} for file, error in failures.items()]:
            typer.echo(json.dumps(row, allow_nan=False))
    elif rows:
        from photonics_core.fit_lines import fit_lines

        typer.echo("\n".join(fit_lines(rows)))
    for error in failures.values():
        typer.echo(f"error: {error}", err=True)
    raise typer.Exit(2 if failures else 0)


@app.command(short_help="Compare with references; write a report.")
def validate(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            help="Subjects or cases; all by default.", autocompletion=shell_completion.complete_subjects("validate")
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out cases that take long; they are skipped.")] = False,
    html: Annotated[Path | None, typer.Option(help="Report to write: one HTML page with figures.")] = None,
    json_file: Annotated[Path | None, typer.Option(help="Report to write: one JSON object.")] = None,
    as_json: Json = False,
    device: Device = "auto",
) -> None:
    """Compare with analytic, published and measured references.

    Cases whose data or peers are not here are skipped, with the reason. Exit code 1 if a case fails. All cases take
    long; --quick leaves out the longest.

    \b
    Examples:
      photonics-core validate rings films --html report.html
      photonics-core validate --quick --json-file report.json
    """
    with clear_errors():
        command = _evidence("validate", subjects)
        start(device, "float64")
        failed = command(subjects or [], as_json, typer.echo, quick=quick, html=html, json_file=json_file)
        for path in (html, json_file):
            if path is not None:
                typer.echo(f"the report is in {path}", err=True)
    raise typer.Exit(1 if failed else 0)


@app.command(short_help="Time against peers on the same work.")
def bench(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            help="Subjects or cases; all by default.", autocompletion=shell_completion.complete_subjects("bench")
        ),
    ] = None,
    as_json: Json = False,
    device: Device = "auto",
    precision: Precision = "float64",
    peers: Annotated[Path | None, typer.Option(help="Python of the environment that holds the peers.")] = None,
) -> None:
    """Time against peers on the same work, with the largest difference of the results.

    \b
    Examples:
      photonics-core bench rings
      photonics-core bench rings --peers .venv-peers/bin/python
    """
    with clear_errors():
        command = _evidence("bench", subjects)
        start(device, precision)
        command(subjects or [], as_json, typer.echo, peers)


@app.command(short_help="Say what there is, and what is amiss.")
def info(as_json: Json = False) -> None:
    """Say which versions, devices, threads, extras and jobs there are, and what is amiss.

    \b
    Examples:
      photonics-core info
      photonics-core info --json
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.info_command import information, say_information
            from photonics_core.runtime import set_precision
        set_precision("float64")  # as every command does unless told otherwise
        use_cache()
        found = information()
        if as_json:
            typer.echo(json.dumps(found))
        else:
            say_information(found, typer.echo)


def _evidence(name: str, subjects: Sequence[str] | None) -> Callable[..., Any]:
    """The commands of the layer above, found by entry point: nothing here imports upwards.

    Misspelt subjects are found here, before anything heavy is loaded.
    """
    from importlib.metadata import entry_points

    command = next(iter(entry_points(group=shell_completion.EVIDENCE, name=name)))
    import_module(command.module).check_subjects(name, subjects or ())
    return command.load()
