"""The shell: run a job, sweep, fit measured spectra, validate, benchmark, and say what is installed.

Nothing heavy is imported before a command needs it. The exit codes are in `EXIT_CODES`, which `--help` prints.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from photonics_core import cli_sweeps, shell_completion
from photonics_core.cli_options import Device, Devices, Json, Precision
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
app: typer.Typer = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    help="Photonic device physics on JAX: ring transmitters, fits of measured spectra, validation, benchmarks."
    f"\n\n{EXAMPLES}\n\n{EXIT_CODES}",
)


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
    """Run a job and write its results; those that are there are replaced.

    \b
    Examples:
      photonics-core run wdm-transmitter --set channels=4 --out results/four
      photonics-core run engine
    """
    with clear_errors():
        with interrupts_later():
            from photonics_core.jobs import read_job

            found, checked = read_job(job, settings or ())
        folder = out or Path("results") / found.name
        start(device, precision)
        with results_folder(folder):
            found.run(checked, folder, typer.echo)
    typer.echo(f"results are in {folder}")


# Found in `photonics_core.cli_sweeps`.
app.command(short_help="Evaluate over a grid, a list or draws.")(cli_sweeps.sweep)
app.command(name="yield", short_help="Sweep over dies: which share is good.")(cli_sweeps.yield_)
app.command(short_help="Check every part of a run by its digest.")(cli_sweeps.verify)
app.command(short_help="Check a run and write one results file.")(cli_sweeps.merge)


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
    devices: Devices = None,
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
    is_folder = len(files) == 1 and files[0].is_dir()
    of_folder = {"out": out, "dry-run": dry_run or None, "regime": regime, "pattern": pattern, "devices": devices}
    with clear_errors():
        with interrupts_later():
            from photonics_core.fit_command import fit_files, fit_wafer
        for name, value in of_folder.items():
            if value is not None and not is_folder:
                raise ValueError(f"--{name} is for a folder of spectra, not for files")
        if not dry_run:
            start(device, precision)
        if is_folder:
            plan = {"radius": radius, "pattern": pattern, "pitch": pitch}
            options = {"regime": regime, "devices": devices, "as_json": as_json, "dry_run": dry_run}
            failed = fit_wafer(files[0], out, plan, typer.echo, **options)
        else:
            failures = fit_files(files, radius, typer.echo, as_json=as_json)
            for error in failures:
                typer.echo(f"error: {error}", err=True)
            failed = bool(failures)
    raise typer.Exit(2 if failed else 0)


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
        if peers is not None and not peers.is_file():
            raise ValueError(f"peers = {peers} is not there; it has to be the Python of an environment")
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
