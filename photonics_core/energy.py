"""Energy per bit of a modulator: its driver, its share of the laser, its heater.

A power P that is there all the time costs P over the bit rate, which is the symbol rate times log2 of the number of
levels; a mW over a Gb/s is a pJ. The driver pays for edges only. All energies are in fJ per bit.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_choice, check_finite, check_positive, check_range, is_concrete
from photonics_core.signals import NRZ

#: 1 mW over 1 Gb/s in fJ.
_FJ = 1e3


class EnergyPerBit(NamedTuple):
    """What a bit costs in fJ: at the driver, at the laser's plug, and in the heater that holds the ring."""

    drive: Any
    laser: Any = 0.0
    heater: Any = 0.0

    @property
    def total(self) -> Any:
        """The sum in fJ per bit."""
        return self.drive + self.laser + self.heater


def drive_energy(capacitance: Any, swing: Any, levels: Any = NRZ) -> jax.Array:
    """Energy per bit that a driver spends on a capacitance, all sequences of symbols being equally likely.

    A step of V through a resistance turns C V^2 / 2 into heat, up or down. Its mean over all pairs of symbols is C
    times the variance of their voltages: C V^2 / 4 per bit for NRZ, and 5 C V^2 / 72 for PAM4 (D. A. B. Miller, Opt.
    Express 20, A293 (2012), for NRZ, from memory).

    Args:
        capacitance: C in fF.
        swing: voltage from level 0 to level 1, V; the two broadcast.
        levels: normalised levels, a power of two of them.

    Returns:
        Energy in fJ per bit.

    Raises:
        ValueError: for a negative capacitance, or levels whose number is not a power of two.
    """
    check_range("capacitance", capacitance, 0.0, np.inf, "fF")
    check_finite("swing", swing, "V")
    bits, levels = _bits(levels), jnp.asarray(levels, jnp.result_type(float))
    capacitance, swing = _together(capacitance, swing)
    return capacitance * swing**2 * (jnp.var(levels) / bits)


def laser_energy(power: Any, wall_plug_efficiency: Any, symbol_rate_gbd: Any, levels: Any = NRZ) -> jax.Array:
    """Energy per bit that the laser takes for the light it sends into the modulator.

    Args:
        power: power into the modulator in mW, any shape. Loss on the way from the laser lowers the efficiency.
        wall_plug_efficiency: that power over the electrical power of the laser, within (0, 1].
        symbol_rate_gbd: symbols per ns.
        levels: levels of a symbol, a power of two of them.

    Returns:
        Energy in fJ per bit.

    Raises:
        ValueError: for a negative power, an efficiency or a rate outside its range, or levels as above.
    """
    check_range("power", power, 0.0, np.inf, "mW")
    check_positive("wall_plug_efficiency", wall_plug_efficiency)
    check_range("wall_plug_efficiency", wall_plug_efficiency, 0.0, 1.0)
    power, wall_plug_efficiency = _together(power, wall_plug_efficiency)
    return _per_bit(power / wall_plug_efficiency, symbol_rate_gbd, levels)


def heater_energy(power: Any, symbol_rate_gbd: Any, levels: Any = NRZ) -> jax.Array:
    """Energy per bit of the heater that holds a ring on its wavelength.

    Args:
        power: electrical power of the heater in mW, any shape.
        symbol_rate_gbd: symbols per ns.
        levels: levels of a symbol, a power of two of them.

    Returns:
        Energy in fJ per bit.

    Raises:
        ValueError: for a negative power, a rate that is not above zero, or levels as above.
    """
    check_range("power", power, 0.0, np.inf, "mW")
    return _per_bit(power, symbol_rate_gbd, levels)


def _per_bit(power: Any, symbol_rate_gbd: Any, levels: Any) -> jax.Array:
    check_positive("symbol_rate_gbd", symbol_rate_gbd, "GBd")
    power, symbol_rate_gbd = _together(power, symbol_rate_gbd)
    return _FJ * power / (symbol_rate_gbd * _bits(levels))


def _together(*values: Any) -> list[jax.Array]:
    """Numbers, lists or arrays as arrays of one shape."""
    return jnp.broadcast_arrays(*(jnp.asarray(each, jnp.result_type(float)) for each in values))


def _bits(levels: Any) -> float:
    """Bits of a symbol."""
    count = np.size(levels) if is_concrete(levels) else levels.size
    check_choice("number of levels", count, [2, 4, 8, 16])
    return math.log2(count)
