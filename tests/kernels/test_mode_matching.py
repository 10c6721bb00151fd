import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.mode_matching import balanced_joint, joint_scattering


def overlap(rows, columns, seed=0, complex_=False):
    rng = np.random.default_rng(seed)
    values = np.eye(rows, columns) + 0.3 * rng.normal(size=(rows, columns))
    return jnp.asarray(values + 0.3j * rng.normal(size=(rows, columns)) if complex_ else values)


def pair(rows, columns):
    """O and P of two windows of many modes, of which some are kept."""
    whole = np.eye(9) + 0.1 * np.random.default_rng(3).normal(size=(9, 9))
    inverse = np.linalg.inv(whole).T
    return jnp.asarray(whole[:rows, :columns]), jnp.asarray(inverse[:rows, :columns])


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 5), (5, 2)])
def test_power_and_reciprocity_hold_for_any_overlap(shape):
    s = np.asarray(joint_scattering(overlap(*shape)))
    np.testing.assert_allclose(s @ s.T, np.eye(sum(shape)), atol=1e-13)
    np.testing.assert_allclose(s, s.T, atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_fields_are_continuous(shape):
    q = np.asarray(overlap(*shape, complex_=True))
    incoming = np.random.default_rng(1).normal(size=sum(shape))
    outgoing = np.asarray(joint_scattering(jnp.asarray(q))) @ incoming
    a, b = slice(shape[0]), slice(shape[0], None)
    np.testing.assert_allclose(outgoing[b] + incoming[b], q.T @ (incoming[a] + outgoing[a]), atol=1e-13)
    np.testing.assert_allclose(incoming[a] - outgoing[a], q @ (outgoing[b] - incoming[b]), atol=1e-13)


def test_equal_guides_reflect_nothing():
    s = joint_scattering(jnp.eye(4))
    np.testing.assert_allclose(s, np.roll(np.eye(8), 4, axis=0), atol=1e-15)


def test_plane_waves_are_fresnels():
    n_a, n_b = 1.5, 3.5
    q = jnp.full((1, 1), np.sqrt(n_b / n_a))
    for s in (joint_scattering(q), balanced_joint(q, 1.0 / q)):
        np.testing.assert_allclose(s[0, 0], (n_a - n_b) / (n_a + n_b), atol=1e-15)
        np.testing.assert_allclose(s[1, 0], 2.0 * np.sqrt(n_a * n_b) / (n_a + n_b), atol=1e-15)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_a_balanced_joint_read_backwards_is_the_same(shape):
    electric, magnetic = pair(*shape)
    forward = balanced_joint(electric, magnetic)
    backward = balanced_joint(magnetic.T, electric.T)
    order = np.roll(np.arange(sum(shape)), -shape[0])
    np.testing.assert_allclose(backward, np.asarray(forward)[np.ix_(order, order)], atol=1e-13)


def test_all_modes_need_no_balance():
    electric, magnetic = pair(9, 9)
    np.testing.assert_allclose(balanced_joint(electric, magnetic), joint_scattering(electric), atol=1e-13)


def test_fewer_modes_do_not_reflect_what_they_leave_out():
    # One mode with 0.9 of its power in the next: no impedance differs, and nothing comes back.
    part = jnp.full((1, 1), np.sqrt(0.9))
    assert abs(joint_scattering(part)[0, 0]) > 0.05
    np.testing.assert_allclose(balanced_joint(part, part)[0, 0], 0.0, atol=1e-14)


@pytest.mark.slow
def test_batches_and_derivatives():
    electric, magnetic = (jnp.stack([part, 1.1 * part]) for part in pair(3, 4))
    values = balanced_joint(electric, magnetic)
    one = jax.vmap(balanced_joint)(electric, magnetic)
    np.testing.assert_allclose(values, one, atol=1e-14)
    step = 1e-5 * np.random.default_rng(5).normal(size=electric.shape)
    function = lambda o: balanced_joint(o, magnetic)  # noqa: E731
    _, slope = jax.jvp(function, (electric,), (jnp.asarray(step),))
    np.testing.assert_allclose(slope, 0.5 * (function(electric + step) - function(electric - step)), atol=1e-12)


def test_single_precision(float32):
    s = joint_scattering(jnp.asarray(overlap(3, 5), jnp.float32))
    assert s.dtype == jnp.float32
    np.testing.assert_allclose(s @ s.T, np.eye(8), atol=2e-6)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"overlap of shape \(3,\)"):
        joint_scattering(jnp.ones(3))
    with pytest.raises(ValueError, match=r"electric = \(2, 2\) and magnetic = \(2, 3\)"):
        balanced_joint(jnp.ones((2, 2)), jnp.ones((2, 3)))
