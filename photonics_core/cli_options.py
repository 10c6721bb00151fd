"""Options that commands of the shell share."""

from pathlib import Path
from typing import Annotated

import typer

from photonics_core import shell_completion

Device = Annotated[
    str, typer.Option(help="Where to compute: auto, cpu or gpu.", autocompletion=shell_completion.complete_devices)
]
Precision = Annotated[
    str, typer.Option(help="float64 or float32.", autocompletion=shell_completion.complete_precisions)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")]

Devices = Annotated[int | None, typer.Option(help="Number of local devices; all by default.")]

# Of commands that write a run folder.
RunOut = Annotated[Path | None, typer.Option("--out", help="Run folder; default results/NAME of the file.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, from one block; write nothing.")]


def run_place(out: Path | None, job: Path) -> Path:
    """The run folder of a job's file."""
    return out or Path("results") / job.stem
