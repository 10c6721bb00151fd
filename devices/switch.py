"""Switches of two inputs and two outputs: Mach-Zehnder interferometers and rings.

`bar` takes in1 to out1 and in2 to out2, `cross` in1 to out2 and in2 to out1. What a drive does is one number, the
`state`: the phase that the shifter adds, in half turns. It is a leaf, and continuous, so that a gradient tunes it.

Mach-Zehnder: with couplers [[t, i k], [i k, t]] and fields a, b after the arms,

    in1 -> out1: t1 t2 a - k1 k2 b        in1 -> out2: i (t1 k2 a + k1 t2 b)
    in2 -> out1: i (k1 t2 a + t1 k2 b)    in2 -> out2: t1 t2 b - k1 k2 a,

which is `cross` without a drive and `bar` at one half turn. With equal couplers the bar state is complete whatever they
are; the cross state leaks cos^2 of the sum of their angles.
"""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core import resonance
from photonics_core.devices.coupled_rings import CoupledRings
from photonics_core.devices.coupler import Coupler, PointCoupler
from photonics_core.devices.phase_shifter import PhaseShifter
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.splitter import Crossing
from photonics_core.devices.waveguide import Waveguide
from photonics_core.display import Shown
from photonics_core.kernels.checks import (
    as_inexact,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix, power
from photonics_core.units import REFERENCE_TEMPERATURE, db

PORTS = ("in1", "in2", "out1", "out2")
#: Least power in figures in dB, -300 dB: a logarithm of nothing has no derivative.
LEAST_POWER = 1e-30


class SwitchElement(Shown):
    """What switches share; a base, not a device. Ports: `in1`, `in2`, `out1`, `out2`, all light from in to out.

    `state`, `bar_state`, `cross_state` and `shifter` are fields of the devices, and `STATES` is the range of a state.
    """

    STATES: ClassVar[tuple[float, float]] = (-8.0, 8.0)

    @classmethod
    def check_states(cls, name: str, states: Any) -> None:
        """Raise a `ValueError` for a state in half turns outside the range of these switches."""
        check_range(name, states, *cls.STATES, "half turns")

    def driven(self, bar: Any) -> jax.Array:
        """The state for `bar` (True) or `cross` (False)."""
        states: Any = self
        return jnp.where(jnp.asarray(bar), states.bar_state, states.cross_state)

    def with_state(self, state: Any) -> Any:
        """The same switch in another state.

        Raises:
            ValueError: for a state outside its range.
        """
        state = as_leaf(state)
        self.check_states("state", state)
        return eqx.tree_at(lambda switch: switch.state, self, state)

    def power(self) -> jax.Array:
        """Electrical power in mW that holds the state."""
        switch: Any = self
        return switch.shifter.power(switch.state)

    def extinction_db(self, bar: bool, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Power of in1 out of the wanted output over that out of the other one in dB, for `bar` or `cross`.

        Powers below 1e-30 count as that, so that the derivative of a perfect switch is finite.
        """
        one: Any = self.with_state(self.driven(bar))
        matrix = one.scattering(wl, temperature)
        ends = ("out1", "out2") if bar else ("out2", "out1")
        wanted, leaked = (jnp.maximum(matrix.power("in1", end), LEAST_POWER) for end in ends)
        return db(wanted) - db(leaked)


class MachZehnderSwitch(SwitchElement):
    """Two couplers and two arms, the upper one with a phase shifter.

    A negative state is a drive of the lower arm, whose phase grows then as its loss does.

    Args:
        shifter: the phase shifter.
        state: phase of the upper arm over that of the lower one by the drive in half turns, from -8 to 8.
        first, second: the couplers.
        arm: both arms; None for arms of no length.
        imbalance: by how much the upper arm is longer, in um; needs an arm, and takes no more off it than it has.
        phase_error: phase of the upper arm that it should not have, in rad, the same at all wavelengths.
        bar_state, cross_state: states of `driven`.

    Raises:
        ValueError: for a value outside its range.
    """

    shifter: PhaseShifter
    state: Any = eqx.field(converter=as_leaf, default=0.0)
    first: Coupler = PointCoupler(math.pi / 4)
    second: Coupler = PointCoupler(math.pi / 4)
    arm: Waveguide | None = None
    imbalance: Any = eqx.field(converter=as_leaf, default=0.0)
    phase_error: Any = eqx.field(converter=as_leaf, default=0.0)
    bar_state: Any = eqx.field(converter=as_leaf, default=1.0)
    cross_state: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_kind("shifter", self.shifter, PhaseShifter)
        check_kind("first", self.first, Coupler)
        check_kind("second", self.second, Coupler)
        for name, unit in (("imbalance", "um"), ("phase_error", "rad")):
            check_finite(name, getattr(self, name), unit)
        for name in ("state", "bar_state", "cross_state"):
            self.check_states(name, getattr(self, name))
        if self.arm is not None:
            check_kind("arm", self.arm, Waveguide)
            if is_concrete(self.imbalance, self.arm.length):
                whole = np.asarray(self.arm.length) + np.asarray(self.imbalance)
                check_range("length of the upper arm, arm and imbalance,", whole, 0.0, np.inf, "um")
        elif is_concrete(self.imbalance) and np.any(np.asarray(self.imbalance)):
            raise ValueError(f"imbalance = {self.imbalance} needs an arm, whose index it has")

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K."""
        check_positive("wl", wl, "um")
        wl_array = as_inexact("wl", wl)
        a, b = self._arms(wl_array, temperature)
        angles = [jnp.broadcast_to(each.coupling_angle(wl), wl_array.shape) for each in (self.first, self.second)]
        (t1, t2), (k1, k2) = ([f(angle).astype(a.dtype) for angle in angles] for f in (jnp.cos, jnp.sin))
        passed = jnp.exp(-self.first.loss_exponent() - self.second.loss_exponent()).astype(a.dtype)
        pairs = {
            ("in1", "out1"): passed * (t1 * t2 * a - k1 * k2 * b),
            ("in1", "out2"): 1j * passed * (t1 * k2 * a + k1 * t2 * b),
            ("in2", "out1"): 1j * passed * (k1 * t2 * a + t1 * k2 * b),
            ("in2", "out2"): passed * (t1 * t2 * b - k1 * k2 * a),
        }
        return SMatrix.from_pairs(PORTS, pairs, wl, reciprocal=True)

    def _arms(self, wl: jax.Array, temperature: Any) -> tuple[jax.Array, jax.Array]:
        """Complex fields after the upper and the lower arm."""
        state = jnp.asarray(self.state).astype(wl.dtype)
        zero = jnp.zeros_like(state)
        error = jnp.asarray(self.phase_error).astype(wl.dtype)
        fields = self._driven_arm(jnp.maximum(state, zero), error, wl)
        lower = self._driven_arm(jnp.maximum(-state, zero), jnp.zeros_like(error), wl)
        if self.arm is None:
            return fields, lower
        common = self.arm.transmission(wl, temperature)
        # The difference by itself: of a signed length, which a `Waveguide` refuses.
        index, longer = self.arm.index, self.imbalance
        turns = 2.0 * jnp.pi * index.turns(longer, wl, temperature)
        lost = jnp.exp(-0.5 * index.attenuation(wl, temperature) * longer).astype(wl.dtype)
        return common * fields * jax.lax.complex(lost * jnp.cos(turns), lost * jnp.sin(turns)), common * lower

    def _driven_arm(self, state: jax.Array, error: jax.Array, wl: jax.Array) -> jax.Array:
        """Complex field after an arm of no length whose shifter is in a state of at least zero."""
        phase = 2.0 * jnp.pi * self.shifter.turns(state, wl) + error
        left = jnp.exp(-self.shifter.loss_exponent(state)).astype(phase.dtype)
        return jax.lax.complex(left * jnp.cos(phase), left * jnp.sin(phase))


class RingSwitch(SwitchElement):
    """A ring, or several coupled ones, between two guides: on resonance `cross`, off it `bar`.

    With an even number of rings the guides run side by side. Light leaves an odd number backwards, so there the
    second guide crosses the first: behind the ring on the way from in1 to out1, before it on the way from in2 to
    out2. Only what the crossing sends forward is kept. The two ways around the ring between the guides count as equally
    long.

    Args:
        resonator: `AddDropRing`, or `CoupledRings`.
        shifter: a heater on each ring, without loss and of exponent -1, its power that of all rings; the state is the
            phase of a round trip in half turns.
        state: of all rings, at least 0: a heater does not cool.
        crossing: where the guides cross; for an odd number of rings.
        bar_state, cross_state: states of `driven`; see `tuned`.

    Raises:
        ValueError: for a crossing with an even number of rings or none with an odd one, a shifter that is no heater, or
            a state below zero.
    """

    #: From zero, within rounding.
    STATES: ClassVar[tuple[float, float]] = (-1e-6, np.inf)

    resonator: AddDropRing | CoupledRings
    shifter: PhaseShifter
    state: Any = eqx.field(converter=as_leaf, default=0.0)
    crossing: Crossing | None = None
    bar_state: Any = eqx.field(converter=as_leaf, default=0.0)
    cross_state: Any = eqx.field(converter=as_leaf, default=1.0)

    def __check_init__(self) -> None:
        if not isinstance(self.resonator, AddDropRing | CoupledRings):
            raise ValueError(f"resonator = {self.resonator!r} is not of the kind AddDropRing or CoupledRings")
        check_kind("shifter", self.shifter, PhaseShifter)
        check_range("loss_db of the shifter", self.shifter.loss_db, 0.0, 0.0, "dB")
        check_range("exponent of the shifter", self.shifter.exponent, -1.0, -1.0)
        for name in ("state", "bar_state", "cross_state"):
            self.check_states(name, getattr(self, name))
        if (self.crossing is None) == bool(self.rings % 2):
            need = "needs" if self.rings % 2 else "has no"
            raise ValueError(f"crossing = {self.crossing!r}: a switch of {self.rings} rings {need} crossing")

    @property
    def rings(self) -> int:
        """Number of rings."""
        return 1 if isinstance(self.resonator, AddDropRing) else np.shape(self.resonator.radii)[-1]

    @classmethod
    def tuned(
        cls,
        resonator: AddDropRing | CoupledRings,
        shifter: PhaseShifter,
        wl: Any,
        shift: Any,
        crossing: Crossing | None = None,
    ) -> "RingSwitch":
        """A switch that crosses at `wl`: its first ring is heated to resonance there, and in `bar` `shift` less.

        Args:
            resonator, shifter, crossing: as above; coupled rings are to be equal.
            wl: wavelength of the light in um.
            shift: between the states in um, above 0; the least that is off resonance saves most. To first order, and
                without what the heater's own path adds to the group delay (0.4 % for a ring of 10 um).

        Raises:
            ValueError: as above, or for a shift that is not positive.
        """
        check_positive("shift", shift, "um")
        if isinstance(resonator, AddDropRing):
            length, turns = resonator.length, resonator.turns(wl)
        else:
            length = 2.0 * math.pi * resonator.radii[0]
            turns = 2.0 * resonator.index.turns(length / 2, wl)
        scale = shifter.turns(1.0, wl)
        less = shift * resonator.index.group_index(wl) * length / wl**2
        # Enough heat for both states: the next order above what `bar` needs.
        on = resonance.next_order(turns + less) - turns
        return cls(resonator, shifter, on / scale, crossing, (on - less) / scale, on / scale)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K."""
        check_positive("wl", wl, "um")
        wl_array = as_inexact("wl", wl)
        # Of a heater the path does not depend on wavelength.
        path = (0.5 * self.shifter.wl0 * jnp.asarray(self.state)).astype(wl_array.dtype)
        through, drop, add_drop = self._resonator(wl_array, temperature, path)
        if self.crossing is None:
            pairs = {("in1", "out1"): through, ("in1", "out2"): drop, ("in2", "out1"): drop, ("in2", "out2"): add_drop}
            return SMatrix.from_pairs(PORTS, pairs, wl, reciprocal=True)
        crossing = self.crossing.scattering(wl_array)
        straight = crossing.amplitude("west", "east").astype(through.dtype)
        side = crossing.amplitude("west", "north").astype(through.dtype)
        # The wave before the crossing: through the ring, and again what comes from there around the ring.
        gain = 1.0 / (1.0 - drop * side)
        first, second = through * gain, drop * straight * gain
        pairs = {
            ("in1", "out1"): straight * first,
            ("in2", "out1"): side + straight * second,
            ("in1", "out2"): drop + add_drop * side * first,
            ("in2", "out2"): add_drop * (straight + side * second),
        }
        return SMatrix.from_pairs(PORTS, pairs, wl, reciprocal=True)

    def _resonator(self, wl: jax.Array, temperature: Any, path: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        if isinstance(self.resonator, CoupledRings):
            path = jnp.broadcast_to(path, (self.rings,))
        found = self.resonator.amplitudes(wl, temperature, path)
        return found.through, found.drop, found.add_drop


def leakage(switch: Any, bar: bool, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """Power of in1 out of the output that it should not take, over the power in; shape of `wl`."""
    matrix = switch.with_state(switch.driven(bar)).scattering(wl, temperature)
    return power(matrix.amplitude("in1", "out2" if bar else "out1"))
