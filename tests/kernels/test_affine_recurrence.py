"""The affine recurrence: the same in chunks as one step after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.affine_recurrence import affine_recurrence


def one_by_one(factors, sources, start):
    states = [start]
    for factor, source in zip(factors, sources, strict=True):
        states.append(factor * states[-1] + source)
    return np.stack(states[1:])


@pytest.mark.parametrize("chunks", [None, 1, 2, 7, 50])
def test_states_are_those_of_a_loop(chunks):
    random = np.random.default_rng(2)
    factors, sources = (random.normal(size=(23, 3)) + 1j * random.normal(size=(23, 3)) for _ in range(2))
    found = affine_recurrence(factors, sources, np.ones(3), chunks=chunks)
    np.testing.assert_allclose(found, one_by_one(factors, sources, np.ones(3)), rtol=1e-12)


def test_real_numbers_stay_real():
    found = affine_recurrence(np.full(40, 0.5), np.ones(40), 0.0)
    np.testing.assert_allclose(found, 2.0 - 0.5 ** np.arange(40), rtol=1e-14)


@pytest.mark.parametrize("chunks", [1, 4])
def test_derivatives_are_those_of_differences(chunks, assert_gradient):
    sources = jnp.linspace(0.0, 1.0, 10)

    def end(numbers):
        factors = numbers["factor"] * jnp.cos(jnp.arange(10.0))
        return affine_recurrence(factors, numbers["source"] * sources, numbers["start"], chunks=chunks)[-1]

    assert_gradient(end, {"factor": 0.8, "source": 1.2, "start": 0.4}, rtol=1e-6)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"shapes \(\(3,\), \(4,\), \(\)\) are not \[K, ...\]"):
        affine_recurrence(np.ones(3), np.ones(4), 1.0)
    with pytest.raises(ValueError, match="sources = inf is outside the finite numbers"):
        affine_recurrence(np.ones(2), np.array([1.0, np.inf]), 1.0)
    with pytest.raises(ValueError, match="chunks = True is not of the kind int"):
        affine_recurrence(np.ones(2), np.ones(2), 1.0, chunks=True)
    assert jax.jit(lambda x: affine_recurrence(x, x, 1.0))(jnp.full(2, jnp.nan)).shape == (2,)
