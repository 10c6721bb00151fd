import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.modulation_levels import level_drives, ring_transmissions
from photonics_core.validation.wdm import reference_chain

TRANSMITTER = reference_chain(3)[0]


def test_four_levels_are_equally_spaced():
    """The slope of a flank changes, so that equal steps of the drive would not do."""
    drives, passed = jax.jit(
        lambda temperature: (
            level_drives(TRANSMITTER, temperature, levels=4),
            ring_transmissions(TRANSMITTER, temperature, levels=4),
        )
    )(330.0)
    own = np.diagonal(passed, axis1=1, axis2=2)
    steps = np.diff(own, axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:1], (3, 3)), rtol=1e-12)
    assert np.all(drives[:, 0] == 0.0) and np.all(drives[:, 3] == 1.0) and np.all(np.diff(drives) > 0.1)
    assert np.max(np.abs(drives[:, 1] - 1 / 3)) > 0.02


def test_the_outer_levels_are_the_transmitters_states():
    passed = np.asarray(ring_transmissions(TRANSMITTER))
    levels = TRANSMITTER.levels()
    own = np.diagonal(passed, axis1=1, axis2=2)
    np.testing.assert_allclose(own[0] / own[1], levels.zero / levels.one, rtol=1e-12)


@pytest.mark.slow
def test_drives_move_as_the_implicit_function_does():
    def drives(temperature):
        return level_drives(TRANSMITTER, temperature, levels=4)[:, 1:3]

    slope = jax.jit(jax.jacfwd(drives))(330.0)
    value = jax.jit(drives)
    np.testing.assert_allclose(slope, (value(330.5) - value(329.5)), rtol=1e-4)
    assert np.all(slope != 0.0)


@pytest.mark.slow
def test_the_smallest_drive_has_even_levels_too():
    """Without a shift the levels are one, and part evenly with it: so do their slopes."""

    def own(shift):
        moved = dataclasses.replace(TRANSMITTER, drive_shift=shift)
        return jnp.diagonal(ring_transmissions(moved, levels=4), axis1=1, axis2=2)

    slopes = np.asarray(jax.jit(jax.jacfwd(own))(0.0))
    assert np.all(np.abs(slopes[3]) > 1e2)
    np.testing.assert_allclose(slopes, np.arange(4)[:, None] / 3.0 * slopes[3], rtol=1e-9)
    np.testing.assert_allclose(
        level_drives(dataclasses.replace(TRANSMITTER, drive_shift=0.0), levels=4), np.tile([0, 1 / 3, 2 / 3, 1], (3, 1))
    )


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="levels = 3"):
        level_drives(TRANSMITTER, levels=3)
