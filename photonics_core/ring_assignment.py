"""The cheapest way to put a row of rings on lines, with heaters that only heat, have a range and warm their neighbours.

See `photonics_core.tuning` for the equations. Costs are sums over rings, so one assignment problem gives a lower
bound, and the answer where its powers fit. Otherwise assignments are gone through in the order of their cost (after
Murty, Oper. Res. 16, 682 (1968)): a node of the search is a set of assignments with its best; where that does not
fit, the node is split by its rings, the first so many kept as they are and the next one barred from what it had,
beginning with the ring furthest out of range. Options that no choice of the other rings can make fit are left out on
the way.
"""

import heapq
import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

#: pm in um.
PM = 1e-6
#: Nodes times rings that are looked at before the search gives up and says so.
MOST = 32000
#: Free spectral ranges beyond the least that a ring may go.
MORE_ORDERS = 3
#: Shifts of the best assignment without limits from which small changes are tried.
SHIFTS = 8
#: Powers outside their range by less than this part of the largest are rounding.
ROUNDING = 1e-9
#: Roundings of a wavelength by which a ring may be red of a line and still count as on it.
ULPS = 8.0


class Found(NamedTuple):
    """An assignment of some rings: its total power, and the line, the order and the power in mW of each."""

    cost: float
    rings: np.ndarray
    lines: np.ndarray
    orders: np.ndarray
    power: np.ndarray


class Row:
    """Rings, lines and heaters as plain numbers.

    Args:
        rings, lines: wavelengths in um, shapes [N] and [M].
        fsr: free spectral ranges in um, shape [N].
        response: um/mW of ring i by heater j, shape [N, N].
        limit: ranges of the heaters in mW, shape [N].
        slack: how far in um a ring may be red of a line and still count as on it.
    """

    def __init__(
        self,
        rings: np.ndarray,
        lines: np.ndarray,
        fsr: np.ndarray,
        response: np.ndarray,
        limit: np.ndarray,
        slack: float,
    ):
        self.rings: np.ndarray = rings
        self.lines: np.ndarray = lines
        self.fsr: np.ndarray = fsr
        self.response: np.ndarray = response
        self.limit: np.ndarray = limit
        self.slack = slack
        gap = lines[None] - rings[:, None]
        # A ring that is on a line already, but for rounding, stays there.
        self.least: np.ndarray = np.ceil(-(gap + slack) / fsr[:, None]).astype(int)
        self.shift: np.ndarray = np.maximum(gap + self.least * fsr[:, None], 0.0)

    def power(self, chosen: np.ndarray, places: np.ndarray, orders: np.ndarray) -> np.ndarray:
        """Powers in mW of the chosen rings, the others' heaters off."""
        gap = self.lines[places] - self.rings[chosen] + orders * self.fsr[chosen]
        return np.linalg.solve(self.response[np.ix_(chosen, chosen)], gap)

    def fits(self, chosen: np.ndarray, power: np.ndarray) -> bool:
        """Whether no power is below zero or above the heaters' range."""
        # Where all rings are on their lines, powers are nothing but rounding.
        room = ROUNDING * float(np.max(np.abs(power))) + self.room(chosen)
        return bool(np.all(power >= -room) and np.all(power <= self.limit[chosen] + room))

    def room(self, chosen: np.ndarray) -> np.ndarray:
        """Power in mW of some roundings of a wavelength."""
        return 4.0 * self.slack / np.diag(self.response)[chosen]

    def reach(self, chosen: np.ndarray) -> np.ndarray:
        """How far all heaters at the end of their range move the chosen rings, in um; infinite without a range."""
        limit = self.limit[chosen]
        part = self.response[np.ix_(chosen, chosen)] * np.where(np.isfinite(limit), limit, 0.0)
        return np.where(np.all(np.isfinite(limit)), np.sum(part, axis=1) * (1.0 + ROUNDING), np.inf)

    def found(self, chosen: np.ndarray, places: np.ndarray, orders: np.ndarray) -> Found | None:
        """This assignment, if it fits."""
        power = self.power(chosen, places, orders)
        if not self.fits(chosen, power):
            return None
        power = np.maximum(power, 0.0)
        return Found(float(np.sum(power)), chosen, places, orders, power)


def cheapest(row: Row, chosen: np.ndarray, known: Found | None = None) -> tuple[Found | None, float]:
    """The cheapest assignment of the chosen rings, no more than there are lines, or a cheaper one that is known.

    Returns:
        It, or None where none was found, and a power in mW below which there is none: infinite where there is none at
        all, its own where it is the cheapest.
    """
    search = _Search(row, chosen)
    start = search.solved((), frozenset())
    if start is None:
        return known, search.floor(None)
    best = _better(known, row.found(chosen, *start[1:]))
    if best is not known:
        return best, search.floor(best)
    for guess in _guesses(row, search, chosen, start[1]):
        best = _better(best, guess)
    queue: list[Any] = [(start[0], 0, start[1], start[2], (), frozenset())]
    number = itertools.count(1)
    for _ in range(MOST // chosen.size):
        if not queue or (best is not None and queue[0][0] >= best.cost * (1.0 - ROUNDING)):
            return best, search.floor(best)
        _, _, places, orders, fixed, barred = heapq.heappop(queue)
        best = _better(best, row.found(chosen, places, orders))
        for ring in search.worst_first(places, orders, fixed):
            here = (ring, int(places[ring]), int(orders[ring]))
            part = search.solved(fixed, barred | {here})
            if part is not None and (best is None or part[0] < best.cost):
                heapq.heappush(queue, (part[0], next(number), *part[1:], fixed, barred | {here}))
            fixed = (*fixed, here)
    return best, queue[0][0] if queue and search.is_exact else search.floor(best)


class _Search:
    """Costs of the chosen rings, and the best assignment of a part of the search."""

    def __init__(self, row: Row, chosen: np.ndarray):
        self.inverse = np.linalg.inv(row.response[np.ix_(chosen, chosen)])
        self.weights = np.sum(self.inverse, axis=0)
        # Where neighbours warm a ring more than its own heater does, a higher order could cost less.
        self.is_exact = bool(np.all(self.weights > 0.0))
        self.least, self.shift, self.fsr = row.least[chosen], row.shift[chosen], row.fsr[chosen][:, None]
        self.limit, reach = row.limit[chosen], row.reach(chosen)[:, None]
        self.top = np.minimum(self.shift + MORE_ORDERS * self.fsr, reach)
        self.own, self.room = np.diag(self.inverse)[:, None], row.room(chosen)[:, None]
        self.others = self.inverse - np.diag(np.diag(self.inverse))

    def floor(self, best: Found | None) -> float:
        """A power below which there is no assignment, once all that could cost less than the best have been seen."""
        if not self.is_exact:
            return 0.0
        return math.inf if best is None else best.cost

    def solved(self, fixed: tuple, barred: frozenset) -> Any:
        """Cost, lines and orders of the best assignment with what is fixed and without what is barred; None for none.

        What cannot fit, whatever the other rings do, is left out: an option that is too cold goes an order further.
        """
        more, free = np.zeros(self.shift.shape, int), np.ones(self.shift.shape, bool)
        for i, j, _ in fixed:
            free[i], free[:, j] = False, False
        held, cold, shift = [i for i, _, _ in fixed], ~free, self.shift
        for i, j, k in fixed:
            free[i, j], more[i, j] = True, k - self.least[i, j]
        for _ in range(MORE_ORDERS + 1):
            for i, j, k in sorted(barred):
                more[i, j] += self.least[i, j] + more[i, j] == k and i not in held
            shift = self.shift + more * self.fsr
            free &= shift <= self.top
            if not np.all(np.any(free, axis=1)):
                return None
            cold, hot = self._cannot_fit(shift, free, held)
            cold, free = cold & free, free & ~hot
            if np.any(cold[held]) or not np.any(cold):
                break
            more += cold
        free &= ~cold
        cost = np.where(free, self.weights[:, None] * shift, np.inf)
        try:
            rows, places = linear_sum_assignment(cost)
        except ValueError:  # no assignment is left
            return None
        return float(np.sum(cost[rows, places])), places, self.least[rows, places] + more[rows, places]

    def worst_first(self, places: np.ndarray, orders: np.ndarray, fixed: tuple) -> list[int]:
        """Rings that are not fixed: the one furthest out of range, then those that weigh most on it."""
        rows = np.arange(places.size)
        shift = self.shift[rows, places] + (orders - self.least[rows, places]) * self.fsr[:, 0]
        power = self.inverse @ shift
        worst = int(np.argmax(np.maximum(-power, power - self.limit)))
        taken = {i for i, _, _ in fixed}
        weight = np.abs(self.inverse[worst] * shift)
        weight[worst] = np.inf
        return [int(i) for i in np.argsort(-weight) if int(i) not in taken]

    def descended(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lines and orders after exchanges of two lines, moves to free lines and changes of one order, each the best.

        Powers out of range count many times, so that the way leads to what fits, if small changes do.
        """
        rows = np.arange(places.size)
        places = places.copy()
        more = np.zeros(places.size, int)
        one, two = np.triu_indices(places.size, 1)
        for _ in range(8 * places.size):
            shift = self.shift[rows, places] + more * self.fsr[:, 0]
            power = self.inverse @ shift
            # The change of shift of ring `first` by each move, and of ring `second`.
            unused = np.setdiff1d(np.arange(self.shift.shape[1]), places)
            first = np.concatenate([one, np.repeat(rows, unused.size), rows, rows])
            to = np.concatenate([places[two], np.tile(unused, places.size), places, places])
            order = np.concatenate([np.zeros(first.size - 2 * rows.size, int), more + 1, more - 1])
            moved = self.shift[first, to] + order * self.fsr[first, 0] - shift[first]
            trial = power[None] + moved[:, None] * self.inverse.T[first]
            trial[: one.size] += (self.shift[two, places[one]] - shift[two])[:, None] * self.inverse.T[two]
            cost = np.where(order < 0, np.inf, self._price(trial))
            best = int(np.argmin(cost))
            if not cost[best] < self._price(power[None])[0] * (1.0 - ROUNDING):
                break
            if best < one.size:
                places[[one[best], two[best]]] = places[[two[best], one[best]]]
                more[[one[best], two[best]]] = 0
            else:
                places[first[best]], more[first[best]] = to[best], order[best]
        return places, self.least[rows, places] + more

    def _price(self, power: np.ndarray) -> np.ndarray:
        """Total powers, what is out of range counted twenty times, shape [K] of powers [K, N]."""
        out = np.maximum(-power, 0.0) + np.maximum(power - self.limit[None], 0.0)
        return np.sum(np.maximum(power, 0.0) + 20.0 * out, axis=1)

    def _cannot_fit(self, shift: np.ndarray, free: np.ndarray, held: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Options whose power is below zero, or out of range, whatever options the other rings take."""
        low = np.min(np.where(free, shift, np.inf), axis=1)
        high = np.max(np.where(free, self.top, -np.inf), axis=1)
        high[held] = low[held]
        ends = np.stack([self.others * low[None], self.others * high[None]])
        most, least = (np.sum(pick(ends, axis=0), axis=1)[:, None] for pick in (np.max, np.min))
        alone = self.own * shift
        room = 1e-6 * np.max(np.abs(alone), where=free, initial=0.0) + self.room
        return alone + most < -room, alone + least > self.limit[:, None] + room


def _better(one: Found | None, other: Found | None) -> Found | None:
    if one is None or other is None:
        return other if one is None else one
    return other if other.cost < one.cost else one


def _guesses(row: Row, search: _Search, chosen: np.ndarray, start: np.ndarray) -> list[Found]:
    """Good assignments to begin with: cyclic shifts, and what small changes make of the best one without limits.

    That one is shifted on by some lines, too: where all rings are warm, none needs to be colder than its neighbours
    make it.
    """
    lines, found = row.lines.size, []
    for m in range(min(SHIFTS, lines)):
        found.append(row.found(chosen, *search.descended((start + m) % lines)))
    for m in range(lines):
        places = (np.arange(chosen.size) + m) % lines
        orders = row.least[chosen, places].copy()
        for _ in range(MORE_ORDERS * chosen.size):
            power = row.power(chosen, places, orders)
            if not np.min(power) < -ROUNDING * np.max(np.abs(power)):
                break
            orders[np.argmin(power)] += 1
        found.append(row.found(chosen, places, orders))
    return [each for each in found if each is not None]


def unserved(row: Row) -> tuple[int, ...]:
    """Rings to blame where not all that could be served are.

    Those for which no line is left, the others being put within reach; or, where each could have one, those whose power
    is out of range in the cheapest assignment without limits.
    """
    everyone = np.arange(row.rings.size)
    out = (row.shift > row.reach(everyone)[:, None]).astype(float)
    rows, places = linear_sum_assignment(out)
    served = {int(i) for i, j in zip(rows, places, strict=True) if out[i, j] == 0.0}
    if len(served) < min(out.shape):
        return tuple(int(i) for i in everyone if i not in served)
    free = Row(row.rings, row.lines, row.fsr, row.response, np.full(row.rings.size, math.inf), row.slack)
    best, _ = cheapest(free, rows)
    power = np.full(rows.size, math.inf) if best is None else best.power
    return tuple(int(i) for i, each in zip(rows, power, strict=True) if not each <= row.limit[i])
