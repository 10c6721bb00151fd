"""Sizes an optical engine: discrete choices by enumeration, continuous ones by gradient, within the limits."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.engine import EngineDesign, EngineFigures, EnginePoint, evaluate, heater_power
from photonics_core.devices.engine_spec import Candidate, EngineSpec, EngineTechnology
from photonics_core.kernels.checks import check_kind

#: Largest gap in um; range of the detuning in um and least power of a line in mW.
MOST_GAP, DETUNINGS, LEAST_POWER = 0.30, (5e-6, 200e-6), 0.05
#: Violation of a limit that is let pass, over what is asked, and starts that are tried for one candidate.
TOLERANCE, STARTS = 1e-5, 3
#: Names of `limits`, and of the bounds in the order of the design.
LIMITS = ("error ratio", "heater", "free spectral range")
DESIGN = ("radius", "input_gap", "drop_gap", "filter_gap", "detuning", "line_power")


@dataclass(frozen=True)
class SizedEngine:
    """A candidate at its least energy per bit.

    Args:
        candidate: the discrete choices.
        point: the candidate with its design and technology.
        figures: of that point, as NumPy arrays.
        density: Tb/s per mm of edge.
        pairs: pairs of fibres for the rate asked.
        excess: by how much each of `LIMITS` is missed, over what is asked; not above zero where it is met.
        multipliers: what each limit costs in pJ per bit and unit of its excess, flat as `limits` are, shape [L].
        bounds: likewise for the bounds of each of `DESIGN` on its scale from 0 to 1, above zero at the upper, [6].
        slope: norm of the gradient of the Lagrangian over that of the energy.
    """

    candidate: Candidate
    point: EnginePoint
    figures: EngineFigures
    density: float
    pairs: int
    excess: dict[str, float]
    multipliers: np.ndarray
    bounds: np.ndarray
    slope: float

    @property
    def is_feasible(self) -> bool:
        """Whether all limits are met."""
        return all(each <= TOLERANCE for each in self.excess.values())

    @property
    def energy_pj_bit(self) -> float:
        """Energy in pJ per bit of data, the mean over the temperatures."""
        return 1e-3 * float(np.mean(self.figures.energy.total))


def objective(point: EnginePoint) -> jax.Array:
    """Energy in pJ per bit of data."""
    return 1e-3 * evaluate(point).energy_fj_bit


def limits(point: EnginePoint) -> dict[str, jax.Array]:
    """What has to be at most zero: missing eye, heater power and free spectral range, each over what is asked."""
    return _limits(point, evaluate(point))


def size_candidate(
    candidate: Candidate,
    spec: EngineSpec,
    technology: EngineTechnology | None = None,
    *,
    start: EngineDesign | None = None,
) -> SizedEngine:
    """Minimise the energy per bit of one candidate by sequential quadratic programming; see `SizedEngine.is_feasible`.

    Args:
        candidate: the discrete choices.
        spec: targets and limits.
        technology: the devices; the default ones if None.
        start: design to start from; the best of a grid by default.

    Raises:
        ValueError: for arguments of another kind.
    """
    from scipy.optimize import minimize

    check_kind("candidate", candidate, Candidate)
    check_kind("spec", spec, EngineSpec)
    technology = EngineTechnology() if technology is None else technology
    point = EnginePoint.of(candidate, spec, technology, start)
    low, high = _bounds(spec)
    starts = _starts(point, spec) if start is None else [_design_array(start)]
    best, found = None, (math.inf, math.inf)
    for each in starts:
        look = _Look(point, low, high)
        unit = np.clip((_scaled(each) - low) / (high - low), 0.0, 1.0)
        result = minimize(
            lambda x, look=look: look(x)[0],
            unit,
            jac=lambda x, look=look: look(x)[2],
            bounds=[(0.0, 1.0)] * 6,
            constraints={
                "type": "ineq",
                "fun": lambda x, look=look: -look(x)[1],
                "jac": lambda x, look=look: -look(x)[3],
            },
            method="SLSQP",
            options={"maxiter": 150, "ftol": 1e-12},
        )
        x = np.clip(result.x, 0.0, 1.0)
        missed = max(float(look(x)[1].max()), 0.0)
        rank = (missed if missed > TOLERANCE else 0.0, look(x)[0])
        if best is None or rank < found:
            best, found = x, rank
        if found[0] == 0.0:
            break
    assert best is not None
    return _sized(candidate, spec, point, best, low, high)


def size_all(
    spec: EngineSpec,
    technology: EngineTechnology | None = None,
    *,
    say: Callable[[str], None] | None = None,
) -> list[SizedEngine]:
    """All candidates that meet the limits, each at its least energy, in the order of that energy.

    Args:
        spec: targets and limits.
        technology: the devices.
        say: takes a line of report for each candidate.

    Raises:
        ValueError: if none meets them; it says which limit binds.
    """
    technology = EngineTechnology() if technology is None else technology
    candidates = spec.candidates(technology)
    _check_heaters(candidates[0], spec, technology)
    sized = [size_candidate(each, spec, technology) for each in candidates]
    if say is not None:
        for each in sized:
            state = f"{each.energy_pj_bit:.3f} pJ/bit" if each.is_feasible else f"misses {_missed(each)}"
            say(f"  {each.candidate!s:<38}{each.density:6.2f} Tb/s/mm  {state}")
    met = sorted((each for each in sized if each.is_feasible), key=lambda each: each.energy_pj_bit)
    if not met:
        nearest = min(sized, key=lambda each: max(each.excess.values()))
        raise ValueError(
            f"none of {len(sized)} candidates meets the limits; the nearest, {nearest.candidate}, misses "
            f"{_missed(nearest)} at most_line_power = {spec.most_line_power:g} mW and least_gap = {spec.least_gap:g} um"
        )
    return met


def pareto_front(density: Any, energy: Any) -> np.ndarray:
    """Whether each point is on the front of high density and low energy, shape [N]: no other is as good in both.

    Args:
        density, energy: shapes [N]; of equal points all are on the front.
    """
    density, energy = np.asarray(density)[:, None], np.asarray(energy)[:, None]
    denser, thriftier = density.T - density, energy - energy.T
    dominates = (denser >= 0.0) & (thriftier >= 0.0) & ((denser > 0.0) | (thriftier > 0.0))
    return ~np.any(dominates, axis=1)


def front_of(engines: Sequence[SizedEngine]) -> np.ndarray:
    """`pareto_front` of sized engines, shape [N]."""
    return pareto_front([each.density for each in engines], [each.energy_pj_bit for each in engines])


def _check_heaters(candidate: Candidate, spec: EngineSpec, technology: EngineTechnology) -> None:
    """A `ValueError` where no ring can be held over the temperatures."""
    point = EnginePoint.of(candidate, spec, technology, EngineDesign(radius=spec.radii[0]))
    needed = float(heater_power(point, spec.temperatures_k[0]))
    if needed > spec.most_heater_power:
        raise ValueError(
            f"temperatures_k = {spec.temperatures_k} take a heater power of {needed:.4g} mW for the smallest ring, "
            f"outside [0, {spec.most_heater_power:g}] mW of most_heater_power"
        )


def _missed(engine: SizedEngine) -> str:
    return ", ".join(f"the {k} by {100.0 * v:.3g} %" for k, v in engine.excess.items() if v > TOLERANCE)


def _limits(point: EnginePoint, figures: EngineFigures) -> dict[str, jax.Array]:
    found = (
        1.0 - figures.eyes / point.required_q,
        figures.heater_power[0] / point.most_heater_power - 1.0,
        1e-3 * point.channels * point.spacing_ghz / figures.fsr_thz - 1.0,
    )
    return dict(zip(LIMITS, found, strict=True))


#: Places in `DESIGN` whose scale is logarithmic.
_IS_LOG = np.array([True, False, False, False, True, True])


def _scaled(values: np.ndarray) -> np.ndarray:
    return np.where(_IS_LOG, np.log(values), values)


def _bounds(spec: EngineSpec) -> tuple[np.ndarray, np.ndarray]:
    gaps = np.array([[spec.least_gap, MOST_GAP]] * 3)
    both = np.array([spec.radii, *gaps, DETUNINGS, (LEAST_POWER, spec.most_line_power)]).T
    return _scaled(both[0]), _scaled(both[1])


def _design_array(design: EngineDesign) -> np.ndarray:
    return np.array([float(getattr(design, name)) for name in DESIGN])


def _with_unit(point: EnginePoint, x: jax.Array, low: jax.Array, high: jax.Array) -> EnginePoint:
    """A point with the design at a place between 0 and 1 of its bounds."""
    values = low + x * (high - low)
    return dataclasses.replace(point, design=EngineDesign(*jnp.where(jnp.asarray(_IS_LOG), jnp.exp(values), values)))


def flat_figures(point: EnginePoint) -> jax.Array:
    """Energy in pJ per bit and all limits, shape [1 + L]."""
    figures = evaluate(point)
    parts = [1e-3 * figures.energy_fj_bit, *_limits(point, figures).values()]
    return jnp.concatenate([jnp.ravel(each) for each in parts])


@jax.jit
def _values(x: jax.Array, point: EnginePoint, low: jax.Array, high: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = flat_figures(_with_unit(point, x, low, high))
        return found, found

    slopes, found = jax.jacfwd(one, has_aux=True)(x)
    return found, slopes


_figures = jax.jit(evaluate)


class _Look:
    """Energy, limits and their slopes at a place, the last one kept: the optimiser asks for them one by one."""

    def __init__(self, point: EnginePoint, low: np.ndarray, high: np.ndarray) -> None:
        self.arguments, self.at, self.found = (point, low, high), np.full(len(low), np.nan), None

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        if self.found is None or not np.array_equal(x, self.at):
            found, slopes = (np.asarray(v) for v in _values(x, *self.arguments))
            self.at, self.found = x.copy(), (float(found[0]), found[1:], slopes[0], slopes[1:])
        return self.found


def _sized(
    candidate: Candidate, spec: EngineSpec, point: EnginePoint, x: np.ndarray, low: np.ndarray, high: np.ndarray
) -> SizedEngine:
    from scipy.optimize import nnls

    _, excess, slope, slopes = _Look(point, low, high)(x)
    # Karush, Kuhn, Tucker: the slope is a sum of those of what binds, with multipliers that are not negative.
    binds = np.flatnonzero(excess > -1e-5)
    lower, upper = np.flatnonzero(x < 1e-7), np.flatnonzero(x > 1.0 - 1e-7)
    columns = np.concatenate([slopes[binds], -np.eye(6)[lower], np.eye(6)[upper]]).T
    weights, rest = nnls(columns, -slope) if columns.size else (np.zeros(0), float(np.linalg.norm(slope)))
    multipliers, bounds = np.zeros(len(excess)), np.zeros(6)
    multipliers[binds] = weights[: len(binds)]
    bounds[lower] = -weights[len(binds) : len(binds) + len(lower)]
    bounds[upper] = weights[len(binds) + len(lower) :]
    values = low + x * (high - low)
    best = dataclasses.replace(
        point, design=EngineDesign(*(float(v) for v in np.where(_IS_LOG, np.exp(values), values)))
    )
    figures = jax.tree.map(np.asarray, _figures(best))
    named = {name: float(np.max(v)) for name, v in zip(LIMITS, (excess[:-2], excess[-2], excess[-1]), strict=True)}
    density, pairs = candidate.density(float(point.technology.pitch)), candidate.pairs(spec.rate_tbps)
    relative = float(rest / np.linalg.norm(slope))
    return SizedEngine(candidate, best, figures, density, pairs, named, multipliers, bounds, relative)


def _starts(point: EnginePoint, spec: EngineSpec) -> list[np.ndarray]:
    """The best of a few designs: most eye for what is missing of it, least energy where none is."""
    radii = np.geomspace(*spec.radii, 3)[:2]
    gaps, drops, filters = (
        np.clip(each, spec.least_gap, MOST_GAP) for each in ([0.10, 0.14, 0.18], [0.16, 0.24], [0.1, 0.15])
    )
    detunings, powers = [25e-6, 50e-6, 90e-6], spec.most_line_power * np.array([0.05, 0.2, 0.7])
    grid = np.stack(np.meshgrid(radii, gaps, drops, filters, detunings, powers, indexing="ij"), -1).reshape(-1, 6)
    trials = EngineDesign(*grid.T)
    found = np.asarray(_merits(point, trials))
    return list(grid[np.argsort(found, kind="stable")[: 8 * STARTS : 8]])


@jax.jit
def _merits(point: EnginePoint, trials: EngineDesign) -> jax.Array:
    def one(design: EngineDesign) -> jax.Array:
        found = flat_figures(dataclasses.replace(point, design=design))
        missing = jnp.sum(jnp.maximum(found[1:], 0.0))
        return found[0] * (1.0 + 10.0 * missing) + 10.0 * missing

    return jax.vmap(one)(trials)
