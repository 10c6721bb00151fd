"""The report of a validation run: every case with its reference, as one HTML page and as JSON.

    report = Report(results, started, seconds)
    report.to_json()          # a summary, versions and a row for each case
    write_report(path, text)  # whole or not at all

`check_target` says before the cases run, which take minutes, whether a file can be written at all.
"""

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from photonics_core.atomic import write_atomically
from photonics_core.runtime import environment
from photonics_core.validation.registry import KINDS, Result

#: Verdicts in the order in which a report lists them, with the value of `Result.passes`.
VERDICTS: dict[str, bool | None] = {"failed": False, "skipped": None, "passed": True}


@dataclass(frozen=True)
class Report:
    """Results of a run, with what they were computed by.

    Args:
        results: of all cases of the run, those that were skipped among them.
        started: when the run began, with its time zone.
        seconds: how long it took.
        environment: versions, device and precision, by name.
        commit: the commit of the checkout, or "" for an installed package.
    """

    results: Sequence[Result]
    started: datetime
    seconds: float
    environment: dict[str, str] = field(default_factory=environment)
    commit: str = field(default_factory=lambda: checkout_commit())

    @property
    def subjects(self) -> list[str]:
        """Subjects in the order of the results."""
        return list(dict.fromkeys(result.case.subject for result in self.results))

    def of(self, verdict: str, subject: str | None = None) -> list[Result]:
        """Results of a verdict ("failed", "skipped", "passed"), of one subject or of all."""
        wanted = VERDICTS[verdict]
        return [r for r in self.results if r.passes is wanted and subject in (None, r.case.subject)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of cases by kind and verdict; the last kind is "all"."""
        found = Counter((kind, r.passes) for r in self.results for kind in (r.case.kind, "all"))
        kinds = [*(kind for kind in KINDS if any(r.case.kind == kind for r in self.results)), "all"]
        return {kind: {name: found[kind, passes] for name, passes in VERDICTS.items()} for kind in kinds}

    def to_json(self) -> dict[str, Any]:
        """The whole report: "started", "seconds", "commit", "environment", "counts" and "results", a row a case."""
        return {
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "commit": self.commit,
            "environment": self.environment,
            "counts": self.counts(),
            "results": [result.to_json() for result in self.results],
        }

    def summary(self) -> str:
        """One line: how many cases passed, failed and were skipped, and in which time."""
        counts = self.counts()["all"]
        told = ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "skipped"))
        return f"{told}, in {self.seconds:.0f} s"


def check_target(option: str, path: Path) -> None:
    """Raise a `ValueError` unless a file can be written at `path`; `option` is named in the message."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ValueError(f"{option} = {path} is a folder; give the name of a file")
    if target.exists() and not target.is_file():
        raise ValueError(f"{option} = {path} is there and is no file that could be replaced")
    try:
        with tempfile.TemporaryFile(dir=target.parent, prefix=".tmp-"):
            pass
    except OSError as error:
        raise ValueError(f"{option} = {path} cannot be written: {target.parent}: {error.strerror}") from None


def write_report(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def as_json_text(report: Report) -> str:
    """The report as a JSON file holds it."""
    return json.dumps(report.to_json(), indent=1, allow_nan=False) + "\n"


def checkout_commit() -> str:
    """Commit of the checkout that this module lies in, marked where files differ from it; "" outside a checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return ""
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit} with changes" if changed else commit


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10.0)
    return done.stdout.strip()
