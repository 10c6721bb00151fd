"""Tuning: powers put rings on lines, the assignment is the best there is, what cannot be served is said."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import assign_lines, barrel_shifts, tuning_power
from photonics_core.validation.tuning import brute_force, random_row

DRIFT = 70.0


def easy(offsets, spacing=1e-3, **more):
    """Rings at offsets in units of the spacing from the first line, of 4 lines and a spectral range of 4 spacings."""
    lines = 1.3 + spacing * np.arange(4)
    row = {"rings": 1.3 + spacing * np.asarray(offsets, float), "lines": lines, "fsr": 4 * spacing}
    return {**row, "drift_pm_k": DRIFT, "coupling": 2.0, **more}


@pytest.mark.slow
def test_powers_put_rings_on_their_lines():
    row = random_row(np.random.default_rng(0), 6, 0.1)
    power = np.asarray(tuning_power(**row))
    moved = row["rings"] + 1e-6 * row["drift_pm_k"] * row["coupling"] @ power
    turns = (moved - row["lines"]) / row["fsr"]
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-12)
    # By hand: half a spacing of 1 nm at 0.14 nm/mW.
    np.testing.assert_allclose(tuning_power(**easy([-0.5, 0.5, 1.5, 2.5])), 0.5 / 0.14, rtol=1e-10)


def test_a_row_that_is_one_line_off_is_shifted():
    plan = assign_lines(**easy([0.1, 1.1, 2.1, 3.1]))
    np.testing.assert_array_equal(plan.lines, [1, 2, 3, 0])
    np.testing.assert_array_equal(plan.orders, [0, 0, 0, 1])
    assert plan.total == pytest.approx(4 * 0.9 / 0.14, rel=1e-9)
    power, fits = barrel_shifts(**easy([0.1, 1.1, 2.1, 3.1]))
    assert np.all(fits) and np.argmin(power.sum(axis=1)) == 1
    np.testing.assert_allclose(power[1], 0.9 / 0.14, rtol=1e-9)
    np.testing.assert_allclose(power[0], 3.9 / 0.14, rtol=1e-9)


def test_rings_on_their_lines_stay():
    plan = assign_lines(**easy([0, 1, 2, 3]))
    assert plan.is_feasible and plan.is_optimal and plan.total == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("crosstalk", [0.0, 0.1])
def test_rings_on_their_lines_but_for_rounding_stay(crosstalk):
    """A rounding to the red is no reason to go around a spectral range."""
    random = np.random.default_rng(5)
    row = random_row(random, 8, crosstalk)
    for _ in range(20):
        row["rings"] = row["lines"] + 2.2e-16 * random.integers(-3, 4, 8)
        plan = assign_lines(**row)
        assert plan.is_feasible and plan.is_optimal and plan.total < 1e-9
        np.testing.assert_array_equal(plan.lines, range(8))
        assert np.max(np.abs(tuning_power(**row))) < 1e-9
        assert barrel_shifts(**row)[1][0]


def test_a_row_that_is_tuned_stays_as_it_is():
    row = random_row(np.random.default_rng(8), 8, 0.1)
    first = assign_lines(**row)
    row["rings"] = row["rings"] + 1e-6 * row["drift_pm_k"] * row["coupling"] @ first.power
    assert assign_lines(**row).total < 1e-9 and first.total > 10.0
    # Numbers of single precision keep a tenth of a picometre.
    row["rings"] = np.asarray(row["rings"], np.float32)
    again = assign_lines(**row)
    assert again.is_feasible and again.total < 0.1


@pytest.mark.parametrize("crosstalk", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("limit", [math.inf, 25.0])
def test_it_is_the_best_of_all(crosstalk, limit):
    random = np.random.default_rng(int(10 * crosstalk))
    for count in (1, 2, 3, 4, 5):
        row = random_row(random, count, crosstalk)
        plan, least = assign_lines(**row, max_power=limit), brute_force(row, limit, orders=3)
        assert plan.is_optimal
        assert plan.total == least or plan.total == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("crosstalk", [0.0, 0.05, 0.15])
def test_it_is_never_worse_than_any_cyclic_shift(crosstalk):
    random = np.random.default_rng(7)
    for _ in range(40):
        row = random_row(random, 8, crosstalk)
        power, fits = barrel_shifts(**row)
        plan = assign_lines(**row)
        assert plan.total <= np.min(power.sum(axis=1)[fits], initial=math.inf) * (1 + 1e-9)
        assert plan.is_optimal and np.all(plan.power >= 0.0)
        assert sorted(plan.lines) == list(range(8))


def test_a_ring_warmed_by_others_goes_a_spectral_range_further():
    # The ring in the middle is on its line, but its neighbours, far from theirs, warm it.
    row = easy([-2.0, 1.0, 0.2], lines=1.3 + 1e-3 * np.arange(3))
    row["coupling"] = 2.0 * np.array([[1.0, 0.2, 0.1], [0.2, 1.0, 0.2], [0.1, 0.2, 1.0]])
    naive = np.asarray(tuning_power(**row))
    assert naive[1] < 0.0
    plan = assign_lines(**row)
    assert plan.is_feasible and np.min(plan.power) >= 0.0
    assert plan.total == pytest.approx(brute_force(row, orders=4), rel=1e-9)


def test_spare_lines_stay_dark_and_spare_rings_off():
    random = np.random.default_rng(3)
    row = random_row(random, 5, 0.1)
    few = {**row, "rings": row["rings"][:3], "coupling": row["coupling"][:3, :3]}
    plan = assign_lines(**few)
    assert len(set(plan.lines)) == 3 and plan.is_optimal
    best = min(
        brute_force({**few, "lines": row["lines"][list(some)]}, orders=2)
        for some in itertools.combinations(range(5), 3)
    )
    assert plan.total == pytest.approx(best, rel=1e-9)

    plan = assign_lines(**{**row, "lines": row["lines"][:3]})
    assert np.sum(plan.lines < 0) == 2 and np.all(plan.power[plan.lines < 0] == 0.0)
    chosen = [list(some) for some in itertools.combinations(range(5), 3)]
    parts = [
        {**row, "lines": row["lines"][:3], "rings": row["rings"][some], "coupling": row["coupling"][np.ix_(some, some)]}
        for some in chosen
    ]
    assert plan.total == pytest.approx(min(brute_force(part, orders=2) for part in parts), rel=1e-9)
    np.testing.assert_allclose(
        tuning_power(**{**row, "lines": row["lines"][:3]}, plan_lines=plan.lines, plan_orders=plan.orders),
        plan.power,
        atol=1e-9,
    )


def test_what_cannot_be_served_is_said_and_is_no_error():
    # One ring is far from every line for a heater of 3 mW, 0.42 nm.
    plan = assign_lines(**easy([-0.2, 0.8, 1.8, 3.5]), max_power=3.0)
    assert not plan.is_feasible and plan.is_optimal and plan.total == math.inf
    assert plan.unserved == (3,)
    np.testing.assert_array_equal(plan.lines, -1)
    # Two rings can only reach the same line.
    assert len(assign_lines(**easy([-0.2, 0.8, 1.8, 1.9]), max_power=3.0).unserved) == 1
    # A spare ring saves the row.
    more = easy([-0.2, 0.8, 1.8, 3.5, 2.7])
    assert assign_lines(**more, max_power=3.0).is_feasible


def test_every_heater_may_have_its_own_range():
    row = easy([-0.2, 0.8, 1.8, 2.8])
    assert assign_lines(**row, max_power=[2.0, 2.0, 2.0, 2.0]).is_feasible
    assert not assign_lines(**row, max_power=[2.0, 2.0, 2.0, 1.0]).is_feasible


def test_derivatives_at_a_fixed_assignment(assert_gradient):
    row = random_row(np.random.default_rng(1), 4, 0.1)
    plan = assign_lines(**row)

    def powers(tree):
        return tuning_power(**tree, plan_lines=plan.lines, plan_orders=plan.orders)

    tree = {key: row[key] for key in ("rings", "lines", "fsr", "drift_pm_k", "coupling")}
    exact = jax.jit(jax.jacfwd(lambda rings: powers({**tree, "rings": rings})))(jnp.asarray(row["rings"]))
    # Powers are linear in the positions.
    np.testing.assert_allclose(exact, -np.linalg.inv(1e-6 * row["drift_pm_k"] * row["coupling"]), rtol=1e-10)
    warm = {key: tree[key] for key in ("drift_pm_k", "coupling")}
    assert_gradient(lambda part: jnp.sum(powers({**tree, **part})), warm, rtol=1e-7)


def test_float32(float32):
    row = random_row(np.random.default_rng(1), 4, 0.1)
    plan = assign_lines(**row)
    power = tuning_power(**row, plan_lines=plan.lines, plan_orders=plan.orders)
    assert power.dtype == jnp.float32
    # Positions in um keep seven digits, 0.1 pm.
    np.testing.assert_allclose(power, plan.power, atol=5e-3)


def test_a_plan_says_how_much_better_another_might_be():
    plan = assign_lines(**random_row(np.random.default_rng(0), 8, 0.1))
    assert plan.floor == pytest.approx(plan.total, rel=1e-9)
    # Neighbours that warm a ring more than its own heater does: nothing is known about what is best.
    strange = easy([-0.5, 0.5, 1.5, 2.5])
    strange["coupling"] = 2.0 * np.array([[1.0, 3, 0, 0], [0.1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    plan = assign_lines(**strange)
    assert plan.floor == 0.0 and not plan.is_optimal


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drift_pm_k": 0.0}, "drift_pm_k = 0 pm/K is outside"),
        ({"rings": [1310.0]}, "rings = 1310 um is outside"),
        ({"lines": [1310.0]}, "lines = 1310 um is outside"),
        ({"fsr": 9.0}, r"fsr = 9 um is outside \(0, 1\)"),
        ({"coupling": np.ones((4, 4))}, "coupling has a condition number of .*: its heaters cannot be told apart"),
        ({"fsr": [1e-3, 1e-3]}, r"fsr of shape \(2,\) is not a number or one for each of 4 rings"),
        ({"coupling": np.eye(3)}, r"coupling of shape \(3, 3\) is not \[N, N\]"),
        ({"coupling": -1.0}, "coupling = -1 K/mW is outside"),
        ({"coupling": np.zeros((4, 4))}, "coupling of rings to their own heaters = 0 K/mW"),
        ({"rings": [[1.3]]}, r"rings and lines of shapes \(1, 1\) and \(4,\)"),
        ({"max_power": 0.0}, "max_power = 0.0 mW is not above zero"),
        ({"max_power": [1.0, 2.0]}, "is not above zero, a number or one for each ring"),
        ({"rings": np.full(40, 1.3), "lines": np.full(20, 1.3)}, "leave 137846528820 sets"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        assign_lines(**{**easy([0, 1, 2, 3]), **change})


def test_bad_plans_are_named():
    with pytest.raises(ValueError, match=r"plan_lines of shape \(3,\) is not one whole number for each of 4 rings"):
        tuning_power(**easy([0, 1, 2, 3]), plan_lines=[0, 1, 2])
    with pytest.raises(ValueError, match="plan_lines = 4 is outside"):
        tuning_power(**easy([0, 1, 2, 3]), plan_lines=[0, 1, 2, 4])
    with pytest.raises(ValueError, match="has two rings on one line"):
        tuning_power(**easy([0, 1, 2, 3]), plan_lines=[0, 1, 1, -1])
    for orders in ([0.5, 0, 0, 0], [1, 0, 0], [1, 0, 0, 0, 0]):
        with pytest.raises(ValueError, match="plan_orders of shape .* is not one whole number for each of 4 rings"):
            tuning_power(**easy([0, 1, 2, 3]), plan_orders=orders)
    with pytest.raises(ValueError, match="its heaters cannot be told apart"):
        tuning_power(**easy([0, 1, 2, 3], coupling=np.ones((4, 4))))
    with pytest.raises(ValueError, match="4 rings and 3 lines are not as many"):
        barrel_shifts(**easy([0, 1, 2, 3], lines=[1.3, 1.301, 1.302]))
    with pytest.raises(ValueError, match="an assignment is chosen for plain numbers"):
        jax.jit(lambda rings: assign_lines(**{**easy([0, 1, 2, 3]), "rings": rings}).power)(jnp.ones(4))
