import itertools

import numpy as np
import pytest

from photonics_core.choices import channel_orders, cyclic_orders, enumerate_choices
from photonics_core.optimum import Optimum


def solve(order, shift):
    """Stands for an optimisation: feasible for odd shifts only."""
    value = float(order[0] + 10 * shift)
    violation = 0.0 if shift % 2 else 1.0 / (1 + shift)
    return Optimum(
        None, value, 0, {"objective": np.asarray([value])}, violation=violation, is_feasible=violation == 0.0
    )


def test_every_combination_is_solved_and_the_best_feasible_comes_first():
    found = enumerate_choices(solve, order=cyclic_orders(3), shift=range(4))
    assert len(found) == 12
    assert found[0].choice == {"order": (0, 1, 2), "shift": 1} and found[0].optimum.value == 10.0
    assert [each.optimum.is_feasible for each in found] == [True] * 6 + [False] * 6
    violations = [each.optimum.violation for each in found[6:]]
    assert violations == sorted(violations)
    assert [each.optimum.value for each in found[:6]] == sorted(each.optimum.value for each in found[:6])


def test_a_value_that_is_no_number_comes_last():
    def broken(shift):
        return Optimum(None, np.nan if shift == 0 else 5.0, 0, {})

    assert [each.choice["shift"] for each in enumerate_choices(broken, shift=range(2))] == [1, 0]


def test_orders_of_channels():
    assert cyclic_orders(3) == [(0, 1, 2), (1, 2, 0), (2, 0, 1)]
    assert len(set(channel_orders(4))) == 24


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 1), (3, 1), (4, 4), (5, 12), (6, 64)])
def test_distinct_orders_are_one_for_each_class_of_turns_and_mirrors(count, expected):
    """Counted by Burnside: a turn with a mirror leaves orders alone only for even counts, by half a turn."""
    orders = channel_orders(count, distinct=True)
    classes = {
        frozenset(tuple((c + turn) % count for c in each) for each in (order, order[::-1]) for turn in range(count))
        for order in itertools.permutations(range(count))
    }
    assert len(orders) == len(classes) == expected
    assert all(sum(order in each for order in orders) == 1 for each in classes)


@pytest.mark.slow
def test_distinct_orders_of_eight():
    assert len(channel_orders(8, distinct=True)) == 2544


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no parts"):
        enumerate_choices(solve)
    with pytest.raises(ValueError, match="shift has no values"):
        enumerate_choices(solve, order=[(0,)], shift=[])
    with pytest.raises(ValueError, match=r"count = 9 is outside \[1, 8\]"):
        channel_orders(9)


def test_a_choice_that_fails_is_named():
    def broken(shift):
        raise ValueError(f"cannot shift by {1 / shift}")

    with pytest.raises(ValueError, match="cannot shift by 0.5") as caught:
        enumerate_choices(broken, shift=[2])
    assert caught.value.__notes__ == ["at the choice {'shift': 2}"]
    with pytest.raises(ValueError, match=r"solve\({'shift': 2}\) = 3.0 is not of the kind Optimum"):
        enumerate_choices(lambda shift: 3.0, shift=[2])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="shift = 3 is not a list of values"):
        enumerate_choices(solve, shift=3)  # pyright: ignore[reportArgumentType]


def test_ties_keep_their_order_and_a_violation_that_is_no_number_comes_last():
    violations = [np.nan, 0.5, 0.1, 0.5]

    def tied(k):
        return Optimum(None, 1.0, 0, {}, violation=violations[k], is_feasible=False)

    assert [each.choice["k"] for each in enumerate_choices(tied, k=range(4))] == [2, 1, 3, 0]
