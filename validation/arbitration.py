"""Wavelength arbitration: policies beside all permutations, closed forms, the least power, and searches."""

import itertools

import jax
import numpy as np
from scipy.optimize import brentq

from photonics_core.devices.arbitration import (
    POLICIES,
    RingRowSpread,
    least_shift,
    needed_range,
    tuning_distance,
)
from photonics_core.devices.arbitration_search import (
    conditional_failure_probability,
    is_served,
    relation_search,
    sequential_search,
)
from photonics_core.devices.relock import heater_sweep_time
from photonics_core.thermal_impedance import ThermalImpedance
from photonics_core.tuning import assign_lines
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

DIES = 4000
SIMULATOR = "wdmsim/wdm-simulator, docs/source/intro/params.rst, for the row and its variations"
ABSTRACT = "S. Choi, V. Stojanovic, arXiv:2411.14810 (2024), abstract"


def reference_row(count: int = 8, spacing: float = 1.12e-3, local: float = 2.24e-3) -> RingRowSpread:
    """Lines 200 GHz apart within +-25 % of that and +-15 nm together, rings within +-`local` um, FSR N spacings."""
    return RingRowSpread(count, spacing, count * spacing, None, 15e-3, 0.25 * spacing, local, 0.01, 0.1)


def _distances(count: int, dies: int) -> jax.Array:
    return tuning_distance(*reference_row(count).dies(jax.random.key(0), np.arange(dies)))


@case("arbitration.any_line", source="all permutations of 6 rings", kind="analytic", is_long=True)
@in_float64
def any_line() -> Evidence:
    """Largest difference of the range needed by 100 dies from the least over all permutations, in um."""
    distance = _distances(6, 100)
    every = np.array(list(itertools.permutations(range(6))))
    largest = np.asarray(distance)[:, np.arange(6)[None], every].max(-1).min(1)
    return Evidence(float(np.max(np.abs(np.asarray(needed_range(distance)) - largest))), 0.0, 0.0, "um")


@case("arbitration.nested", source="each policy allows what the one before does", kind="analytic", is_long=True)
@in_float64
def nested() -> Evidence:
    """Number of dies for which a policy that allows more needs more."""
    distance = _distances(8, DIES)
    fixed, cyclic, free = (np.asarray(needed_range(distance, policy)) for policy in POLICIES)
    return Evidence(float(np.sum((free > cyclic) | (cyclic > fixed))), 0.0, 0.0)


@case(
    "arbitration.offset",
    source="offset modulo FSR (deterministic) and modulo the spacing",
    kind="analytic",
    is_long=True,
)
@in_float64
def offset() -> Evidence:
    """Largest difference of the range needed under a pure offset of the grid from the closed forms, in um."""
    row, worst = RingRowSpread(8, 1.12e-3, 8.96e-3), 0.0
    dies = row.dies(jax.random.key(0), np.arange(1))
    for shift in (0.0, 0.3e-3, 5.0e-3, -2.0e-3, 14.0e-3):
        distance = tuning_distance(dies.rings, dies.lines + shift, dies.fsr)
        for policy, period in zip(POLICIES, (8.96e-3, 1.12e-3, 1.12e-3), strict=True):
            worst = max(worst, abs(float(needed_range(distance, policy)[0]) - shift % period))
    return Evidence(worst, 0.0, 1e-12, "um")


@case(
    "arbitration.least_power",
    source="photonics_core.assign_lines, assignments by Kuhn's method",
    kind="analytic",
    is_long=True,
)
@in_float64
def least_power() -> Evidence:
    """Largest relative difference of the least sum of shifts from the least total power."""
    row = RingRowSpread(6, 1.12e-3, 6.72e-3, None, 15e-3, 0.28e-3, 2.24e-3, 0.01)
    dies = row.dies(jax.random.key(1), np.arange(10))
    found, worst = np.asarray(least_shift(tuning_distance(*dies))), 0.0
    for k in range(10):
        plan = assign_lines(dies.rings[k] + 1.31, dies.lines[k] + 1.31, dies.fsr[k], 80.0, 1.0)
        worst = max(worst, abs(plan.total * 80e-6 / found[k] - 1.0))
    return Evidence(float(worst), 0.0, 1e-9)


@case(
    "arbitration.sweep_time",
    source="step and ramp response of a Foster network, integrated by the loop's own samples",
    kind="analytic",
)
@in_float64
def swept() -> Evidence:
    """Largest lag of a ring behind a sweep as long as said, over the lock range; two parts, 1 and 8 us."""
    impedance, span, lock, step = ThermalImpedance([1.0, 2.0], [1e6, 8e6]), 2e-3, 1e-4, 1e4
    left = lambda time: 1.0 - float(impedance.step_response(time)) / 3.0 - lock / span  # noqa: E731
    back = float(brentq(left, 1e6, 1e8, xtol=1.0))  # pyright: ignore[reportArgumentType]
    steps = int((heater_sweep_time(impedance, span, lock) - back) / step)
    kept, added = (np.asarray(each) for each in impedance.step_factors(step))
    part, worst = np.zeros(2), 0.0
    for command in np.linspace(0.0, span, steps, endpoint=False):
        # A command in steps is half of one behind its ramp.
        part = kept * part + added * (command + 0.5 * span / steps)
        worst = max(worst, command + span / steps - float(np.sum(part)) / 3.0)
    return Evidence(worst / lock, 1.0, 1e-3)


@case(
    "arbitration.sequential",
    source=f"searches by relations are more robust: {ABSTRACT}; {SIMULATOR}",
    kind="range",
    is_long=True,
)
@in_float64
def sequential() -> Evidence:
    """Conditional failure of sequential tuning less that of a relation search at 6.72 nm: above zero.

    Sequential tuning is asked for any line to each ring, the least that there is to ask; the search for one order.
    """
    distance = _distances(8, DIES)
    return Evidence(
        _conditional(sequential_search(distance, 6.72e-3).lines, distance, "any", 6.72e-3)
        - _conditional(relation_search(distance, 6.72e-3).lines, distance, "cyclic", 6.72e-3),
        (0.05, 1.0),
        0.0,
    )


@case(
    "arbitration.relations",
    source=f"nearly as good as full knowledge, read as 1 %: {ABSTRACT}",
    kind="range",
    is_long=True,
)
@in_float64
def relations() -> Evidence:
    """Conditional failure probability of a thorough relation search under the cyclic policy at 5.60 nm.

    Of all dies 1.6 % have no cyclic order within that range; from 6.72 nm on none fails.
    """
    distance = _distances(8, DIES)
    lines = relation_search(distance, 5.6e-3, search="thorough").lines
    return Evidence(_conditional(lines, distance, "cyclic", 5.6e-3), (0.0, 0.01), 0.0)


def _conditional(lines: jax.Array, distance: jax.Array, policy: str, tuning_range: float) -> float:
    possible = needed_range(distance, policy) <= tuning_range
    return float(conditional_failure_probability(is_served(lines, policy), possible))
