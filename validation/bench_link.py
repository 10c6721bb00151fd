"""Benchmarks of the wavelength-division link: its error ratio over temperatures and dies, and the gradient beside it.

`link.temperatures_64` is log10 of the error ratio of 16 channels at 64 temperatures, all 16 aggressors by the saddle
point. `link.dies_1000` is the mean over 1000 dies at 64 temperatures of the worst channel's logarithm, the rings of
each die with gaps of their own and off their places by what their locks err; crosstalk is counted as a bound there. The
yardstick of both gradients, by radius, gap, power and heaters, is our own forward pass.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.link import WdmLink
from photonics_core.validation.benchmarks import Benchmark, Pair
from photonics_core.validation.link import DESIGN, reference_link

CHANNELS, TEMPERATURES, DIES, AT_ONCE = 16, 64, 1000, 25
#: Of the lines, which lie within a free spectral range of the rings.
SPACING_GHZ = 100.0
#: Deviations of one die: gaps of the modulators in um, relative detuning of modulators by their locks in um.
GAP_SIGMA, LOCK_SIGMA = 3e-3, 2e-6


def changed(link: WdmLink, gaps: Any, errors: Any) -> WdmLink:
    """A link whose modulators have these deviations of gap and errors of lock, both in um, shape [N]."""
    rings = link.transmitter.bus.rings
    coupler: Any = rings.input_coupler
    coupler = dataclasses.replace(coupler, gap=coupler.gap + gaps)
    bus = dataclasses.replace(link.transmitter.bus, rings=dataclasses.replace(rings, input_coupler=coupler))
    moved = dataclasses.replace(link.transmitter, bus=bus, detuning=link.transmitter.detuning + errors)
    return dataclasses.replace(link, transmitter=moved)


def over_temperatures(design: Any, temperatures: Any) -> jax.Array:
    """Mean over temperatures of the worst channel's log10 of the error ratio."""
    link = reference_link(CHANNELS, design, spacing_ghz=SPACING_GHZ)
    return jnp.mean(jnp.max(jax.vmap(link.log10_error_ratio)(temperatures), axis=-1))


def over_dies(design: Any, temperatures: Any, gaps: Any, errors: Any) -> jax.Array:
    """Mean over dies and temperatures of the worst channel's log10 of the error ratio; deviations [D, N]."""
    link = reference_link(CHANNELS, design, spacing_ghz=SPACING_GHZ)

    @jax.checkpoint
    def die(deviations: Any) -> jax.Array:
        one = changed(link, *deviations)
        ratios = jax.vmap(lambda t: one.log10_error_ratio(t, method="bound"))(temperatures)
        return jnp.mean(jnp.max(ratios, axis=-1))

    return jnp.mean(jax.lax.map(die, (gaps, errors), batch_size=min(AT_ONCE, gaps.shape[0])))


def deviations(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Deviations of so many dies."""
    random = np.random.default_rng(5)
    shape = (count, CHANNELS)
    return GAP_SIGMA * random.standard_normal(shape), LOCK_SIGMA * random.standard_normal(shape)


def _pair(function: Callable[..., jax.Array], *rest: Any) -> Pair:
    dtype = jnp.result_type(float)
    design, arguments = jnp.asarray(DESIGN, dtype), [jnp.asarray(each, dtype) for each in rest]
    forward, gradient = jax.jit(function), jax.jit(jax.grad(function))
    return lambda: np.asarray(gradient(design, *arguments)), lambda: np.asarray(forward(design, *arguments))


def _prepare_temperatures(peers: Path | None) -> Pair:
    return _pair(over_temperatures, np.linspace(300.0, 360.0, TEMPERATURES))


def _prepare_dies(peers: Path | None) -> Pair:
    return _pair(over_dies, np.linspace(300.0, 360.0, TEMPERATURES), *deviations(DIES))


BENCHMARKS = (
    Benchmark("link.temperatures_64", "own forward", _prepare_temperatures, same_result=False),
    Benchmark("link.dies_1000", "own forward", _prepare_dies, same_result=False),
)
