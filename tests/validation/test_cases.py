"""Every validation case passes; the figures themselves are computed in `photonics_core.validation`."""

import pytest

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
