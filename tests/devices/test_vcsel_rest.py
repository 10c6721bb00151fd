"""The point at rest: any number of points, regular where there is no current and at threshold, implicit derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.vcsel import Vcsel
from photonics_core.devices.vcsel_rest import as_type, at_rest, excess_at_rest, photons_at_rest, points_at_rest

OWN = as_type(Vcsel(), jnp.float64)


def test_a_point_does_not_depend_on_how_many_there_are():
    currents = jnp.linspace(0.0, 12.0, 16)
    ambient = jnp.full(16, 320.0)
    together = at_rest(OWN, currents, ambient)
    for count in (1, 5):
        alone = points_at_rest(OWN, currents[-count:], ambient[-count:])
        np.testing.assert_array_equal(np.stack(alone), np.stack(together)[:, -count:])


def test_balances_are_met_without_a_current_and_about_the_threshold():
    currents = jnp.concatenate([jnp.zeros(1), jnp.linspace(0.70, 0.77, 15)])
    n, t = at_rest(OWN, currents, jnp.full(16, 300.0))
    np.testing.assert_allclose(excess_at_rest(OWN, n, t, currents), 0.0, atol=1e-9 * float(OWN.pump(1.0)))
    assert float(n[0]) == 0.0 and float(t[0]) == 300.0
    assert np.all(np.diff(np.asarray(n)) > 0.0)
    assert np.all(np.asarray(photons_at_rest(OWN, n, t, currents))[1:] > 0.0)


def test_derivatives_are_those_of_the_implicit_function():
    currents, ambient = jnp.linspace(0.0, 15.0, 16), jnp.full(16, 320.0)
    ones = jnp.ones(16)
    found = jax.jvp(lambda i: at_rest(OWN, i, ambient), (currents,), (ones,))[1]
    assert all(np.all(np.isfinite(np.asarray(each))) for each in found)
    above, below = (at_rest(OWN, jnp.maximum(currents + step, 0.0), ambient) for step in (1e-5, -1e-5))
    for slope, high, low in zip(found, above, below, strict=True):
        np.testing.assert_allclose(np.asarray(slope)[1:], (np.asarray(high - low) / 2e-5)[1:], rtol=1e-6)
    # Without a current: N = eta_i I / (q V) times the time to recombine, whose first part is 1 / (A + 1 / t_l ...).
    lifetime = 1.0 / float(OWN.losses(1e-6, 320.0) / 1e-6)
    assert float(found[0][0]) == pytest.approx(float(OWN.pump(1.0)) * lifetime, rel=0.05)
