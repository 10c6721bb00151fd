"""Benchmarks of grating couplers: a spectrum with the derivatives of every width, beside the spectrum alone.

The time of another solver for one spectrum without derivatives is in docs/grating_coupler.md: it takes minutes, so it
is not repeated here.
"""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.grating_coupler import GratingCoupler
from photonics_core.devices.tilted_beam import TiltedBeam
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare


def with_gradient(count: int) -> Prepare:
    """Mean efficiency over wavelengths with its derivatives in 39 widths, beside the efficiencies alone."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        coupler, beam = GratingCoupler.uniform(0.63, 0.5, 20), TiltedBeam(10.0, 5.2)
        wl = jnp.asarray(np.linspace(1.52, 1.62, count))

        def efficiency(widths: Any) -> jax.Array:
            changed = eqx.tree_at(lambda g: (g.trenches, g.teeth), coupler, widths)
            return jnp.mean(changed.response(wl).efficiency(beam, 3.2))

        both, alone = jax.jit(jax.value_and_grad(efficiency)), jax.jit(efficiency)
        widths = jnp.asarray(coupler.trenches), jnp.asarray(coupler.teeth)
        return lambda: jax.block_until_ready(both(widths))[0], lambda: jax.block_until_ready(alone(widths))

    return prepare


BENCHMARKS = (Benchmark("grating_coupler.gradient_100", "own spectrum alone", with_gradient(100), "float64"),)
