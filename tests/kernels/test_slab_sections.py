"""Modes of upright sections: orthogonality, exact walls, convergence, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.slab_sections import slab_mesh, slab_modes, symmetric_modes

LINES = jnp.asarray([0.0, 0.5, 1.1, 1.5])


def test_modes_of_an_empty_box_are_sines():
    """beta^2 = k0^2 eps - (m pi / height)^2, the error of the first modes falling with every degree."""
    k0, errors = jnp.asarray(4.0), []
    exact = 16.0 * 2.25 - (np.arange(1, 5) * np.pi / 1.5) ** 2
    for degree in (4, 6, 8):
        modes = jax.jit(slab_modes)(slab_mesh(LINES, 0, 0, degree), jnp.full(3, 2.25 + 0j), k0)
        found = np.sort(np.real(np.asarray(modes.beta) ** 2))[::-1][:4]
        errors.append(np.max(np.abs(found - exact)))
    assert errors[0] > 30 * errors[1] > 900 * errors[2]


def test_modes_over_a_free_foot_are_those_of_half_a_box():
    """beta^2 = k0^2 eps - ((m + 1/2) pi / height)^2, and F there is the largest of all."""
    mesh = slab_mesh(LINES, 0, 0, 8)
    modes = jax.jit(slab_modes, static_argnames=("magnetic", "free_foot"))(
        mesh, jnp.full(3, 2.25 + 0j), jnp.asarray(4.0), magnetic=True, free_foot=True
    )
    found = np.sort(np.real(np.asarray(modes.beta) ** 2))[::-1][:4]
    np.testing.assert_allclose(found, 36.0 - ((np.arange(4) + 0.5) * np.pi / 1.5) ** 2, rtol=1e-8)
    assert modes.fields.shape == (25, 24)
    lowest = np.abs(np.asarray(modes.fields[:, int(np.argmax(modes.beta.real))]))
    assert lowest.argmax() == 0 and lowest[-1] == 0.0


@pytest.mark.parametrize("magnetic", [False, True])
def test_vectors_are_orthonormal_without_conjugation(magnetic):
    mesh = slab_mesh(LINES, 1, 1, 12)
    solve = jax.jit(slab_modes, static_argnames="magnetic")
    modes = solve(mesh, jnp.asarray([2.0, 12.0, 1.0 + 0j]), jnp.asarray(4.0), magnetic=magnetic)
    unit = np.asarray(modes.vectors.T @ modes.vectors)
    np.testing.assert_allclose(unit, np.eye(unit.shape[0]), atol=1e-10)
    # Of each pair of roots that which decays, or runs ahead.
    assert np.all(np.asarray(modes.beta.real + modes.beta.imag) > 0.0)
    assert modes.fields.shape == (37, 35)


def test_derivatives_of_eigenvectors(assert_gradient):
    random = np.random.default_rng(3)
    parts = random.normal(size=(4, 5, 5))
    base, change = (jnp.asarray(parts[k] + 1j * parts[k + 1]) for k in (0, 2))
    weight = jnp.asarray(random.normal(size=5) + 0j)

    def values(x):
        matrix = base + change * x.astype(complex)
        eigenvalues, vectors = symmetric_modes(matrix + matrix.T)
        # Of the projector on the mode of largest |l|, no sign is left.
        vector = vectors[:, jnp.argmax(jnp.abs(eigenvalues))]
        return jnp.abs(jnp.sum(vector * weight) ** 2)

    assert_gradient(values, jnp.asarray(0.3), rtol=1e-7)


def test_a_batch_goes_one_by_one():
    random = np.random.default_rng(4)
    matrices = random.normal(size=(3, 4, 4)) + 1j * random.normal(size=(3, 4, 4))
    matrices = jnp.asarray(matrices + np.swapaxes(matrices, 1, 2))
    values, vectors = jax.vmap(symmetric_modes)(matrices)
    for k in range(3):
        np.testing.assert_allclose(matrices[k] @ vectors[k], vectors[k] * values[k][None], atol=1e-10)
