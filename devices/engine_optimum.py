"""Sizes one candidate of an optical engine: the design of least energy within the limits, by gradient.

The six numbers of a design run from 0 to 1 between their bounds, radius and power on a logarithmic scale, for
sequential quadratic programming (SciPy's SLSQP) with exact slopes, from the best points of a grid.
"""

import dataclasses
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.engine import EngineFigures, evaluate
from photonics_core.devices.engine_point import EngineDesign, EnginePoint
from photonics_core.devices.engine_spec import EngineCandidate, EngineSpec
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.kernels.checks import check_kind

#: Largest gap in um; range of the detuning in um and least power of a line in mW.
MOST_GAP, DETUNINGS, LEAST_POWER = 0.30, (0.0, 200e-6), 0.05
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

    candidate: EngineCandidate
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
    def binding(self) -> list[str]:
        """Names of the limits that are met with nothing to spare, and of the bounds at which the design stands."""
        limits = [name for name, value in self.excess.items() if value > -1e-4]
        ends = {-1.0: "least", 1.0: "largest"}
        return limits + [
            f"{ends[sign]} {name.replace('_', ' ')}"
            for name, sign in zip(DESIGN, np.sign(self.bounds), strict=True)
            if sign != 0.0
        ]

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
    candidate: EngineCandidate,
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

    check_kind("candidate", candidate, EngineCandidate)
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


def _limits(point: EnginePoint, figures: EngineFigures) -> dict[str, jax.Array]:
    found = (
        1.0 - figures.eyes / point.required_q,
        figures.heater_power[0] / point.most_heater_power - 1.0,
        1e-3 * point.channels * point.spacing_ghz / figures.fsr_thz - 1.0,
    )
    return dict(zip(LIMITS, found, strict=True))


#: Places in `DESIGN` whose scale is logarithmic.
_IS_LOG = np.array([True, False, False, False, False, True])


def _scaled(values: np.ndarray) -> np.ndarray:
    return np.where(_IS_LOG, np.log(np.where(_IS_LOG, values, 1.0)), values)


def _unscaled(values: np.ndarray) -> np.ndarray:
    return np.where(_IS_LOG, np.exp(values), values)


def _bounds(spec: EngineSpec) -> tuple[np.ndarray, np.ndarray]:
    gaps = np.array([[spec.least_gap, MOST_GAP]] * 3)
    both = np.array([spec.radii, *gaps, DETUNINGS, (LEAST_POWER, spec.most_line_power)]).T
    return _scaled(both[0]), _scaled(both[1])


def _design_array(design: EngineDesign) -> np.ndarray:
    return np.array([float(getattr(design, name)) for name in DESIGN])


def _with_unit(point: EnginePoint, x: jax.Array, low: jax.Array, high: jax.Array) -> EnginePoint:
    """A point with the design at a place between 0 and 1 of its bounds."""
    values = low + x * (high - low)
    return dataclasses.replace(point, design=EngineDesign(*jnp.where(_IS_LOG, jnp.exp(values), values)))


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
            # The optimiser takes nothing but double precision, whatever JAX computes in.
            found, slopes = (np.asarray(v, float) for v in _values(x, *self.arguments))
            self.at, self.found = x.copy(), (float(found[0]), found[1:], slopes[0], slopes[1:])
        return self.found


def _sized(
    candidate: EngineCandidate, spec: EngineSpec, point: EnginePoint, x: np.ndarray, low: np.ndarray, high: np.ndarray
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
    best = dataclasses.replace(point, design=EngineDesign(*(float(v) for v in _unscaled(values))))
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
