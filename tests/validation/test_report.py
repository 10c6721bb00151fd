"""The report of a validation run, on cases made up here."""

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from photonics_core.validation import commands, registry, report_page
from photonics_core.validation.registry import Absent, Case, Evidence, Result
from photonics_core.validation.report import Report, as_json_text, check_target
from photonics_core.validation.report_figures import reference_figure, tolerance_figure


def _absent():
    raise Absent("spectra <of> a ring")


def _broken():
    raise ValueError("<script>alert('1')</script>")


def _interrupted():
    raise KeyboardInterrupt


def _case(name, kind, compute, is_long=False):
    return Case(name, 'A. <B> & "C", J. Opt. 1, 2 (2003)', kind, compute, is_long)


CASES = (
    _case("alpha.good", "analytic", lambda: Evidence(1.05, 1.0, 0.1, "um")),
    _case("alpha.bad", "published", lambda: Evidence(2.0, 1.0, 0.1)),
    _case("alpha.between", "range", lambda: Evidence(3.0, (2.0, 4.0), 0.0)),
    _case("beta.absent", "measured", _absent),
    _case("beta.broken", "analytic", _broken),
    _case("beta.lost", "measured", lambda: Evidence(np.float64("nan"), 1.0, 0.1)),
    _case("beta.long", "peer", lambda: Evidence(1.0, 1.0, 0.0), is_long=True),
)


def _report(cases=CASES) -> Report:
    return Report([registry.run(case) for case in cases], datetime(2030, 1, 2, tzinfo=UTC), 61.5, {"jax": "<1>"}, "abc")


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(registry, "cases", lambda names=(): list(CASES))


def test_verdicts_of_numpy_are_truths():
    """A case that fails by a number of NumPy counts as failed."""
    for value, passes in ((2.0, False), (1.0, True)):
        assert Evidence(np.float64(value), np.float64(1.0), 0.1).passes is passes


@pytest.mark.parametrize(
    ("evidence", "used"),
    [
        (Evidence(1.05, 1.0, 0.1), 0.5),
        (Evidence(-1.3, -1.0, 0.1), 3.0),
        (Evidence(4.0, (2.0, 4.0), 0.0), 1.0),
        (Evidence(4.5, (2.0, 4.0), 0.5), 1.0),
        (Evidence(1.0, 1.0, 0.0), 0.0),
        (Evidence(1.1, 1.0, 0.0), math.inf),
        (Evidence(math.nan, 1.0, 0.1), math.inf),
        (Evidence(1.0, (0.0, math.inf), 0.1), None),
    ],
)
def test_the_tolerance_used_is_one_where_a_case_begins_to_fail(evidence, used):
    assert evidence.tolerance_used == (None if used is None else pytest.approx(used))
    if used is not None and not math.isclose(used, 1.0):
        assert evidence.passes == (used < 1.0)


def test_counts_leave_nothing_out():
    counts = _report().counts()
    assert counts["all"] == {"failed": 3, "skipped": 1, "passed": 3}
    assert counts["analytic"] == {"failed": 1, "skipped": 0, "passed": 1}
    assert sum(sum(row.values()) for kind, row in counts.items() if kind != "all") == len(CASES)


def test_json_has_every_case_and_no_number_that_json_lacks():
    found = json.loads(as_json_text(_report()))
    assert [row["case"] for row in found["results"]] == [case.name for case in CASES]
    by_name = {row["case"]: row for row in found["results"]}
    assert by_name["beta.lost"]["value"] is None and "nan" in by_name["beta.lost"]["error"]
    assert by_name["beta.absent"]["pass"] is None
    assert by_name["alpha.between"]["reference"] == [2.0, 4.0]
    assert found["seconds"] == 61.5 and found["commit"] == "abc" and found["counts"]["all"]["failed"] == 3


@pytest.fixture(scope="module")
def page():
    return report_page.report_page(_report())


def test_the_page_stands_alone_and_escapes_all_text(page):
    assert not re.search(r"<script|<link|<iframe|javascript:|onload|https?://", page)
    assert "&lt;script&gt;alert" in page and "spectra &lt;of&gt; a ring" in page and "&lt;1&gt;" in page
    assert "default-src 'none'" in page
    assert set(re.findall(r'(?:src|href)="(data:image/png|#)', page)) == {"data:image/png", "#"}


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page):
    from html.parser import HTMLParser

    opened, anchors, links = [], set(), set()

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            named = dict(attrs)
            anchors.add(named.get("id"))
            links.add(named.get("href"))
            if tag not in ("meta", "img", "wbr", "rect"):
                opened.append(tag)

        def handle_endtag(self, tag):
            if tag != "rect":
                assert opened.pop() == tag

    Checker().feed(page)
    assert not opened
    assert {link.removeprefix("#") for link in links - {None}} <= anchors


def test_what_failed_and_what_was_skipped_stand_before_the_subjects(page):
    first = page.index('id="subject-')
    for name in ("alpha.bad", "beta.broken", "beta.lost", "beta.absent"):
        assert page.index(name) < first
    for case in CASES:
        assert f'id="case-{case.name}"' in page
    assert "range check" in page and "from 2 to 4" in page


def test_subjects_without_a_value_have_no_figure():
    results = [registry.run(CASES[3])]
    assert tolerance_figure(results) is None and reference_figure(results) is None
    for png in (tolerance_figure(_report().results), reference_figure(_report().results)):
        assert png is not None and png.startswith(b"\x89PNG")


def test_a_run_writes_its_reports_and_says_what_failed(made_up, tmp_path: Path):
    page, data, lines = tmp_path / "r.html", tmp_path / "r.json", []
    assert commands.validate([], False, lines.append, quick=True, html=page, json_file=data) == 3
    assert page.read_text().endswith("</html>\n")
    row = json.loads(data.read_text())["results"][-1]
    assert row["skipped"] == "long: left out by --quick" and row["pass"] is None
    assert "failed: alpha.bad" in lines and "2 passed, 3 failed, 2 skipped" in lines[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]
    row = next(line for line in lines if "alpha.good" in line)
    for part in ("pass", "analytic", "1.05", "0.1", "um", "J. Opt."):
        assert part in row


def test_ctrl_c_still_writes_what_there_is(monkeypatch, tmp_path: Path):
    cases = [CASES[0], _case("alpha.stop", "analytic", _interrupted), CASES[1]]
    monkeypatch.setattr(registry, "cases", lambda names=(): cases)
    with pytest.raises(KeyboardInterrupt, match="1 of 3 cases had run"):
        commands.validate([], True, lambda line: None, json_file=tmp_path / "r.json")
    rows = json.loads((tmp_path / "r.json").read_text())["results"]
    assert [row["skipped"] for row in rows] == [None, *["not run: stopped by Ctrl-C"] * 2]


def test_targets_are_looked_at_before_any_case_runs(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(registry, "run", lambda case: pytest.fail("a case ran"))
    monkeypatch.setattr(registry, "cases", lambda names=(): list(CASES))
    for target, message in ((tmp_path, "is a folder"), (tmp_path / "no" / "r.html", "cannot be written")):
        with pytest.raises(ValueError, match=message):
            commands.validate([], True, print, html=target)
    same = tmp_path / "r"
    with pytest.raises(ValueError, match="are one file"):
        commands.validate([], True, print, html=same, json_file=same)
    check_target("html", same)
    assert not list(tmp_path.iterdir())


def test_left_out_cases_are_skipped():
    left = registry.left_out(CASES[0], "because")
    assert isinstance(left, Result) and left.passes is None and left.to_json()["skipped"] == "because"
