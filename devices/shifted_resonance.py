"""A resonance that its own light moves, in the steady state: bistability by heat or by the Kerr effect.

The stored energy U shifts the resonance by `shift` U THz (below zero for heat, which lowers it), so that

    U ((1/tau)^2 + (2 pi (d - shift U))^2) = (2 / tau_e) P

with d the frequency of the laser less that of the cold resonance. In half widths this is x (1 + (D - x)^2) = y: up to
three states, of which the middle one is not stable. Three there are only if y exceeds 8 / (3 sqrt 3), that is if the
light that a cold ring would hold on resonance shifts it by more than 4 / (3 sqrt 3) of its full width; then a slow
sweep of the laser comes back another way than it went.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.devices.resonator import Resonator
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete
from photonics_core.runtime import as_leaf

#: Shift over full width, of a cold ring on resonance, from which on there can be three states.
ONSET = 4.0 / (3.0 * math.sqrt(3.0))
#: Newton steps that polish a root, and carry its derivatives, first and second.
POLISH = 3
#: Slope over its natural size, in units of sqrt(eps), below which a root counts as that of a fold.
FOLD = 16.0


class ShiftedResonance(Shown):
    """A resonator whose resonance moves with the energy in it.

    Args:
        resonator: the cold resonator.
        shift: change of the resonant frequency with the stored energy in THz/fJ.

    Raises:
        ValueError: for another device, or a shift that is not finite or zero.
    """

    resonator: Resonator
    shift: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_kind("resonator", self.resonator, Resonator)
        check_finite("shift", self.shift, "THz/fJ")
        if is_concrete(self.shift) and np.any(np.asarray(self.shift) == 0.0):
            raise ValueError("shift = 0 THz/fJ moves nothing; use the resonator itself")

    @property
    def onset_power(self) -> jax.Array:
        """Power in mW from which on a laser can find three states."""
        full = self.resonator.bandwidth
        on_resonance = jnp.abs(self.resonator.amplitude(0.0)) ** 2
        return ONSET * full / (jnp.abs(self.shift) * on_resonance)

    def energies(self, detuning: Any, power: Any) -> jax.Array:
        """Stored energy in fJ of all steady states, rising, shape [..., 3].

        Args:
            detuning: frequency of the laser less that of the cold resonance in THz.
            power: power sent in in mW; it broadcasts with `detuning`.

        Returns:
            One energy and two NaN, or three: the first and the last are stable, the one between is not. At a fold and
            at the onset derivatives are infinite; there, to some 1e-13 of the power, they are cut and given as 0.

        Raises:
            ValueError: for a power below zero.
        """
        check_finite("detuning", detuning, "THz")
        check_range("power", power, 0.0, np.inf, "mW")
        unit, offset, drive = self._reduced(detuning, power)
        found = _roots(lax.stop_gradient(offset), lax.stop_gradient(drive))
        offset, drive = offset[..., None], drive[..., None]
        # What is missing runs along as the first root, so that no derivative meets a NaN.
        roots = jnp.where(jnp.isnan(found), found[..., :1], found)
        least = FOLD * math.sqrt(float(jnp.finfo(roots.dtype).eps))
        for _ in range(POLISH):
            value = roots * (1.0 + (offset - roots) ** 2) - drive
            turn = (offset - roots) * (offset - 3.0 * roots)
            regular = jnp.abs(1.0 + turn) > least * (1.0 + jnp.abs(turn))
            roots = roots - value / jnp.where(regular, 1.0 + turn, jnp.inf)
        return jnp.sort(jnp.where(jnp.isnan(found), jnp.nan, roots / unit), axis=-1)

    def follow(self, detuning: Any, power: Any) -> jax.Array:
        """Stored energy in fJ as a laser of `power` in mW is swept slowly over detunings in THz, shape [K], in order.

        It stays on its branch as long as there is one, and jumps to the other at the fold. Where it begins among three
        states, it begins in the lowest.
        """
        states = self.energies(detuning, power)
        if states.ndim != 2:
            raise ValueError(f"detuning of shape {np.shape(detuning)} is not [K]")
        stable = jnp.stack([states[:, 0], jnp.where(jnp.isnan(states[:, 2]), states[:, 0], states[:, 2])], axis=-1)

        def step(branch: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            pair, high = now
            branch = jnp.where(pair[0] == pair[1], high, branch)
            return branch, pair[branch]

        # A single state belongs to the branch that it continues: both folds lie apart from the bend at x = 2 D / 3,
        # the end of the low branch below it, that of the high one above.
        _, offset, _ = self._reduced(detuning, power)
        high = (3.0 * self._unit() * states[:, 0] > 2.0 * offset).astype(int)
        return lax.scan(step, high[0], (stable, high))[1]

    def transmission(self, detuning: Any, energy: Any) -> jax.Array:
        """Power through / in at a detuning in THz with this energy inside in fJ."""
        return self.resonator.transmission(jnp.asarray(detuning) - self.shift * jnp.asarray(energy))

    def _unit(self) -> jax.Array:
        """Half widths by which 1 fJ moves the resonance."""
        return 2.0 * math.pi * jnp.abs(jnp.asarray(self.shift)) / self.resonator.rate

    def _reduced(self, detuning: Any, power: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Half widths to 1 fJ, and D and y in half widths."""
        unit = self._unit()
        detuning, power = jnp.broadcast_arrays(jnp.asarray(detuning, unit.dtype), jnp.asarray(power, unit.dtype))
        offset = 2.0 * math.pi * jnp.sign(jnp.asarray(self.shift)) * detuning / self.resonator.rate
        cold = 2.0 / (jnp.asarray(self.resonator.input_time) * self.resonator.rate**2)
        return unit, offset, unit * cold * power


def _roots(offset: jax.Array, drive: jax.Array) -> jax.Array:
    """Real roots of x (1 + (D - x)^2) = y, rising, NaN where there are none (Cardano; Viete for three)."""
    # With x = s + 2 D / 3: s^3 + p s + q = 0.
    p = 1.0 - offset**2 / 3.0
    q = 2.0 * offset / 3.0 * (1.0 + offset**2 / 9.0) - drive
    square = (0.5 * q) ** 2 + (p / 3.0) ** 3
    lone = jnp.cbrt(-0.5 * q + jnp.sqrt(jnp.maximum(square, 0.0)) * jnp.where(q > 0, -1.0, 1.0))
    lone = lone - p / (3.0 * jnp.where(lone == 0.0, 1.0, lone))
    size = jnp.sqrt(jnp.maximum(-p / 3.0, 0.0))
    angle = jnp.arccos(jnp.clip(-0.5 * q / jnp.where(size > 0.0, size, 1.0) ** 3, -1.0, 1.0)) / 3.0
    turns = 2.0 * math.pi / 3.0 * jnp.arange(3, dtype=offset.dtype)
    three = 2.0 * size[..., None] * jnp.cos(angle[..., None] - turns.reshape((1,) * offset.ndim + (3,)))
    missing = jnp.full_like(lone, jnp.nan)
    single = jnp.stack([lone, missing, missing], axis=-1)
    return jnp.where((square > 0.0)[..., None], single, jnp.sort(three, axis=-1)) + (2.0 * offset / 3.0)[..., None]
