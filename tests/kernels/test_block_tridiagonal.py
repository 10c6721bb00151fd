import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.block_tridiagonal import BlockTridiagonal, invert, multiply, solve


def random_system(seed, blocks=4, size=3, dtype=float):
    random = np.random.default_rng(seed)

    def draw(*shape):
        values = random.normal(size=shape)
        return values if dtype is float else values + 1j * random.normal(size=shape)

    diagonal = draw(blocks, size, size) + 6.0 * np.eye(size)
    parts = diagonal, draw(blocks - 1, size, size), draw(blocks - 1, size, size)
    return BlockTridiagonal(*map(jnp.asarray, parts)), jnp.asarray(draw(blocks, size, 2))


def dense(matrix):
    blocks, size = matrix.diagonal.shape[:2]
    whole = np.zeros((blocks * size, blocks * size), matrix.diagonal.dtype)
    for k in range(blocks):
        here = slice(k * size, (k + 1) * size)
        whole[here, here] = matrix.diagonal[k]
        if k + 1 < blocks:
            after = slice((k + 1) * size, (k + 2) * size)
            whole[after, here], whole[here, after] = matrix.lower[k], matrix.upper[k]
    return whole


@pytest.mark.parametrize("dtype", [float, complex])
def test_solution_is_that_of_the_dense_system(dtype):
    matrix, rhs = random_system(0, dtype=dtype)
    x = solve(matrix, rhs)
    expected = np.linalg.solve(dense(matrix), np.asarray(rhs).reshape(12, 2))
    np.testing.assert_allclose(np.asarray(x).reshape(12, 2), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(multiply(matrix, x), rhs, atol=1e-12)


def test_derivatives_of_the_solution():
    matrix, rhs = random_system(1)
    weights = jnp.asarray(np.random.default_rng(2).normal(size=rhs.shape))

    def of_dense(parts):
        blocks, size = 4, 3
        whole = jnp.zeros((blocks, size, blocks, size))
        for k in range(blocks):
            whole = whole.at[k, :, k].set(parts.diagonal[k])
            if k + 1 < blocks:
                whole = whole.at[k + 1, :, k].set(parts.lower[k]).at[k, :, k + 1].set(parts.upper[k])
        return jnp.sum(weights.reshape(12, 2) * (jnp.linalg.inv(whole.reshape(12, 12)) @ rhs.reshape(12, 2)) ** 2)

    ours = jax.grad(lambda parts: jnp.sum(weights * solve(parts, rhs) ** 2))(matrix)
    for got, expected in zip(ours, jax.grad(of_dense)(matrix), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [float, complex])
def test_inverse_of_a_batch(dtype):
    random = np.random.default_rng(3)
    a = random.normal(size=(5, 7, 7)) + (1j * random.normal(size=(5, 7, 7)) if dtype is complex else 0.0)
    np.testing.assert_allclose(invert(jnp.asarray(a)) @ a, np.broadcast_to(np.eye(7), a.shape), atol=1e-12)


def test_inverse_pivots():
    a = jnp.asarray([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [4.0, 0.0, 0.0]])
    np.testing.assert_allclose(invert(a), np.linalg.inv(a), atol=1e-15)


def test_inverse_under_vmap_and_in_single_precision(float32):
    a = np.random.default_rng(4).normal(size=(3, 2, 6, 6)).astype(np.float32)
    np.testing.assert_allclose(jax.vmap(invert)(jnp.asarray(a)) @ a, np.broadcast_to(np.eye(6), a.shape), atol=2e-4)
