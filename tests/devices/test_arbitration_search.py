import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.arbitration import RingRowSpread, needed_range, tuning_distance
from photonics_core.devices.arbitration_search import (
    SEARCHES,
    conditional_failure_probability,
    is_served,
    relation_search,
    sequential_search,
)

ORDER = (0, 2, 1, 3)
RANGE = 2.8e-3


@pytest.fixture(scope="module")
def distance():
    row = RingRowSpread(4, 1.12e-3, 4.48e-3, ORDER, 15e-3, 0.28e-3, 1.12e-3, 0.01, 0.1)
    return tuning_distance(*row.dies(jax.random.key(1), np.arange(200)))


def slow_sequential(distance, power_on):
    held = {}
    for ring in power_on:
        seen = [j for j in range(4) if distance[ring, j] <= RANGE and j not in [held.get(k) for k in range(ring)]]
        if not seen:
            continue
        line = min(seen, key=lambda j: distance[ring, j])
        held = {k: j for k, j in held.items() if j != line}
        held[ring] = line
    return [held.get(k, -1) for k in range(4)]


def slow_relations(distance, order, tries):
    """Records as lists of names, the relations as pairs of places in them."""
    seen = [sorted((d, j) for j, d in enumerate(row) if d <= RANGE) for row in distance]
    records = [[j for _, j in each] for each in seen]
    offset = [0]
    for one, other in itertools.pairwise(records):
        places = {"first": [0], "tolerant": [0, -1], "thorough": range(len(one))}[tries] if one else []
        related = [(k % len(one), other.index(one[k])) for k in places if one[k] in other]
        if not related:
            return [-1] * 4
        offset.append(offset[-1] + related[0][0] - related[0][1])
    options = []
    for first in range(4):
        places = [(first + order[i] - order[0] - offset[i]) % 4 for i in range(4)]
        if all(place < len(record) for place, record in zip(places, records, strict=True)):
            largest = max(seen[i][place][0] for i, place in enumerate(places))
            options.append((largest, [records[i][place] for i, place in enumerate(places)]))
    return min(options)[1] if options else [-1] * 4


@pytest.mark.parametrize("power_on", [None, (2, 0, 3, 1)])
def test_sequential_search_beside_a_slow_one(distance, power_on):
    found = np.asarray(sequential_search(distance, RANGE, power_on).lines)
    expected = [slow_sequential(each, power_on or range(4)) for each in np.asarray(distance)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("search", ["first", "tolerant", "thorough"])
def test_relation_search_beside_a_slow_one(distance, search):
    found = np.asarray(relation_search(distance, RANGE, ORDER, search=search).lines)
    expected = [slow_relations(each, ORDER, search) for each in np.asarray(distance)]
    np.testing.assert_array_equal(found, expected)
    assert np.any(found >= 0)


def test_no_search_serves_what_no_arbiter_can(distance):
    possible = needed_range(distance, "cyclic", ORDER) <= RANGE
    lines = relation_search(distance, RANGE, ORDER, search="thorough").lines
    served = is_served(lines, "cyclic", ORDER)
    assert not np.any(served & ~possible) and np.any(served)
    free = is_served(sequential_search(distance, RANGE).lines)
    assert not np.any(free & ~(needed_range(distance) <= RANGE))


def test_with_the_whole_spectrum_in_range_relations_are_enough(distance):
    """All lines are in all records: only the cyclic order could mislead, and it holds."""
    result = relation_search(distance, 5.1e-3, ORDER, search="first")
    assert np.all(is_served(result.lines, "cyclic", ORDER)) and np.all(np.asarray(result.sweeps) == 7)
    assert np.all(is_served(sequential_search(distance, 5.1e-3).lines))


def test_sequential_search_fails_where_a_policy_need_not():
    """The first ring takes the only line that the second one reaches."""
    distance = jnp.asarray([[1.0, 2.0], [1.5, 9.0]])
    assert sequential_search(distance, 3.0).lines.tolist() == [0, -1]
    assert needed_range(distance) == 2.0
    assert sequential_search(distance, 3.0, (1, 0)).lines.tolist() == [0, -1]


def test_policies_of_lines_held():
    lines = jnp.asarray([[0, 1, 2, 3], [1, 2, 3, 0], [1, 0, 2, 3], [0, 1, 2, 2], [0, 1, 2, -1]])
    assert is_served(lines).tolist() == [True, True, True, False, False]
    assert is_served(lines, "cyclic").tolist() == [True, True, False, False, False]
    assert is_served(lines, "deterministic").tolist() == [True, False, False, False, False]
    assert bool(is_served(jnp.asarray([1, 3, 2, 0]), "cyclic", ORDER))


def test_conditional_failure_counts_possible_dies_only():
    served, possible = jnp.asarray([True, False, False, False]), jnp.asarray([True, True, True, False])
    np.testing.assert_allclose(conditional_failure_probability(served, possible), 2 / 3, rtol=1e-6)
    assert conditional_failure_probability(served, jnp.zeros(4, bool)) == 0.0


def test_a_ring_with_one_peak_is_not_swept_twice_for_it():
    """Two rings that have no line in common: two records and one relation that is tried, first peak being last."""
    distance = np.array([[0.0, 2.0], [2.0, 0.0]])
    assert [int(relation_search(distance, 1.0, search=each).sweeps) for each in SEARCHES] == [3, 3, 3]


def test_bad_input(distance):
    with pytest.raises(ValueError, match="distance = nan"):
        sequential_search(np.full((2, 2), np.nan), 1.0)
    with pytest.raises(ValueError, match="is_served of shape"):
        conditional_failure_probability(np.ones(3, bool), np.ones(4, bool))
    with pytest.raises(ValueError, match="tuning_range"):
        sequential_search(distance, 0.0)
    with pytest.raises(ValueError, match="search"):
        relation_search(distance, 1.0, search="all")
    with pytest.raises(ValueError, match="distance"):
        relation_search(distance[:, :2], 1.0)
    with pytest.raises(ValueError, match="order"):
        sequential_search(distance, 1.0, (0, 1, 2, 2))
