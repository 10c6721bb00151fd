"""Foster networks of a measured or computed step response: few resistances and time constants, and how far they miss.

Resistances of many time constants, evenly spaced in their logarithm, are found by least squares without negative ones
(C. L. Lawson and R. J. Hanson, Solving Least Squares Problems (1974), ch. 23), which leaves few. The closest are then
put together until there are as many as asked for, and all are refined. The step response of a place that is
heated itself is a sum of such parts exactly; that of another place starts late, which no such sum can follow: the error
that comes with a fit says by how much.
"""

import dataclasses
from typing import Any

import numpy as np
from scipy.optimize import least_squares, nnls

from photonics_core.kernels.checks import check_finite, check_positive, check_range
from photonics_core.thermal_impedance import ThermalImpedance

_PER_DECADE = 10
_WHIFF = 1e-6


@dataclasses.dataclass(frozen=True)
class FosterFit:
    """A network and its errors.

    Args:
        impedance: the network.
        largest_error: largest difference from the response, over the response's largest value.
        rms_error: root of the mean squared difference, over the same.
    """

    impedance: ThermalImpedance
    largest_error: float
    rms_error: float


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
    time, response = np.asarray(time, float), np.asarray(response, float)
    check_positive("time", time, "ps")
    check_finite("response", response, "K/mW")
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
    resistance, own = _merged(*_spread(time, response / top), poles)
    resistance, own = _refined(time, response / top, resistance, own)
    miss = _steps(time, own) @ resistance - response / top
    order = np.argsort(own)
    network = ThermalImpedance(top * resistance[order], own[order])
    return FosterFit(network, float(np.max(np.abs(miss))), float(np.sqrt(np.mean(miss**2))))


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
