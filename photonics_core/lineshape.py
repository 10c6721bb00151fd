"""The exact line shape of one ring resonance, fitted to measured power by least squares.

With the round-trip phase phi and p the product of all amplitude factors met in one round trip, every port of a ring
without reflections follows one periodic (Airy) line

    L(phi) = g^2 / (g^2 + sin^2(phi/2)),   g = (1 - p) / (2 sqrt(p)),

as T = 1 - D L at the through port and T = T_max L at the drop port. D = 1 - T_min fixes the difference of the two
amplitudes that meet at the through port: |t - a| = (1 - p) sqrt(T_min), a being t2 a for a ring with a second bus.
(W. Bogaerts et al., Laser & Photonics Reviews 6, 47 (2012), Eqs. 2 to 22, rearranged.) Which of the two amplitudes is the larger,
the coupling regime, cannot be seen in the power of one resonance.
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
_PASSES = 3
_MINIMUM_SAMPLES = 12


@dataclass(frozen=True)
class Resonance:
    """One fitted resonance; every `*_se` is a standard error, widened for residuals that are correlated.

    `wl` in um; `q` the loaded quality factor; `round_trip` the product p of all amplitude factors of one round trip;
    `difference` the difference |t - a| of the two amplitudes that meet at the through port; `peak` the power at
    resonance in the drop port over the level of the through port beside it (nan without a drop port);
    `asymmetry` the odd (Fano) part relative to that level; `splitting` the distance in um of the two halves of a
    resonance split by backscattering, 0 if it is single; `residual` the relative standard deviation about the fit.
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


@dataclass(frozen=True)
class _Window:
    """Samples around one resonance, shape [samples]: round-trip phase, position in [-1, 1], powers over the level."""

    phase: np.ndarray
    position: np.ndarray
    through: np.ndarray
    drop: np.ndarray | None


# Order of the fitted parameters. The baseline's coefficients follow, then peak and slope of the drop port.
_CENTRE, _LOG_G, _DEPTH, _ODD, _SPLIT, _BASE = range(6)
_DROP = _BASE + BASELINE_DEGREE + 1


def fit_resonance(
    wl: np.ndarray, through: np.ndarray, drop: np.ndarray | None, guess: float, fsr_frequency: float
) -> Resonance | None:
    """Fit one resonance, or return None where none can be made out.

    `wl` in um and the powers `through` and `drop` (linear, on one scale) have the shape [samples]; `guess` is the
    wavelength in um near which the resonance lies, `fsr_frequency` the free spectral range there in THz.
    """
    phase = 2.0 * math.pi * (SPEED_OF_LIGHT / wl - SPEED_OF_LIGHT / guess) / fsr_frequency
    near = np.abs(phase) < math.pi
    level = float(np.percentile(through[near], 80)) if np.count_nonzero(near) >= _MINIMUM_SAMPLES else 0.0
    if not level > 0.0:
        return None
    period = phase[near], through[near] / level, None if drop is None else drop[near] / level
    single = _fit(*period, _first_guess(*period), split=False)
    if single is None:
        return None
    double = _fit_double(*period, single[1]) if _looks_split(*single) else None
    chosen = double if double is not None and _is_split(single, double) else single
    return _summarise(*chosen, SPEED_OF_LIGHT / guess, fsr_frequency)


def _looks_split(window: _Window, parameters: np.ndarray, _: np.ndarray, residuals: np.ndarray) -> bool:
    """Ask cheaply whether a small splitting of either sign would take away a good part of the squared residuals."""
    explained = 0.0
    for sign in (1.0, -1.0):
        trial = parameters.copy()
        trial[_SPLIT] = 0.5 * math.exp(parameters[_LOG_G])
        trial[_DEPTH] = sign * math.sqrt(max(1.0 - parameters[_DEPTH], 0.0))
        weights = [1.0 / (np.abs(line) + RELATIVE_FLOOR * np.max(np.abs(line))) for line in _model(parameters, window)]
        lines = zip(weights, _model(trial, window), _model(parameters, window), strict=True)
        change = np.concatenate([weight * (new - old) for weight, new, old in lines])
        columns = [change]
        for i in (_LOG_G, _DEPTH, _BASE):
            moved = parameters.copy()
            moved[i] += 1e-4
            lines = zip(weights, _model(moved, window), _model(parameters, window), strict=True)
            columns.append(np.concatenate([weight * (new - old) for weight, new, old in lines]))
        design = np.stack(columns, axis=1)
        fitted = design @ np.linalg.lstsq(design, residuals, rcond=None)[0]
        explained = max(explained, float(np.sum(fitted**2) / max(np.sum(residuals**2), 1e-300)))
    return explained > 0.5 * (1.0 - SPLITTING_IMPROVEMENT)


def _fit_double(phase: np.ndarray, through: np.ndarray, drop: np.ndarray | None, single: np.ndarray) -> tuple | None:
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
    """Power at the through port, power at the drop port over its maximum, and the odd companion of the line."""
    g, _ = _round_trip(log_g)
    denominator = g * g + np.sin(0.5 * phase) ** 2
    line = g * g / denominator
    return 1.0 - depth * line, line, 0.5 * g * np.sin(phase) / denominator


def _double(
    phase: np.ndarray, log_g: float, amplitude: float, split: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same for a ring whose two directions are coupled: its standing waves resonate at phases -split and +split.

    Light enters both standing waves alike, so the ports see the mean of two amplitudes. `amplitude` is the signed
    (t - a)/(1 - p): positive for undercoupling. Unlike a single line, a doublet shows the sign.
    """
    g, p = _round_trip(log_g)
    difference = (1.0 - p) * amplitude
    t = 0.5 * (difference + math.sqrt(difference**2 + 4.0 * p))
    waves = [np.exp(1j * (phase + sign * split)) for sign in (-1.0, 1.0)]
    through = sum(0.5 * (t - (t - difference) * wave) / (1.0 - p * wave) for wave in waves)
    drop = sum(0.5 * (1.0 - p) / (1.0 - p * wave) for wave in waves)
    odd = sum(0.25 * g * np.sin(phase + s * split) / (g * g + np.sin(0.5 * (phase + s * split)) ** 2) for s in (-1, 1))
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
    phase: np.ndarray, through: np.ndarray, drop: np.ndarray | None, parameters: np.ndarray, split: bool
) -> tuple[_Window, np.ndarray, np.ndarray, np.ndarray] | None:
    """Return window, parameters, their covariance and the relative residuals; None if too few samples carry the line.

    The window follows the width that was found, and the weights follow the model, hence a few passes.
    """
    free = np.array([i for i in range(parameters.size) if split or i != _SPLIT])
    for step in range(_PASSES):
        half_width = min(math.pi, WINDOW_LINEWIDTHS * _full_width(parameters))
        inside = np.abs(phase - parameters[_CENTRE]) < half_width
        if np.count_nonzero(inside) < free.size + _MINIMUM_SAMPLES:
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
    measured = [window.through] if window.drop is None else [window.through, window.drop]
    # Weights from the starting line, not from the readings: weights that follow the noise would bias the fit.
    weights = [1.0 / (np.abs(line) + RELATIVE_FLOOR * np.max(np.abs(line))) for line in _model(start, window)]

    def residuals(values: np.ndarray) -> np.ndarray:
        parameters = start.copy()
        parameters[free] = values
        ports = zip(weights, _model(parameters, window), measured, strict=True)
        return np.concatenate([weight * (line - reading) for weight, line, reading in ports])

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


def _is_split(single: tuple, double: tuple) -> bool:
    """Believe a doublet if it halves the squared residuals and its halves stand apart by most of a linewidth."""
    parameters = double[1]
    improved = np.mean(double[3] ** 2) < SPLITTING_IMPROVEMENT * np.mean(single[3] ** 2)
    return bool(improved and parameters[_SPLIT] > 0.7 * math.exp(parameters[_LOG_G]))


def _summarise(
    window: _Window,
    parameters: np.ndarray,
    covariance: np.ndarray,
    residuals: np.ndarray,
    reference: float,
    fsr_frequency: float,
) -> Resonance | None:
    """Turn fitted parameters into physical ones; `reference` is the frequency of phase zero in THz."""
    errors = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    frequency = reference + parameters[_CENTRE] * fsr_frequency / (2.0 * math.pi)
    g = math.exp(parameters[_LOG_G])
    root = math.hypot(1.0, g) - g
    round_trip = root * root
    round_trip_slope = 2.0 * root * g * (g / math.hypot(1.0, g) - 1.0)
    q = math.pi * frequency / (2.0 * g * fsr_frequency)
    split = parameters[_SPLIT] > 0.0
    depth = 1.0 - parameters[_DEPTH] ** 2 if split else parameters[_DEPTH]
    if not (0.0 < depth < 1.5 and abs(parameters[_CENTRE]) < 0.5 and g < 5.0):
        return None
    square = (1.0 - round_trip) ** 2 * (1.0 - depth)
    gradient = np.zeros(parameters.size)
    gradient[_DEPTH] = (1.0 - round_trip) ** 2 * (2.0 * parameters[_DEPTH] if split else -1.0)
    gradient[_LOG_G] = -2.0 * (1.0 - round_trip) * (1.0 - depth) * round_trip_slope
    square_se = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
    difference = math.sqrt(max(square, 0.0))
    wl = SPEED_OF_LIGHT / frequency
    per_phase = wl * fsr_frequency / (2.0 * math.pi * frequency)
    return Resonance(
        wl=wl,
        wl_se=per_phase * float(errors[_CENTRE]),
        q=q,
        q_se=q * float(errors[_LOG_G]),
        round_trip=round_trip,
        round_trip_se=abs(round_trip_slope) * float(errors[_LOG_G]),
        difference=difference,
        difference_se=math.sqrt(max(square, 0.0) + square_se) - difference,
        peak=float(parameters[_DROP] / parameters[_BASE]) if window.drop is not None else math.nan,
        asymmetry=float(parameters[_ODD]),
        splitting=2.0 * per_phase * float(parameters[_SPLIT]),
        split_regime=("under" if parameters[_DEPTH] > 0.0 else "over") if split else None,
        residual=float(np.sqrt(np.mean(residuals**2))),
    )
