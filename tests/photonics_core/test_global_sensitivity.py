"""Indices of Sobol: Ishigami's function, sums, groups."""

import numpy as np
import pytest

from photonics_core import sobol_indices
from photonics_core.validation.yields import ishigami, ishigami_indices


def test_ishigami():
    """Within four of their own standard errors of the closed form, and within 4e-3."""
    found = sobol_indices(ishigami, {"a": 0, "b": 1, "c": 2}, points=2048, distribution="uniform")
    first, total = ishigami_indices()
    for k, name in enumerate("abc"):
        assert found.first[name] == pytest.approx(first[k], abs=max(4.0 * float(found.first_error[name]), 1e-4))
        assert found.total[name] == pytest.approx(total[k], abs=max(4.0 * float(found.total_error[name]), 1e-4))
        assert abs(found.first[name] - first[k]) < 4e-3 and abs(found.total[name] - total[k]) < 4e-3
    assert found.evaluations == 8 * 2048 * 5
    assert found.mean == pytest.approx(3.5, abs=0.01)


def test_a_sum_of_normal_numbers_divides_its_variance_and_groups_add_up():
    weights = np.array([1.0, 2.0, 3.0, 0.0])

    def both(z):
        return np.stack([z @ weights, (z @ weights) ** 2], axis=1)

    found = sobol_indices(both, {"one": [0, 2], "two": [1], "none": [3]}, points=1024)
    np.testing.assert_allclose([found.first[n][0] for n in ("one", "two", "none")], [10 / 14, 4 / 14, 0], atol=0.01)
    np.testing.assert_allclose([found.total[n][0] for n in ("one", "two", "none")], [10 / 14, 4 / 14, 0], atol=0.01)
    # Of the square, V = 2 14^2, what a group does alone is 2 (its variance)^2, the rest is of both together.
    assert found.first["one"][1] == pytest.approx(100 / 196, abs=0.03)
    assert found.total["one"][1] == pytest.approx(1.0 - 16 / 196, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda z: z[:, 0], {"a": [0], "b": [0]}), "groups"),
        ((lambda z: z[:, 0], {}), "groups"),
        ((lambda z: z[:, 0], {"a": [1]}), "groups"),
        ((lambda z: np.ones(len(z)), {"a": [0]}), "no variance"),
        ((lambda z: z[:3, 0], {"a": [0]}), "results of shape"),
        ((lambda z: np.log(z[:, 0] - 99.0 + 0j).real * np.nan, {"a": [0]}), "not finite"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        sobol_indices(*arguments, points=64)
    with pytest.raises(ValueError, match="distribution = 'beta'"):
        sobol_indices(lambda z: z[:, 0], {"a": 0}, distribution="beta")
