"""Ring modulators in frequency and time: one model of both, a published ring, an independent integrator."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from photonics_core.chirp import frequency_shift
from photonics_core.devices.backscatter import SplitResonance
from photonics_core.devices.resonator import Resonator
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

RING = (
    "B. Choi et al., Opt. Express 23, 8762 (2015), as a public notebook of a simulator has it: R = 5 um, n_g 3.8, "
    "field 0.976 passed by the coupler and 0.969 left by a round trip"
)
#: The notebook's speed of light is 299.8 um/ps.
TRIP = 3.8 * 10.0 * math.pi / 299.8
LASER = 299.8 / 1.3097 - 299.8 / 1.31
RC = 1.0 / (2.0 * math.pi * 0.1 * 100.0)


def _ring() -> Resonator:
    return Resonator(2.0 * TRIP / (1.0 - 0.976**2), 2.0 * TRIP / (1.0 - 0.969**2))


@case("modulator.photon_bandwidth", source=RING, kind="published")
@in_float64
def photon_bandwidth() -> Evidence:
    """1 / (2 pi tau) of the amplitude's time constant."""
    return Evidence(500.0 * float(_ring().bandwidth), 21.7, 0.05, "GHz")


@case("modulator.amplitude", source=f"{RING}; 52.4 GHz off resonance", kind="published")
@in_float64
def amplitude() -> Evidence:
    """Amplitude through / in."""
    return Evidence(float(jnp.abs(_ring().through(LASER))), 0.925, 5e-4)


def _response_db(pole: float) -> np.ndarray:
    """On the notebook's ten frequencies, relative to the first, 1 GHz; biased by -2 V at 2 GHz/V."""
    response = _ring().electro_optic_response_db(jnp.linspace(0.001, 0.08, 10), LASER - 0.004, pole)
    return np.asarray(response - response[0])


@case("modulator.optical_peak", source=f"{RING}; 48.4 GHz off resonance, at 53.7 GHz", kind="published")
@in_float64
def optical_peak() -> Evidence:
    """Peak of the optical response relative to 1 GHz."""
    return Evidence(float(np.max(_response_db(math.inf))), 9.3, 0.05, "dB")


@case("modulator.electro_optic", source=f"{RING}; the same with RC of 15.9 GHz, at 44.9 GHz", kind="published")
@in_float64
def electro_optic() -> Evidence:
    """Response with RC relative to 1 GHz."""
    return Evidence(float(_response_db(RC)[5]), -0.56, 0.005, "dB")


@case("modulator.steady_state", source="frequency domain, 200 random resonators", kind="analytic")
@in_float64
def steady_state() -> Evidence:
    """Largest difference of the settled time domain in amplitude."""

    @jax.jit
    @jax.vmap
    def missed(times: jax.Array, detuning: jax.Array) -> jax.Array:
        resonator = Resonator(*times)
        out, _ = resonator.drive(jnp.full(400, detuning), 2.0, start=0.0)
        return jnp.abs(out[-1] - resonator.through(detuning))

    random = np.random.default_rng(3)
    errors = missed(jnp.asarray(random.uniform(5, 60, (200, 3))), jnp.asarray(random.uniform(-0.1, 0.1, 200)))
    return Evidence(float(jnp.max(errors)), 0.0, 1e-10)


@case("modulator.small_signal", source="the closed form with both sidebands", kind="analytic", is_long=True)
@in_float64
def small_signal() -> Evidence:
    """Largest difference of the driven ring, over the response at DC, up to six photon bandwidths of 21.7 GHz.

    Beside resonance, far off, and on resonance, where only the response of the other detunings is there to compare to.
    """
    ring, swing, step, worst = _ring(), 1e-6, 0.25, 0.0
    largest = abs(complex(ring.response(0.0, 0.02)))
    for detuning in (0.02, -0.0524, 0.0):
        for period in (400_000, 2400, 200, 61, 31):
            t = step * np.arange(period * max(2, 4000 // period) + 1)
            f = 1.0 / (period * step)
            out, _ = ring.drive(detuning - swing * np.cos(2 * np.pi * f * t), step)
            last = slice(t.size - 1 - period, t.size - 1)
            found = 2 * np.mean(np.abs(np.asarray(out)[last]) ** 2 * np.exp(2j * np.pi * f * t[last])) / swing
            exact = complex(ring.response(f, detuning))
            worst = max(worst, float(abs(found - exact) / (abs(exact) if detuning else largest)))
    return Evidence(worst, 0.0, 1e-4)


def _nrz(times: np.ndarray | float) -> np.ndarray | float:
    """Detuning in THz under 32 symbols of NRZ at 56 GBd, whose edges take 6 ps from 20 to 80 %."""
    levels = np.random.default_rng(8).integers(0, 2, 32)
    edges = np.diff(levels, prepend=levels[0])
    rises = (0.012 * edge * 0.5 * (1 + np.tanh((times - k / 0.056) / 4.5)) for k, edge in enumerate(edges))
    return -LASER - sum(rises)


@functools.cache
def _waveform_error(samples: int) -> float:
    """Largest error of the power with so many samples a symbol."""
    ring, t = _ring(), np.arange(32 * samples) / 0.056 / samples
    rate, drive = float(ring.rate), 1j * math.sqrt(2 / ring.input_time)
    start = complex(ring.amplitude(_nrz(0.0)))
    solved = solve_ivp(
        lambda t, a: (2j * np.pi * _nrz(t) - rate) * a + drive,
        (0, t[-1]),
        [start],
        "DOP853",
        t,
        rtol=1e-10,
        atol=1e-12,
    )
    exact = np.abs(1 + drive * solved.y[0]) ** 2
    out, _ = ring.drive(_nrz(t), t[1], start=start)
    return float(np.max(np.abs(np.abs(np.asarray(out)) ** 2 - exact)))


@case(
    "modulator.waveform",
    source="SciPy's DOP853 at rtol 1e-10, 56 GBd NRZ, 32 samples a symbol",
    kind="peer",
    is_long=True,
)
@in_float64
def waveform() -> Evidence:
    """Largest error of the power."""
    return Evidence(_waveform_error(32), 0.0, 1e-6)


@case("modulator.waveform_order", source="the same with 16 samples a symbol; fourth order", kind="peer", is_long=True)
@in_float64
def waveform_order() -> Evidence:
    """Power of the step with which the error falls."""
    return Evidence(math.log2(_waveform_error(16) / _waveform_error(32)), 4.0, 0.5)


@case(
    "modulator.large_signal_chirp", source="the closed form of a small signal, complex", kind="analytic", is_long=True
)
@in_float64
def large_signal_chirp() -> Evidence:
    """Largest relative difference of the shift's component at 0.5 and 60 GHz from alpha / (4 pi) d ln P / dt."""
    ring, worst = _ring(), 0.0
    for f, period, count in ((0.0005, 2000, 2), (0.06, 400, 20)):
        t = np.arange(period * count) / (f * period)
        detuning = LASER - 1e-6 * np.cos(2 * np.pi * f * t)
        out, inside = ring.drive(detuning, t[1])
        last, shift = slice(-period, None), np.asarray(frequency_shift(out, ring.slope(detuning, inside)))
        wave, power = np.exp(2j * np.pi * f * t[last]), np.abs(np.asarray(out)[last]) ** 2
        found = 2j * np.mean(shift[last] * wave) * np.mean(power) / (f * np.mean(power * wave))
        worst = max(worst, float(abs(found / complex(ring.chirp(f, LASER)) - 1.0)))
    return Evidence(worst, 0.0, 1e-4)


@case("modulator.three_db", source="the response at the bandwidth, and at 400 frequencies below it", kind="analytic")
@in_float64
def three_db() -> Evidence:
    """Largest |H|^2 / |H(0)|^2 less 1/2 at the bandwidth, and 1 more for each response that was below before; 500."""
    random, count = np.random.default_rng(0), 500
    times, shift = random.uniform(5.0, 60.0, (3, count)), random.uniform(-0.15, 0.15, count)
    slope, pole = random.uniform(-0.3, 0.3, count), 10.0 ** random.uniform(-3.0, 1.0, count)

    @jax.jit
    @jax.vmap
    def ratios(times: jax.Array, *drive: jax.Array) -> jax.Array:
        resonator = Resonator(times[0], times[1], times[2])
        f = resonator.electro_optic_bandwidth(*drive) * jnp.linspace(0.0, 1.0, 401)
        power = jnp.abs(jax.vmap(lambda f: resonator.response(f, *drive))(f)) ** 2
        return power / power[0]

    found = np.asarray(ratios(times.T, shift, slope, pole))
    early = np.sum(np.min(found[:, :-1], axis=1) < 0.5)
    return Evidence(float(np.max(np.abs(found[:, -1] - 0.5)) + early), 0.0, 1e-12)


@case(
    "modulator.backscatter_steady",
    source="frequency domain, 200 random doublets that scatter",
    kind="analytic",
    is_long=True,
)
@in_float64
def backscatter_steady() -> Evidence:
    """Largest difference of the settled time domain in amplitude, through and reflected; a tenth one-way."""

    @jax.jit
    @jax.vmap
    def missed(times: jax.Array, parts: jax.Array, detuning: jax.Array) -> jax.Array:
        rates = jax.lax.complex(parts[:2], parts[2:])
        split = SplitResonance(Resonator(times[0], times[1], times[2]), rates[0], rates[1])
        through, reflected, _ = split.drive(jnp.full(400, detuning), 4.0, start=(0.0, 0.0))
        errors = through[-1] - split.through(detuning), reflected[-1] - split.reflected(detuning)
        return jnp.maximum(*map(jnp.abs, errors))

    random = np.random.default_rng(5)
    times, detuning = random.uniform(5.0, 40.0, (200, 3)), random.uniform(-0.1, 0.1, 200)
    forward = random.uniform(0.0, 0.2, 200) * np.exp(2j * np.pi * random.uniform(size=200))
    excess = 2.0 / times[:, 1] * random.uniform(size=200) * np.exp(2j * np.pi * random.uniform(size=200))
    backward = np.conj(forward) + excess
    forward[::10], backward[::10] = 0.0, excess[::10]
    parts = np.stack([forward.real, backward.real, forward.imag, backward.imag], axis=1)
    return Evidence(float(jnp.max(missed(times, parts, detuning))), 0.0, 1e-10)


@case("modulator.backscatter_energy", source="what comes in leaves by four ports or is lost", kind="analytic")
@in_float64
def backscatter_energy() -> Evidence:
    """Largest power missing of 1 for scattering that only redirects, over four linewidths."""
    ring, worst = Resonator(20.0, 30.0, 50.0), 0.0
    for scattering in (0.01, 0.05 + 0.02j, -0.3j):
        split, at = SplitResonance(ring, scattering), np.linspace(-0.1, 0.1, 401)
        ports = sum(jnp.abs(port(at)) ** 2 for port in (split.through, split.drop, split.reflected, split.add))
        lost = 2.0 / 30.0 * sum(jnp.abs(each) ** 2 for each in split.amplitudes(at))
        worst = max(worst, float(jnp.max(jnp.abs(ports + lost - 1.0))))
    return Evidence(worst, 0.0, 1e-12)


@case(
    "modulator.backscatter_exponential",
    source="SciPy's exponential of the matrix of both modes",
    kind="peer",
    is_long=True,
)
@in_float64
def backscatter_exponential() -> Evidence:
    """Largest error of both amplitudes over 60 steps of 3 ps, on both sides of and at an exceptional point."""
    ring, start, worst = Resonator(30.0, 40.0, 60.0), np.array([0.3 + 0.1j, -0.2j]), 0.0
    for into_forward, into_backward in ((0.05, 0.02 + 0.01j), (0.0, 0.04j), (1e-12, 0.04), (1e-4, 0.04)):
        split = SplitResonance(ring, into_forward, into_backward)
        _, _, found = split.drive(np.full(60, 0.01), 3.0, start=tuple(start))
        rate = 2j * np.pi * 0.01 - float(ring.rate)
        matrix = np.array([[rate, 1j * into_forward], [1j * into_backward, rate]])
        steady, step = -np.linalg.solve(matrix, [1j * math.sqrt(2.0 / 30.0), 0.0]), expm(3.0 * matrix)
        expected = [start]
        for _ in range(59):
            expected.append(steady + step @ (expected[-1] - steady))
        worst = max(worst, float(np.max(np.abs(np.stack(found, axis=1) - expected))))
    return Evidence(worst, 0.0, 1e-12)


#: What must be named: the call, and argument, value and range in its error.
