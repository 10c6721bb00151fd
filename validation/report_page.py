"""The validation report as one HTML page: no script, nothing from another host, every text escaped."""

import base64
import math
from collections.abc import Sequence
from html import escape
from typing import Any

from photonics_core.validation.registry import Evidence, Result
from photonics_core.validation.report import Report
from photonics_core.validation.report_figures import reference_figure, tolerance_figure

KIND_WORDS = {
    "analytic": "a closed form or a law",
    "published": "a published figure",
    "measured": "a measurement",
    "peer": "another program on the same problem",
    "range": "range check: the value only has to lie between two bounds",
}
_MARKS = {True: "pass", False: "FAIL", None: "skipped"}
_TITLES = ("verdict", "case", "kind", "value", "reference", "tolerance", "tolerance used", "time", "source")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; max-width: 1500px;
  padding: 0 1rem 3rem; }
h1 { margin: 1.2rem 0 0.2rem; } h2 { margin: 2.2rem 0 0.5rem; border-bottom: 1px solid #ccc; }
h2 a, nav a { color: #0050a0; text-decoration: none; } h2 small { font-weight: normal; color: #555; font-size: 0.7em; }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; margin: 1rem 0; } nav b { color: #b00020; }
.wide { overflow-x: auto; } .facts { display: flex; flex-wrap: wrap; gap: 0.5rem 3rem; align-items: flex-start; }
table { border-collapse: collapse; font-size: 0.86rem; } td, th { padding: 0.22rem 0.45rem; text-align: left;
  vertical-align: top; border-bottom: 1px solid #e4e4e4; }
.cases { width: 100%; } th { background: #f2f4f7; white-space: nowrap; } .n { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.case { font-family: ui-monospace, monospace; min-width: 9rem; }
.source { min-width: 9rem; overflow-wrap: anywhere; } .kind { white-space: nowrap; }
.verdict { font-weight: bold; } .pass .verdict { color: #006b4a; } .fail .verdict { color: #b00020; }
.skip .verdict { color: #7a5200; }
tr.fail td { background: #fdecee; } tr.skip td { background: #fff8e6; }
figure { margin: 0.8rem 0; } figure img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: 0.85rem; }
@media print { .cases { font-size: 7pt; } h2, tr, figure { break-inside: avoid; } }
"""


def report_page(report: Report) -> str:
    """The whole page.

    Returns:
        HTML; those that failed and those that were skipped are listed before the subjects.
    """
    body = [
        "<h1>Validation of photonics_core</h1>",
        f"<p>{_verdict_words(report)}</p>",
        f'<div class="facts">{_counts_table(report)}{_facts_table(report)}</div>',
        _navigation(report),
        _listed("failed", "Failed", report.of("failed")),
        _listed("skipped", "Skipped", report.of("skipped")),
        _legend(),
        *(_subject_section(report, subject) for subject in report.subjects),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Validation of photonics_core</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _verdict_words(report: Report) -> str:
    counts = report.counts()["all"]
    word = "fail" if counts["failed"] else "pass"
    passed = f"{counts['passed']} cases passed"
    failed = f'<span class="{word}"><span class="verdict">{counts["failed"]} failed</span></span>'
    return f"{failed}, {passed}, {counts['skipped']} skipped."


def _counts_table(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{escape(kind)}</td>"
        f'<td class="n">{row["failed"]}</td><td class="n">{row["skipped"]}</td><td class="n">{row["passed"]}</td></tr>'
        for kind, row in report.counts().items()
    )
    return f"<table><tr><th>kind</th><th>failed</th><th>skipped</th><th>passed</th></tr>{rows}</table>"


def _facts_table(report: Report) -> str:
    facts = {
        "date": report.started.isoformat(sep=" ", timespec="seconds"),
        "time": f"{report.seconds:.1f} s",
        "commit": report.commit or "not a checkout",
        **report.environment,
    }
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    return f"<table>{rows}</table>"


def _navigation(report: Report) -> str:
    links = []
    for subject in report.subjects:
        failed = len(report.of("failed", subject))
        mark = f" <b>{failed} failed</b>" if failed else ""
        links.append(f'<a href="#subject-{escape(subject)}">{escape(subject)}</a>{mark}')
    return f"<nav>{' '.join(f'<span>{link}</span>' for link in links)}</nav>"


def _legend() -> str:
    kinds = "".join(f"<li><b>{escape(kind)}</b>: {escape(words)}</li>" for kind, words in KIND_WORDS.items())
    return (
        '<h2 id="kinds">How to read it</h2>'
        f"<p>What stands beside a value is, by kind:</p><ul>{kinds}</ul>"
        "<p>The tolerance used is the distance from the reference over the tolerance; up to 100 % passes. "
        "For a range the bar shows where the value lies in it, and the figures the distance from its middle over the "
        "largest that passes.</p>"
    )


def _listed(anchor: str, title: str, results: Sequence[Result]) -> str:
    if not results:
        return f'<h2 id="{anchor}">{title}</h2><p>None.</p>'
    rows = "".join(
        f'<tr class="{_class(r)}"><td class="case">{_case_link(r)}</td><td>{escape(_kind(r))}</td>'
        f"<td>{escape(_reason(r))}</td></tr>"
        for r in results
    )
    head = "<tr><th>case</th><th>kind</th><th>reason</th></tr>"
    return f'<h2 id="{anchor}">{title}: {len(results)}</h2><div class="wide"><table>{head}{rows}</table></div>'


def _subject_section(report: Report, subject: str) -> str:
    results = [result for verdict in ("failed", "skipped", "passed") for result in report.of(verdict, subject)]
    counts = ", ".join(f"{len(report.of(verdict, subject))} {verdict}" for verdict in ("passed", "failed", "skipped"))
    head = "".join(f"<th>{title}</th>" for title in _TITLES)
    anchor = f"subject-{escape(subject)}"
    return "\n".join(
        (
            f'<h2 id="{anchor}"><a href="#{anchor}">{escape(subject)}</a> <small>{counts}</small></h2>',
            f'<div class="wide"><table class="cases"><tr>{head}</tr>{"".join(map(_row, results))}</table></div>',
            _figure(
                tolerance_figure(results), f"Tolerance used by the cases of {subject}; the line is where they fail."
            ),
            _figure(
                reference_figure(results),
                f"Published and measured cases of {subject}: value over reference; beside a name, value : reference.",
            ),
        )
    )


def _figure(png: bytes | None, caption: str) -> str:
    if png is None:
        return ""
    data = base64.b64encode(png).decode()
    source = f"data:image/png;base64,{data}"
    return f'<figure><img alt="{escape(caption)}" src="{source}"><figcaption>{escape(caption)}</figcaption></figure>'


def _row(result: Result) -> str:
    case, evidence = result.case, result.evidence
    anchor = f'id="case-{escape(case.name)}" class="{_class(result)}"'
    start = (
        f'<tr {anchor}><td class="verdict">{_MARKS[result.passes]}</td>'
        f'<td class="case">{_breakable(case.name.partition(".")[2])}</td><td class="kind">{escape(_kind(result))}</td>'
    )
    end = f'<td class="n">{result.seconds:.2f} s</td><td class="source">{escape(case.source)}</td></tr>'
    if evidence is None:
        return f'{start}<td colspan="4">{escape(_reason(result))}</td>{end}'
    unit = escape(evidence.unit)
    cells = (
        f'<td class="n">{evidence.value:.6g} {unit}</td><td class="n">{escape(reference_words(evidence))} {unit}</td>'
        f'<td class="n">{evidence.tolerance:.3g} {unit}</td><td class="n">{_bar(evidence)}</td>'
    )
    return f"{start}{cells}{end}"


def reference_words(evidence: Evidence) -> str:
    """The reference as text: a number, or a range in words."""
    low, high = evidence.bounds
    if not isinstance(evidence.reference, tuple):
        return f"{low:.6g}"
    if math.isinf(low) or math.isinf(high):
        return f"at least {low:g}" if math.isinf(high) else f"at most {high:g}"
    return f"from {low:g} to {high:g}"


def _bar(evidence: Evidence) -> str:
    """How much of the tolerance is used, as a number and a bar that is full where the case fails.

    For a range: a mark where the value lies between the ends of what passes.
    """
    share = evidence.tolerance_used
    if isinstance(evidence.reference, tuple) or share is None:
        words, shape = ("in the range" if evidence.passes else "outside"), _place_in_range(evidence)
    else:
        words = (
            f"{100.0 * share:.3g} %" if share < 10.0 else (f"{share:.3g} times" if math.isfinite(share) else "beyond")
        )
        shape = (1.0, 60.0 * min(share, 1.0))
    color = "#0072B2" if evidence.passes else "#B00020"
    return (
        f'{words} <svg role="img" aria-label="{words}" width="62" height="11" viewBox="0 0 62 11">'
        '<rect x="0.5" y="0.5" width="61" height="10" fill="#fff" stroke="#999"/>'
        f'<rect x="{shape[0]:.1f}" y="1" width="{shape[1]:.1f}" height="9" fill="{color}"/></svg>'
    )


def _place_in_range(evidence: Evidence) -> tuple[float, float]:
    """Left end and width of the mark; without an end to measure from it fills the bar."""
    low, high = evidence.bounds[0] - evidence.tolerance, evidence.bounds[1] + evidence.tolerance
    if not math.isfinite(high - low) or not math.isfinite(evidence.value) or high == low:
        return 1.0, 60.0
    return 1.0 + 57.0 * min(max((evidence.value - low) / (high - low), 0.0), 1.0), 3.0


def _breakable(name: str) -> str:
    """A name that may be broken after its underscores."""
    return escape(name).replace("_", "_<wbr>")


def _case_link(result: Result) -> str:
    name = escape(result.case.name)
    return f'<a href="#case-{name}">{name}</a>'


def _class(result: Result) -> str:
    return {True: "pass", False: "fail", None: "skip"}[result.passes]


def _kind(result: Result) -> str:
    return "range check" if result.case.kind == "range" else result.case.kind


def _reason(result: Result) -> str:
    """Why a case did not pass: what was absent, the error, or the value beside its reference."""
    evidence: Any = result.evidence
    if evidence is None:
        return result.skipped or result.error or ""
    wanted = f"{reference_words(evidence)} ± {evidence.tolerance:.3g} {evidence.unit}".strip()
    return f"{evidence.value:.6g} {evidence.unit} where {wanted} passes"
