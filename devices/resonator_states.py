"""All steady states of a `NonlinearResonator`, whether each is stable, and where they are born and die.

With a lasting energy U the carriers, the temperature, the rate r(U) = 1/tau + (g U + gamma_c) / 2 and the shift s(U)
are known, and

    (2 / tau_e) P = U (r(U)^2 + Y^2),      Y = 2 pi (d - s(U)).

The right side rises with U, so that to each Y, the detuning from where the resonance has gone, there is one energy
U(Y), and one detuning of the laser, d(Y) = Y / (2 pi) + s(U(Y)). All states of a power P lie on this one curve: the
states at d are its crossings of d, and the folds, where two states meet, are its extrema. The curve is looked at on a
grid that is even in asinh(Y tau), to which the extrema of its slope are added, and then its own extrema. Between two
nodes it is then monotone, and no crossing is missed however near to a fold, nor a pair of folds however near to where
they are born, unless two extrema of the slope lie in one cell of the grid.

With linear carriers the states at d are roots of a polynomial in U of degree seven, so there are at most seven.

A state is stable if all eigenvalues of the Jacobian of the field (two real parts), carriers and heat have a real part
below zero. A single real one above zero is a saddle, between two folds; a complex pair above zero oscillates.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.devices.resonator import TURN
from photonics_core.devices.resonator_trajectory import ResonatorState, flat_state, state_of
from photonics_core.display import Shown

#: Nodes along the curve of states.
NODES = 256
#: Most states of a power and a detuning, and most folds of a power, that are looked for.
MOST = 7
FOLDS = 6
#: Newton steps for U(Y), from above, where the logarithm of a sum of powers makes them fall one way.
NEWTON = 14
#: Halvings of an interval.
HALVINGS = 46
#: Newton steps that polish, and carry derivatives, first and second.
POLISH = 3
#: Slope over its natural size, in units of sqrt(eps), below which a state counts as a fold, and two folds as one.
FOLD = 16.0


class SteadyStates(Shown):
    """Steady states by rising energy, along an axis of seven; NaN where there are fewer.

    Without power the amplitude grows as the square root of the power: its derivative, infinite there, is given as 0,
    and so is what follows of |amplitude|^2. That of the energy, which is the same number, is right.

    Args:
        energy: stored energy in fJ, shape [..., 7].
        amplitude: a in sqrt(fJ).
        carriers: pairs in um^-3.
        heat: parts of the temperature rise in K, shape [..., 7, P].
        eigenvalues: of the Jacobian in 1/ps, complex, shape [..., 7, 3 + P].
    """

    energy: jax.Array
    amplitude: jax.Array
    carriers: jax.Array
    heat: jax.Array
    eigenvalues: jax.Array

    @property
    def temperature(self) -> jax.Array:
        """Temperature rise in K."""
        return jnp.sum(self.heat, axis=-1)

    @property
    def exists(self) -> jax.Array:
        """Whether there is a state."""
        return jnp.isfinite(self.energy)

    @property
    def growth(self) -> jax.Array:
        """Rate in 1/ps at which the least stable disturbance grows; below zero it dies away."""
        return jnp.max(self.eigenvalues.real, axis=-1)

    @property
    def stable(self) -> jax.Array:
        """Whether there is a state and all disturbances die away."""
        return self.growth < 0.0

    @property
    def saddle(self) -> jax.Array:
        """Whether an odd number of real eigenvalues lies above zero: the state between two folds."""
        real = jnp.abs(self.eigenvalues.imag) == 0.0
        return jnp.sum(real & (self.eigenvalues.real > 0.0), axis=-1) % 2 == 1

    @property
    def oscillates(self) -> jax.Array:
        """Whether it is unstable, and no saddle: there light pulses by itself."""
        return (self.growth >= 0.0) & ~self.saddle

    @property
    def frequency(self) -> jax.Array:
        """Frequency in THz of the least stable disturbance."""
        least = jnp.argmax(self.eigenvalues.real, axis=-1, keepdims=True)
        return jnp.abs(jnp.take_along_axis(self.eigenvalues.imag, least, axis=-1)[..., 0]) / TURN

    def state(self, index: int) -> ResonatorState:
        """One of the states, as a start for `drive` or `follow`."""
        return ResonatorState(self.amplitude[..., index], self.carriers[..., index], self.heat[..., index, :])


@jax.jit
def all_states(device: Any, detuning: jax.Array, power: jax.Array) -> SteadyStates:
    """All steady states at detunings in THz and powers in mW of one shape."""
    found = jax.vmap(lambda d, p: _states(device, d, p))(detuning.reshape(-1), power.reshape(-1))
    return jax.tree.map(lambda leaf: leaf.reshape(*detuning.shape, *leaf.shape[1:]), found)


@jax.jit
def curve_folds(device: Any, power: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Detunings in THz and energies in fJ of the folds at powers in mW, each of shape [..., 6]."""
    place, energy = jax.vmap(lambda one: _folds(device, one))(power.reshape(-1))
    return place.reshape(*power.shape, FOLDS), energy.reshape(*power.shape, FOLDS)


def closed_detunings(device: Any, energy: jax.Array, power: jax.Array) -> jax.Array:
    """The two detunings in THz of an energy in fJ at a power in mW, shape [..., 2], NaN where there are none."""
    rate, moved = _rate_and_shift(device, energy)
    square = 2.0 * power / (jnp.asarray(device.resonator.input_time, energy.dtype) * energy) - rate**2
    width = jnp.sqrt(jnp.where(square > 0.0, square, 1.0)) / TURN
    # Where the two meet, the slope would be infinite; it is cut.
    width = jnp.where(square > 0.0, width, jnp.where(square == 0.0, 0.0, jnp.nan))
    return jnp.stack([moved - width, moved + width], axis=-1)


def most_energy(device: Any, power: jax.Array) -> jax.Array:
    """Energy in fJ that a laser of `power` in mW stores in resonance, the most it can."""
    return _energy(device, jnp.zeros_like(power), power)


def jacobian(device: Any, state: ResonatorState, detuning: jax.Array, source: jax.Array) -> jax.Array:
    """Jacobian in 1/ps of (Re a, Im a, N, T_1 ... T_P), each counted in its own size, shape [3 + P, 3 + P]."""
    start = flat_state(state)
    size = jnp.abs(lax.stop_gradient(start))
    field = jnp.hypot(size[0], size[1])
    size = jnp.concatenate([jnp.stack([field, field]), size[2:]])
    size = jnp.where(size > 0.0, size, 1.0)

    def rates(flat: jax.Array) -> jax.Array:
        return flat_state(device.derivative(state_of(flat), detuning, source))

    return jax.jacfwd(rates)(start) * size[None, :] / size[:, None]


def _states(device: Any, detuning: jax.Array, power: jax.Array) -> SteadyStates:
    """At one detuning and power."""
    fixed = lax.stop_gradient((device, detuning, power))
    energy = _polished(device, _crossings(*fixed), detuning, power)
    there = jnp.isfinite(energy)
    # What is missing runs along as the first state, so that no derivative meets a NaN.
    filled = jnp.where(there, energy, energy[0])
    source = jnp.sqrt(jnp.where(power > 0.0, power, 1.0)) * jnp.where(power > 0.0, 1.0, 0.0)

    def whole(energy: jax.Array) -> tuple[ResonatorState, jax.Array]:
        rate, moved = _rate_and_shift(device, energy)
        below = lax.complex(rate, -TURN * (detuning - moved))
        carriers, heat = device.settled(energy)
        amplitude = 1j * device.coupling(below) * source.astype(below.dtype) / below
        state = ResonatorState(amplitude, carriers, jnp.asarray(device.impedance.resistance, energy.dtype) * heat)
        return state, _eigenvalues(jacobian(device, state, detuning, source))

    state, values = jax.vmap(whole)(filled)
    parts = (energy, state.amplitude, state.carriers, state.heat, values)
    masks = (there.reshape(-1, *(1,) * (part.ndim - 1)) for part in parts)
    return SteadyStates(*(jnp.where(mask, part, jnp.nan) for mask, part in zip(masks, parts, strict=True)))


@jax.custom_jvp
def _eigenvalues(matrix: jax.Array) -> jax.Array:
    """Eigenvalues of a real matrix with first and second derivatives, as of perturbations of the first two orders."""
    return jnp.linalg.eigvals(matrix)


@_eigenvalues.defjvp
def _eigenvalues_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (matrix,), (change,) = primals, tangents
    values, vectors = jnp.linalg.eig(lax.stop_gradient(matrix))
    gaps = values[None, :] - values[:, None]
    with jax.default_matmul_precision("highest"):
        matrix, change = (jnp.linalg.solve(vectors, each.astype(values.dtype) @ vectors) for each in (matrix, change))
        # How the eigenvectors turn, in terms of themselves: nothing at the matrix itself, but with a derivative.
        turn = jnp.where(gaps == 0.0, 0.0, (matrix - lax.stop_gradient(matrix)) / jnp.where(gaps == 0.0, 1.0, gaps))
        return values, jnp.diagonal(change + change @ turn - turn @ change)


def _rate_and_shift(device: Any, energy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """1/tau in 1/ps and shift in THz with a lasting energy in fJ."""
    carriers, heat = device.settled(energy)
    rate = jnp.asarray(device.resonator.rate, energy.dtype) + 0.5 * device.nonlinear_rate(energy, carriers)
    return rate, device.shift(energy, carriers, jnp.asarray(device.impedance.total, energy.dtype) * heat)


def _energy(device: Any, offset: jax.Array, power: jax.Array) -> jax.Array:
    """U(Y) in fJ for Y in rad/ps."""
    cold = jnp.asarray(device.resonator.rate, offset.dtype) ** 2 + offset**2
    most = 2.0 * power / jnp.asarray(device.resonator.input_time, offset.dtype) / cold

    def excess(log: jax.Array) -> jax.Array:
        rate, _ = _rate_and_shift(device, most * jnp.exp(log))
        return log + jnp.log((rate**2 + offset**2) / cold)

    def newton(_: int, log: jax.Array) -> jax.Array:
        value, slope = jax.jvp(excess, (log,), (jnp.ones_like(log),))
        return log - value / slope

    return most * jnp.exp(lax.fori_loop(0, NEWTON, newton, jnp.zeros_like(offset)))


def _curve(device: Any, offset: jax.Array, power: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """d(Y) in THz, its slope times 2 pi, and U(Y)."""
    energy = _energy(device, offset, power)

    def held(energy: jax.Array) -> tuple[jax.Array, jax.Array]:
        rate, moved = _rate_and_shift(device, energy)
        return energy * (rate**2 + offset**2), moved

    (_, moved), (rise, pull) = jax.jvp(held, (energy,), (jnp.ones_like(energy),))
    return offset / TURN + moved, 1.0 - TURN * pull * 2.0 * offset * energy / rise, energy


def _range_of_shift(device: Any, power: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Bounds of the shift in THz at a power: each of its parts is largest with the most energy."""
    most = most_energy(device, power)
    carriers, heat = device.settled(most)
    kerr = jnp.asarray(device.kerr_shift, most.dtype) * most
    warm = jnp.asarray(device.thermal_shift, most.dtype) * jnp.asarray(device.impedance.total, most.dtype) * heat
    parts = jnp.stack([kerr, warm, device.carriers.shift(carriers)])
    return jnp.sum(jnp.minimum(parts, 0.0)), jnp.sum(jnp.maximum(parts, 0.0))


def _nodes(device: Any, low: jax.Array, high: jax.Array) -> jax.Array:
    """Y from low to high in rad/ps, even in asinh(Y tau)."""
    rate = jnp.asarray(device.resonator.rate, low.dtype)
    part = jnp.linspace(0.0, 1.0, NODES, dtype=low.dtype)
    ends = jnp.arcsinh(low / rate), jnp.arcsinh(high / rate)
    return rate * jnp.sinh(ends[0] + (ends[1] - ends[0]) * part)


def _extrema(device: Any, nodes: jax.Array, power: jax.Array) -> jax.Array:
    """Y of the extrema of d(Y), rising, shape [6], NaN where there are fewer."""

    def slope(offset: jax.Array) -> jax.Array:
        return _curve(device, offset, power)[1]

    def bend(offset: jax.Array) -> jax.Array:
        return jax.jvp(slope, (offset,), (jnp.ones_like(offset),))[1]

    bends = _sign_changes(bend, nodes, FOLDS + 2)
    nodes = jnp.sort(jnp.concatenate([nodes, jnp.where(jnp.isnan(bends), nodes[-1], bends)]))
    return _sign_changes(slope, nodes, FOLDS)


def _sign_changes(function: Callable[[jax.Array], jax.Array], nodes: jax.Array, most: int) -> jax.Array:
    """Roots of an elementwise function between nodes at which its signs differ, rising, NaN where there are fewer."""
    below = function(nodes) < 0.0
    cell = jnp.nonzero(below[:-1] != below[1:], size=most, fill_value=-1)[0]
    rising = below[:-1][cell]

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        middle = 0.5 * (ends[0] + ends[1])
        left = (function(middle) < 0.0) == rising
        return jnp.where(left, middle, ends[0]), jnp.where(left, ends[1], middle)

    low, high = lax.fori_loop(0, HALVINGS, halve, (nodes[:-1][cell], nodes[1:][cell]))
    return jnp.where(cell >= 0, 0.5 * (low + high), jnp.nan)


def _crossings(device: Any, detuning: jax.Array, power: jax.Array) -> jax.Array:
    """Energies in fJ of all states, rising, shape [7], NaN where there are fewer."""
    low, high = _range_of_shift(device, power)
    # A little more, so that the ends lie surely on both sides of the detuning.
    margin = 0.01 * jnp.asarray(device.resonator.rate, detuning.dtype) + 1e-3 * TURN * (high - low)
    nodes = _nodes(device, TURN * (detuning - high) - margin, TURN * (detuning - low) + margin)
    turns = _extrema(device, nodes, power)
    nodes = jnp.sort(jnp.concatenate([nodes, jnp.where(jnp.isnan(turns), nodes[-1], turns)]))
    found = _sign_changes(lambda offset: _curve(device, offset, power)[0] - detuning, nodes, MOST)
    return jnp.sort(_energy(device, found, power))


def _polished(device: Any, energy: jax.Array, detuning: jax.Array, power: jax.Array) -> jax.Array:
    """Energies to the last digit, with their derivatives."""
    missing = jnp.isnan(energy)
    energy = jnp.where(missing, energy[0], energy)
    sent = 2.0 * power / jnp.asarray(device.resonator.input_time, energy.dtype)

    def held(energy: jax.Array) -> tuple[jax.Array, jax.Array]:
        rate, moved = _rate_and_shift(device, energy)
        size = rate**2 + (TURN * (detuning - moved)) ** 2
        return energy * size, size

    least = _least_slope(energy.dtype)
    for _ in range(POLISH):
        (value, size), (slope, _) = jax.jvp(held, (energy,), (jnp.ones_like(energy),))
        energy = energy - (value - sent) / jnp.where(jnp.abs(slope) > least * size, slope, jnp.inf)
    return jnp.sort(jnp.where(missing, jnp.nan, energy))


def _least_slope(dtype: Any) -> float:
    return FOLD * math.sqrt(float(jnp.finfo(dtype).eps))


def _folds(device: Any, power: jax.Array) -> tuple[jax.Array, jax.Array]:
    fixed, held = lax.stop_gradient((device, power))
    low, high = _range_of_shift(fixed, held)
    # Beyond, the slope of the shift cannot outdo that of the detuning.
    reach = 10.0 * TURN * (high - low) + jnp.asarray(fixed.resonator.rate, held.dtype)
    nodes = _nodes(fixed, -reach, reach)
    offset = _extrema(fixed, nodes, held)
    missing = jnp.isnan(offset)
    offset = jnp.where(missing, 0.0, offset)
    energy = _energy(fixed, offset, held)

    # Each step of Newton's method adds an order of the derivatives: the first, then the second.
    for _ in range(2):
        offset, energy = _polished_fold(device, offset, energy, power)
    place = offset / TURN + _rate_and_shift(device, energy)[1]
    return jnp.where(missing, jnp.nan, place), jnp.where(missing, jnp.nan, energy)


def _polished_fold(device: Any, offset: jax.Array, energy: jax.Array, power: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Y and U nearer to where U (r^2 + Y^2) is what is sent and the detuning has its extremum."""
    sent = 2.0 * power / jnp.asarray(device.resonator.input_time, energy.dtype)

    def missing(offset: jax.Array, energy: jax.Array) -> tuple[jax.Array, jax.Array]:
        def held(energy: jax.Array) -> tuple[jax.Array, jax.Array]:
            rate, moved = _rate_and_shift(device, energy)
            return energy * (rate**2 + offset**2), moved

        (value, _), (rise, pull) = jax.jvp(held, (energy,), (jnp.ones_like(energy),))
        return value - sent, 1.0 - TURN * pull * 2.0 * offset * energy / rise

    one, none = jnp.ones_like(offset), jnp.zeros_like(offset)
    (left, slope), (left_y, slope_y) = jax.jvp(missing, (offset, energy), (one, none))
    _, (left_u, slope_u) = jax.jvp(missing, (offset, energy), (none, one))
    # How the slope bends along the curve; where two folds are born it does not, and they stay where they are.
    bend = slope_y - slope_u * left_y / left_u
    size = jnp.hypot(jnp.asarray(device.resonator.rate, energy.dtype), lax.stop_gradient(offset))
    # What is missing runs along on resonance, where the slope is 1, and stays there too.
    regular = (jnp.abs(bend) * size > _least_slope(energy.dtype)) & (jnp.abs(slope) < 0.5)
    move = -(slope - slope_u * left / left_u) / jnp.where(regular, bend, jnp.inf)
    return offset + move, energy - (left + left_y * move) / left_u
