"""Width of a line to noise of the light behind a filter: limits, and random walks of the phase."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import lfilter

from photonics_core.devices.laser_noise import (
    frequency_noise_rin,
    phase_noise_rin,
    slope_per_frequency,
    total_rin_db_hz,
)

#: Half width of a Lorentzian filter in THz, and the distance of the line from its middle.
HALF, OFF = 0.02, 0.012


def through(f):
    """A Lorentzian dip, 90 % deep in amplitude."""
    x = jnp.asarray((f + OFF) / HALF)
    return 1.0 - 0.9 / jax.lax.complex(jnp.ones_like(x), -x)


def slope() -> float:
    power = lambda f: abs(complex(through(jnp.asarray(f)))) ** 2  # noqa: E731
    return (math.log(power(1e-6)) - math.log(power(-1e-6))) / 2e-6


def test_low_frequencies_see_the_slope():
    expected = slope() ** 2 * 2e-6 / math.pi
    assert float(phase_noise_rin(through, 1e-6, 2.0)) == pytest.approx(expected, rel=1e-6)
    assert float(frequency_noise_rin(slope(), 2.0)) == pytest.approx(expected, rel=1e-12)
    # Far beyond the filter only the carrier is filtered: quadratures mix less and less.
    assert float(phase_noise_rin(through, 10.0, 2.0)) < 1e-3 * expected


def test_no_noise_on_the_top_of_a_resonance_and_none_without_a_width():
    def even(f):
        return 1.0 - 0.9 / jax.lax.complex(jnp.ones_like(f), -f / HALF)

    assert float(phase_noise_rin(even, 0.003, 5.0)) == pytest.approx(0.0, abs=1e-20)
    assert float(phase_noise_rin(through, 0.003, 0.0)) == 0.0
    assert np.isfinite(jax.grad(lambda w: phase_noise_rin(through, 0.003, w))(0.0))


def test_slope_of_a_transmission_over_wavelength():
    def transmission(wl):
        return jnp.abs(through(299.792458 / wl - 299.792458 / 1.31)) ** 2

    assert float(slope_per_frequency(transmission, 1.31)) == pytest.approx(slope(), rel=1e-6)


def test_against_phases_that_walk_at_random():
    rng, step, count = np.random.default_rng(3), 1.0, 1 << 19
    width = 2e-5
    phase = np.cumsum(rng.normal(0.0, math.sqrt(2.0 * math.pi * width * step), count + 1))
    # The filter in time, exact for a field held during a step: db/dt = -(h - i o) b + h a; the light amid a change.
    pole = 2.0 * math.pi * (HALF - 1j * OFF)
    decay, field = np.exp(-pole * step), np.exp(1j * phase)
    inside = np.asarray(lfilter([2.0 * math.pi * HALF / pole * (1.0 - decay)], [1.0, -decay], field[:-1]))
    power = np.abs(0.5 * (field[1:] + field[:-1]) - 0.9 * inside)[256:] ** 2
    segments = (power[: power.size // 4096 * 4096].reshape(-1, 4096) / power.mean() - 1.0) * np.hanning(4096)
    density = 2.0 * np.mean(np.abs(np.fft.rfft(segments)) ** 2, axis=0) * step / np.sum(np.hanning(4096) ** 2)
    frequency = np.arange(density.size) / (4096 * step)
    for low, high in ((0.001, 0.003), (0.003, 0.008), (0.01, 0.02)):
        band = (frequency > low) & (frequency < high)
        model = np.asarray(phase_noise_rin(through, frequency[band], 1e6 * width))
        assert density[band].mean() == pytest.approx(model.mean(), rel=0.06)


def test_noises_add_in_power():
    assert float(total_rin_db_hz(-140.0, -140.0)) == pytest.approx(-140.0 + 10 * math.log10(2.0), rel=1e-12)
    assert float(total_rin_db_hz(-140.0, added=1e-2)) == pytest.approx(-140.0 + 10 * math.log10(2.0), rel=1e-12)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match=r"frequency = 0 THz is outside \(0, inf\)"):
        phase_noise_rin(through, 0.0, 1.0)
    with pytest.raises(ValueError, match="linewidth_mhz = -1 MHz"):
        frequency_noise_rin(1.0, -1.0)
    with pytest.raises(ValueError, match="added = -1 1/THz"):
        total_rin_db_hz(-140.0, added=-1.0)
