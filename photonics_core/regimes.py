"""Which of the two readings of an all-pass ring is true, decided by the trend over a family of rings.

Rings of one waveguide share the loss of their radius, and the rotation angle theta of the coupler, power coupling
sin^2(theta), follows theta^2 ~ R exp(-gap / g): the field falls exponentially into the gap, and the length over
which a circle stays near a straight bus grows as sqrt(R). A wrong reading exchanges loss and coupling and breaks
the trend. Every combination of readings is fitted by linear least squares to the logarithms, over all resonances.
"""

import itertools
from collections.abc import Sequence

import numpy as np

MAXIMUM_MEMBERS = 10
#: Relative scatter of loss and of coupling between resonances and rings that the trend does not explain.
MODEL_SCATTER = 0.1
#: A reading is decided if every combination with the other one is worse by this much in chi squared.
DECISION_MARGIN = 9.0
#: Exponent of the radius in theta^2, and how sure it is.
RADIUS_EXPONENT = (1.0, 0.3)
#: Decay of theta^2 with the gap, 1/um: a wide prior that only excludes coupling that grows with the gap.
GAP_DECAY = (8.0, 4.0)

Reading = tuple[str, np.ndarray, np.ndarray]


def decide_regimes(
    radius: np.ndarray, gap: np.ndarray, wl: Sequence[np.ndarray], readings: Sequence[Sequence[Reading]]
) -> list[str | None]:
    """Decide the reading of each ring, or leave it None where both fit.

    `radius` and `gap` in um have the shape [rings]; `wl` holds for each ring the wavelengths in um of its resonances,
    shape [resonances]; `readings` for each ring two readings (regime, loss, power coupling), the last two of shape
    [resonances, 2] with value and standard error. More than ten rings are decided in groups of neighbouring gaps.
    """
    count = len(readings)
    if count < 2:
        return [None] * count
    order = np.lexsort((gap, radius))
    decided: list[str | None] = [None] * count
    groups = np.array_split(order, -(-count // MAXIMUM_MEMBERS))
    for group in groups:
        verdicts = _decide_group(radius[group], gap[group], [wl[i] for i in group], [readings[i] for i in group])
        for i, verdict in zip(group, verdicts, strict=True):
            decided[i] = verdict
    return decided


def _decide_group(
    radius: np.ndarray, gap: np.ndarray, wl: list[np.ndarray], readings: list[Sequence[Reading]]
) -> list[str | None]:
    combinations = np.array(list(itertools.product((0, 1), repeat=len(readings))))
    misfits = np.array([_misfit(radius, gap, wl, readings, choice) for choice in combinations])
    best = int(np.argmin(misfits))
    verdicts: list[str | None] = []
    for ring, choice in enumerate(combinations[best]):
        rival = misfits[combinations[:, ring] != choice].min()
        verdicts.append(readings[ring][choice][0] if rival - misfits[best] > DECISION_MARGIN else None)
    return verdicts


def _misfit(
    radius: np.ndarray,
    gap: np.ndarray,
    wl: list[np.ndarray],
    readings: list[Sequence[Reading]],
    choice: np.ndarray,
) -> float:
    """Chi squared of one combination of readings, one effective measurement a ring."""
    sizes = np.array([w.size for w in wl])
    ring = np.repeat(np.arange(sizes.size), sizes)
    position = np.concatenate(wl) - np.mean(np.concatenate(wl))
    loss = np.concatenate([readings[i][c][1] for i, c in enumerate(choice)])
    coupling = np.concatenate([readings[i][c][2] for i, c in enumerate(choice)])
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
