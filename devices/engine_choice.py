"""Sizes an optical engine: all its discrete choices by enumeration, each at its least energy, and the front of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from photonics_core.devices.engine import heater_power
from photonics_core.devices.engine_optimum import SizedEngine, size_candidate
from photonics_core.devices.engine_point import EngineDesign, EnginePoint
from photonics_core.devices.engine_spec import EngineCandidate, EngineSpec
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.kernels.checks import check_kind

#: How the limits of `photonics_core.devices.engine_optimum.LIMITS` are missed, by the part that is missing.
_MISSES = {
    "error ratio": "the eye for the error ratio is {:.3g} % too small",
    "heater": "the heater takes {:.3g} % too much",
    "free spectral range": "the lines take {:.3g} % more than the free spectral range",
}


def size_all(
    spec: EngineSpec,
    technology: EngineTechnology | None = None,
    *,
    say: Callable[[str], None] | None = None,
) -> list[SizedEngine]:
    """All candidates that meet the limits, each at its least energy, in the order of that energy.

    Args:
        spec: targets and limits.
        technology: the devices.
        say: takes a line of report for each candidate.

    Raises:
        ValueError: for a specification of another kind, or if no candidate meets it; it says which limit binds.
    """
    check_kind("spec", spec, EngineSpec)
    technology = EngineTechnology() if technology is None else technology
    candidates = spec.candidates(technology)
    _check_heaters(candidates[0], spec, technology)
    sized = []
    for each in candidates:
        sized.append(size_candidate(each, spec, technology))
        if say is not None:
            state = f"{sized[-1].energy_pj_bit:.3f} pJ/bit" if sized[-1].is_feasible else missed(sized[-1])
            say(f"  {each!s:<38}{sized[-1].density:6.2f} Tb/s/mm  {state}")
    met = sorted((each for each in sized if each.is_feasible), key=lambda each: each.energy_pj_bit)
    if not met:
        nearest = min(sized, key=lambda each: max(each.excess.values()))
        raise ValueError(
            f"none of {len(sized)} candidates meets the limits; of the nearest, {nearest.candidate}, {missed(nearest)} "
            f"at most_line_power = {spec.most_line_power:g} mW and least_gap = {spec.least_gap:g} um"
        )
    return met


def missed(engine: SizedEngine) -> str:
    """In words, which limit an engine misses most, and by how much."""
    name, value = max(engine.excess.items(), key=lambda each: each[1])
    return _MISSES[name].format(100.0 * value)


def pareto_front(density: Any, energy: Any) -> np.ndarray:
    """Whether each point is on the front of high density and low energy, shape [N]: no other is as good in both.

    Args:
        density, energy: shapes [N]; of equal points all are on the front.
    """
    density, energy = np.asarray(density)[:, None], np.asarray(energy)[:, None]
    denser, thriftier = density.T - density, energy - energy.T
    dominates = (denser >= 0.0) & (thriftier >= 0.0) & ((denser > 0.0) | (thriftier > 0.0))
    return ~np.any(dominates, axis=1)


def front_of(engines: Sequence[SizedEngine]) -> np.ndarray:
    """`pareto_front` of sized engines, shape [N]."""
    return pareto_front([each.density for each in engines], [each.energy_pj_bit for each in engines])


def _check_heaters(candidate: EngineCandidate, spec: EngineSpec, technology: EngineTechnology) -> None:
    """A `ValueError` where no ring can be held over the temperatures."""
    point = EnginePoint.of(candidate, spec, technology, EngineDesign(radius=spec.radii[0]))
    needed = float(heater_power(point, spec.temperatures_k[0]))
    if needed > spec.most_heater_power:
        raise ValueError(
            f"temperatures_k = {spec.temperatures_k} take a heater power of {needed:.4g} mW for the smallest ring, "
            f"outside [0, {spec.most_heater_power:g}] mW of most_heater_power"
        )
