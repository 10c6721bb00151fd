"""Intermodulation in time: what a ring does to another channel's light while its own drive moves it.

Static intermodulation (`channel_powers`) is the difference of two steady states. In time the light in the ring answers
with the photon lifetime and beats with the line at their distance, and what the ring stores of the line differs between
the states, and goes into the line or out of it during an edge. Both are small beside the line, but not beside the
static difference. One resonance is followed (`Resonator`): at a distance d its static difference is off by the part
(pi d / FSR)^2 / 3 of the ring's own.
"""

from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.devices.resonator import Resonator
from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_positive
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT


def intermodulated_waveform(
    transmitter: RingTransmitter,
    driven: Any,
    step: Any,
    *,
    ring: int,
    line: int,
    temperature: Any = REFERENCE_TEMPERATURE,
) -> jax.Array:
    """Power of one line behind one ring over that before it, while the ring is driven, shape [..., K].

    Args:
        transmitter: the modulators.
        driven: drive of the ring at equal steps, 0 in state "0" and 1 in state "1", shape [..., K].
        step: time between samples in ps, some eighth of the beat between line and resonance.
        ring, line: numbers of the ring and of the line, from 0; equal ones give the signal itself.
        temperature: in K.

    Returns:
        Power through / in from the steady state at the first sample on.

    Raises:
        ValueError: for numbers beyond the rings, or values that are not finite.
    """
    check_kind("transmitter", transmitter, RingTransmitter)
    for name, number in (("ring", ring), ("line", line)):
        check_choice(name, number, range(transmitter.bus.count))
    check_finite("driven", driven)
    check_positive("step", step, "ps")
    own = transmitter.lines[ring]
    device = jax.tree.map(lambda leaf: leaf[ring], transmitter.bus.rings)
    resonator = Resonator.of_ring(device, own, temperature)
    moved = transmitter.detuning[ring] + jnp.asarray(driven) * transmitter.drive_shift
    light = transmitter.lines[line]
    # Frequency of the light less that of the resonance, from the difference of the wavelengths.
    detuning = SPEED_OF_LIGHT * ((own - light) + moved) / (light * (own + moved))
    through, _ = resonator.drive(detuning, step)
    return through.real**2 + through.imag**2
