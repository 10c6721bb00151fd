import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels import augmented_lagrangian as al

RANDOM = np.random.default_rng(2)
EQUAL, UNEQUAL = jnp.asarray(RANDOM.normal(size=3)), jnp.asarray(RANDOM.normal(size=6))
GUESS = al.Multipliers(jnp.asarray(RANDOM.normal(size=3)), jnp.asarray(RANDOM.uniform(0, 4, 6)), jnp.asarray(2.5))


def test_the_inequality_term_is_the_equality_term_at_its_best_slack():
    """c + s = 0 with the slack s >= 0 that makes m (c + s) + r (c + s)^2 / 2 least, found by a search."""
    slack = np.linspace(0.0, 12.0, 120_001)
    terms = np.asarray(GUESS.inequality)[:, None] * (np.asarray(UNEQUAL)[:, None] + slack)
    terms += 0.5 * 2.5 * (np.asarray(UNEQUAL)[:, None] + slack) ** 2
    none = jnp.zeros(0)
    found = al.augmented(jnp.asarray(1.0), none, UNEQUAL, GUESS._replace(equality=none))
    np.testing.assert_allclose(found, 1.0 + np.sum(np.min(terms, axis=1)), rtol=1e-8)


def test_its_slope_is_that_of_the_lagrangian_with_the_next_multipliers():
    slopes = jax.grad(lambda e, c: al.augmented(jnp.asarray(0.0), e, c, GUESS), argnums=(0, 1))(EQUAL, UNEQUAL)
    for slope, estimate in zip(slopes, al.estimates(EQUAL, UNEQUAL, GUESS), strict=True):
        np.testing.assert_allclose(slope, estimate, rtol=1e-12)
    assert np.any(np.asarray(slopes[1]) == 0.0) and np.any(np.asarray(slopes[1]) > 0.0)


def test_multipliers_of_a_quadratic_problem_converge_to_the_known_ones():
    """min x^2 with x = 1 and y >= 2 beside y^2: multipliers -2 and 4. The error falls by 1 / (1 + r / 2) each time."""
    guess, errors = al.no_multipliers(1, 1, jnp.float64), []
    for _ in range(6):
        e, m, r = float(guess.equality[0]), float(guess.inequality[0]), float(guess.penalty)
        x, y = (r - e) / (2.0 + r), (m + 2.0 * r) / (2.0 + r)
        guess = al.updated(jnp.asarray([x - 1.0]), jnp.asarray([2.0 - y]), guess, jnp.asarray(jnp.inf))
        errors.append([abs(float(guess.equality[0]) + 2.0), abs(float(guess.inequality[0]) - 4.0)])
    np.testing.assert_allclose(np.asarray(errors[1:]) / np.asarray(errors[:-1]), 1.0 / 6.0, rtol=1e-9)


def test_violation_and_disagreement():
    guess = al.Multipliers(jnp.zeros(1), jnp.asarray([0.0, 2.0]), jnp.asarray(4.0))
    constraints = jnp.asarray([-0.1]), jnp.asarray([-3.0, -0.3])
    assert float(al.violation(*constraints)) == pytest.approx(0.1)
    # A constraint with slack 0.3 and a multiplier of 2 disagrees, but by no more than the next update takes away.
    assert float(al.disagreement(*constraints, guess)) == pytest.approx(0.3)
    assert float(al.disagreement(*constraints, guess._replace(penalty=jnp.asarray(10.0)))) == pytest.approx(0.2)
    assert float(al.violation(jnp.zeros(0), jnp.asarray([-1.0]))) == 0.0


def test_the_penalty_grows_only_where_the_constraints_have_not_come_closer():
    grown = al.updated(EQUAL, UNEQUAL, GUESS, al.disagreement(EQUAL, UNEQUAL, GUESS))
    kept = al.updated(EQUAL, UNEQUAL, GUESS, 10.0 * al.disagreement(EQUAL, UNEQUAL, GUESS))
    assert float(grown.penalty) == al.GROWTH * 2.5 and float(kept.penalty) == 2.5
    assert np.all(np.asarray(kept.inequality) >= 0.0)


@pytest.mark.parametrize(("high", "x", "answer"), [(0.8, 0.5, True), (0.8, 0.3, False), (0.1, 0.15, False)])
def test_a_contradiction_needs_a_sum_that_nothing_lowers(high, x, answer):
    """x <= 0.2 and x >= high: contradictory with 0.8, but seen so only where both pull alike; not with 0.1."""
    at, none = jnp.asarray([x]), jnp.zeros(0)

    def both(at):
        return jnp.concatenate([at - 0.2, high - at])

    for penalty, seen in ((al.largest_penalty(at.dtype), answer), (10.0, False)):
        multipliers = al.Multipliers(none, jnp.zeros(2), jnp.asarray(penalty))
        slope = jax.grad(lambda at, m=multipliers: al.augmented(at[0], none, both(at), m))(at)
        assert bool(al.is_contradiction(none, both(at), multipliers, at, slope)) == seen
