"""Which of the two readings of an all-pass ring is true, decided by the trend over a family of rings.

Rings of one waveguide share the loss of their radius, and the rotation angle theta of the coupler, power
coupling sin^2(theta), follows theta^2 ~ R exp(-gap / g): the field falls exponentially into the gap, and the
length over which a circle stays near a straight bus grows as sqrt(R). A wrong reading exchanges loss and
coupling and breaks the trend. Every combination of readings is fitted by linear least squares to the
logarithms, over all resonances.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photonics_core.lineshape import Resonance
from photonics_core.robust import Estimate, positive_level
from photonics_core.units import loss_db_cm

MAXIMUM_MEMBERS = 10
#: Relative scatter of loss and of coupling between resonances and rings that the trend does not explain.
MODEL_SCATTER = 0.1
#: A reading is decided if every combination with the other one is worse by this much in chi squared.
DECISION_MARGIN = 9.0
#: Exponent of the radius in theta^2, and how sure it is.
RADIUS_EXPONENT = (1.0, 0.3)
#: Decay of theta^2 with the gap, 1/um: a wide prior that only excludes coupling that grows with the gap.
GAP_DECAY = (8.0, 4.0)


@dataclass(frozen=True)
class Candidate:
    """One of the two readings of an all-pass ring: regime, loss in dB/cm and power coupling of the bus.

    `resonance_loss` and `resonance_coupling` hold value and standard error at each resonance used, shape
    [resonances, 2], in dB/cm and as a power ratio.
    """

    regime: str
    loss_db_cm: Estimate
    power_coupling: Estimate
    resonance_loss: np.ndarray
    resonance_coupling: np.ndarray


def make_candidates(
    used: Sequence[Resonance], two_buses: bool, circumference: float, centre: float
) -> tuple[Candidate, ...]:
    """Both readings of an all-pass ring, or the single one of a ring with `two_buses`, which are taken as
    equal.

    `circumference` in um; loss and coupling are medians at the wavelength `centre` in um.
    """
    signs = _smooth_signs(used)
    middle = 1.0 if np.sum(signs) >= 0.0 else -1.0
    regimes = ("under",) if two_buses else ("under", "over")
    made = []
    for regime in regimes:
        flip = middle if regime == "under" else -middle
        orientation = np.ones(len(used)) if two_buses else flip * signs
        rows = [_loss_and_coupling(r, s, two_buses, circumference) for r, s in zip(used, orientation, strict=True)]
        loss, coupling = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
        wl = np.array([r.wl for r in used])
        estimates = [positive_level(wl, values[:, 0], values[:, 1], centre) for values in (loss, coupling)]
        made.append(Candidate(regime, estimates[0], estimates[1], loss, coupling))
    return tuple(made)


def _smooth_signs(used: Sequence[Resonance]) -> np.ndarray:
    """Sign of t - a at each resonance up to a common one: it turns where |t - a| falls to zero."""
    size = np.array([r.difference for r in used])
    wl = np.array([r.wl for r in used])
    error = np.hypot(np.array([r.difference_se for r in used]), 0.02 * size.max())
    if wl.size < 5:
        return np.ones(wl.size)
    misfits = []
    for turn in range(wl.size):
        signs = np.where(np.arange(wl.size) < turn, -1.0, 1.0)
        x = (wl - wl.mean()) / np.ptp(wl)
        residuals = signs * size - np.polyval(np.polyfit(x, signs * size, 1, w=1.0 / error), x)
        misfits.append(np.sum((residuals / error) ** 2))
    turn = int(np.argmin(misfits))
    # One that stays on its side is the rule; a crossing has to explain the data much better.
    if misfits[turn] > 0.5 * misfits[0] or not 1 < turn < wl.size - 1:
        return np.ones(wl.size)
    return np.where(np.arange(wl.size) < turn, -1.0, 1.0)


def _loss_and_coupling(
    resonance: Resonance, sign: float, two_buses: bool, circumference: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Loss in dB/cm and power coupling, each with its standard error; `sign` is that of t - a."""
    p, d = resonance.round_trip, sign * resonance.difference
    root = math.sqrt(d * d + 4.0 * p)
    t = 0.5 * (d + root)
    t_se = math.hypot(0.5 * (1.0 + d / root) * resonance.difference_se, resonance.round_trip_se / root)
    # The other amplitude is t - d; a second, equal bus takes part of it: a = (t - d) / t.
    other = max(t - d, 1e-12)
    other_se = math.hypot(0.5 * (1.0 - d / root) * resonance.difference_se, resonance.round_trip_se / root)
    a, a_se = other, other_se
    if two_buses:
        a = other / t
        # d = t (1 - a): its error dominates that of a, because the errors of t and other nearly cancel.
        a_se = math.hypot(resonance.difference_se / t, d * t_se / t**2)
    loss = float(loss_db_cm(-2.0 * math.log(a) / circumference))
    loss_se = float(loss_db_cm(2.0 * a_se / (a * circumference)))
    return (loss, loss_se), (1.0 - t * t, 2.0 * t * t_se)


def decide_regimes(
    radius: np.ndarray, gap: np.ndarray, wl: Sequence[np.ndarray], candidates: Sequence[Sequence[Candidate]]
) -> list[str | None]:
    """Decide the reading of each ring, or leave it None where both fit.

    `radius` and `gap` in um have the shape [rings]; `wl` holds for each ring the wavelengths in um of its
    resonances, shape [resonances]; `candidates` for each ring its two readings. More than ten rings are
    decided in groups of neighbouring gaps.
    """
    count = len(candidates)
    if count < 2:
        return [None] * count
    order = np.lexsort((gap, radius))
    decided: list[str | None] = [None] * count
    groups = np.array_split(order, -(-count // MAXIMUM_MEMBERS))
    for group in groups:
        verdicts = _decide_group(radius[group], gap[group], [wl[i] for i in group], [candidates[i] for i in group])
        for i, verdict in zip(group, verdicts, strict=True):
            decided[i] = verdict
    return decided


def _decide_group(
    radius: np.ndarray, gap: np.ndarray, wl: list[np.ndarray], candidates: list[Sequence[Candidate]]
) -> list[str | None]:
    combinations = np.array(list(itertools.product((0, 1), repeat=len(candidates))))
    misfits = np.array([_misfit(radius, gap, wl, candidates, choice) for choice in combinations])
    best = int(np.argmin(misfits))
    verdicts: list[str | None] = []
    for ring, choice in enumerate(combinations[best]):
        rival = misfits[combinations[:, ring] != choice].min()
        verdicts.append(candidates[ring][choice].regime if rival - misfits[best] > DECISION_MARGIN else None)
    return verdicts


def _misfit(
    radius: np.ndarray,
    gap: np.ndarray,
    wl: list[np.ndarray],
    candidates: list[Sequence[Candidate]],
    choice: np.ndarray,
) -> float:
    """Chi squared of one combination of readings, one effective measurement a ring."""
    sizes = np.array([w.size for w in wl])
    ring = np.repeat(np.arange(sizes.size), sizes)
    position = np.concatenate(wl) - np.mean(np.concatenate(wl))
    loss = np.concatenate([candidates[i][c].resonance_loss for i, c in enumerate(choice)])
    coupling = np.concatenate([candidates[i][c].resonance_coupling for i, c in enumerate(choice)])
    # Resonances of one ring share their faults, so together they count as one measurement and its slope.
    share = 2.0 / np.maximum(sizes, 2)[ring]
    loss_misfit = _chi_squared(_loss_model(radius[ring], position), *_logarithm(loss), share)
    angle = np.stack([_angle_squared(coupling[:, 0]), _angle_squared(coupling[:, 0]) / coupling[:, 0] * coupling[:, 1]])
    return loss_misfit + _chi_squared(_coupling_model(radius[ring], gap[ring], position), *_logarithm(angle.T), share)


def _angle_squared(coupling: np.ndarray) -> np.ndarray:
    return np.arcsin(np.sqrt(np.clip(coupling, 1e-9, 1.0 - 1e-9))) ** 2


def _logarithm(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    floor = np.maximum(values[:, 0], 1e-6)
    return np.log(floor), np.hypot(np.minimum(values[:, 1] / floor, 1.0), MODEL_SCATTER)


def _loss_model(radius: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One level and one slope over wavelength for each radius; no prior."""
    same = (radius[:, None] == np.unique(radius)[None, :]).astype(float)
    design = np.concatenate([same, same * position[:, None]], axis=1)
    return design, np.zeros(design.shape[1]), np.full(design.shape[1], np.inf)


def _coupling_model(
    radius: np.ndarray, gap: np.ndarray, position: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level, power of the radius, decay with the gap and slope over wavelength, with their priors."""
    design = np.stack([np.ones(gap.size), np.log(radius), -gap, position], axis=1)
    prior = np.array([0.0, RADIUS_EXPONENT[0], GAP_DECAY[0], 0.0])
    width = np.array([np.inf, RADIUS_EXPONENT[1], GAP_DECAY[1], np.inf])
    return design, prior, width


def _chi_squared(
    model: tuple[np.ndarray, np.ndarray, np.ndarray], value: np.ndarray, error: np.ndarray, share: np.ndarray
) -> float:
    design, prior, width = model
    weight = np.sqrt(share) / error
    held = np.isfinite(width)
    rows = np.concatenate([design * weight[:, None], np.eye(prior.size)[held] / width[held][:, None]])
    target = np.concatenate([value * weight, prior[held] / width[held]])
    solution = np.linalg.lstsq(rows, target, rcond=None)[0]
    # Beyond three standard errors a resonance that went wrong counts linearly, not by its square (Huber).
    pull = np.abs(target - rows @ solution)
    return float(np.sum(np.where(pull < 3.0, pull**2, 6.0 * pull - 9.0)))
