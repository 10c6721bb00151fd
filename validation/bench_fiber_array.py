"""Benchmarks of arrays of fibres: a million drawn arrays beside NumPy, and the gradient of the yield."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.array_errors import ArrayErrors, sample_arrays
from photonics_core.devices.array_yield import array_yield
from photonics_core.validation.benchmarks import Benchmark, Pair
from photonics_core.validation.fiber_array import ERRORS, row

ARRAYS, CHUNK = 1_000_000, 16_384


def million(peers: Path | None) -> Pair:
    """Yields of a million arrays of 24 fibres at four limits, beside the same model written for NumPy.

    NumPy draws other numbers, so that the difference is that of two samples. Its model has what these beams need:
    round ones of one size, a turn to first order.
    """
    del peers
    array, limits = row(), np.asarray([0.4, 0.6, 0.8, 1.2])

    def ours() -> np.ndarray:
        return np.asarray(sample_arrays(array, ERRORS, jax.random.key(0), ARRAYS, chunk=CHUNK).yields(limits)[0])

    def theirs() -> np.ndarray:
        random, passed = np.random.default_rng(0), np.zeros(limits.size)
        for start in range(0, ARRAYS, CHUNK):
            worst = _worst(random, min(CHUNK, ARRAYS - start))
            passed += np.sum(worst[:, None] <= limits, axis=0)
        return passed / ARRAYS

    return ours, theirs


def _worst(random: np.random.Generator, count: int) -> np.ndarray:
    """Largest loss in dB of each of some arrays."""
    kind = np.float32
    place = 127.0 * (np.arange(24, dtype=kind) - 11.5)

    def normal(deviation: float, fibres: int = 1) -> np.ndarray:
        return kind(deviation) * random.standard_normal((count, fibres), kind)

    e, refraction = ERRORS, 0.45
    polish_x, tilt_x, roll = normal(float(e.polish_x)), normal(float(e.tilt_x)), normal(float(e.roll))
    own = [math.hypot(float(e.eccentricity), float(each)) for each in (e.groove_x, e.groove_y)]
    x = normal(math.hypot(float(e.x), float(e.mating_x))) + place * normal(float(e.pitch)) + normal(own[0], 24)
    y = normal(math.hypot(float(e.y), float(e.mating_y))) + place * roll + normal(own[1], 24)
    z = kind(10.0) + normal(float(e.z)) + place * (polish_x - tilt_x)
    lean_x = tilt_x + kind(refraction) * polish_x
    lean_y = normal(float(e.tilt_y)) + kind(refraction) * normal(float(e.polish_y))
    # Joyce and DeLoach's formula for one waist w, with K = 1 / (1 + (z / 2 z_R)^2).
    waist, k = 4.6, 2.0 * math.pi / 1.31
    length = kind(k * waist**2)
    share = 1.0 / (1.0 + (z / length) ** 2)
    leaning = kind((0.5 * k * waist) ** 2) * (lean_x**2 + lean_y**2) * (1.0 + 2.0 * (z / length) ** 2)
    exponent = (x**2 + y**2 - (x * lean_x + y * lean_y) * z) / kind(waist**2) + leaning
    return np.max(kind(10.0 / math.log(10.0)) * (share * exponent - np.log(share)), axis=1)


def gradient(peers: Path | None) -> Pair:
    """Yield of 24 fibres and its derivatives by all 19 standard deviations, beside the yield alone."""
    del peers
    array, vector = row(), jnp.asarray(np.asarray(ERRORS.vector()))
    passed = jax.jit(lambda v: array_yield(array, ArrayErrors.of_vector(v), 0.8))
    both = jax.jit(jax.value_and_grad(passed))
    return lambda: jax.block_until_ready(both(vector)[0]), lambda: jax.block_until_ready(passed(vector))


BENCHMARKS = (
    Benchmark("fiber_array.million", "NumPy", million, "float32"),
    Benchmark("fiber_array.yield_gradient", "own yield", gradient, "float64", same_result=False),
)
