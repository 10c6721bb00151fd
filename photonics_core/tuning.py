"""Heater powers that put a row of rings on laser lines, and which ring should go to which line.

Rings are heated only, so a ring at wl_i goes to a line at wl_j by s = wl_j - wl_i + k FSR_i >= 0 with a whole number
k. (Resonances are taken as equally spaced; the next one below is nearer by FSR^2 / wl, 62 pm for 9 nm at 1.31 um.) With
D the drifts and R the thermal coupling in K/mW,

    s = D R P = A P,    sum P = w . s,    w = A^-T 1.

Without crosstalk the least k is best, and the least sum is an assignment problem (Kuhn's). With crosstalk sum P is
still a sum of one cost for each ring, but no power may be below zero or above the heater's range, which ties the
rings together: then assignments are gone through in the order of their cost until one fits (after Murty, Oper. Res.
16, 682 (1968)), which is exact too. Lines and rings need not be as many: spare lines stay dark, and of spare rings
the best set is taken.

Cyclic shifts (ring i to line i + m), which hardware does more easily, are `barrel_shifts`; m = 0 is the naive
assignment.
"""

import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_finite, check_positive, check_range, check_wavelength, is_concrete
from photonics_core.ring_assignment import PM, ROUNDING, ULPS, Row, cheapest, unserved

#: Sets of rings that are gone through where there are spare ones.
MOST_SETS = 500


class TuningPlan(NamedTuple):
    """Which ring goes to which line, and at what power.

    Attributes:
        lines: number of the line of each ring, -1 for a spare ring, shape [N].
        orders: k of each ring, shape [N]; 0 for a spare one.
        power: heater powers in mW, shape [N]; 0 for a spare ring.
        is_feasible: whether every line, or every ring if these are fewer, is served within the heaters' range.
        floor: total power in mW below which there is no assignment: the plan's own where it is known to be the best,
            less where the search gave up, infinite where none is feasible.
        unserved: rings that cannot be served: those for which no line is left where lines are too far away, or those
            whose power would be outside the range in the cheapest assignment without limits. Empty if feasible.
    """

    lines: np.ndarray
    orders: np.ndarray
    power: np.ndarray
    is_feasible: bool
    floor: float
    unserved: tuple[int, ...]

    @property
    def total(self) -> float:
        """Total power in mW; infinite where there is no plan."""
        return float(np.sum(self.power)) if self.is_feasible else math.inf

    @property
    def is_optimal(self) -> bool:
        """Whether it is known that no other assignment has a lower total power, or that none is feasible."""
        return (
            self.total <= self.floor + 2.0 * ROUNDING * abs(self.total) if self.is_feasible else math.isinf(self.floor)
        )


def tuning_power(
    rings: Any, lines: Any, fsr: Any, drift_pm_k: Any, coupling: Any, plan_lines: Any = None, plan_orders: Any = None
) -> jax.Array:
    """Heater powers in mW for a given assignment, differentiable in all positions, drifts and couplings.

    Where the best assignment stays the same this is its gradient; where it changes, the least total power has a bend
    and powers jump.

    Args:
        rings: wavelengths of the cold rings in um, shape [N].
        lines: wavelengths of the lines in um, shape [M].
        fsr: free spectral ranges in um, a number or shape [N].
        drift_pm_k: drifts in pm/K, a number or shape [N].
        coupling: rise of ring i by heater j in K/mW, shape [N, N]; or [N] or a number without crosstalk.
        plan_lines: line of each ring, whole numbers of shape [N], -1 for a spare ring, whose heater is off; None for
            ring i to line i.
        plan_orders: free spectral ranges that each ring goes besides, whole numbers of shape [N]; None for the least.

    Returns:
        Powers, shape [N], below zero where a ring would have to be cooled.

    Raises:
        ValueError: for shapes that do not go together, two rings on one line, or a coupling that cannot be inverted.
    """
    rings, lines, fsr, response = _numbers(rings, lines, fsr, drift_pm_k, coupling)
    count = rings.shape[0]
    chosen = np.arange(count) if plan_lines is None else _whole_numbers("plan_lines", plan_lines, count)
    check_range("plan_lines", chosen, -1, lines.shape[0] - 1)
    used = np.flatnonzero(chosen >= 0)
    if np.unique(chosen[used]).size < used.size:
        raise ValueError(f"plan_lines = {chosen.tolist()} has two rings on one line")
    gap = lines[chosen[used]] - rings[used]
    if plan_orders is None:
        # A ring that is red of its line by no more than rounding is on it.
        slack = ULPS * float(jnp.finfo(gap.dtype).eps) * lines[chosen[used]]
        orders = jnp.ceil(jax.lax.stop_gradient(-(gap + slack) / fsr[used]))
    else:
        orders = jnp.asarray(_whole_numbers("plan_orders", plan_orders, count)[used], gap.dtype)
    power = jnp.linalg.solve(response[used][:, used], gap + orders * fsr[used])
    return jnp.zeros_like(rings).at[used].set(power)


def barrel_shifts(
    rings: Any, lines: Any, fsr: Any, drift_pm_k: Any, coupling: Any, max_power: Any = math.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Powers of all cyclic shifts, ring i to line (i + m) mod N, each ring by the least shift to the red.

    Arguments as for `tuning_power`, of as many lines as rings; `max_power` is the heaters' range in mW, a number or
    [N].

    Returns:
        Powers in mW, shape [shift m, ring], and which shifts are within the range of all heaters, shape [m].

    Raises:
        ValueError: for shapes that do not go together, or a coupling that cannot be inverted.
    """
    row = _row(rings, lines, fsr, drift_pm_k, coupling, max_power)
    everyone = np.arange(row.rings.size)
    if row.rings.size != row.lines.size:
        raise ValueError(f"{row.rings.size} rings and {row.lines.size} lines are not as many")
    turns = [(everyone + m) % everyone.size for m in everyone]
    power = np.stack([row.power(everyone, each, row.least[everyone, each]) for each in turns])
    return power, np.array([row.fits(everyone, each) for each in power])


def assign_lines(
    rings: Any, lines: Any, fsr: Any, drift_pm_k: Any, coupling: Any, max_power: Any = math.inf
) -> TuningPlan:
    """The assignment of least total power: every line is served, or every ring if these are fewer.

    Arguments as for `tuning_power`, plain numbers; `max_power` is the heaters' range in mW, a number or shape [N].

    Returns:
        The plan. A row that cannot be served is no error: the plan says so, and which rings stay behind. Up to some
        16 rings it is the best there is; of more, with much crosstalk, `floor` says how much better one might be.

    Raises:
        ValueError: for shapes that do not go together, a coupling that cannot be inverted, or more than 500 sets of
            spare rings.
    """
    row = _row(rings, lines, fsr, drift_pm_k, coupling, max_power)
    count, served = row.rings.size, min(row.rings.size, row.lines.size)
    sets = math.comb(count, served)
    if sets > MOST_SETS:
        raise ValueError(f"{count} rings for {served} lines leave {sets} sets, more than {MOST_SETS}")
    best, floor = None, math.inf
    for chosen in itertools.combinations(range(count), served):
        best, least = cheapest(row, np.array(chosen), best)
        floor = min(floor, least)
    lines, orders, power = np.full(count, -1), np.zeros(count, int), np.zeros(count)
    if best is None:
        return TuningPlan(lines, orders, power, False, floor, unserved(row))
    lines[best.rings], orders[best.rings], power[best.rings] = best.lines, best.orders, best.power
    return TuningPlan(lines, orders, power, True, floor, ())


def _row(rings: Any, lines: Any, fsr: Any, drift_pm_k: Any, coupling: Any, max_power: Any) -> Row:
    """The row as plain numbers, checked."""
    if not is_concrete(rings, lines, fsr, drift_pm_k, coupling, max_power):
        raise ValueError("an assignment is chosen for plain numbers; differentiate tuning_power with the one chosen")
    slack = _rounding(rings, lines)
    rings, lines, fsr, response = _numbers(rings, lines, fsr, drift_pm_k, coupling, host=True)
    limit = np.asarray(max_power, float)
    if limit.shape not in ((), rings.shape) or not np.all(limit > 0.0):
        raise ValueError(f"max_power = {max_power!r} mW is not above zero, a number or one for each ring")
    return Row(rings, lines, fsr, response, np.broadcast_to(limit, rings.shape), slack)


def _rounding(rings: Any, lines: Any) -> float:
    """What rounding may have done to wavelengths in um, in the coarser type of the two."""
    types = [np.asarray(each).dtype for each in (rings, lines)]
    eps = max(float(np.finfo(each if each.kind == "f" else np.float64).eps) for each in types)
    return ULPS * eps * float(np.max(np.asarray(lines, float), initial=0.0))


def _whole_numbers(name: str, values: Any, count: int) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(f"{name} of shape {array.shape} is not one whole number for each of {count} rings")
    return array


def _numbers(
    rings: Any, lines: Any, fsr: Any, drift_pm_k: Any, coupling: Any, *, host: bool = False
) -> tuple[Any, Any, Any, Any]:
    """Positions, free spectral ranges of shape [N] and the response in um/mW of shape [N, N], checked."""
    named = {"rings": rings, "lines": lines, "fsr": fsr, "drift_pm_k": drift_pm_k, "coupling": coupling}
    for name, value in named.items():
        check_finite(name, value)
    # Nanometres given for micrometres end up here.
    for name in ("rings", "lines"):
        check_wavelength(name, named[name])
    check_range("fsr", fsr, 0.0, 1.0, "um", exclusive=True)
    check_positive("drift_pm_k", drift_pm_k, "pm/K")
    check_range("coupling", coupling, 0.0, np.inf, "K/mW")
    xp: Any = np if host else jnp
    dtype = np.float64 if host else jnp.result_type(float)
    rings, lines, fsr, drift, coupling = (xp.asarray(each, dtype) for each in named.values())
    if rings.ndim != 1 or lines.ndim != 1 or rings.size == 0 or lines.size == 0:
        raise ValueError(f"rings and lines of shapes {rings.shape} and {lines.shape} are not [N] and [M]")
    for name, value in (("fsr", fsr), ("drift_pm_k", drift)):
        if value.shape not in ((), rings.shape):
            raise ValueError(f"{name} of shape {value.shape} is not a number or one for each of {rings.size} rings")
    if coupling.shape not in ((), rings.shape, (rings.size, rings.size)):
        raise ValueError(f"coupling of shape {coupling.shape} is not [N, N], [N] or a number for {rings.size} rings")
    fsr, drift = (xp.broadcast_to(each, rings.shape) for each in (fsr, drift))
    if coupling.ndim < 2:
        coupling = xp.diag(xp.broadcast_to(coupling, rings.shape))
    if is_concrete(coupling):
        check_positive("coupling of rings to their own heaters", np.diag(np.asarray(coupling)), "K/mW")
        _check_inverse(np.asarray(coupling))
    return rings, lines, fsr, PM * drift[:, None] * coupling


def _check_inverse(coupling: np.ndarray) -> None:
    """Heaters that do the same to all rings cannot be told apart."""
    condition = float(np.linalg.cond(coupling.astype(float)))
    if not condition < 1e12:
        raise ValueError(f"coupling has a condition number of {condition:.2g}: its heaters cannot be told apart")
