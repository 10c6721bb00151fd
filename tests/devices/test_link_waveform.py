import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.link_waveform import received_waveform
from photonics_core.validation.link import reference_link

T, SAMPLES = 310.0, 8

waveform = jax.jit(lambda link, symbols: received_waveform(link, symbols, T, samples=SAMPLES))


@pytest.fixture(scope="module")
def link():
    return reference_link(2)


@pytest.fixture(scope="module")
def received(link):
    return jax.jit(lambda link: (link.received(T), link.memory(T)))(link)


def at_ends(wave):
    return np.asarray(wave).reshape(2, -1, SAMPLES)[..., -1]


def test_a_state_that_stays_is_the_steady_current(link, received):
    """Line 0 in state "1" and line 1 at its mean: own level and disturbances.

    What ring 0 does to the light of line 1 that leaks to its detector is a product the additive form leaves out.
    """
    signals, memory = received
    steady = [np.asarray(waveform(link, np.array([[1, other]] * 3)))[0] for other in (0, 1)]
    for each in steady:
        np.testing.assert_allclose(each, each[0], rtol=1e-12)
    own = signals.levels[0, 1] + signals.disturbances[0, 0, 1]
    others = jnp.mean(signals.disturbances[0, 1])
    np.testing.assert_allclose(0.5 * (steady[0][0] + steady[1][0]), own + others, rtol=1e-5)
    assert 0.0 < memory[0] < 0.5


def test_a_step_rises_by_one_pole(link, received):
    memory = np.asarray(received[1])
    pattern = np.zeros((40, 2), int)
    pattern[20:] = [1, 0]
    wave = np.asarray(waveform(link, pattern))[0]
    low, high = wave[20 * SAMPLES - 1], wave[-1]
    after = np.arange(1, 3 * SAMPLES + 1) / SAMPLES
    rise = low + (high - low) * (1.0 - memory[0] ** after)
    np.testing.assert_allclose(wave[20 * SAMPLES : 23 * SAMPLES], rise, rtol=1e-9)


def test_an_alternating_pattern_has_its_geometric_series(link, received):
    """Ends of the symbols are (1 - a) / (1 + a) of the whole swing apart."""
    memory = np.asarray(received[1])
    pattern = np.array([[0, 1], [1, 1]])
    ends = at_ends(waveform(link, pattern))
    low, high = (at_ends(waveform(link, np.array([row] * 2)))[0, 0] for row in pattern)
    np.testing.assert_allclose(ends[0, 1] - ends[0, 0], (high - low) * (1.0 - memory[0]) / (1.0 + memory[0]), rtol=1e-9)


def test_all_traces_lie_within_what_the_error_ratio_counts(link, received):
    """But for products of disturbances, 1e-3 of the swing here."""
    signals = jax.tree.map(np.asarray, received[0])
    symbols = np.random.default_rng(1).integers(0, 2, (400, 2))
    ends = at_ends(waveform(link, symbols))
    for i in (0, 1):
        swing = signals.levels[i, 1] - signals.levels[i, 0]
        for state in (0, 1):
            found = ends[i][symbols[:, i] == state] - signals.levels[i, state]
            least, most = (np.sum(each(signals.disturbances[i], axis=-1)) for each in (np.min, np.max))
            assert np.all(found > least - 2e-3 * swing) and np.all(found < most + 2e-3 * swing)
        # And they come near both ends, so that the bound is not an empty one.
        assert np.ptp(ends[i][symbols[:, i] == 1]) > 0.5 * (most - least)


def test_an_equaliser_leaves_steps_and_a_gradient(link):
    sharp = dataclasses.replace(link, is_equalised=True)
    wave = np.asarray(waveform(sharp, np.array([[0, 0], [1, 0]])))[0].reshape(2, SAMPLES)
    np.testing.assert_allclose(wave, wave[:, :1] * np.ones(SAMPLES), rtol=1e-12)
    gradient = jax.jit(
        jax.grad(
            lambda length: jnp.sum(waveform(dataclasses.replace(sharp, length_m=length), np.array([[0, 0], [1, 0]])))
        )
    )(2.0)
    assert np.isfinite(gradient) and gradient < 0.0


def test_bad_input_is_named(link):
    with pytest.raises(ValueError, match=r"symbols of shape \(4, 3\) is not \[S, 2\]"):
        received_waveform(link, np.zeros((4, 3), int))
    with pytest.raises(ValueError, match="symbols"):
        received_waveform(link, np.full((4, 2), 2))
    with pytest.raises(ValueError, match="samples = 1"):
        received_waveform(link, np.zeros((4, 2), int), samples=1)
