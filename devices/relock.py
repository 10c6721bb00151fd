"""Rings on their lines that a step of temperature moves, rings that are switched on beside others, and failures.

After a step the lines move by a and the cold rings by b, so each heater's shift s becomes s + a - b. Within the lock
range and the heater's range its loop follows; beyond the lock range it has to search; beyond the heater's end it goes
on by a free spectral range, s -+ FSR, if that is within the range, or all rings turn to other lines by one cyclic
shift. Every search is a sweep of a heater, one after the other, since a sweep warms the neighbours of its ring.

How long a sweep takes follows from the heater. Of a thermal impedance with parts R_p and time constants t_p the shift
lags behind a command that rises at the rate v by v sum_p (R_p / R) t_p (1 - exp(-t / t_p)), at most v t_m with the mean
time t_m = sum_p (R_p / R) t_p. If the peaks are to be found within the lock range h, a sweep over the range s takes
s t_m / h. Then the heater goes to its setting, at most s away, until sum_p (R_p / R) exp(-t / t_p) = h / s of that is
left to the loop.

Switched on one by one, the rings S that are locked hold their lines while ring k sweeps its power p from 0 to P_max:

    P_S(p) = A_SS^-1 (g_S - A_Sk p),

with the gaps g and the response A in um/mW. Heaters cannot cool, so a ring whose power would go below zero loses its
line. P_S is linear in p: the ends of the sweep decide. Whether ring k may follow depends on the set S alone, not on
the order in it, so an order that works is found, if there is one, by going through sets (2^N of them).
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from photonics_core.devices.arbitration import MOST_LINES, cyclic_distances, tuning_distance
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.thermal_impedance import FosterNetwork, ThermalImpedance

#: Distance in um between ring and line that is none.
NEAR = 1e-6
#: Part of the largest power by which rounding may leave a power outside its range.
ROUNDING = 1e-9


class Relock(NamedTuple):
    """What becomes of each ring.

    Attributes:
        action: "held", "searched", "hopped", "turned" or "dark" for each ring.
        lines: line of each ring, -1 for a dark one, shape [N].
        setting: shift by each heater in um, 0 for a dark ring, shape [N].
        sweeps: sweeps of a heater, one after the other.
    """

    action: tuple[str, ...]
    lines: np.ndarray
    setting: np.ndarray
    sweeps: int

    def time(self, sweep_time: float) -> float:
        """Time in ps until all rings have their lines, with sweeps of this many ps; see `heater_sweep_time`."""
        check_positive("sweep_time", sweep_time, "ps")
        return self.sweeps * float(sweep_time)

    def bits_lost(self, sweep_time: float, symbol_rate_gbd: float, bits: int = 1) -> float:
        """Bits not sent until then: each ring that is not held waits for its own sweep, dark ones for all of them."""
        check_positive("symbol_rate_gbd", symbol_rate_gbd)
        check_positive("bits", bits)
        waits = np.arange(1, self.sweeps + 1)
        lost = float(np.sum(waits)) + self.sweeps * self.action.count("dark")
        return lost * self.time(sweep_time) / max(self.sweeps, 1) * 1e-3 * float(symbol_rate_gbd) * bits


def heater_sweep_time(impedance: FosterNetwork, tuning_range: float, lock_range: float) -> float:
    """Time in ps in which a heater is swept over its range and set to the line, slowly enough for its loop to lock.

    An upper bound for any response of a `ThermalImpedance`, reached by the last part of a sweep much longer than its
    time constants, and by a setting at the other end. The driver and the detector count as fast.

    Args:
        impedance: a `ThermalImpedance` of the ring by its heater; its shape counts, not its size.
        tuning_range: of the heater in um.
        lock_range: the largest distance in um between ring and line that a loop follows, above 0 and below the range:
            1e-6 times those of `WavelengthLock.lock_range_pm`.

    Raises:
        ValueError: for an impedance of another kind, or numbers outside their ranges.
    """
    check_kind("impedance", impedance, ThermalImpedance)
    check_positive("tuning_range", tuning_range, "um")
    check_range("lock_range", lock_range, 0.0, float(tuning_range), "um", exclusive=True)
    times, resistance = np.asarray(impedance.time, float), np.asarray(impedance.resistance, float)
    check_positive("sum of the resistances", np.sum(resistance), "K/mW")
    shares, part = resistance / np.sum(resistance), float(lock_range) / float(tuning_range)
    last = float(np.max(times[shares > 0.0])) * math.log(1.0 / part)
    left = lambda time: float(np.sum(shares * np.exp(-time / times))) - part  # noqa: E731
    settled = brentq(left, 0.0, last * (1.0 + 1e-9), xtol=1e-12 * last)
    return float(np.sum(shares * times)) / part + float(settled)  # pyright: ignore[reportArgumentType]


def relock_row(
    rings: Any,
    lines: Any,
    fsr: Any,
    tuning_range: Any,
    plan_lines: Any,
    setting: Any,
    rings_moved: Any,
    lines_moved: Any,
    lock_range: float,
) -> Relock:
    """Follow a step of temperature: hold, search, hop by a free spectral range or turn by a cyclic shift.

    Args:
        rings, lines: wavelengths of the cold rings and of the lines before the step in um, shape [N].
        fsr: free spectral ranges in um, a number or [N].
        tuning_range: of the heaters in um, a number or [N].
        plan_lines: line of each ring before the step, shape [N].
        setting: shift by each heater before the step in um, within its range, which put each ring on its line within
            `lock_range` (and 1 pm), shape [N].
        rings_moved, lines_moved: by the step, in um, a number or [N].
        lock_range: the largest step in um, between ring and line, that a loop follows: 1e-6 times those of
            `WavelengthLock.lock_range_pm`.

    Returns:
        What becomes of the rings. All turn only where one would be dark and a cyclic shift leaves none dark.

    Raises:
        ValueError: for numbers outside their ranges, a plan that is not an order of the lines, or settings that were
            not on the lines.
    """
    check_range("lock_range", lock_range, 0.0, 1.0, "um")
    for name, value in (
        ("rings", rings),
        ("lines", lines),
        ("rings_moved", rings_moved),
        ("lines_moved", lines_moved),
    ):
        check_finite(name, value, "um")
    for name, value in (("tuning_range", tuning_range), ("fsr", fsr)):
        check_positive(name, value, "um")
    rings, lines, plan = np.asarray(rings, float), np.asarray(lines, float), np.asarray(plan_lines)
    count = rings.size
    if rings.shape != lines.shape or sorted(plan.tolist()) != list(range(count)):
        raise ValueError(f"plan_lines = {plan.tolist()} is not an order of {lines.size} lines for {count} rings")
    fsr, limit = (np.broadcast_to(np.asarray(each, float), rings.shape) for each in (fsr, tuning_range))
    check_range("setting over the tuning range", np.asarray(setting, float) / limit, 0.0, 1.0)
    away = (rings + np.asarray(setting, float) - lines[plan]) / fsr
    away = fsr * np.abs(away - np.round(away))
    check_range("distance of the setting from the line", away, 0.0, float(lock_range) + NEAR, "um")
    rings_moved, lines_moved = (
        np.broadcast_to(np.asarray(each, float), rings.shape) for each in (rings_moved, lines_moved)
    )
    step = lines_moved[plan] - rings_moved
    own = np.asarray(setting, float) + step
    hop = np.where(own < 0.0, own + fsr * np.ceil(-own / fsr), own - fsr * np.ceil((own - limit) / fsr))
    stays = (own >= 0.0) & (own <= limit)
    hops = ~stays & (hop >= 0.0) & (hop <= limit)
    if not np.all(stays | hops):
        turned = _turned(rings + rings_moved, lines + lines_moved, fsr, limit, plan)
        if turned is not None:
            return turned
    action = np.where(stays, np.where(np.abs(step) <= lock_range, "held", "searched"), np.where(hops, "hopped", "dark"))
    kept = np.where(stays, own, np.where(hops, hop, 0.0))
    searches = int(np.sum((action == "searched") | (action == "hopped")))
    return Relock(tuple(action.tolist()), np.where(action == "dark", -1, plan), kept, searches)


def _turned(rings: Any, lines: Any, fsr: Any, limit: Any, plan: np.ndarray) -> Relock | None:
    """All rings by one cyclic shift, the least largest part of the range, if there is one."""
    order = tuple(int(each) for each in plan)
    distance = np.asarray(tuning_distance(rings, lines, fsr, limit))
    part = np.asarray(cyclic_distances(distance, order)).max(-1)
    best = int(np.argmin(part))
    if part[best] > 1.0:
        return None
    chosen = (plan + best) % plan.size
    return Relock(("turned",) * plan.size, chosen, (distance * limit[:, None])[np.arange(plan.size), chosen], plan.size)


def is_power_on_order(order: Any, gap: Any, response: Any, max_power: float) -> bool:
    """Whether rings that are started in this order all keep their lines; arguments as for `power_on_order`."""
    gap, response = _heaters(gap, response, max_power)
    order = _checked_order(order, gap.size)
    return all(_may_follow(order[:k], order[k], gap, response, max_power) for k in range(gap.size))


def power_on_order(gap: Any, response: Any, max_power: float) -> tuple[int, ...] | None:
    """An order in which rings can be started one by one, each sweeping its heater, so that none loses its line.

    Args:
        gap: what each ring has to be moved to its line in um, shape [N], at most 16 rings.
        response: um/mW of ring i by heater j, shape [N, N].
        max_power: to which each heater is swept, in mW.

    Returns:
        The first such order, or None if there is none.
    """
    gap, response = _heaters(gap, response, max_power)
    count = gap.size
    before: dict[int, tuple[int, ...]] = {0: ()}
    for _ in range(count):
        reached: dict[int, tuple[int, ...]] = {}
        for members, order in before.items():
            for ring in range(count):
                after = members | 1 << ring
                if after == members or after in reached:
                    continue
                if _may_follow(list(order), ring, gap, response, max_power):
                    reached[after] = (*order, ring)
        before = reached
        if not before:
            return None
    return before[2**count - 1]


def power_on_trace(order: Any, gap: Any, response: Any, max_power: float, points: int = 30) -> np.ndarray:
    """Powers in mW while rings are started in an order, loops following at once, shape [N (points + 1), N].

    Each ring sweeps to the end and is then put on its line. Powers below zero are those that heaters cannot give.

    Raises:
        ValueError: for an order that is none, or fewer than two points.
    """
    gap, response = _heaters(gap, response, max_power)
    check_range("points", points, 2)
    rows, order = [], _checked_order(order, gap.size)
    for k, ring in enumerate(order):
        for swept in np.linspace(0.0, max_power, points):
            row = np.zeros(gap.size)
            row[order[:k]], row[ring] = _held(order[:k], ring, swept, gap, response), swept
            rows.append(row)
        row = np.zeros(gap.size)
        row[order[: k + 1]] = _held(order[: k + 1], ring, 0.0, gap, response)
        rows.append(row)
    return np.array(rows)


def served_with_spares(count: int, spares: int, failure: float) -> float:
    """Probability that at most `spares` of count + spares parts fail, independently: enough of them are left.

    Whether those left can reach the lines is another matter: `served_range` with infinite rows and columns.

    Args:
        count: parts that are needed.
        spares: parts more than these.
        failure: probability that one fails.
    """
    check_range("count", count, 1)
    check_range("spares", spares, 0)
    check_range("failure", failure, 0.0, 1.0)
    total = count + spares
    return math.fsum(math.comb(total, k) * failure**k * (1.0 - failure) ** (total - k) for k in range(spares + 1))


def _checked_order(order: Any, count: int) -> list[int]:
    order = [int(each) for each in order]
    if sorted(order) != list(range(count)):
        raise ValueError(f"order = {order} is not an order of 0 to {count - 1}")
    return order


def _held(locked: list[int], ring: int, power: float, gap: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Powers of the locked rings while another one's heater has this power."""
    return np.linalg.solve(response[np.ix_(locked, locked)], gap[locked] - response[locked, ring] * power)


def _may_follow(locked: list[int], ring: int, gap: np.ndarray, response: np.ndarray, max_power: float) -> bool:
    """Whether the locked rings hold while this one sweeps, and all hold when it is on its line."""
    held = [_held(locked, ring, power, gap, response) for power in (0.0, max_power)]
    held.append(_held([*locked, ring], ring, 0.0, gap, response))
    room = ROUNDING * max_power
    return all(bool(np.all((each >= -room) & (each <= max_power + room))) for each in held)


def _heaters(gap: Any, response: Any, max_power: float) -> tuple[np.ndarray, np.ndarray]:
    check_range("gap", gap, 0.0, 1.0, "um")
    check_finite("response", response, "um/mW")
    check_positive("max_power", max_power, "mW")
    gap, response = np.asarray(gap, float), np.asarray(response, float)
    if gap.ndim != 1 or response.shape != (gap.size, gap.size):
        raise ValueError(f"gap and response of shapes {gap.shape} and {response.shape} are not [N] and [N, N]")
    check_range("number of rings", gap.size, 1, MOST_LINES)
    check_positive("response of rings to their own heaters", np.diag(response), "um/mW")
    return gap, response
