"""Options that commands of the shell share."""

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
