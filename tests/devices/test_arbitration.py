import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.arbitration import (
    POLICIES,
    RingDies,
    RingRowSpread,
    failure_probability,
    least_shift,
    needed_range,
    served_range,
    tuning_distance,
)
from photonics_core.devices.arbitration_search import sequential_search
from photonics_core.tuning import assign_lines

KEY = jax.random.key(3)
ORDERS = {4: (0, 2, 1, 3), 6: (0, 3, 1, 4, 2, 5)}


def spread(count, **changes):
    given = {
        "spacing": 1.12e-3,
        "fsr": 1.12e-3 * count,
        "order": ORDERS.get(count),
        "grid_offset": 15e-3,
        "line_variation": 0.28e-3,
        "ring_variation": 2.24e-3,
        "fsr_variation": 0.01,
        "range_variation": 0.1,
    }
    return RingRowSpread(count, **{**given, **changes})


def distances(count, dies=40, **changes):
    return tuning_distance(*spread(count, **changes).dies(KEY, np.arange(dies)))


@pytest.mark.parametrize("count", [4, 6])
def test_policies_are_those_of_all_permutations(count):
    distance, order = distances(count), ORDERS[count]
    plain, rings = np.asarray(distance), np.arange(count)
    every = np.array(list(itertools.permutations(range(count))))
    worst = plain[:, rings[None], every].max(-1)
    np.testing.assert_array_equal(needed_range(distance), worst.min(1))
    np.testing.assert_allclose(least_shift(distance), plain[:, rings[None], every].sum(-1).min(1), rtol=1e-14)
    cyclic = [max(plain[0, i, (order[i] + m) % count] for i in rings) for m in rings]
    assert needed_range(distance, "cyclic", order)[0] == min(cyclic)
    assert needed_range(distance, "deterministic", order)[0] == cyclic[0]


def test_policies_are_nested_for_every_die():
    distance = distances(6, 300)
    fixed, cyclic, free = (np.asarray(needed_range(distance, policy, ORDERS[6])) for policy in POLICIES)
    assert np.all(free <= cyclic) and np.all(cyclic <= fixed)
    assert np.any(free < cyclic) and np.any(cyclic < fixed)


def test_a_chosen_limit_is_that_of_the_assignment_with_the_least_power():
    dies = spread(4, range_variation=0.0).dies(KEY, np.arange(6))
    distance, limit = tuning_distance(*dies), 3e-3
    best = np.asarray(least_shift(distance, limit))
    for k in range(6):
        rings, lines, fsr, _ = (np.asarray(each[k]) for each in dies)
        # 80 pm/K and 1 K/mW: 80 pm/mW.
        plan = assign_lines(rings + 1.31, lines + 1.31, fsr, 80.0, 1.0, limit / 80e-6)
        assert plan.is_feasible == np.isfinite(best[k])
        if plan.is_feasible:
            np.testing.assert_allclose(plan.total * 80e-6, best[k], rtol=1e-9)
    assert np.any(np.isfinite(best))


def test_aligned_combs_need_no_range_and_an_offset_its_rest():
    still = spread(4, grid_offset=0.0, line_variation=0.0, ring_variation=0.0, fsr_variation=0.0, range_variation=0.0)
    dies = still.dies(KEY, np.arange(1))
    for offset in (0.0, 0.4e-3, 1.5e-3, -0.3e-3, 11.0e-3):
        distance = tuning_distance(dies.rings, dies.lines + offset, dies.fsr)
        fixed, cyclic, free = (float(needed_range(distance, policy, ORDERS[4])[0]) for policy in POLICIES)
        np.testing.assert_allclose(fixed, offset % 4.48e-3, atol=1e-16)
        np.testing.assert_allclose([cyclic, free], offset % 1.12e-3, atol=1e-16)


def test_dies_do_not_depend_on_the_batch():
    row = spread(4)
    whole = row.dies(KEY, np.arange(12))
    parts = [row.dies(KEY, np.arange(12)[each]) for each in (slice(0, 5), slice(5, 12))]
    for name in RingDies._fields:
        joined = np.concatenate([np.asarray(getattr(part, name)) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name), joined)


def test_variations_have_their_widths():
    dies = spread(4, fsr=4.48e-3, order=None).dies(KEY, np.arange(4000))
    grid = 1.12e-3 * (np.arange(4) - 1.5)
    # Uniform within +-h: the standard deviation is h / sqrt 3.
    np.testing.assert_allclose(np.std(np.asarray(dies.rings) - grid), 2.24e-3 / np.sqrt(3), rtol=0.03)
    np.testing.assert_allclose(np.std(dies.strength), 0.1 / np.sqrt(3), rtol=0.03)
    np.testing.assert_allclose(np.std(dies.fsr / 4.48e-3), 0.01 / np.sqrt(3), rtol=0.03)
    np.testing.assert_allclose(np.std(dies.lines.mean(1)), np.hypot(15e-3, 0.14e-3) / np.sqrt(3), rtol=0.03)


def test_failures_fall_with_the_range_and_stop_at_the_free_spectral_range():
    needed = needed_range(distances(4, 200), "cyclic", ORDERS[4])
    ranges = np.linspace(0.0, 4.48e-3 * 1.01 / 0.9, 20)
    failures = np.asarray(failure_probability(needed, ranges))
    assert np.all(np.diff(failures) <= 0.0) and failures[0] == 1.0 and failures[-1] == 0.0
    assert failures[10] == np.mean(np.asarray(needed) > ranges[10])


def test_needed_range_has_the_gradient_of_its_bottleneck():
    dies = spread(4).dies(KEY, np.arange(1))
    rings, lines, fsr, strength = (each[0] for each in dies)
    for policy in POLICIES:

        def needed(rings, policy=policy):
            return needed_range(tuning_distance(rings, lines, fsr, strength), policy, ORDERS[4])

        slope = np.asarray(jax.grad(needed)(rings))
        step = 1e-9 * np.eye(4)
        differences = [(needed(rings + e) - needed(rings - e)) / 2e-9 for e in step]
        np.testing.assert_allclose(slope, differences, atol=1e-5)
        assert np.sum(slope != 0.0) == 1


def test_spare_rings_and_dead_parts():
    distance = distances(4, 30)
    spare = jnp.concatenate([distance, distances(4, 30, ring_variation=1e-3)[:, :1]], 1)
    assert np.all(served_range(spare, 4) <= served_range(distance, 4))
    dead = distance.at[:, 1].set(jnp.inf)
    assert np.all(np.isinf(served_range(dead, 4))) and np.all(np.isfinite(served_range(dead, 3)))
    assert np.all(served_range(distance, 3) <= served_range(dead, 3))
    # With one spare ring any single ring may die.
    rows = [served_range(jnp.delete(spare, k, 1), 4) for k in range(5)]
    np.testing.assert_array_equal(served_range(spare, 4), np.min(rows, 0))


def test_whole_numbers_serve_as_distances():
    """Of ring 0 and 1 to lines 0 and 1: 3 at worst on the diagonal, 2 across."""
    distance = np.array([[1, 2], [2, 3]])
    assert needed_range(distance) == 2.0 and least_shift(distance) == 4.0
    assert needed_range(distance, "deterministic") == 3.0
    assert sequential_search(distance, 2.5).lines.tolist() == [0, -1]
    assert failure_probability([1.0, 3.0, np.inf], 2.0) == 2.0 / 3.0


def test_single_precision():
    distance = distances(4)
    single = jnp.asarray(distance, jnp.float32)
    for policy in POLICIES:
        found = needed_range(single, policy, ORDERS[4])
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, needed_range(distance, policy, ORDERS[4]), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: spread(1), "count"),
        (lambda: spread(17), "count"),
        (lambda: spread(4, order=(0, 1, 1, 2)), "order"),
        (lambda: spread(4, range_variation=1.0), "range_variation"),
        (lambda: spread(4, spacing=1.12), "spacing"),
        (lambda: needed_range(np.ones((4, 4)), "best"), "policy"),
        (lambda: needed_range(np.ones((4, 5)), "cyclic"), "distance"),
        (lambda: tuning_distance(np.ones(3), np.ones(3), 0.0), "fsr"),
        (lambda: served_range(np.ones((3, 3)), 4), "served"),
        (lambda: served_range(np.ones((2, 17)), 2), "lines"),
        (lambda: needed_range(np.array([[1.0, np.nan], [2.0, 3.0]])), "distance = nan um is outside"),
        (lambda: needed_range(-np.ones((2, 2)), "cyclic"), "distance = -1 um is outside"),
        (lambda: needed_range(1j * np.ones((2, 2))), "not a real number"),
        (lambda: least_shift(np.ones((2, 2)), np.nan), "max_range = nan"),
        (lambda: failure_probability([np.nan, 1.0], [2.0]), "needed = nan um is outside"),
        (lambda: failure_probability([], [2.0]), "needed of shape"),
        (lambda: failure_probability([1.0], [np.nan]), "ranges = nan"),
        (lambda: spread(4).dies(KEY, [1.5]), "indices of type float"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ValueError, match=said):
        call()
