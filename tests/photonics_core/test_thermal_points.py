"""Points that stand for shapes: enough for long, large and close ones, and an error where that would be too many."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.heat_polygon import Polygon
from photonics_core.heat_shapes import Annulus, Circle, Disk, Point, Rectangle
from photonics_core.thermal_chip import Chip
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_stack import FixedTemperature, Layer, ThermalRegion, ThermalStack

STACK = ThermalStack((Layer("base", 500.0, 148.0), Layer("oxide", 5.0, 1.4)))


def over(shape):
    return ThermalRegion(shape, "oxide", 4.0, 0.1)


def under(shape):
    return ThermalRegion(shape, "oxide", 2.0, 0.2)


@eqx.filter_jit
def coupling(one):
    return one.coupling()


@pytest.mark.slow
def test_a_heater_much_longer_than_far_above():
    probes = [under(Point(0.0, 0.0)), under(Point(27.0, 1.0))]
    heaters = [over(Rectangle(0.0, 0.0, 200.0, 2.0, counts=counts)) for counts in (None, (700, 12))]
    layouts = [ThermalLayout(STACK, [heater], probes) for heater in heaters]
    np.testing.assert_allclose(*map(coupling, layouts), rtol=2e-5)
    assert layouts[0].heaters[0].shape.counts[0] > 200 and layouts[1].heaters[0].shape.counts == (700, 12)


@pytest.mark.parametrize(
    "shape",
    [
        Circle(0.0, 0.0, 60.0),
        Annulus(0.0, 0.0, 40.0, 60.0),
        Disk(0.0, 0.0, 20.0),
        Polygon(corners=[[0, 0], [99, 0], [0, 9.0]]),
    ],
    ids=lambda shape: type(shape).__name__,
)
def test_every_shape_has_points_in_proportion_to_its_size(shape):
    near, far = (shape.fitted(distance).points()[0].size for distance in (1.0, 100.0))
    assert far == shape.points()[0].size and near > 3 * far
    assert type(shape.fitted(1.0)) is type(shape) and shape.fitted(1.0).fitted(50.0).points()[0].size == near


@pytest.mark.slow
def test_a_heater_over_the_rim_of_a_large_ring_comes_before_those_close_to_its_middle():
    heaters = [over(Rectangle(4.0 * k - 6.0, 3.0, 2.0, 2.0)) for k in range(3)]
    heaters.append(over(Rectangle(60.0, 0.0, 12.0, 40.0)))
    ring = [under(Circle(0.0, 0.0, 60.0))]
    few, many = (coupling(ThermalLayout(STACK, heaters, ring, near=near)) for near in (1, 4))
    np.testing.assert_allclose(few[0, 3], many[0, 3], rtol=1e-9)


@pytest.mark.slow
def test_a_probe_closer_than_the_usual_resolution():
    """A point in an infinite medium, 20 nm away."""
    stack = ThermalStack((Layer("a", 1e6, 1.0), Layer("b", 1e6, 1.0)), top=FixedTemperature())
    probes = [ThermalRegion(Point(x, 0.0), "b", 1.02, 1e-4) for x in (0.0, 0.01, 0.05)]
    found = coupling(ThermalLayout(stack, [ThermalRegion(Point(), "b", 1.0, 1e-4)], probes))[:, 0]
    exact = 1.0 / (4e-3 * np.pi * np.hypot([0.0, 0.01, 0.05], 0.02))
    np.testing.assert_allclose(found, exact, rtol=2e-5)


@pytest.mark.slow
def test_curvature_right_above_a_point():
    """1 / (4 pi k sqrt(x^2 + h^2)) in an infinite medium has -1 / (4 pi k h^3) there, which is its value over -h^2."""
    stack = ThermalStack((Layer("a", 1e6, 1.0), Layer("b", 1e6, 1.0)), top=FixedTemperature())

    @jax.jit
    def value(x):
        heater = ThermalRegion(Point(x, 0.0), "b", 3.0, 1e-3)
        return ThermalLayout(stack, [heater], [ThermalRegion(Point(), "b", 1.0, 1e-3)]).coupling()[0, 0]

    exact = 1.0 / (4e-3 * np.pi * 2.0)
    np.testing.assert_allclose(value(0.0), exact, rtol=2e-6)
    np.testing.assert_allclose(jax.jit(jax.hessian(value))(0.0), -exact / 4.0, rtol=1e-4)


@pytest.mark.slow
def test_a_polygon_may_have_its_corners_where_they_are_on_the_chip():
    corners = [[100, 90], [112, 90], [112, 96], [100, 96.0]]
    shapes = [Polygon(corners=corners), Rectangle(106.0, 93.0, 12.0, 6.0)]
    probes = [under(Circle(104.0, 95.0, 5.0))]
    one, two = (ThermalLayout(STACK, [over(shape)], probes, Chip(120.0, 100.0)) for shape in shapes)
    np.testing.assert_allclose(coupling(one), coupling(two), rtol=1e-6)
    with pytest.raises(ValueError, match=r"heaters\[0\] from x = 100 to 112 um is outside the chip, \[0, 110\] um"):
        ThermalLayout(STACK, [over(shapes[0])], [under(Point(5.0, 5.0))], Chip(110.0, 100.0))


@pytest.mark.slow
def test_a_radius_that_is_traced_may_be_large():
    @jax.jit
    def value(radius):
        return ThermalLayout(STACK, [over(Point(5.0, 0.0))], [under(Circle(0.0, 0.0, radius))]).coupling()[0, 0]

    known = coupling(ThermalLayout(STACK, [over(Point(5.0, 0.0))], [under(Circle(0.0, 0.0, 900.0))]))
    np.testing.assert_allclose(value(900.0), known[0, 0], rtol=1e-8)


@pytest.mark.slow
def test_nothing_grows_beyond_a_metre():
    far = coupling(ThermalLayout(STACK, [over(Point(1e8, 0.0))], [under(Point())]))
    assert abs(float(far[0, 0])) < 1e-15


def test_what_would_take_too_many_points_is_an_error():
    with pytest.raises(ValueError, match="cut it into smaller ones or give its counts"):
        ThermalLayout(STACK, [over(Rectangle(0.0, 0.0, 500.0, 500.0))], [under(Point())])
    with pytest.raises(ValueError, match="of a polygon that crosses itself"):
        Polygon(corners=[[0, 0], [4, 4], [4, 0], [0, 2.0]])
    with pytest.raises(ValueError, match="counts = 0 is outside"):
        Rectangle(0.0, 0.0, 1.0, 1.0, counts=(0, 3))
    with pytest.raises(ValueError, match="count = 0 is outside"):
        Circle(0.0, 0.0, 1.0, 0)
    assert jnp.isfinite(Polygon(corners=[[0, 0], [4, 0], [1, 1], [0, 4.0]]).points()[0]).all()
