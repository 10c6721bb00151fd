"""Layers, boundaries and shapes: units, bad input, and shapes' transforms against their points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Circle, Disk, Point, Rectangle
from photonics_core.thermal_stack import (
    THERMAL_MATERIALS,
    Adiabatic,
    Convection,
    FixedTemperature,
    Layer,
    ThermalRegion,
    ThermalStack,
)

OXIDE = Layer("oxide", 2.0, 1.4, contact=1e-8)
SHAPES = [
    Point(1.0, 2.0),
    Circle(1.0, 2.0, 5.0),
    Annulus(1.0, 2.0, 4.0, 5.0),
    Disk(1.0, 2.0, 5.0),
    Rectangle(1.0, 2.0, 3.0, 8.0, 0.4),
    Polygon([[0, 0], [6, 1], [2, 2], [1, 5.0]]),
]


def test_one_layer_has_its_resistance():
    """2 um of 1.4 W/(m K) over a square of 1 mm^2 is 1.43e-3 K/W; contact and convection add theirs."""
    stack = ThermalStack((OXIDE,), Convection(1e5), Adiabatic())
    top = ThermalRegion(Point(), "oxide", 2.0 - 1e-6, 1e-6)
    # K um^2/mW over 1e6 um^2 is 1e3 K/W.
    found = float(stack.transfer(0.0, top, top)) * 1e-6 * 1e3
    np.testing.assert_allclose(found, 2e-6 / 1.4 / 1e-6 + 1e-8 / 1e-6 + 1.0 / (1e5 * 1e-6), rtol=1e-6)


def test_layers_by_their_heights():
    layers = (Layer("a", 1.0, 100.0), OXIDE)
    stack = ThermalStack.between([(0.0, 3.0), (3.0, 4.5)], layers, FixedTemperature(), Adiabatic())
    assert [float(layer.thickness) for layer in stack.layers] == [3.0, 1.5]
    assert float(stack.layers[1].contact) == 1e-8
    with pytest.raises(ValueError, match="'a' up to 3 um and 'oxide' from 2.5 um overlap"):
        ThermalStack.between([(0.0, 3.0), (2.5, 4.5)], layers, FixedTemperature(), Adiabatic())
    with pytest.raises(ValueError, match="leave a gap"):
        ThermalStack.between([(0.0, 3.0), (3.5, 4.5)], layers, FixedTemperature(), Adiabatic())


def test_bad_layers_are_named():
    with pytest.raises(ValueError, match=r"thickness of 'x' = 0 um is outside \(0, inf\)"):
        Layer("x", 0.0, 1.0)
    with pytest.raises(ValueError, match=r"conductivity of 'x' = -1 W/\(m K\) is outside \(0, inf\)"):
        Layer("x", 1.0, -1.0)
    with pytest.raises(ValueError, match=r"in_plane of 'x' = -1 W/\(m K\)"):
        Layer("x", 1.0, 1.0, in_plane=-1.0)
    with pytest.raises(ValueError, match=r"heat_capacity of 'x' = 1.6e\+06 fJ/\(um\^3 K\) is outside \[0, 100000\]"):
        Layer("x", 1.0, 1.0, heat_capacity=1.6e6)
    with pytest.raises(ValueError, match=r"contact of 'x' = 20 m\^2 K/W is outside \[0, 1\]"):
        Layer("x", 1.0, 1.0, contact=20.0)
    with pytest.raises(ValueError, match="cool one of them"):
        ThermalStack((OXIDE,), Adiabatic(), Convection(0.0))
    with pytest.raises(ValueError, match="names of their own"):
        ThermalStack((OXIDE, OXIDE))
    with pytest.raises(ValueError, match="is not FixedTemperature, Convection or Adiabatic"):
        ThermalStack((OXIDE,), 300.0)
    with pytest.raises(ValueError, match="material = 'cheese' is not one of"):
        Layer.of("x", "cheese", 1.0)
    with pytest.raises(ValueError, match="coefficient = -2"):
        Convection(-2.0)


def test_every_material_makes_a_layer():
    for name, material in THERMAL_MATERIALS.items():
        layer = Layer.of("x", name, 1.0)
        assert (float(layer.conductivity), float(layer.heat_capacity)) == material[:2] and material.source


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
def test_transforms_are_sums_over_points(shape):
    x, y, weight = shape.points()
    np.testing.assert_allclose(jnp.sum(weight), 1.0, rtol=1e-13)
    kx, ky = jnp.asarray([0.0, 0.3, -1.1, 1e-5, 0.8]), jnp.asarray([0.0, 0.2, 0.7, 0.0, -0.4])
    wave = np.exp(-1j * (np.outer(kx, x) + np.outer(ky, y)))
    np.testing.assert_allclose(jax.jit(lambda *k: shape.transform(*k))(kx, ky), wave @ np.asarray(weight), atol=1e-12)
    few = shape.points(coarse=True)
    np.testing.assert_allclose(
        np.exp(-0.01j * np.asarray(few[0])) @ np.asarray(few[2]),
        np.exp(-0.01j * np.asarray(x)) @ np.asarray(weight),
        atol=1e-7,
    )
    cx, cy, radii, shares = shape.circles()
    moment = np.sum(np.asarray(shares) * (np.asarray(cx) ** 2 + np.asarray(cy) ** 2 + np.asarray(radii, float) ** 2))
    np.testing.assert_allclose(moment, np.sum(weight * (x**2 + y**2)), rtol=1e-12)
    assert np.all(np.abs(x) <= float(shape.half_sizes()[0]) + 1e-12)


def test_a_polygon_is_the_rectangle_of_its_corners_at_any_wavenumber():
    corners = [[-2, -1], [2, -1], [2, 1.0], [-2, 1]]
    random = np.random.default_rng(2)
    kx, ky = (jnp.asarray(np.concatenate([random.uniform(-30, 30, 400), np.zeros(5)])) for _ in range(2))
    # Along an edge as well, where two corners have one phase.
    ky = ky.at[:50].set(0.0)
    mine = jax.jit(lambda *k: Polygon(corners).transform(*k))(kx, ky)
    np.testing.assert_allclose(mine, Rectangle(0.0, 0.0, 4.0, 2.0).transform(kx, ky), atol=1e-13)
    backwards = Polygon(corners[::-1]).transform(kx, ky)
    np.testing.assert_allclose(backwards, mine, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES[1:], ids=lambda shape: type(shape).__name__)
def test_slopes_of_transforms_are_finite_and_those_of_differences(shape):
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, shape))
    kx, ky = jnp.asarray([0.0, 0.5, 0.0]), jnp.asarray([0.0, -0.3, 2.0])

    def value(leaves):
        return jnp.sum(jax.tree.unflatten(tree, leaves).transform(kx, ky).real ** 2)

    compiled, step = jax.jit(value), 1e-4
    slopes = jax.jit(jax.grad(value))(leaves)
    for number, leaf in enumerate(leaves):
        for place in np.ndindex(leaf.shape):
            rise = [
                compiled([e.at[place].add(n * step) if k == number else e for k, e in enumerate(leaves)])
                for n in (1, -1)
            ]
            np.testing.assert_allclose(slopes[number][place], (rise[0] - rise[1]) / (2 * step), rtol=1e-5, atol=1e-8)


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match="inner = 5.0 um is not below outer = 4.0 um"):
        Annulus(0.0, 0.0, 5.0, 4.0)
    with pytest.raises(ValueError, match="radius = 0 um"):
        Disk(0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="width = -1 um"):
        Rectangle(0.0, 0.0, -1.0, 1.0)
    with pytest.raises(ValueError, match="corners enclose no area"):
        Polygon([[0, 0], [1, 1], [2, 2.0]])
    with pytest.raises(ValueError, match="are not \\[3 or more, 2\\]"):
        Polygon([[0, 0], [1, 1]])
