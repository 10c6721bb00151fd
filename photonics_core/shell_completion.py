"""What the shell completes besides commands and options: jobs, subjects, devices. Loads nothing that computes."""

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

EVIDENCE = "photonics_core.evidence"


def complete_jobs(incomplete: str) -> list[str]:
    """Names of jobs, and TOML files of this folder; paths into other folders are left to the shell."""
    names = [
        *sorted(entry_points(group="photonics_core.jobs").names),
        *sorted(path.name for path in Path().glob("*.toml")),
    ]
    return [name for name in names if name.startswith(incomplete)]


def complete_subjects(command: str) -> Callable[[str], list[str]]:
    """A completion of the subjects of "validate" or "bench"."""

    def complete(incomplete: str) -> list[str]:
        for entry in entry_points(group=EVIDENCE, name=command):
            names = importlib.import_module(entry.module).subjects(command)
            return [name for name in names if name.startswith(incomplete)]
        return []

    return complete


def complete_devices(incomplete: str) -> list[str]:
    """What --device takes."""
    return [name for name in ("auto", "cpu", "gpu") if name.startswith(incomplete)]


def complete_precisions(incomplete: str) -> list[str]:
    """What --precision takes."""
    return [name for name in ("float64", "float32") if name.startswith(incomplete)]
