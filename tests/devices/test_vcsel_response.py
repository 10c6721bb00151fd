"""VCSELs in time: closed forms of the resonance, small signals against the solver in time, noise against matrices."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.vcsel import Vcsel
from photonics_core.devices.vcsel_response import (
    d_factor,
    damping_rate,
    k_factor,
    linearise,
    relaxation_frequency,
    vcsel_bandwidth,
    vcsel_rin,
    vcsel_small_signal,
    vcsel_transient,
)
from photonics_core.signals import drive_waveform, prbs

VCSEL = Vcsel()
COLD = VCSEL.unheated()
IDEAL = dataclasses.replace(COLD, compression=0.0, beta=1e-9)
CURRENTS = np.array([0.8, 1.0, 2.0, 4.0, 8.0, 12.0])


def test_resonance_of_the_closed_form():
    threshold, found = float(IDEAL.threshold_current()), np.asarray(relaxation_frequency(IDEAL, CURRENTS))
    n = float(IDEAL.threshold_carriers())
    # v g_N S / t_p with S = Gamma t_p eta_i (I - I_th) / (q V), and the D-factor.
    gain_slope = 0.754 / (n + 5e5) / (1.0 + (12.0 / 25.0) ** 2)
    photons = 0.0328 * 3.75 * 0.8 * (CURRENTS - threshold) / (1.602176634e-4 * math.pi * 12.25 * 0.02)
    np.testing.assert_allclose(found, np.sqrt(100.0 * gain_slope * photons / 3.75) / (2.0 * math.pi), rtol=1e-6)
    np.testing.assert_allclose(found, float(d_factor(IDEAL)) * np.sqrt(CURRENTS - threshold), rtol=1e-6)
    # Damping without compression: that of the carriers alone, R' + v g_N S.
    slope = 4.5e-4 + 2.0 * 3e-10 * n + 1.0 / 1.5e4
    np.testing.assert_allclose(damping_rate(IDEAL, CURRENTS), slope + 100.0 * gain_slope * photons, rtol=1e-6)


@pytest.mark.slow
def test_compression_adds_to_the_k_factor():
    np.testing.assert_allclose(k_factor(IDEAL, CURRENTS), 4.0 * math.pi**2 * 3.75, rtol=1e-5)
    small = dataclasses.replace(COLD, compression=5e-8, beta=1e-9)
    n = float(small.threshold_carriers())
    gain_slope = 0.754 / (n + 5e5) / (1.0 + (12.0 / 25.0) ** 2)
    added = np.asarray(k_factor(small, CURRENTS)) - 4.0 * math.pi**2 * 3.75
    np.testing.assert_allclose(added[1:3], 4.0 * math.pi**2 * 5e-8 / (100.0 * gain_slope), rtol=2e-2)


@pytest.mark.parametrize("current", [0.4, 0.75, 3.0])
def test_small_signals_are_those_of_the_solver_in_time(current):
    at = float(current)
    for frequency in (0.005, 0.02):
        # Twelve ns, so that near threshold the carriers forget the start.
        count, periods = (128, 240) if frequency > 0.01 else (512, 60)
        phase = 2.0 * np.pi * np.arange(count) / count
        waves = vcsel_transient(COLD, at + 1e-4 * at * np.cos(phase), 1.0 / frequency / count, periods=periods)
        # The average with exp(+i w t) picks the amplitude of exp(-i w t).
        found = 2.0 * np.mean(np.asarray(waves) * np.exp(1j * phase)) / (1e-4 * at)
        static = float(COLD.differential_efficiency(at))
        expected = static * complex(vcsel_small_signal(COLD, at, frequency))
        assert abs(found - expected) < 3e-6 * static


def test_response_has_its_limits():
    f = np.array([0.0, 1.0])
    low, high = np.asarray(vcsel_small_signal(VCSEL, 5.0, f, parasitics=False))
    assert low == 1.0
    resonance = float(relaxation_frequency(VCSEL, 5.0))
    assert high == pytest.approx(-(resonance**2), rel=0.02)
    with_pole = complex(vcsel_small_signal(VCSEL, 5.0, 0.025))
    without = complex(vcsel_small_signal(VCSEL, 5.0, 0.025, parasitics=False))
    assert with_pole / without == pytest.approx(1.0 / (1.0 - 1j), rel=1e-12)


def test_bandwidth_is_where_the_power_is_half():
    for parasitics in (True, False):
        found = vcsel_bandwidth(VCSEL, CURRENTS, parasitics=parasitics)
        response = vcsel_small_signal(VCSEL, CURRENTS, found, parasitics=parasitics)
        np.testing.assert_allclose(np.abs(np.asarray(response)) ** 2, 0.5, rtol=1e-11)
    # Without damping it is sqrt(1 + sqrt 2) f_R.
    ideal = float(vcsel_bandwidth(IDEAL, 0.8, parasitics=False)) / float(relaxation_frequency(IDEAL, 0.8))
    assert ideal == pytest.approx(math.sqrt(1.0 + math.sqrt(2.0)), rel=2e-2)


def _noise_by_matrices(vcsel: Vcsel, current: float, frequency: float) -> float:
    """The same Langevin sources through a linear system, in NumPy."""
    point = vcsel.operating_point(current)
    at = [float(each) for each in linearise(vcsel, point)]
    volume, gamma = float(vcsel.volume), float(vcsel.confinement)
    s, n = float(point.photons) * volume / gamma, float(point.carriers)
    seed = float(vcsel.beta) * float(vcsel.spontaneous(n)) * volume
    stimulated, net = seed * s, s / 3.75 - seed
    absorbed, lost = stimulated - net, float(vcsel.losses(n, float(point.temperature))) * volume
    escaped, wasted = 0.717 * s / 3.75, 0.283 * s / 3.75
    # Events: a rate, and what each changes of carriers, photons and photons outside.
    pump = lost + net
    kinds = ((pump, 1, 0, 0), (lost - seed, -1, 0, 0), (seed, -1, 1, 0), (stimulated, -1, 1, 0))
    kinds += ((absorbed, 1, -1, 0), (escaped, 0, -1, 1), (wasted, 0, -1, 0))
    sources = sum(rate * np.outer(change, change) for rate, *change in kinds)
    w = 2.0 * math.pi * frequency
    system = np.array([[at[0] - 1j * w, gamma * at[1]], [-at[2] / gamma, at[3] - 1j * w]])
    inverse = np.linalg.inv(system)[1]
    row = np.append(0.717 / 3.75 * inverse, 1.0)
    return 2.0 * float(np.real(row @ sources @ row.conj())) / escaped**2


def test_noise_against_matrices():
    for current in (0.8, 5.0):
        for frequency in (1e-4, 0.01, 0.05):
            found = float(vcsel_rin(COLD, current, frequency))
            assert found == pytest.approx(_noise_by_matrices(COLD, current, frequency), rel=1e-9)


def test_noise_has_its_limits():
    shot = 2.0 * float(VCSEL.photon_energy) / float(VCSEL.power(5.0))
    assert float(vcsel_rin(VCSEL, 5.0, 1e3)) == pytest.approx(shot, rel=1e-6)
    # Far above threshold a Poisson pump gives Poisson light at low frequency, whatever is lost on the way.
    far = dataclasses.replace(IDEAL, beta=1e-6)
    low = float(vcsel_rin(far, 1e4, 1e-6)) * float(far.power(1e4)) / (2.0 * float(far.photon_energy))
    assert low == pytest.approx(1.0, rel=1e-3)
    # Its peak stands near the relaxation oscillation, and falls as the light grows.
    f = np.linspace(1e-3, 0.05, 200)
    noise = np.asarray(vcsel_rin(VCSEL, 4.0, f))
    assert f[np.argmax(noise)] == pytest.approx(float(relaxation_frequency(VCSEL, 4.0)), rel=0.05)
    assert noise.max() > float(np.max(np.asarray(vcsel_rin(VCSEL, 8.0, f))))


@pytest.mark.slow
def test_an_eye_opens():
    bits = prbs(7)
    current, step = drive_waveform(bits, 10.0, 64, rise_time=15.0, swing=4.0, bias=4.0)
    light = np.asarray(vcsel_transient(VCSEL, np.asarray(current), float(step))).reshape(127, 64)[:, 50]
    # Samples late in a bit; the light lags by some ps.
    ones, zeros = light[bits == 1], light[bits == 0]
    assert ones.min() - zeros.max() > 0.7 * (ones.mean() - zeros.mean())
    expected = np.diff(np.asarray(VCSEL.unheated().power(np.array([2.0, 6.0]))))[0]
    assert ones.mean() - zeros.mean() == pytest.approx(expected, rel=0.1)


def test_heat_follows_slowly():
    fast = dataclasses.replace(VCSEL, thermal_time=50.0)
    count = 400
    current = np.where(np.arange(count) < count // 2, 8.0, 9.0)
    light = np.asarray(vcsel_transient(fast, current, 5.0, periods=2))
    settled = np.asarray(fast.power(np.array([8.0, 9.0])))
    np.testing.assert_allclose(light[[count // 2 - 10, count - 10]], settled, rtol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("current", [0.735, 5.0])
def test_gradients_against_differences(current):
    def figures(x):
        vcsel = VCSEL.scaled(7.0 * x[2])
        at = x[0], 300.0 * x[1]
        noise = vcsel_rin(vcsel, at[0], 0.01, at[1])
        return jnp.stack(
            [1e2 * vcsel_bandwidth(vcsel, *at), damping_rate(vcsel, *at), vcsel.energy_per_bit(at[0], 25.0), noise]
        )

    x = np.array([current, 1.0, 1.0])
    slope = np.asarray(jax.jacfwd(figures)(jnp.asarray(x)))
    backwards = np.asarray(jax.jacrev(figures)(jnp.asarray(x)))
    steps = 1e-5 * np.eye(3)
    values = np.asarray(jax.vmap(figures)(jnp.asarray(np.concatenate([x + steps, x - steps]))))
    differences = ((values[:3] - values[3:]) / 2e-5).T
    np.testing.assert_allclose(slope, differences, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(backwards, slope, rtol=1e-9, atol=1e-12)


def test_bandwidth_and_its_gradient_are_finite_without_a_current():
    slope = jax.grad(lambda i: vcsel_bandwidth(VCSEL, i))
    assert float(vcsel_bandwidth(VCSEL, 0.0)) > 0.0 and math.isfinite(float(slope(0.0)))
    # And right about the threshold.
    ends = np.asarray(vcsel_bandwidth(VCSEL, np.array([0.735 + 1e-6, 0.735 - 1e-6])))
    assert float(slope(0.735)) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="frequency = -1 THz"):
        vcsel_small_signal(VCSEL, 1.0, -1.0)
    with pytest.raises(ValueError, match="current = 0 mA"):
        vcsel_rin(VCSEL, 0.0, 0.01)
    with pytest.raises(ValueError, match=r"current of shape \(2,\) is not \[K\]"):
        vcsel_transient(VCSEL, [1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="step = 0 ps"):
        vcsel_transient(VCSEL, np.ones(8), 0.0)


@pytest.mark.slow
def test_single_precision():
    expected = np.asarray(vcsel_bandwidth(VCSEL, CURRENTS)), np.asarray(vcsel_rin(VCSEL, CURRENTS, 0.02))
    with jax.enable_x64(False):
        found = vcsel_bandwidth(VCSEL, CURRENTS), vcsel_rin(VCSEL, CURRENTS, 0.02)
        for each, reference in zip(found, expected, strict=True):
            assert each.dtype == jnp.float32
            np.testing.assert_allclose(each, reference, rtol=5e-3)
        light = vcsel_transient(VCSEL, np.full(8, 5.0), 1.0)
        np.testing.assert_allclose(light, float(VCSEL.power(5.0)), rtol=1e-3)
