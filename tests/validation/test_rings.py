"""Every validation case of rings passes; the figures themselves are computed in `photonics_core.validation.rings`."""

import pytest

from photonics_core.validation.registry import cases, run


@pytest.mark.parametrize("case", cases(["rings"]), ids=lambda case: case.name)
def test_case(case):
    result = run(case)
    if result.skipped is not None:
        pytest.skip(result.skipped)
    assert result.passes, result.to_json()
