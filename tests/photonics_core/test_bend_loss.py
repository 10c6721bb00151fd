"""Bend loss: integrals along paths against quadrature, the law of jumps, gradients, and a fit of solved modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from photonics_core import (
    Arc,
    BendLoss,
    CosineSBend,
    CrossSection,
    EulerBend,
    PathChain,
    Straight,
    fit_bend_loss,
    path_loss_db,
    s_bend,
)

LOSS = BendLoss(2.0, 3.0, 0.5)
DB = 10.0 / np.log(10.0)


def test_an_arc_loses_its_length_and_two_jumps():
    arc = Arc(3.0, 1.2)
    radiated = DB * np.exp(2.0 - 9.0) * 3.6
    jumps = -2.0 * 10.0 * np.log10(1.0 - 0.5 / 9.0)
    assert float(path_loss_db(arc, LOSS)) == pytest.approx(radiated + jumps, rel=1e-12)
    # Of straight guides nothing is lost, and nothing that light meets on its way is lost twice.
    chain = PathChain([Straight(50.0), arc, Straight(5.0)])
    assert float(path_loss_db(chain, LOSS)) == pytest.approx(radiated + jumps, rel=1e-12)
    assert float(path_loss_db(Straight(50.0), LOSS)) == 0.0
    twice = PathChain([arc, Arc(3.0, 0.4)])
    assert float(path_loss_db(twice, LOSS)) == pytest.approx(radiated * 4.0 / 3.0 + jumps, rel=1e-12)


def test_a_bend_without_clothoids_loses_what_its_arc_does():
    arc, bend = Arc(3.0, 1.2), EulerBend(3.0, 1.2, 0.0)
    assert float(path_loss_db(bend, LOSS)) == pytest.approx(float(path_loss_db(arc, LOSS)), rel=1e-12)
    pair = (float(path_loss_db(PathChain([each, each]), LOSS)) for each in (bend, arc))
    assert next(pair) == pytest.approx(next(pair), rel=1e-12)


def test_arcs_of_an_s_bend_meet_in_one_jump():
    """From left to right the curvature jumps by twice what it does at either end."""
    arcs = s_bend(6.0, 2.0, "arc")
    steps = np.asarray(arcs.curvature_steps())
    jumps = steps[steps != 0.0]
    np.testing.assert_allclose(jumps, np.array([1.0, -2.0, 1.0]) / 5.0, rtol=1e-12)
    traced = jax.jit(lambda run: s_bend(run, 2.0, "arc").curvature_steps())(6.0)
    np.testing.assert_allclose(traced, steps, atol=1e-12)


@pytest.mark.parametrize("path", [EulerBend(2.0, 1.5), s_bend(15.0, 6.0, "euler"), CosineSBend(15.0, 6.0)])
def test_the_integral_is_that_of_quadrature(path):
    def density(t):
        points = path.at(np.array([t]))
        size = abs(points.curvature[0])
        return points.speed[0] * np.exp(2.0 - 3.0 / size) if size > 1e-4 else 0.0

    exact, _ = quad(density, 0.0, 1.0, epsabs=1e-13, limit=400, points=[0.5])
    only = BendLoss(2.0, 3.0)
    assert float(path_loss_db(path, only)) == pytest.approx(DB * exact, rel=1e-9)


def test_an_euler_bend_beats_an_arc_of_the_same_ends_where_jumps_count():
    arc = Arc(4.0, 0.5 * np.pi)
    euler = EulerBend.of_effective_radius(4.0, 0.5 * np.pi, 0.4)
    np.testing.assert_allclose(arc.end(), euler.end(), atol=1e-12)
    assert path_loss_db(euler, LOSS) < path_loss_db(arc, LOSS)
    # The loss of a jump goes as its square, and on beyond the law without a break.
    small = [float(LOSS.step_db(size)) for size in (1e-3, 2e-3)]
    assert small[1] / small[0] == pytest.approx(4.0, rel=1e-5)
    for size in (0.999, 1.001, 30.0):
        assert np.isfinite(LOSS.step_db(size))
    assert float(LOSS.step_db(1.0001) - LOSS.step_db(0.9999)) == pytest.approx(2e-4 * DB * 2.0, rel=1e-3)


def test_gradients_are_those_of_differences_and_finite_where_nothing_bends():
    def figure(tree):
        loss = BendLoss(tree["offset"], tree["slope"], tree["mismatch"])
        bend = PathChain([EulerBend(tree["radius"], tree["angle"], 0.0), EulerBend(2.0, tree["angle"], 0.7)])
        return path_loss_db(bend, loss)

    tree = {"offset": 2.0, "slope": 3.0, "mismatch": 0.5, "radius": 2.5, "angle": 0.8}
    slope = jax.jit(jax.grad(figure))
    exact = slope(jax.tree.map(jnp.asarray, tree))
    for name, value in tree.items():
        at = [float(figure(tree | {name: value + step})) for step in (-2e-3, -1e-3, 1e-3, 2e-3)]
        difference = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / 12e-3
        assert float(exact[name]) == pytest.approx(difference, abs=1e-8), name
    straight = slope(jax.tree.map(jnp.asarray, tree | {"angle": 0.0}))
    assert np.all(np.isfinite(np.stack(jax.tree.leaves(straight))))
    bends = jax.jit(jax.vmap(jax.grad(lambda k: LOSS.radiation(k))))(jnp.array([0.0, 1e-9, 1e-4, 0.3]))
    assert np.all(np.isfinite(bends)) and float(bends[0]) == 0.0


def test_bad_values_are_refused():
    for make, message in (
        (lambda: BendLoss(float("nan"), 1.0), "offset = nan"),
        (lambda: BendLoss(1.0, 0.0), "slope = 0 1/um"),
        (lambda: BendLoss(1.0, 1.0, -1.0), r"mismatch = -1 um\^2"),
        (lambda: path_loss_db("bend", LOSS), "path = 'bend' is no GuidePath"),  # pyright: ignore
        (lambda: fit_bend_loss(CrossSection.strip(0.45, 0.22), 1.55, [5.0]), "radii = .5.0. are not two"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


@pytest.mark.slow
def test_a_fit_of_solved_modes_follows_them():
    section = CrossSection.strip(0.45, 0.22)
    loss = fit_bend_loss(section, 1.55, (2.4, 2.7, 3.0, 3.5), accuracy="fast")
    # Solved at these radii by themselves: 0.2853, 0.0618, 0.01324 and 0.00082 dB/cm; all lie within 15 % of the line.
    for radius, solved in ((2.4, 0.2853), (2.7, 0.0618), (3.0, 0.01324), (3.5, 0.00082)):
        assert 1e4 * DB * float(loss.radiation(1.0 / radius)) == pytest.approx(solved, rel=0.15)
    assert 0.03 < float(loss.mismatch) < 0.045
    with pytest.raises(ValueError, match="a bend of 8 um loses"):
        fit_bend_loss(section, 1.55, (2.4, 8.0), accuracy="fast")
