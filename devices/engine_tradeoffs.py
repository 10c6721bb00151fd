"""What an improvement of each device parameter buys an optical engine at its optimum.

With the energy E, the limits g <= 0 and their multipliers m at the optimum, the envelope theorem says that the least
energy changes with a parameter p by dE + m dg at a fixed design (any text on constrained optimisation, from memory).
What is saved can be given back for speed: at the same energy the symbol rate may grow, and with it the density, by

    d ln(density) = - dE_p / (dE / d ln(rate)),

wherever energy grows with the rate.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.engine_optimum import SizedEngine, flat_figures, size_candidate
from photonics_core.devices.engine_point import EnginePoint
from photonics_core.devices.engine_spec import EngineSpec
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.kernels.checks import check_kind, check_range

#: Which way each parameter improves.
IMPROVEMENTS = {
    "responsivity": 1,
    "density_pa": -1,
    "driver_bandwidth": 1,
    "capacitance": -1,
    "swing": -1,
    "drive_shift_pm": 1,
    "loss_db_cm": -1,
    "bend_db_cm": -1,
    "junction_db_cm": -1,
    "joint_db": -1,
    "heater_nm_mw": 1,
    "reserve_nm": -1,
    "lock_power": -1,
    "lock_error_pm": -1,
    "laser_efficiency": 1,
    "rin_db_hz": -1,
    "driver_fj_bit": -1,
    "receiver_fj_bit": -1,
    "clock_fj_bit": -1,
    "serdes_fj_bit": -1,
    "code_fj_bit": -1,
    "pitch": -1,
}
#: What they are called in tables and figures.
LABELS = {
    "responsivity": "responsivity",
    "density_pa": "amplifier noise density",
    "driver_bandwidth": "driver bandwidth",
    "capacitance": "modulator capacitance",
    "swing": "drive swing",
    "drive_shift_pm": "resonance shift by the drive",
    "loss_db_cm": "loss of straight guides",
    "bend_db_cm": "loss of bends",
    "junction_db_cm": "loss of junctions",
    "joint_db": "loss of joints",
    "heater_nm_mw": "heater efficiency",
    "reserve_nm": "reserve of heaters",
    "lock_power": "lock power",
    "lock_error_pm": "lock error",
    "laser_efficiency": "laser efficiency",
    "rin_db_hz": "laser intensity noise",
    "driver_fj_bit": "driver energy",
    "receiver_fj_bit": "receiver energy",
    "clock_fj_bit": "clock energy",
    "serdes_fj_bit": "SerDes energy",
    "code_fj_bit": "code energy",
    "pitch": "fibre pitch",
}


@dataclass(frozen=True)
class Sensitivity:
    """What an improvement of one parameter buys.

    Args:
        name: of the parameter, see `EngineTechnology`.
        change: of its value.
        energy: change of the energy in pJ per bit, to first order.
        checked: the same by optimising again with the parameter changed; NaN where that was not asked for.
        density: relative growth of the density at the same energy, first order; NaN where energy falls with the rate.
    """

    name: str
    change: float
    energy: float
    checked: float
    density: float


def improved(technology: EngineTechnology, name: str, share: float = 0.1) -> EngineTechnology:
    """A technology with one parameter better by a share of its value; intensity noise in dB/Hz by one of its power.

    Raises:
        ValueError: for a name that is none of `IMPROVEMENTS`, or a share outside [0, 0.5].
    """
    change = _change(technology, name, share)
    return dataclasses.replace(technology, **{name: float(getattr(technology, name)) + change})


def sensitivities(
    engine: SizedEngine, spec: EngineSpec, *, share: float = 0.1, is_checked: bool = True
) -> list[Sensitivity]:
    """What each improvement buys, the largest saving first.

    Args:
        engine: at its optimum.
        spec: that it was sized for.
        share: of each parameter's value by which it gets better.
        is_checked: whether to optimise again for each.

    Raises:
        ValueError: for an engine of another kind or a share outside [0, 0.5].
    """
    check_kind("engine", engine, SizedEngine)
    check_range("share", share, 0.0, 0.5)
    slopes, by_rate = jax.tree.map(float, _envelope(engine.point, jnp.asarray(engine.multipliers)))
    found = []
    for name in IMPROVEMENTS:
        change = _change(engine.point.technology, name, share)
        saved = slopes[name] * change
        checked = math.nan
        if is_checked:
            again = size_candidate(
                engine.candidate, spec, improved(engine.point.technology, name, share), start=engine.point.design
            )
            checked = again.energy_pj_bit - engine.energy_pj_bit
        faster = -saved / by_rate if by_rate > 0.0 else math.nan
        denser = 1.0 / (1.0 - share) - 1.0 if name == "pitch" else faster
        found.append(Sensitivity(name, change, saved, checked, denser))
    return sorted(found, key=lambda each: each.energy)


@jax.jit
def _envelope(point: EnginePoint, multipliers: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
    """Derivatives of the least energy by each parameter and by the logarithm of the symbol rate."""

    def lagrangian(values: dict[str, Any], log_rate: Any) -> jax.Array:
        moved = dataclasses.replace(
            point,
            technology=dataclasses.replace(point.technology, **values),
            symbol_rate_gbd=point.symbol_rate_gbd * jnp.exp(log_rate),
        )
        found = flat_figures(moved)
        return found[0] + jnp.sum(multipliers * found[1:])

    values = {name: jnp.asarray(getattr(point.technology, name)) for name in IMPROVEMENTS}
    return jax.grad(lagrangian, argnums=(0, 1))(values, jnp.zeros_like(values["pitch"]))


def _change(technology: EngineTechnology, name: str, share: float) -> float:
    if name not in IMPROVEMENTS:
        raise ValueError(f"name = {name!r} is none of {', '.join(IMPROVEMENTS)}")
    check_range("share", share, 0.0, 0.5)
    if name == "rin_db_hz":
        return float(10.0 * np.log10(1.0 - share))
    return IMPROVEMENTS[name] * share * float(getattr(technology, name))
