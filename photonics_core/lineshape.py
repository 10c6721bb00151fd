"""The exact line shape of one ring resonance, fitted to measured power by least squares.

With the round-trip phase phi and p the product of all amplitude factors met in one round trip, every port of
a ring without reflections follows one periodic (Airy) line

    L(phi) = g^2 / (g^2 + sin^2(phi/2)),   g = (1 - p) / (2 sqrt(p)),

as T = 1 - D L at the through port and T = T_max L at the drop port. D = 1 - T_min fixes the difference of the
two amplitudes that meet at the through port: |t - a| = (1 - p) sqrt(T_min), a being t2 a for a ring with a
second bus. (W. Bogaerts et al., Laser & Photonics Reviews 6, 47 (2012), Eqs. 2 to 22, rearranged.) Which of
the two amplitudes is the larger, the coupling regime, cannot be seen in the power of one resonance.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from photonics_core.units import SPEED_OF_LIGHT

#: Half-width of the fitted stretch in linewidths, and the degree of the polynomial that carries the envelope.
WINDOW_LINEWIDTHS = 4.0
BASELINE_DEGREE = 2
#: Readings are trusted to a fixed share of their value plus this share of the level beside the resonance.
RELATIVE_FLOOR = 0.1
#: A doublet is believed if it lowers the squared residuals by this factor.
SPLITTING_IMPROVEMENT = 0.5
PASSES = 3
MINIMUM_SAMPLES = 12


@dataclass(frozen=True)
class LineNoise:
    """Standard errors of one resonance by noise alone, which need not scatter as the weights of the fit have it.

    `correlation` is that of the errors of round trip and amplitude difference.
    """

    wl_se: float
    q_se: float
    round_trip_se: float
    difference_se: float
    correlation: float


@dataclass(frozen=True)
class Resonance:
    """One fitted resonance; every `*_se` is a standard error, widened for residuals that are correlated.

    `wl` in um; `q` the loaded quality factor; `round_trip` the product p of all amplitude factors of one
    round trip; `difference` the difference |t - a| of the two amplitudes that meet at the through port;
    `peak` the power at resonance in the drop port over the level of the through port beside it (nan without a
    drop port); `asymmetry` the odd (Fano) part relative to that level; `splitting` the distance in um of the
    two halves of a resonance split by backscattering, 0 if it is single, and `split_regime` then the coupling
    regime that fits its two halves better (else None); `residual` the relative standard deviation about the
    fit; `noise` errors by noise alone, which a batch of lines gives (see `line_batch`).
    """

    wl: float
    wl_se: float
    q: float
    q_se: float
    round_trip: float
    round_trip_se: float
    difference: float
    difference_se: float
    peak: float
    asymmetry: float
    splitting: float
    split_regime: str | None
    residual: float
    noise: LineNoise | None = None


@dataclass(frozen=True)
class _Window:
    """Samples around one resonance, shape [samples]: phase, position in [-1, 1], powers over the level."""

    phase: np.ndarray
    position: np.ndarray
    through: np.ndarray
    drop: np.ndarray | None


#: Window, parameters, covariance of the parameters and relative residuals of a finished fit.
_Fit = tuple[_Window, np.ndarray, np.ndarray, np.ndarray]

# Order of the fitted parameters. The baseline's coefficients follow, then peak and slope of the drop port.
_CENTRE, _LOG_G, _DEPTH, _ODD, _SPLIT, _BASE = range(6)
_DROP = _BASE + BASELINE_DEGREE + 1


def fit_resonance(
    wl: np.ndarray,
    through: np.ndarray,
    drop: np.ndarray | None,
    guess: float,
    fsr_frequency: float,
    linewidth: float | None = None,
) -> Resonance | None:
    """Fit one resonance, or return None where none can be made out.

    `wl` in um and the powers `through` and `drop` (linear, on one scale) have the shape [samples]; `guess` is
    the wavelength in um near which the resonance lies, `fsr_frequency` the free spectral range there in THz.
    The stretch that is fitted follows the width of the line, or `linewidth` in um if that is given: a shallow
    line may otherwise take a fringe for its flank.
    """
    phase = 2.0 * math.pi * (SPEED_OF_LIGHT / wl - SPEED_OF_LIGHT / guess) / fsr_frequency
    near = np.abs(phase) < math.pi
    level = float(np.percentile(through[near], 80)) if np.count_nonzero(near) >= MINIMUM_SAMPLES else 0.0
    if not level > 0.0:
        return None
    phase, through, drop = phase[near], through[near] / level, None if drop is None else drop[near] / level
    start = _first_guess(phase, through, drop)
    reach = None
    if linewidth is not None:
        width = 2.0 * math.pi * linewidth * SPEED_OF_LIGHT / guess**2 / fsr_frequency
        start[_LOG_G], reach = math.log(math.sin(0.25 * min(width, math.pi))), WINDOW_LINEWIDTHS * width
    single = _fit(phase, through, drop, start, split=False, reach=reach)
    if single is None:
        return None
    double = _fit_double(phase, through, drop, single[1]) if _looks_split(single) else None
    chosen = double if double is not None and _is_split(single, double) else single
    return _summarise(chosen, SPEED_OF_LIGHT / guess, fsr_frequency)


def _looks_split(fit: _Fit) -> bool:
    """Ask cheaply whether a small splitting of either sign would explain much of the residuals."""
    window, parameters, _, residuals = fit
    weights = _weights(parameters, window)
    level = np.concatenate(_model(parameters, window))

    def change(trial: np.ndarray) -> np.ndarray:
        return weights * (np.concatenate(_model(trial, window)) - level)

    known = []
    for i in (_LOG_G, _DEPTH, _BASE):
        moved = parameters.copy()
        moved[i] += 1e-4
        known.append(change(moved))
    total = max(float(np.sum(residuals**2)), 1e-300)
    for sign in (1.0, -1.0):
        trial = parameters.copy()
        trial[_SPLIT] = 0.5 * math.exp(parameters[_LOG_G])
        trial[_DEPTH] = sign * math.sqrt(max(1.0 - parameters[_DEPTH], 0.0))
        design = np.stack([change(trial), *known], axis=1)
        explained = design @ np.linalg.lstsq(design, residuals, rcond=None)[0]
        if np.sum(explained**2) > 0.5 * (1.0 - SPLITTING_IMPROVEMENT) * total:
            return True
    return False


def _weights(parameters: np.ndarray, window: _Window) -> np.ndarray:
    """Inverse errors of the readings, from the line and not from the readings: those would bias the fit."""
    lines = [np.abs(line) for line in _model(parameters, window)]
    return np.concatenate([1.0 / (line + RELATIVE_FLOOR * np.max(line)) for line in lines])


def _fit_double(phase: np.ndarray, through: np.ndarray, drop: np.ndarray | None, single: np.ndarray) -> _Fit | None:
    """Best fit of a doublet over both signs of its amplitude; None if there is none."""
    fits = []
    for sign in (1.0, -1.0):
        start = single.copy()
        start[_SPLIT], start[_LOG_G] = math.exp(single[_LOG_G]), single[_LOG_G] - 0.2
        start[_DEPTH] = sign * math.sqrt(max(1.0 - single[_DEPTH], 0.04))
        fits.append(_fit(phase, through, drop, start, split=True))
    return min((fit for fit in fits if fit is not None), key=lambda fit: np.mean(fit[3] ** 2), default=None)


def _round_trip(log_g: float) -> tuple[float, float]:
    """Half-linewidth g and product p of the amplitude factors of one round trip."""
    g = math.exp(min(max(log_g, -30.0), 5.0))
    return g, (math.hypot(1.0, g) - g) ** 2


def _single(phase: np.ndarray, log_g: float, depth: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power at the through port, at the drop port over its maximum, and the odd companion of the line."""
    g, _ = _round_trip(log_g)
    denominator = g * g + np.sin(0.5 * phase) ** 2
    line = g * g / denominator
    return 1.0 - depth * line, line, 0.5 * g * np.sin(phase) / denominator


def _double(
    phase: np.ndarray, log_g: float, amplitude: float, split: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same for a ring whose two directions are coupled: standing waves at phases -split and +split.

    Light enters both standing waves alike, so the ports see the mean of two amplitudes. `amplitude` is the
    signed (t - a)/(1 - p): positive for undercoupling. Unlike a single line, a doublet shows the sign.
    """
    g, p = _round_trip(log_g)
    difference = (1.0 - p) * amplitude
    t = 0.5 * (difference + math.sqrt(difference**2 + 4.0 * p))
    shifted = phase + split * np.array([[-1.0], [1.0]])
    waves = np.exp(1j * shifted)
    through = np.mean((t - (t - difference) * waves) / (1.0 - p * waves), axis=0)
    drop = np.mean((1.0 - p) / (1.0 - p * waves), axis=0)
    odd = np.mean(0.5 * g * np.sin(shifted) / (g * g + np.sin(0.5 * shifted) ** 2), axis=0)
    return np.abs(through) ** 2, np.abs(drop) ** 2, odd


def _model(parameters: np.ndarray, window: _Window) -> list[np.ndarray]:
    """Through power and, where it was measured, drop power."""
    phase = window.phase - parameters[_CENTRE]
    if parameters[_SPLIT] == 0.0:
        dip, line, odd = _single(phase, parameters[_LOG_G], parameters[_DEPTH])
    else:
        dip, line, odd = _double(phase, parameters[_LOG_G], parameters[_DEPTH], parameters[_SPLIT])
    base = np.polynomial.polynomial.polyval(window.position, parameters[_BASE:_DROP])
    ports = [base * (dip + parameters[_ODD] * odd)]
    if window.drop is not None:
        ports.append((parameters[_DROP] + parameters[_DROP + 1] * window.position) * line)
    return ports


def _first_guess(phase: np.ndarray, through: np.ndarray, drop: np.ndarray | None) -> np.ndarray:
    """Centre, width and depth read off the drop port's peak, or the through port's dip."""
    signal = np.clip(1.0 - through, 0.0, None) if drop is None else drop
    middle = int(np.argmax(np.where(np.abs(phase) < 0.3, signal, -np.inf)))
    low = np.nonzero(signal < 0.5 * signal[middle])[0]
    left = low[low < middle].max(initial=0)
    right = low[low > middle].min(initial=phase.size - 1)
    width = np.clip(abs(phase[right] - phase[left]), 1e-6, math.pi)
    depth = np.clip(1.0 - through[middle], 0.01, 0.99)
    start = [phase[middle], math.log(math.sin(0.25 * width)), depth, 0.0, 0.0, 1.0] + [0.0] * BASELINE_DEGREE
    return np.array(start if drop is None else [*start, signal[middle], 0.0])


def _fit(
    phase: np.ndarray,
    through: np.ndarray,
    drop: np.ndarray | None,
    parameters: np.ndarray,
    split: bool,
    reach: float | None = None,
) -> _Fit | None:
    """Return window, parameters, covariance and relative residuals; None if too few samples carry the line.

    The window follows the width that was found, and the weights follow the model, hence a few passes.
    """
    free = np.array([i for i in range(parameters.size) if split or i != _SPLIT])
    for step in range(PASSES):
        half_width = min(math.pi, reach or WINDOW_LINEWIDTHS * _full_width(parameters))
        inside = np.abs(phase - parameters[_CENTRE]) < half_width
        if np.count_nonzero(inside) < free.size + MINIMUM_SAMPLES:
            return None
        position = (phase[inside] - parameters[_CENTRE]) / half_width
        window = _Window(phase[inside], position, through[inside], None if drop is None else drop[inside])
        if step:
            parameters[_BASE + 1 : _DROP] = 0.0
        solution = _solve(window, parameters, free)
        if solution is None:
            return None
        parameters, jacobian, residuals = solution
    covariance = np.zeros((parameters.size, parameters.size))
    scatter = np.sum(residuals**2) / (residuals.size - free.size)
    inverse = np.linalg.pinv(jacobian.T @ jacobian) * scatter * _correlation_length(residuals)
    covariance[np.ix_(free, free)] = inverse
    return window, parameters, covariance, residuals


def _full_width(parameters: np.ndarray) -> float:
    """Full width at half maximum in round-trip phase."""
    return 4.0 * math.asin(min(1.0, math.exp(min(parameters[_LOG_G], 0.0)))) + 2.0 * abs(parameters[_SPLIT])


def _solve(window: _Window, start: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, ...] | None:
    measured = window.through if window.drop is None else np.concatenate([window.through, window.drop])
    weights = _weights(start, window)

    def residuals(values: np.ndarray) -> np.ndarray:
        parameters = start.copy()
        parameters[free] = values
        return weights * (np.concatenate(_model(parameters, window)) - measured)

    try:
        result = least_squares(residuals, start[free], method="lm", x_scale="jac", max_nfev=60 * free.size)
    except (ValueError, np.linalg.LinAlgError):
        return None
    parameters = start.copy()
    parameters[free] = result.x
    parameters[_SPLIT] = abs(parameters[_SPLIT])
    return (parameters, result.jac, result.fun) if np.all(np.isfinite(result.x)) else None


def _correlation_length(residuals: np.ndarray) -> float:
    """Number of samples that carry one independent residual: fringes and drifts are no white noise."""
    centred = residuals - residuals.mean()
    correlation = np.fft.irfft(np.abs(np.fft.rfft(centred, 2 * centred.size)) ** 2)[: centred.size]
    if not correlation[0] > 0.0:
        return 1.0
    correlation = correlation / correlation[0]
    end = int(np.argmax(correlation < 0.0)) or centred.size
    return float(1.0 + 2.0 * np.sum(correlation[1:end]))


def _is_split(single: _Fit, double: _Fit) -> bool:
    """Believe a doublet if it halves the squared residuals and stands apart by most of a linewidth."""
    parameters = double[1]
    improved = np.mean(double[3] ** 2) < SPLITTING_IMPROVEMENT * np.mean(single[3] ** 2)
    return bool(improved and parameters[_SPLIT] > 0.7 * math.exp(parameters[_LOG_G]))


def _summarise(
    fit: _Fit,
    reference: float,
    fsr_frequency: float,
) -> Resonance | None:
    """Turn fitted parameters into physical ones; `reference` is the frequency of phase zero in THz."""
    window, parameters, covariance, residuals = fit
    split = parameters[_SPLIT] > 0.0
    depth = 1.0 - parameters[_DEPTH] ** 2 if split else parameters[_DEPTH]
    g, p = _round_trip(parameters[_LOG_G])
    if not (0.0 < depth < 1.5 and abs(parameters[_CENTRE]) < 0.5 and g < 5.0):
        return None
    errors = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    p_slope = 2.0 * math.sqrt(p) * g * (g / math.hypot(1.0, g) - 1.0)
    depth_slope = -2.0 * parameters[_DEPTH] if split else 1.0
    difference, difference_se = _amplitude_difference(p, p_slope, depth, depth_slope, covariance)
    frequency = reference + float(parameters[_CENTRE]) * fsr_frequency / (2.0 * math.pi)
    wl = SPEED_OF_LIGHT / frequency
    per_phase = wl * fsr_frequency / (2.0 * math.pi * frequency)
    q = math.pi * frequency / (2.0 * g * fsr_frequency)
    return Resonance(
        wl=float(wl),
        wl_se=float(per_phase * errors[_CENTRE]),
        q=float(q),
        q_se=float(q * errors[_LOG_G]),
        round_trip=p,
        round_trip_se=float(abs(p_slope) * errors[_LOG_G]),
        difference=difference,
        difference_se=difference_se,
        peak=float(parameters[_DROP] / parameters[_BASE]) if window.drop is not None else math.nan,
        asymmetry=float(parameters[_ODD]),
        splitting=float(2.0 * per_phase * parameters[_SPLIT]),
        split_regime=("under" if parameters[_DEPTH] > 0.0 else "over") if split else None,
        residual=float(np.sqrt(np.mean(residuals**2))),
    )


def _amplitude_difference(
    p: float, p_slope: float, depth: float, depth_slope: float, covariance: np.ndarray
) -> tuple[float, float]:
    """|t - a| = (1 - p) sqrt(1 - depth) with its standard error, which stays finite at critical coupling."""
    square = (1.0 - p) ** 2 * (1.0 - depth)
    gradient = np.zeros(covariance.shape[0])
    gradient[_DEPTH] = -((1.0 - p) ** 2) * depth_slope
    gradient[_LOG_G] = -2.0 * (1.0 - p) * (1.0 - depth) * p_slope
    square_se = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
    difference = math.sqrt(max(square, 0.0))
    return difference, math.hypot(difference, math.sqrt(square_se)) - difference
