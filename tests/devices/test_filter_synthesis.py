"""Maximally flat filters: the prototype's response is what the rings approach, by the second order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.filter_synthesis import flat_top_angles
from photonics_core.kernels.rings import coupled_rings

#: Frequencies over the cut-off.
PLACES = jnp.linspace(-2.5, 2.5, 41)


@jax.jit
def dropped(angles, cutoff):
    """Power of rings of the free spectral range 1 around their common resonance."""
    count = angles.size - 1
    half_turns = jnp.broadcast_to(0.5 * cutoff * PLACES, (count, PLACES.size))
    none = jnp.zeros(count + 1)
    return jnp.abs(coupled_rings(angles, none, none[1:], half_turns).drop) ** 2


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_response_is_approached_by_the_second_order(count):
    exact = 1.0 / (1.0 + PLACES ** (2 * count))
    cutoffs = np.array([0.02, 0.01, 0.005])
    errors = [float(jnp.max(jnp.abs(dropped(flat_top_angles(count, c, 1.0), c) - exact))) for c in cutoffs]
    order = np.polyfit(np.log(cutoffs), np.log(errors), 1)[0]
    assert order == pytest.approx(2.0, abs=0.1)
    assert errors[-1] < 2e-3


def test_a_wide_filter_of_five_rings_is_a_start():
    cutoff = 0.08 / 2.13
    found = dropped(flat_top_angles(5, cutoff, 1.0), cutoff)
    middle, edge, stop = (int(jnp.argmin(jnp.abs(PLACES - each))) for each in (0.0, 0.625, 2.0))
    assert float(found[middle]) > 0.999 and float(found[edge]) > 0.95 and float(found[stop]) < 1.5e-3


def test_couplings_grow_with_the_cut_off_and_are_even():
    angles = np.asarray(flat_top_angles(5, 0.04, 2.0))
    np.testing.assert_allclose(angles, angles[::-1], rtol=1e-14)
    assert np.all(np.asarray(flat_top_angles(5, 0.05, 2.0)) > angles)


def test_derivatives(assert_gradient):
    assert_gradient(lambda p: jnp.sum(flat_top_angles(4, p[0], p[1]) ** 2), jnp.array([0.05, 2.0]))


@pytest.mark.parametrize(
    "arguments, message",
    [((0, 0.1, 2.0), "count = 0"), ((3, 0.0, 2.0), "cutoff = 0 THz"), ((3, 0.1, -2.0), "fsr = -2 THz")],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        flat_top_angles(*arguments)
