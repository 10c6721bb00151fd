from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.design_space import DesignSpace, Free
from photonics_core.runtime import as_leaf


class Ring(eqx.Module):
    radius: Any = eqx.field(converter=as_leaf)
    gaps: Any = eqx.field(converter=as_leaf)
    loss: Any = None
    label: str = eqx.field(static=True, default="ring")


BUS = [Ring(5.0, [0.2, 0.3]), Ring(6.0, [0.25, 0.35], loss=2.0)]
RADII = Free(lambda bus: [ring.radius for ring in bus], 4.0, 8.0)
GAPS = Free(lambda bus: bus[1].gaps, 0.1, [0.4, 0.9], "log")


def test_selects_leaves_scales_them_and_leaves_the_others_on_the_host():
    space = DesignSpace.of_free(BUS, [GAPS, RADII])
    assert set(space.start) == {"[0].radius", "[1].radius", "[1].gaps"}
    np.testing.assert_allclose(space.start["[1].radius"], 0.5)
    np.testing.assert_allclose(space.start["[1].gaps"], np.log([2.5, 3.5]) / np.log([4.0, 9.0]))
    changed = space.start | {"[0].radius": np.asarray(0.25), "[1].gaps": np.asarray([1.0, 0.5])}
    design = space.design(changed)
    assert float(design[0].radius) == 5.0 and float(design[1].radius) == 6.0
    np.testing.assert_allclose(design[1].gaps, [0.4, 0.3], rtol=1e-14)
    assert design[0].gaps is BUS[0].gaps and design[1].loss is BUS[1].loss and design[0].label == "ring"


def test_points_and_designs_are_inverse():
    space = DesignSpace.of_free(BUS, [GAPS, RADII])
    back = space.design(space.start)
    for new, old in zip(jax.tree.leaves(back), jax.tree.leaves(BUS), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-14)
    parameters, design = space.end(jax.tree.map(jnp.ones_like, space.start))
    # A last point at the bounds is there to the last digit.
    np.testing.assert_array_equal(parameters["[1].gaps"], [0.4, 0.9])
    np.testing.assert_array_equal(design[1].gaps, [0.4, 0.9])


def test_slopes_per_range_are_those_of_the_scale(assert_gradient):
    space = DesignSpace.of_free(BUS, [GAPS, RADII])
    total = lambda point: sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(space.design(point)))  # noqa: E731
    assert_gradient(total, space.start)
    slope = jax.grad(total)(jax.tree.map(jnp.asarray, space.start))
    for leaf, path in ((each, each.path) for each in space.leaves):
        np.testing.assert_allclose(slope[path], np.cos(leaf.start) * leaf.width(leaf.start), rtol=1e-12)


def test_a_part_of_the_design_stands_for_its_leaves():
    space = DesignSpace.of_free(BUS, Free(lambda bus: bus[0], 0.0, 10.0))
    assert set(space.start) == {"[0].radius", "[0].gaps"}


def test_samples_fill_the_box_evenly_and_fixed_numbers_stay():
    space = DesignSpace.of_bounds({"a": np.zeros(2), "b": 1.0}, {"a": -1.0, "b": 1.0}, {"a": np.ones(2), "b": 1.0})
    points = space.samples(64, seed=5)
    assert points["a"].shape == (64, 2) and np.all(points["b"] == 0.0)
    # Each of 8 x 8 cells holds one point of 64.
    cells = np.floor(8 * points["a"]).astype(int)
    assert len({tuple(cell) for cell in cells}) == 64
    np.testing.assert_array_equal(points["a"][:11], space.samples(11, seed=5)["a"])
    assert np.any(points["a"] != space.samples(64, seed=6)["a"])


@pytest.mark.parametrize(
    ("free", "message"),
    [
        ([], "free is empty"),
        ([Free(lambda bus: bus[0].loss, 0.0, 1.0)], r"free\[0\].where selects nothing"),
        ([RADII, Free(lambda bus: bus[1].radius, 0, 9)], r"free\[1\].where selects \[1\].radius twice"),
        ([Free(lambda bus: (bus[0].radius, bus[0].radius), 0, 9)], r"selects \[0\].radius twice"),
        ([Free(lambda bus: bus[0].gaps[0], 0, 9)], r"free\[0\].where does not select whole leaves"),
        ([Free(lambda bus: bus[0].width, 0, 9)], "has no attribute 'width'"),
        ([Free(lambda bus: 3.0, 0, 9)], "returns something that is no leaf"),
        ([Free(lambda bus: bus[0].radius, 6.0, 9.0)], r"start\[0\].radius = 5 is outside \[6, 9\]"),
        ([Free(lambda bus: bus[0].radius, 9.0, 6.0)], r"bounds of start\[0\].radius cross: lower = 9, upper = 6"),
        ([Free(lambda bus: bus[0].radius, 0.0, 6.0, "log")], "lower bound of .* = 0 is not above zero"),
        ([Free(lambda bus: bus[0].radius, 0.0, np.inf)], "upper bound of .* is not finite"),
        ([Free(lambda bus: bus[0].gaps, 0.0, np.ones(3))], r"of shape \(3,\) is not a number or of shape \(2,\)"),
        ([Free(lambda bus: bus[0].radius, 5.0, 5.0)], "every lower bound equals its upper bound"),
        (["radius"], r"free\[0\] = 'radius' is not of the kind Free"),
    ],
)
def test_bad_choices_of_what_is_free_are_named(free, message):
    with pytest.raises(ValueError, match=message):
        DesignSpace.of_free(BUS, free)


def test_other_bad_input():
    with pytest.raises(ValueError, match="scale = 'cubic' is not one of"):
        Free(lambda x: x, 0, 1, "cubic")
    with pytest.raises(ValueError, match="is not made of real numbers"):
        DesignSpace.of_bounds({"a": 1j}, {"a": 0.0}, {"a": 1.0})
    with pytest.raises(ValueError, match="is traced"):
        jax.jit(lambda x: DesignSpace.of_bounds(x, 0.0, 1.0).start)(0.5)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_no_point_lies_outside_the_bounds_by_rounding(scale):
    lower = np.random.default_rng(0).uniform(0.01, 0.5, 300)
    upper = lower + np.random.default_rng(1).uniform(0.1, 3.0, 300)
    space = DesignSpace.of_free({"a": lower}, Free(lambda d: d["a"], lower, upper, scale))
    place = lambda u: space.design({"['a']": u})["a"]  # noqa: E731
    for u in (0.0, 1.0):
        x = place(jnp.full(300, u))
        assert np.all(lower <= x) and np.all(x <= upper)
    # The slope at a bound is that of a point inside.
    slope = jax.grad(lambda u: jnp.sum(place(u)))(jnp.ones(300))
    np.testing.assert_allclose(slope, space.leaves[0].width(upper), rtol=1e-12)


def test_bounds_that_cross_are_told_by_the_pair_that_does():
    with pytest.raises(ValueError, match="cross: lower = -1, upper = -2"):
        DesignSpace.of_bounds(np.zeros(2), np.asarray([-1.0, 2.0]), np.asarray([-2.0, 3.0]))
    with pytest.raises(ValueError, match="lower bound of start is traced"):
        jax.jit(lambda x: DesignSpace.of_bounds(np.zeros(2), x, 1.0).start)(0.0)
    with pytest.raises(ValueError, match="free = 5 is neither of the kind Free nor a list"):
        DesignSpace.of_free(BUS, 5)  # pyright: ignore[reportArgumentType]
