"""Placements of netlists: written, read back, and what is not understood said."""

import math

import numpy as np
import pytest

from photonics_core.circuit import Circuit
from photonics_core.exchange_netlist import read_netlist
from photonics_core.guide_paths import Arc
from photonics_core.layout import Layout
from photonics_core.layout_cells import CellPort, Drawn, LayoutCell, Placed, Strip, box
from photonics_core.layout_netlist import layout_to_dict, placed_cells, write_layout_netlist
from photonics_core.layout_routes import Route
from photonics_core.netlist import NetlistError
from photonics_core.routed_guide import RoutedGuide
from photonics_core.validation.layout import INTERFEROMETER, MODELS

WL = np.linspace(1.545, 1.555, 5)


def lopsided(lift=3.0):
    """A splitter whose two arms leave at unlike heights: its mirror image is another drawing."""
    ports = {"o1": CellPort(-5.0, 0.0, math.pi), "o2": CellPort(5.0, lift, 0.0), "o3": CellPort(5.0, -1.0, 0.0)}
    drawn = [Drawn("core", Strip(Arc(5.0, 0.4), 0.5, -5.0))]
    return LayoutCell(
        "split", ports, box(-5.0, -3.0, 5.0, 6.0), {"lift": lift}, drawn, further={"pad": box(0, 6, 4, 8)}
    )


def interferometer(left, right):
    """Two splitters that face each other, the right one mirrored and turned: its arms are at the same heights."""
    cells = {"left": Placed(left, 0.0, 0.0), "right": Placed(right.mirrored(), 90.0, 1.5, math.pi)}
    routes = {"up": Route("left,o2", "right,o2", 5.0), "down": Route("left,o3", "right,o3", 5.0)}
    return Layout(cells, routes, {"in": "left,o1", "out": "right,o1"})


@pytest.mark.parametrize("suffix", ["json", "yml"])
def test_mirrored_cells_come_back_where_they_were(suffix, tmp_path):
    layout, path = interferometer(lopsided(), lopsided()), tmp_path / f"chip.{suffix}"
    write_layout_netlist(path, layout)
    assert [layout_to_dict(layout)["placements"][name]["mirror"] for name in ("left", "right")] == [False, True]
    cells = placed_cells(path, {"split": lambda settings: lopsided(settings["lift"])})
    assert cells.keys() == layout.cells.keys()
    again = Layout(cells, layout.routes, dict(layout.ports))
    for name, corners in layout.footprints().items():
        np.testing.assert_allclose(again.footprints()[name], corners, atol=1e-12)
    for pin in ("left,o2", "right,o1", "right,o2", "right,o3"):
        np.testing.assert_allclose(again.port(pin), layout.port(pin), atol=1e-12)
    one, other = (each.cells["right"].cell.drawn[0].shape for each in (layout, again))
    assert float(other.path.angle) == float(one.path.angle) == -0.4
    for name, length in layout.route_lengths().items():
        assert float(again.route_lengths()[name]) == pytest.approx(float(length), abs=1e-10)
    models = {"split": MODELS["split"], "route": RoutedGuide(INTERFEROMETER)}
    models["split"] = lambda lift=0.0, split=MODELS["split"]: split()
    want = layout.circuit(models).scattering(WL).values
    for circuit in (again.circuit(models), Circuit(read_netlist(path), models)):
        np.testing.assert_allclose(circuit.scattering(WL).values, want, atol=1e-9)


def test_a_mirror_that_is_left_out_is_another_layout():
    layout = interferometer(lopsided(), lopsided())
    content = layout_to_dict(layout)
    content["placements"]["right"]["mirror"] = False
    cells = placed_cells(content, {"split": lopsided()})
    far = np.hypot(*(np.asarray(cells["right"].port("o2")[:2]) - np.asarray(layout.port("right,o2")[:2])))
    assert far == pytest.approx(6.0)


def test_a_cell_knows_whether_it_is_mirrored():
    cell = lopsided()
    assert not cell.is_mirrored and cell.mirrored().is_mirrored and not cell.mirrored().mirrored().is_mirrored
    mirrored = placed_cells(layout_to_dict(interferometer(cell, cell)), {"split": cell.mirrored()})
    assert mirrored["right"].cell.is_mirrored and not mirrored["left"].cell.is_mirrored


def test_the_mirror_comes_before_the_turn_and_the_move():
    """As in GDS: (5, 3) becomes (5, -3), a quarter turn makes (3, 5) of it, and then it is moved."""
    content = {
        "instances": {"a": {"component": "split", "settings": {}}},
        "ports": {},
        "placements": {"a": {"x": 10, "y": 20, "rotation": 90, "mirror": 1}},
    }
    np.testing.assert_allclose(placed_cells(content, {"split": lopsided()})["a"].port("o2")[:2], [13.0, 25.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mirror": "o1"}, "placements.left.mirror = 'o1' is neither true nor false"),
        ({"x": "right,o1"}, "placements.left.x = 'right,o1' is not a number"),
        ({"rotation": math.nan}, "placements.left.rotation = nan is not a number"),
        ({"port": "o2"}, "placements.left.port = 'o2' is not understood"),
    ],
)
def test_placements_that_are_not_understood_are_named(change, message):
    content = layout_to_dict(interferometer(lopsided(), lopsided()))
    content["placements"]["left"] |= change
    with pytest.raises(NetlistError, match=message):
        placed_cells(content, {"split": lopsided()})


def test_an_instance_without_a_place_and_a_drawing_that_is_none():
    content = layout_to_dict(interferometer(lopsided(), lopsided()))
    with pytest.raises(ValueError, match="drawing of 'split'"):
        placed_cells(content, {"split": lambda settings: None})  # pyright: ignore[reportArgumentType]
    del content["placements"]["left"]
    with pytest.raises(NetlistError, match="placements.left = None does not say"):
        placed_cells(content, {"split": lopsided()})
    assert placed_cells(content, {}) == {}
