"""Phase shifters of switches: the phase, loss and power of a drive, and how fast it settles.

A drive is one number, the state: the phase that it adds at the wavelength `wl0`, in half turns. It is continuous, so
that a gradient tunes it.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.thermal_impedance import ThermalImpedance

#: By how much the sum of shares may miss one.
SHARE_ROUNDING = 1e-5


class PhaseShifter(Shown):
    """What a drive does in a guide: phase, loss, power, and how fast.

    A heater adds an index that hardly depends on wavelength, a phase as 1 / wl. Free carriers add one as wl^2 (Drude),
    a phase as wl, and absorb.

    Args:
        power_pi: electrical power in mW that gives half a turn.
        time_constants: of the step response in ps, a number or those of a Foster network, shape [P].
        shares: parts of the response that go with them, shape [P], none below zero (which would overshoot), their sum
            one; None for one time constant.
        loss_db: loss in dB of the guide at half a turn, in proportion to the phase.
        exponent: the phase goes as wl to this power: -1 for a heater, 1 for carriers.
        wl0: wavelength in um where a state of 1 is half a turn.

    Raises:
        ValueError: for a value outside its range, or shares that do not go with the time constants.
    """

    power_pi: Any = eqx.field(converter=as_leaf)
    time_constants: Any = eqx.field(converter=as_leaf)
    shares: Any = eqx.field(converter=as_leaf, default=None)
    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    exponent: float = eqx.field(static=True, default=-1.0)
    wl0: float = eqx.field(static=True, default=1.55)

    def __check_init__(self) -> None:
        check_range("power_pi", self.power_pi, 0.0, np.inf, "mW")
        check_positive("time_constants", self.time_constants, "ps")
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_range("exponent", self.exponent, -4.0, 4.0)
        check_positive("wl0", self.wl0, "um")
        if self.shares is not None:
            check_range("shares", self.shares, 0.0, 1.0 + SHARE_ROUNDING)
            if np.shape(self.shares) != np.shape(self.time_constants):
                raise ValueError(
                    f"shares of shape {np.shape(self.shares)} does not go with time_constants of shape "
                    f"{np.shape(self.time_constants)}"
                )
            if is_concrete(self.shares):
                total = np.sum(np.asarray(self.shares), axis=-1)
                check_range("sum of the shares", total, 1.0 - SHARE_ROUNDING, 1.0 + SHARE_ROUNDING)
        elif np.ndim(self.time_constants):
            raise ValueError("shares = None is not what several time_constants take")

    @classmethod
    def heater(cls, power_pi: Any, response: Any, wl0: float = 1.55) -> "PhaseShifter":
        """A heater of `power_pi` in mW; `response` is a time constant in ps or a `ThermalImpedance` (`foster_fit`)."""
        if isinstance(response, ThermalImpedance):
            return cls(power_pi, response.time, response.resistance / np.sum(response.resistance), wl0=wl0)
        return cls(power_pi, response, wl0=wl0)

    @classmethod
    def carriers(cls, power_pi: Any, time_constant: Any, loss_db: Any, wl0: float = 1.55) -> "PhaseShifter":
        """Injected or depleted carriers, which absorb `loss_db` at half a turn."""
        return cls(power_pi, time_constant, None, loss_db, 1.0, wl0)

    def turns(self, state: Any, wl: Any) -> jax.Array:
        """Phase in turns for a state, at `wl` in um."""
        return 0.5 * jnp.asarray(state) * (wl / self.wl0) ** self.exponent

    def loss_exponent(self, state: Any) -> jax.Array:
        """Field loss exponent for a state."""
        return jnp.asarray(self.loss_db * (math.log(10.0) / 20.0)) * jnp.abs(jnp.asarray(state))

    def power(self, state: Any) -> jax.Array:
        """Electrical power in mW that holds a state."""
        return jnp.asarray(self.power_pi) * jnp.abs(jnp.asarray(state))

    def settling_time(self, tolerance: float = 0.01) -> jax.Array:
        """Time in ps after a step until the phase is within `tolerance` of the step from its end.

        Of several time constants the time is found by bisection.

        Raises:
            ValueError: for a tolerance outside (0, 1).
        """
        check_range("tolerance", tolerance, 0.0, 1.0, exclusive=True)
        if self.shares is None:
            return jnp.asarray(self.time_constants) * math.log(1.0 / tolerance)
        times, shares = jnp.asarray(self.time_constants), jnp.asarray(self.shares)

        def rest(time: jax.Array) -> jax.Array:
            return jnp.sum(shares * jnp.exp(-time / times)) - tolerance

        top = jnp.max(times) * math.log(1.0 / tolerance)

        def half(_: Any, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            middle = 0.5 * (ends[0] + ends[1])
            later = rest(middle) > 0.0
            return jnp.where(later, middle, ends[0]), jnp.where(later, ends[1], middle)

        found = jax.lax.stop_gradient(jax.lax.fori_loop(0, 60, half, (jnp.zeros_like(top), top))[1])
        # One step of Newton changes nothing, and has the derivative of the root.
        return found - rest(found) / jax.lax.stop_gradient(jax.grad(rest)(found))
