"""How far a long run is: a bar with rate and time left in a terminal, now and then a line in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds between two lines of a log file, at least.
QUIET = 30.0

#: Takes how many are done.
Report = Callable[[int], None]


@contextmanager
def follow(title: str, total: int, done: int = 0, shown: bool | None = None, unit: str = "samples") -> Iterator[Report]:
    """Show how far a run is, on stderr.

    Args:
        title: what runs.
        total: how many there are.
        done: how many were done before.
        shown: True for a bar, False for nothing, None for a bar in a terminal and lines elsewhere.
        unit: what is counted.

    Yields:
        A function that takes how many are done by now.
    """
    if shown is False:
        yield lambda count: None
    elif shown or sys.stderr.isatty():
        with _bar(title, total, done, unit) as report:
            yield report
    else:
        yield _lines(title, total, done, unit)


@contextmanager
def _bar(title: str, total: int, done: int, unit: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), rate, TimeRemainingColumn()
    start = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, completed=done, rate="")

        def report(count: int) -> None:
            bar.update(task, completed=count, rate=_rate(count - done, time.monotonic() - start, unit))

        yield report


def _lines(title: str, total: int, done: int, unit: str) -> Report:
    start = time.monotonic()
    last = [start]

    def report(count: int) -> None:
        now = time.monotonic()
        if now - last[0] < QUIET:
            return
        last[0] = now
        rate = (count - done) / max(now - start, 1e-9)
        left = f", {said_time((total - count) / rate)} left" if rate > 0 else ""
        said = f"{count} of {total} {unit} ({100.0 * count / total:.3g} %)"
        print(f"{title}: {said}, {_rate(count - done, now - start, unit)}{left}", file=sys.stderr)

    return report


def _rate(count: int, seconds: float, unit: str) -> str:
    return f"{count / max(seconds, 1e-9):.3g} {unit}/s"


def said_time(seconds: float) -> str:
    """Seconds as text, in the unit that suits."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1.0 else f"{1e3 * seconds:.3g} ms"


def said_bytes(count: float) -> str:
    """Bytes as text, in the unit that suits."""
    for size, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} bytes"
