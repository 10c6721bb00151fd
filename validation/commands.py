"""The commands `photonics-core validate` and `photonics-core bench`."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from photonics_core.validation import benchmarks, registry


def validate(subjects: Sequence[str], as_json: bool, say: Callable[[str], None]) -> int:
    """Run the cases of the subjects (all by default), print a row each, and return how many failed."""
    results = []
    for case in registry.cases(subjects):
        result = registry.run(case)
        results.append(result)
        say(json.dumps(result.to_json()) if as_json else _row(result))
    failed = sum(result.passes is False for result in results)
    if not as_json:
        skipped = sum(result.passes is None for result in results)
        say(f"{len(results) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed


def bench(subjects: Sequence[str], as_json: bool, say: Callable[[str], None], peers: Path | None) -> None:
    """Time the cases of the subjects (all by default) beside their peers, and print a row each."""
    if not as_json:
        say(f"{'':<27}{'median ms':^20}{'':>7}{'first call s':^16}")
        titles = f"{'ours':>10}{'peer':>10}{'ratio':>7}{'ours':>8}{'peer':>8}{'difference':>12}"
        say(f"{'case':<27}{titles}  peer, device, precision")
    for row in benchmarks.rows(subjects, peers):
        say(json.dumps(row) if as_json else _bench_row(row))


def _row(result: registry.Result) -> str:
    mark = {True: "pass", False: "FAIL", None: "skip"}[result.passes]
    name = f"{mark}  {result.case.name:<44} {result.case.kind:<10}"
    if result.evidence is None:
        return f"{name} {result.skipped or result.error}"
    evidence = result.evidence
    reference = evidence.reference
    wanted = f"{reference:.6g}" if not isinstance(reference, tuple) else f"{reference[0]:g} to {reference[1]:g}"
    return f"{name} {evidence.value:<12.6g} {wanted} ± {evidence.tolerance:.2g} {evidence.unit}"


def _bench_row(row: dict) -> str:
    def figure(value: float | None, scale: float = 1.0) -> str:
        return "-" if value is None else f"{scale * value:.3g}"

    times = f"{figure(row['ours_s'], 1e3):>10}{figure(row['peer_s'], 1e3):>10}{figure(row['ratio']):>7}"
    firsts = f"{figure(row['ours_first_s']):>8}{figure(row['peer_first_s']):>8}"
    difference = "-" if row["max_difference"] is None else f"{row['max_difference']:.1e}"
    peer = row["peer"] if row["skipped"] is None else f"{row['peer']} ({row['skipped']})"
    return f"{row['case']:<27}{times}{firsts}{difference:>12}  {peer}, {row['device']}, {row['dtype']}"
