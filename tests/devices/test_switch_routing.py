"""Routing: every permutation is routed, checked by following the light, which knows nothing of the algorithms."""

import itertools

import jax
import numpy as np
import pytest

from photonics_core import changed_elements, crosstalk_counts, fabric_plan, route_permutation
from photonics_core.devices.switch_routing import completed, followed, meeting_elements

NAMES = ["crossbar", "piloss", "benes", "spanke"]


@pytest.mark.parametrize("name", NAMES)
def test_all_permutations_of_four_are_routed(name):
    plan = fabric_plan(name, 4)
    for permutation in itertools.permutations(range(4)):
        outputs, paths = followed(plan, route_permutation(plan, permutation))
        np.testing.assert_array_equal(outputs, permutation)
        if name == "piloss":
            assert {len(path) for path in paths} == {4}
        if name == "spanke":
            assert {len(path) for path in paths} == {4}


@pytest.mark.parametrize(("name", "count"), [(name, 8) for name in NAMES] + [("benes", 16), ("benes", 32)])
def test_random_permutations_are_routed(name, count):
    plan, random = fabric_plan(name, count), np.random.default_rng(3)
    for _ in range(20):
        permutation = random.permutation(count)
        np.testing.assert_array_equal(followed(plan, route_permutation(plan, permutation))[0], permutation)


@pytest.mark.parametrize("name", NAMES)
def test_partial_permutations_are_routed(name):
    plan, random = fabric_plan(name, 8), np.random.default_rng(4)
    for lit in range(9):
        permutation = random.permutation(8)
        permutation[random.permutation(8)[lit:]] = -1
        outputs, _ = followed(plan, route_permutation(plan, permutation))
        used = permutation >= 0
        np.testing.assert_array_equal(outputs[used], permutation[used])
    np.testing.assert_array_equal(completed([-1, 0, -1, 3], 4), [1, 0, 2, 3])


@pytest.mark.parametrize("name", ["crossbar", "piloss"])
def test_one_element_turns_for_each_path(name):
    """So that a connection that stays is not touched: two elements let go and two are driven for an exchange."""
    plan = fabric_plan(name, 5)
    first, second = np.array([3, 1, 4, 0, 2]), np.array([3, 1, 2, 0, 4])
    one, other = route_permutation(plan, first), route_permutation(plan, second)
    assert one.sum() == other.sum() == 5
    meetings = meeting_elements(plan)
    expected = {meetings[pair] for pair in ((2, 4), (4, 2), (2, 2), (4, 4))}
    assert set(changed_elements(one, other)) == expected
    assert changed_elements(one, one).size == 0


def test_leaks_are_counted_against_all_single_faults():
    """Flip one element at a time: the light that then reaches another output is a first leak there."""
    random = np.random.default_rng(5)
    for name in NAMES:
        plan = fabric_plan(name, 4)
        permutation = random.permutation(4)
        bars = route_permutation(plan, permutation)
        counts = np.zeros((4, 4), int)
        for element in range(bars.size):
            flipped = bars.copy()
            flipped[element] = not flipped[element]
            for i, o in enumerate(followed(plan, flipped)[0]):
                if o >= 0 and o != permutation[i]:
                    counts[o, i] += 1
        np.testing.assert_array_equal(crosstalk_counts(plan, bars), counts)


def test_what_topologies_leak():
    """In a full Benes fabric all elements of a path have light of another input; trees have none of it."""
    permutation = np.random.default_rng(6).permutation(8)
    counts = {
        name: crosstalk_counts(plan := fabric_plan(name, 8), route_permutation(plan, permutation)) for name in NAMES
    }
    np.testing.assert_array_equal(counts["benes"].sum(axis=1), 5)
    assert counts["spanke"].sum() == 0
    assert counts["piloss"].sum(axis=1).max() < 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda plan: route_permutation(plan, [0, 1, 2]), "is not 4 whole numbers"),
        (lambda plan: route_permutation(plan, [0.0, 1.0, 2.0, 3.0]), "is not 4 whole numbers"),
        (lambda plan: route_permutation(plan, [0, 1, 2, 4]), "permutation = 4 is outside"),
        (lambda plan: route_permutation(plan, [0, 1, 1, -1]), "has the output 1 twice"),
        (lambda plan: followed(plan, np.zeros(5, bool)), "bars of shape"),
        (lambda plan: followed(plan, np.zeros(6)), "bars of shape"),
        (lambda plan: jax.jit(lambda p: route_permutation(plan, p))(np.arange(4)), "permutation is traced"),
        (meeting_elements, "topology = 'benes'"),
        (lambda plan: changed_elements([True], [True, False]), "second of shape"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(fabric_plan("benes", 4))
