"""Thermal impedance of a device: how its temperature follows the heat put into it.

A Foster network is a chain of P resistances, each with a capacitance beside it. With heat q in mW the temperature rise
is T = T_1 + ... + T_P, each part by itself with its own time constant:

    dT_p/dt = (R_p q - T_p) / t_p,    Z(t) = sum R_p (1 - exp(-t / t_p)),    Z(f) = sum R_p / (1 - 2 pi i f t_p)

in the time convention exp(-2 pi i f t). The parts are no temperatures of places: only their sum means something. One
part is Newton's law of cooling, which planar devices are known not to follow (Borghi et al., Opt. Express 29, 4363
(2021), by its abstract); several follow any step response of passive heat flow to the place that is heated itself.

Heat that comes from elsewhere is late. By the eigenfunctions of heat flow, parts of a step response are products of one
value at the source and one at the place that is looked at, so that resistances of both signs occur, and only their sum
is above zero: a `TransferImpedance`. Where the two places are one the products are squares: a `ThermalImpedance`.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf

#: Heat capacity of silicon in fJ / (um^3 K), 2.33 g/cm^3 times 0.7145 J/(g K): both as de Cea, Atabaki and Ram,
#: Opt. Express 27, 24274 (2019) have them in their public program.
SILICON_HEAT_CAPACITY = 2.33 * 0.7145 * 1e3


class FosterNetwork(Shown):
    """What both kinds of network have: P resistances in K/mW and as many time constants in ps."""

    resistance: eqx.AbstractVar[Any]
    time: eqx.AbstractVar[Any]

    @property
    def total(self) -> jax.Array:
        """Temperature over heat in the steady state in K/mW."""
        return jnp.sum(jnp.asarray(self.resistance), axis=-1)

    def step_response(self, time: Any) -> jax.Array:
        """Temperature in K per mW of heat a `time` in ps after it was turned on; zero before."""
        check_finite("time", time, "ps")
        resistance, own = jnp.asarray(self.resistance), jnp.asarray(self.time)
        after = jnp.maximum(jnp.asarray(time, resistance.dtype), 0.0)
        return sum(-resistance[k] * jnp.expm1(-after / own[k]) for k in range(own.size))  # pyright: ignore[reportReturnType]

    def impedance(self, frequency: Any) -> jax.Array:
        """Z in K/mW, complex, at a frequency in THz."""
        check_finite("frequency", frequency, "THz")
        resistance, own = jnp.asarray(self.resistance), jnp.asarray(self.time)
        turn = -2.0 * math.pi * jnp.asarray(frequency, resistance.dtype)

        def part(resistance: jax.Array, time: jax.Array) -> jax.Array:
            below = jax.lax.complex(jnp.ones_like(turn), turn * time)
            return resistance.astype(below.dtype) / below

        return sum(part(resistance[k], own[k]) for k in range(own.size))  # pyright: ignore[reportReturnType]

    def step_factors(self, step: Any) -> tuple[jax.Array, jax.Array]:
        """What is left of each part after a step in ps, and what 1 mW over it adds in K, both of shape [P].

        T_p <- E_p T_p + (1 - E_p) R_p q with E_p = exp(-h / t_p), exact for a power q that is held over the step h.
        """
        check_positive("step", step, "ps")
        resistance = jnp.asarray(self.resistance, jnp.result_type(float))
        ratio = jnp.asarray(step, resistance.dtype) / jnp.asarray(self.time, resistance.dtype)
        return jnp.exp(-ratio), -resistance * jnp.expm1(-ratio)

    def _check_parts(self) -> None:
        check_positive("time", self.time, "ps")
        if np.ndim(self.resistance) < 1 or np.shape(self.resistance) != np.shape(self.time):
            shapes = f"{np.shape(self.resistance)} and {np.shape(self.time)}"
            raise ValueError(f"resistance and time of shapes {shapes} are not both [P]")


class ThermalImpedance(FosterNetwork):
    """A Foster network of P parts, of a place that is heated itself.

    Args:
        resistance: R in K/mW, shape [P], or a number for one part.
        time: time constants in ps, shape [P].

    Raises:
        ValueError: for shapes other than [P], a resistance below zero, or a time that is not above zero.
    """

    resistance: Any = eqx.field(converter=lambda value: _as_parts(value))
    time: Any = eqx.field(converter=lambda value: _as_parts(value))

    def __check_init__(self) -> None:
        check_range("resistance", self.resistance, 0.0, np.inf, "K/mW")
        self._check_parts()

    @classmethod
    def of_core(
        cls, time: Any, volume: Any, heat_capacity: Any = SILICON_HEAT_CAPACITY, share: Any = 1.0
    ) -> "ThermalImpedance":
        """One part: a core that cools with a time constant in ps, R = share time / (heat_capacity volume).

        Args:
            time: time constant in ps.
            volume: volume of the core in um^3.
            heat_capacity: in fJ / (um^3 K).
            share: part of the heat that stays in the core, as papers write it.

        Raises:
            ValueError: for a value that is not above zero.
        """
        for name, value, unit in (("volume", volume, "um^3"), ("heat_capacity", heat_capacity, "fJ/(um^3 K)")):
            check_positive(name, value, unit)
        check_range("share", share, 0.0, 1.0)
        check_positive("time", time, "ps")
        return cls(_quotient(share, time, heat_capacity, volume), time)


class TransferImpedance(FosterNetwork):
    """P parts of both signs: a place that is heated from elsewhere, which starts late.

    Args:
        resistance: R in K/mW, shape [P], above zero together.
        time: time constants in ps, shape [P].

    Raises:
        ValueError: for shapes other than [P], a sum of the resistances or a time that is not above zero.
    """

    resistance: Any = eqx.field(converter=lambda value: _as_parts(value))
    time: Any = eqx.field(converter=lambda value: _as_parts(value))

    def __check_init__(self) -> None:
        check_finite("resistance", self.resistance, "K/mW")
        self._check_parts()
        if is_concrete(self.resistance):
            check_positive("sum of the resistances", np.sum(np.asarray(self.resistance), axis=-1), "K/mW")

    @property
    def first_slope(self) -> jax.Array:
        """Slope of the step response at its beginning in K/(mW ps), the sum of R_p / t_p; 0 of heat that is late."""
        return jnp.sum(jnp.asarray(self.resistance) / jnp.asarray(self.time), axis=-1)


def _quotient(share: Any, time: Any, heat_capacity: Any, volume: Any) -> Any:
    """share time / (heat_capacity volume); numbers stay on the host, in float64."""
    whole = tuple(map(as_leaf, (share, time, heat_capacity, volume)))
    if any(isinstance(each, jax.Array) for each in whole):
        share, time, heat_capacity, volume = (jnp.asarray(each, jnp.result_type(float)) for each in whole)
        return share * time / (heat_capacity * volume)
    return whole[0] * whole[1] / (whole[2] * whole[3])


def _as_parts(value: Any) -> Any:
    """A number is one part."""
    leaf = as_leaf(value)
    return leaf[None] if isinstance(leaf, np.ndarray | jax.Array) and leaf.ndim == 0 else leaf
