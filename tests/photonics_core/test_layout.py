"""Layouts: places, measures, crossings, circuits with routed lengths, and their derivatives by coordinates."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    BendLoss,
    CellPort,
    Circle,
    Circuit,
    Convection,
    CubicBezier,
    Drawn,
    EulerBend,
    EulerSBend,
    FixedTemperature,
    Layer,
    Layout,
    LayoutCell,
    LinearIndex,
    PathChain,
    Placed,
    Polygon,
    Pose,
    Rectangle,
    Route,
    RouteCrossing,
    RoutedGuide,
    Straight,
    Strip,
    ThermalStack,
    ring_row_layout,
)
from photonics_core.layout_cells import box
from photonics_core.layout_crossings import find_crossings
from photonics_core.layout_measures import guide_boxes
from photonics_core.layout_outlines import polygon_area, shape_outline
from photonics_core.layout_ring_cells import ring_cell
from photonics_core.validation.layout import MODELS, interferometer

HALF = 0.5 * np.pi
WL = np.linspace(1.545, 1.555, 5)


def node(**ports):
    places = {"w": (-5.0, 0.0, np.pi), "e": (5.0, 0.0, 0.0), "n": (0.0, 5.0, HALF), "s": (0.0, -5.0, -HALF)} | ports
    return LayoutCell("node", {k: CellPort(*v) for k, v in places.items()}, box(-5.0, -5.0, 5.0, 5.0))


def cross(**options):
    cells = {
        "a": Placed(node(), 0.0, 30.0),
        "b": Placed(node(), 90.0, 33.0),
        "c": Placed(node(), 42.0, 0.0),
        "d": Placed(node(), 47.0, 70.0),
    }
    routes = {"level": Route("a,e", "b,w", 4.0), "upright": Route("c,n", "d,s", 4.0)}
    return Layout(cells, routes, {"in": "a,w", "out": "b,e"}, **options)


def test_ports_and_footprints_are_where_they_are_put():
    placed = Placed(node(), 10.0, -3.0, HALF)
    np.testing.assert_allclose(placed.port("e"), (10.0, 2.0, HALF), atol=1e-12)
    np.testing.assert_allclose(placed.corners()[0], (15.0, -8.0), atol=1e-12)
    cell = dataclasses.replace(
        node(), heaters={"h": Rectangle(3.0, 0.0, 4.0, 1.0)}, probes={"p": Circle(1.0, 0.0, 2.0)}
    )
    heater: Any
    heater, probe = Placed(cell, 10.0, -3.0, HALF).heaters()["h"], Placed(cell, 10.0, -3.0, HALF).probes()["p"]
    np.testing.assert_allclose([heater.x, heater.y, heater.angle], [10.0, 0.0, HALF], atol=1e-12)
    np.testing.assert_allclose([probe.x, probe.y], [10.0, -2.0], atol=1e-12)


def test_area_box_and_shoreline():
    layout = cross()
    np.testing.assert_allclose(layout.bounding_box(), (-5.0, -5.0, 95.0, 75.0), atol=1e-12)
    assert float(layout.area()) == pytest.approx(8000.0)
    # The soft box lies outside, by no more than its bound.
    soft = np.array(layout.bounding_box(0.1)) - np.array([-5.0, -5.0, 95.0, 75.0])
    assert np.all(soft[:2] <= 0.0) and np.all(soft[2:] >= 0.0) and np.max(np.abs(soft)) < 0.1 * np.log(200.0)
    assert float(layout.shoreline("west")) == pytest.approx(0.01) == float(layout.shoreline("east"))
    with pytest.raises(ValueError, match="edge = 'north' has no outer port"):
        layout.shoreline("north")


def test_spacing_clearance_and_routes_as_constraints():
    layout = cross()
    spacing = np.asarray(layout.spacing_constraints(10.0))
    assert spacing.shape == (6,) and np.max(spacing) < 0.0
    closer = layout.moved(layout.positions() + np.array([[0.0, 0.0], [-45.0, -2.0], [0.0, 0.0], [0.0, 0.0]]))
    # The cell b now overlaps neither c nor d, and is 21 um above c.
    assert float(closer.spacing_constraints(25.0)[3]) == pytest.approx(4.0)
    assert np.all(layout.spacing_constraints(10.0, 0.5) >= spacing)
    clear = np.asarray(layout.clearance_constraints(2.0))
    assert clear.shape == (4,) and np.max(clear) < 0.0
    # A cell put on a route breaks it.
    on = layout.moved(layout.positions() + np.array([[0.0, 0.0], [0.0, 0.0], [-17.0, 29.0], [0.0, 0.0]]))
    assert float(np.max(on.clearance_constraints(2.0))) > 2.0
    assert np.max(layout.route_constraints()) <= 1e-9
    tight = layout.moved(layout.positions() + np.array([[70.0, 10.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    assert np.max(tight.route_constraints()) > 0.0


def test_crossings_are_found_counted_and_part_the_routes():
    layout = cross()
    assert len(layout.crossed) == 1 and layout.crossing_names() == ["crossing_1"]
    assert layout.parts("level") == ["level_1", "level_2"]
    settings = layout.settings()
    whole = layout.route_lengths()
    for name in ("level", "upright"):
        parts = [float(settings[part]["length"]) for part in layout.parts(name)]
        assert sum(parts) == pytest.approx(float(whole[name]), abs=1e-9) and min(parts) > 10.0
    joined = {str(pin) for pair in layout.netlist().connections for pin in pair}
    assert {"crossing_1,o1", "crossing_1,o2", "crossing_1,o3", "crossing_1,o4"} <= joined
    # One that takes up length leaves less to the guides; the upright route goes to the left of the level one.
    sized = cross(crossing=RouteCrossing("cross", size=3.0))
    assert sum(float(sized.settings()[p]["length"]) for p in sized.parts("level")) == pytest.approx(
        float(whole["level"]) - 3.0
    )
    assert layout.crossed[0].leftward
    assert ("upright_1,out", "crossing_1,o4") in {(str(a), str(b)) for a, b in layout.netlist().connections}
    assert not ring_row_layout([5.0, 5.0]).crossed


@pytest.mark.slow
def test_lengths_up_to_a_crossing_have_the_derivatives_of_differences():
    layout = cross()

    def lengths(at):
        settings = layout.moved(at).settings()
        return settings["level_1"]["length"] + 0.3 * settings["upright_2"]["length"]

    at = layout.positions()
    exact = np.asarray(jax.jit(jax.grad(lengths))(at))
    np.testing.assert_allclose(exact, differences(lengths, at), atol=1e-7)


def test_a_crossing_is_followed_to_where_it_is_found_anew():
    layout = cross()
    at = layout.positions()
    moved = layout.moved(at + np.array([[0.0, 1.0], [0.5, 0.0], [2.0, 0.0], [0.0, 0.4]]))
    fresh = moved.resolved()
    for part in moved.parts("level"):
        assert float(moved.settings()[part]["length"]) == pytest.approx(
            float(fresh.settings()[part]["length"]), abs=1e-9
        )


def test_routes_that_have_parted_are_not_given_lengths():
    layout = cross()
    # The upright route now stands beyond the end of the level one.
    parted = layout.moved(layout.positions() + np.array([[0.0, 0.0], [0.0, 0.0], [200.0, 0.0], [200.0, 0.0]]))
    with pytest.raises(ValueError, match="routes 'level' and 'upright' no longer cross where they did"):
        parted.settings()
    assert not parted.resolved().crossed


def differences(figure, at, step=1e-3):
    """Fourth-order central differences by every coordinate, on the host."""
    found = np.zeros_like(at)
    for k in np.ndindex(*at.shape):
        one = np.zeros_like(at)
        one[k] = step
        values = [float(figure(at + m * one)) for m in (-2, -1, 1, 2)]
        found[k] = (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step)
    return found


@pytest.mark.parametrize("clearance", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_area_and_constraints_have_the_derivatives_of_differences(clearance):
    # With routes among what is measured, compiling takes some seconds.
    layout = cross() if clearance else Layout(cross().cells)

    def figure(at):
        moved = layout.moved(at)
        soft = jnp.sum(jax.nn.softplus(moved.spacing_constraints(40.0, 1.0)))
        near = jnp.sum(moved.clearance_constraints(1.0)) if clearance else 0.0
        return moved.area(0.5) / 100.0 + soft + near / 10.0

    # One program for values and derivatives: most of the time goes into compiling.
    compiled = jax.jit(jax.value_and_grad(figure))
    # Off symmetry, where a least distance would have two nearest points.
    at = layout.positions() + np.array([[0.1, 0.2], [-0.3, 0.35], [0.4, -0.1], [0.21, 0.3]])
    np.testing.assert_allclose(compiled(at)[1], differences(lambda x: compiled(x)[0], at, 1e-4), atol=1e-5)


# That its arms interfere by their lengths is the case `layout.interferometer`.
def test_the_spectrum_has_the_derivatives_of_differences_by_every_coordinate():
    layout = interferometer()
    circuit = layout.circuit(MODELS)

    def power(at):
        amplitude = layout.moved(at).circuit(MODELS, circuit).amplitudes(WL, inputs="in", outputs="out")
        return jnp.sum(jnp.abs(amplitude[:, 0, 0]) ** 2 * jnp.arange(1.0, 6.0))

    at = layout.positions()
    compiled = jax.jit(jax.value_and_grad(power))
    value, exact = compiled(at)
    reference = differences(lambda x: compiled(x)[0], at, 1e-3)
    np.testing.assert_allclose(exact, reference, atol=2e-6 * np.max(np.abs(exact)))
    assert np.max(np.abs(exact)) > 0.01 and 0.0 < value < 15.0
    # The same as of a circuit made of the netlist of the moved layout.
    shifted = layout.moved(at + np.array([[0.0, 0.0], [1.0, 0.7], [0.0, 0.3]]))
    fresh = Circuit(shifted.netlist(), MODELS).scattering(WL)
    again = shifted.circuit(MODELS, circuit).scattering(WL)
    np.testing.assert_allclose(again.values, fresh.values, atol=1e-12)


def test_bends_lose_in_the_circuit():
    loss = BendLoss(-5.0, 0.005)
    bent = cross(bend_loss=loss)
    crossing = {("o1", "o3"): 1.0, ("o4", "o2"): 1.0, ("o3", "o1"): 1.0, ("o2", "o4"): 1.0}
    through = {("w", "e"): 1.0, ("e", "w"): 1.0, ("n", "s"): 0.0, ("s", "n"): 0.0}
    models = {
        "node": lambda: {k: complex(v) for k, v in through.items()},
        "crossing": lambda: {k: complex(v) for k, v in crossing.items()},
        "route": RoutedGuide(LinearIndex(2.4, 4.2, 1.55)),
    }
    circuit = bent.circuit(models)
    plain = circuit.with_settings({part: {"loss_db": 0.0} for name in bent.routes for part in bent.parts(name)})
    lost = [-10.0 * np.log10(each.scattering(1.55).power("in", "out")) for each in (plain, circuit)]
    total = sum(float(bent.settings()[part]["loss_db"]) for part in bent.parts("level"))
    assert float(lost[0]) == pytest.approx(0.0, abs=1e-9) and total > 1e-4
    assert float(lost[1]) == pytest.approx(total, rel=1e-6)


def test_a_transmitter_is_laid_out_in_order():
    layout = ring_row_layout([5.0, 6.0, 7.0, 5.0, 6.0])
    at = dict(zip(layout.cells, layout.positions(), strict=True))
    assert at["ring1"][0] < at["ring2"][0] < at["ring3"][0] and at["ring4"][0] == at["ring3"][0]
    assert at["ring5"][0] < at["ring4"][0] and min(layout.bounding_box()) >= 0.0
    assert float(layout.shoreline("west")) == pytest.approx(0.066)
    single = ring_row_layout([5.0, 6.0], rows=1)
    assert [route.shape for route in single.routes.values()] == ["s_bend"] * 3
    with pytest.raises(ValueError, match="settings are 1, but there are 2 radii"):
        ring_row_layout([5.0, 5.0], settings=[{}])
    with pytest.raises(ValueError, match="radii is empty"):
        ring_row_layout([])


@pytest.mark.slow
def test_a_transmitter_keeps_its_distances():
    layout = ring_row_layout([5.0, 6.0, 7.0, 5.0, 6.0])
    assert np.max(layout.spacing_constraints(2.0)) <= 0.0 and np.max(layout.clearance_constraints(1.0)) < 0.0


@pytest.mark.slow
def test_heater_power_and_crosstalk_have_the_derivatives_of_differences():
    layers = (Layer.of("box", "silica", 3.0), Layer.of("device", "silicon film", 0.22), Layer.of("clad", "silica", 3.0))
    stack = ThermalStack(layers, FixedTemperature(), Convection(1e4))
    layout = ring_row_layout([5.0, 5.0, 5.0], pitch=60.0)

    def figures(at):
        coupling = layout.moved(at).thermal(stack, ("clad", 1.78, 0.1), ("device", 0.0, None)).coupling()
        own = jnp.diag(coupling)
        power = jnp.sum(jnp.linalg.solve(coupling, jnp.full(3, 10.0)))
        return jnp.stack([power, jnp.sum(coupling) / jnp.sum(own)])

    assert layout.heater_names() == ["ring1,heater", "ring2,heater", "ring3,heater"]
    assert layout.probe_names() == ["ring1,ring", "ring2,ring", "ring3,ring"]
    compiled, slopes, at = jax.jit(figures), jax.jit(jax.jacrev(figures)), layout.positions()
    exact = slopes(at)
    for row in range(2):
        reference = differences(lambda x, row=row: compiled(x)[row], at, 0.05)
        np.testing.assert_allclose(exact[row], reference, atol=1e-6 * np.max(np.abs(reference)) + 1e-12)
    assert np.max(np.abs(exact)) > 0.0


def test_bad_layouts_are_refused():
    a, b = Placed(node(), 0.0, 0.0), Placed(node(), 50.0, 0.0)
    for make, message in (
        (lambda: Layout({}), "cells is empty"),
        (lambda: Placed(node(), float("nan"), 0.0), "x of a 'node' = nan um"),
        (lambda: Layout({"a": a}, ports={"in": "a,x"}), "port 'x' is none of component 'node'; its ports are: w, e"),
        (lambda: Layout({"a": a}, ports={"in": "c,w"}), "c,w: instance = 'c' is not one of 'a'"),
        (lambda: Layout({"a": a}, ports={"in": "a,w", "out": "a,w"}), "port a,w is used 2 times"),
        (lambda: Layout({"a": a, "b": b}, {"a": Route("a,e", "b,w")}), "name 'a' is that of two instances"),
        (lambda: Layout({"a": a, "b": Placed(node(), 10.0, 0.0)}), r"ports a,e and b,w overlap at \(5, 0\) um"),
        (lambda: Layout({"a": a, "b": b}, joints=[("a,e", "b,w")]), "joint of a,e and b,w does not meet"),
        (lambda: Layout({"a": a, "b": b}, {"r": Route("a,e", "b,e", 400.0)}), "route a,e to b,e cannot be joined"),
        (lambda: Layout({"a": a}).moved([[0.0, float("inf")]]), "positions = inf"),
        (lambda: Layout({"a": a}).moved([0.0, 1.0]), r"positions of shape \(2,\) are not"),
        (lambda: Layout({"a": a}).spacing_constraints(1.0), "1 footprints have no spacing"),
        (lambda: Layout({"a": a, "b": b}).spacing_constraints(1.0, 0.0), "softness = 0 um"),
        (lambda: cross().shoreline("up"), "edge = 'up'"),
        (lambda: LayoutCell("x", {}, [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), "footprint of 'x' is no convex polygon"),
        (lambda: LayoutCell("x", {}, [[0.0, 0.0]]), "footprint of 'x' of shape"),
        (lambda: RouteCrossing(ports=("a", "a", "b", "c")), "are not four names"),
        (lambda: Layout([a]), "cells = (.|\n)* is not of the kind Mapping"),  # pyright: ignore
        (lambda: Layout({1: a}), "name of an instance = 1 is not of the kind str"),  # pyright: ignore
        (lambda: Layout({"a": a}, {"r": "a,e"}), "route 'r' = 'a,e' is not of the kind Route"),  # pyright: ignore
        (lambda: Layout({"a": a}, crossing="x"), "crossing = 'x' is not of the kind RouteCrossing"),  # pyright: ignore
        (lambda: Layout({"a": a}, bend_loss=3.0), "bend_loss = 3.0 is not of the kind BendLoss"),  # pyright: ignore
        (lambda: Layout({"a": a}, route_ports=("in", "in")), "are not two names"),
        (lambda: ring_cell("ring", 5.0, pad_gap=-1.0), "pad_gap = -1 um"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    joined = Layout({"a": a, "b": Placed(node(), 10.0, 0.0)}, joints=[("a,e", "b,w")])
    assert len(joined.netlist().connections) == 1


def guide(start, end, **options):
    """A route of a name along a line of ports at two places."""
    one, other = (LayoutCell("dot", {"p": CellPort(0.0, 0.0, h)}, box(-0.1, -0.1, 0.1, 0.1)) for h in (0.0, np.pi))
    return {"start": Placed(one, *start), "end": Placed(other, *end), **options}


def pair(offset, ahead=31.0):
    """Two straight routes of 1 mm side by side."""
    first, second = guide((0.0, 0.0), (1000.0, 0.0)), guide((ahead, offset), (1000.0 + ahead, offset))
    cells = {f"{name}{k}": cell for k, part in enumerate((first, second)) for name, cell in part.items()}
    return Layout(cells, {f"r{k}": Route(f"start{k},p", f"end{k},p", 5.0) for k in (0, 1)})


def test_clearance_is_that_of_guides_and_not_of_points_on_them():
    # Points are 62.5 um apart; a cell between two of them is as near as it is.
    small = LayoutCell("small", {}, box(-4.0, -4.0, 4.0, 4.0))
    for y, overlap in ((0.0, 4.75), (8.0, -3.25)):
        cells = guide((0.0, 0.0), (1000.0, 0.0), small=Placed(small, 530.0, y))
        clear = Layout(cells, {"r": Route("start,p", "end,p", 5.0)}).clearance_constraints(0.5)
        np.testing.assert_allclose(clear, [overlap], atol=1e-9)


@pytest.mark.slow
def test_clearance_of_two_guides_side_by_side():
    assert float(pair(1.7).clearance_constraints(1.0)[-1]) == pytest.approx(1.0 - 1.2, abs=1e-9)


def test_boxes_hold_their_guide():
    path = Layout(guide((0.0, 0.0), (30.0, 12.0)), {"r": Route("start,p", "end,p", 5.0)}).path("r")
    boxes, points = np.asarray(guide_boxes(path, 0.5)), path.points(641)
    for side in (-0.25, 0.25):
        at = np.stack([points.x - side * np.sin(points.heading), points.y + side * np.cos(points.heading)], axis=1)
        along = np.roll(boxes, -1, axis=1) - boxes
        step = at[:, None, None, :] - boxes[None]
        inside = along[None, ..., 0] * step[..., 1] - along[None, ..., 1] * step[..., 0] >= -1e-9
        assert np.all(np.any(np.all(inside, axis=2), axis=1))


def test_routes_that_lie_on_one_another_are_refused():
    with pytest.raises(ValueError, match="routes 'r0' and 'r1' lie on one another near"):
        pair(0.0)
    assert not pair(1e-3).crossed


def test_a_route_that_crosses_itself_is_refused():
    ends = guide((0.0, 0.0), (30.0, 40.0))
    loop = Route(
        "start,p", "end,p", 2.0, shape="legs", legs=(60.0, 40.0), waypoints=((60.0, 30.0), (20.0, 30.0), (20.0, -20.0))
    )
    ends["end"] = Placed(LayoutCell("dot", {"p": CellPort(0.0, 0.0, -HALF)}, box(-0.1, -0.1, 0.1, 0.1)), 10.0, 20.0)
    with pytest.raises(ValueError, match=r"route 'r' crosses itself at \(10, 0\) um"):
        Layout(ends, {"r": loop})


def test_a_mirrored_cell_has_all_that_it_had_upside_down():
    drawn = [
        Drawn("core", Strip(EulerSBend(10.0, 3.0), 0.5, -5.0, 1.0, 0.2)),
        Drawn("core", Strip(CubicBezier(4.0, 4.0, 10.0, 3.0, 0.4), 0.5)),
        Drawn("metal", Polygon(corners=np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 2.0]]))),
        Drawn("heater", Rectangle(1.0, 2.0, 4.0, 1.0, 0.3)),
    ]
    part = {"wing": box(1.0, 5.0, 2.0, 9.0)}
    cell = dataclasses.replace(node(ne=(5.0, 3.0, 0.5)), drawn=drawn, heaters={"h": drawn[3].shape}, further=part)
    below = cell.mirrored()
    np.testing.assert_allclose(Placed(below, 10.0, 0.0).port("ne"), (15.0, -3.0, -0.5), atol=1e-12)
    for one, other in zip(cell.drawn, below.drawn, strict=True):
        corners, image = shape_outline(one.shape), shape_outline(other.shape) * [1.0, -1.0]
        assert polygon_area(image) == pytest.approx(-polygon_area(corners), abs=1e-9)
        np.testing.assert_allclose(image.min(axis=0), corners.min(axis=0), atol=1e-9)
        np.testing.assert_allclose(image.max(axis=0), corners.max(axis=0), atol=1e-9)
    # Further polygons count for area and spacing, and not against their own cell.
    layout = Layout({"a": Placed(cell, 0.0, 0.0), "b": Placed(below, 0.0, -20.0)})
    np.testing.assert_allclose(layout.bounding_box(), (-5.0, -29.0, 5.0, 9.0), atol=1e-12)
    assert layout.spacing_constraints(1.0).shape == (4,) and layout.spacing_constraints(1.0, among="wing").shape == (1,)
    assert float(layout.spacing_constraints(1.0, among=("wing",))[0]) == pytest.approx(1.0 - 30.0)

    class Spiral(Straight):
        """A path that is not known here."""

    odd = dataclasses.replace(cell, drawn=(Drawn("core", Strip(Spiral(1.0), 0.5)),))
    with pytest.raises(ValueError, match="a strip along Spiral cannot be mirrored"):
        odd.mirrored()


def test_one_crossing_where_segments_meet_with_an_empty_one_between():
    # The bends of the first touch: its straight part between them is empty, and there the second crosses.
    bend = EulerBend(5.0, HALF)
    first = PathChain([Straight(10.0), bend, Straight(0.0), EulerBend(5.0, -HALF), Straight(10.0)])
    x, y, _ = first.starts()[2]
    second = PathChain([Straight(30.0)], Pose(float(x) - 15.0, float(y), 0.0))
    crossed = find_crossings({"one": first, "other": second})
    assert len(crossed) == 1 and not crossed[0].leftward


def test_names_of_parts_are_not_given_twice():
    layout = cross()
    with pytest.raises(ValueError, match="name 'level_1' is that of a part of route 'level'"):
        Layout(dict(layout.cells) | {"level_1": Placed(node(), 0.0, 200.0)}, layout.routes)


def test_a_layout_of_traced_places_is_refused_where_crossings_would_be_lost():
    layout = cross()

    def area(x, routes):
        return Layout(dict(layout.cells) | {"a": Placed(node(), x, 30.0)}, routes).area()

    with pytest.raises(ValueError, match="'level', 'upright' may cross, which cannot be found where places are traced"):
        jax.jit(lambda x: area(x, layout.routes))(0.0)
    with pytest.raises(ValueError, match="route 'r' has no shape, or no legs"):
        jax.jit(lambda x: area(x, {"r": Route("a,e", "b,w")}))(0.0)


def test_shoreline_and_moves_as_a_user_writes_them():
    layout = cross()
    slope = jax.jit(jax.grad(lambda at: layout.moved(at).shoreline("west")))(layout.positions())
    assert np.all(np.isfinite(slope))
    with pytest.raises(ValueError, match="the heading of port a,w is traced"):
        jax.jit(lambda a: layout.moved(layout.positions(), a).shoreline("west"))(np.zeros(4))
    # Plain lists will do for places.
    assert float(layout.moved([[0, 30], [90, 33], [42, 0], [47, 80]]).area()) == pytest.approx(100.0 * 90.0)


def test_settings_stay_what_they_are():
    given = {"count": 3, "names": ["a", "b"], "mixed": (1, "x"), "gain": 0.5, "nothing": None, "flag": True}
    kept = LayoutCell("x", {}, box(0.0, 0.0, 1.0, 1.0), given).settings
    assert {name: kept[name] for name in given if name != "gain"} == {k: v for k, v in given.items() if k != "gain"}
    assert type(kept["count"]) is int and kept["gain"].dtype == np.float64


def test_guides_that_cross_at_a_grazing_angle_are_refused():
    cells = {"a": Placed(node(), 0.0, 0.0), "b": Placed(node(), 600.0, 0.0), "c": Placed(node(), 0.0, 11.0)}
    cells["d"] = Placed(node(), 600.0, -11.0)
    with pytest.raises(ValueError, match="routes 'one' and 'two' cross at .* deg, less than 5.73 deg"):
        Layout(cells, {"one": Route("a,e", "b,w", 4.0), "two": Route("c,e", "d,w", 4.0)})


def test_lengths_in_single_precision(float32):
    layout = interferometer()
    total = jax.jit(jax.value_and_grad(lambda at: sum(layout.moved(at).route_lengths().values())))
    value, slope = total(jnp.asarray(layout.positions(), jnp.float32))
    assert value.dtype == jnp.float32 and np.all(np.isfinite(slope))
    # Lengths of the host keep their digits.
    host = sum(layout.route_lengths().values())
    assert np.asarray(host).dtype == np.float64 and float(value) == pytest.approx(float(host), abs=1e-4)


@pytest.mark.slow
def test_a_spectrum_in_single_precision(float32):
    layout = interferometer()
    circuit = layout.circuit(MODELS)

    def power(at):
        amplitude = layout.moved(at).circuit(MODELS, circuit).amplitudes(WL, inputs="in", outputs="out")
        return jnp.sum(jnp.abs(amplitude[:, 0, 0]) ** 2)

    at = jnp.asarray(layout.positions(), jnp.float32)
    value, slope = jax.jit(jax.value_and_grad(power))(at)
    assert value.dtype == jnp.float32 and np.all(np.isfinite(slope))
    # Lengths of the host keep their digits.
    host = np.sum(np.asarray(layout.circuit(MODELS).scattering(WL).power("in", "out")))
    assert float(value) == pytest.approx(float(host), abs=2e-3)
