"""Estimates of one ring by weighted least squares over its lines, with error bars that hold for noise.

`RingFit` takes medians, which a fringe cannot move, and errs to the safe side: its error bars are those of the larger
of scatter and noise, and neighbouring spacings count as independent. Here each line counts by its own error by noise
(`LineNoise`):

    m_k = m_0 + (L / c) (n_g (f_k - f_0) + n_1 (f_k - f_0)^2 / 2)      gives n_g from lines of orders m_k at f_k,
    y_k = y_0 + y_1 (wl_k - wl_0)                                      Q (as its logarithm), loss and coupling,

with the covariance of round trip and amplitude difference carried on to loss and coupling. Lines more than four of
their errors off are left out, as long as three are there; where the rest scatters more than its errors allow (1 %),
the errors are widened by the ratio.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from photonics_core.fit import RingFit
from photonics_core.lineshape import LineNoise, Resonance
from photonics_core.robust import Estimate
from photonics_core.units import SPEED_OF_LIGHT, loss_db_cm

#: Deviation in standard errors beyond which a line is left out.
_REACH = 4.0
_SIGNIFICANCE = 0.01
#: An error that is off the trend of its neighbours by more than this factor is kept as it is.
_ODD_ERROR = 2.0


@dataclass(frozen=True)
class WeightedEstimates:
    """Estimates at the middle of the band of a ring; None where the data or the regime leave them open."""

    q: Estimate | None
    n_g: Estimate | None
    loss_db_cm: Estimate | None
    power_coupling: Estimate | None


def weighted_estimates(fit: RingFit) -> WeightedEstimates:
    """Estimates of one ring from the lines of its fit, in the regime that the fit has decided."""
    wl = np.array([line.wl for line in fit.used])
    centre = 0.5 * (fit.band[0] + fit.band[1])
    q = np.array([(math.log(line.q), _noise(line).q_se / line.q) for line in fit.used]).reshape(-1, 2)
    level = _trend(wl, q[:, 0], q[:, 1], centre)
    loss = coupling = None
    if fit.regime is not None and fit.radius is not None and fit.candidates:
        rows = np.array([_loss_and_coupling(line, fit) for line in fit.used]).reshape(-1, 4)
        loss, coupling = (_trend(wl, rows[:, 2 * i], rows[:, 2 * i + 1], centre) for i in (0, 1))
    value = None if level is None else math.exp(level.value)
    return WeightedEstimates(
        None if level is None or value is None else Estimate(value, value * level.se),
        group_index_at(fit, centre),
        loss,
        coupling,
    )


def _noise(line: Resonance) -> LineNoise:
    """Errors by noise alone; of a line that was fitted by itself, those that it states."""
    return line.noise or LineNoise(line.wl_se, line.q_se, line.round_trip_se, line.difference_se, 0.0)


def _trend(x: np.ndarray, y: np.ndarray, errors: np.ndarray, centre: float) -> Estimate | None:
    errors = _smooth_errors(x, errors)
    design = np.stack([np.ones(x.size), x - centre], axis=1)[:, : 1 if x.size < 3 else 2]
    return _first_coefficient(design, y, errors)


def _smooth_errors(x: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Errors on an exponential trend over the band, but for those far from it.

    An error is small by chance where the value itself came out small; weights by single errors would bias the mean.
    """
    if x.size < 3 or not np.all(errors > 0.0) or not np.all(np.isfinite(errors)):
        return errors
    level = np.log(errors)
    near = np.clip(level, np.median(level) - 1.0, np.median(level) + 1.0)
    trend = np.polyval(np.polyfit(x - np.mean(x), near, 1), x - np.mean(x))
    return np.where(np.abs(level - trend) < math.log(_ODD_ERROR), np.exp(trend), errors)


def _first_coefficient(design: np.ndarray, y: np.ndarray, errors: np.ndarray, place: int = 0) -> Estimate | None:
    """One coefficient of a weighted fit, with lines that are far off left out one by one."""
    keep = np.isfinite(y) & np.isfinite(errors) & (errors > 0.0)
    count = design.shape[1]
    if np.count_nonzero(keep) < count:
        return None
    while True:
        rows = design[keep] / errors[keep][:, None]
        scale = np.linalg.norm(rows, axis=0)
        solution, _, rank, _ = np.linalg.lstsq(rows / scale, y[keep] / errors[keep], rcond=None)
        if rank < count:
            return None
        pulls = (y - design @ (solution / scale)) / errors
        worst = int(np.argmax(np.where(keep, np.abs(pulls), -1.0)))
        if abs(pulls[worst]) <= _REACH or np.count_nonzero(keep) <= max(3, count + 1):
            break
        keep[worst] = False
    free = int(np.count_nonzero(keep)) - count
    misfit = float(np.sum(pulls[keep] ** 2))
    widened = math.sqrt(misfit / free) if free and misfit > chi2.isf(_SIGNIFICANCE, free) else 1.0
    variance = np.linalg.inv((rows / scale).T @ (rows / scale))[place, place]
    return Estimate(float(solution[place] / scale[place]), widened * math.sqrt(variance) / float(scale[place]))


def group_index_at(fit: RingFit, centre: float) -> Estimate | None:
    """Weighted group index of one ring at the wavelength `centre` in um, or None where there is none."""
    if fit.radius is None or fit.n_g is None or len(fit.resonances) < 2:
        return None
    wl = np.array([line.wl for line in fit.resonances])
    relative = np.array([_noise(line).wl_se for line in fit.resonances]) / wl
    frequency, middle = SPEED_OF_LIGHT / wl, SPEED_OF_LIGHT / centre
    per_order = 2.0 * math.pi * fit.radius / SPEED_OF_LIGHT
    mean = SPEED_OF_LIGHT / (0.5 * (frequency[1:] + frequency[:-1]))
    slope = fit.n_g_slope.value if fit.n_g_slope else 0.0
    steps = np.round(np.diff(frequency) * per_order * (fit.n_g.value + slope * (mean - centre)))
    order = np.concatenate([[0.0], np.cumsum(steps)])
    offset = (frequency - middle) * per_order
    design = np.stack([offset, np.ones(wl.size), (frequency - middle) * offset], axis=1)[:, : 2 if wl.size < 4 else 3]
    errors = _smooth_errors(wl, relative * frequency * per_order * fit.n_g.value)
    return _first_coefficient(design, order, errors)


def _loss_and_coupling(line: Resonance, fit: RingFit) -> tuple[float, float, float, float]:
    """Loss in dB/cm and power coupling of one line, each with its error, by both errors and their correlation."""
    two_buses = fit.ports.drop is not None
    p, d = line.round_trip, line.difference if two_buses or fit.regime == "under" else -line.difference
    root = math.sqrt(d * d + 4.0 * p)
    t = 0.5 * (d + root)
    # Derivatives by d and by p; the error of d has the sign of t - a.
    t_slopes = np.array([0.5 * (1.0 + d / root), 1.0 / root])
    other = p / t
    a, a_slopes = other, t_slopes - np.array([1.0, 0.0])
    if two_buses:
        a, a_slopes = other / t, -np.array([1.0, 0.0]) / t + d / t**2 * t_slopes
    noise = _noise(line)
    errors = np.array([math.copysign(noise.difference_se, d), noise.round_trip_se])
    shape = np.array([[1.0, noise.correlation], [noise.correlation, 1.0]]) * np.outer(errors, errors)
    length = 2.0 * math.pi * (fit.radius or math.nan)
    a = max(a, 1e-12)
    loss = float(loss_db_cm(-2.0 * math.log(a) / length))
    loss_se = float(loss_db_cm(2.0 * math.sqrt(max(a_slopes @ shape @ a_slopes, 0.0)) / (a * length)))
    return loss, loss_se, 1.0 - t * t, 2.0 * t * math.sqrt(max(t_slopes @ shape @ t_slopes, 0.0))
