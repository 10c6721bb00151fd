"""Benchmarks of a driven resonance: a long record beside a plain scan, a batch of corners, an adaptive integrator.

The plain scan takes a step with the rate at its middle, so it is of second order; the difference of the row is its
error. The integrator is asked for an error like ours.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.integrate import solve_ivp

from photonics_core.devices.resonator import Resonator
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare

RING = Resonator(16.8, 13.0)
#: 56 GBd with 32 samples a symbol, in ps.
STEP = 1000.0 / 56.0 / 32.0


def _detuning(count: int) -> np.ndarray:
    """A smooth random drive about 52 GHz off resonance, in THz."""
    t = STEP * np.arange(count)
    random = np.random.default_rng(4)
    waves = [(random.uniform(0.001, 0.028), random.uniform(0, 2 * np.pi)) for _ in range(12)]
    return -0.0524 + 0.002 * np.sum([np.sin(2 * np.pi * f * t + phase) for f, phase in waves], axis=0)


@jax.jit
def _plain(input_time: jax.Array, detuning: jax.Array) -> jax.Array:
    """Amplitude through by a loop over the samples that does everything in it."""
    rate, coupling = 1.0 / input_time + 1.0 / RING.loss_time, 1j * jnp.sqrt(2.0 / input_time)
    rates = lax.complex(jnp.full_like(detuning, -1.0) * rate, 2.0 * jnp.pi * detuning)
    start = -coupling / rates[0]

    def step(a: jax.Array, rate: jax.Array) -> tuple[jax.Array, jax.Array]:
        factor = jnp.exp(rate * STEP)
        after = factor * a + (factor - 1.0) / rate * coupling
        return after, after

    after = lax.scan(step, start, 0.5 * (rates[1:] + rates[:-1]))[1]
    return 1.0 + coupling * jnp.concatenate([start[None], after])


def long_record(peers: Path | None) -> Pair:
    """2^19 samples, beside the plain loop."""
    del peers
    detuning, input_time = jnp.asarray(_detuning(2**19)), jnp.asarray(RING.input_time)
    ours = jax.jit(lambda d: RING.drive(d, STEP)[0])
    return lambda: jax.block_until_ready(ours(detuning)), lambda: jax.block_until_ready(_plain(input_time, detuning))


def corners(count: int, samples: int, beside_plain: bool = False) -> Prepare:
    """A batch of corners in one call, beside a compiled call for each: ours, or the plain loop."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        times = jnp.linspace(12.0, 22.0, count)
        detuning = jnp.asarray(_detuning(samples))

        def power(input_time: jax.Array) -> jax.Array:
            out = Resonator(input_time, RING.loss_time).drive(detuning, STEP)[0]
            return out.real**2 + out.imag**2

        def plain(input_time: jax.Array) -> jax.Array:
            out = _plain(input_time, detuning)
            return out.real**2 + out.imag**2

        together, alone = jax.jit(jax.vmap(power)), jax.jit(plain if beside_plain else power)
        return (
            lambda: jax.block_until_ready(together(times)),
            lambda: np.stack([jax.block_until_ready(alone(each)) for each in times]),
        )

    return prepare


def corners_bound(peers: Path | None) -> Pair:
    """Corners of 2^19 samples on a GPU, of 2^14 on a CPU, beside writing so many powers once: the bound of memory."""
    del peers
    samples = 2**14 if jax.default_backend() == "cpu" else 2**19
    times, detuning = jnp.linspace(12.0, 22.0, 64), jnp.asarray(_detuning(samples))

    def power(input_time: jax.Array) -> jax.Array:
        out = Resonator(input_time, RING.loss_time).drive(detuning, STEP)[0]
        return out.real**2 + out.imag**2

    together, written = jax.jit(jax.vmap(power)), jax.jit(lambda t: t[:, None] * detuning[None])
    return lambda: jax.block_until_ready(together(times)), lambda: jax.block_until_ready(written(times))


def waveform(peers: Path | None) -> Pair:
    """32 symbols, beside SciPy's DOP853 with the tolerance that gives an error like ours."""
    del peers
    t = STEP * np.arange(1024)
    random = np.random.default_rng(4)
    waves = [(random.uniform(0.001, 0.028), random.uniform(0, 2 * np.pi)) for _ in range(12)]
    detuning = jnp.asarray(_detuning(1024))
    rate, coupling = float(RING.rate), 1j * np.sqrt(2.0 / float(RING.input_time))
    start = complex(RING.amplitude(float(detuning[0])))
    ours = jax.jit(lambda d: RING.drive(d, STEP, start=start)[0])

    def slope(t: float, a: Any) -> Any:
        now = -0.0524 + 0.002 * sum(np.sin(2 * np.pi * f * t + phase) for f, phase in waves)
        return (2j * np.pi * now - rate) * a + coupling

    def scipy() -> np.ndarray:
        solved = solve_ivp(slope, (0.0, t[-1]), [start], "DOP853", t, rtol=1e-7, atol=1e-9)
        return 1.0 + coupling * solved.y[0]

    return lambda: jax.block_until_ready(ours(detuning)), scipy


BENCHMARKS = (
    Benchmark("modulator.record_2e19", "plain scan", long_record, "float64"),
    Benchmark("modulator.corners_64", "own single calls", corners(64, 2**14), "float64"),
    Benchmark("modulator.corners_64_plain", "plain scans", corners(64, 2**14, beside_plain=True), "float64"),
    Benchmark("modulator.corners_64_bound", "writing the result once", corners_bound, same_result=False),
    Benchmark("modulator.waveform", "SciPy DOP853", waveform, "float64"),
)
