"""Between equal samples: exact for what few samples can tell."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.between_samples import middles, of_each_step


@pytest.mark.parametrize("count", [2, 3, 4, 5, 9])
def test_middles_are_exact_for_polynomials(count):
    def curve(t):
        return sum((k + 1.0) * (t - 1.3) ** k for k in range(min(count, 4)))

    t = np.arange(float(count))
    np.testing.assert_allclose(middles(jnp.asarray(curve(t))), curve(t[:-1] + 0.5), rtol=1e-12)


def test_windows_run_along_the_last_axis():
    samples = jnp.asarray([[0.0, 1.0, 4.0, 9.0, 16.0], [0.0, 1.0, 2.0, 3.0, 4.0]])
    found = of_each_step(lambda a, b, c, d: jnp.stack([a, b, c, d]), samples)
    np.testing.assert_allclose(found[:, 0, 0], [1.0, 0.0, 1.0, 4.0])
    np.testing.assert_allclose(found[:, 0, 2], [1.0, 4.0, 9.0, 16.0])
    np.testing.assert_allclose(found[:, 1, 3], [2.0, 3.0, 4.0, 5.0])
