"""Batches: one device object whose leaves have a leading axis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import (
    AllPassRing,
    DirectionalCoupler,
    LinearIndex,
    PointCoupler,
    batch_size,
    stack,
    unstack,
)

INDEX = LinearIndex(2.44, 4.18, 1.55, loss_db_cm=3.0)
WL = np.linspace(1.54, 1.56, 31)
RINGS = [AllPassRing(radius, PointCoupler(0.3), INDEX) for radius in (5.0, 6.0, 7.5)]


def test_a_batch_under_vmap_is_a_loop_over_its_devices():
    batch = stack(RINGS)
    assert batch_size(batch) == 3
    together = jax.vmap(lambda ring: ring.through(WL))(batch)
    assert_allclose(together, jnp.stack([ring.through(WL) for ring in RINGS]), rtol=0, atol=1e-12)
    widths = jax.vmap(lambda ring: ring.linewidth(1.55))(batch)
    assert_allclose(widths, [ring.linewidth(1.55) for ring in RINGS], rtol=1e-12)


def test_the_devices_come_back():
    for one, again in zip(RINGS, unstack(stack(RINGS)), strict=True):
        assert jax.tree.structure(one) == jax.tree.structure(again)
        assert all(a == b for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(again), strict=True))


def test_host_numbers_stay_on_the_host_and_traced_ones_are_traced(float32):
    assert all(isinstance(leaf, np.ndarray) and leaf.dtype == np.float64 for leaf in jax.tree.leaves(stack(RINGS)))

    def total(radius):
        return jnp.sum(stack([AllPassRing(radius, PointCoupler(0.3), INDEX), *RINGS]).radius)

    assert jax.grad(total)(4.0) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stack([]), "devices is empty"),
        (
            lambda: stack([RINGS[0], AllPassRing(5.0, DirectionalCoupler(0.2, 5.0, 0.1, 0.05), INDEX)], "rings"),
            "rings[1] is not of the same structure as rings[0]",
        ),
        (lambda: batch_size(RINGS[0]), "AllPassRing is not a batch: its leaves have the leading axes [()]"),
    ],
)
def test_what_is_no_batch_is_named(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
