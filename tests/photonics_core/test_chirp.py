"""Large-signal chirp: signs, known phases, the small-signal chirp, and light that goes out."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Resonator
from photonics_core.chirp import chirp_parameter, frequency_shift, periodic_slope

RING = Resonator(16.8, 13.0)


def test_a_wave_of_a_frequency_above_the_laser_has_it():
    # exp(-2 pi i f t) turns faster than the laser does.
    t = 0.5 * np.arange(64)
    for f in (3 / 32.0, -5 / 32.0):
        wave = (1.0 + 0.5j) * np.exp(-2j * np.pi * f * t)
        np.testing.assert_allclose(frequency_shift(wave, periodic_slope(wave, 0.5)), f, rtol=1e-12)


@pytest.mark.parametrize("count", [90, 91])
def test_power_and_frequency_that_are_known_are_found(count):
    """E = exp(u (1 - i alpha) / 2): power exp(u), alpha the chirp parameter at any swing."""
    t, alpha = np.arange(count) / count * 30.0, 0.7
    u, slope = 1.5 * np.cos(2 * np.pi * t / 30.0), -1.5 * np.sin(2 * np.pi * t / 30.0) * 2 * np.pi / 30.0
    wave = np.exp(0.5 * u * (1 - 1j * alpha))
    found = periodic_slope(wave, 30.0 / count)
    np.testing.assert_allclose(frequency_shift(wave, found), alpha * slope / (4 * np.pi), atol=1e-13)
    moving = np.abs(slope) > 0.02
    np.testing.assert_allclose(chirp_parameter(wave, found)[moving], alpha, rtol=1e-10)


def test_the_equation_and_the_spectrum_give_one_slope():
    """56 GHz over half a linewidth, on the last of many periods."""
    step, count = 0.25, 4 * 4 * 18
    t = step * np.arange(count)
    detuning = 0.03 + 0.02 * np.cos(2 * np.pi * t * 4 / (count * step))
    out, inside = RING.drive(np.tile(detuning, 3), step)
    slope = RING.slope(np.tile(detuning, 3), inside)[-count:]
    # Periodic by now: what is left of the start has decayed by exp(-count step rate).
    by_spectrum = periodic_slope(out[-count:], step)
    np.testing.assert_allclose(slope, by_spectrum, atol=1e-4 * float(jnp.max(jnp.abs(slope))))
    np.testing.assert_allclose(
        frequency_shift(out[-count:], slope), frequency_shift(out[-count:], by_spectrum), atol=1e-5
    )


@pytest.mark.parametrize("frequency", [0.0005, 0.02, 0.06])
@pytest.mark.parametrize("detuning", [0.02, -0.05])
def test_a_small_drive_has_the_small_signal_chirp(frequency, detuning):
    """Amplitudes at the drive's frequency: shift over (1 / 4 pi) d ln P / dt is the complex alpha."""
    period = 1000 if frequency < 0.01 else 400
    step, turns = 1 / (frequency * period), max(2, math.ceil(300 * frequency))
    t, swing = step * np.arange(period * turns), 1e-6
    at = detuning - swing * np.cos(2 * np.pi * frequency * t)
    out, inside = RING.drive(at, step)
    last = slice(-period, None)
    shift = np.asarray(frequency_shift(out, RING.slope(at, inside)))[last]
    wave = np.exp(2j * np.pi * frequency * t[last])
    out, inside = np.asarray(out), np.asarray(inside)
    power = np.abs(out[last]) ** 2
    relative = np.mean(power * wave) / np.mean(power) * (-2j * np.pi * frequency)
    found = 4 * np.pi * np.mean(shift * wave) / relative
    expected = complex(RING.chirp(frequency, detuning))
    assert abs(found / expected - 1.0) < 2e-4
    if frequency < 0.01:
        # Slow: the parameter at each instant is the small-signal one.
        moving = np.abs(np.sin(2 * np.pi * frequency * t[last])) > 0.9
        instant = chirp_parameter(out, RING.slope(at, inside))[last][moving]
        np.testing.assert_allclose(instant, expected.real, rtol=0.02)


@pytest.mark.slow
def test_light_that_goes_out_has_no_frequency_and_a_finite_derivative():
    """Critical coupling, driven slowly through resonance: the power touches zero, and no NaN comes of it."""
    critical = Resonator(20.0, 20.0)
    assert abs(critical.through(0.0)) < 1e-15

    def worst(scale):
        detuning = scale * jnp.linspace(-0.02, 0.02, 401)
        out, inside = critical.drive(detuning, 5.0)
        slope = critical.slope(detuning, inside)
        return jnp.max(jnp.abs(frequency_shift(out, slope) * jnp.abs(out) ** 2))

    assert np.isfinite(worst(1.0)) and np.isfinite(jax.grad(worst)(1.0))
    for value in (0.0j, 0.1 + 0.2j):
        shift, slopes = jax.value_and_grad(lambda x, e=value: frequency_shift(jnp.asarray(e) * x, jnp.asarray(0.1j)))(
            1.0
        )
        assert np.isfinite(shift) and np.isfinite(slopes)
    assert float(frequency_shift(0.0j, 0.1j)) == 0.0


def test_derivatives(assert_gradient):
    def numbers(leaves):
        inside = jax.lax.complex(leaves["a"][0], leaves["a"][1])
        ring = Resonator(leaves["times"][0], leaves["times"][1])
        slope = ring.slope(leaves["d"], inside)
        out = 1.0 + 1j * jnp.sqrt(2.0 / leaves["times"][0]).astype(complex) * inside
        return jnp.stack([frequency_shift(out, slope), chirp_parameter(out, slope)])

    assert_gradient(numbers, {"times": np.array([16.8, 13.0]), "d": 0.02, "a": np.array([0.4, 1.5])})


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"step = 0 ps is outside \(0, inf\)"):
        periodic_slope(np.ones(4, complex), 0.0)
