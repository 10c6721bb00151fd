"""Runs as a whole: free leaves of a device, constraints, many starts, trouble on the way, and exact resume."""

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from photonics_core import optimize_run
from photonics_core.constraints import Constraints
from photonics_core.corners import conditional_value_at_risk, epigraph, over_corners
from photonics_core.design_space import Free
from photonics_core.optimize import minimize
from photonics_core.optimize_checkpoint import save_run
from photonics_core.runtime import as_leaf
from photonics_core.store import StoreError


class Plate(eqx.Module):
    """A rectangle whose area is to be large, with a fixed thickness that is no array of JAX."""

    sides: Any = eqx.field(converter=as_leaf)
    thickness: Any = eqx.field(converter=as_leaf)
    label: str = eqx.field(static=True, default="plate")

    @property
    def area(self):
        return self.sides[0] * self.sides[1]


def largest_plate(**options):
    """Area at a circumference of at most 12, with one side at most 2: 2 x 4, and 2 more area for each unit of it."""
    given = {
        "free": Free(lambda plate: plate.sides, 0.5, [2.0, 9.0], "log"),
        "constraints": Constraints(lambda plate: {"round": 2.0 * jnp.sum(plate.sides) - 12.0}, tolerance=1e-9),
        "optimizer": "lbfgs",
        "steps": 80,
        "progress": False,
    }
    return minimize(lambda plate: (-plate.area, {"area": plate.area}), Plate([1.0, 1.0], 0.2), **(given | options))


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """One constrained run, kept in a checkpoint on the way."""
    path = tmp_path_factory.mktemp("run") / "plate.h5"
    return path, largest_plate(checkpoint=path, every=7)


def test_a_constrained_optimum_of_free_leaves(plate):
    found = plate[1]
    np.testing.assert_allclose(found.design.sides, [2.0, 4.0], rtol=1e-7)
    assert float(found.design.sides[0]) == 2.0
    np.testing.assert_array_equal(found.parameters[".sides"], found.design.sides)
    assert found.design.label == "plate" and isinstance(found.design.thickness, np.ndarray)
    assert found.is_feasible and found.stopped is not None and "converged" in found.stopped
    assert set(found.history) == {"objective", "gradient_norm", "area", "violation", "penalty"}
    assert found.start_value == -1.0 and found.value == pytest.approx(-8.0, rel=1e-7)


def test_multipliers_are_the_slopes_of_the_optimum(plate):
    """area = a (6 - a) at a = 2 with the circumference p: d area / dp = a / 2 = 1, and d area / da = 4 - 2 = 2."""
    found = plate[1]
    np.testing.assert_allclose(found.multipliers["round"], 1.0, rtol=1e-6)
    sides, limit = found.ends
    np.testing.assert_array_equal(sides.active, [True, False])
    # Negative at an upper bound: the objective, less the area, falls as the side grows.
    np.testing.assert_allclose(sides.multiplier, [-2.0, 0.0], rtol=1e-6)
    assert limit.active and float(limit.start) == -8.0


def test_the_report_is_a_table(plate):
    lines = plate[1].report().splitlines()
    assert lines[0].startswith("objective -1 -> -8, met at step")
    assert lines[1].startswith("ended: converged")
    assert "constraints: feasible" in lines[2]
    assert [line.split() for line in lines if line.startswith(".sides[0]")] == [
        [".sides[0]", "1", "2", "0.5", "to", "2", "yes", "-2"]
    ]
    (row,) = [line.split() for line in lines if line.startswith("round")]
    assert row[0] == "round" and row[1] == "-8" and abs(float(row[2])) < 1e-8
    assert row[3:] == ["at", "most", "0", "yes", "1"]


def same(one, other):
    """Two optima, bit for bit."""
    assert jax.tree.map(lambda x: np.asarray(x).tobytes(), one.parameters) == jax.tree.map(
        lambda x: np.asarray(x).tobytes(), other.parameters
    )
    assert (one.value, one.step, one.stopped, one.halved) == (other.value, other.step, other.stopped, other.halved)
    assert {k: v.tobytes() for k, v in one.history.items()} == {k: v.tobytes() for k, v in other.history.items()}
    for a, b in zip(one.ends, other.ends, strict=True):
        assert (a.end.tobytes(), a.multiplier.tobytes()) == (b.end.tobytes(), b.multiplier.tobytes())


def test_a_run_that_was_stopped_goes_on_bit_for_bit(plate, tmp_path):
    first = largest_plate(checkpoint=tmp_path / "run.h5", steps=11, every=4)
    assert first.stopped is None and first.history["objective"].size == 12
    same(largest_plate(checkpoint=tmp_path / "run.h5", every=5), plate[1])


@pytest.mark.slow
def test_a_run_that_has_ended_is_only_read(plate, monkeypatch):
    monkeypatch.setattr(optimize_run, "save_run", None)
    same(largest_plate(checkpoint=plate[0]), plate[1])


@pytest.mark.slow
def test_a_checkpoint_of_another_problem_is_refused(plate):
    other = Free(lambda plate: plate.sides, 0.5, [2.5, 9.0], "log")
    with pytest.raises(StoreError, match=r"of another problem: rules constraint_tolerance = 1e-09 there") as e:
        largest_plate(
            checkpoint=plate[0],
            free=other,
            constraints=Constraints(lambda plate: {"round": 2.0 * jnp.sum(plate.sides) - 12.0}, tolerance=1e-8),
        )
    assert "upper .sides = [2.0, 9.0] there and [2.5, 9.0] here" in str(e.value)


@pytest.mark.slow
def test_a_limit_that_has_changed_is_another_problem(plate):
    """Neither limit holds the start, so that value and slope of the objective there are the same."""
    wider = Constraints(lambda plate: {"round": 2.0 * jnp.sum(plate.sides) - 13.0}, tolerance=1e-9)
    with pytest.raises(StoreError, match=r'constraint at the start round = \["-8"\] there and \["-9"\] here'):
        largest_plate(checkpoint=plate[0], constraints=wider)


def valley(parameters):
    """Finite only from 0.3 on; least at 0.35."""
    x = parameters["x"]
    return jnp.where(x < 0.3, jnp.nan, (x - 0.35) ** 2), {}


def test_steps_back_and_halves_where_the_value_is_not_finite():
    # The first step of 1.5 x 1.1 goes to the lower bound, where there is no value.
    found = minimize(valley, {"x": 0.9}, {"x": 0.0}, {"x": 1.0}, steps=200, optimizer=optax.sgd(1.5), progress=False)
    assert found.stopped is None and found.halved[0] == 1 and 1 <= len(found.halved) <= 4
    assert np.isnan(found.history["objective"][1])
    np.testing.assert_allclose(found.parameters["x"], 0.35, atol=1e-6)
    assert f"went back and halved the step: {len(found.halved)} times" in found.report()


def sudden(parameters):
    """Its value is finite everywhere, and its slope only above 0.3."""
    x = parameters["x"]
    return (x - 0.31) ** 2 + jnp.where(x < 0.3, 0.0 * jnp.sqrt(jnp.maximum(x, 0.3) - 0.3), 0.0), {}


@pytest.mark.slow
def test_quasi_newton_steps_go_back_where_the_slope_is_not_finite():
    # The first step is 0.1 of the range and goes to 0.28.
    found = minimize(sudden, {"x": 0.38}, {"x": 0.0}, {"x": 1.0}, optimizer="lbfgs", progress=False)
    assert found.halved == (1,) and found.stopped is not None and "converged" in found.stopped
    np.testing.assert_allclose(found.parameters["x"], 0.31, atol=1e-8)


def waves(parameters):
    x = parameters["x"]
    return jnp.sum(0.1 * x**2 - jnp.cos(3.0 * x)), {}


def test_many_starts_find_the_least_of_many_minima():
    bounds = {"x": np.full(2, -6.0)}, {"x": np.full(2, 7.0)}
    options: dict[str, Any] = {"optimizer": "lbfgs", "steps": 60, "progress": False}
    found = minimize(waves, {"x": np.asarray([4.1, -4.2])}, *bounds, starts=32, seed=1, **options)
    np.testing.assert_allclose(found.parameters["x"], 0.0, atol=1e-6)
    assert found.start_values.shape == (32,) and found.value == np.min(found.start_values) == pytest.approx(-2.0)
    # The first start is the given one, and ends in a minimum beside it.
    assert found.start_values[0] > -1.0
    assert found.history["objective"].ndim == 1
    assert "starts: 32" in found.report()


@pytest.mark.slow
def test_starts_where_there_is_no_value_are_left_behind():
    found = minimize(valley, {"x": 0.9}, {"x": 0.0}, {"x": 1.0}, starts=16, optimizer="sgd", rate=0.3, progress=False)
    np.testing.assert_allclose(found.parameters["x"], 0.35, atol=1e-5)
    lost = np.isinf(found.start_values)
    assert 2 <= np.sum(lost) <= 8 and np.all(found.start_values[~lost] < 1e-6)


def test_ends_early_without_improvement():
    found = minimize(
        lambda p: (jnp.sum(p**2), {}), np.ones(2), -1.0 * np.ones(2), np.ones(2), steps=300, rate=0.2, optimizer="adam",
        patience=10, progress=False,
    )  # fmt: skip
    assert found.stopped is not None and "no improvement in 10 steps" in found.stopped
    assert found.history["objective"].size < 250 and found.value < 1e-2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "newton"}, "optimizer = 'newton' is not one of 'lbfgs', 'adabelief'"),
        ({"optimizer": 3}, "optimizer = 3 is not an optax optimiser"),
        ({"free": None}, "neither lower and upper nor free"),
        ({"free": []}, "start has no free parameter"),
        ({"lower": 1.0}, "give one of them"),
        ({"constraints": Constraints(lambda p: p.area)}, "inequalities does not return a dict of named arrays"),
        ({"constraints": Constraints({"loss": 1.0})}, "inequalities asks for 'loss', which is no metric"),
        ({"constraints": Constraints(lambda p: {"a": p.area}, lambda p: {"a": p.area})}, "'a' is the name of an equ"),
        ({"constraints": Constraints(lambda p: {"a": p.area > 1.0})}, "'a' of type bool is not made of real"),
        ({"constraints": Constraints({"area": 1.0}, scales={"b": 1.0})}, r"scales\['b'\] is not the name"),
        ({"steps": 0}, "steps = 0 is outside"),
        ({"starts": 0}, "starts = 0 is outside"),
        ({"patience": 0}, "patience = 0 is outside"),
        ({"rate": -1.0}, "rate = -1 is outside"),
        ({"steps": 2.5}, "steps = 2.5 is not a whole number"),
        ({"starts": 2.5}, "starts = 2.5 is not a whole number"),
        ({"seed": -1}, "seed = -1 is outside"),
        ({"free": 5}, "free = 5 is neither of the kind Free nor a list"),
        ({"free": None, "lower": 0.0}, "upper is missing"),
        ({"constraints": lambda plate: {"a": plate.area}}, "constraints = .* is not of the kind Constraints"),
    ],
)
def test_bad_problems_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        largest_plate(**change)


def test_what_is_not_finite_at_the_start_is_named():
    start, lower, upper = {"x": 0.0, "y": 0.5}, {"x": -1.0, "y": -1.0}, {"x": 1.0, "y": 1.0}
    run = partial(minimize, start=start, lower=lower, upper=upper, steps=2, progress=False)
    with pytest.raises(ValueError, match=r"gradient of the objective in start\['x'\] at the start is not finite"):
        run(lambda p: (jnp.sqrt(p["x"]) + p["y"], {}))
    with pytest.raises(ValueError, match="inequality 'far' at the start is not finite"):
        run(lambda p: (p["y"], {}), constraints=Constraints(lambda p: {"far": p["y"] / p["x"] * jnp.ones(3)}))


def test_bad_constraints_are_named():
    with pytest.raises(ValueError, match=r"scales\['a'\] = 0 is outside"):
        Constraints(scales={"a": 0.0})
    with pytest.raises(ValueError, match="tolerance = -1 is outside"):
        Constraints(tolerance=-1.0)
    with pytest.raises(ValueError, match="inner_steps = 0 is outside"):
        Constraints(inner_steps=0)


def three(x, corner):
    """Charalambous and Bandler's minimax problem: least worst case 1.9522245 at (1.139038, 0.899560)."""
    values = jnp.stack([x[0] ** 2 + x[1] ** 4, (2.0 - x[0]) ** 2 + (2.0 - x[1]) ** 2, 2.0 * jnp.exp(x[1] - x[0])])
    return values[corner], {}


@pytest.mark.slow
def test_the_epigraph_solves_a_minimax_problem():
    objective, inequalities = epigraph(three, jnp.arange(3))
    bounds = (np.full(2, -3.0), -10.0), (np.full(2, 3.0), 30.0)
    found = minimize(
        objective, (np.asarray([1.0, -0.1]), 5.0), *bounds, optimizer="lbfgs", steps=200, progress=False,
        constraints=Constraints(inequalities, tolerance=1e-9),
    )  # fmt: skip
    np.testing.assert_allclose(found.value, 1.9522245, atol=1e-6)
    np.testing.assert_allclose(found.parameters[0], [1.139038, 0.899560], atol=1e-5)
    weights = found.multipliers["corner"]
    np.testing.assert_allclose(np.sum(weights), 1.0, atol=1e-6)
    # Two of the three are the worst; the slopes of both cancel with their weights.
    assert np.all(weights[:2] > 0.1) and weights[2] == 0.0


@pytest.mark.slow
def test_gradient_steps_lower_the_risk_over_corners():
    corners = np.random.default_rng(0).normal(size=40)
    whole = over_corners(
        lambda x, c: (jnp.sum((x - 0.5) ** 2) + jnp.abs(x[0] - c), {}),
        corners,
        partial(conditional_value_at_risk, alpha=0.8),
    )
    found = minimize(whole, np.asarray([2.0, 2.0]), np.full(2, -3.0), np.full(2, 3.0), steps=500, progress=False)
    grid = np.linspace(-3.0, 3.0, 601)
    best = min(float(jax.jit(whole)(jnp.asarray([x, 0.5]))[0]) for x in grid)
    assert found.value <= best + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam"])
def test_first_order_optimisers_meet_constraints(optimizer):
    found = largest_plate(
        optimizer=optimizer,
        steps=3000,
        rate=0.02,
        constraints=Constraints(lambda plate: {"round": 2.0 * jnp.sum(plate.sides) - 12.0}, tolerance=1e-4),
    )
    assert found.is_feasible
    np.testing.assert_allclose(found.design.sides, [2.0, 4.0], rtol=1e-3)
    np.testing.assert_allclose(found.multipliers["round"], 1.0, rtol=2e-2)


@pytest.mark.slow
def test_constrained_run_in_float32(float32):
    found = largest_plate(constraints=Constraints({"area": 7.0}))
    assert found.design.sides.dtype == jnp.float32
    np.testing.assert_allclose(found.value, -7.0, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "lbfgs"},
        {"optimizer": "yogi"},
        {"optimizer": optax.noisy_sgd(0.1, key=3)},
        {"optimizer": optax.lbfgs()},
        {"optimizer": "lbfgs", "starts": 3},
        {"optimizer": "adam", "starts": 3, "patience": 15},
    ],
    ids=["lbfgs", "yogi", "noise", "optax-lbfgs", "many", "patience"],
)  # fmt: skip
def test_stopping_at_any_step_changes_nothing(options, tmp_path, monkeypatch):
    whole = largest_plate(steps=24, **options)
    for last in (1, 8, 19):

        def broken(path, state, rows, facts, last=last):
            if len(rows) > last:
                raise KeyboardInterrupt
            save_run(path, state, rows, facts)

        path = tmp_path / f"{last}.h5"
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(optimize_run, "save_run", broken)
            largest_plate(steps=24, checkpoint=path, every=1, **options)
        same(largest_plate(steps=24, checkpoint=path, every=3, **options), whole)


PROGRAM = """
import sys, jax, numpy as np
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
from photonics_core.optimize import minimize
from photonics_core.constraints import Constraints

def objective(p):
    x = p["x"]
    return jnp.sum((1.0 - x[:-1]) ** 2 + 100.0 * (x[1:] - x[:-1] ** 2) ** 2), {}

path = sys.argv[1] if len(sys.argv) > 1 else None
found = minimize(
    objective, {"x": np.full(6, -0.5)}, {"x": np.full(6, -2.0)}, {"x": np.full(6, 2.0)}, optimizer="adam", steps=600,
    constraints=Constraints(lambda p: {"ball": jnp.sum(p["x"] ** 2) - 3.0}), checkpoint=path, every=1, progress=False,
)
everything = [found.parameters["x"], found.value, *found.history.values(), found.ends[1].multiplier]
print("RESULT", "".join(np.asarray(each).tobytes().hex() for each in everything))
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_bit_for_bit(tmp_path):
    """SIGKILL at random times, with a checkpoint after every step, until the run gets to its end."""

    def start(*arguments):
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})

    def result(process):
        out = process.communicate()[0]
        return next((line for line in out.splitlines() if line.startswith("RESULT")), None)

    expected, path, dice = result(start()), tmp_path / "run.h5", random.Random(5)
    assert expected is not None
    kills, found = 0, None
    while found is None:
        process = start(path)
        # The first steps are waited for, so that every run gets on.
        before = path.stat().st_mtime_ns if path.exists() else 0
        while process.poll() is None and (not path.exists() or path.stat().st_mtime_ns == before):
            time.sleep(0.005)
        if kills < 6:
            time.sleep(dice.uniform(0.0, 1.5))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
        found = result(process)
    assert kills >= 3
    assert found == expected
    assert [each for each in tmp_path.iterdir() if not each.name.startswith(".tmp-")] == [path]


def bowl(parameters):
    """Least at one everywhere."""
    return jnp.sum((parameters - 1.0) ** 2), {}


def kept_off(start, limit, **options):
    """The bowl with a constraint that keeps its bottom out, from a start in [-5, 5]."""
    given = {"constraints": Constraints(limit), "optimizer": "lbfgs", "progress": False}
    return minimize(bowl, start, np.full(start.size, -5.0), np.full(start.size, 5.0), **(given | options))


@pytest.mark.slow
@pytest.mark.parametrize("off", [0.0, 1e-10, 1e-6, 1e-3, 1e-2])
def test_a_run_may_start_from_the_optimum_without_constraints(off):
    found = kept_off(np.full(3, 1.0 + off), lambda x: {"far": 2.0 - x})
    assert found.is_feasible and found.stopped is not None and "converged" in found.stopped
    np.testing.assert_allclose(found.parameters, 2.0, atol=1e-5)
    np.testing.assert_allclose(found.multipliers["far"], 2.0, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("off", [0.0, 1e-9, 1e-6, 1e-2])
def test_multipliers_are_those_of_the_point_where_the_run_has_converged(off):
    """Seen on the way is a point within the tolerance with no multipliers yet: least 1 - x along the circle."""
    found = kept_off(np.full(2, off), lambda x: {"ball": jnp.sum(x**2) - 1.0})
    np.testing.assert_allclose(found.parameters, np.sqrt(0.5), atol=1e-6)
    np.testing.assert_allclose(found.multipliers["ball"], np.sqrt(2.0) - 1.0, rtol=1e-5)


@pytest.mark.slow
def test_one_array_of_numbers_in_other_units_is_met_in_each():
    """A stress in pascals must not hide that a width is wrong: x >= y, both at least 0.2, beside 1e6 (x + z) <= 3e6."""
    found = minimize(
        lambda d: (jnp.sum(d**2) - 6.0 * d[1], {}), np.asarray([0.5, 0.4, 0.3]), np.full(3, 0.2), np.full(3, 4.0),
        constraints=Constraints(lambda d: {"all": jnp.stack([1e6 * (d[0] + d[2] - 3.0), d[1] - d[0]])}),
        optimizer="lbfgs", progress=False,
    )  # fmt: skip
    assert found.is_feasible
    np.testing.assert_allclose(found.parameters, [1.5, 1.5, 0.2], atol=1e-4)
    np.testing.assert_allclose(found.multipliers["all"], [0.0, 3.0], atol=1e-3)


@pytest.mark.slow
def test_a_slope_whose_square_is_too_large_to_hold_is_no_end(float32):
    found = minimize(
        lambda x: (1e20 * jnp.sum((x - 0.3) ** 2), {}), np.zeros(2), -np.ones(2), np.ones(2), optimizer="lbfgs",
        progress=False,
    )  # fmt: skip
    np.testing.assert_allclose(found.parameters, 0.3, atol=1e-4)
    assert np.all(np.isfinite(found.history["gradient_norm"]))


def test_a_bound_with_a_slope_that_points_inwards_does_not_hold():
    # One step too long ends on the lower bound, below the minimum at 0.05.
    found = minimize(
        lambda x: ((x - 0.05) ** 2, {}), np.asarray(0.6), 0.0, 1.0, steps=1, optimizer=optax.sgd(1.5), progress=False
    )
    assert float(found.parameters) == 0.0 and not found.active[""] and found.ends[0].multiplier == 0.0


@pytest.mark.slow
def test_constraints_at_the_start_are_those_of_the_given_one():
    found = minimize(
        waves, {"x": np.asarray([4.1, -4.2])}, {"x": np.full(2, -6.0)}, {"x": np.full(2, 7.0)}, starts=8, steps=1,
        constraints=Constraints(lambda p: {"sum": jnp.sum(p["x"]) - 9.0}), progress=False,
    )  # fmt: skip
    assert found.value != found.start_values[0]
    np.testing.assert_allclose(found.ends[1].start, -9.1)


@pytest.mark.parametrize("name", ["objective", "gradient_norm", "penalty", "_status"])
def test_a_metric_has_a_name_of_its_own(name):
    with pytest.raises(ValueError, match=f"metric '{name}' has the name of another column"):
        minimize(
            lambda x: (jnp.sum(x), {name: x[0]}), np.zeros(2), -np.ones(2), np.ones(2), progress=False,
            constraints=Constraints(lambda x: {"far": x}),
        )  # fmt: skip


def test_metrics_and_objectives_of_a_wrong_kind():
    run = partial(minimize, start=np.zeros(2), lower=-np.ones(2), upper=np.ones(2), progress=False)
    with pytest.raises(ValueError, match="metric 'z' of type complex128 is not real"):
        run(lambda x: (jnp.sum(x), {"z": jax.lax.complex(x[0], x[0])}))
    with pytest.raises(ValueError, match="objective = None is not a function"):
        run(None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="depends on a traced value: no optimisation runs inside jit"):
        jax.jit(lambda s: run(lambda x: (jnp.sum((x - s) ** 2), {}), steps=1).value)(0.1)


def test_numbers_of_numpy_and_jax_go_into_a_checkpoint(tmp_path):
    kept_off(
        np.zeros(2), lambda x: {"far": x - 0.5}, optimizer="sgd", steps=np.int64(2), every=np.int32(5),
        patience=np.int64(9), rate=jnp.asarray(0.1), tolerance=np.float32(0.1), checkpoint=tmp_path / "run.h5",
        constraints=Constraints(lambda x: {"far": x - 0.5}, scales={"far": cast(float, np.float32(0.1))}),
    )  # fmt: skip
    assert (tmp_path / "run.h5").exists()


@pytest.mark.slow
def test_an_object_of_optax_may_go_on_to_more_steps(tmp_path):
    run = partial(
        minimize, bowl, np.zeros(2), -np.ones(2), np.ones(2), optimizer=optax.adam(1e-2), progress=False,
    )  # fmt: skip
    run(steps=300, checkpoint=tmp_path / "run.h5")
    same(run(steps=600, checkpoint=tmp_path / "run.h5"), run(steps=600))
