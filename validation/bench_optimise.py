"""Benchmarks of optimisation: a gradient beside its value, and SciPy on the same problems.

The problem is the filter of five coupled rings of docs/designs.md: the mean of the worst tenth of 32 chips by how many
dB they miss a mask, over 11 numbers. `optimise.gradient_filter` is value and gradient beside the value;
`optimise.filter` takes 30 steps from the same start as SciPy's L-BFGS-B, `optimise.welded_beam` goes to the optimum, as
SciPy's SLSQP does, both with compiled derivatives of JAX. Ours traces its loop anew at every call, theirs nothing.
The difference is that of the least values; docs/optimize.md has numbers of evaluations.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.corners import conditional_value_at_risk
from photonics_core.devices.coupled_rings import CoupledRings
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.index import LinearIndex
from photonics_core.optimize import minimize
from photonics_core.spectral_mask import SpectralMask
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare
from photonics_core.validation.optimise import solve
from photonics_core.validation.textbook_problems import PROBLEMS

COUNT, RADIUS, CHIPS, STEPS = 5, 5.0, 32, 30
INDEX = LinearIndex(n_eff=2.4, n_g=4.3, wl0=1.31)
LOW = {"angles": np.full(COUNT + 1, 0.02), "detunings": np.full(COUNT, -0.02)}
HIGH = {"angles": np.full(COUNT + 1, 1.2), "detunings": np.full(COUNT, 0.02)}
START: dict[str, np.ndarray] = {"angles": np.array([0.6, 0.2, 0.12, 0.12, 0.2, 0.6]), "detunings": np.zeros(COUNT)}


def filter_objective() -> Callable[[Any], jax.Array]:
    """The worst tenth of the chips, a function of the design."""
    mask = SpectralMask.flat_top(0.05, 0.12, 0.5, least_db=-2.5, stop_db=-25.0)
    places = jnp.asarray(mask.points((10, 12, 10)))
    errors = jnp.asarray(np.random.default_rng(0).normal(size=(CHIPS, 2 * COUNT + 2)))
    turn = INDEX.n_g * 2.0 * np.pi * RADIUS
    middle = SPEED_OF_LIGHT / AddDropRing(RADIUS, PointCoupler(0.1), PointCoupler(0.1), INDEX).resonance(1.31)

    def misses(design: Any, error: jax.Array) -> jax.Array:
        angles = design["angles"] * jnp.exp(0.06 * error[0] + 0.03 * error[1 : COUNT + 2])
        path = -(design["detunings"] + 0.004 * error[COUNT + 2 :]) / middle * turn
        couplers = PointCoupler(angles, loss_db=jnp.zeros(COUNT + 1))
        rings = CoupledRings(jnp.full(COUNT, RADIUS), couplers, INDEX)
        drop = jnp.abs(rings.amplitudes(SPEED_OF_LIGHT / (middle + places), extra_path=path).drop) ** 2
        return jnp.max(mask.excess_db(places, drop))

    return lambda design: conditional_value_at_risk(jax.vmap(lambda e: misses(design, e))(errors), alpha=0.9)


def filter_run(peers: Path | None) -> Pair:
    """Least value after `STEPS` steps of "lbfgs", beside SciPy's L-BFGS-B with a compiled gradient of JAX."""
    del peers
    from scipy.optimize import minimize as scipy_minimize

    value = filter_objective()
    both = jax.jit(jax.value_and_grad(lambda x: value({"angles": x[: COUNT + 1], "detunings": x[COUNT + 1 :]})))
    start, low, high = (np.concatenate([each["angles"], each["detunings"]]) for each in (START, LOW, HIGH))

    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        found, slope = both(jnp.asarray(low + (high - low) * x))
        return float(found), np.asarray(slope) * (high - low)

    def theirs() -> np.ndarray:
        bounds, options = [(0.0, 1.0)] * start.size, {"maxiter": STEPS}
        found = scipy_minimize(
            scaled, (start - low) / (high - low), jac=True, bounds=bounds, method="L-BFGS-B", options=options
        )
        return np.asarray(found.fun)

    def ours() -> np.ndarray:
        objective = lambda design: (value(design), {})  # noqa: E731
        return np.asarray(minimize(objective, START, LOW, HIGH, steps=STEPS, optimizer="lbfgs", progress=False).value)

    return ours, theirs


def gradient(peers: Path | None) -> Pair:
    """Value and gradient of the filter's objective, beside the value alone."""
    del peers
    value = filter_objective()
    both, alone = jax.jit(jax.value_and_grad(value)), jax.jit(value)
    at = jax.tree.map(jnp.asarray, START)
    return lambda: jax.block_until_ready(both(at))[0], lambda: jax.block_until_ready(alone(at))


def beside_slsqp(name: str) -> Prepare:
    """The least value of a textbook problem, beside SciPy's SLSQP with derivatives of JAX."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        return lambda: np.asarray(solve(name).value), lambda: np.asarray(slsqp(name).fun)

    return prepare


def slsqp(name: str) -> Any:
    """SciPy's result for a textbook problem with inequalities and bounds only."""
    from scipy.optimize import minimize as scipy_minimize

    problem = PROBLEMS[name]
    assert problem.inequality is not None and problem.equality is None
    value, limit = jax.jit(jax.value_and_grad(problem.objective)), jax.jit(problem.inequality)
    slopes = jax.jit(jax.jacobian(problem.inequality))
    constraint = {"type": "ineq", "fun": lambda x: -np.asarray(limit(x)), "jac": lambda x: -np.asarray(slopes(x))}
    return scipy_minimize(
        lambda x: tuple(np.asarray(each) for each in value(x)),
        np.asarray(problem.start),
        jac=True,
        bounds=[(problem.lower, problem.upper)] * len(problem.start),
        constraints=constraint,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )


BENCHMARKS = (
    Benchmark("optimise.filter", "SciPy L-BFGS-B, gradient of JAX", filter_run, "float64"),
    Benchmark("optimise.gradient_filter", "own value alone", gradient, "float64"),
    Benchmark("optimise.welded_beam", "SciPy SLSQP, derivatives of JAX", beside_slsqp("welded_beam"), "float64"),
)
