"""The driven resonance: exact where it should be, of fourth order elsewhere, the same in chunks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from photonics_core.kernels.driven_resonance import driven_amplitudes

TAU = 7.34


def rate(t):
    return -1 / TAU - 1j * (0.33 + 0.05 * np.sin(0.35 * t) + 0.02 * np.cos(0.9 * t))


def source(t):
    return 0.1j * (1.0 + 0.3 * np.sin(0.2 * t))


def parts(t):
    return -rate(t).real, rate(t).imag


def by_scipy(t):
    solved = solve_ivp(
        lambda t, y: rate(t) * y + source(t), (0, t[-1]), [0.2 + 0.1j], "DOP853", t, rtol=1e-12, atol=1e-14
    )
    return solved.y[0]


def test_the_error_falls_with_the_fourth_power_of_the_step():
    errors = []
    for count in (801, 1601):
        t = np.linspace(0.0, 200.0, count)
        found = driven_amplitudes(*parts(t), source(t), t[1], 0.2 + 0.1j)
        errors.append(np.max(np.abs(np.asarray(found) - by_scipy(t))))
    assert errors[1] < 3e-8
    assert 3.8 < np.log2(errors[0] / errors[1]) < 4.2


@pytest.mark.parametrize("step", [1e-3, 0.5, 3.0, 40.0, 1e4])
def test_constant_coefficients_are_exact_at_any_step(step):
    constant, drive, start = -0.1 - 0.7j, 0.3 + 0.2j, 1.5 - 1.0j
    t = step * np.arange(9)
    exact = (start + drive / constant) * np.exp(constant * t) - drive / constant
    found = driven_amplitudes(-constant.real, np.full(9, constant.imag), drive, step, start)
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


def test_without_a_start_it_starts_in_the_steady_state():
    constant = np.array([-0.1 - 0.7j, -0.3 + 0.1j])
    decay, offset = -constant.real[:, None] * np.ones(50), constant.imag[:, None] * np.ones(50)
    found = driven_amplitudes(decay, offset, 0.4j, 0.7)
    np.testing.assert_allclose(found, np.broadcast_to(-0.4j / constant[:, None], (2, 50)), rtol=1e-13)


@pytest.mark.parametrize("chunks", [2, 7, 400, 1000])
def test_chunks_give_what_one_step_after_the_other_gives(chunks):
    t = 0.4 * np.arange(401)
    decay, offset = parts(t)
    offsets = offset * np.array([1.0, 0.8, 1.1])[:, None, None]
    drives = source(t) * np.array([[1.0], [0.5]])
    whole = driven_amplitudes(decay, offsets, drives, 0.4, chunks=1)
    assert whole.shape == (3, 2, 401)
    np.testing.assert_allclose(driven_amplitudes(decay, offsets, drives, 0.4, chunks=chunks), whole, rtol=1e-13)
    alone = driven_amplitudes(decay, offsets[1, 0], drives[1], 0.4)
    np.testing.assert_allclose(whole[1, 1], alone, rtol=1e-14)
    still = driven_amplitudes(np.array([[0.1], [0.2]]), offset, 0.3, 0.4, np.zeros(2), chunks=chunks)
    np.testing.assert_allclose(still[1], driven_amplitudes(0.2, offset, 0.3, 0.4, 0.0), rtol=1e-12)
    mapped = jax.vmap(lambda offset: driven_amplitudes(decay, offset, drives, 0.4))(jnp.asarray(offsets))
    np.testing.assert_allclose(mapped, whole, rtol=1e-13)


@pytest.mark.slow
def test_one_long_step_in_a_batch_leaves_the_others_as_they_are():
    offset, scales = 0.2 + 0.01 * np.sin(np.arange(50.0)), np.array([0.1, 1.0, 4.0, 60.0])

    def of(scale):
        return driven_amplitudes(0.1, scale * offset, 0.3, 1.0)

    single = np.stack([of(scale) for scale in scales])
    np.testing.assert_allclose(jax.vmap(of)(jnp.asarray(scales)), single, rtol=1e-12)
    slope = jax.vmap(jax.grad(lambda scale: jnp.sum(of(scale).real)))(jnp.asarray(scales))
    alone = [jax.grad(lambda scale: jnp.sum(of(scale).real))(scale) for scale in scales]
    np.testing.assert_allclose(slope, alone, rtol=1e-9)


@pytest.mark.slow
def test_derivatives_go_through_batches_either_way():
    offset, scales = 0.2 + 0.01 * np.sin(np.arange(50.0)), np.array([0.1, 1.0, 4.0, 60.0])

    def of(scale):
        return driven_amplitudes(0.1, scale * offset, 0.3, 1.0)

    alone = [jax.grad(lambda scale: jnp.sum(of(scale).real))(scale) for scale in scales]
    together = jax.grad(lambda scales: jnp.sum(jax.vmap(of)(scales).real))(jnp.asarray(scales))
    np.testing.assert_allclose(together, alone, rtol=1e-9)
    forward = jax.vmap(lambda scale: jax.jvp(lambda s: jnp.sum(of(s).real), (scale,), (1.0,))[1])(jnp.asarray(scales))
    np.testing.assert_allclose(forward, alone, rtol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_samples_are_enough(count):
    t = 0.1 * np.arange(count)
    found = driven_amplitudes(*parts(t), source(t), 0.1, 0.2 + 0.1j)
    np.testing.assert_allclose(found, by_scipy(t) if count > 1 else 0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.3, 30.0])
def test_derivatives_are_those_of_differences(step, assert_gradient):
    t = np.linspace(0.0, 12.0, 25)

    def energy(numbers):
        detuning = numbers["detuning"] + numbers["swing"] * jnp.sin(t)
        drive = jax.lax.complex(jnp.zeros(25), numbers["drive"] * jnp.ones(25))
        found = driven_amplitudes(numbers["decay"], -detuning, drive, numbers["step"], 0.1 + 0j)
        return jnp.sum(found.real**2 + found.imag**2)

    assert_gradient(energy, {"decay": 0.2, "detuning": 0.0, "swing": 0.3, "drive": 0.5, "step": step}, rtol=1e-6)


def test_without_decay_it_runs_from_a_start_and_off_resonance():
    np.testing.assert_allclose(driven_amplitudes(0.0, np.zeros(5), 1.0, 0.5, 0.0), 0.5 * np.arange(5), atol=1e-14)
    np.testing.assert_allclose(driven_amplitudes(0.0, np.full(5, 2.0), 1.0, 0.5), np.full(5, 0.5j), atol=1e-14)


def test_single_precision(float32):
    t = (0.5 * np.arange(2000)).astype(np.float32)
    decay, offset = (part.astype(np.float32) for part in parts(t))
    found = driven_amplitudes(decay, offset, np.complex64(0.1j), 0.5)
    assert found.dtype == jnp.complex64
    with jax.enable_x64(True):
        exact = driven_amplitudes(*parts(t.astype(float)), 0.1j, 0.5)
    np.testing.assert_allclose(found, exact, atol=2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1, np.ones(1), 1.0, 0.1), r"shapes \(\), \(1,\), \(\) are not \[..., K\] of one K from 2 on, or"),
        ((0.1, np.ones(4), np.ones(3), 0.1), r"shapes \(\), \(4,\), \(3,\) are not"),
        ((0.1, 0.2, 1.0, 0.1), r"shapes \(\), \(\), \(\) are not"),
        ((1j, np.ones(4), 1.0, 0.1), "decay of dtype complex128 is not real"),
        ((0.1, np.ones(4), 1.0, 0.0), r"step = 0 ps is outside \(0, inf\)"),
        ((0.1, np.ones(4), 1.0, np.full(4, 0.1)), r"step of shape \(4,\) is not one number"),
        ((0.0, np.zeros(4), 1.0, 0.1), "decay = 0 and offset = 0 at the first sample have no steady state; give a"),
        ((np.array([[0.1], [0.0]]), np.arange(4.0), 0.0, 0.1), "at the first sample have no steady state; give a"),
        ((0.1, np.array([1.0, np.nan]), 1.0, 0.1), "offset = nan is outside the finite numbers"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        driven_amplitudes(*arguments)
    with pytest.raises(ValueError, match="chunks = 0 is outside"):
        driven_amplitudes(0.1, np.ones(4), 1.0, 0.1, chunks=0)
