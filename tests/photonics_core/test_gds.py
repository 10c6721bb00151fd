"""GDS and netlists of layouts: written, checked and read back."""

import numpy as np
import pytest

from photonics_core import (
    Arc,
    CellPort,
    Circuit,
    Drawn,
    EulerBend,
    LayerMap,
    LayerRule,
    Layout,
    LayoutCell,
    PathChain,
    Placed,
    Polygon,
    Route,
    RouteCrossing,
    Straight,
    Strip,
    layout_to_dict,
    netlist_from_dict,
    read_gds_layout,
    read_netlist,
    ring_row_layout,
    rule_violations,
    write_gds,
    write_layout_netlist,
)
from photonics_core.gds import _cut, gds_library
from photonics_core.gds_reading import covered_areas
from photonics_core.heat_shapes import Annulus, Disk, Point, Rectangle
from photonics_core.layout_cells import box
from photonics_core.layout_outlines import guide_outline, polygon_area, shape_outline
from photonics_core.validation.layout import MODELS, interferometer

gdstk = pytest.importorskip("gdstk")

WL = np.linspace(1.545, 1.555, 5)


@pytest.fixture(scope="module")
def rings():
    return ring_row_layout([5.0, 5.0, 6.0])


def drawn(*shapes, layer="core", ports=None):
    """A layout of one cell with shapes in a layer."""
    cell = LayoutCell("shapes", ports or {}, box(-5.0, -5.0, 5.0, 5.0), drawn=[Drawn(layer, each) for each in shapes])
    return Layout({"one": Placed(cell, 0.0, 0.0)})


def polygon(*corners):
    return Polygon(corners=np.array(corners, float))


@pytest.mark.parametrize("error", [1e-2, 1e-3])
def test_outlines_keep_to_their_chord_error(error):
    chain = PathChain([Straight(3.0), Arc(4.0, 1.9), EulerBend(3.0, -1.5, 0.7)])
    outline = guide_outline(chain, 0.6, error)
    # The middles of the chords of the outer edges lie off the true edges by no more.
    count = len(outline) // 2
    fine = chain.points(20001)
    for side, edge in ((-0.3, outline[:count]), (0.3, outline[count:])):
        true = np.stack([fine.x - side * np.sin(fine.heading), fine.y + side * np.cos(fine.heading)], axis=1)
        middle = 0.5 * (edge[1:] + edge[:-1])
        off = [np.min(np.hypot(*(true - each).T)) for each in middle]
        assert np.max(off) <= 1.05 * error + 1e-5
    assert polygon_area(outline) == pytest.approx(0.6 * float(chain.length), abs=2.0 * error * float(chain.length))


def test_outlines_of_shapes_have_their_areas():
    ring = shape_outline(Annulus(1.0, 2.0, 3.0, 4.0), 1e-4)
    assert polygon_area(ring) == pytest.approx(np.pi * 7.0, rel=1e-3)
    assert polygon_area(shape_outline(Disk(0.0, 0.0, 2.0), 1e-4)) == pytest.approx(4.0 * np.pi, rel=1e-3)
    assert polygon_area(shape_outline(Rectangle(1.0, 0.0, 2.0, 3.0, 0.4))) == pytest.approx(6.0)
    with pytest.raises(ValueError, match="has no area that could be drawn"):
        shape_outline(Point())
    with pytest.raises(ValueError, match=r"radius 0.2 um cannot be drawn 0.5 um wide"):
        shape_outline(Strip(Arc(0.2, 1.0), 0.5))
    with pytest.raises(ValueError, match="chord_error = 0 um"):
        shape_outline(Disk(0.0, 0.0, 1.0), 0.0)


def test_a_file_is_the_same_to_the_last_byte_and_on_the_grid(rings, tmp_path):
    write_gds(tmp_path / "a.gds", rings)
    write_gds(tmp_path / "b.gds", ring_row_layout([5.0, 5.0, 6.0]))
    assert (tmp_path / "a.gds").read_bytes() == (tmp_path / "b.gds").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gds", "b.gds"]
    library = gdstk.read_gds(tmp_path / "a.gds")
    (top,) = library.top_level()
    # Equal rings are one cell, referred to twice; that of the second row is turned.
    names = [reference.cell.name for reference in top.references]
    assert names.count("ring_1") == 2 and names.count("ring_2") == 1 and names.count("edge_1") == 2
    for each in top.get_polygons():
        np.testing.assert_allclose(1e3 * each.points, np.round(1e3 * each.points), atol=1e-5)
    with pytest.raises(OSError):
        write_gds(tmp_path / "no" / "folder.gds", rings)


def test_areas_ports_and_netlist_come_back(rings, tmp_path):
    write_gds(tmp_path / "a.gds", rings)
    content = read_gds_layout(tmp_path / "a.gds")
    (top,) = gds_library(rings).top_level()
    assert content.areas == pytest.approx(covered_areas(top), abs=1e-9)
    assert content.areas["heater"] == pytest.approx(3.0 * 2.0 * 5.3 * (2 * np.pi - 1.7), rel=0.2)
    for pin, pose in content.ports.items():
        x, y, heading = rings.port(pin)
        np.testing.assert_allclose(pose[:2], (x, y), atol=0.5001e-3)
        assert np.cos(pose.heading - heading) == pytest.approx(1.0)
    assert len(content.ports) == 10
    written = rings.netlist()
    assert content.netlist.ports == written.ports and set(content.netlist.connections) == set(written.connections)
    assert {k: v.component for k, v in content.netlist.instances.items()} == {
        k: v.component for k, v in written.instances.items()
    }


# That of a transmitter is the case `layout.gds_round_trip`.
def test_the_spectrum_comes_back(tmp_path):
    layout = interferometer()
    spectrum = layout.circuit(MODELS).scattering(WL)
    write_gds(tmp_path / "a.gds", layout)
    write_layout_netlist(tmp_path / "a.yml", layout)
    write_layout_netlist(tmp_path / "a.json", layout, form="connections")
    yml, plain = (read_netlist(tmp_path / name) for name in ("a.yml", "a.json"))
    # Of two equal netlists one is evaluated: most of the time goes into compiling.
    assert yml.netlist.instances == plain.netlist.instances and yml.netlist.ports == plain.netlist.ports
    assert set(yml.netlist.connections) == set(plain.netlist.connections)
    for netlist in (read_gds_layout(tmp_path / "a.gds").netlist, yml):
        np.testing.assert_allclose(Circuit(netlist, MODELS).scattering(WL).values, spectrum.values, atol=1e-9)


def test_a_spectrum_of_other_lengths_is_another():
    layout = interferometer()
    up = layout.moved(layout.positions() + np.array([[0.0, 0.0], [0.0, 0.01], [0.0, 0.0]]))
    circuit = layout.circuit(MODELS)
    one, other = (each.circuit(MODELS, circuit).scattering(WL).values for each in (layout, up))
    assert np.max(np.abs(one - other)) > 1e-4


def test_placements_are_those_of_gdsfactory(rings):
    content = layout_to_dict(rings, name="chip")
    assert content["name"] == "chip" and list(content) == ["name", "instances", "nets", "ports", "placements"]
    assert content["placements"]["ring3"]["rotation"] == pytest.approx(180.0)
    assert content["instances"]["link0"]["settings"]["length"] == pytest.approx(float(rings.route_lengths()["link0"]))
    assert set(content["placements"]) == set(content["instances"])
    assert netlist_from_dict(content).netlist.ports == rings.netlist().ports


def test_crossed_routes_and_turned_cells_come_back(tmp_path):
    ports = {"w": CellPort(-5.0, 0.0, np.pi), "e": CellPort(5.0, 0.0, 0.0)}
    cell = LayoutCell(
        "node", ports, box(-5.0, -1.0, 5.0, 1.0), {"kind": 3}, [Drawn("core", Strip(Straight(10.0), 0.5, -5.0))]
    )
    cells = {"a": Placed(cell, 0.0, 0.0), "b": Placed(cell, 80.0, 2.0)}
    cells |= {"c": Placed(cell, 40.0, -40.0, 0.5 * np.pi), "d": Placed(cell, 52.0, 40.0, 1.3)}
    routes = {"r": Route("a,e", "b,w", 5.0, slab_width=3.0), "s": Route("c,e", "d,w", 5.0)}
    layout = Layout(cells, routes, {"in": "a,w"}, crossing=RouteCrossing(size=2.0))
    write_gds(tmp_path / "x.gds", layout)
    content = read_gds_layout(tmp_path / "x.gds")
    assert set(content.netlist.instances) == {"a", "b", "c", "d", "r_1", "r_2", "s_1", "s_2", "crossing_1"}
    assert set(content.netlist.connections) == set(layout.netlist().connections)
    assert content.areas["slab"] == pytest.approx(3.0 * float(layout.route_lengths()["r"]), rel=1e-3)
    np.testing.assert_allclose(content.ports["d,w"][:2], layout.port("d,w")[:2], atol=1e-3)
    assert {"crossing_1", "s_2"} <= set(layout_to_dict(layout)["placements"])


def test_layers_are_those_of_the_map(rings, tmp_path):
    layers = LayerMap({"core": (37, 4), "pad": (65535, 0)})
    write_gds(tmp_path / "a.gds", rings, layers)
    library = gdstk.read_gds(tmp_path / "a.gds")
    found = library.layers_and_datatypes()
    assert {(37, 4), (65535, 0), (47, 0)} <= found and (1, 0) not in found
    assert set(read_gds_layout(tmp_path / "a.gds", layers).areas) >= {"core", "pad", "heater", "metal"}
    for given, message in (
        ({"cores": (1, 0)}, "layer map: 'cores' is not one of 'core', 'slab'"),
        ({"core": (65536, 0)}, "layer map: 'core' = 65536 is no whole number from 0 to 65535"),
        ({"core": (1, -1)}, "layer map: 'core' = -1"),
        ({"core": (1.0, 0)}, "layer map: 'core' = 1.0"),
        ({"core": 1}, r"layer map: 'core' = 1 is not \(layer, data type\)"),
    ):
        with pytest.raises(ValueError, match=message):
            LayerMap(given)  # pyright: ignore


def test_a_transmitter_keeps_the_rules(rings):
    rules = {"core": LayerRule(0.14, 0.15), "heater": LayerRule(1.0, 1.0)}
    rules |= {"metal": LayerRule(2.0, 2.0), "pad": LayerRule(10.0, 4.0)}
    assert rule_violations(rings, rules) == []
    # Asked for more, the gaps of 0.2 um and the tips of 0.15 um break them.
    broken = rule_violations(rings, {"core": LayerRule(0.2, 0.25)})
    assert [each.rule for each in broken] == ["feature"] * 2 + ["spacing"] * 3
    tip = broken[0]
    assert tip.layer == "core" and tip.limit == 0.2 and tip.x == pytest.approx(4.0, abs=0.5)


def test_what_breaks_a_rule_is_placed_and_sized():
    bar = Rectangle(0.0, 0.0, 4.0, 1.0)
    thin = Rectangle(0.0, 3.0, 4.0, 0.1)
    close = Rectangle(0.0, -1.2, 4.0, 1.0)
    rule = {"core": LayerRule(0.3, 0.3)}
    assert rule_violations(drawn(bar), rule) == []
    (one,) = rule_violations(drawn(bar, thin), rule)
    assert (one.rule, one.x, one.y) == ("feature", pytest.approx(0.0, abs=1e-6), pytest.approx(3.0, abs=1e-6))
    assert one.size == pytest.approx((4.0, 0.1), abs=1e-3) and one.area == pytest.approx(0.4, abs=1e-3)
    (one,) = rule_violations(drawn(bar, close), rule)
    assert one.rule == "spacing" and one.y == pytest.approx(-0.6, abs=1e-3)
    assert one.size == pytest.approx((4.0, 0.2), abs=1e-3)
    # A rule that is just kept is kept, and one missed by 10 nm is not.
    for gap, count in ((0.3, 0), (0.29, 1)):
        pair = drawn(bar, Rectangle(0.0, -1.0 - gap, 4.0, 1.0))
        assert len(rule_violations(pair, rule)) == count
    # What is far too narrow is found as what is nearly wide enough.
    for size in (0.01, 0.02, 0.1):
        (one,) = rule_violations(drawn(bar, Rectangle(0.0, -1.0 - size, 4.0, 1.0)), rule)
        assert one.rule == "spacing" and one.size == pytest.approx((4.0, size), abs=1e-3)
        (one,) = rule_violations(drawn(Rectangle(0.0, 0.0, 4.0, size)), rule)
        assert one.rule == "feature" and one.size == pytest.approx((4.0, size), abs=1e-3)
    # What abuts, or misses that by a step of the grid, is one.
    for gap in (0.0, 0.001):
        assert rule_violations(drawn(bar, Rectangle(0.0, -1.0 - gap, 4.0, 1.0)), rule) == []
    # An acute notch is too narrow a gap.
    notch = drawn(polygon((0, 0), (4, 0), (4, 2), (2.1, 2), (2.0, 0.5), (1.9, 2), (0, 2)))
    assert [each.rule for each in rule_violations(notch, rule)] == ["spacing"]


@pytest.mark.parametrize(
    ("shift", "found"), [(2.07, ["spacing"]), (2.2, ["spacing"]), (2.23, []), (2.0, ["feature"]), (1.95, ["feature"])]
)
def test_corners_are_as_near_as_they_are(shift, found):
    # Squares of 2 um corner to corner: apart by the shift less 2 um times the root of 2, or joined by a neck.
    squares = drawn(Rectangle(0.0, 0.0, 2.0, 2.0), Rectangle(shift, shift, 2.0, 2.0))
    assert [each.rule for each in rule_violations(squares, {"core": LayerRule(0.3, 0.3)})] == found


def test_joints_of_turned_guides_are_no_violations():
    ports = {"w": CellPort(-5.0, 0.0, np.pi), "e": CellPort(5.0, 0.0, 0.0)}
    piece = LayoutCell("piece", ports, box(-5.0, -1.0, 5.0, 1.0), {}, [Drawn("core", Strip(Straight(10.0), 0.5, -5.0))])
    for one, other in ((0.3, -0.2), (0.123, 0.456)):
        cells = {"a": Placed(piece, 0.1234, 0.0567, one), "b": Placed(piece, 80.0, 9.87654, other)}
        layout = Layout(cells, {"r": Route("a,e", "b,w", 5.0)})
        assert rule_violations(layout, {"core": LayerRule(0.4, 0.3)}) == []


def settings_layout(**settings):
    """A cell with settings and a port of an awkward name."""
    ports = {"w": CellPort(-5.0, 0.0, np.pi), "o=1%": CellPort(5.0, 0.0, 0.0)}
    core = [Drawn("core", Rectangle(0.0, 0.0, 9.0, 0.5))]
    cell = LayoutCell("node", ports, box(-5.0, -1.0, 5.0, 1.0), settings, core)
    end = LayoutCell("end", {"w": CellPort(0.0, 0.0, np.pi)}, box(0.0, -1.0, 1.0, 1.0))
    cells = {"a=b μ": Placed(cell, 0.0, 0.0), "b": Placed(end, 90.0, 5.0)}
    return Layout(cells, {"r": Route("a=b μ,o=1%", "b,w", 5.0)}, {"in": "a=b μ,w"})


def test_awkward_names_and_settings_come_back(tmp_path):
    given = {
        "none": None,
        "text": "a=b,c\nμ",
        "count": 3,
        "nested": {"a": [1, {"b": None}]},
        "flag": True,
        "empty": "",
        "long": "\u00b5 x" * 300,
    }
    layout = settings_layout(**given, table=np.arange(3.0))
    write_gds(tmp_path / "a.gds", layout)
    write_layout_netlist(tmp_path / "a.json", layout)
    for netlist in (read_gds_layout(tmp_path / "a.gds").netlist, read_netlist(tmp_path / "a.json").netlist):
        assert set(netlist.connections) == set(layout.netlist().connections)
        assert netlist.ports == layout.netlist().ports
        assert netlist.instances["a=b μ"].settings == given | {"table": [0.0, 1.0, 2.0]}
    for bad, message in (
        ({"x": 1j}, "x: 1j of the kind complex is no plain value"),
        ({"x": float("nan")}, "x: nan of the kind float is no plain value"),
        ({"x": "y" * 2_000_000}, "instance 'a=b .*': its settings take 1667. properties, more than 10000"),
    ):
        with pytest.raises(ValueError, match=message):
            write_gds(tmp_path / "b.gds", settings_layout(**bad))
    assert not (tmp_path / "b.gds").exists()


def test_the_name_of_the_top_cell_is_its_own(tmp_path):
    layout = settings_layout()
    write_gds(tmp_path / "a.gds", layout, name="node_1")
    names = [cell.name for cell in gdstk.read_gds(tmp_path / "a.gds").cells]
    assert len(set(names)) == len(names) == 4 and set(read_gds_layout(tmp_path / "a.gds").areas) >= {"core", "outline"}
    for name in ("", "a b", "μ", 3):
        with pytest.raises(ValueError, match="of the top cell is not of 1 to 64 letters"):
            write_gds(tmp_path / "b.gds", layout, name=name)  # pyright: ignore
    with pytest.raises(FileNotFoundError, match="there is no folder .*none"):
        write_gds(tmp_path / "none" / "b.gds", layout)


def described(reference, *lines):
    for number, line in enumerate(("instance=a", "component=c", *lines), 1):
        reference.set_gds_property(number, line)
    return reference


@pytest.mark.filterwarnings("ignore:Saved file uses unofficially supported")
def test_files_of_others_are_refused_and_end_nothing(tmp_path):
    def write(name, fill):
        library = gdstk.Library()
        fill(library.new_cell("TOP"), library.new_cell("PART"))
        library.write_gds(tmp_path / name)

    def itself(top, part):
        top.add(gdstk.Reference(part))
        part.add(gdstk.rectangle((0, 0), (1, 1), layer=1), gdstk.Reference(part))

    def label(top, part):
        part.add(gdstk.Label("o1", (0, 0)).set_gds_property(1, "heading=east"))
        top.add(described(gdstk.Reference(part)))

    write("itself.gds", itself)
    write("label.gds", label)
    write("missing.gds", lambda top, part: top.add(gdstk.Reference(part), described(gdstk.Reference("OTHER"))))
    write("twice.gds", lambda top, part: top.add(*(described(gdstk.Reference(part, (k, 0))) for k in (0, 1))))
    write("deep.gds", lambda top, part: top.add(described(gdstk.Reference(part), *_cut(["set:x=" + "[" * 60000]))))
    for name, message in (
        ("itself", "cell 'PART' holds itself"),
        ("label", "could not convert string to float"),
        ("missing", "refers to 'OTHER', which is not there"),
        ("twice", "instance 'a' is there twice"),
        ("deep", "its properties are not those of a layout"),
    ):
        with pytest.raises(ValueError, match=f"{name}.gds: .*{message}"):
            read_gds_layout(tmp_path / f"{name}.gds")


def test_bad_files_and_arguments_are_refused(rings, tmp_path):
    (tmp_path / "no.gds").write_bytes(b"no gds at all")
    library = gdstk.Library()
    top = library.new_cell("TOP")
    top.add(gdstk.Reference(library.new_cell("part")))
    library.write_gds(tmp_path / "other.gds")
    tiny = drawn(Rectangle(0.0, 0.0, 1e-4, 1.0))
    for make, message in (
        (lambda: read_gds_layout(tmp_path / "none.gds"), "none.gds: there is no such file"),
        (lambda: read_gds_layout(tmp_path / "no.gds"), "no.gds: "),
        (lambda: read_gds_layout(tmp_path / "other.gds"), "other.gds: its properties are not those of a layout"),
        (lambda: rule_violations(rings, {"cores": LayerRule(1.0)}), "layer = 'cores'"),
        (lambda: LayerRule(0.0), "feature = 0 um"),
        (lambda: write_gds(tmp_path / "a.gds", "layout"), "layout = 'layout' is not of the kind Layout"),  # pyright: ignore
        (lambda: write_gds(tmp_path / "a.gds", tiny), "a shape in layer 'core' vanishes on a grid of 0.001 um"),
        (lambda: write_gds(tmp_path / "a.gds", rings, grid=0.0), "grid = 0 um"),
        (lambda: write_gds(tmp_path / "a.gds", drawn(Rectangle(3e6, 0.0, 1.0, 1.0))), "is out of reach of GDS"),
        (lambda: Drawn("cores", Disk(0.0, 0.0, 1.0)), "layer = 'cores'"),
        (lambda: layout_to_dict(rings, form="wires"), "form = 'wires'"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    assert not (tmp_path / "a.gds").exists()
