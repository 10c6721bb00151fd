"""The shell: run a job, sweep, fit measured spectra, validate, benchmark, and say what is installed.

Nothing heavy is imported before a command needs it. Exit codes: 0 done, 1 a validation case failed or a run is
not complete, 2 bad input, 130 stopped by Ctrl-C.
"""

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer

from photonics_core.errors import ClusterError, DeviceError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Photonic device physics on JAX: ring transmitters, fits of measured spectra, validation, benchmarks.",
)

Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu or gpu.")]
Precision = Annotated[str, typer.Option(help="float64 or float32.")]
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
) -> None:
    del version


def main() -> None:
    """Entry point of the command `photonics-core`."""
    app()


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="Name of a job, or a TOML file with `job = NAME` and its settings.")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting, key=value; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default results/NAME.")] = None,
    device: Device = "auto",
    precision: Precision = "float64",
) -> None:
    """Run a job and write its results.

    Example: photonics-core run wdm-transmitter --set channels=4 --out results/four
    """
    from photonics_core.jobs import read_job

    with _clear_errors():
        found, checked = read_job(job, settings or ())
        folder = out or Path("results") / found.name
        _start(device, precision)
        with _results_folder(folder):
            found.run(checked, folder, typer.echo)
    typer.echo(f"results are in {folder}")


@app.command()
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

    Example: photonics-core sweep drop.toml --out results/drop --resume
    """
    from photonics_core.sweep_command import dry, run_job, run_job_on_workers

    place = out or Path("results") / job.stem
    with _clear_errors():
        if (scheduler or workers is not None) and not dry_run:
            options = {"patience": patience, "tries": tries, "resource": resource}
            options |= {"device": device, "precision": precision, "devices": devices, "shard": shard}
            is_whole, said = run_job_on_workers(job, place, scheduler, workers, resume=resume, **options)
            typer.echo(said)
            raise typer.Exit(0 if is_whole else 1)
        _start(device, precision)
        if dry_run:
            typer.echo(dry(job, devices))
        else:
            typer.echo(run_job(job, place, resume=resume, devices=devices, shard=shard))


@app.command(name="yield")
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

    Example: photonics-core yield dies.toml --out results/dies
    """
    from photonics_core.yield_command import dry_yield, run_yield

    place = out or Path("results") / job.stem
    with _clear_errors():
        _start(device, precision)
        if dry_run:
            typer.echo(dry_yield(job, devices))
            return
        said, found = run_yield(job, place, resume=resume, devices=devices)
        typer.echo(said, err=True)
        typer.echo(json.dumps(found.to_json()) if as_json else found.report())


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="Run folder of a sweep.")]) -> None:
    """Check every part of a run by its digest; list what is missing or damaged.

    Example: photonics-core verify results/drop
    """
    from photonics_core.run_folder import RunFolder

    with _clear_errors():
        found = RunFolder.open(folder).verify()
    typer.echo(found.report())
    raise typer.Exit(0 if found.is_complete else 1)


@app.command()
def merge(
    folder: Annotated[Path, typer.Argument(help="Run folder of a sweep.")],
    file: Annotated[Path, typer.Argument(help="Results file to write, .h5.")],
) -> None:
    """Check every part of a run and write one results file.

    Example: photonics-core merge results/drop drop.h5
    """
    from photonics_core.run_merge import merge as merge_run

    with _clear_errors():
        merge_run(folder, file)
    typer.echo(f"results are in {file}")


@app.command()
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

    Example: photonics-core fit ring_r25_gap300.mat ring_r25_gap500.mat --radius 25

    Example: photonics-core fit wafer3/ --out wafer3.h5 --pattern "_x(?P<x>-?[0-9]+)_y(?P<y>-?[0-9]+)" --pitch 10000
    """
    if len(files) == 1 and files[0].is_dir():
        from photonics_core.fit_command import fit_wafer

        with _clear_errors():
            if not dry_run:
                _start(device, precision)
            plan = {"radius": radius, "pattern": pattern, "pitch": pitch}
            options = {"regime": regime, "devices": devices, "as_json": as_json, "dry_run": dry_run}
            failed = fit_wafer(files[0], out, plan, typer.echo, **options)
        raise typer.Exit(2 if failed else 0)
    from photonics_core.fit import decide_series, fit_ring
    from photonics_core.spectra import SpectrumError, nominal_radius

    fits, failures = [], {}
    with _clear_errors():
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
        _print_fits(rows)
    for error in failures.values():
        typer.echo(f"error: {error}", err=True)
    raise typer.Exit(2 if failures else 0)


@app.command()
def validate(
    subjects: Annotated[list[str] | None, typer.Argument(help="Subjects or cases; all by default.")] = None,
    as_json: Json = False,
    device: Device = "auto",
) -> None:
    """Compare with analytic, published and measured references.

    Example: photonics-core validate rings
    """
    with _clear_errors():
        _start(device, "float64")
        failed = _evidence("validate")(subjects or [], as_json, typer.echo)
    raise typer.Exit(1 if failed else 0)


@app.command()
def bench(
    subjects: Annotated[list[str] | None, typer.Argument(help="Subjects or cases; all by default.")] = None,
    as_json: Json = False,
    device: Device = "auto",
    precision: Precision = "float64",
    peers: Annotated[Path | None, typer.Option(help="Python of the environment that holds the peers.")] = None,
) -> None:
    """Time against peers on the same work, with the largest difference of the results.

    Example: photonics-core bench rings --peers .venv-peers/bin/python
    """
    with _clear_errors():
        _start(device, precision)
        _evidence("bench")(subjects or [], as_json, typer.echo, peers)


@app.command()
def info() -> None:
    """Say which versions, devices, precision and jobs there are."""
    from photonics_core.jobs import job_names
    from photonics_core.runtime import environment, set_precision

    set_precision("float64")  # as every command does unless told otherwise
    for key, value in environment().items():
        typer.echo(f"{key:<12} {value}")
    typer.echo(f"{'jobs':<12} {', '.join(job_names())}")


def _evidence(name: str) -> Callable[..., Any]:
    """The commands of the layer above, found by entry point: nothing here imports upwards."""
    return next(iter(entry_points(group="photonics_core.evidence", name=name))).load()


def _start(device: str, precision: str) -> None:
    from photonics_core.runtime import device_name, set_lapack_threads, set_precision, use_device

    set_lapack_threads(1)
    set_precision(precision)
    use_device(device)
    typer.echo(f"device: {device_name()}, precision: {precision}", err=True)


@contextmanager
def _results_folder(folder: Path) -> Iterator[None]:
    """Make the folder before any work is done in vain, and take an empty one away if the work fails."""
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"out = {folder} is not a folder to write to: {error.strerror}") from None
    try:
        yield
    except BaseException:
        if made and not any(folder.iterdir()):
            folder.rmdir()
        raise


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn an error that the user can mend into one line on stderr and exit code 2."""
    try:
        yield
    except (ValueError, OSError, DeviceError, ClusterError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as error:
        typer.echo(f"stopped{f': {error}' if str(error) else ''}", err=True)
        raise typer.Exit(130) from None


_COLUMNS = {"q": "Q", "fsr_nm": "FSR nm", "n_g": "n_g", "loss_db_cm": "loss dB/cm", "power_coupling": "coupling"}


def _print_fits(rows: list[dict[str, Any]]) -> None:
    names = [Path(row["file"]).name for row in rows]
    width = max(len(name) for name in names)
    titles = "".join(f"{title:>18}" for title in _COLUMNS.values())
    typer.echo(f"{'file':<{width}} {'R um':>6} {'lines':>6}{titles}  regime")
    for name, row in zip(names, rows, strict=True):
        typer.echo(f"{name:<{width}} {_number(row['radius_um']):>6} {len(row['resonances_nm']):>6}{_figures(row)}")
        if row["regime"] is None:
            for reading in row["candidates"]:
                typer.echo(f"{'  either':<{width}} {'':>6} {'':>6}{_figures(reading)}?")
        for note in row["notes"]:
            typer.echo(f"  {note}")


def _figures(row: dict[str, Any]) -> str:
    figures = "".join(f"{_with_error(row.get(key), row.get(f'{key}_se')):>18}" for key in _COLUMNS)
    return f"{figures}  {row['regime'] or '-'}"


def _with_error(value: float | None, error: float | None) -> str:
    """A value to the first digit of its error, with that digit in brackets: 0.0166(6)."""
    if value is None:
        return "-"
    if not error:
        return f"{value:.5g}"
    decimals = max(0, -math.floor(math.log10(error)))
    return f"{value:.{decimals}f}({round(error * 10**decimals)})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
