"""A `NonlinearResonator` through time: the two ways of `drive` and of `follow`."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.devices.resonator_states import most_energy
from photonics_core.devices.resonator_trajectory import ResonatorState, ResonatorTrajectory, flat_state, state_of
from photonics_core.kernels.exponential_steps import exponential_steps
from photonics_core.kernels.stiff_steps import stiff_steps


@jax.jit
def driven(
    device: Any, detuning: jax.Array, step: Any, source: jax.Array, start: ResonatorState
) -> ResonatorTrajectory:
    """By exponential steps, one from each sample to the next."""

    def rates(state: ResonatorState, now: tuple[jax.Array, jax.Array]) -> ResonatorState:
        return device.decay(state, now[0])

    def derivative(state: ResonatorState, now: tuple[jax.Array, jax.Array]) -> ResonatorState:
        return device.derivative(state, *now)

    along = exponential_steps(rates, derivative, start, (detuning, source), step)
    return ResonatorTrajectory(device.through(along.amplitude, source), *along)


@eqx.filter_jit
def followed(
    device: Any,
    times: jax.Array,
    detuning: jax.Array,
    source: jax.Array,
    start: ResonatorState,
    rtol: Any,
    atol: Any,
) -> ResonatorTrajectory:
    """By implicit steps of any length, the drive on straight lines between `times` in ps."""
    # Real states in units of what they could be on resonance, so that one tolerance serves all.
    power = jnp.max(source.real**2 + source.imag**2)
    energy = most_energy(device, power)
    carriers, heat = device.settled(energy)
    unit = lax.stop_gradient(
        ResonatorState(jnp.sqrt(energy), carriers, jnp.asarray(device.impedance.resistance, energy.dtype) * heat)
    )
    sizes = flat_state(ResonatorState(lax.complex(unit.amplitude, unit.amplitude), unit.carriers, unit.heat))
    sizes = jnp.where(sizes > 0.0, sizes, 1.0)

    def rates(time: jax.Array, y: jax.Array, options: Any) -> jax.Array:
        device, times, *drives = options
        now, real, imag = (jnp.interp(time, times, drive) for drive in drives)
        return flat_state(device.derivative(state_of(y * sizes), now, lax.complex(real, imag))) / sizes

    options = device, times, detuning, source.real, source.imag
    along = stiff_steps(rates, flat_state(start) / sizes, times, options, rtol, atol)
    along = jax.vmap(lambda y: state_of(y * sizes))(along)
    return ResonatorTrajectory(device.through(along.amplitude, source), *along)
