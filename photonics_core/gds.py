"""Layouts as GDS files, written with gdstk (the extra `layout`), and the rules of drawing them.

Every vertex lies on the grid. A component that is placed more than once is one cell, referred to; one that is turned by
other than a right angle has a cell of its own for each place, for its vertices lie elsewhere on the grid. The file is
the same to the last byte for the same layout: its time stamp is fixed. It is written aside and renamed.

What GDS has no word for stands in properties of references: `instance=`, `component=`, `set:NAME=` a setting in JSON,
and `net:PORT=` the port it is joined to; an outer port is a label with `port=` and `pin=`. `read_gds_layout` reads
them.
"""

import datetime
import errno
import json
import math
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from photonics_core.atomic import write_atomically
from photonics_core.exchange_files import import_extra
from photonics_core.exchange_netlist import netlist_to_dict
from photonics_core.kernels.checks import check_kind, check_positive, is_concrete
from photonics_core.layout import Layout
from photonics_core.layout_cells import LAYER_NAMES, LayoutCell, Placed, leaf_key, placed_shape
from photonics_core.layout_outlines import guide_outline, polygon_area, shape_outline
from photonics_core.netlist import Netlist

#: Numbers of layers and data types of GDS by name: those of gdsfactory's generic process where it has them.
DEFAULT_LAYERS = MappingProxyType(
    {
        "core": (1, 0),
        "slab": (3, 0),
        "heater": (47, 0),
        "metal": (41, 0),
        "pad": (49, 0),
        "port": (1, 10),
        "label": (66, 0),
        "outline": (64, 0),
    }
)
#: Highest number of a layer or data type, vertices of a polygon in a file, and the time that files bear.
HIGHEST, MOST_POINTS = 65535, 4000
#: Letters of a property, of which GDS takes 126 bytes, and properties of a reference. A longer line goes on in
#: properties that start with `GOES_ON`.
PLAIN_LETTERS, ANY_LETTERS, MOST_LINES = 120, 30, 10_000
GOES_ON = "+"
TIME_STAMP = datetime.datetime(2000, 1, 1)
_CELL_NAME = re.compile(r"[A-Za-z0-9_?$]{1,64}")
#: How deep in um the mark of a port is drawn into its cell.
_PORT_DEPTH = 0.2


@dataclass(frozen=True)
class LayerMap:
    """Layer and data type in GDS of each layer of `LAYER_NAMES`.

    Args:
        layers: (layer, data type) by name; those that are not given are as in `DEFAULT_LAYERS`.

    Raises:
        ValueError: for an unknown name, or a number that is not whole or outside 0 to 65535.
    """

    layers: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, pair in self.layers.items():
            if name not in LAYER_NAMES:
                raise ValueError(f"layer map: {name!r} is not one of {', '.join(map(repr, LAYER_NAMES))}")
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise ValueError(f"layer map: {name!r} = {pair!r} is not (layer, data type)")
            for number in pair:
                if type(number) is not int or not 0 <= number <= HIGHEST:
                    raise ValueError(f"layer map: {name!r} = {number!r} is no whole number from 0 to {HIGHEST}")
        object.__setattr__(self, "layers", {name: tuple(pair) for name, pair in self.layers.items()})

    def of(self, name: str) -> tuple[int, int]:
        """Layer and data type of a name."""
        return self.layers.get(name, DEFAULT_LAYERS[name])


def escaped(port: str) -> str:
    """The name of a port as it stands before the `=` of a property."""
    return port.replace("%", "%25").replace("=", "%3D")


#: The layers of `DEFAULT_LAYERS`.
PLAIN_LAYERS = LayerMap()


def write_gds(
    path: str | os.PathLike[str],
    layout: Layout,
    layers: LayerMap = PLAIN_LAYERS,
    *,
    chord_error: float = 1e-3,
    grid: float = 1e-3,
    name: str = "TOP",
) -> None:
    """Write a layout as GDS, whole or not at all, the same bytes for the same layout.

    Args:
        path: the file.
        layout: what to write.
        layers: numbers of the layers.
        chord_error: largest distance in um of polygons from the curves that they stand for, beside the grid.
        grid: in um, on which all vertices lie.
        name: of the top cell.

    Raises:
        ValueError: for a layout with traced numbers or out of reach of GDS, a setting that is no plain value or too
            long for a property, a name that is none of GDS, or as `guide_outline`.
        ImportError: without gdstk.
        OSError: if the file cannot be written.
    """
    library = gds_library(layout, layers, chord_error=chord_error, grid=grid, name=name)
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(folder)!r}", str(path))

    def write(temporary: Path) -> None:
        with warnings.catch_warnings():
            # Of properties of more than 128 bytes in all, which readers of today take.
            warnings.filterwarnings("ignore", "Saved file uses unofficially supported", RuntimeWarning)
            library.write_gds(temporary, max_points=MOST_POINTS, timestamp=TIME_STAMP)

    write_atomically(path, write)


def gds_library(
    layout: Layout,
    layers: LayerMap = PLAIN_LAYERS,
    *,
    chord_error: float = 1e-3,
    grid: float = 1e-3,
    name: str = "TOP",
) -> Any:
    """The `gdstk.Library` that `write_gds` writes; arguments as there."""
    check_kind("layout", layout, Layout)
    check_kind("layers", layers, LayerMap)
    check_positive("grid", grid, "um")
    if not isinstance(name, str) or not _CELL_NAME.fullmatch(name):
        raise ValueError(f"name = {name!r} of the top cell is not of 1 to 64 letters, digits, _, ? and $")
    if not is_concrete(*jax.tree.leaves(layout)):
        raise ValueError("layout has traced numbers; a file needs those that the host can read")
    gdstk = import_extra("gdstk", "layout")
    return _Draughtsman(gdstk, layout, layers, chord_error, grid).library(name)


class _Draughtsman:
    """Makes the library of one layout."""

    def __init__(self, gdstk: Any, layout: Layout, layers: LayerMap, chord_error: float, grid: float) -> None:
        self.gdstk, self.layout, self.layers = gdstk, layout, layers
        self.chord_error, self.grid = chord_error, grid
        netlist = layout.netlist()
        self.partners = _partners(netlist)
        self.settings = {k: v["settings"] for k, v in netlist_to_dict(netlist)["instances"].items()}
        self.cells: dict[Any, Any] = {}
        self.numbers: dict[str, int] = {}

    def library(self, name: str) -> Any:
        library = self.gdstk.Library("photonics_core", unit=1e-6, precision=1e-6 * self.grid)
        self.numbers[name] = 1
        top = self.gdstk.Cell(name)
        for instance, placed in self.layout.cells.items():
            top.add(self._reference(instance, placed))
        for route in self.layout.routes:
            top.add(*self._route_references(route))
        for number, instance in enumerate(self.layout.crossing_names()):
            top.add(self._crossing_reference(number, instance))
        for port, pin in self.layout.ports:
            pose = self.layout.port(pin)
            label = self._label(port, pose.x, pose.y, "label")
            label.set_gds_property(1, f"port={port}")
            label.set_gds_property(2, f"pin={pin}")
            top.add(label)
        left, bottom, right, top_edge = (float(each) for each in self.layout.bounding_box())
        corners = np.array([[left, bottom], [right, bottom], [right, top_edge], [left, top_edge]])
        top.add(self._polygon(corners, "outline"))
        library.add(*self.cells.values(), top)
        return library

    def _reference(self, instance: str, placed: Placed) -> Any:
        turns = float(np.asarray(placed.angle)) / (0.5 * math.pi)
        quarter = round(turns)
        x, y, angle = (float(np.asarray(each)) for each in placed.pose)
        cell = placed.cell
        # Settings that do not show make no other cell.
        key = cell.component, leaf_key((cell.drawn, cell.ports))
        if abs(turns - quarter) < 1e-9:
            drawn = self._cell(key, cell.component, cell, 0.0)
            rotation = 0.5 * math.pi * (quarter % 4)
        else:
            drawn = self._cell((key, angle), cell.component, cell, angle)
            rotation = 0.0
        reference = self.gdstk.Reference(drawn, self._snapped(x, y), rotation)
        return self._described(reference, instance, cell.component)

    def _cell(self, key: Any, component: str, cell: LayoutCell, angle: float) -> Any:
        """The GDS cell of a component, made once."""
        if key in self.cells:
            return self.cells[key]
        drawn = self.gdstk.Cell(self._name(component))
        turned = Placed(cell, 0.0, 0.0, angle)
        for each in cell.drawn:
            outline = shape_outline(placed_shape(turned.pose, each.shape), self.chord_error)
            drawn.add(self._polygon(outline, each.layer))
        for name, port in cell.ports.items():
            x, y, heading = (float(each) for each in turned.port(name))
            width = float(np.asarray(port.width))
            drawn.add(self._polygon(_port_mark(x, y, heading, width), "port"))
            label = self._label(name, x, y, "port")
            label.set_gds_property(1, f"heading={math.degrees(heading)!r}")
            label.set_gds_property(2, f"width={width!r}")
            drawn.add(label)
        self.cells[key] = drawn
        return drawn

    def _route_references(self, name: str) -> list[Any]:
        """The first part of a route has the whole of it drawn, others an empty cell."""
        route, path = self.layout.routes[name], self.layout.path(name)
        drawn = self.gdstk.Cell(self._name(f"{self.layout.route_component}_{name}"))
        drawn.add(self._polygon(guide_outline(path, route.width, self.chord_error), "core"))
        if route.slab_width is not None:
            drawn.add(self._polygon(guide_outline(path, route.slab_width, self.chord_error), "slab"))
        self.cells["route", name] = drawn
        references = []
        for number, part in enumerate(self.layout.parts(name)):
            if number:
                drawn = self.cells.setdefault("empty", self.gdstk.Cell(self._name("part")))
            references.append(self._described(self.gdstk.Reference(drawn), part, self.layout.route_component))
        return references

    def _crossing_reference(self, number: int, instance: str) -> Any:
        crossed = self.layout.crossed[number]
        segment, t = crossed.first_at
        points = self.layout.path(crossed.first).point(segment, np.array([t]))
        cell = self.cells.setdefault("crossing", self.gdstk.Cell(self._name(self.layout.crossing.component)))
        reference = self.gdstk.Reference(cell, self._snapped(float(points.x[0]), float(points.y[0])))
        return self._described(reference, instance, self.layout.crossing.component)

    def _described(self, reference: Any, instance: str, component: str) -> Any:
        lines = [f"instance={instance}", f"component={component}"]
        for name, value in self.settings.get(instance, {}).items():
            lines.append(f"set:{name}={json.dumps(value)}")
        lines += [f"net:{escaped(port)}={pin}" for port, pin in self.partners.get(instance, {}).items()]
        cut = _cut(lines)
        if len(cut) > MOST_LINES:
            raise ValueError(f"instance {instance!r}: its settings take {len(cut)} properties, more than {MOST_LINES}")
        for number, line in enumerate(cut, 1):
            reference.set_gds_property(number, line)
        return reference

    def _name(self, stem: str) -> str:
        """A name of a cell that no other has, of the characters that GDS admits."""
        plain = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in stem)[:48]
        self.numbers[plain] = self.numbers.get(plain, 0) + 1
        chosen = f"{plain}_{self.numbers[plain]}"
        # The name of the top cell is given, and may look like one of these.
        return self._name(stem) if chosen in self.numbers else chosen

    def _snapped(self, x: Any, y: Any) -> tuple[float, float]:
        return tuple(float(each) for each in self.grid * np.round(np.array([x, y], float) / self.grid))  # pyright: ignore

    def _polygon(self, corners: np.ndarray, layer: str) -> Any:
        number, datatype = self.layers.of(layer)
        whole = np.round(corners / self.grid)
        if np.max(np.abs(whole)) >= 2**31:
            raise ValueError(
                f"a vertex at {np.max(np.abs(corners)):g} um is out of reach of GDS on a grid of {self.grid} um"
            )
        kept = whole[np.any(whole != np.roll(whole, 1, axis=0), axis=1)]
        if kept.shape[0] < 3 or polygon_area(kept) == 0.0:
            raise ValueError(f"a shape in layer {layer!r} vanishes on a grid of {self.grid} um")
        return self.gdstk.Polygon(self.grid * kept, number, datatype)

    def _label(self, text: str, x: Any, y: Any, layer: str) -> Any:
        number, texttype = self.layers.of(layer)
        return self.gdstk.Label(text, self._snapped(x, y), layer=number, texttype=texttype)


def _cut(lines: list[str]) -> list[str]:
    """Lines in parts that a property has room for."""
    parts = []
    for line in lines:
        room = PLAIN_LETTERS if line.isascii() else ANY_LETTERS
        parts.append(line[:room])
        parts += [GOES_ON + line[k : k + room] for k in range(room, len(line), room)]
    return parts


def _partners(netlist: Netlist) -> dict[str, dict[str, str]]:
    """The port that each port is joined to, by instance and port; each connection once, at its first port."""
    found: dict[str, dict[str, str]] = {}
    for one, other in netlist.connections:
        found.setdefault(one.instance, {})[one.port] = str(other)
    return found


def _port_mark(x: float, y: float, heading: float, width: float) -> np.ndarray:
    """A bar across the guide, just inside the cell."""
    along, across = np.array([np.cos(heading), np.sin(heading)]), np.array([-np.sin(heading), np.cos(heading)])
    middle, half = np.array([x, y]), 0.5 * width
    corners = ((-_PORT_DEPTH, -half), (0.0, -half), (0.0, half), (-_PORT_DEPTH, half))
    return np.stack([middle + a * along + b * across for a, b in corners])
