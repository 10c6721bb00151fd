"""Ring modulators in frequency and time: one model of both, a published ring, an independent integrator."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

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


@case("modulator.small_signal", source="the closed form with both sidebands", kind="analytic")
@in_float64
def small_signal() -> Evidence:
    """Largest relative difference of the driven ring from 1.7 to 65 GHz, on resonance's side and far off."""
    ring, swing, step, worst = _ring(), 1e-6, 0.25, 0.0
    for detuning in (0.02, -0.0524):
        for period in (2400, 200, 61):
            t = step * np.arange(period * max(2, 4000 // period) + 1)
            f = 1.0 / (period * step)
            out, _ = ring.drive(detuning - swing * np.cos(2 * np.pi * f * t), step)
            last = slice(t.size - 1 - period, t.size - 1)
            found = 2 * np.mean(np.abs(np.asarray(out)[last]) ** 2 * np.exp(2j * np.pi * f * t[last])) / swing
            exact = complex(ring.response(f, detuning))
            worst = max(worst, float(abs(found / exact - 1.0)))
    return Evidence(worst, 0.0, 1e-4)


@case("modulator.waveform", source="SciPy's DOP853 at rtol 1e-10, 56 GBd NRZ, 32 samples a symbol", kind="peer")
@in_float64
def waveform() -> Evidence:
    """Largest error of the power; edges take 6 ps from 20 to 80 %."""
    ring, period = _ring(), 1 / 0.056
    levels = np.random.default_rng(8).integers(0, 2, 32)
    t = np.arange(32 * 32) * period / 32

    def detuning(t: np.ndarray | float) -> np.ndarray | float:
        edges = np.diff(levels, prepend=levels[0])
        rises = (0.012 * edge * 0.5 * (1 + np.tanh((t - k * period) / 4.5)) for k, edge in enumerate(edges))
        return -LASER - sum(rises)

    rate, drive = float(ring.rate), 1j * math.sqrt(2 / ring.input_time)
    start = complex(ring.amplitude(detuning(0.0)))
    solved = solve_ivp(
        lambda t, a: (2j * np.pi * detuning(t) - rate) * a + drive,
        (0, t[-1]),
        [start],
        "DOP853",
        t,
        rtol=1e-10,
        atol=1e-12,
    )
    exact = np.abs(1 + drive * solved.y[0]) ** 2
    out, _ = ring.drive(detuning(t), t[1], start=start)
    return Evidence(float(np.max(np.abs(np.abs(np.asarray(out)) ** 2 - exact))), 0.0, 1e-6)
