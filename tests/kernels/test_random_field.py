"""Random fields: correlations, their roots, waves with the same correlation, edges that average out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels import random_field

KINDS = tuple(random_field.ORDERS)
PLACES = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 250.0], [700.0, -300.0], [100.0, 0.0]])


@pytest.mark.parametrize("kind", KINDS)
def test_correlations_fall_from_one_and_have_no_slope_at_a_single_place(kind):
    square = jnp.linspace(0.0, 9.0, 50) ** 2
    values = random_field.correlation(square, jnp.asarray(1.0), kind)
    assert values[0] == 1.0 and np.all(np.diff(values) < 0.0) and values[-1] > 0.0
    np.testing.assert_allclose(values, random_field.correlation(np.asarray(square), 1.0, kind), rtol=1e-12)
    slopes = jax.grad(lambda s, length: random_field.correlation(s, length, kind), argnums=(0, 1))(
        jnp.zeros(()), jnp.ones(())
    )
    assert np.all(np.isfinite(slopes)) and slopes[1] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_correlations_are_those_of_their_spectrum(kind):
    """Mean of J0(k r) over the spectrum, whose part within k has a closed form, by its inverse at even parts."""
    from scipy.special import j0

    part = (np.arange(400_000) + 0.5) / 400_000
    order = random_field.ORDERS[kind]
    if np.isinf(order):
        k = np.sqrt(-2.0 * np.log1p(-part))
    else:
        k = np.sqrt(2.0 * order * np.expm1(-np.log1p(-part) / order))
    for r in (0.3, 1.0, 2.5):
        assert np.mean(j0(k * r)) == pytest.approx(random_field.correlation(np.asarray(r * r), 1.0, kind), abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_root_gives_the_correlations_back_also_for_two_devices_at_one_place(kind):
    root = random_field.correlation_root(jnp.asarray(PLACES), jnp.asarray(500.0), kind)
    expected = random_field.correlation(random_field.squared_distances(PLACES), 500.0, kind)
    np.testing.assert_allclose(root @ root.T, expected, atol=2e-14)
    np.testing.assert_allclose(random_field.correlation_root(PLACES, 500.0, kind), root, atol=1e-6)


def test_a_root_in_single_precision_of_neighbours_far_closer_than_the_length(float32):
    places = jnp.stack([10.0 * jnp.arange(16.0), jnp.zeros(16)], axis=1)
    root = random_field.correlation_root(places, jnp.asarray(4500.0), "gaussian")
    assert root.dtype == jnp.float32 and np.all(np.isfinite(root))
    expected = random_field.correlation(random_field.squared_distances(np.asarray(places, float)), 4500.0, "gaussian")
    np.testing.assert_allclose(np.asarray(root, float) @ np.asarray(root, float).T, expected, atol=5e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_waves_have_the_correlation_in_the_mean_over_shifts(kind):
    """The error of one set is within a few times (2 M)^(-1/2); that of the mean falls."""
    apart = jnp.stack([jnp.linspace(0.0, 3.0, 7), jnp.linspace(0.0, 2.0, 7)], axis=1)
    expected = random_field.correlation(jnp.sum(apart**2, axis=1), jnp.asarray(1.0), kind)

    def covariance(shift):
        waves = random_field.wave_vectors(256, jnp.asarray(1.0), kind, shift)
        return jnp.mean(jnp.cos(apart @ waves.T), axis=1)

    found = jax.vmap(covariance)(jax.random.uniform(jax.random.key(0), (400, 2)))
    assert np.max(np.abs(found - expected[None])) < 4.0 / np.sqrt(512.0)
    np.testing.assert_allclose(np.mean(found, axis=0), expected, atol=0.012)


def test_a_field_of_waves_is_the_sum_that_it_says():
    waves = random_field.wave_vectors(8, jnp.asarray(300.0), "matern32", jnp.asarray([0.2, 0.7]))
    a, b = jax.random.normal(jax.random.key(1), (2, 8))
    direct = [sum(a[m] * np.cos(w @ x) + b[m] * np.sin(w @ x) for m, w in enumerate(waves)) for x in PLACES]
    np.testing.assert_allclose(
        random_field.wave_field(jnp.asarray(PLACES), waves, a, b), np.asarray(direct) / np.sqrt(8.0), rtol=1e-12
    )


def test_an_edge_averages_out_as_the_root_of_its_length():
    averaged = jax.vmap(random_field.averaged_deviation, in_axes=(0, None))
    assert random_field.averaged_deviation(jnp.asarray(0.0), jnp.asarray(1.0)) == 1.0
    lengths = jnp.asarray([1e3, 4e3])
    np.testing.assert_allclose(averaged(lengths, jnp.asarray(1.0)), np.sqrt(2.0 / lengths), rtol=1e-3)
    # The series meets the closed form where one takes over from the other.
    around = averaged(jnp.asarray([0.05 - 1e-9, 0.05 + 1e-9]), jnp.asarray(1.0))
    np.testing.assert_allclose(around[0], around[1], rtol=1e-9)
    slope = jax.grad(random_field.averaged_deviation, argnums=(0, 1))
    assert np.all(np.isfinite(slope(jnp.asarray(0.0), jnp.asarray(1.0))))
