"""Foster networks of a measured or computed step response: few resistances and time constants, and how far they miss.

Resistances of many time constants, evenly spaced in their logarithm, are found by least squares without negative ones
(C. L. Lawson and R. J. Hanson, Solving Least Squares Problems (1974), ch. 23), which leaves few. The closest are then
put together until there are as many as asked for, and all are refined. The step response of a place that is
heated itself is a sum of such parts exactly (`foster_fit`).

That of another place starts late, which no such sum can follow, with however many parts: the error that comes with a
fit says by how much. There `transfer_fit` takes resistances of both signs. They are linear, and solved for at every
choice of the time constants (variable projection, G. H. Golub and V. Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)),
subject to their sum being the static coupling and to no slope at the beginning, sum R_p / t_p = 0. Neighbouring time
constants keep a ratio, without which parts grow that cancel each other.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import least_squares, nnls

from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.thermal_impedance import ThermalImpedance, TransferImpedance

_PER_DECADE = 10
_WHIFF = 1e-6
#: Least ratio of neighbouring time constants.
_LEAST_RATIO = 1.4
#: Where fits are begun: e-folds of the first time constant from a response of 2 %, and of the last from 98 %.
_STARTS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0)
_LONGER = (-1.0, 0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class FosterFit:
    """A network and its errors.

    Args:
        impedance: the network.
        largest_error: largest difference from the response, over the response's largest value.
        rms_error: root of the mean squared difference, over the same.
        undershoot: how far the network's step response goes below zero at the samples, over the same.
    """

    impedance: ThermalImpedance | TransferImpedance
    largest_error: float
    rms_error: float
    undershoot: float = 0.0


def foster_fit(time: Any, response: Any, poles: int) -> FosterFit:
    """A Foster network of at most so many parts with a step response.

    All samples count alike: take times that are evenly spaced in their logarithm, from where nothing has happened yet
    to where all is steady.

    Args:
        time: in ps, above 0, rising, shape [times].
        response: temperature over heat in K/mW after these times, as `ThermalLayout.step_response` gives for one pair.
        poles: largest number of parts.

    Returns:
        The network with its errors; fewer parts where fewer are of use.

    Raises:
        ValueError: for times that do not rise from above 0, shapes that differ, a response that is nowhere above zero,
            or fewer samples than two a part.
    """
    time, response, top = _samples(time, response, poles)
    resistance, own = _merged(*_spread(time, response), poles)
    resistance, own = _refined(time, response, resistance, own)
    order = np.argsort(own)
    return _fit(ThermalImpedance, time, response, top, resistance[order], own[order])


def transfer_fit(time: Any, response: Any, poles: int, *, static: Any = None, starts_still: bool = True) -> FosterFit:
    """A network of parts of both signs with the step response of a place that is heated from elsewhere.

    Args:
        time: in ps, as for `foster_fit`.
        response: as for `foster_fit`.
        poles: number of parts.
        static: temperature over heat in the steady state in K/mW, such as `ThermalLayout.coupling` gives for the pair,
            which the resistances add up to; None to find it.
        starts_still: whether the step response has no slope at its beginning.

    Returns:
        The network, a `TransferImpedance`, with its errors and its undershoot.

    Raises:
        ValueError: as `foster_fit`, for a static coupling that is not above zero, or fewer parts than conditions.
    """
    time, response, top = _samples(time, response, poles)
    if static is not None:
        check_positive("static", static, "K/mW")
        check_range("static", static, 0.5 * top, 1e3 * top, "K/mW")
    check_range("poles", poles, 1 + int(starts_still and static is not None))
    whole = None if static is None else float(static) / top

    def resistances(own: np.ndarray) -> np.ndarray:
        return _projected(_steps(time, own), response, own, whole, starts_still)

    own = _separated(time, response, poles, resistances)
    return _fit(TransferImpedance, time, response, top, resistances(own), own)


def _samples(time: Any, response: Any, poles: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Times, the response over its largest value, and that, checked."""
    time, response = np.asarray(time, float), np.asarray(response, float)
    check_positive("time", time, "ps")
    check_finite("response", response, "K/mW")
    check_kind("poles", poles, int)
    check_range("poles", poles, 1)
    if time.ndim != 1 or time.shape != response.shape or np.any(np.diff(time) <= 0.0):
        raise ValueError(
            f"time and response of shapes {time.shape} and {response.shape} are not rising times and values"
        )
    if time.size < 2 * poles:
        raise ValueError(f"poles = {poles} are too many for {time.size} samples")
    top = float(np.max(response))
    if top <= 0.0:
        raise ValueError("response is nowhere above zero")
    if float(np.min(response)) < -0.1 * top:
        raise ValueError(f"response = {float(np.min(response)):g} K/mW is far below zero: heat does not cool")
    return time, response / top, top


def _fit(
    kind: type[ThermalImpedance] | type[TransferImpedance],
    time: np.ndarray,
    response: np.ndarray,
    top: float,
    resistance: np.ndarray,
    own: np.ndarray,
) -> FosterFit:
    """The network and its errors."""
    found = _steps(time, own) @ resistance
    miss = found - response
    errors = float(np.max(np.abs(miss))), float(np.sqrt(np.mean(miss**2)))
    return FosterFit(kind(top * resistance, own), *errors, max(-float(np.min(found)), 0.0))


def _steps(time: np.ndarray, own: np.ndarray) -> np.ndarray:
    """1 - exp(-t / t_p), shape [times, parts]."""
    return -np.expm1(-time[:, None] / own[None, :])


def _spread(time: np.ndarray, response: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Resistances above zero of many time constants."""
    low, high = np.log10(time[0]) - 0.5, np.log10(time[-1]) + 0.5
    own = np.logspace(low, high, int(np.ceil((high - low) * _PER_DECADE)) + 1)
    # Neighbours are almost alike: a whiff of least size keeps the search from going round in circles.
    steps = np.concatenate([_steps(time, own), _WHIFF * np.eye(own.size)])
    resistance = nnls(steps, np.pad(response, (0, own.size)), maxiter=100 * own.size)[0]
    kept = resistance > 1e-9 * np.max(resistance)
    return resistance[kept], own[kept]


def _merged(resistance: np.ndarray, own: np.ndarray, poles: int) -> tuple[np.ndarray, np.ndarray]:
    """The two parts whose union changes the response least become one, until there are few enough."""
    while own.size > poles:
        total = resistance[1:] + resistance[:-1]
        reduced = resistance[1:] * resistance[:-1] / total
        one = int(np.argmin(reduced * np.log(own[1:] / own[:-1]) ** 2))
        pair = slice(one, one + 2)
        middle = np.exp(np.sum(resistance[pair] * np.log(own[pair])) / total[one])
        resistance = np.concatenate([resistance[:one], [total[one]], resistance[one + 2 :]])
        own = np.concatenate([own[:one], [middle], own[one + 2 :]])
    return resistance, own


def _refined(
    time: np.ndarray, response: np.ndarray, resistance: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares in the logarithms of all numbers."""
    count = own.size

    def miss(logs: np.ndarray) -> np.ndarray:
        return _steps(time, np.exp(logs[count:])) @ np.exp(logs[:count]) - response

    def slope(logs: np.ndarray) -> np.ndarray:
        resistance, own = np.exp(logs[:count]), np.exp(logs[count:])
        over = time[:, None] / own[None, :]
        return np.concatenate([_steps(time, own) * resistance, -over * np.exp(-over) * resistance], axis=1)

    start = np.log(np.concatenate([resistance, own]))
    low = np.concatenate([np.full(count, -25.0), np.full(count, np.log(time[0]) - 5.0)])
    high = np.concatenate([np.full(count, 5.0), np.full(count, np.log(time[-1]) + 5.0)])
    inside = np.clip(start, low + 1e-6, high - 1e-6)
    logs = least_squares(miss, inside, slope, (low, high), xtol=1e-12).x  # pyright: ignore[reportArgumentType]
    return np.exp(logs[:count]), np.exp(logs[count:])


def _projected(
    steps: np.ndarray, response: np.ndarray, own: np.ndarray, whole: float | None, starts_still: bool
) -> np.ndarray:
    """Resistances that fit best among those that meet the conditions exactly."""
    # The slope is scaled by the shortest time, so that both conditions are of one size.
    conditions = [(np.ones_like(own), whole)] if whole is not None else []
    conditions += [(own[0] / own, 0.0)] if starts_still else []
    if not conditions:
        return np.linalg.lstsq(steps, response, rcond=None)[0]
    rows, values = np.array([row for row, _ in conditions]), np.array([value for _, value in conditions])
    turned, corner = np.linalg.qr(rows.T, mode="complete")
    met, free = np.split(turned, [values.size], axis=1)
    fixed = met @ np.linalg.solve(corner[: values.size].T, values)
    if free.shape[1] == 0:
        return fixed
    return fixed + free @ np.linalg.lstsq(steps @ free, response - steps @ fixed, rcond=None)[0]


def _separated(
    time: np.ndarray, response: np.ndarray, poles: int, resistances: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Time constants of the best fit; the logarithms of the first one and of what the others are farther apart."""

    def times(numbers: np.ndarray) -> np.ndarray:
        apart = np.log(_LEAST_RATIO) + np.exp(numbers[1:])
        return np.exp(numbers[0] + np.concatenate([[0.0], np.cumsum(apart)]))

    def miss(numbers: np.ndarray) -> np.ndarray:
        own = times(numbers)
        return _steps(time, own) @ resistances(own) - response

    first, last = (np.log(time[np.argmax(response > level)]) for level in (0.02, 0.98))
    low = np.concatenate([[np.log(time[0]) - 3.0], np.full(poles - 1, -6.0)])
    high = np.concatenate([[np.log(time[-1]) + 3.0], np.full(poles - 1, 3.0)])
    tried = []
    for move, longer in itertools.product(_STARTS, _LONGER):
        apart = max(last + longer - first - move, 1.0) / max(poles - 1, 1) - np.log(_LEAST_RATIO)
        start = np.concatenate([[first + move], np.full(poles - 1, np.log(max(apart, 0.05)))])
        start = np.clip(start, low + 1e-6, high - 1e-6)
        tried.append(least_squares(miss, start, bounds=(low, high), xtol=1e-10, ftol=1e-10, max_nfev=200))
    return times(min(tried, key=lambda each: each.cost).x)
