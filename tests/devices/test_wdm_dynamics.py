import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.modulation_levels import ring_transmissions
from photonics_core.devices.wdm_dynamics import intermodulated_waveform
from photonics_core.validation.wdm import reference_chain

TRANSMITTER = reference_chain(3)[0]


def pattern(symbol_time, edge, step=0.25):
    """A one between zeros with edges that follow a sine."""
    time = np.arange(0.0, 3 * symbol_time, step)
    rises = [np.clip((time - at) / edge + 0.5, 0.0, 1.0) for at in (symbol_time, 2 * symbol_time)]
    first, second = (0.5 - 0.5 * np.cos(np.pi * each) for each in rises)
    return jnp.asarray(first - second), step


def span(waveform):
    return jnp.max(waveform) - jnp.min(waveform)


@pytest.mark.parametrize(("ring", "line"), [(0, 1), (2, 1), (1, 1)])
def test_at_a_low_rate_it_is_the_static_difference(ring, line):
    """Of the exact ring, but for the other resonances of its comb."""
    passed = np.asarray(ring_transmissions(TRANSMITTER)[:, ring, line])
    driven, step = pattern(2000.0, 2000.0, 1.0)
    ask = jax.jit(lambda driven: intermodulated_waveform(TRANSMITTER, driven, step, ring=ring, line=line))
    waveform = np.asarray(ask(driven))
    ends = waveform[[0, int(np.argmax(driven))]]
    np.testing.assert_allclose(ends, passed, rtol=2e-2 if ring == line else 1e-3)
    np.testing.assert_allclose(span(waveform), abs(passed[1] - passed[0]), rtol=0.06)


@pytest.mark.slow
def test_the_excess_falls_as_edges_become_slower():
    """What the ring stores differs between its states, and goes into the line or out of it during the edge.

    That flow goes as the speed of the edge, 1 / T, but is nothing where an edge ends, as a sine, and where the steady
    power is at its extreme: with x from there, c x^2 + b x / T has its own extreme beyond by b^2 / (4 c T^2).
    """
    ask = jax.jit(lambda driven: span(intermodulated_waveform(TRANSMITTER, driven, 1.0, ring=0, line=1)))
    still, slow, fast = (float(ask(pattern(4000.0, edge, 1.0)[0])) for edge in (4000.0, 200.0, 100.0))
    # The first edge is slow enough to be the steady states.
    np.testing.assert_allclose((fast - still) / (slow - still), 4.0, rtol=0.1)
    edge = float(span(intermodulated_waveform(TRANSMITTER, pattern(20.0, 10.0)[0], 0.25, ring=0, line=1)))
    assert edge > 5.0 * still


def test_edges_agree_with_light_that_goes_round():
    """Round trip by round trip: delays, couplers and phases, with no resonance and no rates."""
    edge, ring, line = 10.0, 0, 1
    device = jax.tree.map(lambda leaf: leaf[ring], TRANSMITTER.bus.rings)
    own, light = TRANSMITTER.lines[ring], TRANSMITTER.lines[line]
    trip = float(device.round_trip_time(own))
    driven, _ = pattern(20.0, edge, trip)
    resonance = own + TRANSMITTER.detuning[ring] + np.asarray(driven) * TRANSMITTER.drive_shift
    phase = 2 * np.pi * trip * 299.792458 * (1.0 / light - 1.0 / resonance)
    (t_in, k_in), t_drop = (np.sqrt([0.92, 0.08]), np.sqrt(0.98))
    kept = t_drop * np.exp(-float(device.ring_loss(own)))
    inside, passed = 1j * k_in / (1 - t_in * kept * np.exp(1j * phase[0])), []
    for turn in np.exp(1j * phase):
        back = kept * turn * inside
        passed.append(abs(t_in + 1j * k_in * back) ** 2)
        inside = 1j * k_in + t_in * back
    fine, step = pattern(20.0, edge)
    found = span(intermodulated_waveform(TRANSMITTER, fine, step, ring=ring, line=line))
    np.testing.assert_allclose(found, np.ptp(passed), rtol=0.08)


def test_the_gradient_is_a_difference():
    driven, step = pattern(10.0, 4.0)

    def least(amount):
        return jnp.sum(intermodulated_waveform(TRANSMITTER, amount * driven, step, ring=0, line=1)[40:60])

    value = jax.jit(least)
    difference = (value(1.0 + 1e-4) - value(1.0 - 1e-4)) / 2e-4
    np.testing.assert_allclose(jax.jit(jax.grad(least))(1.0), difference, rtol=1e-6)


def test_bad_values_are_named():
    driven = jnp.zeros(4)
    with pytest.raises(ValueError, match="ring = 3"):
        intermodulated_waveform(TRANSMITTER, driven, 1.0, ring=3, line=0)
    with pytest.raises(ValueError, match="step = 0 ps"):
        intermodulated_waveform(TRANSMITTER, driven, 0.0, ring=0, line=1)
