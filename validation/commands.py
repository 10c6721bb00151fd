"""The commands `photonics-core validate` and `photonics-core bench`. What computes is loaded when it is needed."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photonics_core.interrupts import interrupts_later
from photonics_core.validation.subjects import SUBJECTS, check_subjects

if TYPE_CHECKING:
    from photonics_core.validation.registry import Case, Result
    from photonics_core.validation.report import Report

Say = Callable[[str], None]


def validate(
    subjects: Sequence[str],
    as_json: bool,
    say: Say,
    *,
    quick: bool = False,
    html: Path | None = None,
    json_file: Path | None = None,
) -> int:
    """Run the cases of the subjects (all by default), print a row each, and return how many failed.

    Args:
        subjects: subjects or exact names.
        as_json: print JSON, an object a line, in place of a table.
        say: prints a line.
        quick: leave long cases out; they count as skipped.
        html: a page to write.
        json_file: a JSON file to write.

    Raises:
        ValueError: for an unknown subject, or a file that cannot be written; nothing has been computed then.
        KeyboardInterrupt: after Ctrl-C; the files are written, and list the cases that did not run.
    """
    check_subjects("validate", subjects)
    with interrupts_later():
        from photonics_core.validation import registry
        from photonics_core.validation.report import Report

        _check_targets(html, json_file)
        cases = registry.cases(subjects)
    if not as_json:
        say(_TITLES)
    results: list[Result] = []
    started, start = datetime.now().astimezone(), time.perf_counter()
    done = None
    try:
        for result in _run(cases, quick):
            results.append(result)
            say(json.dumps(result.to_json(), allow_nan=False) if as_json else _row(result))
    except KeyboardInterrupt:
        done = len(results)
        results += [registry.left_out(case, "not run: stopped by Ctrl-C") for case in cases[done:]]
    report = Report(results, started, time.perf_counter() - start)
    _write(report, html, json_file)
    if done is not None:
        raise KeyboardInterrupt(f"{done} of {len(cases)} cases had run")
    if not as_json:
        for result in report.of("failed"):
            say(f"failed: {result.case.name}")
        say(report.summary())
    return len(report.of("failed"))


def bench(subjects: Sequence[str], as_json: bool, say: Say, peers: Path | None) -> None:
    """Time the cases of the subjects (all by default) beside their peers, and print a row each.

    Raises:
        ValueError: for an unknown subject; nothing has been timed then.
    """
    from photonics_core.validation import benchmarks

    check_subjects("bench", subjects)
    for number, row in enumerate(benchmarks.rows(subjects, peers)):
        if number == 0 and not as_json:
            _say_bench_titles(say)
        say(json.dumps(row) if as_json else _bench_row(row))


def subjects(command: str) -> tuple[str, ...]:
    """Subjects that "validate" or "bench" takes, for the shell's completion."""
    return SUBJECTS[command]


def _run(cases: "Sequence[Case]", quick: bool) -> "Iterator[Result]":
    from photonics_core.validation import registry

    for case in cases:
        if quick and case.is_long:
            yield registry.left_out(case, "long: left out by --quick")
        else:
            yield registry.run(case)


def _check_targets(html: Path | None, json_file: Path | None) -> None:
    from photonics_core.validation.report import check_target

    for option, path in (("html", html), ("json-file", json_file)):
        if path is not None:
            check_target(option, path)
    if html is not None and json_file is not None and html.resolve() == json_file.resolve():
        raise ValueError(f"html = {html} and json-file = {json_file} are one file")


def _write(report: "Report", html: Path | None, json_file: Path | None) -> None:
    from photonics_core.validation.report import as_json_text, write_report

    if json_file is not None:
        write_report(json_file, as_json_text(report))
    if html is not None:
        from photonics_core.validation.report_page import report_page

        write_report(html, report_page(report))


_TITLES = (
    f"{'':<5} {'case':<44} {'kind':<9} {'value':<12} {'reference':<18} {'tolerance':<9} {'unit':<8} "
    f"{'time s':>7}  source"
)


def _row(result: "Result") -> str:
    mark = {True: "pass", False: "FAIL", None: "skip"}[result.passes]
    name = f"{mark:<5} {result.case.name:<44} {result.case.kind:<9}"
    end = f"{result.seconds:>7.2f}  {result.case.source}"
    if result.evidence is None:
        return f"{name} {result.skipped or result.error}; {end.strip()}"
    evidence = result.evidence
    low, high = evidence.bounds
    wanted = f"{low:g} to {high:g}" if isinstance(evidence.reference, tuple) else f"{low:.6g}"
    return f"{name} {evidence.value:<12.6g} {wanted:<18} {evidence.tolerance:<9.2g} {evidence.unit:<8} {end}"


def _say_bench_titles(say: Say) -> None:
    say(f"{'':<27}{'median ms':^20}{'':>7}{'first call s':^16}")
    titles = f"{'ours':>10}{'peer':>10}{'ratio':>7}{'ours':>8}{'peer':>8}{'difference':>12}"
    say(f"{'case':<27}{titles}  peer, device, precision")


def _bench_row(row: dict[str, Any]) -> str:
    def figure(value: float | None, scale: float = 1.0) -> str:
        return "-" if value is None else f"{scale * value:.3g}"

    times = f"{figure(row['ours_s'], 1e3):>10}{figure(row['peer_s'], 1e3):>10}{figure(row['ratio']):>7}"
    firsts = f"{figure(row['ours_first_s']):>8}{figure(row['peer_first_s']):>8}"
    difference = "-" if row["max_difference"] is None else f"{row['max_difference']:.1e}"
    peer = row["peer"] if row["skipped"] is None else f"{row['peer']} ({row['skipped']})"
    return f"{row['case']:<27}{times}{firsts}{difference:>12}  {peer}, {row['device']}, {row['dtype']}"
