"""The batched line is that of `lineshape`, its derivatives are right, and it keeps its digits in float32."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.line_shapes import (
    DEPTH,
    DROP,
    LOG_WIDTH,
    LineSamples,
    split_line,
    through_line,
    two_port_line,
)

SINGLE = np.array([0.05, math.log(0.03), 0.7, 0.1, 1.1, 0.02, -0.03, 0.4, 0.01])


def samples(phase, dtype=np.float64):
    arrays = np.sin(0.5 * phase), np.cos(0.5 * phase), phase / np.max(np.abs(phase))
    return LineSamples(*(jnp.asarray(each[None].astype(dtype)) for each in arrays))


def by_waves(parameters, phase, split=0.0):
    """Ports of a ring from complex amplitudes, one standing wave at each phase."""
    g = math.exp(parameters[LOG_WIDTH])
    p = (math.hypot(1.0, g) - g) ** 2
    amplitude = parameters[DEPTH] if split else math.sqrt(1.0 - parameters[DEPTH])
    difference = (1.0 - p) * amplitude
    t = 0.5 * (difference + math.sqrt(difference**2 + 4.0 * p))
    at = phase - parameters[0] + split * np.array([[-1.0], [1.0]])
    waves = np.exp(1j * at)
    through = np.abs(np.mean((t - p / t * waves) / (1.0 - p * waves), axis=0)) ** 2
    drop = np.abs(np.mean((1.0 - p) / (1.0 - p * waves), axis=0)) ** 2
    odd = np.mean(0.5 * g * np.sin(at) / (g * g + np.sin(0.5 * at) ** 2), axis=0)
    x = phase / np.max(np.abs(phase))
    level = np.polynomial.polynomial.polyval(x, parameters[4:7])
    ports = level * (through + parameters[3] * odd), (parameters[DROP] + parameters[DROP + 1] * x) * drop
    return np.concatenate(ports)


def test_ports_of_a_single_line():
    phase = np.linspace(-0.6, 0.7, 60)
    found, _ = two_port_line(jnp.asarray(SINGLE)[None], samples(phase))
    np.testing.assert_allclose(found[0], by_waves(SINGLE, phase), rtol=1e-12)
    alone, _ = through_line(jnp.asarray(SINGLE[:DROP])[None], samples(phase))
    np.testing.assert_array_equal(alone[0], found[0, :60])


@pytest.mark.parametrize("amplitude", [0.5, -0.4, 0.0])
def test_ports_of_a_split_line(amplitude):
    phase = np.linspace(-0.6, 0.7, 60)
    parameters = SINGLE.copy()
    parameters[DEPTH] = amplitude
    found, _ = split_line(jnp.asarray(np.append(parameters, 0.04))[None], samples(phase))
    np.testing.assert_allclose(found[0], by_waves(parameters, phase, 0.04), rtol=1e-11)


def test_a_split_line_that_is_not_split_is_a_single_one():
    phase, parameters = np.linspace(-0.6, 0.7, 60), SINGLE.copy()
    parameters[DEPTH] = math.sqrt(1.0 - SINGLE[DEPTH])
    found, _ = split_line(jnp.asarray(np.append(parameters, 0.0))[None], samples(phase))
    np.testing.assert_allclose(found, two_port_line(jnp.asarray(SINGLE)[None], samples(phase))[0], rtol=1e-12)


@pytest.mark.parametrize("odd", [0.1, 0.0])
def test_derivatives(odd):
    at, parameters = samples(np.linspace(-0.6, 0.7, 25)), SINGLE.copy()
    parameters[3] = odd
    _, slopes = two_port_line(jnp.asarray(parameters)[None], at)
    own = jax.jacfwd(lambda x: two_port_line(x[None], at)[0][0])(jnp.asarray(parameters))
    np.testing.assert_allclose(slopes[0], own.T, atol=1e-12)
    step = 1e-6
    for i in range(parameters.size):
        up, down = (jnp.asarray(parameters + sign * step * np.eye(parameters.size)[i])[None] for sign in (1, -1))
        difference = (two_port_line(up, at)[0] - two_port_line(down, at)[0]) / (2.0 * step)
        np.testing.assert_allclose(slopes[0, i], difference[0], atol=1e-7)


def test_float32_follows_a_line_of_a_quality_factor_of_a_million(float32):
    phase = 1e-4 * np.linspace(-4.0, 4.0, 81)
    parameters = np.array([1e-5, math.log(2e-5), 0.5, 0.02, 1.0, 0.0, 0.0])
    exact = by_waves(np.append(parameters, [0.0, 0.0]), phase)[:81]
    found, _ = through_line(jnp.asarray(parameters, np.float32)[None], samples(phase, np.float32))
    np.testing.assert_allclose(found[0], exact, atol=3e-6)
