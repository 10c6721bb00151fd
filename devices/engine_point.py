"""One candidate of an optical engine with its design and all numbers that its figures depend on."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.engine_spec import CODES, EngineCandidate, EngineSpec
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.display import Shown
from photonics_core.kernels.gaussian_tail import inverse_log_gaussian_tail
from photonics_core.runtime import as_leaf

#: Temperatures at which an engine is looked at.
TEMPERATURES = 3


class EngineDesign(Shown):
    """The continuous choices.

    Args:
        radius: of all rings in um.
        input_gap, drop_gap: of the modulators' couplers in um.
        filter_gap: of both couplers of the filters in um.
        detuning: of the modulators' resonance in state "0" above the line in um.
        line_power: of a line out of its laser for one fibre in mW.
    """

    radius: Any = eqx.field(converter=as_leaf, default=5.0)
    input_gap: Any = eqx.field(converter=as_leaf, default=0.15)
    drop_gap: Any = eqx.field(converter=as_leaf, default=0.22)
    filter_gap: Any = eqx.field(converter=as_leaf, default=0.14)
    detuning: Any = eqx.field(converter=as_leaf, default=4e-5)
    line_power: Any = eqx.field(converter=as_leaf, default=4.0)


class EnginePoint(Shown):
    """A candidate with its design and all numbers that its figures depend on; `of` makes one.

    Attributes:
        design, technology: see there.
        channels, spacing_ghz, symbol_rate_gbd, overhead, has_code: of the candidate, as numbers.
        required_q: least q_m.
        temperatures, laser_temperatures: in K, shape [T], ascending.
        most_heater_power: in mW.
        margin_db: by which the light at the detectors is taken to be weaker, in dB.
        levels: of a symbol.
    """

    design: EngineDesign
    technology: EngineTechnology
    channels: Any = eqx.field(converter=as_leaf)
    spacing_ghz: Any = eqx.field(converter=as_leaf)
    symbol_rate_gbd: Any = eqx.field(converter=as_leaf)
    overhead: Any = eqx.field(converter=as_leaf)
    has_code: Any = eqx.field(converter=as_leaf)
    required_q: Any = eqx.field(converter=as_leaf)
    temperatures: Any = eqx.field(converter=as_leaf)
    laser_temperatures: Any = eqx.field(converter=as_leaf)
    most_heater_power: Any = eqx.field(converter=as_leaf)
    margin_db: Any = eqx.field(converter=as_leaf)
    levels: int = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        candidate: EngineCandidate,
        spec: EngineSpec,
        technology: EngineTechnology | None = None,
        design: EngineDesign | None = None,
    ) -> "EnginePoint":
        """The point of a candidate; without a design that of `EngineDesign`."""
        return cls(
            EngineDesign() if design is None else design,
            EngineTechnology() if technology is None else technology,
            float(candidate.channels),
            candidate.spacing_ghz,
            candidate.symbol_rate_gbd,
            candidate.overhead,
            0.0 if candidate.code == "none" else 1.0,
            required_eye(candidate, spec.log10_target),
            np.linspace(*spec.temperatures_k, TEMPERATURES),
            np.linspace(*spec.laser_temperatures_k, TEMPERATURES),
            spec.most_heater_power,
            spec.margin_db,
            candidate.levels,
        )


def required_eye(candidate: EngineCandidate, log10_target: float) -> float:
    """Least q_m of a candidate for a target of the error ratio, behind its code if it has one."""
    code = CODES[candidate.code]
    before = log10_target if code is None else float(code.threshold(log10_target))
    weight = log_error_weight(candidate.levels, candidate.levels - 1)
    return float(inverse_log_gaussian_tail(jnp.asarray(math.log(10.0) * before - weight)))


def log_error_weight(levels: int, eyes: int = 1) -> float:
    """Logarithm of 2 / (M log2 M), times the number of eyes that are alike: bit errors for each crossing of a level."""
    return math.log(2.0 * eyes / (levels * math.log2(levels)))
