"""Dies of a ring transmitter: from deviations at each ring to heater power and the quality of its channels.

A deviation of width, thickness or temperature changes the effective index of a ring, and so adds turns to its round
trip; a heater adds an optical path h >= 0. With G = n_g L of a ring that is meant for the line wl_0, the phase at wl
is, in turns,

    u + v + G (1 / wl - 1 / wl_0) + h / wl,    v = (G / wl_0^2) sum_p (d wl_0 / dp) dp,

with u the ring's own phase at wl_0: exact for an index with a constant group index (`LinearIndex`). All rings go to
lines by a barrel shift, ring i to line (i + m) mod N, each to the next resonance that a heater can reach, and the m of
least total power that is within the range of all heaters is taken. (Rings of one spectral range whose heaters warm no
neighbours need the same total for several m; of those within a thousandth of the least, that whose hottest heater has
least to do is taken.) A ring on its line then has the phase (G + h) (1 / wl - 1 / wl_line), and the power that passes
it is

    ((t1 - t2 a)^2 + 4 t1 t2 a s^2) / ((1 - t1 t2 a)^2 + 4 t1 t2 a s^2),    s = sin(pi turns),

so that lines are looked at and no spectrum is. Everything else is as in `RingTransmitter`. Left out: the change of the
group index, of the loss and of the heaters with the deviations; assignments that are no barrel shift, or go a further
spectral range where neighbours warm a ring too much (`photonics_core.tuning.assign_lines` has both).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.display import Shown
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE, db
from photonics_core.variation_sampler import DieSampler

#: Turns by which a ring may be red of its line and still count as on it; powers out of range by less, over the largest.
ROUNDING = 1e-6
#: Total powers that differ by no more than this part of them are alike.
ALIKE = 1e-3
#: Dies that are worked on together.
CHUNK = 2048


class DieMetrics(NamedTuple):
    """What a die is worth; by line means in the order of the lines. `_asdict()` is what `Spec.judge` takes.

    Attributes:
        insertion_loss_db: loss of a line in state "1", by line [N].
        extinction_db: state "1" over state "0", by line [N].
        penalty_db: -10 log10((P1 - P0) / (2 P_in)), by line [N].
        crosstalk_db: disturbance by all other rings over the line's own modulation, by line [N].
        heater_power: power in mW, by ring [N].
        total_power: sum of these in mW.
        shift: the barrel shift m.
        is_locked: 1 if all heaters are within their range, else 0: then the shift is the one that exceeds it least.
    """

    insertion_loss_db: jax.Array
    extinction_db: jax.Array
    penalty_db: jax.Array
    crosstalk_db: jax.Array
    heater_power: jax.Array
    total_power: jax.Array
    shift: jax.Array
    is_locked: jax.Array


class TransmitterDie(Shown):
    """A transmitter reduced to numbers of its rings and lines; made by `TransmitterDie.of`.

    Attributes:
        path: n_g L of each ring in um, [N].
        target: where the resonance of a ring on a line is held in um, [N].
        turns: phase of ring i at the target of line j without deviations and heat, between 0 and 1, [N, N].
        apart: 1 / wl of line l less 1 / wl of the target of line j in 1/um, [N, N].
        lines: wavelengths of the lines in um, [N].
        angles: coupling angles of both couplers in rad, [2, N].
        loss: loss exponent of the field for a round trip, [N].
        drive_shift: shift of a resonance between the states in um.
        guide: power that the bus passes without rings, [N].
        inverse: powers in mW by shifts in um, [N, N].
        most_power: range of each heater in mW.
        slopes: shift of a resonance by each quantity, in um over its unit, a number or [N].
        angle_slopes: d ln(coupling angle) by each quantity, over its unit, a number or [N].
        barrel: whether rings may go to other lines than their own.
    """

    path: Any
    target: Any
    turns: Any
    apart: Any
    lines: Any
    angles: Any
    loss: Any
    drive_shift: Any
    guide: Any
    inverse: Any
    most_power: Any
    slopes: dict[str, Any]
    angle_slopes: dict[str, Any]
    barrel: bool = eqx.field(static=True, default=True)

    @classmethod
    def of(
        cls,
        transmitter: RingTransmitter,
        slopes: Mapping[str, Any],
        *,
        angle_slopes: Mapping[str, Any] | None = None,
        temperature: Any = REFERENCE_TEMPERATURE,
        heater_crosstalk: Any = None,
        most_power: Any = 1e3,
        barrel: bool = True,
    ) -> "TransmitterDie":
        """Reduce a transmitter.

        Args:
            transmitter: as it is meant. Excess loss of its couplers counts as loss of the rings.
            slopes: shift of a resonance in um by each quantity that varies, over its unit, as `resonance_sensitivities`
                and `strip_sensitivities` give them: {"width": 0.6, "thickness": 1.4, "temperature": 7.3e-5}.
            angle_slopes: likewise d ln(coupling angle); none by default. A gap narrows as its guides widen.
            temperature: temperature in K.
            heater_crosstalk: shift of ring i by heater j over that of ring j, [N, N] with 1 on the diagonal; None for
                none.
            most_power: range of a heater in mW, a number or [N].
            barrel: whether rings may go to other lines than their own.

        Raises:
            ValueError: for another device, slopes that are not finite, or a crosstalk that cannot be inverted.
        """
        check_kind("transmitter", transmitter, RingTransmitter)
        slopes, angle_slopes = dict(slopes), dict(angle_slopes or {})
        for name, value in (slopes | angle_slopes).items():
            check_finite(f"slope of {name!r}", value)
        for name in angle_slopes:
            check_choice("angle slope", name, slopes)
        check_positive("most_power", most_power, "mW")
        rings = transmitter.bus.rings
        target = transmitter.lines + transmitter.detuning
        # What a heater lacks to put a ring on its line is formed by the ring, without large numbers.
        lacking = jax.vmap(lambda ring, wl: ring.path_to(wl, temperature))(rings, target)
        path = jax.vmap(lambda ring, wl: ring.index.group_index(wl, temperature) * ring.length)(rings, target)
        angles = jax.vmap(lambda ring, wl: jnp.stack([c.coupling_angle(wl) for c in ring.couplers]), out_axes=1)(
            rings, target
        )
        loss = jax.vmap(lambda ring, wl: ring.round_trip_loss(wl, temperature))(rings, target)
        guide = transmitter.bus.guide.transmission(transmitter.lines, temperature)
        passed = (guide.real**2 + guide.imag**2) ** (transmitter.bus.count - 1)
        numbers = [_host(each) for each in (lacking, path, target, transmitter.lines)]
        turns, apart = _tables(*numbers)
        inverse = _inverse(transmitter.heater_efficiency, heater_crosstalk, transmitter.bus.count)
        return cls(
            path=numbers[1],
            target=numbers[2],
            turns=turns,
            apart=apart,
            lines=numbers[3],
            angles=angles,
            loss=loss,
            drive_shift=as_leaf(transmitter.drive_shift),
            guide=passed,
            inverse=inverse,
            most_power=as_leaf(most_power),
            slopes={name: as_leaf(value) for name, value in slopes.items()},
            angle_slopes={name: as_leaf(value) for name, value in angle_slopes.items()},
            barrel=barrel,
        )

    @property
    def count(self) -> int:
        """Number of rings N."""
        return self.path.shape[0]

    def metrics(self, deviations: Mapping[str, Any]) -> DieMetrics:
        """What a die with these deviations is worth.

        Args:
            deviations: from nominal at each ring by name, [N]: those of `slopes`, others are errors.

        Raises:
            ValueError: for a quantity without a slope, or of another shape.
        """
        for name, value in deviations.items():
            check_choice("quantity", name, self.slopes)
            if np.shape(value) != (self.count,):
                raise ValueError(f"{name} of shape {np.shape(value)} is not one number for each of {self.count} rings")
            check_finite(name, value)
        dtype = jnp.result_type(float)
        one = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), self)
        given = {name: jnp.asarray(value, dtype) for name, value in deviations.items()}
        moved = sum((one.slopes[name] * value for name, value in given.items()), jnp.zeros(self.count, dtype))
        varied = one.path * moved / one.target**2
        heat, power, shift, is_locked = _assign(one, varied)
        bend = [one.angle_slopes[name] * given[name] for name in one.angle_slopes if name in given]
        angles = one.angles * jnp.exp(sum(bend, jnp.zeros(self.count, dtype)))[None]
        # From here on in the order of the lines.
        ring = jnp.mod(jnp.arange(self.count) - shift, self.count)
        levels = _levels(one, one.path[ring], heat[ring], angles[:, ring], one.loss[ring])
        return DieMetrics(*levels, power, jnp.sum(power), shift, is_locked.astype(dtype))


@eqx.filter_jit
def draw_dies(model: TransmitterDie, sampler: DieSampler, key: jax.Array, numbers: Any) -> DieMetrics:
    """Draw dies and find what they are worth; a die's draw depends on its number alone.

    Args:
        model: the transmitter.
        sampler: what varies at its rings, in their order.
        key: a key of `jax.random`.
        numbers: numbers of the dies, shape [D].

    Returns:
        Metrics with a leading axis [D].
    """

    def one(number: jax.Array) -> DieMetrics:
        return model.metrics(sampler.deviations(key, number))

    numbers = jnp.asarray(numbers)
    return jax.lax.map(one, numbers, batch_size=min(CHUNK, numbers.shape[0]))


def _assign(one: TransmitterDie, varied: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Paths by the heaters in um, powers in mW, both by ring, the barrel shift, and whether all are in range."""
    count = one.count
    ring = np.arange(count)
    lines = np.stack([(ring + m) % count for m in (range(count) if one.barrel else range(1))])
    target = one.target[lines]
    turns = one.turns[ring[None], lines] + varied[None]
    part = jnp.maximum(jnp.ceil(jax.lax.stop_gradient(turns) - ROUNDING) - turns, 0.0)
    moved = target**2 * part / (one.path[None] + target * part)
    power = jnp.sum(one.inverse[None] * moved[:, None], axis=2)
    most = jnp.broadcast_to(one.most_power, (count,))[None]
    out = jnp.max(jnp.maximum(-power, power - most), axis=1)
    fits = out <= ROUNDING * jnp.max(jnp.abs(power), axis=1)
    total = jnp.where(fits, jnp.sum(power, axis=1), jnp.inf)
    nearly = total <= (1.0 + ALIKE) * jnp.min(total)
    # Where none fits, the one that is out of range least.
    worst = jnp.where(jnp.any(fits), jnp.where(nearly, jnp.max(power, axis=1), jnp.inf), out)
    best = jnp.argmin(worst)
    heat = (part * target)[best]
    return heat, power[best], best, fits[best]


def _levels(
    one: TransmitterDie, path: jax.Array, heat: jax.Array, angles: jax.Array, loss: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Insertion loss, extinction, penalty and crosstalk in dB by line; all arguments in the order of the lines."""
    phase = (path + heat)[None] * one.apart
    driven = (one.drive_shift * path / one.target)[None] / one.lines[:, None]
    zero, high = (_log_transmission(each, angles, loss) for each in (phase, phase + driven))
    eye = jnp.eye(one.count, dtype=phase.dtype)
    own = jnp.sum(eye * (zero - high), axis=1)
    change = jnp.sum((1.0 - eye) * jnp.abs(zero - high), axis=1)
    passed = one.guide * jnp.exp(jnp.sum(high, axis=1))
    modulation = -passed * jnp.expm1(own)
    disturbed = -passed * jnp.expm1(-change)
    return -db(passed), -own * (10.0 / np.log(10.0)), -db(0.5 * modulation), db(disturbed / modulation)


def _log_transmission(turns: jax.Array, angles: jax.Array, loss: jax.Array) -> jax.Array:
    """Logarithm of the power through / in, shape [line, ring], from turns of that shape."""
    t, t_drop = jnp.cos(angles[0]), jnp.cos(angles[1])
    left = t_drop * jnp.exp(-loss)
    around = t * left
    wave = 4.0 * around[None] * jnp.sin(jnp.pi * turns) ** 2
    above, below = ((t - left) ** 2)[None] + wave, ((1.0 - around) ** 2)[None] + wave
    # A critically coupled ring on resonance passes nothing: a huge loss, with a finite slope.
    least = jnp.finfo(turns.dtype).eps ** 2
    return jnp.log(jnp.maximum(above, least)) - jnp.log(below)


def _host(value: Any) -> Any:
    return np.asarray(value, float) if is_concrete(value) else value


def _tables(lacking: Any, path: Any, target: Any, lines: Any) -> tuple[Any, Any]:
    """Turns of ring i at the target of line j, [N, N], and 1 / wl of lines less those of targets, [line, target]."""
    away = (target[:, None] - target[None]) / (target[:, None] * target[None])
    turns = path[:, None] * away - (lacking / target)[:, None]
    floor = np.floor if is_concrete(turns) else jnp.floor
    return turns - floor(turns + ROUNDING), (target[None] - lines[:, None]) / (target[None] * lines[:, None])


def _inverse(efficiency: Any, crosstalk: Any, count: int) -> Any:
    """Powers in mW by shifts in um, [N, N]."""
    if crosstalk is None:
        crosstalk = np.eye(count)
    if np.shape(crosstalk) != (count, count):
        raise ValueError(f"heater_crosstalk of shape {np.shape(crosstalk)} is not [N, N] for {count} rings")
    check_range("heater_crosstalk", crosstalk, 0.0, 10.0)
    if not is_concrete(efficiency, crosstalk):
        efficiency = jnp.broadcast_to(jnp.asarray(efficiency), (count,))
        return jnp.linalg.inv(jnp.asarray(crosstalk, efficiency.dtype) * 1e-3 * efficiency[None])
    response = np.asarray(crosstalk, float) * 1e-3 * np.broadcast_to(np.asarray(efficiency, float), (count,))[None]
    if not np.linalg.cond(response) < 1e12:
        raise ValueError("heater_crosstalk cannot be inverted: its heaters cannot be told apart")
    return np.linalg.inv(response)
