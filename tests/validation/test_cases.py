"""Every validation case passes; the figures themselves are computed in `photonics_core.validation`."""

import pytest

from photonics_core.validation import benchmarks, subjects
from photonics_core.validation.registry import Case, Evidence, cases, run


def _parameter(each: Case):
    return pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.is_long else [])


@pytest.mark.parametrize("case", map(_parameter, cases()))
def test_case(case: Case):
    result = run(case)
    if result.skipped is not None:
        pytest.skip(result.skipped)
    assert result.passes, result.to_json()


def test_a_case_can_fail():
    assert not Evidence(1.1, 1.0, 0.05).passes
    assert not Evidence(float("nan"), 1.0, 1e9).passes
    assert not Evidence(3.0, (1.0, 2.0), 0.5).passes
    assert Evidence(2.4, (1.0, 2.0), 0.5).passes


def test_light_names_are_those_of_the_cases():
    """Completion and early messages know the subjects without loading what computes them."""
    assert set(subjects.VALIDATE) == {case.subject for case in cases()}
    assert set(subjects.BENCH) == {each.name.split(".")[0] for each in benchmarks.catalogue()}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ringz", r"subject = 'ringz' is not one of .*; did you mean 'rings'\?"),
        ("rings.energy_balanse", r"case = .* of rings; did you mean 'energy_balance'\?"),
        ("films.zzzzzz", "is not one of those of films$"),
    ],
)
def test_misspelt_names_are_met_with_the_nearest(name, message):
    with pytest.raises(ValueError, match=message):
        cases([name])
